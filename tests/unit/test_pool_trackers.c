/* SPDX-License-Identifier: MIT */
#include "test_pool_machine.h"

#include "report/tags.h"

#define TABLES  0xfffffa8000100000u /* one every 64 KiB */
#define MASK    127u
#define ENTRIES (MASK + 2)

/* Offsets written out again: 7601, 16299 and 20348. */
struct layout {
	uint32_t build, entry, allocs[2], frees[2], bytes[2], width;
};
static const struct layout layouts[] = {
	{7601, 0x28, {4, 0x18}, {8, 0x1c}, {0x10, 0x20}, 4},
	{16299, 0x38, {0x10, 0x28}, {0x18, 0x30}, {8, 0x20}, 8},
	{20348, 0x50, {0x10, 0x28}, {0x18, 0x30}, {8, 0x20}, 8},
};

static uint64_t table_va(unsigned i)
{
	return TABLES + i * (uint64_t)0x10000;
}

static void map_table(struct pm *m, const struct layout *l, unsigned i, unsigned n)
{
	for (uint64_t va = table_va(i); va < table_va(i) + (uint64_t)n * l->entry; va += 0x1000)
		fake_page(&m->f, va);
}

/* The slot of a tag as in the reference, by hand: probing sees only what this test planted. */
static unsigned slot_of(uint32_t tag)
{
	uint64_t h = (uint64_t)tag * 40543;
	return (unsigned)((uint32_t)h ^ (uint32_t)(h >> 32)) & MASK;
}

static void put_counts(struct pm *m, const struct layout *l, uint64_t table, unsigned slot, uint32_t key, unsigned half,
		       uint64_t allocs, uint64_t frees, uint64_t bytes)
{
	uint64_t at = table + (uint64_t)slot * l->entry;
	fake_put32(&m->f, at, key);
	fake_put_n(&m->f, at + l->allocs[half], allocs, l->width);
	fake_put_n(&m->f, at + l->frees[half], frees, l->width);
	fake_put64(&m->f, at + l->bytes[half], bytes);
}

/* Main table and ExPoolTagTables with n_cpu of them. */
static void start(struct pm *m, const struct layout *l, unsigned n_cpu)
{
	pm_new(m, l->build, 160);
	pm_global(m, PSC_SYM_PoolTrackTable, table_va(0));
	pm_global(m, PSC_SYM_PoolTrackTableSize, ENTRIES);
	pm_global(m, PSC_SYM_PoolTrackTableMask, MASK);
	uint64_t array = pm_place(m, PSC_SYM_ExPoolTagTables, 0x100);
	for (unsigned i = 0; i < n_cpu; i++) {
		map_table(m, l, i, ENTRIES);
		fake_put64(&m->f, array + 8u * i, table_va(i));
	}
}

static const struct psc_tracker_row *row_of(const struct psc_trackers *t, uint32_t tag)
{
	for (size_t i = 0; i < t->n_rows; i++)
		if (t->rows[i].tag == tag)
			return &t->rows[i];
	return NULL;
}

static struct psc_trackers read_all(struct pm *m)
{
	struct psc_trackers t;
	struct psc_error e;
	ck_assert_int_eq(psc_trackers_read(m->k, &m->arena, &m->warnings, &t, &e), PSC_OK);
	return t;
}

