/* SPDX-License-Identifier: MIT */
/* Decoders of Microsoft's Xpress formats. Thread-safe. */
#ifndef PSC_IMAGE_XPRESS_H
#define PSC_IMAGE_XPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Plain LZ77 and LZ77 with Huffman codes. True when exactly n_out bytes came out; out may be written to in part
 * otherwise. */
bool psc_xpress_lz77(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out);
bool psc_xpress_huffman(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out);

#endif
