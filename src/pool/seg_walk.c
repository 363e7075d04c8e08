/* SPDX-License-Identifier: MIT */
/* The walk of a heap-backed pool: heaps, their segments in address order, a batch at a time. A job is a segment; what
 * is kept grows with segments and big allocations, not with blocks. */
#include "pool/seg_segment.h"
#include "util/checked.h"

#include <stdlib.h>
#include <string.h>

enum psc_status psc_seg_init(struct psc_seg *s, struct psc_kernel *k, struct psc_warnings *warnings,
			     struct psc_error *reterr)
{
	uint32_t line;
	memset(s, 0, sizeof(*s));
	s->k = k;
	s->heaps = calloc(PSC_HEAPS_MAX, sizeof(*s->heaps));
	s->spaces = calloc(PSC_HEAP_SPACES_MAX + 1, sizeof(*s->spaces));
	if (!s->heaps || !s->spaces)
		return psc_fail_no_memory(reterr);
	enum psc_status r = psc_seg_keys_find(k, &s->keys, reterr);
	if (r != PSC_OK)
		return r;
	s->rules.is_64bit = psc_kernel_is_64bit(k);
	s->rules.unit_bytes = s->rules.is_64bit ? 16 : 8;
	s->cache_line = k->id.machine == PSC_MACHINE_ARM64 ? 0x80 : 0x40;
	if (psc_kernel_read_u32(k, PSC_SYM_ExpCacheLineSize, &line) && psc_is_pow2(line) && line >= 0x20 &&
	    line <= 0x100)
		s->cache_line = line;
	psc_lfh_layout_init(&s->rules.lfh, k->id.build, s->rules.is_64bit);
	r = psc_seg_find_heaps(s, warnings, reterr);
	if (r != PSC_OK || !s->has_family)
		return r;
	if (!s->rules.is_64bit)
		psc_warn(warnings,
			 "the layouts of 32-bit segment heaps are known from type dumps alone, and were proven "
			 "on no machine: hold the heaps against their counters");
	s->rules.vs_signature_at = s->family.is_new_vs ? 0x24 : 0x22;
	r = psc_seg_find_segments(s, warnings, reterr);
	if (r != PSC_OK)
		return r;
	s->rules.has_heap_key = s->keys.has_heap_key;
	s->rules.heap_key = s->keys.heap_key;
	r = psc_seg_lfh_key(s, reterr);
	if (r != PSC_OK)
		return r;
	s->rules.has_lfh_key = s->keys.has_lfh_low;
	s->rules.lfh_key = (uint32_t)s->keys.lfh_key;
	return psc_seg_collect_cached(s, warnings, reterr);
}

void psc_seg_deinit(struct psc_seg *s)
{
	for (unsigned i = 0; s->workers && i < s->n_workers; i++) {
		struct psc_seg_worker *t = s->workers[i];
		if (!t)
			continue;
		psc_defects_deinit(&t->defects);
		free(t->sums);
		free(t->scratch);
		free(t);
	}
	free(s->workers);
	free(s->heaps);
	free(s->nodes);
	free(s->spaces);
	free(s->segments);
	free(s->session_big);
	psc_rangeset_deinit(&s->large);
	psc_hashmap_deinit(&s->cached.data_vas);
	psc_defects_deinit(&s->defects);
}

enum psc_status psc_seg_keys_of_walk(struct psc_kernel *k, struct psc_seg_keys *ret, struct psc_error *reterr)
{
	struct psc_seg s;
	enum psc_status r = psc_seg_keys_find(k, ret, reterr);
	if (r != PSC_OK || (ret->has_heap_key && ret->has_lfh_low) || k->space.mmu == PSC_MMU_NONE ||
	    psc_pool_allocator(k) != PSC_ALLOCATOR_SEGMENT_HEAP)
		return r;
	r = psc_seg_init(&s, k, NULL, reterr);
	if (r == PSC_OK)
		*ret = s.keys;
	psc_seg_deinit(&s);
	return r;
}

