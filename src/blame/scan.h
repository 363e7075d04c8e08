/* SPDX-License-Identifier: MIT */
/* The scan of one image. Rounds: find what refers to a target (a routine of the table, an import thunk, a wrapper),
 * analyse the functions that do, and make targets of the wrappers found, until there are no new ones. */
#ifndef PSC_BLAME_SCAN_H
#define PSC_BLAME_SCAN_H

#include "blame/apis.h"
#include "blame/flow.h"
#include "blame/pe_tables.h"
#include <poolscope/sites.h>

#define PSC_WRAPPER_LEVELS 4 /* also PSC_SITE_CHAIN_MAX */

/* A wrapper that another module exports: what its callers pass on. Values are constants or its arguments. */
struct psc_foreign {
	uint64_t va;
	const char *name; /* of the export */
	const struct psc_pool_api *api;
	struct psc_val tag, pool, size;
	uint32_t n_chain; /* its own frame first */
	struct psc_site_frame chain[PSC_WRAPPER_LEVELS];
	uint32_t pops; /* x86 */
};
/* By address, of one address by their order in the module. */
struct psc_foreigns {
	struct psc_foreign *items;
	size_t n, cap;
};

/* What a call may end in. */
struct psc_target {
	const struct psc_pool_api *api;
	bool is_wrapper;
	uint32_t parent; /* wrapper: the target that it calls */
	uint32_t level;  /* wrappers between here and the routine */
	/* Wrapper: its function and its call; values in terms of its own arguments. */
	uint32_t function_rva, call_rva, return_rva;
	const struct psc_foreign *foreign; /* wrapper of another module: no function here, no parent */
	struct psc_val tag, pool, size;
	uint32_t next; /* target + 1 of the same function, 0 = none */
	uint32_t round;
};

/* Routines of other modules by address (dumps): sorted. */
struct psc_extern {
	uint64_t va;
	const struct psc_pool_api *api;
};
struct psc_externs {
	struct psc_extern *items;
	size_t n, cap;
};

/* One site as found; values are still of the function it is in. */
struct psc_found {
	uint32_t target, function_rva, call_rva, return_rva;
	bool is_tail, is_wrapper, is_guess;
	struct psc_val tag, pool, size;
};

/* A context that the image registers with the filter manager. */
struct psc_context {
	uint16_t type, flags;
	uint32_t tag;
	uint64_t size_bytes;
};
#define PSC_CONTEXT_ANY_SIZE UINT64_MAX
#define PSC_CONTEXTS_MAX     64u

struct psc_scan {
	const struct psc_code_image *img;
	const struct psc_externs *externs;   /* may be NULL */
	const struct psc_foreigns *foreigns; /* likewise: then only an image that reaches one of them is scanned */
	bool has_foreign;
	struct psc_lifter *lifter;
	struct psc_code_parts parts;
	struct psc_code_guard guard;
	struct psc_code_wdf wdf; /* table_slot 0: not proven */
	bool has_wdf_import;
	struct psc_hashmap slots;   /* RVA of a pointer -> uint32_t target + 1 */
	struct psc_hashmap entries; /* RVA of a function -> uint32_t target + 1, a list */
	struct psc_hashmap thunks;  /* RVA -> uint32_t: register + 1 that it jumps through, 0 = none */
	struct psc_hashmap tables;  /* x86: RVAs of jump tables */
	struct psc_hashmap pops;    /* RVA -> uint32_t */
	struct {
		struct psc_target *items;
		size_t n, cap;
	} targets;
	struct {
		struct psc_found *items;
		size_t n, cap;
	} found;
	struct {
		struct psc_pending {
			uint32_t rva, target;
		} * items;
		size_t n, cap;
	} pending;                                 /* entries that become targets with the next round */
	uint8_t *want;                             /* one bit a byte: what this round looks for */
	uint8_t *inner;                            /* likewise: places that jump tables point to */
	uint8_t *starts;                           /* one bit a byte: called, or pointed to by data */
	uint32_t gap_function, gap_end, gap_round; /* functions.c: last answer */
	uint32_t round;
	struct psc_context contexts[PSC_CONTEXTS_MAX];
	unsigned n_contexts;
	uint64_t n_functions, n_undecoded, budget;
	bool is_cancelled; /* what was found is a part */
	bool no_memory;
	struct psc_flow_env env;
};

/* false when out of memory; psc_scan_deinit in every case. */
bool psc_scan_run(struct psc_scan *s, const struct psc_code_image *img, const struct psc_externs *externs,
		  const struct psc_foreigns *foreigns);
void psc_scan_deinit(struct psc_scan *s);

/* targets.c */
uint32_t psc_scan_add_api(struct psc_scan *s, const struct psc_pool_api *api); /* UINT32_MAX: out of memory */
void psc_scan_add_entry(struct psc_scan *s, uint32_t rva, uint32_t target);
void psc_scan_add_slot(struct psc_scan *s, uint32_t rva, uint32_t target_plus_1);
/* First target + 1 of a function, 0 = none. */
uint32_t psc_scan_entry(const struct psc_scan *s, uint32_t rva);
/* Imports, exports, WDF, pointers in data. */
void psc_scan_find_targets(struct psc_scan *s);
/* First target + 1 of an address in another module, 0 = none: linkers' stubs and the kernel may call imports directly.
 */
uint32_t psc_scan_outside(struct psc_scan *s, uint64_t va);
/* Pointers in data to functions that became targets this round. */
void psc_scan_find_pointers(struct psc_scan *s);

/* candidates.c: addresses of instructions that may refer to what `want` marks, ascending. */
struct psc_positions {
	uint32_t *items;
	size_t n, cap;
};
void psc_scan_candidates(struct psc_scan *s, struct psc_positions *ret);

/* registration.c: contexts of the registration at a constant address; each is given to `give` and remembered. */
void psc_scan_registration(struct psc_scan *s, const struct psc_val *where,
			   void (*give)(void *arg, const struct psc_context *c, bool is_soft), void *arg);
/* Tags of the registered contexts of a type and a size. */
struct psc_val psc_scan_context_tags(const struct psc_scan *s, const struct psc_val *type, const struct psc_val *size);

/* functions.c */
uint32_t psc_scan_function_of(struct psc_scan *s, uint32_t rva);
bool psc_scan_is_inside(void *arg, uint32_t function, uint32_t rva);
/* Could code that data point to at rva be a function, not a place of a jump table? */
bool psc_scan_is_pointed_start(const struct psc_code_image *img, uint32_t rva);
uint32_t psc_scan_callee_pops(void *arg, uint32_t rva);

static inline bool psc_bit_get(const uint8_t *bits, uint32_t i)
{
	return (bits[i >> 3] >> (i & 7) & 1) != 0;
}

static inline void psc_bit_set(uint8_t *bits, uint32_t i)
{
	bits[i >> 3] |= (uint8_t)(1u << (i & 7));
}

#endif
