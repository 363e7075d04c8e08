/* SPDX-License-Identifier: MIT */
/* kdump-compressed files, as QEMU's dump-guest-memory and makedumpfile write them (reference: dumps 17). They count
 * memory in blocks of the producer's page size: 4 KiB on x86 and x64, 64 KiB where QEMU saves an ARM64 machine.
 * Headers, bitmaps and page descriptors are read and checked here, and pages that are stored or deflated; those that
 * are compressed in another way go to libkdumpfile, which takes more of a file on trust than may be. */
#include "image/kdump.h"
#include "image/block_cache.h"
#include "util/bytes.h"
#include "util/checked.h"
#include "util/error.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#define MAX_NOTE_BYTES   ((uint64_t)1 << 20)
#define MAX_BLOCKS       ((uint64_t)1 << 34)
#define MAX_SHIFT        4u
#define MAX_BLOCK_BYTES  (PSC_PAGE_BYTES << MAX_SHIFT)
#define DESCRIPTOR_BYTES 24u
#define FLAG_ZLIB        1u
#define READ_CHUNK       ((size_t)1 << 20)
#define LOOK_BLOCKS      ((uint64_t)1 << 24) /* for one that is not stored */

/* The producer's word size decides where the fields are. Parts of the file are named in the sub-header by a u64 offset
 * and a size of one word behind it. */
struct form {
	unsigned word_bytes;
	uint32_t block_size, sub_blocks, bitmap_blocks, max_mapnr;
	uint32_t split, start_pfn;              /* in the sub-header; the end follows the start */
	uint32_t vmcoreinfo, notes, erase_info; /* from version 3, 4, 5 on */
	uint32_t start_pfn_64, max_mapnr_64;    /* from version 6 on */
};
static const struct form forms[2] = {
	{8, 0x1ac, 0x1b0, 0x1b4, 0x1b8, 0xc, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60},
	{4, 0x1a0, 0x1a4, 0x1a8, 0x1ac, 0x8, 0xc, 0x14, 0x20, 0x2c, 0x38, 0x48},
};

struct headers {
	const struct form *form;
	uint32_t version;
	unsigned shift;                    /* log2 of the pages in a block */
	uint64_t bitmap_off, bitmap_bytes; /* of both bitmaps */
	uint64_t blocks, lo, hi;           /* hi: exclusive */
	uint8_t sub[0x70];
};

/* One file: the set blocks of [lo, hi) in order. */
struct part {
	const struct psc_source *src;
	uint64_t lo, hi;
	uint64_t first_index; /* set bits below lo */
	uint64_t descriptors; /* file offset */
};

struct kdump {
	struct psc_decoder base;
	unsigned shift;
	struct psc_block_cache cache; /* unless blocks are pages */
	struct psc_bitmap present;    /* a bit for each block */
	struct part parts[PSC_KDUMP_FILES_MAX];
	size_t n_parts;
	struct psc_kdump_lib *lib; /* NULL: not needed, or not there */
};

static enum psc_page_presence locate(const struct psc_decoder *d, uint64_t pfn, uint64_t max, uint64_t *ret_run)
{
	const struct kdump *k = (const struct kdump *)d;
	uint64_t index;
	uint64_t block = pfn >> k->shift, in_block = pfn - (block << k->shift);
	enum psc_page_presence p = psc_bitmap_locate(&k->present, block, &index);
	uint64_t run = p == PSC_PAGE_PRESENT ? psc_bitmap_run(&k->present, block, (max >> k->shift) + 2) : 1;
	*ret_run = (run << k->shift) - in_block;
	return p;
}

struct descriptor {
	const struct psc_source *src;
	uint64_t off;
	uint32_t size, flags;
};

static bool find_descriptor(const struct kdump *k, uint64_t block, struct descriptor *ret)
{
	uint8_t b[DESCRIPTOR_BYTES];
	const struct part *p = k->parts, *end = k->parts + k->n_parts;
	uint64_t index, at;
	while (p < end && (block < p->lo || block >= p->hi))
		p++;
	if (p == end || psc_bitmap_locate(&k->present, block, &index) != PSC_PAGE_PRESENT ||
	    !psc_add_u64(p->descriptors, (index - p->first_index) * DESCRIPTOR_BYTES, &at) ||
	    psc_source_read(p->src, at, b, sizeof(b), NULL) != PSC_OK)
		return false;
	ret->src = p->src;
	ret->off = psc_le64(b);
	ret->size = psc_le32(b + 8);
	ret->flags = psc_le32(b + 12);
	return ret->size != 0 && ret->size <= PSC_PAGE_BYTES << k->shift &&
	       psc_range_ok(ret->off, ret->size, psc_source_size(ret->src));
}

