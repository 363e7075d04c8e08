/* SPDX-License-Identifier: MIT */
/* Page parsing under each single damaged field (pool section 10.1), exact localisation. */
#include "unit.h"

#include "pool/internal.h"
#include "pool/special.h"
#include <string.h>

struct machine {
	struct psc_pool_rules rules;
	enum psc_pool pool;
	uint32_t type; /* of a block in use */
};

static const struct {
	uint32_t build;
	bool is_64bit;
	enum psc_pool pool;
	uint32_t type;
} machine_list[] = {
	{2600, false, PSC_POOL_NONPAGED, 1}, {3790, true, PSC_POOL_PAGED, 2},    {7601, false, PSC_POOL_PAGED, 3},
	{7601, true, PSC_POOL_NONPAGED, 2},  {17763, true, PSC_POOL_PAGED, 0xb},
};
#define N_MACHINES (sizeof(machine_list) / sizeof(machine_list[0]))

static struct machine machine_at(size_t i)
{
	struct machine m;
	psc_pool_rules_init(&m.rules, machine_list[i].build, machine_list[i].is_64bit);
	m.pool = machine_list[i].pool;
	m.type = machine_list[i].type;
	return m;
}

static void put_header(const struct machine *m, uint8_t *page, uint32_t unit, uint32_t prev, uint32_t size,
		       uint32_t type, const char *tag)
{
	uint8_t *p = page + unit * m->rules.unit_bytes;
	if (m->rules.is_64bit) {
		p[0] = (uint8_t)prev;
		p[1] = 0;
		p[2] = (uint8_t)size;
		p[3] = (uint8_t)type;
	} else {
		uint32_t w = prev | size << 16 | type << 25;
		for (unsigned i = 0; i < 4; i++)
			p[i] = (uint8_t)(w >> 8 * i);
	}
	memcpy(p + 4, tag, 4);
}

/* Sizes in units; 0 ends; the last takes the rest. Every third block is free. Bodies are filled so that they cannot
 * pass for headers by accident. */
static size_t build(const struct machine *m, uint8_t *page, const uint32_t *sizes, uint32_t *starts)
{
	const uint32_t end = PSC_PAGE_BYTES / m->rules.unit_bytes;
	uint32_t at = 0, prev = 0;
	size_t n = 0;
	memset(page, 0xff, PSC_PAGE_BYTES);
	while (at < end) {
		uint32_t size = sizes[n] ? sizes[n] : end - at;
		char tag[5] = "Tg00";
		tag[2] = (char)('0' + n / 10);
		tag[3] = (char)('0' + n % 10);
		put_header(m, page, at, prev, size, n % 3 == 2 ? 0 : m->type, tag);
		if (starts)
			starts[n] = at;
		n++;
		prev = size;
		at += size;
	}
	return n;
}

static const uint32_t typical[] = {3, 10, 1, 40, 7, 20, 2, 60, 5, 30, 12, 0};

static void check_blocks(const struct machine *m, const struct psc_page_blocks *p, const uint32_t *starts, size_t n,
			 size_t skip_from, size_t skip_to)
{
	size_t j = 0;
	for (size_t i = 0; i < n; i++) {
		if (i >= skip_from && i < skip_to)
			continue;
		ck_assert_uint_lt(j, p->n);
		ck_assert_uint_eq(p->items[j].offset, starts[i] * m->rules.unit_bytes);
		j++;
	}
	ck_assert_uint_eq(j, p->n);
}

START_TEST(good_page)
{
	for (size_t i = 0; i < N_MACHINES; i++) {
		struct machine m = machine_at(i);
		uint8_t page[PSC_PAGE_BYTES];
		uint32_t starts[64], total = 0;
		static struct psc_page_blocks p;
		uint32_t sizes[16];
		memcpy(sizes, typical, sizeof(typical));
		if (!m.rules.is_64bit)
			sizes[11] = 300, sizes[12] = 0;
		size_t n = build(&m, page, sizes, starts);
		psc_pool_page_parse(page, &m.rules, m.pool, &p);
		ck_assert(p.is_pool_page && !p.is_corrupt);
		check_blocks(&m, &p, starts, n, 0, 0);
		for (size_t j = 0; j < p.n; j++) {
			total += p.items[j].size_bytes;
			ck_assert(p.items[j].in_use == (j % 3 != 2));
		}
		ck_assert_uint_eq(total, PSC_PAGE_BYTES);
	}
}
END_TEST

