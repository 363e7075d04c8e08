/* SPDX-License-Identifier: MIT */
/* Whether running calls are to end early. Any thread may look. */
#ifndef PSC_UTIL_CANCEL_H
#define PSC_UTIL_CANCEL_H

#include <poolscope/dump.h>

/* NULL: never. */
bool psc_cancelled(const struct psc_cancel *c);

#endif
