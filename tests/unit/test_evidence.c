/* SPDX-License-Identifier: MIT */
/* What the command owner stands on: tags as constants in images, pointers inside blocks, threads, frames against call
 * sites. */
#include "blame/contents.h"
#include "blame/tag_constants.h"
#include "blame/thread_stacks.h"
#include "test_pool_machine.h"
#include "unit.h"

#define DRIVER UINT64_C(0xfffff88001230000)
#define OTHER  UINT64_C(0xfffff88004560000)
#define BLOCKS (PM_NONPAGED + 0x4000)

/* The driver has .text at 1000, .data at 2000 to 5000, of which the page at 3000 is missing. */
static void setup(struct pm *m)
{
	pm_new(m, 19041, 64);
	for (uint64_t va = DRIVER; va < DRIVER + 0x5000; va += 0x1000)
		if (va != DRIVER + 0x3000)
			fake_page(&m->f, va);
	fake_pe(&m->f, DRIVER, 0x5000, "driver.pdb");
	fake_page(&m->f, OTHER);
	for (unsigned i = 0; i < 4; i++)
		fake_page(&m->f, BLOCKS + 0x1000 * i);
}

static void open_machine(struct pm *m)
{
	pm_open(m, 1);
	m->k->modules = calloc(2, sizeof(*m->k->modules));
	m->k->modules[0].base = DRIVER;
	m->k->modules[0].size_bytes = 0x5000;
	m->k->modules[0].name = "driver.sys";
	m->k->modules[1].base = OTHER; /* its header is no PE header */
	m->k->modules[1].size_bytes = 0x1000;
	m->k->modules[1].name = "other.sys";
	m->k->n_modules = m->k->n_loaded = 2;
}

START_TEST(constants)
{
	struct pm m;
	struct psc_tag_constants c;
	struct psc_error e;
	const uint32_t tags[] = {PM_TAG('A', 'b', 'c', 'd'), PM_TAG('N', 'o', 'n', 'e'), PM_TAG('a', 'b', 'b', 'a')};
	setup(&m);
	fake_put(&m.f, DRIVER + 0x1231, "Abcd", 4);   /* as an operand: not aligned */
	fake_put(&m.f, DRIVER + 0x1ffe, "AbcdAb", 6); /* over the end of .text: in no section as a whole */
	fake_put(&m.f, DRIVER + 0x2ffd, "Abc", 3);    /* the page behind it is missing */
	fake_put(&m.f, DRIVER + 0x2100, "dcbA", 4);
	fake_put(&m.f, DRIVER + 0x2200, "Abc\xe4", 4);
	fake_put(&m.f, DRIVER + 0x2300,
		 "\xe4"
		 "cbA",
		 4);
	fake_put(&m.f, DRIVER + 0x2400,
		 "\xe4"
		 "cbA",
		 4);
	fake_put(&m.f, DRIVER + 0x4ffc, "abba", 4);
	fake_put(&m.f, OTHER + 0x10, "Abcd", 4);
	open_machine(&m);
	ck_assert_int_eq(psc_tag_constants_find(m.k, tags, 3, NULL, NULL, &c, &e), PSC_OK);
	ck_assert_uint_eq(c.n, 6);
	static const struct {
		uint32_t tag, module, form, count, rva;
		const char *section;
		bool is_code;
	} want[] = {{0, 0, 0, 1, 0x1231, ".text", true},  {0, 0, 1, 1, 0x2100, ".data", false},
		    {0, 0, 2, 1, 0x2200, ".data", false}, {0, 0, 3, 2, 0x2300, ".data", false},
		    {0, 1, 0, 1, 0x10, "", false},        {2, 0, 0, 1, 0x4ffc, ".data", false}};
	for (size_t i = 0; i < c.n; i++) {
		ck_assert_uint_eq(c.items[i].tag, want[i].tag);
		ck_assert_uint_eq(c.items[i].module, want[i].module);
		ck_assert_uint_eq(c.items[i].form, want[i].form);
		ck_assert_uint_eq(c.items[i].count, want[i].count);
		ck_assert_uint_eq(c.items[i].first_rva, want[i].rva);
		ck_assert_str_eq(c.items[i].section, want[i].section);
		ck_assert(c.items[i].is_code == want[i].is_code);
	}
	ck_assert_uint_eq(c.n_modules, 2);
	ck_assert_uint_eq(c.modules[0].pages, 4);
	ck_assert_uint_eq(c.modules[0].missing_pages, 1);
	ck_assert_uint_eq(c.modules[0].discarded_pages, 0);
	ck_assert(c.modules[0].has_sections && !c.modules[1].has_sections);
	ck_assert_uint_eq(c.pages, 5);
	ck_assert(!c.is_partial);
	psc_tag_constants_deinit(&c);
	uint32_t many[PSC_TAG_CONSTANTS_TAGS_MAX + 1] = {0};
	ck_assert_int_eq(psc_tag_constants_find(m.k, many, PSC_TAG_CONSTANTS_TAGS_MAX + 1, NULL, NULL, &c, &e),
			 PSC_E_ARGUMENT);
	pm_free(&m);
}
END_TEST

