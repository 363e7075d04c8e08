/* SPDX-License-Identifier: MIT */
#include "damage.h"
#include <stdlib.h>
#include <string.h>

static uint64_t page_of(uint64_t va)
{
	return va & ~(uint64_t)(LAB_PAGE - 1);
}

/* What the way to the pool leads over must stay: processes, the module list. */
static bool is_needed(uint32_t tag)
{
	static const char *const needed[] = {"Proc", "Thre", "MmLd", "MmPh", "MmDT"};
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
		if ((tag & ~LAB_PROTECTED) == LAB_TAG(needed[i][0], needed[i][1], needed[i][2], needed[i][3]))
			return true;
	return false;
}

static bool holds_needed(const struct lab_machine *m, uint64_t page)
{
	for (size_t i = 0; i < m->n_blocks; i++)
		if (page_of(m->blocks[i].header_va) == page && is_needed(m->blocks[i].tag))
			return true;
	return false;
}

/* The pages of small blocks: every one starts with a header. */
static uint64_t *small_pages(const struct lab_machine *m, bool paged_only, size_t *ret_n)
{
	uint64_t *pages = lab_xrealloc(NULL, (m->n_blocks + 1) * sizeof *pages);
	size_t n = 0;
	for (size_t i = 0; i < m->n_blocks; i++) {
		const struct lab_block *b = &m->blocks[i];
		if (b->is_big || (paged_only && b->pool != LAB_POOL_PAGED))
			continue;
		if (page_of(b->header_va) == b->header_va)
			pages[n++] = b->header_va;
	}
	*ret_n = n;
	return pages;
}

static void lose_tracker_page(struct lab_machine *m)
{
	uint32_t stride = lab_type_size(m->b, "_POOL_TRACKER_TABLE");
	unsigned table = m->n_track_tables > 2 ? 2 : m->n_track_tables - 1;
	if (m->o.no_tagging)
		return;
	/* The second page; of a table in one page the whole, but never the only table. */
	uint64_t from = m->track_table_bytes > LAB_PAGE ? LAB_PAGE : 0, page = m->track_table_va[table] + from;
	if (!from && !table)
		return;
	m->main_table_lost = !table;
	lab_mem_drop_from_kernel_dumps(m->mem, lab_mem_pa(m->mem, page) / LAB_PAGE);
	for (uint64_t slot = 0; slot <= m->track_mask + 1; slot++)
		if ((slot + 1) * stride > from && slot * stride < from + LAB_PAGE)
			m->lost_slots[slot] = true;
	m->dropped_pages++;
}

void lab_damage_note(struct lab_machine *m, const char *what, uint64_t va)
{
	LAB_GROW(m->damages, m->n_damages, m->cap_damages);
	m->damages[m->n_damages++] = (struct lab_damage){what, va, m->in_session};
}

void lab_damage_holes(struct lab_machine *m, const struct lab_holes *holes)
{
	size_t n;
	if (m->b->heap_backed) {
		lab_heap_damage_holes(m, holes);
		if (holes->tracker_page)
			lose_tracker_page(m);
		return;
	}
	uint64_t *pages = small_pages(m, true, &n);
	for (size_t i = 0; i < n; i++) {
		unsigned x = lab_random(m, 100);
		if (x < holes->paged_out) {
			lab_mem_set_state(m->mem, pages[i], LAB_PTE_PAGED_OUT, 0);
			m->paged_out_pages++;
		} else if ((x -= holes->paged_out) < holes->transition) {
			lab_mem_set_state(m->mem, pages[i], LAB_PTE_TRANSITION, 0);
			m->transition_pages++;
		} else if ((x -= holes->transition) < holes->demand_zero) {
			lab_mem_set_state(m->mem, pages[i], LAB_PTE_DEMAND_ZERO, 0);
			m->paged_out_pages++;
		}
	}
	free(pages);
	pages = small_pages(m, false, &n);
	for (size_t i = 0; i < n; i++) {
		uint64_t pa = lab_mem_pa(m->mem, pages[i]);
		if (pa == UINT64_MAX || lab_random(m, 100) >= holes->dropped || holds_needed(m, pages[i]))
			continue;
		lab_mem_drop_from_kernel_dumps(m->mem, pa / LAB_PAGE);
		m->dropped_pages++;
	}
	free(pages);
	if (holes->tracker_page)
		lose_tracker_page(m);
}