/* A chain of blocks that cannot be of the pool is no page of it; one that can, and the others are damaged. */
START_TEST(page_of_another_pool)
{
	for (size_t i = 0; i < N_MACHINES; i++) {
		struct machine m = machine_at(i), other = m;
		uint8_t page[PSC_PAGE_BYTES];
		static struct psc_page_blocks p;
		uint32_t starts[64];
		/* Nonpaged to paged or back: 1 and 2, or the lowest bit. */
		other.type ^= m.rules.type_plus_one ? 3u : 1u;
		build(&other, page, typical, starts);
		psc_pool_page_parse(page, &m.rules, m.pool, &p);
		ck_assert_msg(!p.is_pool_page && p.n == 0, "machine %zu", i);
		put_header(&m, page, starts[1], typical[0], typical[1], m.type, "Good");
		psc_pool_page_parse(page, &m.rules, m.pool, &p);
		ck_assert_msg(p.is_pool_page && p.n > 2, "machine %zu", i);
	}
}
END_TEST

/* Only the PreviousSize of a block is wrong: nothing is lost. */
START_TEST(damaged_previous_size)
{
	for (size_t i = 0; i < N_MACHINES; i++) {
		struct machine m = machine_at(i);
		uint8_t page[PSC_PAGE_BYTES];
		uint32_t starts[64];
		static struct psc_page_blocks p;
		size_t n = build(&m, page, typical, starts);
		for (size_t j = 0; j < n; j++) {
			build(&m, page, typical, starts);
			page[starts[j] * m.rules.unit_bytes] ^= 0x55;
			psc_pool_page_parse(page, &m.rules, m.pool, &p);
			ck_assert_msg(p.is_pool_page && p.is_corrupt, "machine %zu block %zu", i, j);
			check_blocks(&m, &p, starts, n, 0, 0);
			ck_assert_uint_eq(p.gap_lo, starts[j] * m.rules.unit_bytes);
			ck_assert_uint_eq(p.gap_hi, p.gap_lo);
		}
	}
}
END_TEST

static void damage_sizes(uint32_t (*damage)(uint32_t size))
{
	for (size_t i = 0; i < N_MACHINES; i++) {
		struct machine m = machine_at(i);
		uint8_t page[PSC_PAGE_BYTES];
		uint32_t starts[64];
		static struct psc_page_blocks p;
		size_t n = build(&m, page, typical, starts);
		for (size_t j = 0; j < n; j++) {
			build(&m, page, typical, starts);
			uint8_t *h = page + starts[j] * m.rules.unit_bytes;
			struct psc_pool_header was;
			psc_pool_header_parse(h, &m.rules, &was);
			char tag[4];
			memcpy(tag, h + 4, 4);
			uint32_t bad = damage(was.block_size);
			/* What a freed page looks like: below. */
			if (j == 0 && bad == 0 && m.pool == PSC_POOL_NONPAGED)
				continue;
			/* The last block's end is told by nothing but its size. */
			if (bad == was.block_size || (j + 1 == n && bad != 0 && bad < was.block_size))
				continue;
			put_header(&m, page, starts[j], was.previous_size, bad, was.pool_type, tag);
			psc_pool_page_parse(page, &m.rules, m.pool, &p);
			ck_assert_msg(p.is_pool_page && p.is_corrupt, "machine %zu block %zu", i, j);
			check_blocks(&m, &p, starts, n, j, j + 1);
			ck_assert_uint_eq(p.gap_lo, starts[j] * m.rules.unit_bytes);
			ck_assert_uint_eq(p.gap_hi, j + 1 < n ? starts[j + 1] * m.rules.unit_bytes : PSC_PAGE_BYTES);
		}
	}
}

