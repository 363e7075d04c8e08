/* SPDX-License-Identifier: MIT */
/* The same for a machine whose Verifier keeps stacks and live blocks in trees. */
#undef FUZZ_VERIFIER_DUMP
#undef FUZZ_VERIFIER_ISF
#define FUZZ_VERIFIER_DUMP FUZZ_TREE_DUMP
#define FUZZ_VERIFIER_ISF  FUZZ_TREE_ISF
#include "fuzz_verifier.c"
