/* SPDX-License-Identifier: MIT */
/* How much of the pool a walk or a search could read: what results that come from one say of it. */
#ifndef PSC_REPORT_COVERAGE_H
#define PSC_REPORT_COVERAGE_H

#include "pool/pool.h"
#include "util/log.h"

/* Part of a whole, 0..1; 1 of nothing. */
double psc_fraction(uint64_t part, uint64_t whole);
/* Of one pool: 0 where its range is not known or only big allocations were seen. */
double psc_walk_coverage_ratio(const struct psc_walk_coverage *c);
struct psc_scan_coverage psc_scan_coverage_make(const struct psc_scan_result *scan);
/* A segment heap whose heaps were not found. effect: "are listed". */
void psc_warn_no_heaps(struct psc_warnings *w, const struct psc_kernel *k, const struct psc_walk_result *result,
		       const char *effect);

#endif
