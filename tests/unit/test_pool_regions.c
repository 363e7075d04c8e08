/* SPDX-License-Identifier: MIT */
#include "test_pool_machine.h"

static struct psc_pool_regions find(struct pm *m)
{
	struct psc_pool_regions r;
	psc_pool_regions_find(m->k, &m->warnings, &r);
	for (size_t i = 0; i < r.n; i++) {
		ck_assert_uint_lt(r.items[i].lo, r.items[i].hi - 1);
		for (size_t j = 0; j < i; j++)
			ck_assert(r.items[i].lo > r.items[j].hi - 1 || r.items[j].lo > r.items[i].hi - 1);
	}
	return r;
}

static void expect(const struct psc_pool_regions *r, size_t i, enum psc_pool pool, uint64_t lo, uint64_t hi)
{
	ck_assert_uint_lt(i, r->n);
	ck_assert_int_eq(r->items[i].pool, pool);
	ck_assert_uint_eq(r->items[i].lo, lo);
	ck_assert_uint_eq(r->items[i].hi, hi);
}

START_TEST(variables_of_2003_and_7)
{
	struct pm m;
	pm_new(&m, 3790, 40);
	pm_global(&m, PSC_SYM_MmNonPagedPoolStart, 0xfffffadf90000000u);
	pm_global(&m, PSC_SYM_MmNonPagedPoolEnd, 0xfffffadfe0000000u);
	pm_global(&m, PSC_SYM_MmPagedPoolStart, 0xfffffa8000000000u);
	pm_global(&m, PSC_SYM_MmPagedPoolEnd, 0xfffffa8007ffffffu);
	pm_open(&m, 1);
	struct psc_pool_regions r = find(&m);
	ck_assert_uint_eq(r.n, 2);
	expect(&r, 0, PSC_POOL_PAGED, 0xfffffa8000000000u, 0xfffffa8008000000u);
	expect(&r, 1, PSC_POOL_NONPAGED, 0xfffffadf90000000u, 0xfffffadfe0000000u);
	pm_free(&m);

	pm_new(&m, 7601, 40);
	pm_global(&m, PSC_SYM_MiNonPagedPoolStartAligned, 0xfffffa8001000000u);
	pm_global(&m, PSC_SYM_MiNonPagedPoolEnd, 0xfffffffffffff000u);
	pm_open(&m, 1);
	r = find(&m);
	ck_assert_uint_eq(r.n, 2);
	expect(&r, 0, PSC_POOL_PAGED, 0xfffff8a000000000u, 0xfffff8d000000000u);
	expect(&r, 1, PSC_POOL_NONPAGED, 0xfffffa8001000000u, 0xfffffffffffff000u);
	pm_free(&m);
}
END_TEST

