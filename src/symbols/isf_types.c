/* SPDX-License-Identifier: MIT */
#include "symbols/isf_types.h"

#include "util/error.h"
#include <stdlib.h>
#include <string.h>

#define MAX_TYPE_DEPTH 16    /* arrays of arrays, anonymous members in anonymous members */
#define MAX_STEPS      20000 /* members looked at for one field */

enum psc_status psc_isf_u32(const cJSON *node, const char *what, uint32_t *ret, struct psc_error *reterr)
{
	if (!node)
		return PSC_OK;
	double v = cJSON_IsNumber(node) ? node->valuedouble : -1;
	if (!(v >= 0 && v <= UINT32_MAX) || (double)(uint32_t)v != v)
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0, "%s is not a whole number below 2^32", what);
	*ret = (uint32_t)v;
	return PSC_OK;
}

static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *text_of(const cJSON *object, const char *name)
{
	const cJSON *node = member(object, name);
	return cJSON_IsString(node) ? node->valuestring : "";
}

static int by_name(const void *a, const void *b)
{
	const struct psc_isf_named *x = (const struct psc_isf_named *)a, *y = (const struct psc_isf_named *)b;
	int c = strcmp(x->name, y->name);
	return c != 0 ? c : x->order < y->order ? -1 : x->order > y->order;
}

enum psc_status psc_isf_types_init(struct psc_isf_types *types, const cJSON *root, struct psc_error *reterr)
{
	const cJSON *all = member(root, "user_types"), *node;
	size_t n = 0;
	memset(types, 0, sizeof(*types));
	types->base_types = member(root, "base_types");
	types->enums = member(root, "enums");
	if (!cJSON_IsObject(all))
		return PSC_OK;
	cJSON_ArrayForEach(node, all) n++;
	types->items = calloc(n ? n : 1, sizeof(*types->items));
	if (!types->items)
		return psc_fail_no_memory(reterr);
	cJSON_ArrayForEach(node, all)
	{
		struct psc_isf_named item = {node->string, node, types->n};
		types->items[types->n++] = item;
	}
	qsort(types->items, types->n, sizeof(*types->items), by_name);
	return PSC_OK;
}

void psc_isf_types_deinit(struct psc_isf_types *types)
{
	free(types->items);
	types->items = NULL;
	types->n = 0;
}

/* The first of that name. */
static const cJSON *find_type(const struct psc_isf_types *types, const char *name)
{
	size_t low = 0, high = types->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(types->items[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < types->n && strcmp(types->items[low].name, name) == 0 ? types->items[low].node : NULL;
}

/* Bytes of a value of the described type; 0 when the file does not tell. */
static enum psc_status type_size(const struct psc_isf_types *types, const cJSON *type, int depth, uint32_t *ret,
				 struct psc_error *reterr)
{
	const char *kind = text_of(type, "kind"), *name = text_of(type, "name");
	*ret = 0;
	if (depth > MAX_TYPE_DEPTH)
		return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0, "a type is nested too deeply");
	if (strcmp(kind, "base") == 0)
		return psc_isf_u32(member(member(types->base_types, name), "size"), "the size of a base type", ret,
				   reterr);
	if (strcmp(kind, "pointer") == 0)
		return psc_isf_u32(member(member(types->base_types, "pointer"), "size"), "the size of a pointer", ret,
				   reterr);
	if (strcmp(kind, "struct") == 0 || strcmp(kind, "union") == 0 || strcmp(kind, "class") == 0)
		return psc_isf_u32(member(find_type(types, name), "size"), "the size of a structure", ret, reterr);
	if (strcmp(kind, "enum") == 0)
		return psc_isf_u32(member(member(types->enums, name), "size"), "the size of an enumeration", ret,
				   reterr);
	if (strcmp(kind, "bitfield") == 0)
		return type_size(types, member(type, "type"), depth + 1, ret, reterr);
	if (strcmp(kind, "array") == 0) {
		uint32_t count = 0, each;
		enum psc_status r = psc_isf_u32(member(type, "count"), "the length of an array", &count, reterr);
		if (r == PSC_OK)
			r = type_size(types, member(type, "subtype"), depth + 1, &each, reterr);
		if (r != PSC_OK)
			return r;
		if ((uint64_t)count * each > UINT32_MAX)
			return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0, "an array is larger than 4 GiB");
		*ret = count * each;
	}
	return PSC_OK;
}

struct search {
	const struct psc_isf_types *types;
	const char *field;
	unsigned steps;
	const cJSON *found;
	uint32_t offset; /* of the found member in the outermost structure */
	bool ambiguous;
	struct psc_error *reterr;
};

static bool is_unnamed(const char *name)
{
	while (*name == '_' || *name == '<')
		name++;
	return strncmp(name, "unnamed", 7) == 0 || strncmp(name, "anonymous", 9) == 0;
}

/* A member that stands for an unnamed structure or union of the source: its own members belong to the outer one. */
static bool is_transparent(const cJSON *m)
{
	const cJSON *type = member(m, "type");
	const char *kind = text_of(type, "kind"), *p = m->string;
	if (strcmp(kind, "struct") != 0 && strcmp(kind, "union") != 0 && strcmp(kind, "class") != 0)
		return false;
	if (cJSON_IsTrue(member(m, "anonymous")) || is_unnamed(p))
		return true;
	if (*p++ != 'u')
		return false;
	while (*p >= '0' && *p <= '9')
		p++;
	return *p == '\0';
}

