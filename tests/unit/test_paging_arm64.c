/* SPDX-License-Identifier: MIT */
/* ARM64 entries with a granule of 4 KiB, whether a top table is one, and runs. reference: paging 3.5, 9, 14 */
#include "paging/softpte.h"
#include "test_paging_mem.h"

#define KVA    0xfffff80000000000u
#define KUSER  0xfffff78000000000u
#define TOP    0x1000u
#define PAGE   A_T
#define BLOCK  (A_T & ~(uint64_t)2)
#define A_RO   0x80u
#define A_USER 0x40u
#define A_CONT ((uint64_t)1 << 52)
#define A_PXN  ((uint64_t)1 << 53)
#define A_UXN  ((uint64_t)1 << 54)
#define A_SOFT ((uint64_t)1 << 55)
#define SELF   (TOP | A_T | A_PXN | A_UXN)

static const struct pm_run ram[] = {{1, 63}, {0x200, 1024}};

static void machine(struct pm *m)
{
	pm_init(m, true, 22000, ram, 2);
	pm_put(m->bytes + 0x30, 0xaa64, 4);
	m->next_pfn = 2;
}

static void map(struct pm *m, uint64_t va, unsigned level, uint64_t e)
{
	pm_map(m, PSC_MMU_ARM64, TOP, va, level, e);
}

START_TEST(pages_and_blocks)
{
	struct pm m;
	struct psc_space sp;
	machine(&m);
	map(&m, KVA, 0, 0x20000 | PAGE | A_PXN | A_UXN);
	map(&m, KVA + 0x1000, 0, 0x21000 | PAGE | A_UXN | A_RO);
	map(&m, KVA + 0x2000, 0, 0x22000 | PAGE | A_PXN | A_UXN | A_RO | A_SOFT | A_CONT | (uint64_t)7 << 56);
	map(&m, 0x7ffe0000, 0, 0x23000 | PAGE | A_PXN | A_USER | A_RO);
	map(&m, KVA + 0x200000, 1, 0x200000 | BLOCK | A_UXN);
	map(&m, KVA + 0x40000000, 2, 0x0 | BLOCK);
	/* TTBR1: the upper half of the same table, an address space's id above */
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_ARM64, 0x0040000000000800u | TOP, NULL);
	ck_assert_uint_eq(sp.top_pa, TOP);
	pm_expect_pa(r, KVA + 0x123, PSC_VA_PRESENT, 0x20123, 0x1000 - 0x123);
	struct psc_xlate x = psc_translate(r, KVA);
	ck_assert(x.is_nx && x.is_writable && !x.is_large);
	x = psc_translate(r, KVA + 0x1000);
	ck_assert(x.pa == 0x21000 && !x.is_nx && !x.is_writable);
	x = psc_translate(r, KVA + 0x2000); /* clean, and writable as Windows says */
	ck_assert(x.pa == 0x22000 && x.is_nx && x.is_writable);
	x = psc_translate(r, 0x7ffe0010);
	ck_assert(x.pa == 0x23010 && !x.is_nx && !x.is_writable && x.presence == PSC_PAGE_PRESENT);
	pm_expect_pa(r, KVA + 0x212345, PSC_VA_PRESENT, 0x212345, 0x200000 - 0x12345);
	ck_assert(psc_translate(r, KVA + 0x212345).is_large);
	pm_expect_pa(r, KVA + 0x40201000, PSC_VA_PRESENT, 0x201000, 0x40000000 - 0x201000);
	x = psc_translate(r, KVA + 0x40100000); /* a hole in the memory of the block */
	ck_assert(x.state == PSC_VA_PRESENT && x.presence == PSC_PAGE_HOLE);
	pm_expect(r, KVA + 0x3000, PSC_VA_NOT_MAPPED, 0x1000);
	pm_expect(r, KVA + 0x400000, PSC_VA_NOT_MAPPED, 0x200000);
	pm_expect(r, 0x8000000001, PSC_VA_NOT_MAPPED, 0x8000000000 - 1);
	pm_expect(r, 0xffffffffffffffff, PSC_VA_NOT_MAPPED, 1);
	x = psc_translate(r, 0x0000800000000000); /* neither half */
	ck_assert(x.state == PSC_VA_CORRUPT && x.span_bytes == 0xffff000000000000u);
	ck_assert(psc_is_kernel_va(&sp, 0xffff800000000000u) && !psc_is_kernel_va(&sp, 0xffff7fffffffffffu));
	free(r);
	pm_close(&m);
}
END_TEST

