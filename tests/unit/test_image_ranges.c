/* SPDX-License-Identifier: MIT */
#include "test_image_build.h"

struct range {
	uint64_t pfn, n;
};

/* The published example: six ranges, metadata of 0x70 bytes, first page at 0x2090. */
static const struct range published[6] = {{1, 0x9f},       {0x100, 0x91e},    {0xae3, 0x940d},
					  {0xa001, 0x1ff}, {0xa20d, 0xad0ed}, {0xbcffe, 0x1002}};

static struct file range_dump(uint32_t type, const struct range *r, size_t n, uint64_t metadata, size_t size)
{
	struct file f = new_dump(true, type, size);
	uint64_t n_pages = 0;
	put32(&f, 0x2000, 0x40);
	put_bytes(&f, 0x2004, "RDMPDUMP", 8);
	put64(&f, 0x2010, metadata);
	put64(&f, 0x2018, 0x2020 + metadata);
	for (size_t i = 0; i < n; i++) {
		put64(&f, 0x2030 + 16 * i, r[i].pfn);
		put64(&f, 0x2038 + 16 * i, r[i].n);
		n_pages += r[i].n;
	}
	put32(&f, 0x2020, (uint32_t)n);
	put64(&f, 0x2028, n_pages);
	return f;
}

START_TEST(test_published_example)
{
	struct file f = range_dump(10, published, 6, 0x70, 0x2090 + 0xa0 * 4096);
	uint64_t sum = 0;
	for (size_t i = 0; i < 6; i++)
		sum += published[i].n;
	put_page(&f, 0x2090, 1);
	put_page(&f, 0x2090 + 0x9e * 4096, 0x9f);
	put_page(&f, 0x2090 + 0x9f * 4096, 0x100);
	struct opened o = open_good(&f);
	ck_assert_int_eq(psc_image_dump_type(o.img), PSC_DUMP_RANGE_FULL);
	expect_page(o.img, 1, 0x2090);
	expect_page(o.img, 0x9f, 0x2090 + 0x9e * 4096);
	expect_page(o.img, 0x100, 0x2090 + 0x9f * 4096);
	expect_no_page(o.img, 0, PSC_PAGE_HOLE);
	expect_no_page(o.img, 0xa0, PSC_PAGE_HOLE);
	expect_no_page(o.img, 0x101, PSC_PAGE_TRUNCATED);
	expect_no_page(o.img, 0xbcffe + 0x1001, PSC_PAGE_TRUNCATED);
	expect_no_page(o.img, 0xbcffe + 0x1002, PSC_PAGE_HOLE);
	ck_assert_uint_eq(psc_image_highest_pfn(o.img), 0xbdfff);
	ck_assert_uint_eq(psc_image_pages_described(o.img), sum);
	ck_assert_uint_eq(psc_image_pages_present(o.img), 0xa0);
	ck_assert_uint_eq(psc_image_expected_size(o.img), 0x2090 + sum * 4096);
	ck_assert_uint_eq(psc_image_warnings(o.img)->n, 1);
	ck_assert(has_warning(o.img, "160 of "));
	uint64_t off;
	ck_assert_uint_eq(psc_image_contiguous(o.img, 1, 1000, &off), 0x9f);
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_kernel_ranges)
{
	static const struct range r[] = {{0x50, 1}, {0x10, 2}};
	for (uint32_t type = 8; type <= 9; type++) {
		struct file f = range_dump(type, r, 2, 0x30, 0x2050 + 3 * 4096);
		put64(&f, 0x2020, UINT64_MAX); /* meaning unknown: not looked at */
		put64(&f, 0x2028, UINT64_MAX);
		put_page(&f, 0x2050, 0x50);
		put_page(&f, 0x3050, 0x10);
		put_page(&f, 0x4050, 0x11);
		struct opened o = open_good(&f);
		ck_assert_int_eq(psc_image_dump_type(o.img), (int)type);
		expect_page(o.img, 0x50, 0x2050);
		expect_page(o.img, 0x10, 0x3050);
		expect_page(o.img, 0x11, 0x4050);
		expect_no_page(o.img, 0x12, PSC_PAGE_ABSENT);
		ck_assert_uint_eq(psc_image_warnings(o.img)->n, 0);
		close_opened(&o);
		free(f.bytes);
	}
}
END_TEST

