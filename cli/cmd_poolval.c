/* SPDX-License-Identifier: MIT */
/* poolscope poolval ADDRESS [LEVEL] DUMP: KD's !poolval on a dump. Levels as the debugger's public documentation gives
 * them; it shows no output, so the wording follows outputs that engineers publish. */
#include "kd.h"
#include "page_blocks.h"
#include "run.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: poolscope poolval [OPTIONS] ADDRESS [LEVEL] DUMP\n"
	"\n"
	"Checks the pool page of an address and prints the result in the form of the kernel debugger's !poolval.\n"
	"LEVEL: 0 the verdict (default), 1 the chain of headers too, 2 headers, 3 full headers. Exit status 1 when "
	"the\n"
	"page is not valid. 'poolscope validate' checks all pools.\n"
	"\n"
	"Options:\n" COMMON_OPTIONS_HELP "\n"
	"Examples:\n"
	"  poolscope poolval fffffa8003f42000 MEMORY.DMP\n"
	"  poolscope poolval fffffa8003f42000 3 MEMORY.DMP\n";

static void print_header(FILE *f, struct psc_dump *dump, const struct psc_block_row *b, unsigned level)
{
	uint8_t bytes[16];
	size_t want = b->va > b->header_va ? (size_t)(b->va - b->header_va) : 0;
	fprintf(f, "    BlockSize 0x%" PRIx64 " PreviousSize 0x%" PRIx64, b->block_bytes, b->previous_bytes);
	if (level > 2 && want != 0 && want <= sizeof(bytes)) {
		size_t n = psc_block_read(dump, b, b->header_va, bytes, want);
		fputs(" bytes", f);
		for (size_t i = 0; i < n; i++)
			fprintf(f, " %02x", bytes[i]);
	}
	fputc('\n', f);
}

/* What lies between blocks. Only the classic allocator leaves nothing there. */
static void print_gap(FILE *f, const struct page_blocks *p, uint64_t lo, uint64_t hi, int digits)
{
	bool is_classic = false;
	for (size_t i = 0; i < p->n; i++)
		is_classic |= p->rows[i].kind == PSC_BLOCK_KIND_LEGACY;
	fprintf(f, "[ %0*" PRIx64 " --> %0*" PRIx64 " (size = 0x%" PRIx64 " bytes)]: %s\n", digits, lo, digits, hi,
		hi - lo, is_classic ? "Corrupt region" : "No block");
}

static void print_chain(FILE *f, struct psc_dump *dump, const struct page_blocks *p, unsigned level, bool is_32bit)
{
	int digits = is_32bit ? 8 : 16;
	uint64_t end = p->page;
	char tag[5];
	fputs("\nAnalyzing linked list...\n", f);
	for (size_t i = 0; i < p->n; i++) {
		const struct psc_block_row *b = &p->rows[i];
		if (b->header_va > end)
			print_gap(f, p, end, b->header_va, digits);
		fprintf(f, "[ %0*" PRIx64 " --> %0*" PRIx64 " (size = 0x%" PRIx64 " bytes)]: %s %s\n", digits,
			b->header_va, digits, b->header_va + b->block_bytes, b->block_bytes,
			b->state == PSC_BLOCK_FREE ? "Free" : "Allocated", b->has_tag ? kd_tag(b->tag, tag) : "");
		if (level > 1)
			print_header(f, dump, b, level);
		end = b->header_va + b->block_bytes;
	}
	if (end < p->page + PAGE_BYTES && p->n != 0)
		print_gap(f, p, end, p->page + PAGE_BYTES, digits);
}

struct poolval_options {
	struct common_options common;
	uint64_t va;
	unsigned level;
	struct page_blocks *page;
	struct psc_validate *result;
};

