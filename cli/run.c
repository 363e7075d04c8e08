/* SPDX-License-Identifier: MIT */
#include "run.h"
#include "json.h"
#include "os.h"
#include <stdlib.h>
#include <string.h>

/* ---- options ---- */

static const char *format_name(enum output_format f)
{
	static const char *const names[] = {"table", "json", "ndjson", "csv", "openmetrics", "folded"};
	return names[f];
}

int parse_options(const struct command_spec *spec, struct common_options *o, void *arg, int argc, char **argv)
{
	char short_options[64];
	int opt;
	snprintf(short_options, sizeof(short_options), "%s%s", COMMON_SHORT_OPTIONS, spec->short_options);
	common_options_init(o);
	while ((opt = getopt_long(argc, argv, short_options, spec->options, NULL)) != -1) {
		int code = spec->option != NULL ? spec->option(arg, opt) : OPTION_UNKNOWN;
		if (code == OPTION_UNKNOWN)
			code = common_option(o, opt, spec->name, spec->help);
		if (code >= 0)
			return code;
	}
	if ((spec->formats & FORMAT_BIT(o->format)) != 0)
		return OPTION_DONE;
	if (spec->formats == FORMATS_KD)
		return usage_error(spec->name, "the form of the debugger is the only one here; %s",
				   spec->other_formats);
	return usage_error(spec->name, "%s has no %s form; %s", spec->name, format_name(o->format),
			   spec->other_formats);
}

int parse_rows(const char *command, const char *text, long *ret)
{
	char *end = NULL;
	long n = strtol(text, &end, 10);
	if (end == text || *end != '\0' || n < 0)
		return usage_error(command, "-n takes a number of rows, not '%s'", text);
	*ret = n;
	return OPTION_DONE;
}

long default_rows(const struct common_options *o, long rows)
{
	if (rows >= 0)
		return rows;
	return o->format == FORMAT_TABLE && o->output_path == NULL && stdout_is_terminal() ? 20 : 0;
}

/* ---- running ---- */

static void print_warnings(const struct run *r, const char *const *items, size_t n)
{
	for (size_t i = 0; i < n && !r->o->quiet; i++)
		message("warning: %s", items[i]);
}

void run_warn(struct run *r, const char *const *items, size_t n)
{
	r->warnings = items;
	r->n_warnings = n;
	print_warnings(r, items, n);
}

cJSON *run_warnings(const struct run *r)
{
	size_t n = 0;
	const char *const *items = r->dump != NULL ? psc_dump_warnings(r->dump, &n) : NULL;
	return json_warnings(items, n, r->warnings, r->n_warnings);
}

int run_status(struct run *r, enum psc_status st, const struct psc_error *err)
{
	(void)r;
	progress_clear();
	return st == PSC_OK ? EXIT_COMPLETE : report_error(err);
}

int run_printed(bool ok)
{
	if (!ok)
		message("out of memory");
	return ok ? EXIT_COMPLETE : EXIT_INPUT;
}

static int print(struct run *r, const struct run_steps *steps, void *arg)
{
	struct output out;
	size_t n;
	int code = output_open(&out, r->o);
	if (code != EXIT_COMPLETE)
		return code;
	for (size_t i = 0; i < r->n_dumps; i++) {
		const char *const *w = psc_dump_warnings(r->dumps[i], &n);
		print_warnings(r, w, n);
	}
	print_warnings(r, r->warnings, r->n_warnings);
	r->f = out.f;
	code = steps->print(r, arg);
	progress_clear();
	if (code == EXIT_COMPLETE && r->o->min_coverage >= 0.0 && r->coverage < r->o->min_coverage)
		code = EXIT_COVERAGE;
	return output_close(&out, code);
}

int run_command(struct common_options *o, char *const *paths, size_t n_paths, const struct run_steps *steps, void *arg)
{
	struct run r = {.o = o, .coverage = 1.0};
	struct psc_error err;
	int code = EXIT_COMPLETE;
	for (; r.n_dumps < n_paths && code == EXIT_COMPLETE; r.n_dumps += code == EXIT_COMPLETE)
		code = open_dump(paths[r.n_dumps], o, &r.dumps[r.n_dumps]);
	if (code == EXIT_COMPLETE && r.n_dumps != 0) {
		r.dump = r.dumps[r.n_dumps - 1];
		r.is_32bit = psc_dump_get_info(r.dump)->machine == PSC_MACHINE_X86;
	}
	if (code == EXIT_COMPLETE && steps->work != NULL)
		code = run_status(&r, steps->work(&r, arg, &err), &err);
	if (code == EXIT_COMPLETE)
		code = print(&r, steps, arg);
	if (steps->free != NULL)
		steps->free(arg);
	for (size_t i = 0; i < r.n_dumps; i++)
		psc_dump_close(r.dumps[i]);
	return code;
}
