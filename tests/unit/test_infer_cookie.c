/* SPDX-License-Identifier: MIT */
/* ExpPoolQuotaCookie solved from charged blocks, on bytes built by hand: an 8.1 machine with processes in a list and
 * pool pages whose blocks are charged to some of them. */
#include "test_pool_machine.h"

#include "pool/infer.h"

#define POOL     0xffffe00000100000u
#define COOKIE   0x8f3c21d7a5e6904bu
#define GONE     0xffffe0000aa11000u /* in no list */
#define N_PROCS  6u
#define VARIABLE (PM_DATA + 0x408)

/* No two pairs have the same difference. */
static const uint64_t procs[N_PROCS] = {0xffffe00000201040u, 0xffffe000002078c0u, 0xffffe0000020d500u,
					0xffffe00000234080u, 0xffffe000002599c0u, 0xffffe0000031e300u};

static void put_processes(struct pm *m)
{
	for (unsigned i = 0; i < N_PROCS; i++) {
		uint64_t links = procs[i] + 0x2e8;
		fake_put64(&m->f, procs[i] + 0x28, 0x1aa000);
		fake_put64(&m->f, links - 8, 4 + 4 * i);
		fake_put64(&m->f, links, i + 1 == N_PROCS ? FAKE_PROCESS_HEAD : procs[i + 1] + 0x2e8);
		fake_put64(&m->f, links + 8, i == 0 ? FAKE_PROCESS_HEAD : procs[i - 1] + 0x2e8);
	}
	fake_put64(&m->f, FAKE_PROCESS_HEAD, procs[0] + 0x2e8);
	fake_put64(&m->f, FAKE_PROCESS_HEAD + 8, procs[N_PROCS - 1] + 0x2e8);
}

/* Eight blocks of 32 units; every other one is charged to the next of these. */
static void put_page(struct pm *m, unsigned page, const uint64_t *charged, unsigned n)
{
	for (unsigned i = 0; i < 8; i++) {
		uint64_t va = POOL + page * (uint64_t)0x1000 + i * 0x200u;
		bool quota = i % 2 == 0;
		uint8_t h[16] = {(uint8_t)(i ? 32 : 0), 0, 32, (uint8_t)(quota ? 0x0a : 0x02), 'Q', 'u', 'o', '0'};
		fake_store(h + 8, quota ? charged[(page * 4 + i / 2) % n] ^ COOKIE ^ va : 0x1111, 8);
		fake_put(&m->f, va, h, 16);
	}
}

static void start(struct pm *m, uint32_t build, const uint64_t *charged, unsigned n)
{
	pm_new(m, build, 120);
	put_processes(m);
	for (unsigned page = 0; page < 6; page++)
		put_page(m, page, charged, n);
	m->syms[PSC_SYM_PsActiveProcessHead] = FAKE_PROCESS_HEAD;
}

static const struct psc_inferred *infer(struct pm *m)
{
	pm_open(m, 1);
	psc_pool_infer(m->k);
	for (size_t i = 0; i < m->k->n_inferred; i++)
		if (strcmp(m->k->inferred[i].name, "ExpPoolQuotaCookie") == 0)
			return &m->k->inferred[i];
	return NULL;
}

static bool note_process(void *arg, const struct psc_block *b)
{
	uint64_t *n = arg;
	if (b->process == 0)
		return true;
	ck_assert_uint_eq(b->va % 0x400, 0);
	for (unsigned i = 0; i < N_PROCS; i++)
		n[i] += b->process == procs[i];
	return true;
}

static void count_charges(struct pm *m, uint64_t ret[N_PROCS])
{
	struct psc_walk_result r;
	const struct psc_walk_options opts = {.n_threads = 1, .on_ordered = note_process, .ordered_arg = ret};
	struct psc_error e;
	memset(ret, 0, N_PROCS * sizeof(*ret));
	ck_assert_int_eq(psc_pool_walk(m->k, &opts, &m->arena, &m->warnings, &r, &e), PSC_OK);
}

START_TEST(variable_found)
{
	struct pm m;
	uint64_t n[N_PROCS], cookie;
	start(&m, 9600, procs, 4);
	fake_put64(&m.f, VARIABLE, COOKIE);
	const struct psc_inferred *item = infer(&m);
	ck_assert_ptr_nonnull(item);
	ck_assert_int_eq(item->confidence, PSC_CONFIDENCE_PROVEN);
	ck_assert_str_eq(item->kind, "address");
	ck_assert_uint_eq(item->value, VARIABLE);
	ck_assert_uint_eq(item->checks, 24);
	ck_assert_int_eq(psc_kernel_sym_origin(m.k, PSC_SYM_ExpPoolQuotaCookie), PSC_ORIGIN_INFERRED);
	ck_assert(psc_pool_quota_cookie(m.k, &cookie));
	ck_assert_uint_eq(cookie, COOKIE);
	count_charges(&m, n);
	for (unsigned i = 0; i < N_PROCS; i++)
		ck_assert_uint_eq(n[i], i < 4 ? 6 : 0);
	pm_free(&m);
}
END_TEST

