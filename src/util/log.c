/* SPDX-License-Identifier: MIT */
#include "util/log.h"

#include "util/cancel.h"
#include "util/text.h"
#include "util/vec.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 512
#define MORE_BYTES 48

#define MAX_PROGRESS_STEP ((uint64_t)4 << 20)
#define MIN_PROGRESS_STEP ((uint64_t)64 << 10)

void psc_logf(const struct psc_log *log, enum psc_log_level level, const char *fmt, ...)
{
	if (!log || !log->fn)
		return;
	char line[LINE_BYTES];
	va_list ap;
	va_start(ap, fmt);
	psc_vformat_line(line, sizeof(line), fmt, ap);
	va_end(ap);
	log->fn(log->arg, level, line);
}

/* The last item becomes a counter when a 65th line arrives; it is rewritten in place afterwards. */
static void count_dropped(struct psc_warnings *w)
{
	if (w->n == PSC_WARNINGS_MAX) {
		if (w->n_dropped == 0) {
			char *more = psc_arena_alloc(w->arena, MORE_BYTES);
			if (!more)
				return;
			w->items[w->n - 1] = more;
			w->n_dropped = 1; /* the line that stood there */
		}
		snprintf((char *)(uintptr_t)w->items[w->n - 1], MORE_BYTES, "and %" PRIu64 " more warnings",
			 (uint64_t)w->n_dropped + 1);
	}
	w->n_dropped++;
}

void psc_warn(struct psc_warnings *w, const char *fmt, ...)
{
	if (!w)
		return;
	char line[LINE_BYTES];
	va_list ap;
	va_start(ap, fmt);
	psc_vformat_line(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->items[i], line) == 0)
			return;
	if (w->n == PSC_WARNINGS_MAX) {
		count_dropped(w);
		return;
	}
	const char *text = PSC_VEC_RESERVE_ONE(w) ? psc_arena_strdup(w->arena, line) : NULL;
	if (text)
		w->items[w->n++] = text;
}

void psc_warnings_deinit(struct psc_warnings *w)
{
	free(w->items);
	w->items = NULL;
	w->n = w->cap = w->n_dropped = 0;
}

bool psc_progress_report(struct psc_progress *p, uint64_t done)
{
	if (p && psc_cancelled(p->cancel))
		return false;
	if (!p || !p->fn)
		return true;
	uint64_t step = MAX_PROGRESS_STEP;
	if (p->total && p->total / 256 < step)
		step = p->total / 256 > MIN_PROGRESS_STEP ? p->total / 256 : MIN_PROGRESS_STEP;
	bool at_end = p->total && done >= p->total && p->last_reported < p->total;
	if (done < p->last_reported) /* a new phase on the same object */
		p->last_reported = 0;
	if (!at_end && done - p->last_reported < step)
		return true;
	p->last_reported = done;
	return p->fn(p->arg, p->phase, done, p->total) == 0;
}
