/* SPDX-License-Identifier: MIT */
/* A good dump with the input laid over it as a list of patches {u24 offset, u8 n, n bytes}. */
#ifndef FUZZ_PATCHED_DUMP_H
#define FUZZ_PATCHED_DUMP_H

#include "io/source.h"
#include "util/bytes.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct patched_dump {
	uint8_t *base, *work;
	size_t size;
};

/* work holds the patched bytes afterwards; the file is read once. */
static inline void patched_dump_make(struct patched_dump *p, const char *path, const uint8_t *data, size_t size)
{
	if (p->base == NULL) {
		struct psc_source *src = NULL;
		struct psc_error err;
		struct psc_source_options opts = {.no_mmap = true};
		if (psc_source_open_file(path, &opts, &src, &err) != PSC_OK) {
			fprintf(stderr, "%s\n", err.text);
			abort();
		}
		p->size = (size_t)psc_source_size(src);
		p->base = (uint8_t *)malloc(p->size);
		p->work = (uint8_t *)malloc(p->size);
		if (p->base == NULL || p->work == NULL || psc_source_read(src, 0, p->base, p->size, &err) != PSC_OK)
			abort();
		psc_source_close(src);
	}
	memcpy(p->work, p->base, p->size);
	struct psc_cursor c = psc_cursor_init(data, size);
	while (psc_cursor_left(&c) >= 5) {
		size_t off = psc_cursor_u16(&c);
		off |= (size_t)psc_cursor_u8(&c) << 16;
		size_t n = psc_cursor_u8(&c);
		if (n > psc_cursor_left(&c))
			n = psc_cursor_left(&c);
		const uint8_t *bytes = psc_cursor_bytes(&c, n);
		if (bytes != NULL && off < p->size)
			memcpy(p->work + off, bytes, n < p->size - off ? n : p->size - off);
	}
}

#endif
