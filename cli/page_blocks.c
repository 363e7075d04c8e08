/* SPDX-License-Identifier: MIT */
#include "page_blocks.h"
#include <string.h>

static bool take(void *arg, const struct psc_block_row *b)
{
	struct page_blocks *p = (struct page_blocks *)arg;
	if (p->n == PAGE_BLOCKS_MAX)
		return false;
	struct psc_block_row *row = &p->rows[p->n];
	*row = *b;
	snprintf(p->names[p->n], sizeof(p->names[p->n]), "%s", b->process.name);
	row->process.name = p->names[p->n++];
	return true;
}

enum psc_status page_blocks_read(struct page_blocks *p, struct run *r, uint64_t va, struct psc_error *reterr)
{
	struct psc_blocks_options b = PSC_BLOCKS_OPTIONS_INIT;
	memset(p, 0, sizeof(*p));
	p->page = va & ~(uint64_t)(PAGE_BYTES - 1);
	b.states = 0;
	b.lo = p->page;
	b.hi = p->page + PAGE_BYTES;
	b.n_threads = 1;
	b.progress = progress_callback(r->o);
	enum psc_status st = psc_blocks_run(r->dump, &b, take, p, &p->blocks, reterr);
	if (st != PSC_OK)
		return st;
	r->warnings = psc_blocks_warnings(p->blocks, &r->n_warnings);
	r->interrupted = psc_blocks_is_interrupted(p->blocks);
	p->hit = p->n;
	for (size_t i = 0; i < p->n; i++)
		if (va >= p->rows[i].header_va && va - p->rows[i].header_va < p->rows[i].block_bytes)
			p->hit = i;
	return PSC_OK;
}

void page_blocks_free(struct page_blocks *p)
{
	psc_blocks_free(p->blocks);
	p->blocks = NULL;
}
