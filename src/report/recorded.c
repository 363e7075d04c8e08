/* SPDX-License-Identifier: MIT */
/* Records of allocations by block: the same records that callers.c sums. Callers are few beside blocks, so each is
 * named, and held against what is asked for, once. */
#include "report/recorded.h"
#include "report/blocks.h"
#include "report/callers_internal.h"
#include "util/error.h"
#include "util/text.h"
#include "util/vec.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct psc_recorded {
	struct psc_callers_collect *g; /* its map of live blocks */
	struct psc_stackdb db;
	struct psc_hashmap index; /* caller, source and grade -> uint32_t item */
	struct psc_recorded_caller *items;
	size_t n, cap;
	uint32_t *by_trace; /* db.n_indices + 1: item + 1; 0 none. NULL: headers name no traces */
};

/* ---- what is asked for ---- */

#define TEXT_MAX 256

enum form { ANY, ADDRESS, MODULE_OFFSET, SYMBOL };

struct wish {
	enum form form;
	uint64_t value; /* address, or offset in module or from the symbol */
	bool has_value;
	char module[TEXT_MAX], symbol[TEXT_MAX]; /* "": any */
	const char *only_module;
};

/* Digits with or without 0x; a debugger's ` between. */
static bool parse_hex(const char *text, bool is_prefixed, uint64_t *ret)
{
	uint64_t v = 0;
	unsigned n = 0;
	if (text[0] == '0' && (text[1] | 0x20) == 'x')
		text += 2;
	else if (is_prefixed)
		return false;
	for (; *text; text++) {
		if (*text == '`')
			continue;
		if (!isxdigit((unsigned char)*text) || ++n > 16)
			return false;
		unsigned c = (unsigned char)*text | 0x20u;
		v = v << 4 | (c >= 'a' ? c - 'a' + 10 : c - '0');
	}
	*ret = v;
	return n != 0;
}

static bool copy(char *to, const char *from, size_t n)
{
	if (n == 0 || n >= TEXT_MAX)
		return false;
	memcpy(to, from, n);
	to[n] = '\0';
	return true;
}

static enum psc_status parse_wish(const char *text, struct wish *w, struct psc_error *reterr)
{
	if (!text)
		return PSC_OK;
	const char *bang = strchr(text, '!'), *plus = strrchr(text, '+');
	size_t n = strlen(text);
	/* Eight digits are an address as debuggers print it, fewer may as well be a name. */
	bool ok = parse_hex(text, n < 8, &w->value);
	if (ok) {
		w->form = ADDRESS;
		return PSC_OK;
	}
	size_t end = plus ? (size_t)(plus - text) : n;
	size_t start = bang ? (size_t)(bang - text) + 1 : 0;
	w->form = plus && !bang ? MODULE_OFFSET : SYMBOL;
	w->has_value = plus != NULL;
	ok = (w->form != SYMBOL || !isdigit((unsigned char)text[start])) &&
	     (!plus || parse_hex(plus + 1, false, &w->value)) && start <= end &&
	     (!bang || copy(w->module, text, start - 1)) &&
	     copy(w->form == SYMBOL ? w->symbol : w->module, text + start, end - start);
	return ok ? PSC_OK
		  : psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0,
			     "'%.64s' is no caller: give an address, MODULE+OFFSET (hexadecimal), or a symbol as in "
			     "'http!UlAllocate' or 'UlAllocate+21'",
			     text);
}

enum psc_status psc_caller_check(const char *text, struct psc_error *reterr)
{
	struct wish w = {.form = ANY};
	return parse_wish(text, &w, reterr);
}

static bool is_module(const struct psc_code_location *c, const char *name)
{
	return psc_module_matches(name, c->module, c->name);
}

static bool is_wanted(const struct wish *w, const struct psc_code_location *c)
{
	if (w->only_module && !is_module(c, w->only_module))
		return false;
	switch (w->form) {
	case ANY:
		return true;
	case ADDRESS:
		return c->address == w->value;
	case MODULE_OFFSET:
		return is_module(c, w->module) && c->offset == w->value;
	case SYMBOL:
		break;
	}
	return c->symbol && strcmp(c->symbol, w->symbol) == 0 && (w->module[0] == '\0' || is_module(c, w->module)) &&
	       (!w->has_value || c->symbol_offset == w->value);
}