static unsigned block_units(const struct lab_machine *m, uint64_t header_va)
{
	uint32_t word = lab_get32(m->mem, header_va);
	return lab_build_is64(m->b) ? word >> 16 & 0xff : word >> 16 & 0x1ff;
}

/* Two blocks at least on either side, so that what is left of the page is still recognised as pool. */
static bool is_middle_block(const struct lab_machine *m, size_t i)
{
	const struct lab_block *b = &m->blocks[i];
	uint64_t page = page_of(b->header_va), at = page;
	unsigned before = 0, after = 0;
	if (b->is_big || b->header_va - page <= 0x200 || b->bytes <= 2 * m->unit ||
	    lab_mem_pa(m->mem, page) == UINT64_MAX)
		return false;
	for (; at < page + LAB_PAGE; at += (uint64_t)block_units(m, at) * m->unit) {
		if (!block_units(m, at))
			return false;
		before += at < b->header_va;
		after += at > b->header_va;
	}
	return before >= 2 && after >= 2;
}

static void overwrite(struct lab_machine *m, uint64_t va, unsigned how)
{
	bool is64 = lab_build_is64(m->b);
	if (how == 0) {
		/* An overrun from the block below. PreviousSize 0xc1 or so: no block that size fits before. */
		for (unsigned i = 0; i < m->header_bytes; i++)
			lab_put8(m->mem, va + i, (uint8_t)(is64 ? 0xfe : 0xff));
	} else if (is64) {
		lab_put8(m->mem, va + 2, how == 1 ? 0 : 0xff);
	} else {
		uint32_t word = lab_get32(m->mem, va);
		lab_put32(m->mem, va, (word & ~(0x1ffu << 16)) | (how == 1 ? 0 : 0x1ffu << 16));
	}
}

void lab_damage_headers(struct lab_machine *m, unsigned n)
{
	uint64_t *done = lab_xrealloc(NULL, (n + 1) * sizeof *done);
	size_t n_done = 0;
	if (m->b->heap_backed) {
		lab_heap_damage_headers(m, n);
		n = 0;
	}
	for (unsigned tries = 0; n_done < n && tries < n * 200 && m->n_blocks; tries++) {
		size_t i = lab_random(m, (uint32_t)m->n_blocks);
		bool again = false;
		if (!is_middle_block(m, i))
			continue;
		for (size_t j = 0; j < n_done; j++)
			again |= done[j] == page_of(m->blocks[i].header_va);
		if (again || is_needed(m->blocks[i].tag))
			continue;
		static const char *const what[] = {"previous size", "crosses page", "block size zero"};
		overwrite(m, m->blocks[i].header_va, (unsigned)(n_done % 3));
		lab_damage_note(m, what[n_done % 3 == 0 ? 0 : n_done % 3 == 1 ? 2 : 1], m->blocks[i].header_va);
		if (m->blocks[i].state == LAB_FREE)
			lab_damage_note(m, n_done % 3 ? "free list block size" : "free list block in use",
					m->blocks[i].header_va);
		m->blocks[i].unreachable = true;
		done[n_done++] = page_of(m->blocks[i].header_va);
	}
	free(done);
}

/* An entry of an upper table in an unused part of the nonpaged pool that points to its own table. */
static void loop_page_tables(struct lab_machine *m)
{
	uint64_t va, entry;
	switch (lab_mem_mmu(m->mem)) {
	case LAB_MMU_X86:
		va = m->b->nonpaged_end - 0x400000;
		lab_mem_set_raw_entry(m->mem, va, 2, (lab_mem_dtb(m->mem) & ~0xfffull) | 0x63);
		break;
	case LAB_MMU_PAE:
		va = m->b->nonpaged_end - 0x200000;
		entry = lab_mem_raw_entry(m->mem, va, 3);
		lab_mem_set_raw_entry(m->mem, va, 2, (entry & 0xffffff000ull) | 0x63);
		break;
	default:
		/* Within the same 512 GiB as the pool's pages, but behind them. */
		va = ((m->nonpaged_high + 0x80000000) & ~0x3fffffffull);
		entry = lab_mem_raw_entry(m->mem, va, 4);
		if (entry & 1)
			lab_mem_set_raw_entry(m->mem, va, 3, (entry & 0xffffffffff000ull) | 0x63);
		break;
	}
}

