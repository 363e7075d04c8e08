/* SPDX-License-Identifier: MIT */
#include "kernel/symbolize.h"

#include "symbols/pdb.h"
#include "util/error.h"
#include "util/hashmap.h"
#include "util/rangeset.h"
#include "util/text.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define OPEN_MAX       8u
#define ADDRESSES_MAX  65536u
#define TEXT_BYTES_MAX ((size_t)64 << 20)

/* One module as it is printed. */
struct named_module {
	const struct psc_module *module;
	const char *name;
	bool has_none; /* no PDB that could be used */
};

struct open_pdb {
	const struct named_module *of;
	struct psc_pdb *pdb;
	uint64_t last_used;
};

/* What the PDB said of an address. */
struct known {
	const char *symbol; /* NULL: nothing */
	uint32_t rva;
};

struct psc_symbolizer {
	const struct psc_kernel *kernel;
	struct psc_arena arena; /* names and symbols */
	struct named_module *modules;
	struct psc_rangeset loaded, unloaded; /* data: index into modules */
	struct psc_hashmap known;             /* address: struct known */
	struct open_pdb open[OPEN_MAX];
	uint64_t clock;
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
	psc_hashmap_init(&s->known, sizeof(struct known), ADDRESSES_MAX);
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
	for (size_t i = 0; i < OPEN_MAX; i++)
		psc_pdb_close(s->open[i].pdb);
	psc_hashmap_deinit(&s->known);
	psc_rangeset_deinit(&s->loaded);
	psc_rangeset_deinit(&s->unloaded);
	psc_arena_deinit(&s->arena);
	free(s);
}

/* The kernel's identity may be known although its debug record is not in the dump. */
static bool key_of(const struct psc_symbolizer *s, const struct psc_module *m, struct psc_symbol_key *key)
{
	const struct psc_kernel_identity *id = &s->kernel->id;
	if (m->unloaded)
		return false;
	if (m->base == s->kernel->base)
		return psc_symbol_key_init(key, id->pdb_name, id->pdb_guid, id->pdb_age);
	return psc_symbol_key_init(key, m->pdb_name, m->pdb_guid, m->pdb_age);
}

/* The PDB of the module; the one that was used least recently makes room for it. NULL: there is none. */
static struct psc_pdb *pdb_of(struct psc_symbolizer *s, struct named_module *m)
{
	struct open_pdb *slot = &s->open[0];
	struct psc_symbol_key key;
	struct psc_pdb *pdb = NULL;
	for (size_t i = 0; i < OPEN_MAX; i++) {
		if (s->open[i].of == m) {
			s->open[i].last_used = ++s->clock;
			return s->open[i].pdb;
		}
		if (s->open[i].last_used < slot->last_used)
			slot = &s->open[i];
	}
	m->has_none = m->has_none || !s->kernel->search || !key_of(s, m->module, &key) ||
		      psc_symbol_open_pdb(s->kernel->search, &key, &pdb, NULL, NULL, NULL) != PSC_OK;
	if (m->has_none)
		return NULL;
	psc_pdb_close(slot->pdb);
	psc_pdb_set_cancel(pdb, psc_image_cancel(s->kernel->img));
	slot->of = m;
	slot->pdb = pdb;
	slot->last_used = ++s->clock;
	return pdb;
}

static void add_symbol(struct psc_symbolizer *s, struct named_module *m, uint64_t va, struct psc_symbol_text *ret)
{
	struct psc_hashkey key = {va, 0};
	struct known *k = (struct known *)psc_hashmap_get(&s->known, key);
	if (!k) {
		struct psc_pdb_symbol found;
		struct psc_pdb *pdb = ret->offset <= UINT32_MAX ? pdb_of(s, m) : NULL;
		if (!pdb || s->arena.used_bytes > TEXT_BYTES_MAX ||
		    !(k = (struct known *)psc_hashmap_put(&s->known, key, NULL)))
			return;
		if (psc_pdb_symbol_at(pdb, (uint32_t)ret->offset, &found, NULL) == PSC_OK && !found.is_far &&
		    found.rva <= ret->offset) {
			k->symbol = psc_sanitize_utf8(&s->arena, found.name, strlen(found.name));
			k->rva = found.rva;
		}
	}
	if (!k->symbol)
		return;
	ret->symbol = k->symbol;
	ret->symbol_rva = k->rva;
	ret->symbol_offset = ret->offset - k->rva;
}

bool psc_symbolize(struct psc_symbolizer *s, uint64_t va, struct psc_symbol_text *ret)
{
	const struct psc_range *r = psc_rangeset_find(&s->loaded, va);
	memset(ret, 0, sizeof(*ret));
	if (!r)
		r = psc_rangeset_find(&s->unloaded, va);
	if (!r)
		return false;
	struct named_module *m = &s->modules[r->data];
	ret->module = m->module->name;
	ret->name = m->name;
	ret->module_base = m->module->base;
	ret->offset = va - m->module->base;
	ret->is_unloaded = m->module->unloaded;
	add_symbol(s, m, va, ret);
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
