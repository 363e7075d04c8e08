/* SPDX-License-Identifier: MIT */
/* Checks the lab's memory, containers and images byte by byte. Offsets are written out here, not shared with the
   writers. Usage: lab_selftest [directory for files] */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "container.h"
#include "image.h"
#include "mem.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

static unsigned n_checks, n_failed;
static const char *context = "";

#define CHECK(what)                                                                                                    \
	do {                                                                                                           \
		n_checks++;                                                                                            \
		if (!(what)) {                                                                                         \
			n_failed++;                                                                                    \
			fprintf(stderr, "%s:%d: [%s] %s\n", __FILE__, __LINE__, context, #what);                       \
		}                                                                                                      \
	} while (0)
#define CHECK_EQ(a, b)                                                                                                 \
	do {                                                                                                           \
		const uint64_t a_value = (a), b_value = (b);                                                           \
		n_checks++;                                                                                            \
		if (a_value != b_value) {                                                                              \
			n_failed++;                                                                                    \
			fprintf(stderr, "%s:%d: [%s] %s = %#" PRIx64 ", expected %#" PRIx64 "\n", __FILE__, __LINE__,  \
				context, #a, a_value, b_value);                                                        \
		}                                                                                                      \
	} while (0)

static const struct lab_run runs[] = {{0x1, 0x9e}, {0x100, 0x1303}, {0x1500, 0x405}};
static const uint64_t highest_pfn = 0x1904, total_pages = 0x9e + 0x1303 + 0x405;
static const uint64_t mask45 = UINT64_C(0x0000200000000000);

struct machine {
	enum lab_mmu mmu;
	enum lab_softpte softpte;
	const char *name;
	bool is_64bit;
	uint64_t kernel_va, large_va, large_bytes;
	uint64_t state_va; /* five pages for the states */
	unsigned self_slot;
	uint64_t pte_base, pte_va_mask;
	unsigned pte_bytes;
	struct lab_mem *mem;
};

static struct machine machines[] = {
	{LAB_MMU_X86, LAB_SOFTPTE_OLD, "x86", false, 0x80500000, 0x80800000, 0x400000, 0xe1000000, 0, 0xc0000000,
	 0x3ffffc, 4, NULL},
	{LAB_MMU_PAE, LAB_SOFTPTE_OLD, "pae", false, 0x80500000, 0x80800000, 0x200000, 0xe1000000, 0, 0xc0000000,
	 0x7ffff8, 8, NULL},
	{LAB_MMU_PAE, LAB_SOFTPTE_NEW, "pae-new", false, 0x80500000, 0x80800000, 0x200000, 0xe1000000, 0, 0xc0000000,
	 0x7ffff8, 8, NULL},
	{LAB_MMU_X64, LAB_SOFTPTE_OLD, "x64", true, UINT64_C(0xfffff80002a1c000), UINT64_C(0xfffffa8003000000),
	 0x200000, UINT64_C(0xfffff8a000001000), 0x1ed, UINT64_C(0xfffff68000000000), UINT64_C(0x7ffffffff8), 8, NULL},
	{LAB_MMU_X64, LAB_SOFTPTE_NEW, "x64-new", true, UINT64_C(0xfffff80002a1c000), UINT64_C(0xffffa28003000000),
	 0x200000, UINT64_C(0xffffb58a00001000), 0x1fb, UINT64_C(0xfffffd8000000000), UINT64_C(0x7ffffffff8), 8, NULL},
	{LAB_MMU_LA57, LAB_SOFTPTE_NEW, "la57", true, UINT64_C(0xfffff80002a1c000), UINT64_C(0xff11800003000000),
	 0x200000, UINT64_C(0xff21800000001000), 0x1e3, UINT64_C(0xffe3000000000000), UINT64_C(0xfffffffffff8), 8,
	 NULL},
};
#define N_MACHINES (sizeof machines / sizeof machines[0])

static uint64_t le(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = n; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

static uint64_t get_pte_by_self_map(const struct machine *x, uint64_t va)
{
	const uint64_t at = x->pte_base + ((va >> (x->pte_bytes == 4 ? 10 : 9)) & x->pte_va_mask);

	return x->pte_bytes == 4 ? lab_get32(x->mem, at) : lab_get64(x->mem, at);
}

static void check_states(struct machine *x)
{
	struct lab_mem *m = x->mem;
	const uint64_t va = x->state_va, proto = x->kernel_va + 0x2008;
	uint64_t pfn, e;

	lab_mem_map(m, va, 5 * 4096, LAB_MAP_WRITE | LAB_MAP_NX);
	for (unsigned i = 0; i < 5; i++)
		lab_put32(m, va + i * 4096 + 0x10, 0x1000 + i);
	pfn = lab_mem_pa(m, va + 4096) >> 12;
	lab_mem_set_state(m, va + 4096, LAB_PTE_TRANSITION, 0);
	CHECK_EQ(lab_get32(m, va + 4096 + 0x10), 0x1001);
	CHECK_EQ(lab_mem_pa(m, va + 4096) >> 12, pfn);
	e = lab_mem_raw_entry(m, va + 4096, 1);
	CHECK_EQ(e & 0xc01, 0x800);
	CHECK_EQ(e >> 5 & 0x1f, 4);
	if (x->softpte == LAB_SOFTPTE_NEW) {
		CHECK_EQ(e & 0x10, 0);
		CHECK_EQ(e & mask45, mask45);
		e ^= mask45;
	}
	CHECK_EQ(e >> 12 & 0xfffffffff, pfn);
	lab_mem_set_state(m, va + 4096, LAB_PTE_PRESENT, 0);
	CHECK_EQ(lab_get32(m, va + 4096 + 0x10), 0x1001);
	CHECK_EQ(lab_mem_pa(m, va + 4096) >> 12, pfn);
	lab_mem_set_state(m, va + 4096, LAB_PTE_TRANSITION, 0);

	pfn = lab_mem_pa(m, va + 2 * 4096) >> 12;
	lab_mem_set_state(m, va + 2 * 4096, LAB_PTE_PAGED_OUT, 0);
	CHECK(!lab_mem_is_mapped(m, va + 2 * 4096));
	CHECK(lab_mem_frame_peek(m, pfn) == NULL);
	e = lab_mem_raw_entry(m, va + 2 * 4096, 1);
	CHECK_EQ(e & 0xc01, 0);
	if (x->softpte == LAB_SOFTPTE_NEW) {
		if ((e & 0x10) == 0)
			e ^= mask45;
		CHECK_EQ(e >> 12 & 0xf, 0);
	} else {
		CHECK_EQ(e >> 1 & 0xf, 0);
	}
	CHECK(e >> (x->mmu == LAB_MMU_X86 ? 12 : 32) != 0);

	lab_mem_set_state(m, va + 3 * 4096, LAB_PTE_DEMAND_ZERO, 0);
	e = lab_mem_raw_entry(m, va + 3 * 4096, 1);
	if (x->softpte == LAB_SOFTPTE_NEW)
		e ^= mask45;
	CHECK_EQ(e, 0x80);

	lab_mem_set_state(m, va + 4 * 4096, LAB_PTE_PROTOTYPE, proto);
	e = lab_mem_raw_entry(m, va + 4 * 4096, 1);
	CHECK_EQ(e & 0x401, 0x400);
	if (x->softpte == LAB_SOFTPTE_NEW && (e & 0x10) == 0)
		e ^= mask45;
	if (x->mmu == LAB_MMU_X86)
		CHECK_EQ(0x80000000 | (e >> 1 & 0x7ffffc00) | (e << 1 & 0x3ff), proto);
	else if (x->mmu == LAB_MMU_PAE)
		CHECK_EQ(e >> 32, proto);
	else
		CHECK_EQ((uint64_t)((int64_t)e >> 16), proto);
	CHECK(!lab_mem_is_mapped(m, va + 4 * 4096));
}

static void check_machine(struct machine *x)
{
	uint64_t pfn;
	uint8_t bytes[64], back[64];

	context = x->name;
	x->mem = lab_mem_new(x->mmu, x->softpte, runs, 3, x->self_slot, 42);
	if (x->softpte == LAB_SOFTPTE_NEW)
		lab_mem_set_invalid_pte_mask(x->mem, mask45);
	CHECK_EQ(lab_mem_highest_pfn(x->mem), highest_pfn);
	CHECK_EQ(lab_mem_total_pages(x->mem), total_pages);
	CHECK_EQ(lab_mem_dtb(x->mem) % (x->mmu == LAB_MMU_PAE ? 32 : 4096), 0);

	lab_mem_map(x->mem, x->kernel_va, 0x4000, LAB_MAP_WRITE | LAB_MAP_GLOBAL);
	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7 + 1);
	lab_put(x->mem, x->kernel_va + 0xfe0, bytes, sizeof bytes);
	lab_get(x->mem, x->kernel_va + 0xfe0, back, sizeof back);
	CHECK(memcmp(bytes, back, sizeof bytes) == 0);
	CHECK(memcmp(lab_mem_frame_peek(x->mem, lab_mem_pa(x->mem, x->kernel_va) >> 12) + 0xfe0, bytes, 32) == 0);
	CHECK(memcmp(lab_mem_frame_peek(x->mem, lab_mem_pa(x->mem, x->kernel_va + 0x1000) >> 12), bytes + 32, 32) == 0);
	CHECK(lab_mem_pa(x->mem, x->kernel_va + 0x1000) != lab_mem_pa(x->mem, x->kernel_va) + 0x1000);
	for (unsigned i = 0; i < 4; i++) {
		const uint64_t va = x->kernel_va + i * 0x1000, e = lab_mem_raw_entry(x->mem, va, 1);

		CHECK_EQ(get_pte_by_self_map(x, va), e);
		CHECK_EQ(e & 0x963, 0x963);
		CHECK_EQ((e & UINT64_C(0x000ffffffffff000)) + 0x123, lab_mem_pa(x->mem, va + 0x123));
	}
	CHECK(!lab_mem_is_mapped(x->mem, x->kernel_va + 0x4000));

	lab_mem_map(x->mem, x->large_va, x->large_bytes, LAB_MAP_WRITE | LAB_MAP_LARGE);
	CHECK_EQ(lab_mem_raw_entry(x->mem, x->large_va, 2) & 0x81, 0x81);
	CHECK_EQ(lab_mem_pa(x->mem, x->large_va) % x->large_bytes, 0);
	CHECK_EQ(lab_mem_pa(x->mem, x->large_va + 0x12345), lab_mem_pa(x->mem, x->large_va) + 0x12345);
	lab_put64(x->mem, x->large_va + 0x12ffc, UINT64_C(0x1122334455667788));
	CHECK_EQ(lab_get64(x->mem, x->large_va + 0x12ffc), UINT64_C(0x1122334455667788));

	lab_mem_map(x->mem, 0x10000, 0x1000, LAB_MAP_WRITE | LAB_MAP_USER);
	CHECK_EQ(lab_mem_raw_entry(x->mem, 0x10000, 1) & 4, 4);
	CHECK_EQ(lab_mem_raw_entry(x->mem, 0x10000, 2) & 4, 4);

	check_states(x);

	pfn = lab_mem_alloc_frames(x->mem, 3, 4);
	CHECK_EQ(pfn % 4, 0);
	lab_mem_frame(x->mem, pfn)[5] = 0xaa;
	lab_mem_drop_from_kernel_dumps(x->mem, pfn);
	CHECK(lab_mem_is_dropped(x->mem, pfn) && !lab_mem_is_dropped(x->mem, pfn + 1));
	CHECK(lab_mem_frame(x->mem, 0xa0) == NULL);

	/* A device page, and a page table that points to itself. */
	lab_mem_map_pfn(x->mem, x->kernel_va + 0x8000, 0xfee00, 0);
	CHECK_EQ(lab_mem_pa(x->mem, x->kernel_va + 0x8000), 0xfee00000);
	lab_mem_set_raw_entry(x->mem, x->state_va + 0x800000, 2, lab_mem_raw_entry(x->mem, x->kernel_va, 2));
	CHECK_EQ(lab_mem_raw_entry(x->mem, x->state_va + 0x800000, 2), lab_mem_raw_entry(x->mem, x->kernel_va, 2));
}

static void check_exhaustion(void)
{
	const struct lab_run small[] = {{0, 0x40}, {0x50, 0x20}};
	struct lab_mem *m = lab_mem_new(LAB_MMU_X64, LAB_SOFTPTE_OLD, small, 2, 0x1ed, 7);
	struct lab_mem *again = lab_mem_new(LAB_MMU_X64, LAB_SOFTPTE_OLD, small, 2, 0x1ed, 7);
	uint8_t seen[0x70] = {0};

	context = "exhaustion";
	seen[lab_mem_dtb(m) >> 12] = 1;
	for (unsigned i = 0; i < 0x40 + 0x20 - 2; i++) {
		const uint64_t pfn = lab_mem_alloc_frame(m);

		CHECK(pfn != 0 && pfn < 0x70 && !(pfn >= 0x40 && pfn < 0x50) && !seen[pfn]);
		seen[pfn] = 1;
		CHECK_EQ(lab_mem_alloc_frame(again), pfn);
	}
	lab_mem_free(m);
	lab_mem_free(again);
}

struct file {
	uint8_t *bytes;
	size_t size;
};

static char directory[512];

static const char *in_directory(const char *name)
{
	static char path[1024];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	return path;
}

/* gzread passes plain files through. One byte more than the file is there, for a terminator. */
static struct file read_all(const char *path)
{
	struct file f = {NULL, 0};
	const unsigned step = 1u << 22;
	gzFile in = gzopen(path, "rb");
	int n;

	if (in == NULL)
		lab_die("cannot read %s", path);
	do {
		f.bytes = realloc(f.bytes, f.size + step + 1);
		n = f.bytes != NULL ? gzread(in, f.bytes + f.size, step) : -1;
		if (n < 0)
			lab_die("cannot read %s", path);
		f.size += (size_t)n;
	} while (n > 0);
	gzclose(in);
	return f;
}

static struct file write_and_read(const struct machine *x, const struct lab_header *h, enum lab_container kind)
{
	char name[64];
	struct file plain, packed;

	snprintf(name, sizeof name, "%s-%s.dmp", x->name, lab_container_name(kind));
	lab_container_write(x->mem, h, kind, in_directory(name), true, 0);
	plain = read_all(in_directory(name));
	remove(in_directory(name));
	strcat(name, ".gz");
	lab_container_write(x->mem, h, kind, in_directory(name), false, 1);
	packed = read_all(in_directory(name));
	remove(in_directory(name));
	CHECK_EQ(plain.size, packed.size);
	CHECK(plain.size == packed.size && memcmp(plain.bytes, packed.bytes, plain.size) == 0);
	free(packed.bytes);
	return plain;
}

static uint64_t popcount_below(const uint8_t *bitmap, uint64_t pfn)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < pfn; i++)
		n += bitmap[i / 8] >> (i % 8) & 1;
	return n;
}

