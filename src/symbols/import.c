/* SPDX-License-Identifier: MIT */
/* Sorting symbol files into a store, under the identity that is inside them (reference: symbols 4 and 6). */
#include "symbols/search.h"

#include "io/os.h"
#include "symbols/pdb.h"
#include "symbols/profile.h"
#include "util/error.h"
#include "util/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COPY_BYTES   ((size_t)1 << 20)
#define PARTIALS_MAX 100u

static void to_lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

/* A PDB does not say what it is called: kernels are known by GUID, others keep the name of the file. */
static enum psc_status name_of_pdb(const char *file, const struct psc_pdb_identity *id, char name[256],
				   struct psc_error *reterr)
{
	const char *base = psc_base_name(file), *known = psc_builtin_pdb_name(id->guid, id->age);
	size_t n = strlen(base);
	char end[5] = "";
	if (n >= 5 && n < 256)
		memcpy(end, base + n - 4, 5);
	to_lower(end);
	if (known) {
		snprintf(name, 256, "%s", known);
	} else if ((strcmp(end, ".pdb") == 0 || strcmp(end, ".pd_") == 0) && psc_symbol_name_is_plain(base)) {
		memcpy(name, base, n + 1);
		if (name[n - 1] == '_')
			name[n - 1] = 'b';
	} else {
		return psc_fail(
			reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
			"%s: a PDB does not hold its own name: give the file the name that its module asks for, "
			"which ends in .pdb",
			base);
	}
	return PSC_OK;
}

static enum psc_status place_pdb(const char *file, struct psc_symbol_imported *ret, struct psc_error *reterr)
{
	struct psc_pdb *pdb = NULL;
	enum psc_status r = psc_pdb_open_file(file, &pdb, reterr);
	if (r != PSC_OK)
		return r;
	const struct psc_pdb_identity *id = psc_pdb_identity(pdb);
	ret->kind = "pdb";
	ret->age = id->age;
	memcpy(ret->guid, id->guid, sizeof(ret->guid));
	r = name_of_pdb(file, id, ret->pdb_name, reterr);
	bool is_packed = id->compression && strcmp(id->compression, "gzip") != 0;
	if (r == PSC_OK && id->compression && !is_packed)
		r = psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
			     "%s: symbol stores hold no PDB in %s: unpack the file first", psc_base_name(file),
			     id->compression);
	psc_pdb_close(pdb);
	if (r != PSC_OK)
		return r;
	snprintf(ret->store_path, sizeof(ret->store_path), "%s/%s%X/%s", ret->pdb_name, ret->guid, (unsigned)ret->age,
		 ret->pdb_name);
	if (is_packed)
		ret->store_path[strlen(ret->store_path) - 1] = '_';
	return PSC_OK;
}

static enum psc_status place_isf(const char *file, struct psc_symbol_imported *ret, struct psc_error *reterr)
{
	static const char *const suffixes[] = {".json.xz", ".json.gz", ".json"};
	static const char *const magics[] = {"\3757zXZ", "\x1f\x8b", ""};
	struct psc_isf_identity id;
	struct psc_os_file *f = NULL;
	char head[8];
	size_t n = 0, i = 0;
	enum psc_status r = psc_isf_read_identity(file, &id, reterr);
	if (r != PSC_OK)
		return r;
	if (!psc_symbol_name_is_plain(id.pdb_name))
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0, "%s: the name of its PDB is no file name",
				psc_base_name(file));
	int e = psc_os_file_open(file, &f);
	if (e == 0)
		e = psc_os_pread(f, 0, head, sizeof(head), &n);
	psc_os_file_close(f);
	if (e != 0)
		return psc_fail_os(reterr, e, "cannot read %s", file);
	while (i < 2 && (n < strlen(magics[i]) || memcmp(head, magics[i], strlen(magics[i])) != 0))
		i++;
	ret->kind = "isf";
	ret->age = id.age;
	memcpy(ret->guid, id.guid, sizeof(ret->guid));
	memcpy(ret->pdb_name, id.pdb_name, sizeof(ret->pdb_name));
	snprintf(ret->store_path, sizeof(ret->store_path), "windows/%s/%s-%u%s", ret->pdb_name, ret->guid,
		 (unsigned)ret->age, suffixes[i]);
	return PSC_OK;
}

/* Both to the end; to NULL: they are compared. *ret_same. */
static enum psc_status copy_or_compare(const char *from, struct psc_os_file *in, const char *to,
				       struct psc_os_file *out, bool compare, bool *ret_same, struct psc_error *reterr)
{
	uint8_t *buf = malloc(2 * COPY_BYTES), *other = buf + COPY_BYTES;
	enum psc_status r = PSC_OK;
	size_t n = COPY_BYTES, m = 0;
	if (!buf)
		return psc_fail_no_memory(reterr);
	*ret_same = true;
	for (uint64_t at = 0; r == PSC_OK && n == COPY_BYTES && *ret_same; at += n) {
		int e = psc_os_pread(in, at, buf, COPY_BYTES, &n);
		if (e != 0) {
			r = psc_fail_os(reterr, e, "cannot read %s", from);
			break;
		}
		e = compare ? psc_os_pread(out, at, other, COPY_BYTES, &m) : psc_os_pwrite(out, at, buf, n);
		if (e != 0)
			r = psc_fail_os(reterr, e, compare ? "cannot read %s" : "cannot write %s", to);
		else if (compare)
			*ret_same = n == m && memcmp(buf, other, n) == 0;
	}
	free(buf);
	return r;
}

