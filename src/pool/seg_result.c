/* SPDX-License-Identifier: MIT */
/* What was walked of each heap beside the heap's own counters, and of each pool. Reference: pool 9: layouts [V], what
 * they count [1]. Differences are shown as they are. */
#include "pool/seg_segment.h"
#include "util/checked.h"

#include <stdlib.h>
#include <string.h>

static int by_va(const void *pa, const void *pb)
{
	const struct psc_heap_row *a = pa, *b = pb;
	if (a->va != b->va)
		return a->va < b->va ? -1 : 1;
	return a->node < b->node ? -1 : a->node > b->node;
}

static struct psc_heap_sums sums_of(const struct psc_seg *s, size_t index)
{
	struct psc_heap_sums sum = {0};
	for (unsigned i = 0; i < s->n_workers; i++) {
		const struct psc_heap_sums *x = &s->workers[i]->sums[index];
		sum.segments += x->segments;
		sum.live_blocks += x->live_blocks;
		sum.live_bytes += x->live_bytes;
		sum.free_bytes += x->free_bytes;
		sum.cached_bytes += x->cached_bytes;
		sum.lost_bytes += x->lost_bytes;
		sum.reserved_bytes += x->reserved_bytes;
		sum.existing_bytes += x->existing_bytes;
		sum.unknown_bytes += x->unknown_bytes;
		sum.descriptor_bytes += x->descriptor_bytes;
		sum.free_range_bytes += x->free_range_bytes;
		sum.internal_bytes += x->internal_bytes;
		sum.range_bytes += x->range_bytes;
		sum.lfh_bytes += x->lfh_bytes;
		sum.vs_bytes += x->vs_bytes;
		sum.unowned_bytes += x->unowned_bytes;
		sum.vs_chunk_bytes += x->vs_chunk_bytes;
		sum.vs_free_bytes += x->vs_free_bytes;
		sum.lfh_free_bytes += x->lfh_free_bytes;
	}
	return sum;
}

static uint64_t large_bytes(const struct psc_seg *s, size_t heap)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < s->large.n; i++)
		if (s->large.items[i].data >> 16 == heap)
			sum += s->large.items[i].hi - s->large.items[i].lo;
	return sum;
}

/* Of segments that the heap counts and nothing led to. */
static uint64_t missing_segments(const struct psc_heap *h)
{
	uint64_t sum = 0;
	for (unsigned c = 0; c < 2; c++)
		if (h->contexts[c].n_segments > h->contexts[c].n_found)
			sum += psc_min_u64(h->contexts[c].n_segments - h->contexts[c].n_found, PSC_SEGMENTS_MAX) *
			       h->contexts[c].segment_bytes;
	return sum;
}

static void compare(struct psc_heap_row *row, const char *name, uint64_t counted, uint64_t walked, uint64_t losses,
		    bool is_exact)
{
	struct psc_heap_counter *c = &row->counters[row->n_counters++];
	uint64_t distance = counted > walked ? counted - walked : walked - counted;
	c->name = name;
	c->counted_bytes = counted;
	c->walked_bytes = walked;
	c->difference = (int64_t)(counted - walked);
	c->is_exact = is_exact;
	c->is_explained = distance <= losses;
}

static void compare_all(const struct psc_seg *s, struct psc_heap_row *row, const struct psc_heap *h,
			const struct psc_heap_sums *sum)
{
	const uint64_t page = PSC_PAGE_BYTES, unit = s->rules.unit_bytes;
	const uint64_t segments = missing_segments(h), pages = sum->unknown_bytes + segments;
	const uint64_t blocks = pages + sum->lost_bytes;
	compare(row, "MemStats.TotalReservedPages", h->reserved_pages * page, sum->reserved_bytes, segments, true);
	compare(row, "MemStats.TotalCommittedPages", h->committed_pages * page, sum->existing_bytes, pages, true);
	compare(row, "MemStats.FreeCommittedPages", h->free_pages * page, sum->free_range_bytes, blocks, true);
	compare(row, "MemStats.LfhFreeCommittedPages", h->lfh_free_pages * page, sum->lfh_free_bytes, blocks, false);
	if (h->has_vs_free_pages)
		compare(row, "MemStats.VsFreeCommittedPages", h->vs_free_pages * page, sum->vs_free_bytes, blocks,
			false);
	compare(row, "VsContext.TotalCommittedUnits", h->vs_total_units * unit, sum->vs_chunk_bytes, blocks, true);
	compare(row, "VsContext.FreeCommittedUnits", h->vs_free_units * unit, sum->vs_free_bytes, blocks, true);
	compare(row, "LargeCommittedPages", h->large_pages * page, row->large_bytes,
		h->n_large_missing != 0 ? UINT64_MAX : 0, true);
}

