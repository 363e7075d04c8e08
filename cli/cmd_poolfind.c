/* SPDX-License-Identifier: MIT */
/* poolscope poolfind TAG [POOLTYPE] DUMP: KD's !poolfind on a dump. Pool types as the debugger's public documentation
 * gives them: 0 nonpaged, 1 paged, 2 special, 4 session. */
#include "cli.h"
#include "kd.h"
#include <getopt.h>
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
	"Options:\n" COMMON_OPTIONS_HELP "\n"
	"Examples:\n"
	"  poolscope poolfind NtFC MEMORY.DMP\n"
	"  poolscope poolfind 'Mm*' 1 MEMORY.DMP\n"
	"  poolscope poolfind 0x4346744e 0 MEMORY.DMP\n";

#define RANGES_MAX 1100

struct finder {
	FILE *f;
	bool is_32bit, has_value;
	uint8_t value[4];
	bool write_failed;
};

static bool is_wanted(const struct finder *p, const struct psc_block_row *b)
{
	return !p->has_value || (b->has_tag && memcmp(b->tag, p->value, 4) == 0);
}

static bool print_big(void *arg, const struct psc_block_row *b)
{
	struct finder *p = (struct finder *)arg;
	progress_clear();
	if (is_wanted(p, b))
		kd_big_line(p->f, b, p->is_32bit);
	p->write_failed = ferror(p->f) != 0;
	return !p->write_failed;
}

static bool print_small(void *arg, const struct psc_block_row *b)
{
	struct finder *p = (struct finder *)arg;
	progress_clear();
	/* What is page-aligned has no header to show. */
	if (is_wanted(p, b) && b->header_va == b->va)
		kd_big_line(p->f, b, p->is_32bit);
	else if (is_wanted(p, b))
		kd_small_line(p->f, b, p->is_32bit);
	p->write_failed = ferror(p->f) != 0;
	return !p->write_failed;
}

static void print_range(FILE *f, bool is_32bit, const char *what, const struct psc_pool_range *r, const char *tag)
{
	int digits = is_32bit ? 8 : 16;
	fprintf(f, "%s (%0*" PRIx64 " : %0*" PRIx64 ") for Tag: %s\n", what, digits, r->lo, digits, r->hi, tag);
}

