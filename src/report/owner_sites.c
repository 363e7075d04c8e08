/* SPDX-License-Identifier: MIT */
/* Call sites that pass a tag, fitted to its live blocks by pool and size: what each of them can explain, what only it
 * can, and what none can. */
#include "blame/sites.h"
#include "report/owner_internal.h"

#include <stdlib.h>
#include <string.h>

/* How a site fits a class of blocks, worst first. */
enum fit {
	FIT_NOT,
	FIT_SLACK, /* by its constant size, with a remainder */
	FIT_ANY,   /* its size is not known */
	FIT_SIZE,  /* by its constant size */
};

struct fitted {
	const struct psc_site *s;
	const struct psc_site_module *m;
	bool is_covered; /* a wrapper whose callers stand here too: theirs are the blocks */
	bool is_low;
	uint64_t blocks, bytes, sized, alone, module_alone;
	uint32_t rivals;  /* most other sites that fit one of its classes */
	uint32_t pools;   /* of the blocks */
	enum fit fit_now; /* of the class in hand */
	size_t module_index;
};

struct fitting {
	struct psc_owner_work *w;
	struct fitted *items;
	size_t n;
};

bool psc_owner_site_has_tag(const struct psc_site *s, uint32_t tag)
{
	if (s->tag.kind != PSC_SITE_CONSTANT && s->tag.kind != PSC_SITE_SEVERAL && s->tag.kind != PSC_SITE_TABLE)
		return false;
	for (uint32_t i = 0; i < s->tag.n; i++)
		if (((uint32_t)s->tag.values[i] & ~PSC_TAG_PROTECTED) == tag)
			return true;
	return false;
}

static bool goes_through(const struct psc_site *s, const struct psc_site *wrapper)
{
	for (uint32_t i = 0; s->module == wrapper->module && i < s->n_chain; i++)
		if (s->chain[i].function_rva == wrapper->function_rva)
			return true;
	return false;
}

static enum fit fit_of(const struct psc_site *s, const struct psc_owner_class *c, const struct psc_owner_request *q)
{
	enum fit best = FIT_NOT;
	if (s->pools != 0 && (s->pools >> c->pool & 1) == 0)
		return FIT_NOT;
	/* Of these the tag is known, but not what it is used for. */
	if (s->kind == PSC_SITE_CONTEXT || s->kind == PSC_SITE_POOL_OBJECT || s->kind == PSC_SITE_DEFAULT_TAG)
		return FIT_ANY;
	if (s->size.kind == PSC_SITE_RANGE)
		return s->size.values[0] <= q->hi && s->size.values[1] >= q->lo_slack ? FIT_ANY : FIT_NOT;
	if (s->size.kind != PSC_SITE_CONSTANT && s->size.kind != PSC_SITE_SEVERAL)
		return FIT_ANY;
	for (uint32_t i = 0; i < s->size.n; i++) {
		uint64_t v = s->size.values[i];
		enum fit f = v > q->hi || v < q->lo_slack ? FIT_NOT : v >= q->lo ? FIT_SIZE : FIT_SLACK;
		if (f > best)
			best = f;
	}
	return best;
}

/* Who fits one class: first by everything but remainders; wrappers for what nobody else fits. */
static void fit_class(struct fitting *g, struct psc_owner_class *c, const struct psc_owner_request *q)
{
	uint32_t n[2][FIT_SIZE + 1] = {{0}};
	for (size_t i = 0; i < g->n; i++) {
		struct fitted *f = &g->items[i];
		f->fit_now = fit_of(f->s, c, q);
		n[f->is_covered][f->fit_now]++;
	}
	bool covered = n[0][FIT_SLACK] + n[0][FIT_ANY] + n[0][FIT_SIZE] == 0;
	enum fit least = n[covered][FIT_SIZE] != 0 ? FIT_ANY : FIT_SLACK;
	const struct psc_site_module *only = NULL;
	bool is_one_module = true;
	for (size_t i = 0; i < g->n; i++) {
		struct fitted *f = &g->items[i];
		if (f->is_covered != covered || f->fit_now < least)
			f->fit_now = FIT_NOT;
		if (f->fit_now == FIT_NOT)
			continue;
		is_one_module &= only == NULL || only == f->m;
		only = f->m;
		c->sites++;
	}
	for (size_t i = 0; i < g->n; i++) {
		struct fitted *f = &g->items[i];
		if (f->fit_now == FIT_NOT)
			continue;
		f->blocks += c->live;
		f->bytes += c->live_bytes;
		f->pools |= 1u << c->pool;
		f->sized += f->fit_now != FIT_ANY ? c->live : 0;
		f->alone += c->sites == 1 ? c->live : 0;
		f->module_alone += is_one_module ? c->live : 0;
		if (c->sites - 1 > f->rivals)
			f->rivals = c->sites - 1;
	}
	for (size_t i = 0; i < g->w->n_site_modules && is_one_module && only; i++)
		if (g->w->site_modules[i].module == only->name)
			g->w->site_modules[i].alone += c->live;
	if (c->sites == 0)
		g->w->r->info.unexplained += c->live;
}

