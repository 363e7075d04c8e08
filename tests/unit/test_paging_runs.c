/* SPDX-License-Identifier: MIT */
/* The run iterator. reference: paging 12, 14 */
#include "test_paging_mem.h"

#define KVA  0xffffa08000000000u
#define TOP  0x1000u
#define KLOW 0xffff800000000000u

static const struct pm_run ram[] = {{1, 255}, {0x200, 1024}, {0x800, 64}};
static const struct psc_softpte soft = {true, BIT45, true};

static struct psc_reader *ready(struct pm *m, struct psc_space *sp)
{
	return pm_reader(m, sp, PSC_MMU_X64, TOP, &soft);
}

static void machine(struct pm *m)
{
	pm_init(m, true, 19041, ram, 3);
	m->next_pfn = 2;
}

static void expect_run(struct psc_run_iter *it, uint64_t va, uint64_t size, enum psc_va_state state, uint64_t pa)
{
	struct psc_va_run run;
	ck_assert_int_eq(psc_run_iter_next(it, &run, NULL), PSC_OK);
	ck_assert_msg(run.va == va && run.size_bytes == size && run.state == state && run.pa == pa,
		      "%llx + %llx %s %llx instead of %llx + %llx %s %llx", (unsigned long long)run.va,
		      (unsigned long long)run.size_bytes, psc_va_state_name(run.state), (unsigned long long)run.pa,
		      (unsigned long long)va, (unsigned long long)size, psc_va_state_name(state),
		      (unsigned long long)pa);
}

static void expect_done(struct psc_run_iter *it)
{
	struct psc_va_run run;
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(psc_run_iter_next(it, &run, NULL), PSC_DONE);
}

START_TEST(coalescing)
{
	struct pm m;
	struct psc_space sp;
	struct psc_run_iter it;
	machine(&m);
	for (uint64_t i = 0; i < 8; i++) /* over a table border */
		pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x1fc000 + i * 0x1000, 0, (0x40000 + i * 0x1000) | P_V | P_NX);
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x204000, 0, 0x49000 | P_V | P_NX); /* not consecutive */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x205000, 0, 0x4a000 | P_V);        /* other rights */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x206000, 0, (0x4b000 | 4 << 5 | 0x800) ^ BIT45);
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x207000, 0, (0x4c000 | 4 << 5 | 0x800) ^ BIT45);
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x208000, 0, ((uint64_t)5 << 32 | 0x1084) ^ BIT45);
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x209000, 0, ((uint64_t)9 << 32 | 0x1084) ^ BIT45);
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x20a000, 0, 0x18 << 5); /* no access: not mapped */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x20b000, 0, 0x80);
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x20c000, 0, 0xff000 | P_V);
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x20d000, 0, 0x100000 | P_V); /* hole */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x20e000, 0, 0x101000 | P_V);
	struct psc_reader *r = ready(&m, &sp);
	psc_run_iter_init(&it, r, KLOW, 0, 0);
	expect_run(&it, KVA + 0x1fc000, 0x8000, PSC_VA_PRESENT, 0x40000);
	expect_run(&it, KVA + 0x204000, 0x1000, PSC_VA_PRESENT, 0x49000);
	expect_run(&it, KVA + 0x205000, 0x1000, PSC_VA_PRESENT, 0x4a000);
	expect_run(&it, KVA + 0x206000, 0x2000, PSC_VA_TRANSITION, 0x4b000);
	expect_run(&it, KVA + 0x208000, 0x2000, PSC_VA_PAGED_OUT, 0);
	expect_run(&it, KVA + 0x20b000, 0x1000, PSC_VA_DEMAND_ZERO, 0);
	expect_run(&it, KVA + 0x20c000, 0x1000, PSC_VA_PRESENT, 0xff000);
	struct psc_va_run run;
	ck_assert_int_eq(psc_run_iter_next(&it, &run, NULL), PSC_OK);
	ck_assert(run.va == KVA + 0x20d000 && run.size_bytes == 0x2000 && run.presence == PSC_PAGE_HOLE);
	expect_done(&it);
	free(r);
	pm_close(&m);
}
END_TEST

