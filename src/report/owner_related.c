/* SPDX-License-Identifier: MIT */
/* What stands beside the blocks: tags whose live counts go with theirs, and the processes that are charged. */
#include "report/owner_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Counts that agree by chance: with 0.5 % and four multiples, one of a hundred tags of such counts (users 2.2). */
#define LOCKSTEP_LEAST    5000u
#define LOCKSTEP_PERMILLE 5u
#define LOCKSTEP_FACTORS  4u

/* ---- lockstep ---- */

struct tag_count {
	uint32_t tag;
	uint64_t live;
	uint32_t mine, theirs; /* mine x live here = theirs x live there, about */
	uint64_t off;          /* parts of a million that they differ by */
};

struct tag_counts {
	struct tag_count *items;
	size_t n;
};

/* Live blocks per tag over all pools: of the trackers where they are whole, else of the walk. */
static bool count_tags(const struct psc_owner_work *w, struct tag_counts *ret)
{
	const struct psc_trackers *t = &w->trackers;
	size_t pos = 0;
	struct psc_tally_key key;
	struct psc_tally_value *v;
	ret->n = 0;
	ret->items = (struct tag_count *)calloc(t->n_rows + w->tally.map.n + 1, sizeof(*ret->items));
	if (!ret->items)
		return false;
	for (size_t i = 0; i < t->n_rows && t->available; i++) {
		struct tag_count *c = &ret->items[ret->n];
		memset(c, 0, sizeof(*c));
		c->tag = t->rows[i].tag;
		for (int p = 0; p < 2 && !t->rows[i].incomplete; p++) {
			int64_t live = psc_tracker_live(t, &t->rows[i].half[p]);
			c->live += live > 0 ? (uint64_t)live : 0;
		}
		ret->n += c->live != 0;
	}
	while (psc_tally_next(&w->tally, &pos, &key, &v) && !t->available) {
		size_t i = 0;
		while (i < ret->n && ret->items[i].tag != key.tag)
			i++;
		if (i == ret->n) {
			/* A tag's pools come in any order: sum the nonpaged and the paged one. */
			ret->items[ret->n++].tag = key.tag;
		}
		ret->items[i].live += v->counts.live;
	}
	return true;
}

static bool is_lockstep(struct tag_count *c, uint64_t live)
{
	for (uint32_t f = 1; f <= LOCKSTEP_FACTORS; f++) {
		for (int way = 0; way < (f == 1 ? 1 : 2); way++) {
			c->mine = way == 0 ? f : 1;
			c->theirs = way == 0 ? 1 : f;
			if (live > UINT64_MAX / 4000000 || c->live > UINT64_MAX / 4000000)
				return false;
			uint64_t a = live * c->mine, b = c->live * c->theirs;
			uint64_t big = a > b ? a : b, off = a > b ? a - b : b - a;
			c->off = off * 1000000 / big;
			if (c->off <= LOCKSTEP_PERMILLE * 1000u)
				return true;
		}
	}
	return false;
}

static int by_difference(const void *pa, const void *pb)
{
	const struct tag_count *a = (const struct tag_count *)pa, *b = (const struct tag_count *)pb;
	if (a->off != b->off)
		return a->off < b->off ? -1 : 1;
	return (a->tag > b->tag) - (a->tag < b->tag);
}

/* The only module whose code passes a tag; NULL: none, several, or the kernel's own tag. */
static const struct psc_site_module *only_module_of(const struct psc_owner_work *w, uint32_t tag)
{
	const struct psc_site_module *only = NULL;
	size_t n, n_modules;
	if (!w->sites)
		return NULL;
	const struct psc_site *s = psc_sites_rows(w->sites, &n);
	const struct psc_site_module *m = psc_sites_modules(w->sites, &n_modules);
	for (size_t i = 0; i < psc_kernel_tags_n; i++)
		if (psc_kernel_tags[i].tag == tag)
			return NULL;
	for (size_t i = 0; i < n; i++) {
		if (s[i].confidence == PSC_SITE_LOW || !psc_owner_site_has_tag(&s[i], tag))
			continue;
		if (only && only != &m[s[i].module])
			return NULL;
		only = &m[s[i].module];
	}
	return only;
}

