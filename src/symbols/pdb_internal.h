/* SPDX-License-Identifier: MIT */
/* What the parts of the PDB reader know of each other. */
#ifndef PSC_SYMBOLS_PDB_INTERNAL_H
#define PSC_SYMBOLS_PDB_INTERNAL_H

#include "symbols/cv.h"
#include "symbols/msf.h"
#include "symbols/pdb.h"
#include "util/cancel.h"

/* Fixed stream numbers. */
#define PSC_PDB_STREAM_INFO 1u
#define PSC_PDB_STREAM_TPI  2u
#define PSC_PDB_STREAM_DBI  3u

/* Header of the debug information stream, and where its parts are in the stream. */
struct psc_pdb_dbi {
	bool is_present;
	uint16_t gsi_stream, psgsi_stream, record_stream, machine, flags;
	uint32_t age;
	uint32_t modules_off, modules_bytes;
	uint16_t omap_from_stream, sections_stream, original_sections_stream; /* PSC_MSF_NO_STREAM: none */
};

struct psc_pdb_section {
	uint32_t rva, size_bytes; /* the larger of size in memory and in the file */
};

/* Everything that turns segment:offset into an address. */
struct psc_pdb_map {
	bool is_loaded;
	struct psc_pdb_section *sections; /* of the image */
	struct psc_pdb_section *original; /* before the image was reordered, what symbols refer to; NULL: the same */
	uint32_t n_sections, n_original;
	uint8_t *omap; /* {u32 from, u32 to}, by from; NULL: the image was not reordered */
	uint32_t n_omap;
};

/* Hash table over records of the symbol record stream: public or global names. */
struct psc_pdb_gsi {
	bool is_loaded, is_valid;
	uint8_t *bytes;         /* the stream */
	const uint8_t *records; /* {u32 offset + 1, u32 references} */
	const uint8_t *bitmap;  /* which buckets are not empty */
	const uint8_t *buckets; /* u32: 12 * index of the bucket's first record */
	uint32_t n_records, n_buckets;
};

struct psc_pdb_modules {
	bool is_loaded;
	struct psc_pdb_module {
		uint16_t stream;       /* PSC_MSF_NO_STREAM: the module has no symbols here */
		uint32_t symbol_bytes; /* at the start of the stream, with the signature */
	} * items;
	size_t n, cap;
};

struct psc_pdb_types;
struct psc_pdb_addresses;

struct psc_pdb {
	struct psc_source *source; /* owned: the file, or what it unpacked to */
	uint8_t *unpacked;         /* owned memory behind source, or NULL */
	char *name;
	struct psc_msf msf;
	struct psc_pdb_identity identity;
	struct psc_pdb_dbi dbi;
	struct psc_pdb_map map;
	struct psc_pdb_modules modules;
	struct psc_pdb_gsi publics, globals;
	uint8_t *records; /* the symbol record stream, when something needed all of it */
	uint32_t records_bytes;
	struct psc_pdb_types *types;
	struct psc_pdb_addresses *addresses;
	const struct psc_cancel *cancel; /* NULL: never; borrowed */
};

/* Loops over records look once for so many. */
#define PSC_PDB_CANCEL_RECORDS 16384u
enum psc_status psc_pdb_fail_cancelled(struct psc_error *reterr);

/* pdb_dbi.c: header only. An absent stream is no error. */
enum psc_status psc_pdb_read_dbi(const struct psc_msf *msf, struct psc_pdb_dbi *ret, struct psc_error *reterr);
enum psc_status psc_pdb_modules_load(struct psc_pdb *pdb, struct psc_error *reterr);

/* pdb_map.c. load: PSC_E_NOT_FOUND when the file has no section headers. */
enum psc_status psc_pdb_map_load(struct psc_pdb *pdb, struct psc_error *reterr);
void psc_pdb_map_deinit(struct psc_pdb_map *map);
/* false: no address (absolute, unknown segment, or removed from the image). */
bool psc_pdb_map_rva(const struct psc_pdb_map *map, uint16_t segment, uint32_t off, uint32_t *ret);
/* The section of the image that rva belongs to, as a range; the last one ends with its last page. */
bool psc_pdb_map_section(const struct psc_pdb_map *map, uint32_t rva, uint32_t *ret_lo, uint64_t *ret_hi);

/* pdb_gsi.c. Loads both tables; a missing or damaged one gets is_valid false, which is no error. */
enum psc_status psc_pdb_gsi_load(struct psc_pdb *pdb, struct psc_error *reterr);
void psc_pdb_gsi_deinit(struct psc_pdb_gsi *gsi);
/* Called for each symbol until it returns false. What it is given is valid during the call. */
typedef bool psc_pdb_visit(void *arg, const struct psc_cv_symbol *symbol);
/* All records of a valid table whose name is exactly this. */
enum psc_status psc_pdb_gsi_find(struct psc_pdb *pdb, const struct psc_pdb_gsi *gsi, const char *name,
				 psc_pdb_visit *visit, void *arg, struct psc_error *reterr);

/* pdb_walk.c: every public and global symbol that is in force, in the order of the file: those that the hash tables
 * name, or all where a table is damaged. */
enum psc_status psc_pdb_walk_records(struct psc_pdb *pdb, psc_pdb_visit *visit, void *arg, struct psc_error *reterr);
/* Every symbol of every module, those inside functions too. What is damaged is left out. */
enum psc_status psc_pdb_walk_modules(struct psc_pdb *pdb, psc_pdb_visit *visit, void *arg, struct psc_error *reterr);
/* The procedure that a reference names; false when it is not there. buf: PSC_CV_RECORD_MAX bytes, keeps the name. */
#define PSC_CV_RECORD_MAX 0xffffu
bool psc_pdb_read_proc(struct psc_pdb *pdb, const struct psc_cv_symbol *ref, uint8_t *buf, struct psc_cv_symbol *ret);
/* The record at an offset of a stream, into buf. */
enum psc_status psc_pdb_read_symbol(const struct psc_pdb *pdb, uint32_t stream, uint32_t off, uint8_t *buf,
				    struct psc_cv_symbol *ret, struct psc_error *reterr);

/* pdb_names.c: what the source called a symbol that C decorates: _name, _name@8 and @name@8 (x86), name@@16. Others
 * stay as they are. */
struct psc_cv_name psc_pdb_plain_name(uint16_t machine, const struct psc_cv_name *name);

/* pdb_symbols.c: one name looked for, and what was found. */
struct psc_pdb_wanted {
	const char *name;
	uint32_t rva;
	uint8_t rank; /* 0: nothing found; higher wins */
	bool is_ambiguous;
};
/* Looks for all at once. The order of items changes. */
enum psc_status psc_pdb_find_symbols(struct psc_pdb *pdb, struct psc_pdb_wanted *items, size_t n,
				     struct psc_error *reterr);

/* pdb_address.c */
void psc_pdb_addresses_free(struct psc_pdb_addresses *a);
/* pdb_types.c */
void psc_pdb_types_free(struct psc_pdb_types *types);

#endif
