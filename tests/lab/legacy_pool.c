/* SPDX-License-Identifier: MIT */
/*
 * Pages of small blocks, as the legacy allocator leaves them (pool.md 2, 3.5).
 *
 * Invariant of an open page: [0, offset) is a closed chain of headers; no two free blocks are neighbours; the page is
 * never one single free block (the real allocator would have given it back).
 */
#include "machine.h"
#include <stdlib.h>
#include <string.h>

#define TYPE_PAGED         0x01
#define TYPE_CACHE_ALIGNED 0x04
#define TYPE_QUOTA         0x08
#define TYPE_RAISE         0x10
#define CACHE_LINE         64u

void lab_record(struct lab_machine *m, const struct lab_block *block)
{
	if (m->o.no_block_records) {
		struct lab_walk *w = &lab_tag_get(m, block->tag)->pool[block->pool].walk;
		if (block->tag & LAB_PROTECTED)
			lab_tag_get(m, block->tag)->pool[block->pool].is_protected = true;
		if (block->state == LAB_FREE)
			w->free++;
		else if (block->state == LAB_ALLOCATED)
			w->live++, w->live_bytes += block->bytes;
		else
			w->cached++;
		return;
	}
	LAB_GROW(m->blocks, m->n_blocks, m->cap_blocks);
	m->blocks[m->n_blocks++] = *block;
}

uint32_t lab_pool_max_small(const struct lab_machine *m)
{
	return lab_build_is64(m->b) ? 0xfe0 : 0xff0;
}

/* The start of nonpaged pool is often mapped by large pages, with small ones beside them (paging.md section 5). A
 * region that is free as a whole and not at the edge of the pool gets one. */
static void map_large(struct lab_machine *m, uint64_t va, uint64_t first, uint64_t end)
{
	uint64_t size = lab_mem_mmu(m->mem) == LAB_MMU_X86 ? 0x400000 : 0x200000, base = va & ~(size - 1);
	if (base < first || base + size > end)
		return;
	for (uint64_t p = base; p < base + size; p += LAB_PAGE)
		if (lab_mem_is_mapped(m->mem, p))
			return;
	lab_mem_map(m->mem, base, size, LAB_MAP_WRITE | LAB_MAP_GLOBAL | LAB_MAP_LARGE);
	m->n_large_pages++;
}

uint64_t lab_pool_va(struct lab_machine *m, enum lab_pool pool, uint64_t n_pages)
{
	uint64_t *cursor = pool == LAB_POOL_PAGED ? &m->paged_va : &m->nonpaged_va;
	uint64_t end = pool == LAB_POOL_PAGED ? m->b->paged_end : m->b->nonpaged_end, va;
	/* Now and then a page that nobody owns. */
	uint64_t gap = lab_random(m, 24) ? 0 : 1 + lab_random(m, 3);
	if (pool == LAB_POOL_NONPAGED && m->in_expansion)
		end = m->expansion_high;
	if (*cursor + (gap + n_pages) * LAB_PAGE > end) {
		if (pool == LAB_POOL_PAGED || m->in_expansion || !m->b->nonpaged_expansion)
			lab_die("%s: no room for %llu pool pages", m->b->key, (unsigned long long)n_pages);
		m->in_expansion = true;
		*cursor = m->expansion_low;
	}
	va = *cursor + gap * LAB_PAGE;
	*cursor = va + n_pages * LAB_PAGE;
	if (pool == LAB_POOL_PAGED && *cursor > m->paged_high)
		m->paged_high = *cursor;
	if (pool == LAB_POOL_NONPAGED && !m->in_expansion && *cursor > m->nonpaged_high)
		m->nonpaged_high = *cursor;
	if (m->o.large_pages && pool == LAB_POOL_NONPAGED && !m->in_expansion)
		for (uint64_t p = va; p < *cursor; p += LAB_PAGE)
			if (!lab_mem_is_mapped(m->mem, p))
				map_large(m, p, m->nonpaged_low, end);
	return va;
}

