/* SPDX-License-Identifier: MIT */
/** @file
 * Opening a dump and what its container and kernel say of themselves.
 *
 * Threads: a struct psc_dump may be used by one thread at a time; different dumps are independent. Calls that take
 * n_threads create and join their own worker threads inside the call.
 * Ownership: everything returned as a const pointer belongs to the dump and lives until psc_dump_close().
 */
#ifndef POOLSCOPE_DUMP_H
#define POOLSCOPE_DUMP_H

#include <poolscope/error.h>
#include <poolscope/symbols.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum psc_log_level { PSC_LOG_DEBUG = 0, PSC_LOG_INFO = 1, PSC_LOG_WARNING = 2 };

/** Called with one line of text, no newline. The library itself never prints. May be called from worker threads,
 * but never from two at once. */
typedef void psc_log_fn(void *arg, enum psc_log_level level, const char *text);

/** Called every few MiB of work with the phase's name, work done and total in bytes; of the phase "code" in modules. A
 * total of 0 is unknown; others may be estimates. Return non-zero to give up: the running call then returns
 * PSC_E_CANCELLED and no result. Never called from two threads at once. */
typedef int psc_progress_fn(void *arg, const char *phase, uint64_t done, uint64_t total);

/** Ends running calls early, with what they have. While a dump is opened, or where a part of a result is worth nothing
 * (psc_diff_run(), psc_dump_symbol_files()), the call returns PSC_E_CANCELLED; else it returns PSC_OK, and the result
 * says so: psc_tags_is_interrupted() and its like. The library looks a few times a second, on all its threads, and has
 * joined them when the call returns. Calls that begin after the request end at once.
 * Threads: request and look from any thread, and request from a signal handler. */
struct psc_cancel;
/** Freed with psc_cancel_free() after what borrows it. PSC_E_NO_MEMORY. */
PSC_API enum psc_status psc_cancel_new(struct psc_cancel **ret, struct psc_error *reterr);
PSC_API void psc_cancel_free(struct psc_cancel *cancel);
PSC_API void psc_cancel_request(struct psc_cancel *cancel);
/** As if requested so many milliseconds from now. */
PSC_API void psc_cancel_after(struct psc_cancel *cancel, uint64_t milliseconds);
PSC_API bool psc_cancel_is_requested(const struct psc_cancel *cancel);

enum psc_open_flags {
	PSC_OPEN_NO_MMAP = 1,    /**< read with pread instead of mapping the file (failing disks, shrinking files) */
	PSC_OPEN_NO_BUILTIN = 2, /**< ignore the built-in profile tables */
	PSC_OPEN_NO_SYMBOLS = 4, /**< use no symbol file: isf_path, symbol_path and symbol_search are ignored */
};

/** Where a stretch of physical memory lies in a raw image. All three are multiples of 4096. */
struct psc_run_map {
	uint64_t physical_address, size_bytes;
	uint64_t file_offset;
};

/** A page file (pagefile.sys) and its number, the position in the system's list from 0 on. */
struct psc_pagefile {
	uint32_t number; /**< 0 to 15 */
	const char *path;
};

enum psc_image_format {
	PSC_IMAGE_FORMAT_AUTO = 0, /**< recognised by the file's first bytes */
	PSC_IMAGE_FORMAT_RAW = 1,  /**< physical memory from address 0 on, or by run_map, and nothing else */
};