static bool page_is(const struct machine *x, const struct file *f, uint64_t offset, uint64_t pfn)
{
	static const uint8_t zeros[4096];
	const uint8_t *page = lab_mem_frame_peek(x->mem, pfn);

	return offset + 4096 <= f->size && memcmp(f->bytes + offset, page != NULL ? page : zeros, 4096) == 0;
}

static uint64_t pfn_of(const struct machine *x, uint64_t va)
{
	return lab_mem_pa(x->mem, va) >> 12;
}

static void check_common_header(const struct machine *x, const struct file *f, unsigned type)
{
	const uint8_t *p = f->bytes;

	CHECK(memcmp(p, x->is_64bit ? "PAGEDU64" : "PAGEDUMP", 8) == 0);
	CHECK_EQ(le(p + 8, 4), 0xf);
	CHECK_EQ(le(p + 0x10, x->is_64bit ? 8 : 4), lab_mem_dtb(x->mem));
	CHECK_EQ(le(p + (x->is_64bit ? 0x30 : 0x20), 4), x->is_64bit ? 0x8664 : 0x14c);
	CHECK_EQ(le(p + (x->is_64bit ? 0x38 : 0x28), 4), 0xd1);
	CHECK_EQ(le(p + (x->is_64bit ? 0x80 : 0x60), x->is_64bit ? 8 : 4), x->kernel_va + 0x100);
	CHECK_EQ(le(p + (x->is_64bit ? 0xf98 : 0xf88), 4), type);
	CHECK_EQ(le(p + (x->is_64bit ? 0xfa8 : 0xfc0), 8), UINT64_C(0x1d707f23dbb3399));
	CHECK_EQ(le(p + (x->is_64bit ? 0x1030 : 0xfb8), 8), 0x123456789);
	CHECK(memcmp(p + (x->is_64bit ? 0x60 : 0x3c), "PAGEPAGEPAGE", 12) == 0); /* VersionUser: absent */
	CHECK(memcmp(p + (x->is_64bit ? 0x1054 : 0x8a4), "PAGEPAGE", 8) == 0);
	if (x->is_64bit)
		CHECK(memcmp(p + 0x104c, "P\0GE", 4) == 0);
	else
		CHECK_EQ(p[0x5c], x->mmu == LAB_MMU_PAE);
	if (type == 1)
		CHECK_EQ(le(p + (x->is_64bit ? 0x88 : 0x64), 4), 3);
	else
		CHECK(memcmp(p + (x->is_64bit ? 0x88 : 0x64), "PAGEPAGEPAGEPAGE", 16) == 0);
}

