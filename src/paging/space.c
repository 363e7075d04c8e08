/* SPDX-License-Identifier: MIT */
#include "paging/space.h"
#include "paging/walk.h"
#include "util/error.h"
#include <string.h>

/* Masks of DirectoryTableBase and CR3: PCID, PCD/PWT and the no-flush bit 63 go (reference: paging 2 [2]). */
#define DTB_X64 0x000ffffffffff000u
#define DTB_PAE 0x00000000ffffffe0u
#define DTB_X86 0x00000000fffff000u
/* TTBR: bits 63:48 are the address space's id; TTBR1 points into the middle of the table (reference: paging 2, 3.5
 * [V]). */
#define DTB_ARM64 ARM64_FRAME

#define GB4 ((uint64_t)1 << 32)

#define LEAF_X64                                                                                                       \
	{                                                                                                              \
		X64_VALID, X64_FRAME, X64_NX, X64_WRITE | X64_SOFT_WRITE, 0                                            \
	}
#define LEAF_ARM64                                                                                                     \
	{                                                                                                              \
		ARM64_PAGE, ARM64_FRAME, ARM64_PXN | ARM64_UXN, ARM64_READ_ONLY | ARM64_SOFT_WRITE, ARM64_READ_ONLY    \
	}

const struct psc_mmu_info psc_mmu_infos[PSC_MMU_LAST + 1] = {
	[PSC_MMU_X86] = {2, 2, {12, 22}, {1024, 1024}, GB4, 0, {0}},
	[PSC_MMU_X86_PAE] = {3, 3, {12, 21, 30}, {512, 512, 4}, GB4, 0, LEAF_X64},
	[PSC_MMU_X64] =
		{4, 3, {12, 21, 30, 39}, {512, 512, 512, 512}, 0x0000800000000000u, 0xffff800000000000u, LEAF_X64},
	[PSC_MMU_X64_LA57] = {5,
			      3,
			      {12, 21, 30, 39, 48},
			      {512, 512, 512, 512, 512},
			      0x0100000000000000u,
			      0xff00000000000000u,
			      LEAF_X64},
	[PSC_MMU_ARM64] =
		{4, 3, {12, 21, 30, 39}, {512, 512, 512, 512}, 0x0000800000000000u, 0xffff800000000000u, LEAF_ARM64},
	[PSC_MMU_ARM64_48] = {4, 3, {12, 21, 30, 39}, {512, 512, 512, 512}, 0, 0xffff000000000000u, LEAF_ARM64},
};

const char *psc_mmu_name(enum psc_mmu mmu)
{
	static const char *const names[PSC_MMU_LAST + 1] = {
		[PSC_MMU_X86] = "x86",           [PSC_MMU_X86_PAE] = "x86_pae", [PSC_MMU_X64] = "x64",
		[PSC_MMU_X64_LA57] = "x64_la57", [PSC_MMU_ARM64] = "arm64",     [PSC_MMU_ARM64_48] = "arm64_48",
	};
	return (unsigned)mmu <= PSC_MMU_LAST ? names[mmu] : NULL;
}

const char *psc_va_state_name(enum psc_va_state state)
{
	static const char *const names[PSC_VA_STATE_MAX] = {
		[PSC_VA_PRESENT] = "present",         [PSC_VA_TRANSITION] = "transition",
		[PSC_VA_PROTOTYPE] = "prototype",     [PSC_VA_PAGED_OUT] = "paged out",
		[PSC_VA_DEMAND_ZERO] = "demand zero", [PSC_VA_NOT_MAPPED] = "not mapped",
		[PSC_VA_UNKNOWN] = "unknown",         [PSC_VA_CORRUPT] = "corrupt",
	};
	return (unsigned)state < PSC_VA_STATE_MAX ? names[state] : "?";
}

struct psc_entry psc_entry_decode(const struct psc_space *sp, unsigned level, uint64_t e)
{
	if (sp->mmu == PSC_MMU_X86)
		return psc_entry_decode_x86(sp, level, e);
	return psc_mmu_is_arm64(sp->mmu) ? psc_entry_decode_arm64(sp, level, e) : psc_entry_decode_x64(sp, level, e);
}

enum psc_status psc_space_init(struct psc_space *sp, const struct psc_image *img, enum psc_mmu mmu, uint64_t dtb,
			       const struct psc_softpte *softpte, struct psc_error *reterr)
{
	const struct psc_dump_header *h = psc_image_header(img);
	if ((unsigned)mmu > PSC_MMU_LAST)
		return psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0, "unknown paging mode %u", (unsigned)mmu);

	struct psc_space s = {.img = img, .mmu = mmu, .highest_pfn = psc_image_highest_pfn(img)};
	if (psc_image_get_kind(img) == PSC_IMAGE_VIRTUAL)
		s.mmu = PSC_MMU_NONE;
	switch (s.mmu) {
	case PSC_MMU_NONE:
		s.is_32bit = !h->is_64bit;
		break;
	case PSC_MMU_X86:
		s.is_32bit = true;
		s.top_pa = dtb & DTB_X86;
		break;
	case PSC_MMU_X86_PAE:
		s.is_32bit = true;
		s.top_pa = dtb & DTB_PAE;
		break;
	case PSC_MMU_X64:
	case PSC_MMU_X64_LA57:
		s.top_pa = dtb & DTB_X64;
		break;
	case PSC_MMU_ARM64:
	case PSC_MMU_ARM64_48:
		s.top_pa = dtb & DTB_ARM64;
		break;
	}
	if (softpte) {
		s.softpte = *softpte;
	} else if (h->build >= 17763) {
		/* reference: paging 4: everything from 17763 on [V]; the usual mask of Intel machines [1] */
		s.softpte.new_layout = true;
		s.softpte.invalid_pte_mask = (uint64_t)1 << 45;
	}
	*sp = s;
	return PSC_OK;
}

