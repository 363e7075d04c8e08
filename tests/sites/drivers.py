# SPDX-License-Identifier: MIT
"""Drivers with planted call sites, and what is true of them. Shares nothing with src/: machine code is clang's, gcc's
and lld-link's, and where a function lies is from the linker's map or the symbol table."""

import os
import re
import subprocess

# name, arguments in bytes on x86, exporting module
IMPORTS = [
    ("ExAllocatePool", 8), ("ExAllocatePoolWithTag", 12), ("ExAllocatePoolWithQuotaTag", 12),
    ("ExAllocatePoolWithTagPriority", 16), ("ExAllocatePool2", 16), ("ExAllocatePool3", 24),
    ("ExInitializeNPagedLookasideList", 28), ("ExInitializeLookasideListEx", 32), ("NdisAllocateMemoryWithTag", 12),
    ("NdisAllocateNetBufferListPool", 8), ("NdisAllocateNetBufferPool", 8), ("FltAllocatePoolAlignedWithTag", 16), ("MmAllocateContiguousMemory", 12),
    ("MmAllocateContiguousMemoryEx", 52), ("FltRegisterFilter", 12), ("FltAllocateContext", 20),
    ("NdisAllocateCloneOidRequest", 16), ("NdisAllocateGenericObject", 12), ("NdisAllocateTimerObject", 12),
    ("FsRtlAllocateAePushLock", 8), ("StorPortExtendedFunction", 20), ("ExFreePoolWithTag", 8), ("KeBugCheckEx", 20), ("IoAllocateMdl", 20),
    ("WdfVersionBind", 16),
]


def tag(text):
    return int.from_bytes(text.encode("ascii"), "little")


PRELUDE = r"""
typedef unsigned int u32;
typedef unsigned long long u64;
typedef __SIZE_TYPE__ size_t_;
#define IMP __declspec(dllimport)
#define API __stdcall
#define NI __attribute__((noinline, used))
IMP void *API ExAllocatePool(int, size_t_);
IMP void *API ExAllocatePoolWithTag(int, size_t_, u32);
IMP void *API ExAllocatePoolWithQuotaTag(int, size_t_, u32);
void *API ExAllocatePoolWithTagPriority(int, size_t_, u32, int);
IMP void *API ExAllocatePool2(u64, size_t_, u32);
IMP void *API ExAllocatePool3(u64, size_t_, u32, void *, u32);
IMP void API ExInitializeNPagedLookasideList(void *, void *, void *, u32, size_t_, u32, unsigned short);
IMP int API ExInitializeLookasideListEx(void *, void *, void *, int, u32, size_t_, u32, unsigned short);
IMP int API NdisAllocateMemoryWithTag(void **, u32, u32);
IMP void *API NdisAllocateNetBufferListPool(void *, void *);
IMP void *API NdisAllocateNetBufferPool(void *, void *);
IMP void *API FltAllocatePoolAlignedWithTag(void *, int, size_t_, u32);
IMP void *API MmAllocateContiguousMemory(size_t_, u64);
IMP u32 API StorPortExtendedFunction(int, void *, u32, u32, void *);
IMP int API MmAllocateContiguousMemoryEx(size_t_ *, u64, u64, u64, u32, u32, void *, u32, u32, void **);
IMP int API FltRegisterFilter(void *, const void *, void **);
/* 16-bit numbers as Microsoft's compiler passes them, in the whole register. */
IMP int API FltAllocateContext(void *, u32, size_t_, int, void **);
IMP int API NdisAllocateCloneOidRequest(void *, void *, u32, void **);
IMP void *API NdisAllocateGenericObject(void *, u32, u32);
IMP int API NdisAllocateTimerObject(void *, void *, void **);
IMP void *API FsRtlAllocateAePushLock(int, u32);
IMP void API ExFreePoolWithTag(void *, u32);
IMP void API KeBugCheckEx(u32, size_t_, size_t_, size_t_, size_t_);
IMP void *API IoAllocateMdl(void *, u32, char, char, void *);
IMP int API WdfVersionBind(void *, void *, void *, void **);
void *volatile sink;
volatile u32 global_value;
int _fltused;
NI void *memset(void *p, int c, size_t_ n)
{
	volatile char *q = p;
	for (size_t_ i = 0; i < n; i++)
		q[i] = (char)c;
	return p;
}
NI void *memcpy(void *p, const void *from, size_t_ n)
{
	volatile char *q = p;
	for (size_t_ i = 0; i < n; i++)
		q[i] = ((const char *)from)[i];
	return p;
}
"""

# Each entry: C text, then {function: [expected site, ...]}. A site is (routine, tag, size, pool, chain): tag a string,
# a list of strings, ("arg", n), ("table", [...]) or None = not known; size a number, a list, ("arg", n), None; pool words or None = not
# looked at; chain: functions from the site inwards.
CASES = []


