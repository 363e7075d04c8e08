/* SPDX-License-Identifier: MIT */
/* LiME: records of a header and the memory it names, up to the end of the file (reference: dumps 19 [2]). */
#include "image/internal.h"
#include "util/bytes.h"
#include "util/error.h"
#include "util/rangeset.h"

#include <inttypes.h>

#define RECORD_BYTES 0x20u
#define LIME_MAGIC   0x4c694d45u
#define MAX_RECORDS  65536u

static enum psc_status add_records(const struct psc_image *img, struct psc_extents_builder *b, struct psc_error *reterr)
{
	uint64_t off = 0;
	for (unsigned n = 0; off < img->size; n++) {
		uint8_t h[RECORD_BYTES];
		if (n == MAX_RECORDS)
			return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_FILE_OFFSET, off, "more than %u LiME records",
					MAX_RECORDS);
		if (img->size - off < RECORD_BYTES) /* cut inside a header: what stands before it counts */
			return PSC_OK;
		enum psc_status st = psc_source_read(img->src, off, h, sizeof(h), reterr);
		if (st != PSC_OK)
			return st;
		uint64_t start = psc_le64(h + 8), last = psc_le64(h + 0x10);
		if (psc_le32(h) != LIME_MAGIC || last < start || last - start >= PSC_PFN_END * PSC_PAGE_BYTES)
			return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_FILE_OFFSET, off,
					"LiME record %u is damaged (it ends where the next one should begin)", n);
		if (psc_le32(h + 4) != 1)
			return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_FILE_OFFSET, off,
					"LiME version %" PRIu32 " is not known; take the image again with version 1",
					psc_le32(h + 4));
		off += RECORD_BYTES;
		uint64_t bytes = last - start + 1;
		st = psc_extents_add_bytes(b, start, bytes, off, reterr);
		if (st != PSC_OK)
			return psc_fail_prefix(reterr, st, "LiME record %u", n);
		if (bytes > UINT64_MAX - off)
			break;
		off += bytes;
	}
	return PSC_OK;
}

enum psc_status psc_lime_open(struct psc_image *img, struct psc_error *reterr)
{
	struct psc_rangeset set = {NULL, 0, 0, false};
	struct psc_extents_builder b = {0, 0, &set};
	img->format = "lime";
	if (img->size < RECORD_BYTES)
		return psc_fail(reterr, PSC_E_TRUNCATED, PSC_WHERE_FILE_OFFSET, img->size,
				"LiME memory image: the file ends inside its first record");
	enum psc_status st = add_records(img, &b, reterr);
	if (st == PSC_OK)
		st = psc_extents_finish_scattered(img, &b, reterr);
	psc_rangeset_deinit(&set);
	return st;
}
