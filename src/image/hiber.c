/* SPDX-License-Identifier: MIT */
/* Hibernation files (hiberfil.sys): an index of compressed blocks, and their pages (reference: dumps 22, 23). */
#include "image/hiber.h"
#include "image/block_cache.h"
#include "image/xpress.h"
#include "util/checked.h"
#include "util/error.h"
#include "util/vec.h"

#include <stdlib.h>
#include <string.h>

#define RUNS_MAX ((size_t)1 << 25)

struct hiber {
	struct psc_decoder base;
	const struct psc_source *src;
	struct psc_hiber_index ix; /* runs ascending and disjoint */
	struct psc_block_cache cache;
};

enum psc_status psc_hiber_add_block(struct psc_hiber_index *ix, const struct psc_hiber_block *b,
				    struct psc_error *reterr)
{
	if (ix->blocks.n >= RUNS_MAX)
		return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0, "the hibernation file has too many blocks");
	if (!PSC_VEC_RESERVE_ONE(&ix->blocks))
		return psc_fail_no_memory(reterr);
	ix->blocks.items[ix->blocks.n++] = *b;
	return PSC_OK;
}

enum psc_status psc_hiber_add_run(struct psc_hiber_index *ix, uint64_t pfn, unsigned first, unsigned n_pages,
				  struct psc_error *reterr)
{
	if (ix->runs.n >= RUNS_MAX)
		return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0,
				"the hibernation file has too many page ranges");
	if (!PSC_VEC_RESERVE_ONE(&ix->runs))
		return psc_fail_no_memory(reterr);
	struct psc_hiber_run r = {pfn, (uint32_t)(ix->blocks.n - 1), (uint8_t)first, (uint8_t)n_pages};
	ix->runs.items[ix->runs.n++] = r;
	return PSC_OK;
}

/* By page; of equal ones the earlier block first. */
static int compare_runs(const void *a, const void *b)
{
	const struct psc_hiber_run *x = a, *y = b;
	if (x->pfn != y->pfn)
		return x->pfn < y->pfn ? -1 : 1;
	return x->block < y->block ? -1 : x->block > y->block;
}

/* Runs have at most 16 pages: one that overlaps begins at most 15 pages before. Pages of the earlier block win; false
 * without memory. */
static bool make_disjoint(struct psc_hiber_index *ix)
{
	struct psc_hiber_run *in = ix->runs.items;
	size_t n = ix->runs.n, n_out = 0, cap = n;
	if (n == 0)
		return true;
	qsort(in, n, sizeof(*in), compare_runs);
	bool overlaps = false;
	for (size_t i = 1; i < n && !overlaps; i++)
		overlaps = in[i - 1].pfn + in[i - 1].n_pages > in[i].pfn;
	if (!overlaps)
		return true;
	/* Page by page: the best of the runs that may hold it. */
	struct psc_hiber_run *out = malloc(cap * sizeof(*out));
	uint64_t next = 0;
	for (size_t i = 0; i < n && out; i++) {
		uint64_t end = in[i].pfn + in[i].n_pages;
		for (uint64_t pfn = psc_max_u64(next, in[i].pfn); pfn < end; pfn++) {
			size_t best = i;
			for (size_t j = i; j-- > 0 && in[j].pfn + PSC_HIBER_BLOCK_PAGES > pfn && i - j < 64;)
				if (pfn < in[j].pfn + in[j].n_pages && in[j].block < in[best].block)
					best = j;
			for (size_t j = i + 1; j < n && in[j].pfn <= pfn && j - i < 64; j++)
				if (pfn < in[j].pfn + in[j].n_pages && in[j].block < in[best].block)
					best = j;
			if (n_out == cap) {
				struct psc_hiber_run *grown =
					cap < RUNS_MAX ? realloc(out, cap * 2 * sizeof(*out)) : NULL;
				if (!grown) {
					free(out);
					return false;
				}
				out = grown;
				cap *= 2;
			}
			struct psc_hiber_run r = {pfn, in[best].block, (uint8_t)(in[best].first + (pfn - in[best].pfn)),
						  1};
			out[n_out++] = r;
			next = pfn + 1;
		}
	}
	if (!out)
		return false;
	free(ix->runs.items);
	ix->runs.items = out;
	ix->runs.n = n_out;
	ix->runs.cap = cap;
	return true;
}

/* The run that holds pfn, or NULL; *ret_next: the index of the first that begins above pfn. */
static const struct psc_hiber_run *find_run(const struct psc_hiber_index *ix, uint64_t pfn, size_t *ret_next)
{
	size_t lo = 0, hi = ix->runs.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (ix->runs.items[mid].pfn <= pfn)
			lo = mid + 1;
		else
			hi = mid;
	}
	*ret_next = lo;
	const struct psc_hiber_run *r = lo ? &ix->runs.items[lo - 1] : NULL;
	return r && pfn - r->pfn < r->n_pages ? r : NULL;
}

