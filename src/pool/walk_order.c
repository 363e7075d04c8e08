/* SPDX-License-Identifier: MIT */
/* Blocks in address order. Small blocks: jobs of a batch are ascending pieces of the pool; each fills a list of its
 * own, and the lists are given out one after the other once the batch is done. Big allocations, which their table holds
 * in the order of a hash, are kept in a window of the lowest addresses that were not given out yet and merged; the
 * table is read again for each further window. Neither grows with the number of blocks. */
#include "pool/walk_internal.h"
#include "util/vec.h"

#include <stdlib.h>
#include <string.h>

/* Batches are smaller than without order: a page may hold 512 blocks. */
#define BATCH_BYTES ((uint64_t)4 << 20) /* per thread */
#define JOB_BYTES   ((uint64_t)256 << 10)
#define WINDOW      ((size_t)1 << 19) /* big allocations */

struct big {
	uint64_t index; /* of the visit: tells entries of one address apart */
	struct psc_block block;
};

struct psc_walk_out {
	struct psc_block *items;
	size_t n, cap;
	bool is_unsorted, no_memory;
};

struct psc_walk_order {
	struct psc_walk_out *outs; /* per job */
	size_t n_outs;
	psc_walk_job_fn *job; /* of the running batch */
	struct {
		struct big *items;
		size_t n, cap, next; /* sorted from the first take on; next: not given out yet */
		size_t window;
		bool is_sorted;
		bool has_more; /* entries above the last one did not fit */
		uint64_t after_va, after_index;
		bool has_after;
		uint64_t n_visited;
		bool no_memory;
	} big;
};

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_va(const void *pa, const void *pb)
{
	const struct psc_block *a = pa, *b = pb;
	return compare_u64(a->va, b->va);
}

static int big_by_va(const void *pa, const void *pb)
{
	const struct big *a = pa, *b = pb;
	int c = by_va(&a->block, &b->block);
	return c != 0 ? c : compare_u64(a->index, b->index);
}

enum psc_status psc_walk_order_init(struct psc_walk *w, struct psc_error *reterr)
{
	w->max_job_bytes = PSC_WALK_JOB_BYTES;
	w->max_run_bytes = PSC_WALK_RUN_BYTES;
	w->max_batch_bytes = PSC_WALK_BATCH;
	if (!w->opts->on_ordered)
		return PSC_OK;
	w->max_job_bytes = w->max_run_bytes = JOB_BYTES;
	w->max_batch_bytes = BATCH_BYTES;
	w->order = calloc(1, sizeof(*w->order));
	if (!w->order)
		return psc_fail_no_memory(reterr);
	w->order->big.window = w->opts->big_window != 0 ? w->opts->big_window : WINDOW;
	return PSC_OK;
}

void psc_walk_order_deinit(struct psc_walk *w)
{
	struct psc_walk_order *o = w->order;
	if (!o)
		return;
	for (size_t i = 0; i < o->n_outs; i++)
		free(o->outs[i].items);
	free(o->outs);
	free(o->big.items);
	free(o);
	w->order = NULL;
}

static bool is_wanted(const struct psc_walk *w, const struct psc_block *b)
{
	return !w->opts->wanted || w->opts->wanted(w->opts->ordered_arg, b);
}

void psc_walk_emit(const struct psc_walk *w, struct psc_walk_worker *worker, const struct psc_block *b)
{
	struct psc_walk_out *out = worker->out;
	if (!w->order) {
		w->opts->on_block(worker->ctx, b);
		return;
	}
	if (out->no_memory || !is_wanted(w, b))
		return;
	if (!PSC_VEC_RESERVE_ONE(out)) {
		out->no_memory = true;
		return;
	}
	out->is_unsorted |= out->n != 0 && b->va < out->items[out->n - 1].va;
	out->items[out->n++] = *b;
}

/* ---- big allocations ---- */

/* Keep the lower half of a full window. */
static void window_cut(struct psc_walk_order *o)
{
	qsort(o->big.items, o->big.n, sizeof(*o->big.items), big_by_va);
	o->big.n = o->big.window;
	o->big.has_more = true;
}

void psc_walk_emit_big(const struct psc_walk *w, const struct psc_block *b)
{
	struct psc_walk_order *o = w->order;
	if (!o) {
		w->opts->on_block(w->opts->worker_ctx[0], b);
		return;
	}
	struct big item = {o->big.n_visited++, *b};
	if (o->big.no_memory || !is_wanted(w, b))
		return;
	if (o->big.has_after &&
	    (b->va < o->big.after_va || (b->va == o->big.after_va && item.index <= o->big.after_index)))
		return;
	if (o->big.n == 2 * o->big.window)
		window_cut(o);
	if (!PSC_VEC_RESERVE_ONE(&o->big)) {
		o->big.no_memory = true;
		return;
	}
	o->big.items[o->big.n++] = item;
}

static bool give(struct psc_walk *w, const struct psc_block *b, struct psc_error *reterr)
{
	if (w->opts->on_ordered(w->opts->ordered_arg, b))
		return true;
	psc_fail(reterr, PSC_E_CANCELLED, PSC_WHERE_NONE, 0, "cancelled");
	return false;
}

