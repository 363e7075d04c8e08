/* SPDX-License-Identifier: MIT */
/* One block and what is known of it. */
#ifndef CLI_BLOCK_VIEW_H
#define CLI_BLOCK_VIEW_H

#include "block_refs.h"
#include "page_blocks.h"
#include "run.h"

#define BLOCK_BYTES_MAX 4096u

struct block_view {
	struct common_options common;
	struct psc_dump *dump;
	const char *tag_file;
	bool is_32bit, with_refs;
	uint64_t va;
	unsigned dump_bytes;
	struct psc_tag_file *owners;
	struct page_blocks *page;
	const struct psc_block_row *hit; /* NULL: none */
	char why_not[WHY_NOT_BYTES];     /* where there is none */
	bool has_caller, caller_is_inferred;
	struct psc_code_location caller;
	enum psc_caller_source caller_source;
	bool has_header;
	struct psc_block_header header;
	uint8_t contents[BLOCK_BYTES_MAX];
	size_t n_contents, n_wanted;
	struct block_refs *refs;
};

/* What speaks for the state of a block. */
const char *block_reason(const struct psc_block_row *b);
/* The pointer at bytes, of the width that the dump has. */
uint64_t block_pointer(const struct block_view *v, const uint8_t *bytes);
/* "module!symbol+0x21" or "module+0x123", or NULL. */
const char *block_name_address(const struct block_view *v, uint64_t va, char *buf, size_t size);
void block_print_text(const struct block_view *v, const struct run *run);

#endif
