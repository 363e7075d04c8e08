/* SPDX-License-Identifier: MIT */
/* Decoding chunk headers and subsegments. Reference: pool 6.5 and 6.6; on real bytes: pool 15 [V] for 19041 x64 and
 * 22000 ARM64. */
#include "pool/seg.h"
#include "util/checked.h"

/* _HEAP_VS_CHUNK_HEADER [V]. */
void psc_vs_chunk_decode(const uint8_t *bytes, uint64_t va, uint64_t heap_key, bool is_64bit, struct psc_vs_chunk *ret)
{
	uint64_t key_and_va = heap_key ^ va;
	uint32_t tail;
	if (is_64bit) {
		uint64_t plain = psc_le64(bytes) ^ key_and_va;
		ret->cost = (uint32_t)(plain & 0xffff);
		ret->size = (uint32_t)(plain >> 16 & 0xffff);
		ret->previous = (uint32_t)(plain >> 32 & 0xffff);
		ret->in_use = (plain >> 48 & 0xff) == 1;
		ret->is_legal = plain >> 49 == 0;
		tail = psc_le32(bytes + 8);
	} else {
		uint32_t plain = psc_le32(bytes) ^ (uint32_t)key_and_va;
		ret->cost = plain & 1;
		ret->size = plain >> 1 & 0x7fff;
		ret->previous = plain >> 16 & 0x7fff;
		ret->in_use = plain >> 31 != 0;
		ret->is_legal = true;
		tail = psc_le32(bytes + 4);
	}
	ret->page_offset = (tail ^ (uint32_t)key_and_va) & 0xff;
	ret->has_unused = (tail >> 8 & 1) != 0;
	ret->skip_during_walk = (tail >> 9 & 1) != 0;
}

void psc_lfh_layout_init(struct psc_lfh_layout *ret, uint32_t build, bool is_64bit)
{
	static const struct psc_lfh_layout x86 = {0x10, 0x12,  0x17,  0x18, 0x1c, 0x1d, 0x1e,
						  0x20, false, false, true, 0x8,  false};
	static const struct psc_lfh_layout x64 = {0x20, 0x22,  0x27,  0x28, 0x2c, 0x2d, 0x2e,
						  0x30, false, false, true, 0x10, false};
	static const struct psc_lfh_layout x64_26100 = {0x20, 0x22, 0x25, 0x28,  0x26, 0x27, 0x18,
							0x40, true, true, false, 0x10, true};
	*ret = !is_64bit ? x86 : build >= 26000 ? x64_26100 : x64;
}

uint32_t psc_lfh_bucket_step(uint32_t block_bytes, uint32_t unit_bytes)
{
	uint32_t units = block_bytes / unit_bytes, step;
	if (block_bytes == 0 || block_bytes % unit_bytes != 0 || units > 0x400)
		return 0;
	/* In units, for the reference gives sizes of x64: 40 of 10, 10 of 40, 10 of 80, 10 of 100, 10 of 200. */
	step = units <= 0x40 ? 1 : units <= 0x80 ? 4 : units <= 0x100 ? 8 : units <= 0x200 ? 16 : 32;
	return units % step == 0 ? step * unit_bytes : 0;
}

