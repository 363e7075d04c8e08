/* SPDX-License-Identifier: MIT */
/* poolscope sites: where the code of drivers and of the kernel allocates, found by disassembling it. */
#include "coverage.h"
#include "footer.h"
#include "json.h"
#include "os.h"
#include "report.h"
#include "run.h"
#include "sites_text.h"

static const char help[] =
	"Usage: poolscope sites [OPTIONS] DUMP\n"
	"       poolscope sites --pe [OPTIONS] FILE.sys...\n"
	"\n"
	"Prints one row per place in the code of drivers and of the kernel that allocates pool: the return address, "
	"the\n"
	"routine called, and the tag, pool and size that the code passes. Found by disassembling; calls through "
	"wrappers\n"
	"are followed up to their callers. Such a row says what the code would do, not that it did.\n"
	"\n"
	"Options:\n"
	"      --pe              the arguments are driver files (PE images), not a dump\n"
	"  -t, --tag PATTERN     only sites that may use such a tag: four characters, '?' any one, '*' any run; case "
	"counts\n"
	"  -m, --module PATTERN  only modules with such a name ('*', '?'; case does not count)\n"
	"      --api PATTERN     only calls of such routines ('*', '?')\n"
	"  -n, --rows N          at most N rows; 0 = all (default)\n" COMMON_OPTIONS_HELP "\n"
	"Examples:\n"
	"  poolscope sites --tag 'NtFC' MEMORY.DMP\n"
	"  poolscope sites --module 'my*.sys' --format csv MEMORY.DMP\n"
	"  poolscope sites --pe --format json driver.sys\n"
	"  poolscope sites --pe --api '*Lookaside*' drivers/*.sys\n";

enum { OPT_PE = OPT_COMMAND, OPT_API };

enum {
	COL_MODULE,
	COL_RETURN,
	COL_ADDRESS,
	COL_CALL,
	COL_FUNCTION_RVA,
	COL_FUNCTION,
	COL_FUNCTION_TEXT,
	COL_API,
	COL_KIND,
	COL_TAG,
	COL_POOL,
	COL_SIZE,
	COL_CHAIN,
	COL_TAIL,
	COL_WRAPPER,
	COL_CONFIDENCE,
	N_COLS
};

static const struct column columns[N_COLS] = {
	[COL_MODULE] = {.key = "module", .heading = "Module", .is_left = true, .min_width = 10},
	[COL_RETURN] = {.key = "return_rva", .heading = "Return RVA", .is_left = true, .drop = 1, .paint = PAINT_KEY},
	[COL_ADDRESS] = {.key = "return_address"},
	[COL_CALL] = {.key = "call_rva"},
	[COL_FUNCTION_RVA] = {.key = "function_rva"},
	[COL_FUNCTION] = {.key = "function"},
	[COL_FUNCTION_TEXT] = {.key = NULL, .heading = "Function", .is_left = true, .min_width = 12},
	[COL_API] = {.key = "api", .heading = "Routine", .is_left = true, .min_width = 21},
	[COL_KIND] = {.key = "kind"},
	[COL_TAG] = {.key = "tag", .heading = "Tag", .is_left = true, .min_width = 6},
	[COL_POOL] = {.key = "pool", .heading = "Pool", .is_left = true, .min_width = 8, .drop = 3},
	[COL_SIZE] = {.key = "size", .heading = "Size", .is_left = true, .min_width = 6, .drop = 2},
	[COL_CHAIN] = {.key = "chain", .heading = "Through", .is_left = true, .min_width = 8, .drop = 4},
	[COL_TAIL] = {.key = "tail_call"},
	[COL_WRAPPER] = {.key = "wrapper"},
	[COL_CONFIDENCE] = {.key = "confidence", .heading = "Tag is", .is_left = true, .drop = 5},
};

struct sites_options {
	struct common_options common;
	struct psc_sites_options run;
	const char *tag, *api;
	long max_rows;
	bool is_pe;
	char **files; /* with is_pe */
	size_t n_files;
	struct psc_sites *result;
};

static int sites_option(void *arg, int opt)
{
	struct sites_options *o = (struct sites_options *)arg;
	struct psc_error err;
	switch (opt) {
	case OPT_PE:
		o->is_pe = true;
		return -1;
	case OPT_API:
		o->api = optarg;
		return -1;
	case 'm':
		o->run.module = optarg;
		return -1;
	case 't':
		if (psc_tag_pattern_check(optarg, &err) != PSC_OK)
			return usage_error("sites", "%s", err.text);
		o->tag = optarg;
		return -1;
	case 'n':
		return parse_rows("sites", optarg, &o->max_rows);
	default:
		return OPTION_UNKNOWN;
	}
}

