/* SPDX-License-Identifier: MIT */
/* The kernel of a dump: address space, debugger data block, image, modules, processors, processes.
 * Facts: reference kernel.md; each parser names its section. */
#ifndef PSC_KERNEL_KERNEL_H
#define PSC_KERNEL_KERNEL_H

#include "paging/space.h"
#include "symbols/profile.h"
#include "symbols/search.h"
#include "util/log.h"

/* Members of KDDEBUGGER_DATA64 that poolscope uses. Values are addresses of variables unless noted; 0 = not offered.
 * 32-bit ones zero-extended. */
struct psc_kdbg {
	uint64_t va;
	uint32_t size_bytes; /* as stored; only members below it are filled */
	const char *state;   /* "plain", "decoded", "copy" or "missing" */
	uint64_t kern_base;  /* value */
	uint64_t ps_loaded_module_list, ps_active_process_head;
	uint64_t exp_paged_pool_descriptor, exp_number_of_paged_pools;
	uint64_t mm_pfn_database, mm_system_ptes_start, mm_system_ptes_end, mm_highest_physical_page,
		mm_number_of_physical_pages;
	uint64_t mm_maximum_nonpaged_pool_in_bytes, mm_nonpaged_system_start, mm_nonpaged_pool_start,
		mm_nonpaged_pool_end;
	uint64_t mm_paged_pool_start, mm_paged_pool_end, mm_paged_pool_information, mm_size_of_paged_pool_in_bytes;
	uint64_t mm_paged_pool_commit, pool_track_table, nonpaged_pool_descriptor, mm_system_range_start;
	uint64_t mm_allocated_nonpaged_pool, mm_special_pool_tag, mm_verifier_data, mm_physical_memory_block;
	uint64_t nt_build_lab, ki_processor_block, mm_unloaded_drivers, mm_last_unloaded_driver, cm_nt_csd_version;
	uint16_t size_eprocess, size_prcb, size_ethread;
	uint16_t offset_prcb_current_thread, offset_prcb_number, offset_kthread_apc_process, offset_eprocess_dtb;
	uint16_t offset_prcb_special_registers;
	uint16_t offset_kthread_kernel_stack, offset_kthread_state, offset_kthread_stack_limit,
		offset_kthread_stack_base;
	uint16_t offset_prcb_idle_thread, offset_prcb_state_context, offset_prcb_context, offset_prcb_dpc_stack,
		offset_prcb_isr_stack;
	uint64_t pte_base; /* value; 0 when the block is too short */
	bool pae;
};

struct psc_kernel {
	const struct psc_image *img;      /* borrowed */
	struct psc_symbol_search *search; /* borrowed; NULL: no symbol file is looked for */
	struct psc_arena arena;           /* owns texts */
	struct psc_warnings warnings;
	const struct psc_log *log;
	struct psc_space space;   /* kernel address space */
	struct psc_reader reader; /* for the opening thread */
	struct psc_kdbg kdbg;
	struct psc_kernel_identity id;
	struct psc_profile profile;
	uint64_t base;       /* 0 when not found */
	const char *version; /* "10.0.19041.804" or "10.0.19041" */
	bool has_revision;
	uint32_t revision;
	const char *version_source;
	const char *build_lab;
	const char *pdb_source;
	const char *symbols; /* best origin of symbols */
	struct psc_module *modules;
	size_t n_modules, n_loaded;
	uint64_t *prcb; /* virtual addresses, n_prcb */
	size_t n_prcb;
	uint64_t physical_memory_bytes;
	const char *physical_memory_source;
	bool is_vista_or_later; /* build >= 6000 */
	/* The header's KdDebuggerDataBlock, PsLoadedModuleList and PsActiveProcessHead against the ISF's symbols:
	 * 0 not checked, 1 confirmed, -1 contradicted. */
	int header_symbol_check;
	/* Addresses that profile, debugger data block and header lack: from exports, or inferred. */
	struct {
		uint64_t va;
		enum psc_origin origin;
	} found[PSC_SYM_MAX];
	/* ExpPoolQuotaCookie where its variable cannot be read: solved from blocks (pool/infer_cookie.c). */
	struct {
		bool known;
		uint64_t value;
	} quota_cookie;
	/* Nonpaged and paged pool by the region table that was found by content (pool/infer_regions.c). */
	struct {
		bool known;
		uint64_t lo, last;
	} pool_range[2];
	int inferred_heap;             /* small blocks in segment heaps: 1 yes, -1 no, 0 not looked at */
	uint32_t inferred_pools[2];    /* descriptors of nonpaged and paged pool where no variable counts them */
	struct psc_inferred *inferred; /* n_inferred, texts in the arena */
	size_t n_inferred, cap_inferred;
	bool space_is_proven; /* the shared page or the module list reads through the tables in use */
};

