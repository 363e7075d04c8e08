/* SPDX-License-Identifier: MIT */
#include "test_image_build.h"

#include <stdio.h>

/* 8 * 260 + 3 pages: more than two rank blocks of 1024 bits and a tail. */
#define N_BITS 2083u

static bool bit_is_set(uint64_t pfn)
{
	return pfn % 7 == 3 || (pfn >= 60 && pfn < 200) || pfn == N_BITS - 1;
}

static uint64_t count_below(uint64_t pfn)
{
	uint64_t n = 0;
	for (uint64_t i = 0; i < pfn; i++)
		n += bit_is_set(i);
	return n;
}

enum form { OLD32, OLD64, NEW32, NEW64 };

static size_t header_of(enum form form)
{
	return form == OLD32 || form == NEW32 ? 0x1000 : 0x2000;
}

static size_t bitmap_of(enum form form)
{
	static const size_t at[] = {0x20, 0x28, 0x38, 0x38};
	return header_of(form) + at[form];
}

static size_t first_page_of(enum form form)
{
	return header_of(form) + 0x1000;
}

static struct file bitmap_dump(enum form form)
{
	uint64_t n_set = count_below(N_BITS);
	size_t h = header_of(form), first = first_page_of(form);
	bool is_old = form == OLD32 || form == OLD64;
	struct file f = new_dump(h == 0x2000, is_old ? 2 : 6, first + (size_t)n_set * 4096);
	put_bytes(&f, h, "SDMPDUMP", 8);
	if (is_old) {
		put32(&f, h + 0xc, (uint32_t)first);
		put32(&f, h + 0x10, N_BITS);
		put32(&f, h + 0x14, (uint32_t)n_set);
		put32(&f, h + 0x18, N_BITS);
		if (form == OLD64)
			put64(&f, h + 0x20, 0xfffffa8001234560u);
	} else {
		put64(&f, h + 0x20, first);
		put64(&f, h + 0x28, n_set);
		put64(&f, h + 0x30, N_BITS);
	}
	uint64_t k = 0;
	for (uint64_t pfn = 0; pfn < N_BITS; pfn++) {
		if (!bit_is_set(pfn))
			continue;
		f.bytes[bitmap_of(form) + pfn / 8] |= (uint8_t)(1u << pfn % 8);
		put_page(&f, first + 4096 * (size_t)k++, pfn);
	}
	return f;
}

static void expect_all_pages(const struct psc_image *img, size_t first)
{
	uint64_t k = 0;
	for (uint64_t pfn = 0; pfn < N_BITS; pfn++) {
		if (bit_is_set(pfn))
			expect_page(img, pfn, first + 4096 * k++);
		else
			expect_no_page(img, pfn, PSC_PAGE_ABSENT);
	}
	expect_no_page(img, N_BITS, PSC_PAGE_HOLE);
	expect_no_page(img, N_BITS + 4, PSC_PAGE_HOLE);
	uint64_t off;
	ck_assert_int_eq(psc_image_locate(img, UINT64_MAX, &off), PSC_PAGE_HOLE);
	ck_assert_uint_eq(psc_image_pages_described(img), k);
	ck_assert_uint_eq(psc_image_pages_present(img), k);
	ck_assert_uint_eq(psc_image_highest_pfn(img), N_BITS - 1);
	for (uint64_t pfn = 0; pfn < N_BITS; pfn += 13) {
		uint64_t n = 0;
		while (pfn + n < N_BITS && bit_is_set(pfn + n))
			n++;
		ck_assert_uint_eq(psc_image_contiguous(img, pfn, 1000, &off), n);
		ck_assert_uint_eq(psc_image_contiguous(img, pfn, 65, &off), n < 65 ? n : 65);
	}
}

START_TEST(test_all_forms)
{
	static const enum form forms[] = {OLD32, OLD64, NEW32, NEW64};
	static const enum psc_dump_type types[] = {PSC_DUMP_SUMMARY, PSC_DUMP_SUMMARY, PSC_DUMP_BITMAP_KERNEL,
						   PSC_DUMP_BITMAP_KERNEL};
	for (size_t i = 0; i < 4; i++) {
		struct file f = bitmap_dump(forms[i]);
		struct opened o = open_good(&f);
		ck_assert_int_eq(psc_image_get_kind(o.img), PSC_IMAGE_PHYSICAL);
		ck_assert_int_eq(psc_image_dump_type(o.img), types[i]);
		expect_all_pages(o.img, first_page_of(forms[i]));
		ck_assert_uint_eq(psc_image_expected_size(o.img), f.size);
		ck_assert_uint_eq(psc_image_warnings(o.img)->n, 0);
		close_opened(&o);
		free(f.bytes);
	}
}
END_TEST

