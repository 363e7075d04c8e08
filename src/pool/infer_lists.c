/* SPDX-License-Identifier: MIT */
/* Where in the processor blocks the pool's lookaside lists are. Reference: pool 3.7, 3.9 [V places, 1 sizes].
 *
 * There are 32 lists per kind; list i is for blocks of i + 1 units and says so in its Size. That is 32 comparisons per
 * processor, which nothing else in a processor block passes. */
#include "pool/infer.h"
#include "util/bytes.h"

#define LISTS     32u
#define LISTS_MIN 24u /* readable ones */
#define FOUND_MAX 4u
#define PRCB_MAX  0x10000u
#define TYPE_NX   0x200u
#define CPUS_MAX  64u

/* Of _GENERAL_LOOKASIDE and _GENERAL_LOOKASIDE_POOL alike. */
struct offsets {
	unsigned stride, type, size;
};
static const struct offsets offsets32 = {0x48, 0x1c, 0x24}, offsets64 = {0x60, 0x24, 0x2c};

struct array {
	uint32_t offset; /* in _KPRCB */
	uint32_t type;   /* of its first list */
	unsigned n_checks;
};

static uint64_t list_va(struct psc_kernel *k, const struct offsets *o, uint64_t array, unsigned i, bool is_pointer)
{
	const unsigned ptr = psc_pointer_bytes(&k->space);
	uint64_t va;
	if (!is_pointer)
		return array + (uint64_t)i * o->stride;
	return psc_read_ptr(&k->reader, array + (uint64_t)i * 2 * ptr, &va) && psc_is_kernel_va(&k->space, va) ? va : 0;
}

static bool is_array(struct psc_kernel *k, const struct offsets *o, uint64_t array, bool is_pointer, struct array *ret)
{
	const uint32_t unit = psc_kernel_is_64bit(k) ? 16 : 8;
	unsigned n = 0;
	for (unsigned i = 0; i < LISTS; i++) {
		uint64_t va = list_va(k, o, array, i, is_pointer);
		uint32_t size;
		if (va == 0 && is_pointer)
			return false;
		if (!psc_read_u32(&k->reader, va + o->size, &size))
			continue;
		if (size != (i + 1) * unit)
			return false;
		if (n++ == 0 && !psc_read_u32(&k->reader, va + o->type, &ret->type))
			ret->type = 0;
	}
	ret->n_checks += n;
	return n >= LISTS_MIN;
}

static uint32_t prcb_bytes(const struct psc_kernel *k)
{
	if (k->kdbg.size_prcb != 0)
		return k->kdbg.size_prcb;
	return psc_kernel_is_64bit(k) ? PRCB_MAX : PRCB_MAX / 4;
}

/* In every processor's block; blocks that are not in the dump do not speak. */
static bool holds_everywhere(struct psc_kernel *k, const struct offsets *o, bool is_pointer, struct array *a)
{
	size_t n = 0;
	for (size_t cpu = 0; cpu < k->n_prcb && cpu < CPUS_MAX; cpu++) {
		uint64_t va = k->prcb[cpu] + a->offset;
		uint8_t byte;
		if (!psc_read_u8(&k->reader, va, &byte))
			continue;
		if (!is_array(k, o, va, is_pointer, a))
			return false;
		n++;
	}
	return n != 0;
}

static size_t find_arrays(struct psc_kernel *k, const struct offsets *o, bool is_pointer, struct array ret[FOUND_MAX])
{
	const unsigned ptr = psc_pointer_bytes(&k->space);
	const uint32_t room = LISTS * (is_pointer ? 2 * ptr : o->stride), end = prcb_bytes(k);
	size_t n = 0;
	for (uint32_t off = 0; off + room <= end && n < FOUND_MAX; off += ptr) {
		struct array a = {off, 0, 0};
		if (!holds_everywhere(k, o, is_pointer, &a))
			continue;
		ret[n++] = a;
		off += room - ptr;
	}
	return n;
}

