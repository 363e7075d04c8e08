/* SPDX-License-Identifier: MIT */
#include "symbols/search.h"
#include "unit.h"
#include <stdio.h>
#include <string.h>
#ifndef _WIN32
#include <sys/stat.h>
#include <unistd.h>
#endif

static struct psc_symbol_search *s;

static void parse(const char *path)
{
	psc_symbol_search_free(s);
	s = NULL;
	ck_assert_int_eq(psc_symbol_search_new(&s, NULL), PSC_OK);
	ck_assert_int_eq(psc_symbol_search_add(s, path, "--symbols", NULL), PSC_OK);
}

/* "kind text" of each place, with '+' before those that are searched, between " | ". */
static const char *list(void)
{
	static char buf[4096];
	size_t n, used = 0;
	const struct psc_symbol_place *p = psc_symbol_search_places(s, &n);
	buf[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(p[i].is_searched, p[i].note == NULL);
		used += (size_t)snprintf(buf + used, sizeof(buf) - used, "%s%s%s %s", i ? " | " : "",
					 p[i].is_searched ? "+" : "", psc_symbol_place_kind_name(p[i].kind), p[i].text);
	}
	return buf;
}

START_TEST(as_engineers_have_it)
{
	parse("srv*c:\\symbols*https://msdl.microsoft.com/download/symbols");
	ck_assert_str_eq(list(), "store c:\\symbols | url https://msdl.microsoft.com/download/symbols");
	parse("SRV*c1*\\\\server\\c2*HTTPS://a:8080/b;cache*D:\\Cache;;  C:\\dir with blanks ;/nowhere/x:y");
	ck_assert_str_eq(list(), "store c1 | store \\\\server\\c2 | url HTTPS://a:8080/b | store D:\\Cache | "
				 "directory C:\\dir with blanks | directory /nowhere/x:y");
	parse("symsrv*symsrv.dll*/nowhere/a*http://b");
	ck_assert_str_eq(list(), "store /nowhere/a | url http://b");
	parse("srv**http://b;srv*;cache*;symsrv*symsrv.dll;symsrv*");
	ck_assert_str_eq(list(), "default_store  | url http://b | default_store  | default_store ");
	parse("");
	ck_assert_str_eq(list(), "");
	parse(";;; ;");
	ck_assert_str_eq(list(), "");
	parse("server*x;srv");
	ck_assert_str_eq(list(), "directory server*x | directory srv");
}
END_TEST

START_TEST(quotes_and_blanks)
{
	parse("\"srv*c:\\symbols*https://a/b\"");
	ck_assert_str_eq(list(), "store c:\\symbols | url https://a/b");
	parse(" \"C:\\my dir\" ; \"srv*x\";srv* \"\\\\server\\share\" * http:\\\\b\\c ;\"\"; \" \"");
	ck_assert_str_eq(list(), "directory C:\\my dir | store x | store \\\\server\\share | url http:\\\\b\\c");
	parse("\"a;b\"");
	ck_assert_str_eq(list(), "directory a | directory b");
	/* Not around the whole: part of the name. */
	parse("a\"b;\";\"c");
	ck_assert_str_eq(list(), "directory a\"b | directory \" | directory \"c");
}
END_TEST

/* What each means is up to the debugger; here it is a list of places, of which the local ones are searched. */
START_TEST(servers_and_caches)
{
	parse("srv*");
	ck_assert_str_eq(list(), "default_store ");
	ck_assert_ptr_nonnull(strstr(s->places[0].note, "default store"));
	parse("cache*/nowhere/c;srv*/nowhere/a*/nowhere/b*http://c");
	ck_assert_str_eq(list(), "store /nowhere/c | store /nowhere/a | store /nowhere/b | url http://c");
	parse("https://msdl.microsoft.com/download/symbols");
	ck_assert_str_eq(list(), "url https://msdl.microsoft.com/download/symbols");
	parse("SymSrv*SymSrv.DLL*/nowhere/a;SRV*/nowhere/b;Cache*;/nowhere/c");
	ck_assert_str_eq(list(), "store /nowhere/a | store /nowhere/b | default_store  | directory /nowhere/c");
	parse("symsrv*C:\\tools\\mysrv.dll*/nowhere/a");
	ck_assert_str_eq(list(), "store /nowhere/a");
	for (size_t i = 0; i < s->n; i++)
		ck_assert(!s->places[i].is_searched);
}
END_TEST

START_TEST(limits)
{
	struct psc_error e;
	char many[2 * (PSC_SYMBOL_PLACES_MAX + 1) + 1];
	for (size_t i = 0; i <= PSC_SYMBOL_PLACES_MAX; i++)
		memcpy(many + 2 * i, "x;", 2);
	many[2 * PSC_SYMBOL_PLACES_MAX] = '\0';
	parse(many);
	ck_assert_uint_eq(s->n, PSC_SYMBOL_PLACES_MAX);
	ck_assert_int_eq(psc_symbol_search_add(s, "x", "--symbols", &e), PSC_E_LIMIT);
	char *longest = malloc(70001);
	memset(longest, 'a', 70000);
	longest[70000] = '\0';
	parse("");
	ck_assert_int_eq(psc_symbol_search_add(s, longest, "--symbols", &e), PSC_E_LIMIT);
	ck_assert_int_eq(psc_symbol_search_add(NULL, "x", "--symbols", &e), PSC_E_ARGUMENT);
	ck_assert_int_eq(psc_symbol_search_add(s, NULL, "--symbols", &e), PSC_E_ARGUMENT);
	free(longest);
}
END_TEST

