/* SPDX-License-Identifier: MIT */
/* Recorded callers as rows: live blocks of Verifier's records, their lifetime from its table of stacks, and from its
 * log the stack of the newest allocation, or the block itself where its record is missing; other blocks through the
 * kernel's stack-trace database. */
#include "pool/special.h"
#include "report/callers_internal.h"
#include "util/checked.h"
#include "util/error.h"

#include <stdlib.h>
#include <string.h>

/* Live blocks remembered for the log: more than any log holds. */
#define LIVE_MAX ((size_t)1 << 22)
#define SEEN_MAX ((size_t)1 << 22)
/* In the type of a header (reference: pool 2.2); the log exists since Vista. */
#define TYPE_VERIFIER 0x40u

const char *psc_caller_source_name(enum psc_caller_source source)
{
	static const char *const names[PSC_CALLER_MAX] = {
		[PSC_CALLER_VERIFIER] = "verifier", [PSC_CALLER_TRACE] = "trace", [PSC_CALLER_STACKDB] = "stackdb"};
	return (unsigned)source < PSC_CALLER_MAX ? names[source] : NULL;
}

struct psc_caller_sum *psc_caller_sum_of(struct psc_callers_collect *g, struct psc_hashkey key)
{
	struct psc_caller_sum *s = psc_hashmap_put(&g->sums, key, NULL);
	if (!s) {
		if (g->sums.n >= PSC_CALLER_KEYS_MAX)
			g->full = true;
		else
			g->no_memory = true;
	}
	return s;
}

struct psc_caller_sum *psc_caller_sum_at(struct psc_callers_collect *g, uint64_t caller, uint32_t tag,
					 enum psc_pool pool, enum psc_caller_source source, bool is_inferred)
{
	return psc_caller_sum_of(g, psc_caller_key(caller, tag, pool, source, is_inferred));
}

/* By its range where the kernel says which; else by the block's own header. */
static enum psc_pool pool_of(struct psc_callers_collect *g, uint64_t va)
{
	uint8_t bytes[16];
	const unsigned unit = g->rules.unit_bytes;
	struct psc_pool_header h;
	struct psc_special_page special;
	const struct psc_pool_region *r = psc_pool_region_at(&g->regions, va);
	if (r && !r->by_bytes)
		return r->pool;
	if (psc_special_block_at(g->k, &g->rules, va, &special))
		return special.is_paged ? PSC_POOL_PAGED : PSC_POOL_NONPAGED;
	if (va % PSC_PAGE_BYTES == 0 || psc_read_va(&g->k->reader, va - unit, bytes, unit) != unit)
		return PSC_CALLER_POOL_UNKNOWN;
	psc_pool_header_parse(bytes, &g->rules, &h);
	if (h.block_size < 2 || !psc_pool_header_in_use(&h, &g->rules))
		return PSC_CALLER_POOL_UNKNOWN;
	return psc_pool_header_is_paged(&h, &g->rules) ? PSC_POOL_PAGED : PSC_POOL_NONPAGED;
}

/* ---- records of live blocks ---- */

void psc_caller_remember(struct psc_callers_collect *g, uint64_t va, const struct psc_recorded_block *b)
{
	struct psc_hashkey key = {va, 0};
	bool is_new;
	struct psc_recorded_block *l = psc_hashmap_put(&g->live, key, &is_new);
	if (l && is_new)
		*l = *b;
	else if (!l && g->live.n < LIVE_MAX)
		g->no_memory = true;
}

static bool take_block(void *arg, const struct psc_verifier_block *b)
{
	struct psc_callers_collect *g = arg;
	struct psc_caller_sum *s =
		psc_caller_sum_at(g, b->caller, b->tag, pool_of(g, b->va), PSC_CALLER_VERIFIER, false);
	if (s) {
		s->live++;
		s->live_bytes += b->size_bytes;
	}
	const struct psc_recorded_block l = {b->caller, b->size_bytes, b->tag, PSC_CALLER_VERIFIER, false, false};
	psc_caller_remember(g, b->va, &l);
	return !g->no_memory;
}

