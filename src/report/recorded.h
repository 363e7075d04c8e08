/* SPDX-License-Identifier: MIT */
/* Who is recorded to have allocated a block, asked for one block at a time. */
#ifndef PSC_REPORT_RECORDED_H
#define PSC_REPORT_RECORDED_H

#include "pool/pool.h"
#include <poolscope/blocks.h>

struct psc_recorded;

struct psc_recorded_caller {
	struct psc_code_location code;
	enum psc_caller_source source;
	bool is_inferred;
	bool is_wanted; /* by caller and module */
};

/* Reads all records. Where pool headers may name traces, the pool is walked once to prove that they do. caller, module:
 * as in struct psc_blocks_options; a caller of a form that cannot be is PSC_E_ARGUMENT. What there is not, and why,
 * becomes a warning. */
enum psc_status psc_recorded_read(struct psc_kernel *k, const struct psc_blocks_options *opts,
				  struct psc_warnings *warnings, struct psc_recorded **ret, struct psc_error *reterr);
/* How much of the records could be read: as psc_callers_coverage_ratio() has it. */
double psc_recorded_ratio(const struct psc_recorded *r);
void psc_recorded_free(struct psc_recorded *r); /* NULL allowed */

/* NULL: nobody recorded it, or it is not allocated. Reads only: any thread may ask. */
const struct psc_recorded_caller *psc_recorded_find(const struct psc_recorded *r, const struct psc_block *b);

/* The same into a row; r may be NULL. Texts live as long as r. */
void psc_recorded_fill(const struct psc_recorded *r, const struct psc_block *b, struct psc_block_row *row);

#endif
