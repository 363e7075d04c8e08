/* SPDX-License-Identifier: MIT */
/* poolscope pool ADDRESS [FLAGS] DUMP: KD's !pool on a dump. Flags as the debugger's public documentation gives them.
 */
#include "cli.h"
#include "kd.h"
#include "page_blocks.h"
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: poolscope pool [OPTIONS] ADDRESS [FLAGS] DUMP\n"
	"\n"
	"Prints the blocks on the page of an address in the form of the kernel debugger's !pool; a star marks the one\n"
	"that holds it. 'poolscope block' says more of that one.\n"
	"FLAGS (hexadecimal): 1 contents too, 2 only the block that holds the address, 80000000 no description.\n"
	"\n"
	"Options:\n"
	"      --tag-file FILE   owner names from a file in pooltag.txt format\n" COMMON_OPTIONS_HELP "\n"
	"Examples:\n"
	"  poolscope pool fffffa80`03f42010 MEMORY.DMP\n"
	"  poolscope pool fffffa8003f42010 2 MEMORY.DMP\n";

enum { FLAG_CONTENTS = 1, FLAG_ONLY_HIT = 2 };
#define FLAG_NO_DESCRIPTION 0x80000000u
#define CONTENTS_MAX        4096u
enum { OPT_TAG_FILE = OPT_COMMAND };

static void print_contents(FILE *f, struct psc_dump *dump, const struct psc_block_row *b, bool is_32bit)
{
	uint8_t bytes[CONTENTS_MAX];
	size_t want = b->size_bytes < sizeof(bytes) ? (size_t)b->size_bytes : sizeof(bytes);
	size_t n = psc_dump_read(dump, b->va, bytes, want), width = is_32bit ? 4 : 8;
	for (size_t i = 0; i + width <= n; i += 16) {
		fprintf(f, "  %0*" PRIx64 " ", is_32bit ? 8 : 16, b->va + i);
		for (size_t k = i; k < i + 16 && k + width <= n; k += width) {
			uint64_t v = 0;
			for (size_t j = width; j > 0; j--)
				v = v << 8 | bytes[k + j - 1];
			fprintf(f, " %0*" PRIx64, is_32bit ? 8 : 16, v);
		}
		fputc('\n', f);
	}
}

static int print_page(struct common_options *o, struct psc_dump *dump, uint64_t va, uint32_t flags,
		      const struct psc_tag_file *owners, FILE *f)
{
	bool is_32bit = psc_dump_get_info(dump)->machine == PSC_MACHINE_X86;
	int digits = is_32bit ? 8 : 16;
	size_t n;
	char tag[5];
	struct page_blocks *p = (struct page_blocks *)calloc(1, sizeof(*p));
	if (p == NULL) {
		message("out of memory");
		return EXIT_INPUT;
	}
	int code = page_blocks_read(p, dump, o, va);
	if (code != EXIT_COMPLETE)
		goto out;
	const char *const *w = psc_dump_warnings(dump, &n);
	print_warnings(o, w, n);
	w = psc_blocks_warnings(p->blocks, &n);
	print_warnings(o, w, n);
	if (p->n == 0) {
		fprintf(f, "%0*" PRIx64 " is not valid pool: no block of this dump is on its page\n", digits, va);
		goto out;
	}
	const struct psc_block_row *first = &p->rows[p->hit < p->n ? p->hit : 0];
	if ((flags & FLAG_NO_DESCRIPTION) == 0)
		fprintf(f, "Pool page %0*" PRIx64 " region is %s\n", digits, va, kd_pool_name(first->pool));
	for (size_t i = 0; i < p->n; i++) {
		const struct psc_block_row *b = &p->rows[i];
		bool is_hit = i == p->hit;
		if (!is_hit && (flags & FLAG_ONLY_HIT) != 0)
			continue;
		if (b->kind == PSC_BLOCK_KIND_BIG)
			fprintf(f, "%c%0*" PRIx64 " : large page allocation, tag is %s, size is 0x%" PRIx64 " bytes\n",
				is_hit ? '*' : ' ', digits, b->va, b->has_tag ? kd_tag(b->tag, tag) : "    ",
				b->block_bytes);
		else
			kd_page_line(f, b, is_32bit, is_hit);
		if (is_hit && (flags & FLAG_NO_DESCRIPTION) == 0 && b->has_tag) {
			const char *owner = owners != NULL ? psc_tag_file_lookup(owners, b->tag) : NULL;
			if (owner != NULL)
				fprintf(f, "\t\tPooltag %s : %s\n", kd_tag(b->tag, tag), owner);
			else
				fputs("\t\tOwning component : Unknown (update pooltag.txt)\n", f);
		}
		if ((flags & FLAG_CONTENTS) != 0)
			print_contents(f, dump, b, is_32bit);
	}
	if (p->hit == p->n)
		fprintf(f, "%0*" PRIx64 " lies in none of them\n", digits, va);
out:
	page_blocks_free(p);
	free(p);
	return code;
}

int cmd_pool(int argc, char **argv)
{
	static const struct option options[] = {{"tag-file", required_argument, NULL, OPT_TAG_FILE},
						COMMON_LONG_OPTIONS};
	struct common_options o;
	struct psc_dump *dump = NULL;
	struct psc_tag_file *owners = NULL;
	const char *tag_file = NULL;
	struct psc_error err;
	struct output out;
	uint64_t va, flags = 0;
	int opt;

	common_options_init(&o);
	while ((opt = getopt_long(argc, argv, COMMON_SHORT_OPTIONS, options, NULL)) != -1) {
		if (opt == OPT_TAG_FILE) {
			tag_file = optarg;
			continue;
		}
		int code = common_option(&o, opt, "pool", help);
		if (code >= 0)
			return code;
	}
	if (o.format != FORMAT_TABLE)
		return usage_error("pool", "KD's form is the only format here; 'poolscope block' has the others");
	int n_args = argc - optind;
	if (n_args < 2 || n_args > 3)
		return usage_error("pool", "the arguments are ADDRESS [FLAGS] DUMP");
	const char *text = argv[optind];
	if (!parse_address(text, strlen(text), &va) || va == 0)
		return usage_error("pool", "ADDRESS is hexadecimal, not '%s'", text);
	if (n_args == 3) {
		text = argv[optind + 1];
		if (!parse_address(text, strlen(text), &flags) ||
		    (flags & ~(uint64_t)(FLAG_CONTENTS | FLAG_ONLY_HIT | FLAG_NO_DESCRIPTION)) != 0)
			return usage_error("pool", "FLAGS is a sum of 1, 2 and 80000000 (hexadecimal), not '%s'", text);
	}
	if (tag_file != NULL && psc_tag_file_open(tag_file, &owners, &err) != PSC_OK)
		return report_error(&err);
	int code = open_dump(argv[argc - 1], &o, &dump);
	if (code == EXIT_COMPLETE) {
		code = output_open(&out, &o);
		if (code == EXIT_COMPLETE)
			code = output_close(&out, print_page(&o, dump, va, (uint32_t)flags, owners, out.f));
	}
	psc_dump_close(dump);
	psc_tag_file_close(owners);
	return code;
}
