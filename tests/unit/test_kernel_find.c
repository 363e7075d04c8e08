/* SPDX-License-Identifier: MIT */
/* Page tables, processors, processes, memory and version of small machines. */
#include "fakedump.h"

START_TEST(nt_versions)
{
	static const struct {
		uint32_t build, major, minor;
	} known[] = {{2195, 5, 0}, {2600, 5, 1}, {3790, 5, 2},   {6002, 6, 0},   {7601, 6, 1},
		     {9200, 6, 2}, {9600, 6, 3}, {10240, 10, 0}, {22621, 10, 0}, {26100, 10, 0}};
	uint32_t major = 77, minor = 77;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		ck_assert(psc_nt_version_of_build(known[i].build, &major, &minor));
		ck_assert_uint_eq(major, known[i].major);
		ck_assert_uint_eq(minor, known[i].minor);
	}
	ck_assert(!psc_nt_version_of_build(0, &major, &minor));
	ck_assert(!psc_nt_version_of_build(5000, &major, &minor));
	ck_assert(!psc_nt_version_of_build(70000, &major, &minor));
}
END_TEST

START_TEST(processors_with_holes)
{
	struct fake f;
	fake_machine(&f);
	fake_header(&f, 0x34, 6, 4);
	fake_prcb(&f, 2, false);
	fake_prcb(&f, 3, true);
	fake_prcb(&f, 4, true);
	fake_put32(&f, FAKE_PRCB + 4 * 0x1000 + 0x24, 9); /* the number is another one */
	fake_put64(&f, FAKE_PROCESSORS + 40, FAKE_PRCB);  /* twice the same block */
	fake_open(&f);
	ck_assert_uint_eq(f.k.n_prcb, 3);
	ck_assert_uint_eq(f.k.prcb[0], FAKE_PRCB);
	ck_assert_uint_eq(f.k.prcb[2], FAKE_PRCB + 3 * 0x1000);
	ck_assert(fake_warned(&f, "2 of 6 processor control blocks"));
	fake_free(&f);
	/* More than the header says. */
	fake_machine(&f);
	fake_prcb(&f, 2, true);
	fake_open(&f);
	ck_assert_uint_eq(f.k.n_prcb, 3);
	ck_assert(fake_warned(&f, "The header says 2 processors, 3 were found"));
	fake_free(&f);
	fake_machine(&f);
	fake_header(&f, 0x34, 0x7fffffff, 4);
	fake_open(&f);
	ck_assert_uint_eq(f.k.n_prcb, 2);
	fake_free(&f);
}
END_TEST

START_TEST(memory_totals)
{
	struct fake f;
	uint64_t block = FAKE_POOL + 0x900000;
	fake_machine(&f);
	fake_open(&f);
	ck_assert_uint_eq(f.k.physical_memory_bytes, 500u * 4096);
	ck_assert_str_eq(f.k.physical_memory_source, "KUSER_SHARED_DATA.NumberOfPhysicalPages");
	fake_free(&f);
	fake_machine(&f);
	fake_put64(&f, FAKE_MEMORY_BLOCK, block);
	fake_put32(&f, block, 2);
	fake_put64(&f, block + 8, 0x300);
	fake_put64(&f, block + 0x10, 1);
	fake_put64(&f, block + 0x18, 0x100);
	fake_put64(&f, block + 0x20, 0x400);
	fake_put64(&f, block + 0x28, 0x200);
	fake_open(&f);
	ck_assert_uint_eq(f.k.physical_memory_bytes, 0x300u * 4096);
	ck_assert_str_eq(f.k.physical_memory_source, "MmPhysicalMemoryBlock");
	fake_free(&f);
	fake_machine(&f);
	fake_put32(&f, FAKE_SHARED_PAGE + 0x2e8, 0);
	fake_open(&f);
	ck_assert_uint_eq(f.k.physical_memory_bytes, 80u * 4096);
	fake_free(&f);
}
END_TEST

/* _EPROCESS of 19041: UniqueProcessId 440, ActiveProcessLinks 448, Session 558, ImageFileName 5a8. */
static uint64_t add_process(struct fake *f, unsigned i, unsigned n, uint64_t pid, uint64_t dtb, const char *name)
{
	uint64_t va = FAKE_POOL + 0xa00000 + i * (uint64_t)0x1000;
	fake_put64(f, va + 0x28, dtb);
	fake_put64(f, va + 0x440, pid);
	fake_put64(f, va + 0x448, i + 1 == n ? FAKE_PROCESS_HEAD : va + 0x1448);
	fake_put64(f, va + 0x450, i == 0 ? FAKE_PROCESS_HEAD : va - 0x1000 + 0x448);
	fake_put(f, va + 0x5a8, name, strlen(name));
	if (i == 0)
		fake_put64(f, FAKE_PROCESS_HEAD, va + 0x448);
	if (i + 1 == n)
		fake_put64(f, FAKE_PROCESS_HEAD + 8, va + 0x448);
	return va;
}

