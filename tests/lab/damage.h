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

/* traps.c: what a search by content may fall for, beside the variables that it looks for. */
void lab_plant_traps(struct lab_machine *m);  /* before the tables are written */
void lab_damage_traps(struct lab_machine *m); /* stale copies that can be told from the real ones */
void lab_plant_twins(struct lab_machine *m);
void lab_damage_twins(struct lab_machine *m);    /* processor tables that cannot */
void lab_damage_twin_big(struct lab_machine *m); /* a big-page table that cannot */
void lab_damage_twin_regions(struct lab_machine *m);
void lab_damage_no_kdbg(struct lab_machine *m); /* no debugger data block anywhere */
/* stacks.c: threads with call stacks. */
void lab_damage_stacks(struct lab_machine *m);
/* Says in the truth what was done. what: a constant. */
void lab_damage_note(struct lab_machine *m, const char *what, uint64_t va);

/* heap_damage.c: the same for segment heaps. */
void lab_heap_damage_holes(struct lab_machine *m, const struct lab_holes *holes);
void lab_heap_damage_headers(struct lab_machine *m, unsigned n);
enum lab_loss {
	LAB_LOSE_LFH_HEADER,
	LAB_LOSE_VS_HEADER,
	LAB_LOSE_MIDDLE,
	LAB_LOSE_SEGMENT,
	LAB_LOSE_KEYS,
	LAB_LOSE_ROOT,
	LAB_LOSE_SPECIAL
};
/* One of each kind. */
void lab_heap_damage_kinds(struct lab_machine *m);
void lab_heap_damage_session(struct lab_machine *m); /* a chunk of its heap */
/* One page, in kernel dumps only. */
void lab_heap_lose(struct lab_machine *m, enum lab_loss loss);

/* Defects of the classic pool, its tables and lists, one of each kind. */
void lab_damage_kinds(struct lab_machine *m);
/* damage_tables.c: one of each kind in the table of big allocations, and in the tables of tags. */
void lab_damage_big_table(struct lab_machine *m);
void lab_damage_tag_tables(struct lab_machine *m);
void lab_damage_session(struct lab_machine *m); /* and of the tables of a session */
void lab_damage_expansion(struct lab_machine *m);

#endif