START_TEST(entries_that_cannot_be)
{
	struct pm m;
	struct psc_space sp;
	machine(&m);
	map(&m, KVA, 0, 0x20000 | BLOCK);                     /* bit 1 clear in a page's entry */
	map(&m, KVA + 0x200000, 1, 0x202000 | BLOCK);         /* not aligned */
	map(&m, KVA + 0x400000, 1, 0xfffffffff000 | PAGE);    /* table above memory */
	map(&m, KVA + 0x600000, 1, 0x100000 | PAGE);          /* table in the hole */
	map(&m, KVA + 0x40000000, 2, 0x200000 | BLOCK);       /* not aligned */
	map(&m, KVA + 0x8000000000, 3, BLOCK);                /* no blocks of 512 GiB */
	map(&m, KVA + 0x1000, 0, 0x0000fffffffff000u | PAGE); /* above all memory: a device, for all that is known */
	map(&m, KVA + 0x2000, 0, 0x000f000000020000u | PAGE); /* bits 48..51 are no address */
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_ARM64, TOP, NULL);
	pm_expect(r, KVA, PSC_VA_CORRUPT, 0x1000);
	pm_expect(r, KVA + 0x200000, PSC_VA_CORRUPT, 0x200000);
	pm_expect(r, KVA + 0x400000, PSC_VA_CORRUPT, 0x200000);
	pm_expect(r, KVA + 0x600000, PSC_VA_UNKNOWN, 0x200000);
	pm_expect(r, KVA + 0x40000000, PSC_VA_CORRUPT, 0x40000000);
	pm_expect(r, KVA + 0x8000000000, PSC_VA_CORRUPT, 0x8000000000);
	struct psc_xlate x = psc_translate(r, KVA + 0x1000);
	ck_assert(x.state == PSC_VA_PRESENT && x.presence == PSC_PAGE_HOLE);
	pm_expect_pa(r, KVA + 0x2000, PSC_VA_PRESENT, 0x20000, 0x1000);
	free(r);
	pm_close(&m);
}
END_TEST

