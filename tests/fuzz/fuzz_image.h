/* SPDX-License-Identifier: MIT */
/* Bytes as a dump or memory image: open, then look at pages, saved ranges and modules, and check what the header
 * promises. A target includes this and names the containers it is for. */
#ifndef FUZZ_IMAGE_H
#define FUZZ_IMAGE_H

#include "image/internal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROBE_BYTES 4096u
#define MAX_PAGES   512u
#define MAX_RANGES  4096u
#define CHECK(x)                                                                                                       \
	do {                                                                                                           \
		if (!(x))                                                                                              \
			abort();                                                                                       \
	} while (0)

static void look_at_page(const struct psc_image *img, uint64_t pfn, uint64_t size)
{
	uint8_t scratch[PSC_PAGE_BYTES], buf[PSC_PAGE_BYTES + 16];
	uint64_t off = 0, run_off = 0;
	enum psc_page_presence where = psc_image_locate(img, pfn, &off), from_page;
	const uint8_t *page = psc_image_page(img, pfn, scratch, &from_page);
	uint64_t run = psc_image_contiguous(img, pfn, 8, &run_off);
	size_t n = psc_image_read_pa(img, pfn << PSC_PAGE_SHIFT, buf, sizeof(buf));
	CHECK(where == from_page || (psc_image_is_decoded(img) && from_page == PSC_PAGE_TRUNCATED));
	CHECK(psc_image_is_decoded(img) || (where == PSC_PAGE_PRESENT) == (page != NULL));
	CHECK((where == PSC_PAGE_PRESENT) == (run != 0));
	if (!page) {
		CHECK(pfn >> 52 != 0 || n == 0);
		return;
	}
	CHECK(run <= 8 && run_off == off);
	CHECK(psc_image_is_decoded(img) || (off <= size && run * PSC_PAGE_BYTES <= size - off));
	CHECK(n >= PSC_PAGE_BYTES && memcmp(buf, page, PSC_PAGE_BYTES) == 0);
	for (uint64_t i = 1; i < run; i++)
		CHECK(psc_image_locate(img, pfn + i, &run_off) == PSC_PAGE_PRESENT &&
		      run_off == off + i * PSC_PAGE_BYTES);
}

static void look_at_ranges(const struct psc_image *img, uint64_t size)
{
	uint8_t buf[256];
	size_t n;
	const struct psc_saved_range *r = psc_image_saved_ranges(img, &n);
	for (size_t i = 0; i < n; i++) {
		CHECK(r[i].size_bytes != 0 && r[i].size_bytes <= UINT64_MAX - r[i].va);
		CHECK(r[i].file_offset <= size && r[i].size_bytes <= size - r[i].file_offset);
		CHECK(i == 0 || r[i - 1].va + r[i - 1].size_bytes <= r[i].va);
		if (i >= MAX_RANGES)
			continue;
		uint64_t want = r[i].size_bytes < sizeof(buf) ? r[i].size_bytes : sizeof(buf);
		CHECK(psc_image_read_saved(img, r[i].va, buf, (size_t)want) == want);
		psc_image_read_saved(img, r[i].va + r[i].size_bytes - 1, buf, sizeof(buf));
		psc_image_read_saved(img, r[i].va - 1, buf, 2);
	}
}

/* One input; nothing is done when it is no file of a container that `wanted` accepts. */
static void fuzz_image(const uint8_t *data, size_t size, bool (*wanted)(enum psc_container))
{
	struct psc_source_options opts = {.max_unpacked_bytes = (uint64_t)1 << 24};
	struct psc_source *src = NULL;
	struct psc_image *img = NULL;
	struct psc_error error;
	enum psc_container container;
	if (psc_source_open_mem(data, size, &opts, &src, &error) != PSC_OK)
		return;
	uint8_t head[PROBE_BYTES] = {0};
	size_t n_head = psc_source_size(src) < sizeof(head) ? (size_t)psc_source_size(src) : sizeof(head);
	(void)psc_source_read(src, 0, head, n_head, NULL);
	if (psc_probe(head, n_head, psc_source_size(src), &container, &error) == PSC_OK && !wanted(container)) {
		psc_source_close(src);
		return;
	}
	if (psc_image_open(src, &img, &error) != PSC_OK) {
		CHECK(error.text[0] != '\0' && !strchr(error.text, '\n'));
		psc_source_close(src);
		return;
	}
	uint64_t src_size = psc_source_size(src), highest = psc_image_highest_pfn(img);
	CHECK(psc_image_pages_present(img) <= psc_image_pages_described(img));
	/* Segments of an ELF file may lie on top of each other in the file. */
	CHECK(!psc_image_has_header(img) || psc_image_pages_present(img) <= src_size / PSC_PAGE_BYTES);
	uint64_t step = highest / (MAX_PAGES / 2) + 1;
	for (uint64_t i = 0; i < MAX_PAGES / 2; i++) {
		look_at_page(img, i, src_size);
		look_at_page(img, i * step, src_size);
	}
	for (uint64_t i = 0; i < 4; i++)
		look_at_page(img, highest + 2 - i, src_size);
	look_at_page(img, UINT64_MAX, src_size);
	look_at_ranges(img, src_size);

	size_t n;
	const struct psc_triage_module *m = psc_image_triage_modules(img, &n);
	for (size_t i = 0; i < n; i++)
		CHECK(!m[i].path || strlen(m[i].path) < 4096);
	uint64_t off;
	uint32_t kdbg_size;
	if (psc_image_triage_kdbg(img, &off, &kdbg_size))
		CHECK(off <= src_size && kdbg_size <= src_size - off);
	const struct psc_warnings *w = psc_image_warnings(img);
	for (size_t i = 0; i < w->n; i++)
		CHECK(w->items[i] && w->items[i][0] != '\0');
	psc_image_close(img);
	psc_source_close(src);
}

#endif
