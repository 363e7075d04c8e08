/* SPDX-License-Identifier: MIT */
/* The tables that data/generate.py makes of data/fields.tsv, kernels.tsv and builds.tsv. All are read-only and without
 * pointers, so that they need no relocation. Texts are offsets into psc_builtin_texts. */
#ifndef PSC_SYMBOLS_BUILTIN_TABLES_H
#define PSC_SYMBOLS_BUILTIN_TABLES_H

#include "symbols/profile.h"
#include <stddef.h>
#include <stdint.h>

enum psc_builtin_arch {
	PSC_BUILTIN_X86 = 0, /* with and without PAE */
	PSC_BUILTIN_X86_PAE = 1,
	PSC_BUILTIN_X86_NO_PAE = 2,
	PSC_BUILTIN_X64 = 3,
	PSC_BUILTIN_ARM64 = 4,
};

/* A build and its revision in one comparable number: build << 16 | revision. Revision 0 is the build as first shipped;
 * for 2600 and 3790 it is the service pack, for 26100 1 = (a), 2 = (b). */
struct psc_builtin_field {
	uint32_t from, to;
	uint32_t offset, size_bytes, struct_size;
	uint16_t field; /* enum psc_field_id */
	uint16_t struct_index;
	uint8_t arch;
	uint8_t is_known; /* 0: the row says that nothing is known of these builds, or that they lack the field */
	uint8_t bit_position, bit_length;
};
extern const struct psc_builtin_field psc_builtin_fields[]; /* by field, arch, from */
extern const size_t psc_builtin_fields_n;

/* The revisions of a build that rows of one structure tell apart. By struct_index, arch, key. */
struct psc_builtin_variant {
	uint32_t key;
	uint16_t struct_index;
	uint8_t arch;
};
extern const struct psc_builtin_variant psc_builtin_variants[];
extern const size_t psc_builtin_variants_n;

/* "10.0.19041" for each build that some field row names. By build. */
struct psc_builtin_family {
	uint32_t build, text;
};
extern const struct psc_builtin_family psc_builtin_families[];
extern const size_t psc_builtin_families_n;

/* Kernels by GUID (as its text is read) and age; row i has the RVAs psc_builtin_rvas[i * symbols_n + column], 0 = the
 * kernel lacks the symbol psc_builtin_symbols[column]. */
struct psc_builtin_kernel {
	uint8_t guid[16];
	uint32_t version;
	uint16_t machine, age;
};
extern const struct psc_builtin_kernel psc_builtin_kernels[];
extern const size_t psc_builtin_kernels_n;
extern const uint16_t psc_builtin_symbols[]; /* enum psc_sym */
extern const size_t psc_builtin_symbols_n;
extern const uint32_t psc_builtin_rvas[];

/* Kernel files by machine (x64, then ARM64), time_date_stamp, size_pages (of 4 KiB). */
struct psc_builtin_build {
	uint32_t time_date_stamp, version;
	uint16_t size_pages, machine;
};
extern const struct psc_builtin_build psc_builtin_builds[];
extern const size_t psc_builtin_builds_n;

extern const char psc_builtin_texts[];

#endif
