/* SPDX-License-Identifier: MIT */
/* Archives and compressed files around a dump: gzip, zip, and what libarchive reads. */
#include "io/source.h"

#include <stdlib.h>
#include <string.h>

#define MAX_UNPACKED_BYTES ((uint64_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct psc_source_options opts = {.unpacks_archives = true, .max_unpacked_bytes = MAX_UNPACKED_BYTES};
	struct psc_source *src = NULL;
	struct psc_error error;
	if (psc_source_open_mem(data, size, &opts, &src, &error) != PSC_OK) {
		if (error.text[0] == '\0' || strchr(error.text, '\n'))
			abort();
		return 0;
	}
	uint64_t n = psc_source_size(src);
	uint8_t last;
	if (n == 0 || (psc_source_compression(src) && n > MAX_UNPACKED_BYTES) ||
	    psc_source_read(src, n - 1, &last, 1, &error) != PSC_OK)
		abort();
	psc_source_close(src);
	return 0;
}
