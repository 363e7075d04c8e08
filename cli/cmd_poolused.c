/* SPDX-License-Identifier: MIT */
/* poolscope poolused [FLAGS [TAG]] DUMP: KD's !poolused on a dump. Flags and their meaning as the debugger's public
 * documentation gives them: 1 verbose, 2 sort by nonpaged, 4 sort by paged, 8 session pool. Column widths as in outputs
 * that engineers publish from current debuggers. */
#include "cli.h"
#include "rows.h"
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: poolscope poolused [OPTIONS] [FLAGS [TAG]] DUMP\n"
	"\n"
	"Prints the tag trackers in the form of the kernel debugger's !poolused.\n"
	"FLAGS (hexadecimal): 1 verbose, 2 sort by nonpaged, 4 sort by paged (not both), 8 session pool.\n"
	"TAG: exactly four characters unless it holds '*'; '?' is any one character; case counts.\n"
	"In the summary, Allocs are the outstanding allocations, as in the debugger.\n"
	"\n"
	"Options:\n"
	"      --tag-file FILE   owner names from a file in pooltag.txt format\n" COMMON_OPTIONS_HELP "\n"
	"Examples:\n"
	"  poolscope poolused 4 MEMORY.DMP\n"
	"  poolscope poolused 2 'Ntf*' MEMORY.DMP\n";

enum { FLAG_VERBOSE = 1, FLAG_NONPAGED = 2, FLAG_PAGED = 4, FLAG_SESSION = 8 };
enum { OPT_TAG_FILE = OPT_COMMAND };

/* One line of the table: both pools of a tag. */
struct line {
	const uint8_t *tag;
	const struct psc_tag_row *half[2]; /* nonpaged, paged; NULL = nothing */
};

static int64_t used(const struct line *l, int pool)
{
	return l->half[pool] != NULL ? l->half[pool]->live_bytes : 0;
}

static int compare_tag(const void *pa, const void *pb)
{
	return memcmp(((const struct line *)pa)->tag, ((const struct line *)pb)->tag, 4);
}

static int compare_used(const void *pa, const void *pb, int pool)
{
	const struct line *a = (const struct line *)pa, *b = (const struct line *)pb;
	int64_t x = used(a, pool), y = used(b, pool);
	return x != y ? (x > y ? -1 : 1) : compare_tag(a, b);
}

static int compare_nonpaged(const void *a, const void *b)
{
	return compare_used(a, b, 0);
}

static int compare_paged(const void *a, const void *b)
{
	return compare_used(a, b, 1);
}

/* Rows come sorted by pool, then tag; the session pool counts as paged (its trackers are paged session pool). */
static size_t make_lines(const struct psc_tag_row *rows, size_t n, unsigned flags, const char *pattern,
			 struct line *lines)
{
	size_t n_lines = 0;
	for (size_t i = 0; i < n; i++) {
		const struct psc_tag_row *r = &rows[i];
		bool is_session = r->pool == PSC_POOL_SESSION;
		if (!r->has_tracker || is_session != ((flags & FLAG_SESSION) != 0))
			continue;
		if (pattern != NULL && !psc_tag_pattern_match(pattern, r->tag))
			continue;
		lines[n_lines].tag = r->tag;
		lines[n_lines].half[0] = r->pool == PSC_POOL_NONPAGED ? r : NULL;
		lines[n_lines].half[1] = r->pool == PSC_POOL_NONPAGED ? NULL : r;
		n_lines++;
	}
	if (n_lines > 1)
		qsort(lines, n_lines, sizeof(*lines), compare_tag);
	size_t out = 0;
	for (size_t i = 0; i < n_lines; i++) {
		if (out > 0 && memcmp(lines[out - 1].tag, lines[i].tag, 4) == 0) {
			for (int pool = 0; pool < 2; pool++)
				if (lines[i].half[pool] != NULL)
					lines[out - 1].half[pool] = lines[i].half[pool];
		} else {
			lines[out++] = lines[i];
		}
	}
	return out;
}