void lab_pool_init(struct lab_machine *m)
{
	const struct lab_build *b = m->b;
	m->unit = lab_build_is64(b) ? 16 : 8;
	m->header_bytes = m->unit;
	m->page_units = LAB_PAGE / m->unit;
	m->max_units = lab_build_is64(b) ? 255 : 511;
	m->nonpaged_va = m->nonpaged_low = b->nonpaged_base;
	m->paged_va = b->paged_base;
	if (b->ranges == LAB_RANGES_VISIBLE) {
		/* Pages in use start somewhere inside the reservation. */
		m->nonpaged_va += (uint64_t)lab_random(m, 0x400) << 21;
		m->paged_va += (uint64_t)lab_random(m, 0x400) << 21;
	}
	m->expansion_low = b->nonpaged_expansion;
	m->expansion_high = b->ranges == LAB_RANGES_KDBG ? 0xffbe0000 : b->nonpaged_expansion + 0x4000000;
	m->n_paged_descriptors = 2;
	m->quota_cookie = b->quota_cookie ? lab_rand(&m->rng) : 0;
	if (!lab_build_is64(b))
		m->quota_cookie &= 0xffffffff;

	m->streams[m->n_streams++] = (struct lab_stream){.pool = LAB_POOL_NONPAGED};
	if (b->number >= 9200)
		m->streams[m->n_streams++] = (struct lab_stream){.pool = LAB_POOL_NONPAGED, .nx = true};
	/* Descriptor 0 serves prototype PTEs; 1 and up serve the rest (pool.md 3.1). */
	for (unsigned i = 0; i <= m->n_paged_descriptors; i++)
		m->streams[m->n_streams++] = (struct lab_stream){.pool = LAB_POOL_PAGED, .nx = true, .index = i};
	if (b->heap_backed)
		lab_heaps_init(m);
}

struct lab_stream *lab_stream_for(struct lab_machine *m, enum lab_pool pool, bool nx)
{
	size_t first = 0;
	if (pool == LAB_POOL_NONPAGED)
		return &m->streams[m->b->number >= 9200 && nx ? 1 : 0];
	while (m->streams[first].pool != LAB_POOL_PAGED)
		first++;
	return &m->streams[first + 1 + lab_random(m, m->n_paged_descriptors)];
}

static unsigned header_type(const struct lab_machine *m, unsigned type)
{
	return m->b->header_type_minus_one ? (type & 0x7f) + 1 : (type & 0x6d) | 2;
}

static void put_header(struct lab_machine *m, struct lab_stream *s, unsigned at, unsigned previous, unsigned units,
		       unsigned type, uint32_t tag)
{
	uint8_t *h = s->page + at * m->unit;
	if (lab_build_is64(m->b)) {
		h[0] = (uint8_t)previous;
		h[1] = (uint8_t)s->index;
		h[2] = (uint8_t)units;
		h[3] = (uint8_t)type;
	} else {
		uint16_t lo = (uint16_t)(previous | s->index << 9), hi = (uint16_t)(units | type << 9);
		h[0] = (uint8_t)lo;
		h[1] = (uint8_t)(lo >> 8);
		h[2] = (uint8_t)hi;
		h[3] = (uint8_t)(hi >> 8);
	}
	for (int i = 0; i < 4; i++)
		h[4 + i] = (uint8_t)(tag >> (8 * i));
}

/* Appends a block to the open page and returns its header's address. */
static uint64_t append(struct lab_machine *m, struct lab_stream *s, unsigned units, unsigned type, uint32_t tag)
{
	uint64_t va = s->page_va + s->offset * m->unit;
	put_header(m, s, s->offset, s->last_units, units, type, tag);
	s->last_offset = s->offset;
	s->last_units = units;
	s->last_is_free = type == 0;
	s->offset += units;
	if (type)
		s->last_tag = tag;
	s->has_block = true;
	return va;
}

static void set_units(struct lab_machine *m, struct lab_stream *s, unsigned at, unsigned units)
{
	uint8_t *h = s->page + at * m->unit;
	h[2] = (uint8_t)units;
	if (!lab_build_is64(m->b))
		h[3] = (uint8_t)(units >> 8); /* type bits of a free block are 0 */
}

static void list_free(struct lab_machine *m, struct lab_stream *s)
{
	LAB_GROW(s->free, s->n_free, s->cap_free);
	s->free[s->n_free++] = (struct lab_free_block){
		.links_va = s->page_va + s->last_offset * m->unit + m->header_bytes, .units = (uint16_t)s->last_units};
}