START_TEST(constant_over_a_page)
{
	struct pm m;
	struct psc_tag_constants c;
	struct psc_error e;
	const uint32_t tag = PM_TAG('A', 'b', 'c', 'd');
	for (unsigned before = 1; before < 4; before++) {
		setup(&m);
		fake_page(&m.f, DRIVER + 0x3000);
		fake_put(&m.f, DRIVER + 0x3000 - before, "Abcd", 4);
		open_machine(&m);
		ck_assert_int_eq(psc_tag_constants_find(m.k, &tag, 1, NULL, NULL, &c, &e), PSC_OK);
		ck_assert_uint_eq(c.n, 1);
		ck_assert_uint_eq(c.items[0].count, 1);
		ck_assert_uint_eq(c.items[0].first_rva, 0x3000 - before);
		psc_tag_constants_deinit(&c);
		pm_free(&m);
	}
}
END_TEST

static struct psc_block block(uint64_t va, uint64_t bytes)
{
	struct psc_block b;
	memset(&b, 0, sizeof(b));
	b.va = va;
	b.size_bytes = bytes;
	b.kind = PSC_BLOCK_KIND_LEGACY;
	return b;
}

START_TEST(pointers_in_blocks)
{
	struct pm m;
	struct psc_error e;
	struct psc_contents *c = NULL;
	const struct psc_contents_result *r = NULL;
	setup(&m);
	/* 40 blocks of 0x60 bytes with their header: a callback at 8 in all, another in every fourth, at 0x20 a pointer
	 * in every eighth; a pointer into the pool at 0x10, and one that is not aligned. */
	for (unsigned i = 0; i < 40; i++) {
		uint64_t data = BLOCKS + 0x60 * i + 0x10;
		fake_put64(&m.f, data + 8, i % 4 == 1 ? DRIVER + 0x1500 : DRIVER + 0x1400);
		fake_put64(&m.f, data + 0x10, BLOCKS);
		fake_put64(&m.f, data + 0x2c, DRIVER + 0x1600);
		if (i % 8 == 0)
			fake_put64(&m.f, data + 0x20, OTHER + i);
	}
	/* A big one, over a page that is missing; the last word before and the first behind it count. */
	fake_page_out(&m.f, BLOCKS + 0x2000);
	fake_put64(&m.f, BLOCKS + 0x1ff8, DRIVER + 0x1700);
	fake_put64(&m.f, BLOCKS + 0x3000, DRIVER + 0x1700);
	open_machine(&m);
	ck_assert_int_eq(psc_contents_new(m.k, NULL, &c, &e), PSC_OK);
	for (unsigned i = 40; i-- > 0;) {
		struct psc_block b = block(BLOCKS + 0x60 * i, 0x60);
		ck_assert(psc_contents_add(c, &b));
	}
	ck_assert_int_eq(psc_contents_finish(c, &r, &e), PSC_OK);
	ck_assert_uint_eq(r->blocks_seen, 40);
	ck_assert_uint_eq(r->blocks_sampled, 40);
	ck_assert_uint_eq(r->bytes_read, 40 * 0x50);
	ck_assert_uint_eq(r->bytes_wanted, 40 * 0x50);
	ck_assert_uint_eq(r->n, 2);
	ck_assert_uint_eq(r->items[0].offset, 8);
	ck_assert_uint_eq(r->items[0].blocks, 40);
	ck_assert_uint_eq(r->items[0].with_pointer, 40);
	ck_assert_uint_eq(r->items[0].n_targets, 2);
	ck_assert_uint_eq(r->items[0].targets[0].va, DRIVER + 0x1400);
	ck_assert_uint_eq(r->items[0].targets[0].blocks, 30);
	ck_assert_uint_eq(r->items[0].targets[0].module, 0);
	ck_assert_uint_eq(r->items[0].targets[1].blocks, 10);
	ck_assert_uint_eq(r->items[1].offset, 0x20);
	ck_assert_uint_eq(r->items[1].with_pointer, 5);
	ck_assert_uint_eq(r->items[1].n_targets, 5);
	ck_assert_uint_eq(r->items[1].targets[0].va, OTHER); /* equally often: by address */
	ck_assert_uint_eq(r->items[1].targets[0].module, 1);
	psc_contents_free(c);

	const struct psc_contents_options o = {.max_bytes = 0x3000};
	struct psc_block big = block(BLOCKS + 0x1000, 0x2008);
	big.is_big = true;
	ck_assert_int_eq(psc_contents_new(m.k, &o, &c, &e), PSC_OK);
	ck_assert(psc_contents_add(c, &big));
	ck_assert_int_eq(psc_contents_finish(c, &r, &e), PSC_OK);
	ck_assert_uint_eq(r->bytes_wanted, 0x2008);
	ck_assert_uint_eq(r->bytes_read, 0x1008);
	ck_assert_uint_eq(r->n, 2);
	ck_assert_uint_eq(r->items[0].offset, 0xff8);
	ck_assert_uint_eq(r->items[1].offset, 0x2000);
	psc_contents_free(c);
	pm_free(&m);
}
END_TEST

