/* SPDX-License-Identifier: MIT */
#include "pool/defect.h"
#include "util/vec.h"

#include <stdlib.h>

const char *psc_defect_name(enum psc_defect_kind kind)
{
	static const char *const names[PSC_DEFECT_MAX] = {
		[PSC_DEFECT_SEGMENT_SIGNATURE] = "segment signature",
		[PSC_DEFECT_SEGMENT_LIST] = "segment list link",
		[PSC_DEFECT_RANGE_DESCRIPTOR] = "range descriptor",
		[PSC_DEFECT_VS_SUBSEGMENT] = "VS subsegment signature",
		[PSC_DEFECT_VS_CHUNK] = "VS chunk header",
		[PSC_DEFECT_VS_PREVIOUS] = "VS previous size",
		[PSC_DEFECT_LFH_GEOMETRY] = "LFH geometry",
		[PSC_DEFECT_LFH_BITMAP] = "LFH bitmap",
		[PSC_DEFECT_LFH_WITHHELD] = "LFH withheld count",
		[PSC_DEFECT_BLOCK_HEADER] = "header size against chunk size",
		[PSC_DEFECT_LARGE_TREE] = "large allocation tree link",
		[PSC_DEFECT_SPECIAL_RECORD] = "special pool record",
		[PSC_DEFECT_SPECIAL_PATTERN] = "special pool pattern",
		[PSC_DEFECT_SPECIAL_GUARD] = "special pool guard page",
		[PSC_DEFECT_FIRST_HEADER] = "bad first header",
		[PSC_DEFECT_PREVIOUS_SIZE] = "previous size",
		[PSC_DEFECT_SIZE_ZERO] = "block size zero",
		[PSC_DEFECT_CROSSES_PAGE] = "crosses page",
		[PSC_DEFECT_BLOCK_SIZE] = "block size",
		[PSC_DEFECT_POOL_TYPE] = "invalid pool type",
		[PSC_DEFECT_POOL_INDEX] = "wrong pool index",
		[PSC_DEFECT_QUOTA_PROCESS] = "bad billed process",
		[PSC_DEFECT_BIG_ENTRY] = "big page entry",
		[PSC_DEFECT_BIG_OVERLAP] = "big page overlap",
		[PSC_DEFECT_BIG_DUPLICATE] = "big page duplicate",
		[PSC_DEFECT_BIG_SLOT] = "big page slot",
		[PSC_DEFECT_BIG_UNMAPPED] = "big page not mapped",
		[PSC_DEFECT_TRACKER_SLOT] = "tag slot",
		[PSC_DEFECT_TRACKER_TWICE] = "duplicate tag",
		[PSC_DEFECT_TRACKER_OTHER] = "tag of another slot",
		[PSC_DEFECT_FREE_LINK] = "free list link",
		[PSC_DEFECT_FREE_IN_USE] = "free list block in use",
		[PSC_DEFECT_FREE_SIZE] = "free list block size",
		[PSC_DEFECT_VERIFIER_RECORD] = "Verifier record",
		[PSC_DEFECT_VERIFIER_TRAILER] = "Verifier trailer",
		[PSC_DEFECT_VERIFIER_COUNT] = "Verifier count",
		[PSC_DEFECT_VERIFIER_BYTES] = "Verifier bytes",
		[PSC_DEFECT_LOOKASIDE_LINK] = "lookaside link",
	};
	return (unsigned)kind < PSC_DEFECT_MAX ? names[kind] : "unknown";
}

static int by_va(const void *pa, const void *pb)
{
	const struct psc_defect *a = pa, *b = pb;
	if (a->va != b->va)
		return a->va < b->va ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return a->container < b->container ? -1 : a->container > b->container;
}

void psc_defects_sort(struct psc_defects *d)
{
	if (d->n > 1)
		qsort(d->items, d->n, sizeof(*d->items), by_va);
	if (d->n > PSC_DEFECTS_MAX)
		d->n = PSC_DEFECTS_MAX;
}

static void put(struct psc_defects *d, const struct psc_defect *item)
{
	if (d->n >= 2 * PSC_DEFECTS_MAX)
		psc_defects_sort(d);
	if (!PSC_VEC_RESERVE_ONE(d)) {
		d->no_memory = true;
		return;
	}
	d->items[d->n++] = *item;
}

void psc_defects_add(struct psc_defects *d, const struct psc_defect *item)
{
	d->n_found++;
	put(d, item);
}

void psc_defects_merge(struct psc_defects *into, const struct psc_defects *from)
{
	into->n_found += from->n_found;
	into->no_memory |= from->no_memory;
	for (size_t i = 0; i < from->n; i++)
		put(into, &from->items[i]);
}

void psc_defects_deinit(struct psc_defects *d)
{
	free(d->items);
	d->items = NULL;
	d->n = d->cap = 0;
}
