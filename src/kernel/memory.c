/* SPDX-License-Identifier: MIT */
/* How much memory the machine had (reference: kernel 15). */
#include "kernel/internal.h"

#include "util/bytes.h"
#include <inttypes.h>

#define RUNS_MAX  512u
#define PAGES_MAX ((uint64_t)1 << 40)

/* PHYSICAL_MEMORY_DESCRIPTOR; x64 [V], x86 [2]. The runs must add up to the total. */
static uint64_t pages_of_block(struct psc_kernel *k)
{
	unsigned word = psc_pointer_bytes(&k->space);
	uint64_t block, pages, sum = 0;
	uint32_t n_runs;
	if (!psc_kernel_read_ptr(k, PSC_SYM_MmPhysicalMemoryBlock, &block) || !psc_is_kernel_va(&k->space, block) ||
	    !psc_read_u32(&k->reader, block, &n_runs) || !psc_read_ptr(&k->reader, block + word, &pages))
		return 0;
	if (n_runs == 0 || n_runs > RUNS_MAX || pages == 0 || pages > PAGES_MAX)
		return 0;
	for (uint32_t i = 0; i < n_runs; i++) {
		uint64_t count;
		if (!psc_read_ptr(&k->reader, block + (2 + 2 * (uint64_t)i) * word + word, &count) || count > PAGES_MAX)
			return 0;
		sum += count;
	}
	if (sum != pages)
		psc_warn(&k->warnings,
			 "MmPhysicalMemoryBlock says %" PRIu64 " pages, but its %" PRIu32 " runs have %" PRIu64, pages,
			 n_runs, sum);
	return pages;
}

static uint64_t pages_of_shared_page(struct psc_kernel *k)
{
	uint32_t pages = 0;
	if (k->id.build < 6000 || !psc_read_u32(&k->reader, psc_kernel_shared_page(&k->space) + 0x2e8, &pages))
		return 0;
	return pages;
}

void psc_kernel_find_memory(struct psc_kernel *k)
{
	uint64_t pages = pages_of_block(k);
	k->physical_memory_source = "MmPhysicalMemoryBlock";
	if (pages == 0) {
		pages = pages_of_shared_page(k);
		k->physical_memory_source = "KUSER_SHARED_DATA.NumberOfPhysicalPages";
	}
	if (pages == 0 && psc_image_has_header(k->img) && psc_image_dump_type(k->img) == PSC_DUMP_FULL) {
		pages = psc_image_pages_described(k->img);
		k->physical_memory_source = "memory runs of the dump header";
	}
	if (pages == 0 || pages > PAGES_MAX) {
		k->physical_memory_source = NULL;
		return;
	}
	k->physical_memory_bytes = pages * PSC_PAGE_BYTES;
}