struct seen {
	unsigned n;
	struct psc_process p[8];
};

static bool see(void *arg, const struct psc_process *p)
{
	struct seen *s = arg;
	ck_assert_uint_lt(s->n, 8);
	s->p[s->n++] = *p;
	return true;
}

START_TEST(processes)
{
	struct fake f;
	struct seen s = {0};
	struct psc_error e;
	fake_machine(&f);
	fake_open(&f);
	ck_assert_int_eq(psc_kernel_processes(&f.k, see, &s, &e), PSC_OK);
	ck_assert_uint_eq(s.n, 0);
	fake_free(&f);
	fake_machine(&f);
	add_process(&f, 0, 3, 4, 0, "System");
	uint64_t second = add_process(&f, 1, 3, 600, 0x7000, "exactly15chars.");
	add_process(&f, 2, 3, 700, 0x8000, "b\x1b");
	fake_put64(&f, second + 0x558, 0xffffb00000001000u);
	fake_open(&f);
	ck_assert_int_eq(psc_kernel_processes(&f.k, see, &s, &e), PSC_OK);
	ck_assert_uint_eq(s.n, 3);
	ck_assert_str_eq(s.p[0].image_file_name, "System");
	ck_assert_str_eq(s.p[1].image_file_name, "exactly15chars.");
	ck_assert_str_eq(s.p[2].image_file_name, "b?");
	ck_assert_uint_eq(s.p[1].eprocess, second);
	ck_assert_uint_eq(s.p[1].pid, 600);
	ck_assert_uint_eq(s.p[1].directory_table_base, 0x7000);
	ck_assert_uint_eq(s.p[1].session, 0xffffb00000001000u);
	fake_free(&f);
	memset(&s, 0, sizeof(s));
	fake_machine(&f);
	add_process(&f, 0, 3, 4, 0, "System");
	second = add_process(&f, 1, 3, 600, 0x7000, "a");
	add_process(&f, 2, 3, 700, 0x8000, "b");
	fake_put64(&f, second + 0x448, second + 0x448);
	fake_open(&f);
	ck_assert_int_eq(psc_kernel_processes(&f.k, see, &s, &e), PSC_E_CORRUPT);
	ck_assert_uint_eq(s.n, 2);
	fake_free(&f);
}
END_TEST

START_TEST(wrong_directory_table_base)
{
	struct fake f;
	fake_machine(&f);
	uint64_t junk = fake_alloc(&f);
	fake_header(&f, 0x10, junk << 12, 8);
	fake_open(&f);
	ck_assert(f.k.space_is_proven);
	ck_assert_uint_eq(f.k.space.top_pa, f.top_pfn << 12);
	ck_assert(fake_warned(&f, "leads to no kernel"));
	ck_assert_uint_eq(f.k.n_loaded, 3);
	fake_free(&f);
}
END_TEST

/* The header's tables are those of a process that lacks one kernel entry. */
START_TEST(system_tables)
{
	struct fake f;
	fake_machine(&f);
	fake_page(&f, 0xffffc00000000000u);
	add_process(&f, 0, 1, 4, f.top_pfn << 12, "System");
	uint64_t other = fake_alloc(&f);
	memcpy(fake_frame(&f, other), fake_frame(&f, f.top_pfn), 4096);
	fake_store(fake_frame(&f, other) + 8 * FAKE_SELF_SLOT, other << 12 | 0x63, 8);
	fake_store(fake_frame(&f, other) + 8 * 0x180, 0, 8);
	fake_header(&f, 0x10, other << 12, 8);
	fake_open(&f);
	ck_assert_uint_eq(f.k.space.top_pa, f.top_pfn << 12);
	ck_assert_uint_eq(f.k.n_loaded, 3);
	fake_free(&f);
}
END_TEST

/* Nothing but the header makes sense: still described, with warnings. */
START_TEST(empty_memory)
{
	struct fake f;
	fake_new(&f, 20);
	memset(fake_frame(&f, f.top_pfn), 0, 4096);
	fake_open(&f);
	ck_assert_str_eq(f.k.kdbg.state, "missing");
	ck_assert_uint_eq(f.k.base, 0);
	ck_assert_uint_eq(f.k.n_modules, 0);
	ck_assert_uint_eq(f.k.id.build, FAKE_BUILD);
	ck_assert_str_eq(f.k.version, "10.0.19041");
	ck_assert_uint_gt(f.k.warnings.n, 0);
	fake_free(&f);
}
END_TEST

UNIT_MAIN("kernel_find", nt_versions, processors_with_holes, memory_totals, processes, wrong_directory_table_base,
	  system_tables, empty_memory)
