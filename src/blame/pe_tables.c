/* SPDX-License-Identifier: MIT */
#include "blame/pe_tables.h"

#include "util/bytes.h"
#include "util/checked.h"
#include "util/text.h"
#include "util/vec.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DESCRIPTORS_MAX   1024u
#define THUNKS_MAX        16384u
#define EXPORTS_MAX       65536u
#define PARTS_MAX         1000000u
#define CHAIN_MAX         8
#define WDF_FUNCTIONS_MAX 4096u
#define WDF_ARRAY_MINOR   9u

static uint64_t pointer_at(const struct psc_code_image *img, const uint8_t *p)
{
	return img->pointer_bytes == 4 ? psc_le32(p) : psc_le64(p);
}

/* false: some are not in the dump. */
static bool visit_thunks(const struct psc_code_image *img, uint32_t names, uint32_t slots,
			 void (*visit)(void *arg, uint32_t slot_rva, const char *name), void *arg)
{
	unsigned w = img->pointer_bytes;
	bool is_whole = true;
	for (uint32_t i = 0; i < THUNKS_MAX; i++) {
		const uint8_t *p = psc_code_at(img, (uint64_t)names + (uint64_t)i * w, w);
		uint64_t v = p != NULL ? pointer_at(img, p) : 0, slot = (uint64_t)slots + (uint64_t)i * w;
		if (v == 0 || !psc_range_ok(slot, w, img->size_bytes))
			return is_whole && p != NULL && v == 0;
		if (v >> (8 * w - 1) != 0)
			continue; /* by ordinal */
		const char *name = psc_code_name_at(img, v + 2);
		if (name != NULL)
			visit(arg, (uint32_t)slot, name);
		else
			is_whole = false;
	}
	return false;
}

bool psc_code_imports(const struct psc_code_image *img, void (*visit)(void *arg, uint32_t slot_rva, const char *name),
		      void *arg)
{
	bool is_whole = true;
	for (uint32_t i = 0; i < DESCRIPTORS_MAX && img->dirs[PSC_DIR_IMPORT].rva != 0; i++) {
		const uint8_t *d = psc_code_at(img, (uint64_t)img->dirs[PSC_DIR_IMPORT].rva + i * 20u, 20);
		is_whole &= d != NULL;
		if (d == NULL || psc_le32(d + 16) == 0)
			break;
		uint32_t names = psc_le32(d), slots = psc_le32(d + 16);
		/* Without a table of names the slots hold them, until the image is loaded. */
		if (names != 0 || img->from_file)
			is_whole &= visit_thunks(img, names != 0 ? names : slots, slots, visit, arg);
		else
			is_whole = false;
	}
	for (uint32_t i = 0; i < DESCRIPTORS_MAX && img->dirs[PSC_DIR_DELAY_IMPORT].rva != 0; i++) {
		const uint8_t *d = psc_code_at(img, (uint64_t)img->dirs[PSC_DIR_DELAY_IMPORT].rva + i * 32u, 32);
		is_whole &= d != NULL;
		if (d == NULL || psc_le32(d + 12) == 0)
			break;
		if ((psc_le32(d) & 1) != 0) /* RVAs, not addresses */
			is_whole &= visit_thunks(img, psc_le32(d + 16), psc_le32(d + 12), visit, arg);
	}
	return is_whole;
}

void psc_code_exports(const struct psc_code_image *img, void (*visit)(void *arg, uint32_t rva, const char *name),
		      void *arg, bool *ret_missing)
{
	uint32_t dir = img->dirs[PSC_DIR_EXPORT].rva, dir_bytes = img->dirs[PSC_DIR_EXPORT].size_bytes;
	*ret_missing = false;
	if (dir == 0)
		return;
	const uint8_t *d = psc_code_at(img, dir, 40);
	if (d == NULL) {
		*ret_missing = true;
		return;
	}
	uint32_t n_functions = psc_le32(d + 0x14), n_names = psc_le32(d + 0x18);
	uint64_t functions = psc_le32(d + 0x1c), names = psc_le32(d + 0x20), ordinals = psc_le32(d + 0x24);
	for (uint32_t i = 0; i < n_names && i < EXPORTS_MAX; i++) {
		const uint8_t *name_p = psc_code_at(img, names + 4ull * i, 4);
		const uint8_t *ordinal = psc_code_at(img, ordinals + 2ull * i, 2);
		if (name_p == NULL || ordinal == NULL) {
			*ret_missing = true;
			continue;
		}
		uint16_t o = psc_le16(ordinal);
		const uint8_t *f = o < n_functions ? psc_code_at(img, functions + 4ull * o, 4) : NULL;
		const char *name = psc_code_name_at(img, psc_le32(name_p));
		if (f == NULL || name == NULL) {
			*ret_missing = true;
			continue;
		}
		uint32_t rva = psc_le32(f);
		if (rva < img->size_bytes && !(rva >= dir && rva - dir < dir_bytes))
			visit(arg, rva, name);
	}
}

