/* SPDX-License-Identifier: MIT */
/* The heap key from the blocks that a triage dump saved. Reference: pool 15 [V].
 *
 * Before the pool header of a VS block lies its chunk header, whose first 8 bytes are plain ^ key ^ address. Of plain
 * three of four 16-bit lanes are known from the pool header: cost 0, size one or two units more than the block's, in
 * use 1. So each header votes for three lanes of the key; the fourth, the size of the chunk before, follows from two
 * neighbours. Headers of LFH blocks and chance hits vote too, each for something else: a lane pair (first and last, 32
 * bits) that headers of several pages at several offsets share is the key's.
 *
 * Near misses: the 8 bytes before an LFH block are the tail of another block. Zero, small numbers and pointers there
 * would vote for bits of their own address: left out. */
#include "pool/seg.h"
#include "util/checked.h"
#include "util/error.h"

#include <stdlib.h>
#include <string.h>

#define CANDIDATES_MAX ((size_t)1 << 16)
#define CHUNKS_MIN     4u /* that agree, ... */
#define PAGES_MIN      3u /* of these pages, ... */
#define OFFSETS_MIN    3u /* at so many different low 16 bits of the address */
#define GROUP_MAX      ((size_t)1024)
#define TYPE_LEGAL     0x6fu

struct candidate {
	uint64_t chunk_va;
	uint64_t x;     /* encoded sizes ^ address */
	uint32_t lanes; /* of the key: last, first */
	uint32_t block_units;
};

struct gathering {
	struct psc_kernel *k;
	struct psc_pool_rules rules;
	struct candidate *items;
	size_t n;
};

