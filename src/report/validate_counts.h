/* SPDX-License-Identifier: MIT */
/* Counters of tags against the blocks that were walked. */
#ifndef PSC_REPORT_VALIDATE_COUNTS_H
#define PSC_REPORT_VALIDATE_COUNTS_H

#include "report/tally.h"

/* bytes: of what the tag holds, else its blocks. */
typedef void psc_count_defect_fn(void *arg, uint32_t tag, enum psc_pool pool, bool bytes, uint64_t walked,
				 uint64_t counted);

struct psc_counts_walked {
	const struct psc_walk_result *result;
	struct psc_tally tally;
	bool has_special;                 /* blocks that may be charged with other than they hold */
	uint64_t big_bytes[PSC_POOL_MAX]; /* pages of big allocations, resident or not */
};

/* found gets what cannot be explained; what may be is one warning a pool. Nothing is compared where the walk or the
 * trackers lack a part. */
void psc_counts_check(const struct psc_trackers *t, const struct psc_counts_walked *walked,
		      struct psc_warnings *warnings, psc_count_defect_fn *found, void *arg);

#endif
