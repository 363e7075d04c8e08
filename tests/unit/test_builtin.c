/* SPDX-License-Identifier: MIT */
#include "symbols/builtin_tables.h"
#include "unit.h"
#include <stdio.h>
#include <string.h>

static const char guid_19041_804[] = "5278AFF86C341677D7D7835C85B7B844";

static struct psc_profile load(enum psc_machine machine, uint32_t build, bool pae, const char *hint)
{
	struct psc_kernel_identity id = {.machine = machine, .build = build, .pae = pae};
	struct psc_profile p;
	memset(&p, 0, sizeof(p));
	psc_builtin_load(&id, hint, &p);
	return p;
}

static struct psc_profile x64(uint32_t build, const char *hint)
{
	return load(PSC_MACHINE_X64, build, false, hint);
}

static struct psc_profile x86(uint32_t build, bool pae, const char *hint)
{
	return load(PSC_MACHINE_X86, build, pae, hint);
}

#define FIELD(p, name)     psc_profile_field(&(p), PSC_FIELD_##name)
#define ASSERT_NO(p, name) ck_assert_ptr_null(FIELD(p, name))
#define ASSERT_AT(p, name, where)                                                                                      \
	do {                                                                                                           \
		ck_assert_ptr_nonnull(FIELD(p, name));                                                                 \
		ck_assert_uint_eq(FIELD(p, name)->offset, where);                                                      \
	} while (0)

START_TEST(symbols_of_one_kernel)
{
	struct psc_kernel_identity id = {.machine = PSC_MACHINE_X64, .build = 19041, .pdb_age = 1};
	struct psc_profile p;
	memset(&p, 0, sizeof(p));
	memcpy(id.pdb_guid, guid_19041_804, sizeof(guid_19041_804));
	psc_builtin_load(&id, NULL, &p);
	ck_assert_str_eq(p.builtin_version, "10.0.19041.804");
	ck_assert_int_eq(p.symbols[PSC_SYM_PoolTrackTable].origin, PSC_ORIGIN_BUILTIN);
	ck_assert_uint_eq(p.symbols[PSC_SYM_PoolTrackTable].rva, 0xc168a8);
	ck_assert_uint_eq(p.symbols[PSC_SYM_KdDebuggerDataBlock].rva, 0xc00b20);
	ck_assert_uint_eq(p.symbols[PSC_SYM_PsLoadedModuleList].rva, 0xc2a390);
	ck_assert_uint_eq(p.symbols[PSC_SYM_PsActiveProcessHead].rva, 0xc1e200);
	ck_assert(!psc_profile_has_sym(&p, PSC_SYM_PoolVector));
	/* The version of the row decides between the revisions of 19041. */
	ASSERT_AT(p, MI_SYSTEM_INFORMATION_Vs, 0x2600);
	ck_assert_str_eq(p.builtin_range, "10.0.19041");
}
END_TEST

START_TEST(only_the_very_kernel)
{
	struct psc_kernel_identity id = {.machine = PSC_MACHINE_X64, .build = 19041, .pdb_age = 2};
	struct psc_profile p;
	memset(&p, 0, sizeof(p));
	memcpy(id.pdb_guid, guid_19041_804, sizeof(guid_19041_804));
	psc_builtin_load(&id, NULL, &p);
	ck_assert_ptr_null(p.builtin_version);
	id.pdb_age = 1;
	id.machine = PSC_MACHINE_ARM64;
	psc_builtin_load(&id, NULL, &p);
	ck_assert_ptr_null(p.builtin_version);
	for (int i = 0; i < PSC_SYM_MAX; i++)
		ck_assert_int_eq(p.symbols[i].origin, PSC_ORIGIN_NONE);
	id.machine = PSC_MACHINE_UNKNOWN;
	id.build = 0;
	p.machine = PSC_MACHINE_UNKNOWN;
	psc_builtin_load(&id, NULL, &p);
	ck_assert_str_eq(p.builtin_version, "10.0.19041.804");
	ck_assert_int_eq(p.machine, PSC_MACHINE_X64);
	ASSERT_AT(p, EPROCESS_UniqueProcessId, 0x440);
}
END_TEST

