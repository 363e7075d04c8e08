/* SPDX-License-Identifier: MIT */
/* The progress line under a clock that the test turns. */
#include "progress_text.h"

#include "unit.h"
#include <string.h>

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

static char buf[PROGRESS_TEXT_BYTES];

START_TEST(rate_and_rest)
{
	struct progress_phase p = {.name = ""};
	progress_note(&p, "walk", 1000, 0);
	/* Too early for a rate. */
	ck_assert_str_eq(progress_text(&p, 2400, GIB, 4 * GIB, 120, buf),
			 "walk         [=======                       ]  25%  1.0 GiB of 4.0 GiB");
	/* 1 GiB in 2 seconds: 3 GiB take 6 more. */
	ck_assert_str_eq(
		progress_text(&p, 3000, GIB, 4 * GIB, 120, buf),
		"walk         [=======                       ]  25%  1.0 GiB of 4.0 GiB, 512.0 MiB/s, 0:06 left");
	/* A narrow terminal has a short bar. */
	ck_assert_str_eq(progress_text(&p, 3000, GIB, 4 * GIB, 80, buf),
			 "walk         [===         ]  25%  1.0 GiB of 4.0 GiB, 512.0 MiB/s, 0:06 left");
	/* Slowly: 64 MiB in 100 seconds, 4032 MiB are left. */
	ck_assert_str_eq(strstr(progress_text(&p, 101000, 64 * MIB, 4 * GIB, 120, buf), "64.0 MiB"),
			 "64.0 MiB of 4.0 GiB, 655.4 KiB/s, 1:45:00 left");
	/* The end: nothing is left. */
	ck_assert_str_eq(progress_text(&p, 9000, 4 * GIB, 4 * GIB, 80, buf),
			 "walk         [============] 100%  4.0 GiB of 4.0 GiB, 512.0 MiB/s");
	/* More than was announced is not more than all. */
	ck_assert_str_eq(progress_text(&p, 9000, 8 * GIB, 4 * GIB, 80, buf),
			 "walk         [============] 100%  8.0 GiB of 4.0 GiB, 1.0 GiB/s");
}
END_TEST

START_TEST(phases)
{
	struct progress_phase p = {.name = ""};
	progress_note(&p, "unpacking", 0, 0);
	progress_note(&p, "unpacking", 5000, 10 * MIB);
	/* The rate is that of the phase, not of what came before. */
	progress_note(&p, "walk", 10000, 2 * MIB);
	ck_assert_str_eq(progress_text(&p, 12000, 6 * MIB, 10 * MIB, 80, buf),
			 "walk         [=======     ]  60%  6.0 MiB of 10.0 MiB, 2.0 MiB/s, 0:02 left");
	/* So is a second dump of the same phase: it begins again. */
	progress_note(&p, "walk", 20000, 6 * MIB);
	progress_note(&p, "walk", 30000, 0);
	ck_assert_str_eq(progress_text(&p, 31000, MIB, 10 * MIB, 80, buf),
			 "walk         [=           ]  10%  1.0 MiB of 10.0 MiB");
	ck_assert_str_eq(progress_text(&p, 32000, MIB, 10 * MIB, 80, buf),
			 "walk         [=           ]  10%  1.0 MiB of 10.0 MiB, 512.0 KiB/s, 0:18 left");
	/* The size of what is unpacked is not always known. */
	progress_note(&p, "unpacking", 40000, 0);
	ck_assert_str_eq(progress_text(&p, 44000, 2 * MIB, 0, 80, buf), "unpacking    2.0 MiB, 512.0 KiB/s");
	/* Modules are counted. */
	progress_note(&p, "code", 50000, 0);
	ck_assert_str_eq(progress_text(&p, 52000, 40, 200, 120, buf),
			 "code         [======                        ]  20%  40 modules of 200 modules, 20 modules/s, "
			 "0:08 left");
}
END_TEST

START_TEST(fits)
{
	struct progress_phase p = {.name = ""};
	progress_note(&p, "walk", 0, 0);
	for (unsigned columns = 2; columns < 400; columns++) {
		progress_text(&p, 5000, GIB, 4 * GIB, columns, buf);
		ck_assert_uint_lt(strlen(buf), columns);
	}
	/* A width that is not known cuts nothing; no time, or a clock that stands still, divides by nothing. */
	ck_assert_uint_gt(strlen(progress_text(&p, 5000, GIB, 4 * GIB, 0, buf)), 60);
	progress_text(&p, 0, 0, UINT64_MAX, 80, buf);
	progress_text(&p, UINT64_MAX, UINT64_MAX, UINT64_MAX, 80, buf);
	progress_text(&p, 2000, 1, UINT64_MAX, 120, buf);
	ck_assert(strstr(buf, "left") == NULL); /* longer than anybody waits */
	memset(&p, 0, sizeof(p));
	progress_note(&p, "a phase with a name that is much longer than any", 0, 0);
	ck_assert_uint_eq(strlen(p.name), sizeof(p.name) - 1);
}
END_TEST

UNIT_MAIN("progress", rate_and_rest, phases, fits)
