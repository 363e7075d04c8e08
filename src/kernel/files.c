/* SPDX-License-Identifier: MIT */
/* The symbol files of the kernel: a file that was named must fit, one that was found may not (reference: symbols 10).
 */
#include "kernel/internal.h"

#include "symbols/pdb.h"
#include "util/error.h"
#include "util/text.h"

struct attempt {
	struct psc_kernel *k;
	enum psc_status status; /* of a file that was named, or out of memory */
	struct psc_error err;
	bool has_all; /* a PDB with symbols and types was loaded: an ISF adds nothing */
};

/* True: taken, or the end of the search. */
static bool judge(struct attempt *a, enum psc_status st, const struct psc_error *e,
		  const struct psc_symbol_place *place)
{
	if (st == PSC_OK)
		return true;
	if (st == PSC_E_NO_MEMORY || st == PSC_E_CANCELLED || psc_symbol_place_must_fit(a->k->search, place)) {
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

/* That a PDB is of another module is no news when it was named as a file: see psc_kernel_check_named_files. */
static bool try_pdb(void *arg, const char *path, const struct psc_symbol_place *place)
{
	struct attempt *a = (struct attempt *)arg;
	struct psc_kernel *k = a->k;
	struct psc_pdb *pdb = NULL;
	struct psc_error e;
	enum psc_status st = psc_pdb_open_file(path, &pdb, &e);
	if (st != PSC_OK)
		return judge(a, st, &e, place);
	psc_pdb_set_cancel(pdb, psc_image_cancel(k->img));
	const struct psc_pdb_identity *id = psc_pdb_identity(pdb);
	bool taken = false;
	if (!k->id.pdb_guid[0] || psc_symbol_is_pdb_of(pdb, k->id.pdb_guid, k->id.pdb_age)) {
		st = psc_pdb_load_profile(pdb, &k->id, &k->profile, &k->arena, &k->warnings, &e);
		a->has_all = st == PSC_OK && id->has_symbols && id->has_types;
		taken = judge(a, st, &e, place);
	} else if (place->kind != PSC_SYMBOL_PLACE_FILE) {
		psc_warn(&k->warnings, "not used: %s is of %s, age %u, the kernel is %s %s, age %u", path, id->guid,
			 (unsigned)id->age, k->id.pdb_name[0] ? k->id.pdb_name : "PDB", k->id.pdb_guid,
			 (unsigned)k->id.pdb_age);
	}
	psc_pdb_close(pdb);
	return taken;
}

/* A file that was named and is no symbol file at all. */
static enum psc_status check_kinds(struct psc_kernel *k, struct psc_error *reterr)
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

static bool is_of_a_module(const struct psc_kernel *k, const struct psc_pdb *pdb)
{
	if (!k->id.pdb_guid[0] || psc_symbol_is_pdb_of(pdb, k->id.pdb_guid, k->id.pdb_age))
		return true;
	for (size_t i = 0; i < k->n_loaded; i++)
		if (psc_symbol_is_pdb_of(pdb, k->modules[i].pdb_guid, k->modules[i].pdb_age))
			return true;
	return false;
}

enum psc_status psc_kernel_check_named_files(struct psc_kernel *k, struct psc_error *reterr)
{
	enum psc_status st = PSC_OK;
	for (size_t i = 0; k->search && st == PSC_OK && i < k->search->n && !psc_image_is_cancelled(k->img); i++) {
		const struct psc_symbol_place *p = &k->search->places[i];
		struct psc_pdb *pdb = NULL;
		if (!psc_symbol_place_must_fit(k->search, p) ||
		    psc_symbol_file_sniff(k->search->items[i].path, NULL) != PSC_SYMBOL_FILE_PDB)
			continue;
		st = psc_pdb_open_file(k->search->items[i].path, &pdb, reterr);
		if (st == PSC_OK && !is_of_a_module(k, pdb))
			st = psc_fail(
				reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0,
				"symbol file %s: the file is of %s, age %u, the kernel is %s %s, age %u, and no other "
				"module of the dump has that PDB",
				psc_base_name(p->text), psc_pdb_identity(pdb)->guid,
				(unsigned)psc_pdb_identity(pdb)->age, k->id.pdb_name[0] ? k->id.pdb_name : "PDB",
				k->id.pdb_guid, (unsigned)k->id.pdb_age);
		psc_pdb_close(pdb);
	}
	return st;
}

static enum psc_status search(struct psc_kernel *k, bool has_isf, struct psc_error *reterr)
{
	struct attempt a = {.k = k, .status = PSC_OK};
	struct psc_symbol_key key;
	bool has_key = psc_symbol_key_init(&key, k->id.pdb_name, k->id.pdb_guid, k->id.pdb_age);
	(void)psc_symbol_search_run(k->search, has_key ? &key : NULL, PSC_SYMBOL_WANT_PDB, try_pdb, &a);
	if (a.status == PSC_OK && !has_isf)
		(void)psc_symbol_search_run(k->search, has_key && !a.has_all ? &key : NULL, PSC_SYMBOL_WANT_ISF,
					    try_isf, &a);
	if (a.status != PSC_OK && reterr)
		*reterr = a.err;
	return a.status;
}

enum psc_status psc_kernel_load_files(struct psc_kernel *k, const struct psc_kernel_options *opts,
				      struct psc_error *reterr)
{
	enum psc_status st = PSC_OK;
	bool has_isf = opts && opts->isf_path && !opts->no_symbols;
	if (has_isf)
		st = psc_isf_load_file(opts->isf_path, &k->id, &k->profile, &k->arena, &k->warnings, reterr);
	if (st != PSC_OK || !k->search)
		return st;
	psc_symbol_search_warn(k->search, &k->warnings);
	st = check_kinds(k, reterr);
	return st == PSC_OK ? search(k, has_isf, reterr) : st;
}
