/* SPDX-License-Identifier: MIT */
/* ARM64 entries (reference: paging 3.5). What processors define is in the Arm Architecture Reference Manual; the layout
 * of non-valid entries is known from one description of Windows' types only, so nothing is made of them unless the
 * symbols or the bytes of this very kernel agree (struct psc_softpte). */
#include "paging/entry.h"

/* Limits that a table entry sets for everything below it. */
#define TABLE_PXN       0x0800000000000000u
#define TABLE_UXN       0x1000000000000000u
#define TABLE_READ_ONLY 0x4000000000000000u

/* Valid, table, attribute index below 4, secure, not for user mode, PXN, UXN. */
#define SELF_MASK  0x0063fffffffff073u
#define SELF_FLAGS 0x0060000000000003u

/* Protection[1:5] PageFileLow[6:4] Prototype 10 Transition 11; transition: PageFrameNumber[12:40]; prototype:
 * ProtoAddress[16:48]; software: PageFileHigh[32:32]. No bits are flipped. */
#define PROT_READ_WRITE 4u
#define SOFT_PROTOTYPE  0x400u
#define SOFT_TRANSITION 0x800u

bool psc_arm64_is_self_entry(uint64_t e, uint64_t top_pa)
{
	return (e & SELF_MASK) == (top_pa | SELF_FLAGS);
}

static struct psc_entry other(enum psc_va_state state)
{
	struct psc_entry en = {.kind = PSC_ENTRY_OTHER, .state = state};
	return en;
}

static struct psc_entry decode_prototype(const struct psc_space *sp, uint64_t e)
{
	struct psc_entry en = other(PSC_VA_PROTOTYPE);
	uint64_t va = e >> 16 | 0xffff000000000000u;
	if (e >> 32 == 0xffffffffu || !psc_is_kernel_va(sp, va) || (va & 7) != 0)
		return en; /* a subsection, or what the process' own lists say */
	en.kind = PSC_ENTRY_PROTOTYPE;
	en.proto_va = va;
	return en;
}

static struct psc_entry decode_invalid(const struct psc_space *sp, uint64_t e)
{
	if (e == 0)
		return other(PSC_VA_NOT_MAPPED);
	bool in_transition = (e & (SOFT_PROTOTYPE | SOFT_TRANSITION)) == SOFT_TRANSITION;
	if (!sp->softpte.arm64)
		return sp->softpte.arm64_transition && in_transition
			       ? psc_entry_transition(PROT_READ_WRITE, e & ARM64_FRAME)
			       : other(PSC_VA_UNKNOWN);
	unsigned protection = (unsigned)(e >> 1) & 0x1f;
	if (e & SOFT_PROTOTYPE)
		return decode_prototype(sp, e);
	if (in_transition)
		return psc_entry_transition(protection, e & ARM64_FRAME);
	uint32_t file = (uint32_t)(e >> 6) & 0xf;
	return psc_entry_software(sp, protection, file, e >> 32, file == 0 && e >> 32 == 0);
}

struct psc_entry psc_entry_decode_arm64(const struct psc_space *sp, unsigned level, uint64_t e)
{
	if ((e & ARM64_VALID) == 0) {
		struct psc_entry en = decode_invalid(sp, e);
		return level > 0 ? psc_entry_upper(en) : en;
	}
	struct psc_entry en = {.kind = PSC_ENTRY_PAGE, .state = PSC_VA_PRESENT, .pa = e & ARM64_FRAME};
	bool is_table = (e & ARM64_TABLE) != 0;
	if (level > 0 && is_table) {
		en.kind = PSC_ENTRY_TABLE;
		en.is_nx = (e & (TABLE_PXN | TABLE_UXN)) == (TABLE_PXN | TABLE_UXN);
		en.is_writable = (e & TABLE_READ_ONLY) == 0;
		return en;
	}
	const struct psc_leaf_bits *b = &psc_mmu_infos[sp->mmu].leaf;
	en.is_nx = (e & b->nx) == b->nx;
	en.is_writable = ((e ^ b->write_inverted) & b->write) != 0;
	/* The memory type is an index into a register (MAIR) that dumps do not hold: it may be a device. */
	en.is_uncached = true;
	if (level == 0)
		return is_table ? en : other(PSC_VA_CORRUPT);
	/* Blocks: 2 MiB and 1 GiB; a set bit below their frame is reserved (bit 16, nT, is not in use here). */
	uint64_t size = (uint64_t)1 << psc_mmu_infos[sp->mmu].shift[level];
	if (level > 2 || (en.pa & (size - 1)) != 0)
		return other(PSC_VA_CORRUPT);
	return en;
}
