/* SPDX-License-Identifier: MIT */
/* The debugger data block and what surrounds it (kernel.md 2, 3). */
#include "machine.h"
#include <string.h>

/* Fields that hold the address of a kernel global. ten: also filled in Windows 10 and later (kernel.md 2: most Mm
   fields are 0 there). Names without a symbol in the build leave 0. */
static const struct {
	uint16_t offset;
	bool ten;
	const char *name;
} addresses[] = {
	{0x048, true, "PsLoadedModuleList"},
	{0x050, true, "PsActiveProcessHead"},
	{0x058, true, "PspCidTable"},
	{0x068, false, "ExpPagedPoolDescriptor"},
	{0x070, false, "ExpNumberOfPagedPools"},
	{0x078, true, "KeTimeIncrement"},
	{0x088, true, "KiBugCheckData"},
	{0x0c0, true, "MmPfnDatabase"},
	{0x0c8, false, "MmSystemPtesStart"},
	{0x0d0, false, "MmSystemPtesEnd"},
	{0x0e8, false, "MmLowestPhysicalPage"},
	{0x0f0, false, "MmHighestPhysicalPage"},
	{0x0f8, false, "MmNumberOfPhysicalPages"},
	{0x100, false, "MmMaximumNonPagedPoolInBytes"},
	{0x108, false, "MmNonPagedSystemStart"},
	{0x108, false, "LabMmNonPagedSystemStart"},
	{0x110, false, "MmNonPagedPoolStart"},
	{0x118, false, "MmNonPagedPoolEnd"},
	{0x118, false, "MiNonPagedPoolEnd"},
	{0x120, false, "MmPagedPoolStart"},
	{0x120, false, "LabMmPagedPoolStart"},
	{0x128, false, "MmPagedPoolEnd"},
	{0x130, false, "MmPagedPoolInfo"},
	{0x140, true, "MmSizeOfPagedPoolInBytes"},
	{0x148, false, "MmTotalCommitLimit"},
	{0x150, false, "MmTotalCommittedPages"},
	{0x170, true, "MmPagedPoolCommit"},
	{0x1a8, false, "MmAvailablePages"},
	{0x1b8, true, "PoolTrackTable"},
	{0x1c0, false, "NonPagedPoolDescriptor"},
	{0x1c8, true, "MmHighestUserAddress"},
	{0x1d0, true, "MmSystemRangeStart"},
	{0x1d8, true, "MmUserProbeAddress"},
	{0x208, true, "NtBuildLabEx"},
	{0x218, true, "KiProcessorBlock"},
	{0x220, true, "MmUnloadedDrivers"},
	{0x228, true, "MmLastUnloadedDriver"},
	{0x230, true, "MmTriageActionTaken"},
	{0x238, true, "MmSpecialPoolTag"},
	{0x240, true, "KernelVerifier"},
	{0x248, true, "MmVerifierData"},
	{0x250, false, "MmAllocatedNonPagedPool"},
	{0x268, true, "CmNtCSDVersion"},
	{0x270, true, "MmPhysicalMemoryBlock"},
};