START_TEST(large_pages_and_upper_levels)
{
	struct pm m;
	struct psc_space sp;
	struct psc_run_iter it;
	machine(&m);
	pm_map(&m, PSC_MMU_X64, TOP, KVA, 1, 0x200000 | P_V | P_PS);
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x200000, 1, 0x400000 | P_V | P_PS);
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x400000, 1, 0x800000 | P_V | P_PS); /* 64 pages of it exist, then nothing */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x600000, 1, 0x100000 | P_V);        /* table missing */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x800000, 1, 0x101000 | P_V);        /* table missing */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x40000000, 2, 0x100000 | P_V);
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x80000000, 2, P_V | P_PS); /* 1 GiB from 0 */
	struct psc_reader *r = ready(&m, &sp);
	psc_run_iter_init(&it, r, KLOW, 0, 0);
	expect_run(&it, KVA, 0x400000, PSC_VA_PRESENT, 0x200000);
	expect_run(&it, KVA + 0x400000, 0x40000, PSC_VA_PRESENT, 0x800000);
	expect_run(&it, KVA + 0x440000, 0x1c0000, PSC_VA_CORRUPT, 0);
	expect_run(&it, KVA + 0x600000, 0x400000, PSC_VA_UNKNOWN, 0);
	expect_run(&it, KVA + 0x40000000, 0x40000000, PSC_VA_UNKNOWN, 0);
	struct psc_va_run run;
	ck_assert_int_eq(psc_run_iter_next(&it, &run, NULL), PSC_OK); /* frame 0 */
	ck_assert(run.size_bytes == 0x1000 && run.presence == PSC_PAGE_HOLE && run.is_large);
	expect_run(&it, KVA + 0x80001000, 0xff000, PSC_VA_PRESENT, 0x1000);
	expect_run(&it, KVA + 0x80100000, 0x100000, PSC_VA_PRESENT, 0x100000); /* hole */
	expect_run(&it, KVA + 0x80200000, 0x400000, PSC_VA_PRESENT, 0x200000);
	expect_run(&it, KVA + 0x80600000, 0x200000, PSC_VA_PRESENT, 0x600000); /* hole */
	expect_run(&it, KVA + 0x80800000, 0x40000, PSC_VA_PRESENT, 0x800000);
	expect_run(&it, KVA + 0x80840000, 0x40000000 - 0x840000, PSC_VA_CORRUPT, 0);
	expect_done(&it);
	free(r);
	pm_close(&m);
}
END_TEST

START_TEST(cutting_and_clipping)
{
	struct pm m;
	struct psc_space sp;
	struct psc_run_iter it;
	machine(&m);
	for (uint64_t i = 0; i < 10; i++)
		pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x1fd000 + i * 0x1000, 0, (0x40000 + i * 0x1000) | P_V);
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x400000, 1, 0x200000 | P_V | P_PS);
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x600000, 1, 0x100000 | P_V);
	struct psc_reader *r = ready(&m, &sp);
	psc_run_iter_init(&it, r, KVA, KVA + 0x400000, 0x4000);
	expect_run(&it, KVA + 0x1fd000, 0x4000, PSC_VA_PRESENT, 0x40000);
	expect_run(&it, KVA + 0x201000, 0x4000, PSC_VA_PRESENT, 0x44000);
	expect_run(&it, KVA + 0x205000, 0x2000, PSC_VA_PRESENT, 0x48000);
	expect_done(&it);
	psc_run_iter_init(&it, r, KVA + 0x1fe010, KVA + 0x200008, 0);
	expect_run(&it, KVA + 0x1fe010, 0x1ff8, PSC_VA_PRESENT, 0x41010);
	expect_done(&it);
	psc_run_iter_init(&it, r, KVA + 0x412345, KVA + 0x612346, 0x100000);
	expect_run(&it, KVA + 0x412345, 0x100000, PSC_VA_PRESENT, 0x212345);
	expect_run(&it, KVA + 0x512345, 0xedcbb, PSC_VA_PRESENT, 0x312345);
	expect_run(&it, KVA + 0x600000, 0x12346, PSC_VA_UNKNOWN, 0);
	expect_done(&it);
	psc_run_iter_init(&it, r, KVA + 0x600000, KVA + 0x700000, 0x80000);
	expect_run(&it, KVA + 0x600000, 0x80000, PSC_VA_UNKNOWN, 0);
	expect_run(&it, KVA + 0x680000, 0x80000, PSC_VA_UNKNOWN, 0);
	expect_done(&it);
	psc_run_iter_init(&it, r, KVA, KVA, 0);
	expect_done(&it);
	psc_run_iter_init(&it, r, KVA + 1, KVA, 0);
	expect_done(&it);
	free(r);
	pm_close(&m);
}
END_TEST

