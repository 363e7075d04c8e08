/* SPDX-License-Identifier: MIT */
/* What was probably meant by a word that is none of those that are known. */
#include "cli.h"
#include <string.h>

#define WORD_MAX 32u

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Letters to change, leave out, put in, or swap with their neighbour. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[3][WORD_MAX + 1];
	size_t n_a = strlen(a), n_b = strlen(b);
	if (n_a > WORD_MAX || n_b > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= n_b; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n_a; i++) {
		unsigned *now = row[i % 3], *before = row[(i + 2) % 3], *before2 = row[(i + 1) % 3];
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= n_b; j++) {
			now[j] = least(before[j - 1] + (a[i - 1] != b[j - 1]), least(before[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], before2[j - 2] + 1);
		}
	}
	return row[n_a % 3][n_b];
}

void suggest_init(struct suggestion *s, const char *word)
{
	s->word = word;
	s->best = NULL;
	s->best_distance = (unsigned)strlen(word) / 3 + 1;
}

void suggest_try(struct suggestion *s, const char *known)
{
	unsigned d = distance(s->word, known);
	/* The beginning of a word means that word. */
	if (strlen(s->word) >= 2 && strncmp(s->word, known, strlen(s->word)) == 0)
		d = 0;
	if (d > s->best_distance || (d == s->best_distance && s->best != NULL))
		return;
	s->best = known;
	s->best_distance = d;
}