/* Nothing is made of entries that are not valid, until their layout is proven. */
START_TEST(software_entries)
{
	static const struct psc_softpte proven = {.arm64 = true};
	struct pm m;
	struct psc_space sp;
	uint64_t table = KVA + 0x5000;
	machine(&m);
	map(&m, KVA, 0, 0x20000 | 4 << 1 | 0x800);                          /* transition */
	map(&m, KVA + 0x1000, 0, (uint64_t)0x1234 << 32 | 4 << 1 | 2 << 6); /* page file 2 */
	map(&m, KVA + 0x2000, 0, 4 << 1);                                   /* demand zero */
	map(&m, KVA + 0x3000, 0, 0x18 << 1);                                /* no access */
	map(&m, KVA + 0x4000, 0, (table & 0xffffffffffff) << 16 | 0x400);   /* prototype */
	map(&m, KVA + 0x5000, 0, 0x21000 | PAGE | A_PXN | A_UXN);           /* its table */
	map(&m, KVA + 0x200000, 1, 0x30000 | 4 << 1 | 0x800);               /* a table in transition */
	map(&m, KVA + 0x400000, 1, (uint64_t)0x77 << 32 | 4 << 1);          /* a table that is paged out */
	pm_set64(&m, 0x30000, 0x23000 | PAGE);
	pm_set64(&m, 0x21000, 0x22000 | 6 << 1 | 0x800);
	static const uint64_t all[] = {0, 0x1000, 0x2000, 0x3000, 0x4000};
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_ARM64, TOP, NULL);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		pm_expect(r, KVA + all[i], PSC_VA_UNKNOWN, 0x1000);
	pm_expect(r, KVA + 0x200000, PSC_VA_UNKNOWN, 0x200000);
	pm_expect(r, KVA + 0x400000, PSC_VA_UNKNOWN, 0x200000);
	pm_expect_pa(r, KVA + 0x5000, PSC_VA_PRESENT, 0x21000, 0x1000);
	free(r);
	r = pm_reader(&m, &sp, PSC_MMU_ARM64, TOP, &proven);
	pm_expect_pa(r, KVA, PSC_VA_TRANSITION, 0x20000, 0x1000);
	ck_assert(psc_translate(r, KVA).is_nx && psc_translate(r, KVA).is_writable);
	pm_expect(r, KVA + 0x1000, PSC_VA_PAGED_OUT, 0x1000);
	struct psc_xlate x = psc_translate(r, KVA + 0x1000);
	ck_assert(x.pagefile_number == 2 && x.pagefile_page == 0x1234);
	pm_expect(r, KVA + 0x2000, PSC_VA_DEMAND_ZERO, 0x1000);
	pm_expect(r, KVA + 0x3000, PSC_VA_NOT_MAPPED, 0x1000);
	pm_expect_pa(r, KVA + 0x4000, PSC_VA_TRANSITION, 0x22000, 0x1000);
	ck_assert(!psc_translate(r, KVA + 0x4000).is_nx);
	pm_expect_pa(r, KVA + 0x200000, PSC_VA_PRESENT, 0x23000, 0x1000);
	pm_expect(r, KVA + 0x400000, PSC_VA_UNKNOWN, 0x200000);
	free(r);
	pm_close(&m);
}
END_TEST

/* Enough entries in transition with frames of memory that nothing else maps prove how they are marked. */
START_TEST(transition_proven_by_bytes)
{
	static const struct psc_softpte proven = {.arm64_transition = true};
	static const struct {
		unsigned n, n_beyond, n_mapped, n_twice;
		bool holds;
	} cases[] = {{32, 0, 0, 0, true},  {15, 0, 0, 0, false}, {32, 2, 0, 0, true},  {32, 3, 0, 0, false},
		     {32, 0, 3, 0, false}, {32, 0, 0, 5, false}, {32, 0, 40, 0, false}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct pm m;
		struct psc_space sp;
		struct psc_arm64_fit fit;
		machine(&m);
		for (uint64_t p = 0; p < cases[i].n; p++) {
			uint64_t frame = 0x240 + (p < cases[i].n_twice ? 0 : p);
			map(&m, KVA + p * 0x1000, 0,
			    (p < cases[i].n_beyond ? 0x5000000u + p : frame) << 12 | 4 << 1 | 0x800);
			if (p < cases[i].n_mapped)
				map(&m, KVA + 0x400000 + p * 0x1000, 0, frame << 12 | PAGE);
		}
		if (cases[i].n_mapped == 40) /* by a block */
			map(&m, KVA + 0x800000, 1, 0x200000 | BLOCK);
		map(&m, KVA + 0x100000, 0, 0x2000000088); /* of other kinds: not judged */
		map(&m, KVA + 0x101000, 0, 0x88000400);
		struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_ARM64, TOP, NULL);
		ck_assert_msg(psc_softpte_try_arm64(&sp, 0xffff800000000000u, 0, &fit) == cases[i].holds, "case %zu",
			      i);
		ck_assert_uint_eq(fit.n_transition, cases[i].n);
		ck_assert_uint_eq(fit.n_invalid, cases[i].n + 2);
		free(r);
		r = pm_reader(&m, &sp, PSC_MMU_ARM64, TOP, &proven);
		pm_expect_pa(r, KVA + 0xa000, PSC_VA_TRANSITION, 0x24a000, 0x1000);
		pm_expect(r, KVA + 0x100000, PSC_VA_UNKNOWN, 0x1000);
		pm_expect(r, KVA + 0x101000, PSC_VA_UNKNOWN, 0x1000);
		free(r);
		pm_close(&m);
	}
}
END_TEST

