/* SPDX-License-Identifier: MIT */
#include "util/log.h"

#include "unit.h"
#include <string.h>

static char last_line[1024];
static enum psc_log_level last_level;

static void keep_line(void *arg, enum psc_log_level level, const char *text)
{
	++*(int *)arg;
	last_level = level;
	strcpy(last_line, text);
}

START_TEST(log_formats_one_line)
{
	int n = 0;
	struct psc_log log = {keep_line, &n};
	psc_logf(&log, PSC_LOG_WARNING, "page %d of\n%s", 7, "x");
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(last_level, PSC_LOG_WARNING);
	ck_assert_str_eq(last_line, "page 7 of?x");
	psc_logf(&log, PSC_LOG_DEBUG, "%2000d", 1);
	ck_assert_int_eq(n, 2);
	ck_assert_uint_eq(strlen(last_line), 511);
	struct psc_log silent = {NULL, NULL};
	psc_logf(&silent, PSC_LOG_INFO, "x");
	psc_logf(NULL, PSC_LOG_INFO, "x");
	ck_assert_int_eq(n, 2);
}
END_TEST

START_TEST(warnings_are_kept_once)
{
	struct psc_arena a = PSC_ARENA_INIT;
	struct psc_warnings w = {&a, NULL, 0, 0, 0};
	psc_warn(&w, "run %d is cut", 1);
	psc_warn(&w, "run %d is cut", 2);
	psc_warn(&w, "run %d is cut", 1);
	psc_warn(NULL, "nobody listens");
	ck_assert_uint_eq(w.n, 2);
	ck_assert_str_eq(w.items[0], "run 1 is cut");
	ck_assert_str_eq(w.items[1], "run 2 is cut");
	ck_assert_uint_eq(w.n_dropped, 0);
	psc_warnings_deinit(&w);
	ck_assert_uint_eq(w.n, 0);
	psc_warnings_deinit(&w);
	psc_arena_deinit(&a);
}
END_TEST

START_TEST(the_last_warning_counts_the_rest)
{
	struct psc_arena a = PSC_ARENA_INIT;
	struct psc_warnings w = {&a, NULL, 0, 0, 0};
	for (int i = 0; i < PSC_WARNINGS_MAX; i++)
		psc_warn(&w, "line %d", i);
	ck_assert_uint_eq(w.n, PSC_WARNINGS_MAX);
	ck_assert_str_eq(w.items[PSC_WARNINGS_MAX - 1], "line 63");
	ck_assert_uint_eq(w.n_dropped, 0);
	psc_warn(&w, "line 64");
	ck_assert_uint_eq(w.n, PSC_WARNINGS_MAX);
	ck_assert_str_eq(w.items[PSC_WARNINGS_MAX - 2], "line 62");
	ck_assert_str_eq(w.items[PSC_WARNINGS_MAX - 1], "and 2 more warnings");
	ck_assert_uint_eq(w.n_dropped, 2);
	size_t used = a.used_bytes;
	for (int i = 65; i < 1000; i++)
		psc_warn(&w, "line %d", i);
	ck_assert_str_eq(w.items[PSC_WARNINGS_MAX - 1], "and 937 more warnings");
	ck_assert_uint_eq(w.n_dropped, 937);
	ck_assert_uint_eq(a.used_bytes, used);
	psc_warn(&w, "line 0");
	ck_assert_uint_eq(w.n_dropped, 937);
	psc_warnings_deinit(&w);
	psc_arena_deinit(&a);
}
END_TEST

struct seen {
	int n, stop_at;
	uint64_t last_done;
};

static int see(void *arg, const char *phase, uint64_t done, uint64_t total)
{
	struct seen *s = arg;
	ck_assert_str_eq(phase, "walking");
	ck_assert(total == 0 || done <= total);
	s->last_done = done;
	return ++s->n == s->stop_at;
}

START_TEST(progress_is_rate_limited)
{
	struct seen s = {0, 0, 0};
	struct psc_progress p = {see, &s, "walking", (uint64_t)1 << 30, 0};
	for (uint64_t done = 0; done <= p.total; done += 4096)
		ck_assert(psc_progress_report(&p, done));
	ck_assert_int_eq(s.n, 256);
	ck_assert(s.last_done == p.total);
	ck_assert(psc_progress_report(&p, p.total));
	ck_assert_int_eq(s.n, 256);
}
END_TEST

START_TEST(progress_reports_the_end_of_a_short_phase)
{
	struct seen s = {0, 0, 0};
	struct psc_progress p = {see, &s, "walking", 10, 0};
	ck_assert(psc_progress_report(&p, 5));
	ck_assert_int_eq(s.n, 0);
	ck_assert(psc_progress_report(&p, 10));
	ck_assert_int_eq(s.n, 1);
	/* counting anew is a new phase */
	ck_assert(psc_progress_report(&p, 3));
	ck_assert(psc_progress_report(&p, 10));
	ck_assert_int_eq(s.n, 2);
}
END_TEST

START_TEST(progress_without_total)
{
	struct seen s = {0, 0, 0};
	struct psc_progress p = {see, &s, "walking", 0, 0};
	for (uint64_t done = 0; done <= 40 << 20; done += 1 << 20)
		ck_assert(psc_progress_report(&p, done));
	ck_assert_int_eq(s.n, 10);
}
END_TEST

START_TEST(progress_cancels)
{
	struct seen s = {0, 2, 0};
	struct psc_progress p = {see, &s, "walking", 0, 0};
	ck_assert(psc_progress_report(&p, 4 << 20));
	ck_assert(!psc_progress_report(&p, 8 << 20));
	ck_assert(psc_progress_report(NULL, 1));
	p.fn = NULL;
	ck_assert(psc_progress_report(&p, 100 << 20));
}
END_TEST

UNIT_MAIN("log", log_formats_one_line, warnings_are_kept_once, the_last_warning_counts_the_rest,
	  progress_is_rate_limited, progress_reports_the_end_of_a_short_phase, progress_without_total, progress_cancels)
