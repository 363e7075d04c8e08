/* SPDX-License-Identifier: MIT */
/* Reading the linked PE back: layout in memory, RSDS record, relocation, imports (kernel.md section 7). */
#include "image_private.h"
#include "mem_private.h"
#include <stdlib.h>
#include <string.h>

#define SCN_EXECUTE   UINT32_C(0x20000000)
#define SCN_WRITE     UINT32_C(0x80000000)
#define REL_HIGHLOW   3u
#define REL_DIR64     10u
#define TYPE_CODEVIEW 2u

uint16_t lab_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

uint32_t lab_le32(const uint8_t *p)
{
	return lab_le16(p) | (uint32_t)lab_le16(p + 2) << 16;
}

uint64_t lab_le64(const uint8_t *p)
{
	return lab_le32(p) | (uint64_t)lab_le32(p + 4) << 32;
}

static void put32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static void put_pointer(uint8_t *p, uint64_t v, bool is_64bit)
{
	put32(p, (uint32_t)v);
	if (is_64bit)
		put32(p + 4, (uint32_t)(v >> 32));
}

void lab_pe_parse(struct lab_pe *pe, const uint8_t *file, size_t size)
{
	size_t coff, optional, at;
	uint32_t n_directories;

	*pe = (struct lab_pe){0};
	if (size < 0x200 || memcmp(file, "MZ", 2) != 0 || lab_le32(file + 0x3c) > size - 0x180 ||
	    memcmp(file + lab_le32(file + 0x3c), "PE\0", 4) != 0)
		lab_die("the linker's output is not a PE");
	coff = lab_le32(file + 0x3c) + 4;
	optional = coff + 20;
	pe->machine = lab_le16(file + coff);
	pe->n_sections = lab_le16(file + coff + 2);
	pe->time_date_stamp = lab_le32(file + coff + 4);
	pe->is_64bit = lab_le16(file + optional) == 0x20b;
	pe->image_base_offset = optional + (pe->is_64bit ? 24 : 28);
	pe->image_base = pe->is_64bit ? lab_le64(file + optional + 24) : lab_le32(file + optional + 28);
	pe->size_of_image = lab_le32(file + optional + 56);
	pe->size_of_headers = lab_le32(file + optional + 60);
	pe->checksum_offset = optional + 64;
	at = optional + (pe->is_64bit ? 108 : 92);
	n_directories = lab_le32(file + at);
	for (uint32_t i = 0; i < n_directories && i < 16; i++) {
		pe->directory_rva[i] = lab_le32(file + at + 4 + 8 * i);
		pe->directory_size[i] = lab_le32(file + at + 8 + 8 * i);
	}
	at = optional + lab_le16(file + coff + 16);
	if (pe->n_sections > LAB_PE_MAX_SECTIONS || at + 40 * pe->n_sections > size || pe->size_of_headers > size ||
	    pe->size_of_headers > pe->size_of_image)
		lab_die("PE headers of a strange size");
	for (size_t i = 0; i < pe->n_sections; i++, at += 40) {
		struct lab_pe_section *s = &pe->sections[i];

		s->virtual_size = lab_le32(file + at + 8);
		s->rva = lab_le32(file + at + 12);
		s->raw_size = lab_le32(file + at + 16);
		s->raw_offset = lab_le32(file + at + 20);
		s->characteristics = lab_le32(file + at + 36);
		if (s->raw_size > size || s->raw_offset > size - s->raw_size || s->rva > pe->size_of_image ||
		    s->virtual_size > pe->size_of_image - s->rva)
			lab_die("PE section %zu lies outside the file", i);
	}
}

uint32_t lab_pe_checksum(const struct lab_pe *pe, const uint8_t *file, size_t size)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < size; i += 2) {
		const uint32_t word = i + 1 < size ? lab_le16(file + i) : file[i];

		if (i == pe->checksum_offset || i == pe->checksum_offset + 2)
			continue;
		sum += word;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum + (uint32_t)size;
}

static const uint8_t *at_rva(const struct lab_image *img, uint32_t rva, size_t n)
{
	if (rva > img->size_of_image || n > img->size_of_image - rva)
		lab_die("RVA %#x lies outside the image", rva);
	return img->mapped + rva;
}

static void read_rsds(struct lab_image *img, const struct lab_pe *pe)
{
	const uint32_t n = pe->directory_size[LAB_PE_DEBUG] / 28;

	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *entry = at_rva(img, pe->directory_rva[LAB_PE_DEBUG] + 28 * i, 28);
		const uint32_t size = lab_le32(entry + 16);
		const uint8_t *cv = at_rva(img, lab_le32(entry + 20), size);

		if (lab_le32(entry + 12) != TYPE_CODEVIEW || size < 26 || memcmp(cv, "RSDS", 4) != 0)
			continue;
		snprintf(img->pdb_guid_hex, sizeof img->pdb_guid_hex, "%08X%04X%04X%02X%02X%02X%02X%02X%02X%02X%02X",
			 (unsigned)lab_le32(cv + 4), (unsigned)lab_le16(cv + 8), (unsigned)lab_le16(cv + 10), cv[12],
			 cv[13], cv[14], cv[15], cv[16], cv[17], cv[18], cv[19]);
		img->pdb_age = lab_le32(cv + 20);
		snprintf(img->pdb_name, sizeof img->pdb_name, "%.*s", (int)(size - 24), (const char *)cv + 24);
		return;
	}
	lab_die("the linker wrote no RSDS record");
}

