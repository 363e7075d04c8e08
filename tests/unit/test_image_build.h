/* SPDX-License-Identifier: MIT */
/* Dump files written byte by byte for the test_image_*.c programs. */
#ifndef TEST_IMAGE_BUILD_H
#define TEST_IMAGE_BUILD_H

#include "unit.h"

#include "image/image.h"
#include <stdlib.h>
#include <string.h>

#define FILL32 0x45474150u

struct file {
	uint8_t *bytes;
	size_t size;
};

struct opened {
	struct psc_source *src;
	struct psc_image *img;
	struct psc_error error;
	enum psc_status status;
};

static inline void put32(struct file *f, size_t off, uint32_t v)
{
	ck_assert_uint_le(off + 4, f->size);
	for (unsigned i = 0; i < 4; i++)
		f->bytes[off + i] = (uint8_t)(v >> 8 * i);
}

static inline void put64(struct file *f, size_t off, uint64_t v)
{
	put32(f, off, (uint32_t)v);
	put32(f, off + 4, (uint32_t)(v >> 32));
}

static inline void put16(struct file *f, size_t off, uint16_t v)
{
	ck_assert_uint_le(off + 2, f->size);
	f->bytes[off] = (uint8_t)v;
	f->bytes[off + 1] = (uint8_t)(v >> 8);
}

static inline void put_bytes(struct file *f, size_t off, const void *p, size_t n)
{
	ck_assert_uint_le(off + n, f->size);
	memcpy(f->bytes + off, p, n);
}

static inline void put_utf16(struct file *f, size_t off, const char *text)
{
	for (; *text; text++, off += 2)
		put16(f, off, (uint8_t)*text);
}

static inline struct file new_file(size_t size)
{
	struct file f = {calloc(size ? size : 1, 1), size};
	ck_assert_ptr_nonnull(f.bytes);
	return f;
}

/* A header of nothing but the fill pattern and the two signatures, then zeros up to size. */
static inline struct file new_dump(bool is_64bit, uint32_t dump_type, size_t size)
{
	struct file f = new_file(size);
	size_t header = is_64bit ? 0x2000 : 0x1000;
	for (size_t i = 0; i < header; i += 4)
		put32(&f, i, FILL32);
	put_bytes(&f, 4, is_64bit ? "DU64" : "DUMP", 4);
	put32(&f, is_64bit ? 0xf98 : 0xf88, dump_type);
	put32(&f, is_64bit ? 0x30 : 0x20, is_64bit ? 0x8664 : 0x14c);
	return f;
}

/* Marks the page at off so that it can be told from all others. */
static inline void put_page(struct file *f, size_t off, uint64_t pfn)
{
	put64(f, off, pfn * 0x0101010101010101u + 1);
	put64(f, off + 4088, ~pfn);
}

static inline struct opened open_bytes(const void *bytes, size_t size)
{
	struct opened o;
	memset(&o, 0, sizeof(o));
	struct psc_source_options opts;
	memset(&opts, 0, sizeof(opts));
	ck_assert_int_eq(psc_source_open_mem(bytes, size, &opts, &o.src, &o.error), PSC_OK);
	o.status = psc_image_open(o.src, &o.img, &o.error);
	ck_assert((o.status == PSC_OK) == (o.img != NULL));
	if (o.status != PSC_OK) {
		ck_assert_int_eq(o.error.status, o.status);
		ck_assert_ptr_null(strchr(o.error.text, '\n'));
		ck_assert_uint_gt(strlen(o.error.text), 8);
	}
	return o;
}

static inline void close_opened(struct opened *o)
{
	psc_image_close(o->img);
	psc_source_close(o->src);
}

static inline struct opened open_good(const struct file *f)
{
	struct opened o = open_bytes(f->bytes, f->size);
	ck_assert_msg(o.status == PSC_OK, "%s", o.error.text);
	return o;
}

/* Open, expect this failure with a text that holds part, close. */
static inline void expect_failure(const void *bytes, size_t size, enum psc_status status, const char *part)
{
	struct opened o = open_bytes(bytes, size);
	ck_assert_msg(o.status == status, "status %d (%s), wanted %d", o.status, o.error.text, status);
	ck_assert_msg(strstr(o.error.text, part) != NULL, "\"%s\" lacks \"%s\"", o.error.text, part);
	close_opened(&o);
}

static inline bool has_warning(const struct psc_image *img, const char *part)
{
	const struct psc_warnings *w = psc_image_warnings(img);
	for (size_t i = 0; i < w->n; i++)
		if (strstr(w->items[i], part))
			return true;
	return false;
}

static inline void expect_page(const struct psc_image *img, uint64_t pfn, uint64_t off)
{
	uint64_t got = 0;
	ck_assert_int_eq(psc_image_locate(img, pfn, &got), PSC_PAGE_PRESENT);
	ck_assert_uint_eq(got, off);
	uint8_t scratch[PSC_PAGE_BYTES];
	enum psc_page_presence p;
	const uint8_t *page = psc_image_page(img, pfn, scratch, &p);
	ck_assert_ptr_nonnull(page);
	ck_assert_int_eq(p, PSC_PAGE_PRESENT);
	uint64_t mark = pfn * 0x0101010101010101u + 1;
	for (unsigned i = 0; i < 8; i++)
		ck_assert_uint_eq(page[i], (uint8_t)(mark >> 8 * i));
}

static inline void expect_no_page(const struct psc_image *img, uint64_t pfn, enum psc_page_presence want)
{
	uint64_t off = 0;
	uint8_t scratch[PSC_PAGE_BYTES];
	enum psc_page_presence p;
	ck_assert_int_eq(psc_image_locate(img, pfn, &off), want);
	ck_assert_ptr_null(psc_image_page(img, pfn, scratch, &p));
	ck_assert_int_eq(p, want);
	ck_assert_uint_eq(psc_image_contiguous(img, pfn, 4, &off), 0);
	ck_assert_uint_eq(psc_image_read_pa(img, pfn << 12, scratch, 8), 0);
}

#endif
