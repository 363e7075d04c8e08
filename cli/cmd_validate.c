/* SPDX-License-Identifier: MIT */
/* poolscope validate: what contradicts itself in the pool. */
#include "callers.h"
#include "coverage.h"
#include "footer.h"
#include "json.h"
#include "page_blocks.h"
#include "report.h"
#include "run.h"
#include <inttypes.h>
#include <string.h>

static const char help[] =
	"Usage: poolscope validate [OPTIONS] [ADDRESS] DUMP\n"
	"\n"
	"Checks the pool: chains of block headers, sizes, types, charged processes, heaps of the segment heap with "
	"their\n"
	"bitmaps and encoded headers, free and lookaside lists, the table of big allocations with its hash and pages,\n"
	"the tables of tags with their hash and counters, the counters against what was found, Driver Verifier's\n"
	"records. Each defect comes with what stands there, what should, and the block before it, for an overrun "
	"comes\n"
	"from below. With ADDRESS only its page. Exit status 1 when there is any.\n"
	"\n"
	"Options:\n"
	"  -n, --rows N          at most N rows; 0 = all (default)\n"
	"      --tag-file FILE   owner names from a file in pooltag.txt format, for the blocks "
	"before\n" COMMON_OPTIONS_HELP "\n"
	"Examples:\n"
	"  poolscope validate MEMORY.DMP\n"
	"  poolscope validate fffffa8003f42010 MEMORY.DMP\n"
	"  poolscope validate --format openmetrics -o defects.prom MEMORY.DMP\n"
	"  poolscope validate --format json MEMORY.DMP | jq '.rows[] | [.va, .check, .suspect.tag]'\n";

#define SCHEMA "poolscope.validate/1"

enum { OPT_TAG_FILE = OPT_COMMAND };

/* The one definition of a row's columns, for every format. */
enum {
	COL_VA,
	COL_CHECK,
	COL_COUNT,
	COL_EXPECTED,
	COL_FOUND,
	COL_TAG,
	COL_TAG_HEX,
	COL_POOL,
	COL_CONTAINER,
	COL_SUSPECT_VA,
	COL_SUSPECT_BYTES,
	COL_SUSPECT_TAG,
	COL_SUSPECT_TAG_HEX,
	COL_SUSPECT_POOL,
	COL_SUSPECT_STATE,
	COL_SUSPECT_OWNER,
	COL_CALLER,
	COL_CALLER_ADDRESS,
	COL_CALLER_MODULE,
	COL_CALLER_OFFSET,
	COL_CALLER_SYMBOL,
	COL_CALLER_SYMBOL_OFFSET,
	COL_CALLER_UNLOADED,
	COL_CALLER_SOURCE,
	COL_CALLER_GRADE,
	N_COLS
};

