/* SPDX-License-Identifier: MIT */
/* What a dump header would say of a machine, from its memory: shared page, version block, debugger data block
 * (reference: kernel 2, 3, 4). */
#include "kernel/internal.h"

#include "util/bytes.h"
#include <string.h>

/* KUSER_SHARED_DATA; reference: kernel 4 [V] */
enum {
	KUSER_INTERRUPT_TIME = 0x8,
	KUSER_SYSTEM_TIME = 0x14,
	KUSER_BUILD_NUMBER = 0x260, /* 10 and later */
	KUSER_PRODUCT_TYPE = 0x264,
	KUSER_MAJOR_VERSION = 0x26c,
	KUSER_MINOR_VERSION = 0x270,
	KUSER_SUITE_MASK = 0x2d0,
	KUSER_ACTIVE_PROCESSORS = 0x3c0, /* 7 and later */
	KUSER_BYTES = 0x3c4,
};
#define BUILD_7        7600u
#define MAX_PROCESSORS 2048u

static void mark(struct psc_dump_header *h, enum psc_header_field f)
{
	h->present |= UINT32_C(1) << f;
}

/* KSYSTEM_TIME; equal high parts: not caught in the middle of a change. */
static bool system_time(const uint8_t *p, uint64_t *ret)
{
	*ret = (uint64_t)psc_le32(p + 4) << 32 | psc_le32(p);
	return psc_le32(p + 4) == psc_le32(p + 8) && *ret != 0;
}

/* The last build of each version, for a kernel that does not say its own. */
static uint32_t build_of_version(uint32_t major, uint32_t minor)
{
	static const struct {
		uint8_t major, minor;
		uint16_t build;
	} versions[] = {{5, 1, 2600}, {5, 2, 3790}, {6, 0, 6002}, {6, 1, 7601}, {6, 2, 9200}, {6, 3, 9600}};
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (versions[i].major == major && versions[i].minor == minor)
			return versions[i].build;
	return 0;
}

static void take_shared_page(struct psc_kernel *k, struct psc_dump_header *h)
{
	uint8_t u[KUSER_BYTES];
	if (psc_read_va(&k->reader, psc_kernel_shared_page(&k->space), u, sizeof(u)) != sizeof(u))
		return;
	uint32_t major = psc_le32(u + KUSER_MAJOR_VERSION), minor = psc_le32(u + KUSER_MINOR_VERSION);
	if (system_time(u + KUSER_SYSTEM_TIME, &h->system_time_filetime))
		mark(h, PSC_HDR_SYSTEM_TIME);
	else
		h->system_time_filetime = 0;
	if (system_time(u + KUSER_INTERRUPT_TIME, &h->uptime_100ns))
		mark(h, PSC_HDR_SYSTEM_UP_TIME);
	else
		h->uptime_100ns = 0;
	h->product_type = psc_le32(u + KUSER_PRODUCT_TYPE);
	h->suite_mask = psc_le32(u + KUSER_SUITE_MASK);
	mark(h, PSC_HDR_PRODUCT_TYPE);
	mark(h, PSC_HDR_SUITE_MASK);
	if (major >= 10)
		h->build = psc_le32(u + KUSER_BUILD_NUMBER) & 0xffff;
	if (h->build == 0)
		h->build = build_of_version(major, minor);
	uint32_t processors = psc_le32(u + KUSER_ACTIVE_PROCESSORS);
	if (h->build >= BUILD_7 && processors != 0 && processors <= MAX_PROCESSORS) {
		h->processors = processors;
		mark(h, PSC_HDR_PROCESSORS);
	}
}

void psc_kernel_make_header(struct psc_kernel *k, uint64_t kdbg_va, struct psc_dump_header *ret)
{
	struct psc_dump_header h;
	struct psc_version_block v;
	struct psc_kdbg d;
	memset(&h, 0, sizeof(h));
	memset(&d, 0, sizeof(d));
	h.is_64bit = !k->space.is_32bit;
	h.machine = psc_mmu_is_arm64(k->space.mmu) ? PSC_MACHINE_ARM64 : h.is_64bit ? PSC_MACHINE_X64 : PSC_MACHINE_X86;
	h.machine_value = (uint32_t)h.machine;
	h.directory_table_base = k->space.top_pa;
	mark(&h, PSC_HDR_DIRECTORY_TABLE_BASE);
	h.pae_enabled = k->space.mmu == PSC_MMU_X86_PAE;
	if (k->space.is_32bit)
		mark(&h, PSC_HDR_PAE_ENABLED);
	if (k->base && psc_version_block_scan(k, &v)) {
		h.major_version = v.major;
		h.build = v.build;
		h.ps_loaded_module_list = v.ps_loaded_module_list;
	}
	take_shared_page(k, &h);
	if (kdbg_va == 0 && k->base && psc_kdbg_scan(k, &d))
		kdbg_va = d.va;
	h.kd_debugger_data_block = kdbg_va;
	h.ps_active_process_head = d.ps_active_process_head;
	if (d.ps_loaded_module_list)
		h.ps_loaded_module_list = d.ps_loaded_module_list;
	if (k->base && (h.ps_loaded_module_list == 0 || !psc_list_is_linked(&k->reader, h.ps_loaded_module_list)))
		h.ps_loaded_module_list = psc_module_list_scan(k);
	if (h.kd_debugger_data_block)
		mark(&h, PSC_HDR_KD_DEBUGGER_DATA_BLOCK);
	if (h.ps_active_process_head)
		mark(&h, PSC_HDR_PS_ACTIVE_PROCESS_HEAD);
	if (h.ps_loaded_module_list)
		mark(&h, PSC_HDR_PS_LOADED_MODULE_LIST);
	*ret = h;
}
