/* SPDX-License-Identifier: MIT */
#ifndef PSC_REPORT_SYMBOL_FILES_H
#define PSC_REPORT_SYMBOL_FILES_H

#include "kernel/kernel.h"

/* See psc_dump_symbol_files(). All but ret is borrowed; the rows keep texts of k. */
enum psc_status psc_symbol_files_find(struct psc_kernel *k, const struct psc_dump_info *info,
				      const struct psc_pool_source *sources, size_t n_sources,
				      struct psc_symbol_files **ret, struct psc_error *reterr);

#endif
