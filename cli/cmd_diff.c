/* SPDX-License-Identifier: MIT */
/* poolscope diff: what grew between dumps of one machine, or between a healthy machine and a suspect. */
#include "budget.h"
#include "callers.h"
#include "coverage.h"
#include "diff_metrics.h"
#include "footer.h"
#include "json.h"
#include "report.h"
#include "run.h"
#include <inttypes.h>
#include <string.h>

static const char help[] =
	"Usage: poolscope diff [OPTIONS] A B [C...]\n"
	"\n"
	"Compares dumps of one machine, oldest first, or a healthy machine with a suspect: what each tag holds in\n"
	"the first and in the last, growth per hour of uptime, how much of what was allocated between was freed, and\n"
	"which tags move together. One dump shows high use, several show growth; neither alone is a leak.\n"
	"\n"
	"Options:\n"
	"  -s, --sort ORDER      growth (default: of bytes), count (of allocations), bytes (in the last), tag\n"
	"  -n, --rows N          at most N rows; 0 = all (default: 20 on a terminal, else all)\n"
	"  -t, --tag PATTERN     only tags that match: four characters, '?' any one, '*' any run; case "
	"counts\n" POOLS_HELP
	"      --by KEYS         tag (default); tag,size: by block size; process: by who is charged; caller or\n"
	"                        tag,caller: by who is recorded to have allocated\n"
	"      --changed         leave out rows that are the same in all dumps\n"
	"      --pinned          count blocks that all dumps hold unchanged at the same address\n"
	"      --no-walk         trackers only: fast whatever the size of the dumps\n"
	"      --budget PAT=SIZE exit with 1 when tags that match grew by more (64K, 2M); then only their "
	"rows\n" COMMON_OPTIONS_HELP "\n"
	"Examples:\n"
	"  poolscope diff monday.dmp tuesday.dmp\n"
	"  poolscope diff --changed --sort count -n 50 a.dmp b.dmp c.dmp\n"
	"  poolscope diff --pinned --tag NtFC a.dmp b.dmp\n"
	"  poolscope diff --by tag,caller --changed a.dmp b.dmp\n"
	"  poolscope diff --no-walk --budget 'Abc?=0' before.dmp after.dmp\n"
	"  poolscope diff --format openmetrics -o growth.prom before.dmp after.dmp\n";

#define SCHEMA "poolscope.diff/1"

enum { OPT_POOL = OPT_COMMAND, OPT_BY, OPT_CHANGED, OPT_PINNED, OPT_NO_WALK, OPT_BUDGET };

/* The one definition of a row's columns, for every format. */
enum {
	COL_TAG,
	COL_TAG_HEX,
	COL_POOL,
	COL_BLOCK,
	COL_PROCESS,
	COL_PROCESS_PID,
	COL_PROCESS_NAME,
	COL_CALLER,
	COL_CALLER_ADDRESS,
	COL_CALLER_MODULE,
	COL_CALLER_OFFSET,
	COL_CALLER_SYMBOL,
	COL_CALLER_SYMBOL_OFFSET,
	COL_CALLER_UNLOADED,
	COL_CALLER_GRADE,
	COL_FIRST_LIVE,
	COL_FIRST_BYTES,
	COL_FIRST_ALLOCS,
	COL_FIRST_FREES,
	COL_LAST_LIVE,
	COL_LAST_BYTES,
	COL_LAST_ALLOCS,
	COL_LAST_FREES,
	COL_POINTS,
	COL_GROWTH_LIVE,
	COL_GROWTH_BYTES,
	COL_GROWTH_LIVE_HOUR,
	COL_GROWTH_BYTES_HOUR,
	COL_TURNOVER_ALLOCS,
	COL_TURNOVER_FREES,
	COL_TURNOVER_RATIO,
	COL_TURNOVER_PER_ALLOC,
	COL_PINNED_BLOCKS,
	COL_PINNED_BYTES,
	COL_PINNED_OF_BLOCKS,
	COL_PINNED_OF_BYTES,
	COL_GROUP,
	COL_TREND,
	COL_SOURCE,
	N_COLS
};

