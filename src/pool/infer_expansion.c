/* SPDX-License-Identifier: MIT */
/* PoolTrackTableExpansion without symbols: where the tags are that found no slot. Reference: pool 5.1, 12.3. */
#include "pool/infer.h"
#include "util/bytes.h"
#include "util/checked.h"

#include <stdlib.h>

#define EXPANSION_MAX  ((uint64_t)1 << 20)
#define EXPANSION_WORK ((uint64_t)1 << 27) /* comparisons of tags */
#define CANDIDATES_MAX 16u

static void note_no_expansion(struct psc_kernel *k, const uint64_t *found, size_t n)
{
	struct psc_inferred *item = psc_infer_note(
		k, "PoolTrackTableExpansion", "address", 0, PSC_CONFIDENCE_AMBIGUOUS, 0,
		"the tracker table is full, and %zu tables in its neighbourhood could be its expansion", n);
	psc_infer_alternatives(k, item, found, n);
	psc_warn(&k->warnings,
		 "tag trackers: the table is full, and its expansion table was not found: the tags in that "
		 "table are missing");
}

struct expansion {
	const struct psc_track_keys *main;
	uint64_t n_left; /* work, over all candidates */
	uint64_t n_tags;
	bool has_ended, is_bad;
};

static bool expansion_entry(void *arg, uint64_t index, const uint8_t *entry)
{
	struct expansion *x = arg;
	uint32_t key = psc_le32(entry + x->main->key_off);
	uint64_t cost = key == 0 ? 1 : x->main->n;
	(void)index;
	if (cost > x->n_left) {
		x->n_left = 0;
		return false;
	}
	x->n_left -= cost;
	if (key == 0) {
		x->has_ended = true;
		return true;
	}
	x->is_bad = x->has_ended || psc_tag_printable(key) < 3 || psc_track_keys_have(x->main, key);
	x->n_tags++;
	return !x->is_bad;
}

/* XP and 2003 take it from the page allocator, so no table lists it. By content: tags that are not in the main table,
 * one after the other from the first entry on, nothing behind them, and as many entries as its pages hold. Returns the
 * number of tags; 0: it is none. */
static uint64_t expansion_tags(struct psc_kernel *k, const struct psc_tracker_layout *l, struct expansion *x,
			       uint64_t va, uint64_t n)
{
	const struct psc_table_visitor visitor = {expansion_entry, NULL, x};
	uint64_t missing = 0, bytes = n * l->entry_bytes;
	uint64_t pages = (bytes + PSC_PAGE_BYTES - 1) / PSC_PAGE_BYTES;
	if (n < 4 || n > EXPANSION_MAX || pages * PSC_PAGE_BYTES / l->entry_bytes != n)
		return 0;
	x->n_tags = 0;
	x->has_ended = x->is_bad = false;
	bool ok = psc_table_read(&k->reader, va, n, l->entry_bytes, &visitor, &missing) && missing == 0 && !x->is_bad;
	return ok ? x->n_tags : 0;
}

/* The word nearest to index i that is the length of an expansion table at va; c->n: none. */
static size_t expansion_size_word(struct psc_kernel *k, const struct psc_cluster *c, const struct psc_tracker_layout *l,
				  struct expansion *x, uint64_t va, size_t i, uint64_t *ret_tags)
{
	size_t best = c->n;
	for (size_t j = 0; j < c->n; j++) {
		size_t distance = i > j ? i - j : j - i, before = best > i ? best - i : i - best;
		if (c->words[j] < 4 || c->words[j] > EXPANSION_MAX || (best != c->n && distance >= before))
			continue;
		uint64_t n_tags = expansion_tags(k, l, x, va, c->words[j]);
		if (n_tags == 0)
			continue;
		best = j;
		*ret_tags = n_tags;
	}
	return best;
}

