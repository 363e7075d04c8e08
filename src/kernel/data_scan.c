/* SPDX-License-Identifier: MIT */
/* The pages of the kernel's writable data, in the order in which searches want them: .data first (reference: kernel 3,
 * step 4). */
#include "kernel/internal.h"

#include "util/checked.h"
#include <string.h>

#define SCAN_BYTES_MAX       (24u << 20)
#define SECTION_WRITABLE     0x80000000u
#define SECTION_DATA         0xc0u /* initialised or not */
#define KERNEL_BYTES_DEFAULT (18u << 20)

struct scan {
	struct psc_kernel *k;
	uint64_t budget;
	bool (*page)(void *arg, uint64_t page_va, const uint8_t *page);
	void *arg;
};

static bool scan_range(struct scan *s, uint64_t va, uint64_t size_bytes)
{
	uint8_t copy[PSC_PAGE_BYTES]; /* the callback may read elsewhere */
	struct psc_xlate x;
	uint64_t first = va & ~(uint64_t)(PSC_PAGE_BYTES - 1);
	size_bytes = psc_min_u64(size_bytes + (va - first), s->budget);
	s->budget -= size_bytes;
	for (uint64_t off = 0; off < size_bytes && !psc_image_is_cancelled(s->k->img); off += PSC_PAGE_BYTES) {
		const uint8_t *page = psc_page_at(&s->k->reader, first + off, &x);
		if (!page)
			continue;
		memcpy(copy, page, sizeof(copy));
		if (s->page(s->arg, first + off, copy))
			return true;
	}
	return false;
}

bool psc_kernel_scan_data(struct psc_kernel *k, bool (*page)(void *arg, uint64_t page_va, const uint8_t *page),
			  void *arg)
{
	struct psc_pe_section sections[PSC_PE_SECTIONS_MAX];
	struct scan s = {k, SCAN_BYTES_MAX, page, arg};
	if (k->base == 0)
		return false;
	size_t n = psc_pe_sections(&k->reader, k->base, sections, PSC_PE_SECTIONS_MAX);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < n; i++) {
			bool is_data = strcmp(sections[i].name, ".data") == 0;
			if (is_data != (pass == 0) || !(sections[i].characteristics & SECTION_WRITABLE) ||
			    !(sections[i].characteristics & SECTION_DATA))
				continue;
			if (scan_range(&s, k->base + sections[i].rva, sections[i].size_bytes))
				return true;
		}
	}
	return n == 0 && scan_range(&s, k->base, k->id.size_of_image ? k->id.size_of_image : KERNEL_BYTES_DEFAULT);
}