/* ---- table of stacks ---- */

/* The return address that a record of a live block would name: the innermost frame outside Verifier. */
static uint64_t caller_of_stack(struct psc_callers_collect *g, const uint64_t *frames, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!psc_caller_is_verifier(g->k, g->symbolizer, frames[i]))
			return frames[i];
	return n != 0 ? frames[0] : 0;
}

void psc_caller_keep_stack(struct psc_callers_collect *g, struct psc_caller_sum *s, const uint64_t *frames, unsigned n,
			   uint64_t age)
{
	if (n == 0 || (s->stack_age != 0 && s->stack_age <= age + 1))
		return;
	uint64_t *copy = psc_arena_alloc_array(&g->c->arena, n, sizeof(*copy));
	if (!copy) {
		g->no_memory = true;
		return;
	}
	memcpy(copy, frames, n * sizeof(*copy));
	s->stack = copy;
	s->n_stack = n;
	s->stack_age = age + 1;
}

struct stack_visit {
	struct psc_callers_collect *g;
	bool is_only_source; /* no records of live blocks: the table's differences are the live figures */
};

static bool take_stack(void *arg, const struct psc_stack_row *row)
{
	struct stack_visit *v = arg;
	struct psc_callers_collect *g = v->g;
	uint64_t caller = caller_of_stack(g, row->frames, row->n_frames);
	struct psc_caller_sum *s = psc_caller_sum_at(
		g, caller, row->tag, row->is_nonpaged ? PSC_POOL_NONPAGED : PSC_POOL_PAGED, PSC_CALLER_VERIFIER, false);
	if (!s)
		return !g->no_memory;
	s->has_lifetime = true;
	s->allocs += row->allocs;
	s->frees += row->frees;
	s->alloc_bytes += row->alloc_bytes;
	if (v->is_only_source) {
		s->live += row->allocs - row->frees;
		s->live_bytes += row->alloc_bytes - row->freed_bytes;
	}
	psc_caller_keep_stack(g, s, row->frames, row->n_frames, UINT64_MAX - 1);
	struct psc_hashkey key = {row->va, 0};
	struct psc_caller_stack *stack = psc_hashmap_put(&g->stacks, key, NULL);
	if (stack)
		*stack = (struct psc_caller_stack){caller, row->allocs - row->frees, 0, row->tag,
						   row->is_nonpaged ? PSC_POOL_NONPAGED : PSC_POOL_PAGED};
	else if (g->stacks.n < PSC_CALLER_KEYS_MAX)
		g->no_memory = true;
	return !g->no_memory;
}

/* ---- the log ---- */

static bool take_trace(void *arg, const struct psc_trace *t)
{
	struct psc_callers_collect *g = arg;
	bool is_new;
	/* Newest first: what is older of an address is history. */
	if (!psc_hashset_add(&g->seen, t->va, &is_new)) {
		g->no_memory = g->seen.n < SEEN_MAX;
		return false;
	}
	if (!is_new)
		return true;
	struct psc_hashkey key = {t->va, 0};
	const struct psc_recorded_block *l = psc_hashmap_get(&g->live, key);
	enum psc_caller_operation op = psc_caller_operation_of(g->k, g->symbolizer, t);
	if (op == PSC_CALLER_FREE)
		return true;
	if (l) {
		struct psc_caller_sum *s =
			psc_caller_sum_at(g, l->caller, l->tag, pool_of(g, t->va), PSC_CALLER_VERIFIER, false);
		if (s)
			psc_caller_keep_stack(g, s, t->frames, t->n_frames, t->age);
		return !g->no_memory;
	}
	/* The record of this block is missing; where all records were read, a block without one was freed. */
	if (g->c->info.verifier_available && g->c->info.record_pages_missing == 0)
		return true;
	uint8_t bytes[16];
	const unsigned unit = g->rules.unit_bytes;
	struct psc_pool_header h;
	uint32_t tag = 0;
	bool is_tracked = false;
	if (t->va % PSC_PAGE_BYTES != 0 && psc_read_va(&g->k->reader, t->va - unit, bytes, unit) == unit) {
		psc_pool_header_parse(bytes, &g->rules, &h);
		if (!psc_pool_header_in_use(&h, &g->rules))
			return true;
		tag = h.tag;
		is_tracked = (h.pool_type & TYPE_VERIFIER) != 0;
	}
	/* Of a block that Verifier tracks now, the newest record is its allocation; of others it may as well be a free.
	 */
	if (op == PSC_CALLER_OPERATION_UNKNOWN && !is_tracked)
		return true;
	const struct psc_recorded_block b = {caller_of_stack(g, t->frames, t->n_frames),
					     t->size_bytes,
					     tag,
					     PSC_CALLER_TRACE,
					     op != PSC_CALLER_ALLOCATE,
					     false};
	struct psc_caller_sum *s =
		psc_caller_sum_at(g, b.caller, tag, pool_of(g, t->va), PSC_CALLER_TRACE, b.is_inferred);
	if (s) {
		s->live++;
		s->live_bytes += t->size_bytes;
		psc_caller_keep_stack(g, s, t->frames, t->n_frames, t->age);
	}
	psc_caller_remember(g, t->va, &b);
	return !g->no_memory;
}

