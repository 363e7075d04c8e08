/* SPDX-License-Identifier: MIT */
/* The big-page table without symbols. Reference: pool 4.1, 4.4, 12.3, 12.4.
 *
 * From Vista on the table lists its own memory. A table that was outgrown, or a block that imitates one, may do so too:
 * the one that lists the other as freed, or under another tag than "Pool", is the right one. */
#include "pool/infer.h"
#include "util/checked.h"

#define PROBES_MAX     64u
#define BIG_SAMPLE     16u
#define BIG_MIN_POW    6u
#define BIG_MAX_POW    26u
#define KEYS_MIN       8u
#define CANDIDATES_MAX 8u
#define CHECK_SAMPLE   4096u
#define NT5_BYTES_MAX  ((uint64_t)1 << 32)
#define NT5_ENTRIES    ((uint64_t)1 << 23) /* over all candidates */
#define NT5_PIECE      1024u

struct candidate {
	uint64_t table, n;
	size_t at; /* word of the cluster */
	struct psc_big_layout layout;
	struct psc_big_check check;
};

bool psc_big_lookup(struct psc_kernel *k, const struct psc_big_layout *l, uint64_t table, uint64_t n, uint64_t va,
		    struct psc_big_page *ret)
{
	uint64_t at = psc_big_hash(va) & (n - 1);
	if (l->entry_bytes > 64)
		return false;
	for (unsigned probe = 0; probe < PROBES_MAX; probe++) {
		uint8_t entry[64];
		struct psc_big_page p;
		if (psc_read_va(&k->reader, table + at * l->entry_bytes, entry, l->entry_bytes) == l->entry_bytes) {
			psc_big_entry_parse(entry, l, &p);
			if (p.va == va && p.bytes != 0) {
				*ret = p;
				if (!p.is_free)
					return true;
			}
		}
		at = (at + 1) & (n - 1);
	}
	return false;
}

/* Used and unused entries only; says little alone, but rules out most pointers. */
static bool sample_ok(struct psc_kernel *k, const struct psc_big_layout *l, uint64_t table)
{
	for (unsigned i = 0; i < BIG_SAMPLE; i++) {
		uint8_t entry[64];
		struct psc_big_page p;
		if (psc_read_va(&k->reader, table + i * l->entry_bytes, entry, l->entry_bytes) != l->entry_bytes)
			return i != 0; /* the rest is missing */
		psc_big_entry_parse(entry, l, &p);
		if (p.va == 0)
			continue;
		if (p.va % PSC_PAGE_BYTES != 0 || !psc_is_kernel_va(&k->space, p.va) || p.bytes == 0)
			return false;
	}
	return true;
}

static bool holds_itself(struct psc_kernel *k, const struct psc_big_layout *l, uint64_t table, uint64_t n)
{
	uint64_t want = (n * l->entry_bytes + PSC_PAGE_BYTES - 1) / PSC_PAGE_BYTES;
	struct psc_big_page p;
	return psc_big_lookup(k, l, table, n, table, &p) && (p.tag & ~PSC_TAG_PROTECTED) == PSC_TAG_POOL &&
	       (p.bytes + PSC_PAGE_BYTES - 1) / PSC_PAGE_BYTES == want;
}

struct nt5 {
	const struct psc_big_layout *l;
	const struct psc_space *space;
	uint64_t first, n; /* of this piece; of the table */
	uint64_t n_live, n_upper, n_near;
	uint64_t n_blank; /* not even marked as unused */
};

/* Reference: pool 4.4 [1]. */
static uint32_t nt5_hash(uint64_t va)
{
	uint32_t page = (uint32_t)(va >> PSC_PAGE_SHIFT);
	return page ^ page >> 8 ^ page >> 16 ^ page >> 24;
}

