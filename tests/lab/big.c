/* SPDX-License-Identifier: MIT */
/* Multi-page allocations and their table (pool.md 3.4, 4). */
#include "machine.h"
#include <string.h>

#define TYPE_PAGED   0x001
#define TYPE_SESSION 0x020
#define TYPE_NX      0x200

/* What a scanner for pool pages falls for: closed chains inside a big block. */
static void imitate_pool_page(struct lab_machine *m, uint64_t va)
{
	unsigned units = 16, n = m->page_units / units;
	for (unsigned i = 0; i < n; i++) {
		uint64_t at = va + i * units * m->unit;
		unsigned previous = i ? units : 0, type = m->b->header_type_minus_one ? 1 : 2;
		if (lab_build_is64(m->b))
			lab_put32(m->mem, at, previous | units << 16 | type << 24);
		else
			lab_put32(m->mem, at, previous | (units | type << 9) << 16);
		lab_put32(m->mem, at + 4, LAB_TAG('T', 'r', 'a', 'p'));
	}
}

static uint16_t pool_type_of(const struct lab_machine *m, enum lab_pool pool)
{
	if (!lab_has_field(m->b, "_POOL_TRACKER_BIG_PAGES", "PoolFlags"))
		return pool == LAB_POOL_PAGED ? TYPE_PAGED : m->b->number >= 9200 ? TYPE_NX : 0;
	/* The new interface's flags (pool.md 4.2). */
	return pool == LAB_POOL_PAGED ? 0x100 : 0x40;
}

/* A page of a live big block that nobody looks into. Nonpaged pages always have a frame: one of zeros serves them all.
 */
void lab_map_untouched(struct lab_machine *m, uint64_t va, bool paged, unsigned flags)
{
	if (lab_mem_is_mapped(m->mem, va))
		return;
	if (paged) {
		lab_mem_map_demand_zero(m->mem, va, flags);
		return;
	}
	if (!m->zero_pfn)
		m->zero_pfn = lab_mem_alloc_frame(m->mem);
	lab_mem_map_pfn(m->mem, va, m->zero_pfn, flags);
}

/* On a heap-backed build, in one of its heaps. */
static uint64_t add_to_heap(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint64_t bytes,
			    enum lab_big_content content, bool live, struct lab_heap_big *ret)
{
	struct lab_heap *h = lab_heap_for(m, pool, true, tag);
	bytes = lab_heap_big_bytes(bytes);
	uint64_t n_pages = (bytes + LAB_PAGE - 1) / LAB_PAGE;
	*ret = lab_heap_big(m, h, bytes, live);
	if (live)
		lab_heap_big_commit(m, h, ret,
				    content == LAB_BIG_UNTOUCHED    ? 0
				    : content == LAB_BIG_FIRST_PAGE ? 1
								    : n_pages,
				    n_pages);
	for (uint64_t i = 0; live && content == LAB_BIG_TRAP && (i + 1) * LAB_PAGE <= bytes; i++)
		imitate_pool_page(m, ret->va + i * LAB_PAGE);
	for (uint64_t i = 0; live && content == LAB_BIG_ZERO && i < bytes; i += 8)
		lab_put64(m->mem, ret->va + i, 0);
	LAB_GROW(m->bigs, m->n_bigs, m->cap_bigs);
	m->bigs[m->n_bigs++] = (struct lab_big){.va = ret->va,
						.bytes = bytes,
						.n_pages = n_pages,
						.tag = tag,
						.pool_type = pool_type_of(m, pool),
						.live = live};
	return ret->va;
}

