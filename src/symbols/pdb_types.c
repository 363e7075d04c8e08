/* SPDX-License-Identifier: MIT */
#include "symbols/pdb_types.h"

#include "symbols/pdb_internal.h"
#include "util/checked.h"
#include "util/error.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES 56u
#define VERSION_VC50 19961031u /* the first with this header */
#define FIRST_INDEX  0x1000u
#define MAX_HOPS     32 /* modifier of bit field of enumeration ... */

/* Property bits of structures, unions and enumerations. */
#define PROPERTY_FORWARD    0x80u
#define PROPERTY_HAS_UNIQUE 0x200u

enum {
	LF_MODIFIER = 0x1001,
	LF_POINTER = 0x1002,
	LF_ARRAY_ST = 0x1003, /* _ST: of old compilers, names are counted [2] */
	LF_CLASS_ST = 0x1004,
	LF_STRUCTURE_ST = 0x1005,
	LF_UNION_ST = 0x1006,
	LF_ENUM_ST = 0x1007,
	LF_FIELDLIST = 0x1203,
	LF_BITFIELD = 0x1205,
	LF_ARRAY = 0x1503,
	LF_CLASS = 0x1504,
	LF_STRUCTURE = 0x1505,
	LF_UNION = 0x1506,
	LF_ENUM = 0x1507,
	LF_ALIAS = 0x150a,
	LF_INTERFACE = 0x1519,
	LF_CLASS2 = 0x1608,     /* [V] */
	LF_STRUCTURE2 = 0x1609, /* [V] Visual C++ 2019 and later */
	LF_UNION2 = 0x160a,     /* [1] */
	LF_INTERFACE2 = 0x160b, /* [1] */
};

struct named {
	struct psc_cv_name name;
	uint32_t index;
};

struct names {
	struct named *items; /* by name, then index */
	size_t n;
};

struct psc_pdb_types {
	uint8_t *bytes; /* the records */
	uint32_t n_bytes, first, n;
	uint32_t *offs;              /* of each record's leaf */
	unsigned pointer_bytes;      /* of the machine, for pointers that do not tell */
	struct names structs, enums; /* definitions only */
	struct names unique;         /* the same by unique name, both kinds */
};

void psc_pdb_types_free(struct psc_pdb_types *t)
{
	if (!t)
		return;
	free(t->bytes);
	free(t->offs);
	free(t->structs.items);
	free(t->enums.items);
	free(t->unique.items);
	free(t);
}

/* The record of an index, from behind its leaf on; a failed cursor when there is none. */
static struct psc_cursor record_of(const struct psc_pdb_types *t, uint32_t index, uint16_t *ret_leaf)
{
	struct psc_cursor c = psc_cursor_init(NULL, 0);
	if (index >= t->first && index - t->first < t->n) {
		uint32_t off = t->offs[index - t->first];
		c = psc_cursor_init(t->bytes + off, psc_le16(t->bytes + off - 2)); /* checked by index_records */
	}
	*ret_leaf = psc_cursor_u16(&c);
	return c;
}

static bool read_size(struct psc_cursor *c, uint64_t *ret)
{
	return psc_cv_read_number(c, ret) && !c->failed;
}

static void read_names(struct psc_cursor *c, uint16_t property, bool is_counted, struct psc_pdb_type *ret)
{
	ret->name = psc_cv_read_name(c, is_counted);
	if (property & PROPERTY_HAS_UNIQUE)
		ret->unique_name = psc_cv_read_name(c, is_counted);
	ret->is_forward = property & PROPERTY_FORWARD;
}

static bool parse_struct(struct psc_cursor *c, struct psc_pdb_type *ret, bool is_union, bool is_counted)
{
	ret->n_members = psc_cursor_u16(c);
	uint16_t property = psc_cursor_u16(c);
	ret->fields = psc_cursor_u32(c);
	if (!is_union)
		psc_cursor_skip(c, 8); /* derived from, shape of the table of virtual functions */
	if (!read_size(c, &ret->size_bytes))
		return false;
	read_names(c, property, is_counted, ret);
	return true;
}

/* What follows a record's last item: nothing but padding. */
static bool is_at_end(const struct psc_cursor *c)
{
	for (const uint8_t *p = c->pos; p < c->end; p++)
		if (*p < 0xf0)
			return false;
	return !c->failed && psc_cursor_left(c) < 16;
}

/* A 32-bit property, and the number of members behind the lists. */
static bool parse_struct2(struct psc_cursor *c, struct psc_pdb_type *ret, bool is_union)
{
	uint16_t property = (uint16_t)psc_cursor_u32(c);
	ret->fields = psc_cursor_u32(c);
	if (!is_union)
		psc_cursor_skip(c, 8);
	ret->n_members = psc_cursor_u16(c);
	if (!read_size(c, &ret->size_bytes))
		return false;
	read_names(c, property, false, ret);
	return is_at_end(c);
}

