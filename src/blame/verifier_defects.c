/* SPDX-License-Identifier: MIT */
/* Driver Verifier's records against the blocks that they are of, and against its own counters. Reference:
 * pool 8.2, 8.3. The pointer at a block's end and what the counters count have one source each: they are believed where
 * nearly all blocks, and most drivers, agree. */
#include "blame/verifier.h"
#include "util/bytes.h"

/* Of the first word of a page of special pool. Reference: pool 7.1 [2]; tracked [1]. */
#define SPECIAL_SIZE    0x1fffu
#define SPECIAL_TRACKED 0x4000u
#define LEVEL_SPECIAL   0x1u

struct checking {
	struct psc_kernel *k;
	bool is_classic; /* else the walk of the heaps checks special pool */
	struct psc_pool_rules rules;
	const struct psc_verifier *v;
	uint64_t n_records, n_trailers, n_guards;
	struct psc_defects records, trailers, special, guards;
};

static void add(struct psc_defects *to, enum psc_defect_kind kind, uint64_t va, uint64_t container, uint64_t expected,
		uint64_t found)
{
	const struct psc_defect d = {va, container, expected, found, kind};
	psc_defects_add(to, &d);
}

/* Special pool: the page starts with a record of its own that holds the tag (pool 7). */
static bool is_special(struct checking *c, const struct psc_verifier_block *b)
{
	uint32_t tag;
	return psc_read_u32(&c->k->reader, (b->va & ~(uint64_t)(PSC_PAGE_BYTES - 1)) + 4, &tag) &&
	       ((tag ^ b->tag) & ~PSC_TAG_PROTECTED) == 0;
}

/* The byte that most of page[0, lo) and page[hi, end) have, from what was counted; -1: none has three quarters. */
static int pattern_of(const uint32_t counts[256], uint32_t n)
{
	for (int i = 0; i < 256; i++)
		if (counts[i] * 4 > n * 3)
			return i;
	return -1;
}

/* A block that ends its page, as its size there proves: around it one byte repeats, and no page follows. */
static void check_special(struct checking *c, const struct psc_verifier_block *b)
{
	const unsigned unit = c->rules.unit_bytes;
	const uint64_t page_va = b->va & ~(uint64_t)(PSC_PAGE_BYTES - 1);
	uint8_t page[PSC_PAGE_BYTES];
	uint32_t counts[256] = {0}, n = 0;
	if (psc_read_va(&c->k->reader, page_va, page, sizeof(page)) != sizeof(page))
		return;
	const uint32_t word = psc_le16(page), size = word & SPECIAL_SIZE, at = (uint32_t)(b->va - page_va);
	const uint32_t record = unit + ((word & SPECIAL_TRACKED) != 0 ? psc_pointer_bytes(&c->k->space) : 0);
	if (size == 0 || size > PSC_PAGE_BYTES - record || (PSC_PAGE_BYTES - size) / unit * unit != at || at < record)
		return;
	for (uint32_t i = record; i < PSC_PAGE_BYTES; i++) {
		if (i >= at && i < at + size)
			continue;
		counts[page[i]]++;
		n++;
	}
	const int pattern = pattern_of(counts, n);
	for (uint32_t i = record; i < PSC_PAGE_BYTES && pattern >= 0; i++) {
		if ((i >= at && i < at + size) || page[i] == pattern)
			continue;
		add(&c->special, PSC_DEFECT_SPECIAL_PATTERN, page_va + i, b->va, (uint64_t)pattern, page[i]);
		break;
	}
	if (page_va > UINT64_MAX - 2 * PSC_PAGE_BYTES)
		return;
	const struct psc_xlate x = psc_translate(&c->k->reader, page_va + PSC_PAGE_BYTES);
	c->n_guards++;
	if (x.state == PSC_VA_PRESENT)
		add(&c->guards, PSC_DEFECT_SPECIAL_GUARD, page_va + PSC_PAGE_BYTES, b->va, 0, x.entry);
}

