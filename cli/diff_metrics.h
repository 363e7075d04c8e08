/* SPDX-License-Identifier: MIT */
#ifndef CLI_DIFF_METRICS_H
#define CLI_DIFF_METRICS_H

#include "run.h"

/* What the metrics of a difference say beside its rows: which dumps, how they belong together, and how much of them was
 * read. scope: see metrics_head(). */
void diff_print_metrics_end(const struct run *run, const struct psc_diff *diff, const char *scope);

#endif
