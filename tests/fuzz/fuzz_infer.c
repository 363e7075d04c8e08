/* SPDX-License-Identifier: MIT */
/* Inference on mutated memory: a byte of choices, then patches {u24 offset, u8 n, n bytes} over a good dump that is
 * opened with no symbols. Whatever is found must be told consistently, and reading the pool by it must end. */
#include "io/source.h"
#include "util/bytes.h"
#include <poolscope/poolscope.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef FUZZ_BASE_DUMP
#error "FUZZ_BASE_DUMP names the fixture"
#endif

#define CHOICE_BUILTIN 1u /* with built-in layouts: then they are held against the bytes */
#define CHOICE_NO_KDBG 2u /* the header has no pointer to the debugger data block */
#define CHOICE_NO_LIST 4u /* nor to the process list */

static uint8_t *base, *work;
static size_t base_size;

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void load_base(void)
{
	struct psc_source *src = NULL;
	struct psc_error err;
	struct psc_source_options opts = {.no_mmap = true};
	if (psc_source_open_file(FUZZ_BASE_DUMP, &opts, &src, &err) != PSC_OK) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	base_size = (size_t)psc_source_size(src);
	base = (uint8_t *)malloc(base_size);
	work = (uint8_t *)malloc(base_size);
	require(base != NULL && work != NULL && psc_source_read(src, 0, base, base_size, &err) == PSC_OK);
	psc_source_close(src);
	memcpy(work, base, base_size);
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

	if (base == NULL)
		load_base();
	while (psc_cursor_left(&c) >= 5) {
		size_t off = psc_cursor_u16(&c);
		off |= (size_t)psc_cursor_u8(&c) << 16;
		size_t n = psc_cursor_u8(&c);
		if (n > psc_cursor_left(&c))
			n = psc_cursor_left(&c);
		const uint8_t *bytes = psc_cursor_bytes(&c, n);
		if (bytes != NULL && off < base_size)
			memcpy(work + off, bytes, n < base_size - off ? n : base_size - off);
	}
	if ((choice & CHOICE_NO_KDBG) != 0)
		memset(work + 0x80, 0, 8);
	if ((choice & CHOICE_NO_LIST) != 0)
		memset(work + 0x28, 0, 8);
	opts.flags = (choice & CHOICE_BUILTIN) != 0 ? 0 : PSC_OPEN_NO_BUILTIN;
	tags_opts.n_threads = 1;
	if (psc_dump_open_mem(work, base_size, &opts, &dump, &err) == PSC_OK) {
		check_findings(dump);
		if (psc_tags_run(dump, &tags_opts, &tags, &err) == PSC_OK) {
			double ratio = psc_tags_coverage_ratio(tags);
			require(ratio >= 0.0 && ratio <= 1.0);
		}
		psc_tags_free(tags);
	}
	psc_dump_close(dump);
	memcpy(work, base, base_size);
	return 0;
}
