/* SPDX-License-Identifier: MIT */
/* x86 and x64 instructions. */
#include "blame/lift.h"

#include <string.h>

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

struct reg {
	uint8_t number, width;
	bool is_high; /* ah, bh, ch, dh */
};

#define R(n, q, d, w, b)                                                                                               \
	case X86_REG_##q:                                                                                              \
		r.number = n, r.width = 8;                                                                             \
		break;                                                                                                 \
	case X86_REG_##d:                                                                                              \
		r.number = n, r.width = 4;                                                                             \
		break;                                                                                                 \
	case X86_REG_##w:                                                                                              \
		r.number = n, r.width = 2;                                                                             \
		break;                                                                                                 \
	case X86_REG_##b:                                                                                              \
		r.number = n, r.width = 1;                                                                             \
		break;
#define HIGH(n, h)                                                                                                     \
	case X86_REG_##h:                                                                                              \
		r.number = n, r.width = 1, r.is_high = true;                                                           \
		break;

static struct reg reg_of(unsigned reg)
{
	struct reg r = {PSC_NO_REG, 0, false};
	switch (reg) {
		R(0, RAX, EAX, AX, AL)
		R(1, RCX, ECX, CX, CL)
		R(2, RDX, EDX, DX, DL)
		R(3, RBX, EBX, BX, BL)
		R(4, RSP, ESP, SP, SPL)
		R(5, RBP, EBP, BP, BPL)
		R(6, RSI, ESI, SI, SIL)
		R(7, RDI, EDI, DI, DIL)
		R(8, R8, R8D, R8W, R8B)
		R(9, R9, R9D, R9W, R9B)
		R(10, R10, R10D, R10W, R10B)
		R(11, R11, R11D, R11W, R11B)
		R(12, R12, R12D, R12W, R12B)
		R(13, R13, R13D, R13W, R13B)
		R(14, R14, R14D, R14W, R14B)
		R(15, R15, R15D, R15W, R15B)
		HIGH(0, AH)
		HIGH(1, CH)
		HIGH(2, DH)
		HIGH(3, BH)
	default:
		if (reg >= X86_REG_XMM0 && reg <= X86_REG_XMM15) {
			r.number = (uint8_t)(PSC_REG_VECTOR + (reg - X86_REG_XMM0));
			r.width = 16;
		} else if (reg >= X86_REG_YMM0 && reg <= X86_REG_YMM15) {
			r.number = (uint8_t)(PSC_REG_VECTOR + (reg - X86_REG_YMM0));
			r.width = 32;
		}
		break;
	}
	return r;
}

uint64_t psc_lift_bit_x86(unsigned reg)
{
	struct reg r = reg_of(reg);
	return r.number != PSC_NO_REG ? (uint64_t)1 << r.number : 0;
}

/* false when it cannot be modelled: a high byte, a segment other than the flat ones. */
static bool operand(const cs_insn *insn, const cs_x86_op *op, struct psc_ir_operand *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->width = op->size;
	ret->base = ret->index = PSC_NO_REG;
	switch (op->type) {
	case X86_OP_REG: {
		struct reg r = reg_of(op->reg);
		ret->kind = PSC_OPND_REG;
		ret->reg = r.number;
		ret->width = r.width;
		return r.number != PSC_NO_REG && !r.is_high;
	}
	case X86_OP_IMM:
		ret->kind = PSC_OPND_IMM;
		ret->imm = op->imm;
		return true;
	case X86_OP_MEM:
		ret->kind = PSC_OPND_MEM;
		ret->imm = op->mem.disp;
		if (op->mem.segment == X86_REG_FS || op->mem.segment == X86_REG_GS)
			return false;
		if (op->mem.base == X86_REG_RIP)
			ret->imm += (int64_t)(insn->address + insn->size);
		else if (op->mem.base != X86_REG_INVALID)
			ret->base = reg_of(op->mem.base).number;
		if (op->mem.index != X86_REG_INVALID && op->mem.index != X86_REG_EIZ && op->mem.index != X86_REG_RIZ) {
			ret->index = reg_of(op->mem.index).number;
			ret->scale = (uint8_t)op->mem.scale;
		}
		return true;
	default:
		return false;
	}
}

