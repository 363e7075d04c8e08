/* SPDX-License-Identifier: MIT */
/* Recorded callers of one tag, and where these allocate on behalf of others, who called them by the stacks that Driver
 * Verifier and the kernel's stack-trace database recorded. */
#include "report/owner_internal.h"
#include "util/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIVE_MAX    ((size_t)1 << 22) /* as many blocks as any log holds */
#define CALLERS_MAX ((size_t)1 << 16)

/* Driver Verifier's own counters of a driver. */
static const struct psc_verified_driver *driver_of(const struct psc_owner *r, const char *module)
{
	size_t n;
	const struct psc_verified_driver *d = psc_callers_drivers(r->callers, &n);
	for (size_t i = 0; i < n && module; i++)
		if (psc_owner_same_name(d[i].name, module))
			return &d[i];
	return NULL;
}

static const char *recorded_words(struct psc_owner_work *w, const struct psc_caller_row *row)
{
	const struct psc_verified_driver *d = driver_of(w->r, row->caller.module);
	const char *peak = "", *lifetime = "";
	if (row->source == PSC_CALLER_STACKDB)
		return psc_owner_text(w,
				      "the pool headers of %llu live blocks name a stack of the kernel's stack-trace "
				      "database that leads here%s",
				      (unsigned long long)row->live,
				      row->is_inferred ? ", though it was logged for fewer" : "");
	if (row->source == PSC_CALLER_TRACE)
		return psc_owner_text(w,
				      "Driver Verifier's log has the allocation of %llu live blocks here; their own "
				      "records are not in the dump%s",
				      (unsigned long long)row->live,
				      row->is_inferred ? ", and that it was an allocation is assumed" : "");
	if (row->has_lifetime)
		lifetime = psc_owner_text(w, "; %llu allocations and %llu frees since it was started",
					  (unsigned long long)row->allocs, (unsigned long long)row->frees);
	if (d && d->has_counts)
		peak = psc_owner_text(w, "; peak of the driver: %llu allocations, %llu bytes",
				      (unsigned long long)d->peak_paged + d->peak_nonpaged,
				      (unsigned long long)d->peak_paged_bytes +
					      (unsigned long long)d->peak_nonpaged_bytes);
	return psc_owner_text(w, "Driver Verifier recorded %llu live block%s, %llu bytes, allocated here%s%s%s",
			      (unsigned long long)row->live, PSC_PLURAL(row->live), (unsigned long long)row->live_bytes,
			      lifetime, peak, row->caller.is_unloaded ? "; the driver had been unloaded" : "");
}

static bool add_recorded(struct psc_owner_work *w)
{
	static const enum psc_owner_source sources[PSC_CALLER_MAX] = {
		[PSC_CALLER_VERIFIER] = PSC_OWNER_VERIFIER,
		[PSC_CALLER_TRACE] = PSC_OWNER_TRACE,
		[PSC_CALLER_STACKDB] = PSC_OWNER_STACKDB,
	};
	size_t n;
	const struct psc_caller_row *rows = psc_callers_rows(w->r->callers, &n);
	for (size_t i = 0; i < n; i++) {
		const struct psc_caller_row *row = &rows[i];
		enum psc_owner_role role = !row->caller.module                           ? PSC_OWNER_CONTEXT
					   : psc_owner_is_component(w, row->caller.name) ? PSC_OWNER_COMPONENT
											 : PSC_OWNER_SUSPECT;
		if (row->live == 0 || row->source == PSC_CALLER_NONE)
			continue;
		struct psc_owner_evidence *e = psc_owner_add(
			w, sources[row->source], row->is_inferred ? PSC_GRADE_INFERRED : PSC_GRADE_EXACT, role);
		if (!e)
			return false;
		e->caller = row->caller; /* lives as long as r->callers */
		e->has_pool = row->has_pool;
		e->pool = row->pool;
		e->has_blocks = true;
		e->blocks = row->live;
		e->bytes = row->live_bytes;
		e->reason = recorded_words(w, row);
	}
	return true;
}

/* ---- on whose behalf ---- */

/* Of stacks of one kind of source. */
struct behalf {
	uint64_t blocks, bytes;
	const char *through; /* who was called; in the arena */
	bool is_inferred;
};

