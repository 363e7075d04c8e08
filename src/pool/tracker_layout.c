/* SPDX-License-Identifier: MIT */
/* _POOL_TRACKER_TABLE and _POOL_TRACKER_BIG_PAGES: from the profile, else by build. Reference: pool 4.2, 5.2 [V]. */
#include "pool/internal.h"
#include "util/bytes.h"

struct tracker_row {
	bool is_64bit;
	uint32_t first_build;
	struct psc_tracker_layout layout;
};

/* Newest first: the first row whose build is not above the kernel's. */
static const struct tracker_row tracker_rows[] = {
	{true, 20348, {0x50, 0, {{0x10, 0x18, 0x08}, {0x28, 0x30, 0x20}}, 8, 8}},
	{true, 16299, {0x38, 0, {{0x10, 0x18, 0x08}, {0x28, 0x30, 0x20}}, 8, 8}},
	{true, 3790, {0x28, 0, {{0x04, 0x08, 0x10}, {0x18, 0x1c, 0x20}}, 4, 8}},
	{false, 16299, {0x30, 0, {{0x08, 0x10, 0x04}, {0x20, 0x28, 0x18}}, 8, 4}},
	{false, 2600, {0x1c, 0, {{0x04, 0x08, 0x0c}, {0x10, 0x14, 0x18}}, 4, 4}},
};

static bool fits(uint32_t offset, uint32_t width, uint32_t entry_bytes)
{
	return (width == 4 || width == 8) && offset <= entry_bytes && width <= entry_bytes - offset;
}

static bool tracker_from_profile(const struct psc_profile *p, struct psc_tracker_layout *ret)
{
	static const enum psc_field_id ids[2][3] = {
		{PSC_FIELD_POOL_TRACKER_TABLE_NonPagedAllocs, PSC_FIELD_POOL_TRACKER_TABLE_NonPagedFrees,
		 PSC_FIELD_POOL_TRACKER_TABLE_NonPagedBytes},
		{PSC_FIELD_POOL_TRACKER_TABLE_PagedAllocs, PSC_FIELD_POOL_TRACKER_TABLE_PagedFrees,
		 PSC_FIELD_POOL_TRACKER_TABLE_PagedBytes},
	};
	const struct psc_field *key = psc_profile_field(p, PSC_FIELD_POOL_TRACKER_TABLE_Key);
	if (!key || key->struct_size < 0x1c || key->struct_size > 0x400)
		return false;
	struct psc_tracker_layout l = {0};
	l.entry_bytes = key->struct_size;
	l.key = key->offset;
	for (size_t h = 0; h < 2; h++) {
		const struct psc_field *f[3];
		for (size_t i = 0; i < 3; i++) {
			f[i] = psc_profile_field(p, ids[h][i]);
			if (!f[i])
				return false;
		}
		if (h == 0) {
			l.count_width = f[0]->size_bytes;
			l.bytes_width = f[2]->size_bytes;
		}
		if (f[0]->size_bytes != l.count_width || f[1]->size_bytes != l.count_width ||
		    f[2]->size_bytes != l.bytes_width)
			return false;
		l.half[h].allocs = f[0]->offset;
		l.half[h].frees = f[1]->offset;
		l.half[h].bytes = f[2]->offset;
		if (!fits(f[0]->offset, l.count_width, l.entry_bytes) ||
		    !fits(f[1]->offset, l.count_width, l.entry_bytes) ||
		    !fits(f[2]->offset, l.bytes_width, l.entry_bytes))
			return false;
	}
	if (!fits(l.key, 4, l.entry_bytes))
		return false;
	*ret = l;
	return true;
}

bool psc_tracker_layout_find(const struct psc_kernel *k, struct psc_tracker_layout *ret)
{
	if (tracker_from_profile(&k->profile, ret))
		return true;
	if (k->id.machine == PSC_MACHINE_UNKNOWN)
		return false;
	for (size_t i = 0; i < sizeof(tracker_rows) / sizeof(tracker_rows[0]); i++) {
		const struct tracker_row *row = &tracker_rows[i];
		if (row->is_64bit == psc_kernel_is_64bit(k) && k->id.build >= row->first_build) {
			*ret = row->layout;
			return true;
		}
	}
	return false;
}

size_t psc_tracker_layouts(const struct psc_kernel *k, struct psc_tracker_layout ret[PSC_LAYOUTS_MAX])
{
	size_t n = 0;
	for (size_t i = 0; i < sizeof(tracker_rows) / sizeof(tracker_rows[0]) && n < PSC_LAYOUTS_MAX; i++)
		if (tracker_rows[i].is_64bit == psc_kernel_is_64bit(k))
			ret[n++] = tracker_rows[i].layout;
	return n;
}

struct big_row {
	bool is_64bit;
	uint32_t first_build;
	struct psc_big_layout layout;
};

