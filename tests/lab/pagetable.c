/* SPDX-License-Identifier: MIT */
/* Page tables in the machine's own RAM: paging.md sections 3 (formats) and 10 (self-map). */
#include "mem_private.h"
#include <string.h>

#define X86_SELF_SLOT 0x300u

static unsigned top_level(const struct lab_mem *m)
{
	switch (m->mmu) {
	case LAB_MMU_X86:
		return 2;
	case LAB_MMU_PAE:
		return 3;
	case LAB_MMU_X64:
	case LAB_MMU_ARM64:
		return 4;
	case LAB_MMU_LA57:
		return 5;
	}
	lab_die("unknown MMU %d", (int)m->mmu);
}

static bool is_32bit(const struct lab_mem *m)
{
	return m->mmu == LAB_MMU_X86 || m->mmu == LAB_MMU_PAE;
}

static bool is_canonical(const struct lab_mem *m, uint64_t va)
{
	const unsigned bits = m->mmu == LAB_MMU_LA57 ? 57 : 48;

	if (is_32bit(m)) /* a sign-extended address is accepted as well */
		return va <= UINT32_MAX || va >= UINT64_C(0xffffffff80000000);
	return va >> (bits - 1) == 0 || va >> (bits - 1) == UINT64_MAX >> (bits - 1);
}

static unsigned level_shift(const struct lab_mem *m, unsigned level)
{
	return 12 + (level - 1) * (m->mmu == LAB_MMU_X86 ? 10 : 9);
}

static uint64_t entry_offset(const struct lab_mem *m, uint64_t va, unsigned level)
{
	const unsigned shift = level_shift(m, level);

	if (m->mmu == LAB_MMU_X86)
		return (va >> shift & 0x3ff) * 4;
	if (m->mmu == LAB_MMU_PAE && level == 3)
		return (va >> shift & 3) * 8;
	return (va >> shift & 0x1ff) * 8;
}

static uint64_t read_entry(const struct lab_mem *m, uint64_t pa)
{
	const uint8_t *page = lab_mem_frame_peek(m, pa / LAB_PAGE_BYTES);
	uint64_t e = 0;

	if (page == NULL)
		return 0;
	for (unsigned i = m->mmu == LAB_MMU_X86 ? 4 : 8; i-- > 0;)
		e = e << 8 | page[pa % LAB_PAGE_BYTES + i];
	return e;
}

static void write_entry(struct lab_mem *m, uint64_t pa, uint64_t e)
{
	uint8_t *page = lab_mem_frame(m, pa / LAB_PAGE_BYTES);

	if (page == NULL)
		lab_die("page table outside RAM at PA %#llx", (unsigned long long)pa);
	for (unsigned i = 0; i < (m->mmu == LAB_MMU_X86 ? 4u : 8u); i++)
		page[pa % LAB_PAGE_BYTES + i] = (uint8_t)(e >> (8 * i));
}

/* A valid entry that is itself a leaf. Only entries above level 1 have the large bit; in a PTE it is PAT. */
static bool is_large(const struct lab_mem *m, uint64_t e, unsigned level)
{
	const unsigned highest = is_32bit(m) ? 2 : 3;

	if (m->mmu == LAB_MMU_ARM64)
		return level >= 2 && level <= highest && (e & LAB_ARM64_NOT_BLOCK) == 0;
	return level >= 2 && level <= highest && (e & LAB_PTE_LARGE) != 0;
}

/* Physical address of the table an upper entry names; page-table pages can be in transition too. */
static bool table_of(const struct lab_mem *m, uint64_t e, uint64_t *ret_pa)
{
	uint64_t pfn;

	if ((e & LAB_PTE_VALID) != 0)
		*ret_pa = e & (m->mmu == LAB_MMU_ARM64 ? LAB_ARM64_PA_MASK : LAB_PA_MASK);
	else if (lab_softpte_transition(m, e, &pfn))
		*ret_pa = pfn * LAB_PAGE_BYTES;
	else
		return false;
	return true;
}

/* Where the entry of this level is, or LAB_NO_PA when an upper level does not lead there. */
static uint64_t find_entry(const struct lab_mem *m, uint64_t va, unsigned level)
{
	uint64_t table = m->dtb;

	if (!is_canonical(m, va))
		return LAB_NO_PA;
	for (unsigned l = top_level(m); l > level; l--) {
		const uint64_t e = read_entry(m, table + entry_offset(m, va, l));

		if ((e & LAB_PTE_VALID) != 0 && is_large(m, e, l))
			return LAB_NO_PA;
		if (!table_of(m, e, &table))
			return LAB_NO_PA;
	}
	return table + entry_offset(m, va, level);
}

