/* SPDX-License-Identifier: MIT */
/* One segment: its pages, its descriptors, and its page ranges. Reference: pool 6.3. */
#include "pool/seg_segment.h"
#include "util/checked.h"

#include <stdlib.h>
#include <string.h>

#define FLAG_ALLOCATED 1u
#define FLAG_FIRST     2u
#define TYPE_OF(flags) ((flags) >> 2 & 3)
#define TREE_SIGNATURE 0xccddccddu

enum range_type { RANGE_USER, RANGE_INTERNAL, RANGE_LFH, RANGE_VS };

struct descriptor {
	bool is_known; /* its page could be read */
	uint32_t signature, unused, flags;
	uint32_t units;  /* of a first unit */
	uint32_t offset; /* of a later unit: units from the first */
};

struct parsing {
	struct psc_seg_worker *t;
	const struct psc_seg *seg;
	const struct psc_heap_segment *segment;
	const struct psc_heap_context *context;
	uint32_t n_pages, unit_pages;
	uint32_t descriptor_bytes;
	enum psc_hole descriptor_holes[2]; /* of the array's pages */
};

static enum psc_hole hole_of(const struct psc_xlate *x)
{
	switch (x->state) {
	case PSC_VA_PRESENT:
	case PSC_VA_TRANSITION:
		return x->presence == PSC_PAGE_PRESENT ? PSC_HOLE_NONE : PSC_HOLE_NOT_IN_DUMP;
	case PSC_VA_NOT_MAPPED:
	case PSC_VA_DEMAND_ZERO:
		return PSC_HOLE_UNCOMMITTED;
	case PSC_VA_PROTOTYPE:
	case PSC_VA_PAGED_OUT:
		return PSC_HOLE_PAGED_OUT;
	case PSC_VA_UNKNOWN:
	case PSC_VA_CORRUPT:
		break;
	}
	return PSC_HOLE_UNKNOWN;
}

static void count_pages(struct psc_walk_coverage *cov, enum psc_hole hole, uint64_t n)
{
	uint64_t bytes = n * PSC_PAGE_BYTES;
	switch (hole) {
	case PSC_HOLE_NONE:
		cov->mapped_bytes += bytes;
		cov->read_bytes += bytes;
		break;
	case PSC_HOLE_PAGED_OUT:
		cov->mapped_bytes += bytes;
		cov->paged_out_bytes += bytes;
		break;
	case PSC_HOLE_NOT_IN_DUMP:
		cov->mapped_bytes += bytes;
		cov->not_in_dump_bytes += bytes;
		break;
	case PSC_HOLE_UNKNOWN:
		cov->unknown_bytes += bytes;
		break;
	default:
		break;
	}
}

/* Where every page of the segment is. */
static void locate(struct parsing *p)
{
	struct psc_seg_worker *t = p->t;
	for (uint32_t i = 0; i < p->n_pages;) {
		uint64_t va = p->segment->va + (uint64_t)i * PSC_PAGE_BYTES;
		struct psc_xlate x = psc_translate(&t->reader, va);
		enum psc_hole hole = hole_of(&x);
		uint32_t n = 1;
		/* Whole tables that are missing are one answer. */
		if (hole == PSC_HOLE_UNCOMMITTED || hole == PSC_HOLE_UNKNOWN)
			n = (uint32_t)psc_min_u64(psc_max_u64(x.span_bytes / PSC_PAGE_BYTES, 1), p->n_pages - i);
		for (uint32_t j = 0; j < n; j++) {
			t->holes[i + j] = (uint8_t)hole;
			t->pa[i + j] = x.pa;
		}
		count_pages(t->cov, hole, n);
		t->sum->unknown_bytes += hole == PSC_HOLE_UNKNOWN ? (uint64_t)n * PSC_PAGE_BYTES : 0;
		i += n;
	}
}

static bool exists(uint8_t hole)
{
	return hole != PSC_HOLE_UNCOMMITTED && hole != PSC_HOLE_UNKNOWN;
}

