/* SPDX-License-Identifier: MIT */
/* The frame of a unit test program: one Check suite and its main(). Needs Check 0.13 or later. */
#ifndef PSC_TESTS_UNIT_H
#define PSC_TESTS_UNIT_H

#include <check.h>
#include <stdlib.h>

/* UNIT_MAIN("arena", alloc_is_zeroed, strings) after the START_TESTs. Exits with 0 if all passed. */
#define UNIT_MAIN(suite_name, ...)                                                                                     \
	int main(void)                                                                                                 \
	{                                                                                                              \
		const TTest *unit_tests[] = {__VA_ARGS__};                                                             \
		TCase *unit_case = tcase_create(suite_name);                                                           \
		tcase_set_timeout(unit_case, 120);                                                                     \
		for (size_t i = 0; i < sizeof(unit_tests) / sizeof(*unit_tests); i++)                                  \
			tcase_add_test(unit_case, unit_tests[i]);                                                      \
		Suite *unit_suite = suite_create(suite_name);                                                          \
		suite_add_tcase(unit_suite, unit_case);                                                                \
		SRunner *unit_runner = srunner_create(unit_suite);                                                     \
		srunner_run_all(unit_runner, CK_ENV);                                                                  \
		int unit_failed = srunner_ntests_failed(unit_runner);                                                  \
		srunner_free(unit_runner);                                                                             \
		return unit_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;                                                 \
	}

#endif
