/* SPDX-License-Identifier: MIT */
/* The symbol file of each module: found, or where it would be looked for and what it is good for. */
#include "report/symbol_files.h"

#include "report/named_modules.h"
#include "symbols/pdb.h"
#include "util/error.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct psc_symbol_files {
	struct psc_arena arena;
	struct psc_symbol_file *rows;
	size_t n;
};

static bool is_kernel(const struct psc_kernel *k, const struct psc_module *m)
{
	return k->base != 0 && m->base == k->base;
}

const char *psc_named_in_name(enum psc_named_in where)
{
	switch (where) {
	case PSC_NAMED_IN_BUGCHECK:
		return "bugcheck";
	case PSC_NAMED_IN_CALLERS:
		return "callers";
	case PSC_NAMED_IN_VERIFIER:
		return "verifier";
	}
	return "bugcheck";
}

/* What the pool figures lack is only the kernel's to give. */
static const char *kernel_improves(struct psc_symbol_files *f, const struct psc_kernel *k,
				   const struct psc_pool_source *sources, size_t n)
{
	const char *text = NULL;
	if (k->profile.isf_path)
		return "names of kernel functions in call stacks";
	if (k->profile.builtin_version)
		return "names of kernel functions in call stacks; addresses and layouts of this kernel are built in";
	for (size_t i = 0; i < n; i++)
		if (!sources[i].available && strcmp(sources[i].name, "header_scan") != 0)
			text = text ? psc_arena_printf(&f->arena, "%s, %s", text, sources[i].name)
				    : psc_arena_strdup(&f->arena, sources[i].name);
	return text ? psc_arena_printf(&f->arena,
				       "exact addresses and layouts instead of inferred ones; perhaps the missing %s; "
				       "names of kernel functions in call stacks",
				       text)
		    : "exact addresses and layouts instead of inferred ones; names of kernel functions in call stacks";
}

static bool look_for(struct psc_symbol_files *f, const struct psc_kernel *k, const struct psc_symbol_key *key,
		     struct psc_symbol_file *row)
{
	struct psc_symbol_refused refused;
	struct psc_pdb *pdb = NULL;
	if (!k->search)
		return true;
	enum psc_status r = psc_symbol_open_pdb(k->search, key, &pdb, NULL, &refused, NULL);
	if (r == PSC_OK) {
		row->state = "found";
		row->kind = "pdb";
		row->path = psc_arena_strdup(&f->arena, psc_pdb_name(pdb));
		row->improves = NULL;
	} else if (r == PSC_E_NOT_FOUND && refused.text[0]) {
		row->state = refused.n ? "refused" : row->state;
		row->detail = psc_arena_strdup(&f->arena, refused.text);
	}
	psc_pdb_close(pdb);
	return r != PSC_E_NO_MEMORY;
}

static bool fill(struct psc_symbol_files *f, const struct psc_kernel *k, const struct psc_symbol_key *key, bool has_key,
		 struct psc_symbol_file *row)
{
	char path[PSC_SYMBOL_STORE_PATH_BYTES];
	row->state = "unknown";
	if (!has_key)
		return true;
	row->state = "not_found";
	row->pdb_age = key->age;
	memcpy(row->pdb_guid, key->guid, sizeof(row->pdb_guid));
	if (*key->pdb_name) {
		row->pdb_name = psc_arena_strdup(&f->arena, key->pdb_name);
		row->store_path = psc_arena_strdup(&f->arena, psc_symbol_store_path(key, path));
		if (!row->pdb_name || !row->store_path)
			return false;
	}
	return look_for(f, k, key, row);
}

static const char *driver_improves(struct psc_symbol_files *f, const struct psc_named_module *named)
{
	if (named->live)
		return psc_arena_printf(&f->arena,
					"function names for %" PRIu64 " callers that hold %" PRIu64
					" blocks of %" PRIu64 " bytes, and at call sites",
					named->callers, named->live, named->live_bytes);
	if (named->named_in & PSC_NAMED_IN_CALLERS)
		return "function names of recorded callers and in their stacks, and at call sites";
	return "names of this module's functions at return addresses and call sites";
}

