/* SPDX-License-Identifier: MIT */
/** @file
 * Pool use per tag: the trackers' counters beside a walk of the pool itself.
 *
 * A row is one (pool tag, pool). The protected bit (0x80000000, top bit of the tag's last byte) is not part of the key.
 * Tracker figures are what the kernel counted; walk figures are what poolscope found block by block. Where a page is
 * missing the walk says so in the coverage and its figures are lower bounds.
 */
#ifndef POOLSCOPE_TAGS_H
#define POOLSCOPE_TAGS_H

#include <poolscope/dump.h>

#ifdef __cplusplus
extern "C" {
#endif

enum psc_pool { PSC_POOL_NONPAGED = 0, PSC_POOL_PAGED = 1, PSC_POOL_SESSION = 2, PSC_POOL_MAX };

/** "nonpaged", "paged", "session". */
PSC_API const char *psc_pool_name(enum psc_pool pool);

/** What a segment heap is for. */
enum psc_heap_type {
	PSC_HEAP_NONPAGED = 0,    /**< executable */
	PSC_HEAP_NONPAGED_NX = 1, /**< what drivers are given by default */
	PSC_HEAP_PAGED = 2,
	PSC_HEAP_PROTOTYPE = 3, /**< prototype page table entries; paged */
	PSC_HEAP_SESSION = 4,   /**< paged pool of one session */
	PSC_HEAP_TYPE_MAX
};

/** "nonpaged", "nonpaged_nx", "paged", "prototype", "session". */
PSC_API const char *psc_heap_type_name(enum psc_heap_type type);

enum psc_tags_flags {
	PSC_TAGS_NO_WALK = 1, /**< trackers only: reads a few tables whatever the size of the dump */
	PSC_TAGS_BY_SIZE = 2, /**< one row per (tag, pool, block size); tracker figures are then not given */
};

struct psc_tags_options {
	size_t size;        /**< sizeof(struct psc_tags_options) */
	uint32_t flags;     /**< enum psc_tags_flags */
	uint32_t n_threads; /**< 0: as many as processors */
	psc_progress_fn *progress;
	void *progress_arg;
};
#define PSC_TAGS_OPTIONS_INIT                                                                                          \
	{                                                                                                              \
		sizeof(struct psc_tags_options), 0, 0, NULL, NULL                                                      \
	}

/** Where a row's counters come from. */
enum psc_row_source {
	PSC_SOURCE_TRACKER = 0,
	PSC_SOURCE_WALK = 1,
	PSC_SOURCE_SCAN = 2,
	PSC_SOURCE_TRACKER_PARTIAL = 3, /**< a part of the tables that may hold this tag is missing: allocs and frees
					   are lower bounds, live figures are not known */
};

/** "tracker", "walk", "scan", "tracker_partial". */
PSC_API const char *psc_row_source_name(enum psc_row_source source);

/** Counts of blocks and bytes. Bytes of small blocks are block bytes with their pool header, as trackers count them. */
struct psc_walk_counts {
	uint64_t live, live_bytes;
	uint64_t proven, proven_bytes; /**< of the live ones: links, keys or tables agree; the rest are candidates */
	uint64_t free, free_bytes;     /**< free blocks whose header still names the tag */
	uint64_t cached, cached_bytes; /**< freed by their owner, kept by a lookaside list or pending-free list */
};

struct psc_tag_row {
	uint8_t tag[4]; /**< memory order, protected bit cleared */
	bool is_protected;
	enum psc_pool pool;
	enum psc_row_source source;
	bool has_tracker;         /**< allocs and frees are valid */
	bool has_live;            /**< live and live_bytes are valid: nothing that counts is missing */
	uint64_t allocs, frees;   /**< since boot */
	int64_t live, live_bytes; /**< allocs - frees; negative sums are shown as they are */
	bool has_walk;
	bool walk_big_only;       /**< free and cached are not known: only big allocations were seen */
	bool walk_cached_unknown; /**< the lists of cached blocks were not found: live counts those blocks too */
	struct psc_walk_counts walk;
	uint64_t block_bytes; /**< PSC_TAGS_BY_SIZE only */
};

/** Coverage of one pool's walk; of the session pool only where its heaps were walked. All in bytes of virtual address
 * space unless said otherwise. */
struct psc_walk_coverage {
	enum psc_pool pool;
	bool range_known;
	const char *range_source; /**< how the pool's address range was found */
	bool cached_known;        /**< the lists of cached blocks were found; else cached blocks count as live */
	bool big_only;            /**< segment heap: only big allocations were counted, small blocks were not read */
	uint64_t mapped_bytes;    /**< page tables say it exists: present, transition, paged out or not in dump */
	uint64_t read_bytes;      /**< of these, looked at */
	uint64_t paged_out_bytes; /**< contents in a page file */
	uint64_t not_in_dump_bytes;
	uint64_t unknown_bytes;   /**< page tables missing: extent cannot be known */
	uint64_t pool_page_bytes; /**< pages whose block chain closed or was partly accepted */
	uint64_t big_bytes;       /**< covered by live big allocations */
	uint64_t special_bytes;   /**< pages of the classic allocator's special pool */
	uint64_t other_bytes;     /**< readable but none of these: free, stale, or not pool */
	uint64_t corrupt_pages;   /**< chains that broke; of a segment heap: contradictions found */
	uint64_t live_blocks;
	uint64_t unvisited_bytes; /**< the walk was interrupted before it reached them, as far as is known */
	/* Segment heaps only: */
	uint64_t untagged_blocks, untagged_bytes;     /**< of the live ones: nothing names their tag; in no row */
	uint64_t headerless_blocks, headerless_bytes; /**< of these: because the page of their header is missing */
	uint64_t cached_blocks, cached_bytes;         /**< freed, kept by a list that overwrote their tag; in no row */
	uint64_t delayed_blocks, delayed_bytes; /**< so many of the live ones were freed, and nothing tells which */
	uint64_t lost_count, lost_bytes;        /**< stretches in which blocks could not be told apart */
	uint64_t lost_paged_out_bytes, lost_not_in_dump_bytes, lost_unknown_bytes, lost_corrupt_bytes; /**< why */
};

/** One of a heap's own counters, beside what was walked. */
struct psc_heap_counter {
	const char *name; /**< as in Microsoft's symbols of _SEGMENT_HEAP; static */
	uint64_t counted_bytes, walked_bytes;
	int64_t difference; /**< counted_bytes - walked_bytes */
	bool is_exact;      /**< what it counts is known; else only its name says it, and some difference is normal */
	bool is_explained;  /**< no difference, or none above what of this heap is missing in the dump */
};
#define PSC_HEAP_COUNTERS_MAX 8

/** One segment heap of the pool: what was walked, beside the heap's own counters. */
struct psc_heap_row {
	uint64_t va;
	uint32_t node; /**< NUMA node, or of a session: its number in the order found */
	enum psc_heap_type type;
	enum psc_pool pool;
	bool is_special; /**< special pool */
	bool has_counters;
	uint64_t segments, segments_counted; /**< walked; by the heap's own counters */
	uint64_t walked_bytes;               /**< pages of these segments that exist */
	uint64_t large_bytes;                /**< large allocations, outside the segments */
	uint64_t committed_bytes;            /**< by the heap's counter, segments */
	uint64_t free_committed_bytes;       /**< of these, by the heap's counters: in free ranges and subsegments */
	int64_t difference;                  /**< committed_bytes - walked_bytes */
	uint64_t live_blocks, live_bytes, cached_bytes, free_bytes;
	uint64_t vs_bytes, vs_counted_bytes; /**< chunks of variable size: pages walked; by the heap's counter */
	uint64_t lost_bytes;
	uint64_t unknown_bytes; /**< page tables are missing: not in walked_bytes, may exist */
	/** walked_bytes by use; vs_bytes and these make it up: descriptors of segments, free page ranges, page ranges
	 * of their own, what the heap keeps for itself, subsegments of blocks of one size, and what no descriptor
	 * tells. */
	uint64_t descriptor_bytes, free_range_bytes, range_bytes, internal_bytes, lfh_bytes, unowned_bytes;
	struct psc_heap_counter counters[PSC_HEAP_COUNTERS_MAX];
	size_t n_counters; /**< 0 without has_counters */
};

struct psc_tags_totals {
	enum psc_pool pool;
	bool has_tracker;
	int64_t tracker_live, tracker_live_bytes; /**< of the rows that are complete: totals only if all are */
	uint64_t tracker_incomplete_rows;         /**< rows of this pool that are not in these sums */
	bool has_walk;
	struct psc_walk_counts walk;
	bool has_kernel_bytes;
	uint64_t kernel_bytes;     /**< the kernel's own counter of pages handed to this pool, in bytes */
	const char *kernel_source; /**< which counter */
	bool has_pages;            /**< segment heaps: */
	uint64_t pages_bytes;      /**< pages found: of heaps and their segments, of large allocations, of big ones
				      outside of all heaps */
	bool has_heaps_bytes;
	uint64_t heaps_bytes;     /**< segments and large allocations, by the heaps' own counters */
	int64_t pages_difference; /**< kernel_bytes - pages_bytes; with has_kernel_bytes and has_pages */
	bool pages_explained;     /**< no difference, or none above what is missing in the dump */
};

/** How much of the tag trackers could be read. */
struct psc_tracker_coverage {
	bool available;
	const char *why_not;      /**< when not available; else NULL */
	uint64_t tables;          /**< tables added up */
	uint64_t table_bytes;     /**< of all tables that exist */
	uint64_t missing_bytes;   /**< of these, not in the dump or not found */
	uint64_t incomplete_rows; /**< rows that may lack what stands in the missing part */
};

/** What was searched for pool headers: small dumps only. */
struct psc_scan_coverage {
	uint64_t saved_bytes;   /**< memory in the dump */
	uint64_t scanned_bytes; /**< of these, searched: not code, not stacks */
	uint64_t headers;       /**< found; each is one live block of a row with source "scan" */
	uint64_t proven_vs;     /**< of these, blocks behind a chunk header that decodes under the heap key */
	uint64_t proven_lfh;    /**< of these, busy slots of a subsegment that decodes under the LFH key */
	uint64_t parked;        /**< besides: proven blocks that were freed and whose header a list overwrote */
};

struct psc_tags; /* a result */

/** Compute the table. The result is independent of the dump afterwards and freed with psc_tags_free().
 * Rows are sorted by pool then tag bytes; use psc_tags_sort() for another order. Deterministic for any n_threads. */
PSC_API enum psc_status psc_tags_run(struct psc_dump *dump, const struct psc_tags_options *opts, struct psc_tags **ret,
				     struct psc_error *reterr);
PSC_API void psc_tags_free(struct psc_tags *tags);

enum psc_tags_sort {
	PSC_SORT_TAG = 0,
	PSC_SORT_BYTES,    /**< live bytes, largest first */
	PSC_SORT_NONPAGED, /**< nonpaged rows first, by live bytes */
	PSC_SORT_PAGED,
	PSC_SORT_ALLOCS,
	PSC_SORT_FREES,
	PSC_SORT_DIFF,      /**< live count */
	PSC_SORT_PER_ALLOC, /**< bytes per live allocation */
};

/** Parse "tag", "bytes", "nonpaged", "paged", "allocs", "frees", "diff", "per-alloc" or PoolMon's letters t b a f d m.
 */
PSC_API bool psc_tags_sort_parse(const char *text, enum psc_tags_sort *ret);
/** Stable order: ties by pool, then tag bytes, then block size. */
PSC_API void psc_tags_sort(struct psc_tags *tags, enum psc_tags_sort order);
PSC_API const struct psc_tag_row *psc_tags_rows(const struct psc_tags *tags, size_t *ret_count);
PSC_API const struct psc_tags_totals *psc_tags_get_totals(const struct psc_tags *tags, size_t *ret_count);
PSC_API const struct psc_walk_coverage *psc_tags_coverage(const struct psc_tags *tags, size_t *ret_count);
/** The pool's segment heaps in the order of their addresses; none where the walk did not meet any. */
PSC_API const struct psc_heap_row *psc_tags_heaps(const struct psc_tags *tags, size_t *ret_count);
/** The keys that decoded the segment heaps (of a triage dump: the saved blocks), and where they are from. NULL where no
 * segment heap was met. Borrowed. */
PSC_API const struct psc_pool_keys *psc_tags_keys(const struct psc_tags *tags);
PSC_API const struct psc_tracker_coverage *psc_tags_tracker_coverage(const struct psc_tags *tags);
/** NULL where nothing was searched. */
PSC_API const struct psc_scan_coverage *psc_tags_scan_coverage(const struct psc_tags *tags);
PSC_API const char *const *psc_tags_warnings(const struct psc_tags *tags, size_t *ret_count);
/** Fraction of the tracker and walk inputs that could be read, 0..1: what --min-coverage compares. */
PSC_API double psc_tags_coverage_ratio(const struct psc_tags *tags);
/** The call was ended by struct psc_cancel: counts are lower bounds, lists end early. */
PSC_API bool psc_tags_is_interrupted(const struct psc_tags *tags);

/** KD's tag pattern: `*` any run, `?` one byte, otherwise byte for byte; exactly four characters unless it holds `*`.
 * Never folds case. Returns PSC_E_ARGUMENT with a text for a pattern of the wrong length. */
PSC_API enum psc_status psc_tag_pattern_check(const char *pattern, struct psc_error *reterr);
PSC_API bool psc_tag_pattern_match(const char *pattern, const uint8_t tag[4]);

/** Printable form: ASCII as is, backslash as `\\`, other bytes as `\xNN`. buf: at least 17 bytes. Returns buf. */
PSC_API char *psc_tag_format(const uint8_t tag[4], char *buf);

/** Owner names from a file in the format of Microsoft's pooltag.txt: `TAG - owner - description` lines. */
struct psc_tag_file;
PSC_API enum psc_status psc_tag_file_open(const char *path, struct psc_tag_file **ret, struct psc_error *reterr);
/** The text after the first dash for this tag, NULL when the file has none. Exact entries win over those with `?`/`*`.
 */
PSC_API const char *psc_tag_file_lookup(const struct psc_tag_file *file, const uint8_t tag[4]);
PSC_API void psc_tag_file_close(struct psc_tag_file *file);

#ifdef __cplusplus
}
#endif

#endif