START_TEST(sums_over_processors)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		const struct layout *l = &layouts[i];
		const uint32_t abcd = PM_TAG('A', 'b', 'c', 'd'), proc = PM_TAG('P', 'r', 'o', 0xe3);
		struct pm m;
		start(&m, l, 3);
		/* Allocated on 0 and 1, freed on 1 and 2: each table alone is nonsense. */
		put_counts(&m, l, table_va(0), slot_of(abcd), abcd, 0, 1000, 0, 64000);
		put_counts(&m, l, table_va(1), slot_of(abcd), abcd, 0, 5, 600, (uint64_t)-38080);
		put_counts(&m, l, table_va(2), slot_of(abcd), 0, 0, 0, 100, (uint64_t)-6400);
		put_counts(&m, l, table_va(0), slot_of(proc), proc, 1, 9, 2, 7 * 1344);
		pm_open(&m, 3);
		struct psc_trackers t = read_all(&m);
		ck_assert(t.available && !t.has_session);
		ck_assert_uint_eq(t.n_tables, 3);
		ck_assert_uint_eq(t.n_rows, 2);
		ck_assert(t.counts_are_32bit == (l->width == 4) && !t.bytes_are_32bit);
		const struct psc_tracker_row *r = row_of(&t, abcd);
		ck_assert_ptr_nonnull(r);
		ck_assert_uint_eq(r->half[0].allocs, 1005);
		ck_assert_uint_eq(r->half[0].frees, 700);
		ck_assert_int_eq(psc_tracker_live(&t, &r->half[0]), 305);
		ck_assert_int_eq(psc_tracker_bytes(&t, &r->half[0]), 305 * 64);
		ck_assert(!r->incomplete && !r->is_protected);
		r = row_of(&t, proc & ~PSC_TAG_PROTECTED);
		ck_assert_ptr_nonnull(r);
		ck_assert(r->is_protected);
		ck_assert_int_eq(psc_tracker_live(&t, &r->half[1]), 7);
		ck_assert_uint_eq(m.warnings.n, 0);
		ck_assert_uint_eq(t.table_bytes_missing, 0);
		ck_assert_uint_eq(t.table_bytes, 3 * (uint64_t)ENTRIES * l->entry);
		pm_free(&m);
	}
}
END_TEST

START_TEST(wrapped_counts)
{
	const struct layout *l = &layouts[0];
	const uint32_t wrap = PM_TAG('W', 'r', 'a', 'p'), neg = PM_TAG('N', 'e', 'g', ' ');
	struct pm m;
	start(&m, l, 2);
	put_counts(&m, l, table_va(0), slot_of(wrap), wrap, 0, 5, 0xfffffff0u, 10 * 32);
	put_counts(&m, l, table_va(1), slot_of(wrap), wrap, 0, 0x100, 0x10b, 0);
	put_counts(&m, l, table_va(0), slot_of(neg), neg, 1, 3, 5, (uint64_t)-64);
	pm_open(&m, 2);
	struct psc_trackers t = read_all(&m);
	const struct psc_tracker_row *r = row_of(&t, wrap);
	ck_assert_int_eq(psc_tracker_live(&t, &r->half[0]), 10);
	ck_assert_uint_eq(r->half[0].allocs, 0x105);
	ck_assert_int_eq(psc_tracker_live(&t, &row_of(&t, neg)->half[1]), -2);
	ck_assert_int_eq(psc_tracker_bytes(&t, &row_of(&t, neg)->half[1]), -64);
	ck_assert(pm_warned(&m, "negative"));
	/* More than 2^31 outstanding, if the bytes agree. */
	struct psc_tracker_counts many = {.live_u32_sum = 0x90000000u, .bytes = 0x90000000u * (uint64_t)32};
	ck_assert_int_eq(psc_tracker_live(&t, &many), 0x90000000ll);
	struct psc_trackers x86 = {.counts_are_32bit = true, .bytes_are_32bit = true};
	ck_assert_int_eq(psc_tracker_live(&x86, &many), 0x90000000ll - 0x100000000ll);
	struct psc_tracker_counts minus = {.bytes = 0xfffffff8u};
	ck_assert_int_eq(psc_tracker_bytes(&x86, &minus), -8);
	pm_free(&m);
}
END_TEST

START_TEST(x86_bytes_are_modular)
{
	struct psc_tracker_layout l = {0x1c, 0, {{4, 8, 0xc}, {0x10, 0x14, 0x18}}, 4, 4};
	uint8_t entry[0x1c] = {0};
	struct psc_tracker_sum sum;
	memset(&sum, 0, sizeof(sum));
	fake_store(entry + 4, 7, 4);
	fake_store(entry + 0xc, 0xfffffff0u, 4);
	psc_tracker_entry_add(&l, entry, false, &sum);
	fake_store(entry + 0xc, 0x30, 4);
	psc_tracker_entry_add(&l, entry, false, &sum);
	ck_assert_uint_eq(sum.half[0].bytes, 0x20);
	ck_assert_uint_eq(sum.half[0].allocs, 14);
	psc_tracker_entry_add(&l, entry, true, &sum);
	ck_assert_uint_eq(sum.half[PSC_POOL_SESSION].bytes, 0x30);
}
END_TEST

