/* SPDX-License-Identifier: MIT */
/* Every block of the pool as a stream: big allocations from their table, then the mapped pages of the pool's ranges.
 * Runs are taken from the page tables in batches, so memory does not grow with the pool. */
#include "pool/seg_heap.h"
#include "pool/special.h"
#include "util/checked.h"

#include <stdlib.h>
#include <string.h>

#define BIG_RANGES_MAX ((size_t)1 << 22)

struct big_visit {
	struct psc_walk *w;
	bool keep_ranges;    /* for the walk of small blocks */
	uint64_t n_outside;  /* beyond the end of their region */
	uint64_t n_no_pool;  /* neither the entry nor its address tells the pool */
	uint64_t n_not_kept; /* ranges beyond BIG_RANGES_MAX */
	uint64_t live[PSC_POOL_MAX], bytes[PSC_POOL_MAX];
	uint64_t no_heap_bytes[PSC_POOL_MAX]; /* of these, in no heap */
	bool no_memory;
};

/* false: reaches beyond the end of its region. */
static bool big_block(struct psc_walk *w, const struct psc_big_page *p, struct psc_block *ret)
{
	uint64_t pages = (p->bytes + PSC_PAGE_BYTES - 1) / PSC_PAGE_BYTES;
	uint64_t last = p->va + (pages * PSC_PAGE_BYTES - 1);
	const struct psc_pool_region *region = psc_pool_region_at(&w->regions, p->va);
	/* One insane size must not hide the rest of the pool. */
	if (last < p->va || last == UINT64_MAX || (region && last > region->hi - 1))
		return false;
	*ret = (struct psc_block){0};
	ret->va = p->va;
	ret->size_bytes = p->bytes;
	ret->tag = p->tag;
	ret->pool = p->pool;
	ret->state = PSC_BLOCK_ALLOCATED;
	ret->kind = w->seg ? psc_seg_storage_of(w->seg, p->va) : PSC_BLOCK_KIND_BIG;
	ret->is_big = ret->is_proven = ret->has_tag = true;
	ret->is_nx = p->is_nx && p->pool == PSC_POOL_NONPAGED;
	ret->process = p->process;
	return true;
}

static bool visit_big(void *arg, const struct psc_big_page *p)
{
	struct big_visit *v = arg;
	struct psc_block b;
	if (p->is_free)
		return true;
	if (!big_block(v->w, p, &b)) {
		const struct psc_defect d = {p->va, 0, 0, p->bytes, PSC_DEFECT_BIG_ENTRY};
		v->n_outside++;
		if (v->w->opts->find_defects)
			psc_defects_add(&v->w->defects, &d);
		return true;
	}
	uint64_t bytes = (b.size_bytes + PSC_PAGE_BYTES - 1) / PSC_PAGE_BYTES * PSC_PAGE_BYTES;
	if (v->keep_ranges && v->w->big.n == BIG_RANGES_MAX) {
		v->n_not_kept++;
	} else if (v->keep_ranges && !psc_rangeset_add(&v->w->big, b.va, b.va + bytes, 0)) {
		v->no_memory = true;
		return false;
	}
	if (b.pool >= PSC_POOL_MAX) {
		v->n_no_pool++;
		return true;
	}
	v->live[b.pool]++;
	v->bytes[b.pool] += bytes;
	if (v->w->seg && b.kind == PSC_BLOCK_KIND_BIG && !psc_seg_covers(v->w->seg, b.va))
		v->no_heap_bytes[b.pool] += bytes;
	psc_walk_emit_big(v->w, &b);
	return true;
}

static bool visit_big_again(void *arg, const struct psc_big_page *p)
{
	struct psc_walk *w = arg;
	struct psc_block b;
	if (!p->is_free && big_block(w, p, &b) && b.pool < PSC_POOL_MAX)
		psc_walk_emit_big(w, &b);
	return true;
}

enum psc_status psc_walk_read_big_again(struct psc_walk *w, struct psc_error *reterr)
{
	struct psc_big_pages ignored;
	enum psc_status r = psc_big_pages_read(w->k, visit_big_again, w, NULL, NULL, &ignored, reterr);
	if (r == PSC_OK && w->seg)
		psc_seg_emit_large(w);
	return r;
}

