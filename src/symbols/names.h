/* SPDX-License-Identifier: MIT */
/* Every kernel symbol and structure field that poolscope uses, spelt as Microsoft's symbols spell them. What is not
 * listed here is never looked up, so that what is missing can be named. */
#ifndef PSC_SYMBOLS_NAMES_H
#define PSC_SYMBOLS_NAMES_H

/* X(symbol) */
#define PSC_SYMBOL_LIST(X)                                                                                             \
	X(DifpPoolTagsSize)                                                                                            \
	X(ExPoolState)                                                                                                 \
	X(ExPoolTagTables)                                                                                             \
	X(ExpCacheLineSize)                                                                                            \
	X(ExpHeapBackedPoolEnabledState)                                                                               \
	X(ExpNonPagedPoolDescriptor)                                                                                   \
	X(ExpNumberOfNonPagedPools)                                                                                    \
	X(ExpNumberOfPagedPools)                                                                                       \
	X(ExpPagedPoolDescriptor)                                                                                      \
	X(ExpPoolBigEntriesInUse)                                                                                      \
	X(ExpPoolFlags)                                                                                                \
	X(ExpPoolQuotaCookie)                                                                                          \
	X(ExpSessionPoolTrackTable)                                                                                    \
	X(ExpSessionPoolTrackTableMask)                                                                                \
	X(ExpSessionPoolTrackTableSize)                                                                                \
	X(KdDebuggerDataBlock)                                                                                         \
	X(KdpDataBlockEncoded)                                                                                         \
	X(KeNumberProcessors)                                                                                          \
	X(KiProcessorBlock)                                                                                            \
	X(KiWaitAlways)                                                                                                \
	X(KiWaitNever)                                                                                                 \
	X(MiDynamicBitMapSpecialPool)                                                                                  \
	X(MiInvalidPteMask)                                                                                            \
	X(MiNonPagedPoolEnd)                                                                                           \
	X(MiNonPagedPoolStartAligned)                                                                                  \
	X(MiPagedPoolStart)                                                                                            \
	X(MiSpecialPool)                                                                                               \
	X(MiState)                                                                                                     \
	X(MiSuspectDriverList)                                                                                         \
	X(MiSystemVaType)                                                                                              \
	X(MiVisibleState)                                                                                              \
	X(MmAllocatedNonPagedPool)                                                                                     \
	X(MmLastUnloadedDriver)                                                                                        \
	X(MmMaximumNonPagedPoolInBytes)                                                                                \
	X(MmNonPagedPoolEnd)                                                                                           \
	X(MmNonPagedPoolEnd0)                                                                                          \
	X(MmNonPagedPoolExpansionStart)                                                                                \
	X(MmNonPagedPoolStart)                                                                                         \
	X(MmPagedPoolEnd)                                                                                              \
	X(MmPagedPoolInfo)                                                                                             \
	X(MmPagedPoolStart)                                                                                            \
	X(MmPfnDatabase)                                                                                               \
	X(MmPhysicalMemoryBlock)                                                                                       \
	X(MmPteBase)                                                                                                   \
	X(MmSizeOfPagedPoolInBytes)                                                                                    \
	X(MmSizeOfPagedPoolInPages)                                                                                    \
	X(MmSpecialPoolEnd)                                                                                            \
	X(MmSpecialPoolStart)                                                                                          \
	X(MmSpecialPoolTag)                                                                                            \
	X(MmSystemRangeStart)                                                                                          \
	X(MmUnloadedDrivers)                                                                                           \
	X(MmVerifierData)                                                                                              \
	X(NonPagedPoolDescriptor)                                                                                      \
	X(NtBuildLab)                                                                                                  \
	X(NtBuildLabEx)                                                                                                \
	X(NtBuildNumber)                                                                                               \
	X(NtGlobalFlag)                                                                                                \
	X(ObTypeIndexTable)                                                                                            \
	X(ObpObjectTypes)                                                                                              \
	X(PoolBigPageTable)                                                                                            \
	X(PoolBigPageTableSize)                                                                                        \
	X(PoolHitTag)                                                                                                  \
	X(PoolTrackTable)                                                                                              \
	X(PoolTrackTableExpansion)                                                                                     \
	X(PoolTrackTableExpansionSize)                                                                                 \
	X(PoolTrackTableMask)                                                                                          \
	X(PoolTrackTableSize)                                                                                          \
	X(PoolVector)                                                                                                  \
	X(PsActiveProcessHead)                                                                                         \
	X(PsInitialSystemProcess)                                                                                      \
	X(PsLoadedModuleList)                                                                                          \
	X(RtlpHpHeapGlobals)                                                                                           \
	X(RtlpStackTraceDatabase)                                                                                      \
	X(VfPoolTraces)                                                                                                \
	X(VfPoolTracesIndex)                                                                                           \
	X(VfPoolTracesLength)                                                                                          \
	X(VfSuspectDriversList)                                                                                        \
	X(ViPoolInfoAvl)                                                                                               \
	X(ViPoolInfoAvlInitialized)                                                                                    \
	X(ViPoolStackInfoAvl)                                                                                          \
	X(ViPoolStackInfoAvlInitialized)                                                                               \
	X(ViTargetDriversAvl)

