/* SPDX-License-Identifier: MIT */
/* poolscope symbols --profile: what is known of a kernel, without a dump. */
#include "symbols_profile.h"
#include "json.h"
#include "table.h"
#include <inttypes.h>
#include <string.h>

static cJSON *json_identity(const struct psc_symbol_profile_info *i)
{
	cJSON *o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "machine", psc_machine_name((enum psc_machine)i->machine));
	json_add_text_or_null(o, "pdb_name", i->pdb_name);
	cJSON_AddStringToObject(o, "pdb_guid", i->pdb_guid);
	json_add_u64(o, "pdb_age", i->pdb_age);
	json_add_text_or_null(o, "version", i->version);
	json_add_text_or_null(o, "build_range", i->build_range);
	json_add_text_or_null(o, "pdb_file", i->pdb_file);
	json_add_text_or_null(o, "isf_file", i->isf_file);
	return o;
}

/* RVAs and offsets are hex, as all addresses; unknown ones null. */
static void add_hex(cJSON *o, const char *key, bool known, uint32_t v)
{
	char buf[16];
	snprintf(buf, sizeof(buf), "0x%" PRIx32, v);
	json_add_text_or_null(o, key, known ? buf : NULL);
}

static void add_symbol(cJSON *o, const struct psc_profile_symbol *s)
{
	cJSON_AddStringToObject(o, "name", s->name);
	add_hex(o, "rva", s->is_known, s->rva);
	cJSON_AddStringToObject(o, "origin", s->origin);
}

static void add_field(cJSON *o, const struct psc_profile_field *f)
{
	cJSON_AddStringToObject(o, "structure", f->structure);
	cJSON_AddStringToObject(o, "field", f->field);
	add_hex(o, "offset", f->is_known, f->offset);
	json_add_u64_or_null(o, "size_bytes", f->is_known && f->size_bytes != 0, f->size_bytes);
	json_add_u64_or_null(o, "struct_size_bytes", f->struct_size_bytes != 0, f->struct_size_bytes);
	json_add_u64_or_null(o, "bit_position", f->bit_length != 0, f->bit_position);
	json_add_u64_or_null(o, "bit_length", f->bit_length != 0, f->bit_length);
	cJSON_AddStringToObject(o, "origin", f->origin);
}

static cJSON *json_profile(const struct psc_symbol_profile *p)
{
	size_t n;
	cJSON *doc = cJSON_CreateObject();
	cJSON_AddStringToObject(doc, "schema", SYMBOLS_SCHEMA);
	cJSON_AddItemToObject(doc, "kernel", json_identity(psc_symbol_profile_info(p)));
	cJSON *list = cJSON_AddArrayToObject(doc, "symbols");
	const struct psc_profile_symbol *s = psc_symbol_profile_symbols(p, &n);
	for (size_t i = 0; i < n; i++) {
		cJSON *o = cJSON_CreateObject();
		add_symbol(o, &s[i]);
		cJSON_AddItemToArray(list, o);
	}
	list = cJSON_AddArrayToObject(doc, "fields");
	const struct psc_profile_field *f = psc_symbol_profile_fields(p, &n);
	for (size_t i = 0; i < n; i++) {
		cJSON *o = cJSON_CreateObject();
		add_field(o, &f[i]);
		cJSON_AddItemToArray(list, o);
	}
	const char *const *w = psc_symbol_profile_warnings(p, &n);
	cJSON_AddItemToObject(doc, "warnings", json_warnings(w, n, NULL, 0));
	return doc;
}

/* A record of the kernel, then one of each symbol and field, each with the kernel that it is of. */
static cJSON *kernel_record(const struct psc_symbol_profile *p, const char *record)
{
	const struct psc_symbol_profile_info *i = psc_symbol_profile_info(p);
	cJSON *o = json_record(NULL, SYMBOLS_SCHEMA, record);
	cJSON_AddStringToObject(o, "pdb_guid", i->pdb_guid);
	json_add_u64(o, "pdb_age", i->pdb_age);
	return o;
}

static bool print_records(FILE *f, const struct psc_symbol_profile *p)
{
	size_t n;
	const char *const *w = psc_symbol_profile_warnings(p, &n);
	cJSON *o = json_record(NULL, SYMBOLS_SCHEMA, "kernel");
	cJSON_AddItemToObject(o, "kernel", json_identity(psc_symbol_profile_info(p)));
	cJSON_AddItemToObject(o, "warnings", json_warnings(w, n, NULL, 0));
	bool ok = json_print(f, o, false);
	const struct psc_profile_symbol *s = psc_symbol_profile_symbols(p, &n);
	for (size_t i = 0; ok && i < n; i++) {
		add_symbol(o = kernel_record(p, "symbol"), &s[i]);
		ok = json_print(f, o, false);
	}
	const struct psc_profile_field *t = psc_symbol_profile_fields(p, &n);
	for (size_t i = 0; ok && i < n; i++) {
		add_field(o = kernel_record(p, "field"), &t[i]);
		ok = json_print(f, o, false);
	}
	return ok;
}

