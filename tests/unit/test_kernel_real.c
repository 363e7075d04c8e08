/* SPDX-License-Identifier: MIT */
/* Two real minidumps, where they are at hand (directory in POOLSCOPE_SHARED). */
#include "unit.h"

#include "kernel/internal.h"
#include "symbols/fingerprint.h"
#include <stdio.h>
#include <string.h>

#define SKIPPED 77

struct opened {
	struct psc_source *src;
	struct psc_image *img;
	struct psc_kernel k;
	unsigned n_confirmed;
};

static char dumps[2][512], isf[512], isf_dir[512];

static void on_log(void *arg, enum psc_log_level level, const char *text)
{
	struct opened *o = arg;
	(void)level;
	o->n_confirmed += strstr(text, "header pointers confirmed by ISF") != NULL;
}

static void open_dump(struct opened *o, const char *path, const struct psc_kernel_options *opts)
{
	struct psc_error e;
	memset(o, 0, sizeof(*o));
	memset(&e, 0, sizeof(e));
	struct psc_log log = {on_log, o};
	ck_assert_msg(psc_source_open_file(path, NULL, &o->src, &e) == PSC_OK, "%s", e.text);
	ck_assert_msg(psc_image_open(o->src, &o->img, &e) == PSC_OK, "%s", e.text);
	ck_assert_msg(psc_kernel_init(&o->k, o->img, opts, &log, &e) == PSC_OK, "%s", e.text);
}

static void close_dump(struct opened *o)
{
	psc_kernel_deinit(&o->k);
	psc_image_close(o->img);
	psc_source_close(o->src);
}

static void check_x64(const struct psc_kernel *k)
{
	ck_assert_uint_eq(k->base, 0xfffff8047ba00000u);
	ck_assert_str_eq(k->kdbg.state, "copy");
	ck_assert_uint_eq(k->kdbg.va, 0xfffff8047c600b20u);
	ck_assert_uint_eq(k->kdbg.size_bytes, 0x380);
	ck_assert_uint_eq(k->id.build, 19041);
	ck_assert_uint_eq(k->id.time_date_stamp, 0x0d8333e6);
	ck_assert_uint_eq(k->id.size_of_image, 0x1046000);
	ck_assert_str_eq(k->version, "10.0.19041.804");
	ck_assert_str_eq(k->version_source, "build list");
	ck_assert_uint_eq(k->revision, 804);
	ck_assert_uint_eq(k->n_prcb, 16);
	ck_assert_uint_eq(k->n_loaded, 151);
	ck_assert_str_eq(k->modules[0].path, "\\SystemRoot\\system32\\ntoskrnl.exe");
	ck_assert_str_eq(k->modules[0].name, "ntoskrnl.exe");
	ck_assert_ptr_nonnull(k->build_lab);
	ck_assert_int_eq(strncmp(k->build_lab, "19041.1.amd64fre.vb_release", 27), 0);
	/* The page of the debug record is not in the dump. */
	ck_assert_str_eq(k->pdb_source, "fingerprint");
	ck_assert_str_eq(k->id.pdb_name, "ntkrnlmp.pdb");
	ck_assert_str_eq(k->id.pdb_guid, "5278AFF86C341677D7D7835C85B7B844");
	ck_assert_uint_eq(k->id.pdb_age, 1);
}

START_TEST(x64_without_files)
{
	struct opened o;
	open_dump(&o, dumps[0], NULL);
	check_x64(&o.k);
	ck_assert_str_eq(o.k.symbols, "builtin");
	ck_assert_int_eq(o.k.header_symbol_check, 0);
	ck_assert_uint_eq(psc_kernel_sym(&o.k, PSC_SYM_PoolBigPageTable), 0xfffff8047ba00000u + 0xc19100);
	close_dump(&o);
	struct psc_kernel_options opts = {.no_builtin = true};
	open_dump(&o, dumps[0], &opts);
	check_x64(&o.k);
	ck_assert_str_eq(o.k.symbols, "kdbg");
	close_dump(&o);
}
END_TEST