START_TEST(test_zero_count_ends_the_table)
{
	static const struct range r[] = {{1, 1}, {2, 0}, {5, 1}};
	struct file f = range_dump(8, r, 3, 0x40, 0x2060 + 2 * 4096);
	struct opened o = open_good(&f);
	ck_assert_uint_eq(psc_image_pages_described(o.img), 1);
	expect_no_page(o.img, 5, PSC_PAGE_ABSENT);
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_many_ranges)
{
	enum { N = 1000 };
	static struct range r[N];
	for (unsigned i = 0; i < N; i++) {
		r[i].pfn = 10 * ((i * 7u) % N); /* every one once, out of order */
		r[i].n = 1 + i % 3;
	}
	struct file f = range_dump(10, r, N, 0x10 + 16 * N, 0x2030 + 16 * N);
	struct opened o = open_good(&f);
	ck_assert_uint_eq(psc_image_pages_present(o.img), 0);
	for (unsigned i = 0; i < N; i++) {
		expect_no_page(o.img, r[i].pfn, PSC_PAGE_TRUNCATED);
		expect_no_page(o.img, r[i].pfn + r[i].n - 1, PSC_PAGE_TRUNCATED);
		expect_no_page(o.img, r[i].pfn + r[i].n, PSC_PAGE_HOLE);
	}
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_too_many_ranges)
{
	const uint64_t n = ((uint64_t)1 << 21) + 1;
	struct file f = range_dump(10, NULL, 0, 0x10 + 16 * n, 0x2030 + 16 * n);
	for (uint64_t i = 0; i < n; i++) { /* 2 * i, 1; put64 is too slow for so many */
		for (unsigned k = 0; k < 3; k++)
			f.bytes[0x2030 + 16 * i + k] = (uint8_t)(2 * i >> 8 * k);
		f.bytes[0x2038 + 16 * i] = 1;
	}
	expect_failure(f.bytes, f.size, PSC_E_LIMIT, "more than 2097152 ranges");
	put64(&f, 0x2038 + 16 * 100, 0); /* where the table ends is what counts */
	struct opened o = open_good(&f);
	ck_assert_uint_eq(psc_image_pages_described(o.img), 100);
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_wrong_counts_and_type)
{
	static const struct range r[] = {{1, 1}, {5, 1}};
	struct file f = range_dump(10, r, 2, 0x30, 0x2050 + 2 * 4096);
	put32(&f, 0x2020, 3);
	struct opened o = open_good(&f);
	ck_assert(has_warning(o.img, "3 ranges with 2 pages announced, 2 with 2 listed"));
	close_opened(&o);
	put32(&f, 0x2020, 2);
	put32(&f, 0xf98, 1);
	o = open_good(&f);
	ck_assert_int_eq(psc_image_dump_type(o.img), PSC_DUMP_RANGE_FULL);
	ck_assert(has_warning(o.img, "DumpType is 1, but RDMP"));
	close_opened(&o);
	put64(&f, 0x2018, 0x2051);
	o = open_good(&f);
	ck_assert(has_warning(o.img, "the first page is at 0x2051"));
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_bad_metadata)
{
	static const struct range r[] = {{1, 1}, {5, 1}};
	struct file f = range_dump(10, r, 2, 0x30, 0x2050 + 2 * 4096);
	put64(&f, 0x2018, 0x204f);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "do not fit before the first page");
	put64(&f, 0x2018, 0x2050);
	put64(&f, 0x2010, 0xf);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "do not fit");
	put64(&f, 0x2010, UINT64_MAX);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "do not fit");
	put64(&f, 0x2010, UINT64_MAX - 0x2020);
	put64(&f, 0x2018, UINT64_MAX);
	expect_failure(f.bytes, f.size, PSC_E_TRUNCATED, "inside the range table");
	put64(&f, 0x2010, 0x30);
	put64(&f, 0x2018, UINT64_MAX - 0x1000);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "add up");
	put64(&f, 0x2018, 0x2050);
	put64(&f, 0x2040, 1);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "overlap");
	put64(&f, 0x2040, UINT64_MAX);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "impossible");
	free(f.bytes);
}
END_TEST

START_TEST(test_truncated_metadata)
{
	struct file f = range_dump(10, published, 6, 0x70, 0x2090);
	for (size_t size = 0x2000; size < 0x2090; size++) {
		struct opened o = open_bytes(f.bytes, size);
		ck_assert_int_eq(o.status, PSC_E_TRUNCATED);
		close_opened(&o);
	}
	struct opened o = open_good(&f);
	ck_assert_uint_eq(psc_image_pages_present(o.img), 0);
	close_opened(&o);
	free(f.bytes);
}
END_TEST

UNIT_MAIN("image_ranges", test_published_example, test_kernel_ranges, test_zero_count_ends_the_table, test_many_ranges,
	  test_too_many_ranges, test_wrong_counts_and_type, test_bad_metadata, test_truncated_metadata)
