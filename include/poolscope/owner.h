/* SPDX-License-Identifier: MIT */
/** @file
 * Who holds the blocks of one pool tag: all evidence that a dump has, each piece with its grade and its reason.
 *
 * A pool header names no caller, so the answer is put together from what was recorded (Driver Verifier), what is
 * inferred (call sites found by disassembling, fitted to the live blocks by tag, pool and size) and what is
 * circumstantial (imports, counts that move together, charged processes). Figures of different grades are never added
 * up. Text of tag files is no evidence. One dump shows how much is in use, not how it came to be.
 * Sources of facts: as in callers.h, sites.h and tags.h; tags that the kernel allocates for others:
 * data/kernel_tags.tsv, which names the source of each row. Ownership: what is returned as a const pointer belongs to
 * the struct psc_owner. Threads: as in dump.h.
 */
#ifndef POOLSCOPE_OWNER_H
#define POOLSCOPE_OWNER_H

#include <poolscope/blocks.h>
#include <poolscope/callers.h>
#include <poolscope/sites.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How far a piece of evidence reaches. */
enum psc_grade {
	PSC_GRADE_EXACT,          /**< recorded when the block was allocated */
	PSC_GRADE_INFERRED,       /**< follows from code and blocks; nothing recorded it */
	PSC_GRADE_CIRCUMSTANTIAL, /**< agrees with it; others may as well */
};
/** "exact", "inferred", "circumstantial". */
PSC_API const char *psc_grade_name(enum psc_grade grade);

/** What a piece of evidence is taken from. */
enum psc_owner_source {
	PSC_OWNER_VERIFIER,        /**< Driver Verifier's records of live blocks */
	PSC_OWNER_TRACE,           /**< Verifier's log of operations alone */
	PSC_OWNER_STACKDB,         /**< the kernel's stack-trace database */
	PSC_OWNER_VERIFIER_STACK,  /**< a recorded stack: who called the component that allocates for others */
	PSC_OWNER_CALL_SITE,       /**< code that would allocate such blocks */
	PSC_OWNER_IMPORT,          /**< imports the routine through which the component allocates for others */
	PSC_OWNER_THREAD_STACK,    /**< a thread stands in such code */
	PSC_OWNER_CONTENTS,        /**< blocks hold a pointer to it */
	PSC_OWNER_TAG_CONSTANT,    /**< its image holds the tag, and no call site there passes it */
	PSC_OWNER_LOCKSTEP,        /**< another tag has as many live blocks, or a small multiple */
	PSC_OWNER_CENSUS,          /**< objects of this tag against the kernel's own list of them */
	PSC_OWNER_CHARGED_PROCESS, /**< process whose quota the blocks are charged to */
	PSC_OWNER_SOURCE_MAX
};
/** "verifier", "trace", "stackdb", "verifier_stack", "call_site", "import", "thread_stack", "contents", "tag_constant",
 * "lockstep", "census", "charged_process". */
PSC_API const char *psc_owner_source_name(enum psc_owner_source source);

/** What a piece of evidence says of the module that it names. */
enum psc_owner_role {
	PSC_OWNER_SUSPECT,   /**< it may hold the blocks */
	PSC_OWNER_COMPONENT, /**< it allocates them, on behalf of others */
	PSC_OWNER_CONTEXT,   /**< names no module that could be blamed */
};
/** "suspect", "component", "context". */
PSC_API const char *psc_owner_role_name(enum psc_owner_role role);

struct psc_owner_evidence {
	enum psc_grade grade;
	enum psc_owner_source source;
	enum psc_owner_role role;
	struct psc_code_location caller; /**< return address; for a tail call that of the jump; of contents what is
					    pointed to; address 0: the module as a whole; module NULL: none */
	bool has_pool;
	enum psc_pool pool;
	bool has_blocks;
	uint64_t blocks, bytes; /**< live blocks that it speaks of; bytes with headers, 0 not known, of verifier sources
				   as recorded */
	bool has_alone;         /**< of call sites: */
	uint64_t alone;         /**< of blocks, those that no other site fits */
	const char *api;        /**< routine called; NULL */
	bool has_request;       /**< of call sites with a constant size: */
	uint64_t request_bytes; /**< bytes asked for */
	bool has_process;       /**< of charged_process */
	struct psc_block_process process;
	bool has_related; /**< of lockstep: */
	uint8_t related_tag[4];
	const char *reason; /**< one sentence */
};

/** Live blocks of one pool and size. */
struct psc_owner_class {
	enum psc_pool pool;
	uint64_t block_bytes; /**< with the header */
	uint64_t live, live_bytes;
	uint32_t sites; /**< call sites that fit; 0: these blocks are unexplained */
};

/** A module and all that speaks for it. */
struct psc_owner_suspect {
	const char *module;   /**< file name */
	const char *name;     /**< as debuggers spell it */
	enum psc_grade grade; /**< the best that speaks for it */
	uint64_t exact_blocks;
	uint64_t inferred_blocks; /**< that call sites of this module fit, and of no other */
	uint32_t pieces;          /**< of evidence */
};

enum psc_owner_verdict {
	PSC_VERDICT_UNKNOWN,    /**< nothing in the dump names anyone */
	PSC_VERDICT_NOT_PROVEN, /**< what there is, is circumstantial */
	PSC_VERDICT_INFERRED,   /**< only one module's code fits most of the blocks */
	PSC_VERDICT_PROVEN,     /**< recorded for most of the blocks */
	PSC_VERDICT_NO_SUSPECT, /**< a cache of the kernel: high use of it is ordinary */
};
/** "unknown", "not_proven", "inferred", "proven", "no_suspect". */
PSC_API const char *psc_owner_verdict_name(enum psc_owner_verdict verdict);

