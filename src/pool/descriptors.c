/* SPDX-License-Identifier: MIT */
/* _POOL_DESCRIPTOR: the classic allocator's arenas. Reference: pool 3.1, 3.2 [V]. Each candidate must name its own
 * type, and where the layout has it its own index. */
#include "pool/internal.h"

#define NONPAGED_MAX   0x40u /* pointers in ExpNonPagedPoolDescriptor */
#define PAGED_MAX      0x41u
#define TYPE_NX        0x200u
#define COUNTER_PAIRS  14393u /* from here on Allocated / Deallocated */
#define DESCRIPTOR_MAX 0x2000u

static uint32_t descriptor_bytes(const struct psc_kernel *k)
{
	const struct psc_field *f = psc_profile_field(&k->profile, PSC_FIELD_POOL_DESCRIPTOR_PoolType);
	return f && f->struct_size <= DESCRIPTOR_MAX ? f->struct_size : 0;
}

static bool is_descriptor(struct psc_kernel *k, uint64_t va, bool paged, uint32_t index)
{
	uint64_t at_type = psc_member_va(k, va, PSC_FIELD_POOL_DESCRIPTOR_PoolType);
	uint64_t at_index = psc_member_va(k, va, PSC_FIELD_POOL_DESCRIPTOR_PoolIndex);
	uint32_t type, stored;
	if (at_type == 0 || !psc_is_kernel_va(&k->space, va) || va % 8 != 0 ||
	    !psc_read_u32(&k->reader, at_type, &type))
		return false;
	if (paged ? type != 1 : (type & ~TYPE_NX) != 0)
		return false;
	return at_index == 0 || (psc_read_u32(&k->reader, at_index, &stored) && stored == index);
}

static bool put(struct psc_kernel *k, struct psc_pool_descriptors *ret, uint64_t va, bool paged, uint32_t index)
{
	if (ret->n == PSC_DESCRIPTORS_MAX || !is_descriptor(k, va, paged, index))
		return false;
	for (size_t i = 0; i < ret->n; i++)
		if (ret->items[i].va == va)
			return true;
	ret->items[ret->n].va = va;
	ret->items[ret->n].is_paged = paged;
	ret->n++;
	return true;
}

/* From 8 on executable and NX lie side by side [V 9600-18362]. */
static bool put_nonpaged(struct psc_kernel *k, struct psc_pool_descriptors *ret, uint64_t va, uint32_t index)
{
	if (!put(k, ret, va, false, index))
		return false;
	if (k->id.build >= 9200)
		(void)put(k, ret, va + descriptor_bytes(k), false, index);
	return true;
}

static void find_nonpaged(struct psc_kernel *k, struct psc_pool_descriptors *ret)
{
	const unsigned ptr = psc_pointer_bytes(&k->space);
	uint64_t array = psc_kernel_sym(k, PSC_SYM_ExpNonPagedPoolDescriptor);
	uint64_t single = psc_kernel_sym(k, PSC_SYM_NonPagedPoolDescriptor), va;
	uint32_t n = 1;
	bool known = psc_kernel_read_u32(k, PSC_SYM_ExpNumberOfNonPagedPools, &n) && n >= 1 && n <= NONPAGED_MAX;
	if (!known)
		n = k->inferred_pools[0] != 0 ? k->inferred_pools[0] : 1;
	uint32_t found = 0;
	for (uint32_t i = 0; array != 0 && i < n && n > 1; i++)
		if (psc_read_ptr(&k->reader, array + (uint64_t)i * ptr, &va))
			found += put_nonpaged(k, ret, va, i);
	/* The static one is node 0's, or all there is; its index says so. */
	if (single != 0 && put_nonpaged(k, ret, single, 0) && found == 0)
		found = 1;
	if (found == 0 && psc_kernel_read_ptr(k, PSC_SYM_PoolVector, &va))
		found += put_nonpaged(k, ret, va, 0);
	ret->complete[PSC_POOL_NONPAGED] = found >= n;
	ret->n_indices[PSC_POOL_NONPAGED] = known && found >= n ? n : 0;
}

