/* SPDX-License-Identifier: MIT */
/* The named machines. Numbers of the documented leaks: users.md section 6. */
#include "damage.h"
#include <string.h>

#define T4(s) LAB_TAG((s)[0], (s)[1], (s)[2], (s)[3])

/* Real blocks out of a larger count that is charged in bulk. */
static void plant_sample(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint32_t block_bytes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		lab_pool_block(m, &(struct lab_request){.tag = tag,
							.pool = pool,
							.bytes = block_bytes - m->header_bytes,
							.nx = true,
							.untracked = true});
}

static void plant_healthy(struct lab_machine *m)
{
	lab_plant_mix(m, 3000);
}

static void plant_small(struct lab_machine *m)
{
	lab_plant_mix(m, 700);
}

static void plant_abc(struct lab_machine *m)
{
	plant_small(m);
	lab_plant_exact(m, T4("Abc "), LAB_POOL_PAGED, 36405, 33930272);
	lab_plant_exact(m, T4("Tron"), LAB_POOL_PAGED, 552, 7863232);
	lab_plant_exact(m, T4("IoN7"), LAB_POOL_PAGED, 10939, 998432);
	lab_plant_exact(m, T4("Gla5"), LAB_POOL_PAGED, 2222, 924352);
	lab_plant_exact(m, T4("Gla5"), LAB_POOL_NONPAGED, 1, 128);
	lab_plant_exact(m, T4("Ggb "), LAB_POOL_PAGED, 22, 828384);
}

static void plant_ntfc(struct lab_machine *m)
{
	plant_small(m);
	lab_track_bulk(m, T4("NtFC"), LAB_POOL_NONPAGED, 19190861, 94407, 2749905184);
	plant_sample(m, T4("NtFC"), LAB_POOL_NONPAGED, 144, 1500);
}

/* One refresh of PoolMon later, 5 s: +71,040 allocations, +41 frees, +10,223,856 bytes. */
static void options_ntfc_later(struct lab_options *o)
{
	o->later_100ns = 5ull * 10000000;
}

static void plant_ntfc_later(struct lab_machine *m)
{
	plant_small(m);
	lab_track_bulk(m, T4("NtFC"), LAB_POOL_NONPAGED, 19190861 + 71040, 94407 + 41, 2749905184 + 10223856);
	plant_sample(m, T4("NtFC"), LAB_POOL_NONPAGED, 144, 1600);
}

/* Eight tags whose live counts grew together in 4.91 days, and one that has as many frees as allocations. */
static const struct {
	const char *tag;
	uint32_t grown, block_bytes;
} lockstep[] = {
	{"WCsc", 503677, 384}, {"NtfC", 503712, 144}, {"File", 514826, 400}, {"IoNm", 504435, 144},
	{"FOCX", 503787, 64},  {"FMfc", 503797, 192}, {"FMwi", 503677, 128}, {"IoFE", 1006714, 48},
};

static void plant_lockstep_group(struct lab_machine *m, bool later)
{
	for (size_t i = 0; i < sizeof lockstep / sizeof lockstep[0]; i++) {
		uint64_t live = 10 + i + (later ? lockstep[i].grown : 0), frees = 7 * i + (later ? i : 0);
		/* What there is of half a million is in the counters alone. */
		if (later) {
			lab_track_bulk(m, T4(lockstep[i].tag), LAB_POOL_NONPAGED, live + frees, frees,
				       live * lockstep[i].block_bytes);
			continue;
		}
		lab_track_bulk(m, T4(lockstep[i].tag), LAB_POOL_NONPAGED, frees, frees, 0);
		lab_plant_exact(m, T4(lockstep[i].tag), LAB_POOL_NONPAGED, live, live * lockstep[i].block_bytes);
	}
	lab_track_bulk(m, T4("WCfn"), LAB_POOL_NONPAGED, later ? 7380786 : 1000, later ? 7380786 : 1000, 0);
	lab_track_bulk(m, T4("Olda"), LAB_POOL_PAGED, later ? 500 : 100, later ? 500 : 100, 0);
	if (!later) {
		lab_plant_exact(m, T4("Olda"), LAB_POOL_PAGED, 400, 400 * 64);
		return;
	}
	lab_track_bulk(m, T4("Newa"), LAB_POOL_PAGED, 1, 1, 0);
	lab_plant_exact(m, T4("Newa"), LAB_POOL_PAGED, 39, 39 * 96);
}

static void plant_lockstep(struct lab_machine *m)
{
	plant_small(m);
	plant_lockstep_group(m, false);
}

static void plant_lockstep_later(struct lab_machine *m)
{
	plant_small(m);
	plant_lockstep_group(m, true);
}

static void options_lockstep_later(struct lab_options *o)
{
	o->later_100ns = 4242240000000; /* 4.91 days */
}

