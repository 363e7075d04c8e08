/* SPDX-License-Identifier: MIT */
/* The public view of what is known of a kernel build, without a dump. */
#include "symbols/profile.h"
#include "symbols/guid.h"
#include "symbols/pdb.h"
#include "symbols/search.h"
#include "util/error.h"
#include "util/text.h"
#include <poolscope/poolscope.h>
#include <stdlib.h>
#include <string.h>

struct psc_symbol_profile {
	struct psc_arena arena;
	struct psc_warnings warnings;
	struct psc_kernel_identity id;
	struct psc_profile profile;
	struct psc_symbol_profile_info info;
	struct psc_profile_symbol symbols[PSC_SYM_MAX];
	struct psc_profile_field fields[PSC_FIELD_MAX];
};

/* Kernels for x86 differ in this (reference: symbols 4). */
static void take_pdb_name(struct psc_symbol_profile *p, const char *name)
{
	const char *base = psc_base_name(name);
	if (!psc_symbol_name_is_plain(base) || strlen(base) >= sizeof(p->id.pdb_name))
		return;
	memcpy(p->id.pdb_name, base, strlen(base) + 1);
	p->id.pae = strncmp(base, "ntkrpamp", 8) == 0 || strncmp(base, "ntkrnlpa", 8) == 0;
}

static enum psc_status load_pdb(struct psc_symbol_profile *p, struct psc_pdb *pdb, struct psc_error *reterr)
{
	const struct psc_pdb_identity *id = psc_pdb_identity(pdb);
	if (p->id.machine == PSC_MACHINE_UNKNOWN)
		p->id.machine = (enum psc_machine)id->machine;
	return psc_pdb_load_profile(pdb, &p->id, &p->profile, &p->arena, &p->warnings, reterr);
}

static enum psc_status load_isf(struct psc_symbol_profile *p, const char *path, struct psc_error *reterr)
{
	struct psc_isf_identity id;
	enum psc_status r = psc_isf_read_identity(path, &id, reterr);
	if (r != PSC_OK)
		return r;
	if (!p->id.pdb_guid[0]) {
		memcpy(p->id.pdb_guid, id.guid, sizeof(id.guid));
		p->id.pdb_age = id.age;
	}
	if (!p->id.pdb_name[0])
		take_pdb_name(p, id.pdb_name);
	if (p->id.machine == PSC_MACHINE_UNKNOWN)
		p->id.machine = (enum psc_machine)id.machine;
	return psc_isf_load_file(path, &p->id, &p->profile, &p->arena, &p->warnings, reterr);
}

static enum psc_status load_file(struct psc_symbol_profile *p, const char *path, struct psc_error *reterr)
{
	struct psc_pdb *pdb = NULL;
	int e = 0;
	enum psc_symbol_file_kind kind = psc_symbol_file_sniff(path, &e);
	if (e != 0)
		return psc_fail_os(reterr, e, "cannot read %s", path);
	if (kind == PSC_SYMBOL_FILE_OTHER)
		return psc_fail(reterr, PSC_E_FORMAT, PSC_WHERE_NONE, 0,
				"%s is no symbol file: neither a PDB nor a Volatility symbol table (ISF)", path);
	if (kind == PSC_SYMBOL_FILE_JSON)
		return load_isf(p, path, reterr);
	enum psc_status r = psc_pdb_open_file(path, &pdb, reterr);
	if (r != PSC_OK)
		return r;
	const struct psc_pdb_identity *id = psc_pdb_identity(pdb);
	memcpy(p->id.pdb_guid, id->guid, sizeof(p->id.pdb_guid));
	p->id.pdb_age = id->age;
	const char *name = psc_builtin_pdb_name(id->guid, id->age);
	if (name)
		take_pdb_name(p, name);
	r = load_pdb(p, pdb, reterr);
	psc_pdb_close(pdb);
	return r;
}

struct attempt {
	struct psc_symbol_profile *profile;
	struct psc_error err; /* of the last file that was not taken */
	enum psc_status status;
};

static bool try_isf(void *arg, const char *path, const struct psc_symbol_place *place)
{
	struct attempt *a = (struct attempt *)arg;
	(void)place;
	a->status = load_isf(a->profile, path, &a->err);
	if (a->status != PSC_OK && a->status != PSC_E_NO_MEMORY)
		psc_warn(&a->profile->warnings, "not used: %s", a->err.text);
	return a->status == PSC_OK || a->status == PSC_E_NO_MEMORY;
}

