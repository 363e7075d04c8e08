/* SPDX-License-Identifier: MIT */
/* Between hiber.c and the readers of the two forms of hibernation files. */
#ifndef PSC_IMAGE_HIBER_H
#define PSC_IMAGE_HIBER_H

#include "image/internal.h"

#define PSC_HIBER_BLOCK_PAGES 16u
#define PSC_HIBER_BLOCK_BYTES (PSC_HIBER_BLOCK_PAGES * PSC_PAGE_BYTES)

enum psc_hiber_method { PSC_HIBER_LZ77, PSC_HIBER_LZ77_OR_HUFFMAN, PSC_HIBER_HUFFMAN };

/* Up to 16 pages that are compressed together. */
struct psc_hiber_block {
	uint64_t off; /* of the data in the file */
	uint32_t packed_bytes;
	uint8_t n_pages, method; /* enum psc_hiber_method; packed_bytes of all pages: stored */
};

/* Pages [pfn, pfn + n_pages) are in a block from its page first on. */
struct psc_hiber_run {
	uint64_t pfn;
	uint32_t block;
	uint8_t first, n_pages;
};

struct psc_hiber_index {
	struct {
		struct psc_hiber_block *items;
		size_t n, cap;
	} blocks;
	struct {
		struct psc_hiber_run *items;
		size_t n, cap;
	} runs;
};

/* Asked before each block; looks once for so many. */
static inline bool psc_hiber_is_cancelled(const struct psc_image *img, const struct psc_hiber_index *ix)
{
	return ix->blocks.n % 256 == 0 && psc_image_is_cancelled(img);
}

/* Both return a status of psc_fail: PSC_E_NO_MEMORY, PSC_E_LIMIT, PSC_E_CORRUPT. */
enum psc_status psc_hiber_add_block(struct psc_hiber_index *ix, const struct psc_hiber_block *b,
				    struct psc_error *reterr);
/* Of the last block. */
enum psc_status psc_hiber_add_run(struct psc_hiber_index *ix, uint64_t pfn, unsigned first, unsigned n_pages,
				  struct psc_error *reterr);

/* PSC_E_FORMAT: not of that form. What comes first wins where pages occur twice. */
enum psc_status psc_hiber8_read(struct psc_image *img, struct psc_hiber_index *ix, struct psc_error *reterr);
enum psc_status psc_hiber7_read(struct psc_image *img, struct psc_hiber_index *ix, struct psc_error *reterr);

#endif
