/* SPDX-License-Identifier: MIT */
/* Raw physical memory: file offset = physical address, or a map of runs that the user gives (reference: dumps 19). */
#include "image/internal.h"
#include "util/error.h"
#include "util/rangeset.h"

#include <inttypes.h>

static enum psc_status add_map(struct psc_extents_builder *b, const struct psc_run_map *map, size_t n,
			       struct psc_error *reterr)
{
	for (size_t i = 0; i < n; i++) {
		const struct psc_run_map *m = &map[i];
		if ((m->physical_address | m->size_bytes | m->file_offset) % PSC_PAGE_BYTES || m->size_bytes == 0)
			return psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0,
					"the run at physical address 0x%" PRIx64
					" is empty or not aligned to pages of 4096 bytes",
					m->physical_address);
		enum psc_status st =
			psc_extents_add_bytes(b, m->physical_address, m->size_bytes, m->file_offset, reterr);
		if (st != PSC_OK)
			return psc_fail_prefix(reterr, PSC_E_ARGUMENT, "run map");
	}
	return PSC_OK;
}

enum psc_status psc_raw_open(struct psc_image *img, const struct psc_run_map *map, size_t n_map,
			     struct psc_error *reterr)
{
	struct psc_rangeset set = {NULL, 0, 0, false};
	struct psc_extents_builder b = {0, 0, &set};
	img->format = "raw";
	if (n_map == 0 && img->size % PSC_PAGE_BYTES != 0)
		psc_warn(&img->warnings, "the file does not end with a whole page: its last %u bytes are not used",
			 (unsigned)(img->size % PSC_PAGE_BYTES));
	enum psc_status st = n_map != 0 ? add_map(&b, map, n_map, reterr)
					: psc_extents_add(&b, 0, img->size / PSC_PAGE_BYTES, reterr);
	if (st == PSC_OK)
		st = psc_extents_finish_scattered(img, &b, reterr);
	psc_rangeset_deinit(&set);
	return st;
}
