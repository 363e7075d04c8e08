/* SPDX-License-Identifier: MIT */
/* What a progress bar says. Times come from the caller, so that tests can make them. */
#ifndef CLI_PROGRESS_TEXT_H
#define CLI_PROGRESS_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* The phase that runs, and where it began: rates are of it alone. All 0 at the start. */
struct progress_phase {
	char name[32];
	uint64_t begun_ms, first_done, last_done;
};

#define PROGRESS_TEXT_BYTES 256

/* A report of work done; a phase of another name, or that goes back, is a new one. */
void progress_note(struct progress_phase *p, const char *name, uint64_t now_ms, uint64_t done);
/* One line for a terminal of so many columns (0: not known), shorter than that: the part that is done, the rate and the
 * time that is left, as far as they can be told. total 0: not known. Returns buf. */
const char *progress_text(const struct progress_phase *p, uint64_t now_ms, uint64_t done, uint64_t total,
			  unsigned columns, char buf[PROGRESS_TEXT_BYTES]);

#endif