static const struct column columns[] = {
	{.key = "name", .heading = "Name", .is_left = true},
	{.key = "value", .heading = "Value", .is_left = true},
	{.key = "bits", .heading = "Bits", .is_left = true},
	{.key = "origin", .heading = "Origin", .is_left = true},
};
#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

struct lines {
	FILE *f;
	struct table table;
	bool is_csv;
};

static void add_line(struct lines *l, const char *name, bool known, uint32_t value, const char *bits,
		     const char *origin)
{
	char buf[16];
	snprintf(buf, sizeof(buf), "0x%" PRIx32, value);
	struct cell cells[N_COLUMNS] = {cell_text(name), cell_text(known ? buf : NULL), cell_text(bits),
					cell_text(origin)};
	if (l->is_csv)
		csv_row(l->f, columns, cells, N_COLUMNS);
	else
		table_add(&l->table, cells);
}

static bool print_lines(const struct run *r, const struct psc_symbol_profile *p, bool is_csv)
{
	FILE *f = r->f;
	struct table_layout layout;
	struct lines l = {.f = f, .is_csv = is_csv};
	const struct psc_symbol_profile_info *info = psc_symbol_profile_info(p);
	size_t n;
	if (is_csv) {
		csv_header(f, columns, N_COLUMNS);
	} else {
		fprintf(f, "Kernel:   %s %s age %" PRIu32 "%s%s\n", info->pdb_name ? info->pdb_name : "-",
			info->pdb_guid, info->pdb_age, info->version ? ", " : "", info->version ? info->version : "");
		fprintf(f, "Machine:  %s\n", psc_machine_name((enum psc_machine)info->machine));
		fprintf(f, "Layouts:  %s\n", info->build_range ? info->build_range : "not of the built-in tables");
		if (info->pdb_file || info->isf_file)
			fprintf(f, "File:     %s\n", info->pdb_file ? info->pdb_file : info->isf_file);
		fputc('\n', f);
		table_layout_init(&layout, columns, N_COLUMNS, &r->style);
		table_init(&l.table, &layout);
	}
	const struct psc_profile_symbol *s = psc_symbol_profile_symbols(p, &n);
	for (size_t i = 0; i < n; i++)
		add_line(&l, s[i].name, s[i].is_known, s[i].rva, NULL, s[i].origin);
	const struct psc_profile_field *t = psc_symbol_profile_fields(p, &n);
	for (size_t i = 0; i < n; i++) {
		char name[160], bits[16];
		snprintf(name, sizeof(name), "%s%s%s", t[i].structure, *t[i].field ? "." : "", t[i].field);
		snprintf(bits, sizeof(bits), "%u:%u", t[i].bit_position, t[i].bit_length);
		add_line(&l, name, t[i].is_known, *t[i].field ? t[i].offset : t[i].struct_size_bytes,
			 t[i].bit_length ? bits : NULL, t[i].origin);
	}
	return is_csv || table_print(&l.table, f);
}

struct profile_run {
	const char *which;
	struct psc_symbol_search *search;
	struct psc_symbol_profile *result;
};

static enum psc_status work(struct run *r, void *arg, struct psc_error *reterr)
{
	struct profile_run *p = (struct profile_run *)arg;
	uint32_t flags = (r->o->no_symbols ? PSC_PROFILE_NO_SEARCH : 0u) |
			 ((r->o->open.flags & PSC_OPEN_NO_BUILTIN) != 0 ? PSC_PROFILE_NO_BUILTIN : 0u);
	enum psc_status st = psc_symbol_profile_open(p->which, p->search, flags, &p->result, reterr);
	if (st == PSC_OK)
		r->warnings = psc_symbol_profile_warnings(p->result, &r->n_warnings);
	return st;
}

static int print(struct run *r, void *arg)
{
	const struct psc_symbol_profile *p = ((const struct profile_run *)arg)->result;
	enum output_format format = r->o->format;
	if (format == FORMAT_JSON)
		return run_printed(json_print(r->f, json_profile(p), true));
	if (format == FORMAT_NDJSON)
		return run_printed(print_records(r->f, p));
	return run_printed(print_lines(r, p, format == FORMAT_CSV));
}

static void free_result(void *arg)
{
	psc_symbol_profile_close(((struct profile_run *)arg)->result);
}

int print_profile(struct common_options *o, const char *which)
{
	static const struct run_steps steps = {work, print, free_result};
	struct profile_run p = {.which = which};
	int code = symbol_search(o, &p.search);
	return code == EXIT_COMPLETE ? run_command(o, NULL, 0, &steps, &p) : code;
}