static uint32_t to_zero(uint32_t size)
{
	(void)size;
	return 0;
}

static uint32_t to_beyond(uint32_t size)
{
	(void)size;
	return 255;
}

static uint32_t one_more(uint32_t size)
{
	return size + 1;
}

static uint32_t one_less(uint32_t size)
{
	return size > 2 ? size - 1 : size;
}

START_TEST(damaged_block_size)
{
	damage_sizes(to_zero);
	damage_sizes(one_more);
	damage_sizes(one_less);
}
END_TEST

/* The first block grew to a whole page when the last of its neighbours was freed; their headers are still there. */
START_TEST(freed_page)
{
	for (size_t i = 0; i < N_MACHINES; i++) {
		struct machine m = machine_at(i);
		uint8_t page[PSC_PAGE_BYTES];
		uint32_t starts[64];
		static struct psc_page_blocks p;
		if (m.pool != PSC_POOL_NONPAGED)
			continue;
		for (unsigned in_use = 0; in_use < 2; in_use++) {
			build(&m, page, typical, starts);
			put_header(&m, page, 0, 0, 0, in_use ? m.type : 0, "Tg00");
			psc_pool_page_parse(page, &m.rules, m.pool, &p);
			ck_assert(!p.is_pool_page && p.n == 0);
		}
	}
}
END_TEST

/* 255 units may land inside an x86 page, or cover several blocks: still exactly the damaged one is lost. */
START_TEST(damaged_block_size_far)
{
	damage_sizes(to_beyond);
}
END_TEST

/* An overrun of a whole header: the block behind is lost, the one before is kept. */
START_TEST(destroyed_header)
{
	for (size_t i = 0; i < N_MACHINES; i++) {
		struct machine m = machine_at(i);
		uint8_t page[PSC_PAGE_BYTES];
		uint32_t starts[64];
		static struct psc_page_blocks p;
		size_t n = build(&m, page, typical, starts);
		for (size_t j = 0; j < n; j++) {
			build(&m, page, typical, starts);
			memset(page + starts[j] * m.rules.unit_bytes, 0x41, m.rules.unit_bytes);
			psc_pool_page_parse(page, &m.rules, m.pool, &p);
			ck_assert_msg(p.is_pool_page && p.is_corrupt, "machine %zu block %zu", i, j);
			check_blocks(&m, &p, starts, n, j, j + 1);
			ck_assert_uint_eq(p.gap_lo, starts[j] * m.rules.unit_bytes);
		}
	}
}
END_TEST

START_TEST(prefix_and_suffix)
{
	struct machine m = machine_at(3);
	uint8_t page[PSC_PAGE_BYTES];
	uint32_t starts[64];
	static struct psc_page_blocks p;
	size_t n = build(&m, page, typical, starts);
	/* From the middle of block 3 to the middle of block 7. */
	memset(page + (starts[3] + 2) * 16, 0xcc, (starts[7] + 3 - starts[3] - 2) * 16);
	psc_pool_page_parse(page, &m.rules, m.pool, &p);
	ck_assert(p.is_pool_page && p.is_corrupt);
	check_blocks(&m, &p, starts, n, 4, 8);
	ck_assert_uint_eq(p.gap_lo, starts[4] * 16);
	ck_assert_uint_eq(p.gap_hi, starts[8] * 16);
	/* The end overwritten: prefix only. */
	n = build(&m, page, typical, starts);
	memset(page + starts[6] * 16, 0, PSC_PAGE_BYTES - starts[6] * 16);
	psc_pool_page_parse(page, &m.rules, m.pool, &p);
	ck_assert(p.is_pool_page && p.is_corrupt);
	check_blocks(&m, &p, starts, n, 6, n);
	ck_assert_uint_eq(p.gap_hi, PSC_PAGE_BYTES);
	/* The start overwritten: suffix only. */
	n = build(&m, page, typical, starts);
	memset(page, 0, starts[4] * 16);
	psc_pool_page_parse(page, &m.rules, m.pool, &p);
	ck_assert(p.is_pool_page && p.is_corrupt);
	check_blocks(&m, &p, starts, n, 0, 4);
	ck_assert_uint_eq(p.gap_lo, 0);
	/* Not without its first header where the range is only guessed. */
	psc_pool_page_parse_as(page, &m.rules, PSC_POOL_MAX, true, &p);
	ck_assert(!p.is_pool_page);
	ck_assert_uint_eq(p.n, 0);
}
END_TEST

