/* SPDX-License-Identifier: MIT */
/* Physical memory as a container stores it: which pages exist, where they are in the file, and what the header says.
 *
 * An image is read-only after psc_image_open: all functions below are thread-safe.
 * Layouts: Windows dump containers as in reference dumps.md sections 1-14, restated where they are parsed. */
#ifndef PSC_IMAGE_IMAGE_H
#define PSC_IMAGE_IMAGE_H

#include "io/source.h"
#include "util/arena.h"
#include <poolscope/dump.h>

#define PSC_PAGE_BYTES 4096u
#define PSC_PAGE_SHIFT 12

/* DUMP_HEADER32/64, decoded. A field that still holds the writer's fill pattern "PAGE" (or, where zero makes no sense,
 * zero) is absent: its value is 0 and its bit in `present` is clear. */
enum psc_header_field {
	PSC_HDR_DIRECTORY_TABLE_BASE,
	PSC_HDR_PFN_DATABASE,
	PSC_HDR_PS_LOADED_MODULE_LIST,
	PSC_HDR_PS_ACTIVE_PROCESS_HEAD,
	PSC_HDR_KD_DEBUGGER_DATA_BLOCK,
	PSC_HDR_BUGCHECK,
	PSC_HDR_SYSTEM_TIME,
	PSC_HDR_SYSTEM_UP_TIME,
	PSC_HDR_PAE_ENABLED,
	PSC_HDR_MINI_DUMP_FIELDS,
	PSC_HDR_ATTRIBUTES,
	PSC_HDR_PRODUCT_TYPE,
	PSC_HDR_SUITE_MASK,
	PSC_HDR_PHYSICAL_MEMORY_BLOCK,
	PSC_HDR_DUMP_TYPE,
	PSC_HDR_PROCESSORS,
};

struct psc_dump_header {
	bool is_64bit;
	uint32_t present; /* bit per enum psc_header_field */
	uint32_t major_version, build;
	uint64_t directory_table_base;
	uint64_t pfn_database; /* address of the variable MmPfnDatabase */
	uint64_t ps_loaded_module_list, ps_active_process_head, kd_debugger_data_block; /* 32-bit ones zero-extended */
	enum psc_machine machine;
	uint32_t machine_value;
	uint32_t processors;
	uint32_t bugcheck_code;
	uint64_t bugcheck_parameters[4];
	bool pae_enabled;
	uint32_t dump_type_value;
	uint64_t system_time_filetime, uptime_100ns;
	uint32_t product_type, suite_mask, attributes, mini_dump_fields;
	char comment[129]; /* printable ASCII, "" when absent */
};

static inline bool psc_header_has(const struct psc_dump_header *h, enum psc_header_field f)
{
	return (h->present >> f & 1) != 0;
}

enum psc_image_kind {
	PSC_IMAGE_PHYSICAL, /* pages by pfn */
	PSC_IMAGE_VIRTUAL,  /* triage: saved ranges by virtual address */
	PSC_IMAGE_EMPTY,    /* header only */
};

enum psc_page_presence {
	PSC_PAGE_PRESENT,
	PSC_PAGE_HOLE,      /* no such memory, as far as the container knows */
	PSC_PAGE_ABSENT,    /* left out by the writer */
	PSC_PAGE_TRUNCATED, /* promised, but behind the end of the file */
};

/* One saved virtual range of a triage dump, after precedence and clipping: ascending, disjoint. */
struct psc_saved_range {
	uint64_t va;
	uint64_t size_bytes;
	uint64_t file_offset;
	const char *what; /* "data block", "stack", "debugger data", "data page", "prcb", "thread", "process" */
};

/* Driver list and unloaded list of a triage dump. Strings UTF-8. */
struct psc_triage_module {
	uint64_t base;
	uint32_t size_of_image, checksum, time_date_stamp;
	const char *path;
	bool unloaded;
	uint64_t end; /* unloaded only */
};

/* A processor's registers as a container without a Windows header saved them. 0 = not saved. */
struct psc_image_cpu {
	uint64_t cr3, cr4, gs_base, kernel_gs_base, idt_base;
};

struct psc_image;

struct psc_image_options {
	bool is_raw;                   /* a raw image even if it begins like something else */
	const struct psc_run_map *map; /* of a raw image; else address and file offset are the same */
	size_t n_map;
	/* Further files of the same dump (state of a .vmem, parts of a split dump), borrowed like src. */
	const struct psc_source *const *more;
	size_t n_more;
	const char *tmpdir;              /* for what must be rearranged; NULL = system default */
	struct psc_progress *progress;   /* may be NULL */
	const struct psc_cancel *cancel; /* for all that reads the image; NULL: none */
};

/* Recognise the container and read its metadata. src is borrowed and must outlive the image. opts may be NULL.
 * A file that is no container at all but consists of whole pages is opened as a raw image ("raw"), to be confirmed by a
 * kernel in it. Anything else that is no memory of a Windows machine gives PSC_E_FORMAT or PSC_E_UNSUPPORTED with a
 * text that names what it is and what to do. */
