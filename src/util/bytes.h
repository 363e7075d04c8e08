/* SPDX-License-Identifier: MIT */
/* Little-endian loads from unaligned memory, and a bounds-checked cursor with a sticky failure. Windows dumps of x86,
 * x64 and ARM64 are always little-endian (reference: dumps section 14). */
#ifndef PSC_UTIL_BYTES_H
#define PSC_UTIL_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint16_t psc_le16(const void *p)
{
	const uint8_t *b = (const uint8_t *)p;
	return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t psc_le32(const void *p)
{
	const uint8_t *b = (const uint8_t *)p;
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t psc_le64(const void *p)
{
	return (uint64_t)psc_le32(p) | (uint64_t)psc_le32((const uint8_t *)p + 4) << 32;
}

/* A window on bytes. A read past the end returns 0 and sets failed; nothing clears it. Test failed once per header and
 * before any value is used as a size. */
struct psc_cursor {
	const uint8_t *start, *pos, *end;
	bool failed;
};

static inline struct psc_cursor psc_cursor_init(const void *bytes, size_t size)
{
	const uint8_t *start = (const uint8_t *)bytes;
	struct psc_cursor c = {start, start, size != 0 ? start + size : start, false}; /* NULL has no end to compute */
	return c;
}

static inline size_t psc_cursor_left(const struct psc_cursor *c)
{
	return (size_t)(c->end - c->pos);
}

static inline size_t psc_cursor_tell(const struct psc_cursor *c)
{
	return (size_t)(c->pos - c->start);
}

/* n bytes in place, or NULL. */
static inline const uint8_t *psc_cursor_bytes(struct psc_cursor *c, size_t n)
{
	if (c->failed || psc_cursor_left(c) < n) {
		c->failed = true;
		return NULL;
	}
	const uint8_t *p = c->pos;
	c->pos += n;
	return p;
}

static inline void psc_cursor_skip(struct psc_cursor *c, size_t n)
{
	(void)psc_cursor_bytes(c, n);
}

static inline void psc_cursor_seek(struct psc_cursor *c, size_t off)
{
	if (off > (size_t)(c->end - c->start))
		c->failed = true;
	else
		c->pos = c->start + off;
}

static inline uint8_t psc_cursor_u8(struct psc_cursor *c)
{
	const uint8_t *p = psc_cursor_bytes(c, 1);
	return p ? *p : 0;
}

static inline uint16_t psc_cursor_u16(struct psc_cursor *c)
{
	const uint8_t *p = psc_cursor_bytes(c, 2);
	return p ? psc_le16(p) : 0;
}

static inline uint32_t psc_cursor_u32(struct psc_cursor *c)
{
	const uint8_t *p = psc_cursor_bytes(c, 4);
	return p ? psc_le32(p) : 0;
}

static inline uint64_t psc_cursor_u64(struct psc_cursor *c)
{
	const uint8_t *p = psc_cursor_bytes(c, 8);
	return p ? psc_le64(p) : 0;
}

/* 4 or 8 bytes. */
static inline uint64_t psc_cursor_ptr(struct psc_cursor *c, unsigned pointer_bytes)
{
	return pointer_bytes == 4 ? psc_cursor_u32(c) : psc_cursor_u64(c);
}

#endif