static enum psc_status take_big(struct psc_walk *w, struct psc_arena *arena, struct psc_warnings *warnings,
				struct big_visit *v, struct psc_walk_result *ret, struct psc_error *reterr)
{
	enum psc_status r = psc_big_pages_read(w->k, visit_big, v, warnings, arena, &ret->big, reterr);
	if (r != PSC_OK)
		return r;
	if (v->no_memory)
		return psc_fail_no_memory(reterr);
	if (!ret->big.available && w->regions.n != 0)
		psc_warn(
			warnings,
			"without the big-page table allocations of whole pages are not counted, and what they hold may "
			"be taken for pool pages (%s)",
			ret->big.why_not);
	if (v->n_outside != 0) {
		psc_warn(warnings, "big-page table: %llu entries reach beyond their pool and were left out",
			 (unsigned long long)v->n_outside);
		ret->big.n_live -= v->n_outside;
		ret->big.n_invalid += v->n_outside;
	}
	if (v->n_no_pool != 0)
		psc_warn(warnings,
			 "big-page table: %llu allocations are left out, because nothing tells which pool they are of",
			 (unsigned long long)v->n_no_pool);
	if (v->n_not_kept != 0)
		psc_warn(warnings,
			 "big-page table: more than %zu live entries; what the others hold may be taken for pool pages",
			 BIG_RANGES_MAX);
	size_t overlaps = psc_rangeset_seal(&w->big);
	if (overlaps != 0)
		psc_warn(warnings, "big-page table: %zu live entries overlap others", overlaps);
	return PSC_OK;
}

static bool filter_make(struct psc_walk *w, const struct psc_hashmap *vas)
{
	size_t pos = 0;
	struct psc_hashkey key;
	if (vas->n == 0)
		return true;
	w->filter = calloc((size_t)1 << (PSC_FILTER_BITS - 3), 1);
	if (!w->filter)
		return false;
	while (psc_hashmap_next(vas, &pos, &key, NULL)) {
		uint32_t bit = psc_walk_filter_bit(key.a);
		w->filter[bit >> 3] |= (uint8_t)(1u << (bit & 7));
	}
	return true;
}

/* What both allocators' walks need. */
static enum psc_status make_workers(struct psc_walk *w, const struct psc_hashmap *cached, struct psc_error *reterr)
{
	w->has_cookie = psc_pool_quota_cookie(w->k, &w->cookie);
	w->n_workers = psc_effective_threads(w->opts->n_threads, SIZE_MAX);
	w->workers = calloc(w->n_workers, sizeof(*w->workers));
	if (!filter_make(w, cached) || !w->workers)
		return psc_fail_no_memory(reterr);
	for (unsigned i = 0; i < w->n_workers; i++) {
		w->workers[i] = calloc(1, sizeof(*w->workers[i]));
		if (!w->workers[i])
			return psc_fail_no_memory(reterr);
		psc_reader_init(&w->workers[i]->reader, &w->k->space);
		w->workers[i]->ctx = w->order ? NULL : w->opts->worker_ctx[i];
	}
	return PSC_OK;
}

static void sum_coverage(struct psc_walk *w)
{
	for (unsigned i = 0; i < w->n_workers; i++)
		for (unsigned p = 0; p < PSC_POOL_MAX; p++)
			psc_walk_coverage_add(&w->coverage[p], &w->workers[i]->coverage[p]);
}

/* ---- batches ---- */

static enum psc_status flush(struct psc_walk *w, struct psc_error *reterr)
{
	if (w->n_runs == 0)
		return PSC_OK;
	w->job_start[w->n_jobs] = (uint32_t)w->n_runs;
	enum psc_status r = psc_walk_run_batch(w, w->n_jobs, psc_walk_job, reterr);
	w->n_runs = w->n_jobs = 0;
	w->batch_bytes = w->job_bytes = 0;
	return r;
}

static void add_run(struct psc_walk *w, const struct psc_va_run *run, uint16_t region)
{
	if (w->n_jobs == 0 || w->job_bytes >= w->max_job_bytes) {
		w->job_start[w->n_jobs++] = (uint32_t)w->n_runs;
		w->job_bytes = 0;
	}
	struct psc_walk_run *r = &w->runs[w->n_runs++];
	r->va = run->va;
	r->size_bytes = run->size_bytes;
	r->pa = run->pa;
	r->is_nx = run->is_nx;
	r->region = region;
	w->job_bytes += run->size_bytes;
	w->batch_bytes += run->size_bytes;
}

