/* SPDX-License-Identifier: MIT */
/* ARM64 instructions. */
#include "blame/lift.h"
#include "util/compiler.h"

#include <string.h>

#define SP 31

struct reg {
	uint8_t number, width;
	bool is_zero;
};

static struct reg reg_of(unsigned reg)
{
	struct reg r = {PSC_NO_REG, 8, false};
	if (reg >= ARM64_REG_X0 && reg <= ARM64_REG_X28)
		r.number = (uint8_t)(reg - ARM64_REG_X0);
	else if (reg == ARM64_REG_X29 || reg == ARM64_REG_X30)
		r.number = reg == ARM64_REG_X29 ? 29 : 30;
	else if (reg == ARM64_REG_SP)
		r.number = SP;
	else if (reg >= ARM64_REG_W0 && reg <= ARM64_REG_W30)
		r.number = (uint8_t)(reg - ARM64_REG_W0), r.width = 4;
	else if (reg == ARM64_REG_WSP)
		r.number = SP, r.width = 4;
	else if (reg >= ARM64_REG_Q0 && reg <= ARM64_REG_Q15)
		r.number = (uint8_t)(PSC_REG_VECTOR + (reg - ARM64_REG_Q0)), r.width = 16;
	else if (reg >= ARM64_REG_V0 && reg <= ARM64_REG_V15)
		r.number = (uint8_t)(PSC_REG_VECTOR + (reg - ARM64_REG_V0)), r.width = 16;
	else if (reg >= ARM64_REG_D0 && reg <= ARM64_REG_D15)
		r.number = (uint8_t)(PSC_REG_VECTOR + (reg - ARM64_REG_D0)), r.width = 8;
	else if (reg >= ARM64_REG_S0 && reg <= ARM64_REG_S15)
		r.number = (uint8_t)(PSC_REG_VECTOR + (reg - ARM64_REG_S0)), r.width = 4;
	else if (reg == ARM64_REG_XZR || reg == ARM64_REG_WZR)
		r.is_zero = true, r.width = reg == ARM64_REG_WZR ? 4 : 8;
	return r;
}

uint64_t psc_lift_bit_arm64(unsigned reg)
{
	struct reg r = reg_of(reg);
	return r.number != PSC_NO_REG ? (uint64_t)1 << r.number : 0;
}

static unsigned extend_bytes(arm64_extender e, bool *ret_signed)
{
	*ret_signed = e == ARM64_EXT_SXTB || e == ARM64_EXT_SXTH || e == ARM64_EXT_SXTW;
	switch (e) {
	case ARM64_EXT_UXTB:
	case ARM64_EXT_SXTB:
		return 1;
	case ARM64_EXT_UXTH:
	case ARM64_EXT_SXTH:
		return 2;
	case ARM64_EXT_UXTW:
	case ARM64_EXT_SXTW:
		return 4;
	default:
		return 0;
	}
}

/* A register or number; a shift of it is left to the caller. */
static bool operand(const cs_arm64_op *op, unsigned width, struct psc_ir_operand *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->base = ret->index = PSC_NO_REG;
	ret->width = (uint8_t)width;
	if (op->type == ARM64_OP_IMM) {
		ret->kind = PSC_OPND_IMM;
		ret->imm = op->imm;
		return true;
	}
	if (op->type != ARM64_OP_REG)
		return false;
	struct reg r = reg_of(op->reg);
	if (r.is_zero) {
		ret->kind = PSC_OPND_IMM;
		return true;
	}
	ret->kind = PSC_OPND_REG;
	ret->reg = r.number;
	ret->extend_from = (uint8_t)extend_bytes(op->ext, &ret->is_signed);
	return r.number != PSC_NO_REG;
}

static bool destination(const cs_arm64_op *op, struct psc_ir_operand *ret)
{
	return op->type == ARM64_OP_REG && operand(op, reg_of(op->reg).width, ret);
}

static bool memory(const cs_arm64_op *op, unsigned width, struct psc_ir_operand *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->kind = PSC_OPND_MEM;
	ret->width = (uint8_t)width;
	ret->base = ret->index = PSC_NO_REG;
	if (op->type == ARM64_OP_IMM) { /* literal */
		ret->imm = op->imm;
		return true;
	}
	if (op->type != ARM64_OP_MEM)
		return false;
	ret->base = reg_of(op->mem.base).number;
	ret->imm = op->mem.disp;
	if (op->mem.index != ARM64_REG_INVALID) {
		ret->index = reg_of(op->mem.index).number;
		ret->scale = (uint8_t)(1u << (op->shift.type == ARM64_SFT_LSL ? op->shift.value & 7 : 0));
	}
	return ret->base != PSC_NO_REG;
}

