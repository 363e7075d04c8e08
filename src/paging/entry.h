/* SPDX-License-Identifier: MIT */
/* Internal to src/paging: what one page-table entry says by itself, before anything is looked up. */
#ifndef PSC_PAGING_ENTRY_H
#define PSC_PAGING_ENTRY_H

#include "paging/space.h"
#include "util/bytes.h"

/* 64-bit hardware entries (reference: paging 3.3 [V]). Bits 52..62 of a valid Windows entry are in use: never test
 * them.
 */
#define X64_VALID      0x1u
#define X64_WRITE      0x2u
#define X64_SOFT_WRITE 0x800u /* Windows' own Write bit */
#define X64_FRAME      0x000ffffffffff000u
#define X64_NX         0x8000000000000000u

/* ARM64, VMSAv8-64 stage 1 with a granule of 4 KiB (reference: paging 3.5 [V]; Windows' names and bit 55: [2]). */
#define ARM64_VALID      0x1u
#define ARM64_TABLE      0x2u /* upper levels: a table; clear: a block. Leaf: must be set */
#define ARM64_PAGE       (ARM64_VALID | ARM64_TABLE)
#define ARM64_READ_ONLY  0x80u /* AP[2]; Windows: NotDirty */
#define ARM64_FRAME      0x0000fffffffff000u
#define ARM64_PXN        0x0020000000000000u
#define ARM64_UXN        0x0040000000000000u
#define ARM64_SOFT_WRITE 0x0080000000000000u /* Windows' own Writable bit */

/* What a valid 64-bit leaf entry says, in masks: the paths through which most pages go ask for no more. */
struct psc_leaf_bits {
	uint64_t valid; /* all set */
	uint64_t frame;
	uint64_t nx;             /* all set: nobody may execute */
	uint64_t write;          /* writable: any of these set, ... */
	uint64_t write_inverted; /* ... where these (a part of them) count as set when clear */
};

/* Levels count from the leaf: 0 = page table, 1 = page directory, ... */
struct psc_mmu_info {
	unsigned n_levels;
	unsigned entry_shift; /* log2 of the size of an entry */
	uint8_t shift[PSC_TABLE_LEVELS];
	uint16_t n_entries[PSC_TABLE_LEVELS];
	uint64_t low_end;    /* end of the lower (or only) half, exclusive */
	uint64_t high_start; /* first address of the upper half; 0 = there is none */
	struct psc_leaf_bits leaf;
};
extern const struct psc_mmu_info psc_mmu_infos[PSC_MMU_LAST + 1]; /* [PSC_MMU_NONE] is empty */

static inline bool psc_mmu_is_canonical(const struct psc_mmu_info *m, uint64_t va)
{
	return va < m->low_end || (m->high_start != 0 && va >= m->high_start);
}

static inline unsigned psc_mmu_index(const struct psc_mmu_info *m, unsigned level, uint64_t va)
{
	return (unsigned)(va >> m->shift[level]) & (m->n_entries[level] - 1u);
}

static inline uint64_t psc_mmu_load(const struct psc_mmu_info *m, const uint8_t *table, unsigned index)
{
	return m->entry_shift == 3 ? psc_le64(table + (size_t)index * 8) : psc_le32(table + (size_t)index * 4);
}

enum psc_entry_kind {
	PSC_ENTRY_OTHER,     /* state says it all */
	PSC_ENTRY_TABLE,     /* the next table is at pa (valid or in transition) */
	PSC_ENTRY_PAGE,      /* PRESENT or TRANSITION; pa is the base of the page or large page */
	PSC_ENTRY_PROTOTYPE, /* leaf only: see the prototype PTE at proto_va */
};

struct psc_entry {
	enum psc_entry_kind kind;
	enum psc_va_state state;
	uint64_t pa;
	uint64_t proto_va;
	uint64_t pagefile_page;
	uint32_t pagefile_number;
	bool is_nx, is_writable;
	bool is_uncached; /* as device memory is mapped */
};

/* Level 0 never gives TABLE, higher levels never give PROTOTYPE. An upper level whose table has no contents at all
 * (zero or demand-zero entry) is NOT_MAPPED, one whose table is paged out is UNKNOWN. */
struct psc_entry psc_entry_decode(const struct psc_space *sp, unsigned level, uint64_t e);
struct psc_entry psc_entry_decode_x86(const struct psc_space *sp, unsigned level, uint64_t e);
struct psc_entry psc_entry_decode_x64(const struct psc_space *sp, unsigned level, uint64_t e);
struct psc_entry psc_entry_decode_arm64(const struct psc_space *sp, unsigned level, uint64_t e);

/* Shared by all: the upper-level meaning of a software entry, and a software entry without prototype or transition
 * bit. protection: reference paging 4, Protection[5:5]. */
struct psc_entry psc_entry_upper(struct psc_entry en);
struct psc_entry psc_entry_software(const struct psc_space *sp, unsigned protection, uint32_t file, uint64_t page,
				    bool no_slot);
struct psc_entry psc_entry_transition(unsigned protection, uint64_t pa);

#endif
