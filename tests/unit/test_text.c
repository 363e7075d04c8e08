/* SPDX-License-Identifier: MIT */
#include "util/text.h"

#include "unit.h"
#include <string.h>

static struct psc_arena arena = PSC_ARENA_INIT;

#define UTF16(s) psc_utf16le_to_utf8(&arena, (const uint8_t *)(s), sizeof(s) - 1)
#define UTF8(s)  psc_sanitize_utf8(&arena, s, sizeof(s) - 1)

START_TEST(utf16_plain)
{
	ck_assert_str_eq(UTF16("n\0t\0"), "nt");
	ck_assert_str_eq(UTF16(""), "");
	ck_assert_str_eq(psc_utf16le_to_utf8(&arena, NULL, 0), "");
	ck_assert_str_eq(UTF16("a\0b"), "a"); /* odd byte */
	ck_assert_str_eq(UTF16("a\0\0\0b\0"), "a");
	ck_assert_str_eq(UTF16("\xe9\0\x3c\x04\xac\x20"), "\xc3\xa9\xd0\xbc\xe2\x82\xac");
	ck_assert_str_eq(UTF16("\xff\xff\xff\x07\x00\x08"), "\xef\xbf\xbf\xdf\xbf\xe0\xa0\x80");
}
END_TEST

