/* SPDX-License-Identifier: MIT */
#include "kernel/internal.h"

#include "util/bytes.h"
#include "util/error.h"
#include <inttypes.h>

#define ENTRIES        50u
#define NAME_BYTES_MAX 520u

/* UNLOADED_DRIVERS; reference: kernel 6 [2]. */
struct layout {
	uint8_t bytes, start, end;
};
static const struct layout layout32 = {0x18, 8, 0xc};
static const struct layout layout64 = {0x28, 0x10, 0x18};

static enum psc_status add(struct psc_kernel *k, size_t *cap, const struct layout *l, const uint8_t *e,
			   struct psc_error *reterr)
{
	uint64_t start = k->space.is_32bit ? psc_le32(e + l->start) : psc_le64(e + l->start);
	uint64_t end = k->space.is_32bit ? psc_le32(e + l->end) : psc_le64(e + l->end);
	if (end <= start || !psc_is_kernel_va(&k->space, start) || end - start > UINT32_MAX)
		return PSC_OK;
	struct psc_module *m = psc_kernel_add_module(k, cap);
	if (!m)
		return psc_fail_no_memory(reterr);
	m->base = start;
	m->size_bytes = end - start;
	m->unloaded = true;
	m->name = psc_unicode_string(k, e, NAME_BYTES_MAX);
	if (!m->name)
		m->name = psc_base_size_text(k, start, end - start);
	return PSC_OK;
}

/* Newest first: backwards from the slot before the next free one, around the end of the array. */
enum psc_status psc_kernel_add_unloaded(struct psc_kernel *k, size_t *cap, struct psc_error *reterr)
{
	const struct layout *l = k->space.is_32bit ? &layout32 : &layout64;
	uint64_t table;
	uint32_t next = 0;
	if (!psc_kernel_read_ptr(k, PSC_SYM_MmUnloadedDrivers, &table) || !psc_is_kernel_va(&k->space, table))
		return PSC_OK;
	if (!psc_kernel_read_u32(k, PSC_SYM_MmLastUnloadedDriver, &next) || next > ENTRIES) {
		psc_warn(&k->warnings,
			 "MmLastUnloadedDriver is missing or wrong (%" PRIu32 "): unloaded drivers are "
			 "listed in the order of their slots",
			 next);
		next = ENTRIES;
	}
	for (unsigned i = 0; i < ENTRIES; i++) {
		uint8_t e[0x28];
		unsigned slot = (next + 2 * ENTRIES - 1 - i) % ENTRIES;
		if (psc_read_va(&k->reader, table + (uint64_t)slot * l->bytes, e, l->bytes) != l->bytes)
			continue;
		enum psc_status st = add(k, cap, l, e, reterr);
		if (st != PSC_OK)
			return st;
	}
	return PSC_OK;
}
