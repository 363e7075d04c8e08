/* SPDX-License-Identifier: MIT */
/* Per-processor lookasides of 7 (in place) and 2003 (pointers), with lists that loop, meet and lie. */
#include "test_pool_machine.h"

#define PRCB    0xfffffa8000100000u
#define BLOCKS  0xfffffa8000200000u
#define LISTS   0xfffffa8000300000u
#define NPAGED7 0x880u /* KPRCB.PPNPagedLookasideList of 7 [V] */
#define PAGED7  0x1480u
#define NPAGED5 0x980u /* of 2003 x64 */
#define PAGED5  0xb80u

static uint64_t block(unsigned i)
{
	return BLOCKS + i * (uint64_t)0x40 + 0x10;
}

static void map(struct pm *m, uint64_t va, uint64_t n)
{
	for (uint64_t at = va & ~(uint64_t)0xfff; at < va + n; at += 0x1000)
		fake_page(&m->f, at);
}

static void head(struct pm *m, uint64_t va, uint64_t first, unsigned depth)
{
	fake_put64(&m->f, va, depth);
	fake_put64(&m->f, va + 8, first | 1); /* sixteen-byte form */
}

static void chain(struct pm *m, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		fake_put64(&m->f, block(i), i + 1 < to ? block(i + 1) : 0);
}

static void open_with_prcb(struct pm *m, uint64_t *prcb, size_t n)
{
	pm_open(m, (unsigned)n);
	m->k->prcb = prcb;
	m->k->n_prcb = n;
}

static struct psc_cached_set collect(struct pm *m)
{
	struct psc_cached_set s;
	struct psc_error e;
	ck_assert_int_eq(psc_cached_collect(m->k, &m->warnings, &s, &e), PSC_OK);
	return s;
}

START_TEST(in_place)
{
	struct pm m;
	uint64_t prcb[1] = {PRCB};
	pm_new(&m, 7601, 120);
	map(&m, PRCB, 0x3000);
	map(&m, BLOCKS, 0x2000);
	head(&m, PRCB + NPAGED7 + 3 * 0x60, block(0), 5);
	chain(&m, 0, 5);
	head(&m, PRCB + PAGED7 + 31 * 0x60, block(10), 2);
	chain(&m, 10, 12);
	open_with_prcb(&m, prcb, 1);
	struct psc_cached_set s = collect(&m);
	ck_assert_uint_eq(s.entries, 7);
	ck_assert_uint_eq(s.lists_read, 64);
	for (unsigned i = 0; i < 20; i++)
		ck_assert(psc_hashset_has(&s.data_vas, block(i)) == (i < 5 || i == 10 || i == 11));
	ck_assert(!pm_warned(&m, "circles"));
	psc_cached_deinit(&s);
	pm_free(&m);
}
END_TEST

START_TEST(loops_and_lies)
{
	struct pm m;
	uint64_t prcb[1] = {PRCB};
	pm_new(&m, 7601, 120);
	map(&m, PRCB, 0x3000);
	map(&m, BLOCKS, 0x20000);
	/* A circle of three. */
	head(&m, PRCB + NPAGED7, block(0), 0xffff);
	chain(&m, 0, 3);
	fake_put64(&m.f, block(2), block(0));
	/* Itself. */
	head(&m, PRCB + NPAGED7 + 0x60, block(20), 9);
	fake_put64(&m.f, block(20), block(20));
	/* Into a list that was there before. */
	head(&m, PRCB + NPAGED7 + 2 * 0x60, block(30), 9);
	fake_put64(&m.f, block(30), block(1));
	/* To user space, and to an odd address. */
	head(&m, PRCB + NPAGED7 + 3 * 0x60, 0x10000, 9);
	head(&m, PRCB + NPAGED7 + 4 * 0x60, block(40), 9);
	fake_put64(&m.f, block(40), block(41) + 4);
	/* A depth that lies: far more entries than it says. */
	head(&m, PRCB + NPAGED7 + 5 * 0x60, block(100), 10);
	chain(&m, 100, 1000);
	open_with_prcb(&m, prcb, 1);
	struct psc_cached_set s = collect(&m);
	ck_assert_uint_ge(s.entries, 3 + 1 + 1 + 1 + 10);
	ck_assert_uint_le(s.entries, 3 + 1 + 1 + 1 + 10 + 16);
	ck_assert(pm_warned(&m, "3 lead in circles or into each other, 2 to no block"));
	psc_cached_deinit(&s);
	pm_free(&m);
}
END_TEST