START_TEST(test_from_a_file_without_mmap)
{
	static const char path[] = "test_image_bitmap.tmp";
	struct file f = bitmap_dump(NEW64);
	FILE *out = fopen(path, "wb");
	ck_assert_ptr_nonnull(out);
	ck_assert_uint_eq(fwrite(f.bytes, 1, f.size, out), f.size);
	fclose(out);
	struct psc_source_options opts;
	memset(&opts, 0, sizeof(opts));
	opts.no_mmap = true;
	struct opened o;
	memset(&o, 0, sizeof(o));
	ck_assert_int_eq(psc_source_open_file(path, &opts, &o.src, &o.error), PSC_OK);
	ck_assert_int_eq(psc_image_open(o.src, &o.img, &o.error), PSC_OK);
	expect_all_pages(o.img, first_page_of(NEW64));
	close_opened(&o);
	remove(path);
	free(f.bytes);
}
END_TEST

START_TEST(test_dump_types)
{
	static const struct {
		uint32_t value;
		const char *signature;
		enum psc_dump_type type;
		bool warns;
	} cases[] = {
		{5, "FDMP", PSC_DUMP_BITMAP_FULL, false},   {5, "SDMP", PSC_DUMP_BITMAP_FULL, false},
		{6, "SDMP", PSC_DUMP_BITMAP_KERNEL, false}, {7, "SDMP", PSC_DUMP_BITMAP_KERNEL, false},
		{6, "FDMP", PSC_DUMP_BITMAP_FULL, true},    {1, "FDMP", PSC_DUMP_BITMAP_FULL, true},
		{1, "SDMP", PSC_DUMP_BITMAP_KERNEL, true},  {4, "SDMP", PSC_DUMP_BITMAP_KERNEL, true},
		{2, "SDMP", PSC_DUMP_BITMAP_KERNEL, true},  {FILL32, "SDMP", PSC_DUMP_BITMAP_KERNEL, true},
	};
	struct file f = bitmap_dump(NEW64);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put32(&f, 0xf98, cases[i].value);
		put_bytes(&f, 0x2000, cases[i].signature, 4);
		struct opened o = open_good(&f);
		ck_assert_int_eq(psc_image_dump_type(o.img), cases[i].type);
		ck_assert_int_eq(psc_image_warnings(o.img)->n != 0, cases[i].warns);
		expect_all_pages(o.img, 0x3000);
		close_opened(&o);
	}
	free(f.bytes);
	f = bitmap_dump(OLD64);
	put32(&f, 0xf98, 6);
	struct opened o = open_good(&f);
	ck_assert_int_eq(psc_image_dump_type(o.img), PSC_DUMP_SUMMARY);
	ck_assert(has_warning(o.img, "Windows 7 and earlier"));
	expect_all_pages(o.img, 0x3000);
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_tail_bits_set)
{
	static const enum form forms[] = {OLD32, OLD64, NEW32, NEW64};
	for (size_t i = 0; i < 4; i++) {
		struct file f = bitmap_dump(forms[i]);
		f.bytes[bitmap_of(forms[i]) + N_BITS / 8] |= 0xf8;
		struct opened o = open_good(&f);
		expect_all_pages(o.img, first_page_of(forms[i]));
		ck_assert_uint_eq(psc_image_warnings(o.img)->n, 0);
		close_opened(&o);
		free(f.bytes);
	}
}
END_TEST

START_TEST(test_swapped_counts)
{
	struct file f = bitmap_dump(NEW64);
	put64(&f, 0x2028, N_BITS);
	put64(&f, 0x2030, count_below(N_BITS));
	struct opened o = open_good(&f);
	expect_all_pages(o.img, 0x3000);
	ck_assert_uint_eq(psc_image_warnings(o.img)->n, 0);
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_wrong_present_count)
{
	static const uint64_t wrong[] = {0, 1, N_BITS, N_BITS + 900, UINT64_MAX};
	struct file f = bitmap_dump(NEW64);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		put64(&f, 0x2028, wrong[i]);
		struct opened o = open_good(&f);
		ck_assert(has_warning(o.img, "the bitmap header counts"));
		expect_all_pages(o.img, 0x3000);
		close_opened(&o);
	}
	free(f.bytes);
}
END_TEST

