/* SPDX-License-Identifier: MIT */
/* 64-bit entries: PAE, four and five levels (reference: paging 3.2-3.4, 4, 5). */
#include "paging/entry.h"

/* Hardware (reference: paging 3.3 [V]); more in entry.h. */
#define X64_UNCACHED   0x18u
#define X64_LARGE      0x80u
#define X64_RSVD_2M    0x00000000001fe000u
#define X64_RSVD_1G    0x000000003fffe000u
#define PAE_PDPTE_RSVD 0x1e6u

/* Software (reference: paging 4 [V]). */
#define SOFT_SWIZZLE    0x10u
#define SOFT_PROTOTYPE  0x400u
#define SOFT_TRANSITION 0x800u

/* Layout and mask are a guess: a frame above all memory then has one high bit too many, whichever way the guess went;
 * in the old layout too, because servicing brought the new one to builds that shipped with the old one. Masks sit at
 * the top of the address bits, bit 45 in all that are known (reference: paging 4 [1]). */
static uint64_t settle_guess(const struct psc_space *sp, uint64_t pa)
{
	if (sp->softpte.known || pa >> PSC_PAGE_SHIFT <= sp->highest_pfn)
		return pa;
	for (unsigned bit = 51; bit >= 39; bit--) {
		uint64_t b = (uint64_t)1 << bit;
		if (pa & b)
			return (pa & ~b) >> PSC_PAGE_SHIFT <= sp->highest_pfn ? pa & ~b : pa;
	}
	return pa;
}

static bool is_proto_va(const struct psc_space *sp, uint64_t va)
{
	return psc_is_kernel_va(sp, va) && (va & 7) == 0;
}

/* raw: as stored, e: un-swizzled. Fields: ProtoAddress[16:48], on PAE [32:32] (reference: paging 4 [V], 4.1 [2]);
 * placeholders: paging 5. */
static struct psc_entry decode_prototype(const struct psc_space *sp, uint64_t raw, uint64_t e)
{
	struct psc_entry en = {.kind = PSC_ENTRY_OTHER, .state = PSC_VA_PROTOTYPE};
	if (raw >> 32 == 0xffffffffu || e >> 32 == 0xffffffffu)
		return en;
	uint64_t va = e >> 32;
	if (!sp->is_32bit) {
		if ((e & 0xffff80000000000fu) == 0xffff800000000000u)
			return en;
		va = e >> 16 | ((e & X64_NX) != 0 ? 0xffff000000000000u : 0);
	}
	if (!is_proto_va(sp, va)) {
		en.state = PSC_VA_CORRUPT;
		return en;
	}
	en.kind = PSC_ENTRY_PROTOTYPE;
	en.proto_va = va;
	return en;
}

static struct psc_entry decode_invalid(const struct psc_space *sp, uint64_t raw)
{
	struct psc_entry none = {.kind = PSC_ENTRY_OTHER, .state = PSC_VA_NOT_MAPPED};
	if (raw == 0)
		return none;
	bool new_layout = sp->softpte.new_layout;
	bool swizzled = new_layout && (raw & SOFT_SWIZZLE) == 0;
	uint64_t e = swizzled ? raw ^ (sp->softpte.invalid_pte_mask & ~(uint64_t)0xfff) : raw;
	unsigned protection = (unsigned)(e >> 5) & 0x1f;
	if (e & SOFT_PROTOTYPE)
		return decode_prototype(sp, raw, e);
	if (e & SOFT_TRANSITION) {
		uint64_t pa = e & X64_FRAME;
		return psc_entry_transition(protection, raw & SOFT_SWIZZLE ? pa : settle_guess(sp, pa));
	}
	/* PageFileLow[12:4] (old: [1:4]), PageFileHigh[32:32]. Constants such as a demand-zero entry may be stored
	 * without the mask: a slot whose bits equal the mask's would have been stored with SwizzleBit set. */
	uint32_t file = (uint32_t)(e >> (new_layout ? 12 : 1)) & 0xf;
	uint64_t page = e >> 32;
	return psc_entry_software(sp, protection, file, page, file == 0 && (page == 0 || raw >> 32 == 0));
}

static struct psc_entry corrupt(void)
{
	struct psc_entry en = {.kind = PSC_ENTRY_OTHER, .state = PSC_VA_CORRUPT};
	return en;
}

struct psc_entry psc_entry_decode_x64(const struct psc_space *sp, unsigned level, uint64_t e)
{
	/* Valid before LargePage: bit 7 of a transition entry belongs to Protection. */
	if ((e & X64_VALID) == 0) {
		struct psc_entry en = decode_invalid(sp, e);
		return level > 0 ? psc_entry_upper(en) : en;
	}
	struct psc_entry en = {.kind = PSC_ENTRY_PAGE, .state = PSC_VA_PRESENT, .pa = e & X64_FRAME};
	en.is_nx = (e & X64_NX) != 0;
	en.is_uncached = (e & X64_UNCACHED) != 0;
	en.is_writable = (e & (X64_WRITE | X64_SOFT_WRITE)) != 0;
	if (level == 0)
		return en;
	if (level == 2 && sp->mmu == PSC_MMU_X86_PAE) {
		if (e & PAE_PDPTE_RSVD)
			return corrupt();
		en.kind = PSC_ENTRY_TABLE;
		en.is_nx = false;
		en.is_writable = true;
		return en;
	}
	if ((e & X64_LARGE) == 0) {
		en.kind = PSC_ENTRY_TABLE;
		en.is_writable = (e & X64_WRITE) != 0;
		return en;
	}
	/* bit 12 of a large entry is PAT */
	uint64_t reserved = level == 1 ? X64_RSVD_2M : X64_RSVD_1G;
	if (level > 2 || (e & reserved) != 0)
		return corrupt();
	en.pa &= ~(reserved | 0x1000);
	return en;
}
