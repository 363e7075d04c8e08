/* SPDX-License-Identifier: MIT */
/* Where the classic allocator's special pool is. Reference: pool 7.1, paging 11. MmSpecialPoolStart and
 * MmSpecialPoolEnd of NT 5: ReactOS [1]. That a bit of SpecialPoolPdes stands for a page directory entry is inferred
 * from its name. */
#include "pool/internal.h"
#include "pool/special.h"
#include "util/bytes.h"

#define LEVEL_SPECIAL    0x1u /* of MM_DRIVER_VERIFIER_DATA.Level: pool 8.1 */
#define X64_PTES_LO      0xfffff68000000000u
#define X86_PTES_LO      0xc0000000u
#define VA_BITS          48
#define MAX_BYTES        ((uint64_t)1 << 40)
#define PAGES_IN_USE_MAX ((uint64_t)1 << 36)
#define FIRST_VA_TYPES   15063u
#define BITMAP_SIZE      0x10u
#define BITMAP_BASE      0x20u
#define ASSIGNED_14393   9u
#define ASSIGNED_17763   10u /* paged; nonpaged is the next */

static uint64_t value_of(struct psc_kernel *k, enum psc_sym s)
{
	uint64_t v;
	return psc_kernel_read_ptr(k, s, &v) ? v : 0;
}

static void from_variables(struct psc_kernel *k, struct psc_pool_regions *ret)
{
	uint64_t lo = value_of(k, PSC_SYM_MmSpecialPoolStart), end = value_of(k, PSC_SYM_MmSpecialPoolEnd);
	if (lo != 0 && end > lo && end - lo <= MAX_BYTES)
		psc_pool_regions_add(k, ret, PSC_POOL_NONPAGED, lo, end % PSC_PAGE_BYTES == 0 ? end - 1 : end,
				     "MmSpecialPoolStart, MmSpecialPoolEnd", PSC_REGION_SPECIAL);
}

/* PteBase: its first entry in the page tables that map themselves. */
static void from_pte_base(struct psc_kernel *k, struct psc_pool_regions *ret)
{
	uint64_t pool = psc_kernel_sym(k, PSC_SYM_MiSpecialPool), pte;
	uint64_t bitmap = psc_member_va(k, pool, PSC_FIELD_MI_SPECIAL_POOL_SpecialPoolPdes);
	uint64_t at = psc_member_va(k, pool, PSC_FIELD_MI_SPECIAL_POOL_PteBase);
	const unsigned entry = k->space.mmu == PSC_MMU_X86 ? 4 : 8;
	const uint64_t first = k->space.is_32bit ? X86_PTES_LO : X64_PTES_LO;
	uint32_t n_pdes;
	if (at == 0 || bitmap == 0 || !psc_read_ptr(&k->reader, at, &pte) ||
	    !psc_read_u32(&k->reader, bitmap, &n_pdes) || n_pdes == 0 || pte < first || pte % entry != 0)
		return;
	uint64_t lo = (pte - first) / entry * PSC_PAGE_BYTES,
		 bytes = n_pdes * (PSC_PAGE_BYTES / entry) * PSC_PAGE_BYTES;
	if (!k->space.is_32bit)
		lo |= lo >> (VA_BITS - 1) != 0 ? ~(uint64_t)0 << VA_BITS : 0;
	if (bytes > MAX_BYTES || bytes - 1 > (k->space.is_32bit ? UINT32_MAX : UINT64_MAX) - lo)
		return;
	psc_pool_regions_add(k, ret, PSC_POOL_NONPAGED, lo, lo + (bytes - 1), "MiSpecialPool", PSC_REGION_SPECIAL);
}

static void from_bitmap(struct psc_kernel *k, uint64_t bitmap, struct psc_pool_regions *ret)
{
	psc_pool_regions_from_bitmap(k, psc_member_va(k, bitmap, PSC_FIELD_MI_DYNAMIC_BITMAP_BaseVa),
				     psc_member_va(k, bitmap, PSC_FIELD_MI_DYNAMIC_BITMAP_MaximumSize),
				     PSC_POOL_NONPAGED, "MiState DynamicBitMapSpecialPool", PSC_REGION_SPECIAL, ret);
}

/* The layout is not in symbols of 8 and 8.1: it is taken to be that of 10240 [inferred]. */
static void from_bitmap_of_8(struct psc_kernel *k, struct psc_pool_regions *ret)
{
	uint64_t at = psc_kernel_sym(k, PSC_SYM_MiDynamicBitMapSpecialPool);
	if (at != 0)
		psc_pool_regions_from_bitmap(k, at + BITMAP_BASE, at + BITMAP_SIZE, PSC_POOL_NONPAGED,
					     "MiDynamicBitMapSpecialPool (layout inferred)", PSC_REGION_SPECIAL, ret);
}

