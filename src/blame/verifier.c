/* SPDX-License-Identifier: MIT */
/* Is Verifier on, what did it count, and its records driver by driver. Reference: pool 8.1, 8.2. */
#include "blame/verifier_internal.h"
#include "util/bytes.h"
#include "util/checked.h"
#include "util/error.h"

#include <string.h>

/* Only with pool tracking or special pool are allocations recorded (pool 8.1). */
#define LEVEL_SPECIAL_POOL  0x1u
#define LEVEL_POOL_TRACKING 0x8u
#define BUILD_STACK_TABLES  20348u

static const enum psc_field_id total_fields[PSC_VT_MAX] = {
	[PSC_VT_LEVEL] = PSC_FIELD_MM_DRIVER_VERIFIER_DATA_Level,
	[PSC_VT_RAISE_IRQLS] = PSC_FIELD_MM_DRIVER_VERIFIER_DATA_RaiseIrqls,
	[PSC_VT_ACQUIRE_SPIN_LOCKS] = PSC_FIELD_MM_DRIVER_VERIFIER_DATA_AcquireSpinLocks,
	[PSC_VT_SYNCHRONIZE_EXECUTIONS] = PSC_FIELD_MM_DRIVER_VERIFIER_DATA_SynchronizeExecutions,
	[PSC_VT_TRIMS] = PSC_FIELD_MM_DRIVER_VERIFIER_DATA_Trims,
	[PSC_VT_ALLOCATIONS_ATTEMPTED] = PSC_FIELD_MM_DRIVER_VERIFIER_DATA_AllocationsAttempted,
	[PSC_VT_ALLOCATIONS_SUCCEEDED] = PSC_FIELD_MM_DRIVER_VERIFIER_DATA_AllocationsSucceeded,
	[PSC_VT_ALLOCATIONS_SUCCEEDED_SPECIAL_POOL] = PSC_FIELD_MM_DRIVER_VERIFIER_DATA_AllocationsSucceededSpecialPool,
	[PSC_VT_ALLOCATIONS_WITH_NO_TAG] = PSC_FIELD_MM_DRIVER_VERIFIER_DATA_AllocationsWithNoTag,
	[PSC_VT_ALLOCATIONS_FAILED] = PSC_FIELD_MM_DRIVER_VERIFIER_DATA_AllocationsFailed,
	[PSC_VT_ALLOCATIONS_FAILED_DELIBERATELY] = PSC_FIELD_MM_DRIVER_VERIFIER_DATA_AllocationsFailedDeliberately,
	[PSC_VT_UNTRACKED_POOL] = PSC_FIELD_MM_DRIVER_VERIFIER_DATA_UnTrackedPool,
	[PSC_VT_LOADS] = PSC_FIELD_MM_DRIVER_VERIFIER_DATA_Loads,
	[PSC_VT_UNLOADS] = PSC_FIELD_MM_DRIVER_VERIFIER_DATA_Unloads,
};

/* Four u32 and four pointer-sized members in the same order in every structure that has them (layouts.tsv [V]). */
static bool read_counts(struct psc_kernel *k, uint64_t base, enum psc_field_id allocations, enum psc_field_id bytes,
			struct psc_verifier_counts *ret)
{
	const struct psc_field *a = psc_profile_field(&k->profile, allocations);
	const struct psc_field *b = psc_profile_field(&k->profile, bytes);
	const bool is_32bit = k->space.is_32bit;
	const size_t ptr = psc_pointer_bytes(&k->space);
	uint8_t counts[16], sums[32];
	if (!a || !b || psc_read_va(&k->reader, base + a->offset, counts, sizeof(counts)) != sizeof(counts) ||
	    psc_read_va(&k->reader, base + b->offset, sums, 4 * ptr) != 4 * ptr)
		return false;
	ret->paged = psc_le32(counts);
	ret->nonpaged = psc_le32(counts + 4);
	ret->peak_paged = psc_le32(counts + 8);
	ret->peak_nonpaged = psc_le32(counts + 12);
	ret->paged_bytes = psc_le_ptr(sums, is_32bit);
	ret->nonpaged_bytes = psc_le_ptr(sums + ptr, is_32bit);
	ret->peak_paged_bytes = psc_le_ptr(sums + 2 * ptr, is_32bit);
	ret->peak_nonpaged_bytes = psc_le_ptr(sums + 3 * ptr, is_32bit);
	return true;
}

