/* SPDX-License-Identifier: MIT */
/* The drivers under verification. Reference: pool 8.2: to Vista a linked list, from 7 on a tree per processor group of
 * hash tables' AVL trees, keyed by image base. */
#include "blame/avl.h"
#include "blame/verifier_internal.h"
#include "util/bytes.h"

#include <inttypes.h>
#include <string.h>

#define NAME_BYTES_MAX 512u
#define TABLES_MAX     4096u
/* _VF_AVL_TABLE where its size is not in the profile (pool 8.2 [V]). */
#define TABLE_BYTES_7     0x70u
#define TABLE_BYTES_8     0xc0u
#define TABLE_BYTES_ARM64 0x100u
#define TABLE_BYTES_7_32  0x3cu
#define TABLE_BYTES_8_32  0x80u

static const struct psc_module *loaded_module_at(const struct psc_kernel *k, uint64_t base)
{
	for (size_t i = 0; i < k->n_loaded && i < k->n_modules; i++)
		if (k->modules[i].base == base)
			return &k->modules[i];
	return NULL;
}

static const char *read_name(struct psc_kernel *k, uint64_t base, enum psc_field_id f)
{
	uint8_t bytes[16];
	const size_t n = k->space.is_32bit ? 8 : 16;
	const struct psc_field *field = psc_profile_field(&k->profile, f);
	if (base == 0 || !field || psc_read_va(&k->reader, base + field->offset, bytes, n) != n)
		return NULL;
	return psc_unicode_string(k, bytes, NAME_BYTES_MAX);
}

static uint32_t read_count(struct psc_kernel *k, uint64_t base, enum psc_field_id f)
{
	const struct psc_field *field = psc_profile_field(&k->profile, f);
	uint32_t n;
	return base != 0 && field && psc_read_u32(&k->reader, base + field->offset, &n) ? n : 0;
}

static uint64_t read_pointer(struct psc_kernel *k, uint64_t base, enum psc_field_id f)
{
	const struct psc_field *field = psc_profile_field(&k->profile, f);
	uint64_t p;
	return base != 0 && field && psc_read_ptr(&k->reader, base + field->offset, &p) &&
			       psc_is_kernel_va(&k->space, p)
		       ? p
		       : 0;
}

struct psc_verifier_driver *psc_verifier_driver_at(struct psc_verifier_walk *w, uint64_t data_va)
{
	struct psc_verifier *v = w->v;
	for (size_t i = 0; i < v->n_drivers; i++)
		if (v->drivers[i].data_va == data_va)
			return &v->drivers[i];
	if (v->n_drivers == PSC_VERIFIER_DRIVERS_MAX)
		return NULL;
	if (v->n_drivers == w->cap_drivers) {
		size_t cap = w->cap_drivers ? w->cap_drivers * 2 : 16;
		struct psc_verifier_driver *more = psc_arena_alloc_array(w->arena, cap, sizeof(*more));
		if (!more) {
			w->no_memory = true;
			return NULL;
		}
		if (v->n_drivers != 0)
			memcpy(more, v->drivers, v->n_drivers * sizeof(*more));
		v->drivers = more;
		w->cap_drivers = cap;
	}
	struct psc_verifier_driver *d = &v->drivers[v->n_drivers++];
	memset(d, 0, sizeof(*d));
	d->data_va = data_va;
	if (v->form == PSC_VERIFIER_TREES) {
		uint64_t suspect =
			read_pointer(w->k, data_va, PSC_FIELD_VF_TARGET_VERIFIED_DRIVER_DATA_SuspectDriverEntry);
		d->name = read_name(w->k, suspect, PSC_FIELD_VF_SUSPECT_DRIVER_ENTRY_BaseName);
		d->loads = read_count(w->k, suspect, PSC_FIELD_VF_SUSPECT_DRIVER_ENTRY_Loads);
		d->unloads = read_count(w->k, suspect, PSC_FIELD_VF_SUSPECT_DRIVER_ENTRY_Unloads);
	} else {
		d->name = read_name(w->k, data_va, PSC_FIELD_MI_VERIFIER_DRIVER_ENTRY_BaseName);
		d->loads = read_count(w->k, data_va, PSC_FIELD_MI_VERIFIER_DRIVER_ENTRY_Loads);
		d->unloads = read_count(w->k, data_va, PSC_FIELD_MI_VERIFIER_DRIVER_ENTRY_Unloads);
		d->base = read_pointer(w->k, data_va, PSC_FIELD_MI_VERIFIER_DRIVER_ENTRY_StartAddress);
		d->end = read_pointer(w->k, data_va, PSC_FIELD_MI_VERIFIER_DRIVER_ENTRY_EndAddress);
		d->is_loaded = loaded_module_at(w->k, d->base) != NULL;
	}
	if (!d->name)
		d->name = psc_arena_printf(w->arena, "driver of %0*" PRIx64, w->k->space.is_32bit ? 8 : 16, data_va);
	if (!d->name)
		w->no_memory = true;
	return d;
}

/* ---- 2003, Vista, XP ---- */

