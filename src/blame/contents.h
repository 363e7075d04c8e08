/* SPDX-License-Identifier: MIT */
/* Pointers into loaded modules that stand inside blocks: per offset in the block, how many blocks have one there, and
 * the targets met most often. A callback or a table of functions in a block names a driver that wrote there;
 * circumstantial. */
#ifndef PSC_BLAME_CONTENTS_H
#define PSC_BLAME_CONTENTS_H

#include "pool/pool.h"

#define PSC_CONTENTS_TARGETS_MAX 8u /* per offset */

struct psc_contents_options {
	size_t max_blocks;  /* read at most so many; 0: 16384. More blocks: those whose addresses hash lowest */
	uint32_t max_bytes; /* of each block, from its data on; 0: 4096 */
};

struct psc_content_target {
	uint64_t va;     /* pointed to */
	uint32_t module; /* index into k->modules */
	uint64_t blocks; /* that hold this very value at this offset */
};

/* One offset at which blocks hold pointers into modules. */
struct psc_content_offset {
	uint32_t offset;       /* from the start of the data (behind the pool header) */
	uint64_t blocks;       /* sampled blocks that reach so far and could be read there */
	uint64_t with_pointer; /* of these, hold a pointer into a loaded module */
	struct psc_content_target targets[PSC_CONTENTS_TARGETS_MAX]; /* most frequent first, then by address */
	size_t n_targets;
	bool has_more_targets;
};

struct psc_contents_result {
	struct psc_content_offset *items; /* by with_pointer, most first; then by offset. Only offsets with a pointer */
	size_t n;
	uint64_t blocks_seen, blocks_sampled;
	uint64_t bytes_wanted, bytes_read; /* of the sampled blocks, within max_bytes */
	bool is_partial;                   /* more different pointers than can be counted */
};

struct psc_contents;

/* k is borrowed until psc_contents_free. opts may be NULL. */
enum psc_status psc_contents_new(struct psc_kernel *k, const struct psc_contents_options *opts,
				 struct psc_contents **ret, struct psc_error *reterr);
void psc_contents_free(struct psc_contents *c); /* NULL allowed */

/* Take note of a block, as the walk delivers it (any order: the same result); reads nothing yet. false: out of memory.
 */
bool psc_contents_add(struct psc_contents *c, const struct psc_block *b);

/* Read the sampled blocks, resident pages only, in address order. *ret lives until psc_contents_free; call once. */
enum psc_status psc_contents_finish(struct psc_contents *c, const struct psc_contents_result **ret,
				    struct psc_error *reterr);

#endif
