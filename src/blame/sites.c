/* SPDX-License-Identifier: MIT */
/* Scans the images of a dump, or files, each by one worker, and joins the rows in the order of the images. */
#include "blame/sites.h"

#include "util/cancel.h"
#include "util/error.h"
#include "util/text.h"
#include "util/threads.h"
#include "util/vec.h"
#include <stdlib.h>
#include <string.h>

#define PASSES_MAX 3u /* a wrapper of a wrapper in three modules */

struct psc_sites {
	struct psc_arena arena;
	struct psc_warnings warnings;
	struct psc_site *rows;
	size_t n_rows;
	struct psc_site_module *modules;
	size_t n_modules;
	struct psc_site_list *lists; /* own the rows' texts; n_modules */
	bool is_interrupted;
};

/* What one run works on. */
struct run {
	struct psc_sites *result;
	const struct psc_sites_options *opts;
	const struct psc_kernel *k; /* dump */
	const char *const *paths;   /* files */
	const struct psc_module **loaded;
	struct psc_externs externs;
	struct psc_foreigns foreigns; /* wrappers that the passes before found */
	unsigned pass;
	struct psc_error *errors; /* files: one each */
	bool no_memory;
	struct psc_progress progress;
};

static bool is_cancelled(const struct run *r)
{
	return r->k != NULL ? psc_image_is_cancelled(r->k->img) : psc_cancelled(r->opts->cancel);
}

bool psc_sites_available(void)
{
	return true;
}

struct export_visit {
	struct run *run;
	uint64_t base;
};

static void on_export(void *arg, uint32_t rva, const char *name)
{
	struct export_visit *v = (struct export_visit *)arg;
	struct psc_externs *e = &v->run->externs;
	const struct psc_pool_api *api = psc_pool_api_find(name);
	if (api == NULL || api->wdf_index >= 0)
		return;
	if (!PSC_VEC_RESERVE_ONE(e)) {
		v->run->no_memory = true;
		return;
	}
	e->items[e->n].va = v->base + rva;
	e->items[e->n++].api = api;
}

static int compare_externs(const void *pa, const void *pb)
{
	const struct psc_extern *a = (const struct psc_extern *)pa, *b = (const struct psc_extern *)pb;
	return a->va != b->va ? (a->va < b->va ? -1 : 1) : strcmp(a->api->name, b->api->name);
}

static void describe(struct psc_site_module *m, const struct psc_code_image *img)
{
	m->machine = (enum psc_machine)img->machine;
	m->base = img->base;
	m->size_bytes = img->size_bytes;
	m->code_bytes = img->code_bytes;
	m->missing_code_bytes = img->missing_code_bytes;
}

static const char interrupted[] = "the scan was interrupted";

/* false when out of memory. */
static bool scan_image(struct run *r, size_t index, struct psc_code_image *img)
{
	struct psc_site_module *m = &r->result->modules[index];
	struct psc_site_list *list = &r->result->lists[index];
	struct psc_scan s;
	img->cancel = r->k != NULL ? psc_image_cancel(r->k->img) : r->opts->cancel;
	bool ok = psc_scan_run(&s, img, r->k != NULL ? &r->externs : NULL, r->pass != 0 ? &r->foreigns : NULL);
	if (ok && r->pass != 0 && (!s.has_foreign || s.is_cancelled)) {
		psc_scan_deinit(&s); /* what the first pass found stands */
		return true;
	}
	list->n = list->exported.n = 0;
	ok = ok && psc_site_rows_of(&s, (uint32_t)index, list) &&
	     psc_site_exported_wrappers(&s, (uint32_t)index, &list->arena, &list->exported);
	m->functions = s.n_functions;
	m->undecoded = s.n_undecoded;
	/* A part of a module's sites could be taken for all of them. */
	if (s.is_cancelled) {
		m->problem = interrupted;
		list->n = list->exported.n = 0;
	}
	m->sites = list->n;
	psc_scan_deinit(&s);
	return ok;
}