static void options_rebooted(struct lab_options *o)
{
	o->later_100ns = 4242240000000;
	o->rebooted = true;
}

/* 150 blocks with contents: of these 100 do not change, 30 get other contents, 20 are freed; 40 come new. */
static void plant_pinned_then(struct lab_machine *m, bool later)
{
	plant_small(m);
	if (m->b->heap_backed)
		return;
	for (unsigned i = 0; i < (later ? 190 : 150); i++) {
		bool is_gone = later && i >= 130 && i < 150;
		uint64_t va = lab_pool_block(m, &(struct lab_request){.tag = T4("Pind"),
								      .pool = LAB_POOL_NONPAGED,
								      .bytes = 200,
								      .nx = true,
								      .state = is_gone ? LAB_FREE : LAB_ALLOCATED});
		for (unsigned k = 0; k < 24 && !is_gone; k++)
			lab_put64(m->mem, va + 8 * k,
				  (i + 1) * 0x0101010101010101ull + k + (later && i >= 100 && k == 23));
	}
}

static void plant_pinned(struct lab_machine *m)
{
	plant_pinned_then(m, false);
}

static void plant_pinned_later(struct lab_machine *m)
{
	plant_pinned_then(m, true);
}

static void plant_wcifs(struct lab_machine *m)
{
	static const struct {
		const char *tag;
		enum lab_pool pool;
		uint64_t allocs, frees, bytes;
		uint32_t block_bytes;
	} rows[] = {
		{"WCsc", LAB_POOL_NONPAGED, 7246092, 0, 2782499328, 384},
		{"WCfc", LAB_POOL_NONPAGED, 3661981, 0, 761692048, 208},
		{"FMwi", LAB_POOL_NONPAGED, 7238556, 0, 926535168, 128},
		{"FMfc", LAB_POOL_NONPAGED, 7239311, 0, 1389947712, 192},
		{"WCri", LAB_POOL_PAGED, 3661981, 0, 1991777248, 544},
		{"WCfn", LAB_POOL_NONPAGED, 7380786, 7380786, 0, 0},
	};
	plant_small(m);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		lab_track_bulk(m, T4(rows[i].tag), rows[i].pool, rows[i].allocs, rows[i].frees, rows[i].bytes);
		if (rows[i].block_bytes)
			plant_sample(m, T4(rows[i].tag), rows[i].pool, rows[i].block_bytes, 200);
	}
}

static void plant_http_hash(struct lab_machine *m)
{
	const uint64_t count = 2418, bytes = 262144;
	/* 604 MiB of paged pool do not fit beside the rest in 32 bits: what does not is only counted. */
	uint64_t room = (m->b->paged_end - m->paged_va) / 2 / bytes, real = room < count ? room : count;
	plant_small(m);
	lab_track_bulk(m, T4("UlHT"), LAB_POOL_PAGED, count, 0, count * bytes);
	for (uint64_t i = 0; i < real; i++)
		lab_big_uncharged(m, T4("UlHT"), LAB_POOL_PAGED, bytes,
				  i % 600 ? LAB_BIG_UNTOUCHED : LAB_BIG_FIRST_PAGE);
}

static void plant_fecf(struct lab_machine *m)
{
	plant_small(m);
	lab_plant_exact(m, T4("Fecf"), LAB_POOL_NONPAGED, 95, 13680);
}

static void plant_odd_tags(struct lab_machine *m)
{
	static const uint8_t tags[][4] = {
		{0, 0, 0, 'z'},
		{'a', 0, 0xff, 'b'},
		{0xff, 0xfe, 0xfd, 0x7c},
		{0xff, 0xff, 0xff, 0x7f},
		{'"', 'q', '"', '\\'},
		{'a', '\\', 'b', ' '},
		{' ', ' ', ' ', 'x'},
		{' ', 'A', 'b', ' '},
		{'\n', '\t', '\r', 0x1b},
		{0xc3, 0xa9, 'x', 'y'},
		{'<', 'a', '&', '>'},
		{1, 2, 3, 4},
		{'P', 'r', 't', 'd' | 0x80},
		{'B', 'o', 't', 'h'},
		{'B', 'o', 't', 'h' | 0x80},
		{' ', ' ', ' ', ' '},
		{'=', 'c', 'm', 'd'},
		{0x7f, 0x80, 0x81, 0x02},
		{'u', '\'', ',', ';'},
		{'N', 'o', 'n', 'e'},
	};
	plant_small(m);
	for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
		uint32_t tag = LAB_TAG(tags[i][0], tags[i][1], tags[i][2], tags[i][3]);
		for (unsigned k = 0; k < 3 + i; k++)
			lab_small(m, tag, k % 2 ? LAB_POOL_PAGED : LAB_POOL_NONPAGED, 40 + 16 * k);
		if (i % 4 == 1)
			lab_big(m, tag, LAB_POOL_PAGED, 8192, LAB_BIG_UNTOUCHED);
	}
}

