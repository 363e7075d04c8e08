/* SPDX-License-Identifier: MIT */
/* The segment heap's encodings: chunk headers of variable-size subsegments (VS), geometry of low-fragmentation ones
 * (LFH), and the two keys that hide them. Reference: pool 6.5, 6.6, 15. */
#ifndef PSC_POOL_SEG_H
#define PSC_POOL_SEG_H

#include "pool/internal.h"
#include "util/bytes.h"

/* ---- keys ---- */
struct psc_seg_keys {
	bool has_heap_key, has_lfh_low, has_lfh_high;
	uint64_t heap_key;
	uint64_t lfh_key;                     /* low half valid with has_lfh_low, high half with has_lfh_high */
	const char *heap_source, *lfh_source; /* "symbol", "segment", "solved"; NULL not known */
	uint32_t heap_votes, lfh_votes;       /* chunks, subsegments that agree; 0 when read */
	uint32_t heap_pages;                  /* distinct pages of these chunks */
};
/* From the globals of the heap where their page is in the dump; from saved blocks in a triage dump. */
enum psc_status psc_seg_keys_find(struct psc_kernel *k, struct psc_seg_keys *ret, struct psc_error *reterr);
struct psc_pool_keys psc_seg_keys_public(const struct psc_seg_keys *k);
/* From the blocks that a triage dump saved. Fill the members of their key, or leave them alone. */
enum psc_status psc_seg_solve_heap_key(struct psc_kernel *k, struct psc_seg_keys *ret, struct psc_error *reterr);
enum psc_status psc_seg_solve_lfh_key(struct psc_kernel *k, struct psc_seg_keys *ret, struct psc_error *reterr);

/* ---- VS chunks (pool 6.6) ---- */
struct psc_vs_chunk {
	uint32_t size, previous; /* units, chunk header included */
	uint32_t cost;           /* pages that a free chunk would give back; 0 in use */
	bool in_use;
	bool is_legal; /* the bits that no chunk sets are clear */
	/* In use only: */
	uint32_t page_offset; /* pages from the subsegment to the chunk */
	bool has_unused, skip_during_walk;
};
/* bytes: 16 of the chunk header (8 on 32-bit machines). */
void psc_vs_chunk_decode(const uint8_t *bytes, uint64_t va, uint64_t heap_key, bool is_64bit, struct psc_vs_chunk *ret);
/* Where the block of a chunk starts: behind its header, one unit further when that is the first of a page. */
static inline uint64_t psc_vs_block_va(uint64_t chunk_va, uint32_t unit_bytes)
{
	uint64_t va = chunk_va + unit_bytes;
	return (va + unit_bytes) % PSC_PAGE_BYTES == 0 ? va + unit_bytes : va;
}
static inline uint64_t psc_vs_chunk_of_block(uint64_t block_va, uint32_t unit_bytes)
{
	return block_va - (block_va % PSC_PAGE_BYTES == 0 ? 2 : 1) * unit_bytes;
}

/* ---- LFH subsegments (pool 6.5) ---- */
struct psc_lfh_layout {
	uint32_t free_count, block_count, withheld, block_offsets, unit_shift, unit_count, commit_state, bitmap;
	bool commit_state_in_qwords; /* u8, else u16 in bytes */
	bool one_bit;                /* of state for a block, else two */
	bool has_owner;              /* the third pointer is one, or a count of delayed frees with bit 0 set */
	uint32_t owner;              /* or the state of 26100 */
	bool full_shift;             /* the whole address is shifted, else its low half */
};
void psc_lfh_layout_init(struct psc_lfh_layout *ret, uint32_t build, bool is_64bit);
/* How many kernel pointers a head of 64 bits begins with. */
static inline unsigned psc_lfh_links(const struct psc_lfh_layout *l, const uint8_t *bytes)
{
	return l->has_owner && (bytes[l->owner] & 1) == 0 ? 3 : 2;
}
struct psc_lfh_subsegment {
	uint64_t va;
	uint32_t free_count, slots, withheld; /* slots: withheld ones included */
	uint32_t block_offsets;               /* encoded */
	uint32_t commit_state, unit_count;
	uint64_t range_bytes;
	uint32_t bitmap_bytes;
	uint32_t first, block_bytes; /* once decoded */
};
#define PSC_LFH_HEADER_BYTES 0x40u
#define PSC_LFH_RANGE_MAX    ((uint64_t)1 << 22)
/* bytes: PSC_LFH_HEADER_BYTES. false: not the head of a subsegment. */
bool psc_lfh_parse(const uint8_t *bytes, uint64_t va, const struct psc_lfh_layout *l, uint32_t unit_bytes,
		   struct psc_lfh_subsegment *ret);
/* What is added to the key for this subsegment: value ^ key = decoded. */
uint32_t psc_lfh_masked_offsets(const struct psc_lfh_subsegment *s, const struct psc_lfh_layout *l);
/* Decode and check: false when the result is not legal. */
bool psc_lfh_decode(struct psc_lfh_subsegment *s, const struct psc_lfh_layout *l, uint32_t lfh_key,
		    uint32_t unit_bytes);
/* As decode, but without holding the number of withheld blocks against the geometry. */
bool psc_lfh_unmask(struct psc_lfh_subsegment *s, const struct psc_lfh_layout *l, uint32_t lfh_key,
		    uint32_t unit_bytes);
bool psc_lfh_geometry_legal(const struct psc_lfh_subsegment *s, const struct psc_lfh_layout *l, uint32_t unit_bytes);
/* Slots that cross a page. */
uint32_t psc_lfh_crossing(uint32_t first, uint32_t block_bytes, uint32_t slots);
/* Busy slots by the bitmap (bitmap_bytes of it). */
uint32_t psc_lfh_busy_count(const uint8_t *bitmap, const struct psc_lfh_subsegment *s, const struct psc_lfh_layout *l);
static inline bool psc_lfh_slot_busy(const uint8_t *bitmap, const struct psc_lfh_layout *l, uint32_t slot)
{
	uint32_t bit = l->one_bit ? slot : slot * 2;
	return (bitmap[bit >> 3] >> (bit & 7) & 1) != 0;
}
/* Step between the block sizes of the bucket of this size; 0: no bucket has this size. */
uint32_t psc_lfh_bucket_step(uint32_t block_bytes, uint32_t unit_bytes);

/* ---- saved kernel memory of a triage dump ---- */
/* Visits it in address order, at most a page at a time, without stacks and what belongs to modules. */
struct psc_saved_totals {
	uint64_t saved_bytes, scanned_bytes;
};
void psc_saved_visit(struct psc_kernel *k, bool (*visit)(void *arg, uint64_t va, const uint8_t *bytes, uint32_t n),
		     void *arg, struct psc_saved_totals *ret);
/* Four letters, digits or blanks. */
bool psc_tag_is_plain(uint32_t tag);

#endif
