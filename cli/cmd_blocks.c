/* SPDX-License-Identifier: MIT */
/* poolscope blocks: every allocation that matches, in address order or the largest first. */
#include "callers.h"
#include "coverage.h"
#include "footer.h"
#include "json.h"
#include "report.h"
#include "run.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: poolscope blocks [OPTIONS] DUMP\n"
	"\n"
	"Prints one row per block of the pool, in address order: where it is, how large, its tag, what stores it and\n"
	"which process is charged for it. Rows stream: memory does not grow with their number.\n"
	"\n"
	"Options:\n"
	"  -t, --tag PATTERN     only tags that match: four characters, '?' any one, '*' any run; case "
	"counts\n" POOLS_HELP
	"      --kind LIST       only these of legacy, lfh, vs, segment, large, big, special, unknown\n"
	"      --state LIST      these of allocated (default), free, cached, or all\n"
	"      --size MIN..MAX   only blocks of so many bytes with their header; one end may be left out; K, M, G, 0x\n"
	"      --in LO..HI       only blocks with a byte in this range of addresses (hexadecimal)\n"
	"      --process WHICH   only blocks charged to a process: pid, image name, or its _EPROCESS as 0x...\n"
	"      --caller CALLER   only blocks that Driver Verifier or the stack-trace database records to be allocated\n"
	"                        from there: address, MODULE+OFFSET (hexadecimal), SYMBOL or MODULE!SYMBOL\n"
	"  -m, --module PATTERN  only blocks with such a caller in this module ('*', '?'; case does not count)\n"
	"      --callers         show recorded callers; --caller and --module do so too\n"
	"  -s, --sort ORDER      address (default) or size: largest first, at most -n, without it a million\n"
	"  -n, --rows N          at most N rows; 0 = all (default: 20 on a terminal, else all)\n"
	"      --dump-bytes N    the first N bytes of each block, at most 4096\n" COMMON_OPTIONS_HELP "\n"
	"Examples:\n"
	"  poolscope blocks --tag 'NtFC' MEMORY.DMP\n"
	"  poolscope blocks --sort size -n 50 --pool paged MEMORY.DMP\n"
	"  poolscope blocks --caller http+1a21 --dump-bytes 64 MEMORY.DMP\n"
	"  poolscope blocks --process lsass.exe --format csv -o lsass.csv MEMORY.DMP\n"
	"  poolscope blocks --in ffffe000`01000000..ffffe000`01001000 --state all --dump-bytes 32 MEMORY.DMP\n";

#define SCHEMA         "poolscope.blocks/1"
#define DUMP_BYTES_MAX 4096u

enum {
	OPT_POOL = OPT_COMMAND,
	OPT_KIND,
	OPT_STATE,
	OPT_SIZE,
	OPT_IN,
	OPT_PROCESS,
	OPT_DUMP_BYTES,
	OPT_CALLER,
	OPT_CALLERS
};

/* The one definition of a row's columns, for every format. */
enum {
	COL_VA,
	COL_SIZE,
	COL_REQUESTED,
	COL_BLOCK,
	COL_TAG,
	COL_TAG_HEX,
	COL_PROTECTED,
	COL_POOL,
	COL_NX,
	COL_PAGE_TABLES,
	COL_KIND,
	COL_STATE,
	COL_PROCESS,
	COL_PROCESS_PID,
	COL_PROCESS_NAME,
	COL_SOURCE,
	COL_PROVEN,
	COL_CALLER,
	COL_CALLER_ADDRESS,
	COL_CALLER_MODULE,
	COL_CALLER_OFFSET,
	COL_CALLER_SYMBOL,
	COL_CALLER_SYMBOL_OFFSET,
	COL_CALLER_UNLOADED,
	COL_CALLER_SOURCE,
	COL_CALLER_GRADE,
	COL_CONTENTS,
	N_COLS
};