/* The same few of many, whatever the order. */
START_TEST(sampling)
{
	struct pm m;
	struct psc_error e;
	uint64_t with[2][2];
	setup(&m);
	for (unsigned i = 0; i < 100; i++)
		fake_put64(&m.f, BLOCKS + 0x20 * i + 0x10, i % 2 ? DRIVER + 0x1400 : DRIVER + 0x1500);
	open_machine(&m);
	for (unsigned turn = 0; turn < 2; turn++) {
		const struct psc_contents_options o = {.max_blocks = 20};
		struct psc_contents *c = NULL;
		const struct psc_contents_result *r = NULL;
		ck_assert_int_eq(psc_contents_new(m.k, &o, &c, &e), PSC_OK);
		for (unsigned i = 0; i < 100; i++) {
			struct psc_block b = block(BLOCKS + 0x20 * (turn ? i : 99 - i), 0x20);
			ck_assert(psc_contents_add(c, &b));
		}
		ck_assert_int_eq(psc_contents_finish(c, &r, &e), PSC_OK);
		ck_assert_uint_eq(r->blocks_seen, 100);
		ck_assert_uint_eq(r->blocks_sampled, 20);
		ck_assert_uint_eq(r->n, 1);
		ck_assert_uint_eq(r->items[0].with_pointer, 20);
		with[turn][0] = r->items[0].targets[0].va;
		with[turn][1] = r->items[0].targets[0].blocks;
		ck_assert_uint_lt(with[turn][1], 20); /* both kinds are in it */
		psc_contents_free(c);
	}
	ck_assert_uint_eq(with[0][0], with[1][0]);
	ck_assert_uint_eq(with[0][1], with[1][1]);
	pm_free(&m);
}
END_TEST

/* ---- threads ---- */

#define PROCESS(i) (0xffffa80000200000u + 0x1000u * (i))
#define THREAD(i)  (0xffffa80000300000u + 0x1000u * (i))
#define PRCB       0xffffa80000400180u

/* Offsets of 19041 x64 (reference: kernel 9 [V]). */
enum { LINKS = 0x448, PID = 0x440, HEAD = 0x5e0, ENTRY = 0x4e8, CID = 0x478, OWNER = 0x220, STATE = 0x184 };

static void link_list(struct pm *m, uint64_t head, const uint64_t *nodes, size_t n)
{
	uint64_t last = head;
	for (size_t i = 0; i <= n; i++) {
		uint64_t node = i < n ? nodes[i] : head;
		fake_put64(&m->f, last, node);
		fake_put64(&m->f, node + 8, last);
		last = node;
	}
}

