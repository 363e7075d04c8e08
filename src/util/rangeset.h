/* SPDX-License-Identifier: MIT */
/* A sorted list of disjoint inclusive-exclusive ranges [lo, hi) with a payload each. Build with add, then seal once. */
#ifndef PSC_UTIL_RANGESET_H
#define PSC_UTIL_RANGESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct psc_range {
	uint64_t lo, hi; /* hi exclusive; hi 0 with lo > 0 is never stored: a range ends below 2^64 */
	uint64_t data;
};

struct psc_rangeset {
	struct psc_range *items;
	size_t n, cap;
	bool sealed;
};

/* false when out of memory. Empty ranges (lo >= hi) are ignored. */
bool psc_rangeset_add(struct psc_rangeset *s, uint64_t lo, uint64_t hi, uint64_t data);
/* Sort by lo, and drop or cut what overlaps an earlier (lower lo, then earlier added) range. Returns the number of
 * overlaps found. data stays as it is when lo moves up: for an offset, store its distance from lo (modulo 2^64). */
size_t psc_rangeset_seal(struct psc_rangeset *s);
/* The range that holds v, or NULL. */
const struct psc_range *psc_rangeset_find(const struct psc_rangeset *s, uint64_t v);
/* The first range whose hi is above v, or NULL. */
const struct psc_range *psc_rangeset_next(const struct psc_rangeset *s, uint64_t v);
void psc_rangeset_deinit(struct psc_rangeset *s);

#endif
