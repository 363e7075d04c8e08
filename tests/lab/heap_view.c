/* SPDX-License-Identifier: MIT */
/*
 * What a right reading of a damaged machine can know of each block of a segment heap (pool.md 6.6, 6.11, 10).
 *
 * A VS subsegment is read from chunk to chunk. Behind a header that is missing or broken the reader is lost until it
 * finds a chunk that leads to two further ones or exactly to the end.
 */
#include "heap.h"
#include <stdlib.h>
#include <string.h>

struct piece {
	uint64_t sub_va, chunk_va;
	size_t block; /* SIZE_MAX: a free chunk */
};

struct view {
	struct lab_machine *m;
	bool (*readable)(const struct lab_machine *m, uint64_t va, int which);
	int which;
	uint8_t *seen;
};

static int by_chunk(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;
	return (x->chunk_va > y->chunk_va) - (x->chunk_va < y->chunk_va);
}

static bool is_broken(const struct lab_machine *m, uint64_t va)
{
	for (size_t i = 0; i < m->n_broken; i++)
		if (m->broken[i] == va)
			return true;
	return false;
}

static bool can_read(const struct view *v, uint64_t va)
{
	return v->readable(v->m, va, v->which) && !is_broken(v->m, va);
}

/* The descriptors of a segment are on its first two pages. */
static bool has_descriptor(const struct view *v, uint64_t va)
{
	uint64_t segment = va & ~0xfffffull, at = segment + (va - segment) / LAB_PAGE * 0x20;
	return can_read(v, segment) && can_read(v, at & ~(uint64_t)(LAB_PAGE - 1)) && !is_broken(v->m, at);
}

static void see_lfh(const struct view *v, size_t i)
{
	const struct lab_block *b = &v->m->blocks[i];
	if (!has_descriptor(v, b->sub_va) || !can_read(v, b->sub_va))
		v->seen[i] = LAB_SEEN_MAYBE;
	else if (!can_read(v, b->outer_va))
		v->seen[i] = LAB_SEEN_STORAGE;
}

static void see_chunks(const struct view *v, const struct piece *p, size_t n)
{
	bool known = has_descriptor(v, p->sub_va) && can_read(v, p->sub_va), synced = known;
	for (size_t i = 0; i < n; i++) {
		size_t run = 0;
		uint8_t seen = LAB_SEEN;
		if (!can_read(v, p[i].chunk_va)) {
			synced = false;
			seen = LAB_SEEN_NOT;
		} else if (!synced) {
			while (i + run < n && can_read(v, p[i + run].chunk_va))
				run++;
			synced = known && (run >= 3 || i + run == n);
			/* Else perhaps, but nothing of it is sure. */
			seen = synced ? LAB_SEEN : LAB_SEEN_MAYBE;
		}
		if (p[i].block == SIZE_MAX)
			continue;
		const struct lab_block *b = &v->m->blocks[p[i].block];
		if (seen == LAB_SEEN && !b->is_big && !can_read(v, b->outer_va))
			seen = LAB_SEEN_STORAGE;
		v->seen[p[i].block] = seen;
	}
}

static void see_vs(const struct view *v)
{
	struct lab_machine *m = v->m;
	struct piece *p = NULL;
	size_t n = 0, cap = 0;
	for (size_t i = 0; i < m->n_blocks; i++)
		if (m->blocks[i].kind == LAB_KIND_VS) {
			LAB_GROW(p, n, cap);
			p[n++] = (struct piece){m->blocks[i].sub_va, m->blocks[i].chunk_va, i};
		}
	for (size_t k = 0; k < m->n_heaps; k++)
		for (size_t i = 0; i < m->heaps[k]->n_chunks; i++) {
			const struct heap_free_chunk *f = &m->heaps[k]->chunks[i];
			if (!f->va)
				continue;
			LAB_GROW(p, n, cap);
			p[n++] = (struct piece){m->heaps[k]->vs[f->vs].va, f->va, SIZE_MAX};
		}
	if (n)
		qsort(p, n, sizeof *p, by_chunk);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && p[end].sub_va == p[i].sub_va; end++)
			;
		see_chunks(v, p + i, end - i);
	}
	free(p);
}

uint8_t *lab_heap_seen(struct lab_machine *m, bool (*readable)(const struct lab_machine *m, uint64_t va, int which),
		       int which)
{
	struct view v = {m, readable, which, calloc(m->n_blocks + 1, 1)};
	if (!v.seen)
		lab_die("out of memory");
	see_vs(&v);
	for (size_t i = 0; i < m->n_blocks && m->b->heap_backed; i++) {
		const struct lab_block *b = &m->blocks[i];
		if (b->kind == LAB_KIND_LFH)
			see_lfh(&v, i);
		/* Without its header it might be a big block that its table lacks. */
		if (v.seen[i] == LAB_SEEN_STORAGE && b->outer_va % LAB_PAGE == 0 && b->heap_bytes > 0xff0)
			v.seen[i] = LAB_SEEN_MAYBE;
		if (b->kind == LAB_KIND_LFH)
			continue;
		if (b->kind == LAB_KIND_SPECIAL && !(has_descriptor(&v, b->sub_va) && can_read(&v, b->sub_va)))
			v.seen[i] = LAB_SEEN_MAYBE;
		else if (b->kind == LAB_KIND_SEGMENT &&
			 !(can_read(&v, b->sub_va) && can_read(&v, b->sub_va + LAB_PAGE)))
			v.seen[i] = LAB_SEEN_MAYBE;
		/* The root tells which heap is a special one, and holds the lookasides. */
		if (b->kind == LAB_KIND_SPECIAL && !can_read(&v, m->root_va))
			v.seen[i] = LAB_SEEN_MAYBE;
	}
	return v.seen;
}
