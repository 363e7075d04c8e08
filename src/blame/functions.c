/* SPDX-License-Identifier: MIT */
/* Where functions begin. x64 and ARM64 say so in their unwind data, except for leaf functions; x86 does not: there a
 * function begins where something calls or points to, or behind padding. */
#include "blame/scan.h"

#include "util/bytes.h"
#include <string.h>

#define SEARCH_MAX 0x10000u
#define POPS_MAX   400u /* instructions looked at */

/* Length of the nop at p that ends at or before end, 0 = none: the forms that assemblers pad with. */
static uint32_t nop_length(const uint8_t *p, const uint8_t *end)
{
	uint32_t n = 0, extra;
	while (p + n < end && (p[n] == 0x66 || p[n] == 0x2e))
		n++;
	if (p + n < end && p[n] == 0x90)
		return n + 1;
	if (p + n + 3 > end || p[n] != 0x0f || p[n + 1] != 0x1f)
		return 0;
	switch (p[n + 2]) {
	case 0x00:
		extra = 3;
		break;
	case 0x40:
		extra = 4;
		break;
	case 0x44:
		extra = 5;
		break;
	case 0x80:
		extra = 7;
		break;
	case 0x84:
		extra = 8;
		break;
	default:
		return 0;
	}
	return p + n + extra <= end ? n + extra : 0;
}

static bool is_nops(const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		uint32_t n = nop_length(p, end);
		if (n == 0)
			return false;
		p += n;
	}
	return true;
}

/* Ends at p a return, a jump or a trap? */
static bool is_end_of_flow(const uint8_t *p)
{
	return p[-1] == 0xc3 || (p[-3] == 0xc2 && p[-1] == 0) || p[-5] == 0xe9 || p[-2] == 0xeb ||
	       (p[-6] == 0xff && p[-5] == 0x25) || (p[-2] == 0x0f && p[-1] == 0x0b);
}

/* push ebp; mov ebp, esp, in both encodings, with or without the patchable nop before. */
static bool is_prologue_x86(const uint8_t *p)
{
	return memcmp(p, "\x8b\xff\x55\x8b\xec", 5) == 0 || memcmp(p, "\x55\x8b\xec", 3) == 0 ||
	       memcmp(p, "\x55\x89\xe5", 3) == 0;
}

/* Could what stands before rva be the end of something else? */
static bool is_plausible_start(const struct psc_code_image *img, uint32_t rva)
{
	const uint8_t *b = img->bytes + rva;
	if (img->machine == PSC_MACHINE_ARM64 || rva % 16 == 0 || rva < 8)
		return rva % (img->machine == PSC_MACHINE_ARM64 ? 4 : 1) == 0;
	return b[-1] == 0xcc || b[-1] == 0x90 || is_end_of_flow(b) || b[-5] == 0xe8;
}

bool psc_scan_is_pointed_start(const struct psc_code_image *img, uint32_t rva)
{
	if (img->machine != PSC_MACHINE_X86)
		return true; /* jump tables there hold offsets */
	return rva >= 32 && rva + 5 <= img->size_bytes &&
	       (rva % 16 == 0 || img->bytes[rva - 1] == 0xcc || img->bytes[rva - 1] == 0x90 ||
		is_prologue_x86(img->bytes + rva) || is_end_of_flow(img->bytes + rva));
}

#define NEAR_BEFORE 0x200u
#define NEAR_AFTER  0x80u

/* Does code near by branch to rva? Then rva is inside a function: code after a return, the head of a loop. */
static bool is_branched_to(const struct psc_code_image *img, uint32_t rva, uint32_t lo)
{
	const uint8_t *b = img->bytes;
	uint32_t from = rva - lo > NEAR_BEFORE ? rva - NEAR_BEFORE : lo;
	uint32_t to = img->size_bytes - rva > NEAR_AFTER + 6 ? rva + NEAR_AFTER : rva;
	for (uint32_t p = from; p + 6 < to; p++) {
		if (b[p] == 0xeb || (b[p] & 0xf0) == 0x70) {
			if (p + 2 + (uint32_t)(int32_t)(int8_t)b[p + 1] == rva)
				return true;
		} else if (b[p] == 0xe9 && p < rva) {
			if (p + 5 + psc_le32(b + p + 1) == rva)
				return true;
		} else if (b[p] == 0x0f && (b[p + 1] & 0xf0) == 0x80) {
			if (p + 6 + psc_le32(b + p + 2) == rva)
				return true;
		}
	}
	return false;
}