/** The tag in one pool. */
struct psc_owner_use {
	bool is_used;     /**< the trackers or the walk know it there */
	bool has_tracker; /**< allocs and frees */
	uint64_t allocs, frees;
	bool has_live; /**< live and live_bytes, by the trackers */
	int64_t live, live_bytes;
	bool has_walk; /**< blocks that were seen: */
	uint64_t seen, seen_bytes;
	bool has_share;
	double share; /**< of the pool's live bytes, 0..1 */
};

struct psc_owner_info {
	uint8_t tag[4];    /**< memory order, protected bit cleared */
	bool is_protected; /**< blocks or trackers carry the protected bit (0x80000000) */
	struct psc_owner_use use[PSC_POOL_MAX];
	uint64_t seen, seen_bytes; /**< live blocks of all pools that were seen */
	uint64_t unexplained;      /**< of these, fitted by no call site; valid if sites_run */
	/** The same four characters backwards: what a C constant is when read as text. */
	uint8_t reversed_tag[4];
	uint64_t reversed_seen; /**< live blocks with that tag */
	const char *component;  /**< the tag is allocated by this for others ("nt", "netio"); NULL: not known to be */
	const char *component_text;
	const char *component_source;
	enum psc_owner_verdict verdict;
	const char *verdict_text;
	const char *use_text;         /**< how much that is, in words */
	const char *verifier_command; /**< to have the named driver's blocks recorded; NULL: no driver is named */
	const char *verifier_text;    /**< what that will show, or why there is none */
	uint32_t pool_hit_tag;        /**< value for nt!PoolHitTag */
	bool has_protected_hit_tag;   /**< is_protected: pool_hit_tag | 0x80000000 may be needed */
	bool has_current_hit_tag;     /**< the variable could be read: */
	uint32_t current_hit_tag;
	bool sites_run; /**< call sites were looked for */
	const char *sites_why_not;
	double sites_ratio;         /**< of the code, scanned */
	uint64_t sites_unknown_tag; /**< sites whose tag is not known: one of them may be it */
	bool callers_available;     /**< something recorded callers */
	const char *callers_why_not;
	double callers_ratio;         /**< of what is recorded, read: psc_callers_coverage_ratio() */
	uint64_t threads_read;        /**< threads whose stacks were looked at */
	uint64_t blocks_sampled;      /**< blocks whose contents were read */
	uint64_t image_pages;         /**< of images, searched for the tag */
	uint64_t image_pages_missing; /**< not in the dump */
	double walk_ratio;            /**< of the pool's pages, read */
};

enum psc_owner_flags {
	PSC_OWNER_NO_SITES = 1, /**< do not disassemble */
};

struct psc_owner_options {
	size_t size; /**< sizeof(struct psc_owner_options) */
	uint32_t flags;
	uint32_t n_threads; /**< 0: as many as processors */
	uint8_t tag[4];     /**< memory order; the protected bit does not count */
	psc_progress_fn *progress;
	void *progress_arg;
};
#define PSC_OWNER_OPTIONS_INIT                                                                                         \
	{                                                                                                              \
		sizeof(struct psc_owner_options), 0, 0, {0, 0, 0, 0}, NULL, NULL                                       \
	}

struct psc_owner; /* a result */

/** Gather and rank the evidence. The result is independent of the dump afterwards and freed with psc_owner_free().
 * Deterministic for any n_threads. A tag of which there are no blocks is no error: the result says so. Errors:
 * PSC_E_ARGUMENT, PSC_E_CANCELLED, PSC_E_NO_MEMORY, PSC_E_OS. */
PSC_API enum psc_status psc_owner_run(struct psc_dump *dump, const struct psc_owner_options *opts,
				      struct psc_owner **ret, struct psc_error *reterr);
PSC_API void psc_owner_free(struct psc_owner *owner);
PSC_API const struct psc_owner_info *psc_owner_get_info(const struct psc_owner *owner);
/** Best first: suspects, then components, then context; within these by grade, then by blocks. */
PSC_API const struct psc_owner_evidence *psc_owner_rows(const struct psc_owner *owner, size_t *ret_count);
/** Best first. */
PSC_API const struct psc_owner_suspect *psc_owner_suspects(const struct psc_owner *owner, size_t *ret_count);
/** By pool, then size. */
PSC_API const struct psc_owner_class *psc_owner_classes(const struct psc_owner *owner, size_t *ret_count);
/** Drivers that Verifier watched, as psc_callers_drivers(). */
PSC_API const struct psc_verified_driver *psc_owner_drivers(const struct psc_owner *owner, size_t *ret_count);
PSC_API const struct psc_walk_coverage *psc_owner_coverage(const struct psc_owner *owner, size_t *ret_count);
/** The smaller of walk_ratio and, where sites were looked for, sites_ratio. What was recorded of callers is one kind of
 * evidence among others, and has its own figure: callers_ratio. */
PSC_API double psc_owner_coverage_ratio(const struct psc_owner *owner);
/** The call was ended by struct psc_cancel: evidence is missing, counts are lower bounds. */
PSC_API bool psc_owner_is_interrupted(const struct psc_owner *owner);
PSC_API const char *const *psc_owner_warnings(const struct psc_owner *owner, size_t *ret_count);

#ifdef __cplusplus
}
#endif

#endif
