/* SPDX-License-Identifier: MIT */
/* Any bytes as a dump: find and describe its kernel, then check what the description promises. */
#include "kernel/kernel.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                                                                                                       \
	do {                                                                                                           \
		if (!(x))                                                                                              \
			abort();                                                                                       \
	} while (0)

static bool count(void *arg, const struct psc_process *p)
{
	size_t *n = arg;
	CHECK(memchr(p->image_file_name, 0, sizeof(p->image_file_name)) != NULL);
	return ++*n < 65536;
}

static void look_at(struct psc_kernel *k)
{
	struct psc_error error;
	size_t n = 0;
	CHECK(k->kdbg.state != NULL && k->symbols != NULL);
	CHECK(k->n_loaded <= k->n_modules);
	CHECK((k->base & (PSC_PAGE_BYTES - 1)) == 0);
	CHECK((k->physical_memory_bytes != 0) == (k->physical_memory_source != NULL));
	for (size_t i = 0; i < k->n_modules; i++) {
		CHECK(k->modules[i].name != NULL && k->modules[i].name[0] != '\0');
		CHECK(k->modules[i].unloaded == (i >= k->n_loaded));
		CHECK(strlen(k->modules[i].pdb_guid) == 0 || strlen(k->modules[i].pdb_guid) == 32);
	}
	for (size_t i = 0; i < k->n_prcb; i++)
		CHECK(psc_is_kernel_va(&k->space, k->prcb[i]));
	for (unsigned s = 0; s < PSC_SYM_MAX; s++) {
		uint64_t va = psc_kernel_sym(k, (enum psc_sym)s);
		CHECK((va != 0) == (psc_kernel_sym_origin(k, (enum psc_sym)s) != PSC_ORIGIN_NONE));
	}
	enum psc_status st = psc_kernel_processes(k, count, &n, &error);
	CHECK(st == PSC_OK || st == PSC_E_NOT_FOUND || st == PSC_E_CORRUPT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct psc_source_options opts;
	struct psc_source *src = NULL;
	struct psc_image *img = NULL;
	struct psc_kernel *k = malloc(sizeof(*k));
	struct psc_error error;
	memset(&opts, 0, sizeof(opts));
	opts.max_unpacked_bytes = (uint64_t)1 << 24;
	if (k && psc_source_open_mem(data, size, &opts, &src, &error) == PSC_OK &&
	    psc_image_open(src, &img, &error) == PSC_OK) {
		const struct psc_discovery unknown = {0, 0, 0};
		struct psc_kernel_options opts_found = {.kernel_base = 0};
		struct psc_arena arena = PSC_ARENA_INIT;
		struct psc_warnings warnings = {&arena, NULL, 0, 0, 0};
		if (!psc_image_has_header(img) &&
		    psc_kernel_discover(img, &unknown, &warnings, NULL, &opts_found.kernel_base, &error) == PSC_OK)
			CHECK(opts_found.kernel_base != 0);
		psc_warnings_deinit(&warnings);
		psc_arena_deinit(&arena);
		CHECK(psc_kernel_init(k, img, &opts_found, NULL, &error) == PSC_OK);
		look_at(k);
		psc_kernel_deinit(k);
	}
	psc_image_close(img);
	psc_source_close(src);
	free(k);
	return 0;
}
