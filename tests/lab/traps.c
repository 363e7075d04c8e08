/* SPDX-License-Identifier: MIT */
/* Memory that looks like what a search without symbols looks for. */
#include "damage.h"
#include <string.h>

#define T4(s)       LAB_TAG((s)[0], (s)[1], (s)[2], (s)[3])
#define BIG_ENTRIES 1024u

static const char tracker[] = "_POOL_TRACKER_TABLE", big_page[] = "_POOL_TRACKER_BIG_PAGES";

static uint64_t big_block; /* of lab_plant_traps */
static uint64_t twin_tables[LAB_MAX_CPUS];

static void put_pointer(struct lab_machine *m, unsigned slot, uint64_t value)
{
	lab_put_ptr(m, lab_global_va(m, "LabTraps") + (uint64_t)slot * lab_ptr_size(m->b), value);
}

static void copy_bytes(struct lab_machine *m, uint64_t to, uint64_t from, uint64_t bytes)
{
	for (uint64_t i = 0; i + 4 <= bytes; i += 4)
		lab_put32(m->mem, to + i, lab_get32(m->mem, from + i));
}

/* Of the table of one processor, with other counts. */
static void copy_tracker(struct lab_machine *m, uint64_t to, uint64_t from)
{
	uint32_t stride = lab_type_size(m->b, tracker);
	copy_bytes(m, to, from, (m->track_mask + 2) * stride);
	for (uint64_t i = 0; i <= m->track_mask; i++)
		if (lab_get32(m->mem, to + i * stride + lab_offset(m->b, tracker, "Key")))
			lab_put_field(m, to + i * stride, tracker, "PagedAllocs", 1000000 + i);
}

static uint64_t big_slot(struct lab_machine *m, uint64_t table, uint64_t n, uint64_t va)
{
	uint64_t h = (uint64_t)(uint32_t)(va >> 12) * 0x9e5f, stride = lab_type_size(m->b, big_page), slot;
	for (slot = (uint32_t)(h ^ h >> 32) & (n - 1);; slot = (slot + 1) & (n - 1))
		if (lab_get_ptr(m, table + slot * stride + lab_offset(m->b, big_page, "Va")) == 1)
			return table + slot * stride;
}

static void put_big(struct lab_machine *m, uint64_t table, uint64_t n, uint64_t va, uint32_t tag, uint64_t bytes)
{
	uint64_t at = big_slot(m, table, n, va);
	lab_put_field(m, at, big_page, "Va", va);
	lab_put_field(m, at, big_page, "Key", tag);
	lab_put_field(m, at, big_page, "NumberOfBytes", bytes);
}

/* A table at va that lists itself and much of what the real one does. */
static void imitate_big_table(struct lab_machine *m, uint64_t va, uint64_t n)
{
	uint64_t stride = lab_type_size(m->b, big_page);
	for (uint64_t i = 0; i < n; i++)
		lab_put_field(m, va + i * stride, big_page, "Va", 1);
	put_big(m, va, n, va, T4("Pool"), n * stride);
	for (size_t i = 0; i < m->n_bigs && i < 60; i++)
		if (m->bigs[i].live && m->bigs[i].va != va)
			put_big(m, va, n, m->bigs[i].va, m->bigs[i].tag, m->bigs[i].bytes);
}

void lab_plant_traps(struct lab_machine *m)
{
	lab_plant_mix(m, 700);
	big_block =
		lab_big(m, T4("Trap"), LAB_POOL_NONPAGED, BIG_ENTRIES * lab_type_size(m->b, big_page), LAB_BIG_ZERO);
}

/* Descriptors with the links of the original, in memory that was theirs once. */
static void stale_descriptors(struct lab_machine *m)
{
	static const char *const type = "_POOL_DESCRIPTOR";
	if (!lab_has_type(m->b, type) || !lab_has_field(m->b, type, "ListHeads"))
		return;
	uint32_t size = lab_type_size(m->b, type);
	uint64_t real = lab_global_va(m, "ExpPagedPoolDescriptor");
	for (unsigned i = 0; i < 3; i++) {
		uint64_t from = lab_get_ptr(m, real + (uint64_t)i * lab_ptr_size(m->b));
		uint64_t copy = lab_system_bytes(m, size);
		if (!from)
			continue;
		copy_bytes(m, copy, from, size);
		put_pointer(m, 16 + i, copy);
	}
}

