/* SPDX-License-Identifier: MIT */
#include "test_pool_machine.h"

#define TABLE 0xfffffa8000100000u
#define TAG   0xe36c6c41u /* "Allc", protected */
#define N_MAX 64

struct found {
	struct psc_big_page items[N_MAX];
	size_t n, stop_at;
};

static bool collect(void *arg, const struct psc_big_page *p)
{
	struct found *found = arg;
	ck_assert_uint_lt(found->n, N_MAX);
	found->items[found->n++] = *p;
	return found->n != found->stop_at;
}

static bool count_entry(void *arg, const struct psc_big_page *p)
{
	(void)p;
	++*(uint64_t *)arg;
	return true;
}

static void layout_of(uint32_t build, bool is_64bit, struct psc_big_layout *ret)
{
	struct psc_kernel k;
	memset(&k, 0, sizeof(k));
	k.id.machine = is_64bit ? PSC_MACHINE_X64 : PSC_MACHINE_X86;
	k.id.build = build;
	ck_assert(psc_big_layout_find(&k, ret));
}

/* Offsets of pool 4.2 written out again. */
static const struct {
	uint32_t build;
	bool is_64bit;
	uint32_t entry, key, size, size_width, unit, type, type_shift, process;
	bool flags;
} layouts[] = {
	{2600, false, 0xc, 4, 8, 4, 0x1000, 0, 0, 0, false},
	{3790, false, 0x10, 4, 8, 4, 0x1000, 0, 0, 0xc, false},
	{6002, false, 0x10, 4, 0xc, 4, 1, 8, 0, 0, false},
	{9600, false, 0x10, 4, 0xc, 4, 1, 8, 0, 0, false},
	{17763, false, 0x10, 4, 0xc, 4, 1, 8, 8, 0, false},
	{3790, true, 0x18, 8, 0xc, 4, 0x1000, 0, 0, 0x10, false},
	{7601, true, 0x18, 8, 0x10, 8, 1, 0xc, 0, 0, false},
	{10240, true, 0x18, 8, 0x10, 8, 1, 0xc, 8, 0, false},
	{19041, true, 0x18, 8, 0x10, 8, 1, 0xc, 8, 0, false},
	{20348, true, 0x20, 8, 0x10, 8, 1, 0xc, 8, 0x18, false},
	{22631, true, 0x20, 8, 0x10, 8, 1, 0xc, 8, 0x18, false},
	{26100, true, 0x20, 8, 0x10, 8, 1, 0xc, 8, 0x18, true},
};

START_TEST(every_layout)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		const unsigned ptr = layouts[i].is_64bit ? 8 : 4;
		const uint64_t va = layouts[i].is_64bit ? 0xffffa80012345000u : 0x85345000u, process = va + 0x100040;
		struct psc_big_layout l;
		struct psc_big_page p;
		uint8_t entry[0x20];
		layout_of(layouts[i].build, layouts[i].is_64bit, &l);
		ck_assert_uint_eq(l.entry_bytes, layouts[i].entry);
		for (unsigned kind = 0; kind < 3; kind++) {
			static const uint32_t types[3] = {0x201, 0x200, 0x21}, flags[3] = {0x100, 0x40, 0x104};
			static const enum psc_pool pools[3] = {PSC_POOL_PAGED, PSC_POOL_NONPAGED, PSC_POOL_SESSION};
			memset(entry, 0, sizeof(entry));
			fake_store(entry, va | 1, ptr);
			fake_store(entry + layouts[i].key, TAG, 4);
			fake_store(entry + layouts[i].size, 0x5000 / layouts[i].unit, layouts[i].size_width);
			if (layouts[i].process)
				fake_store(entry + layouts[i].process, process, ptr);
			uint32_t type = layouts[i].flags ? flags[kind] : types[kind];
			if (layouts[i].type)
				fake_store(entry + layouts[i].type,
					   type << layouts[i].type_shift | (layouts[i].type_shift ? 0x5a : 0), 4);
			psc_big_entry_parse(entry, &l, &p);
			ck_assert(p.is_free);
			ck_assert_uint_eq(p.va, va);
			ck_assert_uint_eq(p.tag, TAG);
			ck_assert_uint_eq(p.bytes, 0x5000);
			ck_assert_uint_eq(p.process, layouts[i].process ? process : 0);
			ck_assert_int_eq(p.pool, layouts[i].type ? pools[kind] : PSC_POOL_MAX);
			if (layouts[i].type && layouts[i].flags)
				ck_assert(p.is_nx == (kind == 1));
			fake_store(entry, va, ptr);
			psc_big_entry_parse(entry, &l, &p);
			ck_assert(!p.is_free);
		}
	}
}
END_TEST