static const struct column columns[N_COLS] = {
	[COL_TAG] = {.key = "tag", .heading = "Tag", .is_left = true, .paint = PAINT_KEY, .label = "tag"},
	[COL_TAG_HEX] = {.key = "tag_hex"},
	[COL_POOL] =
		{.key = "pool", .heading = "Pool", .is_left = true, .drop = 1, .label = "pool", .label_of_rest = true},
	[COL_BLOCK] = {.key = "block_bytes", .heading = "Block", .is_bytes = true, .label = "block_bytes"},
	[COL_PROCESS] = {.key = "process.eprocess"},
	[COL_PROCESS_PID] = {.key = "process.pid", .heading = "Pid", .label = "pid"},
	[COL_PROCESS_NAME] = {.key = "process.name",
			      .heading = "Process",
			      .is_left = true,
			      .min_width = 8,
			      .paint = PAINT_KEY,
			      .label = "process"},
	[COL_CALLER] = {.heading = "Caller", .is_left = true, .min_width = 16, .paint = PAINT_KEY, .label = "caller"},
	CALLER_COLUMNS(COL_CALLER),
	[COL_CALLER_GRADE] = {.key = "grade", .label = "grade", .label_of_rest = true},
	[COL_FIRST_LIVE] = {.key = "first.live",
			    .metric = "first_allocations",
			    .metric_help = "Allocations that the first dump holds."},
	[COL_FIRST_BYTES] = {.key = "first.live_bytes",
			     .metric = "first_bytes",
			     .metric_help = "Bytes that the first dump holds."},
	[COL_FIRST_ALLOCS] = {.key = "first.allocs"},
	[COL_FIRST_FREES] = {.key = "first.frees"},
	[COL_LAST_LIVE] = {.key = "last.live",
			   .metric = "last_allocations",
			   .metric_help = "Allocations that the last dump holds.",
			   .heading = "Live",
			   .drop = 6},
	[COL_LAST_BYTES] = {.key = "last.live_bytes",
			    .metric = "last_bytes",
			    .metric_help = "Bytes that the last dump holds.",
			    .heading = "Bytes",
			    .is_bytes = true},
	[COL_LAST_ALLOCS] = {.key = "last.allocs"},
	[COL_LAST_FREES] = {.key = "last.frees"},
	[COL_POINTS] = {.key = "points"},
	[COL_GROWTH_LIVE] = {.key = "growth.live",
			     .metric = "growth_allocations",
			     .metric_help = "Allocations that the last dump holds more than the first.",
			     .heading = "Growth",
			     .paint = PAINT_GROWTH},
	[COL_GROWTH_BYTES] = {.key = "growth.live_bytes",
			      .metric = "growth_bytes",
			      .metric_help = "Bytes that the last dump holds more than the first.",
			      .heading = "Growth bytes",
			      .is_bytes = true,
			      .paint = PAINT_GROWTH},
	[COL_GROWTH_LIVE_HOUR] = {.key = "growth.live_per_hour",
				  .metric = "growth_allocations_per_hour",
				  .metric_help = "Growth of allocations per hour of uptime between the dumps."},
	[COL_GROWTH_BYTES_HOUR] = {.key = "growth.live_bytes_per_hour",
				   .metric = "growth_bytes_per_hour",
				   .metric_help = "Growth of bytes per hour of uptime between the dumps.",
				   .heading = "Bytes/hour",
				   .drop = 4,
				   .is_bytes = true},
	[COL_TURNOVER_ALLOCS] = {.key = "turnover.allocs",
				 .metric = "turnover_allocations",
				 .metric_help = "Allocations between the dumps.",
				 .heading = "New allocs",
				 .drop = 7},
	[COL_TURNOVER_FREES] = {.key = "turnover.frees",
				.metric = "turnover_frees",
				.metric_help = "Frees between the dumps.",
				.heading = "New frees",
				.drop = 8},
	[COL_TURNOVER_RATIO] = {.key = "turnover.freed_ratio",
				.metric = "turnover_freed_ratio",
				.metric_help = "Frees per allocation between the dumps.",
				.is_share = true,
				.heading = "Freed",
				.drop = 2},
	[COL_TURNOVER_PER_ALLOC] = {.key = "turnover.growth_bytes_per_alloc",
				    .metric = "growth_bytes_per_allocation",
				    .metric_help = "Growth of bytes per allocation between the dumps.",
				    .is_share = true},
	[COL_PINNED_BLOCKS] = {.key = "pinned.blocks",
			       .metric = "pinned_allocations",
			       .metric_help = "Allocations of the first dump that all dumps hold unchanged."},
	[COL_PINNED_BYTES] = {.key = "pinned.bytes",
			      .metric = "pinned_bytes",
			      .metric_help = "Bytes of allocations of the first dump that all dumps hold unchanged."},
	[COL_PINNED_OF_BLOCKS] = {.key = "pinned.of_blocks",
				  .metric = "compared_allocations",
				  .metric_help = "Allocations of the first dump that were looked for in the others."},
	[COL_PINNED_OF_BYTES] = {.key = "pinned.of_bytes",
				 .metric = "compared_bytes",
				 .metric_help =
					 "Bytes of allocations of the first dump that were looked for in the others."},
	[COL_GROUP] = {.key = "group", .heading = "Group", .drop = 3},
	[COL_TREND] = {.key = "trend", .heading = "Trend", .is_left = true, .drop = 5},
	[COL_SOURCE] = {.key = "source", .heading = "Source", .is_left = true, .drop = 9},
};

