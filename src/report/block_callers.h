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

#define PSC_CALLER_SIZES_MAX 0x8000u

/* Key of sums, here and in callers: nothing proven is ever added to what is inferred. caller: its address; of sums of
 * blocks with source stackdb the index of its trace; none: 0. Its size is an index of struct psc_block_callers' sizes,
 * below PSC_CALLER_SIZES_MAX; 0: of any size. */
static inline struct psc_hashkey psc_caller_key(uint64_t caller, uint32_t tag, enum psc_pool pool,
						enum psc_caller_source source, bool is_inferred)
{
	struct psc_hashkey k = {caller, (uint64_t)(tag & ~PSC_TAG_PROTECTED) | (uint64_t)pool << 32 |
						(uint64_t)source << 40 | (uint64_t)is_inferred << 48};
	return k;
}
static inline uint32_t psc_caller_key_tag(const struct psc_hashkey *k)
{
	return (uint32_t)k->b;
}
static inline enum psc_pool psc_caller_key_pool(const struct psc_hashkey *k)
{
	return (enum psc_pool)(k->b >> 32 & 0xff);
}
static inline enum psc_caller_source psc_caller_key_source(const struct psc_hashkey *k)
{
	return (enum psc_caller_source)(k->b >> 40 & 0xff);
}
static inline bool psc_caller_key_is_inferred(const struct psc_hashkey *k)
{
	return (k->b >> 48 & 1) != 0;
}
static inline struct psc_hashkey psc_caller_key_of_size(struct psc_hashkey key, uint32_t size)
{
	key.b |= (uint64_t)size << 49;
	return key;
}
static inline uint32_t psc_caller_key_size(const struct psc_hashkey *k)
{
	return (uint32_t)(k->b >> 49);
}

struct psc_block_sum {
	uint64_t live, live_bytes;
};

struct psc_block_callers {
	struct psc_hashmap sums;
	struct {
		uint64_t *items; /* block bytes; the first is 0, of any size */
		size_t n, cap;
	} sizes;
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
	bool by_size;    /* with all_blocks: sums of one size each; of more sizes than fit, the last ones together */
	uint32_t n_threads;
	psc_progress_fn *progress;
	void *progress_arg;
};

enum psc_status psc_block_callers_walk(struct psc_kernel *k, const struct psc_block_callers_options *opts,
				       struct psc_arena *arena, struct psc_warnings *warnings,
				       struct psc_block_callers *ret, struct psc_error *reterr);
void psc_block_callers_deinit(struct psc_block_callers *c);

#endif
