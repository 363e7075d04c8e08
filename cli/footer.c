/* SPDX-License-Identifier: MIT */
#include "footer.h"
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#define INDENT 12 /* below the texts of indented lines, which begin with a name */

static struct {
	unsigned columns, at, indent;
	char word[256]; /* not written yet, blanks before it included */
	size_t n;
} state;

void footer_start(unsigned columns)
{
	state.columns = columns > 2 * INDENT ? columns : 0;
	state.at = 0;
	state.n = 0;
}

static unsigned display_width(const char *s, size_t n)
{
	unsigned width = 0;
	for (size_t i = 0; i < n; i++)
		width += ((unsigned char)s[i] & 0xc0) != 0x80;
	return width;
}

static void write_word(FILE *f)
{
	size_t blanks = 0;
	unsigned width = display_width(state.word, state.n);
	while (blanks < state.n && state.word[blanks] == ' ')
		blanks++;
	if (state.at == 0)
		state.indent = blanks != 0 ? INDENT : 2;
	if (state.columns != 0 && state.at > state.indent && blanks < state.n && state.at + width > state.columns) {
		fprintf(f, "\n%*s", (int)state.indent, "");
		fwrite(state.word + blanks, 1, state.n - blanks, f);
		state.at = state.indent + width - (unsigned)blanks;
	} else {
		fwrite(state.word, 1, state.n, f);
		state.at += width;
	}
	state.n = 0;
}

void footer_printf(FILE *f, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (const char *p = text; *p != '\0'; p++) {
		bool ends_word = state.n != 0 && (*p == '\n' || (*p == ' ' && state.word[state.n - 1] != ' '));
		if (ends_word || state.n == sizeof(state.word))
			write_word(f);
		if (*p == '\n') {
			fputc('\n', f);
			state.at = 0;
		} else {
			state.word[state.n++] = *p;
		}
	}
}
