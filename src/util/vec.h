/* SPDX-License-Identifier: MIT */
/* A growable array as three plain members: `T *items; size_t n, cap;`. */
#ifndef PSC_UTIL_VEC_H
#define PSC_UTIL_VEC_H

#include <stdbool.h>
#include <stddef.h>

/* Make room for one more item; false when out of memory (items stay valid). */
bool psc_vec_grow(void **items, size_t *cap, size_t n, size_t item_bytes);
#define PSC_VEC_RESERVE_ONE(v)                                                                                         \
	((v)->n < (v)->cap || psc_vec_grow((void **)&(v)->items, &(v)->cap, (v)->n, sizeof(*(v)->items)))

#endif
