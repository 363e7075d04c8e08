/* SPDX-License-Identifier: MIT */
/* KiProcessorBlock: an array of pointers to processor control blocks (reference: kernel 8). */
#include "kernel/internal.h"

#include "util/error.h"
#include "util/hashmap.h"
#include <inttypes.h>

#define BUILD_7 7600u

/* KPRCB.Number where the debugger data block does not say (reference: kernel 9 [V 7601-22000], 9b [1]). */
static unsigned number_offset(const struct psc_kernel *k)
{
	bool is_old = k->id.build < BUILD_7;
	if (k->kdbg.offset_prcb_number)
		return k->kdbg.offset_prcb_number;
	if (k->space.is_32bit)
		return is_old ? 0x10 : 0x3cc;
	return is_old ? 4 : 0x24;
}

/* The array's length in that system; only so many slots can be read without leaving it. */
static unsigned slots_of(const struct psc_kernel *k)
{
	if (k->space.is_32bit)
		return 32;
	return k->id.build < BUILD_7 ? 64 : k->id.build < 9200 ? 256 : k->id.build < 14393 ? 640 : 2048;
}

/* The number is a byte up to Vista, 32 bits from 7 on. */
static bool is_prcb(struct psc_kernel *k, uint64_t va, unsigned index)
{
	uint32_t number = 0;
	uint8_t byte = 0;
	if (!psc_is_kernel_va(&k->space, va) || va % psc_pointer_bytes(&k->space))
		return false;
	if (k->id.build >= BUILD_7)
		return psc_read_u32(&k->reader, va + number_offset(k), &number) && number == index;
	return psc_read_u8(&k->reader, va + number_offset(k), &byte) && byte == index;
}

static unsigned expected_processors(struct psc_kernel *k)
{
	const struct psc_dump_header *h = psc_image_header(k->img);
	uint32_t n = 0;
	if (psc_header_has(h, PSC_HDR_PROCESSORS))
		n = h->processors;
	else if (psc_kernel_read_u32(k, PSC_SYM_KeNumberProcessors, &n) && k->id.build < BUILD_7)
		n &= 0xff;
	return n > slots_of(k) ? slots_of(k) : (unsigned)n;
}

static enum psc_status collect(struct psc_kernel *k, uint64_t array, unsigned expected, unsigned *ret_bad,
			       struct psc_hashmap *visited, struct psc_error *reterr)
{
	unsigned ptr = psc_pointer_bytes(&k->space), max = slots_of(k);
	k->prcb = psc_arena_alloc_array(&k->arena, max, sizeof(*k->prcb));
	if (!k->prcb)
		return psc_fail_no_memory(reterr);
	for (unsigned i = 0; i < max; i++) {
		uint64_t va = 0;
		bool is_new = false;
		bool is_readable = psc_read_ptr(&k->reader, array + (uint64_t)i * ptr, &va);
		if (!is_readable || !is_prcb(k, va, i)) {
			if (i >= expected)
				break;
			*ret_bad += !is_readable || va != 0;
			continue;
		}
		if (!psc_hashset_add(visited, va, &is_new))
			return psc_fail_no_memory(reterr);
		if (is_new)
			k->prcb[k->n_prcb++] = va;
	}
	return PSC_OK;
}

enum psc_status psc_kernel_find_processors(struct psc_kernel *k, struct psc_error *reterr)
{
	uint64_t array = psc_kernel_sym(k, PSC_SYM_KiProcessorBlock);
	unsigned expected = expected_processors(k), n_bad = 0;
	struct psc_hashmap visited;
	if (!psc_is_kernel_va(&k->space, array))
		return PSC_OK;
	psc_hashmap_init(&visited, 0, 0);
	enum psc_status st = collect(k, array, expected, &n_bad, &visited, reterr);
	psc_hashmap_deinit(&visited);
	if (st == PSC_OK && n_bad)
		psc_warn(&k->warnings, "%u of %u processor control blocks are not readable or not what they should be",
			 n_bad, expected);
	else if (st == PSC_OK && expected && k->n_prcb != expected)
		psc_warn(&k->warnings, "The header says %u processors, %zu were found", expected, k->n_prcb);
	return st;
}