static void check_full(const struct machine *x, const struct file *f)
{
	const size_t header = x->is_64bit ? 0x2000 : 0x1000;

	CHECK_EQ(f->size, header + total_pages * 4096);
	if (x->is_64bit) {
		CHECK_EQ(le(f->bytes + 0x90, 8), total_pages);
		CHECK_EQ(le(f->bytes + 0xa8, 8), 0x100);
		CHECK_EQ(le(f->bytes + 0xb0, 8), 0x1303);
	} else {
		CHECK_EQ(le(f->bytes + 0x68, 4), total_pages);
		CHECK_EQ(le(f->bytes + 0x74, 4), 0x100);
		CHECK_EQ(le(f->bytes + 0x78, 4), 0x1303);
	}
	for (uint64_t pfn = 0x100; pfn < 0x1403; pfn++)
		CHECK(page_is(x, f, header + (0x9e + pfn - 0x100) * 4096, pfn));
	for (uint64_t pfn = 0x1500; pfn <= highest_pfn; pfn++)
		CHECK(page_is(x, f, header + (0x9e + 0x1303 + pfn - 0x1500) * 4096, pfn));
}

/* Where the bitmap and the first page are, and how many bits and pages there should be. */
static void check_bitmap(const struct machine *x, const struct file *f, size_t bitmap_at, uint64_t first_page,
			 uint64_t n_bits, uint64_t n_present, bool kernel_only)
{
	const uint8_t *bitmap = f->bytes + bitmap_at;

	CHECK(n_bits > highest_pfn && first_page >= bitmap_at + (n_bits + 7) / 8);
	CHECK_EQ(popcount_below(bitmap, n_bits), n_present);
	CHECK_EQ(f->size, first_page + n_present * 4096);
	for (uint64_t pfn = 0; pfn <= highest_pfn; pfn++) {
		const bool is_there = (bitmap[pfn / 8] >> (pfn % 8) & 1) != 0;

		if (lab_mem_frame_peek(x->mem, pfn) != NULL)
			CHECK(is_there == !(kernel_only && lab_mem_is_dropped(x->mem, pfn)));
		if (is_there && pfn % 16 == 0)
			CHECK(page_is(x, f, first_page + 4096 * popcount_below(bitmap, pfn), pfn));
	}
	if (!kernel_only)
		CHECK_EQ(n_present, total_pages);
	CHECK(page_is(x, f, first_page + 4096 * popcount_below(bitmap, pfn_of(x, x->large_va + 0x13000)),
		      pfn_of(x, x->large_va + 0x13000)));
}

