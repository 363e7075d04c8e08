/* SPDX-License-Identifier: MIT */
/* CodeView records: names, numbers and symbols as they stand in PDB streams (reference symbols 3.3, 3.6). */
#ifndef PSC_SYMBOLS_CV_H
#define PSC_SYMBOLS_CV_H

#include "util/bytes.h"

/* Bytes of a record; not followed by a NUL in records of old compilers. */
struct psc_cv_name {
	const char *s;
	size_t n;
};

/* A name that ends with NUL, or (is_counted: kinds and leaves of old compilers) starts with its length. */
struct psc_cv_name psc_cv_read_name(struct psc_cursor *c, bool is_counted);
bool psc_cv_name_is(const struct psc_cv_name *name, const char *text);

/* A numeric leaf: *ret is its value if it is an integer of at most 64 bits (sign-extended), and true. Other kinds of
 * numbers are skipped and give false; a kind of unknown length also sets c->failed. */
bool psc_cv_read_number(struct psc_cursor *c, uint64_t *ret);

enum psc_cv_class {
	PSC_CV_OTHER = 0,
	PSC_CV_PUBLIC,    /* flags, segment, offset */
	PSC_CV_DATA,      /* type, segment, offset; is_global */
	PSC_CV_PROC,      /* type, segment, offset, size_bytes; is_global */
	PSC_CV_THUNK,     /* segment, offset, size_bytes (of code) */
	PSC_CV_PROC_REF,  /* module, offset of the procedure's record in its module's symbols; is_global */
	PSC_CV_CONSTANT,  /* type, value if has_value */
	PSC_CV_TYPE_NAME, /* type */
};

struct psc_cv_symbol {
	uint16_t kind; /* S_x, as in the file */
	enum psc_cv_class class;
	bool is_global; /* visible in other modules */
	bool has_value;
	uint32_t type, flags, offset, size_bytes;
	uint16_t segment, module; /* module: counted from 1 */
	uint64_t value;
	struct psc_cv_name name;
};

#define PSC_CV_PUBLIC_CODE     1u /* flags of S_PUB32 */
#define PSC_CV_PUBLIC_FUNCTION 2u

/* record: from its kind on, n bytes (its length field). false: damaged. A kind that is not of interest gives
 * PSC_CV_OTHER and nothing but its kind. */
bool psc_cv_parse_symbol(const uint8_t *record, size_t n, struct psc_cv_symbol *ret);

#endif
