/* SPDX-License-Identifier: MIT */
/* The ring of recent allocations and frees of verified drivers. Reference: pool 8.4: symbols and types [V]; the newest
 * record is the one that VfPoolTracesIndex counts last [2]. */
#include "blame/verifier_internal.h"

#include <string.h>

#define LENGTH_MAX ((uint32_t)1 << 24)
/* _VF_POOL_TRACE where its layout is not in the profile (pool 8.4 [V]). */
#define FRAMES_OLD 13u
#define FRAMES_NEW 50u
#define BUILD_NEW  22000u
/* Looks for cancellation once for so many. */
#define CANCEL_RECORDS 1024u

struct layout {
	uint32_t stack, n_frames, record_bytes;
};

static void find_layout(const struct psc_kernel *k, struct layout *ret)
{
	const struct psc_field *f = psc_profile_field(&k->profile, PSC_FIELD_VF_POOL_TRACE_StackTrace);
	const unsigned ptr = psc_pointer_bytes(&k->space);
	ret->stack = 3 * ptr;
	ret->n_frames = k->id.build >= BUILD_NEW ? FRAMES_NEW : FRAMES_OLD;
	if (f && f->offset == ret->stack && f->struct_size > f->offset && f->struct_size <= 0x400)
		ret->n_frames = (f->struct_size - f->offset) / ptr;
	if (ret->n_frames > PSC_TRACE_FRAMES_MAX)
		ret->n_frames = PSC_TRACE_FRAMES_MAX;
	ret->record_bytes = ret->stack + ret->n_frames * ptr;
}

static void parse(const struct psc_kernel *k, const struct layout *l, const uint8_t *b, struct psc_trace *ret)
{
	const unsigned ptr = psc_pointer_bytes(&k->space);
	ret->va = psc_le_ptr(b, k->space.is_32bit);
	ret->size_bytes = psc_le_ptr(b + ptr, k->space.is_32bit);
	ret->thread = psc_le_ptr(b + 2 * ptr, k->space.is_32bit);
	ret->n_frames = 0;
	for (uint32_t i = 0; i < l->n_frames; i++) {
		uint64_t frame = psc_le_ptr(b + l->stack + (size_t)i * ptr, k->space.is_32bit);
		if (!psc_is_kernel_va(&k->space, frame))
			break;
		ret->frames[ret->n_frames++] = frame;
	}
}

enum psc_status psc_traces_read(struct psc_kernel *k, bool (*visit)(void *arg, const struct psc_trace *t), void *arg,
				struct psc_traces *ret, struct psc_error *reterr)
{
	struct layout l;
	uint64_t ring;
	uint32_t length, index;
	(void)reterr;
	memset(ret, 0, sizeof(*ret));
	if (!psc_kernel_read_ptr(k, PSC_SYM_VfPoolTraces, &ring) ||
	    !psc_kernel_read_u32(k, PSC_SYM_VfPoolTracesLength, &length) ||
	    !psc_kernel_read_u32(k, PSC_SYM_VfPoolTracesIndex, &index)) {
		ret->why_not = psc_kernel_sym(k, PSC_SYM_VfPoolTraces) == 0
				       ? "VfPoolTraces is not known without symbols of this kernel"
				       : "VfPoolTraces is not in the dump";
		return PSC_OK;
	}
	if (ring == 0 || length == 0) {
		ret->why_not = "the log of pool operations was off (Verifier without pool tracking)";
		return PSC_OK;
	}
	if (!psc_is_kernel_va(&k->space, ring) || length > LENGTH_MAX || (length & (length - 1)) != 0) {
		ret->why_not = "VfPoolTraces does not describe a log: no address, or a length that is no power of two";
		return PSC_OK;
	}
	find_layout(k, &l);
	ret->available = true;
	ret->length = length;
	for (uint32_t i = 0; i < length; i++) {
		uint8_t b[3 * 8 + PSC_TRACE_FRAMES_MAX * 8];
		struct psc_trace t;
		if (i % CANCEL_RECORDS == 0 && psc_image_is_cancelled(k->img))
			break;
		uint64_t va = ring + (uint64_t)((index - i) & (length - 1)) * l.record_bytes;
		if (psc_read_va(&k->reader, va, b, l.record_bytes) != l.record_bytes) {
			ret->missing++;
			continue;
		}
		parse(k, &l, b, &t);
		if (t.va == 0)
			continue; /* never used, or being written */
		t.age = i;
		ret->records++;
		if (!visit(arg, &t))
			break;
	}
	return PSC_OK;
}