static bool parse_enum(struct psc_cursor *c, struct psc_pdb_type *ret, bool is_counted)
{
	ret->n_members = psc_cursor_u16(c);
	uint16_t property = psc_cursor_u16(c);
	ret->target = psc_cursor_u32(c);
	ret->fields = psc_cursor_u32(c);
	read_names(c, property, is_counted, ret);
	return true;
}

static bool parse_array(struct psc_cursor *c, struct psc_pdb_type *ret)
{
	ret->target = psc_cursor_u32(c);
	psc_cursor_skip(c, 4);
	return read_size(c, &ret->size_bytes); /* a name may follow */
}

static bool parse_pointer(struct psc_cursor *c, unsigned pointer_bytes, struct psc_pdb_type *ret)
{
	ret->target = psc_cursor_u32(c);
	uint32_t attributes = psc_cursor_u32(c), kind = attributes & 0x1f;
	ret->size_bytes = attributes >> 13 & 0x3f;
	if (ret->size_bytes == 0) /* older compilers leave it to the kind: near 32-bit, 64-bit */
		ret->size_bytes = kind == 0x0a ? 4 : kind == 0x0c ? 8 : pointer_bytes;
	return true;
}

static bool parse_type(struct psc_cursor *c, unsigned pointer_bytes, struct psc_pdb_type *ret)
{
	switch (ret->leaf) {
	case LF_STRUCTURE:
	case LF_STRUCTURE_ST:
		ret->kind = PSC_PDB_TYPE_STRUCT;
		return parse_struct(c, ret, false, ret->leaf == LF_STRUCTURE_ST);
	case LF_CLASS:
	case LF_CLASS_ST:
		ret->kind = PSC_PDB_TYPE_CLASS;
		return parse_struct(c, ret, false, ret->leaf == LF_CLASS_ST);
	case LF_INTERFACE:
		ret->kind = PSC_PDB_TYPE_INTERFACE;
		return parse_struct(c, ret, false, false);
	case LF_UNION:
	case LF_UNION_ST:
		ret->kind = PSC_PDB_TYPE_UNION;
		return parse_struct(c, ret, true, ret->leaf == LF_UNION_ST);
	case LF_STRUCTURE2:
		ret->kind = PSC_PDB_TYPE_STRUCT;
		return parse_struct2(c, ret, false);
	case LF_CLASS2:
		ret->kind = PSC_PDB_TYPE_CLASS;
		return parse_struct2(c, ret, false);
	case LF_INTERFACE2:
		ret->kind = PSC_PDB_TYPE_INTERFACE;
		return parse_struct2(c, ret, false);
	case LF_UNION2:
		ret->kind = PSC_PDB_TYPE_UNION;
		return parse_struct2(c, ret, true);
	case LF_ENUM:
	case LF_ENUM_ST:
		ret->kind = PSC_PDB_TYPE_ENUM;
		return parse_enum(c, ret, ret->leaf == LF_ENUM_ST);
	case LF_ARRAY:
	case LF_ARRAY_ST:
		ret->kind = PSC_PDB_TYPE_ARRAY;
		return parse_array(c, ret);
	case LF_POINTER:
		ret->kind = PSC_PDB_TYPE_POINTER;
		return parse_pointer(c, pointer_bytes, ret);
	case LF_BITFIELD:
		ret->kind = PSC_PDB_TYPE_BITFIELD;
		ret->target = psc_cursor_u32(c);
		ret->bit_length = psc_cursor_u8(c);
		ret->bit_position = psc_cursor_u8(c);
		return true;
	case LF_MODIFIER:
	case LF_ALIAS:
		ret->kind = PSC_PDB_TYPE_MODIFIER;
		ret->target = psc_cursor_u32(c);
		return true;
	default:
		return true;
	}
}

bool psc_pdb_type_get(const struct psc_pdb_types *t, uint32_t index, struct psc_pdb_type *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->name.s = ret->unique_name.s = "";
	struct psc_cursor c = record_of(t, index, &ret->leaf);
	return !c.failed && parse_type(&c, t->pointer_bytes, ret) && !c.failed;
}

struct psc_cursor psc_pdb_type_list(const struct psc_pdb_types *t, uint32_t index)
{
	uint16_t leaf;
	struct psc_cursor c = record_of(t, index, &leaf);
	if (leaf != LF_FIELDLIST)
		c.failed = true;
	return c;
}

