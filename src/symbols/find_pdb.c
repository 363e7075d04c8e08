/* SPDX-License-Identifier: MIT */
#include "symbols/search.h"

#include "symbols/pdb.h"
#include "util/error.h"
#include <stdio.h>
#include <string.h>

bool psc_symbol_is_pdb_of(const struct psc_pdb *pdb, const char *guid, uint32_t age)
{
	const struct psc_pdb_identity *id = psc_pdb_identity(pdb);
	return strcmp(id->guid, guid) == 0 && (id->age == age || id->info_age == age);
}

struct attempt {
	const struct psc_symbol_key *key;
	struct psc_pdb *pdb;
	const struct psc_symbol_place *place;
	struct psc_symbol_refused *refused;
	bool no_memory;
};

static bool try_file(void *arg, const char *path, const struct psc_symbol_place *place)
{
	struct attempt *a = (struct attempt *)arg;
	struct psc_error e;
	char text[sizeof(a->refused->text)];
	enum psc_status r = psc_pdb_open_file(path, &a->pdb, &e);
	a->no_memory = r == PSC_E_NO_MEMORY;
	if (a->no_memory)
		return true;
	if (r == PSC_OK && psc_symbol_is_pdb_of(a->pdb, a->key->guid, a->key->age)) {
		a->place = place;
		return true;
	}
	/* A file that the user named may be of any other module. */
	if (place->kind != PSC_SYMBOL_PLACE_FILE && a->refused && a->refused->n++ == 0) {
		if (r == PSC_OK)
			snprintf(text, sizeof(text), "%.100s is of %s, age %u, not of %s, age %u", path,
				 psc_pdb_identity(a->pdb)->guid, (unsigned)psc_pdb_identity(a->pdb)->age, a->key->guid,
				 (unsigned)a->key->age);
		else
			snprintf(text, sizeof(text), "%s", e.text);
		memcpy(a->refused->text, text, sizeof(text));
	}
	if (r == PSC_OK)
		psc_pdb_close(a->pdb);
	a->pdb = NULL;
	return false;
}

enum psc_status psc_symbol_open_pdb(struct psc_symbol_search *s, const struct psc_symbol_key *key, struct psc_pdb **ret,
				    const struct psc_symbol_place **ret_place, struct psc_symbol_refused *refused,
				    struct psc_error *reterr)
{
	struct attempt a = {key, NULL, NULL, refused, false};
	if (refused)
		memset(refused, 0, sizeof(*refused));
	bool taken = psc_symbol_search_run(s, key, PSC_SYMBOL_WANT_PDB, try_file, &a);
	if (a.no_memory)
		return psc_fail_no_memory(reterr);
	if (!taken && refused && refused->n == 0)
		memcpy(refused->text, s->pointer, sizeof(refused->text));
	if (!taken)
		return psc_fail(reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0, "no PDB of %s, age %u, was found",
				key->guid, (unsigned)key->age);
	*ret = a.pdb;
	if (ret_place)
		*ret_place = a.place;
	return PSC_OK;
}
