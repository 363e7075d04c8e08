/* SPDX-License-Identifier: MIT */
/* Looking up structure fields in the types of a parsed ISF file. */
#ifndef PSC_SYMBOLS_ISF_TYPES_H
#define PSC_SYMBOLS_ISF_TYPES_H

#include "symbols/profile.h"
#include <cjson/cJSON.h>

struct psc_isf_named {
	const char *name;
	const cJSON *node;
	size_t order;
};

/* The user_types by name. Borrows from root. */
struct psc_isf_types {
	const cJSON *base_types, *enums;
	struct psc_isf_named *items;
	size_t n;
};

/* Missing members are taken as empty. */
enum psc_status psc_isf_types_init(struct psc_isf_types *types, const cJSON *root, struct psc_error *reterr);
void psc_isf_types_deinit(struct psc_isf_types *types);
/* Fills *ret, with origin NONE when the file does not have the field. */
enum psc_status psc_isf_types_field(const struct psc_isf_types *types, enum psc_field_id f, struct psc_field *ret,
				    struct psc_error *reterr);

/* A number that must be integral and fit 32 bits: PSC_E_CORRUPT names what it is. *ret is left alone when node is
 * NULL. */
enum psc_status psc_isf_u32(const cJSON *node, const char *what, uint32_t *ret, struct psc_error *reterr);

#endif
