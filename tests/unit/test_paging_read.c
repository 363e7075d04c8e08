/* SPDX-License-Identifier: MIT */
/* Reads through translation, through pread-only sources, and from the saved ranges of a triage dump. */
#include "test_paging_mem.h"
#include <stdio.h>

#define KVA 0xffffa08000000000u
#define TOP 0x1000u

static const struct pm_run ram[] = {{1, 127}};
static const struct psc_softpte soft = {true, BIT45, true};

static void machine(struct pm *m)
{
	pm_init(m, true, 19041, ram, 1);
	m->next_pfn = 2;
	pm_map(m, PSC_MMU_X64, TOP, KVA, 0, 0x41000 | P_V);
	pm_map(m, PSC_MMU_X64, TOP, KVA + 0x1000, 0, (0x20000 | 4 << 5 | 0x800) ^ BIT45);
	pm_map(m, PSC_MMU_X64, TOP, KVA + 0x2000, 0, ((uint64_t)5 << 32 | 0x84) ^ BIT45);
	pm_map(m, PSC_MMU_X64, TOP, KVA + 0x3000, 0, 0x42000 | P_V);
	pm_map(m, PSC_MMU_X64, TOP, KVA + 0x4000, 0, P_V); /* frame 0 is a hole */
	pm_map(m, PSC_MMU_X64, TOP, KVA + 0x5000, 0, 0xfffff000 | P_V);
	pm_map(m, PSC_MMU_X64, TOP, 0xfffffffffffff000, 0, 0x43000 | P_V);
	memset(pm_at(m, 0x41000), 'a', 4096);
	memset(pm_at(m, 0x20000), 'b', 4096);
	memset(pm_at(m, 0x42000), 'c', 4096);
	memset(pm_at(m, 0x43000), 'd', 4096);
}

static void check_reads(struct psc_reader *r)
{
	uint8_t *buf = malloc(0x5000);
	struct psc_error err = {0};
	memset(buf, 0, 0x5000);
	ck_assert_uint_eq(psc_read_va(r, KVA + 0x800, buf, 0x4000), 0x1800);
	ck_assert(buf[0] == 'a' && buf[0x7ff] == 'a' && buf[0x800] == 'b' && buf[0x17ff] == 'b' && buf[0x1800] == 0);
	ck_assert_uint_eq(psc_read_va(r, KVA + 0x2000, buf, 16), 0);
	ck_assert_uint_eq(psc_read_va(r, KVA + 0x2000, buf, 0), 0);
	ck_assert_uint_eq(psc_read_va(r, 0xfffffffffffffff0, buf, 32), 16);
	ck_assert_int_eq(psc_read_va_exact(r, KVA + 0xff8, buf, 16, &err), PSC_OK);
	ck_assert(memcmp(buf, "aaaaaaaabbbbbbbb", 16) == 0);
	ck_assert_int_eq(psc_read_va_exact(r, KVA + 0x6000, buf, 0, &err), PSC_OK);

	ck_assert_int_eq(psc_read_va_exact(r, KVA + 0x1ff8, buf, 16, &err), PSC_E_NOT_PRESENT);
	ck_assert(err.where == PSC_WHERE_VA && err.pos == KVA + 0x2000);
	ck_assert_ptr_nonnull(strstr(err.text, "paged out"));
	ck_assert_int_eq(psc_read_va_exact(r, KVA + 0x4000, buf, 1, &err), PSC_E_NOT_PRESENT);
	ck_assert_ptr_nonnull(strstr(err.text, "no memory"));
	ck_assert_int_eq(psc_read_va_exact(r, KVA + 0x5000, buf, 1, &err), PSC_E_CORRUPT);
	ck_assert_int_eq(psc_read_va_exact(r, KVA + 0x6000, buf, 1, &err), PSC_E_NOT_FOUND);
	ck_assert_int_eq(psc_read_va_exact(r, 0xfffffffffffffff8, buf, 16, &err), PSC_E_CORRUPT);

	uint8_t u8;
	uint32_t u32;
	uint64_t u64 = 1, ptr;
	ck_assert(psc_read_u8(r, KVA + 0xfff, &u8) && u8 == 'a');
	ck_assert(psc_read_u32(r, KVA + 0xffe, &u32) && u32 == 0x62626161);
	ck_assert(psc_read_u64(r, KVA + 0xffc, &u64) && u64 == 0x6262626261616161);
	ck_assert(psc_read_ptr(r, KVA + 0xff8, &ptr) && ptr == 0x6161616161616161);
	ck_assert(!psc_read_u64(r, KVA + 0x1ffc, &u64) && u64 == 0x6262626261616161);
	ck_assert(!psc_read_u8(r, KVA + 0x2000, &u8));
	ck_assert_uint_eq(psc_pointer_bytes(r->sp), 8);

	struct psc_xlate x;
	const uint8_t *page = psc_page_at(r, KVA + 0x1234, &x);
	ck_assert_ptr_nonnull(page);
	ck_assert(page[0] == 'b' && page[4095] == 'b' && x.state == PSC_VA_TRANSITION && x.pa == 0x20234);
	page = psc_page_at(r, KVA + 0x3000, &x);
	ck_assert(page && page[0] == 'c');
	ck_assert_ptr_null(psc_page_at(r, KVA + 0x2000, &x));
	ck_assert(x.state == PSC_VA_PAGED_OUT && x.pagefile_page == 5);
	free(buf);
}

