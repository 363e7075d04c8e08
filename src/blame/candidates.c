/* SPDX-License-Identifier: MIT */
/* Instructions that may refer to a target, by looking at every byte of code once. Cheap and inexact: what is found is
 * disassembled afterwards, so a false candidate costs time, not truth. */
#include "blame/scan.h"

#include "util/bytes.h"
#include "util/vec.h"
#include <string.h>

#define LOOK_AHEAD 256u /* ARM64: instructions between adrp and its use */
#define NEAR       64u  /* bytes: tables are addressed by their start */

static void add(struct psc_scan *s, struct psc_positions *r, uint32_t rva)
{
	if (r->n > 0 && r->items[r->n - 1] == rva)
		return;
	if (!PSC_VEC_RESERVE_ONE(r)) {
		s->no_memory = true;
		return;
	}
	r->items[r->n++] = rva;
}

/* Where direct calls of other modules' routines may go; false: there are none to look for. */
static bool outside_range(const struct psc_scan *s, uint64_t *ret_lo, uint64_t *ret_hi)
{
	const struct psc_externs *e = s->externs;
	const struct psc_foreigns *f = s->img->from_file ? NULL : s->foreigns;
	*ret_lo = UINT64_MAX;
	*ret_hi = 0;
	if (e != NULL && e->n > 0) {
		*ret_lo = e->items[0].va;
		*ret_hi = e->items[e->n - 1].va;
	}
	if (f != NULL && f->n > 0) {
		*ret_lo = f->items[0].va < *ret_lo ? f->items[0].va : *ret_lo;
		*ret_hi = f->items[f->n - 1].va > *ret_hi ? f->items[f->n - 1].va : *ret_hi;
	}
	return s->round == 0 && *ret_lo <= *ret_hi;
}

static void scan_x86(struct psc_scan *s, const struct psc_code_section *sec, struct psc_positions *r)
{
	const struct psc_code_image *img = s->img;
	bool is_x64 = img->pointer_bytes == 8, first = s->round == 0;
	uint32_t end = sec->rva + sec->size_bytes, size = img->size_bytes;
	const uint8_t *b = img->bytes;
	uint32_t base = (uint32_t)img->base;
	uint64_t lo, hi;
	bool has_outside = outside_range(s, &lo, &hi);
	for (uint32_t p = sec->rva; p + 4 <= end; p++) {
		if (p % PSC_CODE_PAGE_BYTES == 0 && !psc_code_page_present(img, p)) {
			p += PSC_CODE_PAGE_BYTES - 1;
			continue;
		}
		uint32_t v = psc_le32(b + p), t = p + 4 + v;
		if (t < size) {
			if (psc_bit_get(s->want, t))
				add(s, r, p);
			if (first && v != 0 && p > sec->rva && b[p - 1] == 0xe8)
				psc_bit_set(s->starts, t);
		} else if (has_outside && p > sec->rva && (b[p - 1] & 0xfe) == 0xe8) {
			uint64_t va = img->base + p + 4 + (uint64_t)(int64_t)(int32_t)v;
			va = is_x64 ? va : va & UINT32_MAX;
			if (va >= lo && va <= hi && psc_scan_outside(s, va) != 0)
				add(s, r, p);
		}
		if (!is_x64 && v - base < size && psc_bit_get(s->want, v - base))
			add(s, r, p);
		/* Short jumps: a tail call of a neighbour. */
		if (p > sec->rva && (b[p - 1] == 0xeb || (b[p - 1] & 0xf0) == 0x70)) {
			t = p + 1 + (uint32_t)(int32_t)(int8_t)b[p];
			if (t < size && psc_bit_get(s->want, t))
				add(s, r, p);
		}
	}
}

static uint32_t sign_extend(uint32_t v, unsigned bits)
{
	uint32_t sign = (uint32_t)1 << (bits - 1);
	return (v ^ sign) - sign;
}

static bool any_near(const struct psc_scan *s, uint32_t rva)
{
	for (uint32_t i = 0; i < NEAR; i += 4)
		if (rva + i < s->img->size_bytes && psc_bit_get(s->want, rva + i))
			return true;
	return false;
}

