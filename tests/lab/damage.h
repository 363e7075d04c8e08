/* SPDX-License-Identifier: MIT */
/* What happens to a finished machine: pages lost, headers overwritten, lists that loop. */
#ifndef LAB_DAMAGE_H
#define LAB_DAMAGE_H

#include "machine.h"

struct lab_holes {
	unsigned paged_out, transition, demand_zero; /* percent of the paged pool's pages of small blocks */
	unsigned dropped;                            /* percent of all pool pages, left out of kernel dumps */
	bool tracker_page;                           /* a page of one tag table, left out of kernel dumps */
};

void lab_damage_holes(struct lab_machine *m, const struct lab_holes *holes);
/* Overwrites about n headers in the middle of pages, at most one per page. */
void lab_damage_headers(struct lab_machine *m, unsigned n);
void lab_damage_loops(struct lab_machine *m);

#endif
