/* SPDX-License-Identifier: MIT */
/* Finding symbol files in directories and stores (reference: symbols 4 and 6). A name or a directory never proves
 * anything: who asks checks the identity inside each file that is offered. */
#ifndef PSC_SYMBOLS_SEARCH_H
#define PSC_SYMBOLS_SEARCH_H

#include "util/arena.h"
#include "util/log.h"
#include <poolscope/symbols.h>

#define PSC_SYMBOL_PLACES_MAX 256u
#define PSC_SYMBOL_USER_STORE "user store" /* origin of that place; it need not exist */

struct psc_listing; /* names in a directory */

struct psc_symbol_item {
	const char *path;  /* as the system takes it */
	bool is_directory; /* searched; else a file, or not searched */
	bool is_explicit;  /* not from the environment: a file that fits nothing is an error */
};

struct psc_symbol_search {
	struct psc_arena arena;
	struct psc_symbol_place *places;
	struct psc_symbol_item *items; /* beside places */
	size_t n;
	struct psc_listing *listings; /* of directories that were looked into */
	size_t n_listings;
	char pointer[256]; /* of the last search: a file.ptr that led nowhere, one line, or "" */
};

/* place.c: one element of a symbol path. is_store: of srv*, symsrv* or cache*. */
enum psc_status psc_symbol_add_place(struct psc_symbol_search *s, const char *text, size_t n, bool is_store,
				     const char *origin, bool is_explicit, struct psc_error *reterr);
/* path.c: the same as psc_symbol_search_add, for texts of the environment too. */
enum psc_status psc_symbol_add_path(struct psc_symbol_search *s, const char *path, const char *origin, bool is_explicit,
				    struct psc_error *reterr);
/* One warning per origin about what is not searched. */
void psc_symbol_search_warn(const struct psc_symbol_search *s, struct psc_warnings *w);

/* Whether a file there was named by the user, so that it is an error when nothing in the dump is its. */
bool psc_symbol_place_must_fit(const struct psc_symbol_search *s, const struct psc_symbol_place *place);

/* listing.c: the path dir/name as the directory spells it: exactly, else the first name that differs in ASCII case
 * only. NULL: no such regular file (or directory), or out of memory. In the arena. */
const char *psc_symbol_child(struct psc_symbol_search *s, const char *dir, const char *name, bool is_directory,
			     struct psc_arena *arena);
void psc_symbol_listings_deinit(struct psc_symbol_search *s);

/* What a symbol file is looked up by. */
struct psc_symbol_key {
	char pdb_name[256]; /* a plain file name, or "" when there is none that could be used */
	char guid[33];      /* upper case */
	uint32_t age;
};
/* pdb_name may be NULL, hostile, or have directories before it, which are dropped. False: guid is none. */
bool psc_symbol_key_init(struct psc_symbol_key *key, const char *pdb_name, const char *guid, uint32_t age);
/* Nothing in it but what a file name may hold everywhere: it comes from a dump. */
bool psc_symbol_name_is_plain(const char *name);
/* "ntkrnlmp.pdb/5278AFF86C341677D7D7835C85B7B8441/ntkrnlmp.pdb", "" without a name. Returns buf. */
#define PSC_SYMBOL_STORE_PATH_BYTES 600u
const char *psc_symbol_store_path(const struct psc_symbol_key *key, char buf[PSC_SYMBOL_STORE_PATH_BYTES]);

enum psc_symbol_want { PSC_SYMBOL_WANT_PDB, PSC_SYMBOL_WANT_ISF };
/* Called with a regular file that may be what is looked for, and the place that had it (borrowed). True: taken, stop.
 */
typedef bool psc_symbol_try_fn(void *arg, const char *path, const struct psc_symbol_place *place);

/* Offers the files of all places in order. key NULL: only the files that were named as such. True when one was taken.
 */
bool psc_symbol_search_run(struct psc_symbol_search *s, const struct psc_symbol_key *key, enum psc_symbol_want want,
			   psc_symbol_try_fn *try_file, void *arg);

struct psc_pdb;
/* What was offered and is not what was asked for. */
struct psc_symbol_refused {
	unsigned n;
	char text[256]; /* of the first: one line with both identities. n 0: where a store points instead, or "" */
};
/* find_pdb.c: the PDB with that GUID and age, opened; name and place prove nothing. PSC_E_NOT_FOUND: there is none.
 * refused, ret_place may be NULL. Files that are damaged count as refused. */
enum psc_status psc_symbol_open_pdb(struct psc_symbol_search *s, const struct psc_symbol_key *key, struct psc_pdb **ret,
				    const struct psc_symbol_place **ret_place, struct psc_symbol_refused *refused,
				    struct psc_error *reterr);
/* Whether the file is of that GUID and age; the age is the one of its symbols or, after a tool touched it, its own. */
bool psc_symbol_is_pdb_of(const struct psc_pdb *pdb, const char *guid, uint32_t age);

/* What the first bytes of a file say. */
enum psc_symbol_file_kind {
	PSC_SYMBOL_FILE_OTHER = 0,
	PSC_SYMBOL_FILE_PDB,  /* or a cabinet, which may hold one */
	PSC_SYMBOL_FILE_JSON, /* or gzip or xz, which may hold it */
};
/* *ret_error (may be NULL): the system's code when the file could not be read. */
enum psc_symbol_file_kind psc_symbol_file_sniff(const char *path, int *ret_error);

#endif
