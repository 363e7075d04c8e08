/* SPDX-License-Identifier: MIT */
/* The effect of instructions and calls on a state. Calling conventions: Microsoft's public documentation of x64, x86
 * (__stdcall, __cdecl, __fastcall) and ARM64. */
#include "blame/flow.h"

#include "util/bytes.h"
#include "util/checked.h"
#include <string.h>

#define X64_HOME_BYTES 0x20
#define TABLE_FN_MAX   64u

static struct psc_val top(void)
{
	return psc_val_of(PSC_VAL_TOP, 0, 0);
}

static const uint8_t x64_args[] = {1, 2, 8, 9};

/* Offset of argument `number` from the stack pointer at the callee's entry; -1 for one in a register. */
static int64_t stack_argument_offset(const struct psc_code_image *img, unsigned number)
{
	switch (img->machine) {
	case PSC_MACHINE_X64:
		return number < 4 ? -1 : 8 + 8 * (int64_t)number;
	case PSC_MACHINE_X86:
		return 4 + 4 * (int64_t)number;
	default:
		return number < 8 ? -1 : 8 * ((int64_t)number - 8);
	}
}

void psc_state_init(struct psc_state *st, const struct psc_code_image *img)
{
	memset(st, 0, sizeof(*st));
	switch (img->machine) {
	case PSC_MACHINE_X64:
		for (unsigned i = 0; i < 4; i++)
			st->reg[x64_args[i]] = psc_val_of(PSC_VAL_ARG, (uint8_t)i, 0);
		for (unsigned r = 3; r < 16; r++)
			if (r == 3 || (r >= 5 && r <= 7) || r >= 12)
				st->reg[r] = psc_val_of(PSC_VAL_ARG, (uint8_t)(PSC_ARG_SAVED + r), 0);
		break;
	case PSC_MACHINE_X86:
		st->reg[0] = psc_val_of(PSC_VAL_ARG, PSC_ARG_EAX, 0);
		st->reg[1] = psc_val_of(PSC_VAL_ARG, PSC_ARG_ECX, 0);
		st->reg[2] = psc_val_of(PSC_VAL_ARG, PSC_ARG_EDX, 0);
		for (unsigned r = 3; r < 8; r++)
			st->reg[r] = psc_val_of(PSC_VAL_ARG, (uint8_t)(PSC_ARG_SAVED + r), 0);
		break;
	default:
		for (unsigned i = 0; i < 8; i++)
			st->reg[i] = psc_val_of(PSC_VAL_ARG, (uint8_t)i, 0);
		for (unsigned r = 19; r < 30; r++)
			st->reg[r] = psc_val_of(PSC_VAL_ARG, (uint8_t)(PSC_ARG_SAVED + r), 0);
		break;
	}
	st->reg[psc_flow_sp(img)] = psc_val_of(PSC_VAL_STACK, 0, 0);
}

/* What a stack slot holds that nobody wrote: an argument, or anything. */
static struct psc_val unwritten(const struct psc_code_image *img, int64_t at)
{
	int64_t first = img->machine == PSC_MACHINE_X64 ? 8 + X64_HOME_BYTES : img->machine == PSC_MACHINE_X86 ? 4 : 0;
	unsigned word = img->pointer_bytes;
	if (at < first || (at - first) % word != 0 || (at - first) / word > 32)
		return top();
	unsigned number = (unsigned)((at - first) / word);
	number += img->machine == PSC_MACHINE_X64 ? 4 : img->machine == PSC_MACHINE_X86 ? 0 : 8;
	return psc_val_of(PSC_VAL_ARG, (uint8_t)number, 0);
}

/* What remains of a slot of known numbers when a part of it is written: bytes `from` to `to`. */
static void keep_part(struct psc_state *st, const struct psc_slot *old, unsigned from, unsigned to)
{
	struct psc_val by = psc_val_const(8u * from);
	if (from >= to || st->n_slots == PSC_SLOTS_MAX)
		return;
	struct psc_slot *s = &st->slots[st->n_slots++];
	*s = *old;
	s->at += from;
	s->width = (uint8_t)(to - from);
	s->v = psc_val_apply(PSC_VOP_SHR, &old->v, &by, 8, 0, 0);
	s->v = psc_val_extend(&s->v, s->width, 8, false);
}

