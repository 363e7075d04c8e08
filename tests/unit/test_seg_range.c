/* SPDX-License-Identifier: MIT */
/* Subsegments of the segment heap, byte by byte: bitmaps of both generations and what waits in them, chains of chunks
 * over pages and holes, and the 32-bit forms. Layouts: reference pool 6.5, 6.6. Shares nothing with src/ or the lab. */
#include "pool/seg_range.h"

#include "unit.h"

#include <string.h>

#define VA      0xffffc08bdcea8000u
#define VA_32   0x9cea8000u
#define KEY     0x1f2e3d4c5b6a7988u
#define LFH_KEY 0x12345678u
#define PAGES   4u
#define ITEMS   64u

struct item {
	uint64_t va, bytes;
	bool in_use, delayed, has_header;
};

struct machine {
	uint8_t bytes[PAGES * 0x1000];
	uint8_t holes[PAGES];
	unsigned n_pages;
	uint64_t va;
	struct psc_seg_rules rules;
	/* What came out: */
	struct item items[ITEMS];
	unsigned n, n_defects;
	struct psc_defect defect; /* the first */
	uint64_t lost[PSC_HOLE_MAX], lost_va, n_delayed, delayed_bytes, absent;
};

static void put(struct machine *m, uint32_t off, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		m->bytes[off + i] = (uint8_t)(v >> 8 * i);
}

static void take_storage(void *arg, const struct psc_seg_storage *s)
{
	struct machine *m = arg;
	ck_assert_uint_lt(m->n, ITEMS);
	m->items[m->n++] = (struct item){s->va, s->bytes, s->in_use, s->is_delayed, s->header != NULL};
	m->absent += s->absent_bytes;
}

static void take_lost(void *arg, uint64_t va, uint64_t bytes, enum psc_hole why)
{
	struct machine *m = arg;
	m->lost[why] += bytes;
	m->lost_va = va;
}

static void take_delayed(void *arg, uint64_t n_blocks, uint64_t bytes)
{
	struct machine *m = arg;
	m->n_delayed += n_blocks;
	m->delayed_bytes += bytes;
}

static void take_defect(void *arg, const struct psc_defect *d)
{
	struct machine *m = arg;
	if (m->n_defects++ == 0)
		m->defect = *d;
}

static void start(struct machine *m, uint32_t build, bool is_64bit, unsigned n_pages)
{
	memset(m, 0, sizeof(*m));
	m->n_pages = n_pages;
	m->va = is_64bit ? VA : VA_32;
	m->rules = (struct psc_seg_rules){.is_64bit = is_64bit,
					  .unit_bytes = is_64bit ? 16 : 8,
					  .heap_key = is_64bit ? KEY : (uint32_t)KEY,
					  .lfh_key = LFH_KEY,
					  .has_heap_key = true,
					  .has_lfh_key = true,
					  .vs_signature_at = 0x22};
	psc_lfh_layout_init(&m->rules.lfh, build, is_64bit);
}

static void walk(struct machine *m,
		 void (*f)(const struct psc_seg_range *, const struct psc_seg_rules *, const struct psc_seg_sink *))
{
	const uint8_t *pages[PAGES];
	const struct psc_seg_range r = {m->va, m->n_pages, pages, m->holes};
	const struct psc_seg_sink sink = {take_storage, take_lost, take_delayed, take_defect, m};
	for (unsigned i = 0; i < PAGES; i++)
		pages[i] = m->holes[i] == PSC_HOLE_NONE ? m->bytes + i * 0x1000 : NULL;
	m->n = m->n_defects = 0;
	m->n_delayed = m->delayed_bytes = m->absent = 0;
	memset(m->lost, 0, sizeof(m->lost));
	f(&r, &m->rules, &sink);
}

static unsigned busy(const struct machine *m)
{
	unsigned n = 0;
	for (unsigned i = 0; i < m->n; i++)
		n += m->items[i].in_use;
	return n;
}

/* ---- LFH ---- */

