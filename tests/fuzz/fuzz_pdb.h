/* SPDX-License-Identifier: MIT */
/* What the PDB fuzz targets share: a file around the streams under test, and every question that can be asked. */
#ifndef PSC_TESTS_FUZZ_PDB_H
#define PSC_TESTS_FUZZ_PDB_H

#include "symbols/pdb_internal.h"
#include "symbols/pdb_types.h"
#include <stdlib.h>
#include <string.h>

#define FUZZ_BLOCK     512u
#define FUZZ_STREAMS   16u
#define FUZZ_MAX_BYTES (256u << 10) /* of all streams */

struct fuzz_stream {
	const uint8_t *bytes;
	uint32_t n;
};

static inline void fuzz_put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* Superblock, free map twice, streams, directory, its list. To be freed. The directory takes at most four blocks. */
static inline uint8_t *fuzz_build(const struct fuzz_stream streams[FUZZ_STREAMS], size_t *ret_n)
{
	static const char magic[] = "Microsoft C/C++ MSF 7.00\r\n\x1a"
				    "DS\0\0";
	uint32_t n_blocks = 3, n_listed = 0;
	for (unsigned i = 0; i < FUZZ_STREAMS; i++)
		n_listed += (streams[i].n + FUZZ_BLOCK - 1) / FUZZ_BLOCK;
	uint32_t directory_bytes = 4 + 4 * FUZZ_STREAMS + 4 * n_listed;
	uint32_t n_directory = (directory_bytes + FUZZ_BLOCK - 1) / FUZZ_BLOCK;
	uint32_t total = n_blocks + n_listed + n_directory + 1;
	uint8_t *file = calloc(total, FUZZ_BLOCK);
	if (!file)
		abort();
	uint8_t *directory = file + (size_t)(n_blocks + n_listed) * FUZZ_BLOCK,
		*list = directory + 4 + 4 * FUZZ_STREAMS;
	fuzz_put32(directory, FUZZ_STREAMS);
	for (unsigned i = 0; i < FUZZ_STREAMS; i++) {
		fuzz_put32(directory + 4 + 4 * (size_t)i, streams[i].n);
		if (streams[i].n > 0)
			memcpy(file + (size_t)n_blocks * FUZZ_BLOCK, streams[i].bytes, streams[i].n);
		for (uint32_t done = 0; done < streams[i].n; done += FUZZ_BLOCK, list += 4)
			fuzz_put32(list, n_blocks++);
	}
	memcpy(file, magic, sizeof(magic));
	fuzz_put32(file + 0x20, FUZZ_BLOCK);
	fuzz_put32(file + 0x24, 1);
	fuzz_put32(file + 0x28, total);
	fuzz_put32(file + 0x2c, directory_bytes);
	fuzz_put32(file + 0x34, total - 1);
	for (uint32_t i = 0; i < n_directory; i++)
		fuzz_put32(file + (size_t)(total - 1) * FUZZ_BLOCK + 4 * (size_t)i, n_blocks + i);
	*ret_n = (size_t)total * FUZZ_BLOCK;
	return file;
}

static inline void fuzz_check_field(const struct psc_field *f)
{
	if (f->origin == PSC_ORIGIN_NONE)
		return;
	if (f->struct_size != 0 && (uint64_t)f->offset + f->size_bytes > f->struct_size)
		abort();
	if (f->bit_position + f->bit_length > 64)
		abort();
}

static inline void fuzz_ask_profile(struct psc_pdb *pdb, const char *guid)
{
	struct psc_arena arena = PSC_ARENA_INIT;
	struct psc_warnings warnings = {.arena = &arena};
	struct psc_kernel_identity id = {.pdb_age = 1};
	struct psc_profile profile, empty;
	struct psc_error err;
	memset(&profile, 0, sizeof(profile));
	memset(&empty, 0, sizeof(empty));
	strcpy(id.pdb_guid, guid);
	if (psc_pdb_load_profile(pdb, &id, &profile, &arena, &warnings, &err) == PSC_OK) {
		for (int i = 0; i < PSC_FIELD_MAX; i++)
			fuzz_check_field(&profile.fields[i]);
		for (int i = 0; i < PSC_SYM_MAX; i++)
			if (profile.symbols[i].origin != PSC_ORIGIN_NONE && profile.symbols[i].rva == 0)
				abort();
	} else if (memcmp(&profile, &empty, sizeof(profile)) != 0) {
		abort();
	}
	psc_warnings_deinit(&warnings);
	psc_arena_deinit(&arena);
}

static inline void fuzz_ask_symbols(struct psc_pdb *pdb)
{
	static const char *const names[] = {"PoolTrackTable", "f", "_x", "Twice", "?x@@3HA", ""};
	struct psc_error err;
	uint32_t rva;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		psc_pdb_symbol_rva(pdb, names[i], &rva, &err);
	for (uint32_t at = 0; at < 0x8000; at += 0x3fd) {
		struct psc_pdb_symbol s;
		if (psc_pdb_symbol_at(pdb, at, &s, &err) != PSC_OK)
			continue;
		if (s.rva > at || s.name[0] == '\0' || strlen(s.name) > 0xffff)
			abort();
	}
}

static inline void fuzz_ask_types(struct psc_pdb *pdb)
{
	const struct psc_pdb_types *types;
	struct psc_error err;
	uint32_t first, end;
	if (psc_pdb_types(pdb, &types, &err) != PSC_OK)
		return;
	psc_pdb_types_range(types, &first, &end);
	if (end - first > 2000)
		end = first + 2000;
	for (uint32_t i = first; i < end; i++) {
		struct psc_pdb_type type;
		struct psc_pdb_member m;
		unsigned n = 0;
		psc_pdb_type_size(types, i);
		if (!psc_pdb_type_get(types, i, &type))
			continue;
		struct psc_pdb_members it = psc_pdb_members(types, type.fields);
		while (n++ < 1000 && psc_pdb_members_next(&it, &m))
			;
	}
}

/* Opens it and asks everything. */
static inline void fuzz_ask(const uint8_t *bytes, size_t n)
{
	struct psc_pdb *pdb = NULL;
	struct psc_error err = {.text = ""};
	if (psc_pdb_open_mem(bytes, n, "fuzz.pdb", &pdb, &err) != PSC_OK) {
		if (err.text[0] == '\0' || strchr(err.text, '\n'))
			abort();
		return;
	}
	fuzz_ask_profile(pdb, "");
	fuzz_ask_profile(pdb, "13121110151417161819"
			      "1A1B1C1D1E1F");
	fuzz_ask_symbols(pdb);
	fuzz_ask_types(pdb);
	psc_pdb_close(pdb);
}

/* An identity stream. */
static const uint8_t fuzz_info[32] = {0x94, 0x2e, 0x31, 0x01, 0,    0,    0,    0,    1,    0,
				      0,    0,    0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
				      0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f};

#endif