/* The mini-profile: offsets of the running build (kernel.md 2). */
static const struct {
	uint16_t offset;
	const char *type, *field; /* field NULL: the structure's size */
} profile[] = {
	{0x298, "_KTHREAD", "NextProcessor"},
	{0x29a, "_KTHREAD", "Teb"},
	{0x29c, "_KTHREAD", "KernelStack"},
	{0x29e, "_KTHREAD", "InitialStack"},
	{0x2a2, "_KTHREAD", "State"},
	{0x2a8, "_EPROCESS", NULL},
	{0x2aa, "_EPROCESS", "Peb"},
	{0x2ac, "_EPROCESS", "InheritedFromUniqueProcessId"},
	{0x2ae, "_KPROCESS", "DirectoryTableBase"},
	{0x2b0, "_KPRCB", NULL},
	{0x2b4, "_KPRCB", "CurrentThread"},
	{0x2b6, "_KPRCB", "MHz"},
	{0x2b8, "_KPRCB", "CpuType"},
	{0x2ba, "_KPRCB", "VendorString"},
	{0x2be, "_KPRCB", "Number"},
	{0x2c0, "_ETHREAD", NULL},
	{0x2e0, "_KPCR", NULL},
	{0x2e2, "_KPCR", "Self"},
	{0x2e2, "_KPCR", "SelfPcr"},
	{0x2e4, "_KPCR", "CurrentPrcb"},
	{0x2e6, "_KPCR", "PrcbData"},
	{0x338, "_KPRCB", "Context"},
	{0x350, "_KPRCB", "IdleThread"},
	{0x354, "_KPRCB", "DpcStack"},
	{0x356, "_KPRCB", "IsrStack"},
	{0x35c, "_KTHREAD", "WaitReason"},
};

/* Addresses are stored as 64-bit values, those of x86 sign-extended. */
static uint64_t wide(const struct lab_machine *m, uint64_t va)
{
	return lab_build_is64(m->b) ? va : (uint64_t)(int64_t)(int32_t)(uint32_t)va;
}

static void put_profile(struct lab_machine *m)
{
	const struct lab_build *b = m->b;
	uint64_t k = m->kdbg_va;
	uint32_t size = b->kdbg_size_bytes;
	for (size_t i = 0; i < sizeof profile / sizeof profile[0]; i++) {
		if (profile[i].offset + 2u > size)
			continue;
		uint32_t value;
		if (!profile[i].field)
			value = lab_type_size(b, profile[i].type);
		else if (lab_has_field(b, profile[i].type, profile[i].field))
			value = lab_offset(b, profile[i].type, profile[i].field);
		else
			continue;
		lab_put16(m->mem, k + profile[i].offset, (uint16_t)value);
	}
	if (size < 0x298)
		return;
	lab_put16(m->mem, k + 0x2a0, (uint16_t)(lab_offset(b, "_KTHREAD", "ApcState") + 4 * lab_ptr_size(b)));
	uint32_t state = lab_offset(b, "_KPRCB", "ProcessorState");
	lab_put16(m->mem, k + 0x2bc, (uint16_t)(state + lab_offset(b, "_KPROCESSOR_STATE", "ContextFrame")));
	lab_put16(m->mem, k + 0x2f2, (uint16_t)(state + lab_offset(b, "_KPROCESSOR_STATE", "SpecialRegisters")));
	if (lab_build_is64(b))
		lab_put16(m->mem, k + 0x2e6, (uint16_t)lab_offset(b, "_KPCR", "Prcb"));
	else
		lab_put16(m->mem, k + 0x2e4, (uint16_t)lab_offset(b, "_KPCR", "Prcb"));
	static const uint16_t selectors64[] = {0x10, 0x18, 0, 0x33, 0x2b, 0, 0, 0x40, 0x23, 0x53};
	static const uint16_t selectors32[] = {8, 0x10, 0x30, 0x1b, 0x23, 0x3b, 0x48, 0x28, 0, 0};
	for (unsigned i = 0; i < 10 && b->arch != LAB_ARCH_ARM64; i++)
		lab_put16(m->mem, k + 0x2f4 + 2 * i, lab_build_is64(b) ? selectors64[i] : selectors32[i]);
	if (size > 0x34c) {
		lab_put32(m->mem, k + 0x340, lab_offset(b, "_KTHREAD", "StackLimit"));
		lab_put32(m->mem, k + 0x344, lab_offset(b, "_KTHREAD", "StackBase"));
	}
	if (size > 0x360)
		lab_put64(m->mem, k + 0x360, lab_pte_base(b));
}

static uint64_t byte_swap(uint64_t x)
{
	uint64_t r = 0;
	for (int i = 0; i < 8; i++, x >>= 8)
		r = r << 8 | (x & 0xff);
	return r;
}

