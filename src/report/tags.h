/* SPDX-License-Identifier: MIT */
/* The result behind psc_tags_run: rows joined from trackers and walk. */
#ifndef PSC_REPORT_TAGS_H
#define PSC_REPORT_TAGS_H

#include "pool/pool.h"
#include "report/tally.h"
#include "util/arena.h"
#include "util/log.h"

struct psc_tags {
	struct psc_arena arena;
	struct psc_warnings warnings;
	struct psc_tag_row *items;
	size_t n, cap;
	struct psc_tags_totals totals[PSC_POOL_MAX];
	struct psc_walk_coverage coverage[PSC_POOL_MAX];
	size_t n_coverage;
	struct psc_tracker_coverage trackers;
	struct psc_scan_coverage scan;
	bool has_scan;
	const struct psc_heap_row *heaps; /* arena */
	size_t n_heaps;
	struct psc_pool_keys keys;
	bool has_keys;
	double coverage_ratio;
	bool is_interrupted;
};

enum psc_status psc_tags_compute(struct psc_kernel *k, const struct psc_tags_options *opts, struct psc_tags **ret,
				 struct psc_error *reterr);

#endif