static void read_totals(struct psc_kernel *k, uint64_t base, struct psc_verifier *v)
{
	for (unsigned i = 0; i < PSC_VT_MAX; i++) {
		const struct psc_field *f = psc_profile_field(&k->profile, total_fields[i]);
		/* Level is the first member in every version (pool 8.1). */
		uint64_t va = base + (f ? f->offset : 0);
		if ((f || i == PSC_VT_LEVEL) && psc_read_u32(&k->reader, va, &v->totals[i]))
			v->has |= 1u << i;
	}
	v->has_counts = read_counts(k, base, PSC_FIELD_MM_DRIVER_VERIFIER_DATA_CurrentPagedPoolAllocations,
				    PSC_FIELD_MM_DRIVER_VERIFIER_DATA_PagedBytes, &v->counts);
}

static bool has_field(const struct psc_kernel *k, enum psc_field_id f)
{
	return psc_profile_field(&k->profile, f) != NULL;
}

static enum psc_verifier_form form_of(const struct psc_kernel *k)
{
	if (has_field(k, PSC_FIELD_VF_TARGET_DRIVER_VerifiedData))
		return PSC_VERIFIER_TREES;
	if (has_field(k, PSC_FIELD_MI_VERIFIER_DRIVER_ENTRY_PoolPageHeaders))
		return PSC_VERIFIER_LIST;
	return has_field(k, PSC_FIELD_MI_VERIFIER_DRIVER_ENTRY_PoolHash) ? PSC_VERIFIER_HASH : PSC_VERIFIER_NONE;
}

/* Level says whether pool was tracked, but not of kernels with the newer tables, which have more places for that;
 * without symbols the build tells these (pool 8.1, 8.5). */
static bool level_decides(const struct psc_kernel *k)
{
	if (psc_kernel_sym_origin(k, PSC_SYM_MmVerifierData) == PSC_ORIGIN_KDBG)
		return k->id.build != 0 && k->id.build < BUILD_STACK_TABLES;
	return psc_kernel_sym(k, PSC_SYM_ViPoolInfoAvl) == 0;
}

/* What can be said before any record is looked for; false: nothing will be found. */
static bool is_worth_reading(struct psc_kernel *k, struct psc_verifier *v)
{
	uint64_t data = psc_kernel_sym(k, PSC_SYM_MmVerifierData);
	v->form = form_of(k);
	if (k->space.mmu == PSC_MMU_NONE) {
		v->why_not = "a small dump does not hold Verifier's records; a kernel or full dump does";
		return false;
	}
	if (data != 0)
		read_totals(k, data, v);
	if ((v->has & 1u << PSC_VT_LEVEL) != 0 &&
	    (v->totals[PSC_VT_LEVEL] & (LEVEL_SPECIAL_POOL | LEVEL_POOL_TRACKING)) == 0 && level_decides(k)) {
		v->known_off = true;
		v->why_not = v->totals[PSC_VT_LEVEL] == 0 ? "Driver Verifier was off"
							  : "Driver Verifier was on without pool tracking (flag 8)";
		return false;
	}
	if (v->form == PSC_VERIFIER_NONE) {
		v->why_not =
			"the layout of Driver Verifier's records is not known for this kernel; its PDB or ISF helps";
		return false;
	}
	return true;
}

static enum psc_field_id counts_field(enum psc_verifier_form form)
{
	return form == PSC_VERIFIER_TREES ? PSC_FIELD_VF_TARGET_VERIFIED_DRIVER_DATA_CurrentPagedPoolAllocations
					  : PSC_FIELD_MI_VERIFIER_DRIVER_ENTRY_CurrentPagedPoolAllocations;
}

static void read_driver_counts(struct psc_verifier_walk *w)
{
	enum psc_field_id bytes = w->v->form == PSC_VERIFIER_TREES ? PSC_FIELD_VF_TARGET_VERIFIED_DRIVER_DATA_PagedBytes
								   : PSC_FIELD_MI_VERIFIER_DRIVER_ENTRY_PagedBytes;
	for (size_t i = 0; i < w->v->n_drivers; i++) {
		struct psc_verifier_driver *d = &w->v->drivers[i];
		d->has_counts = read_counts(w->k, d->data_va, counts_field(w->v->form), bytes, &d->counts);
	}
}

