/* SPDX-License-Identifier: MIT */
/* As fuzz_patch.c, over an ARM64 machine. */
#undef FUZZ_BASE_DUMP
#undef FUZZ_BASE_ISF
#define FUZZ_BASE_DUMP FUZZ_ARM64_DUMP
#define FUZZ_BASE_ISF  FUZZ_ARM64_ISF
#include "fuzz_patch.c"
