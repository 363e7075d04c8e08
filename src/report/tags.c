/* SPDX-License-Identifier: MIT */
/* Full outer join of tracker rows and walked blocks by (tag, pool). Figures of different sources stand side by side and
 * are never added up. */
#include "report/tags.h"
#include "report/coverage.h"
#include "util/checked.h"
#include "util/error.h"
#include "util/threads.h"
#include "util/vec.h"
#include <stdlib.h>
#include <string.h>

const char *psc_row_source_name(enum psc_row_source source)
{
	switch (source) {
	case PSC_SOURCE_TRACKER:
		return "tracker";
	case PSC_SOURCE_WALK:
		return "walk";
	case PSC_SOURCE_SCAN:
		return "scan";
	case PSC_SOURCE_TRACKER_PARTIAL:
		return "tracker_partial";
	}
	return "unknown";
}

struct walk_state {
	struct psc_tally tally; /* merged */
	bool wanted;
	bool done; /* tally is valid */
	bool big_only;
	bool is_scan;
	struct psc_walk_result result;
};

static struct psc_tag_row *new_row(struct psc_tags *t, uint32_t tag, enum psc_pool pool)
{
	if (!PSC_VEC_RESERVE_ONE(t))
		return NULL;
	struct psc_tag_row *row = &t->items[t->n++];
	memset(row, 0, sizeof(*row));
	for (int i = 0; i < 4; i++)
		row->tag[i] = (uint8_t)(tag >> (8 * i));
	row->pool = pool;
	return row;
}

static bool counts_are_zero(const struct psc_walk_counts *c)
{
	return (c->live | c->free | c->cached) == 0;
}

static void set_walk(struct psc_tag_row *row, const struct walk_state *w, const struct psc_tally_value *v)
{
	if (!w->done)
		return;
	/* Session space has no walk but that of its heaps; else only the system's big-page table shows some of it. */
	if (v == NULL && (w->big_only || w->result.is_interrupted || w->is_scan ||
			  (row->pool == PSC_POOL_SESSION && !w->result.sessions_walked)))
		return;
	row->has_walk = true;
	row->walk_big_only =
		w->big_only || (row->pool < 2 && !w->is_scan && !w->result.coverage[row->pool].range_known);
	row->walk_cached_unknown = !row->walk_big_only && !w->is_scan && !w->result.coverage[0].cached_known;
	if (v != NULL) {
		row->walk = v->counts;
		row->is_protected |= v->is_protected;
	}
}

static bool add_tracker_rows(struct psc_tags *t, const struct psc_trackers *trackers, const struct walk_state *w)
{
	for (size_t i = 0; i < trackers->n_rows; i++) {
		const struct psc_tracker_row *tr = &trackers->rows[i];
		for (int pool = 0; pool < PSC_POOL_MAX; pool++) {
			const struct psc_tracker_counts *c = &tr->half[pool];
			struct psc_tally_value *v =
				w->done ? psc_tally_get(&w->tally, tr->tag, (enum psc_pool)pool) : NULL;
			/* No table of a session was read: nothing is known, not even that there is nothing. */
			bool is_session = pool == PSC_POOL_SESSION;
			bool is_unread = is_session && !trackers->has_session;
			bool no_tracker = is_unread || (c->allocs | c->frees | c->bytes) == 0;
			bool incomplete = is_session ? trackers->session_incomplete : tr->incomplete;
			if (no_tracker && (v == NULL || counts_are_zero(&v->counts)))
				continue;
			struct psc_tag_row *row = new_row(t, tr->tag, (enum psc_pool)pool);
			if (row == NULL)
				return false;
			set_walk(row, w, v);
			if (is_unread) {
				row->source = PSC_SOURCE_WALK;
				continue;
			}
			row->source = incomplete ? PSC_SOURCE_TRACKER_PARTIAL : PSC_SOURCE_TRACKER;
			row->has_tracker = true;
			row->allocs = c->allocs;
			row->frees = c->frees;
			/* Frees on one processor belong to allocations on another: a sum that lacks some is no bound.
			 */
			row->has_live = !incomplete;
			if (row->has_live) {
				row->live = psc_tracker_live(trackers, c);
				row->live_bytes = psc_tracker_bytes(trackers, c);
			}
			row->is_protected |= tr->is_protected;
		}
	}
	return true;
}