/* How much of [lo, hi) live big allocations cover. */
static uint64_t big_overlap(const struct psc_walk *w, uint64_t lo, uint64_t hi)
{
	uint64_t sum = 0;
	if (w->big.n == 0)
		return 0;
	const struct psc_range *end = w->big.items + w->big.n;
	for (const struct psc_range *r = psc_rangeset_next(&w->big, lo); r && r < end && r->lo <= hi - 1; r++)
		sum += psc_min_u64(r->hi - 1, hi - 1) - psc_max_u64(r->lo, lo) + 1;
	return sum;
}

/* What needs no parsing. Contents of big allocations are not needed: their table answers for them. */
static void count_run(struct psc_walk *w, const struct psc_va_run *run, struct psc_walk_coverage *cov)
{
	if (run->state == PSC_VA_UNKNOWN || run->state == PSC_VA_CORRUPT) {
		cov->unknown_bytes += run->size_bytes;
		return;
	}
	uint64_t big = big_overlap(w, run->va, run->va + run->size_bytes);
	uint64_t rest = run->size_bytes - psc_min_u64(big, run->size_bytes);
	cov->mapped_bytes += run->size_bytes;
	cov->read_bytes += run->size_bytes - rest;
	cov->big_bytes += run->size_bytes - rest;
	if (run->state == PSC_VA_PRESENT || run->state == PSC_VA_TRANSITION)
		cov->not_in_dump_bytes += rest;
	else
		cov->paged_out_bytes += rest;
}

/* A frame of the pool is mapped once, few of kernel space more than twice: page tables made to repeat must not keep us
 * for ever. */
static bool work_is_left(const struct psc_walk *w, uint64_t done)
{
	const uint64_t present = psc_image_pages_present(w->k->img);
	return done / PSC_PAGE_BYTES / 4 <= present + 16384 && w->n_absent_runs / 512 <= present + 128;
}

bool psc_walk_is_interrupted(struct psc_walk *w)
{
	w->is_interrupted = w->is_interrupted || psc_image_is_cancelled(w->k->img);
	return w->is_interrupted;
}

static enum psc_status walk_region(struct psc_walk *w, size_t index, struct psc_progress *progress, uint64_t *done,
				   struct psc_warnings *warnings, struct psc_error *reterr)
{
	const struct psc_pool_region *region = &w->regions.items[index];
	struct psc_run_iter it;
	struct psc_va_run run;
	enum psc_status r;
	uint64_t hole_end = 0;
	/* hi is exclusive and 0 at the end of the address space. */
	uint64_t lo = psc_max_u64(region->lo, w->opts->lo & ~(uint64_t)(PSC_PAGE_BYTES - 1));
	uint64_t last = psc_min_u64(region->hi - 1, w->opts->hi - 1);
	if (lo > last)
		return PSC_OK;
	psc_run_iter_init(&it, &w->k->reader, lo, (last | (PSC_PAGE_BYTES - 1)) + 1, w->max_run_bytes);
	while ((r = work_is_left(w, *done) ? psc_run_iter_next(&it, &run, reterr) : PSC_E_LIMIT) == PSC_OK) {
		if (psc_walk_is_interrupted(w))
			return PSC_OK;
		/* A large hole, of a table that is missing, comes in pieces. */
		bool is_piece = run.state == PSC_VA_UNKNOWN && run.va == hole_end;
		hole_end = run.state == PSC_VA_UNKNOWN ? run.va + run.size_bytes : 0;
		w->n_absent_runs += run.state != PSC_VA_PRESENT && !is_piece;
		bool in_memory = run.state == PSC_VA_PRESENT || run.state == PSC_VA_TRANSITION;
		if (run.state == PSC_VA_DEMAND_ZERO)
			continue;
		/* Nonpaged pool is never paged out: free entries of its page tables are linked like those (pool 3.3).
		 */
		if (run.state == PSC_VA_PAGED_OUT && region->pool == PSC_POOL_NONPAGED && !region->either &&
		    !w->k->is_vista_or_later)
			continue;
		/* Entries of special pool's guard pages, and of free pages, look like those of pages paged out; and of
		 * all kernel space, missing pages say nothing. */
		if (region->special && (!in_memory || (region->by_bytes && run.presence != PSC_PAGE_PRESENT)))
			continue;
		if (!in_memory || run.presence != PSC_PAGE_PRESENT) {
			count_run(w, &run, &w->coverage[region->pool]);
			continue;
		}
		add_run(w, &run, (uint16_t)index);
		*done += run.size_bytes;
		if (w->n_runs < PSC_WALK_RUNS && w->batch_bytes < w->max_batch_bytes * w->n_workers)
			continue;
		r = flush(w, reterr);
		if (r != PSC_OK)
			return r;
		if (!psc_progress_report(progress, *done))
			return psc_fail(reterr, PSC_E_CANCELLED, PSC_WHERE_NONE, 0, "cancelled");
	}
	if (r == PSC_E_LIMIT) {
		psc_warn(warnings, "page tables of the %s pool repeat themselves: the rest of its range was not walked",
			 psc_pool_name(region->pool));
		if (it.next_va - 1 < last)
			w->coverage[region->pool].unknown_bytes += last - (it.next_va - 1);
		r = PSC_DONE;
	}
	return r == PSC_DONE ? PSC_OK : r;
}

