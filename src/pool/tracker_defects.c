/* SPDX-License-Identifier: MIT */
/* Slots of the main tag table against the hash of their tags. Reference: pool 5.3 [2]: a tag stands in the first unused
 * slot from its own on, and no slot is ever given back; so no unused slot lies between the two, and no tag has two. */
#include "pool/internal.h"
#include "util/error.h"

void psc_tracker_defect(struct psc_tracker_read *t, enum psc_defect_kind kind, uint64_t va, uint64_t index,
			uint64_t expected, uint64_t found)
{
	const struct psc_defect d = {va + index * t->layout.entry_bytes, va, expected, found, kind};
	if (t->defects)
		psc_defects_add(t->defects, &d);
}

static bool is_unused(const struct psc_tracker_slots *s, uint64_t i)
{
	return s->keys[i] == 0 && (s->missing[i] & 2) == 0;
}

/* Slots from the last unused one before each slot that has a key; counts those that a search does not reach. */
static uint64_t count_far(struct psc_tracker_read *t, const struct psc_tracker_slots *s, bool report, uint64_t *ret_n)
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
			psc_tracker_defect(t, PSC_DEFECT_TRACKER_SLOT, s->va, i, home, i);
	}
	*ret_n = n;
	return n_far;
}

static void check_twice(struct psc_tracker_read *t, const struct psc_tracker_slots *s)
{
	struct psc_hashmap seen;
	psc_hashmap_init(&seen, sizeof(uint64_t), 0);
	for (uint64_t i = 0; i <= s->mask; i++) {
		bool is_new;
		if (s->keys[i] == 0)
			continue;
		uint64_t *first = psc_hashmap_put(&seen, (struct psc_hashkey){s->keys[i], 0}, &is_new);
		if (!first) {
			t->no_memory = true;
			break;
		}
		if (is_new)
			*first = i;
		else
			psc_tracker_defect(t, PSC_DEFECT_TRACKER_TWICE, s->va, i, *first, i);
	}
	psc_hashmap_deinit(&seen);
}

void psc_tracker_slots_check(struct psc_tracker_read *t, const struct psc_tracker_slots *s)
{
	uint64_t n;
	if (s->mask >= s->size)
		return;
	uint64_t n_far = count_far(t, s, false, &n);
	t->hash_disagrees = n >= 16 && n_far * 2 > n;
	if (t->hash_disagrees)
		psc_warn(t->warnings,
			 "tag trackers: %llu of %llu tags are not where their hash puts them; size or layout may be "
			 "wrong",
			 (unsigned long long)n_far, (unsigned long long)n);
	if (!t->defects || t->hash_disagrees)
		return;
	(void)count_far(t, s, true, &n);
	check_twice(t, s);
}
