/* SPDX-License-Identifier: MIT */
/* Every live block by tag and who is recorded to have allocated it. */
#include "callers.h"
#include "coverage.h"
#include "footer.h"
#include "json.h"
#include "report.h"
#include "tags_print.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA "poolscope.tag_callers/1"

enum {
	COL_TAG,
	COL_TAG_HEX,
	COL_TAGS,
	COL_TAGS_HEX,
	COL_POOL,
	COL_CALLER,
	COL_ADDRESS,
	COL_MODULE,
	COL_OFFSET,
	COL_SYMBOL,
	COL_SYMBOL_OFFSET,
	COL_UNLOADED,
	COL_LIVE,
	COL_BYTES,
	COL_SOURCE,
	COL_GRADE,
	N_COLS
};

static const struct column columns[N_COLS] = {
	[COL_TAG] = {.key = "tag", .heading = "Tag", .is_left = true, .label = "tag"},
	[COL_TAG_HEX] = {.key = "tag_hex"},
	[COL_TAGS] = {.key = "tags", .heading = "Tags", .is_left = true},
	[COL_TAGS_HEX] = {.key = "tags_hex"},
	[COL_POOL] = {.key = "pool", .heading = "Pool", .is_left = true, .label = "pool", .label_of_rest = true},
	[COL_CALLER] = {.heading = "Caller", .is_left = true, .label = "caller"},
	CALLER_COLUMNS(COL_CALLER),
	[COL_LIVE] = {.key = "live_count",
		      .metric = "outstanding_allocations",
		      .metric_help = "Allocations not freed, by the walk of the pool.",
		      .heading = "Live"},
	[COL_BYTES] = {.key = "live_bytes",
		       .metric = "outstanding_bytes",
		       .metric_help = "Bytes of blocks not freed, by the walk of the pool.",
		       .heading = "Bytes"},
	[COL_SOURCE] =
		{.key = "source", .heading = "Source", .is_left = true, .label = "source", .label_of_rest = true},
	[COL_GRADE] = {.key = "grade", .heading = "Grade", .is_left = true, .label = "grade", .label_of_rest = true},
};

/* A row of one tag has a tag, one of several a list of them. */
static void choose_columns(const struct tags_options *o, struct column cols[N_COLS])
{
	bool several = o->caller_by == PSC_CALLERS_BY_POOL_MODULE;
	memcpy(cols, columns, sizeof(columns));
	for (int c = several ? COL_TAG : COL_TAGS; c <= (several ? COL_TAG_HEX : COL_TAGS_HEX); c++)
		cols[c].key = cols[c].heading = cols[c].label = NULL;
	if (o->caller_by != PSC_CALLERS_BY_TAG_ADDRESS)
		cols[COL_CALLER].label = NULL;
}

struct row_texts {
	struct caller_texts caller;
	char tags[PSC_CALLER_TAGS_MAX][17], hex[PSC_CALLER_TAGS_MAX][9];
	const char *tag_items[PSC_CALLER_TAGS_MAX], *hex_items[PSC_CALLER_TAGS_MAX];
};

static void fill_cells(const struct psc_caller_row *r, bool is_32bit, struct row_texts *t, struct cell cells[N_COLS])
{
	for (int i = 0; i < N_COLS; i++)
		cells[i] = cell_null();
	fill_caller_cells(&r->caller, is_32bit, &t->caller, &cells[COL_CALLER]);
	for (size_t i = 0; i < r->n_tags; i++) {
		const uint8_t *g = r->tags[i];
		t->tag_items[i] = psc_tag_format(g, t->tags[i]);
		snprintf(t->hex[i], sizeof(t->hex[i]), "%02x%02x%02x%02x", g[0], g[1], g[2], g[3]);
		t->hex_items[i] = t->hex[i];
	}
	cells[COL_TAG] = cell_text(t->tag_items[0]);
	cells[COL_TAG_HEX] = cell_text(t->hex_items[0]);
	cells[COL_TAGS] = cell_texts(t->tag_items, r->n_tags);
	cells[COL_TAGS_HEX] = cell_texts(t->hex_items, r->n_tags);
	cells[COL_POOL] = cell_text(r->has_pool ? psc_pool_name(r->pool) : NULL);
	cells[COL_LIVE] = cell_u64(r->live);
	cells[COL_BYTES] = cell_u64(r->live_bytes);
	cells[COL_SOURCE] = cell_text(psc_caller_source_name(r->source));
	cells[COL_GRADE] = cell_text(caller_grade(r->source, r->is_inferred));
}

