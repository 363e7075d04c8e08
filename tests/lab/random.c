/* SPDX-License-Identifier: MIT */
/* A machine of which everything is drawn from the seed. */
#include "damage.h"

static void options_random(struct lab_options *o)
{
	uint64_t rng = o->seed ^ 0x5eed5eed;
	o->n_cpus = 1 + (unsigned)(lab_rand(&rng) % 8);
	o->ram_bytes = (uint64_t)(48 + lab_rand(&rng) % 160) << 20;
	o->packed_slists = lab_rand(&rng) % 4 == 0;
	o->encode_kdbg = lab_rand(&rng) % 6 == 0;
	o->invalid_pte_mask = lab_rand(&rng) % 4 ? (uint64_t)1 << 45 : 0;
	if (lab_rand(&rng) % 6 == 0)
		o->track_log2 = 6;
	o->n_nodes = lab_rand(&rng) % 4 ? 1 : 2 + (unsigned)(lab_rand(&rng) % 7);
	o->no_session = lab_rand(&rng) % 4 == 0;
}

static void plant_tags(struct lab_machine *m)
{
	unsigned n = lab_random(m, 150);
	for (unsigned i = 0; i < n; i++) {
		uint32_t tag = 0;
		bool odd = lab_random(m, 8) == 0;
		for (int k = 0; k < 4; k++)
			tag |= (odd ? lab_random(m, 256) : 0x21 + lab_random(m, 0x5d)) << (8 * k);
		if (!(tag & ~LAB_PROTECTED))
			continue;
		enum lab_pool pool = lab_random(m, 2) ? LAB_POOL_PAGED : LAB_POOL_NONPAGED;
		unsigned n_blocks = lab_random(m, 12), bytes = 1 + lab_random(m, lab_random(m, 4) ? 200 : 3000);
		for (unsigned k = 0; k < n_blocks; k++)
			lab_small(m, tag, pool, bytes);
		if (lab_random(m, 3) == 0)
			lab_track_bulk(m, tag, pool, lab_random(m, 1000000), 0, 0);
		for (unsigned k = lab_random(m, 10) ? 0 : 1 + lab_random(m, 3); k; k--)
			lab_big(m, tag, pool, LAB_PAGE * (1 + lab_random(m, 20)),
				(enum lab_big_content)lab_random(m, LAB_BIG_TRAP + 1));
		if (lab_random(m, 12) == 0)
			lab_big_freed(m, tag, pool, LAB_PAGE * (1 + lab_random(m, 5)));
	}
}

static void plant_random(struct lab_machine *m)
{
	lab_plant_mix(m, 1 + lab_random(m, 3000));
	plant_tags(m);
}

static void damage_random(struct lab_machine *m)
{
	if (lab_random(m, 2))
		lab_damage_holes(m, &(struct lab_holes){.paged_out = lab_random(m, 40),
							.transition = lab_random(m, 40),
							.demand_zero = lab_random(m, 10),
							.dropped = lab_random(m, 3) ? 0 : lab_random(m, 30),
							.tracker_page = lab_random(m, 3) == 0});
	if (lab_random(m, 3) == 0)
		lab_damage_headers(m, lab_random(m, 30));
	if (lab_random(m, 6) == 0)
		lab_damage_loops(m);
}

const struct lab_case lab_case_random = {"random",     "everything from a seed", NULL, options_random, plant_random,
					 damage_random};
