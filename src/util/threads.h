/* SPDX-License-Identifier: MIT */
/* Run a numbered list of jobs on n threads and wait. No hidden pool: threads live only inside the call. */
#ifndef PSC_UTIL_THREADS_H
#define PSC_UTIL_THREADS_H

#include <poolscope/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Called once per job, from worker `worker` (0 .. n_threads - 1). Return false to stop handing out jobs. */
typedef bool psc_job_fn(void *arg, unsigned worker, size_t job);
/* Called on the calling thread, a few times a second and at the end, with the number of finished jobs. False cancels.
 */
typedef bool psc_jobs_tick_fn(void *arg, size_t n_done);

/* n_threads 0: as many as processors (at most 64); 1: everything runs on the calling thread, none is created.
 * tick may be NULL. Returns PSC_OK, PSC_E_CANCELLED (a job or tick returned false), PSC_E_OS. */
enum psc_status psc_run_jobs(unsigned n_threads, size_t n_jobs, psc_job_fn *job, psc_jobs_tick_fn *tick, void *arg,
			     struct psc_error *reterr);
unsigned psc_effective_threads(unsigned n_threads, size_t n_jobs);

#endif
