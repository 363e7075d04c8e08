/* SPDX-License-Identifier: MIT */
/* From the storage that a heap gave out to the block that the pool made of it. Reference: pool 6.10, 2.4, 2.5, 7.2. */
#include "pool/seg_segment.h"
#include "pool/special.h"
#include "util/checked.h"

#include <string.h>

#define TYPE_PAGED   0x01u
#define TYPE_IN_USE  0x02u
#define TYPE_ALIGNED 0x04u
#define TYPE_SESSION 0x20u
#define TYPE_LEGAL   0x6fu
#define SMALL_MAX    0xff0u

void psc_seg_take_defect(void *arg, const struct psc_defect *d)
{
	struct psc_seg_worker *t = arg;
	struct psc_defect own = *d;
	own.top_pa = t->block.top_pa;
	psc_defects_add(&t->defects, &own);
	t->cov->corrupt_pages++;
}

void psc_seg_take_lost(void *arg, uint64_t va, uint64_t bytes, enum psc_hole why)
{
	struct psc_seg_worker *t = arg;
	(void)va;
	t->sum->lost_bytes += bytes;
	t->cov->lost_bytes += bytes;
	t->cov->lost_count++;
	switch (why) {
	case PSC_HOLE_PAGED_OUT:
		t->cov->lost_paged_out_bytes += bytes;
		break;
	case PSC_HOLE_NOT_IN_DUMP:
		t->cov->lost_not_in_dump_bytes += bytes;
		break;
	case PSC_HOLE_CORRUPT:
		t->cov->lost_corrupt_bytes += bytes;
		break;
	default:
		t->cov->lost_unknown_bytes += bytes;
		break;
	}
}

void psc_seg_take_delayed(void *arg, uint64_t n_blocks, uint64_t bytes)
{
	struct psc_seg_worker *t = arg;
	t->cov->delayed_blocks += n_blocks;
	t->cov->delayed_bytes += bytes;
}

static void give(struct psc_seg_worker *t, const struct psc_block *b)
{
	switch (b->state) {
	case PSC_BLOCK_ALLOCATED:
		t->cov->live_blocks++;
		t->sum->live_blocks++;
		t->sum->live_bytes += b->size_bytes;
		t->cov->untagged_blocks += !b->has_tag;
		t->cov->untagged_bytes += b->has_tag ? 0 : b->size_bytes;
		break;
	case PSC_BLOCK_CACHED:
		t->cov->cached_blocks++;
		t->cov->cached_bytes += b->size_bytes;
		t->sum->cached_bytes += b->size_bytes;
		break;
	case PSC_BLOCK_FREE:
		t->sum->free_bytes += b->size_bytes;
		break;
	}
	const struct psc_walk_options *o = t->w->opts;
	if (b->va + b->size_bytes - b->front_bytes - 1 >= o->lo && (o->hi == 0 || b->va < o->hi))
		psc_walk_emit(t->w, t->walk, b);
}

static inline bool in_set(const struct psc_seg_worker *t, uint64_t va)
{
	const struct psc_walk *w = t->w;
	uint32_t bit = psc_walk_filter_bit(va);
	return (w->filter[bit >> 3] >> (bit & 7) & 1) != 0 &&
	       psc_hashmap_get(&w->seg->cached.data_vas, (struct psc_hashkey){va, t->heap->space}) != NULL;
}

static bool is_cached(const struct psc_seg_worker *t, const struct psc_seg_storage *s)
{
	const uint32_t unit = t->w->rules.unit_bytes;
	if (!t->w->filter)
		return false;
	if (in_set(t, s->va))
		return true;
	/* Delayed frees may link through the chunk's header or its data (pool 6.6). */
	if (s->chunk_va == 0)
		return false;
	return in_set(t, s->chunk_va) || (s->va - s->chunk_va > unit && in_set(t, s->chunk_va + unit));
}

