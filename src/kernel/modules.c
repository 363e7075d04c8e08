/* SPDX-License-Identifier: MIT */
/* Loaded modules: PsLoadedModuleList, or the driver list of a triage dump. */
#include "kernel/internal.h"

#include "util/bytes.h"
#include "util/error.h"
#include "util/hashmap.h"
#include "util/text.h"
#include "util/vec.h"
#include <inttypes.h>
#include <string.h>

#define NAME_BYTES_MAX 520u
#define PATH_BYTES_MAX 2048u
#define BUILD_10       10240u

/* KLDR_DATA_TABLE_ENTRY; x64 and ARM64 [V] 14393-22000, x86 [2] (reference: kernel 5). */
struct entry_layout {
	uint8_t base, size, path, name, checksum, stamp, min_bytes, max_bytes;
};
static const struct entry_layout layout32 = {0x18, 0x20, 0x24, 0x2c, 0x40, 0x58, 0x34, 0x5c};
static const struct entry_layout layout64 = {0x30, 0x40, 0x48, 0x58, 0x78, 0x9c, 0x68, 0xa0};

struct walk {
	struct psc_kernel *k;
	size_t cap;
	struct psc_hashmap visited;
	bool no_memory;
	unsigned n_skipped;
};

struct psc_module *psc_kernel_add_module(struct psc_kernel *k, size_t *cap)
{
	if (k->n_modules >= *cap && !psc_vec_grow((void **)&k->modules, cap, k->n_modules, sizeof(*k->modules)))
		return NULL;
	struct psc_module *m = &k->modules[k->n_modules++];
	memset(m, 0, sizeof(*m));
	return m;
}

/* What the image itself says; its pages may be missing. */
static bool add_image_facts(struct psc_kernel *k, struct psc_module *m)
{
	struct psc_pe_info pe;
	if (!psc_pe_read(&k->reader, m->base, &pe))
		return true;
	m->time_date_stamp = pe.time_date_stamp;
	if (pe.checksum)
		m->checksum = pe.checksum;
	if (!pe.has_debug_record)
		return true;
	memcpy(m->pdb_guid, pe.pdb_guid, sizeof(m->pdb_guid));
	m->pdb_age = pe.pdb_age;
	m->pdb_name = pe.pdb_name[0] ? psc_arena_strdup(&k->arena, pe.pdb_name) : NULL;
	return !pe.pdb_name[0] || m->pdb_name;
}

/* False: the entry cannot be read. */
static bool add_entry(struct walk *w, uint64_t va)
{
	struct psc_kernel *k = w->k;
	const struct entry_layout *l = k->space.is_32bit ? &layout32 : &layout64;
	uint8_t e[0xa0];
	memset(e, 0, sizeof(e));
	if (psc_read_va(&k->reader, va, e, l->max_bytes) < l->min_bytes)
		return false;
	uint64_t base = k->space.is_32bit ? psc_le32(e + l->base) : psc_le64(e + l->base);
	uint32_t size = psc_le32(e + l->size);
	if (size == 0 || base % PSC_PAGE_BYTES || !psc_is_kernel_va(&k->space, base) ||
	    !psc_is_kernel_va(&k->space, base + (size - 1))) {
		w->n_skipped++;
		return true;
	}
	struct psc_module *m = psc_kernel_add_module(k, &w->cap);
	if (!m) {
		w->no_memory = true;
		return false;
	}
	m->base = base;
	m->size_bytes = size;
	m->checksum = psc_le32(e + l->checksum);
	if (!k->space.is_32bit) {
		m->exception_va = psc_le64(e + 0x10);
		m->exception_bytes = psc_le32(e + 0x18);
	}
	if (k->id.build >= BUILD_10)
		m->time_date_stamp = psc_le32(e + l->stamp);
	m->path = psc_unicode_string(k, e + l->path, PATH_BYTES_MAX);
	m->name = psc_unicode_string(k, e + l->name, NAME_BYTES_MAX);
	if (!m->name && m->path && *psc_base_name(m->path))
		m->name = psc_base_name(m->path);
	if (!m->name)
		m->name = psc_base_size_text(k, base, size);
	w->no_memory = !add_image_facts(k, m);
	return !w->no_memory;
}

/* Follow Flink (or, backwards, Blink) from the head until it is reached again; each entry must point back at the one
 * before. True when the list closed. *ret_last: where it stopped. */
