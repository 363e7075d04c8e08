/* SPDX-License-Identifier: MIT */
/* Slots of tag tables against the hash of their tags. Reference: pool 5.3 [2]: a tag stands in the first unused slot
 * from its own on, and no slot is ever given back; so no unused slot lies between the two, and no tag has two. The
 * expansion table has the tags that found no slot [V]: each once, and none that has a slot. That the tables of
 * sessions, and of Windows before Vista, obey the same rules has no source: theirs are believed where nearly all tags
 * obey them. */
#include "pool/internal.h"
#include "util/error.h"

#define PROVED_BY 4u /* tags: one obeys another hash once in thousands */

static void add(struct psc_tracker_read *t, struct psc_defects *to, enum psc_defect_kind kind, uint64_t va,
		uint64_t index, uint64_t expected, uint64_t found)
{
	const struct psc_defect d = {va + index * t->layout.entry_bytes, va, expected, found, kind};
	psc_defects_add(to, &d);
}

void psc_tracker_defect(struct psc_tracker_read *t, enum psc_defect_kind kind, uint64_t va, uint64_t index,
			uint64_t expected, uint64_t found)
{
	if (t->defects)
		add(t, t->defects, kind, va, index, expected, found);
}

static bool is_unused(const struct psc_tracker_slots *s, uint64_t i)
{
	return s->keys[i] == 0 && (s->missing[i] & 2) == 0;
}

/* Slots from the last unused one before each slot that has a key; counts those that a search does not reach. report may
 * be NULL. */
static uint64_t count_far(struct psc_tracker_read *t, const struct psc_tracker_slots *s, struct psc_defects *report,
			  uint64_t *ret_n)
{
	const uint64_t n_slots = s->mask + 1;
	uint64_t run = 0, n_far = 0, n = 0;
	/* Twice around: the first time only to know what lies before slot 0. */
	for (uint64_t step = 0; step < 2 * n_slots; step++) {
		uint64_t i = step & s->mask;
		if (is_unused(s, i)) {
			run = 0;
			continue;
		}
		if (run < n_slots)
			run++;
		if (step < n_slots || s->keys[i] == 0)
			continue;
		uint64_t home = psc_tracker_hash(s->keys[i]) & s->mask;
		n++;
		if (((i - home) & s->mask) < run)
			continue;
		n_far++;
		if (report)
			add(t, report, PSC_DEFECT_TRACKER_SLOT, s->va, i, home, i);
	}
	*ret_n = n;
	return n_far;
}

/* keys[0, n) of the table at va; the number of those that are used. */
static uint64_t check_twice(struct psc_tracker_read *t, struct psc_hashmap *seen, const uint32_t *keys, uint64_t n,
			    uint64_t va, struct psc_defects *to)
{
	uint64_t n_used = 0;
	for (uint64_t i = 0; i < n && !t->no_memory; i++) {
		bool is_new;
		if (keys[i] == 0)
			continue;
		n_used++;
		uint64_t *first = psc_hashmap_put(seen, (struct psc_hashkey){keys[i], 0}, &is_new);
		if (!first)
			t->no_memory = true;
		else if (is_new)
			*first = i;
		else
			add(t, to, PSC_DEFECT_TRACKER_TWICE, va, i, *first, i);
	}
	return n_used;
}

void psc_tracker_slots_check(struct psc_tracker_read *t, const struct psc_tracker_slots *s)
{
	uint64_t n;
	if (s->mask >= s->size)
		return;
	uint64_t n_far = count_far(t, s, NULL, &n);
	t->hash_disagrees = n >= 16 && n_far * 2 > n;
	if (t->hash_disagrees)
		psc_warn(t->warnings,
			 "tag trackers: %llu of %llu tags are not where their hash puts them; size or layout may be "
			 "wrong",
			 (unsigned long long)n_far, (unsigned long long)n);
	if (!t->defects || t->hash_disagrees)
		return;
	struct psc_hashmap seen;
	struct psc_defects expanded = {0};
	psc_hashmap_init(&seen, sizeof(uint64_t), 0);
	(void)count_far(t, s, t->defects, &n);
	(void)check_twice(t, &seen, s->keys, s->mask + 1, s->va, t->defects);
	n = check_twice(t, &seen, s->expansion_keys, s->n_expansion, s->expansion_va, &expanded);
	/* Where many are, it is no table of those that found no slot. */
	if (expanded.n_found * 8 <= n)
		psc_defects_merge(t->defects, &expanded);
	psc_defects_deinit(&expanded);
	psc_hashmap_deinit(&seen);
}

void psc_tracker_slots_prove(struct psc_tracker_read *t, const struct psc_tracker_slots *s, struct psc_tracker_proof *p)
{
	struct psc_hashmap seen;
	uint64_t n;
	psc_hashmap_init(&seen, sizeof(uint64_t), 0);
	(void)count_far(t, s, &p->defects, &n);
	p->n_tags += n;
	(void)check_twice(t, &seen, s->keys, s->mask + 1, s->va, &p->defects);
	p->n_tags += check_twice(t, &seen, s->expansion_keys, s->n_expansion, s->expansion_va, &p->defects);
	psc_hashmap_deinit(&seen);
}

void psc_tracker_proof_finish(struct psc_tracker_read *t, struct psc_tracker_proof *p)
{
	const uint64_t n_bad = p->defects.n_found;
	if (t->defects && n_bad * 8 <= p->n_tags && p->n_tags - n_bad >= PROVED_BY)
		psc_defects_merge(t->defects, &p->defects);
	psc_defects_deinit(&p->defects);
}
