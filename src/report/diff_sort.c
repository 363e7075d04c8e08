/* SPDX-License-Identifier: MIT */
/* Orders of compared rows, all total; and which rows move together. */
#include "report/diff.h"
#include "util/error.h"
#include <stdlib.h>
#include <string.h>

/* Reference: users 2.2 item 2: counts that agree within 2 percent, or in small whole factors, have one cause. Multiples
 * are held to less, for any two numbers are near some multiple. */
#define SAME_PERMILLE     20
#define MULTIPLE_PERMILLE 5
#define MULTIPLE_MAX      4
#define GROWTH_MIN        64 /* blocks */
#define CANDIDATES_MAX    4096

bool psc_diff_sort_parse(const char *text, enum psc_diff_sort *ret)
{
	static const char *const names[] = {"growth", "count", "bytes", "tag"};
	for (int i = 0; i < 4; i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum psc_diff_sort)i;
			return true;
		}
	}
	return false;
}

static int compare_i64(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* As rows by caller are told apart: by module and offset, else by address. */
static int compare_caller(const struct psc_code_location *a, const struct psc_code_location *b)
{
	int c = (a->module != NULL) - (b->module != NULL);
	if (c == 0 && a->module != NULL)
		c = strcmp(a->module, b->module);
	if (c != 0)
		return c;
	return a->module != NULL ? compare_u64(a->offset, b->offset) : compare_u64(a->address, b->address);
}

static int compare_key(const struct psc_diff_row *a, const struct psc_diff_row *b)
{
	int c = compare_i64((int64_t)a->pool, (int64_t)b->pool);
	if (c == 0)
		c = memcmp(a->tag, b->tag, 4);
	if (c == 0)
		c = compare_u64(a->block_bytes, b->block_bytes);
	if (c == 0)
		c = compare_u64(a->process.pid, b->process.pid);
	if (c == 0)
		c = compare_u64(a->process.eprocess, b->process.eprocess);
	if (c == 0)
		c = (int)a->has_caller - (int)b->has_caller;
	if (c == 0 && a->has_caller)
		c = compare_caller(&a->caller, &b->caller);
	return c;
}

static int by_tag(const void *pa, const void *pb)
{
	return compare_key((const struct psc_diff_row *)pa, (const struct psc_diff_row *)pb);
}

static int by_growth(const void *pa, const void *pb)
{
	const struct psc_diff_row *a = (const struct psc_diff_row *)pa, *b = (const struct psc_diff_row *)pb;
	if (a->has_growth != b->has_growth)
		return a->has_growth ? -1 : 1;
	int c = compare_i64(b->growth_bytes, a->growth_bytes);
	return c != 0 ? c : compare_key(a, b);
}

static int by_count(const void *pa, const void *pb)
{
	const struct psc_diff_row *a = (const struct psc_diff_row *)pa, *b = (const struct psc_diff_row *)pb;
	if (a->has_growth != b->has_growth)
		return a->has_growth ? -1 : 1;
	int c = compare_i64(b->growth, a->growth);
	return c != 0 ? c : compare_key(a, b);
}

/* growth and the last figure differ by the first, which stands in points[0]. */
static int64_t last_bytes(const struct psc_diff_row *r)
{
	return r->has_growth ? (int64_t)((uint64_t)r->points[0].live_bytes + (uint64_t)r->growth_bytes) : INT64_MIN;
}

static int by_bytes(const void *pa, const void *pb)
{
	const struct psc_diff_row *a = (const struct psc_diff_row *)pa, *b = (const struct psc_diff_row *)pb;
	int c = compare_i64(last_bytes(b), last_bytes(a));
	return c != 0 ? c : compare_key(a, b);
}

void psc_diff_sort(struct psc_diff *diff, enum psc_diff_sort order)
{
	static int (*const compare[])(const void *, const void *) = {by_growth, by_count, by_bytes, by_tag};
	if (diff->n > 1)
		qsort(diff->items, diff->n, sizeof(*diff->items), compare[order]);
}

/* ---- lockstep groups ---- */

static bool is_near(int64_t a, int64_t b, int64_t permille)
{
	int64_t apart = a > b ? a - b : b - a;
	return apart <= b / 1000 * permille + b % 1000 * permille / 1000;
}

static bool moves_with(int64_t growth, int64_t leader)
{
	if (is_near(growth, leader, SAME_PERMILLE))
		return true;
	for (int64_t k = 2; k <= MULTIPLE_MAX; k++)
		if (leader <= INT64_MAX / k && is_near(growth, leader * k, MULTIPLE_PERMILLE))
			return true;
	return false;
}

static int by_size_of_growth(const void *pa, const void *pb)
{
	const struct psc_diff_row *a = *(const struct psc_diff_row *const *)pa;
	const struct psc_diff_row *b = *(const struct psc_diff_row *const *)pb;
	int c = compare_i64(a->growth, b->growth);
	return c != 0 ? c : compare_key(a, b);
}

enum psc_status psc_diff_find_groups(struct psc_diff *d, struct psc_error *reterr)
{
	struct psc_diff_row **c = (struct psc_diff_row **)calloc(d->n + 1, sizeof(*c));
	size_t n = 0;
	uint32_t n_groups = 0;
	if (c == NULL)
		return psc_fail_no_memory(reterr);
	for (size_t i = 0; i < d->n; i++)
		if (d->items[i].has_growth && d->items[i].growth >= GROWTH_MIN && d->items[i].growth < INT64_MAX / 1000)
			c[n++] = &d->items[i];
	if (n > 1)
		qsort(c, n, sizeof(*c), by_size_of_growth);
	/* What moves little beside the rest moves with everything. */
	size_t first = n > CANDIDATES_MAX ? n - CANDIDATES_MAX : 0;
	while (first < n && c[first]->growth < c[n - 1]->growth / 1000)
		first++;
	for (size_t i = first; i < n; i++) {
		uint32_t group = 0;
		if (c[i]->group != 0)
			continue;
		for (size_t k = i + 1; k < n; k++) {
			if (c[k]->group != 0 || !moves_with(c[k]->growth, c[i]->growth))
				continue;
			if (group == 0)
				group = c[i]->group = ++n_groups;
			c[k]->group = group;
		}
	}
	free(c);
	return PSC_OK;
}
