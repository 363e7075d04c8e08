/* SPDX-License-Identifier: MIT */
/* Callers of blocks whose pool header names an entry of the kernel's stack-trace database. */
#include "report/callers_internal.h"
#include "util/error.h"

#include <stdlib.h>
#include <string.h>

/* The innermost frame that is not one of the pool's own routines, or of those that take down a stack. */
static uint64_t caller_of_trace(struct psc_callers_collect *g, const struct psc_stackdb_trace *t)
{
	for (unsigned i = 0; i < t->n_frames; i++) {
		struct psc_symbol_text text;
		if (!psc_symbolize(g->symbolizer, t->frames[i], &text) || !text.symbol ||
		    strcmp(text.name, "nt") != 0 ||
		    (!strstr(text.symbol, "AllocatePool") && strncmp(text.symbol, "RtlLogStack", 11) != 0 &&
		     strncmp(text.symbol, "RtlpLogStack", 12) != 0 && !strstr(text.symbol, "StackBackTrace")))
			return t->frames[i];
	}
	return t->frames[0];
}

/* Blocks that name a trace, into the sums. */
static bool add_traced_blocks(struct psc_callers_collect *g, const struct psc_stackdb *db,
			      const struct psc_block_callers *found)
{
	uint64_t *live = calloc((size_t)db->n_indices + 1, sizeof(*live));
	struct psc_hashkey key;
	void *value;
	if (!live)
		return false;
	for (size_t pos = 0; psc_hashmap_next(&found->sums, &pos, &key, &value);)
		if ((key.b >> 40) == PSC_CALLER_STACKDB)
			live[key.a] += ((const struct psc_block_sum *)value)->live;
	for (size_t pos = 0; psc_hashmap_next(&found->sums, &pos, &key, &value);) {
		const struct psc_block_sum *v = value;
		if ((key.b >> 40) != PSC_CALLER_STACKDB)
			continue;
		const struct psc_stackdb_trace *t = psc_stackdb_at(db, (uint32_t)key.a);
		struct psc_caller_sum *s = psc_caller_sum_at(g, caller_of_trace(g, t), (uint32_t)key.b,
							     (enum psc_pool)(key.b >> 32 & 0xff), PSC_CALLER_STACKDB);
		if (!s)
			continue;
		s->live += v->live;
		s->live_bytes += v->live_bytes;
		s->is_inferred |= !t->count_is_cut && live[key.a] > t->count;
		/* Of several stacks of one caller, the one with the lowest index, whatever order they come in. */
		psc_caller_keep_stack(g, s, t->frames, t->n_frames, key.a);
	}
	free(live);
	return !g->no_memory;
}

static const char *why_not_joined(const struct psc_stackdb *db, const struct psc_block_callers *found)
{
	if (!db->in_headers)
		return "pool headers of this machine hold tags where an index would stand";
	if (found->matched == 0)
		return "no pool header names a trace";
	return "what stands in pool headers at the place of an index is something else";
}

enum psc_status psc_callers_read_stackdb(struct psc_callers_collect *g, struct psc_error *reterr)
{
	struct psc_callers_info *info = &g->c->info;
	struct psc_warnings ignored = {.arena = &g->c->arena}; /* of the walk: said where the pool is walked */
	struct psc_block_callers found;
	struct psc_stackdb db;
	enum psc_status r = psc_stackdb_read(g->k, &g->c->arena, &db, reterr);
	if (r != PSC_OK)
		return r;
	info->stackdb_available = db.available;
	info->stackdb_why_not = db.why_not;
	info->stackdb_traces = db.traces;
	info->stackdb_missing = db.missing;
	info->stackdb_invalid = db.invalid;
	if (!db.available)
		return PSC_OK;
	const struct psc_block_callers_options opts = {.recorded = &g->live, .db = &db};
	r = psc_block_callers_walk(g->k, &opts, &g->c->arena, &ignored, &found, reterr);
	psc_warnings_deinit(&ignored);
	if (r != PSC_OK)
		return r;
	g->full |= found.full;
	info->stackdb_joined = found.db_is_proven;
	info->stackdb_blocks = found.matched;
	info->stackdb_lost = found.lost;
	info->stackdb_unmatched = found.unmatched;
	if (!found.db_is_proven)
		info->stackdb_why_not_joined = why_not_joined(&db, &found);
	else if (!add_traced_blocks(g, &db, &found))
		r = psc_fail_no_memory(reterr);
	psc_block_callers_deinit(&found);
	return r;
}
