/* SPDX-License-Identifier: MIT */
/* What is found by its form: the array of processors, tag tables of processors, expansion tables, pool descriptors.
 * Each with near misses, and with two candidates that nothing tells apart. */
#include "test_pool_machine.h"

#include "pool/infer.h"

#define TABLE (PM_NONPAGED + 0x100000)
#define OTHER (PM_NONPAGED + 0x180000)
#define THIRD (PM_NONPAGED + 0x1c0000)
#define BIG   (PM_NONPAGED + 0x200000)

static const struct psc_inferred *finding(const struct pm *m, const char *name)
{
	for (size_t i = 0; i < m->k->n_inferred; i++)
		if (strcmp(m->k->inferred[i].name, name) == 0)
			return &m->k->inferred[i];
	return NULL;
}

/* ---- KiProcessorBlock ---- */

#define PRCB  (PM_NONPAGED + 0x300180)
#define ARRAY (PM_DATA + 0x800)

static void put_processors(struct pm *m, unsigned n)
{
	pm_new(m, 9600, 60);
	for (unsigned i = 0; i < n; i++) {
		uint64_t va = PRCB + i * (uint64_t)0x2000, pcr = va - 0x180;
		fake_put64(&m->f, pcr + 0x18, pcr);
		fake_put64(&m->f, pcr + 0x20, va);
		fake_put32(&m->f, va + 0x24, i);
		fake_put64(&m->f, ARRAY + 8 * i, va);
	}
}

START_TEST(processors)
{
	static const char name[] = "KiProcessorBlock";
	struct pm m;
	put_processors(&m, 3);
	pm_open(&m, 3);
	psc_kernel_infer_early(m.k);
	ck_assert_int_eq(finding(&m, name)->confidence, PSC_CONFIDENCE_PROVEN);
	ck_assert_uint_eq(finding(&m, name)->value, ARRAY);
	ck_assert_uint_eq(finding(&m, name)->checks, 9);
	pm_free(&m);
	/* The third has another number, or its region points elsewhere: two of three processors. */
	for (unsigned damage = 0; damage < 2; damage++) {
		put_processors(&m, 3);
		if (damage == 0)
			fake_put32(&m.f, PRCB + 2 * 0x2000 + 0x24, 7);
		else
			fake_put64(&m.f, PRCB + 2 * 0x2000 - 0x180 + 0x18, PRCB);
		pm_open(&m, 3);
		psc_kernel_infer_early(m.k);
		ck_assert_int_eq(finding(&m, name)->confidence, PSC_CONFIDENCE_WEAK);
		ck_assert_uint_eq(finding(&m, name)->checks, 6);
		pm_free(&m);
	}
	/* Twice the same pointers: either serves, and both are told. */
	put_processors(&m, 3);
	for (unsigned i = 0; i < 3; i++)
		fake_put64(&m.f, ARRAY + 0x200 + 8 * i, PRCB + i * (uint64_t)0x2000);
	pm_open(&m, 3);
	psc_kernel_infer_early(m.k);
	ck_assert_int_eq(finding(&m, name)->confidence, PSC_CONFIDENCE_LIKELY);
	ck_assert_uint_eq(finding(&m, name)->n_alternatives, 1);
	ck_assert_uint_eq(finding(&m, name)->alternatives[0], ARRAY + 0x200);
	pm_free(&m);
	/* Nothing of the kind. */
	put_processors(&m, 0);
	pm_open(&m, 3);
	psc_kernel_infer_early(m.k);
	ck_assert_ptr_null(finding(&m, name));
	pm_free(&m);
}
END_TEST

/* ---- tag tables ---- */

#define ENTRY 0x28u

static unsigned hash_slot(uint32_t tag, unsigned mask)
{
	uint64_t h = (uint64_t)tag * 40543;
	return (unsigned)((uint32_t)h ^ (uint32_t)(h >> 32)) & mask;
}

static uint32_t tag_of(unsigned i)
{
	return PM_TAG('T', 'a', '0' + i / 10, '0' + i % 10);
}

static void put_tags(struct pm *m, uint64_t table, unsigned mask, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned s = hash_slot(tag_of(i), mask);
		while (fake_load(fake_page(&m->f, table + s * (uint64_t)ENTRY) + ((table + s * ENTRY) & 0xfff), 4) != 0)
			s = (s + 1) & mask;
		fake_put32(&m->f, table + s * (uint64_t)ENTRY, tag_of(i));
	}
}

