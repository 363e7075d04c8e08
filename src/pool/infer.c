/* SPDX-License-Identifier: MIT */
/* Tracker and big-page globals without symbols: they lie in one cluster with PoolTrackTable, whose address the debugger
 * data block gives, in an order that changes with every update. Reference: pool 12.3, 12.4 (distances [V]).
 *
 * Every guess is confirmed by the table it leads to: tags must be reachable from their hash slots, and the big-page
 * table must hold the entry of its own memory. */
#include "pool/internal.h"
#include "util/bytes.h"
#include "util/checked.h"

#include <stdlib.h>

#define REACH_BYTES   0x4100u
#define PROBES_MAX    64u
#define KEYS_SAMPLED  65536u
#define KEYS_MIN      8u
#define BIG_SAMPLE    16u
#define TRACK_MIN_POW 6u
#define TRACK_MAX_POW 20u
#define BIG_MIN_POW   6u
#define BIG_MAX_POW   26u
#define NT5_BYTES_MAX ((uint64_t)1 << 32)
#define NT5_ENTRIES   ((uint64_t)1 << 23) /* over all candidates */

struct cluster {
	uint64_t base;
	uint64_t *words;
	size_t n, self; /* self: index of PoolTrackTable */
	unsigned word_bytes;
};

static bool cluster_read(struct psc_kernel *k, struct cluster *c)
{
	uint64_t variable = psc_kernel_sym(k, PSC_SYM_PoolTrackTable);
	c->word_bytes = psc_pointer_bytes(&k->space);
	if (variable < REACH_BYTES || variable % c->word_bytes != 0 || variable > UINT64_MAX - 2 * REACH_BYTES)
		return false;
	c->base = variable - REACH_BYTES;
	c->self = REACH_BYTES / c->word_bytes;
	c->n = 2 * REACH_BYTES / c->word_bytes;
	c->words = calloc(c->n, sizeof(*c->words));
	if (!c->words)
		return false;
	for (size_t i = 0; i < c->n; i++) {
		uint64_t va = c->base + i * c->word_bytes;
		if (!psc_read_ptr(&k->reader, va, &c->words[i]))
			c->words[i] = 0; /* a missing page says nothing */
	}
	return true;
}

static bool cluster_has(const struct cluster *c, uint64_t value)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->words[i] == value)
			return true;
	return false;
}

/* ---- tracker size ---- */

struct keys {
	uint32_t *items;
	uint64_t n;
	uint32_t key_off;
};

static bool take_key(void *arg, uint64_t index, const uint8_t *entry)
{
	struct keys *keys = arg;
	keys->items[index] = psc_le32(entry + keys->key_off);
	return true;
}

/* Tags in the table's first mask + 1 slots, and how many of them a probe from their hash slot finds. */
static void count_reachable(const struct keys *keys, uint64_t mask, uint64_t *ret_n, uint64_t *ret_reachable)
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

/* A table read under half its mask also passes, so the largest that does is taken, and none whose double does too with
 * more tags. */
static bool infer_size(struct psc_kernel *k, const struct cluster *c, struct psc_pool_globals *g)
{
	struct psc_tracker_layout layout;
	if (!psc_tracker_layout_find(k, &layout))
		return false;
	uint64_t largest = 0;
	for (unsigned pow = TRACK_MIN_POW; pow <= TRACK_MAX_POW; pow++) {
		uint64_t mask = ((uint64_t)1 << pow) - 1;
		if (cluster_has(c, mask) && cluster_has(c, mask + 2))
			largest = mask;
	}
	if (largest == 0)
		return false;
	struct keys keys = {NULL, 2 * (largest + 1), layout.key};
	keys.items = calloc((size_t)keys.n, sizeof(*keys.items));
	if (!keys.items)
		return false;
	const struct psc_table_visitor visitor = {take_key, NULL, &keys};
	psc_table_read(&k->reader, g->track_table, keys.n, layout.entry_bytes, &visitor, NULL);
	bool found = false;
	for (uint64_t mask = largest; mask + 1 >= (uint64_t)1 << TRACK_MIN_POW && !found; mask >>= 1) {
		uint64_t n, reachable, n_twice, reachable_twice;
		if (!cluster_has(c, mask) || !cluster_has(c, mask + 2))
			continue;
		count_reachable(&keys, mask, &n, &reachable);
		if (!passes(n, reachable))
			continue;
		count_reachable(&keys, 2 * mask + 1, &n_twice, &reachable_twice);
		if (passes(n_twice, reachable_twice) && n_twice > n + KEYS_MIN)
			break;
		g->track_size = mask + 2;
		g->track_mask = mask;
		found = true;
	}
	free(keys.items);
	return found;
}

