/* SPDX-License-Identifier: MIT */
/* What callers.c, caller_rows.c and caller_list.c share. */
#ifndef PSC_REPORT_CALLERS_INTERNAL_H
#define PSC_REPORT_CALLERS_INTERNAL_H

#include "blame/verifier.h"
#include "kernel/symbolize.h"
#include "report/callers.h"

#define PSC_CALLER_POOL_UNKNOWN PSC_POOL_MAX

/* Sums of one (source, return address, tag, pool): key.a is the address, key.b holds tag, pool << 32, source << 40. */
struct psc_caller_sum {
	uint64_t live, live_bytes, allocs, frees, alloc_bytes;
	const uint64_t *stack; /* in the arena */
	uint32_t n_stack;
	uint64_t stack_age; /* of its record + 1; 0 none */
	bool has_lifetime, is_inferred;
};

struct psc_callers {
	struct psc_arena arena;
	struct psc_warnings warnings;
	struct psc_caller_row *rows;
	size_t n_rows;
	struct psc_verified_driver *drivers;
	size_t n_drivers;
	struct psc_verifier_total totals[PSC_VT_MAX];
	struct psc_verified_driver all;
	bool has_all;
	struct psc_callers_info info;
};

/* Rows in their order, from the sums; adds to the info's totals. False: out of memory. */
bool psc_caller_rows_make(struct psc_callers *c, const struct psc_hashmap *sums, struct psc_symbolizer *symbolizer,
			  const struct psc_callers_options *opts);

/* caller_list.c. Texts in the arena; *no_memory is set, never cleared. */
struct psc_code_location psc_caller_locate(struct psc_symbolizer *symbolizer, struct psc_arena *arena, uint64_t va,
					   bool *no_memory);
void psc_caller_tag_bytes(uint32_t tag, uint8_t ret[4]);

#endif
