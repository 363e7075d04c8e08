/* SPDX-License-Identifier: MIT */
/** @file
 * Status codes and error details.
 *
 * Every function that can fail returns enum psc_status and takes a `struct psc_error *reterr` (may be NULL) that it
 * fills only when it fails. The struct is the caller's, needs no allocation and no clean-up, and belongs to one thread.
 */
#ifndef POOLSCOPE_ERROR_H
#define POOLSCOPE_ERROR_H

#include <stdint.h>

#if defined(_WIN32) && defined(PSC_SHARED)
#ifdef PSC_BUILD
#define PSC_API __declspec(dllexport)
#else
#define PSC_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define PSC_API __attribute__((visibility("default")))
#else
#define PSC_API
#endif

#if defined(__MINGW32__) && !defined(__clang__)
#define PSC_PRINTF(fmt, args) __attribute__((format(gnu_printf, fmt, args)))
#elif defined(__GNUC__)
#define PSC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define PSC_PRINTF(fmt, args)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** What went wrong, by what the caller can do about it. Values are stable. */
enum psc_status {
	PSC_OK = 0,
	PSC_DONE = 1,          /**< an iterator has no more items; not an error */
	PSC_E_FORMAT = 2,      /**< not a format that poolscope knows */
	PSC_E_UNSUPPORTED = 3, /**< recognised, but this kind is not read; the text says what to do instead */
	PSC_E_CORRUPT = 4,     /**< the bytes contradict themselves */
	PSC_E_TRUNCATED = 5,   /**< the file ends inside something indispensable */
	PSC_E_NOT_PRESENT = 6, /**< the bytes exist on the machine but not in this dump */
	PSC_E_NOT_FOUND = 7,   /**< what was looked for is not there */
	PSC_E_LIMIT = 8,       /**< a limit on memory, count or depth was reached */
	PSC_E_CANCELLED = 9,   /**< the progress callback asked to stop */
	PSC_E_ARGUMENT = 10,   /**< the caller's mistake */
	PSC_E_OS = 11,         /**< the operating system refused; see sys_errno */
	PSC_E_NO_MEMORY = 12,
};

/** What psc_error.pos means. */
enum psc_where {
	PSC_WHERE_NONE = 0,
	PSC_WHERE_FILE_OFFSET = 1,
	PSC_WHERE_PA = 2, /**< physical address */
	PSC_WHERE_VA = 3, /**< virtual address */
};

/** Details of a failure. Valid only when a call returned something else than PSC_OK and PSC_DONE. */
struct psc_error {
	enum psc_status status;
	int sys_errno; /**< errno or the Win32 code; 0 when there is none */
	enum psc_where where;
	uint64_t pos;
	char text[256]; /**< one line, outermost context first; cut, never lost */
};

/** The name of a status as a short English phrase. Never NULL; static storage. Thread-safe. */
PSC_API const char *psc_status_text(enum psc_status status);

#ifdef __cplusplus
}
#endif

#endif
