/* SPDX-License-Identifier: MIT */
/*
 * Kernel and driver images made by a real toolchain: C declarations generated here are compiled by clang
 * (--target=x86_64-pc-windows-msvc, i686-...) with CodeView and linked by lld-link into a PE with a PDB.
 * So PE headers, debug records, PDBs, exports and machine code come from tools that are not ours.
 */
#ifndef LAB_IMAGE_H
#define LAB_IMAGE_H

#include "mem.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lab_arch { LAB_ARCH_X86, LAB_ARCH_X64, LAB_ARCH_ARM64 };

/* A kernel global to place. The linker decides its RVA. */
struct lab_global {
	const char *name; /* undecorated, e.g. "PoolTrackTable" */
	uint32_t size_bytes;
	uint32_t align;
	uint32_t rva; /* where it has to be; 0: the linker decides */
};

struct lab_image {
	uint8_t *file; /* the linked file as on disk */
	size_t file_size;
	uint8_t *mapped; /* laid out as in memory, size_of_image bytes, not relocated */
	uint32_t size_of_image, time_date_stamp, checksum;
	uint64_t preferred_base;
	char pdb_name[64];
	char pdb_guid_hex[33]; /* 32 upper-case hex digits, symbol-store order */
	uint32_t pdb_age;
	struct lab_symbol {
		char *name;
		uint32_t rva;
	} * symbols; /* from the linker's map file, undecorated */
	size_t n_symbols;
};

/* A kernel (ntoskrnl.exe + pdb_name) that holds these globals in .data, a version-like set of exports and some code.
   c_types: C source text of structure declarations to be kept in the PDB's types (may be NULL). work_dir gets the
   sources, objects, the image and the PDB. seed makes GUIDs and sizes differ but reproducible. guid: 32 hex digits that
   image and PDB carry instead of the linker's, or NULL. */
struct lab_image *lab_image_build_kernel(enum lab_arch arch, const char *pdb_name, const struct lab_global *globals,
					 size_t n_globals, const char *c_types, const char *work_dir, uint64_t seed,
					 const char *guid);
/* Images made from now on have unwind data, which those of other cases do without. */
void lab_image_with_unwind_data(void);

/* A driver NAME.sys + NAME.pdb from C source text, linked against the kernel's export list. opt: "-O0", "-O1", "-O2".
 */
struct lab_image *lab_image_build_driver(enum lab_arch arch, const char *name, const char *c_source, const char *opt,
					 const char *work_dir, uint64_t seed);
/* The same with unwind data, and linked against what another driver of work_dir exports as well: its name, or NULL. */
struct lab_image *lab_image_build_importer(enum lab_arch arch, const char *name, const char *c_source, const char *opt,
					   const char *work_dir, uint64_t seed, const char *exporter);
void lab_image_free(struct lab_image *img);
/* RVA of a symbol; dies if it is not there. */
uint32_t lab_image_rva(const struct lab_image *img, const char *name);

/* Map the image at base (relocated), fresh frames, and copy it in. Kernels are mapped read/write; NX on data sections.
 */
void lab_image_load(struct lab_mem *m, const struct lab_image *img, uint64_t base);
/* Fill the import address table of a loaded driver with the kernel's addresses, as the loader does. */
void lab_image_bind(struct lab_mem *m, const struct lab_image *driver, uint64_t driver_base,
		    const struct lab_image *kernel, uint64_t kernel_base);

/* Volatility-3 ISF (format 6.1.0) of the kernel: symbols from the map, user_types given as JSON text by the caller.
   Writes GUID-AGE.json.xz (or .json when path ends so). */
void lab_image_write_isf(const struct lab_image *img, const char *user_types_json, uint32_t machine, const char *path);

#endif