static void forget(struct psc_state *st, unsigned space, int64_t at, unsigned n)
{
	for (unsigned i = 0; i < st->n_slots;) {
		const struct psc_slot old = st->slots[i];
		int64_t end = old.at + old.width;
		if (old.space != space || old.at >= at + (int64_t)n || at >= end) {
			i++;
			continue;
		}
		memmove(&st->slots[i], &st->slots[i + 1], (--st->n_slots - i) * sizeof(st->slots[0]));
		if (old.v.kind != PSC_VAL_SET || old.width > 8)
			continue;
		if (old.at < at)
			keep_part(st, &old, 0, (unsigned)(at - old.at));
		if (at + (int64_t)n < end)
			keep_part(st, &old, (unsigned)(at + (int64_t)n - old.at), old.width);
	}
}

static void write_slot(struct psc_state *st, const struct psc_code_image *img, unsigned space, int64_t at,
		       unsigned width, const struct psc_val *v)
{
	if (at < -((int64_t)1 << 40) && space == PSC_SPACE_STACK)
		return;
	forget(st, space, at, width);
	/* An unknown value needs no slot, except where reading nothing would mean an argument. */
	if (v->kind == PSC_VAL_TOP && (space != PSC_SPACE_STACK || unwritten(img, at).kind == PSC_VAL_TOP))
		return;
	if (st->n_slots == PSC_SLOTS_MAX)
		memmove(&st->slots[0], &st->slots[1], --st->n_slots * sizeof(st->slots[0]));
	struct psc_slot *s = &st->slots[st->n_slots++];
	memset(s, 0, sizeof(*s));
	s->space = (uint16_t)space;
	s->at = at;
	s->width = (uint8_t)width;
	s->v = *v;
}

/* Space and place of an address that is one place. */
static bool place_of(const struct psc_code_image *img, const struct psc_val *address, unsigned *ret_space,
		     int64_t *ret_at)
{
	uint64_t c;
	*ret_at = (int64_t)address->v[0];
	if (address->kind == PSC_VAL_STACK) {
		*ret_space = PSC_SPACE_STACK;
	} else if (address->kind == PSC_VAL_ARG) {
		*ret_space = PSC_SPACE_ARG + address->n;
	} else if (psc_val_is_const(address, &c) && c >= img->base && c - img->base < img->size_bytes) {
		*ret_space = PSC_SPACE_IMAGE;
	} else {
		return false;
	}
	return true;
}

static uint64_t le_value(const uint8_t *p, unsigned width)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < width; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

/* A pointer slot that the scan knows. */
static bool known_slot(const struct psc_flow_env *env, uint64_t rva, unsigned width, struct psc_val *ret)
{
	struct psc_hashkey k = {rva, 0};
	if (width != env->img->pointer_bytes)
		return false;
	if (env->guard_check != 0 && rva == env->guard_check) {
		*ret = psc_val_of(PSC_VAL_FN, 1, PSC_FN_GUARD_CHECK);
		return true;
	}
	if (env->guard_dispatch != 0 && rva == env->guard_dispatch) {
		*ret = psc_val_of(PSC_VAL_FN, 1, PSC_FN_GUARD_DISPATCH);
		return true;
	}
	if (env->wdf_table != 0 && rva == env->wdf_table) {
		*ret = psc_val_of(PSC_VAL_WDF, 0, 0);
		return true;
	}
	const uint32_t *t = (const uint32_t *)psc_hashmap_get(env->slots, k);
	if (t == NULL)
		return false;
	*ret = *t != 0 ? psc_val_of(PSC_VAL_FN, 1, *t - 1) : top();
	return true;
}

static struct psc_val load_image(const struct psc_flow_env *env, uint64_t va, unsigned width)
{
	struct psc_val r;
	uint64_t rva = va - env->img->base;
	if (va < env->img->base || rva >= env->img->size_bytes)
		return top();
	if (known_slot(env, rva, width, &r))
		return r;
	const uint8_t *p = psc_code_at(env->img, rva, width);
	const struct psc_code_section *s = psc_code_section_at(env->img, rva);
	if (p == NULL || s == NULL || width > 8)
		return top();
	r = psc_val_const(le_value(p, width));
	if (s->is_writable) {
		if (r.v[0] == 0)
			return top();
		r.is_soft = true;
	}
	return r;
}