static enum psc_status offset_of(const cJSON *m, uint32_t base, uint32_t *ret, struct psc_error *reterr)
{
	const cJSON *node = member(m, "offset");
	uint32_t offset = 0;
	if (!node)
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0, "a field has no offset");
	enum psc_status r = psc_isf_u32(node, "the offset of a field", &offset, reterr);
	if (r != PSC_OK)
		return r;
	if (offset > UINT32_MAX - base)
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0, "the offset of a field exceeds 2^32");
	*ret = base + offset;
	return PSC_OK;
}

static enum psc_status search_members(struct search *s, const cJSON *type, uint32_t base, int depth);

static enum psc_status search_member(struct search *s, const cJSON *m, uint32_t base, int depth)
{
	uint32_t offset = 0;
	enum psc_status r;
	if (strcmp(m->string, s->field) == 0) {
		r = offset_of(m, base, &offset, s->reterr);
		if (r != PSC_OK)
			return r;
		s->ambiguous |= s->found && s->offset != offset;
		s->found = m;
		s->offset = offset;
		return PSC_OK;
	}
	if (depth >= MAX_TYPE_DEPTH || !is_transparent(m))
		return PSC_OK;
	r = offset_of(m, base, &offset, s->reterr);
	return r != PSC_OK
		       ? r
		       : search_members(s, find_type(s->types, text_of(member(m, "type"), "name")), offset, depth + 1);
}

static enum psc_status search_members(struct search *s, const cJSON *type, uint32_t base, int depth)
{
	const cJSON *fields = member(type, "fields"), *m;
	if (!cJSON_IsObject(fields))
		return PSC_OK;
	cJSON_ArrayForEach(m, fields)
	{
		if (++s->steps > MAX_STEPS)
			return psc_fail(s->reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0, "a structure has too many members");
		enum psc_status r = search_member(s, m, base, depth);
		if (r != PSC_OK)
			return r;
	}
	return PSC_OK;
}

/* A member of that very name wins over those of unnamed members; two different ones among these are none. */
static enum psc_status find_field(struct search *s, const cJSON *type)
{
	const cJSON *m = member(member(type, "fields"), s->field);
	if (!m)
		return search_members(s, type, 0, 0);
	s->found = m;
	return offset_of(m, 0, &s->offset, s->reterr);
}

static enum psc_status bits_of(const cJSON *type, struct psc_field *f, struct psc_error *reterr)
{
	uint32_t position = 0, length = 0;
	if (strcmp(text_of(type, "kind"), "bitfield") != 0)
		return PSC_OK;
	enum psc_status r = psc_isf_u32(member(type, "bit_position"), "a bit position", &position, reterr);
	if (r == PSC_OK)
		r = psc_isf_u32(member(type, "bit_length"), "a bit length", &length, reterr);
	if (r != PSC_OK)
		return r;
	uint32_t bits = f->size_bytes != 0 && f->size_bytes < 8 ? 8 * f->size_bytes : 64;
	if (length == 0 || length > bits || position > bits - length)
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0, "a bit field does not fit its storage");
	f->bit_position = (uint8_t)position;
	f->bit_length = (uint8_t)length;
	return PSC_OK;
}

static enum psc_status describe(const struct psc_isf_types *types, const cJSON *m, struct psc_field *f,
				struct psc_error *reterr)
{
	const cJSON *type = member(m, "type");
	enum psc_status r = type_size(types, type, 0, &f->size_bytes, reterr);
	if (r == PSC_OK)
		r = bits_of(type, f, reterr);
	if (r != PSC_OK)
		return r;
	if (f->struct_size != 0 && (f->offset > f->struct_size || f->size_bytes > f->struct_size - f->offset))
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0, "a field ends behind its structure");
	return PSC_OK;
}

enum psc_status psc_isf_types_field(const struct psc_isf_types *types, enum psc_field_id f, struct psc_field *ret,
				    struct psc_error *reterr)
{
	const char *struct_name, *name = psc_field_name(f, &struct_name);
	const cJSON *type = find_type(types, struct_name);
	struct search s = {types, name, 0, NULL, 0, false, reterr};
	memset(ret, 0, sizeof(*ret));
	enum psc_status r = psc_isf_u32(member(type, "size"), "the size of a structure", &ret->struct_size, reterr);
	if (r == PSC_OK && type && *name)
		r = find_field(&s, type);
	if (r == PSC_OK && s.found && !s.ambiguous) {
		ret->offset = s.offset;
		r = describe(types, s.found, ret, reterr);
	}
	if (r != PSC_OK)
		return psc_fail_prefix(reterr, r, "%s.%s", struct_name, name);
	if (s.found && !s.ambiguous)
		ret->origin = PSC_ORIGIN_ISF;
	else if (type && !*name && ret->struct_size != 0) {
		ret->size_bytes = ret->struct_size;
		ret->origin = PSC_ORIGIN_ISF;
	}
	return PSC_OK;
}
