/* SPDX-License-Identifier: MIT */
/* As fuzz_discover.c, over the memory of an ARM64 machine. */
#undef FUZZ_BASE_DUMP
#define FUZZ_BASE_DUMP FUZZ_ARM64_DUMP
#include "fuzz_discover.c"
