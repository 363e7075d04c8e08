/* SPDX-License-Identifier: MIT */
/* Rows of several dumps side by side, and what moved between them. Facts on what people compute by hand: reference
 * users 2.2. */
#include "report/diff.h"
#include "report/blocks.h"
#include "report/tags.h"
#include "util/error.h"
#include "util/vec.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TICKS_PER_SECOND ((int64_t)10000000)
/* Clocks are set while a machine runs. */
#define BOOT_TOLERANCE (300 * TICKS_PER_SECOND)

const char *psc_diff_trend_name(enum psc_diff_trend trend)
{
	static const char *const names[] = {"unknown", "level", "grows", "shrinks", "varies", "new", "gone"};
	return (unsigned)trend < sizeof(names) / sizeof(names[0]) ? names[trend] : "unknown";
}

const char *psc_diff_boot_name(enum psc_diff_boot boot)
{
	return boot == PSC_BOOT_SAME ? "same" : boot == PSC_BOOT_OTHER ? "other" : "unknown";
}

struct psc_hashkey psc_diff_tag_key(const uint8_t tag[4], enum psc_pool pool, uint64_t block_bytes)
{
	uint64_t t = (uint64_t)tag[0] | (uint64_t)tag[1] << 8 | (uint64_t)tag[2] << 16 | (uint64_t)tag[3] << 24;
	struct psc_hashkey k = {t << 8 | (uint64_t)pool, block_bytes};
	return k;
}

size_t psc_diff_row_at(struct psc_diff *d, struct psc_hashkey key, bool *ret_new)
{
	bool is_new;
	uint32_t *slot = (uint32_t *)psc_hashmap_put(&d->index, key, &is_new);
	*ret_new = false;
	if (slot == NULL)
		return SIZE_MAX;
	if (!is_new)
		return *slot;
	size_t n_points = (d->n + 1) * d->n_dumps;
	while (d->points_cap < n_points) {
		size_t cap = d->points_cap != 0 ? d->points_cap * 2 : 256;
		struct psc_diff_point *p = (struct psc_diff_point *)realloc(d->points, cap * sizeof(*p));
		if (p == NULL)
			return SIZE_MAX;
		d->points = p;
		d->points_cap = cap;
	}
	if (!PSC_VEC_RESERVE_ONE(d))
		return SIZE_MAX;
	memset(&d->items[d->n], 0, sizeof(d->items[0]));
	memset(&d->points[d->n * d->n_dumps], 0, d->n_dumps * sizeof(d->points[0]));
	*slot = (uint32_t)d->n;
	*ret_new = true;
	return d->n++;
}

/* ---- how the dumps belong together ---- */

static bool boot_time(const struct psc_kernel *k, int64_t *ret, int64_t *ret_uptime)
{
	const struct psc_dump_header *h = psc_image_header(k->img);
	if (!psc_header_has(h, PSC_HDR_SYSTEM_TIME) || !psc_header_has(h, PSC_HDR_SYSTEM_UP_TIME) ||
	    h->system_time_filetime > INT64_MAX / 2 || h->uptime_100ns > INT64_MAX / 2)
		return false;
	*ret = (int64_t)h->system_time_filetime - (int64_t)h->uptime_100ns;
	*ret_uptime = (int64_t)h->uptime_100ns;
	return true;
}

static bool same_kernel(const struct psc_kernel *a, const struct psc_kernel *b)
{
	if (a->id.pdb_guid[0] != '\0' && b->id.pdb_guid[0] != '\0')
		return strcmp(a->id.pdb_guid, b->id.pdb_guid) == 0 && a->id.pdb_age == b->id.pdb_age;
	return a->id.build == b->id.build && a->id.machine == b->id.machine;
}