struct diff_options {
	struct common_options common;
	struct psc_diff_options run;
	enum psc_diff_sort sort;
	struct budgets budgets;
	long max_rows; /* -1 = default */
	bool only_changed;
	struct psc_diff *result;
};

static int diff_option(void *arg, int opt)
{
	struct diff_options *o = (struct diff_options *)arg;
	struct psc_error err;
	switch (opt) {
	case 's':
		if (!psc_diff_sort_parse(optarg, &o->sort))
			return usage_error("diff", "--sort is growth, count, bytes or tag, not '%s'", optarg);
		return -1;
	case 'n':
		return parse_rows("diff", optarg, &o->max_rows);
	case 't':
		if (psc_tag_pattern_check(optarg, &err) != PSC_OK)
			return usage_error("diff", "%s", err.text);
		o->run.tag = optarg;
		return -1;
	case OPT_POOL:
		return parse_pools("diff", optarg, &o->run.pools);
	case OPT_BY:
		if (strcmp(optarg, "tag") == 0)
			o->run.by = PSC_DIFF_BY_TAG;
		else if (strcmp(optarg, "tag,size") == 0)
			o->run.by = PSC_DIFF_BY_TAG_SIZE;
		else if (strcmp(optarg, "process") == 0)
			o->run.by = PSC_DIFF_BY_PROCESS;
		else if (strcmp(optarg, "caller") == 0)
			o->run.by = PSC_DIFF_BY_CALLER;
		else if (strcmp(optarg, "tag,caller") == 0)
			o->run.by = PSC_DIFF_BY_TAG_CALLER;
		else
			return usage_error("diff",
					   "--by is 'tag', 'tag,size', 'process', 'caller' or 'tag,caller', not '%s'",
					   optarg);
		return -1;
	case OPT_CHANGED:
		o->only_changed = true;
		return -1;
	case OPT_PINNED:
		o->run.flags |= PSC_DIFF_PINNED;
		return -1;
	case OPT_NO_WALK:
		o->run.flags |= PSC_DIFF_NO_WALK;
		return -1;
	case OPT_BUDGET:
		return budget_add(&o->budgets, "diff", optarg);
	default:
		return OPTION_UNKNOWN;
	}
}

/* ---- rows ---- */

static bool by_callers(const struct diff_options *o)
{
	return o->run.by == PSC_DIFF_BY_CALLER || o->run.by == PSC_DIFF_BY_TAG_CALLER;
}

static bool has_tags(const struct diff_options *o)
{
	return o->run.by != PSC_DIFF_BY_PROCESS && o->run.by != PSC_DIFF_BY_CALLER;
}

static void leave_out(struct column *cols, int first, int last)
{
	for (int c = first; c <= last; c++)
		cols[c] = (struct column){.key = NULL};
}

