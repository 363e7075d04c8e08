/* SPDX-License-Identifier: MIT */
/* Which page tables to read the kernel through (reference: paging 9, kernel 1 and 4, pool 15). */
#include "kernel/internal.h"

#include "util/bytes.h"
#include <inttypes.h>
#include <string.h>

#define SCAN_PAGES_MAX  0x2000u  /* the System process' top table lies low in memory (reference: kernel 4) */
#define SCAN_PAGES_ARM  0x40000u /* no place is known for ARM64: 1 GiB */
#define SCAN_TRIALS_MAX 64u
#define FIRST_PAGE_MAX  0x100000u
#define PROVEN          16u

static void set_empty_space(struct psc_kernel *k)
{
	memset(&k->space, 0, sizeof(k->space));
	k->space.img = k->img;
	k->space.mmu = PSC_MMU_NONE;
	k->space.is_32bit = !psc_image_header(k->img)->is_64bit;
	psc_reader_init(&k->reader, &k->space);
}

/* 0: impossible. PROVEN and more: the shared page or the header's module list reads as it should. k->space is left as
 * the candidate. */
static unsigned try_tables(struct psc_kernel *k, enum psc_mmu mmu, uint64_t dtb)
{
	const struct psc_dump_header *h = psc_image_header(k->img);
	if (psc_space_init(&k->space, k->img, mmu, dtb, NULL, NULL) != PSC_OK)
		return 0;
	psc_reader_init(&k->reader, &k->space);
	unsigned score = psc_space_plausibility(&k->space);
	if (score == 0)
		return 0;
	if (psc_space_has_kuser(&k->space))
		score += PROVEN;
	if (psc_header_has(h, PSC_HDR_PS_LOADED_MODULE_LIST) &&
	    psc_list_is_linked(&k->reader, h->ps_loaded_module_list))
		score += PROVEN;
	return score;
}

static size_t modes_of(const struct psc_dump_header *h, enum psc_mmu ret[2])
{
	if (h->machine == PSC_MACHINE_X64) {
		ret[0] = PSC_MMU_X64;
		ret[1] = PSC_MMU_X64_LA57;
		return 2;
	}
	if (h->machine == PSC_MACHINE_ARM64) {
		ret[0] = PSC_MMU_ARM64;
		return 1;
	}
	if (h->machine == PSC_MACHINE_X86) {
		bool plain = psc_header_has(h, PSC_HDR_PAE_ENABLED) && !h->pae_enabled;
		ret[0] = plain ? PSC_MMU_X86 : PSC_MMU_X86_PAE;
		ret[1] = plain ? PSC_MMU_X86_PAE : PSC_MMU_X86;
		return 2;
	}
	return 0;
}

/* The best of the modes for one table address. */
static bool try_modes(struct psc_kernel *k, uint64_t dtb)
{
	enum psc_mmu modes[2];
	unsigned best_score = 0;
	struct psc_space best = k->space;
	size_t n = modes_of(psc_image_header(k->img), modes);
	for (size_t i = 0; i < n && best_score < PROVEN; i++) {
		unsigned score = try_tables(k, modes[i], dtb);
		if (score > best_score) {
			best_score = score;
			best = k->space;
		}
	}
	k->space = best;
	psc_reader_init(&k->reader, &k->space);
	k->space_is_proven = best_score >= PROVEN;
	return k->space_is_proven;
}

/* Memory of ARM64 machines does not begin at address 0 but, in virtual ones, at 2 GiB (reference: dumps 26 [1]). */
static uint64_t first_page(const struct psc_image *img)
{
	uint64_t last = psc_image_highest_pfn(img), off;
	if (psc_image_header(img)->machine != PSC_MACHINE_ARM64)
		return 1;
	for (uint64_t pfn = 1; pfn <= last && pfn <= FIRST_PAGE_MAX; pfn++)
		if (psc_image_locate(img, pfn, &off) == PSC_PAGE_PRESENT)
			return pfn;
	return 1;
}

