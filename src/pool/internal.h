/* SPDX-License-Identifier: MIT */
/* What the files of this folder share and no other layer needs. */
#ifndef PSC_POOL_INTERNAL_H
#define PSC_POOL_INTERNAL_H

#include "pool/pool.h"

#define PSC_TAG_POOL     0x6c6f6f50u /* "Pool" */
#define PSC_TAG_OVERFLOW 0x6c66764fu /* "Ovfl" */

/* Bytes of a tag that are printable ASCII, the protected bit ignored: 0..4. */
unsigned psc_tag_printable(uint32_t tag);
/* Type bits that a header of this pool may have, and for blocks in use a mostly printable tag. PSC_POOL_MAX: any pool.
 */
/* Legal type bits, and paged or not as the pool is (PSC_POOL_MAX: either). */
bool psc_pool_header_type_plausible(const struct psc_pool_header *h, const struct psc_pool_rules *rules,
				    enum psc_pool pool);
/* And, in use, a tag that is mostly printable. */
bool psc_pool_header_plausible(const struct psc_pool_header *h, const struct psc_pool_rules *rules, enum psc_pool pool);
bool psc_pool_header_is_session(const struct psc_pool_header *h, const struct psc_pool_rules *rules);

/* As psc_pool_page_parse; strict: where the range of the pool is not known from the kernel, so that tags must look
 * right and a broken chain needs more links. */
void psc_pool_page_parse_as(const uint8_t page[PSC_PAGE_BYTES], const struct psc_pool_rules *rules, enum psc_pool pool,
			    bool strict, struct psc_page_blocks *ret);

/* What contradicts itself on a page that was taken for pool. n_indices: of the pool's descriptors, 0 not known. */
void psc_page_defects(const uint8_t page[PSC_PAGE_BYTES], const struct psc_pool_rules *rules, enum psc_pool pool,
		      uint32_t n_indices, const struct psc_page_blocks *blocks, uint64_t page_va,
		      struct psc_defects *ret);

/* ---- tables of the kernel, read in pieces: pages may be missing ---- */
struct psc_table_visitor {
	/* false stops. entry: stride bytes. */
	bool (*entry)(void *arg, uint64_t index, const uint8_t *bytes);
	void (*missing)(void *arg, uint64_t first, uint64_t end); /* entries [first, end); may be NULL */
	void *arg;
};
/* stride: 1 .. 4096. Adds the bytes of entries that cannot be read whole to *bytes_missing (may be NULL). false when
 * the visitor stopped. */
bool psc_table_read(struct psc_reader *r, uint64_t va, uint64_t n, uint32_t stride,
		    const struct psc_table_visitor *visitor, uint64_t *bytes_missing);
/* More entries than the pages of this dump can hold: only page tables that repeat themselves show more. */
uint64_t psc_table_entries_max(const struct psc_kernel *k, uint32_t stride);

/* ---- sessions (sessions.c) ---- */
struct psc_session {
	uint64_t va;               /* of its _MM_SESSION_SPACE */
	uint32_t id;               /* 0 also when it is not known */
	struct psc_reader *reader; /* through a process of it; valid during the visit */
};
struct psc_sessions {
	size_t n_lost;       /* not readable through any process */
	bool is_list_broken; /* of processes: sessions may be missing */
	bool is_cut, no_memory;
};
/* Each session once; visit returns false to end. */
void psc_sessions_visit(struct psc_kernel *k, bool (*visit)(void *arg, const struct psc_session *s), void *arg,
			struct psc_sessions *ret);

/* ---- layouts ---- */
struct psc_tracker_layout {
	uint32_t entry_bytes, key;
	struct {
		uint32_t allocs, frees, bytes;
	} half[2];                         /* nonpaged, paged */
	uint32_t count_width, bytes_width; /* 4 or 8 */
};
bool psc_tracker_layout_find(const struct psc_kernel *k, struct psc_tracker_layout *ret);

