/* SPDX-License-Identifier: MIT */
/* Symbol paths, and names of symbol files, which come from dumps. The input is texts between newlines: what a module
 * calls its PDB, a symbol path, and up to MAX_FILES files "NAME=CONTENT" that are made in a directory of our own. What
 * is offered must lie in a place that was named, whatever the names are. */
#define _XOPEN_SOURCE 700
#include "symbols/search.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_INPUT 4096u
#define MAX_FILES 8u
#define MAX_DEPTH 5
#define GUID      "00112233445566778899AABBCCDDEEFF"
#define STORE     "imported"

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* What a file name may be, written anew. */
static bool is_plain(const char *name, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name[i] < 32 || name[i] == 127 || strchr("/\\:*?\"<>|%", name[i]))
			return false;
	return n > 0 && n < 256 && name[0] != '.' && name[n - 1] != '.' && !strstr(name, "..");
}

/* A relative path that stays below where it begins. */
static bool is_inside(const char *path)
{
	int depth = 1;
	size_t n;
	if (!*path || *path == '/')
		return false;
	for (const char *p = path; *p; p += n, depth += *p == '/', p += *p == '/') {
		n = strcspn(p, "/");
		if (n == 0 || n > 100 || (n <= 2 && memcmp(p, "..", n) == 0))
			return false;
	}
	return depth <= MAX_DEPTH;
}

static void make_file(char *path, const char *content)
{
	for (char *p = path; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		(void)mkdir(path, 0700);
		*p = '/';
	}
	FILE *f = fopen(path, "wb");
	if (!f)
		return; /* a directory of that name */
	fputs(content, f);
	fclose(f);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

/* A new directory, which is the current one until end(). */
static char root[64];
static int before = -1;

static void begin(void)
{
	if (before < 0)
		before = open(".", O_RDONLY | O_CLOEXEC);
	snprintf(root, sizeof(root), "/tmp/psc-fuzz-path-XXXXXX");
	check(before >= 0 && mkdtemp(root) != NULL && chdir(root) == 0);
}

static void end(void)
{
	check(fchdir(before) == 0);
	(void)nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void check_places(const struct psc_symbol_search *s)
{
	size_t n;
	const struct psc_symbol_place *p = psc_symbol_search_places(s, &n);
	check(n <= PSC_SYMBOL_PLACES_MAX);
	for (size_t i = 0; i < n; i++) {
		check(p[i].is_searched == (p[i].note == NULL));
		check(!p[i].is_searched ||
		      (p[i].kind != PSC_SYMBOL_PLACE_URL && p[i].kind != PSC_SYMBOL_PLACE_DEFAULT));
		for (const unsigned char *c = (const unsigned char *)p[i].text; *c; c++)
			check(*c >= 32 && *c != 127);
	}
}

static bool offered(void *arg, const char *path, const struct psc_symbol_place *place)
{
	const struct psc_symbol_search *s = (const struct psc_symbol_search *)arg;
	const char *top = s->items[place - s->places].path;
	size_t n = strlen(top);
	check(place->is_searched);
	if (place->kind == PSC_SYMBOL_PLACE_FILE) {
		check(strcmp(path, top) == 0);
		return false;
	}
	if (path[0] == '/')
		return false; /* where a file.ptr leads */
	check(strncmp(path, top, n) == 0 && path[n] == '/');
	/* Each part below was asked for: no name of a dump leads elsewhere. */
	for (const char *p = path + n; *p; p += strcspn(p, "/")) {
		p++;
		check(is_plain(p, strcspn(p, "/")));
	}
	return false;
}

static void search(struct psc_symbol_search *s, const char *pdb_name)
{
	struct psc_symbol_key key;
	char path[PSC_SYMBOL_STORE_PATH_BYTES];
	check(psc_symbol_key_init(&key, pdb_name, GUID, 0x1a));
	if (key.pdb_name[0])
		check(is_plain(key.pdb_name, strlen(key.pdb_name)));
	check(strlen(psc_symbol_store_path(&key, path)) < sizeof(path));
	/* Nothing outside the directory of our own is read: what is there differs from machine to machine. */
	for (size_t i = 0; i < s->n; i++)
		if (s->places[i].is_searched && !is_inside(s->items[i].path))
			return;
	check(!psc_symbol_search_run(s, &key, PSC_SYMBOL_WANT_PDB, offered, s));
	check(!psc_symbol_search_run(s, &key, PSC_SYMBOL_WANT_ISF, offered, s));
	check(!psc_symbol_search_run(s, NULL, PSC_SYMBOL_WANT_PDB, offered, s));
}

static void import(const char *file)
{
	struct psc_symbol_imported done;
	struct psc_error err = {.text = ""};
	char path[sizeof(STORE) + sizeof(done.store_path) + 1];
	struct stat st;
	if (psc_symbol_import(file, STORE, &done, &err) != PSC_OK) {
		check(err.text[0] != '\0');
		return;
	}
	check(is_plain(done.pdb_name, strlen(done.pdb_name)));
	snprintf(path, sizeof(path), STORE "/%s", done.store_path);
	check(stat(path, &st) == 0 && S_ISREG(st.st_mode) && !strstr(path, "/../"));
}

static char *next_line(char **rest)
{
	char *line = *rest, *newline = line ? strchr(line, '\n') : NULL;
	*rest = newline ? newline + 1 : NULL;
	if (newline)
		*newline = '\0';
	return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct psc_symbol_search *s = NULL;
	char text[MAX_INPUT + 1], *rest = text, *files[MAX_FILES];
	size_t n_files = 0;
	if (size > MAX_INPUT)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	begin();
	const char *pdb_name = next_line(&rest), *path = next_line(&rest);
	for (char *f; n_files < MAX_FILES && (f = next_line(&rest)) != NULL;) {
		char *content = strchr(f, '=');
		if (content)
			*content++ = '\0';
		if (!is_inside(f))
			continue;
		make_file(f, content ? content : "");
		files[n_files++] = f;
	}
	check(psc_symbol_search_new(&s, NULL) == PSC_OK);
	if (path && psc_symbol_search_add(s, path, "fuzz", NULL) == PSC_OK) {
		check_places(s);
		search(s, pdb_name);
	}
	psc_symbol_search_free(s);
	for (size_t i = 0; i < n_files; i++)
		import(files[i]);
	end();
	return 0;
}