static bool add_module(struct psc_symbol_files *f, const struct psc_kernel *k, const struct psc_module *m,
		       const struct psc_named_module *named, const struct psc_pool_source *sources, size_t n_sources)
{
	struct psc_symbol_file *row = &f->rows[f->n++];
	struct psc_symbol_key key;
	const struct psc_kernel_identity *id = &k->id;
	row->module = m->name;
	row->base = m->base;
	row->is_kernel = is_kernel(k, m);
	row->named_in = named->named_in;
	if (!row->is_kernel) {
		row->improves = driver_improves(f, named);
		return row->improves &&
		       fill(f, k, &key, psc_symbol_key_init(&key, m->pdb_name, m->pdb_guid, m->pdb_age), row);
	}
	row->improves = kernel_improves(f, k, sources, n_sources);
	if (!row->improves ||
	    !fill(f, k, &key, psc_symbol_key_init(&key, id->pdb_name, id->pdb_guid, id->pdb_age), row))
		return false;
	if (!row->kind && (k->profile.pdb_path || k->profile.isf_path)) {
		row->state = "found";
		row->kind = k->profile.pdb_path ? "pdb" : "isf";
		row->path = k->profile.pdb_path ? k->profile.pdb_path : k->profile.isf_path;
		if (k->profile.pdb_path)
			row->improves = NULL;
	}
	return true;
}

struct order {
	unsigned rank;
	uint64_t live_bytes;
	size_t index;
};

/* The kernel, what the crash points into, who holds pool, what else is named, the others. */
static unsigned rank(const struct psc_kernel *k, const struct psc_module *m, const struct psc_named_module *named)
{
	if (is_kernel(k, m))
		return 0;
	if (named->named_in & PSC_NAMED_IN_BUGCHECK)
		return 1;
	return named->live_bytes ? 2 : named->named_in ? 3 : 4;
}

static int by_rank(const void *a, const void *b)
{
	const struct order *x = (const struct order *)a, *y = (const struct order *)b;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->rank == 2 && x->live_bytes != y->live_bytes)
		return x->live_bytes > y->live_bytes ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

enum psc_status psc_symbol_files_find(struct psc_kernel *k, const struct psc_dump_info *info,
				      const struct psc_pool_source *sources, size_t n_sources,
				      struct psc_symbol_files **ret, struct psc_error *reterr)
{
	struct psc_symbol_files *f = (struct psc_symbol_files *)calloc(1, sizeof(*f));
	struct psc_named_module *named = NULL, none = {.named_in = 0};
	struct order *order = NULL;
	if (!f)
		return psc_fail_no_memory(reterr);
	enum psc_status r = psc_named_modules_find(k, info, &f->arena, &named, reterr);
	if (r != PSC_OK)
		goto out;
	f->rows = (struct psc_symbol_file *)psc_arena_alloc_array(&f->arena, k->n_loaded + 1, sizeof(*f->rows));
	order = (struct order *)psc_arena_alloc_array(&f->arena, k->n_loaded + 1, sizeof(*order));
	bool ok = f->rows && order;
	for (size_t i = 0; ok && i < k->n_loaded; i++)
		order[i] = (struct order){rank(k, &k->modules[i], &named[i]), named[i].live_bytes, i};
	if (ok && k->n_loaded > 1)
		qsort(order, k->n_loaded, sizeof(*order), by_rank);
	/* Without a list of modules there is still the kernel. */
	struct psc_module kernel = {.base = k->base, .name = "ntoskrnl.exe"};
	if (ok && k->n_loaded == 0 && k->base)
		ok = add_module(f, k, &kernel, &none, sources, n_sources);
	for (size_t i = 0; ok && !psc_image_is_cancelled(k->img) && i < k->n_loaded; i++)
		ok = add_module(f, k, &k->modules[order[i].index], &named[order[i].index], sources, n_sources);
	if (!ok)
		r = psc_fail_no_memory(reterr);
	else if (psc_image_is_cancelled(k->img))
		r = psc_fail(reterr, PSC_E_CANCELLED, PSC_WHERE_NONE, 0, "cancelled in the search for symbol files");
out:
	if (r == PSC_OK)
		*ret = f;
	else
		psc_symbol_files_free(f);
	return r;
}

const struct psc_symbol_file *psc_symbol_files_rows(const struct psc_symbol_files *files, size_t *ret_count)
{
	*ret_count = files->n;
	return files->rows;
}

void psc_symbol_files_free(struct psc_symbol_files *files)
{
	if (!files)
		return;
	psc_arena_deinit(&files->arena);
	free(files);
}
