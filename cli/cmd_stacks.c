/* SPDX-License-Identifier: MIT */
/* poolscope stacks: threads, and what they were doing in the kernel. */
#include "callers.h"
#include "cli.h"
#include "json.h"
#include "report.h"
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: poolscope stacks [OPTIONS] DUMP\n"
	"\n"
	"Prints each thread and its call stack in the kernel, innermost frame first. x64 and ARM64 stacks are unwound "
	"by\n"
	"the unwind data of the images, x86 stacks by saved frame pointers. Where these are not in the dump the stack "
	"is\n"
	"scanned for return addresses; such frames are marked '?', for they may be left over from an earlier call.\n"
	"\n"
	"Options:\n"
	"      --thread ADDR     only the thread with this _ETHREAD (hexadecimal)\n"
	"  -m, --module PATTERN  only threads with a frame in this module ('*', '?'; case does not count)\n"
	"      --no-scan         stop where unwinding ends\n"
	"  -n, --rows N          at most N threads; 0 = all (default: 20 on a terminal, else all)\n" COMMON_OPTIONS_HELP
	"\n"
	"Examples:\n"
	"  poolscope stacks --symbols 'srv*C:\\symbols' MEMORY.DMP\n"
	"  poolscope stacks --module http.sys MEMORY.DMP\n"
	"  poolscope stacks --thread ffffe000`01234080 --format json MEMORY.DMP\n"
	"  poolscope stacks --no-scan --format folded MEMORY.DMP | flamegraph.pl --countname threads > stacks.svg\n"
	"  poolscope stacks 112626-1234-01.dmp\n";

#define SCHEMA "poolscope.stacks/1"

enum { OPT_THREAD = OPT_COMMAND, OPT_NO_SCAN };

enum {
	COL_THREAD,
	COL_PID,
	COL_PROCESS,
	COL_PROCESS_NAME,
	COL_TID,
	COL_STATE,
	COL_PROCESSOR,
	COL_IDLE,
	COL_CRASH,
	COL_LIMIT,
	COL_BASE,
	COL_RESIDENT,
	COL_START,
	COL_N_FRAMES,
	COL_END,
	COL_FRAMES,
	N_COLS
};

static const struct column columns[N_COLS] = {
	[COL_THREAD] = {.key = "thread", .heading = "Thread", .is_left = true, .width = 18, .paint = PAINT_KEY},
	[COL_PID] = {.key = "process.pid", .heading = "Pid", .width = 6},
	[COL_TID] = {.key = "tid", .heading = "Tid", .width = 6, .drop = 2},
	[COL_PROCESS] = {.key = "process.eprocess"},
	[COL_PROCESS_NAME] = {.key = "process.name", .heading = "Process", .is_left = true, .width = 15},
	[COL_STATE] = {.key = "state", .heading = "State", .is_left = true, .width = 10},
	[COL_PROCESSOR] = {.key = "processor", .heading = "CPU", .width = 3, .drop = 3},
	[COL_IDLE] = {.key = "idle"},
	[COL_CRASH] = {.key = "crash"},
	[COL_LIMIT] = {.key = "stack.limit"},
	[COL_BASE] = {.key = "stack.base"},
	[COL_RESIDENT] = {.key = "stack.resident"},
	[COL_START] = {.key = "start"},
	[COL_N_FRAMES] = {.key = "frames_count", .heading = "Frames", .width = 6, .drop = 1},
	[COL_END] = {.key = "end", .heading = "End", .is_left = true, .width = 9},
	[COL_FRAMES] = {.key = "frames"},
};

struct stacks_options {
	struct common_options common;
	struct psc_stacks_options run;
	long max_rows; /* -1 = default */
};

static int stacks_option(void *arg, int opt)
{
	struct stacks_options *o = (struct stacks_options *)arg;
	switch (opt) {
	case OPT_THREAD:
		if (!parse_address(optarg, strlen(optarg), &o->run.thread) || o->run.thread == 0)
			return usage_error("stacks", "--thread takes an address in hexadecimal, not '%s'", optarg);
		return OPTION_DONE;
	case 'm':
		o->run.module = optarg;
		return OPTION_DONE;
	case OPT_NO_SCAN:
		o->run.flags |= PSC_STACKS_NO_SCAN;
		return OPTION_DONE;
	case 'n':
		return parse_rows("stacks", optarg, &o->max_rows);
	default:
		return OPTION_UNKNOWN;
	}
}

