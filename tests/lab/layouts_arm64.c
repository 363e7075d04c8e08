/* SPDX-License-Identifier: MIT */
/*
 * Layouts of ARM64 that differ from those of x64. Types that are not here are taken from the x64 rows of the same
 * build.
 *
 * Compared in layouts.tsv for 26100(a) and equal: _SEGMENT_HEAP and its contexts, page segments and descriptors, LFH
 * and VS subsegments and chunks, trees, big pages, tracker table, Driver Verifier's records. Not in any reference for
 * ARM64, so only assumed to be as on x64: _RTLP_HP_HEAP_GLOBALS, _HEAP_VS_AFFINITY_SLOT, _HEAP_VS_SLOT_MAP,
 * _RTL_BALANCED_NODE, the _MI types but _MI_VISIBLE_STATE, private pools.
 *
 * Of kernel objects the debugger data block of triage_arm64.dmp (22000) names some members, kernel.md 2; what it does
 * not name stands where there was room: "the lab's". 26100 as 22000.
 */
#include "builds.h"

const struct lab_layout lab_layouts_arm64[] = {
	{LAB_ARCH_ARM64, 26100, 26100, "_EX_POOL_HEAP_MANAGER_STATE", 0x109a00,
	 "HeapManager 0 _RTLP_HP_HEAP_MANAGER;PrivatePoolListLock 38e0 p;"
	 "PrivatePools 38e8 _LIST_ENTRY[2];PrivatePoolContextCookie 3908 u8;NumberOfPools 3910 u4;"
	 "PoolNode 3980 _EX_HEAP_POOL_NODE[64];SpecialHeaps 109980 p[4];",
	 "ntdiff:Win11_2409_24H2/ARM64/ntoskrnl.exe"},
	{LAB_ARCH_ARM64, 26100, 26100, "_EX_HEAP_POOL_NODE", 0x4180,
	 "Heaps 0 p[4];Lookasides 80 _RTL_DYNAMIC_LOOKASIDE[2];", "ntdiff:Win11_2409_24H2/ARM64/ntoskrnl.exe"},
	{LAB_ARCH_ARM64, 26100, 26100, "_RTL_DYNAMIC_LOOKASIDE", 0x2080,
	 "EnabledBucketBitmap 0 u8;BucketCount 8 u4;ActiveBucketCount c u4;Buckets 80 _RTL_LOOKASIDE[64];",
	 "ntdiff:Win11_2409_24H2/ARM64/ntoskrnl.exe"},
	{LAB_ARCH_ARM64, 26100, 26100, "_RTL_LOOKASIDE", 0x80,
	 "ListHead 0 _SLIST_HEADER;Depth 10 u2;MaximumDepth 12 u2;TotalAllocates 14 u4;AllocateMisses 18 u4;"
	 "TotalFrees 1c u4;",
	 "ntdiff:Win11_2409_24H2/ARM64/ntoskrnl.exe"},
	{LAB_ARCH_ARM64, 26100, 26100, "_MI_VISIBLE_STATE", 0x1e80,
	 "PagedPoolInfo 0 _MM_PAGED_POOL_INFO;MaximumNonPagedPoolInPages 18 u8;"
	 "SizeOfPagedPoolInPages 20 u8;NonPagedPoolCommit 88 u8;SystemVaTypeCount 1b48 u8[20];"
	 "SystemVaType 1be8 u1[256];SystemVaRegions 1ce8 _MI_SYSTEM_VA_ASSIGNMENT[18];",
	 "ntdiff:Win11_2409_24H2/ARM64/ntoskrnl.exe"},
	{LAB_ARCH_ARM64, 26100, 26100, "_MI_SYSTEM_INFORMATION", 0xc980,
	 "Pools 0 _MI_POOL_STATE;Hardware 1080 _MI_HARDWARE_STATE;SystemVa 2380 _MI_SYSTEM_VA_STATE;"
	 "Vs ab00 _MI_VISIBLE_STATE;",
	 "as x64, with the larger Vs"},
	{LAB_ARCH_ARM64, 22000, 26100, "_KPRCB", 0x9680,
	 "CurrentThread 8 p;NextThread 10 p;IdleThread 18 p;Number 24 u4;ProcessorState 40 _KPROCESSOR_STATE;CpuType "
	 "6f0 u2;"
	 "MHz 6f4 u4;VendorString 890 u1[13];Context 8a0 p;DpcStack af8 p;IsrStack 18e0 p;"
	 "PPLookasideList 1a00 _PP_LOOKASIDE_LIST[16];PPNxPagedLookasideList 2000 _GENERAL_LOOKASIDE_POOL[32];"
	 "PPNPagedLookasideList 3000 _GENERAL_LOOKASIDE_POOL[32];PPPagedLookasideList 4000 "
	 "_GENERAL_LOOKASIDE_POOL[32];",
	 "kernel.md 2; the lookaside lists are the lab's"},
	{LAB_ARCH_ARM64, 22000, 26100, "_KPCR", 0xa000,
	 "Self 18 p;CurrentPrcb 20 p;MajorVersion 60 u2;KdVersionBlock 108 p;Prcb 980 _KPRCB;",
	 "kernel.md 2; CurrentPrcb, MajorVersion and KdVersionBlock are the lab's"},
	{LAB_ARCH_ARM64, 22000, 26100, "_EPROCESS", 0xc80,
	 "UniqueProcessId 3f8 p;ActiveProcessLinks 400 _LIST_ENTRY;CreateTime 420 u8;InheritedFromUniqueProcessId 4f8 "
	 "p;"
	 "Peb 508 p;Session 510 p;ImageFileName 560 u1[15];ThreadListHead 598 _LIST_ENTRY;ActiveThreads 5a8 u4;"
	 "ExitTime 840 u8;",
	 "kernel.md 2, bytes of triage_arm64.dmp; CreateTime, Session and from ThreadListHead on the lab's"},
	{LAB_ARCH_ARM64, 22000, 26100, "_KTHREAD", 0x480,
	 "InitialStack 28 p;StackLimit 30 p;StackBase 38 p;KernelStack 58 p;ApcState 90 u1[48];Teb e8 p;"
	 "State 17c u1;NextProcessor 238 u4;Process 240 p;WaitReason 2a3 u1;ThreadListEntry 2f8 _LIST_ENTRY;",
	 "kernel.md 2; Process and ThreadListEntry are the lab's"},
	{LAB_ARCH_ARM64, 22000, 26100, "_ETHREAD", 0x910,
	 "CreateTime 480 u8;StartAddress 4a0 p;Cid 4c8 u1[16];Win32StartAddress 540 p;ThreadListEntry 558 _LIST_ENTRY;",
	 "kernel.md 2 for the size; the rest is the lab's"},
	{LAB_ARCH_ARM64, 22000, 26100, "_KPROCESSOR_STATE", 0x6b0,
	 "SpecialRegisters 0 _KSPECIAL_REGISTERS;ContextFrame 320 u1[912];", "kernel.md 2"},
	{LAB_ARCH_ARM64, 22000, 26100, "_KSPECIAL_REGISTERS", 0x320, "Tcr_El1 c0 u8;Ttbr0_El1 c8 u8;Ttbr1_El1 d0 u8;",
	 "bytes of triage_arm64.dmp (paging.md 3.5)"},
	{LAB_ARCH_ARM64, 22000, 26100, "_MMPTE_SOFTWARE", 8,
	 "Valid 0 u8 0.1;Protection 0 u8 1.5;PageFileLow 0 u8 6.4;Prototype 0 u8 10.1;Transition 0 u8 11.1;"
	 "PageFileReserved 0 u8 12.1;PageFileAllocated 0 u8 13.1;PageFileHigh 0 u8 32.32;",
	 "one description in public repositories"},
	{0},
};
