/* SPDX-License-Identifier: MIT */
/* Built-in offsets of the memory manager's structures against what they must lead to. Only what comes from the table of
 * a build range is asked; what is not in the dump says nothing. Reference: pool 3.3, 9 [V]. */
#include "pool/infer.h"
#include "util/checked.h"

#include <inttypes.h>

#define REGIONS_FIRST_BUILD 14393u
#define REGION_BYTES        16u
#define NODE_POINTER_BUILD  20348u

static bool is_range(const struct psc_kernel *k, enum psc_field_id f)
{
	return k->profile.fields[f].origin == PSC_ORIGIN_BUILTIN_RANGE;
}

static const char *range_text(const struct psc_kernel *k)
{
	return k->profile.builtin_range ? k->profile.builtin_range : "of the nearest build";
}

/* Everything that is reached through a structure goes with it. */
static void reject(struct psc_kernel *k, const char *name, const enum psc_field_id *fields, size_t n, uint32_t checks,
		   const char *why)
{
	for (size_t i = 0; i < n; i++)
		psc_infer_drop_field(k, fields[i]);
	psc_infer_note(k, name, "offset", 0, PSC_CONFIDENCE_REJECTED, checks,
		       "the built-in layout (%s) does not fit: %s", range_text(k), why);
	psc_warn(&k->warnings, "The built-in layout of %s does not fit this kernel and is not used", name);
}

static size_t n_inside(const uint64_t *va, size_t n, uint64_t lo, uint64_t last)
{
	size_t inside = 0;
	for (size_t i = 0; i < n; i++)
		inside += va[i] >= lo && va[i] <= last;
	return inside;
}

static void check_visible(struct psc_kernel *k, const struct psc_witnesses *w)
{
	static const enum psc_field_id fields[] = {
		PSC_FIELD_MI_SYSTEM_INFORMATION_Vs,       PSC_FIELD_MI_VISIBLE_STATE_NonPagedPoolCommit,
		PSC_FIELD_MI_VISIBLE_STATE_PagedPoolInfo, PSC_FIELD_MI_VISIBLE_STATE_SystemVaRegions,
		PSC_FIELD_MI_VISIBLE_STATE_SystemVaType,
	};
	const struct psc_field *f = psc_profile_field(&k->profile, PSC_FIELD_MI_VISIBLE_STATE_SystemVaRegions);
	const uint64_t visible = psc_visible_state_va(k);
	struct psc_va_table t;
	uint8_t byte;
	if (visible == 0 || !f || !is_range(k, PSC_FIELD_MI_VISIBLE_STATE_SystemVaRegions) || w->pte_base == 0 ||
	    w->n_nonpaged == 0 || !psc_read_u8(&k->reader, visible + f->offset, &byte))
		return;
	size_t n = f->size_bytes != 0 ? f->size_bytes / REGION_BYTES : PSC_VA_REGIONS_MAX;
	if (!psc_read_u8(&k->reader, visible + f->offset + n * REGION_BYTES - 1, &byte))
		return;
	bool ok = psc_va_table_check(k, w, visible + f->offset, n, &t);
	ok = ok && t.nonpaged == (int)psc_assigned_region_of_pool(k->id.build, PSC_POOL_NONPAGED) &&
	     (t.paged < 0 || t.paged == (int)psc_assigned_region_of_pool(k->id.build, PSC_POOL_PAGED));
	if (!ok)
		reject(k, "_MI_VISIBLE_STATE", fields, sizeof(fields) / sizeof(*fields), (uint32_t)t.n,
		       "no regions are there that hold the pools' known addresses and the page tables");
}

static bool node_range(struct psc_kernel *k, uint64_t hardware, uint64_t *ret_lo, uint64_t *ret_last)
{
	const bool newer = k->id.build >= NODE_POINTER_BUILD;
	uint64_t node;
	return psc_read_ptr(&k->reader,
			    psc_member_va(k, hardware,
					  newer ? PSC_FIELD_MI_HARDWARE_STATE_SystemNodeNonPagedPool
						: PSC_FIELD_MI_HARDWARE_STATE_SystemNodeInformation),
			    &node) &&
	       psc_is_kernel_va(&k->space, node) &&
	       psc_read_ptr(&k->reader,
			    psc_member_va(k, node,
					  newer ? PSC_FIELD_MI_SYSTEM_NODE_NONPAGED_POOL_NonPagedPoolFirstVa
						: PSC_FIELD_MI_SYSTEM_NODE_INFORMATION_NonPagedPoolFirstVa),
			    ret_lo) &&
	       psc_read_ptr(&k->reader,
			    psc_member_va(k, node,
					  newer ? PSC_FIELD_MI_SYSTEM_NODE_NONPAGED_POOL_NonPagedPoolLastVa
						: PSC_FIELD_MI_SYSTEM_NODE_INFORMATION_NonPagedPoolLastVa),
			    ret_last);
}

