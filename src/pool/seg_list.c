/* SPDX-License-Identifier: MIT */
/* The segments of each heap, by its lists, and large allocations by their tree. Reference: pool 6.3, 6.4, 6.7. */
#include "pool/seg_heap.h"
#include "util/checked.h"
#include "util/vec.h"

#include <stdlib.h>
#include <string.h>

#define SIGNATURE_CONSTANT 0xa2e64eada2e64eadu /* up to 22631, 0 from 26100 [2] */
#define LARGE_MAX          ((size_t)1 << 20)
#define TREE_DEPTH         100u

bool psc_seg_owner(const struct psc_seg *s, uint32_t space, uint64_t segment_va, uint64_t signature, uint32_t *ret_heap,
		   uint32_t *ret_context)
{
	uint64_t plain = signature ^ segment_va ^ s->keys.heap_key;
	const uint64_t constants[2] = {SIGNATURE_CONSTANT, 0};
	for (unsigned i = 0; i < 2; i++) {
		uint64_t va = plain ^ constants[i];
		if (!s->rules.is_64bit)
			va = (uint32_t)va;
		for (uint32_t h = 0; h < s->n_heaps; h++)
			for (uint32_t c = 0; c < 2; c++)
				if (s->heaps[h].space == space && s->heaps[h].contexts[c].va == va && va != 0) {
					*ret_heap = h;
					*ret_context = c;
					return true;
				}
	}
	return false;
}

bool psc_seg_add_segment(struct psc_seg *s, uint64_t va, uint32_t heap, uint32_t context)
{
	struct {
		struct psc_heap_segment *items;
		size_t n, cap;
	} v = {s->segments, s->n_segments, s->cap_segments};
	if (v.n == PSC_SEGMENTS_MAX)
		return true;
	if (!PSC_VEC_RESERVE_ONE(&v))
		return false;
	v.items[v.n++] = (struct psc_heap_segment){va, (uint16_t)heap, (uint8_t)context};
	s->segments = v.items;
	s->n_segments = v.n;
	s->cap_segments = v.cap;
	s->heaps[heap].contexts[context].n_found++;
	return true;
}

static void report(struct psc_seg *s, uint32_t heap, enum psc_defect_kind kind, uint64_t va, uint64_t container,
		   uint64_t expected, uint64_t found)
{
	const struct psc_defect d = {va, container, expected, found, kind, psc_seg_top_pa(s, &s->heaps[heap])};
	psc_defects_add(&s->defects, &d);
}

/* One direction along the list: links[0] forward, [1] back. *ret_complete when it came back to its head. false: out of
 * memory. */
static bool follow(struct psc_seg *s, struct psc_reader *r, uint32_t heap, uint32_t context, unsigned direction,
		   struct psc_hashmap *seen, bool *ret_complete)
{
	struct psc_heap_context *c = &s->heaps[heap].contexts[context];
	const uint32_t p = s->family.pointer_bytes;
	const uint64_t limit = c->n_segments + c->n_segments / 8 + 64;
	uint64_t at;
	*ret_complete = false;
	if (!psc_read_ptr(r, c->list_head + direction * p, &at))
		return true;
	for (uint64_t n = 0; n < limit && n < PSC_SEGMENTS_MAX; n++) {
		uint64_t signature, next;
		bool is_new;
		if (at == c->list_head) {
			*ret_complete = true;
			return true;
		}
		if (at % c->segment_bytes != 0 || !psc_is_kernel_va(r->sp, at)) {
			report(s, heap, PSC_DEFECT_SEGMENT_LIST, at, c->list_head, 0, at);
			return true;
		}
		if (!psc_hashset_add(seen, at, &is_new))
			return seen->n >= PSC_SEGMENTS_MAX;
		if (!is_new)
			return true; /* from the other side, or a loop */
		bool has_link = psc_read_ptr(r, at + direction * p, &next);
		uint32_t owner, owner_context;
		if (psc_read_ptr(r, at + 2 * p, &signature) && s->keys.has_heap_key &&
		    (!psc_seg_owner(s, s->heaps[heap].space, at, signature, &owner, &owner_context) || owner != heap ||
		     owner_context != context)) {
			report(s, heap, PSC_DEFECT_SEGMENT_SIGNATURE, at, s->heaps[heap].va, c->va, signature);
			/* A list entry that was damaged leads on; one that is no segment does not. */
			if (!has_link || (next != c->list_head && next % c->segment_bytes != 0))
				return true;
		}
		/* Named by its neighbour even when its own first page is missing. */
		if (!psc_seg_add_segment(s, at, heap, context))
			return false;
		if (!has_link)
			return true;
		at = next;
	}
	return true;
}