START_TEST(value_alone)
{
	struct pm m;
	uint64_t n[N_PROCS], cookie;
	start(&m, 9600, procs, N_PROCS);
	const struct psc_inferred *item = infer(&m);
	ck_assert_ptr_nonnull(item);
	ck_assert_int_eq(item->confidence, PSC_CONFIDENCE_PROVEN);
	ck_assert_str_eq(item->kind, "value");
	ck_assert_uint_eq(item->value, COOKIE);
	ck_assert_uint_eq(psc_kernel_sym(m.k, PSC_SYM_ExpPoolQuotaCookie), 0);
	count_charges(&m, n);
	for (unsigned i = 0; i < N_PROCS; i++)
		ck_assert_uint_eq(n[i], 4);
	pm_free(&m);
	/* Three processes, and as many blocks of one that is in no list. */
	const uint64_t mixed[6] = {procs[0], GONE, procs[3], GONE, procs[5], GONE};
	start(&m, 9600, mixed, 6);
	item = infer(&m);
	ck_assert_ptr_nonnull(item);
	ck_assert_int_eq(item->confidence, PSC_CONFIDENCE_LIKELY);
	ck_assert(psc_pool_quota_cookie(m.k, &cookie));
	ck_assert_uint_eq(cookie, COOKIE);
	pm_free(&m);
}
END_TEST

/* One process leaves a candidate for each in the list, two leave a pair. */
START_TEST(ties)
{
	struct pm m;
	uint64_t n[N_PROCS], cookie;
	start(&m, 9600, procs + 2, 1);
	const struct psc_inferred *item = infer(&m);
	ck_assert_ptr_nonnull(item);
	ck_assert_int_eq(item->confidence, PSC_CONFIDENCE_AMBIGUOUS);
	ck_assert_uint_eq(item->value, 0);
	ck_assert_uint_eq(item->n_alternatives, N_PROCS);
	ck_assert(!psc_pool_quota_cookie(m.k, &cookie));
	count_charges(&m, n);
	for (unsigned i = 0; i < N_PROCS; i++)
		ck_assert_uint_eq(n[i], 0);
	pm_free(&m);

	start(&m, 9600, procs, 2);
	item = infer(&m);
	ck_assert_int_eq(item->confidence, PSC_CONFIDENCE_AMBIGUOUS);
	ck_assert_uint_eq(item->n_alternatives, 2);
	pm_free(&m);

	/* The kernel's data decide. */
	start(&m, 9600, procs, 2);
	fake_put64(&m.f, VARIABLE, COOKIE);
	item = infer(&m);
	ck_assert_int_eq(item->confidence, PSC_CONFIDENCE_LIKELY);
	ck_assert_uint_eq(item->value, VARIABLE);
	ck_assert_uint_eq(item->n_alternatives, 0);
	count_charges(&m, n);
	ck_assert_uint_eq(n[0], 12);
	ck_assert_uint_eq(n[1], 12);
	pm_free(&m);

	/* Both of the pair stand there. */
	start(&m, 9600, procs, 2);
	fake_put64(&m.f, VARIABLE, COOKIE);
	fake_put64(&m.f, VARIABLE + 0x40, COOKIE ^ procs[0] ^ procs[1]);
	item = infer(&m);
	ck_assert_int_eq(item->confidence, PSC_CONFIDENCE_AMBIGUOUS);
	ck_assert(!psc_pool_quota_cookie(m.k, &cookie));
	pm_free(&m);
}
END_TEST

START_TEST(not_asked)
{
	struct pm m;
	const uint64_t gone[2] = {GONE, GONE + 0x3000};
	/* 7 has no cookie. */
	start(&m, 7601, procs, 4);
	ck_assert_ptr_null(infer(&m));
	pm_free(&m);
	/* The variable is known. */
	start(&m, 9600, procs, 4);
	m.syms[PSC_SYM_ExpPoolQuotaCookie] = VARIABLE;
	fake_put64(&m.f, VARIABLE, 0x1234);
	ck_assert_ptr_null(infer(&m));
	pm_free(&m);
	/* Known, but its page is lost: the blocks say it. */
	start(&m, 9600, procs, 4);
	m.syms[PSC_SYM_ExpPoolQuotaCookie] = PM_DATA + 0x5000;
	const struct psc_inferred *item = infer(&m);
	ck_assert_ptr_nonnull(item);
	ck_assert_uint_eq(item->value, COOKIE);
	ck_assert_str_eq(item->kind, "value");
	pm_free(&m);
	/* Nobody whom the list names: each of them could be any. */
	start(&m, 9600, gone, 2);
	item = infer(&m);
	ck_assert_ptr_nonnull(item);
	ck_assert_int_eq(item->confidence, PSC_CONFIDENCE_AMBIGUOUS);
	pm_free(&m);
}
END_TEST

UNIT_MAIN("infer_cookie", variable_found, value_alone, ties, not_asked)
