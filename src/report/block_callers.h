/* SPDX-License-Identifier: MIT */
/* Live blocks as the walk of the pool finds them, summed by who is recorded to have allocated them. */
#ifndef PSC_REPORT_BLOCK_CALLERS_H
#define PSC_REPORT_BLOCK_CALLERS_H

#include "blame/stackdb.h"
#include "pool/pool.h"
#include <poolscope/callers.h>

/* What a record says of one live block; by the address of its data. */
struct psc_recorded_block {
	uint64_t caller, size_bytes;
	uint32_t tag;
	uint8_t source; /* enum psc_caller_source */
	bool is_inferred;
	bool is_met; /* by the walk */
};

/* Key of sums: a is the caller's address (source stackdb: the index of its trace; none: 0), b holds the tag without
 * its protected bit, pool << 32, source << 40. */
struct psc_block_sum {
	uint64_t live, live_bytes;
	bool is_inferred;
};

struct psc_block_callers {
	struct psc_hashmap sums;
	uint64_t matched;        /* blocks whose header holds the index of a trace, or what looks like one */
	uint64_t lost;           /* whose trace is not in the dump */
	uint64_t unmatched;      /* whose header holds a number there that is of no trace */
	bool db_is_proven;       /* the numbers are indices: sums of source stackdb hold */
	bool full;               /* more keys than the limit: the rest was not counted */
	uint64_t met, met_bytes; /* recorded blocks that the walk found */
	struct psc_walk_coverage coverage[2];
	double ratio;                  /* of the pool's pages, read */
	struct psc_scan_coverage scan; /* small dumps */
	bool is_scan;
};

struct psc_block_callers_options {
	struct psc_hashmap *recorded; /* va -> struct psc_recorded_block */
	const struct psc_stackdb *db;
	bool all_blocks; /* else only those that no record names and the database may; then bytes are usable ones, not
			    block bytes */
	uint32_t n_threads;
	psc_progress_fn *progress;
	void *progress_arg;
};

enum psc_status psc_block_callers_walk(struct psc_kernel *k, const struct psc_block_callers_options *opts,
				       struct psc_arena *arena, struct psc_warnings *warnings,
				       struct psc_block_callers *ret, struct psc_error *reterr);
void psc_block_callers_deinit(struct psc_block_callers *c);

#endif