static bool try_low_memory(struct psc_kernel *k)
{
	const struct psc_dump_header *h = psc_image_header(k->img);
	uint8_t scratch[PSC_PAGE_BYTES];
	enum psc_mmu modes[2];
	enum psc_page_presence presence;
	unsigned n_trials = 0;
	struct psc_space before = k->space;
	size_t n = modes_of(h, modes);
	uint64_t first = first_page(k->img), last = psc_image_highest_pfn(k->img);
	uint64_t max = h->machine == PSC_MACHINE_ARM64 ? SCAN_PAGES_ARM : SCAN_PAGES_MAX;
	if (last - first >= max)
		last = first + max - 1;
	for (uint64_t pfn = first; pfn <= last && !psc_image_is_cancelled(k->img); pfn++) {
		const uint8_t *page = psc_image_page(k->img, pfn, scratch, &presence);
		if (!page)
			continue;
		for (size_t m = 0; m < n; m++) {
			uint64_t dtb;
			unsigned start = 0;
			while (n_trials < SCAN_TRIALS_MAX && psc_tables_scan_page(page, pfn, modes[m], &start, &dtb)) {
				n_trials++;
				if (try_tables(k, modes[m], dtb) >= PROVEN)
					return k->space_is_proven = true;
			}
		}
	}
	k->space = before;
	psc_reader_init(&k->reader, &k->space);
	return false;
}

void psc_kernel_choose_space(struct psc_kernel *k)
{
	const struct psc_dump_header *h = psc_image_header(k->img);
	set_empty_space(k);
	if (psc_image_get_kind(k->img) == PSC_IMAGE_VIRTUAL) {
		if (psc_space_init(&k->space, k->img, PSC_MMU_NONE, 0, NULL, NULL) != PSC_OK)
			set_empty_space(k);
		psc_reader_init(&k->reader, &k->space);
		return;
	}
	if (psc_image_get_kind(k->img) == PSC_IMAGE_EMPTY)
		return;
	if (h->machine != PSC_MACHINE_X64 && h->machine != PSC_MACHINE_X86 && h->machine != PSC_MACHINE_ARM64) {
		psc_warn(&k->warnings,
			 "Page tables of machine type %#" PRIx32 " are not read: only what the header "
			 "says is known of this kernel",
			 h->machine_value);
		return;
	}
	if (psc_header_has(h, PSC_HDR_DIRECTORY_TABLE_BASE) && try_modes(k, h->directory_table_base))
		return;
	if (try_low_memory(k))
		psc_warn(&k->warnings,
			 "The header's DirectoryTableBase (%" PRIx64 ") leads to no kernel; the page tables found at "
			 "%" PRIx64 " are used",
			 h->directory_table_base, k->space.top_pa);
	/* Else psc_kernel_try_processor_tables has the last word. */
	if (k->space.mmu == PSC_MMU_NONE) {
		enum psc_mmu modes[2] = {PSC_MMU_NONE, PSC_MMU_NONE};
		(void)modes_of(h, modes);
		if (psc_space_init(&k->space, k->img, modes[0], h->directory_table_base, NULL, NULL) != PSC_OK)
			set_empty_space(k);
		psc_reader_init(&k->reader, &k->space);
	}
}

/* KSPECIAL_REGISTERS.Cr3; reference: kernel 9 [V x64], 9b [1]. 0: not known. */
static uint64_t saved_tables(struct psc_kernel *k, uint64_t prcb)
{
	struct psc_arm64_registers r;
	uint64_t cr3 = 0, at = prcb + k->kdbg.offset_prcb_special_registers;
	if (psc_mmu_is_arm64(k->space.mmu))
		return psc_arm64_read_registers(k, prcb, &r) ? r.ttbr0 : 0;
	if (k->kdbg.offset_prcb_special_registers == 0 ||
	    !psc_read_ptr(&k->reader, at + (k->space.is_32bit ? 8 : 0x10), &cr3))
		return 0;
	return cr3;
}

void psc_kernel_try_processor_tables(struct psc_kernel *k)
{
	const struct psc_dump_header *h = psc_image_header(k->img);
	if (psc_image_get_kind(k->img) != PSC_IMAGE_PHYSICAL || k->space.mmu == PSC_MMU_NONE)
		return;
	psc_kernel_apply_arm64_registers(k);
	if (k->space_is_proven)
		return;
	const char *name = psc_mmu_is_arm64(k->space.mmu) ? "TTBR0" : "Cr3";
	struct psc_space before = k->space;
	for (size_t i = 0; i < k->n_prcb && i < SCAN_TRIALS_MAX; i++) {
		uint64_t cr3 = saved_tables(k, k->prcb[i]);
		if (cr3 == 0)
			continue;
		if (try_modes(k, cr3)) {
			psc_warn(&k->warnings,
				 "The header's DirectoryTableBase (%" PRIx64
				 ") is not the kernel's; %s of processor %zu (%" PRIx64 ") is used",
				 h->directory_table_base, name, i, cr3);
			return;
		}
		k->space = before;
		psc_reader_init(&k->reader, &k->space);
	}
	psc_warn(&k->warnings,
		 "The header's DirectoryTableBase (%" PRIx64 ") does not lead to the kernel's shared page or module "
		 "list%s%s%s: what is read through it may be missing or wrong",
		 h->directory_table_base, k->n_prcb ? ", and no processor's " : "", k->n_prcb ? name : "",
		 k->n_prcb ? " does" : "");
}

