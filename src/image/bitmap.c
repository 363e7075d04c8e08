/* SPDX-License-Identifier: MIT */
/* The page bitmap of summary and bitmap dumps, with a rank index: page number to place in the file in O(1). */
#include "image/internal.h"
#include "util/bytes.h"
#include "util/checked.h"
#include "util/error.h"

#include <stdlib.h>
#include <string.h>

/* Second header at the end of the first. reference: dumps 7 [2] */
enum {
	SDMP_HEADER_SIZE = 0xc,
	SDMP_BITMAP_BITS = 0x10,
	SDMP_PAGES = 0x14,
	SDMP_RTL_BITS = 0x18,
	SDMP_BITMAP32 = 0x20,
	SDMP_BITMAP64 = 0x28,
	SDMP_BYTES = 0x28,
};
/* The same from Windows 8 on. reference: dumps 8 [2] */
enum {
	BMP_FIRST_PAGE = 0x20,
	BMP_TOTAL_PRESENT = 0x28,
	BMP_PAGES = 0x30,
	BMP_BITMAP = 0x38,
	BMP_BYTES = 0x38,
};

/* 64 TiB of memory: a bitmap of 2 GiB, whose rank index takes 128 MiB. */
#define MAX_BITS (UINT64_C(1) << 34)
/* No writer leaves more between bitmap and first page. Tells the two forms of the header apart. */
#define MAX_GAP          (UINT64_C(1) << 30)
#define RANK_BITS        1024u
#define RANK_WORDS       (RANK_BITS / 64)
#define BITS_TO_BYTES(n) ((n) / 8 + ((n) % 8 != 0))
#define READ_CHUNK       ((size_t)1 << 20)

struct form {
	uint64_t bitmap_off, first_page;
	uint64_t n_bits, claimed;
	bool swapped; /* n_bits and claimed stand in each other's field: believed only if the bitmap agrees */
};

static uint64_t word_at(const struct psc_bitmap *b, uint64_t w)
{
	return w < b->n_full ? psc_le64(b->bits + 8 * w) : b->tail;
}

static bool fits(const struct form *f, uint64_t n_bits)
{
	uint64_t bytes = BITS_TO_BYTES(n_bits);
	return n_bits != 0 && f->first_page >= f->bitmap_off && bytes <= f->first_page - f->bitmap_off &&
	       f->first_page - f->bitmap_off - bytes <= MAX_GAP;
}

static enum psc_status bad_form(const struct psc_image *img, struct psc_error *reterr)
{
	return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_FILE_OFFSET, img->header_bytes,
			"the bitmap header contradicts itself (bitmap size against first page)");
}

static enum psc_status parse_old(const struct psc_image *img, struct form *ret, struct psc_error *reterr)
{
	uint8_t h[SDMP_BYTES];
	enum psc_status st = psc_source_read(img->src, img->header_bytes, h, sizeof(h), reterr);
	if (st != PSC_OK)
		return psc_fail_prefix(reterr, st, "summary dump header");
	ret->bitmap_off = img->header_bytes + (img->header.is_64bit ? SDMP_BITMAP64 : SDMP_BITMAP32);
	ret->first_page = psc_le32(h + SDMP_HEADER_SIZE);
	ret->claimed = psc_le32(h + SDMP_PAGES);
	ret->swapped = false;
	ret->n_bits = psc_le32(h + SDMP_BITMAP_BITS);
	if (!fits(ret, ret->n_bits))
		ret->n_bits = psc_le32(h + SDMP_RTL_BITS);
	return fits(ret, ret->n_bits) ? PSC_OK : bad_form(img, reterr);
}