struct lister {
	const struct stacks_options *o;
	struct report report;
	struct column cols[N_COLS];
	bool is_32bit, write_failed, no_memory;
	uint64_t n_matches;
};

/* A thread's start or a frame's address in JSON. */
static cJSON *json_location(const struct psc_code_location *c, bool is_32bit)
{
	cJSON *o = cJSON_CreateObject();
	char text[24];
	json_add_address(o, "address", c->address, is_32bit);
	json_add_text_or_null(o, "module", c->module);
	snprintf(text, sizeof(text), "0x%" PRIx64, c->offset);
	json_add_text_or_null(o, "offset", c->module != NULL ? text : NULL);
	json_add_text_or_null(o, "symbol", c->symbol);
	json_add_u64_or_null(o, "symbol_offset", c->symbol != NULL, c->symbol_offset);
	if (c->module != NULL)
		cJSON_AddBoolToObject(o, "unloaded", c->is_unloaded);
	else
		cJSON_AddNullToObject(o, "unloaded");
	return o;
}

static cJSON *json_frame(const struct psc_stacks_frame *f, bool is_32bit)
{
	cJSON *o = json_location(&f->code, is_32bit);
	cJSON_AddItemToObject(o, "stack_address",
			      f->stack_va != 0 ? json_address(f->stack_va, is_32bit) : cJSON_CreateNull());
	cJSON_AddStringToObject(o, "how", psc_frame_how_name(f->how));
	cJSON_AddBoolToObject(o, "uncertain", f->is_uncertain);
	cJSON_AddItemToObject(o, "after_call",
			      f->after_call < 0 ? cJSON_CreateNull() : cJSON_CreateBool(f->after_call));
	return o;
}

/* The frames as JSON, or for people "nt!KiSwapContext+0x76;nt!..."; NULL when out of memory. To be freed by free(). */
static char *frames_json(const struct lister *l, const struct psc_stacks_row *t)
{
	cJSON *list = cJSON_CreateArray();
	for (size_t i = 0; i < t->n_frames; i++)
		cJSON_AddItemToArray(list, json_frame(&t->frames[i], l->is_32bit));
	char *printed = cJSON_PrintUnformatted(list), *copy = NULL;
	if (printed != NULL && (copy = (char *)malloc(strlen(printed) + 1)) != NULL)
		strcpy(copy, printed);
	cJSON_free(printed);
	cJSON_Delete(list);
	return copy;
}

static char *frames_text(const struct lister *l, const struct psc_stacks_row *t)
{
	size_t cap = t->n_frames * (PSC_LOCATION_TEXT_BYTES + 1) + 1, at = 0;
	char *text = (char *)malloc(cap);
	if (text == NULL)
		return NULL;
	text[0] = '\0';
	for (size_t i = 0; i < t->n_frames; i++) {
		if (i != 0)
			text[at++] = ';';
		location_text(&t->frames[i].code, l->is_32bit, text + at, PSC_LOCATION_TEXT_BYTES);
		at += strlen(text + at);
	}
	return text;
}

static void fill_cells(const struct lister *l, const struct psc_stacks_row *t, const char *frames, const char *start,
		       struct cell cells[N_COLS])
{
	for (int i = 0; i < N_COLS; i++)
		cells[i] = cell_null();
	cells[COL_THREAD] = cell_address(t->ethread, l->is_32bit);
	if (t->has_pid)
		cells[COL_PID] = cell_u64(t->pid);
	if (t->has_tid)
		cells[COL_TID] = cell_u64(t->tid);
	if (t->eprocess != 0)
		cells[COL_PROCESS] = cell_address(t->eprocess, l->is_32bit);
	cells[COL_PROCESS_NAME] = cell_text(t->process_name);
	if (t->state != PSC_THREAD_STATE_MAX)
		cells[COL_STATE] = cell_text(psc_thread_state_name(t->state));
	if (t->has_processor)
		cells[COL_PROCESSOR] = cell_u64(t->processor);
	cells[COL_IDLE] = cell_bool(t->is_idle);
	cells[COL_CRASH] = cell_bool(t->is_crash);
	if (t->stack_base != 0) {
		cells[COL_LIMIT] = cell_address(t->stack_limit, l->is_32bit);
		cells[COL_BASE] = cell_address(t->stack_base, l->is_32bit);
	}
	if (t->is_resident >= 0)
		cells[COL_RESIDENT] = cell_bool(t->is_resident != 0);
	cells[COL_START] = cell_text(start);
	cells[COL_N_FRAMES] = cell_u64(t->n_frames);
	cells[COL_END] = cell_text(psc_stack_stop_name(t->stop));
	cells[COL_FRAMES] = l->report.format == FORMAT_CSV ? cell_text(frames) : cell_both("", frames);
}

