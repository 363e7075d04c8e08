/* SPDX-License-Identifier: MIT */
/* Tags that a component allocates on behalf of others (data/kernel_tags.tsv). */
#ifndef PSC_REPORT_KERNEL_TAGS_H
#define PSC_REPORT_KERNEL_TAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct psc_kernel_tag {
	uint32_t tag;
	bool is_cache;
	const char *components; /* "netio,fwpkclnt": modules as debuggers spell them */
	const char *routines;   /* beginnings of names, with commas; NULL none */
	const char *lacking;    /* routine with which the caller gives the blocks back: then whoever imports it too is
				   out of question; NULL none */
	const char *text, *source;
};
extern const struct psc_kernel_tag psc_kernel_tags[];
extern const size_t psc_kernel_tags_n;

#endif
