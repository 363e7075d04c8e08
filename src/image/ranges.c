/* SPDX-License-Identifier: MIT */
/* Range dump RDMP, 64 bit only: ranges packed back to back from a first page that is not page-aligned in the file. */
#include "image/internal.h"
#include "util/bytes.h"
#include "util/checked.h"
#include "util/error.h"
#include "util/rangeset.h"

/* File offsets. reference: dumps 9 [1] */
enum {
	RDMP_METADATA_SIZE = 0x2010,
	RDMP_METADATA = 0x2020, /* type 10: u32 number of ranges, u64 number of pages at +8 */
	RDMP_RANGES = 0x2030,
	RANGE_BYTES = 16,
	CHUNK_RANGES = 256,
};

/* Far more than any writer lists; bounds the memory that a crafted table takes. */
#define MAX_RANGES ((size_t)1 << 21)

static enum psc_status add_chunk(struct psc_extents_builder *b, const uint8_t *bytes, size_t n, size_t *n_done,
				 bool *ret_at_end, struct psc_error *reterr)
{
	struct psc_cursor c = psc_cursor_init(bytes, n * RANGE_BYTES);
	for (size_t i = 0; i < n; i++) {
		uint64_t pfn = psc_cursor_u64(&c);
		uint64_t n_pages = psc_cursor_u64(&c);
		if (n_pages == 0) {
			*ret_at_end = true;
			return PSC_OK;
		}
		if (*n_done == MAX_RANGES)
			return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0, "more than %zu ranges", MAX_RANGES);
		enum psc_status st = psc_extents_add(b, pfn, n_pages, reterr);
		if (st != PSC_OK)
			return st;
		(*n_done)++;
	}
	return PSC_OK;
}

static enum psc_status read_ranges(struct psc_image *img, struct psc_extents_builder *b, uint64_t n_ranges,
				   size_t *ret_n, struct psc_error *reterr)
{
	uint8_t buf[CHUNK_RANGES * RANGE_BYTES];
	bool at_end = false;
	*ret_n = 0;
	for (uint64_t i = 0; i < n_ranges && !at_end; i += CHUNK_RANGES) {
		size_t n = (size_t)psc_min_u64(n_ranges - i, CHUNK_RANGES);
		enum psc_status st =
			psc_source_read(img->src, RDMP_RANGES + i * RANGE_BYTES, buf, n * RANGE_BYTES, reterr);
		if (st == PSC_OK)
			st = add_chunk(b, buf, n, ret_n, &at_end, reterr);
		if (st != PSC_OK)
			return psc_fail_prefix(reterr, st, "range table");
	}
	return PSC_OK;
}

enum psc_status psc_ranges_open(struct psc_image *img, struct psc_error *reterr)
{
	uint8_t head[0x20];
	enum psc_status st = psc_source_read(img->src, RDMP_METADATA_SIZE, head, sizeof(head), reterr);
	if (st != PSC_OK)
		return psc_fail_prefix(reterr, st, "range dump header");
	uint64_t metadata = psc_le64(head), first_page = psc_le64(head + 8);
	uint64_t claimed_ranges = psc_le32(head + 0x10), claimed_pages = psc_le64(head + 0x18);
	uint64_t end;
	if (metadata < RDMP_RANGES - RDMP_METADATA || !psc_add_u64(RDMP_METADATA, metadata, &end) || first_page < end)
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_FILE_OFFSET, RDMP_METADATA_SIZE,
				"range dump: metadata of 0x%llx bytes do not fit before the first page at 0x%llx",
				(unsigned long long)metadata, (unsigned long long)first_page);
	if (end > img->size)
		return psc_fail(reterr, PSC_E_TRUNCATED, PSC_WHERE_FILE_OFFSET, img->size,
				"the file ends inside the range table (at 0x%llx of 0x%llx)",
				(unsigned long long)img->size, (unsigned long long)end);
	if (first_page != end)
		psc_warn(&img->warnings, "range dump: the first page is at 0x%llx, the range table ends at 0x%llx",
			 (unsigned long long)first_page, (unsigned long long)end);

	struct psc_rangeset set = {NULL, 0, 0, false};
	struct psc_extents_builder b = {first_page, 0, &set};
	size_t n = 0;
	st = read_ranges(img, &b, (end - RDMP_RANGES) / RANGE_BYTES, &n, reterr);
	if (st == PSC_OK)
		st = psc_extents_finish(img, &b, first_page, reterr);
	psc_rangeset_deinit(&set);
	if (st != PSC_OK)
		return st;
	if (img->type == PSC_DUMP_RANGE_FULL && (claimed_ranges != n || claimed_pages != b.n_pages))
		psc_warn(&img->warnings, "range dump: %llu ranges with %llu pages announced, %llu with %llu listed",
			 (unsigned long long)claimed_ranges, (unsigned long long)claimed_pages, (unsigned long long)n,
			 (unsigned long long)b.n_pages);
	img->outside = img->type == PSC_DUMP_RANGE_FULL ? PSC_PAGE_HOLE : PSC_PAGE_ABSENT;
	return PSC_OK;
}