static void print_frames(const struct lister *l, const struct psc_stacks_row *t)
{
	char text[PSC_LOCATION_TEXT_BYTES];
	const int width = l->is_32bit ? 8 : 16;
	for (size_t i = 0; i < t->n_frames; i++) {
		const struct psc_stacks_frame *f = &t->frames[i];
		fprintf(l->report.f, "  %c %-7s ", f->is_uncertain ? '?' : ' ', psc_frame_how_name(f->how));
		if (f->stack_va != 0)
			fprintf(l->report.f, "%0*" PRIx64, width, f->stack_va);
		else
			fprintf(l->report.f, "%*s", width, "");
		fprintf(l->report.f, "  %s\n", location_text(&f->code, l->is_32bit, text, sizeof(text)));
	}
}

/* process;outermost;...;innermost 1: who adds up counts threads. Functions, not places in them, where they are known.
 */
static void print_folded(const struct lister *l, const struct psc_stacks_row *t)
{
	FILE *f = l->report.f;
	char text[PSC_LOCATION_TEXT_BYTES];
	if (t->n_frames == 0)
		return;
	print_folded_frame(f, t->process_name != NULL ? t->process_name : "unknown");
	for (size_t i = t->n_frames; i-- > 0;) {
		struct psc_code_location code = t->frames[i].code;
		code.symbol_offset = 0;
		fputc(';', f);
		print_folded_frame(f, location_text(&code, l->is_32bit, text, sizeof(text)));
		if (t->frames[i].is_uncertain)
			fputs(" ?", f);
	}
	fputs(" 1\n", f);
}

static bool on_thread(void *arg, const struct psc_stacks_row *t)
{
	struct lister *l = (struct lister *)arg;
	struct cell cells[N_COLS];
	char start[PSC_LOCATION_TEXT_BYTES], *frames = NULL;
	if (l->o->max_rows != 0 && l->n_matches++ >= (uint64_t)l->o->max_rows)
		return true;
	progress_clear();
	if (l->report.format == FORMAT_FOLDED) {
		print_folded(l, t);
		l->write_failed = ferror(l->report.f) != 0;
		return !l->write_failed;
	}
	if (l->report.format == FORMAT_CSV)
		frames = frames_text(l, t);
	else if (l->report.format != FORMAT_TABLE)
		frames = frames_json(l, t);
	if (frames == NULL && l->report.format != FORMAT_TABLE) {
		l->no_memory = true;
		return false;
	}
	fill_cells(l, t, frames != NULL ? frames : "",
		   t->start.address != 0 ? location_text(&t->start, l->is_32bit, start, sizeof(start)) : NULL, cells);
	report_row(&l->report, cells);
	if (l->report.format == FORMAT_TABLE)
		print_frames(l, t);
	free(frames);
	l->write_failed = ferror(l->report.f) != 0;
	return !l->write_failed;
}

static void print_counts(FILE *f, const char *before, const uint64_t *counts, int n, const char *(*name)(int i))
{
	char text[32];
	for (int i = 0; i < n; i++) {
		if (counts[i] == 0)
			continue;
		fprintf(f, "%s %s %s", before, name(i), group_digits(counts[i], false, text));
		before = "";
	}
}

static const char *stop_name(int i)
{
	return psc_stack_stop_name((enum psc_stack_stop)i);
}

static const char *how_name(int i)
{
	return psc_frame_how_name((enum psc_frame_how)i);
}

static void print_end_lines(FILE *f, const struct psc_stacks_info *i)
{
	char a[32];
	fprintf(f, "\n%s threads", group_digits(i->threads, false, a));
	if (i->lists_available)
		fprintf(f, " of %s processes", group_digits(i->processes + i->broken_lists, false, a));
	print_counts(f, "; stacks end:", i->stops, PSC_STACK_STOP_MAX, stop_name);
	print_counts(f, "; frames:", i->frames, PSC_FRAME_HOW_MAX, how_name);
	fputc('\n', f);
}

