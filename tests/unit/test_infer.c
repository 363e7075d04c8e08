/* SPDX-License-Identifier: MIT */
/* Each validator of inference on memory built by hand: what it accepts, and the near miss that it must not. */
#include "test_pool_machine.h"

#include "pool/infer.h"

#define TABLE (PM_NONPAGED + 0x100000)
#define OTHER (PM_NONPAGED + 0x180000)

static unsigned hash_slot(uint32_t tag, unsigned mask)
{
	uint64_t h = (uint64_t)tag * 40543;
	return (unsigned)((uint32_t)h ^ (uint32_t)(h >> 32)) & mask;
}

/* n tags at their slots in entries of this size. */
static void plant_tags(struct pm *m, uint64_t table, unsigned entry, unsigned mask, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint32_t tag = PM_TAG('T', 'a', '0' + i / 10, '0' + i % 10);
		unsigned s = hash_slot(tag, mask);
		for (;; s = (s + 1) & mask) {
			uint64_t at = table + (uint64_t)s * entry;
			if (fake_load(fake_page(&m->f, at) + (at & 0xfff), 4) == 0)
				break;
		}
		fake_put32(&m->f, table + (uint64_t)s * entry, tag);
	}
}

static const struct psc_inferred *finding(const struct psc_kernel *k, const char *name)
{
	for (size_t i = 0; i < k->n_inferred; i++)
		if (strcmp(k->inferred[i].name, name) == 0)
			return &k->inferred[i];
	return NULL;
}

/* Entries of 0x38 on a build whose family has 0x28: the family is rejected, the right one used. */
START_TEST(tracker_layout)
{
	struct pm m;
	struct psc_tracker_layout l;
	pm_new(&m, 15063, 160);
	for (uint64_t va = TABLE; va < TABLE + 0x8000; va += 0x1000)
		fake_page(&m.f, va);
	plant_tags(&m, TABLE, 0x38, 127, 30);
	pm_global(&m, PSC_SYM_PoolTrackTable, TABLE);
	pm_open(&m, 1);
	ck_assert(psc_tracker_layout_find(m.k, &l));
	ck_assert_uint_eq(l.entry_bytes, 0x28);
	psc_pool_infer(m.k);
	ck_assert(psc_tracker_layout_find(m.k, &l));
	ck_assert_uint_eq(l.entry_bytes, 0x38);
	ck_assert_uint_eq(l.count_width, 8);
	ck_assert_uint_eq(m.k->n_inferred, 2);
	ck_assert_int_eq(m.k->inferred[0].confidence, PSC_CONFIDENCE_REJECTED);
	ck_assert_uint_eq(m.k->inferred[0].value, 0);
	ck_assert_int_eq(m.k->inferred[1].confidence, PSC_CONFIDENCE_PROVEN);
	ck_assert_uint_eq(m.k->inferred[1].value, 0x38);
	pm_free(&m);

	/* Seven tags say nothing. */
	pm_new(&m, 15063, 160);
	for (uint64_t va = TABLE; va < TABLE + 0x8000; va += 0x1000)
		fake_page(&m.f, va);
	plant_tags(&m, TABLE, 0x38, 127, 7);
	pm_global(&m, PSC_SYM_PoolTrackTable, TABLE);
	pm_open(&m, 1);
	psc_pool_infer(m.k);
	ck_assert(psc_tracker_layout_find(m.k, &l));
	ck_assert_uint_eq(l.entry_bytes, 0x28);
	ck_assert_uint_eq(m.k->n_inferred, 0);
	pm_free(&m);

	/* Neither do many at random places. */
	struct psc_tracker_check check;
	pm_new(&m, 16299, 160);
	for (uint64_t va = TABLE; va < TABLE + 0x8000; va += 0x1000)
		fake_page(&m.f, va);
	for (unsigned i = 0; i < 60; i++)
		fake_put32(&m.f, TABLE + i * (uint64_t)0x38 * 2, 0x61616161 + 977 * i);
	pm_open(&m, 1);
	ck_assert(psc_tracker_layout_find(m.k, &l));
	psc_tracker_layout_check(m.k, &l, TABLE, &check);
	ck_assert(!psc_tracker_check_passes(&check));
	pm_free(&m);
}
END_TEST

