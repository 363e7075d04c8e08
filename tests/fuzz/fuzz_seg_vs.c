/* SPDX-License-Identifier: MIT */
/* A subsegment of chunks of variable size. */
#include "seg_range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_range(data, size, psc_vs_walk);
	return 0;
}
