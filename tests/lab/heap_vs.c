/* SPDX-License-Identifier: MIT */
/*
 * VS subsegments (pool.md 6.6).
 *
 * Chunks tile a subsegment from +30 to Size. A chunk starts nowhere at page offset FF0: a free chunk's header of two
 * units would cross the page. A small block crosses no page; where the next page is needed, the chunk starts at FE0 and
 * its block on the page.
 */
#include "heap.h"
#include <stdlib.h>

#define SIGNATURE  0x2bedu
#define MIN_UNITS  2u
#define MAX_PROBES 16u

static const char type[] = "_HEAP_VS_SUBSEGMENT";

struct chunk {
	uint64_t va;
	uint32_t cost, units, previous;
	bool allocated;
};

static struct chunk get_chunk(struct lab_machine *m, uint64_t va)
{
	uint64_t x = heap_read(m, va, 8) ^ m->heap_key ^ va;
	return (struct chunk){.va = va,
			      .cost = x & 0xffff,
			      .units = x >> 16 & 0xffff,
			      .previous = x >> 32 & 0xffff,
			      .allocated = (x >> 48 & 0xff) != 0};
}

static void put_chunk(struct lab_machine *m, const struct chunk *c)
{
	uint64_t x = c->cost | (uint64_t)c->units << 16 | (uint64_t)c->previous << 32 | (uint64_t)c->allocated << 48;
	heap_write(m, c->va, x ^ m->heap_key ^ c->va, 8);
}

static uint64_t end_of(const struct heap_vs *s)
{
	return s->va + (uint64_t)s->units * HEAP_UNIT;
}

static void set_previous(struct lab_machine *m, const struct heap_vs *s, uint64_t va, uint32_t units)
{
	if (va >= end_of(s))
		return;
	struct chunk c = get_chunk(m, va);
	c.previous = units;
	put_chunk(m, &c);
}

static void insert_free(struct lab_machine *m, struct lab_heap *h, uint32_t vs, const struct chunk *c)
{
	uint32_t i = h->spare_chunk;
	if (i != HEAP_NONE) {
		h->spare_chunk = h->chunks[i].next;
	} else {
		LAB_GROW(h->chunks, h->n_chunks, h->cap_chunks);
		i = (uint32_t)h->n_chunks++;
	}
	uint32_t head = h->free_list[c->units];
	h->chunks[i] =
		(struct heap_free_chunk){.va = c->va, .units = c->units, .prev = HEAP_NONE, .next = head, .vs = vs};
	if (head != HEAP_NONE)
		h->chunks[head].prev = i;
	h->free_list[c->units] = i;
	h->free_map[c->units / 64] |= (uint64_t)1 << c->units % 64;
	h->vs_free_units += c->units;
	put_chunk(m, c);
	/* Until the trees are written the record's number stands in the node's place. */
	heap_write(m, c->va + 8, i, 4);
}

static void remove_free(struct lab_heap *h, uint32_t i)
{
	struct heap_free_chunk *c = &h->chunks[i];
	if (c->prev != HEAP_NONE)
		h->chunks[c->prev].next = c->next;
	else
		h->free_list[c->units] = c->next;
	if (c->next != HEAP_NONE)
		h->chunks[c->next].prev = c->prev;
	if (h->free_list[c->units] == HEAP_NONE)
		h->free_map[c->units / 64] &= ~((uint64_t)1 << c->units % 64);
	h->vs_free_units -= c->units;
	c->va = 0;
	c->next = h->spare_chunk;
	h->spare_chunk = i;
}

