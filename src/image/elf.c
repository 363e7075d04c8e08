/* SPDX-License-Identifier: MIT */
/* ELF cores of virtual machines, as QEMU, libvirt and VirtualBox write them (reference: dumps 16 [2]). Memory is in the
 * program headers by physical address; device memory and ROMs are segments like RAM. */
#include "image/internal.h"
#include "util/bytes.h"
#include "util/checked.h"
#include "util/error.h"
#include "util/rangeset.h"

#include <inttypes.h>
#include <stdlib.h>

#define MAX_SEGMENTS   65536u
#define MAX_NOTE_BYTES ((uint64_t)1 << 20)
#define ET_CORE        4u
#define PT_LOAD        1u
#define PT_NOTE        4u
#define PN_XNUM        0xffffu

struct elf {
	bool is_64bit;
	uint64_t ph_off, sh_off;
	uint32_t ph_bytes, sh_bytes, n_ph;
};

struct segment {
	uint32_t type;
	uint64_t offset, pa, file_bytes;
};

static enum psc_status read_header(struct psc_image *img, struct elf *ret, struct psc_error *reterr)
{
	uint8_t h[64] = {0};
	size_t n = (size_t)psc_min_u64(img->size, sizeof(h));
	enum psc_status st = psc_source_read(img->src, 0, h, n, reterr);
	if (st != PSC_OK)
		return st;
	ret->is_64bit = h[4] == 2;
	if (n < (ret->is_64bit ? 64u : 52u))
		return psc_fail(reterr, PSC_E_TRUNCATED, PSC_WHERE_FILE_OFFSET, n,
				"ELF memory core: the file ends inside its header");
	if ((h[4] != 1 && h[4] != 2) || h[5] != 1)
		return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_FILE_OFFSET, 4,
				"ELF file of class %u, byte order %u: no memory of a Windows machine", h[4], h[5]);
	if (psc_le16(h + 16) != ET_CORE)
		return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_FILE_OFFSET, 16,
				"ELF file of type %u: a program or library, not an ELF memory core", psc_le16(h + 16));
	switch (psc_le16(h + 18)) {
	case 3:
		img->header.machine = PSC_MACHINE_X86;
		break;
	case 0x3e:
		img->header.machine = PSC_MACHINE_X64;
		break;
	case 0xb7:
		img->header.machine = PSC_MACHINE_ARM64;
		break;
	default:
		return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_FILE_OFFSET, 18,
				"ELF memory core of machine %u: Windows runs on x86, x64 and ARM64", psc_le16(h + 18));
	}
	ret->ph_off = ret->is_64bit ? psc_le64(h + 32) : psc_le32(h + 28);
	ret->sh_off = ret->is_64bit ? psc_le64(h + 40) : psc_le32(h + 32);
	ret->ph_bytes = psc_le16(h + (ret->is_64bit ? 54 : 42));
	ret->n_ph = psc_le16(h + (ret->is_64bit ? 56 : 44));
	if (ret->n_ph == PN_XNUM) { /* the number is in section header 0 */
		uint8_t b[4];
		uint64_t at;
		if (!psc_add_u64(ret->sh_off, ret->is_64bit ? 44 : 28, &at) ||
		    psc_source_read(img->src, at, b, sizeof(b), NULL) != PSC_OK)
			return psc_fail(reterr, PSC_E_TRUNCATED, PSC_WHERE_FILE_OFFSET, ret->sh_off,
					"ELF memory core: the number of its program headers is not in the file");
		ret->n_ph = psc_le32(b);
	}
	if (ret->n_ph > MAX_SEGMENTS || ret->ph_bytes < (ret->is_64bit ? 56u : 32u))
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_FILE_OFFSET, 54,
				"ELF memory core: %" PRIu32 " program headers of %" PRIu32 " bytes make no sense",
				ret->n_ph, ret->ph_bytes);
	return PSC_OK;
}

static enum psc_status read_segment(const struct psc_image *img, const struct elf *e, uint32_t index,
				    struct segment *ret, struct psc_error *reterr)
{
	uint8_t p[56];
	uint64_t at;
	if (!psc_add_u64(e->ph_off, (uint64_t)index * e->ph_bytes, &at))
		at = UINT64_MAX;
	enum psc_status st = psc_source_read(img->src, at, p, e->is_64bit ? 56 : 32, reterr);
	if (st != PSC_OK)
		return psc_fail_prefix(reterr, st, "program header %" PRIu32, index);
	ret->type = psc_le32(p);
	ret->offset = e->is_64bit ? psc_le64(p + 8) : psc_le32(p + 4);
	ret->pa = e->is_64bit ? psc_le64(p + 24) : psc_le32(p + 12);
	ret->file_bytes = e->is_64bit ? psc_le64(p + 32) : psc_le32(p + 16);
	return PSC_OK;
}

static enum psc_status read_notes(struct psc_image *img, const struct segment *s, struct psc_error *reterr)
{
	size_t n = (size_t)psc_min_u64(s->file_bytes, MAX_NOTE_BYTES);
	if (n == 0 || !psc_range_ok(s->offset, n, img->size))
		return PSC_OK;
	uint8_t *notes = malloc(n);
	if (!notes)
		return psc_fail_no_memory(reterr);
	enum psc_status st = psc_source_read(img->src, s->offset, notes, n, reterr);
	if (st == PSC_OK)
		psc_notes_parse(img, notes, n);
	free(notes);
	return st;
}

static enum psc_status read_segments(struct psc_image *img, const struct elf *e, struct psc_extents_builder *b,
				     struct psc_error *reterr)
{
	for (uint32_t i = 0; i < e->n_ph; i++) {
		struct segment s = {0, 0, 0, 0};
		enum psc_status st = read_segment(img, e, i, &s, reterr);
		if (st == PSC_OK && s.type == PT_LOAD)
			st = psc_extents_add_bytes(b, s.pa, s.file_bytes, s.offset, reterr);
		else if (st == PSC_OK && s.type == PT_NOTE)
			st = read_notes(img, &s, reterr);
		if (st != PSC_OK)
			return psc_fail_prefix(reterr, st, "ELF memory core");
	}
	return PSC_OK;
}

enum psc_status psc_elf_open(struct psc_image *img, struct psc_error *reterr)
{
	struct psc_rangeset set = {NULL, 0, 0, false};
	struct psc_extents_builder b = {0, 0, &set};
	struct elf e = {false, 0, 0, 0, 0, 0};
	img->format = "elf";
	enum psc_status st = read_header(img, &e, reterr);
	if (st == PSC_OK)
		st = read_segments(img, &e, &b, reterr);
	if (st == PSC_OK && b.n_pages == 0)
		st = psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_FILE_OFFSET, e.ph_off,
			      "ELF core without memory segments (a Xen core?): dump the guest with a tool that writes "
			      "physical memory as program headers");
	if (st == PSC_OK)
		st = psc_extents_finish_scattered(img, &b, reterr);
	psc_rangeset_deinit(&set);
	return st;
}