def case(text, **expected):
    CASES.append((text, expected))


def site(api, tag_, size, pool=None, chain=(), tail=False):
    return {"api": api, "tag": tag_, "size": size, "pool": pool, "chain": list(chain), "tail": tail}


T = "ExAllocatePoolWithTag"

case("NI int t_direct(void) { void *p = ExAllocatePoolWithTag(1, 0x40, '10aA'); sink = p; return p != 0; }",
     t_direct=[site(T, "Aa01", 0x40, "paged")])
case("NI int t_nx(void) { void *p = ExAllocatePoolWithTag(0x200, 100, '20aA'); sink = p; return p != 0; }",
     t_nx=[site(T, "Aa02", 100, "nonpaged-nx")])
case("NI int t_none(void) { void *p = ExAllocatePool(0, 24); sink = p; return p != 0; }",
     t_none=[site("ExAllocatePool", "None", 24, "nonpaged")])
case("NI void *t_tail(int k) { global_value = k; return ExAllocatePoolWithTag(0x200, 0x48, '10aT'); }",
     t_tail=[site(T, "Ta01", 0x48, "nonpaged-nx", tail=None)])
case("NI int t_quota(void) { void *p = ExAllocatePoolWithQuotaTag(1 | 8, 0x88, '10uQ'); sink = p; return p != 0; }",
     t_quota=[site("ExAllocatePoolWithQuotaTag", "Qu01", 0x88, "paged|quota-fail")])
case("NI int t_priority(void) { void *p = ExAllocatePoolWithTagPriority(0, 0x90, '10rP', 16); sink = p; return p != 0; }",
     t_priority=[site("ExAllocatePoolWithTagPriority", "Pr01", 0x90, "nonpaged")])
case("NI int t_pool2(void) { void *p = ExAllocatePool2(0x40, 0x60, '102P'); sink = p; return p != 0; }",
     t_pool2=[site("ExAllocatePool2", "P201", 0x60, "nonpaged-nx")])
case("NI int t_pool2p(void) { void *p = ExAllocatePool2(0x100 | 1, 0x70, '202P'); sink = p; return p != 0; }",
     t_pool2p=[site("ExAllocatePool2", "P202", 0x70, "paged|quota")])
case("NI int t_pool3(void) { void *p = ExAllocatePool3(0x80, 0x78, '103P', &sink, 1); sink = p; return p != 0; }",
     t_pool3=[site("ExAllocatePool3", "P301", 0x78, "nonpaged")])
case("NI void t_nlook(void *l) { ExInitializeNPagedLookasideList(l, 0, 0, 0x200, 0x150, '10lN', 0); global_value = 1; }",
     t_nlook=[site("ExInitializeNPagedLookasideList", "Nl01", 0x150, "nonpaged")])
case("NI int t_xlook(void *l) { int s = ExInitializeLookasideListEx(l, 0, 0, 1, 0, 0x160, '10lX', 0); global_value = s; return s; }",
     t_xlook=[site("ExInitializeLookasideListEx", "Xl01", 0x160, "paged")])
case("NI int t_ndis(void) { void *p; int s = NdisAllocateMemoryWithTag(&p, 0x30, '10dN'); sink = p; return s; }",
     t_ndis=[site("NdisAllocateMemoryWithTag", "Nd01", 0x30, "nonpaged")])
case("""
struct nbl { unsigned char type, revision; unsigned short size; unsigned char protocol, alloc; unsigned short context;
	u32 tag, data_size, flags; };
NI int t_nbl(void *h) {
	struct nbl p = {0x80, 1, sizeof(struct nbl), 0, 1, 0, 0, 0, 0};
	p.context = 16;
	p.tag = '10bN';
	p.data_size = 0x600;
	void *r = NdisAllocateNetBufferListPool(h, &p);
	sink = r;
	return r != 0;
}""", t_nbl=[site("NdisAllocateNetBufferListPool", "Nb01", 0x600)])
case("NI int t_flt(void *i) { void *p = FltAllocatePoolAlignedWithTag(i, 4, 0x1000, '10lF'); sink = p; return p != 0; }",
     t_flt=[site("FltAllocatePoolAlignedWithTag", "Fl01", 0x1000, "nonpaged|cache-aligned")])
case("NI int t_contig(void) { void *p = MmAllocateContiguousMemory(0x3000, 0xffffffffull); sink = p; return p != 0; }",
     t_contig=[site("MmAllocateContiguousMemory", "MmCm", 0x3000, "nonpaged")])
