/* SPDX-License-Identifier: MIT */
/* One run of a command: options, dumps, work, warnings, result. Every command goes through it; how to write one stands
 * in HACKING.md ("a command"). */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli.h"
#include <cjson/cJSON.h>
#include <getopt.h>

#define DUMPS_MAX 64

#define FORMAT_BIT(f) (1u << (f))
#define FORMATS_KD    FORMAT_BIT(FORMAT_TABLE)
#define FORMATS_ROWS                                                                                                   \
	(FORMAT_BIT(FORMAT_TABLE) | FORMAT_BIT(FORMAT_JSON) | FORMAT_BIT(FORMAT_NDJSON) | FORMAT_BIT(FORMAT_CSV))

/* What a command understands. */
struct command_spec {
	const char *name, *help;
	const char *short_options;         /* its own: "s:n:t:"; "" none */
	const struct option *options;      /* its own, then COMMON_LONG_OPTIONS */
	unsigned formats;                  /* FORMAT_BITs */
	const char *other_formats;         /* who has the others, "'poolscope tags' has it" */
	int (*option)(void *arg, int opt); /* OPTION_DONE, OPTION_UNKNOWN, or an exit code after a message; NULL */
	const char *own_format;            /* one more that option() takes; NULL: none */
};
enum { OPTION_DONE = -1, OPTION_UNKNOWN = -2 };

/* All options; optind is then at the first argument. OPTION_DONE, or the exit code to end with (0 after --help). */
int parse_options(const struct command_spec *spec, struct common_options *o, void *arg, int argc, char **argv);
/* The value of -n. OPTION_DONE or EXIT_USAGE after a message. */
int parse_rows(const char *command, const char *text, long *ret);
/* Rows where -n is not given (negative): 20 on a terminal, else all (0). */
long default_rows(const struct common_options *o, long rows);

struct run {
	const struct common_options *o;
	struct psc_dump *dumps[DUMPS_MAX];
	size_t n_dumps;
	struct psc_dump *dump; /* the last; NULL: the command runs without */
	bool is_32bit;
	FILE *f;                  /* the result; for print only */
	struct table_style style; /* likewise */
	/* Of the result, set by work, or by print through run_warn(): */
	const char *const *warnings;
	size_t n_warnings;
	double coverage;  /* what --min-coverage is held against; 1 until set */
	bool interrupted; /* the result is not complete because its making was ended early */
};

struct run_steps {
	/* Makes the result. NULL: print makes it while it prints. */
	enum psc_status (*work)(struct run *r, void *arg, struct psc_error *reterr);
	/* Prints it to r->f; returns an exit code, after a message when it is EXIT_INPUT. */
	int (*print)(struct run *r, void *arg);
	void (*free)(void *arg); /* the result, before the dumps are closed; NULL: nothing to free */
};

/* Opens the dumps, works, prints warnings and result, frees and closes; returns the exit code. */
int run_command(struct common_options *o, char *const *paths, size_t n_paths, const struct run_steps *steps, void *arg);

/* An address as the dump has it: debuggers extend the sign of 32 bits. For work and print. */
uint64_t run_address(const struct run *r, uint64_t va);
/* What a library call inside print returned: EXIT_COMPLETE, or an exit code after a message. */
int run_status(struct run *r, enum psc_status st, const struct psc_error *err);
/* Inside print: warnings of the result, printed now and kept for run_warnings(). */
void run_warn(struct run *r, const char *const *items, size_t n);
/* "warnings" of a document: of the dump and of the result. */
cJSON *run_warnings(const struct run *r);
/* "coverage" of a document: its ratio, and whether the run was interrupted; the caller adds the rest. */
cJSON *run_coverage(const struct run *r);
/* The same as a line below a table. */
void run_print_coverage(const struct run *r);
/* EXIT_COMPLETE, or EXIT_INPUT after "out of memory". */
int run_printed(bool ok);

#endif
