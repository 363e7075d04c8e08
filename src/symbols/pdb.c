/* SPDX-License-Identifier: MIT */
/* Opening a PDB, and what identifies it (reference symbols 3.1). */
#include "symbols/pdb_internal.h"

#include "symbols/cab.h"
#include "symbols/guid.h"
#include "util/checked.h"
#include "util/error.h"
#include "util/text.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INFO_BYTES        28u /* version, signature, age, GUID; named streams follow */
#define INFO_VERSION_VC70 20000404u
#define FEATURE_FASTLINK  0x494e494du /* "MINI" */
#define DBI_STRIPPED      2u
#define TPI_HEADER_BYTES  56u

/* Feature codes are the last words of the stream, behind a map of names whose size depends on its content. */
static bool is_fastlink(const struct psc_msf *msf)
{
	uint8_t code[4];
	uint32_t n = psc_msf_size(msf, PSC_PDB_STREAM_INFO);
	for (uint32_t i = 1; i <= 4 && n >= INFO_BYTES + 4 * i; i++)
		if (psc_msf_read(msf, PSC_PDB_STREAM_INFO, n - 4 * i, code, sizeof(code), NULL) == PSC_OK &&
		    psc_le32(code) == FEATURE_FASTLINK)
			return true;
	return false;
}

/* From the order of the file (three numbers) to the order of the text. */
static void format_guid(const uint8_t g[16], char buf[33])
{
	const uint8_t in_order[16] = {g[3], g[2], g[1],  g[0],  g[5],  g[4],  g[7],  g[6],
				      g[8], g[9], g[10], g[11], g[12], g[13], g[14], g[15]};
	psc_guid_format(in_order, true, buf);
}

static enum psc_status read_info(struct psc_pdb *pdb, struct psc_error *reterr)
{
	uint8_t h[INFO_BYTES];
	struct psc_pdb_identity *id = &pdb->identity;
	enum psc_status r = psc_msf_read(&pdb->msf, PSC_PDB_STREAM_INFO, 0, h, sizeof(h), reterr);
	if (r != PSC_OK)
		return psc_fail_prefix(reterr, r, "PDB identity");
	if (psc_le32(h) < INFO_VERSION_VC70)
		return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
				"a PDB of version %" PRIu32 ", of a linker before Visual C++ 7", psc_le32(h));
	id->info_age = psc_le32(h + 8);
	format_guid(h + 12, id->guid);
	id->is_fastlink = is_fastlink(&pdb->msf);
	return PSC_OK;
}

static enum psc_status read_headers(struct psc_pdb *pdb, struct psc_error *reterr)
{
	struct psc_pdb_identity *id = &pdb->identity;
	enum psc_status r = psc_msf_init(&pdb->msf, pdb->source, reterr);
	if (r == PSC_OK)
		r = read_info(pdb, reterr);
	if (r == PSC_OK)
		r = psc_pdb_read_dbi(&pdb->msf, &pdb->dbi, reterr);
	if (r != PSC_OK)
		return r;
	id->has_symbols = pdb->dbi.is_present;
	id->has_types = psc_msf_size(&pdb->msf, PSC_PDB_STREAM_TPI) > TPI_HEADER_BYTES;
	id->age = pdb->dbi.is_present ? pdb->dbi.age : id->info_age;
	id->machine = pdb->dbi.machine;
	id->is_stripped = pdb->dbi.is_present && (pdb->dbi.flags & DBI_STRIPPED);
	return PSC_OK;
}

/* A packed file is replaced by what it holds. */
static enum psc_status unpack(struct psc_pdb *pdb, struct psc_error *reterr)
{
	const struct psc_source_options opts = {.no_mmap = true, .max_unpacked_bytes = PSC_PDB_MAX_UNPACKED_BYTES};
	struct psc_source *inner = NULL;
	uint8_t head[PSC_CAB_MAGIC_BYTES];
	const char *kind = NULL;
	size_t n = 0;
	enum psc_status r = PSC_OK;
	if (psc_source_size(pdb->source) < sizeof(head))
		return PSC_OK;
	r = psc_source_read(pdb->source, 0, head, sizeof(head), reterr);
	if (r != PSC_OK || !(kind = psc_cab_probe(head, sizeof(head))))
		return r;
	r = psc_cab_unpack(pdb->source, PSC_PDB_MAX_UNPACKED_BYTES, &pdb->unpacked, &n, reterr);
	if (r == PSC_OK)
		r = psc_source_open_mem(pdb->unpacked, n, &opts, &inner, reterr);
	if (r != PSC_OK)
		return r;
	psc_source_close(pdb->source);
	pdb->source = inner;
	pdb->identity.compression = kind;
	return PSC_OK;
}