static void lose_written(csh handle, const cs_insn *insn, struct psc_ir_insn *ret)
{
	cs_regs read, write;
	uint8_t n_read, n_write;
	if (cs_regs_access(handle, insn, read, &n_read, write, &n_write) != CS_ERR_OK)
		return;
	for (unsigned i = 0; i < n_write; i++)
		ret->lost |= psc_lift_bit_x86(write[i]);
	/* Memory that is written loses its value. */
	const cs_x86 *x = &insn->detail->x86;
	for (unsigned i = 0; i < x->op_count; i++) {
		struct psc_ir_operand o;
		if (x->operands[i].type == X86_OP_MEM && (x->operands[i].access & CS_AC_WRITE) != 0 &&
		    operand(insn, &x->operands[i], &o))
			psc_lift_add(ret, PSC_IR_LOST, o.width)->d = o;
	}
}

/* d = a op b with the first operand as d and a. */
static bool two(const cs_insn *insn, enum psc_ir_op op, struct psc_ir_insn *ret)
{
	const cs_x86 *x = &insn->detail->x86;
	struct psc_ir_operand d, b;
	if (x->op_count != 2 || !operand(insn, &x->operands[0], &d) || !operand(insn, &x->operands[1], &b))
		return false;
	struct psc_ir *ir = psc_lift_add(ret, op, d.width);
	ir->d = ir->a = d;
	ir->b = b;
	return true;
}

static bool one(const cs_insn *insn, enum psc_ir_op op, int64_t imm, struct psc_ir_insn *ret)
{
	struct psc_ir_operand d;
	if (!operand(insn, &insn->detail->x86.operands[0], &d))
		return false;
	struct psc_ir *ir = psc_lift_add(ret, op, d.width);
	ir->d = ir->a = d;
	ir->b = psc_lift_imm(imm, d.width);
	return true;
}

static bool move(const cs_insn *insn, struct psc_ir_insn *ret)
{
	const cs_x86 *x = &insn->detail->x86;
	struct psc_ir_operand d, a;
	if (x->op_count != 2 || !operand(insn, &x->operands[0], &d) || !operand(insn, &x->operands[1], &a))
		return false;
	struct psc_ir *ir = psc_lift_add(ret, PSC_IR_MOVE, d.width);
	ir->d = d;
	ir->a = a;
	return true;
}

static bool extend(const cs_insn *insn, bool is_signed, struct psc_ir_insn *ret)
{
	if (!move(insn, ret))
		return false;
	struct psc_ir *ir = &ret->ir[0];
	ir->a.extend_from = ir->a.width;
	ir->a.is_signed = is_signed;
	return true;
}

/* Moves of a vector register to and from memory. */
static bool vector_move(const cs_insn *insn, unsigned width, struct psc_ir_insn *ret)
{
	if (!move(insn, ret))
		return false;
	struct psc_ir *ir = &ret->ir[0];
	ir->d.width = ir->a.width = (uint8_t)width;
	ir->width = (uint8_t)width;
	if (ir->a.kind == PSC_OPND_MEM && ir->d.kind == PSC_OPND_REG && ir->d.reg >= PSC_REG_VECTOR)
		return true;
	return ir->a.kind == PSC_OPND_REG && ir->a.reg >= PSC_REG_VECTOR;
}

