/* SPDX-License-Identifier: MIT */
/* Candidate headers in the saved ranges of a triage dump written here. */
#include "test_image_build.h"

#include "pool/pool.h"

#define H64       0x2000u
#define MARK_AT   0x7f00u
#define BLOCKS_AT 0x3000u
#define DATA_AT   0x4000u
#define VA        0xffffa80000001000u
#define IMAGE     0xfffff80000000000u

struct found {
	struct psc_block items[32];
	size_t n;
};

static void on_block(void *ctx, const struct psc_block *b)
{
	struct found *f = ctx;
	ck_assert_uint_lt(f->n, 32);
	f->items[f->n++] = *b;
}

static void put_header(struct file *f, size_t off, unsigned prev, unsigned size, unsigned type, const char *tag)
{
	f->bytes[off] = (uint8_t)prev;
	f->bytes[off + 1] = 0x91; /* stale pool index */
	f->bytes[off + 2] = (uint8_t)size;
	f->bytes[off + 3] = (uint8_t)type;
	put_bytes(f, off + 4, tag, 4);
}

static struct file triage(uint32_t build)
{
	struct file f = new_dump(true, 4, 0x8000);
	put32(&f, 0xc, build);
	put32(&f, H64 + 4, MARK_AT + 4);
	put32(&f, H64 + 8, MARK_AT);
	put_bytes(&f, MARK_AT, "TRGD", 4);
	put32(&f, H64 + 0x44, 0xffffffff);
	put32(&f, H64 + 0x78, BLOCKS_AT);
	put32(&f, H64 + 0x7c, 2);
	/* Ranges: a page and a bit of pool from an odd place on; part of a module. */
	put64(&f, BLOCKS_AT, VA + 8);
	put32(&f, BLOCKS_AT + 8, DATA_AT + 8);
	put32(&f, BLOCKS_AT + 12, 0x1800);
	put64(&f, BLOCKS_AT + 16, IMAGE + 0x1000);
	put32(&f, BLOCKS_AT + 24, DATA_AT + 0x2000);
	put32(&f, BLOCKS_AT + 28, 0x1000);
	return f;
}

static struct psc_scan_result scan(const struct file *f, uint32_t build, struct found *found)
{
	struct opened o = open_good(f);
	struct psc_kernel k;
	struct psc_module module = {.base = IMAGE, .size_bytes = 0x10000};
	struct psc_scan_result r;
	struct psc_error e;
	memset(&k, 0, sizeof(k));
	memset(found, 0, sizeof(*found));
	k.img = o.img;
	k.id.machine = PSC_MACHINE_X64;
	k.id.build = build;
	k.modules = &module;
	k.n_modules = k.n_loaded = 1;
	ck_assert_int_eq(psc_space_init(&k.space, o.img, PSC_MMU_NONE, 0, NULL, &e), PSC_OK);
	psc_reader_init(&k.reader, &k.space);
	ck_assert_int_eq(psc_scan_saved(&k, on_block, found, &r, &e), PSC_OK);
	ck_assert_uint_eq(r.n_headers, found->n);
	close_opened(&o);
	return r;
}

START_TEST(heap_headers)
{
	struct file f = triage(19041);
	struct found found;
	put_header(&f, DATA_AT + 0x40, 0, 4, 2, "Thre");
	put_header(&f, DATA_AT + 0x80, 0, 8, 0xb, "Toke");
	put_header(&f, DATA_AT + 0x200, 3, 4, 2, "Prev");    /* PreviousSize is not 0 */
	put_header(&f, DATA_AT + 0x300, 0, 4, 0, "Free");    /* not in use */
	put_header(&f, DATA_AT + 0x400, 0, 4, 0x12, "Bits"); /* no such type */
	put_header(&f, DATA_AT + 0x500, 0, 4, 2, "a\1b\2");  /* no text */
	put_header(&f, DATA_AT + 0x600, 0, 0, 2, "Zero");
	put_header(&f, DATA_AT + 0xf00, 0, 0x20, 2, "Over");  /* across the page */
	put_header(&f, DATA_AT + 0x748, 0, 4, 2, "Odd ");     /* not aligned */
	put_bytes(&f, DATA_AT + 0x800, "\0wwww.ex", 8);       /* a string */
	put_header(&f, DATA_AT + 0x1000, 0, 0x10, 3, "NtFs"); /* the next page */
	put_header(&f, DATA_AT + 0x2100, 0, 4, 2, "Modu");    /* inside a module */
	struct psc_scan_result r = scan(&f, 19041, &found);
	ck_assert_uint_eq(found.n, 3);
	ck_assert_uint_eq(found.items[0].va, VA + 0x40);
	ck_assert_uint_eq(found.items[0].size_bytes, 0x40);
	ck_assert_int_eq(found.items[0].pool, PSC_POOL_NONPAGED);
	ck_assert_int_eq(found.items[0].state, PSC_BLOCK_ALLOCATED);
	ck_assert_uint_eq(found.items[1].va, VA + 0x80);
	ck_assert_int_eq(found.items[1].pool, PSC_POOL_PAGED);
	ck_assert_uint_eq(found.items[2].va, VA + 0x1000);
	ck_assert_uint_eq(r.saved_bytes, 0x2800);
	ck_assert_uint_eq(r.scanned_bytes, 0x1800);
	free(f.bytes);
}
END_TEST

/* Chained headers: what follows must point back, as far as it was saved. */
START_TEST(classic_headers)
{
	struct file f = triage(7601);
	struct found found;
	put_header(&f, DATA_AT + 0x40, 4, 4, 2, "Good");
	put_header(&f, DATA_AT + 0x80, 4, 4, 2, "Next");
	put_header(&f, DATA_AT + 0xc0, 4, 4, 0, "Free");
	put_header(&f, DATA_AT + 0x200, 4, 4, 2, "Bad ");
	put_header(&f, DATA_AT + 0x240, 5, 4, 0, "Back");
	put_header(&f, DATA_AT + 0x300, 0x60, 4, 2, "Befo");  /* before the page */
	put_header(&f, DATA_AT + 0x17e0, 4, 0x20, 2, "Last"); /* the next one is not saved */
	(void)scan(&f, 7601, &found);
	ck_assert_uint_eq(found.n, 3);
	ck_assert_uint_eq(found.items[0].va, VA + 0x40);
	ck_assert_uint_eq(found.items[1].va, VA + 0x80);
	ck_assert_uint_eq(found.items[2].va, VA + 0x17e0);
	free(f.bytes);
}
END_TEST

UNIT_MAIN("pool_scan", heap_headers, classic_headers)