/* Build 19041, two pages, 12 slots of 280 (hex) from 80 on. Slot 6 is at f80 .. 1200: it crosses a page, and is
 * withheld. */
static void lfh_19041(struct machine *m)
{
	start(m, 19041, true, 2);
	put(m, 0x10, 0xffffc08b11111100, 8);
	put(m, 0x20, 4, 2);  /* FreeCount */
	put(m, 0x22, 11, 2); /* BlockCount, without the withheld one */
	put(m, 0x27, 1, 1);
	put(m, 0x28, (0x0080u << 16 | 0x280) ^ LFH_KEY ^ 0xdcea8, 4);
	put(m, 0x2c, 12, 1);
	put(m, 0x2d, 2, 1);
	put(m, 0x2e, 0x38, 2);
	/* Two bits a slot: free are 1, 3, 8, 11; slot 2 has unused bytes (both bits). From slot 0 up:
	 * 1 0 3 0 | 1 1 1 1 | 0 1 1 0 and the tail 3 3 3 3 ... */
	put(m, 0x30, 0x31, 1); /* 01 00 11 00: slots 0..3 from the low bits */
	put(m, 0x31, 0x55, 1); /* 4..7 */
	put(m, 0x32, 0x14, 1); /* 8 free, 9, 10 busy, 11 free */
	put(m, 0x33, 0xffffffffff, 5);
}

START_TEST(lfh_two_bits)
{
	struct machine m;
	lfh_19041(&m);
	walk(&m, psc_lfh_walk);
	ck_assert_uint_eq(m.n_defects, 0);
	ck_assert_uint_eq(m.n, 11); /* the withheld one is nobody's */
	ck_assert_uint_eq(busy(&m), 7);
	ck_assert_uint_eq(m.items[0].va, VA + 0x80);
	ck_assert_uint_eq(m.items[5].va, VA + 0xd00);
	ck_assert_uint_eq(m.items[6].va, VA + 0x1200); /* slot 7 */
	ck_assert(!m.items[1].in_use && m.items[2].in_use && !m.items[3].in_use && m.items[6].in_use);
	ck_assert(!m.items[10].in_use);
	ck_assert_uint_eq(m.items[10].bytes, 0x280);
	/* A free slot that the head does not count. */
	put(&m, 0x20, 5, 2);
	walk(&m, psc_lfh_walk);
	ck_assert_uint_eq(m.n_defects, 1);
	ck_assert_int_eq(m.defect.kind, PSC_DEFECT_LFH_BITMAP);
	ck_assert_uint_eq(m.defect.expected, 5);
	ck_assert_uint_eq(m.defect.found, 4);
}
END_TEST

START_TEST(lfh_second_page_lost)
{
	struct machine m;
	lfh_19041(&m);
	m.holes[1] = PSC_HOLE_NOT_IN_DUMP;
	walk(&m, psc_lfh_walk);
	ck_assert_uint_eq(m.n, 11);
	ck_assert_uint_eq(busy(&m), 7); /* the bitmap is in the first page: only headers are missing */
	ck_assert(m.items[5].has_header && !m.items[6].has_header);
	m.holes[1] = PSC_HOLE_UNCOMMITTED;
	walk(&m, psc_lfh_walk);
	ck_assert_uint_eq(m.n, 6);
	m.holes[0] = PSC_HOLE_PAGED_OUT;
	m.holes[1] = PSC_HOLE_NONE;
	walk(&m, psc_lfh_walk);
	ck_assert_uint_eq(m.n, 0);
	ck_assert_uint_eq(m.lost[PSC_HOLE_PAGED_OUT], 0x2000);
}
END_TEST