/* Pointers to known routines from the start of a table on. */
static bool load_routines(const struct psc_flow_env *env, uint64_t va, uint64_t stride, struct psc_val *ret)
{
	struct psc_val all = psc_val_of(PSC_VAL_FN, 0, 0), one;
	for (unsigned i = 0; i < TABLE_FN_MAX; i++) {
		uint64_t rva = va - env->img->base + i * stride;
		if (!known_slot(env, rva, env->img->pointer_bytes, &one) || one.kind != PSC_VAL_FN)
			break;
		all = all.n == 0 ? one : psc_val_join(&all, &one);
	}
	*ret = all;
	return all.kind == PSC_VAL_FN && all.n > 0;
}

struct psc_val psc_state_load(const struct psc_flow_env *env, const struct psc_state *st, const struct psc_val *address,
			      unsigned width)
{
	const struct psc_code_image *img = env->img;
	unsigned space;
	int64_t at;
	struct psc_val r;
	if (place_of(img, address, &space, &at)) {
		for (unsigned i = 0; i < st->n_slots; i++) {
			const struct psc_slot *s = &st->slots[i];
			if (s->space != space || s->at >= at + (int64_t)width || at >= s->at + s->width)
				continue;
			if (s->at == at && s->width >= width)
				return s->width > width && width < 8 ? psc_val_extend(&s->v, width, 8, false) : s->v;
			if (s->at < at && s->at + s->width >= at + (int64_t)width && s->v.kind == PSC_VAL_SET) {
				struct psc_val by = psc_val_const(8 * (uint64_t)(at - s->at));
				r = psc_val_apply(PSC_VOP_SHR, &s->v, &by, 8, 0, 0);
				return psc_val_extend(&r, width, 8, false);
			}
			return top();
		}
		if (space == PSC_SPACE_STACK)
			return unwritten(img, at);
		if (space != PSC_SPACE_IMAGE)
			return top();
		r = load_image(env, address->v[0], width);
		r.is_soft = r.kind != PSC_VAL_TOP && (r.is_soft || address->is_soft);
		return r;
	}
	switch (address->kind) {
	case PSC_VAL_SET:
		if (address->n < 2)
			return top();
		r = load_image(env, address->v[0], width);
		for (unsigned i = 1; i < address->n; i++) {
			struct psc_val one = load_image(env, address->v[i], width);
			r = psc_val_join(&r, &one);
		}
		return r;
	case PSC_VAL_TABLE_ADDR: {
		uint64_t stride = address->v[1] != 0 ? address->v[1] : width;
		if (width == img->pointer_bytes && load_routines(env, address->v[0], stride, &r))
			return r;
		r = psc_val_of(PSC_VAL_TABLE, 0, address->v[0]);
		r.v[1] = stride;
		r.width = (uint8_t)width;
		return r;
	}
	case PSC_VAL_WDF: {
		uint64_t index = address->v[0] / img->pointer_bytes;
		uint32_t t = width == img->pointer_bytes ? env->wdf_target(env->arg, index) : UINT32_MAX;
		return t != UINT32_MAX ? psc_val_of(PSC_VAL_FN, 1, t) : top();
	}
	default:
		return top();
	}
}

static struct psc_val address_of(const struct psc_flow_env *env, const struct psc_state *st,
				 const struct psc_ir_operand *o)
{
	const struct psc_code_image *img = env->img;
	unsigned word = img->pointer_bytes;
	uint64_t lo = img->base, hi = img->base + img->size_bytes, imm = (uint64_t)o->imm;
	if (word == 4)
		imm &= UINT32_MAX;
	struct psc_val v = psc_val_const(imm), index, scale = psc_val_const(o->scale);
	if (o->base != PSC_NO_REG && o->base < PSC_IR_REGS)
		v = psc_val_apply(PSC_VOP_ADD, &st->reg[o->base], &v, word, lo, hi);
	if (o->index == PSC_NO_REG || o->index >= PSC_IR_REGS)
		return v;
	index = st->reg[o->index];
	if (o->index == o->base && index.kind != PSC_VAL_SET && index.kind != PSC_VAL_MULT)
		return psc_val_of(PSC_VAL_MULT, 0, o->scale + 1u);
	if (index.kind == PSC_VAL_RANGE && o->scale > 1)
		index = psc_val_of(PSC_VAL_MULT, 0, o->scale);
	else if (o->scale > 1)
		index = psc_val_apply(PSC_VOP_MUL, &index, &scale, word, lo, hi);
	return psc_val_apply(PSC_VOP_ADD, &v, &index, word, lo, hi);
}

