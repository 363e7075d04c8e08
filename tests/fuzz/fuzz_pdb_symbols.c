/* SPDX-License-Identifier: MIT */
/* Symbols of a PDB: the input is streams, each behind its 16-bit length: the debug information (3), then 5 to 15, which
 * it names. The container around them is sound. */
#include "fuzz_pdb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_stream streams[FUZZ_STREAMS] = {{NULL, 0}};
	struct psc_cursor c = psc_cursor_init(data, size);
	size_t n;
	if (size > 20000) /* the directory must fit into four blocks */
		return 0;
	streams[1].bytes = fuzz_info;
	streams[1].n = sizeof(fuzz_info);
	for (unsigned i = 3; i < FUZZ_STREAMS; i += i == 3 ? 2 : 1) {
		size_t length = psc_cursor_u16(&c);
		if (length > psc_cursor_left(&c))
			length = psc_cursor_left(&c);
		streams[i].bytes = psc_cursor_bytes(&c, length);
		streams[i].n = streams[i].bytes ? (uint32_t)length : 0;
	}
	uint8_t *file = fuzz_build(streams, &n);
	fuzz_ask(file, n);
	free(file);
	return 0;
}
