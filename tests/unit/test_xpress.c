/* SPDX-License-Identifier: MIT */
/* Published vectors of both Xpress formats, and broken ones. */
#include "unit.h"

#include "image/xpress.h"
#include <string.h>

static const uint8_t lz_alphabet[] = "\x3f\0\0\0abcdefghijklmnopqrstuvwxyz";
static const uint8_t lz_abc[] = {0xff, 0xff, 0xff, 0x1f, 0x61, 0x62, 0x63, 0x17, 0x00, 0x0f, 0xff, 0x26, 0x01};

static size_t huffman_alphabet(uint8_t ret[280])
{
	static const uint8_t lengths[] = {0x50, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
					  0x55, 0x55, 0x55, 0x55, 0x45, 0x44, 0x04};
	static const uint8_t data[] = {0xd8, 0x52, 0x3e, 0xd7, 0x94, 0x11, 0x5b, 0xe9, 0x19, 0x5f,
				       0xf9, 0xd6, 0x7c, 0xdf, 0x8d, 0x04, 0,    0,    0,    0};
	memset(ret, 0, 256);
	memcpy(ret + 0x30, lengths, sizeof(lengths));
	ret[0x80] = 4;
	memcpy(ret + 256, data, sizeof(data));
	return 256 + sizeof(data);
}

static size_t huffman_abc(uint8_t ret[280])
{
	static const uint8_t data[] = {0xa8, 0xdc, 0, 0, 0xff, 0x26, 0x01};
	memset(ret, 0, 256);
	ret[0x30] = 0x30;
	ret[0x31] = 0x23;
	ret[0x80] = 0x02;
	ret[0x8f] = 0x20;
	memcpy(ret + 256, data, sizeof(data));
	return 256 + sizeof(data);
}

static bool is_abc(const uint8_t *out)
{
	for (size_t i = 0; i < 300; i++)
		if (out[i] != "abc"[i % 3])
			return false;
	return true;
}

START_TEST(vectors)
{
	uint8_t out[300], in[280];
	ck_assert(psc_xpress_lz77(lz_alphabet, sizeof(lz_alphabet) - 1, out, 26));
	ck_assert(memcmp(out, "abcdefghijklmnopqrstuvwxyz", 26) == 0);
	ck_assert(psc_xpress_lz77(lz_abc, sizeof(lz_abc), out, 300));
	ck_assert(is_abc(out));
	size_t n = huffman_alphabet(in);
	memset(out, 0, sizeof(out));
	ck_assert(psc_xpress_huffman(in, n, out, 26));
	ck_assert(memcmp(out, "abcdefghijklmnopqrstuvwxyz", 26) == 0);
	n = huffman_abc(in);
	memset(out, 0, sizeof(out));
	ck_assert(psc_xpress_huffman(in, n, out, 300));
	ck_assert(is_abc(out));
}
END_TEST

START_TEST(broken)
{
	uint8_t out[512], in[280];
	for (size_t n = 0; n < sizeof(lz_abc); n++)
		ck_assert_msg(!psc_xpress_lz77(lz_abc, n, out, 300), "%zu bytes", n);
	ck_assert(!psc_xpress_lz77(lz_abc, sizeof(lz_abc), out, 299)); /* a match leaves the output */
	ck_assert(!psc_xpress_lz77(lz_abc, sizeof(lz_abc), out, 301));
	static const uint8_t before[] = {0, 0, 0, 0x80, 0, 0}; /* a match as the first thing */
	ck_assert(!psc_xpress_lz77(before, sizeof(before), out, 300));
	size_t n = huffman_abc(in);
	for (size_t k = 0; k < 256; k += 15)
		ck_assert(!psc_xpress_huffman(in, k, out, 300));
	ck_assert(!psc_xpress_huffman(in, n, out, 299));
	ck_assert(!psc_xpress_huffman(in, n - 1, out, 300));
	memset(in, 0x11, 256); /* 512 codes of one bit */
	ck_assert(!psc_xpress_huffman(in, n, out, 300));
	memset(in, 0, 256); /* no codes */
	ck_assert(!psc_xpress_huffman(in, n, out, 300));
	in[0x80] = 1; /* a match as the first thing */
	ck_assert(!psc_xpress_huffman(in, n, out, 300));
}
END_TEST

UNIT_MAIN("xpress", vectors, broken)
