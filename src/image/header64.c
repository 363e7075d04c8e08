/* SPDX-License-Identifier: MIT */
#include "image/fields.h"

#include <string.h>

/* DUMP_HEADER64. reference: dumps 3 [V] */
enum {
	H64_MAJOR_VERSION = 0x8,
	H64_MINOR_VERSION = 0xc,
	H64_DIRECTORY_TABLE_BASE = 0x10,
	H64_PFN_DATABASE = 0x18,
	H64_PS_LOADED_MODULE_LIST = 0x20,
	H64_PS_ACTIVE_PROCESS_HEAD = 0x28,
	H64_MACHINE_IMAGE_TYPE = 0x30,
	H64_NUMBER_PROCESSORS = 0x34,
	H64_BUGCHECK_CODE = 0x38,
	H64_BUGCHECK_PARAMETERS = 0x40,
	H64_KD_DEBUGGER_DATA_BLOCK = 0x80,
	H64_NUMBER_OF_RUNS = 0x88,
	H64_DUMP_TYPE = 0xf98,
	H64_SYSTEM_TIME = 0xfa8,
	H64_COMMENT = 0xfb0,
	H64_SYSTEM_UP_TIME = 0x1030,
	H64_MINI_DUMP_FIELDS = 0x1038,
	H64_PRODUCT_TYPE = 0x1040,
	H64_SUITE_MASK = 0x1044,
	H64_ATTRIBUTES = 0x1050,
};

void psc_header64_parse(const uint8_t *h, struct psc_dump_header *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->is_64bit = true;
	ret->major_version = psc_field_u32(h + H64_MAJOR_VERSION);
	ret->build = psc_field_u32(h + H64_MINOR_VERSION);
	ret->directory_table_base =
		psc_field_get64(ret, PSC_HDR_DIRECTORY_TABLE_BASE, h + H64_DIRECTORY_TABLE_BASE, PSC_ZERO_IS_ABSENT);
	ret->pfn_database = psc_field_get64(ret, PSC_HDR_PFN_DATABASE, h + H64_PFN_DATABASE, PSC_ZERO_IS_ABSENT);
	ret->ps_loaded_module_list =
		psc_field_get64(ret, PSC_HDR_PS_LOADED_MODULE_LIST, h + H64_PS_LOADED_MODULE_LIST, PSC_ZERO_IS_ABSENT);
	ret->ps_active_process_head = psc_field_get64(ret, PSC_HDR_PS_ACTIVE_PROCESS_HEAD,
						      h + H64_PS_ACTIVE_PROCESS_HEAD, PSC_ZERO_IS_ABSENT);
	ret->kd_debugger_data_block = psc_field_get64(ret, PSC_HDR_KD_DEBUGGER_DATA_BLOCK,
						      h + H64_KD_DEBUGGER_DATA_BLOCK, PSC_ZERO_IS_ABSENT);
	ret->machine_value = psc_field_u32(h + H64_MACHINE_IMAGE_TYPE);
	ret->machine = psc_field_machine(ret->machine_value);
	ret->processors = psc_field_get32(ret, PSC_HDR_PROCESSORS, h + H64_NUMBER_PROCESSORS, PSC_ZERO_IS_ABSENT);
	ret->bugcheck_code = psc_field_get32(ret, PSC_HDR_BUGCHECK, h + H64_BUGCHECK_CODE, PSC_ZERO_IS_ABSENT);
	for (unsigned i = 0; i < 4; i++)
		ret->bugcheck_parameters[i] = psc_field_u64(h + H64_BUGCHECK_PARAMETERS + 8 * i);
	ret->dump_type_value = psc_field_get32(ret, PSC_HDR_DUMP_TYPE, h + H64_DUMP_TYPE, PSC_ZERO_IS_ABSENT);
	ret->system_time_filetime = psc_field_get64(ret, PSC_HDR_SYSTEM_TIME, h + H64_SYSTEM_TIME, PSC_ZERO_IS_ABSENT);
	ret->uptime_100ns = psc_field_get64(ret, PSC_HDR_SYSTEM_UP_TIME, h + H64_SYSTEM_UP_TIME, PSC_ZERO_IS_ABSENT);
	ret->mini_dump_fields =
		psc_field_get32(ret, PSC_HDR_MINI_DUMP_FIELDS, h + H64_MINI_DUMP_FIELDS, PSC_ZERO_IS_VALUE);
	ret->product_type = psc_field_get32(ret, PSC_HDR_PRODUCT_TYPE, h + H64_PRODUCT_TYPE, PSC_ZERO_IS_ABSENT);
	ret->suite_mask = psc_field_get32(ret, PSC_HDR_SUITE_MASK, h + H64_SUITE_MASK, PSC_ZERO_IS_VALUE);
	ret->attributes = psc_field_get32(ret, PSC_HDR_ATTRIBUTES, h + H64_ATTRIBUTES, PSC_ZERO_IS_VALUE);
	psc_field_mark(ret, PSC_HDR_PHYSICAL_MEMORY_BLOCK, psc_field_u32(h + H64_NUMBER_OF_RUNS) != 0);
	psc_field_comment(ret->comment, h + H64_COMMENT);
}