unsigned psc_pointer_bytes(const struct psc_space *sp)
{
	return sp->is_32bit ? 4 : 8;
}

uint64_t psc_kernel_start(const struct psc_space *sp)
{
	if (sp->is_32bit)
		return 0x80000000u;
	return sp->mmu == PSC_MMU_NONE ? 0xffff800000000000u : psc_mmu_infos[sp->mmu].high_start;
}

bool psc_is_kernel_va(const struct psc_space *sp, uint64_t va)
{
	return va >= psc_kernel_start(sp) && (!sp->is_32bit || va < GB4);
}

/* NtSystemRoot at 30 (WCHAR), NtMajorVersion at 26C (reference: kernel 4 [V]). */
bool psc_space_has_kuser(const struct psc_space *sp)
{
	struct psc_reader r;
	uint8_t root[6], major[4];
	uint64_t kuser = sp->is_32bit ? 0xffdf0000u : 0xfffff78000000000u;
	psc_reader_init(&r, sp);
	if (psc_read_va(&r, kuser + 0x30, root, sizeof(root)) != sizeof(root) ||
	    psc_read_va(&r, kuser + 0x26c, major, sizeof(major)) != sizeof(major))
		return false;
	uint32_t v = psc_le32(major);
	unsigned letter = psc_le16(root) | 0x20u;
	return (v == 5 || v == 6 || v == 10) && letter >= 'a' && letter <= 'z' && psc_le16(root + 2) == ':' &&
	       psc_le16(root + 4) == '\\';
}

struct top_check {
	unsigned n_kernel, n_bad, n_self;
};

/* One table of 64-bit or 32-bit entries whose upper half is the kernel's. */
static void check_top(const struct psc_space *sp, const uint8_t *table, struct top_check *ret)
{
	const struct psc_mmu_info *m = &psc_mmu_infos[sp->mmu];
	unsigned level = m->n_levels - 1, n = m->n_entries[level];
	for (unsigned i = 0; i < n; i++) {
		uint64_t off, e = psc_mmu_load(m, table, i);
		struct psc_entry en = psc_entry_decode(sp, level, e);
		if ((e & 1) == 0)
			continue;
		if (en.state == PSC_VA_CORRUPT ||
		    (en.kind == PSC_ENTRY_TABLE && en.pa >> PSC_PAGE_SHIFT > sp->highest_pfn &&
		     psc_image_locate(sp->img, en.pa >> PSC_PAGE_SHIFT, &off) == PSC_PAGE_HOLE)) {
			ret->n_bad++;
			continue;
		}
		if (i >= n / 2 || sp->mmu == PSC_MMU_ARM64_48)
			ret->n_kernel++;
		if (en.pa != sp->top_pa || en.kind != PSC_ENTRY_TABLE)
			continue;
		/* x64: 100..1FE, not for user mode; x86: 300 (reference: paging 9, 3.1) */
		bool right = sp->mmu == PSC_MMU_X86        ? i == 0x300
			     : sp->mmu == PSC_MMU_ARM64_48 ? true
							   : i >= 0x100 && i <= 0x1fe;
		bool kernel = psc_mmu_is_arm64(sp->mmu) ? psc_arm64_is_self_entry(e, sp->top_pa) : (e & 4) == 0;
		ret->n_self += right && kernel ? 1 : 2;
	}
}

/* Directory 3's entries 0..3 refer to the four directories (reference: paging 3.2). */
static void check_pae(const struct psc_space *sp, const uint8_t *table, struct top_check *ret)
{
	uint64_t pd_pa[4] = {0};
	for (unsigned i = 0; i < 4; i++) {
		uint64_t e = psc_le64(table + (size_t)i * 8);
		struct psc_entry en = psc_entry_decode(sp, 2, e);
		if ((e & 1) == 0)
			continue;
		if (en.kind != PSC_ENTRY_TABLE || en.pa >> PSC_PAGE_SHIFT > sp->highest_pfn) {
			ret->n_bad++;
			continue;
		}
		pd_pa[i] = en.pa;
		ret->n_kernel += i >= 2;
	}
	uint8_t self[32];
	if (pd_pa[3] == 0 || psc_image_read_pa(sp->img, pd_pa[3], self, sizeof(self)) != sizeof(self))
		return;
	unsigned n_same = 0;
	for (unsigned i = 0; i < 4; i++) {
		uint64_t e = psc_le64(self + (size_t)i * 8);
		n_same += (e & 1) != 0 && (e & DTB_X64) == pd_pa[i];
	}
	ret->n_self = n_same == 4;
}

unsigned psc_space_plausibility(const struct psc_space *sp)
{
	if (sp->mmu == PSC_MMU_NONE)
		return 0;
	uint8_t scratch[PSC_PAGE_BYTES];
	enum psc_page_presence presence;
	const uint8_t *page = psc_image_page(sp->img, sp->top_pa >> PSC_PAGE_SHIFT, scratch, &presence);
	if (!page)
		return 0;
	struct top_check c = {0};
	if (sp->mmu == PSC_MMU_X86_PAE)
		check_pae(sp, page + (sp->top_pa & 0xfff), &c);
	else
		check_top(sp, page, &c);
	if (c.n_kernel == 0)
		return 0;
	bool kuser = psc_space_has_kuser(sp);
	if (c.n_bad != 0 && !kuser)
		return 0;
	return (c.n_bad == 0 ? 1 : 0) + (c.n_self == 1 ? 2 : 0) + (kuser ? 4 : 0);
}