static void put_big(struct pm *m, uint64_t table, unsigned n, uint64_t va, uint32_t tag, uint64_t bytes)
{
	uint64_t h = 0x9e5fu * (uint64_t)(uint32_t)(va >> 12);
	unsigned s = (uint32_t)(h ^ h >> 32) & (n - 1);
	for (;; s = (s + 1) & (n - 1)) {
		uint64_t at = table + s * 0x18u;
		if (fake_load(fake_page(&m->f, at) + (at & 0xfff), 8) == 1) {
			fake_put64(&m->f, at, va);
			fake_put32(&m->f, at + 8, tag);
			fake_put64(&m->f, at + 0x10, bytes);
			return;
		}
	}
}

static void big_table(struct pm *m, uint64_t table, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fake_put64(&m->f, table + i * 0x18u, 1);
	put_big(m, table, n, table, PM_TAG('P', 'o', 'o', 'l'), n * 0x18u);
	for (unsigned i = 0; i < 12; i++)
		put_big(m, table, n, PM_NONPAGED + 0x1000000 + i * 0x5000u, PM_TAG('B', 'i', 'g', '0'), 0x3000);
}

static void big_pages_machine(struct pm *m, unsigned tag_of_other)
{
	pm_new(m, 7601, 200);
	fake_page(&m->f, TABLE);
	fake_page(&m->f, OTHER);
	fake_page(&m->f, TABLE + 0x40000);
	pm_global(m, PSC_SYM_PoolTrackTable, TABLE + 0x40000);
	pm_global(m, PSC_SYM_ExpPoolFlags, OTHER); /* just a place: the decoy comes first */
	pm_global(m, PSC_SYM_PoolBigPageTable, TABLE);
	pm_global(m, PSC_SYM_PoolBigPageTableSize, 128);
	big_table(m, TABLE, 128);
	big_table(m, OTHER, 128);
	if (tag_of_other)
		put_big(m, TABLE, 128, OTHER, tag_of_other, 128 * 0x18);
	for (unsigned s = 0; s < PSC_SYM_MAX; s++)
		if (s != PSC_SYM_PoolTrackTable)
			m->syms[s] = 0;
}

START_TEST(big_pages)
{
	struct pm m;
	uint64_t table;
	/* Two that nothing tells apart: none is taken. */
	big_pages_machine(&m, 0);
	pm_open(&m, 1);
	psc_pool_infer(m.k);
	ck_assert_uint_eq(psc_kernel_sym(m.k, PSC_SYM_PoolBigPageTable), 0);
	const struct psc_inferred *item = finding(m.k, "PoolBigPageTable");
	ck_assert_ptr_nonnull(item);
	ck_assert_int_eq(item->confidence, PSC_CONFIDENCE_AMBIGUOUS);
	ck_assert_uint_eq(item->n_alternatives, 2);
	pm_free(&m);
	/* One lists the other under another tag. */
	big_pages_machine(&m, PM_TAG('T', 'r', 'a', 'p'));
	pm_open(&m, 1);
	psc_pool_infer(m.k);
	ck_assert(psc_kernel_read_ptr(m.k, PSC_SYM_PoolBigPageTable, &table));
	ck_assert_uint_eq(table, TABLE);
	ck_assert_int_eq(finding(m.k, "PoolBigPageTable")->confidence, PSC_CONFIDENCE_PROVEN);
	pm_free(&m);
	/* As a part of the table: that says nothing against it. */
	big_pages_machine(&m, PM_TAG('P', 'o', 'o', 'l'));
	pm_open(&m, 1);
	psc_pool_infer(m.k);
	ck_assert_int_eq(finding(m.k, "PoolBigPageTable")->confidence, PSC_CONFIDENCE_AMBIGUOUS);
	pm_free(&m);
}
END_TEST