static bool memory_job(void *arg, unsigned worker, size_t job)
{
	struct run *r = (struct run *)arg;
	if (is_cancelled(r)) {
		if (r->pass == 0)
			r->result->modules[job].problem = interrupted;
		return true;
	}
	struct psc_site_module *m = &r->result->modules[job];
	struct psc_reader *reader = (struct psc_reader *)malloc(sizeof(*reader));
	struct psc_code_image img;
	struct psc_error err;
	(void)worker;
	if (reader == NULL) {
		r->no_memory = true;
		return false;
	}
	psc_reader_init(reader, &r->k->space);
	enum psc_status st =
		psc_code_image_from_memory(reader, r->loaded[job]->base, r->loaded[job]->size_bytes, &img, &err);
	if (st == PSC_OK) {
		describe(m, &img);
		if (!scan_image(r, job, &img))
			r->no_memory = true;
		psc_code_image_deinit(&img);
	} else if (st == PSC_E_NO_MEMORY) {
		r->no_memory = true;
	} else {
		m->problem = psc_arena_strdup(&r->result->lists[job].arena, err.text);
	}
	free(reader);
	return !r->no_memory;
}

static bool file_job(void *arg, unsigned worker, size_t job)
{
	struct run *r = (struct run *)arg;
	struct psc_site_module *m = &r->result->modules[job];
	struct psc_source_options so = {.tmpdir = r->opts->tmpdir};
	struct psc_source *src = NULL;
	struct psc_code_image img;
	(void)worker;
	if (is_cancelled(r)) {
		if (r->pass == 0)
			m->problem = interrupted;
		return true;
	}
	enum psc_status st = psc_source_open_file(r->paths[job], &so, &src, &r->errors[job]);
	if (st == PSC_OK) {
		st = psc_code_image_from_file(src, &img, &r->errors[job]);
		if (st != PSC_OK)
			psc_fail_prefix(&r->errors[job], st, "%s", psc_base_name(r->paths[job]));
	}
	if (st == PSC_OK) {
		psc_code_debug_record(&img);
		describe(m, &img);
		memcpy(m->pdb_guid, img.info.pdb_guid, sizeof(m->pdb_guid));
		m->pdb_age = img.info.pdb_age;
		if (img.info.pdb_name[0] != '\0')
			m->pdb_name = psc_arena_strdup(&r->result->lists[job].arena, img.info.pdb_name);
		if (!scan_image(r, job, &img))
			r->no_memory = true;
		psc_code_image_deinit(&img);
	}
	psc_source_close(src);
	r->errors[job].status = st;
	return !r->no_memory;
}

static bool tick(void *arg, size_t n_done)
{
	struct run *r = (struct run *)arg;
	return r->progress.fn == NULL || r->progress.fn(r->progress.arg, "code", n_done, r->result->n_modules) == 0;
}

static bool make_modules(struct psc_sites *s, size_t n)
{
	s->modules = (struct psc_site_module *)calloc(n + 1, sizeof(s->modules[0]));
	s->lists = (struct psc_site_list *)calloc(n + 1, sizeof(s->lists[0]));
	s->n_modules = n;
	s->warnings.arena = &s->arena;
	return s->modules != NULL && s->lists != NULL;
}

/* All rows in one array. */
static bool join_rows(struct psc_sites *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n_modules; i++)
		n += s->lists[i].n;
	s->rows = (struct psc_site *)calloc(n + 1, sizeof(s->rows[0]));
	if (s->rows == NULL)
		return false;
	for (size_t i = 0; i < s->n_modules; i++) {
		if (s->lists[i].n > 0)
			memcpy(s->rows + s->n_rows, s->lists[i].items, s->lists[i].n * sizeof(s->rows[0]));
		s->n_rows += s->lists[i].n;
		free(s->lists[i].items);
		s->lists[i].items = NULL;
	}
	return true;
}

static int compare_foreigns(const void *pa, const void *pb)
{
	const struct psc_foreign *a = (const struct psc_foreign *)pa, *b = (const struct psc_foreign *)pb;
	if (a->va != b->va)
		return a->va < b->va ? -1 : 1;
	if (a->chain[0].module != b->chain[0].module)
		return a->chain[0].module < b->chain[0].module ? -1 : 1;
	return a->chain[0].call_rva < b->chain[0].call_rva ? -1 : a->chain[0].call_rva > b->chain[0].call_rva;
}

/* All wrappers that modules export; false when out of memory. */
static bool gather_foreigns(struct run *r)
{
	r->foreigns.n = 0;
	for (size_t i = 0; i < r->result->n_modules; i++) {
		const struct psc_foreigns *e = &r->result->lists[i].exported;
		for (size_t j = 0; j < e->n; j++) {
			if (!PSC_VEC_RESERVE_ONE(&r->foreigns))
				return false;
			r->foreigns.items[r->foreigns.n++] = e->items[j];
		}
	}
	if (r->foreigns.n > 1)
		qsort(r->foreigns.items, r->foreigns.n, sizeof(r->foreigns.items[0]), compare_foreigns);
	return true;
}

