/* SPDX-License-Identifier: MIT */
/* Find and describe the kernel; order of work: reference kernel 1. */
#include "kernel/internal.h"

#include <stdlib.h>
#include <string.h>

static enum psc_status describe(struct psc_kernel *k, const struct psc_kernel_options *opts, struct psc_error *reterr)
{
	enum psc_status st;
	psc_kernel_choose_space(k);
	psc_kernel_find_kdbg(k);
	psc_kernel_find_base(k);
	psc_kernel_identify(k);
	st = psc_kernel_load_profile(k, opts, reterr);
	if (st != PSC_OK)
		return st;
	bool reads_memory = psc_image_get_kind(k->img) == PSC_IMAGE_VIRTUAL || k->space.mmu != PSC_MMU_NONE;
	if (k->kdbg.kern_base == 0 && reads_memory) /* a copy may have no address */
		psc_kernel_find_kdbg_late(k);
	psc_kernel_check_symbols(k);
	psc_kernel_refine_softpte(k);
	psc_kernel_infer_early(k);
	st = psc_kernel_find_processors(k, reterr);
	if (st != PSC_OK)
		return st;
	psc_kernel_try_processor_tables(k);
	psc_kernel_infer_process(k);
	psc_kernel_prefer_system_tables(k);
	st = psc_kernel_find_modules(k, reterr);
	if (st != PSC_OK)
		return st;
	st = psc_kernel_check_named_files(k, reterr);
	if (st != PSC_OK)
		return st;
	psc_kernel_find_memory(k);
	psc_kernel_read_build_lab(k);
	return PSC_OK;
}

enum psc_status psc_kernel_init(struct psc_kernel *k, const struct psc_image *img,
				const struct psc_kernel_options *opts, const struct psc_log *log,
				struct psc_error *reterr)
{
	memset(k, 0, sizeof(*k));
	k->img = img;
	k->log = log;
	k->search = opts && !opts->no_symbols ? opts->search : NULL;
	k->warnings.arena = &k->arena;
	k->base = opts ? opts->kernel_base : 0;
	return describe(k, opts, reterr);
}

void psc_kernel_deinit(struct psc_kernel *k)
{
	free(k->modules);
	free(k->inferred);
	psc_warnings_deinit(&k->warnings);
	psc_arena_deinit(&k->arena);
	memset(k, 0, sizeof(*k));
}