/* ---- rows ---- */

static const char *size_words(struct psc_owner_work *w, const struct psc_site *s)
{
	/* What the allocator adds to these is not known. */
	if (s->size.kind == PSC_SITE_CONSTANT && (s->kind == PSC_SITE_CONTEXT || s->kind == PSC_SITE_POOL_OBJECT))
		return psc_owner_text(w, "with %llu bytes of its own", (unsigned long long)s->size.values[0]);
	if (s->size.kind == PSC_SITE_CONSTANT)
		return psc_owner_text(w, "of %llu bytes", (unsigned long long)s->size.values[0]);
	if (s->size.kind == PSC_SITE_SEVERAL)
		return "of one of a few sizes";
	if (s->size.kind == PSC_SITE_RANGE)
		return psc_owner_text(w, "of %llu to %llu bytes", (unsigned long long)s->size.values[0],
				      (unsigned long long)s->size.values[1]);
	return "of a size that is not constant";
}

static const char *fit_words(struct psc_owner_work *w, const struct fitted *f)
{
	const unsigned long long blocks = f->blocks, alone = f->alone;
	if (w->r->info.seen == 0)
		return "no live block was seen to compare with";
	if (blocks == 0)
		return "no live block fits";
	if (alone == blocks)
		return psc_owner_text(w, "%llu live blocks fit, and no other call site fits them", blocks);
	const char *rivals = f->rivals == 1 ? "one other call site" : "other call sites";
	if (alone == 0)
		return psc_owner_text(w, "%llu live blocks fit, shared with %s: which of them is not proven", blocks,
				      rivals);
	return psc_owner_text(w, "%llu live blocks fit, %llu of them no other call site; the rest is shared", blocks,
			      alone);
}

static bool add_row(struct psc_owner_work *w, const struct fitted *f)
{
	const struct psc_site *s = f->s;
	uint64_t address = f->m->base + (s->return_rva != 0 ? s->return_rva : s->call_rva);
	struct psc_code_location at = psc_caller_locate(w->symbolizer, &w->r->arena, address, &w->no_memory);
	bool is_component = psc_owner_is_component(w, at.name);
	/* Code of one module alone explains them: inferred. Else any of several may have. */
	enum psc_grade grade = f->module_alone != 0 && !f->is_low ? PSC_GRADE_INFERRED : PSC_GRADE_CIRCUMSTANTIAL;
	/* What fits none of the blocks is told, and speaks against nobody. */
	bool fits = f->blocks != 0 || w->r->info.seen == 0;
	enum psc_owner_role role = is_component ? PSC_OWNER_COMPONENT : fits ? PSC_OWNER_SUSPECT : PSC_OWNER_CONTEXT;
	struct psc_owner_evidence *e = psc_owner_add(w, PSC_OWNER_CALL_SITE, grade, role);
	if (!e)
		return false;
	e->caller = at;
	e->has_pool = f->pools != 0 && (f->pools & (f->pools - 1)) == 0;
	for (int p = 0; p < PSC_POOL_MAX && e->has_pool; p++)
		if (f->pools == 1u << p)
			e->pool = (enum psc_pool)p;
	e->has_blocks = e->has_alone = w->r->info.seen != 0;
	e->blocks = f->blocks;
	e->bytes = f->bytes;
	e->alone = f->alone;
	e->api = psc_arena_strdup(&w->r->arena, s->api);
	e->has_request = s->size.kind == PSC_SITE_CONSTANT;
	e->request_bytes = e->has_request ? s->size.values[0] : 0;
	e->reason = psc_owner_text(w, "%s this tag and asks for blocks %s%s%s: %s%s",
				   f->is_low         ? "may pass"
				   : s->is_tail_call ? "passes (jumping)"
						     : "passes",
				   size_words(w, s), s->n_chain != 0 ? ", through a wrapper" : "",
				   f->is_covered ? ", as a wrapper" : "", fit_words(w, f),
				   is_component ? "; it allocates them for others" : "");
	return e->api != NULL && !w->no_memory;
}

static int by_worth(const void *pa, const void *pb)
{
	const struct fitted *a = (const struct fitted *)pa, *b = (const struct fitted *)pb;
	const uint64_t x[][2] = {{a->alone, b->alone}, {a->sized, b->sized}, {a->blocks, b->blocks}};
	for (size_t i = 0; i < sizeof(x) / sizeof(x[0]); i++)
		if (x[i][0] != x[i][1])
			return x[i][0] > x[i][1] ? -1 : 1;
	if (a->s->module != b->s->module)
		return a->s->module < b->s->module ? -1 : 1;
	return (a->s->call_rva > b->s->call_rva) - (a->s->call_rva < b->s->call_rva);
}