static void relate(const struct psc_kernel *a, const struct psc_kernel *b, struct psc_diff_relation *ret)
{
	int64_t boot_a, boot_b, up_a, up_b;
	ret->same_kernel = same_kernel(a, b);
	if (!boot_time(a, &boot_a, &up_a) || !boot_time(b, &boot_b, &up_b))
		return;
	int64_t apart = boot_a > boot_b ? boot_a - boot_b : boot_b - boot_a;
	/* The base of a kernel is random per boot from Vista on, and another kernel is another boot at any rate. */
	bool same = apart <= BOOT_TOLERANCE && ret->same_kernel && a->base == b->base;
	ret->boot = same ? PSC_BOOT_SAME : PSC_BOOT_OTHER;
	ret->has_hours = same;
	if (same)
		ret->hours = (double)(up_b - up_a) / (double)(3600 * TICKS_PER_SECOND);
}

static void warn_of_relations(struct psc_diff *d, struct psc_kernel *const *kernels)
{
	for (size_t i = 1; i < d->n_dumps; i++) {
		struct psc_diff_relation r = {PSC_BOOT_UNKNOWN, false, false, 0.0};
		relate(kernels[i - 1], kernels[i], &r);
		if (!r.same_kernel)
			psc_warn(&d->warnings,
				 "dump %zu has another kernel than dump %zu (build %lu, then %lu): tags and sizes may "
				 "have changed their meaning",
				 i + 1, i, (unsigned long)kernels[i - 1]->id.build,
				 (unsigned long)kernels[i]->id.build);
		if (r.boot == PSC_BOOT_OTHER)
			psc_warn(&d->warnings,
				 "dump %zu is of another boot than dump %zu: counters began again, and there are no "
				 "rates "
				 "between them",
				 i + 1, i);
		else if (r.boot == PSC_BOOT_UNKNOWN)
			psc_warn(&d->warnings,
				 "dump %zu or %zu lacks its time or uptime: whether it is the same boot is not known",
				 i, i + 1);
		else if (r.hours < 0)
			psc_warn(&d->warnings, "dump %zu is older than dump %zu: growth runs backwards", i + 1, i);
	}
}

/* ---- filling rows ---- */

struct filling {
	struct psc_diff *d;
	const struct psc_diff_options *o;
	size_t dump;
	bool failed;
};

static bool is_wanted(const struct psc_diff_options *o, const uint8_t tag[4], enum psc_pool pool)
{
	return (o->pools == 0 || (o->pools >> pool & 1) != 0) && (o->tag == NULL || psc_tag_pattern_match(o->tag, tag));
}

static void take_row(struct filling *f, const struct psc_tag_row *r, bool by_tracker)
{
	bool is_new;
	if (!is_wanted(f->o, r->tag, r->pool))
		return;
	/* A row that is only in the other source has nothing to compare. */
	if (by_tracker ? !r->has_tracker : !r->has_walk || r->walk.live == 0)
		return;
	size_t at = psc_diff_row_at(f->d, psc_diff_tag_key(r->tag, r->pool, r->block_bytes), &is_new);
	if (at == SIZE_MAX) {
		f->failed = true;
		return;
	}
	struct psc_diff_row *row = &f->d->items[at];
	struct psc_diff_point *p = &f->d->points[at * f->d->n_dumps + f->dump];
	if (is_new) {
		memcpy(row->tag, r->tag, 4);
		row->pool = r->pool;
		row->block_bytes = r->block_bytes;
		row->source = by_tracker ? "tracker" : "walk";
	}
	p->known = by_tracker ? r->has_live : true;
	p->live = by_tracker ? r->live : (int64_t)r->walk.live;
	p->live_bytes = by_tracker ? r->live_bytes : (int64_t)r->walk.live_bytes;
	if (!p->known)
		p->live = p->live_bytes = -1; /* not a key that is missing */
	p->has_counters = r->has_tracker && r->source == PSC_SOURCE_TRACKER;
	p->allocs = r->allocs;
	p->frees = r->frees;
}

