/* SPDX-License-Identifier: MIT */
#include "report.h"
#include "json.h"
#include <string.h>

static void print(struct report *r, cJSON *doc)
{
	if (!json_print(r->f, doc, false))
		r->no_memory = true;
}

/* A member of the document: its value on one line, without the newline. */
static void print_value(struct report *r, cJSON *value)
{
	char *text = cJSON_PrintUnformatted(value);
	if (text != NULL && !json_no_memory())
		fputs(text, r->f);
	else
		r->no_memory = true;
	cJSON_free(text);
	cJSON_Delete(value);
}

void report_init(struct report *r, const struct run *run, const struct report_spec *spec, const struct column *cols,
		 size_t n_cols)
{
	memset(r, 0, sizeof(*r));
	r->f = run->f;
	r->dump = run->dump;
	r->format = run->o->format;
	r->spec = spec;
	r->cols = cols;
	r->n_cols = n_cols;
	r->quiet = run->o->quiet;
	table_layout_init(&r->layout, cols, n_cols, &run->style);
}

/* What every record of a row begins with. */
static void make_record_head(struct report *r)
{
	char id[17], time[24], quoted[32] = "null";
	if (r->dump == NULL) {
		snprintf(r->record_head, sizeof(r->record_head),
			 "\"schema\":\"%s\",\"record\":\"%s\",\"dump_id\":null,\"@timestamp\":null", r->spec->schema,
			 r->spec->record);
		return;
	}
	const struct psc_dump_info *i = psc_dump_get_info(r->dump);
	if (i->has_time && format_filetime(i->system_time_filetime, time) != NULL)
		snprintf(quoted, sizeof(quoted), "\"%s\"", time);
	snprintf(r->record_head, sizeof(r->record_head),
		 "\"schema\":\"%s\",\"record\":\"%s\",\"dump_id\":\"%s\",\"@timestamp\":%s", r->spec->schema,
		 r->spec->record, dump_id(r->dump, id), quoted);
}

/* Late, so that a run that fails at once leaves nothing behind. */
static void begin(struct report *r)
{
	cJSON *o;
	if (r->begun)
		return;
	r->begun = true;
	switch (r->format) {
	case FORMAT_TABLE:
		if (r->spec->is_stream) {
			table_layout_fit(&r->layout);
			table_stream_row(r->f, &r->layout, NULL);
		} else
			table_init(&r->table, &r->layout);
		break;
	case FORMAT_JSON:
		fprintf(r->f, "{\n\t\"schema\": \"%s\",\n\t\"dump\": ", r->spec->schema);
		print_value(r, json_dump(r->dump));
		fputs(",\n\t\"rows\": [", r->f);
		break;
	case FORMAT_NDJSON:
		o = json_record(r->dump, r->spec->schema, "dump");
		cJSON_AddItemToObject(o, "dump", json_dump(r->dump));
		print(r, o);
		make_record_head(r);
		break;
	case FORMAT_CSV:
		csv_header(r->f, r->cols, r->n_cols);
		break;
	case FORMAT_OPENMETRICS:
		metrics_init(&r->metrics, r->cols, r->n_cols);
		break;
	case FORMAT_FOLDED:
		break;
	}
}

void report_row(struct report *r, const struct cell *cells)
{
	begin(r);
	r->n_rows++;
	switch (r->format) {
	case FORMAT_TABLE:
		if (r->spec->is_stream)
			table_stream_row(r->f, &r->layout, cells);
		else
			table_add(&r->table, cells);
		break;
	case FORMAT_JSON:
		fputs(r->n_rows == 1 ? "\n\t\t{" : ",\n\t\t{", r->f);
		row_print_json(r->f, r->cols, cells, r->n_cols);
		fputc('}', r->f);
		break;
	case FORMAT_NDJSON:
		fprintf(r->f, "{%s,", r->record_head);
		row_print_json(r->f, r->cols, cells, r->n_cols);
		fputs("}\n", r->f);
		break;
	case FORMAT_CSV:
		csv_row(r->f, r->cols, cells, r->n_cols);
		break;
	case FORMAT_OPENMETRICS:
		r->no_memory |= !metrics_add(&r->metrics, cells, false);
		break;
	case FORMAT_FOLDED:
		break;
	}
}

void report_rest(struct report *r, const struct cell *cells)
{
	if (r->format != FORMAT_OPENMETRICS)
		return;
	begin(r);
	r->no_memory |= !metrics_add(&r->metrics, cells, true);
}

static void end_rows(struct report *r)
{
	if (r->rows_ended)
		return;
	begin(r);
	r->rows_ended = true;
	if (r->format == FORMAT_TABLE && !r->spec->is_stream)
		r->no_memory |= !table_print(&r->table, r->f);
	else if (r->format == FORMAT_JSON)
		fputs(r->n_rows != 0 ? "\n\t]" : "]", r->f);
	else if (r->format == FORMAT_OPENMETRICS)
		metrics_print(&r->metrics, r->f, r->spec->scope);
}

void report_member(struct report *r, const char *name, cJSON *value)
{
	end_rows(r);
	if (r->format == FORMAT_JSON) {
		fprintf(r->f, ",\n\t\"%s\": ", name);
		print_value(r, value);
	} else if (r->format == FORMAT_NDJSON) {
		cJSON *o = json_record(r->dump, r->spec->schema, name);
		cJSON_AddItemToObject(o, name, value);
		print(r, o);
	} else {
		cJSON_Delete(value);
	}
}

void report_list(struct report *r, const char *name, const char *record, cJSON *array)
{
	if (r->format != FORMAT_NDJSON) {
		report_member(r, name, array);
		return;
	}
	while (cJSON_GetArraySize(array) > 0)
		report_member(r, record, cJSON_DetachItemFromArray(array, 0));
	cJSON_Delete(array);
}

bool report_end(struct report *r, cJSON *coverage, cJSON *warnings)
{
	end_rows(r);
	if (r->format == FORMAT_NDJSON) {
		cJSON *o = json_record(r->dump, r->spec->schema, "coverage");
		cJSON_AddItemToObject(o, "coverage", coverage);
		cJSON_AddItemToObject(o, "warnings", warnings);
		print(r, o);
		return !r->no_memory;
	}
	report_member(r, "coverage", coverage);
	report_member(r, "warnings", warnings);
	if (r->format == FORMAT_JSON)
		fputs("\n}\n", r->f);
	if (r->format == FORMAT_OPENMETRICS) {
		metrics_deinit(&r->metrics);
		fputs("# EOF\n", r->f);
	}
	if (r->format == FORMAT_TABLE && r->layout.n_left_out != 0 && !r->quiet) {
		char names[256];
		table_left_out(&r->layout, names, sizeof(names));
		fflush(r->f);
		message("left out for the width: %s; --width 0 prints them", names);
	}
	return !r->no_memory;
}
