/* SPDX-License-Identifier: MIT */
/* The walk, its software TLB, and the meaning of what it ends at. Page tables are read by physical address only; the
 * one exception, a prototype PTE, is a second walk that does not follow further ones. */
#include "paging/walk.h"

void psc_reader_init(struct psc_reader *r, const struct psc_space *sp)
{
	r->sp = sp;
	for (size_t i = 0; i < PSC_TLB_ENTRIES; i++)
		r->tlb[i].tag = 0;
	for (size_t i = 0; i < PSC_FRAME_SLOTS; i++)
		r->frames[i].n = 0;
	for (size_t i = 0; i < PSC_TABLE_LEVELS; i++) {
		r->tables[i].pfn = 0;
		r->tables[i].bytes = NULL;
	}
	r->scratch_pfn = 0;
}

enum psc_page_presence psc_frame_lookup(struct psc_reader *r, uint64_t pfn)
{
	struct psc_frame_slot *f = &r->frames[(pfn >> 9) % PSC_FRAME_SLOTS];
	uint64_t off;
	f->pfn = pfn;
	f->n = psc_image_contiguous(r->sp->img, pfn, 512 - (pfn & 511), &off);
	f->presence = PSC_PAGE_PRESENT;
	if (f->n == 0) {
		f->n = 1;
		f->presence = psc_image_locate(r->sp->img, pfn, &off);
	}
	return f->presence;
}

const uint8_t *psc_walk_load_table(struct psc_reader *r, unsigned level, uint64_t pa, enum psc_page_presence *ret)
{
	struct psc_table_slot *t = &r->tables[level];
	uint64_t pfn = pa >> PSC_PAGE_SHIFT;
	t->pfn = 0;
	const uint8_t *page = psc_image_page(r->sp->img, pfn, t->scratch, ret);
	if (!page)
		return NULL;
	t->bytes = page == t->scratch ? NULL : page;
	t->pfn = pfn + 1;
	return page + (pa & (PSC_PAGE_BYTES - 1));
}

uint64_t psc_walk_span(const struct psc_mmu_info *m, unsigned level, bool is_table, uint64_t va)
{
	if (is_table && level + 1 == m->n_levels)
		return va < m->low_end ? m->low_end - va : 0 - va;
	uint64_t size = (uint64_t)1 << m->shift[is_table ? level + 1 : level];
	return size - (va & (size - 1));
}

struct psc_walk psc_walk_upper(struct psc_reader *r, uint64_t va)
{
	const struct psc_space *sp = r->sp;
	const struct psc_mmu_info *m = &psc_mmu_infos[sp->mmu];
	struct psc_walk w = {.kind = PSC_WALK_TABLE, .table_pa = sp->top_pa, .presence = PSC_PAGE_PRESENT};
	for (unsigned level = m->n_levels - 1;; level--) {
		w.level = level;
		w.table = psc_walk_table(r, level, w.table_pa, &w.presence);
		if (!w.table) {
			bool beyond = w.table_pa >> PSC_PAGE_SHIFT > sp->highest_pfn && w.presence == PSC_PAGE_HOLE;
			w.kind = beyond ? PSC_WALK_CORRUPT : PSC_WALK_MISSING;
			return w;
		}
		if (level == 0)
			return w;
		w.entry = psc_mmu_load(m, w.table, psc_mmu_index(m, level, va));
		struct psc_entry en = psc_entry_decode(sp, level, w.entry);
		if (en.kind != PSC_ENTRY_TABLE) {
			w.kind = PSC_WALK_ENTRY;
			return w;
		}
		if (en.is_nx)
			w.flags |= PSC_WALK_NX;
		if (!en.is_writable)
			w.flags |= PSC_WALK_RO;
		w.table_pa = en.pa;
	}
}

static enum psc_page_presence presence_of_state(enum psc_va_state state)
{
	return state == PSC_VA_NOT_MAPPED || state == PSC_VA_CORRUPT ? PSC_PAGE_HOLE : PSC_PAGE_ABSENT;
}

/* x->pa is set from en: look the frame up. A frame above all memory is corrupt unless the container knows it after all,
 * or the mapping is one of device memory (reference: paging 13). */
