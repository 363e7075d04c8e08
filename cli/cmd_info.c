/* SPDX-License-Identifier: MIT */
/* poolscope info: what the dump is, which machine it is from, and what can be read from it. */
#include "coverage.h"
#include "info.h"
#include "json.h"
#include "rows.h"
#include "run.h"
#include <inttypes.h>
#include <string.h>

static const char help[] =
	"Usage: poolscope info [OPTIONS] DUMP\n"
	"\n"
	"Prints format, machine, build, bugcheck, time, memory, kernel and symbols of a dump, which\n"
	"sources of pool figures it offers, and why others are missing.\n"
	"\n"
	"Options:\n" COMMON_OPTIONS_HELP "\n"
	"Examples:\n"
	"  poolscope info MEMORY.DMP\n"
	"  poolscope info --format json MEMORY.DMP | jq .kernel.version\n";

#define SCHEMA "poolscope.info/1"

static double pages_ratio(const struct psc_dump_info *i)
{
	return i->pages_described == 0 ? 1.0 : (double)i->pages_present / (double)i->pages_described;
}

static cJSON *json_coverage(const struct psc_dump *dump)
{
	const struct psc_dump_info *i = psc_dump_get_info(dump);
	cJSON *o = cJSON_CreateObject();
	json_add_u64(o, "pages_present", i->pages_present);
	json_add_u64(o, "pages_described", i->pages_described);
	json_add_u64_or_null(o, "expected_size_bytes", i->expected_size_bytes != 0, i->expected_size_bytes);
	cJSON_AddBoolToObject(o, "truncated", i->is_truncated);
	return o;
}

static cJSON *json_kernel(const struct psc_dump *dump)
{
	const struct psc_kernel_info *k = psc_dump_kernel(dump);
	bool is_32bit = psc_dump_get_info(dump)->machine == PSC_MACHINE_X86;
	cJSON *o = cJSON_CreateObject();

	if (k->base != 0)
		json_add_address(o, "base", k->base, is_32bit);
	else
		cJSON_AddNullToObject(o, "base");
	json_add_u64_or_null(o, "build", k->build != 0, k->build);
	json_add_text_or_null(o, "version", k->version);
	json_add_text_or_null(o, "pdb_name", k->pdb_name);
	json_add_text_or_null(o, "pdb_guid", k->pdb_guid[0] != '\0' ? k->pdb_guid : NULL);
	json_add_u64_or_null(o, "pdb_age", k->pdb_guid[0] != '\0', k->pdb_age);
	if (k->directory_table_base != 0)
		json_add_address(o, "directory_table_base", k->directory_table_base, is_32bit);
	else
		cJSON_AddNullToObject(o, "directory_table_base");
	json_add_text_or_null(o, "paging", k->paging);
	json_add_text_or_null(o, "invalid_entries", k->invalid_entries);
	cJSON_AddStringToObject(o, "symbols", k->symbols);
	return o;
}

static cJSON *json_bugcheck(const struct psc_dump_info *i)
{
	char buf[16];
	if (!i->has_bugcheck)
		return cJSON_CreateNull();
	cJSON *o = cJSON_CreateObject();
	snprintf(buf, sizeof(buf), "0x%08" PRIx32, i->bugcheck_code);
	cJSON_AddStringToObject(o, "code", buf);
	cJSON *a = cJSON_AddArrayToObject(o, "parameters");
	for (int k = 0; k < 4; k++)
		cJSON_AddItemToArray(a, json_address(i->bugcheck_parameters[k], i->machine == PSC_MACHINE_X86));
	return o;
}

static cJSON *json_system(const struct psc_dump *dump)
{
	const struct psc_dump_info *i = psc_dump_get_info(dump);
	const struct psc_kernel_info *k = psc_dump_kernel(dump);
	size_t n, n_loaded;
	cJSON *o = cJSON_CreateObject();
	psc_dump_modules(dump, &n, &n_loaded);
	json_add_u64_or_null(o, "processors", i->processors != 0, i->processors);
	json_add_u64_or_null(o, "physical_memory_bytes", k->physical_memory_bytes != 0, k->physical_memory_bytes);
	json_add_u64_or_null(o, "modules_count", n_loaded != 0, n_loaded);
	return o;
}

static cJSON *json_sources(const struct psc_dump *dump)
{
	size_t n;
	const struct psc_pool_source *s = psc_dump_pool_sources(dump, &n);
	cJSON *a = cJSON_CreateArray();
	for (size_t i = 0; i < n; i++) {
		cJSON *o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "name", s[i].name);
		cJSON_AddBoolToObject(o, "available", s[i].available);
		json_add_text_or_null(o, "detail", s[i].detail);
		cJSON_AddItemToArray(a, o);
	}
	return a;
}

static cJSON *json_pool(const struct psc_dump *dump, const struct psc_pool_keys *k)
{
	bool is_32bit = psc_dump_get_info(dump)->machine == PSC_MACHINE_X86;
	cJSON *o = cJSON_CreateObject();
	json_fill_keys(o, k, is_32bit);
	return o;
}

