/* SPDX-License-Identifier: MIT */
/* A growing string. */
#ifndef LAB_TEXT_H
#define LAB_TEXT_H

#include <stddef.h>

struct lab_text {
	char *s;
	size_t n, cap;
};

void lab_text_add(struct lab_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void *lab_xrealloc(void *p, size_t n);
/* Room for one more element in a growing array. */
#define LAB_GROW(array, n, cap)                                                                                        \
	do {                                                                                                           \
		if ((n) == (cap)) {                                                                                    \
			(cap) = (cap) ? (cap)*2 : 16;                                                                  \
			(array) = lab_xrealloc((array), (cap) * sizeof *(array));                                      \
		}                                                                                                      \
	} while (0)

#endif
