/* SPDX-License-Identifier: MIT */
#include "kernel/symbolize.h"

#include "util/error.h"
#include "util/rangeset.h"
#include "util/text.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One module as it is printed. */
struct named_module {
	const struct psc_module *module;
	const char *name;
};

struct psc_symbolizer {
	const struct psc_kernel *kernel;
	struct psc_arena arena; /* names and symbols */
	struct named_module *modules;
	struct psc_rangeset loaded, unloaded; /* data: index into modules */
};

/* The file name up to its last dot; the kernel is "nt" whatever its file is called. */
static const char *short_name(struct psc_symbolizer *s, const struct psc_module *m)
{
	const char *dot = strrchr(m->name, '.');
	if (m->base == s->kernel->base && !m->unloaded)
		return "nt";
	return dot && dot != m->name ? psc_arena_strndup(&s->arena, m->name, (size_t)(dot - m->name)) : m->name;
}

static bool add_modules(struct psc_symbolizer *s)
{
	const struct psc_kernel *k = s->kernel;
	s->modules = (struct named_module *)psc_arena_alloc_array(&s->arena, k->n_modules + 1, sizeof(*s->modules));
	if (!s->modules)
		return false;
	for (size_t i = 0; i < k->n_modules; i++) {
		const struct psc_module *m = &k->modules[i];
		struct psc_rangeset *set = m->unloaded ? &s->unloaded : &s->loaded;
		s->modules[i].module = m;
		s->modules[i].name = short_name(s, m);
		if (!s->modules[i].name || (m->size_bytes <= UINT64_MAX - m->base &&
					    !psc_rangeset_add(set, m->base, m->base + m->size_bytes, i)))
			return false;
	}
	(void)psc_rangeset_seal(&s->loaded);
	(void)psc_rangeset_seal(&s->unloaded);
	return true;
}

enum psc_status psc_symbolizer_open(const struct psc_kernel *k, struct psc_symbolizer **ret, struct psc_error *reterr)
{
	struct psc_symbolizer *s = (struct psc_symbolizer *)calloc(1, sizeof(*s));
	if (!s)
		return psc_fail_no_memory(reterr);
	s->kernel = k;
	if (!add_modules(s)) {
		psc_symbolizer_close(s);
		return psc_fail_no_memory(reterr);
	}
	*ret = s;
	return PSC_OK;
}

void psc_symbolizer_close(struct psc_symbolizer *s)
{
	if (!s)
		return;
	psc_rangeset_deinit(&s->loaded);
	psc_rangeset_deinit(&s->unloaded);
	psc_arena_deinit(&s->arena);
	free(s);
}

bool psc_symbolize(struct psc_symbolizer *s, uint64_t va, struct psc_symbol_text *ret)
{
	const struct psc_range *r = psc_rangeset_find(&s->loaded, va);
	memset(ret, 0, sizeof(*ret));
	if (!r)
		r = psc_rangeset_find(&s->unloaded, va);
	if (!r)
		return false;
	const struct named_module *m = &s->modules[r->data];
	ret->module = m->module->name;
	ret->name = m->name;
	ret->module_base = m->module->base;
	ret->offset = va - m->module->base;
	ret->is_unloaded = m->module->unloaded;
	return true;
}

static size_t format_line(char *buf, size_t cap, const char *fmt, ...) PSC_PRINTF(3, 4);
static size_t format_line(char *buf, size_t cap, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	size_t n = psc_vformat_line(buf, cap, fmt, ap);
	va_end(ap);
	return n;
}

const char *psc_symbol_text_format(const struct psc_symbol_text *t, uint64_t va, char *buf, size_t cap)
{
	if (!t->module)
		format_line(buf, cap, "0x%016" PRIx64, va);
	else if (!t->symbol)
		format_line(buf, cap, "%s+0x%" PRIx64, t->name, t->offset);
	else if (t->symbol_offset == 0)
		format_line(buf, cap, "%s!%s", t->name, t->symbol);
	else
		format_line(buf, cap, "%s!%s+0x%" PRIx64, t->name, t->symbol, t->symbol_offset);
	return buf;
}