/* Every layout that kernels of this architecture have had, newest first. */
#define PSC_LAYOUTS_MAX 8
size_t psc_tracker_layouts(const struct psc_kernel *k, struct psc_tracker_layout ret[PSC_LAYOUTS_MAX]);

enum psc_big_type { PSC_BIG_TYPE_NONE, PSC_BIG_TYPE_POOL_TYPE, PSC_BIG_TYPE_POOL_FLAGS };
struct psc_big_layout {
	uint32_t entry_bytes, va, key, size;
	uint32_t size_width; /* 4 or 8 */
	bool size_in_pages;
	enum psc_big_type type_kind;
	uint32_t type, type_shift, type_mask;
	bool has_process;
	uint32_t process;
	uint32_t pointer_bytes;
};
bool psc_big_layout_find(const struct psc_kernel *k, struct psc_big_layout *ret);
size_t psc_big_layouts(const struct psc_kernel *k, struct psc_big_layout ret[PSC_LAYOUTS_MAX]);
void psc_big_entry_parse(const uint8_t *bytes, const struct psc_big_layout *l, struct psc_big_page *ret);
/* psc_big_pages_read without warnings; defects gets the entries that make no sense. */
void psc_big_pages_check(struct psc_kernel *k, bool (*visit)(void *arg, const struct psc_big_page *p), void *arg,
			 struct psc_defects *defects, struct psc_big_pages *ret);
/* The same of a table of n entries at va, of another address space. */
void psc_big_table_check(struct psc_kernel *k, struct psc_reader *r, const struct psc_big_layout *layout, uint64_t va,
			 uint64_t n, bool (*visit)(void *arg, const struct psc_big_page *p), void *arg,
			 struct psc_defects *defects);

/* ---- big_defects.c: a table against its hash and the page tables; what few tables say is believed together ---- */
struct psc_big_proof {
	struct psc_kernel *k;
	struct psc_reader *reader;              /* of the address space of the table's allocations */
	const struct psc_pool_regions *regions; /* NULL: of a session */
	struct psc_big_layout layout;
	uint64_t table_va, n_entries;
	uint64_t *never_used;                /* a bit per slot; NULL: not known */
	uint64_t n_words_left, n_pages_left; /* work */
	uint64_t n_slots, n_mapped;          /* entries that were checked */
	struct psc_defects slots, pages;
};
/* Of the table that c names: frees what it knew of the table before. false: out of memory. */
bool psc_big_proof_begin(struct psc_big_proof *c);
void psc_big_proof_entry(struct psc_big_proof *c, const struct psc_big_page *p); /* live */
/* What is proven goes to ret; frees all. */
void psc_big_proof_finish(struct psc_big_proof *c, struct psc_defects *ret);

/* ---- hashes ---- */
/* Reference: pool 5.3 [2]. */
static inline uint32_t psc_tracker_hash(uint32_t tag)
{
	uint64_t h = 0x9e5fu * (uint64_t)tag;
	return (uint32_t)h ^ (uint32_t)(h >> 32);
}

/* Reference: pool 4.4 [1], Vista and later. */
static inline uint32_t psc_big_hash(uint64_t va)
{
	uint64_t h = 0x9e5fu * (uint64_t)(uint32_t)(va >> PSC_PAGE_SHIFT);
	return (uint32_t)(h ^ (h >> 32));
}

/* Reference: pool 4.4 [1], XP and 2003. */
static inline uint32_t psc_big_hash_5(uint64_t va)
{
	uint32_t page = (uint32_t)(va >> PSC_PAGE_SHIFT);
	return page >> 24 ^ page >> 16 ^ page >> 8 ^ page;
}

