/* SPDX-License-Identifier: MIT */
/* Windows' non-valid PTEs, both generations: paging.md section 4 (x64) and 4.1 (x86); ARM64: see mem.h. */
#include "mem_private.h"

#define SWIZZLE    UINT64_C(0x10)
#define PROTOTYPE  UINT64_C(0x400)
#define TRANSITION UINT64_C(0x800)

/* A page number for the page file that depends on the page only; never 0, that would be demand-zero. */
static uint64_t pagefile_page(uint64_t argument)
{
	return (argument & 0xfffff) | 1;
}

static uint64_t encode_x86(enum lab_pte_state state, uint64_t protection, uint64_t argument)
{
	switch (state) {
	case LAB_PTE_TRANSITION:
		return TRANSITION | protection << 5 | (argument & 0xfffff) << 12;
	case LAB_PTE_PAGED_OUT:
		return protection << 5 | pagefile_page(argument) << 12;
	case LAB_PTE_DEMAND_ZERO:
		return protection << 5;
	case LAB_PTE_PROTOTYPE:
		/* The Vista/7 form; XP's needs the pool's start and is not built. */
		return PROTOTYPE | (argument & 0x3fc) >> 1 | (argument & 0x7ffffc00) << 1;
	case LAB_PTE_PRESENT:
		break;
	}
	lab_die("not a software PTE state: %d", (int)state);
}

static uint64_t encode_old(const struct lab_mem *m, enum lab_pte_state state, uint64_t protection, uint64_t argument)
{
	switch (state) {
	case LAB_PTE_TRANSITION:
		return TRANSITION | protection << 5 | argument << 12 | (protection == 4 ? 2 : 0);
	case LAB_PTE_PAGED_OUT:
		return protection << 5 | pagefile_page(argument) << 32;
	case LAB_PTE_DEMAND_ZERO:
		return protection << 5;
	case LAB_PTE_PROTOTYPE:
		return PROTOTYPE | protection << 11 | argument << (m->mmu == LAB_MMU_PAE ? 32 : 16);
	case LAB_PTE_PRESENT:
		break;
	}
	lab_die("not a software PTE state: %d", (int)state);
}

static uint64_t encode_new(const struct lab_mem *m, enum lab_pte_state state, uint64_t protection, uint64_t argument)
{
	uint64_t e = 0;

	switch (state) {
	case LAB_PTE_TRANSITION:
		e = TRANSITION | protection << 5 | argument << 12 | (protection == 4 ? 2 : 0);
		break;
	case LAB_PTE_PAGED_OUT: /* PageFileAllocated; page file 0 in [12:4] */
		e = 4 | protection << 5 | pagefile_page(argument) << 32;
		break;
	case LAB_PTE_DEMAND_ZERO:
		e = protection << 5;
		break;
	case LAB_PTE_PROTOTYPE:
		e = PROTOTYPE | protection << 5 | argument << (m->mmu == LAB_MMU_PAE ? 32 : 16);
		break;
	case LAB_PTE_PRESENT:
		lab_die("not a software PTE state: %d", (int)state);
	}
	/* Bits of the mask that are already set make the inversion pointless: stored as is, and marked so. */
	if (m->invalid_pte_mask == 0)
		return e;
	return (e & m->invalid_pte_mask) != 0 ? e | SWIZZLE : e ^ m->invalid_pte_mask;
}

/* Protection[1:5] PageFileLow[6:4] PageFileAllocated 13 PageFileHigh[32:32]; ProtoAddress[16:48] */
static uint64_t encode_arm64(enum lab_pte_state state, uint64_t protection, uint64_t argument)
{
	switch (state) {
	case LAB_PTE_TRANSITION:
		return TRANSITION | protection << 1 | argument << 12;
	case LAB_PTE_PAGED_OUT:
		return UINT64_C(0x2000) | protection << 1 | pagefile_page(argument) << 32;
	case LAB_PTE_DEMAND_ZERO:
		return protection << 1;
	case LAB_PTE_PROTOTYPE:
		return PROTOTYPE | protection << 1 | argument << 16;
	case LAB_PTE_PRESENT:
		break;
	}
	lab_die("not a software PTE state: %d", (int)state);
}

uint64_t lab_softpte_encode(const struct lab_mem *m, enum lab_pte_state state, unsigned protection, uint64_t argument)
{
	if (m->mmu == LAB_MMU_X86)
		return encode_x86(state, protection, argument);
	if (m->mmu == LAB_MMU_ARM64)
		return encode_arm64(state, protection, argument);
	if (m->mmu == LAB_MMU_PAE && state == LAB_PTE_PROTOTYPE)
		argument &= UINT32_MAX;
	return m->softpte == LAB_SOFTPTE_OLD ? encode_old(m, state, protection, argument)
					     : encode_new(m, state, protection, argument);
}

static uint64_t unswizzle(const struct lab_mem *m, uint64_t e)
{
	if (m->mmu == LAB_MMU_X86 || m->softpte != LAB_SOFTPTE_NEW || (e & SWIZZLE) != 0 || e == 0)
		return e;
	return e ^ m->invalid_pte_mask;
}

bool lab_softpte_transition(const struct lab_mem *m, uint64_t entry, uint64_t *ret_pfn)
{
	if ((entry & (LAB_PTE_VALID | PROTOTYPE | TRANSITION)) != TRANSITION)
		return false;
	*ret_pfn = (unswizzle(m, entry) & LAB_PA_MASK) >> 12;
	return true;
}

unsigned lab_softpte_protection(const struct lab_mem *m, uint64_t entry)
{
	const bool prototype = (entry & PROTOTYPE) != 0;

	if (m->mmu == LAB_MMU_ARM64)
		return (unsigned)(entry >> 1 & 0x1f);
	if (m->mmu == LAB_MMU_X86 && prototype)
		return 4;
	if (m->softpte == LAB_SOFTPTE_OLD && prototype)
		return (unsigned)(entry >> 11 & 0x1f);
	return (unsigned)(unswizzle(m, entry) >> 5 & 0x1f);
}
