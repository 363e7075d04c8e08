/* SPDX-License-Identifier: MIT */
#include "blame/thread_stacks.h"

#include "util/error.h"
#include <stdlib.h>
#include <string.h>

#define NEAR_BYTES 0x10000u /* x86: how far a function may reach */

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_place(const void *pa, const void *pb)
{
	const struct psc_stack_site *a = (const struct psc_stack_site *)pa, *b = (const struct psc_stack_site *)pb;
	int c = compare_u64(a->module, b->module);
	if (c == 0)
		c = compare_u64(a->function_rva, b->function_rva);
	if (c == 0)
		c = compare_u64(a->return_rva, b->return_rva);
	return c != 0 ? c : compare_u64(a->id, b->id);
}

enum psc_status psc_stack_sites_init(struct psc_stack_sites *ret, enum psc_machine machine,
				     const struct psc_stack_site *sites, size_t n, struct psc_error *reterr)
{
	memset(ret, 0, sizeof(*ret));
	ret->machine = machine;
	ret->items = (struct psc_stack_site *)calloc(n + 1, sizeof(*ret->items));
	if (ret->items == NULL)
		return psc_fail_no_memory(reterr);
	if (n != 0)
		memcpy(ret->items, sites, n * sizeof(*sites));
	ret->n = n;
	if (n > 1)
		qsort(ret->items, n, sizeof(*ret->items), by_place);
	return PSC_OK;
}

void psc_stack_sites_deinit(struct psc_stack_sites *s)
{
	free(s->items);
	memset(s, 0, sizeof(*s));
}

/* The first site of the module whose function begins above rva. */
static size_t after(const struct psc_stack_sites *s, uint32_t module, uint32_t rva)
{
	size_t lo = 0, hi = s->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct psc_stack_site *x = &s->items[mid];
		if (x->module > module || (x->module == module && x->function_rva > rva))
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

enum psc_site_match
psc_stack_sites_match(const struct psc_stack_sites *s, const struct psc_stack_frame *f,
		      void (*visit)(void *arg, const struct psc_stack_site *site, enum psc_site_match match), void *arg)
{
	enum psc_site_match best = PSC_SITE_MATCH_NONE;
	bool is_call = f->how != PSC_FRAME_CONTEXT && f->how != PSC_FRAME_TRAP;
	/* What has no unwind data calls nothing, except on x86, where nothing has. */
	if (f->module == PSC_NO_MODULE || (!f->has_function && s->machine != PSC_MACHINE_X86))
		return best;
	size_t end = after(s, f->module, f->has_function ? f->function_rva : f->offset), first = end;
	while (first > 0 && s->items[first - 1].module == f->module &&
	       s->items[first - 1].function_rva == s->items[end - 1].function_rva)
		first--;
	if (first == end)
		return best;
	uint32_t function = s->items[end - 1].function_rva;
	if (f->has_function ? function != f->function_rva : f->offset - function > NEAR_BYTES)
		return best;
	for (int exact = 1; exact >= 0; exact--) {
		for (size_t i = first; i < end; i++) {
			bool is_exact = is_call && s->items[i].return_rva != 0 && s->items[i].return_rva == f->offset;
			if (is_exact != (exact == 1))
				continue;
			enum psc_site_match match = is_exact ? PSC_SITE_MATCH_CALL : PSC_SITE_MATCH_FUNCTION;
			best = match > best ? match : best;
			if (visit != NULL)
				visit(arg, &s->items[i], match);
		}
	}
	return best;
}