/* Top-level entries of the kernel half that b has and a lacks. Self-map and hyperspace slots belong to each process. */
static unsigned count_lacking(const uint8_t *a, const uint8_t *b, unsigned n, unsigned entry_bytes, bool is_x86)
{
	unsigned lacking = 0;
	for (unsigned i = n / 2; i < n; i++) {
		uint64_t ea = entry_bytes == 4 ? psc_le32(a + 4u * i) : psc_le64(a + 8u * i);
		uint64_t eb = entry_bytes == 4 ? psc_le32(b + 4u * i) : psc_le64(b + 8u * i);
		if (is_x86 && i >= n - n / 4 && i < n - n / 4 + 4)
			continue;
		lacking += ea == 0 && (eb & 1);
	}
	return lacking;
}

static bool read_page_at(const struct psc_kernel *k, uint64_t pa, uint8_t page[PSC_PAGE_BYTES])
{
	return psc_image_read_pa(k->img, pa & ~(uint64_t)(PSC_PAGE_BYTES - 1), page, PSC_PAGE_BYTES) == PSC_PAGE_BYTES;
}

static unsigned lacks_entries(const struct psc_kernel *k, uint64_t system_pa)
{
	uint8_t mine[PSC_PAGE_BYTES], system[PSC_PAGE_BYTES];
	if (k->space.mmu != PSC_MMU_X86_PAE) {
		if (!read_page_at(k, k->space.top_pa, mine) || !read_page_at(k, system_pa, system))
			return 0;
		return k->space.mmu == PSC_MMU_X86 ? count_lacking(mine, system, 1024, 4, true)
						   : count_lacking(mine, system, 512, 8, false);
	}
	/* PAE: the two directories of the kernel half; the fourth holds the self-map in its first entries. */
	uint8_t top[32], system_top[32];
	unsigned lacking = 0;
	if (psc_image_read_pa(k->img, k->space.top_pa, top, 32) != 32 ||
	    psc_image_read_pa(k->img, system_pa, system_top, 32) != 32)
		return 0;
	for (unsigned d = 2; d < 4; d++) {
		if (!read_page_at(k, psc_le64(top + 8u * d) & 0x000ffffffffff000u, mine) ||
		    !read_page_at(k, psc_le64(system_top + 8u * d) & 0x000ffffffffff000u, system))
			return 0;
		for (unsigned i = d == 3 ? 8 : 0; i < 512; i++)
			lacking += psc_le64(mine + 8u * i) == 0 && (psc_le64(system + 8u * i) & 1);
	}
	return lacking;
}

struct first_process {
	struct psc_process p;
	bool found;
};

static bool take_first(void *arg, const struct psc_process *p)
{
	struct first_process *f = arg;
	if (p->pid != 4 && p->pid != 8)
		return true;
	f->p = *p;
	f->found = true;
	return false;
}

void psc_kernel_prefer_system_tables(struct psc_kernel *k)
{
	struct first_process f;
	memset(&f, 0, sizeof(f));
	if (psc_image_get_kind(k->img) != PSC_IMAGE_PHYSICAL || k->space.mmu == PSC_MMU_NONE)
		return;
	(void)psc_kernel_processes(k, take_first, &f, NULL);
	struct psc_space before = k->space, system;
	if (!f.found || psc_space_init(&system, k->img, before.mmu, f.p.directory_table_base, NULL, NULL) != PSC_OK ||
	    system.top_pa == before.top_pa)
		return;
	unsigned lacking = lacks_entries(k, system.top_pa);
	/* Tables that a search found may be any process'. */
	if (lacking == 0 && psc_image_has_header(k->img))
		return;
	system.softpte = before.softpte;
	if (psc_space_plausibility(&system) < psc_space_plausibility(&before) ||
	    (k->space_is_proven && !psc_space_has_kuser(&system) && psc_space_has_kuser(&before)))
		return;
	k->space = system;
	psc_reader_init(&k->reader, &k->space);
	psc_logf(k->log, PSC_LOG_INFO,
		 "the System process' page tables (%" PRIx64 ") are used: those before lack %u kernel entries",
		 k->space.top_pa, lacking);
}
