/* SPDX-License-Identifier: MIT */
/*
 * Machines in which somebody holds blocks: the documented cases of users.md section 6 that are about who, each with
 * drivers of its own, compiled from the source below. Where an exact return address is documented or needed, the
 * function is written in assembly.
 */
#include "machine.h"
#include <string.h>

#define T4(s) LAB_TAG((s)[0], (s)[1], (s)[2], (s)[3])

#define PRELUDE                                                                                                        \
	"typedef unsigned long long size_t_;\n"                                                                        \
	"__declspec(dllimport) void *ExAllocatePoolWithTag(int, size_t_, unsigned);\n"                                 \
	"__declspec(dllimport) void ExFreePoolWithTag(void *, unsigned);\n"                                            \
	"void *volatile Kept[16];\n"                                                                                   \
	"#define NI __attribute__((noinline))\n"
#define ENTRY(calls) "int DriverEntry(void *driver, void *path)\n{\n" calls "\treturn driver == path;\n}\n"

/* Case 15: '1234' at four sites. Sizes tell three of them apart; two ask for the same. */
static const char npcap_source[] =
	PRELUDE "NI int NPF_OpenAdapter(int k) { void *p = ExAllocatePoolWithTag(0x200, 512, '1234'); Kept[0] = p; "
		"return p ? k : 1; }\n"
		"NI int NPF_SendPacket(int k) { void *p = ExAllocatePoolWithTag(0x200, 96, '1234'); Kept[1] = p; "
		"return p ? k : 2; }\n"
		"NI int NPF_TapExForEachOpen(int k) { void *p = ExAllocatePoolWithTag(0x200, 96, '1234'); Kept[2] = p; "
		"if (k == 7) ExFreePoolWithTag(p, '1234'); return p ? k : 3; }\n"
		"NI int NPF_GetFilterDB(int k) { void *p = ExAllocatePoolWithTag(0x200, 1800, '1234'); Kept[3] = p; "
		"return p ? k : 4; }\n" ENTRY("\tKept[9] = (void *)(size_t_)(NPF_OpenAdapter(1) + NPF_SendPacket(2) + "
					      "NPF_TapExForEachOpen(3) + NPF_GetFilterDB(4));\n");

/* Case 17: netio allocates the layer data that a callout driver asks for. The call of the pool ends 0x1a bytes into
   NetioAllocateLayerData, that of netio 9 bytes into WfpSamplerClassify. */
static const char netio_source[] = PRELUDE
	"__attribute__((naked, noinline)) void *NetioAllocateLayerData(void)\n{\n"
	"\t__asm__ volatile(\"subq $0x28, %rsp\\n movl $128, %edx\\n movl $0x66636546, %r8d\\n movl $0x200, %ecx\\n\"\n"
	"\t\t\" callq *__imp_ExAllocatePoolWithTag(%rip)\\n addq $0x28, %rsp\\n retq\");\n}\n"
	"__declspec(dllexport) void *FwpsAcquireWritableLayerDataPointer0(void *handle)\n"
	"{\n\tvoid *p = NetioAllocateLayerData();\n\tKept[0] = p;\n\treturn p ? p : handle;\n}\n" ENTRY("");
static const char wfpsampler_source[] = PRELUDE
	"__declspec(dllimport) void *FwpsAcquireWritableLayerDataPointer0(void *);\n"
	"__attribute__((naked, noinline)) void *WfpSamplerClassify(void)\n{\n"
	"\t__asm__ volatile(\"pushq %rbx\\n nop\\n nop\\n callq "
	"*__imp_FwpsAcquireWritableLayerDataPointer0(%rip)\\n\"\n"
	"\t\t\" popq %rbx\\n retq\");\n}\n"
	"NI int Other(int k) { void *p = ExAllocatePoolWithTag(0x200, 128, 'pmSW'); Kept[1] = p; return p ? k : 1; "
	"}\n" ENTRY("\tKept[2] = WfpSamplerClassify();\n\tKept[3] = FwpsAcquireWritableLayerDataPointer0(driver);\n"
		    "\tKept[4] = (void *)(size_t_)Other(1);\n");

/* Case 20: the call ends at ebpf_allocate+0x21. */
static const char ebpf_source[] = PRELUDE
	"__attribute__((naked, noinline)) void *ebpf_allocate(size_t_ n)\n{\n"
	"\t__asm__ volatile(\"subq $0x28, %rsp\\n movq %rcx, %rdx\\n movl $0x66706265, %r8d\\n movl $0x200, %ecx\\n\"\n"
	"\t\t\" .byte 0x66,0x0f,0x1f,0x84,0,0,0,0,0\\n callq *__imp_ExAllocatePoolWithTag(%rip)\\n\"\n"
	"\t\t\" addq $0x28, %rsp\\n retq\");\n}\n"
	"NI int ebpf_program_create(int k) { Kept[1] = ebpf_allocate(4); return k + 1; }\n"
	"NI int ebpf_map_create(int k) { Kept[2] = ebpf_allocate(0x140); return k + 2; }\n" ENTRY(
		"\tKept[3] = (void *)(size_t_)(ebpf_program_create(1) + ebpf_map_create(2));\n");

