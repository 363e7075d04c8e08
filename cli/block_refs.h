/* SPDX-License-Identifier: MIT */
/* What in the dump points to a block. */
#ifndef CLI_BLOCK_REFS_H
#define CLI_BLOCK_REFS_H

#include "run.h"

#define REFS_MAX 256u

enum ref_in { REF_IN_BLOCK, REF_IN_MODULE, REF_IN_STACK };

struct ref {
	uint64_t at, value;
	enum ref_in in;
	uint64_t owner_va; /* block, base of the module, ETHREAD */
	uint8_t tag[4];
	const char *module;
	char *function; /* whose part of the stack it is; NULL not known. Owned */
	bool is_uncertain, has_pid, has_tid;
	uint64_t pid, tid;
};

struct block_refs {
	struct psc_dump *dump;
	const struct psc_block_row *hit;
	bool is_32bit, is_arm64, interrupted, no_memory;
	struct ref items[REFS_MAX];
	size_t n;
	uint64_t n_found;
	uint64_t n_threads, n_stacks; /* found, searched */
	const char *stacks_why_not;
};

/* All but hit's own contents. */
enum psc_status block_refs_find(struct block_refs *refs, struct run *r, const struct psc_block_row *hit,
				struct psc_error *reterr);
void block_refs_print(const struct block_refs *refs, FILE *f, bool is_32bit);
cJSON *block_refs_json(const struct block_refs *refs, bool is_32bit);
void block_refs_deinit(struct block_refs *refs);

#endif
