/* SPDX-License-Identifier: MIT */
/*
 * Layouts of the segment heap and of what leads to it (pool.md 6).
 *
 * Notation as in layouts_pool.c. Build 26101 stands for the second kernel that calls itself 26100 (pool.md 0).
 * "22621 as 22000": not seen there, taken from the neighbour.
 */
#include "builds.h"

const struct lab_layout lab_layouts_heap[] = {
	{LAB_ARCH_X64, 17763, 17763, "_EX_POOL_HEAP_MANAGER_STATE", 0x86140,
	 "HeapManager 0 _RTLP_HP_HEAP_MANAGER;NumberOfPools 30c8 u4;PoolNode 3100 _EX_HEAP_POOL_NODE[64];"
	 "SpecialHeaps 86100 p[3];",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 18362, 19041, "_EX_POOL_HEAP_MANAGER_STATE", 0x86940,
	 "HeapManager 0 _RTLP_HP_HEAP_MANAGER;NumberOfPools 38d0 u4;PoolNode 3900 _EX_HEAP_POOL_NODE[64];"
	 "SpecialHeaps 86900 p[3];",
	 "ISF:616A94E33A4827B451B0E19C14C03792-1"},
	{LAB_ARCH_X64, 20348, 22621, "_EX_POOL_HEAP_MANAGER_STATE", 0x86940,
	 "HeapManager 0 _RTLP_HP_HEAP_MANAGER;NumberOfPools 38e0 u4;PoolNode 3900 _EX_HEAP_POOL_NODE[64];"
	 "SpecialHeaps 86900 p[4];",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X64, 26100, 26101, "_EX_POOL_HEAP_MANAGER_STATE", 0x86980,
	 "HeapManager 0 _RTLP_HP_HEAP_MANAGER;PrivatePoolListLock 38e0 p;"
	 "PrivatePools 38e8 _LIST_ENTRY[2];PrivatePoolContextCookie 3908 u8;NumberOfPools 3910 u4;"
	 "PoolNode 3940 _EX_HEAP_POOL_NODE[64];SpecialHeaps 86940 p[4];",
	 "ntdiff:Win11_2409_24H2/x64/ntoskrnl.exe"},
	{LAB_ARCH_X64, 17763, 26101, "_EX_HEAP_POOL_NODE", 0x20c0,
	 "Heaps 0 p[4];Lookasides 40 _RTL_DYNAMIC_LOOKASIDE[2];", "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 17763, 17763, "_EX_HEAP_SESSION_STATE", 0x30e8,
	 "HeapManager 0 _RTLP_HP_HEAP_MANAGER;PagedEnv 30c8 u1[16];PagedHeap 30d8 p;"
	 "SpecialPoolHeap 30e0 p;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 18362, 19041, "_EX_HEAP_SESSION_STATE", 0x38f0,
	 "HeapManager 0 _RTLP_HP_HEAP_MANAGER;PagedEnv 38d0 u1[16];PagedHeap 38e0 p;"
	 "SpecialPoolHeap 38e8 p;",
	 "ISF:616A94E33A4827B451B0E19C14C03792-1"},
	{LAB_ARCH_X64, 20348, 26101, "_EX_HEAP_SESSION_STATE", 0x3900,
	 "HeapManager 0 _RTLP_HP_HEAP_MANAGER;PagedEnv 38e0 u1[16];PagedHeap 38f0 p;"
	 "SpecialPoolHeap 38f8 p;",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1; 22621 as 22000"},
	{LAB_ARCH_X64, 17763, 17763, "_RTLP_HP_HEAP_MANAGER", 0x30c8,
	 "Globals 0 p;AllocTracker 8 u1[72];VaMgr 50 u1[12352];MetadataHeaps 3090 u1[48];"
	 "SubAllocConfigs 30c0 u8;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 18362, 19041, "_RTLP_HP_HEAP_MANAGER", 0x38d0,
	 "Globals 0 p;AllocTracker 8 u1[80];VaMgr 58 u1[14400];MetadataHeaps 3898 u1[48];"
	 "SubAllocConfigs 38c8 u8;",
	 "ISF:616A94E33A4827B451B0E19C14C03792-1"},
	{LAB_ARCH_X64, 20348, 26101, "_RTLP_HP_HEAP_MANAGER", 0x38e0,
	 "Globals 0 p;AllocTracker 8 u1[80];VaMgr 58 u1[14400];MetadataHeaps 3898 u1[64];"
	 "SubAllocConfigs 38d8 u8;",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X64, 17763, 19041, "_RTLP_HP_HEAP_GLOBALS", 0x38,
	 "HeapKey 0 u8;LfhKey 8 u8;FailureInfo 10 p;CommitLimitData 18 u1[32];",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 20348, 22621, "_RTLP_HP_HEAP_GLOBALS", 0x40,
	 "HeapKey 0 u8;LfhKey 8 u8;FailureInfo 10 p;CommitLimitData 18 u1[32];Flags 38 u4;",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1; 22621 as 22000"},
	{LAB_ARCH_X64, 26100, 26101, "_RTLP_HP_HEAP_GLOBALS", 0x80,
	 "HeapKey 0 u8;LfhKey 8 u8;FailureInfo 10 p;CommitLimitData 18 u1[16];BMI2Supported 28 u4;"
	 "CpuFeaturesChecked 28 u4;ErmsSupported 28 u4;Flags 28 u4;RandomSeed 40 u8;",
	 "pubpdb:26100-later(ntoskrnlib); 26100 as 26101"},
	{LAB_ARCH_X64, 17763, 19041, "_SEGMENT_HEAP", 0x800,
	 "EnvHandle 0 u1[16];Signature 10 u4;GlobalFlags 14 u4;Interceptor 18 u4;"
	 "ProcessHeapListIndex 1c u2;AllocatedFromMetadata 1e u2 0.1;CommitLimitData 20 u1[32];"
	 "ReservedMustBeZero1 20 u8;UserContext 28 p;ReservedMustBeZero2 30 u8;Spare 38 p;"
	 "LargeMetadataLock 40 u8;LargeAllocMetadata 48 _RTL_RB_TREE;LargeReservedPages 58 u8;"
	 "LargeCommittedPages 60 u8;StackTraceInitVar 68 u8;MemStats 80 _HEAP_RUNTIME_MEMORY_STATS;"
	 "GlobalLockCount d8 u2;GlobalLockOwner dc u4;ContextExtendLock e0 u8;AllocatedBase e8 p;"
	 "UncommittedBase f0 p;ReservedLimit f8 p;SegContexts 100 _HEAP_SEG_CONTEXT[2];"
	 "VsContext 280 _HEAP_VS_CONTEXT;LfhContext 340 _HEAP_LFH_CONTEXT;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 20348, 20348, "_SEGMENT_HEAP", 0x840,
	 "EnvHandle 0 u1[16];Signature 10 u4;GlobalFlags 14 u4;Interceptor 18 u4;"
	 "ProcessHeapListIndex 1c u2;AllocatedFromMetadata 1e u2 0.1;CommitLimitData 20 u1[32];"
	 "ReservedMustBeZero1 20 u8;UserContext 28 p;ReservedMustBeZero2 30 u8;Spare 38 p;"
	 "LargeMetadataLock 40 u8;LargeAllocMetadata 48 _RTL_RB_TREE;LargeReservedPages 58 u8;"
	 "LargeCommittedPages 60 u8;StackTraceInitVar 68 u8;MemStats 80 _HEAP_RUNTIME_MEMORY_STATS;"
	 "GlobalLockCount d8 u2;GlobalLockOwner dc u4;ContextExtendLock e0 u8;AllocatedBase e8 p;"
	 "UncommittedBase f0 p;ReservedLimit f8 p;ReservedRegionEnd 100 p;"
	 "SegContexts 140 _HEAP_SEG_CONTEXT[2];VsContext 2c0 _HEAP_VS_CONTEXT;"
	 "LfhContext 380 _HEAP_LFH_CONTEXT;",
	 "ISF:C2EADB24A615E9472CE47C8ADD31F130-1"},
	{LAB_ARCH_X64, 22000, 22000, "_SEGMENT_HEAP", 0x840,
	 "EnvHandle 0 u1[16];Signature 10 u4;GlobalFlags 14 u4;Interceptor 18 u4;"
	 "ProcessHeapListIndex 1c u2;AllocatedFromMetadata 1e u2 0.1;CommitLimitData 20 u1[32];"
	 "ReservedMustBeZero1 20 u8;UserContext 28 p;ReservedMustBeZero2 30 u8;Spare 38 p;"
	 "LargeMetadataLock 40 u8;LargeAllocMetadata 48 _RTL_RB_TREE;LargeReservedPages 58 u8;"
	 "LargeCommittedPages 60 u8;Tag 68 u8;StackTraceInitVar 70 u8;"
	 "MemStats 80 _HEAP_RUNTIME_MEMORY_STATS;GlobalLockCount d8 u2;GlobalLockOwner dc u4;"
	 "ContextExtendLock e0 u8;AllocatedBase e8 p;UncommittedBase f0 p;ReservedLimit f8 p;"
	 "ReservedRegionEnd 100 p;SegContexts 140 _HEAP_SEG_CONTEXT[2];VsContext 2c0 _HEAP_VS_CONTEXT;"
	 "LfhContext 380 _HEAP_LFH_CONTEXT;",
	 "ISF:32C1A669D5FFEFD41091F636CFDB6E99-1"},
	{LAB_ARCH_X64, 22621, 22621, "_SEGMENT_HEAP", 0x840,
	 "EnvHandle 0 u1[16];Signature 10 u4;GlobalFlags 14 u4;Interceptor 18 u4;"
	 "ProcessHeapListIndex 1c u2;AllocatedFromMetadata 1e u2 0.1;CommitLimitData 20 u1[32];"
	 "ReservedMustBeZero1 20 u8;UserContext 28 p;ReservedMustBeZero2 30 u8;Spare 38 p;"
	 "LargeMetadataLock 40 u8;LargeAllocMetadata 48 _RTL_RB_TREE;LargeReservedPages 58 u8;"
	 "LargeCommittedPages 60 u8;Tag 68 u8;StackTraceInitVar 70 u8;"
	 "MemStats 80 _HEAP_RUNTIME_MEMORY_STATS;GlobalLockCount d8 u2;GlobalLockOwner dc u4;"
	 "ContextExtendLock e0 u8;AllocatedBase e8 p;UncommittedBase f0 p;ReservedLimit f8 p;"
	 "ReservedRegionEnd 100 p;CallbacksEncoded 108 u1[32];SegContexts 140 _HEAP_SEG_CONTEXT[2];"
	 "VsContext 2c0 _HEAP_VS_CONTEXT;LfhContext 380 _HEAP_LFH_CONTEXT;",
	 "ntdiff:Win11_2209_22H2/x64/ntoskrnl.exe"},
	{LAB_ARCH_X64, 26100, 26100, "_SEGMENT_HEAP", 0xa40,
	 "EnvHandle 0 u1[16];Signature 10 u4;GlobalFlags 14 u4;Interceptor 18 u4;"
	 "ProcessHeapListIndex 1c u2;InternalFlags 1e u2;AllocatedFromMetadata 1e u2 0.1;"
	 "ReadOnly 1e u2 1.1;CommitLimitData 20 u1[16];ReservedMustBeZero 30 u8;UserContext 38 p;"
	 "LargeMetadataLock 40 u8;LargeAllocMetadata 48 _RTL_RB_TREE;LargeReservedPages 58 u8;"
	 "LargeCommittedPages 60 u8;Tag 68 u8;StackTraceInitVar 70 u8;"
	 "MemStats 80 _HEAP_RUNTIME_MEMORY_STATS;GlobalLockOwner e0 u4;ContextExtendLock e8 u8;"
	 "AllocatedBase f0 p;UncommittedBase f8 p;ReservedLimit 100 p;ReservedRegionEnd 108 p;"
	 "CallbacksEncoded 110 u1[32];SegContexts 140 _HEAP_SEG_CONTEXT[2];"
	 "VsContext 2c0 _HEAP_VS_CONTEXT;LfhContext 380 _HEAP_LFH_CONTEXT;",
	 "ntdiff:Win11_2409_24H2/x64/ntoskrnl.exe"},
	{LAB_ARCH_X64, 26101, 26101, "_SEGMENT_HEAP", 0xa00,
	 "EnvHandle 0 u1[16];Signature 10 u4;GlobalFlags 14 u4;Interceptor 18 u4;"
	 "ProcessHeapListIndex 1c u2;InternalFlags 1e u2;AllocatedFromMetadata 1e u2 0.1;"
	 "ReadOnly 1e u2 1.1;CommitLimitData 20 u1[16];ReservedMustBeZero 30 u8;UserContext 38 p;"
	 "LargeMetadataLock 40 u8;LargeAllocMetadata 48 _RTL_RB_TREE;LargeReservedPages 58 u8;"
	 "LargeCommittedPages 60 u8;Tag 68 u8;StackTraceInitVar 70 u8;"
	 "MemStats 80 _HEAP_RUNTIME_MEMORY_STATS;GlobalLockOwner e0 u4;ContextExtendLock e8 u8;"
	 "AllocatedBase f0 p;UncommittedBase f8 p;ReservedLimit 100 p;ReservedRegionEnd 108 p;"
	 "CallbacksEncoded 110 u1[32];SegContexts 140 _HEAP_SEG_CONTEXT[2];"
	 "VsContext 2c0 _HEAP_VS_CONTEXT;LfhContext 340 _HEAP_LFH_CONTEXT;",
	 "pubpdb:26100-later(ntoskrnlib)"},
	{LAB_ARCH_X64, 17763, 22621, "_HEAP_RUNTIME_MEMORY_STATS", 0x58,
	 "TotalReservedPages 0 u8;TotalCommittedPages 8 u8;FreeCommittedPages 10 u8;"
	 "LfhFreeCommittedPages 18 u8;LargePageStats 20 u1[32];LargePageUtilizationPolicy 40 u1[24];",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 26100, 26101, "_HEAP_RUNTIME_MEMORY_STATS", 0x60,
	 "TotalReservedPages 0 u8;TotalCommittedPages 8 u8;FreeCommittedPages 10 u8;"
	 "LfhFreeCommittedPages 18 u8;VsFreeCommittedPages 20 u8;LargePageStats 28 u1[32];"
	 "LargePageUtilizationPolicy 48 u1[24];",
	 "ntdiff:Win11_2409_24H2/x64/ntoskrnl.exe"},
	{LAB_ARCH_X64, 17763, 26101, "_HEAP_SEG_CONTEXT", 0xc0,
	 "SegmentMask 0 u8;UnitShift 8 u1;PagesPerUnitShift 9 u1;FirstDescriptorIndex a u1;"
	 "CachedCommitSoftShift b u1;CachedCommitHighShift c u1;MaxAllocationSize 10 u4;"
	 "OlpStatsOffset 14 i2;MemStatsOffset 16 i2;LfhContext 18 p;VsContext 20 p;EnvHandle 28 u1[16];"
	 "Heap 38 p;SegmentLock 40 u8;SegmentListHead 48 _LIST_ENTRY;SegmentCount 58 u8;"
	 "FreePageRanges 60 _RTL_RB_TREE;FreeSegmentListLock 70 u8;"
	 "FreeSegmentList 78 _SINGLE_LIST_ENTRY[2];",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 17763, 26101, "_HEAP_PAGE_SEGMENT", 0x2000,
	 "DescArray 0 _HEAP_PAGE_RANGE_DESCRIPTOR[256];ListEntry 0 _LIST_ENTRY;Signature 10 u8;"
	 "SegmentCommitState 18 p;UnusedWatermark 20 u1;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 17763, 22621, "_HEAP_PAGE_RANGE_DESCRIPTOR", 0x20,
	 "TreeNode 0 _RTL_BALANCED_NODE;TreeSignature 0 u4;UnusedBytes 4 u4;ExtraPresent 8 u2 0.1;"
	 "Spare0 8 u2 1.15;RangeFlags 18 u1;CommittedPageCount 19 u1;Spare 1a u2;Align 1c u1[3];"
	 "Key 1c u4;UnitOffset 1f u1;UnitSize 1f u1;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 26100, 26101, "_HEAP_PAGE_RANGE_DESCRIPTOR", 0x20,
	 "TreeNode 0 _RTL_BALANCED_NODE;TreeSignature 0 u4;UnusedBytes 4 u4;ExtraPresent 8 u2 0.1;"
	 "Spare0 8 u2 1.15;RangeFlags 18 u1;CommittedPageCount 19 u1;UnitOffset 1a u1;Spare 1b u1;"
	 "Align 1c u1[3];Key 1c u4;UnitSize 1f u1;",
	 "ntdiff:Win11_2409_24H2/x64/ntoskrnl.exe"},
	{LAB_ARCH_X64, 17763, 22621, "_HEAP_LFH_CONTEXT", 0x4c0,
	 "BackendCtx 0 p;Callbacks 8 u1[40];AffinityModArray 30 p;MaxAffinity 38 u1;LockType 39 u1;"
	 "MemStatsOffset 3a i2;Config 3c u4;BucketStats 40 u8;SubsegmentCreationLock 48 u8;"
	 "Buckets 80 p[129];",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 26100, 26101, "_HEAP_LFH_CONTEXT", 0x6c0,
	 "BackendCtx 0 p;Callbacks 8 u1[48];AffinityModArray 38 p;MaxAffinity 40 u1;LockType 41 u1;"
	 "MemStatsOffset 42 i2;Config 44 u8;TlsSlotIndex 4c u4;EncodeKey 50 u8;ExtensionLock 80 u8;"
	 "MetadataList 88 _SINGLE_LIST_ENTRY[4];HeatMap c0 u1[256];Buckets 1c0 p[128];"
	 "SlotMaps 5c0 u1[256];",
	 "ntdiff:Win11_2409_24H2/x64/ntoskrnl.exe"},
	{LAB_ARCH_X64, 17763, 22621, "_HEAP_LFH_BUCKET", 0x68,
	 "State 0 _HEAP_LFH_SUBSEGMENT_OWNER;TotalBlockCount 38 u8;TotalSubsegmentCount 40 u8;"
	 "ReciprocalBlockSize 48 u4;Shift 4c u1;ContentionCount 4d u1;AffinityMappingLock 50 u8;"
	 "ProcAffinityMapping 58 p;AffinitySlots 60 p;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 26100, 26100, "_HEAP_LFH_BUCKET", 0x68,
	 "State 0 _HEAP_LFH_SUBSEGMENT_OWNER;TotalBlockCount 38 u8;TotalSubsegmentCount 40 u8;"
	 "ReciprocalBlockSize 48 u4;HotHeatThreshold 4c u2;PrivateHeatThreshold 4e u2;"
	 "PrivSlotListLock 50 u8;PrivSlotList 58 u4;CompactionNeeded 5c u1;Spare 5d u1;"
	 "AffinityMapInProgress 5e u1;ContentionCount 5f u1;LastContentionTime 60 u8;",
	 "ntdiff:Win11_2409_24H2/x64/ntoskrnl.exe"},
	{LAB_ARCH_X64, 26101, 26101, "_HEAP_LFH_BUCKET", 0x78,
	 "State 0 _HEAP_LFH_SUBSEGMENT_OWNER;TotalBlockCount 38 u8;TotalSubsegmentCount 40 u8;"
	 "ReciprocalBlockSize 48 u4;HotHeatThreshold 4c u2;PrivateHeatThreshold 4e u2;"
	 "PrivSlotListLock 50 u8;PrivSlotList 58 u4;CompactionNeeded 5c u1;Spare 5d u1[7];"
	 "AffinityMgr 68 u1[16];",
	 "pubpdb:26100-later(ntoskrnlib)"},
	{LAB_ARCH_X64, 17763, 22621, "_HEAP_LFH_SUBSEGMENT_OWNER", 0x38,
	 "IsBucket 0 u1 0.1;Spare0 0 u1 1.7;BucketIndex 1 u1;SlotCount 2 u1;SlotIndex 2 u1;Spare1 3 u1;"
	 "AvailableSubsegmentCount 8 u8;Lock 10 u8;AvailableSubsegmentList 18 _LIST_ENTRY;"
	 "FullSubsegmentList 28 _LIST_ENTRY;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 26100, 26101, "_HEAP_LFH_SUBSEGMENT_OWNER", 0x38,
	 "IsBucket 0 u1 0.1;BucketIndex 0 u1 1.7;AvailableSubsegmentCount 1 u1;SlotCount 1 u1;"
	 "BucketRef 2 u2;PrivateSlotMapRef 4 u2;HeatMapRef 6 u2;OwnerFreeList 8 _SINGLE_LIST_ENTRY;"
	 "Spare 8 u2 0.12;Lock 10 u8;PrivSlotListEntry 10 u4;SlotStandbyEntry 10 _SINGLE_LIST_ENTRY;"
	 "OwnerThreadId 14 u4;AvailableSubsegmentList 18 _LIST_ENTRY;FullSubsegmentList 28 _LIST_ENTRY;",
	 "ntdiff:Win11_2409_24H2/x64/ntoskrnl.exe"},
	{LAB_ARCH_X64, 26100, 26101, "_HEAP_LFH_SUBSEGMENT_STATE", 0x8,
	 "AllBits 0 p;DelayFreeFields 0 i4;DelayFreeList 0 u2;FreeList 0 u4;DelayFreeCount 2 u2;"
	 "Owner 4 u2;OwnerLocation 4 i4;Location 6 u1;",
	 "ntdiff:Win11_2409_24H2/x64/ntoskrnl.exe"},
	{LAB_ARCH_X64, 17763, 26101, "_HEAP_LFH_SUBSEGMENT_ENCODED_OFFSETS", 0x4,
	 "BlockSize 0 u2;EncodedData 0 u4;FirstBlockOffset 2 u2;", "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 17763, 22621, "_HEAP_LFH_SUBSEGMENT", 0x38,
	 "ListEntry 0 _LIST_ENTRY;DelayFree 10 u8;Owner 10 p;CommitLock 18 u8;FreeCount 20 u2;"
	 "InterlockedLong 20 i4;InterlockedShort 20 i2;BlockCount 22 u2;FreeHint 24 u2;Location 26 u1;"
	 "WitheldBlockCount 27 u1;BlockOffsets 28 _HEAP_LFH_SUBSEGMENT_ENCODED_OFFSETS;"
	 "CommitUnitShift 2c u1;CommitUnitCount 2d u1;CommitStateOffset 2e u2;BlockBitmap 30 u8[1];",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 26100, 26101, "_HEAP_LFH_SUBSEGMENT", 0x48,
	 "ListEntry 0 _LIST_ENTRY;State 10 _HEAP_LFH_SUBSEGMENT_STATE;CommitStateOffset 18 u1;"
	 "OwnerFreeListEntry 18 _SINGLE_LIST_ENTRY;Spare0 19 u1 0.4;FreeCount 20 u2;BlockCount 22 u2;"
	 "FreeHint 24 u1;WitheldBlockCount 25 u1;CommitUnitInfo 26 u2;CommitUnitShift 26 u1;"
	 "CommitUnitCount 27 u1;BlockOffsets 28 _HEAP_LFH_SUBSEGMENT_ENCODED_OFFSETS;BucketRef 2c u2;"
	 "PrivateSlotMapRef 2e u2;HighWatermarkBlockIndex 30 u2;BitmapSearchWidth 32 u1;UChar 33 u1;"
	 "PrivateFormat 33 u1 0.1;Spare1 33 u1 1.7;Spare3 34 u4;CommitLock 38 u8;BlockBitmap 40 u8[1];",
	 "ntdiff:Win11_2409_24H2/x64/ntoskrnl.exe"},
	{LAB_ARCH_X64, 17763, 22621, "_HEAP_VS_CONTEXT", 0xc0,
	 "Lock 0 u8;LockType 8 u4;FreeChunkTree 10 _RTL_RB_TREE;SubsegmentList 20 _LIST_ENTRY;"
	 "TotalCommittedUnits 30 u8;FreeCommittedUnits 38 u8;"
	 "DelayFreeContext 40 _HEAP_VS_DELAY_FREE_CONTEXT;BackendCtx 80 p;Callbacks 88 u1[40];"
	 "Config b0 u4;Flags b4 u4;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 26100, 26100, "_HEAP_VS_CONTEXT", 0xc0,
	 "Lock 0 u8;LockType 8 u4;MemStatsOffset c i2;FreeChunkTree 10 _RTL_RB_TREE;"
	 "SubsegmentList 20 _LIST_ENTRY;TotalCommittedUnits 30 u8;FreeCommittedUnits 38 u8;"
	 "DelayFreeContext 40 _HEAP_VS_DELAY_FREE_CONTEXT;BackendCtx 80 p;Callbacks 88 u1[48];"
	 "Config b8 u4;EliminatePointers bc u4 0.1;",
	 "ntdiff:Win11_2409_24H2/x64/ntoskrnl.exe"},
	{LAB_ARCH_X64, 26101, 26101, "_HEAP_VS_CONTEXT", 0x60,
	 "SlotMapRef 0 u2;AffinityMask 2 u1;LockType 3 u1;Config 4 u1;EliminatePointers 5 u1;"
	 "MemStatsOffset 6 i2;BackendCtx 8 p;Callbacks 10 u1[48];AffinityMgr 40 u1[16];"
	 "TotalCommittedUnits 50 u8;FreeCommittedUnits 58 u8;",
	 "pubpdb:26100-later(ntoskrnlib)"},
	{LAB_ARCH_X64, 17763, 26101, "_HEAP_VS_DELAY_FREE_CONTEXT", 0x10, "ListHead 0 _SLIST_HEADER;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 26100, 26101, "_HEAP_VS_AFFINITY_SLOT", 0x80,
	 "VsContext 0 p;Lock 8 u8;FreeChunkTree 10 _RTL_RB_TREE;SubsegmentList 20 _LIST_ENTRY;"
	 "DelayFreeContext 40 _HEAP_VS_DELAY_FREE_CONTEXT;",
	 "pubpdb:26100-later(ntoskrnlib); 26100 as 26101"},
	{LAB_ARCH_X64, 26100, 26101, "_HEAP_VS_SLOT_MAP", 0x4, "SlotRef 0 u2;ContentionRemapCount 2 u2;",
	 "pubpdb:26100-later(ntoskrnlib); 26100 as 26101"},
	{LAB_ARCH_X64, 17763, 26100, "_HEAP_VS_SUBSEGMENT", 0x28,
	 "ListEntry 0 _LIST_ENTRY;CommitBitmap 10 u8;CommitLock 18 u8;Size 20 u2;Signature 22 u2 0.15;"
	 "FullCommit 22 u2 15.1;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 26101, 26101, "_HEAP_VS_SUBSEGMENT", 0x28,
	 "ListEntry 0 _LIST_ENTRY;CommitBitmap 10 u8;CommitLock 18 u8;Size 20 u2;OwnerSlotRef 22 u2;"
	 "Signature 24 u2 0.15;FullCommit 24 u2 15.1;",
	 "pubpdb:26100-later(ntoskrnlib)"},
	{LAB_ARCH_X64, 17763, 26101, "_HEAP_VS_CHUNK_HEADER_SIZE", 0x8,
	 "HeaderBits 0 u8;KeyULong 0 u4;KeyUShort 0 u2;MemoryCost 0 u4 0.16;UnsafeSize 0 u4 16.16;"
	 "UnsafePrevSize 4 u4 0.16;Allocated 4 u4 16.8;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 17763, 26101, "_HEAP_VS_CHUNK_HEADER", 0x10,
	 "Sizes 0 _HEAP_VS_CHUNK_HEADER_SIZE;AllocatedChunkBits 8 u4;EncodedSegmentPageOffset 8 u4 0.8;"
	 "UnusedBytes 8 u4 8.1;SkipDuringWalk 8 u4 9.1;Spare 8 u4 10.22;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 17763, 26101, "_HEAP_LARGE_ALLOC_DATA", 0x28,
	 "TreeNode 0 _RTL_BALANCED_NODE;VirtualAddress 18 u8;UnusedBytes 18 u8 0.16;"
	 "ExtraPresent 20 u8 0.1;GuardPageCount 20 u8 1.1;GuardPageAlignment 20 u8 2.6;Spare 20 u8 8.4;"
	 "AllocatedPages 20 u8 12.52;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 17763, 26101, "_RTL_DYNAMIC_LOOKASIDE", 0x1040,
	 "EnabledBucketBitmap 0 u8;BucketCount 8 u4;ActiveBucketCount c u4;Buckets 40 _RTL_LOOKASIDE[64];",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 17763, 26101, "_RTL_LOOKASIDE", 0x40,
	 "ListHead 0 _SLIST_HEADER;Depth 10 u2;MaximumDepth 12 u2;TotalAllocates 14 u4;"
	 "AllocateMisses 18 u4;TotalFrees 1c u4;FreeMisses 20 u4;LastTotalAllocates 24 u4;"
	 "LastAllocateMisses 28 u4;LastTotalFrees 2c u4;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 17763, 26101, "_RTL_RB_TREE", 0x10, "Root 0 p;Min 8 p;Encoded 8 u1 0.1;",
	 "ISF:8B11040A5928757B11390AC78F6B6925-1"},
	{LAB_ARCH_X64, 17763, 22621, "_RTL_BALANCED_NODE", 0x18,
	 "Children 0 p[2];Left 0 p;Right 8 p;ParentValue 10 u8;Balance 10 u1 0.2;Red 10 u1 0.1;",
	 "ISF:339E74133576439CBCDF7E0229DA3773-1; 22621 as 22000"},
	{LAB_ARCH_X64, 26100, 26101, "_RTL_BALANCED_NODE", 0x18,
	 "Children 0 p[2];Left 0 p;Right 8 p;Balance 10 u1;ParentValue 10 u8;Red 10 u1;",
	 "pubpdb:26100-later(ntoskrnlib); 26100 as 26101"},
	{0},
};
