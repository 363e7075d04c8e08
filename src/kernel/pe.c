/* SPDX-License-Identifier: MIT */
/* PE images as the loader left them in memory: RVAs are offsets from the base. Reference: kernel 7 [V]. */
#include "kernel/kernel.h"

#include "util/bytes.h"
#include "util/checked.h"
#include "util/text.h"
#include <stdio.h>
#include <string.h>

#define COFF_BYTES        24u /* signature and file header */
#define OPTIONAL_MAX      0xf0u
#define OPTIONAL_MIN      0x44u /* up to CheckSum */
#define SECTION_BYTES     40u
#define DEBUG_ENTRY_BYTES 28u
#define DEBUG_ENTRIES_MAX 32u
#define DEBUG_CODEVIEW    2u
#define EXPORT_BYTES      40u
#define EXPORT_NAME       12u
#define RSDS              0x53445352u
#define RSDS_NAME_OFF     24u
#define RSDS_BYTES_MAX    (RSDS_NAME_OFF + 1024u)

struct headers {
	uint64_t sections_va, directories_va;
	uint32_t n_directories;
	uint16_t n_sections;
	uint32_t debug_rva, debug_size;
	uint32_t export_rva; /* 0: no export directory */
	struct psc_pe_info info;
};

static bool image_fits(const struct psc_reader *r, uint64_t base, uint32_t size)
{
	uint64_t end;
	return psc_add_u64(base, size, &end) && (!r->sp->is_32bit || end <= (uint64_t)1 << 32);
}

static bool read_headers(struct psc_reader *r, uint64_t base, struct headers *ret)
{
	uint8_t dos[0x40], pe[COFF_BYTES + OPTIONAL_MAX];
	memset(ret, 0, sizeof(*ret));
	if (base % PSC_PAGE_BYTES || psc_read_va(r, base, dos, sizeof(dos)) != sizeof(dos) || dos[0] != 'M' ||
	    dos[1] != 'Z')
		return false;
	uint32_t lfanew = psc_le32(dos + 0x3c);
	if (lfanew < 4 || lfanew >= 0x1000 || !image_fits(r, base, 0x2000))
		return false;
	size_t n = psc_read_va(r, base + lfanew, pe, sizeof(pe));
	if (n < COFF_BYTES + OPTIONAL_MIN || memcmp(pe, "PE\0\0", 4) != 0)
		return false;
	const uint8_t *opt = pe + COFF_BYTES;
	uint16_t magic = psc_le16(opt), opt_size = psc_le16(pe + 20);
	if ((magic != 0x10b && magic != 0x20b) || opt_size < OPTIONAL_MIN)
		return false;
	ret->info.machine = psc_le16(pe + 4);
	ret->info.time_date_stamp = psc_le32(pe + 8);
	ret->info.size_of_image = psc_le32(opt + 56);
	ret->info.checksum = psc_le32(opt + 64);
	if (ret->info.size_of_image < lfanew || ret->info.size_of_image > INT32_MAX ||
	    !image_fits(r, base, ret->info.size_of_image))
		return false;
	ret->n_sections = psc_le16(pe + 6);
	ret->sections_va = base + lfanew + COFF_BYTES + opt_size;
	size_t dirs = magic == 0x10b ? 96 : 112, debug = dirs + 6 * 8;
	if (n >= COFF_BYTES + dirs && opt_size >= dirs) {
		ret->directories_va = base + lfanew + COFF_BYTES + dirs;
		ret->n_directories = (uint32_t)psc_min_u64(psc_le32(opt + dirs - 4), (opt_size - dirs) / 8);
	}
	if (n >= COFF_BYTES + dirs + 8 && opt_size >= dirs + 8 && psc_le32(opt + dirs - 4) > 0)
		ret->export_rva = psc_le32(opt + dirs);
	if (n >= COFF_BYTES + debug + 8 && opt_size >= debug + 8 && psc_le32(opt + dirs - 4) > 6) {
		ret->debug_rva = psc_le32(opt + debug);
		ret->debug_size = psc_le32(opt + debug + 4);
	}
	return true;
}

/* The file name as a store would hold it, or "" when it cannot be one: it comes from a dump and may end in a path. */
static void take_name(const char *bytes, size_t n, char ret[64])
{
	struct psc_arena a = PSC_ARENA_INIT;
	ret[0] = '\0';
	if (!memchr(bytes, 0, n))
		return;
	const char *name = psc_base_name(bytes);
	const char *clean = psc_sanitize_utf8(&a, name, strlen(name));
	if (clean && strcmp(clean, name) == 0 && strlen(name) < 64 && !strpbrk(name, ":*?\"<>|") &&
	    !strstr(name, "..") && strcmp(name, ".") != 0)
		memcpy(ret, name, strlen(name) + 1);
	psc_arena_deinit(&a);
}

