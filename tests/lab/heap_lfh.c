/* SPDX-License-Identifier: MIT */
/* LFH subsegments (pool.md 6.5): bitmaps of both forms, withheld blocks, tails that are not committed yet. */
#include "heap.h"
#include <stdlib.h>

static const char type[] = "_HEAP_LFH_SUBSEGMENT";

static unsigned bits_of(const struct lab_machine *m)
{
	return heap_is_26100(m) ? 1 : 2;
}

static uint64_t bitmap_va(const struct lab_machine *m, const struct heap_lfh *l)
{
	return l->va + m->lfh_bitmap_at;
}

static bool divides_page(uint32_t bytes)
{
	return LAB_PAGE % bytes == 0;
}

static bool crosses_page(const struct heap_lfh *l, uint32_t slot)
{
	uint32_t from = l->first + slot * l->block_bytes;
	return l->block_bytes < LAB_PAGE && from / LAB_PAGE != (from + l->block_bytes - 1) / LAB_PAGE;
}

static bool is_busy(struct lab_machine *m, const struct heap_lfh *l, uint32_t slot)
{
	uint32_t bit = slot * bits_of(m);
	return *heap_at(m, bitmap_va(m, l) + bit / 8) >> bit % 8 & 1;
}

static void set_state(struct lab_machine *m, const struct heap_lfh *l, uint32_t slot, unsigned state)
{
	uint32_t n = bits_of(m), bit = slot * n, mask = (1u << n) - 1;
	uint8_t *b = heap_at(m, bitmap_va(m, l) + bit / 8);
	*b = (uint8_t)((*b & ~(mask << bit % 8)) | (state & mask) << bit % 8);
}

/* Fills in the geometry for that many pages; false if they hold too few blocks to be worth it. */
static bool geometry(const struct lab_machine *m, struct heap_lfh *l, uint32_t pages, uint32_t *ret_commit_at)
{
	uint32_t bitmap_at = m->lfh_bitmap_at, bytes = pages * LAB_PAGE;
	for (l->slots = bytes / l->block_bytes; l->slots; l->slots--) {
		uint32_t bitmap = (l->slots * bits_of(m) + 63) / 64 * 8;
		*ret_commit_at = bitmap_at + bitmap;
		/* A word a page says what is committed. */
		l->first = (*ret_commit_at + pages * 2 + 15) & ~15u;
		if (divides_page(l->block_bytes))
			l->first = (l->first + l->block_bytes - 1) & ~(l->block_bytes - 1);
		else if (l->block_bytes >= LAB_PAGE)
			l->first = (l->first + LAB_PAGE - 1) & ~(LAB_PAGE - 1);
		if (l->first + l->slots * l->block_bytes <= bytes)
			break;
	}
	l->pages = pages;
	return l->slots >= 2 && l->slots <= 1023;
}

/* Subsegments grow with their bucket. */
static uint32_t choose_pages(struct lab_machine *m, const struct heap_bucket *bucket, struct heap_lfh *l,
			     uint32_t *ret_commit_at)
{
	uint32_t wanted = (uint32_t)(bucket->total_blocks < 32 ? 16 : bucket->total_blocks > 1000 ? 500 : 64);
	uint32_t max_pages = l->block_bytes >= 0x2000 ? 96 : l->block_bytes >= 0x400 ? 32 : 16, best = 0;
	for (uint32_t pages = 1; pages <= max_pages; pages *= 2)
		if (geometry(m, l, pages, ret_commit_at)) {
			best = pages;
			if (l->slots >= wanted)
				break;
		}
	if (!best)
		lab_die("no LFH subsegment for blocks of %u bytes", l->block_bytes);
	geometry(m, l, best, ret_commit_at);
	return best;
}

static void commit_up_to(struct lab_machine *m, struct lab_heap *h, struct heap_lfh *l, uint32_t pages)
{
	if (pages > l->pages)
		pages = l->pages;
	heap_commit(m, h, 0, l->va + (uint64_t)l->committed_pages * LAB_PAGE, pages - l->committed_pages);
	l->committed_pages = pages;
	l->slots_committed = l->first >= pages * LAB_PAGE ? 0 : (pages * LAB_PAGE - l->first) / l->block_bytes;
	if (l->slots_committed > l->slots)
		l->slots_committed = l->slots;
}