/* A file beside the one to be, complete and on disk before it gets its name. */
static enum psc_status write_partial(const char *from, struct psc_os_file *in, const char *partial,
				     struct psc_os_file *out, struct psc_error *reterr)
{
	bool same;
	enum psc_status r = copy_or_compare(from, in, partial, out, false, &same, reterr);
	int e = r == PSC_OK ? psc_os_file_sync(out) : 0;
	if (e != 0)
		r = psc_fail_os(reterr, e, "cannot write %s", partial);
	psc_os_file_close(out);
	return r;
}

static enum psc_status create_partial(const char *to, char *partial, size_t cap, struct psc_os_file **ret,
				      struct psc_error *reterr)
{
	int e = 0;
	for (unsigned i = 0; i < PARTIALS_MAX; i++) {
		snprintf(partial, cap, "%s.%u.partial", to, i);
		e = psc_os_file_create_new(partial, ret);
		if (e == 0)
			return PSC_OK;
	}
	return psc_fail_os(reterr, e, "cannot write %s", partial);
}

static enum psc_status compare_with(const char *from, struct psc_os_file *in, const char *to, bool *ret_present,
				    struct psc_error *reterr)
{
	struct psc_os_file *there = NULL;
	bool same = false;
	int e = psc_os_file_open(to, &there);
	if (e != 0)
		return psc_fail_os(reterr, e, "cannot read %s", to);
	enum psc_status r = copy_or_compare(from, in, to, there, true, &same, reterr);
	psc_os_file_close(there);
	if (r == PSC_OK && !same)
		return psc_fail(reterr, PSC_E_OS, PSC_WHERE_NONE, 0,
				"%s is there already with other content; it is left as it is: remove it first", to);
	*ret_present = true;
	return r;
}

static enum psc_status copy_to(const char *from, struct psc_os_file *in, char *to, bool *ret_present,
			       struct psc_error *reterr)
{
	size_t n = strlen(to) + 32;
	struct psc_os_file *out = NULL;
	int e;
	*ret_present = false;
	if (psc_os_is_regular(to, &e))
		return compare_with(from, in, to, ret_present, reterr);
	char *partial = malloc(n), *slash = strrchr(to, '/');
	if (!partial)
		return psc_fail_no_memory(reterr);
	*slash = '\0';
	e = psc_os_make_directories(to);
	enum psc_status r = e == 0 ? PSC_OK : psc_fail_os(reterr, e, "cannot make the directory %s", to);
	*slash = '/';
	if (r == PSC_OK)
		r = create_partial(to, partial, n, &out, reterr);
	if (r == PSC_OK) {
		r = write_partial(from, in, partial, out, reterr);
		e = r == PSC_OK ? psc_os_rename_new(partial, to) : 0;
		if (e != 0 && psc_os_is_regular(to, &(int){0}))
			r = compare_with(from, in, to, ret_present, reterr); /* somebody was faster */
		else if (e != 0)
			r = psc_fail_os(reterr, e, "cannot write %s", to);
		if (r != PSC_OK || e != 0)
			psc_os_remove_file(partial);
	}
	free(partial);
	return r;
}

enum psc_status psc_symbol_import(const char *file, const char *store, struct psc_symbol_imported *ret,
				  struct psc_error *reterr)
{
	struct psc_symbol_imported result;
	struct psc_os_file *in = NULL;
	int e = 0;
	enum psc_status r = PSC_OK;
	if (!file || !store || !ret)
		return psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0,
				"psc_symbol_import: file, store and ret must not be NULL");
	memset(&result, 0, sizeof(result));
	enum psc_symbol_file_kind kind = psc_symbol_file_sniff(file, &e);
	if (e != 0)
		return psc_fail_os(reterr, e, "cannot read %s", file);
	if (kind == PSC_SYMBOL_FILE_OTHER)
		return psc_fail(reterr, PSC_E_FORMAT, PSC_WHERE_NONE, 0,
				"%s is no symbol file: neither a PDB nor a Volatility symbol table (ISF)", file);
	r = kind == PSC_SYMBOL_FILE_PDB ? place_pdb(file, &result, reterr) : place_isf(file, &result, reterr);
	if (r != PSC_OK)
		return r;
	size_t n = strlen(store) + sizeof(result.store_path) + 2;
	char *to = malloc(n);
	if (!to)
		return psc_fail_no_memory(reterr);
	snprintf(to, n, "%s/%s", store, result.store_path);
	e = psc_os_file_open(file, &in);
	r = e == 0 ? copy_to(file, in, to, &result.was_present, reterr)
		   : psc_fail_os(reterr, e, "cannot read %s", file);
	psc_os_file_close(in);
	free(to);
	if (r == PSC_OK)
		*ret = result;
	return r;
}
