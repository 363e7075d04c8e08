/* SPDX-License-Identifier: MIT */
/* C source of the synthetic kernel and the list of what it exports. */
#include "image_private.h"
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define CDECL_ARGS 0xff

struct export
{
	const char *name;
	uint8_t argument_bytes; /* on x86, for the decoration of __stdcall; CDECL_ARGS: not __stdcall */
	const char *section;
};

static const struct export functions[] = {
	{"DbgPrint", CDECL_ARGS, NULL},
	{"ExAllocatePool", 8, "POOLCODE"},
	{"ExAllocatePool2", 16, "POOLCODE"},
	{"ExAllocatePool3", 24, "POOLCODE"},
	{"ExAllocatePoolWithQuota", 8, "POOLCODE"},
	{"ExAllocatePoolWithQuotaTag", 12, "POOLCODE"},
	{"ExAllocatePoolWithTag", 12, "POOLCODE"},
	{"ExAllocatePoolWithTagPriority", 16, "POOLCODE"},
	{"ExDeleteLookasideListEx", 4, NULL},
	{"ExDeleteNPagedLookasideList", 4, NULL},
	{"ExDeletePagedLookasideList", 4, NULL},
	{"ExFreePool", 4, "POOLCODE"},
	{"ExFreePool2", 16, "POOLCODE"},
	{"ExFreePoolWithTag", 8, "POOLCODE"},
	{"ExInitializeLookasideListEx", 32, NULL},
	{"ExInitializeNPagedLookasideList", 28, NULL},
	{"ExInitializePagedLookasideList", 28, NULL},
	{"ExQueueWorkItem", 8, NULL},
	{"IoAllocateErrorLogEntry", 8, NULL},
	{"IoAllocateIrp", 8, NULL},
	{"IoAllocateMdl", 20, NULL},
	{"IoAllocateWorkItem", 4, NULL},
	{"IoCreateDevice", 28, "PAGE"},
	{"IoCreateSymbolicLink", 8, "PAGE"},
	{"IoDeleteDevice", 4, NULL},
	{"IoFreeIrp", 4, NULL},
	{"IoFreeMdl", 4, NULL},
	{"IoFreeWorkItem", 4, NULL},
	{"KeBugCheckEx", 20, NULL},
	{"KeInitializeDpc", 12, NULL},
	{"KeInitializeEvent", 12, NULL},
	{"KeInitializeSpinLock", 4, NULL},
	{"KeInitializeTimer", 4, NULL},
	{"KeInsertQueueDpc", 12, NULL},
	{"KeSetEvent", 12, NULL},
	{"KeSetTimer", 16, NULL},
	{"KeWaitForSingleObject", 20, NULL},
	{"MmAllocateContiguousMemory", 12, NULL},
	{"MmAllocateNonCachedMemory", 4, NULL},
	{"MmAllocatePagesForMdlEx", 36, NULL},
	{"MmFreeContiguousMemory", 4, NULL},
	{"MmGetSystemRoutineAddress", 4, "PAGE"},
	{"MmIsVerifierEnabled", 4, "PAGE"},
	{"MmMapIoSpace", 16, NULL},
	{"MmUnmapIoSpace", 8, NULL},
	{"ObReferenceObjectByHandle", 24, "PAGE"},
	{"PsCreateSystemThread", 28, "PAGE"},
	{"PsGetCurrentProcessId", 0, NULL},
	{"PsSetCreateProcessNotifyRoutine", 8, "PAGE"},
	{"PsTerminateSystemThread", 4, "PAGE"},
	{"RtlAnsiStringToUnicodeString", 12, "PAGE"},
	{"RtlCopyUnicodeString", 8, NULL},
	{"RtlFreeUnicodeString", 4, "PAGE"},
	{"RtlInitUnicodeString", 8, NULL},
	{"ZwClose", 4, NULL},
	{"ZwCreateFile", 44, NULL},
	{"ZwOpenKey", 12, NULL},
	{"ZwQueryValueKey", 24, NULL},
	{"memcmp", CDECL_ARGS, NULL},
	{"memcpy", CDECL_ARGS, NULL},
	{"memmove", CDECL_ARGS, NULL},
	{"memset", CDECL_ARGS, NULL},
};
#define N_FUNCTIONS (sizeof functions / sizeof functions[0])

