/* SPDX-License-Identifier: MIT */
/* What ends a command before it is done: Ctrl-C, SIGTERM, --timeout, --max-memory. A second Ctrl-C ends the program at
 * once. */
#ifndef CLI_LIMITS_H
#define CLI_LIMITS_H

#include "cli.h"

/* From here on the first interrupt, or the time of --timeout, ends calls of the library that were given *ret, which
 * lives as long as the program; and memory is limited. Returns EXIT_COMPLETE or an exit code after a message. */
int limits_start(const struct common_options *o, const struct psc_cancel **ret);
/* Why running calls were ended, for a message. */
const char *limits_reason(void);
bool limits_is_memory_limited(void);

#endif
