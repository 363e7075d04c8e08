/* SPDX-License-Identifier: MIT */
#include "util/threads.h"

#include "util/error.h"
/* util stands below io; os.h is the one exception: it is the system layer under both and knows nothing of sources. */
#include "io/os.h"
#include <stdlib.h>

#define MAX_AUTO_THREADS 64
#define MAX_THREADS      256 /* what a typing error may ask for at most */
#define TICK_MS          200

struct run {
	psc_job_fn *job;
	void *arg;
	struct psc_os_mutex *mutex; /* guards everything below */
	struct psc_os_cond *finished;
	size_t next, n_jobs, n_done;
	unsigned n_running;
	bool stop;
};

struct worker {
	struct run *run;
	unsigned index;
	struct psc_os_thread *thread;
};

unsigned psc_effective_threads(unsigned n_threads, size_t n_jobs)
{
	unsigned n = n_threads;
	if (n == 0) {
		n = psc_os_cpu_count();
		if (n > MAX_AUTO_THREADS)
			n = MAX_AUTO_THREADS;
	}
	if (n > MAX_THREADS)
		n = MAX_THREADS;
	if (n > n_jobs)
		n = (unsigned)n_jobs;
	return n ? n : 1;
}

static enum psc_status fail_cancelled(struct psc_error *reterr)
{
	return psc_fail(reterr, PSC_E_CANCELLED, PSC_WHERE_NONE, 0, "cancelled");
}

static enum psc_status run_inline(size_t n_jobs, psc_job_fn *job, psc_jobs_tick_fn *tick, void *arg,
				  struct psc_error *reterr)
{
	uint64_t last_ms = tick ? psc_os_monotonic_ms() : 0;
	for (size_t i = 0; i < n_jobs; i++) {
		if (!job(arg, 0, i))
			return fail_cancelled(reterr);
		if (!tick || i + 1 == n_jobs)
			continue;
		uint64_t now_ms = psc_os_monotonic_ms();
		if (now_ms - last_ms < TICK_MS)
			continue;
		last_ms = now_ms;
		if (!tick(arg, i + 1))
			return fail_cancelled(reterr);
	}
	return tick && !tick(arg, n_jobs) ? fail_cancelled(reterr) : PSC_OK;
}

static void work(void *arg)
{
	const struct worker *w = arg;
	struct run *run = w->run;
	psc_os_mutex_lock(run->mutex);
	while (!run->stop && run->next < run->n_jobs) {
		size_t i = run->next++;
		psc_os_mutex_unlock(run->mutex);
		bool go_on = run->job(run->arg, w->index, i);
		psc_os_mutex_lock(run->mutex);
		if (go_on)
			run->n_done++;
		else
			run->stop = true;
	}
	run->n_running--;
	psc_os_cond_broadcast(run->finished);
	psc_os_mutex_unlock(run->mutex);
}

/* Tick until every worker has left its loop. */
static void coordinate(struct run *run, psc_jobs_tick_fn *tick)
{
	uint64_t last_ms = psc_os_monotonic_ms();
	psc_os_mutex_lock(run->mutex);
	while (run->n_running > 0) {
		psc_os_cond_wait_ms(run->finished, run->mutex, TICK_MS);
		uint64_t now_ms = psc_os_monotonic_ms();
		if (!tick || run->stop || run->n_running == 0 || now_ms - last_ms < TICK_MS)
			continue;
		last_ms = now_ms;
		size_t n_done = run->n_done;
		psc_os_mutex_unlock(run->mutex);
		bool go_on = tick(run->arg, n_done);
		psc_os_mutex_lock(run->mutex);
		if (!go_on)
			run->stop = true;
	}
	psc_os_mutex_unlock(run->mutex);
}

enum psc_status psc_run_jobs(unsigned n_threads, size_t n_jobs, psc_job_fn *job, psc_jobs_tick_fn *tick, void *arg,
			     struct psc_error *reterr)
{
	unsigned n = psc_effective_threads(n_threads, n_jobs);
	if (n == 1)
		return run_inline(n_jobs, job, tick, arg, reterr);

	struct run run = {job, arg, NULL, NULL, 0, n_jobs, 0, n, false};
	enum psc_status r = PSC_OK;
	unsigned n_started = 0;
	struct worker *workers = calloc(n, sizeof(*workers));
	if (!workers) {
		r = psc_fail_no_memory(reterr);
		goto out;
	}
	int e = psc_os_mutex_new(&run.mutex);
	if (e == 0)
		e = psc_os_cond_new(&run.finished);
	if (e != 0) {
		r = psc_fail_os(reterr, e, "cannot start worker threads");
		goto out;
	}
	for (; n_started < n; n_started++) {
		struct worker *w = &workers[n_started];
		w->run = &run;
		w->index = n_started;
		e = psc_os_thread_start(work, w, &w->thread);
		if (e != 0)
			break;
	}
	if (n_started < n) {
		/* Fewer threads than asked for do the same work; where none can be had, this one does it. */
		psc_os_mutex_lock(run.mutex);
		run.n_running -= n - n_started;
		psc_os_mutex_unlock(run.mutex);
		if (n_started == 0) {
			r = run_inline(n_jobs, job, tick, arg, reterr);
			goto out;
		}
	}
	coordinate(&run, tick);
	for (unsigned i = 0; i < n_started; i++)
		psc_os_thread_join(workers[i].thread);
	if (run.stop || (tick && !tick(arg, run.n_done)))
		r = fail_cancelled(reterr);
out:
	psc_os_cond_free(run.finished);
	psc_os_mutex_free(run.mutex);
	free(workers);
	return r;
}
