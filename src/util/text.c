/* SPDX-License-Identifier: MIT */
#include "util/text.h"

#include "util/bytes.h"
#include <stdio.h>
#include <string.h>

#define REPLACEMENT 0xfffdu

/* What would move a terminal's cursor, break a line or reorder it: C0, DEL, C1, line and paragraph separators, and the
 * bidirectional controls. */
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static size_t encode(uint32_t c, char out[4])
{
	if (is_control(c))
		c = '?';
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* The next character; 0 at the end or at a NUL. */
static uint32_t next_utf16(struct psc_cursor *c)
{
	if (psc_cursor_left(c) < 2)
		return 0;
	uint32_t u = psc_cursor_u16(c);
	if (u < 0xd800 || u > 0xdfff)
		return u;
	if (u > 0xdbff || psc_cursor_left(c) < 2)
		return REPLACEMENT;
	uint32_t low = psc_le16(c->pos);
	if (low < 0xdc00 || low > 0xdfff)
		return REPLACEMENT;
	psc_cursor_skip(c, 2);
	return 0x10000 + ((u - 0xd800) << 10 | (low - 0xdc00));
}

char *psc_utf16le_to_utf8(struct psc_arena *a, const uint8_t *bytes, size_t n_bytes)
{
	char buf[4];
	size_t n = 0;
	uint32_t ch;
	if (n_bytes > SIZE_MAX / 4)
		return NULL;
	struct psc_cursor c = psc_cursor_init(bytes, n_bytes);
	while ((ch = next_utf16(&c)) != 0)
		n += encode(ch, buf);
	char *text = psc_arena_alloc(a, n + 1);
	if (!text)
		return NULL;
	c = psc_cursor_init(bytes, n_bytes);
	n = 0;
	while ((ch = next_utf16(&c)) != 0) {
		size_t len = encode(ch, buf);
		for (size_t i = 0; i < len; i++)
			text[n++] = buf[i];
	}
	return text;
}

/* Length of the well-formed sequence at s (1 to 4) and its value, or 0. Rejects overlong forms, surrogates and what
 * lies above U+10FFFF (Unicode, table 3-7). */
static size_t decode(const unsigned char *s, size_t n, uint32_t *ret)
{
	static const uint32_t min_of_length[5] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len;
	uint32_t c = s[0];
	if (c < 0x80) {
		*ret = c;
		return 1;
	}
	if (c < 0xc2 || c > 0xf4)
		return 0;
	len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (n < len)
		return 0;
	c &= 0x7fu >> len;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	if (c < min_of_length[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return len;
}

/* Nothing grows: an invalid byte and a control character become one '?'. */
static size_t clean_in_place(char *text)
{
	size_t len = strlen(text), out = 0;
	for (size_t i = 0; i < len;) {
		uint32_t c = '?';
		size_t used = decode((const unsigned char *)text + i, len - i, &c);
		char buf[4];
		size_t n_buf = encode(c, buf);
		i += used ? used : 1;
		memcpy(text + out, buf, n_buf);
		out += n_buf;
	}
	text[out] = '\0';
	return out;
}

char *psc_sanitize_utf8(struct psc_arena *a, const char *bytes, size_t n)
{
	char *text = psc_arena_strndup(a, bytes, n);
	if (text)
		clean_in_place(text);
	return text;
}

void psc_utf8_trim(char *s)
{
	size_t n = strlen(s), lead = n;
	while (lead > 0 && n - lead < 3 && ((unsigned char)s[lead - 1] & 0xc0) == 0x80)
		lead--;
	if (lead == 0)
		return;
	unsigned char c = (unsigned char)s[lead - 1];
	size_t want = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
	if (want > n - lead + 1)
		s[lead - 1] = '\0';
}

size_t psc_vformat_line(char *buf, size_t cap, const char *fmt, va_list ap)
{
	int n = vsnprintf(buf, cap, fmt, ap);
	if (n < 0)
		buf[0] = '\0';
	else if ((size_t)n >= cap)
		psc_utf8_trim(buf);
	return clean_in_place(buf);
}

const char *psc_base_name(const char *path)
{
	const char *base = path;
	for (const char *p = path; *p; p++)
		if (*p == '\\' || *p == '/')
			base = p + 1;
	return base;
}

static unsigned char fold(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* The first n characters of name. */
static bool matches(const char *pattern, const char *name, size_t n)
{
	const char *end = name + n, *star = NULL, *retry = NULL;
	while (name < end) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = name;
		} else if (*pattern != '\0' && (fold(*pattern) == fold(*name) || *pattern == '?')) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star;
			name = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

bool psc_name_matches(const char *pattern, const char *name)
{
	return matches(pattern, name, strlen(name));
}

bool psc_module_matches(const char *pattern, const char *file, const char *name)
{
	if (name && psc_name_matches(pattern, name))
		return true;
	if (!file)
		return false;
	const char *dot = strrchr(file, '.');
	return psc_name_matches(pattern, file) || (dot && matches(pattern, file, (size_t)(dot - file)));
}
