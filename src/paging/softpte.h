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

#endif
