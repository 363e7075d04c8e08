/* SPDX-License-Identifier: MIT */
/* Program databases (PDB 7.0), as linkers write them and symbol servers send them: identity, symbols, structure
 * layouts. Read on demand: opening reads the directory and two headers, everything else is read when it is first asked
 * for. One handle belongs to one thread at a time. Facts: reference symbols 2 to 5. */
#ifndef PSC_SYMBOLS_PDB_H
#define PSC_SYMBOLS_PDB_H

#include "symbols/profile.h"

struct psc_pdb;
struct psc_cancel;

/* path: a PDB, or a packed (.pd_) or gzip file that holds one; these two are unpacked into memory (at most
 * PSC_PDB_MAX_UNPACKED_BYTES). PSC_E_FORMAT: no PDB. PSC_E_UNSUPPORTED: an old or a .NET kind of PDB, or packed in a
 * way that this build does not unpack. PSC_E_CORRUPT, PSC_E_TRUNCATED, PSC_E_LIMIT, PSC_E_OS. Error texts name the
 * file. */
enum psc_status psc_pdb_open_file(const char *path, struct psc_pdb **ret, struct psc_error *reterr);
/* bytes are borrowed and must outlive the handle. name stands for the path. */
enum psc_status psc_pdb_open_mem(const void *bytes, size_t n, const char *name, struct psc_pdb **ret,
				 struct psc_error *reterr);
void psc_pdb_close(struct psc_pdb *pdb); /* NULL allowed */
/* From now on what reads the whole file may end with PSC_E_CANCELLED. Borrowed; NULL: never. */
void psc_pdb_set_cancel(struct psc_pdb *pdb, const struct psc_cancel *cancel);

#define PSC_PDB_MAX_UNPACKED_BYTES (UINT64_C(512) << 20)

struct psc_pdb_identity {
	char guid[33];           /* upper case, in the order of symbol stores, as in psc_kernel_identity */
	uint32_t age;            /* the one that images name (RSDS): that of DBI if there is one, else info_age */
	uint32_t info_age;       /* grows when a tool touches the file */
	uint32_t machine;        /* IMAGE_FILE_MACHINE_x; 0 when the file does not say */
	bool has_symbols;        /* false: DBI is absent, no addresses can be had from this file */
	bool has_types;          /* false: no type records */
	bool is_fastlink;        /* made with /DEBUG:FASTLINK: most of it is in object files elsewhere */
	bool is_stripped;        /* private symbols were removed: publics only */
	const char *compression; /* "cab", "szdd", "gzip" or NULL */
};

/* Borrowed from the handle. */
const struct psc_pdb_identity *psc_pdb_identity(const struct psc_pdb *pdb);
/* The path it was opened with. Borrowed from the handle. */
const char *psc_pdb_name(const struct psc_pdb *pdb);

/* Does the file belong to id? PSC_E_NOT_FOUND, with both identities in the text, if machine or GUID differ. A different
 * age, and an id without GUID, is a warning (warnings may be NULL). */
enum psc_status psc_pdb_check_identity(const struct psc_pdb *pdb, const struct psc_kernel_identity *id,
				       struct psc_warnings *warnings, struct psc_error *reterr);

/* Merge every symbol and field of names.h that the PDB has into the profile, after psc_pdb_check_identity. Entries of
 * lower precedence are replaced, higher kept; on failure the profile is left alone. Texts go to the arena. */
enum psc_status psc_pdb_load_profile(struct psc_pdb *pdb, const struct psc_kernel_identity *id,
				     struct psc_profile *profile, struct psc_arena *arena,
				     struct psc_warnings *warnings, struct psc_error *reterr);

struct psc_pdb_symbol {
	const char *name;    /* undecorated where C decorates (x86); C++ names of public symbols stay as they are.
			      * Borrowed from the handle */
	uint32_t rva;        /* of the symbol; at or below the address asked for, in the same section */
	uint32_t size_bytes; /* of a private function; 0 when not known */
	bool is_function;    /* known to be code */
	bool is_private;     /* from a module's own symbols, not a public name */
	bool is_far; /* further than PSC_PDB_FAR_BYTES below, or behind the function's end: the address may belong to
		      * something that has no symbol */
};
#define PSC_PDB_FAR_BYTES 0x10000u

/* The symbol at or nearest below an RVA. Of several at one address: private before public, functions before data, the
 * shortest name. The first call builds the table of addresses. PSC_E_NOT_FOUND: there is none. Other errors: the
 * symbols cannot be read at all; what can be read of damaged ones is used. */
enum psc_status psc_pdb_symbol_at(struct psc_pdb *pdb, uint32_t rva, struct psc_pdb_symbol *ret,
				  struct psc_error *reterr);

/* The RVA of a symbol by name: public, then global, then file-static ones (these only if one address has the name).
 * On x86 the decorations of C need not be given; a C++ variable in no namespace may be given by its plain name.
 * PSC_E_NOT_FOUND: there is none, or it has no address in the image. */
enum psc_status psc_pdb_symbol_rva(struct psc_pdb *pdb, const char *name, uint32_t *ret_rva, struct psc_error *reterr);

/* The field of a structure, union or class; also one of its unnamed members', if only one place has that name. field ""
 * asks for the structure's size. ret->origin is PSC_ORIGIN_PDB, or PSC_ORIGIN_NONE when the file does not have it,
 * which is no error. PSC_E_CORRUPT: the layout contradicts itself. */
enum psc_status psc_pdb_type_field(struct psc_pdb *pdb, const char *struct_name, const char *field,
				   struct psc_field *ret, struct psc_error *reterr);

#endif