/* Columns: entry, Va, Key, size, its width, in pages; type kind, offset, shift, mask; process; pointer. */
static const struct big_row big_rows[] = {
	{true, 26100, {0x20, 0, 8, 0x10, 8, false, PSC_BIG_TYPE_POOL_FLAGS, 0xc, 8, 0xfff, true, 0x18, 8}},
	{true, 20348, {0x20, 0, 8, 0x10, 8, false, PSC_BIG_TYPE_POOL_TYPE, 0xc, 8, 0xfff, true, 0x18, 8}},
	{true, 10240, {0x18, 0, 8, 0x10, 8, false, PSC_BIG_TYPE_POOL_TYPE, 0xc, 8, 0xfff, false, 0, 8}},
	{true, 6000, {0x18, 0, 8, 0x10, 8, false, PSC_BIG_TYPE_POOL_TYPE, 0xc, 0, 0xffffffff, false, 0, 8}},
	{true, 3790, {0x18, 0, 8, 0x0c, 4, true, PSC_BIG_TYPE_NONE, 0, 0, 0, true, 0x10, 8}},
	{false, 10240, {0x10, 0, 4, 0x0c, 4, false, PSC_BIG_TYPE_POOL_TYPE, 8, 8, 0xfff, false, 0, 4}},
	{false, 6000, {0x10, 0, 4, 0x0c, 4, false, PSC_BIG_TYPE_POOL_TYPE, 8, 0, 0xffffffff, false, 0, 4}},
	{false, 3790, {0x10, 0, 4, 0x08, 4, true, PSC_BIG_TYPE_NONE, 0, 0, 0, true, 0xc, 4}},
	{false, 2600, {0x0c, 0, 4, 0x08, 4, true, PSC_BIG_TYPE_NONE, 0, 0, 0, false, 0, 4}},
};

static bool big_from_profile(const struct psc_kernel *k, struct psc_big_layout *ret)
{
	const struct psc_profile *p = &k->profile;
	const struct psc_field *va = psc_profile_field(p, PSC_FIELD_POOL_TRACKER_BIG_PAGES_Va);
	const struct psc_field *key = psc_profile_field(p, PSC_FIELD_POOL_TRACKER_BIG_PAGES_Key);
	const struct psc_field *bytes = psc_profile_field(p, PSC_FIELD_POOL_TRACKER_BIG_PAGES_NumberOfBytes);
	const struct psc_field *pages = psc_profile_field(p, PSC_FIELD_POOL_TRACKER_BIG_PAGES_NumberOfPages);
	const struct psc_field *type = psc_profile_field(p, PSC_FIELD_POOL_TRACKER_BIG_PAGES_PoolType);
	const struct psc_field *flags = psc_profile_field(p, PSC_FIELD_POOL_TRACKER_BIG_PAGES_PoolFlags);
	const struct psc_field *billed = psc_profile_field(p, PSC_FIELD_POOL_TRACKER_BIG_PAGES_ProcessBilled);
	const struct psc_field *quota = psc_profile_field(p, PSC_FIELD_POOL_TRACKER_BIG_PAGES_QuotaObject);
	const struct psc_field *size = bytes ? bytes : pages;
	if (!va || !key || !size || va->struct_size < 12 || va->struct_size > 0x400)
		return false;
	struct psc_big_layout l = {0};
	l.pointer_bytes = psc_kernel_is_64bit(k) ? 8 : 4;
	l.entry_bytes = va->struct_size;
	l.va = va->offset;
	l.key = key->offset;
	l.size = size->offset;
	l.size_width = size->size_bytes;
	l.size_in_pages = !bytes;
	if (!fits(l.va, l.pointer_bytes, l.entry_bytes) || !fits(l.key, 4, l.entry_bytes) ||
	    !fits(l.size, l.size_width, l.entry_bytes))
		return false;
	const struct psc_field *t = flags ? flags : type;
	if (t) {
		if (!fits(t->offset, 4, l.entry_bytes) || t->bit_position >= 32)
			return false;
		l.type_kind = flags ? PSC_BIG_TYPE_POOL_FLAGS : PSC_BIG_TYPE_POOL_TYPE;
		l.type = t->offset;
		l.type_shift = t->bit_length ? t->bit_position : 0;
		l.type_mask = t->bit_length && t->bit_length < 32 ? (1u << t->bit_length) - 1 : 0xffffffffu;
	}
	const struct psc_field *owner = billed ? billed : quota;
	if (owner && fits(owner->offset, l.pointer_bytes, l.entry_bytes)) {
		l.has_process = true;
		l.process = owner->offset;
	}
	*ret = l;
	return true;
}

bool psc_big_layout_find(const struct psc_kernel *k, struct psc_big_layout *ret)
{
	if (big_from_profile(k, ret))
		return true;
	if (k->id.machine == PSC_MACHINE_UNKNOWN)
		return false;
	for (size_t i = 0; i < sizeof(big_rows) / sizeof(big_rows[0]); i++) {
		const struct big_row *row = &big_rows[i];
		if (row->is_64bit == psc_kernel_is_64bit(k) && k->id.build >= row->first_build) {
			*ret = row->layout;
			return true;
		}
	}
	return false;
}

size_t psc_big_layouts(const struct psc_kernel *k, struct psc_big_layout ret[PSC_LAYOUTS_MAX])
{
	size_t n = 0;
	for (size_t i = 0; i < sizeof(big_rows) / sizeof(big_rows[0]) && n < PSC_LAYOUTS_MAX; i++)
		if (big_rows[i].is_64bit == psc_kernel_is_64bit(k))
			ret[n++] = big_rows[i].layout;
	return n;
}
