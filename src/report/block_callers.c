/* SPDX-License-Identifier: MIT */
#include "report/block_callers.h"
#include "report/blocks.h"
#include "report/coverage.h"
#include "util/error.h"
#include "util/vec.h"

#include <stdlib.h>
#include <string.h>

#define KEYS_MAX ((size_t)1 << 18)
/* Of numbers that stand where an index may, at most one in so many may be of no trace: stale bytes would lead to a
 * trace as rarely as traces are among the 65,536 numbers. */
#define MATCHES_PER_MISS 16u
#define TRACES_MAX       0x8000u

struct summing {
	const struct psc_block_callers_options *o;
	struct psc_block_callers *ret;
	uint32_t header_bytes;
	struct psc_hashmap sizes; /* block bytes: uint32_t, index in ret->sizes */
	bool use_db, no_memory;
};

/* Called from worker threads: reads only. */
static bool wanted(const void *arg, const struct psc_block *b)
{
	const struct summing *s = arg;
	return b->state == PSC_BLOCK_ALLOCATED && (s->o->all_blocks || (s->use_db && b->trace_index != 0));
}

/* 0: more sizes than a key can name. */
static uint32_t index_of_size(struct summing *s, uint64_t bytes)
{
	bool is_new;
	uint32_t *index = psc_hashmap_put(&s->sizes, (struct psc_hashkey){bytes, 0}, &is_new);
	if (!index) {
		s->no_memory |= s->sizes.n < s->sizes.max_n;
		return 0;
	}
	if (!is_new)
		return *index;
	if (!PSC_VEC_RESERVE_ONE(&s->ret->sizes)) {
		s->no_memory = true;
		return 0;
	}
	*index = (uint32_t)s->ret->sizes.n;
	s->ret->sizes.items[s->ret->sizes.n++] = bytes;
	return *index;
}

static bool add(struct summing *s, const struct psc_block *b, uint64_t caller, uint32_t tag,
		enum psc_caller_source source, bool is_inferred, uint64_t bytes)
{
	struct psc_hashkey key = psc_caller_key(caller, tag, b->pool, source, is_inferred);
	if (s->o->by_size)
		key = psc_caller_key_of_size(key, index_of_size(s, b->size_bytes));
	struct psc_block_sum *sum = psc_hashmap_put(&s->ret->sums, key, NULL);
	if (!sum) {
		if (s->ret->sums.n < KEYS_MAX)
			return false;
		s->ret->full = true;
		return true;
	}
	sum->live++;
	sum->live_bytes += bytes;
	return true;
}

static bool on_block(void *arg, const struct psc_block *b)
{
	struct summing *s = arg;
	struct psc_block_row row;
	if (!wanted(s, b))
		return true;
	psc_block_row_make(b, s->header_bytes, NULL, &row);
	struct psc_hashkey key = {row.va, 0};
	struct psc_recorded_block *r = psc_hashmap_get(s->o->recorded, key);
	const uint64_t bytes = s->o->all_blocks ? b->size_bytes : row.size_bytes;
	if (r) {
		s->ret->met++;
		s->ret->met_bytes += r->size_bytes;
		if (s->o->all_blocks && !add(s, b, r->caller, b->has_tag ? b->tag : r->tag,
					     (enum psc_caller_source)r->source, r->is_inferred, bytes))
			s->no_memory = true;
		return !s->no_memory;
	}
	if (s->use_db && b->trace_index != 0) {
		if (psc_stackdb_at(s->o->db, b->trace_index)) {
			s->ret->matched++;
			if (!add(s, b, b->trace_index, b->tag, PSC_CALLER_STACKDB, false, bytes))
				s->no_memory = true;
			return !s->no_memory;
		}
		if (psc_stackdb_is_missing(s->o->db, b->trace_index))
			s->ret->lost++;
		else
			s->ret->unmatched++;
	}
	/* Blocks that nothing names are in no row, as in the table of tags. */
	if (s->o->all_blocks && b->has_tag && !add(s, b, 0, b->tag, PSC_CALLER_NONE, false, bytes))
		s->no_memory = true;
	return !s->no_memory;
}

static void on_saved(void *arg, const struct psc_block *b)
{
	struct summing *s = arg;
	if (!s->no_memory)
		(void)on_block(s, b);
}

static enum psc_status walk(struct psc_kernel *k, struct summing *s, struct psc_arena *arena,
			    struct psc_warnings *warnings, struct psc_error *reterr)
{
	struct psc_walk_result result;
	const struct psc_walk_options w = {
		.n_threads = s->o->n_threads,
		.on_ordered = on_block,
		.wanted = wanted,
		.ordered_arg = s,
		.progress = s->o->progress,
		.progress_arg = s->o->progress_arg,
	};
	enum psc_status st = psc_pool_walk(k, &w, arena, warnings, &result, reterr);
	if (st != PSC_OK)
		return st == PSC_E_CANCELLED && s->no_memory ? psc_fail_no_memory(reterr) : st;
	s->ret->ratio = 1.0;
	for (int i = 0; i < 2; i++) {
		const struct psc_walk_coverage *c = &result.coverage[i];
		double r = psc_walk_coverage_ratio(c);
		s->ret->coverage[i] = *c;
		if (r < s->ret->ratio)
			s->ret->ratio = r;
	}
	return PSC_OK;
}

static enum psc_status scan(struct psc_kernel *k, struct summing *s, struct psc_error *reterr)
{
	struct psc_scan_result r;
	enum psc_status st = psc_scan_saved(k, on_saved, s, &r, reterr);
	if (st != PSC_OK)
		return st;
	if (s->no_memory)
		return psc_fail_no_memory(reterr);
	s->ret->is_scan = true;
	s->ret->scan = psc_scan_coverage_make(&r);
	return PSC_OK;
}

enum psc_status psc_block_callers_walk(struct psc_kernel *k, const struct psc_block_callers_options *opts,
				       struct psc_arena *arena, struct psc_warnings *warnings,
				       struct psc_block_callers *ret, struct psc_error *reterr)
{
	struct psc_pool_rules rules;
	struct summing s = {.o = opts, .ret = ret};
	memset(ret, 0, sizeof(*ret));
	psc_pool_rules_init(&rules, k->id.build, k->id.machine != PSC_MACHINE_X86);
	s.header_bytes = rules.unit_bytes;
	s.use_db = opts->db->available && opts->db->in_headers;
	psc_hashmap_init(&ret->sums, sizeof(struct psc_block_sum), KEYS_MAX);
	psc_hashmap_init(&s.sizes, sizeof(uint32_t), PSC_CALLER_SIZES_MAX - 1);
	enum psc_status st = PSC_OK;
	if (!PSC_VEC_RESERVE_ONE(&ret->sizes))
		st = psc_fail_no_memory(reterr);
	else
		ret->sizes.items[ret->sizes.n++] = 0;
	if (st == PSC_OK)
		st = k->space.mmu == PSC_MMU_NONE ? scan(k, &s, reterr) : walk(k, &s, arena, warnings, reterr);
	psc_hashmap_deinit(&s.sizes);
	if (st != PSC_OK) {
		psc_block_callers_deinit(ret);
		return st;
	}
	ret->db_is_proven = ret->matched != 0 && ret->unmatched <= ret->matched / MATCHES_PER_MISS &&
			    opts->db->traces + opts->db->missing <= TRACES_MAX;
	return PSC_OK;
}

void psc_block_callers_deinit(struct psc_block_callers *c)
{
	psc_hashmap_deinit(&c->sums);
	free(c->sizes.items);
}
