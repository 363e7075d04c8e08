/* SPDX-License-Identifier: MIT */
/* Containers without a Windows header: raw with and without a map, LiME, ELF cores. */
#include "test_image_build.h"

static struct psc_image *open_raw(struct opened *o, const struct file *f, const struct psc_run_map *map, size_t n)
{
	struct psc_image_options io = {.is_raw = true, .map = map, .n_map = n};
	struct psc_source_options so;
	memset(&so, 0, sizeof(so));
	memset(o, 0, sizeof(*o));
	ck_assert_int_eq(psc_source_open_mem(f->bytes, f->size, &so, &o->src, &o->error), PSC_OK);
	o->status = psc_image_open_with(o->src, &io, &o->img, &o->error);
	return o->img;
}

START_TEST(raw_is_identity)
{
	struct file f = new_file(3 * 4096);
	struct opened o;
	put_page(&f, 0, 0);
	put_page(&f, 0x2000, 2);
	o = open_good(&f);
	ck_assert_str_eq(psc_image_format(o.img), "raw");
	ck_assert(!psc_image_has_header(o.img));
	expect_page(o.img, 0, 0);
	expect_page(o.img, 2, 0x2000);
	expect_no_page(o.img, 3, PSC_PAGE_HOLE);
	ck_assert_uint_eq(psc_image_pages_present(o.img), 3);
	ck_assert_uint_eq(psc_image_highest_pfn(o.img), 2);
	close_opened(&o);
	put_bytes(&f, 0, "PAGEDU64", 8); /* asked for by name: whatever it begins with */
	ck_assert_ptr_nonnull(open_raw(&o, &f, NULL, 0));
	expect_page(o.img, 2, 0x2000);
	close_opened(&o);
	f.size -= 5;
	ck_assert_ptr_nonnull(open_raw(&o, &f, NULL, 0));
	ck_assert_uint_eq(psc_image_pages_present(o.img), 2);
	ck_assert(has_warning(o.img, "last 4091 bytes"));
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(raw_with_a_map)
{
	static const struct psc_run_map good[] = {{0x100000000u, 0x2000, 0x1000}, {0x1000, 0x1000, 0}};
	static const struct psc_run_map bad[][2] = {
		{{0x1000, 0x2000, 0}, {0x2000, 0x1000, 0x2000}}, /* overlap */
		{{0x1000, 0x1000, 0}, {0x2010, 0x1000, 0x1000}}, /* alignment */
		{{0x1000, 0x1000, 0}, {0x2000, 0, 0x1000}},
		{{0x1000, 0x1000, 0}, {0xfffffffffffff000u, 0x1000, 0x1000}},
		{{0x1000, 0x1000, 0}, {0x2000, 0xfffffffffffff000u, 0x1000}},
		{{0x1000, 0x1000, 0}, {0x2000, 0x1000, 0xfffffffffffff000u}},
	};
	struct file f = new_file(3 * 4096);
	struct opened o;
	put_page(&f, 0, 1);
	put_page(&f, 0x2000, 0x100001);
	ck_assert_ptr_nonnull(open_raw(&o, &f, good, 2));
	expect_page(o.img, 1, 0);
	expect_page(o.img, 0x100001, 0x2000);
	expect_no_page(o.img, 0, PSC_PAGE_HOLE);
	close_opened(&o);
	f.size = 0x2000; /* the map promises more than there is */
	ck_assert_ptr_nonnull(open_raw(&o, &f, good, 2));
	expect_no_page(o.img, 0x100001, PSC_PAGE_TRUNCATED);
	ck_assert(psc_image_is_truncated(o.img));
	ck_assert_uint_eq(psc_image_pages_present(o.img), 2);
	close_opened(&o);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(open_raw(&o, &f, bad[i], 2) == NULL, "map %zu", i);
		close_opened(&o);
	}
	free(f.bytes);
}
END_TEST

static size_t lime_record(struct file *f, size_t at, uint64_t start, uint64_t last)
{
	put_bytes(f, at, "EMiL", 4);
	put32(f, at + 4, 1);
	put64(f, at + 8, start);
	put64(f, at + 16, last);
	return at + 0x20;
}

START_TEST(lime)
{
	struct file f = new_file(0x40 + 3 * 4096);
	size_t second = 0x20 + 0x1000;
	put_page(&f, lime_record(&f, 0, 0x1000, 0x1fff), 1);
	lime_record(&f, second, 0x100000, 0x101fff);
	put_page(&f, second + 0x1020, 0x101);
	struct opened o = open_good(&f);
	ck_assert_str_eq(psc_image_format(o.img), "lime");
	expect_page(o.img, 1, 0x20);
	expect_page(o.img, 0x101, second + 0x1020);
	expect_no_page(o.img, 2, PSC_PAGE_HOLE);
	ck_assert_uint_eq(psc_image_pages_described(o.img), 3);
	close_opened(&o);
	f.size -= 1;
	o = open_good(&f);
	expect_no_page(o.img, 0x101, PSC_PAGE_TRUNCATED);
	close_opened(&o);
	f.size += 1;
	put32(&f, second + 4, 2);
	expect_failure(f.bytes, f.size, PSC_E_UNSUPPORTED, "LiME version 2");
	put32(&f, second + 4, 1);
	put64(&f, second + 16, 0xfffff); /* ends before it starts */
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "LiME record 1");
	put64(&f, second + 16, UINT64_MAX);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "LiME record 1");
	put64(&f, second + 8, 0x1000); /* twice the same memory */
	put64(&f, second + 16, 0x2fff);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "overlap");
	put_bytes(&f, second, "EMiX", 4);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "LiME record 1");
	expect_failure(f.bytes, 31, PSC_E_TRUNCATED, "LiME");
	free(f.bytes);
}
END_TEST

