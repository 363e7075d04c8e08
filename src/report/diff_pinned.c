/* SPDX-License-Identifier: MIT */
/* Blocks that stand still: at the same address, of the same size and tag, and with the same contents in all dumps.
 * Blocks of the first dump are taken a window of addresses at a time; the others stream past it. */
#include "report/blocks.h"
#include "report/diff.h"
#include "util/error.h"
#include "util/vec.h"
#include <stdlib.h>
#include <string.h>

#define WINDOW_BLOCKS ((size_t)1 << 19)
#define CHUNK_BYTES   ((size_t)65536)

struct item {
	uint64_t va, header_va, size_bytes, block_bytes, page_tables;
	uint32_t row;
	uint16_t n_same; /* dumps after the first that hold it unchanged */
};

struct pinning {
	struct psc_diff *d;
	struct psc_kernel *const *kernels;
	const struct psc_diff_options *o;
	struct {
		struct item *items;
		size_t n, cap;
	} window;
	uint64_t next; /* where the next window begins; 0: no more */
	size_t at;     /* of the stream in the window */
	size_t dump;
	uint8_t *a, *b;
	struct psc_block_reader first, other;
	bool failed;
};

static bool take_first(void *arg, const struct psc_block_row *b)
{
	struct pinning *p = (struct pinning *)arg;
	struct item *item;
	if (p->window.n == WINDOW_BLOCKS) {
		p->next = b->header_va;
		return false;
	}
	struct psc_hashkey key =
		psc_diff_tag_key(b->tag, b->pool, p->o->by == PSC_DIFF_BY_TAG_SIZE ? b->block_bytes : 0);
	const uint32_t *row = (const uint32_t *)psc_hashmap_get(&p->d->index, key);
	if (row == NULL)
		return true;
	if (!PSC_VEC_RESERVE_ONE(&p->window)) {
		p->failed = true;
		return false;
	}
	item = &p->window.items[p->window.n++];
	item->va = b->va;
	item->header_va = b->header_va;
	item->size_bytes = b->size_bytes;
	item->block_bytes = b->block_bytes;
	item->page_tables = b->page_tables;
	item->row = *row;
	item->n_same = 0;
	return true;
}

static bool same_contents(struct pinning *p, const struct item *i, const struct psc_block_row *b)
{
	const uint64_t va = i->va, n = i->size_bytes;
	for (uint64_t off = 0; off < n; off += CHUNK_BYTES) {
		size_t chunk = n - off < CHUNK_BYTES ? (size_t)(n - off) : CHUNK_BYTES;
		if (psc_block_read_at(&p->first, p->kernels[0], i->page_tables, va + off, p->a, chunk) != chunk ||
		    psc_block_read_at(&p->other, p->kernels[p->dump], b->page_tables, va + off, p->b, chunk) != chunk ||
		    memcmp(p->a, p->b, chunk) != 0)
			return false;
	}
	return true;
}

static bool match(void *arg, const struct psc_block_row *b)
{
	struct pinning *p = (struct pinning *)arg;
	while (p->at < p->window.n && p->window.items[p->at].header_va < b->header_va)
		p->at++;
	if (p->at == p->window.n)
		return false;
	struct item *i = &p->window.items[p->at];
	const struct psc_diff_row *row = &p->d->items[i->row];
	if (i->header_va == b->header_va && i->block_bytes == b->block_bytes && row->pool == b->pool &&
	    memcmp(row->tag, b->tag, 4) == 0 && i->n_same + 1u == p->dump && same_contents(p, i, b))
		i->n_same++;
	return true;
}

static enum psc_status one_window(struct pinning *p, struct psc_blocks_options *bo, struct psc_error *reterr)
{
	struct psc_blocks *blocks = NULL;
	bo->lo = p->next;
	bo->hi = 0;
	p->next = 0;
	p->window.n = 0;
	enum psc_status st = psc_blocks_list(p->kernels[0], bo, take_first, p, &blocks, reterr);
	psc_blocks_free(blocks);
	if (p->failed)
		return psc_fail_no_memory(reterr);
	if (st != PSC_OK && p->next == 0)
		return st;
	bo->hi = p->next;
	for (p->dump = 1; p->dump < p->d->n_dumps; p->dump++) {
		p->at = 0;
		blocks = NULL;
		st = psc_blocks_list(p->kernels[p->dump], bo, match, p, &blocks, reterr);
		psc_blocks_free(blocks);
		if (st != PSC_OK && p->at < p->window.n)
			return st;
	}
	for (size_t i = 0; i < p->window.n; i++) {
		const struct item *item = &p->window.items[i];
		struct psc_diff_row *r = &p->d->items[item->row];
		r->compared++;
		r->compared_bytes += item->block_bytes;
		if (item->n_same + 1u == p->d->n_dumps) {
			r->pinned++;
			r->pinned_bytes += item->block_bytes;
		}
	}
	return PSC_OK;
}

enum psc_status psc_diff_find_pinned(struct psc_diff *d, struct psc_kernel *const *kernels,
				     const struct psc_diff_options *o, struct psc_error *reterr)
{
	struct pinning p;
	struct psc_blocks_options bo = PSC_BLOCKS_OPTIONS_INIT;
	enum psc_status st = PSC_OK;
	if (d->relation.boot == PSC_BOOT_OTHER) {
		psc_warn(&d->warnings, "no block can be pinned: the dumps are of different boots");
		return PSC_OK;
	}
	memset(&p, 0, sizeof(p));
	p.d = d;
	p.kernels = kernels;
	p.o = o;
	p.a = (uint8_t *)malloc(CHUNK_BYTES);
	p.b = (uint8_t *)malloc(CHUNK_BYTES);
	bo.n_threads = o->n_threads;
	bo.tag = o->tag;
	bo.pools = o->pools;
	bo.progress = o->progress;
	bo.progress_arg = o->progress_arg;
	if (p.a == NULL || p.b == NULL)
		st = psc_fail_no_memory(reterr);
	do {
		if (st == PSC_OK)
			st = one_window(&p, &bo, reterr);
	} while (st == PSC_OK && p.next != 0);
	for (size_t i = 0; i < d->n && st == PSC_OK; i++)
		d->items[i].has_pinned = true;
	psc_block_reader_deinit(&p.first);
	psc_block_reader_deinit(&p.other);
	free(p.window.items);
	free(p.a);
	free(p.b);
	return st;
}
