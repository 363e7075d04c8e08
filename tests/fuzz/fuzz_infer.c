/* SPDX-License-Identifier: MIT */
/* Inference on mutated memory: a byte of choices, then patches {u24 offset, u8 n, n bytes} over a good dump that is
 * opened with no symbols. Whatever is found must be told consistently, and reading the pool by it must end. */
#include "patched_dump.h"
#include <poolscope/poolscope.h>

#if !defined(FUZZ_BASE_DUMP) || !defined(FUZZ_HEAP_DUMP)
#error "FUZZ_BASE_DUMP and FUZZ_HEAP_DUMP name the fixtures: 7, and 11 with segment heaps"
#endif

#define CHOICE_BUILTIN 1u /* with built-in layouts: then they are held against the bytes */
#define CHOICE_NO_KDBG 2u /* the header has no pointer to the debugger data block */
#define CHOICE_NO_LIST 4u /* nor to the process list */
#define CHOICE_HEAP    8u /* the dump with segment heaps, a quota cookie and a table of regions */

static void require(bool ok)
{
	if (!ok)
		abort();
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
	static struct patched_dump dumps[2];
	unsigned choice = size != 0 ? data[0] : 0;
	bool is_heap = (choice & CHOICE_HEAP) != 0;
	struct patched_dump *patched = &dumps[is_heap];

	patched_dump_make(patched, is_heap ? FUZZ_HEAP_DUMP : FUZZ_BASE_DUMP, data + (size != 0), size - (size != 0));
	if ((choice & CHOICE_NO_KDBG) != 0)
		memset(patched->work + 0x80, 0, 8);
	if ((choice & CHOICE_NO_LIST) != 0)
		memset(patched->work + 0x28, 0, 8);
	opts.flags = (choice & CHOICE_BUILTIN) != 0 ? 0 : PSC_OPEN_NO_BUILTIN;
	tags_opts.n_threads = 1;
	if (psc_dump_open_mem(patched->work, patched->size, &opts, &dump, &err) == PSC_OK) {
		check_findings(dump);
		if (psc_tags_run(dump, &tags_opts, &tags, &err) == PSC_OK) {
			double ratio = psc_tags_coverage_ratio(tags);
			require(ratio >= 0.0 && ratio <= 1.0);
		}
		psc_tags_free(tags);
	}
	psc_dump_close(dump);
	return 0;
}