static const struct column columns[N_COLS] = {
	[COL_VA] = {.key = "va", .heading = "Address", .is_left = true, .paint = PAINT_KEY},
	[COL_CHECK] = {.key = "check", .heading = "Defect", .is_left = true, .min_width = 16, .label = "check"},
	[COL_COUNT] = {.metric = "defects", .metric_help = "Defects of one kind that were found."},
	[COL_EXPECTED] = {.key = "expected_hex", .heading = "Expected", .is_left = true, .drop = 4},
	[COL_FOUND] = {.key = "found_hex", .heading = "Found", .is_left = true, .drop = 3},
	[COL_TAG] = {.key = "tag"},
	[COL_TAG_HEX] = {.key = "tag_hex"},
	[COL_POOL] = {.key = "pool"},
	[COL_CONTAINER] = {.key = "container"},
	[COL_SUSPECT_VA] = {.key = "suspect.va", .heading = "Block before", .is_left = true, .drop = 1},
	[COL_SUSPECT_BYTES] = {.key = "suspect.block_bytes", .heading = "Bytes", .drop = 6, .is_bytes = true},
	[COL_SUSPECT_TAG] = {.key = "suspect.tag", .heading = "Tag", .is_left = true},
	[COL_SUSPECT_TAG_HEX] = {.key = "suspect.tag_hex"},
	[COL_SUSPECT_POOL] = {.key = "suspect.pool"},
	[COL_SUSPECT_STATE] = {.key = "suspect.state", .heading = "State", .is_left = true, .drop = 7},
	[COL_SUSPECT_OWNER] = {.key = "suspect.owner", .is_left = true, .min_width = 12, .drop = 5},
	[COL_CALLER] = {.is_left = true, .min_width = 16, .drop = 2},
	[COL_CALLER_ADDRESS] = {.key = "suspect_caller.address"},
	[COL_CALLER_MODULE] = {.key = "suspect_caller.module"},
	[COL_CALLER_OFFSET] = {.key = "suspect_caller.offset"},
	[COL_CALLER_SYMBOL] = {.key = "suspect_caller.symbol"},
	[COL_CALLER_SYMBOL_OFFSET] = {.key = "suspect_caller.symbol_offset"},
	[COL_CALLER_UNLOADED] = {.key = "suspect_caller.unloaded"},
	[COL_CALLER_SOURCE] = {.key = "suspect_caller_source"},
	[COL_CALLER_GRADE] = {.key = "suspect_caller_grade"},
};

struct texts {
	char tag[17], hex[9], suspect_tag[17], suspect_hex[9], expected[24], found[24];
	struct caller_texts caller;
};

static void format_hex(const uint8_t tag[4], char hex[9])
{
	snprintf(hex, 9, "%02x%02x%02x%02x", tag[0], tag[1], tag[2], tag[3]);
}

static void fill_cells(const struct psc_defect_row *d, const struct psc_tag_file *owners, bool is_32bit,
		       struct texts *t, struct cell cells[N_COLS])
{
	for (int i = 0; i < N_COLS; i++)
		cells[i] = cell_null();
	if (d->va != 0)
		cells[COL_VA] = cell_address(d->va, is_32bit);
	cells[COL_CHECK] = cell_text(d->check);
	cells[COL_COUNT] = cell_u64(1);
	if (d->has_values) {
		snprintf(t->expected, sizeof(t->expected), "0x%" PRIx64, d->expected);
		snprintf(t->found, sizeof(t->found), "0x%" PRIx64, d->found);
		cells[COL_EXPECTED] = cell_text(t->expected);
		cells[COL_FOUND] = cell_text(t->found);
	}
	if (d->has_tag) {
		format_hex(d->tag, t->hex);
		cells[COL_TAG] = cell_text(psc_tag_format(d->tag, t->tag));
		cells[COL_TAG_HEX] = cell_text(t->hex);
		cells[COL_POOL] = cell_text(psc_pool_name(d->pool));
		/* In the table it stands where the address would. */
	}
	if (d->container != 0)
		cells[COL_CONTAINER] = cell_address(d->container, is_32bit);
	if (!d->has_suspect)
		return;
	cells[COL_SUSPECT_VA] = cell_address(d->suspect.va, is_32bit);
	cells[COL_SUSPECT_BYTES] = cell_u64(d->suspect.block_bytes);
	if (d->suspect.has_tag) {
		format_hex(d->suspect.tag, t->suspect_hex);
		cells[COL_SUSPECT_TAG] = cell_text(psc_tag_format(d->suspect.tag, t->suspect_tag));
		cells[COL_SUSPECT_TAG_HEX] = cell_text(t->suspect_hex);
		if (owners != NULL)
			cells[COL_SUSPECT_OWNER] = cell_text(psc_tag_file_lookup(owners, d->suspect.tag));
	}
	cells[COL_SUSPECT_POOL] = cell_text(psc_pool_name(d->suspect.pool));
	cells[COL_SUSPECT_STATE] = cell_text(psc_block_state_name(d->suspect.state));
	if (!d->suspect.has_caller)
		return;
	fill_caller_cells(&d->suspect.caller, is_32bit, &t->caller, &cells[COL_CALLER]);
	cells[COL_CALLER_SOURCE] = cell_text(psc_caller_source_name(d->suspect.caller_source));
	cells[COL_CALLER_GRADE] = cell_text(caller_grade(d->suspect.caller_source, d->suspect.caller_is_inferred));
}