/* ---- the globals of pool sections 4.1 and 5.1 ---- */
struct psc_pool_globals {
	uint64_t track_table, track_size, track_mask; /* values; size in entries with the overflow record */
	bool has_track;
	const char *why_no_track; /* static */
	uint64_t tag_tables;      /* address of the array ExPoolTagTables, 0 not known or before Vista */
	uint64_t tag_tables_max;  /* elements that the array may have */
	uint64_t expansion, expansion_size;
	bool expansion_known;
	uint64_t big_table, big_size;
	bool has_big;
	const char *why_no_big;
};
void psc_pool_globals_find(struct psc_kernel *k, struct psc_warnings *warnings, struct psc_pool_globals *ret);
#define PSC_TRACK_SIZE_MAX ((1u << 20) + 1)
#define PSC_BIG_SIZE_MAX   (1u << 26)

/* ---- sums of tracker tables ---- */
#define PSC_TRACKER_TAGS_MAX ((size_t)1 << 18)
struct psc_tracker_read {
	struct psc_kernel *k;
	struct psc_warnings *warnings;
	struct psc_tracker_layout layout;
	struct psc_hashmap sums; /* tag -> struct psc_tracker_sum */
	uint64_t n_entries_left; /* work budget */
	uint64_t bytes_total, bytes_missing;
	size_t n_tables;
	bool no_memory, too_many_tags, all_incomplete, has_session, session_incomplete, hash_disagrees;
	struct psc_defects *defects; /* NULL: not asked for */
};
struct psc_tracker_sum {
	struct psc_tracker_counts half[PSC_POOL_MAX];
	uint32_t slot; /* + 1, where it was found; 0: not in a hashed table */
	bool is_protected, incomplete;
};
/* NULL when out of memory (no_memory) or beyond the limit of tags (too_many_tags). */
struct psc_tracker_sum *psc_tracker_sum_at(struct psc_tracker_read *t, uint32_t key);
/* Into both halves of sum, or all into its session half. */
void psc_tracker_entry_add(const struct psc_tracker_layout *l, const uint8_t *entry, bool session,
			   struct psc_tracker_sum *sum);
bool psc_tracker_entry_is_zero(const struct psc_tracker_layout *l, const uint8_t *entry);
void psc_tracker_sessions_read(struct psc_tracker_read *t);
/* ret_keys: where defects are asked for, the keys of its entries (0: unused or not in the dump), to be freed. */
void psc_tracker_expansion_add(struct psc_tracker_read *t, const struct psc_pool_globals *g, uint32_t **ret_keys,
			       uint64_t *ret_n);
/* One more defect, of entry index of the table at va; nothing where none are asked for. */
void psc_tracker_defect(struct psc_tracker_read *t, enum psc_defect_kind kind, uint64_t va, uint64_t index,
			uint64_t expected, uint64_t found);
/* One table. missing: 2 set where its own slot cannot be read. */
struct psc_tracker_slots {
	const uint32_t *keys;
	const uint8_t *missing;
	uint64_t va, mask, size;
	/* Of the main table: tags that found no slot in it. */
	const uint32_t *expansion_keys;
	uint64_t expansion_va, n_expansion;
};
/* tracker_defects.c: the main table; sets t->hash_disagrees; Vista and later. */
void psc_tracker_slots_check(struct psc_tracker_read *t, const struct psc_tracker_slots *s);
/* Tables of which nothing says that they obey the hash: their tags prove it together. s->mask is below s->size. */
struct psc_tracker_proof {
	struct psc_defects defects;
	uint64_t n_tags;
};
void psc_tracker_slots_prove(struct psc_tracker_read *t, const struct psc_tracker_slots *s,
			     struct psc_tracker_proof *p);
void psc_tracker_proof_finish(struct psc_tracker_read *t, struct psc_tracker_proof *p);
/* From the sums to sorted ret->rows. false: out of memory. */
bool psc_tracker_rows_make(struct psc_tracker_read *t, struct psc_arena *arena, struct psc_trackers *ret);
/* Warns of negative totals; takes back a table that is none. */
void psc_tracker_rows_check(struct psc_tracker_read *t, struct psc_trackers *ret);