/** Options for psc_dump_open(). Initialise with PSC_OPEN_OPTIONS_INIT. */
struct psc_open_options {
	size_t size;                 /**< sizeof(struct psc_open_options): lets later versions append members */
	uint32_t flags;              /**< enum psc_open_flags */
	const char *isf_path;        /**< a Volatility ISF file (.json, .json.gz, .json.xz) of this kernel, or NULL */
	const char *symbol_path;     /**< where symbol files are searched, as for psc_symbol_search_add(), or NULL */
	const char *tmpdir;          /**< where compressed dumps are unpacked; NULL: the system's temporary directory */
	uint64_t max_unpacked_bytes; /**< refuse to unpack more than this; 0: no limit of our own */
	psc_log_fn *log;
	void *log_arg;
	psc_progress_fn *progress;
	void *progress_arg;
	struct psc_symbol_search *symbol_search; /**< searched instead of symbol_path when not NULL; borrowed, must
						    outlive the dump and be used by one dump at a time. The library
						    reads no environment variable unless this list was made so. */
	enum psc_image_format image_format;
	const struct psc_run_map *run_map; /**< implies PSC_IMAGE_FORMAT_RAW; NULL: none */
	size_t n_run_map;
	/** What is otherwise searched for in memory without a Windows header; 0: search. Ignored for dumps with one. */
	uint64_t directory_table_base;   /**< physical address of the kernel's top page table, as CR3 holds it */
	uint64_t kernel_base;            /**< virtual address of the kernel image */
	uint64_t kd_debugger_data_block; /**< virtual address of KDDEBUGGER_DATA64, plain */
	/** Further files of the same dump: the state file of a VMware .vmem or the other way round (found by itself
	 * when it lies beside and is called alike), the other parts of a kdump-compressed dump. At most 64. */
	const char *const *more_files;
	size_t n_more_files;
	const struct psc_pagefile
		*pagefiles; /**< page files of the same moment; what was paged out is read from them */
	size_t n_pagefiles;
	const struct psc_cancel *cancel; /**< for all calls on this dump; NULL: none; borrowed */
};
#define PSC_OPEN_OPTIONS_INIT                                                                                          \
	{                                                                                                              \
		sizeof(struct psc_open_options), 0, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL,                 \
			PSC_IMAGE_FORMAT_AUTO, NULL, 0, 0, 0, 0, NULL, 0, NULL, 0, NULL                                \
	}

struct psc_dump;

/** Open the dump at `path` (UTF-8). opts may be NULL. On success *ret must be closed with psc_dump_close().
 * Errors: PSC_E_FORMAT (names what the file seems to be), PSC_E_UNSUPPORTED, PSC_E_CORRUPT, PSC_E_TRUNCATED,
 * PSC_E_OS, PSC_E_NO_MEMORY, PSC_E_LIMIT, PSC_E_CANCELLED, PSC_E_ARGUMENT, and PSC_E_NOT_FOUND when the file at
 * isf_path is of another kernel, or a file that was named in a symbol path is of no module in the dump. A dump whose
 * kernel cannot be described is still opened: see psc_dump_warnings(). */
PSC_API enum psc_status psc_dump_open(const char *path, const struct psc_open_options *opts, struct psc_dump **ret,
				      struct psc_error *reterr);

/** The same for a dump in memory. `bytes` is borrowed and must outlive the dump. */
PSC_API enum psc_status psc_dump_open_mem(const void *bytes, size_t size_bytes, const struct psc_open_options *opts,
					  struct psc_dump **ret, struct psc_error *reterr);

/** Close and free. NULL is allowed. */
PSC_API void psc_dump_close(struct psc_dump *dump);

/** MachineImageType of the dump header (IMAGE_FILE_MACHINE_*). */
enum psc_machine {
	PSC_MACHINE_UNKNOWN = 0,
	PSC_MACHINE_X86 = 0x14c,
	PSC_MACHINE_X64 = 0x8664,
	PSC_MACHINE_ARM64 = 0xaa64
};

/** "x86", "x64", "arm64" or "unknown". */
PSC_API const char *psc_machine_name(enum psc_machine machine);

/** How the container stores memory. Decided from the bytes, not from the DumpType field alone. */
enum psc_dump_type {
	PSC_DUMP_FULL = 1,
	PSC_DUMP_SUMMARY = 2,
	PSC_DUMP_HEADER = 3,
	PSC_DUMP_TRIAGE = 4,
	PSC_DUMP_BITMAP_FULL = 5,
	PSC_DUMP_BITMAP_KERNEL = 6,
	PSC_DUMP_RANGE_KERNEL = 8,
	PSC_DUMP_RANGE_ACTIVE = 9,
	PSC_DUMP_RANGE_FULL = 10,
};

/** "full", "summary", "header", "triage", "bitmap-full", "bitmap-kernel", "range-kernel", "range-active", "range-full".
 */
PSC_API const char *psc_dump_type_name(enum psc_dump_type type);

