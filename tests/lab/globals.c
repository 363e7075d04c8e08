/* SPDX-License-Identifier: MIT */
/* Which globals the kernel of each build holds (kernel.md 16, pool.md 3.1, 3.3, 5.1). */
#include "machine.h"
#include <stdlib.h>
#include <string.h>

enum when {
	ALWAYS,
	NT5,         /* XP, 2003 */
	NT6_UP,      /* Vista and later */
	NT6_ONLY,    /* Vista, 7 */
	VATYPE,      /* Vista, 7 on x86 */
	UPTO_63,     /* up to 8.1 */
	NT63,        /* 8.1 */
	FROM_10,     /* 10240 and later */
	FROM_14393,  /* 14393 and later */
	FROM_62,     /* 8 and later */
	DESCRIPTORS, /* up to 18362 */
	SESSION_TABLE,
	SESSION_SIZES,
	POOL_STATE, /* 17763 and later */
	SWIZZLE_63, /* patched 7 and 8.1 */
	/* with Driver Verifier in view */
	VERIFIER_NT5,
	VERIFIER_NT6,
	VERIFIER_TREES,
	VERIFIER_STACKS,
	STACKDB,
	OBJECTS,
	/* with special pool of the classic allocator */
	SPECIAL_NT5,
	SPECIAL_NT6, /* Vista to 8.1 */
	SPECIAL_63
};

