/* SPDX-License-Identifier: MIT */
/** @file
 * Who allocated: return addresses that the dump itself recorded.
 *
 * An ordinary pool header names no caller. Driver Verifier's records do, for the drivers it watched: live blocks with
 * the return address of their allocation, and a log of recent allocations and frees with stacks. So does the kernel's
 * stack-trace database, where it was on and pool headers carry its indices. What stands here is recorded, not inferred;
 * other blocks are not in it, unless they are asked for.
 */
#ifndef POOLSCOPE_CALLERS_H
#define POOLSCOPE_CALLERS_H

#include <poolscope/tags.h>

#ifdef __cplusplus
extern "C" {
#endif

enum psc_caller_source {
	PSC_CALLER_VERIFIER, /**< Verifier's records of live blocks, or its table of allocating stacks */
	PSC_CALLER_TRACE,    /**< the log alone: live blocks whose records are not in the dump */
	PSC_CALLER_STACKDB,  /**< the kernel's stack-trace database, through the index in a block's pool header */
	PSC_CALLER_NONE,     /**< nobody recorded it */
	PSC_CALLER_MAX
};

/** "verifier", "trace", "stackdb"; NULL for PSC_CALLER_NONE. */
PSC_API const char *psc_caller_source_name(enum psc_caller_source source);

/** What makes a row. */
enum psc_callers_by {
	PSC_CALLERS_BY_ADDRESS, /**< return address */
	PSC_CALLERS_BY_FUNCTION,
	PSC_CALLERS_BY_MODULE,
	PSC_CALLERS_BY_TAG,
	PSC_CALLERS_BY_TAG_ADDRESS, /**< tag, pool and return address */
	PSC_CALLERS_BY_TAG_MODULE,  /**< tag, pool and module */
	PSC_CALLERS_BY_POOL_MODULE,
	PSC_CALLERS_BY_TAG_MODULE_SIZE /**< tag, pool, module and size of block; sizes are known with all_blocks */
};

#define PSC_CALLER_TAGS_MAX 16
struct psc_caller_row {
	enum psc_caller_source source;
	bool is_inferred; /**< log: it was assumed, not read, that the newest record is an allocation; stackdb: more
			     blocks name this trace than it was logged for */
	struct psc_code_location caller; /**< not of rows by tag */
	bool has_pool;
	enum psc_pool pool;
	uint8_t tags[PSC_CALLER_TAGS_MAX][4]; /**< memory order, protected bit cleared; sorted */
	size_t n_tags;                        /**< in tags */
	bool has_more_tags;
	uint64_t live, live_bytes; /**< usable bytes, as Verifier counts them; with all_blocks block bytes */
	uint64_t block_bytes;      /**< of rows by size: bytes of each block; 0: not known, or of different sizes */
	bool has_lifetime;         /**< of allocations and frees since Verifier started */
	uint64_t allocs, frees, alloc_bytes;
	const struct psc_code_location *stack; /**< of the newest allocation known, innermost first; NULL none */
	size_t n_stack;
};

struct psc_callers_options {
	size_t size; /**< sizeof(struct psc_callers_options) */
	enum psc_callers_by by;
	const char *tag;          /**< pattern for psc_tag_pattern_match(); NULL: any */
	const char *module;       /**< of the caller, as debuggers or files spell it; case does not count; NULL: any */
	const uint8_t *tag_bytes; /**< only this tag, 4 bytes in memory order without the protected bit; NULL: any */
	bool all_blocks;          /**< every live block that a walk of the pool finds, each once, in block bytes; those
				     that nobody recorded are rows of PSC_CALLER_NONE. Without lifetimes and stacks. */
	uint32_t n_threads;       /**< of the walk; 0: as many as processors */
	psc_progress_fn *progress;
	void *progress_arg;
};
#define PSC_CALLERS_OPTIONS_INIT                                                                                       \
	{                                                                                                              \
		sizeof(struct psc_callers_options), PSC_CALLERS_BY_ADDRESS, NULL, NULL, NULL, false, 0, NULL, NULL     \
	}

/** A driver that Verifier watched. */
struct psc_verified_driver {
	const char *name;
	uint64_t base, end; /**< of its image; 0 not known */
	uint32_t loads, unloads;
	bool is_loaded;
	bool has_counts;                                     /**< Verifier's own counters: */
	uint32_t paged, nonpaged, peak_paged, peak_nonpaged; /**< allocations */
	uint64_t paged_bytes, nonpaged_bytes, peak_paged_bytes, peak_nonpaged_bytes;
	uint64_t listed, listed_bytes; /**< records that were read */
	bool incomplete;
};

/** One of Verifier's machine-wide counters, named as in MM_DRIVER_VERIFIER_DATA. */
struct psc_verifier_total {
	const char *name;
	bool known;
	uint32_t value;
};

/** What the recorded sources are and how much of them was read. */
struct psc_callers_info {
	bool verifier_available;
	bool verifier_known_off; /**< not available because it is known that Verifier recorded nothing: it was off or
				    did not track pool, or its lists were read and name no driver */
	const char *verifier_why_not;
	uint64_t record_pages_read, record_pages_missing;
	bool tag_filter; /**< the table of stacks leaves tags out by design */
	bool log_available;
	const char *log_why_not;
	uint64_t log_length, log_records, log_missing;
	bool stacks_available;
	const char *stacks_why_not;
	uint64_t live, live_bytes; /**< over all rows of source verifier */
	bool stackdb_available;    /**< the kernel's stack-trace database was read */
	bool stackdb_known_off;    /**< not available because it is known that there is none */
	const char *stackdb_why_not;
	uint64_t stackdb_traces, stackdb_missing, stackdb_invalid; /**< entries: read, not in the dump, nonsense */
	bool stackdb_joined; /**< pool headers carry its indices: there are rows of source stackdb */
	const char *stackdb_why_not_joined;
	uint64_t stackdb_blocks;     /**< live blocks whose header names a trace */
	uint64_t stackdb_lost;       /**< whose trace is not in the dump */
	uint64_t stackdb_unmatched;  /**< whose header holds a number there that is of no trace */
	uint64_t unmet, unmet_bytes; /**< all_blocks: recorded blocks that the walk did not find: in no row */
};

struct psc_callers; /* a result */

/** Aggregate the recorded callers. Rows are sorted by live bytes, largest first. The result belongs to the dump's
 * memory no longer and is freed with psc_callers_free(). Where nothing was recorded the result has no rows and
 * psc_callers_get_info() says why. Errors: PSC_E_ARGUMENT (tag pattern), PSC_E_NO_MEMORY. */
PSC_API enum psc_status psc_callers_run(struct psc_dump *dump, const struct psc_callers_options *opts,
					struct psc_callers **ret, struct psc_error *reterr);
PSC_API void psc_callers_free(struct psc_callers *callers);
PSC_API const struct psc_caller_row *psc_callers_rows(const struct psc_callers *callers, size_t *ret_count);
PSC_API const struct psc_verified_driver *psc_callers_drivers(const struct psc_callers *callers, size_t *ret_count);
PSC_API const struct psc_verifier_total *psc_callers_totals(const struct psc_callers *callers, size_t *ret_count);
/** Verifier's counters over all drivers; NULL when not readable. Only its counts are set. */
PSC_API const struct psc_verified_driver *psc_callers_all_drivers(const struct psc_callers *callers);
PSC_API const struct psc_callers_info *psc_callers_get_info(const struct psc_callers *callers);
/** The call was ended by struct psc_cancel: counts are lower bounds. */
PSC_API bool psc_callers_is_interrupted(const struct psc_callers *callers);
/** Of the walk, with all_blocks; else none. */
PSC_API const struct psc_walk_coverage *psc_callers_coverage(const struct psc_callers *callers, size_t *ret_count);
/** NULL where nothing was searched. */
PSC_API const struct psc_scan_coverage *psc_callers_scan_coverage(const struct psc_callers *callers);
/** Fraction of what was recorded that could be read, 0..1, the least of the sources that could be: of Verifier's
 * records (where they cannot be read, of its table of stacks), and of blocks that name a trace of the stack-trace
 * database. The log alone is no such source: it holds recent operations only. Where no source could be read: 1 if it is
 * known that nothing was recorded (verifier_known_off, and no trace database or one that no block names), else 0. With
 * all_blocks the fraction of the walk's input that could be read, where that is less. */
PSC_API double psc_callers_coverage_ratio(const struct psc_callers *callers);
PSC_API const char *const *psc_callers_warnings(const struct psc_callers *callers, size_t *ret_count);

/** One live block as recorded. */
struct psc_caller_block {
	uint64_t va; /**< of the data */
	uint64_t size_bytes;
	uint8_t tag[4];
	const char *driver; /**< verified driver that owns the record */
	struct psc_code_location caller;
};
/** Return false to stop. Called in the order of Verifier's records. */
typedef bool psc_caller_block_fn(void *arg, const struct psc_caller_block *block);
PSC_API enum psc_status psc_caller_blocks_run(struct psc_dump *dump, psc_caller_block_fn *fn, void *arg,
					      struct psc_error *reterr);

/** One record of the log of pool operations, newest first. */
struct psc_caller_event {
	uint64_t va, size_bytes, thread, age;
	const struct psc_code_location *stack;
	size_t n_stack;
};
typedef bool psc_caller_event_fn(void *arg, const struct psc_caller_event *event);
PSC_API enum psc_status psc_caller_events_run(struct psc_dump *dump, psc_caller_event_fn *fn, void *arg,
					      struct psc_error *reterr);

#ifdef __cplusplus
}
#endif

#endif