/* Bytes of those of n pages that exist. */
static uint64_t existing(const struct parsing *p, uint32_t first_page, uint32_t n_pages)
{
	uint32_t n = 0;
	for (uint32_t i = first_page; i < first_page + n_pages && i < p->n_pages; i++)
		n += exists(p->t->holes[i]);
	return (uint64_t)n * PSC_PAGE_BYTES;
}

static const uint8_t *page_at(struct parsing *p, uint32_t page, uint8_t *scratch)
{
	enum psc_page_presence presence;
	if (p->t->holes[page] != PSC_HOLE_NONE)
		return NULL;
	const uint8_t *bytes = psc_image_page(p->seg->k->img, p->t->pa[page] >> PSC_PAGE_SHIFT, scratch, &presence);
	if (!bytes) /* a read error */
		p->t->holes[page] = PSC_HOLE_NOT_IN_DUMP;
	return bytes;
}

/* A page, and one that faults. */
static bool may_be_special(const struct parsing *p, uint32_t first_page, uint32_t n_pages)
{
	return p->t->is_special || (p->t->heap->may_be_special && n_pages == 2 && exists(p->t->holes[first_page]) &&
				    existing(p, first_page, n_pages) == PSC_PAGE_BYTES);
}

static void read_descriptors(struct parsing *p)
{
	const uint32_t n = PSC_DESCRIPTORS * p->descriptor_bytes / PSC_PAGE_BYTES;
	p->descriptor_holes[0] = p->descriptor_holes[1] = PSC_HOLE_NONE;
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *page = page_at(p, i, p->t->scratch);
		if (page)
			memcpy(p->t->descriptors + i * PSC_PAGE_BYTES, page, PSC_PAGE_BYTES);
		p->descriptor_holes[i] = (enum psc_hole)p->t->holes[i];
	}
}

static struct descriptor descriptor_at(const struct parsing *p, uint32_t index)
{
	const uint32_t offset = index * p->descriptor_bytes;
	const uint8_t *bytes = p->t->descriptors + offset;
	struct descriptor d = {0};
	d.is_known = p->descriptor_holes[offset / PSC_PAGE_BYTES] == PSC_HOLE_NONE;
	if (!d.is_known)
		return d;
	d.signature = psc_le32(bytes);
	d.unused = psc_le32(bytes + 4);
	if (p->descriptor_bytes == 0x20) {
		d.flags = bytes[0x18];
		d.units = bytes[0x1f];
		d.offset = p->seg->k->id.build >= 26000 ? bytes[0x1a] : bytes[0x1f];
	} else {
		d.flags = bytes[0xc] & 0x1f;
		d.units = d.offset = bytes[0xf];
	}
	return d;
}

static void report(struct parsing *p, uint64_t va, uint64_t expected, uint64_t found)
{
	const struct psc_defect d = {va, p->segment->va, expected, found, PSC_DEFECT_RANGE_DESCRIPTOR};
	psc_seg_take_defect(p->t, &d);
}

