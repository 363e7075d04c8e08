/* SPDX-License-Identifier: MIT */
/* poolscope callers: who allocated, as the dump itself recorded it. */
#include "callers.h"
#include "footer.h"
#include "json.h"
#include "report.h"
#include "run.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: poolscope callers [OPTIONS] DUMP\n"
	"\n"
	"Prints one row per return address that allocated pool, from what Driver Verifier recorded: live blocks with\n"
	"their caller, lifetime counts where it kept them, and its log of recent operations; and from the kernel's\n"
	"stack-trace database where pool headers name its entries. Without these a dump names no caller; 'poolscope\n"
	"sites' then lists the call sites of every driver.\n"
	"\n"
	"Options:\n"
	"      --by KEY          address (default), function, module or tag: what makes a row\n"
	"  -t, --tag PATTERN     only tags that match: four characters, '?' any one, '*' any run; case counts\n"
	"  -m, --module PATTERN  only callers in this module ('*', '?'; case does not count)\n"
	"  -n, --rows N          at most N rows; 0 = all (default: 20 on a terminal, else all)\n"
	"      --stacks          below each row of the table the stack of its newest known "
	"allocation\n" COMMON_OPTIONS_HELP "\n"
	"Examples:\n"
	"  poolscope callers --symbols 'srv*C:\\symbols' MEMORY.DMP\n"
	"  poolscope callers --by module --format json MEMORY.DMP\n"
	"  poolscope callers --tag 'Leak' --stacks MEMORY.DMP\n"
	"  poolscope callers --format folded MEMORY.DMP | flamegraph.pl > callers.svg\n"
	"  poolscope callers --by module --format openmetrics -o callers.prom MEMORY.DMP\n";

#define SCHEMA "poolscope.callers/1"

enum { OPT_BY = OPT_COMMAND, OPT_STACKS };

enum {
	COL_CALLER,
	COL_ADDRESS,
	COL_MODULE,
	COL_OFFSET,
	COL_SYMBOL,
	COL_SYMBOL_OFFSET,
	COL_UNLOADED,
	COL_TAGS,
	COL_TAGS_HEX,
	COL_POOL,
	COL_LIVE,
	COL_BYTES,
	COL_ALLOCS,
	COL_FREES,
	COL_ALLOC_BYTES,
	COL_SOURCE,
	COL_GRADE,
	COL_STACK,
	N_COLS
};

static const struct column columns[N_COLS] = {
	[COL_CALLER] = {.heading = "Caller", .is_left = true, .min_width = 24, .paint = PAINT_KEY, .label = "caller"},
	CALLER_COLUMNS(COL_CALLER),
	[COL_TAGS] = {.key = "tags", .heading = "Tags", .is_left = true, .min_width = 9},
	[COL_TAGS_HEX] = {.key = "tags_hex"},
	[COL_POOL] = {.key = "pool", .heading = "Pool", .is_left = true, .drop = 1},
	[COL_LIVE] = {.key = "live_count",
		      .metric = "outstanding_allocations",
		      .metric_help = "Allocations not freed, as recorded.",
		      .heading = "Live"},
	[COL_BYTES] = {.key = "live_bytes",
		       .metric = "outstanding_bytes",
		       .metric_help = "Usable bytes of allocations not freed, as recorded.",
		       .heading = "Bytes",
		       .is_bytes = true},
	[COL_ALLOCS] = {.key = "allocs_count",
			.metric = "allocations_total",
			.metric_help = "Allocations since Driver Verifier started.",
			.heading = "Allocs",
			.drop = 2},
	[COL_FREES] = {.key = "frees_count",
		       .metric = "frees_total",
		       .metric_help = "Frees since Driver Verifier started.",
		       .heading = "Frees",
		       .drop = 3},
	[COL_ALLOC_BYTES] = {.key = "alloc_bytes",
			     .metric = "allocated_bytes_total",
			     .metric_help = "Usable bytes of allocations since Driver Verifier started."},
	[COL_SOURCE] = {.key = "source",
			.heading = "Source",
			.is_left = true,
			.drop = 5,
			.label = "source",
			.label_of_rest = true},
	[COL_GRADE] = {.key = "grade",
		       .heading = "Grade",
		       .is_left = true,
		       .drop = 4,
		       .label = "grade",
		       .label_of_rest = true},
	[COL_STACK] = {.key = "stack"},
};

struct callers_options {
	struct common_options common;
	struct psc_callers_options run;
	long max_rows; /* -1 = default */
	bool stacks;
	struct psc_callers *result;
};