/* Case 4: the one tag of the group whose owner is a filter. */
static const char wcifs_source[] = PRELUDE
	"NI int WcGetSetContextFileObject(int k) { void *p = ExAllocatePoolWithTag(0x200, 368, 'csCW'); "
	"Kept[0] = p; return p ? k : 1; }\n" ENTRY("\tKept[1] = (void *)(size_t_)WcGetSetContextFileObject(1);\n");

/* Case 10: the kernel allocates the strings, the driver holds them. */
static const char sbie_source[] =
	PRELUDE "NI void *Box_Callback(void *p) { Kept[1] = p; return Kept[2]; }\n"
		"NI int Box_Free(void *p) { ExFreePoolWithTag(p, 'grtS'); Kept[0] = p; return 1; }\n" ENTRY(
			"\tKept[3] = Box_Callback(driver);\n\tKept[4] = (void *)(size_t_)Box_Free(path);\n");

/* Blocks charged to processes, and a tag with the protected bit. */
static const char quota_source[] =
	PRELUDE "__declspec(dllimport) void *ExAllocatePoolWithQuotaTag(int, size_t_, unsigned);\n"
		"NI int Quota_Create(int k) { void *p = ExAllocatePoolWithQuotaTag(0, 300, 'atoQ'); Kept[0] = p; "
		"return p ? k : 1; }\n"
		"NI int Protect_Create(int k) { void *p = ExAllocatePoolWithTag(0x200, 256, 'tcrP' | 0x80000000); "
		"Kept[1] = p; return p ? k : 2; }\n" ENTRY(
			"\tKept[2] = (void *)(size_t_)(Quota_Create(1) + Protect_Create(2));\n");

/* Cases with one driver whose code passes the tag. Constants are the tag backwards. */
#define SITE(function, pool, size, tag)                                                                                \
	"NI int " function "(int k) { void *p = ExAllocatePoolWithTag(" pool ", " size ", '" tag                       \
	"'); Kept[k & 7] = p; return p ? k : 1; }\n"
#define CALL(function) "\tKept[9] = (void *)(size_t_)" function "(2);\n"
static const char wcifs2_source[] = PRELUDE SITE("WcStreamContext", "0x200", "368", "csCW")
	SITE("WcFileContext", "0x200", "192", "cfCW") ENTRY(CALL("WcStreamContext") CALL("WcFileContext"));
static const char callout_source[] =
	PRELUDE SITE("CalloutClassify", "0x200", "336", "lrcA") ENTRY(CALL("CalloutClassify"));
static const char http_source[] =
	PRELUDE SITE("UlInitializeHashTable", "1", "262144", "THlU") ENTRY(CALL("UlInitializeHashTable"));
static const char sysmon_source[] = PRELUDE SITE("LoadRules", "0x200", "1000", "RsyS") ENTRY(CALL("LoadRules"));
static const char blfp_source[] = PRELUDE SITE("TeamAllocate", "0x200", "448", "PFLB") ENTRY(CALL("TeamAllocate"));
static const char nv_source[] = PRELUDE SITE("RmAllocate", "0x200", "640", "MRVN") ENTRY(CALL("RmAllocate"));
static const char myfault_source[] = PRELUDE SITE("AllocateMany", "0x200", "2000", "kaeL") ENTRY(CALL("AllocateMany"));

/* Cases in which the kernel or Filter Manager allocates what a driver does not give back. */
#define ASK(routine, arguments) "__declspec(dllimport) void *" routine "(" arguments ");\n"
static const char irp_source[] = PRELUDE ASK("IoAllocateIrp", "int, int") ENTRY("\tKept[1] = IoAllocateIrp(1, 0);\n");
static const char mmdi_source[] = PRELUDE ASK("MmAllocatePagesForMdlEx", "size_t_, size_t_, size_t_, size_t_, int, int")
	ENTRY("\tKept[1] = MmAllocatePagesForMdlEx(0, 0, 0, 4096, 1, 0);\n");
static const char fltmgr_source[] = PRELUDE SITE("FltpAllocateFileName", "1", "348",
						 "nfMF") "__declspec(dllexport) int FltGetFileNameInformation(int k) { "
							 "return FltpAllocateFileName(k); }\n" ENTRY("");