/* Reference: pool 8.3: records in use = current allocations of both pools, and so their bytes. */
static void reconcile(struct psc_verifier_walk *w)
{
	for (size_t i = 0; i < w->v->n_drivers; i++) {
		const struct psc_verifier_driver *d = &w->v->drivers[i];
		if (!d->has_counts)
			continue;
		uint64_t n = (uint64_t)d->counts.paged + d->counts.nonpaged;
		uint64_t bytes = d->counts.paged_bytes + d->counts.nonpaged_bytes;
		if (d->listed != n || d->listed_bytes != bytes)
			psc_warn(w->warnings,
				 "Driver Verifier counts %llu allocations of %llu bytes for %s, its records show %llu "
				 "of "
				 "%llu bytes%s",
				 (unsigned long long)n, (unsigned long long)bytes, d->name,
				 (unsigned long long)d->listed, (unsigned long long)d->listed_bytes,
				 d->incomplete ? ": a part of them is not in the dump" : "");
	}
	if (w->n_loops != 0)
		psc_warn(w->warnings, "Driver Verifier: %llu chains of record pages lead in circles or into each other",
			 (unsigned long long)w->n_loops);
	if (w->n_foreign != 0)
		psc_warn(w->warnings, "Driver Verifier: %llu record pages name another driver than their chain",
			 (unsigned long long)w->n_foreign);
}

/* Of what is recorded: by pages, and by what Verifier counts, where a driver's chain of pages ends too early. Pages
 * that no driver led to are all found, if the table that names them is there. */
static double ratio_of(const struct psc_verifier_walk *w)
{
	const struct psc_verifier *v = w->v;
	const uint64_t pages = v->pages_read + v->pages_missing;
	uint64_t read = 0, counted = 0;
	double ratio = pages != 0 ? (double)v->pages_read / (double)pages : 1.0;
	for (size_t i = 0; i < v->n_drivers; i++) {
		const struct psc_verifier_driver *d = &v->drivers[i];
		const uint64_t n = (uint64_t)d->counts.paged + d->counts.nonpaged;
		if (!d->has_counts && d->incomplete && pages == 0)
			ratio = 0.0; /* nothing says how many there are */
		counted += n;
		read += d->incomplete ? psc_min_u64(d->listed, n) : n;
	}
	if (read < counted && (double)read / (double)counted < ratio)
		ratio = (double)read / (double)counted;
	return !w->drivers_read && w->strays_ratio < ratio ? w->strays_ratio : ratio;
}

static void read_tag_filter(struct psc_kernel *k, struct psc_verifier *v)
{
	uint32_t n;
	v->tag_filter = psc_kernel_read_u32(k, PSC_SYM_DifpPoolTagsSize, &n) && n != 0;
}

enum psc_status psc_verifier_read(struct psc_kernel *k, psc_verifier_block_fn *visit, void *arg,
				  struct psc_arena *arena, struct psc_warnings *warnings, struct psc_verifier *ret,
				  struct psc_error *reterr)
{
	struct psc_verifier_walk w = {
		.k = k, .v = ret, .arena = arena, .warnings = warnings, .visit = visit, .arg = arg};
	enum psc_status r = PSC_OK;
	memset(ret, 0, sizeof(*ret));
	if (!is_worth_reading(k, ret))
		return PSC_OK;
	read_tag_filter(k, ret);
	psc_hashmap_init(&w.pages, 0, PSC_VERIFIER_PAGES_MAX);
	if (!psc_verifier_find_drivers(&w)) {
		r = psc_fail_no_memory(reterr);
		goto out;
	}
	for (uint32_t i = 0; i < ret->n_drivers && !w.no_memory && !w.stopped; i++)
		psc_verifier_read_blocks(&w, i);
	if (!w.no_memory && !w.stopped)
		r = psc_verifier_read_stray_pages(&w, reterr);
	if (w.no_memory)
		r = psc_fail_no_memory(reterr);
	if (r != PSC_OK)
		goto out;
	ret->available = ret->n_drivers != 0;
	ret->known_off = !ret->available && w.drivers_read;
	if (!ret->available)
		ret->why_not = ret->known_off ? "no driver was verified"
					      : "the lists of verified drivers could not be read, and no page of their "
						"records was found";
	read_driver_counts(&w);
	ret->ratio = ratio_of(&w);
	if (!w.stopped)
		reconcile(&w);
out:
	psc_hashmap_deinit(&w.pages);
	return r;
}
