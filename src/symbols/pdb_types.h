/* SPDX-License-Identifier: MIT */
/* The type records of a PDB (reference symbols 3.6): by index, by name, and the members of a type. */
#ifndef PSC_SYMBOLS_PDB_TYPES_H
#define PSC_SYMBOLS_PDB_TYPES_H

#include "symbols/cv.h"
#include "symbols/pdb.h"

struct psc_pdb_types;

enum psc_pdb_type_kind {
	PSC_PDB_TYPE_OTHER = 0,
	PSC_PDB_TYPE_STRUCT,
	PSC_PDB_TYPE_CLASS,
	PSC_PDB_TYPE_INTERFACE,
	PSC_PDB_TYPE_UNION,
	PSC_PDB_TYPE_ENUM,
	PSC_PDB_TYPE_ARRAY,
	PSC_PDB_TYPE_POINTER,
	PSC_PDB_TYPE_BITFIELD,
	PSC_PDB_TYPE_MODIFIER,
};

struct psc_pdb_type {
	uint16_t leaf; /* LF_x, as in the file */
	enum psc_pdb_type_kind kind;
	bool is_forward;     /* declared only: no size, no members */
	uint16_t n_members;  /* as declared; 0 for other kinds */
	uint64_t size_bytes; /* of structures, unions, arrays, pointers; 0 for others */
	uint32_t fields;     /* index of the list of members; 0: none */
	uint32_t target;     /* element, target, underlying or base type */
	uint8_t bit_length, bit_position;
	struct psc_cv_name name, unique_name; /* unique_name.n 0: none */
};

enum psc_pdb_member_kind {
	PSC_PDB_MEMBER_OTHER = 0, /* methods, nested types and so on: nothing at an offset */
	PSC_PDB_MEMBER_DATA,      /* type, value: offset in bytes */
	PSC_PDB_MEMBER_BASE,      /* type, value: offset in bytes */
	PSC_PDB_MEMBER_ENUMERATE, /* value, sign-extended */
	PSC_PDB_MEMBER_STATIC,    /* type */
};

struct psc_pdb_member {
	uint16_t leaf;
	enum psc_pdb_member_kind kind;
	uint32_t type;
	uint64_t value;
	struct psc_cv_name name;
};

/* Loads the types on first use. PSC_E_NOT_FOUND: the file has none. Borrowed from the handle. */
enum psc_status psc_pdb_types(struct psc_pdb *pdb, const struct psc_pdb_types **ret, struct psc_error *reterr);
/* Indices [first, end) are in the file; smaller ones are simple types, which have no record. */
void psc_pdb_types_range(const struct psc_pdb_types *types, uint32_t *ret_first, uint32_t *ret_end);
/* false: no such record, or damaged. */
bool psc_pdb_type_get(const struct psc_pdb_types *types, uint32_t index, struct psc_pdb_type *ret);
/* The first definition of a structure, class or union (or an enumeration) of that name; 0: none. */
uint32_t psc_pdb_type_find(const struct psc_pdb_types *types, const char *name, size_t n, bool is_enum);
/* Its definition for a declaration, itself for all others; a declaration that is nowhere defined stays one. */
uint32_t psc_pdb_type_resolve(const struct psc_pdb_types *types, uint32_t index);
/* Bytes of a value; 0 for functions, for declarations that are nowhere defined and for what is damaged. */
uint64_t psc_pdb_type_size(const struct psc_pdb_types *types, uint32_t index);

/* Goes through a list of members and the lists that continue it. Set up with psc_pdb_members, then call next until it
 * returns false; failed then tells whether the end or damage was reached. */
struct psc_pdb_members {
	const struct psc_pdb_types *types;
	struct psc_cursor c;
	uint32_t continued; /* the list that follows; 0: none */
	uint32_t n_lists;
	bool failed;
};
struct psc_pdb_members psc_pdb_members(const struct psc_pdb_types *types, uint32_t fields);
bool psc_pdb_members_next(struct psc_pdb_members *it, struct psc_pdb_member *ret);

/* Bytes of a list of members; a failed cursor when the index is none. */
struct psc_cursor psc_pdb_type_list(const struct psc_pdb_types *types, uint32_t index);

#endif
