/* SPDX-License-Identifier: MIT */
/* Layouts of tracker and big-page entries, by what the tables hold. Layouts of one architecture differ in the length of
 * an entry, so that all but one put the keys into the wrong slots. Reference: pool 4.2, 4.4, 5.2, 5.3, 12.7. */
#include "pool/infer.h"
#include "util/bytes.h"
#include "util/checked.h"

#define NEAR_TRACKER 8u /* of the 64 slots that any table has */
#define SLOTS_MIN    64u
#define NEAR_BIG     64u
#define BYTES_MAX    ((uint64_t)1 << 46)
#define FLAG_POOLS   0x1c0u /* nonpaged NX, nonpaged executable, paged */

/* The smallest table has 64 slots; what is behind a small one is somebody else's, so several lengths are tried. */
void psc_tracker_layout_check(struct psc_kernel *k, const struct psc_tracker_layout *l, uint64_t table,
			      struct psc_tracker_check *ret)
{
	const unsigned limits[] = {SLOTS_MIN, 0x1000 / l->entry_bytes, 0x2000 / l->entry_bytes,
				   0x4000 / l->entry_bytes};
	unsigned i = 0;
	struct psc_tracker_check sum = {0, 0};
	*ret = sum;
	for (size_t step = 0; step < sizeof(limits) / sizeof(*limits); step++) {
		for (; i < limits[step]; i++) {
			uint32_t key;
			if (!psc_read_u32(&k->reader, table + (uint64_t)i * l->entry_bytes + l->key, &key) || key == 0)
				continue;
			sum.n_keys++;
			sum.n_near += ((i - psc_tracker_hash(key)) & (SLOTS_MIN - 1)) < NEAR_TRACKER;
		}
		if (sum.n_keys * 4 > i * 3)
			continue;
		if (psc_tracker_check_passes(&sum) ? sum.n_near > ret->n_near : !psc_tracker_check_passes(ret))
			*ret = sum;
	}
}

static void use_tracker_layout(struct psc_kernel *k, const struct psc_tracker_layout *l)
{
	static const enum psc_field_id ids[2][3] = {
		{PSC_FIELD_POOL_TRACKER_TABLE_NonPagedAllocs, PSC_FIELD_POOL_TRACKER_TABLE_NonPagedFrees,
		 PSC_FIELD_POOL_TRACKER_TABLE_NonPagedBytes},
		{PSC_FIELD_POOL_TRACKER_TABLE_PagedAllocs, PSC_FIELD_POOL_TRACKER_TABLE_PagedFrees,
		 PSC_FIELD_POOL_TRACKER_TABLE_PagedBytes},
	};
	struct psc_field f = {.origin = PSC_ORIGIN_INFERRED, .struct_size = l->entry_bytes};
	f.offset = l->key;
	f.size_bytes = 4;
	k->profile.fields[PSC_FIELD_POOL_TRACKER_TABLE_Key] = f;
	for (unsigned h = 0; h < 2; h++) {
		const uint32_t offsets[3] = {l->half[h].allocs, l->half[h].frees, l->half[h].bytes};
		for (unsigned i = 0; i < 3; i++) {
			f.offset = offsets[i];
			f.size_bytes = i < 2 ? l->count_width : l->bytes_width;
			k->profile.fields[ids[h][i]] = f;
		}
	}
}

void psc_infer_tracker_layout(struct psc_kernel *k, uint64_t table)
{
	struct psc_tracker_layout used, all[PSC_LAYOUTS_MAX];
	struct psc_tracker_check check = {0, 0};
	const struct psc_field *key = psc_profile_field(&k->profile, PSC_FIELD_POOL_TRACKER_TABLE_Key);
	if (key && key->origin > PSC_ORIGIN_BUILTIN_RANGE)
		return; /* a symbol file of this very kernel */
	bool has_used = psc_tracker_layout_find(k, &used);
	if (has_used) {
		psc_tracker_layout_check(k, &used, table, &check);
		if (psc_tracker_check_passes(&check)) {
			if (!key) {
				use_tracker_layout(k, &used);
				psc_infer_note(k, "_POOL_TRACKER_TABLE", "size", used.entry_bytes,
					       PSC_CONFIDENCE_PROVEN, check.n_keys,
					       "with entries of this size %u of the first %u tags are at their hash "
					       "slots",
					       check.n_near, check.n_keys);
			}
			return;
		}
	}
	size_t n = psc_tracker_layouts(k, all);
	const struct psc_tracker_layout *found = NULL;
	struct psc_tracker_check found_check = {0, 0};
	for (size_t i = 0; i < n; i++) {
		struct psc_tracker_check c;
		psc_tracker_layout_check(k, &all[i], table, &c);
		if (!psc_tracker_check_passes(&c) || (found && c.n_near <= found_check.n_near))
			continue;
		found = &all[i];
		found_check = c;
	}
	/* psc_tracker_rows_check has the last word. */
	if (!found || found_check.n_near < 8 + 2 * check.n_near)
		return;
	if (has_used)
		psc_infer_note(
			k, "_POOL_TRACKER_TABLE", "size", 0, PSC_CONFIDENCE_REJECTED, check.n_keys,
			"with entries of %u bytes, as builds like this one have, only %u of %u tags are at their "
			"hash slots",
			(unsigned)used.entry_bytes, check.n_near, check.n_keys);
	use_tracker_layout(k, found);
	psc_infer_note(k, "_POOL_TRACKER_TABLE", "size", found->entry_bytes, PSC_CONFIDENCE_PROVEN, found_check.n_keys,
		       "with entries of this size %u of the first %u tags are at their hash slots", found_check.n_near,
		       found_check.n_keys);
}

