/* SPDX-License-Identifier: MIT */
/* Findings: what the dump's own bytes say where symbols, debugger data block and built-in tables say nothing or do not
 * fit. Each carries the number of comparisons that it passed and the evidence in words. Candidates that pass the same
 * checks are reported and none of them is used. Reference: symbols 9.3, pool 12. */
#ifndef PSC_KERNEL_INFER_H
#define PSC_KERNEL_INFER_H

#include "kernel/kernel.h"

#define PSC_INFERRED_MAX     256u
#define PSC_ALTERNATIVES_MAX 8u

/* All keep quiet when memory or PSC_INFERRED_MAX is exhausted: then the finding is used without being listed. name must
 * live as long as the kernel. */
struct psc_inferred *psc_infer_note(struct psc_kernel *k, const char *name, const char *kind, uint64_t value,
				    enum psc_confidence confidence, uint32_t checks, const char *fmt, ...)
	PSC_PRINTF(7, 8);
/* Whether arrays of n pointers do not all hold the same ones: then none of them is to be picked. */
bool psc_infer_arrays_differ(struct psc_kernel *k, uint64_t at, const uint64_t *others, size_t n_others, size_t n);
/* Notes it and makes it psc_kernel_sym's answer where there is no better one. */
struct psc_inferred *psc_infer_sym(struct psc_kernel *k, enum psc_sym s, uint64_t va, enum psc_confidence confidence,
				   uint32_t checks, const char *fmt, ...) PSC_PRINTF(6, 7);
/* Notes it and puts it into the profile, over whatever is there. size_bytes, struct_size: 0 not known. */
struct psc_inferred *psc_infer_field(struct psc_kernel *k, enum psc_field_id f, uint32_t offset, uint32_t size_bytes,
				     uint32_t struct_size, enum psc_confidence confidence, uint32_t checks,
				     const char *fmt, ...) PSC_PRINTF(8, 9);
/* Takes a field of a family that does not fit out of the profile. */
void psc_infer_drop_field(struct psc_kernel *k, enum psc_field_id f);
/* At most PSC_ALTERNATIVES_MAX are kept. item may be NULL. */
void psc_infer_alternatives(struct psc_kernel *k, struct psc_inferred *item, const uint64_t *values, size_t n);

/* "_EPROCESS.Session" in the arena; "" when out of memory. */
const char *psc_infer_field_text(struct psc_kernel *k, enum psc_field_id f);

/* items.c: the best origin of an address; everything known (names and array in arena, NULL out of memory). */
const char *psc_kernel_symbols_origin(const struct psc_kernel *k);
struct psc_profile_item *psc_kernel_items(struct psc_kernel *k, struct psc_arena *arena, size_t *ret_n);

/* exports.c: the address of a name that the image at base exports; 0 not there, forwarded, or not readable. */
uint64_t psc_pe_export(struct psc_reader *r, uint64_t base, const char *name);

/* data.c: the writable data sections of the kernel as they are in the dump, at most PSC_DATA_BYTES_MAX. Pages that are
 * missing read as zero, which is never a candidate for anything. */
#define PSC_DATA_BYTES_MAX (24u << 20)
struct psc_data_section {
	uint64_t va; /* page-aligned */
	uint8_t *bytes;
	size_t n;
};
struct psc_kernel_data {
	struct psc_data_section sections[PSC_PE_SECTIONS_MAX];
	size_t n;
	uint64_t bytes_total, bytes_missing;
};
/* false when there is nothing to look at, or out of memory. */
bool psc_kernel_data_read(struct psc_kernel *k, struct psc_kernel_data *ret);
void psc_kernel_data_free(struct psc_kernel_data *d);
/* The address lies in one of the sections. */
bool psc_kernel_data_holds(const struct psc_kernel_data *d, uint64_t va);
/* Word number i (pointer-sized) of a section. */
uint64_t psc_data_word(const struct psc_kernel *k, const struct psc_data_section *s, size_t i);
static inline size_t psc_data_words(const struct psc_kernel *k, const struct psc_data_section *s)
{
	return s->n / psc_pointer_bytes(&k->space);
}

#endif
