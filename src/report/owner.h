/* SPDX-License-Identifier: MIT */
/* All evidence about one tag, behind the public API. */
#ifndef PSC_REPORT_OWNER_H
#define PSC_REPORT_OWNER_H

#include "kernel/kernel.h"
#include <poolscope/owner.h>

enum psc_status psc_owner_compute(struct psc_kernel *k, const struct psc_owner_options *opts, struct psc_owner **ret,
				  struct psc_error *reterr);

#endif
