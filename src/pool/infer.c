/* SPDX-License-Identifier: MIT */
/* What the pool needs and nothing gives, from the dump's own bytes: the order of the steps. Reference: pool 12. */
#include "pool/infer.h"
#include "util/checked.h"

#include <stdlib.h>

#define REACH_BYTES 0x4100u

bool psc_cluster_read(struct psc_kernel *k, struct psc_cluster *c)
{
	uint64_t variable = psc_kernel_sym(k, PSC_SYM_PoolTrackTable);
	*c = (struct psc_cluster){.word_bytes = psc_pointer_bytes(&k->space)};
	if (variable < REACH_BYTES || variable % c->word_bytes != 0 || variable > UINT64_MAX - 2 * REACH_BYTES)
		return false;
	c->base = variable - REACH_BYTES;
	c->self = REACH_BYTES / c->word_bytes;
	c->n = 2 * REACH_BYTES / c->word_bytes;
	c->words = calloc(c->n, sizeof(*c->words));
	if (!c->words)
		return false;
	for (size_t i = 0; i < c->n; i++)
		if (!psc_read_ptr(&k->reader, psc_cluster_va(c, i), &c->words[i]))
			c->words[i] = 0; /* a missing page says nothing */
	return true;
}

void psc_cluster_free(struct psc_cluster *c)
{
	free(c->words);
	c->words = NULL;
	c->n = 0;
}

bool psc_cluster_has(const struct psc_cluster *c, uint64_t value)
{
	return psc_cluster_nearest(c, value) != c->n;
}

size_t psc_cluster_nearest(const struct psc_cluster *c, uint64_t value)
{
	size_t best = c->n, best_distance = SIZE_MAX;
	for (size_t i = 0; i < c->n; i++) {
		size_t distance = i > c->self ? i - c->self : c->self - i;
		if (c->words[i] == value && distance < best_distance) {
			best = i;
			best_distance = distance;
		}
	}
	return best;
}

static void infer_tables(struct psc_kernel *k)
{
	struct psc_cluster c;
	uint64_t table, n;
	if (psc_kernel_sym(k, PSC_SYM_PoolTrackTable) == 0)
		psc_infer_track_table(k);
	if (!psc_kernel_read_ptr(k, PSC_SYM_PoolTrackTable, &table))
		return;
	/* Null without pool tagging (XP); the big-page table is there all the same. */
	if (table != 0 && psc_is_kernel_va(&k->space, table))
		psc_infer_tracker_layout(k, table);
	if (!psc_cluster_read(k, &c))
		return;
	psc_infer_big(k, &c);
	if (psc_kernel_read_ptr(k, PSC_SYM_PoolBigPageTable, &table) &&
	    psc_kernel_read_ptr(k, PSC_SYM_PoolBigPageTableSize, &n) && n <= PSC_BIG_SIZE_MAX &&
	    psc_is_kernel_va(&k->space, table)) {
		psc_infer_big_layout(k, table, n);
		psc_infer_allocator(k, table, n);
	}
	psc_infer_track(k, &c);
	psc_infer_session(k, &c);
	psc_cluster_free(&c);
}

/* One line for all of them; the list is in `info`. */
static void say(struct psc_kernel *k)
{
	size_t n = 0, n_weak = 0;
	for (size_t i = 0; i < k->n_inferred; i++) {
		n += k->inferred[i].confidence >= PSC_CONFIDENCE_WEAK;
		n_weak += k->inferred[i].confidence == PSC_CONFIDENCE_WEAK;
	}
	if (n == 0)
		return;
	if (n_weak != 0)
		psc_warn(&k->warnings,
			 "%zu addresses and layouts were inferred from the dump itself, %zu of them on weak evidence "
			 "(poolscope info says on which)",
			 n, n_weak);
	else
		psc_warn(&k->warnings,
			 "%zu addresses and layouts were inferred from the dump itself (poolscope info says on which "
			 "evidence)",
			 n);
}

static void infer_ranges(struct psc_kernel *k, const struct psc_kernel_data *d)
{
	struct psc_witnesses *w = calloc(1, sizeof(*w));
	if (!w)
		return;
	psc_witnesses_find(k, w);
	psc_infer_check_mi(k, w);
	if (d)
		psc_infer_regions(k, d, w);
	free(w);
}

static void infer(struct psc_kernel *k)
{
	struct psc_kernel_data data;
	if (k->id.build == 0)
		return;
	infer_tables(k);
	if (k->space.mmu == PSC_MMU_NONE)
		return; /* a small dump holds neither pool nor all of the kernel's data */
	psc_infer_lookasides(k);
	bool has_data = psc_kernel_data_read(k, &data);
	infer_ranges(k, has_data ? &data : NULL);
	if (has_data)
		psc_infer_descriptors(k, &data);
	psc_infer_cookie(k, has_data ? &data : NULL);
	if (has_data)
		psc_kernel_data_free(&data);
}

void psc_pool_infer(struct psc_kernel *k)
{
	infer(k);
	say(k);
}
