/* SPDX-License-Identifier: MIT */
/** @file
 * What contradicts itself in the pool: broken chains of blocks, impossible headers, tables and lists that do not fit.
 *
 * Each defect has an address, what stands there and what should, and the block before it: an overrun comes from below.
 * A page that is missing in the dump is no defect.
 */
#ifndef POOLSCOPE_VALIDATE_H
#define POOLSCOPE_VALIDATE_H

#include <poolscope/blocks.h>

#ifdef __cplusplus
extern "C" {
#endif

struct psc_validate_options {
	size_t size;        /**< sizeof(struct psc_validate_options) */
	uint32_t n_threads; /**< 0: as many as processors */
	uint64_t lo, hi; /**< only blocks and their storage in [lo, hi); hi 0: all, and the tables and lists as well */
	psc_progress_fn *progress;
	void *progress_arg;
};
#define PSC_VALIDATE_OPTIONS_INIT                                                                                      \
	{                                                                                                              \
		sizeof(struct psc_validate_options), 0, 0, 0, NULL, NULL                                               \
	}

struct psc_defect_row {
	const char *check;  /**< what was checked: "previous size", "block size zero", "big page entry", ... */
	uint64_t va;        /**< of what is wrong; 0: it has no address (a sum) */
	uint64_t container; /**< page, heap, segment, list or table that it belongs to; 0: none */
	bool has_values;    /**< expected and found say something */
	uint64_t expected, found;
	bool has_suspect; /**< there is a block before it on the same page or in the same storage */
	struct psc_block_row suspect;
	bool has_tag; /**< the defect is that of a tag's counters */
	uint8_t tag[4];
	enum psc_pool pool;   /**< of that tag */
	bool is_inside;       /**< va lies at the end of the suspect, not behind it */
	bool is_around;       /**< va lies on the suspect's page of special pool, before or behind it */
	uint64_t page_tables; /**< of the session in whose heap it is, as those of its blocks; 0: of none, or not known
			       */
};

struct psc_validate;

/** Check the pool. Errors: PSC_E_CANCELLED, PSC_E_NO_MEMORY, PSC_E_NOT_FOUND (a small dump: no pool to check). */
PSC_API enum psc_status psc_validate_run(struct psc_dump *dump, const struct psc_validate_options *opts,
					 struct psc_validate **ret, struct psc_error *reterr);
PSC_API void psc_validate_free(struct psc_validate *v);
/** Defects by address, at most some thousand: the lowest ones. */
PSC_API const struct psc_defect_row *psc_validate_rows(const struct psc_validate *v, size_t *ret_count);
/** All that were found, and blocks that were looked at. */
PSC_API uint64_t psc_validate_count(const struct psc_validate *v, uint64_t *ret_blocks);
PSC_API const struct psc_walk_coverage *psc_validate_coverage(const struct psc_validate *v, size_t *ret_count);
/** The pool's segment heaps beside their own counters, as psc_tags_heaps(); none where only a part was checked. */
PSC_API const struct psc_heap_row *psc_validate_heaps(const struct psc_validate *v, size_t *ret_count);
PSC_API double psc_validate_coverage_ratio(const struct psc_validate *v);
/** The call was ended by struct psc_cancel: counts are lower bounds, lists end early. */
PSC_API bool psc_validate_is_interrupted(const struct psc_validate *v);
PSC_API const char *const *psc_validate_warnings(const struct psc_validate *v, size_t *ret_count);

#ifdef __cplusplus
}
#endif

#endif
