/* SPDX-License-Identifier: MIT */
#include "util/checked.h"

#include "unit.h"

START_TEST(add)
{
	uint64_t v = 7;
	ck_assert(psc_add_u64(UINT64_MAX - 1, 1, &v));
	ck_assert(v == UINT64_MAX);
	v = 7;
	ck_assert(!psc_add_u64(UINT64_MAX, 1, &v));
	ck_assert(!psc_add_u64(1, UINT64_MAX, &v));
	ck_assert(v == 7);
	ck_assert(psc_add_u64(0, 0, &v));
	ck_assert(v == 0);
}
END_TEST

START_TEST(mul)
{
	uint64_t v = 7;
	ck_assert(psc_mul_u64(UINT32_MAX, UINT32_MAX, &v));
	ck_assert(v == 0xfffffffe00000001u);
	v = 7;
	ck_assert(!psc_mul_u64((uint64_t)1 << 32, (uint64_t)1 << 32, &v));
	ck_assert(!psc_mul_u64(UINT64_MAX, 2, &v));
	ck_assert(v == 7);
	ck_assert(psc_mul_u64(UINT64_MAX, 0, &v));
	ck_assert(v == 0);
	ck_assert(psc_mul_u64(UINT64_MAX, 1, &v));
	ck_assert(v == UINT64_MAX);
}
END_TEST

START_TEST(range)
{
	ck_assert(psc_range_ok(0, 0, 0));
	ck_assert(psc_range_ok(10, 0, 10));
	ck_assert(psc_range_ok(2, 8, 10));
	ck_assert(!psc_range_ok(2, 9, 10));
	ck_assert(!psc_range_ok(11, 0, 10));
	ck_assert(!psc_range_ok(1, UINT64_MAX, 10));
	ck_assert(!psc_range_ok(UINT64_MAX, 1, 10));
	ck_assert(psc_range_ok(0, UINT64_MAX, UINT64_MAX));
}
END_TEST

START_TEST(small_helpers)
{
	ck_assert(psc_min_u64(1, 2) == 1 && psc_min_u64(2, 1) == 1);
	ck_assert(psc_max_u64(1, 2) == 2 && psc_max_u64(2, 1) == 2);
	ck_assert(!psc_is_pow2(0));
	ck_assert(!psc_is_pow2(3));
	for (unsigned i = 0; i < 64; i++) {
		ck_assert(psc_is_pow2((uint64_t)1 << i));
		ck_assert_uint_eq(psc_popcount64((uint64_t)1 << i), 1);
		ck_assert_uint_eq(psc_popcount64(UINT64_MAX >> i), 64 - i);
	}
	ck_assert_uint_eq(psc_popcount64(0), 0);
	ck_assert_uint_eq(psc_popcount64(0x123456789abcdef0u), 32);
}
END_TEST

UNIT_MAIN("checked", add, mul, range, small_helpers)