static void choose_columns(const struct diff_options *o, struct column cols[N_COLS])
{
	memcpy(cols, columns, sizeof(columns));
	if (!has_tags(o))
		leave_out(cols, COL_TAG, COL_POOL);
	if (o->run.by != PSC_DIFF_BY_TAG_SIZE)
		leave_out(cols, COL_BLOCK, COL_BLOCK);
	if (o->run.by != PSC_DIFF_BY_PROCESS)
		leave_out(cols, COL_PROCESS, COL_PROCESS_NAME);
	if (!by_callers(o))
		leave_out(cols, COL_CALLER, COL_CALLER_GRADE);
	if (o->run.by != PSC_DIFF_BY_TAG)
		for (int c = COL_TURNOVER_ALLOCS; c <= COL_TURNOVER_PER_ALLOC; c++)
			cols[c].heading = NULL;
	if (o->run.by == PSC_DIFF_BY_PROCESS)
		cols[COL_GROUP].heading = NULL;
	if ((o->run.flags & PSC_DIFF_PINNED) != 0) {
		cols[COL_PINNED_BLOCKS].heading = "Pinned";
		cols[COL_PINNED_OF_BLOCKS].heading = "Of";
	}
}

static void fill_point(const struct psc_diff_point *p, struct cell *cells)
{
	if (p->known) {
		cells[0] = cell_i64(p->live);
		cells[1] = cell_i64(p->live_bytes);
	}
	if (p->has_counters) {
		cells[2] = cell_u64(p->allocs);
		cells[3] = cell_u64(p->frees);
	}
}

struct row_texts {
	char tag[17], hex[9];
	struct caller_texts caller;
	char points[DUMPS_MAX * 144];
};

static const char *figure(bool known, int64_t v, char buf[24])
{
	if (!known)
		return "null";
	snprintf(buf, 24, "%" PRId64, v);
	return buf;
}

static const char *counter(bool known, uint64_t v, char buf[24])
{
	if (!known)
		return "null";
	snprintf(buf, 24, "%" PRIu64, v);
	return buf;
}

/* Of every dump, in their order: an array of what "first" and "last" are. */
static const char *points_json(const struct psc_diff_point *p, size_t n_dumps, char *buf, size_t cap)
{
	size_t at = 0;
	for (size_t i = 0; i < n_dumps; i++) {
		char live[24], bytes[24], allocs[24], frees[24];
		int n = snprintf(buf + at, cap - at, "%s{\"live\":%s,\"live_bytes\":%s,\"allocs\":%s,\"frees\":%s}",
				 i != 0 ? "," : "[", figure(p[i].known, p[i].live, live),
				 figure(p[i].known, p[i].live_bytes, bytes),
				 counter(p[i].has_counters, p[i].allocs, allocs),
				 counter(p[i].has_counters, p[i].frees, frees));
		at += n > 0 ? (size_t)n : 0;
	}
	snprintf(buf + at, cap - at, "]");
	return buf;
}

static void fill_cells(const struct psc_diff_row *r, const struct diff_options *o, const struct run *run,
		       struct row_texts *t, struct cell cells[N_COLS])
{
	const size_t n_dumps = run->n_dumps;
	for (int i = 0; i < N_COLS; i++)
		cells[i] = cell_null();
	if (o->run.by == PSC_DIFF_BY_PROCESS) {
		cells[COL_PROCESS] = cell_address(r->process.eprocess, run->is_32bit);
		if (r->process.is_listed) {
			cells[COL_PROCESS_PID] = cell_u64(r->process.pid);
			cells[COL_PROCESS_NAME] = cell_text(r->process.name);
		} else if (o->common.format == FORMAT_OPENMETRICS) {
			cells[COL_PROCESS_NAME] = cell_text("(not listed)");
		}
	} else if (has_tags(o)) {
		snprintf(t->hex, sizeof(t->hex), "%02x%02x%02x%02x", r->tag[0], r->tag[1], r->tag[2], r->tag[3]);
		cells[COL_TAG] = cell_text(psc_tag_format(r->tag, t->tag));
		cells[COL_TAG_HEX] = cell_text(t->hex);
		cells[COL_POOL] = cell_text(psc_pool_name(r->pool));
	}
	if (r->has_caller) {
		fill_caller_cells(&r->caller, run->is_32bit, &t->caller, &cells[COL_CALLER]);
		cells[COL_CALLER_GRADE] = cell_text(r->caller_is_inferred ? "inferred" : "exact");
	} else {
		cells[COL_CALLER] = cell_text(NOT_RECORDED); /* of table and metrics only */
	}
	points_json(r->points, n_dumps, t->points, sizeof(t->points));
	cells[COL_POINTS] = o->common.format == FORMAT_CSV ? cell_text(t->points) : cell_both("", t->points);
	if (r->block_bytes != 0)
		cells[COL_BLOCK] = cell_u64(r->block_bytes);
	fill_point(&r->points[0], &cells[COL_FIRST_LIVE]);
	fill_point(&r->points[n_dumps - 1], &cells[COL_LAST_LIVE]);
	if (r->has_growth) {
		cells[COL_GROWTH_LIVE] = cell_growth(r->growth);
		cells[COL_GROWTH_BYTES] = cell_growth(r->growth_bytes);
	}
	if (r->has_rate) {
		cells[COL_GROWTH_LIVE_HOUR] = cell_real(r->growth_per_hour);
		cells[COL_GROWTH_BYTES_HOUR] = cell_real(r->growth_bytes_per_hour);
	}
	if (r->has_turnover) {
		cells[COL_TURNOVER_ALLOCS] = cell_u64(r->new_allocs);
		cells[COL_TURNOVER_FREES] = cell_u64(r->new_frees);
		if (r->new_allocs != 0) {
			cells[COL_TURNOVER_RATIO] = cell_ratio((double)r->new_frees / (double)r->new_allocs);
			if (r->has_growth)
				cells[COL_TURNOVER_PER_ALLOC] =
					cell_real((double)r->growth_bytes / (double)r->new_allocs);
		}
	}
	if (r->has_pinned) {
		cells[COL_PINNED_BLOCKS] = cell_u64(r->pinned);
		cells[COL_PINNED_BYTES] = cell_u64(r->pinned_bytes);
		cells[COL_PINNED_OF_BLOCKS] = cell_u64(r->compared);
		cells[COL_PINNED_OF_BYTES] = cell_u64(r->compared_bytes);
	}
	if (r->group != 0)
		cells[COL_GROUP] = cell_u64(r->group);
	cells[COL_TREND] = cell_text(psc_diff_trend_name(r->trend));
	cells[COL_SOURCE] = cell_text(r->source);
}

