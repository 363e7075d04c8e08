/* SPDX-License-Identifier: MIT */
/* Numbers as people type them. */
#include "cli.h"
#include <string.h>

bool parse_bytes(const char *text, size_t n, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i = 0;
	if (n > 2 && text[0] == '0' && (text[1] | 0x20) == 'x') /* as debuggers print sizes */
		return parse_address(text, n, ret);
	for (; i < n && text[i] >= '0' && text[i] <= '9'; i++) {
		unsigned digit = (unsigned)(text[i] - '0');
		if (v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (i == 0)
		return false;
	unsigned shift = 0;
	if (i < n) {
		switch (text[i] | 0x20) {
		case 'k':
			shift = 10;
			break;
		case 'm':
			shift = 20;
			break;
		case 'g':
			shift = 30;
			break;
		case 't':
			shift = 40;
			break;
		default:
			return false;
		}
		i++;
		/* KiB and KB mean the same to whoever types them here. */
		if (i < n && (text[i] | 0x20) == 'i')
			i++;
		if (i < n && (text[i] | 0x20) == 'b')
			i++;
	}
	if (i != n || v > UINT64_MAX >> shift)
		return false;
	*ret = v << shift;
	return true;
}

bool parse_address(const char *text, size_t n, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i = n > 2 && text[0] == '0' && (text[1] | 0x20) == 'x' ? 2 : 0;
	unsigned n_digits = 0;
	for (; i < n; i++) {
		char c = text[i];
		unsigned digit;
		if (c == '`') /* as debuggers write 64 bits */
			continue;
		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (unsigned)((c | 0x20) - 'a') + 10;
		else
			return false;
		if (++n_digits > 16)
			return false;
		v = v << 4 | digit;
	}
	if (n_digits == 0)
		return false;
	*ret = v;
	return true;
}

uint32_t parse_list(const char *text, const char *(*name)(unsigned i), unsigned n)
{
	uint32_t mask = 0;
	for (;;) {
		size_t len = strcspn(text, ",");
		unsigned i = 0;
		while (i < n && (strlen(name(i)) != len || strncmp(name(i), text, len) != 0))
			i++;
		if (i == n)
			return 0;
		mask |= 1u << i;
		if (text[len] == '\0')
			return mask;
		text += len + 1;
	}
}

static const char *pool_name(unsigned i)
{
	return psc_pool_name((enum psc_pool)i);
}

int parse_pools(const char *command, const char *text, uint32_t *ret)
{
	*ret = parse_list(text, pool_name, PSC_POOL_MAX);
	if (*ret == 0)
		return usage_error(command,
				   "--pool takes nonpaged, paged, session, or a list as in paged,session, not '%s'",
				   text);
	return -1;
}
