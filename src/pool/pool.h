/* SPDX-License-Identifier: MIT */
/* The kernel pool: tag trackers, big-page table, and the classic allocator's pages.
 * Facts: reference pool.md; each parser names its section. */
#ifndef PSC_POOL_POOL_H
#define PSC_POOL_POOL_H

#include "kernel/kernel.h"
#include "pool/defect.h"
#include "util/hashmap.h"
#include "util/rangeset.h"
#include <poolscope/blocks.h>

#define PSC_TAG_PROTECTED 0x80000000u

/* Find what nothing gives by the dump's own bytes: addresses into k->found, layouts into k->profile, each with its
 * evidence into k->inferred; what of the built-in families does not fit is taken out. Once, before anything below. */
void psc_pool_infer(struct psc_kernel *k);

/* ---- pool header (pool.md section 2) ---- */
struct psc_pool_header {
	uint32_t previous_size, block_size; /* units, with header */
	uint32_t pool_index, pool_type;
	uint32_t tag;            /* as stored, protected bit included */
	uint64_t process_billed; /* as stored; x64 only, meaningless without the quota bit */
};
struct psc_pool_rules {
	bool is_64bit;
	unsigned unit_bytes;   /* 8 or 16: also the header's size */
	unsigned max_units;    /* in one page */
	bool type_plus_one;    /* XP and 2003: stored type = request type + 1 */
	bool quota_is_encoded; /* 8 and later */
	bool is_win8_or_later;
};
void psc_pool_rules_init(struct psc_pool_rules *ret, uint32_t build, bool is_64bit);
void psc_pool_header_parse(const uint8_t *bytes, const struct psc_pool_rules *rules, struct psc_pool_header *ret);
/* Its type in words, at most cap - 1 characters: "paged, in use, quota"; "free". */
void psc_pool_header_describe(const struct psc_pool_header *h, const struct psc_pool_rules *rules, char *ret,
			      size_t cap);
bool psc_pool_header_in_use(const struct psc_pool_header *h, const struct psc_pool_rules *rules);
bool psc_pool_header_is_paged(const struct psc_pool_header *h, const struct psc_pool_rules *rules);
bool psc_pool_header_has_quota(const struct psc_pool_header *h, const struct psc_pool_rules *rules);
/* AllocatorBackTraceIndex: in the bytes of the tag on x86, else in those of the charged process. 0: none. */
uint16_t psc_pool_header_trace_index(const struct psc_pool_header *h, const struct psc_pool_rules *rules);

/* ---- tag trackers (pool.md section 5) ---- */
struct psc_tracker_counts {
	uint64_t allocs, frees; /* sums over all tables; 32-bit counters added as u64 */
	uint64_t bytes;         /* modulo 2^64 (2^32 on x86), see psc_trackers.bytes_are_32bit */
	uint64_t live_u32_sum;  /* modulo 2^32 sum of allocs - frees where counts are 32-bit */
};
struct psc_tracker_row {
	uint32_t tag;                                 /* key without the protected bit */
	struct psc_tracker_counts half[PSC_POOL_MAX]; /* nonpaged, paged, session */
	bool incomplete;   /* a table page that could hold this tag's slot is missing: nonpaged and paged */
	bool is_protected; /* the key had the protected bit */
};
struct psc_trackers {
	bool available;
	const char *why_not; /* static or arena text */
	bool counts_are_32bit, bytes_are_32bit;
	struct psc_tracker_row *rows; /* sorted by tag in memory order; arena of the kernel passed in */
	size_t n_rows;
	uint64_t table_bytes, table_bytes_missing; /* over all tables */
	size_t n_tables;                           /* tables added up */
	bool has_session;                          /* session tables were read */
	bool session_incomplete;                   /* but not all of them, or not whole */
	uint64_t largest_entries;                  /* entries of the main table */
};
/* Reads all tables. Missing pages are counted, not fatal. Only PSC_E_NO_MEMORY fails. warnings get anomalies. */
enum psc_status psc_trackers_read(struct psc_kernel *k, struct psc_arena *arena, struct psc_warnings *warnings,
				  struct psc_trackers *ret, struct psc_error *reterr);
