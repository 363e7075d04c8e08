/* SPDX-License-Identifier: MIT */
/* Volatility 3 symbol tables ("intermediate symbol format"; reference symbols.md 6). Nothing of a file reaches the
 * profile unless all that was wanted from it could be read. */
#include "symbols/isf_types.h"

#include "io/source.h"
#include "symbols/guid.h"
#include "symbols/isf_text.h"
#include "util/error.h"
#include "util/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wanted {
	const char *name;
	enum psc_sym sym;
};

static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static enum psc_status refuse(struct psc_error *reterr, const struct psc_kernel_identity *id, const char *is)
{
	return psc_fail(reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0, "the file is %s, the kernel is %s %s, age %u", is,
			id->pdb_name[0] ? id->pdb_name : "PDB", id->pdb_guid, (unsigned)id->pdb_age);
}

/* The file must name the kernel's own PDB, if that is known. */
static enum psc_status check_identity(const cJSON *root, const struct psc_kernel_identity *id,
				      struct psc_warnings *warnings, struct psc_error *reterr)
{
	const cJSON *pdb = member(member(member(root, "metadata"), "windows"), "pdb");
	const cJSON *guid_node = member(pdb, "GUID"), *age_node = member(pdb, "age");
	uint8_t guid[16], kernel_guid[16];
	char guid_text[33], is[64];
	uint32_t age = 0, machine = id->machine;
	enum psc_status r = psc_isf_u32(member(pdb, "machine_type"), "machine_type", &machine, reterr);
	if (r == PSC_OK)
		r = psc_isf_u32(age_node, "the age", &age, reterr);
	if (r != PSC_OK)
		return r;
	if (id->machine != PSC_MACHINE_UNKNOWN && machine != (uint32_t)id->machine)
		return psc_fail(reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0,
				"the file is for machine type 0x%x, the kernel for 0x%x", (unsigned)machine,
				(unsigned)id->machine);
	bool has_guid = cJSON_IsString(guid_node) && psc_guid_parse(guid_node->valuestring, guid);
	if (!psc_guid_parse(id->pdb_guid, kernel_guid)) {
		if (warnings)
			psc_warn(warnings,
				 "the kernel's PDB GUID is not known: that the symbol file %s belongs to it could not "
				 "be "
				 "checked",
				 has_guid ? psc_guid_format(guid, true, guid_text) : "given");
		return PSC_OK;
	}
	if (!has_guid)
		return refuse(reterr, id, "of an unnamed PDB");
	if (memcmp(guid, kernel_guid, sizeof(guid)) == 0 && age_node && age == id->pdb_age)
		return PSC_OK;
	psc_guid_format(guid, true, guid_text);
	if (age_node)
		snprintf(is, sizeof(is), "of %s, age %u", guid_text, (unsigned)age);
	else
		snprintf(is, sizeof(is), "of %s, age not said", guid_text);
	return refuse(reterr, id, is);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct wanted *)a)->name, ((const struct wanted *)b)->name);
}

static const struct wanted *find_wanted(const struct wanted *list, const char *name)
{
	struct wanted key = {name, PSC_SYM_MAX};
	return (const struct wanted *)bsearch(&key, list, PSC_SYM_MAX, sizeof(*list), by_name);
}

static enum psc_status take_symbol(const cJSON *node, enum psc_sym s, struct psc_profile *p, struct psc_error *reterr)
{
	uint32_t rva = 0;
	if (p->symbols[s].origin != PSC_ORIGIN_NONE)
		return PSC_OK;
	enum psc_status r = psc_isf_u32(member(node, "address"), "the address", &rva, reterr);
	if (r != PSC_OK)
		return psc_fail_prefix(reterr, r, "symbol %s", psc_sym_name(s));
	if (rva != 0) {
		p->symbols[s].origin = PSC_ORIGIN_ISF;
		p->symbols[s].rva = rva;
	}
	return PSC_OK;
}

