/* SPDX-License-Identifier: MIT */
#include "fakedump.h"

static bool read_pe(struct fake *f, struct psc_pe_info *ret)
{
	fake_open(f);
	return psc_pe_read(&f->k.reader, FAKE_BASE, ret);
}

/* The first debug entry is of another type. */
START_TEST(two_debug_entries)
{
	struct fake f;
	struct psc_pe_info pe;
	struct psc_pe_section s[4];
	fake_machine(&f);
	ck_assert(read_pe(&f, &pe));
	ck_assert(pe.has_debug_record);
	ck_assert_str_eq(pe.pdb_guid, FAKE_GUID);
	ck_assert_str_eq(pe.pdb_name, "ntkrnlmp.pdb");
	ck_assert_uint_eq(pe.pdb_age, 1);
	ck_assert_uint_eq(pe.size_of_image, FAKE_IMAGE_BYTES);
	ck_assert_uint_eq(psc_pe_sections(&f.k.reader, FAKE_BASE, s, 4), 2);
	ck_assert_str_eq(s[1].name, ".data");
	ck_assert_uint_eq(s[1].rva, 0x2000);
	ck_assert_uint_eq(s[1].size_bytes, 0x3000);
	fake_free(&f);
}
END_TEST

/* A name becomes part of a path: what cannot be a file name is dropped, the GUID stays. */
START_TEST(hostile_names)
{
	static const struct {
		const char *in, *out;
	} names[] = {
		{"D:\\build\\obj/driver.pdb", "driver.pdb"},
		{"..\\..\\etc/passwd", "passwd"},
		{"a/..", ""},
		{"x:y.pdb", ""},
		{"a\nb.pdb", ""},
		{"\xff\xfe.pdb", ""},
		{"", ""},
		{"k\xc3\xa9.pdb", "k\xc3\xa9.pdb"},
		{"0123456789012345678901234567890123456789012345678901234567890123456789.pdb", ""},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct fake f;
		struct psc_pe_info pe;
		fake_machine(&f);
		fake_pe(&f, FAKE_BASE, FAKE_IMAGE_BYTES, names[i].in);
		ck_assert(read_pe(&f, &pe));
		ck_assert(pe.has_debug_record);
		ck_assert_str_eq(pe.pdb_guid, FAKE_GUID);
		ck_assert_str_eq(pe.pdb_name, names[i].out);
		fake_free(&f);
	}
}
END_TEST

START_TEST(records_that_are_none)
{
	struct fake f;
	struct psc_pe_info pe;
	fake_machine(&f);
	fake_put(&f, FAKE_BASE + 0x1100, "NB10", 4);
	ck_assert(read_pe(&f, &pe));
	ck_assert(!pe.has_debug_record);
	ck_assert_str_eq(f.k.id.pdb_guid, "");
	fake_free(&f);
	/* The record's page is paged out: the rest stays known. */
	fake_machine(&f);
	fake_page_out(&f, FAKE_BASE + 0x1000);
	ck_assert(read_pe(&f, &pe));
	ck_assert(!pe.has_debug_record);
	ck_assert_uint_eq(pe.time_date_stamp, 0x12345678);
	fake_free(&f);
	/* The record leaves the image. */
	fake_machine(&f);
	fake_put32(&f, FAKE_BASE + 0x101c + 0x10, 0xffffffff);
	ck_assert(read_pe(&f, &pe));
	ck_assert(!pe.has_debug_record);
	fake_free(&f);
	/* The name is not terminated. */
	fake_machine(&f);
	fake_put32(&f, FAKE_BASE + 0x101c + 0x10, 24 + 4);
	ck_assert(read_pe(&f, &pe));
	ck_assert(pe.has_debug_record);
	ck_assert_str_eq(pe.pdb_name, "");
	fake_free(&f);
}
END_TEST

START_TEST(no_image)
{
	struct fake f;
	struct psc_pe_info pe;
	struct psc_pe_section s[4];
	fake_machine(&f);
	fake_put32(&f, FAKE_BASE + 0x3c, 0xfffffff0);
	ck_assert(!read_pe(&f, &pe));
	ck_assert(!psc_pe_read(&f.k.reader, FAKE_BASE + 0x1000, &pe));
	ck_assert(!psc_pe_read(&f.k.reader, UINT64_MAX - 0xfff, &pe));
	ck_assert(!psc_pe_read(&f.k.reader, 0, &pe));
	ck_assert_uint_eq(psc_pe_sections(&f.k.reader, FAKE_BASE, s, 4), 0);
	fake_free(&f);
	fake_machine(&f);
	fake_put16(&f, FAKE_BASE + 0x86, 0xffff);
	fake_open(&f);
	ck_assert_uint_eq(psc_pe_sections(&f.k.reader, FAKE_BASE, s, 4), 0);
	fake_free(&f);
}
END_TEST

UNIT_MAIN("kernel_pe", two_debug_entries, hostile_names, records_that_are_none, no_image)