static void new_trackers(struct pm *m, uint32_t build, unsigned mask, unsigned n_tags)
{
	pm_new(m, build, 200);
	for (uint64_t va = TABLE; va < TABLE + 0x4000; va += 0x1000) {
		fake_page(&m->f, va);
		fake_page(&m->f, OTHER - TABLE + va);
		fake_page(&m->f, THIRD - TABLE + va);
	}
	put_tags(m, TABLE, mask, n_tags);
	pm_global(m, PSC_SYM_PoolTrackTable, TABLE);
	pm_global(m, PSC_SYM_PoolTrackTableSize, mask + 2);
	pm_global(m, PSC_SYM_PoolTrackTableMask, mask);
}

static void infer_track(struct pm *m, unsigned n_cpu)
{
	struct psc_cluster c;
	pm_open(m, n_cpu);
	ck_assert(psc_cluster_read(m->k, &c));
	psc_infer_track(m->k, &c);
	psc_cluster_free(&c);
}

START_TEST(tag_tables)
{
	static const char name[] = "ExPoolTagTables";
	struct pm m;
	new_trackers(&m, 7601, 127, 20);
	put_tags(&m, OTHER, 127, 20);
	fake_put64(&m.f, ARRAY, TABLE);
	fake_put64(&m.f, ARRAY + 8, OTHER);
	infer_track(&m, 2);
	ck_assert_uint_eq(finding(&m, name)->value, ARRAY);
	ck_assert_uint_eq(finding(&m, name)->checks, 21);
	/* No big-page table says that the second is one. */
	ck_assert_int_eq(finding(&m, name)->confidence, PSC_CONFIDENCE_WEAK);
	pm_free(&m);
	/* The second has its tags elsewhere: another array with a fitting one is better. */
	new_trackers(&m, 7601, 127, 20);
	for (unsigned i = 0; i < 20; i++)
		fake_put32(&m.f, OTHER + hash_slot(tag_of(i), 127) * (uint64_t)ENTRY, tag_of(i + 40));
	put_tags(&m, THIRD, 127, 20);
	fake_put64(&m.f, ARRAY, TABLE);
	fake_put64(&m.f, ARRAY + 8, OTHER);
	fake_put64(&m.f, ARRAY + 0x100, TABLE);
	fake_put64(&m.f, ARRAY + 0x108, THIRD);
	infer_track(&m, 2);
	ck_assert_uint_eq(finding(&m, name)->value, ARRAY + 0x100);
	pm_free(&m);
	/* Both fit. */
	new_trackers(&m, 7601, 127, 20);
	put_tags(&m, OTHER, 127, 20);
	put_tags(&m, THIRD, 127, 20);
	fake_put64(&m.f, ARRAY, TABLE);
	fake_put64(&m.f, ARRAY + 8, OTHER);
	fake_put64(&m.f, ARRAY + 0x100, TABLE);
	fake_put64(&m.f, ARRAY + 0x108, THIRD);
	infer_track(&m, 2);
	ck_assert_int_eq(finding(&m, name)->confidence, PSC_CONFIDENCE_AMBIGUOUS);
	ck_assert_uint_eq(finding(&m, name)->n_alternatives, 2);
	ck_assert_uint_eq(psc_kernel_sym(m.k, PSC_SYM_ExPoolTagTables), 0);
	pm_free(&m);
}
END_TEST

/* ---- expansion tables ---- */

static const char expansion[] = "PoolTrackTableExpansion", expansion_size[] = "PoolTrackTableExpansionSize";

static void put_big(struct pm *m, uint64_t va, uint64_t bytes)
{
	uint64_t h = 0x9e5fu * (uint64_t)(uint32_t)(va >> 12);
	unsigned s = (uint32_t)(h ^ h >> 32) & 63;
	while (fake_load(fake_page(&m->f, BIG + s * 0x18u) + ((BIG + s * 0x18u) & 0xfff), 8) != 1)
		s = (s + 1) & 63;
	fake_put64(&m->f, BIG + s * 0x18u, va);
	fake_put32(&m->f, BIG + s * 0x18u + 8, PM_TAG('P', 'o', 'o', 'l'));
	fake_put64(&m->f, BIG + s * 0x18u + 0x10, bytes);
}