static void plant_wrapped(struct lab_machine *m)
{
	const uint64_t wrap = (uint64_t)1 << 32;
	plant_small(m);
	lab_track_cpu(m, T4("Wrap"), LAB_POOL_NONPAGED, 0, wrap + 5000, wrap - 1000, 6000 * 80);
	lab_track_cpu(m, T4("Wrap"), LAB_POOL_NONPAGED, 1, 70, 20, 50 * 80);
	lab_track_cpu(m, T4("WrpP"), LAB_POOL_PAGED, 0, wrap - 3, wrap - 103, 100 * 64);
	lab_track_bulk(m, T4("Etwr"), LAB_POOL_NONPAGED, 9000000000u + 29386669ull, 9000000000ull, 29386669ull * 80);
	lab_track_bulk(m, T4("EtwD"), LAB_POOL_PAGED, 29386543, 0, 29386543ull * 160);
	if (lab_build_is64(m->b))
		lab_track_bulk(m, T4("Huge"), LAB_POOL_PAGED, 1u << 20, 0, (uint64_t)1 << 44);
}

static void options_overflow(struct lab_options *o)
{
	o->track_log2 = 6;
}

static void plant_overflow(struct lab_machine *m)
{
	plant_small(m);
	for (unsigned i = 0; i < 260; i++)
		for (unsigned k = 0; k <= i % 4; k++)
			lab_small(m, LAB_TAG('T', 'a' + i / 100, '0' + i / 10 % 10, '0' + i % 10),
				  i % 3 ? LAB_POOL_PAGED : LAB_POOL_NONPAGED, 48 + 16 * k);
}

static void plant_negative(struct lab_machine *m)
{
	plant_small(m);
	lab_track_cpu(m, T4("NegA"), LAB_POOL_NONPAGED, 0, 1000, 0, 1000 * 64);
	lab_track_cpu(m, T4("NegA"), LAB_POOL_NONPAGED, 1, 0, 900, 0 - 900ull * 64);
	plant_sample(m, T4("NegA"), LAB_POOL_NONPAGED, 64, 100);
	lab_track_cpu(m, T4("NegP"), LAB_POOL_PAGED, 3, 50, 5000, 0 - 4950ull * 96);
	lab_track_cpu(m, T4("NegP"), LAB_POOL_PAGED, 2, 5000, 0, 5000ull * 96);
	plant_sample(m, T4("NegP"), LAB_POOL_PAGED, 96, 50);
}

/* As many tags as fill the table, and half of the expansion. */
static void options_expanded(struct lab_options *o)
{
	o->track_log2 = 8;
}

static void plant_expanded(struct lab_machine *m)
{
	lab_plant_mix(m, 300);
	for (unsigned i = 0; m->n_tags < 255 + 30; i++)
		lab_small(m, LAB_TAG('T', 'a' + i / 100, '0' + i / 10 % 10, '0' + i % 10), LAB_POOL_PAGED, 48);
}

static void options_sessions(struct lab_options *o)
{
	o->sessions = true;
}

static void options_numa(struct lab_options *o)
{
	o->n_nodes = 4;
}

static void options_special(struct lab_options *o)
{
	o->special = true;
}

static void plant_special(struct lab_machine *m)
{
	plant_small(m);
	if (!m->b->heap_backed) {
		lab_special_mix(m);
		return;
	}
	for (unsigned i = 0; i < 60; i++)
		lab_special(m, i % 4 ? T4("Spec") : T4("Spc2"), i % 2, 1 + lab_random(m, 0xfe0));
	lab_set_global32(m, "MmSpecialPoolTag", T4("Spec"));
}

static void damage_holes(struct lab_machine *m)
{
	lab_damage_holes(
		m, &(struct lab_holes){
			   .paged_out = 15, .transition = 15, .demand_zero = 2, .dropped = 6, .tracker_page = true});
}

static void lose_lfh(struct lab_machine *m)
{
	lab_heap_lose(m, LAB_LOSE_LFH_HEADER);
}

static void lose_vs(struct lab_machine *m)
{
	lab_heap_lose(m, LAB_LOSE_VS_HEADER);
}

static void lose_middle(struct lab_machine *m)
{
	lab_heap_lose(m, LAB_LOSE_MIDDLE);
}

static void lose_segment(struct lab_machine *m)
{
	lab_heap_lose(m, LAB_LOSE_SEGMENT);
}

static void lose_keys(struct lab_machine *m)
{
	lab_heap_lose(m, LAB_LOSE_KEYS);
}

