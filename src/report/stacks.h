/* SPDX-License-Identifier: MIT */
/* Stacks of threads behind the public API. */
#ifndef PSC_REPORT_STACKS_H
#define PSC_REPORT_STACKS_H

#include "kernel/kernel.h"
#include <poolscope/stacks.h>

enum psc_status psc_stacks_list(struct psc_kernel *k, const struct psc_stacks_options *opts, psc_stacks_fn *fn,
				void *arg, struct psc_stacks **ret, struct psc_error *reterr);

#endif
