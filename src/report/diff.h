/* SPDX-License-Identifier: MIT */
/* The result behind psc_diff_run. */
#ifndef PSC_REPORT_DIFF_H
#define PSC_REPORT_DIFF_H

#include "pool/pool.h"
#include "util/arena.h"
#include "util/hashmap.h"
#include <poolscope/diff.h>

#define PSC_DIFF_DUMPS_MAX 64
#define PSC_DIFF_ROWS_MAX  ((size_t)1 << 19)

struct psc_diff {
	struct psc_arena arena;
	struct psc_warnings warnings;
	size_t n_dumps;
	struct psc_diff_row *items;
	struct psc_diff_point *points; /* n * n_dumps */
	size_t n, cap, points_cap;
	struct psc_hashmap index; /* key -> uint32_t row */
	struct psc_diff_relation relation;
	double ratio;
};

enum psc_status psc_diff_compute(struct psc_kernel *const *kernels, size_t n, const struct psc_diff_options *opts,
				 struct psc_diff **ret, struct psc_error *reterr);

/* The row of a key, made when it is new. SIZE_MAX: out of memory or too many. */
size_t psc_diff_row_at(struct psc_diff *d, struct psc_hashkey key, bool *ret_new);
struct psc_hashkey psc_diff_tag_key(const uint8_t tag[4], enum psc_pool pool, uint64_t block_bytes);

struct psc_hashkey psc_diff_name_key(const char *name, uint64_t number);
void psc_diff_copy_warnings(struct psc_diff *d, size_t dump, const char *const *items, size_t n);
/* Why a row could not be made. */
enum psc_status psc_diff_fail_rows(const struct psc_diff *d, struct psc_error *reterr);

/* Rows by caller, or tag and caller. */
enum psc_status psc_diff_fill_by_callers(struct psc_diff *d, struct psc_kernel *const *kernels,
					 const struct psc_diff_options *o, struct psc_error *reterr);

/* Numbers rows whose live counts grow together (users 2.2 item 2). */
enum psc_status psc_diff_find_groups(struct psc_diff *d, struct psc_error *reterr);
/* Fills pinned and compared of the rows. */
enum psc_status psc_diff_find_pinned(struct psc_diff *d, struct psc_kernel *const *kernels,
				     const struct psc_diff_options *o, struct psc_error *reterr);

#endif
