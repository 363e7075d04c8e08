/* SPDX-License-Identifier: MIT */
/* From sums per (source, return address, tag, pool) to the rows that were asked for. */
#include "report/callers_internal.h"
#include "util/text.h"

#include <stdlib.h>
#include <string.h>

static bool text_same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_row(const struct psc_caller_row *r, const struct psc_caller_row *other, enum psc_callers_by by)
{
	if (r->source != other->source || r->is_inferred != other->is_inferred)
		return false;
	switch (by) {
	case PSC_CALLERS_BY_ADDRESS:
		return r->caller.address == other->caller.address && r->has_pool == other->has_pool &&
		       r->pool == other->pool;
	case PSC_CALLERS_BY_FUNCTION:
		return text_same(r->caller.module, other->caller.module) &&
		       text_same(r->caller.symbol, other->caller.symbol) &&
		       (r->caller.symbol || r->caller.address == other->caller.address);
	case PSC_CALLERS_BY_MODULE:
		return text_same(r->caller.module, other->caller.module) &&
		       (r->caller.module || r->caller.address == other->caller.address);
	default:
		break;
	}
	if (r->has_pool != other->has_pool || r->pool != other->pool)
		return false;
	if (by == PSC_CALLERS_BY_POOL_MODULE)
		return text_same(r->caller.module, other->caller.module) &&
		       (r->caller.module || r->caller.address == other->caller.address);
	if (memcmp(r->tags[0], other->tags[0], 4) != 0)
		return false;
	if (by == PSC_CALLERS_BY_TAG_MODULE_SIZE && r->block_bytes != other->block_bytes)
		return false;
	if (by == PSC_CALLERS_BY_TAG_ADDRESS)
		return r->caller.address == other->caller.address;
	return by == PSC_CALLERS_BY_TAG || (text_same(r->caller.module, other->caller.module) &&
					    (r->caller.module || r->caller.address == other->caller.address));
}

static int by_tag_bytes(const void *a, const void *b)
{
	return memcmp(a, b, 4);
}

static void add_tags(struct psc_caller_row *r, const struct psc_caller_row *from)
{
	r->has_more_tags |= from->has_more_tags;
	for (size_t i = 0; i < from->n_tags; i++) {
		bool known = false;
		for (size_t j = 0; j < r->n_tags && !known; j++)
			known = memcmp(r->tags[j], from->tags[i], 4) == 0;
		if (known)
			continue;
		if (r->n_tags == PSC_CALLER_TAGS_MAX)
			r->has_more_tags = true;
		else
			memcpy(r->tags[r->n_tags++], from->tags[i], 4);
	}
}

static void merge_row(struct psc_caller_row *r, const struct psc_caller_row *from)
{
	if (r->caller.address != from->caller.address) {
		r->caller.address = 0;
		r->caller.offset = r->caller.symbol_offset = 0;
	}
	if (r->has_pool != from->has_pool || r->pool != from->pool)
		r->has_pool = false;
	add_tags(r, from);
	r->live += from->live;
	r->live_bytes += from->live_bytes;
	r->has_lifetime |= from->has_lifetime;
	r->allocs += from->allocs;
	r->frees += from->frees;
	r->alloc_bytes += from->alloc_bytes;
	if (!r->stack) {
		r->stack = from->stack;
		r->n_stack = from->n_stack;
	}
}

static int by_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

static int by_source(const struct psc_caller_row *x, const struct psc_caller_row *y)
{
	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return (int)x->is_inferred - (int)y->is_inferred;
}

static int by_block_bytes(const struct psc_caller_row *x, const struct psc_caller_row *y)
{
	return (x->block_bytes > y->block_bytes) - (x->block_bytes < y->block_bytes);
}

/* Total order over single sums, before rows are put together: the same whatever order records were read in. */
static int by_caller(const void *a, const void *b)
{
	const struct psc_caller_row *x = a, *y = b;
	if (x->caller.address != y->caller.address)
		return x->caller.address < y->caller.address ? -1 : 1;
	int c = by_source(x, y);
	if (c != 0)
		return c;
	if (x->pool != y->pool)
		return x->pool < y->pool ? -1 : 1;
	c = memcmp(x->tags[0], y->tags[0], 4);
	return c != 0 ? c : by_block_bytes(x, y);
}

static int by_bytes(const void *a, const void *b)
{
	const struct psc_caller_row *x = a, *y = b;
	if (x->live_bytes != y->live_bytes)
		return x->live_bytes > y->live_bytes ? -1 : 1;
	if (x->live != y->live)
		return x->live > y->live ? -1 : 1;
	int c = by_caller(a, b);
	return c != 0 ? c : by_text(x->caller.module, y->caller.module);
}

static bool is_wanted(const struct psc_callers_options *opts, const struct psc_caller_row *r)
{
	if (opts->tag && !psc_tag_pattern_match(opts->tag, r->tags[0]))
		return false;
	if (opts->tag_bytes && memcmp(opts->tag_bytes, r->tags[0], 4) != 0)
		return false;
	return !opts->module || psc_module_matches(opts->module, r->caller.module, r->caller.name);
}