static bool nt5_entry(void *arg, uint64_t index, const uint8_t *bytes)
{
	struct nt5 *t = arg;
	struct psc_big_page p;
	psc_big_entry_parse(bytes, t->l, &p);
	t->n_blank += p.va == 0 && !p.is_free;
	if (p.va == 0)
		return true;
	if (p.va % PSC_PAGE_BYTES != 0 || !psc_is_kernel_va(t->space, p.va) || p.bytes == 0 || p.bytes > NT5_BYTES_MAX)
		return false;
	t->n_live += !p.is_free;
	t->n_upper += t->first + index >= t->n / 2;
	t->n_near += !p.is_free && ((t->first + index - nt5_hash(p.va)) & (t->n - 1)) < PROBES_MAX;
	return true;
}

/* XP and 2003 do not list the table in itself: every entry must make sense, and some of them be in its upper half, or
 * all be marked. Zeros make sense, as far as they reach: what is no table ends soon, and *n_left is charged with what
 * was read. */
static bool is_nt5_table(struct psc_kernel *k, const struct psc_big_layout *l, uint64_t table, uint64_t n,
			 uint64_t *n_left, struct psc_big_check *ret)
{
	struct nt5 t = {.l = l, .space = &k->space, .n = n};
	const struct psc_table_visitor visitor = {nt5_entry, NULL, &t};
	for (; t.first < n; t.first += NT5_PIECE) {
		uint64_t want = psc_min_u64(NT5_PIECE, n - t.first), missing = 0;
		if (want > *n_left)
			return false;
		*n_left -= want;
		if (!psc_table_read(&k->reader, table + t.first * l->entry_bytes, want, l->entry_bytes, &visitor,
				    &missing) ||
		    missing != 0)
			return false;
	}
	*ret = (struct psc_big_check){.n_read = n, .n_live = t.n_live, .n_near = t.n_near};
	return t.n_live >= KEYS_MIN && (t.n_upper != 0 || t.n_blank == 0);
}

/* The powers of two among the words. */
static uint32_t sizes_of(const struct psc_cluster *c)
{
	uint32_t sizes = 0;
	for (size_t i = 0; i < c->n; i++)
		for (unsigned pow = BIG_MIN_POW; pow <= BIG_MAX_POW; pow++)
			if (c->words[i] == (uint64_t)1 << pow)
				sizes |= 1u << pow;
	return sizes;
}

static bool try_table(struct psc_kernel *k, const struct psc_big_layout *l, uint64_t table, uint32_t sizes,
		      uint64_t *n_left, struct candidate *ret)
{
	if (!sample_ok(k, l, table))
		return false;
	for (unsigned pow = BIG_MAX_POW; pow >= BIG_MIN_POW; pow--) {
		uint64_t n = (uint64_t)1 << pow;
		if ((sizes >> pow & 1) == 0)
			continue;
		if (!(k->is_vista_or_later ? holds_itself(k, l, table, n)
					   : is_nt5_table(k, l, table, n, n_left, &ret->check)))
			continue;
		ret->table = table;
		ret->n = n;
		ret->layout = *l;
		if (k->is_vista_or_later)
			psc_big_layout_check(k, l, table, n, CHECK_SAMPLE, &ret->check);
		return true;
	}
	return false;
}

static size_t collect(struct psc_kernel *k, const struct psc_cluster *c, const struct psc_big_layout *l,
		      uint64_t track_table, struct candidate ret[CANDIDATES_MAX])
{
	const uint32_t sizes = sizes_of(c);
	uint64_t n_left = psc_min_u64(NT5_ENTRIES, 8 * psc_table_entries_max(k, l->entry_bytes));
	size_t n = 0;
	for (size_t i = 0; i < c->n && n < CANDIDATES_MAX && sizes != 0; i++) {
		uint64_t table = c->words[i];
		bool is_known = false;
		if (table == 0 || table % PSC_PAGE_BYTES != 0 || table == track_table ||
		    !psc_is_kernel_va(&k->space, table))
			continue;
		for (size_t j = 0; j < n; j++)
			is_known |= ret[j].table == table;
		if (is_known || !try_table(k, l, table, sizes, &n_left, &ret[n]))
			continue;
		ret[n++].at = i;
	}
	return n;
}

/* a knows b's memory as something else than the table: freed, or another tag. */
static bool disowns(struct psc_kernel *k, const struct candidate *a, const struct candidate *b)
{
	struct psc_big_page p = {0};
	if (psc_big_lookup(k, &a->layout, a->table, a->n, b->table, &p))
		return (p.tag & ~PSC_TAG_PROTECTED) != PSC_TAG_POOL;
	return p.is_free;
}

