/* SPDX-License-Identifier: MIT */
/* poolscope owner: who holds the blocks of one tag, by all evidence of the dump. */
#include "callers.h"
#include "json.h"
#include "owner_text.h"
#include "report.h"
#include "run.h"
#include <inttypes.h>
#include <string.h>

static const char help[] =
	"Usage: poolscope owner [OPTIONS] TAG DUMP\n"
	"\n"
	"Says who holds the live blocks of a pool tag, as far as this dump tells: callers that Driver Verifier "
	"recorded,\n"
	"call sites of all drivers that fit the blocks by tag, pool and size, and what is circumstantial. Each line "
	"has\n"
	"its grade (exact, inferred, circumstantial) and its reason; where that is no proof it says so, and what to "
	"do\n"
	"on the next run.\n"
	"\n"
	"TAG: four characters, case counts; or 0x and its value (0x31323334 is the tag 4321).\n"
	"\n"
	"Options:\n"
	"      --no-sites        do not disassemble drivers\n"
	"      --tag-file FILE   print what a file like pooltag.txt says of the tag; it is no evidence\n"
	"  -n, --rows N          at most N lines of evidence; 0 = all (default: 20 on a terminal, else "
	"all)\n" COMMON_OPTIONS_HELP "\n"
	"Examples:\n"
	"  poolscope owner NtFC MEMORY.DMP\n"
	"  poolscope owner --symbols 'srv*C:\\symbols' 'Abc ' MEMORY.DMP\n"
	"  poolscope owner --format json 0x31323334 MEMORY.DMP\n";

enum { OPT_NO_SITES = OPT_COMMAND, OPT_TAG_FILE };

enum {
	COL_RANK,
	COL_GRADE,
	COL_ROLE,
	COL_SOURCE,
	COL_CALLER,
	COL_ADDRESS,
	COL_MODULE,
	COL_OFFSET,
	COL_SYMBOL,
	COL_SYMBOL_OFFSET,
	COL_UNLOADED,
	COL_POOL,
	COL_BLOCKS,
	COL_ALONE,
	COL_BYTES,
	COL_API,
	COL_REQUEST,
	COL_EPROCESS,
	COL_PID,
	COL_PROCESS,
	COL_RELATED,
	COL_RELATED_HEX,
	COL_REASON,
	N_COLS
};

static const struct column columns[N_COLS] = {
	[COL_RANK] = {.key = "rank"},
	[COL_GRADE] = {.key = "grade", .heading = "Grade", .is_left = true, .paint = PAINT_KEY},
	[COL_ROLE] = {.key = "role"},
	[COL_SOURCE] = {.key = "source", .heading = "Source", .is_left = true, .drop = 2},
	[COL_CALLER] = {.heading = "Where", .is_left = true, .min_width = 20},
	CALLER_COLUMNS(COL_CALLER),
	[COL_POOL] = {.key = "pool", .heading = "Pool", .is_left = true, .drop = 3},
	[COL_BLOCKS] = {.key = "blocks_count", .heading = "Blocks"},
	[COL_ALONE] = {.key = "alone_count", .heading = "Alone", .drop = 1},
	[COL_BYTES] = {.key = "bytes", .heading = "Bytes", .is_bytes = true},
	[COL_API] = {.key = "api"},
	[COL_REQUEST] = {.key = "request_bytes"},
	[COL_EPROCESS] = {.key = "process.eprocess"},
	[COL_PID] = {.key = "process.pid"},
	[COL_PROCESS] = {.key = "process.name"},
	[COL_RELATED] = {.key = "related_tag"},
	[COL_RELATED_HEX] = {.key = "related_tag_hex"},
	[COL_REASON] = {.key = "reason", .heading = "Reason", .is_left = true, .min_width = 24},
};

struct owner_options {
	struct common_options common;
	struct psc_owner_options run;
	const char *tag_file;
	long max_rows; /* -1 = default */
	struct psc_owner *result;
	struct psc_tag_file *file;
	const char *description; /* in file; NULL none */
};

static int owner_option(void *arg, int opt)
{
	struct owner_options *o = (struct owner_options *)arg;
	switch (opt) {
	case OPT_NO_SITES:
		o->run.flags |= PSC_OWNER_NO_SITES;
		return OPTION_DONE;
	case OPT_TAG_FILE:
		o->tag_file = optarg;
		return OPTION_DONE;
	case 'n':
		return parse_rows("owner", optarg, &o->max_rows);
	default:
		return OPTION_UNKNOWN;
	}
}

/* Four characters, or 0x and a value whose low byte is the first character. */
static bool parse_tag(const char *text, uint8_t tag[4])
{
	size_t n = strlen(text);
	uint64_t v;
	if (n > 2 && text[0] == '0' && text[1] == 'x') {
		if (n > 10 || !parse_address(text + 2, n - 2, &v) || v > UINT32_MAX)
			return false;
		for (int i = 0; i < 4; i++)
			tag[i] = (uint8_t)(v >> (8 * i));
	} else if (n == 4) {
		memcpy(tag, text, 4);
	} else {
		return false;
	}
	tag[3] &= 0x7f;
	return true;
}

/* ---- rows ---- */

struct row_texts {
	struct caller_texts caller;
	char related[17], related_hex[9];
};

