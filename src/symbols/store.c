/* SPDX-License-Identifier: MIT */
/* Where a symbol file lies in a store or directory (reference: symbols 4 and 6). */
#include "symbols/search.h"

#include "io/os.h"
#include "symbols/cab.h"
#include "symbols/guid.h"
#include "util/text.h"
#include <stdio.h>
#include <string.h>

#define POINTER_BYTES_MAX 4096u

struct run {
	struct psc_symbol_search *search;
	struct psc_arena arena; /* paths of this run */
	const struct psc_symbol_key *key;
	const struct psc_symbol_place *place;
	psc_symbol_try_fn *try_file;
	void *arg;
};

bool psc_symbol_name_is_plain(const char *name)
{
	size_t n = strlen(name);
	if (n == 0 || name[0] == '.' || name[n - 1] == '.' || name[n - 1] == ' ' || strstr(name, ".."))
		return false;
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f || strchr("\\/:*?\"<>|%", *p))
			return false;
	return true;
}

bool psc_symbol_key_init(struct psc_symbol_key *key, const char *pdb_name, const char *guid, uint32_t age)
{
	uint8_t bytes[16];
	const char *base = pdb_name ? psc_base_name(pdb_name) : "";
	memset(key, 0, sizeof(*key));
	if (!guid || !psc_guid_parse(guid, bytes))
		return false;
	psc_guid_format(bytes, true, key->guid);
	key->age = age;
	if (strlen(base) < sizeof(key->pdb_name) && psc_symbol_name_is_plain(base))
		memcpy(key->pdb_name, base, strlen(base) + 1);
	return true;
}

const char *psc_symbol_store_path(const struct psc_symbol_key *key, char buf[PSC_SYMBOL_STORE_PATH_BYTES])
{
	buf[0] = '\0';
	if (key->pdb_name[0])
		snprintf(buf, PSC_SYMBOL_STORE_PATH_BYTES, "%s/%s%X/%s", key->pdb_name, key->guid, (unsigned)key->age,
			 key->pdb_name);
	return buf;
}

static bool offer(struct run *r, const char *dir, const char *name)
{
	const char *path = psc_symbol_child(r->search, dir, name, false, &r->arena);
	return path && r->try_file(r->arg, path, r->place);
}

/* The file, or as servers pack it: the last character of its name replaced by an underscore. */
static bool offer_pdb(struct run *r, const char *dir)
{
	char packed[sizeof(r->key->pdb_name)];
	memcpy(packed, r->key->pdb_name, sizeof(packed));
	packed[strlen(packed) - 1] = '_';
	return offer(r, dir, r->key->pdb_name) || offer(r, dir, packed);
}

static void note_pointer(struct run *r, const char *fmt, ...) PSC_PRINTF(2, 3);
static void note_pointer(struct run *r, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	psc_vformat_line(r->search->pointer, sizeof(r->search->pointer), fmt, ap);
	va_end(ap);
}

/* "PATH:/srv/store/ntkrnlmp.pdb" in a file beside; "MSG: ..." says why there is none. */
static bool offer_pointer(struct run *r, const char *dir)
{
	const char *path = psc_symbol_child(r->search, dir, "file.ptr", false, &r->arena);
	struct psc_os_file *f = NULL;
	char text[POINTER_BYTES_MAX + 1];
	size_t n = 0;
	int e;
	if (!path || psc_os_file_open(path, &f) != 0)
		return false;
	e = psc_os_pread(f, 0, text, POINTER_BYTES_MAX, &n);
	psc_os_file_close(f);
	if (e != 0 || n == POINTER_BYTES_MAX)
		return false;
	text[n] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	const char *target = text + strlen("PATH:"), *reason = text + strlen("MSG:");
	if (strncmp(text, "PATH:", strlen("PATH:")) == 0) {
		if (psc_os_is_absolute_path(target) && psc_os_is_regular(target, &e))
			return r->try_file(r->arg, target, r->place);
		if (*target)
			note_pointer(r, "%.100s points to %.100s, which is no file here", path, target);
	} else if (strncmp(text, "MSG:", strlen("MSG:")) == 0) {
		note_pointer(r, "%.100s says: %.100s", path, reason + strspn(reason, " "));
	}
	return false;
}

/* root/ntkrnlmp.pdb/5278...1/ */
static bool run_store(struct run *r, const char *root)
{
	char id[48];
	const char *dir = psc_symbol_child(r->search, root, r->key->pdb_name, true, &r->arena);
	snprintf(id, sizeof(id), "%s%X", r->key->guid, (unsigned)r->key->age);
	dir = dir ? psc_symbol_child(r->search, dir, id, true, &r->arena) : NULL;
	return dir && (offer_pdb(r, dir) || offer_pointer(r, dir));
}

/* With index2.txt in its root a store has a level more: root/nt/ntkrnlmp.pdb/... */
static bool run_two_tier(struct run *r, const char *root)
{
	char first[3] = {r->key->pdb_name[0], r->key->pdb_name[1], '\0'};
	if (!first[1] || !psc_symbol_child(r->search, root, "index2.txt", false, &r->arena))
		return false;
	const char *dir = psc_symbol_child(r->search, root, first, true, &r->arena);
	return dir && run_store(r, dir);
}

