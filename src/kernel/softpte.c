/* SPDX-License-Identifier: MIT */
#include "kernel/internal.h"

#include "paging/softpte.h"
#include <inttypes.h>

/* MiState.Hardware.InvalidPteMask, or the global of 7 and 8.1 (reference: paging 4 [V]). */
static bool read_mask(struct psc_kernel *k, uint64_t *ret)
{
	const struct psc_field *hw = psc_profile_field(&k->profile, PSC_FIELD_MI_SYSTEM_INFORMATION_Hardware);
	const struct psc_field *mask = psc_profile_field(&k->profile, PSC_FIELD_MI_HARDWARE_STATE_InvalidPteMask);
	uint64_t va = psc_kernel_sym(k, PSC_SYM_MiInvalidPteMask);
	uint64_t state = psc_kernel_sym(k, PSC_SYM_MiState);
	if (!va && hw && mask && state)
		va = state + hw->offset + mask->offset;
	return va && psc_read_u64(&k->reader, va, ret);
}

static uint64_t kernel_start(const struct psc_space *sp)
{
	return sp->is_32bit ? 0x80000000u : sp->mmu == PSC_MMU_X64_LA57 ? 0xff00000000000000u : 0xffff800000000000u;
}

void psc_kernel_refine_softpte(struct psc_kernel *k)
{
	struct psc_softpte s = k->space.softpte;
	if (k->space.mmu == PSC_MMU_NONE || k->space.mmu == PSC_MMU_X86 || psc_mmu_is_arm64(k->space.mmu))
		return;
	bool swizzle = psc_profile_field(&k->profile, PSC_FIELD_MMPTE_SOFTWARE_SwizzleBit) != NULL;
	bool typed = swizzle || psc_profile_field(&k->profile, PSC_FIELD_MMPTE_SOFTWARE_PageFileLow) != NULL;
	uint64_t mask;
	if (typed && !swizzle) {
		s.new_layout = false;
		s.invalid_pte_mask = 0;
		s.known = true;
	} else if (read_mask(k, &mask)) {
		s.new_layout = true;
		s.invalid_pte_mask = mask;
		s.known = true;
	} else {
		s.new_layout = s.new_layout || swizzle;
		k->space.softpte = s;
		(void)psc_softpte_detect(&k->space, kernel_start(&k->space), 0, &s);
	}
	k->space.softpte = s;
	psc_reader_init(&k->reader, &k->space);
	if (!s.known)
		psc_logf(k->log, PSC_LOG_INFO,
			 "the layout of non-valid page table entries is inferred (%s, mask %016" PRIx64 ")",
			 s.new_layout ? "new" : "old", s.invalid_pte_mask);
}
