/* SPDX-License-Identifier: MIT */
/* Unpacking the one dump of a 7z archive, a cabinet, a tar archive, or an xz, zstd or bzip2 file, by libarchive. Used
 * by source.c only. */
#ifndef PSC_IO_ARCHIVE_H
#define PSC_IO_ARCHIVE_H

#include "io/spool.h"

/* "7z", "xz", ... by magic, or NULL. NULL for all when built without libarchive: the probe of images then says what
 * such a file is and how to unpack it. */
const char *psc_archive_probe(const struct psc_source *src);
/* See psc_source_open_file(). Errors: PSC_E_CORRUPT, PSC_E_UNSUPPORTED (encrypted, no dump or several), PSC_E_LIMIT,
 * PSC_E_CANCELLED, PSC_E_OS, PSC_E_NO_MEMORY. */
enum psc_status psc_archive_unpack(const struct psc_source *src, const struct psc_source_options *opts,
				   struct psc_unpacked *ret, struct psc_error *reterr);

#endif
