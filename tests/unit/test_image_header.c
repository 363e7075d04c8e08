/* SPDX-License-Identifier: MIT */
#include "test_image_build.h"

struct field {
	enum psc_header_field field;
	uint32_t off64, size64, off32, size32;
	bool zero_is_value;
};

/* Offsets a second time, on purpose. size 0: not in that header. */
static const struct field fields[] = {
	{PSC_HDR_DIRECTORY_TABLE_BASE, 0x10, 8, 0x10, 4, false},
	{PSC_HDR_PFN_DATABASE, 0x18, 8, 0x14, 4, false},
	{PSC_HDR_PS_LOADED_MODULE_LIST, 0x20, 8, 0x18, 4, false},
	{PSC_HDR_PS_ACTIVE_PROCESS_HEAD, 0x28, 8, 0x1c, 4, false},
	{PSC_HDR_PROCESSORS, 0x34, 4, 0x24, 4, false},
	{PSC_HDR_BUGCHECK, 0x38, 4, 0x28, 4, false},
	{PSC_HDR_KD_DEBUGGER_DATA_BLOCK, 0x80, 8, 0x60, 4, false},
	{PSC_HDR_SYSTEM_TIME, 0xfa8, 8, 0xfc0, 8, false},
	{PSC_HDR_SYSTEM_UP_TIME, 0x1030, 8, 0xfb8, 8, false},
	{PSC_HDR_MINI_DUMP_FIELDS, 0x1038, 4, 0xf8c, 4, true},
	{PSC_HDR_PRODUCT_TYPE, 0x1040, 4, 0xf94, 4, false},
	{PSC_HDR_SUITE_MASK, 0x1044, 4, 0xf98, 4, true},
	{PSC_HDR_ATTRIBUTES, 0x1050, 4, 0x8a0, 4, true},
	{PSC_HDR_PHYSICAL_MEMORY_BLOCK, 0x88, 4, 0x64, 4, false},
};
#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

static uint64_t value_of(const struct psc_dump_header *h, enum psc_header_field f)
{
	switch (f) {
	case PSC_HDR_DIRECTORY_TABLE_BASE:
		return h->directory_table_base;
	case PSC_HDR_PFN_DATABASE:
		return h->pfn_database;
	case PSC_HDR_PS_LOADED_MODULE_LIST:
		return h->ps_loaded_module_list;
	case PSC_HDR_PS_ACTIVE_PROCESS_HEAD:
		return h->ps_active_process_head;
	case PSC_HDR_PROCESSORS:
		return h->processors;
	case PSC_HDR_BUGCHECK:
		return h->bugcheck_code;
	case PSC_HDR_KD_DEBUGGER_DATA_BLOCK:
		return h->kd_debugger_data_block;
	case PSC_HDR_SYSTEM_TIME:
		return h->system_time_filetime;
	case PSC_HDR_SYSTEM_UP_TIME:
		return h->uptime_100ns;
	case PSC_HDR_MINI_DUMP_FIELDS:
		return h->mini_dump_fields;
	case PSC_HDR_PRODUCT_TYPE:
		return h->product_type;
	case PSC_HDR_SUITE_MASK:
		return h->suite_mask;
	case PSC_HDR_ATTRIBUTES:
		return h->attributes;
	default:
		return 0;
	}
}

static void put_field(struct file *f, const struct field *d, bool is_64bit, uint64_t v)
{
	if ((is_64bit ? d->size64 : d->size32) == 8)
		put64(f, is_64bit ? d->off64 : d->off32, v);
	else
		put32(f, is_64bit ? d->off64 : d->off32, (uint32_t)v);
}

START_TEST(test_fill_pattern_is_absent)
{
	for (int wide = 0; wide < 2; wide++) {
		struct file f = new_dump(wide, 3, 0x2000);
		struct opened o = open_good(&f);
		const struct psc_dump_header *h = psc_image_header(o.img);
		ck_assert_uint_eq(h->present, 1u << PSC_HDR_DUMP_TYPE);
		ck_assert_int_eq(h->is_64bit, wide);
		ck_assert_int_eq(psc_image_get_kind(o.img), PSC_IMAGE_EMPTY);
		ck_assert_int_eq(psc_image_dump_type(o.img), PSC_DUMP_HEADER);
		ck_assert_int_eq(h->machine, wide ? PSC_MACHINE_X64 : PSC_MACHINE_X86);
		ck_assert_uint_eq(h->major_version, 0);
		ck_assert_uint_eq(h->build, 0);
		for (size_t i = 0; i < N_FIELDS; i++)
			ck_assert_uint_eq(value_of(h, fields[i].field), 0);
		for (unsigned i = 0; i < 4; i++)
			ck_assert_uint_eq(h->bugcheck_parameters[i], 0);
		ck_assert_str_eq(h->comment, "");
		ck_assert(!h->pae_enabled);
		expect_no_page(o.img, 0, PSC_PAGE_HOLE);
		close_opened(&o);
		free(f.bytes);
	}
}
END_TEST

