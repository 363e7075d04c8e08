/* SPDX-License-Identifier: MIT */
/* Lines as the kernel debugger prints them. Forms: examples in the debugger's public documentation of !pool and
 * !poolfind, and outputs that engineers publish. */
#ifndef CLI_KD_H
#define CLI_KD_H

#include <poolscope/poolscope.h>
#include <stdio.h>

/* Four characters, a dot for what is not printable ASCII. buf: 5 bytes. */
const char *kd_tag(const uint8_t tag[4], char *buf);
/* "nnnnnnnn size:   c0 previous size:   40  (Allocated) SeSd". A small block. */
void kd_small_line(FILE *f, const struct psc_block_row *b, bool is_32bit);
/* The same in a page of !pool: a star marks the block that is asked for. */
void kd_page_line(FILE *f, const struct psc_block_row *b, bool is_32bit, bool is_hit);
/* "nnnnnnnn : tag SeSd, size    0x1000, Paged pool". A big allocation. */
void kd_big_line(FILE *f, const struct psc_block_row *b, bool is_32bit);
/* "Nonpaged pool" and the like. */
const char *kd_pool_name(enum psc_pool pool);
/* What KD calls the place of a block. */
const char *kd_region_name(const struct psc_block_row *b);

#endif
