/* SPDX-License-Identifier: MIT */
/* The linker's map file: lines " SSSS:OOOOOOOO  name  address  object". */
#include "image_private.h"
#include "mem_private.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool ends_in_stdcall_bytes(const char *name, size_t *ret_plain)
{
	const char *at = strrchr(name, '@');

	if (at == NULL || at == name || at[1] == 0 || strchr(name, '@') != at)
		return false;
	for (const char *p = at + 1; *p != 0; p++) {
		if (!isdigit((unsigned char)*p))
			return false;
	}
	*ret_plain = (size_t)(at - name);
	return true;
}

/* x86 only: _name, _name@12, __imp__name@12. C++ names start with '?' and stay. */
static void undecorate_x86(char *name)
{
	const char import_prefix[] = "__imp_";
	size_t start = 0, plain;

	if (*name == '?')
		return;
	if (strncmp(name, import_prefix, sizeof import_prefix - 1) == 0)
		start = sizeof import_prefix - 1;
	if (name[start] == '_')
		memmove(name + start, name + start + 1, strlen(name + start + 1) + 1);
	if (ends_in_stdcall_bytes(name, &plain))
		name[plain] = 0;
}

static void add_symbol(struct lab_image *img, const char *name, uint32_t rva, bool is_x86)
{
	struct lab_symbol *s;

	if (img->n_symbols % 256 == 0) {
		const size_t room = img->n_symbols + 256;
		void *grown = realloc(img->symbols, room * sizeof *img->symbols);

		if (grown == NULL)
			lab_die("out of memory: %zu symbols", room);
		img->symbols = grown;
	}
	s = &img->symbols[img->n_symbols++];
	s->rva = rva;
	s->name = lab_xcalloc(1, strlen(name) + 1);
	memcpy(s->name, name, strlen(name));
	if (is_x86)
		undecorate_x86(s->name);
}

void lab_map_read(struct lab_image *img, const char *path)
{
	FILE *f = fopen(path, "r");
	struct lab_pe pe;
	char line[4096];

	if (f == NULL)
		lab_die("no map file %s", path);
	lab_pe_parse(&pe, img->file, img->file_size);
	while (fgets(line, sizeof line, f) != NULL) {
		unsigned section, offset;
		char name[2048];
		uint64_t address;

		if (sscanf(line, " %4x:%8x %2047s %16" SCNx64, &section, &offset, name, &address) != 4)
			continue;
		/* The table of sections has the same shape up to its third column; absolute symbols are in section 0.
		 */
		if (section == 0 || address < img->preferred_base ||
		    address - img->preferred_base >= img->size_of_image)
			continue;
		add_symbol(img, name, (uint32_t)(address - img->preferred_base), pe.machine == 0x14c);
	}
	fclose(f);
	if (img->n_symbols == 0)
		lab_die("no symbols in %s", path);
}
