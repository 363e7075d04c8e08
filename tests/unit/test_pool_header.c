/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "pool/internal.h"
#include <string.h>

START_TEST(rules_by_build)
{
	struct psc_pool_rules r;
	psc_pool_rules_init(&r, 2600, false);
	ck_assert(r.type_plus_one && !r.quota_is_encoded && !r.is_64bit);
	ck_assert_uint_eq(r.unit_bytes, 8);
	ck_assert_uint_eq(r.max_units, 511);
	psc_pool_rules_init(&r, 7601, true);
	ck_assert(!r.type_plus_one && !r.quota_is_encoded);
	ck_assert_uint_eq(r.unit_bytes, 16);
	ck_assert_uint_eq(r.max_units, 255);
	psc_pool_rules_init(&r, 9200, true);
	ck_assert(r.quota_is_encoded && r.is_win8_or_later);
}
END_TEST

START_TEST(fields_of_both_widths)
{
	static const uint8_t x64[16] = {0x12, 0x34, 0x56, 0x0b, 'A', 'b', 'c', 0xe4, 1, 2, 3, 4, 5, 6, 7, 8};
	/* PreviousSize 1ab, PoolIndex 55, BlockSize 101, PoolType 2a */
	static const uint8_t x86[8] = {0xab, 0xab, 0x01, 0x55, 'T', 'a', 'g', '1'};
	struct psc_pool_rules r;
	struct psc_pool_header h;
	psc_pool_rules_init(&r, 7601, true);
	psc_pool_header_parse(x64, &r, &h);
	ck_assert_uint_eq(h.previous_size, 0x12);
	ck_assert_uint_eq(h.pool_index, 0x34);
	ck_assert_uint_eq(h.block_size, 0x56);
	ck_assert_uint_eq(h.pool_type, 0x0b);
	ck_assert_uint_eq(h.tag, 0xe4636241);
	ck_assert_uint_eq(h.process_billed, 0x0807060504030201);
	psc_pool_rules_init(&r, 2600, false);
	psc_pool_header_parse(x86, &r, &h);
	ck_assert_uint_eq(h.previous_size, 0x1ab);
	ck_assert_uint_eq(h.pool_index, 0x55);
	ck_assert_uint_eq(h.block_size, 0x101);
	ck_assert_uint_eq(h.pool_type, 0x2a);
	ck_assert_uint_eq(h.tag, 0x31676154);
}
END_TEST

struct type_case {
	uint32_t build, type;
	bool in_use, paged, quota, session;
};

