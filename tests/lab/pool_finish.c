/* SPDX-License-Identifier: MIT */
/* Pool descriptors: free lists, pending frees, counters (pool.md 3.1, 3.2, 3.6). */
#include "machine.h"
#include <stdlib.h>
#include <string.h>

static const char type[] = "_POOL_DESCRIPTOR";

static void write_counters(struct lab_machine *m, const struct lab_stream *s)
{
	uint64_t d = s->descriptor_va, more = 40 + s->index;
	/* From 14393 pairs of lifetime counters; before, what is in use. */
	if (lab_put_field(m, d, type, "PagesAllocated", s->pages + more)) {
		lab_put_field(m, d, type, "PagesDeallocated", more);
		lab_put_field(m, d, type, "BigPagesAllocated", s->big_pages + more);
		lab_put_field(m, d, type, "BigPagesDeallocated", more);
		lab_put_field(m, d, type, "BytesAllocated", s->bytes + more * 64);
		lab_put_field(m, d, type, "BytesDeallocated", more * 64);
		lab_put_field(m, d, type, "RunningDeallocs", s->frees);
	} else {
		lab_put_field(m, d, type, "TotalPages", s->pages);
		lab_put_field(m, d, type, "TotalBigPages", s->big_pages);
		lab_put_field(m, d, type, "TotalBytes", s->bytes);
		lab_put_field(m, d, type, "RunningDeAllocs", s->frees);
	}
	lab_put_field(m, d, type, "RunningAllocs", s->allocs);
	lab_put_field(m, d, type, "PoolIndex", s->index);
	lab_put_field(m, d, type, "PoolType", s->pool == LAB_POOL_PAGED ? 1 : s->nx ? 0x200 : 0);
}

static int by_units(const void *a, const void *b)
{
	const struct lab_free_block *x = a, *y = b;
	return (int)x->units - (int)y->units;
}

static void mark_links(struct lab_machine *m, uint64_t va)
{
	uint32_t ptr = lab_ptr_size(m->b);
	lab_put_ptr(m, va, lab_get_ptr(m, va) | 1);
	lab_put_ptr(m, va + ptr, lab_get_ptr(m, va + ptr) | 1);
}

static void write_free_lists(struct lab_machine *m, struct lab_stream *s)
{
	uint32_t heads = lab_offset(m->b, type, "ListHeads"), ptr = lab_ptr_size(m->b);
	uint32_t n_lists = lab_field_size(m->b, type, "ListHeads") / (2 * ptr);
	uint64_t *nodes = lab_xrealloc(NULL, (s->n_free + 1) * sizeof *nodes);
	size_t at = 0;
	if (s->n_free)
		qsort(s->free, s->n_free, sizeof *s->free, by_units);
	for (uint32_t units = 1; units <= n_lists; units++) {
		size_t n = 0;
		while (at < s->n_free && s->free[at].units == units)
			nodes[n++] = s->free[at++].links_va;
		uint64_t head = s->descriptor_va + heads + (uint64_t)(units - 1) * 2 * ptr;
		lab_link_list(m, head, nodes, n);
		if (!m->b->like_reactos)
			continue;
		mark_links(m, head);
		while (n)
			mark_links(m, nodes[--n]);
	}
	free(nodes);
}

static void write_pending(struct lab_machine *m, struct lab_stream *s)
{
	uint64_t head = s->descriptor_va + lab_offset(m->b, type, "PendingFrees"), at = head;
	for (size_t i = 0; i < s->n_pending; i++) {
		lab_put_ptr(m, at, s->pending[i]);
		at = s->pending[i];
	}
	if (s->n_pending)
		lab_put_ptr(m, at, 0);
	lab_chain_add(m, head, s->pending, s->n_pending);
	s->pending = NULL;
	lab_put_field(m, s->descriptor_va, type, "PendingFreeDepth", s->n_pending);
}

void lab_pool_finish(struct lab_machine *m)
{
	const struct lab_build *b = m->b;
	uint32_t ptr = lab_ptr_size(b);
	if (!lab_has_type(b, type))
		return;
	uint32_t size = lab_type_size(b, type);
	uint64_t nonpaged = lab_global_va(m, "NonPagedPoolDescriptor"), paged_first = 0;
	for (size_t i = 0; i < m->n_streams; i++) {
		struct lab_stream *s = &m->streams[i];
		if (s->pool == LAB_POOL_NONPAGED) {
			s->descriptor_va = nonpaged + (s->nx ? size : 0);
		} else {
			s->descriptor_va = lab_system_bytes(m, size);
			lab_put_ptr(m, lab_global_va(m, "ExpPagedPoolDescriptor") + s->index * ptr, s->descriptor_va);
			if (!s->index)
				paged_first = s->descriptor_va;
		}
		write_counters(m, s);
		/* 18362 keeps the counters only. */
		if (!lab_has_field(b, type, "ListHeads"))
			continue;
		write_free_lists(m, s);
		write_pending(m, s);
	}
	lab_put_ptr(m, lab_global_va(m, "ExpNonPagedPoolDescriptor"), nonpaged);
	lab_put_ptr(m, lab_global_va(m, "PoolVector"), nonpaged);
	lab_put_ptr(m, lab_global_va(m, "PoolVector") + ptr, paged_first);
	lab_set_global32(m, "ExpNumberOfPagedPools", m->n_paged_descriptors);
	lab_set_global32(m, "ExpNumberOfNonPagedPools", 1);
}
