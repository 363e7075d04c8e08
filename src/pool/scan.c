/* SPDX-License-Identifier: MIT */
/* Triage dumps save a few hundred KiB around registers and stacks. What looks like the header of an allocated block
 * there is a candidate, no more: neither a total nor proof. On segment heaps the keys of the heap prove some of them
 * (proof.h) and disprove others.
 *
 * Rules: pool 2.1, 2.2 and, for the heap-backed pool, 15 (PreviousSize 0, in-use bit, a tag of letters, digits and
 * blanks). Known false positives: copies of headers, and text that happens to follow the right four bytes. */
#include "pool/proof.h"

#include <string.h>

#define TYPE_ALIGNED 0x04u

struct scan {
	struct psc_kernel *k;
	struct psc_pool_rules rules;
	struct psc_proof proof;
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

static void emit(struct scan *s, uint64_t va, const struct psc_pool_header *h, enum psc_verdict verdict)
{
	static const enum psc_block_kind kinds[] = {
		[PSC_VERDICT_VS] = PSC_BLOCK_KIND_VS,
		[PSC_VERDICT_LFH] = PSC_BLOCK_KIND_LFH,
	};
	struct psc_block b = {0};
	b.va = va;
	b.size_bytes = (uint64_t)h->block_size * s->rules.unit_bytes;
	b.tag = h->tag;
	b.previous_bytes = s->is_heap ? 0 : h->previous_size * s->rules.unit_bytes;
	b.pool = psc_pool_header_is_paged(h, &s->rules) ? PSC_POOL_PAGED : PSC_POOL_NONPAGED;
	if (psc_pool_header_is_session(h, &s->rules))
		b.pool = PSC_POOL_SESSION;
	b.state = PSC_BLOCK_ALLOCATED;
	b.is_proven = verdict == PSC_VERDICT_VS || verdict == PSC_VERDICT_LFH;
	b.kind = b.is_proven ? kinds[verdict] : s->is_heap ? PSC_BLOCK_KIND_UNKNOWN : PSC_BLOCK_KIND_LEGACY;
	b.has_tag = true;
	b.trace_index = psc_pool_header_trace_index(h, &s->rules);
	s->on_block(s->ctx, &b);
	s->ret->n_headers++;
	s->ret->n_proven_vs += verdict == PSC_VERDICT_VS;
	s->ret->n_proven_lfh += verdict == PSC_VERDICT_LFH;
}

static bool scan_page(void *arg, uint64_t va, const uint8_t *bytes, uint32_t n)
{
	struct scan *s = arg;
	const uint32_t unit = s->rules.unit_bytes, lo = (uint32_t)(va % PSC_PAGE_BYTES);
	uint32_t free_from = 0; /* a block ends there: what lies before is its content */
	for (uint32_t at = (unit - lo % unit) % unit; at + unit <= n; at += unit) {
		struct psc_pool_header h;
		uint32_t storage = 0;
		enum psc_verdict v = psc_proof_judge(&s->proof, va + at, bytes + at, &storage);
		s->ret->n_parked += v == PSC_VERDICT_PARKED;
		if (v == PSC_VERDICT_VS || v == PSC_VERDICT_LFH)
			psc_pool_header_parse(bytes + at, &s->rules, &h);
		else if (v != PSC_VERDICT_OPEN || at < free_from || !is_header(s, bytes, lo, n, at, &h))
			continue;
		emit(s, va + at, &h, v);
		free_from = at + (storage != 0 ? storage : h.block_size * unit);
	}
	return true;
}

enum psc_status psc_scan_saved(struct psc_kernel *k, psc_block_fn *on_block, void *ctx, struct psc_scan_result *ret,
			       struct psc_error *reterr)
{
	struct scan s = {0};
	struct psc_saved_totals totals;
	memset(ret, 0, sizeof(*ret));
	s.k = k;
	s.on_block = on_block;
	s.ctx = ctx;
	s.ret = ret;
	s.is_heap = psc_pool_allocator(k) == PSC_ALLOCATOR_SEGMENT_HEAP;
	psc_pool_rules_init(&s.rules, k->id.build, psc_kernel_is_64bit(k));
	enum psc_status r = psc_proof_init(&s.proof, k, reterr);
	if (r == PSC_OK) {
		psc_saved_visit(k, scan_page, &s, &totals);
		ret->saved_bytes = totals.saved_bytes;
		ret->scanned_bytes = totals.scanned_bytes;
		ret->keys = psc_seg_keys_public(&s.proof.keys);
	}
	psc_proof_deinit(&s.proof);
	return r;
}
