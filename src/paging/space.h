/* SPDX-License-Identifier: MIT */
/* One address space: from virtual addresses to bytes, with a state instead of a bare failure.
 *
 * Virtual addresses are uint64_t everywhere; those of 32-bit machines are zero-extended (0x80000000, not
 * sign-extended). A struct psc_space is read-only once set up and shared by threads; each thread reads through its own
 * psc_reader, which holds the software TLB and a scratch page. Formats: Intel and AMD manuals; Windows software PTEs:
 * reference paging.md sections 3-5. */
#ifndef PSC_PAGING_SPACE_H
#define PSC_PAGING_SPACE_H

#include "image/image.h"

enum psc_mmu {
	PSC_MMU_NONE, /* triage dump: saved virtual ranges only */
	PSC_MMU_X86,  /* 32-bit without PAE */
	PSC_MMU_X86_PAE,
	PSC_MMU_X64,      /* four levels */
	PSC_MMU_X64_LA57, /* five levels */
	PSC_MMU_ARM64,    /* 4 KiB granule, both 47-bit halves in one top table */
	PSC_MMU_ARM64_48, /* kernel half of 48 bits with a top table of its own; user addresses are not known */
};
#define PSC_MMU_LAST PSC_MMU_ARM64_48

static inline bool psc_mmu_is_arm64(enum psc_mmu mmu)
{
	return mmu == PSC_MMU_ARM64 || mmu == PSC_MMU_ARM64_48;
}

/* "x64", ...; NULL for PSC_MMU_NONE. */
const char *psc_mmu_name(enum psc_mmu mmu);

enum psc_va_state {
	PSC_VA_PRESENT,     /* valid PTE, frame known (whether the dump holds it: psc_xlate.presence) */
	PSC_VA_TRANSITION,  /* software PTE in transition: the frame still holds the contents */
	PSC_VA_PROTOTYPE,   /* refers to a prototype PTE whose content is not resident (file- or section-backed) */
	PSC_VA_PAGED_OUT,   /* in a page file (or the compressed store) */
	PSC_VA_DEMAND_ZERO, /* never materialised */
	PSC_VA_NOT_MAPPED,
	PSC_VA_UNKNOWN, /* a page-table page is not in the dump; ARM64: or an entry of a kind that is not known */
	PSC_VA_CORRUPT, /* reserved bits, frame above the highest page, non-canonical address, loop */
};
#define PSC_VA_STATE_MAX (PSC_VA_CORRUPT + 1)
const char *psc_va_state_name(enum psc_va_state state);

/* Build-dependent bits of non-valid PTEs: x64/PAE (two generations; reference paging.md section 4), ARM64. */
struct psc_softpte {
	bool new_layout;           /* SwizzleBit at bit 4, page file number at bit 12 */
	uint64_t invalid_pte_mask; /* flipped when SwizzleBit is clear; 0 = none */
	bool known;                /* false: layout guessed from the build (inferred) */
	/* ARM64: what is proven of the layout of entry_arm64.c; entries of other kinds are UNKNOWN. */
	bool arm64;            /* all of it */
	bool arm64_transition; /* how entries in transition are marked, and where their frame is */
};

struct psc_space {
	const struct psc_image *img; /* borrowed */
	enum psc_mmu mmu;
	uint64_t top_pa; /* physical address of the top table (PAE: of the 4-entry PDPT) */
	uint64_t highest_pfn;
	struct psc_softpte softpte;
	bool is_32bit;
};

struct psc_xlate {
	enum psc_va_state state;
	uint64_t pa;         /* PRESENT and TRANSITION: of the addressed byte */
	uint64_t span_bytes; /* bytes from the given va to the end of what this answer covers: a page, a large page, or
				the whole region of a missing upper-level entry */
	enum psc_page_presence presence; /* of the frame of this byte; PSC_PAGE_PRESENT only then readable. A large page
					    may be present in part */
	uint64_t entry;                  /* the leaf entry as stored */
	bool is_large, is_nx, is_writable;
	uint32_t pagefile_number;
	uint64_t pagefile_page;
};

/* Set up. dtb: as the header or CR3 holds it (flag bits are masked off here). softpte NULL: guessed from the header's
 * build. A triage image always gets PSC_MMU_NONE. */
enum psc_status psc_space_init(struct psc_space *sp, const struct psc_image *img, enum psc_mmu mmu, uint64_t dtb,
			       const struct psc_softpte *softpte, struct psc_error *reterr);

/* How sure we are that this is the kernel's top table (reference paging.md section 9): 0 = impossible; each satisfied
 * check adds: 1 kernel entries in range, 2 exactly one self-reference, 4 KUSER_SHARED_DATA contents. 7 = all. */
unsigned psc_space_plausibility(const struct psc_space *sp);
/* An entry of a top table that names the table itself as Windows on ARM64 maps page tables (reference: paging 9 [1]).
 */
bool psc_arm64_is_self_entry(uint64_t e, uint64_t top_pa);
/* True when KUSER_SHARED_DATA translates and reads as one (major version 5, 6 or 10, a drive-letter path). */
bool psc_space_has_kuser(const struct psc_space *sp);

