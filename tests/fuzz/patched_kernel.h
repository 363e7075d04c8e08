/* SPDX-License-Identifier: MIT */
/* The kernel of a patched dump (patched_dump.h), given to read where it opens. */
#ifndef FUZZ_PATCHED_KERNEL_H
#define FUZZ_PATCHED_KERNEL_H

#include "kernel/kernel.h"
#include "patched_dump.h"

static inline void patched_kernel_read(struct patched_dump *patched, const char *isf_path,
				       void (*read)(struct psc_kernel *))
{
	struct psc_source *src = NULL;
	struct psc_image *img = NULL;
	struct psc_kernel k;
	const struct psc_kernel_options opts = {.isf_path = isf_path};
	memset(&k, 0, sizeof(k));
	if (psc_source_open_mem(patched->work, patched->size, NULL, &src, NULL) == PSC_OK &&
	    psc_image_open(src, &img, NULL) == PSC_OK && psc_kernel_init(&k, img, &opts, NULL, NULL) == PSC_OK)
		read(&k);
	psc_kernel_deinit(&k);
	psc_image_close(img);
	psc_source_close(src);
}

#endif
