/* SPDX-License-Identifier: MIT */
/* One entry of a tracker table, and what its counters mean by their width. Reference: pool 5.2, 5.4. */
#include "pool/internal.h"
#include "util/bytes.h"

static uint64_t number_at(const uint8_t *p, uint32_t width)
{
	return width == 8 ? psc_le64(p) : psc_le32(p);
}

void psc_tracker_entry_add(const struct psc_tracker_layout *l, const uint8_t *entry, bool session,
			   struct psc_tracker_sum *sum)
{
	for (unsigned h = 0; h < 2; h++) {
		struct psc_tracker_counts *c = &sum->half[session ? PSC_POOL_SESSION : h];
		uint64_t allocs = number_at(entry + l->half[h].allocs, l->count_width);
		uint64_t frees = number_at(entry + l->half[h].frees, l->count_width);
		c->allocs += allocs;
		c->frees += frees;
		c->live_u32_sum = (uint32_t)(c->live_u32_sum + allocs - frees);
		c->bytes += number_at(entry + l->half[h].bytes, l->bytes_width);
		if (l->bytes_width == 4)
			c->bytes = (uint32_t)c->bytes;
	}
}

bool psc_tracker_entry_is_zero(const struct psc_tracker_layout *l, const uint8_t *entry)
{
	uint64_t any = 0;
	for (unsigned h = 0; h < 2; h++)
		any |= number_at(entry + l->half[h].allocs, l->count_width) |
		       number_at(entry + l->half[h].frees, l->count_width) |
		       number_at(entry + l->half[h].bytes, l->bytes_width);
	return any == 0;
}

struct psc_tracker_sum *psc_tracker_sum_at(struct psc_tracker_read *t, uint32_t key)
{
	struct psc_hashkey k = {key & ~PSC_TAG_PROTECTED, 0};
	struct psc_tracker_sum *sum = psc_hashmap_put(&t->sums, k, NULL);
	if (!sum) {
		if (t->sums.n >= PSC_TRACKER_TAGS_MAX)
			t->too_many_tags = true;
		else
			t->no_memory = true;
		return NULL;
	}
	if ((key & PSC_TAG_PROTECTED) != 0)
		sum->is_protected = true;
	return sum;
}

int64_t psc_tracker_live(const struct psc_trackers *t, const struct psc_tracker_counts *c)
{
	if (!t->counts_are_32bit)
		return (int64_t)(c->allocs - c->frees);
	/* Reference: pool 5.2: right modulo 2^32. The top half is negative unless the bytes say that there are so many.
	 */
	uint32_t live = (uint32_t)c->live_u32_sum;
	if (live < 0x80000000u || (!t->bytes_are_32bit && (int64_t)c->bytes > 0 && c->bytes / 16 >= live))
		return live;
	return (int64_t)live - ((int64_t)1 << 32);
}

int64_t psc_tracker_bytes(const struct psc_trackers *t, const struct psc_tracker_counts *c)
{
	if (!t->bytes_are_32bit)
		return (int64_t)c->bytes;
	uint32_t bytes = (uint32_t)c->bytes;
	return bytes < 0x80000000u ? (int64_t)bytes : (int64_t)bytes - ((int64_t)1 << 32);
}
