/* SPDX-License-Identifier: MIT */
/* One page as pool, under every rule set: whatever the bytes, blocks lie inside the page, apart and in order. */
#include "pool/internal.h"
#include "pool/special.h"
#include <stdlib.h>
#include <string.h>

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void check(const struct psc_page_blocks *p, const struct psc_pool_rules *rules)
{
	uint32_t end = 0, covered = 0;
	require(p->n <= PSC_PAGE_BLOCKS_MAX);
	require(p->is_pool_page == (p->n != 0));
	require(!p->is_corrupt || p->is_pool_page);
	for (size_t i = 0; i < p->n; i++) {
		const struct psc_small_block *b = &p->items[i];
		require(b->offset >= end && b->offset % rules->unit_bytes == 0);
		require(b->size_bytes >= rules->unit_bytes && b->size_bytes <= PSC_PAGE_BYTES - b->offset);
		require(b->size_bytes == b->header.block_size * rules->unit_bytes);
		require(b->header.block_size <= rules->max_units && b->header.previous_size <= rules->max_units);
		require(b->in_use == psc_pool_header_in_use(&b->header, rules));
		end = b->offset + b->size_bytes;
		covered += b->size_bytes;
	}
	if (p->is_pool_page && !p->is_corrupt)
		require(covered == PSC_PAGE_BYTES);
	if (!p->is_corrupt)
		return;
	require(p->gap_lo <= p->gap_hi && p->gap_hi <= PSC_PAGE_BYTES);
	for (size_t i = 0; i < p->n; i++)
		require(p->items[i].offset + p->items[i].size_bytes <= p->gap_lo || p->items[i].offset >= p->gap_hi);
}

/* What is wrong is said of a byte of the page, and at least something of a broken one. */
static void check_defects(const uint8_t *page, const struct psc_pool_rules *rules, enum psc_pool pool,
			  const struct psc_page_blocks *blocks)
{
	const uint64_t va = 0xfffff8a000000000u;
	struct psc_defects d = {0};
	psc_page_defects(page, rules, pool, pool == PSC_POOL_MAX ? 0 : 1 + page[5] % 4u, blocks, va, &d);
	require(!d.no_memory && d.n <= 2 * PSC_PAGE_BLOCKS_MAX + 1);
	for (size_t i = 0; i < d.n; i++)
		require(d.items[i].va - va < PSC_PAGE_BYTES && d.items[i].container == va);
	psc_defects_deinit(&d);
}

/* As special pool: the block and what surrounds it lie on the page. */
static void check_special(const uint8_t *page, const struct psc_pool_rules *rules)
{
	struct psc_special_page p;
	if (!psc_special_page_parse(page, rules, &p))
		return;
	require(p.requested_bytes != 0 && p.requested_bytes <= p.room_bytes && p.room_bytes % rules->unit_bytes == 0);
	require(p.at < PSC_PAGE_BYTES && p.room_bytes <= PSC_PAGE_BYTES - p.at && p.at_start == (p.at == 0));
	require(p.n_fill <= PSC_PAGE_BYTES - rules->unit_bytes - p.requested_bytes);
	require(p.wrong <= PSC_PAGE_BYTES && (p.n_fill != 0 || p.wrong == PSC_PAGE_BYTES));
	require(p.wrong == PSC_PAGE_BYTES || page[p.wrong] != p.fill);
	require(p.wrong != PSC_PAGE_BYTES || p.is_fill_clear);
	require(!psc_special_page_is_proven(&p) || p.is_fill_written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		uint32_t build;
		bool is_64bit;
	} kinds[] = {{2600, false}, {3790, true}, {7601, false}, {7601, true}, {17763, true}};
	static struct psc_page_blocks blocks;
	/* Not static: a sanitizer sees reads beyond its end. */
	uint8_t *page = (uint8_t *)malloc(PSC_PAGE_BYTES);
	if (!page)
		return 0;
	memset(page, 0, PSC_PAGE_BYTES);
	if (size > 0)
		memcpy(page, data, size < PSC_PAGE_BYTES ? size : PSC_PAGE_BYTES);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct psc_pool_rules rules;
		psc_pool_rules_init(&rules, kinds[i].build, kinds[i].is_64bit);
		check_special(page, &rules);
		for (unsigned pool = 0; pool <= PSC_POOL_MAX; pool++) {
			psc_pool_page_parse_as(page, &rules, (enum psc_pool)pool, false, &blocks);
			check(&blocks, &rules);
			check_defects(page, &rules, (enum psc_pool)pool, &blocks);
			psc_pool_page_parse_as(page, &rules, (enum psc_pool)pool, true, &blocks);
			require(!blocks.is_corrupt || blocks.n >= 4);
			check(&blocks, &rules);
		}
	}
	free(page);
	return 0;
}