/* And, unless defects is NULL, entries that are not where they belong. */
enum psc_status psc_trackers_check(struct psc_kernel *k, struct psc_arena *arena, struct psc_warnings *warnings,
				   struct psc_defects *defects, struct psc_trackers *ret, struct psc_error *reterr);
/* live count of a half, by the layout's width. */
int64_t psc_tracker_live(const struct psc_trackers *t, const struct psc_tracker_counts *c);
int64_t psc_tracker_bytes(const struct psc_trackers *t, const struct psc_tracker_counts *c);

/* ---- big-page table (pool.md section 4) ---- */
struct psc_big_page {
	uint64_t va, bytes; /* bytes as charged */
	uint32_t tag;       /* as stored */
	enum psc_pool pool; /* PSC_POOL_MAX: neither the entry nor its address tells */
	bool is_free;       /* history of a freed allocation; va without the low bit */
	bool is_nx;
	uint64_t process; /* billed, 0 unknown */
	uint64_t index;   /* of the entry in its table */
};
struct psc_big_pages {
	bool available;
	const char *why_not;
	uint64_t table_va, n_entries, entry_bytes;
	uint64_t n_live, n_freed, n_invalid;
	uint64_t bytes_missing; /* of the table, not in the dump */
	int64_t entries_in_use; /* ExpPoolBigEntriesInUse, -1 unknown */
};
/* Streams live (and freed, is_free) entries in table order to visit until it returns false. ret is filled on return. */
enum psc_status psc_big_pages_read(struct psc_kernel *k, bool (*visit)(void *arg, const struct psc_big_page *p),
				   void *arg, struct psc_warnings *warnings, struct psc_arena *arena,
				   struct psc_big_pages *ret, struct psc_error *reterr);

struct psc_pool_regions;
/* Entries that make no sense, that are not where their hash puts them, or whose pages do not exist. false: out of
 * memory. */
bool psc_big_pages_defects(struct psc_kernel *k, const struct psc_pool_regions *regions, struct psc_defects *ret);
/* session_defects.c: the same of the tables that sessions have of their own, and entries for the same memory. */
bool psc_sessions_defects(struct psc_kernel *k, struct psc_defects *ret);
/* free_lists.c: what is wrong on the free lists of the classic allocator. */
void psc_free_lists_defects(struct psc_kernel *k, struct psc_defects *ret);

/* ---- where the pool is (pool.md section 3.3) ---- */
struct psc_pool_region {
	enum psc_pool pool; /* nonpaged or paged */
	uint64_t lo, hi;    /* hi exclusive, 0 = 2^64 */
	const char *source; /* "MmNonPagedPoolStart (debugger data block)", ... */
	bool by_bytes; /* not the kernel's own range: pages must prove themselves by closed chains, or by four and more
			  plausible blocks of a broken one, and their headers say which pool they belong to */
	bool either;   /* by_bytes, and nothing is known of either pool: pool means nothing */
	bool special;  /* special pool of the classic allocator; each page says which pool's */
};
/* x86: a type per 2 MiB of up to 2 GiB, so at worst as many regions; and a few others. */
#define PSC_POOL_REGIONS_MAX 1088
struct psc_pool_regions {
	struct psc_pool_region items[PSC_POOL_REGIONS_MAX];
	size_t n;
	bool has_nonpaged, has_paged;
	bool has_special;  /* and the range of special pool is known */
	bool seek_special; /* it is not, and it is in use */
};
void psc_pool_regions_find(struct psc_kernel *k, struct psc_warnings *warnings, struct psc_pool_regions *ret);
/* The region that holds va, other than of special pool; NULL: none. Regions are sorted once found. */
const struct psc_pool_region *psc_pool_region_at(const struct psc_pool_regions *regions, uint64_t va);

/* ---- cached blocks: per-processor lookasides, pending frees (pool.md sections 3.6-3.8) ---- */
struct psc_cached_set {
	struct psc_hashmap data_vas; /* set of data addresses (header + header size) */
	uint64_t lists_read, lists_missing, entries;
	bool not_found; /* some kind of list, or some processor's, is nowhere */
	struct psc_defects defects;
};
enum psc_status psc_cached_collect(struct psc_kernel *k, struct psc_warnings *warnings, struct psc_cached_set *ret,
				   struct psc_error *reterr);
