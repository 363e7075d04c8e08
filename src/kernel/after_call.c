/* SPDX-License-Identifier: MIT */
/* Does a call instruction end at an address? Encodings: Intel and Arm manuals. */
#include "kernel/unwind.h"

#include "util/bytes.h"
#include <string.h>

#define LONGEST 7u

/* FF /2 of exactly n bytes, prefixes not counted. */
static bool is_indirect_call(const uint8_t *p, unsigned n)
{
	unsigned mod, rm, length = 2;
	if (n < 2 || p[0] != 0xff || (p[1] >> 3 & 7) != 2)
		return false;
	mod = p[1] >> 6;
	rm = p[1] & 7;
	if (mod == 3)
		return n == 2;
	if (rm == 4) {
		if (n < 3)
			return false;
		length = 3;
		if (mod == 0 && (p[2] & 7) == 5)
			length += 4;
	} else if (mod == 0 && rm == 5) {
		length += 4;
	}
	length += mod == 1 ? 1 : mod == 2 ? 4 : 0;
	return n == length;
}

static bool ends_in_call_x86(const uint8_t end[LONGEST], size_t have)
{
	const uint8_t *e = end + LONGEST;
	if (have >= 5 && e[-5] == 0xe8)
		return true;
	for (unsigned n = 2; n <= have; n++)
		if (is_indirect_call(e - n, n))
			return true;
	return false;
}

static bool is_call_arm64(uint32_t w)
{
	return w >> 26 == 0x25 ||                  /* bl */
	       (w & 0xfffffc1fu) == 0xd63f0000u || /* blr */
	       (w & 0xfefff800u) == 0xd63f0800u;   /* blraa, blrab, blraaz, blrabz */
}

int psc_is_after_call(const struct psc_unwind_memory *m, enum psc_machine machine, uint64_t va)
{
	uint8_t b[LONGEST];
	if (va < LONGEST)
		return 0;
	if (machine == PSC_MACHINE_ARM64) {
		if (va % 4 != 0)
			return 0;
		return m->read(m->arg, va - 4, b, 4) == 4 ? is_call_arm64(psc_le32(b)) : -1;
	}
	if (m->read(m->arg, va - LONGEST, b, LONGEST) == LONGEST)
		return ends_in_call_x86(b, LONGEST);
	/* The bytes before it may lie on a page that is missing. */
	for (unsigned n = LONGEST - 1; n >= 2; n--)
		if (m->read(m->arg, va - n, b + LONGEST - n, n) == n)
			return ends_in_call_x86(b, n) ? 1 : -1;
	return -1;
}
