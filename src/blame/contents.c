/* SPDX-License-Identifier: MIT */
#include "blame/contents.h"

#include "util/bytes.h"
#include "util/error.h"
#include "util/hashmap.h"
#include "util/rangeset.h"
#include "util/vec.h"
#include <stdlib.h>
#include <string.h>

#define BLOCKS_DEFAULT 16384u
#define BYTES_DEFAULT  4096u
#define BYTES_MAX      (1u << 20)
#define BLOCKS_MAX     (1u << 22)
#define POINTERS_MAX   ((size_t)1 << 18)

/* A block that may be read: the heap's first item is the one to give way. */
struct candidate {
	uint64_t hash, va, top_pa;
	uint32_t bytes; /* at most max_bytes */
};

struct tally {
	uint64_t blocks, with_pointer;
};

struct pointer {
	uint32_t offset;
	uint64_t va, count;
};

struct psc_contents {
	struct psc_kernel *k;
	struct psc_pool_rules rules;
	size_t max_blocks;
	uint32_t max_bytes;
	unsigned ptr;
	struct {
		struct candidate *items;
		size_t n, cap;
	} kept;
	struct psc_rangeset modules; /* data: index */
	struct tally *offsets;       /* by offset / ptr */
	size_t n_offsets;
	struct psc_hashmap pointers; /* {offset, va} -> uint64_t */
	struct psc_arena arena;
	struct psc_block_reader reader;
	struct psc_contents_result result;
};

enum psc_status psc_contents_new(struct psc_kernel *k, const struct psc_contents_options *opts,
				 struct psc_contents **ret, struct psc_error *reterr)
{
	struct psc_contents *c = (struct psc_contents *)calloc(1, sizeof(*c));
	if (c == NULL)
		return psc_fail_no_memory(reterr);
	c->k = k;
	c->ptr = psc_pointer_bytes(&k->space);
	c->max_blocks = opts != NULL && opts->max_blocks != 0 ? opts->max_blocks : BLOCKS_DEFAULT;
	c->max_bytes = opts != NULL && opts->max_bytes != 0 ? opts->max_bytes : BYTES_DEFAULT;
	if (c->max_blocks > BLOCKS_MAX)
		c->max_blocks = BLOCKS_MAX;
	if (c->max_bytes > BYTES_MAX)
		c->max_bytes = BYTES_MAX;
	psc_pool_rules_init(&c->rules, k->id.build, !k->space.is_32bit);
	psc_hashmap_init(&c->pointers, sizeof(uint64_t), POINTERS_MAX);
	for (size_t i = 0; i < k->n_loaded; i++) {
		const struct psc_module *m = &k->modules[i];
		if (m->size_bytes <= UINT64_MAX - m->base &&
		    !psc_rangeset_add(&c->modules, m->base, m->base + m->size_bytes, i)) {
			psc_contents_free(c);
			return psc_fail_no_memory(reterr);
		}
	}
	(void)psc_rangeset_seal(&c->modules);
	*ret = c;
	return PSC_OK;
}

void psc_contents_free(struct psc_contents *c)
{
	if (c == NULL)
		return;
	free(c->kept.items);
	free(c->offsets);
	psc_rangeset_deinit(&c->modules);
	psc_hashmap_deinit(&c->pointers);
	psc_arena_deinit(&c->arena);
	psc_block_reader_deinit(&c->reader);
	free(c);
}

/* ---- which blocks ---- */

/* Scatters addresses evenly, the same way in every run. */
static uint64_t scatter(uint64_t v)
{
	v ^= v >> 30;
	v *= UINT64_C(0xbf58476d1ce4e5b9);
	v ^= v >> 27;
	v *= UINT64_C(0x94d049bb133111eb);
	return v ^ v >> 31;
}

static bool gives_way(const struct candidate *a, const struct candidate *b)
{
	return a->hash != b->hash ? a->hash > b->hash : a->va > b->va;
}

static void swap(struct candidate *a, struct candidate *b)
{
	struct candidate t = *a;
	*a = *b;
	*b = t;
}