case("""NI int t_contig_ex(void) {
	volatile size_t_ n = 0x5000;
	void *p = 0;
	int s = MmAllocateContiguousMemoryEx((size_t_ *)&n, 0, ~0ull, 0, ~0u, 4, 0, '10xC', 0, &p);
	sink = p;
	return s;
}""", t_contig_ex=[site("MmAllocateContiguousMemoryEx", "Cx01", 0x5000, "nonpaged")])
case("""
struct context { unsigned short type, flags; void *cleanup; size_t_ size; u32 tag; void *alloc, *free, *reserved; };
struct registration { unsigned short size, version; u32 flags; const struct context *contexts; void *rest[14]; };
static const struct context contexts[] = {{2, 0, 0, 0x40, '10xF', 0, 0, 0}, {8, 0, 0, ~(size_t_)0, '20xF', 0, 0, 0},
	{8, 1, 0, 0x80, '30xF', 0, 0, 0}, {0xffff, 0, 0, 0, '99xF', 0, 0, 0}};
static const struct registration registration = {sizeof(struct registration), 0x203, 0, contexts, {0}};
NI int t_register(void *driver) {
	void *f = 0;
	int s = FltRegisterFilter(driver, &registration, &f);
	sink = f;
	return s;
}
NI int t_context(void *f) {
	void *p = 0;
	int s = FltAllocateContext(f, 2, 0x40, 1, &p);
	sink = p;
	return s;
}
NI int t_context_any(void *f) {
	void *p = 0;
	int s = FltAllocateContext(f, 8, 0x60, 0x200, &p);
	sink = p;
	return s;
}""", t_register=[site("FltRegisterFilter", "Fx01", 0x40), site("FltRegisterFilter", "Fx02", None),
                  site("FltRegisterFilter", "Fx03", 0x80)],
     t_context=[site("FltAllocateContext", "Fx01", 0x40, "paged")],
     t_context_any=[site("FltAllocateContext", ["Fx02", "Fx03"], 0x60, "nonpaged-nx")])
case("""NI int t_clone(void *h) {
	void *p = 0;
	int s = NdisAllocateCloneOidRequest(h, h, '10oN', &p);
	sink = p;
	return s;
}""", t_clone=[site("NdisAllocateCloneOidRequest", "No01", None, "nonpaged")])
case("NI int t_generic(void *d) { void *p = NdisAllocateGenericObject(d, '10gN', 0x28); sink = p; return p != 0; }",
     t_generic=[site("NdisAllocateGenericObject", "Ng01", 0x28, "nonpaged")])
case("""
struct timer { unsigned char type, revision; unsigned short size; u32 tag; void *function, *context; };
NI int t_timer(void *h) {
	struct timer c = {0x97, 1, sizeof(struct timer), '10tN', (void *)&sink, h};
	void *p = 0;
	int s = NdisAllocateTimerObject(h, &c, &p);
	sink = p;
	return s;
}""", t_timer=[site("NdisAllocateTimerObject", "Nt01", None, "nonpaged")])
case("NI int t_push_lock(void) { void *p = FsRtlAllocateAePushLock(1, '10eA'); sink = p; return p != 0; }",
     t_push_lock=[site("FsRtlAllocateAePushLock", "Ae01", None, "paged")])
case("NI u32 t_stor(void *e) { void *p = 0; u32 s = StorPortExtendedFunction(0, e, 0x220, '10tS', &p); sink = p; return s; }",
     t_stor=[site("StorPortExtendedFunction", "St01", 0x220, "nonpaged")])
case("NI u32 t_stor_other(void *e) { u32 s = StorPortExtendedFunction(1, e, 0x220, '20tS', 0); global_value = s; return s; }")
case("NI int t_size(size_t_ n) { void *p = ExAllocatePoolWithTag(0, n, '10aV'); sink = p; return p != 0; }",
     t_size=[site(T, "Va01", ("arg", 0), "nonpaged")])
case("""NI int t_either(int c) {
	u32 t = '10vL';
	if (c)
		t = '20vL';
	void *p = ExAllocatePoolWithTag(1, c ? 0x20 : 0x30, t);
	sink = p;
	return p != 0;
}""", t_either=[site(T, ["Lv01", "Lv02"], [0x20, 0x30], "paged")])
case("""NI int t_computed(u32 k) {
	u32 t = 0x30300000, n = 3;
	t |= 0x6d43;
	n = (n << 5) + 8;
	global_value = k;
	void *p = ExAllocatePoolWithTag(1, n, t + (1u << 24));
	sink = p;
	return p != 0;
}""", t_computed=[site(T, "Cm01", 0x68, "paged")])
case("""NI int t_after_calls(void *m) {
	u32 t = '10cA';
	void *a = IoAllocateMdl(m, 16, 0, 0, 0);
	sink = a;
	void *p = ExAllocatePoolWithTag(0, 0x28, t);
	sink = p;
	return p != 0;
}""", t_after_calls=[site(T, "Ac01", 0x28, "nonpaged")])
case("""NI int t_same(int k) {
	void *p = 0;
	if (k == 1) {
		p = ExAllocatePoolWithTag(1, 0x110, '10mS');
		sink = p;
	} else if (k == 2) {
		global_value = 4;
		p = ExAllocatePoolWithTag(0, 0x120, '10mS');
		sink = &sink;
	} else {
		p = ExAllocatePool2(0x100, 0x130, '10mS');
		global_value = 9;
	}
	sink = p;
	return p != 0;
}""", t_same=[site(T, "Sm01", 0x110, "paged"), site(T, "Sm01", 0x120, "nonpaged"),
              site("ExAllocatePool2", "Sm01", 0x130, "paged")])
