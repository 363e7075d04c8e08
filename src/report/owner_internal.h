/* SPDX-License-Identifier: MIT */
/* What the files owner*.c share: one kind of evidence each, put together by owner.c, ranked by owner_rank.c. */
#ifndef PSC_REPORT_OWNER_INTERNAL_H
#define PSC_REPORT_OWNER_INTERNAL_H

#include "kernel/symbolize.h"
#include "pool/pool.h"
#include "report/blocks.h"
#include "report/callers_internal.h"
#include "report/kernel_tags.h"
#include "report/owner.h"
#include "report/tally.h"

#define PSC_OWNER_CLASSES_MAX ((size_t)1 << 14) /* sizes of one tag: noise beyond */
#define PSC_OWNER_CHARGED_MAX ((size_t)1 << 14)
#define PSC_OWNER_SITES_MAX   4096u
#define PSC_OWNER_LIST_MAX    8u /* lines of one kind that would otherwise be many */

struct psc_owner {
	struct psc_arena arena;
	struct psc_warnings warnings;
	struct psc_owner_info info;
	struct {
		struct psc_owner_evidence *items;
		size_t n, cap;
	} rows;
	struct psc_owner_class *classes; /* arena */
	size_t n_classes;
	struct psc_owner_suspect *suspects; /* arena */
	size_t n_suspects;
	struct psc_callers *callers; /* its drivers are shown */
	struct psc_walk_coverage coverage[2];
	size_t n_coverage;
	bool is_interrupted;
};

/* Bytes that a caller may have asked for when it got a block of a class. */
struct psc_owner_request {
	uint64_t lo, hi;   /* inclusive: by rounding up */
	uint64_t lo_slack; /* with a remainder too small to split off, or a pointer of quota or Verifier behind the data
			    */
};

struct psc_owner_charge {
	uint64_t eprocess, blocks, bytes;
};

/* Objects of the tag's type that the kernel lists, by address. */
struct psc_owner_objects {
	uint64_t *items;
	size_t n, cap;
	const char *what; /* "process" */
	bool is_complete, no_memory;
};

/* Blocks that call sites of one module fit, and of no other. */
struct psc_owner_site_module {
	const char *module;
	uint64_t alone;
};

struct psc_owner_work {
	struct psc_kernel *k;
	const struct psc_owner_options *o;
	struct psc_owner *r;
	uint32_t tag;
	const struct psc_kernel_tag *kernel_tag; /* NULL: not one of those */
	const char *component;                   /* its components in words: "netio or fwpkclnt" */
	struct psc_symbolizer *symbolizer;
	struct psc_trackers trackers;
	struct psc_process_table processes;
	struct psc_tally tally;             /* every tag */
	struct psc_owner_request *requests; /* arena; one per class */
	struct psc_owner_charge *charged;   /* arena; most blocks first */
	size_t n_charged;
	uint64_t uncharged;
	struct psc_owner_objects objects;
	uint64_t holding_listed;                    /* blocks with one of these in them */
	bool is_all_recorded;                       /* every block that was seen has a recorded caller */
	struct psc_sites *sites;                    /* NULL: not looked for */
	struct psc_owner_site_module *site_modules; /* arena */
	size_t n_site_modules;
	bool no_memory; /* of texts */
};

#define PSC_PLURAL(n) ((n) == 1 ? "" : "s")

/* Appends; NULL when out of memory. */
struct psc_owner_evidence *psc_owner_add(struct psc_owner_work *w, enum psc_owner_source source, enum psc_grade grade,
					 enum psc_owner_role role);
const char *psc_owner_text(struct psc_owner_work *w, const char *fmt, ...) PSC_PRINTF(2, 3);
/* Does the component that allocates this tag for others go by this name (as debuggers spell it)? */
bool psc_owner_is_component(const struct psc_owner_work *w, const char *name);
bool psc_owner_same_name(const char *a, const char *b);
void psc_owner_tag_bytes(uint32_t tag, uint8_t ret[4]);

/* owner_blocks.c: tally, classes, charges, use of the pools, coverage. */
enum psc_status psc_owner_walk(struct psc_owner_work *w, struct psc_error *reterr);
/* owner_callers.c */
enum psc_status psc_owner_add_callers(struct psc_owner_work *w, struct psc_error *reterr);
/* owner_sites.c */
enum psc_status psc_owner_find_sites(struct psc_owner_work *w, struct psc_error *reterr);
bool psc_owner_add_sites(struct psc_owner_work *w);
/* May the site pass this tag? */
bool psc_owner_site_has_tag(const struct psc_site *s, uint32_t tag);
/* owner_imports.c */
bool psc_owner_add_imports(struct psc_owner_work *w);
/* owner_stacks.c, owner_contents.c, owner_constants.c: after the sites */
enum psc_status psc_owner_find_stacks(struct psc_owner_work *w, struct psc_error *reterr);
enum psc_status psc_owner_find_contents(struct psc_owner_work *w, struct psc_error *reterr);
enum psc_status psc_owner_find_constants(struct psc_owner_work *w, struct psc_error *reterr);
/* owner_census.c: the list before the walk, the evidence after it. Is a listed object inside [lo, hi)? */
enum psc_status psc_owner_list_objects(struct psc_owner_work *w, struct psc_error *reterr);
bool psc_owner_holds_object(const struct psc_owner_objects *o, uint64_t lo, uint64_t hi);
bool psc_owner_add_census(struct psc_owner_work *w);
/* owner_related.c: lockstep, charged processes */
bool psc_owner_add_related(struct psc_owner_work *w);
/* owner_rank.c: order, suspects, verdict; owner_text.c: what to do next, how much it is */
bool psc_owner_rank(struct psc_owner_work *w);
void psc_owner_say_use(struct psc_owner_work *w);
void psc_owner_say_next(struct psc_owner_work *w);

#endif
