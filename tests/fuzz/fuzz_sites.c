/* SPDX-License-Identifier: MIT */
/* The call-site scan: the input is a driver file, x64, x86 or ARM64. Rows must keep their promises. */
#include "blame/sites.h"
#include <stdlib.h>

static void check(const struct psc_code_image *img, const struct psc_site *r)
{
	if (r->call_rva >= img->size_bytes || r->function_rva >= img->size_bytes || r->api == NULL ||
	    r->pool_text == NULL || r->n_chain > PSC_SITE_CHAIN_MAX)
		abort();
	if (r->is_tail_call != (r->return_rva == 0))
		abort();
	const struct psc_site_value *v[] = {&r->tag, &r->pool, &r->size};
	for (int i = 0; i < 3; i++)
		if (v[i]->n > PSC_SITE_VALUES_MAX || (v[i]->kind == PSC_SITE_CONSTANT && v[i]->n != 1))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct psc_source_options so = {.max_unpacked_bytes = 1 << 20};
	struct psc_source *src = NULL;
	struct psc_code_image img;
	if (psc_source_open_mem(data, size, &so, &src, NULL) != PSC_OK)
		return 0;
	if (psc_code_image_from_file(src, &img, NULL) == PSC_OK) {
		struct psc_scan s;
		struct psc_site_list list = {.arena = PSC_ARENA_INIT};
		psc_code_debug_record(&img);
		if (psc_scan_run(&s, &img, NULL, NULL) && psc_site_rows_of(&s, 0, &list))
			for (size_t i = 0; i < list.n; i++)
				check(&img, &list.items[i]);
		/* As if it imported what it exports, and one of its imports were a wrapper of another module. */
		if (psc_site_exported_wrappers(&s, 0, &list.arena, &list.exported) && list.exported.n > 0) {
			psc_scan_deinit(&s);
			list.exported.items[0].name = "IoAllocateMdl";
			list.n = 0;
			if (psc_scan_run(&s, &img, NULL, &list.exported) && psc_site_rows_of(&s, 1, &list))
				for (size_t i = 0; i < list.n; i++)
					check(&img, &list.items[i]);
		}
		psc_scan_deinit(&s);
		free(list.items);
		free(list.exported.items);
		psc_arena_deinit(&list.arena);
		psc_code_image_deinit(&img);
	}
	psc_source_close(src);
	return 0;
}
