/* SPDX-License-Identifier: MIT */
/* The build's structures as Volatility 3 user_types and as C declarations. */
#include "builds.h"
#include "text.h"
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *base_name(const char *type)
{
	static const char *const names[][2] = {
		{"u1", "unsigned char"}, {"u2", "unsigned short"},
		{"u4", "unsigned long"}, {"u8", "unsigned long long"},
		{"i1", "char"},          {"i2", "short"},
		{"i4", "long"},          {"i8", "long long"},
	};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (!strcmp(names[i][0], type))
			return names[i][1];
	return NULL;
}

static cJSON *json_base(const char *name)
{
	cJSON *o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "kind", "base");
	cJSON_AddStringToObject(o, "name", name);
	return o;
}

static cJSON *json_type(const struct lab_build *b, const char *type)
{
	cJSON *o;
	if (base_name(type))
		return json_base(base_name(type));
	o = cJSON_CreateObject();
	if (!strcmp(type, "p")) {
		cJSON_AddStringToObject(o, "kind", "pointer");
		cJSON_AddItemToObject(o, "subtype", json_base("void"));
		return o;
	}
	if (!lab_type_bytes(b, type))
		lab_die("type %s has no layout", type);
	cJSON_AddStringToObject(o, "kind", "struct");
	cJSON_AddStringToObject(o, "name", type);
	return o;
}

struct json_ctx {
	const struct lab_build *b;
	cJSON *types;
};

static void add_json(void *ctx, const struct lab_layout *l, const struct lab_field *fields, size_t n)
{
	struct json_ctx *c = ctx;
	cJSON *type = cJSON_CreateObject(), *members = cJSON_CreateObject();
	for (size_t i = 0; i < n; i++) {
		const struct lab_field *f = &fields[i];
		cJSON *field = cJSON_CreateObject(), *t = json_type(c->b, f->type);
		if (f->count) {
			cJSON *a = cJSON_CreateObject();
			cJSON_AddNumberToObject(a, "count", f->count);
			cJSON_AddStringToObject(a, "kind", "array");
			cJSON_AddItemToObject(a, "subtype", t);
			t = a;
		} else if (f->is_bits) {
			cJSON *a = cJSON_CreateObject();
			cJSON_AddNumberToObject(a, "bit_length", f->n_bits);
			cJSON_AddNumberToObject(a, "bit_position", f->bit);
			cJSON_AddStringToObject(a, "kind", "bitfield");
			cJSON_AddItemToObject(a, "type", t);
			t = a;
		}
		cJSON_AddNumberToObject(field, "offset", f->offset);
		cJSON_AddItemToObject(field, "type", t);
		cJSON_AddItemToObject(members, f->name, field);
	}
	cJSON_AddItemToObject(type, "fields", members);
	cJSON_AddStringToObject(type, "kind", "struct");
	cJSON_AddNumberToObject(type, "size", l->size_bytes);
	cJSON_AddItemToObject(c->types, l->name, type);
}

char *lab_types_json(const struct lab_build *b)
{
	struct json_ctx c = {b, cJSON_CreateObject()};
	lab_layout_each(b, add_json, &c);
	char *text = cJSON_PrintUnformatted(c.types);
	cJSON_Delete(c.types);
	return text;
}

struct c_ctx {
	const struct lab_build *b;
	struct lab_text text;
};

/* Each field stands in its own anonymous structure behind its own padding, all in one union: that expresses any
   overlap. CodeView lists the members of anonymous structures as the outer structure's. */
static void add_c(void *ctx, const struct lab_layout *l, const struct lab_field *fields, size_t n)
{
	struct c_ctx *c = ctx;
	lab_text_add(&c->text, "struct %s {\nunion {\nunsigned char LabAll[%u];\n", l->name, l->size_bytes);
	for (size_t i = 0; i < n; i++) {
		const struct lab_field *f = &fields[i];
		const char *base = base_name(f->type);
		uint32_t bytes = lab_type_bytes(c->b, f->type);
		lab_text_add(&c->text, "struct { ");
		if (f->offset)
			lab_text_add(&c->text, "unsigned char LabPad%zu[%u]; ", i, f->offset);
		if (f->is_bits) {
			if (f->bit)
				lab_text_add(&c->text, "%s : %u; ", base, f->bit);
			lab_text_add(&c->text, "%s %s : %u; };\n", base, f->name, f->n_bits);
			continue;
		}
		if (base)
			lab_text_add(&c->text, "%s %s", base, f->name);
		else if (!strcmp(f->type, "p"))
			lab_text_add(&c->text, "void *%s", f->name);
		else if (!strcmp(f->type, "_LIST_ENTRY") || !strcmp(f->type, "_UNICODE_STRING"))
			lab_text_add(&c->text, "struct %s %s", f->type, f->name);
		else
			lab_text_add(&c->text, "unsigned char %s[%u]", f->name, bytes);
		if (f->count)
			lab_text_add(&c->text, "[%u]", f->count);
		lab_text_add(&c->text, "; };\n");
	}
	lab_text_add(&c->text, "};\n};\n");
}

char *lab_types_c(const struct lab_build *b)
{
	struct c_ctx c = {.b = b};
	lab_text_add(&c.text, "#pragma pack(push, 1)\n");
	lab_layout_each(b, add_c, &c);
	lab_text_add(&c.text, "#pragma pack(pop)\n");
	return c.text.s;
}
