/* SPDX-License-Identifier: MIT */
/* One defect of each kind in the tables of the pool: none of them changes a sum. */
#include "damage.h"

static const char big_type[] = "_POOL_TRACKER_BIG_PAGES", tag_type[] = "_POOL_TRACKER_TABLE";

/* ---- big allocations ---- */

static void put_entry(struct lab_machine *m, uint64_t at, uint64_t va, uint64_t bytes)
{
	lab_put_ptr(m, at + lab_offset(m->b, big_type, "Va"), va);
	lab_put32(m->mem, at + lab_offset(m->b, big_type, "Key"), LAB_TAG('B', 'a', 'd', 'B'));
	if (!lab_put_field(m, at, big_type, "NumberOfBytes", bytes))
		lab_put_field(m, at, big_type, "NumberOfPages", bytes / LAB_PAGE);
}

static uint64_t entry_va(struct lab_machine *m, uint64_t slot)
{
	uint64_t at = m->big_table_va + (slot & (m->big_entries - 1)) * lab_type_size(m->b, big_type);
	return lab_get_ptr(m, at + lab_offset(m->b, big_type, "Va"));
}

static void copy(struct lab_machine *m, uint64_t from, uint64_t to, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++) {
		uint8_t b;
		lab_get(m->mem, from + i, &b, 1);
		lab_put8(m->mem, to + i, b);
	}
}

static bool big_at(const struct lab_machine *m, uint64_t va)
{
	for (size_t i = 0; i < m->n_bigs; i++)
		if (m->bigs[i].live && m->bigs[i].va == va)
			return true;
	return false;
}

static bool is_table(const struct lab_machine *m, uint64_t va)
{
	bool is = va == m->big_table_va || va == m->expansion_table_va;
	for (unsigned t = 0; t < m->n_track_tables; t++)
		is |= va == m->track_table_va[t];
	return is;
}

/* The first big block at or behind slot that is no table and not the one to avoid, and behind which three slots were
 * never used. */
static uint64_t find_movable(struct lab_machine *m, uint64_t avoid, uint64_t *slot)
{
	for (;; ++*slot) {
		uint64_t va = entry_va(m, *slot);
		if (*slot >= m->big_entries)
			lab_die("no big block that could be damaged");
		if (big_at(m, va) && va != avoid && !is_table(m, va) && entry_va(m, *slot + 1) == 1 &&
		    entry_va(m, *slot + 2) == 1 && entry_va(m, *slot + 3) == 1)
			return va;
	}
}

/* A page of a block that nobody looks into; the block. */
static uint64_t lose_page(struct lab_machine *m, bool of_session)
{
	for (size_t i = 0; i < m->n_bigs; i++) {
		const struct lab_big *b = &m->bigs[i];
		uint64_t page = b->va + 2 * LAB_PAGE, pa = lab_mem_pa(m->mem, page);
		if (!b->live || b->n_pages < 4 || pa == UINT64_MAX || (!of_session && pa / LAB_PAGE != m->zero_pfn))
			continue;
		lab_mem_set_raw_entry(m->mem, page, 1, 0);
		lab_damage_note(m, "big page not mapped", page);
		return b->va;
	}
	return 0;
}

static void damage_big_table(struct lab_machine *m, bool of_session)
{
	uint32_t stride = lab_type_size(m->b, big_type);
	uint64_t slot = 0, lost = lose_page(m, of_session), va;
	(void)find_movable(m, lost, &slot);
	/* Two slots on, with one between that was never used. */
	uint64_t at = m->big_table_va + slot * stride;
	uint64_t to = m->big_table_va + ((slot + 2) & (m->big_entries - 1)) * stride;
	copy(m, at, to, stride);
	put_entry(m, at, 1, 0);
	lab_damage_note(m, "big page slot", to);
	slot += 4;
	va = find_movable(m, lost, &slot);
	copy(m, m->big_table_va + slot * stride, lab_big_slot(m, va), stride);
	lab_damage_note(m, "big page duplicate", va);
	/* A segment keeps blocks apart: what is in one is stored there, whatever an entry says. */
	for (size_t i = 0; i < m->n_bigs; i++) {
		const struct lab_big *b = &m->bigs[i];
		if (!b->live || b->n_pages < 4 || lab_mem_pa(m->mem, b->va + LAB_PAGE) == UINT64_MAX ||
		    (m->b->heap_backed && !of_session && !b->outside))
			continue;
		put_entry(m, lab_big_slot(m, b->va + LAB_PAGE), b->va + LAB_PAGE, LAB_PAGE);
		lab_damage_note(m, "big page overlap", b->va + LAB_PAGE);
		put_entry(m, lab_big_slot(m, b->va + 0x10), b->va + 0x10, LAB_PAGE);
		lab_damage_note(m, "big page entry", b->va + 0x10);
		return;
	}
	lab_die("no big block that could overlap");
}