struct psc_kernel_options {
	const char *isf_path;
	struct psc_symbol_search *search; /* borrowed, outlives the kernel; may be NULL */
	bool no_symbols;                  /* neither of the two, nor any other symbol file */
	bool no_builtin;
	uint64_t kernel_base; /* known already; 0 = find */
};

/* What the user says of an image without a Windows header; 0 = search. */
struct psc_discovery {
	uint64_t directory_table_base, kernel_base, kd_debugger_data_block;
	const struct psc_cancel *cancel; /* NULL: none */
};

/* For an image without a Windows header, before psc_kernel_init: search its memory for page tables and a kernel, and
 * psc_image_describe() them as a header would. *ret_base is for psc_kernel_options. PSC_E_NOT_FOUND when there is none,
 * or when what d says leads to none. Several kernels: the first is taken, a warning lists all. */
enum psc_status psc_kernel_discover(struct psc_image *img, const struct psc_discovery *d, struct psc_warnings *warnings,
				    const struct psc_log *log, uint64_t *ret_base, struct psc_error *reterr);

/* Find and describe the kernel. Fails only on PSC_E_NO_MEMORY, or when a symbol file that was named cannot be used
 * (PSC_E_OS, PSC_E_CORRUPT, PSC_E_NOT_FOUND for a wrong identity): everything else that is missing becomes a warning
 * and an absent member. k must be zeroed or fresh; psc_kernel_deinit in every case. */
enum psc_status psc_kernel_init(struct psc_kernel *k, const struct psc_image *img,
				const struct psc_kernel_options *opts, const struct psc_log *log,
				struct psc_error *reterr);
void psc_kernel_deinit(struct psc_kernel *k);

/* Virtual address of a kernel symbol: profile RVA + base, or the debugger data block's address of it. 0 = not known. */
uint64_t psc_kernel_sym(const struct psc_kernel *k, enum psc_sym s);
/* Where psc_kernel_sym's answer is from. */
enum psc_origin psc_kernel_sym_origin(const struct psc_kernel *k, enum psc_sym s);
/* Value of a pointer-sized or 32-bit kernel variable. false when the symbol is not known or its page cannot be read. */
bool psc_kernel_read_ptr(struct psc_kernel *k, enum psc_sym s, uint64_t *ret);
bool psc_kernel_read_u32(struct psc_kernel *k, enum psc_sym s, uint32_t *ret);

/* One process: for session space and quota owners. */
struct psc_process {
	uint64_t eprocess;
	uint64_t pid;
	uint64_t directory_table_base;
	uint64_t session; /* EPROCESS.Session; 0 none or not known */
	char image_file_name[16];
};

/* Calls visit for each process of PsActiveProcessHead (at most 65536, list links checked) until it returns false.
 * PSC_E_NOT_FOUND when the list head or the needed offsets are not known; PSC_E_CORRUPT after a broken link (what was
 * visited before stays valid). */
enum psc_status psc_kernel_processes(struct psc_kernel *k, bool (*visit)(void *arg, const struct psc_process *p),
				     void *arg, struct psc_error *reterr);

/* UNICODE_STRING at bytes (8 or 16): its text in the kernel's arena, or NULL when it is empty, malformed or not
 * readable. */
char *psc_unicode_string(struct psc_kernel *k, const uint8_t *bytes, size_t max_bytes);

/* PE image in memory: identity and sections. */
struct psc_pe_info {
	uint32_t machine, time_date_stamp, size_of_image, checksum;
	bool has_debug_record;
	char pdb_name[64];
	char pdb_guid[33];
	uint32_t pdb_age;
};
/* false when the header page is not readable or no PE. Missing debug records leave has_debug_record false. */
bool psc_pe_read(struct psc_reader *r, uint64_t base, struct psc_pe_info *ret);

/* The name in the export directory; false when it is not readable. */
bool psc_pe_export_name(struct psc_reader *r, uint64_t base, char ret[64]);

/* A data directory of the image (3: exceptions); false when the header page is not readable, or the image has none such
 * or not inside it. */
bool psc_pe_directory(struct psc_reader *r, uint64_t base, unsigned index, uint32_t *ret_rva, uint32_t *ret_bytes);

/* The section table, at most max entries. Returns how many were read; 0 when the header page is not readable. Sections
 * that leave the image are dropped. */
struct psc_pe_section {
	char name[9]; /* printable ASCII */
	uint32_t rva, size_bytes, characteristics;
};
#define PSC_PE_SECTIONS_MAX 96
size_t psc_pe_sections(struct psc_reader *r, uint64_t base, struct psc_pe_section *ret, size_t max);

/* NT version of a build number (5.1 for 2600 ...); false for unknown ranges. */
bool psc_nt_version_of_build(uint32_t build, uint32_t *ret_major, uint32_t *ret_minor);

#endif