static const struct column columns[N_COLS] = {
	[COL_VA] = {.key = "va", .heading = "Address", .is_left = true, .width = 18, .paint = PAINT_KEY},
	[COL_SIZE] = {.key = "size_bytes"},
	[COL_REQUESTED] = {.key = "requested_bytes"},
	[COL_BLOCK] = {.key = "block_bytes", .heading = "Bytes", .width = 11, .is_bytes = true},
	[COL_TAG] = {.key = "tag", .heading = "Tag", .is_left = true, .width = 4},
	[COL_TAG_HEX] = {.key = "tag_hex"},
	[COL_PROTECTED] = {.key = "protected"},
	[COL_POOL] = {.key = "pool", .heading = "Pool", .is_left = true, .width = 8, .drop = 1},
	[COL_NX] = {.key = "nx"},
	[COL_PAGE_TABLES] = {.key = "page_tables"},
	[COL_KIND] = {.key = "kind", .heading = "Kind", .is_left = true, .width = 7, .drop = 4},
	[COL_STATE] = {.key = "state", .heading = "State", .is_left = true, .width = 9, .drop = 3},
	[COL_PROCESS] = {.key = "process.eprocess"},
	[COL_PROCESS_PID] = {.key = "process.pid", .heading = "Pid", .width = 6, .drop = 5},
	[COL_PROCESS_NAME] = {.key = "process.name", .heading = "Process", .is_left = true, .width = 15, .drop = 2},
	[COL_SOURCE] = {.key = "source"},
	[COL_PROVEN] = {.key = "proven"},
	[COL_CALLER] = {.heading = "Caller", .is_left = true, .width = 24, .min_width = 12},
	CALLER_COLUMNS(COL_CALLER),
	[COL_CALLER_SOURCE] = {.key = "caller_source"},
	[COL_CALLER_GRADE] = {.key = "caller_grade"},
	[COL_CONTENTS] = {.key = NULL},
};

struct blocks_options {
	struct common_options common;
	struct psc_blocks_options run;
	long max_rows; /* -1 = default */
	unsigned dump_bytes;
};

/* ---- options ---- */

static const char *kind_name(unsigned i)
{
	return psc_block_kind_name((enum psc_block_kind)i);
}

static const char *state_name(unsigned i)
{
	return psc_block_state_name((enum psc_block_state)i);
}

/* The ends of "A..B"; an end that is missing is left alone. "A" is A..A. */
static bool parse_range(const char *text, bool (*parse)(const char *text, size_t n, uint64_t *ret), uint64_t *lo,
			uint64_t *hi)
{
	const char *dots = strstr(text, "..");
	if (dots == NULL) {
		if (!parse(text, strlen(text), lo))
			return false;
		*hi = *lo;
		return true;
	}
	if (dots == text && dots[2] == '\0')
		return false;
	return (dots == text || parse(text, (size_t)(dots - text), lo)) &&
	       (dots[2] == '\0' || parse(dots + 2, strlen(dots + 2), hi));
}