/* The owner's pointer gives way to a count of delayed frees, with bit 0 set. */
START_TEST(lfh_delayed_count)
{
	struct machine m;
	lfh_19041(&m);
	put(&m, 0x10, 2 << 1 | 1, 8);
	walk(&m, psc_lfh_walk); /* still busy in the bitmap: two of seven, not known which */
	ck_assert_uint_eq(m.n_defects, 0);
	ck_assert_uint_eq(m.n_delayed, 2);
	ck_assert_uint_eq(m.delayed_bytes, 2 * 0x280);
	ck_assert_uint_eq(busy(&m), 7);
	put(&m, 0x20, 2, 2); /* clear in the bitmap already, and not counted as free yet */
	walk(&m, psc_lfh_walk);
	ck_assert_uint_eq(m.n_defects, 0);
	ck_assert_uint_eq(m.n_delayed, 0);
	put(&m, 0x20, 1, 2); /* neither */
	walk(&m, psc_lfh_walk);
	ck_assert_uint_eq(m.n_defects, 1);
	put(&m, 0x20, 4, 2);
	put(&m, 0x10, (uint64_t)8 << 1 | 1, 8); /* more than are busy */
	walk(&m, psc_lfh_walk);
	ck_assert_uint_eq(m.n_delayed, 0);
}
END_TEST

/* Build 26100: one bit a slot; 20 slots of 60 from 60 on, free are 2 and 17. */
static void lfh_26100(struct machine *m)
{
	start(m, 26100, true, 1);
	put(m, 0x20, 2, 2);
	put(m, 0x22, 20, 2);
	put(m, 0x26, 12, 1);
	put(m, 0x27, 1, 1);
	put(m, 0x28, (0x0060u << 16 | 0x60) ^ LFH_KEY ^ 0x08bdcea8, 4);
	put(m, 0x18, 9, 1);
	put(m, 0x40, ~((uint64_t)1 << 2 | (uint64_t)1 << 17), 8);
}

START_TEST(lfh_one_bit)
{
	struct machine m;
	lfh_26100(&m);
	walk(&m, psc_lfh_walk);
	ck_assert_uint_eq(m.n_defects, 0);
	ck_assert_uint_eq(m.n, 20);
	ck_assert_uint_eq(busy(&m), 18);
	ck_assert(!m.items[2].in_use && !m.items[17].in_use);
	ck_assert_uint_eq(m.items[19].va, VA + 0x60 + 19 * 0x60);
}
END_TEST

START_TEST(lfh_delayed_chain)
{
	struct machine m;
	lfh_26100(&m);
	put(&m, 0x10, 5, 2); /* slot 5, then 9 */
	put(&m, 0x12, 2, 2);
	put(&m, 0x60 + 5 * 0x60, 9, 2);
	walk(&m, psc_lfh_walk);
	ck_assert(m.items[5].delayed && m.items[9].delayed && !m.items[6].delayed);
	ck_assert_uint_eq(m.n_delayed, 0);
	ck_assert_uint_eq(m.n_defects, 0);
	/* One that leads to a free slot, under either base, proves nothing: two of the busy ones wait. */
	put(&m, 0x60 + 5 * 0x60, 17, 2);
	put(&m, 0x60 + 4 * 0x60, 18, 2);
	walk(&m, psc_lfh_walk);
	ck_assert(!m.items[5].delayed && !m.items[4].delayed);
	ck_assert_uint_eq(m.n_delayed, 2);
}
END_TEST

/* x86: unit 8, head of 20 bytes, 30 slots of 28 from 28 on; free: 0. n bytes at `at` are v. */
static void lfh_32_with(struct machine *m, uint32_t at, uint64_t v, unsigned n)
{
	start(m, 19041, false, 1);
	put(m, 0x8, 0x8a001230, 4);
	put(m, 0x10, 1, 2);
	put(m, 0x12, 30, 2);
	put(m, 0x18, (0x0028u << 16 | 0x28) ^ LFH_KEY ^ (VA_32 >> 12), 4);
	put(m, 0x1c, 12, 1);
	put(m, 0x1d, 1, 1);
	put(m, 0x20, 0xf555555555555554, 8);
	put(m, at, v, n);
}

