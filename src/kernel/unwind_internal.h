/* SPDX-License-Identifier: MIT */
/* What psc_unwind_function_at() chooses from. */
#ifndef PSC_KERNEL_UNWIND_INTERNAL_H
#define PSC_KERNEL_UNWIND_INTERNAL_H

#include "kernel/unwind.h"

/* *ret_begin: start of the function of that RVA, chained parts followed. */
bool psc_unwind_function_x64(const struct psc_unwind_memory *m, const struct psc_unwind_image *img, uint32_t rva,
			     uint32_t *ret_begin);
bool psc_unwind_function_arm64(const struct psc_unwind_memory *m, const struct psc_unwind_image *img, uint32_t rva,
			       uint32_t *ret_begin);

#endif
