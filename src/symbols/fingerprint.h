/* SPDX-License-Identifier: MIT */
#ifndef PSC_SYMBOLS_FINGERPRINT_H
#define PSC_SYMBOLS_FINGERPRINT_H

#include "symbols/profile.h"

/* The built-in kernel of exactly this version whose data lie where the dump says (reference: symbols 8): rvas_by_sym
 * are addresses from the header and the debugger data block minus the kernel's base, 0 = not known. False unless
 * exactly one row agrees with all of them and they are enough to tell; then guid and age are left alone. */
bool psc_builtin_fingerprint(const struct psc_kernel_identity *id, const char *version,
			     const uint64_t rvas_by_sym[PSC_SYM_MAX], char guid[33], uint32_t *age);

#endif