static int compare_parts(const void *pa, const void *pb)
{
	const struct psc_code_part *a = (const struct psc_code_part *)pa, *b = (const struct psc_code_part *)pb;
	return a->begin != b->begin ? (a->begin < b->begin ? -1 : 1) : a->end < b->end ? -1 : a->end > b->end;
}

/* x64: the entry that a chained one continues. */
static uint32_t first_part_x64(const struct psc_code_image *img, uint32_t begin, uint32_t unwind)
{
	for (int hop = 0; hop < CHAIN_MAX; hop++) {
		const uint8_t *entry = NULL;
		if ((unwind & 1) != 0) {
			entry = psc_code_at(img, unwind & ~1u, 12);
		} else {
			const uint8_t *u = psc_code_at(img, unwind, 4);
			if (u == NULL || (u[0] >> 3 & 4) == 0)
				break;
			entry = psc_code_at(img, (uint64_t)unwind + 4 + ((u[2] + 1u) & ~1u) * 2u, 12);
		}
		if (entry == NULL || psc_le32(entry) >= img->size_bytes)
			break;
		begin = psc_le32(entry);
		unwind = psc_le32(entry + 8);
	}
	return begin;
}

static uint32_t length_arm64(const struct psc_code_image *img, uint32_t unwind)
{
	if ((unwind & 3) != 0)
		return (unwind >> 2 & 0x7ff) * 4; /* packed */
	const uint8_t *x = psc_code_at(img, unwind, 4);
	return x != NULL ? (psc_le32(x) & 0x3ffff) * 4 : 0;
}

bool psc_code_parts_read(const struct psc_code_image *img, struct psc_code_parts *ret)
{
	bool is_x64 = img->machine == PSC_MACHINE_X64;
	uint32_t stride = is_x64 ? 12 : 8, n = img->dirs[PSC_DIR_EXCEPTION].size_bytes / stride;
	memset(ret, 0, sizeof(*ret));
	if (img->machine == PSC_MACHINE_X86)
		return true;
	for (uint32_t i = 0; i < n && i < PARTS_MAX; i++) {
		const uint8_t *e =
			psc_code_at(img, (uint64_t)img->dirs[PSC_DIR_EXCEPTION].rva + (uint64_t)i * stride, stride);
		if (e == NULL)
			continue;
		struct psc_code_part p;
		p.begin = p.function = psc_le32(e);
		if (is_x64) {
			p.end = psc_le32(e + 4);
			p.function = first_part_x64(img, p.begin, psc_le32(e + 8));
		} else {
			p.end = p.begin + length_arm64(img, psc_le32(e + 4));
		}
		if (p.begin == 0 || p.begin >= p.end || p.end > img->size_bytes)
			continue;
		if (!PSC_VEC_RESERVE_ONE(ret)) {
			psc_code_parts_deinit(ret);
			return false;
		}
		ret->items[ret->n++] = p;
	}
	if (ret->n > 1)
		qsort(ret->items, ret->n, sizeof(ret->items[0]), compare_parts);
	/* Overlaps do not occur in real images; the later part then wins no bytes of the earlier one. */
	size_t out = 0;
	for (size_t i = 0; i < ret->n; i++) {
		struct psc_code_part p = ret->items[i];
		if (out > 0 && p.begin < ret->items[out - 1].end)
			continue;
		ret->items[out++] = p;
	}
	ret->n = out;
	return true;
}

void psc_code_parts_deinit(struct psc_code_parts *p)
{
	free(p->items);
	memset(p, 0, sizeof(*p));
}