START_TEST(missing_pages)
{
	const struct layout *l = &layouts[1];
	struct pm m;
	start(&m, l, 2);
	/* 73 entries a page: slots 73 to 128 of the second table lose their page. */
	uint32_t lost = 0, kept = 0, orphan = 0;
	for (uint32_t tag = 0x61616161; !lost || !kept || !orphan; tag++) {
		unsigned s = slot_of(tag);
		if (s > 80 && s < 128 && !lost)
			lost = tag;
		else if (s < 50 && !kept)
			kept = tag;
		else if (s > 80 && s < 128 && slot_of(lost) != s && !orphan)
			orphan = tag;
	}
	put_counts(&m, l, table_va(0), slot_of(lost), lost, 0, 10, 1, 900);
	put_counts(&m, l, table_va(0), slot_of(kept), kept, 0, 10, 1, 900);
	put_counts(&m, l, table_va(1), slot_of(kept), kept, 0, 1, 1, 0);
	fake_page_out(&m.f, table_va(1) + 0x1000);
	pm_open(&m, 2);
	struct psc_trackers t = read_all(&m);
	ck_assert(t.available);
	ck_assert_uint_eq(t.table_bytes_missing, (uint64_t)(ENTRIES - 73) * l->entry);
	ck_assert(row_of(&t, lost)->incomplete);
	ck_assert(!row_of(&t, kept)->incomplete);
	ck_assert_int_eq(psc_tracker_live(&t, &row_of(&t, kept)->half[0]), 9);
	pm_free(&m);

	/* The main table's page: the key comes from another table, whichever is first. */
	start(&m, l, 3);
	put_counts(&m, l, table_va(1), slot_of(orphan), 0, 0, 10, 0, 100);
	put_counts(&m, l, table_va(2), slot_of(orphan), orphan, 0, 0, 4, (uint64_t)-40);
	fake_page_out(&m.f, table_va(0) + 0x1000);
	pm_open(&m, 3);
	t = read_all(&m);
	const struct psc_tracker_row *r = row_of(&t, orphan);
	ck_assert_ptr_nonnull(r);
	ck_assert(r->incomplete);
	ck_assert_int_eq(psc_tracker_live(&t, &r->half[0]), 6);
	pm_free(&m);

	/* All of it. */
	start(&m, l, 1);
	fake_page_out(&m.f, table_va(0));
	fake_page_out(&m.f, table_va(0) + 0x1000);
	pm_open(&m, 1);
	t = read_all(&m);
	ck_assert(!t.available);
	ck_assert_ptr_nonnull(strstr(t.why_not, "not in the dump"));
	pm_free(&m);
}
END_TEST

START_TEST(overflow_and_expansion)
{
	const struct layout *l = &layouts[0];
	const uint32_t ovfl = PM_TAG('O', 'v', 'f', 'l'), more = PM_TAG('M', 'o', 'r', 'e');
	for (unsigned with_key = 0; with_key < 2; with_key++) {
		struct pm m;
		start(&m, l, 2);
		put_counts(&m, l, table_va(0), MASK + 1, with_key ? ovfl : 0, 0, 50, 10, 4000);
		put_counts(&m, l, table_va(1), MASK + 1, 0, 1, 5, 0, 80);
		map_table(&m, l, 5, 10);
		put_counts(&m, l, table_va(5), 0, more, 1, 8, 1, 700);
		put_counts(&m, l, table_va(5), 3, ovfl + 1, 0, 1, 0, 16);
		pm_global(&m, PSC_SYM_PoolTrackTableExpansion, table_va(5));
		pm_global(&m, PSC_SYM_PoolTrackTableExpansionSize, 10);
		pm_open(&m, 2);
		struct psc_trackers t = read_all(&m);
		ck_assert_uint_eq(t.n_rows, 3);
		ck_assert_int_eq(psc_tracker_live(&t, &row_of(&t, ovfl)->half[0]), 40);
		ck_assert_int_eq(psc_tracker_live(&t, &row_of(&t, ovfl)->half[1]), 5);
		ck_assert_int_eq(psc_tracker_live(&t, &row_of(&t, more)->half[1]), 7);
		pm_free(&m);
	}
	/* An untouched overflow entry is no row. */
	struct pm m;
	start(&m, l, 1);
	fake_put32(&m.f, table_va(0) + (MASK + 1) * (uint64_t)l->entry, ovfl);
	pm_open(&m, 1);
	struct psc_trackers t = read_all(&m);
	ck_assert_uint_eq(t.n_rows, 0);
	pm_free(&m);
}
END_TEST

