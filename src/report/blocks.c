/* SPDX-License-Identifier: MIT */
/* Blocks that match, in address order as they come from the walk, or the largest of them kept in a heap. */
#include "report/blocks.h"
#include "report/coverage.h"
#include "report/recorded.h"
#include "util/checked.h"
#include "util/error.h"
#include "util/vec.h"
#include <stdlib.h>
#include <string.h>

struct psc_blocks {
	struct psc_arena arena;
	struct psc_warnings warnings;
	uint64_t n, block_bytes;
	struct psc_walk_coverage coverage[PSC_POOL_MAX];
	size_t n_coverage;
	struct psc_scan_coverage scan;
	bool has_scan;
	double ratio;
	bool is_interrupted;
};

struct list {
	const struct psc_blocks_options *o;
	struct psc_process_table processes;
	uint64_t *only; /* charged processes that are wanted; NULL: any */
	size_t n_only;
	struct psc_recorded *recorded; /* NULL: callers are not asked for */
	uint32_t header_bytes;
	psc_blocks_fn *fn;
	void *arg;
	struct psc_blocks *ret;
	struct {
		struct psc_block *items;
		size_t n, cap;
		bool no_memory;
	} kept; /* by size: a heap whose first item is the one to go next; small dumps: all */
};

const char *psc_block_state_name(enum psc_block_state state)
{
	switch (state) {
	case PSC_BLOCK_ALLOCATED:
		return "allocated";
	case PSC_BLOCK_FREE:
		return "free";
	case PSC_BLOCK_CACHED:
		return "cached";
	}
	return "unknown";
}

const char *psc_block_kind_name(enum psc_block_kind kind)
{
	static const char *const names[PSC_BLOCK_KIND_MAX] = {
		[PSC_BLOCK_KIND_UNKNOWN] = "unknown", [PSC_BLOCK_KIND_LEGACY] = "legacy",
		[PSC_BLOCK_KIND_LFH] = "lfh",         [PSC_BLOCK_KIND_VS] = "vs",
		[PSC_BLOCK_KIND_SEGMENT] = "segment", [PSC_BLOCK_KIND_LARGE] = "large",
		[PSC_BLOCK_KIND_BIG] = "big",         [PSC_BLOCK_KIND_SPECIAL] = "special",
	};
	return (unsigned)kind < PSC_BLOCK_KIND_MAX ? names[kind] : "unknown";
}

/* ---- one block ---- */

static void tag_bytes(uint32_t tag, uint8_t ret[4])
{
	for (int i = 0; i < 4; i++)
		ret[i] = (uint8_t)((tag & ~PSC_TAG_PROTECTED) >> (8 * i));
}

void psc_block_row_make(const struct psc_block *b, uint32_t header_bytes, const struct psc_process_table *t,
			struct psc_block_row *ret)
{
	bool has_header = !b->is_big && b->kind != PSC_BLOCK_KIND_SPECIAL && b->size_bytes >= header_bytes;
	uint32_t header = has_header ? header_bytes : 0;
	memset(ret, 0, sizeof(*ret));
	ret->header_va = b->va;
	ret->va = b->va + header;
	ret->block_bytes = b->size_bytes;
	ret->size_bytes = b->size_bytes - header - b->front_bytes;
	if (b->kind == PSC_BLOCK_KIND_SPECIAL && b->requested_bytes != 0)
		ret->size_bytes = b->requested_bytes; /* to the byte: behind it the page ends */
	ret->requested_bytes = b->requested_bytes;
	ret->previous_bytes = b->previous_bytes;
	ret->has_tag = b->has_tag;
	tag_bytes(b->tag, ret->tag);
	ret->is_protected = (b->tag & PSC_TAG_PROTECTED) != 0;
	ret->pool = b->pool;
	ret->kind = b->kind;
	ret->state = b->state;
	ret->is_nx = b->is_nx;
	ret->is_proven = b->is_proven;
	ret->page_tables = b->top_pa;
	ret->source = b->kind == PSC_BLOCK_KIND_BIG       ? "big_page_table"
		      : b->kind == PSC_BLOCK_KIND_UNKNOWN ? "scan"
							  : "walk";
	ret->process.name = "";
	if (b->process == 0)
		return;
	ret->has_process = true;
	ret->process.eprocess = b->process;
	const struct psc_process *p = t != NULL ? psc_process_table_find(t, b->process) : NULL;
	if (p == NULL)
		return;
	ret->process.is_listed = true;
	ret->process.pid = p->pid;
	ret->process.name = p->image_file_name;
}