#define PTR   1
#define LIST  2
#define SIZED 0
/* size: in bytes, or -n for n pointers */
static const struct {
	const char *name;
	int size;
	enum when when;
} list[] = {
	{"KdpDataBlockEncoded", 1, ALWAYS},
	{"KiWaitNever", 8, ALWAYS},
	{"KiWaitAlways", 8, ALWAYS},
	{"KdVersionBlock", 0x28, ALWAYS},
	{"KdpDebuggerDataListHead", -2, ALWAYS},
	{"PsLoadedModuleList", -2, ALWAYS},
	{"PsActiveProcessHead", -2, ALWAYS},
	{"PsInitialSystemProcess", -1, ALWAYS},
	{"PspCidTable", -1, ALWAYS},
	{"KeNumberProcessors", 4, ALWAYS},
	{"KiBugCheckData", -5, ALWAYS},
	{"KeTimeIncrement", 4, ALWAYS},
	{"MmPfnDatabase", -1, ALWAYS},
	{"MmPhysicalMemoryBlock", -1, ALWAYS},
	{"MmUnloadedDrivers", -1, ALWAYS},
	{"MmLastUnloadedDriver", 4, ALWAYS},
	{"MmSpecialPoolTag", 4, ALWAYS},
	{"MmVerifierData", 0x9c, ALWAYS},
	{"KernelVerifier", 4, ALWAYS},
	{"MmTriageActionTaken", 4, ALWAYS},
	{"MmHighestUserAddress", -1, ALWAYS},
	{"MmSystemRangeStart", -1, ALWAYS},
	{"MmUserProbeAddress", -1, ALWAYS},
	{"MmSizeOfPagedPoolInBytes", -1, ALWAYS},
	{"MmPagedPoolCommit", -1, ALWAYS},
	{"CmNtCSDVersion", 4, ALWAYS},
	{"NtBuildLab", 128, ALWAYS},
	{"NtBuildLabEx", 128, ALWAYS},
	{"PoolBigPageTableSize", -1, ALWAYS},
	{"PoolBigPageTable", -1, ALWAYS},
	{"PoolTrackTableExpansionSize", -1, ALWAYS},
	{"PoolTrackTableExpansion", -1, ALWAYS},
	{"PoolTrackTableMask", -1, ALWAYS},
	{"PoolTrackTableSize", -1, ALWAYS},
	{"PoolTrackTable", -1, ALWAYS},
	{"LabTraps", -32, ALWAYS}, /* zero but for the cases of traps.c */
	{"ExpPoolBigEntriesInUse", 4, NT6_UP},
	{"ExpPoolFlags", 4, ALWAYS},
	{"PoolHitTag", 4, ALWAYS},
	{"ExPoolFailures", 4, ALWAYS},
	{"ExNPagedLookasideListHead", -2, ALWAYS},
	{"ExPagedLookasideListHead", -2, ALWAYS},
	{"PoolVector", -2, DESCRIPTORS},
	{"ExpNonPagedPoolDescriptor", -64, DESCRIPTORS},
	{"ExpPagedPoolDescriptor", -65, DESCRIPTORS},
	{"ExpNumberOfPagedPools", 4, DESCRIPTORS},
	{"ExpNumberOfNonPagedPools", 4, DESCRIPTORS},
	{"ExpSmallNPagedPoolLookasideLists", 0x1000, NT5},
	{"ExpSmallPagedPoolLookasideLists", 0x1000, NT5},
	{"NtGlobalFlag", 4, ALWAYS},
	{"MmNonPagedSystemStart", -1, NT5},
	{"MmNonPagedPoolStart", -1, NT5},
	{"MmNonPagedPoolEnd", -1, NT5},
	{"MmNonPagedPoolEnd0", -1, NT5},
	{"MmNonPagedPoolExpansionStart", -1, NT5},
	{"MmSystemPtesStart", -2, NT5},
	{"MmSystemPtesEnd", -2, NT5},
	{"MmPagedPoolStart", -1, NT5},
	{"MmPagedPoolEnd", -1, UPTO_63},
	{"MmPagedPoolInfo", SIZED, UPTO_63},
	{"MmMaximumNonPagedPoolInBytes", -1, UPTO_63},
	{"MmAllocatedNonPagedPool", -1, UPTO_63},
	{"MmTotalCommittedPages", -1, UPTO_63},
	{"MmTotalCommitLimit", -1, UPTO_63},
	{"MmNumberOfPhysicalPages", -1, UPTO_63},
	{"MmLowestPhysicalPage", -1, UPTO_63},
	{"MmHighestPhysicalPage", -1, UPTO_63},
	{"MmAvailablePages", -1, UPTO_63},
	{"MmNonPagedPoolStart", -1, NT6_ONLY},
	{"MiNonPagedPoolStartAligned", -1, NT6_ONLY},
	{"MiNonPagedPoolEnd", -1, NT6_ONLY},
	/* Not in public tables, but the debugger block of 7 points at them. */
	{"LabMmPagedPoolStart", -1, NT6_ONLY},
	{"LabMmNonPagedSystemStart", -1, NT6_ONLY},
	{"MiSystemVaType", 0x400, VATYPE},
	{"MiPagedPoolStart", -1, NT63},
	{"MmSizeOfPagedPoolInPages", -1, NT63},
	{"MiInvalidPteMask", 8, SWIZZLE_63},
	{"ExpPoolQuotaCookie", -1, FROM_62},
	{"ExpSessionPoolTrackTable", -1, SESSION_TABLE},
	{"ExpSessionPoolTrackTableSize", -1, SESSION_SIZES},
	{"ExpSessionPoolTrackTableMask", -1, SESSION_SIZES},
	{"MiState", SIZED, FROM_10},
	{"MiVisibleState", -1, FROM_14393},
	{"MmPteBase", -1, FROM_14393},
	{"ExPoolState", SIZED, POOL_STATE},
	{"ExpHeapBackedPoolEnabledState", 4, POOL_STATE},
	{"RtlpHpHeapGlobals", SIZED, POOL_STATE},
	{"MiSuspectDriverList", -2, VERIFIER_NT5},
	{"VfSuspectDriversList", -2, VERIFIER_NT6},
	{"VfPoolTraces", -1, VERIFIER_NT6},
	{"VfPoolTracesIndex", 4, VERIFIER_NT6},
	{"VfPoolTracesLength", 4, VERIFIER_NT6},
	{"ViTargetDriversAvl", 0x40, VERIFIER_TREES},
	{"ViPoolInfoAvl", 0xc0, VERIFIER_STACKS},
	{"ViPoolInfoAvlInitialized", 4, VERIFIER_STACKS},
	{"ViPoolStackInfoAvl", 0xc0, VERIFIER_STACKS},
	{"ViPoolStackInfoAvlInitialized", 4, VERIFIER_STACKS},
	{"MmSpecialPoolStart", -1, SPECIAL_NT5},
	{"MmSpecialPoolEnd", -1, SPECIAL_NT5},
	{"MiSpecialPool", SIZED, SPECIAL_NT6},
	{"MiDynamicBitMapSpecialPool", 0x50, SPECIAL_63},
	{"RtlpStackTraceDatabase", -1, STACKDB},
	{"ObTypeIndexTable", -256, OBJECTS},
};

static bool applies(const struct lab_build *b, enum when when)
{
	switch (when) {
	case ALWAYS:
		return true;
	case NT5:
		return b->major == 5;
	case NT6_UP:
		return b->major >= 6;
	case NT6_ONLY:
		return b->major == 6 && b->minor <= 1;
	case VATYPE:
		return b->ranges == LAB_RANGES_VATYPE_X86;
	case UPTO_63:
		return b->major < 10;
	case NT63:
		return b->number == 9600;
	case FROM_10:
		return b->major >= 10;
	case FROM_14393:
		return b->number >= 14393;
	case FROM_62:
		return b->quota_cookie;
	case DESCRIPTORS:
		return b->number <= 18362;
	case SESSION_TABLE:
		return b->number >= 7601 && b->number <= 20348;
	case SESSION_SIZES:
		return b->number >= 7601;
	case POOL_STATE:
		return b->number >= 17763;
	case SWIZZLE_63:
		return b->major == 6 && b->softpte == LAB_SOFTPTE_NEW;
	case VERIFIER_NT5:
		return b->verifier && b->major == 5;
	case VERIFIER_NT6:
		return b->verifier && b->major >= 6;
	case VERIFIER_TREES:
		return b->verifier && b->number >= 7600;
	case VERIFIER_STACKS:
		return b->verifier && b->number >= 20348;
	case STACKDB:
		return b->stackdb;
	case OBJECTS:
		return b->objects;
	case SPECIAL_NT5:
		return b->special && b->major == 5;
	case SPECIAL_NT6:
		return b->special && b->major == 6;
	case SPECIAL_63:
		return b->special && b->number == 9600;
	}
	return false;
}

