/* SPDX-License-Identifier: MIT */
/* ExpPoolQuotaCookie without symbols. Reference: pool 2.4 [2], 15 [V].
 *
 * Each charged block gives its process ^ the cookie. The right cookie turns these values into addresses of processes
 * of the process list; a wrong one that starts from one process hits others by chance only. One process leaves as many
 * candidates as there are processes, two leave a pair that swaps them; with three and more the cookie is
 * over-determined. Where several are left, the one that stands in the kernel's data decides. */
#include "pool/infer.h"
#include "util/bytes.h"
#include "util/checked.h"
#include "util/vec.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUILD    9200u
#define BLOCKS_MAX     8192u /* charged ones that are looked at */
#define WALK_BYTES_MAX ((uint64_t)512 << 20)
#define SCAN_BYTES_MAX ((uint64_t)64 << 20)
#define SCAN_RUN_BYTES ((uint64_t)4 << 20)
#define VALUES_MAX     512u /* distinct process ^ cookie */
#define PROCESSES_MAX  2048u
#define SEEDS_MAX      16u /* values from which candidates are made */
#define CANDIDATES_MAX ((size_t)SEEDS_MAX * PROCESSES_MAX)
#define PROCESSES_MIN  3u
#define PROCESSES_MANY 5u

struct value {
	uint64_t billed;
	uint64_t n; /* blocks */
};

struct solve {
	struct psc_kernel *k;
	struct psc_hashmap blocks; /* billed -> u64, how often */
	uint64_t n_blocks;
	bool no_memory;

	struct psc_hashmap processes; /* set */
	uint64_t process_va[PROCESSES_MAX];
	size_t n_processes;

	struct value *values;
	size_t n_values;

	/* The candidates that explain the most processes, and how many the next best do. */
	uint64_t *best;
	size_t n_best;
	unsigned best_processes, second_processes;
	uint64_t best_blocks;
};

/* ---- what the dump holds ---- */

static bool is_charged(const void *arg, const struct psc_block *b)
{
	(void)arg;
	return b->state == PSC_BLOCK_ALLOCATED && b->billed != 0 && b->has_tag && !b->is_big;
}

static bool take_value(struct solve *s, uint64_t billed)
{
	bool is_new;
	struct psc_hashkey key = {billed, 0};
	uint64_t *n = psc_hashmap_put(&s->blocks, key, &is_new);
	if (n)
		++*n;
	else
		s->no_memory = s->blocks.n < s->blocks.max_n;
	return !s->no_memory && ++s->n_blocks < BLOCKS_MAX;
}

static bool take_block(void *arg, const struct psc_block *b)
{
	return take_value(arg, b->billed);
}

/* Headers of charged blocks on one page, in segment heaps: where each block is takes keys and lists, but a value that
 * repeats, or is a process's, is no accident. */
static bool take_page(struct solve *s, const uint8_t *page, uint64_t page_va, const struct psc_pool_rules *rules)
{
	for (uint32_t off = 0; off + rules->unit_bytes <= PSC_PAGE_BYTES; off += rules->unit_bytes) {
		const uint64_t va = page_va + off;
		struct psc_pool_header h;
		psc_pool_header_parse(page + off, rules, &h);
		uint32_t size = h.block_size * rules->unit_bytes;
		if (h.previous_size != 0 || size == 0 || !psc_pool_header_has_quota(&h, rules) ||
		    !psc_pool_header_plausible(&h, rules, PSC_POOL_MAX))
			continue;
		uint64_t billed = h.process_billed ^ va;
		if (!rules->is_64bit) {
			if (size < rules->unit_bytes + 4u || size > PSC_PAGE_BYTES - off)
				continue;
			billed = psc_le32(page + off + size - 4) ^ (uint32_t)va;
		}
		if (!take_value(s, billed))
			return false;
	}
	return true;
}

static bool scan_range(struct solve *s, uint64_t lo, uint64_t hi, uint64_t *bytes_left)
{
	struct psc_kernel *k = s->k;
	struct psc_pool_rules rules;
	struct psc_run_iter it;
	struct psc_va_run run;
	uint8_t scratch[PSC_PAGE_BYTES];
	psc_pool_rules_init(&rules, k->id.build, psc_kernel_is_64bit(k));
	psc_run_iter_init(&it, &k->reader, lo, hi, SCAN_RUN_BYTES);
	while (*bytes_left != 0 && psc_run_iter_next(&it, &run, NULL) == PSC_OK) {
		if ((run.state != PSC_VA_PRESENT && run.state != PSC_VA_TRANSITION) || run.presence != PSC_PAGE_PRESENT)
			continue;
		for (uint64_t off = 0; off < run.size_bytes && *bytes_left != 0; off += PSC_PAGE_BYTES) {
			enum psc_page_presence presence;
			const uint8_t *page =
				psc_image_page(k->img, (run.pa + off) >> PSC_PAGE_SHIFT, scratch, &presence);
			*bytes_left -= PSC_PAGE_BYTES;
			if (page && !take_page(s, page, run.va + off, &rules))
				return false;
		}
	}
	return true;
}

