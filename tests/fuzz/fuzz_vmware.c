/* SPDX-License-Identifier: MIT */
/* VMware's saved states with memory inside. */
#include "fuzz_image.h"

static bool is_wanted(enum psc_container container)
{
	return container == PSC_CONTAINER_VMWARE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_image(data, size, is_wanted);
	return 0;
}
