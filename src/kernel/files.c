/* SPDX-License-Identifier: MIT */
/* The symbol files of the kernel: a file that was named must fit, one that was found may not (reference: symbols 10).
 */
#include "kernel/internal.h"

#include "util/error.h"

struct attempt {
	struct psc_kernel *k;
	enum psc_status status; /* of a file that was named, or out of memory */
	struct psc_error err;
};

/* True: taken, or the end of the search. */
static bool judge(struct attempt *a, enum psc_status st, const struct psc_error *e,
		  const struct psc_symbol_place *place)
{
	if (st == PSC_OK)
		return true;
	if (st == PSC_E_NO_MEMORY || psc_symbol_place_must_fit(a->k->search, place)) {
		a->status = st;
		a->err = *e;
		return true;
	}
	psc_warn(&a->k->warnings, "not used: %s", e->text);
	return false;
}

static bool try_isf(void *arg, const char *path, const struct psc_symbol_place *place)
{
	struct attempt *a = (struct attempt *)arg;
	struct psc_kernel *k = a->k;
	struct psc_error e;
	enum psc_status st = psc_isf_load_file(path, &k->id, &k->profile, &k->arena, &k->warnings, &e);
	return judge(a, st, &e, place);
}

/* A file that was named and is no symbol file at all. */
static enum psc_status check_named(struct psc_kernel *k, struct psc_error *reterr)
{
	for (size_t i = 0; i < k->search->n; i++) {
		const struct psc_symbol_place *p = &k->search->places[i];
		int e = 0;
		if (p->kind != PSC_SYMBOL_PLACE_FILE ||
		    psc_symbol_file_sniff(k->search->items[i].path, &e) != PSC_SYMBOL_FILE_OTHER)
			continue;
		if (!psc_symbol_place_must_fit(k->search, p))
			psc_warn(&k->warnings, "%s: %s is no symbol file", p->origin, p->text);
		else if (e != 0)
			return psc_fail_os(reterr, e, "cannot read %s", p->text);
		else
			return psc_fail(reterr, PSC_E_FORMAT, PSC_WHERE_NONE, 0,
					"%s: %s is no symbol file: neither a PDB nor a Volatility symbol table (ISF)",
					p->origin, p->text);
	}
	return PSC_OK;
}

static enum psc_status search(struct psc_kernel *k, struct psc_error *reterr)
{
	struct attempt a = {k, PSC_OK, {PSC_OK}};
	struct psc_symbol_key key;
	bool has_key = psc_symbol_key_init(&key, k->id.pdb_name, k->id.pdb_guid, k->id.pdb_age);
	(void)psc_symbol_search_run(k->search, has_key ? &key : NULL, PSC_SYMBOL_WANT_ISF, try_isf, &a);
	if (a.status != PSC_OK && reterr)
		*reterr = a.err;
	return a.status;
}

enum psc_status psc_kernel_load_files(struct psc_kernel *k, const struct psc_kernel_options *opts,
				      struct psc_error *reterr)
{
	enum psc_status st = PSC_OK;
	if (!opts || opts->no_symbols)
		return PSC_OK;
	if (k->search) {
		psc_symbol_search_warn(k->search, &k->warnings);
		st = check_named(k, reterr);
	}
	if (st != PSC_OK)
		return st;
	if (opts->isf_path)
		st = psc_isf_load_file(opts->isf_path, &k->id, &k->profile, &k->arena, &k->warnings, reterr);
	else if (k->search)
		st = search(k, reterr);
	return st;
}
