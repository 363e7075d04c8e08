/* SPDX-License-Identifier: MIT */
/* Where the kernel says its pool is, and how much of it (pool.md 3.3, 9; paging.md 11; kernel.md 15). */
#include "machine.h"
#include <string.h>

struct totals {
	uint64_t nonpaged_pages, paged_pages;
};

static struct totals count_pages(const struct lab_machine *m)
{
	struct totals t = {0};
	for (size_t i = 0; i < m->n_streams; i++)
		*(m->streams[i].pool == LAB_POOL_PAGED ? &t.paged_pages : &t.nonpaged_pages) += m->streams[i].pages;
	if (m->b->heap_backed) {
		/* And a page for each heap's own structure. */
		t.nonpaged_pages = lab_heaps_pages(m, LAB_POOL_NONPAGED) + m->n_heaps - (m->session_heap != NULL);
		t.paged_pages = lab_heaps_pages(m, LAB_POOL_PAGED);
	}
	for (size_t i = 0; i < m->n_bigs; i++)
		if (m->bigs[i].live && m->bigs[i].outside == m->b->heap_backed)
			*(m->bigs[i].pool_type & (m->b->number >= 26100 ? 0x100 : 1) ? &t.paged_pages
										     : &t.nonpaged_pages) +=
				m->bigs[i].n_pages;
	return t;
}

static void write_nt5(struct lab_machine *m)
{
	const struct lab_build *b = m->b;
	lab_set_global(m, "MmNonPagedPoolStart", b->nonpaged_base);
	lab_set_global(m, "MmPagedPoolStart", b->paged_base);
	lab_set_global(m, "MmPagedPoolEnd", b->paged_end - 1);
	lab_set_global(m, "MmNonPagedSystemStart", b->driver_base);
	if (b->nonpaged_expansion) {
		lab_set_global(m, "MmNonPagedPoolEnd0", b->nonpaged_end);
		lab_set_global(m, "MmNonPagedPoolExpansionStart", m->expansion_low);
		lab_set_global(m, "MmNonPagedPoolEnd", m->expansion_high);
		/* First and last entry of the system PTEs, in the self-map; the lab's XP does not say. */
		uint64_t entry = b->mmu == LAB_MMU_PAE ? 8 : 4;
		if (b->number == 3790) {
			lab_set_global(m, "MmSystemPtesStart", 0xc0000000 + (b->driver_base >> 12) * entry);
			lab_set_global(m, "MmSystemPtesEnd", 0xc0000000 + ((m->expansion_low >> 12) - 1) * entry);
		}
	} else {
		lab_set_global(m, "MmNonPagedPoolEnd0", b->nonpaged_end);
		lab_set_global(m, "MmNonPagedPoolEnd", b->nonpaged_end);
	}
}

static void write_nt6(struct lab_machine *m)
{
	const struct lab_build *b = m->b;
	uint64_t end = b->nonpaged_expansion ? m->expansion_high : b->nonpaged_end;
	lab_set_global(m, "MmNonPagedPoolStart", b->nonpaged_base);
	lab_set_global(m, "MiNonPagedPoolStartAligned", b->nonpaged_base);
	lab_set_global(m, "MiNonPagedPoolEnd", end);
	lab_set_global(m, "LabMmPagedPoolStart", b->paged_base);
	lab_set_global(m, "MmPagedPoolEnd", b->paged_end - 1);
	lab_set_global(m, "LabMmNonPagedSystemStart", b->system_pte_base);
}

void lab_set_va_type(struct lab_machine *m, uint64_t from, uint64_t to, uint8_t type)
{
	unsigned shift = lab_mem_mmu(m->mem) == LAB_MMU_PAE ? 21 : 22;
	uint64_t table = lab_global_va(m, "MiSystemVaType");
	for (uint64_t va = from >> shift << shift; va < to; va += (uint64_t)1 << shift)
		lab_put8(m->mem, table + ((va - 0x80000000) >> shift), type);
}

/* One byte per directory entry from MmSystemRangeStart (pool.md 3.3; values: paging.md 11). */
static void write_va_types(struct lab_machine *m)
{
	const struct lab_build *b = m->b;
	lab_set_va_type(m, b->kernel_base, b->pfn_database & ~0x3fffffull, 3);
	lab_set_va_type(m, b->pfn_database & ~0x3fffffull, b->nonpaged_base, 4);
	lab_set_va_type(m, b->nonpaged_base, b->nonpaged_end, 5);
	lab_set_va_type(m, m->expansion_low, m->expansion_high, 5);
	lab_set_va_type(m, b->paged_base, b->paged_end, 6);
	lab_set_va_type(m, b->driver_base, b->system_pte_base, 12);
	lab_set_va_type(m, b->system_pte_base, b->paged_base, 9);
	lab_set_va_type(m, b->session_base, b->session_base + 0x1000000, 1);
	write_nt6(m);
}