static void put(struct psc_kernel *k, enum psc_field_id f, const struct array *a, enum psc_confidence c,
		const char *how)
{
	psc_infer_field(k, f, a->offset, 0, 0, c, a->n_checks,
			"32 lists whose Size is the unit times 1 to 32, in each processor block; %s", how);
}

static void drop(struct psc_kernel *k)
{
	psc_infer_drop_field(k, PSC_FIELD_KPRCB_PPNPagedLookasideList);
	psc_infer_drop_field(k, PSC_FIELD_KPRCB_PPPagedLookasideList);
	psc_infer_drop_field(k, PSC_FIELD_KPRCB_PPNxPagedLookasideList);
}

static bool is_paged(const struct array *a)
{
	return (a->type & 1) != 0;
}

/* Their order in the block is that of every known build: NX first, then nonpaged, then paged (reference: pool 3.7). */
static bool assign(struct psc_kernel *k, const struct array *a, size_t n)
{
	const struct array *paged = NULL, *plain[2] = {NULL, NULL};
	size_t n_plain = 0, n_paged = 0;
	for (size_t i = 0; i < n; i++) {
		if (is_paged(&a[i])) {
			paged = &a[i];
			n_paged++;
		} else if (n_plain < 2) {
			plain[n_plain++] = &a[i];
		} else {
			return false;
		}
	}
	if (n_paged != 1 || n_plain == 0)
		return false;
	bool second_is_nx = n_plain == 2 && (plain[1]->type & TYPE_NX) != 0 && (plain[0]->type & TYPE_NX) == 0;
	drop(k);
	put(k, PSC_FIELD_KPRCB_PPPagedLookasideList, paged, PSC_CONFIDENCE_PROVEN, "their Type is paged");
	put(k, PSC_FIELD_KPRCB_PPNPagedLookasideList, plain[n_plain == 2 && !second_is_nx ? 1 : 0],
	    PSC_CONFIDENCE_PROVEN, "their Type is nonpaged");
	if (n_plain == 2)
		put(k, PSC_FIELD_KPRCB_PPNxPagedLookasideList, plain[second_is_nx ? 1 : 0], PSC_CONFIDENCE_LIKELY,
		    "the other one whose Type is nonpaged");
	return true;
}

void psc_infer_lookasides(struct psc_kernel *k)
{
	const struct psc_field *known = psc_profile_field(&k->profile, PSC_FIELD_KPRCB_PPNPagedLookasideList);
	const struct offsets *o = psc_kernel_is_64bit(k) ? &offsets64 : &offsets32;
	const bool is_pointer = !k->is_vista_or_later;
	struct array found[FOUND_MAX];
	if (k->n_prcb == 0 || psc_pool_allocator(k) == PSC_ALLOCATOR_SEGMENT_HEAP)
		return;
	if (known) {
		struct array a = {known->offset, 0, 0};
		if (known->origin > PSC_ORIGIN_BUILTIN_RANGE || holds_everywhere(k, o, is_pointer, &a))
			return;
	}
	size_t n = find_arrays(k, o, is_pointer, found);
	uint32_t before = known ? known->offset : 0;
	if (n == 0)
		return; /* what is known may still be right: the sizes are only described, not seen */
	if (!assign(k, found, n)) {
		uint64_t offsets[FOUND_MAX];
		for (size_t i = 0; i < n; i++)
			offsets[i] = found[i].offset;
		psc_infer_alternatives(k,
				       psc_infer_note(k, "_KPRCB.PPNPagedLookasideList", "offset", 0,
						      PSC_CONFIDENCE_AMBIGUOUS, found[0].n_checks,
						      "%zu arrays of lookaside lists, but their types do not say which "
						      "is which",
						      n),
				       offsets, n);
		return;
	}
	if (before != 0)
		psc_infer_note(k, "_KPRCB", "offset", 0, PSC_CONFIDENCE_REJECTED, 0,
			       "the built-in offset %x of PPNPagedLookasideList does not lead to lookaside lists",
			       (unsigned)before);
}