START_TEST(sparse_space_in_few_steps)
{
	struct pm m;
	struct psc_space sp;
	struct psc_run_iter it;
	machine(&m);
	pm_map(&m, PSC_MMU_X64, TOP, 0x1000, 0, 0x40000 | P_V);
	pm_map(&m, PSC_MMU_X64, TOP, 0x00007ffffffff000, 0, 0x41000 | P_V);
	pm_map(&m, PSC_MMU_X64, TOP, KLOW, 0, 0x42000 | P_V);
	pm_map(&m, PSC_MMU_X64, TOP, 0xfffffffffffff000, 0, 0x43000 | P_V);
	struct psc_reader *r = ready(&m, &sp);
	psc_run_iter_init(&it, r, 0, 0, 0);
	uint64_t budget = it.budget;
	expect_run(&it, 0x1000, 0x1000, PSC_VA_PRESENT, 0x40000);
	expect_run(&it, 0x00007ffffffff000, 0x1000, PSC_VA_PRESENT, 0x41000);
	expect_run(&it, KLOW, 0x1000, PSC_VA_PRESENT, 0x42000);
	expect_run(&it, 0xfffffffffffff000, 0x1000, PSC_VA_PRESENT, 0x43000);
	expect_done(&it);
	ck_assert_uint_eq(budget - it.budget, 12); /* each table once */
	free(r);
	r = pm_reader(&m, &sp, PSC_MMU_X64, 0x100000, &soft); /* no top table */
	psc_run_iter_init(&it, r, 0, 0, 0);
	expect_run(&it, 0, 0x0000800000000000, PSC_VA_UNKNOWN, 0);
	expect_run(&it, KLOW, 0x0000800000000000, PSC_VA_UNKNOWN, 0);
	expect_done(&it);
	free(r);
	pm_close(&m);
}
END_TEST

/* budget 0: the iterator's own */
static void run_until_limit(struct pm *m, uint64_t budget)
{
	struct psc_space sp;
	struct psc_run_iter it;
	struct psc_va_run run;
	struct psc_error err = {0};
	struct psc_reader *r = ready(m, &sp);
	enum psc_status st;
	uint64_t n = 0, last = 0;
	psc_run_iter_init(&it, r, 0, 0, 0);
	ck_assert_uint_lt(it.budget, 66000);
	if (budget != 0)
		it.budget = budget;
	while ((st = psc_run_iter_next(&it, &run, &err)) == PSC_OK) {
		if (run.size_bytes == 0 ||
		    (n != 0 && run.va <= last)) /* an assertion here would cost more than the loop */
			ck_abort_msg("runs out of order");
		last = run.va;
		n++;
	}
	ck_assert_int_eq(st, PSC_E_LIMIT);
	ck_assert_int_eq(err.status, PSC_E_LIMIT);
	ck_assert_int_eq(err.where, PSC_WHERE_VA);
	ck_assert_int_eq(psc_run_iter_next(&it, &run, &err), PSC_E_LIMIT);
	free(r);
}

START_TEST(loops_end)
{
	struct pm m;
	machine(&m); /* all 512 entries lead back to the top */
	for (uint64_t i = 0; i < 512; i++)
		pm_set64(&m, TOP + i * 8, TOP | P_V);
	run_until_limit(&m, 4096);
	pm_close(&m);
	machine(&m); /* PDEs that point to their PDPT */
	pm_map(&m, PSC_MMU_X64, TOP, KVA, 1, 0);
	for (uint64_t i = 1; i < 512; i++) {
		pm_set64(&m, 0x2000 + i * 8, 0x3000 | P_V);
		pm_set64(&m, 0x3000 + i * 8, 0x2000 | P_V);
	}
	run_until_limit(&m, 4096);
	pm_close(&m);
	machine(&m); /* the same large pages, mostly missing, again and again */
	for (uint64_t i = 0; i < 512; i++) {
		pm_set64(&m, TOP + i * 8, 0x2000 | P_V);
		pm_set64(&m, 0x2000 + i * 8, 0x0 | P_V | P_PS | 0x10);
	}
	run_until_limit(&m, 0);
	pm_close(&m);
}
END_TEST

