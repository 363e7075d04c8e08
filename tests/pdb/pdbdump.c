/* SPDX-License-Identifier: MIT */
/* pdbdump FILE: all that the PDB reader knows of a file, one fact a line, fields separated by tabs, for compare.py.
 * Exit 1 and one line on stderr when the file cannot be read. */
#include "symbols/pdb_internal.h"
#include "symbols/pdb_types.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct psc_pdb *pdb;

static int fail(const struct psc_error *err)
{
	fprintf(stderr, "pdbdump: %s\n", err->text);
	return 1;
}

static void print_name(const struct psc_cv_name *name)
{
	fwrite(name->s, 1, name->n, stdout);
}

static bool print_symbol(void *arg, const struct psc_cv_symbol *s)
{
	uint32_t rva = 0;
	bool has_rva = psc_pdb_map_rva(&pdb->map, s->segment, s->offset, &rva);
	printf("%s\t%x\t", (const char *)arg, s->kind);
	print_name(&s->name);
	switch (s->class) {
	case PSC_CV_PUBLIC:
		printf("\t%" PRIu32 "\t%u\t%" PRIu32, s->flags, s->segment, s->offset);
		break;
	case PSC_CV_DATA:
		printf("\t%" PRIx32 "\t%u\t%" PRIu32, s->type, s->segment, s->offset);
		break;
	case PSC_CV_PROC:
		printf("\t%" PRIx32 "\t%u\t%" PRIu32 "\t%" PRIu32, s->type, s->segment, s->offset, s->size_bytes);
		break;
	case PSC_CV_THUNK:
		printf("\t%u\t%" PRIu32 "\t%" PRIu32, s->segment, s->offset, s->size_bytes);
		break;
	case PSC_CV_PROC_REF:
		printf("\t%u\t%" PRIu32, s->module, s->offset);
		has_rva = false;
		break;
	case PSC_CV_CONSTANT:
		printf("\t%" PRIx32 "\t", s->type);
		if (s->has_value)
			printf("%" PRIu64, s->value);
		has_rva = false;
		break;
	case PSC_CV_TYPE_NAME:
		printf("\t%" PRIx32, s->type);
		has_rva = false;
		break;
	default:
		break;
	}
	if (has_rva)
		printf("\trva %" PRIx32, rva);
	printf("\n");
	return true;
}

static void print_members(const struct psc_pdb_types *types, uint32_t index, const struct psc_pdb_type *type)
{
	struct psc_pdb_members it = psc_pdb_members(types, type->fields);
	struct psc_pdb_member m;
	while (psc_pdb_members_next(&it, &m)) {
		struct psc_pdb_type bits;
		switch (m.kind) {
		case PSC_PDB_MEMBER_DATA:
			printf("member\t%" PRIx32 "\t%" PRIu64 "\t%" PRIx32 "\t", index, m.value, m.type);
			print_name(&m.name);
			printf("\t%" PRIu64, psc_pdb_type_size(types, m.type));
			if (psc_pdb_type_get(types, m.type, &bits) && bits.kind == PSC_PDB_TYPE_BITFIELD)
				printf("\tbits %u %u", bits.bit_position, bits.bit_length);
			printf("\n");
			break;
		case PSC_PDB_MEMBER_BASE:
			printf("base\t%" PRIx32 "\t%" PRIu64 "\t%" PRIx32 "\n", index, m.value, m.type);
			break;
		case PSC_PDB_MEMBER_ENUMERATE:
			printf("enumerate\t%" PRIx32 "\t%" PRId64 "\t", index, (int64_t)m.value);
			print_name(&m.name);
			printf("\n");
			break;
		case PSC_PDB_MEMBER_STATIC:
			printf("static\t%" PRIx32 "\t%" PRIx32 "\t", index, m.type);
			print_name(&m.name);
			printf("\n");
			break;
		default:
			break;
		}
	}
	if (it.failed)
		printf("damaged\t%" PRIx32 "\n", index);
}

/* The search for one field, for those that a structure lists itself. */
static void print_field(const struct psc_pdb_type *type, const struct psc_pdb_member *m)
{
	char *type_name = calloc(1, type->name.n + 1), *field = calloc(1, m->name.n + 1);
	struct psc_error err;
	struct psc_field f;
	memcpy(type_name, type->name.s, type->name.n);
	memcpy(field, m->name.s, m->name.n);
	if (*field && psc_pdb_type_field(pdb, type_name, field, &f, &err) == PSC_OK && f.origin == PSC_ORIGIN_PDB)
		printf("field\t%s\t%s\t%" PRIu32 "\t%" PRIu32 "\t%" PRIu32 "\t%u\t%u\n", type_name, field, f.offset,
		       f.size_bytes, f.struct_size, f.bit_position, f.bit_length);
	else if (*field)
		printf("nofield\t%s\t%s\n", type_name, field);
	free(type_name);
	free(field);
}

