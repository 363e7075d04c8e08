/* SPDX-License-Identifier: MIT */
/* What the commands share: options, exit codes, messages. The program uses only the public API of libpoolscope. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <poolscope/poolscope.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Frozen: scripts depend on them (man poolscope, EXIT STATUS). */
enum exit_code {
	EXIT_COMPLETE = 0,
	EXIT_BUDGET = 1,
	EXIT_USAGE = 2,
	EXIT_INPUT = 3,
	EXIT_COVERAGE = 4,
};

enum output_format { FORMAT_TABLE, FORMAT_JSON, FORMAT_NDJSON, FORMAT_CSV, FORMAT_OPENMETRICS, FORMAT_FOLDED };

#define RUN_MAP_MAX  64
#define WITH_MAX     32
#define PAGEFILE_MAX 16

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* How a table is to look. */
struct table_style {
	unsigned columns; /* 0: as wide as it is */
	bool color;
	bool human; /* sizes in KiB, MiB, ...; else exact */
};

/* Options that every command takes. */
struct common_options {
	enum output_format format;
	struct psc_open_options open;
	struct psc_run_map run_map[RUN_MAP_MAX];
	const char *more_files[WITH_MAX];
	struct psc_pagefile pagefiles[PAGEFILE_MAX];
	uint32_t n_threads;
	double min_coverage; /* 0..1; below 0 = not asked for */
	bool quiet, verbose, no_progress, no_symbols;
	const char *output_path;   /* -o; NULL = stdout */
	uint64_t timeout_ms;       /* 0: none */
	uint64_t max_memory_bytes; /* 0: no limit */
	enum color color;
	long width;                    /* of tables; 0: any; -1: of the terminal */
	bool exact_bytes, human_bytes; /* --bytes, --human; neither: human on a terminal */
	const char *table_option;      /* the last of those that only tables obey; NULL: none was given */
	bool no_pager;
};

struct command {
	const char *name;
	const char *summary;               /* one line of `poolscope --help` */
	int (*run)(int argc, char **argv); /* argv[0] is the command's name */
};

extern const struct command commands[];
extern const size_t n_commands;

