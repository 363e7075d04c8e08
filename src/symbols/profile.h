/* SPDX-License-Identifier: MIT */
/* What is known of one kernel build: RVAs of symbols and offsets of structure fields, each with its origin.
 * Precedence (reference symbols.md section 10): PDB, ISF, built in by GUID, built in by build range. */
#ifndef PSC_SYMBOLS_PROFILE_H
#define PSC_SYMBOLS_PROFILE_H

#include "symbols/names.h"
#include "util/arena.h"
#include "util/log.h"
#include <poolscope/dump.h>

enum psc_sym {
#define X(name) PSC_SYM_##name,
	PSC_SYMBOL_LIST(X)
#undef X
		PSC_SYM_MAX
};

enum psc_field_id {
#define X(type, field) PSC_FIELD_##type##_##field,
	PSC_FIELD_LIST(X)
#undef X
		PSC_FIELD_MAX
};

enum psc_origin {
	PSC_ORIGIN_NONE = 0, /* not known */
	PSC_ORIGIN_INFERRED,
	PSC_ORIGIN_BUILTIN_RANGE, /* layout of the build range: fields only */
	PSC_ORIGIN_HEADER,        /* a pointer in the dump's header */
	PSC_ORIGIN_EXPORT,        /* the export table of the kernel image in memory */
	PSC_ORIGIN_KDBG,          /* from the dump's own debugger data block */
	PSC_ORIGIN_BUILTIN,       /* this very kernel, by GUID and age */
	PSC_ORIGIN_ISF,
	PSC_ORIGIN_PDB,
};
const char *psc_origin_name(enum psc_origin origin); /* "isf", "builtin", ... */

struct psc_field {
	enum psc_origin origin;
	uint32_t offset;                  /* bytes from the structure's start */
	uint32_t size_bytes;              /* of the field's storage; 0 when not known */
	uint32_t struct_size;             /* 0 when not known */
	uint8_t bit_position, bit_length; /* bit_length 0: not a bit field */
};

struct psc_profile {
	enum psc_machine machine;
	struct {
		enum psc_origin origin;
		uint32_t rva;
	} symbols[PSC_SYM_MAX];
	struct psc_field fields[PSC_FIELD_MAX];
	const char *isf_path;        /* in the arena; NULL */
	const char *pdb_path;        /* the same */
	const char *builtin_version; /* "10.0.19041.804" of the GUID row, or NULL */
	const char *builtin_range;   /* text of the range used for fields, or NULL */
};

const char *psc_sym_name(enum psc_sym s);
const char *psc_field_name(enum psc_field_id f,
			   const char **ret_struct); /* "_POOL_HEADER" with underscore in *ret_struct */

/* Takes over what is known in from and has the same or higher precedence. Returns the number of entries taken. */
unsigned psc_profile_merge(struct psc_profile *profile, const struct psc_profile *from);

static inline bool psc_profile_has_sym(const struct psc_profile *p, enum psc_sym s)
{
	return p->symbols[s].origin != PSC_ORIGIN_NONE;
}

/* NULL when the field is not known. */
static inline const struct psc_field *psc_profile_field(const struct psc_profile *p, enum psc_field_id f)
{
	return p->fields[f].origin != PSC_ORIGIN_NONE ? &p->fields[f] : NULL;
}

/* Identity of a kernel as far as the dump shows it. */
struct psc_kernel_identity {
	enum psc_machine machine;
	uint32_t build;        /* MinorVersion */
	uint32_t major, minor; /* NT version: 5.1, 5.2, 6.0 .. 10.0; derived from build */
	char pdb_name[64];
	char pdb_guid[33]; /* "" when not known */
	uint32_t pdb_age;
	uint32_t time_date_stamp, size_of_image;
	bool pae;
};

/* Merge an ISF into the profile. Refuses (PSC_E_NOT_FOUND, text names both identities) a file whose GUID or age differ
 * from id's when id has a GUID; an ISF for a kernel without a known GUID is accepted with a warning. Fields and symbols
 * of lower precedence are replaced, higher kept. PSC_E_CORRUPT, PSC_E_LIMIT (file above 256 MiB unpacked), PSC_E_OS. */
enum psc_status psc_isf_load_file(const char *path, const struct psc_kernel_identity *id, struct psc_profile *profile,
				  struct psc_arena *arena, struct psc_warnings *warnings, struct psc_error *reterr);
/* The same from memory (plain JSON, gzip or xz). */
enum psc_status psc_isf_load_mem(const void *bytes, size_t n, const char *name, const struct psc_kernel_identity *id,
				 struct psc_profile *profile, struct psc_arena *arena, struct psc_warnings *warnings,
				 struct psc_error *reterr);

/* Which PDB an ISF file was made of. */
struct psc_isf_identity {
	char pdb_name[256]; /* as the file has it, not checked; "" when it does not say */
	char guid[33];      /* upper case */
	uint32_t age;
	uint32_t machine; /* IMAGE_FILE_MACHINE_x; 0 when the file does not say */
};
/* PSC_E_FORMAT when it does not say; else as psc_isf_load_file. */
enum psc_status psc_isf_read_identity(const char *path, struct psc_isf_identity *ret, struct psc_error *reterr);

/* Built-in tables. Symbols: only the row of exactly this GUID and age. Fields: by architecture and build range (exact
 * revision when known, else only rows that hold for every listed revision of the build). */
void psc_builtin_load(const struct psc_kernel_identity *id, const char *version_hint, struct psc_profile *profile);

/* The file name of the PDB of a kernel in the tables; NULL for others. Static storage. */
const char *psc_builtin_pdb_name(const char *guid, uint32_t age);

/* Build list: time stamp and image size of a kernel file -> "10.0.19041.804". NULL when not listed. Static storage. */
const char *psc_builds_lookup(enum psc_machine machine, uint32_t time_date_stamp, uint32_t size_of_image);

#endif
