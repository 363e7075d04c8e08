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

/* Cases 14 and 18: NDIS makes pools of packets with the tag of whoever asks, and has the kernel make the lists. */
static const char ndis_source[] = PRELUDE ASK(
	"IoAllocateMdl",
	"void *, unsigned, char, char, void *") "__declspec(dllexport) void *NdisAllocateMdl(void *h, void *va, "
						"unsigned n) { void *p = IoAllocateMdl(va, n, 0, 0, 0); "
						"return p ? p : h; }\n"
						"__declspec(dllexport) void *NdisAllocateNetBufferListPool(void *h, "
						"const unsigned *p) { void *q = "
						"ExAllocatePoolWithTag(0x200, p[3] + 0x180, p[2]); Kept[0] = q; return "
						"q ? q : h; }\n" ENTRY("");
static const char npcap_0_source[] = PRELUDE ASK("NdisAllocateMdl", "void *, void *, unsigned")
	ASK("NdisAllocateNetBufferListPool",
	    "void *, void *") "struct pool { unsigned char type, revision; unsigned short size; unsigned char "
			      "protocol, alloc; unsigned short "
			      "context; unsigned tag, data_size, flags; };\n"
			      "NI void *NPF_CreatePool(void *h) { struct pool p = {0x80, 1, sizeof(struct pool), 0, 1, "
			      "0, 0, 0, 0}; p.tag = "
			      "'LBPN'; p.context = 16; void *q = NdisAllocateNetBufferListPool(h, &p); Kept[0] = q; "
			      "return q; }\n" ENTRY("\tKept[1] = NPF_CreatePool(driver);\n\tKept[2] = "
						    "NdisAllocateMdl(driver, path, 64);\n");
static const char netkvm_source[] = PRELUDE ASK("NdisAllocateMdl", "void *, void *, unsigned")
	ENTRY("\tKept[1] = NdisAllocateMdl(driver, path, 64);\n");

/* Case 16: four tags of one driver. */
static const char npcap_1_source[] =
	PRELUDE SITE("NPF_AllocateCapture", "0x200", "112", "DCpN") SITE("NPF_AllocateList", "0x200", "176", "LNpN")
		SITE("NPF_AllocateBuffer", "0x200", "240", "BNpN") SITE("NPF_AllocatePacket", "0x200", "304", "DPpN")
			ENTRY(CALL("NPF_AllocateCapture") CALL("NPF_AllocateList") CALL("NPF_AllocateBuffer")
				      CALL("NPF_AllocatePacket"));

/* Cases 1 and 3: NTFS keeps what something above it holds. */
static const char ntfs_source[] = PRELUDE SITE("NtfsCreateFcb", "0x200", "128", "CFtN") ENTRY(CALL("NtfsCreateFcb"));
static const char fltmgr_2_source[] = PRELUDE SITE("FltpAllocateFileName", "1", "348", "nfMF")
	SITE("FltpGetStreamListCtrl", "0x200", "176",
	     "lsMF") "__declspec(dllexport) int FltGetFileNameInformation(int k) { return FltpAllocateFileName(k); }\n"
		     "__declspec(dllexport) int FltRegisterFilter(void *d, const void *r, void **f) { *f = d; return r "
		     "!= d; }\n"
		     "__declspec(dllexport) int FltAllocateContext(void *f, unsigned type, size_t_ n, int pool, void "
		     "**ret) { *ret = f; "
		     "return FltpGetStreamListCtrl((int)(type + n) + pool); }\n" ENTRY("");
static const char wcifs_names_source[] = PRELUDE "__declspec(dllimport) int FltGetFileNameInformation(int);\n" ENTRY(
	"\tKept[1] = (void *)(size_t_)FltGetFileNameInformation(3);\n");

/* Case 22: a minifilter's stream context. */
static const char delete_source[] = PRELUDE
	"__declspec(dllimport) int FltRegisterFilter(void *, const void *, void **);\n"
	"__declspec(dllimport) int FltAllocateContext(void *, unsigned, size_t_, int, void **);\n"
	"struct context { unsigned short type, flags; void *cleanup; size_t_ size; unsigned tag; void *rest[3]; };\n"
	"struct registration { unsigned short size, version; unsigned flags; const struct context *contexts; void "
	"*rest[14]; };\n"
	"static const struct context contexts[] = {{8, 0, 0, 0x78, 'xsfD', {0}}, {0xffff, 0, 0, 0, 0, {0}}};\n"
	"static const struct registration registration = {sizeof(struct registration), 0x203, 0, contexts, {0}};\n"
	"NI int DfAllocateContext(void *f) { void *p = 0; int s = FltAllocateContext(f, 8, 0x78, 0x200, &p); Kept[1] = "
	"p; "
	"return s; }\n" ENTRY("\tvoid *f = 0;\n\tKept[3] = (void *)(size_t_)FltRegisterFilter(driver, &registration, "
			      "&f);\n\tKept[4] = (void *)(size_t_)DfAllocateContext(f);\n");

/* Case 21: the framework allocates with the tag that the driver gave it. */
static const char wdfldr_source[] = PRELUDE "__declspec(dllexport) int WdfVersionBind(void *d, void *p, void *b, void "
					    "**g) { *g = b; return d != p; }\n" ENTRY("");