/* ---- large allocations ---- */

struct frame {
	uint64_t node;
	unsigned state;
};

static uint64_t child_of(uint64_t value, uint64_t node, bool encoded)
{
	return encoded && value != 0 ? value ^ node : value;
}

/* _RTL_RB_TREE of _HEAP_LARGE_ALLOC_DATA, in order, without recursion. */
static bool walk_large(struct psc_seg *s, struct psc_reader *r, uint32_t heap)
{
	struct psc_heap *h = &s->heaps[heap];
	const uint32_t p = s->family.pointer_bytes;
	struct frame stack[TREE_DEPTH];
	uint64_t root, min;
	size_t n = 0, visited = 0;
	if (!psc_read_ptr(r, h->large_tree, &root) || !psc_read_ptr(r, h->large_tree + p, &min))
		return true;
	bool encoded = (min & 1) != 0;
	root = encoded && root != 0 ? root ^ h->large_tree : root;
	if (!s->rules.is_64bit)
		root = (uint32_t)root;
	if (root != 0)
		stack[n++] = (struct frame){root, 0};
	while (n > 0) {
		struct frame *f = &stack[n - 1];
		uint64_t child = 0;
		if (f->state == 0) {
			uint8_t bytes[0x28];
			size_t size = p == 8 ? 0x28 : 0x14;
			if (++visited > LARGE_MAX || !psc_is_kernel_va(r->sp, f->node) || f->node % p != 0) {
				report(s, heap, PSC_DEFECT_LARGE_TREE, f->node, h->va, 0, f->node);
				n--;
				continue;
			}
			if (psc_read_va(r, f->node, bytes, size) != size) {
				h->n_large_missing++; /* the big-page table knows what hangs on it */
				n--;
				continue;
			}
			uint64_t va = p == 8 ? psc_le64(bytes + 0x18) : psc_le32(bytes + 0xc);
			uint64_t pages = p == 8 ? psc_le64(bytes + 0x20) >> 12 : psc_le32(bytes + 0x10) >> 12;
			uint64_t unused = va & 0xffff, hi;
			va &= ~(uint64_t)0xffff;
			if (psc_is_kernel_va(r->sp, va) && pages != 0 && pages < (uint64_t)1 << 34 &&
			    psc_add_u64(va, pages * PSC_PAGE_BYTES, &hi) && s->large.n < LARGE_MAX &&
			    !psc_rangeset_add(&s->large, va, hi, (uint64_t)heap << 16 | unused))
				return false;
		}
		if (f->state < 2) {
			uint64_t value;
			if (psc_read_ptr(r, f->node + f->state * p, &value))
				child = child_of(value, f->node, encoded);
			if (!s->rules.is_64bit)
				child = (uint32_t)child;
			f->state++;
			if (child != 0 && n == TREE_DEPTH)
				report(s, heap, PSC_DEFECT_LARGE_TREE, f->node, h->va, 0, child);
			else if (child != 0)
				stack[n++] = (struct frame){child, 0};
			continue;
		}
		n--;
	}
	return true;
}

static int by_va(const void *pa, const void *pb)
{
	const struct psc_heap_segment *a = pa, *b = pb;
	if (a->va != b->va)
		return a->va < b->va ? -1 : 1;
	return a->heap < b->heap ? -1 : a->heap > b->heap;
}

