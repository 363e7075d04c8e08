/* SPDX-License-Identifier: MIT */
/* Internal to src/paging: the walk over the upper levels, shared by translation, run iterator and layout detection. */
#ifndef PSC_PAGING_WALK_H
#define PSC_PAGING_WALK_H

#include "paging/entry.h"

/* Bits 0..11 of a TLB entry's and of a walk's table_pa. */
#define PSC_WALK_NX          0x1u /* some upper level forbids execution */
#define PSC_WALK_RO          0x2u /* some upper level forbids writing */
#define PSC_WALK_LEVEL_SHIFT 2    /* of the deciding entry or of the unreadable table */
#define PSC_WALK_LEVEL_MASK  0x7u
#define PSC_WALK_KIND_SHIFT  5
#define PSC_WALK_KIND_MASK   0x3u

enum psc_walk_kind {
	PSC_WALK_TABLE,   /* a page table was reached */
	PSC_WALK_ENTRY,   /* an upper-level entry decides: large page, nothing, corrupt, ... */
	PSC_WALK_MISSING, /* a table is not in the dump */
	PSC_WALK_CORRUPT, /* a table lies above all memory */
};

struct psc_walk {
	enum psc_walk_kind kind;
	unsigned level;
	unsigned flags;    /* PSC_WALK_NX, _RO */
	uint64_t table_pa; /* TABLE: the page table. ENTRY: the table that holds the entry. Else the one not readable */
	const uint8_t *table;            /* of table_pa, NULL when not readable */
	uint64_t entry;                  /* ENTRY: the deciding one. Else the one that led to the table, 0 at the top */
	enum psc_page_presence presence; /* MISSING, CORRUPT: of the table */
};

/* va must be canonical. At most one visit per level. */
struct psc_walk psc_walk_upper(struct psc_reader *r, uint64_t va);
const uint8_t *psc_walk_load_table(struct psc_reader *r, unsigned level, uint64_t pa, enum psc_page_presence *ret);

/* A table's bytes, from pa on; valid until the next table on the same level is asked for. NULL: not in the dump. */
static inline const uint8_t *psc_walk_table(struct psc_reader *r, unsigned level, uint64_t pa,
					    enum psc_page_presence *ret)
{
	const struct psc_table_slot *t = &r->tables[level];
	if (t->pfn != (pa >> PSC_PAGE_SHIFT) + 1)
		return psc_walk_load_table(r, level, pa, ret);
	*ret = PSC_PAGE_PRESENT;
	return (t->bytes ? t->bytes : t->scratch) + (pa & (PSC_PAGE_BYTES - 1));
}

/* Bytes from va to the end of what one entry (or, with is_table, one table) on this level covers. */
uint64_t psc_walk_span(const struct psc_mmu_info *m, unsigned level, bool is_table, uint64_t va);

enum psc_page_presence psc_frame_lookup(struct psc_reader *r, uint64_t pfn);

static inline const struct psc_frame_slot *psc_frame_slot(const struct psc_reader *r, uint64_t pfn)
{
	return &r->frames[(pfn >> 9) % PSC_FRAME_SLOTS];
}

static inline enum psc_page_presence psc_frame_presence(struct psc_reader *r, uint64_t pfn)
{
	const struct psc_frame_slot *f = psc_frame_slot(r, pfn);
	return pfn - f->pfn < f->n ? f->presence : psc_frame_lookup(r, pfn);
}

/* The common case in a few instructions: a valid 64-bit leaf entry whose frame is known to be in the dump. */
static inline bool psc_leaf_is_plain(const struct psc_reader *r, const struct psc_leaf_bits *b, uint64_t e)
{
	uint64_t pfn = (e & b->frame) >> PSC_PAGE_SHIFT;
	const struct psc_frame_slot *f = psc_frame_slot(r, pfn);
	return (e & b->valid) == b->valid && pfn - f->pfn < f->n && f->presence == PSC_PAGE_PRESENT;
}

static inline bool psc_leaf_is_nx(const struct psc_leaf_bits *b, uint64_t e, unsigned flags)
{
	return (e & b->nx) == b->nx || (flags & PSC_WALK_NX) != 0;
}

static inline bool psc_leaf_is_writable(const struct psc_leaf_bits *b, uint64_t e, unsigned flags)
{
	return ((e ^ b->write_inverted) & b->write) != 0 && (flags & PSC_WALK_RO) == 0;
}

/* Translate with a leaf entry in hand. flags: PSC_WALK_NX, _RO. */
struct psc_xlate psc_translate_leaf(struct psc_reader *r, uint64_t va, uint64_t e, unsigned flags);
/* Translate by an upper-level outcome (any kind but TABLE). */
struct psc_xlate psc_translate_upper(struct psc_reader *r, uint64_t va, const struct psc_walk *w);
/* PSC_MMU_NONE. */
struct psc_xlate psc_translate_saved(const struct psc_space *sp, uint64_t va);

static inline bool psc_xlate_is_readable(const struct psc_xlate *x)
{
	return (x->state == PSC_VA_PRESENT || x->state == PSC_VA_TRANSITION) && x->presence == PSC_PAGE_PRESENT;
}

#endif
