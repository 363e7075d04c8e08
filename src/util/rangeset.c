/* SPDX-License-Identifier: MIT */
#include "util/rangeset.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Until sealed, cap >= 2 * n: the upper half is the scratch space of the stable sort, so that sealing cannot fail. */
bool psc_rangeset_add(struct psc_rangeset *s, uint64_t lo, uint64_t hi, uint64_t data)
{
	if (lo >= hi)
		return true;
	if (s->cap / 2 <= s->n) {
		if (s->n >= SIZE_MAX / 8 / sizeof(*s->items))
			return false;
		size_t cap = s->n < 8 ? 16 : (s->n + s->n / 2) * 2;
		struct psc_range *p = realloc(s->items, cap * sizeof(*p));
		if (!p)
			return false;
		s->items = p;
		s->cap = cap;
	}
	struct psc_range r = {lo, hi, data};
	s->items[s->n++] = r;
	s->sealed = false;
	return true;
}

static void merge(const struct psc_range *src, struct psc_range *dst, size_t lo, size_t mid, size_t hi)
{
	size_t i = lo, j = mid;
	for (size_t k = lo; k < hi; k++)
		dst[k] = j >= hi || (i < mid && src[i].lo <= src[j].lo) ? src[i++] : src[j++];
}

static void stable_sort(struct psc_range *items, struct psc_range *scratch, size_t n)
{
	struct psc_range *src = items, *dst = scratch;
	for (size_t width = 1; width < n; width *= 2) { /* n is far below SIZE_MAX / 2 */
		for (size_t lo = 0; lo < n; lo += 2 * width) {
			size_t mid = n - lo < width ? n : lo + width;
			size_t hi = n - mid < width ? n : mid + width;
			merge(src, dst, lo, mid, hi);
		}
		struct psc_range *t = src;
		src = dst;
		dst = t;
	}
	if (src != items)
		memcpy(items, src, n * sizeof(*items));
}

static bool is_sorted(const struct psc_rangeset *s)
{
	for (size_t i = 1; i < s->n; i++)
		if (s->items[i].lo < s->items[i - 1].lo)
			return false;
	return true;
}

size_t psc_rangeset_seal(struct psc_rangeset *s)
{
	if (s->sealed)
		return 0;
	s->sealed = true;
	if (s->n == 0)
		return 0;
	if (!is_sorted(s))
		stable_sort(s->items, s->items + s->n, s->n);

	size_t n_overlaps = 0, n_kept = 0;
	uint64_t end = 0; /* hi of the last one kept; the highest so far */
	for (size_t i = 0; i < s->n; i++) {
		struct psc_range r = s->items[i];
		if (r.lo < end) {
			n_overlaps++;
			r.lo = end;
			if (r.lo >= r.hi)
				continue;
		}
		end = r.hi;
		s->items[n_kept++] = r;
	}
	s->n = n_kept;
	struct psc_range *p = realloc(s->items, s->n * sizeof(*p));
	if (p) {
		s->items = p;
		s->cap = s->n;
	}
	return n_overlaps;
}

const struct psc_range *psc_rangeset_next(const struct psc_rangeset *s, uint64_t v)
{
	assert(s->sealed || s->n == 0);
	size_t lo = 0, hi = s->n; /* all below lo end at or before v, all from hi on end above it */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->items[mid].hi <= v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n ? &s->items[lo] : NULL;
}

const struct psc_range *psc_rangeset_find(const struct psc_rangeset *s, uint64_t v)
{
	const struct psc_range *r = psc_rangeset_next(s, v);
	return r && r->lo <= v ? r : NULL;
}

void psc_rangeset_deinit(struct psc_rangeset *s)
{
	free(s->items);
	memset(s, 0, sizeof(*s));
}