static void fill_cells(const struct psc_owner_evidence *e, size_t rank, bool is_32bit, struct row_texts *t,
		       struct cell cells[N_COLS])
{
	const uint8_t *g = e->related_tag;
	for (int i = 0; i < N_COLS; i++)
		cells[i] = cell_null();
	cells[COL_RANK] = cell_u64(rank);
	cells[COL_GRADE] = cell_text(psc_grade_name(e->grade));
	cells[COL_ROLE] = cell_text(psc_owner_role_name(e->role));
	cells[COL_SOURCE] = cell_text(psc_owner_source_name(e->source));
	fill_caller_cells(&e->caller, is_32bit, &t->caller, &cells[COL_CALLER]);
	if (cells[COL_CALLER].type == CELL_NULL && e->has_process)
		cells[COL_CALLER] = cell_text(e->process.name);
	cells[COL_POOL] = cell_text(e->has_pool ? psc_pool_name(e->pool) : NULL);
	if (e->has_blocks) {
		cells[COL_BLOCKS] = cell_u64(e->blocks);
		if (e->bytes != 0 || e->blocks == 0)
			cells[COL_BYTES] = cell_u64(e->bytes);
	}
	if (e->has_alone)
		cells[COL_ALONE] = cell_u64(e->alone);
	cells[COL_API] = cell_text(e->api);
	if (e->has_request)
		cells[COL_REQUEST] = cell_u64(e->request_bytes);
	if (e->has_process) {
		cells[COL_EPROCESS] = cell_address(e->process.eprocess, is_32bit);
		if (e->process.is_listed) {
			cells[COL_PID] = cell_u64(e->process.pid);
			cells[COL_PROCESS] = cell_text(e->process.name);
		}
	}
	if (e->has_related) {
		snprintf(t->related_hex, sizeof(t->related_hex), "%02x%02x%02x%02x", g[0], g[1], g[2], g[3]);
		cells[COL_RELATED] = cell_text(psc_tag_format(g, t->related));
		cells[COL_RELATED_HEX] = cell_text(t->related_hex);
	}
	cells[COL_REASON] = cell_text(e->reason);
}

static int print(struct run *run, void *arg)
{
	static const struct report_spec spec = {"poolscope.owner/1", "evidence", false};
	const struct owner_options *o = (const struct owner_options *)arg;
	struct report report;
	struct row_texts texts;
	struct cell cells[N_COLS];
	size_t n;
	const struct psc_owner_evidence *rows = psc_owner_rows(o->result, &n);
	size_t shown = o->max_rows > 0 && (size_t)o->max_rows < n ? (size_t)o->max_rows : n;

	if (o->common.format == FORMAT_TABLE)
		owner_print_head(run->f, o->result, o->description);
	report_init(&report, run, &spec, columns, N_COLS);
	for (size_t i = 0; i < shown; i++) {
		fill_cells(&rows[i], i + 1, run->is_32bit, &texts, cells);
		report_row(&report, cells);
	}
	report_member(&report, "subject", owner_json_subject(o->result, o->description));
	report_member(&report, "verdict", owner_json_verdict(o->result));
	report_member(&report, "suspects", owner_json_suspects(o->result));
	report_member(&report, "size_classes", owner_json_classes(o->result));
	report_member(&report, "next_step", owner_json_next(o->result));
	if (o->common.format == FORMAT_TABLE)
		owner_print_end(run->f, o->result);
	bool ok = report_end(&report, owner_json_coverage(run, o->result), run_warnings(run));
	if (shown < n && !o->common.quiet)
		message("%zu more lines of evidence; -n 0 prints all", n - shown);
	return run_printed(ok);
}

static enum psc_status work(struct run *r, void *arg, struct psc_error *reterr)
{
	struct owner_options *o = (struct owner_options *)arg;
	if (o->tag_file != NULL) {
		enum psc_status st = psc_tag_file_open(o->tag_file, &o->file, reterr);
		if (st != PSC_OK)
			return st;
		o->description = psc_tag_file_lookup(o->file, o->run.tag);
	}
	o->run.n_threads = o->common.n_threads;
	o->run.progress = progress_callback(&o->common);
	enum psc_status st = psc_owner_run(r->dump, &o->run, &o->result, reterr);
	if (st != PSC_OK)
		return st;
	r->warnings = psc_owner_warnings(o->result, &r->n_warnings);
	r->coverage = psc_owner_coverage_ratio(o->result);
	r->interrupted = psc_owner_is_interrupted(o->result);
	return PSC_OK;
}

static void free_result(void *arg)
{
	struct owner_options *o = (struct owner_options *)arg;
	psc_owner_free(o->result);
	psc_tag_file_close(o->file);
}

int cmd_owner(int argc, char **argv)
{
	static const struct option options[] = {{"no-sites", no_argument, NULL, OPT_NO_SITES},
						{"tag-file", required_argument, NULL, OPT_TAG_FILE},
						{"rows", required_argument, NULL, 'n'},
						COMMON_LONG_OPTIONS};
	static const struct command_spec spec = {
		"owner", help, "n:", options, FORMATS_ROWS, "'poolscope tags' has it", owner_option};
	static const struct psc_owner_options run_init = PSC_OWNER_OPTIONS_INIT;
	static const struct run_steps steps = {work, print, free_result};
	struct owner_options o = {.run = run_init, .max_rows = -1};
	int code = parse_options(&spec, &o.common, &o, argc, argv);
	if (code >= 0)
		return code;
	if (optind >= argc)
		return usage_error("owner", "which tag? Give its four characters, then the dump");
	if (!parse_tag(argv[optind], o.run.tag))
		return usage_error("owner",
				   "'%s' is no tag: four characters (trailing blanks count), or 0x and up to eight "
				   "digits",
				   argv[optind]);
	if (dump_argument(argc, argv, optind + 1, "owner") == NULL)
		return EXIT_USAGE;
	o.max_rows = default_rows(&o.common, o.max_rows);
	return run_command(&o.common, argv + optind + 1, 1, &steps, &o);
}
