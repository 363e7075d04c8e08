/* SPDX-License-Identifier: MIT */
/* Where the kernel image is and which one it is (reference: kernel 4, 5 and 7, symbols 8). */
#include "kernel/internal.h"

#include "symbols/fingerprint.h"
#include "util/bytes.h"
#include <inttypes.h>
#include <string.h>

static bool is_base(const struct psc_kernel *k, uint64_t va)
{
	return va != 0 && va % PSC_PAGE_BYTES == 0 && psc_is_kernel_va(&k->space, va);
}

/* DllBase and SizeOfImage of the first entry (reference: kernel 5 [V]). */
static uint64_t base_from_list(struct psc_kernel *k, uint32_t *ret_size)
{
	unsigned ptr = psc_pointer_bytes(&k->space);
	uint64_t head = psc_kernel_sym(k, PSC_SYM_PsLoadedModuleList), entry, base;
	uint32_t size = 0;
	if (psc_image_get_kind(k->img) == PSC_IMAGE_VIRTUAL) {
		size_t n;
		const struct psc_triage_module *m = psc_image_triage_modules(k->img, &n);
		if (n == 0 || m[0].unloaded || !is_base(k, m[0].base))
			return 0;
		*ret_size = m[0].size_of_image;
		return m[0].base;
	}
	if (!psc_is_kernel_va(&k->space, head) || !psc_read_ptr(&k->reader, head, &entry) ||
	    !psc_is_kernel_va(&k->space, entry) || !psc_read_ptr(&k->reader, entry + (ptr == 4 ? 0x18 : 0x30), &base))
		return 0;
	if (!is_base(k, base))
		return 0;
	(void)psc_read_u32(&k->reader, entry + (ptr == 4 ? 0x20 : 0x40), &size);
	*ret_size = size;
	return base;
}

void psc_kernel_find_base(struct psc_kernel *k)
{
	const struct psc_dump_header *h = psc_image_header(k->img);
	uint32_t size = 0;
	uint64_t listed = base_from_list(k, &size);
	const char *how = "debugger data block";
	if (k->base)
		return;
	k->base = k->kdbg.kern_base;
	if (k->base && listed && listed != k->base)
		psc_warn(&k->warnings,
			 "The debugger data block says the kernel is at %016" PRIx64
			 ", the module list says %016" PRIx64,
			 k->base, listed);
	if (!k->base && listed) {
		k->base = listed;
		how = "module list";
	}
	const uint64_t inside[3] = {h->ps_loaded_module_list, h->kd_debugger_data_block, h->ps_active_process_head};
	for (size_t i = 0; i < 3 && !k->base && psc_image_get_kind(k->img) == PSC_IMAGE_PHYSICAL; i++) {
		k->base = inside[i] ? psc_kernel_base_below(k, inside[i]) : 0;
		how = "scan below the header's pointers";
	}
	if (k->base)
		psc_logf(k->log, PSC_LOG_INFO, "kernel at %016" PRIx64 " (%s)", k->base, how);
}

static void identify_build(struct psc_kernel *k)
{
	const struct psc_dump_header *h = psc_image_header(k->img);
	uint32_t build = 0;
	k->id.machine = h->machine;
	k->id.build = h->build & 0xffff;
	/* KUSER_SHARED_DATA.NtBuildNumber, 10 and later (reference: kernel 4 [V]). */
	if (k->id.build == 0 && psc_read_u32(&k->reader, psc_kernel_shared_page(&k->space) + 0x260, &build))
		k->id.build = build & 0xffff;
	k->id.pae = k->space.mmu == PSC_MMU_X86_PAE;
	k->is_vista_or_later = k->id.build >= 6000;
	if (!psc_nt_version_of_build(k->id.build, &k->id.major, &k->id.minor))
		psc_warn(&k->warnings, "Build %" PRIu32 " is not a known Windows build", k->id.build);
}

static void take_debug_record(struct psc_kernel *k, const struct psc_pe_info *pe)
{
	memcpy(k->id.pdb_name, pe->pdb_name, sizeof(k->id.pdb_name));
	memcpy(k->id.pdb_guid, pe->pdb_guid, sizeof(k->id.pdb_guid));
	k->id.pdb_age = pe->pdb_age;
	k->pdb_source = "debug record";
}