struct psc_val psc_state_operand(const struct psc_flow_env *env, const struct psc_state *st,
				 const struct psc_ir_operand *o)
{
	struct psc_val v = top();
	unsigned from = o->width;
	switch (o->kind) {
	case PSC_OPND_REG:
		v = st->reg[o->reg % PSC_IR_REGS];
		break;
	case PSC_OPND_IMM:
		v = psc_val_const((uint64_t)o->imm);
		break;
	case PSC_OPND_ADDRESS:
		v = address_of(env, st, o);
		break;
	case PSC_OPND_MEM: {
		struct psc_val address = address_of(env, st, o);
		if (o->extend_from != 0)
			from = o->extend_from;
		if (from > 8 && address.kind == PSC_VAL_SET && address.n == 1)
			return psc_val_of(PSC_VAL_COPY, 0, address.v[0]);
		v = from <= 8 ? psc_state_load(env, st, &address, from) : top();
		if (v.kind == PSC_VAL_TABLE)
			v.is_signed = o->is_signed;
		break;
	}
	default:
		return v;
	}
	if (o->extend_from != 0)
		return psc_val_extend(&v, o->extend_from, o->width, o->is_signed);
	return from < 8 ? psc_val_extend(&v, from, from, false) : v;
}

static void write_reg(struct psc_state *st, unsigned reg, unsigned width, const struct psc_val *v)
{
	struct psc_val *r = &st->reg[reg % PSC_IR_REGS];
	if (width >= 4) {
		*r = *v;
		return;
	}
	/* A part of a register: known only when both parts are. */
	struct psc_val high = psc_val_const(width == 1 ? ~UINT64_C(0xff) : ~UINT64_C(0xffff)), low = *v;
	low = psc_val_extend(&low, width, 8, false);
	if (r->kind == PSC_VAL_SET && low.kind == PSC_VAL_SET) {
		high = psc_val_apply(PSC_VOP_AND, r, &high, 8, 0, 0);
		*r = psc_val_apply(PSC_VOP_OR, &high, &low, 8, 0, 0);
	} else {
		*r = top();
	}
}

static void write_memory(const struct psc_flow_env *env, struct psc_state *st, const struct psc_ir_operand *o,
			 const struct psc_val *v)
{
	struct psc_val address = address_of(env, st, o);
	unsigned space, width = o->width;
	int64_t at;
	if (!place_of(env->img, &address, &space, &at))
		return;
	if (v->kind == PSC_VAL_COPY && width <= 16) {
		/* Constants of the image, as four-byte words. */
		forget(st, space, at, width);
		for (unsigned i = 0; i + 4 <= width; i += 4) {
			struct psc_val w = load_image(env, v->v[0] + i, 4);
			write_slot(st, env->img, space, at + i, 4, &w);
		}
		return;
	}
	if (width > 8) {
		uint64_t c;
		bool is_zero = psc_val_is_const(v, &c) && c == 0;
		forget(st, space, at, width);
		for (unsigned i = 0; is_zero && i + 4 <= width; i += 4)
			write_slot(st, env->img, space, at + i, 4, v);
		return;
	}
	write_slot(st, env->img, space, at, width, v);
}

static void write_to(const struct psc_flow_env *env, struct psc_state *st, const struct psc_ir_operand *d,
		     const struct psc_val *v)
{
	if (d->kind == PSC_OPND_REG)
		write_reg(st, d->reg, d->width, v);
	else if (d->kind == PSC_OPND_MEM)
		write_memory(env, st, d, v);
}

static void push(const struct psc_flow_env *env, struct psc_state *st, const struct psc_val *v)
{
	unsigned word = env->img->pointer_bytes, space;
	struct psc_val *sp = &st->reg[psc_flow_sp(env->img)];
	struct psc_val w = psc_val_const(word);
	int64_t at;
	*sp = psc_val_apply(PSC_VOP_SUB, sp, &w, word, 0, 0);
	if (place_of(env->img, sp, &space, &at))
		write_slot(st, env->img, space, at, word, v);
	if (!(v->kind == PSC_VAL_ARG && v->n >= PSC_ARG_ECX && v->v[0] == 0))
		st->pushed += word;
}