static void elf_header(struct file *f, unsigned machine, unsigned n_ph)
{
	put_bytes(f, 0, "\177ELF\2\1\1", 7);
	put16(f, 16, 4);
	put16(f, 18, (uint16_t)machine);
	put64(f, 32, 64);
	put16(f, 54, 56);
	put16(f, 56, (uint16_t)n_ph);
}

static void elf_segment(struct file *f, unsigned i, uint32_t type, uint64_t off, uint64_t pa, uint64_t n)
{
	size_t at = 64 + 56 * i;
	put32(f, at, type);
	put64(f, at + 8, off);
	put64(f, at + 24, pa);
	put64(f, at + 32, n);
	put64(f, at + 40, n + 0x5000); /* more in memory than in the file: absent */
}

START_TEST(elf_core)
{
	struct file f = new_file(0x6000);
	elf_header(&f, 0x3e, 4);
	elf_segment(&f, 0, 4, 0x400, 0, 20 + 0x1b0);
	elf_segment(&f, 1, 1, 0x1010, 0x1000, 0x1000);
	elf_segment(&f, 2, 1, 0x2ff0, 0xffff0, 0x2010); /* begins inside a page */
	elf_segment(&f, 3, 1, 0, 0x500000, 0);
	put32(&f, 0x400, 5);
	put32(&f, 0x404, 0x1b0);
	put_bytes(&f, 0x40c, "QEMU", 5);
	put64(&f, 0x414 + 0x1a0, 0x1ad000);
	put64(&f, 0x414 + 0x108, 0xfffff80000000000u);
	put_page(&f, 0x1010, 1);
	put_page(&f, 0x3000, 0x100);
	struct opened o = open_good(&f);
	ck_assert_str_eq(psc_image_format(o.img), "elf");
	ck_assert_int_eq(psc_image_header(o.img)->machine, PSC_MACHINE_X64);
	expect_page(o.img, 1, 0x1010);
	expect_page(o.img, 0x100, 0x3000);
	expect_no_page(o.img, 0xff, PSC_PAGE_HOLE);
	expect_no_page(o.img, 0x500, PSC_PAGE_HOLE);
	size_t n;
	const struct psc_image_cpu *cpu = psc_image_cpus(o.img, &n);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(cpu->cr3, 0x1ad000);
	ck_assert_uint_eq(cpu->gs_base, 0xfffff80000000000u);
	close_opened(&o);
	/* The number of program headers behind PN_XNUM; version 0 as VirtualBox writes it. */
	put16(&f, 56, 0xffff);
	put64(&f, 40, 0x300);
	put32(&f, 0x300 + 44, 4);
	o = open_good(&f);
	expect_page(o.img, 0x100, 0x3000);
	close_opened(&o);
	put32(&f, 0x300 + 44, 0x7fffffff);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "program headers");
	put64(&f, 40, UINT64_MAX - 1);
	expect_failure(f.bytes, f.size, PSC_E_TRUNCATED, "program headers");
	put16(&f, 56, 2);
	put64(&f, 32, UINT64_MAX - 8);
	expect_failure(f.bytes, f.size, PSC_E_TRUNCATED, "program header 0");
	put64(&f, 32, 64);
	put16(&f, 56, 1); /* only notes */
	expect_failure(f.bytes, f.size, PSC_E_UNSUPPORTED, "without memory segments");
	put16(&f, 56, 4);
	put16(&f, 18, 21);
	expect_failure(f.bytes, f.size, PSC_E_UNSUPPORTED, "machine 21");
	put16(&f, 18, 3);
	put16(&f, 16, 2);
	expect_failure(f.bytes, f.size, PSC_E_UNSUPPORTED, "not an ELF memory core");
	f.bytes[5] = 2;
	expect_failure(f.bytes, f.size, PSC_E_UNSUPPORTED, "byte order 2");
	expect_failure(f.bytes, 20, PSC_E_TRUNCATED, "ELF memory core");
	free(f.bytes);
}
END_TEST

START_TEST(elf_of_32_bit_class)
{
	struct file f = new_file(0x3000);
	put_bytes(&f, 0, "\177ELF\1\1\1", 7);
	put16(&f, 16, 4);
	put16(&f, 18, 3);
	put32(&f, 28, 52);
	put16(&f, 42, 32);
	put16(&f, 44, 1);
	put32(&f, 52, 1);
	put32(&f, 56, 0x1000);
	put32(&f, 64, 0x7000);
	put32(&f, 68, 0x2000);
	put_page(&f, 0x2000, 8);
	struct opened o = open_good(&f);
	ck_assert_int_eq(psc_image_header(o.img)->machine, PSC_MACHINE_X86);
	expect_page(o.img, 8, 0x2000);
	close_opened(&o);
	free(f.bytes);
}
END_TEST

UNIT_MAIN("image_memory", raw_is_identity, raw_with_a_map, lime, elf_core, elf_of_32_bit_class)