/* A full table; n_tags that it has no room for, from the start of the page at va on. */
static void new_full(struct pm *m, uint32_t build)
{
	new_trackers(m, build, 63, 64);
	pm_global(m, PSC_SYM_PoolBigPageTable, BIG);
	pm_global(m, PSC_SYM_PoolBigPageTableSize, 64);
	for (unsigned i = 0; i < 64; i++)
		fake_put64(&m->f, BIG + i * 0x18u, 1);
}

static void put_expansion(struct pm *m, uint64_t va, unsigned n_tags)
{
	for (unsigned i = 0; i < n_tags; i++)
		fake_put32(&m->f, va + i * (uint64_t)ENTRY, tag_of(70 + i));
	put_big(m, va, 0x1000);
}

START_TEST(expansions)
{
	for (unsigned old = 0; old < 2; old++) {
		const uint32_t build = old ? 3790 : 7601;
		struct pm m;
		uint64_t va, n;
		new_full(&m, build);
		put_expansion(&m, OTHER, 6);
		pm_global(&m, PSC_SYM_ExpPoolFlags, OTHER);
		pm_global(&m, PSC_SYM_PoolHitTag, 4096 / ENTRY);
		infer_track(&m, 1);
		ck_assert_int_eq(finding(&m, expansion)->confidence, PSC_CONFIDENCE_LIKELY);
		ck_assert(psc_kernel_read_ptr(m.k, PSC_SYM_PoolTrackTableExpansion, &va) && va == OTHER);
		ck_assert(psc_kernel_read_ptr(m.k, PSC_SYM_PoolTrackTableExpansionSize, &n) && n == 4096 / ENTRY);
		ck_assert_ptr_nonnull(finding(&m, expansion_size));
		pm_free(&m);
		/* Two of them. */
		new_full(&m, build);
		put_expansion(&m, OTHER, 6);
		put_expansion(&m, THIRD, 6);
		pm_global(&m, PSC_SYM_ExpPoolFlags, OTHER);
		pm_global(&m, PSC_SYM_NtGlobalFlag, THIRD);
		pm_global(&m, PSC_SYM_PoolHitTag, 4096 / ENTRY);
		infer_track(&m, 1);
		ck_assert_int_eq(finding(&m, expansion)->confidence, PSC_CONFIDENCE_AMBIGUOUS);
		ck_assert_uint_eq(finding(&m, expansion)->n_alternatives, 2);
		ck_assert_uint_eq(psc_kernel_sym(m.k, PSC_SYM_PoolTrackTableExpansion), 0);
		pm_free(&m);
		/* Starts with a tag of the main table; no number of entries fits. */
		for (unsigned damage = 0; damage < 2; damage++) {
			new_full(&m, build);
			put_expansion(&m, OTHER, 6);
			if (damage == 0)
				fake_put32(&m.f, OTHER, tag_of(3));
			pm_global(&m, PSC_SYM_ExpPoolFlags, OTHER);
			pm_global(&m, PSC_SYM_PoolHitTag, damage == 1 ? 900 : 4096 / ENTRY);
			infer_track(&m, 1);
			ck_assert_int_eq(finding(&m, expansion)->confidence, PSC_CONFIDENCE_AMBIGUOUS);
			ck_assert_uint_eq(finding(&m, expansion)->n_alternatives, 0);
			ck_assert_uint_eq(psc_kernel_sym(m.k, PSC_SYM_PoolTrackTableExpansion), 0);
			pm_free(&m);
		}
		/* Slots are free: there is none. */
		new_trackers(&m, build, 63, 30);
		infer_track(&m, 1);
		ck_assert_int_eq(finding(&m, expansion)->confidence, PSC_CONFIDENCE_PROVEN);
		ck_assert_str_eq(finding(&m, expansion)->kind, "value");
		pm_free(&m);
	}
	/* 2003 alone: a gap between the tags. */
	struct pm m;
	new_full(&m, 3790);
	put_expansion(&m, OTHER, 6);
	fake_put32(&m.f, OTHER + 9 * ENTRY, tag_of(90));
	pm_global(&m, PSC_SYM_ExpPoolFlags, OTHER);
	pm_global(&m, PSC_SYM_PoolHitTag, 4096 / ENTRY);
	infer_track(&m, 1);
	ck_assert_int_eq(finding(&m, expansion)->confidence, PSC_CONFIDENCE_AMBIGUOUS);
	pm_free(&m);
}
END_TEST

/* ---- pool descriptors of 7, x64 ---- */

#define STATIC_ONE (PM_DATA + 0x2000)
#define STATIC_TWO (PM_DATA + 0x6000)
#define VECTOR     (PM_DATA + 0x900)
#define PAGED(i)   (PM_NONPAGED + 0x500000 + (uint64_t)(i)*0x2000)