/* Where the usable bytes of a block end; 0: not known, or the record is wrong. */
static uint64_t end_of(struct checking *c, const struct psc_verifier_block *b)
{
	const unsigned unit = c->rules.unit_bytes;
	struct psc_pool_header h;
	uint8_t bytes[16];
	if (b->va % PSC_PAGE_BYTES == 0)
		return b->size_bytes >= PSC_PAGE_BYTES && b->size_bytes <= UINT64_MAX - b->va ? b->va + b->size_bytes
											      : 0;
	if (b->va % PSC_PAGE_BYTES < unit || psc_read_va(&c->k->reader, b->va - unit, bytes, unit) != unit)
		return 0;
	psc_pool_header_parse(bytes, &c->rules, &h);
	bool in_use = psc_pool_header_in_use(&h, &c->rules);
	c->n_records++;
	if (in_use && ((h.tag ^ b->tag) & ~PSC_TAG_PROTECTED) == 0 && h.block_size > 1)
		return b->va - unit + (uint64_t)h.block_size * unit;
	if (is_special(c, b)) {
		c->n_records--;
		if (c->is_classic)
			check_special(c, b);
	} else
		add(&c->records, PSC_DEFECT_VERIFIER_RECORD, b->va, b->entry_va, b->tag, in_use ? h.tag : 0);
	return 0;
}

static bool check_block(void *arg, const struct psc_verifier_block *b)
{
	struct checking *c = arg;
	const unsigned ptr = psc_pointer_bytes(&c->k->space);
	const uint64_t end = end_of(c, b);
	uint64_t back;
	/* XP keeps an index there as well. */
	if (end != 0 && c->v->form != PSC_VERIFIER_HASH && psc_read_ptr(&c->k->reader, end - ptr, &back)) {
		c->n_trailers++;
		if (back != b->entry_va)
			add(&c->trailers, PSC_DEFECT_VERIFIER_TRAILER, end - ptr, b->entry_va, b->entry_va, back);
	}
	return !psc_image_is_cancelled(c->k->img);
}

/* Expected: what the driver's counters say. */
static void check_counts(const struct psc_verifier *v, bool bytes, struct psc_defects *ret)
{
	size_t n_agree = 0, n_differ = 0;
	for (unsigned report = 0; report < 2; report++) {
		for (size_t i = 0; i < v->n_drivers; i++) {
			const struct psc_verifier_driver *d = &v->drivers[i];
			const struct psc_verifier_counts *c = &d->counts;
			uint64_t counted =
				bytes ? c->paged_bytes + c->nonpaged_bytes : (uint64_t)c->paged + c->nonpaged;
			uint64_t listed = bytes ? d->listed_bytes : d->listed;
			if (!d->has_counts || d->incomplete)
				continue;
			if (report != 0 && counted != listed && n_agree > n_differ)
				add(ret, bytes ? PSC_DEFECT_VERIFIER_BYTES : PSC_DEFECT_VERIFIER_COUNT, d->data_va, 0,
				    counted, listed);
			n_agree += report == 0 && counted == listed;
			n_differ += report == 0 && counted != listed;
		}
	}
}

enum psc_status psc_verifier_defects(struct psc_kernel *k, struct psc_arena *arena, struct psc_warnings *warnings,
				     struct psc_defects *ret, bool *ret_special, struct psc_error *reterr)
{
	struct psc_verifier v;
	struct checking c = {.k = k, .v = &v};
	c.is_classic = psc_pool_allocator(k) == PSC_ALLOCATOR_CLASSIC;
	psc_pool_rules_init(&c.rules, k->id.build, !k->space.is_32bit);
	enum psc_status st = psc_verifier_read(k, check_block, &c, arena, warnings, &v, reterr);
	if (st == PSC_OK && v.available && !psc_image_is_cancelled(k->img)) {
		if (c.records.n_found * 8 <= c.n_records)
			psc_defects_merge(ret, &c.records);
		if (c.trailers.n_found * 8 <= c.n_trailers)
			psc_defects_merge(ret, &c.trailers);
		/* XP's records are those of callers inside the driver only. */
		for (unsigned bytes = 0; bytes < 2 && v.form != PSC_VERIFIER_HASH; bytes++)
			check_counts(&v, bytes != 0, ret);
		psc_defects_merge(ret, &c.special);
		/* [1]: that nothing is mapped behind a block, where blocks agree. */
		if (c.guards.n_found * 8 <= c.n_guards)
			psc_defects_merge(ret, &c.guards);
	}
	if (st == PSC_OK)
		*ret_special =
			c.is_classic && ((v.totals[PSC_VT_LEVEL] & LEVEL_SPECIAL) != 0 ||
					 v.totals[PSC_VT_ALLOCATIONS_SUCCEEDED_SPECIAL_POOL] != 0 || c.n_guards != 0);
	psc_defects_deinit(&c.special);
	psc_defects_deinit(&c.guards);
	psc_defects_deinit(&c.records);
	psc_defects_deinit(&c.trailers);
	return st;
}
