/* SPDX-License-Identifier: MIT */
#include "symbols/cv.h"

#include <string.h>

/* Symbol kinds. Those of old compilers (below 0x1100) have counted names. [V] but for the old ones and data of managed
 * code [2]. */
enum {
	S_CONSTANT_ST = 0x1002,
	S_UDT_ST = 0x1003,
	S_LDATA32_ST = 0x1007,
	S_GDATA32_ST = 0x1008,
	S_PUB32_ST = 0x1009,
	S_LPROC32_ST = 0x100a,
	S_GPROC32_ST = 0x100b,
	S_FIRST_WITH_NUL = 0x1100,
	S_THUNK32 = 0x1102,
	S_CONSTANT = 0x1107,
	S_UDT = 0x1108,
	S_LDATA32 = 0x110c,
	S_GDATA32 = 0x110d,
	S_PUB32 = 0x110e,
	S_LPROC32 = 0x110f,
	S_GPROC32 = 0x1110,
	S_LMANDATA = 0x111c,
	S_GMANDATA = 0x111d,
	S_PROCREF = 0x1125,
	S_LPROCREF = 0x1127,
	S_LPROC32_ID = 0x1146,
	S_GPROC32_ID = 0x1147,
	S_LPROC32_DPC = 0x1155,
	S_LPROC32_DPC_ID = 0x1156,
};

/* Numeric leaves. */
enum {
	LF_NUMERIC = 0x8000, /* below: the value itself */
	LF_CHAR = 0x8000,
	LF_SHORT = 0x8001,
	LF_USHORT = 0x8002,
	LF_LONG = 0x8003,
	LF_ULONG = 0x8004,
	LF_QUADWORD = 0x8009,
	LF_UQUADWORD = 0x800a,
};

struct psc_cv_name psc_cv_read_name(struct psc_cursor *c, bool is_counted)
{
	struct psc_cv_name name = {"", 0};
	const uint8_t *p;
	size_t n;
	if (is_counted) {
		n = psc_cursor_u8(c);
		p = psc_cursor_bytes(c, n);
	} else {
		const uint8_t *end = c->failed ? NULL : memchr(c->pos, 0, psc_cursor_left(c));
		if (!end) {
			c->failed = true;
			return name;
		}
		n = (size_t)(end - c->pos);
		p = psc_cursor_bytes(c, n + 1);
	}
	if (p) {
		name.s = (const char *)p;
		name.n = n;
	}
	return name;
}

bool psc_cv_name_is(const struct psc_cv_name *name, const char *text)
{
	return strlen(text) == name->n && memcmp(name->s, text, name->n) == 0;
}

/* Bytes after a numeric leaf that is no integer of at most 64 bits; 0: not known. */
static size_t other_number_bytes(uint16_t leaf)
{
	static const uint8_t bytes[] = {
		[0x05] = 4,  /* real32 */
		[0x06] = 8,  /* real64 */
		[0x07] = 10, /* real80 */
		[0x08] = 16, /* real128 */
		[0x0b] = 6,  /* real48 */
		[0x0c] = 8,  /* complex32 */
		[0x0d] = 16, /* complex64 */
		[0x0e] = 20, /* complex80 */
		[0x0f] = 32, /* complex128 */
		[0x17] = 16, /* octword */
		[0x18] = 16, /* unsigned octword */
		[0x19] = 16, /* decimal */
		[0x1a] = 8,  /* date */
		[0x1c] = 2,  /* real16 */
	};
	return leaf - LF_NUMERIC < (int)sizeof(bytes) ? bytes[leaf - LF_NUMERIC] : 0;
}

bool psc_cv_read_number(struct psc_cursor *c, uint64_t *ret)
{
	uint16_t leaf = psc_cursor_u16(c);
	uint64_t v;
	*ret = 0;
	switch (leaf) {
	case LF_CHAR:
		v = (uint64_t)(int64_t)(int8_t)psc_cursor_u8(c);
		break;
	case LF_SHORT:
		v = (uint64_t)(int64_t)(int16_t)psc_cursor_u16(c);
		break;
	case LF_USHORT:
		v = psc_cursor_u16(c);
		break;
	case LF_LONG:
		v = (uint64_t)(int64_t)(int32_t)psc_cursor_u32(c);
		break;
	case LF_ULONG:
		v = psc_cursor_u32(c);
		break;
	case LF_QUADWORD:
	case LF_UQUADWORD:
		v = psc_cursor_u64(c);
		break;
	default: {
		if (leaf < LF_NUMERIC) {
			v = leaf;
			break;
		}
		size_t n = other_number_bytes(leaf);
		if (n == 0)
			c->failed = true;
		psc_cursor_skip(c, n);
		return false;
	}
	}
	if (c->failed)
		return false;
	*ret = v;
	return true;
}

