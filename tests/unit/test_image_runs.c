/* SPDX-License-Identifier: MIT */
#include "test_image_build.h"

static void put_run(struct file *f, bool wide, unsigned i, uint64_t pfn, uint64_t n)
{
	if (wide) {
		put64(f, 0x98 + 16 * i, pfn);
		put64(f, 0xa0 + 16 * i, n);
	} else {
		put32(f, 0x6c + 8 * i, (uint32_t)pfn);
		put32(f, 0x70 + 8 * i, (uint32_t)n);
	}
}

static void put_block(struct file *f, bool wide, uint32_t n_runs, uint64_t n_pages)
{
	put32(f, wide ? 0x88 : 0x64, n_runs);
	if (wide)
		put64(f, 0x90, n_pages);
	else
		put32(f, 0x68, (uint32_t)n_pages);
}

/* Runs {1,2} {4,3} {0x100,1}; {4,3} and {1,2} leave page 3 as a hole. */
static struct file three_runs(bool wide)
{
	static const uint64_t pfns[] = {1, 2, 4, 5, 6, 0x100};
	size_t header = wide ? 0x2000 : 0x1000;
	struct file f = new_dump(wide, 1, header + 6 * 4096);
	put_block(&f, wide, 3, 6);
	put_run(&f, wide, 0, 1, 2);
	put_run(&f, wide, 1, 4, 3);
	put_run(&f, wide, 2, 0x100, 1);
	for (unsigned i = 0; i < 6; i++)
		put_page(&f, header + 4096 * i, pfns[i]);
	return f;
}

START_TEST(test_three_runs_and_a_hole)
{
	for (int wide = 0; wide < 2; wide++) {
		uint64_t h = wide ? 0x2000 : 0x1000;
		struct file f = three_runs(wide);
		struct opened o = open_good(&f);
		ck_assert_int_eq(psc_image_get_kind(o.img), PSC_IMAGE_PHYSICAL);
		ck_assert_int_eq(psc_image_dump_type(o.img), PSC_DUMP_FULL);
		expect_no_page(o.img, 0, PSC_PAGE_HOLE);
		expect_page(o.img, 1, h);
		expect_page(o.img, 2, h + 0x1000);
		expect_no_page(o.img, 3, PSC_PAGE_HOLE);
		expect_page(o.img, 4, h + 0x2000);
		expect_page(o.img, 6, h + 0x4000);
		expect_no_page(o.img, 7, PSC_PAGE_HOLE);
		expect_page(o.img, 0x100, h + 0x5000);
		expect_no_page(o.img, 0x101, PSC_PAGE_HOLE);
		expect_no_page(o.img, UINT64_MAX >> 12, PSC_PAGE_HOLE);
		uint64_t off;
		ck_assert_int_eq(psc_image_locate(o.img, UINT64_MAX, &off), PSC_PAGE_HOLE);
		ck_assert_uint_eq(psc_image_contiguous(o.img, 4, 100, &off), 3);
		ck_assert_uint_eq(psc_image_contiguous(o.img, 5, 100, &off), 2);
		ck_assert_uint_eq(psc_image_contiguous(o.img, 4, 2, &off), 2);
		ck_assert_uint_eq(psc_image_contiguous(o.img, 4, 0, &off), 1);
		ck_assert_uint_eq(psc_image_pages_described(o.img), 6);
		ck_assert_uint_eq(psc_image_pages_present(o.img), 6);
		ck_assert_uint_eq(psc_image_highest_pfn(o.img), 0x100);
		ck_assert_uint_eq(psc_image_expected_size(o.img), f.size);
		ck_assert(!psc_image_is_truncated(o.img));
		ck_assert_uint_eq(psc_image_warnings(o.img)->n, 0);
		close_opened(&o);
		free(f.bytes);
	}
}
END_TEST