/* 7601 entries. */
static void put_entry(struct pm *m, unsigned i, uint64_t va, uint32_t tag, uint32_t type, uint64_t bytes)
{
	fake_put64(&m->f, TABLE + i * 0x18, va);
	fake_put32(&m->f, TABLE + i * 0x18 + 8, tag);
	fake_put32(&m->f, TABLE + i * 0x18 + 0xc, type);
	fake_put64(&m->f, TABLE + i * 0x18 + 0x10, bytes);
}

static void start(struct pm *m, unsigned n)
{
	pm_new(m, 7601, 80);
	pm_global(m, PSC_SYM_PoolBigPageTable, TABLE);
	pm_global(m, PSC_SYM_PoolBigPageTableSize, n);
	for (unsigned i = 0; i < n; i++)
		put_entry(m, i, 1, 0, 0, 0);
}

static struct psc_big_pages read_all(struct pm *m, struct found *found)
{
	struct psc_big_pages b;
	struct psc_error e;
	found->n = 0;
	ck_assert_int_eq(psc_big_pages_read(m->k, collect, found, &m->warnings, &m->arena, &b, &e), PSC_OK);
	return b;
}

START_TEST(states)
{
	struct pm m;
	struct found found = {.stop_at = 0};
	start(&m, 256);
	put_entry(&m, 3, 0xfffffa8000200000u, TAG, 0, 0x3000);
	put_entry(&m, 4, 0xfffffa8000210001u, TAG, 1, 0x2000);  /* freed */
	put_entry(&m, 5, 0xfffff8a000000000u, 0, 1, 0x10000);   /* a zero key is live all the same */
	put_entry(&m, 6, 0, TAG, 0, 0x1000);                    /* unused */
	put_entry(&m, 7, 0xfffffa8000220010u, TAG, 0, 0x1000);  /* not page-aligned */
	put_entry(&m, 8, 0x0000000000220000u, TAG, 0, 0x1000);  /* user space */
	put_entry(&m, 9, 0xfffffa8000230000u, TAG, 0, 0);       /* no size */
	put_entry(&m, 10, 0xfffffffffffff000u, TAG, 0, 0x2000); /* wraps */
	put_entry(&m, 11, 0xfffffa8000240000u, TAG, 0, UINT64_MAX);
	put_entry(&m, 255, 0xfffffa8000250000u, TAG, 0x21, 0x1000);
	pm_global(&m, PSC_SYM_ExpPoolBigEntriesInUse, 3);
	pm_open(&m, 1);
	struct psc_big_pages b = read_all(&m, &found);
	ck_assert(b.available);
	ck_assert_uint_eq(b.n_live, 3);
	ck_assert_uint_eq(b.n_freed, 1);
	ck_assert_uint_eq(b.n_invalid, 5);
	ck_assert_int_eq(b.entries_in_use, 3);
	ck_assert_uint_eq(found.n, 4);
	ck_assert_uint_eq(found.items[0].va, 0xfffffa8000200000u);
	ck_assert_uint_eq(found.items[0].bytes, 0x3000);
	ck_assert(found.items[1].is_free);
	ck_assert_uint_eq(found.items[1].va, 0xfffffa8000210000u);
	ck_assert_int_eq(found.items[2].pool, PSC_POOL_PAGED);
	ck_assert_int_eq(found.items[3].pool, PSC_POOL_SESSION);
	ck_assert(pm_warned(&m, "5 entries make no sense"));
	found.stop_at = 2;
	b = read_all(&m, &found);
	ck_assert_uint_eq(found.n, 2);
	pm_free(&m);
}
END_TEST