/* A live entry of the big-page table that begins here. */
static bool is_in_big_table(const struct psc_walk *w, uint64_t va)
{
	const struct psc_range *r = w->big.n != 0 ? psc_rangeset_find(&w->big, va) : NULL;
	return r && r->lo == va;
}

/* Cache-aligned: a second header where the data is aligned (pool 2.5 [1]). */
static bool find_second(const struct psc_walk *w, const uint8_t *header, uint64_t va, const struct psc_pool_header *h,
			uint32_t size, uint64_t *ret_va, struct psc_pool_header *ret)
{
	const uint32_t unit = w->rules.unit_bytes;
	const uint64_t line = w->seg->cache_line;
	uint64_t distance = (line - 1) & (0 - unit - va);
	if (distance == 0 || distance >= size || va % PSC_PAGE_BYTES + distance + unit > PSC_PAGE_BYTES)
		return false;
	psc_pool_header_parse(header + distance, &w->rules, ret);
	if ((ret->pool_type & TYPE_ALIGNED) == 0 || (ret->pool_type & TYPE_IN_USE) == 0 || ret->tag != h->tag ||
	    ret->previous_size * unit != distance || ret->block_size == 0 || ret->block_size * unit > size - distance)
		return false;
	*ret_va = va + distance;
	return true;
}

static bool header_fits(const struct psc_seg_worker *t, const struct psc_pool_header *h,
			const struct psc_seg_storage *s)
{
	uint32_t size = h->block_size * t->w->rules.unit_bytes;
	bool is_paged = t->heap->pool != PSC_POOL_NONPAGED;
	return size != 0 && size <= s->bytes && s->bytes - size < s->step && (h->pool_type & TYPE_IN_USE) != 0 &&
	       (h->pool_type & ~TYPE_LEGAL) == 0 && ((h->pool_type & TYPE_PAGED) != 0) == is_paged;
}

static bool is_link(const struct psc_walk *w, const uint8_t *header)
{
	uint64_t v = w->rules.is_64bit ? psc_le64(header) : psc_le32(header);
	return v == 0 || (psc_is_kernel_va(&w->k->space, v) && v % w->rules.unit_bytes == 0);
}

/* The header of a freed slot still names the last owner, unless the heap wrote over it. */
static void give_free(struct psc_seg_worker *t, const struct psc_seg_storage *s, struct psc_block *b)
{
	struct psc_pool_header h;
	b->state = PSC_BLOCK_FREE;
	b->size_bytes = s->bytes;
	if (s->header && s->chunk_va == 0) {
		psc_pool_header_parse(s->header, &t->w->rules, &h);
		b->has_tag = h.previous_size == 0 && header_fits(t, &h, s);
		b->tag = b->has_tag ? h.tag : 0;
	}
	give(t, b);
}

