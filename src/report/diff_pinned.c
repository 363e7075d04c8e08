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
	bool is_unread;  /* one holds it, and not all of its contents are in the dumps */
};

struct pinning {
	struct psc_diff *d;
	struct psc_kernel *const *kernels;
	const struct psc_diff_options *o;
	struct {
		struct item *items;
		size_t n, cap;
	} window;
	uint64_t next;   /* where the next window begins; 0: no more */
	size_t n_kernel; /* items of the window that the kernel's page tables map: they come first */
	size_t at;       /* of the stream among these */
	bool is_done;    /* no more of the stream is needed */
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
	item->is_unread = false;
	return true;
}

enum sameness { SAME, DIFFERENT, NOT_READ };

static enum sameness compare(struct pinning *p, const struct item *i, const struct psc_block_row *b, uint64_t va,
			     size_t n)
{
	size_t n_a = psc_block_read_at(&p->first, p->kernels[0], i->page_tables, va, p->a, n);
	size_t n_b = psc_block_read_at(&p->other, p->kernels[p->dump], b->page_tables, va, p->b, n);
	if (memcmp(p->a, p->b, n_a < n_b ? n_a : n_b) != 0)
		return DIFFERENT;
	return n_a == n && n_b == n ? SAME : NOT_READ;
}

/* A page that one of the dumps lacks hides none that both have. */
static enum sameness same_contents(struct pinning *p, const struct item *i, const struct psc_block_row *b)
{
	enum sameness all = SAME;
	for (uint64_t off = 0, step; off < i->size_bytes; off += step) {
		const uint64_t va = i->va + off, left = i->size_bytes - off;
		enum sameness s = SAME;
		step = left < CHUNK_BYTES ? left : CHUNK_BYTES;
		s = compare(p, i, b, va, (size_t)step);
		if (s == NOT_READ && step > PSC_PAGE_BYTES - va % PSC_PAGE_BYTES) {
			step = PSC_PAGE_BYTES - va % PSC_PAGE_BYTES;
			s = compare(p, i, b, va, (size_t)step);
		}
		if (s == DIFFERENT)
			return DIFFERENT;
		if (s == NOT_READ)
			all = NOT_READ;
	}
	return all;
}

/* By page tables: sessions may each have a block at one address. */
static int by_place(const void *pa, const void *pb)
{
	const struct item *a = (const struct item *)pa, *b = (const struct item *)pb;
	if (a->page_tables != b->page_tables)
		return a->page_tables < b->page_tables ? -1 : 1;
	return (a->header_va > b->header_va) - (a->header_va < b->header_va);
}

/* What the kernel maps comes in address order, each session's by itself. */
static struct item *find_item(struct pinning *p, const struct psc_block_row *b)
{
	if (b->page_tables != 0) {
		const struct item key = {.page_tables = b->page_tables, .header_va = b->header_va};
		return (struct item *)bsearch(&key, p->window.items + p->n_kernel, p->window.n - p->n_kernel,
					      sizeof(key), by_place);
	}
	while (p->at < p->n_kernel && p->window.items[p->at].header_va < b->header_va)
		p->at++;
	p->is_done = p->at == p->n_kernel && p->n_kernel == p->window.n;
	return p->at < p->n_kernel ? &p->window.items[p->at] : NULL;
}

static bool match(void *arg, const struct psc_block_row *b)
{
	struct pinning *p = (struct pinning *)arg;
	struct item *i = find_item(p, b);
	if (i == NULL)
		return !p->is_done;
	const struct psc_diff_row *row = &p->d->items[i->row];
	if (i->header_va == b->header_va && i->block_bytes == b->block_bytes && row->pool == b->pool &&
	    memcmp(row->tag, b->tag, 4) == 0 && i->n_same + 1u == p->dump) {
		enum sameness s = same_contents(p, i, b);
		i->n_same += s == SAME;
		i->is_unread = s == NOT_READ;
	}
	return true;
}

static void sort_window(struct pinning *p)
{
	size_t n = 0;
	/* Of sessions that share addresses some may lie above the end already: they are of the next window. */
	for (size_t i = 0; i < p->window.n; i++)
		if (p->next == 0 || p->window.items[i].header_va < p->next)
			p->window.items[n++] = p->window.items[i];
	p->window.n = n;
	if (n > 1)
		qsort(p->window.items, n, sizeof(p->window.items[0]), by_place);
	for (p->n_kernel = 0; p->n_kernel < n && p->window.items[p->n_kernel].page_tables == 0;)
		p->n_kernel++;
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
	sort_window(p);
	for (p->dump = 1; p->dump < p->d->n_dumps; p->dump++) {
		p->at = 0;
		p->is_done = false;
		blocks = NULL;
		st = psc_blocks_list(p->kernels[p->dump], bo, match, p, &blocks, reterr);
		psc_blocks_free(blocks);
		if (st != PSC_OK && !p->is_done)
			return st;
	}
	for (size_t i = 0; i < p->window.n; i++) {
		const struct item *item = &p->window.items[i];
		struct psc_diff_row *r = &p->d->items[item->row];
		if (item->is_unread)
			continue;
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