/** What the container's header says. Fields that the writer never stored are marked absent by their has_ flag. */
struct psc_dump_info {
	const char *path;        /**< as given; "<memory>" for psc_dump_open_mem */
	const char *format;      /**< "dump64", "dump32", "raw", "lime", "elf", "kdump", "vmware" or "hibernation" */
	const char *compression; /**< "gzip", "zip" or NULL */
	enum psc_dump_type dump_type;
	uint32_t dump_type_value; /**< DumpType as stored */
	enum psc_machine machine;
	uint64_t size_bytes;          /**< of the file as given */
	uint64_t unpacked_size_bytes; /**< of the dump inside a compressed file, else equal to size_bytes */
	uint64_t expected_size_bytes; /**< what a complete file would have; 0 when unknown */
	bool is_truncated;
	bool has_time, has_uptime, has_bugcheck;
	uint64_t system_time_filetime; /**< 100 ns since 1601-01-01 UTC */
	uint64_t uptime_100ns;
	uint32_t bugcheck_code;
	uint64_t bugcheck_parameters[4];
	uint32_t processors;
	uint32_t major_version;          /**< 0xf free, 0xc checked build */
	uint32_t build;                  /**< MinorVersion */
	uint64_t directory_table_base;   /**< as stored; 0 when absent */
	uint64_t kd_debugger_data_block; /**< virtual address; 0 when absent */
	uint64_t ps_loaded_module_list, ps_active_process_head;
	uint32_t product_type, suite_mask, attributes; /**< 0 when absent */
	const char *comment;                           /**< printable, NULL when absent */
	uint64_t pages_present;                        /**< physical pages that this file holds */
	uint64_t pages_described;                      /**< pages that runs or bitmap promise */
};

PSC_API const struct psc_dump_info *psc_dump_get_info(const struct psc_dump *dump);

/** One loaded or unloaded kernel module. */
struct psc_module {
	uint64_t base;
	uint64_t size_bytes;
	const char *name;         /**< base name, UTF-8; "base+size" text when the name was not readable */
	const char *path;         /**< full path or NULL */
	uint32_t time_date_stamp; /**< 0 when unknown */
	uint32_t checksum;        /**< 0 when unknown */
	bool unloaded;
	const char *pdb_name; /**< of the debug record; NULL when not readable */
	char pdb_guid[33];    /**< 32 upper-case hex digits in symbol-store order, or "" */
	uint32_t pdb_age;
	uint64_t exception_va; /**< of the exception directory, as the loader noted it; 0 when unknown */
	uint32_t exception_bytes;
};

/** Loaded modules in load order (entry 0 is the kernel), then unloaded ones, newest first. *ret_loaded (may be NULL)
 * receives how many are loaded. */
PSC_API const struct psc_module *psc_dump_modules(const struct psc_dump *dump, size_t *ret_count, size_t *ret_loaded);

/** What is known of the kernel. Pointers are NULL and numbers 0 where nothing could be read. */
struct psc_kernel_info {
	uint64_t base;
	uint32_t size_of_image;
	uint32_t time_date_stamp;
	uint32_t build;
	uint32_t revision; /**< UBR; valid if has_revision */
	bool has_revision;
	const char *version;        /**< "10.0.19041.804", or "10.0.19041" when the revision is not known */
	const char *version_source; /**< where the revision is from: "build list", "profile", or NULL */
	const char *build_lab;      /**< text at NtBuildLab(Ex), NULL when not readable */
	const char *pdb_name;
	char pdb_guid[33];
	uint32_t pdb_age;
	const char *pdb_source;        /**< "debug record" or "fingerprint" */
	uint64_t directory_table_base; /**< physical; the one in use for translation, in a small dump the header's */
	/** How page tables are read: "x86", "x86_pae", "x64", "x64_la57" (five levels), "arm64" (granule of 4 KiB, both
	 * halves of 47 bits in one top table), "arm64_48" (a kernel half of 48 bits); NULL: none are. */
	const char *paging;
	/** ARM64: what is known of entries that are not valid: "typed" (by the kernel's own types), "transition" (only which
	 * are in transition, by the bytes), "none"; NULL on other machines. */
	const char *invalid_entries;
	uint64_t kdbg_va;
	uint32_t kdbg_size_bytes;
	const char *kdbg_state;             /**< "plain", "decoded", "copy" (triage) or "missing" */
	const char *symbols;                /**< best origin of symbols: "pdb", "isf", "builtin",
						 "kdbg", "export", "header", "inferred" or "none" */
	const char *symbols_file;           /**< path of the file used, or NULL */
	uint32_t processors;                /**< processor blocks found; 0 when unknown */
	uint64_t physical_memory_bytes;     /**< 0 when unknown */
	const char *physical_memory_source; /**< NULL when unknown */
};

