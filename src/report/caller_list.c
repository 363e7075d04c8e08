/* SPDX-License-Identifier: MIT */
/* Recorded blocks and events one by one, with names for their code addresses. */
#include "report/callers_internal.h"
#include "util/error.h"

#include <string.h>

struct psc_code_location psc_caller_locate(struct psc_symbolizer *symbolizer, struct psc_arena *arena, uint64_t va,
					   bool *no_memory)
{
	struct psc_code_location l = {.address = va};
	struct psc_symbol_text t;
	if (!psc_symbolize(symbolizer, va, &t))
		return l;
	l.module = psc_arena_strdup(arena, t.module);
	l.name = psc_arena_strdup(arena, t.name);
	l.offset = t.offset;
	l.is_unloaded = t.is_unloaded;
	l.symbol = t.symbol ? psc_arena_strdup(arena, t.symbol) : NULL;
	l.symbol_offset = t.symbol_offset;
	if (!l.module || !l.name || (t.symbol && !l.symbol))
		*no_memory = true;
	return l;
}

void psc_caller_tag_bytes(uint32_t tag, uint8_t ret[4])
{
	for (unsigned i = 0; i < 4; i++)
		ret[i] = (uint8_t)(tag >> 8 * i);
}

struct listing {
	struct psc_symbolizer *symbolizer;
	struct psc_arena arena;
	psc_caller_block_fn *block;
	psc_caller_event_fn *event;
	void *arg;
	const struct psc_verifier *v;
	bool no_memory;
};

static void free_texts(struct listing *l)
{
	/* Texts of one row at a time. */
	psc_arena_deinit(&l->arena);
	l->arena = (struct psc_arena)PSC_ARENA_INIT;
}

static bool list_block(void *arg, const struct psc_verifier_block *b)
{
	struct listing *l = arg;
	struct psc_caller_block row = {.va = b->va, .size_bytes = b->size_bytes};
	psc_caller_tag_bytes(b->tag & ~PSC_TAG_PROTECTED, row.tag);
	row.driver = l->v->drivers[b->driver].name;
	row.caller = psc_caller_locate(l->symbolizer, &l->arena, b->caller, &l->no_memory);
	bool more = !l->no_memory && l->block(l->arg, &row);
	free_texts(l);
	return more;
}

static bool list_event(void *arg, const struct psc_trace *t)
{
	struct listing *l = arg;
	struct psc_code_location stack[PSC_TRACE_FRAMES_MAX];
	for (unsigned i = 0; i < t->n_frames; i++)
		stack[i] = psc_caller_locate(l->symbolizer, &l->arena, t->frames[i], &l->no_memory);
	struct psc_caller_event row = {t->va, t->size_bytes, t->thread, t->age, stack, t->n_frames};
	bool more = !l->no_memory && l->event(l->arg, &row);
	free_texts(l);
	return more;
}

enum psc_status psc_caller_blocks_list(struct psc_kernel *k, psc_caller_block_fn *fn, void *arg,
				       struct psc_error *reterr)
{
	struct psc_verifier v;
	struct listing l = {.block = fn, .arg = arg, .v = &v};
	struct psc_arena arena = PSC_ARENA_INIT;
	struct psc_warnings ignored = {.arena = &arena}; /* psc_callers_run says them */
	enum psc_status r = psc_symbolizer_open(k, &l.symbolizer, reterr);
	if (r == PSC_OK)
		r = psc_verifier_read(k, list_block, &l, &arena, &ignored, &v, reterr);
	psc_symbolizer_close(l.symbolizer);
	free_texts(&l);
	psc_warnings_deinit(&ignored);
	psc_arena_deinit(&arena);
	return r == PSC_OK && l.no_memory ? psc_fail_no_memory(reterr) : r;
}

enum psc_status psc_caller_events_list(struct psc_kernel *k, psc_caller_event_fn *fn, void *arg,
				       struct psc_error *reterr)
{
	struct psc_traces traces;
	struct listing l = {.event = fn, .arg = arg};
	enum psc_status r = psc_symbolizer_open(k, &l.symbolizer, reterr);
	if (r == PSC_OK)
		r = psc_traces_read(k, list_event, &l, &traces, reterr);
	psc_symbolizer_close(l.symbolizer);
	free_texts(&l);
	return r == PSC_OK && l.no_memory ? psc_fail_no_memory(reterr) : r;
}