static void new_subsegment(struct lab_machine *m, struct lab_heap *h, uint32_t bytes)
{
	unsigned x = lab_random(m, 10), spare = !lab_random(m, 4);
	uint32_t pages = x < 7 ? 16 : x < 9 ? 32 : 64, needed = (bytes + HEAP_VS_FIRST + 3 * LAB_PAGE) / LAB_PAGE;
	if (pages < needed)
		pages = needed;
	struct heap_vs s = {.units = pages * (LAB_PAGE / HEAP_UNIT) - (pages >= 256 ? 1 : 0), .pages = pages};
	s.va = heap_range_alloc(m, h, 0, (uint64_t)(pages + spare) * LAB_PAGE, HEAP_RANGE_VS);
	heap_commit(m, h, 0, s.va, pages);
	s.commit = pages >= 64 ? ~0ull : ((uint64_t)1 << pages) - 1;
	s.slot = (uint8_t)lab_random(m, m->n_vs_slots);
	LAB_GROW(h->vs, h->n_vs, h->cap_vs);
	h->vs[h->n_vs++] = s;
	h->vs_total_units += s.units;
	struct chunk c = {.va = s.va + HEAP_VS_FIRST, .units = s.units - HEAP_VS_FIRST / HEAP_UNIT};
	insert_free(m, h, (uint32_t)h->n_vs - 1, &c);
}

/* Where a block of that many bytes goes in a free chunk. */
struct place {
	uint64_t chunk, block;
	uint32_t units, slack; /* of the chunk; unused units at its end */
};

static bool place_at(const struct heap_free_chunk *f, uint64_t chunk, uint32_t bytes, bool page_aligned,
		     struct place *ret)
{
	uint64_t end = f->va + (uint64_t)f->units * HEAP_UNIT, block = chunk + HEAP_UNIT, after;
	if (!((chunk + 2 * HEAP_UNIT) % LAB_PAGE))
		block = chunk + 2 * HEAP_UNIT;
	after = block + bytes;
	if (after > end || (page_aligned && block % LAB_PAGE))
		return false;
	if (!page_aligned && block / LAB_PAGE != (after - 1) / LAB_PAGE)
		return false;
	uint32_t rest = (uint32_t)((end - after) / HEAP_UNIT), slack = 0;
	if (rest && rest < MIN_UNITS)
		slack = rest;
	else if (rest && after % LAB_PAGE == LAB_PAGE - HEAP_UNIT)
		slack = 1;
	if (slack && rest - slack && rest - slack < MIN_UNITS)
		return false;
	*ret = (struct place){chunk, block, (uint32_t)((after - chunk) / HEAP_UNIT) + slack, slack};
	return true;
}

static bool find_place(const struct heap_free_chunk *f, uint32_t bytes, bool page_aligned, struct place *ret)
{
	if (place_at(f, f->va, bytes, page_aligned, ret))
		return true;
	/* Two units before the page, and a free chunk of two at least before them. */
	uint64_t page = (f->va + 4 * HEAP_UNIT + LAB_PAGE - 1) & ~(uint64_t)(LAB_PAGE - 1);
	return place_at(f, page - 2 * HEAP_UNIT, bytes, page_aligned, ret);
}

static bool find_chunk(struct lab_heap *h, uint32_t bytes, bool page_aligned, uint32_t *ret_index, struct place *ret)
{
	uint32_t from = bytes / HEAP_UNIT + 1;
	for (uint32_t word = from / 64; word <= HEAP_SIZE_LISTS / 64; word++) {
		uint64_t bits = h->free_map[word];
		if (word == from / 64)
			bits &= ~0ull << from % 64;
		for (; bits; bits &= bits - 1) {
			uint32_t size = word * 64, probes = 0;
			for (uint64_t b = bits; !(b & 1); b >>= 1)
				size++;
			for (uint32_t i = h->free_list[size]; i != HEAP_NONE && probes < MAX_PROBES;
			     i = h->chunks[i].next, probes++)
				if (find_place(&h->chunks[i], bytes, page_aligned, ret)) {
					*ret_index = i;
					return true;
				}
		}
	}
	return false;
}

