/* SPDX-License-Identifier: MIT */
/* Where pool pages can be, by version. Reference: pool 3.3; constants of 7, 8 and 8.1 are [1].
 *
 * Ranges that the kernel does not tell are replaced by a part of kernel space in which pages must prove themselves by
 * their block chains (by_bytes). Known false positive of those: cached file data that are copies of pool pages. */
#include "pool/internal.h"
#include "pool/special.h"
#include "util/bytes.h"
#include "util/checked.h"

#include <stdlib.h>

#define X64_PTES_LO       0xfffff68000000000u /* up to 10586 */
#define WIN7_PAGED_LO     0xfffff8a000000000u
#define WIN7_PAGED_LAST   0xfffff8cfffffffffu
#define WIN8_PAGED_LO     0xffffc00000000000u
#define WIN8_PAGED_LAST   0xffffcfffffffffffu
#define WIN8_NONPAGED_LO  0xffffe00000000000u
#define BY_BYTES          "pages of kernel space whose block chains close (range not known)"
#define X86_PTES_LO       0xc0000000u
#define X86_PAGES         0x100000u
#define PAE_ENTRY_SHIFT   21
#define NOPAE_ENTRY_SHIFT 22
#define TYPE_PAGED_PROTO  0x0eu

uint8_t psc_va_type_of_pool(uint32_t build, enum psc_pool pool)
{
	uint8_t nonpaged = build >= 26100 ? 4 : 5;
	return pool == PSC_POOL_NONPAGED ? nonpaged : (uint8_t)(nonpaged + 1);
}

uint8_t psc_va_type_of_special(enum psc_pool pool)
{
	return pool == PSC_POOL_NONPAGED ? 0x0d : 0x07;
}

unsigned psc_assigned_region_of_pool(uint32_t build, enum psc_pool pool)
{
	unsigned nonpaged = build >= 20348 ? 1 : 0;
	return pool == PSC_POOL_NONPAGED ? nonpaged : nonpaged + 1;
}

void psc_pool_regions_add(const struct psc_kernel *k, struct psc_pool_regions *ret, enum psc_pool pool, uint64_t lo,
			  uint64_t last, const char *source, unsigned flags)
{
	lo &= ~(uint64_t)(PSC_PAGE_BYTES - 1);
	last |= PSC_PAGE_BYTES - 1;
	if (lo >= last || !psc_is_kernel_va(&k->space, lo) || !psc_is_kernel_va(&k->space, last))
		return;
	for (size_t i = 0; i < ret->n; i++) {
		const struct psc_pool_region item = ret->items[i];
		uint64_t item_last = item.hi - 1;
		if (last < item.lo || lo > item_last)
			continue;
		/* What is left on either side; each step leaves fewer items to overlap. */
		if (lo < item.lo)
			psc_pool_regions_add(k, ret, pool, lo, item.lo - 1, source, flags);
		if (last > item_last)
			psc_pool_regions_add(k, ret, pool, item_last + 1, last, source, flags);
		return;
	}
	if (ret->n == PSC_POOL_REGIONS_MAX)
		return;
	struct psc_pool_region *r = &ret->items[ret->n++];
	r->pool = pool;
	r->lo = lo;
	r->hi = last + 1;
	r->source = source;
	r->by_bytes = (flags & PSC_REGION_BY_BYTES) != 0;
	r->special = (flags & PSC_REGION_SPECIAL) != 0;
	if (r->special)
		ret->has_special = ret->has_special || !r->by_bytes;
	else if (pool == PSC_POOL_NONPAGED)
		ret->has_nonpaged = true;
	else
		ret->has_paged = true;
}

/* End variables hold either the last byte or the first behind it. */
static uint64_t last_of(uint64_t end)
{
	return end % PSC_PAGE_BYTES == 0 ? end - 1 : end;
}

