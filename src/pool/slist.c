/* SPDX-License-Identifier: MIT */
/* SLIST_HEADER. Reference: pool 3.8 [V] bits, [1] high bits of the packed form. */
#include "pool/internal.h"
#include "util/bytes.h"

#define HEADER8_NEXT_SHIFT 25
#define HEADER8_NEXT_MASK  (((uint64_t)1 << 39) - 1)
#define HEADER8_VA_BITS    43

uint64_t psc_slist_first(const uint8_t *head, uint64_t va, uint32_t build, bool is_64bit, uint32_t *ret_depth)
{
	if (!is_64bit) {
		*ret_depth = psc_le16(head + 4);
		return psc_le32(head);
	}
	uint64_t first = psc_le64(head), second = psc_le64(head + 8);
	*ret_depth = (uint32_t)(first & 0xffff);
	if (build >= 9600 || (second & 1) != 0)
		return second & ~(uint64_t)0xf;
	uint64_t next = first >> HEADER8_NEXT_SHIFT & HEADER8_NEXT_MASK;
	if (next == 0)
		return 0;
	return next << 4 | (va >> HEADER8_VA_BITS << HEADER8_VA_BITS);
}