case("""NI int t_loop(int k) {
	for (int i = 0; i < k; i++) {
		sink = ExAllocatePoolWithTag(1, 0x38, '10pL');
		global_value += 1;
	}
	return k;
}""", t_loop=[site(T, "Lp01", 0x38, "paged")])
case("""NI int t_switch(int k) {
	u32 t = 0;
	switch (k) {
	case 0: global_value = 7; t = '00wS'; break;
	case 1: sink = 0; t = '10wS'; break;
	case 2: global_value = 9; sink = &sink; t = '20wS'; break;
	case 3: global_value += 9; t = '30wS'; break;
	case 4: sink = ExAllocatePoolWithTag(1, 0x58, '40wS'); global_value = 3; return 5;
	case 5: global_value ^= 9; t = '30wS'; break;
	case 6: sink = ExAllocatePoolWithTag(1, 0x5c, '60wS'); global_value = 4; return 6;
	default: return 0;
	}
	void *p = ExAllocatePoolWithTag(1, 0x54, t);
	sink = p;
	return p != 0;
}""", t_switch=[site(T, "Sw04", 0x58, "paged"), site(T, "Sw06", 0x5c, "paged"),
                site(T, "any", 0x54, "paged")])
case("""
static const u32 tags[4] = {'00bT', '10bT', '20bT', '30bT'};
NI int t_table(u32 k) { void *p = ExAllocatePoolWithTag(0, 0x20, tags[k & 3]); sink = p; return p != 0; }""",
     t_table=[site(T, ("table", ["Tb00", "Tb01", "Tb02", "Tb03"]), 0x20, "nonpaged")])
case("""
struct kind { size_t_ size; const char *name; u32 tag; };
static const struct kind kinds[3] = {{0x30, "a", '00bU'}, {0x40, "b", '10bU'}, {0x50, "c", '20bU'}};
NI int t_struct_table(u32 k) {
	void *p;
	if (k > 2)
		return 0;
	p = ExAllocatePoolWithTag(0, 0x99, kinds[k].tag);
	sink = p;
	return p != 0;
}""", t_struct_table=[site(T, ("some of table", ["Ub00", "Ub01", "Ub02"]), 0x99, "nonpaged")])
case("""
typedef void *(API *alloc_fn)(int, size_t_, u32);
NI int t_pointer(int c) {
	alloc_fn f = c ? ExAllocatePoolWithTag : ExAllocatePoolWithQuotaTag;
	void *p = f(1, 0x50, '10gR');
	sink = p;
	return p != 0;
}""", t_pointer=[site(T, "Rg01", 0x50, "paged"), site("ExAllocatePoolWithQuotaTag", "Rg01", 0x50, "paged")])
case("""
typedef void *(API *priority_fn)(int, size_t_, u32, int);
static const priority_fn functions[2] = {ExAllocatePoolWithTagPriority, ExAllocatePoolWithTagPriority};
NI int t_array(u32 k) { void *p = functions[k & 1](1, 0xa0, '10rA', 0); sink = p; return p != 0; }""",
     t_array=[site("ExAllocatePoolWithTagPriority", "Ar01", 0xa0, "paged")])
