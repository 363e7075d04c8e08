/* SPDX-License-Identifier: MIT */
/* Driver Verifier's records against the blocks that they are of, and against its own counters. Reference:
 * pool 8.2, 8.3. The pointer at a block's end and what the counters count have one source each: they are believed where
 * nearly all blocks, and most drivers, agree. */
#include "blame/verifier.h"
#include "pool/special.h"
#include "util/bytes.h"

struct checking {
	struct psc_kernel *k;
	struct psc_pool_rules rules;
	const struct psc_verifier *v;
	uint64_t n_records, n_trailers;
	struct psc_defects records, trailers;
};

static void add(struct psc_defects *to, enum psc_defect_kind kind, uint64_t va, uint64_t container, uint64_t expected,
		uint64_t found)
{
	const struct psc_defect d = {va, container, expected, found, kind};
	psc_defects_add(to, &d);
}

/* Where the usable bytes of a block end; 0: not known, or the record is wrong. */
static uint64_t end_of(struct checking *c, const struct psc_verifier_block *b)
{
	const unsigned unit = c->rules.unit_bytes;
	struct psc_pool_header h;
	struct psc_special_page special;
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
	if (psc_special_block_at(c->k, &c->rules, b->va, &special) &&
	    ((special.tag ^ b->tag) & ~PSC_TAG_PROTECTED) == 0)
		c->n_records--; /* the walk checks it */
	else
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
				     struct psc_defects *ret, struct psc_error *reterr)
{
	struct psc_verifier v;
	struct checking c = {.k = k, .v = &v};
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
	}
	psc_defects_deinit(&c.records);
	psc_defects_deinit(&c.trailers);
	return st;
}
