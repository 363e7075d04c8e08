/* SPDX-License-Identifier: MIT */
/* What of a loaded module matters to a call stack, read when the first address in it is asked for: where its exception
 * directory is, and which of its sections hold code. */
#ifndef PSC_BLAME_STACK_MODULES_H
#define PSC_BLAME_STACK_MODULES_H

#include "kernel/unwind.h"
#include "util/rangeset.h"

struct psc_stack_module {
	struct psc_unwind_image image;
	bool is_read, has_sections;
	struct {
		uint32_t lo, hi;
	} * code; /* RVAs of executable sections */
	size_t n_code;
};

struct psc_stack_modules {
	struct psc_kernel *k;
	struct psc_unwind_memory memory; /* the dump's kernel address space */
	struct psc_stack_module *items;  /* as k->modules, loaded ones */
	struct psc_rangeset set;         /* data: index */
	struct psc_arena arena;
	uint64_t n_without_unwind; /* of those read: no exception directory that is in the dump */
};

/* k is borrowed. */
bool psc_stack_modules_init(struct psc_stack_modules *s, struct psc_kernel *k); /* false: out of memory */
void psc_stack_modules_deinit(struct psc_stack_modules *s);

/* The loaded module that holds va, or NULL. *ret_index may be NULL. */
const struct psc_stack_module *psc_stack_module_at(struct psc_stack_modules *s, uint64_t va, uint32_t *ret_index);

/* 1: va is in an executable section of the module, 0: it is not, -1: its section table is not in the dump. */
int psc_stack_module_is_code(const struct psc_stack_module *m, uint64_t va);

#endif