static void from_mi_state(struct psc_kernel *k, struct psc_pool_regions *ret)
{
	uint64_t visible = psc_visible_state_va(k);
	if (k->id.build == 14393)
		psc_pool_regions_from_assigned(k, visible, PSC_POOL_NONPAGED, ASSIGNED_14393, PSC_REGION_SPECIAL, ret);
	for (unsigned p = 0; p < 2 && k->id.build >= FIRST_VA_TYPES; p++) {
		enum psc_pool pool = p == 0 ? PSC_POOL_PAGED : PSC_POOL_NONPAGED;
		if (k->id.build == PSC_SPECIAL_LAST_BUILD)
			psc_pool_regions_from_assigned(k, visible, pool, ASSIGNED_17763 + p, PSC_REGION_SPECIAL, ret);
		else
			psc_pool_regions_from_slots(k, visible, pool, psc_va_type_of_special(pool), PSC_REGION_SPECIAL,
						    ret);
	}
	if (ret->has_special)
		return;
	uint64_t state = psc_member_va(k, psc_kernel_sym(k, PSC_SYM_MiState), PSC_FIELD_MI_SYSTEM_INFORMATION_SystemVa);
	uint64_t at = psc_member_va(k, state, PSC_FIELD_MI_SYSTEM_VA_STATE_DynamicBitMapSpecialPool);
	const struct psc_field *f = psc_profile_field(&k->profile, PSC_FIELD_MI_DYNAMIC_BITMAP_BaseVa);
	from_bitmap(k, at, ret);
	if (at != 0 && f && f->struct_size != 0 && k->id.build >= FIRST_VA_TYPES) /* one for each pool */
		from_bitmap(k, at + f->struct_size, ret);
}

void psc_special_regions_add(struct psc_kernel *k, struct psc_pool_regions *ret)
{
	const uint32_t build = k->id.build;
	if (build > PSC_SPECIAL_LAST_BUILD || ret->has_special)
		return;
	if (build < 6000)
		from_variables(k, ret);
	else if (build < 9200 || k->space.is_32bit) /* x86: where the types of address space do not tell */
		from_pte_base(k, ret);
	else if (build < 10240)
		from_bitmap_of_8(k, ret);
	else
		from_mi_state(k, ret);
}

bool psc_special_block_at(struct psc_kernel *k, const struct psc_pool_rules *rules, uint64_t va,
			  struct psc_special_page *ret)
{
	uint8_t page[PSC_PAGE_BYTES];
	return psc_read_va(&k->reader, va & ~(uint64_t)(PSC_PAGE_BYTES - 1), page, sizeof(page)) == sizeof(page) &&
	       psc_special_page_parse(page, rules, ret) && ret->is_fill_clear && ret->at == va % PSC_PAGE_BYTES;
}

bool psc_special_pages_in_use(struct psc_kernel *k, uint64_t *ret)
{
	uint64_t pool = k->id.build >= 10240
				? psc_member_va(k, psc_visible_state_va(k), PSC_FIELD_MI_VISIBLE_STATE_SpecialPool)
				: psc_kernel_sym(k, PSC_SYM_MiSpecialPool);
	uint64_t at = psc_member_va(k, pool, PSC_FIELD_MI_SPECIAL_POOL_PagesInUse);
	return k->id.build <= PSC_SPECIAL_LAST_BUILD && at != 0 && psc_read_ptr(&k->reader, at, ret) &&
	       *ret <= PAGES_IN_USE_MAX;
}

bool psc_special_is_used(struct psc_kernel *k)
{
	uint64_t data = psc_kernel_sym(k, PSC_SYM_MmVerifierData), pages;
	uint64_t at_level = psc_member_va(k, data, PSC_FIELD_MM_DRIVER_VERIFIER_DATA_Level);
	uint64_t at_count = psc_member_va(k, data, PSC_FIELD_MM_DRIVER_VERIFIER_DATA_AllocationsSucceededSpecialPool);
	uint32_t v;
	if (k->id.build == 0 || k->id.build > PSC_SPECIAL_LAST_BUILD)
		return false;
	return (psc_kernel_read_u32(k, PSC_SYM_MmSpecialPoolTag, &v) && v != 0 && v != UINT32_MAX) ||
	       (at_level != 0 && psc_read_u32(&k->reader, at_level, &v) && (v & LEVEL_SPECIAL) != 0) ||
	       (at_count != 0 && psc_read_u32(&k->reader, at_count, &v) && v != 0) ||
	       (psc_special_pages_in_use(k, &pages) && pages != 0);
}