/* Value of a variable by its address; 0 when not known. */
static uint64_t value_at(struct psc_kernel *k, uint64_t va)
{
	uint64_t v;
	return va != 0 && psc_read_ptr(&k->reader, va, &v) ? v : 0;
}

static uint64_t value_of(struct psc_kernel *k, enum psc_sym s)
{
	return value_at(k, psc_kernel_sym(k, s));
}

static void paged_from_variables(struct psc_kernel *k, struct psc_pool_regions *ret)
{
	uint64_t lo = value_of(k, PSC_SYM_MmPagedPoolStart), end = value_of(k, PSC_SYM_MmPagedPoolEnd);
	if (lo != 0 && end > lo)
		psc_pool_regions_add(k, ret, PSC_POOL_PAGED, lo, last_of(end), "MmPagedPoolStart, MmPagedPoolEnd", 0);
}

/* The expansion lies behind the system PTEs, in which anything may be mapped, pages of the pool too. MmSystemPtesStart
 * and MmSystemPtesEnd hold the first and last entry of them, as addresses in the page tables that map themselves
 * (reference: kernel 2; [1], so both must fit what else is known). 0: not known. */
static uint64_t behind_system_ptes(struct psc_kernel *k, uint64_t system, uint64_t end)
{
	const unsigned entry = k->space.mmu == PSC_MMU_X86_PAE ? 8 : 4;
	uint64_t first = value_at(k, k->kdbg.mm_system_ptes_start), last = value_at(k, k->kdbg.mm_system_ptes_end);
	if (!k->space.is_32bit || system == 0 || first < X86_PTES_LO || last <= first || first % entry != 0 ||
	    last % entry != 0 || last - X86_PTES_LO >= entry * X86_PAGES)
		return 0;
	uint64_t first_va = (first - X86_PTES_LO) / entry * PSC_PAGE_BYTES;
	uint64_t behind = (last - X86_PTES_LO) / entry * PSC_PAGE_BYTES + PSC_PAGE_BYTES;
	return first_va >= system && behind < end ? behind : 0;
}

/* XP and 2003 on x86 have two parts: the initial one in the large-page area, the expansion at the top [2]. */
static void find_nt5(struct psc_kernel *k, struct psc_pool_regions *ret)
{
	uint64_t start = value_of(k, PSC_SYM_MmNonPagedPoolStart), end = value_of(k, PSC_SYM_MmNonPagedPoolEnd);
	uint64_t end0 = value_of(k, PSC_SYM_MmNonPagedPoolEnd0);
	uint64_t expansion = value_of(k, PSC_SYM_MmNonPagedPoolExpansionStart);
	uint64_t system = value_at(k, k->kdbg.mm_nonpaged_system_start);
	uint64_t maximum = value_of(k, PSC_SYM_MmMaximumNonPagedPoolInBytes);
	uint64_t paged = value_of(k, PSC_SYM_MmPagedPoolStart);
	paged_from_variables(k, ret);
	if (start == 0 || end <= start)
		return;
	const char *source = "MmNonPagedPoolExpansionStart or MmNonPagedSystemStart, MmNonPagedPoolEnd";
	if (expansion == 0 && start < system && system < end) {
		expansion = behind_system_ptes(k, system, end);
		if (expansion != 0)
			source = "MmSystemPtesEnd, MmNonPagedPoolEnd";
		else
			expansion = system;
	}
	if (!k->space.is_32bit || expansion <= start || expansion >= end) {
		psc_pool_regions_add(k, ret, PSC_POOL_NONPAGED, start, last_of(end),
				     "MmNonPagedPoolStart, MmNonPagedPoolEnd", 0);
		return;
	}
	psc_pool_regions_add(k, ret, PSC_POOL_NONPAGED, expansion, last_of(end), source, 0);
	if (end0 > start && end0 <= expansion) {
		psc_pool_regions_add(k, ret, PSC_POOL_NONPAGED, start, last_of(end0),
				     "MmNonPagedPoolStart, MmNonPagedPoolEnd0", 0);
		return;
	}
	/* The end of the initial part is not in the debugger data block: the most it can be. */
	uint64_t limit = paged > start && paged < expansion ? paged : expansion;
	if (maximum != 0 && maximum < limit - start)
		limit = start + maximum;
	psc_pool_regions_add(k, ret, PSC_POOL_NONPAGED, start, last_of(limit),
			     "MmNonPagedPoolStart, MmMaximumNonPagedPoolInBytes (end not known)", PSC_REGION_BY_BYTES);
}