static void walk_subsegment(struct parsing *p, uint32_t first_page, uint32_t n_pages, enum range_type type)
{
	struct psc_seg_worker *t = p->t;
	const struct psc_seg_sink sink = {psc_seg_take_storage, psc_seg_take_lost, psc_seg_take_delayed,
					  psc_seg_take_defect, t};
	struct psc_seg_range r;
	if (n_pages > PSC_RANGE_PAGES_MAX) {
		report(p, p->segment->va + (uint64_t)first_page * PSC_PAGE_BYTES, PSC_RANGE_PAGES_MAX, n_pages);
		t->sum->unowned_bytes += existing(p, first_page + PSC_RANGE_PAGES_MAX, n_pages - PSC_RANGE_PAGES_MAX);
		n_pages = PSC_RANGE_PAGES_MAX;
	}
	r.va = p->segment->va + (uint64_t)first_page * PSC_PAGE_BYTES;
	r.n_pages = n_pages;
	r.pages = t->pages;
	r.holes = t->holes + first_page;
	for (uint32_t i = 0; i < n_pages; i++) {
		t->pages[i] = page_at(p, first_page + i, t->scratch + (size_t)i * PSC_PAGE_BYTES);
		t->cov->pool_page_bytes += t->pages[i] ? PSC_PAGE_BYTES : 0;
	}
	t->block.kind = type == RANGE_LFH ? PSC_BLOCK_KIND_LFH : PSC_BLOCK_KIND_VS;
	if (type == RANGE_LFH) {
		t->sum->lfh_bytes += existing(p, first_page, n_pages);
		psc_lfh_walk(&r, &p->seg->rules, &sink);
	} else {
		uint64_t bytes;
		t->sum->vs_bytes += existing(p, first_page, n_pages);
		/* The heap counts what chunks may use: not the spare unit that may follow them. */
		if (!t->pages[0] || !psc_vs_is_head(t->pages[0], &p->seg->rules, &bytes))
			bytes = (uint64_t)n_pages * PSC_PAGE_BYTES;
		t->sum->vs_chunk_bytes += existing(
			p, first_page, (uint32_t)psc_min_u64((bytes + PSC_PAGE_BYTES - 1) / PSC_PAGE_BYTES, n_pages));
		psc_vs_walk(&r, &p->seg->rules, &sink);
	}
}

static void walk_range(struct parsing *p, uint32_t index, uint32_t units, const struct descriptor *d)
{
	const uint32_t first_page = index * p->unit_pages, n_pages = units * p->unit_pages;
	uint64_t va = p->segment->va + (uint64_t)first_page * PSC_PAGE_BYTES,
		 bytes = (uint64_t)n_pages * PSC_PAGE_BYTES;
	enum range_type type = (enum range_type)TYPE_OF(d->flags);
	if (d->signature != TREE_SIGNATURE)
		report(p, p->segment->va + index * p->descriptor_bytes, TREE_SIGNATURE, d->signature);
	switch (type) {
	case RANGE_LFH:
	case RANGE_VS:
		walk_subsegment(p, first_page, n_pages, type);
		break;
	case RANGE_USER:
		p->t->cov->big_bytes += bytes;
		p->t->sum->range_bytes += existing(p, first_page, n_pages);
		psc_seg_take_range(p->t, va, bytes, d->unused,
				   may_be_special(p, first_page, n_pages) ? page_at(p, first_page, p->t->scratch)
									  : NULL,
				   (enum psc_hole)p->t->holes[first_page]);
		break;
	case RANGE_INTERNAL:
		p->t->cov->other_bytes += bytes;
		p->t->sum->internal_bytes += existing(p, first_page, n_pages);
		break;
	}
}

/* A unit whose descriptor is missing: subsegments show themselves by their heads (pool 6.11). Returns its units. */
static uint32_t guess_range(struct parsing *p, uint32_t index, enum psc_hole why)
{
	const uint32_t first_page = index * p->unit_pages;
	const uint8_t *page = page_at(p, first_page, p->t->scratch);
	uint64_t va = p->segment->va + (uint64_t)first_page * PSC_PAGE_BYTES, bytes, link;
	enum range_type type = RANGE_USER;
	if (page) {
		link = p->descriptor_bytes == 0x20 ? psc_le64(page) : psc_le32(page);
		if (!psc_is_kernel_va(p->t->reader.sp, link))
			type = RANGE_USER;
		else if (psc_vs_is_head(page, &p->seg->rules, &bytes))
			type = RANGE_VS;
		else if (psc_lfh_is_head(page, va, &p->seg->rules, &bytes))
			type = RANGE_LFH;
	}
	if (type == RANGE_USER) {
		p->t->sum->unowned_bytes += existing(p, first_page, p->unit_pages);
		for (uint32_t i = 0; i < p->unit_pages; i++)
			if (p->t->holes[first_page + i] != PSC_HOLE_UNCOMMITTED)
				psc_seg_take_lost(p->t, va + i * PSC_PAGE_BYTES, PSC_PAGE_BYTES, why);
		return 1;
	}
	uint64_t unit_bytes = (uint64_t)p->unit_pages * PSC_PAGE_BYTES;
	uint32_t units = (uint32_t)psc_min_u64((bytes + unit_bytes - 1) / unit_bytes, PSC_DESCRIPTORS - index);
	walk_subsegment(p, first_page, units * p->unit_pages, type);
	return units;
}