static void print_type(const struct psc_pdb_types *types, uint32_t index)
{
	static const char *const kinds[] = {"other", "struct", "class",   "interface", "union",
					    "enum",  "array",  "pointer", "bitfield",  "modifier"};
	struct psc_pdb_type type;
	if (!psc_pdb_type_get(types, index, &type)) {
		printf("damaged\t%" PRIx32 "\n", index);
		return;
	}
	printf("type\t%" PRIx32 "\t%x\t%s\t", index, type.leaf, kinds[type.kind]);
	print_name(&type.name);
	printf("\t");
	print_name(&type.unique_name);
	printf("\t%" PRIu64 "\t%" PRIx32 "\t%" PRIx32 "\t%u\t%u\t%u\t%s\t%" PRIx32 "\t%" PRIu64 "\n", type.size_bytes,
	       type.fields, type.target, type.bit_position, type.bit_length, type.n_members,
	       type.is_forward ? "forward" : "", psc_pdb_type_resolve(types, index), psc_pdb_type_size(types, index));
	print_members(types, index, &type);
	if (type.kind < PSC_PDB_TYPE_STRUCT || type.kind > PSC_PDB_TYPE_UNION || type.is_forward)
		return;
	struct psc_pdb_members it = psc_pdb_members(types, type.fields);
	struct psc_pdb_member m;
	if (psc_pdb_type_find(types, type.name.s, type.name.n, false) == index)
		while (psc_pdb_members_next(&it, &m))
			if (m.kind == PSC_PDB_MEMBER_DATA)
				print_field(&type, &m);
}

/* Every public by its name, and what the table of addresses says of its address. */
static bool print_lookup(void *arg, const struct psc_cv_symbol *s)
{
	struct psc_pdb_symbol at;
	uint32_t rva, by_name = 0;
	(void)arg;
	if (s->class != PSC_CV_PUBLIC || !psc_pdb_map_rva(&pdb->map, s->segment, s->offset, &rva))
		return true;
	char *name = calloc(1, s->name.n + 1);
	memcpy(name, s->name.s, s->name.n);
	bool has_name = psc_pdb_symbol_rva(pdb, name, &by_name, NULL) == PSC_OK;
	bool has_at = psc_pdb_symbol_at(pdb, rva, &at, NULL) == PSC_OK;
	printf("lookup\t%s\t%" PRIx32 "\t%s %" PRIx32 "\t%s\t%" PRIx32 "\t%s\t%s\n", name, rva,
	       has_name ? "found" : "missing", by_name, has_at ? at.name : "", has_at ? at.rva : 0,
	       has_at && at.is_function ? "function" : "data", has_at && at.is_private ? "private" : "public");
	free(name);
	return true;
}

int main(int argc, char **argv)
{
	struct psc_error err = {.text = ""};
	const struct psc_pdb_types *types;
	if (argc != 2) {
		fprintf(stderr, "usage: pdbdump FILE\n");
		return 2;
	}
	if (psc_pdb_open_file(argv[1], &pdb, &err) != PSC_OK)
		return fail(&err);
	const struct psc_pdb_identity *id = psc_pdb_identity(pdb);
	printf("identity\t%s\t%" PRIu32 "\t%" PRIu32 "\t%" PRIx32 "\t%s\n", id->guid, id->age, id->info_age,
	       id->machine, id->compression ? id->compression : "");
	enum psc_status r = psc_pdb_map_load(pdb, &err);
	if (r == PSC_OK) {
		for (uint32_t i = 0; i < pdb->map.n_sections; i++)
			printf("section\t%" PRIx32 "\t%" PRIx32 "\n", pdb->map.sections[i].rva,
			       pdb->map.sections[i].size_bytes);
		r = psc_pdb_walk_records(pdb, print_symbol, (void *)"global", &err);
	}
	if (r == PSC_OK) {
		printf("hash\t%d\t%d\n", pdb->publics.is_valid, pdb->globals.is_valid);
		r = psc_pdb_walk_modules(pdb, print_symbol, (void *)"module", &err);
	}
	if (r == PSC_OK)
		r = psc_pdb_walk_records(pdb, print_lookup, NULL, &err);
	if (r == PSC_OK || r == PSC_E_NOT_FOUND)
		r = psc_pdb_types(pdb, &types, &err);
	if (r == PSC_OK) {
		uint32_t first, end;
		psc_pdb_types_range(types, &first, &end);
		printf("types\t%" PRIx32 "\t%" PRIx32 "\n", first, end);
		for (uint32_t i = first; i < end; i++)
			print_type(types, i);
	}
	psc_pdb_close(pdb);
	return r == PSC_OK || r == PSC_E_NOT_FOUND ? 0 : fail(&err);
}