/* ---- callers ---- */

static struct psc_hashkey key_of(uint64_t caller, enum psc_caller_source source, bool is_inferred)
{
	struct psc_hashkey k = {caller, (uint64_t)source << 1 | (uint64_t)is_inferred};
	return k;
}

/* Its index + 1; 0: out of memory. */
static uint32_t add_caller(struct psc_recorded *r, const struct wish *w, uint64_t caller, enum psc_caller_source source,
			   bool is_inferred)
{
	bool is_new, no_memory = false;
	uint32_t *slot = psc_hashmap_put(&r->index, key_of(caller, source, is_inferred), &is_new);
	if (!slot)
		return 0;
	if (!is_new)
		return *slot + 1;
	if (!PSC_VEC_RESERVE_ONE(r))
		return 0;
	struct psc_recorded_caller *c = &r->items[r->n];
	memset(c, 0, sizeof(*c));
	c->code = psc_caller_locate(r->g->symbolizer, &r->g->c->arena, caller, &no_memory);
	c->source = source;
	c->is_inferred = is_inferred;
	c->is_wanted = is_wanted(w, &c->code);
	*slot = (uint32_t)r->n++;
	return no_memory ? 0 : *slot + 1;
}

static bool add_records(struct psc_recorded *r, const struct wish *w)
{
	struct psc_hashkey key;
	void *value;
	for (size_t pos = 0; psc_hashmap_next(&r->g->live, &pos, &key, &value);) {
		const struct psc_recorded_block *b = value;
		if (add_caller(r, w, b->caller, (enum psc_caller_source)b->source, b->is_inferred) == 0)
			return false;
	}
	return true;
}

static bool add_traces(struct psc_recorded *r, const struct wish *w, const struct psc_block_callers *found)
{
	uint64_t *live = psc_caller_count_by_trace(&r->db, found);
	bool ok = live != NULL;
	r->by_trace = calloc((size_t)r->db.n_indices + 1, sizeof(*r->by_trace));
	ok = ok && r->by_trace;
	for (uint32_t i = 1; ok && i <= r->db.n_indices; i++) {
		const struct psc_stackdb_trace *t = psc_stackdb_at(&r->db, i);
		if (!t || live[i] == 0)
			continue;
		r->by_trace[i] = add_caller(r, w, psc_caller_of_trace(r->g, t), PSC_CALLER_STACKDB,
					    !t->count_is_cut && live[i] > t->count);
		ok = r->by_trace[i] != 0;
	}
	free(live);
	return ok;
}

static enum psc_status read_traces(struct psc_recorded *r, const struct wish *w, const struct psc_blocks_options *opts,
				   struct psc_error *reterr)
{
	struct psc_callers_collect *g = r->g;
	struct psc_warnings ignored = {.arena = &g->c->arena}; /* of the walk: it is repeated for the list */
	struct psc_block_callers found;
	enum psc_status st = psc_stackdb_read(g->k, &g->c->arena, &r->db, reterr);
	if (st != PSC_OK)
		return st;
	if (!r->db.available || !r->db.in_headers) {
		psc_callers_note_stackdb(g->c, &r->db, NULL);
		return PSC_OK;
	}
	const struct psc_block_callers_options walk = {.recorded = &g->live,
						       .db = &r->db,
						       .n_threads = opts->n_threads,
						       .progress = opts->progress,
						       .progress_arg = opts->progress_arg};
	st = psc_block_callers_walk(g->k, &walk, &g->c->arena, &ignored, &found, reterr);
	psc_warnings_deinit(&ignored);
	if (st != PSC_OK)
		return st;
	psc_callers_note_stackdb(g->c, &r->db, &found);
	if (found.db_is_proven && !add_traces(r, w, &found))
		st = psc_fail_no_memory(reterr);
	psc_block_callers_deinit(&found);
	return st;
}