/* Offsets of all records. A header that promises more than there is gives what there is. */
static enum psc_status index_records(struct psc_pdb_types *t, uint32_t n_promised, struct psc_error *reterr)
{
	uint32_t n_max = t->n_bytes / 4; /* length and leaf */
	struct psc_cursor c = psc_cursor_init(t->bytes, t->n_bytes);
	if (n_promised > n_max)
		n_promised = n_max;
	t->offs = malloc(((size_t)n_promised + 1) * sizeof(*t->offs));
	if (!t->offs)
		return psc_fail_no_memory(reterr);
	while (t->n < n_promised) {
		uint16_t n = psc_cursor_u16(&c);
		uint32_t off = (uint32_t)psc_cursor_tell(&c);
		if (n < 2 || !psc_cursor_bytes(&c, n))
			break;
		t->offs[t->n++] = off;
	}
	return PSC_OK;
}

static int compare_names(const struct psc_cv_name *a, const struct psc_cv_name *b)
{
	size_t n = a->n < b->n ? a->n : b->n;
	int c = memcmp(a->s, b->s, n);
	return c != 0 ? c : a->n < b->n ? -1 : a->n > b->n;
}

static int by_name(const void *a, const void *b)
{
	const struct named *x = (const struct named *)a, *y = (const struct named *)b;
	int c = compare_names(&x->name, &y->name);
	return c != 0 ? c : x->index < y->index ? -1 : x->index > y->index;
}

static bool has_definition_kind(const struct psc_pdb_type *type)
{
	switch (type->kind) {
	case PSC_PDB_TYPE_STRUCT:
	case PSC_PDB_TYPE_CLASS:
	case PSC_PDB_TYPE_INTERFACE:
	case PSC_PDB_TYPE_UNION:
	case PSC_PDB_TYPE_ENUM:
		return true;
	default:
		return false;
	}
}

static void add(struct names *names, const struct psc_cv_name *name, uint32_t index)
{
	struct named item = {*name, index};
	names->items[names->n++] = item;
}

static enum psc_status index_names(struct psc_pdb_types *t, const struct psc_cancel *cancel, struct psc_error *reterr)
{
	struct psc_pdb_type type;
	size_t n = 0;
	for (uint32_t i = 0; i < t->n; i++)
		if (psc_pdb_type_get(t, t->first + i, &type) && has_definition_kind(&type) && !type.is_forward)
			n++;
	t->structs.items = malloc((n + 1) * sizeof(struct named));
	t->enums.items = malloc((n + 1) * sizeof(struct named));
	t->unique.items = malloc((n + 1) * sizeof(struct named));
	if (!t->structs.items || !t->enums.items || !t->unique.items)
		return psc_fail_no_memory(reterr);
	for (uint32_t i = 0; i < t->n; i++) {
		if (i % PSC_PDB_CANCEL_RECORDS == 0 && psc_cancelled(cancel))
			return psc_pdb_fail_cancelled(reterr);
		if (!psc_pdb_type_get(t, t->first + i, &type) || !has_definition_kind(&type) || type.is_forward)
			continue;
		add(type.kind == PSC_PDB_TYPE_ENUM ? &t->enums : &t->structs, &type.name, t->first + i);
		if (type.unique_name.n > 0)
			add(&t->unique, &type.unique_name, t->first + i);
	}
	qsort(t->structs.items, t->structs.n, sizeof(struct named), by_name);
	qsort(t->enums.items, t->enums.n, sizeof(struct named), by_name);
	qsort(t->unique.items, t->unique.n, sizeof(struct named), by_name);
	return PSC_OK;
}

static enum psc_status load(struct psc_pdb *pdb, struct psc_pdb_types *t, struct psc_error *reterr)
{
	uint8_t h[HEADER_BYTES];
	uint32_t size = psc_msf_size(&pdb->msf, PSC_PDB_STREAM_TPI);
	enum psc_status r = psc_msf_read(&pdb->msf, PSC_PDB_STREAM_TPI, 0, h, sizeof(h), reterr);
	if (r != PSC_OK)
		return r;
	uint32_t version = psc_le32(h), header_bytes = psc_le32(h + 4), end = psc_le32(h + 12);
	t->first = psc_le32(h + 8);
	t->n_bytes = psc_le32(h + 16);
	t->pointer_bytes = pdb->dbi.machine == PSC_MACHINE_X86 ? 4 : 8;
	if (version < VERSION_VC50)
		return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
				"types of version %" PRIu32 ", of a compiler before Visual C++ 5", version);
	if (t->first < FIRST_INDEX || end < t->first)
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0,
				"types from index 0x%" PRIx32 " to 0x%" PRIx32, t->first, end);
	if (header_bytes < HEADER_BYTES || !psc_range_ok(header_bytes, t->n_bytes, size))
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0,
				"the type records do not fit into their stream");
	r = psc_msf_load(&pdb->msf, PSC_PDB_STREAM_TPI, header_bytes, t->n_bytes, &t->bytes, reterr);
	if (r == PSC_OK)
		r = index_records(t, end - t->first, reterr);
	return r == PSC_OK ? index_names(t, pdb->cancel, reterr) : r;
}

