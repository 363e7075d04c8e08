/* SPDX-License-Identifier: MIT */
/* The regions of kernel space of 14393 and later (SystemVaRegions of _MI_VISIBLE_STATE) by content. The table lies in
 * the kernel's data, one of its regions starts where the page tables show as data, its regions do not overlap, and one
 * of them holds everything that is known to be nonpaged pool. Which index is whose follows from that, not from the
 * build. Reference: pool 3.3 [V], paging 10, 11. */
#include "pool/infer.h"
#include "util/checked.h"

#include <stdlib.h>

#define FIRST_BUILD      14393u
#define REGION_BYTES     16u
#define REGION_MAX_BYTES ((uint64_t)1 << 47)
#define REGIONS_MIN      4u
#define NONPAGED_MIN     3u
#define PROCESSES_MAX    64u

/* ---- witnesses ---- */

static bool take_process(void *arg, const struct psc_process *p)
{
	struct psc_witnesses *w = arg;
	w->nonpaged[w->n_nonpaged++] = p->eprocess;
	return w->n_nonpaged < PROCESSES_MAX;
}

static bool take_big(void *arg, const struct psc_big_page *p)
{
	struct psc_witnesses *w = arg;
	if (p->is_free)
		return true;
	if (p->pool == PSC_POOL_NONPAGED && w->n_nonpaged < PSC_WITNESSES_MAX)
		w->nonpaged[w->n_nonpaged++] = p->va;
	if (p->pool == PSC_POOL_PAGED && w->n_paged < PSC_WITNESSES_MAX)
		w->paged[w->n_paged++] = p->va;
	return w->n_nonpaged < PSC_WITNESSES_MAX || w->n_paged < PSC_WITNESSES_MAX;
}

void psc_witnesses_find(struct psc_kernel *k, struct psc_witnesses *ret)
{
	struct psc_big_layout layout;
	struct psc_big_pages unused;
	uint64_t va;
	*ret = (struct psc_witnesses){0};
	(void)psc_kernel_processes(k, take_process, ret, NULL);
	if (psc_kernel_read_ptr(k, PSC_SYM_PoolTrackTable, &va) && psc_is_kernel_va(&k->space, va))
		ret->nonpaged[ret->n_nonpaged++] = va;
	/* Entries without a type are sorted by the ranges that are to be found. */
	if (psc_big_layout_find(k, &layout) && layout.type_kind != PSC_BIG_TYPE_NONE)
		(void)psc_big_pages_read(k, take_big, ret, NULL, NULL, &unused, NULL);
	ret->pte_base = psc_pte_base(k);
	if (!psc_kernel_read_ptr(k, PSC_SYM_MmPfnDatabase, &ret->pfn_database) ||
	    !psc_is_kernel_va(&k->space, ret->pfn_database))
		ret->pfn_database = 0;
}

/* ---- the table ---- */

static bool region_read(struct psc_kernel *k, uint64_t va, uint64_t *ret_base, uint64_t *ret_bytes)
{
	uint64_t base, bytes;
	if (!psc_read_u64(&k->reader, va, &base) || !psc_read_u64(&k->reader, va + 8, &bytes))
		return false;
	*ret_base = base;
	*ret_bytes = bytes;
	if (base == 0 && bytes == 0)
		return true; /* not in use */
	return psc_is_kernel_va(&k->space, base) && base % PSC_PAGE_BYTES == 0 && bytes % PSC_PAGE_BYTES == 0 &&
	       bytes != 0 && bytes <= REGION_MAX_BYTES && bytes - 1 <= UINT64_MAX - base;
}

static bool holds(const struct psc_va_table *t, size_t i, uint64_t va)
{
	return va >= t->base[i] && va - t->base[i] < t->bytes[i];
}

/* The region that holds nearly all of them: some allocations lie elsewhere, such as special pool. -1: none does. */
static int holder(const struct psc_va_table *t, const uint64_t *va, size_t n)
{
	for (size_t i = 0; i < t->n && n != 0; i++) {
		size_t held = 0;
		for (size_t j = 0; j < n; j++)
			held += holds(t, i, va[j]);
		if (held * 8 >= n * 7)
			return (int)i;
	}
	return -1;
}

static bool are_apart(const struct psc_va_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		for (size_t j = i + 1; j < t->n; j++)
			if (t->bytes[i] != 0 && t->bytes[j] != 0 &&
			    (holds(t, i, t->base[j]) || holds(t, j, t->base[i])))
				return false;
	return true;
}

bool psc_va_table_check(struct psc_kernel *k, const struct psc_witnesses *w, uint64_t va, size_t n,
			struct psc_va_table *ret)
{
	*ret = (struct psc_va_table){.va = va, .nonpaged = -1, .paged = -1, .page_tables = -1, .pfn = -1};
	while (ret->n < n && ret->n < PSC_VA_REGIONS_MAX &&
	       region_read(k, va + ret->n * REGION_BYTES, &ret->base[ret->n], &ret->bytes[ret->n])) {
		ret->n_used += ret->bytes[ret->n] != 0;
		ret->n++;
	}
	if (ret->n_used < REGIONS_MIN || !are_apart(ret))
		return false;
	for (size_t i = 0; i < ret->n; i++)
		if (ret->bytes[i] != 0 && ret->base[i] == w->pte_base)
			ret->page_tables = (int)i;
	ret->nonpaged = holder(ret, w->nonpaged, w->n_nonpaged);
	ret->paged = holder(ret, w->paged, w->n_paged);
	ret->pfn = holder(ret, &w->pfn_database, w->pfn_database != 0);
	ret->checks = (uint32_t)(w->n_nonpaged + w->n_paged + ret->n_used + (ret->pfn >= 0));
	return ret->page_tables >= 0 && ret->nonpaged >= 0 && ret->nonpaged != ret->paged &&
	       (w->n_paged == 0 || ret->paged >= 0) && (w->pfn_database == 0 || ret->pfn >= 0);
}