START_TEST(lfh_32)
{
	struct machine m;
	lfh_32_with(&m, 0, 0, 0);
	walk(&m, psc_lfh_walk);
	ck_assert_uint_eq(m.n_defects, 0);
	ck_assert_uint_eq(m.n, 30);
	ck_assert_uint_eq(busy(&m), 29);
	ck_assert_uint_eq(m.items[29].va, VA_32 + 0x28 + 29 * 0x28);
	put(&m, 0x8, 3 << 1 | 1, 4);
	walk(&m, psc_lfh_walk);
	ck_assert_uint_eq(m.n_delayed, 3);
}
END_TEST

static void expect(struct machine *m,
		   void (*f)(const struct psc_seg_range *, const struct psc_seg_rules *, const struct psc_seg_sink *),
		   enum psc_defect_kind kind, uint64_t va)
{
	walk(m, f);
	ck_assert_uint_eq(m->n_defects, 1);
	ck_assert_int_eq(m->defect.kind, kind);
	ck_assert_uint_eq(m->defect.va, va);
}

/* ---- VS ---- */

static void chunk(struct machine *m, uint32_t off, uint32_t units, uint32_t previous, bool in_use, uint32_t cost)
{
	uint64_t va = m->va + off;
	if (m->rules.is_64bit) {
		put(m, off,
		    ((uint64_t)in_use << 48 | (uint64_t)previous << 32 | (uint64_t)units << 16 | cost) ^ KEY ^ va, 8);
		if (in_use)
			put(m, off + 8, ((off >> 12) ^ (KEY ^ va)) & 0xff, 4);
	} else {
		put(m, off, ((uint32_t)in_use << 31 | previous << 16 | units << 1 | cost) ^ (uint32_t)KEY ^ va, 4);
		if (in_use)
			put(m, off + 4, ((off >> 12) ^ (KEY ^ va)) & 0xff, 4);
	}
}

/* Four pages, the last one a spare unit behind the chunks: 30 small, a chunk whose header is the last of page 0 and
 * whose block starts page 1, one over the edge of pages 1 and 2, a free one, the last. */
static void vs_19041(struct machine *m)
{
	start(m, 19041, true, 4);
	put(m, 0x20, 0x300, 2);
	put(m, 0x22, (0x300 ^ 0x2bed) & 0x7fff, 2);
	chunk(m, 0x30, 0xfb, 0, true, 0);        /* 30 .. fe0 */
	chunk(m, 0xfe0, 0x12, 0xfb, true, 0);    /* fe0 .. 1100, block at 1000 */
	chunk(m, 0x1100, 0x120, 0x12, true, 0);  /* 1100 .. 2300 */
	chunk(m, 0x2300, 0x50, 0x120, false, 0); /* 2300 .. 2800 */
	chunk(m, 0x2800, 0x80, 0x50, true, 0);   /* 2800 .. 3000 */
}

START_TEST(vs_chain)
{
	struct machine m;
	vs_19041(&m);
	walk(&m, psc_vs_walk);
	ck_assert_uint_eq(m.n_defects, 0);
	ck_assert_uint_eq(m.n, 5);
	ck_assert_uint_eq(m.items[0].va, VA + 0x40);
	ck_assert_uint_eq(m.items[0].bytes, 0xfa0);
	ck_assert_uint_eq(m.items[1].va, VA + 0x1000);
	ck_assert_uint_eq(m.items[1].bytes, 0x100);
	ck_assert_uint_eq(m.items[2].va, VA + 0x1110);
	ck_assert_uint_eq(m.items[2].bytes, 0x11f0);
	ck_assert(!m.items[3].in_use);
	ck_assert_uint_eq(m.items[4].va + m.items[4].bytes, VA + 0x3000);
	for (unsigned i = 0; i < PSC_HOLE_MAX; i++)
		ck_assert_uint_eq(m.lost[i], 0); /* the spare page is no loss */
	/* 26100(b): the signature two bytes further. */
	m.rules.vs_signature_at = 0x24;
	put(&m, 0x22, 0x7777, 2);
	put(&m, 0x24, 0x8000 | ((0x300 ^ 0x2bed) & 0x7fff), 2);
	walk(&m, psc_vs_walk);
	ck_assert_uint_eq(m.n, 5);
	ck_assert_uint_eq(m.n_defects, 0);
	m.rules.vs_signature_at = 0x22;
	walk(&m, psc_vs_walk);
	ck_assert_int_eq(m.defect.kind, PSC_DEFECT_VS_SUBSEGMENT);
}
END_TEST

