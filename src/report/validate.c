/* SPDX-License-Identifier: MIT */
/* Defects of a walk, of the table of big allocations and of the counters; then a second walk for the blocks before
 * them. Reference: pool 10.1, 10.2. */
#include "report/validate.h"

#include "blame/verifier.h"
#include "pool/special.h"
#include "report/blocks.h"
#include "report/coverage.h"
#include "report/recorded.h"
#include "report/validate_counts.h"
#include "util/error.h"
#include "util/vec.h"
#include <stdlib.h>
#include <string.h>

#define SPACES_MAX 64u

struct psc_validate {
	struct psc_arena arena;
	struct psc_warnings warnings;
	struct psc_defect_row *items;
	size_t n, cap;
	uint64_t n_found, n_blocks;
	struct psc_walk_coverage coverage[PSC_POOL_MAX];
	size_t n_coverage;
	const struct psc_heap_row *heaps; /* arena */
	size_t n_heaps;
	double ratio;
	bool is_interrupted;
	struct psc_recorded *recorded; /* texts of suspects' callers */
};

struct checking {
	struct psc_kernel *k;
	const struct psc_validate_options *o;
	struct psc_validate *v;
	struct psc_process_table processes;
	uint32_t header_bytes;
	uint64_t big_end; /* of the highest big allocation so far */
	uint64_t big_va;
	struct psc_counts_walked walked;
	uint64_t last_big;                   /* address of the one before */
	size_t at;                           /* second walk: the defect that is next */
	struct psc_block before[SPACES_MAX]; /* the last of the kernel's space, and of each session's */
	size_t n_before;
	bool no_memory;
};

static struct psc_defect_row *new_row(struct checking *c)
{
	c->v->n_found++;
	if (c->v->n == PSC_DEFECTS_MAX)
		return NULL;
	if (!PSC_VEC_RESERVE_ONE(c->v)) {
		c->no_memory = true;
		return NULL;
	}
	struct psc_defect_row *r = &c->v->items[c->v->n++];
	memset(r, 0, sizeof(*r));
	return r;
}

static void add(struct checking *c, const struct psc_defect *d)
{
	struct psc_defect_row *r = new_row(c);
	if (r == NULL)
		return;
	r->check = psc_defect_name(d->kind);
	r->is_inside = d->kind == PSC_DEFECT_VERIFIER_TRAILER;
	r->is_around = d->kind == PSC_DEFECT_SPECIAL_PATTERN;
	r->va = d->va;
	r->page_tables = d->top_pa;
	r->container = d->container;
	r->has_values = (d->expected | d->found) != 0;
	r->expected = d->expected;
	r->found = d->found;
}

static bool is_in_range(const struct psc_validate_options *o, uint64_t va)
{
	return (o->lo == 0 && o->hi == 0) || (va >= o->lo && va <= o->hi - 1);
}

/* First walk: blocks in address order. Small ones may lie below a big one that was freed and is still listed. */
static bool on_block(void *arg, const struct psc_block *b)
{
	struct checking *c = (struct checking *)arg;
	if (!is_in_range(c->o, b->va))
		return true;
	c->v->n_blocks++;
	psc_tally_block(&c->walked.tally, b);
	/* Two sessions may have one address. */
	if (!b->is_big || b->pool == PSC_POOL_SESSION)
		return true;
	bool is_again = b->va == c->last_big;
	c->walked.big_bytes[b->pool] += (b->size_bytes + PSC_PAGE_BYTES - 1) / PSC_PAGE_BYTES * PSC_PAGE_BYTES;
	c->last_big = b->va;
	if (is_again) {
		const struct psc_defect d = {b->va, 0, 0, 0, PSC_DEFECT_BIG_DUPLICATE};
		add(c, &d);
		return !c->no_memory;
	}
	if (b->kind != PSC_BLOCK_KIND_BIG)
		return true;
	if (b->va < c->big_end) {
		const struct psc_defect d = {b->va, c->big_va, c->big_end, b->va, PSC_DEFECT_BIG_OVERLAP};
		add(c, &d);
	}
	uint64_t end = b->va + b->size_bytes;
	if (end > c->big_end) {
		c->big_end = end;
		c->big_va = b->va;
	}
	return !c->no_memory;
}