static int callers_option(void *arg, int opt)
{
	struct callers_options *o = (struct callers_options *)arg;
	static const char *const keys[] = {"address", "function", "module", "tag"};
	struct psc_error err;
	switch (opt) {
	case OPT_BY:
		for (int i = 0; i < 4; i++) {
			if (strcmp(optarg, keys[i]) == 0) {
				o->run.by = (enum psc_callers_by)i;
				return -1;
			}
		}
		return usage_error("callers", "--by is address, function, module or tag, not '%s'", optarg);
	case 't':
		if (psc_tag_pattern_check(optarg, &err) != PSC_OK)
			return usage_error("callers", "%s", err.text);
		o->run.tag = optarg;
		return -1;
	case 'm':
		o->run.module = optarg;
		return -1;
	case 'n':
		return parse_rows("callers", optarg, &o->max_rows);
	case OPT_STACKS:
		o->stacks = true;
		return -1;
	default:
		return OPTION_UNKNOWN;
	}
}

/* What was cut off may have been the rest of a character. */
static void trim_text(char *buf, int n, size_t cap)
{
	size_t end = cap - 1;
	if (n < 0 || (size_t)n < cap)
		return;
	while (end > 0 && ((unsigned char)buf[end - 1] & 0xc0) == 0x80)
		end--;
	if (end > 0 && (unsigned char)buf[end - 1] >= 0xc0)
		end--;
	if (end < cap - 1)
		buf[end] = '\0';
}

char *location_text(const struct psc_code_location *l, bool is_32bit, char *buf, size_t cap)
{
	int n;
	if (l->symbol != NULL && l->address != 0 && l->symbol_offset != 0)
		n = snprintf(buf, cap, "%s!%s+0x%" PRIx64, l->name, l->symbol, l->symbol_offset);
	else if (l->symbol != NULL)
		n = snprintf(buf, cap, "%s!%s", l->name, l->symbol);
	else if (l->module != NULL && l->address != 0)
		n = snprintf(buf, cap, "%s+0x%" PRIx64, l->name, l->offset);
	else if (l->module != NULL)
		n = snprintf(buf, cap, "%s", l->name);
	else
		n = snprintf(buf, cap, "0x%0*" PRIx64, is_32bit ? 8 : 16, l->address);
	trim_text(buf, n, cap);
	return buf;
}

void fill_caller_cells(const struct psc_code_location *c, bool is_32bit, struct caller_texts *t,
		       struct cell cells[CALLER_CELLS])
{
	enum { TEXT, ADDRESS, MODULE, OFFSET, SYMBOL, SYMBOL_OFFSET, UNLOADED };
	for (int i = 0; i < CALLER_CELLS; i++)
		cells[i] = cell_null();
	if (c == NULL || (c->address == 0 && c->module == NULL))
		return;
	cells[TEXT] = cell_text(location_text(c, is_32bit, t->text, sizeof(t->text)));
	cells[MODULE] = cell_text(c->module);
	cells[SYMBOL] = cell_text(c->symbol);
	if (c->module != NULL)
		cells[UNLOADED] = cell_bool(c->is_unloaded);
	if (c->address == 0)
		return;
	cells[ADDRESS] = cell_address(c->address, is_32bit);
	if (c->module != NULL) {
		snprintf(t->offset, sizeof(t->offset), "0x%" PRIx64, c->offset);
		cells[OFFSET] = cell_text(t->offset);
	}
	if (c->symbol != NULL)
		cells[SYMBOL_OFFSET] = cell_u64(c->symbol_offset);
}

const char *caller_grade(enum psc_caller_source source, bool is_inferred)
{
	return source == PSC_CALLER_NONE ? NULL : is_inferred ? "inferred" : "exact";
}

/* ---- rows ---- */

#define STACK_MAX 64

struct row_texts {
	struct caller_texts caller;
	char tags[PSC_CALLER_TAGS_MAX][17], tags_hex[PSC_CALLER_TAGS_MAX][9];
	char frames[STACK_MAX][PSC_LOCATION_TEXT_BYTES];
	const char *tag_items[PSC_CALLER_TAGS_MAX], *hex_items[PSC_CALLER_TAGS_MAX], *frame_items[STACK_MAX];
};

