/* SPDX-License-Identifier: MIT */
/* Whole-program fuzzing: a good dump of a small machine, patched by the input, then everything runs: container, page
 * tables, kernel, trackers, big pages, walk. The dump and its symbols are fixtures. */
#include "patched_dump.h"
#include <poolscope/poolscope.h>

#ifndef FUZZ_BASE_DUMP
#error "FUZZ_BASE_DUMP and FUZZ_BASE_ISF name the fixture"
#endif

static bool on_block(void *arg, const struct psc_block_row *b)
{
	uint64_t *last = (uint64_t *)arg;
	if (b->header_va < *last || b->va < b->header_va || b->size_bytes > b->block_bytes)
		abort();
	*last = b->header_va;
	return true;
}

static bool on_thread(void *arg, const struct psc_stacks_row *t)
{
	(void)arg;
	if (t->n_frames > 256 || (t->stack_base != 0 && t->stack_base <= t->stack_limit))
		abort();
	return true;
}

/* Lists, checks, and the dump against itself: nothing grows. */
static void run_reports(struct psc_dump *dump)
{
	struct psc_dump *const twice[2] = {dump, dump};
	struct psc_blocks_options bo = PSC_BLOCKS_OPTIONS_INIT;
	struct psc_validate_options vo = PSC_VALIDATE_OPTIONS_INIT;
	struct psc_diff_options dopts = PSC_DIFF_OPTIONS_INIT;
	struct psc_blocks *blocks = NULL;
	struct psc_validate *validate = NULL;
	struct psc_diff *diff = NULL;
	struct psc_stacks *stacks = NULL;
	uint64_t last = 0;
	size_t n;
	bo.states = 0;
	bo.n_threads = vo.n_threads = dopts.n_threads = 1;
	(void)psc_blocks_run(dump, &bo, on_block, &last, &blocks, NULL);
	psc_blocks_free(blocks);
	if (psc_validate_run(dump, &vo, &validate, NULL) == PSC_OK) {
		(void)psc_validate_rows(validate, &n);
		if (n > psc_validate_count(validate, NULL))
			abort();
	}
	psc_validate_free(validate);
	if (psc_stacks_run(dump, NULL, on_thread, NULL, &stacks, NULL) == PSC_OK &&
	    !(psc_stacks_get_info(stacks)->ratio >= 0.0 && psc_stacks_get_info(stacks)->ratio <= 1.0))
		abort();
	psc_stacks_free(stacks);
	dopts.flags = PSC_DIFF_PINNED;
	if (psc_diff_run(twice, 2, &dopts, &diff, NULL) == PSC_OK) {
		const struct psc_diff_row *rows = psc_diff_rows(diff, &n);
		for (size_t i = 0; i < n; i++)
			if (rows[i].growth != 0 || rows[i].growth_bytes != 0 || rows[i].pinned > rows[i].compared)
				abort();
	}
	psc_diff_free(diff);
}

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
		run_reports(dump);
	}
	psc_dump_close(dump);
	return 0;
}
