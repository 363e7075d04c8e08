/* SPDX-License-Identifier: MIT */
/* Reference: pool 7.1 [2, the mark of Verifier 1], 7.2 [1]. That the record's third byte is the fill is told for heaps
 * [1], and ReactOS does it in the classic allocator: the bytes around the block decide. */
#include "pool/internal.h"
#include "pool/special.h"
#include "util/bytes.h"

#define SIZE_MASK 0x1fffu
#define TRACKED   0x4000u
#define PAGED     0x8000u
#define FILL_MIN  8u /* bytes, as a proof */

/* What is left beside block and record: [a, b) and [c, d). */
struct rest {
	uint32_t a, b, c, d;
};

static uint32_t count_byte(const uint8_t *page, const struct rest *r, uint8_t byte)
{
	uint32_t n = 0;
	for (uint32_t i = r->a; i < r->b; i++)
		n += page[i] == byte;
	for (uint32_t i = r->c; i < r->d; i++)
		n += page[i] == byte;
	return n;
}

static uint8_t most_frequent(const uint8_t *page, const struct rest *r)
{
	uint32_t counts[256] = {0}, best = 0;
	for (uint32_t i = r->a; i < r->b; i++)
		counts[page[i]]++;
	for (uint32_t i = r->c; i < r->d; i++)
		counts[page[i]]++;
	for (uint32_t i = 1; i < 256; i++)
		if (counts[i] > counts[best])
			best = i;
	return (uint8_t)best;
}

static uint32_t first_wrong(const uint8_t *page, const struct rest *r, uint8_t fill)
{
	for (uint32_t i = r->a; i < r->b; i++)
		if (page[i] != fill)
			return i;
	for (uint32_t i = r->c; i < r->d; i++)
		if (page[i] != fill)
			return i;
	return PSC_PAGE_BYTES;
}

static bool parse_as(const uint8_t *page, const struct psc_pool_rules *rules, bool at_start,
		     struct psc_special_page *ret)
{
	const uint32_t unit = rules->unit_bytes, record_at = at_start ? PSC_PAGE_BYTES - unit : 0;
	const uint8_t *record = page + record_at;
	const uint32_t word = psc_le16(record), size = word & SIZE_MASK, room = (size + unit - 1) / unit * unit;
	const uint32_t taken = unit + ((word & TRACKED) != 0 ? rules->is_64bit ? 8 : 4 : 0);
	if (size == 0 || (at_start ? size : room) > PSC_PAGE_BYTES - taken)
		return false;
	ret->at_start = at_start;
	ret->at = at_start ? 0 : PSC_PAGE_BYTES - room;
	ret->room_bytes = room;
	ret->requested_bytes = size;
	ret->tag = psc_le32(record + 4);
	ret->is_paged = (word & PAGED) != 0;
	const struct rest rest = at_start ? (struct rest){size, PSC_PAGE_BYTES - taken, 0, 0}
					  : (struct rest){taken, ret->at, ret->at + size, PSC_PAGE_BYTES};
	ret->n_fill = rest.b - rest.a + rest.d - rest.c;
	ret->fill = record[2];
	uint32_t n = count_byte(page, &rest, ret->fill);
	ret->is_fill_written = n * 4 >= ret->n_fill * 3;
	if (!ret->is_fill_written) {
		ret->fill = most_frequent(page, &rest);
		n = count_byte(page, &rest, ret->fill);
	}
	ret->is_fill_clear = n * 4 >= ret->n_fill * 3;
	ret->wrong = first_wrong(page, &rest, ret->fill);
	return true;
}

bool psc_special_page_parse(const uint8_t page[PSC_PAGE_BYTES], const struct psc_pool_rules *rules,
			    struct psc_special_page *ret)
{
	struct psc_special_page other;
	bool at_end = parse_as(page, rules, false, ret);
	if (at_end && ret->is_fill_clear)
		return true;
	/* A block's own bytes may look like a record; what surrounds it seldom looks like fill. */
	if (parse_as(page, rules, true, &other) && (other.is_fill_clear || !at_end)) {
		*ret = other;
		return true;
	}
	return at_end;
}

bool psc_special_page_is_proven(const struct psc_special_page *p)
{
	return p->n_fill >= FILL_MIN && p->is_fill_clear && p->is_fill_written && psc_tag_printable(p->tag) >= 3;
}