static void check_range(const struct machine *x, const struct file *f, bool kernel_only)
{
	const uint8_t *p = f->bytes + 0x2000;
	const uint64_t metadata = le(p + 0x10, 8), wanted = pfn_of(x, x->large_va + 0x13000);
	uint64_t at = le(p + 0x18, 8), n_pages = 0;
	bool found = false;

	CHECK_EQ(le(p, 4), 0x40);
	CHECK(memcmp(p + 4, "RDMPDUMP", 8) == 0);
	CHECK_EQ(at, 0x2020 + metadata);
	if (!kernel_only) {
		CHECK_EQ(metadata, 0x40);
		CHECK_EQ(at, 0x2060);
		CHECK_EQ(le(p + 0x28, 8), total_pages);
	}
	for (uint64_t i = 0; i < (metadata - 0x10) / 16; i++) {
		const uint64_t first = le(p + 0x30 + 16 * i, 8), n = le(p + 0x38 + 16 * i, 8);

		CHECK(n > 0);
		if (wanted >= first && wanted - first < n)
			found = page_is(x, f, at + (wanted - first) * 4096, wanted);
		for (uint64_t j = 0; j < n && kernel_only; j++)
			CHECK(!lab_mem_is_dropped(x->mem, first + j));
		at += n * 4096;
		n_pages += n;
	}
	CHECK(found);
	CHECK_EQ(at, f->size);
	if (!kernel_only)
		CHECK_EQ(n_pages, total_pages);
}