/* Exported variables; size 0 is a pointer. Placed here unless the caller places them. */
static const struct {
	const char *name;
	uint8_t size_bytes;
} variables[] = {
	{"InitSafeBootMode", 4}, {"KdDebuggerEnabled", 1},      {"KdDebuggerNotPresent", 1}, {"KeNumberProcessors", 1},
	{"KeTickCount", 24},     {"MmHighestUserAddress", 0},   {"MmSystemRangeStart", 0},   {"NtBuildNumber", 4},
	{"NtGlobalFlag", 4},     {"PsInitialSystemProcess", 0}, {"PsLoadedModuleList", 16},
};
#define N_VARIABLES (sizeof variables / sizeof variables[0])

static bool has_global(const struct lab_global *globals, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(globals[i].name, name) == 0)
			return true;
	}
	return false;
}

static bool is_identifier(const char *name)
{
	if (*name == 0 || isdigit((unsigned char)*name))
		return false;
	for (; *name != 0; name++) {
		if (!isalnum((unsigned char)*name) && *name != '_')
			return false;
	}
	return true;
}

/* In .data proper, not .bss: present in the file as well. C++ names (?SmGlobals@@...) need an assembler label. */
static void write_global(FILE *f, const char *name, uint32_t size_bytes, uint32_t align, size_t number)
{
	if (align == 0)
		align = 1;
	if (is_identifier(name))
		fprintf(f, "unsigned char %s[%" PRIu32 "]", name, size_bytes);
	else
		fprintf(f, "unsigned char lab_global_%zu[%" PRIu32 "] __asm__(\"%s\")", number, size_bytes, name);
	fprintf(f, " __attribute__((section(\".data\"), aligned(%" PRIu32 "))) = {0};\n", align);
}

static bool is_pinned(const struct lab_global *g, uint32_t pinned_rva)
{
	return g->rva != 0 && g->rva >= pinned_rva;
}

/* One array from its first to its last byte; the globals are names for places in it. */
static void write_pinned(FILE *f, const struct lab_global *globals, size_t n, uint32_t pinned_rva)
{
	uint32_t start = pinned_rva, end = 0;
	for (size_t i = 0; i < n; i++) {
		if (!is_pinned(&globals[i], pinned_rva))
			continue;
		if (start == 0 || (pinned_rva == 0 && globals[i].rva < start))
			start = globals[i].rva;
		if (globals[i].rva + globals[i].size_bytes > end)
			end = globals[i].rva + globals[i].size_bytes;
	}
	if (end == 0)
		return;
	write_global(f, LAB_PINNED, end - start, 4096, n);
	for (size_t i = 0; i < n; i++)
		if (is_pinned(&globals[i], pinned_rva))
			fprintf(f,
				"__asm__(\".globl %s\\n%s = " LAB_PINNED "+%" PRIu32
				"\\n\");\nextern unsigned char %s[];\n",
				globals[i].name, globals[i].name, globals[i].rva - start, globals[i].name);
}

static void write_globals(FILE *f, enum lab_arch arch, const struct lab_global *globals, size_t n, uint32_t pinned_rva)
{
	const uint32_t pointer_bytes = arch == LAB_ARCH_X86 ? 4 : 8;

	write_pinned(f, globals, n, pinned_rva);
	for (size_t i = 0; i < n; i++)
		if (!is_pinned(&globals[i], pinned_rva))
			write_global(f, globals[i].name, globals[i].size_bytes, globals[i].align, i);
	for (size_t i = 0; i < N_VARIABLES; i++) {
		const uint32_t size = variables[i].size_bytes != 0 ? variables[i].size_bytes : pointer_bytes;

		if (!has_global(globals, n, variables[i].name))
			write_global(f, variables[i].name, size, pointer_bytes, n + i);
	}
	/* Absolute pointers to the globals: something to relocate. */
	fputs("unsigned char *const KiLabPointers[] = {KiLabState", f);
	for (size_t i = 0; i < n; i++) {
		if (is_identifier(globals[i].name))
			fprintf(f, ", %s", globals[i].name);
	}
	fputs("};\n", f);
}

