/* SPDX-License-Identifier: MIT */
/* What the PDB reader knows of a file, one fact a line, fields separated by tabs, for the tests in Python.
 *
 * pdbdump FILE                           everything
 * pdbdump FILE QUERY...                  answers to: at=RVA name=NAME field=STRUCT.FIELD
 * pdbdump --profile FILE GUID AGE MACHINE  the profile of that kernel, from a PDB or (*.json, *.xz) from an ISF file
 * pdbdump --peak FILE GUID AGE MACHINE   the same, and the peak of memory so far in kB, where the system says it
 *
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

static int print_all(void)
{
	struct psc_error err = {.text = ""};
	const struct psc_pdb_types *types;
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
	return r == PSC_OK || r == PSC_E_NOT_FOUND ? 0 : fail(&err);
}

static void answer(char *query)
{
	struct psc_error err = {.text = ""};
	struct psc_pdb_symbol at;
	struct psc_field f;
	uint32_t rva;
	char *value = strchr(query, '=') + 1, *dot = strrchr(value, '.');
	if (query[0] == 'a') {
		rva = (uint32_t)strtoul(value, NULL, 16);
		if (psc_pdb_symbol_at(pdb, rva, &at, &err) == PSC_OK)
			printf("%s: %s+0x%" PRIx32 "%s%s%s size %" PRIu32 "\n", query, at.name, rva - at.rva,
			       at.is_function ? " function" : "", at.is_private ? " private" : "",
			       at.is_far ? " far" : "", at.size_bytes);
		else
			printf("%s: %s\n", query, err.text);
	} else if (query[0] == 'n') {
		if (psc_pdb_symbol_rva(pdb, value, &rva, &err) == PSC_OK)
			printf("%s: %" PRIx32 "\n", query, rva);
		else
			printf("%s: %s\n", query, err.text);
	} else if (dot) {
		*dot = '\0';
		enum psc_status r = psc_pdb_type_field(pdb, value, dot + 1, &f, &err);
		*dot = '.';
		if (r != PSC_OK)
			printf("%s: %s\n", query, err.text);
		else if (f.origin == PSC_ORIGIN_NONE)
			printf("%s: none\n", query);
		else
			printf("%s: %" PRIu32 " size %" PRIu32 " of %" PRIu32 " bits %u %u\n", query, f.offset,
			       f.size_bytes, f.struct_size, f.bit_position, f.bit_length);
	}
}

static bool ends_with(const char *s, const char *end)
{
	return strlen(s) >= strlen(end) && strcmp(s + strlen(s) - strlen(end), end) == 0;
}

static enum psc_status load_profile(char **argv, struct psc_profile *p, struct psc_arena *arena, struct psc_warnings *w,
				    struct psc_error *err)
{
	struct psc_kernel_identity id = {.pdb_name = "ntkrnlmp.pdb", .pdb_age = (uint32_t)strtoul(argv[4], NULL, 10)};
	snprintf(id.pdb_guid, sizeof(id.pdb_guid), "%s", argv[3]);
	id.machine = (enum psc_machine)strtoul(argv[5], NULL, 16);
	if (ends_with(argv[2], ".json") || ends_with(argv[2], ".xz"))
		return psc_isf_load_file(argv[2], &id, p, arena, w, err);
	enum psc_status r = psc_pdb_open_file(argv[2], &pdb, err);
	if (r == PSC_OK)
		r = psc_pdb_load_profile(pdb, &id, p, arena, w, err);
	psc_pdb_close(pdb);
	return r;
}

/* Of this program alone: what getrusage() says of a child counts its parent's memory before exec. */
static void print_peak(void)
{
	char line[256];
	unsigned long kb;
	FILE *f = fopen("/proc/self/status", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmHWM: %lu kB", &kb) == 1)
			printf("peak\t%lu\n", kb);
	if (f)
		fclose(f);
}

static int print_profile(char **argv)
{
	struct psc_error err = {.text = ""};
	struct psc_arena arena = PSC_ARENA_INIT;
	struct psc_warnings warnings = {.arena = &arena};
	struct psc_profile p;
	memset(&p, 0, sizeof(p));
	enum psc_status r = load_profile(argv, &p, &arena, &warnings, &err);
	for (size_t i = 0; i < warnings.n; i++)
		printf("warning\t%s\n", warnings.items[i]);
	for (int i = 0; r == PSC_OK && i < PSC_SYM_MAX; i++)
		if (p.symbols[i].origin != PSC_ORIGIN_NONE)
			printf("symbol\t%s\t%" PRIx32 "\n", psc_sym_name((enum psc_sym)i), p.symbols[i].rva);
	for (int i = 0; r == PSC_OK && i < PSC_FIELD_MAX; i++) {
		const struct psc_field *f = psc_profile_field(&p, (enum psc_field_id)i);
		const char *type, *field = psc_field_name((enum psc_field_id)i, &type);
		if (f)
			printf("field\t%s.%s\t%" PRIu32 "\t%" PRIu32 "\t%" PRIu32 "\t%u\t%u\n", type, field, f->offset,
			       f->size_bytes, f->struct_size, f->bit_position, f->bit_length);
	}
	if (strcmp(argv[1], "--peak") == 0)
		print_peak();
	psc_warnings_deinit(&warnings);
	psc_arena_deinit(&arena);
	return r == PSC_OK ? 0 : fail(&err);
}

int main(int argc, char **argv)
{
	struct psc_error err = {.text = ""};
	int status = 0;
	if (argc == 6 && (strcmp(argv[1], "--profile") == 0 || strcmp(argv[1], "--peak") == 0))
		return print_profile(argv);
	if (argc < 2) {
		fprintf(stderr, "usage: pdbdump FILE [QUERY...]\n");
		return 2;
	}
	if (psc_pdb_open_file(argv[1], &pdb, &err) != PSC_OK)
		return fail(&err);
	if (argc == 2)
		status = print_all();
	for (int i = 2; i < argc; i++)
		if (strchr(argv[i], '='))
			answer(argv[i]);
	psc_pdb_close(pdb);
	return status;
}