START_TEST(test_read_across_pages)
{
	struct file f = three_runs(true);
	struct opened o = open_good(&f);
	uint8_t *buf = malloc(0x10000);
	ck_assert_uint_eq(psc_image_read_pa(o.img, 0x4ff8, buf, 16), 16);
	ck_assert_mem_eq(buf, f.bytes + 0x4ff8, 16);
	ck_assert_uint_eq(psc_image_read_pa(o.img, 0x1000, buf, 0x10000), 0x2000);
	ck_assert_mem_eq(buf, f.bytes + 0x2000, 0x2000);
	ck_assert_uint_eq(psc_image_read_pa(o.img, 0x4001, buf, 0x10000), 0x2fff);
	ck_assert_mem_eq(buf, f.bytes + 0x4001, 0x2fff);
	ck_assert_uint_eq(psc_image_read_pa(o.img, 0x3fff, buf, 4), 0);
	ck_assert_uint_eq(psc_image_read_pa(o.img, UINT64_MAX - 1, buf, 0x10000), 0);
	ck_assert_uint_eq(psc_image_read_pa(o.img, 0x1000, buf, 0), 0);
	free(buf);
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_runs_out_of_order)
{
	struct file f = new_dump(true, 1, 0x2000 + 5 * 4096);
	put_block(&f, true, 4, 5);
	put_run(&f, true, 0, 0x20, 2);
	put_run(&f, true, 1, 0x10, 1);
	put_run(&f, true, 2, 0x999, 0); /* empty */
	put_run(&f, true, 3, 0x11, 2);  /* joins the second, in memory and in the file */
	put_page(&f, 0x2000, 0x20);
	put_page(&f, 0x3000, 0x21);
	put_page(&f, 0x4000, 0x10);
	put_page(&f, 0x5000, 0x11);
	struct opened o = open_good(&f);
	expect_page(o.img, 0x20, 0x2000);
	expect_page(o.img, 0x21, 0x3000);
	expect_page(o.img, 0x10, 0x4000);
	expect_page(o.img, 0x11, 0x5000);
	uint64_t off;
	ck_assert_uint_eq(psc_image_contiguous(o.img, 0x10, 9, &off), 3);
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_wrong_sum_is_a_warning)
{
	struct file f = three_runs(true);
	put64(&f, 0x90, 7);
	struct opened o = open_good(&f);
	ck_assert(has_warning(o.img, "counts 7 physical pages, its runs hold 6"));
	expect_page(o.img, 0x100, 0x7000);
	close_opened(&o);
	put64(&f, 0x90, 0x4547415045474150u); /* never written: nothing to compare */
	o = open_good(&f);
	ck_assert_uint_eq(psc_image_warnings(o.img)->n, 0);
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_bad_runs)
{
	struct file f = three_runs(true);
	put_run(&f, true, 1, 2, 3);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "overlap");
	put_run(&f, true, 1, UINT64_MAX, 3);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "impossible");
	put_run(&f, true, 1, 4, UINT64_MAX);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "impossible");
	put_run(&f, true, 0, 0, (uint64_t)1 << 40);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "run");
	put_block(&f, true, 44, 6);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "claims 44 runs");
	free(f.bytes);
	f = three_runs(false);
	put_block(&f, false, 87, 6);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "claims 87 runs");
	put_run(&f, false, 1, 2, 3);
	put_block(&f, false, 3, 6);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "overlap");
	free(f.bytes);
}
END_TEST

START_TEST(test_most_runs_there_is_room_for)
{
	for (int wide = 0; wide < 2; wide++) {
		unsigned n = wide ? 43 : 86;
		size_t h = wide ? 0x2000 : 0x1000;
		struct file f = new_dump(wide, 1, h + n * 4096);
		put_block(&f, wide, n, n);
		for (unsigned i = 0; i < n; i++) {
			put_run(&f, wide, i, 3 * i, 1);
			put_page(&f, h + 4096 * i, 3 * i);
		}
		struct opened o = open_good(&f);
		for (unsigned i = 0; i < n; i++) {
			expect_page(o.img, 3 * i, h + 4096 * i);
			expect_no_page(o.img, 3 * i + 1, PSC_PAGE_HOLE);
		}
		close_opened(&o);
		free(f.bytes);
	}
}
END_TEST

