/* SPDX-License-Identifier: MIT */
/* Volatility 3 symbol file: symbols.md section 6. */
#include "image_private.h"
#include "mem_private.h"
#include <lzma.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct text {
	char *bytes;
	size_t size, capacity;
};

static void append(struct text *t, const char *s, size_t n)
{
	if (n > t->capacity - t->size) {
		t->capacity = (t->size + n) * 2;
		t->bytes = realloc(t->bytes, t->capacity);
		if (t->bytes == NULL)
			lab_die("out of memory: %zu bytes", t->capacity);
	}
	memcpy(t->bytes + t->size, s, n);
	t->size += n;
}

static void append_string(struct text *t, const char *s)
{
	append(t, s, strlen(s));
}

static void append_format(struct text *t, const char *fmt, ...)
{
	char piece[512];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(piece, sizeof piece, fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof piece)
		lab_die("ISF: text too long");
	append(t, piece, (size_t)n);
}

static void append_quoted(struct text *t, const char *s)
{
	append_string(t, "\"");
	for (; *s != 0; s++) {
		const unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			append_format(t, "\\%c", c);
		else if (c < 0x20)
			append_format(t, "\\u%04x", c);
		else
			append(t, s, 1);
	}
	append_string(t, "\"");
}

static int by_name(const void *a, const void *b)
{
	const struct lab_symbol *x = *(const struct lab_symbol *const *)a, *y = *(const struct lab_symbol *const *)b;
	const int order = strcmp(x->name, y->name);

	if (order != 0)
		return order;
	return x->rva < y->rva ? -1 : x->rva > y->rva;
}

static void append_symbols(struct text *t, const struct lab_image *img)
{
	const struct lab_symbol **sorted = lab_xcalloc(img->n_symbols, sizeof(struct lab_symbol *));
	bool first = true;

	for (size_t i = 0; i < img->n_symbols; i++)
		sorted[i] = &img->symbols[i];
	qsort(sorted, img->n_symbols, sizeof(struct lab_symbol *), by_name);
	for (size_t i = 0; i < img->n_symbols; i++) {
		if (i > 0 && strcmp(sorted[i]->name, sorted[i - 1]->name) == 0)
			continue;
		append_string(t, first ? "\n    " : ",\n    ");
		append_quoted(t, sorted[i]->name);
		append_format(t, ": {\"address\": %lu}", (unsigned long)sorted[i]->rva);
		first = false;
	}
	free(sorted);
}

static void append_base_types(struct text *t, unsigned pointer_bytes)
{
	static const struct {
		const char *name, *kind;
		unsigned size;
		bool is_signed;
	} types[] = {
		{"char", "char", 1, true},
		{"int", "int", 4, true},
		{"long", "int", 4, true},
		{"long long", "int", 8, true},
		{"short", "int", 2, true},
		{"unsigned char", "char", 1, false},
		{"unsigned int", "int", 4, false},
		{"unsigned long", "int", 4, false},
		{"unsigned long long", "int", 8, false},
		{"unsigned short", "int", 2, false},
		{"void", "void", 0, true},
		{"wchar", "int", 2, true},
	};

	append_format(t,
		      "\n    \"pointer\": {\"endian\": \"little\", \"kind\": \"int\", \"signed\": false, \"size\": %u}",
		      pointer_bytes);
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		append_format(t,
			      ",\n    \"%s\": {\"endian\": \"little\", \"kind\": \"%s\", \"signed\": %s, \"size\": %u}",
			      types[i].name, types[i].kind, types[i].is_signed ? "true" : "false", types[i].size);
}

static void pack_xz(struct text *t)
{
	const size_t room = lzma_stream_buffer_bound(t->size);
	uint8_t *packed = lab_xcalloc(1, room);
	size_t n = 0;

	if (lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL, (const uint8_t *)t->bytes, t->size, packed, &n, room) !=
	    LZMA_OK)
		lab_die("liblzma: cannot compress");
	free(t->bytes);
	*t = (struct text){.bytes = (char *)packed, .size = n, .capacity = room};
}

static bool ends_with(const char *s, const char *end)
{
	return strlen(s) >= strlen(end) && strcmp(s + strlen(s) - strlen(end), end) == 0;
}

void lab_image_write_isf(const struct lab_image *img, const char *user_types_json, uint32_t machine, const char *path)
{
	const bool is_file = ends_with(path, ".json") || ends_with(path, ".xz");
	struct text t = {0}, name = {0};
	FILE *f;

	append_string(&name, path);
	if (!is_file) /* a directory */
		append_format(&name, "/%s-%lu.json.xz", img->pdb_guid_hex, (unsigned long)img->pdb_age);
	append(&name, "", 1);

	append_string(&t, "{\n  \"base_types\": {");
	append_base_types(&t, machine == 0x14c ? 4 : 8);
	append_string(&t, "\n  },\n  \"enums\": {},\n  \"metadata\": {\n    \"format\": \"6.1.0\",\n"
			  "    \"producer\": {\"datetime\": \"2021-01-01T00:00:00\", \"name\": \"poolscope-lab\", "
			  "\"version\": \"1\"},\n    \"windows\": {\"pdb\": {");
	append_format(&t, "\"GUID\": \"%s\", \"age\": %lu, \"database\": \"%s\", \"machine_type\": %lu}}\n  },\n",
		      img->pdb_guid_hex, (unsigned long)img->pdb_age, img->pdb_name, (unsigned long)machine);
	append_string(&t, "  \"symbols\": {");
	append_symbols(&t, img);
	append_string(&t, "\n  },\n  \"user_types\": ");
	append_string(&t, user_types_json != NULL ? user_types_json : "{}");
	append_string(&t, "\n}\n");
	if (!ends_with(name.bytes, ".json"))
		pack_xz(&t);
	f = fopen(name.bytes, "wb");
	if (f == NULL || fwrite(t.bytes, 1, t.size, f) != t.size || fclose(f) != 0)
		lab_die("cannot write %s", name.bytes);
	free(t.bytes);
	free(name.bytes);
}
