/* SPDX-License-Identifier: MIT */
#include "run.h"
#include "coverage.h"
#include "footer.h"
#include "json.h"
#include "limits.h"
#include "os.h"
#include <stdlib.h>
#include <string.h>

/* ---- options ---- */

static const char *const format_names[] = {"table", "json", "ndjson", "csv", "openmetrics", "folded"};
#define N_FORMATS (sizeof(format_names) / sizeof(format_names[0]))

/* The formats of a command as a list; last: what stands before the last one. */
static const char *list_formats(const struct command_spec *spec, const char *first, const char *last, char *buf,
				size_t cap)
{
	const char *names[N_FORMATS + 1];
	size_t n = 0, at = 0;
	for (size_t i = 0; i < N_FORMATS; i++)
		if ((spec->formats & FORMAT_BIT(i)) != 0)
			names[n++] = format_names[i];
	if (spec->own_format != NULL)
		names[n++] = spec->own_format;
	for (size_t i = 0; i < n && at < cap; i++)
		at += (size_t)snprintf(buf + at, cap - at, "%s%s%s",
				       i == 0       ? ""
				       : i + 1 == n ? last
						    : ", ",
				       names[i], i == 0 ? first : "");
	return buf;
}

static int print_command_help(const struct command_spec *spec)
{
	char formats[80];
	const char *mark = strchr(spec->help, COMMON_OPTIONS_MARK[0]);
	fwrite(spec->help, 1, (size_t)(mark - spec->help), stdout);
	if (spec->formats == FORMATS_KD)
		puts("      --format FMT      table, the form of the debugger, is the only one");
	else
		printf("      --format FMT      %s\n",
		       list_formats(spec, " (default)", ", ", formats, sizeof(formats)));
	fputs(mark + 1, stdout);
	return stdout_finish(EXIT_COMPLETE);
}

static int parse_format(const struct command_spec *spec, const char *text, enum output_format *ret)
{
	char formats[80];
	for (size_t i = 0; i < N_FORMATS; i++) {
		if (strcmp(text, format_names[i]) == 0) {
			*ret = (enum output_format)i;
			return OPTION_DONE;
		}
	}
	return usage_error(spec->name, "--format is %s, not '%s'",
			   list_formats(spec, "", " or ", formats, sizeof(formats)), text);
}

/* An option that getopt refused: its letter (0: a word), and the argument it stands in. */
static int bad_option(const struct command_spec *spec, int letter, const char *argument)
{
	struct suggestion s;
	char word[64];
	size_t n = strncmp(argument, "--", 2) == 0 ? strcspn(argument + 2, "=") : 0;
	const struct option *o, *exact = NULL;
	snprintf(word, sizeof(word), "%.*s", (int)(n < sizeof(word) ? n : sizeof(word) - 1),
		 argument + (n != 0 ? 2 : 0));
	suggest_init(&s, word);
	for (o = spec->options; o->name != NULL && n != 0; o++) {
		suggest_try(&s, o->name);
		if (strcmp(o->name, word) == 0)
			exact = o;
	}
	/* A letter is reported when its value is missing, too; of words that value is the option's own number. */
	for (o = spec->options; o->name != NULL && letter != 0 && exact == NULL; o++)
		if (o->val == letter)
			exact = o;
	if (exact != NULL && exact->has_arg == required_argument)
		return usage_error(spec->name, "--%s needs a value", exact->name);
	if (exact != NULL)
		return usage_error(spec->name, "--%s takes no value", exact->name);
	if (n == 0)
		return usage_error(spec->name, "there is no option '-%c'", letter);
	if (s.best != NULL && s.best_distance != 0)
		return usage_error(spec->name, "there is no option '--%s'; did you mean '--%s'?", word, s.best);
	if (s.best != NULL)
		return usage_error(spec->name, "'--%s' may be more than one option, '--%s' for example", word, s.best);
	return usage_error(spec->name, "there is no option '--%s'", word);
}