static void write_header(struct lab_machine *m, struct lab_heap *h, const struct heap_lfh *l, uint32_t commit_at)
{
	uint64_t at = l->va;
	/* Only 20 bits of the address remain up to 22631 (pool.md 6.5). */
	uint32_t shifted = heap_is_26100(m) ? (uint32_t)(at >> 12) : (uint32_t)at >> 12;
	lab_put_field(m, at, type, "BlockCount", l->slots - l->withheld);
	lab_put_field(m, at, type, "WitheldBlockCount", l->withheld);
	lab_put_field(m, at, type, "BlockOffsets", (l->block_bytes | l->first << 16) ^ (uint32_t)m->lfh_key ^ shifted);
	lab_put_field(m, at, type, "CommitUnitShift", 12);
	lab_put_field(m, at, type, "CommitUnitCount", l->pages);
	if (heap_is_26100(m)) {
		lab_put_field(m, at, type, "CommitStateOffset", commit_at / 8);
		lab_put_field(m, at, type, "BucketRef", l->bucket);
	} else {
		lab_put_field(m, at, type, "CommitStateOffset", commit_at);
		lab_put_field(m, at, type, "Owner", h->bucket[l->bucket].va);
	}
	/* What is behind the last block reads busy. */
	uint32_t n = bits_of(m), end = (l->slots * n + 63) / 64 * 64 / n;
	for (uint32_t i = l->slots; i < end; i++)
		set_state(m, l, i, ~0u);
	for (uint32_t i = 0; i < l->slots; i++)
		if (crosses_page(l, i))
			set_state(m, l, i, 1);
}

static uint32_t new_subsegment(struct lab_machine *m, struct lab_heap *h, unsigned bucket)
{
	struct heap_lfh l = {.bucket = (uint8_t)bucket, .block_bytes = heap_bucket_bytes(bucket)};
	uint32_t commit_at, pages = choose_pages(m, &h->bucket[bucket], &l, &commit_at);
	for (uint32_t i = 0; i < l.slots; i++)
		l.withheld += crosses_page(&l, i);
	l.free = l.slots - l.withheld;
	l.va = heap_range_alloc(m, h, 0, (uint64_t)pages * LAB_PAGE, HEAP_RANGE_LFH);
	commit_up_to(m, h, &l, 1 + l.first / LAB_PAGE);
	write_header(m, h, &l, commit_at);
	if (!h->bucket[bucket].va && !heap_is_26100(m)) {
		h->bucket[bucket].va = lab_system_bytes(m, lab_type_size(m->b, "_HEAP_LFH_BUCKET"));
		lab_put_field(m, l.va, type, "Owner", h->bucket[bucket].va);
	}
	h->bucket[bucket].total_blocks += l.free;
	h->bucket[bucket].n_subsegments++;
	LAB_GROW(h->lfh, h->n_lfh, h->cap_lfh);
	h->lfh[h->n_lfh++] = l;
	return (uint32_t)h->n_lfh - 1;
}

static void list(struct lab_heap *h, uint32_t index)
{
	struct heap_bucket *b = &h->bucket[h->lfh[index].bucket];
	if (h->lfh[index].listed)
		return;
	h->lfh[index].listed = true;
	LAB_GROW(b->with_room, b->n_with_room, b->cap_with_room);
	b->with_room[b->n_with_room++] = index;
}

/* A free block among the committed ones, from a random place on. */
static uint32_t pick(struct lab_machine *m, struct lab_heap *h, struct heap_lfh *l)
{
	for (;;) {
		uint32_t n = l->slots_committed, start = lab_random(m, n);
		for (uint32_t k = 0; k < n; k++) {
			uint32_t slot = start + k < n ? start + k : start + k - n;
			if (!is_busy(m, l, slot))
				return slot;
		}
		if (l->committed_pages == l->pages)
			lab_die("an LFH subsegment without the free blocks it counts");
		commit_up_to(m, h, l, l->committed_pages + 1 + l->block_bytes / LAB_PAGE);
	}
}

