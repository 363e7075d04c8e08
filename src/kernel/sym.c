/* SPDX-License-Identifier: MIT */
#include "kernel/internal.h"

#include <inttypes.h>

/* What the debugger data block offers under which symbol. Reference: kernel 2 [V]. NtBuildLab is left out: the block's
 * member of that name holds the address of NtBuildLabEx. */
static uint64_t kdbg_address(const struct psc_kernel *k, enum psc_sym s)
{
	const struct psc_kdbg *d = &k->kdbg;
	switch ((int)s) {
	case PSC_SYM_ExpNumberOfPagedPools:
		return d->exp_number_of_paged_pools;
	case PSC_SYM_ExpPagedPoolDescriptor:
		return d->exp_paged_pool_descriptor;
	case PSC_SYM_KdDebuggerDataBlock:
		return d->va;
	case PSC_SYM_KiProcessorBlock:
		return d->ki_processor_block;
	case PSC_SYM_MmAllocatedNonPagedPool:
		return d->mm_allocated_nonpaged_pool;
	case PSC_SYM_MmLastUnloadedDriver:
		return d->mm_last_unloaded_driver;
	case PSC_SYM_MmMaximumNonPagedPoolInBytes:
		return d->mm_maximum_nonpaged_pool_in_bytes;
	case PSC_SYM_MmNonPagedPoolEnd:
		return d->mm_nonpaged_pool_end;
	case PSC_SYM_MmNonPagedPoolStart:
		return d->mm_nonpaged_pool_start;
	case PSC_SYM_MmPagedPoolEnd:
		return d->mm_paged_pool_end;
	case PSC_SYM_MmPagedPoolInfo:
		return d->mm_paged_pool_information;
	case PSC_SYM_MmPagedPoolStart:
		return d->mm_paged_pool_start;
	case PSC_SYM_MmPfnDatabase:
		return d->mm_pfn_database;
	case PSC_SYM_MmPhysicalMemoryBlock:
		return d->mm_physical_memory_block;
	case PSC_SYM_MmSizeOfPagedPoolInBytes:
		return d->mm_size_of_paged_pool_in_bytes;
	case PSC_SYM_MmSpecialPoolTag:
		return d->mm_special_pool_tag;
	case PSC_SYM_MmSystemRangeStart:
		return d->mm_system_range_start;
	case PSC_SYM_MmUnloadedDrivers:
		return d->mm_unloaded_drivers;
	case PSC_SYM_MmVerifierData:
		return d->mm_verifier_data;
	case PSC_SYM_NonPagedPoolDescriptor:
		return d->nonpaged_pool_descriptor;
	case PSC_SYM_PoolTrackTable:
		return d->pool_track_table;
	case PSC_SYM_PsActiveProcessHead:
		return d->ps_active_process_head;
	case PSC_SYM_PsLoadedModuleList:
		return d->ps_loaded_module_list;
	default:
		return 0;
	}
}

/* The dump header carries four of them too. */
static uint64_t header_address(const struct psc_kernel *k, enum psc_sym s)
{
	const struct psc_dump_header *h = psc_image_header(k->img);
	switch ((int)s) {
	case PSC_SYM_KdDebuggerDataBlock:
		return psc_header_has(h, PSC_HDR_KD_DEBUGGER_DATA_BLOCK) ? h->kd_debugger_data_block : 0;
	case PSC_SYM_MmPfnDatabase:
		return psc_header_has(h, PSC_HDR_PFN_DATABASE) ? h->pfn_database : 0;
	case PSC_SYM_PsActiveProcessHead:
		return psc_header_has(h, PSC_HDR_PS_ACTIVE_PROCESS_HEAD) ? h->ps_active_process_head : 0;
	case PSC_SYM_PsLoadedModuleList:
		return psc_header_has(h, PSC_HDR_PS_LOADED_MODULE_LIST) ? h->ps_loaded_module_list : 0;
	default:
		return 0;
	}
}

static uint64_t profile_address(const struct psc_kernel *k, enum psc_sym s)
{
	if (!k->base || !psc_profile_has_sym(&k->profile, s))
		return 0;
	uint64_t va = k->base + k->profile.symbols[s].rva;
	return psc_is_kernel_va(&k->space, va) ? va : 0;
}

/* Where both are known and differ the block wins: it is from the machine itself. */
static uint64_t resolve(const struct psc_kernel *k, enum psc_sym s, enum psc_origin *ret)
{
	uint64_t own = kdbg_address(k, s), listed = profile_address(k, s);
	*ret = PSC_ORIGIN_NONE;
	if (listed && (!own || own == listed)) {
		*ret = k->profile.symbols[s].origin;
		return listed;
	}
	if (own) {
		*ret = PSC_ORIGIN_KDBG;
		return own;
	}
	own = header_address(k, s);
	if (own) {
		*ret = PSC_ORIGIN_HEADER;
		return own;
	}
	*ret = k->found[s].origin;
	return k->found[s].va;
}

uint64_t psc_kernel_sym(const struct psc_kernel *k, enum psc_sym s)
{
	enum psc_origin origin;
	return (unsigned)s < PSC_SYM_MAX ? resolve(k, s, &origin) : 0;
}

enum psc_origin psc_kernel_sym_origin(const struct psc_kernel *k, enum psc_sym s)
{
	enum psc_origin origin = PSC_ORIGIN_NONE;
	if ((unsigned)s < PSC_SYM_MAX)
		(void)resolve(k, s, &origin);
	return origin;
}

bool psc_kernel_read_ptr(struct psc_kernel *k, enum psc_sym s, uint64_t *ret)
{
	uint64_t va = psc_kernel_sym(k, s);
	return va && psc_read_ptr(&k->reader, va, ret);
}

bool psc_kernel_read_u32(struct psc_kernel *k, enum psc_sym s, uint32_t *ret)
{
	uint64_t va = psc_kernel_sym(k, s);
	return va && psc_read_u32(&k->reader, va, ret);
}

void psc_kernel_check_symbols(struct psc_kernel *k)
{
	for (unsigned i = 0; i < PSC_SYM_MAX; i++) {
		enum psc_sym s = (enum psc_sym)i;
		uint64_t own = kdbg_address(k, s), listed = profile_address(k, s);
		if (own && listed && own != listed)
			psc_warn(&k->warnings,
				 "%s: the debugger data block says %016" PRIx64 ", %s symbols say %016" PRIx64
				 "; the block's address is used",
				 psc_sym_name(s), own, psc_origin_name(k->profile.symbols[s].origin), listed);
	}
}
