/* SPDX-License-Identifier: MIT */
/* The kernel's stack-trace database: one entry per distinct stack, found by the index that a pool header may carry.
 * Reference: pool 8.6. */
#ifndef PSC_BLAME_STACKDB_H
#define PSC_BLAME_STACKDB_H

#include "kernel/kernel.h"

#define PSC_STACKDB_FRAMES_MAX  32u
#define PSC_STACKDB_ENTRIES_MAX 0xffffu /* as many as 16 bits of a header can name */

struct psc_stackdb_trace {
	uint32_t count;         /* how often this stack was logged */
	bool count_is_cut;      /* the counter is full: at least so often */
	bool is_missing;        /* not in the dump */
	uint8_t n_frames;       /* 0: no such entry, or it cannot be read */
	const uint64_t *frames; /* innermost first */
};

struct psc_stackdb {
	bool available;
	bool known_off; /* not available, because it is known that there is none */
	const char *why_not;
	struct psc_stackdb_trace *by_index; /* n_indices + 1 of them, index 0 unused; in the arena */
	uint32_t n_indices;
	uint32_t traces;  /* read */
	uint32_t missing; /* not in the dump */
	uint32_t invalid; /* entries that do not carry their own index, or no kernel stack */
	bool in_headers;  /* pool headers may hold indices: else their place is that of the tag */
};

/* Missing pages are counted, not fatal. Only PSC_E_NO_MEMORY fails. */
enum psc_status psc_stackdb_read(struct psc_kernel *k, struct psc_arena *arena, struct psc_stackdb *ret,
				 struct psc_error *reterr);

/* NULL: no such trace. */
static inline const struct psc_stackdb_trace *psc_stackdb_at(const struct psc_stackdb *db, uint32_t index)
{
	return index != 0 && index <= db->n_indices && db->by_index[index].n_frames != 0 ? &db->by_index[index] : NULL;
}

static inline bool psc_stackdb_is_missing(const struct psc_stackdb *db, uint32_t index)
{
	return index != 0 && index <= db->n_indices && db->by_index[index].is_missing;
}

#endif
