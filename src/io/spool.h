/* SPDX-License-Identifier: MIT */
/* Where unpacked or rearranged data go: memory while they are small, else an unlinked temporary file with holes for
 * zero pages. Used inside src/io only. */
#ifndef PSC_IO_SPOOL_H
#define PSC_IO_SPOOL_H

#include "io/os.h"
#include "io/source.h"

/* Exactly one of bytes (from malloc) and file is set, and the caller's. */
struct psc_unpacked {
	uint8_t *bytes;
	struct psc_os_file *file;
	uint64_t size_bytes;
	bool is_truncated;
};

void psc_unpacked_deinit(struct psc_unpacked *u);

struct psc_spool {
	const struct psc_source_options *opts; /* borrowed */
	size_t max_memory_bytes;
	struct psc_unpacked to;
	size_t cap; /* of to.bytes */
};

void psc_spool_init(struct psc_spool *s, const struct psc_source_options *opts);
void psc_spool_deinit(struct psc_spool *s);
/* n bytes at any offset; what lies between the end and a later offset reads as zeros. PSC_E_LIMIT when the result would
 * be larger than opts->max_unpacked_bytes, PSC_E_OS, PSC_E_NO_MEMORY. */
enum psc_status psc_spool_write(struct psc_spool *s, uint64_t off, const uint8_t *bytes, size_t n,
				struct psc_error *reterr);
/* Give the result to *ret; the spool is empty then. */
enum psc_status psc_spool_finish(struct psc_spool *s, struct psc_unpacked *ret, struct psc_error *reterr);

#endif
