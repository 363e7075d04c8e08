/* SPDX-License-Identifier: MIT */
/*
 * Layouts of the pool, the trackers, lookasides and memory-manager globals.
 *
 * Rows: architecture, first and last build, structure, size, fields as "name offset type [bit.bits];" (hexadecimal
 * offsets), provenance. Types: u1 u2 u4 u8 i1 i2 i4 i8, p = pointer, _NAME = structure, [n] = array.
 * Provenance: layouts.tsv <- its source, "kernel.md 9" = the table of that section, ISF:GUID-AGE = that symbol file.
 */
#include "builds.h"

const struct lab_layout lab_layouts_pool[] = {
	{LAB_ARCH_X86, 2600, 2600, "_POOL_HEADER", 0x8,
	 "Ulong1 0 u4;PreviousSize 0 u2 0.9;PoolIndex 0 u2 9.7;BlockSize 2 u2 0.9;PoolType 2 u2 9.7;"
	 "AllocatorBackTraceIndex 4 u2;PoolTag 4 u4;ProcessBilled 4 p;PoolTagHash 6 u2;",
	 "vol2:xp_sp2_x86"},
	{LAB_ARCH_X86, 3790, 7601, "_POOL_HEADER", 0x8,
	 "Ulong1 0 u4;PreviousSize 0 u2 0.9;PoolIndex 0 u2 9.7;BlockSize 2 u2 0.9;PoolType 2 u2 9.7;"
	 "AllocatorBackTraceIndex 4 u2;PoolTag 4 u4;PoolTagHash 6 u2;",
	 "vol2:win2003_sp0_x86"},
	{LAB_ARCH_X64, 3790, 7601, "_POOL_HEADER", 0x10,
	 "Ulong1 0 u4;PreviousSize 0 u4 0.8;PoolIndex 0 u4 8.8;BlockSize 0 u4 16.8;PoolType 0 u4 24.8;"
	 "PoolTag 4 u4;AllocatorBackTraceIndex 8 u2;ProcessBilled 8 p;PoolTagHash a u2;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 9600, 26101, "_POOL_HEADER", 0x10,
	 "Ulong1 0 u4;PreviousSize 0 u2 0.8;PoolIndex 0 u2 8.8;BlockSize 2 u2 0.8;PoolType 2 u2 8.8;"
	 "PoolTag 4 u4;AllocatorBackTraceIndex 8 u2;ProcessBilled 8 p;PoolTagHash a u2;",
	 "ISF:22597D0B40394E23936F6A24C6C52D5B-1"},
	{LAB_ARCH_X86, 2600, 2600, "_POOL_DESCRIPTOR", 0x1028,
	 "PoolType 0 u4;PoolIndex 4 u4;RunningAllocs 8 u4;RunningDeAllocs c u4;TotalPages 10 u4;"
	 "TotalBigPages 14 u4;Threshold 18 u4;LockAddress 1c p;PendingFrees 20 p;PendingFreeDepth 24 i4;"
	 "ListHeads 28 _LIST_ENTRY[512];",
	 "vol2:xp_sp2_x86"},
	{LAB_ARCH_X86, 3790, 3790, "_POOL_DESCRIPTOR", 0x1030,
	 "PoolType 0 u4;PoolIndex 4 u4;RunningAllocs 8 u4;RunningDeAllocs c u4;TotalPages 10 u4;"
	 "TotalBigPages 14 u4;Threshold 18 u4;LockAddress 1c p;PendingFrees 20 p;PendingFreeDepth 24 i4;"
	 "TotalBytes 28 u4;Spare0 2c u4;ListHeads 30 _LIST_ENTRY[512];",
	 "vol2:win2003_sp0_x86"},
	{LAB_ARCH_X86, 7601, 7601, "_POOL_DESCRIPTOR", 0x1140,
	 "PoolType 0 u4;NonPagedLock 4 u4;RunningAllocs 40 i4;RunningDeAllocs 44 i4;TotalBigPages 48 i4;"
	 "ThreadsProcessingDeferrals 4c i4;TotalBytes 50 u4;PoolIndex 80 u4;TotalPages c0 i4;"
	 "PendingFrees 100 p;PendingFreeDepth 104 i4;ListHeads 140 _LIST_ENTRY[512];",
	 "vol2:win7_sp0_x86"},
	{LAB_ARCH_X64, 3790, 3790, "_POOL_DESCRIPTOR", 0x1048,
	 "PoolType 0 u4;PoolIndex 4 u4;RunningAllocs 8 u4;RunningDeAllocs c u4;TotalPages 10 u4;"
	 "TotalBigPages 14 u4;Threshold 18 u4;LockAddress 20 p;PendingFrees 28 p;PendingFreeDepth 30 i4;"
	 "TotalBytes 38 u8;Spare0 40 u8;ListHeads 48 _LIST_ENTRY[256];",
	 "vol2:win2003_sp1_x64"},
	{LAB_ARCH_X64, 6002, 6002, "_POOL_DESCRIPTOR", 0x1048,
	 "PoolType 0 u4;PoolIndex 4 u4;RunningAllocs 8 i4;RunningDeAllocs c i4;TotalPages 10 i4;"
	 "TotalBigPages 14 i4;Threshold 18 u4;LockAddress 20 p;PendingFrees 28 p;"
	 "ThreadsProcessingDeferrals 30 i4;PendingFreeDepth 34 i4;TotalBytes 38 u8;Spare0 40 u8;"
	 "ListHeads 48 _LIST_ENTRY[256];",
	 "vol2:vista_sp0_x64"},
	{LAB_ARCH_X64, 7601, 7601, "_POOL_DESCRIPTOR", 0x1140,
	 "PoolType 0 u4;NonPagedLock 8 u8;RunningAllocs 40 i4;RunningDeAllocs 44 i4;TotalBigPages 48 i4;"
	 "ThreadsProcessingDeferrals 4c i4;TotalBytes 50 u8;PoolIndex 80 u4;TotalPages c0 i4;"
	 "PendingFrees 100 p;PendingFreeDepth 108 i4;ListHeads 140 _LIST_ENTRY[256];",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 9600, 9600, "_POOL_DESCRIPTOR", 0x1140,
	 "PoolType 0 u4;NonPagedLock 8 u8;RunningAllocs 40 i4;RunningDeAllocs 44 i4;TotalBigPages 48 i4;"
	 "ThreadsProcessingDeferrals 4c i4;TotalBytes 50 u8;PoolIndex 80 u4;TotalPages c0 i4;"
	 "PendingFrees 100 _SINGLE_LIST_ENTRY;PendingFreeDepth 108 i4;ListHeads 140 _LIST_ENTRY[256];",
	 "ISF:22597D0B40394E23936F6A24C6C52D5B-1"},
	{LAB_ARCH_X64, 10240, 10240, "_POOL_DESCRIPTOR", 0x1140,
	 "PoolType 0 u4;NonPagedLock 8 u8;RunningAllocs 40 i4;RunningDeAllocs 44 i4;TotalBigPages 48 i4;"
	 "ThreadsProcessingDeferrals 4c i4;TotalBytes 50 u8;PoolIndex 80 u4;TotalPages c0 i4;"
	 "PendingFrees 100 p;PendingFreeDepth 108 i4;ListHeads 140 _LIST_ENTRY[256];",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 14393, 17763, "_POOL_DESCRIPTOR", 0x1140,
	 "PoolType 0 u4;NonPagedLock 8 u8;RunningAllocs 40 i4;PagesAllocated 48 u8;"
	 "BigPagesAllocated 50 u8;BytesAllocated 58 u8;RunningDeallocs 80 i4;PagesDeallocated 88 u8;"
	 "BigPagesDeallocated 90 u8;BytesDeallocated 98 u8;PoolIndex c0 u4;PoolTypeCopy c4 u4;"
	 "PendingFrees 100 _SINGLE_LIST_ENTRY;ThreadsProcessingDeferrals 108 i4;PendingFreeDepth 10c i4;"
	 "ListHeads 140 _LIST_ENTRY[256];",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 18362, 18362, "_POOL_DESCRIPTOR", 0x100,
	 "PoolType 0 u4;RunningAllocs 40 i4;PagesAllocated 48 u8;BigPagesAllocated 50 u8;"
	 "BytesAllocated 58 u8;RunningDeallocs 80 i4;PagesDeallocated 88 u8;BigPagesDeallocated 90 u8;"
	 "BytesDeallocated 98 u8;PoolIndex c0 u4;",
	 "ISF:35A038B1F6E2E8CAF642111E6EC66F57-1"},
	{LAB_ARCH_X86, 2600, 7601, "_POOL_TRACKER_TABLE", 0x1c,
	 "Key 0 u4;NonPagedAllocs 4 u4;NonPagedFrees 8 u4;NonPagedBytes c u4;PagedAllocs 10 u4;"
	 "PagedFrees 14 u4;PagedBytes 18 u4;",
	 "vol2:xp_sp2_x86"},
	{LAB_ARCH_X64, 3790, 7601, "_POOL_TRACKER_TABLE", 0x28,
	 "Key 0 i4;NonPagedAllocs 4 i4;NonPagedFrees 8 i4;NonPagedBytes 10 u8;PagedAllocs 18 u4;"
	 "PagedFrees 1c u4;PagedBytes 20 u8;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 9600, 9600, "_POOL_TRACKER_TABLE", 0x28,
	 "Key 0 i4;NonPagedAllocs 4 u4;NonPagedFrees 8 u4;NonPagedBytes 10 u8;PagedAllocs 18 u4;"
	 "PagedFrees 1c u4;PagedBytes 20 u8;",
	 "ISF:22597D0B40394E23936F6A24C6C52D5B-1"},
	{LAB_ARCH_X64, 10240, 10240, "_POOL_TRACKER_TABLE", 0x28,
	 "Key 0 i4;NonPagedAllocs 4 i4;NonPagedFrees 8 i4;NonPagedBytes 10 u8;PagedAllocs 18 u4;"
	 "PagedFrees 1c u4;PagedBytes 20 u8;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 14393, 14393, "_POOL_TRACKER_TABLE", 0x28,
	 "Key 0 i4;NonPagedAllocs 4 u4;NonPagedFrees 8 u4;NonPagedBytes 10 u8;PagedAllocs 18 u4;"
	 "PagedFrees 1c u4;PagedBytes 20 u8;",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 16299, 19041, "_POOL_TRACKER_TABLE", 0x38,
	 "Key 0 i4;NonPagedBytes 8 u8;NonPagedAllocs 10 u8;NonPagedFrees 18 u8;PagedBytes 20 u8;"
	 "PagedAllocs 28 u8;PagedFrees 30 u8;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 20348, 26101, "_POOL_TRACKER_TABLE", 0x50,
	 "Key 0 i4;NonPagedBytes 8 u8;NonPagedAllocs 10 u8;NonPagedFrees 18 u8;PagedBytes 20 u8;"
	 "PagedAllocs 28 u8;PagedFrees 30 u8;AvailableLimit 38 i8[2];LimitInfo 48 p;",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X86, 2600, 2600, "_POOL_TRACKER_BIG_PAGES", 0xc, "Va 0 p;Key 4 u4;NumberOfPages 8 u4;",
	 "vol2:xp_sp2_x86"},
	{LAB_ARCH_X86, 3790, 3790, "_POOL_TRACKER_BIG_PAGES", 0x10,
	 "Va 0 p;Key 4 u4;NumberOfPages 8 u4;QuotaObject c p;", "vol2:win2003_sp0_x86"},
	{LAB_ARCH_X86, 7601, 7601, "_POOL_TRACKER_BIG_PAGES", 0x10, "Va 0 p;Key 4 u4;PoolType 8 u4;NumberOfBytes c u4;",
	 "vol2:vista_sp0_x86"},
	{LAB_ARCH_X64, 3790, 3790, "_POOL_TRACKER_BIG_PAGES", 0x18,
	 "Va 0 p;Key 8 u4;NumberOfPages c u4;QuotaObject 10 p;", "vol2:win2003_sp1_x64"},
	{LAB_ARCH_X64, 6002, 7601, "_POOL_TRACKER_BIG_PAGES", 0x18,
	 "Va 0 p;Key 8 u4;PoolType c u4;NumberOfBytes 10 u8;", "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 9600, 9600, "_POOL_TRACKER_BIG_PAGES", 0x18,
	 "Va 0 u8;Key 8 u4;PoolType c u4;NumberOfBytes 10 u8;", "ISF:22597D0B40394E23936F6A24C6C52D5B-1"},
	{LAB_ARCH_X64, 10240, 19041, "_POOL_TRACKER_BIG_PAGES", 0x18,
	 "Va 0 u8;Key 8 u4;Pattern c u4 0.8;PoolType c u4 8.12;SlushSize c u4 20.12;NumberOfBytes 10 u8;",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 20348, 22621, "_POOL_TRACKER_BIG_PAGES", 0x20,
	 "Va 0 u8;Key 8 u4;Pattern c u4 0.8;PoolType c u4 8.12;SlushSize c u4 20.12;NumberOfBytes 10 u8;"
	 "ProcessBilled 18 p;",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X64, 26100, 26101, "_POOL_TRACKER_BIG_PAGES", 0x20,
	 "Va 0 u8;Key 8 u4;Pattern c u4 0.8;PoolFlags c u4 8.12;SlushSize c u4 20.12;NumberOfBytes 10 u8;"
	 "ProcessBilled 18 p;",
	 "ntdiff:Win11_2409_24H2/x64/ntoskrnl.exe"},
	{LAB_ARCH_X86, 2600, 7601, "_SLIST_HEADER", 0x8,
	 "Alignment 0 u8;Next 0 _SINGLE_LIST_ENTRY;Depth 4 u2;Sequence 6 u2;", "vol2:xp_sp2_x86"},
	{LAB_ARCH_X64, 3790, 26101, "_SLIST_HEADER", 0x10, "Alignment 0 u8;Region 8 u8;", "vol2:win2003_sp1_x64"},
	{LAB_ARCH_X86, 2600, 7601, "_GENERAL_LOOKASIDE", 0x80,
	 "ListHead 0 _SLIST_HEADER;Depth 8 u2;MaximumDepth a u2;TotalAllocates c u4;AllocateMisses 10 u4;"
	 "TotalFrees 14 u4;FreeMisses 18 u4;Type 1c u4;Tag 20 u4;Size 24 u4;Allocate 28 p;Free 2c p;"
	 "ListEntry 30 _LIST_ENTRY;",
	 "vol2:xp_sp2_x86"},
	{LAB_ARCH_X64, 3790, 26101, "_GENERAL_LOOKASIDE", 0x80,
	 "ListHead 0 _SLIST_HEADER;Depth 10 u2;MaximumDepth 12 u2;TotalAllocates 14 u4;"
	 "AllocateMisses 18 u4;TotalFrees 1c u4;FreeMisses 20 u4;Type 24 u4;Tag 28 u4;Size 2c u4;"
	 "Allocate 30 p;Free 38 p;ListEntry 40 _LIST_ENTRY;",
	 "vol2:win2003_sp1_x64"},
	{LAB_ARCH_X86, 7601, 7601, "_GENERAL_LOOKASIDE_POOL", 0x48,
	 "ListHead 0 _SLIST_HEADER;Depth 8 u2;MaximumDepth a u2;TotalAllocates c u4;AllocateMisses 10 u4;"
	 "TotalFrees 14 u4;FreeMisses 18 u4;Type 1c u4;Tag 20 u4;Size 24 u4;Allocate 28 p;Free 2c p;"
	 "ListEntry 30 _LIST_ENTRY;",
	 "vol2:vista_sp0_x86"},
	{LAB_ARCH_X64, 6002, 26101, "_GENERAL_LOOKASIDE_POOL", 0x60,
	 "ListHead 0 _SLIST_HEADER;Depth 10 u2;MaximumDepth 12 u2;TotalAllocates 14 u4;"
	 "AllocateMisses 18 u4;TotalFrees 1c u4;FreeMisses 20 u4;Type 24 u4;Tag 28 u4;Size 2c u4;"
	 "Allocate 30 p;Free 38 p;ListEntry 40 _LIST_ENTRY;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X86, 2600, 7601, "_PP_LOOKASIDE_LIST", 0x8, "P 0 p;L 4 p;", "vol2:xp_sp2_x86"},
	{LAB_ARCH_X64, 3790, 26101, "_PP_LOOKASIDE_LIST", 0x10, "P 0 p;L 8 p;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 10240, 10240, "_MI_SYSTEM_INFORMATION", 0x1bc0,
	 "Pools 0 _MI_POOL_STATE;Hardware 520 _MI_HARDWARE_STATE;SystemVa 600 _MI_SYSTEM_VA_STATE;"
	 "Vs 1580 _MI_VISIBLE_STATE;",
	 "vol2:win10_x64_10240_17770"},
	{LAB_ARCH_X64, 14393, 14393, "_MI_SYSTEM_INFORMATION", 0x1bc0,
	 "Pools 0 _MI_POOL_STATE;Hardware 560 _MI_HARDWARE_STATE;SystemVa 680 _MI_SYSTEM_VA_STATE;"
	 "Vs 1380 _MI_VISIBLE_STATE;",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 16299, 16299, "_MI_SYSTEM_INFORMATION", 0x1b00,
	 "Pools 0 _MI_POOL_STATE;Hardware 4f8 _MI_HARDWARE_STATE;SystemVa 600 _MI_SYSTEM_VA_STATE;"
	 "Vs 1200 _MI_VISIBLE_STATE;",
	 "vol2:win10_x64_16299"},
	{LAB_ARCH_X64, 17763, 17763, "_MI_SYSTEM_INFORMATION", 0x3100,
	 "Pools 0 _MI_POOL_STATE;Hardware 1600 _MI_HARDWARE_STATE;SystemVa 1780 _MI_SYSTEM_VA_STATE;"
	 "Vs 24c0 _MI_VISIBLE_STATE;",
	 "ISF:A1E1C9A90091DA9805D0EBA0470BEC85-1"},
	{LAB_ARCH_X64, 18362, 18362, "_MI_SYSTEM_INFORMATION", 0x3100,
	 "Pools 0 _MI_POOL_STATE;Hardware 1580 _MI_HARDWARE_STATE;SystemVa 1740 _MI_SYSTEM_VA_STATE;"
	 "Vs 2480 _MI_VISIBLE_STATE;",
	 "ISF:35A038B1F6E2E8CAF642111E6EC66F57-1"},
	{LAB_ARCH_X64, 19041, 19041, "_MI_SYSTEM_INFORMATION", 0x32c0,
	 "Pools 0 _MI_POOL_STATE;Hardware 15c0 _MI_HARDWARE_STATE;SystemVa 1780 _MI_SYSTEM_VA_STATE;"
	 "Vs 2600 _MI_VISIBLE_STATE;",
	 "ISF:BBED7C2955FBE4522AAA23F4B8677AD9-1"},
	{LAB_ARCH_X64, 20348, 20348, "_MI_SYSTEM_INFORMATION", 0x4ec0,
	 "Pools 0 _MI_POOL_STATE;Hardware 1600 _MI_HARDWARE_STATE;SystemVa 27c0 _MI_SYSTEM_VA_STATE;"
	 "Vs 4200 _MI_VISIBLE_STATE;",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X64, 22000, 22000, "_MI_SYSTEM_INFORMATION", 0x50c0,
	 "Pools 0 _MI_POOL_STATE;Hardware 1680 _MI_HARDWARE_STATE;SystemVa 2840 _MI_SYSTEM_VA_STATE;"
	 "Vs 4400 _MI_VISIBLE_STATE;",
	 "ISF:32C1A669D5FFEFD41091F636CFDB6E99-1"},
	{LAB_ARCH_X64, 22621, 22621, "_MI_SYSTEM_INFORMATION", 0x5100,
	 "Pools 0 _MI_POOL_STATE;Hardware 1680 _MI_HARDWARE_STATE;SystemVa 2840 _MI_SYSTEM_VA_STATE;"
	 "Vs 4400 _MI_VISIBLE_STATE;",
	 "as 22000, with the larger Vs"},
	{LAB_ARCH_X64, 26100, 26101, "_MI_SYSTEM_INFORMATION", 0xc1c0,
	 "Pools 0 _MI_POOL_STATE;Hardware 1080 _MI_HARDWARE_STATE;SystemVa 2380 _MI_SYSTEM_VA_STATE;"
	 "Vs ab00 _MI_VISIBLE_STATE;",
	 "pubpdb:26100-later(ntoskrnlib)"},
	{LAB_ARCH_X64, 10240, 10240, "_MI_HARDWARE_STATE", 0xb8, "SystemNodeInformation 10 p;NodeShift 29 u1;",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 14393, 14393, "_MI_HARDWARE_STATE", 0x110,
	 "SystemNodeInformation 10 p;NodeShift 29 u1;InvalidPteMask 60 u8;", "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 16299, 16299, "_MI_HARDWARE_STATE", 0xf8, "NodeShift 9 u1;SystemNodeInformation 18 p;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 17763, 17763, "_MI_HARDWARE_STATE", 0x180,
	 "NodeShift 9 u1;SystemNodeInformation 18 p;InvalidPteMask 80 u8;", "ISF:A1E1C9A90091DA9805D0EBA0470BEC85-1"},
	{LAB_ARCH_X64, 18362, 18362, "_MI_HARDWARE_STATE", 0x1c0,
	 "NodeShift d u1;SystemNodeInformation 18 p;InvalidPteMask c0 u8;", "ISF:35A038B1F6E2E8CAF642111E6EC66F57-1"},
	{LAB_ARCH_X64, 19041, 19041, "_MI_HARDWARE_STATE", 0x1c0,
	 "NodeShift c u1;SystemNodeInformation 20 p;InvalidPteMask c0 u8;", "ISF:BBED7C2955FBE4522AAA23F4B8677AD9-1"},
	{LAB_ARCH_X64, 26100, 26101, "_MI_HARDWARE_STATE", 0x1300, "SystemNodeNonPagedPool 38 p;",
	 "pubpdb:26100-later(ntoskrnlib)"},
	{LAB_ARCH_X64, 20348, 22621, "_MI_HARDWARE_STATE", 0x11c0,
	 "NodeShift c u1;SystemNodeNonPagedPool 20 p;InvalidPteMask c0 u8;", "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X64, 10240, 14393, "_MI_SYSTEM_NODE_INFORMATION", 0x1a0,
	 "NonPagedPoolLowestPage 108 u8;NonPagedPoolHighestPage 110 u8;AllocatedNonPagedPool 118 u8;"
	 "NonPagedPoolFirstVa 148 p;NonPagedPoolLastVa 150 p;",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 16299, 17763, "_MI_SYSTEM_NODE_INFORMATION", 0x190,
	 "NonPagedPoolLowestPage 100 u8;NonPagedPoolHighestPage 108 u8;AllocatedNonPagedPool 110 u8;"
	 "NonPagedPoolFirstVa 140 p;NonPagedPoolLastVa 148 p;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 18362, 19041, "_MI_SYSTEM_NODE_INFORMATION", 0xb0,
	 "NonPagedPoolFirstVa a0 p;NonPagedPoolLastVa a8 p;", "ISF:35A038B1F6E2E8CAF642111E6EC66F57-1"},
	{LAB_ARCH_X64, 20348, 26101, "_MI_SYSTEM_NODE_INFORMATION", 0x140, "",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X64, 20348, 22621, "_MI_SYSTEM_NODE_NONPAGED_POOL", 0x78,
	 "NonPagedPoolFirstVa 60 p;NonPagedPoolLastVa 68 p;SystemNodeInformation 70 p;",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X64, 26100, 26101, "_MI_SYSTEM_NODE_NONPAGED_POOL", 0x180,
	 "NonPagedPoolFirstVa 68 p;NonPagedPoolLastVa 70 p;SystemNodeInformation 178 p;",
	 "pubpdb:26100-later(ntoskrnlib)"},
	{LAB_ARCH_X64, 10240, 10240, "_MI_SYSTEM_VA_STATE", 0x2c0,
	 "DynamicBitMapPagedPool 100 _MI_DYNAMIC_BITMAP;DynamicBitMapSpecialPool 150 _MI_DYNAMIC_BITMAP;",
	 "vol2:win10_x64_10240_17770"},
	{LAB_ARCH_X64, 14393, 14393, "_MI_SYSTEM_VA_STATE", 0x340,
	 "DynamicBitMapPagedPool 100 _MI_DYNAMIC_BITMAP;DynamicBitMapSpecialPool 150 _MI_DYNAMIC_BITMAP;",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 16299, 16299, "_MI_SYSTEM_VA_STATE", 0x3c0,
	 "DynamicBitMapPagedPool 130 _MI_DYNAMIC_BITMAP;DynamicBitMapSpecialPool 178 _MI_DYNAMIC_BITMAP[2];",
	 "vol2:win10_x64_16299"},
	{LAB_ARCH_X64, 17763, 17763, "_MI_SYSTEM_VA_STATE", 0x500,
	 "DynamicBitMapPagedPool 130 _MI_DYNAMIC_BITMAP;DynamicBitMapSpecialPool 178 _MI_DYNAMIC_BITMAP[2];",
	 "ISF:A1E1C9A90091DA9805D0EBA0470BEC85-1"},
	{LAB_ARCH_X64, 18362, 18362, "_MI_SYSTEM_VA_STATE", 0x480, "DynamicBitMapPagedPool 130 _MI_DYNAMIC_BITMAP;",
	 "ISF:35A038B1F6E2E8CAF642111E6EC66F57-1"},
	{LAB_ARCH_X64, 20348, 22621, "_MI_SYSTEM_VA_STATE", 0x500, "DynamicBitMapPagedPool 178 _MI_DYNAMIC_BITMAP;",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X64, 19041, 19041, "_MI_SYSTEM_VA_STATE", 0x4c0, "DynamicBitMapPagedPool 130 _MI_DYNAMIC_BITMAP;",
	 "ISF:BBED7C2955FBE4522AAA23F4B8677AD9-1"},
	{LAB_ARCH_X64, 26100, 26101, "_MI_SYSTEM_VA_STATE", 0x1040, "DynamicBitMapPagedPool 178 _MI_DYNAMIC_BITMAP;",
	 "pubpdb:26100-later(ntoskrnlib)"},
	{LAB_ARCH_X64, 6000, 7601, "_RTL_BITMAP", 0x10, "SizeOfBitMap 0 u4;Buffer 8 p;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X86, 6000, 7601, "_RTL_BITMAP", 8, "SizeOfBitMap 0 u4;Buffer 4 p;", "vol2:win7_sp0_x86"},
	{LAB_ARCH_X64, 6000, 6002, "_MI_SPECIAL_POOL", 0x30,
	 "PteBase 0 p;PagesInUse 18 u8;SpecialPoolPdes 20 _RTL_BITMAP;", "vol2:vista_sp0_x64"},
	{LAB_ARCH_X64, 7600, 7601, "_MI_SPECIAL_POOL", 0x48,
	 "PteBase 0 p;PagesInUse 30 u8;SpecialPoolPdes 38 _RTL_BITMAP;", "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 9200, 14393, "_MI_SPECIAL_POOL", 0x50, "PagesInUse 38 u8;",
	 "ISF:22597D0B40394E23936F6A24C6C52D5B-1"},
	{LAB_ARCH_X64, 15063, 17763, "_MI_SPECIAL_POOL", 0x40, "PagesInUse 38 u8;",
	 "ISF:A1E1C9A90091DA9805D0EBA0470BEC85-1"},
	{LAB_ARCH_X86, 7600, 7601, "_MI_SPECIAL_POOL", 0x24,
	 "PteBase 0 p;PagesInUse 18 u4;SpecialPoolPdes 1c _RTL_BITMAP;", "vol2:win7_sp0_x86"},
	{LAB_ARCH_X64, 10240, 14393, "_MI_DYNAMIC_BITMAP", 0x50, "MaximumSize 10 u8;BaseVa 20 p;",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 16299, 26101, "_MI_DYNAMIC_BITMAP", 0x48, "MaximumSize 10 u8;BaseVa 20 p;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 10240, 10240, "_MI_POOL_STATE", 0xf0, "AllocatedNonPagedPool 18 u8;",
	 "vol2:win10_x64_10240_17770"},
	{LAB_ARCH_X64, 14393, 14393, "_MI_POOL_STATE", 0xf8, "AllocatedNonPagedPool 18 u8;",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 16299, 16299, "_MI_POOL_STATE", 0xe8, "AllocatedNonPagedPool 18 u8;", "vol2:win10_x64_15063"},
	{LAB_ARCH_X64, 17763, 17763, "_MI_POOL_STATE", 0x148, "AllocatedNonPagedPool 18 u8;",
	 "ISF:A1E1C9A90091DA9805D0EBA0470BEC85-1"},
	{LAB_ARCH_X64, 18362, 18362, "_MI_POOL_STATE", 0xa0, "AllocatedNonPagedPool 8 u8;",
	 "ISF:35A038B1F6E2E8CAF642111E6EC66F57-1"},
	{LAB_ARCH_X64, 20348, 22621, "_MI_POOL_STATE", 0xa8, "AllocatedNonPagedPool 8 u8;",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X64, 19041, 19041, "_MI_POOL_STATE", 0xa8, "AllocatedNonPagedPool 8 u8;",
	 "ISF:BBED7C2955FBE4522AAA23F4B8677AD9-1"},
	{LAB_ARCH_X64, 26100, 26101, "_MI_POOL_STATE", 0x1c0, "AllocatedNonPagedPool 8 u8;",
	 "pubpdb:26100-later(ntoskrnlib)"},
	{LAB_ARCH_X64, 10240, 10240, "_MI_VISIBLE_STATE", 0x640,
	 "SpecialPool 0 _MI_SPECIAL_POOL;PagedPoolInfo 68 _MM_PAGED_POOL_INFO;MaximumNonPagedPoolInPages a0 u8;"
	 "SizeOfPagedPoolInPages a8 u8;NonPagedPoolCommit 110 u8;SystemVaTypeCount 5b8 u8[14];",
	 "vol2:win10_x64_10240_17770"},
	{LAB_ARCH_X64, 14393, 14393, "_MI_VISIBLE_STATE", 0x840,
	 "SpecialPool 0 _MI_SPECIAL_POOL;PagedPoolInfo 68 _MM_PAGED_POOL_INFO;MaximumNonPagedPoolInPages a0 u8;"
	 "SizeOfPagedPoolInPages a8 u8;NonPagedPoolCommit 118 u8;SystemVaTypeCount 6f0 u8[14];"
	 "SystemVaRegions 760 _MI_SYSTEM_VA_ASSIGNMENT[14];",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 16299, 16299, "_MI_VISIBLE_STATE", 0x900,
	 "SpecialPool 0 _MI_SPECIAL_POOL;PagedPoolInfo 58 _MM_PAGED_POOL_INFO;MaximumNonPagedPoolInPages 90 u8;"
	 "SizeOfPagedPoolInPages 98 u8;NonPagedPoolCommit 108 u8;SystemVaTypeCount 690 u8[16];"
	 "SystemVaType 710 u1[256];SystemVaRegions 810 _MI_SYSTEM_VA_ASSIGNMENT[14];",
	 "vol2:win10_x64_16299"},
	{LAB_ARCH_X64, 17763, 17763, "_MI_VISIBLE_STATE", 0xc40,
	 "SpecialPool 0 _MI_SPECIAL_POOL;PagedPoolInfo 58 _MM_PAGED_POOL_INFO;MaximumNonPagedPoolInPages 90 u8;"
	 "SizeOfPagedPoolInPages 98 u8;NonPagedPoolCommit 100 u8;SystemVaTypeCount 9d0 u8[16];"
	 "SystemVaType a50 u1[256];SystemVaRegions b50 _MI_SYSTEM_VA_ASSIGNMENT[14];",
	 "ISF:A1E1C9A90091DA9805D0EBA0470BEC85-1"},
	{LAB_ARCH_X64, 18362, 18362, "_MI_VISIBLE_STATE", 0xc80,
	 "PagedPoolInfo 18 _MM_PAGED_POOL_INFO;MaximumNonPagedPoolInPages 30 u8;"
	 "SizeOfPagedPoolInPages 38 u8;NonPagedPoolCommit a0 u8;SystemVaTypeCount a48 u8[15];"
	 "SystemVaType ac0 u1[256];SystemVaRegions bc0 _MI_SYSTEM_VA_ASSIGNMENT[12];",
	 "ISF:35A038B1F6E2E8CAF642111E6EC66F57-1"},
	{LAB_ARCH_X64, 20348, 20348, "_MI_VISIBLE_STATE", 0xcc0,
	 "PagedPoolInfo 18 _MM_PAGED_POOL_INFO;MaximumNonPagedPoolInPages 30 u8;"
	 "SizeOfPagedPoolInPages 38 u8;NonPagedPoolCommit a0 u8;SystemVaTypeCount a48 u8[17];"
	 "SystemVaType ad0 u1[256];SystemVaRegions bd0 _MI_SYSTEM_VA_ASSIGNMENT[14];",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X64, 22000, 22000, "_MI_VISIBLE_STATE", 0xcc0,
	 "PagedPoolInfo 18 _MM_PAGED_POOL_INFO;MaximumNonPagedPoolInPages 30 u8;"
	 "SizeOfPagedPoolInPages 38 u8;NonPagedPoolCommit 98 u8;SystemVaTypeCount a48 u8[17];"
	 "SystemVaType ad0 u1[256];SystemVaRegions bd0 _MI_SYSTEM_VA_ASSIGNMENT[14];",
	 "ISF:32C1A669D5FFEFD41091F636CFDB6E99-1"},
	{LAB_ARCH_X64, 19041, 19041, "_MI_VISIBLE_STATE", 0xcc0,
	 "PagedPoolInfo 18 _MM_PAGED_POOL_INFO;MaximumNonPagedPoolInPages 30 u8;"
	 "SizeOfPagedPoolInPages 38 u8;NonPagedPoolCommit a0 u8;SystemVaTypeCount a48 u8[16];"
	 "SystemVaType ac8 u1[256];SystemVaRegions bc8 _MI_SYSTEM_VA_ASSIGNMENT[13];",
	 "ISF:BBED7C2955FBE4522AAA23F4B8677AD9-1"},
	{LAB_ARCH_X64, 22621, 22621, "_MI_VISIBLE_STATE", 0xd00,
	 "PagedPoolInfo 18 _MM_PAGED_POOL_INFO;MaximumNonPagedPoolInPages 30 u8;"
	 "SizeOfPagedPoolInPages 38 u8;NonPagedPoolCommit 98 u8;SystemVaTypeCount a48 u8[18];"
	 "SystemVaType ad8 u1[256];SystemVaRegions bd8 _MI_SYSTEM_VA_ASSIGNMENT[15];",
	 "ntdiff:Win11_2209_22H2/x64/ntoskrnl.exe"},
	{LAB_ARCH_X64, 26100, 26101, "_MI_VISIBLE_STATE", 0x16c0,
	 "PagedPoolInfo 0 _MM_PAGED_POOL_INFO;MaximumNonPagedPoolInPages 18 u8;"
	 "SizeOfPagedPoolInPages 20 u8;NonPagedPoolCommit 88 u8;SystemVaTypeCount 13c8 u8[20];"
	 "SystemVaType 1468 u1[256];SystemVaRegions 1568 _MI_SYSTEM_VA_ASSIGNMENT[18];",
	 "ntdiff:Win11_2409_24H2/x64/ntoskrnl.exe"},
	{LAB_ARCH_X86, 2600, 2600, "_MM_PAGED_POOL_INFO", 0x24, "PagedPoolCommit 1c u4;AllocatedPagedPool 20 u4;",
	 "vol2:xp_sp2_x86"},
	{LAB_ARCH_X86, 3790, 3790, "_MM_PAGED_POOL_INFO", 0x20, "PagedPoolCommit 18 u4;AllocatedPagedPool 1c u4;",
	 "vol2:win2003_sp0_x86"},
	{LAB_ARCH_X86, 7601, 7601, "_MM_PAGED_POOL_INFO", 0x38, "PagedPoolCommit 30 u4;AllocatedPagedPool 34 u4;",
	 "vol2:vista_sp0_x86"},
	{LAB_ARCH_X64, 3790, 3790, "_MM_PAGED_POOL_INFO", 0x40, "PagedPoolCommit 30 u8;AllocatedPagedPool 38 u8;",
	 "vol2:win2003_sp1_x64"},
	{LAB_ARCH_X64, 6002, 7601, "_MM_PAGED_POOL_INFO", 0x68, "PagedPoolCommit 58 u8;AllocatedPagedPool 60 u8;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 9600, 9600, "_MM_PAGED_POOL_INFO", 0x68, "AllocatedPagedPool 60 u8;",
	 "ISF:22597D0B40394E23936F6A24C6C52D5B-1"},
	{LAB_ARCH_X64, 10240, 17763, "_MM_PAGED_POOL_INFO", 0x38, "AllocatedPagedPool 30 u8;",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 18362, 26101, "_MM_PAGED_POOL_INFO", 0x18, "AllocatedPagedPool 10 u8;",
	 "ISF:35A038B1F6E2E8CAF642111E6EC66F57-1"},
	{0},
};
