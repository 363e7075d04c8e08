/* SPDX-License-Identifier: MIT */
/*
 * The documented leak of 90 million blocks (users.md case 3) in proportion to the machine: nine tags that grow in
 * lockstep, one set per file that a container's file system leaked.
 */
#include "machine.h"

struct leak {
	const char tag[5];
	enum lab_pool pool;
	uint64_t count;              /* on the real machine */
	uint32_t min_units, n_units; /* sizes with the header, in units: min, or one of the n from min */
};

/* The averages of the report: 2176, 103.7, 144, 363.7, 160, 144.4, 32, 1664, 400 bytes. */
static const struct leak leaks[] = {
	{"Toke", LAB_POOL_PAGED, 3708367, 136, 1},    {"SeAt", LAB_POOL_PAGED, 15601954, 6, 2},
	{"SeTd", LAB_POOL_PAGED, 3708367, 9, 1},      {"FMfn", LAB_POOL_PAGED, 13564307, 18, 10},
	{"Ntfc", LAB_POOL_PAGED, 13346730, 10, 1},    {"IoNm", LAB_POOL_PAGED, 13356474, 5, 9},
	{"D2d ", LAB_POOL_PAGED, 13325627, 2, 1},     {"NtfF", LAB_POOL_PAGED, 250672, 104, 1},
	{"File", LAB_POOL_NONPAGED, 13626897, 25, 1},
};
#define N_LEAKS      (sizeof leaks / sizeof leaks[0])
#define N_FILES      13346730u      /* of the real machine */
#define LEAKED_BYTES 35000000000ull /* about, on the real machine: with what LFH subsegments withhold */
#define UNIT         16u

static uint64_t leak_one(struct lab_machine *m, const struct leak *l, enum lab_state state)
{
	uint32_t units = l->min_units + lab_random(m, l->n_units);
	struct lab_request r = {.tag = LAB_TAG(l->tag[0], l->tag[1], l->tag[2], l->tag[3]),
				.pool = l->pool,
				.bytes = (units - 1) * UNIT,
				.state = state,
				.nx = true,
				.untracked = true};
	lab_heap_block(m, lab_heap_for(m, r.pool, true, r.tag), &r);
	return units * UNIT;
}

void lab_plant_scale(struct lab_machine *m)
{
	uint64_t done[N_LEAKS] = {0}, freed[N_LEAKS] = {0}, bytes[N_LEAKS] = {0};
	uint64_t n_files = (uint64_t)((double)N_FILES * (double)m->o.pool_bytes / (double)LEAKED_BYTES);
	if (!n_files)
		n_files = 1;
	for (uint64_t file = 1; file <= n_files; file++)
		for (size_t i = 0; i < N_LEAKS; i++) {
			uint64_t wanted = (uint64_t)((double)leaks[i].count * (double)file / N_FILES);
			for (; done[i] < wanted; done[i]++)
				bytes[i] += leak_one(m, &leaks[i], LAB_ALLOCATED);
			/* Some files are closed as they should be. */
			if (!lab_random(m, 12)) {
				leak_one(m, &leaks[i], LAB_FREE);
				freed[i]++;
			}
		}
	for (size_t i = 0; i < N_LEAKS; i++)
		lab_track_bulk(m, LAB_TAG(leaks[i].tag[0], leaks[i].tag[1], leaks[i].tag[2], leaks[i].tag[3]),
			       leaks[i].pool, done[i] + freed[i], freed[i], bytes[i]);
}
