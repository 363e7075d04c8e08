/* SPDX-License-Identifier: MIT */
/* What the pool puts into the heaps' blocks: headers, caches, big allocations (pool.md 2, 6.8, 6.9). */
#include "heap.h"
#include <stdlib.h>

#define TYPE_PAGED         0x01u
#define TYPE_CACHE_ALIGNED 0x04u
#define TYPE_QUOTA         0x08u
#define TYPE_SESSION       0x20u
#define N_DOOMED           64u
#define LOOKASIDE_MIN      0x210u
#define LOOKASIDE_MAX      0xf80u
#define LOOKASIDE_DEPTH    48u
#define DELAYED_MAX        20u

static unsigned header_type(const struct lab_heap *h, unsigned type)
{
	if (h->pool != LAB_POOL_NONPAGED)
		type |= TYPE_PAGED;
	if (h->pool == LAB_POOL_SESSION)
		type |= TYPE_SESSION;
	return (type & 0x6d) | 2;
}

/* PoolIndex is not written: what is there stays. */
static void put_header(struct lab_machine *m, uint64_t at, unsigned previous, unsigned units, unsigned type,
		       uint32_t tag)
{
	heap_write(m, at, previous, 1);
	heap_write(m, at + 2, units, 1);
	heap_write(m, at + 3, type, 1);
	heap_write(m, at + 4, tag, 4);
}

static unsigned cache_line(const struct lab_machine *m)
{
	return m->b->arch == LAB_ARCH_ARM64 ? 0x80 : 0x40;
}

/* Where the second header of a cache-aligned block is (pool.md 2.5). */
static uint64_t second_header(const struct lab_machine *m, uint64_t first)
{
	return first + ((cache_line(m) - 1) & (0 - (first + HEAP_UNIT)));
}

/* Two headers where the first block's data is not on a cache line. Returns the second. */
static uint64_t align_block(struct lab_machine *m, uint64_t first, unsigned units, unsigned type, uint32_t tag)
{
	uint64_t second = second_header(m, first);
	unsigned skipped = (unsigned)((second - first) / HEAP_UNIT);
	if (!skipped) {
		put_header(m, first, 0, units, type | TYPE_CACHE_ALIGNED, tag);
		return first;
	}
	put_header(m, first, 0, units, type, tag);
	if (skipped > 1)
		heap_write(m, first + HEAP_UNIT, m->quota_cookie ^ second, 8);
	heap_write(m, second + 1, heap_read(m, first + 1, 1), 1);
	put_header(m, second, skipped, units - skipped, type | TYPE_CACHE_ALIGNED, tag);
	return second;
}

static void push(struct heap_stack *s, uint64_t node)
{
	LAB_GROW(s->nodes, s->n, s->cap);
	s->nodes[s->n++] = node;
}

/* Where the block waits after it was freed; 0 if nothing keeps it. */
static uint64_t keep_freed(struct lab_machine *m, struct lab_heap *h, const struct heap_block *b, unsigned units)
{
	uint32_t bytes = units * HEAP_UNIT;
	bool has_lookaside = h->type == LAB_HEAP_NONPAGED_NX || h->type == LAB_HEAP_PAGED;
	if (has_lookaside && bytes >= LOOKASIDE_MIN && bytes <= LOOKASIDE_MAX) {
		struct heap_stack *s = &h->lookaside[heap_bucket_of(bytes) - 0x21];
		if (s->n < LOOKASIDE_DEPTH) {
			push(s, b->va);
			return b->va;
		}
	}
	if (b->kind == LAB_KIND_VS && h->delayed.n < DELAYED_MAX) {
		/* The link is at the chunk's data; for a block that starts a page that is before the block. */
		uint64_t entry = lab_random(m, 2) ? b->va : b->chunk_va + HEAP_UNIT;
		push(&h->delayed, entry);
		return entry;
	}
	return 0;
}

static void free_doomed(struct lab_machine *m, unsigned i)
{
	struct lab_doomed d = m->doomed[i];
	m->doomed[i] = m->doomed[--m->n_doomed];
	struct heap_block b = {.va = d.va, .bytes = d.bytes, .kind = d.kind, .index = d.index, .chunk_va = d.chunk_va};
	heap_free(m, d.heap, &b);
}

void lab_heaps_free_doomed(struct lab_machine *m)
{
	while (m->n_doomed)
		free_doomed(m, m->n_doomed - 1);
}

static void doom(struct lab_machine *m, struct lab_heap *h, const struct heap_block *b)
{
	if (m->n_doomed == N_DOOMED)
		free_doomed(m, lab_random(m, N_DOOMED));
	m->doomed[m->n_doomed++] = (struct lab_doomed){
		.heap = h, .va = b->va, .bytes = b->bytes, .kind = b->kind, .index = b->index, .chunk_va = b->chunk_va};
}

