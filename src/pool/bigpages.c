/* SPDX-License-Identifier: MIT */
/* The big-page table: every allocation of whole pages. Reference: pool 4.1-4.4; state of an entry 4.3 [2]. */
#include "pool/internal.h"
#include "util/bytes.h"
#include "util/checked.h"

#include <string.h>

/* Of _POOL_TYPE, reference: pool 2.2 [V]. */
#define TYPE_PAGED   0x001u
#define TYPE_SESSION 0x020u
#define TYPE_NX      0x200u
/* Of the pool flags, reference: pool 4.2 [1]. */
#define FLAG_SESSION  0x004u
#define FLAG_NONPAGED 0x040u /* no-execute */
#define FLAG_PAGED    0x100u

#define BYTES_MAX  ((uint64_t)1 << 46) /* of one allocation */
#define NEAR_SLOTS 64u

/* va 0: never used. */
void psc_big_entry_parse(const uint8_t *bytes, const struct psc_big_layout *l, struct psc_big_page *ret)
{
	struct psc_cursor c = psc_cursor_init(bytes, l->entry_bytes);
	*ret = (struct psc_big_page){0};
	psc_cursor_seek(&c, l->va);
	uint64_t va = psc_cursor_ptr(&c, l->pointer_bytes);
	ret->is_free = (va & 1) != 0;
	ret->va = va & ~(uint64_t)1;
	psc_cursor_seek(&c, l->key);
	ret->tag = psc_cursor_u32(&c);
	psc_cursor_seek(&c, l->size);
	ret->bytes = psc_cursor_ptr(&c, l->size_width);
	if (l->size_in_pages)
		ret->bytes = ret->bytes > BYTES_MAX / PSC_PAGE_BYTES ? UINT64_MAX : ret->bytes * PSC_PAGE_BYTES;
	ret->pool = PSC_POOL_MAX;
	if (l->type_kind != PSC_BIG_TYPE_NONE) {
		psc_cursor_seek(&c, l->type);
		uint32_t type = psc_cursor_u32(&c) >> l->type_shift & l->type_mask;
		bool flags = l->type_kind == PSC_BIG_TYPE_POOL_FLAGS;
		ret->pool = (type & (flags ? FLAG_PAGED : TYPE_PAGED)) != 0 ? PSC_POOL_PAGED : PSC_POOL_NONPAGED;
		if ((type & (flags ? FLAG_SESSION : TYPE_SESSION)) != 0)
			ret->pool = PSC_POOL_SESSION;
		ret->is_nx = (type & (flags ? FLAG_NONPAGED : TYPE_NX)) != 0;
	}
	if (l->has_process) {
		psc_cursor_seek(&c, l->process);
		ret->process = psc_cursor_ptr(&c, l->pointer_bytes);
	}
}

struct reading {
	struct psc_kernel *k;
	struct psc_big_layout layout;
	const struct psc_pool_regions *regions; /* only where the entry has no type */
	bool (*visit)(void *arg, const struct psc_big_page *p);
	struct psc_defects *defects; /* NULL: not asked for */
	void *arg;
	struct psc_big_pages *ret;
	uint64_t n_near, n_placed;
	uint64_t n_left; /* work budget */
	bool stopped;
};

static enum psc_pool pool_by_address(const struct psc_pool_regions *regions, uint64_t va)
{
	const struct psc_pool_region *region = psc_pool_region_at(regions, va);
	if (region)
		return region->either ? PSC_POOL_MAX : region->pool;
	/* XP has one table for the system and its sessions. */
	return regions->has_nonpaged && regions->has_paged ? PSC_POOL_SESSION : PSC_POOL_NONPAGED;
}

static bool is_valid(const struct reading *s, const struct psc_big_page *p)
{
	uint64_t last;
	return p->va % PSC_PAGE_BYTES == 0 && psc_is_kernel_va(&s->k->space, p->va) && p->bytes != 0 &&
	       p->bytes <= BYTES_MAX && psc_add_u64(p->va, p->bytes - 1, &last) &&
	       (!s->k->space.is_32bit || last <= UINT32_MAX);
}

static bool entry(void *arg, uint64_t index, const uint8_t *bytes)
{
	struct reading *s = arg;
	struct psc_big_page p;
	if (s->n_left == 0) {
		s->stopped = true;
		s->ret->bytes_missing += (s->ret->n_entries - index) * s->ret->entry_bytes;
		return false;
	}
	s->n_left--;
	psc_big_entry_parse(bytes, &s->layout, &p);
	p.index = index;
	if (p.va == 0)
		return true;
	if (!is_valid(s, &p)) {
		s->ret->n_invalid++;
		if (s->defects) {
			const struct psc_defect d = {p.va, s->ret->table_va + index * s->ret->entry_bytes, 0, p.bytes,
						     PSC_DEFECT_BIG_ENTRY};
			psc_defects_add(s->defects, &d);
		}
		return true;
	}
	if (p.pool == PSC_POOL_MAX)
		p.pool = s->regions ? pool_by_address(s->regions, p.va) : PSC_POOL_NONPAGED;
	if (!psc_is_kernel_va(&s->k->space, p.process) || p.process % 8 != 0)
		p.process = 0;
	if (p.is_free) {
		s->ret->n_freed++;
	} else {
		s->ret->n_live++;
		uint64_t home = psc_big_hash(p.va) & (s->ret->n_entries - 1);
		s->n_placed++;
		s->n_near += ((index - home) & (s->ret->n_entries - 1)) < NEAR_SLOTS;
	}
	return s->visit(s->arg, &p);
}

