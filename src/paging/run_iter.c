/* SPDX-License-Identifier: MIT */
/* Mapped runs in address order. Pieces (one entry, or equal neighbours of one table) are found one after the other and
 * merged; the piece that ends a run waits in it->pending. */
#include "paging/walk.h"
#include "util/checked.h"
#include "util/error.h"
#include <string.h>

#define BUDGET_EXTRA 65536
#define COST_TABLE   64 /* in 64ths of a table visit */
#define COST_PROTO   8
#define COST_FRAME   1

void psc_run_iter_init(struct psc_run_iter *it, struct psc_reader *r, uint64_t lo, uint64_t hi, uint64_t max_run_bytes)
{
	memset(it, 0, sizeof(*it));
	it->r = r;
	it->next_va = lo;
	it->last_va = hi - 1;
	it->at_end = hi != 0 && lo >= hi;
	if (r->sp->is_32bit) {
		it->last_va = psc_min_u64(it->last_va, UINT32_MAX);
		it->at_end = it->at_end || lo > it->last_va;
	}
	it->max_run_bytes = max_run_bytes;
	/* Tables are pages of the dump, and most pages are not tables. What the header describes but the file does not
	 * hold does not count: a crafted header may describe 2^40 pages. */
	it->budget = psc_image_pages_present(r->sp->img) / 8 + BUDGET_EXTRA;
}

/* false: not enough left. */
static bool charge(struct psc_run_iter *it, uint32_t n_64ths)
{
	it->spent_64ths += n_64ths;
	while (it->spent_64ths >= COST_TABLE) {
		if (it->budget == 0)
			return false;
		it->budget--;
		it->spent_64ths -= COST_TABLE;
	}
	return true;
}

/* Go on behind n bytes from next_va; returns n cut at the end of the range. */
static uint64_t consume(struct psc_run_iter *it, uint64_t n)
{
	uint64_t left = it->last_va - it->next_va;
	if (n > left) {
		it->at_end = true;
		return left == UINT64_MAX ? left : left + 1;
	}
	it->next_va += n;
	return n;
}

static struct psc_va_run piece_of(uint64_t va, const struct psc_xlate *x)
{
	struct psc_va_run p = {.va = va, .state = x->state, .presence = x->presence};
	if (x->state == PSC_VA_PRESENT || x->state == PSC_VA_TRANSITION) {
		p.pa = x->pa;
		p.is_nx = x->is_nx;
		p.is_writable = x->is_writable;
		p.is_large = x->is_large;
	}
	return p;
}

/* Entries from index on that are zero; at most n. */
static unsigned count_zero(const struct psc_mmu_info *m, const uint8_t *table, unsigned index, unsigned n)
{
	const uint8_t *p = table + ((size_t)index << m->entry_shift);
	size_t left = (size_t)n << m->entry_shift, i = 0;
	while (left - i >= 64) {
		uint64_t any = 0;
		for (size_t k = 0; k < 64; k += 8)
			any |= psc_le64(p + i + k);
		if (any)
			break;
		i += 64;
	}
	unsigned done = (unsigned)(i >> m->entry_shift);
	while (done < n && psc_mmu_load(m, table, index + done) == 0)
		done++;
	return done;
}

/* Neighbours of a valid 64-bit entry that go on where it ends, at most n with itself. */
static unsigned count_consecutive(const struct psc_leaf_bits *b, const uint8_t *table, unsigned index, unsigned n)
{
	uint64_t e = psc_le64(table + (size_t)index * 8), same = b->frame | b->nx | b->write | b->valid;
	unsigned k = 1;
	while (k < n && ((psc_le64(table + ((size_t)index + k) * 8) ^ (e + ((uint64_t)k << 12))) & same) == 0)
		k++;
	return k;
}

