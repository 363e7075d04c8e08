/* SPDX-License-Identifier: MIT */
/* One page of small blocks. Reference: pool 3.5 [2]; what each single damaged field looks like: pool 10.1.
 *
 * A chain of block sizes that starts at 0 with PreviousSize 0, agrees with every PreviousSize and ends exactly at the
 * page's end proves the page: each link is an 8 or 9 bit coincidence; one type must be possible in this pool. Chains of
 * two blocks leave fewer of them, so there all types must be. Tags may hold any bytes; only where the pool's range is
 *not known from the kernel's own data (strict) they must be mostly printable too.
 *
 * A broken chain is taken apart from both ends:
 *
 *	0      L        a               c                    0x1000
 *	| good | last   | ?   ...       | good  good  good   |
 *	  prefix          break           suffix, closes at the end
 *
 * L: last linked header, a: where the break shows. A suffix that starts at a says that only a PreviousSize is damaged:
 * nothing is lost. One whose PreviousSize points into [L, a) says that the size in L is. Otherwise [a, c) is lost.
 * Known false positive: a page that held pool and was partly overwritten since. */
#include "pool/internal.h"
#include "util/bytes.h"

#include <string.h>

#define UNITS_MAX   (PSC_PAGE_BYTES / 8)
#define INDEX_MAX   0x40u /* pool 3.1: 41 paged descriptors */
#define LINKS_PROVE 8u    /* of a broken chain, whatever the tags */

struct chain {
	uint16_t start[UNITS_MAX]; /* in units */
	size_t n;                  /* linked headers with a size inside the page */
	uint32_t at;               /* unit where it stopped; the page's end when closed */
	bool closed;
	bool size_is_bad; /* the header at `at` is linked, but its size is not possible */
};

static inline uint32_t prev_at(const uint8_t *page, bool is_64bit, uint32_t unit)
{
	return is_64bit ? page[unit * 16] : psc_le16(page + unit * 8) & 0x1ffu;
}

static inline uint32_t size_at(const uint8_t *page, bool is_64bit, uint32_t unit)
{
	return is_64bit ? page[unit * 16 + 2] : psc_le16(page + unit * 8 + 2) & 0x1ffu;
}

static inline void walk_forward(const uint8_t *page, bool is_64bit, struct chain *c)
{
	const uint32_t end = PSC_PAGE_BYTES / (is_64bit ? 16 : 8);
	uint32_t at = 0, prev = 0;
	size_t n = 0;
	c->closed = c->size_is_bad = false;
	while (at < end) {
		if (prev_at(page, is_64bit, at) != prev)
			break;
		uint32_t size = size_at(page, is_64bit, at);
		if (size == 0 || size > end - at) {
			c->size_is_bad = true;
			break;
		}
		c->start[n++] = (uint16_t)at;
		prev = size;
		at += size;
	}
	c->n = n;
	c->at = at;
	c->closed = at == end;
}

/* length[u]: blocks of the chain from u to the page's end, 0 when it does not end there. */
static inline void walk_backward(const uint8_t *page, bool is_64bit, uint16_t length[UNITS_MAX + 1])
{
	const uint32_t end = PSC_PAGE_BYTES / (is_64bit ? 16 : 8);
	for (uint32_t u = end; u-- > 0;) {
		uint32_t size = size_at(page, is_64bit, u);
		length[u] = 0;
		if (size == 0 || size > end - u)
			continue;
		uint32_t next = u + size;
		if (next == end)
			length[u] = 1;
		else if (length[next] != 0 && prev_at(page, is_64bit, next) == size)
			length[u] = (uint16_t)(length[next] + 1);
	}
}

static void put(const uint8_t *page, const struct psc_pool_rules *rules, uint32_t unit, struct psc_page_blocks *ret)
{
	struct psc_small_block *b = &ret->items[ret->n++];
	b->offset = unit * rules->unit_bytes;
	psc_pool_header_parse(page + b->offset, rules, &b->header);
	b->size_bytes = b->header.block_size * rules->unit_bytes;
	b->in_use = psc_pool_header_in_use(&b->header, rules);
}

/* What blocks of a page are judged by. */
struct judge {
	const struct psc_pool_rules *rules;
	enum psc_pool pool;
	bool strict;
};

static bool is_plausible(const struct judge *j, const struct psc_pool_header *h)
{
	return j->strict ? psc_pool_header_plausible(h, j->rules, j->pool)
			 : psc_pool_header_type_plausible(h, j->rules, j->pool);
}

