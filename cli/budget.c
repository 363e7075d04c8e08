/* SPDX-License-Identifier: MIT */
#include "budget.h"
#include "cli.h"
#include "rows.h"
#include <inttypes.h>
#include <string.h>

int budget_add(struct budgets *b, const char *command, const char *text)
{
	struct psc_error err;
	const char *equals = strrchr(text, '='); /* a tag may hold one too */
	if (b->n == BUDGETS_MAX)
		return usage_error(command, "more than %u budgets", BUDGETS_MAX);
	struct budget *x = &b->items[b->n];
	memset(x, 0, sizeof(*x));
	if (equals == NULL || (size_t)(equals - text) >= sizeof(x->pattern) ||
	    !parse_bytes(equals + 1, strlen(equals + 1), &x->max_bytes))
		return usage_error(command, "--budget takes PATTERN=SIZE, such as 'Abc?=64K', not '%s'", text);
	memcpy(x->pattern, text, (size_t)(equals - text));
	if (psc_tag_pattern_check(x->pattern, &err) != PSC_OK)
		return usage_error(command, "%s", err.text);
	x->text = text;
	b->n++;
	return -1;
}

void budget_count(struct budgets *b, const uint8_t tag[4], bool known, int64_t bytes)
{
	for (size_t i = 0; i < b->n; i++) {
		struct budget *x = &b->items[i];
		if (!psc_tag_pattern_match(x->pattern, tag))
			continue;
		x->n_unknown += !known;
		if (known && bytes > 0)
			x->bytes = x->bytes > UINT64_MAX - (uint64_t)bytes ? UINT64_MAX : x->bytes + (uint64_t)bytes;
	}
}

bool budget_is_over(const struct budgets *b, const uint8_t tag[4])
{
	for (size_t i = 0; i < b->n; i++)
		if (b->items[i].bytes > b->items[i].max_bytes && psc_tag_pattern_match(b->items[i].pattern, tag))
			return true;
	return false;
}

bool budget_report(const struct budgets *b, const char *what)
{
	char have[32], max[32];
	bool any = false;
	for (size_t i = 0; i < b->n; i++) {
		const struct budget *x = &b->items[i];
		if (x->bytes > x->max_bytes) {
			message("budget %s: %s bytes %s, allowed are %s", x->text, group_digits(x->bytes, false, have),
				what, group_digits(x->max_bytes, false, max));
			any = true;
		}
		if (x->n_unknown != 0)
			message("budget %s: the bytes of %" PRIu64 " rows are not known and not counted", x->text,
				x->n_unknown);
	}
	return any;
}
