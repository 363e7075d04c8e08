/* SPDX-License-Identifier: MIT */
/* A subsegment of blocks of one size. Reference: pool 6.5. */
#include "pool/seg_range.h"
#include "util/checked.h"
#include "util/compiler.h"

#include <string.h>

#define BITMAP_MAX  0x8000u
#define DELAYED_MAX 0x800u
/* 26100: */
#define FLAGS_AT       0x33u
#define PRIVATE_FORMAT 0x01u /* free slots hang on a list of their thread, the bitmap does not tell [?] */

struct lfh {
	const struct psc_seg_range *r;
	const struct psc_seg_rules *rules;
	const struct psc_seg_sink *sink;
	struct psc_lfh_subsegment s;
	uint8_t delayed[0x10000 / 8]; /* slots that were freed, busy still */
	bool has_delayed;
	uint64_t n_delayed; /* blocks that wait to be freed, by the head */
};

bool psc_lfh_is_head(const uint8_t *page, uint64_t va, const struct psc_seg_rules *rules, uint64_t *ret_bytes)
{
	struct psc_lfh_subsegment s;
	if (!rules->has_lfh_key || !psc_lfh_parse(page, va, &rules->lfh, rules->unit_bytes, &s) ||
	    !psc_lfh_decode(&s, &rules->lfh, rules->lfh_key, rules->unit_bytes))
		return false;
	*ret_bytes = s.range_bytes;
	return true;
}

static void report(const struct psc_seg_range *r, const struct psc_seg_sink *sink, enum psc_defect_kind kind,
		   uint64_t expected, uint64_t found)
{
	const struct psc_defect d = {r->va, r->va, expected, found, kind};
	sink->defect(sink->arg, &d);
}

/* Everything that exists. */
static void lose_all(const struct psc_seg_range *r, const struct psc_seg_sink *sink, enum psc_hole why)
{
	uint32_t n = 0;
	if (why == PSC_HOLE_UNCOMMITTED)
		why = PSC_HOLE_CORRUPT; /* a head always exists */
	for (uint32_t i = 0; i < r->n_pages; i++)
		n += r->holes[i] != PSC_HOLE_UNCOMMITTED;
	if (n != 0)
		sink->lost(sink->arg, r->va, (uint64_t)n * PSC_PAGE_BYTES, why);
}

static inline const uint8_t *slot_bytes(const struct lfh *l, uint32_t slot)
{
	uint64_t offset = l->s.first + (uint64_t)slot * l->s.block_bytes;
	const uint8_t *page = l->r->pages[offset / PSC_PAGE_BYTES];
	return page ? page + offset % PSC_PAGE_BYTES : NULL;
}

/* 26100: freed blocks in a chain of 16-bit references [?]. Taken only when the chain has just the length that the head
 * says, over busy slots, each once. base: reference of slot 0. */
static bool follow_delayed(struct lfh *l, const uint8_t *bitmap, uint32_t reference, uint32_t count, uint32_t base)
{
	memset(l->delayed, 0, sizeof(l->delayed));
	for (uint32_t i = 0; i < count; i++) {
		uint32_t slot = reference - base;
		if (reference < base || slot >= l->s.slots || !psc_lfh_slot_busy(bitmap, &l->rules->lfh, slot) ||
		    (l->delayed[slot >> 3] >> (slot & 7) & 1) != 0)
			return false;
		l->delayed[slot >> 3] |= (uint8_t)(1u << (slot & 7));
		const uint8_t *bytes = slot_bytes(l, slot);
		if (!bytes)
			return false;
		reference = psc_le16(bytes);
	}
	return true;
}

/* How many blocks wait, and where they can be told, which. Up to 22631 there is only a count, where the owner's pointer
 * was: the bitmap must show what it counts (check_counts). */
static void find_delayed(struct lfh *l, const uint8_t *head, const uint8_t *bitmap)
{
	const struct psc_lfh_layout *layout = &l->rules->lfh;
	const uint8_t *state = head + layout->owner;
	if (layout->has_owner) {
		uint64_t owner = l->rules->is_64bit ? psc_le64(state) : psc_le32(state);
		l->n_delayed = (owner & 1) != 0 ? owner >> 1 : 0;
		return;
	}
	uint32_t list = psc_le16(state), count = psc_le16(state + 2);
	if (count == 0 || count > DELAYED_MAX)
		return;
	l->n_delayed = count;
	l->has_delayed = follow_delayed(l, bitmap, list, count, 0) || follow_delayed(l, bitmap, list, count, 1);
}

/* FreeCount against the bitmap. Blocks that wait may be clear in it already, and not be counted yet; or be busy still,
 * and then nothing tells them from others [?]. */
static void check_counts(const struct lfh *l, uint32_t n_clear, uint32_t n_busy)
{
	if (n_clear == l->s.free_count) {
		if (l->n_delayed != 0 && l->n_delayed <= n_busy && !l->has_delayed)
			l->sink->delayed(l->sink->arg, l->n_delayed, l->n_delayed * l->s.block_bytes);
		return;
	}
	if (l->n_delayed == 0 || n_clear != l->s.free_count + l->n_delayed)
		report(l->r, l->sink, PSC_DEFECT_LFH_BITMAP, l->s.free_count, n_clear);
}