/* PSC_DONE: nothing mapped here, go on. */
static enum psc_status leaf_piece(struct psc_run_iter *it, struct psc_va_run *ret)
{
	struct psc_reader *r = it->r;
	const struct psc_mmu_info *m = &psc_mmu_infos[r->sp->mmu];
	enum psc_page_presence presence;
	uint64_t va = it->next_va, offset = va & (PSC_PAGE_BYTES - 1);
	const uint8_t *table = psc_walk_table(r, 0, it->cur_leaf_pa & ~(uint64_t)0xfff, &presence);
	if (!table) {
		struct psc_va_run lost = {.va = va, .state = PSC_VA_UNKNOWN, .presence = presence};
		lost.size_bytes = consume(it, psc_walk_span(m, 0, true, va));
		*ret = lost;
		return PSC_OK;
	}
	unsigned index = psc_mmu_index(m, 0, va), left = m->n_entries[0] - index;
	uint64_t e = psc_mmu_load(m, table, index);
	if (e == 0) {
		consume(it, ((uint64_t)count_zero(m, table, index, left) << PSC_PAGE_SHIFT) - offset);
		return PSC_DONE;
	}
	unsigned flags = (unsigned)it->cur_leaf_pa & (PSC_WALK_NX | PSC_WALK_RO);
	const struct psc_leaf_bits *b = &m->leaf;
	if (m->entry_shift == 3 && psc_leaf_is_plain(r, b, e)) {
		uint64_t pfn = (e & b->frame) >> PSC_PAGE_SHIFT;
		const struct psc_frame_slot *f = psc_frame_slot(r, pfn);
		uint64_t known = f->pfn + f->n - pfn;
		unsigned n = count_consecutive(b, table, index, known < left ? (unsigned)known : left);
		ret->va = va;
		ret->size_bytes = consume(it, ((uint64_t)n << PSC_PAGE_SHIFT) - offset);
		ret->state = PSC_VA_PRESENT;
		ret->presence = PSC_PAGE_PRESENT;
		ret->pa = (e & b->frame) | offset;
		ret->is_nx = psc_leaf_is_nx(b, e, flags);
		ret->is_writable = psc_leaf_is_writable(b, e, flags);
		ret->is_large = false;
		return PSC_OK;
	}
	if ((e & (X64_VALID | 0x400)) == 0x400 && !charge(it, COST_PROTO))
		return PSC_E_LIMIT;
	struct psc_xlate x = psc_translate_leaf(r, va, e, flags);
	*ret = piece_of(va, &x);
	ret->size_bytes = consume(it, PSC_PAGE_BYTES - offset);
	return x.state == PSC_VA_NOT_MAPPED ? PSC_DONE : PSC_OK;
}

/* A part of a large page with equal presence. */
static enum psc_status large_piece(struct psc_run_iter *it, const struct psc_walk *w, const struct psc_xlate *x,
				   struct psc_va_run *ret)
{
	struct psc_reader *r = it->r;
	uint64_t va = it->next_va, n = 0;
	uint64_t end = psc_min_u64(x->span_bytes, psc_min_u64(it->last_va - va, UINT64_MAX - 1) + 1);
	*ret = piece_of(va, x);
	for (unsigned i = 0; n < end && i < 512; i++) {
		uint64_t pa = ret->pa + n;
		if (n != 0 && (psc_frame_presence(r, pa >> PSC_PAGE_SHIFT) != ret->presence ||
			       (ret->presence == PSC_PAGE_HOLE && psc_translate_upper(r, va + n, w).state != x->state)))
			break;
		if (!charge(it, COST_FRAME))
			return PSC_E_LIMIT;
		const struct psc_frame_slot *f = psc_frame_slot(r, pa >> PSC_PAGE_SHIFT);
		n += ((f->pfn + f->n) << PSC_PAGE_SHIFT) - pa;
	}
	ret->size_bytes = consume(it, psc_min_u64(n, end));
	return PSC_OK;
}

/* Find out what maps next_va: enter its page table (PSC_DONE), or give a piece of what an upper level says. */
static enum psc_status upper_piece(struct psc_run_iter *it, struct psc_va_run *ret)
{
	struct psc_reader *r = it->r;
	const struct psc_mmu_info *m = &psc_mmu_infos[r->sp->mmu];
	uint64_t va = it->next_va;
	struct psc_walk w = psc_walk_upper(r, va);
	unsigned lowest = w.table ? w.level : w.level + 1;
	for (unsigned level = m->n_levels - 1; level-- > lowest;) {
		uint64_t region = (va >> m->shift[level + 1]) + 1;
		if (it->visited[level] == region)
			continue;
		it->visited[level] = region;
		if (!charge(it, COST_TABLE))
			return PSC_E_LIMIT;
	}
	if (w.kind == PSC_WALK_TABLE) {
		it->cur_leaf_base = (va >> m->shift[1]) + 1;
		it->cur_leaf_pa = w.table_pa | w.flags;
		return PSC_DONE;
	}
	if (w.kind == PSC_WALK_ENTRY && w.entry == 0) {
		unsigned index = psc_mmu_index(m, w.level, va), left = m->n_entries[w.level] - index;
		if (w.level + 1 == m->n_levels && m->high_start != 0 && va < m->low_end)
			left -= m->n_entries[w.level] / 2u; /* the table goes on in the upper half */
		uint64_t size = (uint64_t)1 << m->shift[w.level];
		uint64_t n = count_zero(m, w.table, index, left);
		consume(it, n * size - (va & (size - 1)));
		return PSC_DONE;
	}
	struct psc_xlate x = psc_translate_upper(r, va, &w);
	if (x.is_large)
		return large_piece(it, &w, &x, ret);
	*ret = piece_of(va, &x);
	ret->size_bytes = consume(it, x.span_bytes);
	return x.state == PSC_VA_NOT_MAPPED ? PSC_DONE : PSC_OK;
}

