/* SPDX-License-Identifier: MIT */
/* Notes of ELF and kdump files: the registers that QEMU saved for each processor (reference: dumps 16 [2]). */
#include "image/internal.h"
#include "util/bytes.h"
#include "util/checked.h"

#include <string.h>

#define NOTE_HEADER_BYTES 12u
#define NOTES_MAX         4096u

/* QEMUCPUState of x86; also written for 32-bit guests. */
enum {
	STATE_GS_BASE = 0xf8 + 0x10,
	STATE_IDT_BASE = 0x170 + 0x10,
	STATE_CR3 = 0x1a0,
	STATE_CR4 = 0x1a8,
	STATE_KERNEL_GS_BASE = 0x1b0,
};

struct psc_image_cpu *psc_cpu_at(struct psc_image *img, size_t index)
{
	if (index >= PSC_IMAGE_CPUS_MAX)
		return NULL;
	if (!img->cpus) {
		img->cpus = psc_arena_alloc_array(&img->arena, PSC_IMAGE_CPUS_MAX, sizeof(*img->cpus));
		if (!img->cpus)
			return NULL;
	}
	if (index >= img->n_cpus)
		img->n_cpus = index + 1;
	return &img->cpus[index];
}

static void add_cpu(struct psc_image *img, const uint8_t *desc, size_t n)
{
	struct psc_image_cpu *cpu = n >= STATE_KERNEL_GS_BASE ? psc_cpu_at(img, img->n_cpus) : NULL;
	if (!cpu)
		return;
	cpu->cr3 = psc_le64(desc + STATE_CR3);
	cpu->cr4 = psc_le64(desc + STATE_CR4);
	cpu->gs_base = psc_le64(desc + STATE_GS_BASE);
	cpu->idt_base = psc_le64(desc + STATE_IDT_BASE);
	cpu->kernel_gs_base = n >= STATE_KERNEL_GS_BASE + 8 ? psc_le64(desc + STATE_KERNEL_GS_BASE) : 0;
}

void psc_notes_parse(struct psc_image *img, const uint8_t *notes, size_t n)
{
	size_t at = 0;
	for (unsigned i = 0; i < NOTES_MAX && n - at >= NOTE_HEADER_BYTES; i++) {
		uint32_t name_bytes = psc_le32(notes + at), desc_bytes = psc_le32(notes + at + 4);
		uint32_t type = psc_le32(notes + at + 8);
		uint64_t name = at + NOTE_HEADER_BYTES, desc = name + (((uint64_t)name_bytes + 3) & ~(uint64_t)3);
		uint64_t end = desc + (((uint64_t)desc_bytes + 3) & ~(uint64_t)3);
		if (!psc_range_ok(desc, desc_bytes, n))
			return;
		if (type == 0 && name_bytes >= 4 && memcmp(notes + name, "QEMU", 4) == 0)
			add_cpu(img, notes + desc, desc_bytes);
		if (end > n)
			return;
		at = (size_t)end;
	}
}