/* '*' any run, '?' one character. */
static bool name_matches(const char *pattern, const char *name)
{
	const char *star = NULL, *retry = NULL;
	while (*name != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			retry = name;
		} else if (*pattern == *name || *pattern == '?') {
			pattern++;
			name++;
		} else if (star != NULL) {
			pattern = star;
			name = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static bool may_have_tag(const struct psc_site *s, const char *pattern)
{
	for (uint32_t i = 0; s->tag.kind != PSC_SITE_ARGUMENT && i < s->tag.n; i++) {
		uint8_t tag[4];
		for (int b = 0; b < 4; b++)
			tag[b] = (uint8_t)(s->tag.values[i] >> (8 * b));
		tag[3] &= 0x7f;
		if (psc_tag_pattern_match(pattern, tag))
			return true;
	}
	return false;
}

static bool is_wanted(const struct sites_options *o, const struct psc_site *s)
{
	return (o->tag == NULL || may_have_tag(s, o->tag)) && (o->api == NULL || name_matches(o->api, s->api));
}

static void print_row(struct report *r, const struct psc_site *s, const struct psc_site_module *modules)
{
	const struct psc_site_module *m = &modules[s->module];
	struct cell cells[N_COLS];
	struct site_texts t;
	bool is_32bit = m->machine == PSC_MACHINE_X86;
	for (int i = 0; i < N_COLS; i++)
		cells[i] = cell_null();
	cells[COL_MODULE] = cell_text(m->name);
	if (s->return_rva != 0) {
		cells[COL_RETURN] = cell_address(s->return_rva, true);
		if (r->dump != NULL)
			cells[COL_ADDRESS] = cell_address(m->base + s->return_rva, is_32bit);
	} else if (r->format == FORMAT_TABLE) {
		cells[COL_RETURN] = cell_text("(tail call)");
	}
	cells[COL_CALL] = cell_address(s->call_rva, true);
	cells[COL_FUNCTION_RVA] = cell_address(s->function_rva, true);
	cells[COL_FUNCTION] = cell_text(s->function);
	site_function(s, t.function, sizeof(t.function));
	cells[COL_FUNCTION_TEXT] = cell_text(t.function);
	cells[COL_API] = cell_text(s->api);
	cells[COL_KIND] = cell_text(psc_site_kind_name(s->kind));
	cells[COL_TAG] = site_tag_cell(s, &t);
	cells[COL_POOL] = site_pool_cell(s, &t);
	cells[COL_SIZE] = site_size_cell(s, &t);
	cells[COL_CHAIN] = site_chain_cell(s, modules, &t);
	cells[COL_TAIL] = cell_bool(s->is_tail_call);
	cells[COL_WRAPPER] = cell_bool(s->is_wrapper);
	cells[COL_CONFIDENCE] = cell_text(psc_site_confidence_name(s->confidence));
	report_row(r, cells);
}

static cJSON *json_modules(const struct psc_site_module *m, size_t n)
{
	cJSON *a = cJSON_CreateArray();
	for (size_t i = 0; i < n; i++, m++) {
		cJSON *o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "name", m->name);
		cJSON_AddStringToObject(o, "path", m->path);
		json_add_text_or_null(o, "machine",
				      m->machine != PSC_MACHINE_UNKNOWN ? psc_machine_name(m->machine) : NULL);
		json_add_address(o, "base", m->base, m->machine == PSC_MACHINE_X86);
		json_add_u64(o, "size_bytes", m->size_bytes);
		json_add_u64(o, "code_bytes", m->code_bytes);
		json_add_u64(o, "missing_code_bytes", m->missing_code_bytes);
		json_add_u64(o, "functions_count", m->functions);
		json_add_u64(o, "undecoded_count", m->undecoded);
		json_add_u64(o, "sites_count", m->sites);
		json_add_text_or_null(o, "problem", m->problem);
		json_add_text_or_null(o, "pdb_name", m->pdb_name);
		json_add_text_or_null(o, "pdb_guid", m->pdb_guid[0] != '\0' ? m->pdb_guid : NULL);
		json_add_u64_or_null(o, "pdb_age", m->pdb_guid[0] != '\0', m->pdb_age);
		cJSON_AddItemToArray(a, o);
	}
	return a;
}

static void sum_code(const struct psc_site_module *m, size_t n, uint64_t *ret_code, uint64_t *ret_missing)
{
	*ret_code = *ret_missing = 0;
	for (size_t i = 0; i < n; i++) {
		*ret_code += m[i].code_bytes;
		*ret_missing += m[i].missing_code_bytes;
	}
}

static void print_end_lines(const struct run *run, const struct psc_sites *sites)
{
	FILE *f = run->f;
	size_t n, n_rows, n_problems = 0;
	const struct psc_site_module *m = psc_sites_modules(sites, &n);
	uint64_t code, missing;
	char a[32], b[32];
	psc_sites_rows(sites, &n_rows);
	sum_code(m, n, &code, &missing);
	footer_printf(f, "\n%s sites in %zu modules\n", group_digits(n_rows, false, a), n);
	run_print_coverage(run);
	footer_printf(f, "  code      %s of %s bytes scanned\n", group_digits(code - missing, false, a),
		      group_digits(code, false, b));
	for (size_t i = 0; i < n; i++) {
		if (m[i].problem == NULL)
			continue;
		if (n_problems++ < 20)
			footer_printf(f, "  %s not scanned: %s\n", m[i].name, m[i].problem);
	}
	if (n_problems > 20)
		footer_printf(f, "  and %zu more\n", n_problems - 20);
}

static int print(struct run *run, void *arg)
{
	static const struct report_spec spec = {"poolscope.sites/1", "site", false};
	const struct sites_options *o = (const struct sites_options *)arg;
	const struct psc_sites *sites = o->result;
	struct report r;
	size_t n, n_modules, n_left = 0;
	const struct psc_site *rows = psc_sites_rows(sites, &n);
	const struct psc_site_module *m = psc_sites_modules(sites, &n_modules);
	uint64_t code_bytes, missing;

	report_init(&r, run, &spec, columns, N_COLS);
	for (size_t i = 0; i < n; i++) {
		if (!is_wanted(o, &rows[i]))
			continue;
		if (o->max_rows != 0 && r.n_rows >= (uint64_t)o->max_rows)
			n_left++;
		else
			print_row(&r, &rows[i], m);
	}
	report_list(&r, "modules", "module", json_modules(m, n_modules));
	if (r.format == FORMAT_TABLE)
		print_end_lines(run, sites);
	cJSON *coverage = run_coverage(run);
	sum_code(m, n_modules, &code_bytes, &missing);
	json_add_u64(coverage, "code_bytes", code_bytes);
	json_add_u64(coverage, "missing_code_bytes", missing);
	int code = run_printed(report_end(&r, coverage, run_warnings(run)));
	if (n_left != 0 && !o->common.quiet)
		message("%zu more sites; -n 0 prints all", n_left);
	return code;
}

static enum psc_status work(struct run *r, void *arg, struct psc_error *reterr)
{
	struct sites_options *o = (struct sites_options *)arg;
	o->run.cancel = o->common.open.cancel;
	enum psc_status st =
		o->is_pe ? psc_sites_run_files((const char *const *)o->files, o->n_files, &o->run, &o->result, reterr)
			 : psc_sites_run(r->dump, &o->run, &o->result, reterr);
	if (st != PSC_OK)
		return st;
	r->warnings = psc_sites_warnings(o->result, &r->n_warnings);
	r->coverage = psc_sites_coverage_ratio(o->result);
	r->interrupted = psc_sites_is_interrupted(o->result);
	return PSC_OK;
}

static void free_result(void *arg)
{
	psc_sites_free(((struct sites_options *)arg)->result);
}

/* Files instead of a dump: what open_dump() would do for them. */
static int prepare_files(struct sites_options *o, char **files, int n)
{
	if (n <= 0)
		return usage_error("sites", "which driver files? Give the path of a .sys file");
	for (int i = 0; i < n && o->common.output_path != NULL; i++) {
		if (is_same_file(o->common.output_path, files[i])) {
			message("--output names an input file; it would be overwritten");
			return EXIT_USAGE;
		}
	}
	o->files = files;
	o->n_files = (size_t)n;
	return symbol_search(&o->common, &o->run.symbol_search);
}

int cmd_sites(int argc, char **argv)
{
	static const struct option options[] = {
		{"pe", no_argument, NULL, OPT_PE},        {"tag", required_argument, NULL, 't'},
		{"module", required_argument, NULL, 'm'}, {"api", required_argument, NULL, OPT_API},
		{"rows", required_argument, NULL, 'n'},   COMMON_LONG_OPTIONS};
	static const struct command_spec spec = {
		"sites", help, "m:n:t:", options, FORMATS_ROWS, "'poolscope tags' has it", sites_option,
	};
	static const struct run_steps steps = {work, print, free_result};
	static const struct psc_sites_options run_init = PSC_SITES_OPTIONS_INIT;
	struct sites_options o = {.run = run_init};
	int code = parse_options(&spec, &o.common, &o, argc, argv);
	if (code >= 0)
		return code;
	if (!o.is_pe && dump_argument(argc, argv, optind, "sites") == NULL)
		return EXIT_USAGE;
	code = o.is_pe ? prepare_files(&o, argv + optind, argc - optind) : EXIT_COMPLETE;
	if (code != EXIT_COMPLETE)
		return code;
	o.run.n_threads = o.common.n_threads;
	o.run.tmpdir = o.common.open.tmpdir;
	o.run.progress = progress_callback(&o.common);
	o.run.flags = o.common.no_symbols ? PSC_SITES_NO_SYMBOLS : 0;
	return run_command(&o.common, argv + optind, o.is_pe ? 0 : 1, &steps, &o);
}