/* One writer swaps the two counts: the number of bits is never the smaller one. */
static enum psc_status parse_new(const struct psc_image *img, struct form *ret, struct psc_error *reterr)
{
	uint8_t h[BMP_BYTES];
	enum psc_status st = psc_source_read(img->src, img->header_bytes, h, sizeof(h), reterr);
	if (st != PSC_OK)
		return psc_fail_prefix(reterr, st, "bitmap dump header");
	uint64_t present = psc_le64(h + BMP_TOTAL_PRESENT), pages = psc_le64(h + BMP_PAGES);
	ret->bitmap_off = img->header_bytes + BMP_BITMAP;
	ret->first_page = psc_le64(h + BMP_FIRST_PAGE);
	ret->swapped = present > pages && fits(ret, present);
	ret->n_bits = ret->swapped ? present : pages;
	ret->claimed = ret->swapped ? pages : present;
	return fits(ret, ret->n_bits) ? PSC_OK : bad_form(img, reterr);
}

static enum psc_status load_bits(struct psc_image *img, const struct form *f, struct psc_error *reterr)
{
	struct psc_bitmap *b = &img->bitmap;
	uint64_t n = BITS_TO_BYTES(f->n_bits);
	b->bits = psc_source_view(img->src, f->bitmap_off, n);
	if (b->bits)
		return PSC_OK;
	if (n > SIZE_MAX)
		return psc_fail_no_memory(reterr);
	b->owned = malloc((size_t)n);
	if (!b->owned)
		return psc_fail_no_memory(reterr);
	for (size_t pos = 0; pos < n;) {
		size_t part = n - pos < READ_CHUNK ? (size_t)n - pos : READ_CHUNK;
		enum psc_status st = psc_source_read(img->src, f->bitmap_off + pos, b->owned + pos, part, reterr);
		if (st != PSC_OK)
			return psc_fail_prefix(reterr, st, "page bitmap");
		pos += part;
	}
	b->bits = b->owned;
	return PSC_OK;
}

enum psc_status psc_bitmap_seal(struct psc_bitmap *b, uint64_t *ret_set, struct psc_error *reterr)
{
	b->n_full = b->n_bits / 64;
	b->tail = 0;
	for (uint64_t i = b->n_full * 8; i < BITS_TO_BYTES(b->n_bits); i++)
		b->tail |= (uint64_t)b->bits[i] << 8 * (i % 8);
	if (b->n_bits % 64 != 0)
		b->tail &= (UINT64_C(1) << b->n_bits % 64) - 1;

	uint64_t n_ranks = b->n_bits / RANK_BITS + 1;
	if (n_ranks > SIZE_MAX / sizeof(*b->rank))
		return psc_fail_no_memory(reterr);
	b->rank = malloc((size_t)n_ranks * sizeof(*b->rank));
	if (!b->rank)
		return psc_fail_no_memory(reterr);
	uint64_t sum = 0, n_words = b->n_full + (b->n_bits % 64 != 0);
	for (uint64_t w = 0; w < n_words; w++) {
		if (w % RANK_WORDS == 0)
			b->rank[w / RANK_WORDS] = sum;
		sum += psc_popcount64(word_at(b, w));
	}
	*ret_set = sum;
	return PSC_OK;
}

static enum psc_status attach(struct psc_image *img, const struct form *f, uint64_t *ret_set, struct psc_error *reterr)
{
	if (f->n_bits > MAX_BITS)
		return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_FILE_OFFSET, img->header_bytes,
				"a bitmap of %llu pages: more than 64 TiB of memory are not read",
				(unsigned long long)f->n_bits);
	if (!psc_range_ok(f->bitmap_off, BITS_TO_BYTES(f->n_bits), img->size))
		return psc_fail(
			reterr, PSC_E_TRUNCATED, PSC_WHERE_FILE_OFFSET, img->size,
			"the file ends inside the page bitmap (at 0x%llx; the bitmap is 0x%llx bytes at 0x%llx)",
			(unsigned long long)img->size, (unsigned long long)BITS_TO_BYTES(f->n_bits),
			(unsigned long long)f->bitmap_off);
	psc_bitmap_deinit(&img->bitmap);
	img->bitmap.n_bits = f->n_bits;
	img->bitmap.first_page = f->first_page;
	enum psc_status st = load_bits(img, f, reterr);
	return st == PSC_OK ? psc_bitmap_seal(&img->bitmap, ret_set, reterr) : st;
}

