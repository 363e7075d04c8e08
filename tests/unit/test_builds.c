/* SPDX-License-Identifier: MIT */
#include "symbols/builtin_tables.h"
#include "unit.h"
#include <string.h>

START_TEST(known_kernels)
{
	ck_assert_str_eq(psc_builds_lookup(PSC_MACHINE_X64, 0x0d8333e6, 0x1046000), "10.0.19041.804");
	ck_assert_str_eq(psc_builds_lookup(PSC_MACHINE_ARM64, 0x9fd2b56b, 0x143d000), "10.0.19041.804");
	ck_assert_str_eq(psc_builds_lookup(PSC_MACHINE_X64, 0x559f3c1a, 0x852000), "10.0.10240.16384");
	/* One file that came with two updates. */
	ck_assert_str_eq(psc_builds_lookup(PSC_MACHINE_X64, 0x7a5ef578, 0x1047000), "10.0.22621.1485");
}
END_TEST

START_TEST(nothing_is_guessed)
{
	ck_assert_ptr_null(psc_builds_lookup(PSC_MACHINE_ARM64, 0x0d8333e6, 0x1046000));
	ck_assert_ptr_null(psc_builds_lookup(PSC_MACHINE_X86, 0x0d8333e6, 0x1046000));
	ck_assert_ptr_null(psc_builds_lookup(PSC_MACHINE_UNKNOWN, 0x0d8333e6, 0x1046000));
	ck_assert_ptr_null(psc_builds_lookup(PSC_MACHINE_X64, 0x0d8333e7, 0x1046000));
	ck_assert_ptr_null(psc_builds_lookup(PSC_MACHINE_X64, 0x0d8333e6, 0x1047000));
	ck_assert_ptr_null(psc_builds_lookup(PSC_MACHINE_X64, 0x0d8333e6, 0x1046001));
	ck_assert_ptr_null(psc_builds_lookup(PSC_MACHINE_X64, 0, 0));
	ck_assert_ptr_null(psc_builds_lookup(PSC_MACHINE_X64, UINT32_MAX, UINT32_MAX));
}
END_TEST

START_TEST(every_row_is_found)
{
	ck_assert_uint_gt(psc_builtin_builds_n, 2000);
	for (size_t i = 0; i < psc_builtin_builds_n; i++) {
		const struct psc_builtin_build *b = &psc_builtin_builds[i];
		const char *v =
			psc_builds_lookup((enum psc_machine)b->machine, b->time_date_stamp, b->size_pages * 4096u);
		ck_assert_ptr_nonnull(v);
		ck_assert_str_eq(v, psc_builtin_texts + b->version);
		ck_assert_int_eq(strncmp(v, "10.0.", 5), 0);
	}
}
END_TEST

UNIT_MAIN("builds", known_kernels, nothing_is_guessed, every_row_is_found)
