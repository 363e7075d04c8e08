/* SPDX-License-Identifier: MIT */
#include "report/coverage.h"

double psc_fraction(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 1.0 : (double)part / (double)whole;
}

double psc_walk_coverage_ratio(const struct psc_walk_coverage *c)
{
	if (!c->range_known || c->big_only)
		return 0.0;
	return psc_fraction(c->read_bytes, c->mapped_bytes + c->unknown_bytes + c->unvisited_bytes);
}

struct psc_scan_coverage psc_scan_coverage_make(const struct psc_scan_result *scan)
{
	const struct psc_scan_coverage c = {
		.saved_bytes = scan->saved_bytes,
		.scanned_bytes = scan->scanned_bytes,
		.headers = scan->n_headers,
		.proven_vs = scan->n_proven_vs,
		.proven_lfh = scan->n_proven_lfh,
		.parked = scan->n_parked,
	};
	return c;
}

void psc_warn_no_heaps(struct psc_warnings *w, const struct psc_kernel *k, const struct psc_walk_result *result,
		       const char *effect)
{
	if (!result->small_blocks_supported && k->id.build != 0)
		psc_warn(w,
			 "this kernel's pool is a segment heap, and its heaps were not found: only big allocations %s",
			 effect);
}
