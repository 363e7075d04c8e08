/* SPDX-License-Identifier: MIT */
#include "symbols/fingerprint.h"

#include "symbols/builtin_tables.h"
#include "symbols/guid.h"
#include <string.h>

#define MATCHES_MIN 4u

/* The number of addresses that agree; 0 as soon as one does not. */
static unsigned count_matches(size_t row, const uint64_t rvas_by_sym[PSC_SYM_MAX])
{
	const uint32_t *rvas = psc_builtin_rvas + row * psc_builtin_symbols_n;
	unsigned n = 0;
	for (size_t c = 0; c < psc_builtin_symbols_n; c++) {
		uint64_t want = rvas_by_sym[psc_builtin_symbols[c]];
		if (want == 0 || rvas[c] == 0)
			continue;
		if (want != rvas[c])
			return 0;
		n++;
	}
	return n;
}

bool psc_builtin_fingerprint(const struct psc_kernel_identity *id, const char *version,
			     const uint64_t rvas_by_sym[PSC_SYM_MAX], char guid[33], uint32_t *age)
{
	const struct psc_builtin_kernel *found = NULL;
	if (!version)
		return false;
	for (size_t i = 0; i < psc_builtin_kernels_n; i++) {
		const struct psc_builtin_kernel *k = &psc_builtin_kernels[i];
		if (k->machine != (unsigned)id->machine || strcmp(psc_builtin_texts + k->version, version) != 0 ||
		    count_matches(i, rvas_by_sym) < MATCHES_MIN)
			continue;
		if (found)
			return false;
		found = k;
	}
	if (!found)
		return false;
	psc_guid_format(found->guid, true, guid);
	*age = found->age;
	return true;
}