/* P and L may be the same list, on several processors: each is read once. */
START_TEST(by_pointer)
{
	struct pm m;
	uint64_t prcb[2] = {PRCB, PRCB + 0x4000};
	pm_new(&m, 3790, 120);
	map(&m, PRCB, 0x8000);
	map(&m, BLOCKS, 0x2000);
	map(&m, LISTS, 0x1000);
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		for (unsigned i = 0; i < 32; i++) {
			fake_put64(&m.f, prcb[cpu] + NPAGED5 + i * 16, LISTS);
			fake_put64(&m.f, prcb[cpu] + NPAGED5 + i * 16 + 8, LISTS + 0x80);
			fake_put64(&m.f, prcb[cpu] + PAGED5 + i * 16, LISTS + 0x100 + cpu * 0x80);
			fake_put64(&m.f, prcb[cpu] + PAGED5 + i * 16 + 8, 0);
		}
	}
	head(&m, LISTS, block(0), 2);
	chain(&m, 0, 2);
	/* The packed form. */
	fake_put64(&m.f, LISTS + 0x80, 1 | (block(5) >> 4 & (((uint64_t)1 << 39) - 1)) << 25);
	fake_put64(&m.f, LISTS + 0x88, (uint64_t)7 << 61);
	chain(&m, 5, 6);
	head(&m, LISTS + 0x180, block(8), 1);
	chain(&m, 8, 9);
	open_with_prcb(&m, prcb, 2);
	struct psc_cached_set s = collect(&m);
	ck_assert_uint_eq(s.lists_read, 4);
	ck_assert_uint_eq(s.entries, 4);
	ck_assert(psc_hashset_has(&s.data_vas, block(5)));
	ck_assert(psc_hashset_has(&s.data_vas, block(8)));
	ck_assert(!pm_warned(&m, "circles"));
	psc_cached_deinit(&s);
	pm_free(&m);
}
END_TEST

START_TEST(pending_frees)
{
	struct pm m;
	uint64_t prcb[1] = {PRCB};
	pm_new(&m, 7601, 120);
	map(&m, PRCB, 0x3000);
	map(&m, BLOCKS, 0x2000);
	/* 7601: PoolIndex 80, PendingFrees 100, PendingFreeDepth 108; size 1140. */
	uint64_t nonpaged = pm_place(&m, PSC_SYM_NonPagedPoolDescriptor, 0x1140);
	uint64_t paged = pm_place(&m, PSC_SYM_MmPagedPoolInfo, 2 * 0x1140); /* any place */
	m.syms[PSC_SYM_MmPagedPoolInfo] = 0;
	uint64_t array = pm_place(&m, PSC_SYM_ExpPagedPoolDescriptor, 0x41 * 8);
	pm_global(&m, PSC_SYM_ExpNumberOfPagedPools, 1);
	for (unsigned i = 0; i < 2; i++) {
		fake_put64(&m.f, array + i * 8, paged + i * 0x1140);
		fake_put32(&m.f, paged + i * 0x1140, 1);
		fake_put32(&m.f, paged + i * 0x1140 + 0x80, i);
		fake_put32(&m.f, paged + i * 0x1140 + 0xc0, 100 + i);
		fake_put32(&m.f, paged + i * 0x1140 + 0x48, 10);
	}
	fake_put64(&m.f, nonpaged + 0x100, block(0));
	fake_put32(&m.f, nonpaged + 0x108, 3);
	chain(&m, 0, 3);
	fake_put64(&m.f, paged + 0x1140 + 0x100, block(9));
	fake_put32(&m.f, paged + 0x1140 + 0x108, 1);
	chain(&m, 9, 10);
	open_with_prcb(&m, prcb, 1);
	struct psc_cached_set s = collect(&m);
	ck_assert_uint_eq(s.entries, 4);
	ck_assert(psc_hashset_has(&s.data_vas, block(2)));
	ck_assert(psc_hashset_has(&s.data_vas, block(9)));
	psc_cached_deinit(&s);
	struct psc_pool_descriptors d;
	uint64_t pages;
	psc_pool_descriptors_find(m.k, &d);
	ck_assert_uint_eq(d.n, 3);
	ck_assert(psc_pool_descriptors_pages(m.k, &d, true, &pages));
	ck_assert_uint_eq(pages, 100 + 10 + 101 + 10);
	pm_free(&m);

	/* The number of descriptors is hostile; those that do not name themselves are left out. */
	pm_new(&m, 7601, 120);
	array = pm_place(&m, PSC_SYM_ExpPagedPoolDescriptor, 0x41 * 8);
	for (unsigned i = 0; i < 0x41; i++)
		fake_put64(&m.f, array + i * 8, array);
	pm_global(&m, PSC_SYM_ExpNumberOfPagedPools, 0xffffffff);
	pm_open(&m, 1);
	psc_pool_descriptors_find(m.k, &d);
	ck_assert_uint_eq(d.n, 0);
	ck_assert(!psc_pool_descriptors_pages(m.k, &d, true, &pages));
	pm_free(&m);
}
END_TEST

UNIT_MAIN("pool_cached", in_place, loops_and_lies, by_pointer, pending_frees)