static void fill_document(cJSON *doc, const struct psc_dump *dump, const struct psc_pool_keys *keys)
{
	size_t n;
	const char *const *w = psc_dump_warnings(dump, &n);
	cJSON_AddItemToObject(doc, "dump", json_dump(dump));
	cJSON_AddItemToObject(doc, "kernel", json_kernel(dump));
	cJSON_AddItemToObject(doc, "bugcheck", json_bugcheck(psc_dump_get_info(dump)));
	cJSON_AddItemToObject(doc, "system", json_system(dump));
	cJSON_AddItemToObject(doc, "pool", json_pool(dump, keys));
	cJSON_AddItemToObject(doc, "pool_sources", json_sources(dump));
	cJSON_AddItemToObject(doc, "origins", info_json_origins(dump));
	cJSON_AddItemToObject(doc, "inferred", info_json_inferred(dump));
	cJSON_AddItemToObject(doc, "coverage", json_coverage(dump));
	cJSON_AddItemToObject(doc, "warnings", json_warnings(w, n, NULL, 0));
}

static void print_uptime(FILE *f, uint64_t uptime_100ns)
{
	uint64_t s = uptime_100ns / 10000000u;
	fprintf(f, "Uptime:         %" PRIu64 " days %02u:%02u:%02u\n", s / 86400u, (unsigned)(s / 3600u % 24u),
		(unsigned)(s / 60u % 60u), (unsigned)(s % 60u));
}

static void print_key(FILE *f, const char *name, int digits, uint64_t key, const char *source, uint32_t votes,
		      const char *what)
{
	fprintf(f, "%s0x%0*" PRIx64 " (%s", name, digits, key, source);
	if (votes != 0)
		fprintf(f, " from %" PRIu32 " %s", votes, what);
	fputs(")\n", f);
}

static void print_table(FILE *f, const struct psc_dump *dump, const struct psc_pool_keys *keys)
{
	const struct psc_dump_info *i = psc_dump_get_info(dump);
	const struct psc_kernel_info *k = psc_dump_kernel(dump);
	bool is_32bit = i->machine == PSC_MACHINE_X86;
	int digits = is_32bit ? 8 : 16;
	size_t n, n_loaded;
	char buf[32], buf2[32];

	fprintf(f, "Dump:           %s\n", i->path);
	fprintf(f, "Format:         %s, ", i->format);
	if (strncmp(i->format, "dump", 4) == 0)
		fprintf(f, "%s (DumpType %" PRIu32 ")", psc_dump_type_name(i->dump_type), i->dump_type_value);
	else
		fputs("memory image", f);
	fprintf(f, "%s%s\n", i->compression != NULL ? ", inside " : "", i->compression != NULL ? i->compression : "");
	fprintf(f, "Size:           %s bytes%s\n", group_digits(i->size_bytes, false, buf),
		i->is_truncated ? " (truncated)" : "");
	fprintf(f, "Machine:        %s", psc_machine_name(i->machine));
	if (i->processors != 0)
		fprintf(f, ", %" PRIu32 " processors", i->processors);
	fputc('\n', f);
	fprintf(f, "Windows:        %s", k->version != NULL ? k->version : "version not known");
	if (k->build_lab != NULL)
		fprintf(f, " (%s)", k->build_lab);
	fprintf(f, "%s\n", i->major_version == 0xc ? ", checked build" : "");
	if (i->has_time && format_filetime(i->system_time_filetime, buf) != NULL)
		fprintf(f, "Time:           %s\n", buf);
	if (i->has_uptime)
		print_uptime(f, i->uptime_100ns);
	if (i->has_bugcheck) {
		fprintf(f, "Bugcheck:       0x%08" PRIx32 " (", i->bugcheck_code);
		for (int p = 0; p < 4; p++)
			fprintf(f, "%s0x%0*" PRIx64, p > 0 ? ", " : "", digits, i->bugcheck_parameters[p]);
		fputs(")\n", f);
	}
	if (k->physical_memory_bytes != 0)
		fprintf(f, "Memory:         %s bytes (%s)\n", group_digits(k->physical_memory_bytes, false, buf),
			k->physical_memory_source);
	if (k->base != 0)
		fprintf(f, "Kernel base:    0x%0*" PRIx64 "\n", digits, k->base);
	if (k->directory_table_base != 0)
		fprintf(f, "Page tables:    0x%0*" PRIx64 "%s%s\n", digits, k->directory_table_base,
			k->paging != NULL ? ", " : "", k->paging != NULL ? k->paging : "");
	if (k->invalid_entries != NULL)
		fprintf(f, "Invalid entries: %s\n", k->invalid_entries);
	fprintf(f, "Debugger data:  %s\n", k->kdbg_state);
	if (k->pdb_guid[0] != '\0')
		fprintf(f, "Kernel PDB:     %s %s age %" PRIu32 " (%s)\n", k->pdb_name != NULL ? k->pdb_name : "?",
			k->pdb_guid, k->pdb_age, k->pdb_source != NULL ? k->pdb_source : "debug record");
	fprintf(f, "Symbols:        %s%s%s\n", k->symbols, k->symbols_file != NULL ? ", " : "",
		k->symbols_file != NULL ? k->symbols_file : "");
	info_print_origins(f, dump);
	psc_dump_modules(dump, &n, &n_loaded);
	fprintf(f, "Modules:        %zu loaded, %zu unloaded\n", n_loaded, n - n_loaded);
	if (i->pages_described != 0)
		fprintf(f, "Pages in file:  %s of %s (%.1f%%)\n", group_digits(i->pages_present, false, buf),
			group_digits(i->pages_described, false, buf2), 100.0 * pages_ratio(i));
	if (i->comment != NULL)
		fprintf(f, "Comment:        %s\n", i->comment);
	if (keys->has_heap_key)
		print_key(f, "Heap key:       ", digits, keys->heap_key, keys->heap_key_source, keys->heap_key_votes,
			  strcmp(keys->heap_key_source, "segment") == 0 ? "segments" : "chunks");
	if (keys->has_lfh_key_low32)
		print_key(f, "LFH key (low):  ", 8, keys->lfh_key_low32, keys->lfh_key_source, keys->lfh_key_votes,
			  "subsegments");
	fputs("Pool sources:\n", f);
	const struct psc_pool_source *s = psc_dump_pool_sources(dump, &n);
	for (size_t j = 0; j < n; j++)
		fprintf(f, "  %-18s %-4s %s\n", s[j].name, s[j].available ? "yes" : "no",
			s[j].detail != NULL ? s[j].detail : "");
	info_print_inferred(f, dump);
}

