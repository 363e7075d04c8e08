/* SPDX-License-Identifier: MIT */
/* Cabinets around symbol files. Without libmspack, that they are refused. */
#include "symbols/cab.h"
#include "symbols/pdb.h"
#include <stdlib.h>

#define MAX_BYTES (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct psc_source *source = NULL;
	struct psc_pdb *pdb = NULL;
	struct psc_error err;
	uint8_t *out = NULL;
	size_t n = 0;
	if (size < 4 || psc_source_open_mem(data, size, NULL, &source, &err) != PSC_OK)
		return 0;
	if (psc_cab_unpack(source, MAX_BYTES, &out, &n, &err) == PSC_OK && n > MAX_BYTES)
		abort();
	free(out);
	psc_source_close(source);
	if (psc_pdb_open_mem(data, size, "fuzz.pd_", &pdb, &err) == PSC_OK)
		psc_pdb_close(pdb);
	return 0;
}