static int find(struct common_options *o, struct psc_dump *dump, const char *tag, unsigned pool_type, FILE *f)
{
	static const char *const searching[] = {"Searching NonPaged pool", "Searching Paged pool",
						"Searching special pool", NULL, "Searching session pool"};
	static const enum psc_pool pools[] = {PSC_POOL_NONPAGED, PSC_POOL_PAGED, PSC_POOL_MAX, PSC_POOL_MAX,
					      PSC_POOL_SESSION};
	struct psc_blocks_options b = PSC_BLOCKS_OPTIONS_INIT;
	struct psc_blocks *blocks = NULL;
	struct psc_error err;
	struct finder p = {.f = f, .is_32bit = psc_dump_get_info(dump)->machine == PSC_MACHINE_X86};
	struct psc_pool_range *ranges = (struct psc_pool_range *)calloc(RANGES_MAX, sizeof(*ranges));
	char text[5];
	size_t n_warnings;
	const char *const *w = psc_dump_warnings(dump, &n_warnings);
	int code = EXIT_COMPLETE;

	if (ranges == NULL) {
		message("out of memory");
		return EXIT_INPUT;
	}
	print_warnings(o, w, n_warnings);
	size_t n = psc_dump_pool_ranges(dump, ranges, RANGES_MAX);
	if (n > RANGES_MAX)
		n = RANGES_MAX;
	if (tag[0] == '0' && tag[1] == 'x') {
		uint32_t v = (uint32_t)strtoul(tag + 2, NULL, 16) & 0x7fffffffu;
		for (int i = 0; i < 4; i++)
			p.value[i] = (uint8_t)(v >> (8 * i));
		p.has_value = true;
		tag = kd_tag(p.value, text);
	} else {
		b.tag = tag;
	}
	b.n_threads = o->n_threads;
	b.progress = progress_callback(o);
	b.states = 0;
	b.pools = pools[pool_type] != PSC_POOL_MAX ? 1u << pools[pool_type] : 0;
	b.kinds = 1u << PSC_BLOCK_KIND_BIG;
	if (pool_type != 2) {
		int digits = p.is_32bit ? 8 : 16;
		for (size_t i = 0; i < n; i++)
			if (ranges[i].is_big_table)
				fprintf(f,
					"\nScanning large pool allocation table for Tag: %s (%0*" PRIx64 " : %0*" PRIx64
					")\n\n",
					tag, digits, ranges[i].lo, digits, ranges[i].hi);
		if (psc_blocks_run(dump, &b, print_big, &p, &blocks, &err) != PSC_OK && !p.write_failed)
			code = report_error(&err);
		psc_blocks_free(blocks);
		blocks = NULL;
	}
	if (code == EXIT_COMPLETE && !p.write_failed) {
		fputc('\n', f);
		for (size_t i = 0; i < n; i++)
			if (!ranges[i].is_big_table && ranges[i].pool == pools[pool_type])
				print_range(f, p.is_32bit, searching[pool_type], &ranges[i], tag);
		fputc('\n', f);
		b.kinds = pool_type == 2 ? 1u << PSC_BLOCK_KIND_SPECIAL
					 : ~(1u << PSC_BLOCK_KIND_BIG | 1u << PSC_BLOCK_KIND_SPECIAL);
		if (psc_blocks_run(dump, &b, print_small, &p, &blocks, &err) != PSC_OK) {
			if (!p.write_failed)
				code = report_error(&err);
		} else {
			w = psc_blocks_warnings(blocks, &n_warnings);
			print_warnings(o, w, n_warnings);
			if (o->min_coverage >= 0.0 && psc_blocks_coverage_ratio(blocks) < o->min_coverage)
				code = EXIT_COVERAGE;
		}
	}
	progress_clear();
	psc_blocks_free(blocks);
	free(ranges);
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
	static const struct option options[] = {COMMON_LONG_OPTIONS};
	struct common_options o;
	struct psc_dump *dump = NULL;
	struct psc_error err;
	struct output out;
	unsigned pool_type = 0;
	int opt;

	common_options_init(&o);
	while ((opt = getopt_long(argc, argv, COMMON_SHORT_OPTIONS, options, NULL)) != -1) {
		int code = common_option(&o, opt, "poolfind", help);
		if (code >= 0)
			return code;
	}
	if (o.format != FORMAT_TABLE)
		return usage_error("poolfind",
				   "KD's form is the only format here; 'poolscope blocks --tag' has the others");
	int n_args = argc - optind;
	if (n_args < 2)
		return usage_error("poolfind", "two arguments at least: TAG [POOLTYPE] DUMP");
	if (n_args > 3)
		return usage_error("poolfind", "too many arguments: TAG [POOLTYPE] DUMP");
	const char *tag = argv[optind], *path = argv[argc - 1];
	if (!tag_ok(tag, &err))
		return usage_error("poolfind", "%s", err.text);
	if (n_args == 3) {
		const char *text = argv[optind + 1];
		if (strlen(text) != 1 || strchr("0124", text[0]) == NULL)
			return usage_error("poolfind",
					   "POOLTYPE is 0 (nonpaged), 1 (paged), 2 (special) or 4 (session), not '%s'",
					   text);
		pool_type = (unsigned)(text[0] - '0');
	}
	int code = open_dump(path, &o, &dump);
	if (code != EXIT_COMPLETE)
		return code;
	code = output_open(&out, &o);
	if (code == EXIT_COMPLETE)
		code = output_close(&out, find(&o, dump, tag, pool_type, out.f));
	psc_dump_close(dump);
	return code;
}