struct heap_block heap_vs_alloc(struct lab_machine *m, struct lab_heap *h, uint32_t bytes, bool page_aligned)
{
	struct place p;
	uint32_t index;
	while (!find_chunk(h, bytes, page_aligned, &index, &p))
		new_subsegment(m, h, bytes);
	struct heap_free_chunk f = h->chunks[index];
	struct heap_vs *s = &h->vs[f.vs];
	struct chunk c = get_chunk(m, f.va);
	uint64_t end = f.va + (uint64_t)f.units * HEAP_UNIT, after = p.chunk + (uint64_t)p.units * HEAP_UNIT;
	uint32_t previous = c.previous;
	remove_free(h, index);
	if (p.chunk > f.va) {
		c.units = (uint32_t)((p.chunk - f.va) / HEAP_UNIT);
		insert_free(m, h, f.vs, &c);
		previous = c.units;
	}
	struct chunk mine = {.va = p.chunk, .units = p.units, .previous = previous, .allocated = true};
	put_chunk(m, &mine);
	uint32_t bits = ((uint32_t)((p.chunk - s->va) / LAB_PAGE) ^ (uint32_t)(m->heap_key ^ p.chunk)) & 0xff;
	if (p.slack) {
		bits |= 0x100;
		heap_write(m, after - 2, p.slack * HEAP_UNIT, 2);
	}
	heap_write(m, p.chunk + 8, bits, 4);
	if (after < end) {
		struct chunk rest = {.va = after, .units = (uint32_t)((end - after) / HEAP_UNIT), .previous = p.units};
		insert_free(m, h, f.vs, &rest);
		set_previous(m, s, end, rest.units);
	} else {
		set_previous(m, s, end, p.units);
	}
	return (struct heap_block){.va = p.block,
				   .bytes = (uint32_t)(after - p.block),
				   .kind = LAB_KIND_VS,
				   .index = f.vs,
				   .chunk_va = p.chunk};
}

/* A header that was merged away would still decode, and behind a hole nobody could tell it from a chunk. */
static void forget_header(struct lab_machine *m, uint64_t va)
{
	heap_write(m, va, 0, 8);
}

void heap_vs_free(struct lab_machine *m, struct lab_heap *h, const struct heap_block *b)
{
	struct heap_vs *s = &h->vs[b->index];
	struct chunk c = get_chunk(m, b->chunk_va);
	uint64_t next = c.va + (uint64_t)c.units * HEAP_UNIT;
	c.allocated = false;
	if (next < end_of(s)) {
		struct chunk n = get_chunk(m, next);
		if (!n.allocated) {
			remove_free(h, (uint32_t)heap_read(m, next + 8, 4));
			forget_header(m, next);
			c.units += n.units;
		}
	}
	if (c.previous) {
		struct chunk p = get_chunk(m, c.va - (uint64_t)c.previous * HEAP_UNIT);
		if (!p.allocated) {
			remove_free(h, (uint32_t)heap_read(m, p.va + 8, 4));
			forget_header(m, c.va);
			p.units += c.units;
			c = p;
		}
	}
	insert_free(m, h, b->index, &c);
	set_previous(m, s, c.va + (uint64_t)c.units * HEAP_UNIT, c.units);
}

/* Gives back whole pages inside of some free chunks. */
void heap_vs_decommit(struct lab_machine *m, struct lab_heap *h)
{
	for (size_t i = 0; i < h->n_chunks; i++) {
		const struct heap_free_chunk *f = &h->chunks[i];
		if (!f->va || h->vs[f->vs].pages > 64 || lab_random(m, 3) == 0)
			continue;
		struct heap_vs *s = &h->vs[f->vs];
		struct chunk c = get_chunk(m, f->va);
		uint64_t end = f->va + (uint64_t)f->units * HEAP_UNIT;
		uint64_t page = (f->va + 2 * HEAP_UNIT + LAB_PAGE - 1) & ~(uint64_t)(LAB_PAGE - 1);
		for (; page + LAB_PAGE <= end; page += LAB_PAGE) {
			heap_decommit(m, h, 0, page, 1);
			s->commit &= ~((uint64_t)1 << (page - s->va) / LAB_PAGE);
			h->vs_total_units -= LAB_PAGE / HEAP_UNIT;
			h->vs_free_units -= LAB_PAGE / HEAP_UNIT;
			c.cost++;
		}
		put_chunk(m, &c);
	}
}

static int by_size(const void *a, const void *b)
{
	const struct heap_free_chunk *x = a, *y = b;
	if (x->units != y->units)
		return x->units < y->units ? -1 : 1;
	return (x->va > y->va) - (x->va < y->va);
}

