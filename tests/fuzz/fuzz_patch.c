/* SPDX-License-Identifier: MIT */
/* Whole-program fuzzing: the input is a list of patches {u24 offset, u8 n, n bytes} laid over a good dump of a small
 * machine, then everything runs: container, page tables, kernel, trackers, big pages, walk. The dump and its symbols
 * are fixtures. */
#include "io/source.h"
#include "util/bytes.h"
#include <poolscope/poolscope.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef FUZZ_BASE_DUMP
#error "FUZZ_BASE_DUMP and FUZZ_BASE_ISF name the fixture"
#endif

static uint8_t *base, *work;
static size_t base_size;

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
	if (base == NULL || work == NULL || psc_source_read(src, 0, base, base_size, &err) != PSC_OK)
		abort();
	psc_source_close(src);
	memcpy(work, base, base_size);
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
	opts.isf_path = FUZZ_BASE_ISF;
	tags_opts.n_threads = 1;
	if (psc_dump_open_mem(work, base_size, &opts, &dump, &err) == PSC_OK) {
		if (psc_tags_run(dump, &tags_opts, &tags, &err) == PSC_OK) {
			size_t n;
			double ratio = psc_tags_coverage_ratio(tags);
			if (!(ratio >= 0.0 && ratio <= 1.0) || (psc_tags_rows(tags, &n), n > 4000000))
				abort();
		}
		psc_tags_free(tags);
	}
	psc_dump_close(dump);
	memcpy(work, base, base_size);
	return 0;
}