static void lose_written(csh handle, const cs_insn *insn, struct psc_ir_insn *ret)
{
	cs_regs read, write;
	uint8_t n_read, n_write;
	if (cs_regs_access(handle, insn, read, &n_read, write, &n_write) != CS_ERR_OK)
		return;
	for (unsigned i = 0; i < n_write; i++)
		ret->lost |= psc_lift_bit_arm64(write[i]);
}

static unsigned access_width(unsigned id, unsigned reg_width, bool *ret_signed)
{
	*ret_signed = false;
	switch (id) {
	case ARM64_INS_LDRSB:
	case ARM64_INS_LDURSB:
		*ret_signed = true;
		PSC_FALLTHROUGH;
	case ARM64_INS_LDRB:
	case ARM64_INS_LDURB:
	case ARM64_INS_STRB:
	case ARM64_INS_STURB:
		return 1;
	case ARM64_INS_LDRSH:
	case ARM64_INS_LDURSH:
		*ret_signed = true;
		PSC_FALLTHROUGH;
	case ARM64_INS_LDRH:
	case ARM64_INS_LDURH:
	case ARM64_INS_STRH:
	case ARM64_INS_STURH:
		return 2;
	case ARM64_INS_LDRSW:
	case ARM64_INS_LDURSW:
		*ret_signed = true;
		return 4;
	default:
		return reg_width;
	}
}

/* The change of the base register of pre- and post-indexed accesses. */
static void write_back(const cs_arm64_op *mem, int64_t by, struct psc_ir_insn *ret)
{
	struct reg base = reg_of(mem->mem.base);
	if (base.number == PSC_NO_REG)
		return;
	struct psc_ir *ir = psc_lift_add(ret, PSC_IR_ADD, 8);
	ir->d = ir->a = psc_lift_reg(base.number, 8);
	ir->b = psc_lift_imm(by, 8);
}

/* n registers from operand 0 on, then memory, then possibly the number of a post-index. */
static bool transfer(const cs_insn *insn, unsigned n, bool is_store, struct psc_ir_insn *ret)
{
	const cs_arm64 *x = &insn->detail->arm64;
	bool post = x->op_count == n + 2, is_signed;
	const cs_arm64_op *mem = &x->operands[n];
	struct psc_ir_operand m, r;
	if (x->op_count < n + 1 || x->operands[0].type != ARM64_OP_REG)
		return false;
	unsigned reg_width = reg_of(x->operands[0].reg).width;
	bool vector = reg_of(x->operands[0].reg).number == PSC_NO_REG && !reg_of(x->operands[0].reg).is_zero;
	unsigned width = access_width(insn->id, reg_width, &is_signed);
	if (!memory(mem, width, &m))
		return false;
	if (x->writeback && !post) {
		write_back(mem, mem->mem.disp, ret);
		m.imm = 0;
	}
	if (post)
		m.imm = 0;
	for (unsigned i = 0; i < n; i++, m.imm += width) {
		struct psc_ir *ir;
		if (vector) {
			if (is_store) {
				m.width = 16;
				psc_lift_add(ret, PSC_IR_LOST, 16)->d = m;
				m.imm += 8;
			}
			continue;
		}
		if (!operand(&x->operands[i], reg_width, &r))
			return false;
		ir = psc_lift_add(ret, PSC_IR_MOVE, is_store ? width : reg_width);
		if (is_store) {
			r.width = (uint8_t)width;
			r.extend_from = 0;
			ir->d = m;
			ir->a = r;
		} else if (r.kind == PSC_OPND_REG) {
			ir->d = r;
			ir->d.extend_from = 0;
			ir->a = m;
			ir->a.extend_from = (uint8_t)(width < reg_width ? width : 0);
			ir->a.is_signed = is_signed;
		} else {
			ret->n_ir--; /* to the zero register */
		}
	}
	if (post)
		write_back(mem, x->operands[n + 1].imm, ret);
	return true;
}