/* Which storage an address is in, as far as overruns go: a page of small blocks, or 1 MiB of a segment. What Verifier
 * keeps at a block's end is overrun by that block; so is what surrounds a block of special pool. */
static bool is_near(const struct psc_defect_row *d, const struct psc_block *b)
{
	uint64_t end = b->va + b->size_bytes;
	if (d->is_around)
		return b->va == d->container;
	if (d->is_inside)
		return b->va < d->va && d->va < end;
	return b->va < d->va && end <= d->va && d->va - end < PSC_PAGE_BYTES &&
	       (b->kind != PSC_BLOCK_KIND_LEGACY || b->va / PSC_PAGE_BYTES == d->va / PSC_PAGE_BYTES);
}

/* Two sessions may have one address. */
static struct psc_block *before_in(struct checking *c, uint64_t top_pa)
{
	for (size_t i = 0; i < c->n_before; i++)
		if (c->before[i].top_pa == top_pa)
			return &c->before[i];
	return NULL;
}

/* Second walk: what lies before each defect. */
static bool find_suspect(void *arg, const struct psc_block *b)
{
	struct checking *c = (struct checking *)arg;
	while (c->at < c->v->n && (c->v->items[c->at].va == 0 || c->v->items[c->at].va <= b->va)) {
		struct psc_defect_row *d = &c->v->items[c->at++];
		const struct psc_block *suspect = before_in(c, d->page_tables);
		if (suspect && (d->va == 0 || !is_near(d, suspect)))
			suspect = NULL;
		if (d->is_around && b->va == d->container)
			suspect = b;
		if (!suspect)
			continue;
		d->has_suspect = true;
		psc_block_row_make(suspect, c->header_bytes, &c->processes, &d->suspect);
		psc_recorded_fill(c->v->recorded, suspect, &d->suspect);
	}
	struct psc_block *before = before_in(c, b->top_pa);
	if (!before && c->n_before < SPACES_MAX)
		before = &c->before[c->n_before++];
	if (before)
		*before = *b;
	return c->at < c->v->n;
}

static enum psc_status walk(struct checking *c, bool (*fn)(void *arg, const struct psc_block *b), bool find_defects,
			    struct psc_walk_result *ret, struct psc_error *reterr)
{
	const struct psc_walk_options w = {
		.n_threads = c->o->n_threads,
		.on_ordered = fn,
		.find_defects = find_defects,
		.ordered_arg = c,
		.lo = c->o->lo,
		.hi = c->o->hi,
		.progress = c->o->progress,
		.progress_arg = c->o->progress_arg,
	};
	return psc_pool_walk(c->k, &w, &c->v->arena, find_defects ? &c->v->warnings : NULL, ret, reterr);
}

static void add_count(struct checking *c, const char *check, uint32_t tag, enum psc_pool pool, uint64_t expected,
		      uint64_t found)
{
	struct psc_defect_row *r = new_row(c);
	if (r == NULL)
		return;
	r->check = check;
	r->has_values = r->has_tag = true;
	r->expected = expected;
	r->found = found;
	r->pool = pool;
	for (int b = 0; b < 4; b++)
		r->tag[b] = (uint8_t)(tag >> (8 * b));
}

static void on_count(void *arg, uint32_t tag, enum psc_pool pool, bool bytes, uint64_t walked, uint64_t counted)
{
	add_count((struct checking *)arg, bytes ? "bytes of a tag against walk" : "count of a tag against walk", tag,
		  pool, walked, counted);
}

/* Sums over all tables cannot be negative, and are what was walked: of a pool in which something else is wrong the walk
 * is not to be relied on. */
