/* SPDX-License-Identifier: MIT */
/* The kernel's variables as bytes: its writable data sections. */
#include "kernel/infer.h"

#include "util/bytes.h"
#include "util/checked.h"
#include <stdlib.h>
#include <string.h>

#define SECTION_WRITABLE     0x80000000u
#define SECTION_DATA         0xc0u /* initialised or not: GNU linkers keep .bss apart */
#define SECTION_DISCARDABLE  0x02000000u
#define KERNEL_BYTES_DEFAULT (18u << 20)

static bool add(struct psc_kernel *k, struct psc_kernel_data *d, uint64_t va, uint64_t size_bytes)
{
	uint64_t first = va & ~(uint64_t)(PSC_PAGE_BYTES - 1);
	size_bytes = psc_min_u64(size_bytes + (va - first), PSC_DATA_BYTES_MAX - d->bytes_total);
	size_bytes = (size_bytes + PSC_PAGE_BYTES - 1) & ~(uint64_t)(PSC_PAGE_BYTES - 1);
	if (size_bytes == 0 || d->n == PSC_PE_SECTIONS_MAX)
		return true;
	struct psc_data_section *s = &d->sections[d->n];
	s->va = first;
	s->n = (size_t)size_bytes;
	s->bytes = calloc(1, s->n);
	if (!s->bytes)
		return false;
	d->n++;
	d->bytes_total += size_bytes;
	for (size_t off = 0; off < s->n; off += PSC_PAGE_BYTES) {
		struct psc_xlate x;
		const uint8_t *page = psc_page_at(&k->reader, first + off, &x);
		if (page)
			memcpy(s->bytes + off, page, PSC_PAGE_BYTES);
		else
			d->bytes_missing += PSC_PAGE_BYTES;
	}
	return true;
}

bool psc_kernel_data_read(struct psc_kernel *k, struct psc_kernel_data *ret)
{
	struct psc_pe_section sections[PSC_PE_SECTIONS_MAX];
	bool ok = true;
	memset(ret, 0, sizeof(*ret));
	if (k->base == 0)
		return false;
	size_t n = psc_pe_sections(&k->reader, k->base, sections, PSC_PE_SECTIONS_MAX);
	for (size_t i = 0; i < n && ok; i++)
		if ((sections[i].characteristics & SECTION_WRITABLE) && (sections[i].characteristics & SECTION_DATA) &&
		    !(sections[i].characteristics & SECTION_DISCARDABLE))
			ok = add(k, ret, k->base + sections[i].rva, sections[i].size_bytes);
	if (n == 0)
		ok = add(k, ret, k->base, k->id.size_of_image ? k->id.size_of_image : KERNEL_BYTES_DEFAULT);
	if (ok && ret->bytes_total > ret->bytes_missing)
		return true;
	psc_kernel_data_free(ret);
	return false;
}

void psc_kernel_data_free(struct psc_kernel_data *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->sections[i].bytes);
	memset(d, 0, sizeof(*d));
}

bool psc_kernel_data_holds(const struct psc_kernel_data *d, uint64_t va)
{
	for (size_t i = 0; i < d->n; i++)
		if (va >= d->sections[i].va && va - d->sections[i].va < d->sections[i].n)
			return true;
	return false;
}

uint64_t psc_data_word(const struct psc_kernel *k, const struct psc_data_section *s, size_t i)
{
	return psc_pointer_bytes(&k->space) == 4 ? psc_le32(s->bytes + 4 * i) : psc_le64(s->bytes + 8 * i);
}