/* d = a op b; a shifted b is one more operation. */
static bool three(const cs_insn *insn, enum psc_ir_op op, struct psc_ir_insn *ret)
{
	const cs_arm64 *x = &insn->detail->arm64;
	struct psc_ir_operand d, a, b;
	if (x->op_count != 3 || !destination(&x->operands[0], &d) || d.kind != PSC_OPND_REG)
		return false;
	if (!operand(&x->operands[1], d.width, &a) || !operand(&x->operands[2], d.width, &b))
		return false;
	if (x->operands[2].shift.type != ARM64_SFT_INVALID && x->operands[2].shift.value != 0) {
		if (x->operands[2].shift.type != ARM64_SFT_LSL)
			return false;
		if (b.kind == PSC_OPND_IMM) {
			b.imm = (int64_t)((uint64_t)b.imm << (x->operands[2].shift.value & 63));
		} else {
			struct psc_ir *s = psc_lift_add(ret, PSC_IR_SHL, d.width);
			s->d = psc_lift_reg(PSC_REG_TEMP, d.width);
			s->a = b;
			s->b = psc_lift_imm(x->operands[2].shift.value, d.width);
			b = s->d;
		}
	}
	struct psc_ir *ir = psc_lift_add(ret, op, d.width);
	ir->d = d;
	ir->a = a;
	ir->b = b;
	return true;
}

static bool move(const cs_insn *insn, struct psc_ir_insn *ret, enum psc_ir_op op)
{
	const cs_arm64 *x = &insn->detail->arm64;
	struct psc_ir_operand d, a;
	if (x->op_count != 2 || !destination(&x->operands[0], &d) || d.kind != PSC_OPND_REG ||
	    !operand(&x->operands[1], d.width, &a))
		return false;
	unsigned shift = x->operands[1].shift.type == ARM64_SFT_LSL ? x->operands[1].shift.value & 63 : 0;
	if (a.kind == PSC_OPND_IMM && op != PSC_IR_INSERT)
		a.imm = (int64_t)((uint64_t)a.imm << shift);
	else if (a.kind == PSC_OPND_REG && shift != 0)
		return false;
	struct psc_ir *ir = psc_lift_add(ret, op, d.width);
	ir->d = d;
	ir->a = a;
	ir->shift = (uint8_t)shift;
	return true;
}

static bool extend(const cs_insn *insn, unsigned from, bool is_signed, struct psc_ir_insn *ret)
{
	if (!move(insn, ret, PSC_IR_MOVE))
		return false;
	ret->ir[0].a.extend_from = (uint8_t)from;
	ret->ir[0].a.is_signed = is_signed;
	return true;
}

static bool either(const cs_insn *insn, struct psc_ir_insn *ret)
{
	const cs_arm64 *x = &insn->detail->arm64;
	struct psc_ir_operand d, a, b;
	if (!destination(&x->operands[0], &d) || d.kind != PSC_OPND_REG)
		return false;
	memset(&a, 0, sizeof(a));
	if (insn->id == ARM64_INS_CSET || insn->id == ARM64_INS_CSETM) {
		a = psc_lift_imm(0, d.width);
		b = psc_lift_imm(insn->id == ARM64_INS_CSET ? 1 : -1, d.width);
	} else if (x->op_count < 3 || !operand(&x->operands[1], d.width, &a) ||
		   !operand(&x->operands[2], d.width, &b)) {
		return false;
	}
	if (insn->id == ARM64_INS_CSINC) {
		/* the second operand plus one: known only where it does not name d's other source */
		if (b.kind == PSC_OPND_IMM)
			b.imm++;
		else
			return false;
	}
	struct psc_ir *ir = psc_lift_add(ret, PSC_IR_EITHER, d.width);
	ir->d = d;
	ir->a = a;
	ir->b = b;
	return true;
}

/* cmp reg, number. */
static void compare(const cs_insn *insn, struct psc_ir_insn *ret)
{
	const cs_arm64 *x = &insn->detail->arm64;
	if (x->op_count != 2 || x->operands[0].type != ARM64_OP_REG || x->operands[1].type != ARM64_OP_IMM ||
	    x->operands[1].shift.value != 0 || reg_of(x->operands[0].reg).number == PSC_NO_REG)
		return;
	ret->has_compare = true;
	ret->compare_reg = reg_of(x->operands[0].reg).number;
	ret->compare_imm = x->operands[1].imm;
}

/* d = a * b + c */
static bool multiply_add(const cs_insn *insn, struct psc_ir_insn *ret)
{
	const cs_arm64 *x = &insn->detail->arm64;
	struct psc_ir_operand d, a, b, c;
	if (x->op_count != 4 || !destination(&x->operands[0], &d) || d.kind != PSC_OPND_REG ||
	    !operand(&x->operands[1], d.width, &a) || !operand(&x->operands[2], d.width, &b) ||
	    !operand(&x->operands[3], d.width, &c))
		return false;
	struct psc_ir *ir = psc_lift_add(ret, PSC_IR_MUL, d.width);
	ir->d = psc_lift_reg(PSC_REG_TEMP, d.width);
	ir->a = a;
	ir->b = b;
	ir = psc_lift_add(ret, PSC_IR_ADD, d.width);
	ir->d = d;
	ir->a = psc_lift_reg(PSC_REG_TEMP, d.width);
	ir->b = c;
	return true;
}

