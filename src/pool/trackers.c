/* SPDX-License-Identifier: MIT */
/* Tag trackers: one table, since Vista one per processor, summed by tag. Reference: pool 5.1-5.5 [V][2].
 *
 * Only sums over all tables mean anything: a block allocated on one processor may be freed on another. Slot i stands
 * for the same tag in every table, so a missing page of any table makes the tags of its slots incomplete. */
#include "pool/internal.h"
#include "util/bytes.h"
#include "util/checked.h"
#include "util/error.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX ((uint64_t)1 << 25) /* over all tables */
#define AGREE_MIN   8u

/* ---- the hashed tables ---- */

struct tables {
	struct psc_tracker_read *t;
	uint64_t size, mask;
	uint32_t *keys;            /* per slot; of the main table, else of the first table that has one */
	uint8_t *missing;          /* per slot: in some table; 2: in the main one */
	struct psc_hashmap orphan; /* slot -> sums of entries whose key is in a missing page of the main table */
	bool is_main;
	uint64_t va; /* of the table that is added */
	uint64_t n_differ, n_agree;
};

static bool collect_key(void *arg, uint64_t index, const uint8_t *entry)
{
	struct tables *s = arg;
	s->keys[index] = psc_le32(entry + s->t->layout.key);
	return true;
}

static bool compare_key(void *arg, uint64_t index, const uint8_t *entry)
{
	struct tables *s = arg;
	uint32_t key = psc_le32(entry + s->t->layout.key);
	if (s->t->n_entries_left == 0)
		return false;
	s->t->n_entries_left--;
	if (key != 0 && s->keys[index] != 0) {
		s->n_agree += key == s->keys[index];
		s->n_differ += key != s->keys[index];
	}
	return true;
}

static void mark_missing(void *arg, uint64_t first, uint64_t end)
{
	struct tables *s = arg;
	for (uint64_t i = first; i < end; i++)
		s->missing[i] |= s->is_main ? 3 : 1;
}

static bool is_overflow_slot(const struct tables *s, uint64_t index)
{
	return index > s->mask;
}

static bool add_entry(void *arg, uint64_t index, const uint8_t *entry)
{
	struct tables *s = arg;
	struct psc_tracker_read *t = s->t;
	if (t->n_entries_left == 0)
		return false;
	t->n_entries_left--;
	uint32_t key = psc_le32(entry + t->layout.key);
	if (key == 0)
		key = s->keys[index];
	else if (s->keys[index] == 0 && (s->missing[index] & 2) != 0)
		s->keys[index] = key;
	else if (key != s->keys[index] && !is_overflow_slot(s, index)) {
		s->n_differ++;
		psc_tracker_defect(t, PSC_DEFECT_TRACKER_OTHER, s->va, index, s->keys[index], key);
	}
	if (key == 0) {
		if (psc_tracker_entry_is_zero(&t->layout, entry))
			return true;
		if (is_overflow_slot(s, index)) {
			key = PSC_TAG_OVERFLOW;
		} else if ((s->missing[index] & 2) != 0) {
			struct psc_hashkey slot = {index, 0};
			struct psc_tracker_sum *sum = psc_hashmap_put(&s->orphan, slot, NULL);
			if (!sum)
				t->no_memory = true;
			else
				psc_tracker_entry_add(&t->layout, entry, false, sum);
			return sum != NULL;
		} else {
			return true;
		}
	} else if (is_overflow_slot(s, index) && psc_tracker_entry_is_zero(&t->layout, entry)) {
		return true;
	}
	struct psc_tracker_sum *sum = psc_tracker_sum_at(t, key);
	if (!sum)
		return !t->no_memory;
	sum->slot = (uint32_t)index + 1;
	psc_tracker_entry_add(&t->layout, entry, false, sum);
	return true;
}

/* Most tags of a real per-processor table stand where the main table has them. */
static bool table_agrees(struct tables *s, uint64_t va)
{
	s->n_agree = s->n_differ = 0;
	const struct psc_table_visitor visitor = {compare_key, NULL, s};
	psc_table_read(&s->t->k->reader, va, s->size, s->t->layout.entry_bytes, &visitor, NULL);
	return s->n_agree + s->n_differ < AGREE_MIN || s->n_agree >= s->n_differ;
}