void psc_cached_deinit(struct psc_cached_set *s);

/* ---- SLIST heads ---- */
/* First entry of a list head's bytes (8 or 16) at va, and its depth. 0: empty. */
uint64_t psc_slist_first(const uint8_t *head, uint64_t va, uint32_t build, bool is_64bit, uint32_t *ret_depth);

/* ---- one page of small blocks (pool.md section 3.5) ---- */
struct psc_small_block {
	uint32_t offset, size_bytes; /* in the page; block bytes with header */
	struct psc_pool_header header;
	bool in_use;
};
#define PSC_PAGE_BLOCKS_MAX 512
struct psc_page_blocks {
	struct psc_small_block items[PSC_PAGE_BLOCKS_MAX];
	size_t n;
	bool is_pool_page; /* chain closed, or prefix/suffix accepted */
	bool is_corrupt;   /* accepted in part: [gap_lo, gap_hi) is lost */
	uint32_t gap_lo, gap_hi;
};
/* Never reads outside page[0..4095]. pool: expected pool, for the score of short chains. n_descriptors: highest legal
 * PoolIndex + 1, 0 = do not check. */
void psc_pool_page_parse(const uint8_t page[PSC_PAGE_BYTES], const struct psc_pool_rules *rules, enum psc_pool pool,
			 struct psc_page_blocks *ret);

/* ---- the walk: every block of the classic pool, and big allocations, as a stream ---- */
struct psc_block {
	uint64_t va;              /* of the block: its pool header, or the first byte of a big allocation */
	uint64_t size_bytes;      /* block bytes with header; charged bytes for big ones */
	uint32_t front_bytes;     /* of size_bytes, before va: cache-aligned blocks have a second header */
	uint64_t requested_bytes; /* what the caller asked for; 0 not known */
	uint32_t tag;             /* as stored; 0 without has_tag */
	enum psc_pool pool;
	enum psc_block_state state;
	enum psc_block_kind kind;
	bool is_big;             /* whole pages, or page-aligned: no header, charged by the big-page table */
	bool is_nx;              /* nonpaged: not executable, where the heap, the table or the page says so */
	bool is_proven;          /* links, keys or tables agree that this is a block; else a candidate */
	bool has_tag;            /* false: a block, but what would name its tag is overwritten or missing */
	uint64_t billed;         /* billed process ^ ExpPoolQuotaCookie (up to 7: the process); 0 none */
	uint64_t process;        /* billed process (decoded), 0 none or not known */
	uint32_t previous_bytes; /* of the block before it, as the header says; classic allocator */
	uint16_t trace_index;    /* AllocatorBackTraceIndex as stored; 0: none, or its place holds something else */
	uint64_t top_pa;         /* of the page tables that map it, of some session; 0 those of the kernel */
};

/* Contents of blocks, whoever maps them (block_read.c). All zero at first. */
struct psc_block_reader {
	struct psc_space space;
	struct psc_reader *reader; /* of space, for blocks of sessions; made when the first is read */
};
/* The reader for a block with this top_pa, valid until the next call; NULL: out of memory. */
struct psc_reader *psc_block_reader_of(struct psc_block_reader *r, struct psc_kernel *k, uint64_t top_pa);
/* As psc_read_va(); 0 also when out of memory. */
size_t psc_block_read_at(struct psc_block_reader *r, struct psc_kernel *k, uint64_t top_pa, uint64_t va, void *buf,
			 size_t n);
void psc_block_reader_deinit(struct psc_block_reader *r);

/* Called from worker threads with that worker's context; blocks of one page come in address order. */
typedef void psc_block_fn(void *worker_ctx, const struct psc_block *b);

