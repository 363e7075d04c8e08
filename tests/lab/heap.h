/* SPDX-License-Identifier: MIT */
/*
 * A segment heap as the kernel's pool keeps it (pool.md 6): a real allocator, in small.
 *
 * While blocks are planted, chunk headers, LFH bitmaps and block contents live in the machine's memory, as they would;
 * what only the finished state needs (descriptors, trees, lists, counters) is kept here and written by
 * lab_heaps_finish. x64 only: pool.md says too little of x86.
 */
#ifndef LAB_HEAP_H
#define LAB_HEAP_H

#include "machine.h"

#define HEAP_UNIT        16u
#define HEAP_UNITS       256u /* page ranges' units in a segment */
#define HEAP_VS_FIRST    0x30u
#define HEAP_VS_MAX      0x20000u /* larger ones are page ranges or large allocations (pool.md 6.8) */
#define HEAP_LFH_BUCKETS 129u
#define HEAP_ACTIVATE    17u /* outstanding blocks that turn a bucket on (pool.md 6.5) */
#define HEAP_LOOKASIDES  64u
#define HEAP_NONE        UINT32_MAX

/* pool.md 6.3: type in bits 2..3, 1 allocated, 2 first unit. */
enum heap_range_type { HEAP_RANGE_USER = 0x3, HEAP_RANGE_INTERNAL = 0x7, HEAP_RANGE_LFH = 0xb, HEAP_RANGE_VS = 0xf };

struct heap_unit {
	uint8_t flags, size; /* size: of the range in its first unit, else the offset from that */
	uint8_t committed;   /* pages */
	uint32_t unused;     /* bytes at the end of the range, in its first unit */
};

struct heap_segment {
	uint64_t va;
	struct heap_unit unit[HEAP_UNITS];
	uint16_t free_units, watermark;
};

struct heap_context {
	unsigned unit_shift, first_unit;
	uint64_t segment_bytes, max_bytes;
	struct heap_segment **segments;
	size_t n_segments, cap_segments, first_with_room;
	uint32_t room_for; /* the largest request that failed in the segments before first_with_room, in units */
};

struct heap_lfh {
	uint64_t va;
	uint32_t block_bytes, first, slots, withheld, free, pages, committed_pages, slots_committed;
	uint32_t delayed; /* blocks freed, but still busy in the bitmap */
	uint8_t bucket;
	bool listed; /* in the bucket's list of those with free blocks */
};

struct heap_bucket {
	uint32_t outstanding; /* served by VS so far */
	bool active;
	uint64_t va, total_blocks; /* its _HEAP_LFH_BUCKET */
	uint32_t *with_room;
	size_t n_with_room, cap_with_room;
	uint32_t n_subsegments;
};

struct heap_vs {
	uint64_t va;
	uint32_t units; /* Size: up to the end of the last chunk */
	uint32_t pages;
	uint64_t commit; /* a bit a page; all ones beyond 64 pages */
	uint8_t slot;    /* 26100(b) */
};

struct heap_free_chunk {
	uint64_t va;
	uint32_t units, prev, next, vs;
};

struct heap_large {
	uint64_t va, bytes;
};

#define HEAP_SIZE_LISTS 0x4100u

struct lab_heap {
	enum lab_heap_type type;
	unsigned node;
	uint64_t va;
	unsigned map_flags;
	enum lab_pool pool;
	struct heap_context context[2];

	struct heap_bucket bucket[HEAP_LFH_BUCKETS];
	struct heap_lfh *lfh;
	size_t n_lfh, cap_lfh;

	struct heap_vs *vs;
	size_t n_vs, cap_vs;
	uint32_t free_list[HEAP_SIZE_LISTS];
	uint64_t free_map[HEAP_SIZE_LISTS / 64 + 1];
	struct heap_free_chunk *chunks;
	size_t n_chunks, cap_chunks;
	uint32_t spare_chunk; /* recycled records */
	uint64_t vs_total_units, vs_free_units;

	struct heap_large *large;
	size_t n_large, cap_large;
	struct heap_stack {
		uint64_t *nodes;
		size_t n, cap;
	} delayed, lookaside[HEAP_LOOKASIDES];
	uint64_t committed_pages, lfh_free_pages;
};

/* Where a block came from: enough to free it. */
struct heap_block {
	uint64_t va; /* of the block: its pool header, or the data of a big one */
	uint32_t bytes;
	uint8_t kind; /* enum lab_kind */
	uint32_t index;
	uint64_t chunk_va;
};

/* heap.c */
uint8_t *heap_at(struct lab_machine *m, uint64_t va);
void heap_forget(struct lab_machine *m, uint64_t page_va);
uint64_t heap_read(struct lab_machine *m, uint64_t va, unsigned n);
void heap_write(struct lab_machine *m, uint64_t va, uint64_t value, unsigned n);
struct heap_block heap_alloc(struct lab_machine *m, struct lab_heap *h, uint32_t bytes, bool page_aligned);
void heap_free(struct lab_machine *m, struct lab_heap *h, const struct heap_block *b);
unsigned heap_bucket_of(uint64_t bytes);
uint32_t heap_bucket_bytes(unsigned bucket);
bool heap_is_26100(const struct lab_machine *m);

/* heap_segment.c */
void heap_contexts_init(struct lab_heap *h, unsigned first_unit_1);
/* A page range of that many bytes; the address. */
uint64_t heap_range_alloc(struct lab_machine *m, struct lab_heap *h, unsigned context, uint64_t bytes,
			  enum heap_range_type type);
void heap_range_free(struct lab_machine *m, struct lab_heap *h, unsigned context, uint64_t va);
void heap_commit(struct lab_machine *m, struct lab_heap *h, unsigned context, uint64_t va, uint64_t n_pages);
void heap_commit_untouched(struct lab_machine *m, struct lab_heap *h, unsigned context, uint64_t va);
void heap_decommit(struct lab_machine *m, struct lab_heap *h, unsigned context, uint64_t va, uint64_t n_pages);
uint64_t heap_reserve(struct lab_machine *m, const struct lab_heap *h, uint64_t bytes, uint64_t align);
/* Committed pages, by what they are for. */
struct lab_heap_pages {
	uint64_t descriptors, user, internal, lfh, vs, free;
};
struct lab_heap_pages heap_pages(const struct lab_heap *h);
void heap_segments_finish(struct lab_machine *m, struct lab_heap *h);

/* heap_lfh.c */
struct heap_block heap_lfh_alloc(struct lab_machine *m, struct lab_heap *h, unsigned bucket, uint32_t bytes);
void heap_lfh_free(struct lab_machine *m, struct lab_heap *h, const struct heap_block *b);
void heap_lfh_finish(struct lab_machine *m, struct lab_heap *h);

/* heap_vs.c */
struct heap_block heap_vs_alloc(struct lab_machine *m, struct lab_heap *h, uint32_t bytes, bool page_aligned);
void heap_vs_free(struct lab_machine *m, struct lab_heap *h, const struct heap_block *b);
void heap_vs_decommit(struct lab_machine *m, struct lab_heap *h);
void heap_vs_finish(struct lab_machine *m, struct lab_heap *h);

/* heap_tree.c */
/* A balanced red-black tree over nodes in their order, encoded as the heap's trees are (pool.md 6.4). */
void heap_tree(struct lab_machine *m, uint64_t tree_va, const uint64_t *nodes, size_t n);
void heap_slist(struct lab_machine *m, uint64_t head_va, const uint64_t *nodes, size_t n);

#endif
