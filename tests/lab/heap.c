/* SPDX-License-Identifier: MIT */
/* Which allocator serves a request, the heaps' own structures, and the way from the kernel to them (pool.md 6.2, 6.5).
 */
#include "heap.h"
#include <stdlib.h>
#include <string.h>

#define HEAP_SIGNATURE 0xddeeddeeu
#define CACHED_PAGES   4096u

/* Page tables are slow to walk: the last translations. */
static struct {
	uint64_t page_va;
	uint8_t *bytes;
} cache[CACHED_PAGES];

static unsigned cache_slot(uint64_t va)
{
	return (unsigned)(va / LAB_PAGE * 0x9e3779b97f4a7c15 >> 52) % CACHED_PAGES;
}

uint8_t *heap_at(struct lab_machine *m, uint64_t va)
{
	unsigned slot = cache_slot(va);
	uint64_t page = va & ~(uint64_t)(LAB_PAGE - 1);
	if (cache[slot].page_va != page || !cache[slot].bytes) {
		uint64_t pa = lab_mem_pa(m->mem, page);
		if (pa == UINT64_MAX)
			lab_die("no heap memory at %llx", (unsigned long long)va);
		cache[slot].page_va = page;
		cache[slot].bytes = lab_mem_frame(m->mem, pa / LAB_PAGE);
	}
	return cache[slot].bytes + va % LAB_PAGE;
}

void heap_forget(struct lab_machine *m, uint64_t page_va)
{
	(void)m;
	if (cache[cache_slot(page_va)].page_va == page_va)
		cache[cache_slot(page_va)].bytes = NULL;
}

uint64_t heap_read(struct lab_machine *m, uint64_t va, unsigned n)
{
	uint64_t x = 0;
	if (va % LAB_PAGE + n > LAB_PAGE)
		lab_die("heap field across a page");
	const uint8_t *p = heap_at(m, va);
	for (unsigned i = n; i-- > 0;)
		x = x << 8 | p[i];
	return x;
}

