/* SPDX-License-Identifier: MIT */
#include "report/tally.h"

#include "unit.h"
#include <string.h>

#define ABC UINT32_C(0x20636241)

static void add(struct psc_tally *t, uint32_t tag, enum psc_pool pool, enum psc_block_state state, uint64_t size_bytes)
{
	const struct psc_block b = {.va = 0xfffff8a000001000,
				    .size_bytes = size_bytes,
				    .tag = tag,
				    .pool = pool,
				    .state = state,
				    .has_tag = true};
	psc_tally_block(t, &b);
}

static size_t count(const struct psc_tally *t)
{
	size_t pos = 0, n = 0;
	struct psc_tally_key key;
	struct psc_tally_value *value;
	while (psc_tally_next(t, &pos, &key, &value))
		n++;
	return n;
}

START_TEST(states_stay_apart)
{
	struct psc_tally t;
	psc_tally_init(&t, false);
	ck_assert_uint_eq(count(&t), 0);
	ck_assert_ptr_null(psc_tally_get(&t, ABC, PSC_POOL_PAGED));
	add(&t, ABC, PSC_POOL_PAGED, PSC_BLOCK_ALLOCATED, 0x20);
	add(&t, ABC, PSC_POOL_PAGED, PSC_BLOCK_ALLOCATED, 0x30);
	add(&t, ABC, PSC_POOL_PAGED, PSC_BLOCK_FREE, 0x100);
	add(&t, ABC, PSC_POOL_PAGED, PSC_BLOCK_CACHED, 0x40);
	const struct psc_tally_value *v = psc_tally_get(&t, ABC, PSC_POOL_PAGED);
	ck_assert_ptr_nonnull(v);
	ck_assert_uint_eq(v->counts.live, 2);
	ck_assert_uint_eq(v->counts.live_bytes, 0x50);
	ck_assert_uint_eq(v->counts.free, 1);
	ck_assert_uint_eq(v->counts.free_bytes, 0x100);
	ck_assert_uint_eq(v->counts.cached, 1);
	ck_assert_uint_eq(v->counts.cached_bytes, 0x40);
	ck_assert(!v->is_protected);
	ck_assert_uint_eq(count(&t), 1);
	psc_tally_deinit(&t);
}
END_TEST

START_TEST(keys)
{
	struct psc_tally t;
	psc_tally_init(&t, false);
	for (int pool = 0; pool < PSC_POOL_MAX; pool++)
		add(&t, ABC, (enum psc_pool)pool, PSC_BLOCK_ALLOCATED, 0x10u << pool);
	add(&t, ABC ^ 0x20, PSC_POOL_PAGED, PSC_BLOCK_ALLOCATED, 0x80); /* other case: another tag */
	add(&t, 0, PSC_POOL_PAGED, PSC_BLOCK_ALLOCATED, 0x90);
	add(&t, 0x7fffffff, PSC_POOL_NONPAGED, PSC_BLOCK_ALLOCATED, 0xa0);
	ck_assert_uint_eq(count(&t), 6);
	for (int pool = 0; pool < PSC_POOL_MAX; pool++)
		ck_assert_uint_eq(psc_tally_get(&t, ABC, (enum psc_pool)pool)->counts.live_bytes, 0x10u << pool);
	ck_assert_uint_eq(psc_tally_get(&t, 0, PSC_POOL_PAGED)->counts.live_bytes, 0x90);
	ck_assert_uint_eq(psc_tally_get(&t, 0x7fffffff, PSC_POOL_NONPAGED)->counts.live_bytes, 0xa0);

	size_t pos = 0;
	struct psc_tally_key key;
	struct psc_tally_value *value;
	while (psc_tally_next(&t, &pos, &key, &value)) {
		ck_assert_uint_eq(key.block_bytes, 0);
		ck_assert_ptr_eq(value, psc_tally_get(&t, key.tag, key.pool));
	}
	psc_tally_deinit(&t);
}
END_TEST

START_TEST(protected_bit_is_no_part_of_the_key)
{
	struct psc_tally t;
	psc_tally_init(&t, false);
	add(&t, ABC, PSC_POOL_PAGED, PSC_BLOCK_ALLOCATED, 0x10);
	add(&t, ABC | PSC_TAG_PROTECTED, PSC_POOL_PAGED, PSC_BLOCK_ALLOCATED, 0x20);
	add(&t, ABC, PSC_POOL_PAGED, PSC_BLOCK_ALLOCATED, 0x40);
	ck_assert_uint_eq(count(&t), 1);
	ck_assert_uint_eq(psc_tally_get(&t, ABC, PSC_POOL_PAGED)->counts.live_bytes, 0x70);
	ck_assert(psc_tally_get(&t, ABC, PSC_POOL_PAGED)->is_protected);
	psc_tally_deinit(&t);
}
END_TEST

START_TEST(free_blocks_without_a_tag_have_no_owner)
{
	struct psc_tally t;
	psc_tally_init(&t, false);
	add(&t, 0, PSC_POOL_PAGED, PSC_BLOCK_FREE, 0x10);
	ck_assert_uint_eq(count(&t), 0);
	add(&t, 0, PSC_POOL_PAGED, PSC_BLOCK_CACHED, 0x10);
	ck_assert_uint_eq(count(&t), 1);
	psc_tally_deinit(&t);
}
END_TEST

