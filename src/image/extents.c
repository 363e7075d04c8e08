/* SPDX-License-Identifier: MIT */
#include "image/internal.h"
#include "util/checked.h"
#include "util/error.h"
#include "util/rangeset.h"

#include <stdlib.h>

enum psc_status psc_extents_add(struct psc_extents_builder *b, uint64_t pfn, uint64_t n_pages, struct psc_error *reterr)
{
	if (n_pages == 0)
		return PSC_OK;
	if (pfn >= PSC_PFN_END || n_pages > PSC_PFN_END - pfn)
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0,
				"a run of physical memory is impossible: page 0x%llx, 0x%llx pages",
				(unsigned long long)pfn, (unsigned long long)n_pages);
	uint64_t end;
	if (b->n_pages > PSC_PFN_END - n_pages || !psc_add_u64(b->next_off, n_pages * PSC_PAGE_BYTES, &end))
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0,
				"the runs of physical memory add up to more than an address space");
	if (!psc_rangeset_add(b->set, pfn, pfn + n_pages, b->next_off))
		return psc_fail_no_memory(reterr);
	b->n_pages += n_pages;
	b->next_off = end;
	return PSC_OK;
}

enum psc_status psc_extents_finish(struct psc_image *img, struct psc_extents_builder *b, uint64_t first_off,
				   struct psc_error *reterr)
{
	if (psc_rangeset_seal(b->set) != 0)
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0, "runs of physical memory overlap");
	size_t n = b->set->n;
	if (n != 0) {
		img->extents = calloc(n, sizeof(*img->extents));
		if (!img->extents)
			return psc_fail_no_memory(reterr);
	}
	for (size_t i = 0; i < n; i++) {
		const struct psc_range *r = &b->set->items[i];
		struct psc_extent *last = img->n_extents ? &img->extents[img->n_extents - 1] : NULL;
		if (last && last->pfn + last->n_pages == r->lo &&
		    last->off + last->n_pages * PSC_PAGE_BYTES == r->data) {
			last->n_pages += r->hi - r->lo;
			continue;
		}
		struct psc_extent e = {r->lo, r->hi - r->lo, r->data};
		img->extents[img->n_extents++] = e;
	}
	if (img->n_extents != 0) {
		const struct psc_extent *last = &img->extents[img->n_extents - 1];
		img->highest_pfn = last->pfn + last->n_pages - 1;
	}
	img->layout = PSC_LAYOUT_EXTENTS;
	img->kind = PSC_IMAGE_PHYSICAL;
	img->pages_described = b->n_pages;
	uint64_t data_bytes = img->size > first_off ? img->size - first_off : 0;
	img->pages_present = psc_min_u64(b->n_pages, data_bytes / PSC_PAGE_BYTES);
	img->expected_size = b->next_off;
	return PSC_OK;
}

enum psc_status psc_extents_add_bytes(struct psc_extents_builder *b, uint64_t pa, uint64_t n_bytes, uint64_t off,
				      struct psc_error *reterr)
{
	uint64_t skip = (0 - pa) % PSC_PAGE_BYTES, first, end;
	if (n_bytes < skip + PSC_PAGE_BYTES)
		return PSC_OK;
	if (!psc_add_u64(pa, n_bytes, &end) || !psc_add_u64(off, skip, &first) || !psc_add_u64(off, n_bytes, &end))
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0,
				"a part of memory is impossible: 0x%llx bytes at physical address 0x%llx",
				(unsigned long long)n_bytes, (unsigned long long)pa);
	b->next_off = first;
	return psc_extents_add(b, (pa + skip) >> PSC_PAGE_SHIFT, (n_bytes - skip) / PSC_PAGE_BYTES, reterr);
}

enum psc_status psc_extents_finish_scattered(struct psc_image *img, struct psc_extents_builder *b,
					     struct psc_error *reterr)
{
	enum psc_status st = psc_extents_finish(img, b, 0, reterr);
	if (st != PSC_OK)
		return st;
	img->pages_present = 0;
	img->expected_size = 0;
	for (size_t i = 0; i < img->n_extents; i++) {
		const struct psc_extent *e = &img->extents[i];
		uint64_t fit = img->size > e->off ? (img->size - e->off) / PSC_PAGE_BYTES : 0;
		img->pages_present += psc_min_u64(fit, e->n_pages);
		img->expected_size = psc_max_u64(img->expected_size, e->off + e->n_pages * PSC_PAGE_BYTES);
	}
	return PSC_OK;
}
