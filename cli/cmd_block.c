/* SPDX-License-Identifier: MIT */
/* poolscope block ADDRESS: the block that holds an address, its neighbours, and what speaks for it. */
#include "block_refs.h"
#include "callers.h"
#include "json.h"
#include "page_blocks.h"
#include "rows.h"
#include "run.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: poolscope block [OPTIONS] ADDRESS DUMP\n"
	"\n"
	"Prints the pool block that holds an address, whatever stores it: tag, size, state and why it is thought to "
	"be\n"
	"in it, the process that is charged, the raw header, the blocks before and after, and the contents with\n"
	"pointers into modules named.\n"
	"\n"
	"Options:\n"
	"      --dump-bytes N    so many bytes of the contents (default 256, at most 4096)\n"
	"      --refs            search all blocks, loaded modules and stacks of threads for pointers to it\n"
	"      --tag-file FILE   owner names from a file in pooltag.txt format\n" COMMON_OPTIONS_HELP "\n"
	"Examples:\n"
	"  poolscope block fffffa80`03f42010 MEMORY.DMP\n"
	"  poolscope block --refs --dump-bytes 64 0xfffffa8003f42010 MEMORY.DMP\n";

#define SCHEMA    "poolscope.block/1"
#define BYTES_MAX 4096u
enum { OPT_DUMP_BYTES = OPT_COMMAND, OPT_REFS, OPT_TAG_FILE };

struct block_view {
	struct common_options common;
	struct psc_dump *dump;
	const char *tag_file;
	bool is_32bit, with_refs;
	uint64_t va;
	unsigned dump_bytes;
	struct psc_tag_file *owners;
	struct page_blocks *page;
	const struct psc_block_row *hit; /* NULL: none */
	uint8_t header[16], contents[BYTES_MAX];
	size_t n_header, n_contents, n_wanted;
	struct block_refs *refs;
};

/* "module!symbol+0x21" or "module+0x123", or NULL. What an unloaded module once held may be anything by now. */
static const char *name_address(const struct block_view *v, uint64_t va, char *buf, size_t size)
{
	struct psc_code_location l;
	return psc_dump_locate(v->dump, va, &l) && !l.is_unloaded ? location_text(&l, v->is_32bit, buf, size) : NULL;
}

static uint64_t pointer_at(const struct block_view *v, const uint8_t *bytes)
{
	uint64_t x = 0;
	for (size_t i = v->is_32bit ? 4 : 8; i > 0; i--)
		x = x << 8 | bytes[i - 1];
	return x;
}

/* ---- what speaks for the state ---- */

static const char *reason(const struct psc_block_row *b)
{
	if (b->kind == PSC_BLOCK_KIND_BIG)
		return "the table of big allocations holds it";
	if (b->kind == PSC_BLOCK_KIND_UNKNOWN)
		return "a pool header stands there; nothing else speaks for it";
	switch (b->state) {
	case PSC_BLOCK_ALLOCATED:
		return b->kind == PSC_BLOCK_KIND_LEGACY ? "its header is marked in use, the chain of its page leads "
							  "over it, and no list keeps it"
							: "its heap marks it busy";
	case PSC_BLOCK_FREE:
		return b->kind == PSC_BLOCK_KIND_LEGACY ? "its header is marked free" : "its heap marks it free";
	case PSC_BLOCK_CACHED:
		return "it looks allocated, but a lookaside or pending-free list holds it";
	}
	return "";
}

static void read_block(struct block_view *v)
{
	const struct psc_block_row *b = v->hit;
	v->n_header = b->va > b->header_va ? (size_t)(b->va - b->header_va) : 0;
	if (v->n_header > sizeof(v->header))
		v->n_header = sizeof(v->header);
	v->n_header = psc_dump_read(v->dump, b->va - v->n_header, v->header, v->n_header);
	v->n_wanted = b->size_bytes < v->dump_bytes ? (size_t)b->size_bytes : v->dump_bytes;
	v->n_contents = psc_dump_read(v->dump, b->va, v->contents, v->n_wanted);
}

/* ---- text ---- */

