/* SPDX-License-Identifier: MIT */
/* One name of an image's export table, by binary search: at most two dozen strings are read. Reference: kernel 7. */
#include "kernel/infer.h"

#include "util/bytes.h"
#include "util/checked.h"
#include <string.h>

#define DIRECTORY_BYTES 40u
#define NAMES_MAX       65536u
#define NAME_MAX_BYTES  96u

struct exports {
	uint32_t dir_rva, dir_size, size_of_image;
	uint32_t n_functions, n_names, functions, names, ordinals;
};

static bool read_directory(struct psc_reader *r, uint64_t base, struct exports *e)
{
	uint8_t dos[0x40], pe[24 + 0x80], dir[DIRECTORY_BYTES];
	struct psc_pe_info info;
	if (!psc_pe_read(r, base, &info) || psc_read_va(r, base, dos, sizeof(dos)) != sizeof(dos))
		return false;
	uint32_t lfanew = psc_le32(dos + 0x3c);
	if (psc_read_va(r, base + lfanew, pe, sizeof(pe)) != sizeof(pe))
		return false;
	const uint8_t *opt = pe + 24;
	uint32_t dirs = psc_le16(opt) == 0x20b ? 112 : 96;
	if (psc_le16(pe + 20) < dirs + 8 || psc_le32(opt + dirs - 4) < 1)
		return false;
	e->dir_rva = psc_le32(opt + dirs);
	e->dir_size = psc_le32(opt + dirs + 4);
	e->size_of_image = info.size_of_image;
	if (e->dir_size < DIRECTORY_BYTES || !psc_range_ok(e->dir_rva, e->dir_size, e->size_of_image) ||
	    psc_read_va(r, base + e->dir_rva, dir, sizeof(dir)) != sizeof(dir))
		return false;
	e->n_functions = psc_le32(dir + 20);
	e->n_names = psc_le32(dir + 24);
	e->functions = psc_le32(dir + 28);
	e->names = psc_le32(dir + 32);
	e->ordinals = psc_le32(dir + 36);
	return e->n_functions <= NAMES_MAX && e->n_names <= NAMES_MAX &&
	       psc_range_ok(e->functions, 4 * (uint64_t)e->n_functions, e->size_of_image) &&
	       psc_range_ok(e->names, 4 * (uint64_t)e->n_names, e->size_of_image) &&
	       psc_range_ok(e->ordinals, 2 * (uint64_t)e->n_names, e->size_of_image);
}

static bool read_name(struct psc_reader *r, uint64_t base, const struct exports *e, uint32_t i,
		      char ret[NAME_MAX_BYTES])
{
	uint32_t rva;
	if (!psc_read_u32(r, base + e->names + 4 * (uint64_t)i, &rva) || rva >= e->size_of_image)
		return false;
	size_t n = psc_read_va(r, base + rva, ret, NAME_MAX_BYTES - 1);
	ret[n] = '\0';
	return n != 0;
}

uint64_t psc_pe_export(struct psc_reader *r, uint64_t base, const char *name)
{
	struct exports e;
	if (base == 0 || !read_directory(r, base, &e))
		return 0;
	uint32_t low = 0, high = e.n_names;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2, rva;
		char text[NAME_MAX_BYTES];
		uint8_t ordinal[2];
		if (!read_name(r, base, &e, middle, text))
			return 0;
		int c = strcmp(text, name);
		if (c < 0) {
			low = middle + 1;
			continue;
		}
		if (c > 0) {
			high = middle;
			continue;
		}
		if (psc_read_va(r, base + e.ordinals + 2 * (uint64_t)middle, ordinal, 2) != 2 ||
		    psc_le16(ordinal) >= e.n_functions ||
		    !psc_read_u32(r, base + e.functions + 4 * (uint64_t)psc_le16(ordinal), &rva))
			return 0;
		/* Inside the directory: the text of a forwarder. */
		if (rva == 0 || rva >= e.size_of_image || (rva >= e.dir_rva && rva - e.dir_rva < e.dir_size))
			return 0;
		return base + rva;
	}
	return 0;
}
