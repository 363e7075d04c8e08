/* SPDX-License-Identifier: MIT */
#include "table.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define GAP 2 /* blanks between columns */

/* ---- texts of cells ---- */

#define CELL_TEXT_BYTES 40

/* "812 B", "1.5 KiB". */
static void print_human(char buf[CELL_TEXT_BYTES], double v, bool with_sign)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	const char *sign = v < 0 ? "-" : with_sign && v > 0 ? "+" : "";
	unsigned unit = 0;
	v = v < 0 ? -v : v;
	/* What would be rounded to 1024.0 is 1.0 of the next. */
	for (; v >= 1023.95 && unit < 6; unit++)
		v /= 1024.0;
	if (unit == 0)
		snprintf(buf, CELL_TEXT_BYTES, "%s%.0f B", sign, v);
	else
		snprintf(buf, CELL_TEXT_BYTES, "%s%.1f %s", sign, v, units[unit]);
}

static bool print_human_cell(const struct cell *c, char buf[CELL_TEXT_BYTES])
{
	switch (c->type) {
	case CELL_U64:
		print_human(buf, (double)c->v.u64, false);
		return true;
	case CELL_I64:
	case CELL_GROWTH:
		print_human(buf, (double)c->v.i64, c->type == CELL_GROWTH);
		return true;
	case CELL_REAL:
		print_human(buf, c->v.real, false);
		return true;
	default:
		return false;
	}
}

/* Borrowed from the cell, or made in buf. */
static const char *cell_as_text(const struct column *col, const struct cell *c, bool human, char buf[CELL_TEXT_BYTES])
{
	const char *s = buf;
	if (human && col->is_bytes && print_human_cell(c, buf))
		return buf;
	switch (c->type) {
	case CELL_NULL:
		s = "-";
		break;
	case CELL_TEXT:
		s = c->v.text;
		break;
	case CELL_BOTH:
		s = c->v.both.text;
		break;
	case CELL_U64:
		group_digits(c->v.u64, false, buf);
		break;
	case CELL_I64:
		group_i64(c->v.i64, buf);
		break;
	case CELL_REAL:
		if (c->v.real > -1e15 && c->v.real < 1e15)
			group_i64((int64_t)(c->v.real < 0 ? c->v.real - 0.5 : c->v.real + 0.5), buf);
		else
			snprintf(buf, CELL_TEXT_BYTES, "%.3g", c->v.real);
		break;
	case CELL_RATIO:
		snprintf(buf, CELL_TEXT_BYTES, "%.1f%%", 100.0 * c->v.real);
		break;
	case CELL_GROWTH:
		buf[0] = '+';
		group_i64(c->v.i64, c->v.i64 > 0 ? buf + 1 : buf);
		break;
	case CELL_BOOL:
		s = c->v.boolean ? "yes" : "no";
		break;
	case CELL_ADDRESS:
	case CELL_ADDRESS32:
		snprintf(buf, CELL_TEXT_BYTES, "0x%0*" PRIx64, c->type == CELL_ADDRESS ? 16 : 8, c->v.u64);
		break;
	case CELL_TEXTS: /* as long as they are: made by who prints them */
		s = "";
		break;
	}
	return s;
}

static char *table_text(const struct column *col, const struct cell *c, bool human)
{
	char buf[CELL_TEXT_BYTES];
	if (c->type == CELL_TEXTS)
		return joined_texts(c);
	const char *s = cell_as_text(col, c, human, buf);
	char *copy = (char *)malloc(strlen(s) + 1);
	return copy != NULL ? strcpy(copy, s) : NULL;
}