struct sums {
	uint64_t allocs, frees;
	int64_t live, bytes;
	bool live_unknown; /* a part of the tables is missing */
};

static void print_half(FILE *f, bool verbose, int pool, const struct sums *s)
{
	char live[24] = "?", bytes[24] = "?";
	if (!s->live_unknown) {
		snprintf(live, sizeof(live), "%" PRId64, s->live);
		snprintf(bytes, sizeof(bytes), "%" PRId64, s->bytes);
	}
	if (pool != 0)
		fputc(' ', f);
	if (verbose)
		fprintf(f, "%10" PRIu64 " %10" PRIu64 " %10s %13s", s->allocs, s->frees, live, bytes);
	else
		fprintf(f, "%10s %12s", live, bytes);
}

static void print_lines(FILE *f, const struct line *lines, size_t n, unsigned flags, const struct psc_tag_file *owners)
{
	bool verbose = (flags & FLAG_VERBOSE) != 0;
	struct sums total[2];
	memset(total, 0, sizeof(total));

	fprintf(f, " Sorting by %s\n\n",
		(flags & FLAG_NONPAGED) != 0 ? "NonPaged Pool Consumed"
		: (flags & FLAG_PAGED) != 0  ? "Paged Pool Consumed"
					     : "Tag");
	if (verbose) {
		fputs("               NonPaged                                        Paged\n", f);
		fputs(" Tag      Allocs      Frees       Diff          Used     Allocs      Frees       Diff          "
		      "Used\n\n",
		      f);
	} else {
		fputs("               NonPaged                  Paged\n", f);
		fputs(" Tag     Allocs         Used     Allocs         Used\n\n", f);
	}
	for (size_t i = 0; i < n; i++) {
		char tag[5] = "....";
		for (int b = 0; b < 4; b++)
			if (lines[i].tag[b] >= 0x20 && lines[i].tag[b] < 0x7f)
				tag[b] = (char)lines[i].tag[b];
		fprintf(f, " %s", tag);
		for (int pool = 0; pool < 2; pool++) {
			const struct psc_tag_row *r = lines[i].half[pool];
			struct sums s = {0, 0, 0, 0, false};
			if (r != NULL) {
				s.allocs = r->allocs;
				s.frees = r->frees;
				s.live = r->live;
				s.bytes = r->live_bytes;
				s.live_unknown = !r->has_live;
			}
			total[pool].allocs += s.allocs;
			total[pool].frees += s.frees;
			total[pool].live += s.live;
			total[pool].bytes += s.bytes;
			total[pool].live_unknown |= s.live_unknown;
			print_half(f, verbose, pool, &s);
		}
		const char *owner = owners != NULL ? psc_tag_file_lookup(owners, lines[i].tag) : NULL;
		if (owner != NULL)
			fprintf(f, "\t%s\n", owner);
		else
			fprintf(f, "\tUNKNOWN pooltag '%s', please update pooltag.txt\n", tag);
	}
	fputs("\n TOTAL", f);
	print_half(f, verbose, 0, &total[0]);
	print_half(f, verbose, 1, &total[1]);
	fputc('\n', f);
}

static int print_table(struct common_options *o, const struct psc_tags *tags, unsigned flags, const char *pattern,
		       const struct psc_tag_file *owners)
{
	size_t n, n_lines;
	const struct psc_tag_row *rows = psc_tags_rows(tags, &n);
	struct line *lines = (struct line *)calloc(n + 1, sizeof(*lines));
	struct output out;
	int code;

	if (lines == NULL) {
		message("out of memory");
		return EXIT_INPUT;
	}
	code = output_open(&out, o);
	if (code == EXIT_COMPLETE) {
		n_lines = make_lines(rows, n, flags, pattern, lines);
		if (n_lines > 1 && (flags & FLAG_NONPAGED) != 0)
			qsort(lines, n_lines, sizeof(*lines), compare_nonpaged);
		else if (n_lines > 1 && (flags & FLAG_PAGED) != 0)
			qsort(lines, n_lines, sizeof(*lines), compare_paged);
		print_lines(out.f, lines, n_lines, flags, owners);
		code = output_close(&out, code);
	}
	free(lines);
	return code;
}

