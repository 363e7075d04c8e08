/* SPDX-License-Identifier: MIT */
/* Choice of container, and the ones without an index of their own: full and header-only. */
#include "container.h"
#include "container_private.h"
#include "mem_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BITMAP_BUILD 9200u

static const char *const names[LAB_CONTAINER_MAX] = {
	[LAB_CONTAINER_FULL] = "full",
	[LAB_CONTAINER_SUMMARY] = "summary",
	[LAB_CONTAINER_HEADER] = "header",
	[LAB_CONTAINER_TRIAGE] = "triage",
	[LAB_CONTAINER_BITMAP_FULL] = "bitmap-full",
	[LAB_CONTAINER_BITMAP_KERNEL] = "bitmap-kernel",
	[LAB_CONTAINER_RANGE_KERNEL] = "range-kernel",
	[LAB_CONTAINER_RANGE_FULL] = "range-full",
	[LAB_CONTAINER_RAW] = "raw",
	[LAB_CONTAINER_LIME] = "lime",
	[LAB_CONTAINER_ELF] = "elf",
};

const char *lab_container_name(enum lab_container c)
{
	if ((unsigned)c >= LAB_CONTAINER_MAX)
		lab_die("unknown container %d", (int)c);
	return names[c];
}

bool lab_container_parse(const char *name, enum lab_container *ret)
{
	for (unsigned i = 0; i < LAB_CONTAINER_MAX; i++) {
		if (strcmp(name, names[i]) == 0) {
			*ret = (enum lab_container)i;
			return true;
		}
	}
	return false;
}

bool lab_container_supported(const struct lab_header *h, enum lab_container kind)
{
	switch (kind) {
	case LAB_CONTAINER_FULL:
	case LAB_CONTAINER_HEADER:
	case LAB_CONTAINER_TRIAGE:
	case LAB_CONTAINER_RAW:
	case LAB_CONTAINER_LIME:
	case LAB_CONTAINER_ELF:
		return true;
	case LAB_CONTAINER_SUMMARY:
		return h->minor < FIRST_BITMAP_BUILD;
	case LAB_CONTAINER_BITMAP_FULL:
	case LAB_CONTAINER_BITMAP_KERNEL:
		return h->minor >= FIRST_BITMAP_BUILD;
	case LAB_CONTAINER_RANGE_KERNEL:
	case LAB_CONTAINER_RANGE_FULL:
		return h->is_64bit;
	case LAB_CONTAINER_MAX:
		break;
	}
	return false;
}

bool lab_frame_wanted(const struct lab_mem *m, uint64_t pfn, bool kernel_only)
{
	if (!kernel_only)
		return lab_mem_is_ram(m, pfn);
	return lab_mem_in_use(m, pfn) && !lab_mem_is_dropped(m, pfn);
}

uint64_t lab_frames_count(const struct lab_mem *m, bool kernel_only)
{
	size_t n_runs;
	const struct lab_run *runs = lab_mem_runs(m, &n_runs);
	uint64_t n = 0;

	if (!kernel_only)
		return lab_mem_total_pages(m);
	for (size_t i = 0; i < n_runs; i++) {
		for (uint64_t at = 0; at < runs[i].n_pages; at++)
			n += lab_frame_wanted(m, runs[i].first_pfn + at, true);
	}
	return n;
}

static bool is_zero_page(const uint8_t *page)
{
	return page[0] == 0 && memcmp(page, page + 1, LAB_PAGE_BYTES - 1) == 0;
}

void lab_frame_write(struct lab_out *o, const struct lab_mem *m, uint64_t pfn)
{
	const uint8_t *page = lab_mem_frame_peek(m, pfn);

	if (page == NULL || is_zero_page(page))
		lab_out_zeros(o, LAB_PAGE_BYTES);
	else
		lab_out_bytes(o, page, LAB_PAGE_BYTES);
}

void lab_frames_write(struct lab_out *o, const struct lab_mem *m, bool kernel_only)
{
	size_t n_runs;
	const struct lab_run *runs = lab_mem_runs(m, &n_runs);

	for (size_t i = 0; i < n_runs; i++) {
		for (uint64_t at = 0; at < runs[i].n_pages; at++) {
			if (lab_frame_wanted(m, runs[i].first_pfn + at, kernel_only))
				lab_frame_write(o, m, runs[i].first_pfn + at);
		}
	}
}

void lab_write_full(struct lab_out *o, const struct lab_mem *m, const struct lab_header *h)
{
	uint8_t *header = lab_header_make(m, h, LAB_CONTAINER_FULL, lab_mem_total_pages(m) * LAB_PAGE_BYTES);

	lab_out_bytes(o, header, lab_header_bytes(h));
	free(header);
	lab_frames_write(o, m, false);
}

void lab_write_header_only(struct lab_out *o, const struct lab_mem *m, const struct lab_header *h)
{
	uint8_t *header = lab_header_make(m, h, LAB_CONTAINER_HEADER, 0);

	lab_out_bytes(o, header, lab_header_bytes(h));
	free(header);
}

void lab_container_finish_full(struct lab_mem *m, const struct lab_header *h, const char *path)
{
	uint8_t *header = lab_header_make(m, h, LAB_CONTAINER_FULL, lab_mem_total_pages(m) * LAB_PAGE_BYTES);
	FILE *f = fopen(path, "r+b");

	if (f == NULL || fwrite(header, lab_header_bytes(h), 1, f) != 1 || fclose(f) != 0)
		lab_die("cannot write %s", path);
	free(header);
}

void lab_container_write(struct lab_mem *m, const struct lab_header *h, enum lab_container kind, const char *path,
			 bool sparse, int gzip_level)
{
	struct lab_out *o;

	if (!lab_container_supported(h, kind))
		lab_die("build %u has no %s dump", h->minor, lab_container_name(kind));
	o = lab_out_open(path, sparse, gzip_level);
	switch (kind) {
	case LAB_CONTAINER_FULL:
		lab_write_full(o, m, h);
		break;
	case LAB_CONTAINER_SUMMARY:
		lab_write_summary(o, m, h);
		break;
	case LAB_CONTAINER_HEADER:
		lab_write_header_only(o, m, h);
		break;
	case LAB_CONTAINER_TRIAGE:
		lab_write_triage(o, m, h);
		break;
	case LAB_CONTAINER_BITMAP_FULL:
	case LAB_CONTAINER_BITMAP_KERNEL:
		lab_write_bitmap(o, m, h, kind);
		break;
	case LAB_CONTAINER_RANGE_KERNEL:
	case LAB_CONTAINER_RANGE_FULL:
		lab_write_range(o, m, h, kind);
		break;
	case LAB_CONTAINER_RAW:
		lab_write_raw(o, m);
		break;
	case LAB_CONTAINER_LIME:
		lab_write_lime(o, m);
		break;
	case LAB_CONTAINER_ELF:
		lab_write_elf(o, m, h);
		break;
	case LAB_CONTAINER_MAX:
		break;
	}
	lab_out_close(o);
}