/* Keys that a dump does not have are 0 there, in both sources. */
static void fill_absent(struct psc_diff *d)
{
	for (size_t i = 0; i < d->n; i++) {
		bool any_counters = false;
		struct psc_diff_point *p = &d->points[i * d->n_dumps];
		for (size_t k = 0; k < d->n_dumps; k++)
			any_counters |= p[k].has_counters;
		for (size_t k = 0; k < d->n_dumps; k++) {
			if (!p[k].known && p[k].live == 0) {
				p[k].known = true;
				p[k].has_counters = any_counters;
			} else if (!p[k].known) {
				p[k].live = p[k].live_bytes = 0;
			}
		}
	}
}

void psc_diff_copy_warnings(struct psc_diff *d, size_t dump, const char *const *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		psc_warn(&d->warnings, "dump %zu: %s", dump + 1, items[i]);
}

enum psc_status psc_diff_fail_rows(const struct psc_diff *d, struct psc_error *reterr)
{
	if (d->index.n < PSC_DIFF_ROWS_MAX)
		return psc_fail_no_memory(reterr);
	return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0, "more than %zu rows to compare", PSC_DIFF_ROWS_MAX);
}

static enum psc_status fill_by_tags(struct psc_diff *d, struct psc_kernel *const *kernels,
				    const struct psc_diff_options *o, struct psc_error *reterr)
{
	struct psc_tags_options to = PSC_TAGS_OPTIONS_INIT;
	struct psc_tags *tags[PSC_DIFF_DUMPS_MAX] = {NULL};
	struct filling f = {d, o, 0, false};
	enum psc_status st = PSC_OK;
	bool by_tracker = o->by == PSC_DIFF_BY_TAG;

	to.flags = o->by == PSC_DIFF_BY_TAG_SIZE ? PSC_TAGS_BY_SIZE : PSC_TAGS_NO_WALK;
	to.n_threads = o->n_threads;
	to.progress = o->progress;
	to.progress_arg = o->progress_arg;
	for (size_t i = 0; i < d->n_dumps && st == PSC_OK; i++) {
		st = psc_tags_compute(kernels[i], &to, &tags[i], reterr);
		if (st == PSC_OK && !psc_tags_tracker_coverage(tags[i])->available)
			by_tracker = false;
	}
	/* One dump without trackers: all by the walk, for figures of two sources are not compared. */
	if (st == PSC_OK && o->by == PSC_DIFF_BY_TAG && !by_tracker) {
		if ((o->flags & PSC_DIFF_NO_WALK) != 0) {
			st = psc_fail(
				reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0,
				"the tag trackers of one dump cannot be read; leave out --no-walk to compare what "
				"a walk of the pools finds");
			goto out;
		}
		psc_warn(&d->warnings, "the trackers of one dump cannot be read: all figures are of the walk");
		to.flags = 0;
		for (size_t i = 0; i < d->n_dumps && st == PSC_OK; i++) {
			psc_tags_free(tags[i]);
			tags[i] = NULL;
			st = psc_tags_compute(kernels[i], &to, &tags[i], reterr);
		}
	}
	for (size_t i = 0; i < d->n_dumps && st == PSC_OK; i++) {
		size_t n;
		const struct psc_tag_row *rows = psc_tags_rows(tags[i], &n);
		f.dump = i;
		for (size_t k = 0; k < n && !f.failed; k++)
			take_row(&f, &rows[k], by_tracker);
		double ratio = psc_tags_coverage_ratio(tags[i]);
		if (ratio < d->ratio)
			d->ratio = ratio;
		const char *const *w = psc_tags_warnings(tags[i], &n);
		psc_diff_copy_warnings(d, i, w, n);
	}
	if (st == PSC_OK && f.failed)
		st = psc_diff_fail_rows(d, reterr);
out:
	for (size_t i = 0; i < d->n_dumps; i++)
		psc_tags_free(tags[i]);
	return st;
}

struct psc_hashkey psc_diff_name_key(const char *name, uint64_t number)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (; *name != '\0'; name++)
		h = (h ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
	struct psc_hashkey k = {number, h};
	return k;
}