enum psc_status psc_image_open_with(const struct psc_source *src, const struct psc_image_options *opts,
				    struct psc_image **ret, struct psc_error *reterr);
/* Without options. */
enum psc_status psc_image_open(const struct psc_source *src, struct psc_image **ret, struct psc_error *reterr);
void psc_image_close(struct psc_image *img); /* NULL allowed */

enum psc_image_kind psc_image_get_kind(const struct psc_image *img);
/* "dump64", "dump32", "raw", "lime", "elf", "kdump", "vmware", "hibernation": what psc_dump_info.format says. */
const char *psc_image_format(const struct psc_image *img);
/* False for containers that only hold memory. Their header says nothing, except perhaps for the machine, until
 * psc_image_describe() has put there what was found in the memory. */
bool psc_image_has_header(const struct psc_image *img);
const struct psc_dump_header *psc_image_header(const struct psc_image *img);
/* Before the image is shared. */
void psc_image_describe(struct psc_image *img, const struct psc_dump_header *header);
const struct psc_image_cpu *psc_image_cpus(const struct psc_image *img, size_t *ret_n);
/* Pages are decoded when they are read: their file offsets are only an order to read them in. */
bool psc_image_is_decoded(const struct psc_image *img);
enum psc_dump_type psc_image_dump_type(const struct psc_image *img);
/* Warnings found while opening (wrong sums, truncation, ...). */
const struct psc_warnings *psc_image_warnings(const struct psc_image *img);
/* Whether what reads the image is to end early. */
bool psc_image_is_cancelled(const struct psc_image *img);
/* PSC_E_CANCELLED, of an image that is being opened. */
enum psc_status psc_image_fail_cancelled(struct psc_error *reterr);
const struct psc_cancel *psc_image_cancel(const struct psc_image *img);
uint64_t psc_image_pages_described(const struct psc_image *img);
uint64_t psc_image_pages_present(const struct psc_image *img);
uint64_t psc_image_highest_pfn(const struct psc_image *img); /* 0 when there are no pages */
uint64_t psc_image_expected_size(const struct psc_image *img);
bool psc_image_is_truncated(const struct psc_image *img);

/* Where a page is in the file: O(1) for bitmaps, O(log runs) else. *ret_off only when PRESENT; see
 * psc_image_is_decoded(). */
enum psc_page_presence psc_image_locate(const struct psc_image *img, uint64_t pfn, uint64_t *ret_off);
/* How many pages from pfn on (at most max_pages, at least 1 when pfn is present) lie at consecutive file offsets. 0
 * when pfn is not present. */
uint64_t psc_image_contiguous(const struct psc_image *img, uint64_t pfn, uint64_t max_pages, uint64_t *ret_off);
/* The page's 4096 bytes: in place when the source is mapped, else read into scratch. NULL when not present (*ret says
 * why; a read error counts as TRUNCATED). */
const uint8_t *psc_image_page(const struct psc_image *img, uint64_t pfn, uint8_t scratch[PSC_PAGE_BYTES],
			      enum psc_page_presence *ret);
/* n bytes at a physical address, across pages. Returns the number of leading bytes that could be read. */
size_t psc_image_read_pa(const struct psc_image *img, uint64_t pa, void *buf, size_t n);

/* A page file of the same moment, borrowed; before the image is shared. Its pages then have physical addresses of their
 * own, above all memory. */
#define PSC_PAGEFILES_MAX 16u
enum psc_status psc_image_add_pagefile(struct psc_image *img, unsigned number, const struct psc_source *src,
				       struct psc_error *reterr);
bool psc_image_has_pagefile(const struct psc_image *img, uint32_t number);
/* False when that file was not given, or is too short. */
bool psc_image_pagefile_pa(const struct psc_image *img, uint32_t number, uint64_t page, uint64_t *ret_pa);

/* Triage only. */
const struct psc_saved_range *psc_image_saved_ranges(const struct psc_image *img, size_t *ret_n);
const struct psc_triage_module *psc_image_triage_modules(const struct psc_image *img, size_t *ret_n);
/* Number of leading bytes at va that the saved ranges hold, copied to buf. */
size_t psc_image_read_saved(const struct psc_image *img, uint64_t va, void *buf, size_t n);
/* KDBG copy of a triage dump: file offset and size; false when there is none. */
bool psc_image_triage_kdbg(const struct psc_image *img, uint64_t *ret_off, uint32_t *ret_size);
/* Leading bytes of the header's ContextRecord, the registers of the exception; 0 without a header. Not checked: writers
 * fill the record with "PAGE" when they have none. */
size_t psc_image_read_context(const struct psc_image *img, void *buf, size_t n);
const struct psc_source *psc_image_source(const struct psc_image *img);

#endif
