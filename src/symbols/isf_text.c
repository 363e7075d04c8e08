/* SPDX-License-Identifier: MIT */
#include "symbols/isf_text.h"

#include "util/error.h"
#include <stdlib.h>
#include <string.h>
#ifdef PSC_HAVE_LZMA
#include <lzma.h>
#endif

static const uint8_t xz_magic[6] = {0xfd, '7', 'z', 'X', 'Z', 0};

bool psc_isf_is_xz(const uint8_t *bytes, size_t n)
{
	return n >= sizeof(xz_magic) && memcmp(bytes, xz_magic, sizeof(xz_magic)) == 0;
}

#ifdef PSC_HAVE_LZMA

#define XZ_MEMORY_BYTES (UINT64_C(128) << 20) /* the strongest preset needs 65 MiB */
#define FIRST_OUT_BYTES ((size_t)8 << 20)

/* Double *out, up to one byte more than allowed. */
static enum psc_status grow(uint8_t **out, size_t *cap, struct psc_error *reterr)
{
	if (*cap > PSC_ISF_MAX_BYTES)
		return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0, "unpacks to more than %u MiB",
				(unsigned)(PSC_ISF_MAX_BYTES >> 20));
	size_t n = *cap == 0 ? FIRST_OUT_BYTES : *cap * 2;
	if (n > PSC_ISF_MAX_BYTES)
		n = (size_t)PSC_ISF_MAX_BYTES + 1;
	uint8_t *p = realloc(*out, n);
	if (!p)
		return psc_fail_no_memory(reterr);
	*out = p;
	*cap = n;
	return PSC_OK;
}

static enum psc_status xz_error(lzma_ret code, uint64_t pos, struct psc_error *reterr)
{
	switch (code) {
	case LZMA_MEM_ERROR:
		return psc_fail_no_memory(reterr);
	case LZMA_MEMLIMIT_ERROR:
		return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0, "unpacking the xz data needs over %u MiB",
				(unsigned)(XZ_MEMORY_BYTES >> 20));
	case LZMA_BUF_ERROR:
		return psc_fail(reterr, PSC_E_TRUNCATED, PSC_WHERE_FILE_OFFSET, pos, "the xz data end too early");
	case LZMA_OPTIONS_ERROR:
		return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_FILE_OFFSET, pos,
				"xz data with options that liblzma does not know");
	default:
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_FILE_OFFSET, pos, "the xz data are damaged");
	}
}

enum psc_status psc_isf_unpack_xz(const uint8_t *bytes, size_t n, uint8_t **ret, size_t *ret_n,
				  struct psc_error *reterr)
{
	lzma_stream s = LZMA_STREAM_INIT;
	uint8_t *out = NULL;
	size_t cap = 0, used = 0;
	enum psc_status r = PSC_OK;
	lzma_ret code = lzma_stream_decoder(&s, XZ_MEMORY_BYTES, LZMA_CONCATENATED);
	s.next_in = bytes;
	s.avail_in = n;
	while (code == LZMA_OK) {
		if (used == cap && (r = grow(&out, &cap, reterr)) != PSC_OK)
			goto out;
		s.next_out = out + used;
		s.avail_out = cap - used;
		code = lzma_code(&s, LZMA_FINISH);
		used = cap - s.avail_out;
	}
	if (code != LZMA_STREAM_END)
		r = xz_error(code, s.total_in, reterr);
	else if (used > PSC_ISF_MAX_BYTES)
		r = grow(&out, &cap, reterr);
	else {
		*ret = out;
		*ret_n = used;
		out = NULL;
	}
out:
	lzma_end(&s);
	free(out);
	return r;
}

#else

enum psc_status psc_isf_unpack_xz(const uint8_t *bytes, size_t n, uint8_t **ret, size_t *ret_n,
				  struct psc_error *reterr)
{
	(void)bytes;
	(void)n;
	(void)ret;
	(void)ret_n;
	return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
			"this poolscope was built without liblzma: unpack the file with xz -d first");
}

#endif

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The index of the quote that ends the string, n if none does. */
static size_t skip_string(const char *text, size_t i, size_t n)
{
	for (; i < n && text[i] != '"'; i++)
		if (text[i] == '\\')
			i++;
	return i < n ? i : n;
}

enum psc_status psc_isf_check_text(const char *text, size_t n, struct psc_error *reterr)
{
	size_t depth = 0, values = 0, i = 0;
	while (i < n && is_space(text[i]))
		i++;
	if (i == n || text[i] != '{')
		return psc_fail(reterr, PSC_E_FORMAT, PSC_WHERE_NONE, 0, "not an ISF file: no JSON object");
	for (; i < n; i++) {
		switch (text[i]) {
		case '"':
			i = skip_string(text, i + 1, n);
			break;
		case '{':
		case '[':
			values++;
			if (++depth > PSC_ISF_MAX_DEPTH)
				return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_FILE_OFFSET, i,
						"the JSON text is nested more than %d levels deep", PSC_ISF_MAX_DEPTH);
			break;
		case '}':
		case ']':
			if (depth > 0)
				depth--;
			break;
		case ',':
			values++;
			break;
		default:
			break;
		}
		if (values > PSC_ISF_MAX_VALUES)
			return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_FILE_OFFSET, i,
					"the JSON text holds more than %u values", PSC_ISF_MAX_VALUES);
	}
	if (depth != 0)
		return psc_fail(reterr, PSC_E_TRUNCATED, PSC_WHERE_FILE_OFFSET, n, "the JSON text ends too early");
	return PSC_OK;
}