static bool is_wanted(const struct diff_options *o, const struct psc_diff_row *r)
{
	if (o->budgets.n != 0 && !budget_is_over(&o->budgets, r->tag))
		return false;
	return !o->only_changed || r->trend != PSC_TREND_LEVEL || r->new_allocs != 0;
}

static cJSON *json_relation(const struct psc_diff_relation *r)
{
	cJSON *o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "boot", psc_diff_boot_name(r->boot));
	cJSON_AddBoolToObject(o, "same_kernel", r->same_kernel);
	if (r->has_hours)
		json_add_real(o, "uptime_hours", r->hours);
	else
		cJSON_AddNullToObject(o, "uptime_hours");
	return o;
}

static cJSON *json_compared(const struct psc_dump *dump)
{
	char id[17];
	cJSON *o = json_dump(dump);
	cJSON_AddStringToObject(o, "dump_id", dump_id(dump, id));
	json_add_u64_or_null(o, "build", psc_dump_kernel(dump)->build != 0, psc_dump_kernel(dump)->build);
	return o;
}

static void print_end_lines(const struct run *run, const struct psc_diff *diff)
{
	struct psc_dump *const *dumps = run->dumps;
	size_t n_dumps = run->n_dumps;
	FILE *f = run->f;
	const struct psc_diff_relation *r = psc_diff_get_relation(diff);
	char time[24];
	footer_printf(f, "\n");
	for (size_t i = 0; i < n_dumps; i++) {
		const struct psc_dump_info *d = psc_dump_get_info(dumps[i]);
		footer_printf(f, "Dump %zu: %s, %s, build %" PRIu32, i + 1, d->path,
			      d->has_time && format_filetime(d->system_time_filetime, time) != NULL ? time
												    : "time not known",
			      psc_dump_kernel(dumps[i])->build);
		if (d->has_uptime)
			footer_printf(f, ", up %.1f hours", (double)(d->uptime_100ns / 10000000u) / 3600.0);
		footer_printf(f, "\n");
	}
	footer_printf(f, "First and last: %s kernel, ", r->same_kernel ? "same" : "another");
	double hours = r->hours < 0.0 ? -r->hours : r->hours;
	const char *order = r->hours < 0.0 ? "; the last is the older one: growth runs backwards" : "";
	if (r->boot == PSC_BOOT_SAME && hours < 1.0)
		footer_printf(f, "same boot, %.0f seconds apart%s\n", hours * 3600.0, order);
	else if (r->boot == PSC_BOOT_SAME)
		footer_printf(f, "same boot, %.2f hours apart%s\n", hours, order);
	else
		footer_printf(f, "%s\n", r->boot == PSC_BOOT_OTHER ? "another boot" : "boot not known");
	run_print_coverage(run);
	footer_printf(
		f,
		"Growth is what the last dump holds more than the first. It is no leak by itself: caches grow too.\n");
}

