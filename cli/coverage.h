/* SPDX-License-Identifier: MIT */
/* How much could be read, as JSON and as lines below a table. */
#ifndef CLI_COVERAGE_H
#define CLI_COVERAGE_H

#include <cjson/cJSON.h>
#include <poolscope/poolscope.h>
#include <stdbool.h>
#include <stdio.h>

/* Members "ratio", "walk" (NULL when n is 0) and "scan" (NULL: null) of a coverage object. */
void json_add_ratio(cJSON *coverage, double ratio);
void json_add_walk_coverage(cJSON *coverage, const struct psc_walk_coverage *c, size_t n);
void json_add_scan_coverage(cJSON *coverage, const struct psc_scan_coverage *c);
/* Member "heaps": null without any. */
void json_add_heaps(cJSON *coverage, const struct psc_heap_row *h, size_t n, bool is_32bit);
/* The six members of the keys. */
void json_fill_keys(cJSON *o, const struct psc_pool_keys *k, bool is_32bit);
/* Member "keys"; keys NULL: null. */
void json_add_keys(cJSON *coverage, const struct psc_pool_keys *keys, bool is_32bit);
/* Unless they were read where the kernel keeps them. */
void print_keys(FILE *f, const struct psc_pool_keys *keys);
void print_heaps(FILE *f, const struct psc_heap_row *h, size_t n);
void print_walk_coverage(FILE *f, const struct psc_walk_coverage *c);
void print_scan_coverage(FILE *f, const struct psc_scan_coverage *c);

#endif
