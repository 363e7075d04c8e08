/* SPDX-License-Identifier: MIT */
/* The regions of kernel space found by content, and built-in offsets of the memory manager's structures that the bytes
 * contradict. Everything is planted by hand; offsets are those of reference pool 3.3 and paging 11. */
#include "test_pool_machine.h"

#include "pool/infer.h"

#define NONPAGED 0xffffa80000000000u
#define PAGED    0xffffb40000000000u
#define PTES     0xfffff68000000000u /* of FAKE_SELF_SLOT */
#define PFNS     0xffffdc0000000000u
#define GIB      ((uint64_t)1 << 30)
#define TIB      ((uint64_t)1 << 40)
#define TABLE    (PM_DATA + 0x700)

static const struct psc_witnesses witnesses = {
	.nonpaged = {NONPAGED + 0x12000, NONPAGED + 0x400c0, NONPAGED + 0x51000, NONPAGED + GIB},
	.n_nonpaged = 4,
	.paged = {PAGED + 0x3000, PAGED + 0x8000},
	.n_paged = 2,
	.pte_base = PTES,
	.pfn_database = PFNS,
};

static void put_region(struct pm *m, uint64_t table, unsigned i, uint64_t base, uint64_t bytes)
{
	fake_put64(&m->f, table + 16 * i, base);
	fake_put64(&m->f, table + 16 * i + 8, bytes);
}

/* Seven regions, one not in use; the order is nobody's. */
static void put_table(struct pm *m, uint64_t table)
{
	put_region(m, table, 0, PAGED, TIB);
	put_region(m, table, 1, 0xfffff80000000000u, TIB / 2);
	put_region(m, table, 2, NONPAGED, TIB);
	put_region(m, table, 3, 0, 0);
	put_region(m, table, 4, PTES, TIB / 2);
	put_region(m, table, 5, PFNS, TIB / 2);
	put_region(m, table, 6, 0xffff900000000000u, TIB);
	fake_put64(&m->f, table + 16 * 7, 0x1234567);
}

static void infer(struct pm *m, const struct psc_witnesses *w)
{
	struct psc_kernel_data d;
	ck_assert(psc_kernel_data_read(m->k, &d));
	psc_infer_regions(m->k, &d, w);
	psc_kernel_data_free(&d);
}

START_TEST(found)
{
	struct pm m;
	pm_new(&m, 14393, 60);
	put_table(&m, TABLE);
	pm_open(&m, 1);
	infer(&m, &witnesses);
	ck_assert_uint_eq(m.k->n_inferred, 1);
	ck_assert_int_eq(m.k->inferred[0].confidence, PSC_CONFIDENCE_PROVEN);
	ck_assert_uint_eq(m.k->inferred[0].value, TABLE);
	ck_assert(m.k->pool_range[0].known && m.k->pool_range[1].known);
	ck_assert_uint_eq(m.k->pool_range[0].lo, NONPAGED);
	ck_assert_uint_eq(m.k->pool_range[0].last, NONPAGED + TIB - 1);
	ck_assert_uint_eq(m.k->pool_range[1].lo, PAGED);
	struct psc_pool_regions *r = calloc(1, sizeof(*r));
	ck_assert_ptr_nonnull(r);
	psc_pool_regions_find(m.k, &m.warnings, r);
	ck_assert_uint_eq(r->n, 2);
	ck_assert(!r->items[0].by_bytes && r->items[0].pool == PSC_POOL_NONPAGED && r->items[0].lo == NONPAGED);
	ck_assert(!r->items[1].by_bytes && r->items[1].pool == PSC_POOL_PAGED && r->items[1].hi == PAGED + TIB);
	free(r);
	pm_free(&m);
	/* Before 14393 there is no such table, and with two addresses one does not look. */
	struct psc_witnesses few = witnesses;
	few.n_nonpaged = 2;
	for (unsigned i = 0; i < 2; i++) {
		pm_new(&m, i == 0 ? 10586 : 14393, 60);
		put_table(&m, TABLE);
		pm_open(&m, 1);
		infer(&m, i == 0 ? &witnesses : &few);
		ck_assert_uint_eq(m.k->n_inferred, 0);
		ck_assert(!m.k->pool_range[0].known);
		pm_free(&m);
	}
}
END_TEST

static void overlap(struct pm *m)
{
	put_region(m, TABLE, 6, NONPAGED + TIB / 2, TIB);
}

static void too_short(struct pm *m)
{
	put_region(m, TABLE, 2, NONPAGED, GIB);
}

static void both_in_one(struct pm *m)
{
	put_region(m, TABLE, 2, NONPAGED, 16 * TIB);
	put_region(m, TABLE, 0, 0xffffc00000000000u, TIB);
}

static void other_page_tables(struct pm *m)
{
	put_region(m, TABLE, 4, PTES + TIB / 2, TIB / 2);
}

static void no_pfn_database(struct pm *m)
{
	put_region(m, TABLE, 5, 0, 0);
}

static void broken_off(struct pm *m)
{
	put_region(m, TABLE, 3, NONPAGED + 0x1008, 0x1000);
}

START_TEST(near_misses)
{
	void (*const damages[])(struct pm * m) = {overlap,           too_short,       both_in_one,
						  other_page_tables, no_pfn_database, broken_off};
	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		struct pm m;
		pm_new(&m, 14393, 60);
		put_table(&m, TABLE);
		damages[i](&m);
		pm_open(&m, 1);
		infer(&m, &witnesses);
		ck_assert_msg(m.k->n_inferred == 0, "damage %zu", i);
		ck_assert(!m.k->pool_range[0].known && !m.k->pool_range[1].known);
		pm_free(&m);
	}
}
END_TEST

