/* SPDX-License-Identifier: MIT */
/* poolscope block ADDRESS: the block that holds an address, its neighbours, and what speaks for it. */
#include "block_view.h"
#include "callers.h"
#include "coverage.h"
#include "json.h"
#include "rows.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: poolscope block [OPTIONS] ADDRESS DUMP\n"
	"\n"
	"Prints the pool block that holds an address, whatever stores it: tag, who is recorded to have allocated it,\n"
	"the process that is charged, state and why it is thought to be in it, the header, its page in the form of\n"
	"KD's !pool, and the contents with pointers into modules named.\n"
	"\n"
	"Options:\n"
	"      --dump-bytes N    so many bytes of the contents (default 256, at most 4096)\n"
	"      --refs            search all blocks, loaded modules and stacks of threads for pointers to it\n"
	"      --tag-file FILE   owner names from a file in pooltag.txt format\n" COMMON_OPTIONS_HELP "\n"
	"Examples:\n"
	"  poolscope block fffffa80`03f42010 MEMORY.DMP\n"
	"  poolscope block --refs --dump-bytes 64 0xfffffa8003f42010 MEMORY.DMP\n";

#define SCHEMA "poolscope.block/1"
enum { OPT_DUMP_BYTES = OPT_COMMAND, OPT_REFS, OPT_TAG_FILE };

/* "module!symbol+0x21" or "module+0x123", or NULL. What an unloaded module once held may be anything by now. */
const char *block_name_address(const struct block_view *v, uint64_t va, char *buf, size_t size)
{
	struct psc_code_location l;
	return psc_dump_locate(v->dump, va, &l) && !l.is_unloaded ? location_text(&l, v->is_32bit, buf, size) : NULL;
}

uint64_t block_pointer(const struct block_view *v, const uint8_t *bytes)
{
	uint64_t x = 0;
	for (size_t i = v->is_32bit ? 4 : 8; i > 0; i--)
		x = x << 8 | bytes[i - 1];
	return x;
}

static void read_block(struct block_view *v)
{
	const struct psc_block_row *b = v->hit;
	v->has_header = psc_block_header_read(v->dump, b, &v->header);
	v->n_wanted = b->size_bytes < v->dump_bytes ? (size_t)b->size_bytes : v->dump_bytes;
	v->n_contents = psc_block_read(v->dump, b, b->va, v->contents, v->n_wanted);
}

static bool take_caller(void *arg, const struct psc_block_row *b)
{
	struct block_view *v = (struct block_view *)arg;
	if (b->header_va != v->hit->header_va || !b->has_caller)
		return true;
	v->has_caller = true;
	v->caller_is_inferred = b->caller_is_inferred;
	v->caller_source = b->caller_source;
	(void)psc_dump_locate(v->dump, b->caller.address, &v->caller); /* texts that live longer than this call */
	v->caller.address = b->caller.address;
	return true;
}

/* That nobody recorded callers at all is no news here: only this one block's is asked for. */
static enum psc_status find_caller(struct block_view *v, struct run *r, struct psc_error *reterr)
{
	struct psc_blocks_options b = PSC_BLOCKS_OPTIONS_INIT;
	struct psc_blocks *blocks = NULL;
	b.states = 0;
	b.lo = v->hit->header_va;
	b.hi = v->hit->header_va + 1;
	b.callers = true;
	b.n_threads = r->o->n_threads;
	b.progress = progress_callback(r->o);
	enum psc_status st = psc_blocks_run(r->dump, &b, take_caller, v, &blocks, reterr);
	if (st == PSC_OK)
		r->interrupted |= psc_blocks_is_interrupted(blocks);
	psc_blocks_free(blocks);
	return st;
}

/* ---- JSON ---- */

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
	cJSON_AddItemToObject(o, "protected", b->has_tag ? cJSON_CreateBool(b->is_protected) : cJSON_CreateNull());
	cJSON_AddStringToObject(o, "pool", psc_pool_name(b->pool));
	cJSON_AddItemToObject(o, "nx", b->is_nx ? cJSON_CreateTrue() : cJSON_CreateNull());
	cJSON_AddItemToObject(o, "page_tables",
			      b->page_tables != 0 ? json_address(b->page_tables, false) : cJSON_CreateNull());
	cJSON_AddStringToObject(o, "kind", psc_block_kind_name(b->kind));
	cJSON_AddStringToObject(o, "state", psc_block_state_name(b->state));
	cJSON_AddItemToObject(o, "process", json_process(v, b));
	cJSON_AddStringToObject(o, "source", b->source);
	cJSON_AddBoolToObject(o, "proven", b->is_proven);
	return o;
}

static void json_add_hex(cJSON *o, const char *key, const uint8_t *bytes, size_t n)
{
	char text[2 * BLOCK_BYTES_MAX + 1];
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
		uint64_t x = block_pointer(v, v->contents + i);
		if (block_name_address(v, x, name, sizeof(name)) == NULL)
			continue;
		cJSON *o = cJSON_CreateObject();
		json_add_u64(o, "offset_bytes", i);
		json_add_address(o, "value", x, v->is_32bit);
		cJSON_AddStringToObject(o, "symbol", name);
		cJSON_AddItemToArray(a, o);
	}
	return a;
}

