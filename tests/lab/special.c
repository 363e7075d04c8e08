/* SPDX-License-Identifier: MIT */
/*
 * Special pool of the classic allocator (pool.md 7.1): pages and the pages behind them, in the order of allocation.
 */
#include "damage.h"
#include <string.h>

#define PAIRS_MAX    256u /* one directory entry */
#define TYPE_PAGED   0x07u
#define TYPE_NX      0x0du
#define WORD_PAGED   0x8000u
#define WORD_TRACKED 0x4000u
#define MARK_PAGED   0x2000u /* of the page behind: ReactOS */
#define MARK_NX      0x4000u
#define FREED        0x98764321u /* ReactOS */

/* Whether each pool has a range of its own. */
static bool is_split(const struct lab_build *b)
{
	return b->ranges == LAB_RANGES_VATYPE_X86 || (lab_build_is64(b) && b->number >= 15063);
}

static uint64_t range_bytes(const struct lab_build *b)
{
	return lab_build_is64(b) && b->number >= 15063 ? (uint64_t)1 << 39 : 0x400000;
}

static uint64_t base_of(const struct lab_machine *m, bool paged)
{
	return m->b->special_base + (paged && is_split(m->b) ? range_bytes(m->b) : 0);
}

/* Software entries keep a page file's offset in the upper half. */
static void put_soft(struct lab_machine *m, uint64_t va, uint64_t high)
{
	lab_mem_set_raw_entry(m->mem, va, 1, high << (m->b->mmu == LAB_MMU_X86 ? 12 : 32));
}

static uint64_t take_page(struct lab_machine *m, bool paged)
{
	unsigned *n = &m->n_special[is_split(m->b) && paged];
	if (!m->b->special_base || !m->b->special || *n == PAIRS_MAX - 1)
		lab_die("no room for special pool");
	uint64_t page = base_of(m, paged) + (*n)++ * 2 * (uint64_t)LAB_PAGE;
	if (*n > 1)
		put_soft(m, page, 0);
	lab_mem_map(m->mem, page, LAB_PAGE, LAB_MAP_WRITE | LAB_MAP_GLOBAL);
	put_soft(m, page + LAB_PAGE, paged ? MARK_PAGED : MARK_NX);
	/* The next ones are free, on a list. */
	put_soft(m, page + 2 * LAB_PAGE, 0x1234);
	return page;
}

static void fill(struct lab_machine *m, uint64_t page, const struct lab_special *s, uint32_t at)
{
	uint8_t bytes[LAB_PAGE], pattern = (uint8_t)(1 + lab_random(m, 255));
	uint64_t record = s->at_start ? LAB_PAGE - m->header_bytes : 0;
	memset(bytes, pattern, sizeof bytes);
	memset(bytes + at, 0x11, s->bytes);
	memset(bytes + record, 0, m->header_bytes);
	lab_put(m->mem, page, bytes, sizeof bytes);
	lab_put32(m->mem, page + record, s->bytes | (s->paged ? WORD_PAGED : 0) | (uint32_t)pattern << 16);
	lab_put32(m->mem, page + record + 4, s->tag);
}

uint64_t lab_special_plant(struct lab_machine *m, const struct lab_special *s)
{
	uint32_t unit = m->header_bytes, room = (s->bytes + unit - 1) / unit * unit;
	uint64_t page = take_page(m, s->paged);
	uint32_t at = s->at_start ? 0 : LAB_PAGE - room;
	fill(m, page, s, at);
	if (s->freed) {
		lab_put32(m->mem, page + unit, FREED);
		lab_put32(m->mem, page + unit + 8, s->bytes);
		lab_put_ptr(m, page + unit + 16, page + at);
	} else {
		lab_track_alloc(m, s->tag, s->paged ? LAB_POOL_PAGED : LAB_POOL_NONPAGED, room);
	}
	if (s->transition || s->paged_out)
		lab_mem_set_state(m->mem, page, s->paged_out ? LAB_PTE_PAGED_OUT : LAB_PTE_TRANSITION, 0);
	if (s->paged_out)
		return page + at; /* nothing but its counters tells of it */
	lab_record(m, &(struct lab_block){.header_va = page + at,
					  .bytes = room,
					  .requested = s->bytes,
					  .tag = s->tag,
					  .pool = s->paged ? LAB_POOL_PAGED : LAB_POOL_NONPAGED,
					  .state = s->freed ? LAB_FREE : LAB_ALLOCATED,
					  .kind = LAB_KIND_SPECIAL});
	return page + at;
}