static void infer_expansion_by_content(struct psc_kernel *k, const struct psc_cluster *c,
				       const struct psc_tracker_layout *l, const struct psc_track_keys *main,
				       uint64_t table)
{
	struct expansion x = {.main = main, .n_left = EXPANSION_WORK};
	uint64_t found[CANDIDATES_MAX], places[CANDIDATES_MAX], at_size = 0, n_tags = 0;
	size_t n = 0;
	for (size_t i = 0; i < c->n && n < CANDIDATES_MAX; i++) {
		uint64_t va = c->words[i];
		uint32_t first;
		bool is_known = va == table || va % PSC_PAGE_BYTES != 0 || !psc_is_kernel_va(&k->space, va);
		for (size_t j = 0; j < n; j++)
			is_known |= found[j] == va;
		if (is_known || !psc_read_u32(&k->reader, va + l->key, &first) || psc_tag_printable(first) < 3 ||
		    psc_track_keys_have(main, first))
			continue;
		size_t at = expansion_size_word(k, c, l, &x, va, i, &n_tags);
		if (at == c->n)
			continue;
		found[n] = va;
		places[n++] = psc_cluster_va(c, i);
		at_size = psc_cluster_va(c, at);
	}
	if (n != 1) {
		note_no_expansion(k, found, n);
		return;
	}
	enum psc_confidence confidence = n_tags >= 4 ? PSC_CONFIDENCE_LIKELY : PSC_CONFIDENCE_WEAK;
	psc_infer_sym(
		k, PSC_SYM_PoolTrackTableExpansion, places[0], confidence, (uint32_t)psc_min_u64(n_tags, UINT32_MAX),
		"the tracker table is full; this points to %llu entries one after the other whose tags are not in "
		"it, with nothing behind them",
		(unsigned long long)n_tags);
	psc_infer_sym(k, PSC_SYM_PoolTrackTableExpansionSize, at_size, confidence, 1,
		      "the nearest number of entries that fills the pages of the expansion table");
}

/* The variable nearest to word i that holds as many entries as an allocation of so many bytes does; 0: none. */
static uint64_t size_word(const struct psc_cluster *c, const struct psc_tracker_layout *l, size_t i, uint64_t bytes,
			  uint64_t mask)
{
	size_t best = c->n, best_distance = SIZE_MAX;
	for (size_t j = 0; j < c->n; j++) {
		uint64_t n = c->words[j];
		size_t distance = i > j ? i - j : j - i;
		if (n == 0 || n > EXPANSION_MAX || n == mask + 2 || n == mask || distance >= best_distance ||
		    n * l->entry_bytes > bytes || (n + 1) * l->entry_bytes <= bytes)
			continue;
		best = j;
		best_distance = distance;
	}
	return best != c->n ? psc_cluster_va(c, best) : 0;
}

/* Tags go there only when the table has no free slot, and slots are never given back. */
void psc_infer_expansion(struct psc_kernel *k, const struct psc_cluster *c, const struct psc_tracker_layout *l,
			 uint64_t table, uint64_t mask)
{
	struct psc_track_keys keys;
	uint64_t n_free = 0;
	if (!psc_track_keys_read(k, l, table, mask + 1, &keys))
		return;
	for (uint64_t i = 0; i <= mask; i++)
		n_free += keys.items[i] == 0;
	if (n_free > 1 + (mask + 1) / 64) {
		free(keys.items);
		psc_infer_note(k, "PoolTrackTableExpansion", "value", 0, PSC_CONFIDENCE_PROVEN, 1,
			       "not in use: %llu of %llu slots of the tracker table are free",
			       (unsigned long long)n_free, (unsigned long long)(mask + 1));
		return;
	}
	if (!k->is_vista_or_later) {
		infer_expansion_by_content(k, c, l, &keys, table);
		free(keys.items);
		return;
	}
	uint64_t found[CANDIDATES_MAX], at = 0, at_size = 0;
	size_t n_found = 0;
	for (size_t i = 0; i < c->n; i++) {
		uint64_t va = c->words[i];
		uint32_t first;
		if (va == 0 || va == table || va % PSC_PAGE_BYTES != 0 || !psc_is_kernel_va(&k->space, va))
			continue;
		struct psc_own_entry own = psc_own_entry(k, va);
		/* The tags of the other processors' tables are in the main one too. */
		if (!own.known || !psc_read_u32(&k->reader, va + l->key, &first) || first == 0 ||
		    psc_track_keys_have(&keys, first))
			continue;
		uint64_t best_at = size_word(c, l, i, own.bytes, mask);
		if (best_at == 0)
			continue;
		bool is_known = false;
		for (size_t j = 0; j < n_found; j++)
			is_known |= found[j] == va;
		if (is_known || n_found == CANDIDATES_MAX)
			continue;
		found[n_found++] = va;
		at = psc_cluster_va(c, i);
		at_size = best_at;
	}
	free(keys.items);
	if (n_found != 1) {
		note_no_expansion(k, found, n_found);
		return;
	}
	psc_infer_sym(
		k, PSC_SYM_PoolTrackTableExpansion, at, PSC_CONFIDENCE_LIKELY, 3,
		"the tracker table is full; this points to a big allocation tagged \"Pool\" that starts with a tag");
	psc_infer_sym(k, PSC_SYM_PoolTrackTableExpansionSize, at_size, PSC_CONFIDENCE_LIKELY, 1,
		      "the nearest number of entries that fills the expansion table's allocation");
}
