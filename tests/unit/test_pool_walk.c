/* SPDX-License-Identifier: MIT */
/* The walk of a 7 machine: states of pages, big allocations as traps, cached blocks, quota, threads. */
#include "test_pool_machine.h"

#define BIG_TABLE 0xfffffa8000100000u
#define POOL      0xfffffa8001000000u /* nonpaged pages of this test */
#define BIG       0xfffffa8001100000u
#define PROCESS   0xfffffa8000500000u
#define ABCD      PM_TAG('A', 'b', 'c', 'd')
#define TRAP      PM_TAG('T', 'r', 'a', 'p')
#define N_THREADS 4

struct counts {
	uint64_t n[3], bytes[3]; /* by state */
	uint64_t n_big, big_bytes, n_trap, n_billed, sum;
};

static void on_block(void *ctx, const struct psc_block *b)
{
	struct counts *c = ctx;
	c->n[b->state]++;
	c->bytes[b->state] += b->size_bytes;
	c->n_big += b->is_big;
	c->big_bytes += b->is_big ? b->size_bytes : 0;
	c->n_trap += b->tag == TRAP;
	c->n_billed += b->process == PROCESS;
	c->sum += (b->va ^ b->size_bytes ^ (uint64_t)b->tag << 20 ^ (uint64_t)b->state << 60) * 0x9e3779b97f4a7c15u;
}

/* Four blocks of 64 units: in use, in use with quota, free, in use. */
static void put_page(struct pm *m, uint64_t va, uint32_t tag, uint32_t type)
{
	for (unsigned i = 0; i < 4; i++) {
		uint8_t h[16] = {0};
		h[0] = i ? 64 : 0;
		h[2] = 64;
		h[3] = (uint8_t)(i == 2 ? 0 : i == 1 ? type | 8 : type);
		fake_store(h + 4, tag, 4);
		fake_store(h + 8, PROCESS, 8);
		if (i == 3)
			h[2] = 64;
		fake_put(&m->f, va + i * 0x400, h, 16);
	}
}

static void put_big(struct pm *m, unsigned i, uint64_t va, uint64_t bytes, uint32_t type)
{
	fake_put64(&m->f, BIG_TABLE + i * 0x18, va);
	fake_put32(&m->f, BIG_TABLE + i * 0x18 + 8, PM_TAG('B', 'i', 'g', ' '));
	fake_put32(&m->f, BIG_TABLE + i * 0x18 + 0xc, type);
	fake_put64(&m->f, BIG_TABLE + i * 0x18 + 0x10, bytes);
}

static void start(struct pm *m)
{
	pm_new(m, 7601, 400);
	pm_global(m, PSC_SYM_MiNonPagedPoolStartAligned, POOL);
	pm_global(m, PSC_SYM_MiNonPagedPoolEnd, POOL + 0x200000);
	pm_global(m, PSC_SYM_PoolBigPageTable, BIG_TABLE);
	pm_global(m, PSC_SYM_PoolBigPageTableSize, 64);
	for (unsigned i = 0; i < 64; i++)
		fake_put64(&m->f, BIG_TABLE + i * 0x18, 1);
}

static struct psc_walk_result walk(struct pm *m, unsigned n_threads, struct counts *ret)
{
	struct counts each[N_THREADS];
	void *ctx[N_THREADS];
	struct psc_walk_result r;
	struct psc_error e;
	memset(each, 0, sizeof(each));
	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < N_THREADS; i++)
		ctx[i] = &each[i];
	const struct psc_walk_options opts = {.n_threads = n_threads, .on_block = on_block, .worker_ctx = ctx};
	ck_assert_int_eq(psc_pool_walk(m->k, &opts, &m->arena, &m->warnings, &r, &e), PSC_OK);
	for (unsigned i = 0; i < N_THREADS; i++) {
		for (unsigned s = 0; s < 3; s++) {
			ret->n[s] += each[i].n[s];
			ret->bytes[s] += each[i].bytes[s];
		}
		ret->n_big += each[i].n_big;
		ret->big_bytes += each[i].big_bytes;
		ret->n_trap += each[i].n_trap;
		ret->n_billed += each[i].n_billed;
		ret->sum += each[i].sum;
	}
	for (unsigned p = 0; p < 2; p++) {
		const struct psc_walk_coverage *c = &r.coverage[p];
		ck_assert_uint_eq(c->mapped_bytes, c->read_bytes + c->paged_out_bytes + c->not_in_dump_bytes);
		ck_assert_uint_eq(c->read_bytes, c->pool_page_bytes + c->big_bytes + c->special_bytes + c->other_bytes);
	}
	return r;
}

