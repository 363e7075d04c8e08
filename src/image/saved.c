/* SPDX-License-Identifier: MIT */
/* Virtual ranges of a triage dump: precedence, and reads across them. */
#include "image/internal.h"
#include "util/checked.h"
#include "util/rangeset.h"

#include <stdlib.h>
#include <string.h>

/* The parts of extras[k] that neither a block nor an earlier extra covers. */
static bool add_uncovered(struct psc_rangeset *out, const struct psc_rangeset *blocks,
			  const struct psc_saved_input *extras, size_t k, uint64_t data)
{
	uint64_t lo = extras[k].va, hi = lo + extras[k].size_bytes;
	while (lo < hi) {
		uint64_t stop = hi, covered_to = lo;
		const struct psc_range *r = psc_rangeset_next(blocks, lo);
		if (r && r->lo <= lo)
			covered_to = r->hi;
		else if (r)
			stop = psc_min_u64(stop, r->lo);
		for (size_t j = 0; j < k; j++) {
			uint64_t end = extras[j].va + extras[j].size_bytes;
			if (extras[j].va <= lo && lo < end)
				covered_to = psc_max_u64(covered_to, end);
			else if (extras[j].va > lo)
				stop = psc_min_u64(stop, extras[j].va);
		}
		if (covered_to > lo) {
			lo = covered_to;
			continue;
		}
		if (!psc_rangeset_add(out, lo, stop, data))
			return false;
		lo = stop;
	}
	return true;
}

static bool place(struct psc_saved_set *ret, struct psc_rangeset *low, struct psc_rangeset *all,
		  const struct psc_saved_input *blocks, size_t n_blocks, const struct psc_saved_input *extras,
		  size_t n_extras, size_t *ret_overlaps)
{
	for (size_t i = 0; i < n_blocks; i++)
		if (!psc_rangeset_add(low, blocks[i].va, blocks[i].va + blocks[i].size_bytes, i))
			return false;
	*ret_overlaps = psc_rangeset_seal(low);
	for (size_t i = 0; i < low->n; i++)
		if (!psc_rangeset_add(all, low->items[i].lo, low->items[i].hi, low->items[i].data))
			return false;
	for (size_t k = 0; k < n_extras; k++)
		if (!add_uncovered(all, low, extras, k, n_blocks + k))
			return false;
	psc_rangeset_seal(all);
	if (all->n == 0)
		return true;
	struct psc_saved_range *items = calloc(all->n, sizeof(*items));
	if (!items)
		return false;
	for (size_t i = 0; i < all->n; i++) {
		const struct psc_range *r = &all->items[i];
		const struct psc_saved_input *in = r->data < n_blocks ? &blocks[r->data] : &extras[r->data - n_blocks];
		items[i].va = r->lo;
		items[i].size_bytes = r->hi - r->lo;
		items[i].file_offset = in->file_offset + (r->lo - in->va);
		items[i].what = in->what;
	}
	ret->items = items;
	ret->n = all->n;
	return true;
}

bool psc_saved_place(struct psc_saved_set *ret, const struct psc_saved_input *blocks, size_t n_blocks,
		     const struct psc_saved_input *extras, size_t n_extras, size_t *ret_overlaps)
{
	struct psc_rangeset low = {NULL, 0, 0, false}, all = {NULL, 0, 0, false};
	free(ret->items);
	ret->items = NULL;
	ret->n = 0;
	bool ok = place(ret, &low, &all, blocks, n_blocks, extras, n_extras, ret_overlaps);
	psc_rangeset_deinit(&low);
	psc_rangeset_deinit(&all);
	return ok;
}

size_t psc_saved_read(const struct psc_source *src, const struct psc_saved_set *set, uint64_t va, void *buf, size_t n)
{
	size_t lo = 0, hi = set->n; /* the last range that starts at or before va is lo - 1 */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (set->items[mid].va <= va)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return 0;
	size_t done = 0;
	for (size_t i = lo - 1; i < set->n && done < n; i++) {
		const struct psc_saved_range *r = &set->items[i];
		if (va < r->va || va - r->va >= r->size_bytes)
			break;
		uint64_t skip = va - r->va;
		size_t part = (size_t)psc_min_u64(n - done, r->size_bytes - skip);
		if (psc_source_read(src, r->file_offset + skip, (uint8_t *)buf + done, part, NULL) != PSC_OK)
			break;
		done += part;
		va += part;
	}
	return done;
}
