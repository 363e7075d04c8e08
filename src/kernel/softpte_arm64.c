/* SPDX-License-Identifier: MIT */
/* ARM64: how far the layout of entries that are not valid is proven for this kernel (paging/entry_arm64.c). The types
 * of its own symbols prove all of it; its page tables may prove what is most of it, the entries in transition. */
#include "kernel/infer.h"
#include "kernel/internal.h"

#include "paging/softpte.h"

#define KERNEL_LO 0xffff800000000000u

static bool is_bits(const struct psc_field *f, unsigned position, unsigned length)
{
	return f && f->offset == 0 && f->bit_position == position && f->bit_length == length &&
	       f->origin > PSC_ORIGIN_BUILTIN_RANGE;
}

static bool is_typed(const struct psc_kernel *k)
{
	return is_bits(psc_profile_field(&k->profile, PSC_FIELD_MMPTE_SOFTWARE_PageFileLow), 6, 4) &&
	       is_bits(psc_profile_field(&k->profile, PSC_FIELD_MMPTE_SOFTWARE_PageFileHigh), 32, 32) &&
	       !psc_profile_field(&k->profile, PSC_FIELD_MMPTE_SOFTWARE_SwizzleBit);
}

void psc_kernel_refine_arm64(struct psc_kernel *k)
{
	struct psc_softpte *s = &k->space.softpte;
	struct psc_arm64_fit fit = {0};
	s->arm64 = is_typed(k);
	s->arm64_transition = s->arm64 || psc_softpte_try_arm64(&k->space, KERNEL_LO, 0, &fit);
	s->known = s->arm64;
	psc_reader_init(&k->reader, &k->space);
	if (s->arm64)
		return;
	if (s->arm64_transition)
		psc_infer_note(
			k, "_MMPTE_TRANSITION", "value", 1, PSC_CONFIDENCE_LIKELY, fit.n_transition,
			"%u of %u entries marked as in transition name frames of memory, %u of them frames that no "
			"valid entry names",
			fit.n_frames, fit.n_transition, fit.n_alone);
	if (fit.n_invalid != 0)
		psc_warn(&k->warnings,
			 "What page table entries that are not valid mean is not known for this ARM64 kernel%s: the "
			 "pages "
			 "behind them count as unknown; its symbols would help",
			 s->arm64_transition ? ", except for those in transition" : "");
}