/* Run the jobs, and again while modules export wrappers that were not known before: those that import one are then
 * scanned anew. Takes ownership of nothing. */
static enum psc_status run_jobs(struct run *r, psc_job_fn *job, struct psc_error *reterr)
{
	enum psc_status st = PSC_OK;
	size_t n_known = 0;
	for (r->pass = 0; st == PSC_OK && !r->no_memory && r->pass < PASSES_MAX; r->pass++) {
		if (r->pass != 0 && !gather_foreigns(r)) {
			r->no_memory = true;
			break;
		}
		if (r->pass != 0 && r->foreigns.n == n_known)
			break;
		n_known = r->foreigns.n;
		st = psc_run_jobs(r->opts->n_threads, r->result->n_modules, job, tick, r, reterr);
	}
	if (r->no_memory || (st == PSC_OK && !join_rows(r->result)))
		st = psc_fail_no_memory(reterr);
	r->result->is_interrupted = is_cancelled(r);
	if (r->result->is_interrupted)
		psc_warn(&r->result->warnings,
			 "the scan was interrupted: not all modules were scanned, or not all wrappers followed");
	return st;
}

/* Addresses of the routines in all modules of the dump. */
static bool find_externs(struct run *r)
{
	struct psc_reader *reader = (struct psc_reader *)malloc(sizeof(*reader));
	if (reader == NULL)
		return false;
	psc_reader_init(reader, &r->k->space);
	for (size_t i = 0; i < r->k->n_loaded && !is_cancelled(r); i++) {
		struct export_visit v = {r, r->k->modules[i].base};
		struct psc_code_image img;
		bool missing;
		if (psc_code_image_from_memory(reader, v.base, r->k->modules[i].size_bytes, &img, NULL) != PSC_OK)
			continue;
		psc_code_exports(&img, on_export, &v, &missing);
		if (missing && i == 0)
			psc_site_kernel_routines(r->k, on_export, &v);
		if (missing && i == 0 && r->externs.n == 0)
			psc_warn(&r->result->warnings,
				 "names of the kernel's exports are not in the dump: calls of routines without a name "
				 "are not found");
		psc_code_image_deinit(&img);
	}
	free(reader);
	if (r->externs.n > 1)
		qsort(r->externs.items, r->externs.n, sizeof(r->externs.items[0]), compare_externs);
	return !r->no_memory;
}

static bool name_module(struct psc_sites *s, struct psc_site_module *d, const struct psc_module *m)
{
	d->name = psc_arena_strdup(&s->arena, m->name);
	d->path = m->path != NULL ? psc_arena_strdup(&s->arena, m->path) : d->name;
	d->pdb_name = m->pdb_name != NULL ? psc_arena_strdup(&s->arena, m->pdb_name) : NULL;
	memcpy(d->pdb_guid, m->pdb_guid, sizeof(d->pdb_guid));
	d->pdb_age = m->pdb_age;
	d->base = m->base;
	d->size_bytes = m->size_bytes;
	return d->name != NULL && d->path != NULL;
}

static bool is_wanted(const char *pattern, const struct psc_kernel *k, const struct psc_module *m)
{
	return psc_module_matches(pattern, m->name, m->base == k->base ? "nt" : NULL);
}

enum psc_status psc_sites_compute(const struct psc_kernel *k, const struct psc_sites_options *opts,
				  struct psc_sites **ret, struct psc_error *reterr)
{
	struct psc_sites *s = (struct psc_sites *)calloc(1, sizeof(*s));
	struct run r = {
		.result = s, .opts = opts, .k = k, .progress = {.fn = opts->progress, .arg = opts->progress_arg}};
	enum psc_status st = PSC_OK;
	size_t n = 0;
	r.loaded = (const struct psc_module **)calloc(k->n_loaded + 1, sizeof(r.loaded[0]));
	if (s == NULL || r.loaded == NULL) {
		st = psc_fail_no_memory(reterr);
		goto out;
	}
	for (size_t i = 0; i < k->n_loaded; i++)
		if (opts->module == NULL || is_wanted(opts->module, k, &k->modules[i]))
			r.loaded[n++] = &k->modules[i];
	bool ok = make_modules(s, n);
	for (size_t i = 0; ok && i < n; i++)
		ok = name_module(s, &s->modules[i], r.loaded[i]);
	if (!ok || !find_externs(&r)) {
		st = psc_fail_no_memory(reterr);
		goto out;
	}
	if (n == 0)
		psc_warn(&s->warnings, k->n_loaded == 0 ? "the dump offers no list of loaded modules"
							: "no loaded module has such a name");
	st = run_jobs(&r, memory_job, reterr);
	if (st == PSC_OK && !s->is_interrupted && (opts->flags & PSC_SITES_NO_SYMBOLS) == 0)
		st = psc_site_names_of_dump(k, s->modules, s->rows, s->n_rows, &s->arena, reterr);
	if (st == PSC_OK) {
		*ret = s;
		s = NULL;
	}
out:
	psc_sites_free(s);
	free(r.externs.items);
	free(r.foreigns.items);
	free((void *)r.loaded);
	return st;
}