/* Finding the heaps costs as much as walking them: here a part of nonpaged pool serves. */
static void scan_nonpaged(struct solve *s)
{
	struct psc_pool_regions *regions = calloc(1, sizeof(*regions));
	uint64_t bytes_left = SCAN_BYTES_MAX;
	if (!regions)
		return;
	psc_pool_regions_find(s->k, NULL, regions);
	for (size_t i = 0; i < regions->n; i++)
		if (regions->items[i].pool == PSC_POOL_NONPAGED && !regions->items[i].special &&
		    !regions->items[i].by_bytes &&
		    !scan_range(s, regions->items[i].lo, regions->items[i].hi, &bytes_left))
			break;
	free(regions);
}

static int enough_walked(void *arg, const char *phase, uint64_t done, uint64_t total)
{
	(void)arg;
	(void)phase;
	(void)total;
	return done > WALK_BYTES_MAX;
}

static bool take_process(void *arg, const struct psc_process *p)
{
	struct solve *s = arg;
	bool is_new;
	if (!psc_hashset_add(&s->processes, p->eprocess, &is_new)) {
		s->no_memory = true;
		return false;
	}
	if (is_new)
		s->process_va[s->n_processes++] = p->eprocess;
	return s->n_processes < PROCESSES_MAX;
}

static int most_first(const void *pa, const void *pb)
{
	const struct value *a = pa, *b = pb;
	if (a->n != b->n)
		return a->n > b->n ? -1 : 1;
	return a->billed < b->billed ? -1 : a->billed > b->billed;
}

static bool list_values(struct solve *s)
{
	struct {
		struct value *items;
		size_t n, cap;
	} v = {0};
	struct psc_hashkey key;
	void *n;
	for (size_t pos = 0; psc_hashmap_next(&s->blocks, &pos, &key, &n);) {
		if (!PSC_VEC_RESERVE_ONE(&v)) {
			free(v.items);
			return false;
		}
		v.items[v.n++] = (struct value){key.a, *(uint64_t *)n};
	}
	if (v.n > 1)
		qsort(v.items, v.n, sizeof(*v.items), most_first);
	s->values = v.items;
	s->n_values = v.n < VALUES_MAX ? v.n : VALUES_MAX;
	return true;
}

/* One thread and a fixed order: what is looked at must not depend on the machine. */
static bool collect(struct solve *s)
{
	struct psc_arena arena = {0};
	struct psc_walk_result result;
	struct psc_error error;
	const struct psc_walk_options options = {
		.n_threads = 1,
		.on_ordered = take_block,
		.wanted = is_charged,
		.ordered_arg = s,
		.progress = enough_walked,
	};
	(void)psc_kernel_processes(s->k, take_process, s, NULL);
	if (s->no_memory || s->n_processes == 0)
		return false;
	if (psc_pool_allocator(s->k) == PSC_ALLOCATOR_SEGMENT_HEAP)
		scan_nonpaged(s);
	if (s->n_blocks == 0)
		(void)psc_pool_walk(s->k, &options, &arena, NULL, &result, &error);
	psc_arena_deinit(&arena);
	return !s->no_memory && list_values(s) && s->n_values != 0;
}

/* ---- candidates ---- */

static void try_cookie(struct solve *s, uint64_t cookie)
{
	unsigned n = 0;
	uint64_t n_blocks = 0;
	for (size_t i = 0; i < s->n_values; i++) {
		if (!psc_hashset_has(&s->processes, s->values[i].billed ^ cookie))
			continue;
		n++;
		n_blocks += s->values[i].n;
	}
	if (n < s->best_processes) {
		s->second_processes = n > s->second_processes ? n : s->second_processes;
		return;
	}
	if (n > s->best_processes) {
		s->second_processes = s->best_processes;
		s->best_processes = n;
		s->best_blocks = 0;
		s->n_best = 0;
	}
	s->best[s->n_best++] = cookie;
	s->best_blocks = n_blocks > s->best_blocks ? n_blocks : s->best_blocks;
}

static bool try_all(struct solve *s)
{
	struct psc_hashmap tried;
	bool ok = true;
	s->best = calloc(CANDIDATES_MAX, sizeof(*s->best));
	if (!s->best)
		return false;
	psc_hashmap_init(&tried, 0, 0);
	for (size_t i = 0; i < s->n_values && i < SEEDS_MAX && ok; i++)
		for (size_t j = 0; j < s->n_processes && ok; j++) {
			bool is_new = false;
			uint64_t cookie = s->values[i].billed ^ s->process_va[j];
			ok = psc_hashset_add(&tried, cookie, &is_new);
			if (is_new)
				try_cookie(s, cookie);
		}
	psc_hashmap_deinit(&tried);
	return ok;
}

/* ---- the variable ---- */

struct places {
	uint64_t cookie;
	uint64_t at[PSC_ALTERNATIVES_MAX];
	size_t n;
	bool differ; /* several candidates stand in the data */
};

