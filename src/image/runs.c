/* SPDX-License-Identifier: MIT */
/* Full dump: pages of the header's runs, in table order, right after the header. */
#include "image/fields.h"
#include "util/checked.h"
#include "util/error.h"
#include "util/rangeset.h"

/* PhysicalMemoryBlock. reference: dumps 3 [V], 4 [2] */
struct block_layout {
	uint32_t n_runs, n_pages, first_run;
	uint32_t pointer_bytes, max_runs;
};
static const struct block_layout block64 = {0x88, 0x90, 0x98, 8, 43};
static const struct block_layout block32 = {0x64, 0x68, 0x6c, 4, 86};

static enum psc_status read_runs(const struct psc_image *img, const uint8_t *header, struct psc_extents_builder *b,
				 uint64_t *ret_claimed, struct psc_error *reterr)
{
	const struct block_layout *l = img->header.is_64bit ? &block64 : &block32;
	uint32_t n = psc_field_u32(header + l->n_runs);
	if (n == 0)
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_FILE_OFFSET, l->n_runs,
				"DumpType %u says that all memory follows, but the header lists no physical memory",
				(unsigned)img->header.dump_type_value);
	if (n > l->max_runs)
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_FILE_OFFSET, l->n_runs,
				"the header claims %lu runs of physical memory, it has room for %u", (unsigned long)n,
				(unsigned)l->max_runs);
	struct psc_cursor c = psc_cursor_init(header, img->header_bytes);
	psc_cursor_seek(&c, l->n_pages);
	*ret_claimed = psc_cursor_ptr(&c, l->pointer_bytes);
	if (*ret_claimed == (l->pointer_bytes == 8 ? PSC_FILL_U64 : PSC_FILL_U32))
		*ret_claimed = 0;
	psc_cursor_seek(&c, l->first_run);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t pfn = psc_cursor_ptr(&c, l->pointer_bytes);
		uint64_t n_pages = psc_cursor_ptr(&c, l->pointer_bytes);
		enum psc_status st = psc_extents_add(b, pfn, n_pages, reterr);
		if (st != PSC_OK)
			return psc_fail_prefix(reterr, st, "run %u of the header", (unsigned)i);
	}
	return PSC_OK;
}

enum psc_status psc_runs_open(struct psc_image *img, const uint8_t *header, struct psc_error *reterr)
{
	struct psc_rangeset set = {NULL, 0, 0, false};
	struct psc_extents_builder b = {img->header_bytes, 0, &set};
	uint64_t claimed = 0;
	enum psc_status st = read_runs(img, header, &b, &claimed, reterr);
	if (st == PSC_OK)
		st = psc_extents_finish(img, &b, img->header_bytes, reterr);
	psc_rangeset_deinit(&set);
	img->outside = PSC_PAGE_HOLE;
	if (st == PSC_OK && claimed != 0 && claimed != b.n_pages)
		psc_warn(&img->warnings, "the header counts %llu physical pages, its runs hold %llu",
			 (unsigned long long)claimed, (unsigned long long)b.n_pages);
	return st;
}

bool psc_runs_expected_size(const struct psc_image *img, const uint8_t *header, uint64_t *ret)
{
	struct psc_rangeset set = {NULL, 0, 0, false};
	struct psc_extents_builder b = {img->header_bytes, 0, &set};
	uint64_t claimed = 0;
	bool ok =
		read_runs(img, header, &b, &claimed, NULL) == PSC_OK && psc_rangeset_seal(&set) == 0 && b.n_pages != 0;
	psc_rangeset_deinit(&set);
	if (ok)
		*ret = b.next_off;
	return ok;
}
