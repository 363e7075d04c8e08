/* SPDX-License-Identifier: MIT */
/* What a right answer says of each heap: its pages by use, and its own counters. */
#include "heap.h"
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_u64(cJSON *o, const char *key, uint64_t value)
{
	char text[24];
	snprintf(text, sizeof text, "%llu", (unsigned long long)value);
	cJSON_AddRawToObject(o, key, text);
}

/* exact: what was walked must be the same. */
static void add_counter(cJSON *list, const char *name, uint64_t bytes, bool exact)
{
	cJSON *o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "name", name);
	add_u64(o, "counted_bytes", bytes);
	cJSON_AddBoolToObject(o, "exact", exact);
	if (exact) {
		add_u64(o, "walked_bytes", bytes);
		add_u64(o, "difference", 0);
		cJSON_AddTrueToObject(o, "explained");
	}
	cJSON_AddItemToArray(list, o);
}

/* node: of the heap, of a session's heap the session's. */
static cJSON *heap_object(struct lab_machine *m, const struct lab_heap *h, unsigned node)
{
	static const char *const types[] = {"nonpaged", "nonpaged_nx", "paged", "prototype", NULL, "session"};
	static const char *const pools[] = {"nonpaged", "paged", "session"};
	static const char stats[] = "_HEAP_RUNTIME_MEMORY_STATS";
	const struct lab_heap_pages p = heap_pages(h);
	uint64_t reserved = 0, large = 0;
	unsigned type = h->type;
	char va[24];
	cJSON *o = cJSON_CreateObject();
	for (unsigned c = 0; c < 2; c++)
		reserved += h->context[c].n_segments * h->context[c].segment_bytes;
	for (size_t i = 0; i < h->n_large; i++)
		large += (h->large[i].bytes + LAB_PAGE - 1) / LAB_PAGE * LAB_PAGE;
	for (unsigned i = 0; i < 3; i++)
		if (m->special_heaps[i] == h)
			type = i;
	snprintf(va, sizeof va, "0x%016llx", (unsigned long long)h->va);
	cJSON_AddStringToObject(o, "va", va);
	add_u64(o, "node", node);
	cJSON_AddStringToObject(o, "type", types[type]);
	cJSON_AddStringToObject(o, "pool", pools[h->pool]);
	cJSON_AddBoolToObject(o, "special", h->type == LAB_HEAP_SPECIAL);
	add_u64(o, "segments_count", h->context[0].n_segments + h->context[1].n_segments);
	add_u64(o, "segments_counted", h->context[0].n_segments + h->context[1].n_segments);
	add_u64(o, "committed_bytes", h->committed_pages * LAB_PAGE);
	add_u64(o, "walked_bytes", h->committed_pages * LAB_PAGE);
	add_u64(o, "difference", 0);
	add_u64(o, "large_bytes", large);
	add_u64(o, "lost_bytes", 0);
	add_u64(o, "vs_bytes", p.vs * LAB_PAGE);
	add_u64(o, "vs_counted_bytes", h->vs_total_units * HEAP_UNIT);
	add_u64(o, "lfh_bytes", p.lfh * LAB_PAGE);
	add_u64(o, "range_bytes", p.user * LAB_PAGE);
	add_u64(o, "internal_bytes", p.internal * LAB_PAGE);
	add_u64(o, "free_range_bytes", p.free * LAB_PAGE);
	add_u64(o, "descriptor_bytes", p.descriptors * LAB_PAGE);
	add_u64(o, "unowned_bytes", 0);
	add_u64(o, "unknown_bytes", 0);
	cJSON *counters = cJSON_AddArrayToObject(o, "counters");
	add_counter(counters, "MemStats.TotalReservedPages", reserved, true);
	add_counter(counters, "MemStats.TotalCommittedPages", h->committed_pages * LAB_PAGE, true);
	add_counter(counters, "MemStats.FreeCommittedPages", p.free * LAB_PAGE, true);
	add_counter(counters, "MemStats.LfhFreeCommittedPages", h->lfh_free_pages * LAB_PAGE, false);
	if (lab_has_field(m->b, stats, "VsFreeCommittedPages"))
		add_counter(counters, "MemStats.VsFreeCommittedPages",
			    h->vs_free_units * HEAP_UNIT / LAB_PAGE * LAB_PAGE, false);
	add_counter(counters, "VsContext.TotalCommittedUnits", h->vs_total_units * HEAP_UNIT, true);
	add_counter(counters, "VsContext.FreeCommittedUnits", h->vs_free_units * HEAP_UNIT, true);
	add_counter(counters, "LargeCommittedPages", large, true);
	return o;
}

static int by_va(const void *a, const void *b)
{
	const struct lab_heap *const *x = a, *const *y = b;
	return ((*x)->va > (*y)->va) - ((*x)->va < (*y)->va);
}

cJSON *lab_heaps_truth(struct lab_machine *m)
{
	struct lab_heap **heaps = lab_xrealloc(NULL, (m->n_heaps + 1) * sizeof(struct lab_heap *));
	cJSON *list = cJSON_CreateArray();
	memcpy(heaps, m->heaps, m->n_heaps * sizeof(struct lab_heap *));
	qsort(heaps, m->n_heaps, sizeof(struct lab_heap *), by_va);
	for (size_t i = 0; i < m->n_heaps; i++)
		for (unsigned n = 0; n < (m->o.sessions && heaps[i]->type == LAB_HEAP_SESSION ? 2 : 1); n++)
			cJSON_AddItemToArray(list, heap_object(m, heaps[i], heaps[i]->node + n));
	free(heaps);
	return list;
}
