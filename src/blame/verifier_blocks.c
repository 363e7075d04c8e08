/* SPDX-License-Identifier: MIT */
/* Records of live blocks: pages of _VI_POOL_ENTRY, on XP an array. Reference: pool 8.3: layouts [V]; the signature and
 * the mark of a free entry [1], so both are held against the page's back pointer and the entry's own addresses. */
#include "blame/verifier_internal.h"
#include "util/bytes.h"
#include "util/error.h"

#include <string.h>

#define SIGNATURE        0x21321345u
#define TAG_VEPP         0x70706556u /* "Vepp", the tag of these pages */
#define HASH_ENTRIES_MAX ((uint32_t)1 << 20)
#define CANCEL_ENTRIES   1024u /* looks for cancellation once for so many */

static bool in_use(const struct psc_verifier_walk *w, const struct psc_verifier_block *b)
{
	const struct psc_space *sp = &w->k->space;
	return b->size_bytes != 0 && (b->size_bytes & 1) == 0 && psc_is_kernel_va(sp, b->va) &&
	       psc_is_kernel_va(sp, b->caller);
}

static void parse_entry(const struct psc_verifier_walk *w, const uint8_t *e, struct psc_verifier_block *ret)
{
	const bool is_32bit = w->k->space.is_32bit;
	const unsigned ptr = is_32bit ? 4 : 8;
	ret->va = psc_le_ptr(e, is_32bit);
	ret->caller = psc_le_ptr(e + ptr, is_32bit);
	ret->size_bytes = psc_le_ptr(e + 2 * ptr, is_32bit);
	ret->tag = psc_le32(e + 3 * ptr);
}

static void take(struct psc_verifier_walk *w, struct psc_verifier_block *b)
{
	struct psc_verifier_driver *d = &w->v->drivers[b->driver];
	d->listed++;
	d->listed_bytes += b->size_bytes;
	w->v->n_blocks++;
	w->v->bytes += b->size_bytes;
	if (w->visit && !w->visit(w->arg, b))
		w->stopped = true;
}

/* Slot 0 is the page's header. */
static void read_page(struct psc_verifier_walk *w, uint64_t page_va, const uint8_t page[PSC_PAGE_BYTES],
		      uint32_t driver)
{
	const uint32_t entry = 4u * psc_pointer_bytes(&w->k->space);
	w->v->pages_read++;
	for (uint32_t at = entry; at < PSC_PAGE_BYTES && !w->stopped; at += entry) {
		struct psc_verifier_block b;
		parse_entry(w, page + at, &b);
		b.driver = driver;
		b.entry_va = page_va + at;
		if (in_use(w, &b))
			take(w, &b);
	}
}

/* ---- 2003 and later: pages ---- */

struct page_header {
	uint64_t next, owner;
	uint32_t signature;
};

static struct page_header parse_header(const struct psc_verifier_walk *w, const uint8_t *page)
{
	const bool is_32bit = w->k->space.is_32bit;
	const unsigned ptr = is_32bit ? 4 : 8;
	struct page_header h = {psc_le_ptr(page, is_32bit), psc_le_ptr(page + ptr, is_32bit), psc_le32(page + 2 * ptr)};
	return h;
}

static uint64_t first_page(struct psc_verifier_walk *w, const struct psc_verifier_driver *d)
{
	struct psc_kernel *k = w->k;
	const struct psc_field *f = psc_profile_field(
		&k->profile, w->v->form == PSC_VERIFIER_TREES ? PSC_FIELD_VF_TARGET_VERIFIED_DRIVER_DATA_PoolPageHeaders
							      : PSC_FIELD_MI_VERIFIER_DRIVER_ENTRY_PoolPageHeaders);
	uint8_t head[16];
	const size_t n = k->space.is_32bit ? 8 : 16;
	uint32_t depth;
	if (!f || psc_read_va(&k->reader, d->data_va + f->offset, head, n) != n)
		return 0;
	return psc_slist_first(head, d->data_va + f->offset, k->id.build, !k->space.is_32bit, &depth);
}

static void read_chain(struct psc_verifier_walk *w, uint32_t driver)
{
	struct psc_kernel *k = w->k;
	struct psc_verifier_driver *d = &w->v->drivers[driver];
	uint64_t at = first_page(w, d);
	while (at != 0 && !w->stopped) {
		uint8_t page[PSC_PAGE_BYTES];
		bool is_new;
		if (psc_image_is_cancelled(k->img)) {
			d->incomplete = true;
			return;
		}
		if (at % PSC_PAGE_BYTES != 0 || !psc_is_kernel_va(&k->space, at)) {
			d->incomplete = true;
			return;
		}
		if (!psc_hashset_add(&w->pages, at, &is_new)) {
			w->no_memory = w->pages.n < PSC_VERIFIER_PAGES_MAX;
			d->incomplete = true;
			return;
		}
		if (!is_new) {
			w->n_loops++;
			d->incomplete = true;
			return;
		}
		if (psc_read_va(&k->reader, at, page, sizeof(page)) != sizeof(page)) {
			w->v->pages_missing++;
			d->incomplete = true; /* and what it linked to is lost, unless the big-page table knows it */
			return;
		}
		struct page_header h = parse_header(w, page);
		if (h.owner != d->data_va) {
			w->n_foreign++;
			d->incomplete = true;
			return;
		}
		read_page(w, at, page, driver);
		at = h.next;
	}
}

