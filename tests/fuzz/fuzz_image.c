/* SPDX-License-Identifier: MIT */
/* Crash dumps, raw, ELF and LiME images, and what is none. fuzz_kdump.c, fuzz_vmware.c and fuzz_hiber.c have the rest.
 */
#include "fuzz_image.h"

static bool is_wanted(enum psc_container container)
{
	return container != PSC_CONTAINER_KDUMP && container != PSC_CONTAINER_VMWARE &&
	       container != PSC_CONTAINER_HIBERNATION;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_image(data, size, is_wanted);
	return 0;
}