START_TEST(every_kernel_row_is_found)
{
	for (size_t i = 0; i < psc_builtin_kernels_n; i++) {
		const struct psc_builtin_kernel *k = &psc_builtin_kernels[i];
		struct psc_kernel_identity id = {.machine = PSC_MACHINE_X64, .pdb_age = k->age};
		struct psc_profile p;
		memset(&p, 0, sizeof(p));
		for (int b = 0; b < 16; b++)
			snprintf(id.pdb_guid + 2 * b, 3, "%02x", k->guid[b]); /* lower case is the same */
		psc_builtin_load(&id, NULL, &p);
		ck_assert_ptr_eq(p.builtin_version, psc_builtin_texts + k->version);
		ck_assert(psc_profile_has_sym(&p, PSC_SYM_PoolTrackTable));
		ck_assert(psc_profile_has_sym(&p, PSC_SYM_PoolBigPageTable));
		ck_assert_ptr_nonnull(FIELD(p, POOL_TRACKER_TABLE_Key));
		ck_assert_ptr_nonnull(FIELD(p, POOL_TRACKER_BIG_PAGES_Va));
	}
}
END_TEST

START_TEST(pool_tables_of_all_families)
{
	static const struct {
		uint32_t build, tracker_x86, tracker_x64, big_x86, big_x64;
	} rows[] = {
		{2600, 0x1c, 0, 0xc, 0},         {3790, 0x1c, 0x28, 0x10, 0x18},  {6000, 0x1c, 0x28, 0x10, 0x18},
		{6001, 0x1c, 0x28, 0x10, 0x18},  {6002, 0x1c, 0x28, 0x10, 0x18},  {6003, 0x1c, 0x28, 0x10, 0x18},
		{7600, 0x1c, 0x28, 0x10, 0x18},  {7601, 0x1c, 0x28, 0x10, 0x18},  {9200, 0x1c, 0x28, 0x10, 0x18},
		{9600, 0x1c, 0x28, 0x10, 0x18},  {10240, 0x1c, 0x28, 0x10, 0x18}, {10586, 0x1c, 0x28, 0x10, 0x18},
		{14393, 0x1c, 0x28, 0x10, 0x18}, {15063, 0x1c, 0x28, 0x10, 0x18}, {16299, 0x30, 0x38, 0x10, 0x18},
		{17134, 0x30, 0x38, 0x10, 0x18}, {17763, 0x30, 0x38, 0x10, 0x18}, {18362, 0x30, 0x38, 0x10, 0x18},
		{18363, 0x30, 0x38, 0x10, 0x18}, {19041, 0x30, 0x38, 0x10, 0x18}, {19045, 0x30, 0x38, 0x10, 0x18},
		{20348, 0, 0x50, 0, 0x20},       {22000, 0, 0x50, 0, 0x20},       {22621, 0, 0x50, 0, 0x20},
		{22631, 0, 0x50, 0, 0x20},       {26100, 0, 0x50, 0, 0x20},       {26200, 0, 0x50, 0, 0x20},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct psc_profile p32 = x86(rows[i].build, true, NULL), p64 = x64(rows[i].build, NULL);
		const struct psc_field *t32 = FIELD(p32, POOL_TRACKER_TABLE_PagedBytes);
		const struct psc_field *t64 = FIELD(p64, POOL_TRACKER_TABLE_PagedBytes);
		const struct psc_field *b32 = FIELD(p32, POOL_TRACKER_BIG_PAGES_Key);
		const struct psc_field *b64 = FIELD(p64, POOL_TRACKER_BIG_PAGES_Key);
		ck_assert_uint_eq(t32 ? t32->struct_size : 0, rows[i].tracker_x86);
		ck_assert_uint_eq(t64 ? t64->struct_size : 0, rows[i].tracker_x64);
		ck_assert_uint_eq(b32 ? b32->struct_size : 0, rows[i].big_x86);
		ck_assert_uint_eq(b64 ? b64->struct_size : 0, rows[i].big_x64);
	}
}
END_TEST

