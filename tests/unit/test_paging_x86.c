/* SPDX-License-Identifier: MIT */
/* PAE and non-PAE. reference: paging 3.1, 3.2, 4.1 */
#include "test_paging_mem.h"

#define KVA   0x80400000u
#define KUSER 0xffdf0000u

static const struct pm_run ram[] = {{1, 1600}};

static void put_kuser(struct pm *m, uint64_t pa)
{
	memcpy(pm_at(m, pa + 0x30), "C\0:\0\\\0W\0", 8);
	pm_set32(m, pa + 0x26c, 6);
}

START_TEST(without_pae)
{
	struct pm m;
	struct psc_space sp;
	pm_init(&m, false, 7601, ram, 1);
	m.next_pfn = 2;
	pm_map(&m, PSC_MMU_X86, 0x1000, KVA, 0, 0x20000 | P_V);
	pm_map(&m, PSC_MMU_X86, 0x1000, KVA + 0x3ff000, 0, 0x21000 | 0x61);
	pm_map(&m, PSC_MMU_X86, 0x1000, KVA + 0x400000, 1, 0x400000 | P_V | P_PS | 0x1000);
	pm_map(&m, PSC_MMU_X86, 0x1000, KVA + 0x800000, 1, 0x400000 | P_V | P_PS | 0x2000); /* 2^32 + 4 MiB */
	pm_map(&m, PSC_MMU_X86, 0x1000, KVA + 0xc00000, 1, 0x600000 | P_V | P_PS);          /* bit 21 */
	pm_map(&m, PSC_MMU_X86, 0x1000, KVA + 0x1000, 0, 0x22000 | 4 << 5 | 0x800);         /* transition */
	pm_map(&m, PSC_MMU_X86, 0x1000, KVA + 0x2000, 0, 0x1234u << 12 | 4 << 5 | 1 << 1);  /* page file 1 */
	pm_map(&m, PSC_MMU_X86, 0x1000, KVA + 0x3000, 0, 4 << 5);                           /* demand zero */
	pm_map(&m, PSC_MMU_X86, 0x1000, KVA + 0x4000, 0, 0x18 << 5);                        /* no access */
	pm_map(&m, PSC_MMU_X86, 0x1000, KVA + 0x5000, 0, 0xfffff000 | 0x400);               /* see the VAD */
	pm_map(&m, PSC_MMU_X86, 0x1000, KVA + 0x1000000, 1, 5u << 12 | 4 << 5 | 0x800);     /* PDE in transition */
	pm_map(&m, PSC_MMU_X86, 0x1000, KVA + 0x1400000, 1, 7u << 12 | 4 << 5);             /* table paged out */
	pm_set32(&m, 0x5000, 0x23000 | P_V);
	/* prototype at 80401008: offset 401008, (address >> 10 << 11 | (address & 1f8 in bits 1..8)) */
	uint32_t proto = KVA + 0x8;
	uint32_t pte = (proto & 0x7ffffc00u) << 1 | (proto & 0x3ff) >> 1 | 0x400;
	pm_map(&m, PSC_MMU_X86, 0x1000, KVA + 0x6000, 0, pte);
	pm_set32(&m, 0x20008, 0x24000 | P_V);
	pm_set32(&m, 0x1000 + 0x300 * 4, 0x1000 | P_V);
	pm_map(&m, PSC_MMU_X86, 0x1000, KUSER, 0, 0x25000 | P_V);
	put_kuser(&m, 0x25000);
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_X86, 0x1018, NULL);
	ck_assert(sp.is_32bit && sp.top_pa == 0x1000 && psc_pointer_bytes(&sp) == 4);
	pm_expect_pa(r, KVA + 4, PSC_VA_PRESENT, 0x20004, 0xffc);
	ck_assert(psc_translate(r, KVA).is_writable && !psc_translate(r, KVA + 0x3ff000).is_writable);
	pm_expect_pa(r, KVA + 0x3ff000, PSC_VA_PRESENT, 0x21000, 0x1000);
	pm_expect_pa(r, KVA + 0x412345, PSC_VA_PRESENT, 0x412345, 0x400000 - 0x12345);
	ck_assert(psc_translate(r, KVA + 0x400000).is_large);
	pm_expect(r, KVA + 0x800000, PSC_VA_CORRUPT, 0x400000); /* no such memory */
	pm_expect(r, KVA + 0xc00000, PSC_VA_CORRUPT, 0x400000);
	pm_expect_pa(r, KVA + 0x1000, PSC_VA_TRANSITION, 0x22000, 0x1000);
	pm_expect(r, KVA + 0x2000, PSC_VA_PAGED_OUT, 0x1000);
	struct psc_xlate x = psc_translate(r, KVA + 0x2000);
	ck_assert(x.pagefile_number == 1 && x.pagefile_page == 0x1234);
	pm_expect(r, KVA + 0x3000, PSC_VA_DEMAND_ZERO, 0x1000);
	pm_expect(r, KVA + 0x4000, PSC_VA_NOT_MAPPED, 0x1000);
	pm_expect(r, KVA + 0x5000, PSC_VA_PROTOTYPE, 0x1000);
	pm_expect_pa(r, KVA + 0x6000, PSC_VA_PRESENT, 0x24000, 0x1000);
	pm_expect_pa(r, KVA + 0x1000000, PSC_VA_PRESENT, 0x23000, 0x1000);
	pm_expect(r, KVA + 0x1400000, PSC_VA_UNKNOWN, 0x400000);
	pm_expect(r, 0x100000000, PSC_VA_CORRUPT, 0xffffffff00000000);
	pm_expect(r, 0xffffffffffffffff, PSC_VA_CORRUPT, 1);
	pm_expect(r, 0xffffffff, PSC_VA_NOT_MAPPED, 1);
	ck_assert_uint_eq(psc_space_plausibility(&sp), 6); /* a reserved bit */
	pm_map(&m, PSC_MMU_X86, 0x1000, KVA + 0xc00000, 1, 0);
	ck_assert_uint_eq(psc_space_plausibility(&sp), 7);
	ck_assert(psc_is_kernel_va(&sp, KVA) && !psc_is_kernel_va(&sp, 0x7fffffff) &&
		  !psc_is_kernel_va(&sp, 0x180000000));
	uint64_t ptr;
	ck_assert(psc_read_ptr(r, KVA + 8, &ptr) && ptr == (0x24000 | P_V));
	free(r);
	pm_close(&m);
}
END_TEST