static void check_sums(struct checking *c, const struct psc_trackers *t)
{
	/* Whether what its blocks are charged is what they hold is not known. */
	c->walked.has_special = psc_special_is_used(c->k);
	for (size_t i = 0; i < c->v->n_coverage; i++)
		c->walked.has_special = c->walked.has_special || c->v->coverage[i].special_bytes != 0;
	const bool is_sound = c->v->n_found == 0;
	for (size_t i = 0; i < t->n_rows; i++) {
		for (int pool = 0; pool < 2; pool++) {
			const struct psc_tracker_row *row = &t->rows[i];
			int64_t live = psc_tracker_live(t, &row->half[pool]);
			int64_t bytes = psc_tracker_bytes(t, &row->half[pool]);
			if (!row->incomplete && (live < 0 || bytes < 0))
				add_count(c, live < 0 ? "negative count of a tag" : "negative bytes of a tag", row->tag,
					  (enum psc_pool)pool, 0, (uint64_t)(live < 0 ? live : bytes));
		}
	}
	if (is_sound)
		psc_counts_check(t, &c->walked, &c->v->warnings, on_count, c);
}

/* What is not on the way of the walk. */
static enum psc_status check_records(struct checking *c, struct psc_error *reterr)
{
	struct psc_trackers t;
	struct psc_defects d = {0};
	enum psc_status st = psc_trackers_check(c->k, &c->v->arena, &c->v->warnings, &d, &t, reterr);
	if (st == PSC_OK && !t.available)
		d.n = d.n_found = 0;
	if (st == PSC_OK)
		st = psc_verifier_defects(c->k, &c->v->arena, &c->v->warnings, &d, reterr);
	if (st == PSC_OK && d.no_memory)
		st = psc_fail_no_memory(reterr);
	for (size_t i = 0; i < d.n && st == PSC_OK; i++)
		if (is_in_range(c->o, d.items[i].va))
			add(c, &d.items[i]);
	psc_defects_deinit(&d);
	if (st == PSC_OK && t.available && c->walked.result)
		check_sums(c, &t);
	return st;
}

static int by_va(const void *pa, const void *pb)
{
	const struct psc_defect_row *a = (const struct psc_defect_row *)pa, *b = (const struct psc_defect_row *)pb;
	if (a->va != b->va)
		return a->va < b->va ? -1 : 1;
	int c = strcmp(a->check, b->check);
	if (c == 0)
		c = (a->container > b->container) - (a->container < b->container);
	return c != 0 ? c : memcmp(a->tag, b->tag, 4);
}

static void set_coverage(struct psc_validate *v, const struct psc_walk_result *w, bool is_whole)
{
	v->ratio = 1.0;
	/* Of a part of the pool the sums of a heap say nothing. */
	v->heaps = w->heaps;
	v->n_heaps = is_whole ? w->n_heaps : 0;
	v->n_coverage = w->n_coverage;
	for (size_t i = 0; i < w->n_coverage; i++) {
		const struct psc_walk_coverage *c = &w->coverage[i];
		double ratio = psc_walk_coverage_ratio(c);
		v->coverage[i] = *c;
		if (ratio < v->ratio)
			v->ratio = ratio;
	}
}

/* Who allocated the suspects. That nobody recorded it is no news here. */
static enum psc_status read_callers(struct checking *c, struct psc_error *reterr)
{
	struct psc_blocks_options o = PSC_BLOCKS_OPTIONS_INIT;
	struct psc_warnings ignored = {.arena = &c->v->arena};
	o.n_threads = c->o->n_threads;
	o.progress = c->o->progress;
	o.progress_arg = c->o->progress_arg;
	enum psc_status st = psc_recorded_read(c->k, &o, &ignored, &c->v->recorded, reterr);
	psc_warnings_deinit(&ignored);
	return st;
}