static cJSON *json_coverage(const struct run *run, const struct psc_stacks_info *i)
{
	cJSON *coverage = run_coverage(run), *o;
	json_add_u64(coverage, "threads_count", i->threads);
	json_add_u64(coverage, "processes_count", i->processes);
	json_add_u64(coverage, "broken_lists_count", i->broken_lists);
	cJSON_AddBoolToObject(coverage, "lists_available", i->lists_available);
	cJSON_AddBoolToObject(coverage, "processes_available", i->processes_available);
	json_add_text_or_null(coverage, "why_not", i->why_not);
	json_add_u64(coverage, "stacks_count", i->unwound);
	o = cJSON_AddObjectToObject(coverage, "ends_count");
	for (int s = 0; s < PSC_STACK_STOP_MAX; s++)
		json_add_u64(o, stop_name(s), i->stops[s]);
	o = cJSON_AddObjectToObject(coverage, "frames_count");
	for (int h = 0; h < PSC_FRAME_HOW_MAX; h++)
		json_add_u64(o, how_name(h), i->frames[h]);
	json_add_u64(coverage, "modules_without_unwind_count", i->modules_without_unwind);
	return coverage;
}

static bool finish(struct lister *l, const struct run *run, const struct psc_stacks_info *i)
{
	const bool has_rows = l->report.n_rows != 0;
	bool ok = report_end(&l->report, json_coverage(run, i), run_warnings(run));
	if (l->report.format == FORMAT_TABLE)
		print_end_lines(l->report.f, i);
	if (!has_rows && l->o->run.thread != 0 && !l->o->common.quiet)
		message("no thread has its _ETHREAD at that address");
	if (l->o->max_rows != 0 && l->n_matches > (uint64_t)l->o->max_rows && !l->o->common.quiet)
		message("%" PRIu64 " more threads; -n 0 prints all", l->n_matches - (uint64_t)l->o->max_rows);
	return ok;
}

static int print(struct run *r, void *arg)
{
	static const struct report_spec spec = {SCHEMA, "thread", true};
	const struct stacks_options *o = (const struct stacks_options *)arg;
	struct lister l = {.o = o, .is_32bit = r->is_32bit};
	struct psc_stacks *stacks = NULL;
	struct psc_error err;
	size_t n;

	memcpy(l.cols, columns, sizeof(columns));
	if (l.is_32bit)
		l.cols[COL_THREAD].width = 10;
	report_init(&l.report, r, &spec, l.cols, N_COLS);
	enum psc_status st = psc_stacks_run(r->dump, &o->run, on_thread, &l, &stacks, &err);
	if (l.write_failed)
		return EXIT_COMPLETE; /* whoever closes the output says so */
	if (l.no_memory)
		return run_printed(false);
	int code = run_status(r, st, &err);
	if (code == EXIT_COMPLETE) {
		const char *const *w = psc_stacks_warnings(stacks, &n);
		run_warn(r, w, n);
		r->coverage = psc_stacks_get_info(stacks)->ratio;
		r->interrupted = psc_stacks_is_interrupted(stacks);
		code = run_printed(finish(&l, r, psc_stacks_get_info(stacks)));
	}
	psc_stacks_free(stacks);
	return code;
}

int cmd_stacks(int argc, char **argv)
{
	static const struct option options[] = {{"thread", required_argument, NULL, OPT_THREAD},
						{"module", required_argument, NULL, 'm'},
						{"no-scan", no_argument, NULL, OPT_NO_SCAN},
						{"rows", required_argument, NULL, 'n'},
						COMMON_LONG_OPTIONS};
	static const struct command_spec spec = {
		"stacks",
		help,
		"m:n:",
		options,
		FORMATS_ROWS | FORMAT_BIT(FORMAT_FOLDED),
		"'poolscope tags' has it",
		stacks_option,
	};
	static const struct run_steps steps = {.print = print};
	static const struct psc_stacks_options run_init = PSC_STACKS_OPTIONS_INIT;
	struct stacks_options o = {.run = run_init, .max_rows = -1};
	int code = parse_options(&spec, &o.common, &o, argc, argv);
	if (code >= 0)
		return code;
	if (dump_argument(argc, argv, optind, "stacks") == NULL)
		return EXIT_USAGE;
	o.max_rows = default_rows(&o.common, o.max_rows);
	o.run.progress = progress_callback(&o.common);
	return run_command(&o.common, argv + optind, 1, &steps, &o);
}
