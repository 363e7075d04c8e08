/* SPDX-License-Identifier: MIT */
/* The expansion table, and the rows of all tables. Reference: pool 5.1, 5.4. */
#include "pool/internal.h"
#include "util/bytes.h"

#include <stdlib.h>
#include <string.h>

#define EXPANSION_MAX ((uint64_t)1 << 20)

/* Linear, no hash (pool 5.1). */

struct expansion {
	struct psc_tracker_read *t;
	uint32_t *keys; /* NULL: not asked for */
	bool mark;      /* second pass: something was missing */
};

static bool expansion_entry(void *arg, uint64_t index, const uint8_t *entry)
{
	struct expansion *e = arg;
	struct psc_tracker_read *t = e->t;
	uint32_t key = psc_le32(entry + t->layout.key);
	if (key == 0)
		return true;
	/* What fits nowhere may be in either table. */
	if (e->keys && key != PSC_TAG_OVERFLOW)
		e->keys[index] = key;
	struct psc_tracker_sum *sum = psc_tracker_sum_at(t, key);
	if (!sum)
		return !t->no_memory;
	if (e->mark)
		sum->incomplete = true;
	else
		psc_tracker_entry_add(&t->layout, entry, false, sum);
	return true;
}

void psc_tracker_expansion_add(struct psc_tracker_read *t, const struct psc_pool_globals *g, uint32_t **ret_keys,
			       uint64_t *ret_n)
{
	*ret_keys = NULL;
	*ret_n = 0;
	if (g->expansion == 0)
		return;
	uint64_t n = g->expansion_size;
	if (n > EXPANSION_MAX) {
		psc_warn(t->warnings, "tag trackers: PoolTrackTableExpansionSize %llu is not possible, table ignored",
			 (unsigned long long)n);
		return;
	}
	struct expansion e = {.t = t};
	if (t->defects) {
		e.keys = calloc((size_t)n + 1, sizeof(*e.keys));
		if (!e.keys) {
			t->no_memory = true;
			return;
		}
		*ret_keys = e.keys;
		*ret_n = n;
	}
	const struct psc_table_visitor visitor = {expansion_entry, NULL, &e};
	uint64_t missing = 0;
	psc_table_read(&t->k->reader, g->expansion, n, t->layout.entry_bytes, &visitor, &missing);
	t->bytes_total += n * t->layout.entry_bytes;
	t->bytes_missing += missing;
	t->n_tables++;
	if (missing != 0 && !t->no_memory) {
		e.mark = true;
		psc_table_read(&t->k->reader, g->expansion, n, t->layout.entry_bytes, &visitor, NULL);
		psc_warn(t->warnings, "tag trackers: part of the expansion table is not in the dump");
	}
}

static uint32_t memory_order(uint32_t tag)
{
	return tag >> 24 | (tag >> 8 & 0xff00) | (tag << 8 & 0xff0000) | tag << 24;
}

static int by_tag(const void *a, const void *b)
{
	uint32_t x = memory_order(((const struct psc_tracker_row *)a)->tag);
	uint32_t y = memory_order(((const struct psc_tracker_row *)b)->tag);
	return x < y ? -1 : x > y;
}

bool psc_tracker_rows_make(struct psc_tracker_read *t, struct psc_arena *arena, struct psc_trackers *ret)
{
	if (t->sums.n == 0)
		return true;
	ret->rows = psc_arena_alloc_array(arena, t->sums.n, sizeof(*ret->rows));
	if (!ret->rows)
		return false;
	size_t pos = 0;
	struct psc_hashkey key;
	void *value;
	while (psc_hashmap_next(&t->sums, &pos, &key, &value)) {
		const struct psc_tracker_sum *sum = value;
		struct psc_tracker_row *row = &ret->rows[ret->n_rows++];
		row->tag = (uint32_t)key.a;
		memcpy(row->half, sum->half, sizeof(row->half));
		row->incomplete = sum->incomplete;
		row->is_protected = sum->is_protected;
	}
	qsort(ret->rows, ret->n_rows, sizeof(*ret->rows), by_tag);
	return true;
}

static size_t count_negative(const struct psc_trackers *ret, bool complete_only)
{
	size_t n = 0;
	for (size_t i = 0; i < ret->n_rows; i++)
		for (unsigned h = 0; h < PSC_POOL_MAX; h++)
			n += !(complete_only && ret->rows[i].incomplete) &&
			     (psc_tracker_live(ret, &ret->rows[i].half[h]) < 0 ||
			      psc_tracker_bytes(ret, &ret->rows[i].half[h]) < 0);
	return n;
}

/* Neither tags where they belong nor sums that make sense: these bytes are no tracker table. One of the two alone may
 * be an unknown hash rule or damage, and is only said. */
void psc_tracker_rows_check(struct psc_tracker_read *t, struct psc_trackers *ret)
{
	size_t n = count_negative(ret, true);
	if (t->hash_disagrees && count_negative(ret, false) * 16 > ret->n_rows) {
		ret->available = false;
		ret->n_rows = 0;
		ret->why_not = "what stands at PoolTrackTable is no tag table: its tags are not where their hash puts "
			       "them, and its sums are negative";
	} else if (n != 0) {
		psc_warn(t->warnings, "tag trackers: %zu totals are negative", n);
	}
}