static void lose_root(struct lab_machine *m)
{
	lab_heap_lose(m, LAB_LOSE_ROOT);
}

static void lose_special(struct lab_machine *m)
{
	lab_heap_lose(m, LAB_LOSE_SPECIAL);
}

static void damage_headers(struct lab_machine *m)
{
	lab_damage_headers(m, 24);
}

static void plant_defects(struct lab_machine *m)
{
	lab_plant_mix(m, 3000);
	lab_track_cpu(m, T4("Nega"), LAB_POOL_NONPAGED, 0, 10, 30, 0 - 20ull * 64);
	lab_track_cpu(m, T4("Negb"), LAB_POOL_PAGED, 0, 10, 5, 0 - 64ull);
	lab_pool_block(m, &(struct lab_request){.tag = T4("QuoD"),
						.pool = LAB_POOL_NONPAGED,
						.bytes = 88,
						.nx = true,
						.quota_process = m->processes[0].va});
	if (!m->b->heap_backed)
		return;
	for (unsigned i = 0; i < 4; i++)
		lab_special(m, T4("Spec"), i % 2, 100 + i);
	lab_big(m, T4("Larg"), LAB_POOL_PAGED, 0x900000, LAB_BIG_UNTOUCHED);
}

/* Healthy but for two tags: one counts a thousand blocks that are not there, one a MiB. */
static void plant_miscounted(struct lab_machine *m)
{
	lab_plant_mix(m, 3000);
	lab_track_bulk(m, T4("Lost"), LAB_POOL_NONPAGED, 5000, 4000, 64000);
	lab_small(m, T4("Byte"), LAB_POOL_PAGED, 100);
	lab_track_bulk(m, T4("Byte"), LAB_POOL_PAGED, 0, 0, 1 << 20);
}

static void options_no_tagging(struct lab_options *o)
{
	o->no_tagging = true;
	o->no_session = true;
}

static void options_other_softpte(struct lab_options *o)
{
	o->other_softpte = true;
}

static void options_moved_mi(struct lab_options *o)
{
	o->moved_mi = true;
}

static void options_la57(struct lab_options *o)
{
	o->la57 = o->no_session = true;
}

static void options_encoded(struct lab_options *o)
{
	o->encode_kdbg = true;
}

static void options_packed(struct lab_options *o)
{
	o->packed_slists = true;
}

static void options_large(struct lab_options *o)
{
	o->large_pages = true;
	o->ram_bytes = o->ram_bytes < (128u << 20) ? 128u << 20 : o->ram_bytes;
}

static void plant_large(struct lab_machine *m)
{
	/* Enough to leave the first, small-mapped megabytes. */
	lab_plant_mix(m, m->b->heap_backed ? 300 : 12000);
	if (!m->n_large_pages && !m->b->heap_backed)
		lab_die("no large page came to be");
}

static void options_verifier(struct lab_options *o)
{
	o->verifier = true;
}

static void options_verifier_special(struct lab_options *o)
{
	o->verifier = o->special = true;
}

static void plant_verifier(struct lab_machine *m)
{
	plant_small(m);
	lab_verifier_plant(m);
}

static void plant_verifier_special(struct lab_machine *m)
{
	m->special_records = !m->b->heap_backed;
	plant_verifier(m);
}

/* users.md case 15: '1234' in the source, four sites. */
static void plant_owner_npcap(struct lab_machine *m)
{
	plant_small(m);
	lab_owner_begin(m, "npcap");
	lab_owner_blocks(m, T4("4321"), LAB_POOL_NONPAGED, 512, 400);
	lab_owner_blocks(m, T4("4321"), LAB_POOL_NONPAGED, 96, 300);
	lab_owner_blocks(m, T4("4321"), LAB_POOL_NONPAGED, 1800, 50);
}

/* users.md case 17: who asks netio for the blocks. */
static void plant_owner_fecf(struct lab_machine *m)
{
	plant_small(m);
	lab_owner_begin(m, m->o.verifier ? "fecf-verified" : "fecf");
	if (m->o.verifier)
		lab_verifier_plant_owner(m);
	else
		lab_owner_blocks(m, T4("Fecf"), LAB_POOL_NONPAGED, 128, 95);
}

/* users.md case 20 */
static void plant_owner_ebpf(struct lab_machine *m)
{
	plant_small(m);
	lab_owner_begin(m, "ebpf");
	lab_verifier_plant_owner(m);
}

/* users.md case 10: a generic tag; what the blocks hold points to the driver. */
static void plant_owner_strings(struct lab_machine *m)
{
	plant_small(m);
	lab_owner_begin(m, "strings");
	lab_owner_blocks(m, T4("Strg"), LAB_POOL_PAGED, 200, 600);
}