START_TEST(revisions_of_19041)
{
	struct psc_profile p = x64(19041, NULL);
	ASSERT_NO(p, MI_SYSTEM_INFORMATION_Vs);
	ASSERT_AT(p, MI_SYSTEM_INFORMATION_Hardware, 0x15c0);
	ck_assert_uint_eq(FIELD(p, MI_SYSTEM_INFORMATION_Hardware)->struct_size, 0); /* 3280 or 32c0 */
	ck_assert_int_eq(FIELD(p, MI_SYSTEM_INFORMATION_Hardware)->origin, PSC_ORIGIN_BUILTIN_RANGE);
	p = x64(19041, "10.0.19041.450");
	ASSERT_AT(p, MI_SYSTEM_INFORMATION_Vs, 0x25c0);
	p = x64(19041, "10.0.19041.470"); /* changed somewhere between .450 and .508 */
	ASSERT_NO(p, MI_SYSTEM_INFORMATION_Vs);
	p = x64(19041, "10.0.19041.508");
	ASSERT_AT(p, MI_SYSTEM_INFORMATION_Vs, 0x2600);
	ck_assert_uint_eq(FIELD(p, MI_SYSTEM_INFORMATION_Hardware)->struct_size, 0x32c0);
	p = x64(19045, "10.0.19041.2006");
	ASSERT_AT(p, MI_SYSTEM_INFORMATION_Vs, 0x2600);
	p = x64(19044, "10.0.19044.2006");
	ASSERT_AT(p, MI_SYSTEM_INFORMATION_Vs, 0x2600);
	p = x64(19041, "10.0.19041.9999"); /* newer than any that was seen */
	ASSERT_NO(p, MI_SYSTEM_INFORMATION_Vs);
	ASSERT_AT(p, MI_SYSTEM_VA_STATE_DynamicBitMapPagedPool, 0x130);
	p = x64(19041, "10.0.17763.508"); /* of another build: says nothing */
	ASSERT_NO(p, MI_SYSTEM_INFORMATION_Vs);
}
END_TEST

START_TEST(revisions_of_14393)
{
	struct psc_profile p = x64(14393, NULL);
	ASSERT_NO(p, MI_SYSTEM_INFORMATION_Hardware);
	ASSERT_NO(p, MI_HARDWARE_STATE_InvalidPteMask);
	ASSERT_AT(p, MI_VISIBLE_STATE_SystemVaRegions, 0x760);
	p = x64(14393, "10.0.14393.0");
	ASSERT_AT(p, MI_SYSTEM_INFORMATION_Hardware, 0x540);
	ASSERT_NO(p, MI_HARDWARE_STATE_InvalidPteMask);
	p = x64(14393, "10.0.14393.2000");
	ASSERT_NO(p, MI_SYSTEM_INFORMATION_Hardware);
	p = x64(14393, "10.0.14393.5786");
	ASSERT_AT(p, MI_SYSTEM_INFORMATION_Hardware, 0x560);
	ASSERT_AT(p, MI_HARDWARE_STATE_InvalidPteMask, 0x60);
}
END_TEST

START_TEST(two_kernels_called_26100)
{
	struct psc_profile p = x64(26100, NULL);
	ASSERT_NO(p, EPROCESS_UniqueProcessId);
	ASSERT_AT(p, MI_VISIBLE_STATE_SystemVaRegions, 0x1568);
	ASSERT_AT(p, POOL_TRACKER_BIG_PAGES_PoolFlags, 0xc);
	ck_assert_uint_eq(FIELD(p, POOL_TRACKER_BIG_PAGES_PoolFlags)->bit_position, 8);
	ck_assert_uint_eq(FIELD(p, POOL_TRACKER_BIG_PAGES_PoolFlags)->bit_length, 12);
	ASSERT_NO(p, POOL_TRACKER_BIG_PAGES_PoolType);
	p = x64(26100, "10.0.26100.1742");
	ASSERT_NO(p, EPROCESS_UniqueProcessId);
	p = x64(26100, "10.0.26100(a)");
	ASSERT_NO(p, EPROCESS_UniqueProcessId);
	p = x64(26100, "10.0.26100(b)");
	ASSERT_AT(p, EPROCESS_UniqueProcessId, 0x1d0);
	p = x64(26200, NULL);
	ASSERT_AT(p, EPROCESS_UniqueProcessId, 0x1d0);
	p = x64(26200, "10.0.26100.5074");
	ASSERT_AT(p, EPROCESS_UniqueProcessId, 0x1d0);
}
END_TEST

