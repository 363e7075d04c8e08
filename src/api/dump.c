/* SPDX-License-Identifier: MIT */
/* The public handle: source, image and kernel of one dump, and their descriptions. */
#include "blame/sites.h"
#include "image/image.h"
#include "io/os.h"
#include "io/source.h"
#include "kernel/infer.h"
#include "kernel/kernel.h"
#include "kernel/symbolize.h"
#include "pool/pool.h"
#include "pool/seg_heap.h"
#include "report/blocks.h"
#include "report/callers.h"
#include "report/diff.h"
#include "report/owner.h"
#include "report/stacks.h"
#include "report/symbol_files.h"
#include "report/tags.h"
#include "report/validate.h"
#include "util/cancel.h"
#include "util/error.h"
#include "util/text.h"
#include <poolscope/poolscope.h>
#include <stdlib.h>
#include <string.h>

#define MAX_POOL_SOURCES 16

#define MAX_FILES 64u

struct psc_dump {
	struct psc_source *source;
	struct psc_source *more[MAX_FILES]; /* further files of the same dump */
	size_t n_more;
	struct psc_image *image;
	struct psc_kernel kernel;
	struct psc_symbol_search *own_search; /* of options.symbol_path */
	struct psc_log log;
	struct psc_arena arena;
	struct psc_warnings warnings; /* of image and kernel, in that order */
	struct psc_dump_info info;
	struct psc_kernel_info kernel_info;
	struct psc_pool_source pool_sources[MAX_POOL_SOURCES];
	size_t n_pool_sources;
	struct psc_pool_keys pool_keys;
	bool has_pool_keys;
	struct psc_symbolizer *symbolizer; /* opened when first asked for */
	struct psc_block_reader block_reader;
	struct psc_profile_item *profile;
	size_t n_profile;
};

const char *psc_machine_name(enum psc_machine machine)
{
	switch (machine) {
	case PSC_MACHINE_X86:
		return "x86";
	case PSC_MACHINE_X64:
		return "x64";
	case PSC_MACHINE_ARM64:
		return "arm64";
	case PSC_MACHINE_UNKNOWN:
		break;
	}
	return "unknown";
}

const char *psc_dump_type_name(enum psc_dump_type type)
{
	switch (type) {
	case PSC_DUMP_FULL:
		return "full";
	case PSC_DUMP_SUMMARY:
		return "summary";
	case PSC_DUMP_HEADER:
		return "header";
	case PSC_DUMP_TRIAGE:
		return "triage";
	case PSC_DUMP_BITMAP_FULL:
		return "bitmap-full";
	case PSC_DUMP_BITMAP_KERNEL:
		return "bitmap-kernel";
	case PSC_DUMP_RANGE_KERNEL:
		return "range-kernel";
	case PSC_DUMP_RANGE_ACTIVE:
		return "range-active";
	case PSC_DUMP_RANGE_FULL:
		return "range-full";
	}
	return "unknown";
}

static void describe_container(struct psc_dump *d)
{
	const struct psc_dump_header *h = psc_image_header(d->image);
	struct psc_dump_info *i = &d->info;

	i->path = psc_source_name(d->source);
	i->format = psc_image_format(d->image);
	i->compression = psc_source_compression(d->source);
	i->dump_type = psc_image_dump_type(d->image);
	i->dump_type_value = h->dump_type_value;
	i->machine = h->machine;
	i->size_bytes = psc_source_file_size(d->source);
	i->unpacked_size_bytes = psc_source_size(d->source);
	i->expected_size_bytes = psc_image_expected_size(d->image);
	i->is_truncated = psc_image_is_truncated(d->image) || psc_source_is_truncated(d->source);
	i->has_time = psc_header_has(h, PSC_HDR_SYSTEM_TIME);
	i->has_uptime = psc_header_has(h, PSC_HDR_SYSTEM_UP_TIME);
	i->has_bugcheck = psc_header_has(h, PSC_HDR_BUGCHECK);
	i->system_time_filetime = h->system_time_filetime;
	i->uptime_100ns = h->uptime_100ns;
	i->bugcheck_code = h->bugcheck_code;
	memcpy(i->bugcheck_parameters, h->bugcheck_parameters, sizeof(i->bugcheck_parameters));
	i->processors = h->processors;
	i->major_version = h->major_version;
	i->build = h->build;
	i->directory_table_base = h->directory_table_base;
	i->kd_debugger_data_block = h->kd_debugger_data_block;
	i->ps_loaded_module_list = h->ps_loaded_module_list;
	i->ps_active_process_head = h->ps_active_process_head;
	i->product_type = h->product_type;
	i->suite_mask = h->suite_mask;
	i->attributes = h->attributes;
	i->comment = h->comment[0] != '\0' ? h->comment : NULL;
	i->pages_present = psc_image_pages_present(d->image);
	i->pages_described = psc_image_pages_described(d->image);
}

