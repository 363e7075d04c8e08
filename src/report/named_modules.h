/* SPDX-License-Identifier: MIT */
/* Which modules the results of other commands name: their symbol files are wanted first. */
#ifndef PSC_REPORT_NAMED_MODULES_H
#define PSC_REPORT_NAMED_MODULES_H

#include "kernel/kernel.h"

struct psc_named_module {
	uint32_t named_in;         /* enum psc_named_in */
	uint64_t callers;          /* return addresses of recorded allocations */
	uint64_t live, live_bytes; /* blocks that these hold */
};

/* One entry per loaded module of k, in the arena. PSC_E_NO_MEMORY. */
enum psc_status psc_named_modules_find(struct psc_kernel *k, const struct psc_dump_info *info, struct psc_arena *arena,
				       struct psc_named_module **ret, struct psc_error *reterr);

#endif