/* Ends at p a return or a trap? The bytes of a jump may on x86 as well be those of an address. */
static bool is_certain_end(const uint8_t *p)
{
	return p[-1] == 0xc3 || (p[-3] == 0xc2 && p[-1] == 0) || (p[-2] == 0x0f && p[-1] == 0x0b);
}

/* Ends at p a call? Of a routine that does not return, when nothing but padding follows. */
static bool is_call_before(const uint8_t *p)
{
	return p[-5] == 0xe8 || (p[-6] == 0xff && p[-5] == 0x15) || (p[-2] == 0xff && (p[-1] & 0xf8) == 0xd0);
}

/* Behind a return or jump, and padding. */
static bool is_behind_padding(const struct psc_code_image *img, uint32_t rva, uint32_t lo)
{
	const uint8_t *b = img->bytes + rva;
	if (img->machine == PSC_MACHINE_ARM64 || rva < lo + 1 || rva < 32 || rva + 5 > img->size_bytes || b[0] == 0xcc)
		return false;
	if (b[-1] == 0xcc && b[-2] == 0xcc)
		return true;
	/* A single one may as well be a byte of an instruction. */
	if (b[-1] == 0xcc)
		return rva % 16 == 0 && (is_end_of_flow(b - 1) || is_call_before(b - 1) || is_prologue_x86(b));
	if (img->machine == PSC_MACHINE_X86 && is_prologue_x86(b) && is_end_of_flow(b))
		return true;
	if (rva % 16 != 0)
		return false;
	if (img->machine == PSC_MACHINE_X86 && is_end_of_flow(b) && !is_certain_end(b))
		return false;
	for (uint32_t n = 0; n < 16 && rva - n >= lo; n++)
		if ((rva - n == lo || is_end_of_flow(b - n)) && is_nops(b - n, b))
			return !is_branched_to(img, rva, lo);
	return false;
}

/* A jump through a pointer and nothing else, as linkers make for imports. */
static bool is_import_thunk(const struct psc_code_image *img, uint32_t rva, uint32_t lo)
{
	const uint8_t *b = img->bytes + rva;
	if (img->machine == PSC_MACHINE_ARM64) /* adrp x16; ldr x16, [x16]; br x16 */
		return rva + 12 <= img->size_bytes && (psc_le32(b) & 0x9f00001f) == 0x90000010 &&
		       (psc_le32(b + 4) & 0xffc003ff) == 0xf9400210 && psc_le32(b + 8) == 0xd61f0200;
	return rva + 6 <= img->size_bytes && b[0] == 0xff && b[1] == 0x25 &&
	       (rva == lo || (rva >= 8 && (b[-1] == 0xcc || b[-1] == 0x90 || is_end_of_flow(b))));
}

static bool is_start(const struct psc_scan *s, uint32_t rva, uint32_t lo)
{
	if (psc_scan_entry(s, rva) != 0)
		return true;
	if (psc_bit_get(s->inner, rva))
		return false;
	return (psc_bit_get(s->starts, rva) && is_plausible_start(s->img, rva)) || is_behind_padding(s->img, rva, lo) ||
	       is_import_thunk(s->img, rva, lo);
}