static void add_thread(struct pm *m, unsigned i, unsigned process)
{
	fake_page(&m->f, THREAD(i));
	fake_put64(&m->f, THREAD(i) + OWNER, PROCESS(process));
	fake_put64(&m->f, THREAD(i) + CID + 8, 100 + i);
	fake_put(&m->f, THREAD(i) + STATE, "\5", 1);
	fake_put64(&m->f, THREAD(i) + 0x30, 0xffffa80000500000u); /* StackLimit above StackBase: refused */
	fake_put64(&m->f, THREAD(i) + 0x38, i == 0 ? 0xffffa80000506000u : 0xffffa80000400000u);
}

/* Three processes: of 0 and 1 the threads 0, 1 and 2; of 2 the thread 3. 4 runs and is in no list. */
static void setup_threads(struct pm *m)
{
	const uint64_t processes[] = {PROCESS(0) + LINKS, PROCESS(1) + LINKS, PROCESS(2) + LINKS};
	const uint64_t first[] = {THREAD(0) + ENTRY, THREAD(1) + ENTRY}, second[] = {THREAD(2) + ENTRY},
		       third[] = {THREAD(3) + ENTRY};
	setup(m);
	m->syms[PSC_SYM_PsActiveProcessHead] = FAKE_PROCESS_HEAD;
	for (unsigned i = 0; i < 3; i++) {
		fake_page(&m->f, PROCESS(i));
		fake_put64(&m->f, PROCESS(i) + PID, 4 + 4 * i);
	}
	for (unsigned i = 0; i < 5; i++)
		add_thread(m, i, i < 2 ? 0 : i == 2 ? 1 : 2);
	fake_page(&m->f, PRCB);
	fake_put64(&m->f, PRCB + 8, THREAD(4));
	fake_put64(&m->f, PRCB + 0x18, THREAD(1)); /* the idle thread is in a list as well */
	link_list(m, FAKE_PROCESS_HEAD, processes, 3);
	link_list(m, PROCESS(0) + HEAD, first, 2);
	link_list(m, PROCESS(1) + HEAD, second, 1);
	link_list(m, PROCESS(2) + HEAD, third, 1);
}

static struct psc_thread seen[8];
static size_t n_seen;

static bool take(void *arg, const struct psc_thread *t)
{
	(void)arg;
	if (n_seen < 8)
		seen[n_seen++] = *t;
	return true;
}

static struct psc_thread_coverage find_threads(struct pm *m)
{
	struct psc_thread_coverage c;
	struct psc_error e;
	open_machine(m);
	m->k->prcb = psc_arena_alloc_array(&m->k->arena, 1, sizeof(uint64_t));
	m->k->prcb[0] = PRCB;
	m->k->n_prcb = 1;
	n_seen = 0;
	ck_assert_int_eq(psc_kernel_threads(m->k, take, NULL, &c, &e), PSC_OK);
	ck_assert_uint_eq(c.threads, n_seen);
	return c;
}

START_TEST(all_threads)
{
	struct pm m;
	setup_threads(&m);
	struct psc_thread_coverage c = find_threads(&m);
	ck_assert_uint_eq(n_seen, 5);
	ck_assert_uint_eq(c.processes, 3);
	ck_assert(c.lists_available && c.processes_available && c.why_not == NULL && c.broken_lists == 0);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_eq(seen[i].ethread, THREAD(i));
		ck_assert_uint_eq(seen[i].tid, 100 + i);
		ck_assert_uint_eq(seen[i].state, PSC_THREAD_WAITING);
		ck_assert_uint_eq(seen[i].process, PROCESS(i < 2 ? 0u : i == 2 ? 1u : 2u));
		ck_assert(seen[i].is_idle == (i == 1));
		ck_assert_uint_eq(seen[i].processor, i == 4 ? 0 : UINT32_MAX);
	}
	ck_assert_uint_eq(seen[2].pid, 8);
	ck_assert_uint_eq(seen[0].stack_base, 0xffffa80000506000u);
	ck_assert_uint_eq(seen[1].stack_base, 0);
	pm_free(&m);
}
END_TEST

