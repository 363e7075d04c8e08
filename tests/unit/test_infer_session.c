/* SPDX-License-Identifier: MIT */
/* Sessions found without symbols, on a 7 machine built by hand: the System process, and three that share page tables in
 * which a session shows. */
#include "test_pool_machine.h"

#include "pool/infer.h"

#define PROCESS     (PM_NONPAGED + 0x400000) /* +n * 0x2000 */
#define LINKS       0x188u
#define SESSION_OFF 0x2e8u /* 7 has it at 2d8 */
#define SESSION     0xfffff90000010000u
#define TABLE       (SESSION + 0x8000)
#define BIG_TABLE   (SESSION + 0xa000)
#define MASK        0x3fu
#define ENTRY       0x28u

struct machine {
	struct pm m;
	uint64_t own_top; /* of the session's processes */
	uint64_t variable;
};

static uint8_t *own_page(struct machine *x, uint64_t va)
{
	struct fake *f = &x->m.f;
	uint8_t *e = fake_pte(f, x->own_top, va);
	if (fake_load(e, 8) == 0)
		fake_store(e, fake_alloc(f) << 12 | 0x8000000000000063u, 8);
	return fake_frame(f, fake_load(e, 8) >> 12 & 0xffffffffff);
}

static void own_put(struct machine *x, uint64_t va, uint64_t v, unsigned n)
{
	fake_store(own_page(x, va) + (va & 0xfff), v, n);
}

static unsigned hash_slot(uint32_t tag)
{
	uint64_t h = (uint64_t)tag * 40543;
	return (unsigned)((uint32_t)h ^ (uint32_t)(h >> 32)) & MASK;
}

static void put_tag(struct machine *x, uint64_t table, uint32_t tag, unsigned from_slot)
{
	unsigned s = (hash_slot(tag) + from_slot) & MASK;
	while (fake_load(own_page(x, table + s * ENTRY) + ((table + s * ENTRY) & 0xfff), 4) != 0)
		s = (s + 1) & MASK;
	own_put(x, table + s * ENTRY, tag, 4);
	own_put(x, table + s * ENTRY + 0x18, 7, 4);
}

static void put_process(struct machine *x, unsigned i, unsigned n)
{
	struct fake *f = &x->m.f;
	uint64_t va = PROCESS + i * (uint64_t)0x2000;
	fake_page(f, va);
	fake_page(f, va + 0x1000);
	fake_put64(f, va + 0x28, (i == 0 ? f->top_pfn : x->own_top) << 12);
	fake_put64(f, va + LINKS - 8, 4 + 100 * i);
	fake_put64(f, va + LINKS, i + 1 == n ? FAKE_PROCESS_HEAD : va + 0x2000 + LINKS);
	fake_put64(f, va + LINKS + 8, i == 0 ? FAKE_PROCESS_HEAD : va - 0x2000 + LINKS);
	fake_put64(f, va + SESSION_OFF, i == 0 ? 0 : SESSION);
}

static void start(struct machine *x)
{
	struct fake *f = &x->m.f;
	memset(x, 0, sizeof(*x));
	pm_new(&x->m, 7601, 160);
	x->own_top = fake_alloc(f);
	for (unsigned i = 0; i < 4; i++)
		put_process(x, i, 4);
	fake_put64(f, FAKE_PROCESS_HEAD, PROCESS + LINKS);
	fake_put64(f, FAKE_PROCESS_HEAD + 8, PROCESS + 3 * 0x2000 + LINKS);
	x->m.syms[PSC_SYM_PsActiveProcessHead] = FAKE_PROCESS_HEAD;
	for (uint64_t va = SESSION; va < SESSION + 0xc000; va += 0x1000)
		own_page(x, va);
	own_put(x, SESSION, 2, 4);
	own_put(x, SESSION + 8, 1, 4);
	for (unsigned i = 0; i < 9; i++)
		put_tag(x, TABLE, PM_TAG('G', 'h', '0', '0' + i), 0);
	pm_global(&x->m, PSC_SYM_PoolTrackTable, PM_NONPAGED + 0x100000);
	pm_global(&x->m, PSC_SYM_ExpPoolFlags, 3);
	x->variable = pm_global(&x->m, PSC_SYM_PoolHitTag, TABLE);
	pm_global(&x->m, PSC_SYM_NtGlobalFlag, MASK + 2);
	pm_global(&x->m, PSC_SYM_PoolVector, MASK);
	x->m.syms[PSC_SYM_PoolHitTag] = 0;
}

