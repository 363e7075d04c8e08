/* SPDX-License-Identifier: MIT */
/* The kernel image without a pointer to it (reference: kernel 4). */
#include "kernel/internal.h"

#include "util/checked.h"
#include <string.h>

#define IMAGE_PAGES_MAX 0x2000u   /* 32 MiB: real kernels have 6 to 18 */
#define SCAN_PAGES_MAX  0x100000u /* 4 GiB of mapped pages */

/* Names of kernels in their PDB's and in their export directory's name, without the ending. */
static bool is_kernel_name(const char *name)
{
	static const char *const names[] = {"ntoskrnl.", "ntkrnlmp.", "ntkrnlpa.", "ntkrpamp.", "ntkrla57."};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t n = 0;
		while (names[i][n] && (name[n] == names[i][n] || (name[n] | 0x20) == names[i][n]))
			n++;
		if (!names[i][n])
			return true;
	}
	return false;
}

bool psc_is_kernel_image(struct psc_kernel *k, uint64_t base)
{
	struct psc_pe_info pe;
	char name[64];
	if (!psc_pe_read(&k->reader, base, &pe) || (pe.machine == (uint32_t)PSC_MACHINE_X86) != k->space.is_32bit ||
	    (pe.machine == (uint32_t)PSC_MACHINE_ARM64) != psc_mmu_is_arm64(k->space.mmu))
		return false;
	if (pe.has_debug_record && is_kernel_name(pe.pdb_name))
		return true;
	return psc_pe_export_name(&k->reader, base, name) && is_kernel_name(name);
}

static bool starts_image(struct psc_kernel *k, uint64_t va)
{
	uint8_t mz[2];
	return psc_read_va(&k->reader, va, mz, 2) == 2 && mz[0] == 'M' && mz[1] == 'Z';
}

uint64_t psc_kernel_base_below(struct psc_kernel *k, uint64_t inside)
{
	uint64_t va = inside & ~(uint64_t)(PSC_PAGE_BYTES - 1);
	for (unsigned i = 0; i < IMAGE_PAGES_MAX && psc_is_kernel_va(&k->space, va); i++, va -= PSC_PAGE_BYTES) {
		struct psc_pe_info pe;
		if (starts_image(k, va) && psc_pe_read(&k->reader, va, &pe) && pe.size_of_image > inside - va)
			return va;
	}
	return 0;
}

static uint64_t scan_region(struct psc_kernel *k, uint64_t lo, uint64_t hi, uint64_t *budget)
{
	struct psc_run_iter it;
	struct psc_va_run run;
	psc_run_iter_init(&it, &k->reader, lo, hi, 0);
	while (!psc_image_is_cancelled(k->img) && psc_run_iter_next(&it, &run, NULL) == PSC_OK) {
		if (run.state != PSC_VA_PRESENT || run.presence != PSC_PAGE_PRESENT)
			continue;
		for (uint64_t off = 0; off < run.size_bytes; off += PSC_PAGE_BYTES) {
			if ((*budget)-- == 0)
				return 0;
			if (starts_image(k, run.va + off) && psc_is_kernel_image(k, run.va + off))
				return run.va + off;
		}
	}
	return 0;
}

uint64_t psc_kernel_base_scan(struct psc_kernel *k)
{
	/* Where kernels are mapped, likely places first. */
	static const uint64_t wide[][2] = {{0xfffff80000000000u, 0xfffff90000000000u}};
	static const uint64_t narrow[][2] = {{0x80000000u, 0xa0000000u}, {0xa0000000u, 0xffc00000u}};
	uint64_t budget = SCAN_PAGES_MAX, base = 0;
	if (!k->space.is_32bit)
		return scan_region(k, wide[0][0], wide[0][1], &budget);
	for (size_t i = 0; i < 2 && base == 0; i++)
		base = scan_region(k, narrow[i][0], narrow[i][1], &budget);
	return base;
}
