/* SPDX-License-Identifier: MIT */
/* Layout of _OBJECT_TYPE and the table ObTypeIndexTable: symbol tables of 7601.24540 to 22000.2538 [V]. What stands in
 * the tables and in the variables that the kernel exports for drivers (wdm.h, ntifs.h) is [1]: a type counts when its
 * key is the tag, its index its place in the table, its name readable and its numbers possible. */
#include "kernel/object_types.h"

#include "kernel/infer.h"

#include <string.h>

#define TAG_PROTECTED  0x80000000u
#define TYPES_MAX      256u /* an index has a byte */
#define FIELD_MAX      0x400u
#define NAME_BYTES_MAX 128u

struct layout {
	uint32_t key, name, objects;           /* known */
	uint32_t handles, high_objects, index; /* FIELD_MAX: not known */
	uint32_t index_bytes;
};

static uint32_t offset_of(const struct psc_kernel *k, enum psc_field_id field)
{
	const struct psc_field *f = psc_profile_field(&k->profile, field);
	return f && f->offset < FIELD_MAX ? f->offset : FIELD_MAX;
}

static bool find_layout(const struct psc_kernel *k, struct layout *l)
{
	const struct psc_field *index = psc_profile_field(&k->profile, PSC_FIELD_OBJECT_TYPE_Index);
	l->key = offset_of(k, PSC_FIELD_OBJECT_TYPE_Key);
	l->name = offset_of(k, PSC_FIELD_OBJECT_TYPE_Name);
	l->objects = offset_of(k, PSC_FIELD_OBJECT_TYPE_TotalNumberOfObjects);
	l->handles = offset_of(k, PSC_FIELD_OBJECT_TYPE_TotalNumberOfHandles);
	l->high_objects = offset_of(k, PSC_FIELD_OBJECT_TYPE_HighWaterNumberOfObjects);
	l->index = offset_of(k, PSC_FIELD_OBJECT_TYPE_Index);
	l->index_bytes = index ? index->size_bytes : 0;
	return l->key < FIELD_MAX && l->name < FIELD_MAX && l->objects < FIELD_MAX;
}

static bool has_index(struct psc_kernel *k, const struct layout *l, uint64_t va, uint32_t index)
{
	uint8_t byte;
	uint32_t word;
	if (l->index >= FIELD_MAX)
		return true;
	if (l->index_bytes == 1)
		return psc_read_u8(&k->reader, va + l->index, &byte) && byte == index;
	return psc_read_u32(&k->reader, va + l->index, &word) && word == index;
}

/* The type at va, if it is one of the tag. */
static void take_type(struct psc_kernel *k, const struct layout *l, uint64_t va, uint32_t tag,
		      struct psc_object_types *ret)
{
	const size_t name_bytes = k->space.is_32bit ? 8 : 16;
	uint32_t key, objects, handles = 0, high;
	uint8_t bytes[16];
	if (!psc_read_u32(&k->reader, va + l->key, &key) || ((key ^ tag) & ~TAG_PROTECTED) != 0 ||
	    !psc_read_u32(&k->reader, va + l->objects, &objects) ||
	    psc_read_va(&k->reader, va + l->name, bytes, name_bytes) != name_bytes)
		return;
	if (l->high_objects < FIELD_MAX && (!psc_read_u32(&k->reader, va + l->high_objects, &high) || high < objects))
		return;
	const char *name = psc_unicode_string(k, bytes, NAME_BYTES_MAX);
	if (!name)
		return;
	if (l->handles >= FIELD_MAX || !psc_read_u32(&k->reader, va + l->handles, &handles))
		ret->has_handles = false;
	ret->objects += objects;
	ret->handles += handles;
	if (ret->n < PSC_OBJECT_TYPE_NAMES)
		ret->names[ret->n] = name;
	ret->n++;
}

static bool is_type_va(const struct psc_kernel *k, uint64_t va)
{
	return psc_is_kernel_va(&k->space, va) && va % psc_pointer_bytes(&k->space) == 0 &&
	       va <= UINT64_MAX - 2 * (uint64_t)FIELD_MAX;
}

/* first_index: of the table's first place. */
static void take_table(struct psc_kernel *k, const struct layout *l, uint64_t table, uint32_t first_index, uint32_t tag,
		       struct psc_object_types *ret)
{
	const unsigned ptr = psc_pointer_bytes(&k->space);
	uint64_t va;
	for (uint32_t i = 0; i < TYPES_MAX; i++) {
		if (!psc_read_ptr(&k->reader, table + (uint64_t)i * ptr, &va))
			return;
		if (is_type_va(k, va) && has_index(k, l, va, i + first_index))
			take_type(k, l, va, tag, ret);
	}
}

static void take_exports(struct psc_kernel *k, const struct layout *l, uint32_t tag, struct psc_object_types *ret)
{
	static const char *const names[] = {
		"PsProcessType",       "PsThreadType",
		"IoFileObjectType",    "SeTokenObjectType",
		"MmSectionObjectType", "ExEventObjectType",
		"PsJobType",           "ExSemaphoreObjectType",
		"IoDeviceObjectType",  "IoDriverObjectType",
		"CmKeyObjectType",     "LpcPortObjectType",
		"ExDesktopObjectType", "ExWindowStationObjectType",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && ret->n == 0; i++) {
		uint64_t variable = psc_pe_export(&k->reader, k->base, names[i]), va;
		if (variable && psc_read_ptr(&k->reader, variable, &va) && is_type_va(k, va))
			take_type(k, l, va, tag, ret);
	}
}

void psc_object_types_of_tag(struct psc_kernel *k, uint32_t tag, struct psc_object_types *ret)
{
	struct layout l;
	memset(ret, 0, sizeof(*ret));
	ret->has_handles = true;
	if (!find_layout(k, &l))
		return;
	uint64_t table = psc_kernel_sym(k, PSC_SYM_ObTypeIndexTable), old = psc_kernel_sym(k, PSC_SYM_ObpObjectTypes);
	/* The array of before 7 has no place for the index 0; later kernels keep it beside the table. */
	if (table)
		take_table(k, &l, table, 0, tag, ret);
	else if (old)
		take_table(k, &l, old, 1, tag, ret);
	if (ret->n == 0)
		take_exports(k, &l, tag, ret);
}