/* ---- the parts of the result that are not rows ---- */

static void copy_counts(struct psc_verified_driver *to, const struct psc_verifier_counts *from)
{
	to->has_counts = true;
	to->paged = from->paged;
	to->nonpaged = from->nonpaged;
	to->peak_paged = from->peak_paged;
	to->peak_nonpaged = from->peak_nonpaged;
	to->paged_bytes = from->paged_bytes;
	to->nonpaged_bytes = from->nonpaged_bytes;
	to->peak_paged_bytes = from->peak_paged_bytes;
	to->peak_nonpaged_bytes = from->peak_nonpaged_bytes;
}

static const char *const total_names[PSC_VT_MAX] = {
	[PSC_VT_LEVEL] = "Level",
	[PSC_VT_RAISE_IRQLS] = "RaiseIrqls",
	[PSC_VT_ACQUIRE_SPIN_LOCKS] = "AcquireSpinLocks",
	[PSC_VT_SYNCHRONIZE_EXECUTIONS] = "SynchronizeExecutions",
	[PSC_VT_TRIMS] = "Trims",
	[PSC_VT_ALLOCATIONS_ATTEMPTED] = "AllocationsAttempted",
	[PSC_VT_ALLOCATIONS_SUCCEEDED] = "AllocationsSucceeded",
	[PSC_VT_ALLOCATIONS_SUCCEEDED_SPECIAL_POOL] = "AllocationsSucceededSpecialPool",
	[PSC_VT_ALLOCATIONS_WITH_NO_TAG] = "AllocationsWithNoTag",
	[PSC_VT_ALLOCATIONS_FAILED] = "AllocationsFailed",
	[PSC_VT_ALLOCATIONS_FAILED_DELIBERATELY] = "AllocationsFailedDeliberately",
	[PSC_VT_UNTRACKED_POOL] = "UnTrackedPool",
	[PSC_VT_LOADS] = "Loads",
	[PSC_VT_UNLOADS] = "Unloads",
};

