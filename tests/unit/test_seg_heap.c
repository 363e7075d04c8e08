/* SPDX-License-Identifier: MIT */
/* A segment heap written by hand in a machine's memory: contexts, one segment of each, descriptors of every kind, large
 * allocations, the heap's counters, a private pool. Layouts: reference pool 6.2, 6.3, 6.4, 6.7, 9. */
#include "test_pool_machine.h"

#define HEAP      0xffffa80010000000u
#define PRIVATE   0xffffa80010010000u
#define NODE      0xffffa80010020000u
#define CONTEXT   0xffffa80010030000u /* _EXP_POOL_CONTEXT */
#define SEGMENT   0xffffa80020100000u
#define SEGMENT_1 0xffffa80021000000u
#define SEGMENT_P 0xffffa80022100000u
#define LARGE_A   0xffffa80030000000u
#define LARGE_B   0xffffa80038000000u
#define META      0xffffa80010040000u
#define HEAP_KEY  0x620e994736767ee6u
#define LFH_KEY   0x000000006dd5f924u

struct family {
	uint32_t build, nodes, count, contexts, vs, lfh, total_units;
	bool is_26100, is_new_vs;
};
static const struct family f19041 = {19041, 0x3900, 0x38d0, 0x100, 0x280, 0x340, 0x30, false, false};
static const struct family f26100b = {26100, 0x3940, 0x3910, 0x140, 0x2c0, 0x340, 0x50, true, true};

static void put8(struct pm *m, uint64_t va, uint32_t v)
{
	fake_put_n(&m->f, va, v, 1);
}

/* One of a heap's two contexts, with one segment or none. */
static void put_context(struct pm *m, const struct family *f, uint64_t heap, unsigned i, uint64_t segment,
			unsigned first)
{
	uint64_t c = heap + f->contexts + i * 0xc0;
	fake_put64(&m->f, c, i == 0 ? 0xfffffffffff00000u : 0xffffffffff000000u);
	put8(m, c + 8, i == 0 ? 12 : 16);
	put8(m, c + 9, i == 0 ? 0 : 4);
	put8(m, c + 0xa, first);
	fake_put64(&m->f, c + 0x18, heap + f->lfh);
	fake_put64(&m->f, c + 0x20, heap + f->vs);
	fake_put64(&m->f, c + 0x38, heap);
	fake_put64(&m->f, c + 0x48, segment != 0 ? segment : c + 0x48);
	fake_put64(&m->f, c + 0x50, segment != 0 ? segment : c + 0x48);
	fake_put64(&m->f, c + 0x58, segment != 0);
	if (segment == 0)
		return;
	fake_page(&m->f, segment);
	fake_page(&m->f, segment + 0x1000);
	fake_put64(&m->f, segment, c + 0x48);
	fake_put64(&m->f, segment + 8, c + 0x48);
	fake_put64(&m->f, segment + 0x10, segment ^ c ^ HEAP_KEY ^ (f->is_26100 ? 0 : 0xa2e64eada2e64eadu));
}

static void put_range(struct pm *m, const struct family *f, uint64_t segment, unsigned unit, unsigned n, unsigned flags,
		      uint32_t unused)
{
	uint64_t at = segment + unit * 0x20;
	if ((flags & 1) != 0) {
		fake_put32(&m->f, at, 0xccddccdd);
		fake_put32(&m->f, at + 4, unused);
	}
	put8(m, at + 0x18, flags);
	put8(m, at + 0x1f, n);
	for (unsigned k = 1; k < n && (flags & 1) != 0; k++) {
		put8(m, at + k * 0x20 + 0x18, flags & ~2u);
		put8(m, at + k * 0x20 + (f->is_26100 ? 0x1a : 0x1f), k);
	}
}

static void put_header(struct pm *m, uint64_t va, unsigned units, const char *tag)
{
	put8(m, va + 2, units);
	put8(m, va + 3, 2);
	fake_put(&m->f, va + 4, tag, 4);
}

/* 15 slots of 100 (hex) from 100 on, the third free. */
static void put_lfh(struct pm *m, const struct family *f, uint64_t va)
{
	uint32_t shifted = f->is_26100 ? (uint32_t)(va >> 12) : (uint32_t)va >> 12;
	fake_page(&m->f, va);
	fake_put64(&m->f, va, HEAP);
	fake_put64(&m->f, va + 8, HEAP);
	fake_put16(&m->f, va + 0x20, 1);
	fake_put16(&m->f, va + 0x22, 15);
	put8(m, va + (f->is_26100 ? 0x26 : 0x2c), 12);
	put8(m, va + (f->is_26100 ? 0x27 : 0x2d), 1);
	fake_put32(&m->f, va + 0x28, 0x01000100 ^ (uint32_t)LFH_KEY ^ shifted);
	if (f->is_26100)
		fake_put64(&m->f, va + 0x40, ~(uint64_t)4);
	else
		fake_put64(&m->f, va + 0x30, 0xffffffffd5555545u); /* two bits each, the tail all ones */
	for (unsigned i = 0; i < 15; i++)
		put_header(m, va + 0x100 + i * 0x100, 16, "LfhB");
}