static bool is_in(uint32_t mask, unsigned bit)
{
	return mask == 0 || (bit < 32 && (mask >> bit & 1) != 0);
}

static bool is_charged(const struct list *l, const struct psc_block *b)
{
	for (size_t i = 0; i < l->n_only; i++)
		if (l->only[i] == b->process)
			return true;
	return false;
}

/* Called from worker threads: reads only. */
static bool wanted(const void *arg, const struct psc_block *b)
{
	const struct list *l = (const struct list *)arg;
	const struct psc_blocks_options *o = l->o;
	if (!is_in(o->states, b->state) || !is_in(o->pools, b->pool) || !is_in(o->kinds, b->kind))
		return false;
	if (b->size_bytes < o->min_bytes || (o->max_bytes != 0 && b->size_bytes > o->max_bytes))
		return false;
	uint64_t bytes = b->size_bytes - b->front_bytes;
	uint64_t last = bytes != 0 ? b->va + (bytes - 1) : b->va;
	if (last < o->lo || b->va > o->hi - 1)
		return false;
	if (o->tag != NULL) {
		uint8_t tag[4];
		tag_bytes(b->tag, tag);
		if (!b->has_tag || !psc_tag_pattern_match(o->tag, tag))
			return false;
	}
	if (l->only != NULL && !is_charged(l, b))
		return false;
	if (o->caller == NULL && o->module == NULL)
		return true;
	const struct psc_recorded_caller *c = psc_recorded_find(l->recorded, b);
	return c != NULL && c->is_wanted;
}

/* ---- the largest ---- */

/* a goes before b when both cannot be kept. */
static bool goes_first(const struct psc_block *a, const struct psc_block *b)
{
	return a->size_bytes != b->size_bytes ? a->size_bytes < b->size_bytes : a->va > b->va;
}

static void swap(struct psc_block *a, struct psc_block *b)
{
	struct psc_block t = *a;
	*a = *b;
	*b = t;
}

static void sift_down(struct psc_block *items, size_t n)
{
	for (size_t i = 0;;) {
		size_t child = 2 * i + 1;
		if (child >= n)
			return;
		if (child + 1 < n && goes_first(&items[child + 1], &items[child]))
			child++;
		if (!goes_first(&items[child], &items[i]))
			return;
		swap(&items[child], &items[i]);
		i = child;
	}
}

static bool keep_largest(struct list *l, const struct psc_block *b)
{
	uint64_t max = l->o->max_rows != 0 ? l->o->max_rows : PSC_BLOCKS_MAX_SORTED;
	if (l->kept.n >= max) {
		if (goes_first(&l->kept.items[0], b)) {
			l->kept.items[0] = *b;
			sift_down(l->kept.items, l->kept.n);
		}
		return true;
	}
	if (!PSC_VEC_RESERVE_ONE(&l->kept)) {
		l->kept.no_memory = true;
		return false;
	}
	l->kept.items[l->kept.n] = *b;
	for (size_t i = l->kept.n++; i > 0; i = (i - 1) / 2) {
		size_t parent = (i - 1) / 2;
		if (!goes_first(&l->kept.items[i], &l->kept.items[parent]))
			break;
		swap(&l->kept.items[i], &l->kept.items[parent]);
	}
	return true;
}

static int by_size(const void *pa, const void *pb)
{
	const struct psc_block *a = (const struct psc_block *)pa, *b = (const struct psc_block *)pb;
	return goes_first(a, b) ? 1 : goes_first(b, a) ? -1 : 0;
}

static int by_address(const void *pa, const void *pb)
{
	const struct psc_block *a = (const struct psc_block *)pa, *b = (const struct psc_block *)pb;
	return (a->va > b->va) - (a->va < b->va);
}

/* ---- streaming ---- */

static bool give(struct list *l, const struct psc_block *b)
{
	struct psc_block_row row;
	psc_block_row_make(b, l->header_bytes, &l->processes, &row);
	psc_recorded_fill(l->recorded, b, &row);
	return l->fn == NULL || l->fn(l->arg, &row);
}

static bool on_block(void *arg, const struct psc_block *b)
{
	struct list *l = (struct list *)arg;
	l->ret->n++;
	l->ret->block_bytes += b->size_bytes;
	if (l->o->sort == PSC_BLOCKS_BY_SIZE)
		return keep_largest(l, b);
	if (l->o->max_rows != 0 && l->ret->n > l->o->max_rows)
		return true;
	return give(l, b);
}