static void check_triage(const struct machine *x, const struct file *f)
{
	const bool w = x->is_64bit;
	const uint8_t *p = f->bytes, *t = p + (w ? 0x2000 : 0x1000);
	const uint64_t mark = le(t + 8, 4), list = le(t + 0x30, 4), n_drivers = le(t + 0x34, 4), pool = le(t + 0x38, 4);
	const uint64_t stride = (pool - list) / n_drivers, string = le(p + list, 4), unloaded = le(t + 0x18, 4);
	const uint64_t blocks = le(t + (w ? 0x78 : 0x60), 4), n_blocks = le(t + (w ? 0x7c : 0x64), 4);
	const uint64_t kdbg = le(t + (w ? 0x70 : 0x58), 4);
	uint64_t at;
	uint8_t bytes[0x800];

	CHECK_EQ(le(p + (w ? 0x1038 : 0xf8c), 4), 0xcff);
	CHECK_EQ(le(t + 4, 4), mark + 4);
	CHECK(memcmp(p + mark, "TRGD", 4) == 0);
	CHECK(memcmp(p + mark + 4, "DumpBlob", 8) == 0);
	CHECK_EQ(le(t + 0xc, 4), w ? 0x348 : 0x320);
	CHECK_EQ(n_drivers, 2);
	CHECK_EQ(stride, w ? 0x90 : 0x4c);
	CHECK_EQ(le(p + string, 4), 33);
	CHECK(memcmp(p + string + 4, "\\\0S\0y\0s", 7) == 0);
	CHECK_EQ(le(p + list + (w ? 8 + 0x30 : 4 + 0x18), w ? 8 : 4), x->kernel_va);
	CHECK_EQ(le(p + list + (w ? 8 + 0x40 : 4 + 0x20), 4), 0x4000);
	CHECK_EQ(le(p + list + (w ? 8 + 0x80 : 4 + 0x44), 4), 0x5f000000);
	CHECK_EQ(le(p + unloaded, w ? 8 : 4), 1);
	CHECK_EQ(le(p + unloaded + (w ? 8 : 4), 2), 24);
	CHECK(memcmp(p + unloaded + (w ? 0x18 : 0xc), "m\0c\0u\0p\0d\0a\0t\0e\0.\0d\0l\0l", 23) == 0);
	CHECK_EQ(le(p + unloaded + (w ? 0x30 : 0x24), w ? 8 : 4), x->kernel_va + 0x100000);
	CHECK_EQ(le(t + 0x48, w ? 8 : 4), x->kernel_va + 0x1800);
	CHECK_EQ(le(t + 0x2c, 4), 0x800);
	lab_get(x->mem, x->kernel_va + 0x1800, bytes, 0x800);
	CHECK(memcmp(p + le(t + 0x28, 4), bytes, 0x800) == 0);
	lab_get(x->mem, x->kernel_va + 0x100, bytes, 0x340);
	CHECK(memcmp(p + kdbg, bytes, 0x340) == 0);
	/* Two ranges overlap: adjacent blocks, cut at the unmapped page; state page 1 in transition, 2 not there. */
	CHECK_EQ(n_blocks, 3);
	at = blocks + (x->kernel_va < x->state_va ? 0 : 16);
	CHECK_EQ(le(p + at, 8), x->kernel_va + 0xf80);
	CHECK_EQ(le(p + at + 12, 4), 0x1000);
	lab_get(x->mem, x->kernel_va + 0xf80, bytes, sizeof bytes);
	CHECK(memcmp(p + le(p + at + 8, 4), bytes, sizeof bytes) == 0);
	CHECK_EQ(le(p + at + 16, 8), x->kernel_va + 0x1f80);
	CHECK_EQ(le(p + at + 16 + 12, 4), 0x2080);
	CHECK_EQ(le(p + at + 16 + 8, 4), le(p + at + 8, 4) + 0x1000);
	at = blocks + (x->kernel_va < x->state_va ? 32 : 0);
	CHECK_EQ(le(p + at, 8), x->state_va + 0x1010);
	CHECK_EQ(le(p + at + 12, 4), 0xff0);
	CHECK_EQ(le(p + le(p + at + 8, 4), 4), 0x1001);
	/* Secondary data: the walk ends exactly at the end of the file. */
	at = mark + 4 + 0x10;
	while (at + 0x20 <= f->size)
		at += 0x20 + le(p + at + 0x18, 4) + le(p + at + 0x14, 4) + le(p + at + 0x1c, 4);
	CHECK_EQ(at, f->size);
}

