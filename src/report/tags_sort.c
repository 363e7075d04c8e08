/* SPDX-License-Identifier: MIT */
/* Orders of the tag table. Every order is total, so that equal input gives equal output. */
#include "report/tags.h"
#include <stdlib.h>
#include <string.h>

bool psc_tags_sort_parse(const char *text, enum psc_tags_sort *ret)
{
	static const struct {
		const char *name;
		enum psc_tags_sort order;
	} names[] = {
		{"tag", PSC_SORT_TAG},
		{"t", PSC_SORT_TAG},
		{"bytes", PSC_SORT_BYTES},
		{"b", PSC_SORT_BYTES},
		{"nonpaged", PSC_SORT_NONPAGED},
		{"paged", PSC_SORT_PAGED},
		{"allocs", PSC_SORT_ALLOCS},
		{"a", PSC_SORT_ALLOCS},
		{"frees", PSC_SORT_FREES},
		{"f", PSC_SORT_FREES},
		{"diff", PSC_SORT_DIFF},
		{"d", PSC_SORT_DIFF},
		{"per-alloc", PSC_SORT_PER_ALLOC},
		{"m", PSC_SORT_PER_ALLOC},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i].name) == 0) {
			*ret = names[i].order;
			return true;
		}
	}
	return false;
}

/* The figures a row is known by: the tracker's when there is one, else the walk's. */
static int64_t live_of(const struct psc_tag_row *r)
{
	return r->has_live ? r->live : (int64_t)r->walk.live;
}

static int64_t live_bytes_of(const struct psc_tag_row *r)
{
	return r->has_live ? r->live_bytes : (int64_t)r->walk.live_bytes;
}

static int compare_i64(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_key(const struct psc_tag_row *a, const struct psc_tag_row *b)
{
	int c = compare_i64((int64_t)a->pool, (int64_t)b->pool);
	if (c == 0)
		c = memcmp(a->tag, b->tag, 4);
	if (c == 0)
		c = compare_u64(a->block_bytes, b->block_bytes);
	return c;
}

/* Bytes per live allocation without division: a/b against c/d as cross products would overflow, so compare as doubles
 * and let the key break ties. */
static double per_alloc_of(const struct psc_tag_row *r)
{
	int64_t live = live_of(r);
	return live <= 0 ? 0.0 : (double)live_bytes_of(r) / (double)live;
}

static int compare_bytes(const struct psc_tag_row *a, const struct psc_tag_row *b)
{
	int c = compare_i64(live_bytes_of(b), live_bytes_of(a));
	return c != 0 ? c : compare_key(a, b);
}

static int by_tag(const void *a, const void *b)
{
	return compare_key((const struct psc_tag_row *)a, (const struct psc_tag_row *)b);
}

static int by_bytes(const void *a, const void *b)
{
	return compare_bytes((const struct psc_tag_row *)a, (const struct psc_tag_row *)b);
}

static int by_pool_first(const void *pa, const void *pb, enum psc_pool first)
{
	const struct psc_tag_row *a = (const struct psc_tag_row *)pa, *b = (const struct psc_tag_row *)pb;
	if ((a->pool == first) != (b->pool == first))
		return a->pool == first ? -1 : 1;
	return compare_bytes(a, b);
}

static int by_nonpaged(const void *a, const void *b)
{
	return by_pool_first(a, b, PSC_POOL_NONPAGED);
}

static int by_paged(const void *a, const void *b)
{
	return by_pool_first(a, b, PSC_POOL_PAGED);
}

static int by_allocs(const void *pa, const void *pb)
{
	const struct psc_tag_row *a = (const struct psc_tag_row *)pa, *b = (const struct psc_tag_row *)pb;
	int c = compare_u64(b->allocs, a->allocs);
	return c != 0 ? c : compare_key(a, b);
}

static int by_frees(const void *pa, const void *pb)
{
	const struct psc_tag_row *a = (const struct psc_tag_row *)pa, *b = (const struct psc_tag_row *)pb;
	int c = compare_u64(b->frees, a->frees);
	return c != 0 ? c : compare_key(a, b);
}

static int by_diff(const void *pa, const void *pb)
{
	const struct psc_tag_row *a = (const struct psc_tag_row *)pa, *b = (const struct psc_tag_row *)pb;
	int c = compare_i64(live_of(b), live_of(a));
	return c != 0 ? c : compare_key(a, b);
}

static int by_per_alloc(const void *pa, const void *pb)
{
	const struct psc_tag_row *a = (const struct psc_tag_row *)pa, *b = (const struct psc_tag_row *)pb;
	double x = per_alloc_of(a), y = per_alloc_of(b);
	if (x != y)
		return x > y ? -1 : 1;
	return compare_key(a, b);
}

void psc_tags_sort(struct psc_tags *tags, enum psc_tags_sort order)
{
	int (*compare)(const void *, const void *) = by_tag;
	switch (order) {
	case PSC_SORT_TAG:
		compare = by_tag;
		break;
	case PSC_SORT_BYTES:
		compare = by_bytes;
		break;
	case PSC_SORT_NONPAGED:
		compare = by_nonpaged;
		break;
	case PSC_SORT_PAGED:
		compare = by_paged;
		break;
	case PSC_SORT_ALLOCS:
		compare = by_allocs;
		break;
	case PSC_SORT_FREES:
		compare = by_frees;
		break;
	case PSC_SORT_DIFF:
		compare = by_diff;
		break;
	case PSC_SORT_PER_ALLOC:
		compare = by_per_alloc;
		break;
	}
	if (tags->n > 1)
		qsort(tags->items, tags->n, sizeof(*tags->items), compare);
}
