/* SPDX-License-Identifier: MIT */
#include "util/rangeset.h"

#include "unit.h"
#include <string.h>

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

START_TEST(an_empty_set_finds_nothing)
{
	struct psc_rangeset s = {NULL, 0, 0, false};
	ck_assert_ptr_null(psc_rangeset_find(&s, 0));
	ck_assert_ptr_null(psc_rangeset_next(&s, 0));
	ck_assert_uint_eq(psc_rangeset_seal(&s), 0);
	ck_assert_ptr_null(psc_rangeset_next(&s, 0));
	psc_rangeset_deinit(&s);
}
END_TEST

START_TEST(find_and_next)
{
	struct psc_rangeset s = {NULL, 0, 0, false};
	ck_assert(psc_rangeset_add(&s, 300, 400, 3));
	ck_assert(psc_rangeset_add(&s, 100, 200, 1));
	ck_assert(psc_rangeset_add(&s, 200, 250, 2));
	ck_assert(psc_rangeset_add(&s, 500, 500, 9)); /* empty */
	ck_assert(psc_rangeset_add(&s, 600, 10, 9));  /* reversed */
	ck_assert(psc_rangeset_add(&s, UINT64_MAX - 1, UINT64_MAX, 4));
	ck_assert_uint_eq(psc_rangeset_seal(&s), 0);
	ck_assert_uint_eq(psc_rangeset_seal(&s), 0);
	ck_assert_uint_eq(s.n, 4);
	ck_assert_ptr_null(psc_rangeset_find(&s, 99));
	ck_assert(psc_rangeset_find(&s, 100)->data == 1);
	ck_assert(psc_rangeset_find(&s, 199)->data == 1);
	ck_assert(psc_rangeset_find(&s, 200)->data == 2);
	ck_assert_ptr_null(psc_rangeset_find(&s, 250));
	ck_assert(psc_rangeset_find(&s, 399)->data == 3);
	ck_assert_ptr_null(psc_rangeset_find(&s, 400));
	ck_assert(psc_rangeset_find(&s, UINT64_MAX - 1)->data == 4);
	ck_assert_ptr_null(psc_rangeset_find(&s, UINT64_MAX));
	ck_assert(psc_rangeset_next(&s, 0)->data == 1);
	ck_assert(psc_rangeset_next(&s, 199)->data == 1);
	ck_assert(psc_rangeset_next(&s, 250)->data == 3);
	ck_assert(psc_rangeset_next(&s, 400)->data == 4);
	ck_assert_ptr_null(psc_rangeset_next(&s, UINT64_MAX));
	psc_rangeset_deinit(&s);
	ck_assert_uint_eq(s.n, 0);
}
END_TEST

START_TEST(overlaps_are_cut_or_dropped)
{
	struct psc_rangeset s = {NULL, 0, 0, false};
	ck_assert(psc_rangeset_add(&s, 100, 200, 1));
	ck_assert(psc_rangeset_add(&s, 100, 150, 2)); /* the same lo, added later: gone */
	ck_assert(psc_rangeset_add(&s, 120, 130, 3)); /* inside: gone */
	ck_assert(psc_rangeset_add(&s, 150, 300, 4)); /* cut to 200..300 */
	ck_assert(psc_rangeset_add(&s, 180, 260, 5)); /* inside what is left of 4: gone */
	ck_assert(psc_rangeset_add(&s, 300, 301, 6));
	ck_assert_uint_eq(psc_rangeset_seal(&s), 4);
	ck_assert_uint_eq(s.n, 3);
	const struct psc_range *r = psc_rangeset_find(&s, 200);
	ck_assert(r->lo == 200 && r->hi == 300 && r->data == 4);
	ck_assert(psc_rangeset_find(&s, 120)->data == 1);
	ck_assert(psc_rangeset_find(&s, 300)->data == 6);
	psc_rangeset_deinit(&s);
}
END_TEST

START_TEST(adding_after_a_seal_needs_another)
{
	struct psc_rangeset s = {NULL, 0, 0, false};
	for (uint64_t i = 0; i < 20; i++)
		ck_assert(psc_rangeset_add(&s, i * 10, i * 10 + 5, i));
	psc_rangeset_seal(&s);
	ck_assert(s.sealed);
	for (uint64_t i = 20; i-- > 0;)
		ck_assert(psc_rangeset_add(&s, i * 10 + 5, i * 10 + 10, 100 + i));
	ck_assert(!s.sealed);
	ck_assert_uint_eq(psc_rangeset_seal(&s), 0);
	ck_assert_uint_eq(s.n, 40);
	for (uint64_t v = 0; v < 200; v++)
		ck_assert(psc_rangeset_find(&s, v)->data == v / 10 + (v % 10 < 5 ? 0 : 100));
	psc_rangeset_deinit(&s);
}
END_TEST

/* Against the plain reading of the contract: a value belongs to the range with the lowest lo that holds it, the one
 * added first among equals. */
START_TEST(random_sets_match_a_painted_array)
{
	enum { SPACE = 400, MAX_RANGES = 60 };
	uint32_t state = 1;
	for (int round = 0; round < 300; round++) {
		struct psc_rangeset s = {NULL, 0, 0, false};
		uint64_t lo[MAX_RANGES], hi[MAX_RANGES];
		size_t n = next_random(&state) % MAX_RANGES;
		for (size_t i = 0; i < n; i++) {
			lo[i] = next_random(&state) % SPACE;
			hi[i] = lo[i] + next_random(&state) % 40;
			ck_assert(psc_rangeset_add(&s, lo[i], hi[i], i));
		}
		psc_rangeset_seal(&s);
		for (size_t i = 1; i < s.n; i++)
			ck_assert(s.items[i - 1].hi <= s.items[i].lo && s.items[i].lo < s.items[i].hi);
		for (uint64_t v = 0; v < SPACE + 50; v++) {
			size_t want = n;
			for (size_t i = 0; i < n; i++)
				if (lo[i] <= v && v < hi[i] && (want == n || lo[i] < lo[want]))
					want = i;
			const struct psc_range *r = psc_rangeset_find(&s, v);
			if (want == n)
				ck_assert_ptr_null(r);
			else
				ck_assert(r && r->data == want);
		}
		psc_rangeset_deinit(&s);
	}
}
END_TEST

UNIT_MAIN("rangeset", an_empty_set_finds_nothing, find_and_next, overlaps_are_cut_or_dropped,
	  adding_after_a_seal_needs_another, random_sets_match_a_painted_array)
