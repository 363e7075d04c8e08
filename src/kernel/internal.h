/* SPDX-License-Identifier: MIT */
/* The steps of psc_kernel_init, each in its own file. Order of work: reference kernel 1. */
#ifndef PSC_KERNEL_INTERNAL_H
#define PSC_KERNEL_INTERNAL_H

#include "kernel/kernel.h"

#define PSC_MODULES_MAX   4096u
#define PSC_PROCESSES_MAX 65536u

/* tables.c: which page tables. */
void psc_kernel_choose_space(struct psc_kernel *k);
/* softpte_arm64.c */
void psc_kernel_refine_arm64(struct psc_kernel *k);

struct psc_arm64_registers {
	uint64_t ttbr0, ttbr1;
	unsigned user_bits, kernel_bits; /* widths of the halves */
};
/* False: not saved, or not for a granule of 4 KiB with halves of 47 or 48 bits. */
bool psc_arm64_read_registers(struct psc_kernel *k, uint64_t prcb, struct psc_arm64_registers *ret);
/* With processors known: a kernel half of 48 bits has a top table of its own. */
void psc_kernel_apply_arm64_registers(struct psc_kernel *k);
/* With processors known: their Cr3 (ARM64: TTBR0) when the header's tables were not proven. */
void psc_kernel_try_processor_tables(struct psc_kernel *k);
/* Take the System process' tables when they have kernel entries that those in use lack (reference pool 15). */
void psc_kernel_prefer_system_tables(struct psc_kernel *k);

/* tables_scan.c: true when the page at pfn could hold a top-level table; *ret_dtb gets its address. start: where in the
 * page to go on (PAE tables are 32-byte aligned). */
bool psc_tables_scan_page(const uint8_t *page, uint64_t pfn, enum psc_mmu mmu, unsigned *start, uint64_t *ret_dtb);

/* softpte.c: the layout of non-valid entries from types and variables of this kernel instead of its build number. */
void psc_kernel_refine_softpte(struct psc_kernel *k);

/* kdbg.c: n bytes of a plain block; false when it is none. Members behind n or behind Size stay 0. */
bool psc_kdbg_parse(const uint8_t *bytes, size_t n, const struct psc_space *sp, struct psc_kdbg *ret);
/* In place; n is rounded down to words of 8 bytes. */
void psc_kdbg_decode(uint8_t *bytes, size_t n, uint64_t wait_never, uint64_t wait_always, uint64_t encoded_va);
void psc_kernel_find_kdbg(struct psc_kernel *k);      /* the header's pointer, or the copy of a triage dump */
void psc_kernel_find_kdbg_late(struct psc_kernel *k); /* with base and symbols: symbol, encoded block, scan */
/* describe.c: a dump header for the kernel at k->base of k->space, from what its memory says. */
void psc_kernel_make_header(struct psc_kernel *k, uint64_t kdbg_va, struct psc_dump_header *ret);

/* data_scan.c: every readable page of the kernel's writable data until the callback returns true. */
bool psc_kernel_scan_data(struct psc_kernel *k, bool (*page)(void *arg, uint64_t page_va, const uint8_t *page),
			  void *arg);
/* kdbg_scan.c */
bool psc_kdbg_scan(struct psc_kernel *k, struct psc_kdbg *ret);

/* version_block.c: DBGKD_GET_VERSION64 in the kernel's data; false when there is none. */
struct psc_version_block {
	uint32_t major, build;
	uint64_t ps_loaded_module_list; /* 0 = not offered */
};
bool psc_version_block_scan(struct psc_kernel *k, struct psc_version_block *ret);
/* The head of the module list by its first entry, which describes the kernel at k->base; 0 when not found. */
uint64_t psc_module_list_scan(struct psc_kernel *k);

/* base_scan.c: whether the image at base is the kernel of this space. */
bool psc_is_kernel_image(struct psc_kernel *k, uint64_t base);
/* Down from an address inside the image to the page that starts it; 0 when there is none. */
uint64_t psc_kernel_base_below(struct psc_kernel *k, uint64_t inside);
/* Through the address space; 0 when not found. */
uint64_t psc_kernel_base_scan(struct psc_kernel *k);

/* kdbg_solve.c: unscramble n bytes in place, with no symbols: kern_base is known. False: they are no such block. */
bool psc_kdbg_solve(uint8_t *bytes, size_t n, uint64_t kern_base, const struct psc_space *sp);
/* Where the header points (0: nowhere), else anywhere in the kernel's data; fills k->kdbg. */
bool psc_kdbg_find_scrambled(struct psc_kernel *k, uint64_t header_va);

/* infer_kernel.c: addresses that exports give; lists and arrays that prove themselves. Before the processors and
 * processes are read. */
void psc_kernel_infer_early(struct psc_kernel *k);
/* infer_process.c: offsets in _EPROCESS, and what of a built-in family does not fit. Before processes are visited. */
void psc_kernel_infer_process(struct psc_kernel *k);

/* identity.c */
void psc_kernel_find_base(struct psc_kernel *k);
void psc_kernel_identify(struct psc_kernel *k);
/* load.c */
enum psc_status psc_kernel_load_profile(struct psc_kernel *k, const struct psc_kernel_options *opts,
					struct psc_error *reterr);
/* files.c: symbol files for the kernel: the ISF that was named, and what the search finds. */
enum psc_status psc_kernel_load_files(struct psc_kernel *k, const struct psc_kernel_options *opts,
				      struct psc_error *reterr);
/* With modules known: a PDB that was named and is of none of them is an error. */
enum psc_status psc_kernel_check_named_files(struct psc_kernel *k, struct psc_error *reterr);
/* version.c */
void psc_kernel_find_version(struct psc_kernel *k);
void psc_kernel_read_build_lab(struct psc_kernel *k);

/* sym.c: warns of symbols that the debugger data block and the profile place differently. */
void psc_kernel_check_symbols(struct psc_kernel *k);

/* modules.c, unloaded.c, processors.c, memory.c */
enum psc_status psc_kernel_find_modules(struct psc_kernel *k, struct psc_error *reterr);
struct psc_module *psc_kernel_add_module(struct psc_kernel *k, size_t *cap);
enum psc_status psc_kernel_add_unloaded(struct psc_kernel *k, size_t *cap, struct psc_error *reterr);
enum psc_status psc_kernel_find_processors(struct psc_kernel *k, struct psc_error *reterr);
void psc_kernel_find_memory(struct psc_kernel *k);

/* list.c: LIST_ENTRY at head: both neighbours are in kernel space and point back. */
bool psc_list_is_linked(struct psc_reader *r, uint64_t head);
/* "fffff80412345000+1f000" in the arena. */
const char *psc_base_size_text(struct psc_kernel *k, uint64_t base, uint64_t size_bytes);

static inline uint64_t psc_kernel_shared_page(const struct psc_space *sp)
{
	return sp->is_32bit ? 0xffdf0000u : 0xfffff78000000000u; /* reference kernel 4 [V x64] */
}

#endif
