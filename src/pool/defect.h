/* SPDX-License-Identifier: MIT */
/* What contradicts itself in the pool, with its address. Reference: pool 10.1. */
#ifndef PSC_POOL_DEFECT_H
#define PSC_POOL_DEFECT_H

#include <poolscope/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum psc_defect_kind {
	PSC_DEFECT_SEGMENT_SIGNATURE, /* does not decode to the heap's context */
	PSC_DEFECT_SEGMENT_LIST,      /* a link that leads nowhere, or not back */
	PSC_DEFECT_RANGE_DESCRIPTOR,  /* first and later units do not fit, or the tree signature is missing */
	PSC_DEFECT_VS_SUBSEGMENT,     /* signature */
	PSC_DEFECT_VS_CHUNK,          /* header does not decode; found: bytes to the next one that does */
	PSC_DEFECT_VS_PREVIOUS,       /* size of the chunk before, in units */
	PSC_DEFECT_LFH_GEOMETRY,      /* first block and block size are not possible */
	PSC_DEFECT_LFH_BITMAP,        /* clear bits against FreeCount */
	PSC_DEFECT_LFH_WITHHELD,      /* blocks across pages against WitheldBlockCount */
	PSC_DEFECT_BLOCK_HEADER,      /* pool header against its storage: found BlockSize in bytes */
	PSC_DEFECT_LARGE_TREE,        /* a link that leads nowhere, or in a circle */
	PSC_DEFECT_SPECIAL_RECORD,    /* of a special-pool page: found its first word */
	PSC_DEFECT_SPECIAL_PATTERN,   /* of a special-pool page, before or behind its block */
	PSC_DEFECT_SPECIAL_GUARD,     /* the page behind such a block exists: found its page table entry */
	/* Classic allocator: sizes in bytes. The container is the page. */
	PSC_DEFECT_FIRST_HEADER,  /* of a page: a size before it */
	PSC_DEFECT_PREVIOUS_SIZE, /* of the block before, against that block */
	PSC_DEFECT_SIZE_ZERO,
	PSC_DEFECT_CROSSES_PAGE,
	PSC_DEFECT_BLOCK_SIZE,    /* leads to no header that leads back */
	PSC_DEFECT_POOL_TYPE,     /* bits that are not possible here */
	PSC_DEFECT_POOL_INDEX,    /* of no descriptor: expected at most */
	PSC_DEFECT_QUOTA_PROCESS, /* charged, but to no process: found as stored */
	/* Tables and lists. */
	PSC_DEFECT_BIG_ENTRY,     /* address or size not possible, or beyond its pool; found: bytes */
	PSC_DEFECT_BIG_OVERLAP,   /* expected: end of the allocation before */
	PSC_DEFECT_BIG_DUPLICATE, /* two live entries of one address */
	PSC_DEFECT_BIG_SLOT,      /* a search from its hash ends before it; found: its slot, expected: its hash's */
	PSC_DEFECT_BIG_UNMAPPED,  /* a page of a big allocation, its container, does not exist; found: its entry */
	PSC_DEFECT_TRACKER_SLOT,  /* as for big allocations; the container is the table */
	PSC_DEFECT_TRACKER_TWICE, /* a tag in two slots of a table: expected the first, found this one */
	PSC_DEFECT_TRACKER_OTHER, /* a processor's slot names another tag than the main table: keys */
	PSC_DEFECT_FREE_LINK,     /* of a free list, to what does not lead back; the container is the list's head */
	PSC_DEFECT_FREE_IN_USE,   /* on a free list, and in use: found PoolType */
	PSC_DEFECT_FREE_SIZE,     /* on the free list of another size: bytes */
	/* Driver Verifier (blame/verifier_defects.c). */
	PSC_DEFECT_VERIFIER_RECORD,  /* of no block in use with its tag; the container is the record: tags, 0 free */
	PSC_DEFECT_VERIFIER_TRAILER, /* the block's last pointer, which should be the record's address */
	PSC_DEFECT_VERIFIER_COUNT,   /* of a driver: expected by its counters, found records */
	PSC_DEFECT_VERIFIER_BYTES,   /* likewise */
	PSC_DEFECT_LOOKASIDE_LINK,   /* leads nowhere, or in a circle; the container is the list's head */
	PSC_DEFECT_MAX
};
/* "segment signature", ... in the words of the field. */
const char *psc_defect_name(enum psc_defect_kind kind);

struct psc_defect {
	uint64_t va;              /* of what is wrong */
	uint64_t container;       /* heap, segment or subsegment that it belongs to; 0 none */
	uint64_t expected, found; /* as the kind says; 0 where there is nothing to say */
	enum psc_defect_kind kind;
	uint64_t top_pa; /* of the page tables of the session in whose heap it is; 0: of the kernel, or not known */
};

/* The lowest PSC_DEFECTS_MAX by address, whatever the order in which they are found; and the number of all. */
#define PSC_DEFECTS_MAX ((size_t)4096)
struct psc_defects {
	struct psc_defect *items;
	size_t n, cap;
	uint64_t n_found;
	bool no_memory;
};
void psc_defects_add(struct psc_defects *d, const struct psc_defect *item);
void psc_defects_merge(struct psc_defects *into, const struct psc_defects *from);
/* By address; call before reading items. */
void psc_defects_sort(struct psc_defects *d);
void psc_defects_deinit(struct psc_defects *d);

#endif