/* The inverse of the decoding of kernel.md 3. */
static void encode(struct lab_machine *m)
{
	uint64_t never = lab_rand(&m->rng), always = lab_rand(&m->rng),
		 encoded = lab_global_va(m, "KdpDataBlockEncoded");
	unsigned amount = never & 63;
	lab_put64(m->mem, lab_global_va(m, "KiWaitNever"), never);
	lab_put64(m->mem, lab_global_va(m, "KiWaitAlways"), always);
	lab_put8(m->mem, encoded, 1);
	for (uint32_t at = 0; at < m->b->kdbg_size_bytes; at += 8) {
		uint64_t x = byte_swap(lab_get64(m->mem, m->kdbg_va + at) ^ always) ^ encoded;
		x = amount ? x >> amount | x << (64 - amount) : x;
		lab_put64(m->mem, m->kdbg_va + at, x ^ never);
	}
}

static void put_version_block(struct lab_machine *m)
{
	uint64_t v = lab_global_va(m, "KdVersionBlock");
	lab_put16(m->mem, v, 0xf);
	lab_put16(m->mem, v + 2, (uint16_t)m->b->number);
	lab_put8(m->mem, v + 4, 6);
	lab_put16(m->mem, v + 6, lab_build_is64(m->b) ? 7 : 3);
	lab_put16(m->mem, v + 8, (uint16_t)lab_build_machine(m->b));
	lab_put64(m->mem, v + 0x10, wide(m, m->b->kernel_base));
	lab_put64(m->mem, v + 0x18, wide(m, lab_global_va(m, "PsLoadedModuleList")));
	lab_put64(m->mem, v + 0x20, wide(m, lab_global_va(m, "KdpDebuggerDataListHead")));
}

void lab_kdbg_finish(struct lab_machine *m)
{
	const struct lab_build *b = m->b;
	uint64_t k = m->kdbg_va = lab_global_va(m, "KdDebuggerDataBlock");
	/* On x86 the block starts with a 32-bit list entry and eight zero bytes. */
	uint64_t node = k;
	lab_link_list(m, lab_global_va(m, "KdpDebuggerDataListHead"), &node, 1);
	lab_put32(m->mem, k + 0x10, LAB_TAG('K', 'D', 'B', 'G'));
	lab_put32(m->mem, k + 0x14, b->kdbg_size_bytes);
	lab_put64(m->mem, k + 0x18, wide(m, b->kernel_base));
	lab_put64(m->mem, k + 0x20, wide(m, b->kernel_base + lab_image_rva(m->kernel, "DbgPrint")));
	lab_put16(m->mem, k + 0x36, lab_mem_mmu(m->mem) == LAB_MMU_X86 ? 0 : 1);
	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++)
		if ((addresses[i].ten || b->major < 10) && lab_has_global(m, addresses[i].name))
			lab_put64(m->mem, k + addresses[i].offset, wide(m, lab_global_va(m, addresses[i].name)));
	lab_put64(m->mem, k + 0x138, LAB_PAGE);
	put_profile(m);
	put_version_block(m);
	/* The names of builds before Vista point at the short text. */
	lab_put(m->mem, lab_global_va(m, "NtBuildLab"), b->lab_text, strlen(b->lab_text) + 1);
	lab_put(m->mem, lab_global_va(m, "NtBuildLabEx"), b->lab_text, strlen(b->lab_text) + 1);
	lab_set_global32(m, "NtBuildNumber", 0xf0000000u | b->number);
	lab_set_global32(m, "CmNtCSDVersion", b->service_pack << 8);
	lab_set_global32(m, "NtGlobalFlag", (m->o.no_tagging ? 0 : 0x400) | (m->o.stackdb ? 0x2000 : 0));
	lab_set_global32(m, "KeTimeIncrement", 156250);
	if (m->o.encode_kdbg && lab_build_is64(b) && b->number >= 9200)
		encode(m);
}
