/* SPDX-License-Identifier: MIT */
/* poolscope pool ADDRESS [FLAGS] DUMP: KD's !pool on a dump. Flags as the debugger's public documentation gives them.
 */
#include "kd.h"
#include "page_blocks.h"
#include "run.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: poolscope pool [OPTIONS] ADDRESS [FLAGS] DUMP\n"
	"\n"
	"Prints the blocks on the page of an address in the form of the kernel debugger's !pool; a star marks the one\n"
	"that holds it. 'poolscope block' says more of that one.\n"
	"FLAGS (hexadecimal): 1 the first 32 bytes of each too, 2 only the block that holds the address, 80000000 no\n"
	"description.\n"
	"\n"
	"Options:\n"
	"      --tag-file FILE   owner names from a file in pooltag.txt format\n" COMMON_OPTIONS_HELP "\n"
	"Examples:\n"
	"  poolscope pool fffffa80`03f42010 MEMORY.DMP\n"
	"  poolscope pool fffffa8003f42010 2 MEMORY.DMP\n";

enum { FLAG_CONTENTS = 1, FLAG_ONLY_HIT = 2 };
#define FLAG_NO_DESCRIPTION 0x80000000u
#define CONTENTS_BYTES      32u
enum { OPT_TAG_FILE = OPT_COMMAND };

/* Two lines, as the documentation shows them; never what lies behind the block. */
static void print_contents(FILE *f, struct psc_dump *dump, const struct psc_block_row *b, bool is_32bit)
{
	uint8_t bytes[CONTENTS_BYTES];
	size_t want = b->size_bytes < sizeof(bytes) ? (size_t)b->size_bytes : sizeof(bytes);
	size_t n = psc_block_read(dump, b, b->va, bytes, want), width = is_32bit ? 4 : 8;
	for (size_t i = 0; i + width <= n; i += 16) {
		fprintf(f, "%s%0*" PRIx64 " ", i == 0 ? " " : "    ", is_32bit ? 8 : 16, b->va + i);
		for (size_t k = i; k < i + 16 && k + width <= n; k += width) {
			uint64_t v = 0;
			for (size_t j = width; j > 0; j--)
				v = v << 8 | bytes[k + j - 1];
			fprintf(f, " %0*" PRIx64, is_32bit ? 8 : 16, v);
		}
		fputc('\n', f);
	}
	fputc('\n', f);
}

struct pool_options {
	struct common_options common;
	const char *tag_file;
	struct psc_tag_file *owners;
	uint64_t va, flags;
	struct page_blocks *page;
};

static enum psc_status work(struct run *r, void *arg, struct psc_error *reterr)
{
	struct pool_options *o = (struct pool_options *)arg;
	o->va = run_address(r, o->va);
	return page_blocks_read(o->page, r, o->va, reterr);
}

static void print_description(FILE *f, const struct pool_options *o, const struct psc_block_row *b)
{
	char tag[5];
	const char *owner = o->owners != NULL ? psc_tag_file_lookup(o->owners, b->tag) : NULL;
	if (owner != NULL)
		fprintf(f, "\t\tPooltag %s : %s\n", kd_tag(b->tag, tag), owner);
	else
		fputs("\t\tOwning component : Unknown (update pooltag.txt)\n", f);
}

static int print(struct run *r, void *arg)
{
	const struct pool_options *o = (const struct pool_options *)arg;
	const struct page_blocks *p = o->page;
	int digits = r->is_32bit ? 8 : 16;
	bool is_described = (o->flags & FLAG_NO_DESCRIPTION) == 0;
	char tag[5], why_not[WHY_NOT_BYTES];
	FILE *f = r->f;
	if (p->n == 0) {
		page_blocks_why_not(false, r, o->va, why_not);
		fprintf(f, "%0*" PRIx64 " is not valid pool: %s\n", digits, o->va, why_not);
		return EXIT_COMPLETE;
	}
	const struct psc_block_row *first = &p->rows[p->hit < p->n ? p->hit : 0];
	if (is_described)
		fprintf(f, "Pool page %0*" PRIx64 " region is %s\n", digits, o->va, kd_region_name(first));
	for (size_t i = 0; i < p->n; i++) {
		const struct psc_block_row *b = &p->rows[i];
		bool is_hit = i == p->hit;
		if (!is_hit && (o->flags & FLAG_ONLY_HIT) != 0)
			continue;
		if (b->kind == PSC_BLOCK_KIND_BIG)
			fprintf(f, "%c%0*" PRIx64 " : large page allocation, tag is %s, size is 0x%" PRIx64 " bytes\n",
				is_hit ? '*' : ' ', digits, b->va, b->has_tag ? kd_tag(b->tag, tag) : "    ",
				b->block_bytes);
		else
			kd_page_line(f, b, r->is_32bit, is_hit);
		if (is_hit && is_described && b->has_tag)
			print_description(f, o, b);
		if ((o->flags & FLAG_CONTENTS) != 0)
			print_contents(f, r->dump, b, r->is_32bit);
	}
	if (p->hit == p->n)
		fprintf(f, "%0*" PRIx64 " lies in none of them\n", digits, o->va);
	return EXIT_COMPLETE;
}

static void free_result(void *arg)
{
	page_blocks_free(((struct pool_options *)arg)->page);
}

static int pool_option(void *arg, int opt)
{
	struct pool_options *o = (struct pool_options *)arg;
	if (opt != OPT_TAG_FILE)
		return OPTION_UNKNOWN;
	o->tag_file = optarg;
	return OPTION_DONE;
}

int cmd_pool(int argc, char **argv)
{
	static const struct option options[] = {{"tag-file", required_argument, NULL, OPT_TAG_FILE},
						COMMON_LONG_OPTIONS};
	static const struct command_spec spec = {
		"pool", help, "", options, FORMATS_KD, "'poolscope block' has others", pool_option,
	};
	static const struct run_steps steps = {work, print, free_result};
	struct pool_options o = {.va = 0};
	struct psc_error err;
	int code = parse_options(&spec, &o.common, &o, argc, argv);
	if (code >= 0)
		return code;
	int n_args = argc - optind;
	if (n_args < 2 || n_args > 3)
		return usage_error("pool", "the arguments are ADDRESS [FLAGS] DUMP");
	code = address_argument("pool", argv[optind], &o.va);
	if (code >= 0)
		return code;
	if (n_args == 3) {
		const char *text = argv[optind + 1];
		if (!parse_address(text, strlen(text), &o.flags) ||
		    (o.flags & ~(uint64_t)(FLAG_CONTENTS | FLAG_ONLY_HIT | FLAG_NO_DESCRIPTION)) != 0)
			return usage_error("pool", "FLAGS is a sum of 1, 2 and 80000000 (hexadecimal), not '%s'", text);
	}
	if (o.tag_file != NULL && psc_tag_file_open(o.tag_file, &o.owners, &err) != PSC_OK)
		return report_error(&err);
	o.page = (struct page_blocks *)calloc(1, sizeof(*o.page));
	code = o.page != NULL ? run_command(&o.common, argv + argc - 1, 1, &steps, &o) : run_printed(false);
	free(o.page);
	psc_tag_file_close(o.owners);
	return code;
}
