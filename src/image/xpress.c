/* SPDX-License-Identifier: MIT */
/* Xpress decompression; the procedures of reference dumps 23 [V]. */
#include "image/xpress.h"

#include "util/bytes.h"
#include <string.h>

#define MIN_MATCH     3u
#define N_SYMBOLS     512u
#define TABLE_BYTES   256u
#define MAX_CODE_BITS 15u
#define CHUNK_BYTES   65536u

static bool copy_match(uint8_t *out, size_t *at, size_t n_out, size_t distance, size_t length)
{
	if (distance > *at || length > n_out - *at)
		return false;
	for (; length != 0; length--, ++*at)
		out[*at] = out[*at - distance];
	return true;
}

/* A length that does not fit in its byte: u16, or u32 where that is 0. */
static uint32_t long_length(struct psc_cursor *c)
{
	uint32_t n = psc_cursor_u16(c);
	return n ? n : psc_cursor_u32(c);
}

struct nibble {
	const uint8_t *byte; /* whose high half is still to be used, or NULL */
};

static bool lz77_length(struct psc_cursor *c, struct nibble *nb, uint32_t low, uint32_t *ret)
{
	uint32_t n = low;
	if (n == 7) {
		if (nb->byte) {
			n = *nb->byte >> 4;
			nb->byte = NULL;
		} else {
			nb->byte = psc_cursor_bytes(c, 1);
			if (!nb->byte)
				return false;
			n = *nb->byte & 0xf;
		}
		if (n == 15) {
			n = psc_cursor_u8(c);
			if (n == 255) {
				n = long_length(c);
				if (n < 22)
					return false;
				n -= 22;
			}
			n += 15;
		}
		n += 7;
	}
	*ret = n;
	return !c->failed;
}

bool psc_xpress_lz77(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out)
{
	struct psc_cursor c = psc_cursor_init(in, n_in);
	struct nibble nb = {NULL};
	uint32_t flags = 0;
	unsigned n_flags = 0;
	size_t at = 0;
	while (at < n_out) {
		if (n_flags == 0) {
			flags = psc_cursor_u32(&c);
			n_flags = 32;
		}
		bool is_match = flags >> --n_flags & 1;
		if (!is_match) {
			const uint8_t *p = psc_cursor_bytes(&c, 1);
			if (!p)
				return false;
			out[at++] = *p;
			continue;
		}
		uint32_t v = psc_cursor_u16(&c), n;
		if (c.failed || !lz77_length(&c, &nb, v & 7, &n) || n > n_out ||
		    !copy_match(out, &at, n_out, (size_t)(v >> 3) + 1, (size_t)n + MIN_MATCH))
			return false;
	}
	return true;
}

/* Codes of up to 15 bits, looked up whole. */
struct huffman {
	uint16_t symbols[1u << MAX_CODE_BITS];
	uint8_t lengths[N_SYMBOLS];
};

/* False when the codes do not fit in a tree. Codes that no symbol has stay of length 0. */
static bool make_codes(struct huffman *h, const uint8_t *table)
{
	uint32_t at = 0;
	for (unsigned s = 0; s < N_SYMBOLS; s++)
		h->lengths[s] = table[s / 2] >> (s % 2 ? 4 : 0) & 0xf;
	for (unsigned length = 1; length <= MAX_CODE_BITS; length++) {
		for (unsigned s = 0; s < N_SYMBOLS; s++) {
			uint32_t n = 1u << (MAX_CODE_BITS - length);
			if (h->lengths[s] != length)
				continue;
			if (n > (1u << MAX_CODE_BITS) - at)
				return false;
			for (; n != 0; n--)
				h->symbols[at++] = (uint16_t)s;
		}
	}
	for (; at < 1u << MAX_CODE_BITS; at++)
		h->symbols[at] = N_SYMBOLS;
	return true;
}

struct bits {
	struct psc_cursor *c;
	uint32_t reg;
	int avail; /* beyond the 16 that are always there */
};

static uint32_t next_word(struct psc_cursor *c)
{
	return psc_cursor_left(c) >= 2 ? psc_cursor_u16(c) : 0;
}

static void drop(struct bits *b, unsigned n)
{
	b->reg <<= n;
	b->avail -= (int)n;
	if (b->avail < 0) {
		b->reg |= next_word(b->c) << -b->avail;
		b->avail += 16;
	}
}

static bool huffman_chunk(struct psc_cursor *c, struct huffman *h, uint8_t *out, size_t *at, size_t end, size_t n_out)
{
	const uint8_t *table = psc_cursor_bytes(c, TABLE_BYTES);
	if (!table || !make_codes(h, table))
		return false;
	struct bits b = {c, 0, 16};
	b.reg = next_word(c) << 16;
	b.reg |= next_word(c);
	while (*at < end) {
		unsigned symbol = h->symbols[b.reg >> (32 - MAX_CODE_BITS)];
		if (symbol == N_SYMBOLS)
			return false;
		drop(&b, h->lengths[symbol]);
		if (symbol < 256) {
			out[(*at)++] = (uint8_t)symbol;
			continue;
		}
		uint32_t n = symbol & 0xf;
		unsigned d = symbol >> 4 & 0xf;
		if (n == 15) {
			uint32_t byte = psc_cursor_u8(c);
			n = byte + 15;
			if (byte == 255) {
				n = long_length(c);
				if (n < 15)
					return false;
			}
		}
		uint32_t distance = (1u << d) + (d ? b.reg >> (32 - d) : 0);
		drop(&b, d);
		if (c->failed || n > n_out || !copy_match(out, at, n_out, distance, (size_t)n + MIN_MATCH))
			return false;
	}
	return true;
}

bool psc_xpress_huffman(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out)
{
	struct psc_cursor c = psc_cursor_init(in, n_in);
	struct huffman h;
	size_t at = 0;
	while (at < n_out) {
		size_t end = n_out - at < CHUNK_BYTES ? n_out : at + CHUNK_BYTES;
		if (!huffman_chunk(&c, &h, out, &at, end, n_out))
			return false;
	}
	return true;
}
