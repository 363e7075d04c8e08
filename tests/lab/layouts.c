/* SPDX-License-Identifier: MIT */
/* Look-ups in the layout rows. */
#include "builds.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Types that are the same everywhere but for the pointer size (kernel.md 5, 6, 15; paging.md 11). */
const struct lab_layout lab_layouts_common[] = {
	{LAB_ARCH_X86, 0, ~0u, "_LIST_ENTRY", 8, "Flink 0 p;Blink 4 p;", "winnt.h"},
	{LAB_ARCH_X64, 0, ~0u, "_LIST_ENTRY", 0x10, "Flink 0 p;Blink 8 p;", "winnt.h"},
	{LAB_ARCH_X86, 0, ~0u, "_SINGLE_LIST_ENTRY", 4, "Next 0 p;", "winnt.h"},
	{LAB_ARCH_X64, 0, ~0u, "_SINGLE_LIST_ENTRY", 8, "Next 0 p;", "winnt.h"},
	{LAB_ARCH_X86, 0, ~0u, "_UNICODE_STRING", 8, "Length 0 u2;MaximumLength 2 u2;Buffer 4 p;", "winnt.h"},
	{LAB_ARCH_X64, 0, ~0u, "_UNICODE_STRING", 0x10, "Length 0 u2;MaximumLength 2 u2;Buffer 8 p;", "winnt.h"},
	{LAB_ARCH_X64, 0, ~0u, "_MI_SYSTEM_VA_ASSIGNMENT", 0x10, "BaseAddress 0 p;NumberOfBytes 8 u8;", "paging.md 11"},
	{LAB_ARCH_X86, 0, ~0u, "_LDR_DATA_TABLE_ENTRY", 0x50,
	 "InLoadOrderLinks 0 _LIST_ENTRY;InMemoryOrderLinks 8 _LIST_ENTRY;InInitializationOrderLinks 10 _LIST_ENTRY;"
	 "DllBase 18 p;EntryPoint 1c p;SizeOfImage 20 u4;FullDllName 24 _UNICODE_STRING;BaseDllName 2c _UNICODE_STRING;"
	 "Flags 34 u4;LoadCount 38 u2;TlsIndex 3a u2;TimeDateStamp 44 u4;",
	 "kernel.md 9b"},
	{LAB_ARCH_X64, 0, ~0u, "_LDR_DATA_TABLE_ENTRY", 0xe0,
	 "InLoadOrderLinks 0 _LIST_ENTRY;InMemoryOrderLinks 10 _LIST_ENTRY;InInitializationOrderLinks 20 _LIST_ENTRY;"
	 "DllBase 30 p;EntryPoint 38 p;SizeOfImage 40 u4;FullDllName 48 _UNICODE_STRING;BaseDllName 58 _UNICODE_STRING;"
	 "Flags 68 u4;LoadCount 6c u2;TlsIndex 6e u2;TimeDateStamp 80 u4;",
	 "kernel.md 9"},
	{LAB_ARCH_X86, 0, ~0u, "_PHYSICAL_MEMORY_RUN", 8, "BasePage 0 u4;PageCount 4 u4;", "kernel.md 15"},
	{LAB_ARCH_X64, 0, ~0u, "_PHYSICAL_MEMORY_RUN", 0x10, "BasePage 0 u8;PageCount 8 u8;", "kernel.md 15"},
	{LAB_ARCH_X86, 0, ~0u, "_PHYSICAL_MEMORY_DESCRIPTOR", 0x10,
	 "NumberOfRuns 0 u4;NumberOfPages 4 u4;Run 8 _PHYSICAL_MEMORY_RUN[1];", "kernel.md 15"},
	{LAB_ARCH_X64, 0, ~0u, "_PHYSICAL_MEMORY_DESCRIPTOR", 0x20,
	 "NumberOfRuns 0 u4;NumberOfPages 8 u8;Run 10 _PHYSICAL_MEMORY_RUN[1];", "kernel.md 15"},
	{0},
};

static const struct lab_layout *const tables[] = {lab_layouts_common, lab_layouts_pool,     lab_layouts_heap,
						  lab_layouts_kernel, lab_layouts_verifier, lab_layouts_arm64};

static bool row_matches(const struct lab_build *b, enum lab_arch arch, const struct lab_layout *l)
{
	unsigned number = b->layout ? b->layout : b->number;
	if (l >= lab_layouts_verifier && l < lab_layouts_verifier + lab_layouts_verifier_n && !b->verifier)
		return false;
	return l->arch == arch && number >= l->first_build && number <= l->last_build;
}

static const struct lab_layout *find_of(const struct lab_build *b, enum lab_arch arch, const char *type)
{
	for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++)
		for (const struct lab_layout *l = tables[t]; l->name; l++)
			if (row_matches(b, arch, l) && !strcmp(l->name, type))
				return l;
	return NULL;
}

