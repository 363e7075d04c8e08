/* SPDX-License-Identifier: MIT */
/* From pieces of evidence to an order, suspects and a verdict. */
#include "report/owner_internal.h"

#include <stdlib.h>
#include <string.h>

static int compare_u64(uint64_t a, uint64_t b)
{
	return a == b ? 0 : a > b ? -1 : 1;
}

static int by_rank(const void *pa, const void *pb)
{
	const struct psc_owner_evidence *a = (const struct psc_owner_evidence *)pa,
					*b = (const struct psc_owner_evidence *)pb;
	int c;
	if (a->role != b->role)
		return a->role < b->role ? -1 : 1;
	if (a->grade != b->grade)
		return a->grade < b->grade ? -1 : 1;
	if ((c = compare_u64(a->has_alone ? a->alone : 0, b->has_alone ? b->alone : 0)) != 0)
		return c;
	if ((c = compare_u64(a->blocks, b->blocks)) != 0)
		return c;
	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	/* Of sites that fit the same blocks, those whose size is known first. */
	if (a->has_request != b->has_request)
		return a->has_request ? -1 : 1;
	if ((c = strcmp(a->caller.module ? a->caller.module : "", b->caller.module ? b->caller.module : "")) != 0)
		return c;
	if (a->caller.address != b->caller.address)
		return a->caller.address < b->caller.address ? -1 : 1;
	if ((c = memcmp(a->related_tag, b->related_tag, 4)) != 0)
		return c;
	return strcmp(a->reason, b->reason);
}

static bool is_exact(const struct psc_owner_evidence *e)
{
	return e->grade == PSC_GRADE_EXACT && e->has_blocks;
}

static struct psc_owner_suspect *suspect_of(struct psc_owner *r, const struct psc_code_location *at)
{
	for (size_t i = 0; i < r->n_suspects; i++)
		if (strcmp(r->suspects[i].module, at->module) == 0)
			return &r->suspects[i];
	struct psc_owner_suspect *s = &r->suspects[r->n_suspects++];
	memset(s, 0, sizeof(*s));
	s->module = at->module;
	s->name = at->name;
	s->grade = PSC_GRADE_CIRCUMSTANTIAL;
	return s;
}

static int by_case(const void *pa, const void *pb)
{
	const struct psc_owner_suspect *a = (const struct psc_owner_suspect *)pa,
				       *b = (const struct psc_owner_suspect *)pb;
	int c;
	if ((c = compare_u64(a->exact_blocks, b->exact_blocks)) != 0)
		return c;
	if (a->grade != b->grade)
		return a->grade < b->grade ? -1 : 1;
	if ((c = compare_u64(a->inferred_blocks, b->inferred_blocks)) != 0)
		return c;
	if (a->pieces != b->pieces)
		return a->pieces > b->pieces ? -1 : 1;
	return strcmp(a->module, b->module);
}

static bool make_suspects(struct psc_owner_work *w)
{
	struct psc_owner *r = w->r;
	r->suspects = (struct psc_owner_suspect *)psc_arena_alloc_array(&r->arena, r->rows.n + 1, sizeof(*r->suspects));
	if (!r->suspects)
		return false;
	for (size_t i = 0; i < r->rows.n; i++) {
		const struct psc_owner_evidence *e = &r->rows.items[i];
		if (e->role != PSC_OWNER_SUSPECT)
			continue;
		struct psc_owner_suspect *s = suspect_of(r, &e->caller);
		s->pieces++;
		s->grade = e->grade < s->grade ? e->grade : s->grade;
		s->exact_blocks += is_exact(e) ? e->blocks : 0;
	}
	for (size_t i = 0; i < r->n_suspects; i++)
		for (size_t k = 0; k < w->n_site_modules; k++)
			if (strcmp(w->site_modules[k].module, r->suspects[i].module) == 0 &&
			    r->suspects[i].grade <= PSC_GRADE_INFERRED)
				r->suspects[i].inferred_blocks = w->site_modules[k].alone;
	if (r->n_suspects > 1)
		qsort(r->suspects, r->n_suspects, sizeof(*r->suspects), by_case);
	return true;
}