static bool arithmetic(const cs_insn *insn, struct psc_ir_insn *ret)
{
	const cs_x86 *x = &insn->detail->x86;
	struct psc_ir_operand d, a, b;
	struct psc_ir *ir;
	bool same = x->op_count == 2 && x->operands[0].type == X86_OP_REG && x->operands[1].type == X86_OP_REG &&
		    x->operands[0].reg == x->operands[1].reg;
	switch (insn->id) {
	case X86_INS_MOV:
	case X86_INS_MOVABS:
		return move(insn, ret);
	case X86_INS_MOVZX:
		return extend(insn, false, ret);
	case X86_INS_MOVSX:
	case X86_INS_MOVSXD:
		return extend(insn, true, ret);
	case X86_INS_LEA:
		if (!move(insn, ret))
			return false;
		ret->ir[0].a.kind = PSC_OPND_ADDRESS;
		return true;
	case X86_INS_ADD:
		return two(insn, PSC_IR_ADD, ret);
	case X86_INS_SUB:
	case X86_INS_XOR:
		if (same && operand(insn, &x->operands[0], &d)) {
			ir = psc_lift_add(ret, PSC_IR_MOVE, d.width);
			ir->d = d;
			ir->a = psc_lift_imm(0, d.width);
			return true;
		}
		return two(insn, insn->id == X86_INS_SUB ? PSC_IR_SUB : PSC_IR_XOR, ret);
	case X86_INS_SBB:
		if (!same || !operand(insn, &x->operands[0], &d))
			return false;
		ir = psc_lift_add(ret, PSC_IR_EITHER, d.width);
		ir->d = d;
		ir->a = psc_lift_imm(0, d.width);
		ir->b = psc_lift_imm(-1, d.width);
		return true;
	case X86_INS_AND:
		return two(insn, PSC_IR_AND, ret);
	case X86_INS_OR:
		return two(insn, PSC_IR_OR, ret);
	case X86_INS_SHL:
	case X86_INS_SAL:
		return x->op_count == 1 ? one(insn, PSC_IR_SHL, 1, ret) : two(insn, PSC_IR_SHL, ret);
	case X86_INS_SHR:
		return x->op_count == 1 ? one(insn, PSC_IR_SHR, 1, ret) : two(insn, PSC_IR_SHR, ret);
	case X86_INS_IMUL:
		if (x->op_count == 2)
			return two(insn, PSC_IR_MUL, ret);
		if (x->op_count != 3 || !operand(insn, &x->operands[0], &d) || !operand(insn, &x->operands[1], &a) ||
		    !operand(insn, &x->operands[2], &b))
			return false;
		ir = psc_lift_add(ret, PSC_IR_MUL, d.width);
		ir->d = d;
		ir->a = a;
		ir->b = b;
		return true;
	case X86_INS_INC:
		return one(insn, PSC_IR_ADD, 1, ret);
	case X86_INS_DEC:
		return one(insn, PSC_IR_SUB, 1, ret);
	case X86_INS_NOT:
		return one(insn, PSC_IR_NOT, 0, ret);
	case X86_INS_NEG:
		return one(insn, PSC_IR_NEG, 0, ret);
	case X86_INS_XCHG:
		/* `xchg ax, ax` and `xchg eax, eax` are nops. */
		return same;
	case X86_INS_MOVAPS:
	case X86_INS_MOVUPS:
	case X86_INS_MOVDQA:
	case X86_INS_MOVDQU:
	case X86_INS_MOVAPD:
	case X86_INS_MOVUPD:
		return vector_move(insn, 16, ret);
	case X86_INS_MOVQ:
	case X86_INS_MOVSD:
		return vector_move(insn, 8, ret);
	case X86_INS_XORPS:
	case X86_INS_XORPD:
	case X86_INS_PXOR:
		if (!same || !operand(insn, &x->operands[0], &d))
			return false;
		ir = psc_lift_add(ret, PSC_IR_MOVE, 16);
		ir->d = d;
		ir->a = psc_lift_imm(0, 16);
		return true;
	default:
		break;
	}
	/* cmov: a register keeps its value or takes the other. */
	if (insn->id >= X86_INS_CMOVA && insn->id <= X86_INS_CMOVS)
		return two(insn, PSC_IR_EITHER, ret);
	if (insn->id >= X86_INS_SETAE && insn->id <= X86_INS_SETS && operand(insn, &x->operands[0], &d)) {
		ir = psc_lift_add(ret, PSC_IR_EITHER, 1);
		ir->d = d;
		ir->a = psc_lift_imm(0, 1);
		ir->b = psc_lift_imm(1, 1);
		return true;
	}
	return false;
}

static bool is_nop(unsigned id)
{
	return id == X86_INS_NOP || id == X86_INS_PAUSE || id == X86_INS_LFENCE || id == X86_INS_PREFETCHNTA;
}