static enum psc_status walk_small(struct psc_walk *w, struct psc_warnings *warnings, struct psc_error *reterr)
{
	struct psc_kernel *k = w->k;
	struct psc_progress progress = {w->opts->progress, w->opts->progress_arg, "walking pool", 0, 0};
	struct psc_pool_counter counters[2];
	struct psc_pool_descriptors d;
	uint64_t done = 0;
	enum psc_status r = psc_cached_collect(k, warnings, &w->cached, reterr);
	if (r == PSC_OK)
		r = make_workers(w, &w->cached.data_vas, reterr);
	if (r != PSC_OK)
		return r;
	w->runs = calloc(PSC_WALK_RUNS, sizeof(*w->runs));
	w->job_start = calloc(PSC_WALK_RUNS + 1, sizeof(*w->job_start));
	if (!w->runs || !w->job_start)
		return psc_fail_no_memory(reterr);
	if (w->opts->find_defects) {
		psc_pool_descriptors_find(k, &d);
		memcpy(w->n_indices, d.n_indices, sizeof(w->n_indices));
	}
	psc_pool_counters(k, counters);
	if (counters[0].known && counters[1].known)
		progress.total = counters[0].bytes + counters[1].bytes;
	for (size_t i = 0; i < w->regions.n && !psc_walk_is_interrupted(w); i++) {
		r = walk_region(w, i, &progress, &done, warnings, reterr);
		if (r != PSC_OK)
			return r;
	}
	r = flush(w, reterr);
	if (r == PSC_OK && !psc_progress_report(&progress, done))
		r = psc_fail(reterr, PSC_E_CANCELLED, PSC_WHERE_NONE, 0, "cancelled");
	sum_coverage(w);
	return r;
}

static enum psc_status walk_heaps(struct psc_walk *w, struct psc_arena *arena, struct psc_warnings *warnings,
				  struct psc_walk_result *ret, struct psc_error *reterr)
{
	enum psc_status r = make_workers(w, &w->seg->cached.data_vas, reterr);
	if (r == PSC_OK)
		r = psc_seg_walk(w, warnings, reterr);
	if (r != PSC_OK)
		return r;
	sum_coverage(w);
	psc_seg_result(w, arena, ret);
	return PSC_OK;
}

/* The distinct sources of a pool's regions, in order. */
static const char *source_text(const struct psc_pool_regions *regions, enum psc_pool pool, struct psc_arena *arena)
{
	const char *text = NULL;
	for (size_t i = 0; i < regions->n; i++) {
		const struct psc_pool_region *r = &regions->items[i];
		if (r->pool != pool || r->special)
			continue;
		if (!text)
			text = r->source;
		else if (!strstr(text, r->source)) {
			const char *longer = psc_arena_printf(arena, "%s; %s", text, r->source);
			if (!longer)
				break;
			text = longer;
		}
	}
	/* Regions in which headers tell the pools apart stand for both. */
	for (size_t i = 0; i < regions->n && !text; i++)
		if (regions->items[i].by_bytes && !regions->items[i].special)
			text = regions->items[i].source;
	return text;
}