static void check_one_container(const struct machine *x, const struct lab_header *h, enum lab_container kind)
{
	static const unsigned types[LAB_CONTAINER_MAX] = {1, 2, 3, 4, 5, 6, 8, 10};
	const size_t s = x->is_64bit ? 0x2000 : 0x1000;
	struct file f = write_and_read(x, h, kind);
	const uint8_t *p = f.bytes + s;

	check_common_header(x, &f, types[kind]);
	switch (kind) {
	case LAB_CONTAINER_FULL:
		check_full(x, &f);
		break;
	case LAB_CONTAINER_HEADER:
		CHECK_EQ(f.size, s);
		break;
	case LAB_CONTAINER_SUMMARY:
		CHECK(memcmp(p, "SDMPDUMP", 8) == 0);
		CHECK_EQ(le(p + 0x10, 4), le(p + 0x18, 4));
		check_bitmap(x, &f, s + (x->is_64bit ? 0x28 : 0x20), le(p + 0xc, 4), le(p + 0x10, 4), le(p + 0x14, 4),
			     true);
		break;
	case LAB_CONTAINER_BITMAP_FULL:
	case LAB_CONTAINER_BITMAP_KERNEL:
		CHECK(memcmp(p, kind == LAB_CONTAINER_BITMAP_FULL ? "FDMPDUMP" : "SDMPDUMP", 8) == 0);
		CHECK_EQ(le(p + 0x30, 8), highest_pfn + 1);
		check_bitmap(x, &f, s + 0x38, le(p + 0x20, 8), le(p + 0x30, 8), le(p + 0x28, 8),
			     kind == LAB_CONTAINER_BITMAP_KERNEL);
		break;
	case LAB_CONTAINER_RANGE_KERNEL:
	case LAB_CONTAINER_RANGE_FULL:
		check_range(x, &f, kind == LAB_CONTAINER_RANGE_KERNEL);
		break;
	case LAB_CONTAINER_TRIAGE:
		check_triage(x, &f);
		break;
	default:
		break;
	}
	free(f.bytes);
}

static void check_containers(const struct machine *x)
{
	const struct lab_va_range ranges[] = {
		{x->kernel_va + 0xf80, 0x1000}, {x->kernel_va + 0x1000, 0x6000}, {x->state_va + 0x1010, 0x1800}};
	const struct lab_triage_module modules[] = {
		{"\\SystemRoot\\system32\\ntoskrnl.exe", x->kernel_va, 0x4000, 0x1234, 0x5f000000},
		{"\\SystemRoot\\system32\\drivers\\leaky.sys", x->kernel_va + 0x200000, 0x9000, 0x77, 0x5f000001}};
	const struct lab_unloaded_module unloaded[] = {
		{"mcupdate.dll_and_more", x->kernel_va + 0x100000, x->kernel_va + 0x109000}};
	struct lab_header h = {
		.is_64bit = x->is_64bit,
		.pae = x->mmu == LAB_MMU_PAE,
		.machine = x->is_64bit ? 0x8664 : 0x14c,
		.major = 0xf,
		.minor = 7601,
		.pfn_database = x->kernel_va + 0x20,
		.ps_loaded_module_list = x->kernel_va + 0x40,
		.ps_active_process_head = x->kernel_va + 0x60,
		.kd_debugger_data_block = x->kernel_va + 0x100,
		.n_processors = 2,
		.bugcheck_code = 0xd1,
		.bugcheck_parameters = {1, 2, 3, 4},
		.system_time_filetime = UINT64_C(0x1d707f23dbb3399),
		.system_up_time_100ns = 0x123456789,
		.product_type = 1,
		.suite_mask = 0x110,
		.attributes = UINT32_MAX,
		.triage_ranges = ranges,
		.n_triage_ranges = 3,
		.modules = modules,
		.n_modules = 2,
		.unloaded = unloaded,
		.n_unloaded = 1,
		.kdbg_va = x->kernel_va + 0x100,
		.kdbg_size_bytes = 0x340,
		.stack_va = x->kernel_va + 0x1800,
		.stack_size_bytes = 0x800,
	};

	for (unsigned pass = 0; pass < 2; pass++, h.minor = 19041) {
		for (unsigned kind = 0; kind < (unsigned)LAB_CONTAINER_MEMORY_FIRST; kind++) {
			char name[64];

			snprintf(name, sizeof name, "%s %s %u", x->name, lab_container_name((enum lab_container)kind),
				 h.minor);
			context = name;
			if (lab_container_supported(&h, (enum lab_container)kind) &&
			    (pass == 0 || kind == LAB_CONTAINER_BITMAP_FULL || kind == LAB_CONTAINER_BITMAP_KERNEL))
				check_one_container(x, &h, (enum lab_container)kind);
			context = "";
		}
	}
}

