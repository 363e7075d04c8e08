/* SPDX-License-Identifier: MIT */
/* Containers indexed by page: summary (dumps.md section 7), bitmap (section 8) and range (section 9). */
#include "container_private.h"
#include "mem_private.h"
#include <stdlib.h>
#include <string.h>

struct bitmap {
	uint8_t *bytes;
	size_t n_bytes;
	uint64_t n_bits, n_present;
};

static struct bitmap make_bitmap(const struct lab_mem *m, bool kernel_only, uint64_t n_bits)
{
	struct bitmap b = {.n_bits = n_bits, .n_bytes = (size_t)((n_bits + 7) / 8)};

	b.bytes = lab_xcalloc(b.n_bytes, 1);
	for (uint64_t pfn = 0; pfn <= lab_mem_highest_pfn(m); pfn++) {
		if (lab_frame_wanted(m, pfn, kernel_only)) {
			b.bytes[pfn / 8] |= (uint8_t)(1u << (pfn % 8));
			b.n_present++;
		}
	}
	return b;
}

/* Bits beyond the last page mean nothing; they are set so that a reader which counts them is found out. */
static void spoil_tail(struct bitmap *b)
{
	if (b->n_bits % 8 != 0)
		b->bytes[b->n_bytes - 1] |= (uint8_t)(0xffu << (b->n_bits % 8));
}

static uint64_t page_align(uint64_t n)
{
	return (n + LAB_PAGE_BYTES - 1) / LAB_PAGE_BYTES * LAB_PAGE_BYTES;
}

static void write_indexed(struct lab_out *o, const struct lab_mem *m, const struct lab_header *h,
			  enum lab_container kind, bool kernel_only, const struct bitmap *b, const uint8_t *index,
			  size_t index_bytes, uint64_t first_page)
{
	uint8_t *header = lab_header_make(m, h, kind, first_page - lab_header_bytes(h) + b->n_present * LAB_PAGE_BYTES);

	lab_out_bytes(o, header, lab_header_bytes(h));
	free(header);
	lab_out_bytes(o, index, index_bytes);
	lab_out_bytes(o, b->bytes, b->n_bytes);
	lab_out_zeros(o, first_page - lab_out_position(o));
	lab_frames_write(o, m, kernel_only);
}

void lab_write_summary(struct lab_out *o, const struct lab_mem *m, const struct lab_header *h)
{
	const uint64_t n_bits = (lab_mem_highest_pfn(m) + 1 + 31) / 32 * 32;
	const size_t index_bytes = h->is_64bit ? 0x28 : 0x20;
	struct bitmap b = make_bitmap(m, true, n_bits);
	const uint64_t first_page = page_align(lab_header_bytes(h) + index_bytes + b.n_bytes);
	uint8_t index[0x28] = {0};

	if (n_bits > UINT32_MAX)
		lab_die("too much RAM for a summary dump");
	memcpy(index, "SDMPDUMP", 8);
	lab_set32(index + 0x8, 1);
	lab_set32(index + 0xc, (uint32_t)first_page);
	lab_set32(index + 0x10, (uint32_t)n_bits);
	lab_set32(index + 0x14, (uint32_t)b.n_present);
	lab_set32(index + 0x18, (uint32_t)n_bits);
	/* The writer's own pointer, stale in every dump. */
	if (h->is_64bit)
		lab_set64(index + 0x20, UINT64_C(0xfffffa8003c51028));
	else
		lab_set32(index + 0x1c, 0x85d31020);
	write_indexed(o, m, h, LAB_CONTAINER_SUMMARY, true, &b, index, index_bytes, first_page);
	free(b.bytes);
}

void lab_write_bitmap(struct lab_out *o, const struct lab_mem *m, const struct lab_header *h, enum lab_container kind)
{
	const bool kernel_only = kind == LAB_CONTAINER_BITMAP_KERNEL;
	struct bitmap b = make_bitmap(m, kernel_only, lab_mem_highest_pfn(m) + 1);
	uint8_t index[0x38];
	const uint64_t first_page = page_align(lab_header_bytes(h) + sizeof index + b.n_bytes);

	for (size_t i = 0; i < sizeof index; i++)
		index[i] = (uint8_t) "PAGE"[i % 4];
	memcpy(index, kernel_only ? "SDMPDUMP" : "FDMPDUMP", 8);
	lab_set64(index + 0x20, first_page);
	lab_set64(index + 0x28, b.n_present);
	lab_set64(index + 0x30, b.n_bits);
	spoil_tail(&b);
	write_indexed(o, m, h, kind, kernel_only, &b, index, sizeof index, first_page);
	free(b.bytes);
}

static void collect_ranges(const struct lab_mem *m, bool kernel_only, struct lab_buf *ranges)
{
	size_t n_runs;
	const struct lab_run *runs = lab_mem_runs(m, &n_runs);

	for (size_t i = 0; i < n_runs; i++) {
		uint64_t at = 0;

		while (at < runs[i].n_pages) {
			const uint64_t first = at;
			size_t entry;

			while (at < runs[i].n_pages && lab_frame_wanted(m, runs[i].first_pfn + at, kernel_only))
				at++;
			if (at == first) {
				at++;
				continue;
			}
			entry = lab_buf_add(ranges, 16);
			lab_set64(ranges->bytes + entry, runs[i].first_pfn + first);
			lab_set64(ranges->bytes + entry + 8, at - first);
		}
	}
}

void lab_write_range(struct lab_out *o, const struct lab_mem *m, const struct lab_header *h, enum lab_container kind)
{
	const bool kernel_only = kind == LAB_CONTAINER_RANGE_KERNEL;
	const uint64_t n_pages = lab_frames_count(m, kernel_only);
	struct lab_buf ranges = {0};
	uint8_t index[0x30] = {0};
	uint8_t *header;

	collect_ranges(m, kernel_only, &ranges);
	lab_set32(index, 0x40);
	memcpy(index + 4, "RDMPDUMP", 8);
	lab_set64(index + 0x10, 0x10 + ranges.size);
	lab_set64(index + 0x18, 0x2020 + 0x10 + ranges.size);
	if (kernel_only) { /* two values of unknown meaning */
		lab_set64(index + 0x20, 1);
		lab_set64(index + 0x28, 0);
	} else {
		lab_set32(index + 0x20, (uint32_t)(ranges.size / 16));
		lab_set64(index + 0x28, n_pages);
	}
	header = lab_header_make(m, h, kind, sizeof index + ranges.size + n_pages * LAB_PAGE_BYTES);
	lab_out_bytes(o, header, lab_header_bytes(h));
	free(header);
	lab_out_bytes(o, index, sizeof index);
	lab_out_bytes(o, ranges.bytes, ranges.size);
	lab_buf_free(&ranges);
	lab_frames_write(o, m, kernel_only);
}
