/* SPDX-License-Identifier: MIT */
/* One walk of the pool for owner: every tag's sums, and of one tag its sizes, its charged processes and, for objects
 * that the kernel lists, how many of those are in them. One state per worker, merged afterwards. */
#include "report/coverage.h"
#include "report/owner_internal.h"
#include "util/error.h"
#include "util/threads.h"

#include <stdlib.h>
#include <string.h>

#define KIND_HEADER 1u /* a pool header stands before the data */
#define KIND_BIG    2u

struct counts {
	uint64_t blocks, bytes;
};

struct worker {
	struct psc_tally tally;
	struct psc_hashmap classes; /* a = pool << 8 | kind, b = block bytes: struct counts */
	struct psc_hashmap charged; /* a = eprocess: struct counts */
	const struct psc_owner_objects *objects;
	uint32_t tag;
	uint64_t holding_listed, uncharged;
	bool is_protected, no_memory, full;
};

static void worker_init(struct worker *s, const struct psc_owner_work *w)
{
	memset(s, 0, sizeof(*s));
	psc_tally_init(&s->tally, false);
	psc_hashmap_init(&s->classes, sizeof(struct counts), PSC_OWNER_CLASSES_MAX);
	psc_hashmap_init(&s->charged, sizeof(struct counts), PSC_OWNER_CHARGED_MAX);
	s->objects = &w->objects;
	s->tag = w->tag;
}

static void worker_deinit(struct worker *s)
{
	psc_tally_deinit(&s->tally);
	psc_hashmap_deinit(&s->classes);
	psc_hashmap_deinit(&s->charged);
}

static void count(struct worker *s, struct psc_hashmap *map, struct psc_hashkey key, uint64_t blocks, uint64_t bytes)
{
	struct counts *c = (struct counts *)psc_hashmap_put(map, key, NULL);
	if (!c) {
		if (map->n >= map->max_n)
			s->full = true;
		else
			s->no_memory = true;
		return;
	}
	c->blocks += blocks;
	c->bytes += bytes;
}

static void on_block(void *ctx, const struct psc_block *b)
{
	struct worker *s = (struct worker *)ctx;
	psc_tally_block(&s->tally, b);
	if (b->state != PSC_BLOCK_ALLOCATED || !b->has_tag || (b->tag & ~PSC_TAG_PROTECTED) != s->tag)
		return;
	bool has_header = !b->is_big && b->kind != PSC_BLOCK_KIND_SPECIAL;
	uint64_t kind = (has_header ? KIND_HEADER : 0) | (b->is_big ? KIND_BIG : 0);
	s->is_protected |= (b->tag & PSC_TAG_PROTECTED) != 0;
	count(s, &s->classes, (struct psc_hashkey){(uint64_t)b->pool << 8 | kind, b->size_bytes}, 1, b->size_bytes);
	if (b->process != 0)
		count(s, &s->charged, (struct psc_hashkey){b->process, 0}, 1, b->size_bytes);
	else
		s->uncharged++;
	s->holding_listed += psc_owner_holds_object(s->objects, b->va, b->va + b->size_bytes);
}

static void merge_map(struct worker *into, struct psc_hashmap *map, const struct psc_hashmap *from)
{
	size_t pos = 0;
	struct psc_hashkey key;
	void *value;
	while (psc_hashmap_next(from, &pos, &key, &value)) {
		const struct counts *c = (const struct counts *)value;
		count(into, map, key, c->blocks, c->bytes);
	}
}

static void merge(struct worker *into, const struct worker *from)
{
	psc_tally_merge(&into->tally, &from->tally);
	merge_map(into, &into->classes, &from->classes);
	merge_map(into, &into->charged, &from->charged);
	into->holding_listed += from->holding_listed;
	into->uncharged += from->uncharged;
	into->is_protected |= from->is_protected;
	into->no_memory |= from->no_memory;
	into->full |= from->full;
}

static enum psc_status walk_with(struct psc_owner_work *w, unsigned n_threads, struct worker *sum,
				 struct psc_walk_result *result, struct psc_error *reterr)
{
	unsigned n = psc_effective_threads(n_threads, SIZE_MAX);
	struct worker *workers = (struct worker *)calloc(n, sizeof(*workers));
	void **ctx = (void **)calloc(n, sizeof(*ctx));
	enum psc_status st = PSC_E_NO_MEMORY;
	if (!workers || !ctx) {
		free(workers);
		free(ctx);
		return psc_fail_no_memory(reterr);
	}
	for (unsigned i = 0; i < n; i++) {
		worker_init(&workers[i], w);
		ctx[i] = &workers[i];
	}
	const struct psc_walk_options o = {
		.n_threads = n,
		.on_block = on_block,
		.worker_ctx = ctx,
		.progress = w->o->progress,
		.progress_arg = w->o->progress_arg,
	};
	st = psc_pool_walk(w->k, &o, &w->r->arena, &w->r->warnings, result, reterr);
	for (unsigned i = 0; i < n; i++) {
		if (st == PSC_OK)
			merge(sum, &workers[i]);
		worker_deinit(&workers[i]);
	}
	free(workers);
	free(ctx);
	return st;
}