/* ---- the search ---- */

struct found {
	struct psc_va_table tables[PSC_ALTERNATIVES_MAX];
	size_t n;
};

/* at: of the region of the page tables. The table starts somewhere before it: where the regions begin to make sense,
 * and not with one that is not in use. */
static void try_anchor(struct psc_kernel *k, const struct psc_witnesses *w, uint64_t at, struct found *ret)
{
	uint64_t start = at, base, bytes;
	struct psc_va_table t;
	for (unsigned i = 1; i < PSC_VA_REGIONS_MAX; i++) {
		uint64_t va = at - (uint64_t)i * REGION_BYTES;
		if (!region_read(k, va, &base, &bytes))
			break;
		if (bytes != 0)
			start = va;
	}
	if (!psc_va_table_check(k, w, start, PSC_VA_REGIONS_MAX, &t))
		return;
	for (size_t i = 0; i < ret->n; i++)
		if (ret->tables[i].va == t.va)
			return;
	if (ret->n < PSC_ALTERNATIVES_MAX)
		ret->tables[ret->n++] = t;
}

static bool same_ranges(const struct psc_va_table *a, const struct psc_va_table *b)
{
	return a->base[a->nonpaged] == b->base[b->nonpaged] && a->bytes[a->nonpaged] == b->bytes[b->nonpaged] &&
	       (a->paged < 0) == (b->paged < 0) &&
	       (a->paged < 0 || (a->base[a->paged] == b->base[b->paged] && a->bytes[a->paged] == b->bytes[b->paged]));
}

static void use(struct psc_kernel *k, const struct psc_va_table *t)
{
	const int index[2] = {t->nonpaged, t->paged};
	for (unsigned p = 0; p < 2; p++) {
		if (index[p] < 0)
			continue;
		k->pool_range[p].known = true;
		k->pool_range[p].lo = t->base[index[p]];
		k->pool_range[p].last = t->base[index[p]] + (t->bytes[index[p]] - 1);
	}
}

static void report(struct psc_kernel *k, const struct psc_witnesses *w, const struct found *f)
{
	static const char name[] = "_MI_VISIBLE_STATE.SystemVaRegions";
	uint64_t places[PSC_ALTERNATIVES_MAX];
	const struct psc_va_table *t = &f->tables[0];
	bool differ = false;
	for (size_t i = 0; i < f->n; i++) {
		places[i] = f->tables[i].va;
		differ |= !same_ranges(t, &f->tables[i]);
	}
	if (differ) {
		psc_infer_alternatives(
			k,
			psc_infer_note(k, name, "address", 0, PSC_CONFIDENCE_AMBIGUOUS, t->checks,
				       "%zu tables of regions hold what is known of the pools, and they differ", f->n),
			places, f->n);
		return;
	}
	enum psc_confidence c = t->paged >= 0 && t->pfn >= 0 ? PSC_CONFIDENCE_PROVEN : PSC_CONFIDENCE_LIKELY;
	struct psc_inferred *item = psc_infer_note(
		k, name, "address", t->va, c, t->checks,
		"%zu regions that do not overlap, one of them starting at the page tables; number %d holds the %zu "
		"addresses that are known to be nonpaged, number %d the %zu paged ones, number %d the page frame "
		"database",
		t->n_used, t->nonpaged, w->n_nonpaged, t->paged, w->n_paged, t->pfn);
	psc_infer_alternatives(k, item, places + 1, f->n - 1);
	use(k, t);
}

void psc_infer_regions(struct psc_kernel *k, const struct psc_kernel_data *d, const struct psc_witnesses *w)
{
	struct psc_pool_regions *regions;
	struct found f = {.n = 0};
	if (k->id.build < FIRST_BUILD || !psc_kernel_is_64bit(k) || w->pte_base == 0 || w->n_nonpaged < NONPAGED_MIN)
		return;
	regions = calloc(1, sizeof(*regions));
	if (!regions)
		return;
	psc_pool_regions_from_mi_state(k, regions);
	bool is_known = regions->has_nonpaged && regions->has_paged;
	free(regions);
	if (is_known)
		return;
	for (size_t j = 0; j < d->n; j++) {
		const struct psc_data_section *s = &d->sections[j];
		for (size_t i = 0; i < psc_data_words(k, s) && f.n < PSC_ALTERNATIVES_MAX; i++)
			if (psc_data_word(k, s, i) == w->pte_base)
				try_anchor(k, w, s->va + (uint64_t)i * 8, &f);
	}
	if (f.n != 0)
		report(k, w, &f);
}
