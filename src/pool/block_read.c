/* SPDX-License-Identifier: MIT */
/* Session pool is mapped by the page tables of the session's processes only: to read a block, its own must be used. */
#include "pool/internal.h"

#include <stdlib.h>

struct psc_reader *psc_block_reader_of(struct psc_block_reader *r, struct psc_kernel *k, uint64_t top_pa)
{
	if (top_pa == 0)
		return &k->reader;
	if (!r->reader) {
		r->reader = calloc(1, sizeof(*r->reader));
		if (!r->reader)
			return NULL;
	}
	if (r->space.top_pa != top_pa || r->space.img != k->space.img) {
		r->space = k->space;
		r->space.top_pa = top_pa;
		psc_reader_init(r->reader, &r->space);
	}
	return r->reader;
}

size_t psc_block_read_at(struct psc_block_reader *r, struct psc_kernel *k, uint64_t top_pa, uint64_t va, void *buf,
			 size_t n)
{
	struct psc_reader *reader = psc_block_reader_of(r, k, top_pa);
	return reader ? psc_read_va(reader, va, buf, n) : 0;
}

void psc_block_reader_deinit(struct psc_block_reader *r)
{
	free(r->reader);
	r->reader = NULL;
}
