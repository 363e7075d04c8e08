/* SPDX-License-Identifier: MIT */
/* Triage dumps save a few hundred KiB around registers and stacks. What looks like the header of an allocated block
 * there is a candidate, no more: neither a total nor proof.
 *
 * Rules: pool 2.1, 2.2 and, for the heap-backed pool, 15 (PreviousSize 0, in-use bit, a tag of letters, digits and
 * blanks). Known false positives: copies of headers, and text that happens to follow the right four bytes. */
#include "pool/internal.h"
#include "util/checked.h"

#include <string.h>

#define TYPE_ALIGNED 0x04u

struct scan {
	struct psc_kernel *k;
	struct psc_pool_rules rules;
	bool is_heap; /* headers are not chained */
	psc_block_fn *on_block;
	void *ctx;
	struct psc_scan_result *ret;
};

/* All of it text; tags of letters and digits mostly. */
static bool tag_ok(uint32_t tag)
{
	unsigned n_alnum = 0;
	if (psc_tag_printable(tag) != 4)
		return false;
	for (unsigned i = 0; i < 4; i++) {
		uint32_t c = (tag & ~PSC_TAG_PROTECTED) >> 8 * i & 0xff;
		n_alnum += (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
	}
	return n_alnum >= 3;
}

/* A string behind the NUL of another: index, size and type are letters too. */
static bool is_text(const uint8_t *bytes)
{
	for (unsigned i = 1; i < 4; i++)
		if (bytes[i] < 0x20 || bytes[i] > 0x7e)
			return false;
	return true;
}

/* bytes: what is saved of one page, from offset lo on, n bytes. */
static bool is_header(const struct scan *s, const uint8_t *bytes, uint32_t lo, uint32_t n, uint32_t at,
		      struct psc_pool_header *h)
{
	const uint32_t unit = s->rules.unit_bytes;
	psc_pool_header_parse(bytes + at, &s->rules, h);
	uint32_t offset = lo + at, size = h->block_size * unit;
	/* One unit is a header alone: never given out. */
	if (h->block_size < 2 || size > PSC_PAGE_BYTES - offset || !psc_pool_header_in_use(h, &s->rules) ||
	    !psc_pool_header_plausible(h, &s->rules, PSC_POOL_MAX) || !tag_ok(h->tag) || is_text(bytes + at))
		return false;
	if (s->is_heap)
		return h->previous_size == 0 || (h->pool_type & TYPE_ALIGNED) != 0;
	if ((h->previous_size == 0) != (offset == 0) || h->previous_size * unit > offset)
		return false;
	if (at + size + unit > n)
		return true; /* the next header is not saved, or the block ends the page */
	struct psc_pool_header next;
	psc_pool_header_parse(bytes + at + size, &s->rules, &next);
	return next.previous_size == h->block_size;
}

static void scan_page(struct scan *s, const uint8_t *bytes, uint64_t va, uint32_t n)
{
	const uint32_t unit = s->rules.unit_bytes, lo = (uint32_t)(va % PSC_PAGE_BYTES);
	s->ret->scanned_bytes += n;
	for (uint32_t at = (unit - lo % unit) % unit; at + unit <= n;) {
		struct psc_pool_header h;
		if (!is_header(s, bytes, lo, n, at, &h)) {
			at += unit;
			continue;
		}
		struct psc_block b = {0};
		b.va = va + at;
		b.size_bytes = (uint64_t)h.block_size * unit;
		b.tag = h.tag;
		b.pool = psc_pool_header_is_paged(&h, &s->rules) ? PSC_POOL_PAGED : PSC_POOL_NONPAGED;
		if (psc_pool_header_is_session(&h, &s->rules))
			b.pool = PSC_POOL_SESSION;
		b.state = PSC_BLOCK_ALLOCATED;
		b.kind = s->is_heap ? PSC_BLOCK_KIND_UNKNOWN : PSC_BLOCK_KIND_LEGACY;
		b.has_tag = true;
		s->on_block(s->ctx, &b);
		s->ret->n_headers++;
		at += (uint32_t)b.size_bytes;
	}
}

static bool in_module(const struct psc_kernel *k, uint64_t va)
{
	for (size_t i = 0; i < k->n_loaded && i < k->n_modules; i++)
		if (va >= k->modules[i].base && va - k->modules[i].base < k->modules[i].size_bytes)
			return true;
	return false;
}

enum psc_status psc_scan_saved(struct psc_kernel *k, psc_block_fn *on_block, void *ctx, struct psc_scan_result *ret,
			       struct psc_error *reterr)
{
	struct scan s = {0};
	size_t n_ranges;
	(void)reterr;
	memset(ret, 0, sizeof(*ret));
	const struct psc_saved_range *ranges = psc_image_saved_ranges(k->img, &n_ranges);
	s.k = k;
	s.on_block = on_block;
	s.ctx = ctx;
	s.ret = ret;
	s.is_heap = psc_pool_allocator(k) == PSC_ALLOCATOR_SEGMENT_HEAP;
	psc_pool_rules_init(&s.rules, k->id.build, psc_kernel_is_64bit(k));
	for (size_t i = 0; i < n_ranges; i++) {
		const struct psc_saved_range *r = &ranges[i];
		ret->saved_bytes += r->size_bytes;
		if (!psc_is_kernel_va(&k->space, r->va) || (r->what && strcmp(r->what, "stack") == 0))
			continue;
		for (uint64_t off = 0; off < r->size_bytes;) {
			uint8_t page[PSC_PAGE_BYTES];
			uint64_t va = r->va + off;
			uint64_t n = psc_min_u64(r->size_bytes - off, PSC_PAGE_BYTES - va % PSC_PAGE_BYTES);
			off += n;
			if (in_module(k, va))
				continue;
			size_t got = psc_image_read_saved(k->img, va, page, (size_t)n);
			scan_page(&s, page, va, (uint32_t)got);
		}
	}
	return PSC_OK;
}
