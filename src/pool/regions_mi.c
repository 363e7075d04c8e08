/* SPDX-License-Identifier: MIT */
/* Pool ranges of 10240 and later: SystemVaRegions and SystemVaType of the visible state, nonpaged ranges per node, the
 * bitmap of paged pool. Reference: pool 3.3 [V], paging 11. */
#include "pool/internal.h"
#include "util/checked.h"

#define NODES_MAX        64u
#define REGION_BYTES     16u /* _MI_SYSTEM_VA_ASSIGNMENT: BaseAddress, NumberOfBytes */
#define REGION_MAX_BYTES ((uint64_t)1 << 47)
#define SLOT_SHIFT       39
#define SLOTS            256u
#define BITMAP_UNIT      ((uint64_t)2 << 20)

uint64_t psc_visible_state_va(struct psc_kernel *k)
{
	uint64_t va;
	if (psc_kernel_read_ptr(k, PSC_SYM_MiVisibleState, &va) && psc_is_kernel_va(&k->space, va))
		return va;
	return psc_member_va(k, psc_kernel_sym(k, PSC_SYM_MiState), PSC_FIELD_MI_SYSTEM_INFORMATION_Vs);
}

void psc_pool_regions_from_assigned(struct psc_kernel *k, uint64_t visible, enum psc_pool pool, unsigned index,
				    unsigned flags, struct psc_pool_regions *ret)
{
	const struct psc_field *f = psc_profile_field(&k->profile, PSC_FIELD_MI_VISIBLE_STATE_SystemVaRegions);
	uint64_t base, bytes;
	if (visible == 0 || !f || (f->size_bytes != 0 && (index + 1) * REGION_BYTES > f->size_bytes))
		return;
	uint64_t at = visible + f->offset + index * REGION_BYTES;
	if (!psc_read_u64(&k->reader, at, &base) || !psc_read_u64(&k->reader, at + 8, &bytes))
		return;
	if (bytes == 0 || bytes > REGION_MAX_BYTES || bytes - 1 > UINT64_MAX - base)
		return;
	psc_pool_regions_add(k, ret, pool, base, base + (bytes - 1), "MiVisibleState SystemVaRegions", flags);
}

static void add_node(struct psc_kernel *k, uint64_t node, enum psc_field_id first, enum psc_field_id last,
		     const char *source, struct psc_pool_regions *ret, bool *ret_ok)
{
	uint64_t lo, end;
	*ret_ok = false;
	if (!psc_read_ptr(&k->reader, psc_member_va(k, node, first), &lo) ||
	    !psc_read_ptr(&k->reader, psc_member_va(k, node, last), &end))
		return;
	if (lo % PSC_PAGE_BYTES != 0 || end <= lo || end - lo > REGION_MAX_BYTES || !psc_is_kernel_va(&k->space, lo))
		return;
	psc_pool_regions_add(k, ret, PSC_POOL_NONPAGED, lo, end, source, 0);
	*ret_ok = true;
}

/* An array of nodes whose length is not recorded here: it ends where no range is. */
static void from_nodes(struct psc_kernel *k, uint64_t state, struct psc_pool_regions *ret)
{
	uint64_t hardware = psc_member_va(k, state, PSC_FIELD_MI_SYSTEM_INFORMATION_Hardware);
	bool newer = k->id.build >= 20348;
	enum psc_field_id pointer = newer ? PSC_FIELD_MI_HARDWARE_STATE_SystemNodeNonPagedPool
					  : PSC_FIELD_MI_HARDWARE_STATE_SystemNodeInformation;
	enum psc_field_id first = newer ? PSC_FIELD_MI_SYSTEM_NODE_NONPAGED_POOL_NonPagedPoolFirstVa
					: PSC_FIELD_MI_SYSTEM_NODE_INFORMATION_NonPagedPoolFirstVa;
	enum psc_field_id last = newer ? PSC_FIELD_MI_SYSTEM_NODE_NONPAGED_POOL_NonPagedPoolLastVa
				       : PSC_FIELD_MI_SYSTEM_NODE_INFORMATION_NonPagedPoolLastVa;
	const char *source = newer ? "MiState SystemNodeNonPagedPool" : "MiState SystemNodeInformation";
	const struct psc_field *f = psc_profile_field(&k->profile, first);
	uint64_t node;
	bool ok = true;
	if (hardware == 0 || !f || !psc_profile_field(&k->profile, last) || psc_member_va(k, hardware, pointer) == 0 ||
	    !psc_read_ptr(&k->reader, psc_member_va(k, hardware, pointer), &node) || !psc_is_kernel_va(&k->space, node))
		return;
	for (unsigned i = 0; i < NODES_MAX && ok; i++) {
		add_node(k, node, first, last, source, ret, &ok);
		if (f->struct_size == 0)
			break;
		node += f->struct_size;
	}
}