static void sift_down(struct candidate *items, size_t n)
{
	for (size_t i = 0;;) {
		size_t child = 2 * i + 1;
		if (child >= n)
			return;
		if (child + 1 < n && gives_way(&items[child + 1], &items[child]))
			child++;
		if (!gives_way(&items[child], &items[i]))
			return;
		swap(&items[child], &items[i]);
		i = child;
	}
}

static bool keep(struct psc_contents *c, const struct candidate *x)
{
	if (c->kept.n >= c->max_blocks) {
		if (gives_way(&c->kept.items[0], x)) {
			c->kept.items[0] = *x;
			sift_down(c->kept.items, c->kept.n);
		}
		return true;
	}
	if (!PSC_VEC_RESERVE_ONE(&c->kept))
		return false;
	c->kept.items[c->kept.n] = *x;
	for (size_t i = c->kept.n++; i > 0; i = (i - 1) / 2) {
		size_t parent = (i - 1) / 2;
		if (!gives_way(&c->kept.items[i], &c->kept.items[parent]))
			break;
		swap(&c->kept.items[i], &c->kept.items[parent]);
	}
	return true;
}

bool psc_contents_add(struct psc_contents *c, const struct psc_block *b)
{
	bool is_special = b->kind == PSC_BLOCK_KIND_SPECIAL;
	uint32_t header = !b->is_big && !is_special && b->size_bytes >= c->rules.unit_bytes ? c->rules.unit_bytes : 0;
	uint64_t taken = (uint64_t)header + b->front_bytes, bytes;
	c->result.blocks_seen++;
	if (b->size_bytes < taken)
		return true;
	bytes = is_special && b->requested_bytes != 0 ? b->requested_bytes : b->size_bytes - taken;
	if (bytes > c->max_bytes)
		bytes = c->max_bytes;
	struct candidate x = {scatter(b->va), b->va + header, b->top_pa, (uint32_t)bytes};
	return keep(c, &x);
}

/* ---- what is in them ---- */

static bool count_pointer(struct psc_contents *c, uint32_t offset, uint64_t value)
{
	struct psc_hashkey key = {offset, value};
	c->offsets[offset / c->ptr].with_pointer++;
	uint64_t *n = (uint64_t *)psc_hashmap_put(&c->pointers, key, NULL);
	if (n == NULL) {
		c->result.is_partial = true;
		return c->pointers.n >= POINTERS_MAX;
	}
	(*n)++;
	return true;
}

/* The words of [va, va + n), which lie on one page, offset bytes into the block. */
static bool read_words(struct psc_contents *c, const uint8_t *p, uint32_t offset, size_t n)
{
	size_t i = (c->ptr - offset % c->ptr) % c->ptr;
	for (; i + c->ptr <= n; i += c->ptr) {
		uint64_t v = c->ptr == 8 ? psc_le64(p + i) : psc_le32(p + i);
		uint32_t at = offset + (uint32_t)i;
		c->offsets[at / c->ptr].blocks++;
		if (psc_is_kernel_va(&c->k->space, v) && psc_rangeset_find(&c->modules, v) != NULL &&
		    !count_pointer(c, at, v))
			return false;
	}
	return true;
}

static bool read_block(struct psc_contents *c, const struct candidate *x)
{
	struct psc_reader *reader = psc_block_reader_of(&c->reader, c->k, x->top_pa);
	if (reader == NULL)
		return false;
	c->result.bytes_wanted += x->bytes;
	for (uint32_t at = 0; at < x->bytes;) {
		struct psc_xlate state;
		uint64_t va = x->va + at;
		size_t in_page = (size_t)(va % PSC_PAGE_BYTES), n = PSC_PAGE_BYTES - in_page;
		if (n > x->bytes - at)
			n = x->bytes - at;
		const uint8_t *page = psc_page_at(reader, va, &state);
		if (page != NULL) {
			c->result.bytes_read += n;
			if (!read_words(c, page + in_page, at, n))
				return false;
		} else if (psc_image_get_kind(c->k->img) == PSC_IMAGE_VIRTUAL) {
			/* Small dumps save ranges, not pages. */
			uint8_t part[PSC_PAGE_BYTES];
			size_t have = psc_read_va(reader, va, part, n);
			c->result.bytes_read += have;
			if (!read_words(c, part, at, have))
				return false;
		}
		at += (uint32_t)n;
	}
	return true;
}

