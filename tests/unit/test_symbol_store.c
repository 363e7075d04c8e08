/* SPDX-License-Identifier: MIT */
#include "symbols/search.h"
#include "unit.h"
#include <stdio.h>
#include <string.h>
#ifndef _WIN32
#include <sys/stat.h>
#include <unistd.h>
#endif

#define GUID "00112233445566778899AABBCCDDEEFF"

START_TEST(keys)
{
	static const char *const hostile[] = {"..",    "a/..", "a..b", ".hidden", "",    "a\nb",
					      "a\x7f", "a:b",  "a*b",  "a%b",     "a\\", "c:"};
	struct psc_symbol_key k;
	char path[PSC_SYMBOL_STORE_PATH_BYTES], name[300];
	ck_assert(psc_symbol_key_init(&k, "D:\\build/x\\http.pdb", "{00112233-4455-6677-8899-aabbccddeeff}", 0x1a));
	ck_assert_str_eq(psc_symbol_store_path(&k, path), "http.pdb/" GUID "1A/http.pdb");
	for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
		ck_assert(psc_symbol_key_init(&k, hostile[i], GUID, 1));
		ck_assert_msg(k.pdb_name[0] == '\0', "'%s'", hostile[i]);
		ck_assert_str_eq(psc_symbol_store_path(&k, path), "");
	}
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	ck_assert(psc_symbol_key_init(&k, name, GUID, 1));
	ck_assert_str_eq(k.pdb_name, "");
	name[255] = '\0';
	ck_assert(psc_symbol_key_init(&k, name, GUID, UINT32_MAX));
	ck_assert_uint_eq(strlen(psc_symbol_store_path(&k, path)), 255 + 1 + 40 + 1 + 255);
	ck_assert(psc_symbol_key_init(&k, NULL, GUID, 1));
	ck_assert(!psc_symbol_key_init(&k, "a.pdb", "../../../../../../../../etc/passw", 1));
	ck_assert(!psc_symbol_key_init(&k, "a.pdb", "", 1));
	ck_assert(!psc_symbol_key_init(&k, "a.pdb", NULL, 1));
}
END_TEST

#ifndef _WIN32
static char root[32];

/* A file of that text, its directories made. */
static void put(const char *path, const char *text)
{
	char full[512];
	snprintf(full, sizeof(full), "%s/%s", root, path);
	for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		(void)mkdir(full, 0700);
		*p = '/';
	}
	FILE *f = fopen(full, "wb");
	ck_assert_msg(f != NULL, "%s", full);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
}