/* ExPoolTagTables starts with a second copy of the table's address. The array that goes on with most pointers of the
 * same alignment wins. */
static void infer_tag_tables(struct psc_kernel *k, const struct cluster *c, struct psc_pool_globals *g)
{
	const size_t n_cpu = psc_pool_processors(k);
	size_t best = 0, n_best = 0;
	for (size_t i = 0; i < c->n; i++) {
		if (i == c->self || c->words[i] != g->track_table)
			continue;
		size_t n = 1;
		while (n < n_cpu && i + n < c->n && c->words[i + n] != 0 && c->words[i + n] % PSC_PAGE_BYTES == 0 &&
		       psc_is_kernel_va(&k->space, c->words[i + n]))
			n++;
		if (n > n_best) {
			best = i;
			n_best = n;
		}
	}
	if (n_best != 0)
		g->tag_tables = c->base + best * c->word_bytes;
}

/* ---- big-page table ---- */

/* Used and unused entries only; says little alone, but rules out most pointers. */
static bool sample_ok(struct psc_kernel *k, const struct psc_big_layout *l, uint64_t table)
{
	for (unsigned i = 0; i < BIG_SAMPLE; i++) {
		uint8_t entry[64];
		struct psc_big_page p;
		if (psc_read_va(&k->reader, table + i * l->entry_bytes, entry, l->entry_bytes) != l->entry_bytes)
			return false;
		psc_big_entry_parse(entry, l, &p);
		if (p.va == 0)
			continue;
		if (p.va % PSC_PAGE_BYTES != 0 || !psc_is_kernel_va(&k->space, p.va) || p.bytes == 0)
			return false;
	}
	return true;
}

/* Does a table of n entries hold the allocation of its own memory? */
static bool holds_itself(struct psc_kernel *k, const struct psc_big_layout *l, uint64_t table, uint64_t n)
{
	uint64_t want = (n * l->entry_bytes + PSC_PAGE_BYTES - 1) / PSC_PAGE_BYTES;
	uint64_t at = psc_big_hash(table) & (n - 1);
	for (unsigned probe = 0; probe < PROBES_MAX; probe++) {
		uint8_t entry[64];
		struct psc_big_page p;
		if (psc_read_va(&k->reader, table + at * l->entry_bytes, entry, l->entry_bytes) == l->entry_bytes) {
			psc_big_entry_parse(entry, l, &p);
			if (p.va == table && !p.is_free)
				return (p.tag & ~PSC_TAG_PROTECTED) == PSC_TAG_POOL &&
				       (p.bytes + PSC_PAGE_BYTES - 1) / PSC_PAGE_BYTES == want;
		}
		at = (at + 1) & (n - 1);
	}
	return false;
}

struct nt5 {
	const struct psc_big_layout *l;
	const struct psc_space *space;
	uint64_t half, n_live, n_upper;
};

static bool nt5_entry(void *arg, uint64_t index, const uint8_t *bytes)
{
	struct nt5 *t = arg;
	struct psc_big_page p;
	psc_big_entry_parse(bytes, t->l, &p);
	if (p.va == 0)
		return true;
	if (p.va % PSC_PAGE_BYTES != 0 || !psc_is_kernel_va(t->space, p.va) || p.bytes == 0 || p.bytes > NT5_BYTES_MAX)
		return false;
	t->n_live += !p.is_free;
	t->n_upper += index >= t->half;
	return true;
}

