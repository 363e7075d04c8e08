/* SPDX-License-Identifier: MIT */
/* GUIDs as symbol files and stores spell them: 32 hex digits, the first three groups as numbers. */
#ifndef PSC_SYMBOLS_GUID_H
#define PSC_SYMBOLS_GUID_H

#include <stdbool.h>
#include <stdint.h>

/* Exactly 32 hex digits, any case, dashes and a pair of braces ignored; false for anything else. */
static inline bool psc_guid_parse(const char *text, uint8_t ret[16])
{
	unsigned n = 0;
	for (const char *p = text; *p; p++) {
		unsigned digit;
		if (*p >= '0' && *p <= '9')
			digit = (unsigned)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			digit = (unsigned)(*p - 'a') + 10;
		else if (*p >= 'A' && *p <= 'F')
			digit = (unsigned)(*p - 'A') + 10;
		else if (*p == '-' || *p == '{' || *p == '}')
			continue;
		else
			return false;
		if (n == 32)
			return false;
		ret[n / 2] = (uint8_t)(n % 2 ? ret[n / 2] << 4 | digit : digit);
		n++;
	}
	return n == 32;
}

/* 32 digits and NUL into buf. Returns buf. */
static inline char *psc_guid_format(const uint8_t guid[16], bool upper, char buf[33])
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	for (unsigned i = 0; i < 16; i++) {
		buf[2 * i] = digits[guid[i] >> 4];
		buf[2 * i + 1] = digits[guid[i] & 15];
	}
	buf[32] = '\0';
	return buf;
}

#endif