START_TEST(one_warning_per_origin)
{
	struct psc_arena arena = PSC_ARENA_INIT;
	struct psc_warnings w = {.arena = &arena};
	parse("srv*/nowhere/a*https://b/c;/");
	ck_assert_int_eq(psc_symbol_search_add(s, "https://d;srv*", "--symbols", NULL), PSC_OK);
	ck_assert_int_eq(psc_symbol_search_add(s, "/nowhere/\n\xff", "_NT_SYMBOL_PATH", NULL), PSC_OK);
	psc_symbol_search_warn(s, &w);
	ck_assert_uint_eq(w.n, 2);
	ck_assert_str_eq(w.items[0], "--symbols: not searched for symbols: /nowhere/a (no such directory), "
				     "https://b/c (never contacted), https://d (never contacted)");
	ck_assert_str_eq(w.items[1], "_NT_SYMBOL_PATH: not searched for symbols: /nowhere/?? (no such directory)");
	psc_warnings_deinit(&w);
	psc_arena_deinit(&arena);
}
END_TEST

#ifndef _WIN32
START_TEST(windows_paths)
{
	parse("C:\\symbols;d:/x;\\\\server\\share");
	for (size_t i = 0; i < 3; i++)
		ck_assert_ptr_nonnull(strstr(s->places[i].note, "a path of Windows"));
}
END_TEST

START_TEST(what_exists_is_taken_as_it_is)
{
	char dir[] = "/tmp/psc-path-XXXXXX", path[128], want[256];
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/srv*a;b:c", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	parse(path);
	snprintf(want, sizeof(want), "+directory %s", path);
	ck_assert_str_eq(list(), want);
	ck_assert_int_eq(rmdir(path), 0);
	snprintf(path, sizeof(path), "%s/a.pdb", dir);
	FILE *f = fopen(path, "wb");
	ck_assert_ptr_nonnull(f);
	fclose(f);
	snprintf(path, sizeof(path), "%s/;%s/a.pdb;/dev/null;", dir, dir);
	parse(path);
	snprintf(want, sizeof(want), "+directory %s | +file %s/a.pdb | directory /dev/null", dir, dir);
	ck_assert_str_eq(list(), want);
	ck_assert_str_eq(s->places[2].note, "neither a directory nor a file");
	snprintf(path, sizeof(path), "%s/a.pdb", dir);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

static void environment(const char *own, const char *alternative, const char *windows, const char *xdg,
			const char *home)
{
	static const char *const names[] = {"POOLSCOPE_SYMBOL_PATH", "_NT_ALT_SYMBOL_PATH", "_NT_SYMBOL_PATH",
					    "XDG_DATA_HOME", "HOME"};
	const char *values[] = {own, alternative, windows, xdg, home};
	for (size_t i = 0; i < 5; i++) {
		if (values[i])
			setenv(names[i], values[i], 1);
		else
			unsetenv(names[i]);
	}
	parse("first");
	ck_assert_int_eq(psc_symbol_search_add_environment(s, NULL), PSC_OK);
}

START_TEST(the_environment)
{
	char *store = NULL;
	environment("own", "alternative;second", "srv*c*http://d", "/nowhere/data", "/nowhere/home");
	ck_assert_str_eq(list(), "directory first | directory own | directory alternative | directory second | "
				 "store c | url http://d | store /nowhere/data/poolscope/symbols");
	ck_assert_str_eq(s->places[1].origin, "POOLSCOPE_SYMBOL_PATH");
	ck_assert_str_eq(s->places[2].origin, "_NT_ALT_SYMBOL_PATH");
	ck_assert_str_eq(s->places[4].origin, "_NT_SYMBOL_PATH");
	ck_assert_str_eq(s->places[6].origin, "user store");
	environment("", NULL, NULL, "relative", "/nowhere/home");
	ck_assert_str_eq(list(), "directory first | store /nowhere/home/.local/share/poolscope/symbols");
	environment(NULL, NULL, NULL, "", NULL);
	ck_assert_str_eq(list(), "directory first");
	ck_assert_int_eq(psc_symbol_user_store(&store, NULL), PSC_E_NOT_FOUND);
}
END_TEST
#else
START_TEST(windows_paths)
{
}
END_TEST
START_TEST(what_exists_is_taken_as_it_is)
{
}
END_TEST
START_TEST(the_environment)
{
}
END_TEST
#endif

UNIT_MAIN("symbol_path", as_engineers_have_it, quotes_and_blanks, servers_and_caches, limits, one_warning_per_origin,
	  windows_paths, what_exists_is_taken_as_it_is, the_environment)
