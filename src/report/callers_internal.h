/* SPDX-License-Identifier: MIT */
/* What callers.c, caller_rows.c and caller_list.c share. */
#ifndef PSC_REPORT_CALLERS_INTERNAL_H
#define PSC_REPORT_CALLERS_INTERNAL_H

#include "blame/verifier.h"
#include "kernel/symbolize.h"
#include "report/block_callers.h"
#include "report/callers.h"

#define PSC_CALLER_POOL_UNKNOWN PSC_POOL_MAX

/* Sums of one psc_caller_key(). */
struct psc_caller_sum {
	uint64_t live, live_bytes, allocs, frees, alloc_bytes;
	const uint64_t *stack; /* in the arena */
	uint32_t n_stack;
	uint64_t stack_age; /* of its record + 1; 0 none */
	bool has_lifetime;
	uint64_t block_bytes; /* of a key with a size */
};

/* Live blocks of one tag that name one trace of the stack-trace database. */
struct psc_caller_trace {
	const uint64_t *frames; /* in the arena */
	uint32_t n_frames, index;
	uint64_t live, live_bytes;
	bool is_inferred;
};

/* How much of each source of records was read, 0..1; negative: nothing. */
struct psc_callers_read {
	double verifier, stacks, stackdb;
};

struct psc_callers {
	struct psc_arena arena;
	struct psc_warnings warnings;
	struct psc_caller_row *rows;
	size_t n_rows;
	struct psc_verified_driver *drivers;
	size_t n_drivers;
	struct psc_verifier_total totals[PSC_VT_MAX];
	struct psc_verified_driver all;
	bool has_all;
	struct psc_callers_info info;
	struct {
		struct psc_caller_trace *items;
		size_t n, cap;
	} traces; /* with tag_bytes: of that tag */
	bool is_interrupted;
	struct psc_walk_coverage coverage[2];
	size_t n_coverage;
	struct psc_scan_coverage scan;
	bool has_scan;
	struct psc_callers_read read;
	double ratio;
};

#define PSC_CALLER_KEYS_MAX ((size_t)1 << 18)

struct psc_callers_collect {
	struct psc_kernel *k;
	struct psc_callers *c;
	struct psc_symbolizer *symbolizer;
	struct psc_pool_regions regions;
	struct psc_pool_rules rules;
	struct psc_hashmap sums;   /* key.a = address, key.b = tag, pool, source */
	struct psc_hashmap live;   /* va of data -> struct psc_recorded_block */
	struct psc_hashmap stacks; /* address of Verifier's stack -> struct psc_caller_stack */
	struct psc_hashmap seen;   /* addresses that a newer record of the log was about */
	bool no_memory, full;
};

/* Nothing read yet. */
enum psc_status psc_callers_collect_open(struct psc_kernel *k, struct psc_callers_collect **ret,
					 struct psc_error *reterr);
/* With its result, unless c was taken out. NULL allowed. */
void psc_callers_collect_close(struct psc_callers_collect *g);
/* All but the stack-trace database: sums, live blocks, and what is known of the sources. */
enum psc_status psc_callers_read_records(struct psc_callers_collect *g, struct psc_error *reterr);

/* NULL: out of memory, or too many: then full is set. */
struct psc_caller_sum *psc_caller_sum_of(struct psc_callers_collect *g, struct psc_hashkey key);
struct psc_caller_sum *psc_caller_sum_at(struct psc_callers_collect *g, uint64_t caller, uint32_t tag,
					 enum psc_pool pool, enum psc_caller_source source, bool is_inferred);
/* The stack of the lowest age stays. */
void psc_caller_keep_stack(struct psc_callers_collect *g, struct psc_caller_sum *s, const uint64_t *frames, unsigned n,
			   uint64_t age);
/* A row of Verifier's table of stacks, and the blocks that its tree of live blocks has of it. */
struct psc_caller_stack {
	uint64_t caller, live, counted;
	uint32_t tag;
	uint8_t pool;
};
/* A block that a record names; the first record stays. */
void psc_caller_remember(struct psc_callers_collect *g, uint64_t va, const struct psc_recorded_block *b);
/* callers_info.c: blocks that the tree names and no record does. */
enum psc_status psc_callers_read_infos(struct psc_callers_collect *g, bool has_records, struct psc_error *reterr);

/* callers_coverage.c: what psc_stackdb_read() says, and the walk that looks for its indices (found; NULL: none was
 * made), into info and what was read. */
void psc_callers_note_stackdb(struct psc_callers *c, const struct psc_stackdb *db,
			      const struct psc_block_callers *found);
/* Of all records that the dump is known to have, read; 1 where it is known that there are none, 0 where that is not
 * known.
 */
double psc_callers_records_ratio(const struct psc_callers *c);

/* callers_walk.c: blocks that only the stack-trace database names, into the sums and the info; with all_blocks every
 * block, instead of the sums of records. */
enum psc_status psc_callers_walk(struct psc_callers_collect *g, const struct psc_callers_options *opts,
				 struct psc_error *reterr);
/* The innermost frame that is not one of the pool's own routines, or of those that take down a stack. */
uint64_t psc_caller_of_trace(struct psc_callers_collect *g, const struct psc_stackdb_trace *t);
/* How many of the blocks that were found name each trace; from malloc. NULL: out of memory. */
uint64_t *psc_caller_count_by_trace(const struct psc_stackdb *db, const struct psc_block_callers *found);

/* Rows in their order, from the sums; adds to the info's totals. False: out of memory. */
bool psc_caller_rows_make(struct psc_callers *c, const struct psc_hashmap *sums, struct psc_symbolizer *symbolizer,
			  const struct psc_callers_options *opts);

/* caller_list.c. Texts in the arena; *no_memory is set, never cleared. */
struct psc_code_location psc_caller_locate(struct psc_symbolizer *symbolizer, struct psc_arena *arena, uint64_t va,
					   bool *no_memory);
void psc_caller_tag_bytes(uint32_t tag, uint8_t ret[4]);

/* caller_stack.c: is an address in Verifier's own code, that is the kernel, or the part of Verifier that is a driver?
 */
bool psc_caller_is_verifier(const struct psc_kernel *k, struct psc_symbolizer *symbolizer, uint64_t va);
enum psc_caller_operation { PSC_CALLER_OPERATION_UNKNOWN, PSC_CALLER_ALLOCATE, PSC_CALLER_FREE };
/* By the symbols of the frames inside Verifier, which both kinds begin with (pool 8.4). */
enum psc_caller_operation psc_caller_operation_of(const struct psc_kernel *k, struct psc_symbolizer *symbolizer,
						  const struct psc_trace *t);

#endif