void heap_write(struct lab_machine *m, uint64_t va, uint64_t value, unsigned n)
{
	if (va % LAB_PAGE + n > LAB_PAGE)
		lab_die("heap field across a page");
	uint8_t *p = heap_at(m, va);
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

bool heap_is_26100(const struct lab_machine *m)
{
	return m->b->number >= 26100;
}

/* pool.md 6.5: 40 steps of 10, 10 of 40 up to 800, 10 of 80 up to 1000, 10 of 100 up to 2000, 10 of 200 up to 4000 (all
 * hexadecimal). 0: too large. */
static const struct {
	uint32_t from, to, step;
	unsigned bucket;
} buckets[] = {{0, 0x400, 0x10, 0},
	       {0x400, 0x800, 0x40, 0x40},
	       {0x800, 0x1000, 0x80, 0x50},
	       {0x1000, 0x2000, 0x100, 0x60},
	       {0x2000, 0x4000, 0x200, 0x70}};

unsigned heap_bucket_of(uint64_t bytes)
{
	for (size_t i = 0; i < sizeof buckets / sizeof buckets[0]; i++)
		if (bytes <= buckets[i].to)
			return buckets[i].bucket +
			       (unsigned)((bytes - buckets[i].from + buckets[i].step - 1) / buckets[i].step);
	return 0;
}

uint32_t heap_bucket_bytes(unsigned bucket)
{
	size_t i = sizeof buckets / sizeof buckets[0];
	while (--i && bucket <= buckets[i].bucket)
		;
	return buckets[i].from + (bucket - buckets[i].bucket) * buckets[i].step;
}

struct heap_block heap_alloc(struct lab_machine *m, struct lab_heap *h, uint32_t bytes, bool page_aligned)
{
	/* LFH blocks are page-aligned only where their size is. */
	uint64_t slot = page_aligned ? (bytes + LAB_PAGE - 1) & ~(LAB_PAGE - 1) : bytes;
	unsigned bucket = heap_bucket_of(slot);
	if (bucket && h->bucket[bucket].active)
		return heap_lfh_alloc(m, h, bucket, bytes);
	if (bucket && ++h->bucket[bucket].outstanding >= HEAP_ACTIVATE)
		h->bucket[bucket].active = true;
	return heap_vs_alloc(m, h, bytes, page_aligned);
}

void heap_free(struct lab_machine *m, struct lab_heap *h, const struct heap_block *b)
{
	switch (b->kind) {
	case LAB_KIND_LFH:
		heap_lfh_free(m, h, b);
		break;
	case LAB_KIND_VS: {
		unsigned bucket = heap_bucket_of(b->bytes);
		if (bucket && h->bucket[bucket].outstanding && !h->bucket[bucket].active)
			h->bucket[bucket].outstanding--;
		heap_vs_free(m, h, b);
		break;
	}
	default:
		lab_die("this kind of block is not freed here");
	}
}

static void map_heap(struct lab_machine *m, uint64_t va)
{
	lab_mem_map(m->mem, va, LAB_PAGE, LAB_MAP_WRITE | LAB_MAP_GLOBAL | LAB_MAP_NX);
}

struct lab_heap *lab_heap_new(enum lab_heap_type type, unsigned node, uint64_t va)
{
	struct lab_heap *h = calloc(1, sizeof *h);
	if (!h)
		lab_die("out of memory");
	h->type = type;
	h->node = node;
	h->va = va;
	h->map_flags = LAB_MAP_WRITE | LAB_MAP_GLOBAL | (type == LAB_HEAP_NONPAGED ? 0 : LAB_MAP_NX);
	h->pool = type == LAB_HEAP_SESSION                               ? LAB_POOL_SESSION
		  : type == LAB_HEAP_PAGED || type == LAB_HEAP_PROTOTYPE ? LAB_POOL_PAGED
									 : LAB_POOL_NONPAGED;
	h->spare_chunk = HEAP_NONE;
	for (unsigned i = 0; i < HEAP_SIZE_LISTS; i++)
		h->free_list[i] = HEAP_NONE;
	heap_contexts_init(h, node % 3 + 1);
	return h;
}

void lab_heaps_init(struct lab_machine *m)
{
	memset(cache, 0, sizeof cache);
	m->heap_key = lab_rand(&m->rng);
	m->lfh_key = lab_rand(&m->rng);
	m->lfh_bitmap_at = lab_offset(m->b, "_HEAP_LFH_SUBSEGMENT", "BlockBitmap");
	m->n_vs_slots = m->b->layout == 26101 ? 4 : 1;
	m->n_pool_nodes = m->o.n_nodes ? m->o.n_nodes : 1;
	/* The heaps' own structures: whole pages at the start of some region of nonpaged memory. */
	m->nonpaged_va = (m->nonpaged_va + 0xfffff) & ~0xfffffull;
	for (unsigned node = 0; node < m->n_pool_nodes; node++)
		for (unsigned type = 0; type < LAB_N_POOL_HEAPS; type++) {
			uint64_t va = m->nonpaged_va;
			map_heap(m, va);
			m->nonpaged_va = m->nonpaged_high = va + 2 * LAB_PAGE;
			m->heaps[m->n_heaps++] = lab_heap_new((enum lab_heap_type)type, node, va);
		}
	/* What a heap keeps for itself: no block of anybody's. */
	for (size_t i = 0; i < m->n_heaps; i++) {
		uint64_t va = heap_range_alloc(m, m->heaps[i], 0, 2 * LAB_PAGE, HEAP_RANGE_INTERNAL);
		heap_commit(m, m->heaps[i], 0, va, 2);
	}
}

struct lab_heap *lab_heap_for(struct lab_machine *m, enum lab_pool pool, bool nx, uint32_t tag)
{
	enum lab_heap_type type = pool == LAB_POOL_NONPAGED ? nx ? LAB_HEAP_NONPAGED_NX : LAB_HEAP_NONPAGED
				  : (tag & ~LAB_PROTECTED) == LAB_TAG('M', 'm', 'S', 't') ? LAB_HEAP_PROTOTYPE
											  : LAB_HEAP_PAGED;
	unsigned node = m->n_pool_nodes > 1 ? lab_random(m, m->n_pool_nodes) : 0;
	return m->heaps[node * LAB_N_POOL_HEAPS + type];
}

void lab_session_heap(struct lab_machine *m)
{
	static const char session[] = "_MM_SESSION_SPACE", state[] = "_EX_HEAP_SESSION_STATE";
	static const struct {
		uint32_t tag, block_bytes, n;
	} blocks[] = {{LAB_TAG('G', 'h', '0', '5'), 0x2a0, 600}, {LAB_TAG('U', 's', 'q', 'u'), 0xd0, 11}};
	if (!lab_has_field(m->b, session, "HeapState"))
		return;
	/* Behind the session's own structure and its tag table. */
	uint64_t at = m->session_va + 0x20000, heap = at + 0x10000;
	lab_mem_map(m->mem, at, (lab_type_size(m->b, state) + LAB_PAGE - 1) & ~(uint64_t)(LAB_PAGE - 1), LAB_MAP_WRITE);
	lab_mem_map(m->mem, heap, LAB_PAGE, LAB_MAP_WRITE);
	m->session_heap_va = m->session_va + 0x400000;
	m->session_heap = m->heaps[m->n_heaps++] = lab_heap_new(LAB_HEAP_SESSION, 0, heap);
	lab_put_field(m, m->session_va, session, "HeapState", at);
	lab_put64(m->mem, at, lab_global_va(m, "RtlpHpHeapGlobals"));
	lab_put_field(m, at, state, "PagedHeap", heap);
	for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
		for (uint32_t k = 0; k < blocks[i].n; k++) {
			struct lab_request r = {.tag = blocks[i].tag,
						.pool = LAB_POOL_SESSION,
						.bytes = blocks[i].block_bytes - HEAP_UNIT,
						.untracked = true};
			lab_heap_block(m, m->session_heap, &r);
			r.state = LAB_FREE;
			if (k % 3 == 0)
				lab_heap_block(m, m->session_heap, &r);
		}
	/* Freed, and kept by the VS context. */
	for (uint32_t k = 0; m->o.sessions && k < 6; k++) {
		struct lab_request r = {.tag = LAB_TAG('G', 't', 'm', 'p'),
					.pool = LAB_POOL_SESSION,
					.bytes = 0x400 + 0x90 * k,
					.state = LAB_CACHED,
					.untracked = true};
		lab_heap_block(m, m->session_heap, &r);
	}
	lab_session_bigs(m, at + 0x20000, 0);
}

static void write_large(struct lab_machine *m, struct lab_heap *h)
{
	static const char type[] = "_HEAP_LARGE_ALLOC_DATA";
	uint64_t *nodes = lab_xrealloc(NULL, (h->n_large + 1) * sizeof *nodes), pages = 0;
	/* By address: they were reserved in ascending order. */
	for (size_t i = 0; i < h->n_large; i++) {
		const struct heap_large *l = &h->large[i];
		uint64_t n = (l->bytes + LAB_PAGE - 1) / LAB_PAGE;
		nodes[i] = lab_system_bytes(m, lab_type_size(m->b, type));
		lab_put64(m->mem, nodes[i] + lab_offset(m->b, type, "VirtualAddress"),
			  l->va | (n * LAB_PAGE - l->bytes));
		lab_put64(m->mem, nodes[i] + lab_offset(m->b, type, "AllocatedPages"), n << 12);
		pages += n;
	}
	heap_tree(m, h->va + lab_offset(m->b, "_SEGMENT_HEAP", "LargeAllocMetadata"), nodes, h->n_large);
	lab_put_field(m, h->va, "_SEGMENT_HEAP", "LargeReservedPages", pages);
	lab_put_field(m, h->va, "_SEGMENT_HEAP", "LargeCommittedPages", pages);
	free(nodes);
}

static void write_stats(struct lab_machine *m, struct lab_heap *h)
{
	static const char type[] = "_HEAP_RUNTIME_MEMORY_STATS";
	uint64_t at = h->va + lab_offset(m->b, "_SEGMENT_HEAP", "MemStats"), reserved = 0, lfh_free = 0, vs_free = 0;
	for (unsigned c = 0; c < 2; c++)
		reserved += h->context[c].n_segments * h->context[c].segment_bytes / LAB_PAGE;
	for (size_t i = 0; i < h->n_lfh; i++)
		if (h->lfh[i].free == h->lfh[i].slots - h->lfh[i].withheld)
			lfh_free += h->lfh[i].committed_pages;
	vs_free = h->vs_free_units * HEAP_UNIT / LAB_PAGE;
	lab_put_field(m, at, type, "TotalReservedPages", reserved);
	lab_put_field(m, at, type, "TotalCommittedPages", h->committed_pages);
	lab_put_field(m, at, type, "FreeCommittedPages", heap_pages(h).free);
	h->lfh_free_pages = lfh_free;
	lab_put_field(m, at, type, "LfhFreeCommittedPages", lfh_free);
	lab_put_field(m, at, type, "VsFreeCommittedPages", vs_free);
}

/* An SLIST of freed blocks per size, at the places of their headers (pool.md 6.9). */
static void write_lookaside(struct lab_machine *m, const struct lab_heap *h, uint64_t at)
{
	static const char type[] = "_RTL_DYNAMIC_LOOKASIDE", list[] = "_RTL_LOOKASIDE";
	uint64_t enabled = 0, first = at + lab_offset(m->b, type, "Buckets");
	unsigned active = 0;
	for (unsigned i = 0; i < HEAP_LOOKASIDES; i++) {
		const struct heap_stack *s = &h->lookaside[i];
		uint64_t l = first + i * lab_type_size(m->b, list);
		heap_slist(m, l, s->nodes, s->n);
		lab_put_field(m, l, list, "MaximumDepth", 256);
		if (!s->n)
			continue;
		enabled |= (uint64_t)1 << i;
		active++;
		lab_put_field(m, l, list, "Depth", s->n + 4);
		lab_put_field(m, l, list, "TotalAllocates", 5 * s->n + 100);
		lab_put_field(m, l, list, "AllocateMisses", 3 * s->n);
		lab_put_field(m, l, list, "TotalFrees", 6 * s->n + 90);
		lab_put_field(m, l, list, "FreeMisses", s->n);
	}
	lab_put_field(m, at, type, "EnabledBucketBitmap", enabled);
	lab_put_field(m, at, type, "BucketCount", HEAP_LOOKASIDES);
	lab_put_field(m, at, type, "ActiveBucketCount", active);
}

void lab_heap_write(struct lab_machine *m, struct lab_heap *h)
{
	heap_vs_decommit(m, h);
	lab_put_field(m, h->va, "_SEGMENT_HEAP", "Signature", HEAP_SIGNATURE);
	heap_lfh_finish(m, h);
	heap_vs_finish(m, h);
	write_large(m, h);
	heap_segments_finish(m, h);
	write_stats(m, h);
}

void lab_heaps_finish(struct lab_machine *m)
{
	static const char state_type[] = "_EX_POOL_HEAP_MANAGER_STATE", node_type[] = "_EX_HEAP_POOL_NODE";
	uint64_t state = lab_global_va(m, "ExPoolState"), keys = lab_global_va(m, "RtlpHpHeapGlobals");
	uint32_t stride = lab_type_size(m->b, node_type);
	for (size_t i = 0; i < m->n_heaps; i++)
		lab_heap_write(m, m->heaps[i]);
	m->root_va = (state + lab_offset(m->b, state_type, "PoolNode")) & ~(uint64_t)(LAB_PAGE - 1);
	lab_put64(m->mem, keys, m->heap_key);
	lab_put64(m->mem, keys + 8, m->lfh_key);
	lab_put64(m->mem, state, keys);
	lab_put_field(m, state, state_type, "NumberOfPools", m->n_pool_nodes);
	for (unsigned i = 0; i < 3; i++)
		if (m->special_heaps[i])
			lab_put64(m->mem, state + lab_offset(m->b, state_type, "SpecialHeaps") + 8 * i,
				  m->special_heaps[i]->va);
	for (unsigned node = 0; node < m->n_pool_nodes; node++) {
		uint64_t at = state + lab_offset(m->b, state_type, "PoolNode") + node * stride;
		uint64_t lookasides = at + lab_offset(m->b, node_type, "Lookasides");
		for (unsigned type = 0; type < LAB_N_POOL_HEAPS; type++)
			lab_put64(m->mem, at + 8 * type, m->heaps[node * LAB_N_POOL_HEAPS + type]->va);
		/* A lookaside for nonpaged NX and one for paged. */
		write_lookaside(m, m->heaps[node * LAB_N_POOL_HEAPS + LAB_HEAP_NONPAGED_NX], lookasides);
		write_lookaside(m, m->heaps[node * LAB_N_POOL_HEAPS + LAB_HEAP_PAGED],
				lookasides + lab_type_size(m->b, "_RTL_DYNAMIC_LOOKASIDE"));
	}
}

static struct lab_heap *special_heap(struct lab_machine *m, unsigned type)
{
	struct lab_heap *h = m->special_heaps[type];
	if (h)
		return h;
	uint64_t va = m->nonpaged_va;
	map_heap(m, va);
	m->nonpaged_va = m->nonpaged_high = va + 2 * LAB_PAGE;
	h = lab_heap_new((enum lab_heap_type)type, 0, va);
	h->type = LAB_HEAP_SPECIAL;
	return m->special_heaps[type] = m->heaps[m->n_heaps++] = h;
}

uint64_t lab_special(struct lab_machine *m, uint32_t tag, bool paged, uint32_t bytes)
{
	struct lab_heap *h = special_heap(m, paged ? LAB_HEAP_PAGED : LAB_HEAP_NONPAGED_NX);
	/* A page that faults behind the one that holds the data. */
	uint64_t page = heap_range_alloc(m, h, 0, 2 * LAB_PAGE, HEAP_RANGE_USER);
	uint32_t room = (bytes + HEAP_UNIT - 1) & ~(HEAP_UNIT - 1);
	uint8_t pattern = (uint8_t)(1 + lab_random(m, 255));
	heap_commit(m, h, 0, page, 1);
	for (unsigned i = 0; i < LAB_PAGE; i++)
		heap_write(m, page + i, i < LAB_PAGE - room || i >= LAB_PAGE - room + bytes ? pattern : 0, 1);
	heap_write(m, page, bytes | (uint32_t)pattern << 16, 4);
	heap_write(m, page + 4, tag, 4);
	heap_write(m, page + 8, 0, 8);
	lab_track_alloc(m, tag, h->pool, room);
	lab_record(m, &(struct lab_block){.header_va = page + LAB_PAGE - room,
					  .outer_va = page + LAB_PAGE - room,
					  .bytes = room,
					  .requested = bytes,
					  .tag = tag,
					  .pool = (uint8_t)h->pool,
					  .state = LAB_ALLOCATED,
					  .kind = LAB_KIND_SPECIAL,
					  .heap_bytes = LAB_PAGE,
					  .sub_va = page});
	return page + LAB_PAGE - room;
}

uint64_t lab_heaps_pages(const struct lab_machine *m, enum lab_pool pool)
{
	uint64_t n = 0;
	for (size_t i = 0; i < m->n_heaps; i++) {
		const struct lab_heap *h = m->heaps[i];
		if (h->pool != pool)
			continue;
		n += h->committed_pages;
		for (size_t k = 0; k < h->n_large; k++)
			n += (h->large[k].bytes + LAB_PAGE - 1) / LAB_PAGE;
	}
	return n;
}

static void free_heap(struct lab_heap *h)
{
	for (unsigned c = 0; c < 2; c++) {
		for (size_t i = 0; i < h->context[c].n_segments; i++)
			free(h->context[c].segments[i]);
		free(h->context[c].segments);
	}
	for (unsigned i = 0; i < HEAP_LFH_BUCKETS; i++)
		free(h->bucket[i].with_room);
	for (unsigned i = 0; i < HEAP_LOOKASIDES; i++)
		free(h->lookaside[i].nodes);
	free(h->delayed.nodes);
	free(h->lfh);
	free(h->vs);
	free(h->chunks);
	free(h->large);
	free(h);
}

void lab_heaps_free(struct lab_machine *m)
{
	for (size_t i = 0; i < m->n_heaps; i++)
		free_heap(m->heaps[i]);
	free(m->broken);
	free(m->damages);
}
