/* SPDX-License-Identifier: MIT */
/* poolscope tags: who holds the pool, per tag, the trackers' figures beside a walk of the pool. */
#include "metrics.h"
#include "tags_print.h"
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
	"  -t, --tag PATTERN     only tags that match: four characters, '?' any one, '*' any run; case "
	"counts\n" POOLS_HELP
	"      --by KEYS         tag (default); tag,size: one row per block size; tag,caller, tag,module or module: "
	"who\n"
	"                        allocated, where the dump recorded it. From the walk alone but for tag\n"
	"      --no-walk         trackers only: fast whatever the size of the dump\n"
	"      --walk            walk the pool (default)\n"
	"      --tag-file FILE   owner names from a file in pooltag.txt format\n"
	"      --budget PAT=SIZE exit with 1 when tags that match hold more (64K, 2M); then only their "
	"rows\n" COMMON_OPTIONS_HELP "\n"
	"Examples:\n"
	"  poolscope tags MEMORY.DMP\n"
	"  poolscope tags --sort nonpaged -n 10 --tag-file pooltag.txt MEMORY.DMP\n"
	"  poolscope tags --tag 'Ntf?' --by tag,size MEMORY.DMP\n"
	"  poolscope tags --by tag,caller --tag 'Leak' MEMORY.DMP\n"
	"  poolscope tags --by module --format folded MEMORY.DMP | flamegraph.pl > pool.svg\n"
	"  poolscope tags --no-walk --format ndjson -o tags.ndjson MEMORY.DMP\n"
	"  poolscope tags --no-walk --budget 'Abc?=1M' MEMORY.DMP\n"
	"  poolscope tags --no-walk --format openmetrics -n 50 -o pool.prom MEMORY.DMP\n";

enum { OPT_POOL = OPT_COMMAND, OPT_BY, OPT_WALK, OPT_NO_WALK, OPT_TAG_FILE, OPT_BUDGET };

static int parse_by(struct tags_options *o, const char *keys)
{
	static const struct {
		const char *keys;
		enum psc_callers_by by;
	} callers[] = {{"tag,caller", PSC_CALLERS_BY_TAG_ADDRESS},
		       {"tag,module", PSC_CALLERS_BY_TAG_MODULE},
		       {"module", PSC_CALLERS_BY_POOL_MODULE}};
	o->by_caller = false;
	o->run.flags &= ~(uint32_t)PSC_TAGS_BY_SIZE;
	if (strcmp(keys, "tag") == 0)
		return -1;
	if (strcmp(keys, "tag,size") == 0) {
		o->run.flags |= PSC_TAGS_BY_SIZE;
		return -1;
	}
	for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
		if (strcmp(keys, callers[i].keys) != 0)
			continue;
		o->by_caller = true;
		o->caller_by = callers[i].by;
		return -1;
	}
	return usage_error("tags", "--by is 'tag', 'tag,size', 'tag,caller', 'tag,module' or 'module', not '%s'", keys);
}

/* What the rows by caller have no place for; -1 when they need nothing of it. */
static int check_by_caller(const struct tags_options *o)
{
	if (!o->by_caller)
		return -1;
	if ((o->run.flags & PSC_TAGS_NO_WALK) != 0)
		return usage_error("tags", "callers are found for walked blocks and cannot be had with --no-walk");
	if (o->sort != PSC_SORT_BYTES)
		return usage_error("tags",
				   "rows by caller or module are ordered by bytes; --sort knows no other for them");
	if (o->budgets.n != 0 || o->tag_file != NULL)
		return usage_error("tags", "rows by caller or module go with neither --budget nor --tag-file");
	return -1;
}