START_TEST(states_and_traps)
{
	struct pm m;
	struct counts c;
	start(&m);
	for (unsigned i = 0; i < 10; i++)
		put_page(&m, POOL + i * (uint64_t)0x1000, ABCD, 2);
	memset(fake_page(&m.f, POOL + 0x20000), 0x5a, 4096); /* no pool page */
	fake_page_out(&m.f, POOL + 0x30000);
	/* In transition (pool of 7: bit 11, no swizzle); a frame above memory. */
	put_page(&m, POOL + 0x40000, ABCD, 2);
	uint8_t *pte = fake_pte(&m.f, m.f.top_pfn, POOL + 0x40000);
	fake_store(pte, (fake_load(pte, 8) & 0xfffffffffffff000u & ~((uint64_t)1 << 63)) | 0x800 | 4 << 5, 8);
	/* A live big allocation full of pool pages, a freed one with a real page where it was. */
	for (unsigned i = 0; i < 3; i++)
		put_page(&m, BIG + i * (uint64_t)0x1000, TRAP, 2);
	put_page(&m, BIG + 0x10000, ABCD, 2);
	put_big(&m, 5, BIG, 0x3000, 0);
	put_big(&m, 6, BIG + 0x10001, 0x1000, 0);
	put_big(&m, 7, 0xfffff8a000000000u, 0x5000, 1);
	put_big(&m, 8, BIG + 0x20000, (uint64_t)1 << 40, 0); /* beyond the pool's end */
	/* Freed, but on a lookaside list: block 3 of page 0. */
	uint64_t prcb = 0xfffffa8000300000u, cached = POOL + 0xc10;
	for (unsigned i = 0; i < 3; i++)
		fake_page(&m.f, prcb + i * (uint64_t)0x1000);
	fake_put64(&m.f, prcb + 0x880, 1);
	fake_put64(&m.f, prcb + 0x888, cached | 1);
	pm_open(&m, 1);
	m.k->prcb = &prcb;
	m.k->n_prcb = 1;
	struct psc_walk_result r = walk(&m, 1, &c);
	const struct psc_walk_coverage *cov = &r.coverage[PSC_POOL_NONPAGED];
	ck_assert(r.small_blocks_supported);
	ck_assert_uint_eq(c.n_trap, 0);
	ck_assert_uint_eq(c.n_big, 2);
	ck_assert_uint_eq(c.big_bytes, 0x8000);
	ck_assert_uint_eq(c.n[PSC_BLOCK_ALLOCATED], 12 * 3 - 1 + 2);
	ck_assert_uint_eq(c.n[PSC_BLOCK_FREE], 12);
	ck_assert_uint_eq(c.n[PSC_BLOCK_CACHED], 1);
	ck_assert_uint_eq(c.n_billed, 12);
	ck_assert_uint_eq(cov->live_blocks, 12 * 3 - 1 + 1);
	ck_assert_uint_eq(cov->pool_page_bytes, 12 * 0x1000);
	ck_assert_uint_eq(cov->big_bytes, 0x3000);
	ck_assert_uint_eq(cov->other_bytes, 0x1000);
	ck_assert_uint_eq(cov->paged_out_bytes, 0x1000);
	ck_assert_uint_eq(cov->mapped_bytes, (12 + 3 + 1 + 1) * 0x1000);
	ck_assert(cov->range_known);
	ck_assert_str_eq(cov->range_source, "MiNonPagedPoolStartAligned, MiNonPagedPoolEnd");
	ck_assert(pm_warned(&m, "1 entries reach beyond their pool"));
	ck_assert_uint_eq(r.big.n_live, 2);
	ck_assert_uint_eq(r.big.n_freed, 1);
	struct counts other;
	struct psc_walk_result again = walk(&m, N_THREADS, &other);
	ck_assert_mem_eq(&c, &other, sizeof(c));
	ck_assert_mem_eq(&r.coverage, &again.coverage, sizeof(uint64_t) * 2);
	ck_assert_uint_eq(again.coverage[0].live_blocks, cov->live_blocks);
	pm_free(&m);
}
END_TEST

