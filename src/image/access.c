/* SPDX-License-Identifier: MIT */
#include "image/internal.h"
#include "util/cancel.h"
#include "util/error.h"
#include "util/checked.h"

#include <string.h>

enum psc_image_kind psc_image_get_kind(const struct psc_image *img)
{
	return img->kind;
}

const char *psc_image_format(const struct psc_image *img)
{
	return img->format;
}

bool psc_image_has_header(const struct psc_image *img)
{
	return img->has_header;
}

void psc_image_describe(struct psc_image *img, const struct psc_dump_header *header)
{
	img->header = *header;
}

const struct psc_image_cpu *psc_image_cpus(const struct psc_image *img, size_t *ret_n)
{
	*ret_n = img->n_cpus;
	return img->cpus;
}

bool psc_image_is_decoded(const struct psc_image *img)
{
	return img->layout == PSC_LAYOUT_DECODED;
}

const struct psc_dump_header *psc_image_header(const struct psc_image *img)
{
	return &img->header;
}

enum psc_dump_type psc_image_dump_type(const struct psc_image *img)
{
	return img->type;
}

const struct psc_warnings *psc_image_warnings(const struct psc_image *img)
{
	return &img->warnings;
}

uint64_t psc_image_pages_described(const struct psc_image *img)
{
	return img->pages_described;
}

enum psc_status psc_image_fail_cancelled(struct psc_error *reterr)
{
	return psc_fail(reterr, PSC_E_CANCELLED, PSC_WHERE_NONE, 0, "cancelled while the dump was opened");
}

bool psc_image_is_cancelled(const struct psc_image *img)
{
	return psc_cancelled(img->cancel);
}

const struct psc_cancel *psc_image_cancel(const struct psc_image *img)
{
	return img->cancel;
}

uint64_t psc_image_pages_present(const struct psc_image *img)
{
	return img->pages_present;
}

uint64_t psc_image_highest_pfn(const struct psc_image *img)
{
	return img->highest_pfn;
}

uint64_t psc_image_expected_size(const struct psc_image *img)
{
	return img->expected_size;
}

bool psc_image_is_truncated(const struct psc_image *img)
{
	return img->is_truncated;
}

const struct psc_source *psc_image_source(const struct psc_image *img)
{
	return img->src;
}

/* The extent that holds pfn, or NULL. */
static const struct psc_extent *find_extent(const struct psc_image *img, uint64_t pfn)
{
	size_t lo = 0, n = img->n_extents;
	while (n > 1) {
		size_t half = n / 2;
		if (img->extents[lo + half].pfn <= pfn)
			lo += half;
		n -= half;
	}
	if (n == 0)
		return NULL;
	const struct psc_extent *e = &img->extents[lo];
	return pfn >= e->pfn && pfn - e->pfn < e->n_pages ? e : NULL;
}

enum psc_page_presence psc_image_locate(const struct psc_image *img, uint64_t pfn, uint64_t *ret_off)
{
	if (pfn > img->highest_pfn && psc_pagefile_of_frame(img, pfn, ret_off))
		return PSC_PAGE_PRESENT;
	if (img->layout == PSC_LAYOUT_BITMAP) {
		uint64_t index = 0;
		enum psc_page_presence p = psc_bitmap_locate(&img->bitmap, pfn, &index);
		if (p != PSC_PAGE_PRESENT)
			return p;
		if (index >= img->pages_present)
			return PSC_PAGE_TRUNCATED;
		*ret_off = img->bitmap.first_page + index * PSC_PAGE_BYTES;
		return PSC_PAGE_PRESENT;
	}
	if (img->layout == PSC_LAYOUT_DECODED) {
		uint64_t run;
		if (pfn >= PSC_PFN_END)
			return img->outside;
		*ret_off = pfn * PSC_PAGE_BYTES;
		return img->decoder->locate(img->decoder, pfn, 1, &run);
	}
	const struct psc_extent *e = find_extent(img, pfn);
	if (!e)
		return img->outside;
	uint64_t off = e->off + (pfn - e->pfn) * PSC_PAGE_BYTES;
	if (!psc_range_ok(off, PSC_PAGE_BYTES, img->size))
		return PSC_PAGE_TRUNCATED;
	*ret_off = off;
	return PSC_PAGE_PRESENT;
}