bool psc_tag_is_plain(uint32_t tag)
{
	tag &= ~PSC_TAG_PROTECTED;
	for (unsigned i = 0; i < 4; i++) {
		uint32_t c = tag >> 8 * i & 0xff;
		if (c != ' ' && !(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z'))
			return false;
	}
	return true;
}

static bool read_saved_u64(const struct psc_kernel *k, uint64_t va, uint64_t *ret)
{
	uint8_t bytes[8];
	if (psc_image_read_saved(k->img, va, bytes, sizeof(bytes)) != sizeof(bytes))
		return false;
	*ret = psc_le64(bytes);
	return true;
}

static void take(struct gathering *g, uint64_t va, uint32_t block_units)
{
	struct candidate *c = &g->items[g->n];
	uint64_t sizes, tail;
	c->chunk_va = psc_vs_chunk_of_block(va, g->rules.unit_bytes);
	if (!read_saved_u64(g->k, c->chunk_va, &sizes) || !read_saved_u64(g->k, c->chunk_va + 8, &tail))
		return;
	if (sizes >> 48 == 0 || sizes >> 48 == 0xffff)
		return;
	c->x = sizes ^ c->chunk_va;
	c->lanes = (uint32_t)(c->x >> 48 ^ 1) << 16 | (uint32_t)(c->x & 0xffff);
	c->block_units = block_units;
	g->n++;
}

static bool gather(void *arg, uint64_t va, const uint8_t *bytes, uint32_t n)
{
	struct gathering *g = arg;
	for (uint32_t at = (uint32_t)(0 - va) % 16; at + 16 <= n; at += 16) {
		struct psc_pool_header h;
		if (bytes[at] != 0 || bytes[at + 2] == 0)
			continue;
		psc_pool_header_parse(bytes + at, &g->rules, &h);
		if (!psc_pool_header_in_use(&h, &g->rules) || (h.pool_type & ~TYPE_LEGAL) != 0 ||
		    !psc_tag_is_plain(h.tag))
			continue;
		if (g->n == CANDIDATES_MAX)
			return false;
		take(g, va + at, h.block_size);
	}
	return true;
}

static int by_lanes(const void *pa, const void *pb)
{
	const struct candidate *a = pa, *b = pb;
	if (a->lanes != b->lanes)
		return a->lanes < b->lanes ? -1 : 1;
	return a->chunk_va < b->chunk_va ? -1 : a->chunk_va > b->chunk_va;
}

/* Items of a group are in address order. */
static uint32_t count_pages(const struct candidate *c, size_t n)
{
	uint32_t pages = 0;
	for (size_t i = 0; i < n; i++)
		pages += i == 0 || c[i].chunk_va >> PSC_PAGE_SHIFT != c[i - 1].chunk_va >> PSC_PAGE_SHIFT;
	return pages;
}

static uint32_t count_offsets(const struct candidate *c, size_t n)
{
	uint8_t seen[4096 / 8] = {0};
	uint32_t offsets = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t bit = (uint32_t)(c[i].chunk_va >> 4 & 0xfff);
		offsets += (seen[bit >> 3] >> (bit & 7) & 1) == 0;
		seen[bit >> 3] |= (uint8_t)(1u << (bit & 7));
	}
	return offsets;
}

/* The most frequent value; false when there is none or two are equal. */
static bool most_frequent(uint16_t *values, size_t n, uint16_t *ret, size_t *ret_votes)
{
	size_t best = 0;
	bool is_tie = true;
	for (size_t i = 0; i < n; i++) { /* few: members of one group */
		size_t votes = 0;
		bool is_first = true;
		for (size_t j = 0; j < n; j++) {
			votes += values[j] == values[i];
			is_first &= j >= i || values[j] != values[i];
		}
		if (!is_first || votes < best)
			continue;
		is_tie = votes == best;
		best = votes;
		*ret = values[i];
	}
	*ret_votes = best;
	return best != 0 && !is_tie;
}

static bool size_fits(const struct candidate *c, uint16_t lane1)
{
	uint32_t size = (uint32_t)(c->x >> 16 & 0xffff) ^ lane1;
	return size == c->block_units + 1 || size == c->block_units + 2;
}

/* The lane of previous sizes, from what follows each chunk, and from chunks that begin a subsegment (previous 0). */
static bool solve_lane2(struct gathering *g, const struct candidate *c, size_t n, uint64_t key, uint16_t *ret)
{
	uint16_t *values = calloc(n * 2, sizeof(*values));
	size_t n_values = 0, votes, n_plausible = 0;
	bool ok = false;
	for (size_t i = 0; values && i < n; i++) {
		uint64_t sizes, tail;
		uint32_t size = (uint32_t)((c[i].x ^ key) >> 16 & 0xffff);
		uint64_t next = c[i].chunk_va + (uint64_t)size * g->rules.unit_bytes;
		if (read_saved_u64(g->k, next, &sizes)) {
			uint64_t plain = sizes ^ next ^ key;
			uint32_t in_use = (uint32_t)(plain >> 48);
			if (in_use <= 1 && (plain >> 16 & 0xffff) != 0 && (in_use == 0 || (plain & 0xffff) == 0))
				values[n_values++] = (uint16_t)((plain >> 32) ^ size);
		}
		if (c[i].chunk_va % PSC_PAGE_BYTES == 0x30 && read_saved_u64(g->k, c[i].chunk_va + 8, &tail) &&
		    ((tail ^ key ^ c[i].chunk_va) & 0xff) == 0)
			values[n_values++] = (uint16_t)(c[i].x >> 32);
	}
	if (values && n_values != 0 && most_frequent(values, n_values, ret, &votes)) {
		/* A wrong lane would make nonsense of most previous sizes: a chunk of more than 1 MiB lies nowhere. */
		for (size_t i = 0; i < n; i++)
			n_plausible += ((c[i].x >> 32 & 0xffff) ^ *ret) <= 0x2000;
		ok = n_plausible * 4 >= n * 3;
	}
	free(values);
	return ok;
}

/* c: headers that agree on two lanes; reordered. false: they do not make a key. */
static bool solve_group(struct gathering *g, struct candidate *c, size_t n, struct psc_seg_keys *ret)
{
	size_t n_fit = 0, votes;
	uint16_t lane1 = 0, lane2 = 0, *values = calloc(n * 2, sizeof(*values));
	for (size_t i = 0; values && i < n; i++)
		for (uint32_t more = 1; more <= 2; more++)
			values[i * 2 + more - 1] = (uint16_t)((c[i].x >> 16 & 0xffff) ^ (c[i].block_units + more));
	bool ok = values && most_frequent(values, n * 2, &lane1, &votes);
	free(values);
	for (size_t i = 0; ok && i < n; i++)
		if (size_fits(&c[i], lane1))
			c[n_fit++] = c[i];
	if (!ok || n_fit < CHUNKS_MIN || count_pages(c, n_fit) < PAGES_MIN || n_fit * 2 < n)
		return false;
	uint64_t key = (uint64_t)(c[0].lanes >> 16) << 48 | (uint64_t)lane1 << 16 | (c[0].lanes & 0xffff);
	if (!solve_lane2(g, c, n_fit, key, &lane2))
		return false;
	ret->heap_key = key | (uint64_t)lane2 << 32;
	ret->heap_votes = (uint32_t)n_fit;
	ret->heap_pages = count_pages(c, n_fit);
	return true;
}

/* The key that most chunks agree on. Two about as good are none. */
static void solve(struct gathering *g, struct psc_seg_keys *ret)
{
	struct psc_seg_keys best = {0};
	uint32_t second = 0;
	qsort(g->items, g->n, sizeof(*g->items), by_lanes);
	for (size_t i = 0, end; i < g->n; i = end) {
		struct psc_seg_keys found = {0};
		for (end = i + 1; end < g->n && g->items[end].lanes == g->items[i].lanes;)
			end++;
		size_t n = psc_min_u64(end - i, GROUP_MAX); /* more than are needed */
		if (n < CHUNKS_MIN || count_pages(g->items + i, n) < PAGES_MIN ||
		    count_offsets(g->items + i, n) < OFFSETS_MIN || !solve_group(g, g->items + i, n, &found))
			continue;
		if (found.heap_votes > best.heap_votes) {
			second = best.heap_votes;
			best = found;
		} else {
			second = (uint32_t)psc_max_u64(second, found.heap_votes);
		}
	}
	if (best.heap_votes == 0 || second * 2 > best.heap_votes)
		return;
	ret->has_heap_key = true;
	ret->heap_key = best.heap_key;
	ret->heap_votes = best.heap_votes;
	ret->heap_pages = best.heap_pages;
	ret->heap_source = "solved";
}

enum psc_status psc_seg_solve_heap_key(struct psc_kernel *k, struct psc_seg_keys *ret, struct psc_error *reterr)
{
	struct gathering g = {.k = k};
	struct psc_saved_totals unused;
	if (!psc_kernel_is_64bit(k))
		return PSC_OK;
	psc_pool_rules_init(&g.rules, k->id.build, true);
	g.items = calloc(CANDIDATES_MAX, sizeof(*g.items));
	if (!g.items)
		return psc_fail_no_memory(reterr);
	psc_saved_visit(k, gather, &g, &unused);
	solve(&g, ret);
	free(g.items);
	return PSC_OK;
}