START_TEST(test_fields_one_by_one)
{
	for (int wide = 0; wide < 2; wide++) {
		for (size_t i = 0; i < N_FIELDS; i++) {
			const struct field *d = &fields[i];
			bool is_block = d->field == PSC_HDR_PHYSICAL_MEMORY_BLOCK;
			struct file f = new_dump(wide, 3, 0x2000);
			uint64_t v = 0x12 + i;
			put_field(&f, d, wide, v);
			struct opened o = open_good(&f);
			const struct psc_dump_header *h = psc_image_header(o.img);
			ck_assert_uint_eq(h->present, 1u << PSC_HDR_DUMP_TYPE | 1u << d->field);
			for (size_t k = 0; k < N_FIELDS; k++)
				ck_assert_uint_eq(value_of(h, fields[k].field), k == i && !is_block ? v : 0);
			close_opened(&o);
			put_field(&f, d, wide, 0);
			o = open_good(&f);
			ck_assert_int_eq(psc_header_has(psc_image_header(o.img), d->field), d->zero_is_value);
			close_opened(&o);
			free(f.bytes);
		}
	}
}
END_TEST

START_TEST(test_identity_and_bugcheck)
{
	struct file f = new_dump(true, 3, 0x2000);
	put32(&f, 0x8, 0xf);
	put32(&f, 0xc, 19041);
	put32(&f, 0x30, 0xaa64);
	put32(&f, 0x38, 0x1000007e);
	for (unsigned i = 0; i < 4; i++)
		put64(&f, 0x40 + 8 * i, 0xffffffffc0000000u + i);
	struct opened o = open_good(&f);
	const struct psc_dump_header *h = psc_image_header(o.img);
	ck_assert_uint_eq(h->major_version, 0xf);
	ck_assert_uint_eq(h->build, 19041);
	ck_assert_int_eq(h->machine, PSC_MACHINE_ARM64);
	ck_assert_uint_eq(h->bugcheck_code, 0x1000007e);
	ck_assert_uint_eq(h->bugcheck_parameters[3], 0xffffffffc0000003u);
	close_opened(&o);
	put32(&f, 0x30, 0x200);
	o = open_good(&f);
	ck_assert_int_eq(psc_image_header(o.img)->machine, PSC_MACHINE_UNKNOWN);
	ck_assert_uint_eq(psc_image_header(o.img)->machine_value, 0x200);
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_addresses_of_32_bit_dumps_are_zero_extended)
{
	struct file f = new_dump(false, 3, 0x1000);
	put32(&f, 0x18, 0x82345678);
	put32(&f, 0x60, 0xfff00000);
	put32(&f, 0x2c, 0xdeadbeef);
	struct opened o = open_good(&f);
	const struct psc_dump_header *h = psc_image_header(o.img);
	ck_assert_uint_eq(h->ps_loaded_module_list, 0x82345678);
	ck_assert_uint_eq(h->kd_debugger_data_block, 0xfff00000);
	ck_assert_uint_eq(h->bugcheck_parameters[0], 0xdeadbeef);
	close_opened(&o);
	free(f.bytes);
}
END_TEST

START_TEST(test_pae_flag)
{
	static const struct {
		uint8_t byte;
		bool has, enabled;
	} cases[] = {{0x50, false, false}, {0, true, false}, {1, true, true}, {7, false, false}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct file f = new_dump(false, 3, 0x1000);
		f.bytes[0x5c] = cases[i].byte;
		struct opened o = open_good(&f);
		ck_assert_int_eq(psc_header_has(psc_image_header(o.img), PSC_HDR_PAE_ENABLED), cases[i].has);
		ck_assert_int_eq(psc_image_header(o.img)->pae_enabled, cases[i].enabled);
		close_opened(&o);
		free(f.bytes);
	}
}
END_TEST

START_TEST(test_comment)
{
	for (int wide = 0; wide < 2; wide++) {
		size_t at = wide ? 0xfb0 : 0x820;
		struct file f = new_dump(wide, 3, 0x2000);
		put_bytes(&f, at, "made\nby \x1b\xfftool  ", 17);
		struct opened o = open_good(&f);
		ck_assert_str_eq(psc_image_header(o.img)->comment, "made?by ??tool");
		close_opened(&o);
		memset(f.bytes + at, 'x', 128);
		o = open_good(&f);
		ck_assert_uint_eq(strlen(psc_image_header(o.img)->comment), 128);
		close_opened(&o);
		free(f.bytes);
	}
}
END_TEST

START_TEST(test_zero_filled_header)
{
	struct file f = new_file(0x2000);
	put_bytes(&f, 0, "PAGEDU64", 8);
	put32(&f, 0xf98, 3);
	struct opened o = open_good(&f);
	ck_assert_uint_eq(psc_image_header(o.img)->present, 1u << PSC_HDR_DUMP_TYPE | 1u << PSC_HDR_MINI_DUMP_FIELDS |
								    1u << PSC_HDR_SUITE_MASK |
								    1u << PSC_HDR_ATTRIBUTES);
	close_opened(&o);
	free(f.bytes);
}
END_TEST

UNIT_MAIN("image_header", test_fill_pattern_is_absent, test_fields_one_by_one, test_identity_and_bugcheck,
	  test_addresses_of_32_bit_dumps_are_zero_extended, test_pae_flag, test_comment, test_zero_filled_header)