void lab_damage_big_table(struct lab_machine *m)
{
	damage_big_table(m, false);
}

/* ---- tags ---- */

static uint64_t tag_at(const struct lab_machine *m, unsigned table, uint64_t slot)
{
	return m->track_table_va[table] + (slot & m->track_mask) * lab_type_size(m->b, tag_type);
}

static uint32_t key_at(struct lab_machine *m, unsigned table, uint64_t slot)
{
	return lab_get32(m->mem, tag_at(m, table, slot) + lab_offset(m->b, tag_type, "Key"));
}

static void put_key(struct lab_machine *m, uint64_t at, uint32_t key)
{
	lab_put32(m->mem, at + lab_offset(m->b, tag_type, "Key"), key);
}

static bool is_movable(struct lab_machine *m, uint64_t slot)
{
	return key_at(m, 0, slot) && !key_at(m, 0, slot + 1) && !key_at(m, 0, slot + 2) && !key_at(m, 0, slot + 3);
}

void lab_damage_tag_tables(struct lab_machine *m)
{
	uint32_t stride = lab_type_size(m->b, tag_type);
	uint64_t slot = 0;
	while (!is_movable(m, slot))
		slot++;
	for (unsigned t = 0; t < m->n_track_tables; t++) {
		copy(m, tag_at(m, t, slot), tag_at(m, t, slot + 2), stride);
		for (uint32_t i = 0; i < stride; i++)
			lab_put8(m->mem, tag_at(m, t, slot) + i, 0);
	}
	lab_damage_note(m, "tag slot", tag_at(m, 0, slot + 2));
	slot += 4;
	while (!is_movable(m, slot))
		slot++;
	put_key(m, tag_at(m, 0, slot + 1), key_at(m, 0, slot));
	lab_damage_note(m, "duplicate tag", tag_at(m, 0, slot + 1));
	/* On a processor that has nothing of this tag. */
	for (slot += 4; m->n_track_tables > 1; slot++) {
		if (!key_at(m, 0, slot) || key_at(m, 1, slot) || !key_at(m, 0, slot + 1))
			continue;
		put_key(m, tag_at(m, 1, slot), key_at(m, 0, slot + 1));
		lab_damage_note(m, "tag of another slot", tag_at(m, 1, slot));
		return;
	}
}

/* ---- of a session: the same of its own tables ---- */

void lab_damage_session(struct lab_machine *m)
{
	const uint64_t big_va = m->big_table_va, entries = m->big_entries, mask = m->track_mask,
		       table = m->track_table_va[0];
	const size_t n_bigs = m->n_bigs;
	const unsigned n_tables = m->n_track_tables;
	struct lab_big *bigs = m->bigs;
	if (!m->session_va || !m->o.sessions)
		return;
	lab_session_enter(m);
	m->bigs = m->session_bigs;
	m->n_bigs = m->n_session_bigs;
	m->big_table_va = m->session_big_va;
	m->big_entries = m->session_big_entries;
	m->track_table_va[0] = m->session_table_va;
	m->track_mask = m->session_mask;
	m->n_track_tables = 1;
	if (m->session_big_va)
		damage_big_table(m, true);
	lab_damage_tag_tables(m);
	if (m->session_heap)
		lab_heap_damage_session(m);
	m->bigs = bigs;
	m->n_bigs = n_bigs;
	m->big_table_va = big_va;
	m->big_entries = entries;
	m->track_table_va[0] = table;
	m->track_mask = mask;
	m->n_track_tables = n_tables;
	lab_session_leave(m);
}

/* Of the expansion table, which has room: a tag that has a slot, and one that is in it already. */
void lab_damage_expansion(struct lab_machine *m)
{
	uint32_t stride = lab_type_size(m->b, tag_type), n = 0;
	const uint32_t key = lab_offset(m->b, tag_type, "Key");
	uint64_t slot = 0;
	while (lab_get32(m->mem, m->expansion_table_va + n * stride + key))
		n++;
	if (n < 16 || n + 2 > m->n_expansion)
		lab_die("%u entries in the expansion table", n);
	while (!key_at(m, 0, slot))
		slot++;
	put_key(m, m->expansion_table_va + n * stride, key_at(m, 0, slot));
	lab_damage_note(m, "duplicate tag", m->expansion_table_va + n * stride);
	put_key(m, m->expansion_table_va + (n + 1) * stride,
		lab_get32(m->mem, m->expansion_table_va + 3 * stride + key));
	lab_damage_note(m, "duplicate tag", m->expansion_table_va + (n + 1) * stride);
}
