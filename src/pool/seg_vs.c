/* SPDX-License-Identifier: MIT */
/* A subsegment of chunks of variable size. Reference: pool 6.6.
 *
 * Chunk headers are XORed with their own address, so that bytes which merely look right are rare: where the chain
 * breaks, at a hole or an overrun header, it is taken up again at the next place that decodes and links on. */
#include "pool/seg_range.h"
#include "util/checked.h"

#define SIGNATURE      0x2bedu
#define SIGNATURE_MASK 0x7fffu
#define SIZE_AT(r)     ((r)->is_64bit ? 0x20u : 0x14u)
#define FIRST_AT(r)    ((r)->is_64bit ? 0x30u : 0x18u)
#define LINKS_PROVE    2u

struct vs {
	const struct psc_seg_range *r;
	const struct psc_seg_rules *rules;
	const struct psc_seg_sink *sink;
	uint64_t end; /* of the chunks */
};

static uint32_t signature_at(const struct psc_seg_rules *rules)
{
	return rules->is_64bit ? rules->vs_signature_at : 0x16u;
}

bool psc_vs_is_head(const uint8_t *page, const struct psc_seg_rules *rules, uint64_t *ret_bytes)
{
	uint32_t size = psc_le16(page + SIZE_AT(rules));
	uint32_t signature = psc_le16(page + signature_at(rules));
	if (((size ^ signature ^ SIGNATURE) & SIGNATURE_MASK) != 0 || size * rules->unit_bytes <= FIRST_AT(rules))
		return false;
	*ret_bytes = (uint64_t)size * rules->unit_bytes;
	return true;
}

static inline const uint8_t *bytes_at(const struct vs *v, uint64_t va)
{
	uint64_t offset = va - v->r->va;
	const uint8_t *page = v->r->pages[offset / PSC_PAGE_BYTES];
	return page ? page + offset % PSC_PAGE_BYTES : NULL;
}

static inline enum psc_hole hole_at(const struct vs *v, uint64_t va)
{
	return (enum psc_hole)v->r->holes[(va - v->r->va) / PSC_PAGE_BYTES];
}

/* A header that may be one: fits the subsegment. */
static inline bool read_chunk(const struct vs *v, uint64_t va, struct psc_vs_chunk *c)
{
	const uint8_t *bytes = bytes_at(v, va);
	if (!bytes)
		return false;
	psc_vs_chunk_decode(bytes, va, v->rules->heap_key, v->rules->is_64bit, c);
	return c->is_legal && c->size >= 2 && (uint64_t)c->size * v->rules->unit_bytes <= v->end - va &&
	       (!c->in_use || c->cost == 0);
}

/* Whether the chain goes on from here: to the end, over two more headers, or into a hole with what there is. */
static bool links_on(const struct vs *v, uint64_t va)
{
	struct psc_vs_chunk c, next;
	if (!read_chunk(v, va, &c) || (c.in_use && c.page_offset != ((va - v->r->va) / PSC_PAGE_BYTES & 0xff)))
		return false;
	for (unsigned links = 0; links < LINKS_PROVE; links++) {
		va += (uint64_t)c.size * v->rules->unit_bytes;
		if (va == v->end)
			return true;
		if (!bytes_at(v, va))
			return links != 0 || c.in_use;
		if (!read_chunk(v, va, &next) || next.previous != c.size)
			return false;
		c = next;
	}
	return true;
}

/* The first place from va on where a chain starts; the end when there is none. */
static uint64_t resync(const struct vs *v, uint64_t va)
{
	while (va < v->end) {
		if (!bytes_at(v, va)) {
			va = (va | (PSC_PAGE_BYTES - 1)) + 1;
			continue;
		}
		if (links_on(v, va))
			return va;
		va += v->rules->unit_bytes;
	}
	return v->end;
}