enum psc_status psc_pdb_types(struct psc_pdb *pdb, const struct psc_pdb_types **ret, struct psc_error *reterr)
{
	if (!pdb->types) {
		if (!pdb->identity.has_types)
			return psc_fail(reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0, "the PDB holds no types");
		struct psc_pdb_types *t = calloc(1, sizeof(*t));
		enum psc_status r = t ? load(pdb, t, reterr) : psc_fail_no_memory(reterr);
		if (r != PSC_OK) {
			psc_pdb_types_free(t);
			return psc_fail_prefix(reterr, r, "types");
		}
		pdb->types = t;
	}
	*ret = pdb->types;
	return PSC_OK;
}

void psc_pdb_types_range(const struct psc_pdb_types *t, uint32_t *ret_first, uint32_t *ret_end)
{
	*ret_first = t->first;
	*ret_end = t->first + t->n;
}

static uint32_t find(const struct names *names, const struct psc_cv_name *name)
{
	size_t low = 0, high = names->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_names(&names->items[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < names->n && compare_names(&names->items[low].name, name) == 0 ? names->items[low].index : 0;
}

uint32_t psc_pdb_type_find(const struct psc_pdb_types *t, const char *name, size_t n, bool is_enum)
{
	struct psc_cv_name key = {name, n};
	return find(is_enum ? &t->enums : &t->structs, &key);
}

/* Names that compilers give to what has none: they say nothing. */
static bool is_unnamed(const struct psc_cv_name *name)
{
	static const char *const names[] = {"<unnamed-tag>", "<anonymous-tag>", "__unnamed", ""};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (psc_cv_name_is(name, names[i]))
			return true;
	return false;
}

uint32_t psc_pdb_type_resolve(const struct psc_pdb_types *t, uint32_t index)
{
	struct psc_pdb_type type;
	uint32_t found = 0;
	if (!psc_pdb_type_get(t, index, &type) || !has_definition_kind(&type) || !type.is_forward)
		return index;
	if (type.unique_name.n > 0)
		found = find(&t->unique, &type.unique_name);
	if (found == 0 && !is_unnamed(&type.name))
		found = find(type.kind == PSC_PDB_TYPE_ENUM ? &t->enums : &t->structs, &type.name);
	return found ? found : index;
}

/* Types without a record: what and, in the mode, a pointer to it. */
static uint64_t simple_size(uint32_t index)
{
	static const uint8_t pointers[8] = {0, 2, 4, 4, 4, 6, 8, 16};
	uint32_t mode = index >> 8 & 7;
	if (mode != 0)
		return pointers[mode];
	switch (index & 0xff) {
	case 0x10: /* characters */
	case 0x20:
	case 0x68: /* 8-bit integers */
	case 0x69:
	case 0x70:
	case 0x7c:
	case 0x30: /* boolean */
		return 1;
	case 0x11: /* 16-bit */
	case 0x21:
	case 0x31:
	case 0x46:
	case 0x71: /* wide character */
	case 0x72:
	case 0x73:
	case 0x7a:
		return 2;
	case 0x08: /* HRESULT */
	case 0x12:
	case 0x22:
	case 0x32:
	case 0x40:
	case 0x45:
	case 0x74:
	case 0x75:
	case 0x7b:
		return 4;
	case 0x44:
		return 6;
	case 0x13:
	case 0x23:
	case 0x33:
	case 0x41:
	case 0x50:
	case 0x76:
	case 0x77:
		return 8;
	case 0x42:
		return 10;
	case 0x14:
	case 0x24:
	case 0x34:
	case 0x43:
	case 0x51:
	case 0x78:
	case 0x79:
		return 16;
	case 0x52:
		return 20;
	case 0x53:
		return 32;
	default:
		return 0;
	}
}

uint64_t psc_pdb_type_size(const struct psc_pdb_types *t, uint32_t index)
{
	struct psc_pdb_type type;
	for (int i = 0; i < MAX_HOPS; i++) {
		if (index < FIRST_INDEX)
			return simple_size(index);
		index = psc_pdb_type_resolve(t, index);
		if (!psc_pdb_type_get(t, index, &type))
			return 0;
		switch (type.kind) {
		case PSC_PDB_TYPE_ENUM:
			if (type.is_forward && type.target == 0)
				return 0;
			break;
		case PSC_PDB_TYPE_MODIFIER:
		case PSC_PDB_TYPE_BITFIELD:
			break;
		default:
			return type.size_bytes;
		}
		index = type.target;
	}
	return 0;
}
