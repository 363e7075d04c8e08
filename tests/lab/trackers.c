/* SPDX-License-Identifier: MIT */
/* Tag trackers (pool.md 5): slots, processor tables, expansion table, overflow entry, session tags. */
#include "machine.h"
#include <stdlib.h>
#include <string.h>

static const char type[] = "_POOL_TRACKER_TABLE";
#define OVERFLOW_KEY LAB_TAG('O', 'v', 'f', 'l')

static uint32_t slot_hash(uint32_t tag, uint64_t mask)
{
	return (uint32_t)(((uint32_t)(0x9e5fu * tag) ^ (uint32_t)((0x9e5full * tag) >> 32)) & mask);
}

static bool is_global_tag(const struct lab_tag *t)
{
	for (int p = LAB_POOL_NONPAGED; p <= LAB_POOL_PAGED; p++) {
		for (unsigned cpu = 0; cpu < LAB_MAX_CPUS; cpu++)
			if (t->pool[p].cpu[cpu].allocs || t->pool[p].cpu[cpu].frees || t->pool[p].cpu[cpu].bytes)
				return true;
	}
	return false;
}

/* Allocates the tables; which tag goes where is decided when all tags are known. */
void lab_trackers_place(struct lab_machine *m)
{
	uint32_t stride = lab_type_size(m->b, type);
	const uint32_t pool_tag = LAB_TAG('P', 'o', 'o', 'l');
	unsigned log2 = m->o.track_log2;
	if (m->o.no_tagging)
		return;
	if (!log2) {
		/* 2^9 up to 256 MiB, else 2^12 (pool.md 5.3). */
		log2 = m->o.ram_bytes <= 256u << 20 ? 9 : 12;
		while (m->n_tags * 2 > (size_t)1 << log2)
			log2++;
	}
	m->track_mask = (1u << log2) - 1;
	m->track_table_bytes = (m->track_mask + 2) * stride;
	for (unsigned t = 0; t < m->n_track_tables; t++)
		m->track_table_va[t] = lab_big(m, pool_tag, LAB_POOL_NONPAGED, m->track_table_bytes, LAB_BIG_ZERO);
	if (m->o.track_log2) {
		m->n_expansion = LAB_PAGE / stride;
		m->expansion_table_va = lab_big(m, pool_tag, LAB_POOL_NONPAGED, m->n_expansion * stride, LAB_BIG_ZERO);
	}
}

static void choose_places(struct lab_machine *m)
{
	uint64_t n_slots = m->track_mask + 1, n_used = 0, n_expanded = 0;
	bool *used = calloc(n_slots, sizeof *used);
	if (!used)
		lab_die("out of memory");
	for (size_t i = 0; i < m->n_tags; i++) {
		struct lab_tag *t = &m->tags[i];
		t->place = LAB_PLACE_NONE;
		if (!is_global_tag(t) || !t->key)
			continue;
		/* One slot stays free, so that probing for an unknown tag ends. */
		if (n_used + 1 < n_slots) {
			uint32_t slot = slot_hash(t->key, m->track_mask);
			while (used[slot])
				slot = (slot + 1) & (uint32_t)m->track_mask;
			used[slot] = true;
			n_used++;
			t->place = LAB_PLACE_SLOT;
			t->slot = slot;
		} else if (n_expanded < m->n_expansion) {
			t->place = LAB_PLACE_EXPANSION;
			t->slot = (uint32_t)n_expanded++;
		} else {
			t->place = LAB_PLACE_OVERFLOW;
		}
	}
	free(used);
}

static void write_entry(struct lab_machine *m, uint64_t at, uint32_t key, const struct lab_tag *t, unsigned cpu)
{
	static const char *const names[2][3] = {{"NonPagedAllocs", "NonPagedFrees", "NonPagedBytes"},
						{"PagedAllocs", "PagedFrees", "PagedBytes"}};
	lab_put_field(m, at, type, "Key", key);
	for (int p = 0; p < 2; p++) {
		lab_put_field(m, at, type, names[p][0], t->pool[p].cpu[cpu].allocs);
		lab_put_field(m, at, type, names[p][1], t->pool[p].cpu[cpu].frees);
		lab_put_field(m, at, type, names[p][2], t->pool[p].cpu[cpu].bytes);
	}
}

