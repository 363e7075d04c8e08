/* SPDX-License-Identifier: MIT */
/* Segments and their page ranges (pool.md 6.3). */
#include "heap.h"
#include <stdlib.h>
#include <string.h>

#define SIGNATURE_KEY     0xa2e64eada2e64eadull
#define TREE_SIGNATURE    0xccddccddu
#define DESCRIPTOR_BYTES  0x20u
#define DESCRIPTORS_BYTES (HEAP_UNITS * DESCRIPTOR_BYTES)

static const char descriptor[] = "_HEAP_PAGE_RANGE_DESCRIPTOR", context_type[] = "_HEAP_SEG_CONTEXT";

void heap_contexts_init(struct lab_heap *h, unsigned first_unit_1)
{
	h->context[0] = (struct heap_context){
		.unit_shift = 12, .first_unit = 2, .segment_bytes = 0x100000, .max_bytes = 0x7f000, .room_for = ~0u};
	h->context[1] = (struct heap_context){.unit_shift = 16,
					      .first_unit = first_unit_1,
					      .segment_bytes = 0x1000000,
					      .max_bytes = 0x7f0000,
					      .room_for = ~0u};
}

uint64_t heap_reserve(struct lab_machine *m, const struct lab_heap *h, uint64_t bytes, uint64_t align)
{
	uint64_t *cursor = h->pool == LAB_POOL_PAGED     ? &m->paged_va
			   : h->pool == LAB_POOL_SESSION ? &m->session_heap_va
							 : &m->nonpaged_va;
	uint64_t end = h->pool == LAB_POOL_PAGED     ? m->b->paged_end
		       : h->pool == LAB_POOL_SESSION ? m->b->session_base + 0x4400000
						     : m->b->nonpaged_end;
	uint64_t va = (*cursor + align - 1) & ~(align - 1);
	if (!lab_random(m, 5))
		va += align;
	if (va + bytes > end)
		lab_die("%s: no room for %llu bytes of heap", m->b->key, (unsigned long long)bytes);
	*cursor = va + bytes;
	if (h->pool == LAB_POOL_PAGED && *cursor > m->paged_high)
		m->paged_high = *cursor;
	if (h->pool == LAB_POOL_NONPAGED && *cursor > m->nonpaged_high)
		m->nonpaged_high = *cursor;
	return va;
}

static struct heap_segment *new_segment(struct lab_machine *m, struct lab_heap *h, struct heap_context *c)
{
	struct heap_segment *s = calloc(1, sizeof *s);
	if (!s)
		lab_die("out of memory");
	s->va = heap_reserve(m, h, c->segment_bytes, c->segment_bytes);
	s->free_units = (uint16_t)(HEAP_UNITS - c->first_unit);
	s->watermark = (uint16_t)c->first_unit;
	lab_mem_map(m->mem, s->va, DESCRIPTORS_BYTES, h->map_flags);
	h->committed_pages += DESCRIPTORS_BYTES / LAB_PAGE;
	LAB_GROW(c->segments, c->n_segments, c->cap_segments);
	c->segments[c->n_segments++] = s;
	return s;
}

static struct heap_segment *segment_of(const struct heap_context *c, uint64_t va)
{
	uint64_t base = va & ~(c->segment_bytes - 1);
	for (size_t i = c->n_segments; i-- > 0;)
		if (c->segments[i]->va == base)
			return c->segments[i];
	lab_die("%llx is in no segment", (unsigned long long)va);
}

/* The first run of free units that is long enough; HEAP_UNITS if there is none. */
static unsigned find_run(const struct heap_context *c, const struct heap_segment *s, unsigned n)
{
	unsigned i = c->first_unit, run = 0;
	if (s->free_units < n)
		return HEAP_UNITS;
	for (; i < HEAP_UNITS; i++) {
		run = s->unit[i].flags ? 0 : run + 1;
		if (run == n)
			return i + 1 - n;
	}
	return HEAP_UNITS;
}

