/* SPDX-License-Identifier: MIT */
/* Where a field is in a structure. Unnamed members of the source are either already listed as members of the outer
 * structure, or stand in it under names that mean nothing: their members belong to the outer structure too. The rules
 * are those of isf_types.c. */
#include "symbols/pdb_types.h"

#include "util/error.h"
#include <inttypes.h>
#include <string.h>

#define MAX_DEPTH 16    /* unnamed members in unnamed members */
#define MAX_STEPS 20000 /* members looked at for one field */

struct search {
	const struct psc_pdb_types *types;
	const char *field;
	bool is_found, is_ambiguous;
	uint32_t type;
	uint64_t offset; /* in the outermost structure */
};

static bool starts_with(const struct psc_cv_name *name, size_t from, const char *text)
{
	size_t n = strlen(text);
	return name->n - from >= n && memcmp(name->s + from, text, n) == 0;
}

/* "", "u", "u1", "__unnamed...", "<unnamed-tag>" */
static bool is_meaningless(const struct psc_cv_name *name)
{
	size_t i = 0;
	while (i < name->n && (name->s[i] == '_' || name->s[i] == '<'))
		i++;
	if (i == name->n || starts_with(name, i, "unnamed") || starts_with(name, i, "anonymous"))
		return true;
	if (name->s[0] != 'u')
		return false;
	for (i = 1; i < name->n; i++)
		if (name->s[i] < '0' || name->s[i] > '9')
			return false;
	return true;
}

/* The list of members of a structure that stands for its own members; 0 for everything else. */
static uint32_t transparent_list(const struct psc_pdb_types *types, const struct psc_pdb_member *m)
{
	struct psc_pdb_type type;
	if (m->kind != PSC_PDB_MEMBER_BASE && (m->kind != PSC_PDB_MEMBER_DATA || !is_meaningless(&m->name)))
		return 0;
	if (!psc_pdb_type_get(types, psc_pdb_type_resolve(types, m->type), &type))
		return 0;
	switch (type.kind) {
	case PSC_PDB_TYPE_STRUCT:
	case PSC_PDB_TYPE_CLASS:
	case PSC_PDB_TYPE_INTERFACE:
	case PSC_PDB_TYPE_UNION:
		return type.fields;
	default:
		return 0;
	}
}

static void take(struct search *s, const struct psc_pdb_member *m, uint64_t base)
{
	s->is_ambiguous |= s->is_found && s->offset != base + m->value;
	s->is_found = true;
	s->type = m->type;
	s->offset = base + m->value;
}

static bool is_wanted(const struct search *s, const struct psc_pdb_member *m)
{
	return m->kind == PSC_PDB_MEMBER_DATA && psc_cv_name_is(&m->name, s->field);
}

static enum psc_status fail_damaged(struct psc_error *reterr)
{
	return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0, "its list of members is damaged");
}

/* A member of that very name wins over those of unnamed members. */
static enum psc_status search_own(struct search *s, uint32_t fields, struct psc_error *reterr)
{
	struct psc_pdb_members it = psc_pdb_members(s->types, fields);
	struct psc_pdb_member m;
	while (psc_pdb_members_next(&it, &m))
		if (is_wanted(s, &m)) {
			take(s, &m, 0);
			return PSC_OK;
		}
	return it.failed ? fail_damaged(reterr) : PSC_OK;
}

static enum psc_status search_all(struct search *s, uint32_t fields, struct psc_error *reterr)
{
	struct {
		struct psc_pdb_members it;
		uint64_t base;
	} stack[MAX_DEPTH];
	unsigned depth = 1, steps = 0;
	stack[0].it = psc_pdb_members(s->types, fields);
	stack[0].base = 0;
	while (depth > 0) {
		struct psc_pdb_member m;
		uint64_t base = stack[depth - 1].base;
		if (!psc_pdb_members_next(&stack[depth - 1].it, &m)) {
			if (stack[depth - 1].it.failed)
				return fail_damaged(reterr);
			depth--;
			continue;
		}
		if (++steps > MAX_STEPS)
			return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0, "it has too many members");
		if (m.kind != PSC_PDB_MEMBER_DATA && m.kind != PSC_PDB_MEMBER_BASE)
			continue;
		if (m.value > UINT32_MAX || base + m.value > UINT32_MAX)
			return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0, "a member is behind 4 GiB");
		uint32_t inner;
		if (is_wanted(s, &m)) {
			take(s, &m, base);
		} else if (depth < MAX_DEPTH && (inner = transparent_list(s->types, &m)) != 0) {
			stack[depth].it = psc_pdb_members(s->types, inner);
			stack[depth].base = base + m.value;
			depth++;
		}
	}
	return PSC_OK;
}

static enum psc_status describe(const struct search *s, struct psc_field *f, struct psc_error *reterr)
{
	struct psc_pdb_type type;
	uint64_t size = psc_pdb_type_size(s->types, s->type);
	if (s->offset > UINT32_MAX || size > UINT32_MAX ||
	    (f->struct_size != 0 && (s->offset > f->struct_size || size > f->struct_size - s->offset)))
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0, "it ends behind its structure");
	f->offset = (uint32_t)s->offset;
	f->size_bytes = (uint32_t)size;
	if (!psc_pdb_type_get(s->types, s->type, &type) || type.kind != PSC_PDB_TYPE_BITFIELD)
		return PSC_OK;
	uint32_t bits = size != 0 && size < 8 ? 8 * (uint32_t)size : 64;
	if (type.bit_length == 0 || type.bit_length > bits || type.bit_position > bits - type.bit_length)
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0, "it does not fit into its storage");
	f->bit_length = type.bit_length;
	f->bit_position = type.bit_position;
	return PSC_OK;
}

enum psc_status psc_pdb_type_field(struct psc_pdb *pdb, const char *struct_name, const char *field,
				   struct psc_field *ret, struct psc_error *reterr)
{
	struct search s = {.field = field};
	struct psc_field f = {.origin = PSC_ORIGIN_NONE};
	struct psc_pdb_type type;
	enum psc_status r = psc_pdb_types(pdb, &s.types, reterr);
	if (r != PSC_OK)
		return r;
	uint32_t index = psc_pdb_type_find(s.types, struct_name, strlen(struct_name), false);
	if (index == 0 || !psc_pdb_type_get(s.types, index, &type)) {
		*ret = f;
		return PSC_OK;
	}
	if (type.size_bytes > UINT32_MAX)
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0, "%s is larger than 4 GiB", struct_name);
	f.struct_size = (uint32_t)type.size_bytes;
	if (!*field) {
		f.size_bytes = f.struct_size;
		f.origin = f.struct_size != 0 ? PSC_ORIGIN_PDB : PSC_ORIGIN_NONE;
		*ret = f;
		return PSC_OK;
	}
	r = search_own(&s, type.fields, reterr);
	if (r == PSC_OK && !s.is_found)
		r = search_all(&s, type.fields, reterr);
	if (r == PSC_OK && s.is_found && !s.is_ambiguous) {
		r = describe(&s, &f, reterr);
		f.origin = PSC_ORIGIN_PDB;
	}
	if (r != PSC_OK)
		return psc_fail_prefix(reterr, r, "%s.%s", struct_name, field);
	*ret = f;
	return PSC_OK;
}