START_TEST(service_packs)
{
	struct psc_profile p = x86(3790, false, NULL);
	ASSERT_NO(p, EPROCESS_UniqueProcessId);
	p = x86(3790, false, "5.2.3790 SP0");
	ASSERT_AT(p, EPROCESS_UniqueProcessId, 0x84);
	p = x86(3790, false, "5.2.3790 SP2");
	ASSERT_AT(p, EPROCESS_UniqueProcessId, 0x94);
	p = x86(3790, false, "5.2.3790.3959");
	ASSERT_NO(p, EPROCESS_UniqueProcessId);
	p = x64(3790, NULL);
	ASSERT_AT(p, EPROCESS_UniqueProcessId, 0xd8);
	p = x64(7601, "6.1.7601 SP1"); /* the build says it already */
	ASSERT_AT(p, EPROCESS_UniqueProcessId, 0x180);
	p = x86(2600, false, "5.1.2600 SP1"); /* not seen */
	ASSERT_NO(p, EPROCESS_UniqueProcessId);
	p = x86(2600, false, NULL);
	ASSERT_AT(p, EPROCESS_UniqueProcessId, 0x84);
	ASSERT_AT(p, POOL_TRACKER_BIG_PAGES_NumberOfPages, 8);
	ck_assert_str_eq(p.builtin_range, "5.1.2600");
}
END_TEST

START_TEST(software_ptes)
{
	struct psc_profile p = x64(15063, NULL); /* shipped with the old layout, perhaps patched since */
	ASSERT_NO(p, MMPTE_SOFTWARE_PageFileLow);
	p = x64(15063, "10.0.15063.0");
	ck_assert_uint_eq(FIELD(p, MMPTE_SOFTWARE_PageFileLow)->bit_position, 1);
	ASSERT_NO(p, MMPTE_SOFTWARE_SwizzleBit);
	p = x64(15063, "10.0.15063.1324");
	ASSERT_NO(p, MMPTE_SOFTWARE_PageFileLow);
	p = x64(9600, "6.3.9600.18000");
	ASSERT_NO(p, MMPTE_SOFTWARE_PageFileLow);
	p = x64(9600, "6.3.9600.21620");
	ck_assert_uint_eq(FIELD(p, MMPTE_SOFTWARE_PageFileLow)->bit_position, 12);
	ck_assert_uint_eq(FIELD(p, MMPTE_SOFTWARE_SwizzleBit)->bit_position, 4);
	p = x64(17763, NULL);
	ck_assert_uint_eq(FIELD(p, MMPTE_SOFTWARE_SwizzleBit)->bit_length, 1);
	p = x64(7600, NULL);
	ck_assert_uint_eq(FIELD(p, MMPTE_SOFTWARE_PageFileLow)->bit_position, 1);
	p = x86(3790, false, NULL);
	ck_assert_uint_eq(FIELD(p, MMPTE_SOFTWARE_PageFileHigh)->bit_position, 12);
	ck_assert_uint_eq(FIELD(p, MMPTE_SOFTWARE_PageFileHigh)->size_bytes, 4);
	p = x86(3790, true, NULL);
	ck_assert_uint_eq(FIELD(p, MMPTE_SOFTWARE_PageFileHigh)->bit_position, 32);
	ck_assert_uint_eq(FIELD(p, MMPTE_SOFTWARE_PageFileHigh)->size_bytes, 8);
	p = x86(19041, false, NULL); /* always PAE */
	ck_assert_uint_eq(FIELD(p, MMPTE_SOFTWARE_PageFileLow)->bit_position, 12);
}
END_TEST

