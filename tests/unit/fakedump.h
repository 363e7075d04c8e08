/* SPDX-License-Identifier: MIT */
/* A small x64 machine in a full dump, built in memory: a few frames, page tables, a kernel image with its debugger data
 * block, module list and processors. Layouts are written out here again on purpose. */
#ifndef PSC_TESTS_FAKEDUMP_H
#define PSC_TESTS_FAKEDUMP_H

#include "unit.h"

#include "kernel/internal.h"
#include <string.h>

#define FAKE_FIRST_PFN 1u
#define FAKE_HEADER    0x2000u
#define FAKE_SELF_SLOT 0x1edu
#define FAKE_BUILD     19041u

#define FAKE_BASE         0xfffff80412000000u
#define FAKE_IMAGE_BYTES  0x8000u
#define FAKE_KDBG         (FAKE_BASE + 0x2100)
#define FAKE_MODULE_HEAD  (FAKE_BASE + 0x2800)
#define FAKE_PROCESS_HEAD (FAKE_BASE + 0x2820)
#define FAKE_UNLOADED     (FAKE_BASE + 0x2840)
#define FAKE_UNLOADED_N   (FAKE_BASE + 0x2848)
#define FAKE_MEMORY_BLOCK (FAKE_BASE + 0x2850)
#define FAKE_BUILD_LAB    (FAKE_BASE + 0x2860)
#define FAKE_WAIT_NEVER   (FAKE_BASE + 0x28c0)
#define FAKE_WAIT_ALWAYS  (FAKE_BASE + 0x28c8)
#define FAKE_ENCODED      (FAKE_BASE + 0x28d0)
#define FAKE_PROCESSORS   (FAKE_BASE + 0x3000)
#define FAKE_POOL         0xffffa80000000000u /* loader entries at +n * 0x1000, their names behind them */
#define FAKE_PRCB         0xffffa80000100180u /* +n * 0x1000 */
#define FAKE_SHARED_PAGE  0xfffff78000000000u
#define FAKE_GUID         "0011223344556677889900AABBCCDDEE"

struct fake {
	uint8_t *bytes;
	size_t size;
	unsigned n_frames, used;
	uint64_t top_pfn;
	struct psc_source *src;
	struct psc_image *img;
	struct psc_kernel k;
};

