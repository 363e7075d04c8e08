/* SPDX-License-Identifier: MIT */
/* Header fields under the fill rule (reference: dumps 2 [V]): the writer fills the header with "PAGE" first, other
 * programs with zeros. Pattern: absent, always. Zero: absent where zero makes no sense. */
#ifndef PSC_IMAGE_FIELDS_H
#define PSC_IMAGE_FIELDS_H

#include "image/internal.h"
#include "util/bytes.h"

enum psc_zero_rule { PSC_ZERO_IS_VALUE, PSC_ZERO_IS_ABSENT };

static inline uint32_t psc_field_u32(const uint8_t *p)
{
	uint32_t v = psc_le32(p);
	return v == PSC_FILL_U32 ? 0 : v;
}

static inline uint64_t psc_field_u64(const uint8_t *p)
{
	uint64_t v = psc_le64(p);
	return v == PSC_FILL_U64 ? 0 : v;
}

static inline void psc_field_mark(struct psc_dump_header *h, enum psc_header_field f, bool present)
{
	if (present)
		h->present |= UINT32_C(1) << f;
}

static inline uint32_t psc_field_get32(struct psc_dump_header *h, enum psc_header_field f, const uint8_t *p,
				       enum psc_zero_rule zero)
{
	uint32_t v = psc_field_u32(p);
	psc_field_mark(h, f, v != 0 || (zero == PSC_ZERO_IS_VALUE && psc_le32(p) == 0));
	return v;
}

static inline uint64_t psc_field_get64(struct psc_dump_header *h, enum psc_header_field f, const uint8_t *p,
				       enum psc_zero_rule zero)
{
	uint64_t v = psc_field_u64(p);
	psc_field_mark(h, f, v != 0 || (zero == PSC_ZERO_IS_VALUE && psc_le64(p) == 0));
	return v;
}

static inline enum psc_machine psc_field_machine(uint32_t value)
{
	switch (value) {
	case PSC_MACHINE_X86:
		return PSC_MACHINE_X86;
	case PSC_MACHINE_X64:
		return PSC_MACHINE_X64;
	case PSC_MACHINE_ARM64:
		return PSC_MACHINE_ARM64;
	default:
		return PSC_MACHINE_UNKNOWN;
	}
}

/* 128 bytes, zero-terminated if shorter. */
static inline void psc_field_comment(char ret[129], const uint8_t *p)
{
	size_t n = 0;
	if (psc_le64(p) != PSC_FILL_U64)
		for (; n < 128 && p[n] != 0; n++)
			ret[n] = p[n] >= 0x20 && p[n] < 0x7f ? (char)p[n] : '?';
	while (n > 0 && ret[n - 1] == ' ')
		n--;
	ret[n] = '\0';
}

#endif