START_TEST(rights_of_upper_levels)
{
	struct pm m;
	struct psc_space sp;
	machine(&m);
	map(&m, KVA, 0, 0x20000 | PAGE);
	map(&m, KVA + 0x200000, 0, 0x21000 | PAGE);
	map(&m, KVA + 0x400000, 0, 0x22000 | PAGE);
	pm_set64(&m, 0x3000, pm_get(&m, 0x3000, 8) | (uint64_t)3 << 59);    /* PXNTable, UXNTable */
	pm_set64(&m, 0x3008, pm_get(&m, 0x3008, 8) | (uint64_t)1 << 62);    /* APTable[1] */
	pm_set64(&m, 0x3010, pm_get(&m, 0x3010, 8) | A_PXN | A_UXN | A_RO); /* not of a table: Windows' own */
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_ARM64, TOP, NULL);
	for (int again = 0; again < 2; again++) {
		struct psc_xlate x = psc_translate(r, KVA);
		ck_assert(x.is_nx && x.is_writable);
		x = psc_translate(r, KVA + 0x200000);
		ck_assert(!x.is_nx && !x.is_writable);
		x = psc_translate(r, KVA + 0x400000);
		ck_assert(!x.is_nx && x.is_writable);
	}
	free(r);
	pm_close(&m);
}
END_TEST

static void expect_run(struct psc_run_iter *it, uint64_t va, uint64_t size, enum psc_va_state state, uint64_t pa)
{
	struct psc_va_run run;
	struct psc_error err = {0};
	ck_assert_msg(psc_run_iter_next(it, &run, &err) == PSC_OK, "%s", err.text);
	ck_assert_uint_eq(run.va, va);
	ck_assert_uint_eq(run.size_bytes, size);
	ck_assert_int_eq(run.state, state);
	ck_assert_uint_eq(run.pa, pa);
}

START_TEST(runs)
{
	struct pm m;
	struct psc_space sp;
	struct psc_run_iter it;
	struct psc_va_run run;
	machine(&m);
	for (uint64_t i = 0; i < 8; i++) /* across a table's border; the contiguous hint makes no difference */
		map(&m, KVA + 0x1fc000 + i * 0x1000, 0, (0x220000 + i * 0x1000) | PAGE | (i % 3 ? A_CONT : 0));
	map(&m, KVA + 0x204000, 0, 0x228000 | PAGE | A_RO);                  /* other rights */
	map(&m, KVA + 0x205000, 0, 0x229000 | PAGE | A_RO | A_SOFT);         /* writable again */
	map(&m, KVA + 0x206000, 0, 0x22a000 | PAGE | A_RO | A_SOFT | A_PXN); /* the user may still execute */
	map(&m, KVA + 0x207000, 0, 0x22b000 | PAGE | A_PXN | A_UXN);
	map(&m, KVA + 0x208000, 0, 0x800 | 0x2c000);
	map(&m, KVA + 0x209000, 0, 0x18 << 1);
	map(&m, KVA + 0x400000, 1, 0x200000 | BLOCK);
	map(&m, KVA + 0x600000, 1, 0x400000 | BLOCK);
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_ARM64, TOP, NULL);
	psc_run_iter_init(&it, r, 0xffff800000000000u, 0, 0);
	expect_run(&it, KVA + 0x1fc000, 0x8000, PSC_VA_PRESENT, 0x220000);
	expect_run(&it, KVA + 0x204000, 0x1000, PSC_VA_PRESENT, 0x228000);
	expect_run(&it, KVA + 0x205000, 0x2000, PSC_VA_PRESENT, 0x229000);
	expect_run(&it, KVA + 0x207000, 0x1000, PSC_VA_PRESENT, 0x22b000);
	expect_run(&it, KVA + 0x208000, 0x2000, PSC_VA_UNKNOWN, 0);
	expect_run(&it, KVA + 0x400000, 0x400000, PSC_VA_PRESENT, 0x200000);
	ck_assert_int_eq(psc_run_iter_next(&it, &run, NULL), PSC_DONE);
	free(r);
	pm_close(&m);
}
END_TEST