/* Freed, still mapped: links of the list of free pages over the first header. */
START_TEST(stale_page)
{
	for (size_t i = 0; i < N_MACHINES; i++) {
		struct machine m = machine_at(i);
		uint8_t page[PSC_PAGE_BYTES];
		static struct psc_page_blocks p;
		const unsigned ptr = m.rules.is_64bit ? 8 : 4;
		const uint64_t links[2] = {m.rules.is_64bit ? 0xfffffa8001047000u : 0x84a57000u,
					   m.rules.is_64bit ? 0xfffff80002a01240u : 0x8055a1c0u};
		build(&m, page, typical, NULL);
		memcpy(page, &links[0], ptr);
		memcpy(page + ptr, &links[1], ptr);
		psc_pool_page_parse(page, &m.rules, m.pool, &p);
		ck_assert_msg(!p.is_pool_page, "machine %zu", i);
		ck_assert_uint_eq(p.n, 0);
	}
	/* The link's bytes read as a header that the old chain goes on from. */
	struct machine m = machine_at(3);
	uint8_t page[PSC_PAGE_BYTES];
	static struct psc_page_blocks p;
	build(&m, page, typical, NULL);
	static const uint8_t link[8] = {0x00, 0x70, 0x03, 0x02, 0x80, 0xfa, 0xff, 0xff};
	memcpy(page, link, sizeof(link));
	psc_pool_page_parse(page, &m.rules, m.pool, &p);
	ck_assert(!p.is_pool_page);
}
END_TEST

START_TEST(short_chains)
{
	struct machine m = machine_at(3);
	uint8_t page[PSC_PAGE_BYTES];
	static struct psc_page_blocks p;
	memset(page, 0, sizeof(page));
	put_header(&m, page, 0, 0, 128, 2, "Abcd");
	put_header(&m, page, 128, 128, 128, 0, "Abcd");
	psc_pool_page_parse(page, &m.rules, PSC_POOL_NONPAGED, &p);
	ck_assert(p.is_pool_page && !p.is_corrupt);
	ck_assert_uint_eq(p.n, 2);
	/* The other pool's type, an illegal type, nothing in use. */
	psc_pool_page_parse(page, &m.rules, PSC_POOL_PAGED, &p);
	ck_assert(!p.is_pool_page);
	put_header(&m, page, 0, 0, 128, 0x12, "Abcd");
	psc_pool_page_parse(page, &m.rules, PSC_POOL_NONPAGED, &p);
	ck_assert(!p.is_pool_page);
	/* A tag may be any bytes; where the range is only guessed the pool index must speak for it. */
	put_header(&m, page, 0, 0, 128, 2, "\1\2\3d");
	psc_pool_page_parse(page, &m.rules, PSC_POOL_NONPAGED, &p);
	ck_assert(p.is_pool_page);
	psc_pool_page_parse_as(page, &m.rules, PSC_POOL_NONPAGED, true, &p);
	ck_assert(p.is_pool_page);
	page[1] = 1;
	psc_pool_page_parse_as(page, &m.rules, PSC_POOL_NONPAGED, true, &p);
	ck_assert(!p.is_pool_page);
	page[1] = page[0x801] = 0x99;
	psc_pool_page_parse_as(page, &m.rules, PSC_POOL_NONPAGED, true, &p);
	ck_assert(!p.is_pool_page);
	page[1] = page[0x801] = 0;
	put_header(&m, page, 0, 0, 128, 0, "Abcd");
	psc_pool_page_parse(page, &m.rules, PSC_POOL_NONPAGED, &p);
	ck_assert(!p.is_pool_page);
	ck_assert_uint_eq(p.n, 0);
}
END_TEST