static bool used_on(const struct lab_tag *t, unsigned cpu)
{
	for (int p = LAB_POOL_NONPAGED; p <= LAB_POOL_PAGED; p++)
		if (t->pool[p].cpu[cpu].allocs || t->pool[p].cpu[cpu].frees || t->pool[p].cpu[cpu].bytes)
			return true;
	return false;
}

static void add_counts(struct lab_tag *to, const struct lab_tag *from)
{
	for (int p = LAB_POOL_NONPAGED; p <= LAB_POOL_PAGED; p++)
		for (unsigned cpu = 0; cpu < LAB_MAX_CPUS; cpu++) {
			to->pool[p].cpu[cpu].allocs += from->pool[p].cpu[cpu].allocs;
			to->pool[p].cpu[cpu].frees += from->pool[p].cpu[cpu].frees;
			to->pool[p].cpu[cpu].bytes += from->pool[p].cpu[cpu].bytes;
		}
}

static void clear_counts(struct lab_tag *t)
{
	for (int p = LAB_POOL_NONPAGED; p <= LAB_POOL_PAGED; p++)
		memset(t->pool[p].cpu, 0, sizeof t->pool[p].cpu);
}

/* The expansion table is shared by all processors: its entries hold sums. */
static void write_expanded(struct lab_machine *m, struct lab_tag *t)
{
	for (int p = LAB_POOL_NONPAGED; p <= LAB_POOL_PAGED; p++)
		for (unsigned cpu = 1; cpu < LAB_MAX_CPUS; cpu++) {
			t->pool[p].cpu[0].allocs += t->pool[p].cpu[cpu].allocs;
			t->pool[p].cpu[0].frees += t->pool[p].cpu[cpu].frees;
			t->pool[p].cpu[0].bytes += t->pool[p].cpu[cpu].bytes;
			memset(&t->pool[p].cpu[cpu], 0, sizeof t->pool[p].cpu[cpu]);
		}
	write_entry(m, m->expansion_table_va + t->slot * lab_type_size(m->b, type), t->key, t, 0);
}

void lab_trackers_write(struct lab_machine *m)
{
	uint32_t stride = lab_type_size(m->b, type);
	if (m->o.no_tagging) {
		for (size_t i = 0; i < m->n_tags; i++)
			clear_counts(&m->tags[i]);
		return;
	}
	choose_places(m);
	struct lab_tag overflow = {.key = OVERFLOW_KEY};
	bool overflowed = false;
	for (size_t i = 0; i < m->n_tags; i++) {
		struct lab_tag *t = &m->tags[i];
		if (t->place == LAB_PLACE_OVERFLOW) {
			add_counts(&overflow, t);
			clear_counts(t);
			overflowed = true;
		} else if (t->place == LAB_PLACE_EXPANSION) {
			write_expanded(m, t);
		} else if (t->place == LAB_PLACE_SLOT) {
			for (unsigned cpu = 0; cpu < m->n_track_tables; cpu++)
				if (!cpu || used_on(t, cpu))
					write_entry(m, m->track_table_va[cpu] + t->slot * stride, t->key, t, cpu);
		} else {
			clear_counts(t);
		}
	}
	if (overflowed) {
		struct lab_tag *row = lab_tag_get(m, OVERFLOW_KEY);
		row->place = LAB_PLACE_OVERFLOW;
		row->slot = (uint32_t)m->track_mask + 1;
		add_counts(row, &overflow);
		for (unsigned cpu = 0; cpu < m->n_track_tables; cpu++)
			if (!cpu || used_on(row, cpu))
				write_entry(m, m->track_table_va[cpu] + (m->track_mask + 1) * stride, row->key, row,
					    cpu);
	}
	lab_set_global(m, "PoolTrackTable", m->track_table_va[0]);
	lab_set_global(m, "PoolTrackTableSize", m->track_mask + 2);
	lab_set_global(m, "PoolTrackTableMask", m->track_mask);
	lab_set_global(m, "PoolTrackTableExpansion", m->expansion_table_va);
	lab_set_global(m, "PoolTrackTableExpansionSize", m->n_expansion);
	if (m->b->percpu_tag_tables)
		for (unsigned cpu = 0; cpu < m->n_track_tables; cpu++)
			lab_put_ptr(m, lab_global_va(m, "ExPoolTagTables") + cpu * lab_ptr_size(m->b),
				    m->track_table_va[cpu]);
}