static bool is_wanted(const struct psc_caller_row *r, const struct tags_options *o)
{
	return o->pools == 0 || (r->has_pool && (o->pools >> r->pool & 1) != 0);
}

/* pool;module;tag;size bytes. Rows of one path may be several: of different grades, which nothing adds up here. */
static void print_folded(FILE *f, const struct psc_caller_row *rows, size_t n, const struct tags_options *o,
			 bool is_32bit)
{
	for (size_t i = 0; i < n; i++) {
		const struct psc_caller_row *r = &rows[i];
		char text[PSC_LOCATION_TEXT_BYTES], tag[17];
		if (r->live_bytes == 0 || !is_wanted(r, o))
			continue;
		const char *module = r->source == PSC_CALLER_NONE ? NOT_RECORDED
				     : r->caller.module != NULL
					     ? r->caller.name
					     : location_text(&r->caller, is_32bit, text, sizeof(text));
		fprintf(f, "%s;", r->has_pool ? psc_pool_name(r->pool) : "unknown");
		print_folded_frame(f, module);
		fputc(';', f);
		print_folded_frame(f, psc_tag_format(r->tags[0], tag));
		if (r->block_bytes != 0)
			fprintf(f, ";%" PRIu64, r->block_bytes);
		fprintf(f, " %" PRIu64 "\n", r->live_bytes);
	}
}

/* Sums by grade: proven, inferred, and of blocks that nobody recorded. */
struct grade_sums {
	uint64_t live[3], bytes[3];
};
static const char *const grades[3] = {"exact", "inferred", NULL};