START_TEST(table_pointers)
{
	const struct layout *l = &layouts[0];
	const uint32_t tag = PM_TAG('D', 'u', 'p', 'l');
	struct pm m;
	start(&m, l, 2);
	put_counts(&m, l, table_va(0), slot_of(tag), tag, 0, 10, 0, 160);
	put_counts(&m, l, table_va(1), slot_of(tag), tag, 0, 1, 0, 16);
	/* A gap, a second copy of table 1, then something else behind the last processor. */
	uint64_t array = m.syms[PSC_SYM_ExPoolTagTables];
	fake_put64(&m.f, array + 8, 0);
	fake_put64(&m.f, array + 16, table_va(1));
	fake_put64(&m.f, array + 24, table_va(1));
	fake_put64(&m.f, array + 32, 0x1234);
	pm_open(&m, 3);
	struct psc_trackers t = read_all(&m);
	ck_assert_uint_eq(t.n_tables, 2);
	ck_assert_int_eq(psc_tracker_live(&t, &row_of(&t, tag)->half[0]), 11);
	ck_assert(!row_of(&t, tag)->incomplete);
	ck_assert_uint_eq(m.warnings.n, 0);
	pm_free(&m);

	/* A processor without a table counts somewhere else: nothing is complete. */
	start(&m, l, 2);
	put_counts(&m, l, table_va(0), slot_of(tag), tag, 0, 10, 0, 160);
	pm_open(&m, 4);
	t = read_all(&m);
	ck_assert_uint_eq(t.n_tables, 2);
	ck_assert(row_of(&t, tag)->incomplete);
	ck_assert_uint_eq(t.table_bytes_missing, 2 * (uint64_t)ENTRIES * l->entry);
	ck_assert(pm_warned(&m, "names 2 tables, but there are 4 processors"));
	pm_free(&m);

	/* Behind them, memory that says nothing is no table either. */
	start(&m, l, 2);
	put_counts(&m, l, table_va(0), slot_of(tag), tag, 0, 10, 0, 160);
	fake_put64(&m.f, m.syms[PSC_SYM_ExPoolTagTables] + 16, table_va(9));
	pm_open(&m, 2);
	t = read_all(&m);
	ck_assert_uint_eq(t.n_tables, 2);
	ck_assert_uint_eq(t.table_bytes_missing, 0);
	ck_assert(!row_of(&t, tag)->incomplete);
	pm_free(&m);

	/* A pointer among them that is no table costs completeness. */
	start(&m, l, 2);
	put_counts(&m, l, table_va(0), slot_of(tag), tag, 0, 10, 0, 160);
	fake_put64(&m.f, m.syms[PSC_SYM_ExPoolTagTables] + 8, 0x1230);
	pm_open(&m, 2);
	t = read_all(&m);
	ck_assert(row_of(&t, tag)->incomplete);
	ck_assert(pm_warned(&m, "not a tag table"));
	pm_free(&m);
}
END_TEST

START_TEST(hostile_sizes)
{
	static const uint64_t sizes[][2] = {
		{0, 0}, {UINT64_MAX, UINT64_MAX}, {(uint64_t)1 << 40, ((uint64_t)1 << 40) - 1}, {1000, 77}, {3, 0},
	};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct pm m;
		start(&m, &layouts[0], 1);
		fake_put64(&m.f, m.syms[PSC_SYM_PoolTrackTableSize], sizes[i][0]);
		fake_put64(&m.f, m.syms[PSC_SYM_PoolTrackTableMask], sizes[i][1]);
		pm_global(&m, PSC_SYM_PoolTrackTableExpansion, table_va(0));
		pm_global(&m, PSC_SYM_PoolTrackTableExpansionSize, UINT64_MAX / 2);
		pm_open(&m, 1);
		struct psc_trackers t = read_all(&m);
		ck_assert(t.available || t.why_not);
		pm_free(&m);
	}
	/* The largest that is believed, one page of it in the dump. */
	struct pm m;
	start(&m, &layouts[0], 1);
	fake_put64(&m.f, m.syms[PSC_SYM_PoolTrackTableSize], ((uint64_t)1 << 20) + 1);
	fake_put64(&m.f, m.syms[PSC_SYM_PoolTrackTableMask], ((uint64_t)1 << 20) - 1);
	pm_open(&m, 1);
	struct psc_trackers t = read_all(&m);
	ck_assert(t.available);
	ck_assert_uint_gt(t.table_bytes_missing, (uint64_t)39 << 20);
	pm_free(&m);
}
END_TEST

