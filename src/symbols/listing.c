/* SPDX-License-Identifier: MIT */
/* Names in directories, without regard to case where the system has it: symbol stores are made on Windows. */
#include "symbols/search.h"

#include "io/os.h"
#include "util/vec.h"
#include <stdlib.h>
#include <string.h>

#define LISTINGS_MAX 64u      /* directories remembered; further ones are read again each time */
#define NAMES_MAX    1000000u /* in one directory; what is beyond is found by its exact name only */

struct psc_listing {
	const char *dir;
	struct psc_arena arena;
	const char **items; /* sorted without regard to case */
	size_t n, cap;
	bool failed; /* out of memory */
};

static int fold(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static int compare_folded(const char *a, const char *b)
{
	for (; *a && fold(*a) == fold(*b); a++, b++)
		;
	return fold(*a) - fold(*b);
}

static int by_name(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	int c = compare_folded(x, y);
	return c != 0 ? c : strcmp(x, y);
}

static bool add_name(void *arg, const char *name)
{
	struct psc_listing *l = (struct psc_listing *)arg;
	char *copy = psc_arena_strdup(&l->arena, name);
	if (!copy || !PSC_VEC_RESERVE_ONE(l)) {
		l->failed = true;
		return false;
	}
	l->items[l->n++] = copy;
	return l->n < NAMES_MAX;
}

static void listing_deinit(struct psc_listing *l)
{
	free(l->items);
	psc_arena_deinit(&l->arena);
}

static bool listing_init(struct psc_listing *l, const char *dir)
{
	memset(l, 0, sizeof(*l));
	l->dir = psc_arena_strdup(&l->arena, dir);
	(void)psc_os_list_dir(dir, add_name, l); /* not readable: empty */
	if (!l->dir || l->failed) {
		listing_deinit(l);
		return false;
	}
	if (l->n > 1)
		qsort(l->items, l->n, sizeof(*l->items), by_name);
	return true;
}

/* The first name that equals without regard to case, in the arena. */
static const char *find_folded(const struct psc_listing *l, const char *name, struct psc_arena *arena)
{
	size_t low = 0, high = l->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_folded(l->items[middle], name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < l->n && compare_folded(l->items[low], name) == 0
		       ? psc_arena_printf(arena, "%s/%s", l->dir, l->items[low])
		       : NULL;
}

static const char *spelt_otherwise(struct psc_symbol_search *s, const char *dir, const char *name,
				   struct psc_arena *arena)
{
	struct psc_listing own;
	for (size_t i = 0; i < s->n_listings; i++)
		if (strcmp(s->listings[i].dir, dir) == 0)
			return find_folded(&s->listings[i], name, arena);
	if (!s->listings)
		s->listings = (struct psc_listing *)calloc(LISTINGS_MAX, sizeof(*s->listings));
	if (!s->listings || !listing_init(&own, dir))
		return NULL;
	const char *found = find_folded(&own, name, arena);
	if (s->n_listings < LISTINGS_MAX)
		s->listings[s->n_listings++] = own;
	else
		listing_deinit(&own);
	return found;
}

static bool exists(const char *path, bool is_directory)
{
	int e;
	return is_directory ? psc_os_is_directory(path) : psc_os_is_regular(path, &e);
}

const char *psc_symbol_child(struct psc_symbol_search *s, const char *dir, const char *name, bool is_directory,
			     struct psc_arena *arena)
{
	const char *path = psc_arena_printf(arena, "%s/%s", dir, name);
	if (!path || exists(path, is_directory))
		return path;
	path = spelt_otherwise(s, dir, name, arena);
	return path && exists(path, is_directory) ? path : NULL;
}

void psc_symbol_listings_deinit(struct psc_symbol_search *s)
{
	for (size_t i = 0; i < s->n_listings; i++)
		listing_deinit(&s->listings[i]);
	free(s->listings);
	s->listings = NULL;
	s->n_listings = 0;
}
