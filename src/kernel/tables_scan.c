/* SPDX-License-Identifier: MIT */
#include "kernel/internal.h"

#include "util/bytes.h"

#define PFN_MASK 0x000ffffffffff000u

/* Exactly one supervisor entry of slots 100..1FE names the page itself (reference: paging 9, kernel 4). That of an
 * ARM64 table would pass here as well. */
static bool is_x64_top(const uint8_t *page, uint64_t pfn)
{
	unsigned n = 0;
	for (unsigned i = 0x100; i <= 0x1fe; i++) {
		uint64_t e = psc_le64(page + 8u * i);
		n += (e & 1) != 0 && (e & 4) == 0 && (e & PFN_MASK) >> PSC_PAGE_SHIFT == pfn &&
		     !psc_arm64_is_self_entry(e, pfn << PSC_PAGE_SHIFT);
	}
	return n == 1;
}

static bool is_arm64_top(const uint8_t *page, uint64_t pfn)
{
	unsigned n = 0;
	for (unsigned i = 0x100; i <= 0x1fe; i++)
		n += psc_arm64_is_self_entry(psc_le64(page + 8u * i), pfn << PSC_PAGE_SHIFT);
	return n == 1;
}

/* Four valid entries to four different pages. Bits 1, 2 and 5..8 are reserved; Windows sets some of 9..11, which
 * processors ignore. */
static bool is_pae_top(const uint8_t *p)
{
	uint64_t e[4];
	for (unsigned i = 0; i < 4; i++) {
		e[i] = psc_le64(p + 8u * i);
		if ((e[i] & 0x1e7) != 1 || e[i] >> 40 || e[i] >> PSC_PAGE_SHIFT == 0)
			return false;
		for (unsigned j = 0; j < i; j++)
			if (e[j] == e[i])
				return false;
	}
	return true;
}

bool psc_tables_scan_page(const uint8_t *page, uint64_t pfn, enum psc_mmu mmu, unsigned *start, uint64_t *ret_dtb)
{
	uint64_t pa = pfn << PSC_PAGE_SHIFT;
	switch (mmu) {
	case PSC_MMU_X64:
	case PSC_MMU_X64_LA57:
		if (*start || !is_x64_top(page, pfn))
			return false;
		*start = PSC_PAGE_BYTES;
		*ret_dtb = pa;
		return true;
	case PSC_MMU_ARM64:
		if (*start || !is_arm64_top(page, pfn))
			return false;
		*start = PSC_PAGE_BYTES;
		*ret_dtb = pa;
		return true;
	case PSC_MMU_X86:
		if (*start || (psc_le32(page + 0xc00) & 5) != 1 || psc_le32(page + 0xc00) >> PSC_PAGE_SHIFT != pfn)
			return false;
		*start = PSC_PAGE_BYTES;
		*ret_dtb = pa;
		return true;
	case PSC_MMU_X86_PAE:
		for (; *start + 32 <= PSC_PAGE_BYTES; *start += 32) {
			if (!is_pae_top(page + *start))
				continue;
			*ret_dtb = pa + *start;
			*start += 32;
			return true;
		}
		return false;
	case PSC_MMU_ARM64_48: /* its top table has no form that tells it */
	case PSC_MMU_NONE:
		break;
	}
	return false;
}
