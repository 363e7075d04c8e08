/* SPDX-License-Identifier: MIT */
/* Tracker globals without symbols. Reference: pool 5.1, 5.3, 12.3, 12.5.
 *
 * The number of entries must put the tags where their hash says; the table's own entry in the big-page table gives its
 * length a second time. ExPoolTagTables is an array that starts with another copy of the table's address and goes on
 * with tables that have the same tags in the same slots. */
#include "pool/infer.h"
#include "util/bytes.h"
#include "util/checked.h"

#include <stdlib.h>
#include <string.h>

#define PROBES_MAX     64u
#define KEYS_SAMPLED   65536u
#define KEYS_MIN       8u
#define TRACK_MIN_POW  6u
#define TRACK_MAX_POW  20u
#define KEYS_COMPARED  512u
#define CANDIDATES_MAX 16u
#define LOOKS_MAX      16384u /* at pointers of the kernel's data */

static bool take_key(void *arg, uint64_t index, const uint8_t *entry)
{
	struct psc_track_keys *keys = arg;
	keys->items[index] = psc_le32(entry + keys->key_off);
	return true;
}

bool psc_track_keys_read(struct psc_kernel *k, const struct psc_tracker_layout *l, uint64_t table, uint64_t n,
			 struct psc_track_keys *ret)
{
	*ret = (struct psc_track_keys){calloc((size_t)n, sizeof(*ret->items)), n, l->key};
	if (!ret->items)
		return false;
	const struct psc_table_visitor visitor = {take_key, NULL, ret};
	psc_table_read(&k->reader, table, n, l->entry_bytes, &visitor, NULL);
	return true;
}

bool psc_track_keys_have(const struct psc_track_keys *keys, uint32_t key)
{
	for (uint64_t i = 0; i < keys->n; i++)
		if (keys->items[i] == key)
			return true;
	return false;
}

/* Tags in the first mask + 1 slots, and how many of them a probe from their hash slot finds. */
static void count_reachable(const struct psc_track_keys *keys, uint64_t mask, uint64_t *ret_n, uint64_t *ret_reachable)
{
	*ret_n = *ret_reachable = 0;
	for (uint64_t i = 0; i <= mask && i < keys->n && *ret_n < KEYS_SAMPLED; i++) {
		uint32_t key = keys->items[i];
		if (key == 0)
			continue;
		++*ret_n;
		uint64_t at = psc_tracker_hash(key) & mask;
		for (unsigned probe = 0; probe < PROBES_MAX; probe++) {
			if (at == i) {
				++*ret_reachable;
				break;
			}
			if (at >= keys->n || keys->items[at] == 0)
				break;
			at = (at + 1) & mask;
		}
	}
}

static bool passes(uint64_t n, uint64_t reachable)
{
	return n >= KEYS_MIN && reachable * 10 >= n * 9;
}

struct psc_own_entry psc_own_entry(struct psc_kernel *k, uint64_t va)
{
	struct psc_own_entry e = {false, 0};
	struct psc_big_layout l;
	struct psc_big_page p;
	uint64_t table, n;
	if (psc_kernel_read_ptr(k, PSC_SYM_PoolBigPageTable, &table) &&
	    psc_kernel_read_ptr(k, PSC_SYM_PoolBigPageTableSize, &n) && psc_is_pow2(n) && n <= PSC_BIG_SIZE_MAX &&
	    psc_big_layout_find(k, &l) && psc_big_lookup(k, &l, table, n, va, &p) &&
	    (p.tag & ~PSC_TAG_PROTECTED) == PSC_TAG_POOL) {
		e.known = true;
		e.bytes = p.bytes;
	}
	return e;
}

/* Exactly (segment heap: rounded to 16), or rounded to pages. */
static bool length_fits(uint64_t entry_bytes, uint64_t need)
{
	return entry_bytes >= need && entry_bytes - need < PSC_PAGE_BYTES;
}

static void note_size(struct psc_kernel *k, const struct psc_cluster *c, uint64_t mask, uint64_t n, uint64_t reachable,
		      bool has_own)
{
	size_t at_size = psc_cluster_nearest(c, mask + 2), at_mask = psc_cluster_nearest(c, mask);
	enum psc_confidence confidence = has_own ? PSC_CONFIDENCE_PROVEN : PSC_CONFIDENCE_LIKELY;
	psc_infer_sym(k, PSC_SYM_PoolTrackTableSize, psc_cluster_va(c, at_size), confidence, (uint32_t)reachable,
		      "holds %llu, with which %llu of %llu tags are found from their hash slots%s",
		      (unsigned long long)(mask + 2), (unsigned long long)reachable, (unsigned long long)n,
		      has_own ? "; the table's entry in the big-page table has that length" : "");
	psc_infer_sym(k, PSC_SYM_PoolTrackTableMask, psc_cluster_va(c, at_mask), confidence, (uint32_t)reachable,
		      "holds %llu, two less than PoolTrackTableSize", (unsigned long long)mask);
}

