/* SPDX-License-Identifier: MIT */
/* The heaps of the heap-backed pool and their segments, and the walk over them. Reference: pool 6. */
#ifndef PSC_POOL_SEG_HEAP_H
#define PSC_POOL_SEG_HEAP_H

#include "pool/seg_range.h"
#include "pool/walk_internal.h"

#define PSC_HEAPS_MAX         2048u
#define PSC_HEAP_SPACES_MAX   512u /* sessions */
#define PSC_SEGMENTS_MAX      ((size_t)1 << 22)
#define PSC_SEGMENT_PAGES_MAX 4096u
#define PSC_RANGE_PAGES_MAX   1024u /* of one subsegment */
#define PSC_DESCRIPTORS       0x100u

/* One of two kinds of segments of a heap: _HEAP_SEG_CONTEXT. */
struct psc_heap_context {
	uint64_t va;
	uint64_t segment_bytes;
	uint32_t unit_shift, first_index;
	uint64_t list_head, n_segments; /* SegmentCount */
	uint32_t n_found;
	bool is_known; /* read; else assumed */
};

struct psc_heap {
	uint64_t va;
	uint32_t node;
	enum psc_heap_type type;
	enum psc_pool pool;
	bool is_special;
	bool may_be_special; /* nothing says which heaps are */
	uint32_t space; /* 0 kernel, else a session's */
	bool is_read;   /* its own page is in the dump */
	struct psc_heap_context contexts[2];
	uint64_t vs_context, large_tree;
	bool has_counters;
	uint64_t reserved_pages, committed_pages, free_pages, lfh_free_pages, vs_free_pages;
	bool has_vs_free_pages;
	uint64_t large_reserved_pages, large_pages;
	uint64_t vs_total_units, vs_free_units;
	uint64_t n_large_missing; /* nodes of the tree of large allocations that could not be read */
};

struct psc_heap_segment {
	uint64_t va;
	uint16_t heap;
	uint8_t context;
};

/* What one worker found in one heap. Bytes of pages that exist, unless said otherwise. */
struct psc_heap_sums {
	uint64_t segments, live_blocks, live_bytes, free_bytes, cached_bytes, lost_bytes;
	uint64_t reserved_bytes, existing_bytes;
	uint64_t unknown_bytes; /* whether they exist is not known: page tables are missing */
	/* Of the existing ones, by what they are for: */
	uint64_t descriptor_bytes, free_range_bytes, internal_bytes, range_bytes, lfh_bytes, vs_bytes;
	uint64_t unowned_bytes; /* no descriptor says */
	/* For counters of the suballocators: */
	uint64_t vs_chunk_bytes; /* of the pages of VS subsegments, up to the end of their chunks */
	uint64_t vs_free_bytes, lfh_free_bytes;
};

/* A family of layouts, told by the heap's own pointers. */
struct psc_heap_family {
	uint32_t pointer_bytes, unit_bytes;
	uint32_t seg_contexts, context_stride, vs_context, lfh_context;
	bool is_new_vs; /* 26100(b) */
};

/* A live entry of a session's own big-page table. */
struct psc_session_big {
	uint64_t va, bytes, process; /* billed; 0: none or not known */
	uint32_t space, tag;
};

struct psc_seg {
	struct psc_kernel *k;
	struct psc_seg_keys keys;
	struct psc_seg_rules rules;
	struct psc_heap_family family;
	bool has_family;
	const char *source; /* of the heaps */
	uint32_t signature_constant;

	struct psc_heap *heaps;
	size_t n_heaps;
	uint64_t *nodes; /* _EX_HEAP_POOL_NODE of every node, private pools included */
	size_t n_nodes, cap_nodes;
	bool no_memory;
	struct psc_space *spaces; /* [0]: the kernel's */
	size_t n_spaces;
	struct psc_heap_segment *segments; /* in address order */
	size_t n_segments, cap_segments;
	struct psc_rangeset large; /* data: heap << 16 | unused bytes */
	struct psc_session_big *session_big;
	size_t n_session_big, cap_session_big;
	uint64_t session_entries_left; /* work budget */
	struct psc_cached_set cached;
	struct psc_defects defects;
	uint32_t cache_line;
	uint64_t n_spaces_failed;
	struct psc_seg_worker **workers;
	unsigned n_workers;
};