static void parse_address(struct psc_cursor *c, struct psc_cv_symbol *s)
{
	s->offset = psc_cursor_u32(c);
	s->segment = psc_cursor_u16(c);
}

/* parent, end, next; length, debug start, debug end; type; address; flags. */
static void parse_proc(struct psc_cursor *c, struct psc_cv_symbol *s)
{
	psc_cursor_skip(c, 12);
	s->size_bytes = psc_cursor_u32(c);
	psc_cursor_skip(c, 8);
	s->type = psc_cursor_u32(c);
	parse_address(c, s);
	psc_cursor_skip(c, 1);
}

/* parent, end, next; address; length; ordinal. */
static void parse_thunk(struct psc_cursor *c, struct psc_cv_symbol *s)
{
	psc_cursor_skip(c, 12);
	parse_address(c, s);
	s->size_bytes = psc_cursor_u16(c);
	psc_cursor_skip(c, 1);
}

static enum psc_cv_class class_of(uint16_t kind, bool *is_global)
{
	*is_global = false;
	switch (kind) {
	case S_PUB32:
	case S_PUB32_ST:
		*is_global = true;
		return PSC_CV_PUBLIC;
	case S_GDATA32:
	case S_GDATA32_ST:
	case S_GMANDATA:
		*is_global = true;
		return PSC_CV_DATA;
	case S_LDATA32:
	case S_LDATA32_ST:
	case S_LMANDATA:
		return PSC_CV_DATA;
	case S_GPROC32:
	case S_GPROC32_ID:
	case S_GPROC32_ST:
		*is_global = true;
		return PSC_CV_PROC;
	case S_LPROC32:
	case S_LPROC32_ID:
	case S_LPROC32_DPC:
	case S_LPROC32_DPC_ID:
	case S_LPROC32_ST:
		return PSC_CV_PROC;
	case S_THUNK32:
		return PSC_CV_THUNK;
	case S_PROCREF:
		*is_global = true;
		return PSC_CV_PROC_REF;
	case S_LPROCREF:
		return PSC_CV_PROC_REF;
	case S_CONSTANT:
	case S_CONSTANT_ST:
		return PSC_CV_CONSTANT;
	case S_UDT:
	case S_UDT_ST:
		return PSC_CV_TYPE_NAME;
	default:
		return PSC_CV_OTHER;
	}
}

bool psc_cv_parse_symbol(const uint8_t *record, size_t n, struct psc_cv_symbol *ret)
{
	struct psc_cursor c = psc_cursor_init(record, n);
	memset(ret, 0, sizeof(*ret));
	ret->name.s = "";
	ret->kind = psc_cursor_u16(&c);
	ret->class = class_of(ret->kind, &ret->is_global);
	switch (ret->class) {
	case PSC_CV_OTHER:
		return !c.failed;
	case PSC_CV_PUBLIC:
		ret->flags = psc_cursor_u32(&c);
		parse_address(&c, ret);
		break;
	case PSC_CV_DATA:
		ret->type = psc_cursor_u32(&c);
		parse_address(&c, ret);
		break;
	case PSC_CV_PROC:
		parse_proc(&c, ret);
		break;
	case PSC_CV_THUNK:
		parse_thunk(&c, ret);
		break;
	case PSC_CV_PROC_REF:
		psc_cursor_skip(&c, 4);
		ret->offset = psc_cursor_u32(&c);
		ret->module = psc_cursor_u16(&c);
		break;
	case PSC_CV_CONSTANT:
		ret->type = psc_cursor_u32(&c);
		ret->has_value = psc_cv_read_number(&c, &ret->value);
		break;
	case PSC_CV_TYPE_NAME:
		ret->type = psc_cursor_u32(&c);
		break;
	}
	ret->name = psc_cv_read_name(&c, ret->kind < S_FIRST_WITH_NUL);
	return !c.failed;
}
