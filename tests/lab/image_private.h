/* SPDX-License-Identifier: MIT */
/* Shared by the parts of the image builder. */
#ifndef LAB_IMAGE_PRIVATE_H
#define LAB_IMAGE_PRIVATE_H

#include "image.h"
#include <stdio.h>

#define LAB_PE_MAX_SECTIONS 96u

enum lab_pe_directory {
	LAB_PE_EXPORT = 0,
	LAB_PE_IMPORT = 1,
	LAB_PE_RELOC = 5,
	LAB_PE_DEBUG = 6,
};

struct lab_pe_section {
	uint32_t virtual_size, rva, raw_size, raw_offset, characteristics;
};

struct lab_pe {
	bool is_64bit;
	uint16_t machine;
	uint32_t time_date_stamp, size_of_image, size_of_headers;
	size_t checksum_offset, image_base_offset; /* file offsets, in the headers */
	uint64_t image_base;
	struct lab_pe_section sections[LAB_PE_MAX_SECTIONS];
	size_t n_sections;
	uint32_t directory_rva[16], directory_size[16];
};

uint16_t lab_le16(const uint8_t *p);
uint32_t lab_le32(const uint8_t *p);
uint64_t lab_le64(const uint8_t *p);

/* image_pe.c */
void lab_pe_parse(struct lab_pe *pe, const uint8_t *file, size_t size);
/* The toolchain leaves CheckSum 0; Windows' loader wants it. */
uint32_t lab_pe_checksum(const struct lab_pe *pe, const uint8_t *file, size_t size);
/* mapped, sizes, stamps and the RSDS record of img->file. */
void lab_pe_fill_image(struct lab_image *img);

/* image_map.c: symbols of a linker map file. */
void lab_map_read(struct lab_image *img, const char *path);

/* image_source.c */
void lab_source_kernel(FILE *f, enum lab_arch arch, const struct lab_global *globals, size_t n_globals,
		       const char *c_types, uint64_t seed, uint32_t pinned_rva);
/* The block of memory of all globals whose RVA is fixed. pinned_rva above: where the linker put it, 0 when that is not
   known yet; those in front of it cannot be fixed. */
#define LAB_PINNED "KiLabPinned"
/* Module definition of the kernel's exports: for its own link, or (imports) for the drivers' import library. */
void lab_source_exports(FILE *f, enum lab_arch arch, bool imports);

#endif