/* The name of the PDB is not known: kernels have one of four. */
static enum psc_status search_files(struct psc_symbol_profile *p, struct psc_symbol_search *search,
				    struct psc_error *reterr)
{
	static const char *const names[] = {"ntkrnlmp.pdb", "ntoskrnl.pdb", "ntkrpamp.pdb", "ntkrnlpa.pdb"};
	struct attempt a = {.profile = p, .status = PSC_OK};
	struct psc_symbol_refused refused;
	struct psc_symbol_key key;
	struct psc_pdb *pdb = NULL;
	struct psc_error e;
	bool has_all = false;
	for (size_t i = 0; i < 4 && !pdb; i++) {
		(void)psc_symbol_key_init(&key, names[i], p->id.pdb_guid, p->id.pdb_age);
		enum psc_status r = psc_symbol_open_pdb(search, &key, &pdb, NULL, &refused, &e);
		if (r == PSC_E_NO_MEMORY)
			return psc_fail_no_memory(reterr);
		if (refused.n && r != PSC_OK)
			psc_warn(&p->warnings, "not used: %s", refused.text);
		if (r != PSC_OK)
			continue;
		take_pdb_name(p, names[i]);
		r = load_pdb(p, pdb, &e);
		has_all = r == PSC_OK && psc_pdb_identity(pdb)->has_symbols && psc_pdb_identity(pdb)->has_types;
		if (r != PSC_OK)
			psc_warn(&p->warnings, "not used: %s", e.text);
	}
	psc_pdb_close(pdb);
	for (size_t i = 0; i < 4 && !has_all && !p->profile.isf_path; i++) {
		(void)psc_symbol_key_init(&key, names[i], p->id.pdb_guid, p->id.pdb_age);
		(void)psc_symbol_search_run(search, &key, PSC_SYMBOL_WANT_ISF, try_isf, &a);
		if (a.status == PSC_E_NO_MEMORY)
			return psc_fail_no_memory(reterr);
	}
	return PSC_OK;
}

static bool parse_number(const char *text, uint32_t base, uint32_t *ret)
{
	uint64_t v = 0;
	if (!*text)
		return false;
	for (; *text; text++) {
		unsigned d = *text >= '0' && *text <= '9'   ? (unsigned)(*text - '0')
			     : *text >= 'a' && *text <= 'f' ? (unsigned)(*text - 'a') + 10
			     : *text >= 'A' && *text <= 'F' ? (unsigned)(*text - 'A') + 10
							    : 16;
		if (d >= base)
			return false;
		v = v * base + d;
		if (v > UINT32_MAX)
			return false;
	}
	*ret = (uint32_t)v;
	return true;
}

/* GUID-AGE with a decimal age, or GUIDAGE with a hexadecimal one. */
static bool parse_identity(const char *spec, struct psc_kernel_identity *id)
{
	const char *dash = strrchr(spec, '-');
	size_t n = dash ? (size_t)(dash - spec) : 32;
	char guid[64];
	uint8_t bytes[16];
	if (n >= sizeof(guid) || strlen(spec) < n)
		return false;
	memcpy(guid, spec, n);
	guid[n] = '\0';
	if (!psc_guid_parse(guid, bytes) || !parse_number(dash ? dash + 1 : spec + n, dash ? 10 : 16, &id->pdb_age))
		return false;
	psc_guid_format(bytes, true, id->pdb_guid);
	return true;
}

