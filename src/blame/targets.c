/* SPDX-License-Identifier: MIT */
/* Where the routines of the table are reached: import slots, exports, pointers in data. */
#include "blame/scan.h"

#include "util/bytes.h"
#include "util/checked.h"
#include "util/vec.h"
#include <string.h>

#define TARGETS_MAX 65536u

const struct psc_pool_api *psc_pool_api_find(const char *name)
{
	size_t lo = 0, hi = psc_pool_apis_n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(name, psc_pool_apis[mid].name);
		if (c == 0)
			return &psc_pool_apis[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

uint32_t psc_scan_add_api(struct psc_scan *s, const struct psc_pool_api *api)
{
	for (size_t i = 0; i < s->targets.n; i++)
		if (s->targets.items[i].api == api && !s->targets.items[i].is_wrapper)
			return (uint32_t)i;
	if (!PSC_VEC_RESERVE_ONE(&s->targets)) {
		s->no_memory = true;
		return UINT32_MAX;
	}
	struct psc_target *t = &s->targets.items[s->targets.n];
	memset(t, 0, sizeof(*t));
	t->api = api;
	return (uint32_t)s->targets.n++;
}

uint32_t psc_scan_entry(const struct psc_scan *s, uint32_t rva)
{
	struct psc_hashkey k = {rva, 0};
	const uint32_t *t = (const uint32_t *)psc_hashmap_get(&s->entries, k);
	return t != NULL ? *t : 0;
}

void psc_scan_add_slot(struct psc_scan *s, uint32_t rva, uint32_t target_plus_1)
{
	struct psc_hashkey k = {rva, 0};
	uint32_t *t = (uint32_t *)psc_hashmap_put(&s->slots, k, NULL);
	if (t == NULL)
		s->no_memory = true;
	else if (*t == 0)
		*t = target_plus_1;
	if (target_plus_1 != 0)
		psc_bit_set(s->want, rva);
}

void psc_scan_add_entry(struct psc_scan *s, uint32_t rva, uint32_t target)
{
	struct psc_hashkey k = {rva, 0};
	uint32_t *first = (uint32_t *)psc_hashmap_put(&s->entries, k, NULL);
	if (first == NULL) {
		s->no_memory = true;
		return;
	}
	s->targets.items[target].next = *first;
	*first = target + 1;
	psc_bit_set(s->want, rva);
}

/* First of the wrappers that other modules export at an address, or by a name (va 0). */
static const struct psc_foreign *foreign_of(const struct psc_foreigns *f, uint64_t va, const char *name)
{
	for (size_t i = 0; f != NULL && name != NULL && i < f->n; i++)
		if (strcmp(f->items[i].name, name) == 0)
			return &f->items[i];
	size_t lo = 0, hi = f != NULL && name == NULL ? f->n : 0;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (f->items[mid].va < va)
			lo = mid + 1;
		else
			hi = mid;
	}
	return f != NULL && name == NULL && lo < f->n && f->items[lo].va == va ? &f->items[lo] : NULL;
}

/* All wrappers of one address as a list of targets: the first + 1, 0 when out of memory. */
static uint32_t add_foreign(struct psc_scan *s, const struct psc_foreign *first)
{
	const struct psc_foreign *end = s->foreigns->items + s->foreigns->n;
	uint32_t head = 0;
	for (size_t i = 0; i < s->targets.n; i++)
		if (s->targets.items[i].foreign == first)
			return (uint32_t)i + 1;
	for (const struct psc_foreign *f = end; f-- > first;) {
		if (f->va != first->va)
			continue;
		if (!PSC_VEC_RESERVE_ONE(&s->targets)) {
			s->no_memory = true;
			return 0;
		}
		struct psc_target *t = &s->targets.items[s->targets.n];
		memset(t, 0, sizeof(*t));
		t->api = f->api;
		t->is_wrapper = true;
		t->level = f->n_chain;
		t->foreign = f;
		t->tag = f->tag;
		t->pool = f->pool;
		t->size = f->size;
		t->next = head;
		head = (uint32_t)++s->targets.n;
	}
	s->has_foreign = true;
	return head;
}

static void on_import(void *arg, uint32_t slot_rva, const char *name)
{
	struct psc_scan *s = (struct psc_scan *)arg;
	const struct psc_pool_api *api = psc_pool_api_find(name);
	s->has_wdf_import = s->has_wdf_import || strcmp(name, "WdfVersionBind") == 0;
	uint32_t t = api != NULL && api->wdf_index < 0 ? psc_scan_add_api(s, api) : UINT32_MAX;
	const struct psc_foreign *f = t == UINT32_MAX && s->img->from_file ? foreign_of(s->foreigns, 0, name) : NULL;
	psc_scan_add_slot(s, slot_rva, f != NULL ? add_foreign(s, f) : t != UINT32_MAX ? t + 1 : 0);
}

static void on_export(void *arg, uint32_t rva, const char *name)
{
	struct psc_scan *s = (struct psc_scan *)arg;
	const struct psc_pool_api *api = psc_pool_api_find(name);
	if (api == NULL || api->wdf_index >= 0) {
		psc_bit_set(s->starts, rva);
		return;
	}
	uint32_t t = psc_scan_add_api(s, api);
	if (t != UINT32_MAX && psc_scan_entry(s, rva) == 0)
		psc_scan_add_entry(s, rva, t);
}

static const struct psc_pool_api *extern_at(const struct psc_externs *e, uint64_t va)
{
	size_t lo = 0, hi = e != NULL ? e->n : 0;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (e->items[mid].va == va)
			return e->items[mid].api;
		if (e->items[mid].va > va)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

uint32_t psc_scan_outside(struct psc_scan *s, uint64_t va)
{
	const struct psc_pool_api *api = extern_at(s->externs, va);
	uint32_t t = api != NULL ? psc_scan_add_api(s, api) : UINT32_MAX;
	const struct psc_foreign *f = s->img->from_file ? NULL : foreign_of(s->foreigns, va, NULL);
	if (t != UINT32_MAX)
		return t + 1;
	return f != NULL ? add_foreign(s, f) : 0;
}

/* Pointers of one section of data. first: also those into other modules, and to code at all. */
static void scan_data(struct psc_scan *s, uint32_t rva, uint32_t size, bool first)
{
	const struct psc_code_image *img = s->img;
	unsigned w = img->pointer_bytes;
	uint64_t lo = UINT64_MAX, hi = 0;
	const struct psc_foreigns *foreigns = img->from_file ? NULL : s->foreigns;
	uint32_t in_table = 0; /* entries left of a jump table */
	if (s->externs != NULL && s->externs->n > 0) {
		lo = s->externs->items[0].va;
		hi = s->externs->items[s->externs->n - 1].va;
	}
	for (uint32_t off = (w - rva % w) % w; off <= size && size - off >= w; off += w) {
		const uint8_t *p = img->bytes + rva + off;
		uint64_t v = w == 4 ? psc_le32(p) : psc_le64(p);
		if (v - img->base < img->size_bytes) {
			uint32_t at = (uint32_t)(v - img->base);
			const struct psc_code_section *sec = first ? psc_code_section_at(img, at) : NULL;
			struct psc_hashkey k = {rva + off, 0};
			const uint32_t *table = (const uint32_t *)psc_hashmap_get(&s->tables, k);
			if (table != NULL)
				in_table = *table;
			if (in_table > 0 && first && sec != NULL && sec->is_code)
				psc_bit_set(s->inner, at);
			else if (sec != NULL && sec->is_code && psc_scan_is_pointed_start(img, at))
				psc_bit_set(s->starts, at);
			in_table -= in_table > 0;
			if (psc_bit_get(s->want, at)) {
				uint32_t t = psc_scan_entry(s, at);
				if (t != 0 && s->targets.items[t - 1].round == s->round)
					psc_scan_add_slot(s, rva + off, t);
			}
		} else if (first && v >= lo && v <= hi) {
			const struct psc_pool_api *api = extern_at(s->externs, v);
			uint32_t t = api != NULL ? psc_scan_add_api(s, api) : UINT32_MAX;
			if (t != UINT32_MAX)
				psc_scan_add_slot(s, rva + off, t + 1);
		}
		const struct psc_foreign *f = first && foreigns != NULL ? foreign_of(foreigns, v, NULL) : NULL;
		if (f != NULL && v - img->base >= img->size_bytes)
			psc_scan_add_slot(s, rva + off, add_foreign(s, f));
	}
}

/* ModRM of cmp reg, number or sub reg, number. */
static bool is_compare(uint8_t modrm)
{
	return (modrm & 0xf8) == 0xf8 || (modrm & 0xf8) == 0xe8;
}

/* Entries of the table that the instruction at p reads: the bound that it was compared with, cmp reg, n; ja. 0: not
 * found. */
static uint32_t table_entries(const uint8_t *b, uint32_t p)
{
	for (uint32_t q = p; q > 8 && p - q < 40; q--) {
		uint32_t n;
		if (b[q - 2] != 0x77 && !(b[q - 6] == 0x0f && b[q - 5] == 0x87))
			continue;
		uint32_t end = b[q - 2] == 0x77 ? q - 2 : q - 6;
		if (end >= 3 && b[end - 3] == 0x83 && is_compare(b[end - 2]))
			n = b[end - 1];
		else if (end >= 4 && b[end - 4] == 0x83 && (b[end - 3] & 0xf8) == 0x78) /* cmp [reg + n], number */
			n = b[end - 1];
		else if (end >= 5 && (b[end - 5] == 0x3d || b[end - 5] == 0x2d))
			n = psc_le32(b + end - 4);
		else if (end >= 6 && b[end - 6] == 0x81 && is_compare(b[end - 5]))
			n = psc_le32(b + end - 4);
		else
			continue;
		return n < 1024 ? n + 1 : 0;
	}
	return 0;
}

/* x86: jmp [table + reg * 4], the same loaded into a register, or as unoptimised code spells it: add eax, table;
 * mov eax, [eax]; jmp eax. *ret_table: the bytes of its address. */
static bool is_table_jump(const uint8_t *b, const uint8_t **ret_table, bool *ret_certain)
{
	bool jmp = b[0] == 0xff && b[1] == 0x24, mov = b[0] == 0x8b && (b[1] & 0xc7) == 0x04;
	*ret_table = b + 3;
	*ret_certain = jmp;
	if (jmp || mov)
		return (b[2] & 0xc7) == 0x85;
	*ret_table = b + 1;
	*ret_certain = true;
	return b[0] == 0x05 && memcmp(b + 5, "\x8b\x00\xff\xe0", 4) == 0;
}

/* What jump tables point to are places in a function, not functions. */
static void find_jump_tables(struct psc_scan *s)
{
	const struct psc_code_image *img = s->img;
	for (size_t i = 0; img->machine == PSC_MACHINE_X86 && i < img->n_sections; i++) {
		const struct psc_code_section *sec = &img->sections[i];
		const uint8_t *b = img->bytes + sec->rva;
		for (uint32_t p = 0; sec->is_code && p + 9 <= sec->size_bytes; p++) {
			const uint8_t *table;
			bool is_certain;
			if (!is_table_jump(b + p, &table, &is_certain))
				continue;
			struct psc_hashkey k = {psc_le32(table) - (uint32_t)img->base, 0};
			uint32_t n = table_entries(b, p), *entry;
			if (n == 0 && !is_certain)
				continue;
			entry = (uint32_t *)psc_hashmap_put(&s->tables, k, NULL);
			if (entry == NULL)
				s->no_memory = true;
			else
				*entry = n != 0 ? n : 4;
		}
	}
}

static void scan_all_data(struct psc_scan *s, bool first)
{
	const struct psc_code_image *img = s->img;
	for (size_t i = 0; i < img->n_sections; i++)
		if (!img->sections[i].is_code)
			scan_data(s, img->sections[i].rva, img->sections[i].size_bytes, first);
	/* Old drivers have their import slots among code. */
	if (first && img->dirs[12].rva != 0)
		scan_data(s, img->dirs[12].rva, img->dirs[12].size_bytes, first);
}

void psc_scan_find_pointers(struct psc_scan *s)
{
	scan_all_data(s, false);
}

/* Indices mean functions only where the framework's loader fills the table in: the driver imports that, or its memory
 * shows that it was done. */
static void find_wdf(struct psc_scan *s)
{
	s->wdf = psc_code_wdf_read(s->img);
	if (!s->has_wdf_import && !s->wdf.is_bound)
		s->wdf.table_slot = 0;
	if (s->wdf.table_slot == 0)
		return;
	for (size_t i = 0; i < psc_pool_apis_n; i++) {
		int index = psc_pool_apis[i].wdf_index;
		uint32_t t = index >= 0 && (uint32_t)index < s->wdf.n_functions ? psc_scan_add_api(s, &psc_pool_apis[i])
										: UINT32_MAX;
		if (t != UINT32_MAX && s->wdf.is_array)
			psc_scan_add_slot(s, s->wdf.table_slot + (uint32_t)index * s->img->pointer_bytes, t + 1);
	}
	if (s->wdf.is_array)
		s->wdf.table_slot = 0; /* its elements are slots as those of imports are */
	else
		psc_bit_set(s->want, s->wdf.table_slot);
}

void psc_scan_find_targets(struct psc_scan *s)
{
	bool missing;
	psc_code_imports(s->img, on_import, s);
	psc_code_exports(s->img, on_export, s, &missing);
	/* The kernel's own routines, when their names are not there, from its exports as others import them. */
	for (size_t i = 0; s->externs != NULL && i < s->externs->n; i++) {
		uint64_t va = s->externs->items[i].va;
		if (va - s->img->base < s->img->size_bytes && psc_scan_entry(s, (uint32_t)(va - s->img->base)) == 0) {
			uint32_t t = psc_scan_add_api(s, s->externs->items[i].api);
			if (t != UINT32_MAX)
				psc_scan_add_entry(s, (uint32_t)(va - s->img->base), t);
		}
	}
	find_wdf(s);
	if (s->img->entry_rva < s->img->size_bytes)
		psc_bit_set(s->starts, s->img->entry_rva);
	find_jump_tables(s);
	scan_all_data(s, true);
}
