/* SPDX-License-Identifier: MIT */
/* Stacks of threads with names for their code addresses, one thread at a time. */
#include "report/stacks.h"

#include "blame/thread_stacks.h"
#include "report/callers_internal.h"
#include "util/error.h"
#include "util/text.h"
#include <stdlib.h>
#include <string.h>

struct psc_stacks {
	struct psc_arena arena;
	struct psc_warnings warnings;
	struct psc_stacks_info info;
	bool is_interrupted;
};

struct listing {
	const struct psc_stacks_options *opts;
	struct psc_symbolizer *symbolizer;
	struct psc_arena texts; /* of one row */
	psc_stacks_fn *fn;
	void *arg;
	struct psc_stacks_frame frames[PSC_STACK_FRAMES_MAX];
	bool no_memory, stopped;
};

static bool is_wanted(const struct listing *l, size_t n)
{
	const char *module = l->opts->module;
	if (module == NULL)
		return true;
	for (size_t i = 0; i < n; i++) {
		const struct psc_code_location *c = &l->frames[i].code;
		if (psc_module_matches(module, c->module, c->name))
			return true;
	}
	return false;
}

static struct psc_code_location locate(struct listing *l, uint64_t va)
{
	return psc_caller_locate(l->symbolizer, &l->texts, va, &l->no_memory);
}

static bool on_stack(void *arg, const struct psc_thread_stack *s)
{
	struct listing *l = (struct listing *)arg;
	const struct psc_thread *t = s->thread;
	struct psc_stacks_row row;
	memset(&row, 0, sizeof(row));
	row.ethread = t->ethread;
	row.eprocess = t->process;
	row.has_pid = t->has_pid;
	row.has_tid = t->has_tid;
	row.pid = t->pid;
	row.tid = t->tid;
	row.process_name = t->process_name[0] != '\0' ? t->process_name : NULL;
	row.state = (enum psc_thread_state)t->state;
	row.stack_limit = t->stack_limit;
	row.stack_base = t->stack_base;
	row.is_resident = t->is_resident;
	row.has_processor = t->processor != UINT32_MAX;
	row.processor = row.has_processor ? t->processor : 0;
	row.is_idle = t->is_idle;
	row.is_crash = t->is_crash;
	row.frames = l->frames;
	row.n_frames = s->n_frames;
	row.stop = s->stop;
	if (t->start_address != 0)
		row.start = locate(l, t->start_address);
	for (size_t i = 0; i < s->n_frames; i++) {
		const struct psc_stack_frame *f = &s->frames[i];
		struct psc_stacks_frame *to = &l->frames[i];
		memset(to, 0, sizeof(*to));
		to->code = locate(l, f->pc);
		to->stack_va = f->stack_va;
		to->sp = f->sp;
		to->how = f->how;
		to->is_uncertain = f->is_uncertain;
		to->after_call = f->after_call;
	}
	if (!l->no_memory && is_wanted(l, s->n_frames) && l->fn != NULL)
		l->stopped = !l->fn(l->arg, &row);
	psc_arena_deinit(&l->texts);
	l->texts = (struct psc_arena)PSC_ARENA_INIT;
	return !l->no_memory && !l->stopped;
}

static void take_coverage(struct psc_stacks *r, const struct psc_stacks_coverage *c)
{
	struct psc_stacks_info *i = &r->info;
	i->threads = c->threads.threads;
	i->processes = c->threads.processes;
	i->broken_lists = c->threads.broken_lists;
	i->lists_available = c->threads.lists_available;
	i->processes_available = c->threads.processes_available;
	i->why_not = c->threads.why_not;
	for (size_t s = 0; s < PSC_STACK_STOP_MAX; s++) {
		i->stops[s] = c->stacks[s];
		i->unwound += c->stacks[s];
	}
	uint64_t whole = i->stops[PSC_STACK_END] + i->stops[PSC_STACK_USER] + i->stops[PSC_STACK_LIMIT];
	i->ratio = i->unwound != 0 ? (double)whole / (double)i->unwound : 1.0;
	memcpy(i->frames, c->frames, sizeof(i->frames));
	i->modules_without_unwind = c->modules_without_unwind;
	if (i->why_not != NULL)
		psc_warn(&r->warnings, "not all threads were found: %s", i->why_not);
	if (i->broken_lists != 0)
		psc_warn(&r->warnings, "the list of threads of %llu processes is broken, or not wholly in the dump",
			 (unsigned long long)i->broken_lists);
	if (i->modules_without_unwind != 0)
		psc_warn(&r->warnings,
			 "the unwind data of %llu modules are not in the dump: frames above theirs were found by "
			 "scanning",
			 (unsigned long long)i->modules_without_unwind);
}

enum psc_status psc_stacks_list(struct psc_kernel *k, const struct psc_stacks_options *opts, psc_stacks_fn *fn,
				void *arg, struct psc_stacks **ret, struct psc_error *reterr)
{
	struct psc_stacks *r = (struct psc_stacks *)calloc(1, sizeof(*r));
	struct listing *l = (struct listing *)calloc(1, sizeof(*l));
	const struct psc_thread_stacks_options o = {.thread = opts->thread,
						    .no_scan = (opts->flags & PSC_STACKS_NO_SCAN) != 0,
						    .progress = opts->progress,
						    .progress_arg = opts->progress_arg};
	struct psc_stacks_coverage coverage;
	enum psc_status st;
	if (r == NULL || l == NULL) {
		free(r);
		free(l);
		return psc_fail_no_memory(reterr);
	}
	r->warnings.arena = &r->arena;
	l->opts = opts;
	l->fn = fn;
	l->arg = arg;
	st = psc_symbolizer_open(k, &l->symbolizer, reterr);
	if (st == PSC_OK)
		st = psc_thread_stacks(k, &o, on_stack, l, &coverage, reterr);
	if (st == PSC_OK && l->no_memory)
		st = psc_fail_no_memory(reterr);
	if (st == PSC_OK && l->stopped)
		st = psc_fail(reterr, PSC_E_CANCELLED, PSC_WHERE_NONE, 0, "cancelled");
	if (st == PSC_OK) {
		take_coverage(r, &coverage);
		r->is_interrupted = psc_image_is_cancelled(k->img);
		if (r->is_interrupted)
			psc_warn(&r->warnings, "the run was interrupted: not all threads are listed");
		*ret = r;
		r = NULL;
	}
	psc_symbolizer_close(l->symbolizer);
	psc_arena_deinit(&l->texts);
	free(l);
	psc_stacks_free(r);
	return st;
}

void psc_stacks_free(struct psc_stacks *stacks)
{
	if (stacks == NULL)
		return;
	psc_warnings_deinit(&stacks->warnings);
	psc_arena_deinit(&stacks->arena);
	free(stacks);
}

const struct psc_stacks_info *psc_stacks_get_info(const struct psc_stacks *stacks)
{
	return &stacks->info;
}

bool psc_stacks_is_interrupted(const struct psc_stacks *stacks)
{
	return stacks->is_interrupted;
}

const char *const *psc_stacks_warnings(const struct psc_stacks *stacks, size_t *ret_count)
{
	*ret_count = stacks->warnings.n;
	return stacks->warnings.items;
}