static bool read_rsds(struct psc_reader *r, uint64_t va, uint32_t size, struct psc_pe_info *info)
{
	uint8_t rec[RSDS_BYTES_MAX];
	if (size > sizeof(rec))
		size = sizeof(rec);
	size_t n = psc_read_va(r, va, rec, size);
	if (n < RSDS_NAME_OFF || psc_le32(rec) != RSDS)
		return false;
	const uint8_t *g = rec + 4;
	snprintf(info->pdb_guid, sizeof(info->pdb_guid), "%08lX%04X%04X%02X%02X%02X%02X%02X%02X%02X%02X",
		 (unsigned long)psc_le32(g), (unsigned)psc_le16(g + 4), (unsigned)psc_le16(g + 6), g[8], g[9], g[10],
		 g[11], g[12], g[13], g[14], g[15]);
	info->pdb_age = psc_le32(rec + 20);
	take_name((const char *)rec + RSDS_NAME_OFF, n - RSDS_NAME_OFF, info->pdb_name);
	info->has_debug_record = true;
	return true;
}

static void read_debug_directory(struct psc_reader *r, uint64_t base, struct headers *h)
{
	uint8_t dir[DEBUG_ENTRY_BYTES * DEBUG_ENTRIES_MAX];
	uint32_t size = h->debug_size;
	if (!psc_range_ok(h->debug_rva, size, h->info.size_of_image))
		return;
	if (size > sizeof(dir))
		size = sizeof(dir);
	size_t n = psc_read_va(r, base + h->debug_rva, dir, size);
	for (size_t i = 0; i + DEBUG_ENTRY_BYTES <= n; i += DEBUG_ENTRY_BYTES) {
		uint32_t rec_size = psc_le32(dir + i + 0x10), rva = psc_le32(dir + i + 0x14);
		if (psc_le32(dir + i + 0xc) != DEBUG_CODEVIEW || rva == 0 ||
		    !psc_range_ok(rva, rec_size, h->info.size_of_image))
			continue;
		if (read_rsds(r, base + rva, rec_size, &h->info))
			return;
	}
}

bool psc_pe_read(struct psc_reader *r, uint64_t base, struct psc_pe_info *ret)
{
	struct headers h;
	if (!read_headers(r, base, &h))
		return false;
	if (h.debug_rva && h.debug_size)
		read_debug_directory(r, base, &h);
	*ret = h.info;
	return true;
}

bool psc_pe_export_name(struct psc_reader *r, uint64_t base, char ret[64])
{
	struct headers h;
	uint32_t name_rva;
	char bytes[64];
	if (!read_headers(r, base, &h) || h.export_rva == 0 ||
	    !psc_range_ok(h.export_rva, EXPORT_BYTES, h.info.size_of_image) ||
	    !psc_read_u32(r, base + h.export_rva + EXPORT_NAME, &name_rva) || name_rva >= h.info.size_of_image)
		return false;
	size_t n = (size_t)psc_min_u64(sizeof(bytes), h.info.size_of_image - name_rva);
	take_name(bytes, psc_read_va(r, base + name_rva, bytes, n), ret);
	return ret[0] != '\0';
}

bool psc_pe_directory(struct psc_reader *r, uint64_t base, unsigned index, uint32_t *ret_rva, uint32_t *ret_bytes)
{
	struct headers h;
	uint8_t d[8];
	if (!read_headers(r, base, &h) || index >= h.n_directories ||
	    psc_read_va(r, h.directories_va + 8ull * index, d, sizeof(d)) != sizeof(d))
		return false;
	uint32_t rva = psc_le32(d), bytes = psc_le32(d + 4);
	if (rva == 0 || bytes == 0 || !psc_range_ok(rva, bytes, h.info.size_of_image))
		return false;
	*ret_rva = rva;
	*ret_bytes = bytes;
	return true;
}

size_t psc_pe_sections(struct psc_reader *r, uint64_t base, struct psc_pe_section *ret, size_t max)
{
	struct headers h;
	size_t n = 0;
	if (!read_headers(r, base, &h) || h.n_sections > PSC_PE_SECTIONS_MAX)
		return 0;
	for (unsigned i = 0; i < h.n_sections && n < max; i++) {
		uint8_t raw[SECTION_BYTES];
		if (psc_read_va(r, h.sections_va + i * SECTION_BYTES, raw, sizeof(raw)) != sizeof(raw))
			break;
		struct psc_pe_section s;
		memset(&s, 0, sizeof(s));
		for (unsigned c = 0; c < 8 && raw[c]; c++)
			s.name[c] = raw[c] > 0x20 && raw[c] < 0x7f ? (char)raw[c] : '?';
		s.size_bytes = psc_le32(raw + 8);
		s.rva = psc_le32(raw + 12);
		s.characteristics = psc_le32(raw + 36);
		if (s.size_bytes && psc_range_ok(s.rva, s.size_bytes, h.info.size_of_image))
			ret[n++] = s;
	}
	return n;
}