static void infer(struct machine *x)
{
	struct psc_cluster c;
	struct fake *f = &x->m.f;
	/* Kernel entries are the same in both, as Windows keeps them; what only the session has stays. */
	for (unsigned i = 256; i < 512; i++) {
		uint8_t *to = fake_frame(f, x->own_top) + 8 * i;
		if (fake_load(to, 8) == 0)
			memcpy(to, fake_frame(f, f->top_pfn) + 8 * i, 8);
	}
	pm_open(&x->m, 1);
	psc_infer_drop_field(x->m.k, PSC_FIELD_EPROCESS_Session);
	for (unsigned i = 0; i < 2; i++)
		psc_infer_drop_field(x->m.k, i == 0 ? PSC_FIELD_MM_SESSION_SPACE_PoolTrackBigPages
						    : PSC_FIELD_MM_SESSION_SPACE_PoolTrackBigPagesSize);
	ck_assert(psc_cluster_read(x->m.k, &c));
	psc_infer_session(x->m.k, &c);
	psc_cluster_free(&c);
}

static const struct psc_inferred *finding(const struct machine *x, const char *name)
{
	for (size_t i = 0; i < x->m.k->n_inferred; i++)
		if (strcmp(x->m.k->inferred[i].name, name) == 0)
			return &x->m.k->inferred[i];
	return NULL;
}

static const char field[] = "_EPROCESS.Session", table[] = "ExpSessionPoolTrackTable",
		  size[] = "ExpSessionPoolTrackTableSize", big[] = "_MM_SESSION_SPACE.PoolTrackBigPages";

START_TEST(found)
{
	struct machine x;
	uint64_t n;
	start(&x);
	infer(&x);
	ck_assert_ptr_nonnull(finding(&x, field));
	ck_assert_int_eq(finding(&x, field)->confidence, PSC_CONFIDENCE_PROVEN);
	ck_assert_uint_eq(finding(&x, field)->value, SESSION_OFF);
	ck_assert_ptr_nonnull(finding(&x, table));
	ck_assert_int_eq(finding(&x, table)->confidence, PSC_CONFIDENCE_PROVEN);
	ck_assert_uint_eq(finding(&x, table)->value, x.variable);
	ck_assert_uint_eq(finding(&x, table)->checks, 9);
	ck_assert_ptr_nonnull(finding(&x, size));
	ck_assert(psc_kernel_read_ptr(x.m.k, PSC_SYM_ExpSessionPoolTrackTableSize, &n));
	ck_assert_uint_eq(n, MASK + 2);
	ck_assert_ptr_null(finding(&x, big));
	pm_free(&x.m);
}
END_TEST

/* The System process sees it too; two places that look alike; an address that is no page; no session's number. */
START_TEST(no_session)
{
	for (unsigned damage = 0; damage < 4; damage++) {
		struct machine x;
		start(&x);
		for (unsigned i = 1; i < 4; i++) {
			uint64_t va = PROCESS + i * (uint64_t)0x2000;
			if (damage == 1)
				fake_put64(&x.m.f, va + 0x400, SESSION);
			if (damage == 2)
				fake_put64(&x.m.f, va + SESSION_OFF, SESSION + 0x10);
		}
		if (damage == 0)
			fake_page(&x.m.f, SESSION);
		if (damage == 3)
			own_put(&x, SESSION + 8, 0xfffff901, 4);
		infer(&x);
		ck_assert_ptr_null(psc_profile_field(&x.m.k->profile, PSC_FIELD_EPROCESS_Session));
		ck_assert_uint_eq(psc_kernel_sym(x.m.k, PSC_SYM_ExpSessionPoolTrackTable), 0);
		ck_assert((finding(&x, field) != NULL) == (damage == 1));
		if (damage == 1)
			ck_assert_int_eq(finding(&x, field)->confidence, PSC_CONFIDENCE_AMBIGUOUS);
		pm_free(&x.m);
	}
}
END_TEST