/* A damaged page of blocks with odd tags, where the range is only guessed: many links and one index are proof. */
START_TEST(odd_tags_of_a_broken_page)
{
	for (size_t i = 0; i < N_MACHINES; i++) {
		struct machine m = machine_at(i);
		uint8_t page[PSC_PAGE_BYTES];
		uint32_t starts[64];
		static struct psc_page_blocks p;
		size_t n = build(&m, page, typical, starts);
		for (size_t j = 0; j < n; j++)
			memcpy(page + starts[j] * m.rules.unit_bytes + 4, "\xc1\xdd\x99\x14", 4);
		page[starts[4] * m.rules.unit_bytes] ^= 0x55;
		psc_pool_page_parse_as(page, &m.rules, PSC_POOL_MAX, true, &p);
		ck_assert_msg(p.is_pool_page && p.is_corrupt, "machine %zu", i);
		check_blocks(&m, &p, starts, n, 0, 0);
	}
}
END_TEST

START_TEST(garbage)
{
	static struct psc_page_blocks p;
	uint8_t page[PSC_PAGE_BYTES];
	uint64_t state = 88172645463325252u;
	unsigned n_taken = 0;
	for (unsigned round = 0; round < 20000; round++) {
		struct machine m = machine_at(round % N_MACHINES);
		for (size_t i = 0; i < sizeof(page); i += 8) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			memcpy(page + i, &state, 8);
		}
		if (round % 3 == 0)
			page[0] = 0;
		psc_pool_page_parse(page, &m.rules, m.pool, &p);
		n_taken += p.is_pool_page;
	}
	ck_assert_uint_le(n_taken, 1);
	for (unsigned c = 0; c < 256; c++) {
		memset(page, (int)c, sizeof(page));
		for (size_t i = 0; i < N_MACHINES; i++) {
			struct machine m = machine_at(i);
			psc_pool_page_parse(page, &m.rules, m.pool, &p);
			ck_assert_msg(!p.is_pool_page, "fill %u", c);
		}
	}
}
END_TEST

/* Most blocks that a page can hold. */
START_TEST(smallest_blocks)
{
	for (size_t i = 0; i < N_MACHINES; i++) {
		struct machine m = machine_at(i);
		uint8_t page[PSC_PAGE_BYTES];
		static struct psc_page_blocks p;
		const uint32_t end = PSC_PAGE_BYTES / m.rules.unit_bytes;
		for (uint32_t u = 0; u < end; u++)
			put_header(&m, page, u, u == 0 ? 0 : 1, 1, m.type, "Tiny");
		psc_pool_page_parse(page, &m.rules, m.pool, &p);
		ck_assert(p.is_pool_page);
		ck_assert_uint_eq(p.n, end);
	}
}
END_TEST

/* An index of no descriptor, in one block: a defect, but for old x86 kernels whose pool has one descriptor. */
START_TEST(index_of_no_descriptor)
{
	for (size_t i = 0; i < N_MACHINES; i++) {
		struct machine m = machine_at(i);
		uint8_t page[PSC_PAGE_BYTES];
		uint32_t starts[64];
		static struct psc_page_blocks p;
		(void)build(&m, page, typical, starts);
		uint8_t *header = page + starts[3] * m.rules.unit_bytes;
		header[1] |= m.rules.is_64bit ? 5 : 5 << 1;
		psc_pool_page_parse(page, &m.rules, m.pool, &p);
		ck_assert(p.is_pool_page && !p.is_corrupt);
		for (uint32_t n = 0; n < 3; n++) {
			struct psc_defects d = {0};
			psc_page_defects(page, &m.rules, m.pool, n, &p, 0x81000000u, &d);
			bool is_defect = n > 1 || (n == 1 && i != 0);
			ck_assert_msg(d.n_found == is_defect, "machine %zu, %u descriptors", i, n);
			psc_defects_deinit(&d);
		}
	}
}
END_TEST