static void check(const struct reading *s, struct psc_warnings *warnings)
{
	const struct psc_big_pages *b = s->ret;
	if (!psc_is_pow2(b->n_entries))
		psc_warn(warnings, "big-page table: %llu entries, not a power of two",
			 (unsigned long long)b->n_entries);
	/* Reference: pool 4.4 [1]: probes stay short, so a wrong stride or size puts entries far from home. */
	else if (s->k->is_vista_or_later && s->n_placed >= 32 && s->n_near * 2 < s->n_placed)
		psc_warn(warnings,
			 "big-page table: %llu of %llu entries are far from their hash slot; size or layout may be "
			 "wrong",
			 (unsigned long long)(s->n_placed - s->n_near), (unsigned long long)s->n_placed);
	if (b->n_invalid != 0)
		psc_warn(warnings, "big-page table: %llu entries make no sense and were left out",
			 (unsigned long long)b->n_invalid);
	if (b->bytes_missing != 0)
		psc_warn(warnings, "big-page table: %llu of %llu bytes are not in the dump",
			 (unsigned long long)b->bytes_missing, (unsigned long long)(b->n_entries * b->entry_bytes));
	uint64_t in_use = b->entries_in_use > 0 ? (uint64_t)b->entries_in_use : 0;
	uint64_t differ = in_use > b->n_live ? in_use - b->n_live : b->n_live - in_use;
	if (b->entries_in_use >= 0 && b->bytes_missing == 0 && differ > 16 + in_use / 64)
		psc_warn(warnings, "big-page table: %llu live entries, but ExpPoolBigEntriesInUse is %lld",
			 (unsigned long long)b->n_live, (long long)b->entries_in_use);
}

static enum psc_status read_all(struct psc_kernel *k, bool (*visit)(void *arg, const struct psc_big_page *p), void *arg,
				struct psc_defects *defects, struct psc_warnings *warnings, struct psc_big_pages *ret)
{
	struct psc_pool_globals g;
	struct psc_pool_regions regions;
	struct reading s = {0};
	memset(ret, 0, sizeof(*ret));
	ret->entries_in_use = -1;
	psc_pool_globals_find(k, warnings, &g);
	if (!g.has_big) {
		ret->why_not = g.why_no_big;
		return PSC_OK;
	}
	if (!psc_big_layout_find(k, &s.layout)) {
		ret->why_not = "the layout of _POOL_TRACKER_BIG_PAGES is not known for this build";
		return PSC_OK;
	}
	s.k = k;
	s.n_left = psc_table_entries_max(k, s.layout.entry_bytes);
	s.visit = visit;
	s.defects = defects;
	s.arg = arg;
	s.ret = ret;
	if (s.layout.type_kind == PSC_BIG_TYPE_NONE) {
		psc_pool_regions_find(k, warnings, &regions);
		s.regions = &regions;
	}
	ret->table_va = g.big_table;
	ret->n_entries = g.big_size;
	ret->entry_bytes = s.layout.entry_bytes;
	uint32_t in_use;
	if (psc_kernel_read_u32(k, PSC_SYM_ExpPoolBigEntriesInUse, &in_use) && in_use <= INT32_MAX)
		ret->entries_in_use = in_use;

	const struct psc_table_visitor visitor = {entry, NULL, &s};
	bool to_the_end = psc_table_read(&k->reader, ret->table_va, ret->n_entries, s.layout.entry_bytes, &visitor,
					 &ret->bytes_missing);
	if (ret->bytes_missing >= ret->n_entries * ret->entry_bytes) {
		ret->why_not = "the big-page table is not in the dump";
		return PSC_OK;
	}
	ret->available = true;
	if (s.stopped)
		psc_warn(warnings, "big-page table: its pages repeat themselves; reading stopped");
	if (to_the_end || s.stopped)
		check(&s, warnings);
	return PSC_OK;
}

enum psc_status psc_big_pages_read(struct psc_kernel *k, bool (*visit)(void *arg, const struct psc_big_page *p),
				   void *arg, struct psc_warnings *warnings, struct psc_arena *arena,
				   struct psc_big_pages *ret, struct psc_error *reterr)
{
	(void)arena;
	(void)reterr;
	return read_all(k, visit, arg, NULL, warnings, ret);
}

void psc_big_pages_check(struct psc_kernel *k, bool (*visit)(void *arg, const struct psc_big_page *p), void *arg,
			 struct psc_defects *defects, struct psc_big_pages *ret)
{
	(void)read_all(k, visit, arg, defects, NULL, ret);
}

void psc_big_table_check(struct psc_kernel *k, struct psc_reader *r, const struct psc_big_layout *layout, uint64_t va,
			 uint64_t n, bool (*visit)(void *arg, const struct psc_big_page *p), void *arg,
			 struct psc_defects *defects)
{
	struct psc_big_pages found = {.table_va = va, .n_entries = n, .entry_bytes = layout->entry_bytes};
	struct reading s = {
		.k = k,
		.layout = *layout,
		.visit = visit,
		.defects = defects,
		.arg = arg,
		.ret = &found,
		.n_left = n,
	};
	const struct psc_table_visitor visitor = {entry, NULL, &s};
	psc_table_read(r, va, n, layout->entry_bytes, &visitor, NULL);
}
