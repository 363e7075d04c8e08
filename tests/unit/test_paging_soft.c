/* SPDX-License-Identifier: MIT */
/* Software entries of both generations. reference: paging 4, 5 */
#include "paging/softpte.h"
#include "test_paging_mem.h"

#define KVA 0xffffa08000000000u
#define TOP 0x1000u
#define MASK45                                                                                                         \
	{                                                                                                              \
		true, BIT45, true                                                                                      \
	}

static const struct pm_run ram[] = {{1, 127}};

static const struct psc_softpte old_layout = {false, 0, true};
static const struct psc_softpte new_plain = {true, 0, true};
static const struct psc_softpte new_mask = MASK45;

struct leaf {
	uint64_t entry;
	enum psc_va_state state;
	uint64_t a, b; /* pa, or page file number and page */
};

static void check_leaves(const struct psc_softpte *soft, const struct leaf *leaves, size_t n)
{
	struct pm m;
	struct psc_space sp;
	pm_init(&m, true, 19041, ram, 1);
	m.next_pfn = 2;
	for (size_t i = 0; i < n; i++)
		pm_map(&m, PSC_MMU_X64, TOP, KVA + i * 0x1000, 0, leaves[i].entry);
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_X64, TOP, soft);
	for (size_t i = 0; i < n; i++) {
		const struct leaf *l = &leaves[i];
		uint64_t va = KVA + i * 0x1000;
		struct psc_xlate x = psc_translate(r, va);
		ck_assert_msg(x.state == l->state, "entry %zu: %s", i, psc_va_state_name(x.state));
		ck_assert_uint_eq(x.entry, l->entry);
		if (l->state == PSC_VA_TRANSITION)
			pm_expect_pa(r, va, l->state, l->a, 0x1000);
		else
			pm_expect(r, va, l->state, 0x1000);
		if (l->state == PSC_VA_PAGED_OUT)
			ck_assert(x.pagefile_number == l->a && x.pagefile_page == l->b);
	}
	free(r);
	pm_close(&m);
}
#define CHECK_LEAVES(soft, leaves) check_leaves(soft, leaves, sizeof(leaves) / sizeof(*(leaves)))

START_TEST(old_generation)
{
	static const struct leaf leaves[] = {
		{0x20880, PSC_VA_TRANSITION, 0x20000, 0},
		{0x20890, PSC_VA_TRANSITION, 0x20000, 0}, /* bit 4: CacheDisable */
		{0x20000880 | BIT45, PSC_VA_CORRUPT, 0, 0},
		{(uint64_t)0x1234 << 32 | 0x2080 | 2 << 1, PSC_VA_PAGED_OUT, 2, 0x1234},
		{0x80 | 1 << 1, PSC_VA_PAGED_OUT, 1, 0},
		{0x80, PSC_VA_DEMAND_ZERO, 0, 0},
		{0x18 << 5, PSC_VA_NOT_MAPPED, 0, 0},
		{0xffffffff00000400u, PSC_VA_PROTOTYPE, 0, 0},
		{0x0000123400000480u, PSC_VA_CORRUPT, 0, 0}, /* no kernel address */
		{0, PSC_VA_NOT_MAPPED, 0, 0},
	};
	CHECK_LEAVES(&old_layout, leaves);
}
END_TEST

START_TEST(new_generation_without_mask)
{
	static const struct leaf leaves[] = {
		{0x20880, PSC_VA_TRANSITION, 0x20000, 0},
		{0x20890, PSC_VA_TRANSITION, 0x20000, 0},
		{0x20880 | BIT45, PSC_VA_CORRUPT, 0, 0},
		{(uint64_t)0x1234 << 32 | 0x2084, PSC_VA_PAGED_OUT, 2, 0x1234},
		{0x1084, PSC_VA_PAGED_OUT, 1, 0},
		{0x84, PSC_VA_DEMAND_ZERO, 0, 0},
		{0x80, PSC_VA_DEMAND_ZERO, 0, 0},
		{0x18 << 5, PSC_VA_NOT_MAPPED, 0, 0},
		{0xffff800012345480u, PSC_VA_PROTOTYPE, 0, 0}, /* file-backed marker */
	};
	CHECK_LEAVES(&new_plain, leaves);
}
END_TEST

