/* SPDX-License-Identifier: MIT */
/* poolscope poolused [FLAGS [TAG]] DUMP: KD's !poolused on a dump. Flags and their meaning as the debugger's public
 * documentation gives them: 1 verbose, 2 sort by nonpaged, 4 sort by paged, 8 session pool. Column widths as in outputs
 * that engineers publish from current debuggers. */
#include "rows.h"
#include "run.h"
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

	fprintf(f, " Sorting by %s\n\n Pool Used:\n",
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

struct poolused_options {
	struct common_options common;
	const char *tag_file, *pattern;
	struct psc_tag_file *owners;
	unsigned flags;
	struct psc_tags *result;
};

static enum psc_status work(struct run *r, void *arg, struct psc_error *reterr)
{
	struct poolused_options *o = (struct poolused_options *)arg;
	struct psc_tags_options to = PSC_TAGS_OPTIONS_INIT;
	size_t n;
	to.flags = PSC_TAGS_NO_WALK;
	to.progress = progress_callback(&o->common);
	enum psc_status st = psc_tags_run(r->dump, &to, &o->result, reterr);
	if (st != PSC_OK)
		return st;
	r->warnings = psc_tags_warnings(o->result, &r->n_warnings);
	r->coverage = psc_tags_coverage_ratio(o->result);
	const struct psc_tags_totals *t = psc_tags_get_totals(o->result, &n);
	if (t[(o->flags & FLAG_SESSION) != 0 ? PSC_POOL_SESSION : PSC_POOL_NONPAGED].has_tracker)
		return PSC_OK;
	memset(reterr, 0, sizeof(*reterr));
	reterr->status = PSC_E_NOT_FOUND;
	snprintf(reterr->text, sizeof(reterr->text),
		 "the tag trackers of this dump cannot be read; 'poolscope info' says why");
	return PSC_E_NOT_FOUND;
}

static int print(struct run *r, void *arg)
{
	const struct poolused_options *o = (const struct poolused_options *)arg;
	size_t n;
	const struct psc_tag_row *rows = psc_tags_rows(o->result, &n);
	struct line *lines = (struct line *)calloc(n + 1, sizeof(*lines));
	if (lines == NULL)
		return run_printed(false);
	n = make_lines(rows, n, o->flags, o->pattern, lines);
	if (n > 1 && (o->flags & FLAG_NONPAGED) != 0)
		qsort(lines, n, sizeof(*lines), compare_nonpaged);
	else if (n > 1 && (o->flags & FLAG_PAGED) != 0)
		qsort(lines, n, sizeof(*lines), compare_paged);
	print_lines(r->f, lines, n, o->flags, o->owners);
	free(lines);
	return EXIT_COMPLETE;
}

static void free_result(void *arg)
{
	psc_tags_free(((struct poolused_options *)arg)->result);
}

static int poolused_option(void *arg, int opt)
{
	struct poolused_options *o = (struct poolused_options *)arg;
	if (opt != OPT_TAG_FILE)
		return OPTION_UNKNOWN;
	o->tag_file = optarg;
	return OPTION_DONE;
}

int cmd_poolused(int argc, char **argv)
{
	static const struct option options[] = {{"tag-file", required_argument, NULL, OPT_TAG_FILE},
						COMMON_LONG_OPTIONS};
	static const struct command_spec spec = {
		"poolused", help, "", options, FORMATS_KD, "'poolscope tags --no-walk' has others", poolused_option,
	};
	static const struct run_steps steps = {work, print, free_result};
	struct poolused_options o = {.flags = 0};
	struct psc_error err;
	int code = parse_options(&spec, &o.common, &o, argc, argv);
	if (code >= 0)
		return code;
	int n_args = argc - optind;
	if (n_args > 3)
		return usage_error("poolused", "too many arguments: [FLAGS [TAG]] DUMP");
	if (n_args >= 2) {
		char *end = NULL;
		unsigned long flags = strtoul(argv[optind], &end, 16);
		if (end == argv[optind] || *end != '\0' || flags > 15)
			return usage_error("poolused", "FLAGS is a sum of 1, 2, 4 and 8 (hexadecimal), not '%s'",
					   argv[optind]);
		if ((flags & FLAG_NONPAGED) != 0 && (flags & FLAG_PAGED) != 0)
			return usage_error("poolused", "flags 2 and 4 exclude each other");
		o.flags = (unsigned)flags;
	}
	if (n_args == 3) {
		o.pattern = argv[optind + 1];
		if (psc_tag_pattern_check(o.pattern, &err) != PSC_OK)
			return usage_error("poolused", "%s", err.text);
	}
	if (dump_argument(argc, argv, n_args > 0 ? argc - 1 : argc, "poolused") == NULL)
		return EXIT_USAGE;
	if (o.tag_file != NULL && psc_tag_file_open(o.tag_file, &o.owners, &err) != PSC_OK)
		return report_error(&err);
	code = run_command(&o.common, argv + argc - 1, 1, &steps, &o);
	psc_tag_file_close(o.owners);
	return code;
}
