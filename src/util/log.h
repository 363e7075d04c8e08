/* SPDX-License-Identifier: MIT */
/* The callbacks of the caller, and the list of warnings that travels with a result. */
#ifndef PSC_UTIL_LOG_H
#define PSC_UTIL_LOG_H

#include "util/arena.h"
#include <poolscope/dump.h>

struct psc_log {
	psc_log_fn *fn; /* may be NULL */
	void *arg;
};

void psc_logf(const struct psc_log *log, enum psc_log_level level, const char *fmt, ...) PSC_PRINTF(3, 4);

/* At most max_items are kept; the last one then says how many more there were. */
struct psc_warnings {
	struct psc_arena *arena; /* borrowed: owns the texts */
	const char **items;
	size_t n, cap;
	size_t n_dropped;
};
#define PSC_WARNINGS_MAX 64

/* Adds one line; duplicates of an earlier line are not added again. */
void psc_warn(struct psc_warnings *w, const char *fmt, ...) PSC_PRINTF(2, 3);
void psc_warnings_deinit(struct psc_warnings *w);

/* Progress with a rate limit: calls the callback at most once per step bytes. Not thread-safe: the coordinating thread
 * calls it. */
struct psc_progress {
	psc_progress_fn *fn;
	void *arg;
	const char *phase;
	uint64_t total, last_reported;
	const struct psc_cancel *cancel; /* may be NULL */
};
/* false when the caller asked to stop. */
bool psc_progress_report(struct psc_progress *p, uint64_t done);

#endif
