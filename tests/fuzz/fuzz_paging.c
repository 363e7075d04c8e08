/* SPDX-License-Identifier: MIT */
/* Address translation over a crafted physical memory. The input is a 40-byte control block (paging mode, software PTE
 * layout, top table, range, cut) and then the pages of memory, which are wrapped in the header of a full dump. */
#include "paging/softpte.h"
#include "paging/space.h"
#include "util/bytes.h"
#include <stdlib.h>
#include <string.h>

#define CONTROL_BYTES 40u
#define HEADER_BYTES  0x2000u
#define MAX_PAGES     64u
#define MAX_RUNS      4000u
#define TABLE_VISITS  2000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void put(uint8_t *p, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* Two runs with a hole between them: pages 0.., and the second half from 0x100 on. */
static void make_header(uint8_t *h, uint64_t n_pages, bool cut)
{
	uint64_t first = n_pages / 2 + 1;
	memset(h, 0, HEADER_BYTES);
	memcpy(h, "PAGEDU64", 8);
	put(h + 0xc, 19041, 4);
	put(h + 0x30, 0x8664, 4);
	put(h + 0xf98, 1, 4);
	put(h + 0x88, 2, 4);
	put(h + 0x90, n_pages, 8);
	put(h + 0x98, 0, 8);
	put(h + 0xa0, first, 8);
	put(h + 0xa8, 0x100, 8);
	put(h + 0xb0, n_pages - first + (cut ? (uint64_t)1 << 39 : 0), 8);
}

static bool is_framed(enum psc_va_state s)
{
	return s == PSC_VA_PRESENT || s == PSC_VA_TRANSITION;
}

static void check_run(struct psc_reader *r, const struct psc_va_run *run)
{
	uint8_t byte;
	struct psc_xlate page;
	struct psc_xlate x = psc_translate(r, run->va);
	check(x.state == run->state && x.span_bytes != 0);
	if (is_framed(x.state))
		check(x.pa == run->pa && x.presence == run->presence && x.is_nx == run->is_nx);
	x = psc_translate(r, run->va + (run->size_bytes - 1));
	check(x.state == run->state);
	if (is_framed(x.state))
		check(x.pa == run->pa + (run->size_bytes - 1) && x.presence == run->presence);
	bool readable = is_framed(x.state) && x.presence == PSC_PAGE_PRESENT;
	check(psc_read_u8(r, run->va, &byte) == readable);
	check((psc_page_at(r, run->va, &page) != NULL) == readable);
}

static void check_space(struct psc_reader *r, uint64_t lo, uint64_t hi, uint64_t max_run_bytes)
{
	struct psc_run_iter it;
	struct psc_va_run run;
	struct psc_error err;
	uint8_t buf[0x3000];
	uint64_t next = lo;
	bool wrapped = false;
	psc_run_iter_init(&it, r, lo, hi, max_run_bytes);
	it.budget = TABLE_VISITS;
	for (unsigned i = 0; i < MAX_RUNS; i++) {
		enum psc_status st = psc_run_iter_next(&it, &run, &err);
		if (st != PSC_OK) {
			check(st == PSC_DONE || st == PSC_E_LIMIT);
			break;
		}
		uint64_t last = run.va + (run.size_bytes - 1);
		check(!wrapped && run.va >= next && run.size_bytes != 0 && last >= run.va);
		check(hi == 0 || last < hi);
		check(max_run_bytes == 0 || run.size_bytes <= max_run_bytes);
		check(run.state != PSC_VA_NOT_MAPPED);
		next = last + 1;
		wrapped = next == 0;
		if (i < 256)
			check_run(r, &run);
	}
	size_t n = psc_read_va(r, lo, buf, sizeof(buf));
	check(n <= sizeof(buf));
	check((psc_read_va_exact(r, lo, buf, sizeof(buf), &err) == PSC_OK) == (n == sizeof(buf)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < CONTROL_BYTES + PSC_PAGE_BYTES)
		return 0;
	size_t n_pages = (size - CONTROL_BYTES) / PSC_PAGE_BYTES;
	if (n_pages > MAX_PAGES)
		n_pages = MAX_PAGES;
	static uint8_t dump[HEADER_BYTES + MAX_PAGES * PSC_PAGE_BYTES];
	static struct psc_reader reader;
	memcpy(dump + HEADER_BYTES, data + CONTROL_BYTES, n_pages * PSC_PAGE_BYTES);
	make_header(dump, n_pages, (data[1] & 8) != 0);

	enum psc_mmu mmu = (enum psc_mmu)(data[0] % (PSC_MMU_LAST + 1));
	struct psc_softpte soft = {(data[1] & 1) != 0, (data[1] & 2) != 0 ? (uint64_t)1 << 45 : 0, (data[1] & 4) != 0,
				   (data[1] & 64) != 0, (data[1] & 128) != 0};
	uint64_t dtb = psc_le64(data + 8), lo = psc_le64(data + 16), hi = psc_le64(data + 24);
	uint64_t max_run_bytes = psc_le32(data + 32);
	struct psc_source *src = NULL;
	struct psc_image *img = NULL;
	struct psc_space sp;
	if (psc_source_open_mem(dump, HEADER_BYTES + n_pages * PSC_PAGE_BYTES, NULL, &src, NULL) == PSC_OK &&
	    psc_image_open(src, &img, NULL) == PSC_OK &&
	    psc_space_init(&sp, img, mmu, dtb, (data[1] & 16) != 0 ? NULL : &soft, NULL) == PSC_OK) {
		psc_reader_init(&reader, &sp);
		check_space(&reader, lo, hi, max_run_bytes);
		(void)psc_space_plausibility(&sp);
		struct psc_arm64_fit arm64;
		if (data[1] & 32)
			(void)psc_softpte_try_arm64(&sp, lo, hi, &arm64);
		if (data[1] & 32) {
			struct psc_softpte_fit fit;
			(void)psc_softpte_detect(&sp, lo, hi, &soft);
			psc_softpte_try(&sp, lo, hi, &soft, &fit);
			(void)psc_softpte_fits(&fit);
		}
	}
	psc_image_close(img);
	psc_source_close(src);
	return 0;
}