static void walk_deinit(struct psc_walk *w)
{
	for (unsigned i = 0; w->workers && i < w->n_workers; i++) {
		if (w->workers[i]) {
			psc_defects_deinit(&w->workers[i]->defects);
			psc_defects_deinit(&w->workers[i]->special_records);
			psc_defects_deinit(&w->workers[i]->special_guards);
		}
		free(w->workers[i]);
	}
	psc_defects_deinit(&w->defects);
	free(w->workers);
	free(w->runs);
	free(w->job_start);
	free(w->filter);
	psc_walk_order_deinit(w);
	psc_cached_deinit(&w->cached);
	psc_rangeset_deinit(&w->big);
}

static void merge_special_defects(struct psc_walk *w)
{
	uint64_t n = 0, n_records = 0, n_guards = 0;
	struct psc_defects guards = {0};
	for (unsigned i = 0; i < w->n_workers; i++) {
		n += w->workers[i]->n_special;
		n_records += w->workers[i]->special_records.n_found;
		n_guards += w->workers[i]->special_guards.n_found;
	}
	for (unsigned i = 0; i < w->n_workers; i++) {
		if (n_records * 8 <= n)
			psc_defects_merge(&w->defects, &w->workers[i]->special_records);
		if (n_guards * 8 <= n)
			psc_defects_merge(&guards, &w->workers[i]->special_guards);
	}
	/* A page may guard the blocks on either side. */
	psc_defects_sort(&guards);
	for (size_t i = 0; i < guards.n; i++)
		if (i == 0 || guards.items[i].va != guards.items[i - 1].va)
			psc_defects_add(&w->defects, &guards.items[i]);
	w->defects.no_memory = w->defects.no_memory || guards.no_memory;
	psc_defects_deinit(&guards);
}

/* Defects of the walk, the tables and lists, and of the heaps in ret already, as one list. */
static enum psc_status gather_defects(struct psc_walk *w, struct psc_arena *arena, struct psc_walk_result *ret,
				      struct psc_error *reterr)
{
	if (w->opts->lo == 0 && w->opts->hi == 0) {
		if (!psc_big_pages_defects(w->k, &w->regions, &w->defects) || !psc_sessions_defects(w->k, &w->defects))
			return psc_fail_no_memory(reterr);
		psc_free_lists_defects(w->k, &w->defects);
	}
	psc_defects_merge(&w->defects, &w->cached.defects);
	for (unsigned i = 0; i < w->n_workers; i++)
		psc_defects_merge(&w->defects, &w->workers[i]->defects);
	merge_special_defects(w);
	uint64_t n_found = w->defects.n_found + ret->n_defects_found;
	for (size_t i = 0; i < ret->n_defects; i++)
		psc_defects_add(&w->defects, &ret->defects[i]);
	psc_defects_sort(&w->defects);
	struct psc_defect *items = psc_arena_alloc(arena, (w->defects.n + 1) * sizeof(*items));
	if (!items || w->defects.no_memory)
		return psc_fail_no_memory(reterr);
	if (w->defects.n != 0)
		memcpy(items, w->defects.items, w->defects.n * sizeof(*items));
	ret->defects = items;
	ret->n_defects = w->defects.n;
	ret->n_defects_found = n_found;
	return PSC_OK;
}

static void read_descriptors(struct psc_kernel *k, struct psc_walk_result *ret)
{
	struct psc_pool_descriptors d;
	psc_pool_descriptors_find(k, &d);
	for (unsigned p = 0; p < 2; p++)
		ret->has_descriptor_pages[p] =
			psc_pool_descriptors_pages(k, &d, p == PSC_POOL_PAGED, &ret->descriptor_pages[p]);
}

static bool has_session_heap(const struct psc_walk_result *result)
{
	for (size_t i = 0; i < result->n_heaps; i++)
		if (result->heaps[i].pool == PSC_POOL_SESSION)
			return true;
	return false;
}

/* Pages of special pool that are paged out look like free ones. */
static void check_special_pages(const struct psc_walk *w, struct psc_warnings *warnings)
{
	uint64_t counted, found = 0;
	for (unsigned p = 0; p < PSC_POOL_MAX; p++)
		found += w->coverage[p].special_bytes / PSC_PAGE_BYTES;
	if (w->opts->lo == 0 && w->opts->hi == 0 && psc_special_pages_in_use(w->k, &counted) && counted > found)
		psc_warn(warnings,
			 "special pool: %llu pages are in use by the kernel's count, %llu were found; the others are "
			 "paged out, not in this dump, or do not show as such",
			 (unsigned long long)counted, (unsigned long long)found);
}