static void find_paged(struct psc_kernel *k, struct psc_pool_descriptors *ret)
{
	const unsigned ptr = psc_pointer_bytes(&k->space);
	const uint32_t size = descriptor_bytes(k);
	uint64_t array = psc_kernel_sym(k, PSC_SYM_ExpPagedPoolDescriptor), va, first = 0;
	uint32_t n = 0, found = 0;
	bool known = psc_kernel_read_u32(k, PSC_SYM_ExpNumberOfPagedPools, &n) && n < PAGED_MAX;
	if (!known) {
		known = k->inferred_pools[1] != 0;
		n = known ? k->inferred_pools[1] - 1 : 0;
	}
	for (uint32_t i = 0; array != 0 && i <= n; i++) {
		if (!psc_read_ptr(&k->reader, array + (uint64_t)i * ptr, &va))
			continue;
		if (i == 0)
			first = va;
		found += put(k, ret, va, true, i);
	}
	/* XP: one pointer to descriptors in a row (pool 3.1, 12). */
	for (uint32_t i = 1; found == 1 && n != 0 && size != 0 && i <= n; i++)
		if (put(k, ret, first + (uint64_t)i * size, true, i))
			found++;
		else
			break;
	if (found == 0 && psc_read_ptr(&k->reader, psc_kernel_sym(k, PSC_SYM_PoolVector) + ptr, &va))
		found += put(k, ret, va, true, 0);
	ret->complete[PSC_POOL_PAGED] = known && found > n;
	ret->n_indices[PSC_POOL_PAGED] = known && found > n ? n + 1 : 0;
}

void psc_pool_descriptors_find(struct psc_kernel *k, struct psc_pool_descriptors *ret)
{
	*ret = (struct psc_pool_descriptors){0};
	if (descriptor_bytes(k) == 0 || k->space.mmu == PSC_MMU_NONE)
		return;
	find_nonpaged(k, ret);
	find_paged(k, ret);
}

/* A counter of 4 or 8 bytes. */
static bool read_counter(struct psc_kernel *k, uint64_t va, enum psc_field_id f, uint64_t *ret)
{
	const struct psc_field *field = psc_profile_field(&k->profile, f);
	uint32_t v;
	if (!field)
		return false;
	if (field->size_bytes == 8)
		return psc_read_u64(&k->reader, va + field->offset, ret);
	if (!psc_read_u32(&k->reader, va + field->offset, &v))
		return false;
	*ret = v;
	return true;
}

static bool pages_of(struct psc_kernel *k, uint64_t va, uint64_t *ret)
{
	uint64_t a, b, c = 0, d = 0;
	if (k->id.build < COUNTER_PAIRS) {
		if (!read_counter(k, va, PSC_FIELD_POOL_DESCRIPTOR_TotalPages, &a) ||
		    !read_counter(k, va, PSC_FIELD_POOL_DESCRIPTOR_TotalBigPages, &b))
			return false;
	} else if (!read_counter(k, va, PSC_FIELD_POOL_DESCRIPTOR_PagesAllocated, &a) ||
		   !read_counter(k, va, PSC_FIELD_POOL_DESCRIPTOR_PagesDeallocated, &c) ||
		   !read_counter(k, va, PSC_FIELD_POOL_DESCRIPTOR_BigPagesAllocated, &b) ||
		   !read_counter(k, va, PSC_FIELD_POOL_DESCRIPTOR_BigPagesDeallocated, &d)) {
		return false;
	}
	*ret = a - c + (b - d);
	return true;
}

bool psc_pool_descriptors_pages(struct psc_kernel *k, const struct psc_pool_descriptors *d, bool paged,
				uint64_t *ret_pages)
{
	uint64_t sum = 0;
	if (!d->complete[paged ? PSC_POOL_PAGED : PSC_POOL_NONPAGED])
		return false;
	for (size_t i = 0; i < d->n; i++) {
		uint64_t pages;
		if (d->items[i].is_paged != paged)
			continue;
		if (!pages_of(k, d->items[i].va, &pages))
			return false;
		sum += pages; /* modulo: one descriptor may free what another allocated */
	}
	if (psc_kernel_is_64bit(k) && k->id.build >= COUNTER_PAIRS ? (int64_t)sum < 0 : (int32_t)(uint32_t)sum < 0)
		return false;
	*ret_pages = psc_kernel_is_64bit(k) && k->id.build >= COUNTER_PAIRS ? sum : (uint32_t)sum;
	return true;
}
