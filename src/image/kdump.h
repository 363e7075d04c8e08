/* SPDX-License-Identifier: MIT */
/* Between kdump.c and kdump_lib.c. */
#ifndef PSC_IMAGE_KDUMP_H
#define PSC_IMAGE_KDUMP_H

#include "image/internal.h"

#define PSC_KDUMP_FILES_MAX 64u

/* Pages through libkdumpfile, one context for each thread that reads at once. */
struct psc_kdump_lib;
/* files: all parts of one dump, checked by the caller; borrowed. PSC_E_UNSUPPORTED when built without libkdumpfile. */
enum psc_status psc_kdump_lib_open(const struct psc_source *const *files, size_t n, const char *tmpdir,
				   struct psc_kdump_lib **ret, struct psc_error *reterr);
/* Thread-safe. */
bool psc_kdump_lib_read(struct psc_kdump_lib *lib, uint64_t pfn, uint8_t page[PSC_PAGE_BYTES]);
void psc_kdump_lib_close(struct psc_kdump_lib *lib); /* NULL allowed */

#endif
