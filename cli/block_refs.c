/* SPDX-License-Identifier: MIT */
#include "block_refs.h"
#include "callers.h"
#include "json.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 4096u

static uint64_t pointer_at(const uint8_t *bytes, size_t width)
{
	uint64_t x = 0;
	for (size_t i = width; i > 0; i--)
		x = x << 8 | bytes[i - 1];
	return x;
}

/* Told of each pointer; the first of them are kept. */
typedef void ref_fn(struct ref *r, const void *arg);

/* block: whose contents these are; NULL: none's. */
static void search(struct block_refs *refs, const struct psc_block_row *block, uint64_t va, uint64_t size_bytes,
		   ref_fn *describe, const void *arg)
{
	uint8_t bytes[CHUNK_BYTES];
	const size_t width = refs->is_32bit ? 4 : 8;
	uint64_t lo = refs->hit->header_va, hi = lo + refs->hit->block_bytes;
	for (uint64_t off = 0; off < size_bytes;) {
		/* Up to the next page, so that one that is missing hides no other. */
		size_t want = CHUNK_BYTES - (size_t)((va + off) % CHUNK_BYTES);
		if (size_bytes - off < want)
			want = (size_t)(size_bytes - off);
		size_t n = block != NULL ? psc_block_read(refs->dump, block, va + off, bytes, want)
					 : psc_dump_read(refs->dump, va + off, bytes, want);
		for (size_t i = 0; i + width <= n; i += width) {
			uint64_t x = pointer_at(bytes + i, width);
			if (x < lo || x >= hi)
				continue;
			refs->n_found++;
			if (refs->n == REFS_MAX)
				continue;
			struct ref *r = &refs->items[refs->n++];
			memset(r, 0, sizeof(*r));
			r->at = va + off + i;
			r->value = x;
			describe(r, arg);
		}
		off += want;
	}
}

/* ---- blocks and modules ---- */

static void describe_block(struct ref *r, const void *arg)
{
	const struct psc_block_row *b = (const struct psc_block_row *)arg;
	r->in = REF_IN_BLOCK;
	r->owner_va = b->va;
	memcpy(r->tag, b->tag, 4);
}

static bool search_block(void *arg, const struct psc_block_row *b)
{
	struct block_refs *refs = (struct block_refs *)arg;
	/* What it says of itself is no reference. */
	if (b->header_va != refs->hit->header_va)
		search(refs, b, b->va, b->size_bytes, describe_block, b);
	return true;
}

static void describe_module(struct ref *r, const void *arg)
{
	const struct psc_module *m = (const struct psc_module *)arg;
	r->in = REF_IN_MODULE;
	r->owner_va = m->base;
	r->module = m->name;
}

/* ---- stacks ---- */

struct stack_arg {
	struct block_refs *refs;
	const struct psc_stacks_row *row;
};

/* Where a frame begins on the stack of its thread; 0: elsewhere, or not known. */
static uint64_t frame_at(const struct psc_stacks_row *row, size_t i)
{
	uint64_t at = row->frames[i].sp != 0 ? row->frames[i].sp : row->frames[i].stack_va;
	return at >= row->stack_limit && at < row->stack_base ? at : 0;
}

/* ARM64 keeps a return address at the lower end of the frame that will return: what lies above is not yet that of the
 * function it leads into. */
static bool begins_frame(const struct block_refs *refs, const struct psc_stacks_frame *f)
{
	return f->sp != 0 || !refs->is_arm64;
}

static void describe_stack(struct ref *r, const void *arg)
{
	const struct stack_arg *a = (const struct stack_arg *)arg;
	const struct psc_stacks_row *row = a->row;
	const struct psc_stacks_frame *best = NULL;
	r->in = REF_IN_STACK;
	r->owner_va = row->ethread;
	r->has_pid = row->has_pid;
	r->has_tid = row->has_tid;
	r->pid = row->pid;
	r->tid = row->tid;
	for (size_t i = 0; i < row->n_frames; i++) {
		uint64_t at = frame_at(row, i);
		if (at != 0 && at <= r->at && begins_frame(a->refs, &row->frames[i]))
			best = &row->frames[i];
	}
	if (best == NULL)
		return;
	char text[PSC_LOCATION_TEXT_BYTES];
	location_text(&best->code, a->refs->is_32bit, text, sizeof(text));
	r->is_uncertain = best->is_uncertain;
	r->function = (char *)malloc(strlen(text) + 1);
	if (r->function != NULL)
		strcpy(r->function, text);
	else
		a->refs->no_memory = true;
}

static bool search_stack(void *arg, const struct psc_stacks_row *row)
{
	struct block_refs *refs = (struct block_refs *)arg;
	const struct stack_arg a = {refs, row};
	uint64_t from = 0;
	/* What lies below the innermost frame was left by calls that are done. */
	for (size_t i = 0; i < row->n_frames && from == 0; i++)
		from = frame_at(row, i);
	if (from == 0)
		return true;
	refs->n_stacks++;
	from &= ~(uint64_t)(refs->is_32bit ? 3 : 7);
	search(refs, NULL, from, row->stack_base - from, describe_stack, &a);
	return !refs->no_memory;
}

