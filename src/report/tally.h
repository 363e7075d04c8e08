/* SPDX-License-Identifier: MIT */
/* Sums of blocks keyed by (tag, pool[, block size]); one per worker thread, merged afterwards. */
#ifndef PSC_REPORT_TALLY_H
#define PSC_REPORT_TALLY_H

#include "pool/pool.h"

/* More distinct keys than this on one machine means that the walk reads noise; a real machine has some thousand tags.
 */
#define PSC_TALLY_MAX_KEYS (1u << 18)

struct psc_tally_value {
	struct psc_walk_counts counts;
	bool is_protected;
};

struct psc_tally {
	struct psc_hashmap map;
	bool by_size;
	bool overflowed; /* keys beyond the limit were not counted */
	bool no_memory;
};

void psc_tally_init(struct psc_tally *t, bool by_size);
void psc_tally_deinit(struct psc_tally *t);
/* A psc_block_fn: worker_ctx is a struct psc_tally. */
void psc_tally_block(void *worker_ctx, const struct psc_block *b);
void psc_tally_merge(struct psc_tally *into, const struct psc_tally *from);

struct psc_tally_key {
	uint32_t tag; /* without the protected bit */
	enum psc_pool pool;
	uint64_t block_bytes; /* 0 unless by_size */
};
/* Iterate: start with *pos = 0; false at the end. */
bool psc_tally_next(const struct psc_tally *t, size_t *pos, struct psc_tally_key *ret_key,
		    struct psc_tally_value **ret_value);
/* NULL when there is none. */
struct psc_tally_value *psc_tally_get(const struct psc_tally *t, uint32_t tag, enum psc_pool pool);

#endif