static void describe_kernel(struct psc_dump *d)
{
	const struct psc_kernel *k = &d->kernel;
	struct psc_kernel_info *i = &d->kernel_info;

	i->base = k->base;
	i->size_of_image = k->id.size_of_image;
	i->time_date_stamp = k->id.time_date_stamp;
	i->build = k->id.build;
	i->has_revision = k->has_revision;
	i->revision = k->revision;
	i->version = k->version;
	i->version_source = k->version_source;
	i->build_lab = k->build_lab;
	i->pdb_name = k->id.pdb_name[0] != '\0' ? k->id.pdb_name : NULL;
	memcpy(i->pdb_guid, k->id.pdb_guid, sizeof(i->pdb_guid));
	i->pdb_age = k->id.pdb_age;
	i->pdb_source = k->pdb_source;
	/* Without page tables to walk, what the header says stands as it is. */
	i->directory_table_base =
		k->space.mmu == PSC_MMU_NONE ? psc_image_header(d->image)->directory_table_base : k->space.top_pa;
	i->paging = psc_mmu_name(k->space.mmu);
	if (psc_mmu_is_arm64(k->space.mmu))
		i->invalid_entries = k->space.softpte.arm64              ? "typed"
				     : k->space.softpte.arm64_transition ? "transition"
									 : "none";
	i->kdbg_va = k->kdbg.va;
	i->kdbg_size_bytes = k->kdbg.size_bytes;
	i->kdbg_state = k->kdbg.state != NULL ? k->kdbg.state : "missing";
	i->symbols = psc_kernel_symbols_origin(k);
	i->symbols_file = k->profile.pdb_path ? k->profile.pdb_path : k->profile.isf_path;
	i->processors = (uint32_t)k->n_prcb;
	i->physical_memory_bytes = k->physical_memory_bytes;
	i->physical_memory_source = k->physical_memory_source;
}

static void copy_warnings(struct psc_dump *d, const struct psc_warnings *from)
{
	for (size_t i = 0; i < from->n; i++)
		psc_warn(&d->warnings, "%s", from->items[i]);
}

static struct psc_source_options source_options(const struct psc_open_options *o, struct psc_progress *progress)
{
	return (struct psc_source_options){
		.no_mmap = (o->flags & PSC_OPEN_NO_MMAP) != 0,
		.unpacks_archives = true,
		.tmpdir = o->tmpdir,
		.max_unpacked_bytes = o->max_unpacked_bytes,
		.progress = progress,
	};
}

static enum psc_status open_more(struct psc_dump *d, const char *path, const struct psc_open_options *o,
				 struct psc_error *reterr)
{
	struct psc_progress progress = {
		.fn = o->progress, .arg = o->progress_arg, .phase = "unpacking", .cancel = o->cancel};
	const struct psc_source_options so = source_options(o, &progress);
	if (d->n_more == MAX_FILES)
		return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0, "more than %u further files", MAX_FILES);
	enum psc_status st = psc_source_open_file(path, &so, &d->more[d->n_more], reterr);
	if (st == PSC_OK)
		d->n_more++;
	return st;
}