static bool inflate_block(const struct descriptor *desc, uint8_t *out, size_t n)
{
	uint8_t packed[MAX_BLOCK_BYTES];
	uLongf size = (uLongf)n;
	const uint8_t *bytes = psc_source_view(desc->src, desc->off, desc->size);
	if (!bytes) {
		if (psc_source_read(desc->src, desc->off, packed, desc->size, NULL) != PSC_OK)
			return false;
		bytes = packed;
	}
	return uncompress(out, &size, bytes, desc->size) == Z_OK && size == n;
}

static bool read_page(const struct psc_decoder *d, uint64_t pfn, uint8_t page[PSC_PAGE_BYTES])
{
	const struct kdump *k = (const struct kdump *)d;
	struct descriptor desc;
	uint64_t block = pfn >> k->shift;
	size_t at = (size_t)(pfn - (block << k->shift)) * PSC_PAGE_BYTES, block_bytes = PSC_PAGE_BYTES << k->shift;
	if (!find_descriptor(k, block, &desc))
		return false;
	if (desc.flags == 0)
		return desc.size == block_bytes &&
		       psc_source_read(desc.src, desc.off + at, page, PSC_PAGE_BYTES, NULL) == PSC_OK;
	if (desc.flags != FLAG_ZLIB)
		return k->lib && psc_kdump_lib_read(k->lib, pfn, page);
	if (k->shift == 0)
		return inflate_block(&desc, page, block_bytes);
	if (psc_block_cache_get(&k->cache, block, at, page))
		return true;
	uint8_t *bytes = malloc(block_bytes);
	if (!bytes || !inflate_block(&desc, bytes, block_bytes)) {
		free(bytes);
		return false;
	}
	memcpy(page, bytes + at, PSC_PAGE_BYTES);
	psc_block_cache_put(&k->cache, block, bytes);
	return true;
}

static void close_kdump(struct psc_decoder *d)
{
	struct kdump *k = (struct kdump *)d;
	psc_kdump_lib_close(k->lib);
	psc_bitmap_deinit(&k->present);
	psc_block_cache_deinit(&k->cache);
	free(k);
}

static enum psc_status fail_header(struct psc_error *reterr, uint64_t off)
{
	return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_FILE_OFFSET, off,
			"kdump-compressed file: its header makes no sense (pages of 4 to 64 KiB are read)");
}

static uint64_t word(const struct headers *h, const uint8_t *p)
{
	return h->form->word_bytes == 8 ? psc_le64(p) : psc_le32(p);
}

/* Also because libkdumpfile allocates in the size of these numbers before it looks at the file. */
static enum psc_status check_sizes(const struct psc_source *src, const uint8_t *main_header, struct headers *h,
				   struct psc_error *reterr)
{
	const struct form *f = h->form;
	const uint32_t parts[3] = {f->vmcoreinfo, f->notes, f->erase_info};
	for (unsigned i = 0; i < 3 && h->version >= 3 + i; i++)
		if (!psc_range_ok(psc_le64(h->sub + parts[i]), word(h, h->sub + parts[i] + 8), psc_source_size(src)))
			return fail_header(reterr, (PSC_PAGE_BYTES << h->shift) + parts[i]);
	h->blocks = h->version >= 6 ? psc_le64(h->sub + f->max_mapnr_64) : 0;
	if (h->blocks == 0)
		h->blocks = psc_le32(main_header + f->max_mapnr);
	if (h->blocks == 0 || h->blocks > h->bitmap_bytes * 8 || h->blocks > MAX_BLOCKS)
		return fail_header(reterr, f->max_mapnr);
	h->lo = 0;
	h->hi = h->blocks;
	if (h->version >= 2 && psc_le32(h->sub + f->split) != 0) {
		bool wide = h->version >= 6;
		const uint8_t *start = h->sub + (wide ? f->start_pfn_64 : f->start_pfn);
		h->lo = wide ? psc_le64(start) : word(h, start);
		h->hi = wide ? psc_le64(start + 8) : word(h, start + f->word_bytes);
	}
	return h->lo < h->hi && h->hi <= h->blocks ? PSC_OK
						   : fail_header(reterr, (PSC_PAGE_BYTES << h->shift) + f->start_pfn);
}