enum psc_status psc_bitmap_open(struct psc_image *img, bool prefer_old_form, struct psc_error *reterr)
{
	struct form f;
	enum psc_status st = prefer_old_form ? parse_old(img, &f, reterr) : parse_new(img, &f, reterr);
	if (st == PSC_E_CORRUPT) {
		enum psc_status other = prefer_old_form ? parse_new(img, &f, NULL) : parse_old(img, &f, NULL);
		if (other == PSC_OK) {
			st = PSC_OK;
			psc_warn(&img->warnings, "DumpType %u, but the bitmap header has the form of %s",
				 (unsigned)img->header.dump_type_value,
				 prefer_old_form ? "Windows 8 and later" : "Windows 7 and earlier");
			prefer_old_form = !prefer_old_form;
		}
	}
	if (st != PSC_OK)
		return st;
	if (prefer_old_form)
		img->type = PSC_DUMP_SUMMARY;
	uint64_t n_set = 0;
	st = attach(img, &f, &n_set, reterr);
	if (st == PSC_OK && f.swapped && n_set != f.claimed && fits(&f, f.claimed)) {
		uint64_t n_bits = f.claimed;
		f.claimed = f.n_bits;
		f.n_bits = n_bits;
		st = attach(img, &f, &n_set, reterr);
	}
	if (st != PSC_OK)
		return st;
	struct psc_bitmap *b = &img->bitmap;
	if (n_set != f.claimed)
		psc_warn(&img->warnings, "the bitmap header counts %llu pages, the bitmap has %llu",
			 (unsigned long long)f.claimed, (unsigned long long)n_set);
	img->layout = PSC_LAYOUT_BITMAP;
	img->kind = PSC_IMAGE_PHYSICAL;
	img->pages_described = n_set;
	uint64_t data_bytes = img->size > f.first_page ? img->size - f.first_page : 0;
	img->pages_present = psc_min_u64(n_set, data_bytes / PSC_PAGE_BYTES);
	img->highest_pfn = n_set != 0 ? b->n_bits - 1 : 0;
	if (!psc_add_u64(f.first_page, n_set * PSC_PAGE_BYTES, &img->expected_size))
		return bad_form(img, reterr);
	return PSC_OK;
}

void psc_bitmap_deinit(struct psc_bitmap *b)
{
	free(b->owned);
	free(b->rank);
	memset(b, 0, sizeof(*b));
}

uint64_t psc_bitmap_rank(const struct psc_bitmap *b, uint64_t pfn)
{
	uint64_t w = pfn / 64, below = (UINT64_C(1) << pfn % 64) - 1;
	uint64_t index = b->rank[w / RANK_WORDS] + psc_popcount64(word_at(b, w) & below);
	for (uint64_t i = w & ~(uint64_t)(RANK_WORDS - 1); i < w; i++)
		index += psc_popcount64(psc_le64(b->bits + 8 * i));
	return index;
}

enum psc_page_presence psc_bitmap_locate(const struct psc_bitmap *b, uint64_t pfn, uint64_t *ret_index)
{
	if (pfn >= b->n_bits)
		return PSC_PAGE_HOLE;
	if (!(word_at(b, pfn / 64) >> pfn % 64 & 1))
		return PSC_PAGE_ABSENT;
	*ret_index = psc_bitmap_rank(b, pfn);
	return PSC_PAGE_PRESENT;
}

uint64_t psc_bitmap_run(const struct psc_bitmap *b, uint64_t pfn, uint64_t max)
{
	if (pfn >= b->n_bits)
		return 0;
	max = psc_min_u64(max, b->n_bits - pfn);
	uint64_t n = 0;
	while (n < max) {
		uint64_t at = pfn + n;
		uint64_t clear = ~(word_at(b, at / 64) >> at % 64); /* the bits shifted in read as clear */
		uint64_t left = 64 - at % 64;
		uint64_t ones = clear == 0 ? 64 : psc_popcount64((clear & (~clear + 1)) - 1);
		n += psc_min_u64(ones, left);
		if (ones < left)
			break;
	}
	return psc_min_u64(n, max);
}