/* What a limit cuts off must not depend on threads: then on one. */
static enum psc_status walk(struct psc_owner_work *w, struct worker *sum, struct psc_error *reterr)
{
	struct psc_walk_result result;
	struct psc_owner *r = w->r;
	enum psc_status st = walk_with(w, w->o->n_threads, sum, &result, reterr);
	if (st == PSC_OK && (sum->full || sum->tally.overflowed) &&
	    psc_effective_threads(w->o->n_threads, SIZE_MAX) > 1) {
		worker_deinit(sum);
		worker_init(sum, w);
		st = walk_with(w, 1, sum, &result, reterr);
	}
	if (st != PSC_OK)
		return st;
	r->info.walk_ratio = 1.0;
	r->n_coverage = 2;
	for (int i = 0; i < 2; i++) {
		double ratio = psc_walk_coverage_ratio(&result.coverage[i]);
		r->coverage[i] = result.coverage[i];
		if (ratio < r->info.walk_ratio)
			r->info.walk_ratio = ratio;
	}
	psc_warn_no_heaps(&r->warnings, w->k, &result, "were looked at");
	return PSC_OK;
}

/* ---- results ---- */

/* What may have been asked for (pool 2.1, 4, 6.8). */
static struct psc_owner_request request_of(const struct psc_owner_work *w, uint64_t kind, uint64_t block_bytes)
{
	const uint64_t unit = w->k->space.is_32bit ? 8 : 16;
	uint64_t header = (kind & KIND_HEADER) != 0 ? unit : 0, step = unit;
	struct psc_owner_request q;
	if ((kind & KIND_BIG) != 0 && block_bytes % PSC_PAGE_BYTES == 0)
		step = PSC_PAGE_BYTES;
	q.hi = block_bytes > header ? block_bytes - header : 0;
	q.lo = q.hi > step ? q.hi - step + 1 : 0;
	q.lo_slack = q.lo > unit ? q.lo - unit : 0;
	return q;
}

struct class_item {
	struct psc_owner_class c;
	struct psc_owner_request q;
	uint64_t kind;
};

static int by_class(const void *pa, const void *pb)
{
	const struct class_item *a = (const struct class_item *)pa, *b = (const struct class_item *)pb;
	if (a->c.pool != b->c.pool)
		return a->c.pool < b->c.pool ? -1 : 1;
	if (a->c.block_bytes != b->c.block_bytes)
		return a->c.block_bytes < b->c.block_bytes ? -1 : 1;
	return (a->kind > b->kind) - (a->kind < b->kind);
}

static bool take_classes(struct psc_owner_work *w, const struct worker *sum)
{
	struct psc_owner *r = w->r;
	struct class_item *items = (struct class_item *)calloc(sum->classes.n + 1, sizeof(*items));
	size_t pos = 0, n = 0;
	struct psc_hashkey key;
	void *value;
	r->classes =
		(struct psc_owner_class *)psc_arena_alloc_array(&r->arena, sum->classes.n + 1, sizeof(*r->classes));
	w->requests =
		(struct psc_owner_request *)psc_arena_alloc_array(&r->arena, sum->classes.n + 1, sizeof(*w->requests));
	if (!items || !r->classes || !w->requests) {
		free(items);
		return false;
	}
	while (psc_hashmap_next(&sum->classes, &pos, &key, &value)) {
		const struct counts *c = (const struct counts *)value;
		struct class_item *i = &items[n++];
		i->kind = key.a & 0xff;
		i->c.pool = (enum psc_pool)(key.a >> 8);
		i->c.block_bytes = key.b;
		i->c.live = c->blocks;
		i->c.live_bytes = c->bytes;
		i->q = request_of(w, i->kind, key.b);
		r->info.seen += c->blocks;
		r->info.seen_bytes += c->bytes;
	}
	if (n > 1)
		qsort(items, n, sizeof(*items), by_class);
	for (size_t i = 0; i < n; i++) {
		r->classes[i] = items[i].c;
		w->requests[i] = items[i].q;
	}
	r->n_classes = n;
	free(items);
	return true;
}

static int by_blocks(const void *pa, const void *pb)
{
	const struct psc_owner_charge *a = (const struct psc_owner_charge *)pa,
				      *b = (const struct psc_owner_charge *)pb;
	if (a->blocks != b->blocks)
		return a->blocks > b->blocks ? -1 : 1;
	return (a->eprocess > b->eprocess) - (a->eprocess < b->eprocess);
}

static bool take_charged(struct psc_owner_work *w, const struct worker *sum)
{
	size_t pos = 0;
	struct psc_hashkey key;
	void *value;
	w->charged =
		(struct psc_owner_charge *)psc_arena_alloc_array(&w->r->arena, sum->charged.n + 1, sizeof(*w->charged));
	if (!w->charged)
		return false;
	while (psc_hashmap_next(&sum->charged, &pos, &key, &value)) {
		const struct counts *c = (const struct counts *)value;
		w->charged[w->n_charged++] = (struct psc_owner_charge){key.a, c->blocks, c->bytes};
	}
	if (w->n_charged > 1)
		qsort(w->charged, w->n_charged, sizeof(*w->charged), by_blocks);
	return true;
}