static enum psc_page_presence locate(const struct psc_decoder *d, uint64_t pfn, uint64_t max, uint64_t *ret_run)
{
	const struct hiber *h = (const struct hiber *)d;
	size_t next;
	const struct psc_hiber_run *r = find_run(&h->ix, pfn, &next);
	*ret_run = 1;
	if (!r)
		return PSC_PAGE_ABSENT;
	uint64_t end = r->pfn + r->n_pages;
	for (; next < h->ix.runs.n && h->ix.runs.items[next].pfn == end && end - pfn < max; next++)
		end += h->ix.runs.items[next].n_pages;
	*ret_run = end - pfn;
	return PSC_PAGE_PRESENT;
}

static bool unpack_block(const struct hiber *h, const struct psc_hiber_block *b, uint8_t *out)
{
	size_t n = (size_t)b->n_pages * PSC_PAGE_BYTES;
	uint8_t *copy = NULL;
	bool ok = false;
	const uint8_t *in = psc_source_view(h->src, b->off, b->packed_bytes);
	if (!in) {
		copy = malloc(b->packed_bytes);
		if (!copy || psc_source_read(h->src, b->off, copy, b->packed_bytes, NULL) != PSC_OK)
			goto out;
		in = copy;
	}
	if (b->packed_bytes == n) {
		memcpy(out, in, n);
		ok = true;
	} else if (b->method == PSC_HIBER_HUFFMAN) {
		ok = psc_xpress_huffman(in, b->packed_bytes, out, n);
	} else {
		ok = psc_xpress_lz77(in, b->packed_bytes, out, n) ||
		     (b->method == PSC_HIBER_LZ77_OR_HUFFMAN && psc_xpress_huffman(in, b->packed_bytes, out, n));
	}
out:
	free(copy);
	return ok;
}

static bool read_page(const struct psc_decoder *d, uint64_t pfn, uint8_t page[PSC_PAGE_BYTES])
{
	const struct hiber *h = (const struct hiber *)d;
	size_t next;
	const struct psc_hiber_run *r = find_run(&h->ix, pfn, &next);
	if (!r)
		return false;
	size_t at = (r->first + (size_t)(pfn - r->pfn)) * PSC_PAGE_BYTES;
	const struct psc_hiber_block *b = &h->ix.blocks.items[r->block];
	if (at >= (size_t)b->n_pages * PSC_PAGE_BYTES)
		return false;
	if (psc_block_cache_get(&h->cache, r->block, at, page))
		return true;
	uint8_t *bytes = malloc(PSC_HIBER_BLOCK_BYTES);
	if (!bytes || !unpack_block(h, b, bytes)) {
		free(bytes);
		return false;
	}
	memcpy(page, bytes + at, PSC_PAGE_BYTES);
	psc_block_cache_put(&h->cache, r->block, bytes);
	return true;
}

static void close_hiber(struct psc_decoder *d)
{
	struct hiber *h = (struct hiber *)d;
	psc_block_cache_deinit(&h->cache);
	free(h->ix.blocks.items);
	free(h->ix.runs.items);
	free(h);
}

static enum psc_status read_index(struct psc_image *img, struct hiber *h, struct psc_error *reterr)
{
	enum psc_status st = psc_hiber8_read(img, &h->ix, reterr);
	if (st == PSC_E_FORMAT)
		st = psc_hiber7_read(img, &h->ix, reterr);
	if (st != PSC_OK)
		return psc_fail_prefix(reterr, st, "hibernation file");
	if (h->ix.runs.n == 0)
		st = psc_fail(
			reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
			"hibernation file without memory: it is wiped when the system resumes; take a kernel dump "
			"instead");
	else if (!make_disjoint(&h->ix))
		st = psc_fail_no_memory(reterr);
	return st;
}

enum psc_status psc_hiber_open(struct psc_image *img, struct psc_error *reterr)
{
	struct hiber *h = calloc(1, sizeof(*h));
	img->format = "hibernation";
	if (!h)
		return psc_fail_no_memory(reterr);
	h->base.locate = locate;
	h->base.read = read_page;
	h->base.close = close_hiber;
	h->src = img->src;
	img->decoder = &h->base; /* closed with the image */
	img->layout = PSC_LAYOUT_DECODED;
	img->kind = PSC_IMAGE_PHYSICAL;
	img->outside = PSC_PAGE_ABSENT;
	enum psc_status st = psc_block_cache_init(&h->cache, reterr);
	if (st == PSC_OK)
		st = read_index(img, h, reterr);
	if (st != PSC_OK)
		return st;
	for (size_t i = 0; i < h->ix.runs.n; i++)
		img->pages_described += h->ix.runs.items[i].n_pages;
	img->pages_present = img->pages_described;
	const struct psc_hiber_run *last = &h->ix.runs.items[h->ix.runs.n - 1];
	img->highest_pfn = last->pfn + last->n_pages - 1;
	return PSC_OK;
}