START_TEST(new_generation_with_mask)
{
	static const struct leaf leaves[] = {
		{0x20880 ^ BIT45, PSC_VA_TRANSITION, 0x20000, 0},
		{0x20890, PSC_VA_TRANSITION, 0x20000, 0},
		{0x20880, PSC_VA_CORRUPT, 0, 0},
		{0x80000880 ^ BIT45, PSC_VA_CORRUPT, 0, 0},
		{((uint64_t)0x1234 << 32 | 0x2084) ^ BIT45, PSC_VA_PAGED_OUT, 2, 0x1234},
		{(uint64_t)0x3234 << 32 | 0x2094, PSC_VA_PAGED_OUT, 2, 0x3234},
		{0x80 ^ BIT45, PSC_VA_DEMAND_ZERO, 0, 0},
		{0x80, PSC_VA_DEMAND_ZERO, 0, 0},
		{0xffffffff00000490u, PSC_VA_PROTOTYPE, 0, 0},
		{0xffffffff00000480u, PSC_VA_PROTOTYPE, 0, 0},
		{0xffffffff00000480u ^ BIT45, PSC_VA_PROTOTYPE, 0, 0},
	};
	CHECK_LEAVES(&new_mask, leaves);
}
END_TEST

START_TEST(a_guessed_mask_does_not_lose_frames)
{
	static const struct psc_softpte guess_none = {true, 0, false}, guess_45 = {true, BIT45, false};
	static const struct psc_softpte guess_old = {false, 0, false};
	static const struct leaf leaves[] = {
		{0x20880 ^ BIT45, PSC_VA_TRANSITION, 0x20000, 0},
		{0x20880, PSC_VA_TRANSITION, 0x20000, 0},
		{0x20890, PSC_VA_TRANSITION, 0x20000, 0},
		{0x80000880, PSC_VA_CORRUPT, 0, 0},
	};
	CHECK_LEAVES(&guess_none, leaves);
	CHECK_LEAVES(&guess_45, leaves);
	CHECK_LEAVES(&guess_old, leaves);
	CHECK_LEAVES(NULL, leaves);
}
END_TEST

START_TEST(the_layout_follows_the_build_when_nothing_else_is_known)
{
	struct pm m;
	struct psc_space sp;
	pm_init(&m, true, 10586, ram, 1);
	free(pm_reader(&m, &sp, PSC_MMU_X64, TOP, NULL));
	ck_assert(!sp.softpte.new_layout && !sp.softpte.known && sp.softpte.invalid_pte_mask == 0);
	pm_close(&m);
	pm_init(&m, true, 22000, ram, 1);
	free(pm_reader(&m, &sp, PSC_MMU_X64, TOP, NULL));
	ck_assert(sp.softpte.new_layout && !sp.softpte.known && sp.softpte.invalid_pte_mask == BIT45);
	pm_close(&m);
}
END_TEST

START_TEST(protection_of_transition_pages)
{
	struct pm m;
	struct psc_space sp;
	pm_init(&m, true, 19041, ram, 1);
	m.next_pfn = 2;
	for (uint64_t prot = 0; prot < 32; prot++)
		pm_map(&m, PSC_MMU_X64, TOP, KVA + prot * 0x1000, 0, 0x20800 | prot << 5 | 0x10);
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_X64, TOP, &new_mask);
	for (uint64_t prot = 0; prot < 32; prot++) { /* bit 7 is protection here, not LargePage or PAT */
		struct psc_xlate x = psc_translate(r, KVA + prot * 0x1000);
		ck_assert_int_eq(x.state, PSC_VA_TRANSITION);
		ck_assert(x.is_nx == ((prot & 2) == 0) && x.is_writable == ((prot & 4) != 0) && !x.is_large);
	}
	free(r);
	pm_close(&m);
}
END_TEST

START_TEST(tables_in_transition)
{
	struct pm m;
	struct psc_space sp;
	pm_init(&m, true, 19041, ram, 1);
	m.next_pfn = 2;
	/* protection 4 sets bit 7, which must not be read as LargePage */
	pm_map(&m, PSC_MMU_X64, TOP, KVA, 1, (0x40000 | 4 << 5 | 0x800) ^ BIT45);
	pm_set64(&m, 0x40008, 0x20000 | P_V);
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x40000000, 2, 0x41000 | 4 << 5 | 0x810);
	pm_set64(&m, 0x41000, 0x42000 | P_V);
	pm_set64(&m, 0x42000, 0x21000 | P_V);
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x200000, 1, ((uint64_t)7 << 32 | 0x1084) ^ BIT45); /* paged out */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x400000, 1, 0x80 ^ BIT45);                         /* demand zero */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x600000, 1, 0xffffa08000000480u);                  /* prototype */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x800000, 1, 0x90000890);                           /* above memory */
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_X64, TOP, &new_mask);
	pm_expect_pa(r, KVA + 0x1000, PSC_VA_PRESENT, 0x20000, 0x1000);
	ck_assert(psc_translate(r, KVA + 0x1000).is_writable && !psc_translate(r, KVA + 0x1000).is_nx);
	pm_expect_pa(r, KVA + 0x40000000, PSC_VA_PRESENT, 0x21000, 0x1000);
	pm_expect(r, KVA + 0x200000, PSC_VA_UNKNOWN, 0x200000);
	ck_assert_uint_eq(psc_translate(r, KVA + 0x200000).pagefile_page, 7);
	pm_expect(r, KVA + 0x400000, PSC_VA_NOT_MAPPED, 0x200000);
	pm_expect(r, KVA + 0x600000, PSC_VA_UNKNOWN, 0x200000);
	pm_expect(r, KVA + 0x800000, PSC_VA_CORRUPT, 0x200000);
	free(r);
	pm_close(&m);
}
END_TEST

