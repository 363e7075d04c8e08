/* SPDX-License-Identifier: MIT */
/* Processor control regions and blocks (kernel.md 8, 9). */
#include "machine.h"
#include <string.h>

#define CONTEXT_X64_BYTES 0x4d0u
#define CONTEXT_X86_BYTES 0x2ccu
#define ASID_1            (UINT64_C(1) << 48)

static void write_context(struct lab_machine *m, uint64_t at, unsigned cpu)
{
	uint64_t pc = m->b->kernel_base + lab_image_rva(m->kernel, "KeBugCheckEx") + (cpu ? 0x10 : 0);
	uint64_t sp = m->stack_va[cpu] + 0x2000;
	if (m->b->arch == LAB_ARCH_ARM64) {
		lab_put32(m->mem, at, 0x400007);
		lab_put32(m->mem, at + 4, 0x60000004);
		lab_put64(m->mem, at + 0xf8, pc + 4);
		lab_put64(m->mem, at + 0x100, sp);
		lab_put64(m->mem, at + 0x108, pc);
	} else if (lab_build_is64(m->b)) {
		lab_put32(m->mem, at + 0x30, 0x10000f);
		lab_put16(m->mem, at + 0x38, 0x10);
		lab_put32(m->mem, at + 0x44, 0x246);
		lab_put64(m->mem, at + 0x98, sp);
		lab_put64(m->mem, at + 0xf8, pc);
	} else {
		lab_put32(m->mem, at, 0x1001f);
		lab_put32(m->mem, at + 0xb8, (uint32_t)pc);
		lab_put32(m->mem, at + 0xbc, 8);
		lab_put32(m->mem, at + 0xc0, 0x246);
		lab_put32(m->mem, at + 0xc4, (uint32_t)sp);
	}
}

static void write_state(struct lab_machine *m, uint64_t prcb, unsigned cpu)
{
	const struct lab_build *b = m->b;
	uint64_t state = prcb + lab_offset(b, "_KPRCB", "ProcessorState");
	uint64_t special = state + lab_offset(b, "_KPROCESSOR_STATE", "SpecialRegisters");
	lab_put_field(m, special, "_KSPECIAL_REGISTERS", "Cr0", 0x80050031);
	lab_put_field(m, special, "_KSPECIAL_REGISTERS", "Cr3", lab_mem_dtb(m->mem));
	lab_put_field(m, special, "_KSPECIAL_REGISTERS", "Cr4", lab_mem_mmu(m->mem) == LAB_MMU_X86 ? 0x6d0 : 0x6f8);
	/* paging.md 3.5: the values of a real machine, but for the addresses. */
	lab_put_field(m, special, "_KSPECIAL_REGISTERS", "Tcr_El1", 0x95b5513511);
	lab_put_field(m, special, "_KSPECIAL_REGISTERS", "Ttbr0_El1", (cpu + 1) * ASID_1 | lab_mem_dtb(m->mem));
	lab_put_field(m, special, "_KSPECIAL_REGISTERS", "Ttbr1_El1",
		      (cpu + 1) * ASID_1 | (lab_mem_dtb(m->mem) + 0x800));
	write_context(m, state + lab_offset(b, "_KPROCESSOR_STATE", "ContextFrame"), cpu);
	if (b->arch == LAB_ARCH_ARM64) { /* kernel.md 8: back into the block itself */
		lab_put_field(m, prcb, "_KPRCB", "Context", state + lab_offset(b, "_KPROCESSOR_STATE", "ContextFrame"));
		return;
	}
	if (lab_has_field(b, "_KPRCB", "Context")) {
		uint64_t context = lab_system_bytes(m, lab_build_is64(b) ? CONTEXT_X64_BYTES : CONTEXT_X86_BYTES);
		write_context(m, context, cpu);
		lab_put_field(m, prcb, "_KPRCB", "Context", context);
	}
}

void lab_processors_init(struct lab_machine *m)
{
	const struct lab_build *b = m->b;
	uint32_t pcr_bytes = lab_type_size(b, "_KPCR"), ptr = lab_ptr_size(b);
	bool is64 = lab_build_is64(b);
	for (unsigned cpu = 0; cpu < m->n_cpus; cpu++) {
		uint64_t pcr;
		if (!cpu && !is64 && pcr_bytes <= LAB_PAGE) {
			pcr = 0xffdff000;
			lab_mem_map(m->mem, pcr, LAB_PAGE, LAB_MAP_WRITE);
		} else {
			pcr = lab_system_pages(m, pcr_bytes);
		}
		uint64_t prcb = pcr + lab_offset(b, "_KPCR", is64 ? "Prcb" : "PrcbData");
		m->pcr_va[cpu] = pcr;
		m->prcb_va[cpu] = prcb;
		m->stack_va[cpu] = lab_system_pages(m, is64 ? 0x6000 : 0x3000);
		lab_put_field(m, pcr, "_KPCR", is64 ? "Self" : "SelfPcr", pcr);
		lab_put_field(m, pcr, "_KPCR", is64 ? "CurrentPrcb" : "Prcb", prcb);
		lab_put_field(m, pcr, "_KPCR", "MajorVersion", 1);
		/* The secondary processors' pointer is 0 on x64 from 8 on (kernel.md 3). */
		if (!cpu || b->number < 9200)
			lab_put_field(m, pcr, "_KPCR", "KdVersionBlock", lab_global_va(m, "KdVersionBlock"));
		if (!is64)
			lab_put_field(m, pcr, "_KPCR", "Number", cpu);
		lab_put_field(m, prcb, "_KPRCB", "Number", cpu);
		lab_put_field(m, prcb, "_KPRCB", "MHz", 2400);
		lab_put_field(m, prcb, "_KPRCB", "CpuType", 6);
		if (lab_has_field(b, "_KPRCB", "VendorString"))
			lab_put(m->mem, prcb + lab_offset(b, "_KPRCB", "VendorString"), "GenuineIntel", 13);
		write_state(m, prcb, cpu);
		lab_put_ptr(m, lab_global_va(m, "KiProcessorBlock") + cpu * ptr, prcb);
	}
	lab_set_global32(m, "KeNumberProcessors", m->n_cpus);
}