/* The unit of MaximumSize is not recorded in symbols. Regions of 2 MiB is what fits the sizes seen [?]: so pages must
 * prove themselves only where nothing better is known. */
void psc_pool_regions_from_bitmap(struct psc_kernel *k, uint64_t at_base, uint64_t at_size, enum psc_pool pool,
				  const char *source, unsigned flags, struct psc_pool_regions *ret)
{
	uint64_t base, n;
	if (at_base == 0 || at_size == 0 || !psc_read_ptr(&k->reader, at_base, &base) ||
	    !psc_read_ptr(&k->reader, at_size, &n))
		return;
	if (n == 0 || base % PSC_PAGE_BYTES != 0 || !psc_is_kernel_va(&k->space, base))
		return;
	uint64_t bytes = n > REGION_MAX_BYTES / BITMAP_UNIT ? n : n * BITMAP_UNIT;
	if (bytes > REGION_MAX_BYTES)
		return;
	if (bytes - 1 > UINT64_MAX - base)
		bytes = 0 - base;
	psc_pool_regions_add(k, ret, pool, base, base + (bytes - 1), source, flags);
}

static void from_bitmap(struct psc_kernel *k, uint64_t state, struct psc_pool_regions *ret)
{
	uint64_t va = psc_member_va(k, state, PSC_FIELD_MI_SYSTEM_INFORMATION_SystemVa);
	uint64_t bitmap = psc_member_va(k, va, PSC_FIELD_MI_SYSTEM_VA_STATE_DynamicBitMapPagedPool);
	psc_pool_regions_from_bitmap(k, psc_member_va(k, bitmap, PSC_FIELD_MI_DYNAMIC_BITMAP_BaseVa),
				     psc_member_va(k, bitmap, PSC_FIELD_MI_DYNAMIC_BITMAP_MaximumSize), PSC_POOL_PAGED,
				     "MiState DynamicBitMapPagedPool", 0, ret);
}

/* One type per 512 GiB. What it is with page tables of five levels is not known. */
void psc_pool_regions_from_slots(struct psc_kernel *k, uint64_t visible, enum psc_pool pool, uint8_t want,
				 unsigned flags, struct psc_pool_regions *ret)
{
	uint64_t types = psc_member_va(k, visible, PSC_FIELD_MI_VISIBLE_STATE_SystemVaType);
	if (types == 0 || k->space.mmu == PSC_MMU_X64_LA57)
		return;
	for (uint64_t i = 0; i < SLOTS; i++) {
		uint8_t type;
		if (!psc_read_u8(&k->reader, types + i, &type) || type != want)
			continue;
		uint64_t lo = 0xffff800000000000u + (i << SLOT_SHIFT);
		psc_pool_regions_add(k, ret, pool, lo, lo + (((uint64_t)1 << SLOT_SHIFT) - 1),
				     "MiVisibleState SystemVaType", flags);
	}
}

static void from_slots(struct psc_kernel *k, uint64_t visible, enum psc_pool pool, struct psc_pool_regions *ret)
{
	psc_pool_regions_from_slots(k, visible, pool, psc_va_type_of_pool(k->id.build, pool), 0, ret);
}

void psc_pool_regions_from_mi_state(struct psc_kernel *k, struct psc_pool_regions *ret)
{
	uint64_t visible = psc_visible_state_va(k), state = psc_kernel_sym(k, PSC_SYM_MiState);
	if (k->space.is_32bit) {
		uint64_t types = psc_member_va(k, visible, PSC_FIELD_MI_VISIBLE_STATE_SystemVaType);
		if (types != 0)
			psc_pool_regions_from_va_types(k, types, "MiVisibleState SystemVaType", ret);
		return;
	}
	for (unsigned p = 0; p < 2; p++) {
		enum psc_pool pool = p == 0 ? PSC_POOL_NONPAGED : PSC_POOL_PAGED;
		psc_pool_regions_from_assigned(k, visible, pool, psc_assigned_region_of_pool(k->id.build, pool), 0,
					       ret);
	}
	from_nodes(k, state, ret);
	for (unsigned p = 0; p < 2; p++)
		if (k->pool_range[p].known && !(p == 0 ? ret->has_nonpaged : ret->has_paged))
			psc_pool_regions_add(k, ret, p == 0 ? PSC_POOL_NONPAGED : PSC_POOL_PAGED, k->pool_range[p].lo,
					     k->pool_range[p].last, "region table in the kernel's data, by content", 0);
	if (!ret->has_paged)
		from_bitmap(k, state, ret);
	if (!ret->has_nonpaged)
		from_slots(k, visible, PSC_POOL_NONPAGED, ret);
	if (!ret->has_paged)
		from_slots(k, visible, PSC_POOL_PAGED, ret);
}