static int blocks_option(void *arg, int opt)
{
	struct blocks_options *o = (struct blocks_options *)arg;
	struct psc_error err;
	char *end = NULL;
	switch (opt) {
	case 't':
		if (psc_tag_pattern_check(optarg, &err) != PSC_OK)
			return usage_error("blocks", "%s", err.text);
		o->run.tag = optarg;
		return -1;
	case OPT_POOL:
		return parse_pools("blocks", optarg, &o->run.pools);
	case OPT_KIND:
		o->run.kinds = parse_list(optarg, kind_name, PSC_BLOCK_KIND_MAX);
		if (o->run.kinds == 0)
			return usage_error(
				"blocks",
				"--kind takes legacy, lfh, vs, segment, large, big, special, unknown, not '%s'",
				optarg);
		return -1;
	case OPT_STATE:
		o->run.states = parse_list(optarg, state_name, 3);
		if (o->run.states == 0 && strcmp(optarg, "all") != 0)
			return usage_error("blocks", "--state takes allocated, free, cached or all, not '%s'", optarg);
		return -1;
	case OPT_SIZE:
		if (!parse_range(optarg, parse_bytes, &o->run.min_bytes, &o->run.max_bytes))
			return usage_error("blocks", "--size takes MIN..MAX in bytes, such as 100..4K, not '%s'",
					   optarg);
		if (o->run.max_bytes != 0 && o->run.max_bytes < o->run.min_bytes)
			return usage_error("blocks", "--size '%s' is empty: it ends below its beginning", optarg);
		return -1;
	case OPT_IN:
		if (!parse_range(optarg, parse_address, &o->run.lo, &o->run.hi))
			return usage_error("blocks", "--in takes LO..HI in hexadecimal, not '%s'", optarg);
		if (o->run.hi != 0 && o->run.hi < o->run.lo)
			return usage_error("blocks", "--in '%s' is empty: it ends below its beginning", optarg);
		if (strstr(optarg, "..") == NULL || o->run.hi == o->run.lo)
			o->run.hi = o->run.lo + 1;
		return -1;
	case OPT_PROCESS:
		o->run.process = optarg;
		return -1;
	case OPT_CALLER:
		if (psc_caller_check(optarg, &err) != PSC_OK)
			return usage_error("blocks", "%s", err.text);
		o->run.caller = optarg;
		return -1;
	case 'm':
		if (*optarg == '\0')
			return usage_error("blocks", "--module takes the name of a module, not ''");
		o->run.module = optarg;
		return -1;
	case OPT_CALLERS:
		o->run.callers = true;
		return -1;
	case 's':
		if (strcmp(optarg, "size") == 0)
			o->run.sort = PSC_BLOCKS_BY_SIZE;
		else if (strcmp(optarg, "address") == 0)
			o->run.sort = PSC_BLOCKS_BY_ADDRESS;
		else
			return usage_error("blocks", "--sort is address or size, not '%s'", optarg);
		return -1;
	case 'n':
		return parse_rows("blocks", optarg, &o->max_rows);
	case OPT_DUMP_BYTES: {
		unsigned long n = strtoul(optarg, &end, 10);
		if (*optarg < '0' || *optarg > '9' || *end != '\0' || n < 1 || n > DUMP_BYTES_MAX)
			return usage_error("blocks", "--dump-bytes takes a number from 1 to %u, not '%s'",
					   DUMP_BYTES_MAX, optarg);
		o->dump_bytes = (unsigned)n;
		return -1;
	}
	default:
		return OPTION_UNKNOWN;
	}
}

/* ---- rows ---- */

struct lister {
	const struct blocks_options *o;
	struct psc_dump *dump;
	struct report report;
	struct column cols[N_COLS];
	bool is_32bit;
	bool write_failed;
};

struct row_texts {
	char tag[17], hex[9];
	struct caller_texts caller;
};

static void fill_cells(const struct lister *l, const struct psc_block_row *b, struct row_texts *t,
		       struct cell cells[N_COLS])
{
	for (int i = 0; i < N_COLS; i++)
		cells[i] = cell_null();
	cells[COL_VA] = cell_address(b->va, l->is_32bit);
	cells[COL_SIZE] = cell_u64(b->size_bytes);
	cells[COL_BLOCK] = cell_u64(b->block_bytes);
	if (b->requested_bytes != 0)
		cells[COL_REQUESTED] = cell_u64(b->requested_bytes);
	if (b->has_tag) {
		snprintf(t->hex, sizeof(t->hex), "%02x%02x%02x%02x", b->tag[0], b->tag[1], b->tag[2], b->tag[3]);
		cells[COL_TAG] = cell_text(psc_tag_format(b->tag, t->tag));
		cells[COL_TAG_HEX] = cell_text(t->hex);
		cells[COL_PROTECTED] = cell_bool(b->is_protected);
	}
	cells[COL_POOL] = cell_text(psc_pool_name(b->pool));
	if (b->is_nx)
		cells[COL_NX] = cell_bool(true);
	if (b->page_tables != 0)
		cells[COL_PAGE_TABLES] = cell_address(b->page_tables, false);
	cells[COL_KIND] = cell_text(psc_block_kind_name(b->kind));
	cells[COL_STATE] = cell_text(psc_block_state_name(b->state));
	if (b->has_process)
		cells[COL_PROCESS] = cell_address(b->process.eprocess, l->is_32bit);
	if (b->process.is_listed) {
		cells[COL_PROCESS_PID] = cell_u64(b->process.pid);
		cells[COL_PROCESS_NAME] = cell_text(b->process.name);
	}
	cells[COL_SOURCE] = cell_text(b->source);
	cells[COL_PROVEN] = cell_bool(b->is_proven);
	if (!b->has_caller)
		return;
	fill_caller_cells(&b->caller, l->is_32bit, &t->caller, &cells[COL_CALLER]);
	cells[COL_CALLER_SOURCE] = cell_text(psc_caller_source_name(b->caller_source));
	cells[COL_CALLER_GRADE] = cell_text(caller_grade(b->caller_source, b->caller_is_inferred));
}

