/* SPDX-License-Identifier: MIT */
/* Which images hold a tag as a constant: the four bytes anywhere in their resident pages, code or not. Circumstantial:
 * code that holds a tag may also only free or look for it, and four bytes may stand there by chance. */
#ifndef PSC_BLAME_TAG_CONSTANTS_H
#define PSC_BLAME_TAG_CONSTANTS_H

#include "kernel/kernel.h"

#define PSC_TAG_CONSTANTS_TAGS_MAX 256u
#define PSC_TAG_MODULE_BYTES_MAX   (256u << 20) /* of an image, from its start on */

/* The forms in which a tag may stand in code: bit 0 byte order reversed (as a multi-character constant that is read
 * aloud backwards), bit 1 with the protected bit. */
enum { PSC_TAG_FORM_REVERSED = 1, PSC_TAG_FORM_PROTECTED = 2, PSC_TAG_FORMS = 4 };

/* All places of one form of one tag in one section. */
struct psc_tag_constant {
	uint32_t tag;    /* index into the tags that were asked for */
	uint32_t module; /* index into k->modules */
	char section[9]; /* printable; "" when the section table is not in the dump */
	bool is_code;    /* executable, and known to be */
	unsigned form;   /* 0 .. PSC_TAG_FORMS - 1; a form equal to a lower one is not repeated */
	uint64_t count;
	uint32_t first_rva;
};

struct psc_tag_module {
	uint32_t module;
	uint64_t pages, missing_pages; /* of its sections; missing: not in the dump */
	uint64_t discarded_pages;      /* of those missing: in sections that are freed once the driver has started */
	bool has_sections;
};

struct psc_tag_constants {
	struct psc_arena arena;
	struct psc_tag_constant *items; /* by tag, module, address of the section, form */
	size_t n;
	struct psc_tag_module *modules; /* each loaded module that was read, in the order of k->modules */
	size_t n_modules;
	uint64_t pages, missing_pages;
	bool is_partial; /* more different places than can be kept */
};

/* tags: as numbers, first character in the low byte; the protected bit does not count. At most
 * PSC_TAG_CONSTANTS_TAGS_MAX. One pass over the resident pages of all loaded modules. PSC_E_ARGUMENT, PSC_E_NO_MEMORY,
 * PSC_E_CANCELLED (by progress). psc_tag_constants_deinit in every case but PSC_E_ARGUMENT. */
enum psc_status psc_tag_constants_find(struct psc_kernel *k, const uint32_t *tags, size_t n_tags,
				       psc_progress_fn *progress, void *progress_arg, struct psc_tag_constants *ret,
				       struct psc_error *reterr);
void psc_tag_constants_deinit(struct psc_tag_constants *c);

#endif