static void take_fingerprint(struct psc_kernel *k)
{
	uint64_t rvas[PSC_SYM_MAX];
	const struct psc_dump_header *h = psc_image_header(k->img);
	const struct {
		enum psc_sym sym;
		uint64_t va;
	} known[] = {
		{PSC_SYM_KdDebuggerDataBlock, k->kdbg.va ? k->kdbg.va : h->kd_debugger_data_block},
		{PSC_SYM_PsLoadedModuleList,
		 k->kdbg.ps_loaded_module_list ? k->kdbg.ps_loaded_module_list : h->ps_loaded_module_list},
		{PSC_SYM_PsActiveProcessHead,
		 k->kdbg.ps_active_process_head ? k->kdbg.ps_active_process_head : h->ps_active_process_head},
		{PSC_SYM_PoolTrackTable, k->kdbg.pool_track_table},
		{PSC_SYM_KiProcessorBlock, k->kdbg.ki_processor_block},
		{PSC_SYM_MmPfnDatabase, k->kdbg.mm_pfn_database ? k->kdbg.mm_pfn_database : h->pfn_database},
		{PSC_SYM_MmUnloadedDrivers, k->kdbg.mm_unloaded_drivers},
		{PSC_SYM_MmLastUnloadedDriver, k->kdbg.mm_last_unloaded_driver},
		{PSC_SYM_MmPhysicalMemoryBlock, k->kdbg.mm_physical_memory_block},
		{PSC_SYM_MmSizeOfPagedPoolInBytes, k->kdbg.mm_size_of_paged_pool_in_bytes},
		{PSC_SYM_MmSystemRangeStart, k->kdbg.mm_system_range_start},
		{PSC_SYM_MmSpecialPoolTag, k->kdbg.mm_special_pool_tag},
	};
	memset(rvas, 0, sizeof(rvas));
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (k->base && known[i].va > k->base && known[i].va - k->base <= UINT32_MAX)
			rvas[known[i].sym] = known[i].va - k->base;
	if (!psc_builtin_fingerprint(&k->id, k->version, rvas, k->id.pdb_guid, &k->id.pdb_age))
		return;
	k->pdb_source = "fingerprint";
	if (k->id.machine != PSC_MACHINE_X86 && k->id.pdb_name[0] == '\0')
		memcpy(k->id.pdb_name, "ntkrnlmp.pdb", sizeof("ntkrnlmp.pdb"));
}

void psc_kernel_identify(struct psc_kernel *k)
{
	struct psc_pe_info pe;
	uint32_t size = 0;
	identify_build(k);
	bool has_pe = k->base && psc_pe_read(&k->reader, k->base, &pe);
	if (has_pe && pe.machine != (uint32_t)k->id.machine) {
		psc_warn(&k->warnings, "The image at %016" PRIx64 " is for machine %#" PRIx32 ", not for this dump's",
			 k->base, pe.machine);
		has_pe = false;
	}
	if (has_pe) {
		k->id.time_date_stamp = pe.time_date_stamp;
		k->id.size_of_image = pe.size_of_image;
		if (pe.has_debug_record)
			take_debug_record(k, &pe);
	} else if (psc_image_get_kind(k->img) == PSC_IMAGE_VIRTUAL) {
		size_t n;
		const struct psc_triage_module *m = psc_image_triage_modules(k->img, &n);
		if (n > 0 && !m[0].unloaded && m[0].base == k->base) {
			k->id.time_date_stamp = m[0].time_date_stamp;
			k->id.size_of_image = m[0].size_of_image;
		}
	} else if (k->base && base_from_list(k, &size) == k->base) {
		k->id.size_of_image = size;
	}
	psc_kernel_find_version(k);
	if (!k->id.pdb_guid[0])
		take_fingerprint(k);
	if (k->id.pdb_guid[0])
		psc_logf(k->log, PSC_LOG_INFO, "kernel symbols: %s %s, age %" PRIu32 " (%s)",
			 k->id.pdb_name[0] ? k->id.pdb_name : "(no name)", k->id.pdb_guid, k->id.pdb_age,
			 k->pdb_source);
}
