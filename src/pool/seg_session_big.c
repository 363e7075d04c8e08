/* SPDX-License-Identifier: MIT */
/* The big-page table that each session has of its own up to 22000: what the storage of a session's heap that has no
 * header is named. Reference: pool 4.1 [V], entry 4.2, 4.3. */
#include "pool/seg_heap.h"
#include "util/checked.h"
#include "util/vec.h"

#include <stdlib.h>

#define ENTRIES_MAX ((uint64_t)1 << 20) /* of one session */
#define KEPT_MAX    ((size_t)1 << 20)   /* of all */

struct reading {
	struct psc_seg *s;
	struct psc_big_layout layout;
	uint32_t space;
	bool no_memory;
};

static bool entry(void *arg, uint64_t index, const uint8_t *bytes)
{
	struct reading *g = arg;
	struct psc_seg *s = g->s;
	struct psc_big_page p;
	struct {
		struct psc_session_big *items;
		size_t n, cap;
	} v = {s->session_big, s->n_session_big, s->cap_session_big};
	(void)index;
	if (s->session_entries_left == 0 || v.n == KEPT_MAX)
		return false;
	s->session_entries_left--;
	psc_big_entry_parse(bytes, &g->layout, &p);
	if (p.va == 0 || p.is_free || p.va % PSC_PAGE_BYTES != 0 || !psc_is_kernel_va(&s->k->space, p.va) ||
	    p.bytes == 0)
		return true;
	if (!PSC_VEC_RESERVE_ONE(&v)) {
		g->no_memory = true;
		return false;
	}
	if (!psc_is_kernel_va(&s->k->space, p.process) || p.process % 8 != 0)
		p.process = 0;
	v.items[v.n++] = (struct psc_session_big){p.va, p.bytes, p.process, g->space, p.tag};
	s->session_big = v.items;
	s->n_session_big = v.n;
	s->cap_session_big = v.cap;
	return true;
}

bool psc_seg_read_session_big(struct psc_seg *s, struct psc_reader *r, uint64_t session, uint32_t space,
			      struct psc_warnings *warnings)
{
	const struct psc_profile *profile = &s->k->profile;
	const struct psc_field *table = psc_profile_field(profile, PSC_FIELD_MM_SESSION_SPACE_PoolTrackBigPages);
	const struct psc_field *size = psc_profile_field(profile, PSC_FIELD_MM_SESSION_SPACE_PoolTrackBigPagesSize);
	struct reading g = {.s = s, .space = space};
	uint64_t va, n, missing = 0;
	if (!table || !size || !psc_big_layout_find(s->k, &g.layout) ||
	    !psc_read_ptr(r, session + table->offset, &va) || !psc_read_ptr(r, session + size->offset, &n) || va == 0)
		return true;
	if (!psc_is_kernel_va(r->sp, va) || !psc_is_pow2(n) || n > ENTRIES_MAX) {
		psc_warn(warnings, "the big-page table of the session at 0x%llx makes no sense",
			 (unsigned long long)session);
		return true;
	}
	const struct psc_table_visitor visitor = {entry, NULL, &g};
	psc_table_read(r, va, n, g.layout.entry_bytes, &visitor, &missing);
	if (missing != 0)
		psc_warn(warnings,
			 "the big-page table of the session at 0x%llx: %llu of %llu bytes are not in the dump",
			 (unsigned long long)session, (unsigned long long)missing,
			 (unsigned long long)(n * g.layout.entry_bytes));
	return !g.no_memory;
}

static int by_place(const void *pa, const void *pb)
{
	const struct psc_session_big *a = pa, *b = pb;
	if (a->space != b->space)
		return a->space < b->space ? -1 : 1;
	return a->va < b->va ? -1 : a->va > b->va;
}

void psc_seg_sort_session_big(struct psc_seg *s)
{
	if (s->n_session_big > 1)
		qsort(s->session_big, s->n_session_big, sizeof(*s->session_big), by_place);
}

bool psc_seg_name_session_big(const struct psc_seg *s, uint32_t space, struct psc_block *b)
{
	const struct psc_session_big key = {.va = b->va, .space = space};
	const struct psc_session_big *found =
		s->n_session_big != 0 && space != 0
			? bsearch(&key, s->session_big, s->n_session_big, sizeof(key), by_place)
			: NULL;
	if (!found)
		return false;
	b->has_tag = true;
	b->tag = found->tag;
	b->process = found->process;
	/* What was asked for; not more than there is. */
	b->size_bytes = psc_min_u64(b->size_bytes, found->bytes);
	return true;
}