START_TEST(old_prototype_addresses_stay_unresolved)
{
	struct pm m;
	struct psc_space sp;
	pm_init(&m, false, 3790, ram, 1);
	m.next_pfn = 2;
	pm_map(&m, PSC_MMU_X86, 0x1000, KVA, 0, 0x00802404);
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_X86, 0x1000, NULL);
	pm_expect(r, KVA, PSC_VA_PROTOTYPE, 0x1000);
	free(r);
	pm_close(&m);
}
END_TEST

START_TEST(pae)
{
	struct pm m;
	struct psc_space sp;
	uint64_t top = 0x1020;
	pm_init(&m, false, 7601, ram, 1);
	m.next_pfn = 2;
	for (uint64_t va = 0; va < 0x100000000; va += 0x40000000) /* four directories at 2000..5000 */
		pm_map(&m, PSC_MMU_X86_PAE, top, va, 1, 0);
	for (uint64_t i = 0; i < 4; i++)
		pm_set64(&m, 0x5000 + i * 8, (2 + i) << 12 | P_V);
	pm_map(&m, PSC_MMU_X86_PAE, top, KVA, 0, 0x20000 | P_V | P_NX);
	pm_map(&m, PSC_MMU_X86_PAE, top, KVA + 0x1000, 0, 0x22000 | 4 << 5 | 0x800);
	pm_map(&m, PSC_MMU_X86_PAE, top, KVA + 0x2000, 0, (uint64_t)0x1234 << 32 | 4 << 5 | 3 << 1);
	pm_map(&m, PSC_MMU_X86_PAE, top, KVA + 0x3000, 0, (uint64_t)(KVA + 0x10) << 32 | 0x400);
	pm_map(&m, PSC_MMU_X86_PAE, top, KVA + 0x4000, 0, (uint64_t)0x12345678 << 32 | 0x400); /* not the kernel's */
	pm_map(&m, PSC_MMU_X86_PAE, top, KVA + 0x5000, 0, (uint64_t)0xffffffff << 32 | 0x400);
	pm_map(&m, PSC_MMU_X86_PAE, top, KVA + 0x200000, 1, 0x200000 | P_V | P_PS);
	pm_set64(&m, 0x20010, 0x24000 | P_V);
	pm_map(&m, PSC_MMU_X86_PAE, top, KUSER, 0, 0x25000 | P_V);
	put_kuser(&m, 0x25000);
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_X86_PAE, top | 0x18, NULL);
	ck_assert(sp.is_32bit && sp.top_pa == top);
	pm_expect_pa(r, KVA + 4, PSC_VA_PRESENT, 0x20004, 0xffc);
	ck_assert(psc_translate(r, KVA).is_nx && psc_translate(r, KVA).is_writable);
	pm_expect_pa(r, KVA + 0x1000, PSC_VA_TRANSITION, 0x22000, 0x1000);
	pm_expect(r, KVA + 0x2000, PSC_VA_PAGED_OUT, 0x1000);
	struct psc_xlate x = psc_translate(r, KVA + 0x2000);
	ck_assert(x.pagefile_number == 3 && x.pagefile_page == 0x1234);
	pm_expect_pa(r, KVA + 0x3000, PSC_VA_PRESENT, 0x24000, 0x1000);
	pm_expect(r, KVA + 0x4000, PSC_VA_CORRUPT, 0x1000);
	pm_expect(r, KVA + 0x5000, PSC_VA_PROTOTYPE, 0x1000);
	pm_expect_pa(r, KVA + 0x212345, PSC_VA_PRESENT, 0x212345, 0x200000 - 0x12345);
	pm_expect_pa(r, 0xc0000000 + (KVA >> 9), PSC_VA_PRESENT, 0x6000 + (KVA >> 9 & 0xfff),
		     0x1000 - (KVA >> 9 & 0xfff));
	pm_expect(r, 0x100000000, PSC_VA_CORRUPT, 0xffffffff00000000);
	ck_assert_uint_eq(psc_space_plausibility(&sp), 7);
	free(r);
	pm_set64(&m, top, pm_get(&m, top, 8) | 2);
	r = pm_reader(&m, &sp, PSC_MMU_X86_PAE, top, NULL);
	pm_expect(r, 0x1000, PSC_VA_CORRUPT, 0x3ffff000);
	ck_assert_uint_eq(psc_space_plausibility(&sp), 4);
	free(r);
	pm_close(&m);
}
END_TEST

