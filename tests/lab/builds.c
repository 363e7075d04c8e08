/* SPDX-License-Identifier: MIT */
/*
 * The builds the lab imitates, and look-ups in their layouts.
 * Address ranges: paging.md 11, pool.md 3.3; debugger block sizes: kernel.md 2; table sizes: pool.md 5.1.
 */
#include "builds.h"
#include <string.h>

/* What builds share. */
#define X64 .arch = LAB_ARCH_X64, .mmu = LAB_MMU_X64, .kernel_file = "ntoskrnl.exe", .pdb_name = "ntkrnlmp.pdb"
#define ADDRESSES_XP_X86                                                                                               \
	.kernel_base = 0x804d7000, .driver_base = 0xf7400000, .system_pte_base = 0xf8800000,                           \
	.nonpaged_base = 0x81000000, .nonpaged_end = 0x82000000, .nonpaged_expansion = 0xf9800000,                     \
	.paged_base = 0xe1000000, .paged_end = 0xec800000, .session_base = 0xbc000000, .special_base = 0xf8000000,     \
	.pfn_database = 0x80d00000
#define ADDRESSES_2003_X86                                                                                             \
	.kernel_base = 0x80800000, .driver_base = 0xf7400000, .system_pte_base = 0xf8800000,                           \
	.nonpaged_base = 0x81400000, .nonpaged_end = 0x82400000, .nonpaged_expansion = 0xf9800000,                     \
	.paged_base = 0xe1000000, .paged_end = 0xec800000, .session_base = 0xbc000000, .special_base = 0xf8000000,     \
	.pfn_database = 0x81000000
#define ADDRESSES_7_X86                                                                                                \
	.kernel_base = 0x82848000, .driver_base = 0x8b000000, .system_pte_base = 0x8d000000,                           \
	.nonpaged_base = 0x84000000, .nonpaged_end = 0x86000000, .nonpaged_expansion = 0x9c000000,                     \
	.paged_base = 0x8e000000, .paged_end = 0x98000000, .session_base = 0x99000000, .special_base = 0x9a000000,     \
	.pfn_database = 0x83a00000
#define ADDRESSES_8_X64                                                                                                \
	.self_map_slot = 0x1ed, .kernel_base = 0xfffff8031a07d000, .driver_base = 0xfffff80000400000,                  \
	.system_pte_base = 0xffffd00020000000, .nonpaged_base = 0xffffe00000000000,                                    \
	.nonpaged_end = 0xffffe08000000000, .paged_base = 0xffffc00000000000, .paged_end = 0xffffc06000000000,         \
	.session_base = 0xfffff90140000000, .special_base = 0xffffcf8000000000, .pfn_database = 0xfffffa8000000000
#define ADDRESSES_10_X64                                                                                               \
	.kernel_base = 0xfffff80212400000, .driver_base = 0xfffff80c30000000, .system_pte_base = 0xffff9a0000000000,   \
	.nonpaged_base = 0xffffa80000000000, .nonpaged_end = 0xffffa90000000000, .paged_base = 0xffffc08000000000,     \
	.paged_end = 0xffffc18000000000, .session_base = 0xffffed0000000000, .special_base = 0xffffa50000000000,       \
	.pfn_database = 0xfffffa8000000000, .self_map_slot = 0x1fb
#define VERSION_XP                                                                                                     \
	.softpte = LAB_SOFTPTE_OLD, .major = 5, .minor = 1, .number = 2600, .service_pack = 3,                         \
	.lab_text = "2600.xpsp_sp3_gdr.101209-1647", .kdbg_size_bytes = 0x290, .ranges = LAB_RANGES_KDBG,              \
	.header_type_minus_one = true, .protected_object_tags = true
#define VERSION_2003                                                                                                   \
	.softpte = LAB_SOFTPTE_OLD, .major = 5, .minor = 2, .number = 3790, .service_pack = 2,                         \
	.lab_text = "3790.srv03_sp2_gdr.090319-1204", .kdbg_size_bytes = 0x318, .ranges = LAB_RANGES_KDBG,             \
	.header_type_minus_one = true, .protected_object_tags = true
