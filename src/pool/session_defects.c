/* SPDX-License-Identifier: MIT */
/* The big-page table that each session has of its own, from Vista to 22000 (pool 4.1 [V]), as the kernel's own is
 * checked: entries that make no sense, hash slots, page tables; and two entries of one table for the same memory. */
#include "pool/internal.h"
#include "util/checked.h"
#include "util/vec.h"

#include <stdlib.h>

#define ENTRIES_MAX ((uint64_t)1 << 20) /* of one session */

struct live {
	uint64_t va, bytes;
};

struct checking {
	struct psc_kernel *k;
	const struct psc_field *table, *size;
	struct psc_defects *ret;
	struct psc_big_proof big;
	uint64_t n_entries_left; /* work */
	struct live *items;      /* of one session */
	size_t n, cap;
	bool no_memory;
};

static bool check_entry(void *arg, const struct psc_big_page *p)
{
	struct checking *c = arg;
	if (p->is_free)
		return true;
	psc_big_proof_entry(&c->big, p);
	if (!PSC_VEC_RESERVE_ONE(c)) {
		c->no_memory = true;
		return false;
	}
	c->items[c->n++] = (struct live){p->va, p->bytes};
	return !psc_image_is_cancelled(c->k->img);
}

static int by_va(const void *pa, const void *pb)
{
	const struct live *a = pa, *b = pb;
	if (a->va != b->va)
		return a->va < b->va ? -1 : 1;
	return a->bytes < b->bytes ? 1 : a->bytes > b->bytes ? -1 : 0;
}

static void check_overlaps(struct checking *c)
{
	uint64_t last = 0; /* of the highest before */
	const struct live *highest = NULL;
	if (c->n > 1)
		qsort(c->items, c->n, sizeof(*c->items), by_va);
	for (size_t i = 0; i < c->n; i++) {
		const struct live *b = &c->items[i];
		const struct psc_defect again = {b->va, 0, 0, 0, PSC_DEFECT_BIG_DUPLICATE};
		if (i > 0 && c->items[i - 1].va == b->va) {
			psc_defects_add(c->ret, &again);
			continue;
		}
		if (highest && b->va <= last) {
			const struct psc_defect d = {b->va, highest->va, last + 1, b->va, PSC_DEFECT_BIG_OVERLAP};
			psc_defects_add(c->ret, &d);
		}
		if (!highest || b->va + (b->bytes - 1) > last) {
			last = b->va + (b->bytes - 1);
			highest = b;
		}
	}
}

static bool visit(void *arg, const struct psc_session *s)
{
	struct checking *c = arg;
	uint64_t va, n;
	if (!psc_read_ptr(s->reader, s->va + c->table->offset, &va) ||
	    !psc_read_ptr(s->reader, s->va + c->size->offset, &n) || !psc_is_kernel_va(s->reader->sp, va) ||
	    !psc_is_pow2(n) || n > ENTRIES_MAX || n > c->n_entries_left)
		return true;
	c->n_entries_left -= n;
	c->n = 0;
	c->big.reader = s->reader;
	c->big.table_va = va;
	c->big.n_entries = n;
	if (!psc_big_proof_begin(&c->big)) {
		c->no_memory = true;
		return false;
	}
	psc_big_table_check(c->k, s->reader, &c->big.layout, va, n, check_entry, c, c->ret);
	check_overlaps(c);
	return !c->no_memory && !psc_image_is_cancelled(c->k->img);
}

bool psc_sessions_defects(struct psc_kernel *k, struct psc_defects *ret)
{
	struct checking c = {.k = k, .ret = ret, .big = {.k = k}};
	struct psc_sessions all;
	c.table = psc_profile_field(&k->profile, PSC_FIELD_MM_SESSION_SPACE_PoolTrackBigPages);
	c.size = psc_profile_field(&k->profile, PSC_FIELD_MM_SESSION_SPACE_PoolTrackBigPagesSize);
	if (!c.table || !c.size || !psc_big_layout_find(k, &c.big.layout))
		return true;
	c.n_entries_left = psc_table_entries_max(k, c.big.layout.entry_bytes);
	c.big.n_pages_left = 4 * psc_image_pages_present(k->img) + 65536;
	psc_sessions_visit(k, visit, &c, &all);
	psc_big_proof_finish(&c.big, ret);
	free(c.items);
	return !c.no_memory && !all.no_memory;
}
