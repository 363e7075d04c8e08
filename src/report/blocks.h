/* SPDX-License-Identifier: MIT */
/* The list behind psc_blocks_run, and who a block is charged to. */
#ifndef PSC_REPORT_BLOCKS_H
#define PSC_REPORT_BLOCKS_H

#include "pool/pool.h"

enum psc_status psc_blocks_list(struct psc_kernel *k, const struct psc_blocks_options *opts, psc_blocks_fn *fn,
				void *arg, struct psc_blocks **ret, struct psc_error *reterr);

size_t psc_pool_ranges_list(struct psc_kernel *k, struct psc_pool_range *ret, size_t max);

/* ---- the processes of a dump, by the address of their _EPROCESS ---- */
struct psc_process_table {
	struct psc_process *items; /* sorted by eprocess */
	size_t n, cap;
	bool no_memory;
	bool is_complete; /* the whole list could be read */
};
/* Missing lists leave the table short; only PSC_E_NO_MEMORY fails. */
enum psc_status psc_process_table_read(struct psc_kernel *k, struct psc_process_table *ret, struct psc_error *reterr);
void psc_process_table_deinit(struct psc_process_table *t);
/* NULL: not listed. */
const struct psc_process *psc_process_table_find(const struct psc_process_table *t, uint64_t eprocess);
/* Addresses of the processes that text names (0x..., a pid, or an image name: case does not count). ret: room for as
 * many as the table has, at least one. PSC_E_ARGUMENT, PSC_E_NOT_FOUND. */
enum psc_status psc_process_table_resolve(const struct psc_process_table *t, const char *text, uint64_t *ret,
					  size_t *ret_n, struct psc_error *reterr);

/* A block as the public API shows it. t may be NULL. */
void psc_block_row_make(const struct psc_block *b, uint32_t header_bytes, const struct psc_process_table *t,
			struct psc_block_row *ret);

#endif
