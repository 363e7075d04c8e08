/* SPDX-License-Identifier: MIT */
/* Page files beside a dump: page N of file F is at N * 4096 (reference: dumps 24). Their pages appear as frames above
 * all physical memory. */
#include "image/internal.h"
#include "util/bytes.h"
#include "util/checked.h"
#include "util/error.h"

#include <string.h>

/* Frame numbers: this bit, the number of the file, the page in it. */
#define PAGEFILE_PFN  (UINT64_C(1) << 39)
#define NUMBER_SHIFT  34
#define PAGE_MASK     ((UINT64_C(1) << NUMBER_SHIFT) - 1)
#define HIGHEST_SHARE (PAGEFILE_PFN >> 1)

enum psc_status psc_image_add_pagefile(struct psc_image *img, unsigned number, const struct psc_source *src,
				       struct psc_error *reterr)
{
	uint8_t head[8] = {0};
	if (number >= PSC_PAGEFILES_MAX)
		return psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0,
				"page files have numbers from 0 to %u, not %u", PSC_PAGEFILES_MAX - 1, number);
	if (img->kind != PSC_IMAGE_PHYSICAL || img->highest_pfn >= HIGHEST_SHARE)
		return psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0,
				"a page file is of no use to this dump: it does not hold physical memory");
	if (psc_source_size(src) >= sizeof(head) && psc_source_read(src, 0, head, sizeof(head), NULL) == PSC_OK &&
	    (memcmp(head, "PAGEDU64", 8) == 0 || memcmp(head, "PAGEDUMP", 8) == 0))
		return psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0,
				"the page file holds a dump that was not extracted yet: open it as a dump");
	img->pagefiles[number] = src;
	return PSC_OK;
}

bool psc_image_has_pagefile(const struct psc_image *img, uint32_t number)
{
	return number < PSC_PAGEFILES_MAX && img->pagefiles[number] != NULL;
}

bool psc_image_pagefile_pa(const struct psc_image *img, uint32_t number, uint64_t page, uint64_t *ret_pa)
{
	if (!psc_image_has_pagefile(img, number) || page > PAGE_MASK ||
	    page >= psc_source_size(img->pagefiles[number]) / PSC_PAGE_BYTES)
		return false;
	*ret_pa = (PAGEFILE_PFN | (uint64_t)number << NUMBER_SHIFT | page) << PSC_PAGE_SHIFT;
	return true;
}

const struct psc_source *psc_pagefile_of_frame(const struct psc_image *img, uint64_t pfn, uint64_t *ret_off)
{
	uint64_t number = (pfn & ~PAGEFILE_PFN) >> NUMBER_SHIFT, page = pfn & PAGE_MASK;
	if (!(pfn & PAGEFILE_PFN) || number >= PSC_PAGEFILES_MAX || !img->pagefiles[number] ||
	    page >= psc_source_size(img->pagefiles[number]) / PSC_PAGE_BYTES)
		return NULL;
	*ret_off = page * PSC_PAGE_BYTES;
	return img->pagefiles[number];
}
