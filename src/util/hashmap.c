/* SPDX-License-Identifier: MIT */
#include "util/hashmap.h"

#include <stdlib.h>
#include <string.h>

#define KEY_OFF   8
#define VALUE_OFF 24
#define FIRST_CAP 64

static uint64_t mix(uint64_t v)
{
	v ^= v >> 30;
	v *= 0xbf58476d1ce4e5b9u;
	v ^= v >> 27;
	v *= 0x94d049bb133111ebu;
	return v ^ v >> 31;
}

/* Seeded with the address of the slots: keys come from the dump, and a dump made to collide under a fixed hash would
 * turn every lookup into a linear search. */
static size_t home_slot(const struct psc_hashmap *m, struct psc_hashkey key)
{
	uint64_t seed = mix((uint64_t)(uintptr_t)m->slots);
	return (size_t)mix(mix(key.a ^ seed) + (key.b ^ ~seed)) & (m->cap - 1);
}

/* The slot of the key, or the free one where it belongs. There is always a free one: grow() keeps 1/4 empty. */
static uint8_t *find_slot(const struct psc_hashmap *m, struct psc_hashkey key)
{
	size_t i = home_slot(m, key);
	for (;;) {
		uint8_t *slot = m->slots + i * m->stride_bytes;
		if (!slot[0] || memcmp(slot + KEY_OFF, &key, sizeof(key)) == 0)
			return slot;
		i = (i + 1) & (m->cap - 1);
	}
}

static bool grow(struct psc_hashmap *m)
{
	size_t cap = FIRST_CAP;
	if (m->cap) {
		if (m->cap > SIZE_MAX / 4)
			return false;
		cap = m->cap * 2;
	}
	if (cap > SIZE_MAX / m->stride_bytes)
		return false;
	struct psc_hashmap bigger = *m;
	bigger.slots = calloc(cap, m->stride_bytes);
	if (!bigger.slots)
		return false;
	bigger.cap = cap;
	for (size_t i = 0; i < m->cap; i++) {
		const uint8_t *slot = m->slots + i * m->stride_bytes;
		if (!slot[0])
			continue;
		struct psc_hashkey key;
		memcpy(&key, slot + KEY_OFF, sizeof(key));
		memcpy(find_slot(&bigger, key), slot, m->stride_bytes);
	}
	free(m->slots);
	*m = bigger;
	return true;
}

void psc_hashmap_init(struct psc_hashmap *m, size_t value_bytes, size_t max_n)
{
	memset(m, 0, sizeof(*m));
	m->value_bytes = value_bytes;
	m->stride_bytes = VALUE_OFF + (value_bytes + 7) / 8 * 8;
	m->max_n = max_n;
}

void psc_hashmap_deinit(struct psc_hashmap *m)
{
	free(m->slots);
	m->slots = NULL;
	m->n = m->cap = 0;
}

void *psc_hashmap_put(struct psc_hashmap *m, struct psc_hashkey key, bool *ret_new)
{
	uint8_t *slot = NULL;
	if (m->cap) {
		slot = find_slot(m, key);
		if (slot[0]) {
			if (ret_new)
				*ret_new = false;
			return slot + VALUE_OFF;
		}
	}
	if (m->max_n && m->n >= m->max_n)
		return NULL;
	if (m->n >= m->cap / 4 * 3) {
		if (!grow(m))
			return NULL;
		slot = find_slot(m, key);
	}
	slot[0] = 1;
	memcpy(slot + KEY_OFF, &key, sizeof(key));
	m->n++;
	if (ret_new)
		*ret_new = true;
	return slot + VALUE_OFF; /* zero since calloc: nothing is ever removed */
}

void *psc_hashmap_get(const struct psc_hashmap *m, struct psc_hashkey key)
{
	if (!m->cap)
		return NULL;
	uint8_t *slot = find_slot(m, key);
	return slot[0] ? slot + VALUE_OFF : NULL;
}

bool psc_hashmap_next(const struct psc_hashmap *m, size_t *pos, struct psc_hashkey *ret_key, void **ret_value)
{
	for (; *pos < m->cap; (*pos)++) {
		uint8_t *slot = m->slots + *pos * m->stride_bytes;
		if (!slot[0])
			continue;
		if (ret_key)
			memcpy(ret_key, slot + KEY_OFF, sizeof(*ret_key));
		if (ret_value)
			*ret_value = slot + VALUE_OFF;
		(*pos)++;
		return true;
	}
	return false;
}
