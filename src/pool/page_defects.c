/* SPDX-License-Identifier: MIT */
/* What is wrong on a page of small blocks, and where exactly. Reference: pool 10.1, 10.2. */
#include "pool/internal.h"
#include "util/bytes.h"

static void add(struct psc_defects *ret, enum psc_defect_kind kind, uint64_t page_va, uint32_t offset,
		uint64_t expected, uint64_t found)
{
	const struct psc_defect d = {page_va + offset, page_va, expected, found, kind};
	psc_defects_add(ret, &d);
}

/* Size of the accepted block that ends at an offset; 0 none. */
static uint32_t size_before(const struct psc_page_blocks *blocks, uint32_t offset)
{
	for (size_t i = 0; i < blocks->n; i++)
		if (blocks->items[i].offset + blocks->items[i].size_bytes == offset)
			return blocks->items[i].size_bytes;
	return 0;
}

/* [gap_lo, gap_hi) is lost: the header at gap_lo does not lead to gap_hi, or does not lead back. */
static void check_gap(const uint8_t *page, const struct psc_pool_rules *rules, const struct psc_page_blocks *blocks,
		      uint64_t page_va, struct psc_defects *ret)
{
	const uint32_t lo = blocks->gap_lo, hi = blocks->gap_hi, lost = hi - lo;
	if (lo + rules->unit_bytes > PSC_PAGE_BYTES)
		return;
	struct psc_pool_header h;
	psc_pool_header_parse(page + lo, rules, &h);
	uint32_t before = size_before(blocks, lo), previous = h.previous_size * rules->unit_bytes;
	uint32_t size = h.block_size * rules->unit_bytes;
	if (lo == 0 && previous != 0)
		add(ret, PSC_DEFECT_FIRST_HEADER, page_va, lo, 0, previous);
	else if (previous != before)
		add(ret, PSC_DEFECT_PREVIOUS_SIZE, page_va, lo, before, previous);
	else if (size == 0)
		add(ret, PSC_DEFECT_SIZE_ZERO, page_va, lo, lost, 0);
	else if (size > PSC_PAGE_BYTES - lo)
		add(ret, PSC_DEFECT_CROSSES_PAGE, page_va, lo, lost, size);
	else
		add(ret, PSC_DEFECT_BLOCK_SIZE, page_va, lo, lost, size);
}

/* Reference: pool 2.3 [2]. Held against the page: where most of its blocks disagree, the count is what is wrong. */
static void check_indices(const struct psc_page_blocks *blocks, uint32_t n_indices, uint64_t page_va,
			  struct psc_defects *ret)
{
	size_t n_bad = 0;
	for (size_t i = 0; i < blocks->n; i++)
		n_bad += blocks->items[i].header.pool_index >= n_indices;
	for (size_t i = 0; i < blocks->n && n_bad * 2 < blocks->n; i++)
		if (blocks->items[i].header.pool_index >= n_indices)
			add(ret, PSC_DEFECT_POOL_INDEX, page_va, blocks->items[i].offset, n_indices - 1,
			    blocks->items[i].header.pool_index);
}

void psc_page_defects(const uint8_t page[PSC_PAGE_BYTES], const struct psc_pool_rules *rules, enum psc_pool pool,
		      uint32_t n_indices, const struct psc_page_blocks *blocks, uint64_t page_va,
		      struct psc_defects *ret)
{
	/* With one descriptor no index is needed: some x86 kernels before Vista leave there what stood there. */
	if (n_indices > 1 || (n_indices == 1 && (rules->is_64bit || !rules->type_plus_one)))
		check_indices(blocks, n_indices, page_va, ret);
	if (blocks->is_corrupt)
		check_gap(page, rules, blocks, page_va, ret);
	for (size_t i = 0; i < blocks->n; i++) {
		const struct psc_small_block *b = &blocks->items[i];
		if (b->in_use && !psc_pool_header_type_plausible(&b->header, rules, pool))
			add(ret, PSC_DEFECT_POOL_TYPE, page_va, b->offset, 0, b->header.pool_type);
	}
}
