/* SPDX-License-Identifier: MIT */
#include "cli.h"
#include "os.h"
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

void common_options_init(struct common_options *o)
{
	static const struct psc_open_options open_init = PSC_OPEN_OPTIONS_INIT;
	memset(o, 0, sizeof(*o));
	o->format = FORMAT_TABLE;
	o->min_coverage = -1.0;
	o->width = -1;
	o->open = open_init;
}

/* Kept to the end of the process: dumps borrow it. */
static struct psc_symbol_search *searched;
static bool has_environment;

static int add_symbols(const char *command, const char *path)
{
	struct psc_error err;
	if (*path == '\0')
		return usage_error(command, "--symbols takes a file, a directory or a symbol path, not ''");
	enum psc_status st = searched == NULL ? psc_symbol_search_new(&searched, &err) : PSC_OK;
	if (st == PSC_OK)
		st = psc_symbol_search_add(searched, path, "--symbols", &err);
	return st == PSC_OK ? -1 : report_error(&err);
}

int symbol_search(const struct common_options *o, struct psc_symbol_search **ret)
{
	struct psc_error err;
	enum psc_status st = searched == NULL ? psc_symbol_search_new(&searched, &err) : PSC_OK;
	if (st == PSC_OK && !has_environment && !o->no_symbols) {
		st = psc_symbol_search_add_environment(searched, &err);
		has_environment = true;
	}
	*ret = searched;
	return st == PSC_OK ? EXIT_COMPLETE : report_error(&err);
}

#define MEMORY_MIN (16u << 20) /* less does not even load the program's libraries on every system */

static int parse_color(const char *text, const char *command, enum color *ret)
{
	static const char *const names[] = {"auto", "always", "never"};
	for (int i = 0; i < 3; i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum color)i;
			return -1;
		}
	}
	return usage_error(command, "--color is auto, always or never, not '%s'", text);
}

/* NULL: more than tables obey it. */
static const char *table_option(int opt)
{
	switch (opt) {
	case OPT_BYTES:
		return "--bytes";
	case OPT_HUMAN:
		return "--human";
	case OPT_WIDTH:
		return "--width";
	case OPT_COLOR:
		return "--color";
	case OPT_NO_COLOR:
		return "--no-color";
	default:
		return NULL;
	}
}

int common_option(struct common_options *o, int opt, const char *command)
{
	char *end = NULL;
	if (table_option(opt) != NULL)
		o->table_option = table_option(opt);
	switch (opt) {
	case OPT_ISF:
		o->open.isf_path = optarg;
		return -1;
	case OPT_SYMBOLS:
		return add_symbols(command, optarg);
	case OPT_NO_SYMBOLS:
		o->no_symbols = true;
		o->open.flags |= PSC_OPEN_NO_SYMBOLS;
		return -1;
	case OPT_NO_BUILTIN:
		o->open.flags |= PSC_OPEN_NO_BUILTIN;
		return -1;
	case OPT_THREADS: {
		unsigned long n = strtoul(optarg, &end, 10);
		if (*optarg < '0' || *optarg > '9' || *end != '\0' || n < 1 || n > 64)
			return usage_error(command, "--threads takes a number from 1 to 64, not '%s'", optarg);
		o->n_threads = (uint32_t)n;
		return -1;
	}
	case OPT_MIN_COVERAGE: {
		double p = strtod(optarg, &end);
		if (end == optarg || (*end != '\0' && strcmp(end, "%") != 0) || !(p >= 0.0 && p <= 100.0))
			return usage_error(command, "--min-coverage takes a percentage from 0 to 100, not '%s'",
					   optarg);
		o->min_coverage = p / 100.0;
		return -1;
	}
	case OPT_NO_MMAP:
		o->open.flags |= PSC_OPEN_NO_MMAP;
		return -1;
	case OPT_TMPDIR:
		o->open.tmpdir = optarg;
		return -1;
	case OPT_TIMEOUT: {
		double s = strtod(optarg, &end);
		if (end == optarg || *end != '\0' || !(s > 0.0 && s <= 1e9))
			return usage_error(command, "--timeout takes a number of seconds, not '%s'", optarg);
		o->timeout_ms = s < 0.001 ? 1 : (uint64_t)(s * 1000.0);
		return -1;
	}
	case OPT_MAX_MEMORY:
		if (!parse_bytes(optarg, strlen(optarg), &o->max_memory_bytes) || o->max_memory_bytes < MEMORY_MIN)
			return usage_error(command, "--max-memory takes a size of at least %uM, such as 512M, not '%s'",
					   MEMORY_MIN >> 20, optarg);
		return -1;
	case OPT_BYTES:
		o->exact_bytes = true;
		return -1;
	case OPT_HUMAN:
		o->human_bytes = true;
		return -1;
	case OPT_WIDTH:
		o->width = strtol(optarg, &end, 10);
		if (end == optarg || *end != '\0' || o->width < 0 || o->width > 100000)
			return usage_error(command, "--width takes a number of columns, not '%s'", optarg);
		return -1;
	case OPT_COLOR:
		return parse_color(optarg, command, &o->color);
	case OPT_NO_COLOR:
		o->color = COLOR_NEVER;
		return -1;
	case OPT_NO_PAGER:
		o->no_pager = true;
		return -1;
	case OPT_NO_PROGRESS:
		o->no_progress = true;
		return -1;
	case 'o':
		o->output_path = optarg;
		return -1;
	case 'q':
		o->quiet = true;
		return -1;
	case 'v':
		o->verbose = true;
		return -1;
	default:
		return image_option(o, opt, command);
	}
}

int address_argument(const char *command, const char *text, uint64_t *ret)
{
	if (!parse_address(text, strlen(text), ret))
		return usage_error(command, "ADDRESS is hexadecimal, not '%s'", text);
	if (*ret == 0)
		return usage_error(command, "ADDRESS is one of the pool; 0 means a process heap to the debugger");
	return -1;
}

const char *dump_argument(int argc, char **argv, int first, const char *command)
{
	if (first >= argc) {
		usage_error(command, "which dump? Give the path of a MEMORY.DMP");
		return NULL;
	}
	if (first + 1 < argc) {
		usage_error(command, "one dump at a time; '%s' is one too many", argv[first + 1]);
		return NULL;
	}
	return argv[first];
}

static void log_to_stderr(void *arg, enum psc_log_level level, const char *text)
{
	const struct common_options *o = (const struct common_options *)arg;
	if (o->verbose && level >= PSC_LOG_INFO)
		message("%s", text);
}

int open_dump(const char *path, struct common_options *o, struct psc_dump **ret)
{
	struct psc_error err;
	if (strcmp(path, "-") == 0) {
		message("a dump cannot be read from standard input: it is read at random offsets; save it to a file");
		return EXIT_INPUT;
	}
	int code = symbol_search(o, &o->open.symbol_search);
	if (code != EXIT_COMPLETE)
		return code;
	if (o->output_path != NULL && is_same_file(o->output_path, path)) {
		message("--output names the dump itself; it would be overwritten");
		return EXIT_USAGE;
	}
	o->open.log = log_to_stderr;
	o->open.log_arg = o;
	o->open.progress = progress_callback(o);
	enum psc_status st = psc_dump_open(path, &o->open, ret, &err);
	progress_clear();
	return st == PSC_OK ? EXIT_COMPLETE : report_error(&err);
}