/* ---- big pages ---- */

struct counting {
	struct psc_kernel *k;
	const struct psc_big_layout *l;
	struct psc_big_check *ret;
	uint64_t mask, left;
};

static bool count_entry(void *arg, uint64_t index, const uint8_t *bytes)
{
	struct counting *c = arg;
	struct psc_big_page p;
	if (c->left-- == 0)
		return false;
	c->ret->n_read++;
	psc_big_entry_parse(bytes, c->l, &p);
	if (p.va == 0 || p.is_free)
		return true;
	if (p.va % PSC_PAGE_BYTES != 0 || !psc_is_kernel_va(&c->k->space, p.va) || p.bytes == 0 ||
	    p.bytes > BYTES_MAX) {
		c->ret->n_bad++;
		return true;
	}
	c->ret->n_live++;
	c->ret->n_odd += p.bytes % PSC_PAGE_BYTES != 0;
	c->ret->n_near += ((index - (psc_big_hash(p.va) & c->mask)) & c->mask) < NEAR_BIG;
	if (c->l->type_kind != PSC_BIG_TYPE_NONE) {
		uint32_t pools = psc_le32(bytes + c->l->type) >> c->l->type_shift & FLAG_POOLS;
		c->ret->n_flag_like += psc_is_pow2(pools);
	}
	return true;
}

void psc_big_layout_check(struct psc_kernel *k, const struct psc_big_layout *l, uint64_t table, uint64_t n,
			  uint64_t sample, struct psc_big_check *ret)
{
	struct counting c = {k, l, ret, n - 1, sample};
	const struct psc_table_visitor visitor = {count_entry, NULL, &c};
	*ret = (struct psc_big_check){0};
	if (psc_is_pow2(n))
		psc_table_read(&k->reader, table, psc_min_u64(n, sample), l->entry_bytes, &visitor, NULL);
}

static void put_big_field(struct psc_kernel *k, const struct psc_big_layout *l, enum psc_field_id id, uint32_t offset,
			  uint32_t size_bytes)
{
	k->profile.fields[id] = (struct psc_field){.origin = PSC_ORIGIN_INFERRED,
						   .offset = offset,
						   .size_bytes = size_bytes,
						   .struct_size = l->entry_bytes};
}

void psc_infer_use_big_layout(struct psc_kernel *k, const struct psc_big_layout *l)
{
	static const enum psc_field_id ids[] = {
		PSC_FIELD_POOL_TRACKER_BIG_PAGES_NumberOfBytes, PSC_FIELD_POOL_TRACKER_BIG_PAGES_NumberOfPages,
		PSC_FIELD_POOL_TRACKER_BIG_PAGES_PoolFlags,     PSC_FIELD_POOL_TRACKER_BIG_PAGES_PoolType,
		PSC_FIELD_POOL_TRACKER_BIG_PAGES_ProcessBilled, PSC_FIELD_POOL_TRACKER_BIG_PAGES_QuotaObject,
	};
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
		psc_infer_drop_field(k, ids[i]);
	put_big_field(k, l, PSC_FIELD_POOL_TRACKER_BIG_PAGES_Va, l->va, l->pointer_bytes);
	put_big_field(k, l, PSC_FIELD_POOL_TRACKER_BIG_PAGES_Key, l->key, 4);
	put_big_field(k, l,
		      l->size_in_pages ? PSC_FIELD_POOL_TRACKER_BIG_PAGES_NumberOfPages
				       : PSC_FIELD_POOL_TRACKER_BIG_PAGES_NumberOfBytes,
		      l->size, l->size_width);
	if (l->has_process)
		put_big_field(k, l,
			      l->size_in_pages ? PSC_FIELD_POOL_TRACKER_BIG_PAGES_QuotaObject
					       : PSC_FIELD_POOL_TRACKER_BIG_PAGES_ProcessBilled,
			      l->process, l->pointer_bytes);
	if (l->type_kind == PSC_BIG_TYPE_NONE)
		return;
	enum psc_field_id type = l->type_kind == PSC_BIG_TYPE_POOL_FLAGS ? PSC_FIELD_POOL_TRACKER_BIG_PAGES_PoolFlags
									 : PSC_FIELD_POOL_TRACKER_BIG_PAGES_PoolType;
	put_big_field(k, l, type, l->type, 4);
	if (l->type_mask == UINT32_MAX)
		return;
	unsigned length = 0;
	while (length < 31 && (l->type_mask >> length & 1) != 0)
		length++;
	k->profile.fields[type].bit_position = (uint8_t)l->type_shift;
	k->profile.fields[type].bit_length = (uint8_t)length;
}

