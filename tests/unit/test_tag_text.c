/* SPDX-License-Identifier: MIT */
#include <poolscope/tags.h>

#include "unit.h"
#include <string.h>

static bool match(const char *pattern, const char *tag)
{
	return psc_tag_pattern_match(pattern, (const uint8_t *)tag);
}

START_TEST(check_accepts)
{
	static const char *const good[] = {"Abc ", "????", "    ", "*", "**", "A*", "*bc*", "Abcde*", "a*b*c*d*e"};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		ck_assert_msg(psc_tag_pattern_check(good[i], NULL) == PSC_OK, "'%s'", good[i]);
	char stars[65];
	memset(stars, '*', 64);
	stars[64] = '\0';
	ck_assert_int_eq(psc_tag_pattern_check(stars, NULL), PSC_OK);
}
END_TEST

START_TEST(check_refuses)
{
	static const char *const bad[] = {"", "A", "Abc", "Abcde", "???", "?????"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct psc_error err = {0};
		ck_assert_int_eq(psc_tag_pattern_check(bad[i], &err), PSC_E_ARGUMENT);
		ck_assert_int_eq(err.status, PSC_E_ARGUMENT);
		ck_assert_ptr_nonnull(strstr(err.text, "four"));
		ck_assert_ptr_nonnull(strstr(err.text, bad[i]));
		ck_assert_ptr_null(strchr(err.text, '\n'));
	}
	char stars[66];
	memset(stars, '*', 65);
	stars[65] = '\0';
	ck_assert_int_eq(psc_tag_pattern_check(stars, NULL), PSC_E_ARGUMENT);
}
END_TEST

START_TEST(match_is_exact)
{
	ck_assert(match("Abc ", "Abc "));
	ck_assert(!match("Abc ", "abc "));
	ck_assert(!match("Abc ", "Abc\0"));
	ck_assert(!match("Abc ", "Abcd"));
	ck_assert(!match("NtFC", "NtfC"));
	ck_assert(!match("Abc", "Abc "));
	ck_assert(!match("Abc  ", "Abc "));
	ck_assert(!match("", "Abc "));
	ck_assert(match("\xe3\x81\x82!", "\xe3\x81\x82!"));
}
END_TEST

START_TEST(match_question_mark)
{
	ck_assert(match("????", "Abc "));
	ck_assert(match("A??d", "Abcd"));
	ck_assert(match("????", "\0\xff\n?"));
	ck_assert(!match("A??d", "Abce"));
	ck_assert(!match("???", "Abcd"));
	ck_assert(!match("?????", "Abcd"));
	ck_assert(match("???\x7f", "abc\x7f"));
}
END_TEST