static uint64_t proto_pte(uint64_t va, bool new_gen, uint64_t mask)
{
	return ((va << 16) | 0x400 | (new_gen ? 4 << 5 : 0)) ^ mask;
}

static void check_prototypes(const struct psc_softpte *soft)
{
	struct pm m;
	struct psc_space sp;
	uint64_t mask = soft->invalid_pte_mask, table = KVA + 0x10000;
	pm_init(&m, true, 19041, ram, 1);
	m.next_pfn = 2;
	pm_map(&m, PSC_MMU_X64, TOP, table, 0, (0x30000 | 4 << 5 | 0x800) ^ mask); /* itself in transition */
	uint64_t targets[] = {
		0x20000 | P_V | P_NX,
		(0x21000 | 4 << 5 | 0x800) ^ mask,
		((uint64_t)0x55 << 32 | 4 << 5 | (soft->new_layout ? 1 << 12 : 1 << 1)) ^ mask,
		(4 << 5) ^ mask,
		proto_pte(table, soft->new_layout, mask), /* a subsection, or a loop */
		0,
		0xfffff000 | P_V,
	};
	static const enum psc_va_state states[] = {PSC_VA_PRESENT,     PSC_VA_TRANSITION, PSC_VA_PAGED_OUT,
						   PSC_VA_DEMAND_ZERO, PSC_VA_PROTOTYPE,  PSC_VA_NOT_MAPPED,
						   PSC_VA_CORRUPT};
	for (uint64_t i = 0; i < 7; i++) {
		pm_set64(&m, 0x30000 + i * 8, targets[i]);
		pm_map(&m, PSC_MMU_X64, TOP, KVA + i * 0x1000, 0, proto_pte(table + i * 8, soft->new_layout, mask));
	}
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x7000, 0, proto_pte(table + 4, soft->new_layout, mask));
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x8000, 0, proto_pte(KVA + 0x20000, soft->new_layout, mask)); /* nothing */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x9000, 0, proto_pte(KVA + 0x11000, soft->new_layout, mask)); /* left out */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0xa000, 0, proto_pte(KVA + 0x12000, soft->new_layout, mask)); /* paged */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0xb000, 0, proto_pte(KVA + 0xb000, soft->new_layout, mask));  /* itself */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x11000, 0, P_V); /* frame 0 is a hole */
	pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x12000, 0, ((uint64_t)9 << 32 | 4 << 5) ^ mask);
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_X64, TOP, soft);
	for (uint64_t i = 0; i < 7; i++)
		pm_expect(r, KVA + i * 0x1000, states[i], 0x1000);
	pm_expect_pa(r, KVA + 0x123, PSC_VA_PRESENT, 0x20123, 0xedd);
	ck_assert(psc_translate(r, KVA).is_nx);
	pm_expect_pa(r, KVA + 0x1123, PSC_VA_TRANSITION, 0x21123, 0xedd);
	struct psc_xlate x = psc_translate(r, KVA + 0x2000);
	ck_assert(x.pagefile_number == 1 && x.pagefile_page == 0x55);
	pm_expect(r, KVA + 0x7000, PSC_VA_CORRUPT, 0x1000);
	pm_expect(r, KVA + 0x8000, PSC_VA_CORRUPT, 0x1000);
	pm_expect(r, KVA + 0x9000, PSC_VA_UNKNOWN, 0x1000);
	pm_expect(r, KVA + 0xa000, PSC_VA_PROTOTYPE, 0x1000);
	pm_expect(r, KVA + 0xb000, PSC_VA_PROTOTYPE, 0x1000);
	free(r);
	pm_close(&m);
}

START_TEST(prototypes)
{
	check_prototypes(&old_layout);
	check_prototypes(&new_plain);
	check_prototypes(&new_mask);
}
END_TEST

