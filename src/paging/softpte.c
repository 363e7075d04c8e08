/* SPDX-License-Identifier: MIT */
#include "paging/softpte.h"
#include "paging/walk.h"
#include "util/checked.h"
#include <string.h>

#define MAX_SAMPLES ((unsigned)1 << 16)
#define MIN_SAMPLES 16u
#define MAX_TABLES  ((unsigned)1 << 16)
#define PROTOS_MAX  512u

#define SWIZZLE    0x10u
#define PROTOTYPE  0x400u
#define TRANSITION 0x800u
#define X64_FRAME  0x000ffffffffff000u
#define X64_NX     0x8000000000000000u

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

/* Calls entry for non-valid entries of the page tables of [lo, hi) until it returns false. */
static void each_invalid(const struct psc_space *sp, uint64_t lo, uint64_t hi, bool (*entry)(void *arg, uint64_t e),
			 void *arg)
{
	const struct psc_mmu_info *m = &psc_mmu_infos[sp->mmu];
	uint64_t va = lo, last = psc_min_u64(hi - 1, sp->is_32bit ? UINT32_MAX : UINT64_MAX);
	unsigned n_samples = 0, n_tables = 0;
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
				if (!entry(arg, e))
					return;
			}
			span = psc_walk_span(m, 0, true, va);
		}
		if (span > last - va)
			break;
		va += span;
	}
}

static bool is_askable(const struct psc_space *sp, uint64_t lo, uint64_t hi)
{
	return sp->mmu != PSC_MMU_NONE && sp->mmu != PSC_MMU_X86 && !psc_mmu_is_arm64(sp->mmu) && (hi == 0 || lo < hi);
}

static bool count(void *arg, uint64_t e)
{
	count_entry(arg, e);
	return true;
}

bool psc_softpte_detect(const struct psc_space *sp, uint64_t lo, uint64_t hi, struct psc_softpte *ret)
{
	struct census c = {0};
	if (!is_askable(sp, lo, hi))
		return false;
	each_invalid(sp, lo, hi, count, &c);
	return verdict(sp, &c, ret);
}

/* ---- does a given layout fit? ---- */

struct fitting {
	const struct psc_space *sp;
	const struct psc_softpte *layout;
	struct psc_softpte_fit *ret;
	struct census census;
	uint64_t protos[PROTOS_MAX];
};

static bool fit_entry(void *arg, uint64_t raw)
{
	struct fitting *f = arg;
	struct psc_softpte_fit *ret = f->ret;
	const bool as_is = f->layout->new_layout && (raw & SWIZZLE) != 0;
	const uint64_t e = f->layout->new_layout && !as_is ? raw ^ f->layout->invalid_pte_mask : raw;
	count_entry(&f->census, raw);
	if ((raw & (PROTOTYPE | TRANSITION)) == TRANSITION && !as_is) {
		ret->n_transition++;
		ret->n_beyond += (e & X64_FRAME) >> PSC_PAGE_SHIFT > f->sp->highest_pfn;
	} else if ((raw & PROTOTYPE) != 0 && !f->sp->is_32bit && raw >> 32 != UINT32_MAX && ret->n_proto < PROTOS_MAX) {
		/* reference: paging 4 [V]: ProtoAddress[16:48] in both */
		uint64_t va = e >> 16 | ((e & X64_NX) != 0 ? 0xffff000000000000u : 0);
		f->protos[ret->n_proto++] = va;
	}
	return true;
}

void psc_softpte_try(const struct psc_space *sp, uint64_t lo, uint64_t hi, const struct psc_softpte *layout,
		     struct psc_softpte_fit *ret)
{
	struct fitting f = {.sp = sp, .layout = layout, .ret = ret};
	struct psc_reader r;
	*ret = (struct psc_softpte_fit){0};
	if (!is_askable(sp, lo, hi))
		return;
	each_invalid(sp, lo, hi, fit_entry, &f);
	psc_reader_init(&r, sp);
	for (unsigned i = 0; i < ret->n_proto; i++) {
		uint64_t va = f.protos[i];
		bool is_kernel = psc_is_kernel_va(sp, va) && va % 8 == 0;
		ret->n_proto_bad += !is_kernel || psc_translate(&r, va).state == PSC_VA_NOT_MAPPED;
	}
	const struct census *c = &f.census;
	ret->n_paged = c->n_paged;
	if (c->n_paged >= MIN_SAMPLES) {
		double low = constancy(c->low_field, c->n_paged), high = constancy(c->high_field, c->n_paged);
		ret->is_page_file_bad = layout->new_layout ? low > high + 0.2 : high > low + 0.2;
	}
}

bool psc_softpte_fits(const struct psc_softpte_fit *f)
{
	return !f->is_page_file_bad && (f->n_transition < MIN_SAMPLES || f->n_beyond * 4 <= f->n_transition) &&
	       (f->n_proto < MIN_SAMPLES || f->n_proto_bad * 2 <= f->n_proto);
}
