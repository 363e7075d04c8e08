/* SPDX-License-Identifier: MIT */
/* poolscope poolfind TAG [POOLTYPE] DUMP: KD's !poolfind on a dump. Pool types as the debugger's public documentation
 * gives them: 0 nonpaged, 1 paged, 2 special, 4 session. */
#include "kd.h"
#include "run.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: poolscope poolfind [OPTIONS] TAG [POOLTYPE] DUMP\n"
	"\n"
	"Prints the blocks of a tag in the form of the kernel debugger's !poolfind: first big allocations, then small\n"
	"blocks, free ones too. 'poolscope blocks' has more filters and formats.\n"
	"TAG: exactly four characters unless it holds '*'; '?' is any one character; case counts; or 0x and its "
	"value.\n"
	"POOLTYPE: 0 nonpaged (default), 1 paged, 2 special, 4 session.\n"
	"\n"
	"Options:\n"
	"      --caller CALLER   only blocks that Driver Verifier or the stack-trace database records to be allocated\n"
	"                        from there: address, MODULE+OFFSET (hexadecimal), SYMBOL or MODULE!SYMBOL; the line\n"
	"                        then ends with the caller\n"
	"  -m, --module PATTERN  only blocks with such a caller in this module ('*', '?'; case does not count),\n"
	"                        likewise\n" COMMON_OPTIONS_HELP "\n"
	"Examples:\n"
	"  poolscope poolfind NtFC MEMORY.DMP\n"
	"  poolscope poolfind 'Mm*' 1 MEMORY.DMP\n"
	"  poolscope poolfind --module http UlHT 1 MEMORY.DMP\n"
	"  poolscope poolfind 0x4346744e 0 MEMORY.DMP\n";

#define RANGES_MAX 1100

static const enum psc_pool pools[] = {PSC_POOL_NONPAGED, PSC_POOL_PAGED, PSC_POOL_MAX, PSC_POOL_MAX, PSC_POOL_SESSION};

struct finder {
	FILE *f;
	bool is_32bit, has_value;
	uint8_t value[4];
	bool write_failed;
	bool has_lines; /* since the last heading */
	uint64_t last;  /* seen so far; 0: none */
	const char *tag;
	unsigned type;
	struct psc_pool_range *ranges; /* of the pool that is searched, in address order */
	size_t n_ranges, n_entered;
};

static bool is_wanted(const struct finder *p, const struct psc_block_row *b)
{
	return !p->has_value || (b->has_tag && memcmp(b->tag, p->value, 4) == 0);
}

static bool print_big(void *arg, const struct psc_block_row *b)
{
	struct finder *p = (struct finder *)arg;
	progress_clear();
	if (is_wanted(p, b)) {
		kd_big_line(p->f, b, p->is_32bit);
		p->has_lines = true;
	}
	p->write_failed = ferror(p->f) != 0;
	return !p->write_failed;
}

/* The headings of the ranges up to va. Special pool, and that of sessions, may have none that is known. */
static void enter_ranges(struct finder *p, uint64_t va)
{
	static const char *const searching[] = {"Searching NonPaged pool", "Searching Paged pool",
						"Searching special pool", NULL, "Searching session pool"};
	int digits = p->is_32bit ? 8 : 16;
	if (p->n_ranges == 0 && p->n_entered++ == 0)
		fprintf(p->f, "%s%s for Tag: %s\n\n", p->has_lines ? "\n" : "", searching[p->type], p->tag);
	for (; p->n_entered < p->n_ranges && p->ranges[p->n_entered].lo <= va; p->n_entered++) {
		const struct psc_pool_range *r = &p->ranges[p->n_entered];
		fprintf(p->f, "%s%s (%0*" PRIx64 " : %0*" PRIx64 ") for Tag: %s\n\n", p->has_lines ? "\n" : "",
			searching[p->type], digits, r->lo, digits, r->hi, p->tag);
		p->has_lines = false;
	}
}

static bool print_small(void *arg, const struct psc_block_row *b)
{
	struct finder *p = (struct finder *)arg;
	progress_clear();
	if (!is_wanted(p, b))
		return true;
	p->last = b->header_va;
	enter_ranges(p, b->header_va);
	p->has_lines = true;
	/* What is page-aligned has no header to show. */
	if (b->header_va == b->va)
		kd_big_line(p->f, b, p->is_32bit);
	else
		kd_small_line(p->f, b, p->is_32bit);
	p->write_failed = ferror(p->f) != 0;
	return !p->write_failed;
}

struct poolfind_options {
	struct common_options common;
	const char *tag;
	unsigned type;
	const char *caller, *module;
};

enum { OPT_CALLER = OPT_COMMAND };

static int poolfind_option(void *arg, int opt)
{
	struct poolfind_options *o = (struct poolfind_options *)arg;
	struct psc_error err;
	if (opt != OPT_CALLER && opt != 'm')
		return OPTION_UNKNOWN;
	if (opt == 'm' && *optarg == '\0')
		return usage_error("poolfind", "--module takes the name of a module, not ''");
	if (opt == OPT_CALLER && psc_caller_check(optarg, &err) != PSC_OK)
		return usage_error("poolfind", "%s", err.text);
	*(opt == OPT_CALLER ? &o->caller : &o->module) = optarg;
	return OPTION_DONE;
}

