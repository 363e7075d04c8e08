/* SPDX-License-Identifier: MIT */
/* The search for a kernel: the memory of a good dump without its header, patched by the input. */
#include "kernel/kernel.h"
#include "patched_dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_RUNS 1024u

static struct patched_dump patched;
static struct psc_run_map map[MAX_RUNS];
static size_t n_map;

static void make_map(void)
{
	struct psc_source *src = NULL;
	struct psc_image *img = NULL;
	patched_dump_make(&patched, FUZZ_BASE_DUMP, NULL, 0);
	if (psc_source_open_mem(patched.base, patched.size, NULL, &src, NULL) != PSC_OK ||
	    psc_image_open(src, &img, NULL) != PSC_OK)
		abort();
	/* The fixture's pages are not aligned in the file to more than its header is. */
	for (uint64_t pfn = 0; pfn <= psc_image_highest_pfn(img) && n_map < MAX_RUNS; pfn++) {
		uint64_t off, n = psc_image_contiguous(img, pfn, UINT64_MAX, &off);
		if (n == 0)
			continue;
		struct psc_run_map m = {pfn * PSC_PAGE_BYTES, n * PSC_PAGE_BYTES, off};
		map[n_map++] = m;
		pfn += n - 1;
	}
	psc_image_close(img);
	psc_source_close(src);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct psc_discovery unknown = {0, 0, 0};
	struct psc_image_options io = {.is_raw = true, .map = map};
	struct psc_kernel_options ko = {.kernel_base = 0};
	struct psc_arena arena = PSC_ARENA_INIT;
	struct psc_warnings warnings = {&arena, NULL, 0, 0, 0};
	struct psc_source *src = NULL;
	struct psc_image *img = NULL;
	struct psc_kernel *k = (struct psc_kernel *)malloc(sizeof(*k));
	struct psc_error err;
	if (n_map == 0)
		make_map();
	io.n_map = n_map;
	patched_dump_make(&patched, FUZZ_BASE_DUMP, data, size);
	if (k == NULL || psc_source_open_mem(patched.work, patched.size, NULL, &src, NULL) != PSC_OK ||
	    psc_image_open_with(src, &io, &img, &err) != PSC_OK)
		abort();
	enum psc_status st = psc_kernel_discover(img, &unknown, &warnings, NULL, &ko.kernel_base, &err);
	if (size == 0 && st != PSC_OK)
		abort();
	if (st == PSC_OK) {
		const struct psc_dump_header *h = psc_image_header(img);
		if (ko.kernel_base == 0 || h->directory_table_base == 0)
			abort();
		/* Whoever names what was found gets it. */
		const struct psc_discovery known = {h->directory_table_base, ko.kernel_base, h->kd_debugger_data_block};
		uint64_t base = 0;
		if (psc_kernel_discover(img, &known, &warnings, NULL, &base, &err) != PSC_OK || base != ko.kernel_base)
			abort();
		if (psc_kernel_init(k, img, &ko, NULL, &err) != PSC_OK)
			abort();
		psc_kernel_deinit(k);
	}
	psc_warnings_deinit(&warnings);
	psc_arena_deinit(&arena);
	psc_image_close(img);
	psc_source_close(src);
	free(k);
	return 0;
}