# The function table of the Windows Driver Framework: 116 is WdfDriverCreate, 192 WdfMemoryCreate, 198
# WdfLookasideListCreate. NAME, MAJOR, COUNT, BIND: what the driver tells the framework's loader, and whether it calls it.
def wdf(name="KmdfLibrary", major=1, minor=15, count=400, bind=True, array=False):
    return """
static const unsigned short library[] = {%s, 0};
%s;
void *WdfDriverGlobals;
struct bind { u32 size; const void *component; u32 version[3], n_functions; void *table, *module; };
struct bind WdfBindInfo = {sizeof(struct bind), library, {%d, %d, 0}, %d, &WdfFunctions, 0};
typedef int (API *memory_fn)(void *, void *, int, u32, size_t_, void *, void *);
typedef int (API *lookaside_fn)(void *, void *, size_t_, int, void *, u32, void *);
NI int t_wdf(void) {
	int s = ((memory_fn)WdfFunctions[192])(WdfDriverGlobals, 0, 1, '10dW', 0x66, (void *)&sink, 0);
	global_value = s;
	return s;
}
NI int t_wdf_list(void) {
	int s = ((lookaside_fn)WdfFunctions[198])(WdfDriverGlobals, 0, 0x77, 0x200, 0, '20dW', (void *)&sink);
	global_value = s;
	return s;
}
NI int t_wdf_other(void) {
	int s = ((memory_fn)WdfFunctions[193])(WdfDriverGlobals, 0, 1, '99dW', 0x66, (void *)&sink, 0);
	global_value = s;
	return s;
}
typedef int (API *driver_fn)(void *, void *, void *, void *, void *, void *);
struct config { u32 size; void *add, *unload; u32 flags, tag; };
NI int t_wdf_driver(void *d, void *p) {
	volatile struct config c;
	c.size = sizeof(c);
	c.add = 0;
	c.unload = &sink;
	c.flags = 1;
	c.tag = '40dW';
	int s = ((driver_fn)WdfFunctions[116])(WdfDriverGlobals, d, p, 0, (void *)&c, 0);
	global_value = s;
	return s;
}
NI int t_wdf_driver_name(void *d, void *p) {
	volatile struct config c;
	c.size = sizeof(c);
	c.add = 0;
	c.unload = &sink;
	c.flags = 1;
	c.tag = 0;
	int s = ((driver_fn)WdfFunctions[116])(WdfDriverGlobals, d, p, 0, (void *)&c, 0);
	global_value = s;
	return s;
}
NI int d_wdf_bind(void *d, void *p) { return %s; }""" % (
        ", ".join("'%s'" % c for c in name), "void *WdfFunctions[400]" if array else "void **WdfFunctions", major, minor, count,
        "WdfVersionBind(d, p, &WdfBindInfo, &WdfDriverGlobals)" if bind else "d == p")


WDF_SITES = {"t_wdf": [site("WdfMemoryCreate", "Wd01", 0x66, "paged")],
             "t_wdf_driver": [site("WdfDriverCreate", "Wd04", None)],
             "t_wdf_list": [site("WdfLookasideListCreate", "Wd02", 0x77, "nonpaged-nx")]}
case(wdf(), **WDF_SITES)
# What is no proof, and the functions whose sites are there.
WDF_DOUBTFUL = [({"bind": False}, []), ({"name": "UmdfLibrary"}, []), ({"major": 2}, []), ({"count": 0}, []),
                ({"count": 198}, ["t_wdf", "t_wdf_driver"]), ({"array": True}, []), ({"minor": 9}, []),
                # Up to version 1.9 the table itself is in the driver.
                ({"minor": 9, "array": True}, ["t_wdf", "t_wdf_driver", "t_wdf_list"]),
                ({"minor": 9, "array": True, "count": 198}, ["t_wdf", "t_wdf_driver"]), ({"minor": 9, "array": True, "bind": False}, [])]
# Wrappers.
case("""
NI void *w_all(size_t_ n, u32 t) { void *p = ExAllocatePoolWithTag(1, n, t); sink = p; return p; }
NI int t_wrapped(void) { void *p = w_all(0x44, '10fW'); global_value = 1; return p != 0; }
NI int t_wrapped2(void) { void *p = w_all(0x4c, '20fW'); global_value = 2; return p != 0; }
NI void *w_two(size_t_ n) { void *p = w_all(n + 0x10, '30fW'); global_value = 3; return p; }
NI int t_twice(void) { void *p = w_two(0x20); global_value = 4; return p != 0; }
NI void *w_three(int a, int b, size_t_ n) { global_value = a + b; void *p = w_two(n); global_value = 5; return p; }
NI int t_thrice(void) { void *p = w_three(1, 2, 0x60); global_value = 6; return p != 0; }""",
     w_all=[site(T, ("arg", 1), ("arg", 0), "paged")],
     t_wrapped=[site(T, "Wf01", 0x44, "paged", ["w_all"])],
     t_wrapped2=[site(T, "Wf02", 0x4c, "paged", ["w_all"])],
     w_two=[site(T, "Wf03", ("arg", 0, 16), "paged", ["w_all"])],
     t_twice=[site(T, "Wf03", 0x30, "paged", ["w_two", "w_all"])],
     w_three=[site(T, "Wf03", ("arg", 2, 16), "paged", ["w_two", "w_all"])],
     t_thrice=[site(T, "Wf03", 0x70, "paged", ["w_three", "w_two", "w_all"])])
case("""
NI void *w_zero(u64 flags, size_t_ n, u32 t) {
	void *p = ExAllocatePool2(flags, n, t);
	if (p == 0)
		global_value = 1;
	else
		memset(p, 0, n);
	return p;
}
NI int t_zeroed(void) { void *p = w_zero(0x100, 0x84, '10zW'); global_value = 1; return p != 0; }""",
     w_zero=[site("ExAllocatePool2", None, None)],
     t_zeroed=[site("ExAllocatePool2", "Wz01", 0x84, "paged", ["w_zero"])])
