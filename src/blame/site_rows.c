/* SPDX-License-Identifier: MIT */
/* From what the scan of one image found to rows. */
#include "blame/sites.h"

#include "util/vec.h"
#include <string.h>

static enum psc_site_kind kind_of(enum psc_api_kind kind)
{
	switch (kind) {
	case PSC_API_CALL:
		return PSC_SITE_ALLOCATION;
	case PSC_API_LOOKASIDE:
		return PSC_SITE_LOOKASIDE;
	case PSC_API_CONTIGUOUS:
		return PSC_SITE_CONTIGUOUS;
	case PSC_API_MAPPING:
		return PSC_SITE_MAPPING;
	case PSC_API_CONTEXT:
	case PSC_API_REGISTRATION:
		return PSC_SITE_CONTEXT;
	case PSC_API_STRUCTURE:
		return PSC_SITE_POOL_OBJECT;
	case PSC_API_DEFAULT:
		return PSC_SITE_DEFAULT_TAG;
	}
	return PSC_SITE_ALLOCATION;
}

static enum psc_site_confidence confidence_of(const struct psc_found *f, const struct psc_site *r)
{
	if (f->is_guess)
		return PSC_SITE_LOW;
	if (r->tag.kind == PSC_SITE_CONSTANT)
		return f->tag.is_soft ? PSC_SITE_MEDIUM : PSC_SITE_HIGH;
	return r->tag.kind == PSC_SITE_SEVERAL ? PSC_SITE_MEDIUM : PSC_SITE_LOW;
}

static struct psc_site_value no_value(void)
{
	struct psc_site_value v;
	memset(&v, 0, sizeof(v));
	return v;
}

/* false when out of memory. */
static bool fill(const struct psc_scan *s, const struct psc_found *f, uint32_t module, struct psc_arena *arena,
		 struct psc_site *r)
{
	const struct psc_target *t = &s->targets.items[f->target];
	const struct psc_pool_api *api = t->api;
	memset(r, 0, sizeof(*r));
	r->module = module;
	r->call_rva = f->call_rva;
	r->return_rva = f->return_rva;
	r->function_rva = f->function_rva;
	r->api = api->name;
	r->kind = kind_of(api->kind);
	r->is_tail_call = f->is_tail;
	r->is_wrapper = f->is_wrapper;
	r->pool_is_flags = api->pool_kind == PSC_API_POOL_FLAGS;
	r->tag = api->tag.arg < 0 && api->fixed_tag == 0 ? no_value() : psc_site_value_of(s->img, &f->tag, 4, true);
	r->pool = api->pool.arg < 0 ? no_value() : psc_site_value_of(s->img, &f->pool, 4, false);
	r->size =
		api->size.arg < 0 && api->kind != PSC_API_REGISTRATION
			? no_value()
			: psc_site_value_of(s->img, &f->size, api->size.offset >= 0 ? 4 : s->img->pointer_bytes, false);
	/* What writable memory held once is no size. */
	if (f->size.is_soft && r->size.kind != PSC_SITE_NONE) {
		r->size = no_value();
		r->size.kind = PSC_SITE_UNKNOWN;
	}
	r->pool_text = psc_site_pool_words(arena, api->pool_kind, &r->pool, &r->pools);
	for (; t->is_wrapper && t->foreign == NULL && r->n_chain < PSC_SITE_CHAIN_MAX;
	     t = &s->targets.items[t->parent]) {
		struct psc_site_frame *c = &r->chain[r->n_chain++];
		c->module = module;
		c->function_rva = t->function_rva;
		c->call_rva = t->call_rva;
		c->return_rva = t->return_rva;
	}
	for (uint32_t i = 0; t->foreign != NULL && i < t->foreign->n_chain && r->n_chain < PSC_SITE_CHAIN_MAX; i++)
		r->chain[r->n_chain++] = t->foreign->chain[i];
	r->confidence = confidence_of(f, r);
	return r->pool_text != NULL;
}

static bool is_same(const struct psc_site *a, const struct psc_site *b)
{
	return a->call_rva == b->call_rva && a->api == b->api && a->n_chain == b->n_chain &&
	       memcmp(a->chain, b->chain, sizeof(a->chain)) == 0 && memcmp(&a->tag, &b->tag, sizeof(a->tag)) == 0 &&
	       memcmp(&a->size, &b->size, sizeof(a->size)) == 0 && memcmp(&a->pool, &b->pool, sizeof(a->pool)) == 0;
}

struct exporting {
	struct psc_scan *s;
	uint32_t module;
	struct psc_arena *arena;
	struct psc_foreigns *ret;
	bool no_memory;
};

/* What means the same in another module. */
static struct psc_val portable(const struct psc_val *v)
{
	bool ok = v->kind == PSC_VAL_SET || v->kind == PSC_VAL_RANGE || (v->kind == PSC_VAL_ARG && v->n < PSC_ARG_ECX);
	return ok ? *v : psc_val_of(PSC_VAL_TOP, 0, 0);
}

static void on_export(void *arg, uint32_t rva, const char *name)
{
	struct exporting *e = (struct exporting *)arg;
	struct psc_scan *s = e->s;
	for (uint32_t i = psc_scan_entry(s, rva); i != 0; i = s->targets.items[i - 1].next) {
		const struct psc_target *t = &s->targets.items[i - 1];
		if (!t->is_wrapper || t->foreign != NULL || t->level >= PSC_WRAPPER_LEVELS)
			continue;
		if (!PSC_VEC_RESERVE_ONE(e->ret)) {
			e->no_memory = true;
			return;
		}
		struct psc_foreign *f = &e->ret->items[e->ret->n];
		memset(f, 0, sizeof(*f));
		f->va = s->img->base + rva;
		f->name = psc_arena_strdup(e->arena, name);
		f->api = t->api;
		f->tag = portable(&t->tag);
		f->pool = portable(&t->pool);
		f->size = portable(&t->size);
		f->pops = psc_scan_callee_pops(s, rva);
		for (; t->is_wrapper && t->foreign == NULL && f->n_chain < PSC_WRAPPER_LEVELS;
		     t = &s->targets.items[t->parent]) {
			struct psc_site_frame *c = &f->chain[f->n_chain++];
			c->module = e->module;
			c->function_rva = t->function_rva;
			c->call_rva = t->call_rva;
			c->return_rva = t->return_rva;
		}
		for (uint32_t j = 0; t->foreign != NULL && j < t->foreign->n_chain && f->n_chain < PSC_WRAPPER_LEVELS;
		     j++)
			f->chain[f->n_chain++] = t->foreign->chain[j];
		if (f->name == NULL)
			e->no_memory = true;
		else
			e->ret->n++;
	}
}

bool psc_site_exported_wrappers(struct psc_scan *s, uint32_t module, struct psc_arena *arena, struct psc_foreigns *ret)
{
	struct exporting e = {s, module, arena, ret, false};
	bool missing;
	psc_code_exports(s->img, on_export, &e, &missing);
	return !e.no_memory;
}

bool psc_site_rows_of(const struct psc_scan *s, uint32_t module, struct psc_site_list *ret)
{
	for (size_t i = 0; i < s->found.n; i++) {
		struct psc_site r;
		bool seen = false;
		if (!fill(s, &s->found.items[i], module, &ret->arena, &r))
			return false;
		for (size_t j = ret->n; j > 0 && ret->items[j - 1].call_rva == r.call_rva && !seen; j--)
			seen = is_same(&ret->items[j - 1], &r);
		if (seen)
			continue;
		if (!PSC_VEC_RESERVE_ONE(ret))
			return false;
		ret->items[ret->n++] = r;
	}
	return true;
}
