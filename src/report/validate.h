/* SPDX-License-Identifier: MIT */
/* The check behind psc_validate_run. */
#ifndef PSC_REPORT_VALIDATE_H
#define PSC_REPORT_VALIDATE_H

#include "pool/pool.h"
#include <poolscope/validate.h>

enum psc_status psc_validate_compute(struct psc_kernel *k, const struct psc_validate_options *opts,
				     struct psc_validate **ret, struct psc_error *reterr);

#endif
