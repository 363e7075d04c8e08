/* SPDX-License-Identifier: MIT */
/* Containers that hold memory and no Windows header: raw, LiME, and ELF as QEMU's dump-guest-memory writes it.
 * Layouts: reference/dumps.md sections 16 and 19. */
#include "container_private.h"
#include "mem_private.h"
#include <string.h>

void lab_write_raw(struct lab_out *o, const struct lab_mem *m)
{
	size_t n_runs;
	const struct lab_run *runs = lab_mem_runs(m, &n_runs);
	uint64_t pfn = 0;

	for (size_t i = 0; i < n_runs; i++) {
		lab_out_zeros(o, (runs[i].first_pfn - pfn) * LAB_PAGE_BYTES);
		for (pfn = runs[i].first_pfn; pfn < runs[i].first_pfn + runs[i].n_pages; pfn++)
			lab_frame_write(o, m, pfn);
	}
}

void lab_write_lime(struct lab_out *o, const struct lab_mem *m)
{
	size_t n_runs;
	const struct lab_run *runs = lab_mem_runs(m, &n_runs);

	for (size_t i = 0; i < n_runs; i++) {
		uint8_t h[0x20] = {0};

		lab_set32(h, 0x4c694d45);
		lab_set32(h + 4, 1);
		lab_set64(h + 8, runs[i].first_pfn * LAB_PAGE_BYTES);
		lab_set64(h + 0x10, (runs[i].first_pfn + runs[i].n_pages) * LAB_PAGE_BYTES - 1);
		lab_out_bytes(o, h, sizeof h);
		for (uint64_t at = 0; at < runs[i].n_pages; at++)
			lab_frame_write(o, m, runs[i].first_pfn + at);
	}
}

#define EHDR_BYTES  64u
#define PHDR_BYTES  56u
#define STATE_BYTES 0x1b8u

/* Device memory and firmware that QEMU saves beside RAM. */
static const struct lab_run roms[] = {{0xa0, 0x10}, {0xc0, 0x10}, {0xfffc0, 0x40}};
#define N_ROMS (sizeof roms / sizeof roms[0])

static void put_phdr(uint8_t *p, uint32_t type, uint64_t offset, uint64_t pa, uint64_t bytes)
{
	lab_set32(p, type);
	lab_set64(p + 8, offset);
	lab_set64(p + 24, pa);
	lab_set64(p + 32, bytes);
	lab_set64(p + 40, bytes);
}

/* One processor in user mode, the others in the kernel. */
static void put_notes(struct lab_buf *b, const struct lab_mem *m, const struct lab_header *h)
{
	for (uint32_t cpu = 0; cpu < h->n_processors; cpu++) {
		size_t at = lab_buf_add(b, 12 + 8 + 0x150);
		uint8_t *p = b->bytes + at;

		lab_set32(p, 5);
		lab_set32(p + 4, 0x150);
		lab_set32(p + 8, 1);
		memcpy(p + 12, "CORE", 5);
		if (h->machine == 0xaa64) /* QEMU saves no page tables there */
			continue;
		at = lab_buf_add(b, 12 + 8 + STATE_BYTES);
		p = b->bytes + at;
		lab_set32(p, 5);
		lab_set32(p + 4, STATE_BYTES);
		memcpy(p + 12, "QEMU", 5);
		p += 20;
		lab_set32(p + 4, STATE_BYTES);
		lab_set64(p + 0x1a0, lab_mem_dtb(m) | (cpu == 0 && h->is_64bit ? 2 : 0));
		lab_set64(p + 0xf8 + 0x10, cpu == 0 ? 0x7ffd0000 : UINT64_C(0xfffff80001234000));
		lab_set64(p + 0x1a8, 0x6f8);
	}
}

void lab_write_elf(struct lab_out *o, const struct lab_mem *m, const struct lab_header *h)
{
	size_t n_runs;
	const struct lab_run *runs = lab_mem_runs(m, &n_runs);
	uint32_t n = (uint32_t)(n_runs + N_ROMS + 1);
	struct lab_buf notes = {0}, head = {0};
	uint64_t offset;
	uint8_t *e;

	put_notes(&notes, m, h);
	lab_buf_add(&head, EHDR_BYTES + n * PHDR_BYTES);
	offset = head.size + notes.size;
	e = head.bytes;
	memcpy(e, "\177ELF\2\1\1", 7);
	lab_set16(e + 16, 4);
	lab_set16(e + 18, h->machine == 0xaa64 ? 0xb7 : h->is_64bit ? 0x3e : 3);
	lab_set32(e + 20, 1);
	lab_set64(e + 32, EHDR_BYTES);
	lab_set16(e + 52, EHDR_BYTES);
	lab_set16(e + 54, PHDR_BYTES);
	lab_set16(e + 56, (uint16_t)n);
	put_phdr(e + EHDR_BYTES, 4, head.size, 0, notes.size);
	for (size_t i = 0; i < n_runs + N_ROMS; i++) {
		const struct lab_run *r = i < n_runs ? &runs[i] : &roms[i - n_runs];

		put_phdr(e + EHDR_BYTES + (i + 1) * PHDR_BYTES, 1, offset, r->first_pfn * LAB_PAGE_BYTES,
			 r->n_pages * LAB_PAGE_BYTES);
		offset += r->n_pages * LAB_PAGE_BYTES;
	}
	lab_out_bytes(o, head.bytes, head.size);
	lab_out_bytes(o, notes.bytes, notes.size);
	lab_buf_free(&head);
	lab_buf_free(&notes);
	lab_frames_write(o, m, false);
	for (size_t i = 0; i < N_ROMS; i++) {
		for (uint64_t at = 0; at < roms[i].n_pages; at++) {
			uint8_t page[LAB_PAGE_BYTES];

			memset(page, (int)(0x5a + i + at), sizeof page);
			lab_out_bytes(o, page, sizeof page);
		}
	}
}