void lab_pe_fill_image(struct lab_image *img)
{
	struct lab_pe pe;

	lab_pe_parse(&pe, img->file, img->file_size);
	img->checksum = lab_pe_checksum(&pe, img->file, img->file_size);
	put32(img->file + pe.checksum_offset, img->checksum);
	img->size_of_image = pe.size_of_image;
	img->time_date_stamp = pe.time_date_stamp;
	img->preferred_base = pe.image_base;
	img->mapped = lab_xcalloc(1, pe.size_of_image);
	memcpy(img->mapped, img->file, pe.size_of_headers);
	for (size_t i = 0; i < pe.n_sections; i++) {
		const struct lab_pe_section *s = &pe.sections[i];

		memcpy(img->mapped + s->rva, img->file + s->raw_offset,
		       s->raw_size < s->virtual_size ? s->raw_size : s->virtual_size);
	}
	read_rsds(img, &pe);
}

static void relocate_one(uint8_t *image, uint32_t size, uint32_t rva, unsigned type, uint64_t delta)
{
	const uint32_t width = type == REL_DIR64 ? 8 : 4;

	if (type == 0) /* padding */
		return;
	if (type != REL_DIR64 && type != REL_HIGHLOW)
		lab_die("relocation type %u", type);
	if (rva > size || width > size - rva)
		lab_die("relocation at RVA %#x lies outside the image", rva);
	if (type == REL_DIR64)
		put_pointer(image + rva, lab_le64(image + rva) + delta, true);
	else
		put32(image + rva, lab_le32(image + rva) + (uint32_t)delta);
}

static void relocate(const struct lab_image *img, const struct lab_pe *pe, uint8_t *image, uint64_t base)
{
	const uint64_t delta = base - pe->image_base;
	uint32_t at = pe->directory_rva[LAB_PE_RELOC];
	const uint32_t end = at + pe->directory_size[LAB_PE_RELOC];

	while (at + 8 <= end) {
		const uint8_t *block = at_rva(img, at, 8);
		const uint32_t page = lab_le32(block), size = lab_le32(block + 4);

		if (size < 8 || size > end - at)
			lab_die("relocation block of %u bytes", size);
		for (uint32_t i = 8; i + 2 <= size; i += 2) {
			const uint16_t entry = lab_le16(at_rva(img, at + i, 2));

			relocate_one(image, img->size_of_image, page + (entry & 0xfff), entry >> 12, delta);
		}
		at += size;
	}
	put_pointer(image + pe->image_base_offset, base, pe->is_64bit);
}

/* The kernel's own pages are writable everywhere: Windows maps it with large pages. */
static unsigned page_flags(const struct lab_pe *pe, uint32_t rva)
{
	const bool is_kernel = pe->directory_size[LAB_PE_EXPORT] != 0;

	for (size_t i = 0; i < pe->n_sections; i++) {
		const struct lab_pe_section *s = &pe->sections[i];
		unsigned flags = is_kernel ? LAB_MAP_WRITE : 0;

		if (rva < s->rva || rva - s->rva >= s->virtual_size)
			continue;
		if ((s->characteristics & SCN_WRITE) != 0)
			flags |= LAB_MAP_WRITE;
		if ((s->characteristics & SCN_EXECUTE) == 0)
			flags |= LAB_MAP_NX;
		return flags;
	}
	return LAB_MAP_NX | (is_kernel ? LAB_MAP_WRITE : 0);
}

void lab_image_load(struct lab_mem *m, const struct lab_image *img, uint64_t base)
{
	static const uint8_t zeros[LAB_PAGE_BYTES];
	struct lab_pe pe;
	uint8_t *image = lab_xcalloc(1, img->size_of_image);

	lab_pe_parse(&pe, img->file, img->file_size);
	memcpy(image, img->mapped, img->size_of_image);
	relocate(img, &pe, image, base);
	for (uint32_t rva = 0; rva < img->size_of_image; rva += LAB_PAGE_BYTES) {
		const uint32_t left = img->size_of_image - rva;
		const uint32_t n = left < LAB_PAGE_BYTES ? left : LAB_PAGE_BYTES;

		lab_mem_map(m, base + rva, LAB_PAGE_BYTES, page_flags(&pe, rva));
		if (memcmp(image + rva, zeros, n) != 0)
			lab_put(m, base + rva, image + rva, n);
	}
	free(image);
}

void lab_image_bind(struct lab_mem *m, const struct lab_image *driver, uint64_t driver_base,
		    const struct lab_image *kernel, uint64_t kernel_base)
{
	struct lab_pe pe;
	uint32_t at;

	lab_pe_parse(&pe, driver->file, driver->file_size);
	at = pe.directory_rva[LAB_PE_IMPORT];
	if (at == 0)
		return;
	for (;; at += 20) {
		const uint8_t *descriptor = at_rva(driver, at, 20);
		const uint32_t width = pe.is_64bit ? 8 : 4;
		uint32_t names = lab_le32(descriptor), slots = lab_le32(descriptor + 16);

		if (slots == 0)
			return;
		for (;; names += width, slots += width) {
			const uint32_t hint = lab_le32(at_rva(driver, names, width));
			uint64_t target;

			if (hint == 0)
				break;
			target = kernel_base + lab_image_rva(kernel, (const char *)at_rva(driver, hint + 2, 1));
			if (pe.is_64bit)
				lab_put64(m, driver_base + slots, target);
			else
				lab_put32(m, driver_base + slots, (uint32_t)target);
		}
	}
}
