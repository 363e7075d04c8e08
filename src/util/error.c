/* SPDX-License-Identifier: MIT */
#include "util/error.h"

/* util stands below io; os.h is the one exception: it is the system layer under both and knows nothing of sources. */
#include "io/os.h"
#include "util/text.h"
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#define TEXT_BYTES sizeof(((struct psc_error *)0)->text)

const char *psc_status_text(enum psc_status status)
{
	switch (status) {
	case PSC_OK:
		return "success";
	case PSC_DONE:
		return "no more items";
	case PSC_E_FORMAT:
		return "unknown format";
	case PSC_E_UNSUPPORTED:
		return "not supported";
	case PSC_E_CORRUPT:
		return "corrupt data";
	case PSC_E_TRUNCATED:
		return "truncated file";
	case PSC_E_NOT_PRESENT:
		return "not in this dump";
	case PSC_E_NOT_FOUND:
		return "not found";
	case PSC_E_LIMIT:
		return "limit reached";
	case PSC_E_CANCELLED:
		return "cancelled";
	case PSC_E_ARGUMENT:
		return "invalid argument";
	case PSC_E_OS:
		return "operating system error";
	case PSC_E_NO_MEMORY:
		return "out of memory";
	}
	return "unknown status";
}

static size_t append_cut(char *buf, size_t cap, size_t at, const char *s)
{
	size_t n = strlen(s);
	bool cut = n > cap - 1 - at;
	if (cut)
		n = cap - 1 - at;
	memcpy(buf + at, s, n);
	buf[at + n] = '\0';
	if (cut)
		psc_utf8_trim(buf);
	return strlen(buf);
}

enum psc_status psc_fail(struct psc_error *reterr, enum psc_status status, enum psc_where where, uint64_t pos,
			 const char *fmt, ...)
{
	if (!reterr)
		return status;
	char line[TEXT_BYTES]; /* the arguments may point into reterr->text */
	va_list ap;
	va_start(ap, fmt);
	psc_vformat_line(line, sizeof(line), fmt, ap);
	va_end(ap);
	reterr->status = status;
	reterr->sys_errno = 0;
	reterr->where = where;
	reterr->pos = pos;
	memcpy(reterr->text, line, strlen(line) + 1);
	return status;
}

enum psc_status psc_fail_os(struct psc_error *reterr, int sys_errno, const char *fmt, ...)
{
	if (!reterr)
		return PSC_E_OS;
	/* A long path must not push the reason out. */
	char reason[TEXT_BYTES / 2], line[TEXT_BYTES];
	psc_os_error_text(sys_errno, reason, sizeof(reason));
	va_list ap;
	va_start(ap, fmt);
	size_t n = psc_vformat_line(line, sizeof(line) - strlen(reason) - 2, fmt, ap);
	va_end(ap);
	n = append_cut(line, sizeof(line), n, ": ");
	append_cut(line, sizeof(line), n, reason);
	reterr->status = PSC_E_OS;
	reterr->sys_errno = sys_errno;
	reterr->where = PSC_WHERE_NONE;
	reterr->pos = 0;
	memcpy(reterr->text, line, strlen(line) + 1);
	return PSC_E_OS;
}

enum psc_status psc_fail_no_memory(struct psc_error *reterr)
{
	return psc_fail(reterr, PSC_E_NO_MEMORY, PSC_WHERE_NONE, 0, "out of memory");
}

enum psc_status psc_fail_prefix(struct psc_error *reterr, enum psc_status status, const char *fmt, ...)
{
	if (!reterr)
		return status;
	char line[TEXT_BYTES];
	va_list ap;
	va_start(ap, fmt);
	size_t n = psc_vformat_line(line, sizeof(line), fmt, ap);
	va_end(ap);
	n = append_cut(line, sizeof(line), n, ": ");
	append_cut(line, sizeof(line), n, reterr->text);
	reterr->status = status;
	memcpy(reterr->text, line, strlen(line) + 1);
	return status;
}