/* A free block at the end of the open page; merges with a free neighbour. A block of one unit is on no list. */
static void append_free(struct lab_machine *m, struct lab_stream *s, unsigned units, uint32_t tag)
{
	if (s->has_block && s->last_is_free) {
		bool listed = s->last_units > 1;
		if (s->last_units + units > m->max_units)
			lab_die("free block of %u units", s->last_units + units);
		s->last_units += units;
		s->offset += units;
		set_units(m, s, s->last_offset, s->last_units);
		if (listed)
			s->free[s->n_free - 1].units = (uint16_t)s->last_units;
		else
			list_free(m, s);
		if (!m->o.no_block_records)
			m->blocks[s->last_block].bytes = (uint64_t)s->last_units * m->unit;
		return;
	}
	uint64_t va = append(m, s, units, 0, tag);
	if (units > 1)
		list_free(m, s);
	s->last_block = m->n_blocks;
	lab_record(m, &(struct lab_block){.header_va = va,
					  .bytes = (uint64_t)units * m->unit,
					  .tag = tag,
					  .pool = (uint8_t)s->pool,
					  .state = LAB_FREE});
}

static void open_page(struct lab_machine *m, struct lab_stream *s)
{
	uint64_t va = lab_pool_va(m, s->pool, 1);
	unsigned flags =
		LAB_MAP_WRITE | LAB_MAP_GLOBAL | (s->nx && lab_mem_mmu(m->mem) != LAB_MMU_X86 ? LAB_MAP_NX : 0);
	if (!lab_mem_is_mapped(m->mem, va))
		lab_mem_map(m->mem, va, LAB_PAGE, flags);
	s->page_va = va;
	s->page = lab_mem_frame(m->mem, lab_mem_pa(m->mem, va) / LAB_PAGE);
	s->offset = s->last_offset = s->last_units = 0;
	s->has_block = s->last_is_free = false;
	s->pages++;
	if (m->o.fill_seed)
		for (unsigned i = 0; i < LAB_PAGE; i += 8) {
			uint64_t x = lab_rand(&m->rng) & 0x00ffffff00ffffff;
			memcpy(s->page + i, &x, 8);
		}
}

static void plain_block(struct lab_machine *m, struct lab_stream *s, uint32_t tag, unsigned units)
{
	uint64_t va = append(m, s, units, header_type(m, s->pool == LAB_POOL_PAGED ? TYPE_PAGED : 0), tag);
	lab_track_alloc(m, tag, s->pool, (uint64_t)units * m->unit);
	lab_record(m, &(struct lab_block){.header_va = va,
					  .bytes = (uint64_t)units * m->unit,
					  .tag = tag,
					  .pool = (uint8_t)s->pool,
					  .state = LAB_ALLOCATED});
}

void lab_pool_close_page(struct lab_machine *m, struct lab_stream *s)
{
	if (!s->page_va)
		return;
	if (s->last_is_free && s->last_offset == 0)
		plain_block(m, s, LAB_TAG('L', 'f', 'i', 'l'), 2);
	if (s->offset < m->page_units)
		append_free(m, s, m->page_units - s->offset, s->last_tag);
	s->page_va = 0;
}

void lab_pool_close_all(struct lab_machine *m)
{
	lab_heaps_free_doomed(m);
	for (size_t i = 0; i < m->n_streams; i++)
		lab_pool_close_page(m, &m->streams[i]);
}

/* Units to skip so that the data of the next block is cache-aligned. */
static unsigned pad_units(const struct lab_machine *m, const struct lab_stream *s)
{
	unsigned at = s->offset * m->unit + m->header_bytes;
	return (CACHE_LINE - at % CACHE_LINE) % CACHE_LINE / m->unit;
}

static void bill(struct lab_machine *m, uint64_t header_va, unsigned units, uint64_t process)
{
	uint64_t value = process;
	if (m->b->quota_cookie)
		value ^= m->quota_cookie ^ header_va;
	if (lab_build_is64(m->b))
		lab_put64(m->mem, header_va + 8, value);
	else
		lab_put32(m->mem, header_va + units * m->unit - 4, (uint32_t)value);
}

