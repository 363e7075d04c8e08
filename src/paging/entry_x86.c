/* SPDX-License-Identifier: MIT */
/* 32-bit entries without PAE (reference: paging 3.1 [2], 4.1 [2]), and what all formats share. */
#include "paging/entry.h"

#define X86_VALID      0x1u
#define X86_WRITE      0x2u
#define X86_UNCACHED   0x18u /* PWT, PCD */
#define X86_LARGE      0x80u
#define X86_PROTOTYPE  0x400u
#define X86_TRANSITION 0x800u /* in a valid entry: Windows' own Write bit */
#define X86_FRAME      0xfffff000u
#define X86_FRAME_4M   0xffc00000u
#define X86_4M_RSVD    0x200000u

/* Protection[5:5] (reference: paging 4 [1]): the low three bits are 1 RO, 2 X, 3 XR, 4 RW, 5 write-copy, 6 and 7 the
 * executable twins; 0x10 and 0x18 without access mark decommitted and no-access pages. */
#define PROT_EXECUTE   0x2u
#define PROT_WRITE     0x4u
#define PROT_DECOMMIT  0x10u
#define PROT_NO_ACCESS 0x18u

struct psc_entry psc_entry_transition(unsigned protection, uint64_t pa)
{
	struct psc_entry en = {.kind = PSC_ENTRY_PAGE, .state = PSC_VA_TRANSITION, .pa = pa};
	en.is_nx = (protection & PROT_EXECUTE) == 0;
	en.is_writable = (protection & PROT_WRITE) != 0;
	return en;
}

/* What is in a page file that was given is as good as in transition. */
struct psc_entry psc_entry_software(const struct psc_space *sp, unsigned protection, uint32_t file, uint64_t page,
				    bool no_slot)
{
	struct psc_entry en = {.kind = PSC_ENTRY_OTHER, .state = PSC_VA_PAGED_OUT};
	uint64_t pa;
	if (no_slot) {
		bool guard = protection == PROT_DECOMMIT || protection == PROT_NO_ACCESS;
		en.state = guard ? PSC_VA_NOT_MAPPED : PSC_VA_DEMAND_ZERO;
		return en;
	}
	if (psc_image_pagefile_pa(sp->img, file, page, &pa))
		return psc_entry_transition(protection, pa);
	en.pagefile_number = file;
	en.pagefile_page = page;
	return en;
}

struct psc_entry psc_entry_upper(struct psc_entry en)
{
	if (en.kind == PSC_ENTRY_PAGE) {
		en.kind = PSC_ENTRY_TABLE;
		en.is_nx = false;
		en.is_writable = true;
	} else if (en.kind == PSC_ENTRY_PROTOTYPE || en.state == PSC_VA_PAGED_OUT || en.state == PSC_VA_PROTOTYPE) {
		en.kind = PSC_ENTRY_OTHER;
		en.state = PSC_VA_UNKNOWN;
	} else if (en.state == PSC_VA_DEMAND_ZERO) {
		en.state = PSC_VA_NOT_MAPPED;
	}
	return en;
}

/* Vista and 7 hold the address in the entry; XP and 2003 an offset from a pool's start, which is not known here
 * (reference: paging 4.1 [1]). */
static struct psc_entry decode_prototype(const struct psc_space *sp, uint32_t e)
{
	struct psc_entry en = {.kind = PSC_ENTRY_OTHER, .state = PSC_VA_PROTOTYPE};
	if ((e & X86_FRAME) == X86_FRAME || psc_image_header(sp->img)->build < 6000)
		return en;
	uint32_t va = 0x80000000u | (e >> 1 & 0x7ffffc00u) | (e << 1 & 0x3ffu);
	if (va & 3) {
		en.state = PSC_VA_CORRUPT;
		return en;
	}
	en.kind = PSC_ENTRY_PROTOTYPE;
	en.proto_va = va;
	return en;
}

static struct psc_entry decode_invalid(const struct psc_space *sp, uint32_t e)
{
	struct psc_entry none = {.kind = PSC_ENTRY_OTHER, .state = PSC_VA_NOT_MAPPED};
	if (e == 0)
		return none;
	unsigned protection = e >> 5 & 0x1f;
	if (e & X86_PROTOTYPE)
		return decode_prototype(sp, e);
	if (e & X86_TRANSITION)
		return psc_entry_transition(protection, e & X86_FRAME);
	/* PageFileLow[1:4], PageFileHigh[12:20] */
	uint32_t file = e >> 1 & 0xf, page = e >> 12;
	return psc_entry_software(sp, protection, file, page, file == 0 && page == 0);
}

struct psc_entry psc_entry_decode_x86(const struct psc_space *sp, unsigned level, uint64_t entry)
{
	uint32_t e = (uint32_t)entry;
	if ((e & X86_VALID) == 0) {
		struct psc_entry en = decode_invalid(sp, e);
		return level > 0 ? psc_entry_upper(en) : en;
	}
	struct psc_entry en = {.kind = PSC_ENTRY_PAGE, .state = PSC_VA_PRESENT, .pa = e & X86_FRAME};
	en.is_uncached = (e & X86_UNCACHED) != 0;
	if (level > 0 && (e & X86_LARGE) == 0) {
		en.kind = PSC_ENTRY_TABLE;
		en.is_writable = (e & X86_WRITE) != 0;
		return en;
	}
	en.is_writable = (e & (X86_WRITE | X86_TRANSITION)) != 0;
	if (level > 0) {
		/* PSE-36: bits 13..20 are bits 32..39 of the address */
		en.pa = (e & X86_FRAME_4M) | (uint64_t)(e >> 13 & 0xff) << 32;
		if (e & X86_4M_RSVD) {
			en.kind = PSC_ENTRY_OTHER;
			en.state = PSC_VA_CORRUPT;
		}
	}
	return en;
}