static void walk_list(struct psc_verifier_walk *w)
{
	struct psc_kernel *k = w->k;
	const unsigned ptr = psc_pointer_bytes(&k->space);
	uint64_t head = psc_kernel_sym(k, PSC_SYM_VfSuspectDriversList), at, next, back;
	if (head == 0)
		head = psc_kernel_sym(k, PSC_SYM_MiSuspectDriverList);
	if (head == 0) {
		psc_warn(w->warnings, "the list of verified drivers was not found without symbols; records are looked "
				      "for in the big-page table");
		return;
	}
	at = head;
	for (unsigned n = 0; n <= PSC_VERIFIER_DRIVERS_MAX; n++) {
		if (!psc_read_ptr(&k->reader, at, &next) || !psc_is_kernel_va(&k->space, next) || next % ptr != 0 ||
		    !psc_read_ptr(&k->reader, next + ptr, &back) || back != at)
			break;
		if (next == head) {
			w->drivers_read = true;
			return;
		}
		/* Links is the first member; a list that repeats itself breaks at its back links. */
		size_t before = w->v->n_drivers;
		if (!psc_verifier_driver_at(w, next) || w->no_memory || w->v->n_drivers == before)
			break;
		at = next;
	}
	psc_warn(w->warnings, "the list of verified drivers is broken behind %0*" PRIx64, k->space.is_32bit ? 8 : 16,
		 at);
}

/* ---- 7 and later ---- */

struct tree_visit {
	struct psc_verifier_walk *w;
	uint32_t verified_data;
	uint64_t unreadable;
};

static bool visit_target(void *arg, uint64_t element)
{
	struct tree_visit *t = arg;
	struct psc_kernel *k = t->w->k;
	const unsigned ptr = psc_pointer_bytes(&k->space);
	uint64_t base, size, data;
	if (!psc_read_ptr(&k->reader, element, &base) || !psc_read_ptr(&k->reader, element + ptr, &size) ||
	    !psc_read_ptr(&k->reader, element + t->verified_data, &data)) {
		t->unreadable++;
		return true;
	}
	if (data == 0)
		return true; /* a target that is not verified has no data */
	if (!psc_is_kernel_va(&k->space, data) || data % ptr != 0)
		return true;
	struct psc_verifier_driver *d = psc_verifier_driver_at(t->w, data);
	if (!d)
		return false;
	d->base = base;
	d->end = size <= UINT64_MAX - base ? base + size : 0;
	const struct psc_module *m = loaded_module_at(k, base);
	if (m) {
		d->is_loaded = true;
		if (d->end <= base || d->end - base > m->size_bytes)
			d->end = base + m->size_bytes;
	}
	return !t->w->no_memory;
}

static uint32_t table_bytes(const struct psc_kernel *k)
{
	const struct psc_field *f = psc_profile_field(&k->profile, PSC_FIELD_VF_AVL_TABLE_RtlTable);
	if (f && f->struct_size >= 0x38 && f->struct_size <= 0x1000)
		return f->struct_size;
	bool is_7 = k->id.build < 9200;
	if (k->space.is_32bit)
		return is_7 ? TABLE_BYTES_7_32 : TABLE_BYTES_8_32;
	if (k->id.machine == PSC_MACHINE_ARM64)
		return TABLE_BYTES_ARM64;
	return is_7 ? TABLE_BYTES_7 : TABLE_BYTES_8;
}

static void walk_trees(struct psc_verifier_walk *w)
{
	struct psc_kernel *k = w->k;
	uint64_t tree = psc_kernel_sym(k, PSC_SYM_ViTargetDriversAvl);
	const struct psc_field *verified = psc_profile_field(&k->profile, PSC_FIELD_VF_TARGET_DRIVER_VerifiedData);
	struct tree_visit t = {w, verified->offset, 0};
	const struct psc_field *pointer = psc_profile_field(&k->profile, PSC_FIELD_VF_AVL_TREE_Tables);
	uint64_t tables = 0, lost = 0;
	uint32_t n = read_count(k, tree, PSC_FIELD_VF_AVL_TREE_TablesNo);
	bool is_read = tree != 0 && pointer && psc_read_ptr(&k->reader, tree + pointer->offset, &tables);
	if (is_read && tables == 0) { /* never made */
		w->drivers_read = true;
		return;
	}
	if (!is_read || !psc_is_kernel_va(&k->space, tables) || n == 0 || n > TABLES_MAX) {
		psc_warn(w->warnings,
			 "the tree of verified drivers was not found%s; records are looked for in the big-page "
			 "table",
			 tree == 0 ? " without symbols" : "");
		return;
	}
	for (uint32_t i = 0; i < n && !w->no_memory; i++) {
		struct psc_avl_result r;
		if (!psc_avl_walk(&k->reader, tables + (uint64_t)i * table_bytes(k), PSC_VERIFIER_DRIVERS_MAX,
				  visit_target, &t, &r)) {
			lost++;
			continue;
		}
		lost += r.unreadable + (r.is_broken || (r.unreadable == 0 && r.visited != r.expected) ? 1 : 0);
	}
	lost += t.unreadable;
	w->drivers_read = lost == 0;
	if (lost != 0)
		psc_warn(w->warnings,
			 "Driver Verifier's tree of drivers could not be read in %llu places: drivers may be "
			 "missing",
			 (unsigned long long)lost);
}

bool psc_verifier_find_drivers(struct psc_verifier_walk *w)
{
	if (w->v->form == PSC_VERIFIER_TREES)
		walk_trees(w);
	else
		walk_list(w);
	return !w->no_memory;
}