/* The bytes around rva that no unwind data describe. */
static bool gap_at(const struct psc_scan *s, uint32_t rva, uint32_t *ret_lo, uint32_t *ret_hi)
{
	const struct psc_code_section *sec = psc_code_section_at(s->img, rva);
	if (sec == NULL)
		return false;
	size_t i = psc_code_part_after(&s->parts, rva);
	*ret_lo = sec->rva;
	*ret_hi = sec->rva + sec->size_bytes;
	if (i < s->parts.n) {
		if (s->parts.items[i].begin <= rva)
			return false;
		if (s->parts.items[i].begin < *ret_hi)
			*ret_hi = s->parts.items[i].begin;
	}
	if (i > 0 && s->parts.items[i - 1].end > *ret_lo)
		*ret_lo = s->parts.items[i - 1].end;
	return true;
}

static bool is_padding(const struct psc_code_image *img, uint32_t rva)
{
	if (img->machine == PSC_MACHINE_ARM64) {
		uint32_t w = psc_le32(img->bytes + rva);
		return w == 0 || w == 0xd503201f;
	}
	return img->bytes[rva] == 0xcc || img->bytes[rva] == 0x90;
}

uint32_t psc_scan_function_of(struct psc_scan *s, uint32_t rva)
{
	const struct psc_code_part *p = psc_code_part_at(&s->parts, rva);
	uint32_t lo, hi, step = s->img->machine == PSC_MACHINE_ARM64 ? 4 : 1;
	if (p != NULL)
		return p->function;
	if (!gap_at(s, rva, &lo, &hi))
		return rva;
	rva -= rva % step;
	uint32_t stop = rva - lo > SEARCH_MAX ? rva - SEARCH_MAX : lo;
	for (uint32_t q = rva;; q -= step) {
		if (q >= lo && is_start(s, q, lo))
			return q;
		if (q < stop + step)
			break;
	}
	for (uint32_t q = stop; q + 4 <= rva; q += step)
		if (!is_padding(s->img, q))
			return q;
	return rva;
}

bool psc_scan_is_inside(void *arg, uint32_t function, uint32_t rva)
{
	struct psc_scan *s = (struct psc_scan *)arg;
	const struct psc_code_part *p = psc_code_part_at(&s->parts, rva), *f = psc_code_part_at(&s->parts, function);
	uint32_t lo, hi;
	if (f != NULL)
		return p != NULL && p->function == f->function && (rva == function || psc_scan_entry(s, rva) == 0);
	if (p != NULL || rva < function || rva - function > SEARCH_MAX || !gap_at(s, function, &lo, &hi) || rva >= hi)
		return false;
	/* Where the next one begins is asked for again and again. */
	if (s->gap_round != s->round + 1 || s->gap_function != function) {
		uint32_t q = function + 1;
		while (q < hi && q - function <= SEARCH_MAX && !is_start(s, q, lo))
			q++;
		s->gap_function = function;
		s->gap_end = q;
		s->gap_round = s->round + 1;
	}
	return rva < s->gap_end;
}

/* The first return of the routine, in a row from its start: compilers put the same number on each. */
uint32_t psc_scan_callee_pops(void *arg, uint32_t rva)
{
	struct psc_scan *s = (struct psc_scan *)arg;
	struct psc_hashkey k = {rva, 0};
	struct psc_ir_insn x;
	bool missing, is_new;
	uint32_t *known = (uint32_t *)psc_hashmap_put(&s->pops, k, &is_new), at = rva;
	if (known == NULL) {
		s->no_memory = true;
		return UINT32_MAX;
	}
	if (!is_new)
		return *known;
	*known = UINT32_MAX;
	uint32_t t = psc_scan_entry(s, rva);
	if (t != 0 && !s->targets.items[t - 1].is_wrapper)
		return *known = 4u * s->targets.items[t - 1].api->n_slots32;
	for (unsigned i = 0; i < POPS_MAX && psc_lift(s->lifter, s->img, at, &x, &missing); i++) {
		if (x.flow == PSC_FLOW_RETURN)
			return *known = x.pop_bytes;
		if (x.flow == PSC_FLOW_STOP)
			break;
		if (x.flow == PSC_FLOW_JUMP && (x.target <= at || x.target - at > 0x1000))
			break;
		at += x.len;
	}
	return UINT32_MAX;
}