static bool detect(const struct psc_softpte *planted, bool transition, struct psc_softpte *ret)
{
	struct pm m;
	struct psc_space sp;
	pm_init(&m, true, 14393, ram, 1);
	m.next_pfn = 2;
	for (uint64_t i = 0; i < 400; i++) {
		uint64_t page = i * 7919 % 65536, e = (4 << 5) | page << 32;
		/* page file 1, reserved and allocated; the rest of the word varies as it does in use */
		e |= planted->new_layout ? (uint64_t)1 << 12 | (i & 1) << 1 | (i / 2 & 1) << 2 | (i / 4 & 1) << 3
					 : (uint64_t)1 << 1 | (i & 3) << 12 | (i / 4 & 3) << 14;
		if (transition)
			e = (0x20000 + (i % 64 << 12)) | 4 << 5 | 0x800;
		pm_map(&m, PSC_MMU_X64, TOP, KVA + i * 0x3000, 0, e ^ planted->invalid_pte_mask);
	}
	free(pm_reader(&m, &sp, PSC_MMU_X64, TOP, NULL));
	bool ok = psc_softpte_detect(&sp, 0xffff800000000000u, 0, ret);
	ck_assert(!psc_softpte_detect(&sp, 0, 0x800000000000u, ret));
	ck_assert(!psc_softpte_detect(&sp, 5, 5, ret));
	pm_close(&m);
	return ok;
}

START_TEST(detection)
{
	struct psc_softpte s;
	ck_assert(detect(&new_mask, true, &s) && s.new_layout && s.invalid_pte_mask == BIT45 && !s.known);
	ck_assert(detect(&new_plain, true, &s) && !s.new_layout && s.invalid_pte_mask == 0); /* layout kept */
	ck_assert(detect(&new_plain, false, &s) && s.new_layout && s.invalid_pte_mask == 0);
	ck_assert(detect(&old_layout, false, &s) && !s.new_layout && s.invalid_pte_mask == 0);
	ck_assert(detect(&old_layout, true, &s) && !s.new_layout && s.invalid_pte_mask == 0);
}
END_TEST

/* Entries in transition and prototypes under a layout that is theirs, and under one that is not. */
START_TEST(fitting)
{
	static const struct {
		const struct psc_softpte *planted, *tried;
		bool fits;
	} cases[] = {
		{&new_mask, &new_mask, true},    {&new_mask, &new_plain, false},  {&new_mask, &old_layout, false},
		{&new_plain, &new_plain, true},  {&new_plain, &new_mask, false},  {&old_layout, &old_layout, true},
		{&old_layout, &new_mask, false}, {&old_layout, &new_plain, true},
	};
	for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++)
		for (unsigned kind = 0; kind < 2; kind++) {
			struct pm m;
			struct psc_space sp;
			struct psc_softpte_fit fit;
			pm_init(&m, true, 14393, ram, 1);
			m.next_pfn = 2;
			pm_map(&m, PSC_MMU_X64, TOP, KVA + 0x4000000, 0, 0x8000000000000063u);
			for (uint64_t i = 0; i < 40; i++) {
				uint64_t e = (0x20000 + (i % 64 << 12)) | 4 << 5 | 0x800;
				if (kind == 1)
					e = (KVA + 0x4000000 + 8 * i) << 16 | 0x400;
				pm_map(&m, PSC_MMU_X64, TOP, KVA + i * 0x3000, 0,
				       e ^ cases[c].planted->invalid_pte_mask);
			}
			free(pm_reader(&m, &sp, PSC_MMU_X64, TOP, NULL));
			psc_softpte_try(&sp, 0xffff800000000000u, 0, cases[c].tried, &fit);
			ck_assert_uint_eq(kind == 0 ? fit.n_transition : fit.n_proto, 40);
			ck_assert_msg(psc_softpte_fits(&fit) == cases[c].fits, "case %zu, kind %u: %u beyond, %u bad",
				      c, kind, fit.n_beyond, fit.n_proto_bad);
			pm_close(&m);
		}
	/* Fifteen say nothing; the page file's number settles it without any frame. */
	struct psc_softpte_fit few = {.n_transition = 15, .n_beyond = 15, .n_proto = 15, .n_proto_bad = 15};
	ck_assert(psc_softpte_fits(&few));
	few.is_page_file_bad = true;
	ck_assert(!psc_softpte_fits(&few));
}
END_TEST

UNIT_MAIN("paging software PTEs", old_generation, new_generation_without_mask, new_generation_with_mask,
	  a_guessed_mask_does_not_lose_frames, the_layout_follows_the_build_when_nothing_else_is_known,
	  protection_of_transition_pages, tables_in_transition, prototypes, detection, fitting)