static bool follow(struct walk *w, uint64_t head, bool backwards, uint64_t *ret_last)
{
	struct psc_kernel *k = w->k;
	unsigned ptr = psc_pointer_bytes(&k->space);
	unsigned next_off = backwards ? ptr : 0, back_off = backwards ? 0 : ptr;
	uint64_t at = head, next, back;
	for (unsigned n = 0; n < PSC_MODULES_MAX; n++) {
		bool is_new = false;
		*ret_last = at;
		if (!psc_read_ptr(&k->reader, at + next_off, &next) || !psc_is_kernel_va(&k->space, next) ||
		    next % ptr || !psc_read_ptr(&k->reader, next + back_off, &back) || back != at)
			return false;
		if (next == head)
			return true;
		if (!psc_hashset_add(&w->visited, next, &is_new)) {
			w->no_memory = w->visited.n < PSC_MODULES_MAX;
			return false;
		}
		if (!is_new || !add_entry(w, next))
			return false;
		at = next;
	}
	return false;
}

static void reverse(struct psc_module *m, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct psc_module t = m[i];
		m[i] = m[n - 1 - i];
		m[n - 1 - i] = t;
	}
}

static void walk_list(struct walk *w)
{
	struct psc_kernel *k = w->k;
	uint64_t head = psc_kernel_sym(k, PSC_SYM_PsLoadedModuleList), last = 0;
	if (!psc_is_kernel_va(&k->space, head)) {
		psc_warn(&k->warnings, "The list of loaded modules was not found");
		return;
	}
	psc_hashmap_init(&w->visited, 0, PSC_MODULES_MAX);
	if (!follow(w, head, false, &last) && !w->no_memory) {
		size_t n_forward = k->n_modules;
		uint64_t ignored;
		(void)follow(w, head, true, &ignored);
		if (k->n_modules > n_forward)
			reverse(k->modules + n_forward, k->n_modules - n_forward);
		psc_warn(&k->warnings,
			 "The list of loaded modules is broken after the entry at %016" PRIx64
			 ": %zu modules from its start and %zu from its end were read",
			 last, n_forward, k->n_modules - n_forward);
	}
	psc_hashmap_deinit(&w->visited);
	if (w->n_skipped)
		psc_logf(k->log, PSC_LOG_INFO, "%u entries of the module list without an image were left out",
			 w->n_skipped);
}

static enum psc_status add_triage(struct psc_kernel *k, size_t *cap, bool unloaded, struct psc_error *reterr)
{
	size_t n;
	const struct psc_triage_module *t = psc_image_triage_modules(k->img, &n);
	for (size_t i = 0; i < n; i++) {
		if (t[i].unloaded != unloaded || t[i].base == 0 ||
		    (unloaded ? t[i].end <= t[i].base : t[i].size_of_image == 0))
			continue;
		struct psc_module *m = psc_kernel_add_module(k, cap);
		if (!m)
			return psc_fail_no_memory(reterr);
		m->base = t[i].base;
		m->size_bytes = t[i].unloaded ? t[i].end - t[i].base : t[i].size_of_image;
		m->time_date_stamp = t[i].time_date_stamp;
		m->checksum = t[i].checksum;
		m->unloaded = t[i].unloaded;
		if (t[i].path && *t[i].path) {
			const char *path = psc_arena_strdup(&k->arena, t[i].path);
			if (!path)
				return psc_fail_no_memory(reterr);
			m->path = unloaded ? NULL : path;
			m->name = *psc_base_name(path) ? psc_base_name(path) : path;
		} else {
			m->name = psc_base_size_text(k, m->base, m->size_bytes);
		}
		if (!unloaded && psc_is_kernel_va(&k->space, m->base) && !add_image_facts(k, m))
			return psc_fail_no_memory(reterr);
	}
	return PSC_OK;
}

enum psc_status psc_kernel_find_modules(struct psc_kernel *k, struct psc_error *reterr)
{
	struct walk w;
	enum psc_status st = PSC_OK;
	memset(&w, 0, sizeof(w));
	w.k = k;
	if (psc_image_get_kind(k->img) == PSC_IMAGE_VIRTUAL) {
		st = add_triage(k, &w.cap, false, reterr);
		k->n_loaded = k->n_modules;
		return st == PSC_OK ? add_triage(k, &w.cap, true, reterr) : st;
	}
	if (k->space.mmu == PSC_MMU_NONE)
		return PSC_OK;
	walk_list(&w);
	k->n_loaded = k->n_modules;
	return w.no_memory ? psc_fail_no_memory(reterr) : psc_kernel_add_unloaded(k, &w.cap, reterr);
}
