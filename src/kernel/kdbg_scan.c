/* SPDX-License-Identifier: MIT */
/* Search the kernel's writable sections for the debugger data block (reference: kernel 3, step 4). A stale copy passes
 * the same tests: the one whose module list is linked wins, else the first. */
#include "kernel/internal.h"

#include "util/bytes.h"
#include "util/checked.h"
#include <string.h>

#define SCAN_BYTES_MAX       (24u << 20)
#define SCAN_HITS_MAX        256u
#define SECTION_WRITABLE     0x80000000u
#define SECTION_DATA         0x40u
#define KDBG_TAG             0x4742444bu
#define KERNEL_BYTES_DEFAULT (18u << 20)

struct scan {
	struct psc_kernel *k;
	uint64_t budget;
	unsigned n_hits;
	bool found;
	struct psc_kdbg best;
};

/* True when nothing better can come. */
static bool try_hit(struct scan *s, uint64_t va)
{
	uint8_t bytes[0x380];
	struct psc_kdbg d;
	struct psc_reader *r = &s->k->reader;
	size_t n = psc_read_va(r, va, bytes, sizeof(bytes));
	if (!psc_kdbg_parse(bytes, n, &s->k->space, &d))
		return false;
	uint8_t mz[2];
	if (psc_read_va(r, d.kern_base, mz, 2) == 2 && (mz[0] != 'M' || mz[1] != 'Z'))
		return false;
	d.va = va;
	d.state = "plain";
	bool linked = psc_list_is_linked(r, d.ps_loaded_module_list);
	if (linked || !s->found)
		s->best = d;
	s->found = true;
	return linked;
}

/* Whole words of 8 bytes on 64-bit kernels; 32-bit ones are aligned to 4. */
static bool scan_page(struct scan *s, uint64_t page_va)
{
	uint8_t copy[PSC_PAGE_BYTES];
	struct psc_xlate x;
	const uint8_t *page = psc_page_at(&s->k->reader, page_va, &x);
	if (!page)
		return false;
	memcpy(copy, page, sizeof(copy));
	unsigned step = s->k->space.is_32bit ? 4 : 8;
	for (unsigned i = 0; i + 4 <= PSC_PAGE_BYTES; i += step) {
		if (psc_le32(copy + i) != KDBG_TAG)
			continue;
		if (s->n_hits++ >= SCAN_HITS_MAX)
			return true;
		if (try_hit(s, page_va + i - 0x10))
			return true;
	}
	return false;
}

static bool scan_range(struct scan *s, uint64_t va, uint64_t size_bytes)
{
	uint64_t first = va & ~(uint64_t)(PSC_PAGE_BYTES - 1);
	size_bytes = psc_min_u64(size_bytes + (va - first), s->budget);
	s->budget -= size_bytes;
	for (uint64_t off = 0; off < size_bytes; off += PSC_PAGE_BYTES)
		if (scan_page(s, first + off))
			return true;
	return false;
}

bool psc_kdbg_scan(struct psc_kernel *k, struct psc_kdbg *ret)
{
	struct psc_pe_section sections[PSC_PE_SECTIONS_MAX];
	struct scan s;
	if (k->base == 0)
		return false;
	memset(&s, 0, sizeof(s));
	s.k = k;
	s.budget = SCAN_BYTES_MAX;
	size_t n = psc_pe_sections(&k->reader, k->base, sections, PSC_PE_SECTIONS_MAX);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < n; i++) {
			bool is_data = strcmp(sections[i].name, ".data") == 0;
			if (is_data != (pass == 0) || !(sections[i].characteristics & SECTION_WRITABLE) ||
			    !(sections[i].characteristics & SECTION_DATA))
				continue;
			if (scan_range(&s, k->base + sections[i].rva, sections[i].size_bytes))
				goto out;
		}
	}
	if (n == 0)
		scan_range(&s, k->base, k->id.size_of_image ? k->id.size_of_image : KERNEL_BYTES_DEFAULT);
out:
	if (s.found)
		*ret = s.best;
	return s.found;
}