static bool print_rows(struct run *run, const struct diff_options *o)
{
	static const char *const scopes[] = {"diff_tag", "diff_tag_size", "diff_process", "diff_caller",
					     "diff_tag_caller"};
	const struct report_spec spec = {SCHEMA, "growth", false, scopes[o->run.by]};
	const bool is_metrics = o->common.format == FORMAT_OPENMETRICS;
	struct report r;
	struct column cols[N_COLS];
	struct cell cells[N_COLS];
	struct row_texts texts;
	size_t n;
	const struct psc_diff *diff = o->result;
	const struct psc_diff_row *rows = psc_diff_rows(diff, &n);
	long printed = 0, more = 0;

	choose_columns(o, cols);
	report_init(&r, run, &spec, cols, N_COLS);
	for (size_t i = 0; i < n; i++) {
		if (!is_wanted(o, &rows[i]))
			continue;
		bool is_rest = o->max_rows > 0 && printed >= o->max_rows;
		more += is_rest;
		if (is_rest && !is_metrics)
			continue;
		fill_cells(&rows[i], o, run, &texts, cells);
		if (is_metrics && by_callers(o) && rows[i].caller.module == NULL)
			cells[COL_CALLER_MODULE] = cell_text(rows[i].has_caller ? NO_MODULE : NOT_RECORDED);
		if (is_rest) {
			report_rest(&r, cells);
			continue;
		}
		report_row(&r, cells);
		printed++;
	}
	cJSON *a = cJSON_CreateArray(), *coverage = run_coverage(run);
	for (size_t i = 0; i < run->n_dumps; i++)
		cJSON_AddItemToArray(a, json_compared(run->dumps[i]));
	report_list(&r, "dumps", "compared", a);
	report_member(&r, "relation", json_relation(psc_diff_get_relation(diff)));
	if (o->common.format == FORMAT_TABLE)
		print_end_lines(run, diff);
	else if (is_metrics)
		diff_print_metrics_end(run, diff, spec.scope);
	bool ok = report_end(&r, coverage, run_warnings(run));
	if (more > 0 && !o->common.quiet && !is_metrics)
		message("%ld more rows; -n 0 prints all", more);
	return ok;
}

/* "labflt!LabUse1+0x5"; a pool before it. */
static const char *folded_path(const struct psc_diff_row *r, const char *pool, bool is_32bit, char *buf, size_t cap)
{
	char text[PSC_LOCATION_TEXT_BYTES] = NOT_RECORDED;
	if (r->has_caller)
		location_text(&r->caller, is_32bit, text, sizeof(text));
	snprintf(buf, cap, "%s%s%s", pool, pool[0] != '\0' ? ";" : "", text);
	return buf;
}

static void print_folded(FILE *f, const struct diff_options *o, const struct psc_diff *diff, bool is_32bit)
{
	size_t n;
	const struct psc_diff_row *rows = psc_diff_rows(diff, &n);
	long printed = 0;
	char tag[17], path[PSC_LOCATION_TEXT_BYTES + 32];
	for (size_t i = 0; i < n; i++) {
		const struct psc_diff_row *r = &rows[i];
		if (!is_wanted(o, r) || !r->has_growth || r->growth_bytes <= 0)
			continue;
		if (o->max_rows > 0 && printed++ >= o->max_rows)
			break;
		if (o->run.by == PSC_DIFF_BY_PROCESS)
			fprintf(f, "%s (%" PRIu64 ") %" PRId64 "\n", r->process.name, r->process.pid, r->growth_bytes);
		else if (o->run.by == PSC_DIFF_BY_CALLER)
			fprintf(f, "%s %" PRId64 "\n", folded_path(r, "", is_32bit, path, sizeof(path)),
				r->growth_bytes);
		else
			print_folded_tag(f,
					 o->run.by == PSC_DIFF_BY_TAG_CALLER
						 ? folded_path(r, psc_pool_name(r->pool), is_32bit, path, sizeof(path))
						 : psc_pool_name(r->pool),
					 psc_tag_format(r->tag, tag), r->block_bytes, r->growth_bytes);
	}
}