/* The next window, from a table that is read again. */
static enum psc_status window_refill(struct psc_walk *w, struct psc_error *reterr)
{
	struct psc_walk_order *o = w->order;
	o->big.has_after = true;
	o->big.after_va = o->big.items[o->big.n - 1].block.va;
	o->big.after_index = o->big.items[o->big.n - 1].index;
	o->big.n = o->big.next = 0;
	o->big.n_visited = 0;
	o->big.is_sorted = o->big.has_more = false;
	return psc_walk_read_big_again(w, reterr);
}

/* Those before the block at va; all when va is UINT64_MAX. */
static enum psc_status give_bigs(struct psc_walk *w, uint64_t va, struct psc_error *reterr)
{
	struct psc_walk_order *o = w->order;
	for (;;) {
		if (!o->big.is_sorted) {
			if (o->big.no_memory)
				return psc_fail_no_memory(reterr);
			if (o->big.n > o->big.window)
				window_cut(o);
			else if (o->big.n > 1)
				qsort(o->big.items, o->big.n, sizeof(*o->big.items), big_by_va);
			o->big.is_sorted = true;
		}
		for (; o->big.next < o->big.n; o->big.next++) {
			const struct psc_block *b = &o->big.items[o->big.next].block;
			if (b->va > va || (o->big.next % 256 == 0 && psc_walk_is_interrupted(w)))
				return PSC_OK;
			if (!give(w, b, reterr))
				return PSC_E_CANCELLED;
		}
		if (!o->big.has_more)
			return PSC_OK;
		enum psc_status r = window_refill(w, reterr);
		if (r != PSC_OK)
			return r;
	}
}

enum psc_status psc_walk_order_finish(struct psc_walk *w, struct psc_error *reterr)
{
	return w->order && !w->is_interrupted ? give_bigs(w, UINT64_MAX, reterr) : PSC_OK;
}

/* ---- batches ---- */

static bool ordered_job(void *arg, unsigned worker, size_t job)
{
	struct psc_walk *w = arg;
	w->workers[worker]->out = &w->order->outs[job];
	return w->order->job(w, worker, job);
}

/* Two sorted lists into the second; of one address what was in the first comes first. false: out of memory. */
static bool merge(struct psc_walk_out *a, struct psc_walk_out *b)
{
	struct psc_walk_out all = {0};
	size_t i = 0, j = 0;
	all.items = calloc(a->n + b->n, sizeof(*all.items));
	if (!all.items)
		return false;
	all.cap = a->n + b->n;
	while (i < a->n || j < b->n)
		all.items[all.n++] =
			j == b->n || (i < a->n && a->items[i].va <= b->items[j].va) ? a->items[i++] : b->items[j++];
	free(b->items);
	*b = all;
	a->n = 0;
	return true;
}

/* Jobs ascend, but for the space of sessions: two may have a segment at one address. */
static enum psc_status sort_batch(struct psc_walk_order *o, size_t n_jobs, struct psc_error *reterr)
{
	struct psc_walk_out *before = NULL; /* with the highest addresses so far */
	for (size_t j = 0; j < n_jobs; j++) {
		struct psc_walk_out *out = &o->outs[j];
		if (out->no_memory)
			return psc_fail_no_memory(reterr);
		if (out->is_unsorted)
			qsort(out->items, out->n, sizeof(*out->items), by_va);
		out->is_unsorted = false;
		if (out->n == 0)
			continue;
		if (before && out->items[0].va < before->items[before->n - 1].va && !merge(before, out))
			return psc_fail_no_memory(reterr);
		before = out;
	}
	return PSC_OK;
}

static enum psc_status give_batch(struct psc_walk *w, size_t n_jobs, struct psc_error *reterr)
{
	enum psc_status sorted = sort_batch(w->order, n_jobs, reterr);
	if (sorted != PSC_OK)
		return sorted;
	for (size_t j = 0; j < n_jobs; j++) {
		struct psc_walk_out *out = &w->order->outs[j];
		for (size_t i = 0; i < out->n; i++) {
			if (i % 256 == 0 && psc_walk_is_interrupted(w))
				return PSC_OK;
			enum psc_status r = give_bigs(w, out->items[i].va, reterr);
			if (r != PSC_OK)
				return r;
			if (!give(w, &out->items[i], reterr))
				return PSC_E_CANCELLED;
		}
		out->n = 0;
	}
	return PSC_OK;
}

enum psc_status psc_walk_run_batch(struct psc_walk *w, size_t n_jobs, psc_walk_job_fn *job, struct psc_error *reterr)
{
	struct psc_walk_order *o = w->order;
	if (!o)
		return psc_run_jobs(w->opts->n_threads, n_jobs, job, NULL, w, reterr);
	if (n_jobs > o->n_outs) {
		struct psc_walk_out *outs = realloc(o->outs, n_jobs * sizeof(*outs));
		if (!outs)
			return psc_fail_no_memory(reterr);
		memset(outs + o->n_outs, 0, (n_jobs - o->n_outs) * sizeof(*outs));
		o->outs = outs;
		o->n_outs = n_jobs;
	}
	o->job = job;
	enum psc_status r = psc_run_jobs(w->opts->n_threads, n_jobs, ordered_job, NULL, w, reterr);
	return r == PSC_OK ? give_batch(w, n_jobs, reterr) : r;
}