static void table_add(struct tables *s, uint64_t va)
{
	struct psc_tracker_read *t = s->t;
	const struct psc_table_visitor visitor = {add_entry, mark_missing, s};
	uint64_t missing_before = t->bytes_missing;
	s->n_differ = 0;
	s->va = va;
	psc_table_read(&t->k->reader, va, s->size, t->layout.entry_bytes, &visitor, &t->bytes_missing);
	t->bytes_total += s->size * t->layout.entry_bytes;
	if (t->bytes_missing - missing_before < s->size * t->layout.entry_bytes)
		t->n_tables++;
	if (s->n_differ != 0)
		psc_warn(t->warnings,
			 "tag trackers: %llu entries of the table at 0x%llx name another tag than the main table",
			 (unsigned long long)s->n_differ, (unsigned long long)va);
}

/* Tables that must be somewhere: nothing of their processors is known. */
static void tables_lost(struct tables *s, uint64_t n)
{
	s->t->all_incomplete = true;
	s->t->bytes_total += n * s->size * s->t->layout.entry_bytes;
	s->t->bytes_missing += n * s->size * s->t->layout.entry_bytes;
}

/* A slot without a readable pointer. */
static void processor_lost(struct tables *s, uint64_t cpu)
{
	tables_lost(s, 1);
	psc_warn(s->t->warnings, "tag trackers: the table of processor %llu cannot be located",
		 (unsigned long long)cpu);
}

/* One table of another processor. false: it is none. */
static bool processor_add(struct tables *s, struct psc_hashmap *seen, uint64_t va, uint64_t agree_min)
{
	struct psc_tracker_read *t = s->t;
	bool is_new;
	if (psc_hashset_has(seen, va))
		return true;
	if (!psc_is_kernel_va(&t->k->space, va) || va % 8 != 0 || !table_agrees(s, va) || s->n_agree < agree_min)
		return false;
	if (!psc_hashset_add(seen, va, &is_new))
		t->no_memory = true;
	else if (is_new)
		table_add(s, va);
	return true;
}

static void processors_by_array(struct tables *s, const struct psc_pool_globals *g, struct psc_hashmap *seen)
{
	struct psc_tracker_read *t = s->t;
	const unsigned ptr = psc_pointer_bytes(&t->k->space);
	const uint32_t n_known = psc_pool_processors(t->k), n_cpu = n_known ? n_known : 1;
	uint32_t n_pointers = 0;
	for (uint64_t i = 0; i < g->tag_tables_max && !t->no_memory; i++) {
		uint64_t va;
		if (!psc_read_ptr(&t->k->reader, g->tag_tables + i * ptr, &va)) {
			if (i >= n_cpu)
				break;
			n_pointers++;
			processor_lost(s, i);
			continue;
		}
		/* Behind the processors there may be anything: the array's length is not recorded. */
		if (va == 0 ? i >= n_cpu : !processor_add(s, seen, va, i < n_cpu ? 0 : AGREE_MIN) && i >= n_cpu)
			break;
		n_pointers += va != 0;
		if (va != 0 && !psc_hashset_has(seen, va) && !t->no_memory) {
			psc_warn(t->warnings, "tag trackers: entry %llu of ExPoolTagTables (0x%llx) is not a tag table",
				 (unsigned long long)i, (unsigned long long)va);
			processor_lost(s, i);
		}
	}
	if (t->no_memory || n_pointers >= n_cpu)
		return;
	/* Absent processors have no table, but each of those present does. */
	tables_lost(s, n_cpu - n_pointers);
	psc_warn(t->warnings, "tag trackers: ExPoolTagTables names %u tables, but there are %u processors",
		 (unsigned)n_pointers, (unsigned)n_cpu);
}

/* Each table is a big allocation tagged "Pool" of a known size, with the tags where the main table has them.
 * Reference: pool 12.5 [1]. */
struct candidates {
	uint64_t pages, va[0x800];
	size_t n;
};

static bool take_candidate(void *arg, const struct psc_big_page *p)
{
	struct candidates *c = arg;
	if (!p->is_free && (p->tag & ~PSC_TAG_PROTECTED) == PSC_TAG_POOL &&
	    (p->bytes + PSC_PAGE_BYTES - 1) / PSC_PAGE_BYTES == c->pages)
		c->va[c->n++] = p->va;
	return c->n < sizeof(c->va) / sizeof(c->va[0]);
}

/* Candidates with the tags where the main table has them, the main one left out. */
static size_t keep_agreeing(struct tables *s, const struct psc_hashmap *seen, struct candidates *c)
{
	size_t n = 0;
	for (size_t i = 0; i < c->n; i++)
		if (!psc_hashset_has(seen, c->va[i]) && table_agrees(s, c->va[i]) && s->n_agree >= AGREE_MIN)
			c->va[n++] = c->va[i];
	c->n = n;
	return n;
}