/* The other half of a VMware machine's memory, when it lies beside and is called alike. */
static enum psc_status open_vmware_sibling(struct psc_dump *d, const struct psc_open_options *o,
					   struct psc_error *reterr)
{
	static const char *const endings[] = {".vmem", ".vmss", ".vmsn"};
	const char *path = psc_source_name(d->source), *dot = strrchr(path, '.');
	enum psc_status st = PSC_OK;
	size_t mine = 0;
	while (mine < 3 && (dot == NULL || strcmp(dot, endings[mine]) != 0))
		mine++;
	for (size_t i = mine == 0 ? 1 : 0; mine < 3 && i < (mine == 0 ? 3u : 1u); i++) {
		int os_error;
		char *other = psc_arena_printf(&d->arena, "%.*s%s", (int)(dot - path), path, endings[i]);
		if (other == NULL)
			return psc_fail_no_memory(reterr);
		if (!psc_os_is_regular(other, &os_error))
			continue;
		psc_logf(&d->log, PSC_LOG_INFO, "%s belongs to it", psc_base_name(other));
		st = open_more(d, other, o, reterr);
		break;
	}
	return st;
}

static enum psc_status open_more_files(struct psc_dump *d, const struct psc_open_options *o, struct psc_error *reterr)
{
	enum psc_status st = PSC_OK;
	if (o->n_more_files == 0 && o->image_format == PSC_IMAGE_FORMAT_AUTO && o->n_run_map == 0)
		return open_vmware_sibling(d, o, reterr);
	for (size_t i = 0; i < o->n_more_files && st == PSC_OK; i++)
		st = open_more(d, o->more_files[i], o, reterr);
	return st;
}

static enum psc_status open_image(struct psc_dump *d, const struct psc_open_options *o, struct psc_error *reterr)
{
	enum psc_status st = open_more_files(d, o, reterr);
	if (st != PSC_OK)
		return st;
	const struct psc_image_options io = {
		.is_raw = o->image_format == PSC_IMAGE_FORMAT_RAW,
		.map = o->run_map,
		.n_map = o->run_map != NULL ? o->n_run_map : 0,
		.more = (const struct psc_source *const *)d->more,
		.n_more = d->n_more,
		.tmpdir = o->tmpdir,
		.cancel = o->cancel,
	};
	return psc_image_open_with(d->source, &io, &d->image, reterr);
}

/* PageFileNumber has four bits; the store of compressed memory has a number too, but no file. */
static enum psc_status add_pagefiles(struct psc_dump *d, const struct psc_open_options *o, struct psc_error *reterr)
{
	for (size_t i = 0; i < o->n_pagefiles; i++) {
		enum psc_status st = open_more(d, o->pagefiles[i].path, o, reterr);
		if (st == PSC_OK)
			st = psc_image_add_pagefile(d->image, o->pagefiles[i].number, d->more[d->n_more - 1], reterr);
		if (st != PSC_OK)
			return psc_fail_prefix(reterr, st, "page file %u", (unsigned)o->pagefiles[i].number);
	}
	if (o->n_pagefiles != 0)
		psc_warn(&d->warnings,
			 "What was paged out is read from page files: only right if they are of the dump's "
			 "own moment. Memory that Windows keeps compressed is not read");
	return PSC_OK;
}

/* A raw image of a machine with memory above 4 GiB may lack the gap below it (reference: dumps 18 [?], so it is only
 * tried where the plain reading finds no kernel). */
static bool try_without_gap(struct psc_dump *d, const struct psc_discovery *known, uint64_t *ret_base)
{
	const uint64_t gap_start = UINT64_C(3) << 30, gap_end = UINT64_C(4) << 30;
	uint64_t size = psc_source_size(d->source) / PSC_PAGE_BYTES * PSC_PAGE_BYTES;
	if (strcmp(psc_image_format(d->image), "raw") != 0 || size <= gap_start)
		return false;
	const struct psc_run_map map[] = {{0, gap_start, 0}, {gap_end, size - gap_start, gap_start}};
	const struct psc_image_options io = {.is_raw = true, .map = map, .n_map = 2, .cancel = known->cancel};
	struct psc_image *img = NULL;
	if (psc_image_open_with(d->source, &io, &img, NULL) != PSC_OK)
		return false;
	if (psc_kernel_discover(img, known, &d->warnings, &d->log, ret_base, NULL) != PSC_OK) {
		psc_image_close(img);
		return false;
	}
	psc_image_close(d->image);
	d->image = img;
	psc_warn(&d->warnings, "The image has no room for the gap between 3 and 4 GiB: memory above 4 GiB is taken to "
			       "follow at 3 GiB in the file");
	return true;
}

