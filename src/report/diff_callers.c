/* SPDX-License-Identifier: MIT */
/* Rows by recorded caller. Drivers are loaded elsewhere after a reboot: what is the same in two dumps is the offset in
 * a module of one name, not the address. */
#include "report/callers.h"
#include "report/diff.h"
#include "util/error.h"

#include <string.h>

struct callers {
	struct psc_diff *d;
	const struct psc_diff_options *o;
	struct psc_hashmap ids; /* module and offset, or address -> uint32_t, from 1 */
	size_t dump;
	bool any_recorded;
};

/* 0: out of memory, or too many. */
static uint32_t id_of(struct callers *c, const struct psc_code_location *l)
{
	bool is_new;
	struct psc_hashkey in_none = {l->address, 0};
	uint32_t *id = (uint32_t *)psc_hashmap_put(
		&c->ids, l->module != NULL ? psc_diff_name_key(l->module, l->offset) : in_none, &is_new);
	if (id != NULL && is_new)
		*id = (uint32_t)c->ids.n;
	return id != NULL ? *id : 0;
}

static bool copy_text(struct psc_arena *arena, const char **text)
{
	*text = *text != NULL ? psc_arena_strdup(arena, *text) : NULL;
	return *text != NULL;
}

/* Of the last dump that has it: its addresses are those that are looked up next. */
static bool keep_caller(struct psc_diff *d, struct psc_diff_row *row, const struct psc_code_location *l)
{
	const struct psc_code_location old = row->caller;
	const char *symbol = l->symbol;
	row->has_caller = true;
	row->caller = *l;
	if (old.module != NULL) { /* of the same name, and texts of an arena last */
		row->caller.module = old.module;
		row->caller.name = old.name;
	} else if (l->module != NULL &&
		   (!copy_text(&d->arena, &row->caller.module) || !copy_text(&d->arena, &row->caller.name))) {
		return false;
	}
	if (symbol != NULL && old.symbol != NULL && strcmp(symbol, old.symbol) == 0)
		row->caller.symbol = old.symbol;
	else if (symbol != NULL)
		return copy_text(&d->arena, &row->caller.symbol);
	return true;
}

static bool take(struct callers *c, const struct psc_caller_row *r)
{
	struct psc_diff *d = c->d;
	bool by_tag = c->o->by == PSC_DIFF_BY_TAG_CALLER, is_recorded = r->source != PSC_CALLER_NONE, is_new;
	if (c->o->pools != 0 && (!r->has_pool || (c->o->pools >> r->pool & 1) == 0))
		return true;
	uint32_t id = is_recorded ? id_of(c, &r->caller) : 0;
	if (is_recorded && id == 0)
		return false;
	static const uint8_t none[4];
	struct psc_hashkey key = psc_diff_tag_key(by_tag ? r->tags[0] : none, by_tag ? r->pool : PSC_POOL_NONPAGED, id);
	size_t at = psc_diff_row_at(d, key, &is_new);
	if (at == SIZE_MAX)
		return false;
	struct psc_diff_row *row = &d->items[at];
	struct psc_diff_point *p = &d->points[at * d->n_dumps + c->dump];
	if (is_new) {
		if (by_tag) {
			memcpy(row->tag, r->tags[0], 4);
			row->pool = r->pool;
		}
		row->source = "walk";
	}
	c->any_recorded |= is_recorded;
	row->caller_is_inferred |= r->is_inferred;
	p->known = true;
	p->live += (int64_t)r->live;
	p->live_bytes += (int64_t)r->live_bytes;
	return !is_recorded || keep_caller(d, row, &r->caller);
}

static enum psc_status fill_one(struct callers *c, struct psc_kernel *k, const char **ret_why_not,
				struct psc_error *reterr)
{
	struct psc_callers_options co = PSC_CALLERS_OPTIONS_INIT;
	struct psc_callers *callers = NULL;
	size_t n;
	co.by = PSC_CALLERS_BY_TAG_ADDRESS;
	co.tag = c->o->tag;
	co.all_blocks = true;
	co.n_threads = c->o->n_threads;
	co.progress = c->o->progress;
	co.progress_arg = c->o->progress_arg;
	enum psc_status st = psc_callers_compute(k, &co, &callers, reterr);
	if (st != PSC_OK)
		return st;
	const struct psc_caller_row *rows = psc_callers_rows(callers, &n);
	for (size_t i = 0; i < n && st == PSC_OK; i++)
		if (!take(c, &rows[i]))
			st = psc_diff_fail_rows(c->d, reterr);
	double ratio = psc_callers_coverage_ratio(callers);
	if (ratio < c->d->ratio)
		c->d->ratio = ratio;
	const char *const *w = psc_callers_warnings(callers, &n);
	psc_diff_copy_warnings(c->d, c->dump, w, n);
	*ret_why_not = psc_callers_get_info(callers)->verifier_why_not; /* static */
	psc_callers_free(callers);
	return st;
}

enum psc_status psc_diff_fill_by_callers(struct psc_diff *d, struct psc_kernel *const *kernels,
					 const struct psc_diff_options *o, struct psc_error *reterr)
{
	struct callers c = {.d = d, .o = o};
	const char *why_not = NULL;
	enum psc_status st = PSC_OK;
	psc_hashmap_init(&c.ids, sizeof(uint32_t), PSC_DIFF_ROWS_MAX);
	for (size_t i = 0; i < d->n_dumps && st == PSC_OK; i++) {
		c.dump = i;
		st = fill_one(&c, kernels[i], &why_not, reterr);
	}
	if (st == PSC_OK && !c.any_recorded)
		psc_warn(&d->warnings, "no dump records callers of these blocks%s%s", why_not != NULL ? ": " : "",
			 why_not != NULL ? why_not : "");
	psc_hashmap_deinit(&c.ids);
	return st;
}
