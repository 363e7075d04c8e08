/* SPDX-License-Identifier: MIT */
/* The usual content of a pool: tags of kernel components with their usual sizes. */
#include "machine.h"
#include <string.h>

struct spec {
	const char *tag;
	enum lab_pool pool;
	uint16_t min_bytes, max_bytes, weight;
	bool quota, object;
};

static const struct spec specs[] = {
	{"File", LAB_POOL_NONPAGED, 0x100, 0x150, 12, false, true},
	{"Even", LAB_POOL_NONPAGED, 0x60, 0x80, 8, true, true},
	{"Sema", LAB_POOL_NONPAGED, 0x60, 0x80, 3, true, true},
	{"Mdl ", LAB_POOL_NONPAGED, 0x40, 0x180, 6, false, false},
	{"Irp ", LAB_POOL_NONPAGED, 0x100, 0x3f0, 6, false, false},
	{"MmCa", LAB_POOL_NONPAGED, 0x70, 0x130, 10, false, false},
	{"Vad ", LAB_POOL_NONPAGED, 0x40, 0x80, 9, true, false},
	{"EtwB", LAB_POOL_NONPAGED, 0x800, 0xfa0, 1, false, false},
	{"CcSc", LAB_POOL_NONPAGED, 0x140, 0x1e0, 4, false, false},
	{"TcpE", LAB_POOL_NONPAGED, 0x200, 0x3a0, 2, false, false},
	{"AfdE", LAB_POOL_NONPAGED, 0xf0, 0x190, 3, true, false},
	{"PcwC", LAB_POOL_NONPAGED, 1, 0x30, 3, false, false},
	{"CM31", LAB_POOL_PAGED, 0x400, 0xfc0, 2, false, false},
	{"CMVa", LAB_POOL_PAGED, 8, 0x60, 10, false, false},
	{"ObNm", LAB_POOL_PAGED, 0x10, 0x90, 8, false, false},
	{"Toke", LAB_POOL_PAGED, 0x400, 0x7b0, 2, true, true},
	{"SeAt", LAB_POOL_PAGED, 0x40, 0x70, 4, false, false},
	{"MmSt", LAB_POOL_PAGED, 0x30, 0xd00, 6, false, false},
	{"FMfn", LAB_POOL_PAGED, 0x100, 0x1e0, 6, false, false},
	{"NtfF", LAB_POOL_PAGED, 0x300, 0x680, 3, false, false},
	{"Key ", LAB_POOL_PAGED, 0x60, 0xb0, 6, true, true},
	{"IoNm", LAB_POOL_PAGED, 0x20, 0xe0, 6, true, false},
};
#define N_SPECS (sizeof specs / sizeof specs[0])

static uint32_t spec_tag(const struct lab_machine *m, const struct spec *s)
{
	uint32_t tag = LAB_TAG(s->tag[0], s->tag[1], s->tag[2], s->tag[3]);
	return s->object && m->b->protected_object_tags ? tag | LAB_PROTECTED : tag;
}

static const struct spec *draw_spec(struct lab_machine *m)
{
	unsigned total = 0;
	for (size_t i = 0; i < N_SPECS; i++)
		total += specs[i].weight;
	unsigned x = lab_random(m, total);
	for (size_t i = 0;; i++) {
		if (x < specs[i].weight)
			return &specs[i];
		x -= specs[i].weight;
	}
}

static enum lab_state draw_state(struct lab_machine *m)
{
	unsigned x = lab_random(m, 1000), cached = m->o.no_block_records ? 2 : 60,
		 pending = m->o.no_block_records ? 0 : 8;
	if (x < 110)
		return LAB_FREE;
	if (x < 110 + cached)
		return LAB_CACHED;
	return x < 110 + cached + pending ? LAB_PENDING : LAB_ALLOCATED;
}

static void one_block(struct lab_machine *m)
{
	const struct spec *s = draw_spec(m);
	struct lab_request r = {
		.tag = spec_tag(m, s),
		.pool = s->pool,
		.bytes = s->min_bytes + lab_random(m, s->max_bytes - s->min_bytes + 1u),
		.state = draw_state(m),
		.nx = lab_random(m, 4) != 0,
		.cache_aligned = lab_random(m, 50) == 0,
		.slack_unit = lab_random(m, 40) == 0,
	};
	if (s->quota && lab_random(m, 3) == 0 && r.state != LAB_FREE)
		r.quota_process = m->processes[lab_random(m, (uint32_t)m->n_processes)].va;
	if (r.bytes + 64 > lab_pool_max_small(m))
		r.cache_aligned = r.slack_unit = false;
	lab_pool_block(m, &r);
}