/* Pages scattered over physical memory, so that there are many runs and jobs. */
START_TEST(threads_agree)
{
	struct pm m;
	struct counts one, many;
	start(&m);
	for (unsigned i = 0; i < 300; i++)
		put_page(&m, POOL + (uint64_t)((i * 7) % 300) * 0x1000, ABCD, 2);
	pm_open(&m, 1);
	struct psc_walk_result a = walk(&m, 1, &one), b = walk(&m, N_THREADS, &many);
	ck_assert_uint_eq(one.n[PSC_BLOCK_ALLOCATED], 900);
	ck_assert_mem_eq(&one, &many, sizeof(one));
	for (unsigned p = 0; p < 2; p++)
		ck_assert_uint_eq(a.coverage[p].read_bytes, b.coverage[p].read_bytes);
	pm_free(&m);
}
END_TEST

struct ordered {
	struct counts c;
	uint64_t last_va, n, max;
	bool only_big;
};

static bool on_ordered(void *arg, const struct psc_block *b)
{
	struct ordered *o = arg;
	ck_assert_uint_ge(b->va, o->last_va);
	o->last_va = b->va;
	on_block(&o->c, b);
	return ++o->n != o->max;
}

static bool wanted(const void *arg, const struct psc_block *b)
{
	const struct ordered *o = arg;
	return !o->only_big || b->is_big;
}

static enum psc_status walk_ordered(struct pm *m, unsigned n_threads, size_t window, struct ordered *o)
{
	struct psc_walk_result r;
	struct psc_error e;
	const struct psc_walk_options opts = {.n_threads = n_threads,
					      .on_ordered = on_ordered,
					      .wanted = wanted,
					      .ordered_arg = o,
					      .big_window = window};
	return psc_pool_walk(m->k, &opts, &m->arena, &m->warnings, &r, &e);
}

/* Big allocations between, below and above small pages, in a table without order; two at one address. */
START_TEST(ordered)
{
	struct pm m;
	struct counts plain;
	start(&m);
	for (unsigned i = 0; i < 300; i++)
		if (i % 10 != 5)
			put_page(&m, POOL + (uint64_t)((i * 7) % 300) * 0x1000, ABCD, 2);
	for (unsigned i = 0; i < 30; i++)
		put_big(&m, i, POOL + (uint64_t)((i * 70 + 35) % 300) * 0x1000, 0x1000, 0);
	put_big(&m, 40, 0xfffff8a000000000u, 0x5000, 1);
	put_big(&m, 41, 0xfffff8a000000000u, 0x3000, 1);
	put_big(&m, 42, 0xffffffff80000000u, 0x1000, 0);
	pm_open(&m, 1);
	(void)walk(&m, 1, &plain);
	ck_assert_uint_eq(plain.n_big, 33);
	const size_t windows[] = {0, 1, 2, 7, 33, 64};
	for (size_t w = 0; w < sizeof(windows) / sizeof(windows[0]); w++) {
		for (unsigned threads = 1; threads <= N_THREADS; threads += N_THREADS - 1) {
			struct ordered o = {0};
			ck_assert_int_eq(walk_ordered(&m, threads, windows[w], &o), PSC_OK);
			ck_assert_mem_eq(&plain, &o.c, sizeof(plain));
		}
	}
	struct ordered some = {.only_big = true};
	ck_assert_int_eq(walk_ordered(&m, 2, 4, &some), PSC_OK);
	ck_assert_uint_eq(some.n, 33);
	struct ordered few = {.max = 50};
	ck_assert_int_eq(walk_ordered(&m, 2, 4, &few), PSC_E_CANCELLED);
	ck_assert_uint_eq(few.n, 50);
	pm_free(&m);
}
END_TEST