/* Does something behind the adrp at p use its page to address a target? */
static bool adrp_is_used(const struct psc_scan *s, uint32_t p, uint32_t end, uint32_t page, unsigned reg)
{
	const uint8_t *b = s->img->bytes;
	for (uint32_t q = p + 4; q + 4 <= end && q < p + 4 * LOOK_AHEAD; q += 4) {
		uint32_t w = psc_le32(b + q), off = w >> 10 & 0xfff;
		bool from_reg = (w >> 5 & 31) == reg;
		if ((w & 0xffc00000) == 0xf9400000 && from_reg) { /* ldr x, [x, #off * 8] */
			if (page + off * 8 < s->img->size_bytes && psc_bit_get(s->want, page + off * 8))
				return true;
		} else if ((w & 0xffc00000) == 0x91000000 && from_reg) { /* add x, x, #off */
			if (page + off < s->img->size_bytes && any_near(s, page + off))
				return true;
		}
		if ((w & 0x9f000000) == 0x90000000 && (w & 31) == reg)
			return false; /* another page */
	}
	return false;
}

static void scan_arm64(struct psc_scan *s, const struct psc_code_section *sec, struct psc_positions *r)
{
	const struct psc_code_image *img = s->img;
	uint32_t end = sec->rva + sec->size_bytes, size = img->size_bytes;
	const uint8_t *b = img->bytes;
	uint64_t lo, hi;
	bool has_outside = outside_range(s, &lo, &hi);
	for (uint32_t p = (sec->rva + 3) & ~3u; p + 4 <= end; p += 4) {
		uint32_t w = psc_le32(b + p), t = UINT32_MAX;
		if ((w & 0x7c000000) == 0x14000000) /* b, bl */
			t = p + sign_extend(w & 0x3ffffff, 26) * 4;
		else if ((w & 0xff000010) == 0x54000000 || (w & 0x7e000000) == 0x34000000) /* b.cond, cbz, cbnz */
			t = p + sign_extend(w >> 5 & 0x7ffff, 19) * 4;
		else if ((w & 0xbf000000) == 0x18000000) /* ldr literal */
			t = p + sign_extend(w >> 5 & 0x7ffff, 19) * 4;
		else if ((w & 0x9f000000) == 0x10000000) /* adr */
			t = p + sign_extend((w >> 5 & 0x7ffff) << 2 | (w >> 29 & 3), 21);
		if (t < size) {
			if (psc_bit_get(s->want, t))
				add(s, r, p);
			if (s->round == 0 && (w & 0xfc000000) == 0x94000000)
				psc_bit_set(s->starts, t);
		} else if (has_outside && (w & 0x7c000000) == 0x14000000) {
			uint64_t va = img->base + p + (uint64_t)(int64_t)(int32_t)(sign_extend(w & 0x3ffffff, 26) * 4);
			if (va >= lo && va <= hi && psc_scan_outside(s, va) != 0)
				add(s, r, p);
		}
		if ((w & 0x9f000000) == 0x90000000) { /* adrp */
			uint32_t pages = sign_extend((w >> 5 & 0x7ffff) << 2 | (w >> 29 & 3), 21);
			uint32_t page = (uint32_t)((img->base + p) >> 12) - (uint32_t)(img->base >> 12) + pages;
			uint64_t rva = ((img->base >> 12) + page) * 4096 - img->base;
			if (rva < size && adrp_is_used(s, p, end, (uint32_t)rva, w & 31))
				add(s, r, p);
		}
	}
}

void psc_scan_candidates(struct psc_scan *s, struct psc_positions *ret)
{
	for (size_t i = 0; i < s->img->n_sections; i++) {
		const struct psc_code_section *sec = &s->img->sections[i];
		if (!sec->is_code)
			continue;
		if (s->img->machine == PSC_MACHINE_ARM64)
			scan_arm64(s, sec, ret);
		else
			scan_x86(s, sec, ret);
	}
}