/* Of two layouts of equal size and places, whether the type is a pool type or pool flags. */
static bool type_fits(const struct psc_big_layout *l, const struct psc_big_check *c)
{
	return l->type_kind != PSC_BIG_TYPE_POOL_FLAGS ? c->n_flag_like * 4 < c->n_live * 3 || c->n_live < 8
						       : c->n_flag_like == c->n_live;
}

#define SAMPLE 4096u

/* Big allocations of segment heaps have any length, those of the classic allocator whole pages (reference: pool 4.3
 * [1], 6.8). */
void psc_infer_allocator(struct psc_kernel *k, uint64_t table, uint64_t n)
{
	struct psc_big_layout l;
	struct psc_big_check check;
	if (psc_pool_allocator(k) != PSC_ALLOCATOR_UNKNOWN || !psc_is_pow2(n) || !psc_big_layout_find(k, &l))
		return;
	psc_big_layout_check(k, &l, table, n, SAMPLE, &check);
	if (!psc_big_check_passes(&check))
		return;
	k->inferred_heap = check.n_odd != 0 ? 1 : -1;
	psc_infer_note(k, "ExpHeapBackedPoolEnabledState", "value", check.n_odd != 0 ? 3 : 1,
		       check.n_live >= 16 ? PSC_CONFIDENCE_LIKELY : PSC_CONFIDENCE_WEAK, (uint32_t)check.n_live,
		       "%u of %u big allocations have a length that is no number of pages: %s", (unsigned)check.n_odd,
		       (unsigned)check.n_live,
		       check.n_odd != 0 ? "segment heaps give such" : "the classic allocator gives whole pages only");
}

void psc_infer_big_layout(struct psc_kernel *k, uint64_t table, uint64_t n)
{
	struct psc_big_layout used, all[PSC_LAYOUTS_MAX];
	struct psc_big_check check, found_check = {0};
	const struct psc_field *va = psc_profile_field(&k->profile, PSC_FIELD_POOL_TRACKER_BIG_PAGES_Va);
	if ((va && va->origin > PSC_ORIGIN_BUILTIN_RANGE) || !k->is_vista_or_later || !psc_is_pow2(n))
		return;
	bool has_used = psc_big_layout_find(k, &used);
	if (has_used) {
		psc_big_layout_check(k, &used, table, n, SAMPLE, &check);
		if (check.n_live + check.n_bad < 16 || (psc_big_check_passes(&check) && type_fits(&used, &check)))
			return;
	}
	const struct psc_big_layout *found = NULL;
	size_t n_all = psc_big_layouts(k, all);
	for (size_t i = 0; i < n_all; i++) {
		struct psc_big_check c;
		psc_big_layout_check(k, &all[i], table, n, SAMPLE, &c);
		if (!psc_big_check_passes(&c) || !type_fits(&all[i], &c) || (found && c.n_near <= found_check.n_near))
			continue;
		found = &all[i];
		found_check = c;
	}
	if (!found)
		return;
	if (has_used)
		psc_infer_note(
			k, "_POOL_TRACKER_BIG_PAGES", "size", 0, PSC_CONFIDENCE_REJECTED, (uint32_t)check.n_read,
			"with the layout of builds like this one (entries of %u bytes) %u of %u live entries are "
			"near their hash slots, %u make no sense, %u have the bits of pool flags",
			(unsigned)used.entry_bytes, (unsigned)check.n_near, (unsigned)check.n_live,
			(unsigned)check.n_bad, (unsigned)check.n_flag_like);
	psc_infer_use_big_layout(k, found);
	psc_infer_note(k, "_POOL_TRACKER_BIG_PAGES", "size", found->entry_bytes, PSC_CONFIDENCE_PROVEN,
		       (uint32_t)found_check.n_live,
		       "with entries of this size %u of %u live ones are near their hash slots%s",
		       (unsigned)found_check.n_near, (unsigned)found_check.n_live,
		       found->type_kind == PSC_BIG_TYPE_POOL_FLAGS ? ", and their types are pool flags" : "");
}