/* Those that another one disowns, and that do not disown it, go. */
static size_t drop_disowned(struct psc_kernel *k, struct candidate *all, size_t n)
{
	bool out[CANDIDATES_MAX] = {false};
	size_t n_left = 0;
	for (size_t i = 0; i < n && k->is_vista_or_later; i++)
		for (size_t j = 0; j < n; j++)
			out[j] |= i != j && disowns(k, &all[i], &all[j]) && !disowns(k, &all[j], &all[i]);
	for (size_t i = 0; i < n; i++)
		if (!out[i])
			all[n_left++] = all[i];
	return n_left;
}

static void accept(struct psc_kernel *k, const struct psc_cluster *c, const struct candidate *b, size_t n_dropped)
{
	const struct psc_big_check *ch = &b->check;
	bool placed = k->is_vista_or_later ? psc_big_check_passes(ch) : ch->n_near * 10 >= ch->n_live * 9;
	enum psc_confidence confidence = placed ? PSC_CONFIDENCE_PROVEN : PSC_CONFIDENCE_LIKELY;
	if (k->is_vista_or_later)
		psc_infer_sym(
			k, PSC_SYM_PoolBigPageTable, psc_cluster_va(c, b->at), confidence, (uint32_t)ch->n_near + 1,
			"points to a table that lists its own memory with its own length; %llu of the first %llu "
			"live entries are near their hash slots%s",
			(unsigned long long)ch->n_near, (unsigned long long)ch->n_live,
			n_dropped != 0 ? "; another candidate was dropped because this table lists it as something "
					 "else"
				       : "");
	else
		psc_infer_sym(k, PSC_SYM_PoolBigPageTable, psc_cluster_va(c, b->at), confidence, (uint32_t)ch->n_live,
			      "points to a table whose %llu entries all make sense, %llu of them live, of which %llu "
			      "near their hash slots",
			      (unsigned long long)ch->n_read, (unsigned long long)ch->n_live,
			      (unsigned long long)ch->n_near);
	psc_infer_sym(k, PSC_SYM_PoolBigPageTableSize, psc_cluster_va(c, psc_cluster_nearest(c, b->n)), confidence, 1,
		      "holds %llu, the only number near PoolTrackTable that fits the big-page table",
		      (unsigned long long)b->n);
}

void psc_infer_big(struct psc_kernel *k, const struct psc_cluster *c)
{
	struct candidate found[CANDIDATES_MAX];
	struct psc_big_layout used, all[PSC_LAYOUTS_MAX];
	uint64_t track_table = c->words[c->self];
	size_t n = 0, n_before;
	if (psc_kernel_sym(k, PSC_SYM_PoolBigPageTable) != 0)
		return;
	bool has_used = psc_big_layout_find(k, &used);
	if (has_used)
		n = collect(k, c, &used, track_table, found);
	size_t n_all = n == 0 && k->is_vista_or_later ? psc_big_layouts(k, all) : 0;
	for (size_t i = 0; i < n_all && n == 0; i++) {
		n = collect(k, c, &all[i], track_table, found);
		if (n != 0)
			psc_infer_use_big_layout(k, &all[i]);
	}
	n_before = n;
	if (n > 1)
		n = drop_disowned(k, found, n);
	if (n == 1) {
		accept(k, c, &found[0], n_before - n);
	} else if (n > 1) {
		uint64_t tables[CANDIDATES_MAX];
		for (size_t i = 0; i < n; i++)
			tables[i] = found[i].table;
		struct psc_inferred *item =
			psc_infer_note(k, "PoolBigPageTable", "address", 0, PSC_CONFIDENCE_AMBIGUOUS, (uint32_t)n,
				       "%zu tables list their own memory, and none of them lists another as something "
				       "else",
				       n);
		psc_infer_alternatives(k, item, tables, n);
		psc_warn(
			&k->warnings,
			"big-page table: %zu tables pass the same tests, none is used (see inferred in poolscope info)",
			n);
	}
}