/* XP and 2003 do not list the table in itself: every entry must make sense, some of them in its upper half. */
static bool is_nt5_table(struct psc_kernel *k, const struct psc_big_layout *l, uint64_t table, uint64_t n)
{
	struct nt5 t = {l, &k->space, n / 2, 0, 0};
	const struct psc_table_visitor visitor = {nt5_entry, NULL, &t};
	uint64_t missing = 0;
	return psc_table_read(&k->reader, table, n, l->entry_bytes, &visitor, &missing) && missing == 0 &&
	       t.n_live >= KEYS_MIN && t.n_upper != 0;
}

static bool infer_big(struct psc_kernel *k, const struct cluster *c, struct psc_pool_globals *g)
{
	struct psc_big_layout l;
	if (!psc_big_layout_find(k, &l) || l.entry_bytes > 64)
		return false;
	uint32_t sizes = 0; /* bit per power of two that occurs */
	for (size_t i = 0; i < c->n; i++)
		for (unsigned pow = BIG_MIN_POW; pow <= BIG_MAX_POW; pow++)
			if (c->words[i] == (uint64_t)1 << pow)
				sizes |= 1u << pow;
	if (sizes == 0)
		return false;
	uint64_t n_left = psc_min_u64(NT5_ENTRIES, 8 * psc_table_entries_max(k, l.entry_bytes));
	for (size_t i = 0; i < c->n; i++) {
		uint64_t table = c->words[i];
		if (table == 0 || table % PSC_PAGE_BYTES != 0 || table == g->track_table ||
		    !psc_is_kernel_va(&k->space, table) || !sample_ok(k, &l, table))
			continue;
		for (unsigned pow = BIG_MAX_POW; pow >= BIG_MIN_POW; pow--) {
			uint64_t n = (uint64_t)1 << pow;
			if ((sizes >> pow & 1) == 0 || (!k->is_vista_or_later && n > n_left))
				continue;
			if (!k->is_vista_or_later)
				n_left -= n;
			if (!(k->is_vista_or_later ? holds_itself(k, &l, table, n) : is_nt5_table(k, &l, table, n)))
				continue;
			g->big_table = table;
			g->big_size = n;
			return true;
		}
	}
	return false;
}

void psc_pool_globals_infer(struct psc_kernel *k, struct psc_warnings *warnings, bool track, bool big,
			    struct psc_pool_globals *g)
{
	struct cluster c = {0};
	if (!cluster_read(k, &c))
		return;
	if (track && !g->has_track && infer_size(k, &c, g)) {
		g->has_track = g->track_inferred = true;
		psc_warn(warnings,
			 "tag trackers: %llu entries, inferred from the memory around PoolTrackTable (no symbols)",
			 (unsigned long long)g->track_size);
	}
	if (track && g->has_track && k->is_vista_or_later && g->tag_tables == 0) {
		infer_tag_tables(k, &c, g);
		if (g->tag_tables != 0)
			psc_warn(warnings, "tag trackers: ExPoolTagTables inferred at 0x%llx (no symbols)",
				 (unsigned long long)g->tag_tables);
	}
	if (big && infer_big(k, &c, g)) {
		g->has_big = g->big_inferred = true;
		g->why_no_big = NULL;
		psc_warn(warnings,
			 "big-page table: inferred at 0x%llx with %llu entries from the memory around PoolTrackTable "
			 "(no symbols)",
			 (unsigned long long)g->big_table, (unsigned long long)g->big_size);
	} else if (big) {
		g->why_no_big = "PoolBigPageTable was not recognised around PoolTrackTable: the kernel's symbols are "
				"needed";
	}
	free(c.words);
}