START_TEST(a_self_map_is_no_loop)
{
	struct pm m;
	struct psc_space sp;
	struct psc_run_iter it;
	struct psc_va_run run;
	machine(&m);
	pm_map(&m, PSC_MMU_X64, TOP, KVA, 0, 0x40000 | P_V);
	pm_set64(&m, TOP + 0x1fb * 8, TOP | P_V);
	struct psc_reader *r = ready(&m, &sp);
	psc_run_iter_init(&it, r, KLOW, 0, 0);
	unsigned n_pages = 0;
	while (psc_run_iter_next(&it, &run, NULL) == PSC_OK)
		n_pages += (unsigned)(run.size_bytes >> 12);
	/* the page, and each of the four tables of its walk seen once through the self-map */
	ck_assert_uint_eq(n_pages, 1 + 4);
	expect_done(&it);
	uint64_t pte_va = 0xffff000000000000u | (uint64_t)0x1fb << 39 | (KVA >> 9 & 0x7ffffffff8u);
	pm_expect_pa(r, pte_va, PSC_VA_PRESENT, 0x4000, 0x1000);
	free(r);
	pm_close(&m);
}
END_TEST

START_TEST(every_run_agrees_with_translation)
{
	struct pm m;
	struct psc_space sp;
	uint32_t seed = 7;
	machine(&m);
	for (uint64_t i = 0; i < 3000; i++) {
		seed = seed * 1664525u + 1013904223u;
		uint64_t e = (uint64_t)(seed >> 8 & 0x3f) << 12 | 0x40000;
		switch (seed >> 28) {
		case 0:
			continue;
		case 1:
			e = (e | 4 << 5 | 0x800) ^ BIT45;
			break;
		case 2:
			e = (uint64_t)i << 32 | 0x80 | 4 | BIT45;
			break;
		case 3:
			e = (KVA + i * 8) << 16 | 0x400 | 0x10;
			break;
		case 4:
			e = 0x100000 + (e & 0xffff) + P_V;
			break;
		default:
			e = (0x200000 + (i << 12 & 0x3fffff)) | P_V | (seed & 0x1000000 ? P_NX : 0);
		}
		pm_map(&m, PSC_MMU_X64, TOP, KVA + i * 0x1000, 0, e);
	}
	for (int pass = 0; pass < 2; pass++) {
		struct psc_reader *r = ready(&m, &sp), *r2 = ready(&m, &sp);
		struct psc_run_iter it;
		struct psc_va_run run;
		uint64_t at = KVA;
		psc_run_iter_init(&it, r, KVA, KVA + 3000 * 0x1000, pass == 0 ? 0 : 0x3000);
		while (psc_run_iter_next(&it, &run, NULL) == PSC_OK) {
			for (; at < run.va; at += 0x1000)
				ck_assert_int_eq(psc_translate(r2, at).state, PSC_VA_NOT_MAPPED);
			ck_assert_uint_eq(at, run.va);
			for (; at < run.va + run.size_bytes; at += 0x1000) {
				struct psc_xlate x = psc_translate(r2, at);
				ck_assert_int_eq(x.state, run.state);
				if (x.state == PSC_VA_PRESENT || x.state == PSC_VA_TRANSITION) {
					ck_assert_uint_eq(x.pa, run.pa + (at - run.va));
					ck_assert(x.presence == run.presence && x.is_nx == run.is_nx &&
						  x.is_writable == run.is_writable);
				}
			}
		}
		for (; at < KVA + 3000 * 0x1000; at += 0x1000)
			ck_assert_int_eq(psc_translate(r2, at).state, PSC_VA_NOT_MAPPED);
		free(r);
		free(r2);
	}
	pm_close(&m);
}
END_TEST

UNIT_MAIN("paging runs", coalescing, large_pages_and_upper_levels, cutting_and_clipping, sparse_space_in_few_steps,
	  loops_end, a_self_map_is_no_loop, every_run_agrees_with_translation)
