/* SPDX-License-Identifier: MIT */
/* The pool's part of inference, in steps that build on each other: what one finds, the next ones test against. */
#ifndef PSC_POOL_INFER_H
#define PSC_POOL_INFER_H

#include "kernel/infer.h"
#include "pool/internal.h"

/* The words around the variable PoolTrackTable: all variables of the trackers and the big-page table are there
 * (reference: pool 12.3 [V]). */
struct psc_cluster {
	uint64_t base;
	uint64_t *words; /* 0 where a page is missing */
	size_t n, self;  /* self: index of PoolTrackTable */
	unsigned word_bytes;
};
bool psc_cluster_read(struct psc_kernel *k, struct psc_cluster *ret);
void psc_cluster_free(struct psc_cluster *c);
bool psc_cluster_has(const struct psc_cluster *c, uint64_t value);
static inline uint64_t psc_cluster_va(const struct psc_cluster *c, size_t i)
{
	return c->base + i * c->word_bytes;
}
/* Index of the word of this value nearest to PoolTrackTable; c->n: none. */
size_t psc_cluster_nearest(const struct psc_cluster *c, uint64_t value);

/* infer_layout.c. Keys near their hash slots, when the first entries at table are read with a layout. No window is
 * taken as evidence that is more than three quarters full: then every slot is near. */
struct psc_tracker_check {
	unsigned n_keys, n_near;
};
void psc_tracker_layout_check(struct psc_kernel *k, const struct psc_tracker_layout *l, uint64_t table,
			      struct psc_tracker_check *ret);
static inline bool psc_tracker_check_passes(const struct psc_tracker_check *c)
{
	return c->n_keys >= 8 && c->n_near * 5 >= c->n_keys * 4;
}

/* Live entries of a big-page table that a short probe from their hash finds, and entries that make no sense. At most
 * `sample` entries are read. */
struct psc_big_check {
	uint64_t n_read, n_live, n_near, n_bad;
	uint64_t n_odd;       /* live ones whose length is no number of pages */
	uint64_t n_flag_like; /* live ones whose type has exactly one of the bits of the pool flags */
};
void psc_big_layout_check(struct psc_kernel *k, const struct psc_big_layout *l, uint64_t table, uint64_t n,
			  uint64_t sample, struct psc_big_check *ret);
static inline bool psc_big_check_passes(const struct psc_big_check *c)
{
	return c->n_live >= 8 && c->n_near * 10 >= c->n_live * 9 && c->n_bad * 16 <= c->n_read;
}

/* Which layout the table at PoolTrackTable has; puts another than the built-in one into the profile. */
void psc_infer_tracker_layout(struct psc_kernel *k, uint64_t table);
void psc_infer_big_layout(struct psc_kernel *k, uint64_t table, uint64_t n);
/* Which allocator a build that has both runs. */
void psc_infer_allocator(struct psc_kernel *k, uint64_t table, uint64_t n);
void psc_infer_use_big_layout(struct psc_kernel *k, const struct psc_big_layout *l);

/* infer_track.c */
void psc_infer_track_table(struct psc_kernel *k); /* the variable itself, where nothing gives it */
void psc_infer_track(struct psc_kernel *k, const struct psc_cluster *c);
/* The tags of a table's n entries, 0 where there is none; items is the caller's to free. */
struct psc_track_keys {
	uint32_t *items;
	uint64_t n;
	uint32_t key_off;
};
bool psc_track_keys_read(struct psc_kernel *k, const struct psc_tracker_layout *l, uint64_t table, uint64_t n,
			 struct psc_track_keys *ret);
bool psc_track_keys_have(const struct psc_track_keys *keys, uint32_t key);
/* What a table's own entry in the big-page table says of its length. */
struct psc_own_entry {
	bool known;
	uint64_t bytes;
};
struct psc_own_entry psc_own_entry(struct psc_kernel *k, uint64_t va);
/* infer_expansion.c */
void psc_infer_expansion(struct psc_kernel *k, const struct psc_cluster *c, const struct psc_tracker_layout *l,
			 uint64_t table, uint64_t mask);
/* infer_big.c */
void psc_infer_big(struct psc_kernel *k, const struct psc_cluster *c);
/* The live entry of exactly this address; false: none, or there is no table. */
bool psc_big_lookup(struct psc_kernel *k, const struct psc_big_layout *l, uint64_t table, uint64_t n, uint64_t va,
		    struct psc_big_page *ret);
/* infer_lists.c: lookaside lists in processor blocks. */
void psc_infer_lookasides(struct psc_kernel *k);
/* infer_cookie.c: ExpPoolQuotaCookie, when the rest is known. d may be NULL. */
void psc_infer_cookie(struct psc_kernel *k, const struct psc_kernel_data *d);
/* infer_session.c: _EPROCESS.Session, and the tables and the heap of sessions. */
void psc_infer_session(struct psc_kernel *k, const struct psc_cluster *c);
/* Addresses of which the pool is known otherwise: processes and tables in nonpaged pool, entries of the big-page table.
 */
#define PSC_WITNESSES_MAX 256u
struct psc_witnesses {
	uint64_t nonpaged[PSC_WITNESSES_MAX], paged[PSC_WITNESSES_MAX];
	size_t n_nonpaged, n_paged;
	uint64_t pte_base, pfn_database; /* 0 not known */
};
void psc_witnesses_find(struct psc_kernel *k, struct psc_witnesses *ret);

/* infer_regions.c: the table of the regions of kernel space: {base, bytes} each. */
#define PSC_VA_REGIONS_MAX 0x14u
struct psc_va_table {
	uint64_t va;
	uint64_t base[PSC_VA_REGIONS_MAX], bytes[PSC_VA_REGIONS_MAX];
	size_t n, n_used;                      /* that make sense from va on; of these with a length */
	int nonpaged, paged, page_tables, pfn; /* which holds the witnesses; -1 none */
	uint32_t checks;
};
/* Reads up to n regions at va and holds them against the witnesses. false: they are no such table. */
bool psc_va_table_check(struct psc_kernel *k, const struct psc_witnesses *w, uint64_t va, size_t n,
			struct psc_va_table *ret);
void psc_infer_regions(struct psc_kernel *k, const struct psc_kernel_data *d, const struct psc_witnesses *w);
/* infer_mi.c: takes built-in offsets of the memory manager's structures out where the bytes contradict them. */
void psc_infer_check_mi(struct psc_kernel *k, const struct psc_witnesses *w);

/* infer_descriptors.c */
void psc_infer_descriptors(struct psc_kernel *k, const struct psc_kernel_data *d);

#endif
