/* SPDX-License-Identifier: MIT */
/* Lists of members: data, bases, enumerators, and what has to be skipped between them (reference symbols 3.6). */
#include "symbols/pdb_types.h"

#define MAX_LISTS 4096u /* of up to 64 KiB each, chained by LF_INDEX */

enum {
	LF_ENUMERATE_ST = 0x0403, /* _ST: of old compilers, names are counted [2] */
	LF_BCLASS = 0x1400,
	LF_VBCLASS = 0x1401,
	LF_IVBCLASS = 0x1402,
	LF_INDEX = 0x1404,
	LF_MEMBER_ST = 0x1405,
	LF_STMEMBER_ST = 0x1406,
	LF_METHOD_ST = 0x1407,
	LF_NESTTYPE_ST = 0x1408,
	LF_VFUNCTAB = 0x1409,
	LF_FRIENDCLS = 0x140a,
	LF_ONEMETHOD_ST = 0x140b,
	LF_VFUNCOFF = 0x140c,
	LF_FRIENDFCN_ST = 0x140e,
	LF_ENUMERATE = 0x1502,
	LF_FRIENDFCN = 0x150c,
	LF_MEMBER = 0x150d,
	LF_STMEMBER = 0x150e,
	LF_METHOD = 0x150f,
	LF_NESTTYPE = 0x1510,
	LF_ONEMETHOD = 0x1511,
	LF_NESTTYPEEX = 0x1512,
	LF_BINTERFACE = 0x151a,
	LF_PAD0 = 0xf0, /* single bytes between items: F0 + n, n bytes to the next */
};

/* Kinds of methods that carry an offset into the table of virtual functions. */
#define IS_INTRODUCING(attributes) (((attributes) >> 2 & 7) == 4 || ((attributes) >> 2 & 7) == 6)

struct psc_pdb_members psc_pdb_members(const struct psc_pdb_types *types, uint32_t fields)
{
	struct psc_pdb_members it = {.types = types, .c = psc_cursor_init(NULL, 0), .n_lists = 1};
	if (fields != 0) {
		it.c = psc_pdb_type_list(types, fields);
		it.failed = it.c.failed;
	}
	return it;
}

static void skip_padding(struct psc_cursor *c)
{
	while (psc_cursor_left(c) > 0 && *c->pos >= LF_PAD0) {
		size_t n = *c->pos & 0x0f;
		n = n ? n : 1;
		psc_cursor_skip(c, n < psc_cursor_left(c) ? n : psc_cursor_left(c));
	}
}

/* An offset must be a number that is not negative. */
static bool read_offset(struct psc_cursor *c, uint64_t *ret)
{
	return psc_cv_read_number(c, ret) && *ret <= INT64_MAX;
}

/* false: an item of unknown length. */
static bool read_item(struct psc_pdb_members *it, struct psc_pdb_member *m)
{
	struct psc_cursor *c = &it->c;
	uint64_t ignored;
	uint16_t attributes = psc_cursor_u16(c); /* or count, or padding */
	switch (m->leaf) {
	case LF_MEMBER:
	case LF_MEMBER_ST:
		m->kind = PSC_PDB_MEMBER_DATA;
		m->type = psc_cursor_u32(c);
		if (!read_offset(c, &m->value))
			return false;
		m->name = psc_cv_read_name(c, m->leaf == LF_MEMBER_ST);
		return true;
	case LF_BCLASS:
	case LF_BINTERFACE:
		m->kind = PSC_PDB_MEMBER_BASE;
		m->type = psc_cursor_u32(c);
		return read_offset(c, &m->value);
	case LF_VBCLASS:
	case LF_IVBCLASS:
		psc_cursor_skip(c, 8);
		psc_cv_read_number(c, &ignored);
		psc_cv_read_number(c, &ignored);
		return true;
	case LF_ENUMERATE:
	case LF_ENUMERATE_ST:
		m->kind = PSC_PDB_MEMBER_ENUMERATE;
		psc_cv_read_number(c, &m->value);
		m->name = psc_cv_read_name(c, m->leaf == LF_ENUMERATE_ST);
		return true;
	case LF_STMEMBER:
	case LF_STMEMBER_ST:
		m->kind = PSC_PDB_MEMBER_STATIC;
		m->type = psc_cursor_u32(c);
		m->name = psc_cv_read_name(c, m->leaf == LF_STMEMBER_ST);
		return true;
	case LF_METHOD:
	case LF_METHOD_ST:
	case LF_NESTTYPE:
	case LF_NESTTYPE_ST:
	case LF_NESTTYPEEX:
	case LF_FRIENDFCN:
	case LF_FRIENDFCN_ST:
		m->type = psc_cursor_u32(c);
		m->name = psc_cv_read_name(c, m->leaf == LF_METHOD_ST || m->leaf == LF_NESTTYPE_ST ||
						      m->leaf == LF_FRIENDFCN_ST);
		return true;
	case LF_ONEMETHOD:
	case LF_ONEMETHOD_ST:
		m->type = psc_cursor_u32(c);
		if (IS_INTRODUCING(attributes))
			psc_cursor_skip(c, 4);
		m->name = psc_cv_read_name(c, m->leaf == LF_ONEMETHOD_ST);
		return true;
	case LF_VFUNCTAB:
	case LF_FRIENDCLS:
		m->type = psc_cursor_u32(c);
		return true;
	case LF_VFUNCOFF:
		psc_cursor_skip(c, 8);
		return true;
	case LF_INDEX:
		m->type = it->continued = psc_cursor_u32(c);
		return true;
	default:
		return false;
	}
}

bool psc_pdb_members_next(struct psc_pdb_members *it, struct psc_pdb_member *ret)
{
	static const struct psc_pdb_member empty = {.name = {"", 0}};
	while (!it->failed) {
		skip_padding(&it->c);
		if (psc_cursor_left(&it->c) > 0) {
			*ret = empty;
			ret->leaf = psc_cursor_u16(&it->c);
			it->failed = !read_item(it, ret) || it->c.failed;
			if (ret->leaf == LF_INDEX)
				continue;
			return !it->failed;
		}
		if (it->continued == 0)
			return false;
		it->failed = ++it->n_lists > MAX_LISTS;
		if (!it->failed) {
			it->c = psc_pdb_type_list(it->types, it->continued);
			it->failed = it->c.failed;
			it->continued = 0;
		}
	}
	return false;
}
