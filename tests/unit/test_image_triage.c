/* SPDX-License-Identifier: MIT */
#include "test_image_build.h"

#define H64       0x2000u
#define H32       0x1000u
#define FILE_SIZE 0x8000u
#define MARK_AT   0x7f00u
#define BLOCKS_AT 0x3000u
#define DATA_AT   0x4000u
#define VA64      0xfffff80000000000u

struct block {
	uint64_t va;
	uint32_t off, size;
};

static size_t triage_header(bool wide)
{
	return wide ? H64 : H32;
}

/* Every byte of the data area tells its own file offset. */
static struct file triage_dump(bool wide, const struct block *b, uint32_t n)
{
	struct file f = new_dump(wide, 4, FILE_SIZE);
	size_t h = triage_header(wide);
	for (size_t i = DATA_AT; i < MARK_AT; i++)
		f.bytes[i] = (uint8_t)(i * 31 + i / 256);
	put32(&f, h + 4, MARK_AT + 4);
	put32(&f, h + 8, MARK_AT);
	put_bytes(&f, MARK_AT, "TRGD", 4);
	put32(&f, h + 0x44, 0xffffffff);
	put32(&f, h + (wide ? 0x78 : 0x60), BLOCKS_AT);
	put32(&f, h + (wide ? 0x7c : 0x64), n);
	for (uint32_t i = 0; i < n; i++) {
		put64(&f, BLOCKS_AT + 16 * i, b[i].va);
		put32(&f, BLOCKS_AT + 16 * i + 8, b[i].off);
		put32(&f, BLOCKS_AT + 16 * i + 12, b[i].size);
	}
	return f;
}

static void expect_ranges(const struct psc_image *img, const struct psc_saved_range *want, size_t n)
{
	size_t got_n;
	const struct psc_saved_range *got = psc_image_saved_ranges(img, &got_n);
	ck_assert_uint_eq(got_n, n);
	for (size_t i = 0; i < n; i++) {
		ck_assert_uint_eq(got[i].va, want[i].va);
		ck_assert_uint_eq(got[i].size_bytes, want[i].size_bytes);
		ck_assert_uint_eq(got[i].file_offset, want[i].file_offset);
		ck_assert_str_eq(got[i].what, want[i].what);
	}
}

