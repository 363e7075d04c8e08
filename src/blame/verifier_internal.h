/* SPDX-License-Identifier: MIT */
/* The steps of psc_verifier_read. */
#ifndef PSC_BLAME_VERIFIER_INTERNAL_H
#define PSC_BLAME_VERIFIER_INTERNAL_H

#include "blame/verifier.h"
#include "util/bytes.h"

struct psc_verifier_walk {
	struct psc_kernel *k;
	struct psc_verifier *v;
	struct psc_arena *arena;
	struct psc_warnings *warnings;
	psc_verifier_block_fn *visit;
	void *arg;
	size_t cap_drivers;
	struct psc_hashmap pages; /* of records, already read */
	uint64_t n_loops, n_foreign;
	bool drivers_read;   /* their lists, to the end */
	double strays_ratio; /* of the table that names pages of records, read */
	bool no_memory, stopped;
};

/* verifier_drivers.c: all drivers, with names, images and counters. False: out of memory. */
bool psc_verifier_find_drivers(struct psc_verifier_walk *w);
/* The driver whose records belong to the structure at data_va, added when new. NULL: out of memory or too many. */
struct psc_verifier_driver *psc_verifier_driver_at(struct psc_verifier_walk *w, uint64_t data_va);

/* verifier_blocks.c: the live records of one driver. */
void psc_verifier_read_blocks(struct psc_verifier_walk *w, uint32_t driver);
/* Pages of records that no driver's chain led to. */
enum psc_status psc_verifier_read_stray_pages(struct psc_verifier_walk *w, struct psc_error *reterr);

static inline uint64_t psc_le_ptr(const uint8_t *p, bool is_32bit)
{
	return is_32bit ? psc_le32(p) : psc_le64(p);
}

#endif
