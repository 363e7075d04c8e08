/* SPDX-License-Identifier: MIT */
/* One row model for every format: columns are defined once, and table, JSON, NDJSON, CSV and metrics are made from
 * them. */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum cell_type {
	CELL_NULL,
	CELL_TEXT,
	CELL_U64,
	CELL_I64,
	CELL_REAL,
	CELL_BOOL,
	CELL_ADDRESS,
	CELL_ADDRESS32,
	CELL_RATIO,
	CELL_GROWTH,
	CELL_BOTH,
	CELL_TEXTS
};

struct cell {
	enum cell_type type;
	union {
		const char *text; /* borrowed */
		uint64_t u64;
		int64_t i64;
		double real; /* printed with two decimals */
		bool boolean;
		struct {
			const char *text, *json; /* borrowed; json is printed as it is */
		} both;
		struct {
			const char *const *items; /* borrowed */
			size_t n;
		} texts; /* an array in JSON; with commas between elsewhere */
	} v;
};

/* What a table shows in colour. */
enum paint {
	PAINT_NONE,
	PAINT_KEY,    /* what the row is about */
	PAINT_GROWTH, /* by its sign */
	PAINT_ODD,    /* what is neither 0 nor unknown */
};

/* A key with a dot is a member of a nested object in JSON; when all members of that object are null, so is the object.
 */
struct column {
	const char *key;     /* NULL: only in the table */
	const char *heading; /* of the table; NULL: not in the table */
	bool is_left;        /* left-aligned */
	unsigned char width; /* of a table that is printed row by row */
	/* Where the screen is narrow: */
	unsigned char min_width; /* texts may be cut to so many characters; 0: never */
	unsigned char drop;      /* the column may be left out, the highest first; 0: never */
	bool is_bytes;           /* sizes, for which people like units */
	enum paint paint;
	/* Of metrics: */
	const char *label;       /* of this name; NULL: none */
	const char *metric;      /* the last part of the family's name; NULL: no figure of its own */
	const char *metric_help; /* of the family, a sentence */
	bool label_of_rest; /* rows that have no line of their own are added up for each of its values; by other labels
			       they are "other" */
	bool is_share;      /* figures that cannot be added up */
};

static inline struct cell cell_null(void)
{
	struct cell c = {CELL_NULL, {NULL}};
	return c;
}

static inline struct cell cell_text(const char *text)
{
	struct cell c = {text != NULL ? CELL_TEXT : CELL_NULL, {text}};
	return c;
}

static inline struct cell cell_texts(const char *const *items, size_t n)
{
	struct cell c = {CELL_TEXTS, {NULL}};
	c.v.texts.items = items;
	c.v.texts.n = n;
	return c;
}

static inline struct cell cell_u64(uint64_t v)
{
	struct cell c = {CELL_U64, {NULL}};
	c.v.u64 = v;
	return c;
}

static inline struct cell cell_i64(int64_t v)
{
	struct cell c = {CELL_I64, {NULL}};
	c.v.i64 = v;
	return c;
}

static inline struct cell cell_real(double v)
{
	struct cell c = {CELL_REAL, {NULL}};
	c.v.real = v;
	return c;
}

static inline struct cell cell_bool(bool v)
{
	struct cell c = {CELL_BOOL, {NULL}};
	c.v.boolean = v;
	return c;
}

/* Six decimals; percent in a table. */
static inline struct cell cell_ratio(double v)
{
	struct cell c = {CELL_RATIO, {NULL}};
	c.v.real = v;
	return c;
}

/* A number that a table shows with its sign. */
static inline struct cell cell_growth(int64_t v)
{
	struct cell c = {CELL_GROWTH, {NULL}};
	c.v.i64 = v;
	return c;
}

/* "0x" and 16 digits, 8 on a 32-bit machine. */
static inline struct cell cell_address(uint64_t v, bool is_32bit)
{
	struct cell c = {is_32bit ? CELL_ADDRESS32 : CELL_ADDRESS, {NULL}};
	c.v.u64 = v;
	return c;
}

/* Text for people and spreadsheets, and for JSON a value of its own. */
static inline struct cell cell_both(const char *text, const char *json)
{
	struct cell c = {CELL_BOTH, {NULL}};
	c.v.both.text = text;
	c.v.both.json = json;
	return c;
}

/* The row's members, without the braces around them. */
void row_print_json(FILE *f, const struct column *cols, const struct cell *cells, size_t n_cols);
void print_json_string(FILE *f, const char *text);
void csv_header(FILE *f, const struct column *cols, size_t n_cols);
void csv_row(FILE *f, const struct column *cols, const struct cell *cells, size_t n_cols);

/* The texts of CELL_TEXTS with commas between, from malloc; NULL when out of memory. */
char *joined_texts(const struct cell *c);

/* "    va  hex  ascii": at most 16 bytes. */
void print_hex_line(FILE *f, uint64_t va, bool is_32bit, const uint8_t *bytes, size_t n);

/* Digits with thousands separators: "2,749,905,184". buf: at least 28 bytes. */
const char *group_digits(uint64_t v, bool negative, char *buf);
const char *group_i64(int64_t v, char *buf);

#endif