static void print_end_lines(const struct run *run, const struct psc_validate *v)
{
	FILE *f = run->f;
	size_t n;
	uint64_t blocks;
	char a[32], b[32];
	const struct psc_dump_info *i = psc_dump_get_info(run->dump);
	const struct psc_walk_coverage *c = psc_validate_coverage(v, &n);
	uint64_t found = psc_validate_count(v, &blocks);
	footer_printf(f, "%s%s defects in %s blocks\n", found != 0 ? "\n" : "", group_digits(found, false, a),
		      group_digits(blocks, false, b));
	if (found != 0 && i->has_bugcheck && i->bugcheck_code != 0)
		footer_printf(f, "The machine stopped with bugcheck 0x%" PRIx32 "\n", i->bugcheck_code);
	run_print_coverage(run);
	for (size_t k = 0; k < n; k++)
		print_walk_coverage(f, &c[k]);
	const struct psc_heap_row *heaps = psc_validate_heaps(v, &n);
	print_heaps(f, heaps, n);
}

/* That there are none is worth a line of its own. */
static void print_metrics_end(const struct run *run, const struct psc_validate *v, const char *scope)
{
	uint64_t blocks, found = psc_validate_count(v, &blocks);
	metrics_head(run->f, scope, "defects_found", "Defects that were found, of all kinds.");
	metrics_name(run->f, scope, "defects_found");
	fprintf(run->f, " %" PRIu64 "\n", found);
	metrics_head(run->f, scope, "blocks", "Blocks that were checked.");
	metrics_name(run->f, scope, "blocks");
	fprintf(run->f, " %" PRIu64 "\n", blocks);
	metrics_coverage(run->f, scope, run->coverage);
	metrics_dump_info(run->f, scope, run->dump);
}

struct validate_options {
	struct common_options common;
	struct psc_validate_options run;
	uint64_t va; /* only its page; 0: all */
	long max_rows;
	const char *tag_file;
	struct psc_tag_file *owners;
	struct psc_validate *result;
};

static int print(struct run *run, void *arg)
{
	static const struct report_spec spec = {SCHEMA, "defect", false, "validate"};
	const struct validate_options *o = (const struct validate_options *)arg;
	const struct psc_validate *v = o->result;
	struct report r;
	struct column cols[N_COLS];
	struct cell cells[N_COLS];
	struct texts t;
	size_t n, n_coverage, n_heaps;
	uint64_t blocks;
	const struct psc_defect_row *rows = psc_validate_rows(v, &n);

	memcpy(cols, columns, sizeof(columns));
	cols[COL_SUSPECT_OWNER].heading = o->owners != NULL ? "Owner" : NULL;
	for (size_t i = 0; i < n; i++)
		if (rows[i].has_suspect && rows[i].suspect.has_caller)
			cols[COL_CALLER].heading = "Allocated by";
	const bool is_metrics = o->common.format == FORMAT_OPENMETRICS;
	report_init(&r, run, &spec, cols, N_COLS);
	for (size_t i = 0; i < n; i++) {
		char what[80];
		bool is_rest = o->max_rows != 0 && (long)i >= o->max_rows;
		if (is_rest && !is_metrics)
			break;
		fill_cells(&rows[i], o->owners, run->is_32bit, &t, cells);
		if (is_rest) {
			report_rest(&r, cells);
			continue;
		}
		if (r.format == FORMAT_TABLE && rows[i].has_tag) {
			snprintf(what, sizeof(what), "%s: %s, %s", rows[i].check, t.tag, psc_pool_name(rows[i].pool));
			cells[COL_CHECK] = cell_text(what);
		}
		report_row(&r, cells);
	}
	cJSON *total = cJSON_CreateObject(), *coverage = run_coverage(run);
	uint64_t n_found = psc_validate_count(v, &blocks);
	json_add_u64(total, "defects_count", n_found);
	json_add_u64(total, "blocks_count", blocks);
	report_member(&r, "total", total);
	if (r.format == FORMAT_TABLE)
		print_end_lines(run, v);
	if (is_metrics)
		print_metrics_end(run, v, spec.scope);
	const struct psc_walk_coverage *c = psc_validate_coverage(v, &n_coverage);
	json_add_walk_coverage(coverage, c, n_coverage);
	const struct psc_heap_row *heaps = psc_validate_heaps(v, &n_heaps);
	json_add_heaps(coverage, heaps, n_heaps, run->is_32bit);
	int code = run_printed(report_end(&r, coverage, run_warnings(run)));
	if (n_found > r.n_rows && !o->common.quiet && !is_metrics)
		message("%" PRIu64 " more defects", n_found - r.n_rows);
	return code == EXIT_COMPLETE && n_found != 0 ? EXIT_BUDGET : code;
}

