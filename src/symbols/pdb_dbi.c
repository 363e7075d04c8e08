/* SPDX-License-Identifier: MIT */
/* The debug information stream: its header, and the list of modules (reference symbols 3.2). */
#include "symbols/pdb_internal.h"

#include "util/checked.h"
#include "util/error.h"
#include "util/vec.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES        64u
#define VERSION_VC60        19970606u /* the same header; modules and contributions differ, which have sizes */
#define MODULE_HEADER_BYTES 64u
#define MODULE_STREAM_OFF   34u
#define MODULE_SYMBOLS_OFF  36u

/* Slots of the optional debug header. */
enum { SLOT_OMAP_FROM = 4, SLOT_SECTIONS = 5, SLOT_ORIGINAL_SECTIONS = 10, N_SLOTS = 11 };

static enum psc_status read_optional_header(const struct psc_msf *msf, uint32_t off, uint32_t bytes,
					    struct psc_pdb_dbi *dbi, struct psc_error *reterr)
{
	uint8_t slots[2 * N_SLOTS];
	uint32_t n = bytes < sizeof(slots) ? bytes : (uint32_t)sizeof(slots);
	memset(slots, 0xff, sizeof(slots));
	enum psc_status r = psc_msf_read(msf, PSC_PDB_STREAM_DBI, off, slots, n & ~1u, reterr);
	if (r != PSC_OK)
		return r;
	dbi->omap_from_stream = psc_le16(slots + 2 * SLOT_OMAP_FROM);
	dbi->sections_stream = psc_le16(slots + 2 * SLOT_SECTIONS);
	dbi->original_sections_stream = psc_le16(slots + 2 * SLOT_ORIGINAL_SECTIONS);
	return PSC_OK;
}

enum psc_status psc_pdb_read_dbi(const struct psc_msf *msf, struct psc_pdb_dbi *ret, struct psc_error *reterr)
{
	/* Module info first; section contributions, section map, source info, type servers and edit-and-continue
	 * data lie before the optional header. */
	static const uint8_t size_offs[] = {0x18, 0x1c, 0x20, 0x24, 0x28, 0x34};
	uint32_t stream_bytes = psc_msf_size(msf, PSC_PDB_STREAM_DBI);
	uint8_t h[HEADER_BYTES];
	memset(ret, 0, sizeof(*ret));
	ret->gsi_stream = ret->psgsi_stream = ret->record_stream = PSC_MSF_NO_STREAM;
	ret->omap_from_stream = ret->sections_stream = ret->original_sections_stream = PSC_MSF_NO_STREAM;
	if (stream_bytes == 0)
		return PSC_OK;
	enum psc_status r = psc_msf_read(msf, PSC_PDB_STREAM_DBI, 0, h, sizeof(h), reterr);
	if (r != PSC_OK)
		return psc_fail_prefix(reterr, r, "debug information");
	if (psc_le32(h) != 0xffffffffu || psc_le32(h + 4) < VERSION_VC60)
		return psc_fail(reterr, PSC_E_UNSUPPORTED, PSC_WHERE_NONE, 0,
				"debug information of version %" PRIu32 "; only that of Visual C++ 6 and later is read",
				psc_le32(h) == 0xffffffffu ? psc_le32(h + 4) : psc_le32(h));
	ret->is_present = true;
	ret->age = psc_le32(h + 0x08);
	ret->gsi_stream = psc_le16(h + 0x0c);
	ret->psgsi_stream = psc_le16(h + 0x10);
	ret->record_stream = psc_le16(h + 0x14);
	ret->flags = psc_le16(h + 0x38);
	ret->machine = psc_le16(h + 0x3a);
	uint64_t off = HEADER_BYTES;
	for (size_t i = 0; i < sizeof(size_offs); i++)
		off += psc_le32(h + size_offs[i]); /* at most 6 * 2^32 */
	ret->modules_off = HEADER_BYTES;
	ret->modules_bytes = psc_le32(h + 0x18);
	if (!psc_range_ok(ret->modules_off, ret->modules_bytes, stream_bytes) ||
	    !psc_range_ok(off, psc_le32(h + 0x30), stream_bytes))
		return psc_fail(reterr, PSC_E_CORRUPT, PSC_WHERE_NONE, 0,
				"debug information: its parts do not fit into %" PRIu32 " bytes", stream_bytes);
	return read_optional_header(msf, (uint32_t)off, psc_le32(h + 0x30), ret, reterr);
}

/* Moves to the next module: fixed header, two names, padding. */
static bool skip_module(struct psc_cursor *c)
{
	psc_cursor_skip(c, MODULE_HEADER_BYTES);
	psc_cv_read_name(c, false);
	psc_cv_read_name(c, false);
	if (!c->failed && psc_cursor_tell(c) % 4 != 0 && psc_cursor_left(c) > 0) {
		size_t pad = 4 - psc_cursor_tell(c) % 4;
		psc_cursor_skip(c, pad < psc_cursor_left(c) ? pad : psc_cursor_left(c));
	}
	return !c->failed;
}

enum psc_status psc_pdb_modules_load(struct psc_pdb *pdb, struct psc_error *reterr)
{
	struct psc_pdb_modules *m = &pdb->modules;
	uint8_t *bytes;
	if (m->is_loaded || !pdb->dbi.is_present)
		return PSC_OK;
	enum psc_status r = psc_msf_load(&pdb->msf, PSC_PDB_STREAM_DBI, pdb->dbi.modules_off, pdb->dbi.modules_bytes,
					 &bytes, reterr);
	if (r != PSC_OK)
		return psc_fail_prefix(reterr, r, "list of modules");
	struct psc_cursor c = psc_cursor_init(bytes, pdb->dbi.modules_bytes);
	while (psc_cursor_left(&c) >= MODULE_HEADER_BYTES) {
		const uint8_t *h = c.pos;
		if (!skip_module(&c))
			break; /* what follows cannot be found */
		if (!PSC_VEC_RESERVE_ONE(m)) {
			r = psc_fail_no_memory(reterr);
			break;
		}
		m->items[m->n].stream = psc_le16(h + MODULE_STREAM_OFF);
		m->items[m->n].symbol_bytes = psc_le32(h + MODULE_SYMBOLS_OFF);
		m->n++;
	}
	free(bytes);
	m->is_loaded = r == PSC_OK;
	return r;
}
