/* SPDX-License-Identifier: MIT */
/* Contexts that a minifilter registers: their tags stand in a table, not in a call. Layout of FLT_REGISTRATION and
 * FLT_CONTEXT_REGISTRATION: Microsoft's public documentation of fltkernel.h. */
#include "blame/scan.h"

#include "util/bytes.h"

#define CONTEXT_END     0xffffu
#define NO_EXACT_SIZE   0x1u /* a smaller size is also served by this one */
#define CONTEXTS_OFFSET 8u   /* FLT_REGISTRATION.ContextRegistration */

static uint64_t pointer(const struct psc_code_image *img, const uint8_t *p)
{
	return img->pointer_bytes == 8 ? psc_le64(p) : psc_le32(p);
}

static bool is_known(const struct psc_scan *s, const struct psc_context *c)
{
	for (unsigned i = 0; i < s->n_contexts; i++)
		if (s->contexts[i].type == c->type && s->contexts[i].tag == c->tag &&
		    s->contexts[i].size_bytes == c->size_bytes)
			return true;
	return false;
}

void psc_scan_registration(struct psc_scan *s, const struct psc_val *where,
			   void (*give)(void *arg, const struct psc_context *c, bool is_soft), void *arg)
{
	const struct psc_code_image *img = s->img;
	const uint32_t w = img->pointer_bytes, entry = w == 8 ? 0x38 : 0x1c;
	uint64_t va;
	if (!psc_val_is_const(where, &va))
		return;
	const uint8_t *r = psc_code_at_va(img, va, CONTEXTS_OFFSET + w);
	if (r == NULL)
		return;
	va = pointer(img, r + CONTEXTS_OFFSET);
	for (unsigned i = 0; i < PSC_CONTEXTS_MAX; i++) {
		const uint8_t *p = psc_code_at_va(img, va + (uint64_t)i * entry, entry);
		if (p == NULL || psc_le16(p) == CONTEXT_END)
			return;
		struct psc_context c = {psc_le16(p), psc_le16(p + 2), psc_le32(p + 3 * w), pointer(img, p + 2 * w)};
		if (w == 4 && c.size_bytes == UINT32_MAX)
			c.size_bytes = PSC_CONTEXT_ANY_SIZE;
		const struct psc_code_section *sec = psc_code_section_at(img, va + (uint64_t)i * entry - img->base);
		if (!is_known(s, &c) && s->n_contexts < PSC_CONTEXTS_MAX)
			s->contexts[s->n_contexts++] = c;
		give(arg, &c, sec == NULL || sec->is_writable);
	}
}

static bool serves(const struct psc_context *c, const struct psc_val *size)
{
	uint64_t n;
	if (c->size_bytes == PSC_CONTEXT_ANY_SIZE || !psc_val_is_const(size, &n))
		return true;
	return c->size_bytes == n || ((c->flags & NO_EXACT_SIZE) != 0 && n < c->size_bytes);
}

struct psc_val psc_scan_context_tags(const struct psc_scan *s, const struct psc_val *type, const struct psc_val *size)
{
	struct psc_val all = psc_val_of(PSC_VAL_TOP, 0, 0);
	uint64_t t;
	bool any = false;
	if (!psc_val_is_const(type, &t))
		return type->kind == PSC_VAL_ARG ? *type : all;
	for (unsigned i = 0; i < s->n_contexts; i++) {
		const struct psc_context *c = &s->contexts[i];
		if (c->type != (uint16_t)t || !serves(c, size))
			continue;
		struct psc_val one = psc_val_const(c->tag);
		all = any ? psc_val_join(&all, &one) : one;
		any = true;
	}
	return all;
}
