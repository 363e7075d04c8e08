/* SPDX-License-Identifier: MIT */
/* What a register or stack slot may hold at one place of a function: a few constants, a range, an argument, ...
 * Joins only ever lose precision. All are plain values; unused words are zero, so equal values are equal bytes. */
#ifndef PSC_BLAME_VALUE_H
#define PSC_BLAME_VALUE_H

#include <stdbool.h>
#include <stdint.h>

enum psc_val_kind {
	PSC_VAL_TOP,        /* anything */
	PSC_VAL_SET,        /* n constants, ascending */
	PSC_VAL_RANGE,      /* v[0] .. v[1], both inclusive, unsigned */
	PSC_VAL_ARG,        /* argument n of the function plus v[0] */
	PSC_VAL_STACK,      /* stack pointer at entry plus v[0] */
	PSC_VAL_FN,         /* addresses of n known routines: numbers of targets, ascending */
	PSC_VAL_MULT,       /* an unknown multiple of v[0] */
	PSC_VAL_TABLE_ADDR, /* v[0] plus an unknown multiple of v[1] (0: of the access width) */
	PSC_VAL_TABLE,      /* loaded from such an address: v[0], v[1]; then shifted left by `shift`, plus v[2] */
	PSC_VAL_COPY,       /* the bytes at address v[0] (a vector register) */
	PSC_VAL_WDF,        /* the WDF function table's address plus v[0] */
};

#define PSC_VAL_MAX 6

struct psc_val {
	uint8_t kind, n;
	uint8_t width;  /* TABLE: bytes of an element */
	uint8_t shift;  /* TABLE */
	bool is_signed; /* TABLE: elements are sign-extended */
	bool is_soft;   /* came from writable memory: what it held when the image was taken */
	uint64_t v[PSC_VAL_MAX];
};

enum psc_val_op {
	PSC_VOP_ADD,
	PSC_VOP_SUB,
	PSC_VOP_AND,
	PSC_VOP_OR,
	PSC_VOP_XOR,
	PSC_VOP_SHL,
	PSC_VOP_SHR,
	PSC_VOP_MUL,
};

struct psc_val psc_val_const(uint64_t v);
struct psc_val psc_val_of(enum psc_val_kind kind, uint8_t n, uint64_t v0);
bool psc_val_equal(const struct psc_val *a, const struct psc_val *b);
/* Exactly one constant. */
bool psc_val_is_const(const struct psc_val *a, uint64_t *ret);
struct psc_val psc_val_join(const struct psc_val *a, const struct psc_val *b);
/* The result cut to `width` bytes. lo..hi: where constants may be addresses of tables. */
struct psc_val psc_val_apply(enum psc_val_op op, const struct psc_val *a, const struct psc_val *b, unsigned width,
			     uint64_t lo, uint64_t hi);
/* The low `from` bytes, extended to `to`. */
struct psc_val psc_val_extend(const struct psc_val *a, unsigned from, unsigned to, bool is_signed);

#endif