/* The segment of the kernel's own space that holds va. */
static const struct psc_heap_segment *segment_at(const struct psc_seg *s, uint64_t va)
{
	size_t lo = 0, hi = s->n_segments;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->segments[mid].va <= va)
			lo = mid + 1;
		else
			hi = mid;
	}
	while (lo-- > 0) {
		const struct psc_heap_segment *g = &s->segments[lo];
		if (s->heaps[g->heap].space == 0)
			return va - g->va < s->heaps[g->heap].contexts[g->context].segment_bytes ? g : NULL;
	}
	return NULL;
}

bool psc_seg_covers(const struct psc_seg *s, uint64_t va)
{
	return segment_at(s, va) || psc_rangeset_find(&s->large, va);
}

enum psc_block_kind psc_seg_storage_of(struct psc_seg *s, uint64_t va)
{
	static const enum psc_block_kind kinds[4] = {PSC_BLOCK_KIND_SEGMENT, PSC_BLOCK_KIND_BIG, PSC_BLOCK_KIND_LFH,
						     PSC_BLOCK_KIND_VS};
	const struct psc_heap_segment *g = segment_at(s, va);
	uint8_t flags;
	if (!g)
		return psc_rangeset_find(&s->large, va) ? PSC_BLOCK_KIND_LARGE : PSC_BLOCK_KIND_BIG;
	const struct psc_heap_context *c = &s->heaps[g->heap].contexts[g->context];
	uint64_t index = (va - g->va) >> c->unit_shift;
	uint64_t at = g->va + (s->rules.is_64bit ? index * 0x20 + 0x18 : index * 0x10 + 0xc);
	if (!psc_read_u8(&s->k->reader, at, &flags) || (flags & 1) == 0)
		return PSC_BLOCK_KIND_BIG;
	return kinds[flags >> 2 & 3];
}

static enum psc_status make_workers(struct psc_walk *w, struct psc_error *reterr)
{
	struct psc_seg *s = w->seg;
	s->workers = calloc(w->n_workers, sizeof(*s->workers));
	if (!s->workers)
		return psc_fail_no_memory(reterr);
	s->n_workers = w->n_workers;
	for (unsigned i = 0; i < w->n_workers; i++) {
		struct psc_seg_worker *t = calloc(1, sizeof(*t));
		s->workers[i] = t;
		if (!t)
			return psc_fail_no_memory(reterr);
		t->space = UINT32_MAX;
		t->sums = calloc(s->n_heaps != 0 ? s->n_heaps : 1, sizeof(*t->sums));
		t->scratch = malloc((size_t)PSC_RANGE_PAGES_MAX * PSC_PAGE_BYTES);
		if (!t->sums || !t->scratch)
			return psc_fail_no_memory(reterr);
	}
	return PSC_OK;
}

static struct psc_block large_block(const struct psc_seg *s, const struct psc_range *l)
{
	const struct psc_heap *h = &s->heaps[l->data >> 16];
	const uint64_t bytes = l->hi - l->lo;
	struct psc_block b = {0};
	b.va = l->lo;
	b.size_bytes = bytes - psc_min_u64(l->data & 0xffff, bytes - 1);
	b.pool = h->pool;
	b.kind = PSC_BLOCK_KIND_LARGE;
	b.is_big = b.is_proven = true;
	b.is_nx = h->type == PSC_HEAP_NONPAGED_NX;
	b.top_pa = psc_seg_top_pa(s, h);
	(void)psc_seg_name_session_big(s, h->space, &b);
	return b;
}

void psc_seg_emit_large(const struct psc_walk *w)
{
	const struct psc_seg *s = w->seg;
	for (size_t i = 0; i < s->large.n; i++) {
		const struct psc_range *l = &s->large.items[i], *big = psc_rangeset_find(&w->big, l->lo);
		struct psc_block b = large_block(s, l);
		if (!big || big->lo != l->lo)
			psc_walk_emit_big(w, &b);
	}
}

