/* SPDX-License-Identifier: MIT */
/* The list of findings. */
#include "kernel/infer.h"

#include "util/vec.h"
#include <stdarg.h>
#include <stdio.h>

#define EVIDENCE_MAX 400u

static struct psc_inferred *add(struct psc_kernel *k, const char *name, const char *kind, uint64_t value,
				enum psc_confidence confidence, uint32_t checks, const char *fmt, va_list args)
{
	char text[EVIDENCE_MAX];
	if (k->n_inferred >= PSC_INFERRED_MAX ||
	    (k->n_inferred >= k->cap_inferred &&
	     !psc_vec_grow((void **)&k->inferred, &k->cap_inferred, k->n_inferred, sizeof(*k->inferred))))
		return NULL;
	vsnprintf(text, sizeof(text), fmt, args);
	const char *evidence = psc_arena_strdup(&k->arena, text);
	struct psc_inferred *item = &k->inferred[k->n_inferred++];
	*item = (struct psc_inferred){0};
	item->name = name;
	item->kind = kind;
	item->value = confidence >= PSC_CONFIDENCE_WEAK ? value : 0;
	item->confidence = confidence;
	item->checks = checks;
	item->evidence = evidence ? evidence : "";
	return item;
}

struct psc_inferred *psc_infer_note(struct psc_kernel *k, const char *name, const char *kind, uint64_t value,
				    enum psc_confidence confidence, uint32_t checks, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	struct psc_inferred *item = add(k, name, kind, value, confidence, checks, fmt, args);
	va_end(args);
	return item;
}

struct psc_inferred *psc_infer_sym(struct psc_kernel *k, enum psc_sym s, uint64_t va, enum psc_confidence confidence,
				   uint32_t checks, const char *fmt, ...)
{
	va_list args;
	if (confidence >= PSC_CONFIDENCE_WEAK) {
		k->found[s].va = va;
		k->found[s].origin = PSC_ORIGIN_INFERRED;
	}
	va_start(args, fmt);
	struct psc_inferred *item = add(k, psc_sym_name(s), "address", va, confidence, checks, fmt, args);
	va_end(args);
	return item;
}

bool psc_infer_arrays_differ(struct psc_kernel *k, uint64_t at, const uint64_t *others, size_t n_others, size_t n)
{
	const unsigned ptr = psc_pointer_bytes(&k->space);
	uint64_t a, b;
	for (size_t i = 0; i < n_others; i++)
		for (size_t j = 0; j < n; j++)
			if (!psc_read_ptr(&k->reader, at + j * ptr, &a) ||
			    !psc_read_ptr(&k->reader, others[i] + j * ptr, &b) || a != b)
				return true;
	return false;
}

const char *psc_infer_field_text(struct psc_kernel *k, enum psc_field_id f)
{
	const char *type, *field = psc_field_name(f, &type);
	const char *text = psc_arena_printf(&k->arena, "%s.%s", type, field);
	return text ? text : "";
}

struct psc_inferred *psc_infer_field(struct psc_kernel *k, enum psc_field_id f, uint32_t offset, uint32_t size_bytes,
				     uint32_t struct_size, enum psc_confidence confidence, uint32_t checks,
				     const char *fmt, ...)
{
	va_list args;
	if (confidence >= PSC_CONFIDENCE_WEAK)
		k->profile.fields[f] = (struct psc_field){.origin = PSC_ORIGIN_INFERRED,
							  .offset = offset,
							  .size_bytes = size_bytes,
							  .struct_size = struct_size};
	va_start(args, fmt);
	struct psc_inferred *item = add(k, psc_infer_field_text(k, f), "offset", offset, confidence, checks, fmt, args);
	va_end(args);
	return item;
}

void psc_infer_drop_field(struct psc_kernel *k, enum psc_field_id f)
{
	k->profile.fields[f] = (struct psc_field){0};
}

void psc_infer_alternatives(struct psc_kernel *k, struct psc_inferred *item, const uint64_t *values, size_t n)
{
	if (!item || n == 0)
		return;
	if (n > PSC_ALTERNATIVES_MAX)
		n = PSC_ALTERNATIVES_MAX;
	uint64_t *copy = psc_arena_alloc_array(&k->arena, n, sizeof(*copy));
	if (!copy)
		return;
	for (size_t i = 0; i < n; i++)
		copy[i] = values[i];
	item->alternatives = copy;
	item->n_alternatives = n;
}