/* The tracker row of a tag, or NULL. Rows are sorted by tag in memory order. */
static const struct psc_tracker_row *find_tracker(const struct psc_trackers *trackers, uint32_t tag)
{
	uint8_t want[4];
	for (int i = 0; i < 4; i++)
		want[i] = (uint8_t)(tag >> (8 * i));
	size_t lo = 0, hi = trackers->n_rows;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		uint8_t have[4];
		for (int i = 0; i < 4; i++)
			have[i] = (uint8_t)(trackers->rows[mid].tag >> (8 * i));
		int c = memcmp(have, want, 4);
		if (c == 0)
			return &trackers->rows[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static bool add_walk_rows(struct psc_tags *t, const struct psc_trackers *trackers, const struct walk_state *w)
{
	size_t pos = 0;
	struct psc_tally_key key;
	struct psc_tally_value *v;

	if (!w->done)
		return true;
	while (psc_tally_next(&w->tally, &pos, &key, &v)) {
		if (!w->tally.by_size && trackers->available && find_tracker(trackers, key.tag) != NULL)
			continue; /* joined already */
		if (counts_are_zero(&v->counts))
			continue;
		struct psc_tag_row *row = new_row(t, key.tag, key.pool);
		if (row == NULL)
			return false;
		row->source = w->is_scan ? PSC_SOURCE_SCAN : PSC_SOURCE_WALK;
		row->block_bytes = key.block_bytes;
		set_walk(row, w, v);
	}
	return true;
}

static void set_pages(struct psc_tags_totals *t, const struct psc_pool_pages *p)
{
	if (!p->known)
		return;
	t->has_pages = true;
	t->pages_bytes = p->walked_bytes;
	t->has_heaps_bytes = !p->counted_unknown;
	t->heaps_bytes = t->has_heaps_bytes ? p->counted_bytes : 0;
	if (!t->has_kernel_bytes)
		return;
	uint64_t distance =
		t->kernel_bytes > t->pages_bytes ? t->kernel_bytes - t->pages_bytes : t->pages_bytes - t->kernel_bytes;
	t->pages_difference = (int64_t)(t->kernel_bytes - t->pages_bytes);
	t->pages_explained = p->incomplete || distance <= p->lost_bytes;
}

static void sum_totals(struct psc_tags *t, struct psc_kernel *k, const struct psc_trackers *trackers,
		       const struct walk_state *w, bool by_size)
{
	struct psc_pool_counter counters[2];
	for (int pool = 0; pool < PSC_POOL_MAX; pool++)
		t->totals[pool].pool = (enum psc_pool)pool;
	for (size_t i = 0; i < t->n; i++) {
		const struct psc_tag_row *row = &t->items[i];
		struct psc_tags_totals *sum = &t->totals[row->pool];
		if (row->has_live) {
			sum->tracker_live = (int64_t)((uint64_t)sum->tracker_live + (uint64_t)row->live);
			sum->tracker_live_bytes =
				(int64_t)((uint64_t)sum->tracker_live_bytes + (uint64_t)row->live_bytes);
		}
		sum->tracker_incomplete_rows += row->has_tracker && !row->has_live;
		/* Headers near the crash add up to nothing. */
		if (row->has_walk && row->source != PSC_SOURCE_SCAN) {
			sum->has_walk = true;
			sum->walk.live += row->walk.live;
			sum->walk.live_bytes += row->walk.live_bytes;
			sum->walk.proven += row->walk.proven;
			sum->walk.proven_bytes += row->walk.proven_bytes;
			sum->walk.free += row->walk.free;
			sum->walk.free_bytes += row->walk.free_bytes;
			sum->walk.cached += row->walk.cached;
			sum->walk.cached_bytes += row->walk.cached_bytes;
		}
	}
	bool has_tracker = trackers->available && !by_size;
	t->totals[PSC_POOL_NONPAGED].has_tracker = has_tracker;
	t->totals[PSC_POOL_PAGED].has_tracker = has_tracker;
	t->totals[PSC_POOL_SESSION].has_tracker = has_tracker && trackers->has_session;
	if (k->space.mmu == PSC_MMU_NONE)
		return;
	psc_pool_counters(k, counters);
	for (int pool = 0; pool < 2; pool++) {
		t->totals[pool].has_kernel_bytes = counters[pool].known;
		t->totals[pool].kernel_bytes = counters[pool].bytes;
		t->totals[pool].kernel_source = counters[pool].source;
		if (w->done)
			set_pages(&t->totals[pool], &w->result.pages[pool]);
	}
}

static void set_coverage(struct psc_tags *t, const struct psc_trackers *trackers, const struct walk_state *w)
{
	struct psc_tracker_coverage *tc = &t->trackers;
	tc->available = trackers->available;
	tc->why_not = trackers->available ? NULL : trackers->why_not;
	tc->tables = trackers->n_tables;
	tc->table_bytes = trackers->table_bytes;
	tc->missing_bytes = trackers->table_bytes_missing;
	for (size_t i = 0; i < t->n; i++)
		tc->incomplete_rows += t->items[i].source == PSC_SOURCE_TRACKER_PARTIAL;

	double ratio = 0.0;
	if (trackers->available)
		ratio = psc_fraction(tc->table_bytes - psc_min_u64(tc->missing_bytes, tc->table_bytes),
				     tc->table_bytes);
	else if (w->done && !w->is_scan)
		ratio = 1.0;
	if (w->wanted && !w->is_scan) {
		for (size_t i = 0; i < w->result.n_coverage; i++) {
			const struct psc_walk_coverage *c = &w->result.coverage[i];
			t->coverage[i] = *c;
			double r = w->done ? psc_walk_coverage_ratio(c) : 0.0;
			/* Trackers alone are a complete answer; a walk that was asked for and is partial is not. */
			if (r < ratio)
				ratio = r;
		}
		t->n_coverage = w->result.n_coverage;
	}
	t->coverage_ratio = ratio;
}

static enum psc_status walk_with(struct psc_kernel *k, const struct psc_tags_options *opts, unsigned n_threads,
				 struct psc_tags *t, struct walk_state *w, struct psc_error *reterr)
{
	bool by_size = (opts->flags & PSC_TAGS_BY_SIZE) != 0;
	unsigned n = psc_effective_threads(n_threads, SIZE_MAX);
	struct psc_tally *tallies = (struct psc_tally *)calloc(n, sizeof(*tallies));
	void **ctx = (void **)calloc(n, sizeof(*ctx));
	enum psc_status st = PSC_E_NO_MEMORY;

	psc_tally_deinit(&w->tally);
	psc_tally_init(&w->tally, by_size);
	if (tallies == NULL || ctx == NULL) {
		psc_fail_no_memory(reterr);
		goto out;
	}
	for (unsigned i = 0; i < n; i++) {
		psc_tally_init(&tallies[i], by_size);
		ctx[i] = &tallies[i];
	}
	struct psc_walk_options wopts = {
		.n_threads = n,
		.on_block = psc_tally_block,
		.worker_ctx = ctx,
		.progress = opts->progress,
		.progress_arg = opts->progress_arg,
	};
	memset(&w->result, 0, sizeof(w->result));
	st = psc_pool_walk(k, &wopts, &t->arena, &t->warnings, &w->result, reterr);
	if (st != PSC_OK)
		goto out;
	for (unsigned i = 0; i < n; i++)
		psc_tally_merge(&w->tally, &tallies[i]);
	if (w->tally.no_memory)
		st = psc_fail_no_memory(reterr);
out:
	if (tallies != NULL)
		for (unsigned i = 0; i < n; i++)
			psc_tally_deinit(&tallies[i]);
	free(tallies);
	free(ctx);
	return st;
}

static enum psc_status walk(struct psc_kernel *k, const struct psc_tags_options *opts, struct psc_tags *t,
			    struct walk_state *w, struct psc_error *reterr)
{
	if (k->space.mmu == PSC_MMU_NONE) {
		struct psc_scan_result scan;
		enum psc_status st = psc_scan_saved(k, psc_tally_block, &w->tally, &scan, reterr);
		if (st != PSC_OK)
			return st;
		w->done = w->is_scan = true;
		t->has_scan = true;
		t->keys = scan.keys;
		t->has_keys = psc_pool_allocator(k) == PSC_ALLOCATOR_SEGMENT_HEAP;
		t->scan = psc_scan_coverage_make(&scan);
		psc_warn(&t->warnings,
			 "rows with source \"scan\" are pool headers seen in the %llu bytes that this dump saved: what "
			 "is "
			 "near registers and stacks, not totals; a kernel or complete dump is needed for totals",
			 (unsigned long long)scan.saved_bytes);
	} else {
		enum psc_status st = walk_with(k, opts, opts->n_threads, t, w, reterr);
		/* The key limit must cut the same rows for any number of threads, so it is decided on one. */
		if (st == PSC_OK && w->tally.overflowed && psc_effective_threads(opts->n_threads, SIZE_MAX) > 1)
			st = walk_with(k, opts, 1, t, w, reterr);
		if (st != PSC_OK)
			return st;
		w->done = true;
		t->is_interrupted = w->result.is_interrupted;
		if (t->is_interrupted)
			psc_warn(&t->warnings, "the walk was interrupted: its figures are lower bounds");
		w->big_only = !w->result.small_blocks_supported;
		t->heaps = w->result.heaps;
		t->n_heaps = w->result.n_heaps;
		t->keys = w->result.keys;
		t->has_keys = w->result.n_heaps != 0;
		psc_warn_no_heaps(&t->warnings, k, &w->result, "are walked; the trackers count all");
		if (!w->result.coverage[0].range_known && !w->result.coverage[1].range_known &&
		    !w->result.big.available)
			w->done = false;
	}
	if (w->tally.overflowed)
		psc_warn(&t->warnings,
			 "more than %u different tags: this pool reads as noise; further tags are not listed",
			 PSC_TALLY_MAX_KEYS);
	return PSC_OK;
}

enum psc_status psc_tags_compute(struct psc_kernel *k, const struct psc_tags_options *opts, struct psc_tags **ret,
				 struct psc_error *reterr)
{
	struct psc_trackers trackers = {0};
	struct walk_state w = {0};
	struct psc_tags *t = (struct psc_tags *)calloc(1, sizeof(*t));
	enum psc_status st;

	if (t == NULL)
		return psc_fail_no_memory(reterr);
	t->warnings.arena = &t->arena;
	psc_tally_init(&w.tally, (opts->flags & PSC_TAGS_BY_SIZE) != 0);
	st = psc_trackers_read(k, &t->arena, &t->warnings, &trackers, reterr);
	if (st != PSC_OK)
		goto out;
	if ((opts->flags & PSC_TAGS_NO_WALK) == 0) {
		w.wanted = true;
		st = walk(k, opts, t, &w, reterr);
		if (st != PSC_OK)
			goto out;
	}
	bool ok = true;
	if ((opts->flags & PSC_TAGS_BY_SIZE) == 0 && trackers.available)
		ok = add_tracker_rows(t, &trackers, &w);
	if (!ok || !add_walk_rows(t, &trackers, &w)) {
		st = psc_fail_no_memory(reterr);
		goto out;
	}
	sum_totals(t, k, &trackers, &w, (opts->flags & PSC_TAGS_BY_SIZE) != 0);
	set_coverage(t, &trackers, &w);
	psc_tags_sort(t, PSC_SORT_TAG);
	*ret = t;
	t = NULL;
out:
	psc_tally_deinit(&w.tally);
	psc_tags_free(t);
	return st;
}

void psc_tags_free(struct psc_tags *tags)
{
	if (tags == NULL)
		return;
	free(tags->items);
	psc_warnings_deinit(&tags->warnings);
	psc_arena_deinit(&tags->arena);
	free(tags);
}

const struct psc_tag_row *psc_tags_rows(const struct psc_tags *tags, size_t *ret_count)
{
	*ret_count = tags->n;
	return tags->items;
}

const struct psc_tags_totals *psc_tags_get_totals(const struct psc_tags *tags, size_t *ret_count)
{
	*ret_count = PSC_POOL_MAX;
	return tags->totals;
}

const struct psc_walk_coverage *psc_tags_coverage(const struct psc_tags *tags, size_t *ret_count)
{
	*ret_count = tags->n_coverage;
	return tags->coverage;
}

const char *const *psc_tags_warnings(const struct psc_tags *tags, size_t *ret_count)
{
	*ret_count = tags->warnings.n;
	return tags->warnings.items;
}

const struct psc_heap_row *psc_tags_heaps(const struct psc_tags *tags, size_t *ret_count)
{
	*ret_count = tags->n_heaps;
	return tags->heaps;
}

const struct psc_pool_keys *psc_tags_keys(const struct psc_tags *tags)
{
	return tags->has_keys ? &tags->keys : NULL;
}

const struct psc_tracker_coverage *psc_tags_tracker_coverage(const struct psc_tags *tags)
{
	return &tags->trackers;
}

const struct psc_scan_coverage *psc_tags_scan_coverage(const struct psc_tags *tags)
{
	return tags->has_scan ? &tags->scan : NULL;
}

bool psc_tags_is_interrupted(const struct psc_tags *tags)
{
	return tags->is_interrupted;
}

double psc_tags_coverage_ratio(const struct psc_tags *tags)
{
	return tags->coverage_ratio;
}
