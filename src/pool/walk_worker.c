/* SPDX-License-Identifier: MIT */
/* Parsing the pages of one job. Reference: pool 3.5; quota 2.4. */
#include "pool/walk_internal.h"
#include "util/bytes.h"

static bool is_cached(const struct psc_walk *w, uint64_t data_va)
{
	if (!w->filter)
		return false;
	uint32_t bit = psc_walk_filter_bit(data_va);
	return (w->filter[bit >> 3] >> (bit & 7) & 1) != 0 && psc_hashset_has(&w->cached.data_vas, data_va);
}

void psc_walk_bill(const struct psc_walk *w, const struct psc_pool_header *h, const uint8_t *bytes, uint64_t size_bytes,
		   uint64_t room, struct psc_block *b)
{
	const struct psc_pool_rules *rules = &w->rules;
	if (!psc_pool_header_has_quota(h, rules))
		return;
	if (rules->is_64bit) {
		b->billed = h->process_billed;
	} else {
		if (size_bytes < rules->unit_bytes + 4u || size_bytes > room)
			return;
		b->billed = psc_le32(bytes + size_bytes - 4);
	}
	if (rules->quota_is_encoded)
		b->billed ^= rules->is_64bit ? b->va : (uint32_t)b->va;
	if (rules->quota_is_encoded && !w->has_cookie)
		return;
	uint64_t process = rules->quota_is_encoded ? b->billed ^ w->cookie : b->billed;
	if (!rules->is_64bit)
		process = (uint32_t)process;
	b->process = process % rules->unit_bytes == 0 && psc_is_kernel_va(&w->k->space, process) ? process : 0;
}

/* x64: charged, but what that decodes to is no process. Null names no process that could be wrong. */
bool psc_walk_is_misbilled(const struct psc_walk *w, const struct psc_pool_header *h, const struct psc_block *b)
{
	const bool is_encoded = w->rules.quota_is_encoded;
	return w->opts->find_defects && w->rules.is_64bit && (w->has_cookie || !is_encoded) && b->process == 0 &&
	       psc_pool_header_has_quota(h, &w->rules) && (is_encoded ? b->billed ^ w->cookie : b->billed) != 0;
}

/* The pool of a page by its own headers: where the region does not say. PSC_POOL_MAX: session, or not agreed. */
static enum psc_pool pool_by_headers(const struct psc_walk *w, const struct psc_page_blocks *p)
{
	size_t n[PSC_POOL_MAX] = {0}, n_in_use = 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct psc_pool_header *h = &p->items[i].header;
		if (!p->items[i].in_use)
			continue;
		n_in_use++;
		if (psc_pool_header_is_session(h, &w->rules))
			n[PSC_POOL_SESSION]++;
		else
			n[psc_pool_header_is_paged(h, &w->rules) ? PSC_POOL_PAGED : PSC_POOL_NONPAGED]++;
	}
	for (unsigned i = 0; i < 2; i++)
		if (n[i] * 4 > n_in_use * 3)
			return (enum psc_pool)i;
	return PSC_POOL_MAX;
}

static void emit(const struct psc_walk *w, struct psc_walk_worker *worker, const uint8_t *page, uint64_t page_va,
		 enum psc_pool pool, bool is_nx)
{
	struct psc_walk_coverage *cov = &worker->coverage[pool];
	const struct psc_page_blocks *p = &worker->blocks;
	for (size_t i = 0; i < p->n; i++) {
		const struct psc_small_block *s = &p->items[i];
		struct psc_block b = {0};
		b.va = page_va + s->offset;
		b.size_bytes = s->size_bytes;
		b.tag = s->header.tag;
		b.previous_bytes = s->header.previous_size * w->rules.unit_bytes;
		b.pool = pool;
		b.state = PSC_BLOCK_FREE;
		b.kind = PSC_BLOCK_KIND_LEGACY;
		b.is_nx = is_nx && pool == PSC_POOL_NONPAGED;
		b.has_tag = true;
		b.is_proven = w->has_big; /* else it may be content of a multi-page allocation */
		if (s->in_use) {
			b.state = is_cached(w, b.va + w->rules.unit_bytes) ? PSC_BLOCK_CACHED : PSC_BLOCK_ALLOCATED;
			psc_walk_bill(w, &s->header, page + s->offset, s->size_bytes, PSC_PAGE_BYTES - s->offset, &b);
			b.trace_index = psc_pool_header_trace_index(&s->header, &w->rules);
			if (psc_walk_is_misbilled(w, &s->header, &b)) {
				const struct psc_defect d = {b.va, page_va, 0, s->header.process_billed,
							     PSC_DEFECT_QUOTA_PROCESS};
				psc_defects_add(&worker->defects, &d);
			}
			cov->live_blocks += b.state == PSC_BLOCK_ALLOCATED;
		}
		psc_walk_emit(w, worker, &b);
	}
}