static void give(const struct lfh *l, uint32_t slot, bool busy, uint32_t step)
{
	uint64_t offset = l->s.first + (uint64_t)slot * l->s.block_bytes;
	struct psc_seg_storage s = {0};
	s.va = l->r->va + offset;
	s.bytes = l->s.block_bytes;
	s.step = step;
	s.header = slot_bytes(l, slot);
	s.hole = s.header ? PSC_HOLE_NONE : (enum psc_hole)l->r->holes[offset / PSC_PAGE_BYTES];
	s.in_use = busy;
	s.is_delayed = busy && l->has_delayed && (l->delayed[slot >> 3] >> (slot & 7) & 1) != 0;
	/* The tail of a subsegment is committed as it is needed. */
	if (s.hole == PSC_HOLE_UNCOMMITTED)
		return;
	l->sink->storage(l->sink->arg, &s);
}

/* The bitmap in one piece; NULL when a part is missing. */
static const uint8_t *bitmap_of(const struct psc_seg_range *r, uint32_t at, uint32_t n, uint8_t *scratch)
{
	if (at + n <= PSC_PAGE_BYTES)
		return r->pages[0] + at;
	for (uint32_t done = 0; done < n;) {
		uint32_t offset = at + done;
		uint32_t part = (uint32_t)psc_min_u64(PSC_PAGE_BYTES - offset % PSC_PAGE_BYTES, n - done);
		const uint8_t *page = r->pages[offset / PSC_PAGE_BYTES];
		if (!page)
			return NULL;
		memcpy(scratch + done, page + offset % PSC_PAGE_BYTES, part);
		done += part;
	}
	return scratch;
}

/* Slots are far apart and each costs a miss of the cache: ask for their headers ahead. */
#define PREFETCH_SLOTS 12u
static void prefetch_slot(const struct lfh *l, uint32_t i)
{
	uint32_t off = l->s.first + i * l->s.block_bytes;
	if (i < l->s.slots && l->r->pages[off / PSC_PAGE_BYTES])
		psc_prefetch(l->r->pages[off / PSC_PAGE_BYTES] + off % PSC_PAGE_BYTES);
}

void psc_lfh_walk(const struct psc_seg_range *r, const struct psc_seg_rules *rules, const struct psc_seg_sink *sink)
{
	struct lfh l;
	uint8_t scratch[BITMAP_MAX];
	const uint64_t range_bytes = (uint64_t)r->n_pages * PSC_PAGE_BYTES;
	l.r = r;
	l.rules = rules;
	l.sink = sink;
	l.has_delayed = false;
	l.n_delayed = 0;
	if (r->n_pages == 0)
		return;
	if (!r->pages[0] || !rules->has_lfh_key) {
		lose_all(r, sink, r->pages[0] ? PSC_HOLE_UNKNOWN : (enum psc_hole)r->holes[0]);
		return;
	}
	if (!psc_lfh_parse(r->pages[0], r->va, &rules->lfh, rules->unit_bytes, &l.s) ||
	    !psc_lfh_unmask(&l.s, &rules->lfh, rules->lfh_key, rules->unit_bytes) || l.s.bitmap_bytes > BITMAP_MAX ||
	    l.s.first + (uint64_t)l.s.slots * l.s.block_bytes > range_bytes) {
		report(r, sink, PSC_DEFECT_LFH_GEOMETRY, 0, psc_le32(r->pages[0] + rules->lfh.block_offsets));
		lose_all(r, sink, PSC_HOLE_CORRUPT);
		return;
	}
	if (!rules->lfh.has_owner && (r->pages[0][FLAGS_AT] & PRIVATE_FORMAT) != 0) {
		lose_all(r, sink, PSC_HOLE_UNKNOWN);
		return;
	}
	const uint8_t *bitmap = bitmap_of(r, rules->lfh.bitmap, l.s.bitmap_bytes, scratch);
	if (!bitmap) {
		lose_all(r, sink, PSC_HOLE_NOT_IN_DUMP);
		return;
	}
	find_delayed(&l, r->pages[0], bitmap);
	const uint32_t step = psc_lfh_bucket_step(l.s.block_bytes, rules->unit_bytes);
	/* What would cross a page is never given out, and reads busy. */
	const bool may_cross = l.s.block_bytes < PSC_PAGE_BYTES;
	uint32_t n_clear = 0, n_busy = 0, n_withheld = 0;
	for (uint32_t i = 0; i < l.s.slots; i++) {
		prefetch_slot(&l, i + PREFETCH_SLOTS);
		uint32_t in_page = (l.s.first + i * l.s.block_bytes) % PSC_PAGE_BYTES;
		bool busy = psc_lfh_slot_busy(bitmap, &rules->lfh, i);
		n_clear += !busy;
		if (busy && may_cross && in_page + l.s.block_bytes > PSC_PAGE_BYTES) {
			n_withheld++;
			continue;
		}
		n_busy += busy;
		give(&l, i, busy, step);
	}
	if (n_withheld != l.s.withheld && may_cross)
		report(r, sink, PSC_DEFECT_LFH_WITHHELD, l.s.withheld, n_withheld);
	check_counts(&l, n_clear, n_busy);
}