void lab_damage_loops(struct lab_machine *m)
{
	uint64_t links = lab_offset(m->b, "_EPROCESS", "ActiveProcessLinks");
	loop_page_tables(m);
	/* The last entry leads back to the second instead of the head. */
	lab_put_ptr(m, m->modules[m->n_modules - 1].entry_va, m->modules[1].entry_va);
	m->modules_count_unknown = true;
	lab_put_ptr(m, m->processes[m->n_processes - 1].va + links, m->processes[1].va + links);
	for (size_t i = 0; i < m->n_chains; i++) {
		struct lab_chain *c = &m->chains[i];
		if (c->n < 2 || lab_mem_pa(m->mem, c->nodes[c->n - 1]) == UINT64_MAX)
			continue;
		lab_put_ptr(m, c->nodes[c->n - 1], c->nodes[0]);
		lab_damage_note(m, "lookaside link", c->nodes[0]);
	}
}

/* ---- one defect of each kind that a check of the classic pool knows ---- */

static void set_size(struct lab_machine *m, uint64_t header_va, unsigned units)
{
	if (lab_build_is64(m->b)) {
		lab_put8(m->mem, header_va + 2, (uint8_t)units);
	} else {
		uint32_t word = lab_get32(m->mem, header_va);
		lab_put32(m->mem, header_va, (word & ~(0x1ffu << 16)) | units << 16);
	}
}

static void set_previous(struct lab_machine *m, uint64_t header_va, unsigned units)
{
	if (lab_build_is64(m->b)) {
		lab_put8(m->mem, header_va, (uint8_t)units);
	} else {
		uint32_t word = lab_get32(m->mem, header_va);
		lab_put32(m->mem, header_va, (word & ~0x1ffu) | units);
	}
}

/* The other pool's type: as requested, or one more in Windows 5. */
static void set_index(struct lab_machine *m, uint64_t header_va, unsigned index)
{
	if (lab_build_is64(m->b)) {
		lab_put8(m->mem, header_va + 1, (uint8_t)index);
	} else {
		uint32_t word = lab_get32(m->mem, header_va);
		lab_put32(m->mem, header_va, (word & ~0xfe00u) | index << 9);
	}
}

static void swap_pool(struct lab_machine *m, uint64_t header_va)
{
	unsigned flip = m->b->major == 5 ? 3 : 1;
	if (lab_build_is64(m->b)) {
		lab_put8(m->mem, header_va + 3, (uint8_t)(lab_get32(m->mem, header_va) >> 24 ^ flip));
	} else {
		lab_put32(m->mem, header_va, lab_get32(m->mem, header_va) ^ flip << 25);
	}
}

static bool is_list_empty(struct lab_machine *m, uint64_t head)
{
	return lab_get_ptr(m, head) == head;
}

