/* SPDX-License-Identifier: MIT */
#include "text.h"
#include "mem.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void *lab_xrealloc(void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	if (!p)
		lab_die("out of memory (%zu bytes)", n);
	return p;
}

void lab_text_add(struct lab_text *t, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		lab_die("bad format");
	if (t->n + (size_t)n + 1 > t->cap) {
		t->cap = (t->n + (size_t)n + 1) * 2;
		t->s = lab_xrealloc(t->s, t->cap);
	}
	va_start(ap, fmt);
	vsnprintf(t->s + t->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	t->n += (size_t)n;
}