size_t psc_code_part_after(const struct psc_code_parts *p, uint32_t rva)
{
	size_t lo = 0, hi = p->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (p->items[mid].end > rva)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

const struct psc_code_part *psc_code_part_at(const struct psc_code_parts *p, uint32_t rva)
{
	size_t i = psc_code_part_after(p, rva);
	return i < p->n && p->items[i].begin <= rva ? &p->items[i] : NULL;
}

static uint32_t slot_of_va(const struct psc_code_image *img, uint64_t va)
{
	return va > img->base && va - img->base < img->size_bytes ? (uint32_t)(va - img->base) : 0;
}

struct psc_code_guard psc_code_guard_read(const struct psc_code_image *img)
{
	struct psc_code_guard g = {0, 0};
	unsigned w = img->pointer_bytes;
	uint32_t at = w == 4 ? 72 : 112; /* GuardCFCheckFunctionPointer, GuardCFDispatchFunctionPointer */
	const uint8_t *c = psc_code_at(img, img->dirs[PSC_DIR_LOAD_CONFIG].rva, at + 2 * w);
	if (img->dirs[PSC_DIR_LOAD_CONFIG].rva == 0 || c == NULL || psc_le32(c) < at + 2 * w)
		return g;
	g.check_slot = slot_of_va(img, pointer_at(img, c + at));
	g.dispatch_slot = slot_of_va(img, pointer_at(img, c + at + w));
	return g;
}

/* The loader fills in the table's address and its own module when it binds a driver: both are kernel addresses outside
 * of the image then. */
static bool is_bound(const struct psc_code_image *img, uint64_t table_va, uint64_t module)
{
	const uint8_t *p = psc_code_at_va(img, table_va, img->pointer_bytes);
	uint64_t table = p != NULL ? pointer_at(img, p) : 0;
	unsigned sign = 8 * img->pointer_bytes - 1;
	return !img->from_file && table >> sign != 0 && module >> sign != 0 && table - img->base >= img->size_bytes;
}

/* WDF_BIND_INFO (public header wdffuncenum/fxldr): Size, pointer to L"KmdfLibrary", three version words, number of
 * functions, pointer to the table variable, module. Functions were only ever appended in versions 1.x. Drivers of up to
 * version 1.9 have the table itself, which the loader fills in (seen in such a driver for x64 and x86); later ones have
 * a pointer to the framework's (wdf.h of 1.11 and later). */
struct psc_code_wdf psc_code_wdf_read(const struct psc_code_image *img)
{
	static const uint8_t name[] = "K\0m\0d\0f\0L\0i\0b\0r\0a\0r\0y\0\0";
	unsigned w = img->pointer_bytes;
	uint32_t info_bytes = w == 4 ? 0x20 : 0x30, version_at = 2 * w, table_at = w == 4 ? 0x18 : 0x20;
	struct psc_code_wdf none = {0, 0, false, false};
	for (size_t i = 0; i < img->n_sections; i++) {
		const struct psc_code_section *s = &img->sections[i];
		for (uint32_t off = 0; !s->is_code && off + info_bytes <= s->size_bytes; off += w) {
			const uint8_t *p = psc_code_at(img, (uint64_t)s->rva + off, info_bytes);
			if (p == NULL || psc_le32(p) != info_bytes)
				continue;
			const uint8_t *text = psc_code_at_va(img, pointer_at(img, p + w), sizeof(name));
			uint64_t table_va = pointer_at(img, p + table_at);
			struct psc_code_wdf wdf = {slot_of_va(img, table_va), psc_le32(p + version_at + 12),
						   psc_le32(p + version_at + 4) <= WDF_ARRAY_MINOR, false};
			const struct psc_code_section *at = psc_code_section_at(img, wdf.table_slot);
			if (text == NULL || memcmp(text, name, sizeof(name)) != 0 || psc_le32(p + version_at) != 1 ||
			    wdf.n_functions == 0 || wdf.n_functions > WDF_FUNCTIONS_MAX || wdf.table_slot % w != 0 ||
			    at == NULL || !at->is_writable ||
			    !psc_range_ok(wdf.table_slot - at->rva, wdf.is_array ? wdf.n_functions * w : w,
					  at->size_bytes))
				continue;
			wdf.is_bound = is_bound(img, table_va, pointer_at(img, p + table_at + w));
			return wdf;
		}
	}
	return none;
}

void psc_code_debug_record(struct psc_code_image *img)
{
	uint32_t n = img->dirs[PSC_DIR_DEBUG].size_bytes / 28;
	for (uint32_t i = 0; i < n && i < 32; i++) {
		const uint8_t *e = psc_code_at(img, (uint64_t)img->dirs[PSC_DIR_DEBUG].rva + i * 28u, 28);
		const uint8_t *r;
		const char *path;
		if (e == NULL || psc_le32(e + 12) != 2 || psc_le32(e + 16) < 25)
			continue;
		r = psc_code_at(img, psc_le32(e + 20), 24);
		path = psc_code_name_at(img, (uint64_t)psc_le32(e + 20) + 24);
		if (r == NULL || memcmp(r, "RSDS", 4) != 0)
			continue;
		snprintf(img->info.pdb_guid, sizeof(img->info.pdb_guid),
			 "%08lX%04X%04X%02X%02X%02X%02X%02X%02X%02X%02X", (unsigned long)psc_le32(r + 4),
			 (unsigned)psc_le16(r + 8), (unsigned)psc_le16(r + 10), r[12], r[13], r[14], r[15], r[16],
			 r[17], r[18], r[19]);
		img->info.pdb_age = psc_le32(r + 20);
		img->info.has_debug_record = true;
		if (path != NULL && strlen(psc_base_name(path)) < sizeof(img->info.pdb_name))
			strcpy(img->info.pdb_name, psc_base_name(path));
		return;
	}
}