static void warn_of_missing(const struct psc_recorded *r, const struct psc_blocks_options *opts,
			    struct psc_warnings *warnings)
{
	const struct psc_callers_info *i = &r->g->c->info;
	size_t n_wanted = 0;
	for (size_t k = 0; k < r->g->c->warnings.n; k++)
		psc_warn(warnings, "%s", r->g->c->warnings.items[k]);
	for (size_t k = 0; k < r->n; k++)
		n_wanted += r->items[k].is_wanted;
	if (r->n == 0)
		psc_warn(warnings, "this dump records no callers: %s; %s",
			 i->verifier_why_not ? i->verifier_why_not : "Driver Verifier has no live blocks",
			 r->db.why_not ? r->db.why_not : "no pool header names a stack of the stack-trace database");
	else if (n_wanted == 0)
		psc_warn(warnings, "no block is recorded to be of %s%s%s%s; 'poolscope callers' lists who is recorded",
			 opts->caller ? "caller " : "", opts->caller ? opts->caller : "",
			 opts->module ? opts->caller ? " in module " : "module " : "",
			 opts->module ? opts->module : "");
	if (i->record_pages_missing != 0)
		psc_warn(warnings, "%llu of %llu pages of Driver Verifier's records are not in the dump",
			 (unsigned long long)i->record_pages_missing,
			 (unsigned long long)(i->record_pages_missing + i->record_pages_read));
}

enum psc_status psc_recorded_read(struct psc_kernel *k, const struct psc_blocks_options *opts,
				  struct psc_warnings *warnings, struct psc_recorded **ret, struct psc_error *reterr)
{
	struct wish w = {.form = ANY, .only_module = opts->module};
	enum psc_status st = parse_wish(opts->caller, &w, reterr);
	if (st != PSC_OK)
		return st;
	if (w.form == ADDRESS && k->space.is_32bit && w.value >> 31 == 0x1ffffffffu)
		w.value &= UINT32_MAX; /* debuggers extend the sign */
	struct psc_recorded *r = calloc(1, sizeof(*r));
	if (!r)
		return psc_fail_no_memory(reterr);
	psc_hashmap_init(&r->index, sizeof(uint32_t), 0);
	st = psc_callers_collect_open(k, &r->g, reterr);
	if (st == PSC_OK)
		st = psc_callers_read_records(r->g, reterr);
	if (st == PSC_OK && !add_records(r, &w))
		st = psc_fail_no_memory(reterr);
	if (st == PSC_OK)
		st = read_traces(r, &w, opts, reterr);
	if (st != PSC_OK) {
		psc_recorded_free(r);
		return st;
	}
	warn_of_missing(r, opts, warnings);
	*ret = r;
	return PSC_OK;
}

double psc_recorded_ratio(const struct psc_recorded *r)
{
	return psc_callers_records_ratio(r->g->c);
}

void psc_recorded_free(struct psc_recorded *r)
{
	if (!r)
		return;
	psc_callers_collect_close(r->g);
	psc_hashmap_deinit(&r->index);
	free(r->items);
	free(r->by_trace);
	free(r);
}

const struct psc_recorded_caller *psc_recorded_find(const struct psc_recorded *r, const struct psc_block *b)
{
	struct psc_block_row row;
	if (b->state != PSC_BLOCK_ALLOCATED)
		return NULL;
	psc_block_row_make(b, r->g->rules.unit_bytes, NULL, &row);
	const struct psc_hashkey key = {row.va, 0};
	const struct psc_recorded_block *l = psc_hashmap_get(&r->g->live, key);
	if (l) {
		const uint32_t *i = psc_hashmap_get(
			&r->index, key_of(l->caller, (enum psc_caller_source)l->source, l->is_inferred));
		return i ? &r->items[*i] : NULL;
	}
	if (!r->by_trace || b->trace_index == 0 || b->trace_index > r->db.n_indices || r->by_trace[b->trace_index] == 0)
		return NULL;
	return &r->items[r->by_trace[b->trace_index] - 1];
}

void psc_recorded_fill(const struct psc_recorded *r, const struct psc_block *b, struct psc_block_row *row)
{
	const struct psc_recorded_caller *c = r ? psc_recorded_find(r, b) : NULL;
	if (!c)
		return;
	row->has_caller = true;
	row->caller = c->code;
	row->caller_source = c->source;
	row->caller_is_inferred = c->is_inferred;
}