PSC_API const struct psc_kernel_info *psc_dump_kernel(const struct psc_dump *dump);

/** How far a finding of psc_dump_inferred() can be trusted. */
enum psc_confidence {
	PSC_CONFIDENCE_REJECTED = 0,  /**< what built-in tables say of builds like this one does not fit: not used */
	PSC_CONFIDENCE_AMBIGUOUS = 1, /**< several candidates passed the same checks: none is used */
	PSC_CONFIDENCE_WEAK = 2,      /**< used, but the checks are few or depend on each other */
	PSC_CONFIDENCE_LIKELY = 3,    /**< a coincidence is hard to imagine, a stale copy is not excluded */
	PSC_CONFIDENCE_PROVEN = 4,    /**< independent structures of the dump agree on it */
};

/** "rejected", "ambiguous", "weak", "likely", "proven". */
PSC_API const char *psc_confidence_name(enum psc_confidence confidence);

/** Something that was found by looking at the dump's bytes, because neither symbols nor the debugger data block nor
 * built-in tables give it, or because what they give does not fit. */
struct psc_inferred {
	const char *name; /**< "PoolBigPageTable", "_EPROCESS.ActiveProcessLinks", ... */
	const char *kind; /**< what value is: "address", "offset", "size" or "value" */
	uint64_t value;   /**< 0 when rejected or ambiguous */
	enum psc_confidence confidence;
	uint32_t checks;              /**< single comparisons that it passed */
	const char *evidence;         /**< one sentence: what was compared with what */
	const uint64_t *alternatives; /**< the candidates of an ambiguous finding, or other places of the same value */
	size_t n_alternatives;
};

/** What was inferred while opening, in the order of finding. */
PSC_API const struct psc_inferred *psc_dump_inferred(const struct psc_dump *dump, size_t *ret_count);

/** A kernel symbol or structure field that the library uses, and where its address or offset is from. */
struct psc_profile_item {
	const char *name; /**< "PoolTrackTable", or "_EPROCESS.Session" */
	bool is_field;
	uint64_t value;     /**< address, or offset in bytes */
	const char *origin; /**< "pdb", "isf", "builtin", "builtin_range", "kdbg", "export", "header" or "inferred" */
};

/** All that are known, symbols first, by name. */
PSC_API const struct psc_profile_item *psc_dump_profile(const struct psc_dump *dump, size_t *ret_count);

/** A code address of the dump. Texts belong to what it came from: a result, or the dump. */
struct psc_code_location {
	uint64_t address;   /**< 0 for rows of more than one address */
	const char *module; /**< file name, "myfault.sys"; NULL: in no module */
	const char *name;   /**< as debuggers spell it: "myfault" */
	uint64_t offset;    /**< of address in the module */
	bool is_unloaded;   /**< the module had been unloaded: the address may be of something else */
	const char *symbol; /**< NULL without a PDB of the module */
	uint64_t symbol_offset;
};

/** What is at a code address: module, offset, and the symbol where a PDB of this very module is found. Loaded modules
 * come before unloaded ones. False, and *ret all but zero, when it is in no module. The first address in a module looks
 * for its PDB; the names of 65,536 addresses are kept, further ones get module and offset only. Out of memory, the
 * symbol is left out. */
PSC_API bool psc_dump_locate(struct psc_dump *dump, uint64_t va, struct psc_code_location *ret);