struct psc_walk_options {
	uint32_t n_threads;
	psc_block_fn *on_block;
	void **worker_ctx; /* one per thread: psc_effective_threads(n_threads, SIZE_MAX) of them */
	/* Instead of on_block: blocks in address order, on the calling thread. false stops: PSC_E_CANCELLED. */
	bool (*on_ordered)(void *arg, const struct psc_block *b);
	/* Which blocks on_ordered is to see; called from worker threads. NULL: all. */
	bool (*wanted)(const void *arg, const struct psc_block *b);
	bool find_defects; /* classic allocator: fill result.defects; segment heaps always do */
	void *ordered_arg; /* of both */
	size_t big_window; /* big allocations held at once for the order; 0: a default */
	uint64_t lo, hi;   /* small blocks: only pages of [lo, hi), in the coverage too; hi 0: to the end */
	psc_progress_fn *progress;
	void *progress_arg;
};
/* Pages that belong to a pool: of heaps' segments, of large allocations, of big ones outside of all heaps, and of the
 * heaps themselves. */
struct psc_pool_pages {
	bool known;             /* segment heaps that were walked */
	uint64_t walked_bytes;  /* pages that exist */
	uint64_t counted_bytes; /* segments and large allocations, by the heaps' own counters */
	bool counted_unknown;   /* of some heap the counters are missing */
	uint64_t lost_bytes;    /* whose existence is not known, or whose segment was not found */
	bool incomplete;        /* how much is missing is not known */
};
struct psc_walk_result {
	bool is_interrupted;         /* by the image's struct psc_cancel; what was not reached is uncounted */
	bool small_blocks_supported; /* false on segment-heap builds: only big allocations were given */
	struct psc_walk_coverage coverage[PSC_POOL_MAX];
	size_t n_coverage; /* with the session pool only where its heaps were walked */
	struct psc_pool_pages pages[2];
	struct psc_big_pages big;
	bool sessions_walked;             /* the session pool as well */
	struct psc_pool_keys keys;        /* with heaps */
	const struct psc_heap_row *heaps; /* segment heap; arena */
	size_t n_heaps;
	const struct psc_defect *defects; /* the lowest PSC_DEFECTS_MAX of them; arena */
	size_t n_defects;
	uint64_t n_defects_found;
	uint64_t descriptor_pages[2]; /* sum over pool descriptors: pages + big pages in use; 0 unknown */
	bool has_descriptor_pages[2];
};
/* arena: owns texts of the result. */
enum psc_status psc_pool_walk(struct psc_kernel *k, const struct psc_walk_options *opts, struct psc_arena *arena,
			      struct psc_warnings *warnings, struct psc_walk_result *ret, struct psc_error *reterr);

/* Which allocator serves small blocks. */
enum psc_allocator { PSC_ALLOCATOR_UNKNOWN, PSC_ALLOCATOR_CLASSIC, PSC_ALLOCATOR_SEGMENT_HEAP };
enum psc_allocator psc_pool_allocator(struct psc_kernel *k);

/* The kernel's own counters of pages handed to a pool (pool.md section 9). */
struct psc_pool_counter {
	bool known;
	uint64_t bytes;
	const char *source;
};
void psc_pool_counters(struct psc_kernel *k, struct psc_pool_counter ret[2]);

/* ---- triage dumps: candidate pool headers in saved ranges ---- */
struct psc_scan_result {
	uint64_t saved_bytes, scanned_bytes;
	uint64_t n_headers;                 /* proven and candidates */
	uint64_t n_proven_vs, n_proven_lfh; /* of these, segment heap only */
	uint64_t n_parked;                  /* and blocks whose header a list of freed blocks overwrote */
	struct psc_pool_keys keys;          /* that proved them */
};
/* Reports every plausible allocated pool header in saved ranges (alignment, sizes, in-use type, printable tag, and
 * where the saved bytes reach so far a next header that points back). Ranges of code and headers of modules are left
 * out. */
enum psc_status psc_scan_saved(struct psc_kernel *k, psc_block_fn *on_block, void *ctx, struct psc_scan_result *ret,
			       struct psc_error *reterr);

/* Sources for `info`: fills up to max entries; texts in arena. Returns the count. */
size_t psc_pool_sources_describe(struct psc_kernel *k, struct psc_arena *arena, struct psc_pool_source *ret,
				 size_t max);

#endif