static cJSON *json_totals(const struct grade_sums *s)
{
	cJSON *list = cJSON_CreateArray();
	for (int i = 0; i < 3; i++) {
		cJSON *o = cJSON_CreateObject();
		json_add_text_or_null(o, "grade", grades[i]);
		json_add_u64(o, "live_count", s->live[i]);
		json_add_u64(o, "live_bytes", s->bytes[i]);
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

static cJSON *json_coverage(const struct run *run, const struct psc_callers *callers)
{
	size_t n;
	const struct psc_callers_info *info = psc_callers_get_info(callers);
	const struct psc_walk_coverage *walk = psc_callers_coverage(callers, &n);
	cJSON *o = run_coverage(run);
	json_add_scan_coverage(o, psc_callers_scan_coverage(callers));
	json_add_walk_coverage(o, walk, n);
	json_add_u64(o, "unmet_count", info->unmet);
	json_add_u64(o, "unmet_bytes", info->unmet_bytes);
	json_add_caller_sources(cJSON_AddObjectToObject(o, "sources"), callers);
	return o;
}

static void print_end_lines(FILE *f, const struct psc_callers *callers, const struct grade_sums *s)
{
	static const char *const names[3] = {"caller recorded", "caller inferred", "caller not recorded"};
	const struct psc_callers_info *info = psc_callers_get_info(callers);
	char a[32], b[32];
	size_t n;
	footer_printf(f, "\nTotals (these rows):\n");
	for (int i = 0; i < 3; i++)
		if (s->live[i] != 0)
			footer_printf(f, "  %-19s  %s blocks, %s bytes\n", names[i], group_digits(s->live[i], false, a),
				      group_digits(s->bytes[i], false, b));
	if (info->unmet != 0)
		footer_printf(f, "Recorded, but not found in the pool: %s blocks, %s bytes\n",
			      group_digits(info->unmet, false, a), group_digits(info->unmet_bytes, false, b));
	footer_printf(f, "Coverage: %.1f%%\n", 100.0 * psc_callers_coverage_ratio(callers));
	if (!info->verifier_available && !info->verifier_known_off)
		footer_printf(f, "  callers   not known: %s\n", info->verifier_why_not);
	else if (!info->verifier_available && !info->stackdb_available && !info->stackdb_known_off)
		footer_printf(f, "  callers   not known: %s\n", info->stackdb_why_not);
	const struct psc_scan_coverage *scan = psc_callers_scan_coverage(callers);
	if (scan != NULL)
		print_scan_coverage(f, scan);
	const struct psc_walk_coverage *walk = psc_callers_coverage(callers, &n);
	for (size_t i = 0; i < n; i++)
		print_walk_coverage(f, &walk[i]);
}

static bool print_rows(struct run *run, const struct tags_options *o, struct row_texts *texts)
{
	const struct report_spec spec = {SCHEMA, "tag_caller", false,
					 o->caller_by == PSC_CALLERS_BY_TAG_ADDRESS  ? "tag_caller"
					 : o->caller_by == PSC_CALLERS_BY_TAG_MODULE ? "tag_module"
										     : "module"};
	const bool is_metrics = o->common.format == FORMAT_OPENMETRICS;
	struct column cols[N_COLS];
	struct cell cells[N_COLS];
	struct report report;
	struct grade_sums sums = {{0}, {0}};
	long printed = 0, more = 0;
	size_t n;
	const struct psc_caller_row *rows = psc_callers_rows(o->callers, &n);
	choose_columns(o, cols);
	report_init(&report, run, &spec, cols, N_COLS);
	for (size_t i = 0; i < n; i++) {
		if (!is_wanted(&rows[i], o))
			continue;
		int grade = rows[i].source == PSC_CALLER_NONE ? 2 : rows[i].is_inferred;
		sums.live[grade] += rows[i].live;
		sums.bytes[grade] += rows[i].live_bytes;
		bool is_rest = o->max_rows > 0 && printed >= o->max_rows;
		more += is_rest;
		if (is_rest && !is_metrics)
			continue;
		fill_cells(&rows[i], run->is_32bit, texts, cells);
		if (is_metrics && rows[i].source == PSC_CALLER_NONE)
			cells[COL_CALLER] = cells[COL_MODULE] = cell_text(NOT_RECORDED);
		else if (is_metrics && rows[i].caller.module == NULL)
			cells[COL_MODULE] = cell_text(NO_MODULE);
		if (is_rest) {
			report_rest(&report, cells);
			continue;
		}
		report_row(&report, cells);
		printed++;
	}
	report_list(&report, "totals", "total", json_totals(&sums));
	if (o->common.format == FORMAT_TABLE)
		print_end_lines(run->f, o->callers, &sums);
	if (is_metrics) {
		metrics_coverage(run->f, spec.scope, run->coverage);
		metrics_dump_info(run->f, spec.scope, run->dump);
	}
	bool ok = report_end(&report, json_coverage(run, o->callers), run_warnings(run));
	if (more > 0 && !o->common.quiet && !is_metrics)
		message("%ld more rows; -n 0 prints all", more);
	return ok;
}

enum psc_status tags_callers_work(struct run *r, void *arg, struct psc_error *reterr)
{
	struct tags_options *o = (struct tags_options *)arg;
	struct psc_callers_options c = PSC_CALLERS_OPTIONS_INIT;
	c.by = o->common.format == FORMAT_FOLDED ? PSC_CALLERS_BY_TAG_MODULE_SIZE : o->caller_by;
	c.tag = o->pattern;
	c.all_blocks = true;
	c.n_threads = o->run.n_threads;
	c.progress = o->run.progress;
	c.progress_arg = o->run.progress_arg;
	enum psc_status st = psc_callers_run(r->dump, &c, &o->callers, reterr);
	if (st != PSC_OK)
		return st;
	r->warnings = psc_callers_warnings(o->callers, &r->n_warnings);
	r->coverage = psc_callers_coverage_ratio(o->callers);
	r->interrupted = psc_callers_is_interrupted(o->callers);
	return PSC_OK;
}

int tags_callers_print(struct run *r, void *arg)
{
	const struct tags_options *o = (const struct tags_options *)arg;
	size_t n;
	const struct psc_caller_row *rows = psc_callers_rows(o->callers, &n);
	if (o->common.format == FORMAT_FOLDED) {
		print_folded(r->f, rows, o->max_rows > 0 && (size_t)o->max_rows < n ? (size_t)o->max_rows : n, o,
			     r->is_32bit);
		return EXIT_COMPLETE;
	}
	struct row_texts *texts = (struct row_texts *)malloc(sizeof(*texts));
	bool ok = texts != NULL && print_rows(r, o, texts);
	free(texts);
	return run_printed(ok);
}

void tags_callers_free(void *arg)
{
	psc_callers_free(((struct tags_options *)arg)->callers);
}