/* One pass over all symbols; a second one on x86 for names that kept the underscore of C. */
static enum psc_status take_symbols(const cJSON *root, bool is_x86, struct psc_profile *p, struct psc_error *reterr)
{
	struct wanted list[PSC_SYM_MAX];
	const cJSON *all = member(root, "symbols"), *node;
	for (int i = 0; i < PSC_SYM_MAX; i++) {
		list[i].sym = (enum psc_sym)i;
		list[i].name = psc_sym_name(list[i].sym);
	}
	qsort(list, PSC_SYM_MAX, sizeof(list[0]), by_name);
	for (int decorated = 0; decorated <= (is_x86 ? 1 : 0); decorated++) {
		cJSON_ArrayForEach(node, all)
		{
			if (!node->string || (decorated && node->string[0] != '_'))
				continue;
			const struct wanted *w = find_wanted(list, node->string + decorated);
			enum psc_status r = w ? take_symbol(node, w->sym, p, reterr) : PSC_OK;
			if (r != PSC_OK)
				return r;
		}
	}
	return PSC_OK;
}

static enum psc_status take_fields(const cJSON *root, struct psc_profile *p, struct psc_error *reterr)
{
	struct psc_isf_types types;
	enum psc_status r = psc_isf_types_init(&types, root, reterr);
	for (int f = 0; r == PSC_OK && f < PSC_FIELD_MAX; f++)
		r = psc_isf_types_field(&types, (enum psc_field_id)f, &p->fields[f], reterr);
	psc_isf_types_deinit(&types);
	return r;
}

static enum psc_status parse(const char *text, size_t n, cJSON **ret, struct psc_error *reterr)
{
	const char *end = text;
	enum psc_status r = psc_isf_check_text(text, n, reterr);
	if (r != PSC_OK)
		return r;
	*ret = cJSON_ParseWithLengthOpts(text, n, &end, 0);
	if (!*ret)
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_FILE_OFFSET, (uint64_t)(end - text),
				"the JSON text is not well formed");
	for (; end < text + n; end++)
		if (!strchr(" \t\r\n", *end) || *end == '\0')
			return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_FILE_OFFSET, (uint64_t)(end - text),
					"something follows the JSON text");
	return PSC_OK;
}

/* What is to be done with a file. */
struct job {
	const char *name;
	struct psc_isf_identity *identity; /* not NULL: only this is wanted */
	const struct psc_kernel_identity *id;
	struct psc_profile *profile;
	struct psc_arena *arena;
	struct psc_warnings *warnings;
};

static enum psc_status read_identity(const cJSON *root, struct psc_isf_identity *ret, struct psc_error *reterr)
{
	const cJSON *pdb = member(member(member(root, "metadata"), "windows"), "pdb");
	const cJSON *guid = member(pdb, "GUID"), *name = member(pdb, "database");
	uint8_t bytes[16];
	memset(ret, 0, sizeof(*ret));
	enum psc_status r = psc_isf_u32(member(pdb, "machine_type"), "machine_type", &ret->machine, reterr);
	if (r == PSC_OK)
		r = psc_isf_u32(member(pdb, "age"), "the age", &ret->age, reterr);
	if (r != PSC_OK)
		return r;
	if (!cJSON_IsString(guid) || !psc_guid_parse(guid->valuestring, bytes))
		return psc_fail(reterr, PSC_E_FORMAT, PSC_WHERE_NONE, 0,
				"it does not say which PDB it was made of (metadata.windows.pdb.GUID)");
	psc_guid_format(bytes, true, ret->guid);
	if (cJSON_IsString(name) && strlen(name->valuestring) < sizeof(ret->pdb_name))
		memcpy(ret->pdb_name, name->valuestring, strlen(name->valuestring) + 1);
	return PSC_OK;
}

static enum psc_status load_profile(const cJSON *root, const struct job *job, struct psc_error *reterr)
{
	struct psc_profile read;
	memset(&read, 0, sizeof(read));
	enum psc_status r = check_identity(root, job->id, job->warnings, reterr);
	if (r == PSC_OK)
		r = take_symbols(root, job->id->machine == PSC_MACHINE_X86, &read, reterr);
	if (r == PSC_OK)
		r = take_fields(root, &read, reterr);
	if (r != PSC_OK)
		return r;
	char *path = psc_arena_strdup(job->arena, job->name);
	if (!path)
		return psc_fail_no_memory(reterr);
	if (psc_profile_merge(job->profile, &read) == 0)
		psc_warn(job->warnings, "the symbol file %s adds nothing that poolscope uses",
			 psc_base_name(job->name));
	job->profile->isf_path = path;
	return PSC_OK;
}

