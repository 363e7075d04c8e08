/* SPDX-License-Identifier: MIT */
#ifndef CLI_CALLERS_H
#define CLI_CALLERS_H

#include <cjson/cJSON.h>
#include <poolscope/poolscope.h>

#define PSC_LOCATION_TEXT_BYTES 320
/* "http!UlAllocate+0x21", "http+0x1a21", "http" or the address, as much as is known. Returns buf. */
char *location_text(const struct psc_code_location *l, bool is_32bit, char *buf, size_t cap);

/* Members: which records there are of who allocated, and how much of them was read. */
void json_add_caller_sources(cJSON *coverage, const struct psc_callers *callers);

#endif
