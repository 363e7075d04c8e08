/* SPDX-License-Identifier: MIT */
/* From an address to the symbol at or below it: a table sorted by address, one name for each. */
#include "symbols/pdb_internal.h"

#include "util/error.h"
#include "util/vec.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Which symbol names an address that several have. */
enum { RANK_PUBLIC_DATA, RANK_PUBLIC_FUNCTION, RANK_THUNK, RANK_DATA, RANK_PROC };

struct address {
	uint32_t rva, size_bytes;
	size_t name; /* offset in text */
	uint32_t name_n;
	uint8_t rank;
};

struct psc_pdb_addresses {
	struct address *items;
	size_t n, cap;
	char *text; /* names, each with its NUL */
	size_t text_n, text_cap;
};

struct builder {
	struct psc_pdb *pdb;
	struct psc_pdb_addresses *table;
	bool no_memory;
};

void psc_pdb_addresses_free(struct psc_pdb_addresses *a)
{
	if (!a)
		return;
	free(a->items);
	free(a->text);
	free(a);
}

static bool add_text(struct psc_pdb_addresses *t, const struct psc_cv_name *name, size_t *ret)
{
	if (name->n + 1 > t->text_cap - t->text_n) {
		size_t cap = t->text_cap + t->text_cap / 2 + name->n + 4096;
		char *p = realloc(t->text, cap);
		if (!p)
			return false;
		t->text = p;
		t->text_cap = cap;
	}
	*ret = t->text_n;
	memcpy(t->text + t->text_n, name->s, name->n);
	t->text[t->text_n + name->n] = '\0';
	t->text_n += name->n + 1;
	return true;
}

static bool add(void *arg, const struct psc_cv_symbol *symbol)
{
	struct builder *b = (struct builder *)arg;
	struct psc_pdb_addresses *t = b->table;
	struct psc_cv_name name = symbol->name;
	struct address a = {.size_bytes = symbol->size_bytes};
	switch (symbol->class) {
	case PSC_CV_PUBLIC:
		a.rank = symbol->flags & (PSC_CV_PUBLIC_CODE | PSC_CV_PUBLIC_FUNCTION) ? RANK_PUBLIC_FUNCTION
										       : RANK_PUBLIC_DATA;
		name = psc_pdb_plain_name(b->pdb->dbi.machine, &name);
		break;
	case PSC_CV_DATA:
		a.rank = RANK_DATA;
		break;
	case PSC_CV_THUNK:
		a.rank = RANK_THUNK;
		break;
	case PSC_CV_PROC:
		a.rank = RANK_PROC;
		break;
	default:
		return true;
	}
	if (name.n == 0 || !psc_pdb_map_rva(&b->pdb->map, symbol->segment, symbol->offset, &a.rva) || a.rva == 0)
		return true;
	if (!PSC_VEC_RESERVE_ONE(t) || !add_text(t, &name, &a.name)) {
		b->no_memory = true;
		return false;
	}
	a.name_n = (uint32_t)name.n;
	t->items[t->n++] = a;
	return true;
}

/* The one to keep comes first; which of several names of one length that is, keep_best decides. */
static int by_address(const void *a, const void *b)
{
	const struct address *x = (const struct address *)a, *y = (const struct address *)b;
	if (x->rva != y->rva)
		return x->rva < y->rva ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	if (x->name_n != y->name_n)
		return x->name_n < y->name_n ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

/* One for each address: of the shortest names the first in the alphabet, so that the order in the file does not count.
 */
static void keep_best(struct psc_pdb_addresses *t)
{
	size_t kept = 0;
	for (size_t i = 0; i < t->n;) {
		const struct address *best = &t->items[i];
		size_t j = i + 1;
		for (; j < t->n && t->items[j].rva == t->items[i].rva; j++) {
			const struct address *other = &t->items[j];
			if (other->rank == best->rank && other->name_n == best->name_n &&
			    memcmp(t->text + other->name, t->text + best->name, best->name_n) < 0)
				best = other;
		}
		t->items[kept++] = *best;
		i = j;
	}
	t->n = kept;
}

static enum psc_status build(struct psc_pdb *pdb, struct psc_pdb_addresses *t, struct psc_error *reterr)
{
	struct builder b = {pdb, t, false};
	enum psc_status r = psc_pdb_map_load(pdb, reterr);
	if (r == PSC_OK)
		r = psc_pdb_walk_records(pdb, add, &b, reterr);
	if (r == PSC_OK && !b.no_memory) {
		r = psc_pdb_walk_modules(pdb, add, &b, reterr);
		if (r == PSC_E_CORRUPT || r == PSC_E_TRUNCATED)
			r = PSC_OK; /* what was read until then is used */
	}
	if (b.no_memory)
		return psc_fail_no_memory(reterr);
	if (r != PSC_OK)
		return r;
	if (t->n > 0)
		qsort(t->items, t->n, sizeof(*t->items), by_address);
	keep_best(t);
	return PSC_OK;
}

static enum psc_status load(struct psc_pdb *pdb, struct psc_error *reterr)
{
	if (pdb->addresses)
		return PSC_OK;
	struct psc_pdb_addresses *t = calloc(1, sizeof(*t));
	enum psc_status r = t ? build(pdb, t, reterr) : psc_fail_no_memory(reterr);
	if (r != PSC_OK)
		psc_pdb_addresses_free(t);
	else
		pdb->addresses = t;
	return r;
}

enum psc_status psc_pdb_symbol_at(struct psc_pdb *pdb, uint32_t rva, struct psc_pdb_symbol *ret,
				  struct psc_error *reterr)
{
	uint32_t lo;
	uint64_t hi;
	enum psc_status r = load(pdb, reterr);
	if (r != PSC_OK)
		return r;
	const struct psc_pdb_addresses *t = pdb->addresses;
	size_t low = 0, high = t->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (t->items[middle].rva <= rva)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || !psc_pdb_map_section(&pdb->map, rva, &lo, &hi) || t->items[low - 1].rva < lo)
		return psc_fail(reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0, "no symbol at or below 0x%" PRIx32, rva);
	const struct address *a = &t->items[low - 1];
	ret->name = t->text + a->name;
	ret->rva = a->rva;
	ret->size_bytes = a->rank == RANK_PROC || a->rank == RANK_THUNK ? a->size_bytes : 0;
	ret->is_function = a->rank != RANK_PUBLIC_DATA && a->rank != RANK_DATA;
	ret->is_private = a->rank >= RANK_THUNK;
	/* A return address may lie right behind a function that ends with a call. */
	ret->is_far = rva - a->rva > PSC_PDB_FAR_BYTES || (ret->size_bytes != 0 && rva - a->rva > ret->size_bytes);
	return PSC_OK;
}