static void find_nt6_x64(struct psc_kernel *k, struct psc_pool_regions *ret)
{
	uint64_t lo = value_of(k, PSC_SYM_MiNonPagedPoolStartAligned), end = value_of(k, PSC_SYM_MiNonPagedPoolEnd);
	if (lo != 0 && end > lo)
		psc_pool_regions_add(k, ret, PSC_POOL_NONPAGED, lo, last_of(end),
				     "MiNonPagedPoolStartAligned, MiNonPagedPoolEnd", 0);
	lo = value_of(k, PSC_SYM_MmNonPagedPoolStart);
	end = value_of(k, PSC_SYM_MmNonPagedPoolEnd);
	if (!ret->has_nonpaged && lo != 0 && end > lo)
		psc_pool_regions_add(k, ret, PSC_POOL_NONPAGED, lo, last_of(end),
				     "MmNonPagedPoolStart, MmNonPagedPoolEnd", 0);
	paged_from_variables(k, ret);
	if (!ret->has_paged)
		psc_pool_regions_add(k, ret, PSC_POOL_PAGED, WIN7_PAGED_LO, WIN7_PAGED_LAST,
				     "fixed range of Vista and 7", 0);
}

static void find_nt62_x64(struct psc_kernel *k, struct psc_pool_regions *ret)
{
	uint64_t lo = value_of(k, PSC_SYM_MiPagedPoolStart);
	uint64_t pages = value_of(k, PSC_SYM_MmSizeOfPagedPoolInPages);
	uint64_t size = value_of(k, PSC_SYM_MmSizeOfPagedPoolInBytes), end = value_of(k, PSC_SYM_MmPagedPoolEnd);
	if (pages != 0 && pages < (uint64_t)1 << 36)
		size = pages * PSC_PAGE_BYTES;
	if (lo != 0 && size != 0 && size - 1 <= UINT64_MAX - lo)
		psc_pool_regions_add(k, ret, PSC_POOL_PAGED, lo, lo + (size - 1), "MiPagedPoolStart, MmSizeOfPagedPool",
				     0);
	else if (lo != 0 && end > lo)
		psc_pool_regions_add(k, ret, PSC_POOL_PAGED, lo, last_of(end), "MiPagedPoolStart, MmPagedPoolEnd", 0);
	else
		paged_from_variables(k, ret);
	if (!ret->has_paged)
		psc_pool_regions_add(k, ret, PSC_POOL_PAGED, WIN8_PAGED_LO, WIN8_PAGED_LAST,
				     "usual range of 8 and 8.1, only pages whose block chains prove them",
				     PSC_REGION_BY_BYTES);
	psc_pool_regions_add(k, ret, PSC_POOL_NONPAGED, WIN8_NONPAGED_LO, X64_PTES_LO - 1,
			     "usual range of 8 and 8.1, only pages whose block chains prove them", PSC_REGION_BY_BYTES);
}