static bool processors_by_content(struct tables *s, struct psc_hashmap *seen)
{
	struct psc_tracker_read *t = s->t;
	struct psc_big_pages big;
	struct psc_warnings unused = {.arena = t->warnings->arena};
	struct candidates *c = calloc(1, sizeof(*c));
	size_t n_found = 1;
	if (!c)
		return false;
	c->pages = (s->size * t->layout.entry_bytes + PSC_PAGE_BYTES - 1) / PSC_PAGE_BYTES;
	(void)psc_big_pages_read(t->k, take_candidate, c, &unused, t->warnings->arena, &big, NULL);
	psc_warnings_deinit(&unused);
	/* More than there are processors: some are stale copies, and nothing says which. */
	if (keep_agreeing(s, seen, c) >= psc_pool_processors(t->k) && psc_pool_processors(t->k) != 0) {
		psc_warn(t->warnings,
			 "tag trackers: %zu big allocations look like tables of %u processors: none of them is used",
			 c->n + 1, (unsigned)psc_pool_processors(t->k));
		c->n = 0;
	}
	for (size_t i = 0; i < c->n && !t->no_memory; i++)
		n_found += processor_add(s, seen, c->va[i], AGREE_MIN);
	free(c);
	if (n_found > 1)
		psc_warn(t->warnings,
			 "tag trackers: tables of %zu processors inferred from big allocations (ExPoolTagTables is not "
			 "known)",
			 n_found);
	return n_found == psc_pool_processors(t->k);
}

static void processors_add(struct tables *s, const struct psc_pool_globals *g)
{
	struct psc_tracker_read *t = s->t;
	struct psc_hashmap seen;
	bool is_new;
	psc_hashmap_init(&seen, 0, 0);
	if (!psc_hashset_add(&seen, g->track_table, &is_new)) {
		t->no_memory = true;
	} else if (g->tag_tables != 0) {
		processors_by_array(s, g, &seen);
	} else if (psc_pool_processors(t->k) != 1 && !processors_by_content(s, &seen)) {
		uint32_t n_cpu = psc_pool_processors(t->k);
		tables_lost(s, n_cpu > seen.n ? n_cpu - seen.n : 1);
		psc_warn(t->warnings, "tag trackers: not all processors' tables were found (ExPoolTagTables is not "
				      "known): totals are "
				      "not complete");
	}
	psc_hashmap_deinit(&seen);
}

static void counts_merge(struct psc_tracker_counts *to, const struct psc_tracker_counts *from, uint32_t bytes_width)
{
	to->allocs += from->allocs;
	to->frees += from->frees;
	to->live_u32_sum = (uint32_t)(to->live_u32_sum + from->live_u32_sum);
	to->bytes += from->bytes;
	if (bytes_width == 4)
		to->bytes = (uint32_t)to->bytes;
}

static void orphans_place(struct tables *s)
{
	struct psc_tracker_read *t = s->t;
	size_t pos = 0, n_lost = 0;
	struct psc_hashkey slot;
	void *value;
	while (psc_hashmap_next(&s->orphan, &pos, &slot, &value) && !t->no_memory) {
		const struct psc_tracker_sum *from = value;
		uint32_t key = s->keys[slot.a];
		if (key == 0) {
			n_lost++;
			continue;
		}
		struct psc_tracker_sum *to = psc_tracker_sum_at(t, key);
		if (!to)
			continue;
		to->slot = (uint32_t)slot.a + 1;
		for (unsigned h = 0; h < PSC_POOL_MAX; h++)
			counts_merge(&to->half[h], &from->half[h], t->layout.bytes_width);
	}
	if (n_lost != 0)
		psc_warn(t->warnings, "tag trackers: %zu entries have counts but their tags are not in the dump",
			 n_lost);
}

static void mark_incomplete(struct tables *s)
{
	struct psc_tracker_read *t = s->t;
	size_t pos = 0;
	struct psc_hashkey key;
	void *value;
	while (psc_hashmap_next(&t->sums, &pos, &key, &value)) {
		struct psc_tracker_sum *sum = value;
		if (t->all_incomplete || (sum->slot != 0 && s->missing[sum->slot - 1] != 0))
			sum->incomplete = true;
	}
}