/* Columns on screen; our texts are UTF-8, so continuation bytes take none. */
static size_t display_width(const char *s)
{
	size_t n = 0;
	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* ---- layout ---- */

static bool is_shown(const struct table_layout *l, size_t i)
{
	return l->cols[i].heading != NULL && !l->hidden[i];
}

void table_layout_init(struct table_layout *l, const struct column *cols, size_t n_cols,
		       const struct table_style *style)
{
	memset(l, 0, sizeof(*l));
	l->cols = cols;
	l->n_cols = n_cols < TABLE_COLUMNS_MAX ? n_cols : TABLE_COLUMNS_MAX;
	l->style = *style;
	for (size_t i = 0; i < l->n_cols; i++) {
		size_t heading = cols[i].heading != NULL ? display_width(cols[i].heading) : 0;
		l->widths[i] = heading > cols[i].width ? heading : cols[i].width;
	}
}

static size_t total_width(const struct table_layout *l)
{
	size_t sum = 0;
	for (size_t i = 0; i < l->n_cols; i++)
		if (is_shown(l, i))
			sum += l->widths[i] + (sum != 0 ? GAP : 0);
	return sum;
}

/* The widest text that may still be cut; n_cols: none. */
static size_t find_cut(const struct table_layout *l)
{
	size_t best = l->n_cols;
	for (size_t i = 0; i < l->n_cols; i++)
		if (is_shown(l, i) && l->cols[i].min_width != 0 && l->widths[i] > l->cols[i].min_width &&
		    (best == l->n_cols || l->widths[i] > l->widths[best]))
			best = i;
	return best;
}

static size_t find_drop(const struct table_layout *l)
{
	size_t best = l->n_cols;
	for (size_t i = 0; i < l->n_cols; i++)
		if (is_shown(l, i) && l->cols[i].drop != 0 &&
		    (best == l->n_cols || l->cols[i].drop > l->cols[best].drop))
			best = i;
	return best;
}

void table_layout_fit(struct table_layout *l)
{
	size_t natural[TABLE_COLUMNS_MAX];
	memcpy(natural, l->widths, sizeof(natural));
	while (l->style.columns != 0) {
		size_t total, i;
		while ((total = total_width(l)) > l->style.columns && (i = find_cut(l)) < l->n_cols) {
			size_t over = total - l->style.columns, spare = l->widths[i] - l->cols[i].min_width;
			/* The widest gives first, but not all: another may then be the widest. */
			size_t step = over < spare ? over : spare;
			l->widths[i] -= step > 4 ? 4 : step;
		}
		i = find_drop(l);
		if (total <= l->style.columns || i == l->n_cols)
			return;
		l->hidden[i] = true;
		l->n_left_out++;
		memcpy(l->widths, natural, sizeof(natural));
	}
}

void table_left_out(const struct table_layout *l, char *buf, size_t cap)
{
	size_t at = 0;
	buf[0] = '\0';
	for (size_t i = 0; i < l->n_cols; i++) {
		if (l->cols[i].heading == NULL || !l->hidden[i] || at >= cap)
			continue;
		int n = snprintf(buf + at, cap - at, "%s%s", at != 0 ? ", " : "", l->cols[i].heading);
		at += n > 0 ? (size_t)n : 0;
	}
}

/* ---- lines ---- */

#define BOLD   "\033[1m"
#define CYAN   "\033[36m"
#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define PLAIN  "\033[0m"

/* NULL: as it is. */
static const char *paint_of(const struct column *c, const char *text)
{
	switch (c->paint) {
	case PAINT_KEY:
		return CYAN;
	case PAINT_GROWTH:
		return text[0] == '+' ? RED : text[0] == '-' && text[1] != '\0' ? GREEN : NULL;
	case PAINT_ODD:
		return strcmp(text, "0") != 0 && strcmp(text, "0 B") != 0 && strcmp(text, "-") != 0 ? YELLOW : NULL;
	case PAINT_NONE:
		break;
	}
	return NULL;
}

/* Bytes of the first so many characters. */
static size_t bytes_of(const char *s, size_t n_characters)
{
	size_t n = 0;
	while (s[n] != '\0' && ((((unsigned char)s[n] & 0xc0) == 0x80) || n_characters-- != 0))
		n++;
	return n;
}

/* Blanks are owed until something follows them, so that no line ends in blanks. */
struct line {
	FILE *f;
	size_t owed;
	bool any;
};

static void line_add(struct line *line, const struct table_layout *l, size_t i, const char *s, const char *paint)
{
	const struct column *c = &l->cols[i];
	size_t width = l->widths[i], w = display_width(s), n = strlen(s);
	bool is_cut = c->min_width != 0 && l->style.columns != 0 && w > width;
	if (is_cut) {
		n = bytes_of(s, width - 1);
		w = width;
	}
	size_t pad = width > w ? width - w : 0;
	line->owed += line->any ? GAP : 0;
	line->any = true;
	if (!c->is_left)
		line->owed += pad;
	if (*s != '\0') {
		fprintf(line->f, "%*s", (int)line->owed, "");
		fprintf(line->f, "%s%.*s%s%s", paint != NULL ? paint : "", (int)n, s, is_cut ? "\u2026" : "",
			paint != NULL ? PLAIN : "");
		line->owed = 0;
	}
	if (c->is_left)
		line->owed += pad;
}

static void print_heading(FILE *f, const struct table_layout *l)
{
	struct line line = {f, 0, false};
	for (size_t i = 0; i < l->n_cols; i++)
		if (is_shown(l, i))
			line_add(&line, l, i, l->cols[i].heading, l->style.color ? BOLD : NULL);
	fputc('\n', f);
}

static void print_cell(struct line *line, const struct table_layout *l, size_t i, const char *text)
{
	line_add(line, l, i, text, l->style.color ? paint_of(&l->cols[i], text) : NULL);
}

void table_stream_row(FILE *f, const struct table_layout *l, const struct cell *cells)
{
	struct line line = {f, 0, false};
	char buf[CELL_TEXT_BYTES];
	if (cells == NULL) {
		print_heading(f, l);
		return;
	}
	for (size_t i = 0; i < l->n_cols; i++)
		if (is_shown(l, i))
			print_cell(&line, l, i, cell_as_text(&l->cols[i], &cells[i], l->style.human, buf));
	fputc('\n', f);
}

/* ---- buffered ---- */

void table_init(struct table *t, struct table_layout *layout)
{
	memset(t, 0, sizeof(*t));
	t->layout = layout;
}

void table_add(struct table *t, const struct cell *cells)
{
	struct table_layout *l = t->layout;
	if (t->no_memory)
		return;
	if (t->n == t->cap) {
		size_t cap = t->cap != 0 ? t->cap * 2 : 256;
		char ***rows = (char ***)realloc(t->rows, cap * sizeof(*rows));
		if (rows == NULL) {
			t->no_memory = true;
			return;
		}
		t->rows = rows;
		t->cap = cap;
	}
	char **row = (char **)calloc(l->n_cols, sizeof(*row));
	if (row == NULL) {
		t->no_memory = true;
		return;
	}
	t->rows[t->n++] = row;
	for (size_t i = 0; i < l->n_cols; i++) {
		if (l->cols[i].heading == NULL)
			continue;
		row[i] = table_text(&l->cols[i], &cells[i], l->style.human);
		if (row[i] == NULL) {
			t->no_memory = true;
			return;
		}
		size_t w = display_width(row[i]);
		if (w > l->widths[i])
			l->widths[i] = w;
	}
}

bool table_print(struct table *t, FILE *f)
{
	const struct table_layout *l = t->layout;
	bool ok = !t->no_memory;
	if (ok) {
		table_layout_fit(t->layout);
		print_heading(f, l);
		for (size_t r = 0; r < t->n; r++) {
			struct line line = {f, 0, false};
			for (size_t i = 0; i < l->n_cols; i++)
				if (is_shown(l, i))
					print_cell(&line, l, i, t->rows[r][i]);
			fputc('\n', f);
		}
	}
	for (size_t r = 0; r < t->n; r++) {
		for (size_t i = 0; i < l->n_cols; i++)
			free(t->rows[r][i]);
		free(t->rows[r]);
	}
	free(t->rows);
	memset(t, 0, sizeof(*t));
	return ok;
}