static uint64_t region_table(struct lab_machine *m)
{
	return lab_global_va(m, "MiState") + lab_offset(m->b, "_MI_SYSTEM_INFORMATION", "Vs") +
	       lab_offset(m->b, "_MI_VISIBLE_STATE", "SystemVaRegions");
}

/* Five regions, among them the page tables, but nonpaged pool begins behind most of what is in it. */
static void stale_regions(struct lab_machine *m)
{
	if (m->b->ranges != LAB_RANGES_VISIBLE)
		return;
	const uint64_t to = lab_global_va(m, "LabTraps") + 20 * 8, real = region_table(m);
	unsigned n = 0;
	for (unsigned i = 0; i < 14 && n < 5; i++) {
		uint64_t base = lab_get64(m->mem, real + 16 * i), bytes = lab_get64(m->mem, real + 16 * i + 8);
		if (!base || !bytes)
			continue;
		if (base == m->b->nonpaged_base) {
			base += bytes / 2;
			bytes /= 2;
		}
		lab_put64(m->mem, to + 16 * n, base);
		lab_put64(m->mem, to + 16 * n++ + 8, bytes);
	}
}

void lab_damage_traps(struct lab_machine *m)
{
	put_pointer(m, 4, m->track_table_va[0]);
	for (unsigned cpu = 0; cpu < m->n_track_tables; cpu++) {
		uint64_t copy = lab_system_pages(m, m->track_table_bytes);
		copy_tracker(m, copy, m->track_table_va[cpu]);
		/* The first: a whole table that no array leads to. */
		put_pointer(m, cpu ? 4 + cpu : 0, copy);
	}
	if (m->b->major > 5) {
		imitate_big_table(m, big_block, BIG_ENTRIES);
		put_pointer(m, 12, big_block);
		put_pointer(m, 13, BIG_ENTRIES);
	}
	stale_descriptors(m);
	stale_regions(m);
}

void lab_plant_twins(struct lab_machine *m)
{
	lab_plant_mix(m, 700);
	for (unsigned cpu = 1; cpu < m->n_cpus; cpu++)
		twin_tables[cpu] =
			lab_big(m, T4("Pool"), LAB_POOL_NONPAGED, 513ull * lab_type_size(m->b, tracker), LAB_BIG_ZERO);
}

void lab_damage_twins(struct lab_machine *m)
{
	if (m->track_mask + 2 != 513)
		lab_die("the twins are made for tables of 513 entries");
	put_pointer(m, 4, m->track_table_va[0]);
	for (unsigned cpu = 1; cpu < m->n_track_tables; cpu++) {
		copy_tracker(m, twin_tables[cpu], m->track_table_va[cpu]);
		put_pointer(m, 4 + cpu, twin_tables[cpu]);
	}
}

void lab_damage_twin_big(struct lab_machine *m)
{
	uint64_t copy = lab_system_pages(m, BIG_ENTRIES * lab_type_size(m->b, big_page));
	imitate_big_table(m, copy, BIG_ENTRIES);
	put_pointer(m, 12, copy);
	put_pointer(m, 13, BIG_ENTRIES);
}

/* A copy whose nonpaged pool is half as long, and holds all the same. */
void lab_damage_twin_regions(struct lab_machine *m)
{
	const uint64_t to = lab_global_va(m, "LabTraps"), real = region_table(m);
	for (unsigned i = 0; i < 14; i++) {
		uint64_t base = lab_get64(m->mem, real + 16 * i), bytes = lab_get64(m->mem, real + 16 * i + 8);
		lab_put64(m->mem, to + 16 * i, base);
		lab_put64(m->mem, to + 16 * i + 8, base == m->b->nonpaged_base ? bytes / 2 : bytes);
	}
}

void lab_damage_no_kdbg(struct lab_machine *m)
{
	for (uint32_t i = 0; i < m->b->kdbg_size_bytes; i += 4)
		lab_put32(m->mem, m->kdbg_va + i, 0);
}
