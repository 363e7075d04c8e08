/* SPDX-License-Identifier: MIT */
/* Unpacking a whole gzip source. Used by source.c only. */
#ifndef PSC_IO_GZIP_H
#define PSC_IO_GZIP_H

#include "io/spool.h"

/* Whether the first n bytes of a file are the start of a gzip member. */
bool psc_gzip_probe(const uint8_t *bytes, size_t n);
/* See psc_source_open_file(). Errors: PSC_E_CORRUPT, PSC_E_TRUNCATED (nothing could be unpacked), PSC_E_FORMAT (nothing
 * is packed), PSC_E_LIMIT, PSC_E_CANCELLED, PSC_E_OS, PSC_E_NO_MEMORY. */
enum psc_status psc_gzip_unpack(const struct psc_source *packed, const struct psc_source_options *opts,
				struct psc_unpacked *ret, struct psc_error *reterr);

#endif
