/* SPDX-License-Identifier: MIT */
/* --budget PATTERN=SIZE: how many bytes all rows whose tag matches may hold, or may have grown by, together. */
#ifndef CLI_BUDGET_H
#define CLI_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUDGETS_MAX 64

struct budget {
	const char *text; /* as given; borrowed */
	char pattern[65];
	uint64_t max_bytes;
	uint64_t bytes;     /* sum of the rows so far */
	uint64_t n_unknown; /* rows without a figure */
};

struct budgets {
	struct budget items[BUDGETS_MAX];
	size_t n;
};

/* -1 when fine, else an exit code after a message. text lives as long as b. */
int budget_add(struct budgets *b, const char *command, const char *text);
/* One row. Negative figures count as nothing. */
void budget_count(struct budgets *b, const uint8_t tag[4], bool known, int64_t bytes);
/* After all rows. Is this tag's row one of those that are over? */
bool budget_is_over(const struct budgets *b, const uint8_t tag[4]);
/* One line on stderr for each budget that is exceeded; `what` is "held" or "grown". True when any is. */
bool budget_report(const struct budgets *b, const char *what);

#endif