/* A table read under half its mask also passes, so the largest that does is taken, and none whose double does too with
 * more tags. The length of its own big allocation settles it. false: not found. */
static bool infer_size(struct psc_kernel *k, const struct psc_cluster *c, const struct psc_tracker_layout *l,
		       uint64_t table, const struct psc_own_entry *own)
{
	uint64_t masks[TRACK_MAX_POW + 1];
	size_t n_masks = 0;
	for (unsigned pow = TRACK_MIN_POW; pow <= TRACK_MAX_POW; pow++) {
		uint64_t mask = ((uint64_t)1 << pow) - 1;
		if (psc_cluster_has(c, mask) && psc_cluster_has(c, mask + 2) &&
		    (!own->known || length_fits(own->bytes, (mask + 2) * l->entry_bytes)))
			masks[n_masks++] = mask;
	}
	if (n_masks == 0)
		return false;
	struct psc_track_keys keys;
	if (!psc_track_keys_read(k, l, table, 2 * (masks[n_masks - 1] + 1), &keys))
		return false;
	bool found = false;
	for (size_t i = n_masks; i-- > 0 && !found;) {
		uint64_t n, reachable, n_twice, reachable_twice;
		count_reachable(&keys, masks[i], &n, &reachable);
		if (!passes(n, reachable))
			continue;
		count_reachable(&keys, 2 * masks[i] + 1, &n_twice, &reachable_twice);
		if (!own->known && passes(n_twice, reachable_twice) && n_twice > n + KEYS_MIN)
			break;
		note_size(k, c, masks[i], n, reachable, own->known);
		found = true;
	}
	free(keys.items);
	return found;
}

/* ---- ExPoolTagTables ---- */

/* Equal tags in equal slots of two tables. */
static void compare_tables(struct psc_kernel *k, const struct psc_tracker_layout *l, uint64_t size, uint64_t a,
			   uint64_t b, uint64_t *ret_agree, uint64_t *ret_differ)
{
	*ret_agree = *ret_differ = 0;
	for (uint64_t i = 0; i < size && i < KEYS_COMPARED; i++) {
		uint32_t x, y;
		if (!psc_read_u32(&k->reader, a + i * l->entry_bytes + l->key, &x) || x == 0 ||
		    !psc_read_u32(&k->reader, b + i * l->entry_bytes + l->key, &y) || y == 0)
			continue;
		*ret_agree += x == y;
		*ret_differ += x != y;
	}
}

#define TABLES_KEPT 64u
#define ARRAYS_MAX  256u
#define TABLES_MAX  8192u /* compared, over all arrays */

struct array {
	uint64_t va;
	size_t n_tables, n_listed; /* listed: a big allocation of the right length */
	uint64_t n_agree;
	uint64_t tables[TABLES_KEPT];
};

/* As a, or better. */
static int compare_arrays(const struct array *a, const struct array *b)
{
	if (a->n_tables != b->n_tables)
		return a->n_tables < b->n_tables ? -1 : 1;
	if (a->n_listed != b->n_listed)
		return a->n_listed < b->n_listed ? -1 : 1;
	return a->n_agree < b->n_agree ? -1 : a->n_agree > b->n_agree;
}

/* words: of a section of the kernel's data. */
static struct array array_at(struct psc_kernel *k, const struct psc_data_section *s, const struct psc_tracker_layout *l,
			     uint64_t table, uint64_t size, size_t at, size_t n_cpu)
{
	const size_t n_words = psc_data_words(k, s);
	struct array a = {s->va + (uint64_t)at * psc_pointer_bytes(&k->space), 1, 0, 0, {table}};
	while (a.n_tables < n_cpu && at + a.n_tables < n_words) {
		uint64_t va = psc_data_word(k, s, at + a.n_tables), agree, differ;
		if (va == 0 || va == table || va % PSC_PAGE_BYTES != 0 || !psc_is_kernel_va(&k->space, va))
			break;
		compare_tables(k, l, size, table, va, &agree, &differ);
		if (differ > agree)
			break;
		struct psc_own_entry own = psc_own_entry(k, va);
		a.n_listed += own.known && length_fits(own.bytes, size * l->entry_bytes);
		a.n_agree += agree;
		if (a.n_tables < TABLES_KEPT)
			a.tables[a.n_tables] = va;
		a.n_tables++;
	}
	return a;
}