/* What a Windows header would say. */
static enum psc_status discover(struct psc_dump *d, const struct psc_open_options *o, uint64_t *ret_base,
				struct psc_error *reterr)
{
	const struct psc_discovery known = {
		.directory_table_base = o->directory_table_base,
		.kernel_base = o->kernel_base,
		.kd_debugger_data_block = o->kd_debugger_data_block,
		.cancel = o->cancel,
	};
	*ret_base = 0;
	if (psc_image_has_header(d->image))
		return PSC_OK;
	enum psc_status st = psc_kernel_discover(d->image, &known, &d->warnings, &d->log, ret_base, reterr);
	if (st == PSC_E_NOT_FOUND && o->run_map == NULL && try_without_gap(d, &known, ret_base))
		return PSC_OK;
	return st;
}

static enum psc_status open_source(struct psc_source *src, const struct psc_open_options *o, struct psc_dump **ret,
				   struct psc_error *reterr)
{
	struct psc_dump *d = (struct psc_dump *)calloc(1, sizeof(*d));
	enum psc_status st;

	if (d == NULL) {
		psc_source_close(src);
		return psc_fail_no_memory(reterr);
	}
	d->source = src;
	d->log.fn = o->log;
	d->log.arg = o->log_arg;
	d->warnings.arena = &d->arena;
	uint64_t base = 0;
	st = open_image(d, o, reterr);
	if (st == PSC_OK)
		st = discover(d, o, &base, reterr);
	if (st == PSC_OK)
		st = add_pagefiles(d, o, reterr);
	if (st != PSC_OK) {
		psc_fail_prefix(reterr, st, "%s", psc_base_name(psc_source_name(src)));
		goto out;
	}
	struct psc_kernel_options kopts = {
		.kernel_base = base,
		.isf_path = o->isf_path,
		.search = o->symbol_search,
		.no_symbols = (o->flags & PSC_OPEN_NO_SYMBOLS) != 0,
		.no_builtin = (o->flags & PSC_OPEN_NO_BUILTIN) != 0,
	};
	if (o->symbol_path != NULL && o->symbol_search == NULL) {
		st = psc_symbol_search_new(&d->own_search, reterr);
		if (st == PSC_OK)
			st = psc_symbol_search_add(d->own_search, o->symbol_path, "symbol path", reterr);
		if (st != PSC_OK)
			goto out;
		kopts.search = d->own_search;
	}
	st = psc_kernel_init(&d->kernel, d->image, &kopts, &d->log, reterr);
	if (st != PSC_OK)
		goto out;
	psc_pool_infer(&d->kernel);
	/* Searches that ended early found nothing, or the wrong thing. */
	if (psc_cancelled(o->cancel)) {
		st = psc_fail(reterr, PSC_E_CANCELLED, PSC_WHERE_NONE, 0, "cancelled while the dump was opened");
		goto out;
	}
	d->profile = psc_kernel_items(&d->kernel, &d->arena, &d->n_profile);
	describe_container(d);
	describe_kernel(d);
	copy_warnings(d, psc_image_warnings(d->image));
	copy_warnings(d, &d->kernel.warnings);
	d->n_pool_sources = psc_pool_sources_describe(&d->kernel, &d->arena, d->pool_sources, MAX_POOL_SOURCES);
	*ret = d;
	d = NULL;
out:
	psc_dump_close(d);
	return st;
}

/* Members that an older caller's struct does not have read as their defaults. */
static struct psc_open_options known_options(const struct psc_open_options *opts)
{
	struct psc_open_options o = PSC_OPEN_OPTIONS_INIT;
	if (opts != NULL)
		memcpy(&o, opts, opts->size < sizeof(o) ? opts->size : sizeof(o));
	o.size = sizeof(o);
	return o;
}

