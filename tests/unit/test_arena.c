/* SPDX-License-Identifier: MIT */
#include "util/arena.h"

#include "unit.h"
#include "util/vec.h"
#include <stdint.h>
#include <string.h>

START_TEST(alloc_is_zeroed_aligned_and_apart)
{
	struct psc_arena a = PSC_ARENA_INIT;
	enum { N = 2000 };
	static uint8_t *blocks[N];
	size_t total = 0;
	for (size_t i = 0; i < N; i++) {
		size_t n = i * 7 % 300;
		blocks[i] = psc_arena_alloc(&a, n);
		ck_assert_ptr_nonnull(blocks[i]);
		ck_assert_uint_eq((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
		for (size_t k = 0; k < n; k++)
			ck_assert_uint_eq(blocks[i][k], 0);
		memset(blocks[i], (int)(i & 0xff), n);
		total += n;
	}
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < i * 7 % 300; k++)
			ck_assert_uint_eq(blocks[i][k], i & 0xff);
	ck_assert_uint_eq(a.used_bytes, total);
	psc_arena_deinit(&a);
	ck_assert_ptr_null(a.head);
	ck_assert_uint_eq(a.used_bytes, 0);
	psc_arena_deinit(&a);
}
END_TEST

START_TEST(empty_blocks_are_unique)
{
	struct psc_arena a = PSC_ARENA_INIT;
	void *p = psc_arena_alloc(&a, 0), *q = psc_arena_alloc(&a, 0);
	ck_assert_ptr_nonnull(p);
	ck_assert_ptr_nonnull(q);
	ck_assert_ptr_ne(p, q);
	psc_arena_deinit(&a);
}
END_TEST

START_TEST(large_blocks_leave_the_current_chunk_in_use)
{
	struct psc_arena a = PSC_ARENA_INIT;
	uint8_t *big = psc_arena_alloc(&a, 3 << 20);
	uint8_t *p = psc_arena_alloc(&a, 16);
	uint8_t *big2 = psc_arena_alloc(&a, 3 << 20);
	uint8_t *q = psc_arena_alloc(&a, 16);
	ck_assert(big && p && big2 && q);
	memset(big, 1, 3 << 20);
	memset(big2, 2, 3 << 20);
	ck_assert_uint_eq(q - p, 16);
	ck_assert_uint_eq(p[0] | q[15], 0);
	psc_arena_deinit(&a);
}
END_TEST

START_TEST(absurd_sizes_are_refused)
{
	struct psc_arena a = PSC_ARENA_INIT;
	ck_assert_ptr_null(psc_arena_alloc(&a, SIZE_MAX));
	ck_assert_ptr_null(psc_arena_alloc(&a, SIZE_MAX / 2 + 1));
	ck_assert_ptr_null(psc_arena_alloc_array(&a, SIZE_MAX / 2, 3));
	ck_assert_ptr_null(psc_arena_alloc_array(&a, SIZE_MAX, SIZE_MAX));
	ck_assert_uint_eq(a.used_bytes, 0);
	ck_assert_ptr_nonnull(psc_arena_alloc_array(&a, 0, SIZE_MAX));
	ck_assert_ptr_nonnull(psc_arena_alloc_array(&a, SIZE_MAX, 0));
	ck_assert_ptr_nonnull(psc_arena_alloc_array(&a, 5, 8));
	ck_assert_uint_eq(a.used_bytes, 40);
	psc_arena_deinit(&a);
}
END_TEST

START_TEST(strings)
{
	struct psc_arena a = PSC_ARENA_INIT;
	ck_assert_str_eq(psc_arena_strdup(&a, ""), "");
	ck_assert_str_eq(psc_arena_strdup(&a, "ntoskrnl.exe"), "ntoskrnl.exe");
	ck_assert_str_eq(psc_arena_strndup(&a, "Thre", 2), "Th");
	ck_assert_str_eq(psc_arena_strndup(&a, "ab\0cd", 5), "ab");
	ck_assert_str_eq(psc_arena_strndup(&a, "x", 0), "");
	char no_nul[3] = {'a', 'b', 'c'};
	ck_assert_str_eq(psc_arena_strndup(&a, no_nul, 3), "abc");
	ck_assert_str_eq(psc_arena_printf(&a, "%s+0x%x", "a.sys", 0x1cu), "a.sys+0x1c");
	char *wide = psc_arena_printf(&a, "%20000d", 1);
	ck_assert_uint_eq(strlen(wide), 20000);
	psc_arena_deinit(&a);
}
END_TEST

START_TEST(vec_grows_and_keeps_items)
{
	struct {
		uint32_t *items;
		size_t n, cap;
	} v = {NULL, 0, 0};
	for (uint32_t i = 0; i < 10000; i++) {
		ck_assert(PSC_VEC_RESERVE_ONE(&v));
		ck_assert_uint_lt(v.n, v.cap);
		v.items[v.n++] = i;
	}
	for (uint32_t i = 0; i < 10000; i++)
		ck_assert_uint_eq(v.items[i], i);
	free(v.items);
}
END_TEST

START_TEST(vec_refuses_to_wrap)
{
	void *items = NULL;
	size_t cap = 0;
	ck_assert(!psc_vec_grow(&items, &cap, SIZE_MAX / 2, 16));
	ck_assert(!psc_vec_grow(&items, &cap, SIZE_MAX, 1));
	ck_assert(!psc_vec_grow(&items, &cap, 0, SIZE_MAX));
	ck_assert(!psc_vec_grow(&items, &cap, 0, 0));
	ck_assert_ptr_null(items);
	ck_assert_uint_eq(cap, 0);
	cap = 5;
	ck_assert(psc_vec_grow(&items, &cap, 4, 16));
	ck_assert_ptr_null(items);
}
END_TEST

UNIT_MAIN("arena", alloc_is_zeroed_aligned_and_apart, empty_blocks_are_unique,
	  large_blocks_leave_the_current_chunk_in_use, absurd_sizes_are_refused, strings, vec_grows_and_keeps_items,
	  vec_refuses_to_wrap)