/* Bits moved to (bfi, ubfiz) or from (ubfx) a place. */
static bool bit_field(const cs_insn *insn, struct psc_ir_insn *ret)
{
	const cs_arm64 *x = &insn->detail->arm64;
	struct psc_ir_operand d, a, temp;
	struct psc_ir *ir;
	if (x->op_count != 4 || !destination(&x->operands[0], &d) || d.kind != PSC_OPND_REG ||
	    !operand(&x->operands[1], d.width, &a) || x->operands[2].type != ARM64_OP_IMM ||
	    x->operands[3].type != ARM64_OP_IMM)
		return false;
	unsigned lsb = (unsigned)x->operands[2].imm & 63, n = (unsigned)x->operands[3].imm & 63;
	uint64_t mask = n == 0 ? 0 : (UINT64_C(1) << n) - 1;
	bool from = insn->id == ARM64_INS_UBFX;
	if (n == 0)
		return false;
	temp = psc_lift_reg(PSC_REG_TEMP, d.width);
	ir = psc_lift_add(ret, from ? PSC_IR_SHR : PSC_IR_SHL, d.width);
	ir->d = temp;
	ir->a = a;
	ir->b = psc_lift_imm(lsb, d.width);
	ir = psc_lift_add(ret, PSC_IR_AND, d.width);
	ir->d = insn->id == ARM64_INS_BFI ? temp : d;
	ir->a = temp;
	ir->b = psc_lift_imm((int64_t)(from ? mask : mask << lsb), d.width);
	if (insn->id != ARM64_INS_BFI)
		return true;
	ir = psc_lift_add(ret, PSC_IR_AND, d.width);
	ir->d = ir->a = d;
	ir->b = psc_lift_imm((int64_t) ~(mask << lsb), d.width);
	ir = psc_lift_add(ret, PSC_IR_OR, d.width);
	ir->d = ir->a = d;
	ir->b = temp;
	return true;
}

static bool vector_zero(const cs_insn *insn, struct psc_ir_insn *ret)
{
	const cs_arm64 *x = &insn->detail->arm64;
	struct reg r;
	if (x->op_count < 2 || x->operands[0].type != ARM64_OP_REG || x->operands[1].type != ARM64_OP_IMM ||
	    x->operands[1].imm != 0)
		return false;
	r = reg_of(x->operands[0].reg);
	if (r.number == PSC_NO_REG || r.number < PSC_REG_VECTOR)
		return false;
	struct psc_ir *ir = psc_lift_add(ret, PSC_IR_MOVE, 16);
	ir->d = psc_lift_reg(r.number, 16);
	ir->a = psc_lift_imm(0, 16);
	return true;
}