static void step_one(const struct psc_flow_env *env, struct psc_state *st, const struct psc_ir *ir)
{
	static const enum psc_val_op ops[] = {
		[PSC_IR_ADD] = PSC_VOP_ADD, [PSC_IR_SUB] = PSC_VOP_SUB, [PSC_IR_AND] = PSC_VOP_AND,
		[PSC_IR_OR] = PSC_VOP_OR,   [PSC_IR_XOR] = PSC_VOP_XOR, [PSC_IR_SHL] = PSC_VOP_SHL,
		[PSC_IR_SHR] = PSC_VOP_SHR, [PSC_IR_MUL] = PSC_VOP_MUL,
	};
	const struct psc_code_image *img = env->img;
	uint64_t lo = img->base, hi = img->base + img->size_bytes;
	unsigned word = img->pointer_bytes, width = ir->width;
	struct psc_val a, b, r;
	switch (ir->op) {
	case PSC_IR_MOVE:
		r = psc_state_operand(env, st, &ir->a);
		if (ir->a.kind == PSC_OPND_IMM || ir->a.kind == PSC_OPND_ADDRESS)
			r = psc_val_extend(&r, width < 8 ? width : 8, 8, false);
		break;
	case PSC_IR_EITHER:
		a = psc_state_operand(env, st, &ir->a);
		b = psc_state_operand(env, st, &ir->b);
		a = psc_val_extend(&a, width, width, false);
		b = psc_val_extend(&b, width, width, false);
		r = psc_val_join(&a, &b);
		break;
	case PSC_IR_NOT:
	case PSC_IR_NEG:
		a = psc_state_operand(env, st, &ir->a);
		b = psc_val_const(ir->op == PSC_IR_NOT ? UINT64_MAX : 0);
		r = ir->op == PSC_IR_NOT ? psc_val_apply(PSC_VOP_XOR, &a, &b, width, lo, hi)
					 : psc_val_apply(PSC_VOP_SUB, &b, &a, width, lo, hi);
		break;
	case PSC_IR_INSERT:
		a = psc_val_const(~(UINT64_C(0xffff) << (ir->shift & 63)));
		a = psc_val_apply(PSC_VOP_AND, &st->reg[ir->d.reg % PSC_IR_REGS], &a, width, lo, hi);
		b = psc_val_const((uint64_t)ir->a.imm << (ir->shift & 63));
		r = a.kind == PSC_VAL_SET ? psc_val_apply(PSC_VOP_OR, &a, &b, width, lo, hi) : top();
		break;
	case PSC_IR_PUSH:
		a = psc_state_operand(env, st, &ir->a);
		if (ir->a.kind == PSC_OPND_IMM)
			a = psc_val_extend(&a, word, word, false);
		push(env, st, &a);
		return;
	case PSC_IR_POP: {
		struct psc_val *sp = &st->reg[psc_flow_sp(img)];
		r = psc_state_load(env, st, sp, word);
		b = psc_val_const(word);
		*sp = psc_val_apply(PSC_VOP_ADD, sp, &b, word, 0, 0);
		break;
	}
	case PSC_IR_LOST:
		r = top();
		break;
	default:
		if (ir->op > PSC_IR_MUL)
			return;
		a = psc_state_operand(env, st, &ir->a);
		b = psc_state_operand(env, st, &ir->b);
		if (width > 8 || width == 0) {
			r = top();
			break;
		}
		r = psc_val_apply(ops[ir->op], &a, &b, width, lo, hi);
		break;
	}
	write_to(env, st, &ir->d, &r);
}

void psc_state_step(const struct psc_flow_env *env, struct psc_state *st, const struct psc_ir_insn *insn)
{
	for (unsigned i = 0; i < insn->n_ir; i++)
		step_one(env, st, &insn->ir[i]);
	for (unsigned r = 0; insn->lost != 0 && r < PSC_IR_REGS; r++)
		if ((insn->lost >> r & 1) != 0 && r != psc_flow_sp(env->img))
			st->reg[r] = top();
}