static void walk_descriptors(struct parsing *p)
{
	uint32_t covered = p->context->first_index;
	for (uint32_t i = covered; i < PSC_DESCRIPTORS;) {
		struct descriptor d = descriptor_at(p, i);
		if (!d.is_known) {
			i += guess_range(p, i, p->descriptor_holes[i * p->descriptor_bytes / PSC_PAGE_BYTES]);
			covered = i;
			continue;
		}
		bool is_allocated = (d.flags & FLAG_ALLOCATED) != 0, is_first = (d.flags & FLAG_FIRST) != 0;
		uint32_t units = d.units;
		if (is_first && (units == 0 || units > PSC_DESCRIPTORS - i)) {
			report(p, p->segment->va + i * p->descriptor_bytes, PSC_DESCRIPTORS - i, units);
			is_first = false;
		}
		if (is_allocated && is_first) {
			walk_range(p, i, units, &d);
			i += units;
			covered = i;
		} else if (!is_allocated) {
			units = is_first ? units : 1;
			p->t->sum->free_range_bytes += existing(p, i * p->unit_pages, units * p->unit_pages);
			i += units;
		} else { /* a later unit without its first, which read as free: what it holds may show itself */
			uint32_t first = d.offset <= i - covered ? i - d.offset : i;
			report(p, p->segment->va + first * p->descriptor_bytes, FLAG_FIRST, d.flags);
			i = first + guess_range(p, first, PSC_HOLE_CORRUPT);
			covered = i;
		}
	}
}

bool psc_seg_job(void *arg, unsigned worker, size_t job)
{
	const struct psc_walk *w = arg;
	const struct psc_seg *seg = w->seg;
	struct psc_seg_worker *t = seg->workers[worker];
	struct parsing p = {.t = t, .seg = seg};
	if (psc_image_is_cancelled(w->k->img))
		return true; /* the loop that hands out batches sees it too */
	p.segment = &seg->segments[w->seg_first + job];
	const struct psc_heap *h = &seg->heaps[p.segment->heap];
	p.context = &h->contexts[p.segment->context];
	if (t->space != h->space) {
		t->space = h->space;
		psc_reader_init(&t->reader, &seg->spaces[h->space]);
	}
	t->w = w;
	t->walk = w->workers[worker];
	t->heap = h;
	t->sum = &t->sums[p.segment->heap];
	t->cov = &t->walk->coverage[h->pool];
	t->is_special = h->is_special;
	t->block = (struct psc_block){.pool = h->pool, .state = PSC_BLOCK_ALLOCATED, .is_proven = true};
	t->block.is_nx = h->type == PSC_HEAP_NONPAGED_NX;
	t->block.top_pa = psc_seg_top_pa(seg, h);
	p.n_pages = (uint32_t)(p.context->segment_bytes / PSC_PAGE_BYTES);
	p.unit_pages = 1u << (p.context->unit_shift - PSC_PAGE_SHIFT);
	p.descriptor_bytes = seg->rules.is_64bit ? 0x20 : 0x10;
	t->sum->segments++;
	t->sum->reserved_bytes += p.context->segment_bytes;
	locate(&p);
	t->sum->existing_bytes += existing(&p, 0, p.n_pages);
	t->sum->descriptor_bytes += existing(&p, 0, p.context->first_index * p.unit_pages);
	read_descriptors(&p);
	walk_descriptors(&p);
	return true;
}