static void describe(struct psc_symbol_profile *p)
{
	const struct psc_profile *from = &p->profile;
	for (int i = 0; i < PSC_SYM_MAX; i++) {
		struct psc_profile_symbol *s = &p->symbols[i];
		s->name = psc_sym_name((enum psc_sym)i);
		s->is_known = psc_profile_has_sym(from, (enum psc_sym)i);
		s->rva = s->is_known ? from->symbols[i].rva : 0;
		s->origin = psc_origin_name(from->symbols[i].origin);
	}
	for (int i = 0; i < PSC_FIELD_MAX; i++) {
		const struct psc_field *f = psc_profile_field(from, (enum psc_field_id)i);
		struct psc_profile_field *out = &p->fields[i];
		out->field = psc_field_name((enum psc_field_id)i, &out->structure);
		out->origin = psc_origin_name(from->fields[i].origin);
		out->is_known = f != NULL;
		if (!f)
			continue;
		out->offset = f->offset;
		out->size_bytes = f->size_bytes;
		out->struct_size_bytes = f->struct_size;
		out->bit_position = f->bit_position;
		out->bit_length = f->bit_length;
	}
	enum psc_machine machine = from->machine != PSC_MACHINE_UNKNOWN ? from->machine : p->id.machine;
	p->info.machine = (uint32_t)machine;
	p->info.pdb_name = p->id.pdb_name[0] ? p->id.pdb_name : NULL;
	p->info.pdb_guid = p->id.pdb_guid;
	p->info.pdb_age = p->id.pdb_age;
	p->info.version = from->builtin_version;
	p->info.build_range = from->builtin_range;
	p->info.pdb_file = from->pdb_path;
	p->info.isf_file = from->isf_path;
}

static enum psc_status load(struct psc_symbol_profile *p, const char *spec, struct psc_symbol_search *search,
			    uint32_t flags, struct psc_error *reterr)
{
	enum psc_status r = PSC_OK;
	bool is_identity = parse_identity(spec, &p->id);
	if (!is_identity)
		r = load_file(p, spec, reterr);
	else if (search && !(flags & PSC_PROFILE_NO_SEARCH))
		r = search_files(p, search, reterr);
	if (r == PSC_E_OS && !strpbrk(spec, "./\\"))
		return psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0,
				"'%s' is neither GUID-AGE (32 hex digits and a decimal age) nor a symbol file", spec);
	if (r != PSC_OK)
		return r;
	if (!(flags & PSC_PROFILE_NO_BUILTIN))
		psc_builtin_load(&p->id, NULL, &p->profile);
	if (is_identity && !p->profile.builtin_version && !p->profile.pdb_path && !p->profile.isf_path)
		return psc_fail(
			reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0,
			"nothing is known of a kernel %s-%u: it is not built in, and no PDB or ISF of it was found",
			p->id.pdb_guid, (unsigned)p->id.pdb_age);
	const char *name = psc_builtin_pdb_name(p->id.pdb_guid, p->id.pdb_age);
	if (!p->id.pdb_name[0] && name)
		take_pdb_name(p, name);
	return PSC_OK;
}

enum psc_status psc_symbol_profile_open(const char *spec, struct psc_symbol_search *search, uint32_t flags,
					struct psc_symbol_profile **ret, struct psc_error *reterr)
{
	if (!spec || !ret)
		return psc_fail(reterr, PSC_E_ARGUMENT, PSC_WHERE_NONE, 0,
				"psc_symbol_profile_open: spec and ret must not be NULL");
	struct psc_symbol_profile *p = (struct psc_symbol_profile *)calloc(1, sizeof(*p));
	if (!p)
		return psc_fail_no_memory(reterr);
	p->warnings.arena = &p->arena;
	enum psc_status r = load(p, spec, search, flags, reterr);
	if (r != PSC_OK) {
		psc_symbol_profile_close(p);
		return r;
	}
	describe(p);
	*ret = p;
	return PSC_OK;
}

void psc_symbol_profile_close(struct psc_symbol_profile *profile)
{
	if (!profile)
		return;
	psc_warnings_deinit(&profile->warnings);
	psc_arena_deinit(&profile->arena);
	free(profile);
}

const struct psc_symbol_profile_info *psc_symbol_profile_info(const struct psc_symbol_profile *profile)
{
	return &profile->info;
}

const struct psc_profile_symbol *psc_symbol_profile_symbols(const struct psc_symbol_profile *profile, size_t *ret_count)
{
	*ret_count = PSC_SYM_MAX;
	return profile->symbols;
}

const struct psc_profile_field *psc_symbol_profile_fields(const struct psc_symbol_profile *profile, size_t *ret_count)
{
	*ret_count = PSC_FIELD_MAX;
	return profile->fields;
}

const char *const *psc_symbol_profile_warnings(const struct psc_symbol_profile *profile, size_t *ret_count)
{
	*ret_count = profile->warnings.n;
	return profile->warnings.items;
}