/* One session. Its space is reached through the page tables of its processes only (x64); see lab_session_finish. */
void lab_session_init(struct lab_machine *m)
{
	const struct lab_build *b = m->b;
	if (m->o.no_session || !lab_has_type(b, "_MM_SESSION_SPACE") || b->number < 7601)
		return;
	uint32_t bytes = lab_type_size(b, "_MM_SESSION_SPACE");
	m->session_va = b->session_base;
	/* Behind the structure: the tag table where it is no part of it. */
	lab_mem_map(m->mem, m->session_va, ((uint64_t)bytes + 0x5000) & ~0xfffull, LAB_MAP_WRITE);
	lab_put_field(m, m->session_va, "_MM_SESSION_SPACE", "SessionId", 1);
	lab_put_field(m, m->session_va, "_MM_SESSION_SPACE", "ReferenceCount", 2);
	lab_put_field(m, m->session_va, "_MM_SESSION_SPACE", "PagedPoolStart", m->session_va + 0x400000);
	lab_put_field(m, m->session_va, "_MM_SESSION_SPACE", "PagedPoolEnd", m->session_va + 0x4400000 - 1);
	lab_track_bulk(m, LAB_TAG('G', 'h', '0', '5'), LAB_POOL_SESSION, 1200, 600, 600 * 0x2a0);
	lab_track_bulk(m, LAB_TAG('U', 's', 'q', 'u'), LAB_POOL_SESSION, 51, 40, 11 * 0xd0);
	lab_track_bulk(m, LAB_TAG('G', 't', 'm', 'p'), LAB_POOL_SESSION, 77777, 77777, 0);
	for (unsigned i = 0; m->o.sessions && i < 24; i++)
		lab_track_bulk(m, LAB_TAG('G', 'x', '0' + i / 10, '0' + i % 10), LAB_POOL_SESSION, 300 + i, 290 - i,
			       (10 + 2 * i) * 0x60);
	if (b->heap_backed)
		lab_session_heap(m);
	else if (m->o.sessions)
		lab_session_bigs(m, m->session_va + 0x50000, m->session_va + 0x400000);
}

void lab_session_finish(struct lab_machine *m)
{
	const struct lab_build *b = m->b;
	uint32_t stride = lab_type_size(b, type), bytes;
	const uint64_t mask = m->session_mask = 0x7f;
	if (!m->session_va)
		return;
	bytes = lab_type_size(b, "_MM_SESSION_SPACE");
	uint64_t table = m->session_va + ((bytes + 0xfffu) & ~0xfffu);
	if (lab_has_field(b, "_MM_SESSION_SPACE", "PoolTags")) {
		if (lab_field_size(b, "_MM_SESSION_SPACE", "PoolTags") > 8)
			table = m->session_va + lab_offset(b, "_MM_SESSION_SPACE", "PoolTags");
		else
			lab_put_field(m, m->session_va, "_MM_SESSION_SPACE", "PoolTags", table);
	}
	for (size_t i = 0; i < m->n_tags; i++) {
		const struct lab_tag *t = &m->tags[i];
		const struct lab_half *h = &t->pool[LAB_POOL_SESSION];
		if (!h->cpu[0].allocs)
			continue;
		uint64_t slot = slot_hash(t->key, mask), at;
		for (;; slot = (slot + 1) & mask) {
			at = table + slot * stride;
			if (!lab_get32(m->mem, at + lab_offset(b, type, "Key")))
				break;
		}
		struct lab_tag paged = {.key = t->key};
		paged.pool[LAB_POOL_PAGED] = *h;
		write_entry(m, at, t->key, &paged, 0);
	}
	m->session_table_va = table;
	lab_set_global(m, "ExpSessionPoolTrackTable", table);
	lab_set_global(m, "ExpSessionPoolTrackTableSize", mask + 2);
	lab_set_global(m, "ExpSessionPoolTrackTableMask", mask);
}