case("""
NI void *w_tail(int k, size_t_ n) { global_value = k; return ExAllocatePoolWithTag(0, n, '10tW'); }
NI int t_through_tail(void) { void *p = w_tail(3, 0xb0); global_value = 1; return p != 0; }""",
     w_tail=[site(T, "Wt01", ("arg", 1), "nonpaged", tail=None)],
     t_through_tail=[site(T, "Wt01", 0xb0, "nonpaged", ["w_tail"])])
# A structure of which a wider store wrote parts that others write again.
case("""
struct __attribute__((packed)) wide { unsigned short type, size; u64 both; };
NI void *t_wide(void *h) {
	struct wide p;
	p.type = 0x180;
	p.size = 12;
	*(volatile u64 *)&p.both = 0xffffffff00000000ull | (u32)'10dP';
	*(volatile u32 *)((char *)&p + 8) = 0x240;
	void *r = NdisAllocateNetBufferPool(h, &p);
	sink = r;
	return r;
}""", t_wide=[site("NdisAllocateNetBufferPool", "Pd01", 0x240)])
# What must not be found.
case("NI void *d_address(void) { sink = (void *)ExAllocatePoolWithTag; return sink; }")
case("NI int d_other(void *m) { sink = IoAllocateMdl(m, '99oD', 0, 0, 0); ExFreePoolWithTag(m, '99oD'); return 0; }")
case("NI u32 d_number(u32 k) { return k == '99nD' ? 0x80 : k * '88nD'; }")
case("NI void d_stale(void *m) { sink = (void *)ExAllocatePoolWithTag; IoAllocateMdl(m, 1, 0, 0, 0); global_value = 2; }")

ENTRY = "int API DriverEntry(void *d, void *p)\n{\n\treturn d != p;\n}\n"
LOAD_CONFIG = r"""
extern void *__guard_check_icall_fptr;
extern void *__guard_dispatch_icall_fptr;
#ifdef _M_IX86
struct lc { u32 size, a[17]; void *check, *dispatch; u32 b[20]; };
#else
struct lc { u32 size, a[27]; void *check, *dispatch; u64 b[30]; };
#endif
static void guard_check(void) {}
static void guard_dispatch(void) {}
void *__guard_check_icall_fptr = (void *)guard_check;
void *__guard_dispatch_icall_fptr = (void *)guard_dispatch;
const struct lc _load_config_used = {sizeof(struct lc), {0}, &__guard_check_icall_fptr, &__guard_dispatch_icall_fptr, {0}};
"""

TARGETS = {
    "x64": ("x86_64-pc-windows-msvc", "i386:x86-64", "x64"),
    "x86": ("i686-pc-windows-msvc", "i386", "x86"),
    "arm64": ("aarch64-pc-windows-msvc", "arm64", "arm64"),
}


def run(*cmd, **kw):
    p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)
    if p.returncode != 0:
        raise RuntimeError("%s\n%s" % (" ".join(cmd), p.stderr.decode(errors="replace")[:3000]))
    return p.stdout.decode(errors="replace")


# What the kernel makes of calls in a driver that is loaded: the routine in a register, and a call of a stub that is
# outside of the image and jumps through it.
STUBS = r"""
#define STUB(name, reg, jump, tag) int name(void); __asm__( \
	".text\n\t.p2align 4, 0xcc\n\t.globl " #name "\n" #name ":\n.seh_proc " #name "\n\tsubq $40, %rsp\n\t" \
	".seh_stackalloc 40\n\t.seh_endprologue\n\tmovl $1, %ecx\n\tmovl $0x5a, %edx\n\tmovl $" #tag ", %r8d\n\t" \
	"movq __imp_ExAllocatePoolWithTag(%rip), %" #reg "\n\t" jump "\n.seh_endproc\n");
STUB(t_stub, r10, "call __ImageBase-0x100000\n\taddq $40, %rsp\n\tret", 0x31306253)
STUB(t_stub_guard, rax, "call __ImageBase-0x100000\n\taddq $40, %rsp\n\tret", 0x32306253)
STUB(t_stub_tail, rax, "addq $40, %rsp\n\tjmp __ImageBase-0x100000", 0x33306253)
"""
STUB_SITES = {n: [site(T, t, 0x5a, "paged")] for n, t in
              (("t_stub", "Sb01"), ("t_stub_guard", "Sb02"), ("t_stub_tail", "Sb03"))}


def source(guard):
    text = "\n".join(c[0] for c in CASES)
    names = re.findall(r"\b([tdw]_\w+)\(", text)
    keep = "void *const keep[] = {%s};\n" % ", ".join("(void *)" + n for n in sorted(set(names)))
    return PRELUDE + text + "\n" + ENTRY + keep + (LOAD_CONFIG if guard else "")


def expectations():
    out = {}
    for _, e in CASES:
        out.update(e)
    return out


def kernel_expectations():
    """Nothing binds the kernel to the framework: there its table is no proof."""
    return {n: e for n, e in expectations().items() if n not in WDF_SITES}