START_TEST(match_star)
{
	static const char *const yes[] = {"*",       "**",    "****",          "A*",   "*d",  "*bc*",  "A*d",
					  "Ab*cd",   "*Abcd", "Abcd*",         "A**d", "*?*", "*????", "????*",
					  "?*?*?*?", "*b*",   "**A**b**c**d**"};
	static const char *const no[] = {"a*",     "*D",  "A*c", "*?????", "?????*", "*Abcde",
					 "Abcde*", "*e*", "d*A", "*bb*",   "A*b",    "*A*A*"};
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		ck_assert_msg(match(yes[i], "Abcd"), "'%s'", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		ck_assert_msg(!match(no[i], "Abcd"), "'%s'", no[i]);
	ck_assert(match("*ab", "aaab"));
	ck_assert(match("*aab", "aaab"));
	ck_assert(match("a*ab", "aaab"));
	ck_assert(match("*", "\0\0\0\0"));
	/* A star in the tag is a byte like any other. */
	ck_assert(match("A*", "A***"));
	ck_assert(!match("Abc?*?", "Abc*"));
}
END_TEST

/* The definition, for comparison. */
static bool slow_match(const char *p, const uint8_t *tag, size_t n)
{
	if (*p == '\0')
		return n == 0;
	if (*p == '*')
		return slow_match(p + 1, tag, n) || (n > 0 && slow_match(p, tag + 1, n - 1));
	return n > 0 && (*p == '?' || (uint8_t)*p == *tag) && slow_match(p + 1, tag + 1, n - 1);
}

START_TEST(match_every_short_pattern)
{
	static const char letters[] = "ab?*";
	static const char *const tags[] = {"aaaa", "aaab", "abab", "baab", "bbbb", "abca"};
	char p[7];
	for (unsigned n = 0; n <= 6; n++) {
		for (unsigned k = 0; k < 1u << (2 * n); k++) {
			for (unsigned i = 0; i < n; i++)
				p[i] = letters[k >> (2 * i) & 3];
			p[n] = '\0';
			for (size_t t = 0; t < sizeof(tags) / sizeof(*tags); t++)
				ck_assert_msg(match(p, tags[t]) == slow_match(p, (const uint8_t *)tags[t], 4),
					      "'%s' and '%s'", p, tags[t]);
		}
	}
}
END_TEST

START_TEST(match_pathological)
{
	/* Would take for ever with naive backtracking over a longer text; here it must just end. */
	char p[65];
	for (int i = 0; i < 64; i++)
		p[i] = i % 2 == 0 ? '*' : 'a';
	p[64] = '\0';
	for (int i = 0; i < 100000; i++)
		ck_assert(!match(p, "aaaa"));
	memset(p, '*', 64);
	ck_assert(match(p, "aaaa"));
	p[63] = 'b';
	ck_assert(!match(p, "aaaa"));
	ck_assert(match(p, "aaab"));
}
END_TEST

static const char *format(const char *tag)
{
	static char buf[17];
	memset(buf, 'x', sizeof(buf));
	ck_assert_ptr_eq(psc_tag_format((const uint8_t *)tag, buf), buf);
	ck_assert_ptr_nonnull(memchr(buf, '\0', sizeof(buf)));
	return buf;
}

START_TEST(format_text)
{
	ck_assert_str_eq(format("Abc "), "Abc ");
	ck_assert_str_eq(format("    "), "    ");
	ck_assert_str_eq(format("a\"b'"), "a\"b'");
	ck_assert_str_eq(format("~!@\x7f"), "~!@\\x7f");
	ck_assert_str_eq(format("A\\b\\"), "A\\\\b\\\\");
	ck_assert_str_eq(format("\0\0\0\0"), "\\x00\\x00\\x00\\x00");
	ck_assert_str_eq(format("Pro\xe3"), "Pro\\xe3");
	ck_assert_str_eq(format("\n\x1b[m"), "\\x0a\\x1b[m");
	ck_assert_str_eq(format("\xff\xfe\x80\x1f"), "\\xff\\xfe\\x80\\x1f");
}
END_TEST

/* No two tags print alike: reading the text back gives the tag. */
START_TEST(format_is_unambiguous)
{
	static const char hex[] = "0123456789abcdef";
	for (unsigned b = 0; b < 256; b++) {
		const uint8_t tag[4] = {'\\', (uint8_t)b, 'x', '4'};
		char buf[17];
		uint8_t back[4];
		const char *p = psc_tag_format(tag, buf);
		for (int i = 0; i < 4; i++) {
			if (*p != '\\') {
				back[i] = (uint8_t)*p++;
			} else if (p[1] == '\\') {
				back[i] = '\\';
				p += 2;
			} else {
				ck_assert_int_eq(p[1], 'x');
				back[i] = (uint8_t)((strchr(hex, p[2]) - hex) << 4 | (strchr(hex, p[3]) - hex));
				p += 4;
			}
		}
		ck_assert_int_eq(*p, '\0');
		ck_assert_mem_eq(back, tag, 4);
	}
}
END_TEST

UNIT_MAIN("tag_text", check_accepts, check_refuses, match_is_exact, match_question_mark, match_star,
	  match_every_short_pattern, match_pathological, format_text, format_is_unambiguous)
