/* SPDX-License-Identifier: MIT */
/** @file
 * What changed between dumps of one machine, or between a healthy machine and a suspect.
 *
 * One dump shows high use. Several show growth. Neither is a leak by itself: a cache grows too. The result keeps these
 * words apart and says what a rate stands on: same boot or not, same kernel or not, and which figures are known.
 */
#ifndef POOLSCOPE_DIFF_H
#define POOLSCOPE_DIFF_H

#include <poolscope/blocks.h>

#ifdef __cplusplus
extern "C" {
#endif

enum psc_diff_by {
	PSC_DIFF_BY_TAG = 0,  /**< tag and pool: the trackers' figures where all dumps have them, else the walk's */
	PSC_DIFF_BY_TAG_SIZE, /**< tag, pool and block size: from the walk */
	PSC_DIFF_BY_PROCESS,  /**< process that is charged (quota): from the walk */
	PSC_DIFF_BY_CALLER, /**< return address that is recorded to have allocated (psc_callers_run() with all_blocks):
			       from the walk. The same in two dumps when module and offset are. */
	PSC_DIFF_BY_TAG_CALLER, /**< tag, pool and such a caller */
};

enum psc_diff_flags {
	PSC_DIFF_NO_WALK = 1, /**< trackers only; PSC_DIFF_BY_TAG without PSC_DIFF_PINNED */
	PSC_DIFF_PINNED = 2,  /**< find blocks that all dumps hold at the same address with the same contents;
				  PSC_DIFF_BY_TAG and PSC_DIFF_BY_TAG_SIZE only */
};

struct psc_diff_options {
	size_t size; /**< sizeof(struct psc_diff_options) */
	enum psc_diff_by by;
	uint32_t flags;     /**< enum psc_diff_flags */
	uint32_t n_threads; /**< 0: as many as processors */
	const char *tag;    /**< pattern; NULL: all. Not with PSC_DIFF_BY_PROCESS. */
	uint32_t pools;     /**< bit mask of 1 << enum psc_pool; 0: all */
	psc_progress_fn *progress;
	void *progress_arg;
};
#define PSC_DIFF_OPTIONS_INIT                                                                                          \
	{                                                                                                              \
		sizeof(struct psc_diff_options), PSC_DIFF_BY_TAG, 0, 0, NULL, 0, NULL, NULL                            \
	}

/** Figures of one row in one dump. */
struct psc_diff_point {
	bool known; /**< live and live_bytes; a key that a dump does not have counts 0 there */
	int64_t live, live_bytes;
	bool has_counters; /**< allocs and frees, since the boot */
	uint64_t allocs, frees;
};

/** How live bytes move through the dumps, in their order. */
enum psc_diff_trend {
	PSC_TREND_UNKNOWN = 0, /**< a figure is missing */
	PSC_TREND_LEVEL,       /**< the same in all */
	PSC_TREND_GROWS,       /**< never less, and more in the end */
	PSC_TREND_SHRINKS,     /**< never more, and less in the end */
	PSC_TREND_VARIES,      /**< both */
	PSC_TREND_NEW,         /**< nothing in the first dump, something in the last */
	PSC_TREND_GONE,        /**< nothing in the last dump */
};

/** "unknown", "level", "grows", "shrinks", "varies", "new", "gone". */
PSC_API const char *psc_diff_trend_name(enum psc_diff_trend trend);

struct psc_diff_row {
	uint8_t tag[4]; /**< memory order, protected bit cleared; not by process or caller alone */
	enum psc_pool pool;
	uint64_t block_bytes;                /**< by size only */
	struct psc_block_process process;    /**< by process only */
	const char *source;                  /**< of live figures: "tracker" or "walk" */
	const struct psc_diff_point *points; /**< one per dump */
	enum psc_diff_trend trend;
	bool has_growth; /**< live and live_bytes are known in the first and in the last dump */
	int64_t growth, growth_bytes;
	bool has_rate; /**< and both are of one boot, with time between them */
	double growth_per_hour, growth_bytes_per_hour;
	bool has_turnover; /**< counters of both are of one boot and did not wrap, with allocations between */
	uint64_t new_allocs, new_frees; /**< between the first and the last dump */
	uint32_t group;                 /**< lockstep group, from 1; 0: none */
	bool has_pinned;
	uint64_t pinned, pinned_bytes;     /**< blocks of the first dump that all dumps hold unchanged */
	uint64_t compared, compared_bytes; /**< blocks of the first dump, but for those whose
					      contents are not all in the dumps that hold them */
	bool has_caller;                   /**< by caller only; false there: nobody recorded who allocated these */
	struct psc_code_location caller;   /**< address and symbol in the last dump that has it */
	bool caller_is_inferred;           /**< in one of the dumps; see struct psc_caller_row */
};

enum psc_diff_boot {
	PSC_BOOT_UNKNOWN = 0, /**< a dump lacks its time or uptime */
	PSC_BOOT_SAME,
	PSC_BOOT_OTHER, /**< rebooted between, or another machine */
};

/** "unknown", "same", "other". */
PSC_API const char *psc_diff_boot_name(enum psc_diff_boot boot);

/** How first and last dump belong together. */
struct psc_diff_relation {
	enum psc_diff_boot boot;
	bool same_kernel; /**< the same kernel image: PDB identity, or build where that is not known */
	bool has_hours;
	double hours; /**< of uptime between them; negative when the last dump is the older one */
};

struct psc_diff;

/** Compare dumps, the first against the last; those between make the trend. dumps: at least 2. The result is
 * independent of them afterwards and freed with psc_diff_free(). Rows: largest growth of bytes first.
 * Errors: PSC_E_ARGUMENT, PSC_E_CANCELLED, PSC_E_NO_MEMORY. Memory grows with the number of rows, not of blocks. */
PSC_API enum psc_status psc_diff_run(struct psc_dump *const *dumps, size_t n_dumps, const struct psc_diff_options *opts,
				     struct psc_diff **ret, struct psc_error *reterr);
PSC_API void psc_diff_free(struct psc_diff *diff);

enum psc_diff_sort {
	PSC_DIFF_SORT_GROWTH = 0, /**< growth of bytes, largest first; unknown last */
	PSC_DIFF_SORT_COUNT,      /**< growth of live allocations */
	PSC_DIFF_SORT_BYTES,      /**< live bytes of the last dump */
	PSC_DIFF_SORT_TAG,
};
/** "growth", "count", "bytes", "tag". */
PSC_API bool psc_diff_sort_parse(const char *text, enum psc_diff_sort *ret);
PSC_API void psc_diff_sort(struct psc_diff *diff, enum psc_diff_sort order);
PSC_API const struct psc_diff_row *psc_diff_rows(const struct psc_diff *diff, size_t *ret_count);
PSC_API const struct psc_diff_relation *psc_diff_get_relation(const struct psc_diff *diff);
PSC_API const char *const *psc_diff_warnings(const struct psc_diff *diff, size_t *ret_count);
/** The least of what the tables and walks of the dumps covered, 0..1. */
PSC_API double psc_diff_coverage_ratio(const struct psc_diff *diff);

#ifdef __cplusplus
}
#endif

#endif
