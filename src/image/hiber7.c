/* SPDX-License-Identifier: MIT */
/* Hibernation files of Windows XP to 7: tables of page ranges, each followed by compressed blocks (reference: dumps
 * 22.1 [2]). Which system wrote the file is found by what leads to a first block. */
#include "image/hiber.h"
#include "util/bytes.h"
#include "util/checked.h"
#include "util/error.h"

#include <inttypes.h>
#include <string.h>

#define BLOCK_HEADER_BYTES 0x20u
#define MAX_TABLES         (1u << 20)
#define SEEK_BYTES         (2 * PSC_PAGE_BYTES) /* a block begins soon behind the one before */

struct layout {
	const char *system;
	uint16_t first_table; /* in the file header */
	uint8_t word_bytes;
	uint8_t link_bytes, next, count; /* the head of a table */
	uint8_t entry_bytes, start, end; /* end: exclusive */
	uint16_t max_entries;
};
static const struct layout layouts[] = {
	{"7 x64", 0x60, 8, 0x10, 0, 8, 0x10, 0, 8, 0xff},
	{"7 x86", 0x4c, 4, 8, 0, 4, 8, 0, 4, 0x1ff},
	{"Vista SP2 x64", 0x68, 8, 0x18, 8, 0x10, 0x10, 0, 8, 0xfe},
	{"Vista SP2 x86", 0x50, 4, 0xc, 4, 8, 8, 0, 4, 0x1fe},
	{"2003 or Vista x64", 0x68, 8, 0x20, 8, 0x14, 0x20, 8, 0x10, 0x7f},
	{"Vista x86", 0x50, 4, 0x10, 4, 0xc, 0x10, 4, 8, 0xff},
	{"XP or 2003 x86", 0x58, 4, 0x10, 4, 0xc, 0x10, 4, 8, 0xff},
};

static uint64_t word(const struct layout *l, const uint8_t *p)
{
	return l->word_bytes == 8 ? psc_le64(p) : psc_le32(p);
}

static bool is_block(const uint8_t *p)
{
	return memcmp(p, "\x81\x81xpress", 8) == 0;
}

/* The next block from off on, at a multiple of 8 bytes. */
static bool find_block(const struct psc_image *img, uint64_t *off, uint64_t limit)
{
	uint8_t b[BLOCK_HEADER_BYTES];
	for (uint64_t at = (*off + 7) & ~(uint64_t)7; at - *off <= limit; at += 8) {
		if (psc_source_read(img->src, at, b, sizeof(b), NULL) != PSC_OK)
			return false;
		if (is_block(b)) {
			*off = at;
			return true;
		}
	}
	return false;
}

struct table {
	uint8_t bytes[PSC_PAGE_BYTES];
	uint64_t next, pages;
	unsigned n;
};

static bool read_table(const struct psc_image *img, const struct layout *l, uint64_t page, struct table *ret)
{
	uint64_t off;
	if (page == 0 || !psc_mul_u64(page, PSC_PAGE_BYTES, &off) ||
	    psc_source_read(img->src, off, ret->bytes, sizeof(ret->bytes), NULL) != PSC_OK)
		return false;
	ret->next = word(l, ret->bytes + l->next);
	uint32_t n = psc_le32(ret->bytes + l->count);
	ret->pages = 0;
	if (n == 0 || n > l->max_entries)
		return false;
	ret->n = n;
	for (unsigned i = 0; i < ret->n; i++) {
		const uint8_t *e = ret->bytes + l->link_bytes + (size_t)i * l->entry_bytes;
		uint64_t start = word(l, e + l->start), end = word(l, e + l->end);
		if (start >= end || end > PSC_PFN_END || !psc_add_u64(ret->pages, end - start, &ret->pages))
			return false;
	}
	return true;
}

static const struct layout *find_layout(const struct psc_image *img, const uint8_t *header, uint64_t *ret_first)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		struct table t;
		*ret_first = word(&layouts[i], header + layouts[i].first_table);
		if (!read_table(img, &layouts[i], *ret_first, &t))
			continue;
		uint64_t off = (*ret_first + 1) * PSC_PAGE_BYTES;
		if (find_block(img, &off, SEEK_BYTES))
			return &layouts[i];
	}
	return NULL;
}