static void fill_cells(const struct psc_caller_row *r, bool is_32bit, struct row_texts *t, struct cell cells[N_COLS])
{
	for (int i = 0; i < N_COLS; i++)
		cells[i] = cell_null();
	fill_caller_cells(&r->caller, is_32bit, &t->caller, &cells[COL_CALLER]);
	for (size_t i = 0; i < r->n_tags; i++) {
		const uint8_t *g = r->tags[i];
		t->tag_items[i] = psc_tag_format(g, t->tags[i]);
		snprintf(t->tags_hex[i], sizeof(t->tags_hex[i]), "%02x%02x%02x%02x", g[0], g[1], g[2], g[3]);
		t->hex_items[i] = t->tags_hex[i];
	}
	cells[COL_TAGS] = cell_texts(t->tag_items, r->n_tags);
	cells[COL_TAGS_HEX] = cell_texts(t->hex_items, r->n_tags);
	cells[COL_POOL] = cell_text(r->has_pool ? psc_pool_name(r->pool) : NULL);
	cells[COL_LIVE] = cell_u64(r->live);
	cells[COL_BYTES] = cell_u64(r->live_bytes);
	if (r->has_lifetime) {
		cells[COL_ALLOCS] = cell_u64(r->allocs);
		cells[COL_FREES] = cell_u64(r->frees);
		cells[COL_ALLOC_BYTES] = cell_u64(r->alloc_bytes);
	}
	cells[COL_SOURCE] = cell_text(psc_caller_source_name(r->source));
	cells[COL_GRADE] = cell_text(caller_grade(r->source, r->is_inferred));
	size_t n = r->n_stack < STACK_MAX ? r->n_stack : STACK_MAX;
	for (size_t i = 0; i < n; i++)
		t->frame_items[i] = location_text(&r->stack[i], is_32bit, t->frames[i], sizeof(t->frames[i]));
	if (n != 0)
		cells[COL_STACK] = cell_texts(t->frame_items, n);
}

/* pool;module;function;tag bytes: one line per tag cannot be had from a row of several, so they stand together. */
static void print_folded(FILE *f, const struct psc_caller_row *rows, size_t n, bool is_32bit)
{
	for (size_t i = 0; i < n; i++) {
		const struct psc_caller_row *r = &rows[i];
		char text[PSC_LOCATION_TEXT_BYTES], tag[17];
		if (r->live_bytes == 0)
			continue;
		fprintf(f, "%s;", r->has_pool ? psc_pool_name(r->pool) : "unknown");
		if (r->caller.module != NULL)
			print_folded_frame(f, r->caller.name);
		if (r->caller.module != NULL)
			fputc(';', f);
		if (r->caller.module != NULL || r->caller.address != 0) {
			print_folded_frame(f, location_text(&r->caller, is_32bit, text, sizeof(text)));
			fputc(';', f);
		}
		for (size_t j = 0; j < r->n_tags; j++) {
			fputs(j != 0 ? "," : "", f);
			print_folded_frame(f, psc_tag_format(r->tags[j], tag));
		}
		fprintf(f, " %" PRIu64 "\n", r->live_bytes);
	}
}

void json_add_caller_sources(cJSON *coverage, const struct psc_callers *callers)
{
	const struct psc_callers_info *i = psc_callers_get_info(callers);
	cJSON *o = cJSON_AddObjectToObject(coverage, "verifier");
	cJSON_AddBoolToObject(o, "available", i->verifier_available);
	cJSON_AddBoolToObject(o, "known_off", i->verifier_known_off);
	json_add_text_or_null(o, "why_not", i->verifier_why_not);
	json_add_u64(o, "record_pages_read", i->record_pages_read);
	json_add_u64(o, "record_pages_missing", i->record_pages_missing);
	cJSON_AddBoolToObject(o, "tag_filter", i->tag_filter);
	o = cJSON_AddObjectToObject(coverage, "log");
	cJSON_AddBoolToObject(o, "available", i->log_available);
	json_add_text_or_null(o, "why_not", i->log_why_not);
	json_add_u64(o, "length_count", i->log_length);
	json_add_u64(o, "records_count", i->log_records);
	json_add_u64(o, "missing_count", i->log_missing);
	o = cJSON_AddObjectToObject(coverage, "stacks");
	cJSON_AddBoolToObject(o, "available", i->stacks_available);
	json_add_text_or_null(o, "why_not", i->stacks_why_not);
	o = cJSON_AddObjectToObject(coverage, "stackdb");
	cJSON_AddBoolToObject(o, "available", i->stackdb_available);
	cJSON_AddBoolToObject(o, "known_off", i->stackdb_known_off);
	json_add_text_or_null(o, "why_not", i->stackdb_why_not);
	json_add_u64(o, "traces_count", i->stackdb_traces);
	json_add_u64(o, "missing_count", i->stackdb_missing);
	json_add_u64(o, "invalid_count", i->stackdb_invalid);
	cJSON_AddBoolToObject(o, "joined", i->stackdb_joined);
	json_add_text_or_null(o, "why_not_joined", i->stackdb_why_not_joined);
	json_add_u64(o, "blocks_count", i->stackdb_blocks);
	json_add_u64(o, "lost_count", i->stackdb_lost);
	json_add_u64(o, "unmatched_count", i->stackdb_unmatched);
}