static void print_neighbour(const struct block_view *v, FILE *f, const char *what, size_t i)
{
	char tag[17], size[32];
	if (i >= v->page->n)
		return;
	const struct psc_block_row *b = &v->page->rows[i];
	fprintf(f, "%s 0x%0*" PRIx64 "  %s bytes  %s  %s\n", what, v->is_32bit ? 8 : 16, b->va,
		group_digits(b->block_bytes, false, size), b->has_tag ? psc_tag_format(b->tag, tag) : "-",
		psc_block_state_name(b->state));
}

static void print_contents(const struct block_view *v, FILE *f)
{
	const size_t width = v->is_32bit ? 4 : 8;
	char name[PSC_LOCATION_TEXT_BYTES];
	for (size_t i = 0; i < v->n_contents; i += 16) {
		size_t n = v->n_contents - i < 16 ? v->n_contents - i : 16;
		print_hex_line(f, v->hit->va + i, v->is_32bit, v->contents + i, n);
		for (size_t k = i; k + width <= i + n; k += width) {
			uint64_t x = pointer_at(v, v->contents + k);
			if (name_address(v, x, name, sizeof(name)) != NULL)
				fprintf(f, "        +0x%zx: 0x%0*" PRIx64 " %s\n", k, v->is_32bit ? 8 : 16, x, name);
		}
	}
	if (v->n_contents < v->n_wanted)
		fprintf(f, "    %0*" PRIx64 "  not in the dump\n", v->is_32bit ? 8 : 16, v->hit->va + v->n_contents);
}

static void print_text(const struct block_view *v, FILE *f)
{
	const struct psc_block_row *b = v->hit;
	int digits = v->is_32bit ? 8 : 16;
	char tag[17], size[32];
	if (b == NULL) {
		fprintf(f, "No pool block of this dump holds 0x%0*" PRIx64 "\n", digits, v->va);
		for (size_t i = 0; i < v->page->n; i++)
			print_neighbour(v, f, "On its page:   ", i);
		return;
	}
	fprintf(f, "Block:          0x%0*" PRIx64 ", %s bytes", digits, b->va,
		group_digits(b->size_bytes, false, size));
	if (v->va != b->va)
		fprintf(f, "; the address is %s0x%" PRIx64, v->va < b->va ? "-" : "+",
			v->va < b->va ? b->va - v->va : v->va - b->va);
	fprintf(f, "\nTag:            %s%s\n", b->has_tag ? psc_tag_format(b->tag, tag) : "not known",
		b->is_protected ? " (protected)" : "");
	const char *owner = b->has_tag && v->owners != NULL ? psc_tag_file_lookup(v->owners, b->tag) : NULL;
	if (owner != NULL)
		fprintf(f, "Tag's owner:    %s (by the tag file)\n", owner);
	fprintf(f, "Pool:           %s%s\n", psc_pool_name(b->pool), b->is_nx ? ", not executable" : "");
	fprintf(f, "Stored in:      %s", psc_block_kind_name(b->kind));
	if (b->block_bytes != b->size_bytes)
		fprintf(f, ", %s bytes with the header", group_digits(b->block_bytes, false, size));
	fputc('\n', f);
	if (b->requested_bytes != 0)
		fprintf(f, "Asked for:      %s bytes\n", group_digits(b->requested_bytes, false, size));
	fprintf(f, "State:          %s: %s\n", psc_block_state_name(b->state), reason(b));
	if (b->has_process && b->process.is_listed)
		fprintf(f, "Charged to:     %s, pid %" PRIu64 ", EPROCESS 0x%0*" PRIx64 "\n", b->process.name,
			b->process.pid, digits, b->process.eprocess);
	else if (b->has_process)
		fprintf(f, "Charged to:     EPROCESS 0x%0*" PRIx64 ", which is not in the list of processes\n", digits,
			b->process.eprocess);
	if (v->n_header != 0) {
		fputs("Header:        ", f);
		for (size_t i = 0; i < v->n_header; i++)
			fprintf(f, " %02x", v->header[i]);
		fprintf(f, "\n                size %" PRIu64 ", previous size %" PRIu64 "\n", b->block_bytes,
			b->previous_bytes);
	}
	if (v->page->hit > 0)
		print_neighbour(v, f, "Before:        ", v->page->hit - 1);
	print_neighbour(v, f, "After:         ", v->page->hit + 1);
	if (v->n_wanted != 0) {
		fputs("Contents:\n", f);
		print_contents(v, f);
	}
	if (v->with_refs)
		block_refs_print(v->refs, f, v->is_32bit);
}