/* Tables that are all one page, over and over: reading ends with what the dump can hold. */
START_TEST(repeated_tables)
{
	const struct layout *l = &layouts[2];
	const uint64_t size = ((uint64_t)1 << 14) + 1;
	struct pm m;
	start(&m, l, 1);
	fake_put64(&m.f, m.syms[PSC_SYM_PoolTrackTableSize], size);
	fake_put64(&m.f, m.syms[PSC_SYM_PoolTrackTableMask], size - 2);
	for (unsigned i = 0; i < 40; i++) {
		uint32_t tag = PM_TAG('R', 'e', 'p', 'A' + i);
		put_counts(&m, l, table_va(0), i, tag, 0, 1, 0, 16);
	}
	const uint64_t page = fake_load(fake_pte(&m.f, m.f.top_pfn, table_va(0)), 8);
	for (uint64_t at = 0; at < size * l->entry; at += 0x1000)
		fake_store(fake_pte(&m.f, m.f.top_pfn, table_va(0) + at), page, 8);
	for (unsigned i = 1; i < 32; i++)
		fake_put64(&m.f, m.syms[PSC_SYM_ExPoolTagTables] + 8u * i, table_va(0) + i * 0x1000u);
	pm_open(&m, 32);
	struct psc_trackers t = read_all(&m);
	ck_assert(t.available);
	ck_assert(pm_warned(&m, "too many tables"));
	for (size_t i = 0; i < t.n_rows; i++)
		ck_assert(t.rows[i].incomplete);
	pm_free(&m);
}
END_TEST

START_TEST(not_available)
{
	struct pm m;
	pm_new(&m, 2600, 40);
	pm_global(&m, PSC_SYM_PoolTrackTable, 0);
	pm_open(&m, 1);
	struct psc_trackers t = read_all(&m);
	ck_assert(!t.available);
	ck_assert_ptr_nonnull(strstr(t.why_not, "pool tagging was off"));
	pm_free(&m);
	pm_new(&m, 7601, 40);
	pm_open(&m, 1);
	t = read_all(&m);
	ck_assert(!t.available);
	ck_assert_ptr_nonnull(strstr(t.why_not, "not known"));
	pm_free(&m);
}
END_TEST

/* No symbols but the debugger data block's PoolTrackTable: size, tables and big pages from what lies around it. */
START_TEST(inferred)
{
	const struct layout *l = &layouts[2];
	struct pm m;
	start(&m, l, 2);
	uint64_t big = table_va(8), n_big = 64, bytes = n_big * 0x20;
	uint64_t decoy_mask = 31;
	for (unsigned i = 0; i < 20; i++) {
		uint32_t tag = PM_TAG('T', 'a', 'g', 'A' + i);
		unsigned s = slot_of(tag);
		while (fake_load(fake_page(&m.f, table_va(0) + s * (uint64_t)l->entry) +
					 ((table_va(0) + s * (uint64_t)l->entry) & 0xfff),
				 4) != 0)
			s = (s + 1) & MASK;
		put_counts(&m, l, table_va(0), s, tag, 0, 10, 2, 8 * 32);
		put_counts(&m, l, table_va(1), s, tag, 0, 1, 0, 32);
	}
	/* The session table's size stands there too. */
	pm_global(&m, PSC_SYM_ExpSessionPoolTrackTableSize, decoy_mask + 2);
	pm_global(&m, PSC_SYM_ExpSessionPoolTrackTableMask, decoy_mask);
	pm_global(&m, PSC_SYM_PoolBigPageTable, big);
	pm_global(&m, PSC_SYM_PoolBigPageTableSize, n_big);
	for (uint64_t i = 0; i < n_big; i++)
		fake_put64(&m.f, big + i * 0x20, 1);
	uint64_t h = 0x9e5fu * (uint64_t)(uint32_t)(big >> 12);
	uint64_t at = big + ((uint32_t)(h ^ h >> 32) & (n_big - 1)) * 0x20;
	fake_put64(&m.f, at, big);
	fake_put32(&m.f, at + 8, PM_TAG('P', 'o', 'o', 'l'));
	fake_put64(&m.f, at + 0x10, bytes);
	for (unsigned s = 0; s < PSC_SYM_MAX; s++)
		if (s != PSC_SYM_PoolTrackTable)
			m.syms[s] = 0;
	pm_open(&m, 2);
	psc_pool_infer(m.k);
	struct psc_trackers t = read_all(&m);
	ck_assert_msg(t.available, "%s", t.why_not);
	ck_assert_uint_eq(t.largest_entries, ENTRIES);
	ck_assert_uint_eq(t.n_tables, 2);
	ck_assert_uint_eq(t.n_rows, 20);
	ck_assert_int_eq(psc_tracker_live(&t, &row_of(&t, PM_TAG('T', 'a', 'g', 'A'))->half[0]), 9);
	ck_assert_int_eq(psc_kernel_sym_origin(m.k, PSC_SYM_PoolTrackTableSize), PSC_ORIGIN_INFERRED);
	struct psc_pool_globals g;
	psc_pool_globals_find(m.k, &m.warnings, &g);
	ck_assert(g.has_big && psc_kernel_sym_origin(m.k, PSC_SYM_PoolBigPageTable) == PSC_ORIGIN_INFERRED);
	ck_assert_uint_eq(g.big_table, big);
	ck_assert_uint_eq(g.big_size, n_big);
	pm_free(&m);

	/* Too little to tell. */
	start(&m, l, 1);
	for (unsigned s = 0; s < PSC_SYM_MAX; s++)
		if (s != PSC_SYM_PoolTrackTable)
			m.syms[s] = 0;
	pm_open(&m, 1);
	t = read_all(&m);
	ck_assert(!t.available);
	ck_assert_ptr_nonnull(strstr(t.why_not, "not evident"));
	pm_free(&m);
}
END_TEST

