/* SPDX-License-Identifier: MIT */
#ifndef CLI_INFO_H
#define CLI_INFO_H

#include "json.h"

cJSON *info_json_origins(const struct psc_dump *dump);  /* name: origin */
cJSON *info_json_inferred(const struct psc_dump *dump); /* an array */
void info_print_origins(FILE *f, const struct psc_dump *dump);
void info_print_inferred(FILE *f, const struct psc_dump *dump);

#endif
