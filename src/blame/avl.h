/* SPDX-License-Identifier: MIT */
/* RTL_AVL_TABLE: the tree that Verifier keeps drivers and stacks in. Reference: pool 8.2 [V] layouts, [2] rule. */
#ifndef PSC_BLAME_AVL_H
#define PSC_BLAME_AVL_H

#include "paging/space.h"

struct psc_avl_result {
	uint64_t expected; /* elements that the table counts */
	uint64_t visited;
	uint64_t unreadable; /* nodes that could not be read; their subtrees are lost with them */
	bool is_broken;      /* loops, pointers that leave kernel space, more elements than counted */
};

/* Visits the elements (the bytes behind each node's links) in key order, at most max. False when the table's head is
 * not readable or no tree. */
bool psc_avl_walk(struct psc_reader *r, uint64_t table_va, uint64_t max, bool (*visit)(void *arg, uint64_t element_va),
		  void *arg, struct psc_avl_result *ret);

#endif
