/* SPDX-License-Identifier: MIT */
/* The kernel's stack-trace database, and the headers that name its entries, in a good dump that the input patches. */
#include "blame/stackdb.h"
#include "patched_kernel.h"
#include "report/callers.h"

static void read_all(struct psc_kernel *k)
{
	struct psc_callers_options opts = PSC_CALLERS_OPTIONS_INIT;
	struct psc_arena arena = PSC_ARENA_INIT;
	struct psc_stackdb db;
	struct psc_callers *c;
	size_t n;
	if (psc_stackdb_read(k, &arena, &db, NULL) == PSC_OK && db.available) {
		if (db.traces + db.missing + db.invalid != db.n_indices || db.traces == 0)
			abort();
		for (uint32_t i = 0; i <= db.n_indices + 1; i++) {
			const struct psc_stackdb_trace *t = psc_stackdb_at(&db, i);
			if (t && (t->n_frames > PSC_STACKDB_FRAMES_MAX || !psc_is_kernel_va(&k->space, t->frames[0])))
				abort();
		}
	}
	psc_arena_deinit(&arena);
	if (psc_callers_compute(k, &opts, &c, NULL) != PSC_OK)
		return;
	const struct psc_callers_info *info = psc_callers_get_info(c);
	const struct psc_caller_row *rows = psc_callers_rows(c, &n);
	uint64_t blocks = 0;
	for (size_t i = 0; i < n; i++)
		blocks += rows[i].source == PSC_CALLER_STACKDB ? rows[i].live : 0;
	if (blocks != (info->stackdb_joined ? info->stackdb_blocks : 0))
		abort();
	psc_callers_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct patched_dump patched;
	patched_dump_make(&patched, FUZZ_STACKDB_DUMP, data, size);
	patched_kernel_read(&patched, FUZZ_STACKDB_ISF, read_all);
	return 0;
}