START_TEST(runs_in_32_bits)
{
	struct pm m;
	struct psc_space sp;
	struct psc_run_iter it;
	struct psc_va_run run;
	pm_init(&m, false, 7601, ram, 1);
	m.next_pfn = 2;
	pm_map(&m, PSC_MMU_X86, 0x1000, KVA + 0x3ff000, 0, 0x20000 | P_V);
	pm_map(&m, PSC_MMU_X86, 0x1000, KVA + 0x400000, 0, 0x21000 | P_V);
	pm_map(&m, PSC_MMU_X86, 0x1000, 0xfffff000, 0, 0x22000 | P_V);
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_X86, 0x1000, NULL);
	psc_run_iter_init(&it, r, 0, 0, 0);
	ck_assert_int_eq(psc_run_iter_next(&it, &run, NULL), PSC_OK);
	ck_assert(run.va == KVA + 0x3ff000 && run.size_bytes == 0x2000 && run.pa == 0x20000);
	ck_assert_int_eq(psc_run_iter_next(&it, &run, NULL), PSC_OK);
	ck_assert(run.va == 0xfffff000 && run.size_bytes == 0x1000);
	ck_assert_int_eq(psc_run_iter_next(&it, &run, NULL), PSC_DONE);
	psc_run_iter_init(&it, r, 0x100000000, 0, 0);
	ck_assert_int_eq(psc_run_iter_next(&it, &run, NULL), PSC_DONE);
	uint8_t buf[16];
	ck_assert_uint_eq(psc_read_va(r, 0xfffffff8, buf, 16), 8);
	free(r);
	pm_close(&m);
}
END_TEST

UNIT_MAIN("paging x86", without_pae, old_prototype_addresses_stay_unresolved, pae, runs_in_32_bits)
