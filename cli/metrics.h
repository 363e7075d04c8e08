/* SPDX-License-Identifier: MIT */
/* Rows as metrics in the text format of Prometheus and OpenMetrics. Which columns are labels and which are figures, and
 * under what names, is said where the columns are (struct column). */
#ifndef CLI_METRICS_H
#define CLI_METRICS_H

#include "rows.h"
#include <poolscope/poolscope.h>

/* Rows that have a line of their own where -n does not say another number: users are advised against more. */
enum { METRICS_ROWS = 100 };

/* Rows of the same labels, added up: nothing of a dump may give one series two values. */
struct metrics_row {
	char *labels; /* tag="Abcd",pool="paged" */
	struct cell *values;
	size_t next; /* of the same hash, + 1; 0 none */
	bool is_rest;
};

struct metrics {
	const struct column *cols;
	size_t n_cols, n_values;
	struct metrics_row *rows;
	size_t n, cap;
	size_t *buckets; /* n_buckets of them: index of a row + 1 */
	size_t n_buckets;
};

/* All of zero is a valid state. */
void metrics_init(struct metrics *m, const struct column *cols, size_t n_cols);
/* is_rest: beyond the rows that are asked for; added up as "other". False: out of memory. */
bool metrics_add(struct metrics *m, const struct cell *cells, bool is_rest);
/* One family after another, those without a figure left out; scope: see metrics_head(). */
void metrics_print(const struct metrics *m, FILE *f, const char *scope);
void metrics_deinit(struct metrics *m);

/* What a document has beside its rows. The name of a family is "windows_pool_", scope and "_" unless that is "", and
 * name; a name that ends in "_total" is that of a counter, all others are gauges. */
void metrics_head(FILE *f, const char *scope, const char *name, const char *help);
/* Begins a line, without labels. */
void metrics_name(FILE *f, const char *scope, const char *name);
/* name="text", in the escaped form. */
void metrics_label(FILE *f, const char *name, const char *text);
/* The families coverage_ratio, of the whole, and dump_info. */
void metrics_coverage(FILE *f, const char *scope, double ratio);
void metrics_dump_info(FILE *f, const char *scope, const struct psc_dump *dump);

#endif
