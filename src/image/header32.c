/* SPDX-License-Identifier: MIT */
#include "image/fields.h"

#include <string.h>

/* DUMP_HEADER32. reference: dumps 4 [2] */
enum {
	H32_MAJOR_VERSION = 0x8,
	H32_MINOR_VERSION = 0xc,
	H32_DIRECTORY_TABLE_BASE = 0x10,
	H32_PFN_DATABASE = 0x14,
	H32_PS_LOADED_MODULE_LIST = 0x18,
	H32_PS_ACTIVE_PROCESS_HEAD = 0x1c,
	H32_MACHINE_IMAGE_TYPE = 0x20,
	H32_NUMBER_PROCESSORS = 0x24,
	H32_BUGCHECK_CODE = 0x28,
	H32_BUGCHECK_PARAMETERS = 0x2c,
	H32_PAE_ENABLED = 0x5c,
	H32_KD_DEBUGGER_DATA_BLOCK = 0x60,
	H32_NUMBER_OF_RUNS = 0x64,
	H32_COMMENT = 0x820,
	H32_ATTRIBUTES = 0x8a0,
	H32_DUMP_TYPE = 0xf88,
	H32_MINI_DUMP_FIELDS = 0xf8c,
	H32_PRODUCT_TYPE = 0xf94,
	H32_SUITE_MASK = 0xf98,
	H32_SYSTEM_UP_TIME = 0xfb8,
	H32_SYSTEM_TIME = 0xfc0,
};

void psc_header32_parse(const uint8_t *h, struct psc_dump_header *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->major_version = psc_field_u32(h + H32_MAJOR_VERSION);
	ret->build = psc_field_u32(h + H32_MINOR_VERSION);
	ret->directory_table_base =
		psc_field_get32(ret, PSC_HDR_DIRECTORY_TABLE_BASE, h + H32_DIRECTORY_TABLE_BASE, PSC_ZERO_IS_ABSENT);
	ret->pfn_database = psc_field_get32(ret, PSC_HDR_PFN_DATABASE, h + H32_PFN_DATABASE, PSC_ZERO_IS_ABSENT);
	ret->ps_loaded_module_list =
		psc_field_get32(ret, PSC_HDR_PS_LOADED_MODULE_LIST, h + H32_PS_LOADED_MODULE_LIST, PSC_ZERO_IS_ABSENT);
	ret->ps_active_process_head = psc_field_get32(ret, PSC_HDR_PS_ACTIVE_PROCESS_HEAD,
						      h + H32_PS_ACTIVE_PROCESS_HEAD, PSC_ZERO_IS_ABSENT);
	ret->kd_debugger_data_block = psc_field_get32(ret, PSC_HDR_KD_DEBUGGER_DATA_BLOCK,
						      h + H32_KD_DEBUGGER_DATA_BLOCK, PSC_ZERO_IS_ABSENT);
	ret->machine_value = psc_field_u32(h + H32_MACHINE_IMAGE_TYPE);
	ret->machine = psc_field_machine(ret->machine_value);
	ret->processors = psc_field_get32(ret, PSC_HDR_PROCESSORS, h + H32_NUMBER_PROCESSORS, PSC_ZERO_IS_ABSENT);
	ret->bugcheck_code = psc_field_get32(ret, PSC_HDR_BUGCHECK, h + H32_BUGCHECK_CODE, PSC_ZERO_IS_ABSENT);
	for (unsigned i = 0; i < 4; i++)
		ret->bugcheck_parameters[i] = psc_field_u32(h + H32_BUGCHECK_PARAMETERS + 4 * i);
	/* A byte: its fill pattern is 'P' (0x50). */
	psc_field_mark(ret, PSC_HDR_PAE_ENABLED, h[H32_PAE_ENABLED] <= 1);
	ret->pae_enabled = h[H32_PAE_ENABLED] == 1;
	ret->dump_type_value = psc_field_get32(ret, PSC_HDR_DUMP_TYPE, h + H32_DUMP_TYPE, PSC_ZERO_IS_ABSENT);
	ret->system_time_filetime = psc_field_get64(ret, PSC_HDR_SYSTEM_TIME, h + H32_SYSTEM_TIME, PSC_ZERO_IS_ABSENT);
	ret->uptime_100ns = psc_field_get64(ret, PSC_HDR_SYSTEM_UP_TIME, h + H32_SYSTEM_UP_TIME, PSC_ZERO_IS_ABSENT);
	ret->mini_dump_fields =
		psc_field_get32(ret, PSC_HDR_MINI_DUMP_FIELDS, h + H32_MINI_DUMP_FIELDS, PSC_ZERO_IS_VALUE);
	ret->product_type = psc_field_get32(ret, PSC_HDR_PRODUCT_TYPE, h + H32_PRODUCT_TYPE, PSC_ZERO_IS_ABSENT);
	ret->suite_mask = psc_field_get32(ret, PSC_HDR_SUITE_MASK, h + H32_SUITE_MASK, PSC_ZERO_IS_VALUE);
	ret->attributes = psc_field_get32(ret, PSC_HDR_ATTRIBUTES, h + H32_ATTRIBUTES, PSC_ZERO_IS_VALUE);
	psc_field_mark(ret, PSC_HDR_PHYSICAL_MEMORY_BLOCK, psc_field_u32(h + H32_NUMBER_OF_RUNS) != 0);
	psc_field_comment(ret->comment, h + H32_COMMENT);
}