static size_t count_plausible(const struct judge *j, const struct psc_page_blocks *p, size_t from)
{
	size_t n = 0;
	for (size_t i = from; i < p->n; i++)
		n += is_plausible(j, &p->items[i].header);
	return n;
}

/* Constant fills and small numbers make chains too, but of free blocks only. */
static bool any_in_use(const struct judge *j, const struct psc_page_blocks *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->items[i].in_use && is_plausible(j, &p->items[i].header))
			return true;
	return false;
}

/* Tags may hold any bytes; then types, and indices that agree and that a pool may have, make up for them. */
static bool index_speaks_for(const struct judge *j, const struct psc_page_blocks *p)
{
	const struct judge by_type = {j->rules, j->pool, false};
	for (size_t i = 0; i < p->n; i++)
		if (p->items[i].header.pool_index > INDEX_MAX ||
		    p->items[i].header.pool_index != p->items[0].header.pool_index)
			return false;
	return any_in_use(&by_type, p) && count_plausible(&by_type, p, 0) == p->n;
}

static bool short_chain_ok(const struct judge *j, const struct psc_page_blocks *p)
{
	return (any_in_use(j, p) && count_plausible(j, p, 0) == p->n) || index_speaks_for(j, p);
}

/* Damage spares some of many headers. Where no block in use can be of this pool, the page is what a driver wrote into
 * an allocation of whole pages that the big-page table should have named. */
static bool is_of_another_pool(const struct judge *j, const struct psc_page_blocks *p)
{
	const struct judge by_type = {j->rules, j->pool, false};
	size_t n_in_use = 0;
	for (size_t i = 0; i < p->n; i++)
		n_in_use += p->items[i].in_use;
	return n_in_use != 0 && !any_in_use(&by_type, p);
}

/* Where the good blocks start again, in units; `end` when nowhere. *ret_last_is_bad: the size in the last linked header
 * is the damage. */
static uint32_t find_suffix(const uint8_t *page, const struct judge *j, const struct chain *c, const uint16_t *length,
			    bool *ret_last_is_bad)
{
	const struct psc_pool_rules *rules = j->rules;
	const uint32_t end = PSC_PAGE_BYTES / rules->unit_bytes;
	const bool has_last = c->n > 0;
	const uint32_t last = has_last ? c->start[c->n - 1] : 0;
	const uint32_t from = has_last ? last + 1 : c->at;
	*ret_last_is_bad = false;
	for (uint32_t u = from; u < end; u++) {
		const uint8_t *bytes = page + u * rules->unit_bytes;
		if (length[u] == 0 || memcmp(bytes, bytes + 1, 7) == 0) /* not in the middle of a fill */
			continue;
		uint32_t prev = prev_at(page, rules->is_64bit, u);
		bool onto_last = has_last && u - last == prev;
		if (u < c->at && !onto_last)
			continue;
		/* Back into the gap, or into the last linked block, but not before it. */
		if (u > c->at && (prev == 0 || prev > u - (has_last ? last : c->at)))
			continue;
		bool is_tied = onto_last || u == c->at || u - prev == c->at;
		struct psc_pool_header h;
		psc_pool_header_parse(bytes, rules, &h);
		/* Tied to the break, or at least a sight that is no chance. */
		if (is_tied ? length[u] < 3 && !is_plausible(j, &h) : !psc_pool_header_plausible(&h, rules, j->pool))
			continue;
		*ret_last_is_bad = has_last && u != c->at && (u < c->at || u - prev < c->at);
		return u;
	}
	return end;
}

