/* SPDX-License-Identifier: MIT */
/* The kernel's own counters of pages handed to a pool. Reference: pool 9 [V]. */
#include "pool/internal.h"

#define PAGES_MAX ((uint64_t)1 << 36)
#define NODES_MAX 64u

static bool set(struct psc_pool_counter *ret, uint64_t pages, const char *source)
{
	if (pages == 0 || pages > PAGES_MAX)
		return false;
	ret->known = true;
	ret->bytes = pages * PSC_PAGE_BYTES;
	ret->source = source;
	return true;
}

static bool read_member(struct psc_kernel *k, uint64_t base, enum psc_field_id f, uint64_t *ret)
{
	uint64_t va = psc_member_va(k, base, f);
	return va != 0 && psc_read_ptr(&k->reader, va, ret);
}

/* Up to 17763 each node counts as well: for kernels whose total is not readable. */
static bool sum_nodes(struct psc_kernel *k, uint64_t state, uint64_t *ret)
{
	uint64_t hardware = psc_member_va(k, state, PSC_FIELD_MI_SYSTEM_INFORMATION_Hardware), node, lo, pages;
	const struct psc_field *f =
		psc_profile_field(&k->profile, PSC_FIELD_MI_SYSTEM_NODE_INFORMATION_AllocatedNonPagedPool);
	*ret = 0;
	if (!f || f->struct_size == 0 ||
	    !read_member(k, hardware, PSC_FIELD_MI_HARDWARE_STATE_SystemNodeInformation, &node) ||
	    !psc_is_kernel_va(&k->space, node))
		return false;
	for (unsigned i = 0; i < NODES_MAX; i++, node += f->struct_size) {
		if (!read_member(k, node, PSC_FIELD_MI_SYSTEM_NODE_INFORMATION_NonPagedPoolFirstVa, &lo) ||
		    !psc_is_kernel_va(&k->space, lo) || !psc_read_ptr(&k->reader, node + f->offset, &pages) ||
		    pages > PAGES_MAX)
			break;
		*ret += pages;
	}
	return *ret != 0;
}

static void nonpaged(struct psc_kernel *k, struct psc_pool_counter *ret)
{
	uint64_t pages, state = psc_kernel_sym(k, PSC_SYM_MiState);
	if (psc_kernel_read_ptr(k, PSC_SYM_MmAllocatedNonPagedPool, &pages) &&
	    set(ret, pages, "MmAllocatedNonPagedPool"))
		return;
	uint64_t pools = psc_member_va(k, state, PSC_FIELD_MI_SYSTEM_INFORMATION_Pools);
	if (read_member(k, pools, PSC_FIELD_MI_POOL_STATE_AllocatedNonPagedPool, &pages) &&
	    set(ret, pages, "MiState.Pools.AllocatedNonPagedPool"))
		return;
	if (sum_nodes(k, state, &pages) && set(ret, pages, "MiState.Hardware.SystemNodeInformation"))
		return;
	if (read_member(k, psc_visible_state_va(k), PSC_FIELD_MI_VISIBLE_STATE_NonPagedPoolCommit, &pages))
		(void)set(ret, pages, "MiVisibleState.NonPagedPoolCommit");
}

static void paged(struct psc_kernel *k, struct psc_pool_counter *ret)
{
	uint64_t pages;
	if (read_member(k, psc_kernel_sym(k, PSC_SYM_MmPagedPoolInfo), PSC_FIELD_MM_PAGED_POOL_INFO_AllocatedPagedPool,
			&pages) &&
	    set(ret, pages, "MmPagedPoolInfo.AllocatedPagedPool"))
		return;
	uint64_t info = psc_member_va(k, psc_visible_state_va(k), PSC_FIELD_MI_VISIBLE_STATE_PagedPoolInfo);
	if (read_member(k, info, PSC_FIELD_MM_PAGED_POOL_INFO_AllocatedPagedPool, &pages) &&
	    set(ret, pages, "MiVisibleState.PagedPoolInfo.AllocatedPagedPool"))
		return;
	if (k->kdbg.mm_paged_pool_commit != 0 && psc_read_ptr(&k->reader, k->kdbg.mm_paged_pool_commit, &pages))
		(void)set(ret, pages, "MmPagedPoolCommit");
}

void psc_pool_counters(struct psc_kernel *k, struct psc_pool_counter ret[2])
{
	ret[PSC_POOL_NONPAGED] = ret[PSC_POOL_PAGED] = (struct psc_pool_counter){0};
	nonpaged(k, &ret[PSC_POOL_NONPAGED]);
	paged(k, &ret[PSC_POOL_PAGED]);
}