static bool copy_verifier(struct psc_callers *c, const struct psc_verifier *v)
{
	c->info.verifier_available = v->available;
	c->info.verifier_known_off = v->known_off;
	c->info.verifier_why_not = v->why_not;
	c->read.verifier = v->available ? v->ratio : -1.0;
	c->info.record_pages_read = v->pages_read;
	c->info.record_pages_missing = v->pages_missing;
	c->info.tag_filter = v->tag_filter;
	for (unsigned i = 0; i < PSC_VT_MAX; i++) {
		c->totals[i].name = total_names[i];
		c->totals[i].known = (v->has & 1u << i) != 0;
		c->totals[i].value = c->totals[i].known ? v->totals[i] : 0;
	}
	c->has_all = v->has_counts;
	copy_counts(&c->all, &v->counts);
	c->all.name = "all drivers";
	c->drivers = psc_arena_alloc_array(&c->arena, v->n_drivers + 1, sizeof(*c->drivers));
	if (!c->drivers)
		return false;
	for (size_t i = 0; i < v->n_drivers; i++) {
		const struct psc_verifier_driver *d = &v->drivers[i];
		struct psc_verified_driver *to = &c->drivers[i];
		to->name = psc_arena_strdup(&c->arena, d->name);
		if (!to->name)
			return false;
		to->base = d->base;
		to->end = d->end;
		to->loads = d->loads;
		to->unloads = d->unloads;
		to->is_loaded = d->is_loaded;
		if (d->has_counts)
			copy_counts(to, &d->counts);
		to->listed = d->listed;
		to->listed_bytes = d->listed_bytes;
		to->incomplete = d->incomplete;
	}
	c->n_drivers = v->n_drivers;
	return true;
}

enum psc_status psc_callers_collect_open(struct psc_kernel *k, struct psc_callers_collect **ret,
					 struct psc_error *reterr)
{
	struct psc_callers_collect *g = calloc(1, sizeof(*g)); /* regions are large */
	struct psc_callers *c = calloc(1, sizeof(*c));
	if (!g || !c) {
		free(g);
		free(c);
		return psc_fail_no_memory(reterr);
	}
	c->warnings.arena = &c->arena;
	c->read = (struct psc_callers_read){-1.0, -1.0, -1.0};
	c->ratio = 1.0;
	g->k = k;
	g->c = c;
	psc_hashmap_init(&g->sums, sizeof(struct psc_caller_sum), PSC_CALLER_KEYS_MAX);
	psc_hashmap_init(&g->live, sizeof(struct psc_recorded_block), LIVE_MAX);
	psc_hashmap_init(&g->stacks, sizeof(struct psc_caller_stack), PSC_CALLER_KEYS_MAX);
	psc_hashmap_init(&g->seen, 0, SEEN_MAX);
	psc_pool_rules_init(&g->rules, k->id.build, !k->space.is_32bit);
	struct psc_warnings ignored = {.arena = &c->arena}; /* of the ranges: said where the pool is walked */
	psc_pool_regions_find(k, &ignored, &g->regions);
	psc_warnings_deinit(&ignored);
	enum psc_status r = psc_symbolizer_open(k, &g->symbolizer, reterr);
	if (r != PSC_OK) {
		psc_callers_collect_close(g);
		return r;
	}
	*ret = g;
	return PSC_OK;
}

void psc_callers_collect_close(struct psc_callers_collect *g)
{
	if (!g)
		return;
	psc_callers_free(g->c);
	psc_symbolizer_close(g->symbolizer);
	psc_hashmap_deinit(&g->sums);
	psc_hashmap_deinit(&g->live);
	psc_hashmap_deinit(&g->stacks);
	psc_hashmap_deinit(&g->seen);
	free(g);
}

enum psc_status psc_callers_read_records(struct psc_callers_collect *g, struct psc_error *reterr)
{
	struct psc_callers *c = g->c;
	struct psc_verifier v;
	struct psc_traces traces;
	struct psc_stack_rows stacks;
	struct stack_visit sv = {g, false};
	enum psc_status r = psc_verifier_read(g->k, take_block, g, &c->arena, &c->warnings, &v, reterr);
	if (r != PSC_OK)
		return r;
	if (g->no_memory || !copy_verifier(c, &v))
		return psc_fail_no_memory(reterr);
	sv.is_only_source = v.n_blocks == 0;
	r = psc_stack_rows_read(g->k, take_stack, &sv, &stacks, reterr);
	if (r != PSC_OK)
		return r;
	c->info.stacks_available = stacks.available;
	c->info.stacks_why_not = stacks.why_not;
	if (stacks.available)
		c->read.stacks = stacks.complete ? 1.0
				 : stacks.expected != 0
					 ? (double)psc_min_u64(stacks.rows, stacks.expected) / (double)stacks.expected
					 : 0.0;
	if (stacks.available && !stacks.complete)
		psc_warn(&c->warnings, "Driver Verifier's table of stacks: %llu elements could not be read",
			 (unsigned long long)stacks.unreadable);
	r = stacks.available ? psc_callers_read_infos(g, v.n_blocks != 0, reterr) : PSC_OK;
	if (r != PSC_OK)
		return r;
	r = psc_traces_read(g->k, take_trace, g, &traces, reterr);
	if (r != PSC_OK)
		return r;
	c->info.log_available = traces.available;
	c->info.log_why_not = traces.why_not;
	c->info.log_length = traces.length;
	c->info.log_records = traces.records;
	c->info.log_missing = traces.missing;
	return g->no_memory ? psc_fail_no_memory(reterr) : PSC_OK;
}