/* Symbol packages are unpacked as symbols/sys/http.pdb. */
static bool run_flat(struct run *r, const char *root)
{
	static const char *const kinds[] = {"sys", "exe", "dll"};
	const char *roots[2] = {root, psc_symbol_child(r->search, root, "symbols", true, &r->arena)};
	if (offer_pdb(r, root))
		return true;
	for (size_t i = 0; i < 2 && roots[i]; i++)
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			const char *dir = psc_symbol_child(r->search, roots[i], kinds[k], true, &r->arena);
			if (dir && offer_pdb(r, dir))
				return true;
		}
	return false;
}

static bool run_pdb(struct run *r, const char *root)
{
	return r->key->pdb_name[0] && (run_two_tier(r, root) || run_store(r, root) || run_flat(r, root));
}

static bool offer_isf(struct run *r, const char *dir)
{
	static const char *const suffixes[] = {".json", ".json.gz", ".json.xz"};
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char name[64];
		snprintf(name, sizeof(name), "%s-%u%s", r->key->guid, (unsigned)r->key->age, suffixes[i]);
		if (offer(r, dir, name))
			return true;
	}
	return false;
}

/* Volatility's symbol directory, or one above or below it. */
static bool run_isf(struct run *r, const char *root)
{
	static const char *const levels[] = {"symbols", "windows"};
	const char *dir = root;
	if (offer_isf(r, root))
		return true;
	for (size_t first = 0; r->key->pdb_name[0] && first <= 2; first++) {
		dir = root;
		for (size_t i = 2 - first; dir && i < 2; i++)
			dir = psc_symbol_child(r->search, dir, levels[i], true, &r->arena);
		dir = dir ? psc_symbol_child(r->search, dir, r->key->pdb_name, true, &r->arena) : NULL;
		if (dir && offer_isf(r, dir))
			return true;
	}
	return false;
}

bool psc_symbol_search_run(struct psc_symbol_search *s, const struct psc_symbol_key *key, enum psc_symbol_want want,
			   psc_symbol_try_fn *try_file, void *arg)
{
	struct run r = {s, PSC_ARENA_INIT, key, NULL, try_file, arg};
	bool taken = false;
	s->pointer[0] = '\0';
	for (size_t i = 0; i < s->n && !taken; i++) {
		const char *path = s->items[i].path;
		enum psc_symbol_file_kind kind;
		r.place = &s->places[i];
		if (!r.place->is_searched)
			continue;
		if (s->items[i].is_directory) {
			if (!key)
				continue;
			taken = want == PSC_SYMBOL_WANT_PDB ? run_pdb(&r, path) : run_isf(&r, path);
		} else {
			kind = psc_symbol_file_sniff(path, NULL);
			taken = kind == (want == PSC_SYMBOL_WANT_PDB ? PSC_SYMBOL_FILE_PDB : PSC_SYMBOL_FILE_JSON) &&
				try_file(arg, path, r.place);
		}
	}
	psc_arena_deinit(&r.arena);
	return taken;
}

enum psc_symbol_file_kind psc_symbol_file_sniff(const char *path, int *ret_error)
{
	/* Kinds of PDB that are not read are refused by whoever opens them, with the reason. */
	static const char pdb[] = "Microsoft C/C++", msfz[] = "Microsoft MSFZ Container",
			  xz[] = "\xfd"
				 "7zXZ";
	struct psc_os_file *f = NULL;
	char head[64];
	size_t n = 0, i = 0;
	int e = psc_os_file_open(path, &f);
	if (e == 0)
		e = psc_os_pread(f, 0, head, sizeof(head), &n);
	psc_os_file_close(f);
	if (ret_error)
		*ret_error = e;
	if (e != 0)
		return PSC_SYMBOL_FILE_OTHER;
	if ((n >= strlen(pdb) && memcmp(head, pdb, strlen(pdb)) == 0) ||
	    (n >= strlen(msfz) && memcmp(head, msfz, strlen(msfz)) == 0) || psc_cab_probe((const uint8_t *)head, n))
		return PSC_SYMBOL_FILE_PDB;
	if (n >= strlen(xz) && memcmp(head, xz, strlen(xz)) == 0)
		return PSC_SYMBOL_FILE_JSON;
	if (n >= 2 && memcmp(head, "\x1f\x8b", 2) == 0) /* both kinds are kept in gzip */
		return strstr(psc_base_name(path), ".pd") ? PSC_SYMBOL_FILE_PDB : PSC_SYMBOL_FILE_JSON;
	if (n >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0)
		i = 3;
	while (i < n && strchr(" \t\r\n", head[i]) && head[i])
		i++;
	return i < n && head[i] == '{' ? PSC_SYMBOL_FILE_JSON : PSC_SYMBOL_FILE_OTHER;
}