static int run(struct common_options *o, const char *path, unsigned flags, const char *pattern,
	       const struct psc_tag_file *owners)
{
	struct psc_tags_options to = PSC_TAGS_OPTIONS_INIT;
	struct psc_dump *dump = NULL;
	struct psc_tags *tags = NULL;
	struct psc_error err;
	size_t n;
	int code = open_dump(path, o, &dump);

	if (code != EXIT_COMPLETE)
		return code;
	to.flags = PSC_TAGS_NO_WALK;
	if (psc_tags_run(dump, &to, &tags, &err) != PSC_OK) {
		code = report_error(&err);
	} else {
		const struct psc_tags_totals *t = psc_tags_get_totals(tags, &n);
		size_t n_warnings;
		const char *const *w = psc_dump_warnings(dump, &n_warnings);
		print_warnings(o, w, n_warnings);
		w = psc_tags_warnings(tags, &n_warnings);
		print_warnings(o, w, n_warnings);
		if (!t[(flags & FLAG_SESSION) != 0 ? PSC_POOL_SESSION : PSC_POOL_NONPAGED].has_tracker) {
			message("the tag trackers of this dump cannot be read; 'poolscope info' says why");
			code = EXIT_INPUT;
		} else {
			code = print_table(o, tags, flags, pattern, owners);
			if (code == EXIT_COMPLETE && o->min_coverage >= 0.0 &&
			    psc_tags_coverage_ratio(tags) < o->min_coverage)
				code = EXIT_COVERAGE;
		}
	}
	psc_tags_free(tags);
	psc_dump_close(dump);
	return code;
}

int cmd_poolused(int argc, char **argv)
{
	static const struct option options[] = {{"tag-file", required_argument, NULL, OPT_TAG_FILE},
						COMMON_LONG_OPTIONS};
	struct common_options o;
	const char *tag_file = NULL, *pattern = NULL;
	struct psc_tag_file *owners = NULL;
	struct psc_error err;
	unsigned long flags = 0;
	int opt;

	common_options_init(&o);
	while ((opt = getopt_long(argc, argv, COMMON_SHORT_OPTIONS, options, NULL)) != -1) {
		if (opt == OPT_TAG_FILE) {
			tag_file = optarg;
			continue;
		}
		int code = common_option(&o, opt, "poolused", help);
		if (code >= 0)
			return code;
	}
	if (o.format != FORMAT_TABLE)
		return usage_error("poolused",
				   "KD's table is the only format here; 'poolscope tags --no-walk' has the others");
	int n_args = argc - optind;
	if (n_args > 3)
		return usage_error("poolused", "too many arguments: [FLAGS [TAG]] DUMP");
	if (n_args >= 2) {
		char *end = NULL;
		flags = strtoul(argv[optind], &end, 16);
		if (end == argv[optind] || *end != '\0' || flags > 15)
			return usage_error("poolused", "FLAGS is a sum of 1, 2, 4 and 8 (hexadecimal), not '%s'",
					   argv[optind]);
		if ((flags & FLAG_NONPAGED) != 0 && (flags & FLAG_PAGED) != 0)
			return usage_error("poolused", "flags 2 and 4 exclude each other");
	}
	if (n_args == 3) {
		pattern = argv[optind + 1];
		if (psc_tag_pattern_check(pattern, &err) != PSC_OK)
			return usage_error("poolused", "%s", err.text);
	}
	const char *path = dump_argument(argc, argv, n_args > 0 ? argc - 1 : argc, "poolused");
	if (path == NULL)
		return EXIT_USAGE;
	if (tag_file != NULL && psc_tag_file_open(tag_file, &owners, &err) != PSC_OK)
		return report_error(&err);
	int code = run(&o, path, (unsigned)flags, pattern, owners);
	psc_tag_file_close(owners);
	return code;
}