START_TEST(test_plain_blocks)
{
	static const struct block b[] = {{VA64 + 0x2000, DATA_AT + 0x100, 0x80}, {VA64 + 0x1000, DATA_AT, 0x21}};
	static const struct psc_saved_range want[] = {{VA64 + 0x1000, 0x21, DATA_AT, "data block"},
						      {VA64 + 0x2000, 0x80, DATA_AT + 0x100, "data block"}};
	struct file f = triage_dump(true, b, 2);
	struct opened o = open_good(&f);
	ck_assert_int_eq(psc_image_get_kind(o.img), PSC_IMAGE_VIRTUAL);
	ck_assert_int_eq(psc_image_dump_type(o.img), PSC_DUMP_TRIAGE);
	expect_ranges(o.img, want, 2);
	ck_assert_uint_eq(psc_image_pages_described(o.img), 0);
	ck_assert_uint_eq(psc_image_expected_size(o.img), MARK_AT + 4);
	ck_assert(!psc_image_is_truncated(o.img));
	ck_assert_uint_eq(psc_image_warnings(o.img)->n, 0);
	expect_no_page(o.img, 0, PSC_PAGE_HOLE);
	uint8_t buf[0x100];
	ck_assert_uint_eq(psc_image_read_saved(o.img, VA64 + 0x1000, buf, sizeof(buf)), 0x21);
	ck_assert_mem_eq(buf, f.bytes + DATA_AT, 0x21);
	ck_assert_uint_eq(psc_image_read_saved(o.img, VA64 + 0x2010, buf, 0x20), 0x20);
	ck_assert_mem_eq(buf, f.bytes + DATA_AT + 0x110, 0x20);
	ck_assert_uint_eq(psc_image_read_saved(o.img, VA64 + 0x1021, buf, 1), 0);
	ck_assert_uint_eq(psc_image_read_saved(o.img, VA64 + 0xfff, buf, 2), 0);
	ck_assert_uint_eq(psc_image_read_saved(o.img, 0, buf, 2), 0);
	ck_assert_uint_eq(psc_image_read_saved(o.img, UINT64_MAX, buf, 2), 0);
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_touching_overlapping_empty_and_outside)
{
	static const struct block b[] = {
		{VA64 + 0x100, DATA_AT, 0x100},
		{VA64 + 0x200, DATA_AT + 0x800, 0x100},  /* touches */
		{VA64 + 0x280, DATA_AT + 0x1000, 0x100}, /* overlaps */
		{VA64 + 0x110, DATA_AT + 0x1800, 0x10},  /* inside the first */
		{VA64 + 0x900, DATA_AT, 0},
		{VA64 + 0xa00, FILE_SIZE - 0x10, 0x20}, /* half outside */
		{VA64 + 0xb00, FILE_SIZE, 0x20},
		{VA64 + 0xc00, 0xfffffff0, 0x20},
		{UINT64_MAX - 7, DATA_AT, 0x20}, /* wraps */
	};
	static const struct psc_saved_range want[] = {
		{VA64 + 0x100, 0x100, DATA_AT, "data block"},
		{VA64 + 0x200, 0x100, DATA_AT + 0x800, "data block"},
		{VA64 + 0x300, 0x80, DATA_AT + 0x1080, "data block"},
		{VA64 + 0xa00, 0x10, FILE_SIZE - 0x10, "data block"},
		{UINT64_MAX - 7, 7, DATA_AT, "data block"},
	};
	struct file f = triage_dump(true, b, sizeof(b) / sizeof(b[0]));
	struct opened o = open_good(&f);
	expect_ranges(o.img, want, 5);
	ck_assert(has_warning(o.img, "2 data blocks overlap"));
	ck_assert(has_warning(o.img, "3 saved ranges lie wholly or partly behind"));
	uint8_t buf[0x400];
	ck_assert_uint_eq(psc_image_read_saved(o.img, VA64 + 0x180, buf, sizeof(buf)), 0x200);
	ck_assert_mem_eq(buf, f.bytes + DATA_AT + 0x80, 0x80);
	ck_assert_mem_eq(buf + 0x80, f.bytes + DATA_AT + 0x800, 0x100);
	ck_assert_mem_eq(buf + 0x180, f.bytes + DATA_AT + 0x1080, 0x80);
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_count_beyond_the_file)
{
	struct file f = triage_dump(true, NULL, 0);
	put32(&f, H64 + 0x7c, 0xffffffff);
	put32(&f, H64 + 0x78, FILE_SIZE - 40);
	struct opened o = open_good(&f);
	ck_assert(has_warning(o.img, "4294967295 data blocks announced, the file has room for 2"));
	close_opened(&o);
	put32(&f, H64 + 0x78, 0xffffffff);
	o = open_good(&f);
	ck_assert(has_warning(o.img, "room for 0"));
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_too_many_blocks)
{
	const uint32_t n = ((uint32_t)1 << 18) + 1;
	struct file f = new_dump(true, 4, FILE_SIZE + (size_t)n * 16);
	put32(&f, H64 + 4, (uint32_t)f.size);
	put32(&f, H64 + 8, (uint32_t)f.size - 4);
	put32(&f, H64 + 0x78, BLOCKS_AT);
	put32(&f, H64 + 0x7c, n);
	put64(&f, BLOCKS_AT, VA64);
	put32(&f, BLOCKS_AT + 8, DATA_AT);
	put32(&f, BLOCKS_AT + 12, 8);
	for (uint32_t i = 1; i < n; i++) { /* at VA64 + 16 * i; put64 is too slow for so many */
		uint8_t *block = f.bytes + BLOCKS_AT + (size_t)16 * i;
		memcpy(block, f.bytes + BLOCKS_AT, 16);
		for (unsigned k = 0; k < 3; k++)
			block[k] = (uint8_t)(16 * i >> 8 * k);
	}
	struct opened o = open_good(&f);
	size_t n_ranges;
	(void)psc_image_saved_ranges(o.img, &n_ranges);
	ck_assert_uint_eq(n_ranges, n - 1);
	ck_assert(has_warning(o.img, "262145 data blocks, of which only the first 262144 are read"));
	close_opened(&o);
	free(f.bytes);
}
END_TEST