static void write_section(FILE *f, const char *section)
{
	if (section != NULL)
		fprintf(f, "__attribute__((section(\"%s\"))) ", section);
}

static void write_exported_function(FILE *f, const struct export *e, size_t number, uint64_t *rng)
{
	const bool is_cdecl = e->argument_bytes == CDECL_ARGS;
	const unsigned n = is_cdecl ? 3 : e->argument_bytes / 4;

	write_section(f, e->section);
	fprintf(f, "__attribute__((noinline)) void *%s%s(", is_cdecl ? "" : "__stdcall ", e->name);
	for (unsigned i = 0; i < n; i++)
		fprintf(f, "%sKiWord a%u", i > 0 ? ", " : "", i);
	fputs(n == 0 ? "void)\n{\n" : ")\n{\n", f);
	fprintf(f, "\tKiWord v = KiLabMix(%zu, %" PRIu32 "u);\n", number, (uint32_t)lab_rand(rng));
	for (unsigned i = 0; i < n; i++)
		fprintf(f, "\tv = v * %" PRIu32 "u ^ a%u;\n", (uint32_t)(lab_rand(rng) & 0xffff) | 1, i);
	fprintf(f, "\tKiLabState[v & 0xff] = (unsigned char)v;\n\treturn KiLabState + KiLabMix((unsigned)v, %zu);\n}\n",
		number);
}

/* Routines that only take room, in several sections as in a real kernel. */
static void write_filler(FILE *f, uint64_t *rng)
{
	static const char *const sections[] = {NULL, "PAGE", "PAGELK", NULL, "INIT"};
	const unsigned n = 96 + (unsigned)(lab_rand(rng) % 32);

	for (unsigned i = 0; i < n; i++) {
		const unsigned steps = 1 + (unsigned)(lab_rand(rng) % 8);

		write_section(f, sections[i % (sizeof sections / sizeof sections[0])]);
		fprintf(f, "KiWord __stdcall KiLabRoutine%03u(KiWord a)\n{\n", i);
		for (unsigned j = 0; j < steps; j++)
			fprintf(f, "\ta = KiLabMix((unsigned)a ^ %" PRIu32 "u, %u);\n", (uint32_t)lab_rand(rng), j);
		fputs("\treturn a;\n}\n", f);
	}
}

/* The kernel allocates too: directly, through a wrapper of its own, and by a jump. tests/sites/dump.py knows these. */
static void write_own_allocations(FILE *f, enum lab_arch arch)
{
	fprintf(f,
		"void *KiLabOwn1(void)\n{\n\tvoid *p = ExAllocatePoolWithTag(1, 0x58, 0x314b624c);\n"
		"\tKiLabState[1] = p != 0;\n\treturn p;\n}\n"
		"__attribute__((noinline)) void *KiLabAllocate(KiWord n, KiWord tag)\n{\n"
		"\tvoid *p = ExAllocatePoolWithTag(0x200, n, tag);\n\tKiLabState[2] = p != 0;\n\treturn p;\n}\n"
		"void *KiLabOwn2(void)\n{\n\tvoid *p = KiLabAllocate(0x68, 0x324b624c);\n"
		"\tKiLabState[3] = p != 0;\n\treturn p;\n}\n"
		"void *KiLabOwn3(void)\n{\n\tKiLabState[4]++;\n\treturn ExAllocatePool2(%s);\n}\n"
		"void *(*const KiLabOwnTable[])(void) = {KiLabOwn1, KiLabOwn2, KiLabOwn3};\n",
		arch == LAB_ARCH_X86 ? "0x40, 0, 0x78, 0x334b624c" : "0x40, 0x78, 0x334b624c, 0");
}

/* What an interrupt leaves on the stacks: a machine frame, and a change to the processor's own stack for what runs
 * there. tests/stacks/machine.py lays such stacks. */
