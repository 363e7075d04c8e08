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

#ifdef __cplusplus
}
#endif

#endif
