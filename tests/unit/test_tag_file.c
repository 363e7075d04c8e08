/* SPDX-License-Identifier: MIT */
#include <poolscope/tags.h>

#include "unit.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/poolscope-tag-file-XXXXXX";

static enum psc_status open_bytes(const void *bytes, size_t n, struct psc_tag_file **ret, struct psc_error *reterr)
{
	strcpy(path + sizeof(path) - 7, "XXXXXX");
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, n), (ssize_t)n);
	close(fd);
	enum psc_status st = psc_tag_file_open(path, ret, reterr);
	unlink(path);
	return st;
}

static struct psc_tag_file *open_text(const char *text)
{
	struct psc_tag_file *f = NULL;
	struct psc_error err;
	enum psc_status st = open_bytes(text, strlen(text), &f, &err);
	ck_assert_msg(st == PSC_OK, "%s", st == PSC_OK ? "" : err.text);
	return f;
}

static const char *lookup(const struct psc_tag_file *f, const char *tag)
{
	return psc_tag_file_lookup(f, (const uint8_t *)tag);
}

START_TEST(lines)
{
	struct psc_tag_file *f = open_text("rem a comment - with - dashes\r\n"
					   "\r\n"
					   "AadS - mydrv.sys - My driver\r\n"
					   "Abc  - abc.sys   - short, padded  \t\r\n"
					   "//Cmnt - no.sys - also a comment\r\n"
					   "Ntf0 -\tntfs.sys - tab after the dash\r\n"
					   "  Lead - lead.sys - blanks in front\n"
					   "Last - last.sys - no newline");
	ck_assert_str_eq(lookup(f, "AadS"), "mydrv.sys - My driver");
	ck_assert_str_eq(lookup(f, "Abc "), "abc.sys   - short, padded");
	ck_assert_str_eq(lookup(f, "Ntf0"), "ntfs.sys - tab after the dash");
	ck_assert_str_eq(lookup(f, "Lead"), "lead.sys - blanks in front");
	ck_assert_str_eq(lookup(f, "Last"), "last.sys - no newline");
	ck_assert_ptr_null(lookup(f, "aads"));
	ck_assert_ptr_null(lookup(f, "rem "));
	ck_assert_ptr_null(lookup(f, "Cmnt"));
	ck_assert_ptr_null(lookup(f, "//Cm"));
	psc_tag_file_close(f);
}
END_TEST

START_TEST(short_tags)
{
	struct psc_tag_file *f = open_text("A - one.sys - one letter\n"
					   "Ab - two.sys - two\n"
					   "Abc - three.sys - three\n"
					   "X-Y - dash.sys - a dash without blanks is part of the tag\n");
	ck_assert_str_eq(lookup(f, "A   "), "one.sys - one letter");
	ck_assert_str_eq(lookup(f, "Ab  "), "two.sys - two");
	ck_assert_str_eq(lookup(f, "Abc "), "three.sys - three");
	ck_assert_str_eq(lookup(f, "X-Y "), "dash.sys - a dash without blanks is part of the tag");
	ck_assert_ptr_null(lookup(f, "A\0\0\0"));
	psc_tag_file_close(f);
}
END_TEST

START_TEST(wildcards)
{
	struct psc_tag_file *f = open_text("Gl?? - first.sys - wild\n"
					   "Gl?5 - second.sys - wild too, later\n"
					   "Gla5 - exact.sys - exact, last\n"
					   "Ul* - star.sys - star\n");
	ck_assert_str_eq(lookup(f, "Gla5"), "exact.sys - exact, last");
	ck_assert_str_eq(lookup(f, "Glb5"), "first.sys - wild");
	ck_assert_str_eq(lookup(f, "Gl  "), "first.sys - wild");
	ck_assert_str_eq(lookup(f, "UlHT"), "star.sys - star");
	ck_assert_str_eq(lookup(f, "Ul  "), "star.sys - star");
	ck_assert_ptr_null(lookup(f, "gla5"));
	ck_assert_ptr_null(lookup(f, "Gxa5"));
	psc_tag_file_close(f);
}
END_TEST

START_TEST(duplicates)
{
	struct psc_tag_file *f = open_text("Same - first - wins\nOthr - x\nSame - second - loses\n");
	ck_assert_str_eq(lookup(f, "Same"), "first - wins");
	ck_assert_str_eq(lookup(f, "Othr"), "x");
	psc_tag_file_close(f);
}
END_TEST