static void finish_page(struct psc_reader *r, const struct psc_entry *en, uint64_t offset, unsigned flags,
			struct psc_xlate *x)
{
	uint64_t pfn = (en->pa + offset) >> PSC_PAGE_SHIFT;
	x->presence = psc_frame_presence(r, pfn);
	if (x->presence == PSC_PAGE_HOLE && pfn > r->sp->highest_pfn && !en->is_uncached) {
		x->state = PSC_VA_CORRUPT;
		return;
	}
	x->state = en->state;
	x->pa = en->pa + offset;
	x->is_nx = en->is_nx || (flags & PSC_WALK_NX) != 0;
	x->is_writable = en->is_writable && (flags & PSC_WALK_RO) == 0;
}

static void finish_other(const struct psc_entry *en, struct psc_xlate *x)
{
	x->state = en->state;
	x->presence = presence_of_state(en->state);
	x->pagefile_number = en->pagefile_number;
	x->pagefile_page = en->pagefile_page;
}

static struct psc_xlate translate(struct psc_reader *r, uint64_t va, bool follow);

/* One indirection only: whatever is again a prototype there is file-backed (reference: paging 5). */
static void follow_prototype(struct psc_reader *r, uint64_t va, uint64_t proto_va, unsigned flags, struct psc_xlate *x)
{
	const struct psc_space *sp = r->sp;
	size_t entry_bytes = (size_t)1 << psc_mmu_infos[sp->mmu].entry_shift;
	struct psc_xlate at = translate(r, proto_va, false);
	uint8_t bytes[8] = {0};
	if (!psc_xlate_is_readable(&at) || psc_image_read_pa(sp->img, at.pa, bytes, entry_bytes) != entry_bytes) {
		switch (at.state) {
		case PSC_VA_NOT_MAPPED:
		case PSC_VA_CORRUPT: /* or our idea of the layout is wrong */
			x->state = sp->softpte.known ? PSC_VA_CORRUPT : PSC_VA_UNKNOWN;
			break;
		case PSC_VA_PRESENT:
		case PSC_VA_TRANSITION:
		case PSC_VA_UNKNOWN:
			x->state = PSC_VA_UNKNOWN;
			break;
		default:
			x->state = PSC_VA_PROTOTYPE;
		}
		x->presence = presence_of_state(x->state);
		return;
	}
	struct psc_entry en = psc_entry_decode(sp, 0, psc_le64(bytes));
	if (en.kind == PSC_ENTRY_PAGE) {
		finish_page(r, &en, va & (PSC_PAGE_BYTES - 1), flags, x);
	} else {
		if (en.kind == PSC_ENTRY_PROTOTYPE)
			en.state = PSC_VA_PROTOTYPE;
		finish_other(&en, x);
	}
}

static struct psc_xlate translate_leaf(struct psc_reader *r, uint64_t va, uint64_t e, unsigned flags, bool follow)
{
	uint64_t offset = va & (PSC_PAGE_BYTES - 1);
	struct psc_xlate x = {.entry = e, .span_bytes = PSC_PAGE_BYTES - offset};
	struct psc_entry en = psc_entry_decode(r->sp, 0, e);
	if (en.kind == PSC_ENTRY_PAGE) {
		finish_page(r, &en, offset, flags, &x);
	} else if (en.kind == PSC_ENTRY_PROTOTYPE && follow) {
		follow_prototype(r, va, en.proto_va, flags, &x);
	} else {
		if (en.kind == PSC_ENTRY_PROTOTYPE)
			en.state = PSC_VA_PROTOTYPE;
		finish_other(&en, &x);
	}
	return x;
}

struct psc_xlate psc_translate_leaf(struct psc_reader *r, uint64_t va, uint64_t e, unsigned flags)
{
	return translate_leaf(r, va, e, flags, true);
}

struct psc_xlate psc_translate_upper(struct psc_reader *r, uint64_t va, const struct psc_walk *w)
{
	const struct psc_mmu_info *m = &psc_mmu_infos[r->sp->mmu];
	struct psc_xlate x = {.entry = w->entry};
	x.span_bytes = psc_walk_span(m, w->level, w->kind != PSC_WALK_ENTRY, va);
	if (w->kind != PSC_WALK_ENTRY) {
		x.state = w->kind == PSC_WALK_CORRUPT ? PSC_VA_CORRUPT : PSC_VA_UNKNOWN;
		x.presence = w->presence;
		return x;
	}
	struct psc_entry en = psc_entry_decode(r->sp, w->level, w->entry);
	if (en.kind != PSC_ENTRY_PAGE) {
		finish_other(&en, &x);
		return x;
	}
	uint64_t size = (uint64_t)1 << m->shift[w->level];
	finish_page(r, &en, va & (size - 1), w->flags, &x);
	x.is_large = x.state != PSC_VA_CORRUPT;
	return x;
}

