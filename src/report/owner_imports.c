/* SPDX-License-Identifier: MIT */
/* Who could have asked a component for a block: modules that import the routine through which it allocates for others,
 * and where another gives it back, lack that. */
#include "blame/pe_tables.h"
#include "report/owner_internal.h"

#include <string.h>

/* Imported by more modules than this it says nothing of any of them. */
#define IMPORTERS_MAX 8u

struct importing {
	const char *routines; /* beginnings of names, with commas */
	const char *lacking;  /* NULL: none */
	bool has_lacking;
	char name[128]; /* first import that matches */
};

static void on_import(void *arg, uint32_t slot_rva, const char *name)
{
	struct importing *g = (struct importing *)arg;
	(void)slot_rva;
	g->has_lacking |= g->lacking && strcmp(name, g->lacking) == 0;
	for (const char *p = g->routines; *p && g->name[0] == '\0';) {
		size_t n = strcspn(p, ",");
		if (n < sizeof(g->name) && strncmp(name, p, n) == 0) {
			size_t length = strlen(name);
			length = length < sizeof(g->name) ? length : sizeof(g->name) - 1;
			memcpy(g->name, name, length);
			g->name[length] = '\0';
		}
		p += n;
		p += *p == ',';
	}
}

/* Import names come from the dump. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}

static bool add_importer(struct psc_owner_work *w, const struct psc_module *m, struct importing *g)
{
	struct psc_code_location at = psc_caller_locate(w->symbolizer, &w->r->arena, m->base, &w->no_memory);
	if (!at.module || psc_owner_is_component(w, at.name))
		return !w->no_memory;
	struct psc_owner_evidence *e = psc_owner_add(w, PSC_OWNER_IMPORT, PSC_GRADE_CIRCUMSTANTIAL, PSC_OWNER_SUSPECT);
	if (!e)
		return false;
	/* The module, not an address in it. */
	at.address = 0;
	at.offset = 0;
	at.symbol = NULL;
	e->caller = at;
	make_printable(g->name);
	e->api = psc_owner_text(w, "%s", g->name);
	if (g->lacking)
		e->reason = psc_owner_text(w, "imports %s and not %s, with which it would have %s free such blocks",
					   g->name, g->lacking, w->component);
	else
		e->reason = psc_owner_text(w, "imports %s, through which %s allocates such blocks for its callers",
					   g->name, w->component);
	return !w->no_memory;
}

bool psc_owner_add_imports(struct psc_owner_work *w)
{
	const struct psc_kernel *k = w->k;
	size_t first = w->r->rows.n;
	if (!w->kernel_tag || !w->kernel_tag->routines || w->r->info.seen == 0)
		return true;
	for (size_t i = 0; i < k->n_modules; i++) {
		struct importing g = {.routines = w->kernel_tag->routines, .lacking = w->kernel_tag->lacking};
		struct psc_code_image img;
		if (k->modules[i].unloaded ||
		    psc_code_image_from_memory(&w->k->reader, k->modules[i].base, k->modules[i].size_bytes, &img,
					       NULL) != PSC_OK)
			continue;
		/* What may be among names that are not in the dump is not lacking. */
		g.has_lacking = !psc_code_imports(&img, on_import, &g) || g.has_lacking;
		psc_code_image_deinit(&img);
		if (g.name[0] != '\0' && !(g.lacking && g.has_lacking) && !add_importer(w, &k->modules[i], &g))
			return false;
	}
	size_t n = w->r->rows.n - first;
	if (n <= IMPORTERS_MAX)
		return true;
	w->r->rows.n = first;
	struct psc_owner_evidence *e = psc_owner_add(w, PSC_OWNER_IMPORT, PSC_GRADE_CIRCUMSTANTIAL, PSC_OWNER_CONTEXT);
	if (e)
		e->reason = psc_owner_text(w,
					   "%zu modules import the routine through which %s allocates such blocks: "
					   "that tells them not apart",
					   n, w->component);
	return e != NULL;
}
