/* SPDX-License-Identifier: MIT */
#include "fakedump.h"

#define ENTRY(i) (FAKE_POOL + (i) * (uint64_t)0x1000)

START_TEST(closed)
{
	struct fake f;
	fake_machine(&f);
	fake_open(&f);
	ck_assert_uint_eq(f.k.n_loaded, 3);
	ck_assert_uint_eq(f.k.n_modules, 3);
	ck_assert_str_eq(f.k.modules[0].name, "ntoskrnl.exe");
	ck_assert_str_eq(f.k.modules[2].name, "leaky.sys");
	ck_assert_uint_eq(f.k.modules[0].base, FAKE_BASE);
	ck_assert_uint_eq(f.k.modules[0].size_bytes, FAKE_IMAGE_BYTES);
	ck_assert_uint_eq(f.k.modules[0].time_date_stamp, 0x12345678);
	ck_assert_uint_eq(f.k.modules[0].checksum, 0xabcdef);
	ck_assert_str_eq(f.k.modules[0].pdb_name, "ntkrnlmp.pdb");
	ck_assert_uint_eq(f.k.modules[2].time_date_stamp, 0x1002);
	ck_assert(!fake_warned(&f, "broken"));
	fake_free(&f);
}
END_TEST

static void five(struct fake *f)
{
	static const char *const names[5] = {"a.sys", "b.sys", "c.sys", "d.sys", "e.sys"};
	fake_machine(f);
	for (unsigned i = 0; i < 5; i++)
		fake_module(f, i, 5, FAKE_BASE + i * (uint64_t)0x100000, names[i]);
}

/* Both ends are read, in load order; only what lies around the break is lost. */
START_TEST(broken_in_the_middle)
{
	struct fake f;
	five(&f);
	fake_put64(&f, ENTRY(2), 0x1122334455667788);
	fake_put64(&f, ENTRY(2) + 8, 0x1122334455667788);
	fake_open(&f);
	ck_assert_uint_eq(f.k.n_loaded, 4);
	ck_assert_str_eq(f.k.modules[0].name, "a.sys");
	ck_assert_str_eq(f.k.modules[1].name, "b.sys");
	ck_assert_str_eq(f.k.modules[2].name, "d.sys");
	ck_assert_str_eq(f.k.modules[3].name, "e.sys");
	ck_assert(fake_warned(&f, "broken"));
	fake_free(&f);
}
END_TEST

START_TEST(self_looping)
{
	struct fake f;
	five(&f);
	fake_put64(&f, ENTRY(3), ENTRY(3));
	fake_put64(&f, ENTRY(3) + 8, ENTRY(3));
	fake_open(&f);
	ck_assert_uint_eq(f.k.n_loaded, 4);
	ck_assert(fake_warned(&f, "broken"));
	fake_free(&f);
	/* A closed ring that never comes back to the head. */
	five(&f);
	fake_put64(&f, ENTRY(3), ENTRY(1));
	fake_put64(&f, ENTRY(1) + 8, ENTRY(3));
	fake_open(&f);
	ck_assert_uint_le(f.k.n_loaded, 5);
	ck_assert(fake_warned(&f, "broken"));
	fake_free(&f);
}
END_TEST

START_TEST(names)
{
	struct fake f;
	five(&f);
	/* The base name is paged out, the path is not; then both; then malformed lengths; then hostile characters. */
	fake_put64(&f, ENTRY(0) + 0x60, 0xffffa80000900000u);
	fake_page_out(&f, 0xffffa80000900000u);
	fake_put64(&f, ENTRY(1) + 0x50, 0xffffa80000900000u);
	fake_put64(&f, ENTRY(1) + 0x60, 0xffffa80000900000u);
	fake_put16(&f, ENTRY(2) + 0x48, 0);
	fake_put16(&f, ENTRY(2) + 0x58, 0xffff);
	fake_put16(&f, ENTRY(3) + 0x300, 0x1b);
	fake_put16(&f, ENTRY(3) + 0x302, 0xd800);
	fake_put32(&f, ENTRY(4) + 0x40, 0); /* a pseudo entry */
	fake_open(&f);
	ck_assert_uint_eq(f.k.n_loaded, 4);
	ck_assert_str_eq(f.k.modules[0].name, "a.sys");
	ck_assert_str_eq(f.k.modules[1].name, "fffff80412100000+5000");
	ck_assert_ptr_null(f.k.modules[1].path);
	ck_assert_str_eq(f.k.modules[2].name, "fffff80412200000+5000");
	ck_assert_int_eq(f.k.modules[3].name[0], '?');
	fake_free(&f);
}
END_TEST

static void unloaded_table(struct fake *f, uint32_t next)
{
	uint64_t table = FAKE_POOL + 0x800000;
	fake_machine(f);
	fake_put64(f, FAKE_UNLOADED, table);
	fake_put32(f, FAKE_UNLOADED_N, next);
	for (unsigned i = 0; i < 50; i++) {
		uint64_t e = table + i * (uint64_t)0x28;
		char name[8] = {'u', (char)('0' + i / 10), (char)('0' + i % 10), 0};
		fake_string(f, e, table + 0x1000 + i * 16, name);
		fake_put64(f, e + 0x10, 0xfffff80500000000u + i * 0x10000);
		fake_put64(f, e + 0x18, 0xfffff80500000000u + i * 0x10000 + 0x3000);
	}
}

START_TEST(unloaded_wrapped)
{
	struct fake f;
	unloaded_table(&f, 3);
	fake_open(&f);
	ck_assert_uint_eq(f.k.n_loaded, 3);
	ck_assert_uint_eq(f.k.n_modules, 53);
	ck_assert_str_eq(f.k.modules[3].name, "u02");
	ck_assert_str_eq(f.k.modules[5].name, "u00");
	ck_assert_str_eq(f.k.modules[6].name, "u49");
	ck_assert_str_eq(f.k.modules[52].name, "u03");
	ck_assert(f.k.modules[3].unloaded);
	ck_assert_uint_eq(f.k.modules[3].size_bytes, 0x3000);
	fake_free(&f);
	unloaded_table(&f, 50);
	fake_open(&f);
	ck_assert_str_eq(f.k.modules[3].name, "u49");
	fake_free(&f);
	unloaded_table(&f, 0xffffffff);
	fake_open(&f);
	ck_assert_uint_eq(f.k.n_modules, 53);
	ck_assert(fake_warned(&f, "MmLastUnloadedDriver"));
	fake_free(&f);
}
END_TEST

UNIT_MAIN("kernel_modules", closed, broken_in_the_middle, self_looping, names, unloaded_wrapped)