void psc_pool_regions_from_va_types(struct psc_kernel *k, uint64_t types_va, const char *source,
				    struct psc_pool_regions *ret)
{
	unsigned shift = k->space.mmu == PSC_MMU_X86 ? NOPAE_ENTRY_SHIFT : PAE_ENTRY_SHIFT;
	uint64_t start = value_of(k, PSC_SYM_MmSystemRangeStart);
	if (start == 0)
		start = 0x80000000u;
	if (start % ((uint64_t)1 << shift) != 0 || start > UINT32_MAX)
		return;
	uint64_t n = (((uint64_t)1 << 32) - start) >> shift;
	/* Paged pool for prototype PTEs had a type of its own: pool_enums.tsv, x86 [V]. */
	bool has_proto_pool = k->id.build >= 9600 && k->id.build < 17134;
	const unsigned n_types = k->id.build <= PSC_SPECIAL_LAST_BUILD ? 4 : 2;
	for (unsigned p = 0; p < n_types; p++) {
		enum psc_pool pool = p % 2 == 0 ? PSC_POOL_NONPAGED : PSC_POOL_PAGED;
		bool special = p >= 2;
		uint8_t want = special ? psc_va_type_of_special(pool) : psc_va_type_of_pool(k->id.build, pool);
		uint64_t first = 0;
		uint8_t also = p == 1 && has_proto_pool ? TYPE_PAGED_PROTO : want;
		bool open = false;
		for (uint64_t i = 0; i <= n; i++) {
			uint8_t type = 0;
			bool is_it =
				i < n && psc_read_u8(&k->reader, types_va + i, &type) && (type == want || type == also);
			if (is_it && !open)
				first = i;
			if (!is_it && open)
				psc_pool_regions_add(k, ret, pool, start + (first << shift), start + (i << shift) - 1,
						     source, special ? PSC_REGION_SPECIAL : 0);
			open = is_it;
		}
	}
}

static void find_x86(struct psc_kernel *k, struct psc_pool_regions *ret)
{
	if (k->id.build < 10240) {
		uint64_t types = psc_kernel_sym(k, PSC_SYM_MiSystemVaType);
		if (types != 0)
			psc_pool_regions_from_va_types(k, types, "MiSystemVaType", ret);
	} else {
		psc_pool_regions_from_mi_state(k, ret);
	}
}

/* log2 of what an entry of the top table covers. */
static unsigned top_shift(const struct psc_kernel *k)
{
	return k->space.mmu == PSC_MMU_X64_LA57 ? 48 : 39;
}

/* Where the page tables show as data. The debugger data block says it from 14393 on; else the one top-level entry that
 * names its own table does (reference: paging 9, 10). 0: not known. */
uint64_t psc_pte_base(struct psc_kernel *k)
{
	uint64_t found = 0;
	unsigned n = 0;
	if (k->id.build < 14393)
		return X64_PTES_LO;
	if (k->kdbg.pte_base != 0 ||
	    (k->space.mmu != PSC_MMU_X64 && k->space.mmu != PSC_MMU_X64_LA57 && k->space.mmu != PSC_MMU_ARM64))
		return k->kdbg.pte_base;
	for (unsigned i = 256; i < 512; i++) {
		uint8_t raw[8];
		if (psc_image_read_pa(k->img, k->space.top_pa + 8u * i, raw, 8) != 8)
			return 0;
		uint64_t e = psc_le64(raw);
		if ((e & 1) == 0 || (e & 0x000ffffffffff000u) != k->space.top_pa)
			continue;
		n++;
		found = 0 - ((uint64_t)(512 - i) << top_shift(k));
	}
	return n == 1 ? found : 0;
}