static unsigned region_index(const struct lab_build *b, const char *name)
{
	/* paging.md 11: from 20348 the PFN database comes first. */
	unsigned shift = b->number >= 20348 ? 1 : 0;
	if (!strcmp(name, "nonpaged"))
		return shift;
	if (!strcmp(name, "paged"))
		return 1 + shift;
	if (!strcmp(name, "ptes"))
		return 3 + shift;
	if (!strcmp(name, "pfn"))
		return shift ? 0 : 5;
	if (!strcmp(name, "tables"))
		return b->number <= 16299 ? 8 : 9;
	lab_die("no region %s", name);
}

static void put_region(struct lab_machine *m, uint64_t vs, const char *name, uint64_t base, uint64_t bytes,
		       uint8_t type)
{
	uint64_t at = vs + lab_offset(m->b, "_MI_VISIBLE_STATE", "SystemVaRegions") +
		      region_index(m->b, name) * lab_type_size(m->b, "_MI_SYSTEM_VA_ASSIGNMENT");
	lab_put64(m->mem, at, base);
	lab_put64(m->mem, at + 8, bytes);
	/* What it holds with five levels is not known. */
	if (!lab_has_field(m->b, "_MI_VISIBLE_STATE", "SystemVaType") || m->b->mmu == LAB_MMU_LA57)
		return;
	uint64_t types = vs + lab_offset(m->b, "_MI_VISIBLE_STATE", "SystemVaType");
	for (uint64_t va = base; va - base < bytes; va += (uint64_t)1 << 39)
		lab_put8(m->mem, types + ((va >> 39) & 0x1ff) - 0x100, type);
}

static uint64_t mi_state(struct lab_machine *m, const char *member)
{
	return lab_global_va(m, "MiState") + lab_offset(m->b, "_MI_SYSTEM_INFORMATION", member);
}

static void write_node(struct lab_machine *m, struct totals t)
{
	static const char *const old = "_MI_SYSTEM_NODE_INFORMATION", *const pool = "_MI_SYSTEM_NODE_NONPAGED_POOL";
	const struct lab_build *b = m->b;
	uint64_t hardware = mi_state(m, "Hardware"), node = lab_system_bytes(m, 0x1000);
	const char *type = lab_has_field(b, old, "NonPagedPoolFirstVa") ? old : pool;
	lab_put_field(m, hardware, "_MI_HARDWARE_STATE",
		      type == old ? "SystemNodeInformation" : "SystemNodeNonPagedPool", node);
	lab_put_field(m, hardware, "_MI_HARDWARE_STATE", "InvalidPteMask", m->o.invalid_pte_mask);
	lab_put_field(m, node, type, "NonPagedPoolFirstVa", b->nonpaged_base);
	lab_put_field(m, node, type, "NonPagedPoolLastVa", b->nonpaged_end - 1);
	if (type == old)
		lab_put_field(m, node, old, "AllocatedNonPagedPool", t.nonpaged_pages);
}

static void write_mi_state(struct lab_machine *m, struct totals t)
{
	const struct lab_build *b = m->b;
	uint64_t paged_pages = (b->paged_end - b->paged_base) / LAB_PAGE, vs = mi_state(m, "Vs");
	write_node(m, t);
	lab_put_field(m, mi_state(m, "Pools"), "_MI_POOL_STATE", "AllocatedNonPagedPool", t.nonpaged_pages);
	uint64_t bitmap = mi_state(m, "SystemVa") + lab_offset(b, "_MI_SYSTEM_VA_STATE", "DynamicBitMapPagedPool");
	lab_put_field(m, bitmap, "_MI_DYNAMIC_BITMAP", "BaseVa", b->paged_base);
	/* In units of 2 MiB. */
	lab_put_field(m, bitmap, "_MI_DYNAMIC_BITMAP", "MaximumSize", paged_pages / 512);
	lab_put_field(m, vs, "_MI_VISIBLE_STATE", "MaximumNonPagedPoolInPages",
		      (b->nonpaged_end - b->nonpaged_base) / LAB_PAGE);
	lab_put_field(m, vs, "_MI_VISIBLE_STATE", "SizeOfPagedPoolInPages", paged_pages);
	lab_put_field(m, vs, "_MI_VISIBLE_STATE", "NonPagedPoolCommit", t.nonpaged_pages);
	lab_put_field(m, vs + lab_offset(b, "_MI_VISIBLE_STATE", "PagedPoolInfo"), "_MM_PAGED_POOL_INFO",
		      "AllocatedPagedPool", t.paged_pages);
	if (b->ranges != LAB_RANGES_VISIBLE)
		return;
	uint64_t pte_base = lab_pte_base(b);
	/* The enumerators moved by one in 26100 (pool.md 3.3). */
	uint8_t moved = b->number >= 26100;
	put_region(m, vs, "nonpaged", b->nonpaged_base, b->nonpaged_end - b->nonpaged_base, (uint8_t)(5 - moved));
	put_region(m, vs, "paged", b->paged_base, b->paged_end - b->paged_base, (uint8_t)(6 - moved));
	put_region(m, vs, "ptes", b->system_pte_base, (uint64_t)1 << 40, (uint8_t)(9 - moved));
	put_region(m, vs, "pfn", b->pfn_database, (uint64_t)1 << 39, (uint8_t)(4 - moved));
	put_region(m, vs, "tables", pte_base, (uint64_t)1 << (b->mmu == LAB_MMU_LA57 ? 48 : 39), 0);
	lab_set_global(m, "MiVisibleState", vs);
	lab_set_global(m, "MmPteBase", pte_base);
}