/* Blocks that a module allocated for others. */
struct through {
	const char *name;
	uint64_t blocks;
};
#define THROUGH_MAX 16u

struct live_record {
	uint64_t bytes, caller;
};

struct behalf_visit {
	struct psc_owner_work *w;
	struct psc_hashmap live; /* data address: struct live_record */
	struct psc_hashmap seen; /* addresses that a newer record of the log was about */
	struct psc_hashmap sums; /* address of code: struct behalf */
	struct through through[THROUGH_MAX];
	size_t n_through;
	bool no_memory;
};

static bool take_block(void *arg, const struct psc_verifier_block *b)
{
	struct behalf_visit *v = (struct behalf_visit *)arg;
	if ((b->tag & ~PSC_TAG_PROTECTED) != v->w->tag)
		return true;
	struct live_record *l = (struct live_record *)psc_hashmap_put(&v->live, (struct psc_hashkey){b->va, 0}, NULL);
	if (l)
		*l = (struct live_record){b->size_bytes, b->caller};
	else
		v->no_memory |= v->live.n < LIVE_MAX;
	return !v->no_memory;
}

/* Does this module allocate for whoever calls it? The component of the tag; of other tags the modules whose routines
 * are wrappers of the pool (data/pool_apis.tsv). */
static bool passes_on(const struct psc_owner_work *w, const char *name)
{
	static const char *const modules[] = {"ndis",     "fltmgr",   "netio",   "fwpkclnt",
					      "wdf01000", "storport", "videoprt"};
	if (w->kernel_tag)
		return psc_owner_is_component(w, name);
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		if (psc_owner_same_name(modules[i], name))
			return true;
	return false;
}

/* The innermost frame behind those that allocate for others; 0: the stack ends before, or it is the caller itself.
 * has_kernel: frames of the kernel are its own work, not that of Verifier. */
static uint64_t behalf_of(const struct psc_owner_work *w, const uint64_t *frames, unsigned n, bool has_kernel,
			  char through[64])
{
	bool is_passed = false;
	if (w->kernel_tag && psc_owner_is_component(w, "nt")) {
		snprintf(through, 64, "%s", w->component);
		is_passed = true;
	}
	for (unsigned i = 0; i < n; i++) {
		struct psc_symbol_text t;
		bool known = psc_symbolize(w->symbolizer, frames[i], &t);
		if (known && passes_on(w, t.name)) {
			snprintf(through, 64, "%s", w->kernel_tag ? w->component : t.name);
			is_passed = true;
			continue;
		}
		/* The kernel calls back into others, so past the component it is no stranger to skip. */
		if (psc_caller_is_verifier(w->k, w->symbolizer, frames[i])) {
			if (has_kernel && !is_passed && !w->kernel_tag && known) {
				snprintf(through, 64, "%s", t.name);
				is_passed = true;
			}
			continue;
		}
		return is_passed ? frames[i] : 0;
	}
	return 0;
}

static bool add_through(struct behalf_visit *v, const char *text, uint64_t blocks, const char **ret)
{
	size_t i = 0;
	while (i < v->n_through && strcmp(v->through[i].name, text) != 0)
		i++;
	if (i == v->n_through) {
		const char *name = psc_owner_text(v->w, "%s", text);
		if (v->n_through == THROUGH_MAX) {
			*ret = name;
			return !v->w->no_memory;
		}
		v->through[v->n_through++] = (struct through){name, 0};
	}
	v->through[i].blocks += blocks;
	*ret = v->through[i].name;
	return !v->w->no_memory;
}

static void add_behalf(struct behalf_visit *v, uint64_t caller, const char *through, uint64_t blocks, uint64_t bytes,
		       bool is_inferred)
{
	const char *name;
	if (!add_through(v, through, blocks, &name)) {
		v->no_memory = true;
		return;
	}
	struct behalf *s = (struct behalf *)psc_hashmap_put(&v->sums, (struct psc_hashkey){caller, is_inferred}, NULL);
	if (!s) {
		v->no_memory |= v->sums.n < CALLERS_MAX;
		return;
	}
	s->blocks += blocks;
	s->bytes += bytes;
	s->is_inferred = is_inferred;
	/* Several: the first by name, in whatever order they come. */
	if (!s->through || strcmp(name, s->through) < 0)
		s->through = name;
}

