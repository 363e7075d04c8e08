/* SPDX-License-Identifier: MIT */
/* Live blocks by Driver Verifier's own tree of them (20348 and later). Its elements are known from one reading, so a
 * stack's blocks count only if there are as many as the stack's allocations without a free (reference: pool 8.5). */
#include "report/callers_internal.h"
#include "util/error.h"

struct visit {
	struct psc_callers_collect *g;
	bool add_sums; /* records are missing: what the tree has beside them is in no sum yet */
	uint64_t unknown;
};

static struct psc_caller_stack *stack_of(struct psc_callers_collect *g, const struct psc_info_row *row)
{
	struct psc_hashkey key = {row->stack_va, 0};
	return psc_hashmap_get(&g->stacks, key);
}

static bool count(void *arg, const struct psc_info_row *row)
{
	struct visit *v = arg;
	struct psc_caller_stack *stack = stack_of(v->g, row);
	if (stack)
		stack->counted++;
	else
		v->unknown++;
	return true;
}

static bool take(void *arg, const struct psc_info_row *row)
{
	struct visit *v = arg;
	struct psc_callers_collect *g = v->g;
	const struct psc_caller_stack *stack = stack_of(g, row);
	struct psc_hashkey key = {row->va, 0};
	if (!stack || stack->counted != stack->live || psc_hashmap_get(&g->live, key))
		return true;
	const struct psc_recorded_block b = {stack->caller,       row->size_bytes, stack->tag,
					     PSC_CALLER_VERIFIER, false,           false};
	psc_caller_remember(g, row->va, &b);
	if (v->add_sums) {
		struct psc_caller_sum *s = psc_caller_sum_at(g, stack->caller, stack->tag, (enum psc_pool)stack->pool,
							     PSC_CALLER_VERIFIER, false);
		if (s) {
			s->live++;
			s->live_bytes += row->size_bytes;
		}
	}
	return !g->no_memory;
}

enum psc_status psc_callers_read_infos(struct psc_callers_collect *g, bool has_records, struct psc_error *reterr)
{
	struct visit v = {g, has_records && g->c->info.record_pages_missing != 0, 0};
	struct psc_stack_rows infos;
	struct psc_hashkey key;
	void *value;
	uint64_t wrong = 0;
	enum psc_status r = psc_info_rows_read(g->k, count, &v, &infos, reterr);
	if (r != PSC_OK || !infos.available)
		return r;
	for (size_t pos = 0; psc_hashmap_next(&g->stacks, &pos, &key, &value);) {
		const struct psc_caller_stack *stack = value;
		wrong += stack->counted != stack->live;
	}
	if (wrong != 0 || v.unknown != 0)
		psc_warn(
			&g->c->warnings,
			"Driver Verifier's tree of live blocks: %llu of %zu stacks have another number of blocks there "
			"than their own counters say, %llu blocks have no stack; these blocks are not used",
			(unsigned long long)wrong, g->stacks.n, (unsigned long long)v.unknown);
	r = psc_info_rows_read(g->k, take, &v, &infos, reterr);
	return r == PSC_OK && g->no_memory ? psc_fail_no_memory(reterr) : r;
}