static void check_runs(struct psc_reader *r)
{
	struct psc_run_iter it;
	struct psc_va_run run;
	static const uint64_t vas[] = {KVA,          KVA + 0x1000, KVA + 0x2000,      KVA + 0x3000,
				       KVA + 0x4000, KVA + 0x5000, 0xfffffffffffff000};
	size_t n = 0;
	uint8_t byte;
	psc_run_iter_init(&it, r, 0, 0, 0);
	while (psc_run_iter_next(&it, &run, NULL) == PSC_OK) {
		ck_assert_uint_lt(n, sizeof(vas) / sizeof(*vas));
		ck_assert_uint_eq(run.va, vas[n++]);
		(void)psc_read_u8(r, KVA + 0x3000, &byte); /* the reader is shared with other work */
		(void)psc_read_u8(r, 0xfffffffffffff000, &byte);
	}
	ck_assert_uint_eq(n, sizeof(vas) / sizeof(*vas));
}

START_TEST(in_place)
{
	struct pm m;
	struct psc_space sp;
	machine(&m);
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_X64, TOP, &soft);
	check_reads(r);
	check_runs(r);
	free(r);
	pm_close(&m);
}
END_TEST

START_TEST(without_mapping)
{
	struct pm m;
	struct psc_space sp;
	struct psc_source_options opts = {.no_mmap = true};
	struct psc_error err = {0};
	char path[] = "test_paging_read.dmp";
	machine(&m);
	FILE *f = fopen(path, "wb");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(m.bytes, 1, m.size, f), m.size);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_msg(psc_source_open_file(path, &opts, &m.src, &err) == PSC_OK, "%s", err.text);
	ck_assert_ptr_null(psc_source_view(m.src, 0, 16));
	ck_assert_int_eq(psc_image_open(m.src, &m.img, &err), PSC_OK);
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_X64, TOP, &soft);
	check_reads(r);
	check_runs(r);
	free(r);
	pm_close(&m);
	remove(path);
}
END_TEST

