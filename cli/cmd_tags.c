/* SPDX-License-Identifier: MIT */
/* poolscope tags: who holds the pool, per tag, the trackers' figures beside a walk of the pool. */
#include "cli.h"
#include "os.h"
#include "tags_print.h"
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: poolscope tags [OPTIONS] DUMP\n"
	"\n"
	"Prints one row per pool tag and pool: what the kernel's tag trackers counted since boot, and beside it what\n"
	"a walk of the pool itself finds. A difference is shown, not hidden: pages missing from the dump, cached\n"
	"blocks or corruption are behind it.\n"
	"\n"
	"Options:\n"
	"  -s, --sort ORDER      bytes (default), tag, nonpaged, paged, allocs, frees, diff, per-alloc\n"
	"                        (PoolMon's letters b t a f d m are understood)\n"
	"  -n, --rows N          at most N rows; 0 = all (default: 20 on a terminal, else all)\n"
	"  -t, --tag PATTERN     only tags that match: four characters, '?' any one, '*' any run; case counts\n"
	"      --pool POOL       only nonpaged, paged or session\n"
	"      --by KEYS         tag (default) or tag,size: one row per block size, from the walk alone\n"
	"      --no-walk         trackers only: fast whatever the size of the dump\n"
	"      --walk            walk the pool (default)\n"
	"      --tag-file FILE   owner names from a file in pooltag.txt format\n"
	"      --budget PAT=SIZE exit with 1 when tags that match hold more (64K, 2M); then only their "
	"rows\n" COMMON_OPTIONS_HELP "\n"
	"Examples:\n"
	"  poolscope tags MEMORY.DMP\n"
	"  poolscope tags --sort nonpaged -n 10 --tag-file pooltag.txt MEMORY.DMP\n"
	"  poolscope tags --tag 'Ntf?' --by tag,size MEMORY.DMP\n"
	"  poolscope tags --no-walk --format ndjson -o tags.ndjson MEMORY.DMP\n"
	"  poolscope tags --no-walk --budget 'Abc?=1M' MEMORY.DMP\n"
	"  poolscope tags --no-walk --format openmetrics -n 50 -o pool.prom MEMORY.DMP\n";

enum { OPT_POOL = OPT_COMMAND, OPT_BY, OPT_WALK, OPT_NO_WALK, OPT_TAG_FILE, OPT_BUDGET };

static int parse_pool(const char *text)
{
	for (int i = 0; i < PSC_POOL_MAX; i++)
		if (strcmp(text, psc_pool_name((enum psc_pool)i)) == 0)
			return i;
	return -1;
}

/* One option of this command; -1 when it is fine. */
static int tags_option(struct tags_options *o, int opt)
{
	struct psc_error err;
	char *end = NULL;
	switch (opt) {
	case 's':
		if (!psc_tags_sort_parse(optarg, &o->sort))
			return usage_error("tags", "--sort does not know '%s'", optarg);
		return -1;
	case 'n':
		o->max_rows = strtol(optarg, &end, 10);
		if (end == optarg || *end != '\0' || o->max_rows < 0)
			return usage_error("tags", "-n takes a number of rows, not '%s'", optarg);
		return -1;
	case 't':
		if (psc_tag_pattern_check(optarg, &err) != PSC_OK)
			return usage_error("tags", "%s", err.text);
		o->pattern = optarg;
		return -1;
	case OPT_POOL:
		o->pool = parse_pool(optarg);
		if (o->pool < 0)
			return usage_error("tags", "--pool is nonpaged, paged or session, not '%s'", optarg);
		return -1;
	case OPT_BY:
		if (strcmp(optarg, "tag,size") == 0)
			o->run.flags |= PSC_TAGS_BY_SIZE;
		else if (strcmp(optarg, "tag") == 0)
			o->run.flags &= ~(uint32_t)PSC_TAGS_BY_SIZE;
		else
			return usage_error("tags", "--by is 'tag' or 'tag,size', not '%s'", optarg);
		return -1;
	case OPT_WALK:
		o->run.flags &= ~(uint32_t)PSC_TAGS_NO_WALK;
		return -1;
	case OPT_NO_WALK:
		o->run.flags |= PSC_TAGS_NO_WALK;
		return -1;
	case OPT_BUDGET:
		return budget_add(&o->budgets, "tags", optarg);
	case OPT_TAG_FILE:
		o->tag_file = optarg;
		return -1;
	default:
		return common_option(&o->common, opt, "tags", help);
	}
}

