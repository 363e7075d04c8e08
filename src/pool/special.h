/* SPDX-License-Identifier: MIT */
/* Special pool: one block alone on a page between pages that fault. */
#ifndef PSC_POOL_SPECIAL_H
#define PSC_POOL_SPECIAL_H

#include "pool/pool.h"

/* A page: the block at its end, or at its start to catch underruns; a record at the other end; one byte repeated in
 * what is left. Reference: pool 7. */
struct psc_special_page {
	uint32_t at, room_bytes; /* of the block, in the page; requested bytes rounded up to units */
	uint32_t requested_bytes, tag;
	bool is_paged, at_start;
	uint8_t fill;
	uint32_t n_fill;      /* bytes that should be it */
	bool is_fill_clear;   /* three quarters of them are, or there are none */
	bool is_fill_written; /* the record names the same byte ([1]) */
	uint32_t wrong;       /* place of the first that is not; PSC_PAGE_BYTES: none */
};
/* false: no record at either end. */
bool psc_special_page_parse(const uint8_t page[PSC_PAGE_BYTES], const struct psc_pool_rules *rules,
			    struct psc_special_page *ret);
/* What the page tells of its block; pool and state are the caller's. */
static inline void psc_special_block_make(const struct psc_special_page *p, uint64_t page_va, struct psc_block *ret)
{
	ret->kind = PSC_BLOCK_KIND_SPECIAL;
	ret->va = page_va + p->at;
	ret->size_bytes = p->room_bytes;
	ret->requested_bytes = p->requested_bytes;
	ret->tag = p->tag;
	ret->has_tag = true;
}
/* What it is, where it is not known that the page is of special pool: enough of it must be fill. */
bool psc_special_page_is_proven(const struct psc_special_page *p);

/* ---- of the classic allocator ---- */
#define PSC_SPECIAL_LAST_BUILD 17763u
/* Adds the ranges that the kernel names. Nothing where it has no such pool. */
void psc_special_regions_add(struct psc_kernel *k, struct psc_pool_regions *ret);
/* The kernel says that something was to be allocated there. */
bool psc_special_is_used(struct psc_kernel *k);
/* The block that begins at va; false: none of special pool does. */
bool psc_special_block_at(struct psc_kernel *k, const struct psc_pool_rules *rules, uint64_t va,
			  struct psc_special_page *ret);
/* Pages in use by the kernel's counter. */
bool psc_special_pages_in_use(struct psc_kernel *k, uint64_t *ret);

#endif