int cmd_block(int argc, char **argv);
int cmd_blocks(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_owner(int argc, char **argv);
int cmd_sites(int argc, char **argv);
int cmd_stacks(int argc, char **argv);
int cmd_symbols(int argc, char **argv);
int cmd_tags(int argc, char **argv);
int cmd_validate(int argc, char **argv);
int cmd_pool(int argc, char **argv);
int cmd_poolfind(int argc, char **argv);
int cmd_callers(int argc, char **argv);
int cmd_verifier(int argc, char **argv);
int cmd_poolused(int argc, char **argv);
int cmd_poolval(int argc, char **argv);

/* "poolscope: text" on stderr. */
void message(const char *fmt, ...) PSC_PRINTF(1, 2);
/* "out of memory", and why when --max-memory is. */
void message_no_memory(void);
/* Keeps messages back, while something else writes to the terminal, and prints what was kept. */
void messages_hold(void);
void messages_release(void);
/* message plus where to look for help; returns EXIT_USAGE. */
int usage_error(const char *command, const char *fmt, ...) PSC_PRINTF(2, 3);
/* The error as one line; returns the exit code that fits its status. */
int report_error(const struct psc_error *err);

/* In a help text: print_command_help() puts the line of --format there, with the formats that the command has. */
#define COMMON_OPTIONS_MARK "\001"
#define COMMON_OPTIONS_HELP                                                                                            \
	COMMON_OPTIONS_MARK                                                                                            \
	"  -o, --output FILE     write the result to FILE, replaced only when complete\n"                              \
	"      --isf FILE        Volatility symbol table (ISF) of this kernel\n"                                       \
	"      --symbols PATH    symbol file, directory or path as in _NT_SYMBOL_PATH; repeatable\n"                   \
	"      --no-symbols      use no symbol file, whatever else is said\n"                                          \
	"      --no-builtin      do not use the built-in tables of kernels\n"                                          \
	"      --image-format F  auto (default), or raw: physical memory and nothing else\n"                           \
	"      --run-map MAP     where memory lies in a raw image: START-END@OFFSET,... (hexadecimal)\n"               \
	"      --with FILE       further file of the same dump (VMware state, split kdump); repeatable\n"              \
	"      --pagefile N=FILE page file number N of the same moment; repeatable\n"                                  \
	"      --dtb PA          kernel page tables, where no dump header names them\n"                                \
	"      --kernel-base VA  kernel image, likewise\n"                                                             \
	"      --kdbg VA         debugger data block, likewise\n"                                                      \
	"      --threads N       worker threads (default: one per processor)\n"                                        \
	"      --min-coverage P  exit with 4 when less than P percent could be read\n"                                 \
	"      --no-mmap         read the file instead of mapping it\n"                                                \
	"      --tmpdir DIR      where compressed dumps are unpacked\n"                                                \
	"      --timeout SECONDS end after so long with what there is, exit with 4; so does Ctrl-C\n"                  \
	"      --max-memory SIZE fail rather than use more memory (512M, 2G); mapped files do not count\n"             \
	"      --bytes           exact sizes in tables (default unless on a terminal)\n"                               \
	"      --human           sizes in tables in KiB, MiB, GiB (default on a terminal)\n"                           \
	"      --width COLUMNS   width of tables; 0: any (default: that of the terminal)\n"                            \
	"      --color WHEN      auto (default), always or never; NO_COLOR is honoured\n"                              \
	"      --no-color        the same as --color never\n"                                                          \
	"      --no-pager        do not show the result through $PAGER on a terminal\n"                                \
	"      --no-progress     no progress bar\n"                                                                    \
	"  -q, --quiet           no warnings on stderr\n"                                                              \
	"  -v, --verbose         say what is being done on stderr\n"                                                   \
	"  -h, --help            this text\n"

/* Values of long options without a short form, and those of a command from OPT_COMMAND on. */
enum {
	OPT_FORMAT = 256,
	OPT_ISF,
	OPT_SYMBOLS,
	OPT_NO_SYMBOLS,
	OPT_NO_BUILTIN,
	OPT_IMAGE_FORMAT,
	OPT_RUN_MAP,
	OPT_WITH,
	OPT_PAGEFILE,
	OPT_DTB,
	OPT_KERNEL_BASE,
	OPT_KDBG,
	OPT_THREADS,
	OPT_MIN_COVERAGE,
	OPT_NO_MMAP,
	OPT_TMPDIR,
	OPT_NO_PROGRESS,
	OPT_TIMEOUT,
	OPT_MAX_MEMORY,
	OPT_BYTES,
	OPT_HUMAN,
	OPT_WIDTH,
	OPT_COLOR,
	OPT_NO_COLOR,
	OPT_NO_PAGER,
	OPT_COMMAND = 512,
};
#define COMMON_SHORT_OPTIONS "ho:qv"
#define COMMON_LONG_OPTIONS                                                                                            \
	{"format", required_argument, NULL, OPT_FORMAT}, {"output", required_argument, NULL, 'o'},                     \
		{"isf", required_argument, NULL, OPT_ISF}, {"symbols", required_argument, NULL, OPT_SYMBOLS},          \
		{"no-symbols", no_argument, NULL, OPT_NO_SYMBOLS}, {"no-builtin", no_argument, NULL, OPT_NO_BUILTIN},  \
		{"image-format", required_argument, NULL, OPT_IMAGE_FORMAT},                                           \
		{"run-map", required_argument, NULL, OPT_RUN_MAP}, {"with", required_argument, NULL, OPT_WITH},        \
		{"pagefile", required_argument, NULL, OPT_PAGEFILE}, {"dtb", required_argument, NULL, OPT_DTB},        \
		{"kernel-base", required_argument, NULL, OPT_KERNEL_BASE},                                             \
		{"kdbg", required_argument, NULL, OPT_KDBG}, {"threads", required_argument, NULL, OPT_THREADS},        \
		{"min-coverage", required_argument, NULL, OPT_MIN_COVERAGE},                                           \
		{"no-mmap", no_argument, NULL, OPT_NO_MMAP}, {"tmpdir", required_argument, NULL, OPT_TMPDIR},          \
		{"timeout", required_argument, NULL, OPT_TIMEOUT},                                                     \
		{"max-memory", required_argument, NULL, OPT_MAX_MEMORY}, {"bytes", no_argument, NULL, OPT_BYTES},      \
		{"human", no_argument, NULL, OPT_HUMAN}, {"width", required_argument, NULL, OPT_WIDTH},                \
		{"color", required_argument, NULL, OPT_COLOR}, {"no-color", no_argument, NULL, OPT_NO_COLOR},          \
		{"no-pager", no_argument, NULL, OPT_NO_PAGER}, {"no-progress", no_argument, NULL, OPT_NO_PROGRESS},    \
		{"quiet", no_argument, NULL, 'q'}, {"verbose", no_argument, NULL, 'v'},                                \
		{"help", no_argument, NULL, 'h'},                                                                      \
	{                                                                                                              \
		NULL, 0, NULL, 0                                                                                       \
	}

void common_options_init(struct common_options *o);
/* Handles one getopt_long result, but for --help and --format. Returns -1 when it was a common option and is fine, -2
 * when it is not a common one, else an exit code after a message. */
int common_option(struct common_options *o, int opt, const char *command);
/* The same for those that say how to read memory without a Windows header; common_option calls it. */
int image_option(struct common_options *o, int opt, const char *command);
/* An address of the pool; -1, or EXIT_USAGE after a message. */
int address_argument(const char *command, const char *text, uint64_t *ret);
/* The one dump argument after the options; NULL after a message. */
const char *dump_argument(int argc, char **argv, int first, const char *command);

/* Where symbols are searched: what --symbols named, then the environment unless there is --no-symbols. One list for the
 * whole run. Returns EXIT_COMPLETE or an exit code after a message. */
int symbol_search(const struct common_options *o, struct psc_symbol_search **ret);
/* Open with progress and warnings wired up. Returns EXIT_COMPLETE or an exit code after a message. */
int open_dump(const char *path, struct common_options *o, struct psc_dump **ret);

/* suggest.c: of all words that are tried the one that is most like it; NULL: none is. */
struct suggestion {
	const char *word, *best;
	unsigned best_distance;
};
void suggest_init(struct suggestion *s, const char *word);
void suggest_try(struct suggestion *s, const char *known);

/* parse.c: n characters of text. false: no number, or too large. */
/* Decimal with an optional K, M, G or T (powers of 1024), or hexadecimal with 0x. */
bool parse_bytes(const char *text, size_t n, uint64_t *ret);
/* Hexadecimal, with or without 0x; debuggers' ` between the halves is skipped. */
bool parse_address(const char *text, size_t n, uint64_t *ret);

/* Names of a comma-separated list as bits; 0 when one is not known. */
uint32_t parse_list(const char *text, const char *(*name)(unsigned i), unsigned n);
/* The value of --pool, as bits of enum psc_pool. -1, or EXIT_USAGE after a message. */
int parse_pools(const char *command, const char *text, uint32_t *ret);
#define POOLS_HELP "      --pool LIST       only these of nonpaged, paged, session\n"

/* Progress bar on stderr when it is a terminal; see progress.c. */
psc_progress_fn *progress_callback(const struct common_options *o);
void progress_clear(void);
void progress_stop(void); /* no bar any more: something else writes to the terminal */

/* Result stream: stdout or -o FILE through a temporary name. */
struct output {
	FILE *f;
	const char *path; /* NULL = stdout, or a pager before it */
	bool is_terminal, is_pager;
	char *temp_path; /* NULL: path is written in place */
};
int output_open(struct output *out, const struct common_options *o);
/* Flush, check for write errors, rename into place. exit_code is passed through unless writing failed; EXIT_INPUT says
 * that the result is not complete: then no file appears. A reader that went away (closed pipe) is not an error. */
int output_close(struct output *out, int exit_code);
/* The same for what was printed to stdout without an output: help and version. */
int stdout_finish(int exit_code);

#endif