static void on_saved(void *arg, const struct psc_block *b)
{
	struct list *l = (struct list *)arg;
	if (!wanted(l, b) || l->kept.no_memory)
		return;
	if (!PSC_VEC_RESERVE_ONE(&l->kept))
		l->kept.no_memory = true;
	else
		l->kept.items[l->kept.n++] = *b;
}

static enum psc_status fail_stopped(const struct list *l, struct psc_error *reterr)
{
	if (l->kept.no_memory)
		return psc_fail_no_memory(reterr);
	return psc_fail(reterr, PSC_E_CANCELLED, PSC_WHERE_NONE, 0, "cancelled");
}

/* Small dumps: saved ranges come in the order of the file, and hold a few hundred KiB. */
static enum psc_status list_saved(struct psc_kernel *k, struct list *l, struct psc_error *reterr)
{
	struct psc_blocks *r = l->ret;
	struct psc_scan_result scan;
	enum psc_status st = psc_scan_saved(k, on_saved, l, &scan, reterr);
	if (st != PSC_OK)
		return st;
	if (l->kept.no_memory)
		return psc_fail_no_memory(reterr);
	r->has_scan = true;
	r->scan = psc_scan_coverage_make(&scan);
	psc_warn(&r->warnings,
		 "these are pool headers seen in the %llu bytes that this dump saved, near registers and stacks; a "
		 "kernel or complete dump is needed for all blocks",
		 (unsigned long long)scan.saved_bytes);
	bool is_by_size = l->o->sort == PSC_BLOCKS_BY_SIZE;
	if (l->kept.n > 1)
		qsort(l->kept.items, l->kept.n, sizeof(*l->kept.items), is_by_size ? by_size : by_address);
	for (size_t i = 0; i < l->kept.n; i++) {
		r->n++;
		r->block_bytes += l->kept.items[i].size_bytes;
		if (l->o->max_rows != 0 && i >= l->o->max_rows)
			continue;
		if (!give(l, &l->kept.items[i]))
			return fail_stopped(l, reterr);
	}
	return PSC_OK;
}

static void set_coverage(const struct list *l, const struct psc_walk_result *w)
{
	struct psc_blocks *r = l->ret;
	r->ratio = 1.0;
	r->n_coverage = w->n_coverage;
	for (size_t i = 0; i < w->n_coverage; i++) {
		const struct psc_walk_coverage *c = &w->coverage[i];
		r->coverage[i] = *c;
		/* A pool that is not asked for takes nothing away. */
		if (!is_in(l->o->pools, (unsigned)i))
			continue;
		double ratio = psc_walk_coverage_ratio(c);
		if (ratio < r->ratio)
			r->ratio = ratio;
	}
}

static enum psc_status list_walked(struct psc_kernel *k, struct list *l, struct psc_error *reterr)
{
	struct psc_blocks *r = l->ret;
	struct psc_walk_result result;
	const struct psc_walk_options w = {
		.n_threads = l->o->n_threads,
		.on_ordered = on_block,
		.wanted = wanted,
		.ordered_arg = l,
		.lo = l->o->lo,
		.hi = l->o->hi,
		.progress = l->o->progress,
		.progress_arg = l->o->progress_arg,
	};
	enum psc_status st = psc_pool_walk(k, &w, &r->arena, &r->warnings, &result, reterr);
	if (st == PSC_E_CANCELLED && l->kept.no_memory)
		return psc_fail_no_memory(reterr);
	if (st != PSC_OK)
		return st;
	set_coverage(l, &result);
	r->is_interrupted = result.is_interrupted;
	if (r->is_interrupted)
		psc_warn(&r->warnings, "the walk was interrupted: not all blocks are listed");
	psc_warn_no_heaps(&r->warnings, k, &result, "are listed");
	if (l->o->sort != PSC_BLOCKS_BY_SIZE)
		return PSC_OK;
	if (l->o->max_rows == 0 && r->n > l->kept.n)
		psc_warn(&r->warnings, "only the %zu largest of %llu blocks are listed", l->kept.n,
			 (unsigned long long)r->n);
	if (l->kept.n > 1)
		qsort(l->kept.items, l->kept.n, sizeof(*l->kept.items), by_size);
	for (size_t i = 0; i < l->kept.n; i++)
		if (!give(l, &l->kept.items[i]))
			return fail_stopped(l, reterr);
	return PSC_OK;
}

static enum psc_status find_processes(struct psc_kernel *k, struct list *l, struct psc_error *reterr)
{
	enum psc_status st = psc_process_table_read(k, &l->processes, reterr);
	if (st != PSC_OK || l->o->process == NULL)
		return st;
	l->only = (uint64_t *)calloc(l->processes.n + 1, sizeof(*l->only));
	if (l->only == NULL)
		return psc_fail_no_memory(reterr);
	return psc_process_table_resolve(&l->processes, l->o->process, l->only, &l->n_only, reterr);
}

