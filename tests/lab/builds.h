/* SPDX-License-Identifier: MIT */
/* What the lab knows about each Windows build it can imitate. Own tables: nothing here comes from src/ or data/. */
#ifndef LAB_BUILDS_H
#define LAB_BUILDS_H

#include "image.h"
#include "mem.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One structure of a range of builds; see layouts_pool.c for the notation. */
struct lab_layout {
	enum lab_arch arch;
	unsigned first_build, last_build;
	const char *name;
	uint32_t size_bytes;
	const char *fields;
	const char *source;
};

/* Where the build keeps its pool ranges (pool.md 3.3). */
enum lab_ranges {
	LAB_RANGES_KDBG,       /* XP, 2003: MmNonPagedPoolStart/End, MmPagedPoolStart/End */
	LAB_RANGES_NT6,        /* Vista, 7 x64: MiNonPagedPoolStartAligned/End, fixed paged range */
	LAB_RANGES_VATYPE_X86, /* Vista, 7 x86: MiSystemVaType per directory entry */
	LAB_RANGES_NT63,       /* 8.1: MiPagedPoolStart + size; nonpaged by constant */
	LAB_RANGES_MISTATE,    /* 10240: MiState only */
	LAB_RANGES_VISIBLE,    /* 14393 and later: MiState and MiVisibleState regions */
};

struct lab_build {
	const char *key;
	enum lab_arch arch;
	enum lab_mmu mmu;
	enum lab_softpte softpte;
	unsigned major, minor, number, service_pack;
	unsigned layout;         /* number in the layout rows where two kernels share theirs; 0: the same */
	const char *lab_text;    /* NtBuildLab */
	const char *kernel_file; /* base name in the module list */
	const char *pdb_name;
	uint32_t kdbg_size_bytes; /* kernel.md 2 */
	enum lab_ranges ranges;
	bool verifier;              /* types and globals of Driver Verifier are wanted */
	bool stackdb;               /* and that of the stack-trace database */
	bool objects;               /* and that of the types of objects */
	bool special;               /* and that of special pool */
	bool heap_backed;           /* segment heap: no small legacy blocks */
	bool header_type_minus_one; /* XP, 2003: header PoolType = type + 1 (pool.md 2.2) */
	bool quota_cookie;          /* 8 and later */
	bool like_reactos; /* bit 0 set in links of free lists; headers keep the request to raise; no KTHREAD.Process */
	bool percpu_tag_tables;      /* Vista and later */
	bool protected_object_tags;  /* kernels up to 7 mask "Proc" to "Pro\xE3" (pool.md 2.6) */
	unsigned mi_shift;           /* MiState's members lie so many bytes behind where real kernels have them */
	unsigned self_map_slot;      /* x64, ARM64 */
	unsigned tag_tables_entries; /* ExPoolTagTables */
	unsigned processor_block_entries;

	uint64_t kernel_base, driver_base, system_pte_base;
	uint64_t nonpaged_base, nonpaged_end, paged_base, paged_end, session_base, pfn_database;
	uint64_t special_base;       /* classic allocator; where pools have one each, that of paged pool lies behind */
	uint64_t nonpaged_expansion; /* XP, 2003 x86: second part of the nonpaged pool; 0 = none */
};

const struct lab_build *lab_build_find(const char *key);
/* All builds, NULL at the end of the table. */
const struct lab_build *lab_build_at(size_t i);

static inline bool lab_build_is64(const struct lab_build *b)
{
	return b->arch != LAB_ARCH_X86;
}
/* IMAGE_FILE_MACHINE_ */
static inline unsigned lab_build_machine(const struct lab_build *b)
{
	return b->arch == LAB_ARCH_X86 ? 0x14c : b->arch == LAB_ARCH_X64 ? 0x8664 : 0xaa64;
}
static inline unsigned lab_ptr_size(const struct lab_build *b)
{
	return lab_build_is64(b) ? 8 : 4;
}

/* A real kernel of the build, real_kernels.c. */
struct lab_real_symbol {
	const char *name;
	uint32_t rva;
};
struct lab_real_kernel {
	const char *build_key, *version, *guid; /* age 1 */
	const struct lab_real_symbol *symbols;  /* NULL name at the end */
};
const struct lab_real_kernel *lab_real_kernel_find(const char *build_key);
uint32_t lab_real_rva(const struct lab_real_kernel *k, const char *name); /* 0: not there */

bool lab_has_type(const struct lab_build *b, const char *type);
bool lab_has_field(const struct lab_build *b, const char *type, const char *field);
uint32_t lab_type_size(const struct lab_build *b, const char *type);
/* Both die when the build has no such thing: the lab must not plant by guess. */
uint32_t lab_offset(const struct lab_build *b, const char *type, const char *field);
uint32_t lab_field_size(const struct lab_build *b, const char *type, const char *field);

/* Every structure of the build as Volatility 3 user_types JSON, and as C declarations for the PDB. Caller frees. */
char *lab_types_json(const struct lab_build *b);
char *lab_types_c(const struct lab_build *b);

/* A parsed field row. */
struct lab_field {
	char name[48];
	uint32_t offset;
	char type[48];  /* without the array part */
	uint32_t count; /* 0: not an array */
	bool is_bits;
	unsigned bit, n_bits;
};
/* Calls fn for each field of each structure of the build. */
void lab_layout_each(const struct lab_build *b,
		     void (*fn)(void *ctx, const struct lab_layout *l, const struct lab_field *fields, size_t n),
		     void *ctx);
/* Size of a base or structure type name; 0 if unknown. */
uint32_t lab_type_bytes(const struct lab_build *b, const char *type);

extern const size_t lab_layouts_verifier_n;
extern const struct lab_layout lab_layouts_pool[], lab_layouts_heap[], lab_layouts_verifier[], lab_layouts_kernel[],
	lab_layouts_common[], lab_layouts_arm64[];

#endif