enum psc_status psc_callers_compute(struct psc_kernel *k, const struct psc_callers_options *opts,
				    struct psc_callers **ret, struct psc_error *reterr)
{
	struct psc_callers_collect *g = NULL;
	enum psc_status r = opts->tag ? psc_tag_pattern_check(opts->tag, reterr) : PSC_OK;
	if (r == PSC_OK)
		r = psc_callers_collect_open(k, &g, reterr);
	if (r == PSC_OK)
		r = psc_callers_read_records(g, reterr);
	if (r == PSC_OK)
		r = psc_callers_walk(g, opts, reterr);
	if (r != PSC_OK)
		goto out;
	struct psc_callers *c = g->c;
	const double records = psc_callers_records_ratio(c);
	if (records < c->ratio)
		c->ratio = records;
	if (g->full)
		psc_warn(&c->warnings, "more than %zu different callers and tags: the rest was not counted",
			 PSC_CALLER_KEYS_MAX);
	if (!psc_caller_rows_make(c, &g->sums, g->symbolizer, opts)) {
		r = psc_fail_no_memory(reterr);
		goto out;
	}
	c->is_interrupted = psc_image_is_cancelled(k->img);
	if (c->is_interrupted)
		psc_warn(&c->warnings, "the run was interrupted: not all callers are listed");
	*ret = c;
	g->c = NULL;
out:
	psc_callers_collect_close(g);
	return r;
}

void psc_callers_free(struct psc_callers *callers)
{
	if (!callers)
		return;
	free(callers->traces.items);
	psc_warnings_deinit(&callers->warnings);
	psc_arena_deinit(&callers->arena);
	free(callers);
}

const struct psc_caller_row *psc_callers_rows(const struct psc_callers *callers, size_t *ret_count)
{
	*ret_count = callers->n_rows;
	return callers->rows;
}

const struct psc_verified_driver *psc_callers_drivers(const struct psc_callers *callers, size_t *ret_count)
{
	*ret_count = callers->n_drivers;
	return callers->drivers;
}

const struct psc_verifier_total *psc_callers_totals(const struct psc_callers *callers, size_t *ret_count)
{
	*ret_count = PSC_VT_MAX;
	return callers->totals;
}

const struct psc_verified_driver *psc_callers_all_drivers(const struct psc_callers *callers)
{
	return callers->has_all ? &callers->all : NULL;
}

const struct psc_callers_info *psc_callers_get_info(const struct psc_callers *callers)
{
	return &callers->info;
}

bool psc_callers_is_interrupted(const struct psc_callers *callers)
{
	return callers->is_interrupted;
}

const char *const *psc_callers_warnings(const struct psc_callers *callers, size_t *ret_count)
{
	*ret_count = callers->warnings.n;
	return callers->warnings.items;
}

const struct psc_walk_coverage *psc_callers_coverage(const struct psc_callers *callers, size_t *ret_count)
{
	*ret_count = callers->n_coverage;
	return callers->coverage;
}

const struct psc_scan_coverage *psc_callers_scan_coverage(const struct psc_callers *callers)
{
	return callers->has_scan ? &callers->scan : NULL;
}

double psc_callers_coverage_ratio(const struct psc_callers *callers)
{
	return callers->ratio;
}
