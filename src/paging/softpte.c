/* SPDX-License-Identifier: MIT */
#include "paging/softpte.h"
#include "paging/walk.h"
#include "util/checked.h"
#include <string.h>

#define MAX_SAMPLES ((unsigned)1 << 16)
#define MIN_SAMPLES 16u
#define MAX_TABLES  ((unsigned)1 << 16)

#define FIRST_BIT 36 /* lowest bit that is taken for part of a mask */
#define LAST_BIT  51

struct census {
	unsigned n_transition, n_plain; /* n_plain: with bit 4 clear */
	unsigned high_set[64];          /* transition entries with bit 4 clear that have this bit */
	unsigned n_paged;
	unsigned low_field[16], high_field[16]; /* [1:4] and [12:4] of page file entries */
};

/* reference: paging 4 [V], 5 */
static void count_entry(struct census *c, uint64_t e)
{
	if ((e & 0xc01) == 0x800) {
		c->n_transition++;
		if (e & 0x10)
			return;
		c->n_plain++;
		for (unsigned bit = FIRST_BIT; bit <= LAST_BIT; bit++)
			c->high_set[bit] += (unsigned)(e >> bit & 1);
	} else if ((e & 0xc01) == 0 && e >> 32 != 0) {
		c->n_paged++;
		c->low_field[e >> 1 & 0xf]++;
		c->high_field[e >> 12 & 0xf]++;
	}
}

/* The sum of squares grows with constancy. */
static double constancy(const unsigned field[16], unsigned n)
{
	double sum = 0;
	for (unsigned i = 0; i < 16; i++)
		sum += (double)field[i] * field[i];
	return sum / ((double)n * n);
}

static bool verdict(const struct psc_space *sp, const struct census *c, struct psc_softpte *ret)
{
	struct psc_softpte found = {.new_layout = sp->softpte.new_layout};
	bool has_mask_evidence = c->n_transition >= MIN_SAMPLES;
	if (has_mask_evidence && c->n_plain >= MIN_SAMPLES && c->n_plain >= c->n_transition / 10 * 9) {
		for (unsigned bit = FIRST_BIT; bit <= LAST_BIT; bit++)
			if (sp->highest_pfn >> (bit - PSC_PAGE_SHIFT) == 0 &&
			    c->high_set[bit] >= c->n_plain - c->n_plain / 10)
				found.invalid_pte_mask |= (uint64_t)1 << bit;
	}
	if (found.invalid_pte_mask != 0) {
		found.new_layout = true;
		*ret = found;
		return true;
	}
	bool has_layout_evidence = false;
	if (c->n_paged >= MIN_SAMPLES) {
		double low = constancy(c->low_field, c->n_paged), high = constancy(c->high_field, c->n_paged);
		if (low > high + 0.2 || high > low + 0.2) {
			has_layout_evidence = true;
			found.new_layout = high > low;
		}
	}
	if (!has_mask_evidence && !has_layout_evidence)
		return false;
	*ret = found;
	return true;
}

bool psc_softpte_detect(const struct psc_space *sp, uint64_t lo, uint64_t hi, struct psc_softpte *ret)
{
	if (sp->mmu == PSC_MMU_NONE || sp->mmu == PSC_MMU_X86 || psc_mmu_is_arm64(sp->mmu) || (hi != 0 && lo >= hi))
		return false;
	const struct psc_mmu_info *m = &psc_mmu_infos[sp->mmu];
	uint64_t va = lo, last = psc_min_u64(hi - 1, sp->is_32bit ? UINT32_MAX : UINT64_MAX);
	unsigned n_samples = 0, n_tables = 0;
	struct census c = {0};
	struct psc_reader r;
	psc_reader_init(&r, sp);
	while (va <= last && n_samples < MAX_SAMPLES && n_tables++ < MAX_TABLES) {
		if (!psc_mmu_is_canonical(m, va)) {
			va = m->high_start;
			continue;
		}
		struct psc_walk w = psc_walk_upper(&r, va);
		uint64_t span = psc_walk_span(m, w.level, w.kind != PSC_WALK_ENTRY, va);
		if (w.kind == PSC_WALK_TABLE) {
			for (unsigned i = psc_mmu_index(m, 0, va); i < 512 && n_samples < MAX_SAMPLES; i++) {
				uint64_t e = psc_le64(w.table + (size_t)i * 8);
				if (e == 0 || (e & 1) != 0)
					continue;
				n_samples++;
				count_entry(&c, e);
			}
			span = psc_walk_span(m, 0, true, va);
		}
		if (span > last - va)
			break;
		va += span;
	}
	return verdict(sp, &c, ret);
}