enum psc_status psc_dump_open(const char *path, const struct psc_open_options *opts, struct psc_dump **ret,
			      struct psc_error *reterr)
{
	struct psc_open_options o = known_options(opts);
	struct psc_progress progress = {
		.fn = o.progress, .arg = o.progress_arg, .phase = "unpacking", .cancel = o.cancel};
	struct psc_source_options so = source_options(&o, &progress);
	struct psc_source *src = NULL;
	if (path == NULL || ret == NULL)
		return psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0,
				"psc_dump_open: path and ret must not be NULL");
	enum psc_status st = psc_source_open_file(path, &so, &src, reterr);
	return st == PSC_OK ? open_source(src, &o, ret, reterr) : st;
}

enum psc_status psc_dump_open_mem(const void *bytes, size_t size_bytes, const struct psc_open_options *opts,
				  struct psc_dump **ret, struct psc_error *reterr)
{
	struct psc_open_options o = known_options(opts);
	struct psc_source_options so = source_options(&o, NULL);
	struct psc_source *src = NULL;
	if ((bytes == NULL && size_bytes != 0) || ret == NULL)
		return psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0,
				"psc_dump_open_mem: bytes and ret must not be NULL");
	enum psc_status st = psc_source_open_mem(bytes, size_bytes, &so, &src, reterr);
	return st == PSC_OK ? open_source(src, &o, ret, reterr) : st;
}

void psc_dump_close(struct psc_dump *dump)
{
	if (dump == NULL)
		return;
	psc_symbolizer_close(dump->symbolizer);
	psc_block_reader_deinit(&dump->block_reader);
	psc_kernel_deinit(&dump->kernel);
	psc_symbol_search_free(dump->own_search);
	psc_image_close(dump->image);
	for (size_t i = 0; i < dump->n_more; i++)
		psc_source_close(dump->more[i]);
	psc_source_close(dump->source);
	psc_warnings_deinit(&dump->warnings);
	psc_arena_deinit(&dump->arena);
	free(dump);
}

const struct psc_dump_info *psc_dump_get_info(const struct psc_dump *dump)
{
	return &dump->info;
}

const struct psc_kernel_info *psc_dump_kernel(const struct psc_dump *dump)
{
	return &dump->kernel_info;
}

const struct psc_module *psc_dump_modules(const struct psc_dump *dump, size_t *ret_count, size_t *ret_loaded)
{
	if (ret_loaded != NULL)
		*ret_loaded = dump->kernel.n_loaded;
	*ret_count = dump->kernel.n_modules;
	return dump->kernel.modules;
}

const struct psc_pool_source *psc_dump_pool_sources(const struct psc_dump *dump, size_t *ret_count)
{
	*ret_count = dump->n_pool_sources;
	return dump->pool_sources;
}

enum psc_status psc_dump_pool_keys(struct psc_dump *dump, const struct psc_pool_keys **ret, struct psc_error *reterr)
{
	struct psc_pool_keys *p = &dump->pool_keys;
	struct psc_seg_keys keys;
	if (!dump->has_pool_keys) {
		enum psc_status st = psc_seg_keys_of_walk(&dump->kernel, &keys, reterr);
		if (st != PSC_OK)
			return st;
		*p = psc_seg_keys_public(&keys);
		dump->has_pool_keys = true;
	}
	*ret = p;
	return PSC_OK;
}

const struct psc_inferred *psc_dump_inferred(const struct psc_dump *dump, size_t *ret_count)
{
	*ret_count = dump->kernel.n_inferred;
	return dump->kernel.inferred;
}

const struct psc_profile_item *psc_dump_profile(const struct psc_dump *dump, size_t *ret_count)
{
	*ret_count = dump->n_profile;
	return dump->profile;
}

const char *psc_confidence_name(enum psc_confidence confidence)
{
	static const char *const names[] = {"rejected", "ambiguous", "weak", "likely", "proven"};
	return (unsigned)confidence < sizeof(names) / sizeof(names[0]) ? names[confidence] : "?";
}

const char *const *psc_dump_warnings(const struct psc_dump *dump, size_t *ret_count)
{
	*ret_count = dump->warnings.n;
	return dump->warnings.items;
}

enum psc_status psc_tags_run(struct psc_dump *dump, const struct psc_tags_options *opts, struct psc_tags **ret,
			     struct psc_error *reterr)
{
	struct psc_tags_options o = PSC_TAGS_OPTIONS_INIT;
	if (opts != NULL)
		memcpy(&o, opts, opts->size < sizeof(o) ? opts->size : sizeof(o));
	o.size = sizeof(o);
	return psc_tags_compute(&dump->kernel, &o, ret, reterr);
}

