/* SPDX-License-Identifier: MIT */
/* Restoring a flattened dump. Used by source.c only. */
#ifndef PSC_IO_FLATTENED_H
#define PSC_IO_FLATTENED_H

#include "io/spool.h"

bool psc_flattened_probe(const uint8_t *bytes, size_t n);
/* See psc_source_open_file(). A file that ends early gives what it has, with is_truncated set. */
enum psc_status psc_flattened_unpack(const struct psc_source *src, const struct psc_source_options *opts,
				     struct psc_unpacked *ret, struct psc_error *reterr);

#endif