/* users.md case 31: much, and nobody's fault. */
static void plant_owner_cache(struct lab_machine *m)
{
	lab_owner_begin(m, "cache");
	plant_small(m);
	lab_owner_blocks(m, T4("MmSt"), LAB_POOL_PAGED, 1200, 2000);
	lab_owner_blocks(m, T4("MmSt"), LAB_POOL_PAGED, 400, 3000);
}

/* users.md case 4, with the driver whose tag is in the group. */
static void plant_owner_lockstep(struct lab_machine *m)
{
	lab_owner_begin(m, "lockstep");
	lab_plant_mix(m, 300);
	plant_lockstep_group(m, true);
}

/* users.md case 5, smaller: process objects that ended. */
static void plant_owner_proc(struct lab_machine *m)
{
	uint32_t tag = T4("Proc") | (m->b->protected_object_tags ? LAB_PROTECTED : 0);
	uint32_t thread_tag = T4("Thre") | (m->b->protected_object_tags ? LAB_PROTECTED : 0);
	plant_small(m);
	lab_owner_begin(m, "cache");
	lab_owner_blocks(m, tag, LAB_POOL_NONPAGED, 1232, 500);
	lab_owner_blocks(m, thread_tag, LAB_POOL_NONPAGED, 1216, 30);
	lab_owner_blocks(m, T4("Filt"), LAB_POOL_NONPAGED, 200, 8);
	lab_objects_plant(m);
}

static void plant_owner_quota(struct lab_machine *m)
{
	static const unsigned charged[] = {60, 25, 15}; /* explorer.exe, svchost.exe, nobody */
	plant_small(m);
	lab_owner_begin(m, "quota");
	for (unsigned i = 0; i < 3; i++)
		for (unsigned n = 0; n < charged[i]; n++)
			lab_pool_block(m, &(struct lab_request){.tag = T4("Qota"),
								.pool = LAB_POOL_NONPAGED,
								.bytes = 300,
								.quota_process = i == 2 ? 0 : m->processes[7 - i].va});
	lab_owner_blocks(m, T4("Prct") | LAB_PROTECTED, LAB_POOL_NONPAGED, 256, 40);
}

/* Cases 2, 6, 7, 9, 11, 12, 13, 14, 25, 28, 29: one culprit each. */
static void plant_owner_documented(struct lab_machine *m)
{
	static const struct {
		const char *tag;
		enum lab_pool pool;
		uint32_t bytes;
		unsigned n;
	} rows[] = {
		{"WCsc", LAB_POOL_NONPAGED, 368, 80},  {"WCfc", LAB_POOL_NONPAGED, 192, 40},
		{"Acrl", LAB_POOL_NONPAGED, 336, 120}, {"SysR", LAB_POOL_NONPAGED, 1000, 25},
		{"BLFP", LAB_POOL_NONPAGED, 448, 60},  {"NVRM", LAB_POOL_NONPAGED, 640, 30},
		{"Leak", LAB_POOL_NONPAGED, 2000, 10}, {"Irp ", LAB_POOL_NONPAGED, 1204, 50},
		{"Mmdi", LAB_POOL_NONPAGED, 144, 70},  {"FMfn", LAB_POOL_PAGED, 348, 90},
		{"NPBL", LAB_POOL_NONPAGED, 368, 35},  {"Mdl ", LAB_POOL_NONPAGED, 64, 35},
	};
	plant_small(m);
	lab_owner_begin(m, "documented");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		lab_owner_blocks(m, T4(rows[i].tag), rows[i].pool, rows[i].bytes, rows[i].n);
	for (unsigned i = 0; i < 12; i++)
		lab_big(m, T4("UlHT"), LAB_POOL_PAGED, 262144, LAB_BIG_UNTOUCHED);
}

/* Cases 0, 1, 3, 8, 16, 18, 19, 21 to 24, 26, 27, 30, 32: one culprit each, or none. Where counters are public, the
   trackers have them; the blocks are a sample. */
