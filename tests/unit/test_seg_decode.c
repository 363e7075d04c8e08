/* SPDX-License-Identifier: MIT */
/* Encodings of the segment heap on bytes written here, and the two keys solved from a triage dump written here. The
 * numbers in `real` are of a real machine (reference: pool 15). */
#include "test_image_build.h"

#include "pool/seg_range.h"

#define KEY 0x1f2e3d4c5b6a7988u

static uint64_t encode(uint64_t va, unsigned size, unsigned previous, unsigned in_use, unsigned cost, uint64_t key)
{
	return ((uint64_t)in_use << 48 | (uint64_t)previous << 32 | (uint64_t)size << 16 | cost) ^ key ^ va;
}

static void put(uint8_t *p, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

START_TEST(chunks_64)
{
	struct psc_vs_chunk c;
	uint8_t bytes[16] = {0};
	const uint64_t va = 0xffffc08be4fb1fe0;
	put(bytes, encode(va, 0x76, 3, 1, 0, KEY), 8);
	put(bytes + 8, (0x0e ^ (uint8_t)(KEY ^ va)) | 0x300, 4);
	psc_vs_chunk_decode(bytes, va, KEY, true, &c);
	ck_assert(c.in_use && c.is_legal && c.has_unused && c.skip_during_walk);
	ck_assert_uint_eq(c.size, 0x76);
	ck_assert_uint_eq(c.previous, 3);
	ck_assert_uint_eq(c.cost, 0);
	ck_assert_uint_eq(c.page_offset, 0x0e);
	put(bytes, encode(va, 0x1234, 0xfedc, 0, 7, KEY), 8);
	psc_vs_chunk_decode(bytes, va, KEY, true, &c);
	ck_assert(!c.in_use && c.is_legal);
	ck_assert_uint_eq(c.size, 0x1234);
	ck_assert_uint_eq(c.previous, 0xfedc);
	ck_assert_uint_eq(c.cost, 7);
	put(bytes, encode(va, 0x76, 3, 2, 0, KEY), 8);
	psc_vs_chunk_decode(bytes, va, KEY, true, &c);
	ck_assert(!c.is_legal);
	/* The address is part of the code. */
	psc_vs_chunk_decode(bytes, va + 0x10000, KEY, true, &c);
	ck_assert_uint_ne(c.size, 0x76);
}
END_TEST

START_TEST(chunks_32)
{
	struct psc_vs_chunk c;
	uint8_t bytes[8] = {0};
	const uint32_t va = 0x8a001238, key = 0x5b6a7988;
	put(bytes, (1u << 31 | 0x55u << 16 | 0x33u << 1 | 0) ^ key ^ va, 4);
	psc_vs_chunk_decode(bytes, va, key, false, &c);
	ck_assert(c.in_use);
	ck_assert_uint_eq(c.size, 0x33);
	ck_assert_uint_eq(c.previous, 0x55);
}
END_TEST

START_TEST(block_starts)
{
	ck_assert_uint_eq(psc_vs_block_va(0xffff800000001030, 16), 0xffff800000001040);
	ck_assert_uint_eq(psc_vs_block_va(0xffff800000001fe0, 16), 0xffff800000002000);
	ck_assert_uint_eq(psc_vs_block_va(0x80001ff0, 8), 0x80002000);
	ck_assert_uint_eq(psc_vs_chunk_of_block(0xffff800000002000, 16), 0xffff800000001fe0);
	ck_assert_uint_eq(psc_vs_chunk_of_block(0xffff800000001040, 16), 0xffff800000001030);
}
END_TEST

START_TEST(buckets)
{
	static const struct {
		uint32_t bytes, step;
	} good[] = {{0x10, 0x10},   {0x400, 0x10},   {0x440, 0x40},   {0x800, 0x40},   {0x880, 0x80},
		    {0x1000, 0x80}, {0x1100, 0x100}, {0x2000, 0x100}, {0x2200, 0x200}, {0x4000, 0x200}};
	static const uint32_t bad[] = {0, 8, 0x410, 0x840, 0x1080, 0x2100, 0x4200, 0x10000};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		ck_assert_uint_eq(psc_lfh_bucket_step(good[i].bytes, 16), good[i].step);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_uint_eq(psc_lfh_bucket_step(bad[i], 16), 0);
}
END_TEST

/* The head at ffffc08b_dcea8000 of triage_x64.dmp, its numbers copied by hand. */
START_TEST(lfh_real)
{
	struct psc_lfh_layout l;
	struct psc_lfh_subsegment s;
	uint8_t head[PSC_LFH_HEADER_BYTES] = {0};
	put(head + 0x22, 19, 2);
	put(head + 0x24, 8, 2);
	head[0x26] = 1;
	put(head + 0x28, 0x6d98375c, 4);
	head[0x2c] = 0xc;
	head[0x2d] = 1;
	put(head + 0x2e, 0x38, 2);
	psc_lfh_layout_init(&l, 19041, true);
	ck_assert(psc_lfh_parse(head, 0xffffc08bdcea8000, &l, 16, &s));
	ck_assert_uint_eq(s.slots, 19);
	ck_assert_uint_eq(s.range_bytes, 0x1000);
	ck_assert(psc_lfh_decode(&s, &l, 0x6dd5f924, 16));
	ck_assert_uint_eq(s.first, 0x40);
	ck_assert_uint_eq(s.block_bytes, 0xd0);
	ck_assert(!psc_lfh_decode(&s, &l, 0x6dd5f925, 16));
	ck_assert(!psc_lfh_parse(head, 0xffffc08bdcea8010, &l, 16, &s));
	/* 26100 shifts the whole address. */
	l.full_shift = true;
	ck_assert_uint_ne(psc_lfh_masked_offsets(&s, &l), 0x6d98375c ^ 0xdcea8);
	ck_assert_uint_eq(psc_lfh_masked_offsets(&s, &l), 0x6d98375c ^ 0x08bdcea8);
}
END_TEST

START_TEST(withheld)
{
	ck_assert_uint_eq(psc_lfh_crossing(0x50, 0xd0, 39), 1);
	ck_assert_uint_eq(psc_lfh_crossing(0x40, 0xd0, 19), 0);
	ck_assert_uint_eq(psc_lfh_crossing(0x100, 0x100, 500), 0);
	ck_assert_uint_eq(psc_lfh_crossing(0x40, 0x100, 32), 2);
}
END_TEST

/* ---- states ---- */

struct seen {
	unsigned n_busy, n_free, n_defects, n_delayed;
	uint64_t lost[PSC_HOLE_MAX];
};

static void take_storage(void *arg, const struct psc_seg_storage *s)
{
	struct seen *seen = arg;
	seen->n_busy += s->in_use;
	seen->n_free += !s->in_use;
}

static void take_lost(void *arg, uint64_t va, uint64_t bytes, enum psc_hole why)
{
	struct seen *seen = arg;
	(void)va;
	seen->lost[why] += bytes;
}

static void take_delayed(void *arg, uint64_t n_blocks, uint64_t bytes)
{
	struct seen *seen = arg;
	(void)bytes;
	seen->n_delayed += (unsigned)n_blocks;
}

static void take_defect(void *arg, const struct psc_defect *d)
{
	struct seen *seen = arg;
	(void)d;
	seen->n_defects++;
}

static struct seen walk_page(const uint8_t *page)
{
	struct seen seen = {0};
	const uint8_t holes[1] = {PSC_HOLE_NONE};
	const struct psc_seg_range r = {0xffffc08bdcea8000, 1, &page, holes};
	const struct psc_seg_sink sink = {take_storage, take_lost, take_delayed, take_defect, &seen};
	struct psc_seg_rules rules = {.is_64bit = true, .unit_bytes = 16, .lfh_key = 0x12345678, .has_lfh_key = true};
	psc_lfh_layout_init(&rules.lfh, 26100, true);
	psc_lfh_walk(&r, &rules, &sink);
	return seen;
}

/* 15 slots of 100 (hex), one of them free; then the same as a thread's own. */
START_TEST(private_format)
{
	static uint8_t page[0x1000];
	put(page + 0x20, 1, 2);
	put(page + 0x22, 15, 2);
	page[0x26] = 12;
	page[0x27] = 1;
	put(page + 0x28, 0x01000100 ^ 0x12345678 ^ 0x08bdcea8, 4);
	put(page + 0x40, ~(uint64_t)8, 8);
	struct seen seen = walk_page(page);
	ck_assert_uint_eq(seen.n_busy, 14);
	ck_assert_uint_eq(seen.n_free, 1);
	ck_assert_uint_eq(seen.lost[PSC_HOLE_UNKNOWN], 0);
	page[0x33] = 1;
	seen = walk_page(page);
	ck_assert_uint_eq(seen.n_busy + seen.n_free + seen.n_defects, 0);
	ck_assert_uint_eq(seen.lost[PSC_HOLE_UNKNOWN], 0x1000);
	page[0x33] = 2; /* another flag */
	ck_assert_uint_eq(walk_page(page).n_busy, 14);
}
END_TEST

/* ---- solving ---- */

#define H64       0x2000u
#define BLOCKS_AT 0x3000u
#define DATA_AT   0x10000u
#define MARK_AT   0xfff00u
#define VA        0xffffa80004560000u

static struct file triage(void)
{
	struct file f = new_dump(true, 4, 0x100000);
	put32(&f, 0xc, 19041);
	put32(&f, H64 + 4, MARK_AT + 4);
	put32(&f, H64 + 8, MARK_AT);
	put_bytes(&f, MARK_AT, "TRGD", 4);
	put32(&f, H64 + 0x78, BLOCKS_AT);
	put32(&f, H64 + 0x7c, 1);
	put64(&f, BLOCKS_AT, VA);
	put32(&f, BLOCKS_AT + 8, DATA_AT);
	put32(&f, BLOCKS_AT + 12, 0xe0000);
	return f;
}

static void put_header(struct file *f, size_t off, unsigned units, const char *tag)
{
	f->bytes[off + 1] = 0x77;
	f->bytes[off + 2] = (uint8_t)units;
	f->bytes[off + 3] = 2;
	put_bytes(f, off + 4, tag, 4);
}

/* A chunk at offset of the saved range, and its block's header. */
static void put_chunk_under(struct file *f, size_t off, unsigned units, unsigned previous, uint64_t key)
{
	uint64_t va = VA + off, block = psc_vs_block_va(va, 16);
	put64(f, DATA_AT + off, encode(va, units, previous, 1, 0, key));
	put32(f, DATA_AT + off + 8, (uint8_t)(key ^ va));
	put_header(f, DATA_AT + off + (size_t)(block - va), units - (unsigned)(block - va) / 16, "VsBl");
}

static void put_chunk(struct file *f, size_t off, unsigned units, unsigned previous)
{
	put_chunk_under(f, off, units, previous, KEY);
}

/* A row of LFH blocks: what lies before a header is the tail of another block. */
static void put_row(struct file *f, size_t off, unsigned n, unsigned units, uint64_t tail)
{
	for (unsigned i = 0; i < n; i++) {
		put_header(f, DATA_AT + off + i * units * 16, units, "LfhB");
		if (i != 0)
			put64(f, DATA_AT + off + i * units * 16 - 16, tail);
	}
}

static void ignore(void *ctx, const struct psc_block *b)
{
	(void)ctx;
	(void)b;
}

static struct psc_seg_keys keys_of(const struct file *f, struct psc_scan_result *ret_scan)
{
	struct opened o = open_good(f);
	struct psc_kernel k;
	struct psc_seg_keys keys;
	struct psc_error e;
	memset(&k, 0, sizeof(k));
	k.img = o.img;
	k.id.machine = PSC_MACHINE_X64;
	k.id.build = 19041;
	ck_assert_int_eq(psc_space_init(&k.space, o.img, PSC_MMU_NONE, 0, NULL, &e), PSC_OK);
	psc_reader_init(&k.reader, &k.space);
	ck_assert_int_eq(psc_seg_keys_find(&k, &keys, &e), PSC_OK);
	if (ret_scan)
		ck_assert_int_eq(psc_scan_saved(&k, ignore, NULL, ret_scan, &e), PSC_OK);
	close_opened(&o);
	return keys;
}

START_TEST(heap_key)
{
	struct file f = triage();
	struct psc_scan_result r;
	put_row(&f, 0x20000, 30, 6, 0);                  /* zero before the header */
	put_row(&f, 0x30000, 30, 6, 0x0041004c00410042); /* text */
	put_row(&f, 0x40000, 30, 6, 0xffffa80012345678); /* a pointer */
	put_chunk(&f, 0x1040, 8, 5);
	put_chunk(&f, 0x10c0, 9, 8);
	put_chunk(&f, 0x2200, 0x20, 3);
	put_chunk(&f, 0x5fe0, 0x12, 0x40);         /* its block begins a page */
	ck_assert(keys_of(&f, NULL).has_heap_key); /* four are just enough */
	put_chunk(&f, 0x7330, 0x11, 0x11);
	struct psc_seg_keys k = keys_of(&f, &r);
	ck_assert(k.has_heap_key);
	ck_assert_uint_eq(k.heap_key, KEY);
	ck_assert_uint_eq(k.heap_votes, 5);
	ck_assert_uint_eq(k.heap_pages, 4);
	ck_assert_str_eq(k.heap_source, "solved");
	ck_assert(!k.has_lfh_low);
	ck_assert_uint_eq(r.n_proven_vs, 5);
	ck_assert_uint_eq(r.n_headers, 5 + 90);
	/* Without neighbours one lane is missing: no key, rather than a part of one. */
	put64(&f, DATA_AT + 0x10c0, 0x123456789abcdef0);
	ck_assert(!keys_of(&f, NULL).has_heap_key);
	free(f.bytes);
}
END_TEST

START_TEST(too_few_chunks)
{
	struct file f = triage();
	put_row(&f, 0x20000, 200, 6, 0);
	put_chunk(&f, 0x1040, 8, 5);
	put_chunk(&f, 0x10c0, 9, 8);
	put_chunk(&f, 0x2200, 0x20, 3);
	ck_assert(!keys_of(&f, NULL).has_heap_key);
	free(f.bytes);
}
END_TEST

/* Six chunks on as many pages for one key, and n for another: half as many are no contradiction, more are. */
static struct psc_seg_keys two_keys(unsigned n)
{
	struct file f = triage();
	for (unsigned i = 0; i < 3; i++) {
		put_chunk(&f, 0x1040 + i * 0x1150, 8, 5);
		put_chunk(&f, 0x1040 + i * 0x1150 + 0x80, 9, 8);
	}
	for (unsigned i = 0; i < n; i += 2) {
		put_chunk_under(&f, 0x21040 + i * 0x1150, 8, 5, KEY ^ 0x1111222233334444);
		if (i + 1 < n)
			put_chunk_under(&f, 0x21040 + i * 0x1150 + 0x80, 9, 8, KEY ^ 0x1111222233334444);
	}
	struct psc_seg_keys k = keys_of(&f, NULL);
	free(f.bytes);
	return k;
}

START_TEST(contradicting_chunks)
{
	struct psc_seg_keys k = two_keys(0);
	ck_assert(k.has_heap_key);
	ck_assert_uint_eq(k.heap_votes, 6);
	k = two_keys(3);
	ck_assert(k.has_heap_key);
	ck_assert_uint_eq(k.heap_key, KEY);
	ck_assert(!two_keys(5).has_heap_key);
	ck_assert(!two_keys(6).has_heap_key);
	k = two_keys(14); /* the other one now */
	ck_assert(k.has_heap_key);
	ck_assert_uint_eq(k.heap_key, KEY ^ 0x1111222233334444);
}
END_TEST

/* A subsegment of 0x1000 bytes: blocks of size bytes from first on. */
static void put_subsegment(struct file *f, size_t off, unsigned slots, unsigned first, unsigned size, unsigned n_free,
			   uint32_t key)
{
	size_t at = DATA_AT + off;
	unsigned bitmap_bytes = (slots * 2 + 7) / 8;
	for (unsigned i = 0; i < 3; i++)
		put64(f, at + i * 8, VA + 0x100000 + i);
	put16(f, at + 0x20, (uint16_t)n_free);
	put16(f, at + 0x22, (uint16_t)slots);
	put32(f, at + 0x28, (first << 16 | size) ^ key ^ ((uint32_t)(VA + off) >> 12));
	f->bytes[at + 0x2c] = 12;
	f->bytes[at + 0x2d] = 1;
	put16(f, at + 0x2e, (uint16_t)((0x30 + bitmap_bytes + 7) / 8 * 8));
	for (unsigned i = n_free; i < slots; i++) {
		f->bytes[at + 0x30 + i / 4] |= (uint8_t)(1u << (i % 4 * 2));
		put_header(f, at + first + i * size, size / 16, "LfhB");
	}
	for (unsigned i = 0; i < n_free; i++)
		put_header(f, at + first + i * size, size / 16, "Old ");
}

START_TEST(lfh_key)
{
	struct file f = triage();
	struct psc_scan_result r;
	const uint32_t key = 0x9e3779b9;
	put_subsegment(&f, 0x3000, 19, 0x40, 0xd0, 4, key);
	ck_assert(!keys_of(&f, NULL).has_lfh_low); /* one alone proves nothing */
	put_subsegment(&f, 0x9000, 125, 0x60, 0x20, 0, key);
	put_subsegment(&f, 0xa000, 3, 0x400, 0x400, 1, key);
	put_subsegment(&f, 0xc000, 19, 0x40, 0xd0, 2, key + 0x100001); /* of something else */
	struct psc_seg_keys k = keys_of(&f, &r);
	ck_assert(k.has_lfh_low && !k.has_lfh_high && !k.has_heap_key);
	ck_assert_uint_eq((uint32_t)k.lfh_key, key);
	ck_assert_uint_eq(k.lfh_votes, 3);
	ck_assert_uint_eq(r.n_proven_lfh, 15 + 125 + 2);
	ck_assert_uint_eq(r.n_headers - r.n_proven_lfh, 19); /* freed slots are no candidates, unknown ones are */
	free(f.bytes);
}
END_TEST

/* Two keys that explain as many subsegments each are none. */
START_TEST(contradicting_subsegments)
{
	struct file f = triage();
	const uint32_t key = 0x9e3779b9, other = 0x11223344;
	put_subsegment(&f, 0x3000, 19, 0x40, 0xd0, 4, key);
	put_subsegment(&f, 0x9000, 125, 0x60, 0x20, 0, key);
	put_subsegment(&f, 0x13000, 19, 0x40, 0xd0, 2, other);
	put_subsegment(&f, 0x19000, 125, 0x60, 0x20, 1, other);
	ck_assert(!keys_of(&f, NULL).has_lfh_low);
	put_subsegment(&f, 0xa000, 3, 0x400, 0x400, 1, key);
	struct psc_seg_keys k = keys_of(&f, NULL);
	ck_assert(k.has_lfh_low);
	ck_assert_uint_eq((uint32_t)k.lfh_key, key);
	free(f.bytes);
}
END_TEST

UNIT_MAIN("seg_decode", chunks_64, chunks_32, block_starts, buckets, lfh_real, withheld, private_format, heap_key,
	  too_few_chunks, lfh_key, contradicting_chunks, contradicting_subsegments)
