/* SPDX-License-Identifier: MIT */
/* Callers of blocks as the walk of the pool finds them: by records, and by the entry of the kernel's stack-trace
 * database that their header names. */
#include "report/callers_internal.h"
#include "util/bytes.h"
#include "util/error.h"
#include "util/vec.h"

#include <stdlib.h>
#include <string.h>

uint64_t psc_caller_of_trace(struct psc_callers_collect *g, const struct psc_stackdb_trace *t)
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

uint64_t *psc_caller_count_by_trace(const struct psc_stackdb *db, const struct psc_block_callers *found)
{
	uint64_t *live = calloc((size_t)db->n_indices + 1, sizeof(*live));
	struct psc_hashkey key;
	void *value;
	for (size_t pos = 0; live && psc_hashmap_next(&found->sums, &pos, &key, &value);)
		if (psc_caller_key_source(&key) == PSC_CALLER_STACKDB)
			live[key.a] += ((const struct psc_block_sum *)value)->live;
	return live;
}

static bool keep_trace(struct psc_callers_collect *g, const struct psc_stackdb_trace *t, const struct psc_hashkey *key,
		       const struct psc_block_sum *v, bool is_inferred)
{
	struct psc_callers *c = g->c;
	if (!PSC_VEC_RESERVE_ONE(&c->traces))
		return false;
	c->traces.items[c->traces.n++] = (struct psc_caller_trace){t->frames, t->n_frames,   (uint32_t)key->a,
								   v->live,   v->live_bytes, is_inferred};
	return true;
}

/* What the walk summed, by caller. */
static bool add_blocks(struct psc_callers_collect *g, const struct psc_stackdb *db,
		       const struct psc_block_callers *found, const uint8_t *tag_bytes)
{
	const uint32_t tag = tag_bytes ? psc_le32(tag_bytes) : 0;
	uint64_t *live = psc_caller_count_by_trace(db, found);
	struct psc_hashkey key;
	void *value;
	if (!live)
		return false;
	for (size_t pos = 0; psc_hashmap_next(&found->sums, &pos, &key, &value);) {
		const struct psc_block_sum *v = value;
		const struct psc_stackdb_trace *t = NULL;
		enum psc_caller_source source = psc_caller_key_source(&key);
		bool is_inferred = psc_caller_key_is_inferred(&key);
		uint64_t caller = key.a;
		if (source == PSC_CALLER_STACKDB && found->db_is_proven) {
			t = psc_stackdb_at(db, (uint32_t)key.a);
			caller = psc_caller_of_trace(g, t);
			is_inferred = !t->count_is_cut && live[key.a] > t->count;
		} else if (source == PSC_CALLER_STACKDB) {
			source = PSC_CALLER_NONE; /* what looked like an index was something else */
			caller = 0;
		}
		const struct psc_hashkey to = psc_caller_key(caller, psc_caller_key_tag(&key),
							     psc_caller_key_pool(&key), source, is_inferred);
		const uint32_t size = psc_caller_key_size(&key);
		struct psc_caller_sum *s = psc_caller_sum_of(g, psc_caller_key_of_size(to, size));
		if (!s)
			continue;
		s->block_bytes = found->sizes.items[size];
		s->live += v->live;
		s->live_bytes += v->live_bytes;
		/* Of several stacks of one caller, the one with the lowest index, whatever order they come in. */
		if (t)
			psc_caller_keep_stack(g, s, t->frames, t->n_frames, key.a);
		if (t && tag_bytes && psc_caller_key_tag(&key) == tag && !keep_trace(g, t, &key, v, is_inferred))
			g->no_memory = true;
	}
	free(live);
	return !g->no_memory;
}

static void set_coverage(struct psc_callers_collect *g, const struct psc_block_callers *found)
{
	struct psc_callers *c = g->c;
	uint64_t recorded_bytes = 0;
	struct psc_hashkey key;
	void *value;
	for (size_t pos = 0; psc_hashmap_next(&g->live, &pos, &key, &value);)
		recorded_bytes += ((const struct psc_recorded_block *)value)->size_bytes;
	c->info.unmet = g->live.n - found->met;
	c->info.unmet_bytes = recorded_bytes - found->met_bytes;
	c->has_scan = found->is_scan;
	c->scan = found->scan;
	c->ratio = found->is_scan ? 0.0 : found->ratio;
	c->n_coverage = found->is_scan ? 0 : 2;
	memcpy(c->coverage, found->coverage, sizeof(c->coverage));
	if (found->is_scan)
		psc_warn(&c->warnings,
			 "these are pool headers seen in the %llu bytes that this dump saved, near registers and "
			 "stacks; a kernel or complete dump is needed for all blocks",
			 (unsigned long long)found->scan.saved_bytes);
}

enum psc_status psc_callers_walk(struct psc_callers_collect *g, const struct psc_callers_options *opts,
				 struct psc_error *reterr)
{
	struct psc_warnings ignored = {.arena = &g->c->arena}; /* of the walk: said where the pool is walked */
	struct psc_block_callers found;
	struct psc_stackdb db;
	enum psc_status r = psc_stackdb_read(g->k, &g->c->arena, &db, reterr);
	if (r != PSC_OK)
		return r;
	if (!db.available && !opts->all_blocks) {
		psc_callers_note_stackdb(g->c, &db, NULL);
		return PSC_OK;
	}
	const struct psc_block_callers_options walk = {.recorded = &g->live,
						       .db = &db,
						       .all_blocks = opts->all_blocks,
						       .by_size = opts->by == PSC_CALLERS_BY_TAG_MODULE_SIZE,
						       .n_threads = opts->n_threads,
						       .progress = opts->progress,
						       .progress_arg = opts->progress_arg};
	r = psc_block_callers_walk(g->k, &walk, &g->c->arena, opts->all_blocks ? &g->c->warnings : &ignored, &found,
				   reterr);
	psc_warnings_deinit(&ignored);
	if (r != PSC_OK)
		return r;
	g->full |= found.full;
	psc_callers_note_stackdb(g->c, &db, &found);
	if (opts->all_blocks) {
		set_coverage(g, &found);
		psc_hashmap_deinit(&g->sums); /* each block once: of records only those that the walk met */
		psc_hashmap_init(&g->sums, sizeof(struct psc_caller_sum), PSC_CALLER_KEYS_MAX);
	}
	if ((opts->all_blocks || found.db_is_proven) && !add_blocks(g, &db, &found, opts->tag_bytes))
		r = psc_fail_no_memory(reterr);
	psc_block_callers_deinit(&found);
	return r;
}
