/* SPDX-License-Identifier: MIT */
/* Which sources of pool figures this dump offers, without reading them. */
#include "pool/seg_heap.h"

#include <inttypes.h>

struct list {
	struct psc_pool_source *items;
	size_t n, max;
};

static void put(struct list *l, const char *name, bool available, const char *detail)
{
	if (l->n == l->max)
		return;
	l->items[l->n].name = name;
	l->items[l->n].available = available;
	l->items[l->n].detail = detail ? detail : "";
	l->n++;
}

static bool first_page_readable(struct psc_kernel *k, uint64_t va)
{
	uint8_t byte;
	return psc_read_u8(&k->reader, va, &byte);
}

static void describe_trackers(struct psc_kernel *k, const struct psc_pool_globals *g, struct psc_arena *arena,
			      struct list *l)
{
	if (!g->has_track) {
		put(l, "tag_trackers", false, g->why_no_track);
	} else if (!first_page_readable(k, g->track_table)) {
		put(l, "tag_trackers", false, "the first page of the tracker table is not in the dump");
	} else {
		enum psc_origin from = psc_kernel_sym_origin(k, PSC_SYM_PoolTrackTableSize);
		const char *origin = from == PSC_ORIGIN_INFERRED ? "inferred from memory" : psc_origin_name(from);
		const char *tables = !k->is_vista_or_later ? ""
				     : g->tag_tables != 0  ? ", one table per processor"
							   : ", other processors' tables not known";
		put(l, "tag_trackers", true,
		    psc_arena_printf(arena, "PoolTrackTable 0x%" PRIx64 ", %" PRIu64 " entries (%s)%s", g->track_table,
				     g->track_size, origin, tables));
	}

	const struct psc_field *tags = psc_profile_field(&k->profile, PSC_FIELD_MM_SESSION_SPACE_PoolTags);
	bool has_size = psc_kernel_sym(k, PSC_SYM_ExpSessionPoolTrackTableSize) != 0;
	bool in_session = tags && (has_size || tags->size_bytes > psc_pointer_bytes(&k->space));
	bool global = has_size && psc_kernel_sym(k, PSC_SYM_ExpSessionPoolTrackTable) != 0;
	bool processes = psc_profile_field(&k->profile, PSC_FIELD_EPROCESS_Session) != NULL &&
			 psc_kernel_sym(k, PSC_SYM_PsActiveProcessHead) != 0;
	if (k->space.mmu == PSC_MMU_NONE)
		put(l, "session_trackers", false, "a small dump holds no session space");
	else if (!in_session && !global)
		put(l, "session_trackers", false,
		    "the tables of sessions are not known for this kernel (ExpSessionPoolTrackTable and its size)");
	else if (!processes)
		put(l, "session_trackers", false, "the process list or the layout of _EPROCESS is not known");
	else if (!g->has_track)
		put(l, "session_trackers", false, g->why_no_track);
	else
		put(l, "session_trackers", true,
		    in_session ? "_MM_SESSION_SPACE.PoolTags of each session" : "ExpSessionPoolTrackTable");
}

static void describe_big(struct psc_kernel *k, const struct psc_pool_globals *g, struct psc_arena *arena,
			 struct list *l)
{
	if (!g->has_big)
		put(l, "big_page_table", false, g->why_no_big);
	else if (!first_page_readable(k, g->big_table))
		put(l, "big_page_table", false, "the first page of the big-page table is not in the dump");
	else {
		enum psc_origin from = psc_kernel_sym_origin(k, PSC_SYM_PoolBigPageTable);
		put(l, "big_page_table", true,
		    psc_arena_printf(arena, "PoolBigPageTable 0x%" PRIx64 ", %" PRIu64 " entries (%s)", g->big_table,
				     g->big_size,
				     from == PSC_ORIGIN_INFERRED ? "inferred from memory" : psc_origin_name(from)));
	}
}

static const char *range_source(const struct psc_pool_regions *regions, enum psc_pool pool)
{
	for (size_t i = 0; i < regions->n; i++)
		if (!regions->items[i].special && (regions->items[i].pool == pool || regions->items[i].either))
			return regions->items[i].source;
	return "range not known";
}

/* Nothing where there is no such range, and nothing to be sought. */
static const char *special_source(const struct psc_pool_regions *regions)
{
	for (size_t i = 0; i < regions->n; i++)
		if (regions->items[i].special && !regions->items[i].by_bytes)
			return regions->items[i].source;
	return regions->seek_special ? "pages of kernel space that prove themselves" : NULL;
}

static void describe_walk(struct psc_kernel *k, struct psc_warnings *warnings, struct psc_arena *arena, struct list *l)
{
	enum psc_allocator allocator = psc_pool_allocator(k);
	if (k->space.mmu == PSC_MMU_NONE) {
		put(l, "classic_walk", false, "a small dump does not hold the pool's pages");
	} else if (allocator == PSC_ALLOCATOR_SEGMENT_HEAP) {
		put(l, "classic_walk", false, "this build keeps small blocks in segment heaps");
	} else if (k->id.build == 0) {
		put(l, "classic_walk", false, "the build is not known");
	} else {
		struct psc_pool_regions regions;
		psc_pool_regions_find(k, warnings, &regions);
		const char *special = special_source(&regions);
		put(l, "classic_walk", regions.has_nonpaged || regions.has_paged,
		    psc_arena_printf(arena, "nonpaged: %s; paged: %s%s%s", range_source(&regions, PSC_POOL_NONPAGED),
				     range_source(&regions, PSC_POOL_PAGED), special ? "; special pool: " : "",
				     special ? special : ""));
	}
	if (allocator != PSC_ALLOCATOR_SEGMENT_HEAP) {
		put(l, "segment_heap_walk", false, "this build does not use segment heaps for its pool");
	} else if (k->space.mmu == PSC_MMU_NONE) {
		put(l, "segment_heap_walk", false, "a small dump does not hold the pool's pages");
	} else {
		const char *detail;
		bool available = psc_seg_is_listed(k, &detail);
		put(l, "segment_heap_walk", available, detail);
	}
}

size_t psc_pool_sources_describe(struct psc_kernel *k, struct psc_arena *arena, struct psc_pool_source *ret, size_t max)
{
	struct list l = {ret, 0, max};
	struct psc_pool_globals g;
	struct psc_warnings unused = {.arena = arena};
	psc_pool_globals_find(k, &unused, &g);
	describe_trackers(k, &g, arena, &l);
	describe_big(k, &g, arena, &l);
	describe_walk(k, &unused, arena, &l);
	psc_warnings_deinit(&unused);
	bool triage = psc_image_get_kind(k->img) == PSC_IMAGE_VIRTUAL;
	put(&l, "header_scan", triage,
	    triage ? "pool headers in the saved ranges" : "only for small dumps: here the pool itself can be walked");
	return l.n;
}