static enum psc_status search_stacks(struct block_refs *refs, struct run *r, struct psc_error *reterr)
{
	struct psc_stacks_options o = PSC_STACKS_OPTIONS_INIT;
	struct psc_stacks *stacks = NULL;
	o.progress = progress_callback(r->o);
	enum psc_status st = psc_stacks_run(r->dump, &o, search_stack, refs, &stacks, reterr);
	if (st != PSC_OK)
		return st;
	const struct psc_stacks_info *i = psc_stacks_get_info(stacks);
	refs->n_threads = i->threads;
	refs->stacks_why_not = i->why_not; /* static */
	r->interrupted |= psc_stacks_is_interrupted(stacks);
	psc_stacks_free(stacks);
	return PSC_OK;
}

enum psc_status block_refs_find(struct block_refs *refs, struct run *r, const struct psc_block_row *hit,
				struct psc_error *reterr)
{
	struct psc_blocks_options b = PSC_BLOCKS_OPTIONS_INIT;
	struct psc_blocks *blocks = NULL;
	size_t n, n_loaded;
	const struct psc_module *m = psc_dump_modules(r->dump, &n, &n_loaded);
	refs->dump = r->dump;
	refs->hit = hit;
	refs->is_32bit = r->is_32bit;
	refs->is_arm64 = psc_dump_get_info(r->dump)->machine == PSC_MACHINE_ARM64;
	b.n_threads = r->o->n_threads;
	b.progress = progress_callback(r->o);
	enum psc_status st = psc_blocks_run(r->dump, &b, search_block, refs, &blocks, reterr);
	if (st != PSC_OK)
		return st;
	r->interrupted |= psc_blocks_is_interrupted(blocks);
	psc_blocks_free(blocks);
	for (size_t i = 0; i < n_loaded && !r->interrupted; i++) {
		search(refs, NULL, m[i].base, m[i].size_bytes, describe_module, &m[i]);
		r->interrupted = psc_cancel_is_requested(r->o->open.cancel);
	}
	if (!r->interrupted)
		st = search_stacks(refs, r, reterr);
	refs->interrupted = r->interrupted;
	return st;
}

/* ---- output ---- */

void block_refs_print(const struct block_refs *refs, FILE *f, bool is_32bit)
{
	char tag[17];
	int digits = is_32bit ? 8 : 16;
	fprintf(f, "References:     %" PRIu64 "%s%s\n", refs->n_found, refs->interrupted ? " (interrupted)" : "",
		refs->n_found > refs->n ? ", the first of them:" : "");
	for (size_t i = 0; i < refs->n; i++) {
		const struct ref *r = &refs->items[i];
		fprintf(f, "    0x%0*" PRIx64 " -> 0x%0*" PRIx64 "  ", digits, r->at, digits, r->value);
		switch (r->in) {
		case REF_IN_BLOCK:
			fprintf(f, "in block 0x%0*" PRIx64 " %s +0x%" PRIx64 "\n", digits, r->owner_va,
				psc_tag_format(r->tag, tag), r->at - r->owner_va);
			break;
		case REF_IN_MODULE:
			fprintf(f, "in %s+0x%" PRIx64 "\n", r->module, r->at - r->owner_va);
			break;
		case REF_IN_STACK:
			fprintf(f, "on the stack of thread 0x%0*" PRIx64, digits, r->owner_va);
			if (r->has_pid && r->has_tid)
				fprintf(f, " (%" PRIu64 ".%" PRIu64 ")", r->pid, r->tid);
			fprintf(f, ", %s%s\n", r->function != NULL ? r->function : "function not known",
				r->is_uncertain ? " ?" : "");
			break;
		}
	}
	fprintf(f, "Stacks:         %" PRIu64 " of %" PRIu64 " threads searched%s%s\n", refs->n_stacks, refs->n_threads,
		refs->stacks_why_not != NULL ? "; " : "", refs->stacks_why_not != NULL ? refs->stacks_why_not : "");
}

static cJSON *json_ref(const struct ref *r, bool is_32bit)
{
	static const char *const in[] = {"block", "module", "stack"};
	char tag[17];
	cJSON *o = cJSON_CreateObject();
	json_add_address(o, "at", r->at, is_32bit);
	json_add_address(o, "value", r->value, is_32bit);
	cJSON_AddStringToObject(o, "in", in[r->in]);
	json_add_address(o, "owner_va", r->owner_va, is_32bit);
	json_add_text_or_null(o, "owner",
			      r->in == REF_IN_BLOCK    ? psc_tag_format(r->tag, tag)
			      : r->in == REF_IN_MODULE ? r->module
						       : r->function);
	json_add_u64_or_null(o, "pid", r->has_pid, r->pid);
	json_add_u64_or_null(o, "tid", r->has_tid, r->tid);
	cJSON_AddItemToObject(o, "uncertain",
			      r->function != NULL ? cJSON_CreateBool(r->is_uncertain) : cJSON_CreateNull());
	return o;
}

cJSON *block_refs_json(const struct block_refs *refs, bool is_32bit)
{
	cJSON *o = cJSON_CreateObject(), *a;
	json_add_u64(o, "found_count", refs->n_found);
	cJSON_AddBoolToObject(o, "interrupted", refs->interrupted);
	a = cJSON_AddObjectToObject(o, "stacks");
	json_add_u64(a, "threads_count", refs->n_threads);
	json_add_u64(a, "searched_count", refs->n_stacks);
	json_add_text_or_null(a, "why_not", refs->stacks_why_not);
	a = cJSON_AddArrayToObject(o, "first");
	for (size_t i = 0; i < refs->n; i++)
		cJSON_AddItemToArray(a, json_ref(&refs->items[i], is_32bit));
	return o;
}

void block_refs_deinit(struct block_refs *refs)
{
	for (size_t i = 0; i < refs->n; i++)
		free(refs->items[i].function);
}