#define PSC_TLB_ENTRIES 1024
struct psc_tlb_entry {
	uint64_t tag;         /* (va >> large shift) + 1, 0 = empty */
	uint64_t table_pa;    /* page table that maps this region; bits 0..11: flags of translate.c */
	const uint8_t *table; /* its bytes when the image is mapped, else NULL */
	uint64_t entry;       /* the deciding upper-level entry when there is no page table: large, missing, ... */
};

/* The table last used on one level of the walk. */
#define PSC_TABLE_LEVELS 5
struct psc_table_slot {
	uint64_t pfn;         /* pfn + 1, 0 = none */
	const uint8_t *bytes; /* in place, or NULL: in scratch */
	uint8_t scratch[PSC_PAGE_BYTES];
};

/* Frames known to be of equal presence: [pfn, pfn + n), inside one aligned block of 512. */
#define PSC_FRAME_SLOTS 256
struct psc_frame_slot {
	uint64_t pfn, n;
	enum psc_page_presence presence;
};

/* About 64 KiB. Not to be copied between threads while in use; copying it otherwise is fine. */
struct psc_reader {
	const struct psc_space *sp;
	struct psc_tlb_entry tlb[PSC_TLB_ENTRIES];
	struct psc_frame_slot frames[PSC_FRAME_SLOTS];
	uint64_t scratch_pfn; /* pfn + 1 held in scratch, 0 = none */
	uint8_t scratch[PSC_PAGE_BYTES];
	struct psc_table_slot tables[PSC_TABLE_LEVELS]; /* 0 = leaf */
};

void psc_reader_init(struct psc_reader *r, const struct psc_space *sp);

/* Never fails: the state says it all. Never recurses over virtual addresses beyond one prototype PTE. */
struct psc_xlate psc_translate(struct psc_reader *r, uint64_t va);

/* The number of leading bytes at va that could be read into buf (present, transition, or saved range). */
size_t psc_read_va(struct psc_reader *r, uint64_t va, void *buf, size_t n);
/* All or nothing; the error says the address and the state of the first page that failed: PSC_E_NOT_FOUND not mapped,
 * PSC_E_CORRUPT, else PSC_E_NOT_PRESENT. */
enum psc_status psc_read_va_exact(struct psc_reader *r, uint64_t va, void *buf, size_t n, struct psc_error *reterr);
bool psc_read_u8(struct psc_reader *r, uint64_t va, uint8_t *ret);
bool psc_read_u32(struct psc_reader *r, uint64_t va, uint32_t *ret);
bool psc_read_u64(struct psc_reader *r, uint64_t va, uint64_t *ret);
/* 4 bytes zero-extended on 32-bit machines, 8 otherwise. */
bool psc_read_ptr(struct psc_reader *r, uint64_t va, uint64_t *ret);
unsigned psc_pointer_bytes(const struct psc_space *sp);
/* Where the kernel half begins. */
uint64_t psc_kernel_start(const struct psc_space *sp);
/* In the kernel half and canonical. 32-bit: >= 0x80000000 (a 3 GB boot moves it; then >= 0xc0000000 also satisfies). */
bool psc_is_kernel_va(const struct psc_space *sp, uint64_t va);
/* 4096 bytes of the page that holds va, valid until the next call on this reader; NULL with the translation in *ret. */
const uint8_t *psc_page_at(struct psc_reader *r, uint64_t va, struct psc_xlate *ret);

/* Mapped runs of [lo, hi), in address order. hi exclusive; hi == 0 means up to 2^64.
 * A run is a stretch of equal state whose frames are consecutive (PRESENT/TRANSITION with the same presence and equal
 * is_nx, is_writable, is_large), or of equal state otherwise. NOT_MAPPED stretches and the non-canonical hole are
 * skipped; sparse space is crossed by whole missing tables. Loops and repeated tables: each (level, table frame) of the
 * walk counts against a budget of table visits (prototype PTEs and the frames of large pages count a fraction); when it
 * is exhausted the iterator returns what it has, then PSC_E_LIMIT for good.
 * PSC_MMU_NONE: saved ranges are PRESENT runs (pa is 0), everything between is UNKNOWN. */
struct psc_va_run {
	uint64_t va, size_bytes;
	enum psc_va_state state;
	enum psc_page_presence presence;
	uint64_t pa; /* PRESENT, TRANSITION */
	bool is_nx, is_writable, is_large;
};

struct psc_run_iter {
	struct psc_reader *r;
	uint64_t next_va, last_va; /* inclusive end */
	bool at_end;
	uint64_t budget;                    /* table visits left */
	uint64_t max_run_bytes;             /* runs are cut at this size; 0 = no limit */
	uint64_t cur_leaf_base;             /* region of the cached leaf table: (va >> large shift) + 1, 0 = none */
	uint64_t cur_leaf_pa;               /* as psc_tlb_entry.table_pa */
	uint64_t visited[PSC_TABLE_LEVELS]; /* region of the table last charged on each level, + 1 */
	uint32_t spent_64ths;               /* of one table visit */
	bool limit_hit, has_pending;
	struct psc_va_run pending; /* found while looking for the end of the run before */
};

void psc_run_iter_init(struct psc_run_iter *it, struct psc_reader *r, uint64_t lo, uint64_t hi, uint64_t max_run_bytes);
/* PSC_OK with a run, PSC_DONE, or PSC_E_LIMIT. */
enum psc_status psc_run_iter_next(struct psc_run_iter *it, struct psc_va_run *ret, struct psc_error *reterr);

#endif