/* 17763: Hardware 1600, SystemNodeInformation 18, ranges 140/148 every 190; regions at b50 of the visible state. */
START_TEST(memory_manager_state)
{
	for (unsigned newer = 0; newer < 2; newer++) {
		struct pm m;
		const uint64_t np = 0xffffa80000000000u, p = 0xffff900000000000u;
		pm_new(&m, newer ? 20348 : 17763, 120);
		uint64_t visible = pm_place(&m, PSC_SYM_MmSpecialPoolTag, 0x1000);
		uint64_t regions = visible + (newer ? 0xbd0 + 16 : 0xb50);
		m.syms[PSC_SYM_MmSpecialPoolTag] = 0;
		pm_global(&m, PSC_SYM_MiVisibleState, visible);
		uint64_t state = pm_place(&m, PSC_SYM_MiState, 0x5000);
		uint64_t nodes = pm_place(&m, PSC_SYM_PoolHitTag, 0x1000);
		m.syms[PSC_SYM_PoolHitTag] = 0;
		fake_put64(&m.f, regions, np);
		fake_put64(&m.f, regions + 8, (uint64_t)1 << 40);
		fake_put64(&m.f, regions + 16, p);
		fake_put64(&m.f, regions + 24, (uint64_t)2 << 40);
		fake_put64(&m.f, state + 0x1600 + (newer ? 0x20 : 0x18), nodes);
		for (uint64_t i = 0; i < 2; i++) {
			uint64_t at = nodes + i * (newer ? 0x78 : 0x190) + (newer ? 0x60 : 0x140);
			/* Node 0 inside the region, node 1 half outside. */
			fake_put64(&m.f, at, np + (i ? (uint64_t)1 << 39 : 0));
			fake_put64(&m.f, at + 8, np + (i ? ((uint64_t)3 << 39) - 1 : 0xfffffff));
		}
		pm_open(&m, 1);
		struct psc_pool_regions r = find(&m);
		ck_assert_uint_eq(r.n, 3);
		expect(&r, 0, PSC_POOL_PAGED, p, p + ((uint64_t)2 << 40));
		expect(&r, 1, PSC_POOL_NONPAGED, np, np + ((uint64_t)1 << 40));
		expect(&r, 2, PSC_POOL_NONPAGED, np + ((uint64_t)1 << 40), np + ((uint64_t)3 << 39));
		ck_assert_ptr_nonnull(strstr(r.items[2].source, "SystemNode"));
		pm_free(&m);
	}
}
END_TEST

START_TEST(enumerators)
{
	ck_assert_uint_eq(psc_va_type_of_pool(22631, PSC_POOL_NONPAGED), 5);
	ck_assert_uint_eq(psc_va_type_of_pool(22631, PSC_POOL_PAGED), 6);
	ck_assert_uint_eq(psc_va_type_of_pool(26100, PSC_POOL_NONPAGED), 4);
	ck_assert_uint_eq(psc_va_type_of_pool(26100, PSC_POOL_PAGED), 5);
	ck_assert_uint_eq(psc_assigned_region_of_pool(19045, PSC_POOL_NONPAGED), 0);
	ck_assert_uint_eq(psc_assigned_region_of_pool(20348, PSC_POOL_PAGED), 2);
}
END_TEST

START_TEST(nonsense_is_ignored)
{
	static const uint64_t values[][2] = {
		{0, 0}, {0x1000, 0x2000}, {UINT64_MAX, 1}, {0xfffffa8000000000u, 0xfffffa8000000000u}, {5, UINT64_MAX},
	};
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct pm m;
		pm_new(&m, 7601, 40);
		pm_global(&m, PSC_SYM_MiNonPagedPoolStartAligned, values[i][0]);
		pm_global(&m, PSC_SYM_MiNonPagedPoolEnd, values[i][1]);
		pm_open(&m, 1);
		struct psc_pool_regions r = find(&m);
		/* Kernel space around paged pool and the self-map is searched instead. */
		ck_assert(r.has_nonpaged && r.has_paged);
		for (size_t j = 0; j < r.n; j++)
			ck_assert(r.items[j].by_bytes == (r.items[j].pool == PSC_POOL_NONPAGED));
		ck_assert(pm_warned(&m, "nonpaged pool is not known"));
		pm_free(&m);
	}
}
END_TEST