def import_library(arch, work):
    _, machine, _ = TARGETS[arch]
    definition, lib = os.path.join(work, arch + ".def"), os.path.join(work, arch + ".lib")
    with open(definition, "w") as f:
        f.write("LIBRARY ntoskrnl.exe\nEXPORTS\n")
        for name, n in IMPORTS:
            f.write("%s\n" % ("%s@%d" % (name, n) if arch == "x86" else name))
    run("llvm-dlltool", *(["-k"] if arch == "x86" else []), "-d", definition, "-m", machine, "-l", lib)
    return lib


def functions_of_map(path, arch):
    base = None
    functions = {}
    for line in open(path):
        m = re.match(r"^ Preferred load address is ([0-9a-f]+)", line)
        if m:
            base = int(m[1], 16)
        m = re.match(r"^ [0-9a-f]{4}:[0-9a-f]{8}\s+(\S+)\s+([0-9a-f]{8,16})", line)
        if m and base is not None:
            sym = m[1][1:] if arch == "x86" and m[1].startswith("_") else m[1]
            functions.setdefault(re.sub(r"@\d+$", "", sym), int(m[2], 16) - base)
    return functions


def compile_clang(arch, name, text, opt, *flags):
    with open(name + ".c", "w") as f:
        f.write(text)
    run("clang", "--target=" + TARGETS[arch][0], opt, "-ffreestanding", "-fno-stack-protector", "-fno-builtin",
        "-mno-stack-arg-probe", "-Wno-multichar", "-Wno-unused", "-c", *flags, name + ".c", "-o", name + ".o")
    return name + ".o"


def link(arch, name, *what):
    """(driver, {function: rva})"""
    run("lld-link", "/subsystem:native", "/entry:DriverEntry", "/nodefaultlib", "/opt:noref", "/opt:noicf",
        "/machine:" + TARGETS[arch][2], "/safeseh:no", "/map:" + name + ".map", "/out:" + name + ".sys", *what)
    return name + ".sys", functions_of_map(name + ".map", arch)


UNWIND = "-fasynchronous-unwind-tables"


def build_clang(arch, opt, guard, work, lib):
    name = os.path.join(work, "%s%s%s" % (arch, opt, "-guard" if guard else ""))
    has_pdb = opt == "-O2" and not guard
    flags = ["-Xclang", "-cfguard"] if guard else ["-gcodeview"] if has_pdb else []
    if opt != "-O1" or arch != "x64":
        flags.append(UNWIND)
    text = source(guard) + (STUBS if guard and arch == "x64" else "")
    return link(arch, name, "/driver", *(["/guard:cf"] if guard else ["/debug"] if has_pdb else []),
                compile_clang(arch, name, text, opt, *flags), lib)


def build_retpoline(arch, work, lib):
    """Every indirect call goes through a stub of the driver's own."""
    name = os.path.join(work, arch + "-retpoline")
    return link(arch, name, "/driver", compile_clang(arch, name, source(False), "-O2", UNWIND, "-mretpoline"), lib)


def build_kernel(arch, opt, work):
    """One image that exports the routines and calls them itself, as the kernel and fltmgr do: without imports."""
    name = os.path.join(work, arch + opt + "-kernel")
    own = source(False).replace("#define IMP __declspec(dllimport)", "#define IMP")
    routines = PRELUDE.split("void *volatile sink;")[0].replace("#define IMP __declspec(dllimport)", "#define IMP extern")
    routines += "void *volatile made;\n"
    for m in re.finditer(r"^(?:IMP )?([\w ]+\*?)API (\w+)\((.*)\);$", PRELUDE, re.M):
        types = m[3].split(", ")
        result = "" if m[1].strip() == "void" else " return (%s)(size_t_)made;" % m[1].strip()
        routines += "%sAPI %s(%s) { made = (void *)(size_t_)a%d;%s }\n" % (
            m[1], m[2], ", ".join("%s a%d" % (t, i) for i, t in enumerate(types)), len(types) - 1, result)
    with open(name + ".def", "w") as f:
        f.write("LIBRARY ntoskrnl.exe\nEXPORTS\n" + "".join("%s\n" % n for n, _ in IMPORTS))
    return link(arch, name, "/dll", "/def:" + name + ".def", compile_clang(arch, name, own, opt, UNWIND),
                compile_clang(arch, name + "-routines", routines, opt, UNWIND))


def build_wdf(arch, i, work, lib):
    """A driver whose function table is not proven, and what of it is still certain."""
    name = os.path.join(work, "%s-wdf%d" % (arch, i))
    how, functions = WDF_DOUBTFUL[i]
    text = PRELUDE + wdf(**how) + "\n" + ENTRY
    path, names = link(arch, name, "/driver", compile_clang(arch, name, text, "-O2", UNWIND), lib)
    return path, names, {n: WDF_SITES[n] for n in functions}


