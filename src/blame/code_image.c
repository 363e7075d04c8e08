/* SPDX-License-Identifier: MIT */
#include "blame/code_image.h"

#include "util/bytes.h"
#include "util/checked.h"
#include "util/error.h"
#include <stdlib.h>
#include <string.h>

#define HEADER_MAX    0x2000u
#define COFF_BYTES    24u
#define SECTION_BYTES 40u
#define SCN_EXECUTE   0x20000000u
#define SCN_CODE      0x00000020u
#define SCN_WRITE     0x80000000u

struct raw_section {
	uint32_t rva, size, raw_offset, raw_size;
};

/* The header's fields; sections are clipped to the image. raw gets where the file has them. */
static enum psc_status parse_headers(const uint8_t *h, size_t n, struct psc_code_image *img, struct raw_section *raw,
				     struct psc_error *reterr)
{
	if (n < 0x40 || h[0] != 'M' || h[1] != 'Z')
		return psc_fail(reterr, PSC_E_FORMAT, PSC_WHERE_NONE, 0, "no PE image: it does not begin with MZ");
	uint32_t pe = psc_le32(h + 0x3c);
	if (!psc_range_ok(pe, COFF_BYTES + 0x44, n) || memcmp(h + pe, "PE\0\0", 4) != 0)
		return psc_fail(reterr, PSC_E_FORMAT, PSC_WHERE_NONE, 0, "no PE image: there is no PE header");
	uint16_t opt_size = psc_le16(h + pe + 20), n_sections = psc_le16(h + pe + 6);
	const uint8_t *opt = h + pe + COFF_BYTES;
	uint16_t magic = psc_le16(opt);
	uint32_t dirs_at = magic == 0x10b ? 96 : 112;
	img->machine = psc_le16(h + pe + 4);
	if (img->machine != PSC_MACHINE_X64 && img->machine != PSC_MACHINE_X86 && img->machine != PSC_MACHINE_ARM64)
		return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
				"PE image of machine 0x%x; x64, x86 and ARM64 are read", (unsigned)img->machine);
	if (magic != (img->machine == PSC_MACHINE_X86 ? 0x10b : 0x20b) || opt_size < dirs_at ||
	    !psc_range_ok(pe + COFF_BYTES, opt_size, n) || n_sections > PSC_PE_SECTIONS_MAX)
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0, "damaged PE header");
	img->pointer_bytes = magic == 0x10b ? 4 : 8;
	img->base = magic == 0x10b ? psc_le32(opt + 28) : psc_le64(opt + 24);
	img->entry_rva = psc_le32(opt + 16);
	uint32_t size = psc_le32(opt + 56);
	if (size == 0 || size > PSC_CODE_IMAGE_MAX)
		return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0, "PE image of %lu bytes; the limit is %u",
				(unsigned long)size, PSC_CODE_IMAGE_MAX);
	img->size_bytes = size;
	img->info.machine = img->machine;
	img->info.time_date_stamp = psc_le32(h + pe + 8);
	img->info.size_of_image = size;
	img->info.checksum = psc_le32(opt + 64);
	for (unsigned i = 0; i < PSC_DIR_MAX && i < psc_le32(opt + dirs_at - 4) && dirs_at + 8 * i + 8 <= opt_size;
	     i++) {
		uint32_t rva = psc_le32(opt + dirs_at + 8 * i), bytes = psc_le32(opt + dirs_at + 8 * i + 4);
		if (rva != 0 && rva < size) {
			img->dirs[i].rva = rva;
			img->dirs[i].size_bytes = bytes < size - rva ? bytes : size - rva;
		}
	}
	uint32_t at = pe + COFF_BYTES + opt_size, end = 0;
	for (unsigned i = 0; i < n_sections && psc_range_ok(at, SECTION_BYTES, n); i++, at += SECTION_BYTES) {
		const uint8_t *s = h + at;
		uint32_t vsize = psc_le32(s + 8), rva = psc_le32(s + 12), flags = psc_le32(s + 36);
		struct psc_code_section *sec = &img->sections[img->n_sections];
		struct raw_section *rs = &raw[img->n_sections];
		rs->raw_size = psc_le32(s + 16);
		rs->raw_offset = psc_le32(s + 20);
		if (vsize == 0)
			vsize = rs->raw_size;
		if (rva >= size || rva < end || vsize == 0)
			continue; /* sections ascend: what overlaps is not scanned twice */
		if (vsize > size - rva)
			vsize = size - rva;
		for (unsigned c = 0; c < 8 && s[c] != 0; c++)
			sec->name[c] = s[c] > 0x20 && s[c] < 0x7f ? (char)s[c] : '?';
		sec->rva = rs->rva = rva;
		sec->size_bytes = rs->size = vsize;
		sec->is_code = (flags & (SCN_EXECUTE | SCN_CODE)) != 0;
		sec->is_writable = (flags & SCN_WRITE) != 0;
		img->n_sections++;
		end = rva + vsize;
	}
	return PSC_OK;
}

