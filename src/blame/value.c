/* SPDX-License-Identifier: MIT */
#include "blame/value.h"
#include "util/compiler.h"

#include "util/checked.h"
#include <string.h>

struct psc_val psc_val_of(enum psc_val_kind kind, uint8_t n, uint64_t v0)
{
	struct psc_val r;
	memset(&r, 0, sizeof(r));
	r.kind = (uint8_t)kind;
	r.n = n;
	r.v[0] = v0;
	return r;
}

struct psc_val psc_val_const(uint64_t v)
{
	return psc_val_of(PSC_VAL_SET, 1, v);
}

static struct psc_val top(void)
{
	return psc_val_of(PSC_VAL_TOP, 0, 0);
}

bool psc_val_equal(const struct psc_val *a, const struct psc_val *b)
{
	return a->kind == b->kind && a->n == b->n && a->width == b->width && a->shift == b->shift &&
	       a->is_signed == b->is_signed && a->is_soft == b->is_soft && memcmp(a->v, b->v, sizeof(a->v)) == 0;
}

bool psc_val_is_const(const struct psc_val *a, uint64_t *ret)
{
	if (a->kind != PSC_VAL_SET || a->n != 1)
		return false;
	*ret = a->v[0];
	return true;
}

static uint64_t mask_of(unsigned width)
{
	return width >= 8 ? UINT64_MAX : ((uint64_t)1 << (8 * width)) - 1;
}

static struct psc_val range(uint64_t lo, uint64_t hi)
{
	struct psc_val r = psc_val_of(PSC_VAL_RANGE, 0, lo);
	r.v[1] = hi;
	return r;
}

/* Add v to a sorted set; a set that is full becomes a range. */
static void put(struct psc_val *s, uint64_t v)
{
	unsigned i = 0;
	if (s->kind == PSC_VAL_RANGE) {
		s->v[0] = psc_min_u64(s->v[0], v);
		s->v[1] = psc_max_u64(s->v[1], v);
		return;
	}
	while (i < s->n && s->v[i] < v)
		i++;
	if (i < s->n && s->v[i] == v)
		return;
	if (s->n == PSC_VAL_MAX) {
		bool soft = s->is_soft;
		if (s->kind == PSC_VAL_FN)
			*s = top();
		else
			*s = range(psc_min_u64(s->v[0], v), psc_max_u64(s->v[PSC_VAL_MAX - 1], v));
		s->is_soft = soft;
		return;
	}
	memmove(&s->v[i + 1], &s->v[i], (s->n - i) * sizeof(s->v[0]));
	s->v[i] = v;
	s->n++;
}

struct psc_val psc_val_join(const struct psc_val *a, const struct psc_val *b)
{
	struct psc_val r = *a;
	bool soft = a->is_soft || b->is_soft;
	r.is_soft = b->is_soft;
	if (psc_val_equal(&r, b)) {
		r.is_soft = soft;
		return r;
	}
	if (a->kind == b->kind && (a->kind == PSC_VAL_SET || a->kind == PSC_VAL_FN)) {
		r = *a;
		for (unsigned i = 0; i < b->n && r.kind != PSC_VAL_TOP; i++)
			put(&r, b->v[i]);
	} else if (a->kind == PSC_VAL_RANGE && b->kind == PSC_VAL_SET) {
		for (unsigned i = 0; i < b->n; i++)
			put(&r, b->v[i]);
	} else if (a->kind == PSC_VAL_RANGE && b->kind == PSC_VAL_RANGE) {
		put(&r, b->v[0]);
		put(&r, b->v[1]);
	} else if (a->kind == PSC_VAL_SET && b->kind == PSC_VAL_RANGE) {
		return psc_val_join(b, a);
	} else {
		r = top();
	}
	r.is_soft = soft && r.kind != PSC_VAL_TOP;
	return r;
}

static uint64_t compute(enum psc_val_op op, uint64_t x, uint64_t y, unsigned width)
{
	switch (op) {
	case PSC_VOP_ADD:
		return x + y;
	case PSC_VOP_SUB:
		return x - y;
	case PSC_VOP_AND:
		return x & y;
	case PSC_VOP_OR:
		return x | y;
	case PSC_VOP_XOR:
		return x ^ y;
	case PSC_VOP_SHL:
		return (y & 63) < 8u * width ? x << (y & 63) : 0;
	case PSC_VOP_SHR:
		return (y & 63) < 8u * width ? (x & mask_of(width)) >> (y & 63) : 0;
	case PSC_VOP_MUL:
		return x * y;
	}
	return 0;
}

static struct psc_val multiple(uint64_t m, uint64_t by)
{
	uint64_t r;
	if (by == 0 || !psc_mul_u64(m, by, &r) || r > 0x10000)
		return top();
	return psc_val_of(PSC_VAL_MULT, 0, r);
}

