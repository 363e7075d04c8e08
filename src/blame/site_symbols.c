/* SPDX-License-Identifier: MIT */
/* Names for the functions of rows: from the PDBs that the dump's symbol search finds, or that lie beside a file. */
#include "blame/sites.h"

#include "kernel/symbolize.h"
#include "symbols/pdb.h"
#include "symbols/search.h"
#include "util/text.h"
#include <stdlib.h>
#include <string.h>

/* Asked for each function of a row without a name. NULL: no name. */
typedef const char *name_fn(void *arg, uint32_t module, uint32_t rva);

static void name_row(struct psc_site *row, name_fn *name, void *arg)
{
	if (row->function == NULL)
		row->function = name(arg, row->module, row->function_rva);
	for (uint32_t i = 0; i < row->n_chain; i++)
		if (row->chain[i].function == NULL)
			row->chain[i].function = name(arg, row->chain[i].module, row->chain[i].function_rva);
}

struct dump_names {
	struct psc_symbolizer *symbolizer;
	const struct psc_site_module *modules;
	struct psc_arena *arena;
};

static const char *dump_name(void *arg, uint32_t module, uint32_t rva)
{
	struct dump_names *d = (struct dump_names *)arg;
	struct psc_symbol_text t;
	if (!psc_symbolize(d->symbolizer, d->modules[module].base + rva, &t) || t.symbol == NULL)
		return NULL;
	if (t.symbol_offset == 0)
		return psc_arena_strdup(d->arena, t.symbol);
	return psc_arena_printf(d->arena, "%s+0x%lx", t.symbol, (unsigned long)t.symbol_offset);
}

enum psc_status psc_site_names_of_dump(const struct psc_kernel *k, const struct psc_site_module *modules,
				       struct psc_site *rows, size_t n, struct psc_arena *arena,
				       struct psc_error *reterr)
{
	struct dump_names d = {NULL, modules, arena};
	enum psc_status st = psc_symbolizer_open(k, &d.symbolizer, reterr);
	if (st != PSC_OK)
		return st;
	for (size_t i = 0; i < n; i++)
		name_row(&rows[i], dump_name, &d);
	psc_symbolizer_close(d.symbolizer);
	return PSC_OK;
}

struct file_names {
	struct psc_pdb *pdb;
	uint32_t module;
	struct psc_arena *arena;
};

static const char *file_name(void *arg, uint32_t module, uint32_t rva)
{
	struct file_names *f = (struct file_names *)arg;
	struct psc_pdb_symbol s;
	if (module != f->module || psc_pdb_symbol_at(f->pdb, rva, &s, NULL) != PSC_OK || s.is_far || s.rva > rva)
		return NULL;
	const char *name = psc_sanitize_utf8(f->arena, s.name, strlen(s.name));
	if (name == NULL || s.rva == rva)
		return name;
	return psc_arena_printf(f->arena, "%s+0x%lx", name, (unsigned long)(rva - s.rva));
}

/* A PDB in the directory of the file, by the name that the file gives or its own. It must be of that very build. */
static struct psc_pdb *open_beside(const struct psc_site_module *m, struct psc_arena *arena)
{
	const char *base = psc_base_name(m->path), *dot = strrchr(base, '.');
	size_t dir = (size_t)(base - m->path), stem = dot != NULL ? (size_t)(dot - base) : strlen(base);
	for (int own = 0; own < 2; own++) {
		struct psc_pdb *pdb = NULL;
		if (own == 0 && m->pdb_name == NULL)
			continue;
		char *path = own != 0 ? psc_arena_printf(arena, "%.*s.pdb", (int)(dir + stem), m->path)
				      : psc_arena_printf(arena, "%.*s%s", (int)dir, m->path, m->pdb_name);
		if (path == NULL || psc_pdb_open_file(path, &pdb, NULL) != PSC_OK)
			continue;
		if (psc_symbol_is_pdb_of(pdb, m->pdb_guid, m->pdb_age))
			return pdb;
		psc_pdb_close(pdb);
	}
	return NULL;
}

void psc_site_names_of_file(const struct psc_site_module *m, uint32_t index, struct psc_symbol_search *search,
			    struct psc_site *rows, size_t n, struct psc_arena *arena)
{
	struct file_names f = {NULL, index, arena};
	struct psc_symbol_key key;
	if (n == 0 || m->pdb_guid[0] == '\0')
		return;
	f.pdb = open_beside(m, arena);
	if (f.pdb == NULL && search != NULL && psc_symbol_key_init(&key, m->pdb_name, m->pdb_guid, m->pdb_age) &&
	    psc_symbol_open_pdb(search, &key, &f.pdb, NULL, NULL, NULL) != PSC_OK)
		f.pdb = NULL;
	if (f.pdb == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		name_row(&rows[i], file_name, &f);
	psc_pdb_close(f.pdb);
}

void psc_site_kernel_routines(const struct psc_kernel *k, void (*visit)(void *arg, uint32_t rva, const char *name),
			      void *arg)
{
	struct psc_symbol_key key;
	struct psc_pdb *pdb = NULL;
	if (k->search == NULL || !psc_symbol_key_init(&key, k->id.pdb_name, k->id.pdb_guid, k->id.pdb_age) ||
	    psc_symbol_open_pdb(k->search, &key, &pdb, NULL, NULL, NULL) != PSC_OK)
		return;
	psc_pdb_set_cancel(pdb, psc_image_cancel(k->img));
	for (size_t i = 0; i < psc_pool_apis_n; i++) {
		uint32_t rva;
		if (psc_pool_apis[i].wdf_index < 0 &&
		    psc_pdb_symbol_rva(pdb, psc_pool_apis[i].name, &rva, NULL) == PSC_OK)
			visit(arg, rva, psc_pool_apis[i].name);
	}
	psc_pdb_close(pdb);
}
