/* SPDX-License-Identifier: MIT */
/* As fuzz_patch.c, over a machine with special pool of the classic allocator. */
#undef FUZZ_BASE_DUMP
#undef FUZZ_BASE_ISF
#define FUZZ_BASE_DUMP FUZZ_SPECIAL_DUMP
#define FUZZ_BASE_ISF  FUZZ_SPECIAL_ISF
#include "fuzz_patch.c"