bool psc_lfh_parse(const uint8_t *bytes, uint64_t va, const struct psc_lfh_layout *l, uint32_t unit_bytes,
		   struct psc_lfh_subsegment *ret)
{
	uint32_t shift = bytes[l->unit_shift];
	ret->va = va;
	ret->free_count = psc_le16(bytes + l->free_count);
	ret->withheld = bytes[l->withheld];
	ret->slots = psc_le16(bytes + l->block_count) + ret->withheld;
	ret->block_offsets = psc_le32(bytes + l->block_offsets);
	ret->unit_count = bytes[l->unit_count];
	ret->commit_state = l->commit_state_in_qwords ? bytes[l->commit_state] * 8u : psc_le16(bytes + l->commit_state);
	ret->first = ret->block_bytes = 0;
	if (va % PSC_PAGE_BYTES != 0 || ret->slots == 0 || ret->free_count > ret->slots || ret->unit_count == 0 ||
	    shift < PSC_PAGE_SHIFT || shift > 20)
		return false;
	ret->range_bytes = (uint64_t)ret->unit_count << shift;
	uint32_t bits = l->one_bit ? (ret->slots + 63) / 64 * 64 : (ret->slots * 2 + 7) / 8 * 8;
	ret->bitmap_bytes = bits / 8;
	return ret->range_bytes <= PSC_LFH_RANGE_MAX &&
	       l->bitmap + ret->bitmap_bytes + (uint64_t)ret->slots * unit_bytes <= ret->range_bytes;
}

uint32_t psc_lfh_masked_offsets(const struct psc_lfh_subsegment *s, const struct psc_lfh_layout *l)
{
	uint64_t va = l->full_shift ? s->va : (uint32_t)s->va;
	return s->block_offsets ^ (uint32_t)(va >> PSC_PAGE_SHIFT);
}

uint32_t psc_lfh_crossing(uint32_t first, uint32_t block_bytes, uint32_t slots)
{
	uint32_t n = 0;
	uint64_t at = first;
	if (PSC_PAGE_BYTES % block_bytes == 0 && first % block_bytes == 0)
		return 0;
	for (uint32_t i = 0; i < slots; i++, at += block_bytes)
		n += at / PSC_PAGE_BYTES != (at + block_bytes - 1) / PSC_PAGE_BYTES;
	return n;
}

static bool extent_legal(const struct psc_lfh_subsegment *s, const struct psc_lfh_layout *l, uint32_t unit_bytes)
{
	return psc_lfh_bucket_step(s->block_bytes, unit_bytes) != 0 && s->first % unit_bytes == 0 &&
	       s->first >= l->bitmap + s->bitmap_bytes &&
	       s->first + (uint64_t)s->slots * s->block_bytes <= s->range_bytes;
}

bool psc_lfh_geometry_legal(const struct psc_lfh_subsegment *s, const struct psc_lfh_layout *l, uint32_t unit_bytes)
{
	/* Blocks above a page cross one always: what of them is withheld is not known. */
	return extent_legal(s, l, unit_bytes) && (s->block_bytes >= PSC_PAGE_BYTES ||
						  psc_lfh_crossing(s->first, s->block_bytes, s->slots) == s->withheld);
}

static void unmask(struct psc_lfh_subsegment *s, const struct psc_lfh_layout *l, uint32_t lfh_key)
{
	uint32_t plain = psc_lfh_masked_offsets(s, l) ^ lfh_key;
	s->block_bytes = plain & 0xffff;
	s->first = plain >> 16;
}

bool psc_lfh_unmask(struct psc_lfh_subsegment *s, const struct psc_lfh_layout *l, uint32_t lfh_key, uint32_t unit_bytes)
{
	/* Which part of the address is shifted is certain for 19041 only. */
	struct psc_lfh_layout other = *l;
	other.full_shift = !l->full_shift;
	unmask(s, l, lfh_key);
	if (extent_legal(s, l, unit_bytes))
		return true;
	unmask(s, &other, lfh_key);
	return extent_legal(s, l, unit_bytes);
}

bool psc_lfh_decode(struct psc_lfh_subsegment *s, const struct psc_lfh_layout *l, uint32_t lfh_key, uint32_t unit_bytes)
{
	unmask(s, l, lfh_key);
	return psc_lfh_geometry_legal(s, l, unit_bytes);
}

uint32_t psc_lfh_busy_count(const uint8_t *bitmap, const struct psc_lfh_subsegment *s, const struct psc_lfh_layout *l)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < s->slots; i++)
		n += psc_lfh_slot_busy(bitmap, l, i);
	return n;
}