static uint64_t add(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint64_t bytes,
		    enum lab_big_content content, bool live)
{
	unsigned flags = LAB_MAP_WRITE | LAB_MAP_GLOBAL;
	bytes = (bytes + LAB_PAGE - 1) / LAB_PAGE * LAB_PAGE;
	uint64_t n_pages = bytes / LAB_PAGE, va = lab_pool_va(m, pool, n_pages), n_mapped = 0;
	if (lab_mem_mmu(m->mem) != LAB_MMU_X86 && (pool == LAB_POOL_PAGED || m->b->number >= 9200))
		flags |= LAB_MAP_NX;
	if (content == LAB_BIG_FIRST_PAGE)
		n_mapped = 1;
	else if (content != LAB_BIG_UNTOUCHED)
		n_mapped = n_pages;
	for (uint64_t i = 0; i < n_mapped; i++) {
		if (!lab_mem_is_mapped(m->mem, va + i * LAB_PAGE))
			lab_mem_map(m->mem, va + i * LAB_PAGE, LAB_PAGE, flags);
		if (content == LAB_BIG_TRAP)
			imitate_pool_page(m, va + i * LAB_PAGE);
	}
	for (uint64_t i = n_mapped; live && i < n_pages; i++)
		lab_map_untouched(m, va + i * LAB_PAGE, pool == LAB_POOL_PAGED, flags);
	LAB_GROW(m->bigs, m->n_bigs, m->cap_bigs);
	m->bigs[m->n_bigs++] = (struct lab_big){
		.va = va,
		.bytes = bytes,
		.n_pages = n_pages,
		.tag = tag,
		.pool_type = pool_type_of(m, pool),
		.live = live,
		.outside = m->b->heap_backed,
	};
	if (live && !m->b->heap_backed) {
		struct lab_stream *s = lab_stream_for(m, pool, true);
		s->big_pages += n_pages;
		s->bytes += bytes;
		s->allocs++;
	}
	return va;
}

uint64_t lab_big_uncharged(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint64_t bytes,
			   enum lab_big_content content)
{
	struct lab_heap_big heap = {.kind = LAB_KIND_BIG};
	uint64_t va = m->b->heap_backed ? add_to_heap(m, tag, pool, bytes, content, true, &heap)
					: add(m, tag, pool, bytes, content, true);
	lab_record(m, &(struct lab_block){.header_va = va,
					  .bytes = m->bigs[m->n_bigs - 1].bytes,
					  .tag = tag,
					  .pool = (uint8_t)pool,
					  .state = LAB_ALLOCATED,
					  .kind = heap.kind,
					  .outer_va = va,
					  .sub_va = heap.sub_va,
					  .chunk_va = heap.chunk_va,
					  .is_big = true});
	return va;
}

uint64_t lab_big_outside(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint64_t bytes)
{
	uint64_t va = add(m, tag, pool, bytes, LAB_BIG_FIRST_PAGE, true);
	bytes = m->bigs[m->n_bigs - 1].bytes;
	lab_track_alloc(m, tag, pool, bytes);
	lab_record(m, &(struct lab_block){.header_va = va,
					  .bytes = bytes,
					  .tag = tag,
					  .pool = (uint8_t)pool,
					  .state = LAB_ALLOCATED,
					  .kind = LAB_KIND_BIG,
					  .outer_va = va,
					  .is_big = true});
	return va;
}

uint64_t lab_big(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint64_t bytes, enum lab_big_content content)
{
	uint64_t va = lab_big_uncharged(m, tag, pool, bytes, content);
	lab_track_alloc(m, tag, pool, m->bigs[m->n_bigs - 1].bytes);
	return va;
}

void lab_big_freed(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint64_t bytes)
{
	struct lab_heap_big heap;
	if (m->b->heap_backed)
		add_to_heap(m, tag, pool, bytes, LAB_BIG_UNTOUCHED, false, &heap);
	else
		add(m, tag, pool, bytes, LAB_BIG_UNTOUCHED, false);
	bytes = m->bigs[m->n_bigs - 1].bytes;
	lab_track_alloc(m, tag, pool, bytes);
	lab_track_free(m, tag, pool, bytes);
}