static bool take_charged(void *arg, const struct psc_block_row *b)
{
	struct filling *f = (struct filling *)arg;
	bool is_new;
	if (!b->has_process)
		return true;
	/* Processes that left the list are told apart by their address. */
	struct psc_hashkey key = psc_diff_name_key(b->process.name, b->process.pid);
	if (!b->process.is_listed) {
		key.a = b->process.eprocess;
		key.b = 0;
	}
	size_t at = psc_diff_row_at(f->d, key, &is_new);
	if (at == SIZE_MAX) {
		f->failed = true;
		return false;
	}
	struct psc_diff_row *row = &f->d->items[at];
	if (is_new) {
		row->process = b->process;
		row->process.name = psc_arena_printf(&f->d->arena, "%s", b->process.name);
		row->source = "walk";
		if (row->process.name == NULL) {
			f->failed = true;
			return false;
		}
	}
	struct psc_diff_point *p = &f->d->points[at * f->d->n_dumps + f->dump];
	p->known = true;
	p->live++;
	p->live_bytes += (int64_t)b->block_bytes;
	return true;
}

static enum psc_status fill_by_process(struct psc_diff *d, struct psc_kernel *const *kernels,
				       const struct psc_diff_options *o, struct psc_error *reterr)
{
	struct filling f = {d, o, 0, false};
	struct psc_blocks_options bo = PSC_BLOCKS_OPTIONS_INIT;
	bo.n_threads = o->n_threads;
	bo.progress = o->progress;
	bo.progress_arg = o->progress_arg;
	bo.pools = o->pools;
	for (size_t i = 0; i < d->n_dumps; i++) {
		struct psc_blocks *blocks = NULL;
		size_t n;
		f.dump = i;
		enum psc_status st = psc_blocks_list(kernels[i], &bo, take_charged, &f, &blocks, reterr);
		if (f.failed)
			return psc_diff_fail_rows(d, reterr);
		if (st != PSC_OK)
			return st;
		double ratio = psc_blocks_coverage_ratio(blocks);
		if (ratio < d->ratio)
			d->ratio = ratio;
		const char *const *w = psc_blocks_warnings(blocks, &n);
		psc_diff_copy_warnings(d, i, w, n);
		psc_blocks_free(blocks);
	}
	return PSC_OK;
}

/* ---- what moved ---- */

static enum psc_diff_trend trend_of(const struct psc_diff_point *p, size_t n)
{
	bool up = false, down = false;
	for (size_t i = 0; i < n; i++)
		if (!p[i].known)
			return PSC_TREND_UNKNOWN;
	for (size_t i = 1; i < n; i++) {
		up |= p[i].live_bytes > p[i - 1].live_bytes;
		down |= p[i].live_bytes < p[i - 1].live_bytes;
	}
	bool first = (p[0].live | p[0].live_bytes) != 0, last = (p[n - 1].live | p[n - 1].live_bytes) != 0;
	if (!first && last)
		return PSC_TREND_NEW;
	if (first && !last)
		return PSC_TREND_GONE;
	return up && down ? PSC_TREND_VARIES : up ? PSC_TREND_GROWS : down ? PSC_TREND_SHRINKS : PSC_TREND_LEVEL;
}

static void judge(struct psc_diff *d)
{
	for (size_t i = 0; i < d->n; i++) {
		struct psc_diff_row *r = &d->items[i];
		const struct psc_diff_point *p = &d->points[i * d->n_dumps], *first = p, *last = p + d->n_dumps - 1;
		r->points = p;
		r->trend = trend_of(p, d->n_dumps);
		r->has_growth = first->known && last->known;
		if (r->has_growth) {
			r->growth = (int64_t)((uint64_t)last->live - (uint64_t)first->live);
			r->growth_bytes = (int64_t)((uint64_t)last->live_bytes - (uint64_t)first->live_bytes);
		}
		r->has_rate = r->has_growth && d->relation.has_hours && d->relation.hours > 1e-6;
		if (r->has_rate) {
			r->growth_per_hour = (double)r->growth / d->relation.hours;
			r->growth_bytes_per_hour = (double)r->growth_bytes / d->relation.hours;
		}
		r->has_turnover = d->relation.boot == PSC_BOOT_SAME && first->has_counters && last->has_counters &&
				  last->allocs >= first->allocs && last->frees >= first->frees;
		if (r->has_turnover) {
			r->new_allocs = last->allocs - first->allocs;
			r->new_frees = last->frees - first->frees;
		}
	}
}

