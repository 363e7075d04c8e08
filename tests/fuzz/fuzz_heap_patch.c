/* SPDX-License-Identifier: MIT */
/* As fuzz_patch.c, over a machine with segment heaps: lists, descriptors, trees, lookasides. */
#undef FUZZ_BASE_DUMP
#undef FUZZ_BASE_ISF
#define FUZZ_BASE_DUMP FUZZ_HEAP_DUMP
#define FUZZ_BASE_ISF  FUZZ_HEAP_ISF
#include "fuzz_patch.c"