static enum psc_status load_text(const char *text, size_t n, const struct job *job, struct psc_error *reterr)
{
	cJSON *root = NULL;
	enum psc_status r = parse(text, n, &root, reterr);
	if (r == PSC_OK && !member(root, "symbols") && !member(root, "user_types"))
		r = psc_fail(reterr, PSC_E_FORMAT, PSC_WHERE_NONE, 0, "JSON, but not an ISF file: no symbols or types");
	if (r == PSC_OK)
		r = job->identity ? read_identity(root, job->identity, reterr) : load_profile(root, job, reterr);
	cJSON_Delete(root);
	return r;
}

/* JSON or xz. */
static enum psc_status load_bytes(const uint8_t *bytes, size_t n, const struct job *job, struct psc_error *reterr)
{
	uint8_t *unpacked = NULL;
	enum psc_status r = PSC_OK;
	if (n >= 3 && memcmp(bytes, "BZh", 3) == 0)
		return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
				"packed with bzip2: unpack the file with bunzip2 first");
	if (psc_isf_is_xz(bytes, n)) {
		r = psc_isf_unpack_xz(bytes, n, &unpacked, &n, reterr);
		bytes = unpacked;
	}
	if (r == PSC_OK && n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
		bytes += 3;
		n -= 3;
	}
	if (r == PSC_OK)
		r = load_text((const char *)bytes, n, job, reterr);
	free(unpacked);
	return r;
}

static enum psc_status load_source(const struct psc_source *source, const struct job *job, struct psc_error *reterr)
{
	uint64_t n = psc_source_size(source);
	uint8_t *copy = NULL;
	if (psc_source_is_truncated(source))
		return psc_fail(reterr, PSC_E_TRUNCATED, PSC_WHERE_NONE, 0, "the gzip data end too early");
	if (n > PSC_ISF_MAX_BYTES)
		return psc_fail(reterr, PSC_E_LIMIT, PSC_WHERE_NONE, 0, "larger than %u MiB",
				(unsigned)(PSC_ISF_MAX_BYTES >> 20));
	const uint8_t *bytes = psc_source_view(source, 0, n);
	if (!bytes) {
		copy = malloc(n ? (size_t)n : 1);
		if (!copy)
			return psc_fail_no_memory(reterr);
		enum psc_status r = psc_source_read(source, 0, copy, (size_t)n, reterr);
		if (r != PSC_OK) {
			free(copy);
			return r;
		}
		bytes = copy;
	}
	enum psc_status r = load_bytes(bytes, (size_t)n, job, reterr);
	free(copy);
	return r;
}

/* Takes over the result of opening the source. */
static enum psc_status load_opened(enum psc_status opened, struct psc_source *source, const struct job *job,
				   struct psc_error *reterr)
{
	enum psc_status r = opened;
	if (r == PSC_OK)
		r = load_source(source, job, reterr);
	psc_source_close(source);
	return r == PSC_OK ? r : psc_fail_prefix(reterr, r, "symbol file %s", psc_base_name(job->name));
}

static enum psc_status load_file(const struct job *job, struct psc_error *reterr)
{
	const struct psc_source_options opts = {.no_mmap = true, .max_unpacked_bytes = PSC_ISF_MAX_BYTES};
	struct psc_source *source = NULL;
	enum psc_status r = psc_source_open_file(job->name, &opts, &source, reterr);
	return load_opened(r, source, job, reterr);
}

enum psc_status psc_isf_load_file(const char *path, const struct psc_kernel_identity *id, struct psc_profile *profile,
				  struct psc_arena *arena, struct psc_warnings *warnings, struct psc_error *reterr)
{
	const struct job job = {path, NULL, id, profile, arena, warnings};
	return load_file(&job, reterr);
}

enum psc_status psc_isf_read_identity(const char *path, struct psc_isf_identity *ret, struct psc_error *reterr)
{
	const struct job job = {path, ret, NULL, NULL, NULL, NULL};
	return load_file(&job, reterr);
}

enum psc_status psc_isf_load_mem(const void *bytes, size_t n, const char *name, const struct psc_kernel_identity *id,
				 struct psc_profile *profile, struct psc_arena *arena, struct psc_warnings *warnings,
				 struct psc_error *reterr)
{
	const struct psc_source_options opts = {.no_mmap = true, .max_unpacked_bytes = PSC_ISF_MAX_BYTES};
	const struct job job = {name, NULL, id, profile, arena, warnings};
	struct psc_source *source = NULL;
	enum psc_status r = psc_source_open_mem(bytes, n, &opts, &source, reterr);
	return load_opened(r, source, &job, reterr);
}
