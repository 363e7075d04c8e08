/* SPDX-License-Identifier: MIT */
/* One PE image laid out by RVA, from a file or from the memory of a dump, with the pages that are missing marked.
 * Read-only once loaded. Facts: reference kernel 7 [V]; the PE format is public. */
#ifndef PSC_BLAME_CODE_IMAGE_H
#define PSC_BLAME_CODE_IMAGE_H

#include "io/source.h"
#include "kernel/kernel.h"

#define PSC_CODE_IMAGE_MAX  (256u << 20)
#define PSC_CODE_PAGE_BYTES 4096u

enum psc_code_dir {
	PSC_DIR_EXPORT = 0,
	PSC_DIR_IMPORT = 1,
	PSC_DIR_EXCEPTION = 3,
	PSC_DIR_DEBUG = 6,
	PSC_DIR_LOAD_CONFIG = 10,
	PSC_DIR_DELAY_IMPORT = 13,
	PSC_DIR_MAX = 16,
};

struct psc_code_section {
	char name[9]; /* printable */
	uint32_t rva, size_bytes;
	uint32_t raw_bytes; /* file: of these, in the file */
	bool is_code, is_writable;
};

struct psc_code_image {
	uint32_t machine; /* enum psc_machine */
	unsigned pointer_bytes;
	uint64_t base; /* of a file: the one it asks for */
	uint32_t size_bytes;
	uint8_t *bytes;   /* size_bytes; missing pages are zero */
	uint8_t *present; /* one bit a page */
	bool from_file;
	struct psc_code_section sections[PSC_PE_SECTIONS_MAX];
	size_t n_sections;
	struct {
		uint32_t rva, size_bytes;
	} dirs[PSC_DIR_MAX];
	uint32_t entry_rva;
	struct psc_pe_info info;
	uint64_t code_bytes;             /* of executable sections */
	uint64_t missing_code_bytes;     /* of these, not there */
	const struct psc_cancel *cancel; /* ends its scan; set by who scans it, NULL: nothing does */
};

/* PSC_E_FORMAT: no PE. PSC_E_UNSUPPORTED: a machine that is not read, or too large. PSC_E_CORRUPT. */
enum psc_status psc_code_image_from_file(const struct psc_source *src, struct psc_code_image *ret,
					 struct psc_error *reterr);
/* size_bytes: as the module list says; 0: as the header says. PSC_E_NOT_PRESENT when the header is not in the dump. */
enum psc_status psc_code_image_from_memory(struct psc_reader *r, uint64_t base, uint64_t size_bytes,
					   struct psc_code_image *ret, struct psc_error *reterr);
void psc_code_image_deinit(struct psc_code_image *img);

/* n bytes at an RVA when all of their pages are there, else NULL. */
const uint8_t *psc_code_at(const struct psc_code_image *img, uint64_t rva, uint64_t n);
/* The same by address. */
const uint8_t *psc_code_at_va(const struct psc_code_image *img, uint64_t va, uint64_t n);
/* The section that holds an RVA, or NULL. */
const struct psc_code_section *psc_code_section_at(const struct psc_code_image *img, uint64_t rva);
/* A NUL-terminated ASCII name of at most 255 characters, or NULL. */
const char *psc_code_name_at(const struct psc_code_image *img, uint64_t rva);

static inline bool psc_code_page_present(const struct psc_code_image *img, uint32_t rva)
{
	uint32_t page = rva / PSC_CODE_PAGE_BYTES;
	return (img->present[page / 8] >> (page % 8) & 1) != 0;
}

#endif
