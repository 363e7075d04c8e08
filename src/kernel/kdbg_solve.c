/* SPDX-License-Identifier: MIT */
/* A scrambled debugger data block without the symbols that unscramble it.
 *
 * The kernel's formula (reference: kernel 3 [2]) is swap(rotate(w ^ never, never & 63) ^ address) ^ always for each
 * word w. Exclusive-or passes through rotation and swap, so the three unknown numbers fold into one: swap(rotate(w, r))
 * ^ key with 64 possible r and one constant key. One known word gives the key for each r, another one says which r is
 * right: KernBase is known, and so are the tag and the few sizes a block can have. */
#include "kernel/internal.h"

#include "kernel/infer.h"
#include "util/bytes.h"
#include <string.h>

#define KDBG_TAG    0x4742444bu
#define BLOCK_BYTES 0x380u
#define WORD_TAG    2u
#define WORD_BASE   3u

/* Of 8 and later; reference: kernel 2. */
static const uint32_t sizes[] = {0x360, 0x368, 0x370, 0x378, 0x380, 0x388, 0x390, 0x398, 0x3a0};

static uint64_t rotate(uint64_t v, unsigned by)
{
	return by ? v << by | v >> (64 - by) : v;
}

static uint64_t swap(uint64_t v)
{
	uint64_t ret = 0;
	for (unsigned i = 0; i < 8; i++)
		ret = ret << 8 | (v >> (8 * i) & 0xff);
	return ret;
}

static unsigned bits_set(uint64_t v)
{
	unsigned n = 0;
	for (; v; v &= v - 1)
		n++;
	return n;
}

static bool is_size(uint32_t size)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		if (sizes[i] == size)
			return true;
	return false;
}

bool psc_kdbg_solve(uint8_t *bytes, size_t n, uint64_t kern_base, const struct psc_space *sp)
{
	if (n < 0x60)
		return false;
	unsigned found = 64;
	uint64_t key = 0;
	for (unsigned r = 0; r < 64; r++) {
		uint64_t k = swap(rotate(psc_le64(bytes + 8 * WORD_BASE), r)) ^ kern_base;
		uint64_t tag = swap(rotate(psc_le64(bytes + 8 * WORD_TAG), r)) ^ k;
		uint64_t flink = swap(rotate(psc_le64(bytes), r)) ^ k;
		uint64_t blink = swap(rotate(psc_le64(bytes + 8), r)) ^ k;
		uint64_t modules = swap(rotate(psc_le64(bytes + 0x48), r)) ^ k;
		if ((uint32_t)tag != KDBG_TAG || !is_size((uint32_t)(tag >> 32)) || !psc_is_kernel_va(sp, flink) ||
		    !psc_is_kernel_va(sp, blink) || !psc_is_kernel_va(sp, modules))
			continue;
		if (found < 64)
			return false;
		found = r;
		key = k;
	}
	if (found == 64)
		return false;
	for (size_t i = 0; i + 8 <= n; i += 8) {
		uint64_t plain = swap(rotate(psc_le64(bytes + i), found)) ^ key;
		for (unsigned b = 0; b < 8; b++)
			bytes[i + b] = (uint8_t)(plain >> (8 * b));
	}
	return true;
}

static bool take_solved(struct psc_kernel *k, uint64_t va)
{
	uint8_t bytes[BLOCK_BYTES];
	struct psc_kdbg d;
	size_t n = psc_read_va(&k->reader, va, bytes, sizeof(bytes)) & ~(size_t)7;
	if (!psc_kdbg_solve(bytes, n, k->base, &k->space) || !psc_kdbg_parse(bytes, n, &k->space, &d))
		return false;
	bool linked = psc_list_is_linked(&k->reader, d.ps_loaded_module_list);
	d.va = va;
	d.state = "decoded";
	k->kdbg = d;
	psc_infer_note(k, "KdDebuggerDataBlock", "address", va, linked ? PSC_CONFIDENCE_PROVEN : PSC_CONFIDENCE_LIKELY,
		       linked ? 6 : 4,
		       "scrambled block: under one of 64 rotations and the key that KernBase gives, its tag, size and "
		       "list pointers are right%s",
		       linked ? ", and its module list is linked" : "");
	return true;
}

/* Rotations keep the number of set bits: few places need a closer look. */
static bool scan_section(struct psc_kernel *k, const struct psc_data_section *s)
{
	for (size_t i = 0; i + 0x60 <= s->n; i += 8) {
		uint64_t d = psc_le64(s->bytes + i + 8 * WORD_TAG) ^ psc_le64(s->bytes + i + 8 * WORD_BASE);
		unsigned n = bits_set(d);
		for (size_t j = 0; j < sizeof(sizes) / sizeof(*sizes); j++) {
			uint64_t want = (((uint64_t)sizes[j] << 32) | KDBG_TAG) ^ k->base;
			if (bits_set(want) == n && take_solved(k, s->va + i))
				return true;
		}
	}
	return false;
}

bool psc_kdbg_find_scrambled(struct psc_kernel *k, uint64_t header_va)
{
	struct psc_kernel_data data;
	bool found = false;
	if (k->space.is_32bit || k->base == 0)
		return false;
	if (psc_is_kernel_va(&k->space, header_va) && take_solved(k, header_va))
		return true;
	if (!psc_kernel_data_read(k, &data))
		return false;
	for (size_t i = 0; i < data.n && !found; i++)
		found = scan_section(k, &data.sections[i]);
	psc_kernel_data_free(&data);
	return found;
}
