/* SPDX-License-Identifier: MIT */
/* The kernel's own counting of allocations, tag by tag and processor by processor. */
#include "machine.h"
#include <stdlib.h>
#include <string.h>

static uint32_t hash32(uint32_t x)
{
	x ^= x >> 16;
	x *= 0x7feb352du;
	x ^= x >> 15;
	return x;
}

static void grow_index(struct lab_machine *m)
{
	size_t n = m->n_tag_index ? m->n_tag_index * 2 : 256;
	free(m->tag_index);
	m->tag_index = lab_xrealloc(NULL, n * sizeof *m->tag_index);
	memset(m->tag_index, 0, n * sizeof *m->tag_index);
	m->n_tag_index = n;
	for (size_t i = 0; i < m->n_tags; i++) {
		size_t h = hash32(m->tags[i].key) & (n - 1);
		while (m->tag_index[h])
			h = (h + 1) & (n - 1);
		m->tag_index[h] = (uint32_t)i + 1;
	}
}

struct lab_tag *lab_tag_get(struct lab_machine *m, uint32_t tag)
{
	uint32_t key = tag & ~LAB_PROTECTED;
	if (m->n_tags * 2 >= m->n_tag_index)
		grow_index(m);
	size_t h = hash32(key) & (m->n_tag_index - 1);
	while (m->tag_index[h]) {
		struct lab_tag *t = &m->tags[m->tag_index[h] - 1];
		if (t->key == key)
			return t;
		h = (h + 1) & (m->n_tag_index - 1);
	}
	LAB_GROW(m->tags, m->n_tags, m->cap_tags);
	struct lab_tag *t = &m->tags[m->n_tags++];
	memset(t, 0, sizeof *t);
	t->key = key;
	m->tag_index[h] = (uint32_t)m->n_tags;
	return t;
}

void lab_track_cpu(struct lab_machine *m, uint32_t tag, enum lab_pool pool, unsigned cpu, uint64_t allocs,
		   uint64_t frees, uint64_t bytes)
{
	struct lab_half *h = &lab_tag_get(m, tag)->pool[pool];
	if (cpu >= m->n_track_tables || pool == LAB_POOL_SESSION)
		cpu = 0;
	h->cpu[cpu].allocs += allocs;
	h->cpu[cpu].frees += frees;
	h->cpu[cpu].bytes += bytes;
}

void lab_track_alloc(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint64_t bytes)
{
	lab_track_cpu(m, tag, pool, lab_random(m, m->n_track_tables), 1, 0, bytes);
}

void lab_track_free(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint64_t bytes)
{
	lab_track_cpu(m, tag, pool, lab_random(m, m->n_track_tables), 0, 1, 0 - bytes);
}

/* The first processor gets what the others leave; with several the shares of allocations and frees differ, so that
   single processors show more frees than allocations. */
void lab_track_bulk(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint64_t allocs, uint64_t frees,
		    uint64_t live_bytes)
{
	uint64_t left_allocs = allocs, left_frees = frees, left_bytes = live_bytes;
	for (unsigned cpu = 1; cpu < m->n_track_tables && pool != LAB_POOL_SESSION; cpu++) {
		uint64_t a = allocs / m->n_track_tables / (1 + lab_random(m, 3));
		uint64_t f = frees / m->n_track_tables / (1 + lab_random(m, 3));
		uint64_t bytes = 0;
		if (allocs > frees)
			bytes = (a - f) * (live_bytes / (allocs - frees));
		lab_track_cpu(m, tag, pool, cpu, a, f, bytes);
		left_allocs -= a;
		left_frees -= f;
		left_bytes -= bytes;
	}
	lab_track_cpu(m, tag, pool, 0, left_allocs, left_frees, left_bytes);
}