static void count_large(struct psc_walk *w)
{
	const struct psc_seg *s = w->seg;
	for (size_t i = 0; i < s->large.n; i++) {
		const struct psc_range *l = &s->large.items[i], *big = psc_rangeset_find(&w->big, l->lo);
		const struct psc_block b = large_block(s, l);
		struct psc_walk_coverage *c = &w->coverage[b.pool];
		if (big && big->lo == l->lo)
			continue;
		c->live_blocks++;
		c->untagged_blocks += !b.has_tag;
		c->untagged_bytes += b.has_tag ? 0 : b.size_bytes;
	}
}

static bool is_wanted(const struct psc_walk *w, const struct psc_heap_segment *g)
{
	uint64_t size = w->seg->heaps[g->heap].contexts[g->context].segment_bytes;
	return g->va + size - 1 >= w->opts->lo && (w->opts->hi == 0 || g->va < w->opts->hi);
}

/* A frame of the pool is mapped once. */
static bool work_is_left(const struct psc_walk *w)
{
	uint64_t read = 0;
	for (unsigned i = 0; i < w->n_workers; i++)
		for (unsigned p = 0; p < PSC_POOL_MAX; p++)
			read += w->workers[i]->coverage[p].read_bytes;
	return read / PSC_PAGE_BYTES / 4 <= psc_image_pages_present(w->k->img) + 16384;
}

enum psc_status psc_seg_walk(struct psc_walk *w, struct psc_warnings *warnings, struct psc_error *reterr)
{
	struct psc_seg *s = w->seg;
	struct psc_progress progress = {w->opts->progress, w->opts->progress_arg, "walking pool", 0, 0};
	uint64_t done = 0;
	enum psc_status r = make_workers(w, reterr);
	if (r != PSC_OK)
		return r;
	if (!s->keys.has_heap_key)
		psc_warn(warnings, "the heap's key is not in the dump: chunks of variable size cannot be read");
	if (!s->keys.has_lfh_low)
		psc_warn(warnings,
			 "the key of the low-fragmentation heap is not in the dump: its blocks cannot be read");
	count_large(w);
	psc_seg_emit_large(w);
	for (size_t i = 0; i < s->n_segments; i++)
		if (is_wanted(w, &s->segments[i]))
			progress.total += s->heaps[s->segments[i].heap].contexts[s->segments[i].context].segment_bytes;
	for (size_t first = 0; first < s->n_segments && !psc_walk_is_interrupted(w);) {
		uint64_t bytes = 0;
		size_t n = 0;
		if (!is_wanted(w, &s->segments[first])) {
			first++;
			continue;
		}
		/* Those of several sessions at one address stay together: the order is made within a batch. */
		const uint64_t most = w->max_batch_bytes * w->n_workers;
		uint64_t end = 0;
		while (first + n < s->n_segments && is_wanted(w, &s->segments[first + n]) &&
		       (n == 0 || bytes < most || (s->segments[first + n].va < end && bytes / 64 < most))) {
			const struct psc_heap_segment *g = &s->segments[first + n];
			const uint64_t size = s->heaps[g->heap].contexts[g->context].segment_bytes;
			bytes += size;
			end = psc_max_u64(end, g->va + size);
			n++;
		}
		w->seg_first = first;
		r = psc_walk_run_batch(w, n, psc_seg_job, reterr);
		if (r != PSC_OK)
			return r;
		first += n;
		done += bytes;
		if (!work_is_left(w)) {
			psc_warn(warnings, "page tables of the pool repeat themselves: the rest was not walked");
			break;
		}
		if (!psc_progress_report(&progress, done))
			return psc_fail(reterr, PSC_E_CANCELLED, PSC_WHERE_NONE, 0, "cancelled");
	}
	for (unsigned i = 0; i < s->n_workers; i++) {
		psc_defects_merge(&s->defects, &s->workers[i]->defects);
		if (s->workers[i]->defects.no_memory)
			return psc_fail_no_memory(reterr);
	}
	psc_defects_sort(&s->defects);
	if (s->defects.n_found != 0)
		psc_warn(warnings, "%llu contradictions in the heaps, the first: %s at 0x%llx",
			 (unsigned long long)s->defects.n_found, psc_defect_name(s->defects.items[0].kind),
			 (unsigned long long)s->defects.items[0].va);
	return PSC_OK;
}
