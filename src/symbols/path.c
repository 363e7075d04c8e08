/* SPDX-License-Identifier: MIT */
/* Symbol paths as debuggers take them (reference: symbols 4), and where they come from. */
#include "symbols/search.h"

#include "io/os.h"
#include "util/error.h"
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES_MAX ((size_t)1 << 16) /* an environment variable of Windows has 32 Ki characters at most */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool starts_with(const char *text, size_t n, const char *prefix)
{
	size_t i = 0;
	for (; prefix[i]; i++)
		if (i >= n || lower(text[i]) != prefix[i])
			return false;
	return true;
}

/* The part of text up to the separator. */
static size_t part(const char *text, size_t n, char separator)
{
	const char *end = (const char *)memchr(text, separator, n);
	return end ? (size_t)(end - text) : n;
}

static void trim(const char **text, size_t *n)
{
	while (*n > 0 && is_blank(**text)) {
		(*text)++;
		(*n)--;
	}
	while (*n > 0 && is_blank((*text)[*n - 1]))
		(*n)--;
}

/* Quotes stay in a variable that was set as SET NAME="VALUE"; debuggers want none. */
static void unquote(const char **text, size_t *n)
{
	trim(text, n);
	if (*n >= 2 && (*text)[0] == '"' && (*text)[*n - 1] == '"' && !memchr(*text + 1, '"', *n - 2)) {
		(*text)++;
		*n -= 2;
		trim(text, n);
	}
}

/* What follows srv*, symsrv* or cache*: stores, each a cache of those behind it. */
static enum psc_status add_stores(struct psc_symbol_search *s, const char *text, size_t n, const char *origin,
				  bool is_explicit, struct psc_error *reterr)
{
	for (;;) {
		size_t len = part(text, n, '*'), trimmed = len;
		const char *store = text;
		unquote(&store, &trimmed);
		enum psc_status r = psc_symbol_add_place(s, store, trimmed, true, origin, is_explicit, reterr);
		if (r != PSC_OK || len == n)
			return r;
		text += len + 1;
		n -= len + 1;
	}
}

static enum psc_status add_element(struct psc_symbol_search *s, const char *text, size_t n, const char *origin,
				   bool is_explicit, struct psc_error *reterr)
{
	unquote(&text, &n);
	if (n == 0)
		return PSC_OK;
	if (starts_with(text, n, "srv*"))
		return add_stores(s, text + 4, n - 4, origin, is_explicit, reterr);
	if (starts_with(text, n, "cache*"))
		return add_stores(s, text + 6, n - 6, origin, is_explicit, reterr);
	if (starts_with(text, n, "symsrv*")) { /* the name of a library comes first */
		size_t library = part(text + 7, n - 7, '*');
		return library == n - 7
			       ? PSC_OK
			       : add_stores(s, text + 8 + library, n - 8 - library, origin, is_explicit, reterr);
	}
	return psc_symbol_add_place(s, text, n, false, origin, is_explicit, reterr);
}

enum psc_status psc_symbol_add_path(struct psc_symbol_search *s, const char *path, const char *origin, bool is_explicit,
				    struct psc_error *reterr)
{
	size_t left = strlen(path);
	int e;
	if (left > PATH_BYTES_MAX)
		return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0, "%s is longer than %u bytes", origin,
				(unsigned)PATH_BYTES_MAX);
	/* What exists as it stands is taken as it stands, whatever is in its name. */
	if (left > 0 && (psc_os_is_directory(path) || psc_os_is_regular(path, &e)))
		return psc_symbol_add_place(s, path, left, false, origin, is_explicit, reterr);
	unquote(&path, &left);
	for (;;) {
		size_t len = part(path, left, ';');
		enum psc_status r = add_element(s, path, len, origin, is_explicit, reterr);
		if (r != PSC_OK || len == left)
			return r;
		path += len + 1;
		left -= len + 1;
	}
}