static inline void fake_store(uint8_t *p, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static inline uint64_t fake_load(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;
	for (unsigned i = n; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

static inline uint8_t *fake_frame(struct fake *f, uint64_t pfn)
{
	ck_assert_uint_lt(pfn - FAKE_FIRST_PFN, f->n_frames);
	return f->bytes + FAKE_HEADER + (size_t)(pfn - FAKE_FIRST_PFN) * 4096;
}

static inline uint64_t fake_alloc(struct fake *f)
{
	ck_assert_uint_lt(f->used, f->n_frames);
	return FAKE_FIRST_PFN + f->used++;
}

/* The leaf entry, its tables made on the way. */
static inline uint8_t *fake_pte(struct fake *f, uint64_t top_pfn, uint64_t va)
{
	uint64_t table = top_pfn;
	for (unsigned shift = 39; shift > 12; shift -= 9) {
		uint8_t *e = fake_frame(f, table) + 8 * (va >> shift & 0x1ff);
		if (fake_load(e, 8) == 0)
			fake_store(e, fake_alloc(f) << 12 | 0x63, 8);
		table = fake_load(e, 8) >> 12 & 0xffffffffff;
	}
	return fake_frame(f, table) + 8 * (va >> 12 & 0x1ff);
}

/* The bytes of a page, mapped when it was not. */
static inline uint8_t *fake_page(struct fake *f, uint64_t va)
{
	uint8_t *e = fake_pte(f, f->top_pfn, va);
	if (fake_load(e, 8) == 0)
		fake_store(e, fake_alloc(f) << 12 | 0x8000000000000063u, 8);
	return fake_frame(f, fake_load(e, 8) >> 12 & 0xffffffffff);
}

static inline void fake_page_out(struct fake *f, uint64_t va)
{
	fake_store(fake_pte(f, f->top_pfn, va), (uint64_t)0x1234 << 32 | 0x80, 8);
}

static inline void fake_put(struct fake *f, uint64_t va, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fake_page(f, va + i)[(va + i) & 0xfff] = ((const uint8_t *)p)[i];
}

static inline void fake_put_n(struct fake *f, uint64_t va, uint64_t v, unsigned n)
{
	uint8_t raw[8];
	fake_store(raw, v, n);
	fake_put(f, va, raw, n);
}

static inline void fake_put64(struct fake *f, uint64_t va, uint64_t v)
{
	fake_put_n(f, va, v, 8);
}

static inline void fake_put32(struct fake *f, uint64_t va, uint64_t v)
{
	fake_put_n(f, va, v, 4);
}

static inline void fake_put16(struct fake *f, uint64_t va, uint64_t v)
{
	fake_put_n(f, va, v, 2);
}

/* UNICODE_STRING at va, text at text_va. */
static inline void fake_string(struct fake *f, uint64_t va, uint64_t text_va, const char *text)
{
	fake_put16(f, va, 2 * strlen(text));
	fake_put16(f, va + 2, 2 * strlen(text) + 2);
	fake_put64(f, va + 8, text_va);
	for (size_t i = 0; text[i]; i++)
		fake_put16(f, text_va + 2 * i, (uint8_t)text[i]);
}

static inline void fake_header(struct fake *f, size_t off, uint64_t v, unsigned n)
{
	fake_store(f->bytes + off, v, n);
}

static inline void fake_new(struct fake *f, unsigned n_frames)
{
	memset(f, 0, sizeof(*f));
	f->n_frames = n_frames;
	f->size = FAKE_HEADER + (size_t)n_frames * 4096;
	f->bytes = calloc(1, f->size);
	ck_assert_ptr_nonnull(f->bytes);
	for (size_t i = 0; i < FAKE_HEADER; i += 4)
		memcpy(f->bytes + i, "PAGE", 4);
	memcpy(f->bytes + 4, "DU64", 4);
	f->top_pfn = fake_alloc(f);
	fake_store(fake_frame(f, f->top_pfn) + 8 * FAKE_SELF_SLOT, f->top_pfn << 12 | 0x8000000000000063u, 8);
	fake_header(f, 0x8, 0xf, 4);
	fake_header(f, 0xc, FAKE_BUILD, 4);
	fake_header(f, 0x10, f->top_pfn << 12, 8);
	fake_header(f, 0x20, FAKE_MODULE_HEAD, 8);
	fake_header(f, 0x28, FAKE_PROCESS_HEAD, 8);
	fake_header(f, 0x30, 0x8664, 4);
	fake_header(f, 0x34, 2, 4);
	fake_header(f, 0x80, FAKE_KDBG, 8);
	fake_header(f, 0x88, 1, 4);
	fake_header(f, 0x90, n_frames, 8);
	fake_header(f, 0x98, FAKE_FIRST_PFN, 8);
	fake_header(f, 0xa0, n_frames, 8);
	fake_header(f, 0xf98, 1, 4);
}

/* PE32+ with the sections .text, .data and a debug directory at +1000 of two entries: a foreign one and RSDS. */
static inline void fake_pe(struct fake *f, uint64_t base, uint32_t size, const char *pdb_name)
{
	uint64_t pe = base + 0x80, opt = pe + 24, sec = opt + 0xf0;
	static const uint8_t guid[16] = {0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66,
					 0x88, 0x99, 0x00, 0xaa, 0xbb, 0xcc, 0xdd, 0xee};
	fake_put(f, base, "MZ", 2);
	fake_put32(f, base + 0x3c, 0x80);
	fake_put(f, pe, "PE\0\0", 4);
	fake_put16(f, pe + 4, 0x8664);
	fake_put16(f, pe + 6, 2);
	fake_put32(f, pe + 8, 0x12345678);
	fake_put16(f, pe + 20, 0xf0);
	fake_put16(f, opt, 0x20b);
	fake_put32(f, opt + 56, size);
	fake_put32(f, opt + 64, 0xabcdef);
	fake_put32(f, opt + 108, 16);
	fake_put32(f, opt + 112 + 48, 0x1000);
	fake_put32(f, opt + 112 + 52, 56);
	fake_put(f, sec, ".text", 5);
	fake_put32(f, sec + 8, 0x1000);
	fake_put32(f, sec + 12, 0x1000);
	fake_put32(f, sec + 36, 0x68000020);
	fake_put(f, sec + 40, ".data", 5);
	fake_put32(f, sec + 48, 0x3000);
	fake_put32(f, sec + 52, 0x2000);
	fake_put32(f, sec + 76, 0xc8000040);
	fake_put32(f, base + 0x1000 + 0xc, 13);
	fake_put32(f, base + 0x1000 + 0x10, 0x100);
	fake_put32(f, base + 0x1000 + 0x14, 0x1200);
	fake_put32(f, base + 0x101c + 0xc, 2);
	fake_put32(f, base + 0x101c + 0x10, (uint32_t)(25 + strlen(pdb_name)));
	fake_put32(f, base + 0x101c + 0x14, 0x1100);
	fake_put(f, base + 0x1100, "RSDS", 4);
	fake_put(f, base + 0x1104, guid, 16);
	fake_put32(f, base + 0x1114, 1);
	fake_put(f, base + 0x1118, pdb_name, strlen(pdb_name) + 1);
}

static inline void fake_kdbg(struct fake *f, uint64_t va, uint32_t size)
{
	uint8_t d[0x600];
	ck_assert_uint_le(size, sizeof(d));
	memset(d, 0, sizeof(d));
	fake_store(d, va, 8);
	fake_store(d + 8, va, 8);
	memcpy(d + 0x10, "KDBG", 4);
	fake_store(d + 0x14, size, 4);
	fake_store(d + 0x18, FAKE_BASE, 8);
	fake_store(d + 0x48, FAKE_MODULE_HEAD, 8);
	fake_store(d + 0x50, FAKE_PROCESS_HEAD, 8);
	fake_store(d + 0x1b8, FAKE_BASE + 0x2900, 8);
	fake_store(d + 0x208, FAKE_BUILD_LAB, 8);
	fake_store(d + 0x218, FAKE_PROCESSORS, 8);
	fake_store(d + 0x220, FAKE_UNLOADED, 8);
	fake_store(d + 0x228, FAKE_UNLOADED_N, 8);
	fake_store(d + 0x270, FAKE_MEMORY_BLOCK, 8);
	fake_store(d + 0x2a8, 0xa40, 2);
	fake_store(d + 0x2ae, 0x28, 2);
	fake_store(d + 0x2b0, 0xaf00, 2);
	fake_store(d + 0x2b4, 8, 2);
	fake_store(d + 0x2be, 0x24, 2);
	fake_store(d + 0x2c0, 0x898, 2);
	fake_store(d + 0x2f2, 0x100, 2);
	fake_store(d + 0x360, 0xfffff68000000000u, 8);
	fake_put(f, va, d, size);
}

/* Entry i of n in a closed list; base and name of its own. */
static inline void fake_module(struct fake *f, unsigned i, unsigned n, uint64_t base, const char *name)
{
	uint64_t va = FAKE_POOL + i * (uint64_t)0x1000;
	fake_put64(f, va, i + 1 == n ? FAKE_MODULE_HEAD : va + 0x1000);
	fake_put64(f, va + 8, i == 0 ? FAKE_MODULE_HEAD : va - 0x1000);
	fake_put64(f, va + 0x30, base);
	fake_put32(f, va + 0x40, i == 0 ? FAKE_IMAGE_BYTES : 0x5000);
	fake_string(f, va + 0x48, va + 0x200, name);
	fake_string(f, va + 0x58, va + 0x300, name);
	fake_put32(f, va + 0x9c, 0x1000 + i);
	if (i == 0)
		fake_put64(f, FAKE_MODULE_HEAD, va);
	if (i + 1 == n)
		fake_put64(f, FAKE_MODULE_HEAD + 8, va);
}

static inline void fake_prcb(struct fake *f, unsigned index, bool present)
{
	uint64_t va = FAKE_PRCB + index * (uint64_t)0x1000;
	fake_put64(f, FAKE_PROCESSORS + 8u * index, present ? va : 0);
	if (present)
		fake_put32(f, va + 0x24, index);
}

/* Shared page, kernel, debugger data block of size 0x380, three modules, two processors, no processes. */
static inline void fake_machine(struct fake *f)
{
	static const char *const names[3] = {"ntoskrnl.exe", "hal.dll", "leaky.sys"};
	fake_new(f, 80);
	fake_put16(f, FAKE_SHARED_PAGE + 0x30, 'C');
	fake_put16(f, FAKE_SHARED_PAGE + 0x32, ':');
	fake_put16(f, FAKE_SHARED_PAGE + 0x34, '\\');
	fake_put32(f, FAKE_SHARED_PAGE + 0x26c, 10);
	fake_put32(f, FAKE_SHARED_PAGE + 0x2e8, 500);
	fake_pe(f, FAKE_BASE, FAKE_IMAGE_BYTES, "ntkrnlmp.pdb");
	fake_kdbg(f, FAKE_KDBG, 0x380);
	fake_put64(f, FAKE_PROCESS_HEAD, FAKE_PROCESS_HEAD);
	fake_put64(f, FAKE_PROCESS_HEAD + 8, FAKE_PROCESS_HEAD);
	fake_put(f, FAKE_BUILD_LAB, "19041.1.amd64fre.vb_release.191206-1406", 40);
	for (unsigned i = 0; i < 3; i++)
		fake_module(f, i, 3, FAKE_BASE + i * (uint64_t)0x100000, names[i]);
	fake_prcb(f, 0, true);
	fake_prcb(f, 1, true);
}

static inline enum psc_status fake_open_with(struct fake *f, const struct psc_kernel_options *opts)
{
	struct psc_error e;
	memset(&e, 0, sizeof(e));
	ck_assert_msg(psc_source_open_mem(f->bytes, f->size, NULL, &f->src, &e) == PSC_OK, "%s", e.text);
	ck_assert_msg(psc_image_open(f->src, &f->img, &e) == PSC_OK, "%s", e.text);
	return psc_kernel_init(&f->k, f->img, opts, NULL, &e);
}

static inline void fake_open(struct fake *f)
{
	ck_assert_int_eq(fake_open_with(f, NULL), PSC_OK);
}

static inline void fake_free(struct fake *f)
{
	psc_kernel_deinit(&f->k);
	psc_image_close(f->img);
	psc_source_close(f->src);
	free(f->bytes);
}

static inline bool fake_warned(const struct fake *f, const char *part)
{
	for (size_t i = 0; i < f->k.warnings.n; i++)
		if (strstr(f->k.warnings.items[i], part))
			return true;
	return false;
}

#endif