enum {
	KDBG_AT = 0x5000,
	PRCB_AT = 0x5400,
	THREAD_AT = 0x5600,
	PROCESS_AT = 0x5800,
	STACK_AT = 0x5a00,
	PAGE_AT = 0x6000
};

/* KDBG, PRCB number 1 of 3, thread, process, a stack that a block partly covers, a data page. */
static struct file full_triage(bool wide, bool save_prcb)
{
	uint64_t top = wide ? VA64 : 0x80000000u;
	struct block b[] = {
		{top + 0x10010, DATA_AT, 0x20},                   /* inside the stack */
		{top + 0x20000, DATA_AT + 0x100, wide ? 24 : 12}, /* KiProcessorBlock */
		{top + 0x30000, DATA_AT + 0x200, 0x40},           /* PRCB 0 */
		{top + 0x31000, DATA_AT + 0x300, 0x40},           /* PRCB 1, only its start */
	};
	struct file f = triage_dump(wide, b, save_prcb ? 4 : 3);
	size_t h = triage_header(wide);
	put32(&f, h + 0x1c, PRCB_AT);
	put32(&f, h + 0x20, PROCESS_AT);
	put32(&f, h + 0x24, THREAD_AT);
	put32(&f, h + 0x28, STACK_AT);
	put32(&f, h + 0x2c, 0x100);
	if (wide)
		put64(&f, h + 0x48, top + 0x10000);
	else
		put32(&f, h + 0x48, (uint32_t)top + 0x10000);
	if (wide)
		put64(&f, h + 0x60, top + 0x40000);
	else
		put32(&f, h + 0x4c, (uint32_t)top + 0x40000);
	put32(&f, h + (wide ? 0x68 : 0x50), PAGE_AT);
	put32(&f, h + (wide ? 0x6c : 0x54), 0x1000);
	put32(&f, h + (wide ? 0x70 : 0x58), KDBG_AT);
	put32(&f, h + (wide ? 0x74 : 0x5c), 0x340);
	if (wide)
		put64(&f, 0x80, top + 0x50000);
	else
		put32(&f, 0x60, (uint32_t)top + 0x50000);
	put32(&f, wide ? 0x1038 : 0xf8c, 0xcff | 0x200);