/* As in struct psc_block. */
static inline uint64_t psc_seg_top_pa(const struct psc_seg *s, const struct psc_heap *h)
{
	return h->space != 0 ? s->spaces[h->space].top_pa : 0;
}

enum psc_status psc_seg_init(struct psc_seg *s, struct psc_kernel *k, struct psc_warnings *warnings,
			     struct psc_error *reterr);
void psc_seg_deinit(struct psc_seg *s);
/* The keys that the walk uses: as psc_seg_keys_find, and where that finds none, from segments and subsegments. */
enum psc_status psc_seg_keys_of_walk(struct psc_kernel *k, struct psc_seg_keys *ret, struct psc_error *reterr);

/* seg_find.c: nodes, special and session heaps. */
enum psc_status psc_seg_find_heaps(struct psc_seg *s, struct psc_warnings *warnings, struct psc_error *reterr);
/* Adds it unless it is known; NULL: not a heap, or too many. */
struct psc_heap *psc_seg_add_heap(struct psc_seg *s, struct psc_reader *r, uint64_t va, enum psc_heap_type type,
				  uint32_t node, uint32_t space);
/* The kernel's own list leads to a heap; *ret_detail (static): how it is found, or what happens instead. */
bool psc_seg_is_listed(struct psc_kernel *k, const char **ret_detail);
bool psc_seg_family_of(struct psc_reader *r, uint64_t heap_va, bool is_64bit, struct psc_heap_family *ret);
/* seg_session_big.c: the table of the session at that address. false: out of memory. */
bool psc_seg_read_session_big(struct psc_seg *s, struct psc_reader *r, uint64_t session, uint32_t space,
			      struct psc_warnings *warnings);
void psc_seg_sort_session_big(struct psc_seg *s); /* once all are read */
/* Tag and size of the block at b->va, if the table of that space has it. */
bool psc_seg_name_session_big(const struct psc_seg *s, uint32_t space, struct psc_block *b);
/* seg_scan.c: heaps by their signature, where the kernel's own list is not known. */
void psc_seg_scan_heaps(struct psc_seg *s, struct psc_warnings *warnings);
/* Segments by their signature, for heaps whose list does not give all of them. */
bool psc_seg_scan_segments(struct psc_seg *s);
/* seg_list.c */
enum psc_status psc_seg_find_segments(struct psc_seg *s, struct psc_warnings *warnings, struct psc_error *reterr);
bool psc_seg_add_segment(struct psc_seg *s, uint64_t va, uint32_t heap, uint32_t context);
/* The heap context of that space that the signature of a segment names; false: none of ours. */
bool psc_seg_owner(const struct psc_seg *s, uint32_t space, uint64_t segment_va, uint64_t signature, uint32_t *ret_heap,
		   uint32_t *ret_context);
/* seg_solve_lfh.c: from subsegments, when it was not read. */
enum psc_status psc_seg_lfh_key(struct psc_seg *s, struct psc_error *reterr);
/* seg_cached.c: dynamic lookasides and VS delay lists, by address of what is on them. */
enum psc_status psc_seg_collect_cached(struct psc_seg *s, struct psc_warnings *warnings, struct psc_error *reterr);
/* What stores the big allocation at va. */
enum psc_block_kind psc_seg_storage_of(struct psc_seg *s, uint64_t va);
/* Inside a segment or a large allocation of some heap. */
bool psc_seg_covers(const struct psc_seg *s, uint64_t va);

/* Blocks of all segments; w->seg is set. */
enum psc_status psc_seg_walk(struct psc_walk *w, struct psc_warnings *warnings, struct psc_error *reterr);
/* Large allocations that the big-page table does not name, as psc_walk_emit_big does. */
void psc_seg_emit_large(const struct psc_walk *w);
/* seg_result.c */
void psc_seg_result(struct psc_walk *w, struct psc_arena *arena, struct psc_walk_result *ret);

#endif