/* cmp reg, number; test reg, reg. */
static void compare(const cs_insn *insn, struct psc_ir_insn *ret)
{
	const cs_x86 *x = &insn->detail->x86;
	struct psc_ir_operand a;
	if (x->op_count != 2 || !operand(insn, &x->operands[0], &a) || a.kind != PSC_OPND_REG || a.width < 4)
		return;
	if (insn->id == X86_INS_CMP ? x->operands[1].type != X86_OP_IMM
				    : x->operands[1].type != X86_OP_REG || x->operands[1].reg != x->operands[0].reg)
		return;
	ret->has_compare = true;
	ret->compare_reg = a.reg;
	ret->compare_imm = insn->id == X86_INS_CMP ? x->operands[1].imm : 0;
	if (a.width == 4)
		ret->compare_imm = (int64_t)((uint64_t)ret->compare_imm & UINT32_MAX);
}

static void branch(const cs_insn *insn, const struct psc_code_image *img, struct psc_ir_insn *ret)
{
	const cs_x86_op *op = &insn->detail->x86.operands[0];
	if (insn->detail->x86.op_count > 0 && op->type == X86_OP_IMM)
		psc_lift_target(ret, img, (uint64_t)op->imm);
	else if (insn->detail->x86.op_count == 0 || !operand(insn, op, &ret->to))
		ret->to.kind = PSC_OPND_NONE;
}

void psc_lift_x86(csh handle, const cs_insn *insn, const struct psc_code_image *img, struct psc_ir_insn *ret)
{
	const cs_x86 *x = &insn->detail->x86;
	unsigned word = img->pointer_bytes;
	struct psc_ir *ir;
	switch (insn->id) {
	case X86_INS_CALL:
		ret->flow = PSC_FLOW_CALL;
		branch(insn, img, ret);
		return;
	case X86_INS_JMP:
		ret->flow = PSC_FLOW_JUMP;
		branch(insn, img, ret);
		return;
	case X86_INS_RET:
		ret->flow = PSC_FLOW_RETURN;
		if (x->op_count == 1 && x->operands[0].type == X86_OP_IMM)
			ret->pop_bytes = (uint16_t)x->operands[0].imm;
		return;
	case X86_INS_RETF:
	case X86_INS_IRET:
	case X86_INS_IRETD:
	case X86_INS_IRETQ:
	case X86_INS_SYSRET:
	case X86_INS_SYSEXIT:
		ret->flow = PSC_FLOW_RETURN;
		return;
	case X86_INS_INT3:
	case X86_INS_UD2:
	case X86_INS_HLT:
		ret->flow = PSC_FLOW_STOP;
		return;
	case X86_INS_INT:
		/* int 29h is a fast failure: it does not return. */
		ret->flow = x->operands[0].imm == 0x29 ? PSC_FLOW_STOP : PSC_FLOW_NEXT;
		return;
	case X86_INS_PUSH:
		ir = psc_lift_add(ret, PSC_IR_PUSH, word);
		if (!operand(insn, &x->operands[0], &ir->a))
			ir->a.kind = PSC_OPND_NONE;
		return;
	case X86_INS_POP:
		ir = psc_lift_add(ret, PSC_IR_POP, word);
		if (!operand(insn, &x->operands[0], &ir->d))
			ir->d.kind = PSC_OPND_NONE;
		return;
	case X86_INS_LEAVE:
		ir = psc_lift_add(ret, PSC_IR_MOVE, word);
		ir->d = psc_lift_reg(RSP, word);
		ir->a = psc_lift_reg(RBP, word);
		ir = psc_lift_add(ret, PSC_IR_POP, word);
		ir->d = psc_lift_reg(RBP, word);
		return;
	default:
		break;
	}
	if (cs_insn_group(handle, insn, X86_GRP_JUMP)) {
		ret->flow = PSC_FLOW_BRANCH;
		ret->condition = insn->id == X86_INS_JE    ? PSC_COND_EQUAL
				 : insn->id == X86_INS_JNE ? PSC_COND_NOT_EQUAL
							   : PSC_COND_OTHER;
		branch(insn, img, ret);
		return;
	}
	if (insn->id == X86_INS_CMP || insn->id == X86_INS_TEST) {
		compare(insn, ret);
		return;
	}
	if (is_nop(insn->id))
		return;
	if (!arithmetic(insn, ret)) {
		ret->n_ir = 0;
		memset(ret->ir, 0, sizeof(ret->ir));
		lose_written(handle, insn, ret);
	}
}
