/* SPDX-License-Identifier: MIT */
/** @file
 * Where symbol files are looked for, and what is known of a kernel.
 *
 * Threads: a struct psc_symbol_search and a struct psc_symbol_profile are used by one thread at a time.
 * Ownership: everything returned as a const pointer belongs to its handle and lives as long as that.
 * Nothing here, and nothing else in this library, uses the network.
 */
#ifndef POOLSCOPE_SYMBOLS_H
#define POOLSCOPE_SYMBOLS_H

#include <poolscope/error.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The places that are searched for symbol files, in order. */
struct psc_symbol_search;

/** An empty list. Free it with psc_symbol_search_free(). PSC_E_NO_MEMORY. */
PSC_API enum psc_status psc_symbol_search_new(struct psc_symbol_search **ret, struct psc_error *reterr);
/** NULL is allowed. */
PSC_API void psc_symbol_search_free(struct psc_symbol_search *search);

/** Append the places of a symbol path: a symbol file, a directory, or elements between `;` as _NT_SYMBOL_PATH has them
 * (`DIR`, `srv*CACHE*STORE`, `symsrv*DLL*STORE`, `cache*DIR`; never split at `:`). URLs are kept in the list and never
 * contacted. `origin` ("--symbols") is what messages call it. A file that is named here and belongs to no module of a
 * dump makes psc_dump_open() fail. PSC_E_LIMIT: over 256 places. PSC_E_NO_MEMORY, PSC_E_ARGUMENT. */
PSC_API enum psc_status psc_symbol_search_add(struct psc_symbol_search *search, const char *symbol_path,
					      const char *origin, struct psc_error *reterr);

/** Append what the environment says, in this order: POOLSCOPE_SYMBOL_PATH, _NT_ALT_SYMBOL_PATH, _NT_SYMBOL_PATH, and
 * the user's own store, psc_symbol_user_store(). This and that function are the only ones that read environment
 * variables to find symbols, and they do it when they are called. */
PSC_API enum psc_status psc_symbol_search_add_environment(struct psc_symbol_search *search, struct psc_error *reterr);

/** The directory of the user's own store, whether it exists or not: $XDG_DATA_HOME/poolscope/symbols, else
 * $HOME/.local/share/poolscope/symbols; on Windows %LOCALAPPDATA%\\poolscope\\symbols. *ret is UTF-8 and freed with
 * psc_symbol_text_free(). PSC_E_NOT_FOUND when none of these variables is set, PSC_E_NO_MEMORY. */
PSC_API enum psc_status psc_symbol_user_store(char **ret, struct psc_error *reterr);
PSC_API void psc_symbol_text_free(char *text);

enum psc_symbol_place_kind {
	PSC_SYMBOL_PLACE_DIRECTORY = 0,
	PSC_SYMBOL_PLACE_STORE = 1,   /**< of a srv*, symsrv* or cache* element */
	PSC_SYMBOL_PLACE_FILE = 2,    /**< one symbol file */
	PSC_SYMBOL_PLACE_URL = 3,     /**< a symbol server; never contacted */
	PSC_SYMBOL_PLACE_DEFAULT = 4, /**< an empty element of srv*: a directory that only the debugger knows */
};
/** "directory", "store", "file", "url", "default_store". */
PSC_API const char *psc_symbol_place_kind_name(enum psc_symbol_place_kind kind);

/** One place. */
struct psc_symbol_place {
	enum psc_symbol_place_kind kind;
	const char *text;   /**< the path or URL, printable */
	const char *origin; /**< "--symbols", "_NT_SYMBOL_PATH", "user store" */
	bool is_searched;
	const char *note; /**< why it is not searched; NULL when it is */
};
PSC_API const struct psc_symbol_place *psc_symbol_search_places(const struct psc_symbol_search *search,
								size_t *ret_count);

