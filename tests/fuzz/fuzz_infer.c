/* SPDX-License-Identifier: MIT */
/* Inference on mutated memory: a byte of choices, then patches {u24 offset, u8 n, n bytes} over a good dump that is
 * opened with no symbols. Whatever is found must be told consistently, and reading the pool by it must end. */
#include "io/source.h"
#include "util/bytes.h"
#include <poolscope/poolscope.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if !defined(FUZZ_BASE_DUMP) || !defined(FUZZ_HEAP_DUMP)
#error "FUZZ_BASE_DUMP and FUZZ_HEAP_DUMP name the fixtures: 7, and 11 with segment heaps"
#endif

#define CHOICE_BUILTIN 1u /* with built-in layouts: then they are held against the bytes */
#define CHOICE_NO_KDBG 2u /* the header has no pointer to the debugger data block */
#define CHOICE_NO_LIST 4u /* nor to the process list */
#define CHOICE_HEAP    8u /* the dump with segment heaps, a quota cookie and a table of regions */

struct base {
	const char *path;
	uint8_t *bytes, *work;
	size_t size;
};
static struct base bases[2] = {{FUZZ_BASE_DUMP, NULL, NULL, 0}, {FUZZ_HEAP_DUMP, NULL, NULL, 0}};

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void load_base(struct base *b)
{
	struct psc_source *src = NULL;
	struct psc_error err;
	struct psc_source_options opts = {.no_mmap = true};
	if (psc_source_open_file(b->path, &opts, &src, &err) != PSC_OK) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	b->size = (size_t)psc_source_size(src);
	b->bytes = (uint8_t *)malloc(b->size);
	b->work = (uint8_t *)malloc(b->size);
	require(b->bytes != NULL && b->work != NULL && psc_source_read(src, 0, b->bytes, b->size, &err) == PSC_OK);
	psc_source_close(src);
	memcpy(b->work, b->bytes, b->size);
}

static void check_findings(const struct psc_dump *dump)
{
	size_t n;
	const struct psc_inferred *items = psc_dump_inferred(dump, &n);
	require(n <= 256);
	for (size_t i = 0; i < n; i++) {
		bool is_used = items[i].confidence >= PSC_CONFIDENCE_WEAK;
		require(items[i].name[0] != '\0' && items[i].kind[0] != '\0' && items[i].evidence[0] != '\0');
		require(is_used || items[i].value == 0);
		require(items[i].n_alternatives == 0 || items[i].alternatives != NULL);
		require(strcmp(psc_confidence_name(items[i].confidence), "?") != 0);
	}
	const struct psc_profile_item *profile = psc_dump_profile(dump, &n);
	for (size_t i = 0; i < n; i++)
		require(strcmp(profile[i].origin, "none") != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct psc_open_options opts = PSC_OPEN_OPTIONS_INIT;
	struct psc_tags_options tags_opts = PSC_TAGS_OPTIONS_INIT;
	struct psc_dump *dump = NULL;
	struct psc_tags *tags = NULL;
	struct psc_error err;
	struct psc_cursor c = psc_cursor_init(data, size);
	unsigned choice = psc_cursor_u8(&c);

	struct base *base = &bases[(choice & CHOICE_HEAP) != 0];
	if (base->bytes == NULL)
		load_base(base);
	while (psc_cursor_left(&c) >= 5) {
		size_t off = psc_cursor_u16(&c);
		off |= (size_t)psc_cursor_u8(&c) << 16;
		size_t n = psc_cursor_u8(&c);
		if (n > psc_cursor_left(&c))
			n = psc_cursor_left(&c);
		const uint8_t *bytes = psc_cursor_bytes(&c, n);
		if (bytes != NULL && off < base->size)
			memcpy(base->work + off, bytes, n < base->size - off ? n : base->size - off);
	}
	if ((choice & CHOICE_NO_KDBG) != 0)
		memset(base->work + 0x80, 0, 8);
	if ((choice & CHOICE_NO_LIST) != 0)
		memset(base->work + 0x28, 0, 8);
	opts.flags = (choice & CHOICE_BUILTIN) != 0 ? 0 : PSC_OPEN_NO_BUILTIN;
	tags_opts.n_threads = 1;
	if (psc_dump_open_mem(base->work, base->size, &opts, &dump, &err) == PSC_OK) {
		check_findings(dump);
		if (psc_tags_run(dump, &tags_opts, &tags, &err) == PSC_OK) {
			double ratio = psc_tags_coverage_ratio(tags);
			require(ratio >= 0.0 && ratio <= 1.0);
		}
		psc_tags_free(tags);
	}
	psc_dump_close(dump);
	memcpy(base->work, base->bytes, base->size);
	return 0;
}