uint64_t heap_range_alloc(struct lab_machine *m, struct lab_heap *h, unsigned context, uint64_t bytes,
			  enum heap_range_type type)
{
	struct heap_context *c = &h->context[context];
	unsigned n = (unsigned)((bytes + ((uint64_t)1 << c->unit_shift) - 1) >> c->unit_shift), first = HEAP_UNITS;
	struct heap_segment *s = NULL;
	size_t i = n >= c->room_for ? c->first_with_room : 0;
	for (; i < c->n_segments && first == HEAP_UNITS; i++)
		first = find_run(c, s = c->segments[i], n);
	if (first == HEAP_UNITS) {
		s = new_segment(m, h, c);
		first = find_run(c, s, n);
		if (first == HEAP_UNITS)
			lab_die("page range of %u units", n);
		/* Nobody looks for this much in the older segments again before something is freed. */
		if (n <= c->room_for) {
			c->room_for = n;
			c->first_with_room = c->n_segments - 1;
		}
	}
	/* Nobody finds what a free range kept. */
	for (unsigned k = 0; k < n; k++)
		if (s->unit[first + k].committed)
			heap_decommit(m, h, context, s->va + ((uint64_t)(first + k) << c->unit_shift),
				      ((uint64_t)1 << c->unit_shift) / LAB_PAGE);
	for (unsigned k = 0; k < n; k++)
		s->unit[first + k] =
			(struct heap_unit){.flags = (uint8_t)(k ? type & ~2 : type), .size = (uint8_t)(k ? k : n)};
	s->unit[first].unused = (uint32_t)(((uint64_t)n << c->unit_shift) - bytes);
	s->free_units = (uint16_t)(s->free_units - n);
	if (first + n > s->watermark)
		s->watermark = (uint16_t)(first + n);
	return s->va + ((uint64_t)first << c->unit_shift);
}

void heap_range_free(struct lab_machine *m, struct lab_heap *h, unsigned context, uint64_t va)
{
	struct heap_context *c = &h->context[context];
	struct heap_segment *s = segment_of(c, va);
	unsigned first = (unsigned)((va - s->va) >> c->unit_shift), n = s->unit[first].size;
	/* Some pages of some free ranges stay committed. */
	if (lab_random(m, 2))
		heap_decommit(m, h, context, va, ((uint64_t)n << c->unit_shift) / LAB_PAGE);
	for (unsigned k = 0; k < n; k++)
		s->unit[first + k] = (struct heap_unit){.committed = s->unit[first + k].committed};
	s->free_units = (uint16_t)(s->free_units + n);
	c->room_for = ~0u;
	c->first_with_room = 0;
}

static void set_committed(struct lab_machine *m, struct lab_heap *h, unsigned context, uint64_t va, uint64_t n_pages,
			  bool on)
{
	struct heap_context *c = &h->context[context];
	struct heap_segment *s = segment_of(c, va);
	for (uint64_t p = va; n_pages; n_pages--, p += LAB_PAGE) {
		struct heap_unit *u = &s->unit[(p - s->va) >> c->unit_shift];
		if (lab_mem_is_mapped(m->mem, p) == on)
			continue;
		if (on) {
			lab_mem_map(m->mem, p, LAB_PAGE, h->map_flags);
			u->committed++;
			h->committed_pages++;
		} else {
			heap_forget(m, p);
			lab_mem_unmap(m->mem, p);
			u->committed--;
			h->committed_pages--;
		}
	}
}

void heap_commit(struct lab_machine *m, struct lab_heap *h, unsigned context, uint64_t va, uint64_t n_pages)
{
	set_committed(m, h, context, va, n_pages, true);
}

/* A page that nobody looks into; a paged one of which nobody knows more than that it may be had is not counted. */
void heap_commit_untouched(struct lab_machine *m, struct lab_heap *h, unsigned context, uint64_t va)
{
	struct heap_context *c = &h->context[context];
	struct heap_segment *s = segment_of(c, va);
	bool paged = h->pool != LAB_POOL_NONPAGED;
	if (lab_mem_is_mapped(m->mem, va))
		return;
	lab_map_untouched(m, va, paged, h->map_flags);
	if (!paged) {
		s->unit[(va - s->va) >> c->unit_shift].committed++;
		h->committed_pages++;
	}
}

void heap_decommit(struct lab_machine *m, struct lab_heap *h, unsigned context, uint64_t va, uint64_t n_pages)
{
	set_committed(m, h, context, va, n_pages, false);
}

struct free_range {
	uint64_t node;
	unsigned units;
};

static int by_units(const void *a, const void *b)
{
	const struct free_range *x = a, *y = b;
	if (x->units != y->units)
		return x->units < y->units ? -1 : 1;
	return (x->node > y->node) - (x->node < y->node);
}

struct free_ranges {
	struct free_range *list;
	size_t n, cap;
};

