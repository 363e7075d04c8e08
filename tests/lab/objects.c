/* SPDX-License-Identifier: MIT */
/*
 * Types of objects as the object manager keeps them: a table of pointers by index (the first is no type, the second a
 * mark), each type with its name, its key and its counts. Every block whose tag is the key is an object of it.
 * Layout and symbol: ISF:339E74133576439CBCDF7E0229DA3773-1 and others.
 */
#include "machine.h"
#include <cjson/cJSON.h>
#include <string.h>

#define KEY(s) LAB_TAG((s)[0], (s)[1], (s)[2], (s)[3])

static const struct {
	const char *name, *key;
	uint32_t handles; /* open */
	uint32_t share;   /* of the objects of the key: one in so many */
} types[LAB_OBJECT_TYPES] = {
	{"Type", "ObjT", 0, 1},
	{"Process", "Proc", 12, 1},
	{"Thread", "Thre", 50, 1},
	{"File", "File", 17, 1},
	{"FilterConnectionPort", "Filt", 3, 2},
	{"FilterCommunicationPort", "Filt", 4, 2},
};

void lab_objects_plant(struct lab_machine *m)
{
	const struct lab_build *b = m->b;
	const uint32_t ptr = lab_ptr_size(b);
	if (!lab_has_global(m, "ObTypeIndexTable"))
		return;
	const uint64_t table = lab_global_va(m, "ObTypeIndexTable");
	lab_put_ptr(m, table + ptr, 0xbad0b0b0);
	for (uint32_t i = 0; i < LAB_OBJECT_TYPES; i++) {
		struct lab_object_type *t = &m->object_types[i];
		uint64_t at = lab_system_bytes(m, lab_type_size(b, "_OBJECT_TYPE"));
		uint32_t n = 0;
		for (size_t k = 0; k < m->n_blocks; k++)
			n += m->blocks[k].state == LAB_ALLOCATED &&
			     (m->blocks[k].tag & ~LAB_PROTECTED) == KEY(types[i].key);
		*t = (struct lab_object_type){types[i].name, types[i].key, n / types[i].share, types[i].handles};
		lab_put_field(m, at, "_OBJECT_TYPE", "Index", i + 2);
		lab_put_field(m, at, "_OBJECT_TYPE", "Key", KEY(types[i].key));
		lab_put_field(m, at, "_OBJECT_TYPE", "TotalNumberOfObjects", t->objects);
		lab_put_field(m, at, "_OBJECT_TYPE", "TotalNumberOfHandles", t->handles);
		lab_put_field(m, at, "_OBJECT_TYPE", "HighWaterNumberOfObjects", t->objects + 3);
		lab_put_field(m, at, "_OBJECT_TYPE", "HighWaterNumberOfHandles", t->handles + 5);
		lab_put_string(m, at + lab_offset(b, "_OBJECT_TYPE", "Name"), types[i].name, LAB_POOL_PAGED);
		lab_put_ptr(m, table + (i + 2) * ptr, at);
	}
}

void lab_objects_truth(const struct lab_machine *m, cJSON *truth)
{
	if (!m->object_types[0].name)
		return;
	cJSON *list = cJSON_AddArrayToObject(truth, "object_types");
	for (uint32_t i = 0; i < LAB_OBJECT_TYPES; i++) {
		cJSON *o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "name", m->object_types[i].name);
		cJSON_AddStringToObject(o, "key", m->object_types[i].key);
		cJSON_AddNumberToObject(o, "objects", m->object_types[i].objects);
		cJSON_AddNumberToObject(o, "handles", m->object_types[i].handles);
		cJSON_AddItemToArray(list, o);
	}
}
