/* SPDX-License-Identifier: MIT */
/* Writers of every Windows crash-dump container from one lab machine. Layouts: reference/dumps.md (own tables here). */
#ifndef LAB_CONTAINER_H
#define LAB_CONTAINER_H

#include "mem.h"
#include <stdbool.h>
#include <stdint.h>

enum lab_container {
	LAB_CONTAINER_FULL,          /* DumpType 1 */
	LAB_CONTAINER_SUMMARY,       /* DumpType 2, SDMP bitmap in the old form, 32 and 64 bit */
	LAB_CONTAINER_HEADER,        /* DumpType 3 */
	LAB_CONTAINER_TRIAGE,        /* DumpType 4 */
	LAB_CONTAINER_BITMAP_FULL,   /* DumpType 5, FDMP */
	LAB_CONTAINER_BITMAP_KERNEL, /* DumpType 6, SDMP */
	LAB_CONTAINER_RANGE_KERNEL,  /* DumpType 8, RDMP, 64 bit only, unaligned first page */
	LAB_CONTAINER_RANGE_FULL,    /* DumpType 10, RDMP */
	/* Memory without a Windows header. */
	LAB_CONTAINER_RAW,
	LAB_CONTAINER_LIME,
	LAB_CONTAINER_ELF, /* as QEMU writes it: CPU notes, ROMs, ELF64 also for 32-bit guests */
	LAB_CONTAINER_MAX
};
#define LAB_CONTAINER_MEMORY_FIRST LAB_CONTAINER_RAW

/* "full", "summary", "header", "triage", "bitmap-full", "bitmap-kernel", "range-kernel", "range-full",
   "raw", "lime", "elf" */
const char *lab_container_name(enum lab_container c);
bool lab_container_parse(const char *name, enum lab_container *ret);

/* A virtual range to save in a triage dump. */
struct lab_va_range {
	uint64_t va;
	uint32_t size_bytes;
};

struct lab_triage_module {
	const char *path; /* \SystemRoot\system32\... ASCII */
	uint64_t base;
	uint32_t size_bytes, checksum, time_date_stamp;
};

struct lab_unloaded_module {
	const char *name; /* up to 12 characters are kept in a triage dump */
	uint64_t start, end;
};

/* What the header says. Fields that are UINT64_MAX / UINT32_MAX keep the fill pattern "PAGE". */
struct lab_header {
	bool is_64bit, pae;
	uint32_t machine;      /* 0x14c, 0x8664, 0xaa64 */
	uint32_t major, minor; /* 0xf, build */
	uint64_t pfn_database, ps_loaded_module_list, ps_active_process_head, kd_debugger_data_block;
	uint32_t n_processors;
	uint32_t bugcheck_code;
	uint64_t bugcheck_parameters[4];
	uint64_t system_time_filetime, system_up_time_100ns;
	uint32_t product_type, suite_mask, attributes;
	const char *comment; /* NULL: pattern */
	/* triage only */
	const struct lab_va_range *triage_ranges;
	uint32_t n_triage_ranges;
	const struct lab_triage_module *modules;
	uint32_t n_modules;
	const struct lab_unloaded_module *unloaded;
	uint32_t n_unloaded;
	uint64_t kdbg_va;
	uint32_t kdbg_size_bytes;
	uint64_t stack_va;
	uint32_t stack_size_bytes;
	/* triage only, optional (size 0 or NULL: absent) */
	struct lab_va_range prcb, process, thread;
	const uint8_t *kdbg_bytes; /* the decoded block; NULL: read at kdbg_va, right when it is not encoded there */
};

/* Streams the machine to a file. Untouched frames are written as zeros (sparse = true: as holes in the file).
   Bitmap kernel, summary and range-kernel containers leave out the frames dropped with lab_mem_drop_from_kernel_dumps.
   gzip_level 0: plain; 1..9: gzip (zlib, mtime 0 so that the bytes are reproducible). */
/* The header of a full dump whose memory is in the file already (lab_mem_keep_in). */
void lab_container_finish_full(struct lab_mem *m, const struct lab_header *h, const char *path);
void lab_container_write(struct lab_mem *m, const struct lab_header *h, enum lab_container kind, const char *path,
			 bool sparse, int gzip_level);
/* true if this container exists for the machine (32-bit machines have no RDMP; SUMMARY is written for builds before
 * 9200) */
bool lab_container_supported(const struct lab_header *h, enum lab_container kind);

#endif
