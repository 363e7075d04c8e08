/* SPDX-License-Identifier: MIT */
/* The walk: one thread finds mapped runs, all parse pages. */
#ifndef PSC_POOL_WALK_INTERNAL_H
#define PSC_POOL_WALK_INTERNAL_H

#include "pool/internal.h"
#include "util/error.h"
#include "util/threads.h"

#define PSC_WALK_RUNS      32768u
#define PSC_WALK_RUN_BYTES ((uint64_t)4 << 20)
#define PSC_WALK_JOB_BYTES ((uint64_t)2 << 20)
#define PSC_WALK_BATCH     ((uint64_t)32 << 20) /* per thread */
#define PSC_FILTER_BITS    18

struct psc_walk_run {
	uint64_t va, size_bytes, pa; /* frames that the dump holds */
	uint16_t region;
	bool is_nx;
};

struct psc_seg; /* seg_heap.h */

/* A list of blocks of one job; only in address order. */
struct psc_walk_out;
struct psc_walk_order;

/* One per thread, allocated apart so that counters of different threads do not share cache lines. */
struct psc_walk_worker {
	struct psc_walk_coverage coverage[PSC_POOL_MAX];
	struct psc_page_blocks blocks;
	uint8_t scratch[PSC_PAGE_BYTES];
	void *ctx;
	struct psc_walk_out *out; /* of the running job */
	struct psc_defects defects;
	/* Special pool. Its records and guard pages rest on one source: believed where most pages agree. */
	struct psc_reader reader;
	uint64_t n_special;
	struct psc_defects special_records, special_guards;
};

struct psc_walk {
	struct psc_kernel *k;
	const struct psc_walk_options *opts;
	struct psc_pool_rules rules;
	struct psc_pool_regions regions;
	bool has_big;            /* the big-page table was read: what is outside of it is no multi-page allocation */
	struct psc_rangeset big; /* live big allocations, page-rounded */
	struct psc_cached_set cached;
	uint8_t *filter; /* of cached data addresses; NULL: none */
	bool has_cookie;
	uint64_t cookie;
	uint32_t n_indices[2]; /* as in struct psc_pool_descriptors; only for defects */

	struct psc_walk_run *runs;
	size_t n_runs;
	uint32_t *job_start; /* n_jobs + 1 */
	size_t n_jobs;
	uint64_t batch_bytes, job_bytes;
	uint64_t max_batch_bytes, max_job_bytes, max_run_bytes; /* the first per thread */
	struct psc_walk_order *order;                           /* NULL: blocks are given out as they are found */

	uint64_t n_absent_runs; /* not in memory: each took an entry of a page table that the dump holds */
	bool is_interrupted;    /* cancelled: jobs do nothing any more, loops end */
	struct psc_seg *seg;    /* NULL: classic */
	size_t seg_first;       /* segment of job 0 of the batch */

	struct psc_walk_worker **workers;
	unsigned n_workers;
	struct psc_walk_coverage coverage[PSC_POOL_MAX]; /* of the iterating thread */
	struct psc_defects defects;                      /* likewise */
};

static inline uint32_t psc_walk_filter_bit(uint64_t data_va)
{
	return (uint32_t)((data_va >> 3) * 0x9e3779b97f4a7c15u >> (64 - PSC_FILTER_BITS));
}

/* ---- giving out blocks (walk_order.c) ---- */
/* One small block, from a job. In address order jobs must be ascending pieces of the address space; blocks of one job
 * may come in any order. */
void psc_walk_emit(const struct psc_walk *w, struct psc_walk_worker *worker, const struct psc_block *b);
/* One big allocation, from the calling thread, before the first batch. */
void psc_walk_emit_big(const struct psc_walk *w, const struct psc_block *b);
/* Like psc_run_jobs; arg of job is w. In address order the blocks of the batch are given out before it returns. */
bool psc_walk_is_interrupted(struct psc_walk *w); /* on the calling thread; stays true */
typedef psc_job_fn psc_walk_job_fn;
enum psc_status psc_walk_run_batch(struct psc_walk *w, size_t n_jobs, psc_walk_job_fn *job, struct psc_error *reterr);
enum psc_status psc_walk_order_init(struct psc_walk *w, struct psc_error *reterr);
/* After the last batch: big allocations above it. */
enum psc_status psc_walk_order_finish(struct psc_walk *w, struct psc_error *reterr);
void psc_walk_order_deinit(struct psc_walk *w);
/* walk.c: psc_walk_emit_big for every live entry again. */
enum psc_status psc_walk_read_big_again(struct psc_walk *w, struct psc_error *reterr);

/* Fills billed and process of a block whose header, of this size, is at bytes with room bytes readable. */
void psc_walk_bill(const struct psc_walk *w, const struct psc_pool_header *h, const uint8_t *bytes, uint64_t size_bytes,
		   uint64_t room, struct psc_block *b);
/* Asked for defects, and this is one. */
bool psc_walk_is_misbilled(const struct psc_walk *w, const struct psc_pool_header *h, const struct psc_block *b);

/* walk_special.c: a page of special pool, or one that may be. false: it is none, and nothing was counted. */
bool psc_walk_special_page(const struct psc_walk *w, struct psc_walk_worker *worker,
			   const struct psc_pool_region *region, const uint8_t *page, uint64_t page_va, bool is_nx);
/* psc_job_fn; arg: struct psc_walk. */
bool psc_walk_job(void *arg, unsigned worker, size_t job);
void psc_walk_coverage_add(struct psc_walk_coverage *to, const struct psc_walk_coverage *from);

#endif