/* reference: dumps 10: header at 0x2000, data blocks {va, u32 offset, u32 size} */
START_TEST(saved_ranges)
{
	struct pm m;
	struct psc_space sp;
	pm_init(&m, true, 19041, ram, 1);
	m.size = 0x6000;
	uint8_t *t = m.bytes + 0x2000;
	memset(t, 0, 0x4000);
	pm_put(m.bytes + 0xf98, 4, 4);
	pm_put(t + 4, 0x6000, 4);
	pm_put(t + 8, 0x5ffc, 4);
	memcpy(m.bytes + 0x5ffc, "TRGD", 4);
	pm_put(t + 0x78, 0x2100, 4);
	pm_put(t + 0x7c, 4, 4);
	static const uint64_t blocks[][3] = {{KVA, 0x3000, 0x1000},
					     {KVA + 0x1000, 0x4000, 0x100},
					     {KVA + 0x1200, 0x4200, 8},
					     {KVA + 0x9000, 0x4300, 4}};
	for (size_t i = 0; i < 4; i++) {
		pm_put(m.bytes + 0x2100 + i * 16, blocks[i][0], 8);
		pm_put(m.bytes + 0x2100 + i * 16 + 8, blocks[i][1], 4);
		pm_put(m.bytes + 0x2100 + i * 16 + 12, blocks[i][2], 4);
	}
	memset(m.bytes + 0x3000, 'a', 0x1000);
	memset(m.bytes + 0x4000, 'b', 0x100);
	struct psc_reader *r = pm_reader(&m, &sp, PSC_MMU_X64, TOP, &soft);
	ck_assert_int_eq(sp.mmu, PSC_MMU_NONE);
	struct psc_xlate x = psc_translate(r, KVA + 0x10);
	ck_assert(x.state == PSC_VA_PRESENT && x.presence == PSC_PAGE_PRESENT && x.span_bytes == 0xff0);
	pm_expect(r, KVA + 0x1100, PSC_VA_UNKNOWN, 0x100);
	pm_expect(r, KVA - 1, PSC_VA_UNKNOWN, 1);
	pm_expect(r, KVA + 0x9004, PSC_VA_UNKNOWN, 0 - (KVA + 0x9004));
	uint8_t buf[0x200];
	uint64_t u64;
	struct psc_error err;
	ck_assert_uint_eq(psc_read_va(r, KVA + 0xff8, buf, 16), 16);
	ck_assert(memcmp(buf, "aaaaaaaabbbbbbbb", 16) == 0);
	ck_assert_uint_eq(psc_read_va(r, KVA + 0x1080, buf, 0x200), 0x80);
	ck_assert_int_eq(psc_read_va_exact(r, KVA + 0x1080, buf, 0x200, &err), PSC_E_NOT_PRESENT);
	ck_assert_uint_eq(err.pos, KVA + 0x1100);
	ck_assert(psc_read_u64(r, KVA + 0xffc, &u64) && u64 == 0x6262626261616161);
	ck_assert(!psc_read_u64(r, KVA + 0x9000, &u64));
	const uint8_t *page = psc_page_at(r, KVA + 0x800, &x);
	ck_assert(page && page[0] == 'a' && page[4095] == 'a');
	ck_assert_ptr_null(psc_page_at(r, KVA + 0x1000, &x));
	ck_assert(x.presence != PSC_PAGE_PRESENT);
	ck_assert(!psc_space_has_kuser(&sp) && psc_space_plausibility(&sp) == 0);
	ck_assert(psc_is_kernel_va(&sp, KVA) && !psc_is_kernel_va(&sp, 0x1000));

	struct psc_run_iter it;
	struct psc_va_run run;
	static const struct {
		uint64_t va, size;
		enum psc_va_state state;
	} runs[] = {{0, KVA, PSC_VA_UNKNOWN},
		    {KVA, 0x1100, PSC_VA_PRESENT},
		    {KVA + 0x1100, 0x100, PSC_VA_UNKNOWN},
		    {KVA + 0x1200, 8, PSC_VA_PRESENT},
		    {KVA + 0x1208, 0x7df8, PSC_VA_UNKNOWN},
		    {KVA + 0x9000, 4, PSC_VA_PRESENT},
		    {KVA + 0x9004, 0 - (KVA + 0x9004), PSC_VA_UNKNOWN}};
	psc_run_iter_init(&it, r, 0, 0, 0);
	for (size_t i = 0; i < 7; i++) {
		ck_assert_int_eq(psc_run_iter_next(&it, &run, NULL), PSC_OK);
		ck_assert(run.va == runs[i].va && run.size_bytes == runs[i].size && run.state == runs[i].state);
	}
	ck_assert_int_eq(psc_run_iter_next(&it, &run, NULL), PSC_DONE);
	free(r);
	pm_close(&m);
}
END_TEST

UNIT_MAIN("paging reads", in_place, without_mapping, saved_ranges)