static enum psc_status check(struct checking *c, struct psc_error *reterr)
{
	struct psc_walk_result result, ignored;
	enum psc_status st = walk(c, on_block, true, &result, reterr);
	if (st != PSC_OK)
		return c->no_memory ? psc_fail_no_memory(reterr) : st;
	set_coverage(c->v, &result, c->o->lo == 0 && c->o->hi == 0);
	c->v->is_interrupted = result.is_interrupted;
	if (result.is_interrupted)
		psc_warn(&c->v->warnings, "the walk was interrupted: not all of the pool was checked");
	uint64_t n_all = c->v->n_found + result.n_defects_found;
	for (size_t i = 0; i < result.n_defects; i++) {
		if (is_in_range(c->o, result.defects[i].va))
			add(c, &result.defects[i]);
		else
			n_all--;
	}
	c->v->n_found = n_all;
	/* Sums are those of the whole. */
	if (c->o->lo == 0 && c->o->hi == 0)
		c->walked.result = &result;
	st = check_records(c, reterr);
	if (st != PSC_OK)
		return st;
	if (c->no_memory)
		return psc_fail_no_memory(reterr);
	if (c->v->n == 0)
		return PSC_OK;
	if (c->v->n > 1)
		qsort(c->v->items, c->v->n, sizeof(*c->v->items), by_va);
	if (result.is_interrupted)
		return PSC_OK; /* the blocks before them would take another walk */
	st = read_callers(c, reterr);
	if (st == PSC_OK)
		st = walk(c, find_suspect, false, &ignored, reterr);
	c->v->is_interrupted = st == PSC_OK && ignored.is_interrupted;
	/* It ends the walk itself behind the last defect. */
	if (st == PSC_E_CANCELLED && c->at == c->v->n)
		st = PSC_OK;
	/* Defects above the last block. */
	struct psc_block end = {0};
	end.va = UINT64_MAX;
	if (st == PSC_OK)
		(void)find_suspect(c, &end);
	return st;
}

enum psc_status psc_validate_compute(struct psc_kernel *k, const struct psc_validate_options *opts,
				     struct psc_validate **ret, struct psc_error *reterr)
{
	struct psc_pool_rules rules;
	struct checking c;
	if (k->space.mmu == PSC_MMU_NONE)
		return psc_fail(
			reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0,
			"this dump has no page tables, so there is no pool to check; a kernel or complete dump is "
			"needed");
	memset(&c, 0, sizeof(c));
	c.k = k;
	c.o = opts;
	psc_pool_rules_init(&rules, k->id.build, k->id.machine != PSC_MACHINE_X86);
	c.header_bytes = rules.unit_bytes;
	c.v = (struct psc_validate *)calloc(1, sizeof(*c.v));
	if (c.v == NULL)
		return psc_fail_no_memory(reterr);
	c.v->warnings.arena = &c.v->arena;
	psc_tally_init(&c.walked.tally, false);
	enum psc_status st = psc_process_table_read(k, &c.processes, reterr);
	if (st == PSC_OK)
		st = check(&c, reterr);
	if (st == PSC_OK && c.walked.tally.no_memory)
		st = psc_fail_no_memory(reterr);
	psc_tally_deinit(&c.walked.tally);
	/* Names of processes are borrowed from the table. */
	for (size_t i = 0; i < c.v->n && st == PSC_OK; i++) {
		struct psc_block_process *p = &c.v->items[i].suspect.process;
		p->name = psc_arena_printf(&c.v->arena, "%s", p->name != NULL ? p->name : "");
		if (p->name == NULL)
			st = psc_fail_no_memory(reterr);
	}
	psc_process_table_deinit(&c.processes);
	if (st == PSC_OK)
		*ret = c.v;
	else
		psc_validate_free(c.v);
	return st;
}

void psc_validate_free(struct psc_validate *v)
{
	if (v == NULL)
		return;
	free(v->items);
	psc_recorded_free(v->recorded);
	psc_warnings_deinit(&v->warnings);
	psc_arena_deinit(&v->arena);
	free(v);
}

const struct psc_defect_row *psc_validate_rows(const struct psc_validate *v, size_t *ret_count)
{
	*ret_count = v->n;
	return v->items;
}

uint64_t psc_validate_count(const struct psc_validate *v, uint64_t *ret_blocks)
{
	if (ret_blocks != NULL)
		*ret_blocks = v->n_blocks;
	return v->n_found;
}

const struct psc_walk_coverage *psc_validate_coverage(const struct psc_validate *v, size_t *ret_count)
{
	*ret_count = v->n_coverage;
	return v->coverage;
}

const struct psc_heap_row *psc_validate_heaps(const struct psc_validate *v, size_t *ret_count)
{
	*ret_count = v->n_heaps;
	return v->heaps;
}

bool psc_validate_is_interrupted(const struct psc_validate *v)
{
	return v->is_interrupted;
}

double psc_validate_coverage_ratio(const struct psc_validate *v)
{
	return v->ratio;
}

const char *const *psc_validate_warnings(const struct psc_validate *v, size_t *ret_count)
{
	*ret_count = v->warnings.n;
	return v->warnings.items;
}
