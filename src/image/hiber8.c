/* SPDX-License-Identifier: MIT */
/* Hibernation files of Windows 8 and later: two sequences of page sets (reference: dumps 22.2). */
#include "image/hiber.h"
#include "util/bytes.h"
#include "util/checked.h"
#include "util/error.h"

#include <inttypes.h>

/* By LengthSelf; x64 [V], the last and x86 [1]. */
struct layout {
	uint32_t length;
	uint8_t word_bytes;
	uint16_t n_loader, first_boot, first_kernel, n_kernel, highest;
};
static const struct layout layouts[] = {
	{0x360, 8, 0x58, 0x60, 0x68, 0x1c8, 0x330}, {0x3b0, 8, 0x58, 0x68, 0x70, 0x218, 0x380},
	{0x3c8, 8, 0x58, 0x68, 0x70, 0x220, 0x388}, {0x3d8, 8, 0x58, 0x68, 0x70, 0x230, 0x398},
	{0x3e0, 8, 0x58, 0x68, 0x70, 0x230, 0x398}, {0x448, 8, 0x58, 0x68, 0x70, 0x230, 0x400},
	{0x4d8, 8, 0x58, 0x68, 0x70, 0x238, 0x498}, {0x2c8, 4, 0x48, 0x50, 0x54, 0x1b0, 0x2b0},
	{0x310, 4, 0x48, 0x50, 0x54, 0x1f8, 0x2f8}, {0x328, 4, 0x48, 0x50, 0x54, 0x200, 0x300},
	{0x338, 4, 0x48, 0x50, 0x54, 0x210, 0x310}, {0x340, 4, 0x48, 0x50, 0x54, 0x210, 0x310},
};

#define LENGTH_SELF 0xcu

struct range {
	uint64_t pfn;
	unsigned n_pages;
};

/* The ranges of a set; false when they make no sense. */
static bool read_ranges(const struct psc_image *img, const struct layout *l, uint64_t off, unsigned n, uint64_t highest,
			struct range *ret, unsigned *ret_pages)
{
	uint8_t b[8];
	*ret_pages = 0;
	for (unsigned i = 0; i < n; i++) {
		if (psc_source_read(img->src, off + (uint64_t)i * l->word_bytes, b, l->word_bytes, NULL) != PSC_OK)
			return false;
		uint64_t v = l->word_bytes == 8 ? psc_le64(b) : psc_le32(b);
		ret[i].pfn = v >> 4;
		ret[i].n_pages = (v & 0xf) + 1;
		*ret_pages += ret[i].n_pages;
		if (*ret_pages > PSC_HIBER_BLOCK_PAGES || ret[i].pfn > highest ||
		    ret[i].n_pages - 1 > highest - ret[i].pfn)
			return false;
	}
	return n != 0;
}

/* Sets from page first of the file on, n_pages in all. *ret_read: how many came. */
static enum psc_status read_sets(const struct psc_image *img, const struct layout *l, uint64_t first, uint64_t n_pages,
				 uint64_t highest, struct psc_hiber_index *ix, uint64_t *ret_read,
				 struct psc_error *reterr)
{
	static const uint8_t methods[4] = {PSC_HIBER_LZ77, PSC_HIBER_LZ77_OR_HUFFMAN, PSC_HIBER_HUFFMAN,
					   PSC_HIBER_HUFFMAN};
	uint64_t off = 0;
	*ret_read = 0;
	if (first == 0 || !psc_mul_u64(first, PSC_PAGE_BYTES, &off))
		return PSC_OK;
	while (*ret_read < n_pages) {
		struct range ranges[PSC_HIBER_BLOCK_PAGES];
		unsigned pages;
		uint8_t b[4];
		if (psc_hiber_is_cancelled(img, ix))
			return psc_image_fail_cancelled(reterr);
		if (psc_source_read(img->src, off, b, sizeof(b), NULL) != PSC_OK)
			break;
		uint32_t head = psc_le32(b), packed = head >> 8 & 0x3fffff;
		unsigned n = head & 0xff;
		uint64_t data = off + 4 + (uint64_t)n * l->word_bytes;
		if (n > PSC_HIBER_BLOCK_PAGES || !read_ranges(img, l, off + 4, n, highest, ranges, &pages) ||
		    packed == 0 || packed > pages * PSC_PAGE_BYTES || !psc_range_ok(data, packed, img->size))
			break;
		struct psc_hiber_block block = {data, packed, (uint8_t)pages, methods[head >> 30]};
		enum psc_status st = psc_hiber_add_block(ix, &block, reterr);
		unsigned at = 0;
		for (unsigned i = 0; i < n && st == PSC_OK; at += ranges[i++].n_pages)
			st = psc_hiber_add_run(ix, ranges[i].pfn, at, ranges[i].n_pages, reterr);
		if (st != PSC_OK)
			return st;
		*ret_read += pages;
		off = data + packed;
	}
	return PSC_OK;
}

static uint64_t field(const struct layout *l, const uint8_t *h, unsigned off)
{
	return l->word_bytes == 8 ? psc_le64(h + off) : psc_le32(h + off);
}

enum psc_status psc_hiber8_read(struct psc_image *img, struct psc_hiber_index *ix, struct psc_error *reterr)
{
	uint8_t h[0x500] = {0};
	const struct layout *l = NULL;
	uint64_t n_boot, n_kernel;
	enum psc_status st = psc_source_read(img->src, 0, h, (size_t)psc_min_u64(sizeof(h), img->size), reterr);
	if (st != PSC_OK)
		return st;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (layouts[i].length == psc_le32(h + LENGTH_SELF))
			l = &layouts[i];
	if (!l)
		return psc_fail(reterr, PSC_E_FORMAT, PSC_WHERE_FILE_OFFSET, LENGTH_SELF,
				"a header of 0x%" PRIx32 " bytes is not a known one", psc_le32(h + LENGTH_SELF));
	uint64_t highest = field(l, h, l->highest);
	if (highest == 0 || highest >= PSC_PFN_END)
		highest = PSC_PFN_END - 1;
	uint64_t want_kernel = field(l, h, l->n_kernel), want_boot = field(l, h, l->n_loader);
	/* A page that is in both is as the kernel part has it. */
	st = read_sets(img, l, field(l, h, l->first_kernel), want_kernel, highest, ix, &n_kernel, reterr);
	if (st == PSC_OK)
		st = read_sets(img, l, field(l, h, l->first_boot), want_boot, highest, ix, &n_boot, reterr);
	if (st == PSC_OK && n_kernel + n_boot != want_kernel + want_boot)
		psc_warn(&img->warnings, "the hibernation file holds %" PRIu64 " of the %" PRIu64 " pages it promises",
			 n_kernel + n_boot, want_kernel + want_boot);
	return st;
}