/* Two processes of session 1, one of session 2 whose table page is out, System without one. */
START_TEST(sessions)
{
	const struct layout *l = &layouts[0];
	const uint32_t usqu = PM_TAG('U', 's', 'q', 'u');
	const uint64_t eprocess = 0xfffffa8000300000u, session = 0xfffffa8000400000u, shared_va = 0xfffff90000000000u;
	struct pm m;
	start(&m, l, 1);
	pm_global(&m, PSC_SYM_ExpSessionPoolTrackTable, shared_va);
	pm_global(&m, PSC_SYM_ExpSessionPoolTrackTableSize, 33);
	pm_global(&m, PSC_SYM_ExpSessionPoolTrackTableMask, 31);
	static const unsigned of_session[] = {0, 1, 1, 2};
	uint64_t dtb[3] = {m.f.top_pfn, 0, 0};
	for (uint64_t va = session; va < session + 0x20000; va += 0x10000)
		fake_page(&m.f, va);
	fake_put32(&m.f, session + 8, 1);
	fake_put32(&m.f, session + 0x10000 + 8, 2);
	for (unsigned i = 0; i < 4; i++)
		fake_page(&m.f, eprocess + i * (uint64_t)0x1000);
	/* Each session has a top table of its own: the kernel's, but for the slot of session space. */
	for (unsigned i = 1; i < 3; i++) {
		dtb[i] = fake_alloc(&m.f);
		memcpy(fake_frame(&m.f, dtb[i]), fake_frame(&m.f, m.f.top_pfn), 4096);
		uint8_t *e = fake_pte(&m.f, dtb[i], shared_va);
		if (i == 2)
			continue;
		uint64_t pfn = fake_alloc(&m.f);
		fake_store(e, pfn << 12 | 0x63, 8);
		uint8_t *entry = fake_frame(&m.f, pfn) + 3 * l->entry;
		fake_store(entry, usqu, 4);
		fake_store(entry + l->allocs[1], 51, 4);
		fake_store(entry + l->frees[1], 40, 4);
		fake_store(entry + l->bytes[1], 2288, 8);
	}
	/* 7601: ActiveProcessLinks 188, Session 2d8, DirectoryTableBase 28. */
	uint64_t at = FAKE_PROCESS_HEAD;
	for (unsigned i = 0; i < 4; i++) {
		uint64_t p = eprocess + i * (uint64_t)0x1000;
		fake_put64(&m.f, at, p + 0x188);
		fake_put64(&m.f, p + 0x188 + 8, at);
		fake_put64(&m.f, p + 0x28, dtb[of_session[i]] << 12);
		fake_put64(&m.f, p + 0x2d8, of_session[i] ? session + (of_session[i] - 1) * (uint64_t)0x10000 : 0);
		at = p + 0x188;
	}
	fake_put64(&m.f, at, FAKE_PROCESS_HEAD);
	fake_put64(&m.f, FAKE_PROCESS_HEAD + 8, at);
	pm_open(&m, 1);
	struct psc_trackers t = read_all(&m);
	ck_assert(t.available && t.has_session && t.session_incomplete);
	ck_assert_uint_eq(t.n_tables, 2);
	ck_assert_uint_eq(t.table_bytes_missing, 33 * (uint64_t)l->entry);
	ck_assert(pm_warned(&m, "session 2"));
	const struct psc_tracker_row *r = row_of(&t, usqu);
	ck_assert_ptr_nonnull(r);
	ck_assert_int_eq(psc_tracker_live(&t, &r->half[PSC_POOL_SESSION]), 11);
	ck_assert_int_eq(psc_tracker_bytes(&t, &r->half[PSC_POOL_SESSION]), 2288);
	ck_assert_uint_eq(r->half[PSC_POOL_PAGED].allocs, 0);
	pm_free(&m);
}
END_TEST

