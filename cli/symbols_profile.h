/* SPDX-License-Identifier: MIT */
#ifndef CLI_SYMBOLS_PROFILE_H
#define CLI_SYMBOLS_PROFILE_H

#include "run.h"

#define SYMBOLS_SCHEMA "poolscope.symbols/1"

/* poolscope symbols --profile SPEC. Returns an exit code. */
int print_profile(struct common_options *o, const char *which);
/* poolscope symbols import FILE...; store NULL: the user's own. */
int import_symbols(struct common_options *o, const char *store, char **files, int n);

#endif