/* ---- pool descriptors (pool section 3.2) ---- */
struct psc_pool_descriptor {
	uint64_t va;
	bool is_paged;
};
#define PSC_DESCRIPTORS_MAX 256
struct psc_pool_descriptors {
	struct psc_pool_descriptor items[PSC_DESCRIPTORS_MAX];
	size_t n;
	bool complete[2];      /* nonpaged, paged: the number that the kernel says was found */
	uint32_t n_indices[2]; /* a header's PoolIndex is below; 0: not known (pool 2.3) */
};
void psc_pool_descriptors_find(struct psc_kernel *k, struct psc_pool_descriptors *ret);
/* Pages in use by small and big blocks of all descriptors of a pool; false when one could not be read. */
bool psc_pool_descriptors_pages(struct psc_kernel *k, const struct psc_pool_descriptors *d, bool paged,
				uint64_t *ret_pages);

/* A member of a structure at base: address, 0 when either is not known. */
static inline uint64_t psc_member_va(const struct psc_kernel *k, uint64_t base, enum psc_field_id f)
{
	const struct psc_field *field = psc_profile_field(&k->profile, f);
	return base != 0 && field ? base + field->offset : 0;
}
/* What charged processes are combined with from 8 on (pool section 2.4): from its variable, else as inferred. false,
 * and 0: not known. */
bool psc_pool_quota_cookie(struct psc_kernel *k, uint64_t *ret);
/* _MI_VISIBLE_STATE, by its pointer or inside MiState; 0 not known. */
uint64_t psc_visible_state_va(struct psc_kernel *k);
/* x64: where page tables show as data; 0 not known (regions.c). */
uint64_t psc_pte_base(struct psc_kernel *k);
bool psc_kernel_is_64bit(const struct psc_kernel *k);
/* Processors by control blocks or the dump header, whichever is more; 0 not known. */
uint32_t psc_pool_processors(const struct psc_kernel *k);
/* Reference: pool_enums.tsv, _MI_SYSTEM_VA_TYPE and _MI_ASSIGNED_REGION_TYPES by build [V]. */
uint8_t psc_va_type_of_pool(uint32_t build, enum psc_pool pool);
uint8_t psc_va_type_of_special(enum psc_pool pool); /* up to 17763 */
unsigned psc_assigned_region_of_pool(uint32_t build, enum psc_pool pool);

/* ---- making struct psc_pool_regions ---- */
#define PSC_REGION_BY_BYTES 1u
#define PSC_REGION_SPECIAL  2u
/* [lo, last], without what is in ret already. Nonsense (user addresses, lo > last) is ignored. */
void psc_pool_regions_add(const struct psc_kernel *k, struct psc_pool_regions *ret, enum psc_pool pool, uint64_t lo,
			  uint64_t last, const char *source, unsigned flags);
/* Ranges of one VA type, 512 GiB each; 15063 and later, x64. */
void psc_pool_regions_from_slots(struct psc_kernel *k, uint64_t visible, enum psc_pool pool, uint8_t type,
				 unsigned flags, struct psc_pool_regions *ret);
/* One of SystemVaRegions. */
void psc_pool_regions_from_assigned(struct psc_kernel *k, uint64_t visible, enum psc_pool pool, unsigned index,
				    unsigned flags, struct psc_pool_regions *ret);
/* What a _MI_DYNAMIC_BITMAP covers, by the addresses of its BaseVa and MaximumSize; 0: not known. */
void psc_pool_regions_from_bitmap(struct psc_kernel *k, uint64_t at_base, uint64_t at_size, enum psc_pool pool,
				  const char *source, unsigned flags, struct psc_pool_regions *ret);
/* 10240 and later: memory-manager state (pool 3.3). */
void psc_pool_regions_from_mi_state(struct psc_kernel *k, struct psc_pool_regions *ret);
/* An array of VA types, one byte per page directory entry. */
void psc_pool_regions_from_va_types(struct psc_kernel *k, uint64_t types_va, const char *source,
				    struct psc_pool_regions *ret);

#endif
