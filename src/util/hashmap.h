/* SPDX-License-Identifier: MIT */
/* Open-addressing map from a 128-bit key to a fixed-size value stored in place. Insertion order is not kept: sort
 * before printing. Not thread-safe; one map per thread, merged afterwards. */
#ifndef PSC_UTIL_HASHMAP_H
#define PSC_UTIL_HASHMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct psc_hashkey {
	uint64_t a, b;
};

struct psc_hashmap {
	uint8_t *slots; /* {u8 used, pad, key, value} of stride bytes */
	size_t n, cap;  /* cap is 0 or a power of two */
	size_t value_bytes, stride_bytes;
	size_t max_n; /* 0 = no limit */
};

void psc_hashmap_init(struct psc_hashmap *m, size_t value_bytes, size_t max_n);
void psc_hashmap_deinit(struct psc_hashmap *m);
/* The value of a key, zeroed when new (*ret_new, may be NULL). NULL: out of memory or max_n reached.
 * Valid until the next insertion. */
void *psc_hashmap_put(struct psc_hashmap *m, struct psc_hashkey key, bool *ret_new);
void *psc_hashmap_get(const struct psc_hashmap *m, struct psc_hashkey key);
/* Iterate: start with *pos = 0; false at the end. */
bool psc_hashmap_next(const struct psc_hashmap *m, size_t *pos, struct psc_hashkey *ret_key, void **ret_value);

/* A set of 64-bit values for visited checks and membership: a map without values. */
static inline bool psc_hashset_add(struct psc_hashmap *m, uint64_t v, bool *ret_new)
{
	struct psc_hashkey k = {v, 0};
	return psc_hashmap_put(m, k, ret_new) != NULL;
}

static inline bool psc_hashset_has(const struct psc_hashmap *m, uint64_t v)
{
	struct psc_hashkey k = {v, 0};
	return psc_hashmap_get(m, k) != NULL;
}

#endif
