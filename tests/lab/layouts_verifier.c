/* SPDX-License-Identifier: MIT */
/* Layouts of Driver Verifier's records (pool.md 8), for machines on which it was on. Notation: layouts_pool.c. */
#include "builds.h"

const struct lab_layout lab_layouts_verifier[] = {
	{LAB_ARCH_X86, 2600, 2600, "_MI_VERIFIER_DRIVER_ENTRY", 0x60,
	 "Links 0 _LIST_ENTRY;Loads 8 u4;Unloads c u4;BaseName 10 _UNICODE_STRING;StartAddress 18 p;"
	 "EndAddress 1c p;Flags 20 u4;Signature 24 u4;PoolHash 30 p;PoolHashSize 34 u4;"
	 "PoolHashFree 38 u4;CurrentPagedPoolAllocations 40 u4;CurrentNonPagedPoolAllocations 44 u4;"
	 "PeakPagedPoolAllocations 48 u4;PeakNonPagedPoolAllocations 4c u4;PagedBytes 50 u4;"
	 "NonPagedBytes 54 u4;PeakPagedBytes 58 u4;PeakNonPagedBytes 5c u4;",
	 "vol2:xp_sp2_x86"},
	{LAB_ARCH_X86, 3790, 3790, "_MI_VERIFIER_DRIVER_ENTRY", 0x58,
	 "Links 0 _LIST_ENTRY;Loads 8 u4;Unloads c u4;BaseName 10 _UNICODE_STRING;StartAddress 18 p;"
	 "EndAddress 1c p;Flags 20 u4;Signature 24 u4;PoolPageHeaders 28 _SLIST_HEADER;"
	 "PoolTrackers 30 _SLIST_HEADER;CurrentPagedPoolAllocations 38 u4;"
	 "CurrentNonPagedPoolAllocations 3c u4;PeakPagedPoolAllocations 40 u4;"
	 "PeakNonPagedPoolAllocations 44 u4;PagedBytes 48 u4;NonPagedBytes 4c u4;"
	 "PeakPagedBytes 50 u4;PeakNonPagedBytes 54 u4;",
	 "vol2:win2003_sp0_x86"},
	{LAB_ARCH_X64, 3790, 6002, "_MI_VERIFIER_DRIVER_ENTRY", 0xa0,
	 "Links 0 _LIST_ENTRY;Loads 10 u4;Unloads 14 u4;BaseName 18 _UNICODE_STRING;"
	 "StartAddress 28 p;EndAddress 30 p;Flags 38 u4;Signature 40 u8;"
	 "PoolPageHeaders 50 _SLIST_HEADER;PoolTrackers 60 _SLIST_HEADER;"
	 "CurrentPagedPoolAllocations 70 u4;CurrentNonPagedPoolAllocations 74 u4;"
	 "PeakPagedPoolAllocations 78 u4;PeakNonPagedPoolAllocations 7c u4;PagedBytes 80 u8;"
	 "NonPagedBytes 88 u8;PeakPagedBytes 90 u8;PeakNonPagedBytes 98 u8;",
	 "vol2:win2003_sp1_x64"},
	{LAB_ARCH_X86, 7601, 7601, "_VF_TARGET_DRIVER", 0x18,
	 "TreeNode 0 _VF_AVL_TREE_NODE;VerifiedData 14 p;",
	 "vol2:win7_sp0_x86"},
	{LAB_ARCH_X64, 7601, 7601, "_VF_TARGET_DRIVER", 0x30,
	 "TreeNode 0 _VF_AVL_TREE_NODE;VerifiedData 28 p;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 9600, 10240, "_VF_TARGET_DRIVER", 0x38,
	 "TreeNode 0 _VF_AVL_TREE_NODE;VerifiedData 30 p;",
	 "ISF:22597D0B40394E23936F6A24C6C52D5B-1"},
	{LAB_ARCH_X64, 14393, 19041, "_VF_TARGET_DRIVER", 0x40,
	 "VerifiedData 38 p;",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 20348, 20348, "_VF_TARGET_DRIVER", 0x38,
	 "VerifiedData 30 p;",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X64, 22000, 22621, "_VF_TARGET_DRIVER", 0x40,
	 "DriverObject 30 p;VerifiedData 38 p;",
	 "ISF:32C1A669D5FFEFD41091F636CFDB6E99-1"},
	{LAB_ARCH_X64, 26100, 26101, "_VF_TARGET_DRIVER", 0x48,
	 "TreeNode 0 _VF_AVL_TREE_NODE;u1 10 u8;DriverObject 28 p;Callbacks 30 p;"
	 "AssignedPluginId 38 u4;VerifiedData 40 p;",
	 "ntdiff:Win11_2409_24H2/x64/ntoskrnl.exe"},
	{LAB_ARCH_X86, 7601, 7601, "_VF_TARGET_VERIFIED_DRIVER_DATA", 0x90,
	 "SuspectDriverEntry 0 p;Signature 14 u4;PoolPageHeaders 18 _SLIST_HEADER;"
	 "PoolTrackers 20 _SLIST_HEADER;CurrentPagedPoolAllocations 28 u4;"
	 "CurrentNonPagedPoolAllocations 2c u4;PeakPagedPoolAllocations 30 u4;"
	 "PeakNonPagedPoolAllocations 34 u4;PagedBytes 38 u4;NonPagedBytes 3c u4;"
	 "PeakPagedBytes 40 u4;PeakNonPagedBytes 44 u4;",
	 "vol2:win7_sp0_x86"},
	{LAB_ARCH_X64, 7601, 9600, "_VF_TARGET_VERIFIED_DRIVER_DATA", 0x100,
	 "SuspectDriverEntry 0 p;Signature 28 u8;PoolPageHeaders 30 _SLIST_HEADER;"
	 "PoolTrackers 40 _SLIST_HEADER;CurrentPagedPoolAllocations 50 u4;"
	 "CurrentNonPagedPoolAllocations 54 u4;PeakPagedPoolAllocations 58 u4;"
	 "PeakNonPagedPoolAllocations 5c u4;PagedBytes 60 u8;NonPagedBytes 68 u8;"
	 "PeakPagedBytes 70 u8;PeakNonPagedBytes 78 u8;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 10240, 10240, "_VF_TARGET_VERIFIED_DRIVER_DATA", 0x110,
	 "SuspectDriverEntry 0 p;Signature 28 u8;PoolPageHeaders 30 _SLIST_HEADER;"
	 "PoolTrackers 40 _SLIST_HEADER;CurrentPagedPoolAllocations 50 u4;"
	 "CurrentNonPagedPoolAllocations 54 u4;PeakPagedPoolAllocations 58 u4;"
	 "PeakNonPagedPoolAllocations 5c u4;PagedBytes 60 u8;NonPagedBytes 68 u8;"
	 "PeakPagedBytes 70 u8;PeakNonPagedBytes 78 u8;",
	 "vol2:win10_x64_10240_17770"},
	{LAB_ARCH_X64, 14393, 16299, "_VF_TARGET_VERIFIED_DRIVER_DATA", 0x120,
	 "SuspectDriverEntry 0 p;Signature 28 u8;PoolPageHeaders 30 _SLIST_HEADER;"
	 "PoolTrackers 40 _SLIST_HEADER;CurrentPagedPoolAllocations 50 u4;"
	 "CurrentNonPagedPoolAllocations 54 u4;PeakPagedPoolAllocations 58 u4;"
	 "PeakNonPagedPoolAllocations 5c u4;PagedBytes 60 u8;NonPagedBytes 68 u8;"
	 "PeakPagedBytes 70 u8;PeakNonPagedBytes 78 u8;",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 17763, 18362, "_VF_TARGET_VERIFIED_DRIVER_DATA", 0x120,
	 "SuspectDriverEntry 0 p;Signature 28 u8;PoolPageHeaders 40 _SLIST_HEADER;"
	 "PoolTrackers 50 _SLIST_HEADER;CurrentPagedPoolAllocations 60 u4;"
	 "CurrentNonPagedPoolAllocations 64 u4;PeakPagedPoolAllocations 68 u4;"
	 "PeakNonPagedPoolAllocations 6c u4;PagedBytes 70 u8;NonPagedBytes 78 u8;"
	 "PeakPagedBytes 80 u8;PeakNonPagedBytes 88 u8;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 19041, 19041, "_VF_TARGET_VERIFIED_DRIVER_DATA", 0x130,
	 "SuspectDriverEntry 0 p;Signature 28 u8;PoolPageHeaders 40 _SLIST_HEADER;"
	 "PoolTrackers 50 _SLIST_HEADER;CurrentPagedPoolAllocations 68 u4;"
	 "CurrentNonPagedPoolAllocations 6c u4;PeakPagedPoolAllocations 70 u4;"
	 "PeakNonPagedPoolAllocations 74 u4;PagedBytes 78 u8;NonPagedBytes 80 u8;"
	 "PeakPagedBytes 88 u8;PeakNonPagedBytes 90 u8;",
	 "ISF:BBED7C2955FBE4522AAA23F4B8677AD9-1"},
	{LAB_ARCH_X64, 20348, 22621, "_VF_TARGET_VERIFIED_DRIVER_DATA", 0x130,
	 "SuspectDriverEntry 0 p;Signature 28 u8;PoolPageHeaders 40 _SLIST_HEADER;"
	 "PoolTrackers 50 _SLIST_HEADER;CurrentPagedPoolAllocations 70 u4;"
	 "CurrentNonPagedPoolAllocations 74 u4;PeakPagedPoolAllocations 78 u4;"
	 "PeakNonPagedPoolAllocations 7c u4;PagedBytes 80 u8;NonPagedBytes 88 u8;"
	 "PeakPagedBytes 90 u8;PeakNonPagedBytes 98 u8;",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X64, 26100, 26101, "_VF_TARGET_VERIFIED_DRIVER_DATA", 0x120,
	 "SuspectDriverEntry 0 p;Signature 28 u8;PoolPageHeaders 40 _SLIST_HEADER;"
	 "PoolTrackers 50 _SLIST_HEADER;CurrentPagedPoolAllocations 70 u4;"
	 "CurrentNonPagedPoolAllocations 74 u4;PeakPagedPoolAllocations 78 u4;"
	 "PeakNonPagedPoolAllocations 7c u4;PagedBytes 80 u8;NonPagedBytes 88 u8;"
	 "PeakPagedBytes 90 u8;PeakNonPagedBytes 98 u8;",
	 "ntdiff:Win11_2409_24H2/x64/ntoskrnl.exe"},
	{LAB_ARCH_X86, 7601, 7601, "_VF_SUSPECT_DRIVER_ENTRY", 0x18,
	 "Links 0 _LIST_ENTRY;Loads 8 u4;Unloads c u4;BaseName 10 _UNICODE_STRING;",
	 "vol2:win7_sp0_x86"},
	{LAB_ARCH_X64, 7601, 22621, "_VF_SUSPECT_DRIVER_ENTRY", 0x28,
	 "Links 0 _LIST_ENTRY;Loads 10 u4;Unloads 14 u4;BaseName 18 _UNICODE_STRING;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 26100, 26101, "_VF_SUSPECT_DRIVER_ENTRY", 0x38,
	 "Links 0 _LIST_ENTRY;Loads 10 u4;Unloads 14 u4;FullName 18 _UNICODE_STRING;"
	 "BaseName 28 _UNICODE_STRING;",
	 "ntdiff:Win11_2409_24H2/x64/ntoskrnl.exe"},
	{LAB_ARCH_X86, 7601, 7601, "_VF_AVL_TREE", 0x40,
	 "Lock 0 u4;NodeToFree 4 p;NodeRangeSize 8 u4;NodeCount c u4;Tables 10 p;TablesNo 14 u4;",
	 "vol2:win7_sp0_x86"},
	{LAB_ARCH_X64, 7601, 7601, "_VF_AVL_TREE", 0x40,
	 "Lock 0 u4;NodeToFree 8 p;NodeRangeSize 10 u8;NodeCount 18 u8;Tables 20 p;TablesNo 28 u4;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 9600, 10240, "_VF_AVL_TREE", 0x20,
	 "NodeRangeSize 0 u8;NodeCount 8 u8;Tables 10 p;TablesNo 18 u4;",
	 "ISF:22597D0B40394E23936F6A24C6C52D5B-1"},
	{LAB_ARCH_X64, 14393, 22621, "_VF_AVL_TREE", 0x28,
	 "NodeRangeSize 0 u8;NodeCount 8 u8;Tables 10 p;TablesNo 18 u4;UseSessionId 1c u1;",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 26100, 26101, "_VF_AVL_TREE", 0x20,
	 "NodeRangeSize 0 u8;NodeCount 8 u8;Tables 10 p;TablesNo 18 u4;u1 1c u8;",
	 "ntdiff:Win11_2409_24H2/x64/ntoskrnl.exe"},
	{LAB_ARCH_X86, 7601, 7601, "_VF_AVL_TABLE", 0x3c,
	 "RtlTable 0 _RTL_AVL_TABLE;ReservedNode 38 p;",
	 "vol2:win7_sp0_x86"},
	{LAB_ARCH_X64, 7601, 7601, "_VF_AVL_TABLE", 0x70,
	 "RtlTable 0 _RTL_AVL_TABLE;ReservedNode 68 p;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 9600, 22621, "_VF_AVL_TABLE", 0xc0,
	 "RtlTable 0 _RTL_AVL_TABLE;ReservedNode 68 p;NodeToFree 70 p;Lock 80 u4;",
	 "ISF:22597D0B40394E23936F6A24C6C52D5B-1"},
	{LAB_ARCH_X64, 26100, 26101, "_VF_AVL_TABLE", 0xc0,
	 "RtlTable 0 _RTL_AVL_TABLE;ReservedNode 68 p;NodeToFree 70 p;Lock 80 u4;"
	 "ExclusiveOwnerThread 88 p;",
	 "ntdiff:Win11_2409_24H2/x64/ntoskrnl.exe"},
	{LAB_ARCH_ARM64, 26100, 26100, "_VF_AVL_TABLE", 0x100,
	 "RtlTable 0 _RTL_AVL_TABLE;ReservedNode 68 p;NodeToFree 70 p;Lock 80 u4;"
	 "ExclusiveOwnerThread 88 p;",
	 "ntdiff:Win11_2409_24H2/ARM64/ntoskrnl.exe"},
	{LAB_ARCH_X86, 7601, 7601, "_VF_POOL_TRACE", 0x40,
	 "Address 0 p;Size 4 u4;Thread 8 p;StackTrace c p[13];",
	 "vol2:vista_sp0_x86"},
	{LAB_ARCH_X64, 6002, 20348, "_VF_POOL_TRACE", 0x80,
	 "Address 0 p;Size 8 u8;Thread 10 p;StackTrace 18 p[13];",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 22000, 26101, "_VF_POOL_TRACE", 0x1a8,
	 "Address 0 p;Size 8 u8;Thread 10 p;StackTrace 18 p[50];",
	 "ISF:32C1A669D5FFEFD41091F636CFDB6E99-1"},
	{LAB_ARCH_X86, 2600, 3790, "_MM_DRIVER_VERIFIER_DATA", 0x70,
	 "Level 0 u4;RaiseIrqls 4 u4;AcquireSpinLocks 8 u4;SynchronizeExecutions c u4;"
	 "AllocationsAttempted 10 u4;AllocationsSucceeded 14 u4;"
	 "AllocationsSucceededSpecialPool 18 u4;AllocationsWithNoTag 1c u4;Trims 24 u4;"
	 "AllocationsFailed 28 u4;AllocationsFailedDeliberately 2c u4;Loads 30 u4;Unloads 34 u4;"
	 "UnTrackedPool 38 u4;CurrentPagedPoolAllocations 40 u4;CurrentNonPagedPoolAllocations 44 u4;"
	 "PeakPagedPoolAllocations 48 u4;PeakNonPagedPoolAllocations 4c u4;PagedBytes 50 u4;"
	 "NonPagedBytes 54 u4;PeakPagedBytes 58 u4;PeakNonPagedBytes 5c u4;",
	 "vol2:xp_sp2_x86"},
	{LAB_ARCH_X86, 7601, 7601, "_MM_DRIVER_VERIFIER_DATA", 0x84,
	 "Level 0 u4;RaiseIrqls 4 u4;AcquireSpinLocks 8 u4;SynchronizeExecutions c u4;"
	 "AllocationsAttempted 10 u4;AllocationsSucceeded 14 u4;"
	 "AllocationsSucceededSpecialPool 18 u4;AllocationsWithNoTag 1c u4;Trims 24 u4;"
	 "AllocationsFailed 28 u4;AllocationsFailedDeliberately 2c u4;Loads 30 u4;Unloads 34 u4;"
	 "UnTrackedPool 38 u4;CurrentPagedPoolAllocations 40 u4;CurrentNonPagedPoolAllocations 44 u4;"
	 "PeakPagedPoolAllocations 48 u4;PeakNonPagedPoolAllocations 4c u4;PagedBytes 50 u4;"
	 "NonPagedBytes 54 u4;PeakPagedBytes 58 u4;PeakNonPagedBytes 5c u4;",
	 "vol2:win7_sp0_x86"},
	{LAB_ARCH_X64, 3790, 3790, "_MM_DRIVER_VERIFIER_DATA", 0x80,
	 "Level 0 u4;RaiseIrqls 4 u4;AcquireSpinLocks 8 u4;SynchronizeExecutions c u4;"
	 "AllocationsAttempted 10 u4;AllocationsSucceeded 14 u4;"
	 "AllocationsSucceededSpecialPool 18 u4;AllocationsWithNoTag 1c u4;Trims 24 u4;"
	 "AllocationsFailed 28 u4;AllocationsFailedDeliberately 2c u4;Loads 30 u4;Unloads 34 u4;"
	 "UnTrackedPool 38 u4;CurrentPagedPoolAllocations 40 u4;CurrentNonPagedPoolAllocations 44 u4;"
	 "PeakPagedPoolAllocations 48 u4;PeakNonPagedPoolAllocations 4c u4;PagedBytes 50 u8;"
	 "NonPagedBytes 58 u8;PeakPagedBytes 60 u8;PeakNonPagedBytes 68 u8;",
	 "vol2:win2003_sp1_x64"},
	{LAB_ARCH_X64, 6002, 6002, "_MM_DRIVER_VERIFIER_DATA", 0x90,
	 "Level 0 u4;RaiseIrqls 4 u4;AcquireSpinLocks 8 u4;SynchronizeExecutions c u4;"
	 "AllocationsAttempted 10 u4;AllocationsSucceeded 14 u4;"
	 "AllocationsSucceededSpecialPool 18 u4;AllocationsWithNoTag 1c u4;Trims 24 u4;"
	 "AllocationsFailed 28 u4;AllocationsFailedDeliberately 2c u4;Loads 30 u4;Unloads 34 u4;"
	 "UnTrackedPool 38 u4;CurrentPagedPoolAllocations 40 u4;CurrentNonPagedPoolAllocations 44 u4;"
	 "PeakPagedPoolAllocations 48 u4;PeakNonPagedPoolAllocations 4c u4;PagedBytes 50 u8;"
	 "NonPagedBytes 58 u8;PeakPagedBytes 60 u8;PeakNonPagedBytes 68 u8;",
	 "vol2:vista_sp1_x64"},
	{LAB_ARCH_X64, 7601, 9600, "_MM_DRIVER_VERIFIER_DATA", 0xa0,
	 "Level 0 u4;RaiseIrqls 4 u4;AcquireSpinLocks 8 u4;SynchronizeExecutions c u4;"
	 "AllocationsAttempted 10 u4;AllocationsSucceeded 14 u4;"
	 "AllocationsSucceededSpecialPool 18 u4;AllocationsWithNoTag 1c u4;Trims 24 u4;"
	 "AllocationsFailed 28 u4;AllocationsFailedDeliberately 2c u4;Loads 30 u4;Unloads 34 u4;"
	 "UnTrackedPool 38 u4;CurrentPagedPoolAllocations 40 u4;CurrentNonPagedPoolAllocations 44 u4;"
	 "PeakPagedPoolAllocations 48 u4;PeakNonPagedPoolAllocations 4c u4;PagedBytes 50 u8;"
	 "NonPagedBytes 58 u8;PeakPagedBytes 60 u8;PeakNonPagedBytes 68 u8;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X64, 10240, 10240, "_MM_DRIVER_VERIFIER_DATA", 0xa8,
	 "Level 0 u4;RaiseIrqls 4 u4;AcquireSpinLocks 8 u4;SynchronizeExecutions c u4;"
	 "AllocationsAttempted 10 u4;AllocationsSucceeded 14 u4;"
	 "AllocationsSucceededSpecialPool 18 u4;AllocationsWithNoTag 1c u4;Trims 24 u4;"
	 "AllocationsFailed 28 u4;AllocationsFailedDeliberately 2c u4;Loads 30 u4;Unloads 34 u4;"
	 "UnTrackedPool 38 u4;CurrentPagedPoolAllocations 40 u4;CurrentNonPagedPoolAllocations 44 u4;"
	 "PeakPagedPoolAllocations 48 u4;PeakNonPagedPoolAllocations 4c u4;PagedBytes 50 u8;"
	 "NonPagedBytes 58 u8;PeakPagedBytes 60 u8;PeakNonPagedBytes 68 u8;",
	 "vol2:win10_x64_10240_17770"},
	{LAB_ARCH_X64, 14393, 16299, "_MM_DRIVER_VERIFIER_DATA", 0xb0,
	 "Level 0 u4;RaiseIrqls 4 u4;AcquireSpinLocks 8 u4;SynchronizeExecutions c u4;"
	 "AllocationsAttempted 10 u4;AllocationsSucceeded 14 u4;"
	 "AllocationsSucceededSpecialPool 18 u4;AllocationsWithNoTag 1c u4;Trims 24 u4;"
	 "AllocationsFailed 28 u4;AllocationsFailedDeliberately 2c u4;Loads 30 u4;Unloads 34 u4;"
	 "UnTrackedPool 38 u4;CurrentPagedPoolAllocations 40 u4;CurrentNonPagedPoolAllocations 44 u4;"
	 "PeakPagedPoolAllocations 48 u4;PeakNonPagedPoolAllocations 4c u4;PagedBytes 50 u8;"
	 "NonPagedBytes 58 u8;PeakPagedBytes 60 u8;PeakNonPagedBytes 68 u8;",
	 "ISF:517E128F7B7C4EA79491DE6B9B9CE190-1"},
	{LAB_ARCH_X64, 17763, 19041, "_MM_DRIVER_VERIFIER_DATA", 0xa8,
	 "Level 0 u4;RaiseIrqls 4 u4;AcquireSpinLocks 8 u4;SynchronizeExecutions c u4;"
	 "AllocationsAttempted 10 u4;AllocationsSucceeded 14 u4;"
	 "AllocationsSucceededSpecialPool 18 u4;AllocationsWithNoTag 1c u4;Trims 24 u4;"
	 "AllocationsFailed 28 u4;AllocationsFailedDeliberately 2c u4;Loads 30 u4;Unloads 34 u4;"
	 "UnTrackedPool 38 u4;CurrentPagedPoolAllocations 40 u4;CurrentNonPagedPoolAllocations 44 u4;"
	 "PeakPagedPoolAllocations 48 u4;PeakNonPagedPoolAllocations 4c u4;PagedBytes 50 u8;"
	 "NonPagedBytes 58 u8;PeakPagedBytes 60 u8;PeakNonPagedBytes 68 u8;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 20348, 22000, "_MM_DRIVER_VERIFIER_DATA", 0xb0,
	 "Level 0 u4;RaiseIrqls 4 u4;AcquireSpinLocks 8 u4;SynchronizeExecutions c u4;"
	 "AllocationsAttempted 10 u4;AllocationsSucceeded 14 u4;"
	 "AllocationsSucceededSpecialPool 18 u4;AllocationsWithNoTag 1c u4;Trims 24 u4;"
	 "AllocationsFailed 28 u4;AllocationsFailedDeliberately 2c u4;AllocationFreed 30 u4;"
	 "Loads 34 u4;Unloads 38 u4;UnTrackedPool 3c u4;CurrentPagedPoolAllocations 44 u4;"
	 "CurrentNonPagedPoolAllocations 48 u4;PeakPagedPoolAllocations 4c u4;"
	 "PeakNonPagedPoolAllocations 50 u4;PagedBytes 58 u8;NonPagedBytes 60 u8;"
	 "PeakPagedBytes 68 u8;PeakNonPagedBytes 70 u8;",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X64, 26101, 26101, "_MM_DRIVER_VERIFIER_DATA", 0x98,
	 "Level 0 u4;RaiseIrqls 4 u4;AcquireSpinLocks 8 u4;SynchronizeExecutions c u4;"
	 "AllocationsAttempted 10 u4;AllocationsSucceeded 14 u4;"
	 "AllocationsSucceededSpecialPool 18 u4;AllocationsWithNoTag 1c u4;Trims 24 u4;"
	 "AllocationsFailed 28 u4;AllocationsFailedDeliberately 2c u4;AllocationFreed 30 u4;"
	 "Loads 34 u4;Unloads 38 u4;UnTrackedPool 3c u4;CurrentPagedPoolAllocations 44 u4;"
	 "CurrentNonPagedPoolAllocations 48 u4;PeakPagedPoolAllocations 4c u4;"
	 "PeakNonPagedPoolAllocations 50 u4;PagedBytes 58 u8;NonPagedBytes 60 u8;"
	 "PeakPagedBytes 68 u8;PeakNonPagedBytes 70 u8;",
	 "pubpdb:26100-later(ntoskrnlib)"},
	{LAB_ARCH_X86, 7601, 7601, "_RTL_AVL_TABLE", 0x38,
	 "BalancedRoot 0 _RTL_BALANCED_LINKS;OrderedPointer 10 p;WhichOrderedElement 14 u4;"
	 "NumberGenericTableElements 18 u4;DepthOfTree 1c u4;RestartKey 20 p;DeleteCount 24 u4;"
	 "CompareRoutine 28 p;AllocateRoutine 2c p;FreeRoutine 30 p;TableContext 34 p;",
	 "vol2:vista_sp0_x86"},
	{LAB_ARCH_X64, 6002, 26101, "_RTL_AVL_TABLE", 0x68,
	 "BalancedRoot 0 _RTL_BALANCED_LINKS;OrderedPointer 20 p;WhichOrderedElement 28 u4;"
	 "NumberGenericTableElements 2c u4;DepthOfTree 30 u4;RestartKey 38 p;DeleteCount 40 u4;"
	 "CompareRoutine 48 p;AllocateRoutine 50 p;FreeRoutine 58 p;TableContext 60 p;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X86, 7601, 7601, "_RTL_BALANCED_LINKS", 0x10,
	 "Parent 0 p;LeftChild 4 p;RightChild 8 p;Balance c u1;Reserved d u1[3];",
	 "vol2:vista_sp0_x86"},
	{LAB_ARCH_X64, 6002, 26101, "_RTL_BALANCED_LINKS", 0x20,
	 "Parent 0 p;LeftChild 8 p;RightChild 10 p;Balance 18 u1;Reserved 19 u1[3];",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X86, 7601, 7601, "_VF_AVL_TREE_NODE", 0x8,
	 "p 0 p;RangeSize 4 u4;",
	 "vol2:win7_sp0_x86"},
	{LAB_ARCH_X64, 7601, 26101, "_VF_AVL_TREE_NODE", 0x10,
	 "p 0 p;RangeSize 8 u8;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X86, 2600, 7601, "_VI_POOL_ENTRY_INUSE", 0x10,
	 "VirtualAddress 0 p;CallingAddress 4 p;NumberOfBytes 8 u4;Tag c u4;",
	 "vol2:xp_sp2_x86"},
	{LAB_ARCH_X64, 3790, 26101, "_VI_POOL_ENTRY_INUSE", 0x20,
	 "VirtualAddress 0 p;CallingAddress 8 p;NumberOfBytes 10 u8;Tag 18 u8;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{LAB_ARCH_X86, 3790, 7601, "_VI_POOL_PAGE_HEADER", 0xc,
	 "NextPage 0 p;VerifierEntry 4 p;Signature 8 u4;",
	 "vol2:win2003_sp0_x86"},
	{LAB_ARCH_X64, 3790, 26101, "_VI_POOL_PAGE_HEADER", 0x18,
	 "NextPage 0 p;VerifierEntry 8 p;Signature 10 u8;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1"},
	{0},
};

const size_t lab_layouts_verifier_n = sizeof lab_layouts_verifier / sizeof lab_layouts_verifier[0];
