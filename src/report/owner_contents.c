/* SPDX-License-Identifier: MIT */
/* Pointers into modules that stand inside the blocks of the tag, by offset. */
#include "blame/contents.h"
#include "report/owner_internal.h"
#include "util/error.h"

#include <string.h>

/* A pointer that fewer of the blocks hold than one in so many says little of the tag. */
#define LEAST_PART 10u

struct sampling {
	const struct psc_owner_work *w;
	struct psc_contents *contents;
	bool no_memory;
};

static bool is_wanted(const void *arg, const struct psc_block *b)
{
	const struct sampling *s = (const struct sampling *)arg;
	return b->state == PSC_BLOCK_ALLOCATED && b->has_tag && (b->tag & ~PSC_TAG_PROTECTED) == s->w->tag;
}

static bool take_block(void *arg, const struct psc_block *b)
{
	struct sampling *s = (struct sampling *)arg;
	s->no_memory = !psc_contents_add(s->contents, b);
	return !s->no_memory;
}

static bool add_target(struct psc_owner_work *w, const struct psc_content_offset *o, const struct psc_content_target *t)
{
	struct psc_code_location at = psc_caller_locate(w->symbolizer, &w->r->arena, t->va, &w->no_memory);
	/* The kernel's own addresses stand in everybody's blocks. */
	bool is_suspect = at.module && strcmp(at.name, "nt") != 0 && !psc_owner_is_component(w, at.name);
	struct psc_owner_evidence *e = psc_owner_add(w, PSC_OWNER_CONTENTS, PSC_GRADE_CIRCUMSTANTIAL,
						     is_suspect ? PSC_OWNER_SUSPECT : PSC_OWNER_CONTEXT);
	if (!e)
		return false;
	e->caller = at;
	e->has_blocks = true;
	e->blocks = t->blocks;
	e->reason = psc_owner_text(w, "%llu of %llu blocks that were read hold a pointer to this place at offset 0x%x",
				   (unsigned long long)t->blocks, (unsigned long long)o->blocks, (unsigned)o->offset);
	return !w->no_memory;
}

static bool add_pointers(struct psc_owner_work *w, const struct psc_contents_result *c)
{
	unsigned n = 0;
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->items[i].n_targets && n < PSC_OWNER_LIST_MAX; k++) {
			const struct psc_content_target *t = &c->items[i].targets[k];
			uint64_t all = c->items[i].blocks;
			if (t->blocks < all / LEAST_PART + (all % LEAST_PART != 0) || (t->blocks == 1 && all != 1))
				continue;
			if (!add_target(w, &c->items[i], t))
				return false;
			n++;
		}
	return true;
}

enum psc_status psc_owner_find_contents(struct psc_owner_work *w, struct psc_error *reterr)
{
	struct sampling s = {.w = w};
	const struct psc_contents_result *found;
	struct psc_walk_result walk;
	struct psc_arena arena = PSC_ARENA_INIT;
	struct psc_warnings ignored = {.arena = &arena}; /* the first walk has said them */
	if (w->r->info.seen == 0 || w->is_all_recorded || w->k->space.mmu == PSC_MMU_NONE)
		return PSC_OK;
	enum psc_status st = psc_contents_new(w->k, NULL, &s.contents, reterr);
	if (st != PSC_OK)
		return st;
	const struct psc_walk_options o = {
		.n_threads = w->o->n_threads,
		.on_ordered = take_block,
		.wanted = is_wanted,
		.ordered_arg = &s,
		.progress = w->o->progress,
		.progress_arg = w->o->progress_arg,
	};
	st = psc_pool_walk(w->k, &o, &arena, &ignored, &walk, reterr);
	if (s.no_memory)
		st = psc_fail_no_memory(reterr);
	if (st == PSC_OK)
		st = psc_contents_finish(s.contents, &found, reterr);
	if (st == PSC_OK) {
		w->r->info.blocks_sampled = found->blocks_sampled;
		if (!add_pointers(w, found))
			st = psc_fail_no_memory(reterr);
	}
	psc_contents_free(s.contents);
	psc_warnings_deinit(&ignored);
	psc_arena_deinit(&arena);
	return st;
}