static void put_descriptor(struct pm *m, uint64_t va, uint32_t type, uint32_t index, uint64_t linked_as)
{
	fake_put32(&m->f, va, type);
	fake_put32(&m->f, va + 0x80, index);
	for (unsigned i = 0; i < 256; i++) {
		uint64_t at = va + 0x140 + 16 * i, link = linked_as + 0x140 + 16 * i;
		fake_put64(&m->f, at, link);
		fake_put64(&m->f, at + 8, link);
	}
}

static void new_descriptors(struct pm *m)
{
	pm_new(m, 7601, 120);
	put_descriptor(m, STATIC_ONE, 0, 0, STATIC_ONE);
	for (unsigned i = 0; i < 3; i++) {
		put_descriptor(m, PAGED(i), 1, i, PAGED(i));
		fake_put64(&m->f, VECTOR + 8 * i, PAGED(i));
	}
}

static void infer_descriptors(struct pm *m)
{
	struct psc_kernel_data d;
	pm_open(m, 1);
	ck_assert(psc_kernel_data_read(m->k, &d));
	psc_infer_descriptors(m->k, &d);
	psc_kernel_data_free(&d);
}

START_TEST(descriptors)
{
	static const char nonpaged[] = "NonPagedPoolDescriptor", paged[] = "ExpPagedPoolDescriptor";
	struct pm m;
	new_descriptors(&m);
	infer_descriptors(&m);
	ck_assert_int_eq(finding(&m, nonpaged)->confidence, PSC_CONFIDENCE_PROVEN);
	ck_assert_uint_eq(finding(&m, nonpaged)->value, STATIC_ONE);
	ck_assert_int_eq(finding(&m, paged)->confidence, PSC_CONFIDENCE_PROVEN);
	ck_assert_uint_eq(finding(&m, paged)->value, VECTOR);
	ck_assert_uint_eq(finding(&m, paged)->checks, 3);
	ck_assert_uint_eq(m.k->inferred_pools[1], 3);
	pm_free(&m);
	/* The last is a stale copy: its lists are linked to the original. */
	new_descriptors(&m);
	put_descriptor(&m, PAGED(2), 1, 2, PAGED(1));
	infer_descriptors(&m);
	ck_assert_uint_eq(finding(&m, paged)->checks, 2);
	ck_assert_uint_eq(m.k->inferred_pools[1], 2);
	pm_free(&m);
	/* Two static ones that are alike. */
	new_descriptors(&m);
	put_descriptor(&m, STATIC_TWO, 0, 0, STATIC_TWO);
	infer_descriptors(&m);
	ck_assert_int_eq(finding(&m, nonpaged)->confidence, PSC_CONFIDENCE_AMBIGUOUS);
	ck_assert_uint_eq(finding(&m, nonpaged)->n_alternatives, 2);
	ck_assert_uint_eq(psc_kernel_sym(m.k, PSC_SYM_NonPagedPoolDescriptor), 0);
	pm_free(&m);
	/* A second array: of the same descriptors either serves; with another one for the last neither is picked. */
	for (unsigned other = 2; other < 4; other++) {
		new_descriptors(&m);
		put_descriptor(&m, PAGED(3), 1, 2, PAGED(3));
		for (unsigned i = 0; i < 3; i++)
			fake_put64(&m.f, VECTOR + 0x80 + 8 * i, PAGED(i < 2 ? i : other));
		infer_descriptors(&m);
		ck_assert_int_eq(finding(&m, paged)->confidence,
				 other == 2 ? PSC_CONFIDENCE_LIKELY : PSC_CONFIDENCE_AMBIGUOUS);
		ck_assert_uint_eq(finding(&m, paged)->n_alternatives, 1);
		ck_assert_uint_eq(psc_kernel_sym(m.k, PSC_SYM_ExpPagedPoolDescriptor), other == 2 ? VECTOR : 0);
		pm_free(&m);
	}
	/* Types that no descriptor has. */
	new_descriptors(&m);
	for (unsigned i = 0; i < 3; i++)
		fake_put32(&m.f, PAGED(i), 5);
	infer_descriptors(&m);
	ck_assert_ptr_null(finding(&m, paged));
	pm_free(&m);
}
END_TEST

UNIT_MAIN("infer_tables", processors, tag_tables, expansions, descriptors)
