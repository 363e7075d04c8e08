/* SPDX-License-Identifier: MIT */
/* What a PE image says of itself that the scan needs: imports, exports, functions with unwind data, guard slots,
 * the debug record. Every table is bounded by the image. */
#ifndef PSC_BLAME_PE_TABLES_H
#define PSC_BLAME_PE_TABLES_H

#include "blame/code_image.h"

/* Calls visit for each import slot, delayed ones too, that has a readable name; the name is borrowed from the image.
 * false: there are names that could not be read. */
bool psc_code_imports(const struct psc_code_image *img, void (*visit)(void *arg, uint32_t slot_rva, const char *name),
		      void *arg);
/* Each exported function with a name; forwarders are left out. *ret_missing: names that are not in the dump. */
void psc_code_exports(const struct psc_code_image *img, void (*visit)(void *arg, uint32_t rva, const char *name),
		      void *arg, bool *ret_missing);

/* Parts of functions from the exception directory, ascending; a function may have several parts. */
struct psc_code_part {
	uint32_t begin, end;
	uint32_t function; /* begin of the part that is entered */
};
struct psc_code_parts {
	struct psc_code_part *items;
	size_t n, cap;
};
/* false when out of memory. */
bool psc_code_parts_read(const struct psc_code_image *img, struct psc_code_parts *ret);
void psc_code_parts_deinit(struct psc_code_parts *p);
/* The part that holds rva, or NULL. */
const struct psc_code_part *psc_code_part_at(const struct psc_code_parts *p, uint32_t rva);
/* Index of the first part whose end is above rva. */
size_t psc_code_part_after(const struct psc_code_parts *p, uint32_t rva);

/* Slots of the control flow guard routines (load configuration); 0: none. */
struct psc_code_guard {
	uint32_t check_slot, dispatch_slot;
};
struct psc_code_guard psc_code_guard_read(const struct psc_code_image *img);

/* From the bind information of a KMDF driver: the variable that holds the address of the WDF function table (0: none)
 * and the number of its functions. is_array: it is the table itself. is_bound: memory in which the loader has filled it
 * in. */
struct psc_code_wdf {
	uint32_t table_slot, n_functions;
	bool is_array, is_bound;
};
struct psc_code_wdf psc_code_wdf_read(const struct psc_code_image *img);

/* Fill img->info from the debug directory. */
void psc_code_debug_record(struct psc_code_image *img);

#endif