START_TEST(missing_page)
{
	struct pm m;
	struct found found = {.stop_at = 0};
	start(&m, 512); /* 170 entries and two thirds a page */
	for (unsigned i = 0; i < 512; i += 10)
		put_entry(&m, i, 0xfffffa8000200000u + i * (uint64_t)0x1000, TAG, 0, 0x1000);
	fake_page_out(&m.f, TABLE + 0x1000);
	pm_open(&m, 1);
	struct psc_big_pages b = read_all(&m, &found);
	ck_assert(b.available);
	/* Entries 170 to 341 are gone, the two that straddle a border with them. */
	ck_assert_uint_eq(b.bytes_missing, 172 * 0x18);
	ck_assert_uint_eq(b.n_live, 17 + 17);
	ck_assert(pm_warned(&m, "not in the dump"));
	pm_free(&m);
}
END_TEST

START_TEST(size_from_another_world)
{
	static const uint64_t sizes[] = {0, UINT64_MAX, ((uint64_t)1 << 26) + 1, 100};
	for (size_t i = 0; i < 4; i++) {
		struct pm m;
		struct found found = {.stop_at = 0};
		start(&m, 64);
		fake_put64(&m.f, m.syms[PSC_SYM_PoolBigPageTableSize], sizes[i]);
		pm_open(&m, 1);
		struct psc_big_pages b = read_all(&m, &found);
		ck_assert(b.available == (sizes[i] == 100));
		ck_assert(b.available || b.why_not);
		if (b.available)
			ck_assert(pm_warned(&m, "not a power of two"));
		pm_free(&m);
	}
}
END_TEST

/* One page of entries mapped a thousand times: work ends with what the dump can hold. */
START_TEST(repeated_page)
{
	struct pm m;
	struct psc_big_pages b;
	struct psc_error e;
	uint64_t n = (uint64_t)1 << 17, seen = 0;
	start(&m, 100);
	for (unsigned i = 0; i < 170; i++)
		put_entry(&m, i, 0xfffffa8000200000u + i * (uint64_t)0x1000, TAG, 0, 0x1000);
	uint64_t entry = fake_load(fake_pte(&m.f, m.f.top_pfn, TABLE), 8);
	for (uint64_t at = 0; at < n * 0x18; at += 0x1000)
		fake_store(fake_pte(&m.f, m.f.top_pfn, TABLE + at), entry, 8);
	fake_put64(&m.f, m.syms[PSC_SYM_PoolBigPageTableSize], n);
	pm_open(&m, 1);
	ck_assert_int_eq(psc_big_pages_read(m.k, count_entry, &seen, &m.warnings, &m.arena, &b, &e), PSC_OK);
	ck_assert(b.available);
	ck_assert_uint_le(seen, psc_image_pages_present(m.f.img) * (4096 / 0x18 + 1));
	ck_assert_uint_gt(b.bytes_missing, 0);
	ck_assert(pm_warned(&m, "repeat themselves"));
	pm_free(&m);
}
END_TEST

/* A table read with the wrong stride or size: entries stand where no hash puts them. */
START_TEST(hash_check)
{
	for (unsigned good = 0; good < 2; good++) {
		struct pm m;
		struct found found = {.stop_at = 0};
		start(&m, 1024);
		for (unsigned i = 0; i < 40; i++) {
			uint64_t va = 0xfffffa8000400000u + i * (uint64_t)0x5000;
			uint64_t h = 0x9e5fu * (uint64_t)(uint32_t)(va >> 12);
			unsigned slot = (uint32_t)(h ^ h >> 32) & 1023;
			put_entry(&m, good ? slot : (slot + 512) & 1023, va, TAG, 0, 0x1000);
		}
		pm_open(&m, 1);
		(void)read_all(&m, &found);
		ck_assert(pm_warned(&m, "far from their hash slot") == !good);
		pm_free(&m);
	}
}
END_TEST

UNIT_MAIN("pool_big", every_layout, states, missing_page, size_from_another_world, repeated_page, hash_check)