/* The self-map slot is left out: page tables seen as data. Reference: paging 10. */
static void whole_space(struct psc_kernel *k, enum psc_pool pool, unsigned flags, struct psc_pool_regions *ret)
{
	if (k->space.is_32bit) {
		psc_pool_regions_add(k, ret, pool, 0x80000000u, 0xbfffffffu, BY_BYTES, PSC_REGION_BY_BYTES | flags);
		psc_pool_regions_add(k, ret, pool, 0xc0800000u, 0xffffffffu, BY_BYTES, PSC_REGION_BY_BYTES | flags);
		return;
	}
	uint64_t ptes = psc_pte_base(k), lo = psc_kernel_start(&k->space), slot = (uint64_t)1 << top_shift(k);
	if (ptes < lo || ptes % slot != 0 || ptes > 0 - slot)
		return;
	if (ptes > lo)
		psc_pool_regions_add(k, ret, pool, lo, ptes - 1, BY_BYTES, PSC_REGION_BY_BYTES | flags);
	if (ptes < 0 - slot)
		psc_pool_regions_add(k, ret, pool, ptes + slot, UINT64_MAX, BY_BYTES, PSC_REGION_BY_BYTES | flags);
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = ((const struct psc_pool_region *)a)->lo, y = ((const struct psc_pool_region *)b)->lo;
	return x < y ? -1 : x > y;
}

const struct psc_pool_region *psc_pool_region_at(const struct psc_pool_regions *regions, uint64_t va)
{
	size_t lo = 0, hi = regions->n; /* all below lo end before va, all from hi on end at or behind it */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (regions->items[mid].hi - 1 < va)
			lo = mid + 1;
		else
			hi = mid;
	}
	const struct psc_pool_region *r = lo < regions->n ? &regions->items[lo] : NULL;
	return r && r->lo <= va && !r->special ? r : NULL;
}

static void find(struct psc_kernel *k, struct psc_warnings *warnings, struct psc_pool_regions *ret)
{
	uint32_t build = k->id.build;
	*ret = (struct psc_pool_regions){0};
	if (build == 0)
		return;
	if (build < 6000)
		find_nt5(k, ret);
	else if (!psc_kernel_is_64bit(k))
		find_x86(k, ret);
	else if (build < 9200)
		find_nt6_x64(k, ret);
	else if (build < 10240)
		find_nt62_x64(k, ret);
	else
		psc_pool_regions_from_mi_state(k, ret);
	psc_special_regions_add(k, ret);
	ret->seek_special = !ret->has_special && psc_special_is_used(k);
	if (ret->has_nonpaged && ret->has_paged && !ret->seek_special)
		return;
	/* Only the classic allocator's pages prove themselves. */
	if (k->space.mmu == PSC_MMU_NONE || psc_pool_allocator(k) == PSC_ALLOCATOR_SEGMENT_HEAP)
		return;
	if (ret->seek_special)
		psc_warn(warnings,
			 "special pool is in use, and its address range is not known: pages of kernel space that prove "
			 "to be of it are taken for it");
	if (ret->has_nonpaged && ret->has_paged) {
		whole_space(k, PSC_POOL_NONPAGED, PSC_REGION_SPECIAL, ret);
		return;
	}
	enum psc_pool missing = ret->has_nonpaged ? PSC_POOL_PAGED : PSC_POOL_NONPAGED;
	bool both = !ret->has_nonpaged && !ret->has_paged;
	whole_space(k, missing, 0, ret);
	/* Their headers tell the pools apart. */
	if (both && ret->has_nonpaged) {
		ret->has_paged = true;
		for (size_t i = 0; i < ret->n; i++)
			ret->items[i].either = !ret->items[i].special;
	}
	if (ret->has_nonpaged && ret->has_paged)
		psc_warn(warnings,
			 "the address range of the %s is not known: kernel space is searched for pool pages instead",
			 both                        ? "pools"
			 : missing == PSC_POOL_PAGED ? "paged pool"
						     : "nonpaged pool");
}

void psc_pool_regions_find(struct psc_kernel *k, struct psc_warnings *warnings, struct psc_pool_regions *ret)
{
	find(k, warnings, ret);
	if (ret->n == PSC_POOL_REGIONS_MAX)
		psc_warn(warnings, "the pools have more than %u address ranges: the rest is not walked",
			 (unsigned)PSC_POOL_REGIONS_MAX);
	if (ret->n > 1)
		qsort(ret->items, ret->n, sizeof(ret->items[0]), by_address);
}