/* X(structure without its leading underscore, field). A field named "" stands for the structure's size alone. */
#define PSC_FIELD_LIST(X)                                                                                              \
	X(EPROCESS, ActiveProcessLinks)                                                                                \
	X(EPROCESS, ImageFileName)                                                                                     \
	X(EPROCESS, Session)                                                                                           \
	X(EPROCESS, ThreadListHead)                                                                                    \
	X(EPROCESS, UniqueProcessId)                                                                                   \
	X(ETHREAD, Cid)                                                                                                \
	X(ETHREAD, StartAddress)                                                                                       \
	X(ETHREAD, ThreadListEntry)                                                                                    \
	X(EXP_POOL_CONTEXT, Node)                                                                                      \
	X(EXP_POOL_CONTEXT, NodeCount)                                                                                 \
	X(EXP_POOL_CONTEXT, PoolLink)                                                                                  \
	X(EX_HEAP_POOL_NODE, Lookasides)                                                                               \
	X(EX_HEAP_SESSION_STATE, PagedHeap)                                                                            \
	X(EX_HEAP_SESSION_STATE, SpecialPoolHeap)                                                                      \
	X(EX_POOL_HEAP_MANAGER_STATE, NumberOfPools)                                                                   \
	X(EX_POOL_HEAP_MANAGER_STATE, PoolNode)                                                                        \
	X(EX_POOL_HEAP_MANAGER_STATE, PrivatePools)                                                                    \
	X(GENERAL_LOOKASIDE, Depth)                                                                                    \
	X(GENERAL_LOOKASIDE, ListHead)                                                                                 \
	X(GENERAL_LOOKASIDE_POOL, Depth)                                                                               \
	X(GENERAL_LOOKASIDE_POOL, ListHead)                                                                            \
	X(KPRCB, Context)                                                                                              \
	X(KPRCB, DpcStack)                                                                                             \
	X(KPRCB, IsrStack)                                                                                             \
	X(KPRCB, PPNPagedLookasideList)                                                                                \
	X(KPRCB, PPNxPagedLookasideList)                                                                               \
	X(KPRCB, PPPagedLookasideList)                                                                                 \
	X(KTHREAD, KernelStack)                                                                                        \
	X(KTHREAD, KernelStackResident)                                                                                \
	X(KTHREAD, Process)                                                                                            \
	X(KTHREAD, StackBase)                                                                                          \
	X(KTHREAD, StackLimit)                                                                                         \
	X(KTHREAD, State)                                                                                              \
	X(MI_DYNAMIC_BITMAP, BaseVa)                                                                                   \
	X(MI_DYNAMIC_BITMAP, MaximumSize)                                                                              \
	X(MI_HARDWARE_STATE, InvalidPteMask)                                                                           \
	X(MI_HARDWARE_STATE, SystemNodeInformation)                                                                    \
	X(MI_HARDWARE_STATE, SystemNodeNonPagedPool)                                                                   \
	X(MI_POOL_STATE, AllocatedNonPagedPool)                                                                        \
	X(MI_SPECIAL_POOL, PagesInUse)                                                                                 \
	X(MI_SPECIAL_POOL, PteBase)                                                                                    \
	X(MI_SPECIAL_POOL, SpecialPoolPdes)                                                                            \
	X(MI_SYSTEM_INFORMATION, Hardware)                                                                             \
	X(MI_SYSTEM_INFORMATION, Pools)                                                                                \
	X(MI_SYSTEM_INFORMATION, SystemVa)                                                                             \
	X(MI_SYSTEM_INFORMATION, Vs)                                                                                   \
	X(MI_SYSTEM_NODE_INFORMATION, AllocatedNonPagedPool)                                                           \
	X(MI_SYSTEM_NODE_INFORMATION, NonPagedPoolFirstVa)                                                             \
	X(MI_SYSTEM_NODE_INFORMATION, NonPagedPoolLastVa)                                                              \
	X(MI_SYSTEM_NODE_NONPAGED_POOL, NonPagedPoolFirstVa)                                                           \
	X(MI_SYSTEM_NODE_NONPAGED_POOL, NonPagedPoolLastVa)                                                            \
	X(MI_SYSTEM_VA_STATE, DynamicBitMapPagedPool)                                                                  \
	X(MI_SYSTEM_VA_STATE, DynamicBitMapSpecialPool)                                                                \
	X(MI_VERIFIER_DRIVER_ENTRY, BaseName)                                                                          \
	X(MI_VERIFIER_DRIVER_ENTRY, CurrentPagedPoolAllocations)                                                       \
	X(MI_VERIFIER_DRIVER_ENTRY, EndAddress)                                                                        \
	X(MI_VERIFIER_DRIVER_ENTRY, Loads)                                                                             \
	X(MI_VERIFIER_DRIVER_ENTRY, PagedBytes)                                                                        \
	X(MI_VERIFIER_DRIVER_ENTRY, PoolHash)                                                                          \
	X(MI_VERIFIER_DRIVER_ENTRY, PoolHashSize)                                                                      \
	X(MI_VERIFIER_DRIVER_ENTRY, PoolPageHeaders)                                                                   \
	X(MI_VERIFIER_DRIVER_ENTRY, StartAddress)                                                                      \
	X(MI_VERIFIER_DRIVER_ENTRY, Unloads)                                                                           \
	X(MI_VISIBLE_STATE, NonPagedPoolCommit)                                                                        \
	X(MI_VISIBLE_STATE, PagedPoolInfo)                                                                             \
	X(MI_VISIBLE_STATE, SpecialPool)                                                                               \
	X(MI_VISIBLE_STATE, SystemVaRegions)                                                                           \
	X(MI_VISIBLE_STATE, SystemVaType)                                                                              \
	X(MMPTE_SOFTWARE, PageFileHigh)                                                                                \
	X(MMPTE_SOFTWARE, PageFileLow)                                                                                 \
	X(MMPTE_SOFTWARE, SwizzleBit)                                                                                  \
	X(MM_DRIVER_VERIFIER_DATA, AcquireSpinLocks)                                                                   \
	X(MM_DRIVER_VERIFIER_DATA, AllocationsAttempted)                                                               \
	X(MM_DRIVER_VERIFIER_DATA, AllocationsFailed)                                                                  \
	X(MM_DRIVER_VERIFIER_DATA, AllocationsFailedDeliberately)                                                      \
	X(MM_DRIVER_VERIFIER_DATA, AllocationsSucceeded)                                                               \
	X(MM_DRIVER_VERIFIER_DATA, AllocationsSucceededSpecialPool)                                                    \
	X(MM_DRIVER_VERIFIER_DATA, AllocationsWithNoTag)                                                               \
	X(MM_DRIVER_VERIFIER_DATA, CurrentPagedPoolAllocations)                                                        \
	X(MM_DRIVER_VERIFIER_DATA, Level)                                                                              \
	X(MM_DRIVER_VERIFIER_DATA, Loads)                                                                              \
	X(MM_DRIVER_VERIFIER_DATA, PagedBytes)                                                                         \
	X(MM_DRIVER_VERIFIER_DATA, RaiseIrqls)                                                                         \
	X(MM_DRIVER_VERIFIER_DATA, SynchronizeExecutions)                                                              \
	X(MM_DRIVER_VERIFIER_DATA, Trims)                                                                              \
	X(MM_DRIVER_VERIFIER_DATA, UnTrackedPool)                                                                      \
	X(MM_DRIVER_VERIFIER_DATA, Unloads)                                                                            \
	X(MM_PAGED_POOL_INFO, AllocatedPagedPool)                                                                      \
	X(MM_SESSION_SPACE, HeapState)                                                                                 \
	X(MM_SESSION_SPACE, PoolTags)                                                                                  \
	X(MM_SESSION_SPACE, PoolTrackBigPages)                                                                         \
	X(MM_SESSION_SPACE, PoolTrackBigPagesSize)                                                                     \
	X(MM_SESSION_SPACE, SessionId)                                                                                 \
	X(OBJECT_TYPE, HighWaterNumberOfObjects)                                                                       \
	X(OBJECT_TYPE, Index)                                                                                          \
	X(OBJECT_TYPE, Key)                                                                                            \
	X(OBJECT_TYPE, Name)                                                                                           \
	X(OBJECT_TYPE, TotalNumberOfHandles)                                                                           \
	X(OBJECT_TYPE, TotalNumberOfObjects)                                                                           \
	X(POOL_DESCRIPTOR, BigPagesAllocated)                                                                          \
	X(POOL_DESCRIPTOR, BigPagesDeallocated)                                                                        \
	X(POOL_DESCRIPTOR, ListHeads)                                                                                  \
	X(POOL_DESCRIPTOR, PagesAllocated)                                                                             \
	X(POOL_DESCRIPTOR, PagesDeallocated)                                                                           \
	X(POOL_DESCRIPTOR, PendingFreeDepth)                                                                           \
	X(POOL_DESCRIPTOR, PendingFrees)                                                                               \
	X(POOL_DESCRIPTOR, PoolIndex)                                                                                  \
	X(POOL_DESCRIPTOR, PoolType)                                                                                   \
	X(POOL_DESCRIPTOR, TotalBigPages)                                                                              \
	X(POOL_DESCRIPTOR, TotalPages)                                                                                 \
	X(POOL_TRACKER_BIG_PAGES, Key)                                                                                 \
	X(POOL_TRACKER_BIG_PAGES, NumberOfBytes)                                                                       \
	X(POOL_TRACKER_BIG_PAGES, NumberOfPages)                                                                       \
	X(POOL_TRACKER_BIG_PAGES, PoolFlags)                                                                           \
	X(POOL_TRACKER_BIG_PAGES, PoolType)                                                                            \
	X(POOL_TRACKER_BIG_PAGES, ProcessBilled)                                                                       \
	X(POOL_TRACKER_BIG_PAGES, QuotaObject)                                                                         \
	X(POOL_TRACKER_BIG_PAGES, Va)                                                                                  \
	X(POOL_TRACKER_TABLE, Key)                                                                                     \
	X(POOL_TRACKER_TABLE, NonPagedAllocs)                                                                          \
	X(POOL_TRACKER_TABLE, NonPagedBytes)                                                                           \
	X(POOL_TRACKER_TABLE, NonPagedFrees)                                                                           \
	X(POOL_TRACKER_TABLE, PagedAllocs)                                                                             \
	X(POOL_TRACKER_TABLE, PagedBytes)                                                                              \
	X(POOL_TRACKER_TABLE, PagedFrees)                                                                              \
	X(PP_LOOKASIDE_LIST, L)                                                                                        \
	X(PP_LOOKASIDE_LIST, P)                                                                                        \
	X(RTL_DYNAMIC_LOOKASIDE, Buckets)                                                                              \
	X(RTL_LOOKASIDE, ListHead)                                                                                     \
	X(VF_AVL_TABLE, RtlTable)                                                                                      \
	X(VF_AVL_TREE, Tables)                                                                                         \
	X(VF_AVL_TREE, TablesNo)                                                                                       \
	X(VF_POOL_TRACE, StackTrace)                                                                                   \
	X(VF_SUSPECT_DRIVER_ENTRY, BaseName)                                                                           \
	X(VF_SUSPECT_DRIVER_ENTRY, Loads)                                                                              \
	X(VF_SUSPECT_DRIVER_ENTRY, Unloads)                                                                            \
	X(VF_TARGET_DRIVER, VerifiedData)                                                                              \
	X(VF_TARGET_VERIFIED_DRIVER_DATA, CurrentPagedPoolAllocations)                                                 \
	X(VF_TARGET_VERIFIED_DRIVER_DATA, PagedBytes)                                                                  \
	X(VF_TARGET_VERIFIED_DRIVER_DATA, PoolPageHeaders)                                                             \
	X(VF_TARGET_VERIFIED_DRIVER_DATA, SuspectDriverEntry)

#endif
