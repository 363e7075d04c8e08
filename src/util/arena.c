/* SPDX-License-Identifier: MIT */
#include "util/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN           _Alignof(max_align_t)
#define FIRST_CHUNK     ((size_t)4 << 10)
#define MAX_CHUNK       ((size_t)1 << 20)
#define CHUNK_OVERHEAD  ((sizeof(struct psc_arena_chunk) + ALIGN - 1) / ALIGN * ALIGN)
#define MAX_ALLOC_BYTES (SIZE_MAX / 2)

/* The payload follows at CHUNK_OVERHEAD. Chunks come from calloc and bytes are handed out once, so all are zero. */
struct psc_arena_chunk {
	struct psc_arena_chunk *next;
	size_t cap, used;
};

static struct psc_arena_chunk *chunk_create(size_t cap)
{
	struct psc_arena_chunk *c = calloc(1, CHUNK_OVERHEAD + cap);
	if (c)
		c->cap = cap;
	return c;
}

void *psc_arena_alloc(struct psc_arena *a, size_t size_bytes)
{
	if (size_bytes > MAX_ALLOC_BYTES)
		return NULL;
	size_t need = size_bytes ? (size_bytes + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
	struct psc_arena_chunk *c = a->head;
	if (!c || c->cap - c->used < need) {
		size_t cap = FIRST_CHUNK;
		if (c)
			cap = c->cap < MAX_CHUNK / 2 ? c->cap * 2 : MAX_CHUNK;
		if (need > cap / 4) {
			/* A large block gets a chunk of its own behind the head, which stays in use. */
			c = chunk_create(need);
			if (!c)
				return NULL;
			if (a->head) {
				c->next = a->head->next;
				a->head->next = c;
			} else {
				a->head = c;
			}
		} else {
			c = chunk_create(cap);
			if (!c)
				return NULL;
			c->next = a->head;
			a->head = c;
		}
	}
	void *p = (uint8_t *)c + CHUNK_OVERHEAD + c->used;
	c->used += need;
	a->used_bytes += size_bytes;
	return p;
}

void *psc_arena_alloc_array(struct psc_arena *a, size_t n, size_t size_bytes)
{
	if (size_bytes != 0 && n > MAX_ALLOC_BYTES / size_bytes)
		return NULL;
	return psc_arena_alloc(a, n * size_bytes);
}

char *psc_arena_strndup(struct psc_arena *a, const char *s, size_t n)
{
	const char *nul = n ? memchr(s, '\0', n) : NULL;
	size_t len = nul ? (size_t)(nul - s) : n;
	if (len >= MAX_ALLOC_BYTES)
		return NULL;
	char *p = psc_arena_alloc(a, len + 1);
	if (p && len)
		memcpy(p, s, len);
	return p;
}

char *psc_arena_strdup(struct psc_arena *a, const char *s)
{
	return psc_arena_strndup(a, s, strlen(s));
}

char *psc_arena_printf(struct psc_arena *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return NULL;
	char *p = psc_arena_alloc(a, (size_t)n + 1);
	if (!p)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

void psc_arena_deinit(struct psc_arena *a)
{
	struct psc_arena_chunk *c = a->head;
	while (c) {
		struct psc_arena_chunk *next = c->next;
		free(c);
		c = next;
	}
	a->head = NULL;
	a->used_bytes = 0;
}