#define VERSION_7_X86                                                                                                  \
	.arch = LAB_ARCH_X86, .softpte = LAB_SOFTPTE_OLD, .major = 6, .minor = 1, .number = 7601, .service_pack = 1,   \
	.lab_text = "7601.17514.x86fre.win7sp1_rtm.101119-1850", .kdbg_size_bytes = 0x340,                             \
	.ranges = LAB_RANGES_VATYPE_X86, .percpu_tag_tables = true, .protected_object_tags = true,                     \
	.tag_tables_entries = 0x40, .processor_block_entries = 32
#define VERSION_10 .major = 10, .minor = 0, .quota_cookie = true, .percpu_tag_tables = true
#define HEAPS_X64                                                                                                      \
	X64, VERSION_10, .softpte = LAB_SOFTPTE_NEW, .kdbg_size_bytes = 0x380, .ranges = LAB_RANGES_VISIBLE,           \
			 .heap_backed = true, ADDRESSES_10_X64
/* As many per-processor tag tables as processor blocks can be. */
#define PROCESSOR_TABLES(n) .tag_tables_entries = (n), .processor_block_entries = (n)

static const struct lab_build builds[] = {
	{.key = "xp-x86",
	 VERSION_XP,
	 .arch = LAB_ARCH_X86,
	 .mmu = LAB_MMU_X86,
	 .kernel_file = "ntoskrnl.exe",
	 .pdb_name = "ntoskrnl.pdb",
	 .processor_block_entries = 32,
	 ADDRESSES_XP_X86},
	{.key = "xp-x86-pae",
	 VERSION_XP,
	 .arch = LAB_ARCH_X86,
	 .mmu = LAB_MMU_PAE,
	 .kernel_file = "ntkrnlpa.exe",
	 .pdb_name = "ntkrnlpa.pdb",
	 .processor_block_entries = 32,
	 ADDRESSES_XP_X86},
	{.key = "2003-x86",
	 VERSION_2003,
	 .arch = LAB_ARCH_X86,
	 .mmu = LAB_MMU_PAE,
	 .kernel_file = "ntkrnlpa.exe",
	 .pdb_name = "ntkrpamp.pdb",
	 .processor_block_entries = 32,
	 ADDRESSES_2003_X86},
	{.key = "2003-x86-nopae",
	 VERSION_2003,
	 .arch = LAB_ARCH_X86,
	 .mmu = LAB_MMU_X86,
	 .kernel_file = "ntoskrnl.exe",
	 .pdb_name = "ntkrnlmp.pdb",
	 .like_reactos = true,
	 .processor_block_entries = 32,
	 ADDRESSES_2003_X86},
	{.key = "2003-x64",
	 X64,
	 VERSION_2003,
	 .processor_block_entries = 64,
	 .self_map_slot = 0x1ed,
	 .kernel_base = 0xfffff80001000000,
	 .driver_base = 0xfffffadf28000000,
	 .system_pte_base = 0xfffffadf2c000000,
	 .nonpaged_base = 0xfffffadf90000000,
	 .nonpaged_end = 0xfffffae000000000,
	 .paged_base = 0xfffffa8000000000,
	 .paged_end = 0xfffffa8020000000,
	 .session_base = 0xfffff97ff0000000,
	 .special_base = 0xfffffadf60000000,
	 .pfn_database = 0xfffffadf80000000},
	{.key = "vista-x64",
	 X64,
	 .softpte = LAB_SOFTPTE_OLD,
	 .major = 6,
	 .minor = 0,
	 .number = 6002,
	 .service_pack = 2,
	 .lab_text = "6002.18005.amd64fre.lh_sp2rtm.090410-1830",
	 .kdbg_size_bytes = 0x330,
	 .ranges = LAB_RANGES_NT6,
	 .percpu_tag_tables = true,
	 .protected_object_tags = true,
	 .tag_tables_entries = 0x100,
	 .processor_block_entries = 64,
	 .self_map_slot = 0x1ed,
	 .kernel_base = 0xfffff80001a4d000,
	 .driver_base = 0xfffff88000c00000,
	 .system_pte_base = 0xfffff88004000000,
	 .nonpaged_base = 0xfffffa8000600000,
	 .nonpaged_end = 0xfffffa8080600000,
	 .paged_base = 0xfffff8a000000000,
	 .paged_end = 0xfffff8d000000000,
	 .session_base = 0xfffff900c0000000,
	 .special_base = 0xfffff98000000000,
	 .pfn_database = 0xfffffa8000000000},
	{.key = "7-x86",
	 VERSION_7_X86,
	 .mmu = LAB_MMU_PAE,
	 .kernel_file = "ntkrnlpa.exe",
	 .pdb_name = "ntkrpamp.pdb",
	 ADDRESSES_7_X86},
	{.key = "7-x86-nopae",
	 VERSION_7_X86,
	 .mmu = LAB_MMU_X86,
	 .kernel_file = "ntoskrnl.exe",
	 .pdb_name = "ntkrnlmp.pdb",
	 ADDRESSES_7_X86},
	{.key = "7-x64",
	 X64,
	 .softpte = LAB_SOFTPTE_NEW,
	 .major = 6,
	 .minor = 1,
	 .number = 7601,
	 .service_pack = 1,
	 .lab_text = "7601.24540.amd64fre.win7sp1_ldr_escrow.191127-1706",
	 .kdbg_size_bytes = 0x340,
	 .ranges = LAB_RANGES_NT6,
	 .percpu_tag_tables = true,
	 .protected_object_tags = true,
	 .self_map_slot = 0x1ed,
	 .kernel_base = 0xfffff80002a4d000,
	 .driver_base = 0xfffff88000c00000,
	 .system_pte_base = 0xfffff88004000000,
	 .nonpaged_base = 0xfffffa8000e00000,
	 .nonpaged_end = 0xfffffa8080e00000,
	 .paged_base = 0xfffff8a000000000,
	 .paged_end = 0xfffff8d000000000,
	 .session_base = 0xfffff900c0000000,
	 .special_base = 0xfffff98000000000,
	 .pfn_database = 0xfffffa8000000000,
	 PROCESSOR_TABLES(0x100)},
	{.key = "8.1-x64",
	 X64,
	 .softpte = LAB_SOFTPTE_NEW,
	 .major = 6,
	 .minor = 3,
	 .number = 9600,
	 .lab_text = "9600.19913.amd64fre.winblue_ltsb_escrow.201207-1920",
	 .kdbg_size_bytes = 0x360,
	 .ranges = LAB_RANGES_NT63,
	 .quota_cookie = true,
	 .percpu_tag_tables = true,
	 PROCESSOR_TABLES(0x280),
	 ADDRESSES_8_X64},
	{.key = "10240-x64",
	 X64,
	 VERSION_10,
	 .softpte = LAB_SOFTPTE_OLD,
	 .number = 10240,
	 .lab_text = "10240.16384.amd64fre.th1.150709-1700",
	 .kdbg_size_bytes = 0x360,
	 .ranges = LAB_RANGES_MISTATE,
	 PROCESSOR_TABLES(0x280),
	 ADDRESSES_8_X64},
	{.key = "2016-x64",
	 X64,
	 VERSION_10,
	 .softpte = LAB_SOFTPTE_NEW,
	 .number = 14393,
	 .lab_text = "14393.4583.amd64fre.rs1_release.210730-1850",
	 .kdbg_size_bytes = 0x368,
	 .ranges = LAB_RANGES_VISIBLE,
	 PROCESSOR_TABLES(0x280),
	 ADDRESSES_10_X64},
	{.key = "1709-x64",
	 X64,
	 VERSION_10,
	 .softpte = LAB_SOFTPTE_OLD,
	 .number = 16299,
	 .lab_text = "16299.15.amd64fre.rs3_release.170928-1534",
	 .kdbg_size_bytes = 0x368,
	 .ranges = LAB_RANGES_VISIBLE,
	 PROCESSOR_TABLES(0x280),
	 ADDRESSES_10_X64},
	{.key = "17763-x64",
	 X64,
	 VERSION_10,
	 .softpte = LAB_SOFTPTE_NEW,
	 .number = 17763,
	 .lab_text = "17763.1.amd64fre.rs5_release.180914-1434",
	 .kdbg_size_bytes = 0x380,
	 .ranges = LAB_RANGES_VISIBLE,
	 PROCESSOR_TABLES(0x500),
	 ADDRESSES_10_X64},
	{.key = "1903-x64",
	 HEAPS_X64,
	 .number = 18362,
	 .lab_text = "18362.1.amd64fre.19h1_release.190318-1202",
	 PROCESSOR_TABLES(0x500)},
	{.key = "2022-x64",
	 HEAPS_X64,
	 .number = 20348,
	 .lab_text = "20348.1.amd64fre.fe_release.210507-1500",
	 PROCESSOR_TABLES(0x800)},
	{.key = "11-x64",
	 HEAPS_X64,
	 .number = 22000,
	 .lab_text = "22000.1.amd64fre.co_release.210604-1628",
	 PROCESSOR_TABLES(0x800)},
	{.key = "17763-heap-x64",
	 HEAPS_X64,
	 .number = 17763,
	 .lab_text = "17763.1.amd64fre.rs5_release.180914-1434",
	 PROCESSOR_TABLES(0x500)},
	{.key = "2004-x64",
	 HEAPS_X64,
	 .number = 19041,
	 .lab_text = "19041.1.amd64fre.vb_release.191206-1406",
	 PROCESSOR_TABLES(0x500)},
	{.key = "11-22h2-x64",
	 HEAPS_X64,
	 .number = 22621,
	 .lab_text = "22621.1.amd64fre.ni_release.220506-1250",
	 PROCESSOR_TABLES(0x800)},
	{.key = "11-24h2-x64",
	 HEAPS_X64,
	 .number = 26100,
	 .lab_text = "26100.1.amd64fre.ge_release.240331-1435",
	 PROCESSOR_TABLES(0x800)},
	{.key = "11-24h2b-x64",
	 HEAPS_X64,
	 .number = 26100,
	 .layout = 26101,
	 .lab_text = "26100.1.amd64fre.ge_release.240331-1435",
	 PROCESSOR_TABLES(0x800)},
	/* Address ranges as on x64; the slot of the page tables is that of a real machine (paging.md 10). */
	{.key = "11-24h2-arm64",
	 VERSION_10,
	 .arch = LAB_ARCH_ARM64,
	 .mmu = LAB_MMU_ARM64,
	 .softpte = LAB_SOFTPTE_ARM64,
	 .number = 26100,
	 .lab_text = "26100.1.arm64fre.ge_release.240331-1435",
	 .kernel_file = "ntoskrnl.exe",
	 .pdb_name = "ntkrnlmp.pdb",
	 .kdbg_size_bytes = 0x380,
	 .ranges = LAB_RANGES_VISIBLE,
	 .heap_backed = true,
	 .kernel_base = 0xfffff803f2e00000,
	 .driver_base = 0xfffff80c30000000,
	 .system_pte_base = 0xffff9a0000000000,
	 .nonpaged_base = 0xffffb80000000000,
	 .nonpaged_end = 0xffffb90000000000,
	 .paged_base = 0xffffc08000000000,
	 .paged_end = 0xffffc18000000000,
	 .session_base = 0xffffed0000000000,
	 .pfn_database = 0xfffffa8000000000,
	 .self_map_slot = 0x151,
	 PROCESSOR_TABLES(0x800)},
};

const struct lab_build *lab_build_find(const char *key)
{
	for (size_t i = 0; i < sizeof builds / sizeof builds[0]; i++)
		if (!strcmp(builds[i].key, key))
			return &builds[i];
	return NULL;
}

const struct lab_build *lab_build_at(size_t i)
{
	return i < sizeof builds / sizeof builds[0] ? &builds[i] : NULL;
}
