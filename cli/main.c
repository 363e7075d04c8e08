/* SPDX-License-Identifier: MIT */
#include "cli.h"
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
	{"callers", "who allocated, as Driver Verifier recorded it", cmd_callers},
	{"owner", "who holds a tag: recorded, inferred or circumstantial", cmd_owner},
	{"validate", "what contradicts itself in the pool", cmd_validate},
	{"diff", "what grew between dumps", cmd_diff},
	{"sites", "where code allocates, by disassembling drivers", cmd_sites},
	{"symbols", "which symbol files there are, and which to fetch", cmd_symbols},
	{"poolused", "the same in the form of KD's !poolused", cmd_poolused},
	{"poolval", "a page checked, in the form of KD's !poolval", cmd_poolval},
	{"pool", "the page of an address in the form of KD's !pool", cmd_pool},
	{"poolfind", "blocks of a tag in the form of KD's !poolfind", cmd_poolfind},
	{"verifier", "Driver Verifier's records in the form of KD's !verifier", cmd_verifier},
};
const size_t n_commands = sizeof(commands) / sizeof(commands[0]);

void message(const char *fmt, ...)
{
	va_list ap;
	progress_clear();
	fputs("poolscope: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
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
	for (size_t i = 0; i < n_commands; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].summary);
	puts("\n"
	     "Examples:\n"
	     "  poolscope tags MEMORY.DMP                        every tag, with a walk of the pool beside\n"
	     "  poolscope tags --sort bytes -n 20 MEMORY.DMP     the twenty largest\n"
	     "  poolscope tags --no-walk --format json MEMORY.DMP  counters only, for a script\n"
	     "  poolscope info MEMORY.DMP                        which machine, which build, what is in the file\n"
	     "\n"
	     "'poolscope COMMAND --help' explains a command. Exit status: 0 complete, 1 budget exceeded or defect\n"
	     "found, 2 usage, 3 input cannot be read, 4 coverage below --min-coverage.");
}

int main(int argc, char **argv)
{
	if (os_start(&argc, &argv) != 0) {
		message("out of memory");
		return EXIT_INPUT;
	}
#ifdef SIGPIPE
	/* A pager that is closed ends us quietly, through the write error. */
	signal(SIGPIPE, SIG_IGN);
#endif
	if (argc < 2)
		return usage_error("", "which command?");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		print_help();
		return stdout_finish(EXIT_COMPLETE);
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("poolscope %s\n%s\n", psc_version(), psc_build_features());
		printf("poolscope %s%s\n", psc_version(),
		       psc_sites_available() ? "" : " (without sites: built without Capstone)");
		return stdout_finish(EXIT_COMPLETE);
	}
	for (size_t i = 0; i < n_commands; i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		char name[32]; /* what getopt's own messages start with */
		snprintf(name, sizeof(name), "poolscope %s", commands[i].name);
		argv[1] = name;
		os_program_name(name);
		return commands[i].run(argc - 1, argv + 1);
	}
	return usage_error("", "there is no command '%s'", argv[1]);
}