static void name_files(struct psc_sites *s, const struct psc_sites_options *o)
{
	for (size_t i = 0; i < s->n_modules && (o->flags & PSC_SITES_NO_SYMBOLS) == 0 && !psc_cancelled(o->cancel); i++)
		if (s->modules[i].sites != 0)
			psc_site_names_of_file(&s->modules[i], (uint32_t)i, o->symbol_search, s->rows, s->n_rows,
					       &s->arena);
}

enum psc_status psc_sites_run_files(const char *const *paths, size_t n, const struct psc_sites_options *opts,
				    struct psc_sites **ret, struct psc_error *reterr)
{
	struct psc_sites_options o = PSC_SITES_OPTIONS_INIT;
	struct run r;
	enum psc_status st;
	if (opts != NULL)
		memcpy(&o, opts, opts->size < sizeof(o) ? opts->size : sizeof(o));
	if (n == 0 || paths == NULL || ret == NULL)
		return psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0, "psc_sites_run_files: no file is named");
	memset(&r, 0, sizeof(r));
	struct psc_sites *s = (struct psc_sites *)calloc(1, sizeof(*s));
	r.result = s;
	r.opts = &o;
	r.paths = paths;
	r.progress.fn = o.progress;
	r.progress.arg = o.progress_arg;
	r.errors = (struct psc_error *)calloc(n, sizeof(r.errors[0]));
	if (s == NULL || r.errors == NULL || !make_modules(s, n)) {
		st = psc_fail_no_memory(reterr);
		goto out;
	}
	for (size_t i = 0; i < n; i++) {
		s->modules[i].path = psc_arena_strdup(&s->arena, paths[i]);
		s->modules[i].name = psc_arena_strdup(&s->arena, psc_base_name(paths[i]));
		if (s->modules[i].path == NULL || s->modules[i].name == NULL) {
			st = psc_fail_no_memory(reterr);
			goto out;
		}
	}
	st = run_jobs(&r, file_job, reterr);
	for (size_t i = 0; i < n && st == PSC_OK; i++) {
		if (r.errors[i].status != PSC_OK) {
			st = r.errors[i].status;
			if (reterr != NULL)
				*reterr = r.errors[i];
		}
	}
	if (st == PSC_OK) {
		name_files(s, &o);
		*ret = s;
		s = NULL;
	}
out:
	psc_sites_free(s);
	free(r.foreigns.items);
	free(r.errors);
	return st;
}

void psc_sites_free(struct psc_sites *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; s->lists != NULL && i < s->n_modules; i++) {
		free(s->lists[i].items);
		free(s->lists[i].exported.items);
		psc_arena_deinit(&s->lists[i].arena);
	}
	free(s->lists);
	free(s->modules);
	free(s->rows);
	psc_warnings_deinit(&s->warnings);
	psc_arena_deinit(&s->arena);
	free(s);
}

const struct psc_site *psc_sites_rows(const struct psc_sites *s, size_t *ret_count)
{
	*ret_count = s->n_rows;
	return s->rows;
}

const struct psc_site_module *psc_sites_modules(const struct psc_sites *s, size_t *ret_count)
{
	*ret_count = s->n_modules;
	return s->modules;
}

const char *const *psc_sites_warnings(const struct psc_sites *s, size_t *ret_count)
{
	*ret_count = s->warnings.n;
	return s->warnings.items;
}

bool psc_sites_is_interrupted(const struct psc_sites *s)
{
	return s->is_interrupted;
}

double psc_sites_coverage_ratio(const struct psc_sites *s)
{
	uint64_t all = 0, missing = 0;
	for (size_t i = 0; i < s->n_modules; i++) {
		const struct psc_site_module *m = &s->modules[i];
		/* Of an image without a header nobody knows what is code. */
		all += m->problem != NULL ? m->size_bytes : m->code_bytes;
		missing += m->problem != NULL ? m->size_bytes : m->missing_code_bytes;
	}
	return all == 0 ? 1.0 : (double)(all - missing) / (double)all;
}
