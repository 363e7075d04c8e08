/* SPDX-License-Identifier: MIT */
/* Filling the profile of a kernel from its PDB. */
#include "symbols/pdb_internal.h"

#include "util/error.h"
#include "util/text.h"
#include <string.h>

static enum psc_status take_symbols(struct psc_pdb *pdb, struct psc_profile *p, struct psc_error *reterr)
{
	struct psc_pdb_wanted items[PSC_SYM_MAX], *w;
	memset(items, 0, sizeof(items));
	for (int i = 0; i < PSC_SYM_MAX; i++)
		items[i].name = psc_sym_name((enum psc_sym)i);
	enum psc_status r = psc_pdb_find_symbols(pdb, items, PSC_SYM_MAX, reterr);
	if (r != PSC_OK)
		return r;
	for (int i = 0; i < PSC_SYM_MAX; i++) {
		/* They were sorted by name. */
		for (w = items; strcmp(w->name, psc_sym_name((enum psc_sym)i)) != 0; w++)
			;
		if (w->rank == 0 || w->is_ambiguous)
			continue;
		p->symbols[i].origin = PSC_ORIGIN_PDB;
		p->symbols[i].rva = w->rva;
	}
	return PSC_OK;
}

static enum psc_status take_fields(struct psc_pdb *pdb, struct psc_profile *p, struct psc_error *reterr)
{
	for (int i = 0; i < PSC_FIELD_MAX; i++) {
		const char *type, *field = psc_field_name((enum psc_field_id)i, &type);
		enum psc_status r = psc_pdb_type_field(pdb, type, field, &p->fields[i], reterr);
		if (r != PSC_OK)
			return r;
	}
	return PSC_OK;
}

enum psc_status psc_pdb_load_profile(struct psc_pdb *pdb, const struct psc_kernel_identity *id,
				     struct psc_profile *profile, struct psc_arena *arena,
				     struct psc_warnings *warnings, struct psc_error *reterr)
{
	const char *file = psc_base_name(pdb->name);
	struct psc_error why = {.text = ""};
	struct psc_profile read;
	memset(&read, 0, sizeof(read));
	enum psc_status r = psc_pdb_check_identity(pdb, id, warnings, reterr);
	if (r != PSC_OK)
		return r;
	/* A file without the one still helps with the other. */
	r = take_symbols(pdb, &read, &why);
	if (r == PSC_E_NOT_FOUND) {
		psc_warn(warnings, "symbol file %s: %s", file, why.text);
		r = PSC_OK;
	}
	if (r == PSC_OK)
		r = take_fields(pdb, &read, &why);
	if (r == PSC_E_NOT_FOUND) {
		psc_warn(warnings, "symbol file %s: %s", file, why.text);
		r = PSC_OK;
	}
	if (r != PSC_OK) {
		if (reterr)
			*reterr = why;
		return psc_fail_prefix(reterr, r, "symbol file %s", file);
	}
	char *path = psc_arena_strdup(arena, pdb->name);
	if (!path)
		return psc_fail_no_memory(reterr);
	if (pdb->identity.is_fastlink)
		psc_warn(warnings,
			 "symbol file %s was made with /DEBUG:FASTLINK: most symbols are in object files elsewhere",
			 file);
	if (psc_profile_merge(profile, &read) == 0)
		psc_warn(warnings, "the symbol file %s adds nothing that poolscope uses", file);
	profile->pdb_path = path;
	return PSC_OK;
}
