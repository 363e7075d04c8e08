/* SPDX-License-Identifier: MIT */
/* Unpacking the one dump of a zip archive. Used by source.c only. */
#ifndef PSC_IO_ZIP_H
#define PSC_IO_ZIP_H

#include "io/spool.h"

/* A local file header, and not an AFF4 container (which the probe of images names). */
bool psc_zip_probe(const struct psc_source *src);
/* See psc_source_open_file(). Errors: PSC_E_TRUNCATED, PSC_E_CORRUPT, PSC_E_UNSUPPORTED (encrypted, another method, no
 * dump or several), PSC_E_LIMIT, PSC_E_CANCELLED, PSC_E_OS, PSC_E_NO_MEMORY. */
enum psc_status psc_zip_unpack(const struct psc_source *src, const struct psc_source_options *opts,
			       struct psc_unpacked *ret, struct psc_error *reterr);

#endif