/* Sites whose tag nothing tells. */
static uint64_t count_unknown(const struct psc_site *rows, size_t n)
{
	uint64_t unknown = 0;
	for (size_t i = 0; i < n; i++) {
		const struct psc_site *s = &rows[i];
		bool known = s->tag.kind == PSC_SITE_CONSTANT || s->tag.kind == PSC_SITE_SEVERAL ||
			     s->tag.kind == PSC_SITE_NONE || (s->tag.kind == PSC_SITE_TABLE && s->tag.n != 0);
		/* Rows are sorted by module. */
		for (size_t j = i; j > 0 && !known && rows[j - 1].module == s->module; j--)
			known = goes_through(&rows[j - 1], s);
		for (size_t j = i + 1; j < n && !known && rows[j].module == s->module; j++)
			known = goes_through(&rows[j], s);
		unknown += !known;
	}
	return unknown;
}

static bool choose(struct fitting *g)
{
	struct psc_owner_work *w = g->w;
	size_t n, n_modules;
	const struct psc_site *rows = psc_sites_rows(w->sites, &n);
	const struct psc_site_module *modules = psc_sites_modules(w->sites, &n_modules);
	for (size_t i = 0; i < n; i++) {
		if (rows[i].kind == PSC_SITE_MAPPING || !psc_owner_site_has_tag(&rows[i], w->tag))
			continue;
		if (g->n == PSC_OWNER_SITES_MAX) {
			psc_warn(&w->r->warnings, "more than %u call sites pass this tag: the rest was left out",
				 PSC_OWNER_SITES_MAX);
			break;
		}
		struct fitted *f = &g->items[g->n++];
		f->s = &rows[i];
		f->m = &modules[rows[i].module];
		f->is_low = rows[i].confidence == PSC_SITE_LOW;
	}
	for (size_t i = 0; i < g->n; i++)
		for (size_t j = 0; j < g->n && g->items[i].s->is_wrapper && !g->items[i].is_covered; j++)
			g->items[i].is_covered = j != i && goes_through(g->items[j].s, g->items[i].s);
	w->site_modules = (struct psc_owner_site_module *)psc_arena_alloc_array(&w->r->arena, n_modules + 1,
										sizeof(*w->site_modules));
	if (!w->site_modules)
		return false;
	for (size_t i = 0; i < n_modules; i++)
		w->site_modules[i].module = modules[i].name;
	w->n_site_modules = n_modules;
	w->r->info.sites_unknown_tag = count_unknown(rows, n);
	return true;
}

/* Blocks whose caller was recorded. */
static uint64_t count_recorded(const struct psc_owner *r)
{
	uint64_t n = 0;
	for (size_t i = 0; i < r->rows.n; i++)
		if (r->rows.items[i].source <= PSC_OWNER_STACKDB && r->rows.items[i].grade == PSC_GRADE_EXACT)
			n += r->rows.items[i].blocks;
	return n;
}

enum psc_status psc_owner_find_sites(struct psc_owner_work *w, struct psc_error *reterr)
{
	struct psc_owner_info *i = &w->r->info;
	struct psc_sites_options o = PSC_SITES_OPTIONS_INIT;
	size_t n;
	w->is_all_recorded = i->seen != 0 && count_recorded(w->r) >= i->seen;
	if ((w->o->flags & PSC_OWNER_NO_SITES) != 0) {
		i->sites_why_not = "not asked for";
		return PSC_OK;
	}
	if (w->is_all_recorded) {
		i->sites_why_not = "every live block that was seen has a recorded caller";
		return PSC_OK;
	}
	if (!psc_sites_available()) {
		i->sites_why_not = "this poolscope was built without Capstone";
		return PSC_OK;
	}
	o.n_threads = w->o->n_threads;
	o.progress = w->o->progress;
	o.progress_arg = w->o->progress_arg;
	o.flags = PSC_SITES_NO_SYMBOLS; /* names come from the symbolizer */
	enum psc_status st = psc_sites_compute(w->k, &o, &w->sites, reterr);
	if (st != PSC_OK)
		return st;
	i->sites_run = true;
	i->sites_ratio = psc_sites_coverage_ratio(w->sites);
	const char *const *warnings = psc_sites_warnings(w->sites, &n);
	for (size_t k = 0; k < n; k++)
		psc_warn(&w->r->warnings, "%s", warnings[k]);
	return PSC_OK;
}

bool psc_owner_add_sites(struct psc_owner_work *w)
{
	struct fitting g = {.w = w};
	bool ok;
	if (!w->sites)
		return true;
	g.items = (struct fitted *)calloc(PSC_OWNER_SITES_MAX, sizeof(*g.items));
	ok = g.items && choose(&g);
	for (size_t i = 0; i < w->r->n_classes && ok; i++)
		fit_class(&g, &w->r->classes[i], &w->requests[i]);
	if (ok && g.n > 1)
		qsort(g.items, g.n, sizeof(*g.items), by_worth);
	for (size_t i = 0; i < g.n && ok; i++)
		if (!g.items[i].is_covered || g.items[i].blocks != 0)
			ok = add_row(w, &g.items[i]);
	/* Names of modules live as long as the sites. */
	for (size_t i = 0; i < w->n_site_modules && ok; i++) {
		w->site_modules[i].module = psc_arena_strdup(&w->r->arena, w->site_modules[i].module);
		ok = w->site_modules[i].module != NULL;
	}
	free(g.items);
	return ok;
}