/* Takes over the result of opening the source. */
static enum psc_status open_source(enum psc_status opened, struct psc_source *source, const char *name,
				   struct psc_pdb **ret, struct psc_error *reterr)
{
	enum psc_status r = opened;
	struct psc_pdb *pdb = NULL;
	if (r == PSC_OK) {
		size_t n = strlen(name) + 1;
		pdb = calloc(1, sizeof(*pdb));
		if (!pdb || !(pdb->name = malloc(n))) {
			psc_source_close(source);
			free(pdb);
			return psc_fail_no_memory(reterr);
		}
		memcpy(pdb->name, name, n);
		pdb->source = source;
		pdb->identity.compression = psc_source_compression(source);
		if (psc_source_is_truncated(source))
			r = psc_fail(reterr, PSC_E_TRUNCATED, PSC_WHERE_NONE, 0, "the gzip data end too early");
	}
	if (r == PSC_OK)
		r = unpack(pdb, reterr);
	if (r == PSC_OK)
		r = read_headers(pdb, reterr);
	if (r == PSC_OK) {
		*ret = pdb;
		return PSC_OK;
	}
	psc_pdb_close(pdb);
	return psc_fail_prefix(reterr, r, "symbol file %s", psc_base_name(name));
}

enum psc_status psc_pdb_open_file(const char *path, struct psc_pdb **ret, struct psc_error *reterr)
{
	const struct psc_source_options opts = {.max_unpacked_bytes = PSC_PDB_MAX_UNPACKED_BYTES};
	struct psc_source *source = NULL;
	enum psc_status r = psc_source_open_file(path, &opts, &source, reterr);
	return open_source(r, source, path, ret, reterr);
}

enum psc_status psc_pdb_open_mem(const void *bytes, size_t n, const char *name, struct psc_pdb **ret,
				 struct psc_error *reterr)
{
	const struct psc_source_options opts = {.max_unpacked_bytes = PSC_PDB_MAX_UNPACKED_BYTES};
	struct psc_source *source = NULL;
	enum psc_status r = psc_source_open_mem(bytes, n, &opts, &source, reterr);
	return open_source(r, source, name, ret, reterr);
}

void psc_pdb_set_cancel(struct psc_pdb *pdb, const struct psc_cancel *cancel)
{
	pdb->cancel = cancel;
}

enum psc_status psc_pdb_fail_cancelled(struct psc_error *reterr)
{
	return psc_fail(reterr, PSC_E_CANCELLED, PSC_WHERE_NONE, 0, "cancelled while a symbol file was read");
}

void psc_pdb_close(struct psc_pdb *pdb)
{
	if (!pdb)
		return;
	psc_pdb_types_free(pdb->types);
	psc_pdb_addresses_free(pdb->addresses);
	psc_pdb_map_deinit(&pdb->map);
	psc_pdb_gsi_deinit(&pdb->publics);
	psc_pdb_gsi_deinit(&pdb->globals);
	free(pdb->modules.items);
	free(pdb->records);
	psc_msf_deinit(&pdb->msf);
	psc_source_close(pdb->source);
	free(pdb->unpacked);
	free(pdb->name);
	free(pdb);
}

const struct psc_pdb_identity *psc_pdb_identity(const struct psc_pdb *pdb)
{
	return &pdb->identity;
}

const char *psc_pdb_name(const struct psc_pdb *pdb)
{
	return pdb->name;
}

enum psc_status psc_pdb_check_identity(const struct psc_pdb *pdb, const struct psc_kernel_identity *id,
				       struct psc_warnings *warnings, struct psc_error *reterr)
{
	const struct psc_pdb_identity *own = &pdb->identity;
	const char *file = psc_base_name(pdb->name), *name = id->pdb_name[0] ? id->pdb_name : "PDB";
	uint8_t guid[16];
	char wanted[33];
	if (id->machine != PSC_MACHINE_UNKNOWN && own->machine != 0 && own->machine != (uint32_t)id->machine)
		return psc_fail(reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0,
				"symbol file %s: the file is for machine type 0x%x, the image for 0x%x", file,
				(unsigned)own->machine, (unsigned)id->machine);
	if (!psc_guid_parse(id->pdb_guid, guid)) {
		if (warnings)
			psc_warn(warnings,
				 "the PDB GUID of the image is not known: that the symbol file %s (%s) belongs to it "
				 "could not be checked",
				 file, own->guid);
		return PSC_OK;
	}
	psc_guid_format(guid, true, wanted);
	if (strcmp(wanted, own->guid) != 0)
		return psc_fail(reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0,
				"symbol file %s: the file is of %s, age %" PRIu32
				", the image is of %s %s, age %" PRIu32,
				file, own->guid, own->age, name, wanted, id->pdb_age);
	if (own->age != id->pdb_age && warnings)
		psc_warn(warnings,
			 "the symbol file %s has age %" PRIu32 ", the image names age %" PRIu32
			 "; it is used, because the GUID is the same",
			 file, own->age, id->pdb_age);
	return PSC_OK;
}