START_TEST(vs_holes)
{
	struct machine m;
	vs_19041(&m);
	m.holes[1] = PSC_HOLE_NOT_IN_DUMP;
	walk(&m, psc_vs_walk);
	/* The chunk at fe0 is read, its block's header is not; the next header is in the hole: lost up to where the
	 * chain is taken up again, which only the chunk behind the hole can be. */
	ck_assert_uint_eq(m.n, 4);
	ck_assert_uint_eq(m.items[1].va, VA + 0x1000);
	ck_assert(!m.items[1].has_header);
	ck_assert_uint_eq(m.items[2].va, VA + 0x2310);
	ck_assert_uint_eq(m.lost[PSC_HOLE_NOT_IN_DUMP], 0x1200);
	ck_assert_uint_eq(m.lost_va, VA + 0x1100);
	ck_assert_uint_eq(m.n_defects, 0);
	/* A page of the large block that is missing and holds no header costs nothing. */
	vs_19041(&m);
	chunk(&m, 0x1100, 0x1f0, 0x12, true, 0); /* 1100 .. 3000 */
	m.holes[2] = PSC_HOLE_PAGED_OUT;
	walk(&m, psc_vs_walk);
	ck_assert_uint_eq(m.n, 3);
	ck_assert_uint_eq(m.lost[PSC_HOLE_PAGED_OUT], 0);
}
END_TEST

START_TEST(vs_free_without_pages)
{
	struct machine m;
	vs_19041(&m);
	chunk(&m, 0x1100, 0x1f0, 0x12, false, 1); /* free, page 2 given back */
	m.holes[2] = PSC_HOLE_UNCOMMITTED;
	walk(&m, psc_vs_walk);
	ck_assert_uint_eq(m.n, 3);
	ck_assert_uint_eq(m.absent, 0x1000);
	/* A free chunk of two units at the end of a page is storage; in use it would be padding alone. */
	vs_19041(&m);
	chunk(&m, 0xfe0, 2, 0xfb, false, 0);
	chunk(&m, 0x1000, 0x130, 2, true, 0);
	chunk(&m, 0x2300, 0x50, 0x130, false, 0);
	walk(&m, psc_vs_walk);
	ck_assert_uint_eq(m.n, 5);
	ck_assert_uint_eq(m.items[1].bytes, 16);
	ck_assert_uint_eq(m.n_defects, 0);
}
END_TEST

START_TEST(vs_overrun)
{
	struct machine m;
	vs_19041(&m);
	memset(m.bytes + 0x1100, 0x41, 0x20);
	walk(&m, psc_vs_walk);
	ck_assert_uint_eq(m.n, 4);
	ck_assert_uint_eq(m.lost[PSC_HOLE_CORRUPT], 0x1200);
	ck_assert_uint_eq(m.n_defects, 1);
	ck_assert_int_eq(m.defect.kind, PSC_DEFECT_VS_CHUNK);
	ck_assert_uint_eq(m.defect.va, VA + 0x1100);
	vs_19041(&m);
	chunk(&m, 0x2800, 0x80, 0x51, true, 0);
	walk(&m, psc_vs_walk);
	ck_assert_uint_eq(m.n, 5);
	ck_assert_int_eq(m.defect.kind, PSC_DEFECT_VS_PREVIOUS);
	ck_assert_uint_eq(m.defect.expected, 0x50);
	m.rules.has_heap_key = false;
	walk(&m, psc_vs_walk);
	ck_assert_uint_eq(m.n, 0);
	ck_assert_uint_eq(m.lost[PSC_HOLE_UNKNOWN], 0x4000);
}
END_TEST

