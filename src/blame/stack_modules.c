/* SPDX-License-Identifier: MIT */
#include "blame/stack_modules.h"

#include <string.h>

#define DIRECTORY_EXCEPTION 3u
#define SCN_EXECUTE         0x20000000u

static size_t read_memory(void *arg, uint64_t va, void *buf, size_t n)
{
	struct psc_kernel *k = (struct psc_kernel *)arg;
	return psc_read_va(&k->reader, va, buf, n);
}

bool psc_stack_modules_init(struct psc_stack_modules *s, struct psc_kernel *k)
{
	memset(s, 0, sizeof(*s));
	s->k = k;
	s->memory.read = read_memory;
	s->memory.arg = k;
	s->items = (struct psc_stack_module *)psc_arena_alloc_array(&s->arena, k->n_loaded + 1, sizeof(*s->items));
	if (s->items == NULL)
		return false;
	for (size_t i = 0; i < k->n_loaded; i++) {
		const struct psc_module *m = &k->modules[i];
		s->items[i].image.base = m->base;
		s->items[i].image.size_bytes = m->size_bytes < UINT32_MAX ? (uint32_t)m->size_bytes : UINT32_MAX;
		if (m->size_bytes <= UINT64_MAX - m->base &&
		    !psc_rangeset_add(&s->set, m->base, m->base + m->size_bytes, i))
			return false;
	}
	(void)psc_rangeset_seal(&s->set);
	return true;
}

void psc_stack_modules_deinit(struct psc_stack_modules *s)
{
	psc_rangeset_deinit(&s->set);
	psc_arena_deinit(&s->arena);
}

static void read_module(struct psc_stack_modules *s, struct psc_stack_module *m, const struct psc_module *of)
{
	struct psc_pe_section sections[PSC_PE_SECTIONS_MAX];
	struct psc_reader *r = &s->k->reader;
	uint8_t first;
	m->is_read = true;
	if (!psc_pe_directory(r, m->image.base, DIRECTORY_EXCEPTION, &m->image.pdata_rva, &m->image.pdata_bytes) &&
	    of->exception_va >= m->image.base && of->exception_va - m->image.base < m->image.size_bytes) {
		/* The loader keeps a copy of where it is; header pages of drivers may be paged out. */
		m->image.pdata_rva = (uint32_t)(of->exception_va - m->image.base);
		m->image.pdata_bytes = of->exception_bytes;
	}
	if (!s->k->space.is_32bit &&
	    (m->image.pdata_bytes == 0 || !psc_read_u8(r, m->image.base + m->image.pdata_rva, &first)))
		s->n_without_unwind++;
	size_t n = psc_pe_sections(r, m->image.base, sections, PSC_PE_SECTIONS_MAX);
	if (n == 0)
		return;
	m->code = psc_arena_alloc_array(&s->arena, n, sizeof(*m->code));
	if (m->code == NULL)
		return;
	m->has_sections = true;
	for (size_t i = 0; i < n; i++) {
		if (!(sections[i].characteristics & SCN_EXECUTE))
			continue;
		m->code[m->n_code].lo = sections[i].rva;
		m->code[m->n_code++].hi = sections[i].rva + sections[i].size_bytes;
	}
}

const struct psc_stack_module *psc_stack_module_at(struct psc_stack_modules *s, uint64_t va, uint32_t *ret_index)
{
	const struct psc_range *r = psc_rangeset_find(&s->set, va);
	if (r == NULL)
		return NULL;
	struct psc_stack_module *m = &s->items[r->data];
	if (!m->is_read)
		read_module(s, m, &s->k->modules[r->data]);
	if (ret_index != NULL)
		*ret_index = (uint32_t)r->data;
	return m;
}

int psc_stack_module_is_code(const struct psc_stack_module *m, uint64_t va)
{
	if (!m->has_sections)
		return -1;
	for (size_t i = 0; i < m->n_code; i++)
		if (va - m->image.base >= m->code[i].lo && va - m->image.base < m->code[i].hi)
			return 1;
	return 0;
}