static void put_chunk(struct pm *m, uint64_t sub, uint64_t va, uint64_t units, uint64_t previous, bool in_use)
{
	fake_put64(&m->f, va, ((uint64_t)in_use << 48 | previous << 32 | units << 16) ^ HEAP_KEY ^ va);
	fake_put32(&m->f, va + 8, in_use ? ((va - sub) >> 12 ^ (HEAP_KEY ^ va)) & 0xff : 0);
	if (in_use)
		put_header(m, va + 16, (unsigned)units - 1, "VsBl");
}

/* Two pages: a block of 80 units, a free chunk over the edge of the pages, a block to the end. */
static void put_vs(struct pm *m, const struct family *f, uint64_t va)
{
	fake_page(&m->f, va + 0x1000);
	fake_put64(&m->f, va, HEAP);
	fake_put16(&m->f, va + 0x20, 0x200);
	fake_put16(&m->f, va + (f->is_new_vs ? 0x24 : 0x22), (0x200 ^ 0x2bed) & 0x7fff);
	put_chunk(m, va, va + 0x30, 0x80, 0, true);
	put_chunk(m, va, va + 0x830, 0x100, 0x80, false);
	put_chunk(m, va, va + 0x1830, 0x7d, 0x100, true);
}

static void put_heap(struct pm *m, const struct family *f, uint64_t heap, uint64_t segment, uint64_t segment_1)
{
	fake_put32(&m->f, heap + 0x10, 0xddeeddee);
	put_context(m, f, heap, 0, segment, 2);
	put_context(m, f, heap, 1, segment_1, 3); /* the first descriptor is the fourth: not the usual one */
	put_range(m, f, segment, 2, 1, 0xb, 0);
	put_lfh(m, f, segment + 0x2000);
	put_range(m, f, segment, 3, 2, 0xf, 0);
	put_vs(m, f, segment + 0x3000);
	put_range(m, f, segment, 5, 3, 3, 0x800);
	for (unsigned i = 5; i < 8; i++)
		fake_page(&m->f, segment + i * 0x1000u);
	put_range(m, f, segment, 8, 1, 7, 0);
	fake_page(&m->f, segment + 0x8000);
	put_range(m, f, segment, 9, 247, 2, 0);
	fake_page(&m->f, segment + 0x20000); /* kept by a free range */
}

static uint64_t start(struct pm *m, const struct family *f)
{
	pm_new(m, f->build, 900);
	uint64_t keys = pm_place(m, PSC_SYM_RtlpHpHeapGlobals, 16), state = pm_place(m, PSC_SYM_ExPoolState, 0x6000);
	fake_put64(&m->f, keys, HEAP_KEY);
	fake_put64(&m->f, keys + 8, LFH_KEY);
	fake_put64(&m->f, state, keys);
	fake_put32(&m->f, state + f->count, 1);
	fake_put64(&m->f, state + f->nodes + 8, HEAP); /* nonpaged NX */
	put_heap(m, f, HEAP, SEGMENT, SEGMENT_1);
	put_range(m, f, SEGMENT_1, 3, 10, 3, 0); /* of a segment of 16 MiB: units of 64 KiB */
	fake_page(&m->f, SEGMENT_1 + 0x30000);
	fake_page(&m->f, SEGMENT_1 + 0x31000);
	put_range(m, f, SEGMENT_1, 13, 243, 2, 0);
	/* Large allocations: B the root, A its left child; encoded. */
	uint64_t tree = HEAP + 0x48, a = META, b = META + 0x40;
	fake_put64(&m->f, tree, tree ^ b);
	fake_put64(&m->f, tree + 8, (tree ^ a) | 1);
	fake_put64(&m->f, b, b ^ a);
	fake_put64(&m->f, b + 0x18, LARGE_B);
	fake_put64(&m->f, b + 0x20, (uint64_t)0x900 << 12);
	fake_put64(&m->f, a + 0x18, LARGE_A | 0x123);
	fake_put64(&m->f, a + 0x20, (uint64_t)0x800 << 12);
	/* Counters: units of chunks, and pages. */
	fake_put64(&m->f, HEAP + f->vs + f->total_units, 0x200);
	fake_put64(&m->f, HEAP + f->vs + f->total_units + 8, 0x100);
	fake_put64(&m->f, HEAP + 0x60, 0x1100);
	fake_put64(&m->f, HEAP + 0x80, 0x1100);
	fake_put64(&m->f, HEAP + 0x88, 14);
	fake_put64(&m->f, HEAP + 0x90, 1);
	return state;
}