static enum psc_status work(struct run *r, void *arg, struct psc_error *reterr)
{
	struct validate_options *o = (struct validate_options *)arg;
	if (o->va != 0) {
		o->va = run_address(r, o->va);
		o->run.lo = o->va & ~(uint64_t)(PAGE_BYTES - 1);
		o->run.hi = o->run.lo + PAGE_BYTES;
	}
	enum psc_status st = psc_validate_run(r->dump, &o->run, &o->result, reterr);
	if (st != PSC_OK)
		return st;
	r->warnings = psc_validate_warnings(o->result, &r->n_warnings);
	r->coverage = psc_validate_coverage_ratio(o->result);
	r->interrupted = psc_validate_is_interrupted(o->result);
	return PSC_OK;
}

static void free_result(void *arg)
{
	psc_validate_free(((struct validate_options *)arg)->result);
}

static int validate_option(void *arg, int opt)
{
	struct validate_options *o = (struct validate_options *)arg;
	if (opt == OPT_TAG_FILE)
		o->tag_file = optarg;
	else
		return opt == 'n' ? parse_rows("validate", optarg, &o->max_rows) : OPTION_UNKNOWN;
	return OPTION_DONE;
}

int cmd_validate(int argc, char **argv)
{
	static const struct option options[] = {{"rows", required_argument, NULL, 'n'},
						{"tag-file", required_argument, NULL, OPT_TAG_FILE},
						COMMON_LONG_OPTIONS};
	static const struct command_spec spec = {
		"validate",
		help,
		"n:",
		options,
		FORMATS_ROWS | FORMAT_BIT(FORMAT_OPENMETRICS),
		"'poolscope tags' has it",
		validate_option,
	};
	static const struct run_steps steps = {work, print, free_result};
	static const struct psc_validate_options run_init = PSC_VALIDATE_OPTIONS_INIT;
	struct validate_options o = {.run = run_init};
	int code = parse_options(&spec, &o.common, &o, argc, argv);
	if (code >= 0)
		return code;
	if (argc - optind == 2) {
		code = address_argument("validate", argv[optind++], &o.va);
		if (code >= 0)
			return code;
	}
	if (dump_argument(argc, argv, optind, "validate") == NULL)
		return EXIT_USAGE;
	o.run.n_threads = o.common.n_threads;
	o.run.progress = progress_callback(&o.common);
	struct psc_error err;
	if (o.tag_file != NULL && psc_tag_file_open(o.tag_file, &o.owners, &err) != PSC_OK)
		return report_error(&err);
	code = run_command(&o.common, argv + optind, 1, &steps, &o);
	psc_tag_file_close(o.owners);
	return code;
}