static int stop(void *arg, const char *phase, uint64_t done, uint64_t total)
{
	(void)phase;
	(void)done;
	(void)total;
	++*(unsigned *)arg;
	return 1;
}

START_TEST(cancelled)
{
	struct pm m;
	struct counts c;
	struct psc_error e;
	struct psc_walk_result r;
	unsigned n_calls = 0;
	void *ctx = &c;
	start(&m);
	uint64_t pfn = fake_alloc(&m.f);
	/* A 1 GiB page table's worth of one frame: enough work for a report. */
	for (unsigned i = 0; i < 512 * 60; i++)
		fake_store(fake_pte(&m.f, m.f.top_pfn, POOL + i * (uint64_t)0x1000), pfn << 12 | 0x63, 8);
	fake_put64(&m.f, m.syms[PSC_SYM_MiNonPagedPoolEnd], POOL + ((uint64_t)1 << 30));
	pm_open(&m, 1);
	memset(&c, 0, sizeof(c));
	const struct psc_walk_options opts = {
		.n_threads = 1, .on_block = on_block, .worker_ctx = &ctx, .progress = stop, .progress_arg = &n_calls};
	ck_assert_int_eq(psc_pool_walk(m.k, &opts, &m.arena, &m.warnings, &r, &e), PSC_E_CANCELLED);
	ck_assert_uint_eq(n_calls, 1);
	pm_free(&m);
}
END_TEST

START_TEST(segment_heap)
{
	struct pm m;
	struct counts c;
	pm_new(&m, 19041, 60);
	pm_global(&m, PSC_SYM_PoolBigPageTable, BIG_TABLE);
	pm_global(&m, PSC_SYM_PoolBigPageTableSize, 64);
	for (unsigned i = 0; i < 64; i++)
		fake_put64(&m.f, BIG_TABLE + i * 0x18, 1);
	put_big(&m, 1, 0xffffa80000010000u, 0x2340, 0x200 << 8);
	put_big(&m, 2, 0xffffa80000020000u, 0x1000, 1 << 8);
	pm_open(&m, 1);
	ck_assert_int_eq(psc_pool_allocator(m.k), PSC_ALLOCATOR_SEGMENT_HEAP);
	struct psc_walk_options opts = {.n_threads = 1, .on_block = on_block};
	void *ctx = &c;
	struct psc_walk_result r;
	struct psc_error e;
	memset(&c, 0, sizeof(c));
	opts.worker_ctx = &ctx;
	ck_assert_int_eq(psc_pool_walk(m.k, &opts, &m.arena, &m.warnings, &r, &e), PSC_OK);
	ck_assert(!r.small_blocks_supported);
	ck_assert_uint_eq(c.n_big, 2);
	ck_assert_uint_eq(c.big_bytes, 0x3340);
	ck_assert_uint_eq(r.coverage[PSC_POOL_NONPAGED].big_bytes, 0x3000);
	ck_assert_uint_eq(r.coverage[PSC_POOL_PAGED].live_blocks, 1);
	ck_assert_uint_eq(r.coverage[PSC_POOL_PAGED].mapped_bytes, 0);
	pm_free(&m);
}
END_TEST

