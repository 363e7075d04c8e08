/* SPDX-License-Identifier: MIT */
/* Output stream of the container writers. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif
#include "container_private.h"
#include "mem_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define OUT_BUFFER_BYTES (1u << 20)

struct lab_out {
	FILE *file;
	bool sparse, gzip;
	uint64_t position; /* in the plain stream */
	uint64_t hole;     /* zeros not yet written, sparse only */
	z_stream z;
	uint8_t packed[1 << 16];
	char buffer[OUT_BUFFER_BYTES];
};

static const uint8_t zeros[LAB_PAGE_BYTES];

static void raw_write(struct lab_out *o, const void *bytes, size_t n)
{
	if (fwrite(bytes, 1, n, o->file) != n)
		lab_die("write error");
}

static void raw_skip(struct lab_out *o, uint64_t n)
{
#ifdef _WIN32
	const int failed = _fseeki64(o->file, (long long)n, SEEK_CUR);
#else
	const int failed = fseeko(o->file, (off_t)n, SEEK_CUR);
#endif
	if (failed != 0)
		lab_die("seek error");
}

struct lab_out *lab_out_open(const char *path, bool sparse, int gzip_level)
{
	struct lab_out *o = lab_xcalloc(1, sizeof *o);

	o->file = fopen(path, "wb");
	if (o->file == NULL)
		lab_die("cannot create %s", path);
	setvbuf(o->file, o->buffer, _IOFBF, sizeof o->buffer);
	o->gzip = gzip_level > 0;
	o->sparse = sparse && !o->gzip;
	if (o->gzip) {
		/* The default gzip header of zlib has mtime 0 and no name: same bytes every time. */
		if (deflateInit2(&o->z, gzip_level, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
			lab_die("zlib: cannot start");
	}
	return o;
}

static void pack(struct lab_out *o, const void *bytes, size_t n, int flush)
{
	int status;

	/* zlib does not write to its input; the cast is for builds without ZLIB_CONST. */
	o->z.next_in = (Bytef *)(uintptr_t)bytes;
	o->z.avail_in = (uInt)n;
	do {
		o->z.next_out = o->packed;
		o->z.avail_out = sizeof o->packed;
		status = deflate(&o->z, flush);
		if (status == Z_STREAM_ERROR)
			lab_die("zlib: deflate");
		raw_write(o, o->packed, sizeof o->packed - o->z.avail_out);
	} while (o->z.avail_out == 0);
}

void lab_out_bytes(struct lab_out *o, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	o->position += n;
	while (n > 0) {
		const size_t part = n < UINT32_C(1) << 30 ? n : (size_t)1 << 30;

		if (o->gzip) {
			pack(o, p, part, Z_NO_FLUSH);
		} else {
			if (o->hole > 0)
				raw_skip(o, o->hole);
			o->hole = 0;
			raw_write(o, p, part);
		}
		p += part;
		n -= part;
	}
}

void lab_out_zeros(struct lab_out *o, uint64_t n)
{
	if (o->sparse) {
		o->position += n;
		o->hole += n;
		return;
	}
	while (n > 0) {
		const size_t part = n < sizeof zeros ? (size_t)n : sizeof zeros;

		lab_out_bytes(o, zeros, part);
		n -= part;
	}
}

uint64_t lab_out_position(const struct lab_out *o)
{
	return o->position;
}

void lab_out_close(struct lab_out *o)
{
	if (o->hole > 0) {
		/* A hole at the end exists only if a byte follows it. */
		raw_skip(o, o->hole - 1);
		raw_write(o, zeros, 1);
	}
	if (o->gzip) {
		pack(o, NULL, 0, Z_FINISH);
		deflateEnd(&o->z);
	}
	if (fclose(o->file) != 0)
		lab_die("write error at close");
	free(o);
}

size_t lab_buf_add(struct lab_buf *b, size_t n)
{
	const size_t at = b->size;

	if (n > b->capacity - b->size) {
		const size_t wanted = (b->size + n) * 2;
		uint8_t *grown = realloc(b->bytes, wanted);

		if (grown == NULL)
			lab_die("out of memory: %zu bytes", wanted);
		b->bytes = grown;
		b->capacity = wanted;
	}
	if (n > 0)
		memset(b->bytes + at, 0, n);
	b->size += n;
	return at;
}

size_t lab_buf_add_bytes(struct lab_buf *b, const void *bytes, size_t n)
{
	const size_t at = lab_buf_add(b, n);

	if (n > 0)
		memcpy(b->bytes + at, bytes, n);
	return at;
}

void lab_buf_align(struct lab_buf *b, size_t align)
{
	(void)lab_buf_add(b, (align - b->size % align) % align);
}

void lab_buf_free(struct lab_buf *b)
{
	free(b->bytes);
	*b = (struct lab_buf){0};
}

void lab_set16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

void lab_set32(uint8_t *p, uint32_t v)
{
	lab_set16(p, (uint16_t)v);
	lab_set16(p + 2, (uint16_t)(v >> 16));
}

void lab_set64(uint8_t *p, uint64_t v)
{
	lab_set32(p, (uint32_t)v);
	lab_set32(p + 4, (uint32_t)(v >> 32));
}