START_TEST(utf16_surrogates)
{
	ck_assert_str_eq(UTF16("\x3d\xd8\x00\xde"), "\xf0\x9f\x98\x80");
	ck_assert_str_eq(UTF16("\x00\xd8\x00\xdc\xff\xdb\xff\xdf"), "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
	ck_assert_str_eq(UTF16("\x3d\xd8x\0"), "\xef\xbf\xbdx");
	ck_assert_str_eq(UTF16("\x00\xdex\0"), "\xef\xbf\xbdx");
	ck_assert_str_eq(UTF16("\x3d\xd8"), "\xef\xbf\xbd");
	ck_assert_str_eq(UTF16("\x3d\xd8\x00"), "\xef\xbf\xbd");
	ck_assert_str_eq(UTF16("\x3d\xd8\x3d\xd8\x00\xde"), "\xef\xbf\xbd\xf0\x9f\x98\x80");
}
END_TEST

START_TEST(utf16_controls)
{
	ck_assert_str_eq(UTF16("a\0\x1b\0\n\0\x7f\0\x9b\0b\0"), "a????b");
	ck_assert_str_eq(UTF16("\x2e\x20\x28\x20\x67\x20"), "???");
	ck_assert_str_eq(UTF16(" \0~\0\xa0\0"), " ~\xc2\xa0");
}
END_TEST

START_TEST(utf16_absurd_length)
{
	uint8_t b = 0;
	ck_assert_ptr_null(psc_utf16le_to_utf8(&arena, &b, SIZE_MAX));
}
END_TEST

START_TEST(utf8_valid_is_kept)
{
	ck_assert_str_eq(UTF8("plain text"), "plain text");
	ck_assert_str_eq(UTF8("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	ck_assert_str_eq(UTF8("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"), "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf");
	ck_assert_str_eq(UTF8("ab\0cd"), "ab");
	ck_assert_str_eq(psc_sanitize_utf8(&arena, "abcd", 2), "ab");
	ck_assert_str_eq(psc_sanitize_utf8(&arena, "", 0), "");
}
END_TEST

START_TEST(utf8_invalid_becomes_question_marks)
{
	ck_assert_str_eq(UTF8("a\x80z"), "a?z");
	ck_assert_str_eq(UTF8("\xff\xfe"), "??");
	ck_assert_str_eq(UTF8("\xc0\xaf"), "??");           /* overlong */
	ck_assert_str_eq(UTF8("\xe0\x80\xaf"), "???");      /* overlong */
	ck_assert_str_eq(UTF8("\xf0\x8f\xbf\xbf"), "????"); /* overlong */
	ck_assert_str_eq(UTF8("\xed\xa0\x80"), "???");      /* surrogate */
	ck_assert_str_eq(UTF8("\xf4\x90\x80\x80"), "????"); /* above the last code point */
	ck_assert_str_eq(UTF8("\xf5\x80\x80\x80"), "????");
	ck_assert_str_eq(UTF8("\xe2\x82"), "??"); /* torn */
	ck_assert_str_eq(UTF8("\xe2x\x82"), "?x?");
	ck_assert_str_eq(psc_sanitize_utf8(&arena, "\xe2\x82\xac", 2), "??");
	ck_assert_str_eq(UTF8("a\tb\r\n\x1b[0m\x7f"), "a?b???[0m?");
	ck_assert_str_eq(UTF8("\xc2\x9b|\xe2\x80\xae|\xe2\x81\xa6|\xe2\x80\xa8"), "?|?|?|?");
}
END_TEST

static size_t format(char *buf, size_t cap, const char *fmt, ...) PSC_PRINTF(3, 4);
static size_t format(char *buf, size_t cap, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	size_t n = psc_vformat_line(buf, cap, fmt, ap);
	va_end(ap);
	return n;
}

START_TEST(format_line)
{
	char buf[8];
	ck_assert_uint_eq(format(buf, sizeof(buf), "%d\n%s", 12, "ab"), 5);
	ck_assert_str_eq(buf, "12?ab");
	ck_assert_uint_eq(format(buf, sizeof(buf), "%s", "123456789"), 7);
	ck_assert_str_eq(buf, "1234567");
	ck_assert_uint_eq(format(buf, sizeof(buf), "12345\xe2\x82\xac"), 5);
	ck_assert_str_eq(buf, "12345");
	ck_assert_uint_eq(format(buf, sizeof(buf), "1234\xe2\x82\xac"), 7);
	ck_assert_uint_eq(format(buf, 1, "abc"), 0);
	ck_assert_str_eq(buf, "");
}
END_TEST

START_TEST(trim)
{
	static const char *const whole[] = {"", "a", "\xc3\xa9", "a\xe2\x82\xac", "\xf0\x9f\x98\x80"};
	static const char *const torn[] = {"x\xc3", "x\xe2", "x\xe2\x82", "x\xf0", "x\xf0\x9f", "x\xf0\x9f\x98"};
	char buf[16];
	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++) {
		strcpy(buf, whole[i]);
		psc_utf8_trim(buf);
		ck_assert_str_eq(buf, whole[i]);
	}
	for (size_t i = 0; i < sizeof(torn) / sizeof(*torn); i++) {
		strcpy(buf, torn[i]);
		psc_utf8_trim(buf);
		ck_assert_str_eq(buf, "x");
	}
	strcpy(buf, "\x80\x80");
	psc_utf8_trim(buf);
	ck_assert_str_eq(buf, "\x80\x80");
}
END_TEST

START_TEST(base_name)
{
	ck_assert_str_eq(psc_base_name("\\SystemRoot\\system32\\ntoskrnl.exe"), "ntoskrnl.exe");
	ck_assert_str_eq(psc_base_name("C:\\a/b.sys"), "b.sys");
	ck_assert_str_eq(psc_base_name("/a\\b.sys"), "b.sys");
	ck_assert_str_eq(psc_base_name("b.sys"), "b.sys");
	ck_assert_str_eq(psc_base_name("a\\"), "");
	ck_assert_str_eq(psc_base_name(""), "");
}
END_TEST

START_TEST(names_of_modules)
{
	ck_assert(psc_name_matches("Nt*.EXE", "ntoskrnl.exe") && psc_name_matches("*", "") && !psc_name_matches("?", ""));
	ck_assert(psc_name_matches("a*b*c", "aXbYbZc") && !psc_name_matches("a*b*c", "aXbYbZcd"));
	ck_assert(!psc_name_matches("", "x") && !psc_name_matches("http", "http.sys"));
	/* File, file without its extension, debuggers' name. */
	ck_assert(psc_module_matches("NTOSKRNL.exe", "ntoskrnl.exe", "nt"));
	ck_assert(psc_module_matches("ntoskrnl", "ntoskrnl.exe", "nt") && psc_module_matches("nt", "ntoskrnl.exe", "nt"));
	ck_assert(!psc_module_matches("ntoskrn", "ntoskrnl.exe", "nt") && psc_module_matches("ntos*", "ntoskrnl.exe", "nt"));
	ck_assert(!psc_module_matches("a", "a.b.sys", NULL) && psc_module_matches("a.b", "a.b.sys", NULL));
	ck_assert(!psc_module_matches("*", NULL, NULL) && psc_module_matches("x", NULL, "x") && psc_module_matches("", ".sys", NULL));
}
END_TEST

START_TEST(done)
{
	psc_arena_deinit(&arena);
}
END_TEST

UNIT_MAIN("text", utf16_plain, utf16_surrogates, utf16_controls, utf16_absurd_length, utf8_valid_is_kept,
	  utf8_invalid_becomes_question_marks, format_line, trim, base_name,
	  names_of_modules, done)