	uint64_t sign = wide ? 0 : 0xffffffff00000000u; /* 32-bit addresses stand sign-extended in KDBG */
	put_bytes(&f, KDBG_AT + 0x10, "KDBG", 4);
	put32(&f, KDBG_AT + 0x14, 0x340);
	put64(&f, KDBG_AT + 0x218, (top + 0x20000) | sign);
	put16(&f, KDBG_AT + 0x2a0, 0x18);
	put16(&f, KDBG_AT + 0x2a8, 0x80); /* EPROCESS */
	put16(&f, KDBG_AT + 0x2b0, 0x90); /* PRCB */
	put16(&f, KDBG_AT + 0x2b4, 0x8);
	put16(&f, KDBG_AT + 0x2be, 0x24);
	put16(&f, KDBG_AT + 0x2c0, 0xa0); /* ETHREAD */
	for (unsigned i = 0; i < 2; i++) {
		uint64_t prcb = top + 0x30000 + 0x1000 * i;
		uint64_t thread = top + 0x60000 + (i == 0 ? 0x9000 : 0);
		size_t at = DATA_AT + 0x200 + 0x100 * i;
		if (wide) {
			put64(&f, DATA_AT + 0x100 + 8 * i, prcb);
			put64(&f, at + 8, thread);
		} else {
			put32(&f, DATA_AT + 0x100 + 4 * i, (uint32_t)prcb);
			put32(&f, at + 8, (uint32_t)thread);
		}
	}
	put32(&f, PRCB_AT + 0x24, 1);
	if (wide) {
		put64(&f, PRCB_AT + 8, top + 0x60000);
		put64(&f, THREAD_AT + 0x18, top + 0x70000);
		put64(&f, DATA_AT + 0x110, 0);
	} else {
		put32(&f, PRCB_AT + 8, (uint32_t)top + 0x60000);
		put32(&f, THREAD_AT + 0x18, (uint32_t)top + 0x70000);
		put32(&f, DATA_AT + 0x108, 0);
	}
	return f;
}

static const struct psc_saved_range *range_at(const struct psc_image *img, uint64_t va)
{
	size_t n;
	const struct psc_saved_range *r = psc_image_saved_ranges(img, &n);
	for (size_t i = 0; i < n; i++)
		if (va >= r[i].va && va - r[i].va < r[i].size_bytes)
			return &r[i];
	return NULL;
}

static void expect_range_at(const struct psc_image *img, uint64_t va, uint64_t size, uint64_t off, const char *what)
{
	const struct psc_saved_range *r = range_at(img, va);
	ck_assert_msg(r != NULL, "nothing at 0x%llx, wanted %s", (unsigned long long)va, what);
	ck_assert_str_eq(r->what, what);
	ck_assert_uint_eq(r->va, va);
	ck_assert_uint_eq(r->size_bytes, size);
	ck_assert_uint_eq(r->file_offset, off);
}

START_TEST(test_sections_and_precedence)
{
	for (int wide = 0; wide < 2; wide++) {
		uint64_t top = wide ? VA64 : 0x80000000u;
		struct file f = full_triage(wide, true);
		struct opened o = open_good(&f);
		ck_assert_uint_eq(psc_image_warnings(o.img)->n, 0);
		expect_range_at(o.img, top + 0x10000, 0x10, STACK_AT, "stack");
		expect_range_at(o.img, top + 0x10010, 0x20, DATA_AT, "data block");
		expect_range_at(o.img, top + 0x10030, 0xd0, STACK_AT + 0x30, "stack");
		expect_range_at(o.img, top + 0x50000, 0x340, KDBG_AT, "debugger data");
		expect_range_at(o.img, top + 0x40000, 0x1000, PAGE_AT, "data page");
		expect_range_at(o.img, top + 0x31000, 0x40, DATA_AT + 0x300, "data block");
		expect_range_at(o.img, top + 0x31040, 0x50, PRCB_AT + 0x40, "prcb");
		expect_range_at(o.img, top + 0x60000, 0xa0, THREAD_AT, "thread");
		expect_range_at(o.img, top + 0x70000, 0x80, PROCESS_AT, "process");
		uint64_t off;
		uint32_t size;
		ck_assert(psc_image_triage_kdbg(o.img, &off, &size));
		ck_assert_uint_eq(off, KDBG_AT);
		ck_assert_uint_eq(size, 0x340);
		uint8_t buf[0x200];
		ck_assert_uint_eq(psc_image_read_saved(o.img, top + 0x10000, buf, sizeof(buf)), 0x100);
		ck_assert_mem_eq(buf, f.bytes + STACK_AT, 0x10);
		ck_assert_mem_eq(buf + 0x10, f.bytes + DATA_AT, 0x20);
		ck_assert_mem_eq(buf + 0x30, f.bytes + STACK_AT + 0x30, 0xd0);
		close_opened(&o);
		free(f.bytes);
	}
}
END_TEST