START_TEST(plausible_tops)
{
	struct pm m;
	struct psc_space sp;
	machine(&m);
	map(&m, KUSER, 0, 0x21000 | PAGE | A_RO);
	memcpy(pm_at(&m, 0x21030), "C\0:\0\\\0W\0", 8);
	pm_set32(&m, 0x2126c, 10);
	pm_set64(&m, TOP + 0x151 * 8, SELF);
	pm_set64(&m, 0x30000 + 0x1f0 * 8, 0xfffff000 | PAGE);
	pm_set64(&m, 0x32000, 0x2000 | PAGE); /* user half only */
	pm_open(&m);
	static const struct {
		uint64_t dtb;
		unsigned score;
	} cases[] = {{TOP, 7}, {0x30000, 0}, {0x32000, 0}, {0x33000, 0}, {0x100000, 0}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ck_assert_int_eq(psc_space_init(&sp, m.img, PSC_MMU_ARM64, cases[i].dtb, NULL, NULL), PSC_OK);
		ck_assert_uint_eq(psc_space_plausibility(&sp), cases[i].score);
	}
	/* The entry of an x64 table for itself is none here, and one for user mode is none either. */
	static const uint64_t near[] = {TOP | P_V, SELF | A_USER, SELF & ~A_UXN};
	ck_assert_int_eq(psc_space_init(&sp, m.img, PSC_MMU_ARM64, TOP, NULL, NULL), PSC_OK);
	for (size_t i = 0; i < sizeof(near) / sizeof(*near); i++) {
		ck_assert(!psc_arm64_is_self_entry(near[i], TOP));
		pm_set64(&m, TOP + 0x151 * 8, near[i]);
		ck_assert_uint_eq(psc_space_plausibility(&sp), 5);
	}
	ck_assert(psc_arm64_is_self_entry(SELF, TOP) && !psc_arm64_is_self_entry(SELF, 2 * TOP));
	pm_close(&m);
}
END_TEST

/* A kernel half of 48 bits: all 512 entries of its own top table. */
START_TEST(half_of_48_bits)
{
	struct pm m;
	struct psc_space sp;
	machine(&m);
	uint64_t low = 0xffff000000000000u;
	pm_map(&m, PSC_MMU_ARM64_48, TOP, low, 0, 0x20000 | PAGE);
	pm_map(&m, PSC_MMU_ARM64_48, TOP, KVA, 1, 0x200000 | BLOCK);
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_ARM64_48, TOP, NULL);
	pm_expect_pa(r, low, PSC_VA_PRESENT, 0x20000, 0x1000);
	pm_expect_pa(r, KVA + 0x1000, PSC_VA_PRESENT, 0x201000, 0x1ff000);
	ck_assert(psc_is_kernel_va(&sp, low) && !psc_is_kernel_va(&sp, low - 1));
	ck_assert_int_eq(psc_translate(r, 0x1000).state, PSC_VA_CORRUPT);
	ck_assert_uint_eq(psc_space_plausibility(&sp), 1);
	struct psc_run_iter it;
	psc_run_iter_init(&it, r, 0, 0, 0);
	expect_run(&it, low, 0x1000, PSC_VA_PRESENT, 0x20000);
	expect_run(&it, KVA, 0x200000, PSC_VA_PRESENT, 0x200000);
	free(r);
	pm_close(&m);
}
END_TEST

UNIT_MAIN("paging ARM64", pages_and_blocks, entries_that_cannot_be, software_entries, transition_proven_by_bytes,
	  rights_of_upper_levels, runs, plausible_tops, half_of_48_bits)
