/* SPDX-License-Identifier: MIT */
/* A page range of a segment heap under every family: whatever the bytes, storage lies inside the range, apart and in
 * order, and what is lost lies beside it. Input: {u8 family, u8 holes, pages}. */
#ifndef PSC_FUZZ_SEG_RANGE_H
#define PSC_FUZZ_SEG_RANGE_H

#include "pool/seg_range.h"
#include <stdlib.h>
#include <string.h>

#define FUZZ_PAGES    8u
#define FUZZ_VA       0xffffa80012340000u
#define FUZZ_VA_32    0x89a40000u
#define FUZZ_HEAP_KEY 0x0123456789abcdefu
#define FUZZ_LFH_KEY  0x9e3779b9u

struct fuzz_seg {
	uint64_t lo, hi, end; /* end: of the storage before */
	uint64_t covered;
};

static inline void fuzz_require(bool ok)
{
	if (!ok)
		abort();
}

static void fuzz_take(struct fuzz_seg *f, uint64_t va, uint64_t bytes)
{
	fuzz_require(va >= f->lo && bytes != 0 && bytes <= f->hi - va);
	f->covered += bytes;
	fuzz_require(f->covered <= f->hi - f->lo);
}

static void fuzz_storage(void *arg, const struct psc_seg_storage *s)
{
	struct fuzz_seg *f = arg;
	volatile uint8_t sum = 0;
	fuzz_take(f, s->va, s->bytes);
	fuzz_require(s->va >= f->end && (s->chunk_va == 0 || (s->chunk_va >= f->end && s->chunk_va < s->va)));
	fuzz_require((s->header == NULL) == (s->hole != PSC_HOLE_NONE));
	f->end = s->va + s->bytes;
	for (unsigned i = 0; s->header && i < 8; i++)
		sum = (uint8_t)(sum + s->header[i]);
}

static void fuzz_lost(void *arg, uint64_t va, uint64_t bytes, enum psc_hole why)
{
	fuzz_take(arg, va, bytes);
	fuzz_require(why != PSC_HOLE_NONE && why != PSC_HOLE_UNCOMMITTED && why < PSC_HOLE_MAX);
}

static void fuzz_delayed(void *arg, uint64_t n_blocks, uint64_t bytes)
{
	const struct fuzz_seg *f = arg;
	fuzz_require(n_blocks != 0 && bytes >= n_blocks && bytes <= f->hi - f->lo);
}

static void fuzz_defect(void *arg, const struct psc_defect *d)
{
	(void)arg;
	fuzz_require(d->kind < PSC_DEFECT_MAX && psc_defect_name(d->kind)[0] != '\0');
}

typedef void fuzz_walk(const struct psc_seg_range *r, const struct psc_seg_rules *rules,
		       const struct psc_seg_sink *sink);

static void fuzz_range(const uint8_t *data, size_t size, fuzz_walk *walk)
{
	static const uint32_t builds[] = {19041, 26100, 26100, 19041};
	if (size < 2)
		return;
	unsigned family = data[0] & 3, hole_mask = data[1];
	const uint8_t *pages[FUZZ_PAGES];
	uint8_t holes[FUZZ_PAGES], *memory = (uint8_t *)calloc(FUZZ_PAGES, PSC_PAGE_BYTES);
	if (!memory)
		return;
	size_t n = size - 2 < FUZZ_PAGES * PSC_PAGE_BYTES ? size - 2 : FUZZ_PAGES * PSC_PAGE_BYTES;
	memcpy(memory, data + 2, n);
	for (unsigned i = 0; i < FUZZ_PAGES; i++) {
		bool is_hole = (hole_mask >> i & 1) != 0;
		pages[i] = is_hole ? NULL : memory + i * PSC_PAGE_BYTES;
		holes[i] = !is_hole                ? PSC_HOLE_NONE
			   : (data[0] & 0x80) != 0 ? PSC_HOLE_UNCOMMITTED
						   : PSC_HOLE_NOT_IN_DUMP;
	}
	struct psc_seg_rules rules = {
		.is_64bit = family != 3,
		.unit_bytes = family != 3 ? 16 : 8,
		.heap_key = FUZZ_HEAP_KEY,
		.lfh_key = FUZZ_LFH_KEY,
		.has_heap_key = true,
		.has_lfh_key = true,
		.vs_signature_at = family == 2 ? 0x24 : 0x22,
	};
	psc_lfh_layout_init(&rules.lfh, builds[family], rules.is_64bit);
	struct psc_seg_range r = {family != 3 ? FUZZ_VA : FUZZ_VA_32, 1 + (data[0] >> 2 & 7), pages, holes};
	struct fuzz_seg f = {r.va, r.va + (uint64_t)r.n_pages * PSC_PAGE_BYTES, r.va, 0};
	const struct psc_seg_sink sink = {fuzz_storage, fuzz_lost, fuzz_delayed, fuzz_defect, &f};
	walk(&r, &rules, &sink);
	free(memory);
}

#endif