void lab_special_track(struct lab_machine *m, uint64_t va, uint64_t record)
{
	uint64_t page = va & ~(uint64_t)(LAB_PAGE - 1);
	lab_put32(m->mem, page, lab_get32(m->mem, page) | WORD_TRACKED);
	lab_put_ptr(m, page + m->header_bytes, record);
}

void lab_special_mix(struct lab_machine *m)
{
	const uint32_t size_max = LAB_PAGE - m->header_bytes;
	for (unsigned i = 0; i < 60; i++)
		lab_special_plant(m, &(struct lab_special){.tag = i % 4 ? LAB_TAG('S', 'p', 'e', 'c')
									: LAB_TAG('S', 'p', 'c', '2'),
							   .bytes = 1 + lab_random(m, size_max - 32),
							   .paged = i % 3 == 1,
							   .at_start = i % 5 == 4,
							   .transition = i % 12 == 1});
	/* The largest, at either end; one freed a moment ago; one paged out. */
	const struct lab_special others[] = {{.bytes = size_max},
					     {.bytes = size_max, .at_start = true},
					     {.bytes = 100, .freed = true},
					     {.bytes = 200, .paged = true, .paged_out = true}};
	for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
		struct lab_special s = others[i];
		s.tag = LAB_TAG('S', 'p', 'e', 'c');
		lab_special_plant(m, &s);
	}
	lab_set_global32(m, "MmSpecialPoolTag", LAB_TAG('S', 'p', 'e', 'c'));
}

/* Where KD's !pool would find them, for the newest block that is not at its page's start. */
void lab_special_damage(struct lab_machine *m)
{
	unsigned n = 0, n_kinds = m->verifier ? 3 : 4; /* a lost record would be Verifier's as well */
	for (size_t i = m->n_blocks; i-- > 0 && n < n_kinds;) {
		const struct lab_block *b = &m->blocks[i];
		uint64_t page = b->header_va & ~(uint64_t)(LAB_PAGE - 1);
		if (b->kind != LAB_KIND_SPECIAL || b->state != LAB_ALLOCATED || b->bytes > 0xe00 ||
		    page == b->header_va || b->requested % m->header_bytes == 0 ||
		    lab_mem_raw_entry(m->mem, page, 1) % 2 == 0)
			continue;
		if (n == 0) {
			lab_put8(m->mem, b->header_va - 3, 0xfe ^ lab_get32(m->mem, b->header_va - 3));
			lab_damage_note(m, "special pool pattern", b->header_va - 3);
		} else if (n == 1) {
			uint64_t at = b->header_va + b->requested;
			lab_put8(m->mem, at, 0xfe ^ lab_get32(m->mem, at - 3) >> 24);
			lab_damage_note(m, "special pool pattern", at);
		} else if (n == 2) {
			put_soft(m, page + LAB_PAGE, 0);
			lab_mem_map(m->mem, page + LAB_PAGE, LAB_PAGE, LAB_MAP_WRITE);
			/* What lies there is no block of special pool either. */
			lab_damage_note(m, "special pool guard page", page + LAB_PAGE);
			lab_damage_note(m, "special pool record", page + LAB_PAGE);
		} else {
			for (unsigned k = 0; k < LAB_PAGE; k += 8)
				lab_put64(m->mem, page + k, 0);
			lab_damage_note(m, "special pool record", page);
		}
		n++;
	}
}

/* ---- where it is, and how many pages ---- */