static int run(struct tags_options *o, const char *path, const struct psc_tag_file *owners)
{
	struct psc_dump *dump = NULL;
	struct psc_tags *tags = NULL;
	struct psc_error err;
	struct output out;
	int code = open_dump(path, &o->common, &dump);

	if (code != EXIT_COMPLETE)
		return code;
	o->run.n_threads = o->common.n_threads;
	o->run.progress = progress_callback(&o->common);
	enum psc_status st = psc_tags_run(dump, &o->run, &tags, &err);
	progress_clear();
	if (st != PSC_OK) {
		code = report_error(&err);
	} else {
		code = output_open(&out, &o->common);
		if (code == EXIT_COMPLETE) {
			size_t n;
			const char *const *w = psc_dump_warnings(dump, &n);
			psc_tags_sort(tags, o->sort);
			tags_count_budgets(tags, o);
			print_warnings(&o->common, w, n);
			w = psc_tags_warnings(tags, &n);
			print_warnings(&o->common, w, n);
			if (!tags_print(out.f, dump, tags, o, owners)) {
				message("out of memory");
				code = EXIT_INPUT;
			} else if (o->common.min_coverage >= 0.0 &&
				   psc_tags_coverage_ratio(tags) < o->common.min_coverage) {
				code = EXIT_COVERAGE;
			}
			if (code != EXIT_INPUT && budget_report(&o->budgets, "held"))
				code = EXIT_BUDGET;
			code = output_close(&out, code);
		}
	}
	psc_tags_free(tags);
	psc_dump_close(dump);
	return code;
}

int cmd_tags(int argc, char **argv)
{
	static const struct option options[] = {
		{"sort", required_argument, NULL, 's'},          {"rows", required_argument, NULL, 'n'},
		{"tag", required_argument, NULL, 't'},           {"pool", required_argument, NULL, OPT_POOL},
		{"by", required_argument, NULL, OPT_BY},         {"walk", no_argument, NULL, OPT_WALK},
		{"no-walk", no_argument, NULL, OPT_NO_WALK},     {"tag-file", required_argument, NULL, OPT_TAG_FILE},
		{"budget", required_argument, NULL, OPT_BUDGET}, COMMON_LONG_OPTIONS};
	static const struct psc_tags_options run_init = PSC_TAGS_OPTIONS_INIT;
	struct tags_options o = {.run = run_init, .sort = PSC_SORT_BYTES, .max_rows = -1, .pool = -1};
	struct psc_tag_file *owners = NULL;
	struct psc_error err;
	int opt;

	common_options_init(&o.common);
	while ((opt = getopt_long(argc, argv, COMMON_SHORT_OPTIONS "s:n:t:", options, NULL)) != -1) {
		int code = tags_option(&o, opt);
		if (code >= 0)
			return code;
	}
	if ((o.run.flags & PSC_TAGS_BY_SIZE) != 0 && (o.run.flags & PSC_TAGS_NO_WALK) != 0)
		return usage_error("tags", "--by tag,size comes from the walk and cannot be had with --no-walk");
	const char *path = dump_argument(argc, argv, optind, "tags");
	if (path == NULL)
		return EXIT_USAGE;
	if (o.max_rows < 0 && o.common.format == FORMAT_OPENMETRICS)
		o.max_rows = 100;
	if (o.max_rows < 0)
		o.max_rows = o.common.format == FORMAT_TABLE && o.common.output_path == NULL && stdout_is_terminal()
				     ? 20
				     : 0;
	if (o.tag_file != NULL && psc_tag_file_open(o.tag_file, &owners, &err) != PSC_OK)
		return report_error(&err);
	int code = run(&o, path, owners);
	psc_tag_file_close(owners);
	return code;
}
