/* SPDX-License-Identifier: MIT */
/* What the kernel's data say of it beside the debugger data block, which may be encoded: the version block of its
 * debugger protocol (reference: kernel 3 [V]), and the module list by its first entry (kernel 5 [V]). */
#include "kernel/internal.h"

#include "util/bytes.h"
#include <string.h>

#define BLOCK_BYTES 0x28u
#define BUILD_MAX   32768u

struct scan {
	struct psc_kernel *k;
	struct psc_version_block block;
	uint64_t list_head;
	unsigned n_tests;
};

#define LIST_TESTS_MAX 1000000u

/* 32-bit kernels store addresses sign-extended or not. */
static uint64_t address_at(const struct psc_kernel *k, const uint8_t *p)
{
	uint64_t v = psc_le64(p);
	if (k->space.is_32bit && (v >> 32 == 0 || v >> 32 == UINT32_MAX))
		v &= UINT32_MAX;
	return psc_is_kernel_va(&k->space, v) ? v : 0;
}

static bool version_page(void *arg, uint64_t page_va, const uint8_t *page)
{
	struct scan *s = arg;
	struct psc_kernel *k = s->k;
	unsigned step = k->space.is_32bit ? 4 : 8;
	(void)page_va;
	for (unsigned i = 0; i + BLOCK_BYTES <= PSC_PAGE_BYTES; i += step) {
		const uint8_t *p = page + i;
		unsigned major = psc_le16(p), build = psc_le16(p + 2), machine = psc_le16(p + 8);
		if (((major & 0xff) != 0xf && (major & 0xff) != 0xc) || build == 0 || build >= BUILD_MAX)
			continue;
		if ((machine == PSC_MACHINE_X86) != k->space.is_32bit || address_at(k, p + 0x10) != k->base)
			continue;
		s->block.major = major & 0xff;
		s->block.build = build;
		s->block.ps_loaded_module_list = address_at(k, p + 0x18);
		return true;
	}
	return false;
}

bool psc_version_block_scan(struct psc_kernel *k, struct psc_version_block *ret)
{
	struct scan s = {.k = k};
	if (!psc_kernel_scan_data(k, version_page, &s))
		return false;
	*ret = s.block;
	return true;
}

static bool list_page(void *arg, uint64_t page_va, const uint8_t *page)
{
	struct scan *s = arg;
	struct psc_kernel *k = s->k;
	unsigned ptr = psc_pointer_bytes(&k->space);
	for (unsigned i = 0; i + 2 * ptr <= PSC_PAGE_BYTES; i += ptr) {
		uint64_t entry = ptr == 8 ? psc_le64(page + i) : psc_le32(page + i), back, base;
		if (entry % ptr || !psc_is_kernel_va(&k->space, entry) || s->n_tests++ >= LIST_TESTS_MAX)
			continue;
		if (psc_read_ptr(&k->reader, entry + ptr, &back) && back == page_va + i &&
		    psc_read_ptr(&k->reader, entry + (ptr == 4 ? 0x18 : 0x30), &base) && base == k->base &&
		    psc_list_is_linked(&k->reader, page_va + i)) {
			s->list_head = page_va + i;
			return true;
		}
	}
	return false;
}

uint64_t psc_module_list_scan(struct psc_kernel *k)
{
	struct scan s = {.k = k};
	(void)psc_kernel_scan_data(k, list_page, &s);
	return s.list_head;
}