static struct psc_heap_row row_of(const struct psc_seg *s, size_t index)
{
	const struct psc_heap *h = &s->heaps[index];
	const struct psc_heap_sums sum = sums_of(s, index);
	struct psc_heap_row row = {0};
	row.va = h->va;
	row.node = h->space != 0 ? h->space - 1 : h->node;
	row.type = h->type;
	row.pool = h->pool;
	row.is_special = h->is_special;
	row.has_counters = h->has_counters;
	row.segments = sum.segments;
	row.segments_counted = h->contexts[0].n_segments + h->contexts[1].n_segments;
	row.walked_bytes = sum.existing_bytes;
	row.unknown_bytes = sum.unknown_bytes;
	row.descriptor_bytes = sum.descriptor_bytes;
	row.free_range_bytes = sum.free_range_bytes;
	row.internal_bytes = sum.internal_bytes;
	row.range_bytes = sum.range_bytes;
	row.lfh_bytes = sum.lfh_bytes;
	row.vs_bytes = sum.vs_bytes;
	row.unowned_bytes = sum.unowned_bytes;
	row.live_blocks = sum.live_blocks;
	row.live_bytes = sum.live_bytes;
	row.cached_bytes = sum.cached_bytes;
	row.free_bytes = sum.free_bytes;
	row.lost_bytes = sum.lost_bytes;
	row.large_bytes = large_bytes(s, index);
	row.committed_bytes = h->committed_pages * PSC_PAGE_BYTES;
	row.free_committed_bytes = (h->free_pages + h->lfh_free_pages + h->vs_free_pages) * PSC_PAGE_BYTES;
	row.vs_counted_bytes = h->vs_total_units * s->rules.unit_bytes;
	row.difference = h->has_counters ? (int64_t)(row.committed_bytes - row.walked_bytes) : 0;
	if (h->has_counters)
		compare_all(s, &row, h, &sum);
	return row;
}

/* Pages of the nonpaged and the paged pool. A heap's own page is nonpaged, whatever it serves. */
static void sum_pools(const struct psc_seg *s, struct psc_walk_result *ret)
{
	for (size_t i = 0; i < s->n_heaps; i++) {
		const struct psc_heap *h = &s->heaps[i];
		const struct psc_heap_sums sum = sums_of(s, i);
		if (h->pool == PSC_POOL_SESSION)
			continue;
		struct psc_pool_pages *p = &ret->pages[h->pool];
		p->walked_bytes += sum.existing_bytes + large_bytes(s, i);
		p->counted_bytes += (h->committed_pages + h->large_pages) * PSC_PAGE_BYTES;
		p->counted_unknown |= !h->has_counters;
		p->lost_bytes += sum.unknown_bytes + missing_segments(h);
		p->incomplete |= h->n_large_missing != 0 || !h->is_read;
		ret->pages[PSC_POOL_NONPAGED].walked_bytes += PSC_PAGE_BYTES;
	}
	ret->pages[PSC_POOL_NONPAGED].known = ret->pages[PSC_POOL_PAGED].known = true;
}

void psc_seg_result(struct psc_walk *w, struct psc_arena *arena, struct psc_walk_result *ret)
{
	const struct psc_seg *s = w->seg;
	struct psc_heap_row *rows = psc_arena_alloc(arena, (s->n_heaps + 1) * sizeof(*rows));
	struct psc_defect *defects = psc_arena_alloc(arena, (s->defects.n + 1) * sizeof(*defects));
	for (size_t i = 0; rows && i < s->n_heaps; i++)
		rows[i] = row_of(s, i);
	if (rows && s->n_heaps > 1)
		qsort(rows, s->n_heaps, sizeof(*rows), by_va);
	ret->heaps = rows;
	ret->n_heaps = rows ? s->n_heaps : 0;
	ret->keys = psc_seg_keys_public(&s->keys);
	sum_pools(s, ret);
	ret->sessions_walked = s->n_spaces > 1 && s->n_spaces_failed == 0;
	if (defects && s->defects.n != 0)
		memcpy(defects, s->defects.items, s->defects.n * sizeof(*defects));
	ret->defects = defects;
	ret->n_defects = defects ? s->defects.n : 0;
	ret->n_defects_found = s->defects.n_found;
}
