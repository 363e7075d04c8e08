/* SPDX-License-Identifier: MIT */
/* Packed symbol files (.pd_; reference symbols 5): cabinets with one file, as symbol servers send them, and what
 * COMPRESS.EXE made before (SZDD, of NT4 and 2000). Unpacked through libmspack (stored, MSZIP, LZX, Quantum, LZSS),
 * where poolscope is built with it. */
#ifndef PSC_SYMBOLS_CAB_H
#define PSC_SYMBOLS_CAB_H

#include "io/source.h"

#define PSC_CAB_MAGIC_BYTES 8u
/* "cab" or "szdd", or NULL when it is neither. head: the first bytes of the file, PSC_CAB_MAGIC_BYTES are enough. */
const char *psc_cab_probe(const uint8_t *head, size_t n);
/* Unpacks a cabinet's first file whose name ends in .pdb, or else the first, to memory (to be freed).
 * PSC_E_LIMIT: it unpacks to more than max_bytes. PSC_E_UNSUPPORTED: built without libmspack. */
enum psc_status psc_cab_unpack(const struct psc_source *source, uint64_t max_bytes, uint8_t **ret, size_t *ret_n,
			       struct psc_error *reterr);

#endif