/* False unless it is a power of two that is supported. */
static bool block_shift(uint32_t block_bytes, unsigned *ret)
{
	for (unsigned i = 0; i <= MAX_SHIFT; i++) {
		if (block_bytes == PSC_PAGE_BYTES << i) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static enum psc_status read_headers(const struct psc_source *src, struct headers *ret, struct psc_error *reterr)
{
	uint8_t h[0x200];
	enum psc_status st = psc_source_read(src, 0, h, sizeof(h), reterr);
	if (st != PSC_OK)
		return psc_fail_prefix(reterr, st, "kdump-compressed file");
	ret->form = block_shift(psc_le32(h + forms[0].block_size), &ret->shift) ? &forms[0] : &forms[1];
	ret->version = psc_le32(h + 8);
	uint64_t sub = psc_le32(h + ret->form->sub_blocks), bitmaps = psc_le32(h + ret->form->bitmap_blocks);
	if (!block_shift(psc_le32(h + ret->form->block_size), &ret->shift) || sub == 0 || bitmaps == 0)
		return fail_header(reterr, ret->form->block_size);
	uint64_t block_bytes = PSC_PAGE_BYTES << ret->shift;
	if (1 + sub + bitmaps > psc_source_size(src) / block_bytes)
		return psc_fail(reterr, PSC_E_TRUNCATED, PSC_WHERE_FILE_OFFSET, psc_source_size(src),
				"kdump-compressed file: it ends inside its page bitmaps");
	ret->bitmap_off = (1 + sub) * block_bytes;
	ret->bitmap_bytes = bitmaps * block_bytes;
	st = psc_source_read(src, block_bytes, ret->sub, sizeof(ret->sub), reterr);
	return st == PSC_OK ? check_sizes(src, h, ret, reterr) : st;
}

static enum psc_status read_notes(struct psc_image *img, const struct headers *h, struct psc_error *reterr)
{
	uint64_t off = h->version >= 4 ? psc_le64(h->sub + h->form->notes) : 0;
	uint64_t size = off ? psc_min_u64(word(h, h->sub + h->form->notes + 8), MAX_NOTE_BYTES) : 0;
	if (size == 0)
		return PSC_OK;
	uint8_t *notes = malloc((size_t)size);
	if (!notes)
		return psc_fail_no_memory(reterr);
	enum psc_status st = psc_source_read(img->src, off, notes, (size_t)size, reterr);
	if (st == PSC_OK)
		psc_notes_parse(img, notes, (size_t)size);
	free(notes);
	return st;
}

/* The bits [lo, hi) of the second bitmap, or of the only one where blocks fill more than half. */
static enum psc_status read_bits(const struct psc_image *img, const struct psc_source *src, const struct headers *h,
				 uint8_t *bits, struct psc_error *reterr)
{
	uint64_t half = h->bitmap_bytes / 2, off = h->bitmap_off + (h->blocks <= half * 8 ? half : 0);
	uint64_t end = (h->hi + 7) / 8;
	uint8_t *buf = malloc(READ_CHUNK);
	enum psc_status st = buf ? PSC_OK : psc_fail_no_memory(reterr);
	for (uint64_t at = h->lo / 8; at < end && st == PSC_OK; at += READ_CHUNK) {
		size_t n = (size_t)psc_min_u64(READ_CHUNK, end - at);
		st = psc_image_is_cancelled(img) ? psc_image_fail_cancelled(reterr)
						 : psc_source_read(src, off + at, buf, n, reterr);
		for (size_t i = 0; i < n && st == PSC_OK; i++) {
			uint8_t mask = 0xff;
			if (at + i == h->lo / 8)
				mask = (uint8_t)(mask << h->lo % 8);
			if (at + i == h->hi / 8)
				mask &= (uint8_t)((1u << h->hi % 8) - 1);
			bits[at + i] |= buf[i] & mask;
		}
	}
	free(buf);
	return st;
}

static enum psc_status read_parts(const struct psc_image *img, struct kdump *k, const struct psc_source *const *files,
				  size_t n, struct psc_error *reterr)
{
	for (size_t i = 0; i < n; i++) {
		struct headers h;
		enum psc_status st = read_headers(files[i], &h, reterr);
		if (st != PSC_OK)
			return st;
		if (!k->present.owned) {
			k->shift = h.shift;
			k->present.n_bits = h.blocks;
			k->present.bits = k->present.owned = calloc((size_t)(h.blocks / 8 + 1), 1);
			if (!k->present.owned)
				return psc_fail_no_memory(reterr);
		}
		for (size_t j = 0; j < k->n_parts; j++)
			if (h.shift != k->shift || h.blocks != k->present.n_bits ||
			    (h.lo < k->parts[j].hi && k->parts[j].lo < h.hi))
				return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0,
						"these kdump-compressed files are not the parts of one dump");
		struct part p = {files[i], h.lo, h.hi, 0, h.bitmap_off + h.bitmap_bytes};
		k->parts[k->n_parts++] = p;
		st = read_bits(img, files[i], &h, k->present.owned, reterr);
		if (st != PSC_OK)
			return psc_fail_prefix(reterr, st, "kdump-compressed file");
	}
	return PSC_OK;
}

/* Writers use one method for all pages, and store those that it does not make smaller. */
static bool needs_lib(const struct kdump *k)
{
	uint64_t end = psc_min_u64(k->present.n_bits, LOOK_BLOCKS);
	for (uint64_t block = 0; block < end; block++) {
		struct descriptor d;
		if (find_descriptor(k, block, &d) && d.flags != 0)
			return d.flags != FLAG_ZLIB;
	}
	return end < k->present.n_bits;
}

static enum psc_status open_parts(struct psc_image *img, struct kdump *k, const struct psc_image_options *opts,
				  struct psc_error *reterr)
{
	const struct psc_source *files[PSC_KDUMP_FILES_MAX] = {img->src};
	size_t n = 1 + opts->n_more;
	uint64_t n_set = 0, promised = 0;
	if (n > PSC_KDUMP_FILES_MAX)
		return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0, "a dump split into more than %u files",
				PSC_KDUMP_FILES_MAX);
	for (size_t i = 1; i < n; i++)
		files[i] = opts->more[i - 1];
	enum psc_status st = read_parts(img, k, files, n, reterr);
	if (st == PSC_OK && k->shift != 0)
		st = psc_block_cache_init(&k->cache, reterr);
	if (st == PSC_OK)
		st = psc_bitmap_seal(&k->present, &n_set, reterr);
	if (st != PSC_OK)
		return st;
	for (size_t i = 0; i < k->n_parts; i++) {
		k->parts[i].first_index = psc_bitmap_rank(&k->present, k->parts[i].lo);
		promised += k->parts[i].hi - k->parts[i].lo;
	}
	if (promised < k->present.n_bits)
		psc_warn(&img->warnings,
			 "the dump is split, and its other parts are missing (%llu of %llu pages are in range): name "
			 "them with --with",
			 (unsigned long long)(promised << k->shift),
			 (unsigned long long)(k->present.n_bits << k->shift));
	img->pages_described = img->pages_present = n_set << k->shift;
	img->highest_pfn = n_set ? (k->present.n_bits << k->shift) - 1 : 0;
	return needs_lib(k) ? psc_kdump_lib_open(files, n, opts->tmpdir, &k->lib, reterr) : PSC_OK;
}

enum psc_status psc_kdump_open(struct psc_image *img, const struct psc_image_options *opts, struct psc_error *reterr)
{
	struct headers h;
	img->format = "kdump";
	enum psc_status st = read_headers(img->src, &h, reterr);
	if (st == PSC_OK)
		st = read_notes(img, &h, reterr);
	if (st != PSC_OK)
		return st;
	struct kdump *k = calloc(1, sizeof(*k));
	if (!k)
		return psc_fail_no_memory(reterr);
	k->base.locate = locate;
	k->base.read = read_page;
	k->base.close = close_kdump;
	img->decoder = &k->base; /* closed with the image */
	img->layout = PSC_LAYOUT_DECODED;
	img->kind = PSC_IMAGE_PHYSICAL;
	return open_parts(img, k, opts, reterr);
}