static bool allocate(struct psc_code_image *img)
{
	uint32_t pages = (img->size_bytes + PSC_CODE_PAGE_BYTES - 1) / PSC_CODE_PAGE_BYTES;
	img->bytes = (uint8_t *)calloc(1, img->size_bytes);
	img->present = (uint8_t *)calloc(1, pages / 8 + 1);
	return img->bytes != NULL && img->present != NULL;
}

static void mark_present(struct psc_code_image *img, uint32_t rva, uint32_t n)
{
	for (uint64_t p = rva / PSC_CODE_PAGE_BYTES; p * PSC_CODE_PAGE_BYTES < (uint64_t)rva + n; p++)
		img->present[p / 8] |= (uint8_t)(1u << (p % 8));
}

static void count_code(struct psc_code_image *img)
{
	for (size_t i = 0; i < img->n_sections; i++) {
		const struct psc_code_section *s = &img->sections[i];
		if (!s->is_code)
			continue;
		img->code_bytes += s->size_bytes;
		for (uint32_t off = 0; off < s->size_bytes;) {
			uint32_t rva = s->rva + off, left = PSC_CODE_PAGE_BYTES - rva % PSC_CODE_PAGE_BYTES;
			if (left > s->size_bytes - off)
				left = s->size_bytes - off;
			if (!psc_code_page_present(img, rva))
				img->missing_code_bytes += left;
			off += left;
		}
	}
}

enum psc_status psc_code_image_from_file(const struct psc_source *src, struct psc_code_image *ret,
					 struct psc_error *reterr)
{
	struct raw_section raw[PSC_PE_SECTIONS_MAX];
	uint8_t header[HEADER_MAX];
	uint64_t file_size = psc_source_size(src);
	size_t n = (size_t)psc_min_u64(file_size, sizeof(header));
	memset(ret, 0, sizeof(*ret));
	enum psc_status st = psc_source_read(src, 0, header, n, reterr);
	if (st == PSC_OK)
		st = parse_headers(header, n, ret, raw, reterr);
	if (st != PSC_OK)
		return st;
	ret->from_file = true;
	if (!allocate(ret)) {
		psc_code_image_deinit(ret);
		return psc_fail_no_memory(reterr);
	}
	/* Every page is known: what the file does not store is zero. A section cut by the end of the file is not. */
	mark_present(ret, 0, ret->size_bytes);
	memcpy(ret->bytes, header, psc_min_u64(n, ret->size_bytes));
	for (size_t i = 0; i < ret->n_sections && st == PSC_OK; i++) {
		uint32_t want = raw[i].raw_size < raw[i].size ? raw[i].raw_size : raw[i].size, have = want;
		if (want == 0)
			continue;
		if (raw[i].raw_offset >= file_size)
			have = 0;
		else if (want > file_size - raw[i].raw_offset)
			have = (uint32_t)(file_size - raw[i].raw_offset);
		if (have != 0)
			st = psc_source_read(src, raw[i].raw_offset, ret->bytes + raw[i].rva, have, reterr);
		ret->sections[i].raw_bytes = have;
		for (uint32_t lost = have; lost < want; lost++)
			if ((raw[i].rva + lost) % PSC_CODE_PAGE_BYTES == 0)
				ret->present[(raw[i].rva + lost) / PSC_CODE_PAGE_BYTES / 8] &=
					(uint8_t) ~(1u << ((raw[i].rva + lost) / PSC_CODE_PAGE_BYTES % 8));
	}
	if (st != PSC_OK) {
		psc_code_image_deinit(ret);
		return st;
	}
	count_code(ret);
	return PSC_OK;
}

