/* SPDX-License-Identifier: MIT */
/* The blocks around an address: of its page, or the one big allocation that holds it. */
#ifndef CLI_PAGE_BLOCKS_H
#define CLI_PAGE_BLOCKS_H

#include "run.h"

#define PAGE_BYTES      4096u
#define PAGE_BLOCKS_MAX 600u /* units of a page, and what reaches in */

struct page_blocks {
	struct psc_block_row rows[PAGE_BLOCKS_MAX]; /* in address order; names are kept apart */
	char names[PAGE_BLOCKS_MAX][16];
	size_t n;
	size_t hit;              /* the block that holds the address; n: none */
	size_t n_other_sessions; /* sessions but this one that have a block there */
	uint64_t page;
	struct psc_blocks *blocks; /* coverage and warnings; freed by page_blocks_free */
};

/* On success warnings and coverage of the run are those of the blocks. */
enum psc_status page_blocks_read(struct page_blocks *p, struct run *r, uint64_t va, struct psc_error *reterr);
/* Why no block holds va, as the end of a sentence. has_blocks: others are on its page. */
#define WHY_NOT_BYTES 400u
void page_blocks_why_not(bool has_blocks, const struct run *r, uint64_t va, char ret[WHY_NOT_BYTES]);
void page_blocks_free(struct page_blocks *p);

#endif