static uint32_t sized(const struct lab_build *b, const char *name)
{
	if (!strcmp(name, "MmPagedPoolInfo"))
		return lab_type_size(b, "_MM_PAGED_POOL_INFO");
	if (!strcmp(name, "MiSpecialPool"))
		return lab_type_size(b, "_MI_SPECIAL_POOL");
	if (!strcmp(name, "MiState"))
		return lab_type_size(b, "_MI_SYSTEM_INFORMATION");
	if (!strcmp(name, "RtlpHpHeapGlobals"))
		return lab_type_size(b, "_RTLP_HP_HEAP_GLOBALS");
	if (!strcmp(name, "ExPoolState"))
		return lab_type_size(b, "_EX_POOL_HEAP_MANAGER_STATE");
	lab_die("no size for %s", name);
}

static void add(struct lab_global **g, size_t *n, size_t *cap, const char *name, uint32_t bytes)
{
	LAB_GROW(*g, *n, *cap);
	/* The heap's keys have a page of their own, so that it can be lost. */
	bool alone = !strcmp(name, "RtlpHpHeapGlobals");
	(*g)[(*n)++] = (struct lab_global){name, alone ? 4096 : bytes, alone ? 4096 : bytes >= 16 ? 16 : 8};
}

struct lab_global *lab_globals(const struct lab_build *b, size_t *ret_n)
{
	struct lab_global *g = NULL;
	size_t n = 0, cap = 0;
	unsigned ptr = lab_ptr_size(b);
	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		if (!applies(b, list[i].when))
			continue;
		uint32_t bytes = list[i].size < 0        ? (uint32_t)-list[i].size * ptr
				 : list[i].size == SIZED ? sized(b, list[i].name)
							 : (uint32_t)list[i].size;
		add(&g, &n, &cap, list[i].name, bytes);
	}
	add(&g, &n, &cap, "KdDebuggerDataBlock", b->kdbg_size_bytes);
	add(&g, &n, &cap, "KiProcessorBlock", b->processor_block_entries * ptr);
	if (b->percpu_tag_tables)
		add(&g, &n, &cap, "ExPoolTagTables", b->tag_tables_entries * ptr);
	/* Two descriptors, executable and NX, from 8 to 17763. */
	if (lab_has_type(b, "_POOL_DESCRIPTOR"))
		add(&g, &n, &cap, "NonPagedPoolDescriptor",
		    lab_type_size(b, "_POOL_DESCRIPTOR") * (b->number >= 9200 ? 2 : 1));
	*ret_n = n;
	return g;
}

void lab_globals_pin(struct lab_global *globals, size_t n, const struct lab_real_kernel *real)
{
	for (size_t i = 0; i < n; i++)
		globals[i].rva = lab_real_rva(real, globals[i].name);
	/* What the lab takes larger than the real kernel does ends at the next one. */
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n && globals[i].rva != 0; j++)
			if (globals[j].rva > globals[i].rva &&
			    globals[j].rva - globals[i].rva < globals[i].size_bytes) {
				if (globals[j].rva - globals[i].rva < 8 && globals[i].size_bytes >= 8)
					lab_die("%s and %s overlap", globals[i].name, globals[j].name);
				globals[i].size_bytes = globals[j].rva - globals[i].rva;
			}
}

bool lab_has_global(const struct lab_machine *m, const char *name)
{
	for (size_t i = 0; i < m->kernel->n_symbols; i++)
		if (!strcmp(m->kernel->symbols[i].name, name))
			return true;
	return false;
}

uint64_t lab_global_va(const struct lab_machine *m, const char *name)
{
	return m->b->kernel_base + lab_image_rva(m->kernel, name);
}

void lab_set_global(struct lab_machine *m, const char *name, uint64_t value)
{
	if (lab_has_global(m, name))
		lab_put_ptr(m, lab_global_va(m, name), value);
}

void lab_set_global32(struct lab_machine *m, const char *name, uint32_t value)
{
	if (lab_has_global(m, name))
		lab_put32(m->mem, lab_global_va(m, name), value);
}