/* A link that leads not back, a block on another size's list, and one in use on a list. */
static void damage_free_lists(struct lab_machine *m)
{
	static const char type[] = "_POOL_DESCRIPTOR";
	if (!lab_has_type(m->b, type) || !lab_has_field(m->b, type, "ListHeads"))
		return;
	uint32_t ptr = lab_ptr_size(m->b), at = lab_offset(m->b, type, "ListHeads");
	struct lab_stream *s = &m->streams[0];
	uint64_t heads = s->descriptor_va + at, other = 0;
	bool linked = false, moved = false;
	for (unsigned units = 3; units < 200 && !other; units++)
		if (is_list_empty(m, heads + (uint64_t)(units - 1) * 2 * ptr))
			other = heads + (uint64_t)(units - 1) * 2 * ptr;
	for (size_t i = 1; i < s->n_free && !(linked && moved); i++) {
		const struct lab_free_block *f = &s->free[i];
		bool again = f->units == f[-1].units;
		bool alone = !again && (i + 1 == s->n_free || f[1].units != f->units);
		if (lab_mem_pa(m->mem, f->links_va) == UINT64_MAX)
			continue;
		if (again && !linked) {
			lab_put_ptr(m, f->links_va + ptr, f->links_va + 0x10000);
			lab_damage_note(m, "free list link", f->links_va);
			linked = true;
		} else if (alone && !moved && other) {
			uint64_t head = heads + (uint64_t)(f->units - 1) * 2 * ptr;
			lab_link_list(m, head, NULL, 0);
			lab_link_list(m, other, &f->links_va, 1);
			lab_damage_note(m, "free list block size", f->links_va - m->header_bytes);
			moved = true;
		}
	}
	for (size_t i = 0; i < m->n_blocks; i++) {
		const struct lab_block *b = &m->blocks[i];
		uint64_t va = b->header_va + m->header_bytes;
		if (!is_middle_block(m, i) || b->state != LAB_ALLOCATED || holds_needed(m, page_of(va)) ||
		    b->tag == LAB_TAG('Q', 'u', 'o', 'D'))
			continue;
		uint64_t head = heads + (uint64_t)(block_units(m, b->header_va) - 1) * 2 * ptr;
		if (head == other || !is_list_empty(m, head))
			continue;
		lab_link_list(m, head, &va, 1);
		lab_damage_note(m, "free list block in use", b->header_va);
		return;
	}
}

static bool is_charged(uint32_t tag)
{
	return tag == LAB_TAG('Q', 'u', 'o', 'D');
}

static void damage_headers_by_kind(struct lab_machine *m)
{
	enum { FIRST, SIZE, TYPE, INDEX, N };
	uint64_t done[N];
	/* Where the pool's range is known to nobody, a page without its first header is no page of the pool. */
	unsigned k = m->b->number >= 9200 && m->b->number <= 10586 ? SIZE : FIRST;
	for (unsigned j = 0; j < k; j++)
		done[j] = 0;
	for (size_t i = 0; i < m->n_blocks && k < N; i++) {
		const struct lab_block *b = &m->blocks[i];
		uint64_t page = page_of(b->header_va), va = b->header_va;
		bool again = false;
		for (unsigned j = 0; j < k; j++)
			again |= done[j] == page;
		if (again || !is_middle_block(m, i) || holds_needed(m, page) || b->state != LAB_ALLOCATED ||
		    is_charged(b->tag))
			continue;
		unsigned units = block_units(m, va);
		done[k] = page;
		switch (k++) {
		case FIRST:
			set_previous(m, page, 5);
			lab_damage_note(m, "bad first header", page);
			break;
		case SIZE:
			set_size(m, va, units + 1);
			lab_damage_note(m, "block size", va);
			break;
		case TYPE:
			swap_pool(m, va);
			lab_damage_note(m, "invalid pool type", va);
			break;
		default:
			set_index(m, va, 0x3f);
			lab_damage_note(m, "wrong pool index", va);
		}
	}
	for (size_t i = 0; i < m->n_blocks && lab_build_is64(m->b); i++) {
		const struct lab_block *b = &m->blocks[i];
		if (!is_charged(b->tag))
			continue;
		lab_put64(m->mem, b->header_va + 8, 0x4141414141414141);
		lab_damage_note(m, "bad billed process", b->header_va);
	}
}

static void damage_lookaside(struct lab_machine *m)
{
	for (size_t i = 0; i < m->n_chains; i++) {
		struct lab_chain *c = &m->chains[i];
		if (c->n < 2 || lab_mem_pa(m->mem, c->nodes[c->n - 1]) == UINT64_MAX)
			continue;
		lab_put_ptr(m, c->nodes[c->n - 1], c->nodes[0]);
		lab_damage_note(m, "lookaside link", c->nodes[0]);
		return;
	}
}

void lab_damage_kinds(struct lab_machine *m)
{
	if (!m->b->heap_backed) {
		damage_headers_by_kind(m);
		damage_lookaside(m);
		damage_free_lists(m);
	} else {
		lab_heap_damage_kinds(m);
	}
	lab_damage_big_table(m);
	lab_damage_tag_tables(m);
	lab_damage_session(m);
}