#define PRCB (PM_NONPAGED + 0x200000)

static void lookasides(struct pm *m, unsigned cpu, unsigned offset, unsigned type, bool damaged)
{
	for (unsigned i = 0; i < 32; i++) {
		uint64_t at = PRCB + cpu * (uint64_t)0x10000 + offset + i * 0x60u;
		fake_put32(&m->f, at + 0x24, type);
		fake_put32(&m->f, at + 0x2c, (i + 1 + (damaged && i == 17)) * 16);
	}
}

START_TEST(lookaside_lists)
{
	static uint64_t prcb[2] = {PRCB, PRCB + 0x10000};
	for (unsigned damaged = 0; damaged < 2; damaged++) {
		struct pm m;
		pm_new(&m, 7601, 200);
		for (unsigned cpu = 0; cpu < 2; cpu++) {
			lookasides(&m, cpu, 0x1230, 0, damaged && cpu == 1);
			lookasides(&m, cpu, 0x2340, 1, false);
		}
		pm_open(&m, 2);
		m.k->prcb = prcb;
		m.k->n_prcb = 2;
		/* What the tables say of 7601 (880, 1480) is wrong here. */
		const struct psc_field *f = psc_profile_field(&m.k->profile, PSC_FIELD_KPRCB_PPNPagedLookasideList);
		ck_assert_uint_eq(f->offset, 0x880);
		psc_infer_lookasides(m.k);
		f = psc_profile_field(&m.k->profile, PSC_FIELD_KPRCB_PPNPagedLookasideList);
		ck_assert_uint_eq(f->offset, damaged ? 0x880 : 0x1230);
		if (damaged) {
			ck_assert_int_eq(m.k->inferred[0].confidence, PSC_CONFIDENCE_AMBIGUOUS);
		} else {
			ck_assert_int_eq(f->origin, PSC_ORIGIN_INFERRED);
			ck_assert_uint_eq(m.k->profile.fields[PSC_FIELD_KPRCB_PPPagedLookasideList].offset, 0x2340);
			ck_assert_int_eq(finding(m.k, "_KPRCB")->confidence, PSC_CONFIDENCE_REJECTED);
		}
		m.k->prcb = NULL;
		m.k->n_prcb = 0;
		pm_free(&m);
	}
}
END_TEST

/* Offsets that no table has. */
static void process(struct fake *f, unsigned i, unsigned n, uint64_t pid, const char *name)
{
	uint64_t va = FAKE_POOL + 0xa00000 + i * (uint64_t)0x1000;
	fake_put64(f, va + 0x300, pid);
	fake_put64(f, va + 0x308, i + 1 == n ? FAKE_PROCESS_HEAD : va + 0x1308);
	fake_put64(f, va + 0x310, i == 0 ? FAKE_PROCESS_HEAD : va - 0x1000 + 0x308);
	fake_put(f, va + 0x404, name, strlen(name));
	if (i == 0)
		fake_put64(f, FAKE_PROCESS_HEAD, va + 0x308);
	if (i + 1 == n)
		fake_put64(f, FAKE_PROCESS_HEAD + 8, va + 0x308);
}

/* One export, NAME, at FAKE_BASE + rva. */
static void export_one(struct fake *f, const char *name, uint32_t rva)
{
	uint64_t opt = FAKE_BASE + 0x80 + 24, dir = FAKE_BASE + 0x1400;
	fake_put32(f, opt + 112, 0x1400);
	fake_put32(f, opt + 116, 0x100);
	fake_put32(f, dir + 20, 1);
	fake_put32(f, dir + 24, 1);
	fake_put32(f, dir + 28, 0x1440);
	fake_put32(f, dir + 32, 0x1444);
	fake_put32(f, dir + 36, 0x1448);
	fake_put32(f, FAKE_BASE + 0x1440, rva);
	fake_put32(f, FAKE_BASE + 0x1444, 0x1450);
	fake_put16(f, FAKE_BASE + 0x1448, 0);
	fake_put(f, FAKE_BASE + 0x1450, name, strlen(name) + 1);
}