/* x op c with one constant on the right, x anything but a set. */
static struct psc_val apply_const(enum psc_val_op op, const struct psc_val *x, uint64_t c, unsigned width, uint64_t lo,
				  uint64_t hi)
{
	struct psc_val r = *x;
	uint64_t end;
	switch (op) {
	case PSC_VOP_SUB:
		c = 0 - c;
		PSC_FALLTHROUGH;
	case PSC_VOP_ADD:
		if (c == 0)
			return r;
		switch (x->kind) {
		case PSC_VAL_ARG:
			if (c >= lo && c < hi)
				return psc_val_of(PSC_VAL_TABLE_ADDR, 0, c);
			r.v[0] += c;
			return r;
		case PSC_VAL_STACK:
		case PSC_VAL_TABLE_ADDR:
		case PSC_VAL_WDF:
			r.v[0] += c;
			return r;
		case PSC_VAL_TABLE:
			r.v[2] += c;
			return r;
		case PSC_VAL_RANGE:
			if (c >= lo && c < hi)
				return psc_val_of(PSC_VAL_TABLE_ADDR, 0, c);
			if (!psc_add_u64(r.v[1], c, &end) || end > mask_of(width))
				return top();
			r.v[0] += c;
			r.v[1] = end;
			return r;
		case PSC_VAL_MULT:
		case PSC_VAL_TOP:
			if (c >= lo && c < hi) {
				r = psc_val_of(PSC_VAL_TABLE_ADDR, 0, c);
				r.v[1] = x->kind == PSC_VAL_MULT ? x->v[0] : 0;
				return r;
			}
			break;
		default:
			break;
		}
		return top();
	case PSC_VOP_AND:
		/* Aligning a stack pointer down keeps its anchor. */
		if (x->kind == PSC_VAL_STACK && (c | ~mask_of(width)) >= (uint64_t)-64)
			return r;
		return c <= 0xffffff ? range(0, c) : top();
	case PSC_VOP_SHL:
		if (x->kind == PSC_VAL_TABLE && x->v[2] == 0 && c < 8) {
			r.shift = (uint8_t)(r.shift + c);
			return r.shift < 8 ? r : top();
		}
		if (c > 12)
			return top();
		c = (uint64_t)1 << c;
		PSC_FALLTHROUGH;
	case PSC_VOP_MUL:
		if (x->kind == PSC_VAL_RANGE && psc_mul_u64(x->v[1], c, &end) && end <= mask_of(width))
			return range(x->v[0] * c, end);
		return multiple(x->kind == PSC_VAL_MULT ? x->v[0] : 1, c);
	case PSC_VOP_SHR:
		if (x->kind == PSC_VAL_RANGE && c < 64)
			return range(x->v[0] >> c, x->v[1] >> c);
		return c == 0 ? r : top();
	case PSC_VOP_OR:
	case PSC_VOP_XOR:
		return c == 0 ? r : top();
	}
	return top();
}

static struct psc_val apply_sets(enum psc_val_op op, const struct psc_val *a, const struct psc_val *b, unsigned width)
{
	struct psc_val r = psc_val_of(PSC_VAL_SET, 0, 0);
	for (unsigned i = 0; i < a->n; i++)
		for (unsigned j = 0; j < b->n; j++)
			put(&r, compute(op, a->v[i], b->v[j], width) & mask_of(width));
	return r;
}

struct psc_val psc_val_apply(enum psc_val_op op, const struct psc_val *a, const struct psc_val *b, unsigned width,
			     uint64_t lo, uint64_t hi)
{
	struct psc_val r;
	uint64_t c;
	if (a->kind == PSC_VAL_SET && b->kind == PSC_VAL_SET) {
		r = apply_sets(op, a, b, width);
	} else if (psc_val_is_const(b, &c)) {
		r = apply_const(op, a, c, width, lo, hi);
	} else if (psc_val_is_const(a, &c) && (op == PSC_VOP_ADD || op == PSC_VOP_MUL || op == PSC_VOP_AND)) {
		r = apply_const(op, b, c, width, lo, hi);
	} else {
		r = top();
	}
	r.is_soft = r.kind != PSC_VAL_TOP && (a->is_soft || b->is_soft);
	return r;
}

struct psc_val psc_val_extend(const struct psc_val *a, unsigned from, unsigned to, bool is_signed)
{
	struct psc_val r;
	if (a->kind == PSC_VAL_SET) {
		r = psc_val_of(PSC_VAL_SET, 0, 0);
		for (unsigned i = 0; i < a->n; i++) {
			uint64_t v = a->v[i] & mask_of(from), sign = (uint64_t)1 << (8 * from - 1);
			if (is_signed && from < 8 && (v & sign) != 0)
				v |= ~mask_of(from);
			put(&r, v & mask_of(to));
		}
		r.is_soft = a->is_soft;
		return r;
	}
	if (a->kind == PSC_VAL_RANGE && a->v[1] <= mask_of(from) >> 1)
		return *a;
	if (from >= 4 || (a->kind == PSC_VAL_TABLE && a->width == from && a->is_signed == is_signed))
		return *a; /* tags and sizes that matter fit; addresses are not cut by compilers */
	return is_signed ? top() : range(0, mask_of(from));
}
