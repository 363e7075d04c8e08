/* SPDX-License-Identifier: MIT */
/** @file
 * Every allocation of the pool, one by one, in address order.
 *
 * Blocks stream through a callback: memory does not grow with their number. What the walk could not see stands in the
 * coverage of the result, as for psc_tags_run().
 */
#ifndef POOLSCOPE_BLOCKS_H
#define POOLSCOPE_BLOCKS_H

#include <poolscope/callers.h>

#ifdef __cplusplus
extern "C" {
#endif

enum psc_block_state {
	PSC_BLOCK_ALLOCATED,
	PSC_BLOCK_FREE,   /**< its header still names the last owner */
	PSC_BLOCK_CACHED, /**< freed by its owner, kept by a lookaside or pending-free list */
};

/** What stores a block. */
enum psc_block_kind {
	PSC_BLOCK_KIND_UNKNOWN, /**< a pool header alone, seen in a small dump */
	PSC_BLOCK_KIND_LEGACY,  /**< a page of small blocks of the classic allocator */
	PSC_BLOCK_KIND_LFH,     /**< segment heap: slot of a low-fragmentation subsegment */
	PSC_BLOCK_KIND_VS,      /**< segment heap: chunk of a variable-size subsegment */
	PSC_BLOCK_KIND_SEGMENT, /**< segment heap: a page range of its own */
	PSC_BLOCK_KIND_LARGE,   /**< segment heap: outside the segments */
	PSC_BLOCK_KIND_BIG,     /**< big-page table: what stores it is not known */
	PSC_BLOCK_KIND_SPECIAL, /**< special pool: alone on its page */
	PSC_BLOCK_KIND_MAX
};

/** "allocated", "free", "cached". */
PSC_API const char *psc_block_state_name(enum psc_block_state state);
/** "unknown", "legacy", "lfh", "vs", "segment", "large", "big", "special". */
PSC_API const char *psc_block_kind_name(enum psc_block_kind kind);

/** A process of the dump. */
struct psc_block_process {
	uint64_t eprocess; /**< address of its _EPROCESS */
	bool is_listed;    /**< it is in the kernel's list of processes: pid and name are valid */
	uint64_t pid;
	const char *name; /**< image name as the kernel keeps it, at most 15 characters; "" when not readable */
};

/** One block, as a callback sees it: valid during the call. */
struct psc_block_row {
	uint64_t va;              /**< of the contents: what the allocating function returned */
	uint64_t header_va;       /**< of its pool header; equal to va where there is none */
	uint64_t size_bytes;      /**< of the contents: from va to the end of the block */
	uint64_t block_bytes;     /**< with the header: what the tag trackers count, and what options select by */
	uint64_t requested_bytes; /**< what the caller asked for; 0 when not known */
	uint64_t previous_bytes;  /**< of the block before it, as its header says; 0 none, or no such header */
	bool has_tag;
	uint8_t tag[4]; /**< memory order, protected bit cleared */
	bool is_protected;
	enum psc_pool pool;
	enum psc_block_kind kind;
	enum psc_block_state state;
	bool is_nx;     /**< nonpaged and not executable, where the dump says so */
	bool is_proven; /**< links, keys or tables agree that this is a block; else a candidate */
	bool has_process;
	struct psc_block_process process; /**< charged for it (quota); valid if has_process */
	const char *source;               /**< "big_page_table", "walk" or "scan" */
	bool has_caller;                  /**< who allocated it is recorded, and was asked for: */
	struct psc_code_location caller;  /**< as in struct psc_caller_row; texts live during the call */
	enum psc_caller_source caller_source;
	bool caller_is_inferred;
	uint64_t page_tables; /**< physical address of those that map the block: of its session; 0: of the kernel */
};

/** Return false to end: psc_blocks_run() then returns PSC_E_CANCELLED. Called on the calling thread. */
typedef bool psc_blocks_fn(void *arg, const struct psc_block_row *row);

enum psc_blocks_sort {
	PSC_BLOCKS_BY_ADDRESS = 0,
	PSC_BLOCKS_BY_SIZE, /**< largest first, then by address; max_rows bounds memory */
};

/** What to list. Initialise with PSC_BLOCKS_OPTIONS_INIT, which selects every block in use. */
struct psc_blocks_options {
	size_t size;         /**< sizeof(struct psc_blocks_options) */
	uint32_t n_threads;  /**< 0: as many as processors */
	const char *tag;     /**< pattern for psc_tag_pattern_match(); NULL: any */
	uint32_t pools;      /**< bit mask of 1 << enum psc_pool; 0: all */
	uint32_t kinds;      /**< bit mask of 1 << enum psc_block_kind; 0: all */
	uint32_t states;     /**< bit mask of 1 << enum psc_block_state; 0: all */
	uint64_t min_bytes;  /**< of block_bytes */
	uint64_t max_bytes;  /**< of block_bytes, inclusive; 0: no limit */
	uint64_t lo, hi;     /**< blocks with a byte in [lo, hi); hi 0: to the end of memory */
	const char *process; /**< charged process: its pid, image name, or _EPROCESS as 0x...; NULL: any */
	enum psc_blocks_sort sort;
	uint64_t max_rows; /**< rows given out; 0: all, by size at most PSC_BLOCKS_MAX_SORTED. All are counted. */
	psc_progress_fn *progress;
	void *progress_arg;
	bool callers;       /**< fill in the callers of rows; implied by the two below */
	const char *caller; /**< only blocks that this caller is recorded to have allocated: a return address
			       ("fffff80012345678", "0x..."), "MODULE+OFFSET" (hexadecimal), "SYMBOL" or
			       "MODULE!SYMBOL", both also with "+OFFSET": then only that return address; NULL: any */
	const char *module; /**< only blocks with a recorded caller in this module, as debuggers or files spell it; case
			       does not count; NULL: any */
};
#define PSC_BLOCKS_MAX_SORTED 1000000u
#define PSC_BLOCKS_OPTIONS_INIT                                                                                        \
	{                                                                                                              \
		sizeof(struct psc_blocks_options), 0, NULL, 0, 0, 1u << PSC_BLOCK_ALLOCATED, 0, 0, 0, 0, NULL,         \
			PSC_BLOCKS_BY_ADDRESS, 0, NULL, NULL, false, NULL, NULL                                        \
	}

struct psc_blocks; /* totals and coverage of a list */

/** Is this text a caller as struct psc_blocks_options takes it? PSC_E_ARGUMENT when not. */
PSC_API enum psc_status psc_caller_check(const char *text, struct psc_error *reterr);

/** List blocks. *ret receives totals and coverage and is freed with psc_blocks_free(). Deterministic for any n_threads.
 * Errors: PSC_E_ARGUMENT (tag pattern, process, caller), PSC_E_NOT_FOUND (no such process), PSC_E_CANCELLED,
 * PSC_E_NO_MEMORY. */
PSC_API enum psc_status psc_blocks_run(struct psc_dump *dump, const struct psc_blocks_options *opts, psc_blocks_fn *fn,
				       void *arg, struct psc_blocks **ret, struct psc_error *reterr);
PSC_API void psc_blocks_free(struct psc_blocks *blocks);

/** Blocks that matched, also those beyond max_rows, and the sum of their block_bytes. */
PSC_API uint64_t psc_blocks_count(const struct psc_blocks *blocks, uint64_t *ret_block_bytes);
/** As for tags: of the part of the pool that lo and hi leave. */
PSC_API const struct psc_walk_coverage *psc_blocks_coverage(const struct psc_blocks *blocks, size_t *ret_count);
/** NULL where nothing was searched. */
PSC_API const struct psc_scan_coverage *psc_blocks_scan_coverage(const struct psc_blocks *blocks);
/** Fraction of the walk's input that could be read, 0..1; with callers, caller or module no more than of the records of
 * callers (psc_callers_coverage_ratio()). */
PSC_API double psc_blocks_coverage_ratio(const struct psc_blocks *blocks);
/** The call was ended by struct psc_cancel: counts are lower bounds, lists end early. */
PSC_API bool psc_blocks_is_interrupted(const struct psc_blocks *blocks);
PSC_API const char *const *psc_blocks_warnings(const struct psc_blocks *blocks, size_t *ret_count);

/** A range of kernel addresses that is searched for blocks, or the table of big allocations itself. */
struct psc_pool_range {
	enum psc_pool pool;
	bool is_big_table;  /**< pool does not apply */
	bool is_special;    /**< special pool; of both pools, if the kernel does not keep them apart */
	uint64_t lo, hi;    /**< hi exclusive; 0: end of memory */
	const char *source; /**< how it is known */
};
/** Ranges in address order, the table first. Returns how many there are; fills at most max of ret. */
PSC_API size_t psc_dump_pool_ranges(struct psc_dump *dump, struct psc_pool_range *ret, size_t max);

/** Read kernel memory. Returns how many bytes from va on are in the dump, at most n: fewer at the first page that is
 * missing. */
PSC_API size_t psc_dump_read(struct psc_dump *dump, uint64_t va, void *buf, size_t n);
/** The same for memory of a block, which may be mapped in its session only. */
PSC_API size_t psc_block_read(struct psc_dump *dump, const struct psc_block_row *block, uint64_t va, void *buf,
			      size_t n);

/** A pool header, decoded (reference: pool 2.1, 2.2). */
struct psc_block_header {
	uint8_t bytes[16];
	size_t n_bytes;          /**< 16, or 8 on x86 */
	uint64_t previous_bytes; /**< of the block before it on its page; 0: none. Classic allocator only */
	uint64_t block_bytes;    /**< with the header */
	uint32_t pool_index;     /**< which descriptor of its pool it is from. Classic allocator only */
	uint32_t pool_type;      /**< as stored */
	char type_text[64];      /**< what that says: "paged, in use, quota"; "free" */
};
/** Read the header of a block from the dump. False: it is not in the dump, or none is there: big and special blocks
 * have none, and whoever freed a block of a segment heap may have written over it. */
PSC_API bool psc_block_header_read(struct psc_dump *dump, const struct psc_block_row *block,
				   struct psc_block_header *ret);

/** What the kernel's page tables say of an address: "present", "transition", "prototype", "paged out", "demand zero",
 * "not mapped", "unknown", "corrupt" (static), or "not in the dump": its page is known, but was not saved; "user": it
 * is no address of the kernel. */
PSC_API const char *psc_dump_va_state(struct psc_dump *dump, uint64_t va);

#ifdef __cplusplus
}
#endif

#endif