static void write_descriptors(struct lab_machine *m, const struct heap_context *c, const struct heap_segment *s,
			      struct free_ranges *free_ranges)
{
	uint32_t flags_at = lab_offset(m->b, descriptor, "RangeFlags"),
		 committed_at = lab_offset(m->b, descriptor, "CommittedPageCount"),
		 offset_at = lab_offset(m->b, descriptor, "UnitOffset"),
		 size_at = lab_offset(m->b, descriptor, "UnitSize");
	for (unsigned i = c->first_unit; i < HEAP_UNITS;) {
		uint64_t at = s->va + i * DESCRIPTOR_BYTES;
		const struct heap_unit *u = &s->unit[i];
		unsigned n = u->flags ? u->size : 0;
		if (!u->flags) {
			while (i + n < HEAP_UNITS && !s->unit[i + n].flags)
				n++;
			heap_write(m, at + flags_at, 2, 1);
			for (unsigned k = 0; k < n; k++)
				heap_write(m, at + k * DESCRIPTOR_BYTES + committed_at, s->unit[i + k].committed, 1);
			LAB_GROW(free_ranges->list, free_ranges->n, free_ranges->cap);
			free_ranges->list[free_ranges->n++] = (struct free_range){at, n};
			if (n > 1)
				heap_write(m, at + (n - 1) * DESCRIPTOR_BYTES + offset_at, n - 1, 1);
		} else {
			heap_write(m, at, TREE_SIGNATURE, 4);
			heap_write(m, at + 4, u->unused, 4);
			for (unsigned k = 0; k < n; k++) {
				uint64_t d = at + k * DESCRIPTOR_BYTES;
				heap_write(m, d + flags_at, s->unit[i + k].flags, 1);
				heap_write(m, d + committed_at, s->unit[i + k].committed, 1);
				if (k)
					heap_write(m, d + offset_at, k, 1);
			}
		}
		heap_write(m, at + size_at, n, 1);
		i += n;
	}
}

static void write_context(struct lab_machine *m, struct lab_heap *h, unsigned which)
{
	struct heap_context *c = &h->context[which];
	uint32_t size = lab_type_size(m->b, context_type), list_at = lab_offset(m->b, context_type, "SegmentListHead");
	uint64_t at = h->va + lab_offset(m->b, "_SEGMENT_HEAP", "SegContexts") + which * size;
	uint64_t *nodes = lab_xrealloc(NULL, (c->n_segments + 1) * sizeof *nodes);
	struct free_ranges free_ranges = {0};
	for (size_t i = 0; i < c->n_segments; i++) {
		const struct heap_segment *s = c->segments[i];
		nodes[i] = s->va;
		write_descriptors(m, c, s, &free_ranges);
		heap_write(m, s->va + 0x10, s->va ^ at ^ m->heap_key ^ (heap_is_26100(m) ? 0 : SIGNATURE_KEY), 8);
		/* In context 1 the first usable descriptor lies over it. */
		if (c->unit_shift == 12)
			heap_write(m, s->va + 0x20, s->watermark & 0xff, 1);
	}
	lab_link_list(m, at + list_at, nodes, c->n_segments);
	if (free_ranges.n)
		qsort(free_ranges.list, free_ranges.n, sizeof *free_ranges.list, by_units);
	nodes = lab_xrealloc(nodes, (free_ranges.n + 1) * sizeof *nodes);
	for (size_t i = 0; i < free_ranges.n; i++)
		nodes[i] = free_ranges.list[i].node;
	heap_tree(m, at + lab_offset(m->b, context_type, "FreePageRanges"), nodes, free_ranges.n);
	free(free_ranges.list);
	free(nodes);
	lab_put_field(m, at, context_type, "SegmentMask", ~(c->segment_bytes - 1));
	lab_put_field(m, at, context_type, "UnitShift", c->unit_shift);
	lab_put_field(m, at, context_type, "PagesPerUnitShift", c->unit_shift - 12);
	lab_put_field(m, at, context_type, "FirstDescriptorIndex", c->first_unit);
	lab_put_field(m, at, context_type, "MaxAllocationSize", c->max_bytes);
	lab_put_field(m, at, context_type, "LfhContext", h->va + lab_offset(m->b, "_SEGMENT_HEAP", "LfhContext"));
	lab_put_field(m, at, context_type, "VsContext", h->va + lab_offset(m->b, "_SEGMENT_HEAP", "VsContext"));
	lab_put_field(m, at, context_type, "Heap", h->va);
	lab_put_field(m, at, context_type, "SegmentCount", c->n_segments);
}

struct lab_heap_pages heap_pages(const struct lab_heap *h)
{
	struct lab_heap_pages p = {0};
	for (unsigned c = 0; c < 2; c++)
		for (size_t k = 0; k < h->context[c].n_segments; k++) {
			p.descriptors += DESCRIPTORS_BYTES / LAB_PAGE;
			for (unsigned i = h->context[c].first_unit; i < HEAP_UNITS; i++) {
				const struct heap_unit *u = &h->context[c].segments[k]->unit[i];
				switch (u->flags | 2) {
				case HEAP_RANGE_USER:
					p.user += u->committed;
					break;
				case HEAP_RANGE_INTERNAL:
					p.internal += u->committed;
					break;
				case HEAP_RANGE_LFH:
					p.lfh += u->committed;
					break;
				case HEAP_RANGE_VS:
					p.vs += u->committed;
					break;
				default:
					p.free += u->committed;
				}
			}
		}
	return p;
}

void heap_segments_finish(struct lab_machine *m, struct lab_heap *h)
{
	write_context(m, h, 0);
	write_context(m, h, 1);
}