/* ---- XP: an array ---- */

/* [1]: entries that point at pool and were made by code of a module. */
static void read_hash(struct psc_verifier_walk *w, uint32_t driver)
{
	struct psc_kernel *k = w->k;
	struct psc_verifier_driver *d = &w->v->drivers[driver];
	const struct psc_field *table = psc_profile_field(&k->profile, PSC_FIELD_MI_VERIFIER_DRIVER_ENTRY_PoolHash);
	const struct psc_field *size = psc_profile_field(&k->profile, PSC_FIELD_MI_VERIFIER_DRIVER_ENTRY_PoolHashSize);
	const uint32_t entry = 4u * psc_pointer_bytes(&k->space);
	uint64_t va;
	uint32_t n;
	if (!table || !size || !psc_read_ptr(&k->reader, d->data_va + table->offset, &va) ||
	    !psc_read_u32(&k->reader, d->data_va + size->offset, &n)) {
		d->incomplete = true;
		return;
	}
	if (va == 0 || n == 0)
		return;
	if (n > HASH_ENTRIES_MAX || !psc_is_kernel_va(&k->space, va)) {
		d->incomplete = true;
		return;
	}
	for (uint32_t i = 0; i < n && !w->stopped; i++) {
		uint8_t e[32];
		struct psc_verifier_block b;
		if (i % CANCEL_ENTRIES == 0 && psc_image_is_cancelled(k->img)) {
			d->incomplete = true;
			return;
		}
		if (psc_read_va(&k->reader, va + (uint64_t)i * entry, e, entry) != entry) {
			d->incomplete = true;
			continue;
		}
		parse_entry(w, e, &b);
		b.driver = driver;
		b.entry_va = va + (uint64_t)i * entry;
		if (in_use(w, &b) && b.caller >= d->base && b.caller < d->end)
			take(w, &b);
	}
}

void psc_verifier_read_blocks(struct psc_verifier_walk *w, uint32_t driver)
{
	if (w->v->form == PSC_VERIFIER_HASH)
		read_hash(w, driver);
	else
		read_chain(w, driver);
}

/* ---- pages that the big-page table knows: of drivers without list entry, or behind a lost page ---- */

static bool visit_big(void *arg, const struct psc_big_page *p)
{
	struct psc_verifier_walk *w = arg;
	uint8_t page[PSC_PAGE_BYTES];
	bool is_new;
	if (p->is_free || p->bytes != PSC_PAGE_BYTES || (p->tag & ~PSC_TAG_PROTECTED) != TAG_VEPP)
		return true;
	if (psc_image_is_cancelled(w->k->img))
		return false;
	if (psc_hashset_has(&w->pages, p->va))
		return true;
	if (!psc_hashset_add(&w->pages, p->va, &is_new)) {
		w->no_memory = w->pages.n < PSC_VERIFIER_PAGES_MAX;
		return false;
	}
	if (psc_read_va(&w->k->reader, p->va, page, sizeof(page)) != sizeof(page)) {
		w->v->pages_missing++;
		return true;
	}
	struct page_header h = parse_header(w, page);
	if (h.signature != SIGNATURE || !psc_is_kernel_va(&w->k->space, h.owner))
		return true;
	struct psc_verifier_driver *d = psc_verifier_driver_at(w, h.owner);
	if (!d || w->no_memory)
		return false;
	read_page(w, p->va, page, (uint32_t)(d - w->v->drivers));
	return !w->stopped;
}

enum psc_status psc_verifier_read_stray_pages(struct psc_verifier_walk *w, struct psc_error *reterr)
{
	struct psc_big_pages big;
	if (w->v->form == PSC_VERIFIER_HASH)
		return PSC_OK;
	/* Its own warnings come with the walk of the pool. */
	struct psc_warnings ignored = {.arena = w->arena};
	enum psc_status r = psc_big_pages_read(w->k, visit_big, w, &ignored, w->arena, &big, reterr);
	psc_warnings_deinit(&ignored);
	if (r == PSC_OK && big.available && big.n_entries != 0)
		w->strays_ratio = 1.0 - (double)big.bytes_missing / ((double)big.n_entries * (double)big.entry_bytes);
	return r;
}
