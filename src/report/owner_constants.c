/* SPDX-License-Identifier: MIT */
/* Images that hold the tag as a constant, where no call site explains it already. */
#include "blame/tag_constants.h"
#include "report/owner_internal.h"
#include "util/error.h"

#include <string.h>

/* In more images than this it says nothing of any of them. */
#define IMAGES_MAX 8u

struct image_count {
	uint64_t places, in_code;
};

/* Of one module; the list is sorted by it. Reversed forms are another tag. */
static struct image_count count_of(const struct psc_tag_constants *c, size_t *at)
{
	struct image_count n = {0, 0};
	uint32_t module = c->items[*at].module;
	for (; *at < c->n && c->items[*at].module == module; (*at)++) {
		const struct psc_tag_constant *i = &c->items[*at];
		if ((i->form & PSC_TAG_FORM_REVERSED) != 0)
			continue;
		n.places += i->count;
		n.in_code += i->is_code ? i->count : 0;
	}
	return n;
}

static bool has_site_of(const struct psc_owner *r, const char *module)
{
	for (size_t i = 0; i < r->rows.n; i++) {
		const struct psc_owner_evidence *e = &r->rows.items[i];
		if (e->source == PSC_OWNER_CALL_SITE && e->caller.module && strcmp(e->caller.module, module) == 0)
			return true;
	}
	return false;
}

static bool add_image(struct psc_owner_work *w, uint32_t module, const struct image_count *n)
{
	const struct psc_module *m = &w->k->modules[module];
	struct psc_code_location at = psc_caller_locate(w->symbolizer, &w->r->arena, m->base, &w->no_memory);
	if (!at.module || has_site_of(w->r, at.module))
		return !w->no_memory;
	enum psc_owner_role role = psc_owner_is_component(w, at.name) ? PSC_OWNER_COMPONENT
				   : n->in_code != 0                  ? PSC_OWNER_SUSPECT
								      : PSC_OWNER_CONTEXT;
	struct psc_owner_evidence *e = psc_owner_add(w, PSC_OWNER_TAG_CONSTANT, PSC_GRADE_CIRCUMSTANTIAL, role);
	if (!e)
		return false;
	at.address = at.offset = 0;
	at.symbol = NULL;
	e->caller = at;
	e->reason =
		psc_owner_text(w,
			       "its image holds the tag at %llu place%s, %llu in code, and no call site there passes "
			       "it: it may free such blocks, or pass them on",
			       (unsigned long long)n->places, PSC_PLURAL(n->places), (unsigned long long)n->in_code);
	return !w->no_memory;
}

static bool add_constants(struct psc_owner_work *w, const struct psc_tag_constants *c)
{
	size_t first = w->r->rows.n;
	for (size_t i = 0; i < c->n;) {
		uint32_t module = c->items[i].module;
		struct image_count n = count_of(c, &i);
		if (n.places != 0 && !add_image(w, module, &n))
			return false;
	}
	size_t n = w->r->rows.n - first;
	if (n <= IMAGES_MAX)
		return true;
	w->r->rows.n = first;
	struct psc_owner_evidence *e =
		psc_owner_add(w, PSC_OWNER_TAG_CONSTANT, PSC_GRADE_CIRCUMSTANTIAL, PSC_OWNER_CONTEXT);
	if (e)
		e->reason =
			psc_owner_text(w, "%zu images hold the four bytes of the tag: that tells them not apart", n);
	return e != NULL && !w->no_memory;
}

enum psc_status psc_owner_find_constants(struct psc_owner_work *w, struct psc_error *reterr)
{
	struct psc_tag_constants c;
	/* Without a block of the tag, or where call sites were not looked for, it would say too much. */
	if (w->r->info.seen == 0 || !w->sites)
		return PSC_OK;
	enum psc_status st = psc_tag_constants_find(w->k, &w->tag, 1, w->o->progress, w->o->progress_arg, &c, reterr);
	if (st == PSC_OK) {
		w->r->info.image_pages = c.pages;
		w->r->info.image_pages_missing = c.missing_pages;
		if (!add_constants(w, &c))
			st = psc_fail_no_memory(reterr);
	}
	psc_tag_constants_deinit(&c);
	return st;
}