/* size: with flags; the record at the start or end, the block at the other, the rest of one byte. */
static void put_special(const struct machine *m, uint8_t *page, uint32_t word, bool at_start)
{
	const uint32_t unit = m->rules.unit_bytes, size = word & 0x1fff, room = (size + unit - 1) / unit * unit;
	uint8_t *record = page + (at_start ? PSC_PAGE_BYTES - unit : 0);
	memset(page, 0xd7, PSC_PAGE_BYTES);
	memset(page + (at_start ? 0 : PSC_PAGE_BYTES - room), 0x11, size);
	memset(record, 0, unit);
	record[0] = (uint8_t)word;
	record[1] = (uint8_t)(word >> 8);
	record[2] = 0xd7;
	memcpy(record + 4, "Spec", 4);
	if ((word & 0x4000) != 0)
		memset(at_start ? record - (m->rules.is_64bit ? 8 : 4) : record + unit, 0x22,
		       m->rules.is_64bit ? 8 : 4);
}

static void expect_special(const struct machine *m, const uint8_t *page, uint32_t word, bool at_start, uint32_t wrong)
{
	const uint32_t unit = m->rules.unit_bytes, size = word & 0x1fff, room = (size + unit - 1) / unit * unit;
	struct psc_special_page p;
	ck_assert(psc_special_page_parse(page, &m->rules, &p));
	ck_assert_uint_eq(p.at_start, at_start);
	ck_assert_uint_eq(p.at, at_start ? 0 : PSC_PAGE_BYTES - room);
	ck_assert_uint_eq(p.room_bytes, room);
	ck_assert_uint_eq(p.requested_bytes, size);
	ck_assert_uint_eq(p.is_paged, (word & 0x8000) != 0);
	ck_assert_uint_eq(p.tag, 0x63657053u);
	ck_assert_uint_eq(p.wrong, wrong);
	ck_assert(p.is_fill_clear && p.is_fill_written);
	ck_assert_uint_eq(psc_special_page_is_proven(&p), p.n_fill >= 8);
}

/* Reference: pool 7.1. */
START_TEST(special_pool)
{
	for (size_t i = 0; i < 2 * N_MACHINES; i++) {
		struct machine m = machine_at(i / 2);
		bool at_start = i % 2 != 0;
		uint8_t page[PSC_PAGE_BYTES];
		struct psc_special_page p;
		const uint32_t unit = m.rules.unit_bytes, ptr = m.rules.is_64bit ? 8 : 4, most = PSC_PAGE_BYTES - unit;
		const uint32_t words[] = {1, 100, 101 | 0x8000, 3000 | 0x4000, most, (most - ptr - unit) | 0x4000};
		for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++) {
			put_special(&m, page, words[k], at_start);
			expect_special(&m, page, words[k], at_start, PSC_PAGE_BYTES);
		}
		/* One byte before or behind the block. */
		put_special(&m, page, 101, at_start);
		uint32_t wrong = at_start ? 101 : PSC_PAGE_BYTES - (101 + unit - 1) / unit * unit - 1;
		page[wrong] = 0;
		expect_special(&m, page, 101, at_start, wrong);
		if (!at_start) {
			put_special(&m, page, 101, at_start);
			page[PSC_PAGE_BYTES - 1] = 0;
			expect_special(&m, page, 101, at_start, PSC_PAGE_BYTES - 1);
		}
		/* Sizes that leave no room for the record. */
		const uint32_t bad[] = {0, most + 1, 0x1fff, (most - ptr + 1) | 0x4000};
		for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
			put_special(&m, page, 100, at_start);
			uint8_t *record = page + (at_start ? most : 0);
			record[0] = (uint8_t)bad[k];
			record[1] = (uint8_t)(bad[k] >> 8);
			memset(page + (at_start ? 0 : most), 0, 2);
			ck_assert(!psc_special_page_parse(page, &m.rules, &p));
		}
	}
}
END_TEST

UNIT_MAIN("pool_page", good_page, page_of_another_pool, damaged_previous_size, damaged_block_size, freed_page,
	  damaged_block_size_far, destroyed_header, prefix_and_suffix, stale_page, short_chains,
	  odd_tags_of_a_broken_page, garbage, smallest_blocks, index_of_no_descriptor, special_pool)