int parse_options(const struct command_spec *spec, struct common_options *o, void *arg, int argc, char **argv)
{
	char short_options[64];
	int opt;
	snprintf(short_options, sizeof(short_options), "%s%s", COMMON_SHORT_OPTIONS, spec->short_options);
	common_options_init(o);
	opterr = 0; /* our own messages */
	while ((opt = getopt_long(argc, argv, short_options, spec->options, NULL)) != -1) {
		if (opt == '?')
			return bad_option(spec, optopt, argv[optind - 1]);
		int code = spec->option != NULL ? spec->option(arg, opt) : OPTION_UNKNOWN;
		if (code == OPTION_UNKNOWN && opt == 'h')
			code = print_command_help(spec);
		else if (code == OPTION_UNKNOWN && opt == OPT_FORMAT)
			code = parse_format(spec, optarg, &o->format);
		else if (code == OPTION_UNKNOWN)
			code = common_option(o, opt, spec->name);
		if (code >= 0)
			return code;
	}
	if (spec->formats == FORMATS_KD && o->format == FORMAT_TABLE && o->table_option != NULL)
		return usage_error(spec->name, "%s is for tables; lines here are those of the debugger; %s",
				   o->table_option, spec->other_formats);
	if ((spec->formats & FORMAT_BIT(o->format)) != 0)
		return OPTION_DONE;
	if (spec->formats == FORMATS_KD)
		return usage_error(spec->name, "the form of the debugger is the only one here; %s",
				   spec->other_formats);
	char formats[80];
	return usage_error(spec->name, "%s has no %s form, but %s; %s", spec->name, format_names[o->format],
			   list_formats(spec, "", ", ", formats, sizeof(formats)), spec->other_formats);
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

cJSON *run_coverage(const struct run *r)
{
	cJSON *o = cJSON_CreateObject();
	json_add_ratio(o, r->coverage);
	cJSON_AddBoolToObject(o, "interrupted", r->interrupted);
	return o;
}

void run_print_coverage(const struct run *r)
{
	footer_printf(r->f, "Coverage: %.1f%%%s\n", 100.0 * r->coverage, r->interrupted ? ", interrupted" : "");
}

uint64_t run_address(const struct run *r, uint64_t va)
{
	return r->is_32bit && va >> 31 == 0x1ffffffffu ? va & UINT32_MAX : va;
}

int run_status(struct run *r, enum psc_status st, const struct psc_error *err)
{
	progress_clear();
	r->interrupted |= st == PSC_E_CANCELLED;
	return st == PSC_OK ? EXIT_COMPLETE : report_error(err);
}

int run_printed(bool ok)
{
	if (!ok)
		message_no_memory();
	return ok ? EXIT_COMPLETE : EXIT_INPUT;
}

static struct table_style style_of(const struct common_options *o, const struct output *out)
{
	struct table_style s = {.columns = 0, .human = o->human_bytes || (out->is_terminal && !o->exact_bytes)};
	const char *no_color = getenv("NO_COLOR");
	if (o->width > 0)
		s.columns = (unsigned)o->width;
	else if (o->width < 0 && out->is_terminal)
		s.columns = terminal_columns();
	if (o->color == COLOR_AUTO)
		s.color = out->is_terminal && (no_color == NULL || *no_color == '\0') && terminal_takes_color(false) &&
			  (!out->is_pager || pager_takes_color());
	else
		s.color = o->color == COLOR_ALWAYS;
	return s;
}

static int print(struct run *r, const struct run_steps *steps, void *arg, struct output *out)
{
	size_t n;
	for (size_t i = 0; i < r->n_dumps; i++) {
		const char *const *w = psc_dump_warnings(r->dumps[i], &n);
		print_warnings(r, w, n);
	}
	print_warnings(r, r->warnings, r->n_warnings);
	/* A pager only when there is something to show. */
	int code = r->o->output_path == NULL ? output_open(out, r->o) : EXIT_COMPLETE;
	if (code != EXIT_COMPLETE)
		return code;
	r->f = out->f;
	r->style = style_of(r->o, out);
	footer_start(r->style.columns);
	code = steps->print(r, arg);
	progress_clear();
	if (r->interrupted && code != EXIT_INPUT && code != EXIT_COVERAGE)
		message("%s: the result is not complete", limits_reason());
	if (r->interrupted && code != EXIT_INPUT)
		code = EXIT_COVERAGE;
	else if (code == EXIT_COMPLETE && r->o->min_coverage >= 0.0 && r->coverage < r->o->min_coverage)
		code = EXIT_COVERAGE;
	return output_close(out, code);
}

int run_command(struct common_options *o, char *const *paths, size_t n_paths, const struct run_steps *steps, void *arg)
{
	struct run r = {.o = o, .coverage = 1.0};
	struct output out = {.f = NULL};
	struct psc_error err;
	int code = limits_start(o, &o->open.cancel);
	for (; r.n_dumps < n_paths && code == EXIT_COMPLETE; r.n_dumps += code == EXIT_COMPLETE)
		code = open_dump(paths[r.n_dumps], o, &r.dumps[r.n_dumps]);
	if (code == EXIT_COMPLETE && r.n_dumps != 0) {
		r.dump = r.dumps[r.n_dumps - 1];
		r.is_32bit = psc_dump_get_info(r.dump)->machine == PSC_MACHINE_X86;
	}
	/* That a file cannot be written is said before the work, not after hours of it. */
	if (code == EXIT_COMPLETE && o->output_path != NULL)
		code = output_open(&out, o);
	if (code == EXIT_COMPLETE && steps->work != NULL) {
		code = run_status(&r, steps->work(&r, arg, &err), &err);
		if (code != EXIT_COMPLETE && o->output_path != NULL)
			(void)output_close(&out, EXIT_INPUT); /* no result: the file stays as it is */
	}
	if (code == EXIT_COMPLETE)
		code = print(&r, steps, arg, &out);
	if (steps->free != NULL)
		steps->free(arg);
	for (size_t i = 0; i < r.n_dumps; i++)
		psc_dump_close(r.dumps[i]);
	return code;
}
