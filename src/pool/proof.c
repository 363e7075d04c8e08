/* SPDX-License-Identifier: MIT */
#include "pool/proof.h"
#include "util/error.h"

#include <stdlib.h>
#include <string.h>

#define SUBSEGMENTS_MAX ((size_t)4096)
#define TYPE_LEGAL      0x6fu

static bool take_subsegment(void *arg, uint64_t va, const uint8_t *bytes, uint32_t n)
{
	struct psc_proof *p = arg;
	struct psc_lfh_subsegment *s = &p->subsegments[p->n_subsegments];
	if (va % PSC_PAGE_BYTES != 0 || n < PSC_LFH_HEADER_BYTES)
		return true;
	for (unsigned i = 0; i < psc_lfh_links(&p->layout, bytes); i++)
		if (!psc_is_kernel_va(&p->k->space, psc_le64(bytes + i * 8)))
			return true;
	if (psc_lfh_parse(bytes, va, &p->layout, p->rules.unit_bytes, s) &&
	    psc_lfh_decode(s, &p->layout, (uint32_t)p->keys.lfh_key, p->rules.unit_bytes))
		p->n_subsegments++;
	return p->n_subsegments < SUBSEGMENTS_MAX;
}

enum psc_status psc_proof_init(struct psc_proof *p, struct psc_kernel *k, struct psc_error *reterr)
{
	struct psc_saved_totals unused;
	memset(p, 0, sizeof(*p));
	p->k = k;
	psc_pool_rules_init(&p->rules, k->id.build, psc_kernel_is_64bit(k));
	psc_lfh_layout_init(&p->layout, k->id.build, p->rules.is_64bit);
	enum psc_status r = psc_seg_keys_find(k, &p->keys, reterr);
	if (r != PSC_OK || !p->keys.has_lfh_low || !p->rules.is_64bit)
		return r;
	p->subsegments = calloc(SUBSEGMENTS_MAX + 1, sizeof(*p->subsegments));
	if (!p->subsegments)
		return psc_fail_no_memory(reterr);
	psc_saved_visit(k, take_subsegment, p, &unused);
	return PSC_OK;
}

void psc_proof_deinit(struct psc_proof *p)
{
	free(p->subsegments);
	p->subsegments = NULL;
	p->n_subsegments = 0;
}

static const struct psc_lfh_subsegment *subsegment_at(const struct psc_proof *p, uint64_t va)
{
	size_t lo = 0, hi = p->n_subsegments;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (p->subsegments[mid].va <= va)
			lo = mid + 1;
		else
			hi = mid;
	}
	const struct psc_lfh_subsegment *s = lo > 0 ? &p->subsegments[lo - 1] : NULL;
	return s && va - s->va < s->range_bytes ? s : NULL;
}

static bool header_fits(const struct psc_proof *p, const uint8_t *bytes, uint32_t storage, uint32_t step)
{
	struct psc_pool_header h;
	psc_pool_header_parse(bytes, &p->rules, &h);
	uint32_t size = h.block_size * p->rules.unit_bytes;
	return h.previous_size == 0 && psc_pool_header_in_use(&h, &p->rules) && (h.pool_type & ~TYPE_LEGAL) == 0 &&
	       size != 0 && size <= storage && storage - size < step;
}

/* Parked blocks link through what was their header. */
static bool is_link(const struct psc_proof *p, const uint8_t *bytes)
{
	uint64_t v = psc_le64(bytes);
	return psc_is_kernel_va(&p->k->space, v) && v % p->rules.unit_bytes == 0;
}

static enum psc_verdict judge_lfh(const struct psc_proof *p, const struct psc_lfh_subsegment *s, uint64_t va,
				  const uint8_t *bytes, uint32_t *ret_bytes)
{
	uint32_t offset = (uint32_t)(va - s->va), bit;
	uint8_t byte;
	if (offset < s->first || (offset - s->first) % s->block_bytes != 0)
		return PSC_VERDICT_DISPROVED;
	uint32_t slot = (offset - s->first) / s->block_bytes;
	if (slot >= s->slots)
		return PSC_VERDICT_DISPROVED;
	bit = p->layout.one_bit ? slot : slot * 2;
	bool is_known = psc_image_read_saved(p->k->img, s->va + p->layout.bitmap + bit / 8, &byte, 1) == 1;
	if (is_known && (byte >> (bit & 7) & 1) == 0)
		return PSC_VERDICT_DISPROVED;
	if (psc_lfh_crossing(offset, s->block_bytes, 1) != 0 && s->block_bytes < PSC_PAGE_BYTES)
		return PSC_VERDICT_DISPROVED; /* withheld */
	*ret_bytes = s->block_bytes;
	if (header_fits(p, bytes, s->block_bytes, psc_lfh_bucket_step(s->block_bytes, p->rules.unit_bytes)))
		return PSC_VERDICT_LFH;
	return is_known && is_link(p, bytes) ? PSC_VERDICT_PARKED : PSC_VERDICT_DISPROVED;
}

static enum psc_verdict judge_vs(const struct psc_proof *p, uint64_t va, const uint8_t *bytes, uint32_t *ret_bytes)
{
	const uint32_t unit = p->rules.unit_bytes;
	uint64_t chunk_va = psc_vs_chunk_of_block(va, unit);
	uint8_t header[16];
	struct psc_vs_chunk c;
	if (psc_image_read_saved(p->k->img, chunk_va, header, sizeof(header)) != sizeof(header))
		return PSC_VERDICT_OPEN;
	psc_vs_chunk_decode(header, chunk_va, p->keys.heap_key, true, &c);
	uint64_t overhead = va - chunk_va;
	if (!c.is_legal || !c.in_use || c.cost != 0 || (uint64_t)c.size * unit < overhead + 2 * unit)
		return PSC_VERDICT_OPEN;
	*ret_bytes = (uint32_t)(c.size * unit - overhead);
	if (header_fits(p, bytes, *ret_bytes, 2 * unit))
		return PSC_VERDICT_VS;
	return is_link(p, bytes) ? PSC_VERDICT_PARKED : PSC_VERDICT_OPEN;
}

enum psc_verdict psc_proof_judge(const struct psc_proof *p, uint64_t va, const uint8_t *bytes, uint32_t *ret_bytes)
{
	if (!p->rules.is_64bit)
		return PSC_VERDICT_OPEN;
	const struct psc_lfh_subsegment *s = subsegment_at(p, va);
	if (s)
		return judge_lfh(p, s, va, bytes, ret_bytes);
	return p->keys.has_heap_key ? judge_vs(p, va, bytes, ret_bytes) : PSC_VERDICT_OPEN;
}