MINGW = {"x64": "x86_64-w64-mingw32-", "x86": "i686-w64-mingw32-"}


def build_mingw(arch, opt, work):
    name, tools, is_32 = os.path.join(work, "mingw-%s%s" % (arch, opt)), MINGW[arch], arch == "x86"
    with open(name + ".c", "w") as f:
        f.write(source(False))
    with open(name + ".def", "w") as f:
        f.write("LIBRARY ntoskrnl.exe\nEXPORTS\n" + "".join("%s%s\n" % (n, "@%d" % b if is_32 else "") for n, b in IMPORTS))
    run(tools + "dlltool", *(["-k"] if is_32 else []), "-d", name + ".def", "-l", name + ".a")
    run(tools + "gcc", opt, "-ffreestanding", "-fno-builtin", "-Wno-multichar", "-fno-toplevel-reorder",
        # A base whose bytes in addresses look like a jump, and one that does not.
        "-nostdlib", "-shared", "-Wl,--image-base," + ("0x6beb0000" if opt in ("-Os", "-O0") else "0x10000000"),
        "-Wl,--subsystem,native", "-Wl,-e," + ("_DriverEntry@8" if is_32 else "DriverEntry"),
        name + ".c", name + ".a", "-o", name + ".sys")
    functions = {}
    base = None
    for line in run(tools + "objdump", "-p", name + ".sys").splitlines():
        m = re.match(r"^ImageBase\s+([0-9a-f]+)", line)
        if m:
            base = int(m[1], 16)
    for line in run(tools + "nm", name + ".sys").splitlines():
        m = re.match(r"^([0-9a-f]+) [Tt] (\S+)$", line)
        if m:
            functions[m[2][1:] if is_32 and m[2].startswith("_") else m[2]] = int(m[1], 16) - base
    return name + ".sys", functions


def build_delayed(work, lib):
    """The imports are loaded when first called: they have no ordinary slots."""
    name = os.path.join(work, "delayed")
    text = source(False) + "void *API __delayLoadHelper2(const void *d, void **slot) { return *slot; }\n"
    return link("x64", name, "/dll", "/delayload:ntoskrnl.exe", compile_clang("x64", name, text, "-O2"), lib)


def call_ends(path):
    """{RVA of a call or jump: RVA behind it}, from a listing."""
    base = None
    for line in run("llvm-objdump", "-p", path).splitlines():
        m = re.match(r"^ImageBase\s+([0-9a-f]+)", line)
        if m:
            base = int(m[1], 16)
    out, last = {}, None
    for line in run("llvm-objdump", "-d", path).splitlines():
        m = re.match(r"^\s*([0-9a-f]+):\s((?:[0-9a-f]{2} )+|[0-9a-f]{2}(?: [0-9a-f]{2})*)\s*(\S+)", line)
        if not m:
            continue
        at, n, op = int(m[1], 16) - base, len(m[2].split()), m[3]
        if op.startswith(("call", "bl", "jmp", "br")) or op == "b" or (op.startswith("j")):
            out[at] = at + n
    return out


# Two drivers: one exports wrappers, the other calls them; a third calls what the second exports of them.
LIBRARY = r"""
__declspec(dllexport) NI void *LibAllocate(size_t_ n, u32 t) { void *p = ExAllocatePoolWithTag(1, n, t); sink = p; return p; }
__declspec(dllexport) NI void *LibFixed(int k, size_t_ n) { global_value = k; void *p = LibAllocate(n + 8, '10iL'); sink = &p; return p; }
__declspec(dllexport) NI int LibOther(size_t_ n) { global_value = (u32)n; return 1; }
"""
USER = r"""
IMP void *LibAllocate(size_t_, u32);
IMP void *LibFixed(int, size_t_);
IMP int LibOther(size_t_);
NI int u_direct(void) { void *p = LibAllocate(0x44, '10sU'); sink = p; return p != 0; }
NI int u_fixed(void) { void *p = LibFixed(3, 0x50); sink = p; return p != 0; }
NI int u_other(void) { global_value = 1; return LibOther(0x60); }
__declspec(dllexport) NI void *UserAllocate(u32 t) { void *p = LibAllocate(0x70, t); sink = p; return p; }
"""
THIRD = r"""
IMP void *UserAllocate(u32);
NI int v_through(void) { void *p = UserAllocate('10hT'); sink = p; return p != 0; }
"""


def build_modules(arch, work, lib):
    """[(driver, functions)] of the three."""
    out, libs = [], [lib]
    for name, text in ("lib", LIBRARY), ("user", USER), ("third", THIRD):
        base = os.path.join(work, "%s-%s" % (name, arch))
        out.append(link(arch, base, "/dll", "/implib:" + base + ".imp.lib",
                        compile_clang(arch, base, PRELUDE + text + ENTRY, "-O2", UNWIND), *libs))
        libs.append(base + ".imp.lib")
    return out