static bool same_tables(const struct array *a, const struct array *b)
{
	return a->n_tables == b->n_tables && memcmp(a->tables, b->tables, sizeof(a->tables)) == 0;
}

struct arrays {
	struct array best;
	uint64_t ties[CANDIDATES_MAX];
	size_t n_ties, n_looks, n_tables;
	bool differ; /* two of the best lead to different tables */
};

static void search_arrays(struct psc_kernel *k, const struct psc_data_section *s, const struct psc_tracker_layout *l,
			  uint64_t table, uint64_t size, size_t n_cpu, struct arrays *ret)
{
	const uint64_t self = psc_kernel_sym(k, PSC_SYM_PoolTrackTable);
	for (size_t i = 0; i < psc_data_words(k, s) && ret->n_looks < ARRAYS_MAX && ret->n_tables < TABLES_MAX; i++) {
		if (psc_data_word(k, s, i) != table || s->va + (uint64_t)i * psc_pointer_bytes(&k->space) == self)
			continue;
		ret->n_looks++;
		struct array a = array_at(k, s, l, table, size, i, n_cpu);
		ret->n_tables += a.n_tables;
		int order = compare_arrays(&a, &ret->best);
		if (order < 0)
			continue;
		if (order > 0) {
			ret->n_ties = 0;
			ret->differ = false;
		} else if (!same_tables(&a, &ret->best)) {
			ret->differ = true;
		}
		ret->best = a;
		if (ret->n_ties < CANDIDATES_MAX)
			ret->ties[ret->n_ties++] = a.va;
	}
}

static void infer_tag_tables(struct psc_kernel *k, const struct psc_tracker_layout *l, uint64_t table, uint64_t size)
{
	const size_t n_cpu = psc_pool_processors(k);
	const bool has_big = psc_kernel_sym(k, PSC_SYM_PoolBigPageTable) != 0;
	struct psc_kernel_data d;
	struct arrays found = {0};
	if (!psc_kernel_data_read(k, &d))
		return;
	for (size_t i = 0; i < d.n; i++)
		search_arrays(k, &d.sections[i], l, table, size, n_cpu, &found);
	psc_kernel_data_free(&d);
	const struct array *best = &found.best;
	if (best->n_tables == 0)
		return;
	bool all_listed = has_big && best->n_listed + 1 == best->n_tables;
	enum psc_confidence confidence = found.differ                                     ? PSC_CONFIDENCE_AMBIGUOUS
					 : best->n_tables != n_cpu                        ? PSC_CONFIDENCE_WEAK
					 : n_cpu > 1 && !all_listed                       ? PSC_CONFIDENCE_WEAK
					 : best->n_agree >= KEYS_MIN && found.n_ties == 1 ? PSC_CONFIDENCE_PROVEN
											  : PSC_CONFIDENCE_LIKELY;
	struct psc_inferred *item = psc_infer_sym(
		k, PSC_SYM_ExPoolTagTables, best->va, confidence, (uint32_t)psc_min_u64(best->n_agree + 1, UINT32_MAX),
		"starts with a second copy of the tracker table's address; %zu tables of %zu processors "
		"follow from there, %llu tags stand in the same slots of them as in the main table, and "
		"%zu of them are big allocations of that length",
		best->n_tables, n_cpu, (unsigned long long)best->n_agree, best->n_listed);
	if (found.differ)
		psc_infer_alternatives(k, item, found.ties, found.n_ties);
	else if (found.n_ties > 1)
		psc_infer_alternatives(k, item, found.ties, found.n_ties - 1);
}

void psc_infer_track(struct psc_kernel *k, const struct psc_cluster *c)
{
	struct psc_tracker_layout l;
	struct psc_pool_globals g;
	struct psc_warnings unused = {.arena = &k->arena};
	uint64_t table = c->words[c->self];
	if (table == 0 || !psc_is_kernel_va(&k->space, table) || !psc_tracker_layout_find(k, &l))
		return;
	const struct psc_own_entry own = psc_own_entry(k, table);
	if (psc_kernel_sym(k, PSC_SYM_PoolTrackTableSize) == 0 && psc_kernel_sym(k, PSC_SYM_PoolTrackTableMask) == 0)
		(void)infer_size(k, c, &l, table, &own);
	psc_pool_globals_find(k, &unused, &g);
	psc_warnings_deinit(&unused);
	if (!g.has_track)
		return;
	if (k->is_vista_or_later && g.tag_tables == 0)
		infer_tag_tables(k, &l, table, g.track_size);
	if (psc_kernel_sym(k, PSC_SYM_PoolTrackTableExpansion) == 0)
		psc_infer_expansion(k, c, &l, table, g.track_mask);
}

