/* SPDX-License-Identifier: MIT */
/* What stands around the evidence of owner: the tag and the verdict before, sizes and the next step behind. */
#ifndef CLI_OWNER_TEXT_H
#define CLI_OWNER_TEXT_H

#include "run.h"
#include <stdio.h>

/* description: of a tag file, NULL none. */
void owner_print_head(FILE *f, const struct psc_owner *owner, const char *description);
void owner_print_end(FILE *f, const struct psc_owner *owner);
cJSON *owner_json_subject(const struct psc_owner *owner, const char *description);
cJSON *owner_json_verdict(const struct psc_owner *owner);
cJSON *owner_json_suspects(const struct psc_owner *owner);
cJSON *owner_json_classes(const struct psc_owner *owner);
cJSON *owner_json_next(const struct psc_owner *owner);
cJSON *owner_json_coverage(const struct run *run, const struct psc_owner *owner);

#endif
