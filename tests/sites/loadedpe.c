/* SPDX-License-Identifier: MIT */
/* loadedpe FILE [file]: the sites of a driver as a dump would have it: its imports are addresses, and their names are
 * gone (file: as it is on disk). Lines of input change it before: "call RVA ROUTINE" makes an indirect call there a
 * direct one of that routine, as the kernel may; "word RVA VALUE" stores a pointer (hexadecimal). Prints a line per
 * site. For check.py. */
#include "blame/sites.h"
#include "util/bytes.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AWAY       0x4000000u /* from the image to what it imports: in reach of a direct call */
#define EXTERN_MAX 256

static struct psc_code_image image;
static struct psc_extern externs[EXTERN_MAX];
static size_t n_externs;
static uint64_t next_va;

static void put(uint32_t rva, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		image.bytes[rva + i] = (uint8_t)(v >> 8 * i);
}

static void on_import(void *arg, uint32_t slot_rva, const char *name)
{
	const struct psc_pool_api *api = psc_pool_api_find(name);
	(void)arg;
	next_va += 0x40;
	put(slot_rva, next_va, image.pointer_bytes);
	if (api == NULL || n_externs == EXTERN_MAX)
		return;
	externs[n_externs].va = next_va;
	externs[n_externs++].api = api;
}

static void call_directly(uint32_t rva, const char *name)
{
	const uint8_t *p = image.bytes + rva;
	uint64_t to = 0, at = image.base + rva;
	for (size_t i = 0; i < n_externs; i++)
		if (strcmp(externs[i].api->name, name) == 0)
			to = externs[i].va;
	if (to == 0 || rva >= image.size_bytes - 8)
		return;
	if (image.machine == PSC_MACHINE_ARM64) {
		uint32_t w = psc_le32(p), is_call = w & 0x00200000;
		if ((w & 0xffdffc1f) == 0xd61f0000) /* blr, br */
			put(rva, (is_call ? 0x94000000u : 0x14000000u) | ((uint32_t)((to - at) >> 2) & 0x3ffffff), 4);
	} else if (p[0] == 0xff && (p[1] == 0x15 || p[1] == 0x25)) {
		put(rva, p[1] == 0x15 ? 0xe8 : 0xe9, 1);
		put(rva + 1, to - at - 5, 4);
		put(rva + 5, 0x90, 1);
	}
}

static void print_value(const char *name, const struct psc_site_value *v)
{
	printf(" %s %d", name, (int)v->kind);
	for (uint32_t i = 0; i < v->n; i++)
		printf(",%" PRIx64, v->values[i]);
}

int main(int argc, char **argv)
{
	char line[256], name[64];
	unsigned long rva;
	unsigned long long value;
	struct psc_source *src = NULL;
	struct psc_error err;
	struct psc_scan s;
	struct psc_site_list list = {.arena = PSC_ARENA_INIT};
	bool as_file = argc == 3 && strcmp(argv[2], "file") == 0;
	if ((argc != 2 && !as_file) || psc_source_open_file(argv[1], NULL, &src, &err) != PSC_OK ||
	    psc_code_image_from_file(src, &image, &err) != PSC_OK) {
		fprintf(stderr, "loadedpe: %s\n", argc >= 2 ? err.text : "which file?");
		return 2;
	}
	next_va = image.base + AWAY;
	if (!as_file) {
		psc_code_imports(&image, on_import, NULL);
		image.dirs[PSC_DIR_IMPORT].rva = image.dirs[PSC_DIR_DELAY_IMPORT].rva = 0;
		image.from_file = false;
	}
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (sscanf(line, "call %lx %63s", &rva, name) == 2)
			call_directly((uint32_t)rva, name);
		else if (sscanf(line, "word %lx %llx", &rva, &value) == 2 && rva < image.size_bytes - 8)
			put((uint32_t)rva, value, image.pointer_bytes);
	}
	struct psc_externs e = {externs, n_externs, n_externs};
	if (!psc_scan_run(&s, &image, &e, NULL) || !psc_site_rows_of(&s, 0, &list))
		return 2;
	for (size_t i = 0; i < list.n; i++) {
		const struct psc_site *r = &list.items[i];
		printf("%x %s", (unsigned)r->call_rva, r->api);
		print_value("tag", &r->tag);
		print_value("size", &r->size);
		for (uint32_t c = 0; c < r->n_chain; c++)
			printf(" through %x", (unsigned)r->chain[c].function_rva);
		putchar('\n');
	}
	psc_scan_deinit(&s);
	free(list.items);
	psc_arena_deinit(&list.arena);
	psc_code_image_deinit(&image);
	psc_source_close(src);
	return 0;
}
