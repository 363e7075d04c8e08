/* SPDX-License-Identifier: MIT */
/* Driver Verifier's own records of pool: who allocated which live block, and the ring of recent allocations and frees
 * with their stacks. Reference: pool 8; each file names its sections. */
#ifndef PSC_BLAME_VERIFIER_H
#define PSC_BLAME_VERIFIER_H

#include "kernel/kernel.h"
#include "pool/pool.h"

/* How this kernel keeps the records of a driver. */
enum psc_verifier_form {
	PSC_VERIFIER_NONE,  /* layout not known */
	PSC_VERIFIER_HASH,  /* XP: an array of entries per driver */
	PSC_VERIFIER_LIST,  /* 2003, Vista: a list of drivers, pages of entries */
	PSC_VERIFIER_TREES, /* 7 and later: trees of loaded drivers, pages of entries */
};

/* What Verifier itself counted for one driver. */
struct psc_verifier_counts {
	uint32_t paged, nonpaged, peak_paged, peak_nonpaged; /* allocations */
	uint64_t paged_bytes, nonpaged_bytes, peak_paged_bytes, peak_nonpaged_bytes;
};

struct psc_verifier_driver {
	const char *name;        /* "myfault.sys"; text of its address when not readable */
	uint64_t data_va;        /* of the structure that owns its records */
	uint64_t base, end;      /* of its image; 0 not known. end exclusive */
	uint32_t loads, unloads; /* 0 when not readable */
	bool is_loaded;          /* in the module list */
	bool has_counts;
	struct psc_verifier_counts counts;
	uint64_t listed, listed_bytes; /* records of live blocks that were read */
	bool incomplete;               /* some of its records are not in the dump, or their chain is broken */
};

/* One live allocation as Verifier recorded it. */
struct psc_verifier_block {
	uint64_t va;         /* of the data, behind the pool header */
	uint64_t size_bytes; /* usable, as the allocator gave it */
	uint64_t caller;     /* return address in the verified driver */
	uint32_t tag;
	uint32_t driver;   /* index */
	uint64_t entry_va; /* of the record */
};
typedef bool psc_verifier_block_fn(void *arg, const struct psc_verifier_block *b); /* false stops */

/* MM_DRIVER_VERIFIER_DATA; has: bit i for member i of enum psc_vt. */
enum psc_vt {
	PSC_VT_LEVEL,
	PSC_VT_RAISE_IRQLS,
	PSC_VT_ACQUIRE_SPIN_LOCKS,
	PSC_VT_SYNCHRONIZE_EXECUTIONS,
	PSC_VT_TRIMS,
	PSC_VT_ALLOCATIONS_ATTEMPTED,
	PSC_VT_ALLOCATIONS_SUCCEEDED,
	PSC_VT_ALLOCATIONS_SUCCEEDED_SPECIAL_POOL,
	PSC_VT_ALLOCATIONS_WITH_NO_TAG,
	PSC_VT_ALLOCATIONS_FAILED,
	PSC_VT_ALLOCATIONS_FAILED_DELIBERATELY,
	PSC_VT_UNTRACKED_POOL,
	PSC_VT_LOADS,
	PSC_VT_UNLOADS,
	PSC_VT_MAX
};

#define PSC_VERIFIER_DRIVERS_MAX 4096u
#define PSC_VERIFIER_PAGES_MAX   ((size_t)1 << 20)

struct psc_verifier {
	bool available;
	bool known_off;      /* not available, because it is known that nothing was recorded */
	const char *why_not; /* when not available: off, or what is missing and would help */
	enum psc_verifier_form form;
	uint32_t has;
	uint32_t totals[PSC_VT_MAX];
	bool has_counts;
	struct psc_verifier_counts counts;   /* over all drivers */
	struct psc_verifier_driver *drivers; /* in the arena; in the kernel's order */
	size_t n_drivers;
	uint64_t n_blocks, bytes;
	uint64_t pages_read, pages_missing; /* of records */
	double ratio; /* when available: of the records, read; 0 where drivers are missing and nothing else names their
			 records */
	bool tag_filter; /* the newer stack tables leave other tags out by design (DifpPoolTags) */
};

/* Reads drivers, then streams their live records to visit (may be NULL), driver by driver; records found by the
 * signature of their page alone come last. Missing pages are counted, not fatal. Only PSC_E_NO_MEMORY fails. */
enum psc_status psc_verifier_read(struct psc_kernel *k, psc_verifier_block_fn *visit, void *arg,
				  struct psc_arena *arena, struct psc_warnings *warnings, struct psc_verifier *ret,
				  struct psc_error *reterr);

/* Records of what is no block, blocks that do not point back, and counters of drivers that their records
 * contradict. */
enum psc_status psc_verifier_defects(struct psc_kernel *k, struct psc_arena *arena, struct psc_warnings *warnings,
				     struct psc_defects *ret, struct psc_error *reterr);

/* ---- the ring of recent allocations and frees, Vista and later ---- */
#define PSC_TRACE_FRAMES_MAX 64
struct psc_trace {
	uint64_t va, size_bytes, thread;
	uint64_t age; /* 0 = newest */
	unsigned n_frames;
	uint64_t frames[PSC_TRACE_FRAMES_MAX]; /* innermost first; ends before the first 0 */
};
struct psc_traces {
	bool available;
	const char *why_not;
	uint64_t length, records, missing; /* slots of the ring; read; in pages not in the dump */
};
/* Newest first. */
enum psc_status psc_traces_read(struct psc_kernel *k, bool (*visit)(void *arg, const struct psc_trace *t), void *arg,
				struct psc_traces *ret, struct psc_error *reterr);

/* ---- stack tables, 20348 and later: bytes per stack and tag since Verifier started ---- */
struct psc_stack_row {
	uint64_t va; /* of the record */
	uint32_t tag;
	bool is_nonpaged;
	uint64_t allocs, frees, alloc_bytes, freed_bytes;
	unsigned n_frames;
	uint64_t frames[PSC_TRACE_FRAMES_MAX];
};
struct psc_stack_rows {
	bool available;
	const char *why_not;
	uint64_t rows, unreadable; /* elements that could not be read */
	uint64_t expected;         /* as many as the table counts */
	bool complete;             /* so many were read */
};
enum psc_status psc_stack_rows_read(struct psc_kernel *k, bool (*visit)(void *arg, const struct psc_stack_row *row),
				    void *arg, struct psc_stack_rows *ret, struct psc_error *reterr);

/* ---- the tree beside them: one element per live block, with its stack ---- */
struct psc_info_row {
	uint64_t va, size_bytes;
	uint64_t stack_va; /* psc_stack_row.va */
};
#define PSC_INFO_ROWS_MAX ((uint64_t)1 << 22)
/* ret: as for the stacks. */
enum psc_status psc_info_rows_read(struct psc_kernel *k, bool (*visit)(void *arg, const struct psc_info_row *row),
				   void *arg, struct psc_stack_rows *ret, struct psc_error *reterr);

#endif
