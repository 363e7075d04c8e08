/* SPDX-License-Identifier: MIT */
/* What the files of src/image share. */
#ifndef PSC_IMAGE_INTERNAL_H
#define PSC_IMAGE_INTERNAL_H

#include "image/image.h"

#define PSC_HEADER64_BYTES 0x2000u
#define PSC_HEADER32_BYTES 0x1000u
#define PSC_PROBE_BYTES    0x2000u

#define PSC_FILL_U32 UINT32_C(0x45474150)         /* "PAGE" */
#define PSC_FILL_U64 UINT64_C(0x4547415045474150) /* "PAGEPAGE" */

/* Physical addresses have at most 52 bits. */
#define PSC_PFN_END (UINT64_C(1) << 40)

#define PSC_ATTR_INSUFFICIENT_SPACE 0x04u
#define PSC_ATTR_LIVE               0x10u
#define PSC_ATTR_ENCRYPTED          0x100u
#define PSC_ATTR_DECRYPTED          0x200u

/* Pages [pfn, pfn + n_pages) at file offsets from off on. */
struct psc_extent {
	uint64_t pfn, n_pages, off;
};

/* bits is the bitmap as stored; n_full of its 64-bit words lie wholly below n_bits, tail is what is left, masked.
 * rank[i] = number of set bits below bit 1024 * i. */
struct psc_bitmap {
	const uint8_t *bits;
	uint8_t *owned;
	uint64_t n_bits, n_full, tail;
	uint64_t *rank;
	uint64_t first_page; /* file offset */
};

enum psc_page_layout { PSC_LAYOUT_NONE, PSC_LAYOUT_EXTENTS, PSC_LAYOUT_BITMAP, PSC_LAYOUT_DECODED };

/* Pages that are decoded when they are read. All calls but close are thread-safe. */
struct psc_decoder {
	/* *ret_run (at least 1): how many pages from pfn on have the same presence; of no interest beyond max. */
	enum psc_page_presence (*locate)(const struct psc_decoder *d, uint64_t pfn, uint64_t max, uint64_t *ret_run);
	bool (*read)(const struct psc_decoder *d, uint64_t pfn, uint8_t page[PSC_PAGE_BYTES]);
	void (*close)(struct psc_decoder *d);
};

#define PSC_IMAGE_CPUS_MAX 64

struct psc_saved_set {
	struct psc_saved_range *items;
	size_t n;
};

struct psc_image {
	const struct psc_source *src;
	const struct psc_cancel *cancel;
	uint64_t size; /* of the source */
	struct psc_arena arena;
	struct psc_warnings warnings;
	const char *format;
	bool has_header;
	struct psc_dump_header header;
	uint32_t header_bytes;
	struct psc_image_cpu *cpus; /* in the arena */
	size_t n_cpus;
	enum psc_image_kind kind;
	enum psc_dump_type type;
	uint64_t pages_described, pages_present; /* the first pages_present of the file's pages are whole */
	uint64_t highest_pfn, expected_size;
	bool is_truncated;

	enum psc_page_layout layout;
	enum psc_page_presence outside; /* of a page that no extent holds */
	struct psc_extent *extents;     /* ascending, disjoint, coalesced */
	size_t n_extents;
	struct psc_bitmap bitmap;
	struct psc_decoder *decoder;
	const struct psc_source *pagefiles[PSC_PAGEFILES_MAX];

	struct psc_saved_set saved;
	struct psc_triage_module *modules;
	size_t n_modules;
	bool has_kdbg;
	uint64_t kdbg_off;
	uint32_t kdbg_size;
};

/* probe.c. n is min(PSC_PROBE_BYTES, file size). PSC_OK only for what is read. */
enum psc_container {
	PSC_CONTAINER_DUMP64,
	PSC_CONTAINER_DUMP32,
	PSC_CONTAINER_RAW, /* nothing speaks against it */
	PSC_CONTAINER_LIME,
	PSC_CONTAINER_ELF,
	PSC_CONTAINER_KDUMP,
	PSC_CONTAINER_VMWARE,
	PSC_CONTAINER_HIBERNATION,
};
enum psc_status psc_probe(const uint8_t *head, size_t n, uint64_t file_size, enum psc_container *ret,
			  struct psc_error *reterr);

/* header64.c, header32.c: decode PSC_HEADER64_BYTES / PSC_HEADER32_BYTES. */
void psc_header64_parse(const uint8_t *h, struct psc_dump_header *ret);
void psc_header32_parse(const uint8_t *h, struct psc_dump_header *ret);