START_TEST(test_wrong_first_page)
{
	static const uint64_t wrong[] = {0, 0x2038, 0x2038 + (N_BITS + 7) / 8 - 1, UINT64_MAX, (uint64_t)1 << 62};
	struct file f = bitmap_dump(NEW64);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		put64(&f, 0x2020, wrong[i]);
		expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "bitmap header contradicts itself");
	}
	put64(&f, 0x2020, 0x2038 + (N_BITS + 7) / 8); /* unaligned, right behind the bitmap */
	struct opened o = open_good(&f);
	uint64_t off;
	ck_assert_int_eq(psc_image_locate(o.img, 3, &off), PSC_PAGE_PRESENT);
	ck_assert_uint_eq(off, 0x2038 + (N_BITS + 7) / 8);
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_wrong_bit_counts)
{
	struct file f = bitmap_dump(NEW64);
	put64(&f, 0x2028, 0);
	put64(&f, 0x2030, 0);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "contradicts");
	put64(&f, 0x2030, UINT64_MAX);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "contradicts");
	put64(&f, 0x2020, (uint64_t)1 << 40); /* room for it, in a file that could be sparse */
	put64(&f, 0x2030, (((uint64_t)1 << 40) - 0x2038) * 8);
	expect_failure(f.bytes, f.size, PSC_E_LIMIT, "more than 64 TiB");
	put64(&f, 0x2020, 0x100003000u); /* its index alone would take 256 MiB */
	put64(&f, 0x2030, (uint64_t)1 << 35);
	expect_failure(f.bytes, f.size, PSC_E_LIMIT, "more than 64 TiB");
	free(f.bytes);
	f = bitmap_dump(OLD32);
	put32(&f, 0x1010, 0xffffffff);
	struct opened o = open_good(&f); /* the second copy of the count serves */
	expect_all_pages(o.img, 0x2000);
	close_opened(&o);
	put32(&f, 0x1018, 0xffffffff);
	expect_failure(f.bytes, f.size, PSC_E_CORRUPT, "contradicts");
	free(f.bytes);
}
END_TEST

START_TEST(test_truncated_everywhere)
{
	static const enum form forms[] = {OLD32, OLD64, NEW32, NEW64};
	for (size_t i = 0; i < 4; i++) {
		enum form form = forms[i];
		struct file f = bitmap_dump(form);
		size_t h = header_of(form), end = bitmap_of(form) + (N_BITS + 7) / 8, first = first_page_of(form);
		for (size_t size = h; size < end; size++) {
			struct opened o = open_bytes(f.bytes, size);
			ck_assert_int_eq(o.status, PSC_E_TRUNCATED);
			close_opened(&o);
		}
		for (unsigned kept = 0; kept < 6; kept++) {
			struct file cut = {f.bytes, kept == 0 ? end : first + 4096 * kept - 1};
			struct opened o = open_good(&cut);
			unsigned present = kept == 0 ? 0 : kept - 1;
			ck_assert_uint_eq(psc_image_pages_present(o.img), present);
			ck_assert_uint_eq(psc_image_expected_size(o.img), f.size);
			ck_assert(psc_image_is_truncated(o.img));
			ck_assert(has_warning(o.img, "pages present (file ends at"));
			unsigned k = 0;
			for (uint64_t pfn = 0; pfn < 100; pfn++) {
				if (!bit_is_set(pfn))
					expect_no_page(o.img, pfn, PSC_PAGE_ABSENT);
				else if (k++ < present)
					expect_page(o.img, pfn, first + 4096 * (k - 1));
				else
					expect_no_page(o.img, pfn, PSC_PAGE_TRUNCATED);
			}
			close_opened(&o);
		}
		free(f.bytes);
	}
}
END_TEST

START_TEST(test_short_live_dump_may_be_compressed)
{
	struct file f = bitmap_dump(NEW64);
	struct file cut = {f.bytes, 0x3000 + 10 * 4096};
	put32(&f, 0x1050, 0x10);
	struct opened o = open_good(&cut);
	ck_assert(has_warning(o.img, "pages may be stored compressed"));
	close_opened(&o);
	put32(&f, 0x1050, 0x14); /* too little space: that explains it */
	o = open_good(&cut);
	ck_assert(!has_warning(o.img, "compressed"));
	ck_assert(has_warning(o.img, "too little space"));
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_no_page_set)
{
	struct file f = new_dump(true, 6, 0x3000);
	put_bytes(&f, 0x2000, "SDMPDUMP", 8);
	put64(&f, 0x2020, 0x3000);
	put64(&f, 0x2030, 64);
	struct opened o = open_good(&f);
	ck_assert_uint_eq(psc_image_pages_described(o.img), 0);
	ck_assert_uint_eq(psc_image_highest_pfn(o.img), 0);
	ck_assert(has_warning(o.img, "describes no pages"));
	expect_no_page(o.img, 0, PSC_PAGE_ABSENT);
	expect_no_page(o.img, 64, PSC_PAGE_HOLE);
	close_opened(&o);
	free(f.bytes);
}
END_TEST

UNIT_MAIN("image_bitmap", test_all_forms, test_from_a_file_without_mmap, test_dump_types, test_tail_bits_set,
	  test_swapped_counts, test_wrong_present_count, test_wrong_first_page, test_wrong_bit_counts,
	  test_truncated_everywhere, test_short_live_dump_may_be_compressed, test_no_page_set)
