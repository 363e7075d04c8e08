/* SPDX-License-Identifier: MIT */
/* The translation registers that Windows on ARM64 saves for each processor. Their places are verified on the bytes of
 * one kernel, 22000 (reference: paging 3.5 [V]); of others the value must prove itself. */
#include "kernel/internal.h"

/* In the special registers of ProcessorState. TTBR1 is half a table behind TTBR0 where both halves have 47 bits. */
#define SPECIAL_TCR   0xc0u
#define SPECIAL_TTBR0 0xc8u
#define SPECIAL_TTBR1 0xd0u

/* TCR_EL1: T0SZ[0:6], TG0[14:2] 0 = 4 KiB, T1SZ[16:6], TG1[30:2] 2 = 4 KiB. */
bool psc_arm64_read_registers(struct psc_kernel *k, uint64_t prcb, struct psc_arm64_registers *ret)
{
	uint64_t at = prcb + k->kdbg.offset_prcb_special_registers, tcr;
	struct psc_arm64_registers r;
	if (k->kdbg.offset_prcb_special_registers == 0 || !psc_read_u64(&k->reader, at + SPECIAL_TCR, &tcr) ||
	    !psc_read_u64(&k->reader, at + SPECIAL_TTBR0, &r.ttbr0) ||
	    !psc_read_u64(&k->reader, at + SPECIAL_TTBR1, &r.ttbr1))
		return false;
	r.user_bits = 64 - (unsigned)(tcr & 0x3f);
	r.kernel_bits = 64 - (unsigned)(tcr >> 16 & 0x3f);
	if ((tcr >> 14 & 3) != 0 || (tcr >> 30 & 3) != 2 || r.kernel_bits < 47 || r.kernel_bits > 48 || r.ttbr0 == 0)
		return false;
	*ret = r;
	return true;
}

void psc_kernel_apply_arm64_registers(struct psc_kernel *k)
{
	struct psc_arm64_registers r;
	for (size_t i = 0; i < k->n_prcb; i++) {
		struct psc_space wide;
		if (!psc_arm64_read_registers(k, k->prcb[i], &r))
			continue;
		if (r.kernel_bits != 48 || k->space.mmu != PSC_MMU_ARM64)
			return;
		if (psc_space_init(&wide, k->img, PSC_MMU_ARM64_48, r.ttbr1, &k->space.softpte, NULL) != PSC_OK ||
		    !psc_space_has_kuser(&wide))
			continue;
		k->space = wide;
		psc_reader_init(&k->reader, &k->space);
		return;
	}
}