struct psc_val psc_state_argument(const struct psc_flow_env *env, const struct psc_state *st, unsigned number,
				  bool is_tail)
{
	const struct psc_code_image *img = env->img;
	if (number == PSC_ARG_EAX || number == PSC_ARG_ECX || number == PSC_ARG_EDX)
		return st->reg[number == PSC_ARG_EAX ? 0 : number == PSC_ARG_ECX ? 1 : 2];
	if (number >= PSC_ARG_SAVED)
		return top();
	int64_t off = stack_argument_offset(img, number);
	if (off < 0)
		return img->machine == PSC_MACHINE_X64 ? st->reg[x64_args[number & 3]] : st->reg[number & 7];
	/* A call has not pushed the return address yet. */
	if (!is_tail && img->machine != PSC_MACHINE_ARM64)
		off -= img->pointer_bytes;
	struct psc_val at = psc_val_const((uint64_t)off);
	at = psc_val_apply(PSC_VOP_ADD, &st->reg[psc_flow_sp(img)], &at, img->pointer_bytes, 0, 0);
	if (at.kind != PSC_VAL_STACK)
		return top();
	struct psc_val v = psc_state_load(env, st, &at, img->pointer_bytes);
	/* Of a 32-bit argument only the low half is written. */
	return v.kind == PSC_VAL_TOP ? psc_state_load(env, st, &at, 4) : v;
}

/* x86: how far the callee moves the stack pointer up. */
static uint32_t popped(const struct psc_flow_env *env, const struct psc_state *st, const struct psc_ir_insn *insn,
		       const struct psc_ir_insn *next)
{
	uint32_t known = UINT32_MAX;
	if (insn->target != 0) {
		known = env->callee_pops(env->arg, insn->target);
	} else if (insn->target_outside) {
		known = env->outside_pops(env->arg, insn->outside_va);
	} else if (insn->to.kind != PSC_OPND_NONE) {
		struct psc_val v = psc_state_operand(env, st, &insn->to);
		uint64_t c;
		if (v.kind == PSC_VAL_FN)
			known = env->target_pops(env->arg, (uint32_t)v.v[0]);
		else if (psc_val_is_const(&v, &c) && c > env->img->base && c - env->img->base < env->img->size_bytes)
			known = env->callee_pops(env->arg, (uint32_t)(c - env->img->base));
	}
	if (known != UINT32_MAX)
		return known;
	if (next != NULL && next->n_ir == 1 && next->ir[0].d.kind == PSC_OPND_REG) {
		const struct psc_ir *ir = &next->ir[0];
		if (ir->d.reg == 4 && ir->b.kind == PSC_OPND_IMM && ir->op == PSC_IR_ADD)
			return 0; /* the caller pops */
		if (ir->d.reg == 4 && ir->b.kind == PSC_OPND_IMM && ir->op == PSC_IR_SUB && ir->b.imm > 0 &&
		    ir->b.imm <= 256)
			return (uint32_t)ir->b.imm; /* the caller takes back what the callee popped */
		if (ir->op == PSC_IR_POP && ir->d.reg == 1 && st->pushed == 4)
			return 0;
	}
	return st->pushed;
}

static bool is_guard_check(const struct psc_flow_env *env, const struct psc_state *st, const struct psc_ir_insn *insn)
{
	if (insn->to.kind == PSC_OPND_NONE)
		return false;
	struct psc_val v = psc_state_operand(env, st, &insn->to);
	return v.kind == PSC_VAL_FN && v.n == 1 && v.v[0] == PSC_FN_GUARD_CHECK;
}