START_TEST(exports)
{
	struct fake f;
	fake_machine(&f);
	export_one(&f, "PsInitialSystemProcess", 0x2f00);
	fake_open(&f);
	ck_assert_uint_eq(psc_pe_export(&f.k.reader, FAKE_BASE, "PsInitialSystemProcess"), FAKE_BASE + 0x2f00);
	ck_assert_uint_eq(psc_pe_export(&f.k.reader, FAKE_BASE, "PsInitialSystemProces"), 0);
	ck_assert_uint_eq(psc_pe_export(&f.k.reader, FAKE_BASE, "Zw"), 0);
	ck_assert_int_eq(psc_kernel_sym_origin(&f.k, PSC_SYM_PsInitialSystemProcess), PSC_ORIGIN_EXPORT);
	fake_free(&f);
	/* A forwarder, an ordinal and a table outside the image. */
	static const struct {
		uint64_t at;
		uint32_t value;
	} bad[] = {{FAKE_BASE + 0x1440, 0x1460},
		   {FAKE_BASE + 0x1448, 7},
		   {FAKE_BASE + 0x1400 + 28, 0x7ffffff0},
		   {FAKE_BASE + 0x1400 + 24, 0xffffffff},
		   {FAKE_BASE + 0x1444, 0xfffffff0}};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		fake_machine(&f);
		export_one(&f, "PsInitialSystemProcess", 0x2f00);
		fake_put32(&f, bad[i].at, bad[i].value);
		fake_open(&f);
		ck_assert_uint_eq(psc_pe_export(&f.k.reader, FAKE_BASE, "PsInitialSystemProcess"), 0);
		fake_free(&f);
	}
}
END_TEST

START_TEST(process_offsets)
{
	const struct psc_kernel_options nothing = {.no_builtin = true};
	for (unsigned builtin = 0; builtin < 2; builtin++) {
		struct fake f;
		fake_machine(&f);
		process(&f, 0, 4, 4, "System");
		process(&f, 1, 4, 300, "smss.exe");
		process(&f, 2, 4, 404, "csrss.exe");
		process(&f, 3, 4, 500, "a name of 15 ch");
		export_one(&f, "PsInitialSystemProcess", 0x2f00);
		fake_put64(&f, FAKE_BASE + 0x2f00, FAKE_POOL + 0xa00000);
		ck_assert_int_eq(fake_open_with(&f, builtin ? NULL : &nothing), PSC_OK);
		const struct psc_field *links = psc_profile_field(&f.k.profile, PSC_FIELD_EPROCESS_ActiveProcessLinks);
		const struct psc_field *name = psc_profile_field(&f.k.profile, PSC_FIELD_EPROCESS_ImageFileName);
		ck_assert(links && name);
		ck_assert_uint_eq(links->offset, 0x308);
		ck_assert_uint_eq(name->offset, 0x404);
		ck_assert_int_eq(finding(&f.k, "_EPROCESS.ActiveProcessLinks")->confidence, PSC_CONFIDENCE_PROVEN);
		/* 19041's own layout was there and did not fit. */
		ck_assert((finding(&f.k, "_EPROCESS") != NULL) == (builtin == 1));
		fake_free(&f);
	}
	/* Two processes with the identifier of System. */
	struct fake f;
	fake_machine(&f);
	process(&f, 0, 2, 4, "System");
	process(&f, 1, 2, 4, "System");
	export_one(&f, "PsInitialSystemProcess", 0x2f00);
	fake_put64(&f, FAKE_BASE + 0x2f00, FAKE_POOL + 0xa00000);
	ck_assert_int_eq(fake_open_with(&f, &nothing), PSC_OK);
	ck_assert_ptr_null(psc_profile_field(&f.k.profile, PSC_FIELD_EPROCESS_ActiveProcessLinks));
	fake_free(&f);
}
END_TEST

UNIT_MAIN("infer", tracker_layout, big_pages, lookaside_lists, exports, process_offsets)