START_TEST(test_stack_before_debugger_data_before_data_page)
{
	struct file f = full_triage(true, true);
	put64(&f, 0x80, VA64 + 0x100f0);
	put64(&f, H64 + 0x60, VA64 + 0x10000);
	struct opened o = open_good(&f);
	expect_range_at(o.img, VA64 + 0x10030, 0xd0, STACK_AT + 0x30, "stack");
	expect_range_at(o.img, VA64 + 0x10100, 0x330, KDBG_AT + 0x10, "debugger data");
	expect_range_at(o.img, VA64 + 0x10430, 0xbd0, PAGE_AT + 0x430, "data page");
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_prcb_by_number)
{
	struct file f = full_triage(true, false);
	struct opened o = open_good(&f);
	expect_range_at(o.img, VA64 + 0x31000, 0x90, PRCB_AT, "prcb");
	close_opened(&o);
	put32(&f, PRCB_AT + 0x24, 2); /* a hole in the array */
	o = open_good(&f);
	ck_assert_ptr_null(range_at(o.img, VA64 + 0x31000));
	close_opened(&o);
	put32(&f, 0xc, 6002); /* the number is a byte there */
	put32(&f, PRCB_AT + 0x24, 0x01ff0101);
	o = open_good(&f);
	expect_range_at(o.img, VA64 + 0x31000, 0x90, PRCB_AT, "prcb");
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_sections_that_were_not_written)
{
	static const struct {
		uint32_t bit, va;
	} cases[] = {{0x4, 0x31040}, {0x8, 0x70000}, {0x10, 0x60000}, {0x20, 0x10000}, {0x200, 0x40000}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct file f = full_triage(true, true);
		put32(&f, 0x1038, 0xeff & ~cases[i].bit);
		struct opened o = open_good(&f);
		for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++)
			ck_assert_int_eq(range_at(o.img, VA64 + cases[k].va) != NULL, k != i);
		close_opened(&o);
		free(f.bytes);
	}
}
END_TEST

START_TEST(test_kdbg_that_was_not_written)
{
	struct file f = full_triage(true, true);
	put32(&f, 0x1038, 0xeff & ~0x400u);
	memset(f.bytes + KDBG_AT, 0, 0x340);
	struct opened o = open_good(&f);
	uint64_t off;
	uint32_t size;
	ck_assert(!psc_image_triage_kdbg(o.img, &off, &size));
	ck_assert(!has_warning(o.img, "KDBG"));
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_bad_kdbg)
{
	struct file f = full_triage(true, true);
	f.bytes[KDBG_AT + 0x10] = 'X';
	struct opened o = open_good(&f);
	uint64_t off;
	uint32_t size;
	ck_assert(!psc_image_triage_kdbg(o.img, &off, &size));
	ck_assert(has_warning(o.img, "no KDBG mark"));
	ck_assert_ptr_null(range_at(o.img, VA64 + 0x60000));
	close_opened(&o);
	put32(&f, H64 + 0x70, FILE_SIZE - 8);
	o = open_good(&f);
	ck_assert(!psc_image_triage_kdbg(o.img, &off, &size));
	ck_assert(has_warning(o.img, "behind the end of the file"));
	close_opened(&o);
	free(f.bytes);
	f = full_triage(true, true);
	put32(&f, KDBG_AT + 0x14, 0x290); /* Windows XP: no field offsets */
	o = open_good(&f);
	ck_assert(psc_image_triage_kdbg(o.img, &off, &size));
	ck_assert_ptr_null(range_at(o.img, VA64 + 0x60000));
	close_opened(&o);
	free(f.bytes);
}
END_TEST

enum { DRIVERS_AT = 0x5000, STRINGS_AT = 0x5200, UNLOADED_AT = 0x5600 };

