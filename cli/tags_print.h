/* SPDX-License-Identifier: MIT */
/* Writing a tag table in every format. */
#ifndef CLI_TAGS_PRINT_H
#define CLI_TAGS_PRINT_H

#include "budget.h"
#include "run.h"

struct tags_options {
	struct common_options common;
	struct psc_tags_options run;
	enum psc_tags_sort sort;
	long max_rows; /* -1 = default */
	const char *pattern;
	uint32_t pools; /* bits of enum psc_pool; 0: all */
	const char *tag_file;
	struct psc_tag_file *owners; /* NULL without tag_file */
	struct budgets budgets;
	struct psc_tags *result;
	bool by_caller; /* tags_callers.c; the rest of this then does not apply, but for common, max_rows, pattern, pool
			 */
	enum psc_callers_by caller_by;
	struct psc_callers *callers;
};

/* By --tag, --pool, and --budget: then only rows of a budget that is exceeded. */
bool tags_row_wanted(const struct psc_tag_row *r, const struct tags_options *o);
/* What it holds: by the trackers, else by the walk. */
int64_t tags_row_bytes(const struct psc_tag_row *r);
/* Bytes of each row into the budgets. */
void tags_count_budgets(const struct psc_tags *tags, struct tags_options *o);

/* False when out of memory. */
bool tags_print(struct run *run, const struct psc_tags *tags, const struct tags_options *o);

/* tags_callers.c: the steps of a run by caller. */
enum psc_status tags_callers_work(struct run *r, void *arg, struct psc_error *reterr);
int tags_callers_print(struct run *r, void *arg);
void tags_callers_free(void *arg);

#endif