static const char driver_source[] =
	"typedef unsigned long ULONG;\n"
	"#ifdef _WIN64\ntypedef unsigned long long SIZE_T;\n#else\ntypedef unsigned long SIZE_T;\n#endif\n"
	"__declspec(dllimport) void *__stdcall ExAllocatePoolWithTag(int, SIZE_T, ULONG);\n"
	"__declspec(dllimport) void *__stdcall ExAllocatePool2(unsigned long long, SIZE_T, ULONG);\n"
	"__declspec(dllimport) void __stdcall ExFreePoolWithTag(void *, ULONG);\n"
	"extern __declspec(dllimport) unsigned short NtBuildNumber;\n"
	"struct LAB_CONTEXT { void *a; int b; };\n"
	"void *volatile Kept = &Kept;\n"
	"__attribute__((noinline)) void *Wrapper(SIZE_T n) { return ExAllocatePoolWithTag(1, n, 'kaeL'); }\n"
	"int __stdcall DriverEntry(void *d, void *r)\n"
	"{ struct LAB_CONTEXT c = {d, NtBuildNumber}; Kept = Wrapper(c.b); Kept = ExAllocatePool2(64, 32, '2xyz');\n"
	"  ExFreePoolWithTag(Kept, 'kaeL'); return Kept == 0; }\n"
	"/* end */";

/* Every public of the PDB against the symbols from the map file. */
static void check_publics(const struct lab_image *img, const char *pdb_path)
{
	char command[1200], line[4096], name[2048] = "";
	const uint8_t *pe = img->file + le(img->file + 0x3c, 4);
	const uint8_t *sections = pe + 24 + le(pe + 20, 2);
	const bool is_x86 = le(pe + 4, 2) == 0x14c;
	unsigned n = 0;
	FILE *f;

	snprintf(command, sizeof command, "llvm-pdbutil dump -publics '%s' 2>/dev/null", pdb_path);
	f = popen(command, "r");
	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		const char *quote = strchr(line, '`'), *address = strstr(line, "addr = ");
		unsigned section, offset;
		char *plain = name, *at;

		if (quote != NULL && strstr(line, "S_PUB32") != NULL)
			snprintf(name, sizeof name, "%.*s", (int)strcspn(quote + 1, "`"), quote + 1);
		if (address == NULL || sscanf(address, "addr = %u:%u", &section, &offset) != 2)
			continue;
		if (is_x86 && strncmp(name, "__imp_", 6) != 0 && name[0] == '_') {
			plain++;
			at = strchr(plain, '@');
			if (at != NULL)
				*at = 0;
		}
		if (strncmp(name, "__imp_", 6) != 0) {
			CHECK_EQ(lab_image_rva(img, plain), le(sections + 40 * (section - 1) + 12, 4) + offset);
			n++;
		}
	}
	if (f == NULL || pclose(f) != 0)
		fprintf(stderr, "llvm-pdbutil is missing: publics not compared\n");
	else
		CHECK(n > 3);
}

static bool same_files(const char *a_path, const char *b_path)
{
	struct file a = read_all(a_path), b = read_all(b_path);
	const bool same = a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;

	free(a.bytes);
	free(b.bytes);
	return same;
}

static const struct lab_global globals[] = {
	{"PoolTrackTable", 8, 8},
	{"PoolBigPageTable", 8, 8},
	{"NonPagedPoolDescriptor", 0x1140, 64},
	{"NtBuildNumber", 4, 4},
	{"?SmGlobals@@3U_SM_GLOBALS@@A", 0x800, 16},
	{"KdDebuggerDataBlock", 0x380, 16},
	{"ExPoolState", 0x9000, 4096},
};

static void check_loaded(const struct lab_image *kernel, const struct lab_image *driver, bool is_x86)
{
	struct lab_mem *m = lab_mem_new(is_x86 ? LAB_MMU_PAE : LAB_MMU_X64, LAB_SOFTPTE_NEW, runs, 3, 0x1fb, 3);
	const uint64_t kernel_base = is_x86 ? 0x82c00000 : UINT64_C(0xfffff80244c00000);
	const uint64_t driver_base = is_x86 ? 0x8fe00000 : UINT64_C(0xfffff80246000000);
	const unsigned width = is_x86 ? 4 : 8;
	uint64_t pointers = lab_image_rva(kernel, "KiLabPointers"), value;

	lab_image_load(m, kernel, kernel_base);
	lab_image_load(m, driver, driver_base);
	value = is_x86 ? lab_get32(m, kernel_base + pointers + width) : lab_get64(m, kernel_base + pointers + width);
	CHECK_EQ(value, kernel_base + lab_image_rva(kernel, "PoolTrackTable"));
	CHECK_EQ(lab_get32(m, kernel_base) & 0xffff, 0x5a4d);
	CHECK(lab_mem_raw_entry(m, kernel_base + lab_image_rva(kernel, "ExPoolState"), 1) >> 63 == 1);
	CHECK(lab_mem_raw_entry(m, kernel_base + lab_image_rva(kernel, "ExAllocatePool2"), 1) >> 63 == 0);
	value = is_x86 ? lab_get32(m, driver_base + lab_image_rva(driver, "Kept"))
		       : lab_get64(m, driver_base + lab_image_rva(driver, "Kept"));
	CHECK_EQ(value, driver_base + lab_image_rva(driver, "Kept"));
	lab_image_bind(m, driver, driver_base, kernel, kernel_base);
	value = driver_base + lab_image_rva(driver, "__imp_ExAllocatePool2");
	value = is_x86 ? lab_get32(m, value) : lab_get64(m, value);
	CHECK_EQ(value, kernel_base + lab_image_rva(kernel, "ExAllocatePool2"));
	lab_mem_free(m);
}