static void plant_bigs(struct lab_machine *m)
{
	static const struct {
		const char *tag;
		enum lab_pool pool;
		unsigned pages;
		enum lab_big_content content;
	} bigs[] = {
		{"EtwB", LAB_POOL_NONPAGED, 16, LAB_BIG_FIRST_PAGE}, {"EtwB", LAB_POOL_NONPAGED, 16, LAB_BIG_TRAP},
		{"MmPf", LAB_POOL_NONPAGED, 3, LAB_BIG_TRAP},        {"CM31", LAB_POOL_PAGED, 1, LAB_BIG_ZERO},
		{"CM31", LAB_POOL_PAGED, 5, LAB_BIG_UNTOUCHED},      {"CM31", LAB_POOL_PAGED, 4, LAB_BIG_TRAP},
		{"NtfF", LAB_POOL_PAGED, 2, LAB_BIG_ZERO},           {"SmsB", LAB_POOL_PAGED, 64, LAB_BIG_UNTOUCHED},
	};
	for (size_t i = 0; i < sizeof bigs / sizeof bigs[0]; i++) {
		uint32_t tag = LAB_TAG(bigs[i].tag[0], bigs[i].tag[1], bigs[i].tag[2], bigs[i].tag[3]);
		uint64_t bytes = (uint64_t)bigs[i].pages * LAB_PAGE;
		/* Heap-backed pools charge what was asked for, in units. */
		lab_big(m, tag, bigs[i].pool, m->b->heap_backed ? bytes + 0x230 : bytes, bigs[i].content);
		if (i % 2)
			lab_big_freed(m, tag, bigs[i].pool, bytes + 0x1000);
	}
}

/* Every place that a heap has for big allocations (pool.md 6.8). */
static void plant_heap_bigs(struct lab_machine *m)
{
	static const struct {
		const char *tag;
		enum lab_pool pool;
		unsigned n;
		uint32_t min_bytes, max_bytes;
	} bigs[] = {
		{"NtfB", LAB_POOL_PAGED, 24, 0x1f10, 0x1fc0},       {"CcBm", LAB_POOL_NONPAGED, 22, 0x3e10, 0x3fc0},
		{"CM25", LAB_POOL_PAGED, 12, 0xff0, 0x8000},        {"MmBk", LAB_POOL_NONPAGED, 8, 0xff0, 0xf000},
		{"EtwB", LAB_POOL_NONPAGED, 6, 0x8000, 0x7f000},    {"SmBt", LAB_POOL_PAGED, 3, 0x7f010, 0x7f0000},
		{"VfPT", LAB_POOL_NONPAGED, 2, 0x80000, 0x200000},  {"DxgA", LAB_POOL_PAGED, 3, 0x7f0010, 0x1800000},
		{"Hpag", LAB_POOL_NONPAGED, 2, 0x7f1000, 0xa00000},
	};
	for (size_t i = 0; i < sizeof bigs / sizeof bigs[0]; i++)
		for (unsigned k = 0; k < bigs[i].n; k++) {
			uint32_t tag = LAB_TAG(bigs[i].tag[0], bigs[i].tag[1], bigs[i].tag[2], bigs[i].tag[3]);
			uint32_t bytes = bigs[i].min_bytes + lab_random(m, bigs[i].max_bytes - bigs[i].min_bytes + 1);
			lab_big(m, tag, bigs[i].pool, bytes, k % 3 ? LAB_BIG_UNTOUCHED : LAB_BIG_FIRST_PAGE);
			if (k % 4 == 3)
				lab_big_freed(m, tag, bigs[i].pool, bytes);
		}
	lab_big_outside(m, LAB_TAG('C', 'o', 'n', 't'), LAB_POOL_NONPAGED, 0x5000);
}

void lab_plant_mix(struct lab_machine *m, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		one_block(m);
		if (i % 400 == 200 && !m->b->heap_backed)
			lab_pool_stale_page(m);
	}
	/* What came and went. */
	for (size_t i = 0; i < N_SPECS; i++) {
		uint64_t done = lab_random(m, 100000);
		lab_track_bulk(m, spec_tag(m, &specs[i]), specs[i].pool, done, done, 0);
	}
	lab_track_bulk(m, LAB_TAG('G', 'o', 'n', 'e'), LAB_POOL_PAGED, 4711, 4711, 0);
	plant_bigs(m);
	if (m->b->heap_backed)
		plant_heap_bigs(m);
}
