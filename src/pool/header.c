/* SPDX-License-Identifier: MIT */
/* _POOL_HEADER. Reference: pool 2.1 [V] layout, 2.2 [2] types. */
#include "pool/internal.h"
#include "util/bytes.h"

#include <stdio.h>

#define TYPE_PAGED    0x01u
#define TYPE_IN_USE   0x02u /* Vista and later */
#define TYPE_ALIGNED  0x04u
#define TYPE_QUOTA    0x08u
#define TYPE_RAISE    0x10u /* if the allocation fails */
#define TYPE_SESSION  0x20u
#define TYPE_VERIFIER 0x40u
#define TYPE_LEGAL    0x6fu /* 10 and 80 reach no header from Vista on (pool 2.2) */

void psc_pool_rules_init(struct psc_pool_rules *ret, uint32_t build, bool is_64bit)
{
	struct psc_pool_rules r = {0};
	r.is_64bit = is_64bit;
	r.unit_bytes = is_64bit ? 16 : 8;
	r.max_units = is_64bit ? 0xff : 0x1ff;
	r.type_plus_one = build < 6000;
	r.is_win8_or_later = build >= 9200;
	r.quota_is_encoded = r.is_win8_or_later;
	*ret = r;
}

void psc_pool_header_parse(const uint8_t *bytes, const struct psc_pool_rules *rules, struct psc_pool_header *ret)
{
	if (rules->is_64bit) {
		ret->previous_size = bytes[0];
		ret->pool_index = bytes[1];
		ret->block_size = bytes[2];
		ret->pool_type = bytes[3];
		ret->process_billed = psc_le64(bytes + 8);
	} else {
		uint32_t w = psc_le32(bytes);
		ret->previous_size = w & 0x1ff;
		ret->pool_index = w >> 9 & 0x7f;
		ret->block_size = w >> 16 & 0x1ff;
		ret->pool_type = w >> 25;
		ret->process_billed = 0;
	}
	ret->tag = psc_le32(bytes + 4);
}

bool psc_pool_header_in_use(const struct psc_pool_header *h, const struct psc_pool_rules *rules)
{
	return rules->type_plus_one ? h->pool_type != 0 : (h->pool_type & TYPE_IN_USE) != 0;
}

/* The request type's bits of a block in use. */
static uint32_t request_bits(const struct psc_pool_header *h, const struct psc_pool_rules *rules)
{
	return rules->type_plus_one ? h->pool_type - 1 : h->pool_type & ~TYPE_IN_USE;
}

bool psc_pool_header_is_paged(const struct psc_pool_header *h, const struct psc_pool_rules *rules)
{
	return psc_pool_header_in_use(h, rules) && (request_bits(h, rules) & TYPE_PAGED) != 0;
}

bool psc_pool_header_has_quota(const struct psc_pool_header *h, const struct psc_pool_rules *rules)
{
	return psc_pool_header_in_use(h, rules) && (request_bits(h, rules) & TYPE_QUOTA) != 0;
}

void psc_pool_header_describe(const struct psc_pool_header *h, const struct psc_pool_rules *rules, char *ret,
			      size_t cap)
{
	const uint32_t bits = request_bits(h, rules);
	if (!psc_pool_header_in_use(h, rules)) {
		snprintf(ret, cap, "free");
		return;
	}
	snprintf(ret, cap, "%s, in use%s%s%s%s", (bits & TYPE_PAGED) != 0 ? "paged" : "nonpaged",
		 (bits & TYPE_ALIGNED) != 0 ? ", cache-aligned" : "", (bits & TYPE_QUOTA) != 0 ? ", quota" : "",
		 (bits & TYPE_SESSION) != 0 ? ", session" : "", (bits & TYPE_VERIFIER) != 0 ? ", verified" : "");
}

uint16_t psc_pool_header_trace_index(const struct psc_pool_header *h, const struct psc_pool_rules *rules)
{
	if (!rules->is_64bit)
		return (uint16_t)h->tag;
	return psc_pool_header_has_quota(h, rules) ? 0 : (uint16_t)h->process_billed;
}

bool psc_pool_header_is_session(const struct psc_pool_header *h, const struct psc_pool_rules *rules)
{
	return psc_pool_header_in_use(h, rules) && (request_bits(h, rules) & TYPE_SESSION) != 0;
}

unsigned psc_tag_printable(uint32_t tag)
{
	unsigned n = 0;
	tag &= ~PSC_TAG_PROTECTED;
	for (unsigned i = 0; i < 4; i++) {
		uint32_t c = tag >> 8 * i & 0xff;
		n += c >= 0x20 && c < 0x7f;
	}
	return n;
}

bool psc_pool_header_type_plausible(const struct psc_pool_header *h, const struct psc_pool_rules *rules,
				    enum psc_pool pool)
{
	if (!psc_pool_header_in_use(h, rules))
		return (h->pool_type & ~TYPE_LEGAL) == 0;
	uint32_t bits = request_bits(h, rules);
	/* Before, the request to raise stays in (pool 2.2 [2]); session pool and Driver Verifier do not make it. */
	if (rules->type_plus_one && (bits & (TYPE_SESSION | TYPE_VERIFIER)) == 0)
		bits &= ~TYPE_RAISE;
	if ((bits & ~TYPE_LEGAL) != 0)
		return false;
	bool is_paged = (bits & TYPE_PAGED) != 0;
	return !(pool == PSC_POOL_NONPAGED && is_paged) && !(pool == PSC_POOL_PAGED && !is_paged);
}

bool psc_pool_header_plausible(const struct psc_pool_header *h, const struct psc_pool_rules *rules, enum psc_pool pool)
{
	return psc_pool_header_type_plausible(h, rules, pool) &&
	       (!psc_pool_header_in_use(h, rules) || psc_tag_printable(h->tag) >= 3);
}

bool psc_kernel_is_64bit(const struct psc_kernel *k)
{
	return k->id.machine == PSC_MACHINE_X64 || k->id.machine == PSC_MACHINE_ARM64;
}

const char *psc_pool_name(enum psc_pool pool)
{
	static const char *const names[PSC_POOL_MAX] = {"nonpaged", "paged", "session"};
	return (unsigned)pool < PSC_POOL_MAX ? names[pool] : "unknown";
}
