/* SPDX-License-Identifier: MIT */
/* Tags as people type and read them: KD's patterns and an unambiguous printable form. */
#include "util/error.h"
#include <poolscope/tags.h>
#include <string.h>

enum psc_status psc_tag_pattern_check(const char *pattern, struct psc_error *reterr)
{
	size_t n = strlen(pattern);
	if (strchr(pattern, '*') != NULL) {
		if (n <= 64)
			return PSC_OK;
		return psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0, "tag pattern is longer than 64 characters");
	}
	if (n == 4)
		return PSC_OK;
	return psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0,
			"tag pattern '%.32s' has %u characters: a tag has exactly four, blanks count ('Abc '), or use "
			"'*' ('Abc*')",
			pattern, (unsigned)n);
}

bool psc_tag_pattern_match(const char *pattern, const uint8_t tag[4])
{
	/* Iterative glob: on a mismatch go back to the last star and let it take one byte more. */
	const char *star = NULL;
	size_t i = 0, star_i = 0;
	while (i < 4) {
		if (*pattern == '*') {
			star = pattern++;
			star_i = i;
		} else if (*pattern != '\0' && (*pattern == '?' || (uint8_t)*pattern == tag[i])) {
			pattern++;
			i++;
		} else if (star != NULL) {
			pattern = star + 1;
			i = ++star_i;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

char *psc_tag_format(const uint8_t tag[4], char *buf)
{
	static const char hex[] = "0123456789abcdef";
	char *p = buf;
	for (int i = 0; i < 4; i++) {
		if (tag[i] == '\\') {
			*p++ = '\\';
			*p++ = '\\';
		} else if (tag[i] >= 0x20 && tag[i] < 0x7f) {
			*p++ = (char)tag[i];
		} else {
			*p++ = '\\';
			*p++ = 'x';
			*p++ = hex[tag[i] >> 4];
			*p++ = hex[tag[i] & 15];
		}
	}
	*p = '\0';
	return buf;
}
