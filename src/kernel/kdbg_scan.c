/* SPDX-License-Identifier: MIT */
/* Search the kernel's writable sections for the debugger data block (reference: kernel 3, step 4). A stale copy passes
 * the same tests: the one whose module list is linked wins, else the first. */
#include "kernel/internal.h"

#include "util/bytes.h"
#include <string.h>

#define SCAN_HITS_MAX 256u
#define KDBG_TAG      0x4742444bu

struct scan {
	struct psc_kernel *k;
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
static bool scan_page(void *arg, uint64_t page_va, const uint8_t *page)
{
	struct scan *s = arg;
	unsigned step = s->k->space.is_32bit ? 4 : 8;
	for (unsigned i = 0; i + 4 <= PSC_PAGE_BYTES; i += step) {
		if (psc_le32(page + i) != KDBG_TAG)
			continue;
		if (s->n_hits++ >= SCAN_HITS_MAX)
			return true;
		if (try_hit(s, page_va + i - 0x10))
			return true;
	}
	return false;
}

bool psc_kdbg_scan(struct psc_kernel *k, struct psc_kdbg *ret)
{
	struct scan s;
	memset(&s, 0, sizeof(s));
	s.k = k;
	(void)psc_kernel_scan_data(k, scan_page, &s);
	if (s.found)
		*ret = s.best;
	return s.found;
}