/* ---- JSON ---- */

static cJSON *json_row(const struct block_view *v, const struct psc_block_row *b)
{
	char tag[17], hex[9];
	cJSON *o = cJSON_CreateObject();
	json_add_address(o, "va", b->va, v->is_32bit);
	json_add_u64(o, "size_bytes", b->size_bytes);
	json_add_u64_or_null(o, "requested_bytes", b->requested_bytes != 0, b->requested_bytes);
	json_add_u64(o, "block_bytes", b->block_bytes);
	snprintf(hex, sizeof(hex), "%02x%02x%02x%02x", b->tag[0], b->tag[1], b->tag[2], b->tag[3]);
	json_add_text_or_null(o, "tag", b->has_tag ? psc_tag_format(b->tag, tag) : NULL);
	json_add_text_or_null(o, "tag_hex", b->has_tag ? hex : NULL);
	cJSON_AddBoolToObject(o, "protected", b->is_protected);
	cJSON_AddStringToObject(o, "pool", psc_pool_name(b->pool));
	cJSON_AddStringToObject(o, "kind", psc_block_kind_name(b->kind));
	cJSON_AddStringToObject(o, "state", psc_block_state_name(b->state));
	cJSON_AddStringToObject(o, "source", b->source);
	cJSON_AddBoolToObject(o, "proven", b->is_proven);
	return o;
}

static cJSON *json_process(const struct block_view *v, const struct psc_block_row *b)
{
	if (!b->has_process)
		return cJSON_CreateNull();
	cJSON *o = cJSON_CreateObject();
	json_add_address(o, "eprocess", b->process.eprocess, v->is_32bit);
	json_add_u64_or_null(o, "pid", b->process.is_listed, b->process.pid);
	json_add_text_or_null(o, "name", b->process.is_listed ? b->process.name : NULL);
	return o;
}

static void json_add_hex(cJSON *o, const char *key, const uint8_t *bytes, size_t n)
{
	char text[2 * BYTES_MAX + 1];
	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	text[2 * n] = '\0';
	json_add_text_or_null(o, key, n != 0 ? text : NULL);
}

static cJSON *json_pointers(const struct block_view *v)
{
	const size_t width = v->is_32bit ? 4 : 8;
	char name[PSC_LOCATION_TEXT_BYTES];
	cJSON *a = cJSON_CreateArray();
	for (size_t i = 0; i + width <= v->n_contents; i += width) {
		uint64_t x = pointer_at(v, v->contents + i);
		if (name_address(v, x, name, sizeof(name)) == NULL)
			continue;
		cJSON *o = cJSON_CreateObject();
		json_add_u64(o, "offset_bytes", i);
		json_add_address(o, "value", x, v->is_32bit);
		cJSON_AddStringToObject(o, "symbol", name);
		cJSON_AddItemToArray(a, o);
	}
	return a;
}

static cJSON *json_document(const struct block_view *v, const struct run *run, bool is_ndjson)
{
	cJSON *doc;
	if (is_ndjson) {
		doc = json_record(v->dump, SCHEMA, "block");
	} else {
		doc = cJSON_CreateObject();
		cJSON_AddStringToObject(doc, "schema", SCHEMA);
	}
	cJSON_AddItemToObject(doc, "dump", json_dump(v->dump));
	json_add_address(doc, "address", v->va, v->is_32bit);
	if (v->hit == NULL) {
		cJSON_AddNullToObject(doc, "block");
	} else {
		cJSON *o = json_row(v, v->hit);
		const char *owner =
			v->hit->has_tag && v->owners != NULL ? psc_tag_file_lookup(v->owners, v->hit->tag) : NULL;
		json_add_text_or_null(o, "owner", owner);
		cJSON_AddStringToObject(o, "why", reason(v->hit));
		cJSON_AddItemToObject(o, "process", json_process(v, v->hit));
		json_add_hex(o, "header_hex", v->header, v->n_header);
		json_add_u64(o, "previous_bytes", v->hit->previous_bytes);
		json_add_hex(o, "contents_hex", v->contents, v->n_contents);
		cJSON_AddItemToObject(o, "pointers", json_pointers(v));
		cJSON_AddItemToObject(o, "references",
				      v->with_refs ? block_refs_json(v->refs, v->is_32bit) : cJSON_CreateNull());
		cJSON_AddItemToObject(doc, "block", o);
	}
	cJSON *page = cJSON_AddArrayToObject(doc, "page");
	for (size_t i = 0; i < v->page->n; i++)
		cJSON_AddItemToArray(page, json_row(v, &v->page->rows[i]));
	cJSON_AddItemToObject(doc, "warnings", run_warnings(run));
	return doc;
}