static enum psc_status work(struct run *r, void *arg, struct psc_error *reterr)
{
	struct poolval_options *o = (struct poolval_options *)arg;
	struct psc_validate_options vo = PSC_VALIDATE_OPTIONS_INIT;
	o->va = run_address(r, o->va);
	enum psc_status st = page_blocks_read(o->page, r, o->va, reterr);
	vo.lo = o->page->page;
	vo.hi = vo.lo + PAGE_BYTES;
	vo.n_threads = 1;
	vo.progress = progress_callback(&o->common);
	r->n_warnings = 0; /* those of a page are of no use here */
	if (st == PSC_OK)
		st = psc_validate_run(r->dump, &vo, &o->result, reterr);
	r->interrupted |= st == PSC_OK && psc_validate_is_interrupted(o->result);
	return st;
}

static int print(struct run *r, void *arg)
{
	const struct poolval_options *o = (const struct poolval_options *)arg;
	const struct page_blocks *p = o->page;
	int digits = r->is_32bit ? 8 : 16;
	FILE *f = r->f;
	size_t n;
	char why_not[WHY_NOT_BYTES];
	const struct psc_defect_row *rows = psc_validate_rows(o->result, &n);
	if (p->n == 0 && n == 0) {
		page_blocks_why_not(false, r, o->va, why_not);
		fprintf(f, "%0*" PRIx64 " is not valid pool: %s\n", digits, o->va, why_not);
		return EXIT_BUDGET;
	}
	if (p->n != 0)
		fprintf(f, "Pool page %0*" PRIx64 " region is %s\n\n", digits, o->va, kd_region_name(&p->rows[0]));
	fprintf(f, "Validating Pool headers for pool page: %0*" PRIx64 "\n\n", digits, o->va);
	fprintf(f, "Pool page [ %0*" PRIx64 " ] is %s.\n", digits, p->page, n != 0 ? "__inVALID" : "VALID");
	for (size_t i = 0; i < n; i++) {
		fprintf(f, "%0*" PRIx64 ": %s", digits, rows[i].va, rows[i].check);
		if (rows[i].has_values)
			fprintf(f, " 0x%" PRIx64 " should be 0x%" PRIx64, rows[i].found, rows[i].expected);
		fputc('\n', f);
	}
	if (o->level > 0 || n != 0)
		print_chain(f, r->dump, p, o->level, r->is_32bit);
	return n != 0 ? EXIT_BUDGET : EXIT_COMPLETE;
}

static void free_result(void *arg)
{
	struct poolval_options *o = (struct poolval_options *)arg;
	psc_validate_free(o->result);
	page_blocks_free(o->page);
}

int cmd_poolval(int argc, char **argv)
{
	static const struct option options[] = {COMMON_LONG_OPTIONS};
	static const struct command_spec spec = {
		"poolval", help, "", options, FORMATS_KD, "'poolscope validate' has others", NULL};
	static const struct run_steps steps = {work, print, free_result};
	struct poolval_options o = {.va = 0};
	int code = parse_options(&spec, &o.common, &o, argc, argv);
	if (code >= 0)
		return code;
	int n_args = argc - optind;
	if (n_args < 2 || n_args > 3)
		return usage_error("poolval", "the arguments are ADDRESS [LEVEL] DUMP");
	if (!parse_address(argv[optind], strlen(argv[optind]), &o.va) || o.va == 0)
		return usage_error("poolval", "ADDRESS is hexadecimal, not '%s'", argv[optind]);
	if (n_args == 3) {
		const char *text = argv[optind + 1];
		if (strlen(text) != 1 || text[0] < '0' || text[0] > '3')
			return usage_error("poolval", "LEVEL is 0, 1, 2 or 3, not '%s'", text);
		o.level = (unsigned)(text[0] - '0');
	}
	o.page = (struct page_blocks *)calloc(1, sizeof(*o.page));
	code = o.page != NULL ? run_command(&o.common, argv + argc - 1, 1, &steps, &o) : run_printed(false);
	free(o.page);
	return code;
}
