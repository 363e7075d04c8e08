/* SPDX-License-Identifier: MIT */
/* Two real minidumps, found through POOLSCOPE_SHARED (the directory that holds data/dumps). Skipped without it. */
#include "test_image_build.h"

#include "util/bytes.h"
#include <stdio.h>

#define SKIPPED 77

struct expected {
	const char *name;
	uint32_t n_blocks, processors, build, bugcheck, n_modules, n_unloaded;
	enum psc_machine machine;
	uint32_t time_date_stamp, size_of_image;
	uint64_t prcb, thread, process, stack_base;
};

static const struct expected expected[] = {
	{"triage_x64.dmp", 1831, 16, 19041, 0x1000007e, 151, 4, PSC_MACHINE_X64, 0x0d8333e6, 0x1046000,
	 0xfffff804782d4180, 0xffffc08bde9e1640, 0xffffc08bdce94180, 0xffff850429893000},
	{"triage_arm64.dmp", 679, 8, 22000, 0x1c8, 245, 11, PSC_MACHINE_ARM64, 0xdf291b09, 0x103e000,
	 0xfffff803efd00980, 0xffffbb8eb1719180, 0xffffbb8eb1690080, 0xffffe00e0e4bd000},
};

static struct opened open_shared(const char *name)
{
	char path[1024];
	snprintf(path, sizeof(path), "%s/data/dumps/%s", getenv("POOLSCOPE_SHARED"), name);
	struct psc_source_options opts;
	memset(&opts, 0, sizeof(opts));
	struct opened o;
	memset(&o, 0, sizeof(o));
	o.status = psc_source_open_file(path, &opts, &o.src, &o.error);
	ck_assert_msg(o.status == PSC_OK, "%s", o.error.text);
	o.status = psc_image_open(o.src, &o.img, &o.error);
	ck_assert_msg(o.status == PSC_OK, "%s", o.error.text);
	return o;
}

static void check_ranges(const struct psc_image *img, const struct expected *e)
{
	size_t n, n_blocks = 0;
	const struct psc_saved_range *r = psc_image_saved_ranges(img, &n);
	for (size_t i = 0; i < n; i++) {
		n_blocks += strcmp(r[i].what, "data block") == 0;
		if (i > 0)
			ck_assert_uint_ge(r[i].va, r[i - 1].va + r[i - 1].size_bytes);
	}
	ck_assert_uint_eq(n_blocks, e->n_blocks);

	uint8_t buf[16];
	ck_assert_uint_eq(psc_image_read_saved(img, e->prcb, buf, sizeof(buf)), sizeof(buf));
	ck_assert_uint_eq(psc_le64(buf + 8), e->thread);
	ck_assert_uint_eq(psc_image_read_saved(img, e->process, buf, sizeof(buf)), sizeof(buf));
	ck_assert_uint_eq(buf[0], 3); /* DISPATCHER_HEADER.Type of a process */
	ck_assert_uint_eq(psc_image_read_saved(img, e->thread, buf, sizeof(buf)), sizeof(buf));
	ck_assert_uint_eq(buf[0], 6); /* of a thread */
	ck_assert_uint_eq(psc_image_read_saved(img, e->stack_base - 16, buf, sizeof(buf)), sizeof(buf));
	ck_assert_uint_eq(psc_image_read_saved(img, psc_image_header(img)->kd_debugger_data_block + 0x10, buf, 4), 4);
	ck_assert_mem_eq(buf, "KDBG", 4);
}

static void check_modules(const struct psc_image *img, const struct expected *e)
{
	size_t n, n_unloaded = 0;
	const struct psc_triage_module *m = psc_image_triage_modules(img, &n);
	for (size_t i = 0; i < n; i++) {
		n_unloaded += m[i].unloaded;
		ck_assert_ptr_nonnull(m[i].path);
		ck_assert_uint_gt(m[i].base, 0xffff800000000000u);
		ck_assert_uint_gt(m[i].size_of_image, 0);
	}
	ck_assert_uint_eq(n - n_unloaded, e->n_modules);
	ck_assert_uint_eq(n_unloaded, e->n_unloaded);
	ck_assert_str_eq(m[0].path, "\\SystemRoot\\system32\\ntoskrnl.exe");
	ck_assert_uint_eq(m[0].time_date_stamp, e->time_date_stamp);
	ck_assert_uint_eq(m[0].size_of_image, e->size_of_image);
}

START_TEST(test_real_minidumps)
{
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		const struct expected *e = &expected[i];
		struct opened o = open_shared(e->name);
		const struct psc_dump_header *h = psc_image_header(o.img);
		ck_assert_int_eq(psc_image_get_kind(o.img), PSC_IMAGE_VIRTUAL);
		ck_assert_int_eq(psc_image_dump_type(o.img), PSC_DUMP_TRIAGE);
		ck_assert_int_eq(h->machine, e->machine);
		ck_assert_uint_eq(h->processors, e->processors);
		ck_assert_uint_eq(h->build, e->build);
		ck_assert_uint_eq(h->bugcheck_code, e->bugcheck);
		ck_assert(psc_header_has(h, PSC_HDR_SYSTEM_TIME));
		ck_assert(!psc_header_has(h, PSC_HDR_PHYSICAL_MEMORY_BLOCK));
		ck_assert(!psc_image_is_truncated(o.img));
		ck_assert_uint_eq(psc_image_warnings(o.img)->n, 0);
		check_ranges(o.img, e);
		check_modules(o.img, e);
		close_opened(&o);
	}
}
END_TEST

static bool is_readable(const char *dir, const char *name)
{
	char path[1024];
	snprintf(path, sizeof(path), "%s/data/dumps/%s", dir, name);
	FILE *f = fopen(path, "rb");
	if (f)
		fclose(f);
	return f != NULL;
}

int main(void)
{
	const char *dir = getenv("POOLSCOPE_SHARED");
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		if (!dir || !*dir || !is_readable(dir, expected[i].name)) {
			printf("1..0 # SKIP POOLSCOPE_SHARED does not lead to the real dumps\n");
			return SKIPPED;
		}
	}
	Suite *suite = suite_create("image_real");
	TCase *tc = tcase_create("image_real");
	tcase_add_test(tc, test_real_minidumps);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
