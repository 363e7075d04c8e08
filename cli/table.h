/* SPDX-License-Identifier: MIT */
/* Tables for people: as wide as the screen, in colour where that is wanted. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "cli.h"
#include "rows.h"

#define TABLE_COLUMNS_MAX 48

/* Which columns are shown, and how wide. */
struct table_layout {
	const struct column *cols;
	size_t n_cols;
	struct table_style style;
	size_t widths[TABLE_COLUMNS_MAX]; /* on screen */
	bool hidden[TABLE_COLUMNS_MAX];
	size_t n_left_out; /* of those that have a heading */
};
void table_layout_init(struct table_layout *l, const struct column *cols, size_t n_cols,
		       const struct table_style *style);
/* Makes it fit the style's width: cuts texts down to their column's min_width, then leaves out columns, those with the
 * highest drop first. */
void table_layout_fit(struct table_layout *l);
/* Headings of what was left out, with commas between. */
void table_left_out(const struct table_layout *l, char *buf, size_t cap);

/* A table buffers its rows to find the widths; a stream of rows has those of its columns. */
struct table {
	struct table_layout *layout; /* borrowed */
	char ***rows;                /* texts */
	size_t n, cap;
	bool no_memory;
};
void table_init(struct table *t, struct table_layout *layout);
void table_add(struct table *t, const struct cell *cells);
/* Prints heading and rows, then frees. False when out of memory: then nothing is printed. */
bool table_print(struct table *t, FILE *f);

/* Row by row, in constant memory. cells NULL: the heading. */
void table_stream_row(FILE *f, const struct table_layout *l, const struct cell *cells);

#endif
