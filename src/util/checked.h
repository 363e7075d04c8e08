/* SPDX-License-Identifier: MIT */
/* Arithmetic on untrusted numbers: every function returns false instead of wrapping, and then leaves *ret alone. */
#ifndef PSC_UTIL_CHECKED_H
#define PSC_UTIL_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

static inline bool psc_add_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
	if (a > UINT64_MAX - b)
		return false;
	*ret = a + b;
	return true;
}

static inline bool psc_mul_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
	if (b != 0 && a > UINT64_MAX / b)
		return false;
	*ret = a * b;
	return true;
}

/* [off, off + len) lies inside [0, size). No sum, so no wrap. */
static inline bool psc_range_ok(uint64_t off, uint64_t len, uint64_t size)
{
	return off <= size && len <= size - off;
}

static inline uint64_t psc_min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t psc_max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline bool psc_is_pow2(uint64_t v)
{
	return v != 0 && (v & (v - 1)) == 0;
}

static inline unsigned psc_popcount64(uint64_t v)
{
	v -= v >> 1 & 0x5555555555555555u;
	v = (v & 0x3333333333333333u) + (v >> 2 & 0x3333333333333333u);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0fu;
	return (unsigned)(v * 0x0101010101010101u >> 56);
}

#endif
