/* SPDX-License-Identifier: MIT */
#include "page_blocks.h"
#include "callers.h"
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

static bool holds(const struct psc_block_row *b, uint64_t va)
{
	return va >= b->header_va && va - b->header_va < b->block_bytes;
}

/* Sessions may each have a page at one address: of the first one that has a block there. */
static void choose_session(struct page_blocks *p, uint64_t va)
{
	const struct psc_block_row *first = NULL;
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++) {
		if (!holds(&p->rows[i], va))
			continue;
		if (first == NULL)
			first = &p->rows[i];
		else if (p->rows[i].page_tables != first->page_tables)
			p->n_other_sessions++;
	}
	const uint64_t page_tables = first != NULL ? first->page_tables : p->n != 0 ? p->rows[0].page_tables : 0;
	for (size_t i = 0; i < p->n; i++)
		if (p->rows[i].page_tables == page_tables)
			p->rows[n++] = p->rows[i];
	p->n = p->hit = n;
	for (size_t i = 0; i < n; i++)
		if (holds(&p->rows[i], va))
			p->hit = i;
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
	r->coverage = psc_blocks_coverage_ratio(p->blocks);
	choose_session(p, va);
	return PSC_OK;
}

void page_blocks_why_not(bool has_blocks, const struct run *r, uint64_t va, char ret[WHY_NOT_BYTES])
{
	static const struct {
		const char *state, *text;
	} states[] = {
		{"user", "it is an address of user space"},
		{"not mapped", "the kernel maps no memory there"},
		{"paged out", "its page is paged out"},
		{"not in the dump", "its page was not saved in this dump"},
		{"demand zero", "its page was never used"},
		{"prototype", "its page belongs to a file or section"},
		{"unknown", "the page table that says whether it is mapped is not in this dump"},
	};
	struct psc_code_location l;
	char text[PSC_LOCATION_TEXT_BYTES];
	const char *state = psc_dump_va_state(r->dump, va);
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(state, states[i].state) == 0) {
			snprintf(ret, WHY_NOT_BYTES, "%s", states[i].text);
			return;
		}
	if (psc_dump_locate(r->dump, va, &l) && !l.is_unloaded)
		snprintf(ret, WHY_NOT_BYTES, "it lies in %s", location_text(&l, r->is_32bit, text, sizeof(text)));
	else if (has_blocks)
		snprintf(ret, WHY_NOT_BYTES, "it lies between the blocks of its page");
	else
		snprintf(ret, WHY_NOT_BYTES, "its page is there, but no block is on it");
}

void page_blocks_free(struct page_blocks *p)
{
	psc_blocks_free(p->blocks);
	p->blocks = NULL;
}