uint64_t psc_image_contiguous(const struct psc_image *img, uint64_t pfn, uint64_t max_pages, uint64_t *ret_off)
{
	uint64_t off;
	if (psc_image_locate(img, pfn, &off) != PSC_PAGE_PRESENT)
		return 0;
	*ret_off = off;
	if (pfn > img->highest_pfn && psc_pagefile_of_frame(img, pfn, &off)) {
		uint64_t n = psc_max_u64(max_pages, 1), i = 1;
		while (i < n && psc_pagefile_of_frame(img, pfn + i, &off))
			i++;
		return i;
	}
	if (img->layout == PSC_LAYOUT_DECODED) {
		uint64_t run;
		max_pages = psc_max_u64(max_pages, 1);
		(void)img->decoder->locate(img->decoder, pfn, max_pages, &run);
		return psc_min_u64(run, max_pages);
	}
	uint64_t n = psc_min_u64(psc_max_u64(max_pages, 1), (img->size - off) / PSC_PAGE_BYTES);
	if (img->layout == PSC_LAYOUT_BITMAP)
		return psc_bitmap_run(&img->bitmap, pfn, n);
	const struct psc_extent *e = find_extent(img, pfn);
	return psc_min_u64(n, e->n_pages - (pfn - e->pfn));
}

const uint8_t *psc_image_page(const struct psc_image *img, uint64_t pfn, uint8_t scratch[PSC_PAGE_BYTES],
			      enum psc_page_presence *ret)
{
	uint64_t off = 0;
	*ret = psc_image_locate(img, pfn, &off);
	if (*ret != PSC_PAGE_PRESENT)
		return NULL;
	const struct psc_source *src = img->src;
	if (pfn > img->highest_pfn)
		src = psc_pagefile_of_frame(img, pfn, &off);
	if (src == NULL)
		src = img->src;
	if (src == img->src && img->layout == PSC_LAYOUT_DECODED) {
		if (img->decoder->read(img->decoder, pfn, scratch))
			return scratch;
		*ret = PSC_PAGE_TRUNCATED;
		return NULL;
	}
	const uint8_t *p = psc_source_view(src, off, PSC_PAGE_BYTES);
	if (p)
		return p;
	if (psc_source_read(src, off, scratch, PSC_PAGE_BYTES, NULL) == PSC_OK)
		return scratch;
	*ret = PSC_PAGE_TRUNCATED;
	return NULL;
}

/* Page by page, whatever they are stored in. */
static size_t read_pages(const struct psc_image *img, uint64_t pa, uint8_t *buf, size_t n)
{
	uint8_t page[PSC_PAGE_BYTES];
	enum psc_page_presence presence;
	size_t done = 0;
	while (done < n && psc_image_page(img, pa >> PSC_PAGE_SHIFT, page, &presence)) {
		uint64_t in_page = pa % PSC_PAGE_BYTES;
		size_t part = (size_t)psc_min_u64(n - done, PSC_PAGE_BYTES - in_page);
		memcpy(buf + done, page + in_page, part);
		done += part;
		pa += part;
	}
	return done;
}

size_t psc_image_read_pa(const struct psc_image *img, uint64_t pa, void *buf, size_t n)
{
	size_t done = 0;
	if (img->layout == PSC_LAYOUT_DECODED || pa >> PSC_PAGE_SHIFT > img->highest_pfn)
		return read_pages(img, pa, buf, n);
	while (done < n) {
		uint64_t in_page = pa % PSC_PAGE_BYTES, off;
		uint64_t want = (n - done) / PSC_PAGE_BYTES + 2;
		uint64_t pages = psc_image_contiguous(img, pa >> PSC_PAGE_SHIFT, want, &off);
		if (pages == 0)
			break;
		size_t part = (size_t)psc_min_u64(n - done, pages * PSC_PAGE_BYTES - in_page);
		if (psc_source_read(img->src, off + in_page, (uint8_t *)buf + done, part, NULL) != PSC_OK)
			break;
		done += part;
		pa += part;
	}
	return done;
}

const struct psc_saved_range *psc_image_saved_ranges(const struct psc_image *img, size_t *ret_n)
{
	*ret_n = img->saved.n;
	return img->saved.items;
}

const struct psc_triage_module *psc_image_triage_modules(const struct psc_image *img, size_t *ret_n)
{
	*ret_n = img->n_modules;
	return img->modules;
}

size_t psc_image_read_saved(const struct psc_image *img, uint64_t va, void *buf, size_t n)
{
	return psc_saved_read(img->src, &img->saved, va, buf, n);
}

/* reference: dumps 3 [V], 4 [2] */
size_t psc_image_read_context(const struct psc_image *img, void *buf, size_t n)
{
	uint64_t at = img->header.is_64bit ? 0x348 : 0x320, size = img->header.is_64bit ? 3000 : 1200;
	n = (size_t)psc_min_u64(n, size);
	if (!img->has_header || !psc_range_ok(at, n, img->size) ||
	    psc_source_read(img->src, at, buf, n, NULL) != PSC_OK)
		return 0;
	return n;
}

bool psc_image_triage_kdbg(const struct psc_image *img, uint64_t *ret_off, uint32_t *ret_size)
{
	if (!img->has_kdbg)
		return false;
	*ret_off = img->kdbg_off;
	*ret_size = img->kdbg_size;
	return true;
}
