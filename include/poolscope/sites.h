/* SPDX-License-Identifier: MIT */
/** @file
 * Call sites: where the code of drivers and of the kernel allocates pool, found by disassembling it.
 *
 * A site is one call (or tail call, or call through a register) of a routine that owns pool on behalf of its caller,
 * with what can be known of its arguments: tag, pool, size. It says what the code would do, not that it did: all of
 * this is inferred. Thin wrappers inside a module are followed up to their callers.
 * Sources: Microsoft's public documentation of the routines; the PE format.
 * Ownership: what is returned as a const pointer belongs to the struct psc_sites. Threads: as in dump.h.
 */
#ifndef POOLSCOPE_SITES_H
#define POOLSCOPE_SITES_H

#include <poolscope/dump.h>
#include <poolscope/symbols.h>
#include <poolscope/tags.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What is known of an argument. */
enum psc_site_value_kind {
	PSC_SITE_NONE = 0,     /**< the routine has no such argument */
	PSC_SITE_CONSTANT = 1, /**< values[0] */
	PSC_SITE_SEVERAL = 2,  /**< one of values[0 .. n - 1] */
	PSC_SITE_RANGE = 3,    /**< values[0] to values[1], both inclusive */
	PSC_SITE_ARGUMENT = 4, /**< argument values[0] (from 0) of the function that the site is in, plus values[1] */
	PSC_SITE_TABLE = 5,    /**< an element of a constant table; values are candidates, read from its start */
	PSC_SITE_UNKNOWN = 6,
};

#define PSC_SITE_VALUES_MAX 16

struct psc_site_value {
	enum psc_site_value_kind kind;
	uint32_t n;
	uint64_t values[PSC_SITE_VALUES_MAX];
};

/** "none", "constant", "several", "range", "argument", "table", "unknown". */
PSC_API const char *psc_site_value_kind_name(enum psc_site_value_kind kind);

/** What the routine does. */
enum psc_site_kind {
	PSC_SITE_ALLOCATION = 0,
	PSC_SITE_LOOKASIDE = 1,   /**< sets up a list; its blocks carry the tag */
	PSC_SITE_CONTIGUOUS = 2,  /**< whole pages of contiguous memory */
	PSC_SITE_MAPPING = 3,     /**< tagged address space */
	PSC_SITE_CONTEXT = 4,     /**< a context whose tag is in a registration */
	PSC_SITE_POOL_OBJECT = 5, /**< tag and size stand in a structure of parameters */
	PSC_SITE_DEFAULT_TAG = 6, /**< the tag for what a framework allocates later */
};

/** "allocation", "lookaside", "contiguous", "mapping", "context", "pool_object", "default_tag". */
PSC_API const char *psc_site_kind_name(enum psc_site_kind kind);

/** How sure the tag is. */
enum psc_site_confidence {
	PSC_SITE_LOW = 0,    /**< not known, or only candidates, or code that is reached by assumption */
	PSC_SITE_MEDIUM = 1, /**< one of a few, or a value of writable memory */
	PSC_SITE_HIGH = 2,   /**< one constant on every way to the call */
};

/** "low", "medium", "high". */
PSC_API const char *psc_site_confidence_name(enum psc_site_confidence confidence);

/** One wrapper between the site and the routine, from the site inwards. RVAs of its module, which may be another one:
 * an exported wrapper that other drivers call. */
struct psc_site_frame {
	uint32_t module; /**< index into psc_sites_modules() */
	uint32_t function_rva;
	uint32_t call_rva;    /**< its call of the next wrapper or of the routine */
	uint32_t return_rva;  /**< 0 for a tail call, which leaves no return address */
	const char *function; /**< symbol, or NULL */
};

#define PSC_SITE_CHAIN_MAX 4

