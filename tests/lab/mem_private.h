/* SPDX-License-Identifier: MIT */
/* Inside of struct lab_mem, for mem.c, softpte.c, pagetable.c and the container writers only. */
#ifndef LAB_MEM_PRIVATE_H
#define LAB_MEM_PRIVATE_H

#include "mem.h"

#define LAB_PAGE_BYTES     4096u
#define LAB_NODE_PAGES     512u
#define LAB_CHUNK_PAGES    1024u
#define LAB_N_OPEN_CHUNKS  4u
#define LAB_NO_PA          UINT64_MAX
#define LAB_PA_MASK        UINT64_C(0x000ffffffffff000)
#define LAB_PTE_VALID      UINT64_C(1)
#define LAB_PTE_RW         UINT64_C(2)
#define LAB_PTE_OWNER      UINT64_C(4)
#define LAB_PTE_ACCESSED   UINT64_C(0x20)
#define LAB_PTE_DIRTY      UINT64_C(0x40)
#define LAB_PTE_LARGE      UINT64_C(0x80)
#define LAB_PTE_GLOBAL     UINT64_C(0x100)
#define LAB_PTE_SOFT_WRITE UINT64_C(0x800)
#define LAB_PTE_NX         (UINT64_C(1) << 63)

/* ARM64 (paging.md 3.5): a page or table has bit 1, a block has not. */
#define LAB_ARM64_PA_MASK    UINT64_C(0x0000fffffffff000)
#define LAB_ARM64_NOT_BLOCK  UINT64_C(2)
#define LAB_ARM64_USER       UINT64_C(0x40)
#define LAB_ARM64_READ_ONLY  UINT64_C(0x80)
#define LAB_ARM64_SHAREABLE  UINT64_C(0x300)
#define LAB_ARM64_ACCESSED   UINT64_C(0x400)
#define LAB_ARM64_NOT_GLOBAL UINT64_C(0x800)
#define LAB_ARM64_PXN        (UINT64_C(1) << 53)
#define LAB_ARM64_UXN        (UINT64_C(1) << 54)
#define LAB_ARM64_WRITABLE   (UINT64_C(1) << 55) /* Windows' own */

/* Host side of 512 consecutive frames. */
struct lab_frame_node {
	uint8_t *page[LAB_NODE_PAGES];
	uint64_t used[LAB_NODE_PAGES / 64];
	uint64_t dropped[LAB_NODE_PAGES / 64];
};

/* The allocator deals the chunks in a shuffled order, and the frames of an open chunk in a shuffled order. */
struct lab_chunk {
	uint64_t first_pfn;
	uint32_t n_pages;
};

struct lab_open_chunk {
	struct lab_chunk chunk;
	uint32_t position;
	uint16_t order[LAB_CHUNK_PAGES];
};

struct lab_mem {
	enum lab_mmu mmu;
	enum lab_softpte softpte;
	unsigned self_map_slot;
	uint64_t invalid_pte_mask;
	uint64_t dtb;

	struct lab_run *runs;
	size_t n_runs;
	uint64_t total_pages;

	struct lab_frame_node **nodes;
	size_t n_nodes;

	struct lab_chunk *chunks;
	size_t n_chunks, next_chunk;
	struct lab_open_chunk open[LAB_N_OPEN_CHUNKS];
	uint64_t contiguous_top;
	uint64_t rng;

	uint8_t *file; /* mapped; NULL: frames are in host memory */
	uint64_t file_bytes, file_offset;
};

bool lab_mem_is_ram(const struct lab_mem *m, uint64_t pfn);
/* Handed out by the allocator or touched by hand: the frames a kernel dump holds. */
bool lab_mem_in_use(const struct lab_mem *m, uint64_t pfn);
/* Back to never touched. */
void lab_mem_release_frame(struct lab_mem *m, uint64_t pfn);
/* n contiguous free frames, all below limit_pfn. */
uint64_t lab_mem_alloc_below(struct lab_mem *m, uint64_t n, uint64_t align_pages, uint64_t limit_pfn);
void *lab_xcalloc(size_t n, size_t size);

/* pagetable.c: allocates the top table(s) and enters the self-map. */
void lab_pagetable_init(struct lab_mem *m);

/* softpte.c. protection is Windows' 5-bit code; argument is a PFN, a page-file page or a prototype address. */
uint64_t lab_softpte_encode(const struct lab_mem *m, enum lab_pte_state state, unsigned protection, uint64_t argument);
/* The frame of a transition entry. */
bool lab_softpte_transition(const struct lab_mem *m, uint64_t entry, uint64_t *ret_pfn);
unsigned lab_softpte_protection(const struct lab_mem *m, uint64_t entry);

#endif
