/* SPDX-License-Identifier: MIT */
/* The steps before an ISF file is parsed: unpacking, and a look at the JSON text so that the parser cannot be made to
 * recurse deeply or to allocate without bound. */
#ifndef PSC_SYMBOLS_ISF_TEXT_H
#define PSC_SYMBOLS_ISF_TEXT_H

#include <poolscope/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PSC_ISF_MAX_BYTES  (UINT64_C(256) << 20) /* unpacked */
#define PSC_ISF_MAX_DEPTH  64                    /* real files: 12 */
#define PSC_ISF_MAX_VALUES 4000000u              /* real files: 600,000 */

bool psc_isf_is_xz(const uint8_t *bytes, size_t n);
/* *ret is malloc'ed. PSC_E_UNSUPPORTED when built without liblzma. */
enum psc_status psc_isf_unpack_xz(const uint8_t *bytes, size_t n, uint8_t **ret, size_t *ret_n,
				  struct psc_error *reterr);
/* PSC_E_FORMAT: not a JSON object. PSC_E_TRUNCATED: it does not end. PSC_E_LIMIT: too deep or too many values. */
enum psc_status psc_isf_check_text(const char *text, size_t n, struct psc_error *reterr);

#endif