/* Bits 52-62 belong to Windows (working-set index or age), also in valid entries: paging.md section 3.3. */
static uint64_t software_bits(const struct lab_mem *m, uint64_t va)
{
	uint64_t state = va / LAB_PAGE_BYTES;

	if (is_32bit(m))
		return 0;
	if (m->mmu == LAB_MMU_ARM64) /* bits 56 to 58 */
		return (lab_rand(&state) & 7) << 56;
	return (lab_rand(&state) & 0x7ff) << 52;
}

static uint64_t table_entry(const struct lab_mem *m, uint64_t pfn, unsigned level)
{
	const uint64_t bits = LAB_PTE_RW | LAB_PTE_ACCESSED | LAB_PTE_DIRTY | LAB_PTE_SOFT_WRITE;

	if (m->mmu == LAB_MMU_ARM64)
		return pfn << 12 | LAB_PTE_VALID | LAB_ARM64_NOT_BLOCK | LAB_ARM64_SHAREABLE | LAB_ARM64_ACCESSED;
	if (m->mmu == LAB_MMU_PAE && level == 3) /* all other low bits are reserved */
		return pfn << 12 | LAB_PTE_VALID;
	if (!is_32bit(m) && m->softpte == LAB_SOFTPTE_NEW)
		return UINT64_C(0x0a) << 56 | pfn << 12 | bits | LAB_PTE_VALID;
	return pfn << 12 | bits | LAB_PTE_VALID;
}

/* find_entry that builds the missing tables. */
static uint64_t make_entry(struct lab_mem *m, uint64_t va, unsigned level, unsigned flags)
{
	uint64_t table = m->dtb;

	if (!is_canonical(m, va))
		lab_die("VA %#llx is not canonical", (unsigned long long)va);
	for (unsigned l = top_level(m); l > level; l--) {
		const uint64_t at = table + entry_offset(m, va, l);
		uint64_t e = read_entry(m, at);

		if (e == 0) {
			e = table_entry(m, lab_mem_alloc_frame(m), l);
			write_entry(m, at, e);
		}
		if ((e & LAB_PTE_VALID) != 0 && is_large(m, e, l))
			lab_die("VA %#llx lies in a large page", (unsigned long long)va);
		if ((flags & LAB_MAP_USER) != 0 && (e & LAB_PTE_OWNER) == 0 && m->mmu != LAB_MMU_ARM64 &&
		    !(m->mmu == LAB_MMU_PAE && l == 3)) {
			e |= LAB_PTE_OWNER;
			write_entry(m, at, e);
		}
		if (!table_of(m, e, &table))
			lab_die("level %u entry of VA %#llx leads nowhere", l, (unsigned long long)va);
	}
	return table + entry_offset(m, va, level);
}

void lab_pagetable_init(struct lab_mem *m)
{
	if (m->mmu == LAB_MMU_PAE) {
		/* XP's habit: the four directories follow the page of the PDPT. CR3 holds 32 bits, 32-byte aligned. */
		const uint64_t pfn = lab_mem_alloc_below(m, 5, 1, UINT64_C(1) << 20);
		const uint64_t offset = lab_rand(&m->rng) % (LAB_PAGE_BYTES / 32) * 32;

		m->dtb = pfn * LAB_PAGE_BYTES + offset;
		for (unsigned i = 0; i < 4; i++) {
			write_entry(m, m->dtb + i * 8, table_entry(m, pfn + 1 + i, 3));
			write_entry(m, (pfn + 4) * LAB_PAGE_BYTES + i * 8, table_entry(m, pfn + 1 + i, 2));
			(void)lab_mem_frame(m, pfn + 1 + i);
		}
		return;
	}
	m->dtb = lab_mem_alloc_frame(m) * LAB_PAGE_BYTES;
	if (m->mmu == LAB_MMU_X86) {
		write_entry(m, m->dtb + X86_SELF_SLOT * 4, table_entry(m, m->dtb / LAB_PAGE_BYTES, 2));
		return;
	}
	if (m->self_map_slot >= 0x200 || (m->self_map_slot != 0 && m->self_map_slot < 0x100))
		lab_die("self-map slot %#x is not in the kernel half", m->self_map_slot);
	(void)lab_mem_frame(m, m->dtb / LAB_PAGE_BYTES);
	if (m->self_map_slot != 0) {
		uint64_t e = table_entry(m, m->dtb / LAB_PAGE_BYTES, top_level(m));

		if (m->softpte == LAB_SOFTPTE_NEW)
			e |= LAB_PTE_NX;
		if (m->mmu == LAB_MMU_ARM64)
			e |= LAB_ARM64_PXN | LAB_ARM64_UXN;
		write_entry(m, m->dtb + m->self_map_slot * 8u, e);
	}
}