static const char ovpn_source[] =
	PRELUDE "__declspec(dllimport) int WdfVersionBind(void *, void *, void *, void **);\n"
		"static const unsigned short library[] = {'K', 'm', 'd', 'f', 'L', 'i', 'b', 'r', 'a', 'r', 'y', 0};\n"
		"void **WdfFunctions;\nvoid *WdfDriverGlobals;\n"
		"struct bind { unsigned size; const void *component; unsigned version[3], n_functions; void *table, "
		"*module; };\n"
		"struct bind WdfBindInfo = {sizeof(struct bind), library, {1, 15, 0}, 400, &WdfFunctions, 0};\n"
		"typedef int (*driver_fn)(void *, void *, void *, void *, void *, void *);\n"
		"struct config { unsigned size; void *add, *unload; unsigned flags, tag; };\n"
		"NI int OvpnCreateDriver(void *d, void *p) { volatile struct config c; c.size = sizeof(c); c.add = 0; "
		"c.unload = "
		"&Kept; c.flags = 0; c.tag = 'npvo'; int s = ((driver_fn)WdfFunctions[116])(WdfDriverGlobals, d, p, 0, "
		"(void *)&c, "
		"0); Kept[1] = (void *)(size_t_)s; return s; }\n" ENTRY(
			"\tKept[2] = (void *)(size_t_)WdfVersionBind(driver, path, &WdfBindInfo, &WdfDriverGlobals);\n"
			"\tKept[3] = (void *)(size_t_)OvpnCreateDriver(driver, path);\n");

/* Cases 27 and 30 need routines that the lab's kernel does not export. Two file systems: one tears contexts down. */
static const char kernext_source[] =
	PRELUDE "__declspec(dllexport) int IoRegisterFileSystem(int k) { return k; }\n"
		"__declspec(dllexport) int FsRtlTeardownPerStreamContexts(int k) { return k + 1; }\n"
		"__declspec(dllexport) int SeQueryInformationToken(int k) { return k + 2; }\n" ENTRY("");
#define IMPORT_INT(routine) "__declspec(dllimport) int " routine "(int);\n"
static const char btrfs_source[] = PRELUDE IMPORT_INT("IoRegisterFileSystem") ENTRY(CALL("IoRegisterFileSystem"));
static const char fastfat_source[] =
	PRELUDE IMPORT_INT("IoRegisterFileSystem") IMPORT_INT("FsRtlTeardownPerStreamContexts")
		ENTRY(CALL("IoRegisterFileSystem") CALL("FsRtlTeardownPerStreamContexts"));
static const char tokens_source[] =
	PRELUDE IMPORT_INT("SeQueryInformationToken") ENTRY(CALL("SeQueryInformationToken"));

/* Cases 26 and 32: of these no tag is known, so it is chosen here. */
static const char lxcore_source[] = PRELUDE SITE("LxpSocketCreate", "1", "640", "kSxL") ENTRY(CALL("LxpSocketCreate"));
static const char openzfs_source[] =
	PRELUDE SITE("spl_slab_create", "1", "131072", "blpS") ENTRY(CALL("spl_slab_create"));

/* Case 34: one block left when the driver goes. */
static const char tunnel_source[] = PRELUDE
	"__attribute__((naked, noinline)) void *StCopyString(void)\n{\n"
	"\t__asm__ volatile(\"subq $0x28, %rsp\\n movl $96, %edx\\n movl $0x74537453, %r8d\\n movl $0x200, %ecx\\n\"\n"
	"\t\t\" callq *__imp_ExAllocatePoolWithTag(%rip)\\n addq $0x28, %rsp\\n retq\");\n}\n" ENTRY(
		"\tKept[1] = StCopyString();\n");

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
		     {"SbieDrv", sbie_names_source, "fltmgr"},
		     {"ndis", ndis_source, NULL},
		     {"npcap", npcap_0_source, "ndis"}},
	 .n_drivers = 13},
	{.name = "documented-more",
	 .drivers = {{"ndis", ndis_source, NULL},
		     {"fltmgr", fltmgr_2_source, NULL},
		     {"WDFLDR", wdfldr_source, NULL},
		     {"kernext", kernext_source, NULL},
		     {"ntfs", ntfs_source, NULL},
		     {"wcifs", wcifs_names_source, "fltmgr"},
		     {"npcap", npcap_1_source, NULL},
		     {"netkvm", netkvm_source, "ndis"},
		     {"ovpn-dco", ovpn_source, "WDFLDR"},
		     {"delete", delete_source, "fltmgr"},
		     {"lxcore", lxcore_source, NULL},
		     {"btrfs", btrfs_source, "kernext"},
		     {"fastfat", fastfat_source, "kernext"},
		     {"tokens", tokens_source, "kernext"},
		     {"OpenZFS", openzfs_source, NULL}},
	 .n_drivers = 15},
	{.name = "documented-verified",
	 .drivers = {{"splittunnel", tunnel_source, NULL}},
	 .n_drivers = 1,
	 .verified = "splittunnel",
	 .records = {{"StCopyString", 0x1a, NULL, 0, T4("StSt"), LAB_POOL_NONPAGED, 1, 96, 96}},
	 .n_records = 1},
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
