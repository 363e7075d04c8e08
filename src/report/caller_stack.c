/* SPDX-License-Identifier: MIT */
/* What recorded stacks say: where Verifier's own frames end, and which operation they belong to. */
#include "report/callers_internal.h"

#include <string.h>

bool psc_caller_is_verifier(const struct psc_kernel *k, struct psc_symbolizer *symbolizer, uint64_t va)
{
	struct psc_symbol_text t;
	if (va >= k->base && k->n_modules != 0 && va - k->base < k->modules[0].size_bytes)
		return true;
	return psc_symbolize(symbolizer, va, &t) && t.name &&
	       (strcmp(t.name, "VerifierExt") == 0 || strcmp(t.name, "verifierext") == 0);
}

enum psc_caller_operation psc_caller_operation_of(const struct psc_kernel *k, struct psc_symbolizer *symbolizer,
						  const struct psc_trace *t)
{
	for (unsigned i = 0; i < t->n_frames && psc_caller_is_verifier(k, symbolizer, t->frames[i]); i++) {
		struct psc_symbol_text text;
		if (!psc_symbolize(symbolizer, t->frames[i], &text) || !text.symbol)
			continue;
		if (strstr(text.symbol, "Free"))
			return PSC_CALLER_FREE;
		if (strstr(text.symbol, "Alloc"))
			return PSC_CALLER_ALLOCATE;
	}
	return PSC_CALLER_OPERATION_UNKNOWN;
}
