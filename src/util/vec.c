/* SPDX-License-Identifier: MIT */
#include "util/vec.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool psc_vec_grow(void **items, size_t *cap, size_t n, size_t item_bytes)
{
	if (n < *cap)
		return true;
	if (item_bytes == 0 || n >= SIZE_MAX / 2 / item_bytes)
		return false;
	size_t want = n < 8 ? 8 : n + n / 2 + 1;
	if (want > SIZE_MAX / item_bytes)
		want = n + 1;
	/* The macro passes the address of a T *: it is read and written as bytes, never as a void * object. */
	void *p;
	memcpy(&p, items, sizeof(p));
	p = realloc(p, want * item_bytes);
	if (!p)
		return false;
	memcpy(items, &p, sizeof(p));
	*cap = want;
	return true;
}
