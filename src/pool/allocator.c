/* SPDX-License-Identifier: MIT */
/* Which allocator serves small blocks. Reference: pool 6.1: classic to 17134, heap from 18362 [V]; 17763 has both and
 * is decided from memory. */
#include "pool/internal.h"

/* _EX_POOL_HEAP_MANAGER_STATE of x64 17763, reference: pool 6.2 [V]. */
#define STATE_NUMBER_OF_POOLS 0x30c8u
#define STATE_POOL_NODE       0x3100u
#define NODES_MAX             0x40u
#define HEAP_NONPAGED_NX      1u
#define HEAP_SIGNATURE        0x10u
#define SIGNATURE             0xddeeddeeu
#define STATE_HEAP_BACKED     3u

static bool has_heaps(struct psc_kernel *k)
{
	uint64_t state = psc_kernel_sym(k, PSC_SYM_ExPoolState), heap;
	uint32_t n, signature;
	return state != 0 && psc_kernel_is_64bit(k) && psc_read_u32(&k->reader, state + STATE_NUMBER_OF_POOLS, &n) &&
	       n >= 1 && n <= NODES_MAX &&
	       psc_read_u64(&k->reader, state + STATE_POOL_NODE + HEAP_NONPAGED_NX * 8, &heap) &&
	       psc_is_kernel_va(&k->space, heap) && psc_read_u32(&k->reader, heap + HEAP_SIGNATURE, &signature) &&
	       signature == SIGNATURE;
}

enum psc_allocator psc_pool_allocator(struct psc_kernel *k)
{
	uint32_t build = k->id.build, state;
	if (build == 0)
		return PSC_ALLOCATOR_UNKNOWN;
	if (build < 17763)
		return PSC_ALLOCATOR_CLASSIC;
	if (build >= 18300) /* 18326 is heap-backed as well [V] */
		return PSC_ALLOCATOR_SEGMENT_HEAP;
	if (psc_kernel_read_u32(k, PSC_SYM_ExpHeapBackedPoolEnabledState, &state))
		return state == STATE_HEAP_BACKED && has_heaps(k) ? PSC_ALLOCATOR_SEGMENT_HEAP : PSC_ALLOCATOR_CLASSIC;
	if (has_heaps(k) || k->inferred_heap > 0)
		return PSC_ALLOCATOR_SEGMENT_HEAP;
	return k->inferred_heap < 0 ? PSC_ALLOCATOR_CLASSIC : PSC_ALLOCATOR_UNKNOWN;
}
