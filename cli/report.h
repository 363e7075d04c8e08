/* SPDX-License-Identifier: MIT */
/* A list of rows in whatever format was asked for. Rows are written as they come; only a table that is not a stream
 * keeps them, to find its widths. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "metrics.h"
#include "rows.h"
#include "run.h"
#include "table.h"
#include <cjson/cJSON.h>

struct report_spec {
	const char *schema; /* "poolscope.blocks/1" */
	const char *record; /* of a row in NDJSON */
	bool is_stream;     /* table: the columns' own widths, nothing kept */
	const char *scope;  /* of the names of its metrics ("diff_tag"); NULL: it has none */
};

struct report {
	FILE *f;
	const struct psc_dump *dump; /* NULL: what is reported on is no dump */
	enum output_format format;
	const struct report_spec *spec;
	const struct column *cols;
	size_t n_cols;
	struct table_layout layout;
	struct table table;
	struct metrics metrics;
	bool quiet;
	uint64_t n_rows;
	char record_head[160];
	bool begun, rows_ended, no_memory;
};

/* A frame of the folded format; what separates frames is escaped. */
void print_folded_frame(FILE *f, const char *text);
/* One line of the folded format: "pool;tag[;size] bytes". block_bytes 0: none. */
void print_folded_tag(FILE *f, const char *pool, const char *tag, uint64_t block_bytes, int64_t bytes);

void report_init(struct report *r, const struct run *run, const struct report_spec *spec, const struct column *cols,
		 size_t n_cols);
void report_row(struct report *r, const struct cell *cells);
/* A row beyond those asked for, which only metrics count, as "other". */
void report_rest(struct report *r, const struct cell *cells);
/* After the rows: members of the JSON document, one more NDJSON record each. Takes the object over. */
void report_member(struct report *r, const char *name, cJSON *value);
/* An array; in NDJSON one record per item. Takes it over. */
void report_list(struct report *r, const char *name, const char *record, cJSON *array);
/* Coverage and warnings, and the end. Takes both over. False when out of memory. */
bool report_end(struct report *r, cJSON *coverage, cJSON *warnings);

#endif