/* 8.1 without symbols: pages prove themselves, and their headers say which pool they are. */
START_TEST(by_bytes)
{
	struct pm m;
	struct counts c;
	const uint64_t np = 0xffffe00000200000u, p = 0xffffc00000100000u;
	pm_new(&m, 9600, 120);
	put_page(&m, np, ABCD, 2);
	put_page(&m, np + 0x1000, ABCD, 2);
	put_page(&m, np + 0x2000, ABCD, 2);
	fake_page(&m.f, np + 0x2000)[0x400] ^= 1; /* a broken chain, all blocks still plausible */
	put_page(&m, np + 0x3000, ABCD, 2);
	memset(fake_page(&m.f, np + 0x3000), 0, 0x410); /* too little is left to prove itself */
	put_page(&m, p, ABCD, 3);
	put_page(&m, np + 0x5000, ABCD, 0x23); /* session */
	pm_open(&m, 1);
	struct psc_walk_result r = walk(&m, 1, &c);
	ck_assert_uint_eq(c.n[PSC_BLOCK_ALLOCATED], 12);
	ck_assert_uint_eq(r.coverage[PSC_POOL_NONPAGED].live_blocks, 9);
	ck_assert_uint_eq(r.coverage[PSC_POOL_PAGED].live_blocks, 3);
	ck_assert_uint_eq(r.coverage[PSC_POOL_NONPAGED].corrupt_pages, 1);
	ck_assert_ptr_nonnull(strstr(r.coverage[PSC_POOL_NONPAGED].range_source, "8 and 8.1"));
	pm_free(&m);
}
END_TEST

static uint64_t table_at(struct pm *m, unsigned to_shift)
{
	uint64_t table = m->f.top_pfn;
	for (unsigned shift = 39; shift > to_shift; shift -= 9)
		table = fake_load(fake_frame(&m->f, table) + 8 * (POOL >> shift & 0x1ff), 8) >> 12 & 0xffffffffff;
	return table;
}

/* One page table under every directory entry, one directory under every entry above; its entries in turn. 0: as the
 * first page of the pool has it. */
static struct psc_walk_coverage walk_repeating(uint64_t even, uint64_t odd)
{
	struct pm m;
	struct counts c;
	start(&m);
	fake_put64(&m.f, m.syms[PSC_SYM_MiNonPagedPoolEnd], POOL + ((uint64_t)1 << 38));
	put_page(&m, POOL, ABCD, 2);
	uint64_t pte_pfn = table_at(&m, 12), pde_pfn = table_at(&m, 21), above = table_at(&m, 30);
	uint64_t leaf = fake_load(fake_frame(&m.f, pte_pfn) + 8 * (POOL >> 12 & 0x1ff), 8);
	for (unsigned i = 0; i < 512; i++) {
		uint64_t entry = i & 1 ? odd : even;
		fake_store(fake_frame(&m.f, pte_pfn) + 8 * i, entry ? entry : leaf, 8);
		fake_store(fake_frame(&m.f, pde_pfn) + 8 * i, pte_pfn << 12 | 0x63, 8);
		fake_store(fake_frame(&m.f, above) + 8 * i, pde_pfn << 12 | 0x63, 8);
	}
	pm_open(&m, 1);
	const struct psc_walk_coverage ret = walk(&m, 1, &c).coverage[PSC_POOL_NONPAGED];
	ck_assert(pm_warned(&m, "repeat"));
	pm_free(&m);
	return ret;
}

/* Page tables that show one frame everywhere must not keep the walk busy for ever. */
START_TEST(page_tables_repeat)
{
	(void)walk_repeating(0, 0);
}
END_TEST

/* Nor must such that show pages which are not in memory: runs of one page, paged out and demand zero in turn. A page
 * table for each page that the dump holds, and some more. */
START_TEST(absent_pages_repeat)
{
	const struct psc_walk_coverage c = walk_repeating((uint64_t)0x1234 << 32 | 0x80, 0x80);
	ck_assert_uint_gt(c.paged_out_bytes, 0);
	ck_assert_uint_lt(c.paged_out_bytes / 4096, 512 * (400 + 256));
	ck_assert_uint_gt(c.unknown_bytes, (uint64_t)1 << 37);
}
END_TEST

UNIT_MAIN("pool_walk", states_and_traps, threads_agree, ordered, cancelled, segment_heap, by_bytes, page_tables_repeat,
	  absent_pages_repeat)
