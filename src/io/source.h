/* SPDX-License-Identifier: MIT */
/* A byte source: the file as the container readers see it, whatever it is stored in. All reads are thread-safe. */
#ifndef PSC_IO_SOURCE_H
#define PSC_IO_SOURCE_H

#include "util/log.h"
#include <poolscope/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct psc_source;

struct psc_source_options {
	bool no_mmap;
	bool unpacks_archives;         /* what libarchive reads, beside gzip and zip */
	const char *tmpdir;            /* for unpacked data; NULL = system default */
	uint64_t max_unpacked_bytes;   /* 0 = no limit */
	struct psc_progress *progress; /* may be NULL; used while unpacking */
	size_t max_memory_bytes;       /* unpacked data above this go to a temporary file; 0 = 64 MiB */
};

/* Opens a regular file. What is flattened (see flattened.c) is restored; a gzip file is unpacked (small ones to memory,
 * larger ones to an unlinked temporary file with holes for zero pages) and the source then is the unpacked data.
 * Concatenated gzip members are read as one. A truncated gzip stream gives what could be unpacked, with
 * psc_source_is_truncated true. */
enum psc_status psc_source_open_file(const char *path, const struct psc_source_options *opts, struct psc_source **ret,
				     struct psc_error *reterr);
/* bytes are borrowed. gzip data are unpacked as above. */
enum psc_status psc_source_open_mem(const void *bytes, size_t size_bytes, const struct psc_source_options *opts,
				    struct psc_source **ret, struct psc_error *reterr);
void psc_source_close(struct psc_source *s); /* NULL allowed */

uint64_t psc_source_size(const struct psc_source *s);
/* Size of the file as given (packed). */
uint64_t psc_source_file_size(const struct psc_source *s);
const char *psc_source_name(const struct psc_source *s);
/* "gzip", "zip", "7z", "xz", "zstd", "bzip2", "cabinet", "tar" or NULL. */
const char *psc_source_compression(const struct psc_source *s);
bool psc_source_is_truncated(const struct psc_source *s);
/* A descriptor for libraries that read files themselves, borrowed; -1 where the bytes are in memory or the system has
 * no descriptors. */
int psc_source_fd(const struct psc_source *s);
/* The same bytes in an unlinked temporary file. */
enum psc_status psc_source_copy_to_file(const struct psc_source *s, const char *tmpdir, struct psc_source **ret,
					struct psc_error *reterr);
/* The bytes in place when the source is mapped or in memory and the range lies inside; else NULL. */
const uint8_t *psc_source_view(const struct psc_source *s, uint64_t off, uint64_t n);
/* Exactly n bytes: PSC_E_TRUNCATED past the end, PSC_E_OS on a read error. */
enum psc_status psc_source_read(const struct psc_source *s, uint64_t off, void *buf, size_t n,
				struct psc_error *reterr);

#endif