void psc_seg_take_storage(void *arg, const struct psc_seg_storage *s)
{
	struct psc_seg_worker *t = arg;
	const struct psc_walk *w = t->w;
	const uint32_t unit = w->rules.unit_bytes;
	struct psc_block b = t->block;
	struct psc_pool_header h, second;
	b.va = s->va;
	b.size_bytes = s->bytes;
	if (s->chunk_va != 0) {
		uint64_t chunk_bytes = s->va + s->bytes - s->chunk_va;
		t->sum->vs_free_bytes += s->in_use ? 0 : chunk_bytes - psc_min_u64(s->absent_bytes, chunk_bytes);
	} else {
		t->sum->lfh_free_bytes += s->in_use ? 0 : s->bytes;
	}
	if (s->is_internal)
		return;
	if (!s->in_use) {
		give_free(t, s, &b);
		return;
	}
	if (s->is_delayed || is_cached(t, s)) {
		b.state = PSC_BLOCK_CACHED;
		give(t, &b);
		return;
	}
	if (s->va % PSC_PAGE_BYTES == 0 && (s->bytes > SMALL_MAX || is_in_big_table(w, s->va))) {
		if (is_in_big_table(w, s->va))
			return; /* given out by the table */
		b.is_big = true;
		(void)psc_seg_name_session_big(w->seg, t->heap->space, &b);
		give(t, &b);
		return;
	}
	if (!s->header) { /* it is there, but what names it is not */
		t->cov->headerless_blocks++;
		t->cov->headerless_bytes += s->bytes;
		give(t, &b);
		return;
	}
	psc_pool_header_parse(s->header, &w->rules, &h);
	if (!header_fits(t, &h, s)) {
		b.is_proven = false;
		if (is_link(w, s->header)) {
			b.state = PSC_BLOCK_CACHED; /* pushed while the machine stopped, or a list that was not read */
		} else {
			const struct psc_defect d = {s->va, t->heap->va, s->bytes, h.block_size * unit,
						     PSC_DEFECT_BLOCK_HEADER};
			psc_seg_take_defect(t, &d);
		}
		give(t, &b);
		return;
	}
	b.has_tag = true;
	b.tag = h.tag;
	b.size_bytes = h.block_size * unit;
	const uint8_t *header = s->header;
	if (find_second(w, header, s->va, &h, (uint32_t)b.size_bytes, &b.va, &second)) {
		b.front_bytes = (uint32_t)(b.va - s->va);
		header += b.front_bytes;
		h = second;
	}
	psc_walk_bill(w, &h, header, h.block_size * unit, PSC_PAGE_BYTES - b.va % PSC_PAGE_BYTES, &b);
	/* How a second header is charged has one source (pool 2.5). */
	if (b.front_bytes == 0 && psc_walk_is_misbilled(w, &h, &b)) {
		const struct psc_defect d = {b.va, t->heap->va, 0, h.process_billed, PSC_DEFECT_QUOTA_PROCESS};
		psc_seg_take_defect(t, &d);
	}
	b.trace_index = psc_pool_header_trace_index(&h, &w->rules);
	give(t, &b);
}

static void take_special(struct psc_seg_worker *t, uint64_t va, const uint8_t *page, enum psc_hole hole)
{
	struct psc_block b = t->block;
	struct psc_special_page p;
	if (!page) {
		psc_seg_take_lost(t, va, PSC_PAGE_BYTES, hole);
		return;
	}
	if (!psc_special_page_parse(page, &t->w->rules, &p)) {
		const struct psc_defect d = {va, t->heap->va, 0, psc_le16(page), PSC_DEFECT_SPECIAL_RECORD};
		psc_seg_take_defect(t, &d);
		psc_seg_take_lost(t, va, PSC_PAGE_BYTES, PSC_HOLE_CORRUPT);
		return;
	}
	psc_special_block_make(&p, va, &b);
	if (p.wrong != PSC_PAGE_BYTES) {
		const struct psc_defect d = {va + p.wrong, b.va, p.fill, page[p.wrong], PSC_DEFECT_SPECIAL_PATTERN};
		psc_seg_take_defect(t, &d);
	}
	give(t, &b);
}

void psc_seg_take_range(struct psc_seg_worker *t, uint64_t va, uint64_t bytes, uint64_t unused, const uint8_t *page,
			enum psc_hole hole)
{
	struct psc_block b = t->block;
	struct psc_special_page special;
	if (t->is_special ||
	    (page && psc_special_page_parse(page, &t->w->rules, &special) && psc_special_page_is_proven(&special))) {
		take_special(t, va, page, hole);
		return;
	}
	if (is_in_big_table(t->w, va))
		return;
	b.kind = PSC_BLOCK_KIND_SEGMENT;
	b.va = va;
	b.size_bytes = bytes - psc_min_u64(unused, bytes - 1);
	b.is_big = true;
	(void)psc_seg_name_session_big(t->w->seg, t->heap->space, &b);
	give(t, &b);
}