/* What an interrupted walk did not reach: of heaps their segments, else by the kernel's counter, 0 where that is not
 * known. */
static uint64_t unvisited(const struct psc_walk *w, enum psc_pool pool, const struct psc_walk_coverage *c)
{
	struct psc_pool_counter counters[2];
	uint64_t sum = 0, seen = c->mapped_bytes + c->unknown_bytes;
	if (!w->seg) {
		psc_pool_counters(w->k, counters);
		sum = pool < 2 && counters[pool].known ? counters[pool].bytes : 0;
	}
	for (size_t i = 0; w->seg && i < w->seg->n_segments; i++) {
		const struct psc_heap_segment *g = &w->seg->segments[i];
		const struct psc_heap *h = &w->seg->heaps[g->heap];
		if (h->pool == pool)
			sum += h->contexts[g->context].segment_bytes;
	}
	return sum > seen ? sum - seen : 0;
}

enum psc_status psc_pool_walk(struct psc_kernel *k, const struct psc_walk_options *opts, struct psc_arena *arena,
			      struct psc_warnings *warnings, struct psc_walk_result *ret, struct psc_error *reterr)
{
	struct psc_walk w = {0};
	struct big_visit v = {0};
	struct psc_seg seg = {0};
	enum psc_allocator allocator = psc_pool_allocator(k);
	bool has_tables = k->id.build != 0 && k->space.mmu != PSC_MMU_NONE, is_heap = false;
	memset(ret, 0, sizeof(*ret));
	w.k = k;
	w.opts = opts;
	v.w = &w;
	psc_pool_rules_init(&w.rules, k->id.build, psc_kernel_is_64bit(k));
	psc_pool_regions_find(k, warnings, &w.regions);
	enum psc_status r = psc_walk_order_init(&w, reterr);
	if (r == PSC_OK && has_tables && allocator == PSC_ALLOCATOR_SEGMENT_HEAP) {
		r = psc_seg_init(&seg, k, warnings, reterr);
		is_heap = seg.has_family;
		w.seg = is_heap ? &seg : NULL;
	}
	ret->small_blocks_supported = v.keep_ranges =
		has_tables && (is_heap || allocator != PSC_ALLOCATOR_SEGMENT_HEAP);
	if (r == PSC_OK)
		r = take_big(&w, arena, warnings, &v, ret, reterr);
	if (r != PSC_OK)
		goto out;
	w.has_big = ret->big.available;
	if (is_heap)
		r = walk_heaps(&w, arena, warnings, ret, reterr);
	else if (ret->small_blocks_supported)
		r = walk_small(&w, warnings, reterr);
	if (r == PSC_OK)
		r = psc_walk_order_finish(&w, reterr);
	ret->is_interrupted = ret->small_blocks_supported && psc_walk_is_interrupted(&w);
	if (r == PSC_OK && opts->find_defects)
		r = gather_defects(&w, arena, ret, reterr);
	if (r != PSC_OK)
		goto out;
	if (ret->small_blocks_supported && !is_heap) {
		read_descriptors(k, ret);
		if (!ret->is_interrupted)
			check_special_pages(&w, warnings);
	}
	ret->n_coverage = 2 + has_session_heap(ret);
	for (unsigned p = 0; p < ret->n_coverage; p++) {
		struct psc_walk_coverage *c = &ret->coverage[p];
		*c = w.coverage[p];
		c->pool = (enum psc_pool)p;
		c->big_only = !ret->small_blocks_supported;
		c->cached_known = ret->small_blocks_supported && !w.cached.not_found;
		c->range_known = is_heap || (p == PSC_POOL_NONPAGED ? w.regions.has_nonpaged : w.regions.has_paged);
		c->range_source = is_heap ? psc_arena_printf(arena, "segments of the heaps of %s", seg.source)
					  : source_text(&w.regions, (enum psc_pool)p, arena);
		c->live_blocks += v.live[p];
		if (is_heap && p < 2)
			ret->pages[p].walked_bytes += v.no_heap_bytes[p];
		if (!ret->small_blocks_supported || !c->range_known)
			c->big_bytes = v.bytes[p];
		if (ret->is_interrupted)
			c->unvisited_bytes = unvisited(&w, (enum psc_pool)p, c);
	}
out:
	walk_deinit(&w);
	psc_seg_deinit(&seg);
	return r;
}
