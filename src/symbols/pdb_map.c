/* SPDX-License-Identifier: MIT */
/* From segment and offset, as symbols give them, to addresses in the image (reference symbols 3.5). Where a tool
 * reordered the image after linking (OMAP: kernels of 2000 to 2003), symbols refer to the original sections, and a map
 * leads from original to final addresses. */
#include "symbols/pdb_internal.h"

#include "util/error.h"
#include <stdlib.h>
#include <string.h>

#define SECTION_BYTES 40u
#define SECTIONS_MAX  65535u
#define OMAP_BYTES    8u
#define PAGE_BYTES    4096u

static enum psc_status load_sections(const struct psc_msf *msf, uint16_t stream, struct psc_pdb_section **ret,
				     uint32_t *ret_n, struct psc_error *reterr)
{
	uint32_t n = psc_msf_size(msf, stream) / SECTION_BYTES;
	uint8_t *bytes;
	if (n > SECTIONS_MAX)
		n = SECTIONS_MAX;
	enum psc_status r = psc_msf_load(msf, stream, 0, n * SECTION_BYTES, &bytes, reterr);
	if (r != PSC_OK)
		return psc_fail_prefix(reterr, r, "section headers");
	struct psc_pdb_section *s = calloc(n ? n : 1, sizeof(*s));
	for (uint32_t i = 0; s && i < n; i++) {
		const uint8_t *h = bytes + (size_t)i * SECTION_BYTES;
		uint32_t in_memory = psc_le32(h + 8), in_file = psc_le32(h + 16);
		s[i].rva = psc_le32(h + 12);
		s[i].size_bytes = in_memory > in_file ? in_memory : in_file;
	}
	free(bytes);
	if (!s)
		return psc_fail_no_memory(reterr);
	*ret = s;
	*ret_n = n;
	return PSC_OK;
}

static enum psc_status load_omap(const struct psc_msf *msf, uint16_t stream, struct psc_pdb_map *map,
				 struct psc_error *reterr)
{
	uint32_t n = psc_msf_size(msf, stream) / OMAP_BYTES;
	enum psc_status r = psc_msf_load(msf, stream, 0, n * OMAP_BYTES, &map->omap, reterr);
	if (r != PSC_OK)
		return psc_fail_prefix(reterr, r, "address map");
	map->n_omap = n;
	for (uint32_t i = 1; i < n; i++)
		if (psc_le32(map->omap + OMAP_BYTES * (size_t)i) < psc_le32(map->omap + OMAP_BYTES * (size_t)(i - 1)))
			return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0,
					"the map of addresses (OMAP) is not in order");
	return PSC_OK;
}

enum psc_status psc_pdb_map_load(struct psc_pdb *pdb, struct psc_error *reterr)
{
	struct psc_pdb_map *map = &pdb->map;
	const struct psc_pdb_dbi *dbi = &pdb->dbi;
	if (map->is_loaded)
		return PSC_OK;
	if (!dbi->is_present)
		return psc_fail(reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0, "the PDB holds types only, no symbols");
	if (psc_msf_size(&pdb->msf, dbi->sections_stream) < SECTION_BYTES)
		return psc_fail(reterr, PSC_E_NOT_FOUND, PSC_WHERE_NONE, 0,
				"the PDB holds no section headers, so its symbols have no addresses");
	enum psc_status r = load_sections(&pdb->msf, dbi->sections_stream, &map->sections, &map->n_sections, reterr);
	if (r == PSC_OK && psc_msf_size(&pdb->msf, dbi->omap_from_stream) >= OMAP_BYTES) {
		/* Without these, every address would be wrong. */
		if (psc_msf_size(&pdb->msf, dbi->original_sections_stream) < SECTION_BYTES)
			r = psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0,
				     "the image was reordered, and its original section headers are not in the PDB");
		else
			r = load_sections(&pdb->msf, dbi->original_sections_stream, &map->original, &map->n_original,
					  reterr);
		if (r == PSC_OK)
			r = load_omap(&pdb->msf, dbi->omap_from_stream, map, reterr);
	}
	if (r != PSC_OK)
		psc_pdb_map_deinit(map);
	else
		map->is_loaded = true;
	return r;
}

void psc_pdb_map_deinit(struct psc_pdb_map *map)
{
	free(map->sections);
	free(map->original);
	free(map->omap);
	memset(map, 0, sizeof(*map));
}

/* The last entry at or before rva decides; an entry that leads to 0 stands for what was removed. */
static bool through_omap(const struct psc_pdb_map *map, uint32_t rva, uint32_t *ret)
{
	uint32_t low = 0, high = map->n_omap;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (psc_le32(map->omap + OMAP_BYTES * (size_t)middle) <= rva)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return false;
	const uint8_t *entry = map->omap + OMAP_BYTES * (size_t)(low - 1);
	uint32_t from = psc_le32(entry), to = psc_le32(entry + 4);
	if (to == 0 || rva - from > UINT32_MAX - to)
		return false;
	*ret = to + (rva - from);
	return true;
}

bool psc_pdb_map_rva(const struct psc_pdb_map *map, uint16_t segment, uint32_t off, uint32_t *ret)
{
	const struct psc_pdb_section *sections = map->original ? map->original : map->sections;
	uint32_t n = map->original ? map->n_original : map->n_sections;
	if (segment == 0 || segment > n || off > UINT32_MAX - sections[segment - 1].rva)
		return false;
	uint32_t rva = sections[segment - 1].rva + off;
	if (map->omap)
		return through_omap(map, rva, ret);
	*ret = rva;
	return true;
}

bool psc_pdb_map_section(const struct psc_pdb_map *map, uint32_t rva, uint32_t *ret_lo, uint64_t *ret_hi)
{
	const struct psc_pdb_section *found = NULL;
	uint64_t hi = 0;
	for (uint32_t i = 0; i < map->n_sections; i++) {
		const struct psc_pdb_section *s = &map->sections[i];
		if (s->rva <= rva && (!found || s->rva > found->rva))
			found = s;
		if (s->rva > rva && (hi == 0 || s->rva < hi))
			hi = s->rva;
	}
	if (!found)
		return false;
	if (hi == 0)
		hi = ((uint64_t)found->rva + found->size_bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
	if (rva >= hi)
		return false;
	*ret_lo = found->rva;
	*ret_hi = hi;
	return true;
}