/* A tag far from its slot; counts without a tag; a page of the table missing; two tables. */
START_TEST(no_table)
{
	for (unsigned damage = 0; damage < 4; damage++) {
		struct machine x;
		start(&x);
		unsigned free_slot = 0;
		while (fake_load(own_page(&x, TABLE + free_slot * ENTRY) + (free_slot * ENTRY & 0xfff), 4) != 0)
			free_slot++;
		if (damage == 0)
			put_tag(&x, TABLE, PM_TAG('U', 's', 'q', 'u'), 30);
		if (damage == 1)
			own_put(&x, TABLE + free_slot * ENTRY + 8, 99, 4);
		if (damage == 2)
			fake_store(fake_pte(&x.m.f, x.own_top, TABLE), (uint64_t)0x1234 << 32 | 0x80, 8);
		if (damage == 3) {
			for (unsigned i = 0; i < 9; i++)
				put_tag(&x, SESSION + 0x6000, PM_TAG('G', 'h', '0', '0' + i), 0);
			fake_put64(&x.m.f, x.variable + 0x100, SESSION + 0x6000);
		}
		infer(&x);
		ck_assert_ptr_nonnull(psc_profile_field(&x.m.k->profile, PSC_FIELD_EPROCESS_Session));
		ck_assert_uint_eq(psc_kernel_sym(x.m.k, PSC_SYM_ExpSessionPoolTrackTable), 0);
		ck_assert((finding(&x, table) != NULL) == (damage == 3));
		if (damage == 3)
			ck_assert_int_eq(finding(&x, table)->confidence, PSC_CONFIDENCE_AMBIGUOUS);
		pm_free(&x.m);
	}
}
END_TEST

static void put_big(struct machine *x, uint64_t va, unsigned from_slot)
{
	uint64_t h = 0x9e5fu * (uint64_t)(uint32_t)(va >> 12);
	unsigned s = ((uint32_t)(h ^ h >> 32) + from_slot) & 0xff;
	own_put(x, BIG_TABLE + s * 0x18u, va, 8);
	own_put(x, BIG_TABLE + s * 0x18u + 8, PM_TAG('G', 'p', 'b', 'm'), 4);
	own_put(x, BIG_TABLE + s * 0x18u + 0x10, 0x3000, 8);
}

START_TEST(big_pages)
{
	/* Good; an entry far from its hash; a length that is none. */
	for (unsigned damage = 0; damage < 3; damage++) {
		struct machine x;
		start(&x);
		for (unsigned i = 0; i < 256; i++)
			own_put(&x, BIG_TABLE + i * 0x18u, 1, 8);
		for (unsigned i = 0; i < 3; i++)
			put_big(&x, 0xfffff900c0000000u + i * 0x5000u, 0);
		if (damage == 1)
			put_big(&x, 0xfffff900c0100000u, 100);
		own_put(&x, SESSION + 0x1f80, BIG_TABLE, 8);
		own_put(&x, SESSION + 0x1f88, damage == 2 ? 250 : 256, 8);
		infer(&x);
		ck_assert((finding(&x, big) != NULL) == (damage == 0));
		const struct psc_field *f =
			psc_profile_field(&x.m.k->profile, PSC_FIELD_MM_SESSION_SPACE_PoolTrackBigPagesSize);
		ck_assert((f != NULL) == (damage == 0));
		if (damage == 0) {
			ck_assert_int_eq(finding(&x, big)->confidence, PSC_CONFIDENCE_PROVEN);
			ck_assert_uint_eq(finding(&x, big)->value, 0x1f80);
			ck_assert_uint_eq(f->offset, 0x1f88);
		}
		pm_free(&x.m);
	}
}
END_TEST

UNIT_MAIN("infer_session", found, no_session, no_table, big_pages)
