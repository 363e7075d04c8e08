/* SPDX-License-Identifier: MIT */
/* Driver Verifier's records, log and counters of a good dump that the input patches. */
#include "blame/verifier.h"
#include "patched_kernel.h"
#include "report/callers.h"

static bool on_block(void *arg, const struct psc_caller_block *b)
{
	uint64_t *n = arg;
	if (!b->driver)
		abort();
	return ++*n < 100000;
}

static bool on_event(void *arg, const struct psc_caller_event *e)
{
	uint64_t *n = arg;
	if (e->va == 0)
		abort();
	return ++*n < 100000;
}

static void read_all(struct psc_kernel *k)
{
	for (int by = PSC_CALLERS_BY_ADDRESS; by <= PSC_CALLERS_BY_TAG_MODULE_SIZE; by++) {
		struct psc_callers_options opts = PSC_CALLERS_OPTIONS_INIT;
		struct psc_callers *c;
		size_t n;
		uint64_t live = 0;
		opts.by = (enum psc_callers_by)by;
		opts.all_blocks = by > PSC_CALLERS_BY_TAG;
		if (psc_callers_compute(k, &opts, &c, NULL) != PSC_OK)
			continue;
		const struct psc_caller_row *rows = psc_callers_rows(c, &n);
		for (size_t i = 0; i < n; i++) {
			if (i != 0 && rows[i].live_bytes > rows[i - 1].live_bytes)
				abort();
			if (rows[i].source == PSC_CALLER_VERIFIER)
				live += rows[i].live;
		}
		if (live != psc_callers_get_info(c)->live)
			abort();
		psc_callers_free(c);
	}
	struct psc_arena arena = PSC_ARENA_INIT;
	struct psc_warnings warnings = {.arena = &arena};
	struct psc_defects defects = {0};
	(void)psc_verifier_defects(k, &arena, &warnings, &defects, NULL);
	psc_defects_deinit(&defects);
	psc_warnings_deinit(&warnings);
	psc_arena_deinit(&arena);
	uint64_t n = 0;
	(void)psc_caller_blocks_list(k, on_block, &n, NULL);
	n = 0;
	(void)psc_caller_events_list(k, on_event, &n, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct patched_dump patched;
	patched_dump_make(&patched, FUZZ_VERIFIER_DUMP, data, size);
	patched_kernel_read(&patched, FUZZ_VERIFIER_ISF, read_all);
	return 0;
}