/* ---- PoolTrackTable, where not even the debugger data block gives it ---- */

struct table_candidate {
	uint64_t at, table; /* of the variable; what it holds */
	unsigned n_near;
	size_t n_copies;
};

static bool looks_like_table(struct psc_kernel *k, uint64_t table, unsigned *ret_near)
{
	struct psc_tracker_layout all[PSC_LAYOUTS_MAX];
	size_t n = psc_tracker_layouts(k, all);
	*ret_near = 0;
	for (size_t i = 0; i < n; i++) {
		struct psc_tracker_check check;
		psc_tracker_layout_check(k, &all[i], table, &check);
		if (psc_tracker_check_passes(&check) && check.n_near > *ret_near)
			*ret_near = check.n_near;
	}
	return *ret_near != 0;
}

/* Two words below each other in the same section: a tracker size and a mask that belong together. */
static bool has_sizes_near(struct psc_kernel *k, const struct psc_data_section *s, size_t at)
{
	uint32_t sizes = 0, masks = 0;
	const size_t reach = 0x4100 / psc_pointer_bytes(&k->space), n = psc_data_words(k, s);
	for (size_t i = at > reach ? at - reach : 0; i < n && i < at + reach; i++) {
		uint64_t v = psc_data_word(k, s, i);
		for (unsigned pow = TRACK_MIN_POW; pow <= TRACK_MAX_POW; pow++) {
			sizes |= v == ((uint64_t)1 << pow) + 1 ? 1u << pow : 0;
			masks |= v == ((uint64_t)1 << pow) - 1 ? 1u << pow : 0;
		}
	}
	return (sizes & masks) != 0;
}

void psc_infer_track_table(struct psc_kernel *k)
{
	struct psc_kernel_data d;
	struct table_candidate found[CANDIDATES_MAX];
	size_t n = 0, n_looks = 0;
	if (!psc_kernel_data_read(k, &d))
		return;
	for (size_t j = 0; j < d.n; j++) {
		const struct psc_data_section *s = &d.sections[j];
		for (size_t i = 0; i < psc_data_words(k, s) && n_looks < LOOKS_MAX; i++) {
			uint64_t table = psc_data_word(k, s, i);
			unsigned n_near;
			size_t known = 0;
			if (table == 0 || table % PSC_PAGE_BYTES != 0 || !psc_is_kernel_va(&k->space, table))
				continue;
			while (known < n && found[known].table != table)
				known++;
			if (known < n) {
				found[known].n_copies++;
				continue;
			}
			n_looks++;
			if (n == CANDIDATES_MAX || !looks_like_table(k, table, &n_near) || !has_sizes_near(k, s, i))
				continue;
			found[n++] = (struct table_candidate){s->va + (uint64_t)i * psc_pointer_bytes(&k->space), table,
							      n_near, 1};
		}
	}
	psc_kernel_data_free(&d);
	/* The main table is also the first of the processors' tables: of all, its address alone stands there twice. */
	size_t n_best = 0, best = 0;
	for (size_t i = 0; i < n; i++) {
		bool is_main = !k->is_vista_or_later || found[i].n_copies >= 2;
		n_best += is_main;
		best = is_main ? i : best;
	}
	if (n_best == 0)
		return;
	uint64_t others[CANDIDATES_MAX];
	size_t n_others = 0;
	for (size_t i = 0; i < n && n_best > 1; i++)
		others[n_others++] = found[i].at;
	struct psc_inferred *item =
		psc_infer_sym(k, PSC_SYM_PoolTrackTable, found[best].at,
			      n_best > 1 ? PSC_CONFIDENCE_AMBIGUOUS : PSC_CONFIDENCE_LIKELY, found[best].n_near,
			      "points to a table in which %u tags are at their hash slots; numbers of entries that fit "
			      "stand near it%s",
			      found[best].n_near,
			      k->is_vista_or_later ? ", and a second copy of the pointer in the kernel's data" : "");
	psc_infer_alternatives(k, item, others, n_others);
}