enum psc_status psc_diff_compute(struct psc_kernel *const *kernels, size_t n, const struct psc_diff_options *opts,
				 struct psc_diff **ret, struct psc_error *reterr)
{
	enum psc_status st;
	if (n < 2 || n > PSC_DIFF_DUMPS_MAX)
		return psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0, "2 to %d dumps can be compared, not %zu",
				PSC_DIFF_DUMPS_MAX, n);
	if (opts->tag != NULL && (st = psc_tag_pattern_check(opts->tag, reterr)) != PSC_OK)
		return st;
	/* What a small dump shows are the headers that it happened to save: no growth follows from them. */
	for (size_t i = 0; i < n; i++)
		if (kernels[i]->space.mmu == PSC_MMU_NONE)
			return psc_fail(reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0,
					"dump %zu has no page tables, so nothing in it can be compared; a kernel or "
					"complete dump is needed",
					i + 1);
	struct psc_diff *d = (struct psc_diff *)calloc(1, sizeof(*d));
	if (d == NULL)
		return psc_fail_no_memory(reterr);
	d->warnings.arena = &d->arena;
	d->n_dumps = n;
	d->ratio = 1.0;
	psc_hashmap_init(&d->index, sizeof(uint32_t), PSC_DIFF_ROWS_MAX);
	relate(kernels[0], kernels[n - 1], &d->relation);
	warn_of_relations(d, kernels);
	bool by_tags = opts->by == PSC_DIFF_BY_TAG || opts->by == PSC_DIFF_BY_TAG_SIZE;
	st = by_tags                           ? fill_by_tags(d, kernels, opts, reterr)
	     : opts->by == PSC_DIFF_BY_PROCESS ? fill_by_process(d, kernels, opts, reterr)
					       : psc_diff_fill_by_callers(d, kernels, opts, reterr);
	if (st != PSC_OK)
		goto out;
	fill_absent(d);
	judge(d);
	if (opts->by != PSC_DIFF_BY_PROCESS) {
		st = psc_diff_find_groups(d, reterr);
		if (st == PSC_OK && by_tags && (opts->flags & PSC_DIFF_PINNED) != 0)
			st = psc_diff_find_pinned(d, kernels, opts, reterr);
		if (st != PSC_OK)
			goto out;
	}
	/* A walk that ended early makes every difference wrong. */
	for (size_t i = 0; i < n && st == PSC_OK; i++)
		if (psc_image_is_cancelled(kernels[i]->img))
			st = psc_fail(reterr, PSC_E_CANCELLED, PSC_WHERE_NONE, 0, "cancelled in the walk of a dump");
	if (st != PSC_OK)
		goto out;
	psc_diff_sort(d, PSC_DIFF_SORT_GROWTH);
	*ret = d;
	d = NULL;
out:
	psc_diff_free(d);
	return st;
}

void psc_diff_free(struct psc_diff *diff)
{
	if (diff == NULL)
		return;
	free(diff->items);
	free(diff->points);
	psc_hashmap_deinit(&diff->index);
	psc_warnings_deinit(&diff->warnings);
	psc_arena_deinit(&diff->arena);
	free(diff);
}

const struct psc_diff_row *psc_diff_rows(const struct psc_diff *diff, size_t *ret_count)
{
	*ret_count = diff->n;
	return diff->items;
}

const struct psc_diff_relation *psc_diff_get_relation(const struct psc_diff *diff)
{
	return &diff->relation;
}

const char *const *psc_diff_warnings(const struct psc_diff *diff, size_t *ret_count)
{
	*ret_count = diff->warnings.n;
	return diff->warnings.items;
}

double psc_diff_coverage_ratio(const struct psc_diff *diff)
{
	return diff->ratio;
}
