/* SPDX-License-Identifier: MIT */
#include "util/hashmap.h"

#include "unit.h"
#include <string.h>

struct value {
	uint64_t count;
	uint32_t id;
};

static struct psc_hashkey key_of(uint64_t i)
{
	/* Close keys, keys that differ in the high bits only, and both halves. */
	struct psc_hashkey k = {i % 3 ? i << 48 | i : i, i % 2 ? 0 : i << 12};
	return k;
}

START_TEST(put_get_and_iterate)
{
	enum { N = 20000 };
	struct psc_hashmap m;
	psc_hashmap_init(&m, sizeof(struct value), 0);
	ck_assert_ptr_null(psc_hashmap_get(&m, key_of(1)));
	for (uint32_t i = 0; i < N; i++) {
		bool is_new = false;
		struct value *v = psc_hashmap_put(&m, key_of(i), &is_new);
		ck_assert_ptr_nonnull(v);
		ck_assert(is_new);
		ck_assert_uint_eq((uintptr_t)v % 8, 0);
		ck_assert(v->count == 0 && v->id == 0);
		v->count = 1;
		v->id = i;
	}
	ck_assert_uint_eq(m.n, N);
	for (uint32_t i = 0; i < N; i++) {
		bool is_new = true;
		struct value *v = psc_hashmap_put(&m, key_of(i), &is_new);
		ck_assert(!is_new);
		ck_assert_uint_eq(v->id, i);
		v->count++;
		ck_assert_ptr_eq(psc_hashmap_get(&m, key_of(i)), v);
	}
	ck_assert_uint_eq(m.n, N);
	ck_assert_ptr_null(psc_hashmap_get(&m, key_of(N)));

	static uint8_t seen[N];
	size_t pos = 0, n = 0;
	struct psc_hashkey key;
	void *value;
	while (psc_hashmap_next(&m, &pos, &key, &value)) {
		const struct value *v = value;
		ck_assert_uint_lt(v->id, N);
		ck_assert_uint_eq(seen[v->id], 0);
		seen[v->id] = 1;
		struct psc_hashkey want = key_of(v->id);
		ck_assert(key.a == want.a && key.b == want.b && v->count == 2);
		n++;
	}
	ck_assert_uint_eq(n, N);
	ck_assert(!psc_hashmap_next(&m, &pos, NULL, NULL));
	psc_hashmap_deinit(&m);
	ck_assert_uint_eq(m.n, 0);
	psc_hashmap_deinit(&m);
}
END_TEST

START_TEST(an_empty_map_has_nothing)
{
	struct psc_hashmap m;
	size_t pos = 0;
	psc_hashmap_init(&m, 8, 0);
	ck_assert(!psc_hashmap_next(&m, &pos, NULL, NULL));
	psc_hashmap_deinit(&m);
}
END_TEST

START_TEST(the_limit_refuses_only_new_keys)
{
	struct psc_hashmap m;
	psc_hashmap_init(&m, 4, 100);
	for (uint64_t i = 0; i < 100; i++)
		ck_assert_ptr_nonnull(psc_hashmap_put(&m, key_of(i), NULL));
	ck_assert_ptr_null(psc_hashmap_put(&m, key_of(100), NULL));
	ck_assert_ptr_nonnull(psc_hashmap_put(&m, key_of(99), NULL));
	ck_assert_uint_eq(m.n, 100);
	psc_hashmap_deinit(&m);
}
END_TEST

START_TEST(a_set_has_no_values)
{
	struct psc_hashmap m;
	bool is_new;
	psc_hashmap_init(&m, 0, 0);
	for (uint64_t i = 0; i < 3000; i++) {
		ck_assert(psc_hashset_add(&m, i * 4096, &is_new));
		ck_assert(is_new);
	}
	ck_assert(psc_hashset_add(&m, 4096, &is_new));
	ck_assert(!is_new);
	ck_assert(psc_hashset_has(&m, 0));
	ck_assert(psc_hashset_has(&m, 2999 * 4096));
	ck_assert(!psc_hashset_has(&m, 1));
	ck_assert(!psc_hashset_has(&m, UINT64_MAX));
	psc_hashmap_deinit(&m);
}
END_TEST

START_TEST(sizes_that_wrap_are_refused)
{
	struct psc_hashmap m;
	psc_hashmap_init(&m, SIZE_MAX / 8, 0);
	ck_assert_ptr_null(psc_hashmap_put(&m, key_of(1), NULL));
	ck_assert_ptr_null(psc_hashmap_get(&m, key_of(1)));
	psc_hashmap_deinit(&m);
}
END_TEST

UNIT_MAIN("hashmap", put_get_and_iterate, an_empty_map_has_nothing, the_limit_refuses_only_new_keys,
	  a_set_has_no_values, sizes_that_wrap_are_refused)