/* A page that may be written to is read-only to the processor until it is: some are clean. */
static uint64_t valid_entry_arm64(const struct lab_mem *m, uint64_t va, uint64_t pfn, unsigned flags)
{
	const bool user = (flags & LAB_MAP_USER) != 0, nx = (flags & LAB_MAP_NX) != 0;
	const bool clean = (flags & LAB_MAP_WRITE) == 0 || (va >> 12) % 7 == 3;
	uint64_t e = pfn << 12 | LAB_PTE_VALID | LAB_ARM64_SHAREABLE | LAB_ARM64_ACCESSED;

	e |= (flags & LAB_MAP_WRITE) != 0 ? LAB_ARM64_WRITABLE : 0;
	e |= clean ? LAB_ARM64_READ_ONLY : 0;
	e |= user ? LAB_ARM64_USER : 0;
	e |= (flags & LAB_MAP_GLOBAL) != 0 ? 0 : LAB_ARM64_NOT_GLOBAL;
	e |= user || nx ? LAB_ARM64_PXN : 0;
	e |= !user || nx ? LAB_ARM64_UXN : 0;
	return (flags & LAB_MAP_LARGE) != 0 ? e : e | LAB_ARM64_NOT_BLOCK | software_bits(m, va);
}

static uint64_t valid_entry(const struct lab_mem *m, uint64_t va, uint64_t pfn, unsigned flags)
{
	if (m->mmu == LAB_MMU_ARM64)
		return valid_entry_arm64(m, va, pfn, flags);
	uint64_t e = pfn << 12 | LAB_PTE_VALID | LAB_PTE_ACCESSED;

	if ((flags & LAB_MAP_WRITE) != 0)
		e |= LAB_PTE_RW | LAB_PTE_DIRTY | LAB_PTE_SOFT_WRITE;
	if ((flags & LAB_MAP_USER) != 0)
		e |= LAB_PTE_OWNER;
	if ((flags & LAB_MAP_GLOBAL) != 0)
		e |= LAB_PTE_GLOBAL;
	if ((flags & LAB_MAP_NX) != 0 && m->mmu != LAB_MMU_X86)
		e |= LAB_PTE_NX;
	if ((flags & LAB_MAP_LARGE) != 0)
		e |= LAB_PTE_LARGE;
	else
		e |= software_bits(m, va);
	return e;
}

static uint64_t large_pages(const struct lab_mem *m)
{
	return m->mmu == LAB_MMU_X86 ? 1024 : 512;
}

void lab_mem_map_pfn(struct lab_mem *m, uint64_t va, uint64_t pfn, unsigned flags)
{
	const bool large = (flags & LAB_MAP_LARGE) != 0;
	const uint64_t align = large ? large_pages(m) : 1;
	uint64_t at;

	if (va % (align * LAB_PAGE_BYTES) != 0 || pfn % align != 0)
		lab_die("mapping of VA %#llx to PFN %#llx is not aligned", (unsigned long long)va,
			(unsigned long long)pfn);
	if (m->mmu == LAB_MMU_X86 && pfn >> 20 != 0)
		lab_die("PFN %#llx is beyond a 32-bit PTE", (unsigned long long)pfn);
	at = make_entry(m, va, large ? 2 : 1, flags);
	if (read_entry(m, at) != 0)
		lab_die("VA %#llx is mapped already", (unsigned long long)va);
	write_entry(m, at, valid_entry(m, va, pfn, flags));
}

void lab_mem_map(struct lab_mem *m, uint64_t va, uint64_t size_bytes, unsigned flags)
{
	const bool large = (flags & LAB_MAP_LARGE) != 0;
	const uint64_t step_pages = large ? large_pages(m) : 1;
	const uint64_t step = step_pages * LAB_PAGE_BYTES;

	if (va % step != 0)
		lab_die("mapping at VA %#llx is not aligned", (unsigned long long)va);
	for (uint64_t at = 0; at < size_bytes; at += step) {
		const uint64_t pfn = large ? lab_mem_alloc_frames(m, step_pages, step_pages) : lab_mem_alloc_frame(m);

		lab_mem_map_pfn(m, va + at, pfn, flags);
	}
}

uint64_t lab_mem_pa(const struct lab_mem *m, uint64_t va)
{
	uint64_t table = m->dtb;

	if (!is_canonical(m, va))
		return LAB_NO_PA;
	for (unsigned l = top_level(m); l > 0; l--) {
		const uint64_t e = read_entry(m, table + entry_offset(m, va, l));
		const uint64_t low = (UINT64_C(1) << level_shift(m, l)) - 1;

		if ((e & LAB_PTE_VALID) != 0 && is_large(m, e, l))
			return (e & (m->mmu == LAB_MMU_ARM64 ? LAB_ARM64_PA_MASK : LAB_PA_MASK) & ~low) | (va & low);
		if (!table_of(m, e, &table))
			return LAB_NO_PA;
	}
	return table | va % LAB_PAGE_BYTES;
}

