/* SPDX-License-Identifier: MIT */
/* PDB files: the input is a whole file, or a gzip file that holds one. */
#include "fuzz_pdb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_ask(data, size);
	return 0;
}