/* ARM64: what layouts_arm64.c does not say is as on x64. */
static const struct lab_layout *find(const struct lab_build *b, const char *type)
{
	const struct lab_layout *l = find_of(b, b->arch, type);
	return l || b->arch != LAB_ARCH_ARM64 ? l : find_of(b, LAB_ARCH_X64, type);
}

/* Parses one "name offset type [bit.bits];" and returns the position behind it, NULL at the end. */
static const char *parse_field(const char *p, struct lab_field *f)
{
	memset(f, 0, sizeof *f);
	if (!*p)
		return NULL;
	int used = 0;
	if (sscanf(p, "%47s %x %47[^; ]%n", f->name, &f->offset, f->type, &used) != 3)
		lab_die("bad layout row at \"%s\"", p);
	p += used;
	if (*p == ' ') {
		if (sscanf(p, " %u.%u%n", &f->bit, &f->n_bits, &used) != 2)
			lab_die("bad bit field at \"%s\"", p);
		f->is_bits = true;
		p += used;
	}
	if (*p != ';')
		lab_die("layout row without semicolon at \"%s\"", p);
	char *bracket = strchr(f->type, '[');
	if (bracket) {
		f->count = (uint32_t)strtoul(bracket + 1, NULL, 10);
		*bracket = 0;
	}
	return p + 1;
}

/* Of the members, but for what begins a structure; what a structure holds keeps its length. */
static uint32_t shift_of(const struct lab_build *b, const char *type, uint32_t offset)
{
	return !strcmp(type, "_MI_SYSTEM_INFORMATION")             ? b->mi_shift
	       : !strcmp(type, "_MI_VISIBLE_STATE") && offset != 0 ? 0 - b->mi_shift / 8
								   : 0;
}

static uint32_t growth_of(const struct lab_build *b, const char *type)
{
	return !strcmp(type, "_MI_SYSTEM_INFORMATION") ? b->mi_shift : 0;
}

static bool find_field(const struct lab_build *b, const char *type, const char *field, struct lab_field *ret)
{
	const struct lab_layout *l = find(b, type);
	if (!l)
		return false;
	for (const char *p = l->fields; (p = parse_field(p, ret));)
		if (!strcmp(ret->name, field)) {
			ret->offset += shift_of(b, type, ret->offset);
			return true;
		}
	return false;
}

bool lab_has_type(const struct lab_build *b, const char *type)
{
	return find(b, type) != NULL;
}

bool lab_has_field(const struct lab_build *b, const char *type, const char *field)
{
	struct lab_field f;
	return find_field(b, type, field, &f);
}

uint32_t lab_type_size(const struct lab_build *b, const char *type)
{
	const struct lab_layout *l = find(b, type);
	if (!l)
		lab_die("build %s has no %s", b->key, type);
	return l->size_bytes + growth_of(b, type);
}

uint32_t lab_type_bytes(const struct lab_build *b, const char *type)
{
	if (!strcmp(type, "p"))
		return lab_ptr_size(b);
	if ((type[0] == 'u' || type[0] == 'i') && type[1] >= '1' && type[1] <= '8' && !type[2])
		return (uint32_t)(type[1] - '0');
	const struct lab_layout *l = find(b, type);
	return l ? l->size_bytes + growth_of(b, type) : 0;
}

uint32_t lab_offset(const struct lab_build *b, const char *type, const char *field)
{
	struct lab_field f;
	if (!find_field(b, type, field, &f))
		lab_die("build %s has no %s.%s", b->key, type, field);
	return f.offset;
}

uint32_t lab_field_size(const struct lab_build *b, const char *type, const char *field)
{
	struct lab_field f;
	if (!find_field(b, type, field, &f))
		lab_die("build %s has no %s.%s", b->key, type, field);
	return lab_type_bytes(b, f.type) * (f.count ? f.count : 1);
}

void lab_layout_each(const struct lab_build *b,
		     void (*fn)(void *ctx, const struct lab_layout *l, const struct lab_field *fields, size_t n),
		     void *ctx)
{
	for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++)
		for (const struct lab_layout *l = tables[t]; l->name; l++) {
			struct lab_field fields[64];
			size_t n = 0;
			if (l != find(b, l->name))
				continue;
			for (const char *p = l->fields; (p = parse_field(p, &fields[n]));) {
				fields[n].offset += shift_of(b, l->name, fields[n].offset);
				if (++n == 64)
					lab_die("too many fields in %s", l->name);
			}
			struct lab_layout shifted = *l;
			shifted.size_bytes += growth_of(b, l->name);
			fn(ctx, &shifted, fields, n);
		}
}