static bool arithmetic(const cs_insn *insn, struct psc_ir_insn *ret)
{
	switch (insn->id) {
	case ARM64_INS_MOV:
	case ARM64_INS_MOVZ:
	case ARM64_INS_ADR:
	case ARM64_INS_ADRP:
		return move(insn, ret, PSC_IR_MOVE);
	case ARM64_INS_MOVN:
	case ARM64_INS_MVN:
		return move(insn, ret, PSC_IR_NOT);
	case ARM64_INS_NEG:
		return move(insn, ret, PSC_IR_NEG);
	case ARM64_INS_MOVK:
		return move(insn, ret, PSC_IR_INSERT);
	case ARM64_INS_ADD:
		return three(insn, PSC_IR_ADD, ret);
	case ARM64_INS_SUB:
		return three(insn, PSC_IR_SUB, ret);
	case ARM64_INS_AND:
		return three(insn, PSC_IR_AND, ret);
	case ARM64_INS_ORR:
		return three(insn, PSC_IR_OR, ret);
	case ARM64_INS_EOR:
		return three(insn, PSC_IR_XOR, ret);
	case ARM64_INS_LSL:
		return three(insn, PSC_IR_SHL, ret);
	case ARM64_INS_LSR:
		return three(insn, PSC_IR_SHR, ret);
	case ARM64_INS_MUL:
		return three(insn, PSC_IR_MUL, ret);
	case ARM64_INS_SXTW:
		return extend(insn, 4, true, ret);
	case ARM64_INS_UXTW:
		return extend(insn, 4, false, ret);
	case ARM64_INS_SXTH:
		return extend(insn, 2, true, ret);
	case ARM64_INS_UXTH:
		return extend(insn, 2, false, ret);
	case ARM64_INS_SXTB:
		return extend(insn, 1, true, ret);
	case ARM64_INS_UXTB:
		return extend(insn, 1, false, ret);
	case ARM64_INS_CSEL:
	case ARM64_INS_CSINC:
	case ARM64_INS_CSET:
	case ARM64_INS_CSETM:
		return either(insn, ret);
	case ARM64_INS_LDR:
	case ARM64_INS_LDUR:
	case ARM64_INS_LDRB:
	case ARM64_INS_LDURB:
	case ARM64_INS_LDRH:
	case ARM64_INS_LDURH:
	case ARM64_INS_LDRSB:
	case ARM64_INS_LDRSH:
	case ARM64_INS_LDRSW:
	case ARM64_INS_LDURSW:
		return transfer(insn, 1, false, ret);
	case ARM64_INS_STR:
	case ARM64_INS_STUR:
	case ARM64_INS_STRB:
	case ARM64_INS_STURB:
	case ARM64_INS_STRH:
	case ARM64_INS_STURH:
		return transfer(insn, 1, true, ret);
	case ARM64_INS_LDP:
		return transfer(insn, 2, false, ret);
	case ARM64_INS_STP:
		return transfer(insn, 2, true, ret);
	case ARM64_INS_CMP:
		compare(insn, ret);
		return true;
	case ARM64_INS_MADD:
	case ARM64_INS_UMADDL:
	case ARM64_INS_SMADDL:
		return multiply_add(insn, ret);
	case ARM64_INS_BFI:
	case ARM64_INS_UBFIZ:
	case ARM64_INS_UBFX:
		return bit_field(insn, ret);
	case ARM64_INS_UMULL:
	case ARM64_INS_SMULL:
		return three(insn, PSC_IR_MUL, ret);
	case ARM64_INS_MOVI:
		return vector_zero(insn, ret);
	case ARM64_INS_CMN:
	case ARM64_INS_TST:
	case ARM64_INS_NOP:
	case ARM64_INS_HINT:
		return true;
	default:
		return false;
	}
}

void psc_lift_arm64(csh handle, const cs_insn *insn, const struct psc_code_image *img, struct psc_ir_insn *ret)
{
	const cs_arm64 *x = &insn->detail->arm64;
	const cs_arm64_op *last = x->op_count > 0 ? &x->operands[x->op_count - 1] : NULL;
	switch (insn->id) {
	case ARM64_INS_BL:
	case ARM64_INS_B:
		ret->flow = insn->id == ARM64_INS_BL                            ? PSC_FLOW_CALL
			    : x->cc == ARM64_CC_INVALID || x->cc == ARM64_CC_AL ? PSC_FLOW_JUMP
										: PSC_FLOW_BRANCH;
		ret->condition = x->cc == ARM64_CC_EQ   ? PSC_COND_EQUAL
				 : x->cc == ARM64_CC_NE ? PSC_COND_NOT_EQUAL
							: PSC_COND_OTHER;
		if (last != NULL && last->type == ARM64_OP_IMM)
			psc_lift_target(ret, img, (uint64_t)last->imm);
		return;
	case ARM64_INS_CBZ:
	case ARM64_INS_CBNZ:
		if (x->op_count > 0 && x->operands[0].type == ARM64_OP_REG &&
		    reg_of(x->operands[0].reg).number != PSC_NO_REG) {
			ret->has_compare = ret->is_self_compare = true;
			ret->compare_reg = reg_of(x->operands[0].reg).number;
			ret->condition = insn->id == ARM64_INS_CBZ ? PSC_COND_EQUAL : PSC_COND_NOT_EQUAL;
		}
		PSC_FALLTHROUGH;
	case ARM64_INS_TBZ:
	case ARM64_INS_TBNZ:
		ret->flow = PSC_FLOW_BRANCH;
		if (last != NULL && last->type == ARM64_OP_IMM)
			psc_lift_target(ret, img, (uint64_t)last->imm);
		return;
	case ARM64_INS_BLR:
	case ARM64_INS_BR:
		ret->flow = insn->id == ARM64_INS_BLR ? PSC_FLOW_CALL : PSC_FLOW_JUMP;
		if (last == NULL || !operand(last, 8, &ret->to))
			ret->to.kind = PSC_OPND_NONE;
		return;
	case ARM64_INS_RET:
		ret->flow = PSC_FLOW_RETURN;
		return;
	case ARM64_INS_BRK:
	case ARM64_INS_HLT:
		ret->flow = PSC_FLOW_STOP;
		return;
	default:
		break;
	}
	if (!arithmetic(insn, ret)) {
		ret->n_ir = 0;
		memset(ret->ir, 0, sizeof(ret->ir));
		lose_written(handle, insn, ret);
	}
}