static void search_data(const struct solve *s, const struct psc_kernel_data *d, const struct psc_hashmap *candidates,
			struct places *ret)
{
	const unsigned ptr = psc_pointer_bytes(&s->k->space);
	for (size_t j = 0; j < d->n; j++) {
		const struct psc_data_section *sec = &d->sections[j];
		for (size_t i = 0; i < psc_data_words(s->k, sec); i++) {
			uint64_t v = psc_data_word(s->k, sec, i);
			if (v == 0 || !psc_hashset_has(candidates, v))
				continue;
			ret->differ |= ret->n != 0 && v != ret->cookie;
			ret->cookie = v;
			if (ret->n < PSC_ALTERNATIVES_MAX)
				ret->at[ret->n++] = sec->va + (uint64_t)i * ptr;
		}
	}
}

static bool find_variable(const struct solve *s, const struct psc_kernel_data *d, struct places *ret)
{
	struct psc_hashmap candidates;
	bool is_new, ok = true;
	*ret = (struct places){0};
	psc_hashmap_init(&candidates, 0, 0);
	for (size_t i = 0; i < s->n_best && ok; i++)
		ok = psc_hashset_add(&candidates, s->best[i], &is_new);
	if (ok && d)
		search_data(s, d, &candidates, ret);
	psc_hashmap_deinit(&candidates);
	return ok;
}

/* ---- the verdict ---- */

static void use(struct psc_kernel *k, uint64_t cookie)
{
	k->quota_cookie.known = true;
	k->quota_cookie.value = cookie;
}

static void accept_variable(struct solve *s, const struct places *p)
{
	struct psc_kernel *k = s->k;
	bool is_sure = s->n_best == 1 && s->best_processes >= PROCESSES_MIN;
	/* 32 bits of which many candidates exist may stand somewhere by chance. */
	enum psc_confidence c = is_sure             ? PSC_CONFIDENCE_PROVEN
				: k->space.is_32bit ? PSC_CONFIDENCE_WEAK
						    : PSC_CONFIDENCE_LIKELY;
	struct psc_inferred *item = psc_infer_sym(
		k, PSC_SYM_ExpPoolQuotaCookie, p->at[0], c, (uint32_t)psc_min_u64(s->best_blocks, UINT32_MAX),
		"holds 0x%llx, which makes the charged process of %llu of %llu blocks one of the process list: %u "
		"processes; %s",
		(unsigned long long)p->cookie, (unsigned long long)s->best_blocks, (unsigned long long)s->n_blocks,
		s->best_processes,
		s->n_best == 1 ? "no other value does so for as many"
			       : "of the values that do so this one is in the kernel's data");
	psc_infer_alternatives(k, item, p->at + 1, p->n - 1);
	use(k, p->cookie);
}

static void accept_value(struct solve *s)
{
	enum psc_confidence c = s->best_processes >= PROCESSES_MANY && s->second_processes * 2 <= s->best_processes
					? PSC_CONFIDENCE_PROVEN
					: PSC_CONFIDENCE_LIKELY;
	psc_infer_note(s->k, "ExpPoolQuotaCookie", "value", s->best[0], c,
		       (uint32_t)psc_min_u64(s->best_blocks, UINT32_MAX),
		       "makes the charged process of %llu of %llu blocks one of the process list: %u processes, with "
		       "the next best value %u; the variable is not among the kernel's data in the dump",
		       (unsigned long long)s->best_blocks, (unsigned long long)s->n_blocks, s->best_processes,
		       s->second_processes);
	use(s->k, s->best[0]);
}

static void report_ties(struct solve *s)
{
	struct psc_inferred *item = psc_infer_note(
		s->k, "ExpPoolQuotaCookie", "value", 0, PSC_CONFIDENCE_AMBIGUOUS, s->best_processes,
		"%zu values make the charged process of as many blocks one of the process list: the %llu charged "
		"blocks are of too few different processes",
		s->n_best, (unsigned long long)s->n_blocks);
	psc_infer_alternatives(s->k, item, s->best, s->n_best);
}

static void decide(struct solve *s, const struct psc_kernel_data *d)
{
	struct places p;
	if (!find_variable(s, d, &p))
		return;
	if (p.n != 0 && !p.differ)
		accept_variable(s, &p);
	else if (s->n_best == 1 && s->best_processes >= PROCESSES_MIN)
		accept_value(s);
	else
		report_ties(s);
}

void psc_infer_cookie(struct psc_kernel *k, const struct psc_kernel_data *d)
{
	uint64_t unused;
	if (k->id.build < FIRST_BUILD || psc_pool_quota_cookie(k, &unused))
		return;
	struct solve *s = calloc(1, sizeof(*s));
	if (!s)
		return;
	s->k = k;
	psc_hashmap_init(&s->blocks, sizeof(uint64_t), 16 * VALUES_MAX);
	psc_hashmap_init(&s->processes, 0, 0);
	if (collect(s) && try_all(s))
		decide(s, d);
	psc_hashmap_deinit(&s->blocks);
	psc_hashmap_deinit(&s->processes);
	free(s->values);
	free(s->best);
	free(s);
}
