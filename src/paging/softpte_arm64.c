/* SPDX-License-Identifier: MIT */
#include "paging/softpte.h"
#include "paging/walk.h"
#include "util/checked.h"

#include <stdlib.h>

#define SAMPLES_MAX 4096u
#define MIN_SAMPLES 16u
#define MAX_TABLES  ((unsigned)1 << 16)

#define PROTOTYPE  0x400u
#define TRANSITION 0x800u
#define RESERVED   0xffff000000000000u

struct census {
	const struct psc_space *sp;
	struct psc_arm64_fit *ret;
	uint64_t frames[SAMPLES_MAX];
	bool is_mapped[SAMPLES_MAX];
	unsigned n;
};

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static void take_invalid(struct census *c, uint64_t e)
{
	uint64_t off, pfn = (e & ARM64_FRAME) >> PSC_PAGE_SHIFT;
	c->ret->n_invalid++;
	if ((e & (PROTOTYPE | TRANSITION)) != TRANSITION || c->ret->n_transition == SAMPLES_MAX)
		return;
	c->ret->n_transition++;
	if ((e & RESERVED) == 0 && pfn <= c->sp->highest_pfn &&
	    psc_image_locate(c->sp->img, pfn, &off) != PSC_PAGE_HOLE)
		c->frames[c->n++] = pfn;
}

static void sort_frames(struct census *c)
{
	unsigned n = 0;
	qsort(c->frames, c->n, sizeof(*c->frames), by_number);
	for (unsigned i = 0; i < c->n; i++)
		if (n == 0 || c->frames[n - 1] != c->frames[i])
			c->frames[n++] = c->frames[i];
	c->n = n;
	c->ret->n_frames = n;
}

/* The samples in [pfn, pfn + n). */
static void mark_mapped(struct census *c, uint64_t pfn, uint64_t n)
{
	unsigned lo = 0, hi = c->n;
	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;
		if (c->frames[mid] < pfn)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < c->n && c->frames[lo] - pfn < n; lo++)
		c->is_mapped[lo] = true;
}

static void take_table(struct census *c, const uint8_t *table, unsigned first, bool is_second_pass)
{
	for (unsigned i = first; i < 512; i++) {
		uint64_t e = psc_le64(table + (size_t)i * 8);
		if (!is_second_pass && e != 0 && (e & ARM64_VALID) == 0)
			take_invalid(c, e);
		else if (is_second_pass && (e & ARM64_PAGE) == ARM64_PAGE)
			mark_mapped(c, (e & ARM64_FRAME) >> PSC_PAGE_SHIFT, 1);
	}
}

static void walk_tables(struct census *c, uint64_t lo, uint64_t hi, bool is_second_pass)
{
	const struct psc_mmu_info *m = &psc_mmu_infos[c->sp->mmu];
	uint64_t va = lo, last = hi - 1;
	struct psc_reader r;
	psc_reader_init(&r, c->sp);
	for (unsigned n_tables = 0; n_tables < MAX_TABLES; n_tables++) {
		if (!psc_mmu_is_canonical(m, va)) {
			va = m->high_start;
			if (va > last)
				return;
		}
		struct psc_walk w = psc_walk_upper(&r, va);
		uint64_t span = psc_walk_span(m, w.level, w.kind != PSC_WALK_ENTRY, va);
		if (w.kind == PSC_WALK_TABLE) {
			take_table(c, w.table, psc_mmu_index(m, 0, va), is_second_pass);
			span = psc_walk_span(m, 0, true, va);
		} else if (w.kind == PSC_WALK_ENTRY && is_second_pass) {
			struct psc_entry en = psc_entry_decode(c->sp, w.level, w.entry);
			if (en.kind == PSC_ENTRY_PAGE)
				mark_mapped(c, en.pa >> PSC_PAGE_SHIFT,
					    (uint64_t)1 << (m->shift[w.level] - PSC_PAGE_SHIFT));
		}
		if (span > last - va)
			return;
		va += span;
	}
}

/* 15 of 16 */
static bool is_most(unsigned part, unsigned whole)
{
	return part >= whole - whole / 16;
}

bool psc_softpte_try_arm64(const struct psc_space *sp, uint64_t lo, uint64_t hi, struct psc_arm64_fit *ret)
{
	*ret = (struct psc_arm64_fit){0};
	if (!psc_mmu_is_arm64(sp->mmu) || (hi != 0 && lo >= hi))
		return false;
	struct census *c = calloc(1, sizeof(*c));
	if (!c)
		return false; /* not proven */
	c->sp = sp;
	c->ret = ret;
	walk_tables(c, lo, hi, false);
	sort_frames(c);
	if (ret->n_transition >= MIN_SAMPLES && is_most(ret->n_frames, ret->n_transition)) {
		walk_tables(c, lo, hi, true);
		for (unsigned i = 0; i < c->n; i++)
			ret->n_alone += !c->is_mapped[i];
	}
	free(c);
	return ret->n_transition >= MIN_SAMPLES && is_most(ret->n_alone, ret->n_transition);
}