static struct psc_xlate not_canonical(const struct psc_mmu_info *m, uint64_t va)
{
	struct psc_xlate x = {.state = PSC_VA_CORRUPT, .presence = PSC_PAGE_HOLE};
	x.span_bytes = m->high_start - va; /* 0 - va when there is no upper half */
	return x;
}

static void tlb_fill(struct psc_tlb_entry *t, uint64_t tag, const struct psc_walk *w)
{
	t->tag = tag;
	t->entry = w->entry;
	t->table_pa = (w->table_pa & ~(uint64_t)0xfff) | w->flags | w->level << PSC_WALK_LEVEL_SHIFT |
		      (unsigned)w->kind << PSC_WALK_KIND_SHIFT;
	t->table = NULL;
}

static struct psc_xlate translate(struct psc_reader *r, uint64_t va, bool follow)
{
	const struct psc_mmu_info *m = &psc_mmu_infos[r->sp->mmu];
	uint64_t region = va >> m->shift[1];
	struct psc_tlb_entry *t = &r->tlb[region % PSC_TLB_ENTRIES];
	if (t->tag != region + 1) {
		if (!psc_mmu_is_canonical(m, va))
			return not_canonical(m, va);
		struct psc_walk w = psc_walk_upper(r, va);
		tlb_fill(t, region + 1, &w);
		if (w.kind == PSC_WALK_TABLE)
			t->table = r->tables[0].bytes;
	}
	struct psc_walk hit = {.table_pa = t->table_pa & ~(uint64_t)0xfff, .entry = t->entry};
	hit.flags = (unsigned)t->table_pa & (PSC_WALK_NX | PSC_WALK_RO);
	hit.kind = (enum psc_walk_kind)(t->table_pa >> PSC_WALK_KIND_SHIFT & PSC_WALK_KIND_MASK);
	hit.level = (unsigned)(t->table_pa >> PSC_WALK_LEVEL_SHIFT & PSC_WALK_LEVEL_MASK);
	if (hit.kind == PSC_WALK_TABLE) {
		const uint8_t *table = t->table ? t->table : psc_walk_table(r, 0, hit.table_pa, &hit.presence);
		if (table)
			return translate_leaf(r, va, psc_mmu_load(m, table, psc_mmu_index(m, 0, va)), hit.flags,
					      follow);
		hit.kind = PSC_WALK_MISSING;
	} else if (hit.kind != PSC_WALK_ENTRY) {
		hit.presence = psc_frame_presence(r, hit.table_pa >> PSC_PAGE_SHIFT);
	}
	return psc_translate_upper(r, va, &hit);
}

struct psc_xlate psc_translate(struct psc_reader *r, uint64_t va)
{
	enum psc_mmu mmu = r->sp->mmu;
	if (mmu == PSC_MMU_NONE)
		return psc_translate_saved(r->sp, va);
	const struct psc_leaf_bits *b = &psc_mmu_infos[mmu].leaf;
	const struct psc_tlb_entry *t = &r->tlb[(va >> 21) % PSC_TLB_ENTRIES];
	if (mmu == PSC_MMU_X86 || t->tag != (va >> 21) + 1 || !t->table)
		return translate(r, va, true);
	uint64_t e = psc_le64(t->table + (va >> 12 & 0x1ff) * 8);
	unsigned flags = (unsigned)t->table_pa & (PSC_WALK_NX | PSC_WALK_RO);
	if (!psc_leaf_is_plain(r, b, e))
		return translate_leaf(r, va, e, flags, true);
	uint64_t offset = va & (PSC_PAGE_BYTES - 1);
	struct psc_xlate x = {.state = PSC_VA_PRESENT,
			      .pa = (e & b->frame) | offset,
			      .span_bytes = PSC_PAGE_BYTES - offset,
			      .presence = PSC_PAGE_PRESENT,
			      .entry = e,
			      .is_nx = psc_leaf_is_nx(b, e, flags),
			      .is_writable = psc_leaf_is_writable(b, e, flags)};
	return x;
}