/* Keeps the ranges of the pool that is searched, and prints where the table of big allocations is. */
static void take_ranges(struct finder *p, struct run *r)
{
	int digits = r->is_32bit ? 8 : 16;
	size_t n, n_kept = 0;
	p->ranges = (struct psc_pool_range *)calloc(RANGES_MAX, sizeof(*p->ranges));
	n = p->ranges != NULL ? psc_dump_pool_ranges(r->dump, p->ranges, RANGES_MAX) : 0;
	for (size_t i = 0; i < n && i < RANGES_MAX; i++) {
		const struct psc_pool_range range = p->ranges[i];
		if (range.is_big_table && p->type != 2)
			fprintf(p->f,
				"\nScanning large pool allocation table for Tag: %s (%0*" PRIx64 " : %0*" PRIx64
				")\n\n",
				p->tag, digits, range.lo, digits, range.hi);
		else if (!range.is_big_table &&
			 (p->type == 2 ? range.is_special : !range.is_special && range.pool == pools[p->type]))
			p->ranges[n_kept++] = range;
	}
	p->n_ranges = n_kept;
}
static int search(struct run *r, const struct poolfind_options *o, struct finder *p)
{
	struct psc_blocks_options b = PSC_BLOCKS_OPTIONS_INIT;
	struct psc_blocks *blocks = NULL;
	struct psc_error err;
	const char *tag = o->tag;
	char text[5];
	size_t n;
	enum psc_status st;

	if (tag[0] == '0' && tag[1] == 'x') {
		uint32_t v = (uint32_t)strtoul(tag + 2, NULL, 16) & 0x7fffffffu;
		for (int i = 0; i < 4; i++)
			p->value[i] = (uint8_t)(v >> (8 * i));
		p->has_value = true;
		p->tag = kd_tag(p->value, text);
	} else {
		b.tag = tag;
	}
	b.n_threads = o->common.n_threads;
	b.progress = progress_callback(&o->common);
	b.states = 0;
	b.caller = o->caller;
	b.module = o->module;
	b.pools = pools[o->type] != PSC_POOL_MAX ? 1u << pools[o->type] : 0;
	take_ranges(p, r);
	if (o->type != 2) {
		b.kinds = 1u << PSC_BLOCK_KIND_BIG;
		st = psc_blocks_run(r->dump, &b, print_big, p, &blocks, &err);
		psc_blocks_free(blocks);
		if (st != PSC_OK)
			return p->write_failed ? EXIT_COMPLETE : run_status(r, st, &err);
	}
	b.kinds = o->type == 2 ? 1u << PSC_BLOCK_KIND_SPECIAL
			       : ~(1u << PSC_BLOCK_KIND_BIG | 1u << PSC_BLOCK_KIND_SPECIAL);
	st = psc_blocks_run(r->dump, &b, print_small, p, &blocks, &err);
	if (st != PSC_OK)
		return p->write_failed ? EXIT_COMPLETE : run_status(r, st, &err);
	const char *const *w = psc_blocks_warnings(blocks, &n);
	progress_clear();
	run_warn(r, w, n);
	r->coverage = psc_blocks_coverage_ratio(blocks);
	r->interrupted = psc_blocks_is_interrupted(blocks);
	if (!r->interrupted)
		enter_ranges(p, UINT64_MAX);
	if (r->interrupted && p->last != 0)
		fprintf(r->f, "\n...terminating - searched pool to %0*" PRIx64 "\n", r->is_32bit ? 8 : 16, p->last);
	else if (r->interrupted)
		fputs("\n...terminating\n", r->f);
	psc_blocks_free(blocks);
	return EXIT_COMPLETE;
}

static int print(struct run *r, void *arg)
{
	const struct poolfind_options *o = (const struct poolfind_options *)arg;
	struct finder p = {
		.f = r->f, .is_32bit = r->is_32bit, .tag = o->tag, .type = o->type, .has_lines = o->type == 2};
	int code = search(r, o, &p);
	free(p.ranges);
	return code;
}

static bool tag_ok(const char *tag, struct psc_error *err)
{
	uint64_t v;
	if (tag[0] == '0' && tag[1] == 'x' && strlen(tag) > 4) {
		if (parse_address(tag, strlen(tag), &v) && v <= UINT32_MAX)
			return true;
		snprintf(err->text, sizeof(err->text), "'%.32s' is no value of a tag: 0x and up to eight digits", tag);
		return false;
	}
	return psc_tag_pattern_check(tag, err) == PSC_OK;
}

int cmd_poolfind(int argc, char **argv)
{
	static const struct option options[] = {{"caller", required_argument, NULL, OPT_CALLER},
						{"module", required_argument, NULL, 'm'},
						COMMON_LONG_OPTIONS};
	static const struct command_spec spec = {
		"poolfind", help, "m:", options, FORMATS_KD, "'poolscope blocks --tag' has others", poolfind_option,
	};
	static const struct run_steps steps = {.print = print};
	struct poolfind_options o = {.type = 0};
	struct psc_error err;
	int code = parse_options(&spec, &o.common, &o, argc, argv);
	if (code >= 0)
		return code;
	int n_args = argc - optind;
	if (n_args < 2 || n_args > 3)
		return usage_error("poolfind", "the arguments are TAG [POOLTYPE] DUMP");
	o.tag = argv[optind];
	if (!tag_ok(o.tag, &err))
		return usage_error("poolfind", "%s", err.text);
	if (n_args == 3) {
		const char *text = argv[optind + 1];
		if (strlen(text) != 1 || strchr("0124", text[0]) == NULL)
			return usage_error("poolfind",
					   "POOLTYPE is 0 (nonpaged), 1 (paged), 2 (special) or 4 (session), not '%s'",
					   text);
		o.type = (unsigned)(text[0] - '0');
	}
	return run_command(&o.common, argv + argc - 1, 1, &steps, &o);
}
