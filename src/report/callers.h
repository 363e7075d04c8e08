/* SPDX-License-Identifier: MIT */
/* Recorded callers behind the public API. */
#ifndef PSC_REPORT_CALLERS_H
#define PSC_REPORT_CALLERS_H

#include "kernel/kernel.h"
#include <poolscope/callers.h>

enum psc_status psc_callers_compute(struct psc_kernel *k, const struct psc_callers_options *opts,
				    struct psc_callers **ret, struct psc_error *reterr);
enum psc_status psc_caller_blocks_list(struct psc_kernel *k, psc_caller_block_fn *fn, void *arg,
				       struct psc_error *reterr);
enum psc_status psc_caller_events_list(struct psc_kernel *k, psc_caller_event_fn *fn, void *arg,
				       struct psc_error *reterr);

#endif