/* Of one heap and context found twice, and of different ones at one place in one space: the first. */
static void sort_segments(struct psc_seg *s)
{
	size_t n = 0;
	if (s->n_segments > 1)
		qsort(s->segments, s->n_segments, sizeof(*s->segments), by_va);
	for (size_t i = 0; i < s->n_segments; i++) {
		bool is_double = false;
		for (size_t j = n; j-- > 0 && s->segments[j].va == s->segments[i].va && !is_double;)
			is_double = s->heaps[s->segments[j].heap].space == s->heaps[s->segments[i].heap].space;
		if (!is_double)
			s->segments[n++] = s->segments[i];
	}
	s->n_segments = n;
}

/* The key from segments that their lists name: HeapKey = signature ^ segment ^ context ^ constant (pool 6.11). */
static bool key_from_segments(struct psc_seg *s, struct psc_reader *r)
{
	uint64_t key = 0;
	uint32_t votes = 0;
	for (size_t h = 0; h < s->n_heaps; h++)
		for (uint32_t c = 0; c < 2; c++) {
			const struct psc_heap_context *x = &s->heaps[h].contexts[c];
			uint64_t at, signature;
			if (s->heaps[h].space != 0 || !x->is_known || !psc_read_ptr(r, x->list_head, &at) ||
			    at == x->list_head || at % x->segment_bytes != 0 ||
			    !psc_read_ptr(r, at + 2 * s->family.pointer_bytes, &signature))
				continue;
			uint64_t v = signature ^ at ^ x->va ^ (s->k->id.build < 26000 ? SIGNATURE_CONSTANT : 0);
			if (!s->rules.is_64bit)
				v = (uint32_t)v;
			if (votes != 0 && v != key)
				return false;
			key = v;
			votes++;
		}
	if (votes == 0)
		return false;
	s->keys.has_heap_key = true;
	s->keys.heap_key = key;
	s->keys.heap_votes = votes;
	s->keys.heap_source = "segment";
	return true;
}

enum psc_status psc_seg_find_segments(struct psc_seg *s, struct psc_warnings *warnings, struct psc_error *reterr)
{
	enum psc_status result = PSC_E_NO_MEMORY;
	struct psc_reader *r = calloc(1, sizeof(*r));
	struct psc_hashmap seen;
	bool must_scan = false;
	uint32_t space = UINT32_MAX;
	psc_hashmap_init(&seen, 0, PSC_SEGMENTS_MAX);
	if (!r)
		goto out;
	if (!s->keys.has_heap_key) {
		psc_reader_init(r, &s->spaces[0]);
		(void)key_from_segments(s, r);
	}
	for (uint32_t h = 0; h < s->n_heaps; h++) {
		struct psc_heap *heap = &s->heaps[h];
		if (heap->space != space) {
			space = heap->space;
			psc_reader_init(r, &s->spaces[space]);
			psc_hashmap_deinit(&seen);
			psc_hashmap_init(&seen, 0, PSC_SEGMENTS_MAX);
		}
		if (!heap->is_read) {
			must_scan |= heap->space == 0;
			continue;
		}
		for (uint32_t c = 0; c < 2; c++) {
			bool complete;
			if (!follow(s, r, h, c, 0, &seen, &complete))
				goto out;
			if (complete && heap->contexts[c].n_found == heap->contexts[c].n_segments)
				continue;
			if (!complete && !follow(s, r, h, c, 1, &seen, &complete))
				goto out;
			must_scan |= heap->space == 0;
		}
		if (!walk_large(s, r, h))
			goto out;
	}
	if (must_scan && !psc_seg_scan_segments(s))
		goto out;
	sort_segments(s);
	psc_rangeset_seal(&s->large);
	if (s->n_segments == PSC_SEGMENTS_MAX)
		psc_warn(warnings, "more than %zu segments: the rest is not walked", PSC_SEGMENTS_MAX);
	result = PSC_OK;
out:
	psc_hashmap_deinit(&seen);
	free(r);
	return result == PSC_OK ? PSC_OK : psc_fail_no_memory(reterr);
}
