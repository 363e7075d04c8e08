/* SPDX-License-Identifier: MIT */
/* Types of a PDB: the input is the type stream. The container around it is sound. */
#include "fuzz_pdb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_stream streams[FUZZ_STREAMS] = {{NULL, 0}};
	size_t n;
	if (size > FUZZ_MAX_BYTES / 8)
		return 0;
	streams[1].bytes = fuzz_info;
	streams[1].n = sizeof(fuzz_info);
	streams[2].bytes = data;
	streams[2].n = (uint32_t)size;
	uint8_t *file = fuzz_build(streams, &n);
	fuzz_ask(file, n);
	free(file);
	return 0;
}
