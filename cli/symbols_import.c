/* SPDX-License-Identifier: MIT */
/* poolscope symbols import: symbol files into a store. */
#include "json.h"
#include "limits.h"
#include "rows.h"
#include "symbols_profile.h"
#include <string.h>

static const struct column columns[] = {
	{.key = "file"},    {.key = "kind"},  {.key = "pdb_name"},   {.key = "pdb_guid"},
	{.key = "pdb_age"}, {.key = "store"}, {.key = "store_path"}, {.key = "was_present"},
};
#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void add_imported(cJSON *o, const char *file, const struct psc_symbol_imported *done)
{
	cJSON_AddStringToObject(o, "file", file);
	cJSON_AddStringToObject(o, "kind", done->kind);
	cJSON_AddStringToObject(o, "pdb_name", done->pdb_name);
	cJSON_AddStringToObject(o, "pdb_guid", done->guid);
	json_add_u64(o, "pdb_age", done->age);
	cJSON_AddStringToObject(o, "store_path", done->store_path);
	cJSON_AddBoolToObject(o, "was_present", done->was_present);
}

/* One imported file; in the one document it goes to list. */
static bool print_imported(FILE *f, enum output_format format, const char *store, const char *file,
			   const struct psc_symbol_imported *done, cJSON *list)
{
	cJSON *o;
	switch (format) {
	case FORMAT_JSON:
		o = cJSON_CreateObject();
		add_imported(o, file, done);
		return cJSON_AddItemToArray(list, o);
	case FORMAT_NDJSON:
		o = json_record(NULL, SYMBOLS_SCHEMA, "imported");
		cJSON_AddStringToObject(o, "store", store);
		add_imported(o, file, done);
		return json_print(f, o, false);
	case FORMAT_CSV: {
		const struct cell cells[N_COLUMNS] = {
			cell_text(file),
			cell_text(done->kind),
			cell_text(done->pdb_name),
			cell_text(done->guid),
			cell_u64(done->age),
			cell_text(store),
			cell_text(done->store_path),
			cell_bool(done->was_present),
		};
		csv_row(f, columns, cells, N_COLUMNS);
		return true;
	}
	default:
		fprintf(f, "%s/%s%s\n", store, done->store_path, done->was_present ? " (was there)" : "");
		return true;
	}
}

int import_symbols(struct common_options *o, const char *store, char **files, int n)
{
	struct psc_error err;
	struct output out;
	char *own = NULL;
	bool ok = true;
	int failed = EXIT_COMPLETE, code = limits_start(o, &o->open.cancel);
	if (code != EXIT_COMPLETE)
		return code;
	if (store == NULL) {
		if (psc_symbol_user_store(&own, &err) != PSC_OK)
			return report_error(&err);
		store = own;
	}
	code = output_open(&out, o);
	cJSON *doc = cJSON_CreateObject();
	cJSON_AddStringToObject(doc, "schema", SYMBOLS_SCHEMA);
	cJSON_AddStringToObject(doc, "store", store);
	cJSON *list = cJSON_AddArrayToObject(doc, "imported");
	if (code == EXIT_COMPLETE && o->format == FORMAT_CSV)
		csv_header(out.f, columns, N_COLUMNS);
	for (int i = 0; code == EXIT_COMPLETE && ok && i < n; i++) {
		struct psc_symbol_imported done;
		if (psc_cancel_is_requested(o->open.cancel)) {
			message("%s before %s was imported", limits_reason(), files[i]);
			failed = EXIT_COVERAGE;
			break;
		}
		if (psc_symbol_import(files[i], store, &done, &err) != PSC_OK)
			failed = report_error(&err);
		else
			ok = print_imported(out.f, o->format, store, files[i], &done, list);
	}
	if (code == EXIT_COMPLETE && ok && o->format == FORMAT_JSON)
		ok = json_print(out.f, doc, true);
	else
		cJSON_Delete(doc);
	if (!ok) {
		message_no_memory();
		failed = EXIT_INPUT;
	}
	/* What was imported is printed even when another file failed. */
	if (code == EXIT_COMPLETE)
		code = output_close(&out, EXIT_COMPLETE);
	psc_symbol_text_free(own);
	return code != EXIT_COMPLETE ? code : failed;
}