START_TEST(test_truncated_at_every_page)
{
	static const uint64_t pfns[] = {1, 2, 4, 5, 6, 0x100};
	struct file f = three_runs(true);
	for (unsigned kept = 0; kept < 6; kept++) {
		for (size_t extra = 0; extra < 4096; extra += 4095) {
			struct file cut = {f.bytes, 0x2000 + 4096 * kept + extra};
			struct opened o = open_good(&cut);
			ck_assert(psc_image_is_truncated(o.img));
			ck_assert_uint_eq(psc_image_pages_present(o.img), kept);
			ck_assert_uint_eq(psc_image_pages_described(o.img), 6);
			ck_assert_uint_eq(psc_image_expected_size(o.img), f.size);
			ck_assert(has_warning(o.img, "of 6 pages present (file ends at 0x"));
			for (unsigned i = 0; i < 6; i++) {
				if (i < kept)
					expect_page(o.img, pfns[i], 0x2000 + 4096 * i);
				else
					expect_no_page(o.img, pfns[i], PSC_PAGE_TRUNCATED);
			}
			expect_no_page(o.img, 3, PSC_PAGE_HOLE);
			close_opened(&o);
		}
	}
	free(f.bytes);
}
END_TEST

START_TEST(test_contiguous_stops_at_the_end_of_the_file)
{
	struct file f = three_runs(true);
	struct file cut = {f.bytes, 0x2000 + 4 * 4096};
	struct opened o = open_good(&cut);
	uint64_t off;
	ck_assert_uint_eq(psc_image_contiguous(o.img, 4, 100, &off), 2);
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_no_dump_type)
{
	static const uint32_t types[] = {0, FILL32};
	for (unsigned i = 0; i < 2; i++) {
		struct file f = three_runs(false);
		put32(&f, 0xf88, types[i]);
		struct opened o = open_good(&f);
		ck_assert_int_eq(psc_image_dump_type(o.img), PSC_DUMP_FULL);
		ck_assert(has_warning(o.img, "names no dump type"));
		expect_page(o.img, 0x100, 0x1000 + 5 * 4096);
		close_opened(&o);
		free(f.bytes);
	}
}
END_TEST

START_TEST(test_wrong_type_but_exact_size_of_a_full_dump)
{
	struct file f = three_runs(true);
	put32(&f, 0xf98, 5);
	struct opened o = open_good(&f);
	ck_assert_int_eq(psc_image_dump_type(o.img), PSC_DUMP_FULL);
	ck_assert(has_warning(o.img, "DumpType is 5"));
	close_opened(&o);
	expect_failure(f.bytes, f.size - 1, PSC_E_CORRUPT, "no SDMP or FDMP");
	free(f.bytes);
}
END_TEST

START_TEST(test_trailing_bytes_are_fine)
{
	struct file f = three_runs(true);
	struct file longer = new_file(f.size + 777);
	put_bytes(&longer, 0, f.bytes, f.size);
	struct opened o = open_good(&longer);
	ck_assert(!psc_image_is_truncated(o.img));
	ck_assert_uint_eq(psc_image_warnings(o.img)->n, 0);
	ck_assert_uint_eq(psc_image_expected_size(o.img), f.size);
	close_opened(&o);
	free(longer.bytes);
	free(f.bytes);
}
END_TEST

UNIT_MAIN("image_runs", test_three_runs_and_a_hole, test_read_across_pages, test_runs_out_of_order,
	  test_wrong_sum_is_a_warning, test_bad_runs, test_most_runs_there_is_room_for, test_truncated_at_every_page,
	  test_contiguous_stops_at_the_end_of_the_file, test_no_dump_type,
	  test_wrong_type_but_exact_size_of_a_full_dump, test_trailing_bytes_are_fine)