/* x86: units of 8, first chunk at 18. */
START_TEST(vs_32)
{
	struct machine m;
	start(&m, 19041, false, 2);
	put(&m, 0x14, 0x400, 2);
	put(&m, 0x16, (0x400 ^ 0x2bed) & 0x7fff, 2);
	chunk(&m, 0x18, 0x1fb, 0, true, 0);       /* 18 .. ff0 */
	chunk(&m, 0xff0, 0x22, 0x1fb, true, 0);   /* ff0 .. 1100, block at 1000 */
	chunk(&m, 0x1100, 0x1e0, 0x22, false, 1); /* .. 2000 */
	walk(&m, psc_vs_walk);
	ck_assert_uint_eq(m.n_defects, 0);
	ck_assert_uint_eq(m.n, 3);
	ck_assert_uint_eq(m.items[0].va, VA_32 + 0x20);
	ck_assert_uint_eq(m.items[1].va, VA_32 + 0x1000);
	ck_assert(!m.items[2].in_use);
	m.holes[0] = PSC_HOLE_NOT_IN_DUMP;
	walk(&m, psc_vs_walk);
	ck_assert_uint_eq(m.lost[PSC_HOLE_NOT_IN_DUMP] + m.lost[PSC_HOLE_CORRUPT], 0x1100 - 0x18);
	ck_assert_uint_eq(m.n, 1);
}
END_TEST

static void vs_32_with(struct machine *m, uint32_t at, uint64_t v, unsigned n)
{
	start(m, 19041, false, 2);
	put(m, 0x14, 0x400, 2);
	put(m, 0x16, (0x400 ^ 0x2bed) & 0x7fff, 2);
	chunk(m, 0x18, 0x40, 0, true, 0);
	chunk(m, 0x218, 0x40, 0x40, true, 0);
	chunk(m, 0x418, 0x1bb, 0x40, true, 0);
	chunk(m, 0x11f0, 0x1c2, 0x1bb, false, 0);
	put(m, at, v, n);
}

/* What tests/lab/validate_matrix.py takes for planted on x86. */
START_TEST(defects_32)
{
	struct machine m;
	vs_32_with(&m, 0, 0, 0);
	walk(&m, psc_vs_walk);
	ck_assert_uint_eq(m.n_defects, 0);
	ck_assert_uint_eq(m.n, 4);
	lfh_32_with(&m, 0x18, 0x41414141, 4);
	expect(&m, psc_lfh_walk, PSC_DEFECT_LFH_GEOMETRY, VA_32);
	lfh_32_with(&m, 0x10, 2, 2);
	expect(&m, psc_lfh_walk, PSC_DEFECT_LFH_BITMAP, VA_32);
	lfh_32_with(&m, 0x12, 29, 2);
	put(&m, 0x17, 1, 1);
	expect(&m, psc_lfh_walk, PSC_DEFECT_LFH_WITHHELD, VA_32);
	vs_32_with(&m, 0x16, 0x1234, 2);
	expect(&m, psc_vs_walk, PSC_DEFECT_VS_SUBSEGMENT, VA_32);
	vs_32_with(&m, 0x218, 0x41414141, 4);
	expect(&m, psc_vs_walk, PSC_DEFECT_VS_CHUNK, VA_32 + 0x218);
	vs_32_with(&m, 0, 0, 0);
	chunk(&m, 0x218, 0x40, 0x41, true, 0);
	expect(&m, psc_vs_walk, PSC_DEFECT_VS_PREVIOUS, VA_32 + 0x218);
}
END_TEST

UNIT_MAIN("seg_range", lfh_two_bits, lfh_second_page_lost, lfh_delayed_count, lfh_one_bit, lfh_delayed_chain, lfh_32,
	  vs_chain, vs_holes, vs_free_without_pages, vs_overrun, vs_32, defects_32)
