/* SPDX-License-Identifier: MIT */
/* Addresses of symbols by name. */
#include "symbols/pdb_internal.h"

#include "util/error.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 1024

/* The better a symbol is known to be the one that was meant, the higher. */
enum { RANK_NONE = 0, RANK_CPLUSPLUS, RANK_LOCAL, RANK_DECORATED, RANK_GLOBAL, RANK_PUBLIC };

struct finder {
	struct psc_pdb *pdb;
	struct psc_pdb_wanted *items; /* by name */
	size_t n;
	struct psc_pdb_wanted *only; /* of a lookup by hash; NULL: any */
	uint8_t *buf;                /* for a procedure's record */
};

static void take(struct psc_pdb_wanted *w, uint32_t rva, uint8_t rank)
{
	if (rank < w->rank)
		return;
	if (rank == w->rank) {
		/* Files may each have a static variable of one name: then none is meant. Others: the first. */
		w->is_ambiguous |= rank <= RANK_LOCAL && rva != w->rva;
		return;
	}
	w->rva = rva;
	w->rank = rank;
	w->is_ambiguous = false;
}

static void offer(struct finder *f, struct psc_pdb_wanted *w, const struct psc_cv_symbol *symbol, uint8_t rank)
{
	struct psc_cv_symbol proc;
	uint32_t rva;
	if (symbol->class == PSC_CV_PROC_REF) {
		if (!psc_pdb_read_proc(f->pdb, symbol, f->buf, &proc))
			return;
		symbol = &proc;
	}
	if (psc_pdb_map_rva(&f->pdb->map, symbol->segment, symbol->offset, &rva) && rva != 0)
		take(w, rva, rank);
}

static uint8_t rank_of(const struct psc_cv_symbol *symbol)
{
	switch (symbol->class) {
	case PSC_CV_PUBLIC:
		return RANK_PUBLIC;
	case PSC_CV_DATA:
	case PSC_CV_PROC:
	case PSC_CV_PROC_REF:
		return symbol->is_global ? RANK_GLOBAL : RANK_LOCAL;
	default:
		return RANK_NONE;
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct psc_pdb_wanted *)a)->name, ((const struct psc_pdb_wanted *)b)->name);
}

static struct psc_pdb_wanted *find_wanted(const struct finder *f, const struct psc_cv_name *name)
{
	char text[NAME_MAX_BYTES];
	struct psc_pdb_wanted key = {.name = text};
	if (name->n >= sizeof(text))
		return NULL;
	memcpy(text, name->s, name->n);
	text[name->n] = '\0';
	return (struct psc_pdb_wanted *)bsearch(&key, f->items, f->n, sizeof(*f->items), by_name);
}

static bool visit_same_name(void *arg, const struct psc_cv_symbol *symbol)
{
	struct finder *f = (struct finder *)arg;
	uint8_t rank = rank_of(symbol);
	if (rank != RANK_NONE)
		offer(f, f->only, symbol, rank);
	return true;
}

static bool visit_decorated(void *arg, const struct psc_cv_symbol *symbol)
{
	struct finder *f = (struct finder *)arg;
	if (symbol->class == PSC_CV_PUBLIC)
		offer(f, f->only, symbol, RANK_DECORATED);
	return true;
}

/* "?Name@@3..." is a variable in no namespace. */
static bool cplusplus_variable(const struct psc_cv_name *name, struct psc_cv_name *ret)
{
	const char *end = name->n > 4 && name->s[0] == '?' ? memchr(name->s, '@', name->n) : NULL;
	if (!end || (size_t)(end - name->s) + 3 > name->n || end[1] != '@' || end[2] != '3')
		return false;
	ret->s = name->s + 1;
	ret->n = (size_t)(end - name->s) - 1;
	return true;
}

static bool visit_any(void *arg, const struct psc_cv_symbol *symbol)
{
	struct finder *f = (struct finder *)arg;
	uint8_t rank = rank_of(symbol);
	if (rank == RANK_NONE)
		return true;
	struct psc_pdb_wanted *w = find_wanted(f, &symbol->name);
	if (!w && symbol->class == PSC_CV_PUBLIC) {
		struct psc_cv_name plain = psc_pdb_plain_name(f->pdb->dbi.machine, &symbol->name);
		if (plain.n != symbol->name.n) {
			rank = RANK_DECORATED;
			w = find_wanted(f, &plain);
		} else if (cplusplus_variable(&symbol->name, &plain)) {
			rank = RANK_CPLUSPLUS;
			w = find_wanted(f, &plain);
		}
	}
	if (w)
		offer(f, w, symbol, rank);
	return true;
}

static bool is_done(const struct finder *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->items[i].rank == RANK_NONE)
			return false;
	return true;
}

/* Exact names, and on x86 those with the underscore of C. */
static enum psc_status find_by_hash(struct finder *f, struct psc_pdb_wanted *w, struct psc_error *reterr)
{
	struct psc_pdb *pdb = f->pdb;
	char decorated[NAME_MAX_BYTES];
	enum psc_status r = PSC_OK;
	f->only = w;
	if (pdb->publics.is_valid)
		r = psc_pdb_gsi_find(pdb, &pdb->publics, w->name, visit_same_name, f, reterr);
	if (r == PSC_OK && pdb->globals.is_valid)
		r = psc_pdb_gsi_find(pdb, &pdb->globals, w->name, visit_same_name, f, reterr);
	if (r != PSC_OK || !pdb->publics.is_valid || pdb->dbi.machine != PSC_MACHINE_X86)
		return r;
	int n = snprintf(decorated, sizeof(decorated), "_%s", w->name);
	if (n < 0 || (size_t)n >= sizeof(decorated))
		return PSC_OK;
	return psc_pdb_gsi_find(pdb, &pdb->publics, decorated, visit_decorated, f, reterr);
}

enum psc_status psc_pdb_find_symbols(struct psc_pdb *pdb, struct psc_pdb_wanted *items, size_t n,
				     struct psc_error *reterr)
{
	struct finder f = {.pdb = pdb, .items = items, .n = n};
	enum psc_status r = psc_pdb_map_load(pdb, reterr);
	if (r == PSC_OK)
		r = psc_pdb_gsi_load(pdb, reterr);
	if (r != PSC_OK)
		return r;
	f.buf = malloc(PSC_CV_RECORD_MAX);
	if (!f.buf)
		return psc_fail_no_memory(reterr);
	qsort(items, n, sizeof(*items), by_name);
	for (size_t i = 0; r == PSC_OK && i < n; i++)
		r = find_by_hash(&f, &items[i], reterr);
	/* Once over everything for the rest: other decorations, and files without good hash tables. */
	if (r == PSC_OK && !is_done(&f))
		r = psc_pdb_walk_records(pdb, visit_any, &f, reterr);
	/* Names that only a module knows. Public PDBs have none. */
	if (r == PSC_OK && !is_done(&f))
		r = psc_pdb_walk_modules(pdb, visit_any, &f, reterr);
	free(f.buf);
	return r;
}

enum psc_status psc_pdb_symbol_rva(struct psc_pdb *pdb, const char *name, uint32_t *ret_rva, struct psc_error *reterr)
{
	struct psc_pdb_wanted w = {.name = name};
	enum psc_status r = psc_pdb_find_symbols(pdb, &w, 1, reterr);
	if (r != PSC_OK)
		return r;
	if (w.rank == RANK_NONE)
		return psc_fail(reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0, "no symbol %s with an address", name);
	if (w.is_ambiguous)
		return psc_fail(reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0,
				"several files have a symbol %s of their own", name);
	*ret_rva = w.rva;
	return PSC_OK;
}