/* x86 gives out address space in 2 MiB pieces of any type: no piece may be lost, however they alternate. */
START_TEST(va_types_of_x86)
{
	static const uint32_t builds[] = {7601, 9600, 16299, 17134};
	for (size_t b = 0; b < sizeof(builds) / sizeof(builds[0]); b++) {
		/* 5 nonpaged, 6 paged, 14 paged for prototype PTEs where the build has it, 9 system PTEs. */
		static const uint8_t cycle[] = {5, 9, 6, 14, 9};
		struct psc_pool_regions r = {0};
		struct pm m;
		pm_new(&m, builds[b], 60);
		uint64_t types = pm_place(&m, PSC_SYM_MiSystemVaType, 1024);
		for (unsigned i = 0; i < 1024; i++)
			*(fake_page(&m.f, types + i) + ((types + i) & 0xfff)) = cycle[i % sizeof(cycle)];
		pm_open(&m, 1);
		m.k->space.is_32bit = true;
		psc_pool_regions_from_va_types(m.k, types, "types", &r);
		uint64_t bytes[2] = {0, 0};
		for (size_t i = 0; i < r.n; i++)
			bytes[r.items[i].pool] += r.items[i].hi - r.items[i].lo;
		bool has_proto = builds[b] == 9600 || builds[b] == 16299;
		ck_assert_uint_eq(bytes[PSC_POOL_NONPAGED], 205 * ((uint64_t)2 << 20));
		ck_assert_uint_eq(bytes[PSC_POOL_PAGED], (has_proto ? 410 : 205) * ((uint64_t)2 << 20));
		pm_free(&m);
	}
}
END_TEST

START_TEST(region_by_address)
{
	static const struct psc_pool_regions r = {
		.items = {{PSC_POOL_PAGED, 0x1000, 0x3000, "a", false}, {PSC_POOL_NONPAGED, 0x5000, 0, "b", false}},
		.n = 2,
	};
	ck_assert_ptr_null(psc_pool_region_at(&r, 0xfff));
	ck_assert_ptr_eq(psc_pool_region_at(&r, 0x1000), &r.items[0]);
	ck_assert_ptr_eq(psc_pool_region_at(&r, 0x2fff), &r.items[0]);
	ck_assert_ptr_null(psc_pool_region_at(&r, 0x3000));
	ck_assert_ptr_eq(psc_pool_region_at(&r, 0x5000), &r.items[1]);
	ck_assert_ptr_eq(psc_pool_region_at(&r, UINT64_MAX), &r.items[1]);
}
END_TEST

START_TEST(overlaps_are_cut)
{
	struct pm m;
	struct psc_pool_regions r = {0};
	const uint64_t base = 0xfffffa8000000000u;
	pm_new(&m, 7601, 40);
	pm_open(&m, 1);
	psc_pool_regions_add(m.k, &r, PSC_POOL_PAGED, base + 0x10000, base + 0x1ffff, "a", false);
	psc_pool_regions_add(m.k, &r, PSC_POOL_PAGED, base + 0x30000, base + 0x3ffff, "b", false);
	psc_pool_regions_add(m.k, &r, PSC_POOL_NONPAGED, base, base + 0x4ffff, "c", false);
	ck_assert_uint_eq(r.n, 5);
	uint64_t sum = 0;
	for (size_t i = 0; i < r.n; i++)
		if (r.items[i].pool == PSC_POOL_NONPAGED)
			sum += r.items[i].hi - r.items[i].lo;
	ck_assert_uint_eq(sum, 0x30000);
	psc_pool_regions_add(m.k, &r, PSC_POOL_NONPAGED, base + 0x12000, base + 0x15fff, "d", false);
	ck_assert_uint_eq(r.n, 5);
	psc_pool_regions_add(m.k, &r, PSC_POOL_NONPAGED, 0xffffffffffff0000u, UINT64_MAX, "top", false);
	ck_assert_uint_eq(r.n, 6);
	ck_assert_uint_eq(r.items[5].hi, 0);
	for (unsigned i = 0; i < 2 * PSC_POOL_REGIONS_MAX; i++)
		psc_pool_regions_add(m.k, &r, PSC_POOL_PAGED, base + ((uint64_t)1 << 30) + i * 0x4000,
				     base + ((uint64_t)1 << 30) + i * 0x4000 + 0xfff, "many", false);
	ck_assert_uint_eq(r.n, PSC_POOL_REGIONS_MAX);
	pm_free(&m);
}
END_TEST

UNIT_MAIN("pool_regions", variables_of_2003_and_7, memory_manager_state, enumerators, nonsense_is_ignored,
	  va_types_of_x86, region_by_address, overlaps_are_cut)