enum psc_status psc_blocks_list(struct psc_kernel *k, const struct psc_blocks_options *opts, psc_blocks_fn *fn,
				void *arg, struct psc_blocks **ret, struct psc_error *reterr)
{
	struct psc_pool_rules rules;
	struct list l;
	enum psc_status st;

	memset(&l, 0, sizeof(l));
	if (opts->tag != NULL) {
		st = psc_tag_pattern_check(opts->tag, reterr);
		if (st != PSC_OK)
			return st;
	}
	psc_pool_rules_init(&rules, k->id.build, k->id.machine != PSC_MACHINE_X86);
	l.o = opts;
	l.fn = fn;
	l.arg = arg;
	l.header_bytes = rules.unit_bytes;
	l.ret = (struct psc_blocks *)calloc(1, sizeof(*l.ret));
	if (l.ret == NULL)
		return psc_fail_no_memory(reterr);
	l.ret->warnings.arena = &l.ret->arena;
	st = find_processes(k, &l, reterr);
	if (st == PSC_OK && (opts->callers || opts->caller != NULL || opts->module != NULL))
		st = psc_recorded_read(k, opts, &l.ret->warnings, &l.recorded, reterr);
	if (st == PSC_OK)
		st = k->space.mmu == PSC_MMU_NONE ? list_saved(k, &l, reterr) : list_walked(k, &l, reterr);
	/* A list of one caller's blocks is no longer than what is known of callers. */
	if (st == PSC_OK && l.recorded != NULL && psc_recorded_ratio(l.recorded) < l.ret->ratio)
		l.ret->ratio = psc_recorded_ratio(l.recorded);
	if (st == PSC_OK) {
		*ret = l.ret;
		l.ret = NULL;
	}
	psc_blocks_free(l.ret);
	psc_process_table_deinit(&l.processes);
	psc_recorded_free(l.recorded);
	free(l.only);
	free(l.kept.items);
	return st;
}

static bool stop_reading(void *arg, const struct psc_big_page *p)
{
	(void)arg;
	(void)p;
	return false;
}

size_t psc_pool_ranges_list(struct psc_kernel *k, struct psc_pool_range *ret, size_t max)
{
	struct psc_pool_regions regions;
	struct psc_big_pages big;
	size_t n = 0;
	if (psc_big_pages_read(k, stop_reading, NULL, NULL, NULL, &big, NULL) == PSC_OK && big.table_va != 0) {
		if (n < max)
			ret[n] = (struct psc_pool_range){PSC_POOL_NONPAGED,
							 true,
							 false,
							 big.table_va,
							 big.table_va + big.n_entries * big.entry_bytes,
							 "PoolBigPageTable"};
		n++;
	}
	psc_pool_regions_find(k, NULL, &regions);
	for (size_t i = 0; i < regions.n; i++, n++)
		if (n < max)
			ret[n] = (struct psc_pool_range){regions.items[i].pool,    false,
							 regions.items[i].special, regions.items[i].lo,
							 regions.items[i].hi,      regions.items[i].source};
	return n;
}

void psc_blocks_free(struct psc_blocks *blocks)
{
	if (blocks == NULL)
		return;
	psc_warnings_deinit(&blocks->warnings);
	psc_arena_deinit(&blocks->arena);
	free(blocks);
}

uint64_t psc_blocks_count(const struct psc_blocks *blocks, uint64_t *ret_block_bytes)
{
	if (ret_block_bytes != NULL)
		*ret_block_bytes = blocks->block_bytes;
	return blocks->n;
}

const struct psc_walk_coverage *psc_blocks_coverage(const struct psc_blocks *blocks, size_t *ret_count)
{
	*ret_count = blocks->n_coverage;
	return blocks->coverage;
}

const struct psc_scan_coverage *psc_blocks_scan_coverage(const struct psc_blocks *blocks)
{
	return blocks->has_scan ? &blocks->scan : NULL;
}

bool psc_blocks_is_interrupted(const struct psc_blocks *blocks)
{
	return blocks->is_interrupted;
}

double psc_blocks_coverage_ratio(const struct psc_blocks *blocks)
{
	return blocks->ratio;
}

const char *const *psc_blocks_warnings(const struct psc_blocks *blocks, size_t *ret_count)
{
	*ret_count = blocks->warnings.n;
	return blocks->warnings.items;
}