enum psc_status psc_code_image_from_memory(struct psc_reader *r, uint64_t base, uint64_t size_bytes,
					   struct psc_code_image *ret, struct psc_error *reterr)
{
	struct raw_section raw[PSC_PE_SECTIONS_MAX];
	uint8_t header[HEADER_MAX];
	memset(ret, 0, sizeof(*ret));
	size_t n = psc_read_va(r, base, header, sizeof(header));
	if (n == 0)
		return psc_fail(reterr, PSC_E_NOT_PRESENT, PSC_WHERE_VA, base, "the image's header is not in the dump");
	enum psc_status st = parse_headers(header, n, ret, raw, reterr);
	if (st != PSC_OK)
		return st;
	if (size_bytes != 0 && size_bytes < ret->size_bytes)
		ret->size_bytes = (uint32_t)size_bytes;
	for (size_t i = 0; i < ret->n_sections; i++)
		if (!psc_range_ok(ret->sections[i].rva, ret->sections[i].size_bytes, ret->size_bytes))
			ret->sections[i].size_bytes =
				ret->sections[i].rva < ret->size_bytes ? ret->size_bytes - ret->sections[i].rva : 0;
	for (unsigned i = 0; i < PSC_DIR_MAX; i++)
		if (!psc_range_ok(ret->dirs[i].rva, ret->dirs[i].size_bytes, ret->size_bytes))
			ret->dirs[i].rva = ret->dirs[i].size_bytes = 0;
	ret->base = base;
	if (!allocate(ret)) {
		psc_code_image_deinit(ret);
		return psc_fail_no_memory(reterr);
	}
	for (uint32_t rva = 0; rva < ret->size_bytes; rva += PSC_CODE_PAGE_BYTES) {
		uint32_t want =
			ret->size_bytes - rva < PSC_CODE_PAGE_BYTES ? ret->size_bytes - rva : PSC_CODE_PAGE_BYTES;
		uint64_t va;
		if (psc_add_u64(base, rva, &va) && psc_read_va(r, va, ret->bytes + rva, want) == want)
			mark_present(ret, rva, want);
		else
			memset(ret->bytes + rva, 0, want);
	}
	count_code(ret);
	return PSC_OK;
}

void psc_code_image_deinit(struct psc_code_image *img)
{
	free(img->bytes);
	free(img->present);
	img->bytes = img->present = NULL;
}

const uint8_t *psc_code_at(const struct psc_code_image *img, uint64_t rva, uint64_t n)
{
	if (n == 0 || !psc_range_ok(rva, n, img->size_bytes))
		return NULL;
	for (uint64_t p = rva / PSC_CODE_PAGE_BYTES; p <= (rva + n - 1) / PSC_CODE_PAGE_BYTES; p++)
		if ((img->present[p / 8] >> (p % 8) & 1) == 0)
			return NULL;
	return img->bytes + rva;
}

const uint8_t *psc_code_at_va(const struct psc_code_image *img, uint64_t va, uint64_t n)
{
	return va >= img->base ? psc_code_at(img, va - img->base, n) : NULL;
}

const struct psc_code_section *psc_code_section_at(const struct psc_code_image *img, uint64_t rva)
{
	for (size_t i = 0; i < img->n_sections; i++)
		if (rva >= img->sections[i].rva && rva - img->sections[i].rva < img->sections[i].size_bytes)
			return &img->sections[i];
	return NULL;
}

const char *psc_code_name_at(const struct psc_code_image *img, uint64_t rva)
{
	for (uint64_t n = 0; n < 256; n++) {
		const uint8_t *p = psc_code_at(img, rva + n, 1);
		if (p == NULL || (*p != 0 && (*p < 0x20 || *p > 0x7e)))
			return NULL;
		if (*p == 0)
			return n > 0 ? (const char *)img->bytes + rva : NULL;
	}
	return NULL;
}