/* Contents as the table shows them, or as hex digits in text. */
static void take_contents(struct lister *l, const struct psc_block_row *b, char *text, struct cell *cell)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t bytes[DUMP_BYTES_MAX];
	size_t want = l->o->dump_bytes < b->size_bytes ? l->o->dump_bytes : (size_t)b->size_bytes;
	size_t n = psc_block_read(l->dump, b, b->va, bytes, want);
	if (l->report.format == FORMAT_TABLE) {
		for (size_t i = 0; i < n; i += 16)
			print_hex_line(l->report.f, b->va + i, l->is_32bit, bytes + i, n - i < 16 ? n - i : 16);
		if (n < want)
			fprintf(l->report.f, "    %0*" PRIx64 "  not in the dump\n", l->is_32bit ? 8 : 16, b->va + n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	text[2 * n] = '\0';
	if (n != 0 || want == 0)
		*cell = cell_text(text);
}

static bool on_block(void *arg, const struct psc_block_row *b)
{
	struct lister *l = (struct lister *)arg;
	struct cell cells[N_COLS];
	struct row_texts texts;
	char contents[2 * DUMP_BYTES_MAX + 1];
	bool is_table = l->report.format == FORMAT_TABLE;

	if (l->o->common.output_path == NULL) /* rows in a file leave the bar alone */
		progress_clear();
	fill_cells(l, b, &texts, cells);
	if (l->o->dump_bytes != 0 && !is_table)
		take_contents(l, b, contents, &cells[COL_CONTENTS]);
	report_row(&l->report, cells);
	if (l->o->dump_bytes != 0 && is_table)
		take_contents(l, b, contents, NULL);
	l->write_failed = ferror(l->report.f) != 0;
	return !l->write_failed;
}

static void print_end_lines(const struct run *run, const struct psc_blocks *blocks)
{
	FILE *f = run->f;
	size_t n;
	uint64_t bytes;
	char a[32], b[32];
	const struct psc_walk_coverage *c = psc_blocks_coverage(blocks, &n);
	const struct psc_scan_coverage *s = psc_blocks_scan_coverage(blocks);
	uint64_t count = psc_blocks_count(blocks, &bytes);
	footer_printf(f, "\n%s blocks, %s bytes match\n", group_digits(count, false, a), group_digits(bytes, false, b));
	run_print_coverage(run);
	if (s != NULL)
		print_scan_coverage(f, s);
	for (size_t i = 0; i < n; i++)
		print_walk_coverage(f, &c[i]);
}

static bool finish(struct lister *l, const struct run *run, const struct psc_blocks *blocks)
{
	size_t n;
	uint64_t bytes, count = psc_blocks_count(blocks, &bytes);
	const struct psc_walk_coverage *c = psc_blocks_coverage(blocks, &n);
	cJSON *total = cJSON_CreateObject(), *coverage = run_coverage(run);
	json_add_u64(total, "blocks_count", count);
	json_add_u64(total, "block_bytes", bytes);
	report_member(&l->report, "total", total);
	if (l->report.format == FORMAT_TABLE)
		print_end_lines(run, blocks);
	json_add_scan_coverage(coverage, psc_blocks_scan_coverage(blocks));
	json_add_walk_coverage(coverage, c, n);
	bool ok = report_end(&l->report, coverage, run_warnings(run));
	if (count > l->report.n_rows && !l->o->common.quiet)
		message("%" PRIu64 " more blocks; -n 0 prints all", count - l->report.n_rows);
	return ok;
}

static int print(struct run *r, void *arg)
{
	static const struct report_spec spec = {SCHEMA, "block", true};
	struct blocks_options *o = (struct blocks_options *)arg;
	struct lister l = {.o = o, .dump = r->dump, .is_32bit = r->is_32bit};
	struct psc_blocks *blocks = NULL;
	struct psc_error err;
	size_t n;

	o->run.lo = run_address(r, o->run.lo);
	o->run.hi = run_address(r, o->run.hi);
	memcpy(l.cols, columns, sizeof(columns));
	if (l.is_32bit)
		l.cols[COL_VA].width = 10;
	if (!o->run.callers && o->run.caller == NULL && o->run.module == NULL)
		memset(&l.cols[COL_CALLER], 0, (COL_CALLER_GRADE - COL_CALLER + 1) * sizeof(l.cols[0]));
	if (o->dump_bytes != 0)
		l.cols[COL_CONTENTS].key = "contents_hex";
	report_init(&l.report, r, &spec, l.cols, N_COLS);
	enum psc_status st = psc_blocks_run(r->dump, &o->run, on_block, &l, &blocks, &err);
	if (l.write_failed)
		return EXIT_COMPLETE; /* whoever closes the output says so */
	int code = run_status(r, st, &err);
	if (code == EXIT_COMPLETE) {
		const char *const *w = psc_blocks_warnings(blocks, &n);
		run_warn(r, w, n);
		r->coverage = psc_blocks_coverage_ratio(blocks);
		r->interrupted = psc_blocks_is_interrupted(blocks);
		code = run_printed(finish(&l, r, blocks));
	}
	psc_blocks_free(blocks);
	return code;
}

int cmd_blocks(int argc, char **argv)
{
	static const struct option options[] = {{"tag", required_argument, NULL, 't'},
						{"pool", required_argument, NULL, OPT_POOL},
						{"kind", required_argument, NULL, OPT_KIND},
						{"state", required_argument, NULL, OPT_STATE},
						{"size", required_argument, NULL, OPT_SIZE},
						{"in", required_argument, NULL, OPT_IN},
						{"process", required_argument, NULL, OPT_PROCESS},
						{"caller", required_argument, NULL, OPT_CALLER},
						{"module", required_argument, NULL, 'm'},
						{"callers", no_argument, NULL, OPT_CALLERS},
						{"sort", required_argument, NULL, 's'},
						{"rows", required_argument, NULL, 'n'},
						{"dump-bytes", required_argument, NULL, OPT_DUMP_BYTES},
						COMMON_LONG_OPTIONS};
	static const struct command_spec spec = {
		"blocks", help, "m:s:n:t:", options, FORMATS_ROWS, "'poolscope tags' has it", blocks_option,
	};
	static const struct run_steps steps = {.print = print};
	static const struct psc_blocks_options run_init = PSC_BLOCKS_OPTIONS_INIT;
	struct blocks_options o = {.run = run_init, .max_rows = -1};
	int code = parse_options(&spec, &o.common, &o, argc, argv);
	if (code >= 0)
		return code;
	if (dump_argument(argc, argv, optind, "blocks") == NULL)
		return EXIT_USAGE;
	o.run.max_rows = (uint64_t)default_rows(&o.common, o.max_rows);
	o.run.n_threads = o.common.n_threads;
	o.run.progress = progress_callback(&o.common);
	return run_command(&o.common, argv + optind, 1, &steps, &o);
}
