/* SPDX-License-Identifier: MIT */
/* Text from hostile memory made printable. */
#ifndef PSC_UTIL_TEXT_H
#define PSC_UTIL_TEXT_H

#include "util/arena.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* UTF-16LE (n_bytes, an odd last byte is ignored) to valid UTF-8: lone surrogates become U+FFFD, control characters
 * become '?', a NUL ends the text. In the arena; NULL when out of memory. */
char *psc_utf16le_to_utf8(struct psc_arena *a, const uint8_t *bytes, size_t n_bytes);
/* Bytes up to n or NUL as UTF-8: valid sequences are kept, everything else becomes '?'. */
char *psc_sanitize_utf8(struct psc_arena *a, const char *bytes, size_t n);
/* Formats one printable line of at most cap - 1 bytes (cap > 0), cut between characters, cleaned as above. Returns its
 * length. */
size_t psc_vformat_line(char *buf, size_t cap, const char *fmt, va_list ap) PSC_PRINTF(3, 0);
/* Cut s, whose end may be a torn UTF-8 sequence, back to the last whole character. */
void psc_utf8_trim(char *s);
/* The part after the last '\' or '/'. Borrowed from path. */
const char *psc_base_name(const char *path);
/* Pattern against a name: '*' any run, '?' one character; case does not count. */
bool psc_name_matches(const char *pattern, const char *name);
/* Pattern against a module: its file name ("http.sys"), that without its last extension ("http"), or the name that
 * debuggers give it ("nt"). Either may be NULL. */
bool psc_module_matches(const char *pattern, const char *file, const char *name);

#endif