static uint64_t allocate(struct lab_machine *m, struct lab_stream *s, const struct lab_request *r, unsigned units)
{
	unsigned pad = 0, type = r->pool == LAB_POOL_PAGED ? TYPE_PAGED : 0;
	uint64_t bytes = (uint64_t)units * m->unit;
	if (r->cache_aligned) {
		type |= TYPE_CACHE_ALIGNED;
		pad = pad_units(m, s);
		if (s->offset + pad + units > m->page_units) {
			lab_pool_close_page(m, s);
			open_page(m, s);
			pad = pad_units(m, s);
		}
		if (pad) {
			append_free(m, s, pad, r->tag);
			lab_track_cpu(m, r->tag, s->pool, 0, 1, 1, 0);
		}
	}
	if (r->quota_process)
		type |= TYPE_QUOTA;
	if (m->b->like_reactos && units % 4 == 1)
		type |= TYPE_RAISE;
	uint64_t va = append(m, s, units, header_type(m, type), r->tag), data = va + m->header_bytes;
	if (r->quota_process)
		bill(m, va, units, r->quota_process);
	enum lab_state state = r->state;
	if (state == LAB_CACHED && units > 32)
		state = LAB_PENDING;
	if (state == LAB_CACHED) {
		LAB_GROW(m->cached, m->n_cached, m->cap_cached);
		m->cached[m->n_cached++] = (struct lab_cached_block){
			.data_va = data, .units = (uint16_t)units, .pool = (uint8_t)s->pool, .nx = s->nx};
	} else if (state == LAB_PENDING) {
		LAB_GROW(s->pending, s->n_pending, s->cap_pending);
		s->pending[s->n_pending++] = data;
	}
	if (!r->untracked) {
		lab_track_alloc(m, r->tag, s->pool, bytes);
		if (state != LAB_ALLOCATED)
			lab_track_free(m, r->tag, s->pool, bytes);
	}
	s->allocs++;
	s->bytes += bytes;
	lab_record(m, &(struct lab_block){.header_va = va,
					  .bytes = bytes,
					  .tag = r->tag,
					  .pool = (uint8_t)s->pool,
					  .state = (uint8_t)state});
	return data;
}

uint64_t lab_pool_block(struct lab_machine *m, const struct lab_request *r)
{
	if (m->b->heap_backed)
		return lab_heap_block(m, lab_heap_for(m, r->pool, r->nx, r->tag), r);
	struct lab_stream *s = lab_stream_for(m, r->pool, r->nx);
	uint32_t bytes = r->bytes + (r->quota_process && !lab_build_is64(m->b) ? 4 : 0);
	unsigned units = (bytes + m->header_bytes + m->unit - 1) / m->unit;
	if (units < 2)
		units = 2;
	if (r->slack_unit && units < m->max_units)
		units++;
	if (units > m->max_units)
		lab_die("small block of %u bytes", r->bytes);
	if (r->state == LAB_FREE && units > m->page_units - 8)
		units = m->page_units - 8;
	bool all_free = s->page_va && s->last_is_free && !s->last_offset;
	if (s->page_va && s->offset + units > m->page_units)
		lab_pool_close_page(m, s);
	else if (r->state == LAB_FREE && all_free && s->offset + units > m->page_units - 4)
		lab_pool_close_page(m, s);
	if (!s->page_va)
		open_page(m, s);
	if (r->state != LAB_FREE)
		return allocate(m, s, r, units);
	append_free(m, s, units, r->tag);
	s->allocs++;
	s->frees++;
	if (!r->untracked) {
		lab_track_alloc(m, r->tag, s->pool, (uint64_t)units * m->unit);
		lab_track_free(m, r->tag, s->pool, (uint64_t)units * m->unit);
	}
	return 0;
}

uint64_t lab_small(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint32_t bytes)
{
	if (!m->b->heap_backed)
		return lab_pool_block(
			m, &(struct lab_request){.tag = tag, .pool = pool, .bytes = bytes, .nx = m->b->number >= 9200});
	uint64_t va = lab_pool_block(m, &(struct lab_request){.tag = tag, .pool = pool, .bytes = bytes, .nx = true});
	for (uint32_t i = 0; i < bytes; i++)
		lab_put8(m->mem, va + i, 0);
	return va;
}

