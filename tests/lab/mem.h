/* SPDX-License-Identifier: MIT */
/*
 * The lab's physical memory and page tables: one synthetic machine's RAM, built frame by frame.
 *
 * The lab shares no code, no table and no codec with src/: two implementations of the same facts must agree.
 * Everything here aborts with a message on misuse: a lab that cannot build its machine must stop the test.
 */
#ifndef LAB_MEM_H
#define LAB_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lab_mmu { LAB_MMU_X86, LAB_MMU_PAE, LAB_MMU_X64, LAB_MMU_LA57, LAB_MMU_ARM64 };

/* How Windows writes a non-valid PTE. OLD and NEW are the two generations of reference/paging.md section 4;
   NEW entries are swizzled with lab_mem_set_invalid_pte_mask's mask when it is not 0. ARM64: one description of the
   types in public repositories; no bytes of a real machine. */
enum lab_softpte { LAB_SOFTPTE_OLD, LAB_SOFTPTE_NEW, LAB_SOFTPTE_ARM64 };

/* One run of RAM, in pages. Runs are ascending and disjoint; the gaps between them are holes. */
struct lab_run {
	uint64_t first_pfn;
	uint64_t n_pages;
};

enum lab_pte_state {
	LAB_PTE_PRESENT,
	LAB_PTE_TRANSITION, /* contents kept in the frame */
	LAB_PTE_PAGED_OUT,  /* page file 0, some page number; contents dropped */
	LAB_PTE_DEMAND_ZERO,
	LAB_PTE_PROTOTYPE, /* points at a prototype PTE given by the caller */
};

enum lab_map_flags {
	LAB_MAP_WRITE = 1,
	LAB_MAP_USER = 2,
	LAB_MAP_NX = 4,
	LAB_MAP_LARGE = 8, /* 2 MiB (4 MiB on x86 without PAE); va and size aligned to it */
	LAB_MAP_GLOBAL = 16,
};

struct lab_mem;

/* A machine with that RAM. Frames are handed out in an order that depends on seed (so that va order is not pa order).
   self_map_slot: x64 and ARM64 only, the top entry that points to itself (0x1ed up to 10586). */
struct lab_mem *lab_mem_new(enum lab_mmu mmu, enum lab_softpte softpte, const struct lab_run *runs, size_t n_runs,
			    unsigned self_map_slot, uint64_t seed);
void lab_mem_free(struct lab_mem *m);
/* From now on RAM is the content of a file: run after run, behind offset bytes. Before anything was written. */
void lab_mem_keep_in(struct lab_mem *m, const char *path, uint64_t offset);
void lab_mem_set_invalid_pte_mask(struct lab_mem *m, uint64_t mask);

enum lab_mmu lab_mem_mmu(const struct lab_mem *m);
/* Physical address of the top page table, as CR3 holds it (PAE: 32-byte aligned PDPT). */
uint64_t lab_mem_dtb(const struct lab_mem *m);
const struct lab_run *lab_mem_runs(const struct lab_mem *m, size_t *ret_n);
uint64_t lab_mem_highest_pfn(const struct lab_mem *m);
uint64_t lab_mem_total_pages(const struct lab_mem *m);

/* A free frame; its host page starts as zeros. */
uint64_t lab_mem_alloc_frame(struct lab_mem *m);
/* n physically contiguous frames, aligned to align_pages. */
uint64_t lab_mem_alloc_frames(struct lab_mem *m, uint64_t n, uint64_t align_pages);
/* Host memory of a frame, 4096 bytes; created on first use. NULL if the pfn is not RAM. */
uint8_t *lab_mem_frame(struct lab_mem *m, uint64_t pfn);
/* The frame's bytes or NULL when it was never touched (reads as zeros). */
const uint8_t *lab_mem_frame_peek(const struct lab_mem *m, uint64_t pfn);

/* Map [va, va + size_bytes) to freshly allocated frames, page aligned. */
void lab_mem_map(struct lab_mem *m, uint64_t va, uint64_t size_bytes, unsigned flags);
/* Map one page (or one large page) to a given frame. */
void lab_mem_map_pfn(struct lab_mem *m, uint64_t va, uint64_t pfn, unsigned flags);
/* One page of zeros that was never touched: no frame. */
void lab_mem_map_demand_zero(struct lab_mem *m, uint64_t va, unsigned flags);
/* Takes a page's mapping and its frame away. */
void lab_mem_unmap(struct lab_mem *m, uint64_t va);
bool lab_mem_is_mapped(const struct lab_mem *m, uint64_t va);
/* Change the leaf PTE of a mapped 4 KiB page to a software state. proto_va: for LAB_PTE_PROTOTYPE only. */
void lab_mem_set_state(struct lab_mem *m, uint64_t va, enum lab_pte_state state, uint64_t proto_va);
/* Overwrite a page-table entry as is: level 1 = PTE, 2 = PDE, 3 = PDPTE, 4 = PML4E, 5. For corrupt tables and loops. */
void lab_mem_set_raw_entry(struct lab_mem *m, uint64_t va, unsigned level, uint64_t value);
uint64_t lab_mem_raw_entry(const struct lab_mem *m, uint64_t va, unsigned level);
/* Physical address behind va, present or transition; UINT64_MAX when there is none. */
uint64_t lab_mem_pa(const struct lab_mem *m, uint64_t va);

/* Little-endian access by virtual address; every byte must be mapped (present or transition). */
void lab_put(struct lab_mem *m, uint64_t va, const void *bytes, size_t n);
void lab_get(const struct lab_mem *m, uint64_t va, void *bytes, size_t n);
void lab_put8(struct lab_mem *m, uint64_t va, uint8_t v);
void lab_put16(struct lab_mem *m, uint64_t va, uint16_t v);
void lab_put32(struct lab_mem *m, uint64_t va, uint32_t v);
void lab_put64(struct lab_mem *m, uint64_t va, uint64_t v);
uint32_t lab_get32(const struct lab_mem *m, uint64_t va);
uint64_t lab_get64(const struct lab_mem *m, uint64_t va);

/* Leave a page out of every container that can leave pages out (bitmap, summary); full dumps are unaffected. */
void lab_mem_drop_from_kernel_dumps(struct lab_mem *m, uint64_t pfn);
bool lab_mem_is_dropped(const struct lab_mem *m, uint64_t pfn);

/* splitmix64: the lab's only source of randomness, so that a seed gives the same machine everywhere. */
uint64_t lab_rand(uint64_t *state);
_Noreturn void lab_die(const char *fmt, ...);

#endif