/* Live bytes of a pool: of the trackers where their sums are whole, else of the walk. */
static uint64_t pool_bytes(const struct psc_owner_work *w, enum psc_pool pool)
{
	uint64_t tracked = 0, walked = 0;
	size_t pos = 0;
	struct psc_tally_key key;
	struct psc_tally_value *v;
	bool is_whole = w->trackers.available && (pool != PSC_POOL_SESSION || w->trackers.has_session);
	for (size_t i = 0; i < w->trackers.n_rows && is_whole; i++) {
		const struct psc_tracker_row *t = &w->trackers.rows[i];
		int64_t bytes = psc_tracker_bytes(&w->trackers, &t->half[pool]);
		is_whole = !(pool == PSC_POOL_SESSION ? w->trackers.session_incomplete : t->incomplete);
		tracked += bytes > 0 ? (uint64_t)bytes : 0;
	}
	while (psc_tally_next(&w->tally, &pos, &key, &v))
		walked += key.pool == pool ? v->counts.live_bytes : 0;
	return is_whole ? tracked : walked;
}

static void take_use(struct psc_owner_work *w)
{
	struct psc_owner_info *info = &w->r->info;
	const struct psc_tracker_row *t = NULL;
	for (size_t i = 0; i < w->trackers.n_rows && !t; i++)
		if (w->trackers.rows[i].tag == w->tag)
			t = &w->trackers.rows[i];
	info->is_protected |= t && t->is_protected;
	for (int p = 0; p < PSC_POOL_MAX; p++) {
		struct psc_owner_use *u = &info->use[p];
		const struct psc_tally_value *v = psc_tally_get(&w->tally, w->tag, (enum psc_pool)p);
		bool is_session = p == PSC_POOL_SESSION;
		if (t && (!is_session || w->trackers.has_session)) {
			const struct psc_tracker_counts *c = &t->half[p];
			u->has_tracker = true;
			u->allocs = c->allocs;
			u->frees = c->frees;
			u->has_live = !(is_session ? w->trackers.session_incomplete : t->incomplete);
			if (u->has_live) {
				u->live = psc_tracker_live(&w->trackers, c);
				u->live_bytes = psc_tracker_bytes(&w->trackers, c);
			}
		}
		u->has_walk = v != NULL;
		u->seen = v ? v->counts.live : 0;
		u->seen_bytes = v ? v->counts.live_bytes : 0;
		u->is_used = u->seen != 0 || (u->has_tracker && (u->allocs | u->frees) != 0);
		uint64_t whole = u->is_used ? pool_bytes(w, (enum psc_pool)p) : 0;
		uint64_t part = u->has_live && u->live_bytes > 0 ? (uint64_t)u->live_bytes : u->seen_bytes;
		u->has_share = whole != 0;
		u->share = whole == 0 ? 0.0 : part >= whole ? 1.0 : (double)part / (double)whole;
	}
	uint32_t reversed = 0;
	for (int i = 0; i < 4; i++)
		reversed |= (uint32_t)info->reversed_tag[i] << (8 * i);
	for (int p = 0; p < PSC_POOL_MAX && reversed != w->tag; p++) {
		const struct psc_tally_value *v = psc_tally_get(&w->tally, reversed, (enum psc_pool)p);
		info->reversed_seen += v ? v->counts.live : 0;
	}
}

enum psc_status psc_owner_walk(struct psc_owner_work *w, struct psc_error *reterr)
{
	struct worker sum;
	struct psc_scan_result scan;
	enum psc_status st;
	worker_init(&sum, w);
	if (w->k->space.mmu == PSC_MMU_NONE) {
		st = psc_scan_saved(w->k, on_block, &sum, &scan, reterr);
		if (st == PSC_OK)
			psc_warn(&w->r->warnings, "this small dump holds pool headers near registers and stacks only: "
						  "a kernel or complete dump is needed for all blocks");
	} else {
		st = walk(w, &sum, reterr);
	}
	if (st == PSC_OK && (sum.no_memory || sum.tally.no_memory || !take_classes(w, &sum) || !take_charged(w, &sum)))
		st = psc_fail_no_memory(reterr);
	if (st == PSC_OK) {
		if (sum.full)
			psc_warn(&w->r->warnings,
				 "blocks of this tag have more than %zu sizes or processes: the rest was not looked at",
				 PSC_OWNER_CLASSES_MAX);
		psc_tally_deinit(&w->tally);
		w->tally = sum.tally;
		psc_tally_init(&sum.tally, false);
		w->holding_listed = sum.holding_listed;
		w->uncharged = sum.uncharged;
		w->r->info.is_protected = sum.is_protected;
		take_use(w);
	}
	worker_deinit(&sum);
	return st;
}