START_TEST(many)
{
	/* Binary search over all of them. */
	static char text[3000 * 24];
	size_t n = 0;
	for (int i = 0; i < 3000; i++)
		n += (size_t)sprintf(text + n, "%04d - driver %d\n", i * 7 % 3000, i * 7 % 3000);
	struct psc_tag_file *f = open_text(text);
	for (int i = 0; i < 3000; i++) {
		char tag[8], want[24];
		sprintf(tag, "%04d", i);
		sprintf(want, "driver %d", i);
		ck_assert_str_eq(lookup(f, tag), want);
	}
	ck_assert_ptr_null(lookup(f, "3000"));
	ck_assert_ptr_null(lookup(f, "\0\0\0\0"));
	ck_assert_ptr_null(lookup(f, "\xff\xff\xff\xff"));
	psc_tag_file_close(f);
}
END_TEST

START_TEST(odd_bytes_are_cleaned)
{
	static const char text[] = "Abc  - evil\x1b[31m\x9b\0 - x\n"
				   "Utf8 - d\xc3\xa9j\xc3\xa0 - vu\n"
				   "\xff\xfe\x80\x81 - bytes\n";
	struct psc_tag_file *f = NULL;
	ck_assert_int_eq(open_bytes(text, sizeof(text) - 1, &f, NULL), PSC_OK);
	for (const char *p = lookup(f, "Abc "); *p != '\0'; p++)
		ck_assert((unsigned char)*p >= 0x20 && *p != 0x7f);
	ck_assert_str_eq(lookup(f, "Utf8"), "d\xc3\xa9j\xc3\xa0 - vu");
	ck_assert_str_eq(lookup(f, "\xff\xfe\x80\x81"), "bytes");
	psc_tag_file_close(f);
}
END_TEST

START_TEST(lines_that_are_no_entries)
{
	struct psc_tag_file *f = open_text("-\n - \n- -\nA -\nAbcd-driver\nAbcdefghi - tag too long\nAbcd driver\n"
					   "    \n\t\r\nGood - good.sys\n");
	ck_assert_str_eq(lookup(f, "Good"), "good.sys");
	ck_assert_ptr_null(lookup(f, "Abcd"));
	ck_assert_ptr_null(lookup(f, "    "));
	psc_tag_file_close(f);
}
END_TEST

START_TEST(no_entry_at_all)
{
	static const char *const texts[] = {"x", "hello\nworld\n", "rem Abc - x\n", "{\"json\": 1}\n", "\n\n\n"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct psc_tag_file *f = NULL;
		struct psc_error err = {0};
		ck_assert_int_eq(open_bytes(texts[i], strlen(texts[i]), &f, &err), PSC_E_FORMAT);
		ck_assert_ptr_null(f);
		ck_assert_ptr_nonnull(strstr(err.text, "pooltag.txt"));
	}
	struct psc_tag_file *f = NULL;
	ck_assert_int_ne(open_bytes("", 0, &f, NULL), PSC_OK);
	ck_assert_int_eq(psc_tag_file_open("/nonexistent/pooltag.txt", &f, NULL), PSC_E_OS);
	ck_assert_int_ne(psc_tag_file_open("/tmp", &f, NULL), PSC_OK);
	ck_assert_ptr_null(f);
	psc_tag_file_close(NULL);
}
END_TEST

START_TEST(garbage)
{
	/* Any bytes: no crash, and what comes out is printable. */
	static char bytes[4096];
	uint32_t x = 1;
	for (int round = 0; round < 200; round++) {
		size_t n = sizeof(bytes) - (size_t)round;
		for (size_t i = 0; i < n; i++) {
			static const char likely[] = "Ab ?*-\r\n\t\\ - ";
			x = x * 1664525 + 1013904223;
			bytes[i] = x >> 31 ? likely[x >> 8 & 7] : (char)(x >> 16);
		}
		struct psc_tag_file *f = NULL;
		enum psc_status st = open_bytes(bytes, n, &f, NULL);
		ck_assert(st == PSC_OK || st == PSC_E_FORMAT);
		if (st != PSC_OK)
			continue;
		const char *owner = lookup(f, "Abcd");
		for (; owner && *owner; owner++)
			ck_assert((unsigned char)*owner >= 0x20);
		psc_tag_file_close(f);
	}
}
END_TEST

START_TEST(too_large)
{
	struct psc_tag_file *f = NULL;
	struct psc_error err = {0};
	strcpy(path + sizeof(path) - 7, "XXXXXX");
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (16 << 20) + 1), 0);
	close(fd);
	ck_assert_int_eq(psc_tag_file_open(path, &f, &err), PSC_E_LIMIT);
	unlink(path);
}
END_TEST

UNIT_MAIN("tag_file", lines, short_tags, wildcards, duplicates, many, odd_bytes_are_cleaned, lines_that_are_no_entries,
	  no_entry_at_all, garbage, too_large)