static void tables_read(struct tables *s, const struct psc_pool_globals *g)
{
	struct psc_tracker_read *t = s->t;
	const struct psc_table_visitor visitor = {collect_key, mark_missing, s};
	s->is_main = true;
	psc_table_read(&t->k->reader, g->track_table, s->size, t->layout.entry_bytes, &visitor, NULL);
	table_add(s, g->track_table);
	s->is_main = false;
	if (t->k->is_vista_or_later)
		processors_add(s, g);
	orphans_place(s);
	struct psc_tracker_slots slots = {
		.keys = s->keys,
		.missing = s->missing,
		.va = g->track_table,
		.mask = s->mask,
		.size = s->size,
		.expansion_va = g->expansion,
	};
	uint32_t *expansion_keys;
	psc_tracker_expansion_add(t, g, &expansion_keys, &slots.n_expansion);
	slots.expansion_keys = expansion_keys;
	struct psc_tracker_proof proof = {0};
	if (t->k->is_vista_or_later)
		psc_tracker_slots_check(t, &slots);
	else if (t->defects && s->mask < s->size)
		psc_tracker_slots_prove(t, &slots, &proof);
	psc_tracker_proof_finish(t, &proof);
	free(expansion_keys);
	if (t->n_entries_left == 0) {
		t->all_incomplete = true;
		psc_warn(t->warnings, "tag trackers: too many tables, reading stopped");
	}
	mark_incomplete(s);
}

enum psc_status psc_trackers_check(struct psc_kernel *k, struct psc_arena *arena, struct psc_warnings *warnings,
				   struct psc_defects *defects, struct psc_trackers *ret, struct psc_error *reterr)
{
	struct psc_pool_globals g;
	struct psc_tracker_read t = {0};
	struct tables s = {0};
	enum psc_status r = PSC_OK;

	memset(ret, 0, sizeof(*ret));
	psc_pool_globals_find(k, warnings, &g);
	if (!g.has_track) {
		ret->why_not = g.why_no_track;
		return PSC_OK;
	}
	if (!psc_tracker_layout_find(k, &t.layout)) {
		ret->why_not = "the layout of _POOL_TRACKER_TABLE is not known for this build";
		return PSC_OK;
	}
	t.k = k;
	t.defects = defects;
	t.warnings = warnings;
	/* Each entry is compared once and added once. */
	t.n_entries_left = psc_min_u64(ENTRIES_MAX, 2 * psc_table_entries_max(k, t.layout.entry_bytes));
	psc_hashmap_init(&t.sums, sizeof(struct psc_tracker_sum), PSC_TRACKER_TAGS_MAX);
	s.t = &t;
	s.size = g.track_size;
	s.mask = g.track_mask;
	psc_hashmap_init(&s.orphan, sizeof(struct psc_tracker_sum), 0);
	s.keys = calloc((size_t)s.size, sizeof(*s.keys));
	s.missing = calloc((size_t)s.size, 1);
	if (!s.keys || !s.missing) {
		r = psc_fail_no_memory(reterr);
		goto out;
	}
	tables_read(&s, &g);
	if (!t.no_memory)
		psc_tracker_sessions_read(&t);
	if (t.no_memory || !psc_tracker_rows_make(&t, arena, ret)) {
		r = psc_fail_no_memory(reterr);
		goto out;
	}
	if (t.too_many_tags)
		psc_warn(warnings, "tag trackers: more than %zu different tags, the rest was left out",
			 PSC_TRACKER_TAGS_MAX);
	ret->counts_are_32bit = t.layout.count_width == 4;
	ret->bytes_are_32bit = t.layout.bytes_width == 4;
	ret->table_bytes = t.bytes_total;
	ret->table_bytes_missing = t.bytes_missing;
	ret->n_tables = t.n_tables;
	ret->has_session = t.has_session;
	ret->session_incomplete = t.session_incomplete;
	ret->largest_entries = s.size;
	ret->available = t.n_tables != 0;
	if (!ret->available)
		ret->why_not = "the tracker tables are not in the dump";
	psc_tracker_rows_check(&t, ret);
out:
	free(s.keys);
	free(s.missing);
	psc_hashmap_deinit(&s.orphan);
	psc_hashmap_deinit(&t.sums);
	return r;
}

enum psc_status psc_trackers_read(struct psc_kernel *k, struct psc_arena *arena, struct psc_warnings *warnings,
				  struct psc_trackers *ret, struct psc_error *reterr)
{
	return psc_trackers_check(k, arena, warnings, NULL, ret, reterr);
}
