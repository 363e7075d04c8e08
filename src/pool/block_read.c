/* SPDX-License-Identifier: MIT */
/* Session pool is mapped by the page tables of the session's processes only: to read a block, its own must be used. */
#include "pool/internal.h"

#include <stdlib.h>

size_t psc_block_read_at(struct psc_block_reader *r, struct psc_kernel *k, uint64_t top_pa, uint64_t va, void *buf,
			 size_t n)
{
	if (top_pa == 0)
		return psc_read_va(&k->reader, va, buf, n);
	if (!r->reader) {
		r->reader = calloc(1, sizeof(*r->reader));
		if (!r->reader)
			return 0;
	}
	if (r->space.top_pa != top_pa || r->space.img != k->space.img) {
		r->space = k->space;
		r->space.top_pa = top_pa;
		psc_reader_init(r->reader, &r->space);
	}
	return psc_read_va(r->reader, va, buf, n);
}

void psc_block_reader_deinit(struct psc_block_reader *r)
{
	free(r->reader);
	r->reader = NULL;
}