START_TEST(x64_with_isf)
{
	struct opened o;
	struct psc_kernel_options opts = {.isf_path = isf};
	open_dump(&o, dumps[0], &opts);
	check_x64(&o.k);
	ck_assert_int_eq(o.k.header_symbol_check, 1);
	ck_assert_uint_eq(o.n_confirmed, 1);
	ck_assert_str_eq(o.k.symbols, "isf");
	ck_assert_uint_eq(psc_kernel_sym(&o.k, PSC_SYM_PoolTrackTable), 0xfffff8047c6168a8u);
	for (size_t i = 0; i < o.k.warnings.n; i++)
		ck_assert_msg(!strstr(o.k.warnings.items[i], "symbols say"), "%s", o.k.warnings.items[i]);
	close_dump(&o);
	opts.isf_path = NULL;
	ck_assert_int_eq(psc_symbol_search_new(&opts.search, NULL), PSC_OK);
	ck_assert_int_eq(psc_symbol_search_add(opts.search, isf_dir, "test", NULL), PSC_OK);
	open_dump(&o, dumps[0], &opts);
	ck_assert_int_eq(o.k.header_symbol_check, 1);
	close_dump(&o);
	psc_symbol_search_free(opts.search);
}
END_TEST

START_TEST(arm64)
{
	struct opened o;
	open_dump(&o, dumps[1], NULL);
	ck_assert_uint_eq(o.k.base, 0xfffff803f2e00000u);
	ck_assert_str_eq(o.k.kdbg.state, "copy");
	ck_assert_uint_eq(o.k.id.build, 22000);
	ck_assert_uint_eq(o.k.n_prcb, 8);
	ck_assert_uint_eq(o.k.n_loaded, 245);
	ck_assert_uint_eq(psc_image_header(o.img)->bugcheck_code, 0x1c8);
	ck_assert_uint_eq(o.k.id.time_date_stamp, 0xdf291b09);
	ck_assert_uint_eq(o.k.id.size_of_image, 0x103e000);
	ck_assert_int_eq(strncmp(o.k.build_lab, "22000.1.arm64fre", 16), 0);
	close_dump(&o);
}
END_TEST

/* The same facts with one address changed, or of another version, are nobody's. */
START_TEST(fingerprints)
{
	uint64_t rvas[PSC_SYM_MAX] = {0};
	struct psc_kernel_identity id = {.machine = PSC_MACHINE_X64, .build = 19041};
	char guid[33] = "";
	uint32_t age = 0;
	rvas[PSC_SYM_KdDebuggerDataBlock] = 0xc00b20;
	rvas[PSC_SYM_PsLoadedModuleList] = 0xc2a390;
	rvas[PSC_SYM_PsActiveProcessHead] = 0xc1e200;
	rvas[PSC_SYM_PoolTrackTable] = 0xc168a8;
	rvas[PSC_SYM_KiProcessorBlock] = 0xcfdc80;
	ck_assert(!psc_builtin_fingerprint(&id, "10.0.19041.805", rvas, guid, &age));
	ck_assert(!psc_builtin_fingerprint(&id, NULL, rvas, guid, &age));
	rvas[PSC_SYM_KiProcessorBlock]++;
	ck_assert(!psc_builtin_fingerprint(&id, "10.0.19041.804", rvas, guid, &age));
	ck_assert_str_eq(guid, "");
	rvas[PSC_SYM_KiProcessorBlock]--;
	ck_assert(psc_builtin_fingerprint(&id, "10.0.19041.804", rvas, guid, &age));
	ck_assert_str_eq(guid, "5278AFF86C341677D7D7835C85B7B844");
	ck_assert_uint_eq(age, 1);
}
END_TEST

static bool is_there(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (f)
		fclose(f);
	return f != NULL;
}

int main(void)
{
	const char *shared = getenv("POOLSCOPE_SHARED");
	if (!shared)
		return SKIPPED;
	snprintf(dumps[0], sizeof(dumps[0]), "%s/data/dumps/triage_x64.dmp", shared);
	snprintf(dumps[1], sizeof(dumps[1]), "%s/data/dumps/triage_arm64.dmp", shared);
	snprintf(isf, sizeof(isf), "%s/data/isf/5278AFF86C341677D7D7835C85B7B844-1.json.xz", shared);
	snprintf(isf_dir, sizeof(isf_dir), "%s/data/isf", shared);
	if (!is_there(dumps[0]) || !is_there(dumps[1]) || !is_there(isf))
		return SKIPPED;
	TCase *tc = tcase_create("kernel_real");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, x64_without_files);
	tcase_add_test(tc, x64_with_isf);
	tcase_add_test(tc, arm64);
	tcase_add_test(tc, fingerprints);
	Suite *suite = suite_create("kernel_real");
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