void psc_state_call(const struct psc_flow_env *env, struct psc_state *st, const struct psc_ir_insn *insn,
		    const struct psc_ir_insn *next)
{
	const struct psc_code_image *img = env->img;
	uint8_t sp = psc_flow_sp(img);
	uint64_t lost;
	unsigned space;
	int64_t at;
	if (is_guard_check(env, st, insn))
		return; /* it preserves the arguments of the call that follows */
	/* What is pointed to by an argument may be written. */
	unsigned n_args = img->machine == PSC_MACHINE_ARM64 ? 8 : 6;
	for (unsigned i = 0; i < n_args; i++) {
		struct psc_val a = psc_state_argument(env, st, i, false);
		if ((a.kind == PSC_VAL_STACK || a.kind == PSC_VAL_SET) && place_of(img, &a, &space, &at))
			forget(st, space, at, 8);
	}
	for (unsigned i = 0; i < st->n_slots;) {
		const struct psc_slot *s = &st->slots[i];
		bool frame = s->space == PSC_SPACE_ARG + PSC_ARG_SAVED + 5;
		if (s->space >= PSC_SPACE_ARG && !frame)
			memmove(&st->slots[i], &st->slots[i + 1], (--st->n_slots - i) * sizeof(st->slots[0]));
		else
			i++;
	}
	switch (img->machine) {
	case PSC_MACHINE_X64:
		lost = 0x003f00000f07; /* rax rcx rdx r8-r11 xmm0-5 */
		if (st->reg[sp].kind == PSC_VAL_STACK)
			forget(st, PSC_SPACE_STACK, (int64_t)st->reg[sp].v[0], X64_HOME_BYTES);
		break;
	case PSC_MACHINE_X86:
		lost = 0xffff00000007;
		{
			struct psc_val n = psc_val_const(popped(env, st, insn, next));
			st->reg[sp] = psc_val_apply(PSC_VOP_ADD, &st->reg[sp], &n, 4, 0, 0);
			st->pushed = 0;
			/* What lies below the stack pointer is gone. */
			if (st->reg[sp].kind == PSC_VAL_STACK)
				forget(st, PSC_SPACE_STACK, (int64_t)st->reg[sp].v[0] - 256, 256);
		}
		break;
	default:
		lost = 0xffff4007ffff; /* x0-x18, x30, vectors (half of eight survives: not needed) */
		break;
	}
	for (unsigned r = 0; r < PSC_IR_REGS; r++)
		if ((lost >> r & 1) != 0)
			st->reg[r] = top();
}

static bool join_value(struct psc_val *a, const struct psc_val *b, bool widen)
{
	if (memcmp(a, b, sizeof(*a)) == 0 || psc_val_equal(a, b))
		return false;
	struct psc_val j = psc_val_join(a, b);
	if (psc_val_equal(a, &j))
		return false;
	*a = widen ? top() : j;
	return true;
}

static const struct psc_slot *slot_at(const struct psc_state *st, const struct psc_slot *like)
{
	for (unsigned i = 0; i < st->n_slots; i++) {
		const struct psc_slot *s = &st->slots[i];
		if (s->space == like->space && s->at == like->at && s->width == like->width)
			return s;
	}
	return NULL;
}

bool psc_state_join(const struct psc_flow_env *env, struct psc_state *a, const struct psc_state *b, bool widen)
{
	bool changed = false;
	uint8_t sp = psc_flow_sp(env->img);
	for (unsigned r = 0; r < PSC_IR_REGS; r++) {
		/* Where the ways disagree on the stack pointer (x86, unknown callees), the first one is kept. */
		if (r == sp && a->reg[r].kind == PSC_VAL_STACK)
			continue;
		changed |= join_value(&a->reg[r], &b->reg[r], widen);
	}
	for (unsigned i = 0; i < a->n_slots;) {
		struct psc_slot *s = &a->slots[i];
		const struct psc_slot *o = slot_at(b, s);
		struct psc_val other = o != NULL                     ? o->v
				       : s->space == PSC_SPACE_STACK ? unwritten(env->img, s->at)
								     : top();
		changed |= join_value(&s->v, &other, widen);
		if (s->v.kind == PSC_VAL_TOP &&
		    (s->space != PSC_SPACE_STACK || unwritten(env->img, s->at).kind == PSC_VAL_TOP))
			memmove(&a->slots[i], &a->slots[i + 1], (--a->n_slots - i) * sizeof(a->slots[0]));
		else
			i++;
	}
	/* An argument's slot that only the other way wrote. */
	for (unsigned i = 0; i < b->n_slots; i++) {
		const struct psc_slot *s = &b->slots[i];
		struct psc_val old;
		if (s->space != PSC_SPACE_STACK || slot_at(a, s) != NULL)
			continue;
		old = unwritten(env->img, s->at);
		if (old.kind == PSC_VAL_TOP)
			continue;
		struct psc_val j = psc_val_join(&old, &s->v);
		if (!psc_val_equal(&j, &old)) {
			write_slot(a, env->img, s->space, s->at, s->width, &j);
			changed = true;
		}
	}
	if (a->pushed != b->pushed)
		a->pushed = a->pushed < b->pushed ? a->pushed : b->pushed;
	return changed;
}