/** What psc_symbol_import() did with a file. */
struct psc_symbol_imported {
	const char *kind; /**< "pdb" or "isf" */
	char guid[33];    /**< 32 upper-case hex digits in symbol-store order, as everywhere here */
	uint32_t age;
	bool was_present; /**< the store had this very file already */
	char pdb_name[256];
	char store_path[600]; /**< below the store, with '/' */
};

/** Copy a symbol file (a PDB, a `.pd_` cabinet, an ISF) into a store, to the place that its own identity names. Missing
 * directories are made. The file appears complete or not at all, and never in place of another one: that is PSC_E_OS.
 * PSC_E_FORMAT: no symbol file. PSC_E_UNSUPPORTED: a PDB of a name that cannot be told, or packed in gzip. Others as
 * reading the file gives. */
PSC_API enum psc_status psc_symbol_import(const char *file, const char *store, struct psc_symbol_imported *ret,
					  struct psc_error *reterr);

/** What is known of one kernel build, without a dump. */
struct psc_symbol_profile;

enum psc_profile_flags {
	PSC_PROFILE_NO_BUILTIN = 1, /**< do without the built-in tables */
	PSC_PROFILE_NO_SEARCH = 2,  /**< look for no symbol files */
};

/** `spec` is GUID-AGE (age decimal), GUID and age as symbol stores write them (age in hex, nothing between), or the
 * path of a symbol file. For the first two, PDB and ISF are searched and the built-in tables read; for a file, it and
 * the tables. search may be NULL. PSC_E_NOT_FOUND: nothing is known of this kernel. PSC_E_ARGUMENT: spec is none of the
 * three. Others as reading a file gives. */
PSC_API enum psc_status psc_symbol_profile_open(const char *spec, struct psc_symbol_search *search, uint32_t flags,
						struct psc_symbol_profile **ret, struct psc_error *reterr);
/** NULL is allowed. */
PSC_API void psc_symbol_profile_close(struct psc_symbol_profile *profile);

/** Which kernel it is and where what is known comes from. */
struct psc_symbol_profile_info {
	uint32_t machine;     /**< IMAGE_FILE_MACHINE_*; 0 when unknown */
	const char *pdb_name; /**< NULL when unknown */
	const char *pdb_guid; /**< 32 upper-case hex digits */
	uint32_t pdb_age;
	const char *version; /**< "10.0.19041.804", of the built-in tables; NULL when they do not have this kernel */
	const char *build_range;         /**< the builds whose layouts the tables give; NULL when none */
	const char *pdb_file, *isf_file; /**< paths of the files used, or NULL */
};
PSC_API const struct psc_symbol_profile_info *psc_symbol_profile_info(const struct psc_symbol_profile *profile);

/** A kernel variable that the library uses. */
struct psc_profile_symbol {
	const char *name;
	bool is_known;
	uint32_t rva;       /**< from the kernel's base */
	const char *origin; /**< "pdb", "isf", "builtin", or "none" */
};
/** A structure field that the library uses. */
struct psc_profile_field {
	const char *structure; /**< "_POOL_HEADER" */
	const char *field;     /**< "" stands for the structure as a whole */
	bool is_known;
	uint32_t offset, size_bytes;
	uint32_t struct_size_bytes;       /**< 0 when not known */
	uint8_t bit_position, bit_length; /**< bit_length 0: no bit field */
	const char *origin;               /**< "pdb", "isf", "builtin_range", or "none" */
};
/** All that the library uses, known or not, by name. */
PSC_API const struct psc_profile_symbol *psc_symbol_profile_symbols(const struct psc_symbol_profile *profile,
								    size_t *ret_count);
PSC_API const struct psc_profile_field *psc_symbol_profile_fields(const struct psc_symbol_profile *profile,
								  size_t *ret_count);
PSC_API const char *const *psc_symbol_profile_warnings(const struct psc_symbol_profile *profile, size_t *ret_count);

#ifdef __cplusplus
}
#endif

#endif
