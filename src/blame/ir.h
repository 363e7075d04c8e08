/* SPDX-License-Identifier: MIT */
/* One machine instruction as a few simple operations, the same for x86, x64 and ARM64. What the scan does not model
 * becomes a list of registers whose values are lost. */
#ifndef PSC_BLAME_IR_H
#define PSC_BLAME_IR_H

#include "blame/code_image.h"

enum psc_ir_op {
	PSC_IR_MOVE, /* d = a */
	PSC_IR_ADD,  /* d = a op b */
	PSC_IR_SUB,
	PSC_IR_AND,
	PSC_IR_OR,
	PSC_IR_XOR,
	PSC_IR_SHL,
	PSC_IR_SHR,
	PSC_IR_MUL,
	PSC_IR_NOT, /* d = ~a */
	PSC_IR_NEG,
	PSC_IR_EITHER, /* d = a or b */
	PSC_IR_INSERT, /* d = d with 16 bits at `shift` replaced by a */
	PSC_IR_PUSH,   /* a */
	PSC_IR_POP,    /* d */
	PSC_IR_LOST,   /* d has an unknown value */
};

enum psc_ir_flow {
	PSC_FLOW_NEXT,
	PSC_FLOW_BRANCH, /* to target or next */
	PSC_FLOW_JUMP,   /* to target, or to `to` when target is 0 */
	PSC_FLOW_CALL,   /* the same */
	PSC_FLOW_RETURN,
	PSC_FLOW_STOP, /* trap */
};

enum psc_ir_operand_kind { PSC_OPND_NONE, PSC_OPND_REG, PSC_OPND_IMM, PSC_OPND_MEM, PSC_OPND_ADDRESS /* of MEM */ };

/* Registers are numbered as in the encoding: x86 0..15 (4 = stack pointer); ARM64 0..30, 31 = stack pointer; the first
 * sixteen vector registers behind them, and one register of our own. */
#define PSC_IR_REGS    49
#define PSC_NO_REG     0xff
#define PSC_REG_VECTOR 32
#define PSC_REG_TEMP   48

enum psc_ir_condition { PSC_COND_OTHER, PSC_COND_EQUAL, PSC_COND_NOT_EQUAL };

struct psc_ir_operand {
	uint8_t kind, width; /* bytes */
	uint8_t reg, base, index;
	uint8_t scale;       /* of the index */
	uint8_t extend_from; /* 0, or: the value is the low bytes, extended to width */
	bool is_signed;      /* of that extension */
	int64_t imm;         /* or displacement */
};

struct psc_ir {
	uint8_t op, width, shift;
	struct psc_ir_operand d, a, b;
};

#define PSC_IR_PER_INSN 4

struct psc_ir_insn {
	uint32_t rva;
	uint8_t len, flow;
	uint8_t n_ir;
	bool is_leader;      /* the flow's: a block begins here */
	uint16_t pop_bytes;  /* RETURN: of arguments */
	uint64_t lost;       /* registers with unknown values afterwards, one bit each */
	uint32_t target;     /* RVA, 0 = see `to` */
	bool target_outside; /* direct, but not into the image: to outside_va */
	uint64_t outside_va;
	struct psc_ir_operand to;
	bool has_compare;     /* of compare_reg with compare_imm: what a branch on equality that follows means */
	bool is_self_compare; /* BRANCH: compares by itself (cbz) */
	uint8_t compare_reg, condition;
	int64_t compare_imm;
	struct psc_ir ir[PSC_IR_PER_INSN];
};

struct psc_lifter; /* a disassembler; one per thread */
/* NULL when out of memory. */
struct psc_lifter *psc_lifter_new(uint32_t machine);
void psc_lifter_free(struct psc_lifter *l);
/* The instruction at rva. false when its bytes are missing (*ret_missing) or no instruction. */
bool psc_lift(struct psc_lifter *l, const struct psc_code_image *img, uint32_t rva, struct psc_ir_insn *ret,
	      bool *ret_missing);

#endif