static void write_interrupt(FILE *f)
{
	fputs("void *KiLabDpcStack, *KiLabDpcRoutine;\n"
	      "__asm__(\".text\\n.globl KiLabRetireDpcs\\nKiLabRetireDpcs:\\n.seh_proc KiLabRetireDpcs\\n\"\n"
	      "\t\"pushq %rbp\\n.seh_pushreg %rbp\\nsubq $0x20, %rsp\\n.seh_stackalloc 0x20\\n\"\n"
	      "\t\"leaq 0x20(%rsp), %rbp\\n.seh_setframe %rbp, 0x20\\n.seh_endprologue\\n\"\n"
	      "\t\"movq KiLabDpcStack(%rip), %rsp\\nsubq $0x20, %rsp\\ncall *KiLabDpcRoutine(%rip)\\n\"\n"
	      "\t\"leaq 0(%rbp), %rsp\\npopq %rbp\\nret\\n.seh_endproc\\n\"\n"
	      "\t\".globl KiLabInterrupt\\nKiLabInterrupt:\\n.seh_proc KiLabInterrupt\\n.seh_pushframe\\n\"\n"
	      "\t\"pushq %rbp\\n.seh_pushreg %rbp\\nsubq $0x150, %rsp\\n.seh_stackalloc 0x150\\n\"\n"
	      "\t\"leaq 0x80(%rsp), %rbp\\n.seh_setframe %rbp, 0x80\\n.seh_endprologue\\n\"\n"
	      "\t\"call KiLabRetireDpcs\\naddq $0x150, %rsp\\npopq %rbp\\niretq\\n.seh_endproc\");\n"
	      "extern void KiLabInterrupt(void);\nvoid *const KiLabVectors[] = {(void *)KiLabInterrupt};\n",
	      f);
}

void lab_source_kernel(FILE *f, enum lab_arch arch, const struct lab_global *globals, size_t n_globals,
		       const char *c_types, uint64_t seed, uint32_t pinned_rva)
{
	uint64_t rng = seed;
	const unsigned padding = 0x20000 + (unsigned)(lab_rand(&rng) % 0x18) * 0x1000;

	fprintf(f, "typedef %s KiWord;\n", arch == LAB_ARCH_X86 ? "unsigned long" : "unsigned long long");
	fprintf(f,
		"extern const unsigned long long KiLabSeed;\nconst unsigned long long KiLabSeed = 0x%" PRIx64 "ull;\n",
		seed);
	fprintf(f, "unsigned char KiLabState[0x1000];\nunsigned char KiLabPadding[%#x];\n", padding);
	fputs("__attribute__((noinline)) KiWord KiLabMix(unsigned a, unsigned b)\n{\n"
	      "\tunsigned v = (a ^ (unsigned)KiLabSeed) * 2654435761u + b;\n"
	      "\tKiLabState[v >> 20] ^= (unsigned char)a;\n\treturn v >> 20;\n}\n",
	      f);
	write_globals(f, arch, globals, n_globals, pinned_rva);
	for (size_t i = 0; i < N_FUNCTIONS; i++)
		write_exported_function(f, &functions[i], i, &rng);
	write_own_allocations(f, arch);
	write_filler(f, &rng);
	if (arch == LAB_ARCH_X64)
		write_interrupt(f);
	fputs("int __stdcall KiSystemStartup(void *loader_block)\n{\n"
	      "\treturn KiLabPadding[0] + (int)KiLabMix((unsigned)(KiWord)loader_block, 1) + (KiLabPointers[0] != "
	      "0);\n}\n",
	      f);
	if (c_types != NULL)
		fprintf(f, "\n%s\n", c_types);
}

void lab_source_exports(FILE *f, enum lab_arch arch, bool imports)
{
	fputs("LIBRARY ntoskrnl.exe\nEXPORTS\n", f);
	for (size_t i = 0; i < N_FUNCTIONS; i++) {
		/* llvm-dlltool wants the decorated name; lld-link finds it by the plain one. */
		if (imports && arch == LAB_ARCH_X86 && functions[i].argument_bytes != CDECL_ARGS)
			fprintf(f, "%s@%u\n", functions[i].name, functions[i].argument_bytes);
		else
			fprintf(f, "%s\n", functions[i].name);
	}
	for (size_t i = 0; i < N_VARIABLES; i++)
		fprintf(f, "%s DATA\n", variables[i].name);
}