enum psc_status psc_blocks_run(struct psc_dump *dump, const struct psc_blocks_options *opts, psc_blocks_fn *fn,
			       void *arg, struct psc_blocks **ret, struct psc_error *reterr)
{
	struct psc_blocks_options o = PSC_BLOCKS_OPTIONS_INIT;
	if (opts != NULL)
		memcpy(&o, opts, opts->size < sizeof(o) ? opts->size : sizeof(o));
	o.size = sizeof(o);
	return psc_blocks_list(&dump->kernel, &o, fn, arg, ret, reterr);
}

size_t psc_dump_pool_ranges(struct psc_dump *dump, struct psc_pool_range *ret, size_t max)
{
	return psc_pool_ranges_list(&dump->kernel, ret, max);
}

size_t psc_dump_read(struct psc_dump *dump, uint64_t va, void *buf, size_t n)
{
	return psc_read_va(&dump->kernel.reader, va, buf, n);
}

size_t psc_block_read(struct psc_dump *dump, const struct psc_block_row *block, uint64_t va, void *buf, size_t n)
{
	return psc_block_read_at(&dump->block_reader, &dump->kernel, block->page_tables, va, buf, n);
}

bool psc_block_header_read(struct psc_dump *dump, const struct psc_block_row *block, struct psc_block_header *ret)
{
	const struct psc_kernel *k = &dump->kernel;
	struct psc_pool_rules rules;
	struct psc_pool_header h;
	struct psc_block_header r = {.n_bytes = 0};
	psc_pool_rules_init(&rules, k->id.build, k->id.machine != PSC_MACHINE_X86);
	bool is_classic = block->kind == PSC_BLOCK_KIND_LEGACY || block->kind == PSC_BLOCK_KIND_UNKNOWN;
	if (block->va - block->header_va != rules.unit_bytes || (!is_classic && !block->has_tag) ||
	    psc_block_read(dump, block, block->header_va, r.bytes, rules.unit_bytes) != rules.unit_bytes)
		return false;
	psc_pool_header_parse(r.bytes, &rules, &h);
	r.n_bytes = rules.unit_bytes;
	r.previous_bytes = (uint64_t)h.previous_size * rules.unit_bytes;
	r.block_bytes = (uint64_t)h.block_size * rules.unit_bytes;
	r.pool_index = h.pool_index;
	r.pool_type = h.pool_type;
	psc_pool_header_describe(&h, &rules, r.type_text, sizeof(r.type_text));
	*ret = r;
	return true;
}

const char *psc_dump_va_state(struct psc_dump *dump, uint64_t va)
{
	struct psc_kernel *k = &dump->kernel;
	if (k->space.mmu == PSC_MMU_NONE) {
		uint8_t byte;
		return psc_read_va(&k->reader, va, &byte, 1) == 1 ? psc_va_state_name(PSC_VA_PRESENT)
								  : "not in the dump";
	}
	if (!psc_is_kernel_va(&k->space, va))
		return "user";
	struct psc_xlate x = psc_translate(&k->reader, va);
	bool has_frame = x.state == PSC_VA_PRESENT || x.state == PSC_VA_TRANSITION;
	return has_frame && x.presence != PSC_PAGE_PRESENT ? "not in the dump" : psc_va_state_name(x.state);
}

enum psc_status psc_diff_run(struct psc_dump *const *dumps, size_t n_dumps, const struct psc_diff_options *opts,
			     struct psc_diff **ret, struct psc_error *reterr)
{
	struct psc_diff_options o = PSC_DIFF_OPTIONS_INIT;
	if (opts != NULL)
		memcpy(&o, opts, opts->size < sizeof(o) ? opts->size : sizeof(o));
	o.size = sizeof(o);
	struct psc_kernel **kernels = (struct psc_kernel **)calloc(n_dumps + 1, sizeof(*kernels));
	if (kernels == NULL)
		return psc_fail_no_memory(reterr);
	for (size_t i = 0; i < n_dumps; i++)
		kernels[i] = &dumps[i]->kernel;
	enum psc_status st = psc_diff_compute(kernels, n_dumps, &o, ret, reterr);
	free(kernels);
	return st;
}