START_TEST(broken_threads)
{
	struct pm m;
	struct psc_thread_coverage c;
	/* A link that does not point back. */
	setup_threads(&m);
	fake_put64(&m.f, THREAD(1) + ENTRY + 8, THREAD(1));
	c = find_threads(&m);
	ck_assert_uint_eq(c.broken_lists, 1);
	ck_assert_uint_eq(c.processes, 2);
	ck_assert_uint_eq(n_seen, 5); /* 0, 2, 3, then 4 and 1 by the processor */
	ck_assert_uint_eq(seen[4].ethread, THREAD(1));
	pm_free(&m);
	/* A thread of another process; a list that leads into another one. */
	setup_threads(&m);
	fake_put64(&m.f, THREAD(3) + OWNER, PROCESS(0));
	fake_put64(&m.f, PROCESS(1) + HEAD, THREAD(0) + ENTRY);
	fake_put64(&m.f, THREAD(0) + ENTRY + 8, PROCESS(1) + HEAD);
	c = find_threads(&m);
	ck_assert_uint_eq(c.broken_lists, 3);
	ck_assert_uint_eq(c.processes, 0);
	pm_free(&m);
	/* Nothing but the processor. */
	setup_threads(&m);
	m.syms[PSC_SYM_PsActiveProcessHead] = 0;
	fake_header(&m.f, 0x28, 0, 8);
	c = find_threads(&m);
	ck_assert(!c.lists_available && c.why_not != NULL);
	ck_assert_uint_eq(n_seen, 2);
	pm_free(&m);
}
END_TEST

static unsigned n_visited;
static size_t visited[8];

static void note(void *arg, const struct psc_stack_site *site, enum psc_site_match match)
{
	(void)arg;
	(void)match;
	if (n_visited < 8)
		visited[n_visited++] = site->id;
}

START_TEST(frames_and_sites)
{
	static const struct psc_stack_site sites[] = {
		{1, 0x1000, 0x1040, 10}, {1, 0x1000, 0x1080, 11}, {1, 0x2000, 0x2040, 12}, {2, 0x1000, 0, 13}};
	struct psc_stack_sites s;
	struct psc_error e;
	struct psc_stack_frame f;
	memset(&f, 0, sizeof(f));
	f.how = PSC_FRAME_UNWIND;
	f.module = 1;
	f.offset = 0x1080;
	f.has_function = true;
	f.function_rva = 0x1000;
	ck_assert_int_eq(psc_stack_sites_init(&s, PSC_MACHINE_X64, sites, 4, &e), PSC_OK);
	ck_assert_int_eq(psc_stack_sites_match(&s, &f, note, NULL), PSC_SITE_MATCH_CALL);
	ck_assert_uint_eq(n_visited, 2);
	ck_assert_uint_eq(visited[0], 11); /* the call itself first */
	ck_assert_uint_eq(visited[1], 10);
	/* Interrupted there, the function has not called. */
	f.how = PSC_FRAME_TRAP;
	ck_assert_int_eq(psc_stack_sites_match(&s, &f, NULL, NULL), PSC_SITE_MATCH_FUNCTION);
	f.function_rva = 0x1800;
	ck_assert_int_eq(psc_stack_sites_match(&s, &f, NULL, NULL), PSC_SITE_MATCH_NONE);
	/* A tail call has no return address. */
	f.how = PSC_FRAME_UNWIND;
	f.module = 2;
	f.offset = 0;
	f.function_rva = 0x1000;
	ck_assert_int_eq(psc_stack_sites_match(&s, &f, NULL, NULL), PSC_SITE_MATCH_FUNCTION);
	/* Without unwind data nothing, but on x86 the function begins somewhere below. */
	f.module = 1;
	f.has_function = false;
	f.offset = 0x2100;
	ck_assert_int_eq(psc_stack_sites_match(&s, &f, NULL, NULL), PSC_SITE_MATCH_NONE);
	s.machine = PSC_MACHINE_X86;
	ck_assert_int_eq(psc_stack_sites_match(&s, &f, NULL, NULL), PSC_SITE_MATCH_FUNCTION);
	f.offset = 0x2040;
	ck_assert_int_eq(psc_stack_sites_match(&s, &f, NULL, NULL), PSC_SITE_MATCH_CALL);
	f.offset = 0x12001;
	ck_assert_int_eq(psc_stack_sites_match(&s, &f, NULL, NULL), PSC_SITE_MATCH_NONE);
	f.module = PSC_NO_MODULE;
	ck_assert_int_eq(psc_stack_sites_match(&s, &f, NULL, NULL), PSC_SITE_MATCH_NONE);
	psc_stack_sites_deinit(&s);
}
END_TEST

UNIT_MAIN("evidence", constants, constant_over_a_page, pointers_in_blocks, sampling, all_threads, broken_threads,
	  frames_and_sites)
