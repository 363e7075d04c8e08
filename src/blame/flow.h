/* SPDX-License-Identifier: MIT */
/* What registers and stack slots hold at each place of one function: constants spread forward along the control flow
 * until nothing changes. Joins lose precision, loops are cut by widening, and all of it is bounded. */
#ifndef PSC_BLAME_FLOW_H
#define PSC_BLAME_FLOW_H

#include "blame/ir.h"
#include "blame/value.h"
#include "util/hashmap.h"

/* Argument numbers of PSC_VAL_ARG beyond the calling convention's: registers that a private convention may use, and
 * the entry values of registers that a function preserves. */
#define PSC_ARG_ECX   100
#define PSC_ARG_EDX   101
#define PSC_ARG_EAX   102
#define PSC_ARG_SAVED 200 /* plus the register's number */

/* Numbers of routines in PSC_VAL_FN that are not targets. */
#define PSC_FN_GUARD_CHECK    0xfffffff0u
#define PSC_FN_GUARD_DISPATCH 0xfffffff1u

enum psc_flow_space {
	PSC_SPACE_STACK = 0,
	PSC_SPACE_IMAGE = 1,
	PSC_SPACE_ARG = 2 /* plus its number: what it points to */
};

struct psc_slot {
	int64_t at;
	uint16_t space;
	uint8_t width;
	struct psc_val v;
};

#define PSC_SLOTS_MAX 48

struct psc_state {
	struct psc_val reg[PSC_IR_REGS];
	struct psc_slot slots[PSC_SLOTS_MAX];
	uint8_t n_slots;
	uint32_t pushed; /* x86: bytes pushed since the last call, saved registers aside */
};

/* What the module knows that the flow needs; the scan fills it. */
struct psc_flow_env {
	const struct psc_code_image *img;
	struct psc_lifter *lifter;
	const struct psc_hashmap
		*slots; /* RVA of a pointer in the image -> uint32_t: target + 1, 0 = unknown routine */
	uint32_t guard_check, guard_dispatch, wdf_table;
	/* Target of an index of the WDF function table, or UINT32_MAX. */
	uint32_t (*wdf_target)(void *arg, uint64_t index);
	/* Does a jump from the function at `function` to `rva` stay inside it? */
	bool (*is_inside)(void *arg, uint32_t function, uint32_t rva);
	/* x86: bytes of arguments that the routine at rva pops; UINT32_MAX = not known. */
	uint32_t (*callee_pops)(void *arg, uint32_t rva);
	uint32_t (*target_pops)(void *arg, uint32_t target);
	uint32_t (*outside_pops)(void *arg, uint64_t va); /* of an address in another module */
	void *arg;
};

struct psc_flow_call {
	const struct psc_ir_insn *insn;
	const struct psc_state *state; /* before it */
	bool is_tail;
	bool is_guess;     /* reached only by assuming that it is code */
	unsigned n_before; /* instructions since the entry when all of them stand in one row, else UINT_MAX */
	unsigned n_insns;  /* of the function */
};

struct psc_flow_result {
	uint32_t n_insns, n_undecoded, n_missing; /* places where decoding stopped */
	bool limit_hit;
};

/* Analyse the function at `entry`, then call visit for each call and each jump that leaves it, by address. `must`:
 * ascending addresses that should be covered; budget: blocks that may still be walked, of the whole image; what the
 * control flow does not reach is decoded in a row. false when out of memory. */
bool psc_flow_run(const struct psc_flow_env *env, uint32_t entry, const uint32_t *must, size_t n_must, uint64_t *budget,
		  void (*visit)(void *arg, const struct psc_flow_call *call), void *arg, struct psc_flow_result *ret);

/* flow_eval.c */
void psc_state_init(struct psc_state *st, const struct psc_code_image *img);
/* One instruction without its flow. */
void psc_state_step(const struct psc_flow_env *env, struct psc_state *st, const struct psc_ir_insn *insn);
/* What a call does to the caller's state. next: the instruction behind it, may be NULL. */
void psc_state_call(const struct psc_flow_env *env, struct psc_state *st, const struct psc_ir_insn *insn,
		    const struct psc_ir_insn *next);
/* Join b into a; true when a changed. widen: what changes is lost. */
bool psc_state_join(const struct psc_flow_env *env, struct psc_state *a, const struct psc_state *b, bool widen);
struct psc_val psc_state_operand(const struct psc_flow_env *env, const struct psc_state *st,
				 const struct psc_ir_operand *o);
struct psc_val psc_state_load(const struct psc_flow_env *env, const struct psc_state *st, const struct psc_val *address,
			      unsigned width);
/* Argument `number` (PSC_ARG_* too) as the callee will see it. */
struct psc_val psc_state_argument(const struct psc_flow_env *env, const struct psc_state *st, unsigned number,
				  bool is_tail);

static inline uint8_t psc_flow_sp(const struct psc_code_image *img)
{
	return img->machine == PSC_MACHINE_ARM64 ? 31 : 4;
}

#endif
