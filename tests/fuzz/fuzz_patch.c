/* SPDX-License-Identifier: MIT */
/* Whole-program fuzzing: a good dump of a small machine, patched by the input, then everything runs: container, page
 * tables, kernel, trackers, big pages, walk. The dump and its symbols are fixtures. */
#include "patched_dump.h"
#include <poolscope/poolscope.h>

#ifndef FUZZ_BASE_DUMP
#error "FUZZ_BASE_DUMP and FUZZ_BASE_ISF name the fixture"
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct psc_open_options opts = PSC_OPEN_OPTIONS_INIT;
	struct psc_tags_options tags_opts = PSC_TAGS_OPTIONS_INIT;
	struct psc_dump *dump = NULL;
	struct psc_tags *tags = NULL;
	struct psc_error err;
	static struct patched_dump patched;

	patched_dump_make(&patched, FUZZ_BASE_DUMP, data, size);
	opts.isf_path = FUZZ_BASE_ISF;
	tags_opts.n_threads = 1;
	if (psc_dump_open_mem(patched.work, patched.size, &opts, &dump, &err) == PSC_OK) {
		if (psc_tags_run(dump, &tags_opts, &tags, &err) == PSC_OK) {
			size_t n;
			double ratio = psc_tags_coverage_ratio(tags);
			if (!(ratio >= 0.0 && ratio <= 1.0) || (psc_tags_rows(tags, &n), n > 4000000))
				abort();
		}
		psc_tags_free(tags);
	}
	psc_dump_close(dump);
	return 0;
}