START_TEST(arm64)
{
	struct psc_profile p = load(PSC_MACHINE_ARM64, 26100, false, NULL);
	ck_assert_uint_eq(FIELD(p, POOL_TRACKER_TABLE_Key)->struct_size, 0x50);
	ASSERT_AT(p, MI_VISIBLE_STATE_SystemVaRegions, 0x1ce8);
	ASSERT_NO(p, EPROCESS_UniqueProcessId);
	p = load(PSC_MACHINE_ARM64, 26200, false, NULL); /* 26100(b) was not seen */
	ASSERT_NO(p, POOL_TRACKER_TABLE_Key);
	p = load(PSC_MACHINE_ARM64, 22000, false, "10.0.22000.1");
	ASSERT_AT(p, EPROCESS_ImageFileName, 0x560);
	ASSERT_NO(p, POOL_TRACKER_TABLE_Key);
}
END_TEST

START_TEST(precedence)
{
	struct psc_kernel_identity id = {.machine = PSC_MACHINE_X64, .build = 19041, .pdb_age = 1};
	struct psc_profile p;
	memset(&p, 0, sizeof(p));
	memcpy(id.pdb_guid, guid_19041_804, sizeof(guid_19041_804));
	p.symbols[PSC_SYM_PoolTrackTable].origin = PSC_ORIGIN_ISF;
	p.symbols[PSC_SYM_PoolTrackTable].rva = 1;
	p.symbols[PSC_SYM_PsLoadedModuleList].origin = PSC_ORIGIN_KDBG;
	p.symbols[PSC_SYM_PsLoadedModuleList].rva = 2;
	p.fields[PSC_FIELD_EPROCESS_UniqueProcessId].origin = PSC_ORIGIN_PDB;
	p.fields[PSC_FIELD_EPROCESS_ImageFileName].origin = PSC_ORIGIN_INFERRED;
	psc_builtin_load(&id, NULL, &p);
	ck_assert_uint_eq(p.symbols[PSC_SYM_PoolTrackTable].rva, 1);
	ck_assert_uint_eq(p.symbols[PSC_SYM_PsLoadedModuleList].rva, 0xc2a390);
	ASSERT_AT(p, EPROCESS_UniqueProcessId, 0);
	ASSERT_AT(p, EPROCESS_ImageFileName, 0x5a8);
}
END_TEST

START_TEST(unlisted_builds)
{
	struct psc_profile p = x64(0, NULL);
	ck_assert_ptr_null(p.builtin_range);
	p = x64(0, "10.0.19041.804");
	ASSERT_AT(p, MI_SYSTEM_INFORMATION_Vs, 0x2600);
	p = x64(27000, NULL);
	ck_assert_ptr_null(p.builtin_range);
	p = x64(UINT32_MAX, "nonsense");
	ck_assert_ptr_null(p.builtin_range);
	p = x64(19041, "10.0.99999999999999999999.1");
	ASSERT_AT(p, EPROCESS_UniqueProcessId, 0x440);
	p = x64(20161, NULL); /* the builds before and after differ */
	ASSERT_NO(p, POOL_TRACKER_TABLE_Key);
	p = x64(25398, NULL); /* the same before and after */
	ASSERT_AT(p, POOL_TRACKER_TABLE_NonPagedAllocs, 0x10);
	p = load(PSC_MACHINE_UNKNOWN, 19041, false, NULL);
	ck_assert_ptr_null(p.builtin_range);
}
END_TEST

START_TEST(names)
{
	const char *type;
	ck_assert_str_eq(psc_sym_name(PSC_SYM_PoolTrackTable), "PoolTrackTable");
	ck_assert_str_eq(psc_field_name(PSC_FIELD_EPROCESS_Session, &type), "Session");
	ck_assert_str_eq(type, "_EPROCESS");
	ck_assert_str_eq(psc_field_name(PSC_FIELD_MAX, NULL), "?");
	ck_assert_str_eq(psc_sym_name(PSC_SYM_MAX), "?");
	ck_assert_str_eq(psc_origin_name(PSC_ORIGIN_ISF), "isf");
	ck_assert_str_eq(psc_origin_name(PSC_ORIGIN_BUILTIN), "builtin");
}
END_TEST

UNIT_MAIN("builtin", symbols_of_one_kernel, only_the_very_kernel, every_kernel_row_is_found,
	  pool_tables_of_all_families, revisions_of_19041, revisions_of_14393, two_kernels_called_26100, service_packs,
	  software_ptes, arm64, precedence, unlisted_builds, names)