bool lab_mem_is_mapped(const struct lab_mem *m, uint64_t va)
{
	return lab_mem_pa(m, va) != LAB_NO_PA;
}

void lab_mem_unmap(struct lab_mem *m, uint64_t va)
{
	const uint64_t at = find_entry(m, va, 1), old = at != LAB_NO_PA ? read_entry(m, at) : 0;

	if ((old & LAB_PTE_VALID) == 0)
		lab_die("VA %#llx has no page to take away", (unsigned long long)va);
	lab_mem_release_frame(m, (old & LAB_ARM64_PA_MASK) >> 12);
	write_entry(m, at, 0);
}

uint64_t lab_mem_raw_entry(const struct lab_mem *m, uint64_t va, unsigned level)
{
	uint64_t at;

	if (level == 0 || level > top_level(m))
		lab_die("no page-table level %u", level);
	at = find_entry(m, va, level);
	return at != LAB_NO_PA ? read_entry(m, at) : 0;
}

void lab_mem_set_raw_entry(struct lab_mem *m, uint64_t va, unsigned level, uint64_t value)
{
	if (level == 0 || level > top_level(m))
		lab_die("no page-table level %u", level);
	write_entry(m, make_entry(m, va, level, 0), value);
}

/* Windows' protection code (paging.md section 4) of a valid entry. */
static unsigned protection_of(const struct lab_mem *m, uint64_t e)
{
	const bool write = (e & (m->mmu == LAB_MMU_ARM64 ? LAB_ARM64_WRITABLE : LAB_PTE_RW)) != 0;

	if (m->mmu == LAB_MMU_ARM64)
		return ((e & LAB_ARM64_PXN) != 0 && (e & LAB_ARM64_UXN) != 0) ? (write ? 4 : 1) : (write ? 6 : 3);
	if (m->mmu == LAB_MMU_X86 || (e & LAB_PTE_NX) != 0)
		return write ? 4 : 1;
	return write ? 6 : 3;
}

static unsigned flags_of_protection(const struct lab_mem *m, unsigned protection, uint64_t va)
{
	unsigned flags = 0;

	if ((protection & 7) == 4 || (protection & 7) == 6)
		flags |= LAB_MAP_WRITE;
	if (m->mmu != LAB_MMU_X86 && ((protection & 7) == 1 || (protection & 7) == 4))
		flags |= LAB_MAP_NX;
	if (is_32bit(m) ? (va & UINT32_MAX) < UINT32_C(0x80000000) : va >> 63 == 0)
		flags |= LAB_MAP_USER;
	return flags;
}

void lab_mem_set_state(struct lab_mem *m, uint64_t va, enum lab_pte_state state, uint64_t proto_va)
{
	const uint64_t at = find_entry(m, va, 1);
	const uint64_t old = at != LAB_NO_PA ? read_entry(m, at) : 0;
	const bool valid = (old & LAB_PTE_VALID) != 0;
	uint64_t pfn = (old & LAB_ARM64_PA_MASK) >> 12, random = va;
	const bool has_frame = old != 0 && (valid || lab_softpte_transition(m, old, &pfn));
	unsigned protection;

	if (old == 0)
		lab_die("VA %#llx has no 4 KiB PTE to change", (unsigned long long)va);
	protection = valid ? protection_of(m, old) : lab_softpte_protection(m, old);
	switch (state) {
	case LAB_PTE_PRESENT:
		if (!valid) {
			if (!has_frame)
				pfn = lab_mem_alloc_frame(m);
			write_entry(m, at, valid_entry(m, va, pfn, flags_of_protection(m, protection, va)));
		}
		return;
	case LAB_PTE_TRANSITION:
		if (!has_frame)
			lab_die("VA %#llx has no frame to put in transition", (unsigned long long)va);
		write_entry(m, at, lab_softpte_encode(m, state, protection, pfn));
		return;
	case LAB_PTE_PROTOTYPE: /* the frame stays: it belongs to the prototype now */
		write_entry(m, at, lab_softpte_encode(m, state, protection, proto_va));
		return;
	case LAB_PTE_PAGED_OUT:
	case LAB_PTE_DEMAND_ZERO:
		if (has_frame)
			lab_mem_release_frame(m, pfn);
		write_entry(m, at, lab_softpte_encode(m, state, protection, lab_rand(&random)));
		return;
	}
	lab_die("unknown PTE state %d", (int)state);
}

void lab_mem_map_demand_zero(struct lab_mem *m, uint64_t va, unsigned flags)
{
	uint64_t at, random = va;

	lab_mem_map_pfn(m, va, 0, flags & ~(unsigned)LAB_MAP_LARGE);
	at = find_entry(m, va, 1);
	write_entry(m, at,
		    lab_softpte_encode(m, LAB_PTE_DEMAND_ZERO, protection_of(m, read_entry(m, at)), lab_rand(&random)));
}
