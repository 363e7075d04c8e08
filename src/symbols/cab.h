/* SPDX-License-Identifier: MIT */
/* Cabinets with one file, as symbol servers keep compressed symbol files (.pd_; reference symbols 5). Unpacked through
 * libmspack (stored, MSZIP, LZX, Quantum), where poolscope is built with it. */
#ifndef PSC_SYMBOLS_CAB_H
#define PSC_SYMBOLS_CAB_H

#include "io/source.h"

bool psc_cab_probe(const uint8_t *head, size_t n);
/* Unpacks the first file whose name ends in .pdb, or else the first, to memory (to be freed).
 * PSC_E_LIMIT: it unpacks to more than max_bytes. PSC_E_UNSUPPORTED: built without libmspack. */
enum psc_status psc_cab_unpack(const struct psc_source *source, uint64_t max_bytes, uint8_t **ret, size_t *ret_n,
			       struct psc_error *reterr);

#endif
