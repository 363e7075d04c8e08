/* SPDX-License-Identifier: MIT */
/* The tag table for metric collectors and for flame graphs. */
#ifndef CLI_TAGS_EXPORT_H
#define CLI_TAGS_EXPORT_H

#include "tags_print.h"

/* What metrics have beside the rows: coverage by source, and which dump. scope: of the rows' names. */
void tags_print_metrics_end(const struct run *run, const struct psc_tags *tags, const char *scope);
/* "pool;tag[;size] bytes" for each row that holds bytes. */
void tags_print_folded(FILE *f, const struct psc_tags *tags, const struct tags_options *o);

#endif
