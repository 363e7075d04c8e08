/* SPDX-License-Identifier: MIT */
/* Hardware entries of four and five levels, and whether a top table is one. reference: paging 14 */
#include "test_paging_mem.h"

#define KVA   0xfffff80000000000u
#define KUSER 0xfffff78000000000u
#define TOP   0x1000u

static const struct pm_run ram[] = {{1, 63}, {0x200, 1024}};

static void machine(struct pm *m)
{
	pm_init(m, true, 19041, ram, 2);
	m->next_pfn = 2;
}

START_TEST(pages_of_three_sizes)
{
	struct pm m;
	struct psc_space sp;
	machine(&m);
	pm_map(&m, PSC_MMU_X64, TOP, KVA, 0, 0x20000 | P_V | P_NX);
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x1ff000, 0, 0x21000 | 0x61 | P_PS);               /* PAT, not writable */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x2000, 0, 0x22000 | 0x7ff0000000000000u | 0x861); /* software bits */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x200000, 1, 0x200000 | P_V | P_PS | 0x1000);
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x40000000, 2, 0x0 | P_V | P_PS | 0x1000);
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_X64, TOP | 0x8000000000000002u, NULL);
	ck_assert_uint_eq(sp.top_pa, TOP);
	pm_expect_pa(r, KVA + 0x123, PSC_VA_PRESENT, 0x20123, 0x1000 - 0x123);
	struct psc_xlate x = psc_translate(r, KVA);
	ck_assert(x.is_nx && x.is_writable && !x.is_large);
	ck_assert_uint_eq(x.entry, 0x20000 | P_V | P_NX);
	pm_expect_pa(r, KVA + 0x1fffff, PSC_VA_PRESENT, 0x21fff, 1);
	x = psc_translate(r, KVA + 0x1ff000);
	ck_assert(!x.is_nx && !x.is_writable && !x.is_large);
	pm_expect_pa(r, KVA + 0x2000, PSC_VA_PRESENT, 0x22000, 0x1000);
	ck_assert(psc_translate(r, KVA + 0x2000).is_writable);
	pm_expect_pa(r, KVA + 0x212345, PSC_VA_PRESENT, 0x212345, 0x200000 - 0x12345);
	ck_assert(psc_translate(r, KVA + 0x212345).is_large);
	pm_expect_pa(r, KVA + 0x40201000, PSC_VA_PRESENT, 0x201000, 0x40000000 - 0x201000);
	x = psc_translate(r, KVA + 0x40100000); /* a hole in the memory of the large page */
	ck_assert_int_eq(x.state, PSC_VA_PRESENT);
	ck_assert_int_eq(x.presence, PSC_PAGE_HOLE);
	pm_expect(r, KVA + 0x40600000, PSC_VA_CORRUPT, 0x40000000 - 0x600000); /* behind all memory */
	pm_expect(r, KVA + 0x3000, PSC_VA_NOT_MAPPED, 0x1000);
	pm_expect(r, KVA + 0x400000, PSC_VA_NOT_MAPPED, 0x200000);
	pm_expect(r, KVA + 0x80000001, PSC_VA_NOT_MAPPED, 0x3fffffff);
	pm_expect(r, 0x1234, PSC_VA_NOT_MAPPED, 0x8000000000 - 0x1234);
	pm_expect(r, 0xffffffffffffffff, PSC_VA_NOT_MAPPED, 1);
	free(r);
	pm_close(&m);
}
END_TEST

START_TEST(not_canonical)
{
	struct pm m;
	struct psc_space sp;
	machine(&m);
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_X64, TOP, NULL);
	pm_expect(r, 0x0000800000000000, PSC_VA_CORRUPT, 0xffff000000000000);
	pm_expect(r, 0xffff7fffffffffff, PSC_VA_CORRUPT, 1);
	pm_expect(r, 0x00007fffffffffff, PSC_VA_NOT_MAPPED, 1);
	pm_expect(r, 0xffff800000000000, PSC_VA_NOT_MAPPED, 0x8000000000);
	ck_assert(psc_is_kernel_va(&sp, 0xffff800000000000) && !psc_is_kernel_va(&sp, 0xffff7fffffffffff));
	free(r);
	pm_close(&m);
}
END_TEST