/* Three drivers and two unloaded ones; stride of a driver entry as given. */
static struct file driver_dump(bool wide, uint32_t stride)
{
	struct file f = triage_dump(wide, NULL, 0);
	size_t h = triage_header(wide);
	size_t strings = (DRIVERS_AT + 3 * stride + 7) & ~(size_t)7;
	memset(f.bytes + DRIVERS_AT, 0, 0x1000);
	put32(&f, h + 0x30, DRIVERS_AT);
	put32(&f, h + 0x34, 3);
	put32(&f, h + 0x38, (uint32_t)strings);
	put32(&f, h + 0x3c, 0x100);
	put32(&f, h + 0x18, UNLOADED_AT);
	for (uint32_t i = 0; i < 3; i++) {
		size_t at = DRIVERS_AT + i * stride, ldr = at + (wide ? 8 : 4);
		put32(&f, at, (uint32_t)strings + 0x40 * i);
		if (wide)
			put64(&f, ldr + 0x30, VA64 + 0x100000 * i);
		else
			put32(&f, ldr + 0x18, 0x80000000u + 0x100000 * i);
		put32(&f, ldr + (wide ? 0x40 : 0x20), 0x1000 + i);
		put32(&f, ldr + (wide ? 0x78 : 0x40), 0x2000 + i);
		put32(&f, ldr + (wide ? 0x80 : 0x44), 0x3000 + i);
		put32(&f, strings + 0x40 * i, 9);
		put_utf16(&f, strings + 0x40 * i + 4, "\\drv0.sysGARBAGE");
		put16(&f, strings + 0x40 * i + 4 + 8, (uint16_t)('0' + i));
	}
	size_t u = UNLOADED_AT, step = wide ? 0x38 : 0x28;
	put32(&f, u, 2);
	u += wide ? 8 : 4;
	for (uint32_t i = 0; i < 2; i++, u += step) {
		put16(&f, u, i == 0 ? 24 : 10);
		put_utf16(&f, u + (wide ? 0x10 : 8), "averylongdri");
		if (wide) {
			put64(&f, u + 0x28, VA64 + 0x1000);
			put64(&f, u + 0x30, VA64 + 0x4000);
		} else {
			put32(&f, u + 0x20, 0x90001000);
			put32(&f, u + 0x24, 0x90004000);
		}
	}
	return f;
}

START_TEST(test_driver_lists)
{
	static const struct {
		bool wide;
		uint32_t stride;
	} cases[] = {{true, 0x90}, {true, 0x98}, {false, 0x4c}, {false, 0x54}, {false, 0x5c}};
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		bool wide = cases[c].wide;
		struct file f = driver_dump(wide, cases[c].stride);
		struct opened o = open_good(&f);
		size_t n;
		const struct psc_triage_module *m = psc_image_triage_modules(o.img, &n);
		ck_assert_uint_eq(n, 5);
		for (uint32_t i = 0; i < 3; i++) {
			char name[16] = "\\drv0.sys";
			name[4] = (char)('0' + i);
			ck_assert_str_eq(m[i].path, name);
			ck_assert_uint_eq(m[i].base, (wide ? VA64 : 0x80000000u) + 0x100000 * i);
			ck_assert_uint_eq(m[i].size_of_image, 0x1000 + i);
			ck_assert_uint_eq(m[i].checksum, 0x2000 + i);
			ck_assert_uint_eq(m[i].time_date_stamp, 0x3000 + i);
			ck_assert(!m[i].unloaded);
		}
		ck_assert_str_eq(m[3].path, "averylongdri");
		ck_assert_str_eq(m[4].path, "avery");
		for (size_t i = 3; i < 5; i++) {
			ck_assert(m[i].unloaded);
			ck_assert_uint_eq(m[i].base, wide ? VA64 + 0x1000 : 0x90001000u);
			ck_assert_uint_eq(m[i].end, wide ? VA64 + 0x4000 : 0x90004000u);
			ck_assert_uint_eq(m[i].size_of_image, 0x3000);
		}
		close_opened(&o);
		free(f.bytes);
	}
}
END_TEST