/* One option of this command; -1 when it is fine. */
static int tags_option(void *arg, int opt)
{
	struct tags_options *o = (struct tags_options *)arg;
	struct psc_error err;
	switch (opt) {
	case 's':
		if (!psc_tags_sort_parse(optarg, &o->sort))
			return usage_error(
				"tags",
				"--sort is bytes, tag, nonpaged, paged, allocs, frees, diff or per-alloc, not '%s'",
				optarg);
		return -1;
	case 'n':
		return parse_rows("tags", optarg, &o->max_rows);
	case 't':
		if (psc_tag_pattern_check(optarg, &err) != PSC_OK)
			return usage_error("tags", "%s", err.text);
		o->pattern = optarg;
		return -1;
	case OPT_POOL:
		return parse_pools("tags", optarg, &o->pools);
	case OPT_BY:
		return parse_by(o, optarg);
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
		return OPTION_UNKNOWN;
	}
}

static enum psc_status work(struct run *r, void *arg, struct psc_error *reterr)
{
	struct tags_options *o = (struct tags_options *)arg;
	enum psc_status st = psc_tags_run(r->dump, &o->run, &o->result, reterr);
	if (st != PSC_OK)
		return st;
	psc_tags_sort(o->result, o->sort);
	tags_count_budgets(o->result, o);
	r->warnings = psc_tags_warnings(o->result, &r->n_warnings);
	r->coverage = psc_tags_coverage_ratio(o->result);
	r->interrupted = psc_tags_is_interrupted(o->result);
	return PSC_OK;
}

static int print(struct run *r, void *arg)
{
	const struct tags_options *o = (const struct tags_options *)arg;
	int code = run_printed(tags_print(r, o->result, o));
	return code == EXIT_COMPLETE && budget_report(&o->budgets, "held") ? EXIT_BUDGET : code;
}

static void free_result(void *arg)
{
	psc_tags_free(((struct tags_options *)arg)->result);
}

int cmd_tags(int argc, char **argv)
{
	static const struct option options[] = {
		{"sort", required_argument, NULL, 's'},          {"rows", required_argument, NULL, 'n'},
		{"tag", required_argument, NULL, 't'},           {"pool", required_argument, NULL, OPT_POOL},
		{"by", required_argument, NULL, OPT_BY},         {"walk", no_argument, NULL, OPT_WALK},
		{"no-walk", no_argument, NULL, OPT_NO_WALK},     {"tag-file", required_argument, NULL, OPT_TAG_FILE},
		{"budget", required_argument, NULL, OPT_BUDGET}, COMMON_LONG_OPTIONS};
	static const struct command_spec spec = {
		"tags", help, "s:n:t:", options, ~0u, "", tags_option,
	};
	static const struct run_steps steps = {work, print, free_result},
				      caller_steps = {tags_callers_work, tags_callers_print, tags_callers_free};
	static const struct psc_tags_options run_init = PSC_TAGS_OPTIONS_INIT;
	struct tags_options o = {.run = run_init, .sort = PSC_SORT_BYTES, .max_rows = -1};
	struct psc_error err;
	int code = parse_options(&spec, &o.common, &o, argc, argv);
	if (code >= 0)
		return code;
	if ((o.run.flags & PSC_TAGS_BY_SIZE) != 0 && (o.run.flags & PSC_TAGS_NO_WALK) != 0)
		return usage_error("tags", "--by tag,size comes from the walk and cannot be had with --no-walk");
	code = check_by_caller(&o);
	if (code >= 0)
		return code;
	if (dump_argument(argc, argv, optind, "tags") == NULL)
		return EXIT_USAGE;
	if (o.max_rows < 0 && o.common.format == FORMAT_OPENMETRICS)
		o.max_rows = METRICS_ROWS;
	o.max_rows = default_rows(&o.common, o.max_rows);
	o.run.n_threads = o.common.n_threads;
	o.run.progress = progress_callback(&o.common);
	if (o.tag_file != NULL && psc_tag_file_open(o.tag_file, &o.owners, &err) != PSC_OK)
		return report_error(&err);
	code = run_command(&o.common, argv + optind, 1, o.by_caller ? &caller_steps : &steps, &o);
	psc_tag_file_close(o.owners);
	return code;
}