static cJSON *json_header(const struct block_view *v)
{
	char type[8];
	if (!v->has_header)
		return cJSON_CreateNull();
	cJSON *o = cJSON_CreateObject();
	json_add_u64(o, "block_bytes", v->header.block_bytes);
	json_add_u64(o, "previous_bytes", v->header.previous_bytes);
	json_add_u64(o, "pool_index", v->header.pool_index);
	snprintf(type, sizeof(type), "0x%02x", (unsigned)(v->header.pool_type & 0xff));
	cJSON_AddStringToObject(o, "pool_type", type);
	cJSON_AddStringToObject(o, "pool_type_text", v->header.type_text);
	return o;
}

/* The members that blocks --callers has. */
static void add_caller(const struct block_view *v, cJSON *block)
{
	const struct psc_code_location *c = &v->caller;
	cJSON *o = v->has_caller ? cJSON_CreateObject() : cJSON_CreateNull();
	char text[24];
	cJSON_AddItemToObject(block, "caller", o);
	if (v->has_caller) {
		const bool is_in_module = c->module != NULL;
		json_add_address(o, "address", c->address, v->is_32bit);
		json_add_text_or_null(o, "module", c->module);
		snprintf(text, sizeof(text), "0x%" PRIx64, c->offset);
		json_add_text_or_null(o, "offset", is_in_module ? text : NULL);
		json_add_text_or_null(o, "symbol", c->symbol);
		json_add_u64_or_null(o, "symbol_offset", c->symbol != NULL, c->symbol_offset);
		cJSON_AddItemToObject(o, "unloaded",
				      is_in_module ? cJSON_CreateBool(c->is_unloaded) : cJSON_CreateNull());
	}
	json_add_text_or_null(block, "caller_source", v->has_caller ? psc_caller_source_name(v->caller_source) : NULL);
	json_add_text_or_null(block, "caller_grade",
			      v->has_caller ? caller_grade(v->caller_source, v->caller_is_inferred) : NULL);
}

static cJSON *json_coverage(const struct block_view *v, const struct run *run)
{
	size_t n;
	const struct psc_walk_coverage *c = psc_blocks_coverage(v->page->blocks, &n);
	cJSON *o = run_coverage(run);
	json_add_scan_coverage(o, psc_blocks_scan_coverage(v->page->blocks));
	json_add_walk_coverage(o, c, n);
	return o;
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
		cJSON_AddStringToObject(doc, "why_not", v->why_not);
	} else {
		cJSON *o = json_row(v, v->hit);
		const char *owner =
			v->hit->has_tag && v->owners != NULL ? psc_tag_file_lookup(v->owners, v->hit->tag) : NULL;
		json_add_text_or_null(o, "owner", owner);
		cJSON_AddStringToObject(o, "why", block_reason(v->hit));
		add_caller(v, o);
		json_add_hex(o, "header_hex", v->header.bytes, v->has_header ? v->header.n_bytes : 0);
		cJSON_AddItemToObject(o, "header", json_header(v));
		json_add_u64(o, "previous_bytes", v->hit->previous_bytes);
		json_add_hex(o, "contents_hex", v->contents, v->n_contents);
		cJSON_AddItemToObject(o, "pointers", json_pointers(v));
		cJSON_AddItemToObject(o, "references",
				      v->with_refs ? block_refs_json(v->refs, v->is_32bit) : cJSON_CreateNull());
		cJSON_AddItemToObject(doc, "block", o);
		cJSON_AddNullToObject(doc, "why_not");
	}
	json_add_u64(doc, "other_sessions_count", v->page->n_other_sessions);
	cJSON *page = cJSON_AddArrayToObject(doc, "page");
	for (size_t i = 0; i < v->page->n; i++)
		cJSON_AddItemToArray(page, json_row(v, &v->page->rows[i]));
	cJSON_AddItemToObject(doc, "coverage", json_coverage(v, run));
	cJSON_AddItemToObject(doc, "warnings", run_warnings(run));
	return doc;
}

static enum psc_status work(struct run *r, void *arg, struct psc_error *reterr)
{
	struct block_view *v = (struct block_view *)arg;
	v->dump = r->dump;
	v->is_32bit = r->is_32bit;
	v->va = run_address(r, v->va);
	enum psc_status st = page_blocks_read(v->page, r, v->va, reterr);
	if (st != PSC_OK)
		return st;
	if (v->page->hit == v->page->n) {
		page_blocks_why_not(v->page->n != 0, r, v->va, v->why_not);
		return PSC_OK;
	}
	v->hit = &v->page->rows[v->page->hit];
	read_block(v);
	st = find_caller(v, r, reterr);
	return st == PSC_OK && v->with_refs ? block_refs_find(v->refs, r, v->hit, reterr) : st;
}

static int print(struct run *r, void *arg)
{
	const struct block_view *v = (const struct block_view *)arg;
	bool is_pretty = v->common.format == FORMAT_JSON;
	if (v->common.format != FORMAT_TABLE)
		return run_printed(json_print(r->f, json_document(v, r, !is_pretty), is_pretty));
	block_print_text(v, r);
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
		if (*optarg < '0' || *optarg > '9' || *end != '\0' || n > BLOCK_BYTES_MAX)
			return usage_error("block", "--dump-bytes takes a number from 0 to %u, not '%s'",
					   BLOCK_BYTES_MAX, optarg);
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
						 "'poolscope blocks --in' lists a page as rows",
						 block_option};
	static const struct run_steps steps = {work, print, free_result};
	struct psc_error err;
	int code = parse_options(&spec, &v->common, v, argc, argv);
	if (code >= 0)
		return code;
	if (argc - optind != 2)
		return usage_error("block", "the arguments are ADDRESS DUMP");
	code = address_argument("block", argv[optind], &v->va);
	if (code >= 0)
		return code;
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
