/* SPDX-License-Identifier: MIT */
#include "util/threads.h"

#include "io/os.h"
#include "unit.h"
#include <string.h>

enum { MAX_JOBS = 1000, MAX_WORKERS = 8 };

struct probe {
	uint8_t runs[MAX_JOBS]; /* written by the one worker that runs the job */
	size_t per_worker[MAX_WORKERS];
	size_t stop_at;
	unsigned job_ms;
	size_t n_ticks, last_done, cancel_tick;
};

static void sleep_ms(unsigned ms)
{
	uint64_t end = psc_os_monotonic_ms() + ms;
	while (psc_os_monotonic_ms() < end) {
	}
}

static bool job(void *arg, unsigned worker, size_t i)
{
	struct probe *p = arg;
	p->runs[i]++;
	p->per_worker[worker]++;
	if (p->job_ms)
		sleep_ms(p->job_ms);
	return i != p->stop_at;
}

static bool tick(void *arg, size_t n_done)
{
	struct probe *p = arg;
	p->n_ticks++;
	p->last_done = n_done;
	return p->n_ticks != p->cancel_tick;
}

START_TEST(every_job_runs_once)
{
	for (unsigned n_threads = 1; n_threads <= MAX_WORKERS; n_threads++) {
		struct probe p = {.stop_at = SIZE_MAX};
		struct psc_error err;
		ck_assert_int_eq(psc_run_jobs(n_threads, MAX_JOBS, job, tick, &p, &err), PSC_OK);
		size_t sum = 0;
		for (size_t i = 0; i < MAX_JOBS; i++)
			ck_assert_uint_eq(p.runs[i], 1);
		for (size_t i = 0; i < MAX_WORKERS; i++)
			sum += p.per_worker[i];
		ck_assert_uint_eq(sum, MAX_JOBS);
		ck_assert_uint_ge(p.n_ticks, 1);
		ck_assert_uint_eq(p.last_done, MAX_JOBS);
	}
}
END_TEST

START_TEST(no_tick_and_no_error_details)
{
	struct probe p = {.stop_at = SIZE_MAX};
	ck_assert_int_eq(psc_run_jobs(1, 10, job, NULL, &p, NULL), PSC_OK);
	ck_assert_int_eq(psc_run_jobs(3, 10, job, NULL, &p, NULL), PSC_OK);
	for (size_t i = 0; i < 10; i++)
		ck_assert_uint_eq(p.runs[i], 2);
}
END_TEST

START_TEST(no_jobs)
{
	struct probe p = {.stop_at = SIZE_MAX};
	ck_assert_int_eq(psc_run_jobs(4, 0, job, tick, &p, NULL), PSC_OK);
	ck_assert_uint_eq(p.last_done, 0);
	ck_assert_uint_eq(p.n_ticks, 1);
}
END_TEST

START_TEST(a_job_stops_the_run)
{
	for (unsigned n_threads = 1; n_threads <= 4; n_threads++) {
		struct probe p = {.stop_at = 20};
		struct psc_error err;
		ck_assert_int_eq(psc_run_jobs(n_threads, MAX_JOBS, job, NULL, &p, &err), PSC_E_CANCELLED);
		ck_assert_int_eq(err.status, PSC_E_CANCELLED);
		ck_assert_uint_eq(p.runs[20], 1);
		if (n_threads == 1)
			ck_assert_uint_eq(p.runs[21], 0);
	}
}
END_TEST

START_TEST(a_tick_stops_the_run)
{
	for (unsigned n_threads = 1; n_threads <= 3; n_threads++) {
		struct probe p = {.stop_at = SIZE_MAX, .job_ms = 20, .cancel_tick = 1};
		struct psc_error err;
		ck_assert_int_eq(psc_run_jobs(n_threads, MAX_JOBS, job, tick, &p, &err), PSC_E_CANCELLED);
		ck_assert_uint_eq(p.runs[MAX_JOBS - 1], 0);
		ck_assert_uint_eq(p.n_ticks, 1);
	}
	/* also the one at the end */
	for (unsigned n_threads = 1; n_threads <= 2; n_threads++) {
		struct probe p = {.stop_at = SIZE_MAX, .cancel_tick = 1};
		ck_assert_int_eq(psc_run_jobs(n_threads, 2, job, tick, &p, NULL), PSC_E_CANCELLED);
	}
}
END_TEST

START_TEST(ticks_come_while_jobs_run)
{
	for (unsigned n_threads = 1; n_threads <= 2; n_threads++) {
		struct probe p = {.stop_at = SIZE_MAX, .job_ms = 50};
		ck_assert_int_eq(psc_run_jobs(n_threads, 20, job, tick, &p, NULL), PSC_OK);
		ck_assert_uint_ge(p.n_ticks, 2);
	}
}
END_TEST

START_TEST(number_of_threads)
{
	ck_assert_uint_eq(psc_effective_threads(3, 100), 3);
	ck_assert_uint_eq(psc_effective_threads(3, 2), 2);
	ck_assert_uint_eq(psc_effective_threads(3, 0), 1);
	ck_assert_uint_eq(psc_effective_threads(1, 100), 1);
	ck_assert_uint_eq(psc_effective_threads(0, 1), 1);
	unsigned n = psc_effective_threads(0, 100000);
	ck_assert(n >= 1 && n <= 64);
	n = psc_effective_threads(UINT32_MAX, SIZE_MAX);
	ck_assert(n >= 64 && n <= 256);
}
END_TEST

START_TEST(system_layer)
{
	struct psc_os_mutex *m;
	struct psc_os_cond *c;
	ck_assert_uint_ge(psc_os_cpu_count(), 1);
	ck_assert_int_eq(psc_os_mutex_new(&m), 0);
	ck_assert_int_eq(psc_os_cond_new(&c), 0);
	uint64_t start = psc_os_monotonic_ms();
	psc_os_mutex_lock(m);
	/* a spurious wake-up may end one wait early, but not fifty */
	for (int i = 0; i < 50 && psc_os_monotonic_ms() - start < 30; i++)
		psc_os_cond_wait_ms(c, m, 10);
	psc_os_cond_wait_ms(c, m, 0);
	psc_os_mutex_unlock(m);
	psc_os_cond_broadcast(c);
	uint64_t took = psc_os_monotonic_ms() - start;
	ck_assert(took >= 30 && took < 20000);
	psc_os_cond_free(c);
	psc_os_mutex_free(m);
	psc_os_cond_free(NULL);
	psc_os_mutex_free(NULL);
}
END_TEST

UNIT_MAIN("threads", every_job_runs_once, no_tick_and_no_error_details, no_jobs, a_job_stops_the_run,
	  a_tick_stops_the_run, ticks_come_while_jobs_run, number_of_threads, system_layer)
