/* SPDX-License-Identifier: MIT */
/* One place of a symbol path: what it is, and whether it can be searched here. */
#include "symbols/search.h"

#include "io/os.h"
#include "util/error.h"
#include "util/text.h"
#include <string.h>

const char *psc_symbol_place_kind_name(enum psc_symbol_place_kind kind)
{
	switch (kind) {
	case PSC_SYMBOL_PLACE_DIRECTORY:
		return "directory";
	case PSC_SYMBOL_PLACE_STORE:
		return "store";
	case PSC_SYMBOL_PLACE_FILE:
		return "file";
	case PSC_SYMBOL_PLACE_URL:
		return "url";
	case PSC_SYMBOL_PLACE_DEFAULT:
		return "default_store";
	}
	return "directory";
}

/* SCHEME://, also with backslashes, and more than one letter before the colon, which a drive has not. */
static bool is_url(const char *text)
{
	size_t n = 0;
	while ((text[n] >= 'a' && text[n] <= 'z') || (text[n] >= 'A' && text[n] <= 'Z') ||
	       (n > 0 && ((text[n] >= '0' && text[n] <= '9') || text[n] == '+' || text[n] == '-' || text[n] == '.')))
		n++;
	return n >= 2 && (strncmp(text + n, "://", 3) == 0 || strncmp(text + n, ":\\\\", 3) == 0);
}

#ifndef _WIN32
static bool is_windows_path(const char *text)
{
	char c = text[0];
	return (((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) && text[1] == ':') ||
	       (text[0] == '\\' && text[1] == '\\');
}
#endif

static void classify(struct psc_symbol_place *p, struct psc_symbol_item *item)
{
	int e = 0;
	if (item->path[0] == '\0') {
		p->kind = PSC_SYMBOL_PLACE_DEFAULT;
		p->note = "the debugger's own default store: only the debugger knows where it is";
		return;
	}
	if (is_url(item->path)) {
		p->kind = PSC_SYMBOL_PLACE_URL;
		p->note = "never contacted";
		return;
	}
	p->is_searched = true;
	if (psc_os_is_directory(item->path)) {
		item->is_directory = true;
	} else if (psc_os_is_regular(item->path, &e)) {
		p->kind = PSC_SYMBOL_PLACE_FILE;
	} else {
		p->is_searched = false;
		p->note = e == 0 ? "neither a directory nor a file" : "no such directory";
#ifndef _WIN32
		if (is_windows_path(item->path))
			p->note = "a path of Windows, which means nothing here";
#endif
	}
}

enum psc_status psc_symbol_add_place(struct psc_symbol_search *s, const char *text, size_t n, bool is_store,
				     const char *origin, bool is_explicit, struct psc_error *reterr)
{
	if (s->n == PSC_SYMBOL_PLACES_MAX)
		return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0, "%s: more than %u places to search", origin,
				PSC_SYMBOL_PLACES_MAX);
	if (!s->places) {
		s->places = (struct psc_symbol_place *)psc_arena_alloc_array(&s->arena, PSC_SYMBOL_PLACES_MAX,
									     sizeof(*s->places));
		s->items = (struct psc_symbol_item *)psc_arena_alloc_array(&s->arena, PSC_SYMBOL_PLACES_MAX,
									   sizeof(*s->items));
	}
	while (n > 1 && text[n - 1] == '/' && text[n - 2] != ':')
		n--;
	const char *path = psc_arena_strndup(&s->arena, text, n), *shown = psc_sanitize_utf8(&s->arena, text, n);
	const char *from = psc_arena_strdup(&s->arena, origin);
	if (!s->places || !s->items || !path || !shown || !from)
		return psc_fail_no_memory(reterr);
	struct psc_symbol_place p = {is_store ? PSC_SYMBOL_PLACE_STORE : PSC_SYMBOL_PLACE_DIRECTORY, shown, from, false,
				     NULL};
	struct psc_symbol_item item = {path, false, is_explicit};
	classify(&p, &item);
	s->places[s->n] = p;
	s->items[s->n] = item;
	s->n++;
	return PSC_OK;
}

bool psc_symbol_place_must_fit(const struct psc_symbol_search *s, const struct psc_symbol_place *place)
{
	return place->kind == PSC_SYMBOL_PLACE_FILE && s->items[place - s->places].is_explicit;
}

/* "C:\sym (a path of Windows ...), https://... (never contacted)"; "" when there is nothing to say. */
static void describe_unsearched(const struct psc_symbol_search *s, size_t first, char *buf, size_t cap)
{
	size_t used = 0;
	buf[0] = '\0';
	for (size_t i = first; i < s->n; i++) {
		const struct psc_symbol_place *p = &s->places[i];
		if (p->is_searched || p->kind == PSC_SYMBOL_PLACE_DEFAULT ||
		    strcmp(p->origin, s->places[first].origin) != 0)
			continue;
		const char *parts[5] = {used ? ", " : "", p->text, " (", p->note, ")"};
		for (size_t k = 0; k < 5; k++) {
			size_t n = strlen(parts[k]);
			if (n >= cap - used)
				n = cap - used - 1;
			memcpy(buf + used, parts[k], n);
			used += n;
		}
		buf[used] = '\0';
	}
	psc_utf8_trim(buf);
}

void psc_symbol_search_warn(const struct psc_symbol_search *s, struct psc_warnings *w)
{
	for (size_t i = 0; i < s->n; i++) {
		char text[400];
		bool seen = false;
		for (size_t j = 0; j < i; j++)
			seen |= strcmp(s->places[i].origin, s->places[j].origin) == 0;
		if (seen || strcmp(s->places[i].origin, PSC_SYMBOL_USER_STORE) == 0)
			continue;
		describe_unsearched(s, i, text, sizeof(text));
		if (text[0])
			psc_warn(w, "%s: not searched for symbols: %s", s->places[i].origin, text);
	}
}