/* Where in the table's ranges the pages of blocks go. */
struct position {
	unsigned entry;
	uint64_t in_entry;
};

static enum psc_status place_pages(const struct layout *l, const struct table *t, struct position *p, unsigned n_pages,
				   struct psc_hiber_index *ix, struct psc_error *reterr)
{
	for (unsigned at = 0; at < n_pages && p->entry < t->n;) {
		const uint8_t *e = t->bytes + l->link_bytes + (size_t)p->entry * l->entry_bytes;
		uint64_t start = word(l, e + l->start), left = word(l, e + l->end) - start - p->in_entry;
		unsigned n = (unsigned)psc_min_u64(left, n_pages - at);
		enum psc_status st = psc_hiber_add_run(ix, start + p->in_entry, at, n, reterr);
		if (st != PSC_OK)
			return st;
		at += n;
		p->in_entry += n;
		if (n == left) {
			p->entry++;
			p->in_entry = 0;
		}
	}
	return PSC_OK;
}

/* The blocks behind a table until all its pages came; *ret_read counts pages. */
static enum psc_status read_blocks(const struct psc_image *img, const struct layout *l, const struct table *t,
				   uint64_t off, struct psc_hiber_index *ix, uint64_t *ret_read,
				   struct psc_error *reterr)
{
	struct position p = {0, 0};
	while (*ret_read < t->pages && find_block(img, &off, SEEK_BYTES)) {
		uint8_t b[BLOCK_HEADER_BYTES];
		if (psc_hiber_is_cancelled(img, ix))
			return psc_image_fail_cancelled(reterr);
		enum psc_status st = psc_source_read(img->src, off, b, sizeof(b), reterr);
		if (st != PSC_OK)
			return st;
		uint32_t v = psc_le32(b + 8), packed = ((v >> 10) + 8) & ~7u;
		unsigned n = (v & 0x3ff) + 1;
		off += BLOCK_HEADER_BYTES;
		if (n > PSC_HIBER_BLOCK_PAGES || packed > n * PSC_PAGE_BYTES || !psc_range_ok(off, packed, img->size))
			break;
		struct psc_hiber_block block = {off, packed, (uint8_t)n, PSC_HIBER_LZ77};
		st = psc_hiber_add_block(ix, &block, reterr);
		if (st == PSC_OK)
			st = place_pages(l, t, &p, n, ix, reterr);
		if (st != PSC_OK)
			return st;
		*ret_read += n;
		off += packed;
	}
	return PSC_OK;
}

enum psc_status psc_hiber7_read(struct psc_image *img, struct psc_hiber_index *ix, struct psc_error *reterr)
{
	uint8_t header[0x100];
	uint64_t page = 0, promised = 0, read = 0;
	enum psc_status st = psc_source_read(img->src, 0, header, sizeof(header), reterr);
	const struct layout *l = st == PSC_OK ? find_layout(img, header, &page) : NULL;
	if (st != PSC_OK)
		return st;
	if (!l)
		return psc_fail(
			reterr, PSC_E_FORMAT, PSC_WHERE_FILE_OFFSET, 0,
			"a header of 0x%" PRIx32
			" bytes is not one of x86 or x64 that is known (ARM64 may have others), "
			"and no table of memory follows it; if the system was resumed, the contents are wiped: take a "
			"kernel dump instead",
			psc_le32(header + 0xc));
	for (unsigned n = 0; page != 0 && n < MAX_TABLES; n++) {
		struct table t;
		uint64_t n_read = 0;
		if (!read_table(img, l, page, &t))
			break;
		st = read_blocks(img, l, &t, (page + 1) * PSC_PAGE_BYTES, ix, &n_read, reterr);
		if (st != PSC_OK)
			return st;
		promised += t.pages;
		read += n_read;
		if (t.next <= page) /* tables follow each other in the file */
			break;
		page = t.next;
	}
	if (read < promised)
		psc_warn(&img->warnings, "the hibernation file holds %" PRIu64 " of the %" PRIu64 " pages it promises",
			 read, promised);
	return PSC_OK;
}
