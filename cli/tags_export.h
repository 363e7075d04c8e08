/* SPDX-License-Identifier: MIT */
/* The tag table for metric collectors and for flame graphs. */
#ifndef CLI_TAGS_EXPORT_H
#define CLI_TAGS_EXPORT_H

#include "tags_print.h"

/* Prometheus text format. Rows in their order: those beyond max_rows (0: none) are added up as tag "other". */
void tags_print_openmetrics(FILE *f, const struct psc_dump *dump, const struct psc_tags *tags,
			    const struct tags_options *o);
/* "pool;tag[;size] bytes" for each row that holds bytes. */
void tags_print_folded(FILE *f, const struct psc_tags *tags, const struct tags_options *o);

#endif