static void walk_page(const struct psc_walk *w, struct psc_walk_worker *worker, const struct psc_pool_region *region,
		      uint64_t va, uint64_t pa, bool is_nx)
{
	enum psc_page_presence presence;
	const uint8_t *page = psc_image_page(w->k->img, pa >> PSC_PAGE_SHIFT, worker->scratch, &presence);
	struct psc_walk_coverage *cov = &worker->coverage[region->pool];
	if (!page) {
		cov->mapped_bytes += PSC_PAGE_BYTES;
		cov->not_in_dump_bytes += PSC_PAGE_BYTES;
		return;
	}
	if (region->special) {
		if (!psc_walk_special_page(w, worker, region, page, va, is_nx) && !region->by_bytes) {
			cov->mapped_bytes += PSC_PAGE_BYTES;
			cov->read_bytes += PSC_PAGE_BYTES;
			cov->other_bytes += PSC_PAGE_BYTES;
		}
		return; /* of the whole kernel space most is something else */
	}
	psc_pool_page_parse_as(page, &w->rules, region->by_bytes ? PSC_POOL_MAX : region->pool, region->by_bytes,
			       &worker->blocks);
	enum psc_pool pool = region->pool;
	bool is_pool = worker->blocks.is_pool_page;
	if (is_pool && region->by_bytes) {
		enum psc_pool own = pool_by_headers(w, &worker->blocks);
		is_pool = own != PSC_POOL_MAX;
		pool = is_pool ? own : region->pool;
	}
	if (!is_pool && w->regions.seek_special && psc_walk_special_page(w, worker, region, page, va, is_nx))
		return;
	cov = &worker->coverage[pool];
	cov->mapped_bytes += PSC_PAGE_BYTES;
	cov->read_bytes += PSC_PAGE_BYTES;
	if (!is_pool) {
		cov->other_bytes += PSC_PAGE_BYTES;
		return;
	}
	cov->pool_page_bytes += PSC_PAGE_BYTES;
	cov->corrupt_pages += worker->blocks.is_corrupt;
	if (w->opts->find_defects)
		psc_page_defects(page, &w->rules, pool, pool < 2 ? w->n_indices[pool] : 0, &worker->blocks, va,
				 &worker->defects);
	emit(w, worker, page, va, pool, is_nx);
}

/* Pages of live big allocations are never parsed: their content may imitate headers. */
static void walk_run(const struct psc_walk *w, struct psc_walk_worker *worker, const struct psc_walk_run *run)
{
	const struct psc_pool_region *region = &w->regions.items[run->region];
	struct psc_walk_coverage *cov = &worker->coverage[region->pool];
	const struct psc_range *big = psc_rangeset_next(&w->big, run->va);
	const struct psc_range *big_end = big ? w->big.items + w->big.n : NULL;
	for (uint64_t off = 0; off < run->size_bytes; off += PSC_PAGE_BYTES) {
		uint64_t va = run->va + off;
		while (big && big < big_end && big->hi <= va)
			big++;
		if (big && big < big_end && big->lo <= va) {
			cov->mapped_bytes += PSC_PAGE_BYTES;
			cov->read_bytes += PSC_PAGE_BYTES;
			cov->big_bytes += PSC_PAGE_BYTES;
			continue;
		}
		walk_page(w, worker, region, va, run->pa + off, run->is_nx);
	}
}

bool psc_walk_job(void *arg, unsigned worker, size_t job)
{
	const struct psc_walk *w = arg;
	if (psc_image_is_cancelled(w->k->img))
		return true; /* the loop that hands out batches sees it too */
	for (size_t i = w->job_start[job]; i < w->job_start[job + 1]; i++)
		walk_run(w, w->workers[worker], &w->runs[i]);
	return true;
}

void psc_walk_coverage_add(struct psc_walk_coverage *to, const struct psc_walk_coverage *from)
{
	to->mapped_bytes += from->mapped_bytes;
	to->read_bytes += from->read_bytes;
	to->paged_out_bytes += from->paged_out_bytes;
	to->not_in_dump_bytes += from->not_in_dump_bytes;
	to->unknown_bytes += from->unknown_bytes;
	to->pool_page_bytes += from->pool_page_bytes;
	to->big_bytes += from->big_bytes;
	to->other_bytes += from->other_bytes;
	to->special_bytes += from->special_bytes;
	to->corrupt_pages += from->corrupt_pages;
	to->live_blocks += from->live_blocks;
	to->untagged_blocks += from->untagged_blocks;
	to->untagged_bytes += from->untagged_bytes;
	to->headerless_blocks += from->headerless_blocks;
	to->headerless_bytes += from->headerless_bytes;
	to->cached_blocks += from->cached_blocks;
	to->cached_bytes += from->cached_bytes;
	to->delayed_blocks += from->delayed_blocks;
	to->delayed_bytes += from->delayed_bytes;
	to->lost_count += from->lost_count;
	to->lost_bytes += from->lost_bytes;
	to->lost_paged_out_bytes += from->lost_paged_out_bytes;
	to->lost_not_in_dump_bytes += from->lost_not_in_dump_bytes;
	to->lost_unknown_bytes += from->lost_unknown_bytes;
	to->lost_corrupt_bytes += from->lost_corrupt_bytes;
}
