/* SPDX-License-Identifier: MIT */
/* Hibernation files, with both compressions. */
#include "fuzz_image.h"

static bool is_wanted(enum psc_container container)
{
	return container == PSC_CONTAINER_HIBERNATION;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_image(data, size, is_wanted);
	return 0;
}