START_TEST(twins)
{
	/* The same twice: either serves. */
	struct pm m;
	pm_new(&m, 14393, 60);
	put_table(&m, TABLE);
	put_table(&m, TABLE + 0x400);
	pm_open(&m, 1);
	infer(&m, &witnesses);
	ck_assert_int_eq(m.k->inferred[0].confidence, PSC_CONFIDENCE_PROVEN);
	ck_assert_uint_eq(m.k->inferred[0].n_alternatives, 1);
	pm_free(&m);
	/* They differ in the end of a pool. */
	pm_new(&m, 14393, 60);
	put_table(&m, TABLE);
	put_table(&m, TABLE + 0x400);
	put_region(&m, TABLE + 0x400, 0, PAGED, 2 * TIB);
	pm_open(&m, 1);
	infer(&m, &witnesses);
	ck_assert_int_eq(m.k->inferred[0].confidence, PSC_CONFIDENCE_AMBIGUOUS);
	ck_assert_uint_eq(m.k->inferred[0].n_alternatives, 2);
	ck_assert(!m.k->pool_range[0].known);
	pm_free(&m);
}
END_TEST

/* ---- built-in offsets ---- */

#define MI_STATE 0xfffff80412200000u
#define NODE     (NONPAGED + 0x77000)

static void put_mi_state(struct pm *m, uint64_t shift)
{
	const uint64_t state = MI_STATE + shift, visible = state + 0x4400;
	put_region(m, visible + 0xbd0, 0, PFNS, TIB / 2);
	put_region(m, visible + 0xbd0, 1, NONPAGED, TIB);
	put_region(m, visible + 0xbd0, 2, PAGED, TIB);
	put_region(m, visible + 0xbd0, 9, PTES, TIB / 2);
	fake_put64(&m->f, state + 0x1680 + 0x20, NODE);
	fake_put64(&m->f, NODE + 0x60, NONPAGED);
	fake_put64(&m->f, NODE + 0x68, NONPAGED + TIB - 1);
	for (uint64_t va = MI_STATE; va < MI_STATE + 0x6000; va += 0x1000)
		fake_page(&m->f, va);
	m->syms[PSC_SYM_MiState] = MI_STATE;
}

static bool is_rejected(const struct pm *m, const char *name)
{
	for (size_t i = 0; i < m->k->n_inferred; i++)
		if (strcmp(m->k->inferred[i].name, name) == 0)
			return m->k->inferred[i].confidence == PSC_CONFIDENCE_REJECTED;
	return false;
}

static bool has(const struct pm *m, enum psc_field_id f)
{
	return psc_profile_field(&m->k->profile, f) != NULL;
}

START_TEST(builtin_offsets)
{
	for (unsigned moved = 0; moved < 2; moved++) {
		struct pm m;
		pm_new(&m, 22000, 80);
		put_mi_state(&m, moved ? 0x140 : 0);
		pm_open(&m, 1);
		m.k->physical_memory_bytes = 80 * 4096;
		const struct psc_field *va = psc_profile_field(&m.k->profile, PSC_FIELD_MI_SYSTEM_INFORMATION_SystemVa);
		const struct psc_field *map =
			psc_profile_field(&m.k->profile, PSC_FIELD_MI_SYSTEM_VA_STATE_DynamicBitMapPagedPool);
		ck_assert(va && map && va->offset == 0x2840);
		/* Paged pool would start above what is known to be paged; a counter that is an address. */
		fake_put64(&m.f, MI_STATE + va->offset + map->offset + 0x20, moved ? PAGED + TIB : PAGED);
		fake_put64(&m.f, MI_STATE + 8, moved ? NONPAGED : 70);
		psc_infer_check_mi(m.k, &witnesses);
		ck_assert_uint_eq(m.k->n_inferred, moved ? 4 : 0);
		ck_assert(has(&m, PSC_FIELD_MI_VISIBLE_STATE_SystemVaRegions) == !moved);
		ck_assert(has(&m, PSC_FIELD_MI_SYSTEM_INFORMATION_Hardware) == !moved);
		ck_assert(has(&m, PSC_FIELD_MI_SYSTEM_INFORMATION_SystemVa) == !moved);
		ck_assert(has(&m, PSC_FIELD_MI_SYSTEM_INFORMATION_Pools) == !moved);
		ck_assert(is_rejected(&m, "_MI_VISIBLE_STATE") == (moved == 1));
		ck_assert(is_rejected(&m, "_MI_HARDWARE_STATE") == (moved == 1));
		ck_assert(is_rejected(&m, "_MI_SYSTEM_VA_STATE") == (moved == 1));
		ck_assert(is_rejected(&m, "_MI_POOL_STATE") == (moved == 1));
		pm_free(&m);
	}
}
END_TEST

/* A symbol file of this very kernel is never overruled. */
START_TEST(symbols_stay)
{
	struct pm m;
	pm_new(&m, 22000, 80);
	put_mi_state(&m, 0x140);
	pm_open(&m, 1);
	for (unsigned f = 0; f < PSC_FIELD_MAX; f++)
		if (m.k->profile.fields[f].origin != PSC_ORIGIN_NONE)
			m.k->profile.fields[f].origin = PSC_ORIGIN_ISF;
	psc_infer_check_mi(m.k, &witnesses);
	ck_assert_uint_eq(m.k->n_inferred, 0);
	pm_free(&m);
}
END_TEST

UNIT_MAIN("infer_regions", found, near_misses, twins, builtin_offsets, symbols_stay)
