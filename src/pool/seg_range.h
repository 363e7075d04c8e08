/* SPDX-License-Identifier: MIT */
/* Walking the subsegments of a segment heap: from the pages of a page range to the storage of each block, and to what
 * is lost and what is wrong. Works on bytes alone. Reference: pool 6.3, 6.5, 6.6. */
#ifndef PSC_POOL_SEG_RANGE_H
#define PSC_POOL_SEG_RANGE_H

#include "pool/defect.h"
#include "pool/seg.h"

/* Why there is nothing to read. */
enum psc_hole {
	PSC_HOLE_NONE,        /* readable */
	PSC_HOLE_UNCOMMITTED, /* the page does not exist: nothing is lost */
	PSC_HOLE_PAGED_OUT,
	PSC_HOLE_NOT_IN_DUMP,
	PSC_HOLE_UNKNOWN, /* page tables or a key are missing, or states are kept where only a thread looks */
	PSC_HOLE_CORRUPT, /* read, but nothing fits */
	PSC_HOLE_MAX
};

struct psc_seg_range {
	uint64_t va;
	uint32_t n_pages;
	const uint8_t *const *pages; /* NULL where not readable */
	const uint8_t *holes;        /* enum psc_hole */
};

/* What a heap's family decides, and its keys. */
struct psc_seg_rules {
	bool is_64bit;
	uint32_t unit_bytes;
	uint64_t heap_key;
	uint32_t lfh_key;
	bool has_heap_key, has_lfh_key;
	uint32_t vs_signature_at; /* in _HEAP_VS_SUBSEGMENT: 22, or 24 in 26100(b) */
	struct psc_lfh_layout lfh;
};

/* Where a block is, or was. */
struct psc_seg_storage {
	uint64_t va, bytes;
	uint64_t chunk_va;     /* VS only */
	uint64_t absent_bytes; /* of a free chunk: pages inside that do not exist, or may not */
	uint32_t step;         /* the pool header's size is less than this below bytes */
	const uint8_t *header; /* unit_bytes of it; NULL: hole says why */
	enum psc_hole hole;
	bool in_use;
	bool is_delayed; /* freed, but still busy for the heap */
	bool is_internal;
};

struct psc_seg_sink {
	void (*storage)(void *arg, const struct psc_seg_storage *s);
	void (*lost)(void *arg, uint64_t va, uint64_t bytes, enum psc_hole why);
	/* So many of the blocks given as in use were freed already; nothing tells which. */
	void (*delayed)(void *arg, uint64_t n_blocks, uint64_t bytes);
	void (*defect)(void *arg, const struct psc_defect *d);
	void *arg;
};

/* Both account for every byte between their first block and their end: as storage, as lost, or as withheld or
 * uncommitted. */
void psc_vs_walk(const struct psc_seg_range *r, const struct psc_seg_rules *rules, const struct psc_seg_sink *sink);
void psc_lfh_walk(const struct psc_seg_range *r, const struct psc_seg_rules *rules, const struct psc_seg_sink *sink);

/* A VS subsegment or LFH subsegment may begin at this page: for ranges whose descriptor is missing. *ret_bytes: its
 * extent. */
bool psc_vs_is_head(const uint8_t *page, const struct psc_seg_rules *rules, uint64_t *ret_bytes);
bool psc_lfh_is_head(const uint8_t *page, uint64_t va, const struct psc_seg_rules *rules, uint64_t *ret_bytes);

#endif
