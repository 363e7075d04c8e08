/* SPDX-License-Identifier: MIT */
#include "symbols/profile.h"

#include "io/os.h"
#include "symbols/guid.h"
#include "util/error.h"
#include "util/text.h"
#include <stdio.h>
#include <string.h>

static const char *const suffixes[] = {".json", ".json.gz", ".json.xz"};

/* The name comes from the dump: only a plain file name may become part of a path. */
static bool is_plain_name(const char *name)
{
	if (name[0] == '\0' || name[0] == '.')
		return false;
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f || strchr("\\/:*?\"<>|%", *p))
			return false;
	return true;
}

static void to_lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

/* Looks for folder + stem + one of the suffixes. *ret stays NULL when there is no such file. */
static enum psc_status try_folder(const char *dir, const char *folder, const char *stem, struct psc_arena *arena,
				  const char **ret, struct psc_error *reterr)
{
	for (size_t i = 0; !*ret && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char *path = psc_arena_printf(arena, "%s/%s%s%s", dir, folder, stem, suffixes[i]);
		int e;
		if (!path)
			return psc_fail_no_memory(reterr);
		if (psc_os_is_regular(path, &e))
			*ret = path;
	}
	return PSC_OK;
}

/* pdb_name "" when it is not usable. */
static enum psc_status try_folders(const char *dir, const char *pdb_name, const char *stem, struct psc_arena *arena,
				   const char **ret, struct psc_error *reterr)
{
	char own[80], windows[80];
	enum psc_status r = try_folder(dir, "", stem, arena, ret, reterr);
	if (r != PSC_OK || *pdb_name == '\0')
		return r;
	snprintf(own, sizeof(own), "%s/", pdb_name);
	snprintf(windows, sizeof(windows), "windows/%s/", pdb_name);
	r = try_folder(dir, own, stem, arena, ret, reterr);
	return r != PSC_OK ? r : try_folder(dir, windows, stem, arena, ret, reterr);
}

enum psc_status psc_isf_find(const char *dir, const struct psc_kernel_identity *id, struct psc_arena *arena,
			     const char **ret_path, struct psc_error *reterr)
{
	uint8_t guid[16];
	char guid_text[33], names[2][sizeof(id->pdb_name)];
	const char *base = psc_base_name(id->pdb_name);
	*ret_path = NULL;
	if (!psc_guid_parse(id->pdb_guid, guid))
		return psc_fail(reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0,
				"the kernel's PDB GUID is not known, so its symbol file cannot be searched: name it");
	snprintf(names[0], sizeof(names[0]), "%s", is_plain_name(base) ? base : "");
	snprintf(names[1], sizeof(names[1]), "%s", names[0]);
	to_lower(names[1]);
	for (int i = 0; i < 4 && !*ret_path; i++) {
		const char *stem = psc_arena_printf(arena, "%s-%u", psc_guid_format(guid, i % 2 == 0, guid_text),
						    (unsigned)id->pdb_age);
		enum psc_status r = stem ? try_folders(dir, names[i / 2], stem, arena, ret_path, reterr)
					 : psc_fail_no_memory(reterr);
		if (r != PSC_OK)
			return r;
	}
	if (*ret_path)
		return PSC_OK;
	return psc_fail(reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0,
			"no symbol file of this kernel: put %s/%s-%u.json.xz into %s",
			names[0][0] ? names[0] : "ntkrnlmp.pdb", psc_guid_format(guid, true, guid_text),
			(unsigned)id->pdb_age, dir);
}
