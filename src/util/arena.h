/* SPDX-License-Identifier: MIT */
/* Chunked allocation freed at once: records and strings that live as long as their owner. Not thread-safe. */
#ifndef PSC_UTIL_ARENA_H
#define PSC_UTIL_ARENA_H

#include <poolscope/error.h>
#include <stddef.h>

struct psc_arena_chunk;
struct psc_arena {
	struct psc_arena_chunk *head;
	size_t used_bytes; /* handed out, for limits */
};
#define PSC_ARENA_INIT                                                                                                 \
	{                                                                                                              \
		NULL, 0                                                                                                \
	}

/* Zeroed, aligned for any object; NULL when out of memory. size 0 gives a valid unique pointer. */
void *psc_arena_alloc(struct psc_arena *a, size_t size_bytes);
/* n * size, checked. */
void *psc_arena_alloc_array(struct psc_arena *a, size_t n, size_t size_bytes);
char *psc_arena_strdup(struct psc_arena *a, const char *s);
char *psc_arena_strndup(struct psc_arena *a, const char *s, size_t n);
char *psc_arena_printf(struct psc_arena *a, const char *fmt, ...) PSC_PRINTF(2, 3);
void psc_arena_deinit(struct psc_arena *a);

#endif