struct counts {
	uint64_t n[8], bytes[8]; /* live, by kind */
	uint64_t n_free, n_cached, n_private;
};

static void on_block(void *ctx, const struct psc_block *b)
{
	struct counts *c = ctx;
	c->n_free += b->state == PSC_BLOCK_FREE;
	c->n_cached += b->state == PSC_BLOCK_CACHED;
	if (b->state != PSC_BLOCK_ALLOCATED)
		return;
	c->n[b->kind]++;
	c->bytes[b->kind] += b->size_bytes;
	c->n_private += b->va >> 20 == SEGMENT_P >> 20;
}

static struct psc_walk_result walk(struct pm *m, struct counts *ret)
{
	struct psc_walk_result r;
	struct psc_error e;
	void *ctx[1] = {ret};
	const struct psc_walk_options o = {.n_threads = 1, .on_block = on_block, .worker_ctx = ctx};
	memset(ret, 0, sizeof(*ret));
	ck_assert_int_eq(psc_pool_walk(m->k, &o, &m->arena, &m->warnings, &r, &e), PSC_OK);
	return r;
}

static void check_counters(const struct psc_heap_row *h)
{
	ck_assert(h->has_counters);
	for (size_t i = 0; i < h->n_counters; i++)
		if (h->counters[i].is_exact)
			ck_assert_msg(h->counters[i].difference == 0 && h->counters[i].is_explained, "%s: %lld",
				      h->counters[i].name, (long long)h->counters[i].difference);
	ck_assert_uint_eq(h->walked_bytes, h->descriptor_bytes + h->free_range_bytes + h->range_bytes +
						   h->internal_bytes + h->lfh_bytes + h->vs_bytes + h->unowned_bytes);
}

START_TEST(descriptors)
{
	struct pm m;
	struct counts c;
	start(&m, &f19041);
	pm_open(&m, 1);
	struct psc_walk_result r = walk(&m, &c);
	ck_assert_uint_eq(r.n_heaps, 1);
	ck_assert_uint_eq(c.n[PSC_BLOCK_KIND_LFH], 14);
	ck_assert_uint_eq(c.bytes[PSC_BLOCK_KIND_LFH], 14 * 0x100);
	ck_assert_uint_eq(c.n[PSC_BLOCK_KIND_VS], 2);
	ck_assert_uint_eq(c.bytes[PSC_BLOCK_KIND_VS], 0x7f0 + 0x7c0);
	ck_assert_uint_eq(c.n[PSC_BLOCK_KIND_SEGMENT], 2);
	ck_assert_uint_eq(c.bytes[PSC_BLOCK_KIND_SEGMENT], 0x3000 - 0x800 + 0xa0000);
	ck_assert_uint_eq(c.n[PSC_BLOCK_KIND_LARGE], 2);
	ck_assert_uint_eq(c.bytes[PSC_BLOCK_KIND_LARGE], 0x900000 + 0x800000 - 0x123);
	ck_assert_uint_eq(c.n_free, 2);
	const struct psc_heap_row *h = &r.heaps[0];
	ck_assert_uint_eq(h->segments, 2);
	ck_assert_uint_eq(h->walked_bytes, 14 * 0x1000);
	ck_assert_uint_eq(h->descriptor_bytes, 4 * 0x1000);
	ck_assert_uint_eq(h->free_range_bytes, 0x1000);
	ck_assert_uint_eq(h->range_bytes, 5 * 0x1000);
	ck_assert_uint_eq(h->internal_bytes, 0x1000);
	ck_assert_uint_eq(h->large_bytes, 0x1100000);
	check_counters(h);
	ck_assert_str_eq(r.keys.heap_key_source, "symbol");
	ck_assert_uint_eq(r.n_defects, 0);
	ck_assert_uint_eq(r.pages[PSC_POOL_NONPAGED].walked_bytes, 15 * 0x1000 + 0x1100000);
	pm_free(&m);
}
END_TEST