START_TEST(by_size)
{
	struct psc_tally t;
	psc_tally_init(&t, true);
	add(&t, ABC, PSC_POOL_PAGED, PSC_BLOCK_ALLOCATED, 0x20);
	add(&t, ABC, PSC_POOL_PAGED, PSC_BLOCK_ALLOCATED, 0x20);
	add(&t, ABC, PSC_POOL_PAGED, PSC_BLOCK_ALLOCATED, UINT64_C(0x100000000));
	ck_assert_uint_eq(count(&t), 2);
	size_t pos = 0;
	uint64_t sum = 0;
	struct psc_tally_key key;
	struct psc_tally_value *value;
	while (psc_tally_next(&t, &pos, &key, &value)) {
		ck_assert_uint_eq(key.tag, ABC);
		ck_assert_uint_eq(value->counts.live_bytes, key.block_bytes * value->counts.live);
		sum += value->counts.live_bytes;
	}
	ck_assert_uint_eq(sum, UINT64_C(0x100000040));
	psc_tally_deinit(&t);
}
END_TEST

static struct psc_block nth_block(unsigned i)
{
	return (struct psc_block){.size_bytes = 16 * (1 + i % 9),
				  .tag = ABC + i % 13 + (i % 5 == 0 ? PSC_TAG_PROTECTED : 0),
				  .pool = (enum psc_pool)(i % 2),
				  .state = (enum psc_block_state)(i % 3),
				  .has_tag = true};
}

/* However the blocks are dealt to workers, the merged sums are those of one. */
START_TEST(merge_is_a_sum)
{
	for (int sizes = 0; sizes < 2; sizes++) {
		struct psc_tally one, merged, parts[7];
		psc_tally_init(&one, sizes != 0);
		psc_tally_init(&merged, sizes != 0);
		for (int p = 0; p < 7; p++)
			psc_tally_init(&parts[p], sizes != 0);
		for (unsigned i = 0; i < 10000; i++) {
			const struct psc_block b = nth_block(i);
			psc_tally_block(&one, &b);
			psc_tally_block(&parts[i * 31 % 6], &b); /* the last one stays empty */
		}
		for (int p = 6; p >= 0; p--) {
			psc_tally_merge(&merged, &parts[p]);
			psc_tally_deinit(&parts[p]);
		}
		ck_assert_uint_eq(count(&merged), count(&one));
		size_t pos = 0, other_pos, n = 0;
		struct psc_tally_key key, other_key;
		struct psc_tally_value *value, *other;
		while (psc_tally_next(&one, &pos, &key, &value)) {
			other_pos = 0;
			while (psc_tally_next(&merged, &other_pos, &other_key, &other)) {
				if (key.tag != other_key.tag || key.pool != other_key.pool ||
				    key.block_bytes != other_key.block_bytes)
					continue;
				ck_assert_mem_eq(&value->counts, &other->counts, sizeof(value->counts));
				ck_assert(value->is_protected == other->is_protected);
				n++;
			}
		}
		ck_assert_uint_eq(n, count(&one));
		ck_assert(!merged.overflowed && !merged.no_memory);
		psc_tally_deinit(&one);
		psc_tally_deinit(&merged);
	}
}
END_TEST

START_TEST(limit)
{
	struct psc_tally t, other;
	psc_tally_init(&t, false);
	for (uint32_t i = 0; i < PSC_TALLY_MAX_KEYS; i++)
		add(&t, i + 1, PSC_POOL_PAGED, PSC_BLOCK_ALLOCATED, 0x10);
	ck_assert(!t.overflowed);
	add(&t, PSC_TALLY_MAX_KEYS + 1, PSC_POOL_PAGED, PSC_BLOCK_ALLOCATED, 0x10);
	ck_assert(t.overflowed && !t.no_memory);
	ck_assert_uint_eq(count(&t), PSC_TALLY_MAX_KEYS);
	/* Known keys are still counted. */
	add(&t, 1, PSC_POOL_PAGED, PSC_BLOCK_ALLOCATED, 0x10);
	ck_assert_uint_eq(psc_tally_get(&t, 1, PSC_POOL_PAGED)->counts.live, 2);
	ck_assert_ptr_null(psc_tally_get(&t, PSC_TALLY_MAX_KEYS + 1, PSC_POOL_PAGED));

	/* Overflow is passed on by a merge, and a merge can overflow. */
	psc_tally_init(&other, false);
	psc_tally_merge(&other, &t);
	ck_assert(other.overflowed);
	psc_tally_deinit(&other);
	t.overflowed = false;
	psc_tally_init(&other, false);
	add(&other, UINT32_C(0x7f000000), PSC_POOL_PAGED, PSC_BLOCK_ALLOCATED, 0x10);
	add(&other, 1, PSC_POOL_PAGED, PSC_BLOCK_ALLOCATED, 0x10);
	ck_assert(!other.overflowed);
	psc_tally_merge(&t, &other);
	ck_assert(t.overflowed);
	ck_assert_uint_eq(psc_tally_get(&t, 1, PSC_POOL_PAGED)->counts.live, 3);
	psc_tally_deinit(&other);
	psc_tally_deinit(&t);
}
END_TEST

UNIT_MAIN("tally", states_stay_apart, keys, protected_bit_is_no_part_of_the_key,
	  free_blocks_without_a_tag_have_no_owner, by_size, merge_is_a_sum, limit)