/* Live blocks: what the trackers count, if that is more than what was seen. */
static uint64_t live_blocks(const struct psc_owner_info *i)
{
	uint64_t live = 0;
	for (int p = 0; p < PSC_POOL_MAX; p++) {
		uint64_t tracked = i->use[p].has_live && i->use[p].live > 0 ? (uint64_t)i->use[p].live : 0;
		live += tracked > i->use[p].seen ? tracked : i->use[p].seen;
	}
	return live;
}

/* A page that was not read is not an empty page. */
static const char *no_block_text(const struct psc_owner_work *w)
{
	bool is_counted = false;
	for (int p = 0; p < PSC_POOL_MAX; p++)
		is_counted |= w->r->info.use[p].has_live;
	if (w->k->space.mmu == PSC_MMU_NONE)
		return "not proven: none of the blocks that this small dump saved has this tag";
	if (!is_counted && w->r->info.walk_ratio < 1.0)
		return "not proven: no live block of this tag is in the part of the pool that could be read";
	return "there is no live block of this tag";
}

static void judge(struct psc_owner_work *w)
{
	struct psc_owner_info *i = &w->r->info;
	const struct psc_owner_suspect *first = w->r->n_suspects != 0 ? &w->r->suspects[0] : NULL;
	const unsigned long long live = live_blocks(i), seen = i->seen;
	const char *on_behalf = w->kernel_tag && !w->kernel_tag->is_cache
					? psc_owner_text(w, "; %s allocates this tag on behalf of others", w->component)
					: "";
	if (live == 0) {
		i->verdict = PSC_VERDICT_UNKNOWN;
		i->verdict_text = no_block_text(w);
	} else if (first && first->exact_blocks != 0) {
		const unsigned long long n = first->exact_blocks;
		i->verdict = n >= live || n >= live - n ? PSC_VERDICT_PROVEN : PSC_VERDICT_NOT_PROVEN;
		i->verdict_text =
			i->verdict == PSC_VERDICT_PROVEN
				? psc_owner_text(w, "proven: %s holds %llu of %llu live block%s, as recorded%s",
						 first->module, n, live, PSC_PLURAL(live), on_behalf)
				: psc_owner_text(
					  w,
					  "not proven as a whole: %s holds %llu of %llu live blocks, as recorded; "
					  "nothing was recorded of the rest%s",
					  first->module, n, live, on_behalf);
	} else if (w->kernel_tag && w->kernel_tag->is_cache) {
		i->verdict = PSC_VERDICT_NO_SUSPECT;
		i->verdict_text =
			psc_owner_text(w, "no suspect: this is a cache of %s (%s); high use of it is ordinary",
				       w->component, i->component_text);
	} else if (first && first->grade == PSC_GRADE_INFERRED && first->inferred_blocks != 0 &&
		   first->inferred_blocks >= seen - first->inferred_blocks) {
		i->verdict = PSC_VERDICT_INFERRED;
		i->verdict_text = psc_owner_text(
			w,
			"inferred: only code of %s fits %llu of %llu live blocks that were seen; nothing recorded it",
			first->module, (unsigned long long)first->inferred_blocks, seen);
	} else if (first) {
		i->verdict = PSC_VERDICT_NOT_PROVEN;
		i->verdict_text = psc_owner_text(w, "not proven: what speaks for %s is %s%s", first->module,
						 first->grade == PSC_GRADE_INFERRED
							 ? "inferred, and of fewer than half of the live blocks"
							 : "circumstantial",
						 on_behalf);
	} else {
		i->verdict = PSC_VERDICT_UNKNOWN;
		i->verdict_text =
			psc_owner_text(w, "not proven: nothing in this dump names who holds these blocks%s", on_behalf);
	}
}

bool psc_owner_rank(struct psc_owner_work *w)
{
	struct psc_owner *r = w->r;
	if (r->rows.n > 1)
		qsort(r->rows.items, r->rows.n, sizeof(*r->rows.items), by_rank);
	if (!make_suspects(w))
		return false;
	judge(w);
	return !w->no_memory;
}