struct psc_site {
	uint32_t module;       /**< index into psc_sites_modules() */
	uint32_t call_rva;     /**< of the call instruction */
	uint32_t return_rva;   /**< of the instruction behind it; 0 for a tail call */
	uint32_t function_rva; /**< start of the function */
	const char *function;  /**< symbol of the function, or NULL */
	const char *api;       /**< the routine that is reached in the end */
	enum psc_site_kind kind;
	struct psc_site_value tag;  /**< as the number that the code passes: first character in the low byte */
	struct psc_site_value pool; /**< POOL_TYPE or POOL_FLAGS; NONE where the routine implies the pool */
	struct psc_site_value size; /**< bytes asked for, without a header */
	bool pool_is_flags;         /**< pool holds POOL_FLAGS */
	uint32_t pools;             /**< bit 1 << enum psc_pool for each pool it may allocate from; 0: not known */
	const char *pool_text;      /**< the same in words; never NULL */
	bool is_tail_call;
	bool is_wrapper; /**< passes an argument of its own on, or is a tail call: its callers have rows too */
	uint32_t n_chain;
	struct psc_site_frame chain[PSC_SITE_CHAIN_MAX];
	enum psc_site_confidence confidence;
};

/** One scanned image. */
struct psc_site_module {
	const char *name; /**< base name */
	const char *path; /**< as given, or the loader's */
	enum psc_machine machine;
	uint64_t base; /**< where it is loaded; for a file where it asks to be */
	uint64_t size_bytes;
	uint64_t code_bytes;         /**< of executable sections */
	uint64_t missing_code_bytes; /**< of these, not in the dump or cut off the file: not scanned */
	uint64_t functions;          /**< disassembled */
	uint64_t undecoded;          /**< places in these where decoding stopped */
	uint64_t sites;
	const char *problem; /**< why it was not scanned at all; NULL otherwise */
	const char *pdb_name;
	char pdb_guid[33];
	uint32_t pdb_age;
};

enum psc_sites_flags {
	PSC_SITES_NO_SYMBOLS = 1, /**< do not look for PDBs: functions have no names */
};

struct psc_sites_options {
	size_t size;        /**< sizeof(struct psc_sites_options) */
	uint32_t n_threads; /**< 0: as many as processors */
	const char *module; /**< scan only modules whose base name matches: * any run, ? one character, case folded */
	const char *tmpdir; /**< files: where compressed ones are unpacked; NULL: the system's temporary directory */
	psc_progress_fn *progress;
	void *progress_arg;
	struct psc_symbol_search *symbol_search; /**< files: where PDBs are searched that do not lie beside them, or
						    NULL; a dump uses what it was opened with */
	uint32_t flags;                          /**< enum psc_sites_flags */
	const struct psc_cancel *cancel;         /**< files: ends the run early; a dump has its own. NULL: none */
};
#define PSC_SITES_OPTIONS_INIT                                                                                         \
	{                                                                                                              \
		sizeof(struct psc_sites_options), 0, NULL, NULL, NULL, NULL, NULL, 0, NULL                             \
	}

struct psc_sites; /* a result */

/** False when the library was built without Capstone: then every run fails with PSC_E_UNSUPPORTED. */
PSC_API bool psc_sites_available(void);

/** Scan all loaded modules of a dump. Pages that are not in the dump become coverage. The result is independent of the
 * dump afterwards. Errors: PSC_E_UNSUPPORTED (no Capstone), PSC_E_NO_MEMORY, PSC_E_CANCELLED, PSC_E_OS. */
PSC_API enum psc_status psc_sites_run(struct psc_dump *dump, const struct psc_sites_options *opts,
				      struct psc_sites **ret, struct psc_error *reterr);

/** Scan PE files on disk (UTF-8 paths, gzip is unpacked). Fails with the first file that cannot be read or is no PE
 * image; errors as for psc_sites_run() and PSC_E_FORMAT, PSC_E_CORRUPT, PSC_E_ARGUMENT. */
PSC_API enum psc_status psc_sites_run_files(const char *const *paths, size_t n, const struct psc_sites_options *opts,
					    struct psc_sites **ret, struct psc_error *reterr);
PSC_API void psc_sites_free(struct psc_sites *sites);

/** Rows by module, then address, then routine. */
PSC_API const struct psc_site *psc_sites_rows(const struct psc_sites *sites, size_t *ret_count);
PSC_API const struct psc_site_module *psc_sites_modules(const struct psc_sites *sites, size_t *ret_count);
PSC_API const char *const *psc_sites_warnings(const struct psc_sites *sites, size_t *ret_count);
/** Fraction of the code that could be scanned, 0..1. */
PSC_API double psc_sites_coverage_ratio(const struct psc_sites *sites);
/** The call was ended by struct psc_cancel: counts are lower bounds, lists end early. */
PSC_API bool psc_sites_is_interrupted(const struct psc_sites *sites);

#ifdef __cplusplus
}
#endif

#endif
