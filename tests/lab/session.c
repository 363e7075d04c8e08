/* SPDX-License-Identifier: MIT */
/* Page tables of the processes of a session, and a second session at the same address (kernel.md 11). */
#include "machine.h"
#include <string.h>

#define FRAME 0x000ffffffffff000ull

static uint64_t *entries_of(struct lab_machine *m, uint64_t pfn)
{
	return (uint64_t *)(void *)lab_mem_frame(m->mem, pfn);
}

/* A top table like the one of the System process, and with the entry given for session space. */
static uint64_t new_top(struct lab_machine *m, uint64_t entry)
{
	uint64_t pfn = lab_mem_alloc_frame(m->mem), *own = entries_of(m, pfn);
	memcpy(own, entries_of(m, lab_mem_dtb(m->mem) / LAB_PAGE), LAB_PAGE);
	own[m->b->self_map_slot] = (own[m->b->self_map_slot] & ~FRAME) | pfn * LAB_PAGE;
	own[m->session_va >> 39 & 0x1ff] = entry;
	return pfn * LAB_PAGE;
}

/* What a table entry leads to, once more: level 1 is a page. */
static uint64_t twin(struct lab_machine *m, uint64_t entry, unsigned level)
{
	uint64_t pfn;
	if ((entry & 1) == 0)
		return entry;
	pfn = lab_mem_alloc_frame(m->mem);
	memcpy(entries_of(m, pfn), entries_of(m, (entry & FRAME) / LAB_PAGE), LAB_PAGE);
	for (unsigned i = 0; level > 1 && i < 512; i++) {
		uint64_t below = twin(m, entries_of(m, pfn)[i], level - 1);
		entries_of(m, pfn)[i] = below;
	}
	return (entry & ~FRAME) | pfn * LAB_PAGE;
}

/* An entry of the directory that one process lacks (pool.md 15); others of its session would have it. */
static void lose_directory_entry(struct lab_machine *m, uint64_t top, uint64_t va)
{
	uint64_t pfn = top / LAB_PAGE;
	for (unsigned shift = 39; shift > 21; shift -= 9)
		pfn = (entries_of(m, pfn)[va >> shift & 0x1ff] & FRAME) / LAB_PAGE;
	entries_of(m, pfn)[va >> 21 & 0x1ff] = 0;
}

/* Its blocks and counts are there twice. */
static void count_twice(struct lab_machine *m)
{
	const size_t n = m->n_blocks;
	for (size_t i = 0; i < n; i++) {
		struct lab_block b = m->blocks[i];
		if (b.pool != LAB_POOL_SESSION)
			continue;
		LAB_GROW(m->blocks, m->n_blocks, m->cap_blocks);
		m->blocks[m->n_blocks++] = b;
	}
	for (size_t i = 0; i < m->n_tags; i++)
		for (unsigned cpu = 0; cpu < LAB_MAX_CPUS; cpu++) {
			struct lab_half *h = &m->tags[i].pool[LAB_POOL_SESSION];
			h->cpu[cpu].allocs *= 2;
			h->cpu[cpu].frees *= 2;
			h->cpu[cpu].bytes *= 2;
		}
}

void lab_session_split(struct lab_machine *m)
{
	uint64_t entry, second = 0;
	if (!m->session_va || !lab_build_is64(m->b))
		return;
	entry = lab_mem_raw_entry(m->mem, m->session_va, 4);
	m->session_process_dtb = new_top(m, entry);
	if (m->o.sessions) {
		/* The second has its number where the copy begins. */
		lab_put_field(m, m->session_va, "_MM_SESSION_SPACE", "SessionId", 2);
		second = new_top(m, twin(m, entry, 4));
		/* Of heaps every page is looked at. */
		if (!m->b->heap_backed)
			lose_directory_entry(m, second, m->session_va + 0x400000);
		lab_put_field(m, m->session_va, "_MM_SESSION_SPACE", "SessionId", 1);
		count_twice(m);
	}
	for (size_t i = 0; i < m->n_processes; i++)
		if (m->processes[i].in_session)
			lab_put_field(m, m->processes[i].va, "_KPROCESS", "DirectoryTableBase",
				      second && i == m->n_processes - 1 ? second : m->session_process_dtb);
	lab_mem_set_raw_entry(m->mem, m->session_va, 4, 0);
}

void lab_session_enter(struct lab_machine *m)
{
	m->in_session = true;
	if (m->session_process_dtb)
		lab_mem_set_raw_entry(m->mem, m->session_va, 4,
				      entries_of(m, m->session_process_dtb / LAB_PAGE)[m->session_va >> 39 & 0x1ff]);
}

void lab_session_leave(struct lab_machine *m)
{
	m->in_session = false;
	if (m->session_process_dtb)
		lab_mem_set_raw_entry(m->mem, m->session_va, 4, 0);
}
