/* SPDX-License-Identifier: MIT */
#include "util/bytes.h"

#include "unit.h"

static const uint8_t bytes[] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
				0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

START_TEST(loads_are_little_endian_at_any_alignment)
{
	ck_assert_uint_eq(psc_le16(bytes + 1), 0x2211);
	ck_assert_uint_eq(psc_le16(bytes + 14), 0xffee);
	ck_assert_uint_eq(psc_le32(bytes + 1), 0x44332211);
	ck_assert_uint_eq(psc_le32(bytes + 12), 0xffeeddcc);
	ck_assert(psc_le64(bytes + 1) == 0x8877665544332211u);
	ck_assert(psc_le64(bytes + 8) == 0xffeeddccbbaa9988u);
}
END_TEST

START_TEST(cursor_reads_in_order)
{
	struct psc_cursor c = psc_cursor_init(bytes, sizeof(bytes));
	ck_assert_uint_eq(psc_cursor_u8(&c), 0x00);
	ck_assert_uint_eq(psc_cursor_u16(&c), 0x2211);
	ck_assert_uint_eq(psc_cursor_u32(&c), 0x66554433);
	ck_assert_uint_eq(psc_cursor_tell(&c), 7);
	ck_assert(psc_cursor_u64(&c) == 0xeeddccbbaa998877u);
	ck_assert_uint_eq(psc_cursor_left(&c), 1);
	ck_assert_ptr_eq(psc_cursor_bytes(&c, 1), bytes + 15);
	ck_assert_uint_eq(psc_cursor_left(&c), 0);
	ck_assert_ptr_nonnull(psc_cursor_bytes(&c, 0));
	ck_assert(!c.failed);
}
END_TEST

START_TEST(cursor_pointer_width)
{
	struct psc_cursor c = psc_cursor_init(bytes, sizeof(bytes));
	ck_assert(psc_cursor_ptr(&c, 4) == 0x33221100u);
	ck_assert(psc_cursor_ptr(&c, 8) == 0xbbaa998877665544u);
	ck_assert_uint_eq(psc_cursor_tell(&c), 12);
}
END_TEST

START_TEST(failure_is_sticky_and_moves_nothing)
{
	struct psc_cursor c = psc_cursor_init(bytes, 6);
	psc_cursor_skip(&c, 3);
	ck_assert_uint_eq(psc_cursor_u32(&c), 0);
	ck_assert(c.failed);
	ck_assert_uint_eq(psc_cursor_tell(&c), 3);
	ck_assert_uint_eq(psc_cursor_u8(&c), 0);
	ck_assert_uint_eq(psc_cursor_u16(&c), 0);
	ck_assert(psc_cursor_u64(&c) == 0);
	ck_assert_ptr_null(psc_cursor_bytes(&c, 0));
	psc_cursor_seek(&c, 0);
	ck_assert(c.failed);
}
END_TEST

START_TEST(a_length_that_would_wrap_fails)
{
	struct psc_cursor c = psc_cursor_init(bytes, sizeof(bytes));
	psc_cursor_skip(&c, 1);
	psc_cursor_skip(&c, SIZE_MAX);
	ck_assert(c.failed);
	ck_assert_uint_eq(psc_cursor_tell(&c), 1);
}
END_TEST

START_TEST(seek_stays_inside)
{
	struct psc_cursor c = psc_cursor_init(bytes, 8);
	psc_cursor_seek(&c, 8);
	ck_assert(!c.failed);
	ck_assert_uint_eq(psc_cursor_left(&c), 0);
	psc_cursor_seek(&c, 2);
	ck_assert_uint_eq(psc_cursor_u8(&c), 0x22);
	psc_cursor_seek(&c, 9);
	ck_assert(c.failed);
	ck_assert_uint_eq(psc_cursor_tell(&c), 3);
}
END_TEST

UNIT_MAIN("bytes", loads_are_little_endian_at_any_alignment, cursor_reads_in_order, cursor_pointer_width,
	  failure_is_sticky_and_moves_nothing, a_length_that_would_wrap_fails, seek_stays_inside)