enum psc_status psc_symbol_search_new(struct psc_symbol_search **ret, struct psc_error *reterr)
{
	struct psc_symbol_search *s = (struct psc_symbol_search *)calloc(1, sizeof(*s));
	if (!s)
		return psc_fail_no_memory(reterr);
	*ret = s;
	return PSC_OK;
}

void psc_symbol_search_free(struct psc_symbol_search *search)
{
	if (!search)
		return;
	psc_symbol_listings_deinit(search);
	psc_arena_deinit(&search->arena);
	free(search);
}

enum psc_status psc_symbol_search_add(struct psc_symbol_search *search, const char *symbol_path, const char *origin,
				      struct psc_error *reterr)
{
	if (!search || !symbol_path)
		return psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0,
				"psc_symbol_search_add: search and symbol_path must not be NULL");
	return psc_symbol_add_path(search, symbol_path, origin ? origin : "symbol path", true, reterr);
}

const struct psc_symbol_place *psc_symbol_search_places(const struct psc_symbol_search *search, size_t *ret_count)
{
	*ret_count = search->n;
	return search->places;
}

static enum psc_status add_variable(struct psc_symbol_search *s, const char *name, struct psc_error *reterr)
{
	char *value = NULL;
	int e = psc_os_get_env(name, &value);
	enum psc_status r = PSC_OK;
	if (e != 0)
		return psc_fail_os(reterr, e, "cannot read the environment variable %s", name);
	if (value)
		r = psc_symbol_add_path(s, value, name, false, reterr);
	free(value);
	return r;
}

enum psc_status psc_symbol_search_add_environment(struct psc_symbol_search *search, struct psc_error *reterr)
{
	static const char *const names[] = {"POOLSCOPE_SYMBOL_PATH", "_NT_ALT_SYMBOL_PATH", "_NT_SYMBOL_PATH"};
	enum psc_status r = PSC_OK;
	char *store = NULL;
	if (!search)
		return psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0,
				"psc_symbol_search_add_environment: search must not be NULL");
	for (size_t i = 0; r == PSC_OK && i < sizeof(names) / sizeof(names[0]); i++)
		r = add_variable(search, names[i], reterr);
	if (r != PSC_OK)
		return r;
	struct psc_error none;
	r = psc_symbol_user_store(&store, &none);
	if (r == PSC_OK)
		r = psc_symbol_add_place(search, store, strlen(store), true, PSC_SYMBOL_USER_STORE, false, reterr);
	else if (r == PSC_E_NOT_FOUND)
		r = PSC_OK;
	else
		psc_fail_no_memory(reterr);
	free(store);
	return r;
}

enum psc_status psc_symbol_user_store(char **ret, struct psc_error *reterr)
{
#ifdef _WIN32
	static const struct {
		const char *variable, *below;
	} roots[] = {{"LOCALAPPDATA", "\\poolscope\\symbols"}};
#else
	static const struct {
		const char *variable, *below;
	} roots[] = {{"XDG_DATA_HOME", "/poolscope/symbols"}, {"HOME", "/.local/share/poolscope/symbols"}};
#endif
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		char *value = NULL;
		if (psc_os_get_env(roots[i].variable, &value) != 0)
			return psc_fail_no_memory(reterr);
		/* The base directory specification has relative ones ignored. */
		if (!value || !psc_os_is_absolute_path(value)) {
			free(value);
			continue;
		}
		size_t n = strlen(value), below = strlen(roots[i].below) + 1;
		char *path = (char *)realloc(value, n + below);
		if (!path) {
			free(value);
			return psc_fail_no_memory(reterr);
		}
		memcpy(path + n, roots[i].below, below);
		*ret = path;
		return PSC_OK;
	}
	return psc_fail(reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0,
			"no directory for the user's symbols: %s is not set", roots[0].variable);
}

void psc_symbol_text_free(char *text)
{
	free(text);
}