/* ---- the result ---- */

static int by_address(const void *pa, const void *pb)
{
	const struct candidate *a = (const struct candidate *)pa, *b = (const struct candidate *)pb;
	return (a->va > b->va) - (a->va < b->va);
}

static int by_offset(const void *pa, const void *pb)
{
	const struct pointer *a = (const struct pointer *)pa, *b = (const struct pointer *)pb;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return (a->va > b->va) - (a->va < b->va);
}

static int by_pointers(const void *pa, const void *pb)
{
	const struct psc_content_offset *a = (const struct psc_content_offset *)pa,
					*b = (const struct psc_content_offset *)pb;
	if (a->with_pointer != b->with_pointer)
		return a->with_pointer > b->with_pointer ? -1 : 1;
	return (a->offset > b->offset) - (a->offset < b->offset);
}

static bool make_rows(struct psc_contents *c)
{
	struct psc_contents_result *r = &c->result;
	struct pointer *all = (struct pointer *)calloc(c->pointers.n + 1, sizeof(*all));
	size_t n = 0, pos = 0, n_rows = 0;
	struct psc_hashkey key;
	void *value;
	if (all == NULL)
		return false;
	while (psc_hashmap_next(&c->pointers, &pos, &key, &value))
		all[n++] = (struct pointer){(uint32_t)key.a, key.b, *(uint64_t *)value};
	if (n > 1)
		qsort(all, n, sizeof(*all), by_offset);
	for (size_t i = 0; i < c->n_offsets; i++)
		n_rows += c->offsets[i].with_pointer != 0;
	r->items = (struct psc_content_offset *)psc_arena_alloc_array(&c->arena, n_rows + 1, sizeof(*r->items));
	if (r->items == NULL) {
		free(all);
		return false;
	}
	for (size_t i = 0, at = 0; i < c->n_offsets; i++) {
		const uint32_t offset = (uint32_t)i * c->ptr;
		if (c->offsets[i].with_pointer == 0)
			continue;
		struct psc_content_offset *row = &r->items[r->n++];
		row->offset = offset;
		row->blocks = c->offsets[i].blocks;
		row->with_pointer = c->offsets[i].with_pointer;
		for (; at < n && all[at].offset == offset; at++) {
			if (row->n_targets == PSC_CONTENTS_TARGETS_MAX) {
				row->has_more_targets = true;
				continue;
			}
			const struct psc_range *range = psc_rangeset_find(&c->modules, all[at].va);
			struct psc_content_target *t = &row->targets[row->n_targets++];
			t->va = all[at].va;
			t->module = range != NULL ? (uint32_t)range->data : UINT32_MAX;
			t->blocks = all[at].count;
		}
	}
	free(all);
	if (r->n > 1)
		qsort(r->items, r->n, sizeof(*r->items), by_pointers);
	return true;
}

enum psc_status psc_contents_finish(struct psc_contents *c, const struct psc_contents_result **ret,
				    struct psc_error *reterr)
{
	c->n_offsets = c->max_bytes / c->ptr + 1;
	c->offsets = (struct tally *)calloc(c->n_offsets, sizeof(*c->offsets));
	if (c->offsets == NULL)
		return psc_fail_no_memory(reterr);
	if (c->kept.n > 1)
		qsort(c->kept.items, c->kept.n, sizeof(*c->kept.items), by_address);
	size_t n = 0;
	for (; n < c->kept.n && !psc_image_is_cancelled(c->k->img); n++) {
		const uint64_t before = c->result.bytes_read;
		if (!read_block(c, &c->kept.items[n]))
			return psc_fail_no_memory(reterr);
		c->result.blocks_sampled += c->result.bytes_read != before;
	}
	if (!make_rows(c))
		return psc_fail_no_memory(reterr);
	*ret = &c->result;
	return PSC_OK;
}
