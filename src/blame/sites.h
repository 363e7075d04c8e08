/* SPDX-License-Identifier: MIT */
/* Sites of many images: the library's side of <poolscope/sites.h>. */
#ifndef PSC_BLAME_SITES_H
#define PSC_BLAME_SITES_H

#include "blame/scan.h"
#include "kernel/kernel.h"

/* Without Capstone this one is not built; sites_none.c then stands in. k is borrowed during the call. */
enum psc_status psc_sites_compute(const struct psc_kernel *k, const struct psc_sites_options *opts,
				  struct psc_sites **ret, struct psc_error *reterr);

/* site_value.c. width: bytes of the argument. is_tag: tables are read for candidates. */
struct psc_site_value psc_site_value_of(const struct psc_code_image *img, const struct psc_val *v, unsigned width,
					bool is_tag);
/* Words for a pool argument; in the arena, NULL when out of memory. *ret_pools: as psc_site.pools. */
const char *psc_site_pool_words(struct psc_arena *a, enum psc_api_pool kind, const struct psc_site_value *v,
				uint32_t *ret_pools);

/* One image's rows, in an arena of its own. */
struct psc_site_list {
	struct psc_arena arena;
	struct psc_site *items;
	size_t n, cap;
	struct psc_foreigns exported; /* wrappers that other modules may call; names in the arena */
};
/* site_rows.c: false when out of memory. */
bool psc_site_rows_of(const struct psc_scan *s, uint32_t module, struct psc_site_list *ret);
/* Exported functions that proved to be wrappers. false when out of memory. */
bool psc_site_exported_wrappers(struct psc_scan *s, uint32_t module, struct psc_arena *arena, struct psc_foreigns *ret);

/* site_symbols.c: names of functions in rows, in the arena. Of a dump, when its symbol search finds PDBs. */
enum psc_status psc_site_names_of_dump(const struct psc_kernel *k, const struct psc_site_module *modules,
				       struct psc_site *rows, size_t n, struct psc_arena *arena,
				       struct psc_error *reterr);
/* Of the functions of one file in all rows, from a PDB beside it or else where search (may be NULL) finds one. */
void psc_site_names_of_file(const struct psc_site_module *m, uint32_t index, struct psc_symbol_search *search,
			    struct psc_site *rows, size_t n, struct psc_arena *arena);
/* Routines of the table that the kernel's PDB knows, for dumps whose export names are paged out. */
void psc_site_kernel_routines(const struct psc_kernel *k, void (*visit)(void *arg, uint32_t rva, const char *name),
			      void *arg);

#endif