START_TEST(entries_that_cannot_be)
{
	struct pm m;
	struct psc_space sp;
	machine(&m);
	pm_map(&m, PSC_MMU_X64, TOP, KVA, 0, 0xfffff000 | P_V);
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x1000, 0, 0xfffff000 | P_V | 0x10);   /* device memory */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x2000, 0, 0x100000 | P_V);            /* the hole between runs */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x200000, 1, 0x202000 | P_V | P_PS);   /* reserved bits */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x400000, 1, 0xfffffffff000 | P_V);    /* table above memory */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x600000, 1, 0x100000 | P_V);          /* table in the hole */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x40000000, 2, 0x200000 | P_V | P_PS); /* reserved bits */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x80000000, 2, 0x100000 | P_V);
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x8000000000, 3, 0x2000 | P_V | P_PS);
	pm_map(&m, PSC_MMU_X64, TOP, KVA - 0x8000000000, 3, 0x100000 | P_V);
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_X64, TOP, NULL);
	pm_expect(r, KVA, PSC_VA_CORRUPT, 0x1000);
	struct psc_xlate x = psc_translate(r, KVA + 0x1000);
	ck_assert(x.state == PSC_VA_PRESENT && x.presence == PSC_PAGE_HOLE);
	x = psc_translate(r, KVA + 0x2000);
	ck_assert(x.state == PSC_VA_PRESENT && x.presence == PSC_PAGE_HOLE && x.pa == 0x100000);
	pm_expect(r, KVA + 0x200000, PSC_VA_CORRUPT, 0x200000);
	pm_expect(r, KVA + 0x400000, PSC_VA_CORRUPT, 0x200000);
	pm_expect(r, KVA + 0x600010, PSC_VA_UNKNOWN, 0x1ffff0);
	pm_expect(r, KVA + 0x40000000, PSC_VA_CORRUPT, 0x40000000);
	pm_expect(r, KVA + 0x80000000, PSC_VA_UNKNOWN, 0x40000000);
	pm_expect(r, KVA + 0x8000000000, PSC_VA_CORRUPT, 0x8000000000);
	pm_expect(r, KVA - 1, PSC_VA_UNKNOWN, 1);
	free(r);
	pm_close(&m);
}
END_TEST

START_TEST(the_file_ends_inside)
{
	struct pm m;
	struct psc_space sp;
	machine(&m);
	pm_map(&m, PSC_MMU_X64, TOP, KVA, 0, 0x5ff000 | P_V);
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x200000, 1, 0x5fe000 | P_V);
	m.size -= 0x3000;
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_X64, TOP, NULL);
	struct psc_xlate x = psc_translate(r, KVA);
	ck_assert(x.state == PSC_VA_PRESENT && x.presence == PSC_PAGE_TRUNCATED && x.pa == 0x5ff000);
	x = psc_translate(r, KVA + 0x200000);
	ck_assert(x.state == PSC_VA_UNKNOWN && x.presence == PSC_PAGE_TRUNCATED && x.span_bytes == 0x200000);
	free(r);
	r = pm_reader(&m, &sp, PSC_MMU_X64, 0x5ff000, NULL); /* no top table */
	pm_expect(r, KVA, PSC_VA_UNKNOWN, 0 - KVA);
	pm_expect(r, 0x1000, PSC_VA_UNKNOWN, 0x00007ffffffff000);
	ck_assert_uint_eq(psc_space_plausibility(&sp), 0);
	free(r);
	pm_close(&m);
}
END_TEST

START_TEST(rights_of_upper_levels)
{
	struct pm m;
	struct psc_space sp;
	machine(&m);
	uint64_t e = pm_map(&m, PSC_MMU_X64, TOP, KVA, 0, 0x20000 | P_V);
	(void)e;
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x200000, 0, 0x21000 | P_V);
	uint64_t pde = pm_get(&m, 0x3000, 8);
	ck_assert_uint_eq(pde & 0xfff, P_V);
	pm_set64(&m, 0x3000, pde | P_NX);
	pm_set64(&m, 0x3008, pm_get(&m, 0x3008, 8) & ~(uint64_t)2);
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_X64, TOP, NULL);
	for (int again = 0; again < 2; again++) {
		struct psc_xlate x = psc_translate(r, KVA);
		ck_assert(x.is_nx && x.is_writable);
		x = psc_translate(r, KVA + 0x200000);
		ck_assert(!x.is_nx && !x.is_writable);
	}
	free(r);
	pm_close(&m);
}
END_TEST

