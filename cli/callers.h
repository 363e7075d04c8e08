/* SPDX-License-Identifier: MIT */
#ifndef CLI_CALLERS_H
#define CLI_CALLERS_H

#include "rows.h"
#include <cjson/cJSON.h>
#include <poolscope/poolscope.h>

#define PSC_LOCATION_TEXT_BYTES 320
/* "http!UlAllocate+0x21", "http+0x1a21", "http" or the address, as much as is known. Returns buf. */
char *location_text(const struct psc_code_location *l, bool is_32bit, char *buf, size_t cap);

/* The caller of a row in seven columns that stand together: text of the table, and after that first one these: */
enum { CALLER_CELLS = 7 };
#define CALLER_COLUMNS(first)                                                                                          \
	[(first) + 1] = {.key = "caller.address"}, [(first) + 2] = {.key = "caller.module", .label = "module"},        \
		   [(first) + 3] = {.key = "caller.offset"}, [(first) + 4] = {.key = "caller.symbol"},                 \
		   [(first) + 5] = {.key = "caller.symbol_offset"}, [(first) + 6] = {.key = "caller.unloaded"}

/* What metrics have in place of a caller that is not there: without labels, such rows would look like a total. */
#define NOT_RECORDED "(not recorded)"
#define NO_MODULE    "(no module)"

struct caller_texts {
	char text[PSC_LOCATION_TEXT_BYTES], offset[24];
};
/* c NULL, or without address and module: all null. */
void fill_caller_cells(const struct psc_code_location *c, bool is_32bit, struct caller_texts *t,
		       struct cell cells[CALLER_CELLS]);
/* "exact", "inferred"; NULL where nobody recorded a caller. */
const char *caller_grade(enum psc_caller_source source, bool is_inferred);

/* Members: which records there are of who allocated, and how much of them was read. */
void json_add_caller_sources(cJSON *coverage, const struct psc_callers *callers);

#endif
