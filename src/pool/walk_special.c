/* SPDX-License-Identifier: MIT */
/* Pages of the classic allocator's special pool, one block each. Reference: pool 7.1; the record of a freed block:
 * ReactOS [1]. */
#include "pool/special.h"
#include "pool/walk_internal.h"
#include "util/bytes.h"

#define FREED       0x98764321u /* behind the record */
#define FREED_BYTES 16u

static bool is_mapped(struct psc_walk_worker *worker, uint64_t va)
{
	return psc_translate(&worker->reader, va).state == PSC_VA_PRESENT;
}

static void add_defect(struct psc_defects *to, enum psc_defect_kind kind, uint64_t va, uint64_t container,
		       uint64_t expected, uint64_t found)
{
	const struct psc_defect d = {va, container, expected, found, kind};
	psc_defects_add(to, &d);
}

static void find_defects(struct psc_walk_worker *worker, const uint8_t *page, uint64_t page_va,
			 const struct psc_special_page *p)
{
	const uint64_t va = page_va + p->at, guard = p->at_start ? page_va - PSC_PAGE_BYTES : page_va + PSC_PAGE_BYTES;
	worker->n_special++;
	if (p->wrong != PSC_PAGE_BYTES)
		add_defect(&worker->defects, PSC_DEFECT_SPECIAL_PATTERN, page_va + p->wrong, va, p->fill,
			   page[p->wrong]);
	const struct psc_xlate x = psc_translate(&worker->reader, guard);
	if (x.state == PSC_VA_PRESENT)
		add_defect(&worker->special_guards, PSC_DEFECT_SPECIAL_GUARD, guard, va, 0, x.entry);
}

bool psc_walk_special_page(const struct psc_walk *w, struct psc_walk_worker *worker,
			   const struct psc_pool_region *region, const uint8_t *page, uint64_t page_va, bool is_nx)
{
	const uint32_t unit = w->rules.unit_bytes;
	struct psc_special_page p;
	struct psc_block b = {0};
	bool is_known = region->special && !region->by_bytes;
	bool is_it = psc_special_page_parse(page, &w->rules, &p);
	if (!is_known)
		is_it = is_it && psc_special_page_is_proven(&p) && !is_mapped(worker, page_va - PSC_PAGE_BYTES) &&
			!is_mapped(worker, page_va + PSC_PAGE_BYTES);
	if (!is_it) {
		if (w->opts->find_defects && is_known) {
			worker->n_special++;
			add_defect(&worker->special_records, PSC_DEFECT_SPECIAL_RECORD, page_va, 0, 0, psc_le16(page));
		}
		return false;
	}
	psc_special_block_make(&p, page_va, &b);
	b.pool = p.is_paged ? PSC_POOL_PAGED : PSC_POOL_NONPAGED;
	b.is_nx = is_nx && !p.is_paged;
	b.is_proven = true;
	bool is_freed = !p.at_start && p.at >= unit + FREED_BYTES && psc_le32(page + unit) == FREED;
	b.state = is_freed ? PSC_BLOCK_FREE : PSC_BLOCK_ALLOCATED;
	struct psc_walk_coverage *cov = &worker->coverage[b.pool];
	cov->mapped_bytes += PSC_PAGE_BYTES;
	cov->read_bytes += PSC_PAGE_BYTES;
	cov->special_bytes += PSC_PAGE_BYTES;
	cov->live_blocks += !is_freed;
	if (w->opts->find_defects && !is_freed)
		find_defects(worker, page, page_va, &p);
	psc_walk_emit(w, worker, &b);
	return true;
}