START_TEST(test_hostile_driver_lists)
{
	struct file f = driver_dump(true, 0x90);
	put32(&f, DRIVERS_AT, FILE_SIZE - 2);           /* name behind the end */
	put32(&f, DRIVERS_AT + 0x90, FILE_SIZE - 0x10); /* name reaches behind it */
	put32(&f, FILE_SIZE - 0x10, 7);
	put32(&f, H64 + 0x34, 0xffffffff);
	put64(&f, UNLOADED_AT, UINT64_MAX);
	struct opened o = open_good(&f);
	size_t n;
	const struct psc_triage_module *m = psc_image_triage_modules(o.img, &n);
	ck_assert_uint_gt(n, 3);
	ck_assert_uint_lt(n, FILE_SIZE / 0x38);
	ck_assert_ptr_null(m[0].path);
	ck_assert_ptr_null(m[1].path);
	ck_assert_str_eq(m[2].path, "\\drv2.sys");
	ck_assert(has_warning(o.img, "driver list: 4294967295 entries announced"));
	ck_assert(has_warning(o.img, "unloaded driver list: 18446744073709551615 entries announced"));
	close_opened(&o);
	put32(&f, H64 + 0x30, 0xffffffff);
	put32(&f, H64 + 0x18, 0xffffffff);
	o = open_good(&f);
	psc_image_triage_modules(o.img, &n);
	ck_assert_uint_eq(n, 0);
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_truncated)
{
	for (int wide = 0; wide < 2; wide++) {
		struct file f = full_triage(wide, true);
		size_t h = triage_header(wide), end = h + (wide ? 0x80 : 0x68);
		for (size_t size = h; size < FILE_SIZE; size += size < end ? 1 : 61) {
			struct opened o = open_bytes(f.bytes, size);
			ck_assert_int_eq(o.status, size < end ? PSC_E_TRUNCATED : PSC_OK);
			if (o.status == PSC_OK) {
				ck_assert_int_eq(psc_image_is_truncated(o.img), size < MARK_AT + 4);
				ck_assert_int_eq(has_warning(o.img, "truncated"), size < MARK_AT + 4);
				size_t n;
				const struct psc_saved_range *r = psc_image_saved_ranges(o.img, &n);
				for (size_t i = 0; i < n; i++)
					ck_assert_uint_le(r[i].file_offset + r[i].size_bytes, size);
			}
			close_opened(&o);
		}
		free(f.bytes);
	}
}
END_TEST

START_TEST(test_wrong_type_and_marks)
{
	struct file f = full_triage(true, true);
	put32(&f, 0xf98, 1);
	struct opened o = open_good(&f);
	ck_assert_int_eq(psc_image_dump_type(o.img), PSC_DUMP_TRIAGE);
	ck_assert(has_warning(o.img, "a triage dump follows the header"));
	close_opened(&o);
	put32(&f, 0xf98, 4);
	put32(&f, MARK_AT, 0);
	o = open_good(&f);
	ck_assert(has_warning(o.img, "TRGD"));
	close_opened(&o);
	put_bytes(&f, MARK_AT, "TRGD", 4);
	put32(&f, H64 + 0x44, 0x100);
	o = open_good(&f);
	ck_assert(has_warning(o.img, "ran out of space"));
	close_opened(&o);
	free(f.bytes);
}
END_TEST

UNIT_MAIN("image_triage", test_plain_blocks, test_touching_overlapping_empty_and_outside, test_count_beyond_the_file,
	  test_too_many_blocks, test_sections_and_precedence, test_stack_before_debugger_data_before_data_page,
	  test_prcb_by_number, test_sections_that_were_not_written, test_kdbg_that_was_not_written, test_bad_kdbg,
	  test_driver_lists, test_hostile_driver_lists, test_truncated, test_wrong_type_and_marks)
