/* SPDX-License-Identifier: MIT */
/* Real symbol tables against the built-in tables. Needs POOLSCOPE_SHARED, a directory with the reference data. */
#include "io/os.h"
#include "symbols/guid.h"
#include "symbols/profile.h"
#include "unit.h"
#include <stdio.h>
#include <string.h>

#define SKIPPED     77
#define MAX_LOAD_MS 10000 /* generous: sanitizers and busy machines; a plain build needs under 500 */

static const char *shared;
static unsigned n_loaded;

static void compare_symbols(const struct psc_profile *isf, const struct psc_profile *builtin)
{
	for (int i = 0; i < PSC_SYM_MAX; i++) {
		const char *name = psc_sym_name((enum psc_sym)i);
		ck_assert_msg(psc_profile_has_sym(isf, (enum psc_sym)i) ==
					      psc_profile_has_sym(builtin, (enum psc_sym)i) &&
				      isf->symbols[i].rva == builtin->symbols[i].rva,
			      "%s: %x in the file, %x built in", name, (unsigned)isf->symbols[i].rva,
			      (unsigned)builtin->symbols[i].rva);
	}
}

static void compare_fields(const struct psc_profile *isf, const struct psc_profile *builtin)
{
	for (int i = 0; i < PSC_FIELD_MAX; i++) {
		const struct psc_field *a = psc_profile_field(isf, (enum psc_field_id)i);
		const struct psc_field *b = psc_profile_field(builtin, (enum psc_field_id)i);
		const char *type, *name = psc_field_name((enum psc_field_id)i, &type);
		ck_assert_msg(!a == !b, "%s.%s: only %s", type, name, a ? "in the file" : "built in");
		if (!a)
			continue;
		ck_assert_msg(a->offset == b->offset && a->size_bytes == b->size_bytes &&
				      a->bit_position == b->bit_position && a->bit_length == b->bit_length &&
				      (a->struct_size == b->struct_size || b->struct_size == 0),
			      "%s.%s: %x, %x bytes of %x in the file, %x, %x bytes of %x built in", type, name,
			      (unsigned)a->offset, (unsigned)a->size_bytes, (unsigned)a->struct_size,
			      (unsigned)b->offset, (unsigned)b->size_bytes, (unsigned)b->struct_size);
	}
}

static bool check_file(void *arg, const char *name)
{
	const char *dir = (const char *)arg;
	struct psc_kernel_identity id = {.machine = PSC_MACHINE_X64, .pdb_name = "ntkrnlmp.pdb"};
	struct psc_profile isf = {.machine = PSC_MACHINE_X64}, builtin = {.machine = PSC_MACHINE_X64};
	struct psc_arena arena = PSC_ARENA_INIT;
	struct psc_warnings warnings = {.arena = &arena};
	struct psc_error err = {.text = ""};
	char path[1200];
	unsigned age = 0;
	if (sscanf(name, "%32[0-9A-F]-%u.json", id.pdb_guid, &age) != 2)
		return true;
	id.pdb_age = age;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	uint64_t start = psc_os_monotonic_ms();
	enum psc_status r = psc_isf_load_file(path, &id, &isf, &arena, &warnings, &err);
	uint64_t ms = psc_os_monotonic_ms() - start;
	ck_assert_msg(r == PSC_OK, "%s", err.text);
	ck_assert_uint_eq(warnings.n, 0);
	psc_builtin_load(&id, NULL, &builtin);
	ck_assert_ptr_nonnull(builtin.builtin_version);
	printf("%s %s: %u ms\n", name, builtin.builtin_version, (unsigned)ms);
	ck_assert_uint_lt(ms, MAX_LOAD_MS);
	compare_symbols(&isf, &builtin);
	compare_fields(&isf, &builtin);
	n_loaded++;

	id.pdb_guid[0] = id.pdb_guid[0] == '0' ? '1' : '0';
	struct psc_profile before = isf;
	ck_assert_int_eq(psc_isf_load_file(path, &id, &isf, &arena, &warnings, &err), PSC_E_NOT_FOUND);
	ck_assert_mem_eq(&before, &isf, sizeof(isf));
	psc_warnings_deinit(&warnings);
	psc_arena_deinit(&arena);
	return true;
}

START_TEST(files_equal_builtin)
{
	char dir[1024];
	snprintf(dir, sizeof(dir), "%s/data/isf", shared);
	ck_assert_int_eq(psc_os_list_dir(dir, check_file, dir), 0);
	ck_assert_uint_gt(n_loaded, 0);
}
END_TEST

int run_tests(void);
#define main run_tests
UNIT_MAIN("isf_shared", files_equal_builtin)
#undef main

int main(void)
{
	shared = getenv("POOLSCOPE_SHARED");
	if (!shared || !*shared)
		return SKIPPED;
	return run_tests();
}
