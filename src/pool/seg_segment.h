/* SPDX-License-Identifier: MIT */
/* Parsing one segment: what the files of the walk share. */
#ifndef PSC_POOL_SEG_SEGMENT_H
#define PSC_POOL_SEG_SEGMENT_H

#include "pool/seg_heap.h"

/* One per thread. */
struct psc_seg_worker {
	struct psc_reader reader;
	uint32_t space;             /* of the reader; UINT32_MAX: none yet */
	struct psc_heap_sums *sums; /* per heap */
	struct psc_defects defects;
	/* Of the running segment. */
	const struct psc_walk *w;
	struct psc_walk_worker *walk;
	const struct psc_heap *heap;
	struct psc_heap_sums *sum;
	struct psc_walk_coverage *cov;
	struct psc_block block; /* what all blocks of the range have in common */
	bool is_special;
	uint64_t pa[PSC_SEGMENT_PAGES_MAX];
	uint8_t holes[PSC_SEGMENT_PAGES_MAX];
	const uint8_t *pages[PSC_RANGE_PAGES_MAX];
	uint8_t *scratch; /* PSC_RANGE_PAGES_MAX pages, where the file is not mapped */
	uint8_t descriptors[PSC_DESCRIPTORS * 0x20u];
};

/* seg_block.c: from storage to a block. */
void psc_seg_take_storage(void *arg, const struct psc_seg_storage *s);
void psc_seg_take_lost(void *arg, uint64_t va, uint64_t bytes, enum psc_hole why);
void psc_seg_take_delayed(void *arg, uint64_t n_blocks, uint64_t bytes);
void psc_seg_take_defect(void *arg, const struct psc_defect *d);
/* A page range of its own. unused: bytes of it that were not asked for. */
void psc_seg_take_range(struct psc_seg_worker *t, uint64_t va, uint64_t bytes, uint64_t unused, const uint8_t *page,
			enum psc_hole hole);
/* seg_segment.c */
bool psc_seg_job(void *arg, unsigned worker, size_t job);

#endif