static const char sbie_names_source[] = PRELUDE "__declspec(dllimport) int FltGetFileNameInformation(int);\n" ENTRY(
	"\tKept[1] = (void *)(size_t_)FltGetFileNameInformation(3);\n");

static const struct lab_owner owners[] = {
	{.name = "quota", .drivers = {{"qtadrv", quota_source, NULL}}, .n_drivers = 1},
	{.name = "documented",
	 .drivers = {{"wcifs", wcifs2_source, NULL},
		     {"callout", callout_source, NULL},
		     {"http", http_source, NULL},
		     {"SysmonDrv", sysmon_source, NULL},
		     {"blfp", blfp_source, NULL},
		     {"nvlddmkm", nv_source, NULL},
		     {"myfault", myfault_source, NULL},
		     {"splittunnel", irp_source, NULL},
		     {"viofs", mmdi_source, NULL},
		     {"fltmgr", fltmgr_source, NULL},
		     {"SbieDrv", sbie_names_source, "fltmgr"}},
	 .n_drivers = 11},
	{.name = "strings",
	 .drivers = {{"SbieDrv", sbie_source, NULL}},
	 .n_drivers = 1,
	 .pointer = {T4("Strg"), 0x18, 6, "Box_Callback"}},
	{.name = "npcap", .drivers = {{"npcap", npcap_source, NULL}}, .n_drivers = 1, .on_stack = "NPF_SendPacket"},
	{.name = "fecf",
	 .drivers = {{"netio", netio_source, NULL}, {"wfpsampler", wfpsampler_source, "netio"}},
	 .n_drivers = 2},
	{.name = "fecf-verified",
	 .drivers = {{"netio", netio_source, NULL}, {"wfpsampler", wfpsampler_source, "netio"}},
	 .n_drivers = 2,
	 .verified = "netio",
	 .records = {{"NetioAllocateLayerData", 0x1a, "WfpSamplerClassify", 9, T4("Fecf"), LAB_POOL_NONPAGED, 95, 128,
		      0}},
	 .n_records = 1},
	{.name = "ebpf",
	 .drivers = {{"EbpfCore", ebpf_source, NULL}},
	 .n_drivers = 1,
	 .verified = "EbpfCore",
	 .peak = 0x6f,
	 .peak_bytes = 0xbe59,
	 .records = {{"ebpf_allocate", 0x21, NULL, 0, T4("ebpf"), LAB_POOL_NONPAGED, 1, 4, 4}},
	 .n_records = 1},
	{.name = "lockstep", .drivers = {{"wcifs", wcifs_source, NULL}}, .n_drivers = 1},
	{.name = "cache"},
};

void lab_owner_begin(struct lab_machine *m, const char *name)
{
	if (m->b->arch != LAB_ARCH_X64)
		lab_die("the drivers of this case are for x64");
	m->n_shared_tags = m->n_tags;
	for (size_t i = 0; i < sizeof owners / sizeof owners[0]; i++)
		if (!strcmp(owners[i].name, name))
			m->owner = &owners[i];
}

void lab_owner_blocks(struct lab_machine *m, uint32_t tag, enum lab_pool pool, uint32_t bytes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		lab_pool_block(
			m, &(struct lab_request){.tag = tag, .pool = pool, .bytes = bytes, .nx = m->b->number >= 9200});
}

static uint64_t address_of(const struct lab_machine *m, const char *function)
{
	for (size_t k = 0; k < m->n_modules; k++)
		for (size_t i = 0; i < m->modules[k].image->n_symbols; i++)
			if (!strcmp(m->modules[k].image->symbols[i].name, function))
				return m->modules[k].base + m->modules[k].image->symbols[i].rva;
	lab_die("no driver has %s", function);
}

void lab_owner_finish(struct lab_machine *m)
{
	if (m->owner && m->owner->on_stack) {
		uint64_t at = address_of(m, m->owner->on_stack), end = at + 64;
		/* call [rip + x] */
		while (at < end && (lab_get32(m->mem, at) & 0xffff) != 0x15ff)
			at++;
		if (at == end)
			lab_die("%s calls nothing", m->owner->on_stack);
		lab_put_ptr(m, m->stack_va[1] + 0x2048, at + 6);
	}
	uint32_t n = 0;
	for (size_t i = 0; m->owner && m->owner->pointer.function && i < m->n_blocks; i++) {
		const struct lab_block *b = &m->blocks[i];
		if (b->tag == m->owner->pointer.tag && b->state == LAB_ALLOCATED && ++n % m->owner->pointer.every)
			lab_put_ptr(m, b->header_va + m->header_bytes + m->owner->pointer.offset,
				    address_of(m, m->owner->pointer.function));
	}
}
