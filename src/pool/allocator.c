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

/* What memory says of the first node: its heap, something else, or nothing because the page is missing. */
enum evidence { EVIDENCE_MISSING, EVIDENCE_HEAP, EVIDENCE_NONE };

static enum evidence look_at_heaps(struct psc_kernel *k)
{
	uint64_t state = psc_kernel_sym(k, PSC_SYM_ExPoolState), heap;
	uint32_t n, signature;
	if (state == 0 || !psc_kernel_is_64bit(k))
		return EVIDENCE_MISSING;
	if (psc_read_u32(&k->reader, state + STATE_NUMBER_OF_POOLS, &n) && (n < 1 || n > NODES_MAX))
		return EVIDENCE_NONE;
	if (!psc_read_u64(&k->reader, state + STATE_POOL_NODE + HEAP_NONPAGED_NX * 8, &heap))
		return EVIDENCE_MISSING;
	if (!psc_is_kernel_va(&k->space, heap))
		return EVIDENCE_NONE;
	if (!psc_read_u32(&k->reader, heap + HEAP_SIGNATURE, &signature))
		return EVIDENCE_MISSING;
	return signature == SIGNATURE ? EVIDENCE_HEAP : EVIDENCE_NONE;
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
	enum evidence e = look_at_heaps(k);
	if (psc_kernel_read_u32(k, PSC_SYM_ExpHeapBackedPoolEnabledState, &state))
		return state == STATE_HEAP_BACKED && e != EVIDENCE_NONE ? PSC_ALLOCATOR_SEGMENT_HEAP
									: PSC_ALLOCATOR_CLASSIC;
	if (e == EVIDENCE_HEAP || k->inferred_heap > 0)
		return PSC_ALLOCATOR_SEGMENT_HEAP;
	return k->inferred_heap < 0 ? PSC_ALLOCATOR_CLASSIC : PSC_ALLOCATOR_UNKNOWN;
}