static bool take_stack(void *arg, const struct psc_stack_row *row)
{
	struct behalf_visit *v = (struct behalf_visit *)arg;
	if ((row->tag & ~PSC_TAG_PROTECTED) != v->w->tag || row->allocs == row->frees)
		return true;
	char through[64] = "";
	uint64_t caller = behalf_of(v->w, row->frames, row->n_frames, false, through);
	if (caller != 0)
		add_behalf(v, caller, through, row->allocs - row->frees, row->alloc_bytes - row->freed_bytes, false);
	return !v->no_memory;
}

static bool take_trace(void *arg, const struct psc_trace *t)
{
	struct behalf_visit *v = (struct behalf_visit *)arg;
	bool is_new = false;
	const struct live_record *l =
		(const struct live_record *)psc_hashmap_get(&v->live, (struct psc_hashkey){t->va, 0});
	if (!l)
		return true;
	/* Newest first: what is older of an address is history. */
	if (!psc_hashset_add(&v->seen, t->va, &is_new)) {
		v->no_memory = true;
		return false;
	}
	enum psc_caller_operation op = psc_caller_operation_of(v->w->k, v->w->symbolizer, t);
	if (!is_new || op == PSC_CALLER_FREE)
		return true;
	char through[64] = "";
	uint64_t caller = behalf_of(v->w, t->frames, t->n_frames, false, through);
	/* A stack that goes through the return address of the block's own record is that of its allocation. */
	bool is_same = false;
	for (unsigned i = 0; i < t->n_frames && !is_same; i++)
		is_same = t->frames[i] == l->caller;
	if (caller != 0)
		add_behalf(v, caller, through, 1, l->bytes, op != PSC_CALLER_ALLOCATE && !is_same);
	return !v->no_memory;
}

static bool add_behalf_rows(struct behalf_visit *v, enum psc_owner_source source, const char *recorder)
{
	struct psc_owner_work *w = v->w;
	size_t pos = 0;
	struct psc_hashkey key;
	void *value;
	while (psc_hashmap_next(&v->sums, &pos, &key, &value)) {
		const struct behalf *s = (const struct behalf *)value;
		struct psc_code_location at = psc_caller_locate(w->symbolizer, &w->r->arena, key.a, &w->no_memory);
		struct psc_owner_evidence *e =
			psc_owner_add(w, source, s->is_inferred ? PSC_GRADE_INFERRED : PSC_GRADE_EXACT,
				      at.module ? PSC_OWNER_SUSPECT : PSC_OWNER_CONTEXT);
		const char *doubt = !s->is_inferred               ? ""
				    : source == PSC_OWNER_STACKDB ? "; it was logged for fewer"
								  : "; that the newest record of each is "
								    "its allocation is assumed";
		if (!e)
			return false;
		e->caller = at;
		e->has_blocks = true;
		e->blocks = s->blocks;
		e->bytes = s->bytes;
		e->reason = psc_owner_text(
			w, "by the stacks that %s, code here called %s, which allocated %llu live block%s%s", recorder,
			s->through, (unsigned long long)s->blocks, PSC_PLURAL(s->blocks), doubt);
	}
	return !w->no_memory;
}

/* Who is shown to allocate most of its blocks for others holds none of them. */
static void spare_modules(struct behalf_visit *v)
{
	struct psc_owner *r = v->w->r;
	for (size_t k = 0; k < v->n_through; k++) {
		uint64_t blocks = 0;
		for (int pass = 0; pass < 2; pass++) {
			for (size_t i = 0; i < r->rows.n; i++) {
				struct psc_owner_evidence *e = &r->rows.items[i];
				if (e->role != PSC_OWNER_SUSPECT || !e->caller.module ||
				    !psc_owner_same_name(e->caller.name, v->through[k].name) ||
				    (e->source != PSC_OWNER_VERIFIER && e->source != PSC_OWNER_TRACE &&
				     e->source != PSC_OWNER_STACKDB))
					continue;
				if (pass == 0)
					blocks += e->blocks;
				else if (v->through[k].blocks >= blocks - v->through[k].blocks ||
					 blocks < v->through[k].blocks)
					e->role = PSC_OWNER_COMPONENT;
			}
		}
	}
}