/* The container parsers fill layout and expected_size of an image that has header, type and size. */
enum psc_status psc_runs_open(struct psc_image *img, const uint8_t *header, struct psc_error *reterr);
/* Bytes a full dump with the header's runs would have; false when the runs make no sense. */
bool psc_runs_expected_size(const struct psc_image *img, const uint8_t *header, uint64_t *ret);
enum psc_status psc_ranges_open(struct psc_image *img, struct psc_error *reterr);
enum psc_status psc_bitmap_open(struct psc_image *img, bool prefer_old_form, struct psc_error *reterr);
enum psc_status psc_triage_open(struct psc_image *img, struct psc_error *reterr);
bool psc_triage_has_mark(const struct psc_image *img);

/* The same for containers without a header. */
enum psc_status psc_raw_open(struct psc_image *img, const struct psc_run_map *map, size_t n_map,
			     struct psc_error *reterr);
enum psc_status psc_lime_open(struct psc_image *img, struct psc_error *reterr);
enum psc_status psc_elf_open(struct psc_image *img, struct psc_error *reterr);
enum psc_status psc_kdump_open(struct psc_image *img, const struct psc_image_options *opts, struct psc_error *reterr);

enum psc_status psc_hiber_open(struct psc_image *img, struct psc_error *reterr);
bool psc_vmware_is_state(const uint8_t *head, size_t n);
/* One of the further files is a state file. */
bool psc_vmware_has_state(const struct psc_image_options *opts);
enum psc_status psc_vmware_open(struct psc_image *img, const struct psc_image_options *opts, struct psc_error *reterr);

/* cpu_notes.c: the place for a processor's registers; NULL when there are too many or no memory is left. */
struct psc_image_cpu *psc_cpu_at(struct psc_image *img, size_t index);
/* The notes of an ELF file or of a kdump file, n bytes. */
void psc_notes_parse(struct psc_image *img, const uint8_t *notes, size_t n);

/* extents.c: built in file order, from next_off on; who adds may move next_off. */
struct psc_extents_builder {
	uint64_t next_off, n_pages;
	struct psc_rangeset *set;
};
enum psc_status psc_extents_add(struct psc_extents_builder *b, uint64_t pfn, uint64_t n_pages,
				struct psc_error *reterr);
enum psc_status psc_extents_finish(struct psc_image *img, struct psc_extents_builder *b, uint64_t first_off,
				   struct psc_error *reterr);
/* Memory at any file offset and of any size: whole pages of it. */
enum psc_status psc_extents_add_bytes(struct psc_extents_builder *b, uint64_t pa, uint64_t n_bytes, uint64_t off,
				      struct psc_error *reterr);
/* finish for extents that do not follow each other in the file. */
enum psc_status psc_extents_finish_scattered(struct psc_image *img, struct psc_extents_builder *b,
					     struct psc_error *reterr);

/* bitmap.c */
/* With bits and n_bits set: make the index. *ret_set: number of set bits. */
enum psc_status psc_bitmap_seal(struct psc_bitmap *b, uint64_t *ret_set, struct psc_error *reterr);
void psc_bitmap_deinit(struct psc_bitmap *b);
/* Set bits below bit pfn, which is one of the bitmap. */
uint64_t psc_bitmap_rank(const struct psc_bitmap *b, uint64_t pfn);
enum psc_page_presence psc_bitmap_locate(const struct psc_bitmap *b, uint64_t pfn, uint64_t *ret_index);
/* Set bits in a row from pfn on, at most max. */
uint64_t psc_bitmap_run(const struct psc_bitmap *b, uint64_t pfn, uint64_t max);

/* pagefile.c: the page file that holds such a frame, or NULL. */
const struct psc_source *psc_pagefile_of_frame(const struct psc_image *img, uint64_t pfn, uint64_t *ret_off);

/* saved.c: virtual ranges of a triage dump. */
struct psc_saved_input {
	uint64_t va, size_bytes, file_offset;
	const char *what;
};
#define PSC_SAVED_EXTRAS_MAX 6
/* blocks first (overlaps: the lower, then the earlier one wins), then each extra in turn where nothing is yet. All lie
 * inside the file and end below 2^64. *ret_overlaps counts overlaps among blocks. */
bool psc_saved_place(struct psc_saved_set *ret, const struct psc_saved_input *blocks, size_t n_blocks,
		     const struct psc_saved_input *extras, size_t n_extras, size_t *ret_overlaps);
size_t psc_saved_read(const struct psc_source *src, const struct psc_saved_set *set, uint64_t va, void *buf, size_t n);

/* triage_modules.c */
struct psc_triage_lists {
	uint64_t drivers_off, n_drivers;
	uint64_t strings_off;
	uint64_t unloaded_off;
};
enum psc_status psc_triage_modules_open(struct psc_image *img, const struct psc_triage_lists *l,
					struct psc_error *reterr);

#endif