/*
 * What freeing leaves behind: neighbours merged one after the other, inner headers still readable, and the page's
 * first bytes turned into the entry of the free-page list (two links to other pages, a size, a signature, an owner).
 * Bits 12..15 of the first link are not 0, so the words at offset 0 name a pool index that no machine here has.
 */
void lab_pool_stale_page(struct lab_machine *m)
{
	struct lab_stream fake = {.pool = LAB_POOL_NONPAGED, .nx = m->b->number >= 9200};
	unsigned ptr = lab_ptr_size(m->b), at = 0, previous = 0;
	fake.page_va = lab_pool_va(m, LAB_POOL_NONPAGED, 1);
	if (!lab_mem_is_mapped(m->mem, fake.page_va))
		lab_mem_map(m->mem, fake.page_va, LAB_PAGE, LAB_MAP_WRITE | LAB_MAP_GLOBAL);
	fake.page = lab_mem_frame(m->mem, lab_mem_pa(m->mem, fake.page_va) / LAB_PAGE);
	while (at < m->page_units) {
		unsigned units = 3 + lab_random(m, 20);
		if (at + units + 3 > m->page_units)
			units = m->page_units - at;
		/* A block that was merged forward covers everything up to the end. */
		unsigned shown = lab_random(m, 3) || m->page_units - at > m->max_units ? units : m->page_units - at;
		put_header(m, &fake, at, previous, shown, header_type(m, 0), LAB_TAG('S', 't', 'a', 'l'));
		previous = units;
		at += units;
	}
	uint64_t neighbour = (fake.page_va & ~0xffffull) + (1 + lab_random(m, 15)) * 0x1000;
	lab_put_ptr(m, fake.page_va, neighbour);
	lab_put_ptr(m, fake.page_va + ptr, neighbour);
	lab_put_ptr(m, fake.page_va + 2 * ptr, 1);
	lab_put_ptr(m, fake.page_va + 3 * ptr, 0x50554f4c);
	lab_put_ptr(m, fake.page_va + 4 * ptr, fake.page_va);
	m->stale_pages++;
}

void lab_plant_exact(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint64_t count, uint64_t bytes)
{
	uint64_t left = bytes, n = count;
	uint32_t header = m->header_bytes;
	uint64_t max_block = (uint64_t)m->max_units * m->unit, grain = m->b->heap_backed ? m->unit : LAB_PAGE;
	lab_track_bulk(m, tag, pool, count, 0, bytes);
	if (bytes / count <= max_block) {
		if (bytes % m->unit)
			lab_die("%llu bytes in units of %u", (unsigned long long)bytes, m->unit);
		for (; n; n--) {
			uint64_t units = (left / m->unit + n - 1) / n;
			lab_pool_block(m, &(struct lab_request){.tag = tag,
								.pool = pool,
								.bytes = (uint32_t)(units * m->unit) - header,
								.nx = m->b->number >= 9200,
								.untracked = true});
			left -= units * m->unit;
		}
		if (left)
			lab_die("%llu bytes left over", (unsigned long long)left);
		return;
	}
	/* Whole pages, and one small block for what is no whole page. */
	if (left % LAB_PAGE && !m->b->heap_backed) {
		uint64_t small = left % LAB_PAGE;
		if (small % m->unit || small > max_block || small < 2 * m->unit)
			lab_die("no block of %llu bytes", (unsigned long long)small);
		lab_pool_block(m, &(struct lab_request){.tag = tag,
							.pool = pool,
							.bytes = (uint32_t)small - header,
							.nx = m->b->number >= 9200,
							.untracked = true});
		left -= small;
		n--;
	}
	for (uint64_t before = m->n_bigs; n; n--, before++) {
		uint64_t part = n == 1 ? left : left / n / grain * grain;
		if (part < LAB_PAGE)
			part = LAB_PAGE;
		lab_big_uncharged(m, tag, pool, part, LAB_BIG_UNTOUCHED);
		if (m->bigs[before].bytes != part)
			lab_die("no big block of %llu bytes", (unsigned long long)part);
		left -= part;
	}
}
