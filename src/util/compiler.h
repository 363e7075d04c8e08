/* SPDX-License-Identifier: MIT */
/* What is said to the compiler and has no spelling in C11. */
#ifndef PSC_UTIL_COMPILER_H
#define PSC_UTIL_COMPILER_H

/* The next case label is meant to be reached. */
#if defined(__GNUC__)
#define PSC_FALLTHROUGH __attribute__((fallthrough))
#else
#define PSC_FALLTHROUGH ((void)0)
#endif

/* A hint that the bytes at p are read soon; never faults. */
static inline void psc_prefetch(const void *p)
{
#if defined(__GNUC__)
	__builtin_prefetch(p);
#else
	(void)p;
#endif
}

#endif
