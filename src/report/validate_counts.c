/* SPDX-License-Identifier: MIT */
/* Live blocks and bytes of every tag, as its counters say and as the walk found them. Reference: pool 5.5, 9: equal
 * within what each processor was about to do, when nothing is missing. Seen exactly equal on NT 5.2 (pool 15); what
 * allocates before counting begins, or outside of what is walked, is known to differ, so more is asked before a
 * difference counts as a defect: the allocator's own counters must know no page that was not walked. */
#include "report/validate_counts.h"
#include "util/error.h"

#define IN_FLIGHT    8u /* blocks of one processor */
#define TAG_OVERFLOW 0x6c66764fu

static bool is_whole(const struct psc_walk_result *w, enum psc_pool pool)
{
	const struct psc_walk_coverage *c = &w->coverage[pool];
	return !w->is_interrupted && c->range_known && !c->big_only && c->cached_known &&
	       c->read_bytes == c->mapped_bytes && c->unknown_bytes == 0 && c->unvisited_bytes == 0 &&
	       c->lost_bytes == 0 && c->headerless_blocks == 0 && c->corrupt_pages == 0 && w->big.available &&
	       w->big.bytes_missing == 0 && w->big.n_invalid == 0;
}

/* By the allocator's own counters. */
static bool has_all_pages(const struct psc_counts_walked *walked, enum psc_pool pool)
{
	const struct psc_walk_result *w = walked->result;
	if (walked->has_special)
		return false;
	for (size_t i = 0; i < w->n_heaps; i++) {
		const struct psc_heap_row *h = &w->heaps[i];
		for (size_t j = 0; h->pool == pool && j < h->n_counters; j++)
			if (h->counters[j].is_exact && h->counters[j].difference != 0)
				return false;
		if (h->pool == pool && (!h->has_counters || h->segments != h->segments_counted))
			return false;
	}
	return w->n_heaps != 0 ||
	       (w->has_descriptor_pages[pool] && w->descriptor_pages[pool] * PSC_PAGE_BYTES ==
							 w->coverage[pool].pool_page_bytes + walked->big_bytes[pool]);
}

struct differing {
	uint64_t n, most;
	uint32_t tag;
};

static void note(struct differing *d, uint32_t tag, uint64_t by)
{
	d->n++;
	if (by > d->most) {
		d->most = by;
		d->tag = tag;
	}
}

static void warn(struct psc_warnings *warnings, const struct differing *d, enum psc_pool pool, const char *why)
{
	uint8_t tag[4];
	char text[17];
	if (d->n == 0)
		return;
	for (unsigned i = 0; i < 4; i++)
		tag[i] = (uint8_t)(d->tag >> (8 * i));
	psc_warn(warnings, "%s pool: %llu tags %s; most of all %s, by %llu blocks", psc_pool_name(pool),
		 (unsigned long long)d->n, why, psc_tag_format(tag, text), (unsigned long long)d->most);
}

static void check_pool(const struct psc_trackers *t, const struct psc_counts_walked *w, enum psc_pool pool,
		       struct psc_warnings *warnings, psc_count_defect_fn *found, void *arg)
{
	static const struct psc_walk_counts none;
	const struct psc_walk_coverage *c = &w->result->coverage[pool];
	const bool proven = has_all_pages(w, pool);
	const uint64_t slack = IN_FLIGHT * t->n_tables + c->delayed_blocks + c->untagged_blocks;
	struct differing more = {0}, less = {0};
	bool overflowed = false;
	for (size_t i = 0; i < t->n_rows; i++) {
		const struct psc_tracker_row *row = &t->rows[i];
		const struct psc_tally_value *v = psc_tally_get(&w->tally, row->tag, pool);
		const struct psc_walk_counts *walked = v ? &v->counts : &none;
		int64_t live = psc_tracker_live(t, &row->half[pool]), bytes = psc_tracker_bytes(t, &row->half[pool]);
		if (row->tag == TAG_OVERFLOW)
			overflowed = true;
		/* Negative ones are defects of their own. */
		if (row->incomplete || live < 0 || bytes < 0 || row->tag == TAG_OVERFLOW)
			continue;
		uint64_t counted = (uint64_t)live, held = (uint64_t)bytes;
		if (counted > walked->live && counted - walked->live > slack) {
			if (proven)
				found(arg, row->tag, pool, false, walked->live, counted);
			else
				note(&more, row->tag, counted - walked->live);
		} else if (walked->live > counted && walked->live - counted > slack) {
			note(&less, row->tag, walked->live - counted);
		} else if (proven && counted == walked->live &&
			   (held > walked->live_bytes ? held - walked->live_bytes : walked->live_bytes - held) >
				   slack * PSC_PAGE_BYTES) {
			found(arg, row->tag, pool, true, walked->live_bytes, held);
		}
	}
	warn(warnings, &more, pool,
	     "are counted with more blocks than the walk found, but the allocator has pages that were not walked, "
	     "or there is special pool");
	if (!overflowed)
		warn(warnings, &less, pool,
		     "have more blocks than are counted: allocated before counting began, or the counters are wrong");
}

void psc_counts_check(const struct psc_trackers *t, const struct psc_counts_walked *walked,
		      struct psc_warnings *warnings, psc_count_defect_fn *found, void *arg)
{
	if (!t->available || t->table_bytes_missing != 0 || walked->tally.overflowed)
		return;
	for (unsigned pool = 0; pool < 2; pool++)
		if (is_whole(walked->result, (enum psc_pool)pool))
			check_pool(t, walked, (enum psc_pool)pool, warnings, found, arg);
}