static bool find_in_stackdb(struct behalf_visit *v)
{
	const struct psc_callers *c = v->w->r->callers;
	for (size_t i = 0; i < c->traces.n && !v->no_memory; i++) {
		const struct psc_caller_trace *t = &c->traces.items[i];
		char through[64] = "";
		uint64_t caller = behalf_of(v->w, t->frames, t->n_frames, true, through);
		if (caller != 0)
			add_behalf(v, caller, through, t->live, t->live_bytes, t->is_inferred);
	}
	return !v->no_memory && add_behalf_rows(v, PSC_OWNER_STACKDB, "the kernel's stack-trace database holds");
}

static enum psc_status find_behalf(struct psc_owner_work *w, struct psc_error *reterr)
{
	struct behalf_visit v = {.w = w};
	struct psc_verifier verifier;
	struct psc_stack_rows stacks;
	struct psc_traces traces;
	struct psc_arena arena = PSC_ARENA_INIT;
	struct psc_warnings ignored = {.arena = &arena}; /* the callers have said them */
	psc_hashmap_init(&v.live, sizeof(struct live_record), LIVE_MAX);
	psc_hashmap_init(&v.seen, 0, LIVE_MAX);
	psc_hashmap_init(&v.sums, sizeof(struct behalf), CALLERS_MAX);
	enum psc_status st = psc_stack_rows_read(w->k, take_stack, &v, &stacks, reterr);
	bool from_table = v.sums.n != 0;
	/* The table has all stacks; the log only the newest. */
	if (st == PSC_OK && !from_table)
		st = psc_verifier_read(w->k, take_block, &v, &arena, &ignored, &verifier, reterr);
	if (st == PSC_OK && !from_table && v.live.n != 0)
		st = psc_traces_read(w->k, take_trace, &v, &traces, reterr);
	if (st == PSC_OK &&
	    (v.no_memory || !add_behalf_rows(&v, PSC_OWNER_VERIFIER_STACK,
					     from_table ? "Driver Verifier counted" : "Driver Verifier logged")))
		st = psc_fail_no_memory(reterr);
	/* Blocks that the database names are those that Verifier does not. */
	psc_hashmap_deinit(&v.sums);
	psc_hashmap_init(&v.sums, sizeof(struct behalf), CALLERS_MAX);
	if (st == PSC_OK && !find_in_stackdb(&v))
		st = psc_fail_no_memory(reterr);
	if (st == PSC_OK)
		spare_modules(&v);
	psc_hashmap_deinit(&v.live);
	psc_hashmap_deinit(&v.seen);
	psc_hashmap_deinit(&v.sums);
	psc_warnings_deinit(&ignored);
	psc_arena_deinit(&arena);
	return st;
}

enum psc_status psc_owner_add_callers(struct psc_owner_work *w, struct psc_error *reterr)
{
	struct psc_callers_options o = PSC_CALLERS_OPTIONS_INIT;
	struct psc_owner *r = w->r;
	size_t n;
	o.tag_bytes = r->info.tag;
	enum psc_status st = psc_callers_compute(w->k, &o, &r->callers, reterr);
	if (st != PSC_OK)
		return st;
	const struct psc_callers_info *i = psc_callers_get_info(r->callers);
	r->info.callers_available =
		i->verifier_available || i->log_available || i->stacks_available || i->stackdb_joined;
	r->info.callers_ratio = psc_callers_coverage_ratio(r->callers);
	if (!r->info.callers_available)
		r->info.callers_why_not = i->verifier_why_not;
	const char *const *warnings = psc_callers_warnings(r->callers, &n);
	for (size_t k = 0; k < n; k++)
		psc_warn(&r->warnings, "%s", warnings[k]);
	if (!add_recorded(w))
		return psc_fail_no_memory(reterr);
	return r->info.callers_available ? find_behalf(w, reterr) : PSC_OK;
}