/* The first node's nonpaged range: addresses of the kernel, and with one node alone all that is nonpaged. */
static void check_node(struct psc_kernel *k, const struct psc_witnesses *w, uint64_t state)
{
	static const enum psc_field_id fields[] = {
		PSC_FIELD_MI_HARDWARE_STATE_SystemNodeInformation,
		PSC_FIELD_MI_HARDWARE_STATE_SystemNodeNonPagedPool,
		PSC_FIELD_MI_SYSTEM_INFORMATION_Hardware,
		PSC_FIELD_MI_SYSTEM_NODE_INFORMATION_AllocatedNonPagedPool,
		PSC_FIELD_MI_SYSTEM_NODE_INFORMATION_NonPagedPoolFirstVa,
		PSC_FIELD_MI_SYSTEM_NODE_INFORMATION_NonPagedPoolLastVa,
		PSC_FIELD_MI_SYSTEM_NODE_NONPAGED_POOL_NonPagedPoolFirstVa,
		PSC_FIELD_MI_SYSTEM_NODE_NONPAGED_POOL_NonPagedPoolLastVa,
	};
	uint64_t hardware = psc_member_va(k, state, PSC_FIELD_MI_SYSTEM_INFORMATION_Hardware), lo, last;
	uint8_t byte;
	if (hardware == 0 || !is_range(k, PSC_FIELD_MI_SYSTEM_INFORMATION_Hardware) ||
	    !psc_read_u8(&k->reader, hardware, &byte))
		return;
	if (node_range(k, hardware, &lo, &last) && lo % PSC_PAGE_BYTES == 0 && last > lo &&
	    psc_is_kernel_va(&k->space, lo) && psc_is_kernel_va(&k->space, last)) {
		/* Further nodes may have ranges of their own. */
		if (w->n_nonpaged == 0 || n_inside(w->nonpaged, w->n_nonpaged, lo, last) != 0)
			return;
	}
	reject(k, "_MI_HARDWARE_STATE", fields, sizeof(fields) / sizeof(*fields), (uint32_t)w->n_nonpaged,
	       "its first node has no range of nonpaged pool that holds any known address");
}

static void check_bitmap(struct psc_kernel *k, const struct psc_witnesses *w, uint64_t state)
{
	static const enum psc_field_id fields[] = {
		PSC_FIELD_MI_DYNAMIC_BITMAP_BaseVa,
		PSC_FIELD_MI_DYNAMIC_BITMAP_MaximumSize,
		PSC_FIELD_MI_SYSTEM_INFORMATION_SystemVa,
		PSC_FIELD_MI_SYSTEM_VA_STATE_DynamicBitMapPagedPool,
	};
	uint64_t va = psc_member_va(k, state, PSC_FIELD_MI_SYSTEM_INFORMATION_SystemVa), base;
	uint64_t bitmap = psc_member_va(k, va, PSC_FIELD_MI_SYSTEM_VA_STATE_DynamicBitMapPagedPool);
	uint64_t at = psc_member_va(k, bitmap, PSC_FIELD_MI_DYNAMIC_BITMAP_BaseVa);
	if (at == 0 || !is_range(k, PSC_FIELD_MI_SYSTEM_INFORMATION_SystemVa) || !psc_read_ptr(&k->reader, at, &base))
		return;
	if (base % PSC_PAGE_BYTES == 0 && psc_is_kernel_va(&k->space, base) &&
	    n_inside(w->paged, w->n_paged, base, UINT64_MAX) * 8 >= w->n_paged * 7)
		return;
	reject(k, "_MI_SYSTEM_VA_STATE", fields, sizeof(fields) / sizeof(*fields), (uint32_t)w->n_paged + 1,
	       "its bitmap of paged pool starts at no address of the kernel, or above known paged addresses");
}

static void check_counter(struct psc_kernel *k, uint64_t state)
{
	static const enum psc_field_id fields[] = {
		PSC_FIELD_MI_POOL_STATE_AllocatedNonPagedPool,
		PSC_FIELD_MI_SYSTEM_INFORMATION_Pools,
	};
	uint64_t at = psc_member_va(k, psc_member_va(k, state, PSC_FIELD_MI_SYSTEM_INFORMATION_Pools),
				    PSC_FIELD_MI_POOL_STATE_AllocatedNonPagedPool);
	uint64_t pages;
	if (at == 0 || !is_range(k, PSC_FIELD_MI_SYSTEM_INFORMATION_Pools) || !psc_read_ptr(&k->reader, at, &pages) ||
	    k->physical_memory_bytes == 0 || pages <= k->physical_memory_bytes / PSC_PAGE_BYTES)
		return;
	reject(k, "_MI_POOL_STATE", fields, sizeof(fields) / sizeof(*fields), 1,
	       "its count of nonpaged pages is larger than memory");
}

void psc_infer_check_mi(struct psc_kernel *k, const struct psc_witnesses *w)
{
	const uint64_t state = psc_kernel_sym(k, PSC_SYM_MiState);
	if (!psc_kernel_is_64bit(k))
		return;
	if (k->id.build >= REGIONS_FIRST_BUILD)
		check_visible(k, w);
	if (state == 0)
		return;
	check_node(k, w, state);
	check_bitmap(k, w, state);
	check_counter(k, state);
}