START_TEST(types)
{
	static const struct type_case cases[] = {
		{2600, 0, false, false, false, false},  {2600, 1, true, false, false, false},
		{2600, 2, true, true, false, false},    {3790, 9, true, false, true, false},
		{3790, 0xa, true, true, true, false},   {3790, 0x22, true, true, false, true},
		{6000, 0, false, false, false, false},  {6000, 1, false, false, false, false},
		{7601, 2, true, false, false, false},   {7601, 3, true, true, false, false},
		{9600, 0xa, true, false, true, false},  {9600, 0xb, true, true, true, false},
		{17763, 0x23, true, true, false, true}, {17763, 6, true, false, false, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct type_case *c = &cases[i];
		struct psc_pool_rules r;
		struct psc_pool_header h = {.pool_type = c->type};
		psc_pool_rules_init(&r, c->build, true);
		ck_assert_msg(psc_pool_header_in_use(&h, &r) == c->in_use, "in use, case %zu", i);
		ck_assert_msg(psc_pool_header_is_paged(&h, &r) == c->paged, "paged, case %zu", i);
		ck_assert_msg(psc_pool_header_has_quota(&h, &r) == c->quota, "quota, case %zu", i);
		ck_assert_msg(psc_pool_header_is_session(&h, &r) == c->session, "session, case %zu", i);
	}
}
END_TEST

START_TEST(types_in_words)
{
	static const struct {
		uint32_t build, type;
		const char *words;
	} cases[] = {
		{7601, 0x02, "nonpaged, in use"},
		{7601, 0x0b, "paged, in use, quota"},
		{7601, 0x43, "paged, in use, verified"},
		{20348, 0x23, "paged, in use, session"},
		{20348, 0x06, "nonpaged, in use, cache-aligned"},
		{7601, 0x01, "free"},
		{3790, 0x02, "paged, in use"}, /* the request's type + 1 */
		{3790, 0x01, "nonpaged, in use"},
		{3790, 0x00, "free"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct psc_pool_rules rules;
		struct psc_pool_header h = {.pool_type = cases[i].type};
		char text[64];
		psc_pool_rules_init(&rules, cases[i].build, true);
		psc_pool_header_describe(&h, &rules, text, sizeof(text));
		ck_assert_str_eq(text, cases[i].words);
	}
	struct psc_pool_rules rules;
	struct psc_pool_header h = {.pool_type = 0x6f};
	char text[64];
	psc_pool_rules_init(&rules, 7601, true);
	psc_pool_header_describe(&h, &rules, text, sizeof(text));
	ck_assert_str_eq(text, "paged, in use, cache-aligned, quota, session, verified"); /* the longest */
}
END_TEST

START_TEST(plausibility)
{
	struct psc_pool_rules r;
	struct psc_pool_header h = {.pool_type = 2, .block_size = 4, .tag = 0xe36f7250}; /* Proc, protected */
	psc_pool_rules_init(&r, 7601, true);
	ck_assert(psc_pool_header_plausible(&h, &r, PSC_POOL_NONPAGED));
	ck_assert(!psc_pool_header_plausible(&h, &r, PSC_POOL_PAGED));
	ck_assert(psc_pool_header_plausible(&h, &r, PSC_POOL_MAX));
	h.pool_type = 0x12;
	ck_assert(!psc_pool_header_plausible(&h, &r, PSC_POOL_NONPAGED));
	h.pool_type = 2;
	h.tag = 0x00016f72;
	ck_assert(!psc_pool_header_plausible(&h, &r, PSC_POOL_NONPAGED));
	h.pool_type = 0;
	ck_assert(psc_pool_header_plausible(&h, &r, PSC_POOL_NONPAGED));
	h.pool_type = 0x90;
	ck_assert(!psc_pool_header_plausible(&h, &r, PSC_POOL_NONPAGED));
	ck_assert_uint_eq(psc_tag_printable(0xe36f7250), 4);
	ck_assert_uint_eq(psc_tag_printable(0x00206f01), 2);
}
END_TEST

START_TEST(slist_heads)
{
	uint8_t head[16] = {0};
	uint32_t depth;
	const uint64_t entry = 0xfffffa8001234560u, list_va = 0xfffff80000002000u;
	/* 7, sixteen-byte form: bit 0 of the second qword */
	uint64_t first = 5 | (uint64_t)77 << 16, second = entry | 1;
	memcpy(head, &first, 8);
	memcpy(head + 8, &second, 8);
	ck_assert_uint_eq(psc_slist_first(head, list_va, 7601, true, &depth), entry);
	ck_assert_uint_eq(depth, 5);
	/* 8.1: Reserved is four bits wide, none of them says anything */
	second = entry | 0xe;
	memcpy(head + 8, &second, 8);
	ck_assert_uint_eq(psc_slist_first(head, list_va, 9600, true, &depth), entry);
	/* 2003, packed: bits above 42 are those of the head */
	const uint64_t near_entry = 0xfffffadf12345670u, near_list = 0xfffffadfe0000000u;
	first = 3 | (uint64_t)0x1ff << 16 | (near_entry >> 4 & (((uint64_t)1 << 39) - 1)) << 25;
	second = (uint64_t)7 << 61;
	memcpy(head, &first, 8);
	memcpy(head + 8, &second, 8);
	ck_assert_uint_eq(psc_slist_first(head, near_list, 3790, true, &depth), near_entry);
	ck_assert_uint_eq(depth, 3);
	memset(head, 0, sizeof(head));
	ck_assert_uint_eq(psc_slist_first(head, near_list, 3790, true, &depth), 0);
	/* x86 */
	static const uint8_t x86[8] = {0x78, 0x56, 0x34, 0x82, 9, 0, 1, 1};
	ck_assert_uint_eq(psc_slist_first(x86, 0x80000000u, 7601, false, &depth), 0x82345678u);
	ck_assert_uint_eq(depth, 9);
}
END_TEST

UNIT_MAIN("pool_header", rules_by_build, fields_of_both_widths, types, types_in_words, plausibility, slist_heads)
