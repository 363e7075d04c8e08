/* SPDX-License-Identifier: MIT */
/* What lift.c and the machines' lifters share. Only these files know Capstone. */
#ifndef PSC_BLAME_LIFT_H
#define PSC_BLAME_LIFT_H

#include "blame/ir.h"
#include <capstone.h>

void psc_lift_x86(csh handle, const cs_insn *insn, const struct psc_code_image *img, struct psc_ir_insn *ret);
void psc_lift_arm64(csh handle, const cs_insn *insn, const struct psc_code_image *img, struct psc_ir_insn *ret);
/* Bit of the register in psc_ir_insn.lost, 0 for one that is not modelled. */
uint64_t psc_lift_bit_x86(unsigned reg);
uint64_t psc_lift_bit_arm64(unsigned reg);

/* Room for one more operation; the last one is overwritten when there is none, and its result then lost. */
static inline struct psc_ir *psc_lift_add(struct psc_ir_insn *i, enum psc_ir_op op, unsigned width)
{
	struct psc_ir *ir = &i->ir[i->n_ir < PSC_IR_PER_INSN ? i->n_ir++ : PSC_IR_PER_INSN - 1];
	ir->op = (uint8_t)op;
	ir->width = (uint8_t)width;
	return ir;
}

static inline struct psc_ir_operand psc_lift_reg(unsigned reg, unsigned width)
{
	struct psc_ir_operand o = {.kind = PSC_OPND_REG, .width = (uint8_t)width, .reg = (uint8_t)reg};
	return o;
}

static inline struct psc_ir_operand psc_lift_imm(int64_t imm, unsigned width)
{
	struct psc_ir_operand o = {.kind = PSC_OPND_IMM, .width = (uint8_t)width, .imm = imm};
	return o;
}

/* Where a direct branch goes. */
static inline void psc_lift_target(struct psc_ir_insn *i, const struct psc_code_image *img, uint64_t va)
{
	if (va > img->base && va - img->base < img->size_bytes)
		i->target = (uint32_t)(va - img->base);
	else {
		i->target_outside = true;
		i->outside_va = img->pointer_bytes == 4 ? va & UINT32_MAX : va;
	}
}

#endif