static void plant_owner_documented_more(struct lab_machine *m)
{
	static const struct {
		const char *tag;
		enum lab_pool pool;
		uint32_t bytes;
		unsigned n;
		uint64_t allocs, frees, live_bytes; /* beside the sample */
	} rows[] = {
		{"Abc ", LAB_POOL_PAGED, 916, 40, 36365, 0, 33892992},
		{"NtFC", LAB_POOL_NONPAGED, 128, 60, 19190801, 94407, 2749896544},
		{"Toke", LAB_POOL_PAGED, 2160, 8, 3708359, 0, 8069389184},
		{"SeTd", LAB_POOL_PAGED, 128, 8, 3708359, 0, 534003696},
		{"FMfn", LAB_POOL_PAGED, 348, 60, 13564247, 0, 4937385908},
		{"IoNm", LAB_POOL_PAGED, 128, 20, 13356454, 0, 1923329376},
		{"File", LAB_POOL_NONPAGED, 384, 20, 13626877, 0, 5450750800},
		{"Etwr", LAB_POOL_NONPAGED, 64, 60, 29386609, 0, 2350928720},
		{"EtwD", LAB_POOL_PAGED, 136, 60, 29386483, 0, 4466745416},
		{"NpCD", LAB_POOL_NONPAGED, 112, 50, 0, 0, 0},
		{"NpNL", LAB_POOL_NONPAGED, 176, 50, 0, 0, 0},
		{"NpNB", LAB_POOL_NONPAGED, 240, 50, 0, 0, 0},
		{"NpPD", LAB_POOL_NONPAGED, 304, 50, 0, 0, 0},
		{"Mdl ", LAB_POOL_NONPAGED, 64, 40, 2492000, 176, 199346000},
		{"Pp  ", LAB_POOL_PAGED, 16, 40, 0, 0, 0},
		{"LbK1", LAB_POOL_PAGED, 0x58, 40, 0, 0, 0},
		{"ovpn", LAB_POOL_NONPAGED, 120, 1, 0, 0, 0},
		{"Dfsx", LAB_POOL_NONPAGED, 200, 2, 0, 0, 0},
		{"UCOD", LAB_POOL_NONPAGED, 240, 80, 0, 0, 0},
		{"NpSN", LAB_POOL_NONPAGED, 176, 50, 0, 0, 0},
		{"NpSB", LAB_POOL_NONPAGED, 240, 50, 0, 0, 0},
		{"LxSk", LAB_POOL_PAGED, 640, 60, 0, 0, 0},
		{"FMsl", LAB_POOL_NONPAGED, 176, 60, 0, 0, 0},
		{"Se  ", LAB_POOL_PAGED, 80, 60, 0, 0, 0},
	};
	lab_owner_begin(m, "documented-more");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		lab_owner_blocks(m, T4(rows[i].tag), rows[i].pool, rows[i].bytes, rows[i].n);
		if (rows[i].allocs)
			lab_track_bulk(m, T4(rows[i].tag), rows[i].pool, rows[i].allocs, rows[i].frees,
				       rows[i].live_bytes);
	}
	for (unsigned i = 0; i < 24; i++)
		lab_big(m, T4("Splb"), LAB_POOL_PAGED, 131072, LAB_BIG_UNTOUCHED);
}

/* Case 34 */
static void plant_owner_documented_verified(struct lab_machine *m)
{
	plant_small(m);
	lab_owner_begin(m, "documented-verified");
	lab_verifier_plant_owner(m);
}

static void options_owner_proc(struct lab_options *o)
{
	o->objects = true;
}

static void options_stackdb(struct lab_options *o)
{
	o->stackdb = LAB_STACKDB_USED;
}

static void options_stackdb_xp(struct lab_options *o)
{
	options_no_tagging(o);
	options_stackdb(o);
}

static void options_stackdb_stale(struct lab_options *o)
{
	o->stackdb = LAB_STACKDB_STALE;
}

static void plant_stackdb(struct lab_machine *m)
{
	plant_small(m);
	lab_stackdb_plant(m);
}

static void options_stacks(struct lab_options *o)
{
	(void)o;
	lab_image_with_unwind_data();
}

static void options_bench(struct lab_options *o)
{
	o->no_block_records = true;
	o->fill_seed = o->seed | 1;
	if (o->ram_bytes < (uint64_t)512 << 20)
		o->ram_bytes = (uint64_t)8 << 30;
	if (!o->pool_bytes)
		o->pool_bytes = o->build->heap_backed ? o->ram_bytes / 8 * 5 : o->ram_bytes / 4;
}

static void plant_bench(struct lab_machine *m)
{
	uint64_t pages;
	if (m->b->heap_backed) {
		lab_plant_mix(m, 20000);
		lab_plant_scale(m);
		return;
	}
	do {
		lab_plant_mix(m, 20000);
		pages = 0;
		for (size_t i = 0; i < m->n_streams; i++)
			pages += m->streams[i].pages;
	} while (pages * LAB_PAGE < m->o.pool_bytes);
}

/* As many blocks as memory holds: the smallest ones, in both pools. */
static void plant_bench_rows(struct lab_machine *m)
{
	uint64_t pages = 0;
	lab_plant_mix(m, 20000);
	for (uint64_t i = 0; pages * LAB_PAGE < m->o.pool_bytes; i++) {
		enum lab_pool pool = i & 1 ? LAB_POOL_PAGED : LAB_POOL_NONPAGED;
		lab_pool_block(m,
			       &(struct lab_request){
				       .tag = T4("Rows"), .pool = pool, .bytes = 1 + i % m->header_bytes, .nx = true});
		if (i % 4096 != 0)
			continue;
		pages = 0;
		for (size_t k = 0; k < m->n_streams; k++)
			pages += m->streams[k].pages;
	}
}

