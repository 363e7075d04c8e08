/* SPDX-License-Identifier: MIT */
/* What a triage dump saved of kernel memory, in pieces. */
#include "pool/seg.h"
#include "util/checked.h"

#include <string.h>

static bool in_module(const struct psc_kernel *k, uint64_t va)
{
	for (size_t i = 0; i < k->n_loaded && i < k->n_modules; i++)
		if (va >= k->modules[i].base && va - k->modules[i].base < k->modules[i].size_bytes)
			return true;
	return false;
}

static bool is_left_out(const struct psc_kernel *k, const struct psc_saved_range *r)
{
	return !psc_is_kernel_va(&k->space, r->va) || (r->what && strcmp(r->what, "stack") == 0);
}

void psc_saved_visit(struct psc_kernel *k, bool (*visit)(void *arg, uint64_t va, const uint8_t *bytes, uint32_t n),
		     void *arg, struct psc_saved_totals *ret)
{
	size_t n_ranges;
	const struct psc_saved_range *ranges = psc_image_saved_ranges(k->img, &n_ranges);
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < n_ranges; i++)
		ret->saved_bytes += ranges[i].size_bytes;
	for (size_t i = 0; i < n_ranges;) {
		uint64_t va = ranges[i].va, end = va + ranges[i].size_bytes;
		bool left_out = is_left_out(k, &ranges[i]);
		/* Ranges that touch are one. */
		for (i++; i < n_ranges && ranges[i].va == end && !left_out && !is_left_out(k, &ranges[i]); i++)
			end += ranges[i].size_bytes;
		while (va != end && !left_out) {
			uint8_t page[PSC_PAGE_BYTES];
			uint64_t n = psc_min_u64(end - va, PSC_PAGE_BYTES - va % PSC_PAGE_BYTES);
			if (!in_module(k, va)) {
				size_t got = psc_image_read_saved(k->img, va, page, (size_t)n);
				ret->scanned_bytes += got;
				if (!visit(arg, va, page, (uint32_t)got))
					return;
			}
			va += n;
		}
	}
}