/* [lo, hi) holds chunks that cannot be told. Bytes that do not exist are not lost. */
static void lose(const struct vs *v, uint64_t lo, uint64_t hi, enum psc_hole why)
{
	uint64_t from = lo;
	while (from < hi) {
		bool exists = hole_at(v, from) != PSC_HOLE_UNCOMMITTED;
		uint64_t to = from;
		while (to < hi && (hole_at(v, to) != PSC_HOLE_UNCOMMITTED) == exists)
			to = psc_min_u64((to | (PSC_PAGE_BYTES - 1)) + 1, hi);
		if (exists && why != PSC_HOLE_UNCOMMITTED)
			v->sink->lost(v->sink->arg, from, to - from, why);
		from = to;
	}
}

static void report(const struct vs *v, enum psc_defect_kind kind, uint64_t va, uint64_t expected, uint64_t found)
{
	const struct psc_defect d = {va, v->r->va, expected, found, kind};
	v->sink->defect(v->sink->arg, &d);
}

static void give(const struct vs *v, uint64_t va, const struct psc_vs_chunk *c)
{
	const uint32_t unit = v->rules->unit_bytes;
	uint64_t chunk_end = va + (uint64_t)c->size * unit;
	struct psc_seg_storage s = {0};
	s.va = psc_vs_block_va(va, unit);
	/* Two units at a page's end: nothing but padding, unless it is free. */
	if (s.va >= chunk_end && c->in_use)
		return;
	if (s.va >= chunk_end)
		s.va = va + unit;
	s.bytes = chunk_end - s.va;
	s.chunk_va = va;
	s.step = 2 * unit;
	s.header = bytes_at(v, s.va);
	s.hole = s.header ? PSC_HOLE_NONE : hole_at(v, s.va);
	s.in_use = c->in_use;
	s.is_internal = c->in_use && c->skip_during_walk;
	for (uint64_t at = va; !c->in_use && at < chunk_end; at = (at | (PSC_PAGE_BYTES - 1)) + 1)
		s.absent_bytes += hole_at(v, at) == PSC_HOLE_UNCOMMITTED || hole_at(v, at) == PSC_HOLE_UNKNOWN
					  ? PSC_PAGE_BYTES
					  : 0;
	v->sink->storage(v->sink->arg, &s);
}

void psc_vs_walk(const struct psc_seg_range *r, const struct psc_seg_rules *rules, const struct psc_seg_sink *sink)
{
	const uint64_t range_end = r->va + (uint64_t)r->n_pages * PSC_PAGE_BYTES;
	struct vs v = {r, rules, sink, range_end};
	uint64_t size, va = r->va + FIRST_AT(rules);
	bool has_previous = false, has_end = false;
	uint32_t previous = 0;
	if (r->n_pages == 0)
		return;
	if (!rules->has_heap_key) {
		lose(&v, r->va, range_end, PSC_HOLE_UNKNOWN);
		return;
	}
	if (r->pages[0] && psc_vs_is_head(r->pages[0], rules, &size) && size <= range_end - r->va) {
		v.end = r->va + size;
		has_previous = has_end = true;
	} else if (r->pages[0]) {
		report(&v, PSC_DEFECT_VS_SUBSEGMENT, r->va, SIGNATURE,
		       psc_le16(r->pages[0] + SIZE_AT(rules)) ^ psc_le16(r->pages[0] + signature_at(rules)));
	}
	while (va < v.end) {
		struct psc_vs_chunk c;
		if (read_chunk(&v, va, &c)) {
			if (has_previous && c.previous != previous)
				report(&v, PSC_DEFECT_VS_PREVIOUS, va, previous, c.previous);
			give(&v, va, &c);
			previous = c.size;
			has_previous = true;
			va += (uint64_t)c.size * rules->unit_bytes;
			continue;
		}
		enum psc_hole why = bytes_at(&v, va) ? PSC_HOLE_CORRUPT : hole_at(&v, va);
		uint64_t next = resync(&v, va);
		/* Without their head the end of the chunks is not known: a spare unit may follow the last one. */
		if (!has_end && next == v.end && va % PSC_PAGE_BYTES == 0)
			break;
		if (why == PSC_HOLE_CORRUPT)
			report(&v, PSC_DEFECT_VS_CHUNK, va, 0, next - va);
		lose(&v, va, next, why);
		va = next;
		has_previous = false;
	}
}