static cJSON *json_drivers(const struct psc_callers *callers, bool is_32bit)
{
	size_t n;
	const struct psc_verified_driver *d = psc_callers_drivers(callers, &n);
	cJSON *list = cJSON_CreateArray();
	for (size_t i = 0; i < n; i++) {
		cJSON *o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "name", d[i].name);
		cJSON_AddBoolToObject(o, "loaded", d[i].is_loaded);
		cJSON_AddItemToObject(o, "base",
				      d[i].base != 0 ? json_address(d[i].base, is_32bit) : cJSON_CreateNull());
		json_add_u64(o, "loads_count", d[i].loads);
		json_add_u64(o, "unloads_count", d[i].unloads);
		json_add_u64_or_null(o, "paged_count", d[i].has_counts, d[i].paged);
		json_add_u64_or_null(o, "paged_bytes", d[i].has_counts, d[i].paged_bytes);
		json_add_u64_or_null(o, "nonpaged_count", d[i].has_counts, d[i].nonpaged);
		json_add_u64_or_null(o, "nonpaged_bytes", d[i].has_counts, d[i].nonpaged_bytes);
		json_add_u64_or_null(o, "peak_paged_count", d[i].has_counts, d[i].peak_paged);
		json_add_u64_or_null(o, "peak_paged_bytes", d[i].has_counts, d[i].peak_paged_bytes);
		json_add_u64_or_null(o, "peak_nonpaged_count", d[i].has_counts, d[i].peak_nonpaged);
		json_add_u64_or_null(o, "peak_nonpaged_bytes", d[i].has_counts, d[i].peak_nonpaged_bytes);
		json_add_u64(o, "records_count", d[i].listed);
		json_add_u64(o, "records_bytes", d[i].listed_bytes);
		cJSON_AddBoolToObject(o, "complete", !d[i].incomplete);
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

static void print_end_lines(FILE *f, const struct psc_callers *callers)
{
	const struct psc_callers_info *i = psc_callers_get_info(callers);
	char a[32], b[32];
	if (i->verifier_available || i->live != 0)
		footer_printf(
			f, "\nDriver Verifier's records: %s live blocks, %s bytes; %s pages read, %s not in the dump\n",
			group_digits(i->live, false, a), group_digits(i->live_bytes, false, b),
			group_digits(i->record_pages_read, false, (char[32]){0}),
			group_digits(i->record_pages_missing, false, (char[32]){0}));
	else
		footer_printf(f, "\n%s: %s.\n",
			      i->stackdb_joined ? "No records of Driver Verifier" : "No recorded callers",
			      i->verifier_why_not != NULL ? i->verifier_why_not : "none");
	if (i->stackdb_joined)
		footer_printf(f, "Stack-trace database: %s traces, named by %s live blocks\n",
			      group_digits(i->stackdb_traces, false, a), group_digits(i->stackdb_blocks, false, b));
	else if (i->stackdb_available)
		footer_printf(f, "Stack-trace database: %s traces, not used: %s\n",
			      group_digits(i->stackdb_traces, false, a), i->stackdb_why_not_joined);
	else if (!i->stackdb_known_off)
		footer_printf(f, "Stack-trace database: not read: %s\n", i->stackdb_why_not);
	if (i->log_available)
		footer_printf(f, "Log of operations: %s of %s slots used\n", group_digits(i->log_records, false, a),
			      group_digits(i->log_length, false, b));
}

static void print_stacks(FILE *f, const struct psc_caller_row *rows, size_t n, bool is_32bit)
{
	char text[PSC_LOCATION_TEXT_BYTES];
	for (size_t i = 0; i < n; i++) {
		if (rows[i].n_stack == 0)
			continue;
		fprintf(f, "\n%s\n", location_text(&rows[i].caller, is_32bit, text, sizeof(text)));
		for (size_t j = 0; j < rows[i].n_stack; j++)
			fprintf(f, "    %s\n", location_text(&rows[i].stack[j], is_32bit, text, sizeof(text)));
	}
}

/* Labels are what makes a row. */
static void choose_labels(enum psc_callers_by by, struct column cols[N_COLS])
{
	memcpy(cols, columns, sizeof(columns));
	if (by == PSC_CALLERS_BY_TAG)
		cols[COL_TAGS].label = "tag";
	if (by == PSC_CALLERS_BY_TAG || by == PSC_CALLERS_BY_MODULE)
		cols[COL_CALLER].label = NULL;
	if (by == PSC_CALLERS_BY_TAG)
		cols[COL_MODULE].label = NULL;
}

static void print_metrics(struct report *report, const struct run *run, const struct psc_caller_row *rows, size_t n,
			  size_t shown, struct row_texts *texts)
{
	struct cell cells[N_COLS];
	for (size_t i = 0; i < n; i++) {
		fill_cells(&rows[i], run->is_32bit, texts, cells);
		if (rows[i].caller.module == NULL)
			cells[COL_MODULE] = cell_text(NO_MODULE);
		if (i < shown)
			report_row(report, cells);
		else
			report_rest(report, cells);
	}
}

static int print(struct run *run, void *arg)
{
	static const char *const scopes[] = {"recorded_caller", "recorded_function", "recorded_module", "recorded_tag"};
	const struct callers_options *o = (const struct callers_options *)arg;
	struct row_texts *texts = (struct row_texts *)malloc(sizeof(*texts));
	const struct report_spec spec = {SCHEMA, "caller", false, scopes[o->run.by]};
	const bool is_metrics = o->common.format == FORMAT_OPENMETRICS;
	struct report report;
	struct column cols[N_COLS];
	struct cell cells[N_COLS];
	size_t n;
	const struct psc_caller_row *rows = psc_callers_rows(o->result, &n);
	size_t shown = o->max_rows > 0 && (size_t)o->max_rows < n ? (size_t)o->max_rows : n;
	if (texts == NULL)
		return run_printed(false);
	if (o->common.format == FORMAT_FOLDED) {
		print_folded(run->f, rows, shown, run->is_32bit);
		free(texts);
		return EXIT_COMPLETE;
	}
	choose_labels(o->run.by, cols);
	report_init(&report, run, &spec, cols, N_COLS);
	if (is_metrics)
		print_metrics(&report, run, rows, n, shown, texts);
	for (size_t i = 0; i < shown && !is_metrics; i++) {
		fill_cells(&rows[i], run->is_32bit, texts, cells);
		report_row(&report, cells);
	}
	report_member(&report, "drivers", json_drivers(o->result, run->is_32bit));
	if (o->common.format == FORMAT_TABLE) {
		if (o->stacks)
			print_stacks(run->f, rows, shown, run->is_32bit);
		print_end_lines(run->f, o->result);
		run_print_coverage(run);
	} else if (is_metrics) {
		metrics_coverage(run->f, spec.scope, run->coverage);
		metrics_dump_info(run->f, spec.scope, run->dump);
	}
	cJSON *coverage = run_coverage(run);
	json_add_caller_sources(coverage, o->result);
	bool ok = report_end(&report, coverage, run_warnings(run));
	if (shown < n && !o->common.quiet && !is_metrics)
		message("%zu more rows; -n 0 prints all", n - shown);
	free(texts);
	return run_printed(ok);
}

static enum psc_status work(struct run *r, void *arg, struct psc_error *reterr)
{
	struct callers_options *o = (struct callers_options *)arg;
	enum psc_status st = psc_callers_run(r->dump, &o->run, &o->result, reterr);
	if (st != PSC_OK)
		return st;
	r->warnings = psc_callers_warnings(o->result, &r->n_warnings);
	r->interrupted = psc_callers_is_interrupted(o->result);
	r->coverage = psc_callers_coverage_ratio(o->result);
	return PSC_OK;
}

static void free_result(void *arg)
{
	psc_callers_free(((struct callers_options *)arg)->result);
}

int cmd_callers(int argc, char **argv)
{
	static const struct option options[] = {
		{"by", required_argument, NULL, OPT_BY},   {"tag", required_argument, NULL, 't'},
		{"module", required_argument, NULL, 'm'},  {"rows", required_argument, NULL, 'n'},
		{"stacks", no_argument, NULL, OPT_STACKS}, COMMON_LONG_OPTIONS};
	static const struct command_spec spec = {"callers", help, "t:m:n:", options, ~0u, "", callers_option};
	static const struct psc_callers_options run_init = PSC_CALLERS_OPTIONS_INIT;
	static const struct run_steps steps = {work, print, free_result};
	struct callers_options o = {.run = run_init, .max_rows = -1};
	int code = parse_options(&spec, &o.common, &o, argc, argv);
	if (code >= 0)
		return code;
	if (dump_argument(argc, argv, optind, "callers") == NULL)
		return EXIT_USAGE;
	if (o.max_rows < 0 && o.common.format == FORMAT_OPENMETRICS)
		o.max_rows = METRICS_ROWS;
	o.max_rows = default_rows(&o.common, o.max_rows);
	return run_command(&o.common, argv + optind, 1, &steps, &o);
}