static uint64_t start_slot(const struct lab_machine *m, uint64_t va)
{
	if (m->b->major == 5) {
		uint32_t page = (uint32_t)(va >> 12);
		return (page >> 24 ^ page >> 16 ^ page >> 8 ^ page) & (m->big_entries - 1);
	}
	uint64_t h = (uint64_t)(uint32_t)(va >> 12) * 0x9e5f;
	return (uint32_t)(h ^ h >> 32) & (m->big_entries - 1);
}

uint64_t lab_big_slot(struct lab_machine *m, uint64_t va)
{
	static const char *const type = "_POOL_TRACKER_BIG_PAGES";
	uint32_t stride = lab_type_size(m->b, type), va_offset = lab_offset(m->b, type, "Va");
	for (uint64_t slot = start_slot(m, va);; slot = (slot + 1) & (m->big_entries - 1))
		if (lab_get_ptr(m, m->big_table_va + slot * stride + va_offset) == 1)
			return m->big_table_va + slot * stride;
}

static void write_entry(struct lab_machine *m, const struct lab_big *big)
{
	static const char *const type = "_POOL_TRACKER_BIG_PAGES";
	uint64_t at = lab_big_slot(m, big->va);
	lab_put_field(m, at, type, "Va", big->va | !big->live);
	lab_put_field(m, at, type, "Key", big->tag);
	if (!lab_put_field(m, at, type, "NumberOfBytes", big->bytes))
		lab_put_field(m, at, type, "NumberOfPages", big->n_pages);
	const char *flags = lab_has_field(m->b, type, "PoolType")    ? "PoolType"
			    : lab_has_field(m->b, type, "PoolFlags") ? "PoolFlags"
								     : NULL;
	if (flags) {
		/* From 10240 a bit field behind Pattern. */
		unsigned shift = m->b->major >= 10 ? 8 : 0;
		lab_put32(m->mem, at + lab_offset(m->b, type, flags), (uint32_t)big->pool_type << shift);
	}
}

/* One of the session: in its heap, else whole pages from *next on. What kind it is goes to ret. */
static uint64_t session_block(struct lab_machine *m, uint64_t bytes, uint64_t *next, struct lab_heap_big *ret)
{
	uint64_t n_pages = (bytes + LAB_PAGE - 1) / LAB_PAGE;
	if (m->session_heap) {
		*ret = lab_heap_big(m, m->session_heap, bytes, true);
		lab_heap_big_commit(m, m->session_heap, ret, n_pages, n_pages);
		return ret->va;
	}
	uint64_t va = *next;
	lab_mem_map(m->mem, va, n_pages * LAB_PAGE, LAB_MAP_WRITE);
	*next += (n_pages + 1) * LAB_PAGE;
	return va;
}

