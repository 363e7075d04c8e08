/* SPDX-License-Identifier: MIT */
/*
 * Layouts of processors, processes, threads and session space.
 *
 * Rows: architecture, first and last build, structure, size, fields as "name offset type [bit.bits];" (hexadecimal
 * offsets), provenance. Types: u1 u2 u4 u8 i1 i2 i4 i8, p = pointer, _NAME = structure, [n] = array.
 * Provenance: layouts.tsv <- its source, "kernel.md 9" = the table of that section, ISF:GUID-AGE = that symbol file.
 */
#include "builds.h"

const struct lab_layout lab_layouts_kernel[] = {
	{LAB_ARCH_X64, 7601, 7601, "_OBJECT_TYPE", 0xd0,
	 "TypeList 0 _LIST_ENTRY;Name 10 _UNICODE_STRING;DefaultObject 20 p;Index 28 u1;TotalNumberOfObjects 2c u4;"
	 "TotalNumberOfHandles 30 u4;HighWaterNumberOfObjects 34 u4;HighWaterNumberOfHandles 38 u4;Key b8 u4;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 9600, 22000, "_OBJECT_TYPE", 0xd8,
	 "TypeList 0 _LIST_ENTRY;Name 10 _UNICODE_STRING;DefaultObject 20 p;Index 28 u1;TotalNumberOfObjects 2c u4;"
	 "TotalNumberOfHandles 30 u4;HighWaterNumberOfObjects 34 u4;HighWaterNumberOfHandles 38 u4;Key c0 u4;",
	 "ISF:22597D0B40394E23936F6A24C6C52D5B-1 and others up to ISF:32C1A669D5FFEFD41091F636CFDB6E99-1"},
	{LAB_ARCH_X86, 2600, 2600, "_KPRCB", 0xc50,
	 "CurrentThread 4 p;NextThread 8 p;IdleThread c p;Number 10 u1;ProcessorState 1c u1[64];"
	 "PPLookasideList 520 _PP_LOOKASIDE_LIST[16];PPNPagedLookasideList 5a0 _PP_LOOKASIDE_LIST[32];"
	 "PPPagedLookasideList 6a0 _PP_LOOKASIDE_LIST[32];DpcStack 868 p;",
	 "vol2:xp_sp2_x86 + kernel.md 9"},
	{LAB_ARCH_X86, 3790, 3790, "_KPRCB", 0xec0,
	 "CurrentThread 4 p;NextThread 8 p;IdleThread c p;Number 10 u1;ProcessorState 1c u1[64];"
	 "PPLookasideList 5e0 _PP_LOOKASIDE_LIST[16];PPNPagedLookasideList 660 _PP_LOOKASIDE_LIST[32];"
	 "PPPagedLookasideList 760 _PP_LOOKASIDE_LIST[32];DpcStack 948 p;",
	 "vol2:xp_sp2_x86 + kernel.md 9"},
	{LAB_ARCH_X86, 7601, 7601, "_KPRCB", 0x3628,
	 "CurrentThread 4 p;NextThread 8 p;IdleThread c p;LegacyNumber 10 u1;ProcessorState 18 u1[64];"
	 "Number 3cc u4;PPLookasideList 5a0 _PP_LOOKASIDE_LIST[16];"
	 "PPNPagedLookasideList 620 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPPagedLookasideList f20 _GENERAL_LOOKASIDE_POOL[32];DpcStack 1908 p;Context 3618 p;",
	 "vol2:win7_sp0_x86 + kernel.md 9"},
	{LAB_ARCH_X64, 3790, 3790, "_KPRCB", 0x2480,
	 "Number 4 u1;CurrentThread 8 p;NextThread 10 p;IdleThread 18 p;ProcessorState 40 u1[64];"
	 "MHz 5f4 u4;PPLookasideList 880 _PP_LOOKASIDE_LIST[16];"
	 "PPNPagedLookasideList 980 _PP_LOOKASIDE_LIST[32];"
	 "PPPagedLookasideList b80 _PP_LOOKASIDE_LIST[32];DpcStack 1f40 p;VendorString 22b4 u1[13];",
	 "vol2:win2003_sp1_x64 + kernel.md 9"},
	{LAB_ARCH_X64, 6002, 6002, "_KPRCB", 0x3b20,
	 "Number 4 u2;CurrentThread 8 p;NextThread 10 p;IdleThread 18 p;ProcessorState 40 u1[64];"
	 "MHz 5f4 u4;PPLookasideList 980 _PP_LOOKASIDE_LIST[16];"
	 "PPNPagedLookasideList a80 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPPagedLookasideList 1680 _GENERAL_LOOKASIDE_POOL[32];DpcStack 3440 p;VendorString 399c u1[13];",
	 "vol2:vista_sp1_x64 + kernel.md 9"},
	{LAB_ARCH_X64, 7601, 7601, "_KPRCB", 0x6f00,
	 "LegacyNumber 4 u1;CurrentThread 8 p;NextThread 10 p;IdleThread 18 p;Number 24 u4;"
	 "ProcessorState 40 _KPROCESSOR_STATE;CpuType 5f0 i1;MHz 5f4 u4;"
	 "PPLookasideList 780 _PP_LOOKASIDE_LIST[16];"
	 "PPNPagedLookasideList 880 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPPagedLookasideList 1480 _GENERAL_LOOKASIDE_POOL[32];DpcStack 21c0 p;VendorString 53b8 u1[13];"
	 "Context 53e0 p;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 9600, 9600, "_KPRCB", 0x7ec0,
	 "LegacyNumber 4 u1;CurrentThread 8 p;NextThread 10 p;IdleThread 18 p;Number 24 u4;"
	 "ProcessorState 40 _KPROCESSOR_STATE;CpuType 5f0 i1;MHz 5f4 u4;"
	 "PPLookasideList 780 _PP_LOOKASIDE_LIST[16];"
	 "PPNxPagedLookasideList 880 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPNPagedLookasideList 1480 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPPagedLookasideList 2080 _GENERAL_LOOKASIDE_POOL[32];DpcStack 2dd0 p;VendorString 6158 u1[13];"
	 "Context 6180 p;IsrStack 6198 p;",
	 "ISF:22597D0B40394E23936F6A24C6C52D5B-1"},
	{LAB_ARCH_X64, 10240, 10240, "_KPRCB", 0x7ec0,
	 "LegacyNumber 4 u1;CurrentThread 8 p;NextThread 10 p;IdleThread 18 p;Number 24 u4;"
	 "ProcessorState 40 u1[64];MHz 5f4 u4;PPLookasideList 780 _PP_LOOKASIDE_LIST[16];"
	 "PPNxPagedLookasideList 880 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPNPagedLookasideList 1480 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPPagedLookasideList 2080 _GENERAL_LOOKASIDE_POOL[32];DpcStack 2dd0 p;VendorString 6258 u1[13];"
	 "Context 6280 p;IsrStack 6298 p;",
	 "ISF:22597D0B40394E23936F6A24C6C52D5B-1 + kernel.md 9"},
	{LAB_ARCH_X64, 14393, 14393, "_KPRCB", 0x7ec0,
	 "LegacyNumber 4 u1;CurrentThread 8 p;NextThread 10 p;IdleThread 18 p;Number 24 u4;"
	 "ProcessorState 40 _KPROCESSOR_STATE;CpuType 5f0 i1;MHz 5f4 u4;"
	 "PPLookasideList 780 _PP_LOOKASIDE_LIST[16];"
	 "PPNxPagedLookasideList 880 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPNPagedLookasideList 1480 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPPagedLookasideList 2080 _GENERAL_LOOKASIDE_POOL[32];DpcStack 2dd0 p;VendorString 62d8 u1[13];"
	 "Context 6300 p;IsrStack 6318 p;",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 16299, 16299, "_KPRCB", 0x6980,
	 "LegacyNumber 4 u1;CurrentThread 8 p;NextThread 10 p;IdleThread 18 p;Number 24 u4;MHz 44 u4;"
	 "ProcessorState 100 u1[64];PPLookasideList 800 _PP_LOOKASIDE_LIST[16];"
	 "PPNxPagedLookasideList 900 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPNPagedLookasideList 1500 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPPagedLookasideList 2100 _GENERAL_LOOKASIDE_POOL[32];DpcStack 2e50 p;VendorString 6290 u1[13];"
	 "Context 62c0 p;IsrStack 62d8 p;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1 + kernel.md 9"},
	{LAB_ARCH_X64, 17763, 17763, "_KPRCB", 0x7ec0,
	 "LegacyNumber 4 u1;CurrentThread 8 p;NextThread 10 p;IdleThread 18 p;Number 24 u4;CpuType 40 i1;"
	 "MHz 44 u4;ProcessorState 100 _KPROCESSOR_STATE;PPLookasideList 800 _PP_LOOKASIDE_LIST[16];"
	 "PPNxPagedLookasideList 900 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPNPagedLookasideList 1500 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPPagedLookasideList 2100 _GENERAL_LOOKASIDE_POOL[32];DpcStack 2e50 p;VendorString 6290 u1[13];"
	 "Context 62c0 p;IsrStack 62d8 p;",
	 "ISF:A1E1C9A90091DA9805D0EBA0470BEC85-1"},
	{LAB_ARCH_X64, 18362, 18362, "_KPRCB", 0x8f00,
	 "LegacyNumber 4 u1;CurrentThread 8 p;NextThread 10 p;IdleThread 18 p;Number 24 u4;CpuType 40 i1;"
	 "MHz 44 u4;ProcessorState 100 _KPROCESSOR_STATE;PPLookasideList 800 _PP_LOOKASIDE_LIST[16];"
	 "PPNxPagedLookasideList 900 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPNPagedLookasideList 1500 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPPagedLookasideList 2100 _GENERAL_LOOKASIDE_POOL[32];DpcStack 2e50 p;VendorString 6290 u1[13];"
	 "Context 62c0 p;IsrStack 62d8 p;",
	 "ISF:35A038B1F6E2E8CAF642111E6EC66F57-1"},
	{LAB_ARCH_X64, 19041, 19041, "_KPRCB", 0xaf00,
	 "LegacyNumber 4 u1;CurrentThread 8 p;NextThread 10 p;IdleThread 18 p;Number 24 u4;CpuType 40 i1;"
	 "MHz 44 u4;ProcessorState 100 _KPROCESSOR_STATE;PPLookasideList 800 _PP_LOOKASIDE_LIST[16];"
	 "PPNxPagedLookasideList 900 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPNPagedLookasideList 1500 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPPagedLookasideList 2100 _GENERAL_LOOKASIDE_POOL[32];DpcStack 3110 p;VendorString 8590 u1[13];"
	 "Context 85c0 p;IsrStack 85d8 p;",
	 "ISF:BBED7C2955FBE4522AAA23F4B8677AD9-1"},
	{LAB_ARCH_X64, 20348, 20348, "_KPRCB", 0xbf00,
	 "LegacyNumber 4 u1;CurrentThread 8 p;NextThread 10 p;IdleThread 18 p;Number 24 u4;CpuType 40 i1;"
	 "MHz 44 u4;ProcessorState 100 _KPROCESSOR_STATE;PPLookasideList 800 _PP_LOOKASIDE_LIST[16];"
	 "PPNxPagedLookasideList 900 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPNPagedLookasideList 1500 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPPagedLookasideList 2100 _GENERAL_LOOKASIDE_POOL[32];DpcStack 33a0 p;VendorString 8950 u1[13];"
	 "Context 8980 p;IsrStack 8998 p;",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X64, 22000, 26101, "_KPRCB", 0xbf00,
	 "LegacyNumber 4 u1;CurrentThread 8 p;NextThread 10 p;IdleThread 18 p;Number 24 u4;CpuType 40 i1;"
	 "MHz 44 u4;ProcessorState 100 _KPROCESSOR_STATE;PPLookasideList 800 _PP_LOOKASIDE_LIST[16];"
	 "PPNxPagedLookasideList 900 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPNPagedLookasideList 1500 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPPagedLookasideList 2100 _GENERAL_LOOKASIDE_POOL[32];DpcStack 33a0 p;VendorString 8990 u1[13];"
	 "Context 89c0 p;IsrStack 89d8 p;",
	 "ISF:32C1A669D5FFEFD41091F636CFDB6E99-1"},
	{LAB_ARCH_X86, 2600, 2600, "_KPCR", 0xd70,
	 "SelfPcr 1c p;Prcb 20 p;KdVersionBlock 34 p;MajorVersion 44 u2;Number 51 u1;PrcbData 120 u1[64];",
	 "kernel.md 9"},
	{LAB_ARCH_X86, 3790, 3790, "_KPCR", 0xfe0,
	 "SelfPcr 1c p;Prcb 20 p;KdVersionBlock 34 p;MajorVersion 44 u2;Number 51 u1;PrcbData 120 u1[64];",
	 "kernel.md 9"},
	{LAB_ARCH_X86, 7601, 7601, "_KPCR", 0x3748,
	 "SelfPcr 1c p;Prcb 20 p;KdVersionBlock 34 p;MajorVersion 44 u2;Number 51 u1;PrcbData 120 u1[64];",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 3790, 3790, "_KPCR", 0x2600,
	 "GdtBase 0 p;TssBase 8 p;Self 18 p;CurrentPrcb 20 p;IdtBase 38 p;MajorVersion 60 u2;"
	 "KdVersionBlock 108 p;Prcb 180 p;",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 6002, 6002, "_KPCR", 0x3ca0,
	 "GdtBase 0 p;TssBase 8 p;Self 18 p;CurrentPrcb 20 p;IdtBase 38 p;MajorVersion 60 u2;"
	 "KdVersionBlock 108 p;Prcb 180 p;",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 7601, 7601, "_KPCR", 0x7080,
	 "GdtBase 0 p;TssBase 8 p;Self 18 p;CurrentPrcb 20 p;IdtBase 38 p;MajorVersion 60 u2;"
	 "KdVersionBlock 108 p;Prcb 180 _KPRCB;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 9600, 9600, "_KPCR", 0x8040,
	 "GdtBase 0 p;TssBase 8 p;Self 18 p;CurrentPrcb 20 p;IdtBase 38 p;MajorVersion 60 u2;"
	 "KdVersionBlock 108 p;Prcb 180 _KPRCB;",
	 "ISF:22597D0B40394E23936F6A24C6C52D5B-1"},
	{LAB_ARCH_X64, 10240, 10240, "_KPCR", 0x8040,
	 "GdtBase 0 p;TssBase 8 p;Self 18 p;CurrentPrcb 20 p;IdtBase 38 p;MajorVersion 60 u2;"
	 "KdVersionBlock 108 p;Prcb 180 p;",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 14393, 14393, "_KPCR", 0x8040,
	 "GdtBase 0 p;TssBase 8 p;Self 18 p;CurrentPrcb 20 p;IdtBase 38 p;MajorVersion 60 u2;"
	 "KdVersionBlock 108 p;Prcb 180 _KPRCB;",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 16299, 16299, "_KPCR", 0x6b00,
	 "GdtBase 0 p;TssBase 8 p;Self 18 p;CurrentPrcb 20 p;IdtBase 38 p;MajorVersion 60 u2;"
	 "KdVersionBlock 108 p;Prcb 180 p;",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 17763, 17763, "_KPCR", 0x8040,
	 "GdtBase 0 p;TssBase 8 p;Self 18 p;CurrentPrcb 20 p;IdtBase 38 p;MajorVersion 60 u2;"
	 "KdVersionBlock 108 p;Prcb 180 _KPRCB;",
	 "ISF:A1E1C9A90091DA9805D0EBA0470BEC85-1"},
	{LAB_ARCH_X64, 18362, 18362, "_KPCR", 0x9080,
	 "GdtBase 0 p;TssBase 8 p;Self 18 p;CurrentPrcb 20 p;IdtBase 38 p;MajorVersion 60 u2;"
	 "KdVersionBlock 108 p;Prcb 180 _KPRCB;",
	 "ISF:35A038B1F6E2E8CAF642111E6EC66F57-1"},
	{LAB_ARCH_X64, 19041, 19041, "_KPCR", 0xb080,
	 "GdtBase 0 p;TssBase 8 p;Self 18 p;CurrentPrcb 20 p;IdtBase 38 p;MajorVersion 60 u2;"
	 "KdVersionBlock 108 p;Prcb 180 _KPRCB;",
	 "ISF:BBED7C2955FBE4522AAA23F4B8677AD9-1"},
	{LAB_ARCH_X64, 20348, 26101, "_KPCR", 0xc080,
	 "GdtBase 0 p;TssBase 8 p;Self 18 p;CurrentPrcb 20 p;IdtBase 38 p;MajorVersion 60 u2;"
	 "KdVersionBlock 108 p;Prcb 180 _KPRCB;",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X86, 2600, 2600, "_EPROCESS", 0x260,
	 "CreateTime 70 u8;ExitTime 78 u8;UniqueProcessId 84 p;ActiveProcessLinks 88 _LIST_ENTRY;"
	 "QuotaBlock 140 p;InheritedFromUniqueProcessId 14c p;Session 170 p;ImageFileName 174 u1[16];"
	 "ThreadListHead 190 _LIST_ENTRY;ActiveThreads 1a0 u4;Peb 1b0 p;",
	 "vol2:xp_sp2_x86 + kernel.md 9"},
	{LAB_ARCH_X86, 3790, 3790, "_EPROCESS", 0x278,
	 "CreateTime 80 u8;ExitTime 88 u8;UniqueProcessId 94 p;ActiveProcessLinks 98 _LIST_ENTRY;"
	 "QuotaBlock 12c p;InheritedFromUniqueProcessId 138 p;Session 160 p;ImageFileName 164 u1[16];"
	 "ThreadListHead 180 _LIST_ENTRY;ActiveThreads 190 u4;Peb 1a0 p;",
	 "vol2:win2003_sp0_x86 + kernel.md 9"},
	{LAB_ARCH_X86, 7601, 7601, "_EPROCESS", 0x2c0,
	 "CreateTime a0 u8;ExitTime a8 u8;UniqueProcessId b4 p;ActiveProcessLinks b8 _LIST_ENTRY;"
	 "QuotaBlock d4 p;InheritedFromUniqueProcessId 140 p;Session 168 p;ImageFileName 16c u1[15];"
	 "ThreadListHead 188 _LIST_ENTRY;ActiveThreads 198 u4;Peb 1a8 p;",
	 "vol2:win7_sp0_x86 + kernel.md 9"},
	{LAB_ARCH_X64, 3790, 3790, "_EPROCESS", 0x3e0,
	 "CreateTime c0 u8;ExitTime c8 u8;UniqueProcessId d8 p;ActiveProcessLinks e0 _LIST_ENTRY;"
	 "ObjectTable 158 p;QuotaBlock 200 p;InheritedFromUniqueProcessId 218 p;Session 260 p;"
	 "ImageFileName 268 u1[16];ThreadListHead 290 _LIST_ENTRY;ActiveThreads 2b0 u4;Peb 2c0 p;",
	 "vol2:win2003_sp1_x64 + kernel.md 9"},
	{LAB_ARCH_X64, 6002, 6002, "_EPROCESS", 0x3e8,
	 "CreateTime c8 u8;ExitTime d0 u8;UniqueProcessId e0 p;ActiveProcessLinks e8 _LIST_ENTRY;"
	 "ObjectTable 160 p;QuotaBlock 1d8 p;InheritedFromUniqueProcessId 1f0 p;Session 230 p;"
	 "ImageFileName 238 u1[16];ThreadListHead 260 _LIST_ENTRY;ActiveThreads 280 u4;Peb 290 p;",
	 "vol2:vista_sp0_x64 + kernel.md 9"},
	{LAB_ARCH_X64, 7601, 7601, "_EPROCESS", 0x4f8,
	 "CreateTime 168 u8;ExitTime 170 u8;UniqueProcessId 180 p;ActiveProcessLinks 188 _LIST_ENTRY;"
	 "QuotaBlock 1c0 p;ObjectTable 200 p;InheritedFromUniqueProcessId 290 p;Session 2d8 p;"
	 "ImageFileName 2e0 u1[15];ThreadListHead 308 _LIST_ENTRY;ActiveThreads 328 u4;Peb 338 p;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 9600, 9600, "_EPROCESS", 0x700,
	 "CreateTime 2d0 u8;UniqueProcessId 2e0 p;ActiveProcessLinks 2e8 _LIST_ENTRY;"
	 "InheritedFromUniqueProcessId 3d0 p;Peb 3e8 p;Session 3f0 p;QuotaBlock 400 p;ObjectTable 408 p;"
	 "ImageFileName 438 u1[15];ThreadListHead 470 _LIST_ENTRY;ActiveThreads 480 u4;ExitTime 640 u8;",
	 "ISF:22597D0B40394E23936F6A24C6C52D5B-1"},
	{LAB_ARCH_X64, 10240, 10240, "_EPROCESS", 0x7a8,
	 "UniqueProcessId 2e8 p;ActiveProcessLinks 2f0 _LIST_ENTRY;CreateTime 308 u8;"
	 "InheritedFromUniqueProcessId 3e0 p;Peb 3f8 p;Session 400 p;QuotaBlock 410 p;ObjectTable 418 p;"
	 "ImageFileName 448 u1[15];ThreadListHead 480 _LIST_ENTRY;ActiveThreads 490 u4;ExitTime 678 u8;",
	 "vol2:win10_x64_10240_17770 + kernel.md 9"},
	{LAB_ARCH_X64, 14393, 14393, "_EPROCESS", 0x7c8,
	 "UniqueProcessId 2e8 p;ActiveProcessLinks 2f0 _LIST_ENTRY;CreateTime 308 u8;"
	 "InheritedFromUniqueProcessId 3e0 p;Peb 3f8 p;Session 400 p;QuotaBlock 410 p;ObjectTable 418 p;"
	 "ImageFileName 450 u1[15];ThreadListHead 488 _LIST_ENTRY;ActiveThreads 498 u4;ExitTime 690 u8;",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 16299, 16299, "_EPROCESS", 0x838,
	 "UniqueProcessId 2e0 p;ActiveProcessLinks 2e8 _LIST_ENTRY;CreateTime 308 u8;"
	 "InheritedFromUniqueProcessId 3e0 p;Peb 3f8 p;Session 400 p;QuotaBlock 410 p;ObjectTable 418 p;"
	 "ImageFileName 450 u1[15];ThreadListHead 488 _LIST_ENTRY;ActiveThreads 498 u4;ExitTime 690 u8;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1 + kernel.md 9"},
	{LAB_ARCH_X64, 17763, 17763, "_EPROCESS", 0x850,
	 "UniqueProcessId 2e0 p;ActiveProcessLinks 2e8 _LIST_ENTRY;CreateTime 308 u8;"
	 "InheritedFromUniqueProcessId 3e0 p;Peb 3f8 p;Session 400 p;QuotaBlock 410 p;ObjectTable 418 p;"
	 "ImageFileName 450 u1[15];ThreadListHead 488 _LIST_ENTRY;ActiveThreads 498 u4;ExitTime 690 u8;",
	 "ISF:A1E1C9A90091DA9805D0EBA0470BEC85-1"},
	{LAB_ARCH_X64, 18362, 18362, "_EPROCESS", 0x880,
	 "UniqueProcessId 2e8 p;ActiveProcessLinks 2f0 _LIST_ENTRY;CreateTime 310 u8;"
	 "InheritedFromUniqueProcessId 3e8 p;Peb 3f8 p;Session 400 p;QuotaBlock 410 p;ObjectTable 418 p;"
	 "ImageFileName 450 u1[15];ThreadListHead 488 _LIST_ENTRY;ActiveThreads 498 u4;ExitTime 6c0 u8;",
	 "ISF:35A038B1F6E2E8CAF642111E6EC66F57-1"},
	{LAB_ARCH_X64, 19041, 19041, "_EPROCESS", 0xa40,
	 "UniqueProcessId 440 p;ActiveProcessLinks 448 _LIST_ENTRY;CreateTime 468 u8;"
	 "InheritedFromUniqueProcessId 540 p;Peb 550 p;Session 558 p;QuotaBlock 568 p;ObjectTable 570 p;"
	 "ImageFileName 5a8 u1[15];ThreadListHead 5e0 _LIST_ENTRY;ActiveThreads 5f0 u4;ExitTime 840 u8;",
	 "ISF:BBED7C2955FBE4522AAA23F4B8677AD9-1"},
	{LAB_ARCH_X64, 20348, 22621, "_EPROCESS", 0xb80,
	 "UniqueProcessId 440 p;ActiveProcessLinks 448 _LIST_ENTRY;CreateTime 468 u8;"
	 "InheritedFromUniqueProcessId 540 p;Peb 550 p;Session 558 p;QuotaBlock 568 p;ObjectTable 570 p;"
	 "ImageFileName 5a8 u1[15];ThreadListHead 5e0 _LIST_ENTRY;ActiveThreads 5f0 u4;ExitTime 840 u8;",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X64, 26100, 26101, "_EPROCESS", 0x840,
	 "UniqueProcessId 1d0 p;ActiveProcessLinks 1d8 _LIST_ENTRY;CreateTime 1f8 u8;"
	 "InheritedFromUniqueProcessId 2d0 p;Peb 2e0 p;Session 2e8 p;ImageFileName 338 u1[15];"
	 "ThreadListHead 370 _LIST_ENTRY;ActiveThreads 380 u4;ExitTime 5c0 u8;",
	 "kernel.md 9 and layouts.tsv for UniqueProcessId, ActiveProcessLinks, Peb, Session, ImageFileName; the rest "
	 "is "
	 "the lab's"},
	{LAB_ARCH_X86, 2600, 2600, "_KPROCESS", 0x6c, "DirectoryTableBase 18 p;ThreadListHead 50 _LIST_ENTRY;",
	 "kernel.md 9"},
	{LAB_ARCH_X86, 3790, 3790, "_KPROCESS", 0x78, "DirectoryTableBase 18 p;ThreadListHead 50 _LIST_ENTRY;",
	 "kernel.md 9"},
	{LAB_ARCH_X86, 7601, 7601, "_KPROCESS", 0x98, "DirectoryTableBase 18 p;ThreadListHead 2c _LIST_ENTRY;",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 3790, 3790, "_KPROCESS", 0xb8, "DirectoryTableBase 28 p;ThreadListHead 70 _LIST_ENTRY;",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 6002, 6002, "_KPROCESS", 0xc0, "DirectoryTableBase 28 p;ThreadListHead 70 _LIST_ENTRY;",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 7601, 7601, "_KPROCESS", 0x160, "DirectoryTableBase 28 u8;ThreadListHead 30 _LIST_ENTRY;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 9600, 9600, "_KPROCESS", 0x2c8, "DirectoryTableBase 28 u8;ThreadListHead 30 _LIST_ENTRY;",
	 "ISF:22597D0B40394E23936F6A24C6C52D5B-1"},
	{LAB_ARCH_X64, 10240, 10240, "_KPROCESS", 0x2d8, "DirectoryTableBase 28 p;ThreadListHead 30 _LIST_ENTRY;",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 14393, 14393, "_KPROCESS", 0x2d8, "DirectoryTableBase 28 u8;ThreadListHead 30 _LIST_ENTRY;",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 16299, 16299, "_KPROCESS", 0x2d8, "DirectoryTableBase 28 p;ThreadListHead 30 _LIST_ENTRY;",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 17763, 17763, "_KPROCESS", 0x2d8, "DirectoryTableBase 28 u8;ThreadListHead 30 _LIST_ENTRY;",
	 "ISF:A1E1C9A90091DA9805D0EBA0470BEC85-1"},
	{LAB_ARCH_X64, 18362, 18362, "_KPROCESS", 0x2e0, "DirectoryTableBase 28 u8;ThreadListHead 30 _LIST_ENTRY;",
	 "ISF:35A038B1F6E2E8CAF642111E6EC66F57-1"},
	{LAB_ARCH_X64, 19041, 26101, "_KPROCESS", 0x438, "DirectoryTableBase 28 u8;ThreadListHead 30 _LIST_ENTRY;",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X86, 2600, 2600, "_KTHREAD", 0x1c0,
	 "InitialStack 18 p;StackLimit 1c p;Teb 20 p;KernelStack 28 p;State 2d u1;ApcState 34 u1[16];"
	 "WaitReason 5b u1;StackBase 168 p;ThreadListEntry 1b0 _LIST_ENTRY;",
	 "kernel.md 9"},
	{LAB_ARCH_X86, 3790, 3790, "_KTHREAD", 0x1b8,
	 "InitialStack 18 p;StackLimit 1c p;KernelStack 20 p;ApcState 28 u1[16];State 4c u1;"
	 "WaitReason 5a u1;Teb 74 p;Process 128 p;StackBase 158 p;ThreadListEntry 1a8 _LIST_ENTRY;",
	 "kernel.md 9"},
	{LAB_ARCH_X86, 7601, 7601, "_KTHREAD", 0x200,
	 "InitialStack 28 p;StackLimit 2c p;KernelStack 30 p;ApcState 40 u1[16];State 68 u1;Teb 88 p;"
	 "Process 150 p;WaitReason 187 u1;StackBase 190 p;ThreadListEntry 1e0 _LIST_ENTRY;",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 3790, 3790, "_KTHREAD", 0x308,
	 "InitialStack 28 p;StackLimit 30 p;KernelStack 38 p;ApcState 48 u1[16];NextProcessor 74 u4;"
	 "WaitReason 92 u1;Teb b0 p;State 154 u1;Process 1e8 p;StackBase 240 p;"
	 "ThreadListEntry 2c0 _LIST_ENTRY;",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 6002, 6002, "_KTHREAD", 0x330,
	 "InitialStack 28 p;StackLimit 30 p;KernelStack 38 p;ApcState 48 u1[16];NextProcessor 74 u4;"
	 "WaitReason 94 u1;Teb b0 p;State 154 u1;Process 1f8 p;StackBase 250 p;"
	 "ThreadListEntry 2d0 _LIST_ENTRY;",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 7601, 7601, "_KTHREAD", 0x368,
	 "InitialStack 28 p;StackLimit 30 p;KernelStack 38 p;ApcState 50 u1[48];NextProcessor 7c u4;"
	 "Teb b8 p;State 164 u1;Process 210 p;WaitReason 26b u1;StackBase 278 p;"
	 "ThreadListEntry 2f8 _LIST_ENTRY;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 9600, 9600, "_KTHREAD", 0x5d0,
	 "InitialStack 28 p;StackLimit 30 p;StackBase 38 p;KernelStack 58 p;ApcState 98 u1[48];Teb f0 p;"
	 "State 184 u1;NextProcessor 218 u4;Process 220 p;WaitReason 283 u1;"
	 "ThreadListEntry 2f8 _LIST_ENTRY;",
	 "ISF:22597D0B40394E23936F6A24C6C52D5B-1"},
	{LAB_ARCH_X64, 10240, 10240, "_KTHREAD", 0x5d8,
	 "InitialStack 28 p;StackLimit 30 p;StackBase 38 p;KernelStack 58 p;ApcState 98 u1[16];Teb f0 p;"
	 "State 184 u1;NextProcessor 218 u4;Process 220 p;WaitReason 283 u1;"
	 "ThreadListEntry 2f8 _LIST_ENTRY;",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 14393, 14393, "_KTHREAD", 0x5e0,
	 "InitialStack 28 p;StackLimit 30 p;StackBase 38 p;KernelStack 58 p;ApcState 98 u1[48];Teb f0 p;"
	 "State 184 u1;NextProcessor 218 u4;Process 220 p;WaitReason 283 u1;"
	 "ThreadListEntry 2f8 _LIST_ENTRY;",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 16299, 16299, "_KTHREAD", 0x5f0,
	 "InitialStack 28 p;StackLimit 30 p;StackBase 38 p;KernelStack 58 p;ApcState 98 u1[16];Teb f0 p;"
	 "State 184 u1;NextProcessor 218 u4;Process 220 p;WaitReason 283 u1;"
	 "ThreadListEntry 2f8 _LIST_ENTRY;",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 17763, 17763, "_KTHREAD", 0x5f0,
	 "InitialStack 28 p;StackLimit 30 p;StackBase 38 p;KernelStack 58 p;ApcState 98 u1[48];Teb f0 p;"
	 "State 184 u1;NextProcessor 218 u4;Process 220 p;WaitReason 283 u1;"
	 "ThreadListEntry 2f8 _LIST_ENTRY;",
	 "ISF:A1E1C9A90091DA9805D0EBA0470BEC85-1"},
	{LAB_ARCH_X64, 18362, 18362, "_KTHREAD", 0x600,
	 "InitialStack 28 p;StackLimit 30 p;StackBase 38 p;KernelStack 58 p;ApcState 98 u1[48];Teb f0 p;"
	 "State 184 u1;NextProcessor 218 u4;Process 220 p;WaitReason 283 u1;"
	 "ThreadListEntry 2f8 _LIST_ENTRY;",
	 "ISF:35A038B1F6E2E8CAF642111E6EC66F57-1"},
	{LAB_ARCH_X64, 19041, 19041, "_KTHREAD", 0x430,
	 "InitialStack 28 p;StackLimit 30 p;StackBase 38 p;KernelStack 58 p;ApcState 98 u1[48];Teb f0 p;"
	 "State 184 u1;NextProcessor 218 u4;Process 220 p;WaitReason 283 u1;"
	 "ThreadListEntry 2f8 _LIST_ENTRY;",
	 "ISF:BBED7C2955FBE4522AAA23F4B8677AD9-1"},
	{LAB_ARCH_X64, 20348, 26101, "_KTHREAD", 0x480,
	 "InitialStack 28 p;StackLimit 30 p;StackBase 38 p;KernelStack 58 p;ApcState 98 u1[48];Teb f0 p;"
	 "State 184 u1;NextProcessor 218 u4;Process 220 p;WaitReason 283 u1;"
	 "ThreadListEntry 2f8 _LIST_ENTRY;",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X86, 2600, 2600, "_ETHREAD", 0x258,
	 "Cid 1ec u1[16];StartAddress 224 p;Win32StartAddress 228 p;ThreadListEntry 22c _LIST_ENTRY;", "kernel.md 9"},
	{LAB_ARCH_X86, 3790, 3790, "_ETHREAD", 0x250,
	 "Cid 1e4 u1[16];StartAddress 21c p;Win32StartAddress 220 p;ThreadListEntry 224 _LIST_ENTRY;", "kernel.md 9"},
	{LAB_ARCH_X86, 7601, 7601, "_ETHREAD", 0x2b8,
	 "StartAddress 218 p;Cid 22c u1[16];Win32StartAddress 260 p;ThreadListEntry 268 _LIST_ENTRY;", "kernel.md 9"},
	{LAB_ARCH_X64, 3790, 3790, "_ETHREAD", 0x410,
	 "CreateTime 308 u8;Cid 358 u1[16];StartAddress 3c0 p;Win32StartAddress 3c8 p;"
	 "ThreadListEntry 3d0 _LIST_ENTRY;",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 6002, 6002, "_ETHREAD", 0x450,
	 "CreateTime 330 u8;StartAddress 358 p;Cid 380 u1[16];Win32StartAddress 3e0 p;"
	 "ThreadListEntry 3f0 _LIST_ENTRY;",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 7601, 7601, "_ETHREAD", 0x4a8,
	 "CreateTime 368 u8;StartAddress 390 p;Cid 3b8 u1[16];Win32StartAddress 418 p;"
	 "ThreadListEntry 428 _LIST_ENTRY;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 9600, 9600, "_ETHREAD", 0x778,
	 "CreateTime 5d0 u8;StartAddress 5f8 p;Cid 620 u1[16];Win32StartAddress 678 p;"
	 "ThreadListEntry 688 _LIST_ENTRY;",
	 "ISF:22597D0B40394E23936F6A24C6C52D5B-1"},
	{LAB_ARCH_X64, 10240, 10240, "_ETHREAD", 0x7c0,
	 "CreateTime 5d8 u8;StartAddress 600 p;Cid 628 u1[16];Win32StartAddress 680 p;"
	 "ThreadListEntry 690 _LIST_ENTRY;",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 14393, 14393, "_ETHREAD", 0x7e0,
	 "CreateTime 5e0 u8;StartAddress 608 p;Cid 630 u1[16];Win32StartAddress 688 p;"
	 "ThreadListEntry 698 _LIST_ENTRY;",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 16299, 16299, "_ETHREAD", 0x818,
	 "CreateTime 5f0 u8;StartAddress 610 p;Cid 638 u1[16];Win32StartAddress 690 p;"
	 "ThreadListEntry 6a8 _LIST_ENTRY;",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 17763, 17763, "_ETHREAD", 0x810,
	 "CreateTime 5f0 u8;StartAddress 610 p;Cid 638 u1[16];Win32StartAddress 690 p;"
	 "ThreadListEntry 6a8 _LIST_ENTRY;",
	 "ISF:A1E1C9A90091DA9805D0EBA0470BEC85-1"},
	{LAB_ARCH_X64, 18362, 18362, "_ETHREAD", 0x820,
	 "CreateTime 600 u8;StartAddress 620 p;Cid 648 u1[16];Win32StartAddress 6a0 p;"
	 "ThreadListEntry 6b8 _LIST_ENTRY;",
	 "ISF:35A038B1F6E2E8CAF642111E6EC66F57-1"},
	{LAB_ARCH_X64, 19041, 19041, "_ETHREAD", 0x898,
	 "CreateTime 430 u8;StartAddress 450 p;Cid 478 u1[16];Win32StartAddress 4d0 p;"
	 "ThreadListEntry 4e8 _LIST_ENTRY;",
	 "ISF:BBED7C2955FBE4522AAA23F4B8677AD9-1"},
	{LAB_ARCH_X64, 20348, 26101, "_ETHREAD", 0x8f0,
	 "CreateTime 480 u8;StartAddress 4a0 p;Cid 4c8 u1[16];Win32StartAddress 520 p;"
	 "ThreadListEntry 538 _LIST_ENTRY;",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X86, 2600, 7601, "_KPROCESSOR_STATE", 0x320, "ContextFrame 0 u1[64];SpecialRegisters 2cc u1[64];",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 3790, 6002, "_KPROCESSOR_STATE", 0x5b0, "SpecialRegisters 0 u1[64];ContextFrame e0 u1[64];",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 7601, 9600, "_KPROCESSOR_STATE", 0x5b0,
	 "SpecialRegisters 0 _KSPECIAL_REGISTERS;ContextFrame e0 u1[1232];", "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 10240, 10240, "_KPROCESSOR_STATE", 0x5b0, "SpecialRegisters 0 u1[64];ContextFrame e0 u1[64];",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 14393, 14393, "_KPROCESSOR_STATE", 0x5b0,
	 "SpecialRegisters 0 _KSPECIAL_REGISTERS;ContextFrame e0 u1[1232];", "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 16299, 16299, "_KPROCESSOR_STATE", 0x5c0, "SpecialRegisters 0 u1[64];ContextFrame f0 u1[64];",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 17763, 26101, "_KPROCESSOR_STATE", 0x5c0,
	 "SpecialRegisters 0 _KSPECIAL_REGISTERS;ContextFrame f0 u1[1232];", "ISF:A1E1C9A90091DA9805D0EBA0470BEC85-1"},
	{LAB_ARCH_X86, 2600, 7601, "_KSPECIAL_REGISTERS", 0x54, "Cr0 0 p;Cr3 8 p;Cr4 c p;", "kernel.md 9"},
	{LAB_ARCH_X64, 3790, 6002, "_KSPECIAL_REGISTERS", 0xd8, "Cr0 0 p;Cr3 10 p;Cr4 18 p;MsrLStar c0 u8;",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 7601, 7601, "_KSPECIAL_REGISTERS", 0xd8, "Cr0 0 u8;Cr3 10 u8;Cr4 18 u8;MsrLStar c0 u8;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 9600, 9600, "_KSPECIAL_REGISTERS", 0xe0, "Cr0 0 u8;Cr3 10 u8;Cr4 18 u8;MsrLStar c0 u8;",
	 "ISF:22597D0B40394E23936F6A24C6C52D5B-1"},
	{LAB_ARCH_X64, 10240, 10240, "_KSPECIAL_REGISTERS", 0xe0, "Cr0 0 p;Cr3 10 p;Cr4 18 p;MsrLStar c0 u8;",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 14393, 14393, "_KSPECIAL_REGISTERS", 0xe0, "Cr0 0 u8;Cr3 10 u8;Cr4 18 u8;MsrLStar c0 u8;",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 16299, 16299, "_KSPECIAL_REGISTERS", 0xf0, "Cr0 0 p;Cr3 10 p;Cr4 18 p;MsrLStar c0 u8;",
	 "kernel.md 9"},
	{LAB_ARCH_X64, 17763, 26101, "_KSPECIAL_REGISTERS", 0xf0, "Cr0 0 u8;Cr3 10 u8;Cr4 18 u8;MsrLStar c0 u8;",
	 "ISF:A1E1C9A90091DA9805D0EBA0470BEC85-1"},
	{LAB_ARCH_X86, 2600, 2600, "_MM_SESSION_SPACE", 0x1278,
	 "SessionId 8 u4;ProcessList 14 _LIST_ENTRY;NonPagablePages 2c p;CommittedPages 30 p;"
	 "PagedPoolStart 64 p;PagedPoolEnd 68 p;",
	 "vol2:xp_sp2_x86"},
	{LAB_ARCH_X86, 3790, 3790, "_MM_SESSION_SPACE", 0x1ec0,
	 "SessionId c u4;ProcessList 10 _LIST_ENTRY;NonPagablePages 24 p;CommittedPages 28 p;"
	 "PagedPoolStart 2c p;PagedPoolEnd 30 p;",
	 "vol2:win2003_sp0_x86"},
	{LAB_ARCH_X86, 7601, 7601, "_MM_SESSION_SPACE", 0x2000,
	 "SessionId 8 u4;ProcessList 10 _LIST_ENTRY;NonPagablePages 24 p;CommittedPages 28 p;"
	 "PagedPoolStart 2c p;PagedPoolEnd 30 p;PoolBigEntriesInUse 1f88 i4;"
	 "PoolTrackTableExpansion 1fc8 p;PoolTrackTableExpansionSize 1fcc u4;PoolTrackBigPages 1fd0 p;"
	 "PoolTrackBigPagesSize 1fd4 u4;",
	 "vol2:win7_sp0_x86"},
	{LAB_ARCH_X64, 3790, 3790, "_MM_SESSION_SPACE", 0x1d80,
	 "ReferenceCount 8 u4;SessionId 10 u4;ProcessList 18 _LIST_ENTRY;NonPagablePages 38 p;"
	 "CommittedPages 40 p;PagedPoolStart 48 p;PagedPoolEnd 50 p;",
	 "vol2:win2003_sp1_x64"},
	{LAB_ARCH_X64, 6002, 6002, "_MM_SESSION_SPACE", 0x1e00,
	 "ReferenceCount 0 u4;SessionId 8 u4;ProcessList 10 _LIST_ENTRY;NonPagablePages 30 p;"
	 "CommittedPages 38 p;PagedPoolStart 40 p;PagedPoolEnd 48 p;PoolBigEntriesInUse 1d80 i4;"
	 "PoolTrackTableExpansion 1dd8 p;PoolTrackTableExpansionSize 1de0 u8;PoolTrackBigPages 1de8 p;"
	 "PoolTrackBigPagesSize 1df0 u8;",
	 "vol2:vista_sp1_x64"},
	{LAB_ARCH_X64, 7601, 7601, "_MM_SESSION_SPACE", 0x1f80,
	 "ReferenceCount 0 i4;SessionId 8 u4;ProcessList 10 _LIST_ENTRY;NonPagablePages 30 u8;"
	 "CommittedPages 38 u8;PagedPoolStart 40 p;PagedPoolEnd 48 p;PoolBigEntriesInUse 1ed8 i4;"
	 "PoolTrackTableExpansion 1f30 p;PoolTrackTableExpansionSize 1f38 u8;PoolTrackBigPages 1f40 p;"
	 "PoolTrackBigPagesSize 1f48 u8;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 9600, 9600, "_MM_SESSION_SPACE", 0x2000,
	 "ReferenceCount 0 i4;SessionId 8 u4;ProcessList 10 _LIST_ENTRY;NonPagablePages 28 u8;"
	 "CommittedPages 30 u8;PagedPoolStart 38 p;PagedPoolEnd 40 p;PoolBigEntriesInUse 1f20 i4;"
	 "PoolTrackTableExpansion 1f98 p;PoolTrackTableExpansionSize 1fa0 u8;PoolTrackBigPages 1fa8 p;"
	 "PoolTrackBigPagesSize 1fb0 u8;",
	 "ISF:22597D0B40394E23936F6A24C6C52D5B-1"},
	{LAB_ARCH_X64, 10240, 10240, "_MM_SESSION_SPACE", 0x1f40,
	 "ReferenceCount 0 u4;SessionId 8 u4;ProcessList 10 _LIST_ENTRY;NonPagablePages 28 p;"
	 "CommittedPages 30 p;PagedPoolStart 38 p;PagedPoolEnd 40 p;PoolBigEntriesInUse 1e80 i4;"
	 "PoolTrackTableExpansion 1ef0 p;PoolTrackTableExpansionSize 1ef8 u8;PoolTrackBigPages 1f00 p;"
	 "PoolTrackBigPagesSize 1f08 u8;",
	 "vol2:win10_x64_10240_17770"},
	{LAB_ARCH_X64, 14393, 14393, "_MM_SESSION_SPACE", 0x4000,
	 "ReferenceCount 0 i4;SessionId 8 u4;ProcessList 10 _LIST_ENTRY;NonPagablePages 28 u8;"
	 "CommittedPages 30 u8;PagedPoolStart 38 p;PagedPoolEnd 40 p;PoolBigEntriesInUse 1f00 i4;"
	 "PoolTrackTableExpansion 1f78 p;PoolTrackTableExpansionSize 1f80 u8;PoolTrackBigPages 1f88 p;"
	 "PoolTrackBigPagesSize 1f90 u8;PoolTags 2000 u1[8192];",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 16299, 16299, "_MM_SESSION_SPACE", 0x4000,
	 "ReferenceCount 0 u4;SessionId 8 u4;ProcessList 10 _LIST_ENTRY;NonPagablePages 28 p;"
	 "CommittedPages 30 p;PagedPoolStart 38 p;PagedPoolEnd 40 p;PoolBigEntriesInUse 1f38 i4;"
	 "PoolTrackTableExpansion 1fb0 p;PoolTrackTableExpansionSize 1fb8 u8;PoolTrackBigPages 1fc0 p;"
	 "PoolTrackBigPagesSize 1fc8 u8;PoolTags 2000 u1[8192];",
	 "vol2:win10_x64_15063"},
	{LAB_ARCH_X64, 17763, 17763, "_MM_SESSION_SPACE", 0x5000,
	 "ReferenceCount 0 i4;SessionId 8 u4;ProcessList 10 _LIST_ENTRY;NonPagablePages 28 u8;"
	 "CommittedPages 30 u8;PagedPoolStart 38 p;PagedPoolEnd 40 p;HeapState d60 p;PoolBigEntriesInUse 1fb8 i4;"
	 "PoolTrackTableExpansion 2028 p;PoolTrackTableExpansionSize 2030 u8;PoolTrackBigPages 2038 p;"
	 "PoolTrackBigPagesSize 2040 u8;PoolTags 3000 u1[8192];",
	 "ISF:A1E1C9A90091DA9805D0EBA0470BEC85-1"},
	{LAB_ARCH_X64, 18362, 18362, "_MM_SESSION_SPACE", 0x5000,
	 "ReferenceCount 0 i4;SessionId 8 u4;ProcessList 10 _LIST_ENTRY;NonPagablePages 28 u8;"
	 "CommittedPages 30 u8;PagedPoolStart 38 p;PagedPoolEnd 40 p;HeapState 2a0 p;PoolBigEntriesInUse 478 i4;"
	 "PoolTrackTableExpansion 4e8 p;PoolTrackTableExpansionSize 4f0 u8;PoolTrackBigPages 4f8 p;"
	 "PoolTrackBigPagesSize 500 u8;PoolTags 1000 u1[16384];",
	 "ISF:35A038B1F6E2E8CAF642111E6EC66F57-1"},
	{LAB_ARCH_X64, 19041, 20348, "_MM_SESSION_SPACE", 0x5000,
	 "ReferenceCount 0 i4;SessionId 8 u4;ProcessList 10 _LIST_ENTRY;NonPagablePages 28 u8;"
	 "CommittedPages 30 u8;PagedPoolStart 38 p;PagedPoolEnd 40 p;HeapState 2a0 p;PoolBigEntriesInUse 360 i4;"
	 "PoolTrackTableExpansion 3d0 p;PoolTrackTableExpansionSize 3d8 u8;PoolTrackBigPages 3e0 p;"
	 "PoolTrackBigPagesSize 3e8 u8;PoolTags 1000 u1[16384];",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X64, 22000, 22000, "_MM_SESSION_SPACE", 0x3c0,
	 "ReferenceCount 0 i4;SessionId 8 u4;ProcessList 10 _LIST_ENTRY;NonPagablePages 20 u8;"
	 "CommittedPages 28 u8;PagedPoolStart 30 p;PagedPoolEnd 38 p;HeapState 260 p;PoolBigEntriesInUse 318 i4;"
	 "PoolTrackTableExpansion 328 p;PoolTrackTableExpansionSize 330 u8;PoolTrackBigPages 338 p;"
	 "PoolTrackBigPagesSize 340 u8;PoolTags 380 p;",
	 "ISF:32C1A669D5FFEFD41091F636CFDB6E99-1"},
	{0},
};