struct heap_block heap_lfh_alloc(struct lab_machine *m, struct lab_heap *h, unsigned bucket, uint32_t bytes)
{
	struct heap_bucket *b = &h->bucket[bucket];
	if (!b->n_with_room)
		list(h, new_subsegment(m, h, bucket));
	uint32_t index = b->with_room[b->n_with_room - 1];
	struct heap_lfh *l = &h->lfh[index];
	uint32_t slot = pick(m, h, l), unused = l->block_bytes - bytes;
	uint64_t va = l->va + l->first + (uint64_t)slot * l->block_bytes;
	set_state(m, l, slot, unused ? 3 : 1);
	if (unused)
		heap_write(m, va + l->block_bytes - 2, unused == 1 ? 0x8000 : unused, 2);
	if (!--l->free) {
		l->listed = false;
		b->n_with_room--;
	}
	return (struct heap_block){
		.va = va, .bytes = l->block_bytes, .kind = LAB_KIND_LFH, .index = index, .chunk_va = slot};
}

void heap_lfh_free(struct lab_machine *m, struct lab_heap *h, const struct heap_block *b)
{
	struct heap_lfh *l = &h->lfh[b->index];
	set_state(m, l, (uint32_t)b->chunk_va, 0);
	l->free++;
	list(h, b->index);
}

static void write_commit_state(struct lab_machine *m, const struct heap_lfh *l)
{
	uint32_t at = (uint32_t)heap_read(m, l->va + lab_offset(m->b, type, "CommitStateOffset"),
					  lab_field_size(m->b, type, "CommitStateOffset"));
	if (heap_is_26100(m))
		at *= 8;
	for (uint32_t i = 0; i < l->committed_pages; i++)
		heap_write(m, l->va + at + 2 * i, 1, 2);
}

static void write_bucket(struct lab_machine *m, struct lab_heap *h, unsigned bucket)
{
	static const char owner[] = "_HEAP_LFH_SUBSEGMENT_OWNER", bucket_type[] = "_HEAP_LFH_BUCKET";
	struct heap_bucket *b = &h->bucket[bucket];
	uint64_t *nodes[2] = {NULL, NULL}, context = h->va + lab_offset(m->b, "_SEGMENT_HEAP", "LfhContext");
	size_t n[2] = {0, 0}, cap[2] = {0, 0};
	if (!b->n_subsegments) {
		/* Not in use yet: its slot holds the number of outstanding blocks, odd. */
		if (!b->active)
			heap_write(m, context + lab_offset(m->b, "_HEAP_LFH_CONTEXT", "Buckets") + 8 * bucket,
				   (uint64_t)b->outstanding << 16 | 1, 8);
		return;
	}
	if (!b->va)
		b->va = lab_system_bytes(m, lab_type_size(m->b, bucket_type));
	for (size_t i = 0; i < h->n_lfh; i++)
		if (h->lfh[i].bucket == bucket) {
			unsigned full = !h->lfh[i].free;
			LAB_GROW(nodes[full], n[full], cap[full]);
			nodes[full][n[full]++] = h->lfh[i].va;
		}
	lab_put_field(m, b->va, owner, "BucketIndex", bucket);
	lab_link_list(m, b->va + lab_offset(m->b, owner, "AvailableSubsegmentList"), nodes[0], n[0]);
	lab_link_list(m, b->va + lab_offset(m->b, owner, "FullSubsegmentList"), nodes[1], n[1]);
	lab_put_field(m, b->va, bucket_type, "TotalBlockCount", b->total_blocks);
	lab_put_field(m, b->va, bucket_type, "TotalSubsegmentCount", b->n_subsegments);
	if (bucket < HEAP_LFH_BUCKETS - (heap_is_26100(m) ? 1 : 0))
		heap_write(m, context + lab_offset(m->b, "_HEAP_LFH_CONTEXT", "Buckets") + 8 * bucket, b->va, 8);
	free(nodes[0]);
	free(nodes[1]);
}

void heap_lfh_finish(struct lab_machine *m, struct lab_heap *h)
{
	for (size_t i = 0; i < h->n_lfh; i++) {
		const struct heap_lfh *l = &h->lfh[i];
		lab_put_field(m, l->va, type, "FreeCount", l->free);
		lab_put_field(m, l->va, type, "FreeHint", heap_is_26100(m) ? 0 : lab_random(m, l->slots));
		write_commit_state(m, l);
	}
	for (unsigned i = 1; i < HEAP_LFH_BUCKETS; i++)
		write_bucket(m, h, i);
}