static enum psc_status next_piece(struct psc_run_iter *it, struct psc_va_run *ret)
{
	const struct psc_space *sp = it->r->sp;
	const struct psc_mmu_info *m = &psc_mmu_infos[sp->mmu];
	enum psc_status st = PSC_DONE;
	while (st == PSC_DONE && !it->at_end) {
		if (sp->mmu == PSC_MMU_NONE) {
			struct psc_xlate x = psc_translate_saved(sp, it->next_va);
			*ret = piece_of(it->next_va, &x);
			ret->size_bytes = consume(it, x.span_bytes);
			return PSC_OK;
		}
		if (it->cur_leaf_base == (it->next_va >> m->shift[1]) + 1)
			st = leaf_piece(it, ret);
		else if (psc_mmu_is_canonical(m, it->next_va))
			st = upper_piece(it, ret);
		else
			consume(it, m->high_start - it->next_va);
	}
	return st;
}

static bool continues(const struct psc_va_run *a, const struct psc_va_run *b, bool has_pa)
{
	if (b->va != a->va + a->size_bytes || b->state != a->state || b->size_bytes > UINT64_MAX - a->size_bytes)
		return false;
	if (!has_pa || (a->state != PSC_VA_PRESENT && a->state != PSC_VA_TRANSITION))
		return true;
	return b->pa == a->pa + a->size_bytes && b->presence == a->presence && b->is_nx == a->is_nx &&
	       b->is_writable == a->is_writable && b->is_large == a->is_large;
}

/* Take the first size bytes off the pending piece; false when nothing is left of it. */
static bool drop(struct psc_run_iter *it, uint64_t size)
{
	struct psc_va_run *p = &it->pending;
	p->va += size;
	p->size_bytes -= size;
	if (it->r->sp->mmu != PSC_MMU_NONE && (p->state == PSC_VA_PRESENT || p->state == PSC_VA_TRANSITION))
		p->pa += size;
	return p->size_bytes != 0;
}

enum psc_status psc_run_iter_next(struct psc_run_iter *it, struct psc_va_run *ret, struct psc_error *reterr)
{
	bool has_pa = it->r->sp->mmu != PSC_MMU_NONE;
	uint64_t max = it->max_run_bytes;
	enum psc_status st = PSC_OK;
	if (!it->has_pending)
		st = it->limit_hit ? PSC_E_LIMIT : next_piece(it, &it->pending);
	if (st == PSC_E_LIMIT) {
		it->limit_hit = true;
		return psc_fail(reterr, st, PSC_WHERE_VA, it->next_va,
				"page tables loop or repeat: more of them visited than this dump can hold");
	}
	if (st != PSC_OK)
		return st;
	*ret = it->pending;
	if (max != 0 && ret->size_bytes > max)
		ret->size_bytes = max;
	it->has_pending = drop(it, ret->size_bytes);
	while (!it->has_pending && !it->limit_hit && (max == 0 || ret->size_bytes < max)) {
		struct psc_va_run *p = &it->pending;
		st = next_piece(it, p);
		if (st != PSC_OK) {
			it->limit_hit = st == PSC_E_LIMIT;
			break;
		}
		it->has_pending = true;
		if (!continues(ret, p, has_pa))
			break;
		uint64_t size = p->size_bytes;
		if (max != 0 && size > max - ret->size_bytes)
			size = max - ret->size_bytes;
		ret->size_bytes += size;
		it->has_pending = drop(it, size);
	}
	return PSC_OK;
}
