/* SPDX-License-Identifier: MIT */
/* The low half of the LFH key from subsegments whose heads a triage dump saved. Reference: pool 15 [V].
 *
 * A head hides where its first block lies and how large blocks are: value = key ^ (address >> 12) ^ (first << 16 |
 * size). Both are nearly known without the key: blocks fill the committed range as far as they can, first is the end of
 * the commit state behind the bitmap, rounded to the unit or, for sizes that divide a page, to the size, and the
 * number of blocks that would cross a page stands in the head. Each pair left votes for a key; the key is what several
 * subsegments have in common. */
#include "pool/seg_heap.h"
#include "util/checked.h"
#include "util/error.h"

#include <stdlib.h>
#include <string.h>

#define HEADS_MAX      1024u
#define VOTES_MAX      16u /* of one head */
#define BITMAP_MAX     0x4000u
#define UNIT_BYTES     16u
#define SEGMENTS_TRIED 256u
#define HEADS_TRIED    256u
#define LFH_FIRST      0xbu /* of a descriptor: allocated, first, LFH */
#define HEADS_AGREE    2u
#define COMMIT_BYTES   2u /* of state for each unit that is committed apart */

struct vote {
	uint32_t key;
	uint32_t head;
};

struct heads {
	struct psc_kernel *k;
	bool from_saved; /* ranges of a triage dump, else through page tables */
	struct psc_lfh_layout layout;
	struct psc_lfh_subsegment items[HEADS_MAX];
	size_t n;
	uint8_t bitmap[BITMAP_MAX];
	struct vote votes[HEADS_MAX * VOTES_MAX];
	size_t n_votes;
};

/* The head's own bitmap agrees with its count of free blocks. */
static bool bitmap_agrees(struct heads *h, const struct psc_lfh_subsegment *s)
{
	uint64_t va = s->va + h->layout.bitmap;
	if (s->bitmap_bytes > BITMAP_MAX)
		return false;
	size_t got = h->from_saved ? psc_image_read_saved(h->k->img, va, h->bitmap, s->bitmap_bytes)
				   : psc_read_va(&h->k->reader, va, h->bitmap, s->bitmap_bytes);
	return got == s->bitmap_bytes && psc_lfh_busy_count(h->bitmap, s, &h->layout) == s->slots - s->free_count;
}

static bool take_head(void *arg, uint64_t va, const uint8_t *bytes, uint32_t n)
{
	struct heads *h = arg;
	struct psc_lfh_subsegment *s = &h->items[h->n];
	if (va % PSC_PAGE_BYTES != 0 || n < PSC_LFH_HEADER_BYTES)
		return true;
	for (unsigned i = 0; i < psc_lfh_links(&h->layout, bytes); i++)
		if (!psc_is_kernel_va(&h->k->space, psc_le64(bytes + i * 8)))
			return true;
	if (psc_lfh_parse(bytes, va, &h->layout, UNIT_BYTES, s) && bitmap_agrees(h, s))
		h->n++;
	return h->n < HEADS_MAX;
}

static uint32_t first_block(const struct heads *h, const struct psc_lfh_subsegment *s)
{
	uint32_t end = s->commit_state + s->unit_count * COMMIT_BYTES;
	if (end < h->layout.bitmap + s->bitmap_bytes)
		end = h->layout.bitmap + s->bitmap_bytes;
	return (end + UNIT_BYTES - 1) / UNIT_BYTES * UNIT_BYTES;
}

static void vote(struct heads *h, uint32_t head)
{
	struct psc_lfh_subsegment s = h->items[head];
	const uint32_t first = first_block(h, &s);
	size_t n = 0;
	for (uint32_t size = UNIT_BYTES; size <= 0x4000 && n < VOTES_MAX; size += UNIT_BYTES) {
		if (psc_lfh_bucket_step(size, UNIT_BYTES) == 0)
			continue;
		s.block_bytes = size;
		s.first = PSC_PAGE_BYTES % size == 0 ? (first + size - 1) / size * size : first;
		if (s.first > s.range_bytes || (s.range_bytes - s.first) / size != s.slots ||
		    !psc_lfh_geometry_legal(&s, &h->layout, UNIT_BYTES))
			continue;
		struct vote *v = &h->votes[h->n_votes++];
		v->key = psc_lfh_masked_offsets(&s, &h->layout) ^ (s.first << 16 | size);
		v->head = head;
		n++;
	}
}