void lab_ranges_finish(struct lab_machine *m)
{
	const struct lab_build *b = m->b;
	struct totals t = count_pages(m);
	switch (b->ranges) {
	case LAB_RANGES_KDBG:
		write_nt5(m);
		break;
	case LAB_RANGES_NT6:
		write_nt6(m);
		break;
	case LAB_RANGES_VATYPE_X86:
		write_va_types(m);
		break;
	case LAB_RANGES_NT63:
		lab_set_global(m, "MiPagedPoolStart", b->paged_base);
		lab_set_global(m, "MmPagedPoolEnd", b->paged_end - 1);
		lab_set_global(m, "MmSizeOfPagedPoolInPages", (b->paged_end - b->paged_base) / LAB_PAGE);
		break;
	case LAB_RANGES_MISTATE:
	case LAB_RANGES_VISIBLE:
		write_mi_state(m, t);
		break;
	}
	lab_special_finish(m);
	lab_set_global(m, "MmSizeOfPagedPoolInBytes", b->paged_end - b->paged_base);
	lab_set_global(m, "MmPagedPoolCommit", t.paged_pages);
	lab_set_global(m, "MmAllocatedNonPagedPool", t.nonpaged_pages);
	lab_set_global(m, "MmMaximumNonPagedPoolInBytes",
		       b->nonpaged_end - b->nonpaged_base +
			       (b->nonpaged_expansion ? m->expansion_high - m->expansion_low : 0));
	lab_set_global(m, "MmTotalCommittedPages", t.nonpaged_pages + t.paged_pages + 20000);
	lab_set_global(m, "MmTotalCommitLimit", lab_mem_total_pages(m->mem) * 2);
	lab_set_global(m, "MmNumberOfPhysicalPages", lab_mem_total_pages(m->mem));
	lab_set_global(m, "MmLowestPhysicalPage", 1);
	lab_set_global(m, "MmHighestPhysicalPage", lab_mem_highest_pfn(m->mem));
	lab_set_global(m, "MmAvailablePages", lab_mem_total_pages(m->mem) / 2);
	lab_set_global(m, "MmSystemRangeStart", lab_build_is64(b) ? 0xffff080000000000 : 0x80000000);
	lab_set_global(m, "MmHighestUserAddress",
		       lab_build_is64(b) ? b->number >= 9600 ? 0x7ffffffeffff : 0x7fffffeffff : 0x7ffeffff);
	lab_set_global(m, "MmUserProbeAddress",
		       lab_build_is64(b) ? b->number >= 9600 ? 0x7fffffff0000 : 0x7fffffe0000 : 0x7fff0000);
	if (lab_has_global(m, "MiInvalidPteMask"))
		lab_put64(m->mem, lab_global_va(m, "MiInvalidPteMask"), m->o.invalid_pte_mask);
	if (lab_has_global(m, "MmPagedPoolInfo")) {
		uint64_t info = lab_global_va(m, "MmPagedPoolInfo");
		lab_put_field(m, info, "_MM_PAGED_POOL_INFO", "AllocatedPagedPool", t.paged_pages);
		lab_put_field(m, info, "_MM_PAGED_POOL_INFO", "PagedPoolCommit", t.paged_pages);
	}
	lab_set_global(m, "ExpPoolQuotaCookie", m->quota_cookie);
	/* 17763 runs its legacy allocator here: state 1, no pools (pool.md 6.1). */
	lab_set_global32(m, "ExpHeapBackedPoolEnabledState", b->heap_backed ? 3 : 1);
}