static bool add_lockstep_row(struct psc_owner_work *w, const struct tag_count *c, uint64_t live, size_t n_compared)
{
	const struct psc_site_module *m = only_module_of(w, c->tag);
	struct psc_code_location at = {0};
	char name[17], factor[48] = "as many";
	if (m) {
		at = psc_caller_locate(w->symbolizer, &w->r->arena, m->base, &w->no_memory);
		at.address = at.offset = 0;
		at.symbol = NULL;
	}
	/* The kernel's own tags go together with everybody's. */
	bool is_suspect = at.module && strcmp(at.name, "nt") != 0 && !psc_owner_is_component(w, at.name);
	struct psc_owner_evidence *e = psc_owner_add(w, PSC_OWNER_LOCKSTEP, PSC_GRADE_CIRCUMSTANTIAL,
						     is_suspect ? PSC_OWNER_SUSPECT : PSC_OWNER_CONTEXT);
	if (!e)
		return false;
	e->caller = at;
	e->has_related = true;
	psc_owner_tag_bytes(c->tag, e->related_tag);
	psc_tag_format(e->related_tag, name);
	if (c->mine != 1)
		snprintf(factor, sizeof(factor), "%u times as many", c->mine);
	else if (c->theirs != 1)
		snprintf(factor, sizeof(factor), "one in %u as many", c->theirs);
	e->reason = psc_owner_text(
		w, "the tag %s has %s live blocks: %llu against %llu, %llu.%02llu %% off%s; %zu tags were compared",
		name, factor, (unsigned long long)c->live, (unsigned long long)live,
		(unsigned long long)(c->off / 10000), (unsigned long long)(c->off / 100 % 100),
		m ? ", and only this module's code passes it" : "", n_compared);
	return !w->no_memory;
}

static bool add_lockstep(struct psc_owner_work *w)
{
	struct tag_counts t;
	uint64_t live = 0;
	size_t n = 0, n_compared = 0;
	if (!count_tags(w, &t))
		return false;
	for (size_t i = 0; i < t.n; i++)
		live = t.items[i].tag == w->tag ? t.items[i].live : live;
	for (size_t i = 0; i < t.n && live >= LOCKSTEP_LEAST; i++) {
		struct tag_count c = t.items[i];
		if (c.tag == w->tag || c.live < LOCKSTEP_LEAST)
			continue;
		n_compared++;
		if (is_lockstep(&c, live))
			t.items[n++] = c;
	}
	if (n > 1)
		qsort(t.items, n, sizeof(*t.items), by_difference);
	if (n > PSC_OWNER_LIST_MAX) {
		psc_warn(&w->r->warnings, "%zu tags have counts that go with this one: the %u nearest are listed", n,
			 PSC_OWNER_LIST_MAX);
		n = PSC_OWNER_LIST_MAX;
	}
	bool ok = true;
	for (size_t i = 0; i < n && ok; i++)
		ok = add_lockstep_row(w, &t.items[i], live, n_compared);
	free(t.items);
	return ok;
}

/* ---- charged processes ---- */

static bool add_charged(struct psc_owner_work *w)
{
	for (size_t i = 0; i < w->n_charged && i < PSC_OWNER_LIST_MAX; i++) {
		const struct psc_owner_charge *c = &w->charged[i];
		const struct psc_process *p = psc_process_table_find(&w->processes, c->eprocess);
		struct psc_owner_evidence *e =
			psc_owner_add(w, PSC_OWNER_CHARGED_PROCESS, PSC_GRADE_CIRCUMSTANTIAL, PSC_OWNER_CONTEXT);
		if (!e)
			return false;
		e->has_blocks = e->has_process = true;
		e->blocks = c->blocks;
		e->bytes = c->bytes;
		e->process.eprocess = c->eprocess;
		e->process.is_listed = p != NULL;
		e->process.pid = p ? p->pid : 0;
		e->process.name = p ? psc_owner_text(w, "%s", p->image_file_name) : "";
		e->reason =
			psc_owner_text(w, "%llu live blocks are charged to this process%s; %llu to none",
				       (unsigned long long)c->blocks, p ? "" : ", which is not in the kernel's list",
				       (unsigned long long)w->uncharged);
	}
	if (w->n_charged > PSC_OWNER_LIST_MAX)
		psc_warn(&w->r->warnings, "blocks are charged to %zu processes: the %u with the most are listed",
			 w->n_charged, PSC_OWNER_LIST_MAX);
	return !w->no_memory;
}

bool psc_owner_add_related(struct psc_owner_work *w)
{
	return add_lockstep(w) && add_charged(w);
}