static bool row_of_sum(struct psc_callers *c, struct psc_symbolizer *symbolizer, const struct psc_hashkey *key,
		       const struct psc_caller_sum *s, struct psc_caller_row *r)
{
	bool no_memory = false;
	memset(r, 0, sizeof(*r));
	r->source = psc_caller_key_source(key);
	r->is_inferred = psc_caller_key_is_inferred(key);
	r->pool = psc_caller_key_pool(key);
	r->has_pool = r->pool != PSC_CALLER_POOL_UNKNOWN;
	psc_caller_tag_bytes(psc_caller_key_tag(key), r->tags[0]);
	r->n_tags = 1;
	r->live = s->live;
	r->live_bytes = s->live_bytes;
	r->block_bytes = s->block_bytes;
	r->has_lifetime = s->has_lifetime;
	r->allocs = s->allocs;
	r->frees = s->frees;
	r->alloc_bytes = s->alloc_bytes;
	r->caller = psc_caller_locate(symbolizer, &c->arena, key->a, &no_memory);
	if (s->n_stack == 0)
		return !no_memory;
	struct psc_code_location *stack = psc_arena_alloc_array(&c->arena, s->n_stack, sizeof(*stack));
	if (!stack)
		return false;
	for (uint32_t i = 0; i < s->n_stack; i++)
		stack[i] = psc_caller_locate(symbolizer, &c->arena, s->stack[i], &no_memory);
	r->stack = stack;
	r->n_stack = s->n_stack;
	return !no_memory;
}

static void finish_row(struct psc_callers *c, struct psc_caller_row *r, enum psc_callers_by by)
{
	if (r->n_tags > 1)
		qsort(r->tags, r->n_tags, sizeof(r->tags[0]), by_tag_bytes);
	if (by == PSC_CALLERS_BY_TAG)
		r->caller = (struct psc_code_location){0};
	if ((by == PSC_CALLERS_BY_MODULE || by == PSC_CALLERS_BY_TAG_MODULE || by == PSC_CALLERS_BY_POOL_MODULE ||
	     by == PSC_CALLERS_BY_TAG_MODULE_SIZE) &&
	    r->caller.module) {
		r->caller.symbol = NULL;
		r->caller.address = 0;
	}
	if (r->source == PSC_CALLER_VERIFIER) {
		c->info.live += r->live;
		c->info.live_bytes += r->live_bytes;
	}
}

/* Rows of one group stand together: what makes the group, then the source, then any total order. */
static int within_group(int c, const struct psc_caller_row *x, const struct psc_caller_row *y)
{
	if (c == 0)
		c = by_source(x, y);
	return c != 0 ? c : by_caller(x, y);
}

static int by_pool(const struct psc_caller_row *x, const struct psc_caller_row *y)
{
	return (x->pool > y->pool) - (x->pool < y->pool);
}

static int by_function(const void *a, const void *b)
{
	const struct psc_caller_row *x = a, *y = b;
	int c = by_text(x->caller.module, y->caller.module);
	return within_group(c != 0 ? c : by_text(x->caller.symbol, y->caller.symbol), x, y);
}

static int by_module(const void *a, const void *b)
{
	const struct psc_caller_row *x = a, *y = b;
	return within_group(by_text(x->caller.module, y->caller.module), x, y);
}

static int by_tag(const void *a, const void *b)
{
	const struct psc_caller_row *x = a, *y = b;
	int c = memcmp(x->tags[0], y->tags[0], 4);
	return within_group(c != 0 ? c : by_pool(x, y), x, y);
}

static int by_tag_module(const void *a, const void *b)
{
	const struct psc_caller_row *x = a, *y = b;
	int c = memcmp(x->tags[0], y->tags[0], 4);
	if (c == 0)
		c = by_pool(x, y);
	if (c == 0)
		c = by_block_bytes(x, y); /* 0 of all, unless it makes a row */
	return c != 0 ? c : by_module(a, b);
}

static int by_pool_module(const void *a, const void *b)
{
	const struct psc_caller_row *x = a, *y = b;
	int c = by_pool(x, y);
	return c != 0 ? c : by_module(a, b);
}

bool psc_caller_rows_make(struct psc_callers *c, const struct psc_hashmap *sums, struct psc_symbolizer *symbolizer,
			  const struct psc_callers_options *opts)
{
	/* Rows of one group are neighbours in the order of their group. */
	static int (*const orders[])(const void *, const void *) = {
		by_caller, by_function, by_module, by_tag, by_tag, by_tag_module, by_pool_module, by_tag_module};
	size_t pos = 0, n = 0;
	struct psc_hashkey key;
	void *value;
	c->rows = psc_arena_alloc_array(&c->arena, sums->n + 1, sizeof(*c->rows));
	if (!c->rows)
		return false;
	while (psc_hashmap_next(sums, &pos, &key, &value)) {
		if (!row_of_sum(c, symbolizer, &key, value, &c->rows[n]))
			return false;
		n += is_wanted(opts, &c->rows[n]);
	}
	if (n > 1)
		qsort(c->rows, n, sizeof(*c->rows), orders[opts->by]);
	for (size_t i = 0; i < n; i++) {
		struct psc_caller_row row = c->rows[i];
		if (c->n_rows != 0 && same_row(&c->rows[c->n_rows - 1], &row, opts->by))
			merge_row(&c->rows[c->n_rows - 1], &row);
		else
			c->rows[c->n_rows++] = row;
	}
	for (size_t i = 0; i < c->n_rows; i++)
		finish_row(c, &c->rows[i], opts->by);
	if (c->n_rows > 1)
		qsort(c->rows, c->n_rows, sizeof(*c->rows), by_bytes);
	return true;
}