static const struct lab_case cases[] = {
	{"healthy", "tracker equals walk, tag by tag", NULL, NULL, plant_healthy, NULL},
	{"leak-abc", "users.md case 0: Abc 36,405 blocks, Tron, IoN7, Gla5, Ggb", NULL, NULL, plant_abc, NULL},
	{"ntfc", "users.md case 1: 19 million NtFC of 144 bytes", NULL, NULL, plant_ntfc, NULL},
	{"ntfc-later", "the same, one refresh later", NULL, options_ntfc_later, plant_ntfc_later, NULL},
	{"lockstep", "users.md case 4, before", NULL, NULL, plant_lockstep, NULL},
	{"lockstep-later", "users.md case 4, 4.91 days later", NULL, options_lockstep_later, plant_lockstep_later,
	 NULL},
	{"lockstep-rebooted", "users.md case 4, after a reboot", NULL, options_rebooted, plant_lockstep_later, NULL},
	{"pinned", "150 blocks with contents", NULL, NULL, plant_pinned, NULL},
	{"pinned-later", "100 of them unchanged", NULL, options_ntfc_later, plant_pinned_later, NULL},
	{"wcifs", "users.md case 2: WCsc, WCfc, FMwi, FMfc, WCri without frees", NULL, NULL, plant_wcifs, NULL},
	{"http-hash", "users.md case 9: 2,418 big blocks UlHT", NULL, NULL, plant_http_hash, NULL},
	{"fecf", "users.md case 17: 95 blocks of 144", NULL, NULL, plant_fecf, NULL},
	{"odd-tags", "tags with any bytes, protected ones", NULL, NULL, plant_odd_tags, NULL},
	{"wrapped", "counters beyond 32 bits", NULL, NULL, plant_wrapped, NULL},
	{"overflow-row", "a table of 64 slots, an expansion table, the overflow entry", NULL, options_overflow,
	 plant_overflow, NULL},
	{"negative-percpu", "blocks freed on another processor", NULL, NULL, plant_negative, NULL},
	{"expanded", "a full table of 256 slots, an expansion table with room", NULL, options_expanded, plant_expanded,
	 NULL},
	{"expanded-defects", "the same, with tags that stand twice", NULL, options_expanded, plant_expanded,
	 lab_damage_expansion},
	{"sessions", "sessions with tables of their own, on x64 two at one address", NULL, options_sessions,
	 plant_small, NULL},
	{"packed-slists", "lookasides in the form without 16-byte compare-exchange", NULL, options_packed, plant_small,
	 NULL},
	{"large-pages", "nonpaged pool on large pages beside small ones", NULL, options_large, plant_large, NULL},
	{"numa", "four nodes", "2004-x64", options_numa, plant_healthy, NULL},
	{"special-pool", "special pool, that of heaps or of the classic allocator", "2004-x64", options_special,
	 plant_special, NULL},
	{"holes", "pages paged out, in transition, left out of kernel dumps", NULL, NULL, plant_healthy, damage_holes},
	{"lost-lfh", "heap: the first page of an LFH subsegment", "2004-x64", NULL, plant_healthy, lose_lfh},
	{"lost-vs", "heap: the first page of a VS subsegment", "2004-x64", NULL, plant_healthy, lose_vs},
	{"lost-middle", "heap: a later page of each", "2004-x64", NULL, plant_healthy, lose_middle},
	{"lost-segment", "heap: the first page of a segment", "2004-x64", NULL, plant_healthy, lose_segment},
	{"lost-keys", "heap: the page of the keys", "2004-x64", NULL, plant_healthy, lose_keys},
	{"lost-root", "heap: the page of the pool's first node", "2004-x64", NULL, plant_healthy, lose_root},
	{"lost-special", "heap: two pages of special pool", "2004-x64", NULL, plant_special, lose_special},
	{"corrupt-headers", "overwritten block headers", NULL, NULL, plant_healthy, damage_headers},
	{"defects", "one defect of each kind", "7-x64", options_sessions, plant_defects, lab_damage_kinds},
	{"miscounted", "two tags whose counters are wrong", NULL, NULL, plant_miscounted, NULL},
	{"verifier-defects", "Driver Verifier's records, trailers and counters overwritten", NULL, options_verifier,
	 plant_verifier, lab_verifier_damage},
	{"special-pool-defects", "the same, written around its blocks", "7-x64", options_special, plant_special,
	 lab_special_damage},
	{"verifier-special", "classic special pool of Driver Verifier", "7-x64", options_verifier_special,
	 plant_verifier_special, NULL},
	{"verifier-special-defects", "the same, written around its blocks", "7-x64", options_verifier_special,
	 plant_verifier_special, lab_special_damage},
	{"loops", "page tables, module, process and lookaside lists that loop", NULL, NULL, plant_small,
	 lab_damage_loops},
	{"verifier", "Driver Verifier with pool tracking, one of its drivers unloaded", NULL, options_verifier,
	 plant_verifier, NULL},
	{"verifier-lost", "the same without the last page of records of two drivers in kernel dumps", NULL,
	 options_verifier, plant_verifier, lab_verifier_lose},
	{"owner-npcap", "users.md case 15: one tag at four call sites", "7-x64", NULL, plant_owner_npcap, NULL},
	{"owner-fecf", "users.md case 17: the owner of the tag is not who holds the blocks", "7-x64", NULL,
	 plant_owner_fecf, NULL},
	{"owner-fecf-verified", "the same, with Driver Verifier on", "7-x64", options_verifier, plant_owner_fecf, NULL},
	{"owner-ebpf", "users.md case 20: one block that Driver Verifier recorded", "7-x64", options_verifier,
	 plant_owner_ebpf, NULL},
	{"owner-strings", "users.md case 10: blocks of the kernel that point to a driver", "7-x64", NULL,
	 plant_owner_strings, NULL},
	{"owner-cache", "users.md case 31: MmSt, a cache", "7-x64", NULL, plant_owner_cache, NULL},
	{"owner-lockstep", "users.md case 4: tags that go together", "7-x64", NULL, plant_owner_lockstep, NULL},
	{"owner-quota", "blocks charged to processes, and a tag with the protected bit", "7-x64", NULL,
	 plant_owner_quota, NULL},
	{"owner-documented", "cases of users.md with one culprit each", "7-x64", NULL, plant_owner_documented, NULL},
	{"owner-documented-more", "more of them, and those that name no driver", "7-x64", NULL,
	 plant_owner_documented_more, NULL},
	{"owner-documented-verified", "users.md case 34: one block left at unload", "7-x64", options_verifier,
	 plant_owner_documented_verified, NULL},
	{"owner-proc", "users.md case 5: process objects that ended", "7-x64", options_owner_proc, plant_owner_proc,
	 NULL},
	{"no-tagging-xp", "no tag tables", "xp-x86", options_no_tagging, plant_small, NULL},
	{"stackdb", "the kernel's stack-trace database, named by pool headers", NULL, options_stackdb, plant_stackdb,
	 NULL},
	{"stackdb-xp", "the same in the place of tags", "xp-x86", options_stackdb_xp, lab_stackdb_plant, NULL},
	{"stackdb-stale", "the database beside headers that hold other numbers", NULL, options_stackdb_stale,
	 plant_stackdb, NULL},
	{"la57", "page tables of five levels", "11-22h2-x64", options_la57, plant_small, NULL},
	{"encoded-kdbg", "scrambled debugger data block", "8.1-x64", options_encoded, plant_small, NULL},
	{"bench", "large, full of small blocks; on segment heaps users.md case 3 in proportion", NULL, options_bench,
	 plant_bench, NULL},
	{"bench-rows", "large, full of the smallest blocks, for blocks of 100 million rows", NULL, options_bench,
	 plant_bench_rows, NULL},
	{"traps", "stale copies of tables and descriptors near the real ones", NULL, NULL, lab_plant_traps,
	 lab_damage_traps},
	{"twins", "copies of the processors' tag tables that nothing tells from them", NULL, NULL, lab_plant_twins,
	 lab_damage_twins},
	{"twin-big", "two big-page tables that both list themselves", NULL, NULL, plant_small, lab_damage_twin_big},
	{"other-softpte", "the generation of page table entries that this build does not have", "2003-x64",
	 options_other_softpte, plant_healthy, damage_holes},
	{"moved-mi", "MiState laid out as no table has it", "2016-x64", options_moved_mi, plant_healthy, NULL},
	{"twin-regions", "two tables of kernel space's regions that differ", "2016-x64", NULL, plant_small,
	 lab_damage_twin_regions},
	{"stacks", "threads in several states, and the call stacks of a plan", NULL, options_stacks, plant_small,
	 lab_damage_stacks},
	{"no-kdbg", "a wiped debugger data block", NULL, NULL, plant_small, lab_damage_no_kdbg},
};

const struct lab_case *lab_case_find(const char *name)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (!strcmp(cases[i].name, name))
			return &cases[i];
	return NULL;
}

const struct lab_case *lab_case_at(size_t i)
{
	return i < sizeof cases / sizeof cases[0] ? &cases[i] : NULL;
}