static void check_isf(const struct lab_image *kernel)
{
	char path[1024], expected[128];
	struct file f;

	snprintf(path, sizeof path, "%s/kernel.json", directory);
	lab_image_write_isf(kernel, "{\"_LAB\": {\"fields\": {}, \"kind\": \"struct\", \"size\": 4}}", 0x8664, path);
	f = read_all(path);
	f.bytes[f.size] = 0;
	snprintf(expected, sizeof expected, "\"GUID\": \"%s\", \"age\": 1, \"database\": \"ntkrnlmp.pdb\"",
		 kernel->pdb_guid_hex);
	CHECK(strstr((char *)f.bytes, expected) != NULL);
	snprintf(expected, sizeof expected, "\"PoolTrackTable\": {\"address\": %u}",
		 (unsigned)lab_image_rva(kernel, "PoolTrackTable"));
	CHECK(strstr((char *)f.bytes, expected) != NULL);
	CHECK(strstr((char *)f.bytes, "\"machine_type\": 34404") != NULL);
	free(f.bytes);
	lab_image_write_isf(kernel, NULL, 0x8664, directory);
	snprintf(path, sizeof path, "%s/%s-1.json.xz", directory, kernel->pdb_guid_hex);
	f = read_all(path);
	CHECK(f.size > 100 && memcmp(f.bytes,
				     "\xfd"
				     "7zXZ",
				     5) == 0);
	free(f.bytes);
}

static void check_images(enum lab_arch arch, const char *name)
{
	const char *types =
		"struct _LAB_TYPE { int a; union { int b; short c; } u; int d : 3; };\nstruct _LAB_TYPE lab_keep;";
	char dir[2][1024], path[2048], again[2048];
	struct lab_image *kernel[3], *driver[2];

	context = name;
	for (unsigned i = 0; i < 2; i++) {
		snprintf(dir[i], sizeof dir[i], "%s/%s%s", directory, name, i == 0 ? "" : "-again-elsewhere");
		kernel[i] = lab_image_build_kernel(arch, "ntkrnlmp.pdb", globals, sizeof globals / sizeof globals[0],
						   types, dir[i], 99, NULL);
		driver[i] = lab_image_build_driver(arch, "leaky", driver_source, i == 0 ? "-O2" : "-O0", dir[i], 5);
	}
	snprintf(path, sizeof path, "%s/ntkrnlmp.pdb", dir[0]);
	snprintf(again, sizeof again, "%s/ntkrnlmp.pdb", dir[1]);
	CHECK(same_files(path, again));
	CHECK(kernel[0]->file_size == kernel[1]->file_size &&
	      memcmp(kernel[0]->file, kernel[1]->file, kernel[0]->file_size) == 0);
	check_publics(kernel[0], path);
	snprintf(path, sizeof path, "%s/leaky.pdb", dir[0]);
	check_publics(driver[0], path);
	CHECK_EQ(strlen(kernel[0]->pdb_guid_hex), 32);
	CHECK_EQ(kernel[0]->pdb_age, 1);
	CHECK(strcmp(kernel[0]->pdb_name, "ntkrnlmp.pdb") == 0);
	CHECK(strcmp(driver[0]->pdb_name, "leaky.pdb") == 0);
	CHECK(kernel[0]->size_of_image > 0x20000 && kernel[0]->size_of_image < 0x100000);
	CHECK_EQ(lab_image_rva(kernel[0], "ExPoolState") % 4096, 0);
	CHECK(lab_image_rva(kernel[0], "ExAllocatePool3") != 0);
	CHECK(lab_image_rva(kernel[0], "?SmGlobals@@3U_SM_GLOBALS@@A") % 16 == 0);
	if (arch == LAB_ARCH_X64)
		check_isf(kernel[0]);
	if (arch != LAB_ARCH_ARM64)
		check_loaded(kernel[0], driver[0], arch == LAB_ARCH_X86);
	kernel[2] = lab_image_build_kernel(arch, "ntkrnlmp.pdb", globals, 2, NULL, dir[0], 100, NULL);
	CHECK(strcmp(kernel[2]->pdb_guid_hex, kernel[0]->pdb_guid_hex) != 0);
	CHECK(kernel[2]->time_date_stamp != kernel[0]->time_date_stamp);
	for (unsigned i = 0; i < 3; i++)
		lab_image_free(kernel[i]);
	for (unsigned i = 0; i < 2; i++)
		lab_image_free(driver[i]);
}

int main(int argc, char **argv)
{
	enum lab_container parsed;

	snprintf(directory, sizeof directory, "%s", argc > 1 ? argv[1] : "lab-selftest");
	mkdir(directory, 0777);
	for (unsigned i = 0; i < LAB_CONTAINER_MEMORY_FIRST; i++)
		CHECK(lab_container_parse(lab_container_name((enum lab_container)i), &parsed) && parsed == i);
	check_exhaustion();
	for (size_t i = 0; i < N_MACHINES; i++) {
		check_machine(&machines[i]);
		check_containers(&machines[i]);
		lab_mem_free(machines[i].mem);
	}
	check_images(LAB_ARCH_X86, "x86");
	check_images(LAB_ARCH_X64, "x64");
	check_images(LAB_ARCH_ARM64, "arm64");
	printf("%u checks, %u failed\n", n_checks, n_failed);
	return n_failed == 0 ? 0 : 1;
}
