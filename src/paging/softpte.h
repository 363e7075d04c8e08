/* SPDX-License-Identifier: MIT */
/* Which generation of software PTEs a kernel uses, told from its own page tables when no symbols say it. */
#ifndef PSC_PAGING_SOFTPTE_H
#define PSC_PAGING_SOFTPTE_H

#include "paging/space.h"

/* The statistical test of reference paging.md section 4 over at most 65536 non-valid entries of the page tables in
 * [lo, hi) (as for psc_run_iter_init). Known weakness: without the L1TF mask (AMD) the two layouts differ only in page
 * file entries; when those are too few the layout of sp->softpte is kept and only the mask (0) is a finding.
 * True: *ret holds the result with known = false (inferred). False: too little to go by, *ret is untouched; always so
 * without 64-bit entries. */
bool psc_softpte_detect(const struct psc_space *sp, uint64_t lo, uint64_t hi, struct psc_softpte *ret);

/* How the same entries read with a given layout and mask. */
struct psc_softpte_fit {
	unsigned n_transition, n_beyond; /* frames above all memory */
	unsigned n_proto, n_proto_bad;   /* of at most 512: no kernel address, or nothing is mapped there */
	unsigned n_paged;                /* entries of page files */
	bool is_page_file_bad;           /* their page file number varies while the bits of the other layout do not */
};
void psc_softpte_try(const struct psc_space *sp, uint64_t lo, uint64_t hi, const struct psc_softpte *layout,
		     struct psc_softpte_fit *ret);
/* false: the bytes contradict it. With too few entries everything fits. */
bool psc_softpte_fits(const struct psc_softpte_fit *f);

/* ARM64 entries that look as if in transition (reference: paging 3.5 [?]). */
struct psc_arm64_fit {
	unsigned n_invalid;    /* entries that are neither valid nor zero */
	unsigned n_transition; /* marked so */
	unsigned n_frames;     /* ... with the number of a frame of memory, each a different one */
	unsigned n_alone;      /* ... that no valid entry names: a page in transition is mapped nowhere else */
};
/* True: there are enough of them, and next to all name such frames. Random numbers would not: memory is a small part of
 * what the 36 bits of a frame number can say. */
bool psc_softpte_try_arm64(const struct psc_space *sp, uint64_t lo, uint64_t hi, struct psc_arm64_fit *ret);

#endif