/** Where results name a module, so that its symbols are wanted first. */
enum psc_named_in {
	PSC_NAMED_IN_BUGCHECK = 1, /**< a parameter of the bugcheck points into it */
	PSC_NAMED_IN_CALLERS = 2,  /**< psc_callers_run(): recorded callers and their stacks */
	PSC_NAMED_IN_VERIFIER = 4, /**< Driver Verifier watches it */
};
/** "bugcheck", "callers", "verifier". */
PSC_API const char *psc_named_in_name(enum psc_named_in where);

/** A module of the dump and the symbol file that belongs to it. */
struct psc_symbol_file {
	const char *module; /**< file name */
	bool is_kernel;
	uint32_t named_in; /**< PSC_NAMED_IN_x */
	uint64_t base;
	const char *pdb_name; /**< NULL when the dump does not show it, or shows what can be no file name */
	char pdb_guid[33];    /**< "" when the dump does not show it */
	uint32_t pdb_age;
	const char *state;      /**< "found", "not_found", "refused" (a file of another build, or damaged), "unknown" */
	const char *path;       /**< of the file found, or NULL */
	const char *kind;       /**< "pdb" or "isf"; NULL when none was found */
	const char *store_path; /**< where it belongs in a symbol store; NULL without name or GUID */
	const char *detail;     /**< why files were refused, both identities named, or where a store points; or NULL */
	const char *improves;   /**< which answers the PDB would improve; NULL when it was found */
};
struct psc_symbol_files;
/** Look for the symbol files of the kernel and all loaded modules: the kernel first, then modules that parameters of the
 * bugcheck point into, then recorded callers (those of most live bytes first), then what else results name, then the
 * others in load order. *ret is freed with psc_symbol_files_free() before the dump is
 * closed. PSC_E_NO_MEMORY. */
PSC_API enum psc_status psc_dump_symbol_files(struct psc_dump *dump, struct psc_symbol_files **ret,
					      struct psc_error *reterr);
PSC_API const struct psc_symbol_file *psc_symbol_files_rows(const struct psc_symbol_files *files, size_t *ret_count);
PSC_API void psc_symbol_files_free(struct psc_symbol_files *files);

/** One source of pool figures and whether this dump offers it. */
struct psc_pool_source {
	const char *name; /**< "tag_trackers", "session_trackers", "big_page_table", "classic_walk",
			     "segment_heap_walk", "header_scan" */
	bool available;
	const char *detail; /**< how it was found, or why it is not there and what would help */
};

PSC_API const struct psc_pool_source *psc_dump_pool_sources(const struct psc_dump *dump, size_t *ret_count);

/** The keys that hide the segment heap's headers (Windows 10 1809 and later), and how they were found: "symbol" (read
 * from the heap's globals), "segment" (from headers of its segments) or "solved" (from chunks or subsegments
 * themselves). Votes: how many segments, chunks or subsegments agree, 0 when read. They are those that the walk uses.
 */
struct psc_pool_keys {
	bool has_heap_key;
	uint64_t heap_key;
	const char *heap_key_source; /**< NULL: not known */
	uint32_t heap_key_votes;
	bool has_lfh_key_low32;
	uint32_t lfh_key_low32;     /**< the half that hides block offsets */
	const char *lfh_key_source; /**< NULL: not known */
	uint32_t lfh_key_votes;
};

/** The keys, found on the first call. Errors: PSC_E_NO_MEMORY. Keys that cannot be known are no error. */
PSC_API enum psc_status psc_dump_pool_keys(struct psc_dump *dump, const struct psc_pool_keys **ret,
					   struct psc_error *reterr);

/** Messages about what was missing or contradictory while opening; each one line. */
PSC_API const char *const *psc_dump_warnings(const struct psc_dump *dump, size_t *ret_count);

/** "poolscope 0.1.0" style version of the library. */
PSC_API const char *psc_version(void);

/** What this build of the library was made with: lines "name: text" for the system, the compiler, and each library with
 * its version when built and what it is for, or "none" and what is missing for it. */
PSC_API const char *psc_build_features(void);
/** Kernels of which the built-in tables have addresses, and builds of which they have layouts. */
PSC_API void psc_builtin_counts(size_t *ret_kernels, size_t *ret_builds);

#ifdef __cplusplus
}
#endif

#endif