/* slot: of the subsegments whose free chunks the tree holds. */
static void write_lists(struct lab_machine *m, struct lab_heap *h, uint64_t tree_va, uint64_t list_va, unsigned slot)
{
	struct heap_free_chunk *sorted = lab_xrealloc(NULL, (h->n_chunks + 1) * sizeof *sorted);
	uint64_t *nodes = lab_xrealloc(NULL, (h->n_chunks + h->n_vs + 1) * sizeof *nodes);
	size_t n = 0;
	for (size_t i = 0; i < h->n_chunks; i++)
		if (h->chunks[i].va && h->vs[h->chunks[i].vs].slot == slot)
			sorted[n++] = h->chunks[i];
	if (n)
		qsort(sorted, n, sizeof *sorted, by_size);
	for (size_t i = 0; i < n; i++)
		nodes[i] = sorted[i].va + 8;
	heap_tree(m, tree_va, nodes, n);
	n = 0;
	for (size_t i = 0; i < h->n_vs; i++)
		if (h->vs[i].slot == slot)
			nodes[n++] = h->vs[i].va;
	lab_link_list(m, list_va, nodes, n);
	free(sorted);
	free(nodes);
}

static void write_subsegments(struct lab_machine *m, struct lab_heap *h, const uint64_t *slots)
{
	for (size_t i = 0; i < h->n_vs; i++) {
		const struct heap_vs *s = &h->vs[i];
		uint64_t all = s->pages >= 64 ? ~0ull : ((uint64_t)1 << s->pages) - 1;
		lab_put_field(m, s->va, type, "CommitBitmap", s->commit);
		lab_put_field(m, s->va, type, "Size", s->units);
		heap_write(m, s->va + lab_offset(m->b, type, "Signature"),
			   ((s->units ^ SIGNATURE) & 0x7fff) | (s->commit == all ? 0x8000u : 0), 2);
		if (lab_has_field(m->b, type, "OwnerSlotRef"))
			lab_put_field(m, s->va, type, "OwnerSlotRef",
				      (slots[s->slot] - h->va - lab_offset(m->b, "_SEGMENT_HEAP", "VsContext")) / 64);
	}
}

void heap_vs_finish(struct lab_machine *m, struct lab_heap *h)
{
	static const char context[] = "_HEAP_VS_CONTEXT", slot_type[] = "_HEAP_VS_AFFINITY_SLOT";
	uint64_t at = h->va + lab_offset(m->b, "_SEGMENT_HEAP", "VsContext"), slots[4] = {0};
	if (lab_has_field(m->b, context, "FreeChunkTree")) {
		write_lists(m, h, at + lab_offset(m->b, context, "FreeChunkTree"),
			    at + lab_offset(m->b, context, "SubsegmentList"), 0);
		heap_slist(m, at + lab_offset(m->b, context, "DelayFreeContext"), h->delayed.nodes, h->delayed.n);
	} else {
		/* Behind the heap, in units of 64 bytes from the context: the map of slots, then the slots. */
		uint64_t map = (h->va + lab_type_size(m->b, "_SEGMENT_HEAP") + 63) & ~63ull, first = map + 64;
		size_t done = 0;
		lab_put_field(m, at, context, "SlotMapRef", (map - at) / 64);
		lab_put_field(m, at, context, "AffinityMask", m->n_vs_slots - 1);
		for (unsigned i = 0; i < m->n_vs_slots; i++) {
			uint64_t s = slots[i] = first + i * lab_type_size(m->b, slot_type);
			size_t n = i + 1 == m->n_vs_slots ? h->delayed.n - done : h->delayed.n / m->n_vs_slots;
			heap_write(m, map + 4 * i, (s - at) / 64, 2);
			lab_put_field(m, s, slot_type, "VsContext", at);
			write_lists(m, h, s + lab_offset(m->b, slot_type, "FreeChunkTree"),
				    s + lab_offset(m->b, slot_type, "SubsegmentList"), i);
			heap_slist(m, s + lab_offset(m->b, slot_type, "DelayFreeContext"),
				   h->delayed.nodes ? h->delayed.nodes + done : NULL, n);
			done += n;
		}
	}
	write_subsegments(m, h, slots);
	lab_put_field(m, at, context, "TotalCommittedUnits", h->vs_total_units);
	lab_put_field(m, at, context, "FreeCommittedUnits", h->vs_free_units);
	lab_put_field(m, at, context, "BackendCtx", h->va + lab_offset(m->b, "_SEGMENT_HEAP", "SegContexts"));
}