static void put_bitmap(struct lab_machine *m, uint64_t at, uint64_t base)
{
	lab_put64(m->mem, at + 0x10, is_split(m->b) ? 0x40000 : 1); /* of 2 MiB */
	lab_put64(m->mem, at + 0x20, base);
}

static void write_pte_base(struct lab_machine *m)
{
	static const char *const type = "_MI_SPECIAL_POOL";
	uint64_t at = lab_global_va(m, "MiSpecialPool");
	if (!lab_has_field(m->b, type, "PteBase"))
		return;
	bool is64 = lab_build_is64(m->b);
	uint64_t entry = m->b->mmu == LAB_MMU_X86 ? 4 : 8, low = is64 ? 0xffffffffffffull : 0xffffffff;
	uint64_t first = is64 ? lab_pte_base(m->b) : 0xc0000000;
	lab_put_field(m, at, type, "PteBase", first + (m->b->special_base & low) / LAB_PAGE * entry);
	lab_put32(m->mem, at + lab_offset(m->b, type, "SpecialPoolPdes"), is_split(m->b) ? 4 : 2);
}

static void write_visible_state(struct lab_machine *m)
{
	uint64_t state = lab_global_va(m, "MiState");
	uint64_t vs = state + lab_offset(m->b, "_MI_SYSTEM_INFORMATION", "Vs");
	uint64_t bitmap = state + lab_offset(m->b, "_MI_SYSTEM_INFORMATION", "SystemVa") +
			  lab_offset(m->b, "_MI_SYSTEM_VA_STATE", "DynamicBitMapSpecialPool");
	for (unsigned p = 0; p < 1 + (unsigned)is_split(m->b); p++) {
		uint64_t base = base_of(m, p);
		put_bitmap(m, bitmap + p * lab_type_size(m->b, "_MI_DYNAMIC_BITMAP"), base);
		if (m->b->number >= 15063)
			lab_put8(m->mem,
				 vs + lab_offset(m->b, "_MI_VISIBLE_STATE", "SystemVaType") + (base >> 39 & 0xff),
				 p ? TYPE_PAGED : TYPE_NX);
		unsigned index = m->b->number == 14393 ? 9 : m->b->number == 17763 ? 11 - p : 0; /* paging.md 11 */
		if (!index)
			continue;
		uint64_t region = vs + lab_offset(m->b, "_MI_VISIBLE_STATE", "SystemVaRegions") + 16 * index;
		lab_put64(m->mem, region, base);
		lab_put64(m->mem, region + 8, range_bytes(m->b));
	}
	lab_put_field(m, vs + lab_offset(m->b, "_MI_VISIBLE_STATE", "SpecialPool"), "_MI_SPECIAL_POOL", "PagesInUse",
		      m->n_special[0] + m->n_special[1]);
}

void lab_special_finish(struct lab_machine *m)
{
	const struct lab_build *b = m->b;
	if (!b->special || b->heap_backed)
		return;
	if (b->major >= 10) {
		write_visible_state(m);
		return;
	}
	if (b->major == 5) {
		lab_set_global(m, "MmSpecialPoolStart", b->special_base);
		lab_set_global(m, "MmSpecialPoolEnd", b->special_base + (2 * PAIRS_MAX - 1) * (uint64_t)LAB_PAGE);
		return;
	}
	lab_put_field(m, lab_global_va(m, "MiSpecialPool"), "_MI_SPECIAL_POOL", "PagesInUse",
		      m->n_special[0] + m->n_special[1]);
	write_pte_base(m);
	if (b->number == 9600)
		put_bitmap(m, lab_global_va(m, "MiDynamicBitMapSpecialPool"), b->special_base);
	if (b->ranges == LAB_RANGES_VATYPE_X86)
		for (unsigned p = 0; p < 2; p++)
			lab_set_va_type(m, base_of(m, p), base_of(m, p) + range_bytes(b), p ? TYPE_PAGED : TYPE_NX);
}