enum psc_status psc_sites_run(struct psc_dump *dump, const struct psc_sites_options *opts, struct psc_sites **ret,
			      struct psc_error *reterr)
{
	struct psc_sites_options o = PSC_SITES_OPTIONS_INIT;
	if (opts != NULL)
		memcpy(&o, opts, opts->size < sizeof(o) ? opts->size : sizeof(o));
	o.size = sizeof(o);
	return psc_sites_compute(&dump->kernel, &o, ret, reterr);
}

enum psc_status psc_callers_run(struct psc_dump *dump, const struct psc_callers_options *opts, struct psc_callers **ret,
				struct psc_error *reterr)
{
	struct psc_callers_options o = PSC_CALLERS_OPTIONS_INIT;
	if (opts != NULL)
		memcpy(&o, opts, opts->size < sizeof(o) ? opts->size : sizeof(o));
	o.size = sizeof(o);
	return psc_callers_compute(&dump->kernel, &o, ret, reterr);
}

enum psc_status psc_owner_run(struct psc_dump *dump, const struct psc_owner_options *opts, struct psc_owner **ret,
			      struct psc_error *reterr)
{
	struct psc_owner_options o = PSC_OWNER_OPTIONS_INIT;
	if (opts != NULL)
		memcpy(&o, opts, opts->size < sizeof(o) ? opts->size : sizeof(o));
	o.size = sizeof(o);
	return psc_owner_compute(&dump->kernel, &o, ret, reterr);
}

enum psc_status psc_caller_blocks_run(struct psc_dump *dump, psc_caller_block_fn *fn, void *arg,
				      struct psc_error *reterr)
{
	return psc_caller_blocks_list(&dump->kernel, fn, arg, reterr);
}

enum psc_status psc_caller_events_run(struct psc_dump *dump, psc_caller_event_fn *fn, void *arg,
				      struct psc_error *reterr)
{
	return psc_caller_events_list(&dump->kernel, fn, arg, reterr);
}

enum psc_status psc_stacks_run(struct psc_dump *dump, const struct psc_stacks_options *opts, psc_stacks_fn *fn,
			       void *arg, struct psc_stacks **ret, struct psc_error *reterr)
{
	struct psc_stacks_options o = PSC_STACKS_OPTIONS_INIT;
	if (opts != NULL)
		memcpy(&o, opts, opts->size < sizeof(o) ? opts->size : sizeof(o));
	o.size = sizeof(o);
	return psc_stacks_list(&dump->kernel, &o, fn, arg, ret, reterr);
}

enum psc_status psc_validate_run(struct psc_dump *dump, const struct psc_validate_options *opts,
				 struct psc_validate **ret, struct psc_error *reterr)
{
	struct psc_validate_options o = PSC_VALIDATE_OPTIONS_INIT;
	if (opts != NULL)
		memcpy(&o, opts, opts->size < sizeof(o) ? opts->size : sizeof(o));
	o.size = sizeof(o);
	return psc_validate_compute(&dump->kernel, &o, ret, reterr);
}

bool psc_dump_locate(struct psc_dump *dump, uint64_t va, struct psc_code_location *ret)
{
	struct psc_symbol_text t;
	memset(ret, 0, sizeof(*ret));
	ret->address = va;
	if (!dump->symbolizer && psc_symbolizer_open(&dump->kernel, &dump->symbolizer, NULL) != PSC_OK)
		return false;
	if (!psc_symbolize(dump->symbolizer, va, &t))
		return false;
	ret->module = t.module;
	ret->name = t.name;
	ret->offset = t.offset;
	ret->is_unloaded = t.is_unloaded;
	ret->symbol = t.symbol;
	ret->symbol_offset = t.symbol_offset;
	return true;
}

enum psc_status psc_dump_symbol_files(struct psc_dump *dump, struct psc_symbol_files **ret, struct psc_error *reterr)
{
	return psc_symbol_files_find(&dump->kernel, &dump->info, dump->pool_sources, dump->n_pool_sources, ret, reterr);
}