uint64_t lab_heap_block(struct lab_machine *m, struct lab_heap *h, const struct lab_request *r)
{
	bool freed = r->state == LAB_CACHED || r->state == LAB_PENDING;
	bool aligned = r->cache_aligned && !freed && r->bytes + cache_line(m) <= lab_pool_max_small(m);
	uint32_t bytes = r->bytes + (aligned ? cache_line(m) : 0);
	unsigned units = (bytes + HEAP_UNIT + HEAP_UNIT - 1) / HEAP_UNIT, type;
	enum lab_state state = r->state;
	uint64_t list_va = 0, header;
	if (units < 2)
		units = 2;
	if (units > 255)
		lab_die("small block of %u bytes", r->bytes);
	struct heap_block b = heap_alloc(m, h, units * HEAP_UNIT, false);
	type = header_type(h, r->quota_process ? TYPE_QUOTA : 0);
	if (aligned) {
		header = align_block(m, b.va, units, type, r->tag);
	} else {
		put_header(m, header = b.va, 0, units, type, r->tag);
		/* Its owner wrote over the second header that the memory's last owner may have had. */
		uint64_t second = second_header(m, header);
		if (second != header && second + HEAP_UNIT <= header + (uint64_t)units * HEAP_UNIT)
			heap_write(m, second + 3, 0, 1);
		heap_write(m, header + 8, r->quota_process ? r->quota_process ^ m->quota_cookie ^ header : 0, 8);
	}
	if (aligned && r->quota_process) {
		heap_write(m, header + 8, r->quota_process ^ m->quota_cookie ^ header, 8);
		heap_write(m, b.va + 8, r->quota_process ^ m->quota_cookie ^ b.va, 8);
	}
	if (!r->untracked) {
		lab_track_alloc(m, r->tag, h->pool, units * HEAP_UNIT);
		if (state != LAB_ALLOCATED)
			lab_track_free(m, r->tag, h->pool, units * HEAP_UNIT);
	}
	if (freed) {
		list_va = keep_freed(m, h, &b, units);
		state = list_va ? LAB_CACHED : LAB_FREE;
	}
	if (state == LAB_FREE) {
		doom(m, h, &b);
		return 0;
	}
	lab_record(m, &(struct lab_block){.header_va = state == LAB_CACHED ? b.va : header,
					  .outer_va = b.va,
					  .bytes = units * HEAP_UNIT,
					  .tag = r->tag,
					  .pool = (uint8_t)h->pool,
					  .state = (uint8_t)state,
					  .kind = b.kind,
					  .heap_bytes = b.bytes,
					  .list_va = list_va,
					  .chunk_va = b.kind == LAB_KIND_VS ? b.chunk_va : 0,
					  .sub_va = b.kind == LAB_KIND_VS ? h->vs[b.index].va : h->lfh[b.index].va,
					  /* The list's link overwrote the tag. */
					  .tag_lost = list_va == b.va && list_va});
	return header + HEAP_UNIT;
}

/* What the pool makes of the size of a big request (pool.md 6.8). */
uint64_t lab_heap_big_bytes(uint64_t bytes)
{
	uint64_t r = (bytes + HEAP_UNIT - 1) & ~(uint64_t)(HEAP_UNIT - 1);
	if ((r & 0xff0) > 0xfc0 || r >= 0x10000)
		r = (r + LAB_PAGE - 1) & ~(uint64_t)(LAB_PAGE - 1);
	return r;
}

struct lab_heap_big lab_heap_big(struct lab_machine *m, struct lab_heap *h, uint64_t bytes, bool live)
{
	struct lab_heap_big ret = {0};
	if (bytes % LAB_PAGE) {
		struct heap_block b = heap_alloc(m, h, (uint32_t)bytes, true);
		ret.va = b.va;
		ret.kind = b.kind;
		ret.sub_va = b.kind == LAB_KIND_VS ? h->vs[b.index].va : h->lfh[b.index].va;
		ret.chunk_va = b.kind == LAB_KIND_VS ? b.chunk_va : 0;
		if (!live)
			heap_free(m, h, &b);
		return ret;
	}
	unsigned context = bytes > h->context[0].max_bytes;
	if (bytes <= h->context[1].max_bytes) {
		ret.kind = LAB_KIND_SEGMENT;
		ret.context = context;
		ret.va = heap_range_alloc(m, h, context, bytes, HEAP_RANGE_USER);
		/* Of its segment. */
		ret.sub_va = ret.va & ~(h->context[context].segment_bytes - 1);
		if (!live) {
			heap_commit(m, h, context, ret.va, lab_random(m, 1 + (uint32_t)(bytes / LAB_PAGE)) % 4);
			heap_range_free(m, h, context, ret.va);
		}
		return ret;
	}
	ret.kind = LAB_KIND_LARGE;
	ret.va = heap_reserve(m, h, bytes, 0x10000);
	if (live) {
		LAB_GROW(h->large, h->n_large, h->cap_large);
		h->large[h->n_large++] = (struct heap_large){ret.va, bytes};
	}
	return ret;
}

void lab_heap_big_commit(struct lab_machine *m, struct lab_heap *h, const struct lab_heap_big *b, uint64_t n_pages,
			 uint64_t n_all)
{
	if (b->kind == LAB_KIND_SEGMENT)
		heap_commit(m, h, b->context, b->va, n_pages);
	else if (b->kind == LAB_KIND_LARGE)
		for (uint64_t i = 0; i < n_pages; i++)
			lab_mem_map(m->mem, b->va + i * LAB_PAGE, LAB_PAGE, h->map_flags);
	for (uint64_t i = n_pages; i < n_all; i++)
		if (b->kind == LAB_KIND_SEGMENT)
			heap_commit_untouched(m, h, b->context, b->va + i * LAB_PAGE);
		else if (b->kind == LAB_KIND_LARGE)
			lab_map_untouched(m, b->va + i * LAB_PAGE, h->pool != LAB_POOL_NONPAGED, h->map_flags);
}
