/* SPDX-License-Identifier: MIT */
#include "cli.h"
#include "json.h"
#include "limits.h"
#include "os.h"
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const struct command commands[] = {
	{"info", "what the dump is, and what can be read from it", cmd_info},
	{"tags", "who holds the pool, per pool tag", cmd_tags},
	{"blocks", "every allocation, one by one", cmd_blocks},
	{"block", "the block that holds an address", cmd_block},
	{"callers", "who allocated, where the dump recorded it", cmd_callers},
	{"owner", "who holds a tag: recorded, inferred or circumstantial", cmd_owner},
	{"validate", "what contradicts itself in the pool", cmd_validate},
	{"diff", "what grew between dumps", cmd_diff},
	{"sites", "where code allocates, by disassembling drivers", cmd_sites},
	{"stacks", "threads and their call stacks in the kernel", cmd_stacks},
	{"symbols", "which symbol files there are, and which to fetch", cmd_symbols},
	{"poolused", "counters of tags in the form of KD's !poolused", cmd_poolused},
	{"poolval", "a page checked, in the form of KD's !poolval", cmd_poolval},
	{"pool", "the page of an address in the form of KD's !pool", cmd_pool},
	{"poolfind", "blocks of a tag in the form of KD's !poolfind", cmd_poolfind},
	{"verifier", "Driver Verifier's records in the form of KD's !verifier", cmd_verifier},
};
const size_t n_commands = sizeof(commands) / sizeof(commands[0]);

static struct {
	bool is_on;
	size_t n;
	char text[8192];
} held;

void message(const char *fmt, ...)
{
	va_list ap;
	progress_clear();
	if (stdout_is_terminal())
		fflush(stdout); /* both are shown in the order in which they were written */
	va_start(ap, fmt);
	if (held.is_on) {
		char line[1024];
		vsnprintf(line, sizeof(line), fmt, ap);
		int n = snprintf(held.text + held.n, sizeof(held.text) - held.n, "poolscope: %s\n", line);
		if ((size_t)n < sizeof(held.text) - held.n)
			held.n += (size_t)n;
		held.text[held.n] = '\0'; /* whole lines only */
	} else {
		fputs("poolscope: ", stderr);
		vfprintf(stderr, fmt, ap);
		fputc('\n', stderr);
		fflush(stderr);
	}
	va_end(ap);
}

void messages_hold(void)
{
	held.is_on = true;
}

void messages_release(void)
{
	fputs(held.text, stderr);
	fflush(stderr);
	held.is_on = false;
	held.n = 0;
	held.text[0] = '\0';
}

void message_no_memory(void)
{
	message("out of memory%s", limits_is_memory_limited() ? ": --max-memory allows no more" : "");
}

int usage_error(const char *command, const char *fmt, ...)
{
	va_list ap;
	fprintf(stderr, "poolscope%s%s: ", command[0] != '\0' ? " " : "", command);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nTry 'poolscope%s%s --help'.\n", command[0] != '\0' ? " " : "", command);
	return EXIT_USAGE;
}

int report_error(const struct psc_error *err)
{
	if (err->status == PSC_E_CANCELLED) {
		message("%s before there was a result", limits_reason());
		return EXIT_COVERAGE;
	}
	if (err->status == PSC_E_NO_MEMORY) {
		message_no_memory();
		return EXIT_INPUT;
	}
	switch (err->where) {
	case PSC_WHERE_FILE_OFFSET:
		message("%s (at file offset 0x%llx)", err->text, (unsigned long long)err->pos);
		break;
	case PSC_WHERE_PA:
		message("%s (at physical address 0x%llx)", err->text, (unsigned long long)err->pos);
		break;
	case PSC_WHERE_VA:
		message("%s (at address 0x%llx)", err->text, (unsigned long long)err->pos);
		break;
	case PSC_WHERE_NONE:
		message("%s", err->text);
		break;
	}
	return err->status == PSC_E_ARGUMENT ? EXIT_USAGE : EXIT_INPUT;
}

static void print_help(void)
{
	puts("Usage: poolscope COMMAND [OPTIONS] DUMP\n"
	     "\n"
	     "Says who holds the Windows kernel pool, from a crash dump alone.\n"
	     "\n"
	     "Commands:");
	for (size_t i = 0; i < n_commands; i++) {
		if (commands[i].run == cmd_poolused) /* they stand last */
			puts("\nThe kernel debugger's, with its arguments:");
		printf("  %-10s %s\n", commands[i].name, commands[i].summary);
	}
	puts("\n"
	     "Examples:\n"
	     "  poolscope tags MEMORY.DMP                        every tag, with a walk of the pool beside\n"
	     "  poolscope tags --sort bytes -n 20 MEMORY.DMP     the twenty largest\n"
	     "  poolscope tags --no-walk --format json MEMORY.DMP  counters only, for a script\n"
	     "  poolscope info MEMORY.DMP                        which machine, which build, what is in the file\n"
	     "\n"
	     "'poolscope COMMAND --help' or 'poolscope help COMMAND' explains a command. Exit status: 0 complete,\n"
	     "1 budget exceeded or defect found, 2 usage, 3 input cannot be read, 4 coverage below --min-coverage,\n"
	     "or interrupted.");
}

int main(int argc, char **argv)
{
	if (os_start(&argc, &argv) != 0) {
		message_no_memory();
		return EXIT_INPUT;
	}
#ifdef SIGPIPE
	/* A pager that is closed ends us quietly, through the write error. */
	signal(SIGPIPE, SIG_IGN);
#endif
	json_start();
	if (argc < 2)
		return usage_error("", "which command? 'poolscope --help' lists them");
	static char help_option[] = "--help";
	if (argc == 3 && strcmp(argv[1], "help") == 0) {
		argv[1] = argv[2];
		argv[2] = help_option;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		print_help();
		return stdout_finish(EXIT_COMPLETE);
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("poolscope %s\n", psc_version());
		size_t n_kernels, n_builds;
		psc_builtin_counts(&n_kernels, &n_builds);
		fputs(psc_build_features(), stdout);
		printf("built-in tables: addresses of %zu kernels, layouts of %zu builds\n", n_kernels, n_builds);
		return stdout_finish(EXIT_COMPLETE);
	}
	for (size_t i = 0; i < n_commands; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	struct suggestion s;
	suggest_init(&s, argv[1]);
	for (size_t i = 0; i < n_commands; i++)
		suggest_try(&s, commands[i].name);
	if (argv[1][0] == '-')
		return usage_error("", "options come after the command; there is no '%s' before it", argv[1]);
	if (is_special_file(argv[1]) || strchr(argv[1], '.') != NULL)
		return usage_error("", "first the command, then the dump: 'poolscope tags %s'?", argv[1]);
	if (s.best != NULL)
		return usage_error("", "there is no command '%s'; did you mean '%s'?", argv[1], s.best);
	return usage_error("", "there is no command '%s'", argv[1]);
}