static void begin(void)
{
	snprintf(root, sizeof(root), "/tmp/psc-store-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
}

static void end(void)
{
	char command[64];
	snprintf(command, sizeof(command), "rm -rf %s", root);
	ck_assert_int_eq(system(command), 0);
}

static char offered[4096], pointer[256];
static unsigned n_offered, take_at;

static bool note(void *arg, const char *path, const struct psc_symbol_place *place)
{
	size_t n = strlen(offered);
	(void)arg;
	ck_assert_ptr_nonnull(place->text);
	snprintf(offered + n, sizeof(offered) - n, "%s%s", n ? " " : "",
		 strncmp(path, root, strlen(root)) == 0 ? path + strlen(root) + 1 : path);
	return ++n_offered == take_at;
}

/* What the places under root, between blanks, offer. */
static const char *run(const char *places, const char *name, enum psc_symbol_want want)
{
	struct psc_symbol_search *s = NULL;
	struct psc_symbol_key key;
	char copy[256], path[512];
	ck_assert_int_eq(psc_symbol_search_new(&s, NULL), PSC_OK);
	snprintf(copy, sizeof(copy), "%s", places);
	for (char *p = strtok(copy, " "); p; p = strtok(NULL, " ")) {
		snprintf(path, sizeof(path), "%s/%s", root, p);
		ck_assert_int_eq(psc_symbol_search_add(s, path, "test", NULL), PSC_OK);
	}
	offered[0] = '\0';
	n_offered = 0;
	bool has_key = psc_symbol_key_init(&key, name, GUID, 0x1a);
	bool taken = psc_symbol_search_run(s, has_key && *name ? &key : NULL, want, note, NULL);
	ck_assert(taken == (take_at != 0 && n_offered == take_at));
	snprintf(pointer, sizeof(pointer), "%s", s->pointer);
	psc_symbol_search_free(s);
	return offered;
}

static const char *pdb(const char *places, const char *name)
{
	return run(places, name, PSC_SYMBOL_WANT_PDB);
}

static const char *isf(const char *places)
{
	return run(places, "ntkrnlmp.pdb", PSC_SYMBOL_WANT_ISF);
}

START_TEST(layouts_of_pdb)
{
	begin();
	put("two/index2.txt", "");
	put("two/ht/http.pdb/" GUID "1A/http.pd_", "x");
	put("three/http.pdb/" GUID "1A/http.pdb", "x");
	put("three/http.pdb/" GUID "1A/file.ptr", "PATH:relative");
	put("three/http.pdb/" GUID "1/http.pdb", "another age");
	put("flat/http.pdb", "x");
	put("flat/http.pd_", "x");
	put("package/symbols/sys/http.pdb", "x");
	put("package/dll/http.pdb", "x");
	ck_assert_str_eq(pdb("two", "http.pdb"), "two/ht/http.pdb/" GUID "1A/http.pd_");
	ck_assert_str_eq(pdb("three", "http.pdb"), "three/http.pdb/" GUID "1A/http.pdb");
	ck_assert_str_eq(pdb("flat", "x:\\y\\http.pdb"), "flat/http.pdb flat/http.pd_");
	ck_assert_str_eq(pdb("package", "http.pdb"), "package/dll/http.pdb package/symbols/sys/http.pdb");
	ck_assert_str_eq(pdb("package flat", "tcpip.pdb"), "");
	ck_assert_str_eq(pdb("three", "../three/http.pdb"), "three/http.pdb/" GUID "1A/http.pdb");
	ck_assert_str_eq(pdb("three", ".."), "");
	take_at = 1;
	ck_assert_str_eq(pdb("package flat", "http.pdb"), "package/dll/http.pdb");
	take_at = 3;
	ck_assert_str_eq(pdb("package flat", "http.pdb"),
			 "package/dll/http.pdb package/symbols/sys/http.pdb flat/http.pdb");
	take_at = 0;
	end();
}
END_TEST

START_TEST(pointers)
{
	char text[512];
	begin();
	put("elsewhere/real.pdb", "x");
	snprintf(text, sizeof(text), "PATH:%s/elsewhere/real.pdb\r\n", root);
	put("store/http.pdb/" GUID "1A/file.ptr", text);
	ck_assert_str_eq(pdb("store", "http.pdb"), "elsewhere/real.pdb");
	put("store/http.pdb/" GUID "1A/file.ptr", "PATH:/dev/zero");
	ck_assert_str_eq(pdb("store", "http.pdb"), "");
	put("store/http.pdb/" GUID "1A/file.ptr", "PATH:");
	ck_assert_str_eq(pdb("store", "http.pdb"), "");
	ck_assert_str_eq(pointer, "");
	put("store/http.pdb/" GUID "1A/file.ptr", "PATH:\\\\server\\share\\http\033.pdb");
	ck_assert_str_eq(pdb("store", "http.pdb"), "");
	ck_assert_ptr_nonnull(
		strstr(pointer, "file.ptr points to \\\\server\\share\\http?.pdb, which is no file here"));
	put("store/http.pdb/" GUID "1A/file.ptr", "MSG: /etc/passwd");
	ck_assert_str_eq(pdb("store", "http.pdb"), "");
	ck_assert_ptr_nonnull(strstr(pointer, "file.ptr says: /etc/passwd"));
	put("store/http.pdb/" GUID "1A/file.ptr", "");
	ck_assert_str_eq(pdb("store", "http.pdb"), "");
	ck_assert_str_eq(pointer, "");
	end();
}
END_TEST

START_TEST(case_of_names)
{
	begin();
	put("store/NTKRNLMP.PDB/00112233445566778899aabbccddeeff1a/NtKrnlMp.Pdb", "x");
	put("flat/Symbols/SYS/ntkrnlmp.PD_", "x");
	put("windows/NTKRNLMP.pdb/00112233445566778899aabbccddeeff-26.JSON", "{}");
	ck_assert_str_eq(pdb("store flat", "ntkrnlmp.pdb"),
			 "store/NTKRNLMP.PDB/00112233445566778899aabbccddeeff1a/NtKrnlMp.Pdb "
			 "flat/Symbols/SYS/ntkrnlmp.PD_");
	ck_assert_str_eq(pdb("store", "ntKRNLmp.pdb"),
			 "store/NTKRNLMP.PDB/00112233445566778899aabbccddeeff1a/NtKrnlMp.Pdb");
	ck_assert_str_eq(isf("windows"), "windows/NTKRNLMP.pdb/00112233445566778899aabbccddeeff-26.JSON");
	/* The exact name wins. */
	put("store/ntkrnlmp.pdb/" GUID "1A/ntkrnlmp.pdb", "x");
	ck_assert_str_eq(pdb("store", "ntkrnlmp.pdb"), "store/ntkrnlmp.pdb/" GUID "1A/ntkrnlmp.pdb");
	end();
}
END_TEST

START_TEST(layouts_of_isf)
{
	begin();
	put("a/" GUID "-26.json", "{}");
	put("b/ntkrnlmp.pdb/" GUID "-26.json.xz", "x");
	put("c/windows/ntkrnlmp.pdb/" GUID "-26.json.gz", "x");
	put("d/symbols/windows/ntkrnlmp.pdb/" GUID "-26.json.xz", "x");
	put("e/ntkrnlmp.pdb/" GUID "-1.json.xz", "another age");
	put("e/http.pdb/" GUID "-26.json.xz", "another name");
	ck_assert_str_eq(isf("a b c d e"), "a/" GUID "-26.json b/ntkrnlmp.pdb/" GUID "-26.json.xz "
					   "c/windows/ntkrnlmp.pdb/" GUID "-26.json.gz "
					   "d/symbols/windows/ntkrnlmp.pdb/" GUID "-26.json.xz");
	ck_assert_str_eq(pdb("a b c d e", "ntkrnlmp.pdb"), "");
	end();
}
END_TEST

START_TEST(named_files)
{
	begin();
	put("x.pdb", "Microsoft C/C++ MSF 7.00\r\n\x1a");
	put("x.pd_", "MSCF............");
	put("x.json", " \n{}");
	put("x.gz", "\x1f\x8b...");
	put("x.pdb.gz", "\x1f\x8b...");
	put("x.txt", "text");
	put("empty", "");
	ck_assert_str_eq(pdb("x.pdb x.pd_ x.json x.gz x.pdb.gz x.txt empty", "http.pdb"), "x.pdb x.pd_ x.pdb.gz");
	ck_assert_str_eq(isf("x.pdb x.pd_ x.json x.gz x.pdb.gz x.txt empty"), "x.json x.gz");
	/* Without an identity to look up, only these. */
	put("dir/http.pdb", "x");
	ck_assert_str_eq(pdb("dir x.pdb", ""), "x.pdb");
	end();
}
END_TEST

UNIT_MAIN("symbol_store", keys, layouts_of_pdb, pointers, case_of_names, layouts_of_isf, named_files)
#else
UNIT_MAIN("symbol_store", keys)
#endif
