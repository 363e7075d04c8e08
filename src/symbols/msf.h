/* SPDX-License-Identifier: MIT */
/* Multi-stream files: the container of PDB 7.0. A file of blocks, a directory of streams, each stream a list of blocks
 * (reference symbols 2). */
#ifndef PSC_SYMBOLS_MSF_H
#define PSC_SYMBOLS_MSF_H

#include "io/source.h"

#define PSC_MSF_NO_STREAM 0xffffu /* in 16-bit fields that name a stream */

struct psc_msf {
	const struct psc_source *source; /* borrowed */
	uint32_t block_bytes, n_blocks, n_streams;
	uint8_t *directory;    /* as in the file: count, sizes, block numbers */
	uint64_t *first_block; /* of each stream: offset of its block numbers in directory */
};

/* Checks the superblock and reads the directory. That a stream's blocks exist is checked when it is read. */
enum psc_status psc_msf_init(struct psc_msf *msf, const struct psc_source *source, struct psc_error *reterr);
void psc_msf_deinit(struct psc_msf *msf);

/* 0 when there is no such stream. */
uint32_t psc_msf_size(const struct psc_msf *msf, uint32_t stream);
/* Exactly n bytes: PSC_E_TRUNCATED past the end of stream or file, PSC_E_CORRUPT for a block that does not exist. */
enum psc_status psc_msf_read(const struct psc_msf *msf, uint32_t stream, uint32_t off, void *buf, size_t n,
			     struct psc_error *reterr);
/* The bytes [off, off + n) of a stream in memory of their own, to be freed. n must lie inside the stream. */
enum psc_status psc_msf_load(const struct psc_msf *msf, uint32_t stream, uint32_t off, uint32_t n, uint8_t **ret,
			     struct psc_error *reterr);

#endif
