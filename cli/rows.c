/* SPDX-License-Identifier: MIT */
#include "rows.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void print_json_string(FILE *f, const char *text)
{
	fputc('"', f);
	for (const char *p = text; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;
		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < 0x20)
			fprintf(f, "\\u%04x", c);
		else
			fputc(c, f);
	}
	fputc('"', f);
}

static void print_json_cell(FILE *f, const struct cell *c)
{
	switch (c->type) {
	case CELL_NULL:
		fputs("null", f);
		break;
	case CELL_TEXT:
		print_json_string(f, c->v.text);
		break;
	case CELL_BOTH:
		fputs(c->v.both.json, f);
		break;
	case CELL_U64:
		fprintf(f, "%" PRIu64, c->v.u64);
		break;
	case CELL_I64:
	case CELL_GROWTH:
		fprintf(f, "%" PRId64, c->v.i64);
		break;
	case CELL_REAL:
		fprintf(f, "%.2f", c->v.real);
		break;
	case CELL_RATIO:
		fprintf(f, "%.6f", c->v.real);
		break;
	case CELL_BOOL:
		fputs(c->v.boolean ? "true" : "false", f);
		break;
	case CELL_ADDRESS:
	case CELL_ADDRESS32:
		fprintf(f, "\"0x%0*" PRIx64 "\"", c->type == CELL_ADDRESS ? 16 : 8, c->v.u64);
		break;
	case CELL_TEXTS:
		fputc('[', f);
		for (size_t i = 0; i < c->v.texts.n; i++) {
			if (i != 0)
				fputc(',', f);
			print_json_string(f, c->v.texts.items[i]);
		}
		fputc(']', f);
		break;
	}
}

char *joined_texts(const struct cell *c)
{
	size_t bytes = 1, at = 0;
	for (size_t i = 0; i < c->v.texts.n; i++)
		bytes += strlen(c->v.texts.items[i]) + 1;
	char *text = (char *)calloc(bytes, 1);
	for (size_t i = 0; i < c->v.texts.n && text != NULL; i++)
		at += (size_t)snprintf(text + at, bytes - at, "%s%s", i != 0 ? "," : "", c->v.texts.items[i]);
	return text;
}

void row_print_json(FILE *f, const struct column *cols, const struct cell *cells, size_t n_cols)
{
	const char *separator = "";
	for (size_t i = 0; i < n_cols; i++) {
		if (cols[i].key == NULL)
			continue;
		const char *dot = strchr(cols[i].key, '.');
		if (dot == NULL) {
			fprintf(f, "%s\"%s\":", separator, cols[i].key);
			print_json_cell(f, &cells[i]);
			separator = ",";
			continue;
		}
		size_t n = (size_t)(dot - cols[i].key), end = i;
		bool any = false;
		while (end < n_cols && cols[end].key != NULL && strncmp(cols[end].key, cols[i].key, n + 1) == 0)
			any |= cells[end++].type != CELL_NULL;
		fprintf(f, "%s\"%.*s\":%s", separator, (int)n, cols[i].key, any ? "{" : "null");
		separator = ",";
		for (size_t j = i; any && j < end; j++) {
			fprintf(f, "%s\"%s\":", j > i ? "," : "", cols[j].key + n + 1);
			print_json_cell(f, &cells[j]);
		}
		if (any)
			fputc('}', f);
		i = end - 1;
	}
}

/* A text for CSV. */
static void print_quoted(FILE *f, const char *text)
{
	if (strpbrk(text, ",\"\r\n") == NULL && text[0] != ' ') {
		fputs(text, f);
		return;
	}
	fputc('"', f);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '"')
			fputc('"', f);
		fputc(*p, f);
	}
	fputc('"', f);
}

/* Plain form for CSV: no grouping, empty for null. */
static void print_plain(FILE *f, const struct cell *c)
{
	switch (c->type) {
	case CELL_NULL:
		break;
	case CELL_TEXT:
		print_quoted(f, c->v.text);
		break;
	case CELL_BOTH:
		print_quoted(f, c->v.both.text);
		break;
	case CELL_TEXTS: {
		char *text = joined_texts(c);
		if (text != NULL)
			print_quoted(f, text);
		free(text);
		break;
	}
	case CELL_U64:
		fprintf(f, "%" PRIu64, c->v.u64);
		break;
	case CELL_I64:
	case CELL_GROWTH:
		fprintf(f, "%" PRId64, c->v.i64);
		break;
	case CELL_REAL:
		fprintf(f, "%.2f", c->v.real);
		break;
	case CELL_RATIO:
		fprintf(f, "%.6f", c->v.real);
		break;
	case CELL_BOOL:
		fputs(c->v.boolean ? "true" : "false", f);
		break;
	case CELL_ADDRESS:
	case CELL_ADDRESS32:
		fprintf(f, "0x%0*" PRIx64, c->type == CELL_ADDRESS ? 16 : 8, c->v.u64);
		break;
	}
}

void csv_header(FILE *f, const struct column *cols, size_t n_cols)
{
	bool first = true;
	for (size_t i = 0; i < n_cols; i++) {
		if (cols[i].key == NULL)
			continue;
		if (!first)
			fputc(',', f);
		first = false;
		for (const char *p = cols[i].key; *p != '\0'; p++)
			fputc(*p == '.' ? '_' : *p, f);
	}
	fputs("\r\n", f); /* RFC 4180 */
}

void csv_row(FILE *f, const struct column *cols, const struct cell *cells, size_t n_cols)
{
	bool first = true;
	for (size_t i = 0; i < n_cols; i++) {
		if (cols[i].key == NULL)
			continue;
		if (!first)
			fputc(',', f);
		first = false;
		print_plain(f, &cells[i]);
	}
	fputs("\r\n", f);
}

const char *group_digits(uint64_t v, bool negative, char *buf)
{
	char digits[24];
	size_t n = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, v), out = 0;
	if (negative)
		buf[out++] = '-';
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			buf[out++] = ',';
		buf[out++] = digits[i];
	}
	buf[out] = '\0';
	return buf;
}

const char *group_i64(int64_t v, char *buf)
{
	return group_digits(v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0, buf);
}

void print_hex_line(FILE *f, uint64_t va, bool is_32bit, const uint8_t *bytes, size_t n)
{
	fprintf(f, "    %0*" PRIx64 " ", is_32bit ? 8 : 16, va);
	for (size_t i = 0; i < 16; i++) {
		if (i < n)
			fprintf(f, "%c%02x", i == 8 ? '-' : ' ', bytes[i]);
		else
			fputs("   ", f);
	}
	fputs("  ", f);
	for (size_t i = 0; i < n; i++)
		fputc(bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '.', f);
	fputc('\n', f);
}