static void take_apart(const uint8_t *page, const struct judge *j, const struct chain *c, struct psc_page_blocks *ret)
{
	const struct psc_pool_rules *rules = j->rules;
	const struct judge by_type = {rules, j->pool, false};
	const uint32_t end = PSC_PAGE_BYTES / rules->unit_bytes;
	uint16_t length[UNITS_MAX + 1];
	if (rules->is_64bit)
		walk_backward(page, true, length);
	else
		walk_backward(page, false, length);
	bool last_is_bad;
	uint32_t suffix = find_suffix(page, j, c, length, &last_is_bad);

	size_t n_prefix = c->n - (last_is_bad ? 1 : 0);
	uint32_t gap_lo = last_is_bad ? c->start[c->n - 1] : c->at;
	for (size_t i = 0; i < n_prefix; i++)
		put(page, rules, c->start[i], ret);
	size_t prefix_plausible = count_plausible(j, ret, 0);
	/* c->n linked headers, the damaged last one included, are the evidence; what is kept must look right. */
	bool prefix_ok = c->n >= 2 && n_prefix > 0 && prefix_plausible * 2 > n_prefix;

	for (uint32_t u = suffix; u < end; u += size_at(page, rules->is_64bit, u))
		put(page, rules, u, ret);
	size_t n_suffix = ret->n - n_prefix;
	size_t suffix_plausible = count_plausible(j, ret, n_prefix);
	bool suffix_ok = n_suffix >= 2 && suffix_plausible * 2 > n_suffix;

	/* Where anything may be mapped, more links and no doubtful header at all. */
	if (j->strict && c->n >= 2 && ret->n >= LINKS_PROVE && index_speaks_for(j, ret)) {
		prefix_plausible = n_prefix;
		suffix_plausible = n_suffix;
		prefix_ok = n_prefix > 0;
		suffix_ok = n_suffix >= 2;
	} else if (j->strict &&
		   (c->n == 0 || ret->n < 4 || prefix_plausible < n_prefix || suffix_plausible < n_suffix)) {
		ret->n = 0;
		return;
	}
	if ((!prefix_ok && !suffix_ok) || !any_in_use(&by_type, ret)) {
		ret->n = 0;
		return;
	}
	if (!prefix_ok && prefix_plausible < n_prefix) {
		memmove(ret->items, ret->items + n_prefix, n_suffix * sizeof(ret->items[0]));
		ret->n = n_suffix;
		gap_lo = 0;
	}
	if (!suffix_ok && suffix_plausible < n_suffix) {
		ret->n -= n_suffix;
		suffix = end;
	}
	ret->is_pool_page = ret->is_corrupt = true;
	ret->gap_lo = gap_lo * rules->unit_bytes;
	ret->gap_hi = suffix * rules->unit_bytes;
}

/* A freed page may stay mapped with its old content, the first bytes now links of a list of free pages (reference: pool
 * 15, "stale contents"). On x64 one link is enough: the upper half of no usual tag reads ffff. Where the rest of the
 * old chain happens to close, a second link or an index that no pool has must agree. */
static bool is_list_entry(const uint8_t *page, const struct psc_pool_rules *rules, bool closed)
{
	if (rules->is_64bit)
		return psc_le64(page) >> 47 == 0x1ffff && (page[0] & 7) == 0 &&
		       (!closed || page[1] != 0 || psc_le64(page + 8) >> 47 == 0x1ffff);
	uint32_t flink = psc_le32(page), blink = psc_le32(page + 4);
	return flink >= 0x80000000u && blink >= 0x80000000u && ((flink | blink) & 3) == 0 &&
	       (flink % PSC_PAGE_BYTES == 0 || blink % PSC_PAGE_BYTES == 0);
}

/* A page whose blocks were all freed and merged is one block of a whole page, a size that wraps to 0 in its field. Then
 * the page went back to the system, and nonpaged pages stay mapped with what they held (reference: pool 15). That Vista
 * and later leave no links in it is inferred [?]. */
static bool is_merged_away(const uint8_t *page, const struct psc_pool_rules *rules, enum psc_pool pool)
{
	return pool == PSC_POOL_NONPAGED && prev_at(page, rules->is_64bit, 0) == 0 &&
	       size_at(page, rules->is_64bit, 0) == 0 && psc_le32(page + 4) != 0;
}

void psc_pool_page_parse_as(const uint8_t page[PSC_PAGE_BYTES], const struct psc_pool_rules *rules, enum psc_pool pool,
			    bool strict, struct psc_page_blocks *ret)
{
	const struct judge j = {rules, pool, strict};
	struct chain c;
	ret->n = 0;
	ret->is_pool_page = ret->is_corrupt = false;
	ret->gap_lo = ret->gap_hi = 0;
	if (rules->is_64bit)
		walk_forward(page, true, &c);
	else
		walk_forward(page, false, &c);
	if (is_list_entry(page, rules, c.closed) || is_merged_away(page, rules, pool))
		return;
	if (!c.closed) {
		take_apart(page, &j, &c, ret);
		return;
	}
	for (size_t i = 0; i < c.n; i++)
		put(page, rules, c.start[i], ret);
	if (c.n >= 3 ? !is_of_another_pool(&j, ret) : short_chain_ok(&j, ret))
		ret->is_pool_page = true;
	else
		ret->n = 0;
}

void psc_pool_page_parse(const uint8_t page[PSC_PAGE_BYTES], const struct psc_pool_rules *rules, enum psc_pool pool,
			 struct psc_page_blocks *ret)
{
	psc_pool_page_parse_as(page, rules, pool, false, ret);
}
