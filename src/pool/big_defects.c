/* SPDX-License-Identifier: MIT */
/* The table of big allocations against its own hash, and against the page tables. Reference: pool 4.3 [2], 4.4
 * [1], 10.1.
 *
 * An entry goes to the first slot from its hash on that is not in use. Slots never become unused again: they keep the
 * address of what was freed. So no slot that was never used lies between an entry and its hash. The hash has one
 * source, so it is believed only where nearly all entries obey it; likewise the page tables. */
#include "pool/internal.h"
#include "util/bytes.h"
#include "util/checked.h"

#include <stdlib.h>
#include <string.h>

#define PROVED_BY 4u /* entries: one of them obeys another table's hash once in thousands */

struct slot_map {
	struct psc_big_layout layout;
	uint64_t *never_used;
};

static bool mark_slot(void *arg, uint64_t index, const uint8_t *bytes)
{
	struct slot_map *m = arg;
	struct psc_big_page p;
	psc_big_entry_parse(bytes, &m->layout, &p);
	if (p.va == 0)
		m->never_used[index / 64] |= (uint64_t)1 << (index % 64);
	return true;
}

/* Whether one of the slots [lo, hi) was never used. */
static bool any_never_used(struct psc_big_proof *c, uint64_t lo, uint64_t hi)
{
	for (uint64_t i = lo; i < hi; i = (i | 63) + 1) {
		uint64_t word = c->never_used[i / 64] >> (i % 64);
		if (c->n_words_left == 0)
			return false;
		c->n_words_left--;
		if (hi - i < 64)
			word &= ((uint64_t)1 << (hi - i)) - 1;
		if (word != 0)
			return true;
	}
	return false;
}

static void check_slot(struct psc_big_proof *c, const struct psc_big_page *p)
{
	const uint64_t mask = c->n_entries - 1;
	uint64_t home = (c->k->is_vista_or_later ? psc_big_hash(p->va) : psc_big_hash_5(p->va)) & mask;
	c->n_slots++;
	if (home <= p->index ? !any_never_used(c, home, p->index)
			     : !any_never_used(c, home, mask + 1) && !any_never_used(c, 0, p->index))
		return;
	const struct psc_defect d = {c->table_va + p->index * c->layout.entry_bytes, c->table_va, home, p->index,
				     PSC_DEFECT_BIG_SLOT};
	psc_defects_add(&c->slots, &d);
}

/* What an entry of a page table must not say. Nonpaged pages are never away; paged ones may be anywhere. */
static bool is_absent(enum psc_va_state state, bool is_nonpaged)
{
	switch (state) {
	case PSC_VA_NOT_MAPPED:
	case PSC_VA_CORRUPT:
		return true;
	case PSC_VA_PAGED_OUT:
	case PSC_VA_DEMAND_ZERO:
	case PSC_VA_PROTOTYPE:
		return is_nonpaged;
	default:
		return false;
	}
}

static void check_pages(struct psc_big_proof *c, const struct psc_big_page *p)
{
	const struct psc_pool_region *region = c->regions ? psc_pool_region_at(c->regions, p->va) : NULL;
	const uint64_t last = p->va + (p->bytes - 1);
	bool is_typed = c->layout.type_kind != PSC_BIG_TYPE_NONE;
	bool is_nonpaged = p->pool == PSC_POOL_NONPAGED && (is_typed || (region && !region->by_bytes));
	/* Session space is in the page tables of its processes, and its pool is paged; what leaves its region is said
	 * already. */
	if ((c->regions && p->pool == PSC_POOL_SESSION) || (region && last > region->hi - 1))
		return;
	is_nonpaged = is_nonpaged && c->regions;
	c->n_mapped++;
	for (uint64_t va = p->va; c->n_pages_left != 0;) {
		struct psc_xlate x = psc_translate(c->reader, va);
		c->n_pages_left--;
		/* A process may lack entries of upper tables that others of its session have (pool 15): a whole table
		 * that is missing says nothing. */
		if (is_absent(x.state, is_nonpaged) && (c->regions || x.span_bytes <= PSC_PAGE_BYTES)) {
			const struct psc_defect d = {va, p->va, 0, x.entry, PSC_DEFECT_BIG_UNMAPPED};
			psc_defects_add(&c->pages, &d);
			return;
		}
		if (x.span_bytes == 0 || x.span_bytes - 1 >= last - va)
			return;
		va += x.span_bytes;
	}
}

bool psc_big_proof_begin(struct psc_big_proof *c)
{
	struct slot_map m = {.layout = c->layout};
	free(c->never_used);
	c->never_used = NULL;
	c->n_words_left = 4 * c->n_entries;
	if (!psc_is_pow2(c->n_entries))
		return true;
	const struct psc_table_visitor visitor = {mark_slot, NULL, &m};
	m.never_used = calloc((size_t)(c->n_entries / 64 + 1), sizeof(*m.never_used));
	if (!m.never_used)
		return false;
	psc_table_read(c->reader, c->table_va, c->n_entries, c->layout.entry_bytes, &visitor, NULL);
	c->never_used = m.never_used;
	return true;
}

void psc_big_proof_entry(struct psc_big_proof *c, const struct psc_big_page *p)
{
	if (c->never_used)
		check_slot(c, p);
	check_pages(c, p);
}

void psc_big_proof_finish(struct psc_big_proof *c, struct psc_defects *ret)
{
	if (c->n_slots - c->slots.n_found >= PROVED_BY && c->slots.n_found * 8 <= c->n_slots)
		psc_defects_merge(ret, &c->slots);
	if (c->pages.n_found * 2 <= c->n_mapped)
		psc_defects_merge(ret, &c->pages);
	psc_defects_deinit(&c->slots);
	psc_defects_deinit(&c->pages);
	free(c->never_used);
}

static bool check_entry(void *arg, const struct psc_big_page *p)
{
	struct psc_big_proof *c = arg;
	if (!p->is_free)
		psc_big_proof_entry(c, p);
	return !psc_image_is_cancelled(c->k->img);
}

static bool ignore(void *arg, const struct psc_big_page *p)
{
	(void)arg;
	(void)p;
	return false;
}

bool psc_big_pages_defects(struct psc_kernel *k, const struct psc_pool_regions *regions, struct psc_defects *ret)
{
	struct psc_big_proof c = {.k = k, .reader = &k->reader, .regions = regions};
	struct psc_big_pages table;
	psc_big_pages_check(k, ignore, NULL, NULL, &table);
	if (!table.available || !psc_big_layout_find(k, &c.layout))
		return true;
	c.table_va = table.table_va;
	c.n_entries = table.n_entries;
	c.n_pages_left = 4 * psc_image_pages_present(k->img) + 65536;
	if (!psc_big_proof_begin(&c))
		return false;
	psc_big_pages_check(k, check_entry, &c, ret, &table);
	psc_big_proof_finish(&c, ret);
	return true;
}