/* Big blocks of the session, in the table that the session has of its own: whole pages, and a part of a chunk. */
void lab_session_bigs(struct lab_machine *m, uint64_t table_va, uint64_t first_va)
{
	static const char *const type = "_POOL_TRACKER_BIG_PAGES", *const session = "_MM_SESSION_SPACE";
	static const uint64_t sizes[] = {0x5000, 0x1840, 0x12000};
	const uint32_t tag = LAB_TAG('G', 'p', 'b', 'm'), n = m->o.sessions ? 20 : sizeof sizes / sizeof sizes[0];
	const uint64_t table_before = m->big_table_va, entries_before = m->big_entries;
	uint64_t charged = 0;
	if (!lab_has_field(m->b, session, "PoolTrackBigPages"))
		return;
	lab_mem_map(m->mem, table_va, LAB_PAGE, LAB_MAP_WRITE);
	m->session_big_va = m->big_table_va = table_va;
	m->session_big_entries = m->big_entries = m->o.sessions ? 0x80 : 0x40;
	for (uint64_t i = 0; i < m->big_entries; i++)
		lab_put_field(m, table_va + i * lab_type_size(m->b, type), type, "Va", 1);
	for (uint32_t i = 0; i < n; i++) {
		/* The last is alone in its segment. */
		uint64_t bytes = m->o.sessions && i == n - 1 ? 0x90000 : sizes[i % 3];
		bytes = m->session_heap ? lab_heap_big_bytes(bytes)
					: (bytes + LAB_PAGE - 1) & ~(uint64_t)(LAB_PAGE - 1);
		struct lab_heap_big heap = {0};
		struct lab_big big = {.va = session_block(m, bytes, &first_va, &heap),
				      .bytes = bytes,
				      .n_pages = (bytes + LAB_PAGE - 1) / LAB_PAGE,
				      .tag = tag,
				      .pool_type = TYPE_PAGED | TYPE_SESSION,
				      .live = true};
		write_entry(m, &big);
		LAB_GROW(m->session_bigs, m->n_session_bigs, m->cap_session_bigs);
		m->session_bigs[m->n_session_bigs++] = big;
		charged += bytes;
		/* Only heaps of sessions are walked. */
		if (m->session_heap)
			lab_record(m, &(struct lab_block){.header_va = big.va,
							  .bytes = bytes,
							  .tag = tag,
							  .pool = LAB_POOL_SESSION,
							  .state = LAB_ALLOCATED,
							  .kind = heap.kind,
							  .outer_va = big.va,
							  .sub_va = heap.sub_va,
							  .chunk_va = heap.chunk_va,
							  .is_big = true});
	}
	lab_track_bulk(m, tag, LAB_POOL_SESSION, n, 0, charged);
	lab_put_field(m, m->session_va, session, "PoolTrackBigPages", table_va);
	lab_put_field(m, m->session_va, session, "PoolTrackBigPagesSize", m->big_entries);
	lab_put_field(m, m->session_va, session, "PoolBigEntriesInUse", n);
	m->big_table_va = table_before;
	m->big_entries = entries_before;
}

/* Once there are processes: all but every second are billed to one. */
static void bill_session(struct lab_machine *m)
{
	static const char *const type = "_POOL_TRACKER_BIG_PAGES", *const session = "_MM_SESSION_SPACE";
	unsigned n = 0;
	if (!m->session_heap || !lab_has_field(m->b, session, "PoolTrackBigPages") ||
	    !lab_has_field(m->b, type, "ProcessBilled"))
		return;
	uint64_t table = lab_get_ptr(m, m->session_va + lab_offset(m->b, session, "PoolTrackBigPages"));
	for (size_t i = 0; i < m->n_blocks; i++) {
		struct lab_block *b = &m->blocks[i];
		uint64_t at = table;
		if (b->pool != LAB_POOL_SESSION || !b->is_big || n++ % 2 != 0)
			continue;
		while (lab_get_ptr(m, at) != b->header_va)
			at += lab_type_size(m->b, type);
		b->process = m->processes[m->n_processes - 1].va;
		lab_put_field(m, at, type, "ProcessBilled", b->process);
	}
}

void lab_big_finish(struct lab_machine *m)
{
	static const char *const type = "_POOL_TRACKER_BIG_PAGES";
	uint32_t stride = lab_type_size(m->b, type), n_live = 0;
	bill_session(m);
	m->big_entries = 0x1000;
	while (m->big_entries < (m->n_bigs + 1) * 4)
		m->big_entries *= 2;
	m->big_table_va =
		lab_big(m, LAB_TAG('P', 'o', 'o', 'l'), LAB_POOL_NONPAGED, m->big_entries * stride, LAB_BIG_ZERO);
	for (uint64_t i = 0; i < m->big_entries; i++)
		lab_put_field(m, m->big_table_va + i * stride, type, "Va", 1);
	for (int live = 1; live >= 0; live--)
		for (size_t i = 0; i < m->n_bigs; i++)
			if (m->bigs[i].live == live) {
				write_entry(m, &m->bigs[i]);
				n_live += (uint32_t)live;
			}
	lab_set_global(m, "PoolBigPageTable", m->big_table_va);
	lab_set_global(m, "PoolBigPageTableSize", m->big_entries);
	lab_set_global32(m, "ExpPoolBigEntriesInUse", n_live);
}