static enum psc_status work(struct run *r, void *arg, struct psc_error *reterr)
{
	struct diff_options *o = (struct diff_options *)arg;
	size_t n;
	enum psc_status st = psc_diff_run(r->dumps, r->n_dumps, &o->run, &o->result, reterr);
	if (st != PSC_OK)
		return st;
	r->warnings = psc_diff_warnings(o->result, &r->n_warnings);
	r->coverage = psc_diff_coverage_ratio(o->result);
	const struct psc_diff_row *rows = psc_diff_rows(o->result, &n);
	for (size_t i = 0; i < n; i++)
		budget_count(&o->budgets, rows[i].tag, rows[i].has_growth, rows[i].growth_bytes);
	psc_diff_sort(o->result, o->sort);
	return PSC_OK;
}

static int print(struct run *r, void *arg)
{
	const struct diff_options *o = (const struct diff_options *)arg;
	int code = EXIT_COMPLETE;
	if (o->common.format == FORMAT_FOLDED)
		print_folded(r->f, o, o->result, r->is_32bit);
	else
		code = run_printed(print_rows(r, o));
	return code == EXIT_COMPLETE && budget_report(&o->budgets, "grown") ? EXIT_BUDGET : code;
}

static void free_result(void *arg)
{
	psc_diff_free(((struct diff_options *)arg)->result);
}

int cmd_diff(int argc, char **argv)
{
	static const struct option options[] = {
		{"sort", required_argument, NULL, 's'},          {"rows", required_argument, NULL, 'n'},
		{"tag", required_argument, NULL, 't'},           {"pool", required_argument, NULL, OPT_POOL},
		{"by", required_argument, NULL, OPT_BY},         {"changed", no_argument, NULL, OPT_CHANGED},
		{"pinned", no_argument, NULL, OPT_PINNED},       {"no-walk", no_argument, NULL, OPT_NO_WALK},
		{"budget", required_argument, NULL, OPT_BUDGET}, COMMON_LONG_OPTIONS};
	static const struct command_spec spec = {"diff", help, "s:n:t:", options, ~0u, "", diff_option};
	static const struct run_steps steps = {work, print, free_result};
	static const struct psc_diff_options run_init = PSC_DIFF_OPTIONS_INIT;
	struct diff_options o = {.run = run_init, .sort = PSC_DIFF_SORT_GROWTH, .max_rows = -1};
	int code = parse_options(&spec, &o.common, &o, argc, argv);
	if (code >= 0)
		return code;
	static const char *const keys[] = {"tag with --pinned", "tag,size", "process", "caller", "tag,caller"};
	const bool is_pinned = (o.run.flags & PSC_DIFF_PINNED) != 0;
	if ((o.run.flags & PSC_DIFF_NO_WALK) != 0 && (o.run.by != PSC_DIFF_BY_TAG || is_pinned))
		return usage_error("diff", "--by %s comes from the walk and cannot be had with --no-walk",
				   keys[o.run.by]);
	if (o.run.by == PSC_DIFF_BY_PROCESS && o.run.tag != NULL)
		return usage_error("diff", "--by process has no tags: not together with --tag");
	if (!has_tags(&o) && o.budgets.n != 0)
		return usage_error("diff", "--by %s has no tags: not together with --budget", keys[o.run.by]);
	if (is_pinned && o.run.by != PSC_DIFF_BY_TAG && o.run.by != PSC_DIFF_BY_TAG_SIZE)
		return usage_error("diff", "--pinned counts blocks of tags: with --by tag or tag,size, not %s",
				   keys[o.run.by]);
	int n_dumps = argc - optind;
	if (n_dumps < 2)
		return usage_error("diff", "which dumps? Give the paths of two or more, oldest first");
	if (n_dumps > DUMPS_MAX)
		return usage_error("diff", "more than %d dumps", DUMPS_MAX);
	if (o.max_rows < 0 && o.common.format == FORMAT_OPENMETRICS)
		o.max_rows = METRICS_ROWS;
	o.max_rows = default_rows(&o.common, o.max_rows);
	o.run.n_threads = o.common.n_threads;
	o.run.progress = progress_callback(&o.common);
	return run_command(&o.common, argv + optind, (size_t)n_dumps, &steps, &o);
}
