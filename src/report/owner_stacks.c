/* SPDX-License-Identifier: MIT */
/* Threads that stand in code that passes the tag, and of a component that allocates for others, who called it there. */
#include "blame/thread_stacks.h"
#include "report/owner_internal.h"
#include "util/error.h"

#include <stdlib.h>
#include <string.h>

#define PLACES_MAX 256u

/* A return address on stacks. */
struct place {
	uint64_t address;
	uint64_t threads, in_call, uncertain;
	bool is_behalf; /* code that called the component */
};

struct stacks {
	struct psc_owner_work *w;
	struct psc_stack_sites sites;
	struct place places[PLACES_MAX];
	size_t n;
	uint64_t serial[PLACES_MAX]; /* of the stack that counted it last */
	uint64_t now;
};

static void count_place(struct stacks *s, uint64_t address, bool is_behalf, bool in_call, bool is_uncertain)
{
	size_t i = 0;
	while (i < s->n && (s->places[i].address != address || s->places[i].is_behalf != is_behalf))
		i++;
	if (i == s->n) {
		if (s->n == PLACES_MAX)
			return;
		memset(&s->places[i], 0, sizeof(s->places[i]));
		s->places[i].address = address;
		s->places[i].is_behalf = is_behalf;
		s->serial[i] = 0;
		s->n++;
	}
	/* A function that calls itself counts once. */
	if (s->serial[i] == s->now)
		return;
	s->serial[i] = s->now;
	s->places[i].threads++;
	s->places[i].in_call += in_call;
	s->places[i].uncertain += is_uncertain;
}

static bool is_component_frame(const struct psc_owner_work *w, const struct psc_stack_frame *f)
{
	struct psc_symbol_text t;
	return psc_symbolize(w->symbolizer, f->pc, &t) && psc_owner_is_component(w, t.name);
}

static bool take_stack(void *arg, const struct psc_thread_stack *t)
{
	struct stacks *s = (struct stacks *)arg;
	s->now++;
	for (size_t i = 0; i < t->n_frames; i++) {
		const struct psc_stack_frame *f = &t->frames[i];
		enum psc_site_match match = psc_stack_sites_match(&s->sites, f, NULL, NULL);
		if (match == PSC_SITE_MATCH_NONE)
			continue;
		count_place(s, f->pc, false, match == PSC_SITE_MATCH_CALL, f->is_uncertain);
		if (!is_component_frame(s->w, f))
			continue;
		size_t next = i + 1;
		while (next < t->n_frames && is_component_frame(s->w, &t->frames[next]))
			next++;
		if (next < t->n_frames && t->frames[next].module != PSC_NO_MODULE)
			count_place(s, t->frames[next].pc, true, false,
				    f->is_uncertain || t->frames[next].is_uncertain);
	}
	return true;
}

/* Sites that pass the tag. */
static enum psc_status make_sites(struct stacks *s, struct psc_error *reterr)
{
	struct psc_owner_work *w = s->w;
	size_t n, n_modules, at = 0;
	const struct psc_site *rows = psc_sites_rows(w->sites, &n);
	const struct psc_site_module *modules = psc_sites_modules(w->sites, &n_modules);
	struct psc_stack_site *items = (struct psc_stack_site *)calloc(PSC_OWNER_SITES_MAX, sizeof(*items));
	if (!items)
		return psc_fail_no_memory(reterr);
	for (size_t i = 0; i < n && at < PSC_OWNER_SITES_MAX; i++) {
		uint32_t module = 0;
		if (rows[i].kind == PSC_SITE_MAPPING || !psc_owner_site_has_tag(&rows[i], w->tag))
			continue;
		while (module < w->k->n_loaded && w->k->modules[module].base != modules[rows[i].module].base)
			module++;
		if (module == w->k->n_loaded)
			continue;
		items[at++] = (struct psc_stack_site){module, rows[i].function_rva, rows[i].return_rva, i};
	}
	enum psc_status st = psc_stack_sites_init(&s->sites, (enum psc_machine)w->k->id.machine, items, at, reterr);
	free(items);
	return st;
}

static int by_threads(const void *pa, const void *pb)
{
	const struct place *a = (const struct place *)pa, *b = (const struct place *)pb;
	if (a->is_behalf != b->is_behalf)
		return a->is_behalf ? -1 : 1;
	if (a->threads != b->threads)
		return a->threads > b->threads ? -1 : 1;
	return (a->address > b->address) - (a->address < b->address);
}

static bool add_place(struct psc_owner_work *w, const struct place *p)
{
	struct psc_code_location at = psc_caller_locate(w->symbolizer, &w->r->arena, p->address, &w->no_memory);
	bool is_component = psc_owner_is_component(w, at.name);
	enum psc_owner_role role = !at.module || (p->is_behalf && strcmp(at.name, "nt") == 0) ? PSC_OWNER_CONTEXT
				   : is_component                                             ? PSC_OWNER_COMPONENT
											      : PSC_OWNER_SUSPECT;
	struct psc_owner_evidence *e = psc_owner_add(w, PSC_OWNER_THREAD_STACK, PSC_GRADE_CIRCUMSTANTIAL, role);
	const char *uncertain = p->uncertain == 0 ? ""
				: p->uncertain == p->threads
					? "; found by scanning, it may be left over from an earlier call"
					: "; of some found by scanning";
	if (!e)
		return false;
	e->caller = at;
	if (p->is_behalf)
		e->reason = psc_owner_text(
			w, "on the stack of %llu thread%s it called %s, in code that allocates this tag%s",
			(unsigned long long)p->threads, PSC_PLURAL(p->threads), w->component, uncertain);
	else
		e->reason = psc_owner_text(w, "on the stack of %llu thread%s, in a function that passes this tag%s%s",
					   (unsigned long long)p->threads, PSC_PLURAL(p->threads),
					   p->in_call != 0 ? ", in the allocation itself" : "", uncertain);
	return !w->no_memory;
}

enum psc_status psc_owner_find_stacks(struct psc_owner_work *w, struct psc_error *reterr)
{
	struct psc_stacks_coverage coverage;
	struct psc_thread_stacks_options o = {0};
	struct stacks *s;
	if (!w->sites)
		return PSC_OK;
	s = (struct stacks *)calloc(1, sizeof(*s));
	if (!s)
		return psc_fail_no_memory(reterr);
	s->w = w;
	enum psc_status st = make_sites(s, reterr);
	if (st == PSC_OK && s->sites.n != 0) {
		o.progress = w->o->progress;
		o.progress_arg = w->o->progress_arg;
		st = psc_thread_stacks(w->k, &o, take_stack, s, &coverage, reterr);
		if (st == PSC_OK)
			w->r->info.threads_read = coverage.threads.threads;
	}
	if (st == PSC_OK && s->n > 1)
		qsort(s->places, s->n, sizeof(s->places[0]), by_threads);
	for (size_t i = 0; i < s->n && i < PSC_OWNER_LIST_MAX && st == PSC_OK; i++)
		if (!add_place(w, &s->places[i]))
			st = psc_fail_no_memory(reterr);
	psc_stack_sites_deinit(&s->sites);
	free(s);
	return st;
}
