/* SPDX-License-Identifier: MIT */
/* JSON through cJSON, with the conventions of all poolscope schemas: counts and sizes are exact numbers, addresses are
 * zero-padded hex strings, unknown is null. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <cjson/cJSON.h>
#include <poolscope/poolscope.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Once, before all others. */
void json_start(void);
/* Some document lacks members because there was no memory for them. */
bool json_no_memory(void);

/* Exact for all 64 bits (cJSON's own numbers are doubles). */
void json_add_u64(cJSON *object, const char *key, uint64_t v);
void json_add_i64(cJSON *object, const char *key, int64_t v);
void json_add_real(cJSON *object, const char *key, double v); /* two decimals */
void json_add_u64_or_null(cJSON *object, const char *key, bool known, uint64_t v);
void json_add_text_or_null(cJSON *object, const char *key, const char *text);
/* "0x" and 16 digits, 8 for a 32-bit machine. */
void json_add_address(cJSON *object, const char *key, uint64_t v, bool is_32bit);
cJSON *json_address(uint64_t v, bool is_32bit);

/* FILETIME as "2026-01-02T03:04:05Z"; buf at least 24 bytes; NULL when outside years 1601-9999. */
const char *format_filetime(uint64_t filetime, char *buf);

/* The `dump` object that every document carries; null without a dump (NULL), as then are the members of records. */
cJSON *json_dump(const struct psc_dump *dump);
/* Identity of the machine state, the same for every container of one crash: 16 hex digits. buf at least 17 bytes. */
const char *dump_id(const struct psc_dump *dump, char *buf);
/* Texts of two lists of warnings as one array. */
cJSON *json_warnings(const char *const *a, size_t n_a, const char *const *b, size_t n_b);
/* Print and delete. pretty: indented; else one line. A newline follows. False when out of memory. */
bool json_print(FILE *f, cJSON *doc, bool pretty);
/* Starts an NDJSON record: schema, record, dump_id, @timestamp. */
cJSON *json_record(const struct psc_dump *dump, const char *schema, const char *record);

#endif