static int by_key(const void *pa, const void *pb)
{
	const struct vote *a = pa, *b = pb;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->head < b->head ? -1 : a->head > b->head;
}

/* How many heads this key explains. */
static uint32_t explained(const struct heads *h, uint32_t key)
{
	uint32_t n = 0;
	for (size_t i = 0; i < h->n; i++) {
		struct psc_lfh_subsegment s = h->items[i];
		n += psc_lfh_decode(&s, &h->layout, key, UNIT_BYTES);
	}
	return n;
}

static void solve(struct heads *h, struct psc_seg_keys *ret)
{
	uint32_t best = 0, best_key = 0;
	bool is_tie = true;
	for (uint32_t i = 0; i < h->n; i++)
		vote(h, i);
	qsort(h->votes, h->n_votes, sizeof(h->votes[0]), by_key);
	for (size_t i = 0, end; i < h->n_votes; i = end) {
		for (end = i + 1; end < h->n_votes && h->votes[end].key == h->votes[i].key;)
			end++;
		uint32_t n = end - i >= HEADS_AGREE ? explained(h, h->votes[i].key) : 0;
		if (n < HEADS_AGREE || n < best)
			continue;
		is_tie = n == best;
		best = n;
		best_key = h->votes[i].key;
	}
	if (best == 0 || is_tie)
		return;
	ret->has_lfh_low = true;
	ret->lfh_key = best_key;
	ret->lfh_votes = best;
	ret->lfh_source = "solved";
}

enum psc_status psc_seg_solve_lfh_key(struct psc_kernel *k, struct psc_seg_keys *ret, struct psc_error *reterr)
{
	struct psc_saved_totals unused;
	if (!psc_kernel_is_64bit(k))
		return PSC_OK;
	struct heads *h = calloc(1, sizeof(*h));
	if (!h)
		return psc_fail_no_memory(reterr);
	h->k = k;
	h->from_saved = true;
	psc_lfh_layout_init(&h->layout, k->id.build, true);
	psc_saved_visit(k, take_head, h, &unused);
	solve(h, ret);
	free(h);
	return PSC_OK;
}

/* The same for page ranges that are LFH subsegments by their descriptors. */
enum psc_status psc_seg_lfh_key(struct psc_seg *s, struct psc_error *reterr)
{
	if (s->keys.has_lfh_low || !s->rules.is_64bit)
		return PSC_OK;
	struct heads *h = calloc(1, sizeof(*h));
	if (!h)
		return psc_fail_no_memory(reterr);
	h->k = s->k;
	h->layout = s->rules.lfh;
	for (size_t i = 0; i < s->n_segments && i < SEGMENTS_TRIED && h->n < HEADS_TRIED; i++) {
		const struct psc_heap_segment *g = &s->segments[i];
		const struct psc_heap_context *c = &s->heaps[g->heap].contexts[g->context];
		if (s->heaps[g->heap].space != 0)
			continue;
		for (uint32_t d = c->first_index; d < PSC_DESCRIPTORS && h->n < HEADS_TRIED; d++) {
			uint8_t flags, bytes[PSC_LFH_HEADER_BYTES];
			uint64_t va = g->va + ((uint64_t)d << c->unit_shift);
			if (psc_read_u8(&s->k->reader, g->va + d * 0x20 + 0x18, &flags) && flags == LFH_FIRST &&
			    psc_read_va(&s->k->reader, va, bytes, sizeof(bytes)) == sizeof(bytes))
				(void)take_head(h, va, bytes, sizeof(bytes));
		}
	}
	solve(h, &s->keys);
	free(h);
	return PSC_OK;
}
