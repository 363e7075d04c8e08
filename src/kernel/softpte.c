/* SPDX-License-Identifier: MIT */
/* Which generation of software PTEs: what symbols or the built-in tables say, held against the entries themselves.
 * Reference: paging 4. */
#include "kernel/infer.h"
#include "kernel/internal.h"

#include "paging/softpte.h"
#include <inttypes.h>

/* MiState.Hardware.InvalidPteMask, or the global of 7 and 8.1 (reference: paging 4 [V]). */
static bool read_mask(struct psc_kernel *k, uint64_t *ret)
{
	const struct psc_field *hw = psc_profile_field(&k->profile, PSC_FIELD_MI_SYSTEM_INFORMATION_Hardware);
	const struct psc_field *mask = psc_profile_field(&k->profile, PSC_FIELD_MI_HARDWARE_STATE_InvalidPteMask);
	uint64_t va = psc_kernel_sym(k, PSC_SYM_MiInvalidPteMask);
	uint64_t state = psc_kernel_sym(k, PSC_SYM_MiState);
	if (!va && hw && mask && state)
		va = state + hw->offset + mask->offset;
	return va && psc_read_u64(&k->reader, va, ret);
}

static bool is_from_file(const struct psc_kernel *k, enum psc_field_id f)
{
	return k->profile.fields[f].origin > PSC_ORIGIN_BUILTIN_RANGE;
}

/* What symbols and tables say. is_given: a symbol file of this very kernel says it. */
struct told {
	struct psc_softpte layout;
	bool is_known, is_given;
	bool is_typed; /* the generation is known, by the built-in tables; the mask may not be */
};

static struct told what_is_told(struct psc_kernel *k)
{
	struct told t = {.layout = k->space.softpte};
	bool swizzle = psc_profile_field(&k->profile, PSC_FIELD_MMPTE_SOFTWARE_SwizzleBit) != NULL;
	bool typed = swizzle || psc_profile_field(&k->profile, PSC_FIELD_MMPTE_SOFTWARE_PageFileLow) != NULL;
	uint64_t mask;
	if (typed && !swizzle) {
		t.layout.new_layout = false;
		t.layout.invalid_pte_mask = 0;
		t.is_known = true;
		t.is_given = is_from_file(k, PSC_FIELD_MMPTE_SOFTWARE_PageFileLow);
	} else if (read_mask(k, &mask)) {
		t.layout.new_layout = true;
		t.layout.invalid_pte_mask = mask;
		t.is_known = true;
		t.is_given = (is_from_file(k, PSC_FIELD_MMPTE_SOFTWARE_SwizzleBit) ||
			      is_from_file(k, PSC_FIELD_MMPTE_SOFTWARE_PageFileLow)) &&
			     (psc_kernel_sym(k, PSC_SYM_MiInvalidPteMask) != 0 ||
			      is_from_file(k, PSC_FIELD_MI_HARDWARE_STATE_InvalidPteMask));
	} else {
		t.layout.new_layout = t.layout.new_layout || swizzle;
		t.is_typed = typed && !is_from_file(k, PSC_FIELD_MMPTE_SOFTWARE_SwizzleBit);
	}
	return t;
}

/* The fields that say it go, so that nothing else is built on them. */
static void reject(struct psc_kernel *k, const struct psc_softpte *told, const struct psc_softpte_fit *fit,
		   const struct psc_softpte *found)
{
	static const enum psc_field_id fields[] = {
		PSC_FIELD_MMPTE_SOFTWARE_PageFileHigh,
		PSC_FIELD_MMPTE_SOFTWARE_PageFileLow,
		PSC_FIELD_MMPTE_SOFTWARE_SwizzleBit,
	};
	const bool is_mask_only = told->new_layout == found->new_layout;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields) && !is_mask_only; i++)
		psc_infer_drop_field(k, fields[i]);
	psc_infer_drop_field(k, PSC_FIELD_MI_HARDWARE_STATE_InvalidPteMask);
	psc_infer_note(k, is_mask_only ? "_MI_HARDWARE_STATE.InvalidPteMask" : "_MMPTE_SOFTWARE",
		       is_mask_only ? "offset" : "value", 0, PSC_CONFIDENCE_REJECTED, fit->n_transition + fit->n_proto,
		       "read by the %s layout with the mask 0x%" PRIx64
		       ", as the built-in tables (%s) have it, %u of %u "
		       "entries in transition name frames above all memory, %u of %u prototypes lead nowhere%s",
		       told->new_layout ? "newer" : "older", told->invalid_pte_mask,
		       k->profile.builtin_range ? k->profile.builtin_range : "of the nearest build", fit->n_beyond,
		       fit->n_transition, fit->n_proto_bad, fit->n_proto,
		       fit->is_page_file_bad ? ", and the page file numbers vary" : "");
	psc_warn(&k->warnings, "The built-in layout of page table entries that are not valid does not fit this kernel "
			       "and is not used");
}

static void note_found(struct psc_kernel *k, const struct psc_softpte *found)
{
	struct psc_softpte_fit fit;
	psc_softpte_try(&k->space, psc_kernel_start(&k->space), 0, found, &fit);
	enum psc_confidence c = !psc_softpte_fits(&fit)                             ? PSC_CONFIDENCE_WEAK
				: found->invalid_pte_mask != 0 && fit.n_beyond == 0 ? PSC_CONFIDENCE_PROVEN
										    : PSC_CONFIDENCE_LIKELY;
	psc_infer_note(
		k, "MiInvalidPteMask", "value", found->invalid_pte_mask, c,
		fit.n_transition + fit.n_proto + fit.n_paged,
		"the %s layout of entries that are not valid; with this mask %u of %u in transition name frames of "
		"memory and %u of %u prototypes lead to mapped addresses",
		found->new_layout ? "newer" : "older", fit.n_transition - fit.n_beyond, fit.n_transition,
		fit.n_proto - fit.n_proto_bad, fit.n_proto);
}

void psc_kernel_refine_softpte(struct psc_kernel *k)
{
	const uint64_t lo = psc_kernel_start(&k->space);
	struct psc_softpte_fit fit;
	if (k->space.mmu == PSC_MMU_NONE || k->space.mmu == PSC_MMU_X86)
		return;
	if (psc_mmu_is_arm64(k->space.mmu)) {
		psc_kernel_refine_arm64(k);
		return;
	}
	struct told told = what_is_told(k);
	struct psc_softpte s = told.layout, found;
	s.known = told.is_known;
	bool fits = told.is_given;
	if (!fits && told.is_known) {
		psc_softpte_try(&k->space, lo, 0, &s, &fit);
		fits = psc_softpte_fits(&fit);
	}
	if (!told.is_known || !fits) {
		k->space.softpte = told.layout;
		found = told.layout;
		bool is_found = psc_softpte_detect(&k->space, lo, 0, &found);
		found.known = false;
		if (!told.is_known)
			psc_softpte_try(&k->space, lo, 0, &told.layout, &fit);
		/* Without the mask only page files contradict the layout. */
		if (told.is_known || (told.is_typed && found.new_layout != told.layout.new_layout))
			reject(k, &told.layout, &fit, &found);
		if (is_found)
			note_found(k, &found);
		s = found;
	}
	k->space.softpte = s;
	psc_reader_init(&k->reader, &k->space);
	if (!s.known)
		psc_logf(k->log, PSC_LOG_INFO,
			 "the layout of non-valid page table entries is inferred (%s, mask %016" PRIx64 ")",
			 s.new_layout ? "new" : "old", s.invalid_pte_mask);
}