static const struct column csv_columns[] = {
	{.key = "path", .is_left = true},
	{.key = "format", .is_left = true},
	{.key = "dump_type", .is_left = true},
	{.key = "machine", .is_left = true},
	{.key = "version", .is_left = true},
	{.key = "time", .is_left = true},
	{.key = "uptime_seconds"},
	{.key = "processors"},
	{.key = "pdb_guid", .is_left = true},
	{.key = "pages_present"},
};

static void print_csv(FILE *f, const struct psc_dump *dump)
{
	const struct psc_dump_info *i = psc_dump_get_info(dump);
	const struct psc_kernel_info *k = psc_dump_kernel(dump);
	char buf[24];
	size_t n = sizeof(csv_columns) / sizeof(csv_columns[0]);
	struct cell cells[] = {
		cell_text(i->path),
		cell_text(i->format),
		cell_text(psc_dump_type_name(i->dump_type)),
		cell_text(psc_machine_name(i->machine)),
		cell_text(k->version),
		cell_text(i->has_time ? format_filetime(i->system_time_filetime, buf) : NULL),
		i->has_uptime ? cell_u64(i->uptime_100ns / 10000000u) : cell_null(),
		i->processors != 0 ? cell_u64(i->processors) : cell_null(),
		cell_text(k->pdb_guid[0] != '\0' ? k->pdb_guid : NULL),
		cell_u64(i->pages_present),
	};
	csv_header(f, csv_columns, n);
	csv_row(f, csv_columns, cells, n);
}

/* False when out of memory. */
static bool print_info(FILE *f, const struct psc_dump *dump, const struct psc_pool_keys *keys,
		       enum output_format format)
{
	cJSON *doc;
	switch (format) {
	case FORMAT_TABLE:
		print_table(f, dump, keys);
		break;
	case FORMAT_JSON:
		doc = cJSON_CreateObject();
		cJSON_AddStringToObject(doc, "schema", SCHEMA);
		fill_document(doc, dump, keys);
		return json_print(f, doc, true);
	case FORMAT_NDJSON:
		doc = json_record(dump, SCHEMA, "dump");
		fill_document(doc, dump, keys);
		return json_print(f, doc, false);
	case FORMAT_OPENMETRICS:
	case FORMAT_FOLDED:
	case FORMAT_CSV:
		print_csv(f, dump);
		break;
	}
	return true;
}

struct info_options {
	struct common_options common;
	const struct psc_pool_keys *keys; /* borrowed from the dump */
};

static enum psc_status work(struct run *r, void *arg, struct psc_error *reterr)
{
	r->coverage = pages_ratio(psc_dump_get_info(r->dump));
	return psc_dump_pool_keys(r->dump, &((struct info_options *)arg)->keys, reterr);
}

static int print(struct run *r, void *arg)
{
	return run_printed(print_info(r->f, r->dump, ((const struct info_options *)arg)->keys, r->o->format));
}

int cmd_info(int argc, char **argv)
{
	static const struct option options[] = {COMMON_LONG_OPTIONS};
	static const struct command_spec spec = {
		"info", help, "", options, FORMATS_ROWS, "'poolscope tags' has it", NULL,
	};
	static const struct run_steps steps = {.work = work, .print = print};
	struct info_options o = {.keys = NULL};
	int code = parse_options(&spec, &o.common, &o, argc, argv);
	if (code >= 0)
		return code;
	if (dump_argument(argc, argv, optind, "info") == NULL)
		return EXIT_USAGE;
	return run_command(&o.common, argv + optind, 1, &steps, &o);
}