static enum psc_status work(struct run *r, void *arg, struct psc_error *reterr)
{
	struct block_view *v = (struct block_view *)arg;
	v->dump = r->dump;
	v->is_32bit = r->is_32bit;
	enum psc_status st = page_blocks_read(v->page, r, v->va, reterr);
	if (st != PSC_OK || v->page->hit == v->page->n)
		return st;
	v->hit = &v->page->rows[v->page->hit];
	read_block(v);
	return v->with_refs ? block_refs_find(v->refs, r, v->hit, reterr) : PSC_OK;
}

static int print(struct run *r, void *arg)
{
	const struct block_view *v = (const struct block_view *)arg;
	bool is_pretty = v->common.format == FORMAT_JSON;
	if (v->common.format != FORMAT_TABLE)
		return run_printed(json_print(r->f, json_document(v, r, !is_pretty), is_pretty));
	print_text(v, r->f);
	return EXIT_COMPLETE;
}

static void free_result(void *arg)
{
	page_blocks_free(((struct block_view *)arg)->page);
	block_refs_deinit(((struct block_view *)arg)->refs);
}

static int block_option(void *arg, int opt)
{
	struct block_view *v = (struct block_view *)arg;
	char *end = NULL;
	unsigned long n;
	switch (opt) {
	case OPT_DUMP_BYTES:
		n = strtoul(optarg, &end, 10);
		if (*optarg < '0' || *optarg > '9' || *end != '\0' || n > BYTES_MAX)
			return usage_error("block", "--dump-bytes takes a number from 0 to %u, not '%s'", BYTES_MAX,
					   optarg);
		v->dump_bytes = (unsigned)n;
		return OPTION_DONE;
	case OPT_REFS:
		v->with_refs = true;
		return OPTION_DONE;
	case OPT_TAG_FILE:
		v->tag_file = optarg;
		return OPTION_DONE;
	default:
		return OPTION_UNKNOWN;
	}
}

static int run(struct block_view *v, int argc, char **argv)
{
	static const struct option options[] = {{"dump-bytes", required_argument, NULL, OPT_DUMP_BYTES},
						{"refs", no_argument, NULL, OPT_REFS},
						{"tag-file", required_argument, NULL, OPT_TAG_FILE},
						COMMON_LONG_OPTIONS};
	static const struct command_spec spec = {"block",
						 help,
						 "",
						 options,
						 FORMATS_ROWS & ~FORMAT_BIT(FORMAT_CSV),
						 "one block is no table: --format is table, json or ndjson",
						 block_option};
	static const struct run_steps steps = {work, print, free_result};
	struct psc_error err;
	int code = parse_options(&spec, &v->common, v, argc, argv);
	if (code >= 0)
		return code;
	if (argc - optind != 2)
		return usage_error("block", "the arguments are ADDRESS DUMP");
	if (!parse_address(argv[optind], strlen(argv[optind]), &v->va) || v->va == 0)
		return usage_error("block", "ADDRESS is hexadecimal, not '%s'", argv[optind]);
	if (v->tag_file != NULL && psc_tag_file_open(v->tag_file, &v->owners, &err) != PSC_OK)
		return report_error(&err);
	code = run_command(&v->common, argv + optind + 1, 1, &steps, v);
	psc_tag_file_close(v->owners);
	return code;
}

int cmd_block(int argc, char **argv)
{
	struct block_view *v = (struct block_view *)calloc(1, sizeof(*v));
	struct page_blocks *page = (struct page_blocks *)calloc(1, sizeof(*page));
	struct block_refs *refs = (struct block_refs *)calloc(1, sizeof(*refs));
	int code = EXIT_INPUT;
	if (v != NULL && page != NULL && refs != NULL) {
		v->page = page;
		v->refs = refs;
		v->dump_bytes = 256;
		code = run(v, argc, argv);
	} else {
		run_printed(false);
	}
	free(refs);
	free(page);
	free(v);
	return code;
}
