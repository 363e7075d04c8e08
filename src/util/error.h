/* SPDX-License-Identifier: MIT */
/* Filling struct psc_error. Both return the status so that `return psc_fail(...)` reads as one step. */
#ifndef PSC_UTIL_ERROR_H
#define PSC_UTIL_ERROR_H

#include <poolscope/error.h>

enum psc_status psc_fail(struct psc_error *reterr, enum psc_status status, enum psc_where where, uint64_t pos,
			 const char *fmt, ...) PSC_PRINTF(5, 6);
/* With the operating system's reason appended to the text. */
enum psc_status psc_fail_os(struct psc_error *reterr, int sys_errno, const char *fmt, ...) PSC_PRINTF(3, 4);
enum psc_status psc_fail_no_memory(struct psc_error *reterr);
/* Put "context: " before the text of an error that is passed on; returns its status. */
enum psc_status psc_fail_prefix(struct psc_error *reterr, enum psc_status status, const char *fmt, ...)
	PSC_PRINTF(3, 4);

#endif
