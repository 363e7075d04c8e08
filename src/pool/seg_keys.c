/* SPDX-License-Identifier: MIT */
/* The two keys of the segment heap: from the heap's globals, or solved. Reference: pool 6.2 [V], 6.11. */
#include "pool/seg.h"

#include <string.h>

/* _RTLP_HP_HEAP_GLOBALS [V]: HeapKey, LfhKey, pointers in size. */
static bool read_globals(struct psc_kernel *k, uint64_t va, struct psc_seg_keys *ret)
{
	uint64_t heap, lfh;
	if (va == 0 || !psc_read_ptr(&k->reader, va, &heap) ||
	    !psc_read_ptr(&k->reader, va + psc_pointer_bytes(&k->space), &lfh) || heap == 0 || lfh == 0)
		return false;
	ret->has_heap_key = ret->has_lfh_low = ret->has_lfh_high = true;
	ret->heap_key = heap;
	ret->lfh_key = lfh;
	ret->heap_source = ret->lfh_source = "symbol";
	return true;
}

struct psc_pool_keys psc_seg_keys_public(const struct psc_seg_keys *k)
{
	return (struct psc_pool_keys){
		.has_heap_key = k->has_heap_key,
		.heap_key = k->heap_key,
		.heap_key_source = k->heap_source,
		.heap_key_votes = k->heap_votes,
		.has_lfh_key_low32 = k->has_lfh_low,
		.lfh_key_low32 = (uint32_t)k->lfh_key,
		.lfh_key_source = k->lfh_source,
		.lfh_key_votes = k->lfh_votes,
	};
}

enum psc_status psc_seg_keys_find(struct psc_kernel *k, struct psc_seg_keys *ret, struct psc_error *reterr)
{
	uint64_t globals;
	memset(ret, 0, sizeof(*ret));
	if (psc_pool_allocator(k) == PSC_ALLOCATOR_CLASSIC || k->id.build == 0)
		return PSC_OK;
	if (read_globals(k, psc_kernel_sym(k, PSC_SYM_RtlpHpHeapGlobals), ret) ||
	    (psc_kernel_read_ptr(k, PSC_SYM_ExPoolState, &globals) && psc_is_kernel_va(&k->space, globals) &&
	     read_globals(k, globals, ret)))
		return PSC_OK;
	if (psc_image_get_kind(k->img) != PSC_IMAGE_VIRTUAL)
		return PSC_OK;
	enum psc_status r = psc_seg_solve_heap_key(k, ret, reterr);
	return r == PSC_OK ? psc_seg_solve_lfh_key(k, ret, reterr) : r;
}
