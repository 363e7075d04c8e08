/* SPDX-License-Identifier: MIT */
#include "util/error.h"

#include "unit.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

START_TEST(every_status_has_its_own_text)
{
	for (int i = PSC_OK; i <= PSC_E_NO_MEMORY; i++) {
		ck_assert_str_ne(psc_status_text((enum psc_status)i), "unknown status");
		for (int k = PSC_OK; k < i; k++)
			ck_assert_str_ne(psc_status_text((enum psc_status)i), psc_status_text((enum psc_status)k));
	}
	ck_assert_str_eq(psc_status_text((enum psc_status)(PSC_E_NO_MEMORY + 1)), "unknown status");
}
END_TEST

START_TEST(fail_fills_every_member)
{
	struct psc_error err;
	memset(&err, 0xff, sizeof(err));
	ck_assert_int_eq(
		psc_fail(&err, PSC_E_CORRUPT, PSC_WHERE_VA, 0xfffff800u, "bad %s of %" PRIu64, "size", UINT64_MAX),
		PSC_E_CORRUPT);
	ck_assert_int_eq(err.status, PSC_E_CORRUPT);
	ck_assert_int_eq(err.sys_errno, 0);
	ck_assert_int_eq(err.where, PSC_WHERE_VA);
	ck_assert(err.pos == 0xfffff800u);
	ck_assert_str_eq(err.text, "bad size of 18446744073709551615");
}
END_TEST

START_TEST(no_details_wanted)
{
	ck_assert_int_eq(psc_fail(NULL, PSC_E_LIMIT, PSC_WHERE_NONE, 0, "x"), PSC_E_LIMIT);
	ck_assert_int_eq(psc_fail_os(NULL, ENOENT, "x"), PSC_E_OS);
	ck_assert_int_eq(psc_fail_no_memory(NULL), PSC_E_NO_MEMORY);
	ck_assert_int_eq(psc_fail_prefix(NULL, PSC_E_FORMAT, "x"), PSC_E_FORMAT);
}
END_TEST

START_TEST(prefix_keeps_the_details)
{
	struct psc_error err;
	psc_fail(&err, PSC_E_TRUNCATED, PSC_WHERE_FILE_OFFSET, 4096, "header cut");
	ck_assert_int_eq(psc_fail_prefix(&err, PSC_E_TRUNCATED, "%s", "a.dmp"), PSC_E_TRUNCATED);
	ck_assert_str_eq(err.text, "a.dmp: header cut");
	ck_assert_int_eq(err.where, PSC_WHERE_FILE_OFFSET);
	ck_assert(err.pos == 4096);
	/* the arguments may be the old text itself */
	psc_fail_prefix(&err, PSC_E_TRUNCATED, "<%s>", err.text);
	ck_assert_str_eq(err.text, "<a.dmp: header cut>: a.dmp: header cut");
	psc_fail(&err, PSC_E_TRUNCATED, PSC_WHERE_NONE, 0, "(%s)", err.text);
	ck_assert_str_eq(err.text, "(<a.dmp: header cut>: a.dmp: header cut)");
}
END_TEST

START_TEST(long_texts_are_cut_between_characters)
{
	struct psc_error err;
	char text[512];
	for (size_t shift = 0; shift < 4; shift++) {
		memset(text, 'x', shift);
		text[shift] = '\0';
		while (strlen(text) < 400)
			strcat(text, "\xf0\x9f\x98\x80");
		psc_fail(&err, PSC_E_FORMAT, PSC_WHERE_NONE, 0, "%s", text);
		size_t n = strlen(err.text);
		ck_assert_uint_ge(n, sizeof(err.text) - 4);
		ck_assert_uint_lt(n, sizeof(err.text));
		ck_assert_uint_eq((n - shift) % 4, 0);
		ck_assert_mem_eq(err.text, text, n);
		psc_fail_prefix(&err, PSC_E_FORMAT, "outer");
		n = strlen(err.text);
		ck_assert_uint_ge(n, sizeof(err.text) - 4);
		ck_assert_uint_eq((n - shift - strlen("outer: ")) % 4, 0);
	}
}
END_TEST

START_TEST(an_error_is_one_line)
{
	struct psc_error err;
	psc_fail(&err, PSC_E_FORMAT, PSC_WHERE_NONE, 0, "a\nb\x1b[31m\x7f");
	ck_assert_str_eq(err.text, "a?b?[31m?");
}
END_TEST

START_TEST(os_reason_is_appended_and_survives_a_long_path)
{
	struct psc_error err;
	char path[600];
	ck_assert_int_eq(psc_fail_os(&err, ENOENT, "cannot open %s", "x"), PSC_E_OS);
	ck_assert_int_eq(err.status, PSC_E_OS);
	ck_assert_int_eq(err.sys_errno, ENOENT);
	ck_assert_int_eq(strncmp(err.text, "cannot open x: ", 15), 0);
	ck_assert_uint_gt(strlen(err.text), 15);
	char reason[sizeof(err.text)];
	strcpy(reason, err.text + 13);

	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	psc_fail_os(&err, ENOENT, "cannot open %s", path);
	ck_assert_uint_eq(strlen(err.text), sizeof(err.text) - 1);
	ck_assert_str_eq(err.text + strlen(err.text) - strlen(reason), reason);

	psc_fail_os(&err, 123456, "what");
	ck_assert_uint_gt(strlen(err.text), strlen("what: "));
}
END_TEST

START_TEST(no_memory)
{
	struct psc_error err;
	ck_assert_int_eq(psc_fail_no_memory(&err), PSC_E_NO_MEMORY);
	ck_assert_str_eq(err.text, "out of memory");
}
END_TEST

UNIT_MAIN("error", every_status_has_its_own_text, fail_fills_every_member, no_details_wanted, prefix_keeps_the_details,
	  long_texts_are_cut_between_characters, an_error_is_one_line, os_reason_is_appended_and_survives_a_long_path,
	  no_memory)