/* The system's big-page table shows session pool, but no session's table is known: nothing is not zero. */
START_TEST(unread_session_is_no_zero)
{
	const struct layout *l = &layouts[0];
	const uint32_t tag = PM_TAG('U', 's', 'q', 'u');
	const struct psc_tags_options opts = PSC_TAGS_OPTIONS_INIT;
	const uint64_t big = table_va(8);
	struct psc_tags *tags;
	struct psc_error e;
	struct pm m;
	start(&m, l, 1);
	put_counts(&m, l, table_va(0), slot_of(tag), tag, 0, 10, 2, 8 * 32);
	pm_global(&m, PSC_SYM_PoolBigPageTable, big);
	pm_global(&m, PSC_SYM_PoolBigPageTableSize, 64);
	for (unsigned i = 0; i < 64; i++)
		fake_put64(&m.f, big + i * 0x18, 1);
	fake_put64(&m.f, big, 0xfffff900c0000000u);
	fake_put32(&m.f, big + 8, tag);
	fake_put32(&m.f, big + 0xc, 0x21);
	fake_put64(&m.f, big + 0x10, 0x3000);
	pm_open(&m, 1);
	ck_assert_int_eq(psc_tags_compute(m.k, &opts, &tags, &e), PSC_OK);
	size_t n, n_session = 0;
	const struct psc_tag_row *rows = psc_tags_rows(tags, &n);
	for (size_t i = 0; i < n; i++) {
		if (rows[i].pool != PSC_POOL_SESSION)
			continue;
		n_session++;
		ck_assert_int_eq(rows[i].source, PSC_SOURCE_WALK);
		ck_assert(!rows[i].has_tracker && !rows[i].has_live && rows[i].has_walk);
		ck_assert_uint_eq(rows[i].walk.live_bytes, 0x3000);
	}
	ck_assert_uint_eq(n_session, 1);
	psc_tags_free(tags);
	pm_free(&m);
}
END_TEST

/* Sums that lack rows are no totals. */
START_TEST(totals_name_what_they_lack)
{
	const struct layout *l = &layouts[1];
	const uint32_t tag = PM_TAG('A', 'b', 'c', 'd');
	struct psc_tags_options opts = PSC_TAGS_OPTIONS_INIT;
	opts.flags = PSC_TAGS_NO_WALK;
	for (unsigned n_cpu = 1; n_cpu < 3; n_cpu++) {
		struct psc_tags *tags;
		struct psc_error e;
		struct pm m;
		size_t n;
		start(&m, l, 1);
		put_counts(&m, l, table_va(0), slot_of(tag), tag, 0, 10, 2, 8 * 32);
		pm_open(&m, n_cpu);
		ck_assert_int_eq(psc_tags_compute(m.k, &opts, &tags, &e), PSC_OK);
		const struct psc_tags_totals *t = psc_tags_get_totals(tags, &n);
		ck_assert(t[0].has_tracker);
		ck_assert_uint_eq(t[0].tracker_incomplete_rows, n_cpu - 1);
		ck_assert_int_eq(t[0].tracker_live, n_cpu == 1 ? 8 : 0);
		ck_assert_uint_eq(t[1].tracker_incomplete_rows, 0);
		psc_tags_free(tags);
		pm_free(&m);
	}
}
END_TEST

UNIT_MAIN("pool_trackers", sums_over_processors, wrapped_counts, x86_bytes_are_modular, missing_pages,
	  overflow_and_expansion, table_pointers, hostile_sizes, repeated_tables, not_available, inferred, sessions,
	  unread_session_is_no_zero, totals_name_what_they_lack)