START_TEST(five_levels)
{
	struct pm m;
	struct psc_space sp;
	uint64_t va = 0xff42000000001000u;
	machine(&m);
	pm_map(&m, PSC_MMU_X64_LA57, TOP, va, 0, 0x20000 | P_V);
	pm_map(&m, PSC_MMU_X64_LA57, TOP, 0x0012345678901000u, 0, 0x21000 | P_V);
	pm_map(&m, PSC_MMU_X64_LA57, TOP, 0xff43000000000000u, 4, 0x2000 | P_V | P_PS);
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_X64_LA57, TOP, NULL);
	pm_expect_pa(r, va + 5, PSC_VA_PRESENT, 0x20005, 0xffb);
	pm_expect_pa(r, 0x0012345678901000u, PSC_VA_PRESENT, 0x21000, 0x1000);
	pm_expect(r, 0xff43000000000000u, PSC_VA_CORRUPT, (uint64_t)1 << 48);
	pm_expect(r, 0x0100000000000000u, PSC_VA_CORRUPT, 0xfe00000000000000u);
	pm_expect(r, 0xff50000000000000u, PSC_VA_NOT_MAPPED, (uint64_t)1 << 48);
	ck_assert(psc_is_kernel_va(&sp, va) && !psc_is_kernel_va(&sp, 0xfeffffffffffffffu));
	free(r);
	pm_close(&m);
}
END_TEST

static void put_kuser(struct pm *m, uint64_t pa, unsigned major)
{
	memcpy(pm_at(m, pa + 0x30), "C\0:\0\\\0W\0", 8);
	pm_set32(m, pa + 0x26c, major);
}

START_TEST(plausible_tops)
{
	struct pm m;
	struct psc_space sp;
	machine(&m);
	pm_map(&m, PSC_MMU_X64, TOP, KVA, 0, 0x20000 | P_V);
	pm_map(&m, PSC_MMU_X64, TOP, KUSER, 0, 0x21000 | P_V);
	put_kuser(&m, 0x21000, 10);
	pm_set64(&m, TOP + 0x1fb * 8, TOP | P_V);
	pm_set64(&m, 0x30000 + 0x1f0 * 8, 0x2000 | P_V); /* a shadow: a few kernel entries, no more */
	pm_set64(&m, 0x31000 + 0x1f0 * 8, 0xfffff000 | P_V);
	pm_set64(&m, 0x32000, 0x2000 | P_V); /* user half only */
	pm_open(&m);
	static const struct {
		uint64_t dtb;
		unsigned score;
	} cases[] = {{TOP | 2, 7}, {0x30000, 1}, {0x31000, 0}, {0x32000, 0}, {0x33000, 0}, {0x100000, 0}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ck_assert_int_eq(psc_space_init(&sp, m.img, PSC_MMU_X64, cases[i].dtb, NULL, NULL), PSC_OK);
		ck_assert_uint_eq(psc_space_plausibility(&sp), cases[i].score);
		ck_assert(psc_space_has_kuser(&sp) == (i == 0));
	}
	ck_assert_int_eq(psc_space_init(&sp, m.img, PSC_MMU_X64_LA57, TOP, NULL, NULL), PSC_OK);
	ck_assert(!psc_space_has_kuser(&sp));
	ck_assert_int_eq(psc_space_init(&sp, m.img, PSC_MMU_X64, TOP, NULL, NULL), PSC_OK);
	pm_set64(&m, TOP + 0x150 * 8, TOP | P_V); /* the source is in memory: two self-references now */
	ck_assert_uint_eq(psc_space_plausibility(&sp), 5);
	pm_set64(&m, TOP + 0x150 * 8, 0);
	put_kuser(&m, 0x21000, 7);
	ck_assert_uint_eq(psc_space_plausibility(&sp), 3);
	pm_close(&m);
}
END_TEST

START_TEST(bad_arguments)
{
	struct pm m;
	struct psc_space sp;
	struct psc_error err;
	machine(&m);
	pm_open(&m);
	ck_assert_int_eq(psc_space_init(&sp, m.img, (enum psc_mmu)9, TOP, NULL, &err), PSC_E_ARGUMENT);
	ck_assert_int_eq(err.status, PSC_E_ARGUMENT);
	pm_close(&m);
	for (int i = 0; i < PSC_VA_STATE_MAX; i++)
		ck_assert(strlen(psc_va_state_name((enum psc_va_state)i)) > 3);
}
END_TEST

UNIT_MAIN("paging x64", pages_of_three_sizes, not_canonical, entries_that_cannot_be, the_file_ends_inside,
	  rights_of_upper_levels, five_levels, plausible_tops, bad_arguments)