/* A later unit whose first one reads as free, a range longer than the segment: named, and nothing else suffers. */
START_TEST(bad_descriptors)
{
	struct pm m;
	struct counts c;
	start(&m, &f19041);
	put8(&m, SEGMENT + 5 * 0x20 + 0x18, 0); /* the first unit of the page range */
	put8(&m, SEGMENT + 9 * 0x20 + 0x1f, 0xff);
	pm_open(&m, 1);
	struct psc_walk_result r = walk(&m, &c);
	ck_assert_uint_eq(c.n[PSC_BLOCK_KIND_LFH], 14);
	ck_assert_uint_eq(c.n[PSC_BLOCK_KIND_VS], 2);
	ck_assert_uint_ge(r.n_defects, 2);
	for (size_t i = 0; i < r.n_defects; i++)
		ck_assert_int_eq(r.defects[i].kind, PSC_DEFECT_RANGE_DESCRIPTOR);
	ck_assert_uint_eq(r.defects[0].va, SEGMENT + 5 * 0x20);
	ck_assert_uint_ne(r.heaps[0].unowned_bytes, 0);
	ck_assert_uint_ne(r.coverage[PSC_POOL_NONPAGED].lost_corrupt_bytes, 0);
	pm_free(&m);
}
END_TEST

/* Without the globals the key is what segments agree on; two that contradict give none, and nothing is decoded under
 * it. */
START_TEST(key_of_segments)
{
	struct pm m;
	struct counts c;
	start(&m, &f19041);
	pm_open(&m, 1);
	m.k->profile.symbols[PSC_SYM_RtlpHpHeapGlobals].origin = PSC_ORIGIN_NONE;
	fake_put64(&m.f, m.syms[PSC_SYM_ExPoolState], 0);
	struct psc_walk_result r = walk(&m, &c);
	ck_assert(r.keys.has_heap_key);
	ck_assert_uint_eq(r.keys.heap_key, HEAP_KEY);
	ck_assert_str_eq(r.keys.heap_key_source, "segment");
	ck_assert_uint_eq(r.keys.heap_key_votes, 2);
	ck_assert(!r.keys.has_lfh_key_low32); /* one subsegment alone proves nothing */
	ck_assert_uint_eq(c.n[PSC_BLOCK_KIND_VS], 2);
	ck_assert_uint_eq(c.n[PSC_BLOCK_KIND_LFH], 0);
	ck_assert_uint_eq(r.heaps[0].lost_bytes, 0x1000);
	fake_put64(&m.f, SEGMENT_1 + 0x10, 0x1234567812345678);
	r = walk(&m, &c);
	ck_assert(!r.keys.has_heap_key);
	ck_assert_uint_eq(c.n[PSC_BLOCK_KIND_VS], 0);
	pm_free(&m);
}
END_TEST

/* 26100(b): told by the heap's own pointers. A private pool hangs in a list of its own, with its own lookasides. */
START_TEST(private_pool)
{
	struct pm m;
	struct counts c;
	const struct family *f = &f26100b;
	uint64_t state = start(&m, f), lists = state + 0x38e8, link = CONTEXT + 0x20,
		 freed = SEGMENT_P + 0x2000 + 0x100;
	for (unsigned i = 0; i < 2; i++) {
		fake_put64(&m.f, lists + i * 16, lists + i * 16);
		fake_put64(&m.f, lists + i * 16 + 8, lists + i * 16);
	}
	fake_put64(&m.f, lists + 16, link);
	fake_put64(&m.f, lists + 24, link);
	fake_put64(&m.f, link, lists + 16);
	fake_put64(&m.f, link + 8, lists + 16);
	fake_put32(&m.f, CONTEXT + 0x48, 1);
	fake_put64(&m.f, CONTEXT + 0x50, NODE);
	for (unsigned i = 0; i < 3; i++)
		fake_page(&m.f, NODE + i * 0x1000u);
	fake_put64(&m.f, NODE + 8, PRIVATE);
	put_heap(&m, f, PRIVATE, SEGMENT_P, 0);
	/* The node's first lookaside, first bucket: one freed block, linked over its pool header. */
	fake_put64(&m.f, NODE + 0x40 + 0x40, 1);
	fake_put64(&m.f, NODE + 0x40 + 0x48, freed);
	fake_put64(&m.f, freed, 0);
	pm_open(&m, 1);
	struct psc_walk_result r = walk(&m, &c);
	ck_assert_uint_eq(r.n_heaps, 2);
	ck_assert_uint_eq(c.n[PSC_BLOCK_KIND_LFH], 28 - 1);
	ck_assert_uint_eq(c.n[PSC_BLOCK_KIND_VS], 4);
	ck_assert_uint_eq(c.n_cached, 1);
	ck_assert_uint_eq(c.n_private, 14 - 1 + 2 + 1);
	check_counters(&r.heaps[0]);
	ck_assert_uint_eq(r.n_defects, 0);
	pm_free(&m);
}
END_TEST

UNIT_MAIN("seg_heap", descriptors, bad_descriptors, key_of_segments, private_pool)
